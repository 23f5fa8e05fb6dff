//! Runs a scenario: inputs one after the other, and what came of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use avm_anoma::Anoma;
use avm_anoma::event::{Event, EventKind};
use avm_anoma::image::{Caps, Image};
use avm_anoma::input::{Input, Start, Unit};
use avm_anoma::machine::AnomaMachine;
use avm_anoma::seen::{DeadLetter, Entry, Outcome, Seen};
use avm_anoma::value::{ObjectId, Val};
use avm_core::{Bytes, Hash, Host, HostError, Machine, MemoryNodes, Output, Stop};

use super::image::SETUP;
use super::names::Names;
use super::scenario::{Scenario, Turn};

/// Most steps of a scenario.
const STEPS: u64 = 1 << 24;

/// What came of a scenario.
pub(super) struct Found {
    /// Ids of what it names.
    pub(super) names: Names,
    /// The execution of each program.
    pub(super) executions: Vec<(String, u64)>,
    /// How each execution ended.
    pub(super) outcomes: BTreeMap<u64, Outcome>,
    /// All events, in order.
    pub(super) events: Vec<Event>,
    /// All entries of logs, in order.
    pub(super) entries: Vec<Entry>,
    /// What could not be delivered.
    pub(super) letters: Vec<DeadLetter>,
    /// The machine at the end.
    pub(super) machine: AnomaMachine,
    /// Its state.
    pub(super) state: Hash,
}

/// Runs a scenario; with a pace the machine is saved and opened again after so many steps.
pub(super) fn run(
    scenario: &Scenario<'_>,
    image: &Image,
    names: &Names,
    pace: Option<u64>,
) -> Result<Found, String> {
    let image = Image::from_bytes(&image.to_bytes()).map_err(|e| e.to_string())?;
    let mut machine = Anoma.start(&image).map_err(|e| e.to_string())?;
    machine.watch(true);
    let mut world = World {
        machine,
        pace,
        steps: 0,
        seen: Seen::default(),
    };
    let caps = caps(scenario)?;
    let start = |program: &str, machine: Option<&str>, args: Val, hold: bool| {
        Input::Start(Start {
            program: program.into(),
            args,
            machine: machine.map(Into::into),
            caps,
            hold,
        })
    };
    let mut args = Val::list([]).map_err(|e| e.to_string())?;
    if !scenario.setup.is_empty() {
        world.feed(&start(SETUP, None, args, false))?;
        args = match world.seen.results.last() {
            Some((0, Outcome::Done(found))) => found.clone(),
            Some((_, Outcome::Failed(fault))) => return Err(format!("setup failed: {fault}")),
            _ => return Err("setup did not end".into()),
        };
    }
    let first = world.seen.started.len() as u64;
    let mut executions: Vec<(String, u64)> = Vec::new();
    for (program, execution) in scenario.programs.iter().zip(first..) {
        let hold = scenario.schedule.is_some();
        world.feed(&start(program.name, program.machine, args.clone(), hold))?;
        if world
            .seen
            .started
            .last()
            .is_none_or(|(last, _)| *last != execution)
        {
            return Err(format!("the program `{}` was refused", program.name));
        }
        executions.push((program.name.into(), execution));
    }
    for turn in scenario.schedule.iter().flatten() {
        world.feed(&input(turn, &executions)?)?;
    }
    world.found(names, executions)
}

fn caps(scenario: &Scenario<'_>) -> Result<Caps, String> {
    let Some(names) = &scenario.caps else {
        return Ok(Caps::DEFAULT);
    };
    let mut all = Caps(0);
    for name in names {
        let one = Caps::named(name).ok_or_else(|| format!("there is no capability `{name}`"))?;
        all.0 |= one.0;
    }
    Ok(all)
}

fn input(turn: &Turn<'_>, executions: &[(String, u64)]) -> Result<Input, String> {
    match turn {
        Turn::Run(name, count) => {
            let found = executions.iter().find(|(known, _)| known == name);
            let (_, execution) = found.ok_or_else(|| format!("there is no program `{name}`"))?;
            Ok(Input::Run {
                execution: *execution,
                count: *count,
                unit: Unit::Marks,
            })
        }
        Turn::Reach(machine, name, reachable) => Ok(Input::Reach {
            machine: *machine,
            name: (*name).into(),
            reachable: *reachable,
        }),
    }
}

struct World {
    machine: AnomaMachine,
    pace: Option<u64>,
    steps: u64,
    seen: Seen,
}

/// Hands one input over.
struct Desk(Option<Bytes>);

impl Host for Desk {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        Ok(self.0.take())
    }

    fn emit(&mut self, _: Output<'_>) -> Result<(), HostError> {
        Ok(())
    }
}

impl World {
    /// Runs an input to the point where the machine wants the next one.
    fn feed(&mut self, input: &Input) -> Result<(), String> {
        let text = |e: HostError| e.to_string();
        let mut desk = Desk(Some(input.to_bytes().into()));
        loop {
            let budget = self.pace.unwrap_or(STEPS);
            let ran = self.machine.run(budget, &mut desk).map_err(text)?;
            let seen = self.machine.take_seen();
            self.seen.events.extend(seen.events);
            self.seen.results.extend(seen.results);
            self.seen.entries.extend(seen.entries);
            self.seen.letters.extend(seen.letters);
            self.seen.started.extend(seen.started);
            self.steps += ran.steps;
            match ran.stop {
                Stop::NeedsInput if desk.0.is_none() => return Ok(()),
                Stop::Budget if self.steps < STEPS => {}
                stop => return Err(format!("the machine stopped with {stop:?}")),
            }
            if self.pace.is_some() {
                self.reopen().map_err(text)?;
            }
        }
    }

    /// Goes on with the state as it was saved, and nothing else.
    fn reopen(&mut self) -> Result<(), HostError> {
        let mut nodes = MemoryNodes::default();
        let state = self.machine.save(&mut nodes)?;
        self.machine = Anoma.reopen(state, Arc::new(nodes))?;
        self.machine.watch(true);
        Ok(())
    }

    fn found(mut self, names: &Names, executions: Vec<(String, u64)>) -> Result<Found, String> {
        let mut names = names.again();
        for event in &self.seen.events {
            match event.kind {
                EventKind::ObjectCreated { object, .. } => names.created(object),
                EventKind::TransactionStarted { tx, .. } => names.began(tx),
                _ => {}
            }
        }
        let name_of = |execution: u64| {
            let found = executions.iter().find(|(_, known)| *known == execution);
            found.map(|(name, _)| match name.as_str() {
                "main" => String::from("$root"),
                name => format!("$root_{name}"),
            })
        };
        for (execution, root) in &self.seen.started {
            let root: ObjectId = *root;
            names.root(
                root,
                name_of(*execution).unwrap_or_else(|| "$root_setup".into()),
            );
        }
        Ok(Found {
            names,
            executions,
            outcomes: self.seen.results.into_iter().collect(),
            events: self.seen.events,
            entries: self.seen.entries,
            letters: self.seen.letters,
            state: self.machine.state_hash(),
            machine: self.machine,
        })
    }
}

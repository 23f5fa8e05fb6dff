//! A machine on a bench: its log, what it put out, and how its state looks from outside.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use avm_anoma::code::{Module, verify};
use avm_anoma::compile::{self, Places};
use avm_anoma::image::{Caps, Config, Image};
use avm_anoma::input::{Input, Start};
use avm_anoma::seen::{Outcome, Seen};
use avm_anoma::value::{ObjectId, Val};
use avm_anoma::{Anoma, AnomaMachine};
use avm_core::{Bytes, Hash, Host, HostError, Machine, MemoryNodes, Output, Stop};

/// Where inputs come from and outputs go.
#[derive(Default)]
pub struct Desk {
    pub inputs: VecDeque<Bytes>,
    pub outputs: Vec<Hash>,
}

impl Host for Desk {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        Ok(self.inputs.pop_front())
    }

    fn emit(&mut self, output: Output<'_>) -> Result<(), HostError> {
        self.outputs.push(output.hash);
        Ok(())
    }
}

/// The module of a text.
#[track_caller]
pub fn compile(text: &str) -> Module {
    let compiled = avm_lang::compile(text, 0, &compile::dialect(), &());
    let unit = compiled
        .unit
        .unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
    let module = compile::module(&unit, &Places::new(0, text)).unwrap_or_else(|e| panic!("{e}"));
    verify(&module).unwrap();
    module
}

/// Three machines, two controllers, all capabilities.
pub fn config() -> Config {
    let reachable = |name: &str| (name.to_string(), true);
    Config {
        machines: ["m1", "m2", "m3"].map(reachable).into(),
        controllers: ["c1", "c2"].map(reachable).into(),
        caps: Caps::ALL,
        ..Config::default()
    }
}

/// A machine with its log.
pub struct Bed {
    pub machine: AnomaMachine,
    pub desk: Desk,
    pub steps: u64,
    executions: u64,
}

/// Everything of a state that is meant to last: no counters, no traces.
#[derive(Debug, PartialEq)]
pub struct Look {
    pub objects: BTreeMap<ObjectId, String>,
    pub tombstones: Vec<ObjectId>,
    pub controllers: Vec<String>,
    pub mailboxes: BTreeMap<ObjectId, Vec<Val>>,
}

impl Bed {
    pub fn new(image: &Image) -> Self {
        let mut machine = Anoma.start(image).unwrap();
        machine.watch(true);
        Self {
            machine,
            desk: Desk::default(),
            steps: 0,
            executions: 0,
        }
    }

    /// A machine with the module of a text.
    #[track_caller]
    pub fn of(text: &str, config: Config) -> Self {
        let modules = vec![compile(text)];
        Self::new(&Image { modules, config })
    }

    /// Adds an input and runs until the next is needed.
    pub fn take(&mut self, input: &Input) {
        self.feed(input);
        self.run();
    }

    pub fn feed(&mut self, input: &Input) {
        self.desk.inputs.push_back(input.to_bytes().into());
    }

    pub fn run(&mut self) {
        let ran = self.machine.run(u64::MAX, &mut self.desk).unwrap();
        assert_eq!(ran.stop, Stop::NeedsInput);
        self.steps += ran.steps;
    }

    /// The same machine out of its nodes. What was seen so far stays.
    pub fn reopen(&mut self) -> Seen {
        let mut nodes = MemoryNodes::default();
        let hash = self.machine.state_hash();
        assert_eq!(self.machine.save(&mut nodes).unwrap(), hash);
        let seen = self.machine.take_seen();
        self.machine = Anoma.reopen(hash, Arc::new(nodes)).unwrap();
        assert_eq!(self.machine.state_hash(), hash);
        self.machine.watch(true);
        seen
    }

    pub fn start_input(program: &str, args: &[Val], hold: bool) -> Input {
        Input::Start(Start {
            program: program.into(),
            args: Val::list(args.iter().cloned()).unwrap(),
            machine: None,
            caps: Caps::ALL,
            hold,
        })
    }

    /// Starts a program that is held; its number.
    pub fn hold(&mut self, program: &str, args: &[Val]) -> u64 {
        self.take(&Self::start_input(program, args, true));
        self.executions += 1;
        self.executions - 1
    }

    /// Runs a program; what came out as text, `...` if it waits. Executions that messages begin
    /// must not be mixed with [`Bed::hold`].
    #[track_caller]
    pub fn program(&mut self, program: &str, args: &[Val]) -> String {
        let before = self.machine.seen().unwrap().results.len();
        self.take(&Self::start_input(program, args, false));
        self.executions += 1;
        let results = &self.machine.seen().unwrap().results;
        match results.get(before) {
            None => "...".into(),
            Some((_, outcome)) => show(outcome),
        }
    }

    /// Lets a held execution take marks.
    pub fn marks(&mut self, execution: u64, count: u64) {
        self.take(&Input::Run {
            execution,
            count,
            unit: avm_anoma::input::Unit::Marks,
        });
    }

    /// How an execution ended.
    pub fn result(&self, execution: u64) -> String {
        let results = &self.machine.seen().unwrap().results;
        let found = results.iter().find(|(number, _)| *number == execution);
        found.map_or("...".into(), |(_, outcome)| show(outcome))
    }

    pub fn look(&mut self) -> Look {
        look(&mut self.machine)
    }
}

pub fn show(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(value) => value.to_string(),
        Outcome::Failed(fault) => format!("! {fault}"),
    }
}

pub fn look(machine: &mut AnomaMachine) -> Look {
    let objects = machine.objects(None, usize::MAX).unwrap();
    let mailboxes = objects
        .iter()
        .map(|(id, _)| (*id, machine.mailbox(*id).unwrap()));
    let mailboxes = mailboxes.filter(|(_, mail)| !mail.is_empty()).collect();
    Look {
        objects: objects
            .iter()
            .map(|(id, view)| (*id, format!("{view:?}")))
            .collect(),
        tombstones: machine.tombstones(None, usize::MAX).unwrap(),
        controllers: machine
            .controllers()
            .unwrap()
            .iter()
            .map(|controller| format!("{controller:?}"))
            .collect(),
        mailboxes,
    }
}

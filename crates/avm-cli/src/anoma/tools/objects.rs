//! The histories of objects once more: what each accepted, through a fresh object.

use std::collections::BTreeMap;

use avm_anoma::code::Module;
use avm_anoma::machine::{AnomaMachine, ObjectView};
use avm_anoma::replay::{self, Stage};
use avm_anoma::value::{ObjectId, Val};
use avm_core::HostError;

use super::super::files;
use super::own;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::log::Log;
use crate::session::Session;

/// Objects that are read at once.
const PAGE: usize = 256;
/// Steps between two looks at what was accepted.
const SLICE: u64 = 1 << 16;

/// What came of one object.
pub(crate) struct Replayed {
    /// It.
    pub(crate) id: ObjectId,
    /// Its behaviour.
    pub(crate) behaviour: String,
    /// Inputs it accepted, by its own record.
    pub(crate) inputs: u64,
    /// Whether the inputs that were seen are those of its record.
    pub(crate) history: bool,
    /// Its state.
    pub(crate) state: State,
}

/// What a fresh object says about a state.
pub(crate) enum State {
    /// It has the same.
    Same,
    /// It has another one: what was found, what the fresh object has.
    Differs(String, String),
    /// The behaviour uses what its inputs do not tell.
    Beyond(Vec<&'static str>),
    /// The inputs are not all known, or its code is not.
    Unknown(&'static str),
}

impl Replayed {
    /// Whether the machine and the history contradict each other.
    pub(crate) fn differs(&self) -> bool {
        !self.history || matches!(self.state, State::Differs(..))
    }
}

/// Runs a log and then the history of every object that is there at its end; `None` if the machine
/// has no objects.
pub(crate) fn replay(ctx: &Context, log: &Log) -> Result<Option<Vec<Replayed>>, CliError> {
    let mut session = Session::genesis(ctx, log)?;
    if own(session.running.as_mut()).is_none() {
        return Ok(None);
    }
    session.allow_all();
    let mut accepted: BTreeMap<ObjectId, Vec<Val>> = BTreeMap::new();
    loop {
        let before = session.place();
        if let Some(running) = own(session.running.as_mut()) {
            running.seen();
        }
        session.run(SLICE)?;
        let Some(running) = own(session.running.as_mut()) else {
            return Ok(None);
        };
        for (object, input) in running.seen().accepted {
            accepted.entry(object).or_default().push(input);
        }
        if session.place().0 - before.0 < SLICE {
            break;
        }
    }
    ctx.end_progress();
    let config = files::image(&log.name, &log.program.image)?.config;
    let Some(running) = own(session.running.as_mut()) else {
        return Ok(None);
    };
    let machine = running.machine();
    let modules: Vec<Module> = (0..).map_while(|at| machine.module(at).cloned()).collect();
    let failed = |e: replay::ReplayError| error::bug(format!("the stage: {e}"));
    let mut stage = Stage::new(&modules, &config).map_err(failed)?;
    let mut found = Vec::new();
    let host = |e: HostError| error::host(&e, 0, &log.name);
    for (id, view) in objects(machine).map_err(host)? {
        ctx.spend(0, || id.to_string())?;
        let inputs = accepted.remove(&id).unwrap_or_default();
        let own = replay::history(&inputs).map_err(host)?;
        let history = own == (view.history, view.history_hash);
        let state = match history {
            true => again(&mut stage, &modules, &view, &inputs, ctx.steps_left()),
            false => State::Unknown("its inputs are not those of its record"),
        };
        found.push(Replayed {
            id,
            behaviour: view.behaviour.to_string(),
            inputs: view.history,
            history,
            state,
        });
    }
    Ok(Some(found))
}

fn objects(machine: &mut AnomaMachine) -> Result<Vec<(ObjectId, ObjectView)>, HostError> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let mut page = machine.objects(after, PAGE)?;
        let Some((last, _)) = page.last() else {
            return Ok(all);
        };
        after = Some(*last);
        all.append(&mut page);
    }
}

fn again(
    stage: &mut Stage,
    modules: &[Module],
    view: &ObjectView,
    inputs: &[Val],
    steps: u64,
) -> State {
    let module = modules
        .iter()
        .find(|module| module.name_hash() == view.code.module);
    let export = module.and_then(|module| {
        let mut exports = module.exports.iter();
        exports.find(|export| export.name == view.code.export)
    });
    let (Some(module), Some(export)) = (module, export) else {
        return State::Unknown("its code is not at hand");
    };
    let beyond = replay::beyond(module, export.function);
    if !beyond.is_empty() {
        return State::Beyond(beyond);
    }
    let state = view.state.to_string();
    match stage.replay(&view.code, inputs, steps) {
        Err(e) => State::Differs(state, format!("(none: {e})")),
        Ok(fresh) => {
            let same = match (fresh.state.to_bytes(), view.state.to_bytes()) {
                (Ok(fresh), Ok(found)) => fresh == found,
                _ => false,
            };
            let record = (fresh.history, fresh.history_hash) == (view.history, view.history_hash);
            match same && record {
                true => State::Same,
                false => State::Differs(state, fresh.state.to_string()),
            }
        }
    }
}

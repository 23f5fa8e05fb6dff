//! Why an execution fails: its error, the object in which it happened, and the functions on the
//! way there.

use avm_anoma::event::EventKind;
use avm_anoma::fault::Fault;
use avm_anoma::input::Input;
use avm_anoma::machine::AnomaMachine;
use avm_anoma::seen::{Outcome, Place};
use avm_anoma::value::ObjectId;
use avm_core::{Bytes, Host, HostError, Machine, Output, Stop};
use serde_json::{Value, json};

use super::events;
use super::json::{Ids, Plain};
use super::running::Layout;
use crate::registry::Why;

/// Steps between two looks at what happened.
const SLICE: u64 = 1 << 16;
/// What is wrong with an input that has no effect.
pub(super) const REFUSED: &str =
    "the input was refused: what it names is not there, or takes other arguments";
/// Most calls that are told.
const CALLS: usize = 12;

/// The machine before an input takes it; why an execution fails then, if one does.
pub(super) fn of(machine: &AnomaMachine, layout: Option<&Layout>, input: &[u8]) -> Option<Why> {
    let program = match Input::from_bytes(input) {
        Ok(Input::Start(start)) => format!("program `{}`", start.program),
        _ => String::from("an execution"),
    };
    let mut watch = Watch::new(machine.clone());
    watch.run(input.into()).ok()?;
    let Some((execution, fault)) = watch.failed.take() else {
        let refused = watch.machine.inputs().1 > machine.inputs().1;
        return refused.then(|| Why {
            message: REFUSED.into(),
            ..Why::default()
        });
    };
    let mut why = Why {
        message: format!("{program} failed: {fault}"),
        ..Why::default()
    };
    let error = events::fault(&fault, &Plain).ok()?;
    why.data = json!({
        "execution": execution,
        "fault": { "code": fault.code.text(), "fields": error.as_array().map(|all| &all[1..]) },
    });
    why.notes
        .push(format!("{}: {}", fault.code.text(), fault.code.doc()));
    let Some(error) = watch
        .errors
        .iter()
        .rev()
        .find(|error| error.execution == execution)
    else {
        return Some(why);
    };
    why.data["event"] = json!(error.event);
    why.notes.push(match &error.object {
        Some(id) => format!("event {} of execution {execution}, in {id}", error.event),
        None => format!(
            "event {} of execution {execution}, in the program itself",
            error.event
        ),
    });
    if let Some(id) = &error.object {
        why.data["object"] = json!(Plain.object_text(id));
    }
    let places = error.places.iter();
    let stack = places.map(|place| told(place, layout)).collect::<Vec<_>>();
    for (text, _) in stack.iter().take(CALLS) {
        why.notes.push(text.clone());
    }
    if stack.len() > CALLS {
        why.notes
            .push(format!("and {} calls more", stack.len() - CALLS));
    }
    why.data["calls"] = stack.into_iter().map(|(_, place)| place).collect();
    let first = error.places.first();
    why.operation = first
        .zip(layout)
        .and_then(|(at, layout)| layout.operation(at.module, at.function, at.pc));
    Some(why)
}

/// A place for people and for programs.
fn told(place: &Place, layout: Option<&Layout>) -> (String, Value) {
    let name = place.name.as_deref().unwrap_or("a function");
    let known = layout.and_then(|layout| layout.place(place.module, place.function, place.pc));
    let mut data = json!({
        "function": place.name.as_deref(),
        "module": place.module,
        "word": place.pc,
    });
    let text = match known {
        Some((line, column)) => {
            data["line"] = json!(line);
            data["column"] = json!(column);
            format!("in {name}, line {line}")
        }
        None => format!("in {name}, word {}", place.pc),
    };
    (text, data)
}

/// An instruction that failed.
struct Failed {
    execution: u64,
    event: u64,
    object: Option<ObjectId>,
    places: Vec<Place>,
}

/// Follows a run without keeping all that happens.
struct Watch {
    machine: AnomaMachine,
    /// Objects whose calls are not over, outermost first.
    calls: Vec<ObjectId>,
    /// The last instructions that failed.
    errors: Vec<Failed>,
    /// The last execution that failed.
    failed: Option<(u64, Fault)>,
}

struct Desk(Option<Bytes>);

impl Host for Desk {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        Ok(self.0.take())
    }

    fn emit(&mut self, _: Output<'_>) -> Result<(), HostError> {
        Ok(())
    }
}

impl Watch {
    fn new(mut machine: AnomaMachine) -> Self {
        machine.watch(true);
        Self {
            machine,
            calls: Vec::new(),
            errors: Vec::new(),
            failed: None,
        }
    }

    fn run(&mut self, input: Bytes) -> Result<(), HostError> {
        let mut desk = Desk(Some(input));
        loop {
            let ran = self.machine.run(SLICE, &mut desk)?;
            self.look();
            if ran.stop != Stop::Budget {
                return Ok(());
            }
        }
    }

    fn look(&mut self) {
        let seen = self.machine.take_seen();
        let mut places = seen.places.into_iter();
        for event in seen.events {
            match event.kind {
                EventKind::CallStarted { object, .. } => {
                    self.calls.truncate(event.depth as usize);
                    self.calls.push(object);
                }
                EventKind::ErrorOccurred { .. } => {
                    let depth = (event.depth as usize).checked_sub(1);
                    let object = depth.and_then(|depth| self.calls.get(depth)).copied();
                    // Many errors may be caught one after the other; the last one counts.
                    if self.errors.len() >= CALLS {
                        self.errors.remove(0);
                    }
                    self.errors.push(Failed {
                        execution: event.execution,
                        event: event.seq,
                        object,
                        places: places.next().map(|(_, places)| places).unwrap_or_default(),
                    });
                }
                _ => {}
            }
        }
        for (execution, outcome) in seen.results {
            if let Outcome::Failed(fault) = outcome {
                self.failed = Some((execution, fault));
            }
        }
    }
}

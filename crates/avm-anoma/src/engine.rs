//! The engine: frames, calls of objects, errors, and the effects of turns and transactions.
//!
//! One step is one instruction, or a piece of what an instruction leaves to be done: undoing,
//! checking and applying go on for as many steps as there is work, so that no step is without a
//! bound. What an execution is in the middle of is part of the state ([`Doing`]).
//!
//! Outside of a transaction effects are made in place, with a journal of how to undo them; when the
//! outermost call returns they are made durable: accepted inputs become history, controllers get
//! their entries, messages go out. Inside of one they are kept apart in [`Pending`] until it
//! commits. Nobody else runs in the middle of a turn.
//!
//! [`Pending`]: crate::state::records::Pending
//! [`Doing`]: crate::state::execution::Doing

pub mod call;
pub mod context;
pub mod data;
pub mod effect;
pub mod error;
pub mod location;
pub mod look;
pub mod message;
pub mod run;
pub mod settle;
pub mod trap;
pub mod tx;

use alloc::vec::Vec;

use avm_core::HostError;

use crate::event::{Event, EventKind, Name, TraceLevel};
use crate::fault::Fault;
use crate::seen::{Place, Seen};
use crate::state::code::Code;
use crate::state::execution::Execution;
use crate::state::world::World;
use crate::value::{Obj, TxId, Val};

/// One execution at work.
pub struct Engine<'a> {
    /// What all share.
    pub w: &'a mut World,
    /// The execution.
    pub x: &'a mut Execution,
    /// Who wants to know.
    pub seen: Option<&'a mut Seen>,
}

impl Engine<'_> {
    /// Reports an event, which counts whether or not anybody wants to know.
    #[inline]
    pub fn event(&mut self, level: TraceLevel, make: impl FnOnce(&mut Self) -> EventKind) {
        let seq = self.x.events;
        self.x.events += 1;
        if self.seen.is_some() || self.w.fixed.trace >= level {
            let kind = make(self);
            self.report(seq, level, kind);
        }
    }

    fn report(&mut self, seq: u64, level: TraceLevel, kind: EventKind) {
        let tx = self.x.tx.as_deref();
        let (controller, tx) = (tx.and_then(|tx| tx.controller.clone()), tx.map(|tx| tx.id));
        let event = Event {
            execution: self.x.number,
            seq,
            controller,
            tx,
            depth: self.x.activations.len(),
            kind,
        };
        if self.w.fixed.trace >= level {
            self.x.trace.add("avm/ev", |out| event.write(out));
        }
        if let Some(seen) = &mut self.seen {
            seen.events.push(event);
        }
    }

    /// Where the engine is, the innermost frame first.
    fn places(&self, code: &Code) -> Vec<Place> {
        let frames = self.x.frames.loaded().iter().rev();
        let places = frames.take(64).map(|frame| Place {
            module: frame.code.module,
            function: frame.code.function,
            pc: frame.pc.saturating_sub(1),
            name: code
                .function(frame.code)
                .map(|function| function.name.clone()),
        });
        places.collect()
    }

    /// An instruction failed.
    pub fn fails(&mut self, code: &Code, fault: &Fault) {
        if self.seen.is_some() {
            let places = self.places(code);
            let number = self.x.number;
            if let Some(seen) = &mut self.seen {
                seen.places.push((number, places));
            }
        }
        let fault = fault.clone();
        self.event(TraceLevel::Core, |_| EventKind::ErrorOccurred { fault });
    }

    /// Whether a transaction is open.
    #[inline]
    pub fn in_tx(&self) -> bool {
        self.x.tx.is_some()
    }

    /// The id of the transaction that is open.
    pub fn tx_id(&self) -> Option<TxId> {
        self.x.tx.as_ref().map(|tx| tx.id)
    }

    /// The object that runs: that of the activation, or the program itself.
    pub fn me(&mut self) -> Result<Obj, HostError> {
        match self.x.activations.top() {
            Some(activation) => Ok(activation.object.clone()),
            None => self.root(),
        }
    }

    /// The object that the program itself is, which can get messages from now on.
    pub fn root(&mut self) -> Result<Obj, HostError> {
        let root = self.x.root();
        if !self.x.root_known {
            self.x.root_known = true;
            let slot = self.w.slot(&root)?;
            self.w.objects.mail(slot, &self.w.store)?.root = self.x.number + 1;
        }
        Ok(root)
    }

    /// The machine of the running frame.
    #[inline]
    pub fn here(&self) -> &Name {
        let activation = self.x.activations.top();
        activation.map_or(&self.x.machine, |activation| &activation.machine)
    }
}

/// A controller or none, as a value.
pub fn maybe_ctl(name: Option<&Name>) -> Val {
    name.map_or(Val::Nothing, |name| just(Val::ctl(name)))
}

/// Just a small value.
pub fn just(value: Val) -> Val {
    Val::just(value).expect("a scalar in a Just is within all limits")
}

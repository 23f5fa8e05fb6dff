//! What happened, as a trace tells it. Spec section 6.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::fault::Fault;
use crate::state::bytes::Put;
use crate::state::store::Record;
use crate::value::{ObjectId, TxId, Val};

/// Name of a machine or a controller.
pub type Name = Arc<str>;

/// One entry of a trace.
#[derive(Clone, Debug)]
pub struct Event {
    /// Number of the execution it belongs to.
    pub execution: u64,
    /// Number in that execution, from 0. Counts events of every level.
    pub seq: u64,
    /// Controller of the transaction at that moment.
    pub controller: Option<Name>,
    /// Transaction at that moment.
    pub tx: Option<TxId>,
    /// Calls on the stack.
    pub depth: u32,
    /// What happened.
    pub kind: EventKind,
}

/// How much of a trace the state commits to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TraceLevel {
    /// Nothing.
    None,
    /// The events of the model.
    #[default]
    Core,
    /// All events.
    Full,
}

impl TraceLevel {
    /// The level of a number, as images and states have it.
    pub(crate) fn numbered(number: u8) -> Option<Self> {
        let levels = [Self::None, Self::Core, Self::Full];
        levels.get(usize::from(number)).copied()
    }
}

/// What happened. Fields are those of the specification.
#[derive(Clone, Debug)]
#[allow(
    missing_docs,
    reason = "a field of a variant is named for what it holds"
)]
pub enum EventKind {
    /// An object came to be.
    ObjectCreated {
        object: ObjectId,
        behaviour: Name,
        controller: Option<Name>,
    },
    /// An object is no more.
    ObjectDestroyed { object: ObjectId },
    /// A call begins.
    CallStarted {
        object: ObjectId,
        input: Val,
        sender: Option<ObjectId>,
    },
    /// A call ended; `output` is nothing if it was rejected or gave none.
    ObjectCalled {
        object: ObjectId,
        input: Val,
        output: Val,
        outputs: u32,
    },
    /// A message was sent.
    MessageSent {
        to: ObjectId,
        value: Val,
        message: u64,
    },
    /// A message was taken from a mailbox.
    MessageReceived {
        object: ObjectId,
        value: Val,
        message: u64,
    },
    /// An object has a new state.
    StateUpdated { object: ObjectId },
    /// An object has a new home.
    ObjectMoved {
        object: ObjectId,
        from: Name,
        to: Name,
    },
    /// The execution goes on elsewhere.
    ExecutionMoved { from: Name, to: Name },
    /// A replica was made or refreshed.
    ObjectFetched { object: ObjectId, machine: Name },
    /// An object has a new controller, or will when the transaction commits.
    ObjectTransferred {
        object: ObjectId,
        from: Option<Name>,
        to: Name,
    },
    /// Replicas were merged.
    ObjectFrozen {
        object: ObjectId,
        controller: Name,
        merged: u32,
        dropped: u32,
    },
    /// A pure function was registered.
    FunctionRegistered { name: Name, version: u64 },
    /// A pure function was replaced.
    FunctionUpdated { name: Name, version: u64 },
    /// A transaction began.
    TransactionStarted { tx: TxId, controller: Option<Name> },
    /// A transaction took effect.
    TransactionCommitted { tx: TxId },
    /// A transaction had no effect. The object is the first that was in conflict.
    TransactionAborted {
        tx: TxId,
        reason: AbortReason,
        object: Option<ObjectId>,
    },
    /// Somebody looked at an object's metadata.
    Reflected { object: ObjectId, found: bool },
    /// Somebody searched objects.
    Scried { visits: u32, results: u32 },
    /// Somebody read the machine's own state; the kind is `context`, `tx` or `constraints`.
    Reified { kind: &'static str },
    /// The effects of the events in this range were undone.
    ScopeRolledBack { from: u64, to: u64 },
    /// An instruction failed.
    ErrorOccurred { fault: Fault },
}

/// Why a transaction had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortReason {
    /// `abortTx`.
    User,
    /// Something it read has changed.
    Conflict,
    /// An error left its frame.
    Fault,
}

impl AbortReason {
    /// As traces spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Conflict => "conflict",
            Self::Fault => "fault",
        }
    }
}

impl EventKind {
    /// Its name in the specification.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ObjectCreated { .. } => "ObjectCreated",
            Self::ObjectDestroyed { .. } => "ObjectDestroyed",
            Self::CallStarted { .. } => "CallStarted",
            Self::ObjectCalled { .. } => "ObjectCalled",
            Self::MessageSent { .. } => "MessageSent",
            Self::MessageReceived { .. } => "MessageReceived",
            Self::StateUpdated { .. } => "StateUpdated",
            Self::ObjectMoved { .. } => "ObjectMoved",
            Self::ExecutionMoved { .. } => "ExecutionMoved",
            Self::ObjectFetched { .. } => "ObjectFetched",
            Self::ObjectTransferred { .. } => "ObjectTransferred",
            Self::ObjectFrozen { .. } => "ObjectFrozen",
            Self::FunctionRegistered { .. } => "FunctionRegistered",
            Self::FunctionUpdated { .. } => "FunctionUpdated",
            Self::TransactionStarted { .. } => "TransactionStarted",
            Self::TransactionCommitted { .. } => "TransactionCommitted",
            Self::TransactionAborted { .. } => "TransactionAborted",
            Self::Reflected { .. } => "Reflected",
            Self::Scried { .. } => "Scried",
            Self::Reified { .. } => "Reified",
            Self::ScopeRolledBack { .. } => "ScopeRolledBack",
            Self::ErrorOccurred { .. } => "ErrorOccurred",
        }
    }

    /// The lowest level that shows it.
    #[must_use]
    pub fn level(&self) -> TraceLevel {
        match self {
            Self::CallStarted { .. }
            | Self::MessageSent { .. }
            | Self::StateUpdated { .. }
            | Self::FunctionRegistered { .. }
            | Self::Reflected { .. }
            | Self::Scried { .. }
            | Self::Reified { .. }
            | Self::ScopeRolledBack { .. } => TraceLevel::Full,
            _ => TraceLevel::Core,
        }
    }
}

impl Event {
    /// What the hash over a trace takes of an event.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.u64(self.seq);
        out.name_or_none(self.controller.as_ref());
        out.u8(self.tx.is_some().into());
        if let Some(tx) = &self.tx {
            out.raw(&tx.0);
        }
        out.u32(self.depth);
        self.kind.write(out);
    }
}

impl EventKind {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::ObjectCreated {
                object,
                behaviour,
                controller,
            } => {
                out.u8(0);
                out.raw(&object.0);
                out.name(behaviour);
                out.name_or_none(controller.as_ref());
            }
            Self::ObjectDestroyed { object } => {
                out.u8(1);
                out.raw(&object.0);
            }
            Self::CallStarted {
                object,
                input,
                sender,
            } => {
                out.u8(2);
                out.raw(&object.0);
                out.val(input);
                out.u8(sender.is_some().into());
                if let Some(sender) = sender {
                    out.raw(&sender.0);
                }
            }
            Self::ObjectCalled {
                object,
                input,
                output,
                outputs,
            } => {
                out.u8(3);
                out.raw(&object.0);
                out.val(input);
                out.val(output);
                out.u32(*outputs);
            }
            Self::MessageSent { to, value, message } => {
                out.u8(4);
                out.raw(&to.0);
                out.val(value);
                out.u64(*message);
            }
            Self::MessageReceived {
                object,
                value,
                message,
            } => {
                out.u8(5);
                out.raw(&object.0);
                out.val(value);
                out.u64(*message);
            }
            Self::StateUpdated { object } => {
                out.u8(6);
                out.raw(&object.0);
            }
            Self::ObjectMoved { object, from, to } => {
                out.u8(7);
                out.raw(&object.0);
                out.name(from);
                out.name(to);
            }
            Self::ExecutionMoved { from, to } => {
                out.u8(8);
                out.name(from);
                out.name(to);
            }
            Self::ObjectFetched { object, machine } => {
                out.u8(9);
                out.raw(&object.0);
                out.name(machine);
            }
            Self::ObjectTransferred { object, from, to } => {
                out.u8(10);
                out.raw(&object.0);
                out.name_or_none(from.as_ref());
                out.name(to);
            }
            Self::ObjectFrozen {
                object,
                controller,
                merged,
                dropped,
            } => {
                out.u8(11);
                out.raw(&object.0);
                out.name(controller);
                out.u32(*merged);
                out.u32(*dropped);
            }
            Self::FunctionRegistered { name, version } => {
                out.u8(12);
                out.name(name);
                out.u64(*version);
            }
            Self::FunctionUpdated { name, version } => {
                out.u8(13);
                out.name(name);
                out.u64(*version);
            }
            Self::TransactionStarted { tx, controller } => {
                out.u8(14);
                out.raw(&tx.0);
                out.name_or_none(controller.as_ref());
            }
            Self::TransactionCommitted { tx } => {
                out.u8(15);
                out.raw(&tx.0);
            }
            Self::TransactionAborted { tx, reason, object } => {
                out.u8(16);
                out.raw(&tx.0);
                out.u8(*reason as u8);
                out.u8(object.is_some().into());
                if let Some(object) = object {
                    out.raw(&object.0);
                }
            }
            Self::Reflected { object, found } => {
                out.u8(17);
                out.raw(&object.0);
                out.u8((*found).into());
            }
            Self::Scried { visits, results } => {
                out.u8(18);
                out.u32(*visits);
                out.u32(*results);
            }
            Self::Reified { kind } => {
                out.u8(19);
                out.name(kind);
            }
            Self::ScopeRolledBack { from, to } => {
                out.u8(20);
                out.u64(*from);
                out.u64(*to);
            }
            Self::ErrorOccurred { fault } => {
                out.u8(21);
                fault.write(out);
            }
        }
    }
}

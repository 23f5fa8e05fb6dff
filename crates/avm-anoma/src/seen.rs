//! What whoever looks gets to know of a run. No part of the state: it follows from the log.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::event::{Event, Name};
use crate::fault::Fault;
use crate::value::{ObjectId, TxId, Val};

/// What happened, in order.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Events of all executions.
    pub events: Vec<Event>,
    /// Executions that are done: number and outcome.
    pub results: Vec<(u64, Outcome)>,
    /// Entries of the logs of controllers.
    pub entries: Vec<Entry>,
    /// Messages that nobody can get.
    pub letters: Vec<DeadLetter>,
    /// Programs that began: number and the object that the program itself is.
    pub started: Vec<(u64, ObjectId)>,
    /// Where instructions failed: execution and frames, the innermost first.
    pub places: Vec<(u64, Vec<Place>)>,
    /// Inputs accepted by objects for good, in order.
    pub accepted: Vec<(ObjectId, Val)>,
}

/// How an execution ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// With a value.
    Done(Val),
    /// With an error.
    Failed(Fault),
}

/// Messages whose execution failed. They leave no receipt, since there may be millions a second.
#[derive(Clone, Debug, Default)]
pub struct Failures {
    /// How many there were since the machine was started or opened.
    pub count: u64,
    /// The last of them, at most [`Failures::KEPT`], the oldest first.
    pub last: VecDeque<Failure>,
}

/// A message whose execution failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Number of the execution.
    pub execution: u64,
    /// Who got the message.
    pub object: ObjectId,
    /// Why it failed.
    pub fault: Fault,
}

impl Failures {
    /// Failures that are kept.
    pub const KEPT: usize = 8;

    pub(crate) fn add(&mut self, failure: Failure) {
        self.count += 1;
        if self.last.len() == Self::KEPT {
            self.last.pop_front();
        }
        self.last.push_back(failure);
    }
}

/// An entry of a controller's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose.
    pub controller: Name,
    /// Its number, from 1.
    pub seq: u64,
    /// What it is.
    pub kind: EntryKind,
    /// Whether one instruction outside of any transaction made it.
    pub implicit: bool,
    /// Who caused it.
    pub execution: u64,
    /// The transaction.
    pub tx: Option<TxId>,
    /// Objects it changed; those of a turn follow as they change.
    pub objects: Vec<ObjectId>,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A transaction.
    Commit,
    /// Calls outside of transactions.
    Turn,
    /// Replicas were merged.
    Freeze,
}

/// A message that nobody can get.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Who sent it; zeros if it came from outside.
    pub from: ObjectId,
    /// Who should have got it.
    pub to: ObjectId,
    /// What it says.
    pub value: Val,
}

/// A place in the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of the module.
    pub module: u32,
    /// Index of the function.
    pub function: u32,
    /// Index of the word.
    pub pc: u32,
    /// Name of the function, if it is known.
    pub name: Option<Name>,
}

impl Seen {
    /// Adds what was seen later.
    pub fn append(&mut self, mut later: Self) {
        self.events.append(&mut later.events);
        self.results.append(&mut later.results);
        self.entries.append(&mut later.entries);
        self.letters.append(&mut later.letters);
        self.started.append(&mut later.started);
        self.places.append(&mut later.places);
        self.accepted.append(&mut later.accepted);
    }
}

//! Message sequence charts: who called whom and who sent what to whom, out of the events of a run.
//! Spec section 19.
//!
//! A [`Builder`] takes events as they happen and gives a [`Chart`]: parties, arrows between them,
//! and moments in their order. What was undone - in a scope that was rolled back, or in a
//! transaction that was aborted - stays in the chart and is marked. Without it the chart is the
//! *effective* one, with it the one for audits.
//!
//! Choices that the specification leaves open:
//!
//! - A call that was rejected or failed is an arrow without an output, and effective if its caller
//!   is: its caller went on with that answer. What the callee did meanwhile was undone.
//! - A message that becomes an activation of its own is received when that begins. Mailboxes are
//!   queues, so it is the oldest one from the same sender that says the same.
//! - The index of the program in a leaf is the number of the execution.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use avm_core::{Hash, HostError};
use avm_merkle::log::{Leaf, LogHead, ProofError, Tree};

use crate::event::{AbortReason, Event, EventKind, Name};
use crate::fault::Fault;
use crate::seen::{Outcome, Seen};
use crate::state::bytes::Put;
use crate::value::{ObjectId, TxId, Val};

/// The sender of a message that came from outside.
pub const OUTSIDE: ObjectId = ObjectId([0; 32]);

/// Who calls and is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Names the object, or the object that a program itself is; [`OUTSIDE`] for whoever gives
    /// inputs.
    pub id: ObjectId,
    /// The execution, if it is a program.
    pub program: Option<u64>,
    /// Name of the behaviour, if the object was created meanwhile.
    pub behaviour: Option<Name>,
}

/// How an arrow goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrowKind {
    /// The caller waits for the answer.
    Call,
    /// The sender goes on.
    Message,
}

/// What went from one party to another.
#[derive(Clone, Debug)]
pub struct Arrow {
    /// Index of who called or sent.
    pub from: usize,
    /// Index of who was called or is to receive.
    pub to: usize,
    /// How.
    pub kind: ArrowKind,
    /// What it says.
    pub input: Val,
    /// The answer to a call that ended: nothing, or just a value.
    pub output: Option<Val>,
    /// The execution that called or sent.
    pub execution: u64,
    /// Number of the event in it.
    pub event: u64,
    /// Number of the message in its execution.
    pub message: Option<u64>,
    /// The transaction it was in.
    pub tx: Option<TxId>,
    /// Whether it was undone.
    pub undone: bool,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Moment {
    /// In this execution.
    pub execution: u64,
    /// Number of the event there; of a call that an error ended, that of its beginning.
    pub event: u64,
    /// In this transaction.
    pub tx: Option<TxId>,
    /// Whether it was undone.
    pub undone: bool,
    /// What.
    pub what: What,
}

/// What happened. Numbers are indexes of arrows and parties.
#[derive(Clone, Debug)]
pub enum What {
    /// The call of an arrow begins.
    Called(usize),
    /// It ends with the answer of the arrow.
    Returned(usize),
    /// An error ended it.
    Broken(usize),
    /// The message of an arrow goes out.
    Sent(usize),
    /// It is taken out of the mailbox.
    Received(usize),
    /// A party came to be, by the first one, with a controller or none.
    Created(usize, usize, Option<Name>),
    /// A party is no more, by the first one.
    Destroyed(usize, usize),
    /// A transaction began, by a party.
    Began(usize, TxId, Option<Name>),
    /// It took effect.
    Committed(usize, TxId),
    /// It had no effect.
    Aborted(usize, TxId, AbortReason),
    /// An instruction of a party failed.
    Failed(usize, Fault),
    /// The execution of a party ended with an error.
    Ended(usize, Fault),
    /// Something else happened to a party.
    Other(usize, EventKind),
}

/// A run as people look at it.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// Who took part, in order of appearance.
    pub parties: Vec<Party>,
    /// Calls and messages, in order of their beginnings.
    pub arrows: Vec<Arrow>,
    /// All that happened, in order.
    pub moments: Vec<Moment>,
}

/// A call that is not over.
struct Open {
    arrow: usize,
    /// Whether it is a message that became an activation.
    by_message: bool,
}

/// Makes a chart.
#[derive(Default)]
pub struct Builder {
    chart: Chart,
    index: BTreeMap<ObjectId, usize>,
    /// Root objects of programs by execution.
    programs: BTreeMap<u64, ObjectId>,
    /// Calls that are not over, by execution; a place that is not known is `None`.
    open: BTreeMap<u64, Vec<Option<Open>>>,
    /// Messages on their way, by receiver.
    letters: BTreeMap<ObjectId, VecDeque<usize>>,
}

impl Builder {
    /// Takes what was seen, in order.
    pub fn add(&mut self, seen: &Seen) {
        for (execution, root) in &seen.started {
            self.programs.insert(*execution, *root);
            let party = self.party(*root);
            self.chart.parties[party].program = Some(*execution);
        }
        for event in &seen.events {
            self.event(event);
        }
        for (execution, outcome) in &seen.results {
            self.ended(*execution, outcome);
        }
    }

    /// Moments so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chart.moments.len()
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The chart of what was seen.
    #[must_use]
    pub fn finish(self) -> Chart {
        self.chart
    }

    fn party(&mut self, id: ObjectId) -> usize {
        let parties = &mut self.chart.parties;
        *self.index.entry(id).or_insert_with(|| {
            parties.push(Party {
                id,
                program: None,
                behaviour: None,
            });
            parties.len() - 1
        })
    }

    /// Who acts in an execution now.
    fn actor(&mut self, execution: u64) -> usize {
        let calls = self.open.get(&execution);
        let top = calls.and_then(|calls| calls.iter().rev().flatten().next());
        if let Some(open) = top {
            return self.chart.arrows[open.arrow].to;
        }
        let root = self.programs.get(&execution).copied();
        self.party(root.unwrap_or(OUTSIDE))
    }

    fn push(&mut self, event: &Event, what: What) {
        self.chart.moments.push(Moment {
            execution: event.execution,
            event: event.seq,
            tx: event.tx,
            undone: false,
            what,
        });
    }

    /// Drops calls that are over because of an error, down to `depth` of them.
    fn unwind(&mut self, execution: u64, depth: usize) {
        let Some(calls) = self.open.get_mut(&execution) else {
            return;
        };
        let dropped = calls.split_off(depth.min(calls.len()));
        for open in dropped.into_iter().rev().flatten() {
            let arrow = &self.chart.arrows[open.arrow];
            self.chart.moments.push(Moment {
                execution,
                event: arrow.event,
                tx: arrow.tx,
                undone: arrow.undone,
                what: What::Broken(open.arrow),
            });
        }
    }

    fn event(&mut self, event: &Event) {
        let (execution, depth) = (event.execution, event.depth as usize);
        // A call ends with its own event, one level above; what else is deeper ended by an error.
        let own = usize::from(matches!(
            event.kind,
            EventKind::ObjectCalled { .. } | EventKind::ScopeRolledBack { .. }
        ));
        self.unwind(execution, depth + own);
        match &event.kind {
            EventKind::CallStarted {
                object,
                input,
                sender,
            } => self.called(event, *object, input, sender.unwrap_or(OUTSIDE)),
            EventKind::ObjectCalled { output, .. } => {
                let calls = self.open.entry(execution).or_default();
                let ended = match calls.len() > depth {
                    true => calls.pop().flatten(),
                    false => None,
                };
                if let Some(open) = ended.filter(|open| !open.by_message) {
                    self.chart.arrows[open.arrow].output = Some(output.clone());
                    self.push(event, What::Returned(open.arrow));
                }
            }
            EventKind::MessageSent { to, value, message } => {
                let (from, receiver) = (self.actor(execution), self.party(*to));
                let arrow = self.arrow(event, [from, receiver], ArrowKind::Message, value);
                self.chart.arrows[arrow].message = Some(*message);
                self.letters.entry(*to).or_default().push_back(arrow);
                self.push(event, What::Sent(arrow));
            }
            EventKind::MessageReceived {
                object,
                value,
                message,
            } => {
                let is = |arrow: &Arrow| arrow.message == Some(*message) && arrow.input == *value;
                let known = self.letter(*object, is);
                let arrow =
                    known.unwrap_or_else(|| self.letter_from_outside(event, *object, value));
                self.push(event, What::Received(arrow));
            }
            EventKind::ScopeRolledBack { from, to } => self.rolled_back(execution, *from, *to),
            kind => self.other(event, kind),
        }
    }

    fn other(&mut self, event: &Event, kind: &EventKind) {
        let actor = self.actor(event.execution);
        let what = match kind {
            EventKind::ObjectCreated {
                object,
                behaviour,
                controller,
            } => {
                let party = self.party(*object);
                self.chart.parties[party].behaviour = Some(behaviour.clone());
                What::Created(actor, party, controller.clone())
            }
            EventKind::ObjectDestroyed { object } => What::Destroyed(actor, self.party(*object)),
            EventKind::TransactionStarted { tx, controller } => {
                What::Began(actor, *tx, controller.clone())
            }
            EventKind::TransactionCommitted { tx } => What::Committed(actor, *tx),
            EventKind::TransactionAborted { tx, reason, .. } => {
                self.aborted(*tx);
                What::Aborted(actor, *tx, *reason)
            }
            EventKind::ErrorOccurred { fault } => What::Failed(actor, fault.clone()),
            EventKind::ObjectMoved { object, .. }
            | EventKind::ObjectFetched { object, .. }
            | EventKind::ObjectTransferred { object, .. }
            | EventKind::ObjectFrozen { object, .. } => {
                What::Other(self.party(*object), kind.clone())
            }
            EventKind::ExecutionMoved { .. }
            | EventKind::FunctionRegistered { .. }
            | EventKind::FunctionUpdated { .. } => What::Other(actor, kind.clone()),
            // They are looks at the machine and new states; no party gets anything by them.
            _ => return,
        };
        self.push(event, what);
    }

    fn arrow(
        &mut self,
        event: &Event,
        [from, to]: [usize; 2],
        kind: ArrowKind,
        input: &Val,
    ) -> usize {
        self.chart.arrows.push(Arrow {
            from,
            to,
            kind,
            input: input.clone(),
            output: None,
            execution: event.execution,
            event: event.seq,
            message: None,
            tx: event.tx,
            undone: false,
        });
        self.chart.arrows.len() - 1
    }

    fn called(&mut self, event: &Event, object: ObjectId, input: &Val, sender: ObjectId) {
        let (execution, depth) = (event.execution, event.depth as usize);
        let from = self.party(sender);
        let is_own = self.programs.get(&execution) == Some(&sender);
        let mut letter = None;
        if depth == 0 && !is_own {
            letter = self.letter(object, |arrow| arrow.from == from && arrow.input == *input);
            if letter.is_none() && sender == OUTSIDE {
                letter = Some(self.letter_from_outside(event, object, input));
            }
        }
        let by_message = letter.is_some();
        let arrow = match letter {
            Some(arrow) => {
                self.push(event, What::Received(arrow));
                arrow
            }
            None => {
                let ends = [from, self.party(object)];
                let arrow = self.arrow(event, ends, ArrowKind::Call, input);
                self.push(event, What::Called(arrow));
                arrow
            }
        };
        let calls = self.open.entry(execution).or_default();
        calls.resize_with(depth, || None);
        calls.push(Some(Open { arrow, by_message }));
    }

    /// A message on its way to a party, which arrives now.
    fn letter(&mut self, to: ObjectId, is: impl Fn(&Arrow) -> bool) -> Option<usize> {
        let arrows = &self.chart.arrows;
        let waiting = self.letters.get_mut(&to)?;
        let at = waiting.iter().position(|arrow| is(&arrows[*arrow]))?;
        waiting.remove(at)
    }

    /// A message that nobody was seen to send.
    fn letter_from_outside(&mut self, event: &Event, to: ObjectId, value: &Val) -> usize {
        let ends = [self.party(OUTSIDE), self.party(to)];
        self.arrow(event, ends, ArrowKind::Message, value)
    }

    fn rolled_back(&mut self, execution: u64, from: u64, to: u64) {
        let mut found = Vec::new();
        for (at, moment) in self.chart.moments.iter().enumerate().rev() {
            if moment.execution != execution {
                continue;
            }
            // A transaction makes what came before it durable, and itself when it commits.
            let durable = matches!(moment.what, What::Began(..) | What::Committed(..));
            if moment.event < from || durable {
                break;
            }
            if moment.event <= to {
                found.push(at);
            }
        }
        found.into_iter().for_each(|at| self.undo(at));
    }

    fn aborted(&mut self, tx: TxId) {
        for at in (0..self.chart.moments.len()).rev() {
            let moment = &self.chart.moments[at];
            match moment.what {
                What::Began(_, began, _) if began == tx => break,
                _ if moment.tx == Some(tx) => self.undo(at),
                _ => {}
            }
        }
    }

    fn undo(&mut self, at: usize) {
        let moment = &mut self.chart.moments[at];
        if core::mem::replace(&mut moment.undone, true) {
            return;
        }
        match moment.what {
            What::Called(arrow) => self.chart.arrows[arrow].undone = true,
            What::Sent(arrow) => {
                let sent = &mut self.chart.arrows[arrow];
                sent.undone = true;
                let to = self.chart.parties[sent.to].id;
                self.letter_taken_back(to, arrow);
            }
            What::Received(arrow) => {
                let to = self.chart.parties[self.chart.arrows[arrow].to].id;
                self.letters.entry(to).or_default().push_front(arrow);
            }
            _ => {}
        }
    }

    fn letter_taken_back(&mut self, to: ObjectId, arrow: usize) {
        if let Some(waiting) = self.letters.get_mut(&to) {
            waiting.retain(|other| *other != arrow);
        }
    }

    fn ended(&mut self, execution: u64, outcome: &Outcome) {
        if let Outcome::Failed(fault) = outcome {
            let actor = match self.programs.get(&execution) {
                Some(root) => self.party(*root),
                None => {
                    let calls = self.open.get(&execution).and_then(|calls| calls.first());
                    let first = calls.and_then(Option::as_ref);
                    match first.map(|open| self.chart.arrows[open.arrow].to) {
                        Some(party) => party,
                        None => self.party(OUTSIDE),
                    }
                }
            };
            self.unwind_calls(execution);
            let mut last = self.chart.moments.iter();
            let last = last.rposition(|moment| moment.execution == execution);
            let moment = Moment {
                execution,
                event: u64::MAX,
                tx: None,
                undone: false,
                what: What::Ended(actor, fault.clone()),
            };
            // Results are told apart from events, and others may have run since.
            let at = last.map_or(self.chart.moments.len(), |last| last + 1);
            self.chart.moments.insert(at, moment);
        }
        self.open.remove(&execution);
    }

    /// What is open when an execution fails was ended by the error.
    fn unwind_calls(&mut self, execution: u64) {
        if let Some(calls) = self.open.get_mut(&execution) {
            // A message has no caller to whom it could return.
            calls.retain(|open| open.as_ref().is_some_and(|open| !open.by_message));
        }
        self.unwind(execution, 0);
    }
}

impl Chart {
    /// Indexes of the arrows that took effect, in order.
    pub fn effective(&self) -> impl Iterator<Item = usize> {
        let arrows = self.arrows.iter().enumerate();
        arrows.filter(|(_, arrow)| !arrow.undone).map(|(at, _)| at)
    }

    /// The bytes of an arrow in the tree: its number `i` among the effective ones (8 bytes),
    /// object ids of both ends, hash of the input, 1 and the hash of the answer or 0, number of
    /// the execution (8 bytes). Numbers are big-endian.
    ///
    /// # Errors
    /// If a value cannot be read.
    pub fn leaf(&self, i: u64, arrow: usize) -> Result<Vec<u8>, HostError> {
        let arrow = &self.arrows[arrow];
        let mut leaf = Vec::new();
        leaf.u64(i);
        leaf.raw(&self.parties[arrow.from].id.0);
        leaf.raw(&self.parties[arrow.to].id.0);
        leaf.raw(&arrow.input.hash()?.0);
        match &arrow.output {
            Some(output) => {
                leaf.u8(1);
                leaf.raw(&output.hash()?.0);
            }
            None => leaf.u8(0),
        }
        leaf.u64(arrow.execution);
        Ok(leaf)
    }

    /// The tree over the effective arrows; its head has the root of the chart.
    ///
    /// # Errors
    /// If a value cannot be read.
    pub fn tree(&self) -> Result<Tree, HostError> {
        let mut tree = Tree::default();
        for (i, arrow) in (0..).zip(self.effective()) {
            tree.push(Leaf::of_item(&self.leaf(i, arrow)?));
        }
        Ok(tree)
    }

    /// Shows one effective arrow, by its number among them, and none of the others.
    ///
    /// # Errors
    /// If a value cannot be read.
    pub fn disclose(&self, i: u64) -> Result<Option<Disclosed>, HostError> {
        let at = usize::try_from(i).ok();
        let Some(arrow) = at.and_then(|at| self.effective().nth(at)) else {
            return Ok(None);
        };
        let tree = self.tree()?;
        let path = tree.inclusion(i, tree.head().len);
        Ok(path.map(|path| Disclosed {
            leaf: self.leaf(i, arrow).unwrap_or_default(),
            index: i,
            path,
        }))
    }
}

/// One arrow with its way to the root of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosed {
    /// Its number among the effective ones.
    pub index: u64,
    /// Its bytes: see [`Chart::leaf`].
    pub leaf: Vec<u8>,
    /// Hashes beside the way to the root.
    pub path: Vec<Hash>,
}

impl Disclosed {
    /// Checks that a chart has the arrow.
    ///
    /// # Errors
    /// If it does not.
    pub fn verify(&self, head: &LogHead) -> Result<(), ProofError> {
        head.verify_inclusion(self.index, Leaf::of_item(&self.leaf), &self.path)
    }
}

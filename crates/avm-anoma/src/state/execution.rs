//! An execution: one thread of calls, with what it has done and not made durable yet.

mod record;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::HostError;

use super::bytes::{Get, Put};
pub use super::frames::{Frame, FrameKind, Frames};
use super::keys::{self, Part, part};
use super::records::{
    Accepted, Activation, CodeAt, Envelope, Fold, FunctionVersion, Guard, Marks, Pending, Undo,
};
use super::stack::Stack;
use super::store::{Record, Saver, Store};
use crate::event::Name;
use crate::fault::Fault;
use crate::seen::Outcome;
use crate::value::{Obj, ObjectId, TxId, Val, tagged_hash};

/// One thread of calls.
#[derive(Clone, Debug)]
pub struct Execution {
    /// Its number.
    pub number: u64,
    /// Whether it runs, and what it is in the middle of.
    pub doing: Doing,
    /// Whether it goes on only when an input says so.
    pub held: bool,
    /// Where it began; part of its id.
    pub origin: Name,
    /// Where the program itself runs now.
    pub machine: Name,
    /// What it may do.
    pub caps: u16,
    /// Whether it began with a message, not with a program.
    pub by_message: bool,
    /// State of the program itself.
    pub root_state: Val,
    /// What the program was given.
    pub root_input: Val,
    /// Calls of functions.
    pub frames: Frames,
    /// Calls of objects.
    pub activations: Stack<Activation>,
    /// Handlers of errors.
    pub guards: Stack<Guard>,
    /// What to undo; positions count from the first that ever was.
    pub journal: Stack<Undo>,
    /// Accepted inputs, likewise.
    pub log: Stack<Accepted>,
    /// Messages to be sent, likewise.
    pub outbox: Stack<Envelope>,
    /// How many of those went out already.
    pub sent: u32,
    /// Positions of the first of each.
    pub base: Marks,
    /// The transaction.
    pub tx: Option<Box<Tx>>,
    /// What the transaction holds, object by object.
    pub pending: Stack<Pending>,
    /// Transactions that ended last, and whether they took effect.
    pub ended: Vec<(u64, bool)>,
    /// Events so far.
    pub events: u64,
    /// Objects created so far.
    pub creates: u64,
    /// Transactions begun so far.
    pub txs: u64,
    /// Messages sent so far.
    pub sends: u64,
    /// Gas used.
    pub gas: u64,
    /// Hash over its events.
    pub trace: Fold,
    /// Inputs of replicas that are being merged.
    pub merge: Option<Box<Merge>>,
    /// Whether the transaction that is being dropped took effect.
    pub committed: bool,
    /// How it ended, when it has.
    pub outcome: Option<Outcome>,
    /// Where the transaction holds which object; follows from what it holds.
    pub tx_index: BTreeMap<ObjectId, u32>,
    /// Whether somebody may know the object that the program itself is.
    pub root_known: bool,
    in_map: bool,
    id: Option<[u8; 32]>,
    root: Option<Obj>,
    epoch: u64,
}

/// What an execution is in the middle of.
#[derive(Clone, Debug)]
pub enum Doing {
    /// Instructions.
    Running,
    /// Waits for a message to the object on top.
    Waiting,
    /// Undoes and drops frames because of an error.
    Failing(Fault),
    /// Undoes one activation, which rejected its input.
    Rejecting,
    /// Makes the effects of a turn durable.
    Settling(Next, u32),
    /// Checks what a transaction read, from this object on.
    Validating(u8, u32),
    /// Makes the effects of a transaction durable, from this object on.
    Applying(u8, u32),
    /// Drops what a transaction holds.
    Dropping(Then),
    /// Feeds an object what its replicas accepted.
    Merging,
    /// Is done.
    Ended,
}

/// What follows a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Next {
    /// The next instruction.
    Go = 0,
    /// The same instruction again.
    Again,
    /// Nothing: the execution is done.
    End,
    /// Waits for a message.
    Wait,
}

/// What follows when a transaction is dropped.
#[derive(Clone, Debug)]
pub enum Then {
    /// The next instruction.
    Go,
    /// The error goes on.
    Fail(Fault),
    /// The rejection goes on.
    Reject,
}

/// A transaction.
#[derive(Clone, Debug)]
pub struct Tx {
    /// Its number in its execution.
    pub number: u64,
    /// Its id.
    pub id: TxId,
    /// Depth of the frame that began it.
    pub owner: u32,
    /// Who orders it.
    pub controller: Option<Name>,
    /// The clock it reads at.
    pub snapshot: u64,
    /// Pure functions it replaces.
    pub functions: Vec<(Name, FunctionVersion)>,
    /// The first object that was in conflict.
    pub conflict: Option<Obj>,
    /// The clock when it began; pure functions are those of that time.
    pub clock: u64,
}

/// The inputs of replicas, on their way into the object.
#[derive(Clone, Debug)]
pub struct Merge {
    /// The object.
    pub object: Obj,
    /// Inputs left, the next one last.
    pub inputs: Vec<(Val, Option<Obj>)>,
    /// Accepted.
    pub merged: u32,
    /// Not accepted.
    pub dropped: u32,
    /// Register for the result.
    pub register: u8,
}

impl Execution {
    /// A new one.
    pub fn new(number: u64, epoch: u64, machine: Name, caps: u16) -> Self {
        Self {
            number,
            doing: Doing::Running,
            held: false,
            origin: machine.clone(),
            machine,
            caps,
            by_message: false,
            root_state: Val::Nothing,
            root_input: Val::Nothing,
            frames: Frames::default(),
            activations: Stack::default(),
            guards: Stack::default(),
            journal: Stack::default(),
            log: Stack::default(),
            outbox: Stack::default(),
            sent: 0,
            base: Marks::default(),
            tx: None,
            pending: Stack::default(),
            committed: false,
            outcome: None,
            tx_index: BTreeMap::new(),
            root_known: false,
            in_map: false,
            ended: Vec::new(),
            events: 0,
            creates: 0,
            txs: 0,
            sends: 0,
            gas: 0,
            trace: Fold::default(),
            merge: None,
            id: None,
            root: None,
            epoch,
        }
    }

    /// Makes it a new one; what it holds in memory is used again.
    pub fn renew(&mut self, number: u64, epoch: u64, machine: Name, caps: u16) {
        if self.in_map {
            *self = Self::new(number, epoch, machine, caps);
            return;
        }
        (self.number, self.epoch, self.caps) = (number, epoch, caps);
        if !Arc::ptr_eq(&self.origin, &machine) {
            self.origin = machine.clone();
        }
        if !Arc::ptr_eq(&self.machine, &machine) {
            self.machine = machine;
        }
        (self.doing, self.held, self.by_message) = (Doing::Running, false, false);
        (self.root_state, self.root_input) = (Val::Nothing, Val::Nothing);
        self.frames.clear();
        self.activations.clear();
        self.guards.clear();
        self.journal.clear();
        self.log.clear();
        self.outbox.clear();
        self.pending.clear();
        self.tx_index.clear();
        self.ended.clear();
        (self.sent, self.base, self.tx) = (0, Marks::default(), None);
        (self.events, self.creates, self.txs, self.sends, self.gas) = (0, 0, 0, 0, 0);
        self.trace.reset();
        (self.merge, self.committed, self.outcome) = (None, false, None);
        (self.root_known, self.id, self.root) = (false, None, None);
    }

    /// Its id: where it began, in which epoch, and its number. Spec section 2.
    pub fn id(&mut self) -> [u8; 32] {
        let (origin, epoch, number) = (&self.origin, self.epoch, self.number);
        *self.id.get_or_insert_with(|| {
            let parts: [&[u8]; 3] = [
                origin.as_bytes(),
                &epoch.to_be_bytes(),
                &number.to_be_bytes(),
            ];
            tagged_hash("avm/exec", &parts).0
        })
    }

    /// The object that the program itself is.
    pub fn root(&mut self) -> Obj {
        if self.root.is_none() {
            let id = super::records::object_id(&self.id(), u64::MAX);
            self.root = Some(Obj::new(id));
        }
        self.root.clone().expect("it was just made")
    }

    /// Positions now.
    #[inline]
    pub fn marks(&self) -> Marks {
        Marks {
            journal: self.base.journal + u64::from(self.journal.len()),
            log: self.base.log + u64::from(self.log.len()),
            outbox: self.base.outbox + u64::from(self.outbox.len()),
        }
    }

    /// Key of a part.
    #[inline]
    pub fn key(&self, which: Part) -> keys::Key {
        part(self.number, which)
    }

    /// Brings the map up to date.
    pub fn sync(&mut self, store: &mut Store) -> Result<(), HostError> {
        let number = self.number;
        self.frames.sync(number, store)?;
        self.activations
            .sync(store, part(number, Part::Activations))?;
        self.guards.sync(store, part(number, Part::Guards))?;
        self.journal.sync(store, part(number, Part::Journal))?;
        self.log.sync(store, part(number, Part::Log))?;
        self.outbox.sync(store, part(number, Part::Outbox))?;
        self.pending.sync(store, part(number, Part::Pending))?;
        self.in_map = true;
        store.put(keys::execution(number).bytes(), self)
    }

    /// Takes it out of the map.
    pub fn erase(&mut self, store: &mut Store) -> Result<(), HostError> {
        if !self.in_map {
            return Ok(());
        }
        self.frames.clear();
        self.sync(store)?;
        store.remove(keys::execution(self.number).bytes())
    }

    /// Puts the nodes of values in memory into a sink.
    pub fn save(&self, saver: &mut Saver<'_>) {
        let each = &mut |value: &Val| saver.val(value);
        self.each_val(each);
        self.frames.each_val(each);
        self.activations.each_val(each);
        self.journal.each_val(each);
        self.log.each_val(each);
        self.outbox.each_val(each);
        self.pending.each_val(each);
    }
}

impl Doing {
    /// The error that it undoes and drops frames because of.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Failing(fault) | Self::Dropping(Then::Fail(fault)) => Some(fault),
            _ => None,
        }
    }

    /// Every name.
    pub const NAMES: [&'static str; 10] = [
        "running",
        "waiting",
        "failing",
        "rejecting",
        "settling",
        "validating",
        "applying",
        "dropping",
        "merging",
        "ended",
    ];

    /// What it is called where a step is named that is no instruction.
    pub fn name(&self) -> &'static str {
        let index = match self {
            Self::Running => 0,
            Self::Waiting => 1,
            Self::Failing(_) => 2,
            Self::Rejecting => 3,
            Self::Settling(..) => 4,
            Self::Validating(..) => 5,
            Self::Applying(..) => 6,
            Self::Dropping(_) => 7,
            Self::Merging => 8,
            Self::Ended => 9,
        };
        Self::NAMES[index]
    }
}

//! What the state consists of, and how it is written.

use alloc::vec::Vec;

use avm_core::Hash;

use super::bytes::{Get, Put};
use super::store::Record;
pub use super::undo::{Pending, Undo};
use crate::event::Name;
use crate::fault::{Code, Fault};
use crate::value::{Obj, ObjectId, Val, tagged_hash};

/// A hash over a growing list of entries. Entries are gathered and hashed some hundred bytes at a
/// time, since most are far shorter than what a hash takes in one go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fold {
    /// Entries so far.
    pub count: u64,
    hash: [u8; 32],
    tail: Vec<u8>,
}

impl Fold {
    /// Bytes that are gathered before they are hashed.
    const PIECE: usize = 128;

    /// Adds an entry that `write` writes.
    #[inline]
    pub fn add(&mut self, domain: &str, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.tail);
        self.count += 1;
        if self.tail.len() >= Self::PIECE {
            self.hash = tagged_hash(domain, &[&self.hash, &self.tail]).0;
            self.tail.clear();
        }
    }

    /// Forgets all.
    pub fn reset(&mut self) {
        (self.count, self.hash) = (0, [0; 32]);
        self.tail.clear();
    }

    /// The hash over all of it.
    pub fn digest(&self, domain: &str) -> Hash {
        tagged_hash(domain, &[&self.count.to_be_bytes(), &self.hash, &self.tail])
    }
}

impl Record for Fold {
    const WHAT: &'static str = "a hash over entries";

    fn write(&self, out: &mut Vec<u8>) {
        out.u64(self.count);
        out.raw(&self.hash);
        out.short(&self.tail);
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        let (count, hash) = (get.u64()?, get.hash()?.0);
        let tail = get.short()?;
        (tail.len() < Self::PIECE).then(|| Self {
            count,
            hash,
            tail: tail.to_vec(),
        })
    }
}

/// Which code an object runs: a module by number, and an export of it by function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeAt {
    /// Number of the module.
    pub module: u32,
    /// Index of the function.
    pub function: u32,
}

/// A committed object.
#[derive(Clone, Debug)]
pub struct Object {
    /// What it runs.
    pub code: CodeAt,
    /// Name of the behaviour.
    pub behaviour: Name,
    /// A list.
    pub state: Val,
    /// Where it is at home.
    pub machine: Name,
    /// Who ordered its creation.
    pub creating: Option<Name>,
    /// Who orders its changes.
    pub current: Option<Name>,
    /// Accepted inputs.
    pub history: Fold,
    /// Entry of its controller's log that changed it last; the clock for one without controller.
    pub version: u64,
    /// The clock when it changed last.
    pub stamp: u64,
    /// The clock when it came to be.
    pub created: u64,
}

impl Record for Object {
    const WHAT: &'static str = "an object";

    fn write(&self, out: &mut Vec<u8>) {
        out.u32(self.code.module);
        out.u32(self.code.function);
        out.name(&self.behaviour);
        out.val(&self.state);
        out.name(&self.machine);
        out.name_or_none(self.creating.as_ref());
        out.name_or_none(self.current.as_ref());
        self.history.write(out);
        out.u64(self.version);
        out.u64(self.stamp);
        out.u64(self.created);
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        Some(Self {
            code: CodeAt {
                module: get.u32()?,
                function: get.u32()?,
            },
            behaviour: get.name()?,
            state: get.val()?,
            machine: get.name()?,
            creating: get.name_or_none()?,
            current: get.name_or_none()?,
            history: Fold::read(get)?,
            version: get.u64()?,
            stamp: get.u64()?,
            created: get.u64()?,
        })
    }

    fn each_val(&self, found: &mut dyn FnMut(&Val)) {
        found(&self.state);
    }
}

/// A number alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(pub u64);

impl Record for Number {
    const WHAT: &'static str = "a number";

    fn write(&self, out: &mut Vec<u8>) {
        out.u64(self.0);
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        get.u64().map(Self)
    }
}

/// What runs on behalf of an object: one input of it.
#[derive(Clone, Debug)]
pub struct Activation {
    /// The object.
    pub object: Obj,
    /// What it was sent.
    pub input: Val,
    /// Who sent it.
    pub sender: Option<Obj>,
    /// Where it runs.
    pub machine: Name,
    /// What there was to undo, to log and to send when it began.
    pub marks: Marks,
    /// Number of the first event after it began.
    pub first_event: u64,
    /// Just its first output, or nothing.
    pub output: Val,
    /// How many outputs there are.
    pub outputs: u32,
    /// What its caller may do.
    pub caps: u16,
    /// How it ends.
    pub mode: Mode,
    /// Depth of its frame.
    pub frame: u32,
}

/// Positions in what an execution gathers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// What to undo.
    pub journal: u64,
    /// Accepted inputs.
    pub log: u64,
    /// Messages.
    pub outbox: u64,
}

/// How an activation was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// By a call.
    Call = 0,
    /// By a call of a replica.
    Replica,
    /// By a message.
    Message,
    /// By merging what a replica took.
    Merge,
}

impl Mode {
    fn read(get: &mut Get<'_>) -> Option<Self> {
        let all = [Self::Call, Self::Replica, Self::Message, Self::Merge];
        all.get(usize::from(get.u8()?)).copied()
    }
}

/// An object in a record: its id.
pub(super) fn put_obj(out: &mut Vec<u8>, obj: &Obj) {
    out.raw(&obj.id().0);
}

pub(super) fn put_maybe_obj(out: &mut Vec<u8>, obj: Option<&Obj>) {
    out.u8(obj.is_some().into());
    if let Some(obj) = obj {
        put_obj(out, obj);
    }
}

pub(super) fn get_obj(get: &mut Get<'_>) -> Option<Obj> {
    get.id().map(Obj::new)
}

pub(super) fn get_maybe_obj(get: &mut Get<'_>) -> Option<Option<Obj>> {
    Some(if get.flag()? {
        Some(get_obj(get)?)
    } else {
        None
    })
}

impl Record for Activation {
    const WHAT: &'static str = "an activation";

    fn write(&self, out: &mut Vec<u8>) {
        put_obj(out, &self.object);
        out.val(&self.input);
        put_maybe_obj(out, self.sender.as_ref());
        out.name(&self.machine);
        out.u64(self.marks.journal);
        out.u64(self.marks.log);
        out.u64(self.marks.outbox);
        out.u64(self.first_event);
        out.val(&self.output);
        out.u32(self.outputs);
        out.u32(self.caps.into());
        out.u8(self.mode as u8);
        out.u32(self.frame);
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        Some(Self {
            object: get_obj(get)?,
            input: get.val()?,
            sender: get_maybe_obj(get)?,
            machine: get.name()?,
            marks: Marks {
                journal: get.u64()?,
                log: get.u64()?,
                outbox: get.u64()?,
            },
            first_event: get.u64()?,
            output: get.val()?,
            outputs: get.u32()?,
            caps: u16::try_from(get.u32()?).ok()?,
            mode: Mode::read(get)?,
            frame: get.u32()?,
        })
    }

    fn each_val(&self, found: &mut dyn FnMut(&Val)) {
        found(&self.input);
        found(&self.output);
    }
}

/// A handler of errors: the depth of its frame, where it goes on, and which register gets the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Depth of the frame.
    pub frame: u32,
    /// Where to go on.
    pub target: u32,
    /// What gets the error.
    pub register: u8,
    /// Transactions that had begun by then: a later one does not outlive an error caught here.
    pub txs: u64,
}

impl Record for Guard {
    const WHAT: &'static str = "a handler of errors";

    fn write(&self, out: &mut Vec<u8>) {
        out.u32(self.frame);
        out.u32(self.target);
        out.u8(self.register);
        out.u64(self.txs);
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        Some(Self {
            frame: get.u32()?,
            target: get.u32()?,
            register: get.u8()?,
            txs: get.u64()?,
        })
    }
}

/// An accepted input.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Of this object.
    pub object: Obj,
    /// The input.
    pub input: Val,
}

impl Record for Accepted {
    const WHAT: &'static str = "an accepted input";

    fn write(&self, out: &mut Vec<u8>) {
        put_obj(out, &self.object);
        out.val(&self.input);
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        Some(Self {
            object: get_obj(get)?,
            input: get.val()?,
        })
    }

    fn each_val(&self, found: &mut dyn FnMut(&Val)) {
        found(&self.input);
    }
}

/// A message on its way.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// Who sent it; `None` if it comes from outside.
    pub from: Option<Obj>,
    /// Who gets it.
    pub to: Obj,
    /// What it says.
    pub value: Val,
    /// Its number among those of the execution that sent it.
    pub message: u64,
}

impl Record for Envelope {
    const WHAT: &'static str = "a message";

    fn write(&self, out: &mut Vec<u8>) {
        put_maybe_obj(out, self.from.as_ref());
        put_obj(out, &self.to);
        out.val(&self.value);
        out.u64(self.message);
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        Some(Self {
            from: get_maybe_obj(get)?,
            to: get_obj(get)?,
            value: get.val()?,
            message: get.u64()?,
        })
    }

    fn each_val(&self, found: &mut dyn FnMut(&Val)) {
        found(&self.value);
    }
}

/// A version of a pure function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionVersion {
    /// The clock when it came to be.
    pub since: u64,
    /// Its code.
    pub code: CodeAt,
    /// Its number, from 0.
    pub version: u64,
}

/// The versions of a pure function that somebody may still see, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions(pub Vec<FunctionVersion>);

impl Record for Versions {
    const WHAT: &'static str = "versions of a pure function";

    fn write(&self, out: &mut Vec<u8>) {
        out.u32(self.0.len() as u32);
        for version in &self.0 {
            out.u64(version.since);
            out.u32(version.code.module);
            out.u32(version.code.function);
            out.u64(version.version);
        }
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        let versions = (0..get.u32()?).map(|_| {
            Some(FunctionVersion {
                since: get.u64()?,
                code: CodeAt {
                    module: get.u32()?,
                    function: get.u32()?,
                },
                version: get.u64()?,
            })
        });
        versions.collect::<Option<_>>().map(Self)
    }
}

/// A copy of an object that goes its own way until it is merged.
#[derive(Clone, Debug)]
pub struct Replica {
    /// Stamp of the object it was made from.
    pub base: u64,
    /// Its state.
    pub state: Val,
    /// What it accepted since: inputs with their senders, a list of pairs.
    pub pending: Vec<(Val, Option<Obj>)>,
}

impl Record for Replica {
    const WHAT: &'static str = "a replica";

    fn write(&self, out: &mut Vec<u8>) {
        out.u64(self.base);
        out.val(&self.state);
        out.u32(self.pending.len() as u32);
        for (input, sender) in &self.pending {
            out.val(input);
            put_maybe_obj(out, sender.as_ref());
        }
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        let (base, state) = (get.u64()?, get.val()?);
        let pending = (0..get.u32()?).map(|_| Some((get.val()?, get_maybe_obj(get)?)));
        Some(Self {
            base,
            state,
            pending: pending.collect::<Option<_>>()?,
        })
    }

    fn each_val(&self, found: &mut dyn FnMut(&Val)) {
        found(&self.state);
        self.pending.iter().for_each(|(input, _)| found(input));
    }
}

/// Who orders changes.
#[derive(Clone, Debug, Default)]
pub struct Controller {
    /// Whether it can be reached.
    pub reachable: bool,
    /// Entries of its log.
    pub entries: u64,
    /// Whether the last of them is still being written: a turn.
    pub open: bool,
    /// Hash over all entries.
    pub log: Fold,
}

impl Record for Controller {
    const WHAT: &'static str = "a controller";

    fn write(&self, out: &mut Vec<u8>) {
        out.u8(self.reachable.into());
        out.u64(self.entries);
        out.u8(self.open.into());
        self.log.write(out);
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        Some(Self {
            reachable: get.flag()?,
            entries: get.u64()?,
            open: get.flag()?,
            log: Fold::read(get)?,
        })
    }
}

/// What waits to be run.
#[derive(Clone, Debug)]
pub enum Token {
    /// An execution.
    Execution(u64),
    /// The next message of an object.
    Mail(Obj),
}

impl Record for Token {
    const WHAT: &'static str = "what is to be run";

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Execution(number) => {
                out.u8(0);
                out.u64(*number);
            }
            Self::Mail(object) => {
                out.u8(1);
                put_obj(out, object);
            }
        }
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        match get.u8()? {
            0 => get.u64().map(Self::Execution),
            1 => get_obj(get).map(Self::Mail),
            _ => None,
        }
    }
}

/// First message of a mailbox and how many there are.
#[derive(Clone, Debug, Default)]
pub struct Mailbox {
    /// Number of the first.
    pub first: u64,
    /// How many.
    pub len: u64,
    /// Executions that wait for a message, the first one first.
    pub waiting: Vec<u64>,
    /// Execution whose program itself this is the mailbox of, plus one.
    pub root: u64,
}

impl Record for Mailbox {
    const WHAT: &'static str = "a mailbox";

    fn write(&self, out: &mut Vec<u8>) {
        out.u64(self.first);
        out.u64(self.len);
        out.u64(self.root);
        out.u32(self.waiting.len() as u32);
        self.waiting.iter().for_each(|number| out.u64(*number));
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        Some(Self {
            first: get.u64()?,
            len: get.u64()?,
            root: get.u64()?,
            waiting: (0..get.u32()?).map(|_| get.u64()).collect::<Option<_>>()?,
        })
    }
}

impl Record for Fault {
    const WHAT: &'static str = "an error of a program";

    fn write(&self, out: &mut Vec<u8>) {
        out.u8(self.code as u8);
        out.u8(self.fields.len() as u8);
        self.fields.iter().for_each(|field| out.val(field));
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        let code = *Code::ALL.get(usize::from(get.u8()?))?;
        let fields = (0..get.u8()?).map(|_| get.val()).collect::<Option<_>>()?;
        Some(Self { code, fields })
    }

    fn each_val(&self, found: &mut dyn FnMut(&Val)) {
        self.fields.iter().for_each(found);
    }
}

/// The id of an object: that of the execution that created it, and a count.
pub fn object_id(execution: &[u8; 32], count: u64) -> ObjectId {
    ObjectId(tagged_hash("avm/obj", &[execution, &count.to_be_bytes()]).0)
}

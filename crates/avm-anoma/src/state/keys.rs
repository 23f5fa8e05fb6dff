//! Where in the map a record is: a byte for its kind, then what names it.

use crate::value::ObjectId;

/// A key, up to 64 bytes.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    len: u8,
    bytes: [u8; 96],
}

impl Key {
    const fn new(kind: u8) -> Self {
        let mut bytes = [0; 96];
        bytes[0] = kind;
        Self { len: 1, bytes }
    }

    /// The key as the map takes it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len.into()]
    }

    /// This key with more bytes.
    pub fn with(mut self, more: &[u8]) -> Self {
        let end = usize::from(self.len) + more.len();
        self.bytes[self.len.into()..end].copy_from_slice(more);
        self.len = end as u8;
        self
    }

    /// This key with a 32-bit number.
    pub fn at(self, index: u32) -> Self {
        self.with(&index.to_be_bytes())
    }

    /// This key with a 64-bit number.
    pub fn number(self, number: u64) -> Self {
        self.with(&number.to_be_bytes())
    }
}

/// What the machine is doing.
pub const HEADER: Key = Key::new(0x00);
/// Limits and what else the image fixes.
pub const CONFIG: Key = Key::new(0x01);
/// Tokens of what is to be run, by number.
pub const READY: Key = Key::new(0x02);

/// A committed object.
pub fn object(id: &ObjectId) -> Key {
    OBJECTS.with(&id.0)
}
/// All objects.
pub const OBJECTS: Key = Key::new(0x10);
/// An object that is no more.
pub fn tombstone(id: &ObjectId) -> Key {
    TOMBSTONES.with(&id.0)
}
/// All tombstones.
pub const TOMBSTONES: Key = Key::new(0x11);
/// First message of a mailbox and their number.
pub fn mailbox(id: &ObjectId) -> Key {
    MAILBOXES.with(&id.0)
}
/// All mailboxes.
pub const MAILBOXES: Key = Key::new(0x12);
/// Messages of a mailbox, by number.
pub fn messages(id: &ObjectId) -> Key {
    Key::new(0x13).with(&id.0)
}
/// A replica: object and machine.
pub fn replica(id: &ObjectId, machine: &str) -> Key {
    replicas(id).with(&machine.as_bytes()[..machine.len().min(60)])
}
/// The replicas of an object.
pub fn replicas(id: &ObjectId) -> Key {
    Key::new(0x14).with(&id.0)
}
/// What an object was before a change, for transactions that began earlier; by number of change.
pub fn earlier(id: &ObjectId) -> Key {
    Key::new(0x15).with(&id.0)
}
/// All of them.
pub const EARLIER: Key = Key::new(0x15);

/// A controller.
pub fn controller(name: &str) -> Key {
    CONTROLLERS.with(name.as_bytes())
}
/// All controllers.
pub const CONTROLLERS: Key = Key::new(0x20);
/// A machine.
pub fn machine(name: &str) -> Key {
    MACHINES.with(name.as_bytes())
}
/// All machines.
pub const MACHINES: Key = Key::new(0x21);

/// A module: its name and tables' lengths.
pub fn module(number: u32) -> Key {
    Key::new(0x30).at(number)
}
/// Constants of a module, by index.
pub fn constants(number: u32) -> Key {
    Key::new(0x31).at(number)
}
/// Functions of a module, by index.
pub fn functions(number: u32) -> Key {
    Key::new(0x32).at(number)
}
/// Words of a function, by piece.
pub fn words(number: u32, function: u32) -> Key {
    Key::new(0x33).at(number).at(function)
}
/// An export of a module.
pub fn export(number: u32, name: &str) -> Key {
    Key::new(0x34).at(number).with(name.as_bytes())
}
/// The number of the module with a hash.
pub fn module_named(hash: &[u8; 32]) -> Key {
    Key::new(0x35).with(hash)
}
/// A behaviour by name.
pub fn behaviour(name: &str) -> Key {
    Key::new(0x36).with(name.as_bytes())
}
/// A program by name.
pub fn program(name: &str) -> Key {
    Key::new(0x37).with(name.as_bytes())
}
/// Versions of a pure function, by name.
pub fn function(name: &str) -> Key {
    FUNCTIONS.with(name.as_bytes())
}
/// All pure functions.
pub const FUNCTIONS: Key = Key::new(0x38);

/// An execution; what belongs to it follows with further bytes.
pub fn execution(number: u64) -> Key {
    EXECUTIONS.number(number)
}
/// All executions.
pub const EXECUTIONS: Key = Key::new(0x40);

/// The parts of an execution.
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum Part {
    /// Frames, by depth.
    Frames = 1,
    /// Activations, by depth.
    Activations,
    /// Handlers of errors.
    Guards,
    /// What to undo.
    Journal,
    /// Accepted inputs.
    Log,
    /// Messages to be sent.
    Outbox,
    /// What a transaction touches.
    Pending,
}

/// A part of an execution.
pub fn part(execution: u64, part: Part) -> Key {
    Key::new(0x41).number(execution).with(&[part as u8])
}

//! What a state has at a key, as a proof has it.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use avm_core::{Hash, HostError, MemoryNodes, Nodes};

use crate::event::Name;
use crate::state::bytes::{Get, Put};
use crate::state::execution::{Doing, Frame};
use crate::state::records::{FunctionVersion, Object};
use crate::value::Val;

/// What a state has at a key.
#[derive(Clone, Debug)]
pub enum KeyValue {
    /// A count, or a time of the clock.
    Number(u64),
    /// The state of an object.
    Value(Val),
    /// A behaviour, a machine or a controller; none if an object has no controller.
    Name(Option<Name>),
    /// Inputs that an object accepted.
    History {
        /// How many.
        count: u64,
        /// The hash over them.
        hash: Hash,
    },
    /// All of an object.
    Object(Box<ObjectValue>),
    /// A controller.
    Controller {
        /// Whether it can be reached.
        reachable: bool,
        /// Entries of its log.
        entries: u64,
        /// The hash over them.
        log: Hash,
    },
    /// Whether a machine can be reached.
    Reachable(bool),
    /// The versions of a pure function that somebody may still see, oldest first.
    Versions(Vec<Version>),
    /// An execution.
    Execution {
        /// What it does.
        doing: &'static str,
        /// Gas it used.
        gas: u64,
        /// Where the program itself runs.
        machine: Name,
        /// Calls of functions.
        frames: u32,
    },
    /// A call of a function.
    Frame(FrameValue),
}

/// All of an object.
#[derive(Clone, Debug)]
pub struct ObjectValue {
    /// Number of the module it runs, and index of the function.
    pub code: (u32, u32),
    /// Name of its behaviour.
    pub behaviour: Name,
    /// A list.
    pub state: Val,
    /// Where it is at home.
    pub machine: Name,
    /// Who ordered its creation.
    pub creating: Option<Name>,
    /// Who orders its changes.
    pub current: Option<Name>,
    /// Inputs it accepted, and the hash over them.
    pub history: (u64, Hash),
    /// Entry of its controller's log that changed it last; the clock for one without controller.
    pub version: u64,
    /// The clock when it changed last.
    pub stamp: u64,
    /// The clock when it came to be.
    pub created: u64,
}

/// A version of a pure function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number, from 0.
    pub version: u64,
    /// The clock when it came to be.
    pub since: u64,
    /// Number of its module, and index of the function.
    pub code: (u32, u32),
}

/// A call of a function.
#[derive(Clone, Debug)]
pub struct FrameValue {
    /// Number of the module, and index of the function.
    pub code: (u32, u32),
    /// Index of the next word.
    pub pc: u32,
    /// Its registers.
    pub registers: Vec<Register>,
}

/// A register as the record of a frame has it.
#[derive(Clone, Debug)]
pub enum Register {
    /// A value that is its own reference: one of at most 64 bytes.
    Value(Val),
    /// A longer one, or one with a closure in it.
    Long {
        /// Name of its node.
        name: Hash,
        /// Length of its encoding in bytes.
        len: u32,
        /// Whether there is a closure in it.
        closure: bool,
    },
}

/// A value of which every part is in memory.
pub(super) fn whole(value: &Val) -> Result<Val, HostError> {
    let bytes = value.to_bytes()?;
    Val::decode(&bytes).map_err(|_| HostError::BadNode {
        hash: Hash::ZERO,
        len: bytes.len(),
        want: "the state of an object",
    })
}

impl ObjectValue {
    pub(super) fn of(object: &Object) -> Result<Self, HostError> {
        Ok(Self {
            code: (object.code.module, object.code.function),
            behaviour: object.behaviour.clone(),
            state: whole(&object.state)?,
            machine: object.machine.clone(),
            creating: object.creating.clone(),
            current: object.current.clone(),
            history: (object.history.count, object.history.digest("avm/hist")),
            version: object.version,
            stamp: object.stamp,
            created: object.created,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.u32(self.code.0);
        out.u32(self.code.1);
        out.name(&self.behaviour);
        out.long(&encoded(&self.state));
        out.name(&self.machine);
        out.name_or_none(self.creating.as_ref());
        out.name_or_none(self.current.as_ref());
        out.u64(self.history.0);
        out.raw(&self.history.1.0);
        out.u64(self.version);
        out.u64(self.stamp);
        out.u64(self.created);
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        Some(Self {
            code: (get.u32()?, get.u32()?),
            behaviour: get.name()?,
            state: Val::decode(get.long()?).ok()?,
            machine: get.name()?,
            creating: get.name_or_none()?,
            current: get.name_or_none()?,
            history: (get.u64()?, get.hash()?),
            version: get.u64()?,
            stamp: get.u64()?,
            created: get.u64()?,
        })
    }
}

impl Version {
    pub(super) fn of(version: &FunctionVersion) -> Self {
        Self {
            version: version.version,
            since: version.since,
            code: (version.code.module, version.code.function),
        }
    }
}

impl Register {
    /// Reads a register out of its reference.
    fn of(value: &Val) -> Option<Self> {
        let mut reference = Vec::new();
        value.write_ref(&mut reference);
        if reference.first() != Some(&Val::CLOSED_TAG) {
            return Val::decode(&reference).ok().map(Self::Value);
        }
        let nodes = no_nodes();
        let mut get = Get::new(&reference[1..], &nodes);
        let (len, _depth) = (get.u32()?, get.u8()?);
        Some(Self::Long {
            closure: get.flag()?,
            name: get.hash()?,
            len,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Value(value) => {
                out.u8(0);
                out.short(&encoded(value));
            }
            Self::Long { name, len, closure } => {
                out.u8(1);
                out.u32(*len);
                out.u8((*closure).into());
                out.raw(&name.0);
            }
        }
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        match get.u8()? {
            0 => {
                let value = Val::decode(get.short()?).ok()?;
                let value = Self::of(&value)?;
                matches!(value, Self::Value(_)).then_some(value)
            }
            1 => Some(Self::Long {
                len: get.u32()?,
                closure: get.flag()?,
                name: get.hash()?,
            }),
            _ => None,
        }
    }
}

impl FrameValue {
    pub(super) fn of(frame: &Frame, registers: &[Val]) -> Result<Self, HostError> {
        let registers = registers.iter().map(|value| {
            Register::of(value).ok_or(HostError::BadNode {
                hash: Hash::ZERO,
                len: 0,
                want: "a register",
            })
        });
        Ok(Self {
            code: (frame.code.module, frame.code.function),
            pc: frame.pc,
            registers: registers.collect::<Result<_, _>>()?,
        })
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        let (code, pc) = ((get.u32()?, get.u32()?), get.u32()?);
        let registers = (0..get.u32()?).map(|_| Register::read(get));
        Some(Self {
            code,
            pc,
            registers: registers.collect::<Option<_>>()?,
        })
    }
}

fn encoded(value: &Val) -> Vec<u8> {
    value
        .to_bytes()
        .expect("a value of a key was read as a whole")
}

fn no_nodes() -> Arc<dyn Nodes> {
    Arc::new(MemoryNodes::default())
}

impl KeyValue {
    /// The value as a proof has it. Numbers are big-endian; a name is its length in one byte and
    /// its text, none has length 0.
    ///
    /// | first byte | then |
    /// | ---------- | ---- |
    /// | `00` | a number, eight bytes |
    /// | `01` | a value in its canonical encoding |
    /// | `02` | a name or none |
    /// | `03` | a history: number of inputs, eight bytes, and a hash |
    /// | `04` | an object: module and function of its code, four bytes each; behaviour; length of its state, four bytes, and its encoding; machine; creating and current controller; history; version, stamp and creation, eight bytes each |
    /// | `05` | a controller: one byte for reachable, number of entries, eight bytes, and a hash |
    /// | `06` | a machine: one byte for reachable |
    /// | `07` | a pure function: number of versions, four bytes; of each version and since, eight bytes each, module and function, four bytes each |
    /// | `08` | an execution: what it does, one byte; gas, eight bytes; machine; frames, four bytes |
    /// | `09` | a frame: module, function, next word, number of registers, four bytes each; registers: `00`, length in one byte and encoding, or `01`, length of the encoding in four bytes, one byte for a closure, and a name |
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Number(number) => {
                out.u8(0);
                out.u64(*number);
            }
            Self::Value(value) => {
                out.u8(1);
                out.raw(&encoded(value));
            }
            Self::Name(name) => {
                out.u8(2);
                out.name_or_none(name.as_ref());
            }
            Self::History { count, hash } => {
                out.u8(3);
                out.u64(*count);
                out.raw(&hash.0);
            }
            Self::Object(object) => {
                out.u8(4);
                object.write(&mut out);
            }
            Self::Controller {
                reachable,
                entries,
                log,
            } => {
                out.u8(5);
                out.u8((*reachable).into());
                out.u64(*entries);
                out.raw(&log.0);
            }
            Self::Reachable(reachable) => {
                out.u8(6);
                out.u8((*reachable).into());
            }
            Self::Versions(versions) => {
                out.u8(7);
                out.u32(versions.len() as u32);
                for version in versions {
                    out.u64(version.version);
                    out.u64(version.since);
                    out.u32(version.code.0);
                    out.u32(version.code.1);
                }
            }
            Self::Execution {
                doing,
                gas,
                machine,
                frames,
            } => {
                out.u8(8);
                let doing = Doing::NAMES.iter().position(|name| name == doing);
                out.u8(doing.map_or(u8::MAX, |at| at as u8));
                out.u64(*gas);
                out.name(machine);
                out.u32(*frames);
            }
            Self::Frame(frame) => {
                out.u8(9);
                out.u32(frame.code.0);
                out.u32(frame.code.1);
                out.u32(frame.pc);
                out.u32(frame.registers.len() as u32);
                frame.registers.iter().for_each(|it| it.write(&mut out));
            }
        }
        out
    }

    /// The inverse of [`KeyValue::to_bytes`]; `None` for bytes that it does not make.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        if *kind == 1 {
            return Val::decode(rest).ok().map(Self::Value);
        }
        let nodes = no_nodes();
        let mut get = Get::new(rest, &nodes);
        let value = match kind {
            0 => Self::Number(get.u64()?),
            2 => Self::Name(get.name_or_none()?),
            3 => Self::History {
                count: get.u64()?,
                hash: get.hash()?,
            },
            4 => Self::Object(ObjectValue::read(&mut get)?.into()),
            5 => Self::Controller {
                reachable: get.flag()?,
                entries: get.u64()?,
                log: get.hash()?,
            },
            6 => Self::Reachable(get.flag()?),
            7 => {
                let versions = (0..get.u32()?).map(|_| {
                    Some(Version {
                        version: get.u64()?,
                        since: get.u64()?,
                        code: (get.u32()?, get.u32()?),
                    })
                });
                Self::Versions(versions.collect::<Option<_>>()?)
            }
            8 => Self::Execution {
                doing: Doing::NAMES.get(usize::from(get.u8()?)).copied()?,
                gas: get.u64()?,
                machine: get.name()?,
                frames: get.u32()?,
            },
            9 => Self::Frame(FrameValue::read(&mut get)?),
            _ => return None,
        };
        get.is_done().then_some(value)
    }
}

/// A name, or that there is none.
struct Maybe<'a>(Option<&'a Name>);

impl fmt::Display for Maybe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.map_or("(none)", |name| name))
    }
}

/// So many of something.
struct Count(u64, &'static str, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, one, many) = self;
        write!(f, "{count} {}", if *count == 1 { one } else { many })
    }
}

fn reach(reachable: bool) -> &'static str {
    match reachable {
        true => "reachable",
        false => "unreachable",
    }
}

impl fmt::Display for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Value(value) => write!(f, "{value}"),
            Self::Name(name) => write!(f, "{}", Maybe(name.as_ref())),
            Self::History { count, hash } => {
                write!(f, "{}, {hash}", Count(*count, "input", "inputs"))
            }
            Self::Object(object) => {
                let ObjectValue {
                    behaviour,
                    state,
                    machine,
                    current,
                    history: (inputs, _),
                    version,
                    ..
                } = &**object;
                let (current, inputs) =
                    (Maybe(current.as_ref()), Count(*inputs, "input", "inputs"));
                write!(
                    f,
                    "{behaviour} {state}, machine {machine}, controller {current}, version {version}, {inputs}"
                )
            }
            Self::Controller {
                reachable,
                entries,
                log,
            } => {
                let entries = Count(*entries, "entry", "entries");
                write!(f, "{}, {entries}, {log}", reach(*reachable))
            }
            Self::Reachable(reachable) => f.write_str(reach(*reachable)),
            Self::Versions(versions) => versions.iter().enumerate().try_for_each(|(at, it)| {
                let (comma, (module, function)) = (if at > 0 { ", " } else { "" }, it.code);
                let Version { version, since, .. } = it;
                write!(
                    f,
                    "{comma}version {version} since {since}: {module}:{function}"
                )
            }),
            Self::Execution {
                doing,
                gas,
                machine,
                frames,
            } => {
                let frames = Count(u64::from(*frames), "frame", "frames");
                write!(f, "{doing}, {gas} gas, machine {machine}, {frames}")
            }
            Self::Frame(frame) => {
                let (module, function) = frame.code;
                write!(f, "{module}:{function} @{}:", frame.pc)?;
                frame
                    .registers
                    .iter()
                    .try_for_each(|register| match register {
                        Register::Value(value) => write!(f, " {value}"),
                        Register::Long {
                            name,
                            len,
                            closure: false,
                        } => {
                            write!(f, " #<{len} bytes {name}>")
                        }
                        Register::Long { name, .. } => write!(f, " #<closure {name}>"),
                    })
            }
        }
    }
}

//! What a log consists of. An input that is malformed has no effect but to be counted.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{MemoryNodes, Nodes};

use crate::code::{Module, ModuleError};
use crate::image::{Caps, NAME_MAX};
use crate::state::bytes::{Get, Put};
use crate::value::{DecodeError, ObjectId, Val};

/// One input.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A program to be run.
    Start(Start),
    /// Lets a held execution go on, by at least `count` of a unit, to the next moment at which
    /// another one may run: outside of calls, or inside of a transaction.
    Run {
        /// Its number.
        execution: u64,
        /// How far.
        count: u64,
        /// Of what.
        unit: Unit,
    },
    /// Lets all held executions go on to their ends, in turns that a seed draws.
    Shuffle {
        /// The seed.
        seed: u64,
    },
    /// A message from outside, as if an object that does not exist had sent it.
    Message {
        /// Who gets it.
        to: ObjectId,
        /// What it says.
        value: Val,
    },
    /// What a failure detector says of a machine or a controller.
    Reach {
        /// Whether a machine is meant, or a controller.
        machine: bool,
        /// Its name; one that nobody knows yet is added.
        name: String,
        /// Whether it can be reached.
        reachable: bool,
    },
    /// New code. Its behaviours are registered by name.
    Deploy(Module),
}

/// A program to be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// Name of an exported program or intent; the module that was deployed last has it first.
    pub program: String,
    /// Its arguments, a list.
    pub args: Val,
    /// Where it starts; at home if `None`.
    pub machine: Option<String>,
    /// Capabilities it gets, at most those of the configuration.
    pub caps: Caps,
    /// Whether it waits for [`Input::Run`] or [`Input::Shuffle`].
    pub hold: bool,
}

/// What [`Input::Run`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Instructions.
    Steps,
    /// `nop` instructions outside of calls, which stand between the parts of a program.
    Marks,
}

/// Why bytes are no input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The first byte says no kind of input, or what follows ends too early or too late.
    #[error("{len} bytes are no input: {what}")]
    Malformed {
        /// How many.
        len: usize,
        /// What could not be read.
        what: &'static str,
    },
    /// A value is malformed.
    #[error("a value in the input: {0}")]
    Value(#[from] DecodeError),
    /// A module is malformed.
    #[error("the module in the input: {0}")]
    Module(#[from] ModuleError),
}

impl Input {
    /// The input as bytes, which [`Input::from_bytes`] reads.
    ///
    /// # Panics
    /// If a value in it holds a closure or was not read from its store; values made for inputs
    /// never are.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let value = |value: &Val| value.to_bytes().expect("a value of an input is in memory");
        match self {
            Self::Start(start) => {
                out.u8(1);
                out.name(&start.program);
                out.long(&value(&start.args));
                out.name(start.machine.as_deref().unwrap_or(""));
                out.u32(start.caps.0.into());
                out.u8(start.hold.into());
            }
            Self::Run {
                execution,
                count,
                unit,
            } => {
                out.u8(2);
                out.u64(*execution);
                out.u64(*count);
                out.u8(*unit as u8);
            }
            Self::Shuffle { seed } => {
                out.u8(3);
                out.u64(*seed);
            }
            Self::Message { to, value: says } => {
                out.u8(4);
                out.raw(&to.0);
                out.long(&value(says));
            }
            Self::Reach {
                machine,
                name,
                reachable,
            } => {
                out.u8(5);
                out.u8((*machine).into());
                out.name(name);
                out.u8((*reachable).into());
            }
            Self::Deploy(module) => {
                out.u8(6);
                out.long(&module.to_bytes());
            }
        }
        out
    }

    /// Reads an input.
    ///
    /// # Errors
    /// If it is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InputError> {
        let len = bytes.len();
        let malformed = |what| InputError::Malformed { len, what };
        let nodes: Arc<dyn Nodes> = Arc::new(MemoryNodes::default());
        let mut get = Get::new(bytes, &nodes);
        let name = |get: &mut Get<'_>| get.string().filter(|name| name.len() <= NAME_MAX);
        let input = match get.u8() {
            Some(1) => {
                let program = name(&mut get).ok_or(malformed("name of a program"))?;
                let args = Val::decode(get.long().ok_or(malformed("arguments"))?)?;
                let machine = name(&mut get).ok_or(malformed("machine"))?;
                let caps = get.u32().and_then(|caps| u16::try_from(caps).ok());
                let caps = Caps(caps.ok_or(malformed("capabilities"))?);
                Self::Start(Start {
                    program,
                    args,
                    machine: (!machine.is_empty()).then_some(machine),
                    caps,
                    hold: get.flag().ok_or(malformed("whether it is held"))?,
                })
            }
            Some(2) => Self::Run {
                execution: get.u64().ok_or(malformed("execution"))?,
                count: get.u64().ok_or(malformed("count"))?,
                unit: match get.u8() {
                    Some(0) => Unit::Steps,
                    Some(1) => Unit::Marks,
                    _ => return Err(malformed("unit")),
                },
            },
            Some(3) => Self::Shuffle {
                seed: get.u64().ok_or(malformed("seed"))?,
            },
            Some(4) => Self::Message {
                to: get.id().ok_or(malformed("object"))?,
                value: Val::decode(get.long().ok_or(malformed("message"))?)?,
            },
            Some(5) => Self::Reach {
                machine: get.flag().ok_or(malformed("what is meant"))?,
                name: name(&mut get)
                    .filter(|name| !name.is_empty())
                    .ok_or(malformed("name"))?,
                reachable: get.flag().ok_or(malformed("whether it is reached"))?,
            },
            Some(6) => Self::Deploy(Module::from_bytes(get.long().ok_or(malformed("module"))?)?),
            _ => return Err(malformed("kind")),
        };
        match get.is_done() {
            true => Ok(input),
            false => Err(malformed("end")),
        }
    }
}

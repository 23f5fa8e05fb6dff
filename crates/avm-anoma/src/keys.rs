//! One key of a state: its name, its value as bytes, and looking it up.
//!
//! ```text
//! KEY    := "clock" | "gas" | "inputs" | "refused"
//!         | "objects/" ID                     all of a committed object
//!         | "objects/" ID "/" PART            a part of it
//!         | "tombstones/" ID                  the clock when an object was destroyed
//!         | "mailboxes/" ID                   messages that wait
//!         | "controllers/" NAME | "machines/" NAME
//!         | "functions/" NAME                 versions of a pure function
//!         | "executions/" number              one that is not done
//!         | "executions/" number "/frames/" number    a call of a function; the outermost is 0
//! PART   := "state" | "behaviour" | "controller" | "machine" | "history"
//! ID     := 64 hex digits, lower case
//! NAME   := printable ASCII as it is, anything else as 0x and hex digits
//! ```
//!
//! A look-up reads the path to one record in the map that the state is, so that a key can be proved
//! to be absent as well. The state of an object is read as a whole when a key asks for it; registers
//! of frames are shown as the record has them, long ones by name, since a frame may refer to more
//! than a proof can hold.

mod list;
mod value;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use avm_core::{Hash, HostError, Nodes};
use avm_merkle::map::Map;

use crate::machine::AnomaMachine;
use crate::state::execution::Execution;
use crate::state::frames::StoredFrame;
use crate::state::keys;
use crate::state::records::{Controller, Mailbox, Number, Object, Versions};
use crate::state::store::{Record, Store};
use crate::state::world::{Header, Reach};
use crate::value::ObjectId;

pub use value::{FrameValue, KeyValue, ObjectValue, Register, Version};

/// The name of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyName {
    /// Changes made durable so far.
    Clock,
    /// Gas that all executions used.
    Gas,
    /// Inputs taken.
    Inputs,
    /// Inputs that made no sense.
    Refused,
    /// All of a committed object.
    Object(ObjectId),
    /// A part of a committed object.
    Part(ObjectId, Part),
    /// When an object was destroyed.
    Tombstone(ObjectId),
    /// How many messages wait for an object.
    Mailbox(ObjectId),
    /// A controller.
    Controller(String),
    /// A machine.
    Machine(String),
    /// A pure function.
    Function(String),
    /// An execution that is not done.
    Execution(u64),
    /// A call of a function in an execution; the outermost is 0.
    Frame(u64, u32),
}

/// A part of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its state.
    State,
    /// Name of its behaviour.
    Behaviour,
    /// Who orders its changes.
    Controller,
    /// Where it is at home.
    Machine,
    /// Inputs that it accepted.
    History,
}

impl Part {
    /// Every part, in order of names.
    pub const ALL: [Self; 5] = [
        Self::Behaviour,
        Self::Controller,
        Self::History,
        Self::Machine,
        Self::State,
    ];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Behaviour => "behaviour",
            Self::Controller => "controller",
            Self::Machine => "machine",
            Self::History => "history",
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    let digit = |at: u8| match at {
        b'0'..=b'9' => Some(at - b'0'),
        b'a'..=b'f' => Some(at - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    let bytes = pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    bytes.collect()
}

/// A name as part of a key.
fn name_text(name: &str) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_graphic());
    match plain && !name.starts_with("0x") {
        true => name.into(),
        false => format!("0x{}", hex(name.as_bytes())),
    }
}

/// The inverse of [`name_text`].
fn name_of(text: &str) -> Option<String> {
    let name = match text.strip_prefix("0x") {
        Some(digits) => String::from_utf8(from_hex(digits)?).ok()?,
        None => text.into(),
    };
    ((1..=60).contains(&name.len()) && name_text(&name) == text).then_some(name)
}

/// A number in its one decimal form.
fn number<N: core::str::FromStr + ToString>(digits: &str) -> Option<N> {
    let number: N = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

impl KeyName {
    /// Reads a name; `None` if no state can have such a key.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let Some((kind, rest)) = name.split_once('/') else {
            return Some(match name {
                "clock" => Self::Clock,
                "gas" => Self::Gas,
                "inputs" => Self::Inputs,
                "refused" => Self::Refused,
                _ => return None,
            });
        };
        let id = |digits: &str| Some(ObjectId(from_hex(digits)?.try_into().ok()?));
        Some(match kind {
            "objects" => match rest.split_once('/') {
                None => Self::Object(id(rest)?),
                Some((digits, name)) => {
                    let mut parts = Part::ALL.into_iter();
                    Self::Part(id(digits)?, parts.find(|part| part.name() == name)?)
                }
            },
            "tombstones" => Self::Tombstone(id(rest)?),
            "mailboxes" => Self::Mailbox(id(rest)?),
            "controllers" => Self::Controller(name_of(rest)?),
            "machines" => Self::Machine(name_of(rest)?),
            "functions" => Self::Function(name_of(rest)?),
            "executions" => match rest.split_once("/frames/") {
                None => Self::Execution(number(rest)?),
                Some((execution, depth)) => Self::Frame(number(execution)?, number(depth)?),
            },
            _ => return None,
        })
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock => f.write_str("clock"),
            Self::Gas => f.write_str("gas"),
            Self::Inputs => f.write_str("inputs"),
            Self::Refused => f.write_str("refused"),
            Self::Object(id) => write!(f, "objects/{}", hex(&id.0)),
            Self::Part(id, part) => write!(f, "objects/{}/{}", hex(&id.0), part.name()),
            Self::Tombstone(id) => write!(f, "tombstones/{}", hex(&id.0)),
            Self::Mailbox(id) => write!(f, "mailboxes/{}", hex(&id.0)),
            Self::Controller(name) => write!(f, "controllers/{}", name_text(name)),
            Self::Machine(name) => write!(f, "machines/{}", name_text(name)),
            Self::Function(name) => write!(f, "functions/{}", name_text(name)),
            Self::Execution(number) => write!(f, "executions/{number}"),
            Self::Frame(number, depth) => write!(f, "executions/{number}/frames/{depth}"),
        }
    }
}

/// What the state named `state` has at `key`; `None` if it has no such key. Reads the nodes on the
/// way and no others.
///
/// # Errors
/// If a node on the way is missing or malformed.
pub fn read_key(
    state: Hash,
    nodes: Arc<dyn Nodes>,
    key: &KeyName,
) -> Result<Option<KeyValue>, HostError> {
    let store = Store {
        map: Map::open(state, nodes.clone()),
        nodes,
        is_opened: true,
    };
    in_map(&store, key)
}

/// The same for a map that is up to date and whose values are all in the store.
fn in_map(store: &Store, key: &KeyName) -> Result<Option<KeyValue>, HostError> {
    fn at<R: Record>(
        store: &Store,
        key: &keys::Key,
        value: impl FnOnce(R) -> KeyValue,
    ) -> Result<Option<KeyValue>, HostError> {
        Ok(store.get(key.bytes())?.map(value))
    }
    let count = |count: fn(&Header) -> u64| {
        let header: Header = store.need(keys::HEADER.bytes())?;
        Ok(Some(KeyValue::Number(count(&header))))
    };
    match key {
        KeyName::Clock => count(|header| header.clock),
        KeyName::Gas => count(|header| header.gas),
        KeyName::Inputs => count(|header| header.inputs),
        KeyName::Refused => count(|header| header.refused),
        KeyName::Object(id) | KeyName::Part(id, _) => {
            let object: Option<Object> = store.get(keys::object(id).bytes())?;
            object.map(|object| of_object(&object, key)).transpose()
        }
        KeyName::Tombstone(id) => at(store, &keys::tombstone(id), |Number(clock)| {
            KeyValue::Number(clock)
        }),
        KeyName::Mailbox(id) => at(store, &keys::mailbox(id), |mailbox: Mailbox| {
            KeyValue::Number(mailbox.len)
        }),
        KeyName::Controller(name) => at(store, &keys::controller(name), |found: Controller| {
            KeyValue::Controller {
                reachable: found.reachable,
                entries: found.entries,
                log: found.log.digest("avm/log"),
            }
        }),
        KeyName::Machine(name) => at(store, &keys::machine(name), |Reach(reachable)| {
            KeyValue::Reachable(reachable)
        }),
        KeyName::Function(name) => at(store, &keys::function(name), |Versions(versions)| {
            KeyValue::Versions(versions.iter().map(Version::of).collect())
        }),
        KeyName::Execution(number) => {
            at(store, &keys::execution(*number), |execution: Execution| {
                KeyValue::Execution {
                    doing: execution.doing.name(),
                    gas: execution.gas,
                    machine: execution.machine.clone(),
                    frames: execution.frames.len(),
                }
            })
        }
        KeyName::Frame(number, depth) => {
            let key = keys::part(*number, keys::Part::Frames).at(*depth);
            let found: Option<StoredFrame> = store.get(key.bytes())?;
            let value = found.map(|found| FrameValue::of(found.frame(), found.registers()));
            value.map(|frame| frame.map(KeyValue::Frame)).transpose()
        }
    }
}

/// A key of an object that is there.
fn of_object(object: &Object, key: &KeyName) -> Result<KeyValue, HostError> {
    let KeyName::Part(_, part) = key else {
        return ObjectValue::of(object).map(|value| KeyValue::Object(value.into()));
    };
    Ok(match part {
        Part::State => KeyValue::Value(value::whole(&object.state)?),
        Part::Behaviour => KeyValue::Name(Some(object.behaviour.clone())),
        Part::Controller => KeyValue::Name(object.current.clone()),
        Part::Machine => KeyValue::Name(Some(object.machine.clone())),
        Part::History => KeyValue::History {
            count: object.history.count,
            hash: object.history.digest("avm/hist"),
        },
    })
}

impl AnomaMachine {
    /// What the state has at `key`; `None` if it has no such key.
    ///
    /// # Errors
    /// If a part of the state that is on the way is not in the store.
    pub fn look_up(&mut self, key: &KeyName) -> Result<Option<KeyValue>, HostError> {
        self.sync()?;
        // Values in memory are not in the store yet.
        match key {
            KeyName::Object(id) | KeyName::Part(id, _) => {
                let slot = self.world.objects.find(id, &self.world.store)?;
                let object = self.world.objects.get(slot);
                object.map(|object| of_object(object, key)).transpose()
            }
            KeyName::Frame(number, depth) => {
                let loaded = self
                    .execution(*number)
                    .and_then(|execution| execution.frames.in_memory(*depth));
                match loaded {
                    Some((frame, registers)) => {
                        FrameValue::of(frame, registers).map(|frame| Some(KeyValue::Frame(frame)))
                    }
                    None => in_map(&self.world.store, key),
                }
            }
            _ => in_map(&self.world.store, key),
        }
    }
}

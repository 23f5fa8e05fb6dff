//! One key of a state: its name, its value as bytes, and looking it up.
//!
//! ```text
//! KEY      := COUNTER | HASH | "status" | VALUE ("/" ELEMENT)*
//! COUNTER  := "gas_left" | "gas_used" | "messages_read" | "sends" | "logs"
//! HASH     := "machine" | "send_acc" | "log_acc"
//! VALUE    := "pc" | "register" | "static" | "handler" | STACK | STACK "/" number
//! STACK    := "stack" | "aux"                     items are counted from the top, which is 0
//! ELEMENT  := 0 to 7                              of a tuple
//! ```
//!
//! A look-up reads the three root nodes of a state and then what is on the way: two nodes for each
//! item of a stack above the wanted one, two for each tuple, and the first node of the value. A
//! state opened from nodes and one that has run give the same.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use avm_core::{Hash, HostError, Nodes};
use ruint::aliases::U256;

use crate::heap::{NONE, Object, TUPLE_MAX};
use crate::machine::{Arb, ArbMachine};
use crate::nodes;
use crate::stack::Stack;
use crate::state::Status;
use crate::value::{Kind, Value};

/// The name of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateKey {
    root: Root,
    /// Indices of elements, outermost first.
    path: Vec<u8>,
}

/// The first part of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    Status,
    Machine,
    GasLeft,
    GasUsed,
    MessagesRead,
    Sends,
    SendAcc,
    Logs,
    LogAcc,
    Pc,
    Register,
    Static,
    Handler,
    /// All of a stack, by its pane: 0 the data stack, 1 the aux stack.
    Stack(usize),
    /// An item of it, counted from the top.
    Item(usize, u64),
}

/// What a state has at a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyValue {
    /// A word.
    Int(U256),
    /// A value that is no word, by its hash. A stack is a tuple, too.
    Value(Kind, Hash),
    /// A hash that is not the hash of a value: the machine hash or an accumulator.
    Hash(Hash),
    /// Whether the machine can go on.
    Status(Status),
}

/// First byte of a hash that is not the hash of a value.
const HASH: u8 = 0x80;
/// First byte of a status.
const STATUS: u8 = 0x81;

impl KeyValue {
    /// The value as a proof has it.
    ///
    /// | first byte | then |
    /// | ---------- | ---- |
    /// | `00` int | the word, 32 bytes |
    /// | `01` code point, `03` tuple, `0c` buffer | its hash, 32 bytes |
    /// | `80` | a hash, 32 bytes |
    /// | `81` | `00` extensive, `01` halted, `02` in error stop |
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, hash) = match self {
            KeyValue::Int(word) => (Kind::Int as u8, word.to_be_bytes()),
            KeyValue::Value(kind, hash) => (*kind as u8, hash.0),
            KeyValue::Hash(hash) => (HASH, hash.0),
            KeyValue::Status(status) => return [STATUS, *status as u8].into(),
        };
        [&[kind], &hash[..]].concat()
    }

    /// The inverse of [`KeyValue::to_bytes`]; `None` for bytes that it does not make.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if let [STATUS, status] = bytes {
            let known = [Status::Extensive, Status::Halted, Status::ErrorStop];
            return Some(KeyValue::Status(*known.get(usize::from(*status))?));
        }
        let (kind, rest) = bytes.split_first()?;
        let hash = Hash(rest.try_into().ok()?);
        Some(match *kind {
            0 => KeyValue::Int(U256::from_be_bytes(hash.0)),
            1 => KeyValue::Value(Kind::CodePoint, hash),
            3 => KeyValue::Value(Kind::Tuple, hash),
            12 => KeyValue::Value(Kind::Buffer, hash),
            HASH => KeyValue::Hash(hash),
            _ => return None,
        })
    }
}

impl fmt::Display for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyValue::Int(word) => f.write_str(&crate::describe::word_text(word)),
            KeyValue::Value(kind, hash) => write!(f, "{kind} #{hash}"),
            KeyValue::Hash(hash) => write!(f, "{hash}"),
            KeyValue::Status(status) => write!(f, "{status}"),
        }
    }
}

impl StateKey {
    /// Reads a name; `None` if no state can have such a key.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('/');
        let mut root = match parts.next()? {
            "status" => Root::Status,
            "machine" => Root::Machine,
            "gas_left" => Root::GasLeft,
            "gas_used" => Root::GasUsed,
            "messages_read" => Root::MessagesRead,
            "sends" => Root::Sends,
            "send_acc" => Root::SendAcc,
            "logs" => Root::Logs,
            "log_acc" => Root::LogAcc,
            "pc" => Root::Pc,
            "register" => Root::Register,
            "static" => Root::Static,
            "handler" => Root::Handler,
            "stack" => Root::Stack(0),
            "aux" => Root::Stack(1),
            _ => return None,
        };
        if let Root::Stack(pane) = root
            && let Some(index) = parts.next()
        {
            root = Root::Item(pane, number(index)?);
        }
        let element = |part| {
            let index = number(part).filter(|index| *index < TUPLE_MAX as u64)?;
            u8::try_from(index).ok()
        };
        let path = parts.map(element).collect::<Option<Vec<u8>>>()?;
        let has_elements = matches!(root, Root::Register | Root::Static | Root::Item(..));
        (path.is_empty() || has_elements).then_some(Self { root, path })
    }
}

/// A number in its one decimal form.
fn number(digits: &str) -> Option<u64> {
    let is_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_short = digits == "0" || !digits.starts_with('0');
    (is_digits && is_short).then(|| digits.parse().ok())?
}

/// What the state named `state` has at `key`; `None` if it has no such key. Reads the nodes on the
/// way and no others.
///
/// # Errors
/// If a node on the way is missing or malformed.
pub fn read_key(
    state: Hash,
    nodes: Arc<dyn Nodes>,
    key: &StateKey,
) -> Result<Option<KeyValue>, HostError> {
    Arb::default().open(state, nodes)?.look_up(key)
}

impl ArbMachine {
    /// What the state has at `key`; `None` if it has no such key.
    ///
    /// # Errors
    /// If a part of the state that is on the way is not in the store.
    pub fn look_up(&mut self, key: &StateKey) -> Result<Option<KeyValue>, HostError> {
        let tally = self.tally();
        let count = |count: u64| KeyValue::Int(U256::from(count));
        let committed = match key.root {
            Root::Status => KeyValue::Status(self.status()),
            Root::Machine => KeyValue::Hash(self.machine_hash()),
            Root::GasUsed => KeyValue::Int(tally.gas_used),
            Root::MessagesRead => count(tally.messages_read),
            Root::Sends => count(tally.sends),
            Root::SendAcc => KeyValue::Hash(tally.send_acc),
            Root::Logs => count(tally.logs),
            Root::LogAcc => KeyValue::Hash(tally.log_acc),
            _ => return self.look_up_part(key),
        };
        Ok(Some(committed))
    }

    /// A key of the parts of the machine hash, which a stopped machine does not have.
    fn look_up_part(&mut self, key: &StateKey) -> Result<Option<KeyValue>, HostError> {
        let Some(parts) = self.parts() else {
            return Ok(None);
        };
        Ok(match key.root {
            Root::GasLeft => Some(KeyValue::Int(parts.gas_left)),
            Root::Stack(0) => Some(KeyValue::Value(Kind::Tuple, parts.stack)),
            Root::Stack(_) => Some(KeyValue::Value(Kind::Tuple, parts.aux)),
            _ => {
                let value = self.value_at(key)?;
                let heap = &mut self.state_mut().heap;
                value.map(|value| match value {
                    Value::Int(word) => KeyValue::Int(word),
                    value => KeyValue::Value(crate::frame::kind(&value), heap.hash(&value)),
                })
            }
        })
    }

    /// How many elements the tuple at `key` has; `None` if there is no tuple. Stacks have items
    /// and no elements.
    ///
    /// # Errors
    /// As [`ArbMachine::look_up`].
    pub fn elements_at(&mut self, key: &StateKey) -> Result<Option<usize>, HostError> {
        let Some(Value::Tuple(tuple)) = self.value_at(key)? else {
            return Ok(None);
        };
        let state = self.state_mut();
        state.heap.open_tuple(tuple, &state.store)?;
        Ok(state.heap.elements(tuple).ok().map(<[_]>::len))
    }

    /// The value at `key` as the assembler writes it, cut after about `max` characters; `None` if
    /// there is none.
    ///
    /// # Errors
    /// As [`ArbMachine::look_up`].
    pub fn text_at(&mut self, key: &StateKey, max: usize) -> Result<Option<String>, HostError> {
        let value = self.value_at(key)?;
        Ok(value.map(|value| self.state_mut().heap.text(value, max)))
    }

    /// The value at `key`, read as far as its kind; `None` if there is none, or the key is of
    /// something that is no value.
    fn value_at(&mut self, key: &StateKey) -> Result<Option<Value>, HostError> {
        let state = self.state_mut();
        if state.status != Status::Extensive {
            return Ok(None);
        }
        let empty = state.heap.hash(&Value::Tuple(NONE));
        let found = match key.root {
            Root::Pc => Value::Code(state.pc),
            Root::Handler => Value::Code(state.handler),
            Root::Register => state.register,
            Root::Static => state.constant,
            Root::Item(pane, index) => {
                let stack = if pane == 0 { &state.data } else { &state.aux };
                match item(stack, index, &state.store, empty)? {
                    Some(value) => value,
                    None => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        let mut value = state.heap.reveal(found, &state.store)?;
        for &at in &key.path {
            let Value::Tuple(tuple) = value else {
                return Ok(None);
            };
            state.heap.open_tuple(tuple, &state.store)?;
            let len = state.heap.elements(tuple).map_or(0, <[_]>::len);
            if usize::from(at) >= len {
                return Ok(None);
            }
            value = state.heap.element(tuple, usize::from(at), &state.store)?;
        }
        if let Value::Code(code) = value {
            state.heap.hash_object(Object::Code(code));
        }
        Ok(Some(value))
    }
}

/// Item `index` of a stack from the top; the part in the store is walked and left as it is.
fn item(
    stack: &Stack,
    index: u64,
    store: &crate::store::Store,
    empty: Hash,
) -> Result<Option<Value>, HostError> {
    let items = stack.items();
    let in_memory = items.len() as u64;
    if index < in_memory {
        return Ok(Some(items[(in_memory - 1 - index) as usize]));
    }
    let Some(mut rest) = stack.rest() else {
        return Ok(None);
    };
    for _ in in_memory..index {
        let [_, below] = nodes::pair(nodes::tuple(rest, store)?.inner, store)?;
        if below == empty {
            return Ok(None);
        }
        rest = below;
    }
    let [top, _] = nodes::pair(nodes::tuple(rest, store)?.inner, store)?;
    Ok(Some(Value::Hidden(top)))
}

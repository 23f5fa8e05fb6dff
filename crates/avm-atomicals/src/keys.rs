//! One key of a state: its name, its value as bytes, and looking it up.
//!
//! ```text
//! KEY    := "rules" | "calls" | "failed" | "cost" | "id" | "chain" | "root" | "code"
//!         | "state/" NAME "/" NAME            a value of the contract: key space and key
//!         | "ft/" TOKEN | "nft/" TOKEN        what the contract holds; TOKEN as tables order it, hex
//!         | STACK | STACK "/" number          while a call runs; the top is 0
//!         | "writes/" NAME "/" NAME           what the running call has written
//!         | "deletes/" NAME "/" NAME          what the running call has deleted
//! STACK  := "stack" | "alt"
//! NAME   := letters, digits, `_`, `-` and `.` as they are, anything else as 0x and hex digits
//! ```
//!
//! A look-up reads the root node of a state, the contract's node or the running call's, and then
//! the path in a table or the elements of a stack down to the wanted one.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use avm_core::{Bytes, Hash, HostError, Nodes};

use crate::machine::{Atomicals, AtomicalsMachine, item_text};
use crate::script::Rules;
use crate::script::call::amount;
use crate::script::item::Item;
use crate::script::node;
use crate::script::stack::Stack;
use crate::script::table::{self, Key, Table};
use crate::script::tables::{from_hex, hex};

/// The name of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyName {
    /// The rule set.
    Rules,
    /// Calls taken.
    Calls,
    /// Calls that failed.
    Failed,
    /// What all calls cost.
    Cost,
    /// The contract's name.
    Id,
    /// The contract's hash.
    Chain,
    /// Root of the contract's state.
    Root,
    /// The contract's code.
    Code,
    /// A value of the contract, by its key in the table.
    State(Vec<u8>),
    /// The amount of a fungible token.
    Ft(Vec<u8>),
    /// A non-fungible token.
    Nft(Vec<u8>),
    /// Number of elements of the main stack, or of the alt stack.
    Depth(Pane),
    /// An element, counted from the top.
    Item(Pane, u64),
    /// A value that the running call has written.
    Write(Vec<u8>),
    /// A value that the running call has deleted.
    Delete(Vec<u8>),
}

/// One of the two stacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// The main stack.
    Main,
    /// The alt stack.
    Alt,
}

/// What a state has at a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyValue {
    /// A number: a count, a cost, an amount.
    Number(u64),
    /// A value of the contract, an element, the contract's name or its code.
    Bytes(Bytes),
    /// A hash.
    Hash(Hash),
    /// The rule set.
    Rules(&'static Rules),
    /// It is there, and that is all.
    There,
}

impl KeyValue {
    /// The value as a proof has it.
    ///
    /// | first byte | then |
    /// | ---------- | ---- |
    /// | `00` | a number, eight bytes, big-endian |
    /// | `01` | bytes |
    /// | `02` | a hash, 32 bytes |
    /// | `03` | the rule set by its number, one byte |
    /// | `04` | nothing: it is there |
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Number(number) => [&[0], &number.to_be_bytes()[..]].concat(),
            Self::Bytes(bytes) => [&[1], &bytes[..]].concat(),
            Self::Hash(hash) => [&[2], &hash.0[..]].concat(),
            Self::Rules(rules) => [3, rules.number()].into(),
            Self::There => [4].into(),
        }
    }

    /// The inverse of [`KeyValue::to_bytes`]; `None` for bytes that it does not make.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        Some(match kind {
            0 => Self::Number(u64::from_be_bytes(rest.try_into().ok()?)),
            1 => Self::Bytes(rest.into()),
            2 => Self::Hash(Hash(rest.try_into().ok()?)),
            3 => {
                let [number] = *rest else { return None };
                Self::Rules(Rules::ALL.get(usize::from(number)).copied()?)
            }
            4 if rest.is_empty() => Self::There,
            _ => return None,
        })
    }
}

impl fmt::Display for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Bytes(bytes) => f.write_str(&bytes_text(bytes)),
            Self::Hash(hash) => write!(f, "{hash}"),
            Self::Rules(rules) => f.write_str(rules.name),
            Self::There => f.write_str("there"),
        }
    }
}

/// Bytes for people: in hex, as the number they are if they are a short one, and as text if they
/// are that.
#[must_use]
pub fn bytes_text(bytes: &[u8]) -> String {
    let mut text = item_text(&Item::new(bytes));
    let printable = bytes.iter().all(|byte| (0x20..0x7f).contains(byte));
    if let (true, 2..=80, Ok(shown)) = (printable, bytes.len(), core::str::from_utf8(bytes)) {
        text.push_str(&format!(" {shown:?}"));
    }
    text
}

/// Part of a name for the bytes of a key space or key.
#[must_use]
pub fn name_text(bytes: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    match core::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && bytes.iter().all(plain) && !text.starts_with("0x") => {
            text.into()
        }
        _ => format!("0x{}", hex(bytes)),
    }
}

/// The bytes of a part of a name.
pub(crate) fn name_bytes(text: &str) -> Option<Vec<u8>> {
    if let Some(digits) = text.strip_prefix("0x") {
        return from_hex(digits);
    }
    (name_text(text.as_bytes()) == text).then(|| text.as_bytes().into())
}

/// A number in its one decimal form.
pub(crate) fn number(digits: &str) -> Option<u64> {
    let number: u64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

impl KeyName {
    /// The name of a value of the contract.
    #[must_use]
    pub fn state(space: &[u8], key: &[u8]) -> Self {
        Self::State(Key::new(space, key).bytes().into())
    }

    /// Reads a name; `None` if no state can have such a key.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('/');
        let first = parts.next()?;
        let mut next = || parts.next();
        let pane = |pane, index: Option<&str>| match index {
            None => Some(Self::Depth(pane)),
            Some(index) => Some(Self::Item(pane, number(index)?)),
        };
        let token = |text: Option<&str>| from_hex(text?).filter(|token| !token.is_empty());
        let found = match first {
            "rules" => Self::Rules,
            "calls" => Self::Calls,
            "failed" => Self::Failed,
            "cost" => Self::Cost,
            "id" => Self::Id,
            "chain" => Self::Chain,
            "root" => Self::Root,
            "code" => Self::Code,
            "ft" => Self::Ft(token(next())?),
            "nft" => Self::Nft(token(next())?),
            "stack" => pane(Pane::Main, next())?,
            "alt" => pane(Pane::Alt, next())?,
            "state" | "writes" | "deletes" => {
                let (space, key) = (name_bytes(next()?)?, name_bytes(next()?)?);
                let joined = Key::new(&space, &key).bytes().to_vec();
                match first {
                    "state" => Self::State(joined),
                    "writes" => Self::Write(joined),
                    _ => Self::Delete(joined),
                }
            }
            _ => return None,
        };
        parts.next().is_none().then_some(found)
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nested = |f: &mut fmt::Formatter<'_>, first: &str, joined: &[u8]| {
            let (space, key) = table::split(joined);
            write!(f, "{first}/{}/{}", name_text(&space), name_text(key))
        };
        let pane = |pane: &Pane| match pane {
            Pane::Main => "stack",
            Pane::Alt => "alt",
        };
        match self {
            Self::Rules => f.write_str("rules"),
            Self::Calls => f.write_str("calls"),
            Self::Failed => f.write_str("failed"),
            Self::Cost => f.write_str("cost"),
            Self::Id => f.write_str("id"),
            Self::Chain => f.write_str("chain"),
            Self::Root => f.write_str("root"),
            Self::Code => f.write_str("code"),
            Self::State(joined) => nested(f, "state", joined),
            Self::Write(joined) => nested(f, "writes", joined),
            Self::Delete(joined) => nested(f, "deletes", joined),
            Self::Ft(token) => write!(f, "ft/{}", hex(token)),
            Self::Nft(token) => write!(f, "nft/{}", hex(token)),
            Self::Depth(stack) => f.write_str(pane(stack)),
            Self::Item(stack, at) => write!(f, "{}/{at}", pane(stack)),
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
    Atomicals::default().open(state, nodes)?.look_up(key)
}

impl AtomicalsMachine {
    /// What the state has at `key`; `None` if it has no such key.
    ///
    /// # Errors
    /// If a part of the state that is on the way is not in the store.
    pub fn look_up(&mut self, key: &KeyName) -> Result<Option<KeyValue>, HostError> {
        let value = |table: &Table, key: &[u8]| -> Result<Option<KeyValue>, HostError> {
            Ok(table.get(key)?.cloned().map(KeyValue::Bytes))
        };
        Ok(match key {
            KeyName::Rules => Some(KeyValue::Rules(self.rules)),
            KeyName::Calls => Some(KeyValue::Number(self.calls)),
            KeyName::Failed => Some(KeyValue::Number(self.failed)),
            KeyName::Cost => Some(KeyValue::Number(self.cost)),
            KeyName::Id => Some(KeyValue::Bytes(self.contract.get()?.id[..].into())),
            KeyName::Chain => Some(KeyValue::Hash(self.contract.get()?.chain)),
            KeyName::Root => Some(KeyValue::Hash(self.contract.get()?.state.root())),
            KeyName::Code => Some(KeyValue::Bytes(self.contract.get()?.code.bytes()?)),
            KeyName::State(key) => value(&self.contract.get()?.state, key)?,
            KeyName::Ft(token) => {
                let found = self.contract.get()?.ft.get(token)?;
                found.map(|value| KeyValue::Number(amount(value)))
            }
            KeyName::Nft(token) => {
                let there = self.contract.get()?.nft.contains(token)?;
                there.then_some(KeyValue::There)
            }
            KeyName::Depth(_) | KeyName::Item(..) => self.look_up_stack(key)?,
            KeyName::Write(key) => match &mut self.running {
                Some(running) => value(&running.call.effects()?.updates, key)?,
                None => None,
            },
            KeyName::Delete(key) => match &mut self.running {
                Some(running) => {
                    let deleted = running.call.effects()?.deletes.contains(key)?;
                    deleted.then_some(KeyValue::There)
                }
                None => None,
            },
        })
    }

    fn look_up_stack(&self, key: &KeyName) -> Result<Option<KeyValue>, HostError> {
        let Some(running) = &self.running else {
            return Ok(None);
        };
        let stack = |pane: &Pane| match pane {
            Pane::Main => &running.frame.main,
            Pane::Alt => &running.frame.alt,
        };
        Ok(match key {
            KeyName::Depth(pane) => Some(KeyValue::Number(stack(pane).len() as u64)),
            KeyName::Item(pane, at) => {
                let nodes = running.frame.nodes.as_ref();
                element(stack(pane), *at, nodes)?.map(|item| KeyValue::Bytes(item.to_shared()))
            }
            _ => None,
        })
    }

    /// The keys of the state, in order: counters, the contract's tables, then what runs.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn key_names(&mut self) -> Result<Vec<KeyName>, HostError> {
        let mut names: Vec<KeyName> = [
            KeyName::Rules,
            KeyName::Calls,
            KeyName::Failed,
            KeyName::Cost,
            KeyName::Id,
            KeyName::Chain,
            KeyName::Root,
            KeyName::Code,
        ]
        .into();
        let mut list = |table: &Table, name: fn(Vec<u8>) -> KeyName| -> Result<(), HostError> {
            for entry in table {
                names.push(name(entry?.0.to_vec()));
            }
            Ok(())
        };
        let contract = self.contract.get()?;
        list(&contract.state, KeyName::State)?;
        list(&contract.ft, KeyName::Ft)?;
        list(&contract.nft, KeyName::Nft)?;
        let Some(running) = &mut self.running else {
            return Ok(names);
        };
        let effects = running.call.effects()?;
        list(&effects.updates, KeyName::Write)?;
        list(&effects.deletes, KeyName::Delete)?;
        let stacks = [&running.frame.main, &running.frame.alt];
        for (pane, stack) in [Pane::Main, Pane::Alt].into_iter().zip(stacks) {
            names.push(KeyName::Depth(pane));
            names.extend((0..stack.len() as u64).map(|at| KeyName::Item(pane, at)));
        }
        Ok(names)
    }
}

/// Element `at` from the top; the part in the store is walked and left as it is.
pub(crate) fn element(
    stack: &Stack,
    at: u64,
    nodes: Option<&Arc<dyn Nodes>>,
) -> Result<Option<Item>, HostError> {
    if at >= stack.len() as u64 {
        return Ok(None);
    }
    let read = stack.items();
    let mut item = read.iter().rev().nth(at as usize).cloned();
    if let Some(nodes) = nodes {
        let mut list = stack.rest;
        for _ in read.len() as u64..=at {
            let (found, rest) = node::read_element(list, &**nodes)?;
            list = rest;
            item = Some(found);
        }
        item = item.map(|item| node::reveal(&item, &**nodes)).transpose()?;
    }
    Ok(item)
}

//! What differs between two states: the keys, and what both have there.
//!
//! Rows that both states have are not gone through, nor read: finding what a block changed costs as
//! much as the block changed, whatever the size of the state.

use alloc::format;
use alloc::string::ToString;
use core::ops::ControlFlow;

use avm_core::{Bytes, Hash, HostError};

use super::AtomicalId;
use super::keys::{FAMILIES, KeyName, KeyValue, SINGLE, first_rows, may_have, name_of};
use super::machine::IndexMachine;
use super::rows::family;
use crate::keys::Pane;
use crate::script::call::{amount, reference};
use crate::script::table::Table;
use crate::script::text::Names;

/// A key at which two states have different values, or that only one of them has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDifference {
    /// The key.
    pub name: KeyName,
    /// What the one state has there, and the other; `None` if it has no such key. Not equal.
    pub sides: [Option<KeyValue>; 2],
}

/// Whether to go on.
type Next = ControlFlow<()>;

impl IndexMachine {
    /// Tells `found` of each key that starts with `prefix` and differs between this state and
    /// another, in the order of [`IndexMachine::key_names`], until it breaks.
    ///
    /// Of states that were opened, the nodes are read that the other has not, and the paths to what
    /// is named. A contract whose node differs is gone down to its values and tokens. What was read
    /// stays with the machines.
    ///
    /// # Errors
    /// If a part of a state is not in its store, or is no part of a state.
    pub fn differences(
        &mut self,
        other: &mut Self,
        prefix: &str,
        found: &mut dyn FnMut(KeyDifference) -> ControlFlow<()>,
    ) -> Result<(), HostError> {
        let machines = [self, other];
        Pair {
            machines,
            prefix,
            found,
        }
        .all()
        .map(drop)
    }
}

/// Two states, and who hears of what differs.
struct Pair<'a> {
    machines: [&'a mut IndexMachine; 2],
    prefix: &'a str,
    found: &'a mut dyn FnMut(KeyDifference) -> Next,
}

/// What a contract is behind its node.
#[derive(Default)]
struct Parts {
    node: Hash,
    code: Option<Names>,
    state: Table,
    ft: Table,
    nft: Table,
}

impl Pair<'_> {
    fn all(mut self) -> Result<Next, HostError> {
        for name in SINGLE {
            if self.key(name)?.is_break() {
                return Ok(Next::Break(()));
            }
        }
        for pane in [Pane::Main, Pane::Alt] {
            if self.stack(pane)?.is_break() {
                return Ok(Next::Break(()));
            }
        }
        self.rows()
    }

    /// A key, if it differs.
    fn key(&mut self, name: KeyName) -> Result<Next, HostError> {
        if !name.to_string().starts_with(self.prefix) {
            return Ok(Next::Continue(()));
        }
        let [a, b] = &mut self.machines;
        let sides = [a.look_up(&name)?, b.look_up(&name)?];
        Ok(self.tell(name, sides))
    }

    fn tell(&mut self, name: KeyName, sides: [Option<KeyValue>; 2]) -> Next {
        if sides[0] == sides[1] || !name.to_string().starts_with(self.prefix) {
            return Next::Continue(());
        }
        (self.found)(KeyDifference { name, sides })
    }

    /// A stack of the running calls.
    fn stack(&mut self, pane: Pane) -> Result<Next, HostError> {
        if !may_have(self.prefix, &KeyName::Depth(pane).to_string()) {
            return Ok(Next::Continue(()));
        }
        let depths = self.machines.each_ref().map(|machine| {
            machine.running().map_or(0, |running| match pane {
                Pane::Main => running.frame.main.len(),
                Pane::Alt => running.frame.alt.len(),
            })
        });
        let depth = depths[0].max(depths[1]) as u64;
        let elements = (0..depth).map(|at| KeyName::Element(pane, at));
        for name in core::iter::once(KeyName::Depth(pane)).chain(elements) {
            if self.key(name)?.is_break() {
                return Ok(Next::Break(()));
            }
        }
        Ok(Next::Continue(()))
    }

    fn rows(&mut self) -> Result<Next, HostError> {
        let [a, b] = &mut self.machines;
        // Rows of changed contracts have the names of their nodes only now.
        if a.ledger().root() == b.ledger().root() {
            return Ok(Next::Continue(()));
        }
        let mut rows = <[Table; 2]>::default();
        for (rows, machine) in rows.iter_mut().zip(&mut self.machines) {
            // With the first node in memory, copies share what they read.
            machine.ledger().rows().len()?;
            *rows = machine.ledger().rows().clone();
        }
        for (kind, start) in FAMILIES {
            if !may_have(self.prefix, start) {
                continue;
            }
            let rest = self.prefix.strip_prefix(start).unwrap_or("");
            let start = first_rows(kind, rest);
            if self.family(kind, &start, &rows)?.is_break() {
                return Ok(Next::Break(()));
            }
        }
        Ok(Next::Continue(()))
    }

    /// Keys of the rows that differ and begin with some bytes.
    fn family(&mut self, kind: u8, start: &[u8], rows: &[Table; 2]) -> Result<Next, HostError> {
        let [a, b] = rows;
        let mut last = None;
        for row in a.differences_under(b, start) {
            let row = row?;
            let Some(name) = name_of(kind, &row.key[1..]) else {
                return Err(HostError::BadNode {
                    hash: Hash::ZERO,
                    len: row.key.len(),
                    want: "the key of a row of an index",
                });
            };
            // A name has a row for each candidate, and one key.
            if last.as_ref() == Some(&name) {
                continue;
            }
            let next = match &name {
                KeyName::Contract(id) if kind == family::CONTRACT => self.contract(*id)?,
                name => self.key(name.clone())?,
            };
            if next.is_break() {
                return Ok(next);
            }
            last = Some(name);
        }
        Ok(Next::Continue(()))
    }

    /// Keys of a contract whose row differs.
    fn contract(&mut self, id: AtomicalId) -> Result<Next, HostError> {
        let start = KeyName::Contract(id).to_string();
        if !may_have(self.prefix, &start) {
            return Ok(Next::Continue(()));
        }
        if self.key(KeyName::Contract(id))?.is_break() {
            return Ok(Next::Break(()));
        }
        let [a, b] = &mut self.machines;
        let (a, b) = (parts(a, &id)?, parts(b, &id)?);
        if a.node == b.node {
            return Ok(Next::Continue(()));
        }
        if a.code != b.code && self.key(KeyName::Code(id))?.is_break() {
            return Ok(Next::Break(()));
        }
        type Said<'a> = &'a dyn Fn(&[u8]) -> KeyName;
        type Value<'a> = &'a dyn Fn(&Bytes) -> KeyValue;
        let tables: [(&str, [&Table; 2], Said<'_>, Value<'_>); 3] = [
            (
                "state",
                [&a.state, &b.state],
                &|key| KeyName::State(id, key.into()),
                &|value| KeyValue::Bytes(value.clone()),
            ),
            (
                "ft",
                [&a.ft, &b.ft],
                &|key| KeyName::Ft(id, reference(key)),
                &|value| KeyValue::Number(amount(value)),
            ),
            (
                "nft",
                [&a.nft, &b.nft],
                &|key| KeyName::Nft(id, reference(key)),
                &|_| KeyValue::There,
            ),
        ];
        for (part, [a, b], name, value) in tables {
            if !may_have(self.prefix, &format!("{start}/{part}/")) {
                continue;
            }
            for entry in a.differences(b) {
                let entry = entry?;
                let next = self.tell(name(entry.key), entry.sides.map(|side| side.map(value)));
                if next.is_break() {
                    return Ok(next);
                }
            }
        }
        Ok(Next::Continue(()))
    }
}

/// What a state has behind the row of a contract; nothing if there is no such row.
fn parts(machine: &mut IndexMachine, id: &AtomicalId) -> Result<Parts, HostError> {
    let Some(row) = machine.ledger().contract_row(id)? else {
        return Ok(Parts::default());
    };
    let Some(contract) = machine.ledger().contract(id)? else {
        return Ok(Parts::default());
    };
    Ok(Parts {
        node: row.node,
        code: Some(contract.code.names()),
        state: contract.state.clone(),
        ft: contract.ft.clone(),
        nft: contract.nft.clone(),
    })
}

//! Counting all there is in a state.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use avm_core::HostError;

use super::super::AtomicalId;
use super::super::machine::IndexMachine;
use super::super::params::COMMIT_DEPTH;
use super::super::rows::{
    BlockRow, ContractRow, Item, ItemKind, Outpoint, Tokens, family, holder_key, output_key,
};
use crate::script::call::{amount, reference};

/// What is in a state that no state may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsound(pub String);

/// All tokens of a state, and where they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Units of each fungible token, on outputs and in contracts together.
    pub units: BTreeMap<AtomicalId, u128>,
    /// Tokens that are one of a kind, protocols and contracts, on outputs or in contracts.
    pub items: BTreeSet<AtomicalId>,
    /// What was minted.
    pub minted: BTreeMap<AtomicalId, Item>,
    /// What is on outputs.
    pub outputs: BTreeMap<Outpoint, Tokens>,
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), Unsound> {
    if holds { Ok(()) } else { Err(Unsound(what())) }
}

fn host(error: HostError) -> Unsound {
    Unsound(format!("{error}"))
}

impl Census {
    /// Counts a state, mid-block or not.
    ///
    /// # Errors
    /// If the state has what no state may have: an output in one of its two rows alone, one that
    /// carries more units than satoshis, nothing or something twice; a token on two outputs; rows
    /// about what was never minted; blocks that are not of the window; more units than were minted, if
    /// the rules keep that.
    pub fn of(machine: &mut IndexMachine) -> Result<Self, Unsound> {
        let window = machine.params().header_window.max(COMMIT_DEPTH + 1);
        let begun = machine.in_work().map(|(height, ..)| height);
        let top = begun.or_else(|| machine.height());
        let start = machine.params().start;
        let mut census = Self::default();
        let (mut holders, mut blocks) = (BTreeSet::new(), Vec::new());
        let (mut contracts, mut names, mut protocols) = (Vec::new(), Vec::new(), Vec::new());
        machine.ledger().root();
        for entry in machine.ledger().rows() {
            let (key, value) = entry.map_err(host)?;
            let (kind, name) = key.split_first().ok_or(Unsound("an empty key".into()))?;
            let id = || AtomicalId::try_from(name).map_err(|_| Unsound(format!("key {key:?}")));
            match *kind {
                family::BLOCK => {
                    BlockRow::from_bytes(value).map_err(host)?;
                    blocks.push(name.try_into().map_or(u32::MAX, u32::from_be_bytes));
                }
                family::CONTRACT => {
                    contracts.push((id()?, ContractRow::from_bytes(value).map_err(host)?));
                }
                family::HOLDER => {
                    holders.insert(key.to_vec());
                }
                family::ITEM => {
                    let item = Item::from_bytes(value).map_err(host)?;
                    census.minted.insert(id()?, item);
                }
                family::NAME => {
                    let id = AtomicalId::try_from(&value[..]);
                    names.push(id.map_err(|_| Unsound(format!("name {value:?}")))?);
                }
                family::OUTPUT => {
                    let tokens = Tokens::from_bytes(value).map_err(host)?;
                    census.outputs.insert(id()?, tokens);
                }
                family::PROTOCOL => protocols.push(id()?),
                other => return Err(Unsound(format!("a row of family {other}"))),
            }
        }
        let want: Vec<u32> = match top {
            None => Vec::new(),
            Some(top) => (start.max((top + 1).saturating_sub(window))..=top).collect(),
        };
        ensure(blocks == want, || {
            format!("blocks {blocks:?}, the window is {want:?}")
        })?;
        census.count_outputs(&holders)?;
        for (id, row) in &contracts {
            census.kind(id, ItemKind::Contract)?;
            census.kind(&row.protocol, ItemKind::Protocol)?;
            ensure(row.created <= row.changed, || format!("{row:?}"))?;
            let contract = machine.ledger().contract(id).map_err(host)?;
            let contract = contract.ok_or(Unsound("a row without its contract".into()))?;
            for entry in &contract.ft {
                let (token, value) = entry.map_err(host)?;
                let (id, units) = (reference(token), amount(value));
                ensure(units > 0, || "a contract with no units of a token".into())?;
                census.kind(&id, ItemKind::Ft)?;
                *census.units.entry(id).or_default() += u128::from(units);
            }
            for entry in &contract.nft {
                let id = reference(entry.map_err(host)?.0);
                census.kind(&id, ItemKind::Nft)?;
                census.place(id)?;
            }
        }
        for id in &names {
            ensure(census.minted.contains_key(id), || {
                "a name of nothing".into()
            })?;
        }
        for id in &protocols {
            census.kind(id, ItemKind::Protocol)?;
        }
        let count = |kind| {
            let all = census.minted.values();
            all.filter(|item| item.kind == kind).count()
        };
        ensure(count(ItemKind::Contract) == contracts.len(), || {
            "contracts without a row".into()
        })?;
        ensure(count(ItemKind::Protocol) == protocols.len(), || {
            "protocols without a row".into()
        })?;
        let numbers: BTreeSet<u64> = census.minted.values().map(|item| item.number).collect();
        let items = machine.counts().0;
        ensure(numbers.iter().copied().eq(0..items), || {
            format!("{items} items with numbers {numbers:?}")
        })?;
        let conserve = machine.params().rules.conserve;
        for (id, item) in &census.minted {
            let lots = item.lots.as_ref();
            let (lot, most) = lots.map_or((0, 0), |lots| (lots.mint_amount, lots.max_mints));
            ensure(item.minted <= most, || format!("{item:?}"))?;
            let supply = u128::from(item.sats) + u128::from(lot) * u128::from(item.minted);
            let units = census.units.get(id).copied().unwrap_or(0);
            ensure(units <= supply || !conserve, || {
                format!("{units} units of {item:?}")
            })?;
        }
        Ok(census)
    }

    fn count_outputs(&mut self, holders: &BTreeSet<Vec<u8>>) -> Result<(), Unsound> {
        ensure(holders.len() == self.outputs.len(), || {
            format!(
                "{} outputs, {} by script",
                self.outputs.len(),
                holders.len()
            )
        })?;
        let outputs = core::mem::take(&mut self.outputs);
        for (outpoint, on) in &outputs {
            let holder = holder_key(&on.script_hash, outpoint);
            ensure(holders.contains(&holder), || {
                format!("output {:?} is not there by script", output_key(outpoint))
            })?;
            ensure(!on.tokens.is_empty(), || "an output with nothing".into())?;
            let ids: Vec<AtomicalId> = on.tokens.iter().map(|token| token.id).collect();
            ensure(ids.is_sorted_by(|one, two| one < two), || {
                "an output with a token twice".into()
            })?;
            for token in &on.tokens {
                self.kind(&token.id, token.kind)?;
                if token.kind == ItemKind::Ft {
                    ensure(token.amount <= on.sats, || {
                        format!("{} units on {} satoshis", token.amount, on.sats)
                    })?;
                    *self.units.entry(token.id).or_default() += u128::from(token.amount);
                } else {
                    ensure(token.amount == on.sats, || {
                        format!("an item of {} on {} satoshis", token.amount, on.sats)
                    })?;
                    self.place(token.id)?;
                }
            }
        }
        self.outputs = outputs;
        Ok(())
    }

    /// Something is what it was minted as.
    fn kind(&self, id: &AtomicalId, kind: ItemKind) -> Result<(), Unsound> {
        let minted = self.minted.get(id).map(|item| item.kind);
        ensure(minted == Some(kind), || {
            format!("a {} that was minted as {minted:?}", kind.name())
        })
    }

    /// What is one of a kind is in one place.
    fn place(&mut self, id: AtomicalId) -> Result<(), Unsound> {
        ensure(self.items.insert(id), || format!("{id:?} is in two places"))
    }
}

//! Typed questions to what an indexer knows, as a node serves them.
//!
//! Every list comes in pages: at most [`PAGE_MAX`] entries after a given one, so no answer grows
//! with the state. Amounts are units, heights are of blocks, ids and hashes are in internal order.

use alloc::string::String;
use alloc::vec::Vec;

use avm_core::{Bytes, Hash, HostError};

use super::AtomicalId;
use super::machine::IndexMachine;
use super::overlay::Entry;
use super::request::NameKind;
use super::rows::{self, ContractRow, Item, ItemKind, Outpoint, Place, Tokens, family};
use super::settle::is_verified;
use crate::script::call::{amount, reference, token};
use crate::script::running::Contract;
use crate::script::table::{self, Key, Table};

/// Most entries of one answer.
pub const PAGE_MAX: usize = 1_000;

/// Who has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// Whose it is.
    pub id: AtomicalId,
    /// Where its commit is.
    pub commit: Place,
    /// Whether nobody can commit before it any more.
    pub verified: bool,
}

/// A contract, without its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContractView {
    /// When it was made and changed, and its protocol.
    pub row: ContractRow,
    /// Its hash. Spec: section 11.
    pub chain: Hash,
    /// Root of its state.
    pub state: Hash,
    /// Values of its state.
    pub values: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// Bytes of its code.
    pub code_bytes: u32,
    /// Fungible tokens it holds some units of.
    pub ft: u64,
    /// Other tokens it holds.
    pub nft: u64,
}

/// A value of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractValue {
    /// Key space.
    pub space: Vec<u8>,
    /// Key.
    pub key: Vec<u8>,
    /// Value.
    pub value: Bytes,
}

/// An output with tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The output.
    pub outpoint: Outpoint,
    /// What is on it.
    pub tokens: Tokens,
}

/// Units or items of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The token.
    pub id: AtomicalId,
    /// What it is.
    pub kind: ItemKind,
    /// Units; 1 of anything but an [`ItemKind::Ft`].
    pub amount: u64,
}

/// Entries of a map behind a key, as long as they begin with a prefix.
fn page<T>(
    table: &Table,
    prefix: &[u8],
    after: Option<&[u8]>,
    limit: usize,
    mut entry: impl FnMut(&[u8], &Bytes) -> Result<Option<T>, HostError>,
) -> Result<Vec<T>, HostError> {
    let mut from = Vec::from(prefix);
    from.extend_from_slice(after.unwrap_or_default());
    let entries = match from.is_empty() {
        true => table.iter(),
        false => table.iter_after(Some(&from))?,
    };
    let mut found = Vec::new();
    for next in entries {
        let (key, value) = next?;
        let Some(rest) = key
            .strip_prefix(prefix)
            .filter(|_| found.len() < limit.min(PAGE_MAX))
        else {
            break;
        };
        found.extend(entry(rest, value)?);
    }
    Ok(found)
}

fn id_of(rest: &[u8]) -> Result<AtomicalId, HostError> {
    rest.try_into().map_err(|_| HostError::BadNode {
        hash: Hash::ZERO,
        len: rest.len(),
        want: "the key of an atomical",
    })
}

/// Questions. All of them fail only if a part of the state is not in the store.
impl IndexMachine {
    /// What was minted under an id.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn item(&mut self, id: &AtomicalId) -> Result<Option<Item>, HostError> {
        self.ledger().item(id)
    }

    /// Who has a name, or is first in line for it.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn named(&mut self, kind: NameKind, name: &str) -> Result<Option<Named>, HostError> {
        let height = self.height().unwrap_or(0);
        let found = self.ledger().name(kind, name)?;
        Ok(found.map(|(commit, id)| Named {
            id,
            commit,
            verified: is_verified(commit, height),
        }))
    }

    /// Names of a kind behind another, each with who is first in line for it.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn names(
        &mut self,
        kind: NameKind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, AtomicalId)>, HostError> {
        let prefix = rows::key(family::NAME, &[kind as u8]);
        // Behind every candidate for the name before.
        let behind = after.map(|name| [name.as_bytes(), &[0], &[0xff; 9]].concat());
        let mut last: Option<String> = None;
        let table = self.ledger().rows();
        page(table, &prefix, behind.as_deref(), limit, |rest, value| {
            let end = rest
                .iter()
                .position(|byte| *byte == 0)
                .unwrap_or(rest.len());
            let name = String::from_utf8_lossy(&rest[..end]).into_owned();
            if last.as_ref() == Some(&name) {
                return Ok(None);
            }
            last = Some(name.clone());
            Ok(Some((name, id_of(value)?)))
        })
    }

    /// Items behind another, in the order of ids.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn items(
        &mut self,
        after: Option<&AtomicalId>,
        limit: usize,
    ) -> Result<Vec<(AtomicalId, Item)>, HostError> {
        let after = after.map(|id| &id[..]);
        let table = self.ledger().rows();
        page(table, &[family::ITEM], after, limit, |rest, value| {
            Ok(Some((id_of(rest)?, Item::from_bytes(value)?)))
        })
    }

    /// Contracts behind another, in the order of ids.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn contracts(
        &mut self,
        after: Option<&AtomicalId>,
        limit: usize,
    ) -> Result<Vec<AtomicalId>, HostError> {
        let after = after.map(|id| &id[..]);
        let table = self.ledger().rows();
        page(table, &[family::CONTRACT], after, limit, |rest, _| {
            id_of(rest).map(Some)
        })
    }

    /// A contract.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn contract(&mut self, id: &AtomicalId) -> Result<Option<ContractView>, HostError> {
        // Rows of changed contracts have the names of their nodes only now.
        self.ledger().root();
        let Some(row) = self.ledger().contract_row(id)? else {
            return Ok(None);
        };
        let Some(contract) = self.ledger().contract(id)? else {
            return Ok(None);
        };
        Ok(Some(ContractView {
            row,
            chain: contract.chain,
            state: contract.state.root(),
            values: contract.state.len()?,
            bytes: contract.state.bytes()?,
            code_bytes: contract.code.len() as u32,
            ft: contract.ft.len()?,
            nft: contract.nft.len()?,
        }))
    }

    /// A contract as its last call left it, code and tables included.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn whole_contract(&mut self, id: &AtomicalId) -> Result<Option<&Contract>, HostError> {
        self.ledger().contract(id)
    }

    /// The code of a protocol.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn code(&mut self, id: &AtomicalId) -> Result<Option<Bytes>, HostError> {
        let code = self.ledger().code(id)?;
        code.map(|code| code.bytes()).transpose()
    }

    /// A value of a contract.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn contract_value(
        &mut self,
        id: &AtomicalId,
        space: &[u8],
        key: &[u8],
    ) -> Result<Option<Bytes>, HostError> {
        match self.ledger().contract(id)? {
            None => Ok(None),
            Some(contract) => {
                let value = contract.state.get(Key::new(space, key).bytes())?;
                Ok(value.cloned())
            }
        }
    }

    /// Values of a contract behind another, by key space and key.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn contract_values(
        &mut self,
        id: &AtomicalId,
        after: Option<(&[u8], &[u8])>,
        limit: usize,
    ) -> Result<Vec<ContractValue>, HostError> {
        let Some(contract) = self.ledger().contract(id)? else {
            return Ok(Vec::new());
        };
        let after = after.map(|(space, key)| Key::new(space, key));
        let after = after.as_ref().map(Key::bytes);
        page(&contract.state, &[], after, limit, |joined, value| {
            let (space, key) = table::split(joined);
            Ok(Some(ContractValue {
                space,
                key: key.into(),
                value: Bytes::clone(value),
            }))
        })
    }

    /// What a contract holds of one kind, behind a token in the order of reversed ids: units of
    /// fungible tokens, or the other tokens.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn contract_balances(
        &mut self,
        id: &AtomicalId,
        kind: ItemKind,
        after: Option<&AtomicalId>,
        limit: usize,
    ) -> Result<Vec<Balance>, HostError> {
        let Some(contract) = self.ledger().contract(id)? else {
            return Ok(Vec::new());
        };
        let table = match kind {
            ItemKind::Ft => &contract.ft,
            _ => &contract.nft,
        };
        let after = after.map(token);
        let after = after.as_ref().map(|token| &token[..]);
        page(table, &[], after, limit, |token, value| {
            Ok(Some(Balance {
                id: reference(token),
                kind,
                amount: if kind == ItemKind::Ft {
                    amount(value)
                } else {
                    1
                },
            }))
        })
    }

    /// The tokens on an output.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn tokens(&mut self, outpoint: &Outpoint) -> Result<Option<Tokens>, HostError> {
        self.ledger().tokens(outpoint)
    }

    /// A virtual output.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn virtual_output(&mut self, outpoint: &Outpoint) -> Result<Option<Entry>, HostError> {
        self.ledger().entry(outpoint)
    }

    /// Virtual outputs behind another, in the order of outpoints.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn virtual_outputs(
        &mut self,
        after: Option<&Outpoint>,
        limit: usize,
    ) -> Result<Vec<(Outpoint, Entry)>, HostError> {
        let after = after.map(|outpoint| &outpoint[..]);
        let table = self.ledger().rows();
        page(table, &[family::VIRTUAL], after, limit, |rest, value| {
            Ok(Some((id_of(rest)?, Entry::from_bytes(value)?)))
        })
    }

    /// Virtual outputs there are.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn virtual_count(&mut self) -> Result<u32, HostError> {
        self.ledger().entries()
    }

    /// Outputs with tokens that a script holds, behind another. Scripts are known by their SHA-256.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn holdings(
        &mut self,
        script_hash: &[u8; 32],
        after: Option<&Outpoint>,
        limit: usize,
    ) -> Result<Vec<Holding>, HostError> {
        let prefix = rows::key(family::HOLDER, script_hash);
        let after = after.map(|outpoint| &outpoint[..]);
        let ledger = self.ledger();
        let outpoints = page(ledger.rows(), &prefix, after, limit, |rest, _| {
            id_of(rest).map(Some)
        })?;
        let mut holdings = Vec::with_capacity(outpoints.len());
        for outpoint in outpoints {
            let tokens = ledger.tokens(&outpoint)?;
            let tokens = tokens.ok_or(HostError::BadNode {
                hash: Hash::ZERO,
                len: 0,
                want: "tokens on an output that a script holds",
            })?;
            holdings.push(Holding { outpoint, tokens });
        }
        Ok(holdings)
    }
}

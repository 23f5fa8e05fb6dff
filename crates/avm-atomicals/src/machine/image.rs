//! What a machine starts from, and what it takes: contracts and calls as bytes.
//!
//! Both are canonical: one contract, or one call, has one encoding. Integers are big-endian, byte
//! strings follow their length in four bytes, keys of tables ascend.

use alloc::vec::Vec;

use avm_core::{Bytes, Hash, HostError};
use avm_merkle::map::MapError;

use super::wire::{Reader, WireError, put};
use crate::script::rules::Rules;
use crate::script::running::{CallInput, Contract};
use crate::script::table::{self, Table};
use crate::script::tables;

/// Begins every image.
const IMAGE_MARK: u8 = 0xa1;
/// Begins every call.
const CALL_MARK: u8 = 0xa2;
/// Longest key of a token table, in bytes; `avm1` has 36 always.
const TOKEN_MAX: usize = 255;
/// Longest header of a block, in bytes. Scripts can copy and change a whole header, and a proof has
/// all that one step looks into: several of these fit into the shortest limit of a proof, 8 MiB.
const HEADER_MAX: usize = 1 << 20;

/// A contract as a machine starts from it.
#[derive(Clone, Debug)]
pub struct Image {
    /// The rule set of its calls.
    pub rules: &'static Rules,
    /// The contract.
    pub contract: Contract,
    /// How its methods are called, one signature a line; for tools, and no part of the state.
    pub methods: Bytes,
}

impl Image {
    /// The image as bytes.
    ///
    /// # Errors
    /// If a part of the contract is not in memory and missing from its store.
    pub fn to_bytes(&self) -> Result<Vec<u8>, HostError> {
        let contract = &self.contract;
        let mut out = Vec::new();
        out.push(IMAGE_MARK);
        out.push(self.rules.number());
        out.extend(contract.id);
        out.extend(contract.chain.0);
        put(&mut out, &contract.code.bytes()?);
        put(&mut out, &self.methods);
        put_table(&mut out, &contract.state)?;
        put_table(&mut out, &contract.ft)?;
        put_table(&mut out, &contract.nft)?;
        Ok(out)
    }

    /// Reads [`Image::to_bytes`].
    ///
    /// # Errors
    /// Where and how the bytes differ from an image.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(bytes);
        r.mark(IMAGE_MARK, "the mark of an image", "0xa1")?;
        let at = r.at();
        let number = r.byte("the rule set")?;
        let rules = Rules::ALL
            .get(usize::from(number))
            .ok_or(WireError::Value {
                what: "the rule set",
                at,
                got: number.into(),
                want: "0 for avm1 or 1 for beta1",
            })?;
        let id = r.id("the contract's id")?;
        let chain = r.hash("the contract's hash")?;
        let mut contract = Contract::new(id, r.bytes("the code")?);
        contract.chain = chain;
        let methods = r.bytes("the signatures of methods")?;
        contract.state = table(&mut r, "a value of the state", |key, _| {
            let (space, name) = table::split(key);
            table::Key::new(&space, name).bytes() == key
        })?;
        contract.ft = table(&mut r, "an amount", |key, value| {
            is_token(rules, key) && value.len() == 8 && value != [0; 8]
        })?;
        contract.nft = table(&mut r, "a token", |key, value| {
            is_token(rules, key) && value.is_empty()
        })?;
        r.end()?;
        contract.sum = tables::sum(&contract.state).expect("a table just read is in memory");
        Ok(Self {
            rules,
            contract,
            methods,
        })
    }
}

/// A call as the log of a machine has it.
///
/// # Errors
/// If a part of a table is not in memory and missing from its store.
pub fn call_to_bytes(call: &CallInput) -> Result<Vec<u8>, HostError> {
    let mut out = Vec::new();
    out.push(CALL_MARK);
    put(&mut out, &call.unlock);
    put(&mut out, &call.tx);
    put(&mut out, &call.auth_key);
    put_table(&mut out, &call.ft_incoming)?;
    put_table(&mut out, &call.nft_incoming)?;
    put_table(&mut out, &call.headers)?;
    out.extend(call.height.to_be_bytes());
    Ok(out)
}

/// Reads [`call_to_bytes`].
///
/// # Errors
/// Where and how the bytes differ from a call.
pub fn call_from_bytes(rules: &Rules, bytes: &[u8]) -> Result<CallInput, WireError> {
    let mut r = Reader::new(bytes);
    r.mark(CALL_MARK, "the mark of a call", "0xa2")?;
    let unlock = r.bytes("the unlocking script")?;
    let tx = r.bytes("the transaction")?;
    let auth_key = r.bytes("the caller's public key")?;
    let ft_incoming = table(&mut r, "an incoming amount", |key, value| {
        is_token(rules, key) && value.len() == 8 && value != [0; 8]
    })?;
    let nft_incoming = table(&mut r, "an incoming token", |key, value| {
        is_token(rules, key) && value.is_empty()
    })?;
    let headers = table(&mut r, "a block header", |key, value| {
        let lens = tables::HEADER_BYTES..=HEADER_MAX;
        key.len() == 4 && lens.contains(&value.len())
    })?;
    let at = r.at();
    let height = r.u32("the height")?;
    if height > tables::HEIGHT_MAX {
        let (what, got, want) = ("the height", height.into(), "10000000 at most");
        return Err(WireError::Value {
            what,
            at,
            got,
            want,
        });
    }
    r.end()?;
    Ok(CallInput {
        unlock,
        tx,
        auth_key,
        ft_incoming,
        nft_incoming,
        headers,
        height,
    })
}

fn is_token(rules: &Rules, key: &[u8]) -> bool {
    if rules.token_keys {
        key.len() == 36
    } else {
        (1..=TOKEN_MAX).contains(&key.len())
    }
}

fn put_table(out: &mut Vec<u8>, table: &Table) -> Result<(), HostError> {
    out.extend((table.len()? as u32).to_be_bytes());
    for entry in table {
        let (key, value) = entry?;
        put(out, key);
        put(out, value);
    }
    Ok(())
}

/// Reads a table whose entries are `good`.
fn table(
    r: &mut Reader<'_>,
    what: &'static str,
    good: impl Fn(&[u8], &[u8]) -> bool,
) -> Result<Table, WireError> {
    let entries = r.u32(what)?;
    let mut table = Table::default();
    let mut last: Option<Bytes> = None;
    for _ in 0..entries {
        let at = r.at();
        let (key, value) = (r.bytes(what)?, r.bytes(what)?);
        if last.as_ref().is_some_and(|last| **last >= *key) {
            return Err(WireError::Order { what, at });
        }
        let malformed = WireError::Value {
            what,
            at,
            got: (key.len() + value.len()) as u64,
            want: "an entry with the form of its table",
        };
        if !good(&key, &value) {
            return Err(malformed);
        }
        match table.insert(&key, value) {
            Ok(_) => {}
            Err(MapError::Host(_)) => unreachable!("a new table is in memory"),
            Err(_) => return Err(malformed),
        }
        last = Some(key);
    }
    Ok(table)
}

impl Image {
    /// A contract that was never called.
    #[must_use]
    pub fn new(rules: &'static Rules, code: Bytes) -> Self {
        // A name of its own: the hash of its code, as if that were a transaction.
        let mut id = [0; 36];
        id[..32].copy_from_slice(&crate::script::digest::sha256(&code));
        Self {
            rules,
            contract: Contract::new(id, code),
            methods: Bytes::default(),
        }
    }

    /// The hash before the first call.
    #[must_use]
    pub fn chain(&self) -> Hash {
        self.contract.chain
    }
}

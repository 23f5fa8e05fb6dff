//! The rows of a state: one ordered map has all that an indexer knows.
//!
//! | Key | Value |
//! |---|---|
//! | `b` height(4) | a block of the window: [`BlockRow`] |
//! | `c` id | a contract: [`ContractRow`] |
//! | `h` script hash(32) outpoint(36) | nothing: who holds what, by script |
//! | `i` id | what was minted: [`Item`] |
//! | `n` kind(1) name 00 place(8) | id: a candidate for a name, the earliest commit first |
//! | `o` outpoint(36) | tokens on an output: [`Tokens`] |
//! | `p` id | name of the node of a protocol, which is a contract that nobody calls |
//! | `v` outpoint(36) | a virtual output: [`Entry`](super::overlay::Entry) |
//! | `w` | virtual outputs there are (4); no row if there is none |
//! | `x` expiry(4) outpoint(36) | nothing: virtual outputs by their expiry |
//!
//! Integers are big-endian. Spec: section 16 for what the original keeps.

use alloc::string::String;
use alloc::vec::Vec;

use avm_core::{Hash, HostError};

use super::AtomicalId;
use super::request::{Bitwork, Lots, NameKind};
use crate::script::node::Fields;

/// Families of keys: the first byte.
pub mod family {
    /// Blocks of the window.
    pub const BLOCK: u8 = b'b';
    /// Contracts.
    pub const CONTRACT: u8 = b'c';
    /// Outputs by script.
    pub const HOLDER: u8 = b'h';
    /// Items.
    pub const ITEM: u8 = b'i';
    /// Names.
    pub const NAME: u8 = b'n';
    /// Tokens on outputs.
    pub const OUTPUT: u8 = b'o';
    /// Protocols.
    pub const PROTOCOL: u8 = b'p';
    /// Virtual outputs.
    pub const VIRTUAL: u8 = b'v';
    /// How many virtual outputs there are.
    pub const VIRTUAL_COUNT: u8 = b'w';
    /// Virtual outputs by their expiry.
    pub const VIRTUAL_EXPIRY: u8 = b'x';
}

/// An outpoint as a transaction has it: transaction id in internal order, number little-endian.
pub type Outpoint = [u8; 36];

/// Where a transaction is in the chain; earlier ones are less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Height of its block.
    pub height: u32,
    /// Position in the block, the coinbase at 0.
    pub position: u32,
}

impl Place {
    /// Big-endian, so that places sort as bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 8] {
        ((u64::from(self.height) << 32) | u64::from(self.position)).to_be_bytes()
    }

    /// Reads [`Place::to_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        let number = u64::from_be_bytes(bytes);
        Self {
            height: (number >> 32) as u32,
            position: number as u32,
        }
    }
}

/// What an atomical is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ItemKind {
    /// Units of which each is backed by a satoshi: `ft`, and `dft` with its mints.
    Ft,
    /// One of a kind: `nft`.
    Nft,
    /// Code of contracts: `def`.
    Protocol,
    /// A contract: `new`.
    Contract,
}

impl ItemKind {
    /// Every kind; the number of one is its place here.
    pub const ALL: [Self; 4] = [Self::Ft, Self::Nft, Self::Protocol, Self::Contract];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ft => "ft",
            Self::Nft => "nft",
            Self::Protocol => "protocol",
            Self::Contract => "contract",
        }
    }
}

/// A token on an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Which.
    pub id: AtomicalId,
    /// What it is.
    pub kind: ItemKind,
    /// Units; of anything but an [`ItemKind::Ft`] the satoshis of the output.
    pub amount: u64,
}

/// The tokens on an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// SHA-256 of the output's script.
    pub script_hash: [u8; 32],
    /// Satoshis of the output.
    pub sats: u64,
    /// In the order of ids.
    pub tokens: Vec<Token>,
}

/// What was minted. Spec: section 16, `mi`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub kind: ItemKind,
    /// Number, from 0 in the order of reveals.
    pub number: u64,
    /// Where its commit is.
    pub commit: Place,
    /// Where its reveal is.
    pub reveal: Place,
    /// Transaction id of the reveal, internal order.
    pub txid: [u8; 32],
    /// SHA-256 of the payload, which is in the reveal.
    pub payload: [u8; 32],
    /// Satoshis of the output it was born on: the supply of an `ft`; zero for a `dft`.
    pub sats: u64,
    /// The name it asked for.
    pub name: Option<(NameKind, String)>,
    /// How a `dft` is minted.
    pub lots: Option<Lots>,
    /// Lots minted so far.
    pub minted: u64,
}

/// A contract, as the map has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContractRow {
    /// Name of its node.
    pub node: Hash,
    /// The protocol with its code.
    pub protocol: AtomicalId,
    /// Height of the block that created it.
    pub created: u32,
    /// Height of the block that changed it last.
    pub changed: u32,
    /// Calls that succeeded.
    pub calls: u64,
}

/// A block of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRow {
    /// Its header.
    pub header: [u8; 80],
    /// Name of its transactions by their ids.
    pub txs: Hash,
}

/// Key of a family with one part.
#[must_use]
pub fn key(family: u8, part: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + part.len());
    key.push(family);
    key.extend_from_slice(part);
    key
}

/// Key of the tokens on an output.
#[must_use]
pub fn output_key(outpoint: &Outpoint) -> [u8; 37] {
    let mut key = [family::OUTPUT; 37];
    key[1..].copy_from_slice(outpoint);
    key
}

/// Key of an output by its script.
#[must_use]
pub fn holder_key(script_hash: &[u8; 32], outpoint: &Outpoint) -> Vec<u8> {
    let mut key = key(family::HOLDER, script_hash);
    key.extend_from_slice(outpoint);
    key
}

/// Key of a virtual output by its expiry.
#[must_use]
pub fn expiry_key(expiry: u32, outpoint: &Outpoint) -> Vec<u8> {
    let mut key = key(family::VIRTUAL_EXPIRY, &expiry.to_be_bytes());
    key.extend_from_slice(outpoint);
    key
}

/// Beginning of the keys of a name's candidates.
#[must_use]
pub fn name_prefix(kind: NameKind, name: &str) -> Vec<u8> {
    let mut key = key(family::NAME, &[kind as u8]);
    key.extend_from_slice(name.as_bytes());
    key.push(0);
    key
}

/// Key of a candidate for a name.
#[must_use]
pub fn name_key(kind: NameKind, name: &str, commit: Place) -> Vec<u8> {
    let mut key = name_prefix(kind, name);
    key.extend(commit.to_bytes());
    key
}

impl Tokens {
    /// The value of its row.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut value = Vec::with_capacity(40 + 45 * self.tokens.len());
        value.extend(self.script_hash);
        value.extend(self.sats.to_be_bytes());
        put_tokens(&mut value, &self.tokens);
        value
    }

    /// Reads [`Tokens::to_bytes`].
    ///
    /// # Errors
    /// If it is not the value of such a row, which only a forged state has.
    pub fn from_bytes(value: &[u8]) -> Result<Self, HostError> {
        let mut fields = Fields::plain(value, "the tokens on an output");
        let script_hash = fields.hash()?.0;
        let sats = fields.u64()?;
        Ok(Self {
            script_hash,
            sats,
            tokens: tokens(&mut fields)?,
        })
    }
}

/// Tokens at the end of a row.
pub(super) fn put_tokens(value: &mut Vec<u8>, tokens: &[Token]) {
    for token in tokens {
        value.extend(token.id);
        value.push(token.kind as u8);
        value.extend(token.amount.to_be_bytes());
    }
}

/// Reads [`put_tokens`].
pub(super) fn tokens(fields: &mut Fields<'_>) -> Result<Vec<Token>, HostError> {
    let mut tokens = Vec::new();
    while !fields.at_end() {
        tokens.push(Token {
            id: fields.id()?,
            kind: kind(fields)?,
            amount: fields.u64()?,
        });
    }
    Ok(tokens)
}

fn kind(fields: &mut Fields<'_>) -> Result<ItemKind, HostError> {
    let number = usize::from(fields.byte()?);
    let kind = ItemKind::ALL.get(number).copied();
    kind.ok_or_else(|| fields.bad())
}

fn place(fields: &mut Fields<'_>) -> Result<Place, HostError> {
    Ok(Place {
        height: fields.u32()?,
        position: fields.u32()?,
    })
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.push(text.len() as u8);
    out.extend_from_slice(text.as_bytes());
}

fn text(fields: &mut Fields<'_>) -> Result<String, HostError> {
    let len = usize::from(fields.byte()?);
    let text = core::str::from_utf8(fields.take(len)?).map(String::from);
    text.map_err(|_| fields.bad())
}

fn put_bitwork(out: &mut Vec<u8>, bitwork: Option<&Bitwork>) {
    put_text(out, &bitwork.map(Bitwork::text).unwrap_or_default());
}

fn bitwork(fields: &mut Fields<'_>) -> Result<Option<Bitwork>, HostError> {
    let text = text(fields)?;
    if text.is_empty() {
        return Ok(None);
    }
    let bitwork = Bitwork::parse(&text);
    bitwork.map(Some).ok_or_else(|| fields.bad())
}

impl Item {
    /// The value of its row.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(160);
        out.push(self.kind as u8);
        out.extend(self.number.to_be_bytes());
        out.extend(self.commit.to_bytes());
        out.extend(self.reveal.to_bytes());
        out.extend(self.txid);
        out.extend(self.payload);
        out.extend(self.sats.to_be_bytes());
        match &self.name {
            None => out.push(0xff),
            Some((kind, name)) => {
                out.push(*kind as u8);
                put_text(&mut out, name);
            }
        }
        if let Some(lots) = &self.lots {
            out.extend(lots.mint_amount.to_be_bytes());
            out.extend(lots.mint_height.to_be_bytes());
            out.extend(lots.max_mints.to_be_bytes());
            put_bitwork(&mut out, lots.mint_bitwork_commit.as_ref());
            put_bitwork(&mut out, lots.mint_bitwork_reveal.as_ref());
            out.extend(self.minted.to_be_bytes());
        }
        out
    }

    /// Reads [`Item::to_bytes`].
    ///
    /// # Errors
    /// If it is not the value of such a row, which only a forged state has.
    pub fn from_bytes(value: &[u8]) -> Result<Self, HostError> {
        let mut fields = Fields::plain(value, "an item");
        let mut item = Self {
            kind: kind(&mut fields)?,
            number: fields.u64()?,
            commit: place(&mut fields)?,
            reveal: place(&mut fields)?,
            txid: fields.hash()?.0,
            payload: fields.hash()?.0,
            sats: fields.u64()?,
            name: None,
            lots: None,
            minted: 0,
        };
        let number = fields.byte()?;
        if number != 0xff {
            let kind = NameKind::ALL.get(usize::from(number)).copied();
            let kind = kind.ok_or_else(|| fields.bad())?;
            item.name = Some((kind, text(&mut fields)?));
        }
        if !fields.at_end() {
            item.lots = Some(Lots {
                mint_amount: fields.u64()?,
                mint_height: fields.u32()?,
                max_mints: fields.u64()?,
                mint_bitwork_commit: bitwork(&mut fields)?,
                mint_bitwork_reveal: bitwork(&mut fields)?,
            });
            item.minted = fields.u64()?;
        }
        fields.end()?;
        Ok(item)
    }
}

impl ContractRow {
    /// The value of its row.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(84);
        out.extend(self.node.0);
        out.extend(self.protocol);
        out.extend(self.created.to_be_bytes());
        out.extend(self.changed.to_be_bytes());
        out.extend(self.calls.to_be_bytes());
        out
    }

    /// Reads [`ContractRow::to_bytes`].
    ///
    /// # Errors
    /// If it is not the value of such a row, which only a forged state has.
    pub fn from_bytes(value: &[u8]) -> Result<Self, HostError> {
        let mut fields = Fields::plain(value, "a contract of the index");
        let row = Self {
            node: fields.hash()?,
            protocol: fields.id()?,
            created: fields.u32()?,
            changed: fields.u32()?,
            calls: fields.u64()?,
        };
        fields.end()?;
        Ok(row)
    }
}

impl BlockRow {
    /// The value of its row.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(112);
        out.extend(self.header);
        out.extend(self.txs.0);
        out
    }

    /// Reads [`BlockRow::to_bytes`].
    ///
    /// # Errors
    /// If it is not the value of such a row, which only a forged state has.
    pub fn from_bytes(value: &[u8]) -> Result<Self, HostError> {
        let mut fields = Fields::plain(value, "a block of the window");
        let header = *fields.take(80)?.first_chunk().expect("as many as taken");
        let txs = fields.hash()?;
        fields.end()?;
        Ok(Self { header, txs })
    }
}

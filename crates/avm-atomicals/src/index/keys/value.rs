//! What a state has at a key, as bytes and for people.

use alloc::vec::Vec;
use core::fmt;

use avm_core::{Bytes, Hash};

use super::{displayed, kind_text};
use crate::index::AtomicalId;
use crate::index::block::{header_hash, header_time};
use crate::index::envelope::text_id;
use crate::index::params::Params;
use crate::index::rows::{BlockRow, ContractRow, Item, ItemKind, Place, Tokens};
use crate::keys::bytes_text;
use crate::script::Rules;
use crate::script::tables::hex;

/// What a state has at a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyValue {
    /// A number.
    Number(u64),
    /// Bytes.
    Bytes(Bytes),
    /// A hash.
    Hash(Hash),
    /// The rule set.
    Rules(&'static Rules),
    /// It is there, and nothing else is to be said.
    There,
    /// Name of a block, internal order.
    Block([u8; 32]),
    /// What the rules depend on.
    Params(Params),
    /// The block in work.
    Work {
        /// Its height.
        height: u32,
        /// The transaction that is settled next.
        next: u32,
        /// Its transactions.
        txs: u32,
    },
    /// A block of the window.
    Header(BlockRow),
    /// A contract, and its hash.
    Contract(ContractRow, Hash),
    /// What was minted.
    Item(Item),
    /// Who is first in line for a name.
    Named {
        /// Where the commit is.
        commit: Place,
        /// Who.
        id: AtomicalId,
    },
    /// Tokens on an output.
    Tokens(Tokens),
}

fn fixed<const N: usize>(bytes: &[u8]) -> Option<&[u8; N]> {
    bytes.try_into().ok()
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
    /// | `05` | name of a block, internal order, 32 bytes |
    /// | `06` | the image of an index with these parameters |
    /// | `07` | height, next transaction, transactions: four bytes each, big-endian |
    /// | `08` | the row of a block |
    /// | `09` | hash of a contract, 32 bytes; its row |
    /// | `0a` | the row of an item |
    /// | `0b` | height and position of a commit, four bytes each, big-endian; id |
    /// | `0c` | the row of an output |
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Number(number) => [&[0], &number.to_be_bytes()[..]].concat(),
            Self::Bytes(bytes) => [&[1], &bytes[..]].concat(),
            Self::Hash(hash) => [&[2], &hash.0[..]].concat(),
            Self::Rules(rules) => [3, rules.number()].into(),
            Self::There => [4].into(),
            Self::Block(hash) => [&[5], &hash[..]].concat(),
            Self::Params(params) => [&[6], &params.to_bytes()[..]].concat(),
            Self::Work { height, next, txs } => {
                let numbers = [height, next, txs].map(|number| number.to_be_bytes());
                [&[7], numbers.as_flattened()].concat()
            }
            Self::Header(row) => [&[8], &row.to_bytes()[..]].concat(),
            Self::Contract(row, chain) => [&[9], &chain.0[..], &row.to_bytes()].concat(),
            Self::Item(item) => [&[10], &item.to_bytes()[..]].concat(),
            Self::Named { commit, id } => [&[11], &commit.to_bytes()[..], id].concat(),
            Self::Tokens(tokens) => [&[12], &tokens.to_bytes()[..]].concat(),
        }
    }

    /// The inverse of [`KeyValue::to_bytes`]; `None` for bytes that it does not make.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        Some(match kind {
            0 => Self::Number(u64::from_be_bytes(*fixed(rest)?)),
            1 => Self::Bytes(rest.into()),
            2 => Self::Hash(Hash(*fixed(rest)?)),
            3 => {
                let [number] = *rest else { return None };
                Self::Rules(Rules::ALL.get(usize::from(number)).copied()?)
            }
            4 if rest.is_empty() => Self::There,
            5 => Self::Block(*fixed(rest)?),
            6 => Self::Params(Params::from_bytes(rest).ok()?),
            7 => {
                let numbers: &[u8; 12] = fixed(rest)?;
                let [height, next, txs] = [0, 4, 8].map(|at| {
                    u32::from_be_bytes(*numbers[at..].first_chunk().expect("four of twelve"))
                });
                Self::Work { height, next, txs }
            }
            8 => Self::Header(BlockRow::from_bytes(rest).ok()?),
            9 => {
                let (chain, row) = rest.split_first_chunk()?;
                Self::Contract(ContractRow::from_bytes(row).ok()?, Hash(*chain))
            }
            10 => Self::Item(Item::from_bytes(rest).ok()?),
            11 => {
                let (place, id) = rest.split_first_chunk()?;
                Self::Named {
                    commit: Place::from_bytes(*place),
                    id: *fixed(id)?,
                }
            }
            12 => Self::Tokens(Tokens::from_bytes(rest).ok()?),
            _ => return None,
        })
    }
}

/// A place for people: `@104:7` is the transaction at position 7 of the block of height 104.
fn place(place: Place) -> impl fmt::Display {
    struct Shown(Place);
    impl fmt::Display for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "b{} tx {}", self.0.height, self.0.position)
        }
    }
    Shown(place)
}

impl fmt::Display for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Bytes(bytes) => f.write_str(&bytes_text(bytes)),
            Self::Hash(hash) => write!(f, "{hash}"),
            Self::Rules(rules) => f.write_str(rules.name),
            Self::There => f.write_str("there"),
            Self::Block(hash) => f.write_str(&displayed(hash)),
            Self::Params(params) => show_params(params, f),
            Self::Work { height, next, txs } => {
                write!(f, "block {height}, {next} of {txs} transactions settled")
            }
            Self::Header(row) => {
                let (hash, time) = (header_hash(&row.header), header_time(&row.header));
                write!(f, "{}, time {time}, txs {}", displayed(&hash), row.txs)
            }
            Self::Contract(row, chain) => {
                let protocol = text_id(&row.protocol);
                let (created, changed, calls) = (row.created, row.changed, row.calls);
                write!(
                    f,
                    "chain {chain}, protocol {protocol}, created b{created}, changed b{changed}, calls {calls}"
                )
            }
            Self::Item(item) => show_item(item, f),
            Self::Named { commit, id } => {
                write!(f, "{}, commit {}", text_id(id), place(*commit))
            }
            Self::Tokens(tokens) => {
                write!(f, "{} sats", tokens.sats)?;
                for token in &tokens.tokens {
                    let id = text_id(&token.id);
                    match token.kind {
                        ItemKind::Ft => write!(f, ", {} of {id}", token.amount)?,
                        kind => write!(f, ", {} {id}", kind.name())?,
                    }
                }
                Ok(())
            }
        }
    }
}

fn show_params(params: &Params, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Params {
        rules,
        start,
        before,
        heights,
        header_window,
        overlay,
    } = params;
    write!(f, "{}, from b{start}", rules.name)?;
    if *before != [0; 32] {
        write!(f, " after {}", displayed(before))?;
    }
    let (base, dmint, commitz) = (heights.base, heights.dmint, heights.commitz);
    let (density, custom, contracts) = (heights.density, heights.custom, heights.contracts);
    write!(
        f,
        ", operations b{base}, dmint b{dmint}, commitz b{commitz}, density b{density}, custom b{custom}, contracts b{contracts}, header window {header_window}"
    )?;
    f.write_str(if *overlay { ", overlay" } else { "" })
}

fn show_item(item: &Item, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{} #{}", item.kind.name(), item.number)?;
    if let Some((kind, name)) = &item.name {
        write!(f, ", {} {name}", kind_text(*kind))?;
    }
    if item.sats > 0 {
        write!(f, ", {} sats", item.sats)?;
    }
    if let Some(lots) = &item.lots {
        let (minted, most, amount) = (item.minted, lots.max_mints, lots.mint_amount);
        let from = lots.mint_height;
        write!(f, ", {minted} of {most} lots of {amount} from b{from}")?;
        for (when, work) in [
            ("commit", &lots.mint_bitwork_commit),
            ("reveal", &lots.mint_bitwork_reveal),
        ] {
            if let Some(work) = work {
                write!(f, ", {when} work {}", work.text())?;
            }
        }
    }
    let (commit, reveal) = (place(item.commit), place(item.reveal));
    write!(
        f,
        ", commit {commit}, reveal {reveal} {}",
        displayed(&item.txid)
    )?;
    write!(f, ", payload {}", hex(&item.payload))
}

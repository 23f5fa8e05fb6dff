//! Keys of a state of an index: their names, what a state has at one, and listing them.
//!
//! ```text
//! KEY      := "rules" | "params" | "height" | "tip" | "blocks_chain" | "states_chain"
//!           | "items" | "refused"
//!           | "work" | "cost" | STACK | STACK "/" number      while a block is in work; the top is 0
//!           | "block/" number                      a block of the window, by its height
//!           | "contract/" ID                       who made it and when, and its hash
//!           | "contract/" ID "/code"
//!           | "contract/" ID "/state/" NAME "/" NAME           a value: key space and key
//!           | "contract/" ID "/ft/" ID | "contract/" ID "/nft/" ID     what it holds
//!           | "holder/" SCRIPT "/" OUTPOINT        an output with tokens, by its script
//!           | "item/" ID                           what was minted
//!           | "name/" KIND "/" NAME                who is first in line for a name
//!           | "output/" OUTPOINT                   tokens on an output
//!           | "protocol/" ID                       the code of a protocol
//! STACK    := "stack" | "alt"
//! ID       := transaction id as it is displayed, "i", number of the output
//! OUTPOINT := transaction id as it is displayed, ":", number of the output
//! SCRIPT   := SHA-256 of the script of the output, in hex
//! KIND     := "protocol" | "contract" | "ticker" | "realm" | "subrealm" | "container" | "item"
//! NAME     := letters, digits, `_`, `-` and `.` as they are, anything else as 0x and hex digits
//! ```
//!
//! A look-up reads the root node of a state, the one of the parameters, and the path to one row;
//! behind a row of a contract its node and the path in one of its tables. Between blocks nothing
//! else is read, so that is also the size of a proof that a state has a key or has it not.

mod list;
mod value;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use avm_core::{Hash, HostError, Nodes};

use super::AtomicalId;
use super::envelope::{parse_text_id, text_id};
use super::machine::{Index, IndexMachine};
use super::request::NameKind;
use super::rows::{Outpoint, holder_key};
use crate::keys::{Pane, element, name_bytes, name_text, number};
use crate::script::call::{amount, token};
use crate::script::stack::Stack;
use crate::script::table::{self, Key};
use crate::script::tables::{from_hex, hex};

pub use list::Listed;
pub(super) use list::{FAMILIES, SINGLE, first_rows, may_have, name_of};
pub use value::KeyValue;

/// The name of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyName {
    /// The rule set of calls.
    Rules,
    /// What the rules depend on.
    Params,
    /// Height of the last block.
    Height,
    /// Name of the last block.
    Tip,
    /// T of the last block. Spec: section 16.
    BlocksChain,
    /// S of the last block. Spec: section 16.
    StatesChain,
    /// Items minted.
    Items,
    /// Inputs that were no block that follows.
    Refused,
    /// The block in work.
    Work,
    /// What all calls cost, and the running one so far.
    Cost,
    /// Number of elements of a stack of the running call.
    Depth(Pane),
    /// An element, counted from the top.
    Element(Pane, u64),
    /// A block of the window, by its height.
    Block(u32),
    /// A contract.
    Contract(AtomicalId),
    /// The code of a contract.
    Code(AtomicalId),
    /// A value of a contract, by its key in the table.
    State(AtomicalId, Vec<u8>),
    /// Units of a fungible token that a contract holds.
    Ft(AtomicalId, AtomicalId),
    /// Another token that a contract holds.
    Nft(AtomicalId, AtomicalId),
    /// An output with tokens, by its script.
    Holder([u8; 32], Outpoint),
    /// What was minted under an id.
    Item(AtomicalId),
    /// Who is first in line for a name.
    Name(NameKind, String),
    /// Tokens on an output.
    Output(Outpoint),
    /// The code of a protocol.
    Protocol(AtomicalId),
}

/// The name of a kind of names.
#[must_use]
pub const fn kind_text(kind: NameKind) -> &'static str {
    match kind {
        NameKind::Protocol => "protocol",
        NameKind::Contract => "contract",
        NameKind::Ticker => "ticker",
        NameKind::Realm => "realm",
        NameKind::Subrealm => "subrealm",
        NameKind::Container => "container",
        NameKind::Item => "item",
    }
}

fn kind_named(text: &str) -> Option<NameKind> {
    let mut all = NameKind::ALL.into_iter();
    all.find(|kind| kind_text(*kind) == text)
}

/// A hash of Bitcoin as it is displayed: the last byte first.
#[must_use]
pub fn displayed(hash: &[u8; 32]) -> String {
    let reversed: Vec<u8> = hash.iter().rev().copied().collect();
    hex(&reversed)
}

/// An outpoint as text: transaction id as it is displayed, `:`, number of the output.
#[must_use]
pub fn outpoint_text(outpoint: &Outpoint) -> String {
    text_id(outpoint).replace('i', ":")
}

/// Reads exactly what [`outpoint_text`] writes.
#[must_use]
pub fn parse_outpoint(text: &str) -> Option<Outpoint> {
    let (txid, number) = text.split_once(':')?;
    parse_text_id(&[txid, number].join("i"))
}

impl KeyName {
    /// The name of a value of a contract.
    #[must_use]
    pub fn state(contract: AtomicalId, space: &[u8], key: &[u8]) -> Self {
        Self::State(contract, Key::new(space, key).bytes().into())
    }

    /// Reads a name; `None` if no state can have such a key.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('/');
        let first = parts.next()?;
        let mut next = || parts.next();
        let pane = |pane, index: Option<&str>| match index {
            None => Some(Self::Depth(pane)),
            Some(index) => Some(Self::Element(pane, number(index)?)),
        };
        let found = match first {
            "rules" => Self::Rules,
            "params" => Self::Params,
            "height" => Self::Height,
            "tip" => Self::Tip,
            "blocks_chain" => Self::BlocksChain,
            "states_chain" => Self::StatesChain,
            "items" => Self::Items,
            "refused" => Self::Refused,
            "work" => Self::Work,
            "cost" => Self::Cost,
            "stack" => pane(Pane::Main, next())?,
            "alt" => pane(Pane::Alt, next())?,
            "block" => Self::Block(u32::try_from(number(next()?)?).ok()?),
            "contract" => {
                let id = parse_text_id(next()?)?;
                match next() {
                    None => Self::Contract(id),
                    Some("code") => Self::Code(id),
                    Some("state") => Self::state(id, &name_bytes(next()?)?, &name_bytes(next()?)?),
                    Some("ft") => Self::Ft(id, parse_text_id(next()?)?),
                    Some("nft") => Self::Nft(id, parse_text_id(next()?)?),
                    Some(_) => return None,
                }
            }
            "holder" => Self::Holder(script_hash(next()?)?, parse_outpoint(next()?)?),
            "item" => Self::Item(parse_text_id(next()?)?),
            "name" => {
                let kind = kind_named(next()?)?;
                Self::Name(kind, String::from_utf8(name_bytes(next()?)?).ok()?)
            }
            "output" => Self::Output(parse_outpoint(next()?)?),
            "protocol" => Self::Protocol(parse_text_id(next()?)?),
            _ => return None,
        };
        parts.next().is_none().then_some(found)
    }
}

/// The SHA-256 of a script from its 64 lower-case digits.
fn script_hash(digits: &str) -> Option<[u8; 32]> {
    let hash: [u8; 32] = from_hex(digits)?.try_into().ok()?;
    (hex(&hash) == digits).then_some(hash)
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pane = |pane: &Pane| match pane {
            Pane::Main => "stack",
            Pane::Alt => "alt",
        };
        match self {
            Self::Rules => f.write_str("rules"),
            Self::Params => f.write_str("params"),
            Self::Height => f.write_str("height"),
            Self::Tip => f.write_str("tip"),
            Self::BlocksChain => f.write_str("blocks_chain"),
            Self::StatesChain => f.write_str("states_chain"),
            Self::Items => f.write_str("items"),
            Self::Refused => f.write_str("refused"),
            Self::Work => f.write_str("work"),
            Self::Cost => f.write_str("cost"),
            Self::Depth(stack) => f.write_str(pane(stack)),
            Self::Element(stack, at) => write!(f, "{}/{at}", pane(stack)),
            Self::Block(height) => write!(f, "block/{height}"),
            Self::Contract(id) => write!(f, "contract/{}", text_id(id)),
            Self::Code(id) => write!(f, "contract/{}/code", text_id(id)),
            Self::State(id, joined) => {
                let (space, key) = table::split(joined);
                let (space, key) = (name_text(&space), name_text(key));
                write!(f, "contract/{}/state/{space}/{key}", text_id(id))
            }
            Self::Ft(id, token) => write!(f, "contract/{}/ft/{}", text_id(id), text_id(token)),
            Self::Nft(id, token) => write!(f, "contract/{}/nft/{}", text_id(id), text_id(token)),
            Self::Holder(script, outpoint) => {
                write!(f, "holder/{}/{}", hex(script), outpoint_text(outpoint))
            }
            Self::Item(id) => write!(f, "item/{}", text_id(id)),
            Self::Name(kind, name) => {
                write!(
                    f,
                    "name/{}/{}",
                    kind_text(*kind),
                    name_text(name.as_bytes())
                )
            }
            Self::Output(outpoint) => write!(f, "output/{}", outpoint_text(outpoint)),
            Self::Protocol(id) => write!(f, "protocol/{}", text_id(id)),
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
    Index::default().open(state, nodes)?.look_up(key)
}

impl IndexMachine {
    /// What the state has at `key`; `None` if it has no such key.
    ///
    /// # Errors
    /// If a part of the state that is on the way is not in the store.
    pub fn look_up(&mut self, key: &KeyName) -> Result<Option<KeyValue>, HostError> {
        let (blocks_chain, states_chain) = self.chains();
        let (items, refused) = self.counts();
        Ok(match key {
            KeyName::Rules => Some(KeyValue::Rules(self.params().rules)),
            KeyName::Params => Some(KeyValue::Params(*self.params())),
            KeyName::Height => self.height().map(|height| KeyValue::Number(height.into())),
            KeyName::Tip => Some(KeyValue::Block(self.tip())),
            KeyName::BlocksChain => Some(KeyValue::Hash(Hash(blocks_chain))),
            KeyName::StatesChain => Some(KeyValue::Hash(Hash(states_chain))),
            KeyName::Items => Some(KeyValue::Number(items)),
            KeyName::Refused => Some(KeyValue::Number(refused)),
            KeyName::Work => {
                self.in_work()
                    .map(|(height, next, txs)| KeyValue::Work { height, next, txs })
            }
            KeyName::Cost => Some(KeyValue::Number(self.cost())),
            KeyName::Depth(_) | KeyName::Element(..) => self.look_up_stack(key)?,
            KeyName::Block(height) => self.ledger().block(*height)?.map(KeyValue::Header),
            KeyName::Item(id) => self.ledger().item(id)?.map(KeyValue::Item),
            KeyName::Name(kind, name) => {
                let found = self.ledger().name(*kind, name)?;
                found.map(|(commit, id)| KeyValue::Named { commit, id })
            }
            KeyName::Output(outpoint) => self.ledger().tokens(outpoint)?.map(KeyValue::Tokens),
            KeyName::Holder(script, outpoint) => {
                let rows = self.ledger().rows();
                let there = rows.contains(&holder_key(script, outpoint))?;
                there.then_some(KeyValue::There)
            }
            KeyName::Protocol(id) => {
                let code = self.ledger().code(id)?;
                let code = code.map(|code| code.bytes()).transpose()?;
                code.map(KeyValue::Bytes)
            }
            KeyName::Contract(id)
            | KeyName::Code(id)
            | KeyName::State(id, _)
            | KeyName::Ft(id, _)
            | KeyName::Nft(id, _) => self.look_up_contract(id, key)?,
        })
    }

    fn look_up_contract(
        &mut self,
        id: &AtomicalId,
        key: &KeyName,
    ) -> Result<Option<KeyValue>, HostError> {
        // Rows of changed contracts have the names of their nodes only now.
        self.ledger().root();
        let Some(row) = self.ledger().contract_row(id)? else {
            return Ok(None);
        };
        let Some(contract) = self.ledger().contract(id)? else {
            return Ok(None);
        };
        Ok(match key {
            KeyName::Code(_) => Some(KeyValue::Bytes(contract.code.bytes()?)),
            KeyName::State(_, joined) => {
                let value = contract.state.get(joined)?;
                value.cloned().map(KeyValue::Bytes)
            }
            KeyName::Ft(_, held) => {
                let value = contract.ft.get(&token(held))?;
                value.map(|value| KeyValue::Number(amount(value)))
            }
            KeyName::Nft(_, held) => {
                let there = contract.nft.contains(&token(held))?;
                there.then_some(KeyValue::There)
            }
            _ => Some(KeyValue::Contract(row, contract.chain)),
        })
    }

    fn look_up_stack(&self, key: &KeyName) -> Result<Option<KeyValue>, HostError> {
        let Some(running) = self.running() else {
            return Ok(None);
        };
        let stack = |pane: &Pane| -> &Stack {
            match pane {
                Pane::Main => &running.frame.main,
                Pane::Alt => &running.frame.alt,
            }
        };
        Ok(match key {
            KeyName::Depth(pane) => Some(KeyValue::Number(stack(pane).len() as u64)),
            KeyName::Element(pane, at) => {
                let nodes = running.frame.nodes.as_ref();
                element(stack(pane), *at, nodes)?.map(|item| KeyValue::Bytes(item.to_shared()))
            }
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;
    use crate::index::params::{Network, Params};
    use crate::index::request::{Bitwork, Lots};
    use crate::index::rows::{BlockRow, ContractRow, Item, ItemKind, Place, Token, Tokens};
    use crate::script::Rules;

    fn id(byte: u8) -> AtomicalId {
        let mut id = [byte; 36];
        id[32..].copy_from_slice(&[2, 1, 0, 0]);
        id
    }

    #[test]
    fn names_read_back() {
        let (a, b) = (id(0xab), id(0xcd));
        let names = [
            KeyName::Rules,
            KeyName::Params,
            KeyName::Height,
            KeyName::Tip,
            KeyName::BlocksChain,
            KeyName::StatesChain,
            KeyName::Items,
            KeyName::Refused,
            KeyName::Work,
            KeyName::Cost,
            KeyName::Depth(Pane::Alt),
            KeyName::Element(Pane::Main, 7),
            KeyName::Block(0),
            KeyName::Block(u32::MAX),
            KeyName::Contract(a),
            KeyName::Code(a),
            KeyName::state(a, b"space", b"k\0/"),
            KeyName::state(a, b"", b""),
            KeyName::Ft(a, b),
            KeyName::Nft(a, b),
            KeyName::Holder([0x5a; 32], b),
            KeyName::Item(a),
            KeyName::Name(NameKind::Subrealm, "a-b".into()),
            KeyName::Output(a),
            KeyName::Protocol(b),
        ];
        for name in names {
            let text = name.to_string();
            assert_eq!(KeyName::parse(&text), Some(name), "{text}");
            let mut wrong: Vec<String> = [format!("{text}/"), format!("{text}/x")].into();
            wrong.extend(text.rsplit_once('/').map(|(start, _)| format!("{start}/")));
            for wrong in wrong {
                let read = KeyName::parse(&wrong);
                assert!(read.is_none_or(|read| read.to_string() == wrong), "{wrong}");
            }
        }
        assert_eq!(
            KeyName::Output(a).to_string(),
            format!("output/{}:258", "ab".repeat(32))
        );
        let upper = KeyName::Holder([0x5a; 32], a).to_string().replace('a', "A");
        assert_eq!(KeyName::parse(&upper), None);
        for wrong in [
            "",
            "/",
            "block/01",
            "block/-1",
            "block/4294967296",
            "name/x/y",
            "tips",
        ] {
            assert_eq!(KeyName::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn values_read_back_and_nothing_shorter_or_longer_does() {
        let place = Place {
            height: 7,
            position: 9,
        };
        let item = Item {
            kind: ItemKind::Nft,
            number: 5,
            commit: place,
            reveal: place,
            txid: [1; 32],
            payload: [2; 32],
            sats: 546,
            name: Some((NameKind::Realm, "alice".into())),
            lots: None,
            minted: 0,
        };
        let lots = Item {
            lots: Some(Lots {
                mint_amount: 1000,
                mint_height: 8,
                max_mints: 50,
                mint_bitwork_commit: Bitwork::parse("ab.3"),
                mint_bitwork_reveal: None,
            }),
            minted: 3,
            ..item.clone()
        };
        let row = ContractRow {
            node: Hash([3; 32]),
            protocol: id(4),
            created: 1,
            changed: 2,
            calls: 3,
        };
        let tokens = Tokens {
            script_hash: [6; 32],
            sats: 546,
            tokens: [Token {
                id: id(7),
                kind: ItemKind::Ft,
                amount: 8,
            }]
            .into(),
        };
        let header = BlockRow {
            header: [9; 80],
            txs: Hash([8; 32]),
        };
        let fixed = [
            (KeyValue::Number(7), "7"),
            (KeyValue::Hash(Hash([1; 32])), "0101"),
            (KeyValue::Rules(&Rules::AVM1), "avm1"),
            (KeyValue::There, "there"),
            (KeyValue::Block([0xab; 32]), "abab"),
            (
                KeyValue::Params(Params::new(Network::Main, &Rules::BETA1)),
                "beta1, from b808080, operations b808080",
            ),
            (
                KeyValue::Work {
                    height: 1,
                    next: 2,
                    txs: 3,
                },
                "block 1, 2 of 3 transactions settled",
            ),
            (KeyValue::Header(header), "time 151587081"),
            (
                KeyValue::Contract(row, Hash([5; 32])),
                "created b1, changed b2, calls 3",
            ),
            (
                KeyValue::Item(item),
                "nft #5, realm alice, 546 sats, commit b7 tx 9",
            ),
            (
                KeyValue::Item(lots),
                "3 of 50 lots of 1000 from b8, commit work ab.3",
            ),
            (
                KeyValue::Named {
                    commit: place,
                    id: id(1),
                },
                "i258, commit b7 tx 9",
            ),
        ];
        for (value, want) in fixed {
            assert!(value.to_string().contains(want), "{value} {want}");
            let bytes = value.to_bytes();
            assert_eq!(KeyValue::from_bytes(&bytes), Some(value.clone()), "{value}");
            for other in [&bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat()] {
                let read = KeyValue::from_bytes(other);
                assert!(read.is_none_or(|read| read.to_bytes() == other), "{value}");
            }
        }
        for (value, want) in [
            (KeyValue::Bytes([5, 6][..].into()), "0x0506"),
            (KeyValue::Tokens(tokens), "546 sats, 8 of 0707"),
        ] {
            assert!(value.to_string().starts_with(want), "{value}");
            assert_eq!(KeyValue::from_bytes(&value.to_bytes()), Some(value));
        }
        for bytes in [&[][..], &[13], &[255, 0]] {
            assert_eq!(KeyValue::from_bytes(bytes), None);
        }
    }
}

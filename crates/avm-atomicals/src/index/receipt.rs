//! What blocks and operations leave behind.

use alloc::vec::Vec;
use core::fmt;

use avm_core::{Channel, Hash, HostError, Nodes, Save, Sink};

use super::AtomicalId;
use super::envelope::Operation;
use super::rows::{Outpoint, Place};
use crate::machine::Outcome;
use crate::script::node::{self, Fields};

/// The channel of operations, and of virtual outputs that were evicted.
pub const OPERATIONS: Channel = Channel(0);
/// The channel of blocks.
pub const BLOCKS: Channel = Channel(1);

/// Kind of a node with the receipt of an operation.
const OPERATION: u8 = 0xd8;
/// Kind of a node with the receipt of a block.
const BLOCK: u8 = 0xd9;
/// Kind of a node with a block that was refused.
const REFUSED: u8 = 0xda;
/// Kind of a node with a virtual output that was evicted.
const EVICTED: u8 = 0xdb;

/// Declares the reasons with their texts, so that neither can be without the other.
macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum $name { $(#[doc = concat!("\"", $text, "\"")] $variant,)* }

        impl $name {
            /// Every reason; the number of one is its place here.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            /// In words.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text())
            }
        }
    };
}

reasons! {
    /// Why an operation has no effect. Its tokens move by the rules of a transaction without one.
    Refusal {
        Payload = "the payload does not have the form of the operation",
        Inactive = "the operation is not active at this height",
        Input = "the envelope is not in input 0",
        NoOutputs = "the transaction has no outputs",
        CommitUnknown = "the commit is not among the last 100 blocks",
        CommitInactive = "the commit is from before the first height of operations",
        CommitOld = "the commit is more than 3 blocks before its reveal, and a name is asked for",
        CommitOutput = "a named request must be in output 0 of its commit",
        BitworkCommit = "the id of the commit does not show the work that is asked for",
        BitworkReveal = "the id of the reveal does not show the work that is asked for",
        Parent = "a parent is not spent in the transaction",
        NameTaken = "an earlier commit has the name",
        ProtocolUnknown = "there is no protocol of this name",
        ProtocolPending = "the commit of the protocol is not 3 blocks deep yet",
        CodeEmpty = "the protocol has no code",
        ContractUnknown = "there is no such contract",
        ContractPending = "the commit of the contract is not 3 blocks deep yet",
        TickerUnknown = "there is no token of this ticker that is minted in lots",
        TickerPending = "the commit of the ticker is not 3 blocks deep yet",
        LotEarly = "the lots of the ticker are minted from a later height on",
        LotsGone = "all lots of the ticker are minted",
        LotAmount = "output 0 does not have the satoshis of one lot",
        WithdrawFt = "a withdrawal of units cannot be put on its output",
        WithdrawNft = "a withdrawal of a token cannot be put on its output",
        NothingSpent = "the transaction spends no token",
        OutputFull = "an output would carry more units than satoshis",
        Revealed = "the commit was revealed before",
        VirtualUnknown = "there is no such virtual output",
        VirtualExpired = "the virtual output is expired, and can go to its fallback only",
        VirtualLock = "the script is not the one that locks the virtual output",
        VirtualEffects = "the script that locks a virtual output writes state or moves tokens",
        VirtualExpiry = "a virtual output has to expire after this block, and within 52,560 blocks",
        VirtualFull = "there are as many virtual outputs as there may be",
        VirtualKnown = "there is such a virtual output already",
        VirtualLoose = "a token of the virtual output that is spent goes nowhere",
        VirtualCover = "a token is named that is not there in this amount",
        VirtualOutput = "an output that is paid to is not there or does not take the tokens",
        VirtualEarly = "the virtual output is not expired yet",
        VirtualFallback = "no output has the script of the fallback",
    }
}

reasons! {
    /// Why a block has no effect.
    BlockRefusal {
        Malformed = "it is not a block with its own transactions, witnesses and proof of work",
        Parent = "it does not follow the last block",
        Height = "the chain is at its last height",
    }
}

/// What became of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It had its effect.
    Done,
    /// It was refused.
    Refused(Refusal),
    /// Its call or constructor failed.
    Failed(Outcome),
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationReceipt {
    /// Where its transaction is.
    pub place: Place,
    /// Transaction id, internal order.
    pub txid: [u8; 32],
    /// Which.
    pub operation: Operation,
    /// What became of it.
    pub settled: Settled,
    /// What it is about: the new atomical, the called contract, the minted ticker, the virtual output
    /// that is taken or else the first that is made; zero if that was not found out.
    pub id: AtomicalId,
    /// What a call cost, if the rules meter.
    pub cost: u64,
    /// A contract's hash after it. Spec: section 11.
    pub chain: Hash,
}

/// What a block did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockReceipt {
    /// Its height.
    pub height: u32,
    /// Its name, internal order.
    pub hash: [u8; 32],
    /// Its transactions.
    pub txs: u32,
    /// Operations that had their effect.
    pub operations: u32,
    /// Operations that had none.
    pub refused: u32,
    /// Contracts it changed.
    pub contracts: u32,
    /// T of the block hash chain. Spec: section 16.
    pub blocks_chain: [u8; 32],
    /// S, the chain of contract states. Spec: section 16.
    pub states_chain: [u8; 32],
}

/// A virtual output that was evicted: its tokens are burned. Spec: [`super::overlay`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvictionReceipt {
    /// Height of the block at whose close it was evicted.
    pub height: u32,
    /// The virtual output.
    pub outpoint: Outpoint,
    /// Its expiry.
    pub expiry: u32,
    /// Tokens that were on it.
    pub tokens: u32,
}

/// An output of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// Of an operation.
    Operation(OperationReceipt),
    /// Of a block.
    Block(BlockReceipt),
    /// Of an input that is no block that follows.
    Refused(BlockRefusal),
    /// Of a virtual output at the close of a block.
    Evicted(EvictionReceipt),
}

impl Receipt {
    /// Its channel.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        match self {
            Self::Operation(_) | Self::Evicted(_) => OPERATIONS,
            Self::Block(_) | Self::Refused(_) => BLOCKS,
        }
    }

    /// Its node.
    #[must_use]
    pub fn node(&self) -> Vec<u8> {
        let mut node = Vec::with_capacity(128);
        match self {
            Self::Operation(receipt) => {
                node.push(OPERATION);
                node.extend(receipt.place.to_bytes());
                node.extend(receipt.txid);
                node.push(receipt.operation as u8);
                let (kind, detail) = match receipt.settled {
                    Settled::Done => (0, [0; 7]),
                    Settled::Refused(why) => (1, [why as u8, 0, 0, 0, 0, 0, 0]),
                    Settled::Failed(outcome) => (2, outcome.to_bytes()),
                };
                node.push(kind);
                node.extend(detail);
                node.extend(receipt.id);
                node.extend(receipt.cost.to_be_bytes());
                node.extend(receipt.chain.0);
            }
            Self::Block(receipt) => {
                node.push(BLOCK);
                node.extend(receipt.height.to_be_bytes());
                node.extend(receipt.hash);
                for count in [
                    receipt.txs,
                    receipt.operations,
                    receipt.refused,
                    receipt.contracts,
                ] {
                    node.extend(count.to_be_bytes());
                }
                node.extend(receipt.blocks_chain);
                node.extend(receipt.states_chain);
            }
            Self::Refused(why) => node.extend([REFUSED, *why as u8]),
            Self::Evicted(receipt) => {
                node.push(EVICTED);
                node.extend(receipt.height.to_be_bytes());
                node.extend(receipt.outpoint);
                node.extend(receipt.expiry.to_be_bytes());
                node.extend(receipt.tokens.to_be_bytes());
            }
        }
        node
    }

    /// Name of its node.
    #[must_use]
    pub fn name(&self) -> Hash {
        node::name(&self.node())
    }

    /// The receipt of this name.
    ///
    /// # Errors
    /// If the node is missing or another one.
    pub fn open(hash: Hash, nodes: &dyn Nodes) -> Result<Self, HostError> {
        let node = nodes.get(hash)?;
        let kind = node.first().copied().unwrap_or(0);
        let mut fields = Fields::of(hash, &node, kind, "a receipt of an index")?;
        let receipt = match kind {
            OPERATION => Self::Operation(operation(&mut fields)?),
            BLOCK => Self::Block(BlockReceipt {
                height: fields.u32()?,
                hash: fields.hash()?.0,
                txs: fields.u32()?,
                operations: fields.u32()?,
                refused: fields.u32()?,
                contracts: fields.u32()?,
                blocks_chain: fields.hash()?.0,
                states_chain: fields.hash()?.0,
            }),
            REFUSED => {
                let why = BlockRefusal::ALL.get(usize::from(fields.byte()?));
                Self::Refused(*why.ok_or_else(|| fields.bad())?)
            }
            EVICTED => Self::Evicted(EvictionReceipt {
                height: fields.u32()?,
                outpoint: fields.id()?,
                expiry: fields.u32()?,
                tokens: fields.u32()?,
            }),
            _ => return Err(fields.bad()),
        };
        fields.end()?;
        Ok(receipt)
    }
}

fn operation(fields: &mut Fields<'_>) -> Result<OperationReceipt, HostError> {
    let place = Place {
        height: fields.u32()?,
        position: fields.u32()?,
    };
    let txid = fields.hash()?.0;
    let number = usize::from(fields.byte()?);
    let operation = Operation::ALL.get(number).copied();
    let operation = operation.ok_or_else(|| fields.bad())?;
    let kind = fields.byte()?;
    let settled = match kind {
        2 => Settled::Failed(Outcome::read(fields)?),
        _ => {
            let code = usize::from(fields.take(7)?[0]);
            match kind {
                0 => Settled::Done,
                1 => Settled::Refused(*Refusal::ALL.get(code).ok_or_else(|| fields.bad())?),
                _ => return Err(fields.bad()),
            }
        }
    };
    Ok(OperationReceipt {
        place,
        txid,
        operation,
        settled,
        id: fields.id()?,
        cost: fields.u64()?,
        chain: fields.hash()?,
    })
}

impl Save for Receipt {
    fn save(&self, sink: &mut dyn Sink) -> Result<(), HostError> {
        node::put(sink, &self.node()).map(drop)
    }
}

//! What a call leaves behind: how it ended, and what it did.

use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Channel, Hash, HostError, Nodes, Save, Sink};

use crate::script::ScriptError;
use crate::script::call::{Effects, Opened};
use crate::script::fault::{Failure, HostFault, SizedTable, Which};
use crate::script::node::{self, Fields};

/// The channel of receipts.
pub const CALLS: Channel = Channel(0);

/// Kind of a node with a receipt.
const RECEIPT: u8 = 0xca;

/// How a call ended.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Number of the call, from 0.
    pub call: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// What it cost, if the rules meter.
    pub cost: u64,
    /// The contract's hash after it. Spec: section 11.
    pub chain: Hash,
    /// Its tables, if it succeeded. Spec: section 10.
    pub effects: Option<Effects>,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded.
    Done,
    /// A script failed.
    Script {
        /// Why.
        error: ScriptError,
        /// Which script.
        script: Which,
        /// Number of the operation in its script, from 0.
        op_index: u32,
    },
    /// A table was over its limit.
    Size(SizedTable),
    /// The host of the reference would have failed.
    Host(Fault),
}

/// Kinds of [`HostFault`], by the names of the reference's vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    /// `assert`.
    Assert,
    /// `block_data`.
    BlockData,
    /// `tx`.
    Tx,
    /// `size`.
    Size,
    /// `balance`.
    Balance,
    /// `bad_input`.
    BadInput,
}

impl Fault {
    const ALL: [Self; 6] = [
        Self::Assert,
        Self::BlockData,
        Self::Tx,
        Self::Size,
        Self::Balance,
        Self::BadInput,
    ];

    /// The kind of a fault.
    #[must_use]
    pub fn of(fault: &HostFault) -> Self {
        match fault {
            HostFault::Assert => Self::Assert,
            HostFault::BlockData { .. } => Self::BlockData,
            HostFault::Tx(_) => Self::Tx,
            HostFault::Size(_) => Self::Size,
            HostFault::Balance { .. } => Self::Balance,
            HostFault::BadInput(_) => Self::BadInput,
        }
    }

    /// Its name in the reference's vectors.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Assert => "assert",
            Self::BlockData => "block_data",
            Self::Tx => "tx",
            Self::Size => "size",
            Self::Balance => "balance",
            Self::BadInput => "bad_input",
        }
    }
}

impl From<&Failure> for Outcome {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Script {
                error,
                script,
                op_index,
            } => Self::Script {
                error: *error,
                script: *script,
                op_index: *op_index,
            },
            Failure::Size(oversize) => Self::Size(oversize.table),
            Failure::Host(fault) => Self::Host(Fault::of(fault)),
        }
    }
}

impl Outcome {
    /// Kind, code, script and operation.
    pub(crate) fn to_bytes(self) -> [u8; 7] {
        let (kind, code, script, op_index) = match self {
            Self::Done => (0, 0, Which::Lock, 0),
            Self::Script {
                error,
                script,
                op_index,
            } => (1, error.code(), script, op_index),
            Self::Size(table) => (2, table as u8, Which::Lock, 0),
            Self::Host(fault) => (3, fault as u8, Which::Lock, 0),
        };
        let [a, b, c, d] = op_index.to_be_bytes();
        [kind, code, u8::from(script == Which::Lock), a, b, c, d]
    }

    /// Reads [`Outcome::to_bytes`].
    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, HostError> {
        let (kind, code) = (fields.byte()?, fields.byte()?);
        let script = match fields.byte()? {
            0 => Which::Unlock,
            _ => Which::Lock,
        };
        let op_index = fields.u32()?;
        let outcome = match kind {
            0 => Some(Self::Done),
            1 => ScriptError::from_code(code).map(|error| Self::Script {
                error,
                script,
                op_index,
            }),
            2 => SizedTable::from_code(code).map(Self::Size),
            3 => Fault::ALL.get(usize::from(code)).copied().map(Self::Host),
            _ => None,
        };
        outcome.ok_or_else(|| fields.bad())
    }
}

impl Receipt {
    /// The node of the receipt.
    #[must_use]
    pub fn node(&self) -> Vec<u8> {
        let mut node = Vec::with_capacity(88);
        node.push(RECEIPT);
        node.extend(self.call.to_be_bytes());
        node.extend(self.outcome.to_bytes());
        node.extend(self.cost.to_be_bytes());
        node.extend(self.chain.0);
        let effects = self.effects.as_ref();
        node.extend(
            effects
                .map_or(Hash::ZERO, |effects| node::name(&effects.node()))
                .0,
        );
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
    pub fn open(hash: Hash, nodes: &Arc<dyn Nodes>) -> Result<Self, HostError> {
        let node = nodes.get(hash)?;
        let mut fields = Fields::of(hash, &node, RECEIPT, "the receipt of a call")?;
        let call = fields.u64()?;
        let outcome = Outcome::read(&mut fields)?;
        let cost = fields.u64()?;
        let chain = fields.hash()?;
        let effects = fields.hash()?;
        fields.end()?;
        Ok(Self {
            call,
            outcome,
            cost,
            chain,
            effects: match effects {
                Hash::ZERO => None,
                effects => Some(Effects::open(effects, nodes)?),
            },
        })
    }
}

impl Save for Receipt {
    fn save(&self, sink: &mut dyn Sink) -> Result<(), HostError> {
        if let Some(effects) = &self.effects {
            effects.save(sink)?;
        }
        node::put(sink, &self.node()).map(drop)
    }
}

//! How a call can fail.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt;

use avm_core::HostError;
use avm_merkle::map::MapError;

use super::error::ScriptError;

/// Where the reference would have killed or thrown through its host, and every other call that
/// cannot be run. Spec: section 18.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostFault {
    /// Q1: position of `OP_PICK` or `OP_ROLL` that the reference asserts to be in range.
    #[error("position of OP_PICK or OP_ROLL is below 0 or above 2147483647")]
    Assert,
    /// Q3: block data for a height whose header was not supplied.
    #[error("there is no header for height {height}")]
    BlockData {
        /// The height asked for.
        height: i32,
    },
    /// The transaction does not decode.
    #[error("transaction: {0}")]
    Tx(String),
    /// Q12: a table over its limit.
    #[error("{0}")]
    Size(Oversize),
    /// Q13: a balance of 2^63 or more.
    #[error("a balance is {amount}, which is 2^63 or more")]
    Balance {
        /// The balance.
        amount: u64,
    },
    /// A table or the block data is malformed.
    #[error("{0}")]
    BadInput(String),
}

/// A table over its limit. Spec: section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oversize {
    /// Which table.
    pub table: SizedTable,
    /// Its size.
    pub bytes: u64,
    /// The limit.
    pub limit: u64,
}

impl fmt::Display for Oversize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            bytes,
            limit,
        } = self;
        write!(
            f,
            "{} takes {bytes} bytes, the limit is {limit}",
            table.name()
        )
    }
}

/// Tables whose size is limited; the number is the reference's `host_error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SizedTable {
    /// Contract state.
    State = 6,
    /// State updates.
    Updates = 7,
    /// State deletes.
    Deletes = 8,
    /// Balances of fungible tokens.
    FtBalances = 9,
    /// Updates of these.
    FtUpdates = 10,
    /// Balances of non-fungible tokens.
    NftBalances = 11,
    /// Updates of these.
    NftUpdates = 12,
}

impl SizedTable {
    /// The table whose number in the reference this is.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            6 => Self::State,
            7 => Self::Updates,
            8 => Self::Deletes,
            9 => Self::FtBalances,
            10 => Self::FtUpdates,
            11 => Self::NftBalances,
            12 => Self::NftUpdates,
            _ => return None,
        })
    }

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::State => "the state of the contract",
            Self::Updates => "the table of state updates",
            Self::Deletes => "the table of state deletes",
            Self::FtBalances => "a table of fungible tokens",
            Self::FtUpdates => "the table of updates of fungible tokens",
            Self::NftBalances => "a table of non-fungible tokens",
            Self::NftUpdates => "the table of updates of non-fungible tokens",
        }
    }
}

/// Why a call failed. Nothing of what it did counts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// A script failed.
    #[error("{script} script, operation {op_index}: {error}")]
    Script {
        /// Why.
        error: ScriptError,
        /// Which script.
        script: Which,
        /// Number of the operation in its script, from 0, those that were not executed counted.
        op_index: u32,
    },
    /// Repair of Q12: a table is over its limit.
    #[error("{0}")]
    Size(Oversize),
    /// The host of the reference would have failed.
    #[error("{0}")]
    Host(HostFault),
}

/// One of the two scripts of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// The unlocking script: what the caller gives.
    #[default]
    Unlock,
    /// The locking script: the code of the contract.
    Lock,
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unlock => "unlocking",
            Self::Lock => "locking",
        })
    }
}

/// What `?` carries out of a handler.
#[derive(Debug)]
pub enum Trap {
    /// The script fails.
    Script(ScriptError),
    /// The call fails as the host of the reference would.
    Fault(HostFault),
    /// A table is over its limit.
    Size(Oversize),
    /// The outside failed: nothing can be said about the call.
    Outside(Box<HostError>),
}

impl From<ScriptError> for Trap {
    #[inline]
    fn from(error: ScriptError) -> Self {
        Self::Script(error)
    }
}

impl From<HostFault> for Trap {
    fn from(fault: HostFault) -> Self {
        Self::Fault(fault)
    }
}

impl From<HostError> for Trap {
    fn from(error: HostError) -> Self {
        Self::Outside(Box::new(error))
    }
}

impl From<MapError> for Trap {
    /// A name or value that is longer than any table takes: under `beta1` arithmetic makes one, under
    /// `avm1` a long header or a long value that the contract came with is one.
    fn from(error: MapError) -> Self {
        match error {
            MapError::Host(error) => error.into(),
            other => Self::Fault(HostFault::BadInput(other.to_string())),
        }
    }
}

//! The input log: what it promises ([`Log`]) and how a file keeps the promise ([`FileLog`]).

use avm_core::{Claim, Hash, Inbox};

use crate::StoreError;

mod file;
mod open;
mod writer;

pub use file::FileLog;
pub use writer::LogWriter;

/// Length and root of a log: all that has to be agreed on before its inputs can be proved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogHead {
    /// Number of inputs.
    pub len: u64,
    /// Hash chain over them, as [`Claim::fold_input`] builds it.
    pub inbox: Hash,
}

impl LogHead {
    /// The head of a log without inputs.
    pub const EMPTY: Self = Self {
        len: 0,
        inbox: Hash::ZERO,
    };

    /// The head after one more input.
    #[must_use]
    pub fn with(self, input: &[u8]) -> Self {
        self.with_leaf(Hash::keccak(input))
    }

    /// The head after one more input, given its Keccak-256.
    pub(crate) fn with_leaf(self, leaf: Hash) -> Self {
        Self {
            len: self.len + 1,
            inbox: self.inbox.join(leaf),
        }
    }
}

/// An ordered log of inputs that grows at its end.
///
/// Inputs, claims and truncations take effect with the next [`Log::commit`], in the order given;
/// [`Inbox::get`] and [`Log::head`] show what was committed and nothing else.
pub trait Log: Inbox + Send + Sync {
    /// Length and inbox hash of the committed inputs.
    fn head(&self) -> LogHead;

    /// Inbox hash after the first `inputs` committed inputs.
    ///
    /// # Errors
    /// [`StoreError::PastEnd`] if there are fewer, or if the log cannot be read.
    fn inbox_at(&self, inputs: u64) -> Result<Hash, StoreError>;

    /// Adds an input to the open batch; its number, counted from 0.
    ///
    /// # Errors
    /// [`StoreError::TooLong`] if the input or the batch is; the batch is then as before.
    fn append(&self, input: &[u8]) -> Result<u64, StoreError>;

    /// Adds the root found after the first [`Claim::inputs`] inputs, which may be in the open
    /// batch still.
    ///
    /// # Errors
    /// [`StoreError::PastEnd`] or [`StoreError::ClaimMismatch`] if it is of other inputs.
    fn record(&self, claim: &Claim) -> Result<(), StoreError>;

    /// Makes everything added before this call durable, by this thread or another, and returns
    /// the head then. What it returned for is never lost.
    ///
    /// # Errors
    /// If writing failed. The log then refuses all work until it is opened again, and whether
    /// the batch was kept is known only then.
    fn commit(&self) -> Result<LogHead, StoreError>;

    /// Takes back all inputs but the first `inputs`, durably.
    ///
    /// # Errors
    /// [`StoreError::PastEnd`] if there are fewer, or as [`Log::commit`].
    fn truncate(&self, inputs: u64) -> Result<LogHead, StoreError>;
}

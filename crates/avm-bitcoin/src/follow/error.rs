use avm_core::{HostError, ImageError};
use avm_store::StoreError;

use crate::SourceError;

/// Why a round failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// The source gave no answer.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The machine, or the store under it, failed.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The store's program is not one of the machine.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A reorg goes back further than allowed.
    #[error(
        "at height {at} the source has block {theirs}, the log has {ours}: to follow the source \
         would take back {blocks} or more blocks, and {kept} are allowed. See first whether the \
         source is on the right chain. If it is, allow more blocks to be taken back, or begin \
         with a new store"
    )]
    TooDeep {
        /// Height where it was noticed.
        at: u32,
        /// Name of the log's block there, as it is displayed.
        ours: String,
        /// Name of the source's block there, as it is displayed.
        theirs: String,
        /// Blocks of the log from there on.
        blocks: u32,
        /// Most blocks a reorg may take back.
        kept: u32,
    },
    /// Already the first block of the log is not on the source's chain.
    #[error(
        "at height {at} the source has block {theirs}, the log begins with {ours}: it is the log \
         of another chain, or begins at another height. Name the right source and the right first \
         height, or begin with a new store"
    )]
    OtherChain {
        /// Height of the first block.
        at: u32,
        /// Name of the log's block, as it is displayed.
        ours: String,
        /// Name of the source's block, as it is displayed.
        theirs: String,
    },
    /// The source's chain changed again and again while it was read.
    #[error("the source's chain changed {tries} times while it was read")]
    Unsteady {
        /// How often it was tried.
        tries: usize,
    },
    /// An input of the log that is no block.
    #[error("input {index} of the log is {len} bytes, a block header takes 80")]
    NotABlock {
        /// Number of the input.
        index: u64,
        /// Its length, in bytes.
        len: usize,
    },
    /// The machine halted, so no block can change its state any more.
    #[error("the machine halted after {inputs} blocks and takes no more")]
    Halted {
        /// Blocks it took.
        inputs: u64,
    },
}

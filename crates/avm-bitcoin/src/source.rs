//! Where blocks come from, and why none came.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use crate::{BlockHash, RawBlock};

/// The best block a source knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its height; the genesis block has 0.
    pub height: u32,
    /// Its name.
    pub hash: BlockHash,
}

/// A chain that somebody else keeps. Its best chain may change between two calls.
pub trait Source: Send {
    /// The best block now.
    ///
    /// # Errors
    /// If the source cannot be reached or read.
    fn tip(&mut self) -> Result<Tip, SourceError>;

    /// Name of the block at a height of the best chain; `None` above its tip.
    ///
    /// # Errors
    /// If the source cannot be reached or read.
    fn hash_at(&mut self, height: u32) -> Result<Option<BlockHash>, SourceError>;

    /// A block by its name. Whoever implements this has checked that the bytes have that name.
    ///
    /// # Errors
    /// If the source has no such block any more, or cannot be reached or read.
    fn block(&mut self, hash: BlockHash) -> Result<RawBlock, SourceError>;
}

/// Why a source gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The source does not have a block that it named before.
    #[error("the source has no block {}", hex(.hash))]
    Missing {
        /// Its name.
        hash: BlockHash,
    },
    /// The source gave bytes that are not the block asked for.
    #[error("asked for block {}, got {found}", hex(.asked))]
    WrongBlock {
        /// Name asked for.
        asked: BlockHash,
        /// What is wrong with the bytes.
        found: BlockFault,
    },
    /// The source has no block at all.
    #[error("{place}: no blocks, or none of this network")]
    Empty {
        /// Where it looked.
        place: String,
    },
    /// A file could not be read.
    #[error("{}: cannot read: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The refusal.
        source: io::Error,
    },
    /// A file is not what its name promises.
    #[error("{}: {what} is {found} bytes, expected {expected}", path.display())]
    FileLength {
        /// The file.
        path: PathBuf,
        /// What is measured.
        what: &'static str,
        /// Length found, in bytes.
        found: u64,
        /// Length expected, in bytes.
        expected: u64,
    },
    /// Nobody answered: refused, cut off, or too slow.
    #[error("{url}: no answer: {source}")]
    Unreachable {
        /// Address, without user and password.
        url: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The server refused.
    #[error("{url}: HTTP status is {status}, expected 200{}", advice(*.status))]
    Status {
        /// Address, without user and password.
        url: String,
        /// Status code.
        status: u16,
    },
    /// The answer is longer than any honest one.
    #[error("{url}: the answer is longer than {max} bytes")]
    TooLong {
        /// Address, without user and password.
        url: String,
        /// Most that is read, in bytes.
        max: u64,
    },
    /// The answer is not what was asked for.
    #[error("{url}: the answer is {found}, expected {expected}")]
    Malformed {
        /// Address, without user and password.
        url: String,
        /// The beginning of what came.
        found: String,
        /// What should have come.
        expected: &'static str,
    },
    /// The node refused a call.
    #[error("{url}: {method}: error {code}: {message}")]
    Rpc {
        /// Address, without user and password.
        url: String,
        /// Name of the method.
        method: &'static str,
        /// The node's number of the error.
        code: i64,
        /// The node's text.
        message: String,
    },
}

/// What is wrong with the bytes of a block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockFault {
    /// Too few bytes for a header, or too many for a block.
    #[error(
        "{found} bytes; a block has {} to {}",
        crate::block::MIN_BYTES,
        crate::block::MAX_BYTES
    )]
    Length {
        /// Length found, in bytes.
        found: usize,
    },
    /// The header is that of another block.
    #[error("block {}", hex(.0))]
    Name(BlockHash),
    /// The bytes after the header are no transactions, or something follows them.
    #[error("its header and malformed transactions: {0}")]
    Transactions(String),
    /// The transactions are not those the header commits to.
    #[error("its header with other transactions")]
    MerkleRoot,
    /// The witnesses are not those the coinbase commits to.
    #[error("its header with other witnesses")]
    Witnesses,
}

impl BlockFault {
    /// Bytes that are not the block asked for: another one, or none.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        match bytes.len() {
            found @ ..crate::block::HEADER_BYTES => Self::Length { found },
            _ => Self::Name(crate::block::name(bytes)),
        }
    }
}

impl SourceError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

const fn advice(status: u16) -> &'static str {
    match status {
        401 => "; user, password or cookie file is wrong",
        403 => "; the node does not allow this address, see its option -rpcallowip",
        404 => "; is the interface switched on, see the node's option -rest",
        503 => "; the node is starting or busy",
        _ => "",
    }
}

/// A name as it is displayed.
#[must_use]
pub fn hex(hash: &BlockHash) -> String {
    hash.iter()
        .rev()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The inverse of [`hex`].
#[must_use]
pub fn from_hex(text: &str) -> Option<BlockHash> {
    use bitcoin::hex::FromHex;
    let mut hash = BlockHash::from_hex(text).ok()?;
    hash.reverse();
    Some(hash)
}

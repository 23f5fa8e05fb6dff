use alloc::boxed::Box;
use core::error::Error;

use crate::Hash;

/// The outside failed or lied. A machine that returned one is poisoned: drop it and open the last
/// checkpoint. What a program does wrong is never a `HostError`; it is part of the state.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// Nobody has the bytes behind a hash.
    #[error("node {hash} is not in the store")]
    MissingNode {
        /// Name of the node.
        hash: Hash,
    },
    /// The bytes behind a hash are not what its place in the state calls for.
    #[error("node {hash} of {len} bytes is not {want}")]
    BadNode {
        /// Name of the node.
        hash: Hash,
        /// Length found, in bytes.
        len: usize,
        /// What was expected there.
        want: &'static str,
    },
    /// An input of the log that the machine cannot read.
    #[error("input is malformed: {0}")]
    BadInput(#[source] Box<dyn Error + Send + Sync>),
    /// A run would need more memory than it was allowed.
    #[error("the machine needs more than its limit of {limit_bytes} bytes of memory")]
    MemoryLimit {
        /// The limit, in bytes.
        limit_bytes: usize,
    },
    /// A claim that counts so far that nobody can have run it, and that could overflow.
    #[error("a claim counts {count}; a run stays below 2^63")]
    ClaimCount {
        /// The count.
        count: u64,
    },
    /// The store behind a trait of this crate failed.
    #[error("the store failed: {0}")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}

/// Why an image is not a program of the machine: the machine's own error behind one type.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ImageError(Box<dyn Error + Send + Sync>);

impl ImageError {
    /// Wraps the machine's own error.
    pub fn new(source: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(source))
    }

    /// The machine's own error, if it is an `E`.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

//! A persistent, authenticated map from byte strings to byte strings, in the order of keys.
//!
//! One structure serves the engine that runs fast in memory and the proof of a single step: in
//! memory it is a tree behind [`Arc`]s, so a clone costs nothing and a change copies only what is
//! shared; as nodes it is read lazily, so a lookup reads its path and nothing else, and the nodes
//! that were read are the proof.
//!
//! - **Shape:** a binary Patricia (crit-bit) tree over the bits of the keys. It follows from the
//!   entries alone, not from the order of changes, so equal maps have equal roots. There is no
//!   balancing, and a map with long keys can be deep ([`Look::levels`], at most 110,592); nothing
//!   here recurses.
//! - **Order:** keys in the order of their bytes, a key before those it is a prefix of.
//! - **Sums:** a branch says how many entries are under each side and how long they are, so the
//!   length, the size and the i-th entry are known from one path.
//! - **Nodes:** `docs/design/map-format.md`. Each begins with a byte (`b0`, `b1`, `b2`) that no
//!   other node has, so bytes that a program chose are never the node of something else.
//!
//! Reading fills the tree behind a shared reference and keeps what it read. Hashes are taken when
//! [`Map::root`] asks, for changed nodes only.
//!
//! ```
//! use avm_core::MemoryNodes;
//! use avm_merkle::map::{Keccak, Map};
//! use std::sync::Arc;
//!
//! let mut map = Map::<Keccak>::default();
//! map.insert(b"apple", b"red"[..].into())?;
//! map.insert(b"pear", b"green"[..].into())?;
//! let proof = map.prove(b"pear")?;
//! assert_eq!(proof.verify::<Keccak>(map.root(), b"pear"), Ok(Some(b"green".to_vec())));
//!
//! let mut store = MemoryNodes::default();
//! let root = map.save(&mut store)?;
//! let opened = Map::<Keccak>::open(root, Arc::new(store));
//! assert_eq!(opened.get(b"apple")?.map(|value| &value[..]), Some(&b"red"[..]));
//! assert_eq!(opened.len()?, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::sync::Arc;
use core::fmt;
use core::marker::PhantomData;

use avm_core::{Bytes, Hash, HostError, Nodes};

mod diff;
mod hash;
mod key;
mod leaf;
mod node;
mod order;
mod proof;
mod save;
mod tree;
mod write;

pub use diff::{Difference, Differences};
pub use node::{BRANCH, LEAF, MapNode, VALUE};
pub use order::{Entry, Iter};
pub use proof::{MapProof, MapProofError};
pub use save::Below;

use leaf::Leaf;
use node::{Claim, Totals};
use tree::{Child, Link, Stored};
use write::find;

/// Longest key, in bytes.
pub const KEY_MAX: usize = 12_288;

/// Longest value, in bytes.
pub const VALUE_MAX: usize = 1 << 24;

/// Longest value that is part of its leaf, in bytes; a longer one is a node of its own.
pub const INLINE_MAX: usize = 64;

/// Names nodes.
pub trait NodeHash: 'static {
    /// The name of a node.
    fn hash(node: &[u8]) -> Hash;
}

/// Nodes named by their Keccak-256.
#[derive(Clone, Copy, Debug)]
pub enum Keccak {}

impl NodeHash for Keccak {
    fn hash(node: &[u8]) -> Hash {
        Hash::keccak(node)
    }
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// The key is too long.
    #[error("the key has {len} bytes, a map takes at most {KEY_MAX}")]
    Key {
        /// Its length in bytes.
        len: usize,
    },
    /// The value is too long.
    #[error("the value has {len} bytes, a map takes at most {VALUE_MAX}")]
    Value {
        /// Its length in bytes.
        len: usize,
    },
    /// A node could not be read.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// An ordered map from byte strings to byte strings whose nodes `H` names. A clone costs a few
/// nanoseconds and has a life of its own.
pub struct Map<H> {
    /// `None` if there is no entry.
    root: Option<Link>,
    hash: PhantomData<fn() -> H>,
}

impl<H: NodeHash> Map<H> {
    /// The map named `root`; [`Hash::ZERO`] is the empty one. Reads nothing yet.
    #[must_use]
    pub fn open(root: Hash, nodes: Arc<dyn Nodes>) -> Self {
        let claim = Claim::default();
        let stored = (root != Hash::ZERO).then(|| {
            Link::stored(Stored {
                hash: root,
                claim,
                nodes,
            })
        });
        Self {
            root: stored,
            hash: PhantomData,
        }
    }

    /// Name of the present map: of its root node, or [`Hash::ZERO`] if it is empty. Hashes what
    /// changed since it was last asked, and reads nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.root.as_ref().map_or(Hash::ZERO, hash::of_link::<H>)
    }

    /// Whether there is no entry. Reads nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Number of entries. Reads at most the root node.
    ///
    /// # Errors
    /// If the root node cannot be read.
    pub fn len(&self) -> Result<u64, HostError> {
        Ok(self.totals()?.entries)
    }

    /// Length of all keys and values together, in bytes. Reads at most the root node.
    ///
    /// # Errors
    /// If the root node cannot be read.
    pub fn bytes(&self) -> Result<u64, HostError> {
        Ok(self.totals()?.bytes)
    }

    fn totals(&self) -> Result<Totals, HostError> {
        match &self.root {
            Some(root) => match root.known_totals() {
                Some(totals) => Ok(totals),
                None => Ok(root.child()?.totals()),
            },
            None => Ok(Totals::default()),
        }
    }

    /// The value of a key. Reads the path to it.
    ///
    /// # Errors
    /// If a node on the path cannot be read.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Result<Option<&Bytes>, HostError> {
        if let Some(root) = &self.root {
            let leaf = find(root, key)?;
            if leaf.key.bytes() == key {
                return leaf.value().map(Some);
            }
        }
        Ok(None)
    }

    /// Looks for a key. One walk finds all that is to be known before something is charged for it:
    /// how far it went, and how long the value is. Reads the path of the key, but not a long value.
    ///
    /// # Errors
    /// If a node on the path cannot be read.
    pub fn look(&self, key: &[u8]) -> Result<Look<'_>, HostError> {
        let mut look = Look::default();
        let Some(root) = &self.root else {
            return Ok(look);
        };
        let mut child = root.child()?;
        loop {
            match child {
                Child::Branch(branch) => {
                    child = branch.toward(key).child()?;
                    look.levels += 1;
                }
                Child::Leaf(leaf) => {
                    look.leaf = (leaf.key.bytes() == key).then_some(leaf);
                    return Ok(look);
                }
            }
        }
    }

    /// Whether a key is there: [`Map::look`] in short.
    ///
    /// # Errors
    /// If a node on the path cannot be read.
    pub fn contains(&self, key: &[u8]) -> Result<bool, HostError> {
        Ok(self.look(key)?.is_there())
    }

    /// Number of branches on the path of a key, there or not: [`Map::look`] in short.
    ///
    /// # Errors
    /// If a node on the path cannot be read.
    pub fn levels(&self, key: &[u8]) -> Result<u32, HostError> {
        Ok(self.look(key)?.levels)
    }
}

/// What [`Map::look`] found.
#[derive(Clone, Copy, Default)]
pub struct Look<'a> {
    /// Branches on the path of the key, there or not. With the leaf, and the node of a long value,
    /// these are the nodes that a lookup reads. Zero in the empty map.
    pub levels: u32,
    leaf: Option<&'a Leaf>,
}

impl<'a> Look<'a> {
    /// Whether the key is there.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.leaf.is_some()
    }

    /// Length of the value, in bytes; `None` if the key is not there. Reads nothing.
    #[must_use]
    pub fn value_len(&self) -> Option<u32> {
        self.leaf.map(Leaf::value_len)
    }

    /// The value; `None` if the key is not there. Reads it if it is long.
    ///
    /// # Errors
    /// If the node of a long value cannot be read.
    pub fn value(&self) -> Result<Option<&'a Bytes>, HostError> {
        self.leaf.map(Leaf::value).transpose()
    }
}

impl<H> Clone for Map<H> {
    fn clone(&self) -> Self {
        Self {
            root: self.root.clone(),
            hash: PhantomData,
        }
    }
}

/// The empty map.
impl<H> Default for Map<H> {
    fn default() -> Self {
        Self {
            root: None,
            hash: PhantomData,
        }
    }
}

impl<H: NodeHash> fmt::Debug for Map<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Map").field(&self.root()).finish()
    }
}

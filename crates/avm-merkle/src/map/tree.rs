//! The tree in memory: links that read what is under them when somebody looks.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;

use avm_core::{Hash, HostError, Nodes};
use spin::Once;

use super::hash::HashCell;
use super::key::At;
use super::leaf::Leaf;
use super::node::{Claim, Node, Totals, bad};

/// The way to a subtree. Invariant: it was read, or `stored` says where to read it.
pub(super) struct Link {
    read: Once<Child>,
    stored: Option<Arc<Stored>>,
}

/// A subtree in memory.
#[derive(Clone)]
pub(super) enum Child {
    Branch(Arc<Branch>),
    Leaf(Arc<Leaf>),
}

/// Where the bits of keys part at a place: zeros on the first side.
pub(super) struct Branch {
    pub(super) at: At,
    pub(super) links: [Link; 2],
    /// Sums over both sides.
    pub(super) totals: Totals,
    pub(super) hash: HashCell,
}

/// A subtree in a store.
pub(super) struct Stored {
    pub(super) hash: Hash,
    pub(super) claim: Claim,
    pub(super) nodes: Arc<dyn Nodes>,
}

impl Link {
    pub(super) fn new(child: Child) -> Self {
        Self {
            read: Once::initialized(child),
            stored: None,
        }
    }

    pub(super) fn stored(stored: Stored) -> Self {
        Self {
            read: Once::new(),
            stored: Some(Arc::new(stored)),
        }
    }

    /// What is behind the link, if it is in memory.
    #[inline]
    pub(super) fn known(&self) -> Option<&Child> {
        self.read.get()
    }

    /// What is behind the link.
    #[inline]
    pub(super) fn child(&self) -> Result<&Child, HostError> {
        match self.read.get() {
            Some(child) => Ok(child),
            None => self.read_stored(),
        }
    }

    /// The subtree in the store; of use for a link that was not read.
    pub(super) fn unread(&self) -> &Arc<Stored> {
        let stored = self.stored.as_ref();
        stored.expect("a link that was not read knows where to read")
    }

    #[cold]
    fn read_stored(&self) -> Result<&Child, HostError> {
        let child = self.unread().read()?;
        // Two threads may both have read it; they found the same.
        Ok(self.read.call_once(|| child))
    }

    /// What is behind a link that was read, for a change.
    #[inline]
    pub(super) fn child_mut(&mut self) -> &mut Child {
        self.stored = None;
        let child = self.read.get_mut();
        child.expect("changes follow a path that was read")
    }

    /// Sums under the link, if they are known without reading.
    #[inline]
    pub(super) fn known_totals(&self) -> Option<Totals> {
        match self.read.get() {
            Some(child) => Some(child.totals()),
            None => self.unread().claim.totals,
        }
    }
}

impl Clone for Link {
    fn clone(&self) -> Self {
        match self.read.get() {
            Some(child) => Self::new(child.clone()),
            None => Self {
                read: Once::new(),
                stored: self.stored.clone(),
            },
        }
    }
}

impl Child {
    #[inline]
    pub(super) fn totals(&self) -> Totals {
        match self {
            Self::Branch(branch) => branch.totals,
            Self::Leaf(leaf) => leaf.totals(),
        }
    }

    pub(super) fn hash_cell(&self) -> &HashCell {
        match self {
            Self::Branch(branch) => &branch.hash,
            Self::Leaf(leaf) => &leaf.hash,
        }
    }
}

impl Stored {
    /// Reads the node, and nothing under it.
    fn read(&self) -> Result<Child, HostError> {
        let bytes = self.nodes.get(self.hash)?;
        let node = Node::read(&bytes, self.claim).map_err(|want| bad(self.hash, &bytes, want))?;
        let hash = HashCell::known(self.hash);
        Ok(match node {
            Node::Branch { at, sides } => {
                let link = |side: usize| {
                    Link::stored(Stored {
                        hash: sides[side].hash,
                        claim: Claim {
                            totals: Some(sides[side].totals),
                            under: Some((at, side)),
                        },
                        nodes: self.nodes.clone(),
                    })
                };
                Child::Branch(Arc::new(Branch {
                    at,
                    links: [link(0), link(1)],
                    totals: node.totals(),
                    hash,
                }))
            }
            Node::Leaf { key, value } => {
                let leaf = Leaf::read(key, value, hash, &self.nodes);
                Child::Leaf(Arc::new(leaf))
            }
        })
    }
}

impl Branch {
    /// A branch over a new leaf and what was there.
    pub(super) fn over(at: At, leaf: Leaf, there: Child) -> Self {
        let (old, new) = (there.totals(), leaf.totals());
        let side = at.side(leaf.key.bytes());
        let [leaf, there] = [Child::Leaf(Arc::new(leaf)), there].map(Link::new);
        let links = if side == 0 {
            [leaf, there]
        } else {
            [there, leaf]
        };
        let totals = Totals {
            entries: old.entries + new.entries,
            bytes: old.bytes + new.bytes,
        };
        Self {
            at,
            links,
            totals,
            hash: HashCell::default(),
        }
    }

    /// The link that a key goes along.
    #[inline]
    pub(super) fn toward(&self, key: &[u8]) -> &Link {
        &self.links[self.at.side(key)]
    }

    /// Sums under one side, which a branch always knows.
    #[inline]
    pub(super) fn side_totals(&self, side: usize) -> Totals {
        let totals = self.links[side].known_totals();
        totals.expect("a branch says what is under its sides")
    }
}

/// A copy to be changed.
impl Clone for Branch {
    fn clone(&self) -> Self {
        Self {
            at: self.at,
            links: self.links.clone(),
            totals: self.totals,
            hash: HashCell::default(),
        }
    }
}

/// Without this, dropping a map would recurse as deep as its tree.
impl Drop for Branch {
    fn drop(&mut self) {
        let mut below = Vec::new();
        self.take_branches(&mut below);
        while let Some(branch) = below.pop() {
            // Only the last of its owners gets it, and so takes it apart.
            if let Some(mut branch) = Arc::into_inner(branch) {
                branch.take_branches(&mut below);
            }
        }
    }
}

impl Branch {
    fn take_branches(&mut self, below: &mut Vec<Arc<Self>>) {
        for link in &mut self.links {
            if matches!(link.read.get(), Some(Child::Branch(_))) {
                let read = mem::replace(&mut link.read, Once::new());
                if let Some(Child::Branch(branch)) = read.try_into_inner() {
                    below.push(branch);
                }
            }
        }
    }
}

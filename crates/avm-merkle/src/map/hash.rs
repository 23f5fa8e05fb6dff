//! Names of nodes: taken where they are not known yet, without recursion.

use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use avm_core::Hash;

use super::NodeHash;
use super::leaf::{Leaf, Long};
use super::node::{LeafValue, Node, Side, write_value};
use super::tree::{Branch, Child, Link};

const BELOW: &str = "what is under a node is hashed before it";

/// Name of what is behind a link. Reads nothing.
pub(super) fn of_link<H: NodeHash>(link: &Link) -> Hash {
    match link.known() {
        Some(child) => of_child::<H>(child),
        None => link.unread().hash,
    }
}

/// Name of a subtree in memory.
pub(super) fn of_child<H: NodeHash>(child: &Child) -> Hash {
    if let Some(hash) = child.hash_cell().get() {
        return hash;
    }
    let mut node = Vec::new();
    match child {
        Child::Leaf(leaf) => hash_leaf::<H>(leaf, &mut node),
        Child::Branch(branch) => hash_branches::<H>(branch, &mut node),
    }
    child.hash_cell().get().expect("it was just hashed")
}

/// Hashes a branch and everything under it, children first.
fn hash_branches<H: NodeHash>(top: &Branch, node: &mut Vec<u8>) {
    let mut path = vec![top];
    while let Some(&branch) = path.last() {
        let depth = path.len();
        for link in &branch.links {
            match link.known() {
                Some(child) if child.hash_cell().get().is_some() => {}
                Some(Child::Branch(branch)) => path.push(branch),
                Some(Child::Leaf(leaf)) => hash_leaf::<H>(leaf, node),
                None => {}
            }
        }
        if path.len() == depth {
            node.clear();
            branch_node(branch).write(node);
            branch.hash.set(H::hash(node));
            path.pop();
        }
    }
}

fn hash_leaf<H: NodeHash>(leaf: &Leaf, node: &mut Vec<u8>) {
    if let Some(long) = leaf.long() {
        of_long::<H>(leaf, long);
    }
    node.clear();
    leaf_node(leaf).write(node);
    leaf.hash.set(H::hash(node));
}

/// Name of the node of a long value.
fn of_long<H: NodeHash>(leaf: &Leaf, long: &Long) -> Hash {
    long.hash.get().unwrap_or_else(|| {
        let value = leaf.known_value();
        let value = value.expect("a value without a name was never stored");
        let hash = H::hash(&write_value(value));
        long.hash.set(hash);
        hash
    })
}

/// Name of what is behind a link, which is hashed. Reads nothing.
pub(super) fn name_of(link: &Link) -> Hash {
    match link.known() {
        Some(child) => child.hash_cell().get().expect(BELOW),
        None => link.unread().hash,
    }
}

/// The node of a branch whose children are hashed.
fn branch_node(branch: &Branch) -> Node<'_> {
    let side = |side: usize| {
        let hash = name_of(&branch.links[side]);
        let totals = branch.side_totals(side);
        Side { hash, totals }
    };
    let sides = [side(0), side(1)];
    Node::Branch {
        at: branch.at,
        sides,
    }
}

/// The node of a leaf whose value, if it is long, is hashed.
fn leaf_node(leaf: &Leaf) -> Node<'_> {
    let value = match (leaf.long(), leaf.known_value()) {
        (Some(long), _) => LeafValue::Long {
            len: long.len,
            hash: long.hash.get().expect(BELOW),
        },
        (None, Some(value)) => LeafValue::Inline(value),
        (None, None) => unreachable!("a short value is always here"),
    };
    let key = leaf.key.bytes();
    Node::Leaf { key, value }
}

/// The node of a child that is hashed.
pub(super) fn node_of(child: &Child) -> Node<'_> {
    match child {
        Child::Branch(branch) => branch_node(branch),
        Child::Leaf(leaf) => leaf_node(leaf),
    }
}

/// A hash that is taken when first asked for, and kept.
#[derive(Default)]
pub(super) struct HashCell {
    known: AtomicU8,
    words: [AtomicU32; 8],
}

impl HashCell {
    pub(super) fn known(hash: Hash) -> Self {
        let cell = Self::default();
        cell.set(hash);
        cell
    }

    pub(super) fn get(&self) -> Option<Hash> {
        // Acquire pairs with the release in `set`: who sees the flag sees the words.
        if self.known.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut hash = Hash::ZERO;
        for (bytes, word) in hash.0.chunks_exact_mut(4).zip(&self.words) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        Some(hash)
    }

    /// Keeps the hash. Two threads may both do so: what is hashed cannot change while shared, so
    /// they write the same words.
    pub(super) fn set(&self, hash: Hash) {
        for (bytes, word) in hash.0.as_chunks::<4>().0.iter().zip(&self.words) {
            word.store(u32::from_ne_bytes(*bytes), Ordering::Relaxed);
        }
        self.known.store(1, Ordering::Release);
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        *self.known.get_mut() = 0;
    }
}

/// A copy to be changed.
impl Clone for HashCell {
    fn clone(&self) -> Self {
        Self::default()
    }
}

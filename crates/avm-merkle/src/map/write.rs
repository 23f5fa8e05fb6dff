//! Changes: in place where a node has one owner, on a copy of the path where it is shared.

use alloc::sync::Arc;

use avm_core::{Bytes, HostError};

use super::key::At;
use super::leaf::Leaf;
use super::node::{BRANCH_LEN, Totals};
use super::tree::{Branch, Child, Link};
use super::{KEY_MAX, Map, MapError, NodeHash, VALUE_MAX};

impl<H: NodeHash> Map<H> {
    /// Puts an entry; whether the key was there before. The value before is not read, and an
    /// entry that is there already changes nothing.
    ///
    /// # Errors
    /// If the key or the value is too long, or a node on the path cannot be read: the map is as
    /// it was. [`HostError::BadNode`] poisons it: drop it.
    pub fn insert(&mut self, key: &[u8], value: Bytes) -> Result<bool, MapError> {
        if key.len() > KEY_MAX {
            return Err(MapError::Key { len: key.len() });
        }
        if value.len() > VALUE_MAX {
            return Err(MapError::Value { len: value.len() });
        }
        let Some(root) = &mut self.root else {
            self.root = Some(Link::new(Child::Leaf(Arc::new(Leaf::new(key, value)))));
            return Ok(false);
        };
        let leaf = find(root, key)?;
        match At::parting(key, leaf.key.bytes()) {
            None => {
                if leaf.known_value() != Some(&value) {
                    let old_len = leaf.value_len();
                    replace(root, key, value, old_len);
                }
                Ok(true)
            }
            Some(at) => {
                splice(root, key, value, at)?;
                Ok(false)
            }
        }
    }

    /// Takes an entry out; whether it was there. Reads the path to it and nothing else: what was
    /// beside it moves up with the name and the sums that are known of it.
    ///
    /// # Errors
    /// If a node on the path cannot be read: the map is as it was.
    pub fn remove(&mut self, key: &[u8]) -> Result<bool, HostError> {
        let Some(root) = &mut self.root else {
            return Ok(false);
        };
        let leaf = find(root, key)?;
        if leaf.key.bytes() != key {
            return Ok(false);
        }
        let gone = leaf.totals();
        if matches!(root.known(), Some(Child::Leaf(_))) {
            self.root = None;
        } else {
            cut(root, key, gone);
        }
        Ok(true)
    }

    /// Makes changes in order: `Some` puts a value, `None` takes the entry out. The root is that
    /// of making them one by one; hashes are taken only when it is asked for.
    ///
    /// # Errors
    /// As [`Map::insert`] and [`Map::remove`]; the changes before it are made.
    pub fn apply<K: AsRef<[u8]>>(
        &mut self,
        changes: impl IntoIterator<Item = (K, Option<Bytes>)>,
    ) -> Result<(), MapError> {
        changes.into_iter().try_for_each(|(key, value)| {
            match value {
                Some(value) => self.insert(key.as_ref(), value)?,
                None => self.remove(key.as_ref())?,
            };
            Ok(())
        })
    }
}

/// The only leaf that can have the key.
#[inline]
pub(super) fn find<'a>(root: &'a Link, key: &[u8]) -> Result<&'a Leaf, HostError> {
    let mut child = root.child()?;
    loop {
        match child {
            Child::Branch(branch) => child = branch.toward(key).child()?,
            Child::Leaf(leaf) => return Ok(leaf),
        }
    }
}

/// Changes the value of the leaf of a key that is there; its path was read.
fn replace(root: &mut Link, key: &[u8], value: Bytes, old_len: u32) {
    let mut link = root;
    loop {
        match link.child_mut() {
            Child::Branch(branch) => {
                let branch = Arc::make_mut(branch);
                branch.hash.clear();
                branch.totals.bytes -= u64::from(old_len);
                branch.totals.bytes += value.len() as u64;
                link = &mut branch.links[branch.at.side(key)];
            }
            Child::Leaf(leaf) => return Arc::make_mut(leaf).set_value(value),
        }
    }
}

/// Adds a leaf whose key parts at a place from the one on its path, which was read.
fn splice(root: &mut Link, key: &[u8], value: Bytes, at: At) -> Result<(), HostError> {
    let leaf = Leaf::new(key, value);
    let more = leaf.totals();
    let mut link = root;
    while let Some(Child::Branch(branch)) = link.known()
        && branch.at <= at
    {
        if branch.at == at {
            // Only a forged map has a leaf that does not belong under the branches above it.
            return Err(HostError::BadNode {
                hash: branch.hash.get().unwrap_or_default(),
                len: BRANCH_LEN,
                want: "a branch of a map with its leaves on the sides of their keys",
            });
        }
        let Child::Branch(branch) = link.child_mut() else {
            unreachable!("it is a branch")
        };
        let branch = Arc::make_mut(branch);
        branch.hash.clear();
        branch.totals.entries += more.entries;
        branch.totals.bytes += more.bytes;
        link = &mut branch.links[branch.at.side(key)];
    }
    let there = link.child_mut().clone();
    *link = Link::new(Child::Branch(Arc::new(Branch::over(at, leaf, there))));
    Ok(())
}

/// Takes the leaf of a key out, which is there and not the only one; its path was read.
fn cut(root: &mut Link, key: &[u8], gone: Totals) {
    let mut link = root;
    loop {
        let Some(Child::Branch(branch)) = link.known() else {
            unreachable!("the leaf is under a branch, and found from it")
        };
        let side = branch.at.side(key);
        if matches!(branch.links[side].known(), Some(Child::Leaf(_))) {
            *link = branch.links[1 - side].clone();
            return;
        }
        let Child::Branch(branch) = link.child_mut() else {
            unreachable!("it is a branch")
        };
        let branch = Arc::make_mut(branch);
        branch.hash.clear();
        branch.totals.entries -= gone.entries;
        branch.totals.bytes -= gone.bytes;
        link = &mut branch.links[side];
    }
}

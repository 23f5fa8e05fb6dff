//! Entries by their order: the i-th, the next, all of them.

use alloc::vec;
use alloc::vec::Vec;

use avm_core::{Bytes, HostError};

use super::key::At;
use super::leaf::Leaf;
use super::tree::{Child, Link};
use super::write::find;
use super::{Map, NodeHash};

/// A key and its value.
pub type Entry<'a> = (&'a [u8], &'a Bytes);

impl<H: NodeHash> Map<H> {
    /// Entry `index` in the order of keys, counted from 0; `None` past the end. Reads the path to
    /// it.
    ///
    /// # Errors
    /// If a node on the path cannot be read.
    pub fn nth(&self, mut index: u64) -> Result<Option<Entry<'_>>, HostError> {
        let Some(root) = &self.root else {
            return Ok(None);
        };
        let mut child = root.child()?;
        if index >= child.totals().entries {
            return Ok(None);
        }
        loop {
            match child {
                Child::Branch(branch) => {
                    let before = branch.side_totals(0).entries;
                    let side = usize::from(index >= before);
                    if side == 1 {
                        index -= before;
                    }
                    child = branch.links[side].child()?;
                }
                Child::Leaf(leaf) => return entry(leaf).map(Some),
            }
        }
    }

    /// The first entry whose key is greater than `key`, or the first of all; `None` if there is
    /// none. Reads the path to `key` and the one to the entry.
    ///
    /// # Errors
    /// If a node on one of the paths cannot be read.
    pub fn after(&self, key: Option<&[u8]>) -> Result<Option<Entry<'_>>, HostError> {
        self.iter_after(key)?.next().transpose()
    }

    /// The entries whose keys are greater than `key`, in order; all of them if there is no `key`.
    /// Reads the path to `key`, and then what the entries need. After an error there are no more.
    ///
    /// # Errors
    /// If a node on the path cannot be read.
    pub fn iter_after(&self, key: Option<&[u8]>) -> Result<Iter<'_>, HostError> {
        match (&self.root, key) {
            (Some(root), Some(key)) => above(root, key),
            _ => Ok(self.iter()),
        }
    }

    /// All entries in the order of keys. After an error there are no more.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            ahead: self.root.as_ref().map_or_else(Vec::new, |root| vec![root]),
        }
    }
}

/// The entries whose keys are greater than `key`.
fn above<'a>(root: &'a Link, key: &[u8]) -> Result<Iter<'a>, HostError> {
    let met = find(root, key)?.key.bytes();
    let parting = At::parting(key, met);
    let (mut link, mut ahead) = (root, Vec::new());
    // Down to where the key would be; each time it goes to the first side, the other is greater.
    while let Child::Branch(branch) = link.child()?
        && parting.is_none_or(|at| branch.at < at)
    {
        let side = branch.at.side(key);
        if side == 0 {
            ahead.push(&branch.links[1]);
        }
        link = &branch.links[side];
    }
    // All keys here part from `key` at the same place, so they are all less or all greater.
    if key < met {
        ahead.push(link);
    }
    Ok(Iter { ahead })
}

fn entry(leaf: &Leaf) -> Result<Entry<'_>, HostError> {
    Ok((leaf.key.bytes(), leaf.value()?))
}

/// Entries in the order of keys; made by [`Map::iter`].
pub struct Iter<'a> {
    /// Subtrees still to come, the next one last.
    ahead: Vec<&'a Link>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<Entry<'a>, HostError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut link = self.ahead.pop()?;
        let found = loop {
            match link.child() {
                Ok(Child::Branch(branch)) => {
                    self.ahead.push(&branch.links[1]);
                    link = &branch.links[0];
                }
                Ok(Child::Leaf(leaf)) => break entry(leaf),
                Err(error) => break Err(error),
            }
        };
        if found.is_err() {
            self.ahead.clear();
        }
        Some(found)
    }
}

impl<'a, H: NodeHash> IntoIterator for &'a Map<H> {
    type Item = Result<Entry<'a>, HostError>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

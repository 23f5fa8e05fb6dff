//! The tree of headers, and the chain with the most work in it.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::block::Header;
use bitcoin::hashes::Hash;

use super::{Place, block_hash};
use crate::BlockHash;

/// No parent: the root, or not connected to it.
const NONE: u32 = u32::MAX;

/// One block; they are numbered in the order they were found in.
#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: BlockHash,
    /// Work of the block alone, and from the root on once it is connected. All work ever done is
    /// below 2^100, and work is believed only with its proof.
    work: u128,
    parent: u32,
    /// Blocks between the root and this one, or [`NONE`] if it is not connected.
    depth: u32,
    place: Place,
}

/// Headers by name, and the best chain of those connected to the root.
#[derive(Debug, Default)]
pub(super) struct Tree {
    entries: Vec<Entry>,
    /// First bytes of the name, and the entry: half the memory of whole names.
    names: BTreeSet<(u64, u32)>,
    /// Entries that are not connected, by the name of their parent.
    waiting: BTreeMap<BlockHash, Vec<u32>>,
    /// Name of the root, once it is chosen; the block may come later.
    root: Option<BlockHash>,
    best: Option<u32>,
    chain: Vec<u32>,
}

impl Tree {
    /// Blocks here, connected or not.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The best chain as of [`Tree::take_best`], from the root to the tip.
    pub fn chain(&self) -> &[u32] {
        &self.chain
    }

    pub fn hash(&self, entry: u32) -> BlockHash {
        self.entries[entry as usize].hash
    }

    pub fn place(&self, entry: u32) -> Place {
        self.entries[entry as usize].place
    }

    /// The entry of a block.
    pub fn find(&self, hash: &BlockHash) -> Option<u32> {
        let key = key(hash);
        let mut same = self.names.range((key, 0)..=(key, u32::MAX));
        same.find(|(_, entry)| self.hash(*entry) == *hash)
            .map(|&(_, entry)| entry)
    }

    /// Takes a block, unless it is here already.
    pub fn add(&mut self, header: &Header, place: Place) {
        let hash = block_hash(header);
        if self.find(&hash).is_some() {
            return;
        }
        let number = self.entries.len() as u32;
        self.names.insert((key(&hash), number));
        self.entries.push(Entry {
            hash,
            work: work(header),
            parent: NONE,
            depth: NONE,
            place,
        });
        if self.root == Some(hash) {
            return self.connect(number, NONE);
        }
        let parent = header.prev_blockhash.to_byte_array();
        match self.find(&parent) {
            Some(at) if self.entries[at as usize].depth != NONE => self.connect(number, at),
            _ => self.waiting.entry(parent).or_default().push(number),
        }
    }

    /// Whether [`Tree::set_root`] was called.
    pub fn has_root(&self) -> bool {
        self.root.is_some()
    }

    /// Counts from this block. Chosen before the blocks come, it saves the memory of those that
    /// would wait for it.
    pub fn set_root(&mut self, hash: BlockHash) {
        self.root = Some(hash);
        if let Some(root) = self.find(&hash) {
            self.connect(root, NONE);
        }
    }

    /// The block found first whose parent is not here.
    pub fn first_orphan(&self) -> Option<BlockHash> {
        let orphans = self.waiting.iter();
        let orphans = orphans.filter(|(parent, _)| self.find(parent).is_none());
        let first = orphans.filter_map(|(_, entries)| entries.first()).min();
        first.map(|&entry| self.hash(entry))
    }

    /// Connects an entry to its parent, and all that waited for it, near or far.
    fn connect(&mut self, entry: u32, parent: u32) {
        let mut ready = vec![(entry, parent)];
        while let Some((number, parent)) = ready.pop() {
            let above = (parent != NONE).then(|| self.entries[parent as usize]);
            let entry = &mut self.entries[number as usize];
            entry.parent = parent;
            entry.depth = above.map_or(0, |above| above.depth + 1);
            entry.work = entry
                .work
                .saturating_add(above.map_or(0, |above| above.work));
            let (hash, work) = (entry.hash, entry.work);
            let best = self
                .best
                .map(|best| (self.entries[best as usize].work, best));
            // Of two equals the one found first, as a node has it.
            if best.is_none_or(|(most, best)| work > most || (work == most && number < best)) {
                self.best = Some(number);
            }
            let children = self.waiting.remove(&hash).unwrap_or_default();
            ready.extend(children.into_iter().map(|child| (child, number)));
        }
    }

    /// Makes the branch with the most work the chain.
    pub fn take_best(&mut self) {
        let Some(best) = self.best else { return };
        let depth = self.entries[best as usize].depth as usize;
        self.chain.resize(depth + 1, NONE);
        let mut at = best;
        for slot in self.chain.iter_mut().rev() {
            if *slot == at {
                break;
            }
            *slot = at;
            at = self.entries[at as usize].parent;
        }
    }
}

fn key(hash: &BlockHash) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    u64::from_be_bytes(first)
}

fn work(header: &Header) -> u128 {
    let bytes = header.work().to_be_bytes();
    let (high, low) = bytes.split_at(16);
    if high.iter().any(|&byte| byte != 0) {
        return u128::MAX;
    }
    low.iter()
        .fold(0, |work, &byte| work << 8 | u128::from(byte))
}

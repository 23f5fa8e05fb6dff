//! The block files of a Bitcoin node.
//!
//! A node keeps its blocks in `blkNNNNN.dat`, each with the network's magic and its length before
//! it, in the order they arrived in: forks are among them, and parents may come after children.
//! If there is a key in `xor.dat`, every byte is masked with it. A file may be longer than what is
//! in it.
//!
//! This source reads the headers once, keeps about 100 bytes a block, and takes the chain with the
//! most work. Blocks are read when they are asked for. What a node appends is found by
//! [`Source::tip`].
//!
//! A block with proof of work may be in the files although the node found it invalid. It can only
//! matter here while no heavier chain is without it, so on a live network for the newest blocks;
//! the node's own interfaces ([`RpcSource`](crate::RpcSource)) know better.

use std::path::{Path, PathBuf};

use bitcoin::{Network, constants};

use crate::{BlockHash, RawBlock, Source, SourceError, Tip, block};

mod scan;
mod tree;

use scan::Scanner;
use tree::Tree;

/// Where a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// Number of the file.
    file: u32,
    /// Offset of the block, after magic and length.
    offset: u32,
    /// Length of the block.
    len: u32,
}

/// Which block the heights are counted from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Root {
    /// The genesis block of the network, at height 0.
    #[default]
    Genesis,
    /// The first block in the files whose parent is not in them, at this height.
    FirstAt(u32),
}

/// The block files of a node, read only; the node may be running.
#[derive(Debug)]
pub struct FilesSource {
    scanner: Scanner,
    tree: Tree,
    root: Root,
}

impl FilesSource {
    /// Opens the directory `blocks` of a node and reads all headers.
    ///
    /// # Errors
    /// If a file cannot be read, `xor.dat` is not 8 bytes, or no block connects to the root.
    pub fn open(dir: &Path, network: Network, root: Root) -> Result<Self, SourceError> {
        let mut tree = Tree::default();
        if root == Root::Genesis {
            tree.set_root(block_hash(&constants::genesis_block(network).header));
        }
        let scanner = Scanner::new(dir, network)?;
        let mut source = Self {
            scanner,
            tree,
            root,
        };
        source.refresh()?;
        if source.tree.chain().is_empty() {
            return Err(source.empty());
        }
        Ok(source)
    }

    /// Reads what the node has appended; [`Source::tip`] does it as well. Whether there was
    /// anything.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn refresh(&mut self) -> Result<bool, SourceError> {
        let before = self.tree.len();
        let tree = &mut self.tree;
        self.scanner
            .scan(&mut |header, place| tree.add(header, place))?;
        if tree.len() == before {
            return Ok(false);
        }
        if let (false, Some(first)) = (tree.has_root(), tree.first_orphan()) {
            tree.set_root(first);
        }
        tree.take_best();
        Ok(true)
    }

    /// Height of the first block of the chain.
    #[must_use]
    pub const fn first_height(&self) -> u32 {
        match self.root {
            Root::Genesis => 0,
            Root::FirstAt(height) => height,
        }
    }

    /// Blocks found so far, with those of forks and those that connect to nothing.
    #[must_use]
    pub fn blocks_found(&self) -> usize {
        self.tree.len()
    }

    fn empty(&self) -> SourceError {
        let place = self.scanner.dir().display().to_string();
        SourceError::Empty { place }
    }
}

impl Source for FilesSource {
    fn tip(&mut self) -> Result<Tip, SourceError> {
        self.refresh()?;
        let chain = self.tree.chain();
        let Some(&last) = chain.last() else {
            return Err(self.empty());
        };
        Ok(Tip {
            height: self.first_height() + (chain.len() - 1) as u32,
            hash: self.tree.hash(last),
        })
    }

    fn hash_at(&mut self, height: u32) -> Result<Option<BlockHash>, SourceError> {
        let index = height.checked_sub(self.first_height());
        let entry = index.and_then(|index| self.tree.chain().get(index as usize));
        Ok(entry.map(|&entry| self.tree.hash(entry)))
    }

    fn block(&mut self, hash: BlockHash) -> Result<RawBlock, SourceError> {
        let entry = self.tree.find(&hash);
        let entry = entry.ok_or(SourceError::Missing { hash })?;
        let bytes = self.scanner.read(hash, self.tree.place(entry))?;
        let checked = block::check(hash, &bytes);
        checked.map_err(|found| SourceError::WrongBlock { asked: hash, found })?;
        Ok(bytes.into())
    }
}

fn block_hash(header: &bitcoin::block::Header) -> BlockHash {
    use bitcoin::hashes::Hash;
    header.block_hash().to_byte_array()
}

/// Path of block file `number` in `dir`.
fn path_of(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("blk{number:05}.dat"))
}

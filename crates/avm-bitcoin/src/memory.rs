//! Blocks in memory: a tree of them, of which somebody says which branch is the chain.

use std::collections::BTreeMap;

use crate::{BlockHash, RawBlock, Source, SourceError, Tip, block};

/// A tree of blocks in memory, for tests and for a chain that lives in this process.
///
/// It believes what it is given: neither work nor contents are checked.
#[derive(Clone, Debug, Default)]
pub struct MemorySource {
    start: u32,
    blocks: BTreeMap<BlockHash, (u32, RawBlock)>,
    /// Names from the first height to the tip.
    chain: Vec<BlockHash>,
}

/// Why a block was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// Fewer bytes than a header.
    #[error("a block of {0} bytes, a header takes 80")]
    Short(usize),
    /// The block before is not in the tree.
    #[error("there is no block {}", crate::source::hex(.0))]
    Unknown(BlockHash),
}

impl MemorySource {
    /// No blocks; the first one added will have the height `start`.
    #[must_use]
    pub fn new(start: u32) -> Self {
        Self {
            start,
            ..Self::default()
        }
    }

    /// Adds a block whose parent is here, or any block as the first one; its name. The tip stays
    /// where it is.
    ///
    /// # Errors
    /// If it has no header or its parent is not here.
    pub fn add(&mut self, bytes: RawBlock) -> Result<BlockHash, TreeError> {
        if bytes.len() < block::HEADER_BYTES {
            return Err(TreeError::Short(bytes.len()));
        }
        let (name, parent) = (block::name(&bytes), block::parent(&bytes));
        let height = match self.blocks.get(&parent) {
            Some((height, _)) => height + 1,
            None if self.blocks.is_empty() || self.blocks.contains_key(&name) => self.start,
            None => return Err(TreeError::Unknown(parent)),
        };
        self.blocks.entry(name).or_insert((height, bytes));
        Ok(name)
    }

    /// Makes `hash` the tip.
    ///
    /// # Errors
    /// If there is no such block; the tip stays where it is.
    pub fn set_tip(&mut self, hash: BlockHash) -> Result<(), TreeError> {
        let at = |hash| self.blocks.get(&hash).ok_or(TreeError::Unknown(hash));
        let mut below = (at(hash)?.0 - self.start) as usize;
        let (mut branch, mut hash) = (vec![hash], hash);
        // Down to where the chain is as it was.
        while below > 0 {
            hash = block::parent(&at(hash)?.1);
            if self.chain.get(below - 1) == Some(&hash) {
                break;
            }
            branch.push(hash);
            below -= 1;
        }
        self.chain.truncate(below);
        self.chain.extend(branch.into_iter().rev());
        Ok(())
    }

    /// [`MemorySource::add`], and the block becomes the tip.
    ///
    /// # Errors
    /// As [`MemorySource::add`].
    pub fn push(&mut self, bytes: RawBlock) -> Result<BlockHash, TreeError> {
        let hash = self.add(bytes)?;
        self.set_tip(hash)?;
        Ok(hash)
    }

    /// Forgets a block, as a node does that prunes. Blocks on top of it stay.
    pub fn forget(&mut self, hash: BlockHash) {
        self.blocks.remove(&hash);
    }
}

impl Source for MemorySource {
    fn tip(&mut self) -> Result<Tip, SourceError> {
        let Some(&hash) = self.chain.last() else {
            return Err(SourceError::Empty {
                place: "memory".into(),
            });
        };
        let height = self.start + (self.chain.len() - 1) as u32;
        Ok(Tip { height, hash })
    }

    fn hash_at(&mut self, height: u32) -> Result<Option<BlockHash>, SourceError> {
        let index = height.checked_sub(self.start);
        Ok(index.and_then(|index| self.chain.get(index as usize).copied()))
    }

    fn block(&mut self, hash: BlockHash) -> Result<RawBlock, SourceError> {
        let block = self.blocks.get(&hash).map(|(_, bytes)| bytes.clone());
        block.ok_or(SourceError::Missing { hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header on `parent` that differs by `tag`.
    fn header(parent: BlockHash, tag: u8) -> RawBlock {
        let mut bytes = [0; 81];
        bytes[4..36].copy_from_slice(&parent);
        bytes[76] = tag;
        bytes.into()
    }

    #[test]
    fn the_chain_is_the_branch_of_the_tip() {
        let mut source = MemorySource::new(7);
        assert!(source.tip().is_err());
        let a = source.push(header([0; 32], 0)).unwrap();
        let b = source.push(header(a, 1)).unwrap();
        let c = source.push(header(b, 2)).unwrap();
        let d = source.add(header(a, 3)).unwrap();
        assert_eq!(source.tip().unwrap(), Tip { height: 9, hash: c });
        let cases = [(c, vec![a, b, c]), (d, vec![a, d]), (a, vec![a])];
        for (tip, want) in cases.iter().cycle().take(5) {
            source.set_tip(*tip).unwrap();
            let names: Vec<_> = (7..).map_while(|at| source.hash_at(at).unwrap()).collect();
            assert_eq!(&names, want);
        }
        assert_eq!(source.hash_at(6).unwrap(), None);
        assert_eq!(source.add(header(a, 1)).unwrap(), b, "twice is once");
        let (lost, short) = (source.add(header([1; 32], 0)), source.add([0; 79].into()));
        assert_eq!(lost, Err(TreeError::Unknown([1; 32])));
        assert_eq!(short, Err(TreeError::Short(79)));
        source.forget(b);
        assert!(matches!(source.block(b), Err(SourceError::Missing { hash }) if hash == b));
        assert_eq!(source.block(d).unwrap(), header(a, 3));
    }
}

//! The little that has to be known about the bytes of a block: its name, its parent, and whether
//! they are whole.

use bitcoin::consensus::deserialize;
use bitcoin::hashes::{Hash, sha256d};
use bitcoin::{Block, merkle_tree};

use crate::BlockHash;
use crate::source::BlockFault;

/// Length of a header.
pub const HEADER_BYTES: usize = 80;
/// Length of the shortest thing read as a block: a header and a count of transactions.
pub const MIN_BYTES: usize = HEADER_BYTES + 1;
/// Longest thing read as a block. By consensus a block weighs at most 4,000,000 units, so it has
/// at most as many bytes; a server may still send twice that before it is cut off.
pub const MAX_BYTES: usize = 8_000_000;

/// Name of a block, from its header.
///
/// # Panics
/// If `block` is shorter than [`HEADER_BYTES`].
#[must_use]
pub fn name(block: &[u8]) -> BlockHash {
    sha256d::Hash::hash(&block[..HEADER_BYTES]).to_byte_array()
}

/// Name of the block before, from the header.
///
/// # Panics
/// If `block` is shorter than [`HEADER_BYTES`].
#[must_use]
pub fn parent(block: &[u8]) -> BlockHash {
    let mut parent = BlockHash::default();
    parent.copy_from_slice(&block[4..36]);
    parent
}

/// Whether `bytes` are the block `asked`, every byte of it: the header by its hash, the
/// transactions by the merkle root, the witnesses by the commitment in the coinbase.
///
/// It does not check whether the block is valid.
/// # Errors
/// What is wrong.
pub fn check(asked: BlockHash, bytes: &[u8]) -> Result<(), BlockFault> {
    if !(MIN_BYTES..=MAX_BYTES).contains(&bytes.len()) {
        return Err(BlockFault::Length { found: bytes.len() });
    }
    let found = name(bytes);
    if found != asked {
        return Err(BlockFault::Name(found));
    }
    let block: Block =
        deserialize(bytes).map_err(|error| BlockFault::Transactions(error.to_string()))?;
    let mut ids: Vec<_> = block
        .txdata
        .iter()
        .map(bitcoin::Transaction::compute_txid)
        .collect();
    let root = merkle_tree::calculate_root(ids.iter().map(|id| id.to_raw_hash()));
    if root != Some(block.header.merkle_root.to_raw_hash()) {
        return Err(BlockFault::MerkleRoot);
    }
    // A list with its end repeated has the same root; no block has a transaction twice.
    ids.sort_unstable();
    if ids.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(BlockFault::MerkleRoot);
    }
    if !block.check_witness_commitment() {
        return Err(BlockFault::Witnesses);
    }
    Ok(())
}

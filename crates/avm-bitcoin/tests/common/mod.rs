//! Blocks, a toy machine, and stores in memory for the tests of this crate.
#![allow(dead_code)] // every test file uses a part

use std::sync::Arc;

use avm_bitcoin::{BlockHash, RawBlock, Source, block};
use avm_core::{Bytes, Channel, Claim, Hash, HostError, Inbox, Nodes};
use avm_store::{Batch, Checkpoints, Log, LogHead, MemoryCheckpoints, MemoryLog, StoreError};
use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version};
use bitcoin::consensus::serialize;
use bitcoin::hashes::Hash as _;
use bitcoin::{
    Amount, Block, CompactTarget, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness,
};

pub mod toy;

/// A block of the regtest network on `parent`, with proof of work: a coinbase that pays nobody and
/// holds `tag` and so many bytes of nothing.
pub fn mine(parent: BlockHash, tag: u64, padding: usize) -> RawBlock {
    let coinbase = Transaction {
        version: bitcoin::transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::null(),
            script_sig: ScriptBuf::from_bytes(tag.to_be_bytes().to_vec()),
            sequence: Sequence::MAX,
            witness: Witness::new(),
        }],
        output: vec![TxOut {
            value: Amount::ZERO,
            script_pubkey: ScriptBuf::from_bytes(vec![0x6a; padding + 1]),
        }],
    };
    mine_transactions(parent, vec![coinbase])
}

/// A block of these transactions.
pub fn mine_transactions(parent: BlockHash, txdata: Vec<Transaction>) -> RawBlock {
    let header = Header {
        version: Version::from_consensus(0x2000_0000),
        prev_blockhash: bitcoin::BlockHash::from_byte_array(parent),
        merkle_root: bitcoin::TxMerkleNode::all_zeros(),
        time: 1_700_000_000,
        bits: CompactTarget::from_consensus(0x207f_ffff),
        nonce: 0,
    };
    let mut block = Block { header, txdata };
    block.header.merkle_root = block.compute_merkle_root().unwrap();
    while block.header.validate_pow(block.header.target()).is_err() {
        block.header.nonce += 1;
    }
    serialize(&block).into()
}

/// The genesis block of the regtest network.
pub fn genesis() -> RawBlock {
    serialize(&bitcoin::constants::genesis_block(
        bitcoin::Network::Regtest,
    ))
    .into()
}

/// The genesis block and `count` blocks on it.
pub fn chain(count: u64, padding: usize) -> Vec<RawBlock> {
    let mut blocks = vec![genesis()];
    blocks.extend(branch(block::name(&blocks[0]), 0..count, padding));
    blocks
}

/// Blocks on `parent`, one on the other, made from `tags`.
pub fn branch(
    parent: BlockHash,
    tags: impl IntoIterator<Item = u64>,
    padding: usize,
) -> Vec<RawBlock> {
    let mut parent = parent;
    let mine = |tag| {
        let block = mine(parent, tag, padding);
        parent = block::name(&block);
        block
    };
    tags.into_iter().map(mine).collect()
}

/// Names of the chain of a source, from a height on.
pub fn names(source: &mut dyn Source, from: u32) -> Vec<BlockHash> {
    let heights = from..;
    heights
        .map_while(|at| source.hash_at(at).unwrap())
        .collect()
}

/// A log with checkpoints in memory. The checkpoints outlive a process that is made to fail.
#[derive(Default)]
pub struct Pair<L> {
    pub log: L,
    pub checkpoints: Arc<MemoryCheckpoints>,
}

/// Everything in memory.
pub type Memory = Pair<MemoryLog>;

impl<L: Inbox> Inbox for Pair<L> {
    fn get(&self, index: u64) -> Result<Option<Bytes>, HostError> {
        self.log.get(index)
    }
}

impl<L: Log> Log for Pair<L> {
    fn head(&self) -> LogHead {
        self.log.head()
    }

    fn inbox_at(&self, inputs: u64) -> Result<Hash, StoreError> {
        self.log.inbox_at(inputs)
    }

    fn append(&self, input: &[u8]) -> Result<u64, StoreError> {
        self.log.append(input)
    }

    fn record(&self, claim: &Claim) -> Result<(), StoreError> {
        self.log.record(claim)
    }

    fn commit(&self) -> Result<LogHead, StoreError> {
        self.log.commit()
    }

    fn truncate(&self, inputs: u64) -> Result<LogHead, StoreError> {
        self.checkpoints.remove_after(inputs)?;
        self.log.truncate(inputs)
    }
}

impl<L: Send + Sync> Nodes for Pair<L> {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        Nodes::get(&*self.checkpoints, hash)
    }
}

impl<L: Send + Sync> Checkpoints for Pair<L> {
    fn at_step(&self, steps: u64) -> Result<Option<Claim>, StoreError> {
        self.checkpoints.at_step(steps)
    }

    fn at_input(&self, inputs: u64) -> Result<Option<Claim>, StoreError> {
        self.checkpoints.at_input(inputs)
    }

    fn output(&self, index: u64) -> Result<Option<(Channel, Hash)>, StoreError> {
        self.checkpoints.output(index)
    }

    fn begin(&self) -> Result<Box<dyn Batch + '_>, StoreError> {
        self.checkpoints.begin()
    }

    fn remove_after(&self, inputs: u64) -> Result<u64, StoreError> {
        self.checkpoints.remove_after(inputs)
    }
}

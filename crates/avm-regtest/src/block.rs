//! Blocks: coinbase, commitments and proof of work.

use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version};
use bitcoin::hashes::Hash;
use bitcoin::script::{Builder, PushBytesBuf};
use bitcoin::transaction;
use bitcoin::{
    Amount, Block, CompactTarget, OutPoint, Sequence, Target, Transaction, TxIn, TxMerkleNode,
    TxOut, Witness, WitnessCommitment, WitnessMerkleNode,
};

use crate::BlockError;

/// The target of regtest, which half of all hashes meet.
const BITS: u32 = 0x207f_ffff;
/// Begins the output of a coinbase that commits to witnesses (BIP141).
const COMMITMENT: [u8; 4] = [0xaa, 0x21, 0xa9, 0xed];
/// The witness of the coinbase goes into the commitment (BIP141).
const RESERVED: [u8; 32] = [0; 32];

/// A block before it has transactions.
pub(crate) struct Template<'a> {
    pub parent: &'a Header,
    pub height: u32,
    /// Tells apart blocks of one height.
    pub branch: u32,
    pub time: u32,
    /// First output of the coinbase.
    pub reward: TxOut,
}

pub(crate) fn assemble(template: &Template, txs: Vec<Transaction>) -> Block {
    let mut block = Block {
        header: Header {
            version: Version::NO_SOFT_FORK_SIGNALLING,
            prev_blockhash: template.parent.block_hash(),
            merkle_root: TxMerkleNode::all_zeros(),
            time: template.time,
            bits: CompactTarget::from_consensus(BITS),
            nonce: 0,
        },
        txdata: vec![coinbase(template)],
    };
    block.txdata.extend(txs);
    let commitment = witness_commitment(&block);
    let commitment = [&COMMITMENT[..], commitment.as_ref()].concat();
    let commitment = PushBytesBuf::try_from(commitment).expect("36 bytes can be pushed");
    block.txdata[0].output.push(TxOut {
        value: Amount::ZERO,
        script_pubkey: bitcoin::ScriptBuf::new_op_return(commitment),
    });
    let root = block.compute_merkle_root();
    block.header.merkle_root = root.expect("there is a coinbase");
    while !target().is_met_by(block.block_hash()) {
        block.header.nonce += 1;
    }
    block
}

fn witness_commitment(block: &Block) -> WitnessCommitment {
    let ids = block
        .txdata
        .iter()
        .enumerate()
        .map(|(index, tx)| match index {
            // The coinbase has the commitment, and counts as zero.
            0 => WitnessMerkleNode::all_zeros(),
            _ => WitnessMerkleNode::from_raw_hash(tx.compute_wtxid().to_raw_hash()),
        });
    let root = bitcoin::merkle_tree::calculate_root(ids).expect("there is a coinbase");
    Block::compute_witness_commitment(&root, &RESERVED)
}

fn coinbase(template: &Template) -> Transaction {
    let script = height_push(template.height).push_slice(template.branch.to_be_bytes());
    Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::null(),
            script_sig: script.into_script(),
            sequence: Sequence::MAX,
            witness: Witness::from_slice(&[RESERVED]),
        }],
        output: vec![template.reward.clone()],
    }
}

fn target() -> Target {
    Target::from_compact(CompactTarget::from_consensus(BITS))
}

/// A coinbase begins with its height (BIP34).
fn height_push(height: u32) -> Builder {
    Builder::new().push_int(height.into())
}

/// What can be said of a block without the coins that it spends.
pub(crate) fn check(
    block: &Block,
    parent: &Header,
    height: u32,
    median: u32,
) -> Result<(), BlockError> {
    let (found, tip) = (block.header.prev_blockhash, parent.block_hash());
    if found != tip {
        return Err(BlockError::Parent { found, tip });
    }
    let hash = block.block_hash();
    if block.header.bits.to_consensus() != BITS || !target().is_met_by(hash) {
        return Err(BlockError::Work(hash));
    }
    let found = block.header.time;
    if found <= median {
        return Err(BlockError::Time { found, median });
    }
    let prefix = height_push(height).into_script();
    let is_coinbase = block.coinbase().is_some_and(|coinbase| {
        let has_height = |input: &TxIn| input.script_sig.as_bytes().starts_with(prefix.as_bytes());
        let length = |input: &TxIn| (2..=100).contains(&input.script_sig.len());
        coinbase.is_coinbase()
            && coinbase
                .input
                .iter()
                .all(|input| has_height(input) && length(input))
    });
    if !is_coinbase {
        return Err(BlockError::Coinbase { height });
    }
    if !block.check_merkle_root() {
        return Err(BlockError::MerkleRoot);
    }
    if !block.check_witness_commitment() {
        return Err(BlockError::WitnessCommitment);
    }
    Ok(())
}

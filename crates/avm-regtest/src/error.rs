//! Why a transaction or a block is refused.

use bitcoin::{BlockHash, OutPoint, Txid};

/// Why a transaction is refused, or cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// No inputs, or no outputs.
    #[error(
        "the transaction has {inputs} inputs and {outputs} outputs, at least 1 of each is needed"
    )]
    Empty {
        /// Inputs it has.
        inputs: usize,
        /// Outputs it has.
        outputs: usize,
    },
    /// Only a block brings a coinbase.
    #[error("a coinbase is not the first transaction of a block")]
    Coinbase,
    /// An input that is there twice.
    #[error("two inputs spend {0}")]
    Repeated(OutPoint),
    /// What an input spends is not there.
    #[error("{0} does not exist, or is spent")]
    Missing(OutPoint),
    /// What an input spends is spent by a transaction of the mempool.
    #[error("{0} is spent by a transaction that waits for its block")]
    Conflict(OutPoint),
    /// The output of a coinbase that is too young.
    #[error(
        "{outpoint} is of the coinbase of block {made}, and cannot be spent before block {from}; the next is {next}"
    )]
    Immature {
        /// The output.
        outpoint: OutPoint,
        /// Height of the coinbase.
        made: u32,
        /// First height at which it can be spent.
        from: u32,
        /// Height of the next block.
        next: u32,
    },
    /// More satoshis than there can be.
    #[error("output {output} makes the outputs worth more than 21 million bitcoin")]
    TooMuch {
        /// The first output beyond the limit.
        output: usize,
    },
    /// Outputs are worth more than inputs.
    #[error("the outputs are worth {outputs} satoshis, the inputs {inputs}")]
    Overspent {
        /// Satoshis of the inputs.
        inputs: u64,
        /// Satoshis of the outputs.
        outputs: u64,
    },
    /// The lock time is still ahead.
    #[error(
        "the lock time is {lock_time}, the next block has height {next} and median time {time}"
    )]
    LockTime {
        /// Lock time of the transaction.
        lock_time: u32,
        /// Height of the next block.
        next: u32,
        /// Median of the last block times.
        time: u32,
    },
    /// The sequence of an input asks for an older output (BIP68).
    #[error("the sequence {sequence:#010x} of input {input} asks for an output that is older")]
    Sequence {
        /// The input.
        input: usize,
        /// Its sequence.
        sequence: u32,
    },
    /// It fits in no block.
    #[error(
        "the transaction has weight {weight} and {sigops} signature operations, a block has room for {} and {}",
        crate::check::WEIGHT_MAX,
        crate::check::SIGOPS_MAX
    )]
    Heavy {
        /// Weight units.
        weight: u64,
        /// Cost of signature operations.
        sigops: usize,
    },
    /// The mempool has it.
    #[error("{0} waits for its block already")]
    Known(Txid),
    /// A key has too little.
    #[error("the key owns {have} satoshis that it can spend, {need} are needed")]
    Funds {
        /// Satoshis of mature outputs that carry no tokens.
        have: u64,
        /// Satoshis that are needed.
        need: u64,
    },
    /// No sequence of the first input gives an id that begins as asked.
    #[error("no transaction id begins with {0:?} after 2^31 attempts")]
    Bitwork(String),
    /// A reorg deeper than the chain.
    #[error("{depth} blocks are to be taken back, the chain has {height}")]
    Depth {
        /// Blocks to take back.
        depth: u32,
        /// Height of the chain.
        height: u32,
    },
}

/// Why a block is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// It does not follow the tip.
    #[error("the parent is {found}, the tip is {tip}")]
    Parent {
        /// Parent of the block.
        found: BlockHash,
        /// Hash of the tip.
        tip: BlockHash,
    },
    /// Too little work, or another target than the one of regtest.
    #[error("the hash {0} does not meet the target of regtest")]
    Work(BlockHash),
    /// Not after the median of the eleven blocks before.
    #[error("the time is {found}, the median of the blocks before is {median}")]
    Time {
        /// Time of the block.
        found: u32,
        /// Median time of the blocks before.
        median: u32,
    },
    /// The header has the root of other transactions.
    #[error("the header does not commit to the transactions")]
    MerkleRoot,
    /// The coinbase has the root of other witnesses.
    #[error("the coinbase does not commit to the witnesses")]
    WitnessCommitment,
    /// The first transaction is not a coinbase that begins with the height.
    #[error("the first transaction is not the coinbase of block {height}")]
    Coinbase {
        /// Height of the block.
        height: u32,
    },
    /// The coinbase takes too much.
    #[error("the coinbase takes {taken} satoshis, reward and fees are {allowed}")]
    Reward {
        /// Satoshis of its outputs.
        taken: u64,
        /// Reward and fees.
        allowed: u64,
    },
    /// Too much for a block.
    #[error("the block has weight {weight} and {sigops} signature operations")]
    Heavy {
        /// Weight units.
        weight: u64,
        /// Cost of signature operations.
        sigops: usize,
    },
    /// One of its transactions is refused.
    #[error("transaction {txid} of the block")]
    Transaction {
        /// The transaction.
        txid: Txid,
        /// Why.
        #[source]
        source: ChainError,
    },
}

//! The chain: blocks, coins, and the transactions that wait.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::constants::genesis_block;
use bitcoin::{Amount, Block, BlockHash, Network, OutPoint, Transaction, TxOut, Txid};

use crate::check::{self, Coin, Cost, Place, SIGOPS_MAX, WEIGHT_KEPT, WEIGHT_MAX};
use crate::{BlockError, ChainError, Key, block, kept};

/// Satoshis of the first rewards.
const REWARD: u64 = 50 * 100_000_000;
/// Blocks until the reward halves.
const HALVING: u32 = 150;

/// A block came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// The block of this height and hash is the new tip.
    Connected(u32, BlockHash),
    /// The block of this height and hash was the tip, and is not part of the chain any more.
    Disconnected(u32, BlockHash),
}

/// A chain under the rules of regtest, from its genesis block on.
///
/// It checks what Bitcoin checks, but runs no scripts: what [`Chain::publish`] and
/// [`Chain::transfer`] make is signed, transactions from elsewhere are believed to be.
/// A clone is a fork that goes its own way; give it another [`Chain::set_branch`].
#[derive(Clone, Debug)]
pub struct Chain {
    blocks: Vec<Block>,
    /// For each block what it spent, in the order of its inputs.
    undo: Vec<Vec<Coin>>,
    coins: BTreeMap<OutPoint, Coin>,
    mempool: Mempool,
    pub(crate) kept: BTreeSet<OutPoint>,
    miner: Key,
    branch: u32,
    warp: u32,
    events: Vec<Event>,
}

/// Transactions that wait, parents first.
#[derive(Clone, Debug, Default)]
struct Mempool {
    txs: Vec<(Transaction, Cost)>,
    ids: BTreeSet<Txid>,
    spent: BTreeSet<OutPoint>,
    made: BTreeMap<OutPoint, Coin>,
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}

impl Chain {
    /// The genesis block of regtest, at height 0, whose coin nobody can spend.
    #[must_use]
    pub fn new() -> Self {
        Self {
            blocks: vec![genesis_block(Network::Regtest)],
            undo: vec![vec![]],
            coins: BTreeMap::new(),
            mempool: Mempool::default(),
            kept: BTreeSet::new(),
            miner: Key::from_seed("miner"),
            branch: 0,
            warp: 0,
            events: vec![],
        }
    }

    /// A chain with 110 empty blocks, of which the miner can spend the first rewards: 550 bitcoin.
    #[must_use]
    pub fn funded() -> Self {
        let mut chain = Self::new();
        chain.mine_empty(110);
        chain
    }

    /// Height of the tip.
    #[must_use]
    pub fn height(&self) -> u32 {
        u32::try_from(self.blocks.len() - 1).expect("memory ends before 2^32 blocks")
    }

    /// The last block.
    #[must_use]
    pub fn tip(&self) -> &Block {
        self.blocks.last().expect("the genesis block stays")
    }

    /// Hash of the last block.
    #[must_use]
    pub fn tip_hash(&self) -> BlockHash {
        self.tip().block_hash()
    }

    /// The block of a height.
    #[must_use]
    pub fn block(&self, height: u32) -> Option<&Block> {
        self.blocks.get(usize::try_from(height).ok()?)
    }

    /// The block of a height as Bitcoin sends it.
    #[must_use]
    pub fn block_bytes(&self, height: u32) -> Option<Vec<u8>> {
        self.block(height).map(bitcoin::consensus::serialize)
    }

    /// All blocks, from genesis on.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// What the blocks up to now did, oldest first, since the last call. Genesis is not among them.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Who gets the rewards.
    #[must_use]
    pub fn miner(&self) -> Key {
        self.miner
    }

    /// Transactions that wait for a block, parents first.
    pub fn mempool(&self) -> impl Iterator<Item = &Transaction> {
        self.mempool.txs.iter().map(|(tx, _)| tx)
    }

    /// The coin at an outpoint, as the blocks left it.
    #[must_use]
    pub fn confirmed(&self, outpoint: &OutPoint) -> Option<&Coin> {
        self.coins.get(outpoint)
    }

    /// All coins, as the blocks left them, ascending by outpoint.
    pub fn all_confirmed(&self) -> impl Iterator<Item = &Coin> {
        self.coins.values()
    }

    /// The coin at an outpoint, unless a transaction that waits spends it; what waits counts.
    #[must_use]
    pub fn coin(&self, outpoint: &OutPoint) -> Option<&Coin> {
        if self.mempool.spent.contains(outpoint) {
            return None;
        }
        let waiting = self.mempool.made.get(outpoint);
        waiting.or_else(|| self.coins.get(outpoint))
    }

    /// The output at an outpoint, as [`Chain::coin`] finds it.
    #[must_use]
    pub fn output(&self, outpoint: &OutPoint) -> Option<&TxOut> {
        self.coin(outpoint).map(|coin| &coin.output)
    }

    /// Coins of a key's own script, as [`Chain::coin`] finds them, ascending by outpoint. Those that
    /// are too young, or may carry tokens, are among them.
    pub fn coins(&self, key: &Key) -> impl Iterator<Item = &Coin> {
        let script = key.script();
        let all = self.coins.values().chain(self.mempool.made.values());
        let mut coins: Vec<&Coin> = all
            .filter(|coin| coin.output.script_pubkey == script)
            .filter(|coin| !self.mempool.spent.contains(&coin.outpoint))
            .collect();
        coins.sort_by_key(|coin| coin.outpoint);
        coins.into_iter()
    }

    /// Satoshis of [`Chain::coins`].
    #[must_use]
    pub fn balance(&self, key: &Key) -> u64 {
        self.coins(key).map(Coin::sats).sum()
    }

    /// Whether the coin may carry tokens, and is spent only by who names it: outputs of reveals and of
    /// what spends such coins.
    #[must_use]
    pub fn is_kept(&self, outpoint: &OutPoint) -> bool {
        self.kept.contains(outpoint)
    }

    /// Lets a transaction wait for the next block.
    ///
    /// # Errors
    /// If Bitcoin refuses it, scripts apart, or another that waits spends the same.
    pub fn submit(&mut self, tx: Transaction) -> Result<Txid, ChainError> {
        let txid = tx.compute_txid();
        if self.mempool.ids.contains(&txid) {
            return Err(ChainError::Known(txid));
        }
        let cost = self.check(&tx)?;
        kept::mark(&mut self.kept, &tx);
        self.mempool
            .spent
            .extend(tx.input.iter().map(|input| input.previous_output));
        let made = Coin::of(&tx, self.height() + 1).map(|coin| (coin.outpoint, coin));
        self.mempool.made.extend(made);
        self.mempool.ids.insert(txid);
        self.mempool.txs.push((tx, cost));
        Ok(txid)
    }

    /// The next block, with what waits as far as there is room.
    pub fn mine(&mut self) -> &Block {
        let (mut weight, mut sigops) = (WEIGHT_KEPT, 0);
        let fits = |(_, cost): &&(Transaction, Cost)| {
            weight += cost.weight;
            sigops += cost.sigops;
            weight <= WEIGHT_MAX && sigops <= SIGOPS_MAX
        };
        // Stops at the first without room, as what follows may spend it.
        let txs = self.mempool.txs.iter().take_while(fits);
        let txs = txs.map(|(tx, _)| tx.clone()).collect();
        self.mine_with(txs)
            .expect("what waits was checked against this tip")
    }

    /// Empty blocks; what waits goes on waiting.
    pub fn mine_empty(&mut self, blocks: u32) {
        for _ in 0..blocks {
            self.mine_with(vec![])
                .expect("nothing is wrong with an empty block");
        }
    }

    /// The next block, with these transactions and no others.
    ///
    /// # Errors
    /// As [`Chain::connect`].
    pub fn mine_with(&mut self, txs: Vec<Transaction>) -> Result<&Block, BlockError> {
        let block = self.assemble(txs);
        self.connect(block)?;
        Ok(self.tip())
    }

    /// A block on the tip with these transactions, with proof of work. Nothing is checked, and the
    /// chain stays as it is; the coinbase takes the fees of what spends coins of the chain or the block.
    #[must_use]
    pub fn assemble(&self, txs: Vec<Transaction>) -> Block {
        let height = self.height() + 1;
        let mut made = BTreeMap::new();
        let mut fees = 0_u64;
        for tx in &txs {
            let sats = |outpoint| {
                let coin = self.coins.get(outpoint).or_else(|| made.get(outpoint));
                coin.map_or(0, Coin::sats)
            };
            let inputs: u64 = tx
                .input
                .iter()
                .map(|input| sats(&input.previous_output))
                .sum();
            fees += inputs.saturating_sub(check::worth(tx).unwrap_or(u64::MAX));
            made.extend(Coin::of(tx, height).map(|coin| (coin.outpoint, coin)));
        }
        let reward = Amount::from_sat(subsidy(height) + fees);
        block::assemble(
            &block::Template {
                parent: &self.tip().header,
                height,
                branch: self.branch,
                time: self.next_time(),
                reward: TxOut {
                    value: reward,
                    script_pubkey: self.miner.script(),
                },
            },
            txs,
        )
    }

    /// Makes a block the tip.
    ///
    /// # Errors
    /// If Bitcoin refuses it, scripts apart; the chain is as before.
    pub fn connect(&mut self, block: Block) -> Result<(), BlockError> {
        let height = self.height() + 1;
        block::check(
            &block,
            &self.tip().header,
            height,
            self.median_at(self.height()),
        )?;
        let mut undo = vec![];
        let applied = self.apply(&block, height, &mut undo);
        if let Err((error, applied)) = applied {
            for tx in block.txdata[..applied].iter().rev() {
                take_back(&mut self.coins, tx, &mut undo);
            }
            return Err(error);
        }
        self.events
            .push(Event::Connected(height, block.block_hash()));
        self.blocks.push(block);
        self.undo.push(undo);
        self.warp = 0;
        self.refresh(vec![]);
        Ok(())
    }

    /// Takes back so many blocks. Their transactions wait again, before those that waited, and are
    /// returned; those that the shorter chain refuses are dropped. Blocks to come differ from those
    /// taken back, as their coinbase has the number of the branch.
    ///
    /// # Errors
    /// If the chain is shorter; nothing is taken back.
    pub fn reorg(&mut self, depth: u32) -> Result<Vec<Transaction>, ChainError> {
        let height = self.height();
        if depth > height {
            return Err(ChainError::Depth { depth, height });
        }
        let mut back = vec![];
        for height in (height - depth + 1..=height).rev() {
            let (Some(block), Some(mut undo)) = (self.blocks.pop(), self.undo.pop()) else {
                unreachable!("as many blocks as the height says");
            };
            for tx in block.txdata.iter().rev() {
                take_back(&mut self.coins, tx, &mut undo);
            }
            self.events
                .push(Event::Disconnected(height, block.block_hash()));
            back.extend(block.txdata.into_iter().skip(1).rev());
        }
        back.reverse();
        self.branch += u32::from(depth > 0);
        Ok(self.refresh(back))
    }

    /// Moves the clock: the next block comes so many seconds later than it would.
    pub fn warp(&mut self, seconds: u32) {
        self.warp = self.warp.saturating_add(seconds);
    }

    /// The number in the coinbase that tells apart blocks of one height. It counts reorgs.
    #[must_use]
    pub fn branch(&self) -> u32 {
        self.branch
    }

    /// Sets the number of the branch, for a clone that goes its own way.
    pub fn set_branch(&mut self, branch: u32) {
        self.branch = branch;
    }

    /// Time of the next block: ten minutes after the last, and what [`Chain::warp`] added. The clock
    /// ends in 2106, as that of Bitcoin.
    #[must_use]
    pub fn next_time(&self) -> u32 {
        self.tip()
            .header
            .time
            .saturating_add(600)
            .saturating_add(self.warp)
    }

    /// Median time of the eleven blocks that end at a height.
    fn median_at(&self, height: u32) -> u32 {
        let end = self.blocks.len().min(height as usize + 1);
        let mut times: Vec<u32> = self.blocks[end.saturating_sub(11)..end]
            .iter()
            .map(|block| block.header.time)
            .collect();
        times.sort_unstable();
        times[times.len() / 2]
    }

    /// Checks a transaction for the next block, after what waits.
    fn check(&self, tx: &Transaction) -> Result<Cost, ChainError> {
        self.check_with(tx, |outpoint| {
            if self.mempool.spent.contains(outpoint) {
                return Err(ChainError::Conflict(*outpoint));
            }
            self.coin(outpoint)
                .cloned()
                .ok_or(ChainError::Missing(*outpoint))
        })
    }

    fn check_with(
        &self,
        tx: &Transaction,
        coin: impl Fn(&OutPoint) -> Result<Coin, ChainError>,
    ) -> Result<Cost, ChainError> {
        let place = Place {
            height: self.height() + 1,
            time: self.median_at(self.height()),
            median_at: &|height| self.median_at(height),
        };
        check::check(tx, &place, coin)
    }

    /// Spends and makes coins. Says with an error how many transactions are applied.
    fn apply(
        &mut self,
        block: &Block,
        height: u32,
        undo: &mut Vec<Coin>,
    ) -> Result<(), (BlockError, usize)> {
        let (mut fees, mut sigops) = (0, 0);
        for (index, tx) in block.txdata.iter().enumerate() {
            if index > 0 {
                let coin = |outpoint: &OutPoint| {
                    let coin = self.coins.get(outpoint).cloned();
                    coin.ok_or(ChainError::Missing(*outpoint))
                };
                let cost = self.check_with(tx, coin).map_err(|source| {
                    let txid = tx.compute_txid();
                    (BlockError::Transaction { txid, source }, index)
                })?;
                fees += cost.fee;
                sigops += cost.sigops;
                kept::mark(&mut self.kept, tx);
                let spent = tx.input.iter().map(|input| &input.previous_output);
                undo.extend(spent.filter_map(|outpoint| self.coins.remove(outpoint)));
            }
            self.coins
                .extend(Coin::of(tx, height).map(|coin| (coin.outpoint, coin)));
        }
        let all = block.txdata.len();
        let coinbase = &block.txdata[0];
        sigops += coinbase.total_sigop_cost(|_| None);
        let weight = block.weight().to_wu();
        if weight > WEIGHT_MAX || sigops > SIGOPS_MAX {
            return Err((BlockError::Heavy { weight, sigops }, all));
        }
        let allowed = subsidy(height) + fees;
        let taken = check::worth(coinbase).unwrap_or(u64::MAX);
        if taken > allowed {
            return Err((BlockError::Reward { taken, allowed }, all));
        }
        Ok(())
    }

    /// Checks anew what waits, after these; returns which of these wait now.
    fn refresh(&mut self, back: Vec<Transaction>) -> Vec<Transaction> {
        let waiting = std::mem::take(&mut self.mempool).txs;
        let again = |tx: &Transaction| self.submit(tx.clone()).is_ok();
        let back: Vec<Transaction> = back.into_iter().filter(again).collect();
        for (tx, _) in waiting {
            // What the new tip refuses is in its block, or in conflict with it, or too early again.
            drop(self.submit(tx));
        }
        back
    }

    /// Forgets the transaction that came last.
    pub(crate) fn withdraw_last(&mut self) {
        self.mempool.txs.pop();
        self.refresh(vec![]);
    }
}

/// Undoes a transaction; `undo` ends with what it spent.
fn take_back(coins: &mut BTreeMap<OutPoint, Coin>, tx: &Transaction, undo: &mut Vec<Coin>) {
    let txid = tx.compute_txid();
    for (vout, _) in (0..).zip(&tx.output) {
        coins.remove(&OutPoint { txid, vout });
    }
    if !tx.is_coinbase() {
        let spent = undo.split_off(undo.len() - tx.input.len());
        coins.extend(spent.into_iter().map(|coin| (coin.outpoint, coin)));
    }
}

/// Satoshis of a block's reward without fees.
fn subsidy(height: u32) -> u64 {
    REWARD.checked_shr(height / HALVING).unwrap_or(0)
}

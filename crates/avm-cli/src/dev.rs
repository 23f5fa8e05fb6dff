//! A local chain: Bitcoin blocks made here, and the index that follows them.
//!
//! A chain is a directory with two files. `main.avmlog` is a log of the machine `atomicals-index`
//! with the blocks as inputs, so every other command reads it; `dev.json` is the [`Journal`], which has
//! what blocks do not say. Everything else is made anew from the two.
//!
//! - [`Dev`]: the chain, its index, and mining
//! - `operations`: publishing, calling, minting; `coins`: finding and moving tokens
//! - `told`: what became of it, in words; `code`, `journal`, `errors`

mod code;
mod coins;
mod errors;
mod journal;
mod operations;
pub mod told;

use std::path::{Path, PathBuf};

use avm_atomicals::index::receipt::{BlockReceipt, OperationReceipt};
use avm_atomicals::index::{Index, IndexMachine, Network, Params, Receipt};
use avm_atomicals::script::Rules;
use avm_core::{
    Bytes, Claim, Hash, HostError, Inbox as _, Machine, MemoryInbox, MemoryOutbox, NoOutbox,
    advance,
};
use avm_regtest::bitcoin::consensus::{deserialize, serialize};
use avm_regtest::bitcoin::{Block, Transaction, Txid};
use avm_regtest::{Chain, Event, Key};
use avm_store::{FileLog, Identity, Log as _, LogHeader};

pub use code::Code;
pub use journal::Journal;
pub use operations::{CallOptions, Mint, Sent};
pub use told::{Holdings, Overview};

use crate::error::{self, CliError};

/// Name of the log in the directory of a chain.
pub const LOG: &str = "main.avmlog";
/// Name of the journal.
pub const JOURNAL: &str = "dev.json";
/// Empty blocks that a chain begins with, so that the miner has something to give away.
pub const FUNDED: u32 = 110;

/// A local chain.
pub struct Dev {
    chain: Chain,
    journal: Journal,
    dir: PathBuf,
    log: FileLog,
    /// Inputs in the log, the open batch included.
    logged: u64,
    inbox: MemoryInbox,
    /// What is known after each block, before the first one at the beginning.
    after: Vec<(Claim, IndexMachine)>,
}

/// A block that was mined, and what became of the operations in it.
#[derive(Clone, Debug)]
pub struct Mined {
    /// What the index says of the block.
    pub block: BlockReceipt,
    /// Its operations.
    pub operations: Vec<OperationReceipt>,
    /// The root after it.
    pub root: Hash,
}

/// A reorg.
#[derive(Clone, Debug)]
pub struct Reorg {
    /// Height and root of each block that was taken back, the highest first.
    pub back: Vec<(u32, Hash)>,
    /// The root where both branches part.
    pub fork: (u32, Hash),
    /// Blocks mined instead.
    pub mined: Vec<Mined>,
    /// Transactions that wait now.
    pub waiting: usize,
}

impl Dev {
    /// Makes a chain of its first empty blocks.
    ///
    /// # Errors
    /// If there is one already, or the directory cannot be written.
    pub fn init(dir: &Path, rules: &'static Rules, overwrite: bool) -> Result<Self, CliError> {
        std::fs::create_dir_all(dir).map_err(|e| error::unwritable(dir, &e))?;
        let path = dir.join(LOG);
        if overwrite && path.is_file() {
            std::fs::remove_file(&path).map_err(|e| error::unwritable(&path, &e))?;
        }
        let params = Params::new(Network::Regtest, rules);
        let header = LogHeader::for_export(identity(), &params.to_bytes());
        let log = FileLog::create(&path, header).map_err(error::store)?;
        let mut dev = Self::new(dir, log, &params);
        dev.chain = Chain::funded();
        dev.follow()?;
        dev.save()?;
        Ok(dev)
    }

    /// Opens the chain in a directory.
    ///
    /// # Errors
    /// If there is none, or a file of it is damaged.
    pub fn open(dir: &Path) -> Result<Self, CliError> {
        let path = dir.join(LOG);
        let journal = dir.join(JOURNAL);
        if !path.is_file() || !journal.is_file() {
            return Err(errors::no_chain(dir));
        }
        let journal = Journal::read(&journal)?;
        let reader = avm_store::LogReader::open(&path).map_err(error::store)?;
        let params = Params::from_bytes(&reader.header().image)
            .map_err(|e| error::malformed_program(format!("not an index: {e}")))?;
        drop(reader);
        let (log, _) = FileLog::open(&path, &identity()).map_err(error::store)?;
        let mut dev = Self::new(dir, log, &params);
        dev.logged = dev.log.head().len;
        for at in 0..dev.logged {
            let input = dev.log.get(at).map_err(|e| dev.host(&e))?;
            let input = input.ok_or_else(|| error::bug("the log is shorter than it says"))?;
            let block: Block = deserialize(&input)
                .map_err(|e| error::bad_input(at, &path.display().to_string(), &e.to_string()))?;
            dev.chain.connect(block).map_err(|e| errors::block(&e))?;
            dev.chain.take_events();
            dev.advance(input)?;
        }
        dev.chain.set_branch(journal.branch);
        dev.chain.warp(journal.warp);
        for tx in &journal.pending {
            dev.submit(tx.clone())?;
        }
        dev.journal = journal;
        Ok(dev)
    }

    fn new(dir: &Path, log: FileLog, params: &Params) -> Self {
        let mut machine = Index::default().load(params);
        let genesis = Claim::genesis(machine.state_hash());
        Self {
            chain: Chain::new(),
            journal: Journal::default(),
            dir: dir.to_owned(),
            log,
            logged: 0,
            inbox: MemoryInbox::default(),
            after: vec![(genesis, machine)],
        }
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn save(&mut self) -> Result<(), CliError> {
        self.log.commit().map_err(error::store)?;
        self.journal.branch = self.chain.branch();
        let due = self.chain.tip().header.time.saturating_add(600);
        self.journal.warp = self.chain.next_time().saturating_sub(due);
        self.journal.pending = self.chain.mempool().cloned().collect();
        self.journal.write(&self.dir.join(JOURNAL))
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The rules of calls.
    #[must_use]
    pub fn rules(&self) -> &'static Rules {
        self.after[0].1.params().rules
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.last().0.state
    }

    /// A copy of the index as the blocks left it.
    #[must_use]
    pub fn machine(&self) -> IndexMachine {
        self.last().1.clone()
    }

    fn last(&self) -> &(Claim, IndexMachine) {
        self.after.last().expect("the state before the first block")
    }

    /// The index as it is once what waits is in a block.
    fn preview(&self) -> Result<IndexMachine, CliError> {
        let mut machine = self.machine();
        let txs: Vec<Transaction> = self.chain.mempool().cloned().collect();
        if !txs.is_empty() {
            let block = serialize(&self.chain.assemble(txs));
            let inbox: MemoryInbox = [&block[..]].into_iter().collect();
            let from = Claim::genesis(Hash::ZERO);
            let ran = advance(&mut machine, from, &inbox, &mut NoOutbox, u64::MAX);
            ran.map_err(|e| self.host(&e))?;
        }
        Ok(machine)
    }

    /// The key of a name.
    ///
    /// # Errors
    /// If it is no name.
    pub fn key(&mut self, name: &str) -> Result<Key, CliError> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(good) {
            let shown = crate::output::clip(name, 40);
            let message = format!("`{shown}` is not a name: letters, digits, `-` and `_`");
            return Err(error::usage(message));
        }
        self.journal.keys.insert(name.to_owned());
        Ok(Key::from_seed(name))
    }

    /// Lets a transaction wait for the next block.
    fn submit(&mut self, tx: Transaction) -> Result<Txid, CliError> {
        self.chain.submit(tx).map_err(|e| errors::chain(&e))
    }

    /// Mines what waits.
    ///
    /// # Errors
    /// If the index fails, which a block of ours does not make it.
    pub fn mine(&mut self, blocks: u32) -> Result<Vec<Mined>, CliError> {
        let mut mined = Vec::new();
        for _ in 0..blocks {
            self.chain.mine();
            mined.extend(self.follow()?);
        }
        Ok(mined)
    }

    /// Makes the next block come so many seconds later.
    pub fn warp(&mut self, seconds: u32) {
        self.chain.warp(seconds);
    }

    /// Takes so many blocks back and mines one more than that. Each has the transactions of one that
    /// was taken back, or the first one has all of them; without `mine` they go on waiting.
    ///
    /// # Errors
    /// If the chain is shorter.
    pub fn reorg(&mut self, depth: u32, together: bool, mine: bool) -> Result<Reorg, CliError> {
        let height = self.chain.height();
        if depth == 0 || depth > height - FUNDED {
            let most = height - FUNDED;
            let message = format!("{depth} blocks cannot be taken back, 1 to {most} can");
            return Err(error::usage(message)
                .help(format!("a chain begins with {FUNDED} blocks that stay")));
        }
        let kept = height - depth;
        let back = (kept + 1..=height).rev();
        let back = back.map(|height| (height, self.after[height as usize].0.state));
        let back = back.collect();
        let blocks = &self.chain.blocks()[kept as usize + 1..];
        let groups: Vec<Vec<Txid>> = blocks
            .iter()
            .map(|block| block.txdata.iter().map(Transaction::compute_txid).collect())
            .collect();
        self.chain.reorg(depth).map_err(|e| errors::chain(&e))?;
        self.follow()?;
        let fork = (kept, self.root());
        let mut mined = Vec::new();
        if mine {
            for group in &groups {
                let waits = self.chain.mempool();
                let txs = waits.filter(|tx| together || group.contains(&tx.compute_txid()));
                let txs = txs.cloned().collect();
                self.chain.mine_with(txs).map_err(|e| errors::block(&e))?;
                mined.extend(self.follow()?);
            }
            mined.extend(self.mine(1)?);
        }
        Ok(Reorg {
            back,
            fork,
            mined,
            waiting: self.chain.mempool().count(),
        })
    }

    /// Takes what the chain did: to the log, and through the index.
    fn follow(&mut self) -> Result<Vec<Mined>, CliError> {
        let mut mined = Vec::new();
        for event in self.chain.take_events() {
            match event {
                Event::Disconnected(..) => {
                    self.after.pop();
                    self.inbox.0.pop();
                }
                Event::Connected(height, _) => {
                    let block = self.chain.block_bytes(height);
                    let block = block.ok_or_else(|| error::bug("a block went by unseen"))?;
                    self.shorten()?;
                    self.log.append(&block).map_err(error::store)?;
                    self.logged += 1;
                    mined.push(self.advance(block.into())?);
                    self.log.record(&self.last().0).map_err(error::store)?;
                }
            }
        }
        self.shorten()?;
        Ok(mined)
    }

    /// Takes back inputs that are not in the chain any more.
    fn shorten(&mut self) -> Result<(), CliError> {
        let inputs = self.inbox.0.len() as u64;
        if inputs < self.logged {
            self.log.commit().map_err(error::store)?;
            self.log.truncate(inputs).map_err(error::store)?;
            self.logged = inputs;
        }
        Ok(())
    }

    /// Runs the index over one more block.
    fn advance(&mut self, block: Bytes) -> Result<Mined, CliError> {
        self.inbox.0.push(block);
        let (claim, mut machine) = self.last().clone();
        let mut outbox = MemoryOutbox::default();
        let ran = advance(&mut machine, claim, &self.inbox, &mut outbox, u64::MAX);
        let (claim, _) = ran.map_err(|e| self.host(&e))?;
        let mut operations = Vec::new();
        let mut block = None;
        for (_, hash) in &outbox.outputs {
            match Receipt::open(*hash, &outbox.nodes).map_err(|e| self.host(&e))? {
                Receipt::Operation(receipt) => operations.push(receipt),
                Receipt::Block(receipt) => block = Some(receipt),
                Receipt::Refused(why) => return Err(error::bug(why.text())),
                // Nothing is told of them: a chain of one's own has no virtual outputs.
                Receipt::Evicted(_) => {}
            }
        }
        let block = block.ok_or_else(|| error::bug("a block without a receipt"))?;
        let root = claim.state;
        self.after.push((claim, machine));
        Ok(Mined {
            block,
            operations,
            root,
        })
    }

    fn host(&self, error: &HostError) -> CliError {
        let file = self.dir.join(LOG).display().to_string();
        error::host(error, self.last().0.inputs, &file)
    }
}

fn identity() -> Identity {
    Identity::of(&Index::default())
}

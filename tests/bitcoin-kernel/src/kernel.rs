//! Bitcoin Core's library with a chain of its own.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, Once};

use avm_regtest::Event;
use avm_regtest::bitcoin::hashes::Hash;
use avm_regtest::bitcoin::{BlockHash, ScriptBuf};
use bitcoinkernel::prelude::*;
use bitcoinkernel::{
    Block, BlockTreeEntry, BlockValidationResult, BlockValidationStateRef, ChainType,
    ChainstateManager, Context, ContextBuilder, KernelError, ProcessBlockResult, ValidationMode,
};
use tempfile::TempDir;

use crate::Follower;

static SILENCE: Once = Once::new();

/// What the kernel told since it was asked last.
#[derive(Default)]
struct Told {
    events: Vec<(Event, Vec<u8>)>,
    /// Blocks that were checked in full, or refused before.
    checked: Vec<(BlockHash, BlockValidationResult, bool)>,
}

/// What became of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is valid, or waits for its branch to have more work.
    Fine,
    /// It was known before.
    Known,
    /// Its bytes are no block.
    NoBlock,
    /// It is refused, or a block before it on its branch is.
    Refused(BlockValidationResult),
}

/// An output that a block spent, as the kernel keeps it to undo the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// What it was worth.
    pub sats: u64,
    /// Who owned it.
    pub script: ScriptBuf,
    /// Height of the block that made it.
    pub height: u32,
    /// A coinbase made it.
    pub coinbase: bool,
}

/// Bitcoin Core's validation of a chain of regtest, from its genesis block on.
///
/// Its databases are in memory; blocks are files in a folder that goes when this does.
pub struct Kernel {
    manager: ChainstateManager,
    told: Arc<Mutex<Told>>,
    _context: Context,
    _folder: TempDir,
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kernel({:?})", self.tip())
    }
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().expect("no test panics inside of a callback")
}

fn hash(bytes: [u8; 32]) -> BlockHash {
    BlockHash::from_byte_array(bytes)
}

fn height(entry: &BlockTreeEntry) -> u32 {
    u32::try_from(entry.height()).expect("heights are not negative")
}

impl Kernel {
    /// A chain with the genesis block.
    ///
    /// # Errors
    /// If the library cannot begin, for want of a folder for example.
    pub fn new() -> Result<Self, KernelError> {
        SILENCE.call_once(bitcoinkernel::disable_logging);
        let failed = |error: std::io::Error| KernelError::Internal(error.to_string());
        let folder = tempfile::tempdir().map_err(failed)?;
        let told = Arc::new(Mutex::new(Told::default()));
        let context = context(&told)?;
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let blocks = path(&folder.path().join("blocks"));
        let manager = ChainstateManager::builder(&context, &path(folder.path()), &blocks)?
            .block_tree_db_in_memory(true)
            .chainstate_db_in_memory(true)
            .worker_threads(0)
            .build()?;
        // Makes the genesis block the tip.
        manager.import_blocks()?;
        *lock(&told) = Told::default();
        Ok(Self {
            manager,
            told,
            _context: context,
            _folder: folder,
        })
    }

    /// Height and hash of the tip.
    #[must_use]
    pub fn tip(&self) -> (u32, BlockHash) {
        let chain = self.manager.active_chain();
        let tip = chain.tip();
        (height(&tip), hash(tip.block_hash().to_bytes()))
    }

    /// Hands over a block.
    pub fn process(&self, block: &[u8]) -> Verdict {
        let Ok(block) = Block::new(block) else {
            return Verdict::NoBlock;
        };
        lock(&self.told).checked.clear();
        let processed = self.manager.process_block(&block);
        let told = lock(&self.told);
        let refused = told.checked.iter().find(|(_, _, valid)| !valid);
        match (processed, refused) {
            (_, Some((_, why, _))) => Verdict::Refused(*why),
            (ProcessBlockResult::NewBlock, None) => Verdict::Fine,
            (ProcessBlockResult::Duplicate, None) => Verdict::Known,
            (ProcessBlockResult::Rejected, None) => Verdict::Refused(BlockValidationResult::Unset),
        }
    }

    /// What happened to the chain since the last call.
    pub fn take_events(&self) -> Vec<Event> {
        let events = std::mem::take(&mut lock(&self.told).events);
        events.into_iter().map(|(event, _)| event).collect()
    }

    /// Tells followers what happened to the chain since the last call; returns it too.
    pub fn lead(&self, followers: &mut [&mut dyn Follower]) -> Vec<Event> {
        let events = std::mem::take(&mut lock(&self.told).events);
        for (event, block) in &events {
            for follower in &mut *followers {
                match event {
                    Event::Connected(height, _) => follower.connect(*height, block),
                    Event::Disconnected(height, _) => follower.disconnect(*height),
                }
            }
        }
        events.into_iter().map(|(event, _)| event).collect()
    }

    /// Bytes of the block at a height of the chain.
    ///
    /// # Errors
    /// If there is none.
    pub fn block(&self, height: u32) -> Result<Vec<u8>, KernelError> {
        let block = self.manager.read_block_data(&self.entry(height)?)?;
        block.consensus_encode()
    }

    /// What the block at a height spent: for each transaction but the coinbase, for each input.
    ///
    /// # Errors
    /// If there is none.
    pub fn spent(&self, height: u32) -> Result<Vec<Vec<Spent>>, KernelError> {
        let spent = self.manager.read_spent_outputs(&self.entry(height)?)?;
        let coins = |of: usize| -> Result<Vec<Spent>, KernelError> {
            let of = spent.transaction_spent_outputs(of)?;
            (0..of.count())
                .map(|coin| Ok(as_spent(&of.coin(coin)?)))
                .collect()
        };
        (0..spent.count()).map(coins).collect()
    }

    fn entry(&self, height: u32) -> Result<BlockTreeEntry<'_>, KernelError> {
        let height = usize::try_from(height).map_err(|_| KernelError::OutOfBounds)?;
        let chain = self.manager.active_chain();
        chain.at_height(height).ok_or(KernelError::OutOfBounds)
    }
}

fn as_spent(coin: &impl CoinExt) -> Spent {
    let output = coin.output();
    Spent {
        sats: u64::try_from(output.value()).expect("a spent output was checked"),
        script: ScriptBuf::from_bytes(output.script_pubkey().to_bytes()),
        height: coin.confirmation_height(),
        coinbase: coin.is_coinbase(),
    }
}

fn context(told: &Arc<Mutex<Told>>) -> Result<Context, KernelError> {
    let note = |event: fn(u32, BlockHash) -> Event| {
        let told = Arc::clone(told);
        move |block: Block, entry: BlockTreeEntry<'_>| {
            let event = event(height(&entry), hash(block.hash().to_bytes()));
            let bytes = block.consensus_encode().unwrap_or_default();
            lock(&told).events.push((event, bytes));
        }
    };
    let checked = Arc::clone(told);
    ContextBuilder::new()
        .chain_type(ChainType::Regtest)
        .with_block_connected_validation(note(Event::Connected))
        .with_block_disconnected_validation(note(Event::Disconnected))
        .with_block_checked_validation(move |block: Block, state: BlockValidationStateRef<'_>| {
            let valid = state.mode() == ValidationMode::Valid;
            let verdict = (hash(block.hash().to_bytes()), state.result(), valid);
            lock(&checked).checked.push(verdict);
        })
        .build()
}

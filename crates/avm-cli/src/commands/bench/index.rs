//! `avm bench index`: what indexing costs, on a chain that is made for it.

mod chain;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use avm_atomicals::Rules;
use avm_atomicals::index::{Index, IndexMachine, Network, Params};
use avm_bitcoin::{Follower, MemorySource, Options};
use avm_core::{Bytes, Claim, Machine, NoOutbox, advance};
use avm_store::{Log, Store};
use serde_json::json;

use super::{CLOCK, cpu_seconds};
use crate::context::Context;
use crate::error::{self, CliError};
use crate::output::{Reply, grouped};
use chain::{CALLS, Chain, TRANSFERS, TXS};

/// Blocks that are measured unless told.
const BLOCKS: u32 = 500;
/// Most blocks that are stored: each takes more than a megabyte of disk.
const STORED_BLOCKS: u32 = 500;
/// Keys of the small state.
const FEW_KEYS: u64 = 20_000;
/// Keys of the large state unless told.
const MANY_KEYS: u64 = 1_000_000;

/// A chain, and the index of it.
struct Indexed {
    chain: Chain,
    machine: IndexMachine,
    claim: Claim,
}

/// What some blocks took.
#[derive(Default)]
struct Took {
    blocks: u32,
    bytes: u64,
    seconds: f64,
    slowest: f64,
    /// Bytes of memory after a tenth of the blocks.
    early_memory: u64,
}

impl Indexed {
    /// A chain whose state has this many keys.
    fn with_keys(keys: u64) -> Result<Self, CliError> {
        let mut params = Params::new(Network::Regtest, &Rules::AVM1);
        params.start = 1;
        let mut machine = Index::default().cached().load(&params);
        let claim = Claim::genesis(machine.state_hash());
        let mut chain = Chain::new();
        let mut indexed = Ok((machine, claim));
        chain.fill(keys, &mut |block| {
            if let Ok((machine, claim)) = &mut indexed
                && let Err(error) = take(machine, claim, block.into())
            {
                indexed = Err(error);
            }
        });
        let (machine, claim) = indexed?;
        Ok(Self {
            chain,
            machine,
            claim,
        })
    }

    /// Indexes further blocks, with a root after each.
    fn run(&mut self, blocks: u32) -> Result<Took, CliError> {
        let mut took = Took::default();
        for at in 0..blocks {
            if at == blocks / 10 {
                took.early_memory = memory_bytes();
            }
            let block: Bytes = self.chain.ordinary().into();
            took.bytes += block.len() as u64;
            let from = cpu_seconds();
            take(&mut self.machine, &mut self.claim, block)?;
            let seconds = cpu_seconds() - from;
            took.blocks += 1;
            took.seconds += seconds;
            took.slowest = took.slowest.max(seconds);
        }
        Ok(took)
    }
}

/// Takes one block: everything from its bytes to the root after it.
fn take(machine: &mut IndexMachine, claim: &mut Claim, block: Bytes) -> Result<(), CliError> {
    let height = machine.height();
    let inbox = OneMore(claim.inputs, block);
    let ran = advance(machine, *claim, &inbox, &mut NoOutbox, u64::MAX);
    *claim = ran.map_err(|e| error::bug(e.to_string()))?.0;
    if machine.height() == height {
        return Err(error::bug(String::from("a block of the bench was refused")));
    }
    Ok(())
}

/// An inbox that has one input.
struct OneMore(u64, Bytes);

impl avm_core::Inbox for OneMore {
    fn get(&self, index: u64) -> Result<Option<Bytes>, avm_core::HostError> {
        Ok((index == self.0).then(|| Arc::clone(&self.1)))
    }
}

/// What following a chain into a store took, and taking its last block back.
struct Stored {
    blocks: u32,
    /// CPU time of appending, indexing and keeping the states.
    seconds: f64,
    /// Elapsed time of taking a block back: log, checkpoints, and the state before it opened.
    undo_seconds: f64,
    /// Bytes of the files afterwards.
    log_bytes: u64,
    state_bytes: u64,
}

/// Follows a chain into a store in the directory for temporary files.
fn stored(blocks: u32) -> Result<Stored, CliError> {
    let dir = std::env::temp_dir().join(format!("avm-bench-index-{}", std::process::id()));
    let found = stored_in(&dir, blocks);
    // What is left there hurts nobody but the disk.
    let _ = std::fs::remove_dir_all(&dir);
    found
}

fn stored_in(dir: &Path, blocks: u32) -> Result<Stored, CliError> {
    fn bug<T, E: std::fmt::Display>(done: Result<T, E>) -> Result<T, CliError> {
        done.map_err(|e| error::bug(e.to_string()))
    }
    let params = Params::new(Network::Regtest, &Rules::AVM1);
    let vm = Arc::new(Index::default().cached());
    bug(std::fs::create_dir_all(dir))?;
    let store = bug(Store::create(dir, vm.clone(), &params.to_bytes()))?;
    let store = Arc::new(store);
    let (mut chain, mut source) = (Chain::new(), MemorySource::new(params.start));
    let mut pushed = Ok(());
    chain.fill(FEW_KEYS, &mut |block| {
        if let (Ok(()), Err(error)) = (&pushed, source.push(block.into())) {
            pushed = Err(error);
        }
    });
    bug(pushed)?;
    let options = Options {
        start: params.start,
        ..Options::default()
    };
    let mut follower = bug(Follower::open(&store, vm.clone(), options))?;
    while !bug(follower.round(&mut source))?.done {}
    let mut seconds = 0.0;
    for at in 0..blocks {
        bug(source.push(chain.ordinary().into()))?;
        // A few at a time, as they are held in memory.
        if at % 50 == 49 || at + 1 == blocks {
            let from = cpu_seconds();
            while !bug(follower.round(&mut source))?.done {}
            seconds += cpu_seconds() - from;
        }
    }
    drop(follower);
    #[expect(clippy::disallowed_methods)] // it is what is measured
    let from = Instant::now();
    let inputs = store.head().len;
    let claim = bug(store.truncate(inputs - 1))?;
    let claim = claim.ok_or_else(|| error::bug(String::from("no checkpoint before the last")))?;
    let machine = bug(vm.open(claim.state, store.clone()))?;
    let undo_seconds = from.elapsed().as_secs_f64();
    if claim.inputs != inputs - 1 || machine.height() != Some(params.start + inputs as u32 - 2) {
        return Err(error::bug(String::from("another block was taken back")));
    }
    let size = |path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    Ok(Stored {
        blocks,
        seconds,
        undo_seconds,
        log_bytes: size(Store::log_path(dir)),
        state_bytes: size(Store::state_path(dir)),
    })
}

/// `avm bench index`.
///
/// # Errors
/// If a block is not taken, which is a bug.
pub fn bench(ctx: &Context, blocks: Option<u32>, keys: Option<u64>) -> Result<Reply, CliError> {
    let blocks = blocks.unwrap_or(BLOCKS);
    let mut results = Vec::new();
    if !ctx.global.json {
        ctx.write(&format!(
            "{:<12} {:>7} {:>9} {:>9} {:>10} {:>10} {:>14}\n",
            "keys", "blocks", "MB/block", "ms/block", "slowest", "blocks/s", "memory MB"
        ))?;
    }
    for keys in [FEW_KEYS, keys.unwrap_or(MANY_KEYS)] {
        let mut indexed = Indexed::with_keys(keys)?;
        let took = indexed.run(blocks)?;
        let (per_block, memory) = (took.seconds / f64::from(took.blocks), memory_bytes());
        if !ctx.global.json {
            ctx.write(&format!(
                "{:<12} {:>7} {:>9.2} {:>9.2} {:>10.2} {:>10.0} {:>6.0} {:>7.0}\n",
                grouped(&keys.to_string()),
                took.blocks,
                took.bytes as f64 / f64::from(took.blocks) / 1e6,
                per_block * 1e3,
                took.slowest * 1e3,
                1.0 / per_block,
                took.early_memory as f64 / 1e6,
                memory as f64 / 1e6,
            ))?;
            ctx.flush()?;
        }
        results.push(json!({
            "keys": keys, "blocks": took.blocks, "bytes": took.bytes,
            "seconds_per_block": per_block, "slowest_seconds": took.slowest,
            "memory_bytes": { "after_a_tenth": took.early_memory, "at_the_end": memory },
        }));
    }
    let stored = stored(blocks.min(STORED_BLOCKS))?;
    let per_block = stored.seconds / f64::from(stored.blocks);
    if !ctx.global.json {
        ctx.write(&format!(
            "stored       {:>7} {:>9} {:>9.2} {:>10} {:>10.0}   log {:.0} MB, states {:.0} MB, a block taken back in {:.1} ms\n",
            stored.blocks,
            "",
            per_block * 1e3,
            "",
            1.0 / per_block,
            stored.log_bytes as f64 / 1e6,
            stored.state_bytes as f64 / 1e6,
            stored.undo_seconds * 1e3,
        ))?;
    }
    Ok(Reply::new(
        "",
        json!({
            "stored": {
                "blocks": stored.blocks, "seconds_per_block": per_block,
                "log_bytes": stored.log_bytes, "state_bytes": stored.state_bytes,
                "undo_seconds": stored.undo_seconds,
            },
            "clock": CLOCK, "transactions": TXS, "calls": CALLS, "transfers": TRANSFERS,
            "states": results,
        }),
    ))
}

/// Memory of the process, in bytes; 0 where the system does not say.
pub(super) fn memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok());
    pages.unwrap_or(0u64) * 4096
}

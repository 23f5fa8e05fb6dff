//! Following a source into a store: append, run, checkpoint, and take back.
//!
//! One input of the log is one block, and input 0 is the block at height [`Options::start`]. A
//! [`Follower`] works in rounds ([`Follower::round`]):
//!
//! 1. *Take back.* The newest blocks of the log are compared with the source. Those it no longer
//!    has are truncated, and the machine is opened at the block before them.
//! 2. *Append.* The next blocks, at most a batch of them, are made durable in the log.
//! 3. *Run.* The machine takes them one at a time. The claim at the end of each is recorded in the
//!    log, as the root that a replay is compared with.
//! 4. *Checkpoint.* States, outputs and claims are kept together, at the end of every block that a
//!    reorg may still take back, and at the end of a batch below them.
//!
//! The log comes first, so whatever happens in between, a follower that is opened again finds
//! every block once, and runs those that have no checkpoint. A root may be recorded twice then,
//! never a block.
//!
//! A source that is behind without contradicting the log is waited for: it is still loading, or is
//! in the middle of a reorg itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use avm_core::{Claim, Inbox, Vm};
use avm_store::{Checkpoints, Log, Store};

use crate::source::{BlockFault, hex};
use crate::{BlockHash, RawBlock, Source, SourceError, Tip, block};

mod error;
mod run;

pub use error::FollowError;
pub use run::Reopen;

use run::Runner;

/// How often a round starts over because the source's chain changed under it.
const TRIES: usize = 3;

/// A log and its checkpoints; [`Log::truncate`] takes back both.
pub trait Backing: Log + Checkpoints {}

impl<S: Log + Checkpoints + ?Sized> Backing for S {}

/// How to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Height of input 0 of the log.
    pub start: u32,
    /// Height of the last block to take, if there is one.
    pub stop_at: Option<u32>,
    /// Most blocks a reorg may take back.
    pub kept_depth: u32,
    /// Most blocks appended, or run, in a round.
    pub batch_blocks: u32,
    /// A round appends no more once it has appended so many bytes. They are in memory until they
    /// are written.
    pub batch_bytes: u64,
    /// A round goes to its checkpoint once it has run for so long.
    pub batch_time: Duration,
    /// The machine is opened anew from its nodes after so many blocks, which bounds its memory.
    pub reopen_blocks: u64,
    /// The same after so many bytes of new nodes, for blocks that write much.
    pub reopen_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            start: 0,
            stop_at: None,
            kept_depth: 100,
            batch_blocks: 500,
            batch_bytes: 64 << 20,
            batch_time: Duration::from_secs(1),
            reopen_blocks: 1000,
            reopen_bytes: 512 << 20,
        }
    }
}

/// What a round did, and where it got to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Height of the last block in the log, if there is one.
    pub height: Option<u32>,
    /// Height of the source's best block.
    pub tip: u32,
    /// Blocks taken back, by this round and by those before it that failed afterwards.
    pub taken_back: u32,
    /// Blocks appended.
    pub blocks: u32,
    /// Their bytes.
    pub bytes: u64,
    /// Blocks run. They may lag behind those appended; the next round goes on.
    pub run: u32,
    /// The claim at the end of the last block run.
    pub claim: Claim,
    /// Nothing is left to do until the source has another block.
    pub done: bool,
}

/// Brings the chain of a source into a store, and a machine along with it.
pub struct Follower {
    store: Arc<dyn Backing>,
    options: Options,
    runner: Runner,
    /// Names of the newest blocks by height; what is missing is read from the log.
    names: BTreeMap<u32, BlockHash>,
    /// Blocks taken back that no round has told of: it failed afterwards.
    taken_back: u32,
}

/// What was found and appended.
struct Synced {
    tip: Tip,
    /// Height to go to.
    target: u32,
    blocks: u32,
    bytes: u64,
}

/// How the log relates to the source's chain.
enum Relation {
    /// The log follows it, or is ahead of it on it.
    Same,
    /// Only so many blocks of the log are on it.
    Fork(u64),
    /// It changed while it was looked at.
    Changed,
}

impl Follower {
    /// Goes on where `store` is: from its latest checkpoint, which the first rounds bring up to
    /// the end of the log.
    ///
    /// # Errors
    /// If the store cannot be read or its program is not one of `vm`.
    pub fn open(
        store: &Arc<Store>,
        vm: Arc<dyn Vm>,
        options: Options,
    ) -> Result<Self, FollowError> {
        let image = store.log().header().image.clone();
        Self::on(store.clone(), vm, &image, options)
    }

    /// [`Follower::open`] on any log with checkpoints, for the program `image`.
    ///
    /// # Errors
    /// As [`Follower::open`].
    pub fn on(
        store: Arc<dyn Backing>,
        vm: Arc<dyn Vm>,
        image: &[u8],
        options: Options,
    ) -> Result<Self, FollowError> {
        let runner = Runner::new(store.clone(), vm, image)?;
        Ok(Self {
            store,
            options,
            runner,
            names: BTreeMap::new(),
            taken_back: 0,
        })
    }

    /// Has `reopen` called every [`Options::reopen_blocks`] blocks, in place of [`Vm::open`].
    pub fn reopen_with(&mut self, reopen: Reopen) {
        self.runner.reopen = Some(reopen);
    }

    /// The claim at the end of the last block run.
    #[must_use]
    pub const fn claim(&self) -> Claim {
        self.runner.claim
    }

    /// Height of the last block in the log, if there is one.
    #[must_use]
    pub fn height(&self) -> Option<u32> {
        let len = u32::try_from(self.store.head().len).unwrap_or(u32::MAX);
        let last = len.checked_sub(1)?;
        Some(self.options.start.saturating_add(last))
    }

    /// One round. After an error the next round goes on from the latest checkpoint; whether it
    /// will fare better depends on the error.
    ///
    /// # Errors
    /// If the source gave no answer, its chain cannot be followed, or store or machine failed.
    pub fn round(&mut self, source: &mut dyn Source) -> Result<Progress, FollowError> {
        let done = self.try_round(source);
        if done.is_err() {
            self.names.clear();
        }
        done
    }

    /// Runs what the log already has, at most a batch, without asking a source; how many blocks.
    ///
    /// # Errors
    /// If store or machine failed.
    pub fn catch_up(&mut self) -> Result<u32, FollowError> {
        let len = self.store.head().len;
        let kept = u64::from(self.options.kept_depth);
        self.runner.run(&self.options, len.saturating_sub(kept))
    }

    fn try_round(&mut self, source: &mut dyn Source) -> Result<Progress, FollowError> {
        // What an interrupted round left in the open batch of the log is sound: blocks that follow
        // each other, and roots.
        self.store.commit()?;
        self.runner.ready()?;
        let mut tries = 1..=TRIES;
        let Synced {
            tip,
            target,
            blocks,
            bytes,
        } = loop {
            let last_try = tries.next() == Some(TRIES);
            match self.synchronise(source) {
                Ok(Some(done)) => break done,
                Ok(None) if last_try => return Err(FollowError::Unsteady { tries: TRIES }),
                Err(error) if last_try || !is_missing(&error) => return Err(error),
                Ok(None) | Err(_) => {}
            }
        };
        // A block that a reorg may take back gets a checkpoint of its own; those far below the tip
        // share one.
        let start = self.options.start.saturating_add(self.options.kept_depth);
        let keep_from = u64::from(tip.height.saturating_sub(start));
        let run = self.runner.run(&self.options, keep_from)?;
        let height = self.height();
        let up_to_date = target < self.options.start || height.is_some_and(|at| at >= target);
        Ok(Progress {
            height,
            tip: tip.height,
            taken_back: std::mem::take(&mut self.taken_back),
            blocks,
            bytes,
            run,
            claim: self.claim(),
            done: up_to_date && self.claim().inputs == self.store.head().len,
        })
    }

    /// Takes back and appends; `None` if the source's chain changed meanwhile.
    fn synchronise(&mut self, source: &mut dyn Source) -> Result<Option<Synced>, FollowError> {
        let tip = source.tip()?;
        let target = tip.height.min(self.options.stop_at.unwrap_or(u32::MAX));
        match self.relation(source, tip)? {
            Relation::Same => {}
            Relation::Fork(inputs) => {
                let blocks = (self.store.head().len - inputs) as u32;
                self.take_back(inputs)?;
                self.taken_back = self.taken_back.saturating_add(blocks);
            }
            Relation::Changed => return Ok(None),
        }
        // First the blocks there are: a log far ahead of its checkpoints need not grow.
        let appended = match self.claim().inputs < self.store.head().len {
            true => Some((0, 0)),
            false => self.append(source, target)?,
        };
        Ok(appended.map(|(blocks, bytes)| Synced {
            tip,
            target,
            blocks,
            bytes,
        }))
    }

    /// Looks for the newest block that the log and the source have in common.
    fn relation(&mut self, source: &mut dyn Source, tip: Tip) -> Result<Relation, FollowError> {
        let start = self.options.start;
        let Some(height) = self.height().filter(|_| tip.height >= start) else {
            return Ok(Relation::Same);
        };
        let mut at = height.min(tip.height);
        let first = at;
        loop {
            let theirs = match at == tip.height {
                true => Some(tip.hash),
                false => source.hash_at(at)?,
            };
            let Some(theirs) = theirs else {
                return Ok(Relation::Changed);
            };
            let ours = self.name(at)?;
            if ours == theirs {
                break;
            }
            let other = at == start;
            if other || height - at >= self.options.kept_depth {
                let (ours, theirs) = (hex(&ours), hex(&theirs));
                return Err(match other {
                    true => FollowError::OtherChain { at, ours, theirs },
                    false => FollowError::TooDeep {
                        at,
                        ours,
                        theirs,
                        blocks: height - at + 1,
                        kept: self.options.kept_depth,
                    },
                });
            }
            at -= 1;
        }
        Ok(match at == first {
            true => Relation::Same,
            false => Relation::Fork(u64::from(at - start) + 1),
        })
    }

    fn take_back(&mut self, inputs: u64) -> Result<(), FollowError> {
        self.runner.close();
        self.names.clear();
        self.store.truncate(inputs)?;
        self.runner.resume()
    }

    /// Appends at most a batch of the blocks up to height `target`; how many, and their bytes.
    /// `None` if the first of them does not fit any more.
    fn append(
        &mut self,
        source: &mut dyn Source,
        target: u32,
    ) -> Result<Option<(u32, u64)>, FollowError> {
        let height = self.height();
        let mut next = height.map_or(self.options.start, |at| at + 1);
        let mut last = height.map(|at| self.name(at)).transpose()?;
        let (mut blocks, mut bytes) = (0, 0);
        while next <= target
            && blocks < self.options.batch_blocks.max(1)
            && (bytes < self.options.batch_bytes || blocks == 0)
        {
            let (name, block) = match fetch(source, next) {
                Ok(Some(found)) => found,
                Ok(None) if blocks == 0 => return Ok(None),
                Err(error) if blocks == 0 => return Err(error.into()),
                // What came before is sound. If it lasts, the next round meets it again.
                Ok(None) | Err(_) => break,
            };
            if last.is_some_and(|last| block::parent(&block) != last) {
                if blocks == 0 {
                    return Ok(None);
                }
                break;
            }
            self.store.append(&block)?;
            self.names.insert(next, name);
            (last, blocks, bytes) = (Some(name), blocks + 1, bytes + block.len() as u64);
            next += 1;
        }
        self.store.commit()?;
        let kept = self.options.kept_depth as usize + 1;
        while self.names.len() > kept {
            self.names.pop_first();
        }
        Ok(Some((blocks, bytes)))
    }

    /// Name of the block at a height of the log.
    fn name(&self, height: u32) -> Result<BlockHash, FollowError> {
        if let Some(name) = self.names.get(&height) {
            return Ok(*name);
        }
        let index = u64::from(height - self.options.start);
        let input = Inbox::get(&*self.store, index)?;
        let len = input.as_ref().map_or(0, |input| input.len());
        match input {
            Some(input) if len >= block::HEADER_BYTES => Ok(block::name(&input)),
            _ => Err(FollowError::NotABlock { index, len }),
        }
    }
}

fn fetch(
    source: &mut dyn Source,
    height: u32,
) -> Result<Option<(BlockHash, RawBlock)>, SourceError> {
    let Some(name) = source.hash_at(height)? else {
        return Ok(None);
    };
    let block = source.block(name)?;
    // Sources check more than that; this one is what the log's order rests on.
    if block.len() < block::HEADER_BYTES || block::name(&block) != name {
        let found = BlockFault::of(&block);
        return Err(SourceError::WrongBlock { asked: name, found });
    }
    Ok(Some((name, block)))
}

fn is_missing(error: &FollowError) -> bool {
    matches!(error, FollowError::Source(SourceError::Missing { .. }))
}

//! The same faces without a disk: for tests, simulations and short runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use avm_core::{
    Bytes, Channel, Claim, Hash, HostError, Inbox, MemoryNodes, Nodes, Outbox, Output, Sink,
};

use crate::format::{MAX_INPUT_BYTES, limit};
use crate::outputs::{OutputRow, Outputs};
use crate::{Batch, Checkpoints, Log, LogHead, StoreError};

/// What errors call a store without a file.
fn memory() -> PathBuf {
    PathBuf::from("(memory)")
}

/// A log in memory. "Durable" is until it is dropped.
#[derive(Debug, Default)]
pub struct MemoryLog(Mutex<Inputs>);

/// Inputs, each with the inbox hash after it.
#[derive(Debug, Default)]
struct Inputs {
    all: Vec<(Bytes, Hash)>,
    /// How many are committed.
    committed: usize,
}

impl Inputs {
    fn inbox_at(&self, inputs: u64, len: usize) -> Result<Hash, StoreError> {
        let index = usize::try_from(inputs).unwrap_or(usize::MAX);
        if index > len {
            return Err(StoreError::PastEnd {
                path: memory(),
                inputs,
                len: len as u64,
            });
        }
        Ok(index
            .checked_sub(1)
            .map_or(Hash::ZERO, |last| self.all[last].1))
    }

    fn head(&self, len: usize) -> LogHead {
        LogHead {
            len: len as u64,
            inbox: len
                .checked_sub(1)
                .map_or(Hash::ZERO, |last| self.all[last].1),
        }
    }
}

impl MemoryLog {
    fn inputs(&self) -> MutexGuard<'_, Inputs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox for MemoryLog {
    fn get(&self, index: u64) -> Result<Option<Bytes>, HostError> {
        let inputs = self.inputs();
        let committed = &inputs.all[..inputs.committed];
        let index = usize::try_from(index).ok();
        Ok(index
            .and_then(|index| committed.get(index))
            .map(|(bytes, _)| bytes.clone()))
    }
}

impl Log for MemoryLog {
    fn head(&self) -> LogHead {
        let inputs = self.inputs();
        inputs.head(inputs.committed)
    }

    fn inbox_at(&self, inputs: u64) -> Result<Hash, StoreError> {
        let held = self.inputs();
        held.inbox_at(inputs, held.committed)
    }

    fn append(&self, input: &[u8]) -> Result<u64, StoreError> {
        limit(Path::new("(memory)"), "input", input.len(), MAX_INPUT_BYTES)?;
        let mut inputs = self.inputs();
        let head = inputs.head(inputs.all.len()).with(input);
        inputs.all.push((input.into(), head.inbox));
        Ok(head.len - 1)
    }

    fn record(&self, claim: &Claim) -> Result<(), StoreError> {
        let inputs = self.inputs();
        let expected = inputs.inbox_at(claim.inputs, inputs.all.len())?;
        if claim.inbox != expected {
            return Err(StoreError::ClaimMismatch {
                path: memory(),
                what: "inbox",
                count: claim.inputs,
                found: claim.inbox,
                expected,
            });
        }
        Ok(())
    }

    fn commit(&self) -> Result<LogHead, StoreError> {
        let mut inputs = self.inputs();
        inputs.committed = inputs.all.len();
        Ok(inputs.head(inputs.committed))
    }

    fn truncate(&self, inputs: u64) -> Result<LogHead, StoreError> {
        let mut held = self.inputs();
        held.inbox_at(inputs, held.all.len())?;
        held.all.truncate(inputs as usize);
        held.committed = held.all.len();
        Ok(held.head(held.committed))
    }
}

/// Checkpoints, nodes and outputs in memory.
#[derive(Debug, Default)]
pub struct MemoryCheckpoints {
    kept: Mutex<Kept>,
    /// Held by the open batch.
    batch: Mutex<()>,
}

/// Everything that is kept.
#[derive(Debug, Default)]
struct Kept {
    nodes: MemoryNodes,
    /// By number of steps.
    claims: BTreeMap<u64, Claim>,
    outputs: Vec<OutputRow>,
}

impl MemoryCheckpoints {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_batch(&self) -> Result<MutexGuard<'_, ()>, StoreError> {
        match self.batch.try_lock() {
            Ok(guard) => Ok(guard),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(StoreError::BatchOpen { path: memory() }),
        }
    }
}

impl Nodes for MemoryCheckpoints {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        self.kept().nodes.get(hash)
    }
}

impl Checkpoints for MemoryCheckpoints {
    fn at_step(&self, steps: u64) -> Result<Option<Claim>, StoreError> {
        Ok(self
            .kept()
            .claims
            .range(..=steps)
            .next_back()
            .map(|(_, claim)| *claim))
    }

    fn at_input(&self, inputs: u64) -> Result<Option<Claim>, StoreError> {
        let kept = self.kept();
        let mut latest_first = kept.claims.values().rev();
        Ok(latest_first.find(|claim| claim.inputs <= inputs).copied())
    }

    fn output(&self, index: u64) -> Result<Option<(Channel, Hash)>, StoreError> {
        let index = usize::try_from(index).ok();
        let kept = self.kept();
        Ok(index
            .and_then(|index| kept.outputs.get(index))
            .map(|row| (row.channel, row.hash)))
    }

    fn begin(&self) -> Result<Box<dyn Batch + '_>, StoreError> {
        let open = self.take_batch()?;
        let kept = self.kept();
        let outbox = kept.outputs.last().map_or(Hash::ZERO, |row| row.outbox);
        Ok(Box::new(MemoryBatch {
            outputs: Outputs::after(kept.outputs.len() as u64, outbox),
            store: self,
            _open: open,
            nodes: MemoryNodes::default(),
            claims: Vec::new(),
        }))
    }

    fn remove_after(&self, inputs: u64) -> Result<u64, StoreError> {
        let _open = self.take_batch()?;
        let mut kept = self.kept();
        let before = kept.claims.len();
        kept.claims.retain(|_, claim| claim.inputs <= inputs);
        let outputs = kept
            .claims
            .values()
            .next_back()
            .map_or(0, |claim| claim.outputs);
        kept.outputs.truncate(outputs as usize);
        Ok((before - kept.claims.len()) as u64)
    }
}

struct MemoryBatch<'a> {
    store: &'a MemoryCheckpoints,
    _open: MutexGuard<'a, ()>,
    nodes: MemoryNodes,
    outputs: Outputs,
    claims: Vec<Claim>,
}

impl Sink for MemoryBatch<'_> {
    fn has(&self, hash: Hash) -> Result<bool, HostError> {
        Ok(self.nodes.has(hash)? || self.store.kept().nodes.has(hash)?)
    }

    fn put(&mut self, hash: Hash, node: &[u8]) -> Result<(), HostError> {
        self.nodes.put(hash, node)
    }
}

impl Outbox for MemoryBatch<'_> {
    fn push(&mut self, index: u64, output: Output<'_>) -> Result<(), HostError> {
        self.outputs.check_next(&memory(), index)?;
        output.content.save(self)?;
        self.outputs.push(&output);
        Ok(())
    }
}

impl Batch for MemoryBatch<'_> {
    fn put_claim(&mut self, claim: &Claim) -> Result<(), StoreError> {
        self.outputs.claim(&memory(), claim)?;
        self.claims.push(*claim);
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let Self {
            store,
            nodes,
            outputs,
            claims,
            _open,
        } = *self;
        let mut kept = store.kept();
        for (hash, node) in nodes.iter() {
            // A sink in memory takes everything.
            let _ = kept.nodes.put(hash, node);
        }
        kept.outputs.extend(outputs.claimed());
        kept.claims
            .extend(claims.into_iter().map(|claim| (claim.steps, claim)));
        Ok(())
    }
}

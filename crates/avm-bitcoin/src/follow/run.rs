//! Running the machine over the log, block by block.

use std::sync::Arc;
use std::time::Instant;

use avm_core::{Bytes, Claim, Hash, HostError, Inbox, Machine, Nodes, Sink, Stop, Vm, advance};

use super::{Backing, FollowError, Options};

/// Opens a state anew, to bound what a machine holds in memory: the machine as it is, the name of
/// its state, and where its nodes are.
pub type Reopen = Box<
    dyn FnMut(Box<dyn Machine>, Hash, Arc<dyn Nodes>) -> Result<Box<dyn Machine>, HostError> + Send,
>;

/// A machine and how far it is.
pub(super) struct Runner {
    store: Arc<dyn Backing>,
    vm: Arc<dyn Vm>,
    image: Vec<u8>,
    /// `None` after an error, until the latest checkpoint is opened.
    machine: Option<Box<dyn Machine>>,
    pub claim: Claim,
    /// Inputs taken when the machine was opened.
    opened_at: u64,
    /// Bytes of nodes it has put since then; it may hold on to them.
    put_bytes: u64,
    pub reopen: Option<Reopen>,
}

impl Runner {
    pub fn new(
        store: Arc<dyn Backing>,
        vm: Arc<dyn Vm>,
        image: &[u8],
    ) -> Result<Self, FollowError> {
        let mut runner = Self {
            store,
            vm,
            image: image.to_vec(),
            machine: None,
            claim: Claim::genesis(Hash::ZERO),
            opened_at: 0,
            put_bytes: 0,
            reopen: None,
        };
        runner.resume()?;
        Ok(runner)
    }

    /// Drops the machine.
    pub fn close(&mut self) {
        self.machine = None;
    }

    /// Opens the latest checkpoint, or the program if there is none.
    pub fn resume(&mut self) -> Result<(), FollowError> {
        self.close();
        let latest = self.store.at_input(self.store.head().len)?;
        let machine = match latest {
            Some(claim) => {
                self.claim = claim;
                self.vm.open(claim.state, self.store.clone())?
            }
            None => {
                let mut machine = self.vm.genesis(&self.image)?;
                self.claim = Claim::genesis(machine.state_hash());
                machine
            }
        };
        self.opened_at = self.claim.inputs;
        self.put_bytes = 0;
        self.machine = Some(machine);
        Ok(())
    }

    /// Makes sure there is a machine, at the claim.
    pub fn ready(&mut self) -> Result<(), FollowError> {
        match self.machine {
            Some(_) => Ok(()),
            None => self.resume(),
        }
    }

    /// Runs the blocks that the log has beyond the claim, at most a batch, and keeps the result;
    /// how many. From input `keep_from` on each gets a checkpoint, so that it can be taken back at
    /// once; before it only the last of a batch does.
    pub fn run(&mut self, options: &Options, keep_from: u64) -> Result<u32, FollowError> {
        self.ready()?;
        if self.claim.inputs >= self.store.head().len {
            return Ok(0);
        }
        // Put back when all went well: an error poisons it.
        let Some(mut machine) = self.machine.take() else {
            return Ok(0);
        };
        let ran = run_batch(&*self.store, &mut *machine, self.claim, options, keep_from)?;
        let blocks = (ran.claim.inputs - self.claim.inputs) as u32;
        self.claim = ran.claim;
        self.put_bytes += ran.put_bytes;
        if ran.claim.inputs - self.opened_at >= options.reopen_blocks.max(1)
            || self.put_bytes >= options.reopen_bytes
        {
            let nodes: Arc<dyn Nodes> = self.store.clone();
            machine = match &mut self.reopen {
                Some(reopen) => reopen(machine, ran.claim.state, nodes)?,
                None => {
                    drop(machine);
                    self.vm.open(ran.claim.state, nodes)?
                }
            };
            self.opened_at = ran.claim.inputs;
            self.put_bytes = 0;
        }
        self.machine = Some(machine);
        match ran.halted {
            true => Err(FollowError::Halted {
                inputs: ran.claim.inputs,
            }),
            false => Ok(blocks),
        }
    }
}

/// Where a batch got to.
struct Batched {
    claim: Claim,
    halted: bool,
    /// Bytes of nodes that the machine put.
    put_bytes: u64,
}

/// A sink that counts what goes through it.
struct Counted<'a> {
    sink: &'a mut dyn Sink,
    bytes: u64,
}

impl Sink for Counted<'_> {
    fn has(&self, hash: Hash) -> Result<bool, HostError> {
        self.sink.has(hash)
    }

    fn put(&mut self, hash: Hash, node: &[u8]) -> Result<(), HostError> {
        self.bytes += node.len() as u64;
        self.sink.put(hash, node)
    }
}

fn run_batch(
    store: &dyn Backing,
    machine: &mut dyn Machine,
    mut claim: Claim,
    options: &Options,
    keep_from: u64,
) -> Result<Batched, FollowError> {
    #[expect(clippy::disallowed_methods)] // decides when to write, never what
    let started = Instant::now();
    let last = store
        .head()
        .len
        .min(claim.inputs + u64::from(options.batch_blocks.max(1)));
    let (mut halted, mut put_bytes) = (false, 0);
    let mut batch = store.begin()?;
    // A claim may lie inside a block, or before the first: to the end of that first. At the end
    // of a block this does nothing.
    let first = claim.inputs;
    let mut end = first;
    loop {
        let inbox = Front { inbox: store, end };
        let (next, stop) = advance(machine, claim, &inbox, &mut *batch, u64::MAX)?;
        halted = halted || stop == Stop::Halted;
        let is_last =
            halted || end == last || end > first && started.elapsed() >= options.batch_time;
        if next.steps > claim.steps {
            store.record(&next)?;
        }
        if is_last || next.steps > claim.steps && end > keep_from {
            let mut sink = Counted {
                sink: &mut *batch,
                bytes: 0,
            };
            let saved = machine.save(&mut sink)?;
            put_bytes += sink.bytes;
            assert_eq!(saved, next.state, "a state is saved under its name");
            batch.put_claim(&next)?;
        }
        claim = next;
        if is_last {
            break;
        }
        assert_eq!(claim.inputs, end, "a waiting machine took all there was");
        end += 1;
    }
    // The roots first: a checkpoint says that they need not be found again.
    store.commit()?;
    batch.commit()?;
    Ok(Batched {
        claim,
        halted,
        put_bytes,
    })
}

/// The beginning of a log.
struct Front<'a> {
    inbox: &'a dyn Backing,
    end: u64,
}

impl Inbox for Front<'_> {
    fn get(&self, index: u64) -> Result<Option<Bytes>, HostError> {
        if index >= self.end {
            return Ok(None);
        }
        Inbox::get(self.inbox, index)
    }
}

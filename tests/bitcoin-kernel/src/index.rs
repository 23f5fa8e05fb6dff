//! The index of `avm-atomicals`, led by a chain that takes blocks back.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use avm_atomicals::index::{Index, IndexMachine, Params, Receipt};
use avm_core::{Bytes, Hash, Host, HostError, Machine, MemoryNodes, Nodes, Output, Sink, Stop};

use crate::Follower;

/// How an older state comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Every machine stays in memory, and is taken from there.
    Forks,
    /// Every state is saved, and the older one is opened by its name.
    Roots,
    /// As `Roots`, and the state after each block is opened too: nothing stays in memory.
    Reopened,
}

/// An index that goes where a chain goes.
pub struct IndexFollower {
    vm: Index,
    keep: Keep,
    machine: IndexMachine,
    nodes: Arc<Saved>,
    /// For each block the machine before it, or the name of its state.
    before: Vec<Before>,
    receipts: Vec<Vec<Receipt>>,
}

enum Before {
    Fork(Box<IndexMachine>),
    Root(Hash),
}

/// Nodes that are read while others are written.
#[derive(Default)]
struct Saved(Mutex<MemoryNodes>);

impl Saved {
    fn with<T>(&self, does: impl FnOnce(&mut MemoryNodes) -> T) -> T {
        does(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Nodes for Saved {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        self.with(|nodes| nodes.get(hash))
    }
}

impl Sink for &Saved {
    fn has(&self, hash: Hash) -> Result<bool, HostError> {
        self.with(|nodes| nodes.has(hash))
    }

    fn put(&mut self, hash: Hash, node: &[u8]) -> Result<(), HostError> {
        self.with(|nodes| nodes.put(hash, node))
    }
}

/// One input, and what comes out.
struct OneBlock {
    block: Option<Bytes>,
    receipts: Vec<Receipt>,
}

impl Host for OneBlock {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        Ok(self.block.take())
    }

    fn emit(&mut self, output: Output<'_>) -> Result<(), HostError> {
        let mut nodes = MemoryNodes::default();
        output.content.save(&mut nodes)?;
        self.receipts.push(Receipt::open(output.hash, &nodes)?);
        Ok(())
    }
}

/// Has a machine read one block; returns its receipts, that of the block last.
///
/// # Panics
/// If a part of its state is missing.
pub fn give(machine: &mut IndexMachine, block: &[u8]) -> Vec<Receipt> {
    let mut host = OneBlock {
        block: Some(block.into()),
        receipts: vec![],
    };
    let ran = machine.run(u64::MAX, &mut host).expect("all is there");
    assert_eq!(ran.stop, Stop::NeedsInput);
    host.receipts
}

impl fmt::Debug for IndexFollower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (keep, height) = (self.keep, self.machine.height());
        write!(f, "IndexFollower({keep:?}, {height:?})")
    }
}

impl IndexFollower {
    /// The index before its first block.
    #[must_use]
    pub fn new(vm: Index, params: &Params, keep: Keep) -> Self {
        let follower = Self {
            machine: vm.load(params),
            nodes: Arc::default(),
            before: vec![],
            receipts: vec![],
            vm,
            keep,
        };
        follower.saved()
    }

    /// The index as the last block left it.
    pub fn machine(&mut self) -> &mut IndexMachine {
        &mut self.machine
    }

    /// Name of the state.
    pub fn root(&mut self) -> Hash {
        self.machine.state_hash()
    }

    /// What the blocks of the chain gave, for each block.
    #[must_use]
    pub fn receipts(&self) -> &[Vec<Receipt>] {
        &self.receipts
    }

    fn saved(mut self) -> Self {
        self.save();
        self
    }

    fn save(&mut self) {
        if self.keep == Keep::Forks {
            return;
        }
        let saved = self.machine.save(&mut &*self.nodes);
        let root = saved.expect("memory takes everything");
        assert_eq!(root, self.machine.state_hash());
        if self.keep == Keep::Reopened {
            self.open(root);
        }
    }

    fn open(&mut self, root: Hash) {
        let nodes = Arc::clone(&self.nodes) as Arc<dyn Nodes>;
        self.machine = self.vm.open(root, nodes).expect("it was saved");
    }
}

impl Follower for IndexFollower {
    /// # Panics
    /// If the index refuses the block, or is at another height.
    fn connect(&mut self, height: u32, block: &[u8]) {
        assert_eq!(self.before.len() + 1, height as usize, "another height");
        self.before.push(match self.keep {
            Keep::Forks => Before::Fork(Box::new(self.machine.clone())),
            Keep::Roots | Keep::Reopened => Before::Root(self.machine.state_hash()),
        });
        let receipts = give(&mut self.machine, block);
        let Some(Receipt::Block(receipt)) = receipts.last() else {
            panic!("what the kernel connects, the index takes: {receipts:?}");
        };
        assert_eq!(receipt.height, height);
        assert_eq!(self.machine.height(), Some(height));
        self.receipts.push(receipts);
        self.save();
    }

    /// # Panics
    /// If the index is at another height, or the older state is not there.
    fn disconnect(&mut self, height: u32) {
        assert_eq!(self.machine.height(), Some(height), "another height");
        match self.before.pop().expect("a block was connected") {
            Before::Fork(machine) => self.machine = *machine,
            Before::Root(root) => self.open(root),
        }
        self.receipts.pop();
    }
}

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;

use avm_core::{Bytes, Hash, HostError, Machine, Nodes, Sink};
use spin::Mutex;

/// The nodes of a running machine, without saving them all: a proof takes a few of millions.
///
/// A node is found by saving the machine into a sink that pretends to have everything but the
/// nodes that were asked for. Whoever walks a state asks for parents before children, so saving
/// goes down that way and no other. Nothing is copied; each node costs a walk over those asked for
/// before, so it is for proofs of single steps. For long runs save the state.
pub struct LiveNodes(Mutex<Inner>);

struct Inner {
    machine: Box<dyn Machine>,
    /// Everything that was asked for.
    wanted: BTreeSet<Hash>,
}

impl LiveNodes {
    /// The nodes of the state that `machine` is in.
    #[must_use]
    pub fn new(machine: Box<dyn Machine>) -> Arc<Self> {
        let wanted = BTreeSet::new();
        Arc::new(Self(Mutex::new(Inner { machine, wanted })))
    }

    /// The machine, as it was; `None` while somebody else still reads.
    #[must_use]
    pub fn into_machine(self: Arc<Self>) -> Option<Box<dyn Machine>> {
        Some(Arc::into_inner(self)?.0.into_inner().machine)
    }
}

impl Nodes for LiveNodes {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        let Inner { machine, wanted } = &mut *self.0.lock();
        let added = wanted.insert(hash);
        let mut one = One {
            hash,
            wanted,
            written: BTreeSet::new(),
            found: None,
        };
        machine.save(&mut one)?;
        let found = one.found;
        if found.is_none() && added {
            wanted.remove(&hash);
        }
        found.ok_or(HostError::MissingNode { hash })
    }
}

/// A sink that keeps one node, and lets through what leads to it.
struct One<'a> {
    hash: Hash,
    wanted: &'a BTreeSet<Hash>,
    /// Those of them that this walk is done with, so that a shared one is walked once.
    written: BTreeSet<Hash>,
    found: Option<Bytes>,
}

impl Sink for One<'_> {
    fn has(&self, hash: Hash) -> Result<bool, HostError> {
        Ok(self.found.is_some() || self.written.contains(&hash) || !self.wanted.contains(&hash))
    }

    fn put(&mut self, hash: Hash, node: &[u8]) -> Result<(), HostError> {
        if hash == self.hash {
            self.found = Some(node.into());
        }
        self.written.insert(hash);
        Ok(())
    }
}

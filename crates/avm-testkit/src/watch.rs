//! Stores and sinks that write down what was asked of them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use avm_core::{Bytes, Channel, Hash, HostError, MemoryNodes, Nodes, Outbox, Output, Sink, Vm};

/// Nodes that remember which of them were read.
pub struct RecordingNodes {
    inner: Arc<dyn Nodes>,
    read: Mutex<MemoryNodes>,
}

impl RecordingNodes {
    /// Records what is read from `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn Nodes>) -> Arc<Self> {
        let read = Mutex::default();
        Arc::new(Self { inner, read })
    }

    /// The nodes read so far.
    #[must_use]
    pub fn read(&self) -> MemoryNodes {
        self.read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Nodes for RecordingNodes {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        let node = self.inner.get(hash)?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.put(hash, &node)?;
        Ok(node)
    }
}

/// A sink in memory that checks the names it is given.
pub struct CheckedSink<'a> {
    vm: &'a dyn Vm,
    /// What it has.
    pub nodes: MemoryNodes,
    /// Nodes put, counted with repetitions.
    pub puts: u64,
    /// Nodes that were put although they were here.
    pub repeated: BTreeSet<Hash>,
    /// Nodes under a name that is not [`Vm::hash`] of them.
    pub misnamed: BTreeSet<Hash>,
}

impl<'a> CheckedSink<'a> {
    /// An empty sink for nodes of `vm`.
    #[must_use]
    pub fn new(vm: &'a dyn Vm) -> Self {
        Self::with(vm, MemoryNodes::default())
    }

    /// A sink that starts with `nodes`.
    #[must_use]
    pub fn with(vm: &'a dyn Vm, nodes: MemoryNodes) -> Self {
        Self {
            vm,
            nodes,
            puts: 0,
            repeated: BTreeSet::new(),
            misnamed: BTreeSet::new(),
        }
    }
}

impl Sink for CheckedSink<'_> {
    fn has(&self, hash: Hash) -> Result<bool, HostError> {
        self.nodes.has(hash)
    }

    fn put(&mut self, hash: Hash, node: &[u8]) -> Result<(), HostError> {
        self.puts += 1;
        if self.nodes.has(hash)? {
            self.repeated.insert(hash);
        }
        if self.vm.hash(node) != hash {
            self.misnamed.insert(hash);
        }
        self.nodes.put(hash, node)
    }
}

/// An outbox that keeps names only, as a verifier's does: it reads no content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamesOutbox(pub Vec<(Channel, Hash)>);

impl Outbox for NamesOutbox {
    fn push(&mut self, _index: u64, output: Output<'_>) -> Result<(), HostError> {
        self.0.push((output.channel, output.hash));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Tally;

    #[test]
    fn reads_are_recorded() {
        let mut nodes = MemoryNodes::default();
        let (a, b) = (Hash::keccak(b"a"), Hash::keccak(b"b"));
        nodes.put(a, b"a").unwrap();
        nodes.put(b, b"b").unwrap();
        let recording = RecordingNodes::new(Arc::new(nodes));
        assert!(recording.get(Hash::ZERO).is_err());
        recording.get(b).unwrap();
        recording.get(b).unwrap();
        let read: Vec<Hash> = recording.read().iter().map(|(name, _)| name).collect();
        assert_eq!(read, [b]);
    }

    #[test]
    fn wrong_names_and_repetitions_are_noticed() {
        let mut sink = CheckedSink::new(&Tally);
        let (a, b) = (Hash::keccak(b"a"), Hash::keccak(b"b"));
        sink.put(a, b"a").unwrap();
        assert!(sink.repeated.is_empty() && sink.misnamed.is_empty());
        sink.put(a, b"a").unwrap();
        sink.put(b, b"c").unwrap();
        assert_eq!((sink.puts, sink.nodes.len()), (3, 2));
        assert_eq!(sink.repeated, [a].into());
        assert_eq!(sink.misnamed, [b].into());
    }
}

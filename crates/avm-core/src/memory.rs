use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::{Bytes, Channel, Hash, HostError, Inbox, Nodes, Outbox, Output, Sink};

/// Nodes in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryNodes(BTreeMap<Hash, Bytes>);

impl MemoryNodes {
    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and nodes, by name.
    pub fn iter(&self) -> impl Iterator<Item = (Hash, &Bytes)> {
        self.0.iter().map(|(hash, node)| (*hash, node))
    }

    /// Takes a node out; whether it was there.
    pub fn remove(&mut self, hash: Hash) -> bool {
        self.0.remove(&hash).is_some()
    }
}

impl Nodes for MemoryNodes {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        let node = self.0.get(&hash).cloned();
        node.ok_or(HostError::MissingNode { hash })
    }
}

impl Sink for MemoryNodes {
    fn has(&self, hash: Hash) -> Result<bool, HostError> {
        Ok(self.0.contains_key(&hash))
    }

    fn put(&mut self, hash: Hash, node: &[u8]) -> Result<(), HostError> {
        self.0.insert(hash, node.into());
        Ok(())
    }
}

/// A log in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryInbox(pub Vec<Bytes>);

impl Inbox for MemoryInbox {
    fn get(&self, index: u64) -> Result<Option<Bytes>, HostError> {
        let index = usize::try_from(index).ok();
        Ok(index.and_then(|index| self.0.get(index)).cloned())
    }
}

impl<B: Into<Bytes>> FromIterator<B> for MemoryInbox {
    fn from_iter<I: IntoIterator<Item = B>>(inputs: I) -> Self {
        Self(inputs.into_iter().map(Into::into).collect())
    }
}

/// An outbox that keeps nothing. A claim commits to outputs by name, which takes none of their
/// content.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoOutbox;

impl Outbox for NoOutbox {
    fn push(&mut self, _index: u64, _output: Output<'_>) -> Result<(), HostError> {
        Ok(())
    }
}

/// Outputs in memory, with the nodes behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryOutbox {
    /// Channel and hash of each output, in order.
    pub outputs: Vec<(Channel, Hash)>,
    /// The contents.
    pub nodes: MemoryNodes,
}

impl Outbox for MemoryOutbox {
    fn push(&mut self, _index: u64, output: Output<'_>) -> Result<(), HostError> {
        output.content.save(&mut self.nodes)?;
        self.outputs.push((output.channel, output.hash));
        Ok(())
    }
}

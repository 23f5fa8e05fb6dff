use alloc::sync::Arc;

use crate::{Hash, HostError, Probe};

/// Immutable bytes, cheap to share.
pub type Bytes = Arc<[u8]>;

/// All a machine may ask of the outside while it runs.
pub trait Host {
    /// Takes the next input of the log. `None`: there is none yet, and the machine must leave its
    /// state as it was.
    ///
    /// # Errors
    /// If the log cannot be read.
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError>;

    /// Hands an output over.
    ///
    /// # Errors
    /// If the outbox failed.
    fn emit(&mut self, output: Output<'_>) -> Result<(), HostError>;

    /// Who watches the steps, if anybody; asked once per run.
    fn probe(&mut self) -> Option<&mut dyn Probe> {
        None
    }
}

/// Which of a machine's output streams an output belongs to, as the machine numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel(pub u8);

/// One output: its commitment, and its content for those who want to keep it.
#[derive(Clone, Copy)]
pub struct Output<'a> {
    /// The stream it belongs to.
    pub channel: Channel,
    /// Name of the content's root node; this is what a [`Claim`](crate::Claim) commits to.
    pub hash: Hash,
    /// The nodes behind `hash`.
    pub content: &'a dyn Save,
}

/// Something that can be written as nodes.
pub trait Save {
    /// Puts the nodes into `sink`, children before parents, skipping subtrees it already has.
    ///
    /// # Errors
    /// If the sink failed, or a part that was never read is missing from its store.
    fn save(&self, sink: &mut dyn Sink) -> Result<(), HostError>;
}

/// The ordered log of inputs.
pub trait Inbox {
    /// Input `index`, counted from 0; `None` past the end.
    ///
    /// # Errors
    /// If the log cannot be read.
    fn get(&self, index: u64) -> Result<Option<Bytes>, HostError>;
}

/// Where outputs go.
pub trait Outbox {
    /// Takes output number `index`, counted from 0. Writing its content may read nodes that the
    /// step itself did not.
    ///
    /// # Errors
    /// If it cannot be kept.
    fn push(&mut self, index: u64, output: Output<'_>) -> Result<(), HostError>;
}

/// Content-addressed nodes, read side.
pub trait Nodes: Send + Sync {
    /// The node named `hash`. Whoever implements this has checked that the bytes have that name.
    ///
    /// # Errors
    /// [`HostError::MissingNode`] if it is not here.
    fn get(&self, hash: Hash) -> Result<Bytes, HostError>;
}

/// Content-addressed nodes, write side.
///
/// Writers put children before parents, so a sink that has a node has everything under it. For the
/// same reason a machine never puts bytes that a program chose in full: they could be the node of
/// something that was not written.
pub trait Sink {
    /// Whether the node, and so the whole subtree under it, is already here.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn has(&self, hash: Hash) -> Result<bool, HostError>;

    /// Keeps one node under its name.
    ///
    /// # Errors
    /// If the store cannot be written.
    fn put(&mut self, hash: Hash, node: &[u8]) -> Result<(), HostError>;
}

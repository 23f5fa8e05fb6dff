//! An index whose cache knows every output that it will be asked for.
//!
//! The cache rules outputs out, so it must have every output that is unspent in the state it is used
//! with. It knows which states it covers: those that its machines reached. A state that is opened
//! to go on from, at the start or after a reorg that goes back further, brings its own outputs; that
//! reads all of them once.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use avm_atomicals::index::Index;
use avm_core::{Hash, HostError, ImageError, Machine, Nodes, Vm};

/// Filling a cache that takes this long is worth a note.
const NOTE_AFTER: Duration = Duration::from_secs(1);

/// The rules of an index, with a cache that covers whatever state is opened.
pub(super) struct CompleteIndex {
    index: Index,
    quiet: bool,
}

impl CompleteIndex {
    /// Calls may take so many bytes of memory.
    pub fn new(memory_limit_bytes: usize, quiet: bool) -> Self {
        let mut index = Index::default().cached();
        index.memory_limit_bytes = memory_limit_bytes;
        Self { index, quiet }
    }

    /// Does `work`, and says so if it takes long.
    fn noting<T>(&self, work: impl FnOnce() -> T) -> T {
        if self.quiet {
            return work();
        }
        let (done, wait) = channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                if wait.recv_timeout(NOTE_AFTER) == Err(RecvTimeoutError::Timeout) {
                    eprintln!("reading which outputs carry tokens ...");
                }
            });
            let result = work();
            drop(done);
            result
        })
    }
}

impl Vm for CompleteIndex {
    fn id(&self) -> &'static str {
        self.index.id()
    }

    fn spec(&self) -> &'static str {
        self.index.spec()
    }

    fn hash(&self, node: &[u8]) -> Hash {
        self.index.hash(node)
    }

    fn genesis(&self, image: &[u8]) -> Result<Box<dyn Machine>, ImageError> {
        self.index.genesis(image)
    }

    fn open(&self, state: Hash, nodes: Arc<dyn Nodes>) -> Result<Box<dyn Machine>, HostError> {
        let mut machine = self.index.open(state, nodes)?;
        let is_covered = self.index.cache().is_some_and(|cache| cache.covers(state));
        if !is_covered {
            self.noting(|| machine.warm())?;
        }
        Ok(Box::new(machine))
    }
}

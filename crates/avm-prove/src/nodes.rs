//! The store of a prover, which writes down what is read, and that of a verifier, which has the
//! nodes of a witness and no others.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};

use avm_core::{Bytes, Hash, HostError, Nodes};
use spin::Mutex;

use crate::VerifyError;

/// Nodes of another store, with a note of each that was read.
pub(crate) struct Recording {
    inner: Arc<dyn Nodes>,
    read: Mutex<BTreeMap<Hash, Bytes>>,
}

impl Recording {
    pub(crate) fn new(inner: Arc<dyn Nodes>) -> Arc<Self> {
        let read = Mutex::default();
        Arc::new(Self { inner, read })
    }

    /// The nodes read so far, in the order of their names.
    pub(crate) fn read(&self) -> Vec<Bytes> {
        self.read.lock().values().cloned().collect()
    }
}

impl Nodes for Recording {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        if let Some(node) = self.read.lock().get(&hash) {
            return Ok(node.clone());
        }
        let node = self.inner.get(hash)?;
        self.read.lock().insert(hash, node.clone());
        Ok(node)
    }
}

/// The nodes of a witness.
pub(crate) struct Given {
    /// Names, nodes, and whether each was read; ascending by name.
    nodes: Vec<(Hash, Bytes, AtomicBool)>,
}

impl Given {
    /// Names the nodes, and checks that they are in order and none comes twice.
    pub(crate) fn new(
        nodes: &[Bytes],
        name: impl Fn(&[u8]) -> Hash,
    ) -> Result<Arc<Self>, VerifyError> {
        let mut named: Vec<(Hash, Bytes, AtomicBool)> = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let hash = name(node);
            match named.last() {
                Some((last, ..)) if *last == hash => {
                    return Err(VerifyError::RepeatedNode { index, hash });
                }
                Some((last, ..)) if *last > hash => {
                    let after = *last;
                    return Err(VerifyError::NodeOrder { index, hash, after });
                }
                _ => named.push((hash, node.clone(), AtomicBool::new(false))),
            }
        }
        Ok(Arc::new(Self { nodes: named }))
    }

    /// Checks that every node was read.
    pub(crate) fn all_read(&self) -> Result<(), VerifyError> {
        let unused = |(.., read): &&(Hash, Bytes, AtomicBool)| !read.load(Ordering::Relaxed);
        match self.nodes.iter().find(unused) {
            Some(&(hash, ..)) => Err(VerifyError::UnusedNode { hash }),
            None => Ok(()),
        }
    }
}

impl Nodes for Given {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        let found = self.nodes.binary_search_by_key(&hash, |(name, ..)| *name);
        let index = found.map_err(|_| HostError::MissingNode { hash })?;
        let (_, node, read) = &self.nodes[index];
        read.store(true, Ordering::Relaxed);
        Ok(node.clone())
    }
}

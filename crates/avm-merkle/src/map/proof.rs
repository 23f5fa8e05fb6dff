//! Proofs that a key has a value, or that it is not there: the nodes on its path.

use alloc::vec::Vec;

use avm_core::{Bytes, Hash, HostError};

use super::hash::{self, node_of};
use super::node::{Claim, LeafValue, Node, read_value, write_value};
use super::tree::Child;
use super::{Map, NodeHash};

/// What a key has in the map with some root: the nodes from the root to the only leaf that can
/// have the key, then the node of its value if that is long and the key is there. There are none
/// for the empty map.
///
/// Root and key are not part of the proof: who verifies knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MapProof {
    /// The nodes, from the root down.
    pub nodes: Vec<Bytes>,
}

/// Why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapProofError {
    /// A node of the path is not there.
    #[error("the proof ends after {nodes} nodes, where {want} should follow")]
    Short {
        /// Nodes in the proof.
        nodes: usize,
        /// Name of the node that should follow.
        want: Hash,
    },
    /// There are nodes past the end of the path.
    #[error("the proof has {nodes} nodes, the path has {want}")]
    Long {
        /// Nodes in the proof.
        nodes: usize,
        /// Nodes on the path.
        want: usize,
    },
    /// A node is not the one that the root or the node above names.
    #[error("node {index} of the proof is {got}, not {want}")]
    Name {
        /// Position in the proof.
        index: usize,
        /// Its name.
        got: Hash,
        /// The name it should have.
        want: Hash,
    },
    /// A node has the right name and the wrong form, so the root is of no map.
    #[error("node {index} of the proof, of {len} bytes, is not {want}")]
    Node {
        /// Position in the proof.
        index: usize,
        /// Length found, in bytes.
        len: usize,
        /// What was expected there.
        want: &'static str,
    },
}

impl<H: NodeHash> Map<H> {
    /// The proof of what `key` has in the present map.
    ///
    /// # Errors
    /// If a node on its path cannot be read.
    pub fn prove(&self, key: &[u8]) -> Result<MapProof, HostError> {
        let mut nodes = Vec::new();
        let Some(root) = &self.root else {
            return Ok(MapProof { nodes });
        };
        // A node is written with the names of its children.
        hash::of_link::<H>(root);
        let mut child = root.child()?;
        loop {
            let mut node = Vec::new();
            node_of(child).write(&mut node);
            nodes.push(node.into());
            match child {
                Child::Branch(branch) => child = branch.toward(key).child()?,
                Child::Leaf(leaf) => {
                    if leaf.key.bytes() == key && leaf.long().is_some() {
                        nodes.push(write_value(leaf.value()?).into());
                    }
                    return Ok(MapProof { nodes });
                }
            }
        }
    }
}

impl MapProof {
    /// The value of `key` in the map named `root`, or that it has none.
    ///
    /// # Errors
    /// If the nodes are not exactly those of the path, each of the form its place calls for.
    pub fn verify<H: NodeHash>(
        &self,
        root: Hash,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, MapProofError> {
        let mut path = Path {
            nodes: &self.nodes,
            index: 0,
        };
        if root == Hash::ZERO {
            return path.end(None);
        }
        let (mut hash, mut claim) = (root, Claim::default());
        loop {
            let bytes = path.next::<H>(hash)?;
            match Node::read(bytes, claim).map_err(|want| path.bad(bytes, want))? {
                Node::Branch { at, sides } => {
                    let side = at.side(key);
                    hash = sides[side].hash;
                    claim = Claim {
                        totals: Some(sides[side].totals),
                        under: Some((at, side)),
                    };
                }
                Node::Leaf { key: met, .. } if met != key => return path.end(None),
                Node::Leaf { value, .. } => {
                    let value = match value {
                        LeafValue::Inline(value) => value,
                        LeafValue::Long { len, hash } => {
                            let bytes = path.next::<H>(hash)?;
                            read_value(bytes, len).map_err(|want| path.bad(bytes, want))?
                        }
                    };
                    return path.end(Some(value));
                }
            }
        }
    }
}

/// The nodes of a proof, taken one by one.
struct Path<'a> {
    nodes: &'a [Bytes],
    /// Nodes taken.
    index: usize,
}

impl<'a> Path<'a> {
    /// The next node, which must have this name.
    fn next<H: NodeHash>(&mut self, want: Hash) -> Result<&'a [u8], MapProofError> {
        let (nodes, index) = (self.nodes.len(), self.index);
        let node = self.nodes.get(index);
        let node = node.ok_or(MapProofError::Short { nodes, want })?;
        let got = H::hash(node);
        if got != want {
            return Err(MapProofError::Name { index, got, want });
        }
        self.index += 1;
        Ok(node)
    }

    /// The error of the node that was taken last.
    fn bad(&self, node: &[u8], want: &'static str) -> MapProofError {
        MapProofError::Node {
            index: self.index - 1,
            len: node.len(),
            want,
        }
    }

    fn end(&self, value: Option<&[u8]>) -> Result<Option<Vec<u8>>, MapProofError> {
        let (nodes, want) = (self.nodes.len(), self.index);
        if nodes != want {
            return Err(MapProofError::Long { nodes, want });
        }
        Ok(value.map(<[u8]>::to_vec))
    }
}

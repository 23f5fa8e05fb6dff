//! Writing a map as nodes, children before parents, without recursion.

use alloc::vec::Vec;

use avm_core::{Hash, HostError, Nodes, Sink};

use super::hash::{node_of, of_child};
use super::leaf::Leaf;
use super::node::{Claim, LeafValue, Node, bad, read_value, write_value};
use super::tree::{Child, Link};
use super::{Map, NodeHash};

impl<H: NodeHash> Map<H> {
    /// Puts every node of the map into `sink`, children before parents, and returns the root.
    /// Subtrees that the sink has are skipped; parts that were never read and that it lacks are
    /// copied from the store they were opened from.
    ///
    /// # Errors
    /// If the sink failed, or a part to be copied is missing or malformed.
    pub fn save(&self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        let root = self.root();
        let mut todo = Vec::new();
        todo.extend(self.root.as_ref().map(Todo::link));
        while let Some(next) = todo.pop() {
            match next {
                Todo::Here(child) => save_child::<H>(child, &mut todo, sink)?,
                Todo::Stored(part) => part.copy(&mut todo, sink)?,
                Todo::Put(hash, node) => sink.put(hash, &node)?,
            }
        }
        Ok(root)
    }
}

/// What is left to be written, the next one last.
enum Todo<'a> {
    /// A subtree in memory, hashed.
    Here(&'a Child),
    /// A subtree that was not read.
    Stored(Part<'a>),
    /// A node whose children are written.
    Put(Hash, Vec<u8>),
}

struct Part<'a> {
    hash: Hash,
    claim: Claim,
    nodes: &'a dyn Nodes,
}

impl<'a> Todo<'a> {
    fn link(link: &'a Link) -> Self {
        match link.known() {
            Some(child) => Self::Here(child),
            None => {
                let stored = link.unread();
                Self::Stored(Part {
                    hash: stored.hash,
                    claim: stored.claim,
                    nodes: &*stored.nodes,
                })
            }
        }
    }
}

fn save_child<'a, H: NodeHash>(
    child: &'a Child,
    todo: &mut Vec<Todo<'a>>,
    sink: &mut dyn Sink,
) -> Result<(), HostError> {
    let hash = of_child::<H>(child);
    if sink.has(hash)? {
        return Ok(());
    }
    let mut node = Vec::new();
    node_of(child).write(&mut node);
    todo.push(Todo::Put(hash, node));
    match child {
        Child::Branch(branch) => todo.extend(branch.links.iter().rev().map(Todo::link)),
        Child::Leaf(leaf) => save_value(leaf, sink)?,
    }
    Ok(())
}

/// Writes the node of a long value.
fn save_value(leaf: &Leaf, sink: &mut dyn Sink) -> Result<(), HostError> {
    let Some(long) = leaf.long() else {
        return Ok(());
    };
    let hash = long.hash.get().expect("the leaf is hashed");
    if sink.has(hash)? {
        return Ok(());
    }
    match leaf.known_value() {
        Some(value) => sink.put(hash, &write_value(value)),
        None => sink.put(hash, &long.read_node()?),
    }
}

impl<'a> Part<'a> {
    /// Copies one node; what is under it is left to be done.
    fn copy(self, todo: &mut Vec<Todo<'a>>, sink: &mut dyn Sink) -> Result<(), HostError> {
        let (hash, nodes) = (self.hash, self.nodes);
        if sink.has(hash)? {
            return Ok(());
        }
        let bytes = nodes.get(hash)?;
        let node = Node::read(&bytes, self.claim).map_err(|want| bad(hash, &bytes, want))?;
        todo.push(Todo::Put(hash, bytes.to_vec()));
        match node {
            Node::Branch { at, sides } => {
                let part = |side: usize| Part {
                    hash: sides[side].hash,
                    claim: Claim {
                        totals: Some(sides[side].totals),
                        under: Some((at, side)),
                    },
                    nodes,
                };
                todo.extend([1, 0].map(|side| Todo::Stored(part(side))));
            }
            Node::Leaf { value, .. } => {
                if let LeafValue::Long { len, hash } = value
                    && !sink.has(hash)?
                {
                    let value = nodes.get(hash)?;
                    read_value(&value, len).map_err(|want| bad(hash, &value, want))?;
                    sink.put(hash, &value)?;
                }
            }
        }
        Ok(())
    }
}

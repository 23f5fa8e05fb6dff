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
        self.write(sink, None)
    }

    /// [`Map::save`] of a map whose values name further nodes. `below` puts those of an entry; it is
    /// asked for every entry that the sink does not have, before that entry is written.
    ///
    /// # Errors
    /// As [`Map::save`], and those of `below`.
    pub fn save_with(&self, sink: &mut dyn Sink, below: &mut Below<'_>) -> Result<Hash, HostError> {
        self.write(sink, Some(below))
    }

    fn write(
        &self,
        sink: &mut dyn Sink,
        mut below: Option<&mut Below<'_>>,
    ) -> Result<Hash, HostError> {
        let root = self.root();
        let mut todo = Vec::new();
        todo.extend(self.root.as_ref().map(Todo::link));
        while let Some(next) = todo.pop() {
            match next {
                Todo::Here(child) => save_child::<H>(child, &mut todo, sink, &mut below)?,
                Todo::Stored(part) => part.copy(&mut todo, sink, &mut below)?,
                Todo::Put(hash, node) => sink.put(hash, &node)?,
            }
        }
        Ok(root)
    }
}

/// Puts what an entry names into the sink: its key and value.
pub type Below<'a> = dyn FnMut(&[u8], &[u8], &mut dyn Sink) -> Result<(), HostError> + 'a;

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
    below: &mut Option<&mut Below<'_>>,
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
        Child::Leaf(leaf) => {
            if let Some(below) = below {
                below(leaf.key.bytes(), leaf.value()?, sink)?;
            }
            save_value(leaf, sink)?;
        }
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
    fn copy(
        self,
        todo: &mut Vec<Todo<'a>>,
        sink: &mut dyn Sink,
        below: &mut Option<&mut Below<'_>>,
    ) -> Result<(), HostError> {
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
            Node::Leaf {
                key,
                value: LeafValue::Inline(value),
            } => {
                if let Some(below) = below {
                    below(key, value, sink)?;
                }
            }
            Node::Leaf {
                key,
                value: LeafValue::Long { len, hash },
            } => {
                if below.is_none() && sink.has(hash)? {
                    return Ok(());
                }
                let node = nodes.get(hash)?;
                let value = read_value(&node, len).map_err(|want| bad(hash, &node, want))?;
                if let Some(below) = below {
                    below(key, value, sink)?;
                }
                if !sink.has(hash)? {
                    sink.put(hash, &node)?;
                }
            }
        }
        Ok(())
    }
}

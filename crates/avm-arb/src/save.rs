//! Writing a state as nodes, children before parents, without recursion.

use alloc::vec;
use alloc::vec::Vec;

use avm_core::{Hash, HostError, Nodes, Sink};

use crate::heap::{
    Heap, Node, Object, Operation, TUPLE_MAX, branch_preimage, buffer_preimage, code_preimage,
    inner_preimage, shell_preimage,
};
use crate::nodes::{self, hash_at};
use crate::stack::Stack;
use crate::store::Store;
use crate::value::Value;

/// Writes nodes of one state into a sink.
pub(crate) struct Writer<'a> {
    pub(crate) heap: &'a mut Heap,
    pub(crate) store: &'a Store,
    pub(crate) sink: &'a mut dyn Sink,
}

/// A node in the store that the sink may lack.
#[derive(Clone, Copy)]
enum Stored {
    Value(Hash),
    Inner(Hash),
    Tree(Hash),
}

impl Writer<'_> {
    /// Writes one node whose children are written.
    pub(crate) fn put(&mut self, node: &[u8]) -> Result<Hash, HostError> {
        let hash = Hash::keccak(node);
        if !self.sink.has(hash)? {
            self.sink.put(hash, node)?;
        }
        Ok(hash)
    }

    /// Writes a value and everything under it.
    pub(crate) fn value(&mut self, value: Value) -> Result<(), HostError> {
        match value {
            Value::Int(word) => self.put(&word.to_be_bytes::<32>()).map(drop),
            Value::Hidden(hash) => self.copy(Stored::Value(hash)),
            _ => self.object(value.object().expect("neither an int nor hidden")),
        }
    }

    /// Writes an object and everything under it.
    pub(crate) fn object(&mut self, object: Object) -> Result<(), HostError> {
        let mut path = vec![(object, false)];
        while let Some((object, entered)) = path.pop() {
            if entered {
                self.object_node(object)?;
            } else if !self.sink.has(self.heap.hash_object(object))? {
                path.push((object, true));
                let mut children = [None; TUPLE_MAX];
                let children = self.heap.children(object, &mut children);
                path.extend(children.map(|child| (child, false)));
            }
        }
        Ok(())
    }

    /// Writes the nodes of one object, and the values in it that are no objects.
    fn object_node(&mut self, object: Object) -> Result<(), HostError> {
        let hash = self.heap.known(object);
        match object {
            Object::Tuple(tuple) => {
                let Ok(elements) = self.heap.elements(tuple) else {
                    return self.copy(Stored::Value(hash));
                };
                let elements: Vec<Value> =
                    elements.iter().map(|slot| self.heap.value(*slot)).collect();
                let mut hashes = Vec::with_capacity(elements.len());
                for element in elements {
                    if element.object().is_none() {
                        self.value(element)?;
                    }
                    hashes.push(self.heap.hash(&element));
                }
                let (inner, len) = inner_preimage(hashes.into_iter());
                let inner = self.put(&inner[..len])?;
                let size = self.heap.size(&Value::Tuple(tuple));
                self.put(&shell_preimage(inner, size))?;
            }
            Object::Code(code) => {
                let Operation::Known {
                    opcode,
                    immediate,
                    next,
                } = self.heap.code_cell(code).operation
                else {
                    return self.copy(Stored::Value(hash));
                };
                if let Some(value) = immediate.filter(|value| value.object().is_none()) {
                    self.value(value)?;
                }
                let immediate = immediate.map(|value| self.heap.hash(&value));
                let next = next.map_or(Hash::ZERO, |next| self.heap.known(Object::Code(next)));
                let (node, len) = code_preimage(opcode, immediate, next);
                self.put(&node[..len])?;
            }
            Object::Buffer(buffer) => {
                let root = self.heap.buffer_cell(buffer).root;
                let node = buffer_preimage(self.heap.known(Object::Node(root)));
                self.put(&node)?;
            }
            Object::Node(node) => match self.heap.node_cell(node).node {
                Node::Leaf(bytes) => drop(self.put(&bytes)?),
                Node::Branch(left, right) => {
                    let known = |half| self.heap.known(Object::Node(half));
                    let node = branch_preimage(known(left), known(right));
                    self.put(&node)?;
                }
                Node::Stub => self.copy(Stored::Tree(hash))?,
            },
        }
        Ok(())
    }

    /// Writes a stack: the pairs `(top, (second, ...))`.
    pub(crate) fn stack(&mut self, stack: &mut Stack) -> Result<(), HostError> {
        stack.digest(self.heap);
        let digests = stack.digests();
        // The highest part of the stack that the sink has, and all below it, needs no writing.
        let mut from = digests.len();
        while from > 0 && !self.sink.has(digests[from - 1].hash)? {
            from -= 1;
        }
        if from == 0 {
            match stack.rest() {
                Some(rest) => self.copy(Stored::Value(rest))?,
                None => self.value(Value::Tuple(crate::heap::NONE))?,
            }
        }
        for at in from..stack.digests().len() {
            let item = stack.items()[at];
            self.value(item)?;
            let below = match at {
                0 => stack.floor(),
                _ => stack.digests()[at - 1],
            };
            let pair = [self.heap.hash(&item), below.hash];
            let (inner, len) = inner_preimage(pair.into_iter());
            let inner = self.put(&inner[..len])?;
            self.put(&shell_preimage(inner, stack.digests()[at].size))?;
        }
        Ok(())
    }

    /// Copies what was never read from the store to the sink, unless the sink has it.
    fn copy(&mut self, root: Stored) -> Result<(), HostError> {
        let mut path = vec![(root, false)];
        while let Some((stored, entered)) = path.pop() {
            let (Stored::Value(hash) | Stored::Inner(hash) | Stored::Tree(hash)) = stored;
            if self.sink.has(hash)? {
                continue;
            }
            let node = self.store.get(hash)?;
            if entered {
                self.sink.put(hash, &node)?;
                continue;
            }
            path.push((stored, true));
            match stored {
                Stored::Inner(hash) => {
                    let elements = nodes::elements(hash, self.store)?;
                    path.extend(elements.map(|hash| (Stored::Value(hash), false)));
                }
                Stored::Tree(_) if node.len() == 64 => {
                    path.push((Stored::Tree(hash_at(&node, 0)), false));
                    path.push((Stored::Tree(hash_at(&node, 32)), false));
                }
                Stored::Tree(_) => {}
                Stored::Value(hash) => {
                    let value = nodes::parse_value(&node).ok_or(HostError::BadNode {
                        hash,
                        len: node.len(),
                        want: "a value",
                    })?;
                    match value {
                        nodes::Value::Int(_) => {}
                        nodes::Value::Tuple(tuple) => {
                            path.push((Stored::Inner(tuple.inner), false));
                        }
                        nodes::Value::Buffer { root } => path.push((Stored::Tree(root), false)),
                        nodes::Value::CodePoint(operation) => {
                            let next = Some(operation.next).filter(|&next| next != Hash::ZERO);
                            let values = operation.immediate.into_iter().chain(next);
                            path.extend(values.map(|hash| (Stored::Value(hash), false)));
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

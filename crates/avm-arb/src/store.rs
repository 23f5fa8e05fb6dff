//! Reading nodes of an opened state into the heap.

use alloc::sync::Arc;
use core::fmt;

use avm_core::{Bytes, Hash, HostError, Nodes};

use crate::heap::{Heap, Node, NodeRef, Operation, TUPLE_MAX};
use crate::nodes;
use crate::value::{BufferRef, CodeRef, TupleRef, Value};

/// Where the nodes of an opened state are; a state made from a program has none and needs none.
#[derive(Clone, Default)]
pub(crate) struct Store(Option<Arc<dyn Nodes>>);

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Store"
        } else {
            "no store"
        })
    }
}

impl Store {
    pub(crate) fn new(nodes: Arc<dyn Nodes>) -> Self {
        Store(Some(nodes))
    }
}

impl Nodes for Store {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        match &self.0 {
            Some(nodes) => nodes.get(hash),
            None => Err(HostError::MissingNode { hash }),
        }
    }
}

impl Heap {
    /// A value that is not hidden: reads the first node of one that is.
    pub(crate) fn reveal(&mut self, value: Value, store: &Store) -> Result<Value, HostError> {
        let Value::Hidden(hash) = value else {
            return Ok(value);
        };
        Ok(match nodes::value(hash, store)? {
            nodes::Value::Int(word) => Value::Int(word),
            nodes::Value::Tuple(tuple) => {
                Value::Tuple(self.tuple_shell(hash, tuple.inner, tuple.size))
            }
            nodes::Value::Buffer { root } => Value::Buffer(self.buffer_stub(hash, root)),
            // Read again when it runs: an operation in the heap has its immediate at hand.
            nodes::Value::CodePoint(_) => Value::Code(self.code_stub(hash)),
        })
    }

    /// Reads the elements of a tuple of which only the shell was read.
    pub(crate) fn open_tuple(&mut self, tuple: TupleRef, store: &Store) -> Result<(), HostError> {
        let Err(inner) = self.elements(tuple) else {
            return Ok(());
        };
        let mut elements = [Value::Hidden(Hash::ZERO); TUPLE_MAX];
        let hashes = nodes::elements(inner, store)?;
        let count = hashes.len();
        for (element, hash) in elements.iter_mut().zip(hashes) {
            *element = Value::Hidden(hash);
        }
        self.fill_shell(tuple, &elements[..count]);
        Ok(())
    }

    /// Element `at` of an opened tuple, read as far as its kind and size.
    pub(crate) fn element(
        &mut self,
        tuple: TupleRef,
        at: usize,
        store: &Store,
    ) -> Result<Value, HostError> {
        let slot = self.elements(tuple).expect("opened before")[at];
        let element = self.value(slot);
        let Value::Hidden(_) = element else {
            return Ok(element);
        };
        let value = self.reveal(element, store)?;
        self.reveal_element(tuple, at, value);
        Ok(value)
    }

    /// Reads an operation, and its immediate as far as its kind and size.
    pub(crate) fn open_code(&mut self, code: CodeRef, store: &Store) -> Result<(), HostError> {
        let cell = self.code_cell(code);
        if let Operation::Stub = cell.operation {
            let hash = cell.name.get().expect("a stub has its hash");
            let stored = nodes::code_point(hash, store)?;
            let immediate = stored
                .immediate
                .map(|hash| self.reveal(Value::Hidden(hash), store))
                .transpose()?;
            let next = (stored.next != Hash::ZERO).then(|| self.code_stub(stored.next));
            self.code_cell_mut(code).operation = Operation::Known {
                opcode: stored.opcode,
                immediate,
                next,
            };
        }
        Ok(())
    }

    /// A node of a buffer's tree that is not a stub, at a known height.
    pub(crate) fn open_node(
        &mut self,
        node: NodeRef,
        height: u8,
        store: &Store,
    ) -> Result<Node, HostError> {
        let cell = *self.node_cell(node);
        if !matches!(cell.node, Node::Stub) {
            return Ok(cell.node);
        }
        let hash = cell.name.get().expect("a stub has its hash");
        let opened = if height == 0 {
            Node::Leaf(nodes::leaf(hash, store)?)
        } else {
            let [left, right] = nodes::branch(hash, store)?;
            let mut half = |hash| {
                if hash == self.zero_hash(height - 1) {
                    NodeRef::zero(height - 1)
                } else {
                    self.node_stub(hash)
                }
            };
            Node::Branch(half(left), half(right))
        };
        self.node_cell_mut(node).node = opened;
        Ok(opened)
    }

    /// Height of a buffer's tree. A buffer from the store does not say: its left edge is read, up to
    /// where it is all zero.
    pub(crate) fn height(&mut self, buffer: BufferRef, store: &Store) -> Result<u8, HostError> {
        let cell = *self.buffer_cell(buffer);
        if let Some(height) = cell.height {
            return Ok(height);
        }
        let root = self
            .node_cell(cell.root)
            .name
            .get()
            .expect("a stub has its hash");
        let height = nodes::buffer_height(root, store)?;
        self.buffer_cell_mut(buffer).height = Some(height);
        Ok(height)
    }
}

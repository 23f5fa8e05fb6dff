//! Reading nodes of an opened state, each checked for the form its place calls for.
//!
//! Nodes are the hash preimages of the specification (sections 2 and 5); `heap::hash` lists them.

use alloc::sync::Arc;
use core::fmt;

use avm_core::{Bytes, Hash, HostError, Nodes};
use ruint::aliases::U256;

use crate::heap::{HEIGHT_MAX, Heap, Node, NodeRef, Operation, TUPLE_MAX};
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

/// A code point as its node has it.
pub(crate) struct StoredOperation {
    pub(crate) opcode: u8,
    pub(crate) immediate: Option<Hash>,
    /// Zero for the error operation.
    pub(crate) next: Hash,
}

impl Store {
    pub(crate) fn new(nodes: Arc<dyn Nodes>) -> Self {
        Store(Some(nodes))
    }

    pub(crate) fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        match &self.0 {
            Some(nodes) => nodes.get(hash),
            None => Err(HostError::MissingNode { hash }),
        }
    }

    /// A node of exactly `N` bytes.
    pub(crate) fn fixed<const N: usize>(
        &self,
        hash: Hash,
        want: &'static str,
    ) -> Result<[u8; N], HostError> {
        let node = self.get(hash)?;
        let len = node.len();
        node[..]
            .try_into()
            .map_err(|_| HostError::BadNode { hash, len, want })
    }

    /// A tuple's inner hash and size.
    pub(crate) fn shell(&self, hash: Hash) -> Result<(Hash, U256), HostError> {
        let node: [u8; 65] = self.fixed(hash, "a tuple")?;
        if node[0] != 3 {
            return Err(HostError::BadNode {
                hash,
                len: 65,
                want: "a tuple",
            });
        }
        Ok((hash_at(&node, 1), U256::from_be_slice(&node[33..])))
    }

    /// Hashes of a tuple's elements.
    pub(crate) fn inner(
        &self,
        hash: Hash,
    ) -> Result<impl ExactSizeIterator<Item = Hash>, HostError> {
        let node = self.get(hash)?;
        let count = node.first().map_or(TUPLE_MAX + 1, |&count| count as usize);
        if count > TUPLE_MAX || node.len() != 1 + 32 * count {
            let want = "the elements of a tuple";
            return Err(HostError::BadNode {
                hash,
                len: node.len(),
                want,
            });
        }
        Ok((0..count).map(move |at| hash_at(&node, 1 + 32 * at)))
    }

    /// Hashes of a pair's elements.
    pub(crate) fn pair(&self, inner: Hash) -> Result<[Hash; 2], HostError> {
        let mut elements = self.inner(inner)?;
        match (elements.len(), elements.next(), elements.next()) {
            (2, Some(first), Some(second)) => Ok([first, second]),
            (count, ..) => Err(HostError::BadNode {
                hash: inner,
                len: 1 + 32 * count,
                want: "the two elements of a stack",
            }),
        }
    }

    pub(crate) fn operation(&self, hash: Hash) -> Result<StoredOperation, HostError> {
        let node = self.get(hash)?;
        parse_operation(&node).ok_or(HostError::BadNode {
            hash,
            len: node.len(),
            want: "a code point",
        })
    }
}

/// What a node that names a value is, told by its length and first bytes.
pub(crate) enum StoredValue {
    Int(U256),
    Tuple { inner: Hash, size: U256 },
    Operation(StoredOperation),
    Buffer { root: Hash },
}

pub(crate) fn parse_value(node: &[u8]) -> Option<StoredValue> {
    Some(match node.len() {
        32 => StoredValue::Int(U256::from_be_slice(node)),
        65 if node[0] == 3 => StoredValue::Tuple {
            inner: hash_at(node, 1),
            size: U256::from_be_slice(&node[33..]),
        },
        64 if node[..31] == [0; 31] && node[31] == 123 => StoredValue::Buffer {
            root: hash_at(node, 32),
        },
        _ => StoredValue::Operation(parse_operation(node)?),
    })
}

fn parse_operation(node: &[u8]) -> Option<StoredOperation> {
    let (immediate, next) = match node.len() {
        34 => (None, hash_at(node, 2)),
        66 => (Some(hash_at(node, 2)), hash_at(node, 34)),
        _ => return None,
    };
    // Only the error operation has nothing behind it.
    let is_last = next == Hash::ZERO;
    (node[0] == 1 && is_last == (node[1..] == [0; 33])).then_some(StoredOperation {
        opcode: node[1],
        immediate,
        next,
    })
}

pub(crate) fn hash_at(node: &[u8], at: usize) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(&node[at..at + 32]);
    Hash(hash)
}

impl Heap {
    /// A value that is not hidden: reads the first node of one that is.
    pub(crate) fn reveal(&mut self, value: Value, store: &Store) -> Result<Value, HostError> {
        let Value::Hidden(hash) = value else {
            return Ok(value);
        };
        let node = store.get(hash)?;
        let stored = parse_value(&node).ok_or(HostError::BadNode {
            hash,
            len: node.len(),
            want: "a value",
        })?;
        Ok(match stored {
            StoredValue::Int(word) => Value::Int(word),
            StoredValue::Tuple { inner, size } => Value::Tuple(self.tuple_shell(hash, inner, size)),
            StoredValue::Buffer { root } => Value::Buffer(self.buffer_stub(hash, root)),
            // Read again when it runs: an operation in the heap has its immediate at hand.
            StoredValue::Operation(_) => Value::Code(self.code_stub(hash)),
        })
    }

    /// Reads the elements of a tuple of which only the shell was read.
    pub(crate) fn open_tuple(&mut self, tuple: TupleRef, store: &Store) -> Result<(), HostError> {
        let Err(inner) = self.elements(tuple) else {
            return Ok(());
        };
        let mut elements = [Value::Hidden(Hash::ZERO); TUPLE_MAX];
        let hashes = store.inner(inner)?;
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
            let stored = store.operation(hash)?;
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
            Node::Leaf(store.fixed(hash, "a leaf of a buffer")?)
        } else {
            let bytes: [u8; 64] = store.fixed(hash, "a branch of a buffer")?;
            let mut half = |at| {
                let hash = hash_at(&bytes, at);
                if hash == self.zero_hash(height - 1) {
                    NodeRef::zero(height - 1)
                } else {
                    self.node_stub(hash)
                }
            };
            Node::Branch(half(0), half(32))
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
        let (mut above, mut node) = (0, root);
        let below = loop {
            let bytes = store.get(node)?;
            match bytes.len() {
                32 => break 0,
                64 if above < HEIGHT_MAX => {}
                len => {
                    let want = "a node of a buffer";
                    return Err(HostError::BadNode {
                        hash: node,
                        len,
                        want,
                    });
                }
            }
            // What was written far away leaves an all-zero half behind, of which one node says all.
            let left = hash_at(&bytes, 0);
            if left == hash_at(&bytes, 32)
                && let Some(zero) = self.zero_height(left, HEIGHT_MAX - above - 1)
            {
                break zero + 1;
            }
            node = left;
            above += 1;
        };
        self.buffer_cell_mut(buffer).height = Some(above + below);
        Ok(above + below)
    }

    /// Height of the all-zero tree named `hash`, if it is one and not higher than `max`.
    fn zero_height(&mut self, hash: Hash, max: u8) -> Option<u8> {
        (0..=max).find(|&height| self.zero_hash(height) == hash)
    }
}

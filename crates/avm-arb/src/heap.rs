//! The heap: everything behind the handles in values, and its garbage collector.
//!
//! All objects are immutable, so an object can only point to older ones and there are no cycles.
//! Handles are plain indices that anybody may copy or forget; nobody counts references. When as
//! much was allocated as lived after the last collection (or as the stacks take, or the program, or
//! 256 KiB, if that is more), [`Heap::collect`] copies what can
//! still be reached to a second set of arenas and forgets the first. Objects of the program itself
//! are *permanent*: they keep their handles. Nothing here recurses on the depth of data.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use avm_core::Hash;
use ruint::aliases::U256;

use crate::value::{BufferRef, CodeRef, TupleRef, Value};

mod collect;
mod hash;
mod slot;

pub(crate) use collect::Collector;
use collect::Spare;
pub(crate) use hash::{
    Object, branch_preimage, buffer_preimage, code_preimage, inner_hash, inner_preimage,
    shell_preimage,
};
pub(crate) use slot::Slot;

/// Most elements a tuple can have.
pub(crate) const TUPLE_MAX: usize = 8;

/// `TupleCell::len` of a tuple whose elements have not been read from the store; its single
/// element is then the inner hash.
const SHELL: u8 = u8::MAX;

/// Memory for each tuple while it is hashed, besides its digest.
const HASHING_BYTES: usize = 24;

/// Bytes allocated before the first collection; both halves fit a level-2 cache.
const NURSERY_BYTES: usize = 256 << 10;

/// The hash of an object, taken when somebody asks for it and kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    hash: Hash,
    state: NameState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NameState {
    Unknown,
    /// In the list of objects that are about to be hashed.
    Queued,
    Known,
}

impl Name {
    pub(crate) const UNKNOWN: Self = Name {
        hash: Hash::ZERO,
        state: NameState::Unknown,
    };

    pub(crate) fn known(hash: Hash) -> Self {
        Name {
            hash,
            state: NameState::Known,
        }
    }

    pub(crate) fn get(&self) -> Option<Hash> {
        (self.state == NameState::Known).then_some(self.hash)
    }

    /// Puts an object without a hash into the list; false if it has one or is in the list.
    fn queue(&mut self) -> bool {
        let unknown = self.state == NameState::Unknown;
        if unknown {
            self.state = NameState::Queued;
        }
        unknown
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct TupleCell {
    start: u32,
    len: u8,
    /// Whether an element may be hidden; the digest then says the size.
    partial: bool,
    digest: DigestRef,
}

/// Where the size and the hash of a tuple are, once somebody asked for them. Most tuples die
/// before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct DigestRef(u32);

impl DigestRef {
    const NONE: Self = DigestRef(u32::MAX);
    /// The tuple is in the list of objects that are about to be hashed.
    const QUEUED: Self = DigestRef(u32::MAX - 1);

    fn index(self) -> Option<usize> {
        (self.0 < Self::QUEUED.0).then_some(self.0 as usize)
    }
}

#[derive(Clone, Copy, Debug)]
struct TupleDigest {
    /// 1 + sizes of the elements, modulo 2^256.
    size: U256,
    name: Name,
}

/// What is known of an operation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    /// Only its hash, which is in the cell.
    Stub,
    /// All of it.
    Known {
        opcode: u8,
        immediate: Option<Value>,
        /// `None` for the error operation, which ends every segment.
        next: Option<CodeRef>,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeCell {
    pub(crate) operation: Operation,
    pub(crate) name: Name,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct BufferCell {
    pub(crate) root: NodeRef,
    /// Height of the tree; `None` until somebody needed it, for a buffer from the store.
    pub(crate) height: Option<u8>,
    /// Hash of the buffer as a value, which wraps the hash of the root.
    pub(crate) name: Name,
}

/// Handle of a node of a buffer's tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeRef(pub(crate) u32);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Node {
    /// 32 bytes.
    Leaf([u8; 32]),
    /// Two halves.
    Branch(NodeRef, NodeRef),
    /// Only its hash, which is in the cell.
    Stub,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeCell {
    pub(crate) node: Node,
    pub(crate) name: Name,
}

/// Lengths of the arenas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Marks {
    tuples: usize,
    digests: usize,
    elements: usize,
    words: usize,
    code: usize,
    buffers: usize,
    nodes: usize,
}

#[derive(Clone, Debug, Default)]
struct Arenas {
    tuples: Vec<TupleCell>,
    digests: Vec<TupleDigest>,
    elements: Vec<Slot>,
    /// Words of elements that do not fit their slot: large ints, and hashes of hidden values.
    words: Vec<U256>,
    code: Vec<CodeCell>,
    buffers: Vec<BufferCell>,
    nodes: Vec<NodeCell>,
}

#[derive(Clone, Debug)]
pub(crate) struct Heap {
    arenas: Arenas,
    /// Where the permanent objects end.
    permanent: Marks,
    /// Bytes in use at which a collection is due.
    due_bytes: usize,
    /// Room for the next collection, so that it need not ask the system for memory.
    spare: Spare,
    /// Operations read from the store, so that a loop reads its code once.
    opened: BTreeMap<Hash, CodeRef>,
    /// Hashes of all-zero subtrees as far as they were needed, by height.
    zeros: Vec<Hash>,
}

/// The empty tuple, in every heap.
pub(crate) const NONE: TupleRef = TupleRef(0);
/// The error operation, in every heap.
pub(crate) const ERROR: CodeRef = CodeRef(0);
/// The all-zero buffer, in every heap.
pub(crate) const ZERO_BUFFER: BufferRef = BufferRef(0);
/// Greatest height of a buffer's tree: 2^59 leaves of 32 bytes.
pub(crate) const HEIGHT_MAX: u8 = 59;

impl NodeRef {
    /// The all-zero tree of a height, in every heap. No other node is all zero.
    pub(crate) fn zero(height: u8) -> Self {
        NodeRef(u32::from(height))
    }

    pub(crate) fn is_zero(self) -> bool {
        self.0 <= u32::from(HEIGHT_MAX)
    }
}

impl Heap {
    /// A heap with only the objects that every heap has.
    pub(crate) fn new() -> Self {
        let mut heap = Heap {
            arenas: Arenas::default(),
            permanent: Marks::default(),
            due_bytes: NURSERY_BYTES,
            spare: Spare::default(),
            opened: BTreeMap::new(),
            zeros: vec![],
        };
        let none = heap.tuple(&[]);
        let error = heap.operation(0, None, None);
        debug_assert_eq!((none, error), (NONE, ERROR));
        for height in 0..=HEIGHT_MAX {
            let node = match height {
                0 => Node::Leaf([0; 32]),
                _ => Node::Branch(NodeRef::zero(height - 1), NodeRef::zero(height - 1)),
            };
            heap.push_node(node);
        }
        let zero = heap.buffer(NodeRef::zero(0), 0);
        debug_assert_eq!(zero, ZERO_BUFFER);
        // Handlers are compared with the error operation, wherever they come from.
        let error_hash = heap.hash_object(Object::Code(ERROR));
        heap.opened.insert(error_hash, ERROR);
        heap.keep();
        heap
    }

    /// Makes everything in the heap permanent. Digests have to be permanent with their tuples, so
    /// every tuple gets one, to be filled in when it is hashed.
    pub(crate) fn keep(&mut self) {
        for tuple in self.permanent.tuples..self.arenas.tuples.len() {
            if self.arenas.tuples[tuple].digest == DigestRef::NONE {
                let digest = self.push_digest(U256::ZERO, Name::UNKNOWN);
                self.arenas.tuples[tuple].digest = digest;
            }
        }
        self.permanent = self.arenas.marks();
        self.due_bytes = self.arenas.bytes() + NURSERY_BYTES;
    }

    /// Bytes in use, garbage included, as if every tuple were hashed.
    pub(crate) fn hashed_bytes(&self) -> usize {
        let unhashed = self
            .arenas
            .tuples
            .len()
            .saturating_sub(self.arenas.digests.len());
        self.arenas.bytes() + unhashed * (size_of::<TupleDigest>() + HASHING_BYTES)
    }

    /// Makes a collection due before the heap takes more than a limit, whatever lives.
    pub(crate) fn cap_due(&mut self, limit_bytes: usize) {
        let soon = self.arenas.bytes() + NURSERY_BYTES;
        self.due_bytes = self.due_bytes.min(limit_bytes.max(soon));
    }

    /// Whether a collection is due.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.arenas.bytes() >= self.due_bytes
    }

    // ---- tuples

    /// A tuple of values none of which is hidden.
    #[inline]
    pub(crate) fn tuple(&mut self, elements: &[Value]) -> TupleRef {
        let start = self.push_elements(elements);
        self.push_tuple(TupleCell {
            start,
            len: elements.len() as u8,
            partial: false,
            digest: DigestRef::NONE,
        })
    }

    /// `tuple` with element `at` replaced by a value that is not hidden. No element is hidden, or
    /// `size` is that of the result.
    #[inline]
    pub(crate) fn tuple_with(
        &mut self,
        tuple: TupleRef,
        at: usize,
        new: Value,
        size: Option<U256>,
    ) -> TupleRef {
        let TupleCell {
            start,
            len,
            partial,
            ..
        } = self.arenas.tuples[tuple.0 as usize];
        debug_assert!(len != SHELL && at < len as usize && partial <= size.is_some());
        let from = start as usize;
        let slot = self.slot(new);
        let start = self.arenas.elements.len();
        self.arenas
            .elements
            .extend_from_within(from..from + len as usize);
        self.arenas.elements[start + at] = slot;
        let digest = size.map_or(DigestRef::NONE, |size| {
            self.push_digest(size, Name::UNKNOWN)
        });
        self.push_tuple(TupleCell {
            start: index(start),
            len,
            partial,
            digest,
        })
    }

    /// A tuple of which only the shell was read.
    pub(crate) fn tuple_shell(&mut self, hash: Hash, inner: Hash, size: U256) -> TupleRef {
        let start = self.push_elements(&[Value::Hidden(inner)]);
        let digest = self.push_digest(size, Name::known(hash));
        self.push_tuple(TupleCell {
            start,
            len: SHELL,
            partial: true,
            digest,
        })
    }

    #[inline]
    fn push_tuple(&mut self, cell: TupleCell) -> TupleRef {
        let handle = TupleRef(index(self.arenas.tuples.len()));
        self.arenas.tuples.push(cell);
        handle
    }

    fn push_elements(&mut self, elements: &[Value]) -> u32 {
        let start = index(self.arenas.elements.len());
        for element in elements {
            let slot = self.slot(*element);
            self.arenas.elements.push(slot);
        }
        start
    }

    fn push_digest(&mut self, size: U256, name: Name) -> DigestRef {
        let digest = DigestRef(index(self.arenas.digests.len()));
        self.arenas.digests.push(TupleDigest { size, name });
        digest
    }

    /// Gives a shell its elements.
    pub(crate) fn fill_shell(&mut self, tuple: TupleRef, elements: &[Value]) {
        let start = self.push_elements(elements);
        let cell = &mut self.arenas.tuples[tuple.0 as usize];
        debug_assert_eq!(cell.len, SHELL);
        (cell.start, cell.len) = (start, elements.len() as u8);
    }

    /// Notes it if no element is hidden any more.
    pub(crate) fn settle_tuple(&mut self, tuple: TupleRef) {
        let slots = self.elements(tuple).unwrap_or(&[]);
        let hidden = slots
            .iter()
            .any(|slot| matches!(self.value(*slot), Value::Hidden(_)));
        let cell = &mut self.arenas.tuples[tuple.0 as usize];
        cell.partial = hidden || cell.len == SHELL;
    }

    /// Whether an element may be hidden.
    #[inline]
    pub(crate) fn is_partial(&self, tuple: TupleRef) -> bool {
        self.arenas.tuples[tuple.0 as usize].partial
    }

    /// The elements; `Err` with the inner hash if only the shell was read.
    #[inline]
    pub(crate) fn elements(&self, tuple: TupleRef) -> Result<&[Slot], Hash> {
        let TupleCell { start, len, .. } = self.arenas.tuples[tuple.0 as usize];
        let start = start as usize;
        if len == SHELL {
            return Err(self.shell_inner(start));
        }
        Ok(&self.arenas.elements[start..start + len as usize])
    }

    #[cold]
    fn shell_inner(&self, start: usize) -> Hash {
        match self.value(self.arenas.elements[start]) {
            Value::Hidden(inner) => inner,
            _ => unreachable!("a shell holds its inner hash"),
        }
    }

    /// Puts a value read from the store where a hidden element was.
    pub(crate) fn reveal_element(&mut self, tuple: TupleRef, at: usize, value: Value) {
        let start = self.arenas.tuples[tuple.0 as usize].start as usize;
        let slot = self.slot(value);
        self.arenas.elements[start + at] = slot;
    }

    /// Size of a value that is not hidden, and if it is a tuple, was hashed or read.
    pub(crate) fn size(&self, value: &Value) -> U256 {
        match value {
            Value::Tuple(tuple) => {
                let digest = self.arenas.tuples[tuple.0 as usize].digest.index();
                self.arenas.digests[digest.expect("hashed before its size is asked for")].size
            }
            Value::Hidden(_) => unreachable!("the size of a hidden value is not known"),
            _ => U256::ONE,
        }
    }

    // ---- code

    /// A new operation in front of `next`.
    pub(crate) fn operation(
        &mut self,
        opcode: u8,
        immediate: Option<Value>,
        next: Option<CodeRef>,
    ) -> CodeRef {
        self.push_code(CodeCell {
            operation: Operation::Known {
                opcode,
                immediate,
                next,
            },
            name: Name::UNKNOWN,
        })
    }

    /// The operation named `hash`, which may not have been read yet.
    pub(crate) fn code_stub(&mut self, hash: Hash) -> CodeRef {
        if let Some(&known) = self.opened.get(&hash) {
            return known;
        }
        let handle = self.push_code(CodeCell {
            operation: Operation::Stub,
            name: Name::known(hash),
        });
        self.opened.insert(hash, handle);
        handle
    }

    fn push_code(&mut self, cell: CodeCell) -> CodeRef {
        let handle = CodeRef(index(self.arenas.code.len()));
        self.arenas.code.push(cell);
        handle
    }

    #[inline]
    pub(crate) fn code_cell(&self, code: CodeRef) -> &CodeCell {
        &self.arenas.code[code.0 as usize]
    }

    pub(crate) fn code_cell_mut(&mut self, code: CodeRef) -> &mut CodeCell {
        &mut self.arenas.code[code.0 as usize]
    }

    /// Which operation of the program a code point is, counted from the first; `None` for one
    /// made at run time or read from the store.
    pub(crate) fn position(&self, code: CodeRef) -> Option<u32> {
        let operations = self.permanent.code as u32;
        operations.checked_sub(code.0 + 1).filter(|_| code != ERROR)
    }

    /// The number of an operation: its position in the program, behind that the error operation,
    /// and behind that all others.
    pub(crate) fn number(&self, code: CodeRef) -> u64 {
        let operations = self.permanent.code as u64 - 1;
        match self.position(code) {
            Some(position) => u64::from(position),
            None => operations + u64::from(code.0),
        }
    }

    // ---- buffers

    pub(crate) fn buffer(&mut self, root: NodeRef, height: u8) -> BufferRef {
        self.push_buffer(BufferCell {
            root,
            height: Some(height),
            name: Name::UNKNOWN,
        })
    }

    /// A buffer from the store, of which only the root's hash was read.
    pub(crate) fn buffer_stub(&mut self, hash: Hash, root: Hash) -> BufferRef {
        let root = if root == self.zero_hash(0) {
            NodeRef::zero(0)
        } else {
            self.node_stub(root)
        };
        self.push_buffer(BufferCell {
            root,
            height: root.is_zero().then_some(0),
            name: Name::known(hash),
        })
    }

    fn push_buffer(&mut self, cell: BufferCell) -> BufferRef {
        let handle = BufferRef(index(self.arenas.buffers.len()));
        self.arenas.buffers.push(cell);
        handle
    }

    pub(crate) fn buffer_cell(&self, buffer: BufferRef) -> &BufferCell {
        &self.arenas.buffers[buffer.0 as usize]
    }

    pub(crate) fn buffer_cell_mut(&mut self, buffer: BufferRef) -> &mut BufferCell {
        &mut self.arenas.buffers[buffer.0 as usize]
    }

    pub(crate) fn push_node(&mut self, node: Node) -> NodeRef {
        self.push_node_cell(NodeCell {
            node,
            name: Name::UNKNOWN,
        })
    }

    pub(crate) fn node_stub(&mut self, hash: Hash) -> NodeRef {
        self.push_node_cell(NodeCell {
            node: Node::Stub,
            name: Name::known(hash),
        })
    }

    fn push_node_cell(&mut self, cell: NodeCell) -> NodeRef {
        let handle = NodeRef(index(self.arenas.nodes.len()));
        self.arenas.nodes.push(cell);
        handle
    }

    #[inline]
    pub(crate) fn node_cell(&self, node: NodeRef) -> &NodeCell {
        &self.arenas.nodes[node.0 as usize]
    }

    pub(crate) fn node_cell_mut(&mut self, node: NodeRef) -> &mut NodeCell {
        &mut self.arenas.nodes[node.0 as usize]
    }

    /// Hash of the all-zero tree of a height.
    pub(crate) fn zero_hash(&mut self, height: u8) -> Hash {
        while self.zeros.len() <= usize::from(height) {
            let next = match self.zeros.last() {
                None => Hash::keccak(&[0; 32]),
                Some(half) => half.join(*half),
            };
            self.zeros.push(next);
        }
        self.zeros[usize::from(height)]
    }

    // ---- collection

    /// Drops every object that is not permanent and cannot be reached from the roots, which
    /// `roots` visits and which take `root_bytes` of memory; handles in the roots are rewritten.
    pub(crate) fn collect(&mut self, root_bytes: usize, roots: impl FnOnce(&mut Collector<'_>)) {
        let mut collector = Collector::new(&mut self.arenas, &mut self.spare, self.permanent);
        let permanent_bytes = collector.to_bytes();
        roots(&mut collector);
        collector.finish();
        self.opened.retain(|_, code| collector.moved_code(code));
        drop(collector);
        let live = self.arenas.bytes();
        let young = live - permanent_bytes;
        self.due_bytes = live
            + young
                .max(permanent_bytes)
                .max(root_bytes)
                .max(NURSERY_BYTES);
    }
}

impl Arenas {
    fn marks(&self) -> Marks {
        Marks {
            tuples: self.tuples.len(),
            digests: self.digests.len(),
            elements: self.elements.len(),
            words: self.words.len(),
            code: self.code.len(),
            buffers: self.buffers.len(),
            nodes: self.nodes.len(),
        }
    }

    #[inline]
    fn bytes(&self) -> usize {
        self.tuples.len() * size_of::<TupleCell>()
            + self.digests.len() * size_of::<TupleDigest>()
            + self.elements.len() * size_of::<Slot>()
            + self.words.len() * size_of::<U256>()
            + self.code.len() * size_of::<CodeCell>()
            + self.buffers.len() * size_of::<BufferCell>()
            + self.nodes.len() * size_of::<NodeCell>()
    }
}

fn index(len: usize) -> u32 {
    u32::try_from(len).expect("the memory limit keeps arenas below 2^32 cells")
}

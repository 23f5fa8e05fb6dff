//! Hashes of values, taken when somebody asks and kept in the cells.
//!
//! Every hash is Keccak-256 of a short preimage, and these preimages are the nodes that a state
//! is saved as. Spec: section 2.
//!
//! ```text
//! int          u256
//! tuple        03 ‖ inner ‖ u256(size)         inner: u8(n) ‖ H(e0) ‖ ... ‖ H(e[n-1])
//! code point   01 ‖ opcode ‖ [H(immediate)] ‖ H(next)
//! buffer       u256(123) ‖ root                leaf: 32 bytes    branch: left ‖ right
//! ```

use alloc::vec;
use alloc::vec::Vec;

use avm_core::Hash;
use avm_keccak::keccak256_batch;
use ruint::aliases::U256;

use super::{DigestRef, Heap, Name, Node, NodeRef, Operation, TUPLE_MAX};
use crate::limbs::wrapping_add;
use crate::value::{BufferRef, CodeRef, TupleRef, Value};

/// Something with a hash of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Object {
    Tuple(TupleRef),
    Code(CodeRef),
    Buffer(BufferRef),
    Node(NodeRef),
}

/// Objects hashed between two batches of words.
const CHUNK: usize = 512;

/// `u8(n) ‖ H(e0) ‖ ...`, the node of a tuple's elements.
pub(crate) fn inner_preimage(
    hashes: impl Iterator<Item = Hash>,
) -> ([u8; 1 + 32 * TUPLE_MAX], usize) {
    let mut preimage = [0; 1 + 32 * TUPLE_MAX];
    let mut len = 1;
    for hash in hashes {
        preimage[0] += 1;
        preimage[len..len + 32].copy_from_slice(&hash.0);
        len += 32;
    }
    (preimage, len)
}

/// Hash of the node of a tuple's elements; pairs are what lists and stacks are made of.
pub(crate) fn inner_hash(preimage: &[u8]) -> Hash {
    match <&[u8; 65]>::try_from(preimage) {
        Ok(pair) => Hash::of(pair),
        Err(_) => Hash::keccak(preimage),
    }
}

/// `03 ‖ inner ‖ u256(size)`, the node of a tuple.
pub(crate) fn shell_preimage(inner: Hash, size: U256) -> [u8; 65] {
    let mut preimage = [3; 65];
    preimage[1..33].copy_from_slice(&inner.0);
    preimage[33..].copy_from_slice(&size.to_be_bytes::<32>());
    preimage
}

/// `01 ‖ opcode ‖ [H(immediate)] ‖ H(next)`, the node of a code point.
pub(crate) fn code_preimage(opcode: u8, immediate: Option<Hash>, next: Hash) -> ([u8; 66], usize) {
    let mut preimage = [1; 66];
    preimage[1] = opcode;
    let mut len = 2;
    for hash in immediate.into_iter().chain([next]) {
        preimage[len..len + 32].copy_from_slice(&hash.0);
        len += 32;
    }
    (preimage, len)
}

/// `u256(123) ‖ root`, the node of a buffer.
pub(crate) fn buffer_preimage(root: Hash) -> [u8; 64] {
    let mut preimage = [0; 64];
    preimage[31] = 123;
    preimage[32..].copy_from_slice(&root.0);
    preimage
}

/// `left ‖ right`, a branch in the tree of a buffer.
pub(crate) fn branch_preimage(left: Hash, right: Hash) -> [u8; 64] {
    let mut preimage = [0; 64];
    preimage[..32].copy_from_slice(&left.0);
    preimage[32..].copy_from_slice(&right.0);
    preimage
}

impl Value {
    /// The object behind the handle, if the value is one.
    pub(crate) fn object(&self) -> Option<Object> {
        match *self {
            Value::Int(_) | Value::Hidden(_) => None,
            Value::Tuple(tuple) => Some(Object::Tuple(tuple)),
            Value::Code(code) => Some(Object::Code(code)),
            Value::Buffer(buffer) => Some(Object::Buffer(buffer)),
        }
    }
}

impl Heap {
    /// Hash of a value.
    pub(crate) fn hash(&mut self, value: &Value) -> Hash {
        match value {
            Value::Int(word) => Hash::of(&word.to_be_bytes::<32>()),
            Value::Hidden(hash) => *hash,
            _ => self.hash_object(value.object().expect("neither an int nor hidden")),
        }
    }

    /// Hash of an object, and of everything under it.
    pub(crate) fn hash_object(&mut self, object: Object) -> Hash {
        if let Some(hash) = self.name(object) {
            return hash;
        }
        let order = self.unhashed(object);
        for chunk in order.chunks(CHUNK) {
            self.hash_chunk(chunk);
        }
        self.known(object)
    }

    /// The objects under and including `root` that have no hash, children before parents.
    fn unhashed(&mut self, root: Object) -> Vec<Object> {
        let mut order = vec![];
        // An object is entered when it is met first and listed when all under it is.
        let mut path = vec![(root, false)];
        while let Some((object, entered)) = path.pop() {
            if entered {
                order.push(object);
            } else if self.queue(object) {
                path.push((object, true));
                let mut children = [None; TUPLE_MAX];
                let children = self.children(object, &mut children);
                path.extend(children.map(|child| (child, false)));
            }
        }
        order
    }

    /// The objects an object points to.
    pub(crate) fn children<'c>(
        &self,
        object: Object,
        out: &'c mut [Option<Object>; TUPLE_MAX],
    ) -> impl Iterator<Item = Object> + use<'c> {
        match object {
            Object::Tuple(tuple) => {
                let elements = self.elements(tuple).unwrap_or(&[]);
                for (child, slot) in out.iter_mut().zip(elements) {
                    *child = self.value(*slot).object();
                }
            }
            Object::Code(code) => {
                if let Operation::Known {
                    immediate, next, ..
                } = self.code_cell(code).operation
                {
                    out[0] = immediate.and_then(|value| value.object());
                    out[1] = next.map(Object::Code);
                }
            }
            Object::Buffer(buffer) => out[0] = Some(Object::Node(self.buffer_cell(buffer).root)),
            Object::Node(node) => {
                if let Node::Branch(left, right) = self.node_cell(node).node {
                    (out[0], out[1]) = (Some(Object::Node(left)), Some(Object::Node(right)));
                }
            }
        }
        out.iter().flatten().copied()
    }

    /// Hashes objects whose children are hashed or stand before them.
    fn hash_chunk(&mut self, chunk: &[Object]) {
        let mut words = self.word_hashes(chunk).into_iter();
        for &object in chunk {
            match object {
                Object::Tuple(tuple) => self.hash_tuple(tuple, &mut words),
                Object::Code(code) => {
                    self.code_cell_mut(code).name = Name::known(self.code_hash(code));
                }
                Object::Buffer(buffer) => {
                    let root = self.known(Object::Node(self.buffer_cell(buffer).root));
                    let hash = Hash::of(&buffer_preimage(root));
                    self.buffer_cell_mut(buffer).name = Name::known(hash);
                }
                Object::Node(node) => {
                    self.node_cell_mut(node).name = Name::known(self.node_hash(node));
                }
            }
        }
    }

    /// Hashes of all words in the tuples of `chunk`, in order.
    fn word_hashes(&self, chunk: &[Object]) -> Vec<[u8; 32]> {
        let mut words = vec![];
        for object in chunk {
            let Object::Tuple(tuple) = object else {
                continue;
            };
            for slot in self.elements(*tuple).unwrap_or(&[]) {
                if let Value::Int(word) = self.value(*slot) {
                    words.extend_from_slice(&word.to_be_bytes::<32>());
                }
            }
        }
        let mut hashes = vec![[0; 32]; words.len() / 32];
        keccak256_batch(32, &words, &mut hashes);
        hashes
    }

    fn hash_tuple(&mut self, tuple: TupleRef, words: &mut impl Iterator<Item = [u8; 32]>) {
        let elements = self.elements(tuple).expect("a shell has its hash");
        let mut size = U256::ONE;
        let (inner, len) = inner_preimage(elements.iter().map(|slot| match self.value(*slot) {
            Value::Int(_) => {
                size = wrapping_add(size, U256::ONE);
                Hash(words.next().expect("one hash a word"))
            }
            Value::Hidden(hash) => hash,
            other => {
                size = wrapping_add(size, self.size(&other));
                self.known(other.object().expect("neither an int nor hidden"))
            }
        }));
        let inner = inner_hash(&inner[..len]);
        let cell = self.arenas.tuples[tuple.0 as usize];
        let digest = match cell.digest.index() {
            Some(digest) => digest,
            None => {
                let digest = self.push_digest(size, Name::UNKNOWN);
                self.arenas.tuples[tuple.0 as usize].digest = digest;
                self.arenas.digests.len() - 1
            }
        };
        let digest = &mut self.arenas.digests[digest];
        // With hidden elements the sum above is not all; the size came with the tuple.
        if !cell.partial {
            digest.size = size;
        }
        digest.name = Name::known(Hash::of(&shell_preimage(inner, digest.size)));
    }

    fn node_hash(&self, node: NodeRef) -> Hash {
        match self.node_cell(node).node {
            Node::Leaf(bytes) => Hash::of(&bytes),
            Node::Branch(left, right) => self
                .known(Object::Node(left))
                .join(self.known(Object::Node(right))),
            Node::Stub => unreachable!("a stub has its hash"),
        }
    }

    fn code_hash(&self, code: CodeRef) -> Hash {
        let Operation::Known {
            opcode,
            immediate,
            next,
        } = self.code_cell(code).operation
        else {
            unreachable!("a stub has its hash")
        };
        let immediate = immediate.map(|value| match value {
            Value::Int(word) => Hash::of(&word.to_be_bytes::<32>()),
            Value::Hidden(hash) => hash,
            other => self.known(other.object().expect("neither an int nor hidden")),
        });
        let next = next.map_or(Hash::ZERO, |next| self.known(Object::Code(next)));
        let (preimage, len) = code_preimage(opcode, immediate, next);
        Hash::keccak(&preimage[..len])
    }

    fn name(&self, object: Object) -> Option<Hash> {
        match object {
            Object::Tuple(tuple) => {
                let digest = self.arenas.tuples[tuple.0 as usize].digest.index()?;
                self.arenas.digests[digest].name.get()
            }
            Object::Code(code) => self.code_cell(code).name.get(),
            Object::Buffer(buffer) => self.buffer_cell(buffer).name.get(),
            Object::Node(node) => self.node_cell(node).name.get(),
        }
    }

    /// Puts an object without a hash into the list; false if it has one or is in the list.
    fn queue(&mut self, object: Object) -> bool {
        match object {
            Object::Tuple(tuple) => {
                let cell = &mut self.arenas.tuples[tuple.0 as usize];
                match cell.digest.index() {
                    Some(digest) => self.arenas.digests[digest].name.queue(),
                    None => {
                        core::mem::replace(&mut cell.digest, DigestRef::QUEUED) == DigestRef::NONE
                    }
                }
            }
            Object::Code(code) => self.code_cell_mut(code).name.queue(),
            Object::Buffer(buffer) => self.buffer_cell_mut(buffer).name.queue(),
            Object::Node(node) => self.node_cell_mut(node).name.queue(),
        }
    }

    /// Hash of an object that was hashed before.
    pub(crate) fn known(&self, object: Object) -> Hash {
        self.name(object)
            .expect("children are hashed before their parents")
    }
}

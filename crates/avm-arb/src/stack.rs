//! The data stack and the aux stack.
//!
//! A stack hashes as nested pairs `(top, (second, (... , ())))`. The items that a run touched are
//! in memory; what is below them may still be in the store, known by its hash. Spec: section 2.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use avm_core::{Hash, HostError};
use avm_keccak::keccak256_batch;
use ruint::aliases::U256;

use crate::heap::{Heap, NONE, inner_hash, inner_preimage, shell_preimage};
use crate::limbs::wrapping_add;
use crate::nodes;
use crate::store::Store;
use crate::value::Value;

/// Items hashed between two batches of words.
const CHUNK: usize = 512;

/// Hash and size of a stack as a tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    pub(crate) hash: Hash,
    pub(crate) size: U256,
}

/// The part of a stack that has not been read.
#[derive(Clone, Copy, Debug)]
struct Rest {
    hash: Hash,
    /// `None` until an item is to be put on top, which makes a new tuple.
    size: Option<U256>,
}

#[derive(Clone, Debug)]
pub(crate) struct Stack {
    /// Items, top last; only the first `len` count, the others are room for the fast engine.
    slots: Vec<Value>,
    len: usize,
    /// Digest of the stack that ends with each item, as far as it was taken and still holds.
    digests: Vec<Digest>,
    /// What is below, unless it is the empty stack.
    rest: Option<Rest>,
    empty: Digest,
}

impl Stack {
    /// An empty stack.
    pub(crate) fn new(heap: &mut Heap) -> Self {
        let empty = Digest {
            hash: heap.hash(&Value::Tuple(NONE)),
            size: U256::ONE,
        };
        Stack {
            slots: vec![],
            len: 0,
            digests: vec![],
            rest: None,
            empty,
        }
    }

    /// The stack named `hash`, none of which was read.
    pub(crate) fn stored(hash: Hash, heap: &mut Heap) -> Self {
        let mut stack = Stack::new(heap);
        stack.rest = (hash != stack.empty.hash).then_some(Rest { hash, size: None });
        stack
    }

    /// Items in memory.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether the stack has no item at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0 && self.rest.is_none()
    }

    /// Items in memory, top last.
    pub(crate) fn items(&self) -> &[Value] {
        &self.slots[..self.len]
    }

    pub(crate) fn items_mut(&mut self) -> &mut [Value] {
        &mut self.slots[..self.len]
    }

    /// Bytes in use as if all items were hashed, room above them left out.
    pub(crate) fn bytes(&self) -> usize {
        self.len * (size_of::<Value>() + size_of::<Digest>())
    }

    /// Puts an item on top. [`Stack::settle`] must have been called for this step.
    pub(crate) fn push(&mut self, value: Value) {
        match self.slots.get_mut(self.len) {
            Some(slot) => *slot = value,
            None => self.slots.push(value),
        }
        self.len += 1;
    }

    /// Takes the top, which must be in memory.
    pub(crate) fn pop(&mut self) -> Value {
        self.len -= 1;
        self.digests.truncate(self.len);
        self.slots[self.len]
    }

    /// Drops items until `len` are in memory.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        self.digests.truncate(self.len);
    }

    /// Brings items up from the store until `want` are in memory or the stack is empty; these
    /// items are hidden. Returns the size, as a tuple, of the stack that ends with the lowest of
    /// them; `None` if there was nothing to bring.
    pub(crate) fn pull(&mut self, want: usize, store: &Store) -> Result<Option<U256>, HostError> {
        let mut lowest = None;
        while self.len < want {
            let Some(rest) = self.rest else { break };
            let tuple = nodes::tuple(rest.hash, store)?;
            let [top, below] = nodes::pair(tuple.inner, store)?;
            self.digests.clear();
            // Room above the items would have to move, too: fewer than `want` items do.
            self.slots.truncate(self.len);
            self.slots.insert(0, Value::Hidden(top));
            self.len += 1;
            self.rest = (below != self.empty.hash).then_some(Rest {
                hash: below,
                size: None,
            });
            lowest = Some(tuple.size);
        }
        Ok(lowest)
    }

    /// Learns the size of what is below the items in memory, so that items can be put on top.
    ///
    /// `lowest` is what [`Stack::pull`] returned just before. Then the lowest item is read, which
    /// most operations do anyway, and what is below has the rest of that size: its own node need
    /// not be read.
    pub(crate) fn settle(
        &mut self,
        lowest: Option<U256>,
        heap: &mut Heap,
        store: &Store,
    ) -> Result<(), HostError> {
        let Some(rest) = &mut self.rest else {
            return Ok(());
        };
        if rest.size.is_none() {
            rest.size = Some(match lowest {
                Some(pair) => {
                    let item = heap.reveal(self.slots[0], store)?;
                    self.slots[0] = item;
                    pair.wrapping_sub(heap.size(&item)).wrapping_sub(U256::ONE)
                }
                None => nodes::tuple(rest.hash, store)?.size,
            });
        }
        Ok(())
    }

    /// Hash and size of the whole stack. Every item has been read.
    pub(crate) fn digest(&mut self, heap: &mut Heap) -> Digest {
        while self.digests.len() < self.len {
            let from = self.digests.len();
            let to = self.len.min(from + CHUNK);
            let hashes = self.item_hashes(from..to, heap);
            for (item, hash) in self.slots[from..to].iter().zip(hashes) {
                let below = self.digests.last().copied().unwrap_or_else(|| self.floor());
                let (inner, len) = inner_preimage([hash, below.hash].into_iter());
                let size = wrapping_add(wrapping_add(heap.size(item), below.size), U256::ONE);
                let hash = Hash::of(&shell_preimage(inner_hash(&inner[..len]), size));
                self.digests.push(Digest { hash, size });
            }
        }
        match (self.digests.last(), &self.rest) {
            (Some(digest), _) => *digest,
            // The size is not known, and nobody asks for it: the hash is all that is used.
            (None, Some(rest)) => Digest {
                hash: rest.hash,
                size: rest.size.unwrap_or_default(),
            },
            (None, None) => self.empty,
        }
    }

    /// Hashes of some of the items.
    fn item_hashes(&self, range: Range<usize>, heap: &mut Heap) -> Vec<Hash> {
        let items = &self.slots[range];
        let words = items.iter().filter_map(|item| match item {
            Value::Int(word) => Some(word.to_be_bytes::<32>()),
            _ => None,
        });
        let words: Vec<u8> = words.flatten().collect();
        let mut hashed = vec![[0; 32]; words.len() / 32];
        keccak256_batch(32, &words, &mut hashed);
        let mut hashed = hashed.into_iter();
        let hash = |item: &Value| match item {
            Value::Int(_) => Hash(hashed.next().expect("one hash a word")),
            other => heap.hash(other),
        };
        items.iter().map(hash).collect()
    }

    /// Digest of what is below the items in memory.
    pub(crate) fn floor(&self) -> Digest {
        match &self.rest {
            Some(rest) => Digest {
                hash: rest.hash,
                size: rest
                    .size
                    .expect("an item was put on top, so the stack is settled"),
            },
            None => self.empty,
        }
    }

    /// Digests of the stacks that end with each item in memory, after [`Stack::digest`].
    pub(crate) fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// Hash of the part that has not been read.
    pub(crate) fn rest(&self) -> Option<Hash> {
        self.rest.map(|rest| rest.hash)
    }

    // ---- the fast engine

    /// All slots, at least `room` of them above the items, for a run that keeps its own count.
    pub(crate) fn reserve(&mut self, room: usize) -> &mut [Value] {
        if self.slots.len() < self.len + room {
            let target = (self.len + room).max(self.slots.len() * 2);
            self.slots.resize(target, Value::Int(U256::ZERO));
        }
        &mut self.slots
    }

    /// Ends such a run with `len` items, of which the lowest `kept` were not touched.
    pub(crate) fn set_len(&mut self, len: usize, kept: usize) {
        self.len = len;
        self.digests.truncate(kept.min(len));
    }

    /// Whether a run may put items on top without asking the store.
    pub(crate) fn is_settled(&self) -> bool {
        self.rest.is_none_or(|rest| rest.size.is_some())
    }
}

//! Elements of tuples, packed into 8 bytes: small ints and handles in place, other words aside.

use ruint::aliases::U256;

use avm_core::Hash;

use super::{Heap, index};
use crate::value::{BufferRef, CodeRef, TupleRef, Value};

/// A packed value: three bits of tag, 61 bits of content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot(u64);

const TAG_BITS: u32 = 3;
/// Ints below this are in the slot itself.
const SMALL: u64 = 1 << (64 - TAG_BITS);

/// A slot taken apart. Words are places in the arena of words.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unpacked {
    Small(u64),
    Word(u32),
    Tuple(TupleRef),
    Code(CodeRef),
    Buffer(BufferRef),
    Hidden(u32),
}

impl Slot {
    #[inline(always)]
    pub(super) fn pack(unpacked: Unpacked) -> Self {
        let (tag, content) = match unpacked {
            Unpacked::Small(small) => (0, small),
            Unpacked::Word(at) => (1, u64::from(at)),
            Unpacked::Tuple(tuple) => (2, u64::from(tuple.0)),
            Unpacked::Code(code) => (3, u64::from(code.0)),
            Unpacked::Buffer(buffer) => (4, u64::from(buffer.0)),
            Unpacked::Hidden(at) => (5, u64::from(at)),
        };
        Slot(content << TAG_BITS | tag)
    }

    #[inline(always)]
    pub(super) fn unpack(self) -> Unpacked {
        let content = self.0 >> TAG_BITS;
        match self.0 & 7 {
            0 => Unpacked::Small(content),
            1 => Unpacked::Word(content as u32),
            2 => Unpacked::Tuple(TupleRef(content as u32)),
            3 => Unpacked::Code(CodeRef(content as u32)),
            4 => Unpacked::Buffer(BufferRef(content as u32)),
            _ => Unpacked::Hidden(content as u32),
        }
    }
}

impl Heap {
    /// The value in a slot.
    #[inline(always)]
    pub(crate) fn value(&self, slot: Slot) -> Value {
        match slot.unpack() {
            Unpacked::Small(small) => Value::Int(U256::from_limbs([small, 0, 0, 0])),
            Unpacked::Word(at) => Value::Int(self.arenas.words[at as usize]),
            Unpacked::Tuple(tuple) => Value::Tuple(tuple),
            Unpacked::Code(code) => Value::Code(code),
            Unpacked::Buffer(buffer) => Value::Buffer(buffer),
            Unpacked::Hidden(at) => {
                Value::Hidden(Hash(self.arenas.words[at as usize].to_be_bytes()))
            }
        }
    }

    /// A slot that holds a value.
    #[inline(always)]
    pub(super) fn slot(&mut self, value: Value) -> Slot {
        Slot::pack(match value {
            Value::Int(word) => match *word.as_limbs() {
                [small, 0, 0, 0] if small < SMALL => Unpacked::Small(small),
                _ => Unpacked::Word(self.word(word)),
            },
            Value::Tuple(tuple) => Unpacked::Tuple(tuple),
            Value::Code(code) => Unpacked::Code(code),
            Value::Buffer(buffer) => Unpacked::Buffer(buffer),
            Value::Hidden(hash) => Unpacked::Hidden(self.word(U256::from_be_bytes(hash.0))),
        })
    }

    fn word(&mut self, word: U256) -> u32 {
        let at = index(self.arenas.words.len());
        self.arenas.words.push(word);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn slots_hold_any_value(limbs: [u64; 4], low: u64, bits in 0u32..64, handle: u32) {
            let mut heap = Heap::new();
            let ints = [limbs, [low, 0, 0, 0], [low >> bits, 0, 0, 0], [SMALL - 1, 0, 0, 0], [SMALL, 0, 0, 0]];
            for limbs in ints {
                let slot = heap.slot(Value::Int(U256::from_limbs(limbs)));
                let is_same = matches!(heap.value(slot), Value::Int(word) if *word.as_limbs() == limbs);
                prop_assert!(is_same);
            }
            let hash = Hash::keccak(&low.to_be_bytes());
            let slot = heap.slot(Value::Hidden(hash));
            prop_assert!(matches!(heap.value(slot), Value::Hidden(found) if found == hash));
            let slot = heap.slot(Value::Tuple(TupleRef(handle)));
            prop_assert!(matches!(heap.value(slot), Value::Tuple(TupleRef(found)) if found == handle));
            let slot = heap.slot(Value::Code(CodeRef(handle)));
            prop_assert!(matches!(heap.value(slot), Value::Code(CodeRef(found)) if found == handle));
            let slot = heap.slot(Value::Buffer(BufferRef(handle)));
            prop_assert!(matches!(heap.value(slot), Value::Buffer(BufferRef(found)) if found == handle));
        }
    }
}

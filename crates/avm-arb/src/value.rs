//! Values: what the stacks, the registers and tuples hold.

use avm_core::Hash;
use ruint::aliases::U256;

/// A value, 40 bytes, copied freely: a word, or a handle into the [`Heap`](crate::heap::Heap)
/// that made it. Everything behind a handle is immutable.
///
/// The tag is as wide as a limb, so that a copy moves whole words.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(crate) enum Value {
    /// A 256-bit word.
    Int(U256),
    /// Zero to eight values.
    Tuple(TupleRef),
    /// A place in the code.
    Code(CodeRef),
    /// A sparse array of 2^64 bytes.
    Buffer(BufferRef),
    /// Something in the store that no step has looked at. Elements of tuples and the registers of
    /// an opened state may be hidden; items of a stack are only while an operation
    /// takes them.
    Hidden(Hash),
}

/// Handle of a tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TupleRef(pub(crate) u32);

/// Handle of an operation, which as a value is a code point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CodeRef(pub(crate) u32);

/// Handle of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BufferRef(pub(crate) u32);

/// The four kinds of values, with the number that `type` pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A 256-bit word.
    Int = 0,
    /// A place in the code.
    CodePoint = 1,
    /// Zero to eight values.
    Tuple = 3,
    /// A sparse byte array.
    Buffer = 12,
}

impl core::fmt::Display for Kind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Kind::Int => "int",
            Kind::CodePoint => "code point",
            Kind::Tuple => "tuple",
            Kind::Buffer => "buffer",
        })
    }
}

impl Value {
    /// The word `n`.
    pub(crate) fn int(n: u64) -> Self {
        Value::Int(U256::from(n))
    }

    /// One for true, zero for false.
    pub(crate) fn bool(truth: bool) -> Self {
        Value::int(u64::from(truth))
    }

    /// A copy, moved limb by limb.
    ///
    /// A plain copy loads the word with one wide load. If the four limbs were stored one by one
    /// just before, as arithmetic does, that load waits for them to reach the cache.
    #[inline(always)]
    pub(crate) fn copied(&self) -> Self {
        match self {
            Value::Int(word) => Value::Int(crate::limbs::copied(word)),
            Value::Tuple(tuple) => Value::Tuple(*tuple),
            Value::Code(code) => Value::Code(*code),
            Value::Buffer(buffer) => Value::Buffer(*buffer),
            Value::Hidden(hash) => Value::Hidden(*hash),
        }
    }
}

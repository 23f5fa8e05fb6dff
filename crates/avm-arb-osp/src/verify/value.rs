//! Values in proof form, and their hashes.
//!
//! The verifier looks only at what an opcode inspects. So a value is kept as far as the proof opens
//! it, and code points, whose content no opcode inspects, are kept as hashes.
//!
//! # Kinds cannot be confused
//!
//! Every value hash is the Keccak-256 of a preimage whose length tells the kind: 32 bytes an Int,
//! 34 a code point without an immediate, 66 one with it, 65 a tuple, 64 a buffer. A prover who shows
//! one kind where the machine has another would have to find two preimages of one hash. This is also
//! why the form [`CLOSED_CODE_POINT`] is safe: it gives all of the 66 bytes, `01`, the opcode, the
//! immediate's hash and the next code point's hash. It withholds what is below the immediate's hash,
//! which no opcode looks at, but not that the value is a code point.
//!
//! Spec: sections 2 and 3a; section 18, items 4 and 6.

use alloc::vec::Vec;

use avm_core::Hash;
use ruint::aliases::U256;

use super::reader::Reader;
use super::{Mode, NESTING_LIMIT, Refusal};

/// H of the empty tuple, and so of an empty stack. Spec: section 22.
pub(super) const EMPTY_TUPLE: Hash = Hash([
    0x5d, 0xfd, 0x74, 0x47, 0x53, 0xc1, 0x3a, 0x6d, 0xe9, 0xcf, 0x0e, 0x9e, 0x3d, 0x01, 0x64, 0xcd,
    0xf0, 0xb1, 0xbb, 0xdb, 0x5e, 0xfb, 0x36, 0x60, 0xa6, 0x84, 0xd4, 0x64, 0x77, 0x17, 0x60, 0x58,
]);

/// Type bytes of the proof form. Spec: section 3a.
const INT: u8 = 0;
const CODE_POINT: u8 = 1;
const WITHHELD: u8 = 2;
const TUPLE: u8 = 3;
const TUPLE_OF_8: u8 = 11;
const BUFFER: u8 = 12;
/// `0d ‖ u8(op) ‖ H(imm) ‖ next`: a code point whose immediate is withheld. Not a form of the
/// deployed contract, whose proofs of nested code points have no bound.
pub(super) const CLOSED_CODE_POINT: u8 = 13;

/// A value, as far as a proof opens it.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Int(U256),
    /// By its hash.
    CodePoint(Hash),
    Tuple(Tuple),
    /// A tuple whose elements are not shown.
    Withheld(Preimage),
    /// By the root of its tree, not its value hash.
    Buffer(Hash),
}

/// A tuple with its elements.
#[derive(Clone, Debug)]
pub(super) struct Tuple {
    /// At most eight.
    items: Vec<Value>,
    preimage: Preimage,
}

/// What a tuple's hash is the hash of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Preimage {
    /// K of the number of elements and their hashes.
    pub(super) inner: Hash,
    /// Modulo 2^256.
    pub(super) size: U256,
}

impl Preimage {
    /// Of a tuple of at most eight values, each given as hash and size.
    fn of(items: impl ExactSizeIterator<Item = (Hash, U256)>) -> Self {
        let mut bytes = [0; 1 + 8 * 32];
        let length = 1 + 32 * items.len();
        bytes[0] = items.len() as u8;
        let mut size = U256::ONE;
        for (at, (hash, item_size)) in items.enumerate() {
            bytes[1 + 32 * at..][..32].copy_from_slice(&hash.0);
            size = size.wrapping_add(item_size);
        }
        let inner = Hash::keccak(&bytes[..length]);
        Self { inner, size }
    }

    pub(super) fn hash(&self) -> Hash {
        let mut bytes = [0; 65];
        bytes[0] = TUPLE;
        bytes[1..33].copy_from_slice(&self.inner.0);
        bytes[33..].copy_from_slice(&self.size.to_be_bytes::<32>());
        Hash::of(&bytes)
    }

    /// The stack with `value` on top: stacks hash as nested pairs `(top, rest)`.
    pub(super) fn pushed(&self, value: &Value) -> Self {
        Self::of([(value.hash(), value.size()), (self.hash(), self.size)].into_iter())
    }

    /// Whether this is an empty stack.
    pub(super) fn is_empty(&self) -> bool {
        self.hash() == EMPTY_TUPLE
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            inner: reader.hash()?,
            size: reader.int()?,
        })
    }
}

impl Tuple {
    /// # Panics
    /// If there are more than eight values; callers know the number.
    pub(super) fn new(items: Vec<Value>) -> Self {
        assert!(items.len() <= 8, "a tuple has at most 8 elements");
        let preimage = Preimage::of(items.iter().map(|item| (item.hash(), item.size())));
        Self { items, preimage }
    }

    pub(super) fn items(&self) -> &[Value] {
        &self.items
    }

    pub(super) fn into_items(self) -> Vec<Value> {
        self.items
    }
}

impl Value {
    pub(super) const ZERO: Self = Self::Int(U256::ZERO);

    /// A tuple of at most eight values.
    pub(super) fn tuple(items: Vec<Self>) -> Self {
        Self::Tuple(Tuple::new(items))
    }

    pub(super) fn bool(value: bool) -> Self {
        Self::Int(U256::from(value))
    }

    /// H of the value. Spec: section 2.
    pub(super) fn hash(&self) -> Hash {
        match self {
            Self::Int(value) => Hash::of(&value.to_be_bytes::<32>()),
            Self::CodePoint(hash) => *hash,
            Self::Tuple(tuple) => tuple.preimage.hash(),
            Self::Withheld(preimage) => preimage.hash(),
            Self::Buffer(root) => buffer_tag().join(*root),
        }
    }

    /// The size that goes into tuple hashes. Spec: section 1.
    pub(super) fn size(&self) -> U256 {
        match self {
            Self::Tuple(tuple) => tuple.preimage.size,
            Self::Withheld(preimage) => preimage.size,
            Self::Int(_) | Self::CodePoint(_) | Self::Buffer(_) => U256::ONE,
        }
    }

    /// What the opcode `type` pushes. Spec: section 1.
    pub(super) fn type_code(&self) -> u8 {
        match self {
            Self::Int(_) => INT,
            Self::CodePoint(_) => CODE_POINT,
            Self::Tuple(_) | Self::Withheld(_) => TUPLE,
            Self::Buffer(_) => BUFFER,
        }
    }

    /// Reads one value. Recursion ends at [`NESTING_LIMIT`].
    pub(super) fn read(reader: &mut Reader<'_>, mode: Mode) -> Result<Self, Refusal> {
        Self::read_below(reader, mode, 0)
    }

    fn read_below(reader: &mut Reader<'_>, mode: Mode, level: usize) -> Result<Self, Refusal> {
        let at = reader.at();
        if level == NESTING_LIMIT {
            return Err(Refusal::Nesting {
                at,
                limit: NESTING_LIMIT,
            });
        }
        Ok(match reader.byte()? {
            INT => Self::Int(reader.int()?),
            CODE_POINT => Self::CodePoint(read_code_point(reader, mode, level)?),
            WITHHELD => Self::Withheld(Preimage::read(reader)?),
            code @ TUPLE..=TUPLE_OF_8 => {
                let mut items = Vec::with_capacity(usize::from(code - TUPLE));
                for _ in TUPLE..code {
                    items.push(Self::read_below(reader, mode, level + 1)?);
                }
                Self::tuple(items)
            }
            BUFFER => Self::Buffer(reader.hash()?),
            CLOSED_CODE_POINT if mode == Mode::Sound => {
                let opcode = reader.byte()?;
                let immediate = reader.hash()?;
                Self::CodePoint(code_point(opcode, Some(immediate), reader.hash()?))
            }
            code => return Err(Refusal::TypeCode { at, code }),
        })
    }
}

/// What follows the type byte of an opened code point; its hash.
fn read_code_point(reader: &mut Reader<'_>, mode: Mode, level: usize) -> Result<Hash, Refusal> {
    let at = reader.at();
    let flag = reader.byte()?;
    // the contract takes every flag but 1 for "no immediate"
    if flag > 1 && mode == Mode::Sound {
        return Err(Refusal::CodePointFlag { at, flag });
    }
    let opcode = reader.byte()?;
    let immediate = match flag {
        1 => Some(Value::read_below(reader, mode, level + 1)?.hash()),
        _ => None,
    };
    Ok(code_point(opcode, immediate, reader.hash()?))
}

/// H of a code point, from its opcode, its immediate's hash and the next code point's hash.
pub(super) fn code_point(opcode: u8, immediate: Option<Hash>, next: Hash) -> Hash {
    match immediate {
        None => {
            let mut bytes = [0; 34];
            bytes[..2].copy_from_slice(&[CODE_POINT, opcode]);
            bytes[2..].copy_from_slice(&next.0);
            Hash::of(&bytes)
        }
        Some(immediate) => {
            let mut bytes = [0; 66];
            bytes[..2].copy_from_slice(&[CODE_POINT, opcode]);
            bytes[2..34].copy_from_slice(&immediate.0);
            bytes[34..].copy_from_slice(&next.0);
            Hash::of(&bytes)
        }
    }
}

/// `u256(123)`, which keeps buffers apart from other values.
const fn buffer_tag() -> Hash {
    let mut tag = [0; 32];
    tag[31] = 123;
    Hash(tag)
}

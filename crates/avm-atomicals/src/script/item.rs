//! Elements of a stack: immutable byte strings, short ones kept in place.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use avm_core::Hash;

use super::bytes;

/// Longest element kept in place, in bytes: digests, public keys and token references fit.
pub const INLINE_BYTES: usize = 40;

/// Longest number that the fast paths know, in bytes: one machine word.
const WORD_BYTES: usize = 8;

/// An element of a stack. Cloning is cheap.
#[derive(Clone)]
pub struct Item(Repr);

/// Bytes of a short element. Aligned, so that a number is read and written as the word it is: a
/// processor waits when a word is read that was written in parts.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Inline([u8; INLINE_BYTES]);

#[derive(Clone)]
enum Repr {
    /// Length, and bytes; what is behind the length is never looked at.
    Inline(u8, Inline),
    Shared(Arc<[u8]>),
    /// Not read yet: hash of its node, and its length in bytes.
    Hidden(Hash, u32),
}

impl Item {
    /// No bytes: zero and false.
    pub const EMPTY: Self = Self(Repr::Inline(0, Inline([0; INLINE_BYTES])));

    /// One byte 01: one and true.
    pub const ONE: Self = Self::byte(1);

    /// One byte.
    #[must_use]
    pub const fn byte(byte: u8) -> Self {
        let mut bytes = [0; INLINE_BYTES];
        bytes[0] = byte;
        Self(Repr::Inline(1, Inline(bytes)))
    }

    /// These bytes.
    #[inline]
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        if bytes.len() <= INLINE_BYTES {
            let mut inline = [0; INLINE_BYTES];
            inline[..bytes.len()].copy_from_slice(bytes);
            Self(Repr::Inline(bytes.len() as u8, Inline(inline)))
        } else {
            Self(Repr::Shared(bytes.into()))
        }
    }

    /// A number of one word.
    #[inline]
    #[must_use]
    pub fn int(value: i64) -> Self {
        let mut item = Self::EMPTY;
        item.set_int(value);
        item
    }

    /// Makes this element a number of one word, in place if it is a short one.
    #[inline(always)]
    pub(crate) fn set_int(&mut self, value: i64) {
        let magnitude = value.unsigned_abs();
        let bits = 64 - magnitude.leading_zeros();
        // One bit more than the magnitude has, for the sign; zero has no bytes.
        let len = if magnitude == 0 {
            0
        } else {
            bits as usize / 8 + 1
        };
        let sign = u64::from(value < 0);
        let word = match len {
            1..=WORD_BYTES => magnitude | sign << (len * 8 - 1),
            _ => magnitude,
        };
        if !matches!(self.0, Repr::Inline(..)) {
            *self = Self::EMPTY;
        }
        if let Repr::Inline(old, Inline(bytes)) = &mut self.0 {
            *old = len as u8;
            bytes[..WORD_BYTES].copy_from_slice(&word.to_le_bytes());
            bytes[WORD_BYTES] = (sign as u8) << 7;
        }
    }

    /// Makes this element the first `len` of some bytes, in place if it is a short one.
    #[inline(always)]
    pub(crate) fn set_first(&mut self, from: &[u8], len: usize) {
        match (&mut self.0, from.first_chunk::<INLINE_BYTES>()) {
            // A copy of a fixed length is a few moves.
            (Repr::Inline(old, Inline(bytes)), Some(inline)) if len <= INLINE_BYTES => {
                *old = len as u8;
                *bytes = *inline;
            }
            _ => *self = Self::new(&from[..len]),
        }
    }

    /// The number of one word that this element is; `None` if it is a longer one, or not in its
    /// shortest form.
    #[inline(always)]
    #[must_use]
    pub(crate) fn as_int(&self) -> Option<i64> {
        let (len, word) = self.as_word()?;
        if len == 0 {
            return Some(0);
        }
        let top = word >> (len * 8 - 8);
        if top & 0x7f == 0 && (len == 1 || word >> (len * 8 - 9) & 1 == 0) {
            return None;
        }
        let sign = 1 << (len * 8 - 1);
        let magnitude = (word & !sign) as i64;
        Some(if word & sign == 0 {
            magnitude
        } else {
            -magnitude
        })
    }

    /// Length and bytes of an element of one word at most, little-endian.
    #[inline(always)]
    fn as_word(&self) -> Option<(usize, u64)> {
        match &self.0 {
            Repr::Inline(len, Inline(bytes)) if usize::from(*len) <= WORD_BYTES => {
                let len = usize::from(*len);
                let word = u64::from_le_bytes(*bytes.first_chunk().expect("it has more bytes"));
                let bits = len as u32 * 8;
                Some((
                    len,
                    word & 1_u64.checked_shl(bits).unwrap_or(0).wrapping_sub(1),
                ))
            }
            _ => None,
        }
    }

    /// Makes this element, which must be short, a copy of another.
    #[inline(always)]
    pub(crate) fn copy_from(&mut self, other: &Self) {
        if let (Some((len, word)), Repr::Inline(old, Inline(bytes))) =
            (other.as_word(), &mut self.0)
        {
            *old = len as u8;
            bytes[..WORD_BYTES].copy_from_slice(&word.to_le_bytes());
        } else {
            *self = other.clone();
        }
    }

    /// True is one byte 01, false is empty.
    #[inline]
    #[must_use]
    pub fn bool(value: bool) -> Self {
        if value { Self::ONE } else { Self::EMPTY }
    }

    /// An element that is known by the hash of its node.
    #[must_use]
    pub(crate) fn hidden(hash: Hash, len: u32) -> Self {
        Self(Repr::Hidden(hash, len))
    }

    /// The hash of an element that was not read.
    #[must_use]
    pub(crate) fn as_hidden(&self) -> Option<Hash> {
        match self.0 {
            Repr::Hidden(hash, _) => Some(hash),
            _ => None,
        }
    }

    /// The bytes.
    ///
    /// # Panics
    /// If the element was not read: the loop reads what a row says that its handler looks into.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline(len, Inline(bytes)) => &bytes[..usize::from(*len)],
            Repr::Shared(bytes) => bytes,
            Repr::Hidden(hash, _) => panic!("element {hash} was not read before its use"),
        }
    }

    /// Length in bytes, also of an element that was not read.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Inline(len, _) => usize::from(*len),
            Repr::Shared(bytes) => bytes.len(),
            Repr::Hidden(_, len) => *len as usize,
        }
    }

    /// Whether it has no bytes.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The truth test: any byte that is not zero, but for a sign in the last. Spec: section 2.
    #[inline]
    #[must_use]
    pub fn is_true(&self) -> bool {
        bytes::is_true(self.bytes())
    }

    /// The bytes, to be shared.
    #[must_use]
    pub fn to_shared(&self) -> Arc<[u8]> {
        match &self.0 {
            Repr::Shared(bytes) => Arc::clone(bytes),
            _ => self.bytes().into(),
        }
    }
}

impl From<Arc<[u8]>> for Item {
    fn from(bytes: Arc<[u8]>) -> Self {
        if bytes.len() <= INLINE_BYTES {
            Self::new(&bytes)
        } else {
            Self(Repr::Shared(bytes))
        }
    }
}

impl From<Vec<u8>> for Item {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(&bytes)
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Hidden(a, _), Repr::Hidden(b, _)) => a == b,
            (Repr::Hidden(..), _) | (_, Repr::Hidden(..)) => false,
            _ => self.bytes() == other.bytes(),
        }
    }
}

impl Eq for Item {}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Hidden(hash, len) => write!(f, "#{}({len} bytes)", hash.short()),
            _ => {
                f.write_str("0x")?;
                self.bytes()
                    .iter()
                    .try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::num::Num;
    use super::*;

    #[test]
    fn truth() {
        for (bytes, want) in [
            (&[][..], false),
            (&[0], false),
            (&[0x80], false),
            (&[0, 0x80], false),
            (&[0x80, 0], true),
            (&[0x80, 0x80], true),
            (&[0, 0, 0], false),
            (&[1], true),
            (&[0, 1], true),
            (&[1, 0], true),
            (&[0x81], true),
        ] {
            assert_eq!(Item::new(bytes).is_true(), want, "{bytes:02x?}");
        }
    }

    #[test]
    fn numbers_of_one_word() {
        let long = Item::new(&[9; 100]);
        for shift in 0..63 {
            for value in [1_i64 << shift, (1 << shift) - 1, (1 << shift) + 1] {
                for value in [value, -value] {
                    let num = Num::from(value);
                    let item = Item::int(value);
                    assert_eq!(item.bytes(), num.encode(), "{value}");
                    assert_eq!(item.as_int(), Some(value));
                    let (mut over, mut copy) = (long.clone(), Item::EMPTY);
                    over.set_int(value);
                    copy.copy_from(&item);
                    assert_eq!((&over, &copy), (&item, &item));
                }
            }
        }
        let least = Item::int(i64::MIN);
        assert_eq!(least.bytes(), Num::from(i64::MIN).encode());
        assert_eq!(least.as_int(), None);
        for bytes in [&[0][..], &[0x80], &[1, 0], &[1, 0x80], &[0x7f, 0], &[1; 9]] {
            assert_eq!(Item::new(bytes).as_int(), None, "{bytes:02x?}");
        }
        for bytes in [&[0x80, 0][..], &[0xff, 0x80]] {
            let want = Num::decode(bytes, 8).and_then(|num| num.to_i64());
            assert_eq!(Item::new(bytes).as_int(), want, "{bytes:02x?}");
        }
        for len in 0..=60 {
            let mut item = Item::ONE;
            item.set_first(&[7; 60], len);
            assert_eq!(item.bytes(), &[7; 60][..len]);
        }
    }

    #[test]
    fn short_and_long_elements() {
        for len in [0, 1, INLINE_BYTES, INLINE_BYTES + 1, 5000] {
            let bytes: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let item = Item::new(&bytes);
            assert_eq!((item.bytes(), item.len()), (&bytes[..], len));
            assert_eq!(Item::from(item.to_shared()), item);
        }
        assert_eq!(size_of::<Item>(), 48);
    }
}

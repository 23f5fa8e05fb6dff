//! Keys as strings of 9-bit symbols, and where two of them part.

use alloc::boxed::Box;
use core::fmt;

/// A place in a key: which symbol, and which of its nine bits.
///
/// A byte `b` of a key is the symbol `1 b7 b6 .. b0`, the end of the key is nine zeros (and so is
/// every symbol after it). The order of keys as strings of these bits is their order as bytes, and
/// no key is a prefix of another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At(u32);

/// Bits of one symbol.
const SYMBOL: u32 = 9;

impl At {
    fn new(byte: usize, bit: u32) -> Self {
        // Packed so that a lookup needs no division; the order is that of the bit index.
        Self((byte as u32) << 4 | bit)
    }

    /// The place with this index counted in bits; `None` if no two keys of the longest length
    /// part that late.
    pub(super) fn of_bit(bit: u32) -> Option<Self> {
        let byte = (bit / SYMBOL) as usize;
        (byte < super::KEY_MAX).then(|| Self::new(byte, bit % SYMBOL))
    }

    /// Index counted in bits, nine a symbol.
    pub(super) fn bit(self) -> u32 {
        (self.0 >> 4) * SYMBOL + (self.0 & 15)
    }

    /// The bit of `key` at this place.
    #[inline]
    pub(super) fn side(self, key: &[u8]) -> usize {
        let symbol = match key.get((self.0 >> 4) as usize) {
            Some(&byte) => 0x100 | usize::from(byte),
            None => 0,
        };
        symbol << (self.0 & 15) >> 8 & 1
    }

    /// Whether it is a place in the first so many bytes of a key.
    pub(super) fn is_within(self, len: usize) -> bool {
        ((self.0 >> 4) as usize) < len
    }

    /// The first place where two keys differ; `None` if they are equal.
    pub(super) fn parting(a: &[u8], b: &[u8]) -> Option<Self> {
        let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        match (a.get(same), b.get(same)) {
            (None, None) => None,
            (Some(a), Some(b)) => Some(Self::new(same, 1 + (a ^ b).leading_zeros())),
            _ => Some(Self::new(same, 0)),
        }
    }
}

/// Bytes of a key, in place if they are few: most are, and a lookup ends with comparing them.
#[derive(Clone)]
pub(super) enum Key {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

/// Most bytes of a key that are kept in place.
const SHORT: usize = 22;

impl Key {
    pub(super) fn new(key: &[u8]) -> Self {
        if key.len() <= SHORT {
            let mut bytes = [0; SHORT];
            bytes[..key.len()].copy_from_slice(key);
            let len = key.len() as u8;
            Self::Short { len, bytes }
        } else {
            Self::Long(key.into())
        }
    }

    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Short { len, bytes } => &bytes[..usize::from(*len)],
            Self::Long(bytes) => bytes,
        }
    }
}

impl fmt::Debug for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bit {}", self.bit())
    }
}

#[cfg(test)]
mod tests {
    use super::super::KEY_MAX;
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn places() {
        let cases: [(&[u8], &[u8], Option<u32>); 8] = [
            (b"", b"", None),
            (b"ab", b"ab", None),
            (b"", b"\0", Some(0)),
            (b"a", b"a\0", Some(9)),
            (b"\x00", b"\x80", Some(1)),
            (b"\x00", b"\x01", Some(8)),
            (b"ab", b"ac", Some(9 + 8)),
            (b"ab\xff", b"ab\x7f", Some(18 + 1)),
        ];
        for (a, b, want) in cases {
            assert_eq!(At::parting(a, b).map(At::bit), want, "{a:?} {b:?}");
        }
    }

    #[test]
    fn the_last_place() {
        let mut a = vec![0; KEY_MAX];
        let b = a.clone();
        a[KEY_MAX - 1] = 1;
        let last = 9 * KEY_MAX as u32 - 1;
        assert_eq!(At::parting(&a, &b).map(At::bit), Some(last));
        assert_eq!(At::of_bit(last).map(At::bit), Some(last));
        assert_eq!(At::of_bit(last + 1), None);
        assert_eq!(At::of_bit(u32::MAX), None);
    }

    proptest! {
        #[test]
        fn the_first_bit_that_differs_orders(
            a in prop::collection::vec(0u8..4, 0..5),
            b in prop::collection::vec(0u8..4, 0..5),
        ) {
            let bits = |key: &[u8]| -> Vec<usize> {
                (0..54).map(|bit| At::of_bit(bit).expect("below the limit").side(key)).collect()
            };
            let (in_bits, at) = (bits(&a).cmp(&bits(&b)), At::parting(&a, &b));
            prop_assert_eq!(in_bits, a.cmp(&b));
            let first = (0..54).find(|&bit| bits(&a)[bit] != bits(&b)[bit]);
            prop_assert_eq!(at.map(At::bit), first.map(|bit| bit as u32));
        }

        #[test]
        fn keys_keep_their_bytes(key in prop::collection::vec(any::<u8>(), 0..60)) {
            let kept = Key::new(&key);
            prop_assert_eq!(kept.bytes(), &key[..]);
        }
    }
}

//! Elements as bits and bytes: bitwise operations, shifts, and the length of an encoding.
//!
//! All work in place: an element that is used once is not copied. Spec: section 7.3.

use alloc::vec::Vec;

/// a &= b, byte by byte; of one length.
pub fn and(a: &mut [u8], b: &[u8]) {
    zip(a, b, |a, b| a & b);
}

/// a |= b, byte by byte; of one length.
pub fn or(a: &mut [u8], b: &[u8]) {
    zip(a, b, |a, b| a | b);
}

/// a ^= b, byte by byte; of one length.
pub fn xor(a: &mut [u8], b: &[u8]) {
    zip(a, b, |a, b| a ^ b);
}

#[inline]
fn zip(a: &mut [u8], b: &[u8], join: impl Fn(u64, u64) -> u64) {
    assert_eq!(a.len(), b.len(), "the caller compared the lengths");
    let (a_words, a_tail) = a.as_chunks_mut::<8>();
    let (b_words, b_tail) = b.as_chunks::<8>();
    for (a, b) in a_words.iter_mut().zip(b_words) {
        *a = join(u64::from_ne_bytes(*a), u64::from_ne_bytes(*b)).to_ne_bytes();
    }
    for (a, b) in a_tail.iter_mut().zip(b_tail) {
        *a = join((*a).into(), (*b).into()) as u8;
    }
}

/// Inverts each bit.
pub fn invert(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = !*byte;
    }
}

/// Shifts towards the first byte, which is the most significant; fills with zeros.
pub fn shift_left(bytes: &mut [u8], bits: u64) {
    let Some((skip, bits)) = split(bytes, bits) else {
        return bytes.fill(0);
    };
    let len = bytes.len();
    if bits == 0 {
        bytes.copy_within(skip.., 0);
    } else {
        let mut at = 0;
        // Eight bytes of the result are in nine bytes of the source.
        while let Some(word) = bytes.get(at + skip..).and_then(<[u8]>::first_chunk::<9>) {
            let [first @ .., last] = *word;
            let shifted = u64::from_be_bytes(first) << bits | u64::from(last >> (8 - bits));
            bytes[at..at + 8].copy_from_slice(&shifted.to_be_bytes());
            at += 8;
        }
        while at + skip < len {
            let next = bytes.get(at + skip + 1).copied().unwrap_or(0);
            bytes[at] = bytes[at + skip] << bits | next >> (8 - bits);
            at += 1;
        }
    }
    bytes[len - skip..].fill(0);
}

/// Shifts towards the last byte, which is the least significant; fills with zeros.
pub fn shift_right(bytes: &mut [u8], bits: u64) {
    let Some((skip, bits)) = split(bytes, bits) else {
        return bytes.fill(0);
    };
    let len = bytes.len();
    if bits == 0 {
        bytes.copy_within(..len - skip, skip);
    } else {
        // `at` is the end of what is still to be written.
        let mut at = len;
        while let Some(word) = bytes.get(..at - skip).and_then(<[u8]>::last_chunk::<9>) {
            let [first, rest @ ..] = *word;
            let shifted = u64::from_be_bytes(rest) >> bits | u64::from(first) << (64 - bits);
            bytes[at - 8..at].copy_from_slice(&shifted.to_be_bytes());
            at -= 8;
        }
        while at > skip {
            at -= 1;
            let before = if at > skip { bytes[at - skip - 1] } else { 0 };
            bytes[at] = bytes[at - skip] >> bits | before << (8 - bits);
        }
    }
    bytes[..skip].fill(0);
}

/// Whole bytes and bits to shift by; `None` if nothing of the element is left.
fn split(bytes: &[u8], bits: u64) -> Option<(usize, u32)> {
    let skip = usize::try_from(bits / 8).ok();
    let skip = skip.filter(|skip| *skip < bytes.len())?;
    Some((skip, (bits % 8) as u32))
}

/// Makes the shortest encoding of a number, as `OP_BIN2NUM` does.
pub fn minimise(bytes: &mut Vec<u8>) {
    let Some(last) = bytes.last().copied() else {
        return;
    };
    if last & 0x7f != 0 {
        return;
    }
    bytes.pop();
    let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    bytes.truncate(bytes.len() - zeros);
    match bytes.last_mut() {
        None => {}
        Some(top) if *top & 0x80 != 0 => bytes.push(last),
        Some(top) => *top |= last,
    }
}

/// Encodes a number in exactly `size` bytes, as `OP_NUM2BIN` does; false if they are too few, and
/// then `bytes` are the shortest encoding.
#[must_use]
pub fn resize_number(bytes: &mut Vec<u8>, size: usize) -> bool {
    minimise(bytes);
    if bytes.len() >= size {
        return bytes.len() == size;
    }
    let mut sign = 0;
    if let Some(last) = bytes.last_mut() {
        sign = *last & 0x80;
        *last &= 0x7f;
    }
    bytes.resize(size, 0);
    bytes[size - 1] |= sign;
    true
}

/// Truth test: anything but zeros with, at most, a sign.
#[inline]
#[must_use]
pub fn is_true(bytes: &[u8]) -> bool {
    match bytes {
        [] => false,
        [rest @ .., last] => last & 0x7f != 0 || rest.iter().any(|byte| *byte != 0),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::super::num::{MAX_NUMBER_BYTES, Num, is_minimal};
    use super::*;

    #[test]
    fn truth() {
        let cases: [(&[u8], bool); 9] = [
            (&[], false),
            (&[0], false),
            (&[0x80], false),
            (&[0, 0, 0], false),
            (&[0, 0, 0x80], false),
            (&[0x80, 0], true),
            (&[1, 0], true),
            (&[0, 0x81], true),
            (&[1], true),
        ];
        for (bytes, want) in cases {
            assert_eq!(is_true(bytes), want, "{bytes:x?}");
        }
    }

    #[test]
    fn number_sizes() {
        type Case = (&'static [u8], usize, Option<&'static [u8]>);
        // element, size, result
        let cases: [Case; 9] = [
            (&[], 0, Some(&[])),
            (&[], 3, Some(&[0, 0, 0])),
            (&[0x80], 2, Some(&[0, 0])),
            (&[0x85], 1, Some(&[0x85])),
            (&[0x85], 3, Some(&[5, 0, 0x80])),
            (&[0xff, 0x00], 1, None),
            (&[0xff, 0x80], 4, Some(&[0xff, 0, 0, 0x80])),
            (&[5, 0, 0, 0x80], 1, Some(&[0x85])),
            (&[1], 0, None),
        ];
        for (bytes, size, want) in cases {
            let mut got = bytes.to_vec();
            let fits = resize_number(&mut got, size);
            assert_eq!(fits.then_some(got.as_slice()), want, "{bytes:x?} {size}");
        }
    }

    /// Shifts as those of a big-endian integer cut to its length.
    fn shifted(bytes: &[u8], bits: u64, left: bool) -> Vec<u8> {
        let len = bytes.len();
        let bits = bits.min(len as u64 * 8);
        let value = BigUint::from_bytes_be(bytes);
        let value = if left { value << bits } else { value >> bits };
        let raw = value.to_bytes_be();
        let mut out = vec![0; len.saturating_sub(raw.len())];
        out.extend_from_slice(&raw[raw.len().saturating_sub(len)..]);
        out
    }

    proptest! {
        #[test]
        fn shifts(bytes in prop::collection::vec(any::<u8>(), 0..70), bits in 0..600_u64) {
            for bits in [bits, bits & !7, 1, u64::MAX] {
                let (mut left, mut right) = (bytes.clone(), bytes.clone());
                shift_left(&mut left, bits);
                shift_right(&mut right, bits);
                prop_assert_eq!(left, shifted(&bytes, bits, true));
                prop_assert_eq!(right, shifted(&bytes, bits, false));
            }
        }

        #[test]
        fn bitwise(pairs in prop::collection::vec(any::<(u8, u8)>(), 0..40)) {
            let (a, b): (Vec<u8>, Vec<u8>) = pairs.iter().copied().unzip();
            let model = |join: fn(u8, u8) -> u8| -> Vec<u8> {
                pairs.iter().map(|(a, b)| join(*a, *b)).collect()
            };
            let run = |join: fn(&mut [u8], &[u8])| {
                let mut out = a.clone();
                join(&mut out, &b);
                out
            };
            prop_assert_eq!(run(and), model(|a, b| a & b));
            prop_assert_eq!(run(or), model(|a, b| a | b));
            prop_assert_eq!(run(xor), model(|a, b| a ^ b));
            prop_assert_eq!(run(|a, _| invert(a)), model(|a, _| !a));
        }

        #[test]
        fn shortest(mut bytes in prop::collection::vec(prop_oneof![Just(0), Just(0x80), any::<u8>()], 0..12), size in 0..20_usize) {
            let value = Num::decode_with(&bytes, MAX_NUMBER_BYTES, false).expect("short");
            prop_assert_eq!(is_true(&bytes), !value.is_zero());
            let mut resized = bytes.clone();
            minimise(&mut bytes);
            prop_assert!(is_minimal(&bytes));
            prop_assert_eq!(&bytes, &value.encode());
            let fits = resize_number(&mut resized, size);
            prop_assert_eq!(fits, bytes.len() <= size);
            if fits {
                prop_assert_eq!(resized.len(), size);
                minimise(&mut resized);
                prop_assert_eq!(resized, bytes);
            }
        }
    }
}

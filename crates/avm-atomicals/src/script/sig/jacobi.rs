//! Quadratic residues modulo the field prime, by a binary Jacobi symbol.

/// The field prime, little-endian limbs.
const PRIME: [u64; 4] = [0xffff_fffe_ffff_fc2f, u64::MAX, u64::MAX, u64::MAX];

/// Whether a big-endian number below the field prime is a non-zero square modulo the prime.
pub(super) fn is_square(value: &[u8; 32]) -> bool {
    let mut a = [0; 4];
    for (limb, bytes) in a.iter_mut().rev().zip(value.as_chunks::<8>().0) {
        *limb = u64::from_be_bytes(*bytes);
    }
    let mut n = PRIME;
    // Bit 1 of `sign` is set while the symbol of what was taken out is -1.
    let mut sign = 0;
    while a != [0; 4] {
        // Factors of two: each is -1 for n of 3 or 5 modulo 8.
        while a[0] == 0 {
            // 64 is an even number of them.
            a.rotate_left(1);
        }
        let zeros = a[0].trailing_zeros();
        a = shift_right(a, zeros);
        sign ^= (u64::from(zeros) << 1) & (n[0] ^ n[0] >> 1);
        // Reciprocity for the exchange of a and n: -1 if both are 3 modulo 4.
        let (difference, less) = sub(a, n);
        let mask = u64::from(less).wrapping_neg();
        sign ^= mask & a[0] & n[0];
        for i in 0..4 {
            n[i] ^= mask & (n[i] ^ a[i]);
        }
        a = negate_if(difference, less);
    }
    n == [1, 0, 0, 0] && sign & 2 == 0
}

#[inline]
fn sub(a: [u64; 4], b: [u64; 4]) -> ([u64; 4], bool) {
    let (mut out, mut borrow) = ([0; 4], false);
    for i in 0..4 {
        (out[i], borrow) = a[i].borrowing_sub(b[i], borrow);
    }
    (out, borrow)
}

#[inline]
fn negate_if(a: [u64; 4], negate: bool) -> [u64; 4] {
    let (mask, mut carry) = (u64::from(negate).wrapping_neg(), negate);
    a.map(|limb| {
        let out;
        (out, carry) = (limb ^ mask).carrying_add(0, carry);
        out
    })
}

/// For less than 64 bits.
#[inline]
fn shift_right(a: [u64; 4], bits: u32) -> [u64; 4] {
    // A double shift, as 64 - 0 bits are too many for one.
    let from_above = |limb: u64| limb << 1 << (63 - bits);
    [
        a[0] >> bits | from_above(a[1]),
        a[1] >> bits | from_above(a[2]),
        a[2] >> bits | from_above(a[3]),
        a[3] >> bits,
    ]
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    fn euler(value: &[u8; 32]) -> bool {
        let prime = BigUint::from_bytes_be(&secp256k1::constants::FIELD_SIZE);
        let exponent = (&prime - 1_u32) >> 1;
        BigUint::from_bytes_be(value).modpow(&exponent, &prime) == BigUint::from(1_u32)
    }

    #[test]
    fn small_and_sparse() {
        assert!(!is_square(&[0; 32]));
        for i in 0..255 {
            for low in [0, 1, 3, 200] {
                let mut value = [0; 32];
                value[31 - i / 8] = 1 << (i % 8);
                value[31] |= low;
                assert_eq!(is_square(&value), euler(&value), "{value:x?}");
            }
        }
    }

    proptest! {
        #[test]
        fn eulers_criterion(mut value: [u8; 32]) {
            // Below the prime.
            value[0] &= 0x7f;
            prop_assert_eq!(is_square(&value), euler(&value));
        }
    }
}

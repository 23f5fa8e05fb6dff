//! Arithmetic on 256-bit words beyond addition, subtraction and multiplication.
//!
//! Words are unsigned, or signed in two's complement where a function says so. Results are modulo
//! 2^256. Every function is total: those that divide give zero for a zero divisor, which the
//! machine reports as an error before it comes here.
//!
//! Division and the two modular operations are the library's, which has a fast path for every size
//! of divisor; a second implementation here would have to earn its place. [`pow`] is our own and
//! ten times as fast as squaring and multiplying; the mathematics is described there.
//!
//! Spec: section 7, opcodes 04 to 1d.

use ruint::Uint;
use ruint::aliases::U256;

/// Quotient, unsigned; zero if `b` is zero.
#[inline]
#[must_use]
pub fn div(a: U256, b: U256) -> U256 {
    a.checked_div(b).unwrap_or_default()
}

/// Remainder, unsigned; zero if `b` is zero.
#[inline]
#[must_use]
pub fn rem(a: U256, b: U256) -> U256 {
    a.checked_rem(b).unwrap_or_default()
}

/// Signed quotient, rounded towards zero; zero if `b` is zero. The least word by -1 is itself.
#[inline]
#[must_use]
pub fn sdiv(a: U256, b: U256) -> U256 {
    with_sign(
        div(magnitude(a), magnitude(b)),
        is_negative(a) != is_negative(b),
    )
}

/// Signed remainder, with the sign of `a`; zero if `b` is zero.
#[inline]
#[must_use]
pub fn smod(a: U256, b: U256) -> U256 {
    with_sign(rem(magnitude(a), magnitude(b)), is_negative(a))
}

/// Remainder of the 257-bit sum of `a` and `b`; zero if `modulus` is zero.
#[inline]
#[must_use]
pub fn add_mod(a: U256, b: U256, modulus: U256) -> U256 {
    a.add_mod(b, modulus)
}

/// Remainder of the 512-bit product of `a` and `b`; zero if `modulus` is zero.
#[inline]
#[must_use]
pub fn mul_mod(a: U256, b: U256, modulus: U256) -> U256 {
    a.mul_mod(b, modulus)
}

/// `value` extended from its lowest `index + 1` bytes by their sign; unchanged if `index` >= 31.
#[inline]
#[must_use]
pub fn sign_extend(index: U256, value: U256) -> U256 {
    let Some(at) = small(index, 31) else {
        return value;
    };
    let mut limbs = *value.as_limbs();
    let (last, unused) = (at / 8, 56 - 8 * (at % 8));
    limbs[last] = ((limbs[last] << unused) as i64 >> unused) as u64;
    let sign = (limbs[last] as i64 >> 63) as u64;
    for (at, limb) in limbs.iter_mut().enumerate() {
        *limb = if at > last { sign } else { *limb };
    }
    U256::from_limbs(limbs)
}

/// The byte of `value` at `index`, counted from the most significant; zero if `index` >= 32.
#[inline]
#[must_use]
pub fn byte(index: U256, value: U256) -> U256 {
    match small(index, 32) {
        Some(at) => {
            let limb = value.as_limbs()[3 - at / 8];
            U256::from_limbs([limb >> (56 - 8 * (at % 8)) & 0xff, 0, 0, 0])
        }
        None => U256::ZERO,
    }
}

/// `value` shifted up by `amount` bits; zero from 256 on.
#[inline]
#[must_use]
pub fn shl(value: U256, amount: U256) -> U256 {
    small(amount, 256).map_or(U256::ZERO, |amount| value << amount)
}

/// `value` shifted down by `amount` bits; zero from 256 on.
#[inline]
#[must_use]
pub fn shr(value: U256, amount: U256) -> U256 {
    small(amount, 256).map_or(U256::ZERO, |amount| value >> amount)
}

/// Signed `value` shifted down by `amount` bits, rounded down; 0 or -1 from 256 on.
#[inline]
#[must_use]
pub fn sar(value: U256, amount: U256) -> U256 {
    value.arithmetic_shr(small(amount, 256).unwrap_or(255))
}

/// A word whose unsigned order is the signed order of `value`.
#[inline]
#[must_use]
pub fn signed_order(value: U256) -> U256 {
    let mut limbs = *value.as_limbs();
    limbs[3] ^= 1 << 63;
    U256::from_limbs(limbs)
}

#[inline]
fn is_negative(value: U256) -> bool {
    value.as_limbs()[3] >> 63 == 1
}

/// Absolute value of a signed word; that of the least word, 2^255, does not fit the sign.
#[inline]
fn magnitude(value: U256) -> U256 {
    with_sign(value, is_negative(value))
}

#[inline]
fn with_sign(value: U256, negative: bool) -> U256 {
    if negative {
        value.wrapping_neg()
    } else {
        value
    }
}

/// `value` if it is below `limit`, which fits an index.
#[inline]
fn small(value: U256, limit: u16) -> Option<usize> {
    let limbs = value.as_limbs();
    let fits = limbs[1] | limbs[2] | limbs[3] == 0 && limbs[0] < u64::from(limit);
    fits.then_some(limbs[0] as usize)
}

/// `base` to the power of `exponent`; 0^0 is 1.
///
/// Squaring and multiplying costs some 380 multiplications for a random exponent. Two facts about
/// powers of two save nearly all of them.
///
/// **Even base.** It has a factor 2 at least, so its 256th power and all further are zero. Smaller
/// exponents have eight bits. A power of two, the most usual base, is a shift.
///
/// **Odd base.** Its square is 1 modulo 8, and if x = 1 + a*2^k then x^2 = 1 + a*2^(k+1) +
/// a^2*2^(2k): each further squaring brings one more zero after the leading 1. So `LOW_BITS` = m
/// squarings give y = base^(2^m) = 1 + z, where z is a multiple of 2^(m+2). They also give
/// base^low on the way, for exponent = high * 2^m + low, and what is left is
///
/// ```text
/// base^exponent = base^low * (1 + z)^high
/// (1 + z)^h     = 1 + h z + h(h-1)/2! z^2 + h(h-1)(h-2)/3! z^3 + ...
/// ```
///
/// The binomial series is the 2-adic analogue of a power series of a small number: the i-th term is
/// an integer times z^i / i!, a multiple of 2^(i(m+2) - v(i!)), where v counts factors of two and
/// v(i!) < i. After `TERMS` terms all are zero modulo 2^256.
///
/// *Evaluating it.* By Horner's rule, with z = w * 2^s, where 2^s is the largest power of two
/// dividing any i up to n = `TERMS`:
///
/// ```text
/// sum   = 1 + a_1 (1 + a_2 (1 + ... (1 + a_n)))
/// a_i   = (h-i+1) z / i  =  (h-i+1) w 2^(s - v(i)) / odd(i),   odd(i) = i / 2^v(i)
/// ```
///
/// The powers of two cancel before anything is cut to 256 bits, so no digit is lost. The product
/// (h-i+1) w is h*w less i-1 times w: one multiplication serves all terms. Odd numbers have inverses
/// modulo 2^256, but instead of dividing each term the whole sum is multiplied by
/// D = odd(1) odd(2) ... odd(n), which turns the ones into the small integers
/// d_i = odd(i+1) ... odd(n), and 1/D is the number with which base^low starts.
///
/// *Precision.* The sum from the i-th bracket inwards is multiplied by a_1 ... a_(i-1), a multiple of
/// 2^((i-1)(m+2) - v((i-1)!)). Only its lowest 256 minus that many bits matter, so that the work
/// starts on words of one limb and ends with four terms on four.
///
/// More squarings make fewer terms; `LOW_BITS` and `LADDER_BITS` are measured. On a 64-bit processor
/// where a multiplication takes 4 ns a random power takes 150, of which the series is a third.
#[must_use]
pub fn pow(base: U256, exponent: U256) -> U256 {
    let bits = exponent.bit_len();
    if !base.bit(0) {
        if bits > 8 {
            return U256::ZERO;
        }
        if !base.is_zero() && (base & base.wrapping_sub(U256::ONE)).is_zero() {
            let zeros = base.trailing_zeros() as u64 * exponent.as_limbs()[0];
            return shl(U256::ONE, U256::from(zeros));
        }
    }
    if bits <= LADDER_BITS {
        return ladder(U256::ONE, base, exponent.as_limbs()[0], bits).0;
    }
    let (low, y) = ladder(D_INVERSE, base, exponent.as_limbs()[0], LOW_BITS);
    low.wrapping_mul(binomial(y.wrapping_sub(U256::ONE), exponent >> LOW_BITS))
}

/// Exponents of at most this many bits are not worth a series. At least 8, for even bases.
const LADDER_BITS: usize = 24;

/// Number m of squarings before the series, and of exponent bits treated on the way.
const LOW_BITS: usize = 16;

/// Number n of terms of the binomial series that are not zero modulo 2^256, besides the first.
const TERMS: usize = {
    let mut n = 1;
    while zeros(n + 1) < 256 {
        n += 1;
    }
    n
};

/// The exponent s of the largest power of two that divides a number from 1 to [`TERMS`].
const SHARED: usize = TERMS.ilog2() as usize;

/// d_i = odd(i+1) odd(i+2) ... odd(n), for i from 0 to n.
const D: [u64; TERMS + 1] = {
    let mut d = [1; TERMS + 1];
    let mut i = TERMS;
    while i > 0 {
        d[i - 1] = d[i] * (i >> i.trailing_zeros()) as u64;
        i -= 1;
    }
    d
};

/// 1/D modulo 2^256, where D = d_0.
const D_INVERSE: U256 = match U256::from_limbs([D[0], 0, 0, 0]).inv_ring() {
    Some(inverse) => inverse,
    None => panic!("a product of odd numbers is odd"),
};

/// Lower bound of the trailing zero bits of the i-th term: i(m+2) - v(i!).
const fn zeros(i: usize) -> usize {
    // v(i!) = i minus the number of ones of i (Legendre)
    i * (LOW_BITS + 2) - (i - i.count_ones() as usize)
}

/// The last term whose sum from there inwards matters beyond the lowest `limbs` limbs; 0 if none.
const fn last_beyond(limbs: usize) -> usize {
    let mut i = TERMS;
    while i > 0 && zeros(i - 1) + 64 * limbs >= 256 {
        i -= 1;
    }
    i
}

/// `start * base^e` and `base^(2^bits)`, where e is the lowest `bits` bits of `exponent`.
#[inline]
fn ladder(start: U256, mut base: U256, mut exponent: u64, bits: usize) -> (U256, U256) {
    let mut product = start;
    for _ in 0..bits {
        if exponent & 1 == 1 {
            product = product.wrapping_mul(base);
        }
        base = base.wrapping_mul(base);
        exponent >>= 1;
    }
    (product, base)
}

/// D * (1 + z)^h modulo 2^256, for z a multiple of 2^(m+2). See [`pow`].
#[inline]
fn binomial(z: U256, h: U256) -> U256 {
    let w = z >> SHARED;
    let hw = h.wrapping_mul(w);
    let sum = Uint::<64, 1>::from_limbs([D[TERMS]]);
    let sum = brackets::<64, 1, TERMS, { last_beyond(1) }>(sum, &hw, &w);
    let sum = brackets::<128, 2, { last_beyond(1) }, { last_beyond(2) }>(resize(&sum), &hw, &w);
    let sum = brackets::<192, 3, { last_beyond(2) }, { last_beyond(3) }>(resize(&sum), &hw, &w);
    brackets::<256, 4, { last_beyond(3) }, 0>(resize(&sum), &hw, &w)
}

/// Horner's rule over the terms from `FROM` down to `TO + 1`, modulo 2^`BITS`.
#[inline(always)]
fn brackets<const BITS: usize, const LIMBS: usize, const FROM: usize, const TO: usize>(
    mut sum: Uint<BITS, LIMBS>,
    hw: &U256,
    w: &U256,
) -> Uint<BITS, LIMBS> {
    let constant = |value| resize(&Uint::<64, 1>::from_limbs([value]));
    let w = resize(w);
    // (h-i+1) w of the current term
    let mut factor: Uint<BITS, LIMBS> = resize(hw);
    factor = factor.wrapping_sub(w.wrapping_mul(constant(FROM as u64 - 1)));
    let mut i = FROM;
    while i > TO {
        let a = factor << (SHARED - i.trailing_zeros() as usize);
        sum = constant(D[i - 1]).wrapping_add(sum.wrapping_mul(a));
        factor = factor.wrapping_add(w);
        i -= 1;
    }
    sum
}

/// The low limbs of `value`, with zeros above if there are too few.
#[inline(always)]
fn resize<const FROM: usize, const FROM_LIMBS: usize, const TO: usize, const TO_LIMBS: usize>(
    value: &Uint<FROM, FROM_LIMBS>,
) -> Uint<TO, TO_LIMBS> {
    let mut limbs = [0; TO_LIMBS];
    let common = if FROM_LIMBS < TO_LIMBS {
        FROM_LIMBS
    } else {
        TO_LIMBS
    };
    limbs[..common].copy_from_slice(&value.as_limbs()[..common]);
    Uint::from_limbs(limbs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::{BigInt, BigUint, Sign};
    use proptest::prelude::*;

    const ZERO: U256 = U256::ZERO;
    const ONE: U256 = U256::ONE;
    const MAX: U256 = U256::MAX;
    const LEAST: U256 = U256::from_limbs([0, 0, 0, 1 << 63]);

    fn int(value: u64) -> U256 {
        U256::from(value)
    }

    fn neg(value: u64) -> U256 {
        int(value).wrapping_neg()
    }

    /// Words of every length, many with long runs of equal bits, and the ends of the range.
    fn word() -> impl Strategy<Value = U256> {
        let random = (any::<[u64; 4]>(), 0..256_usize)
            .prop_map(|(limbs, cut)| U256::from_limbs(limbs) >> cut);
        let run = (0..256_usize, 0..256_usize, any::<u8>())
            .prop_map(|(from, length, low)| (MAX >> length << from) ^ U256::from(low));
        prop_oneof![
            4 => random,
            3 => run,
            1 => (0..256_usize).prop_map(|bit| ONE << bit),
            1 => (0..300_u64).prop_map(int),
            1 => (0..300_u64).prop_map(neg),
        ]
    }

    fn unsigned(value: U256) -> BigUint {
        BigUint::from_bytes_be(&value.to_be_bytes::<32>())
    }

    fn signed(value: U256) -> BigInt {
        BigInt::from_signed_bytes_be(&value.to_be_bytes::<32>())
    }

    /// `value` modulo 2^256.
    fn wrapped(value: BigInt) -> U256 {
        let modulus = BigInt::from(1) << 256;
        let positive: BigInt = ((value % &modulus) + &modulus) % &modulus;
        let (sign, bytes) = positive.to_bytes_be();
        assert_ne!(sign, Sign::Minus);
        U256::from_be_slice(&bytes)
    }

    fn product_by_ladder(base: U256, exponent: U256) -> U256 {
        (0..exponent.bit_len()).rev().fold(ONE, |power, bit| {
            let square = power.wrapping_mul(power);
            if exponent.bit(bit) {
                square.wrapping_mul(base)
            } else {
                square
            }
        })
    }

    #[test]
    fn powers() {
        let cases = [
            ("0^0", ZERO, ZERO, ONE),
            ("0^1", ZERO, ONE, ZERO),
            ("0^max", ZERO, MAX, ZERO),
            ("1^max", ONE, MAX, ONE),
            ("x^0", MAX, ZERO, ONE),
            ("x^1", int(7), ONE, int(7)),
            ("(-1)^even", MAX, MAX - ONE, ONE),
            ("(-1)^odd", MAX, MAX, MAX),
            ("2^255", int(2), int(255), LEAST),
            ("2^256", int(2), int(256), ZERO),
            ("2^(2^64)", int(2), ONE << 64, ZERO),
            ("256^31", int(256), int(31), ONE << 248),
            ("256^32", int(256), int(32), ZERO),
            (
                "6^255",
                int(6),
                int(255),
                product_by_ladder(int(3), int(255)) << 255,
            ),
            ("6^256", int(6), int(256), ZERO),
            ("(2^255)^1", LEAST, ONE, LEAST),
            ("(2^255)^2", LEAST, int(2), ZERO),
            ("3^(2^254)", int(3), ONE << 254, ONE),
            ("10^18", int(10), int(18), int(1_000_000_000_000_000_000)),
            (
                "inverse of 3",
                int(3),
                (ONE << 254) - ONE,
                int(3).inv_ring().unwrap(),
            ),
        ];
        for (name, base, exponent, want) in cases {
            assert_eq!(pow(base, exponent), want, "{name}");
        }
    }

    #[test]
    fn powers_at_every_length() {
        let bases = [
            int(3),
            int(5),
            neg(3),
            LEAST + ONE,
            LEAST - ONE,
            (ONE << 128) + ONE,
            int(6),
            ONE << 3,
        ];
        for base in bases {
            for bit in 0..256 {
                for exponent in [
                    ONE << bit,
                    (ONE << bit) - ONE,
                    (ONE << bit) + ONE,
                    MAX << bit,
                ] {
                    assert_eq!(
                        pow(base, exponent),
                        product_by_ladder(base, exponent),
                        "{base}^{exponent}"
                    );
                }
            }
        }
    }

    /// The constants that the series rests on, by their definitions.
    #[test]
    fn series_constants() {
        assert_eq!((LOW_BITS, TERMS, SHARED), (16, 14, 3));
        assert!((8..=64).contains(&LADDER_BITS) && LOW_BITS <= LADDER_BITS);
        let mut factorial = BigUint::from(1_u8);
        for i in 1..=40_usize {
            factorial *= i;
            let valuation = factorial.trailing_zeros().unwrap() as usize;
            assert_eq!(zeros(i), i * (LOW_BITS + 2) - valuation);
            assert_eq!(zeros(i) >= 256, i > TERMS, "term {i}");
            // the sum from term i inwards is multiplied by term i - 1
            for limbs in 1..4 {
                let enough = zeros(i - 1) + 64 * limbs >= 256;
                assert_eq!(
                    enough || i > TERMS,
                    i > last_beyond(limbs),
                    "term {i} on {limbs} limbs"
                );
            }
        }
        assert_eq!(D_INVERSE.wrapping_mul(int(D[0])), ONE);
        assert_eq!(
            D[0],
            (1..=14_u64).map(|i| i >> i.trailing_zeros()).product()
        );
    }

    #[test]
    fn signed_division() {
        let cases = [
            ("exact", neg(6), int(3), neg(2), ZERO),
            ("rounds to zero", neg(7), int(2), neg(3), neg(1)),
            ("negative divisor", int(7), neg(2), neg(3), ONE),
            ("both negative", neg(7), neg(2), int(3), neg(1)),
            ("least by -1", LEAST, MAX, LEAST, ZERO),
            ("least by 1", LEAST, ONE, LEAST, ZERO),
            ("least by least", LEAST, LEAST, ONE, ZERO),
            ("1 by least", ONE, LEAST, ZERO, ONE),
            ("by zero", neg(7), ZERO, ZERO, ZERO),
        ];
        for (name, a, b, quotient, remainder) in cases {
            assert_eq!((sdiv(a, b), smod(a, b)), (quotient, remainder), "{name}");
        }
    }

    #[test]
    fn zero_divisors() {
        assert_eq!([div(MAX, ZERO), rem(MAX, ZERO)], [ZERO; 2]);
        assert_eq!(
            [add_mod(MAX, MAX, ZERO), mul_mod(MAX, MAX, ZERO)],
            [ZERO; 2]
        );
    }

    #[test]
    fn bytes_and_signs() {
        let digits = U256::from_be_bytes(core::array::from_fn::<u8, 32, _>(|at| 0x81 + at as u8));
        for at in 0..32 {
            assert_eq!(byte(int(at), digits), int(0x81 + at));
        }
        let cases = [
            ("positive byte", ZERO, int(0xff7f), int(0x7f)),
            ("negative byte", ZERO, int(0xff80), neg(0x80)),
            ("limb", int(7), LEAST | int(1 << 63), MAX << 63),
            ("next limb", int(8), LEAST | int(1 << 63), int(1 << 63)),
            ("30", int(30), ONE << 247, MAX << 247),
            ("31", int(31), LEAST, LEAST),
            ("32", int(32), int(0x80), int(0x80)),
            ("2^64", ONE << 64, int(0x80), int(0x80)),
            ("huge", MAX, int(0x80), int(0x80)),
        ];
        for (name, index, value, want) in cases {
            assert_eq!(sign_extend(index, value), want, "{name}");
        }
        for index in [int(32), ONE << 64, ONE << 128, ONE << 192, MAX] {
            assert_eq!(byte(index, MAX), ZERO, "{index}");
        }
        for amount in [int(256), int(257), ONE << 64, ONE << 255, MAX] {
            assert_eq!([shl(MAX, amount), shr(MAX, amount)], [ZERO; 2], "{amount}");
            assert_eq!(
                [sar(LEAST, amount), sar(LEAST - ONE, amount)],
                [MAX, ZERO],
                "{amount}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn pow_agrees_with_the_ladder(base in word(), exponent in word()) {
            for base in [base, base | ONE] {
                prop_assert_eq!(pow(base, exponent), product_by_ladder(base, exponent));
            }
        }

        #[test]
        fn division_agrees(a in word(), b in word().prop_filter("zero", |b| !b.is_zero())) {
            prop_assert_eq!(unsigned(div(a, b)), unsigned(a) / unsigned(b));
            prop_assert_eq!(unsigned(rem(a, b)), unsigned(a) % unsigned(b));
            prop_assert_eq!(sdiv(a, b), wrapped(signed(a) / signed(b)));
            prop_assert_eq!(smod(a, b), wrapped(signed(a) % signed(b)));
        }

        #[test]
        fn modular_agrees(a in word(), b in word(), m in word().prop_filter("zero", |m| !m.is_zero())) {
            prop_assert_eq!(unsigned(add_mod(a, b, m)), (unsigned(a) + unsigned(b)) % unsigned(m));
            prop_assert_eq!(unsigned(mul_mod(a, b, m)), unsigned(a) * unsigned(b) % unsigned(m));
        }

        #[test]
        fn shifts_agree(value in word(), amount in 0..256_u32) {
            let by = U256::from(amount);
            prop_assert_eq!(shl(value, by), wrapped(signed(value) << amount));
            prop_assert_eq!(unsigned(shr(value, by)), unsigned(value) >> amount);
            prop_assert_eq!(sar(value, by), wrapped(signed(value) >> amount));
        }

        #[test]
        fn extension_agrees(value in word(), index in 0..31_usize) {
            let low = &value.to_be_bytes::<32>()[31 - index..];
            let want = wrapped(BigInt::from_signed_bytes_be(low));
            prop_assert_eq!(sign_extend(U256::from(index), value), want);
            prop_assert_eq!(byte(U256::from(31 - index), value), int(u64::from(low[0])));
        }

        #[test]
        fn order_agrees(a in word(), b in word()) {
            prop_assert_eq!(signed_order(a) < signed_order(b), signed(a) < signed(b));
        }
    }
}

//! Magnitudes as little-endian 64-bit limbs: add, subtract, multiply, divide.
//!
//! Up to [`INLINE`] limbs live without an allocation: that covers numbers of 256 bits and their
//! products. Small or sparse operands are multiplied and divided here by the schoolbook, which
//! skips zero limbs; large dense ones go to `dashu-int`, whose methods are sub-quadratic.

use alloc::vec::Vec;
use core::cmp::Ordering;

use dashu_int::{UBig, Word, ops::DivRem};

/// Limbs held without an allocation: the product of two numbers of 256 bits, and the one limb more
/// that a division needs.
pub(super) const INLINE: usize = 9;

/// From this many limbs in both operands on, dense products go to `dashu-int`.
const DENSE_MUL: usize = 32;

/// A product by schoolbook is still cheaper with this many non-zero limbs in one operand.
const SPARSE_MUL: usize = 40;

/// From this many limbs in both divisor and quotient on, dense quotients go to `dashu-int`.
const DENSE_DIV: usize = 150;

/// Non-zero quotient limbs after which such a division counts as dense.
const SPARSE_DIV: usize = 12;

/// A magnitude, or room for one. Inline limbs beyond the length are zero.
#[derive(Clone, Debug)]
pub(super) enum Limbs {
    Inline(usize, [u64; INLINE]),
    Heap(Vec<u64>),
}

impl Limbs {
    /// Zero.
    pub(super) const EMPTY: Self = Self::Inline(0, [0; INLINE]);

    /// `low` followed by zero limbs up to `len` limbs.
    #[inline]
    pub(super) fn with_len(low: &[u64], len: usize) -> Self {
        debug_assert!(low.len() <= len);
        if len <= INLINE {
            let mut limbs = [0; INLINE];
            limbs[..low.len()].copy_from_slice(low);
            return Self::Inline(len, limbs);
        }
        let mut limbs = Vec::with_capacity(len);
        limbs.extend_from_slice(low);
        limbs.resize(len, 0);
        Self::Heap(limbs)
    }

    #[inline]
    pub(super) fn zeros(len: usize) -> Self {
        if len <= INLINE {
            return Self::Inline(len, [0; INLINE]);
        }
        Self::Heap(alloc::vec![0; len])
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[u64] {
        match self {
            Self::Inline(len, limbs) => &limbs[..*len],
            Self::Heap(limbs) => limbs,
        }
    }

    #[inline]
    pub(super) fn as_mut(&mut self) -> &mut [u64] {
        match self {
            Self::Inline(len, limbs) => &mut limbs[..*len],
            Self::Heap(limbs) => limbs,
        }
    }

    /// Drops the zero limbs at the top.
    #[inline]
    pub(super) fn trim(&mut self) {
        let len = trimmed(self.as_slice()).len();
        match self {
            Self::Inline(old, _) => *old = len,
            Self::Heap(limbs) => limbs.truncate(len),
        }
    }
}

/// The limbs without the zeros at the top.
#[inline]
pub(super) fn trimmed(limbs: &[u64]) -> &[u64] {
    let zeros = limbs.iter().rev().take_while(|limb| **limb == 0).count();
    &limbs[..limbs.len() - zeros]
}

/// Compares two trimmed magnitudes.
#[inline]
pub(super) fn compare(a: &[u64], b: &[u64]) -> Ordering {
    let by_len = a.len().cmp(&b.len());
    by_len.then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

/// a + b.
pub(super) fn add(a: &Limbs, b: &Limbs) -> Limbs {
    if let (Limbs::Inline(len_a, a), Limbs::Inline(len_b, b)) = (a, b)
        && let len @ ..INLINE = (*len_a).max(*len_b)
    {
        let (mut sum, mut carry) = ([0; INLINE], false);
        for i in 0..INLINE {
            (sum[i], carry) = a[i].carrying_add(b[i], carry);
        }
        return Limbs::Inline(len + 1, sum);
    }
    let (a, b) = (a.as_slice(), b.as_slice());
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let mut sum = Limbs::with_len(long, long.len() + 1);
    let (low, high) = sum.as_mut().split_at_mut(short.len());
    let mut carry = false;
    for (limb, other) in low.iter_mut().zip(short) {
        (*limb, carry) = limb.carrying_add(*other, carry);
    }
    for limb in high {
        if !carry {
            break;
        }
        (*limb, carry) = limb.overflowing_add(1);
    }
    sum
}

/// a - b for a >= b.
pub(super) fn sub(a: &Limbs, b: &Limbs) -> Limbs {
    if let (Limbs::Inline(len, a), Limbs::Inline(_, b)) = (a, b) {
        let (mut difference, mut borrow) = ([0; INLINE], false);
        for i in 0..INLINE {
            (difference[i], borrow) = a[i].borrowing_sub(b[i], borrow);
        }
        return Limbs::Inline(*len, difference);
    }
    let (a, b) = (a.as_slice(), b.as_slice());
    let mut difference = Limbs::with_len(a, a.len());
    let (low, high) = difference.as_mut().split_at_mut(b.len());
    let mut borrow = false;
    for (limb, other) in low.iter_mut().zip(b) {
        (*limb, borrow) = limb.borrowing_sub(*other, borrow);
    }
    for limb in high {
        if !borrow {
            break;
        }
        (*limb, borrow) = limb.overflowing_sub(1);
    }
    difference
}

/// a * b.
pub(super) fn mul(a: &[u64], b: &[u64]) -> Limbs {
    if a.len().min(b.len()) < DENSE_MUL {
        let (rows, row) = if a.len() <= b.len() { (a, b) } else { (b, a) };
        return mul_rows(rows, row);
    }
    let (in_a, in_b) = (non_zero(a), non_zero(b));
    let (sparse, rows, row) = if in_a <= in_b {
        (in_a, a, b)
    } else {
        (in_b, b, a)
    };
    if sparse <= SPARSE_MUL {
        return mul_rows(rows, row);
    }
    if a == b {
        return from_dashu(&to_dashu(a).sqr());
    }
    from_dashu(&(to_dashu(a) * to_dashu(b)))
}

fn non_zero(limbs: &[u64]) -> usize {
    limbs.iter().filter(|limb| **limb != 0).count()
}

/// One row of the schoolbook for each non-zero limb of `rows`.
fn mul_rows(rows: &[u64], row: &[u64]) -> Limbs {
    let mut product = Limbs::zeros(rows.len() + row.len());
    let out = product.as_mut();
    for (i, factor) in rows.iter().enumerate() {
        if *factor == 0 {
            continue;
        }
        let mut carry = 0;
        let (low, high) = out[i..].split_at_mut(row.len());
        for (limb, other) in low.iter_mut().zip(row) {
            (*limb, carry) = factor.carrying_mul_add(*other, *limb, carry);
        }
        // Earlier rows end below this limb.
        high[0] = carry;
    }
    product
}

/// Quotient and remainder of trimmed magnitudes, truncated; `b` is not zero.
pub(super) fn div_rem(a: &[u64], b: &[u64]) -> (Limbs, Limbs) {
    if compare(a, b).is_lt() {
        return (Limbs::zeros(0), Limbs::with_len(a, a.len()));
    }
    if let [divisor] = b {
        return div_rem_limb(a, *divisor);
    }
    let quotient_len = a.len() - b.len() + 1;
    let patience = if quotient_len.min(b.len()) < DENSE_DIV {
        usize::MAX
    } else {
        SPARSE_DIV
    };
    div_rem_rows(a, b, patience).unwrap_or_else(|| {
        let (quotient, rest) = to_dashu(a).div_rem(to_dashu(b));
        (from_dashu(&quotient), from_dashu(&rest))
    })
}

fn div_rem_limb(a: &[u64], divisor: u64) -> (Limbs, Limbs) {
    let shift = divisor.leading_zeros();
    let divisor = divisor << shift;
    let reciprocal = reciprocal(divisor);
    let mut quotient = Limbs::zeros(a.len() + 1);
    let out = quotient.as_mut();
    shift_up(out, a, shift);
    let mut rest = 0;
    for limb in out.iter_mut().rev() {
        (*limb, rest) = div_2_by_1(rest, *limb, divisor, reciprocal);
    }
    (quotient, Limbs::with_len(&[rest >> shift], 1))
}

/// Knuth's algorithm D with quotient limbs from three limbs by two, so that an estimate is hardly
/// ever wrong. `None` after more than `patience` non-zero quotient limbs.
fn div_rem_rows(a: &[u64], b: &[u64], patience: usize) -> Option<(Limbs, Limbs)> {
    let n = b.len();
    let shift = b[n - 1].leading_zeros();
    let mut divisor = Limbs::zeros(n + 1);
    shift_up(divisor.as_mut(), b, shift);
    let divisor = &divisor.as_slice()[..n];
    let (d1, d0) = (divisor[n - 1], divisor[n - 2]);
    let reciprocal = reciprocal_3_by_2(d1, d0);

    let mut rest = Limbs::zeros(a.len() + 1);
    shift_up(rest.as_mut(), a, shift);
    let window = rest.as_mut();
    let mut quotient = Limbs::zeros(a.len() - n + 1);
    let mut taken = 0;
    for (j, digit) in quotient.as_mut().iter_mut().enumerate().rev() {
        let (top, next, third) = (window[j + n], window[j + n - 1], window[j + n - 2]);
        let mut estimate = if (top, next) >= (d1, d0) {
            u64::MAX
        } else {
            div_3_by_2(top, next, third, d1, d0, reciprocal)
        };
        if estimate == 0 {
            continue;
        }
        taken += 1;
        if taken > patience {
            return None;
        }
        let part = &mut window[j..=j + n];
        if sub_mul(part, divisor, estimate) {
            estimate -= 1;
            add_back(part, divisor);
        }
        *digit = estimate;
    }
    shift_down(rest.as_mut(), shift);
    Some((quotient, rest))
}

/// part -= divisor * factor; whether it went below zero. `part` has one limb more.
fn sub_mul(part: &mut [u64], divisor: &[u64], factor: u64) -> bool {
    let (low, high) = part.split_at_mut(divisor.len());
    let mut carry = 0;
    for (limb, other) in low.iter_mut().zip(divisor) {
        let (product, high) = factor.carrying_mul(*other, carry);
        let (difference, borrow) = limb.overflowing_sub(product);
        *limb = difference;
        // The high half of a product is below the maximum, so this does not overflow.
        carry = high + u64::from(borrow);
    }
    let (top, borrow) = high[0].overflowing_sub(carry);
    high[0] = top;
    borrow
}

fn add_back(part: &mut [u64], divisor: &[u64]) {
    let (low, high) = part.split_at_mut(divisor.len());
    let mut carry = false;
    for (limb, other) in low.iter_mut().zip(divisor) {
        (*limb, carry) = limb.carrying_add(*other, carry);
    }
    high[0] = high[0].wrapping_add(u64::from(carry));
}

/// out = limbs << shift, for shift < 64 and one limb of room.
fn shift_up(out: &mut [u64], limbs: &[u64], shift: u32) {
    if shift == 0 {
        out[..limbs.len()].copy_from_slice(limbs);
        return;
    }
    let mut below = 0;
    for (out, limb) in out.iter_mut().zip(limbs) {
        *out = limb << shift | below >> (64 - shift);
        below = *limb;
    }
    out[limbs.len()] = below >> (64 - shift);
}

/// limbs >>= shift, for shift < 64.
fn shift_down(limbs: &mut [u64], shift: u32) {
    if shift == 0 {
        return;
    }
    let mut above = 0;
    for limb in limbs.iter_mut().rev() {
        let old = *limb;
        *limb = old >> shift | above << (64 - shift);
        above = old;
    }
}

// Division by multiplication with a reciprocal: Möller and Granlund, "Improved division by
// invariant integers", 2011. Divisors are normalised: the top bit of d1 is set.

const fn wide(high: u64, low: u64) -> u128 {
    (high as u128) << 64 | low as u128
}

/// (2^128 - 1) / d - 2^64, by Newton's iteration: algorithm 3 of the paper, with a short division
/// for its table.
fn reciprocal(d: u64) -> u64 {
    let (d0, d9, d40, d63) = (d & 1, d >> 55, (d >> 24) + 1, (d >> 1) + (d & 1));
    let v0 = u64::from(((1 << 19) - 3 * (1 << 8)) / (d9 as u32));
    let v1 = (v0 << 11) - ((v0 * v0 * d40) >> 40) - 1;
    let v2 = (v1 << 13) + ((v1 * ((1 << 60) - v1 * d40)) >> 47);
    let e = (v2 >> 1 & d0.wrapping_neg()).wrapping_sub(v2.wrapping_mul(d63));
    let v3 = (v2 << 31).wrapping_add(mul_high(v2, e) >> 1);
    let product = u128::from(v3) * u128::from(d) + u128::from(d);
    v3.wrapping_sub(((product >> 64) as u64).wrapping_add(d))
}

fn mul_high(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

fn div_2_by_1(u1: u64, u0: u64, d: u64, reciprocal: u64) -> (u64, u64) {
    let q = u128::from(reciprocal) * u128::from(u1);
    let q = q.wrapping_add(wide(u1, u0));
    let (mut q1, q0) = (((q >> 64) as u64).wrapping_add(1), q as u64);
    let mut r = u0.wrapping_sub(q1.wrapping_mul(d));
    if r > q0 {
        q1 = q1.wrapping_sub(1);
        r = r.wrapping_add(d);
    }
    if r >= d {
        q1 = q1.wrapping_add(1);
        r -= d;
    }
    (q1, r)
}

fn reciprocal_3_by_2(d1: u64, d0: u64) -> u64 {
    let mut v = reciprocal(d1);
    let mut p = d1.wrapping_mul(v).wrapping_add(d0);
    if p < d0 {
        v -= 1;
        if p >= d1 {
            v -= 1;
            p -= d1;
        }
        p = p.wrapping_sub(d1);
    }
    let t = u128::from(v) * u128::from(d0);
    let t1 = (t >> 64) as u64;
    p = p.wrapping_add(t1);
    if p < t1 {
        v -= 1;
        if wide(p, t as u64) >= wide(d1, d0) {
            v -= 1;
        }
    }
    v
}

/// Quotient of u2 u1 u0 by d1 d0, for u2 u1 < d1 d0.
#[inline]
fn div_3_by_2(u2: u64, u1: u64, u0: u64, d1: u64, d0: u64, reciprocal: u64) -> u64 {
    let q = u128::from(reciprocal) * u128::from(u2);
    let q = q.wrapping_add(wide(u2, u1));
    let (mut q1, q0) = ((q >> 64) as u64, q as u64);
    let r1 = u1.wrapping_sub(q1.wrapping_mul(d1));
    let t = u128::from(d0) * u128::from(q1);
    let d = wide(d1, d0);
    let mut r = wide(r1, u0).wrapping_sub(t).wrapping_sub(d);
    q1 = q1.wrapping_add(1);
    if (r >> 64) as u64 >= q0 {
        q1 = q1.wrapping_sub(1);
        r = r.wrapping_add(d);
    }
    if r >= d {
        q1 = q1.wrapping_add(1);
    }
    q1
}

fn to_dashu(limbs: &[u64]) -> UBig {
    if Word::BITS == u64::BITS {
        let words: Vec<Word> = limbs.iter().map(|limb| *limb as Word).collect();
        return UBig::from_words(&words);
    }
    let bytes: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    UBig::from_le_bytes(&bytes)
}

// The width of a word is that of the platform.
#[allow(clippy::useless_conversion)]
fn from_dashu(value: &UBig) -> Limbs {
    let per_limb = (u64::BITS / Word::BITS) as usize;
    let words = value.as_words();
    let mut limbs = Limbs::zeros(words.len().div_ceil(per_limb));
    for (limb, words) in limbs.as_mut().iter_mut().zip(words.chunks(per_limb)) {
        for (i, word) in words.iter().enumerate() {
            *limb |= u64::from(*word) << (i as u32 * Word::BITS);
        }
    }
    limbs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the definition, on sparse and dense divisors.
    #[test]
    fn reciprocals() {
        let mut seed = 1_u64;
        for _ in 0..20_000 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let shift = (seed >> 58) as u32;
            for d in [
                seed,
                !seed << shift,
                seed >> shift,
                (1 << 63) + (seed >> 50),
                u64::MAX - (seed >> 50),
            ] {
                let d = d | 1 << 63;
                let want = (wide(!d, u64::MAX) / u128::from(d)) as u64;
                assert_eq!(reciprocal(d), want, "{d:x}");
            }
        }
    }

    /// Estimates at their extremes: divisors and dividends of limbs 0, 1, 2^63, and all ones.
    #[test]
    fn division_of_extreme_limbs() {
        let limbs = [0, 1, 1 << 63, u64::MAX - 1, u64::MAX];
        let pick = |mut seed: usize, len: usize| {
            let mut out = Vec::new();
            for _ in 0..len {
                out.push(limbs[seed % 5]);
                seed /= 5;
            }
            out
        };
        for b in 0..125 {
            let b = pick(b, 3);
            let b = trimmed(&b);
            if b.is_empty() {
                continue;
            }
            for a in 0..3125 {
                let a = pick(a, 5);
                let a = trimmed(&a);
                let (mut quotient, mut rest) = div_rem(a, b);
                quotient.trim();
                rest.trim();
                assert!(compare(rest.as_slice(), b).is_lt(), "{a:x?} / {b:x?}");
                let back = mul(quotient.as_slice(), b);
                let back = add(&back, &rest);
                assert_eq!(trimmed(back.as_slice()), a, "{a:x?} / {b:x?}");
            }
        }
    }
}

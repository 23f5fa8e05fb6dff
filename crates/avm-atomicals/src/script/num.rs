//! Numbers of a script: signed, of any size, kept in as few bytes as possible.
//!
//! Bytes are little-endian, the top bit of the last byte is the sign. Numbers of up to 8 bytes are
//! one machine word here, larger ones sign and magnitude. Spec: section 5.

mod limbs;

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Neg;

use limbs::Limbs;

/// Longest operand of a number instruction in bytes.
pub const MAX_NUMBER_BYTES: usize = 100_000;

/// A number.
///
/// Encodings of at most 8 bytes are always `Small`, so `i64::MIN` never is.
#[derive(Clone, Debug)]
pub struct Num(Repr);

#[derive(Clone, Debug)]
enum Repr {
    Small(i64),
    /// At least 2^63; the top limb is not zero.
    Large(bool, Limbs),
}

use Repr::{Large, Small};

impl Num {
    /// 0.
    pub const ZERO: Self = Self(Small(0));
    /// 1.
    pub const ONE: Self = Self(Small(1));

    /// The number encoded by `bytes`; `None` if there are more than `max_bytes` of them or fewer
    /// would do.
    #[inline]
    #[must_use]
    pub fn decode(bytes: &[u8], max_bytes: usize) -> Option<Self> {
        Self::decode_with(bytes, max_bytes, true)
    }

    /// As [`Num::decode`]; without `minimal` the encoding may be longer than needed.
    #[inline]
    #[must_use]
    pub fn decode_with(bytes: &[u8], max_bytes: usize, minimal: bool) -> Option<Self> {
        if bytes.len() > max_bytes || (minimal && !is_minimal(bytes)) {
            return None;
        }
        if bytes.len() <= 8 {
            return Some(Self(Small(decode_word(bytes))));
        }
        Some(Self::decode_large(bytes))
    }

    /// For more than 8 bytes.
    fn decode_large(bytes: &[u8]) -> Self {
        if bytes.len() <= limbs::INLINE * 8 {
            let mut room = [0; limbs::INLINE * 8];
            room[..bytes.len()].copy_from_slice(bytes);
            let top = (bytes.len() - 1) / 8;
            let sign = 1 << ((bytes.len() * 8 - 1) % 64);
            let negative = bytes[bytes.len() - 1] & 0x80 != 0;
            // All limbs alike: one written by itself delays the wider reads that move them on.
            let mut limbs = [0; limbs::INLINE];
            for (i, word) in room.as_chunks().0.iter().enumerate() {
                let mask = if i == top { !sign } else { u64::MAX };
                limbs[i] = u64::from_le_bytes(*word) & mask;
            }
            return Self::from_limbs(negative, Limbs::Inline(bytes.len().div_ceil(8), limbs));
        }
        let mut limbs = Limbs::zeros(bytes.len().div_ceil(8));
        let (words, tail) = bytes.as_chunks::<8>();
        let out = limbs.as_mut();
        for (limb, word) in out.iter_mut().zip(words) {
            *limb = u64::from_le_bytes(*word);
        }
        if let (Some(top), Some(last)) = (out.get_mut(words.len()), bytes.last_chunk()) {
            // The last 8 bytes hold the end of the word before.
            *top = u64::from_le_bytes(*last) >> (64 - tail.len() * 8);
        }
        let sign = 1 << ((bytes.len() * 8 - 1) % 64);
        let top = &mut out[(bytes.len() - 1) / 8];
        let negative = *top & sign != 0;
        *top &= !sign;
        Self::from_limbs(negative, limbs)
    }

    /// Appends the shortest encoding.
    #[inline]
    pub fn encode_to(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Small(value) => {
                let (bytes, len) = encode_small(*value);
                out.extend_from_slice(&bytes[..len]);
            }
            Large(negative, limbs) => encode_large(*negative, limbs, out),
        }
    }

    /// The shortest encoding.
    #[inline]
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_to(&mut out);
        out
    }

    /// Length of the shortest encoding in bytes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        match &self.0 {
            Small(value) => encode_small(*value).1,
            Large(_, limbs) => bit_len(limbs.as_slice()) / 8 + 1,
        }
    }

    /// Puts a magnitude into its only representation.
    #[inline(always)]
    fn from_limbs(negative: bool, mut limbs: Limbs) -> Self {
        limbs.trim();
        match *limbs.as_slice() {
            [] => Self::ZERO,
            [limb] if limb <= i64::MAX as u64 => {
                let value = limb as i64;
                Self(Small(if negative { -value } else { value }))
            }
            _ => Self(Large(negative, limbs)),
        }
    }

    fn from_i128(value: i128) -> Self {
        if let Ok(small) = i64::try_from(value)
            && small != i64::MIN
        {
            return Self(Small(small));
        }
        let magnitude = value.unsigned_abs();
        let limbs = [magnitude as u64, (magnitude >> 64) as u64];
        Self::from_limbs(value < 0, Limbs::with_len(&limbs, 2))
    }

    /// The magnitude, trimmed; `room` holds that of a small number.
    #[inline]
    fn magnitude<'a>(&'a self, room: &'a mut Limbs) -> &'a Limbs {
        match &self.0 {
            Small(value) => {
                let limb = value.unsigned_abs();
                *room = Limbs::with_len(&[limb], 1);
                room.trim();
                room
            }
            Large(_, limbs) => limbs,
        }
    }

    /// self + other.
    #[inline]
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        if let (Small(a), Small(b)) = (&self.0, &other.0) {
            return match a.checked_add(*b) {
                Some(sum) if sum != i64::MIN => Self(Small(sum)),
                _ => Self::from_i128(i128::from(*a) + i128::from(*b)),
            };
        }
        self.add_large(other, false)
    }

    /// self - other.
    #[inline]
    #[must_use]
    pub fn sub(&self, other: &Self) -> Self {
        if let (Small(a), Small(b)) = (&self.0, &other.0) {
            return match a.checked_sub(*b) {
                Some(difference) if difference != i64::MIN => Self(Small(difference)),
                _ => Self::from_i128(i128::from(*a) - i128::from(*b)),
            };
        }
        self.add_large(other, true)
    }

    fn add_large(&self, other: &Self, negate: bool) -> Self {
        let (mut room_a, mut room_b) = (Limbs::EMPTY, Limbs::EMPTY);
        let (a, b) = (self.magnitude(&mut room_a), other.magnitude(&mut room_b));
        let (sign_a, sign_b) = (self.is_negative(), other.is_negative() != negate);
        if sign_a == sign_b {
            return Self::from_limbs(sign_a, limbs::add(a, b));
        }
        match limbs::compare(a.as_slice(), b.as_slice()) {
            Ordering::Less => Self::from_limbs(sign_b, limbs::sub(b, a)),
            _ => Self::from_limbs(sign_a, limbs::sub(a, b)),
        }
    }

    /// self * other.
    #[inline]
    #[must_use]
    pub fn mul(&self, other: &Self) -> Self {
        if let (Small(a), Small(b)) = (&self.0, &other.0) {
            return match a.checked_mul(*b) {
                Some(product) if product != i64::MIN => Self(Small(product)),
                _ => Self::from_i128(i128::from(*a) * i128::from(*b)),
            };
        }
        let (mut room_a, mut room_b) = (Limbs::EMPTY, Limbs::EMPTY);
        let (a, b) = (self.magnitude(&mut room_a), other.magnitude(&mut room_b));
        let negative = self.is_negative() != other.is_negative();
        Self::from_limbs(negative, limbs::mul(a.as_slice(), b.as_slice()))
    }

    /// self / other rounded to zero; `None` if `other` is zero.
    #[inline]
    #[must_use]
    pub fn div(&self, other: &Self) -> Option<Self> {
        if let (Small(a), Small(b)) = (&self.0, &other.0) {
            return a.checked_div(*b).map(|quotient| Self(Small(quotient)));
        }
        let (quotient, _) = self.div_rem_large(other)?;
        Some(Self::from_limbs(
            self.is_negative() != other.is_negative(),
            quotient,
        ))
    }

    /// What [`Num::div`] leaves, with the sign of `self`; `None` if `other` is zero.
    #[inline]
    #[must_use]
    pub fn rem(&self, other: &Self) -> Option<Self> {
        if let (Small(a), Small(b)) = (&self.0, &other.0) {
            return a.checked_rem(*b).map(|rest| Self(Small(rest)));
        }
        let (_, rest) = self.div_rem_large(other)?;
        Some(Self::from_limbs(self.is_negative(), rest))
    }

    fn div_rem_large(&self, other: &Self) -> Option<(Limbs, Limbs)> {
        if other.is_zero() {
            return None;
        }
        let (mut room_a, mut room_b) = (Limbs::EMPTY, Limbs::EMPTY);
        let (a, b) = (self.magnitude(&mut room_a), other.magnitude(&mut room_b));
        Some(limbs::div_rem(a.as_slice(), b.as_slice()))
    }

    /// The magnitude.
    #[must_use]
    pub fn abs(self) -> Self {
        Self(match self.0 {
            Small(value) => Small(value.abs()),
            Large(_, limbs) => Large(false, limbs),
        })
    }

    /// Whether this is 0.
    #[inline]
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        matches!(self.0, Small(0))
    }

    /// Whether this is below 0.
    #[inline]
    #[must_use]
    pub const fn is_negative(&self) -> bool {
        match &self.0 {
            Small(value) => *value < 0,
            Large(negative, _) => *negative,
        }
    }

    /// The nearest 32-bit number: `int32sat` of the specification.
    #[inline]
    #[must_use]
    pub fn saturating_i32(&self) -> i32 {
        self.saturating_i64()
            .clamp(i32::MIN.into(), i32::MAX.into()) as i32
    }

    /// The nearest 64-bit number.
    #[inline]
    #[must_use]
    pub const fn saturating_i64(&self) -> i64 {
        match &self.0 {
            Small(value) => *value,
            Large(true, _) => i64::MIN,
            Large(false, _) => i64::MAX,
        }
    }

    /// The number, if it is in the range of `i64`.
    #[inline]
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        match &self.0 {
            Small(value) => Some(*value),
            Large(true, limbs) if limbs.as_slice() == [1 << 63] => Some(i64::MIN),
            Large(..) => None,
        }
    }

    /// The number, if it is in the range of `u64`.
    #[inline]
    #[must_use]
    pub fn to_u64(&self) -> Option<u64> {
        match &self.0 {
            Small(value) => u64::try_from(*value).ok(),
            Large(false, limbs) => match *limbs.as_slice() {
                [limb] => Some(limb),
                _ => None,
            },
            Large(true, _) => None,
        }
    }

    /// The number, if it is in the range of `usize`.
    #[inline]
    #[must_use]
    pub fn to_usize(&self) -> Option<usize> {
        self.to_u64().and_then(|value| usize::try_from(value).ok())
    }
}

impl Neg for Num {
    type Output = Self;

    fn neg(self) -> Self {
        Self(match self.0 {
            Small(value) => Small(-value),
            Large(negative, limbs) => Large(!negative, limbs),
        })
    }
}

impl From<i64> for Num {
    #[inline]
    fn from(value: i64) -> Self {
        if value == i64::MIN {
            return Self::from_i128(value.into());
        }
        Self(Small(value))
    }
}

impl From<u64> for Num {
    #[inline]
    fn from(value: u64) -> Self {
        match i64::try_from(value) {
            Ok(small) => Self(Small(small)),
            Err(_) => Self(Large(false, Limbs::with_len(&[value], 1))),
        }
    }
}

impl Ord for Num {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Small(a), Small(b)) => a.cmp(b),
            (Small(_), Large(negative, _)) if *negative => Ordering::Greater,
            (Small(_), Large(..)) => Ordering::Less,
            (Large(..), Small(_)) => other.cmp(self).reverse(),
            (Large(false, a), Large(false, b)) => limbs::compare(a.as_slice(), b.as_slice()),
            (Large(true, a), Large(true, b)) => limbs::compare(b.as_slice(), a.as_slice()),
            (Large(a, _), Large(b, _)) => b.cmp(a),
        }
    }
}

impl PartialOrd for Num {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Num {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Num {}

/// Whether no shorter encoding of the same number exists.
#[inline]
#[must_use]
pub fn is_minimal(bytes: &[u8]) -> bool {
    match bytes {
        [] => true,
        [.., last] if last & 0x7f != 0 => true,
        [.., before, _] => before & 0x80 != 0,
        [_] => false,
    }
}

/// The shortest encoding, and its length.
///
/// The most negative number is the only one of 9 bytes.
#[inline]
#[must_use]
pub const fn encode_small(value: i64) -> ([u8; 9], usize) {
    let magnitude = value.unsigned_abs();
    let [a, b, c, d, e, f, g, h] = magnitude.to_le_bytes();
    let mut bytes = [a, b, c, d, e, f, g, h, 0];
    if value == 0 {
        return (bytes, 0);
    }
    // One bit more than the magnitude has, for the sign.
    let len = (64 - magnitude.leading_zeros() as usize) / 8 + 1;
    if value < 0 {
        bytes[len - 1] |= 0x80;
    }
    (bytes, len)
}

/// The number in at most 8 bytes.
#[inline]
fn decode_word(bytes: &[u8]) -> i64 {
    let len = bytes.len();
    // Overlapping reads: no copy of a length known only at run time.
    let raw = if let (Some(low), Some(high)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (low, high) = (u32::from_le_bytes(*low), u32::from_le_bytes(*high));
        u64::from(low) | u64::from(high) << ((len - 4) * 8)
    } else if let [first, .., last] = bytes {
        let middle = u64::from(bytes[len / 2]) << (len / 2 * 8);
        u64::from(*first) | middle | u64::from(*last) << ((len - 1) * 8)
    } else if let [only] = bytes {
        u64::from(*only)
    } else {
        return 0;
    };
    let sign = 1 << (len * 8 - 1);
    let magnitude = (raw & !sign) as i64;
    if raw & sign != 0 {
        -magnitude
    } else {
        magnitude
    }
}

/// Bits up to the highest one of a trimmed magnitude that is not zero.
fn bit_len(limbs: &[u64]) -> usize {
    limbs.len() * 64 - limbs[limbs.len() - 1].leading_zeros() as usize
}

fn encode_large(negative: bool, limbs: &Limbs, out: &mut Vec<u8>) {
    let len = bit_len(limbs.as_slice()) / 8 + 1;
    if let Limbs::Inline(_, limbs) = limbs {
        // All limbs at once and one copy: faster than as many limbs as there are.
        let mut bytes = [0; limbs::INLINE * 8 + 1];
        for (word, limb) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(limbs) {
            *word = limb.to_le_bytes();
        }
        bytes[len - 1] |= u8::from(negative) << 7;
        out.extend_from_slice(&bytes[..len]);
        return;
    }
    let limbs = limbs.as_slice();
    let start = out.len();
    // One byte more, for a sign that does not fit.
    out.resize(start + limbs.len() * 8 + 1, 0);
    let (words, _) = out[start..].as_chunks_mut::<8>();
    for (word, limb) in words.iter_mut().zip(limbs) {
        *word = limb.to_le_bytes();
    }
    out.truncate(start + len);
    if let Some(last) = out.last_mut() {
        *last |= u8::from(negative) << 7;
    }
}

#[cfg(test)]
mod tests;

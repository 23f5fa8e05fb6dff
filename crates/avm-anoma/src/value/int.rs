//! Integers from -2^255 to 2^255 - 1. They never wrap: what is outside is an error. Spec 1.
//!
//! Those of 64 bits are inline in [`Val::Int`], and the functions here are made for them; any other
//! is a [`Big`].

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::cmp::Ordering;
use core::fmt;

use ruint::aliases::U256;

use super::Val;

/// An integer that does not fit 64 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Big {
    negative: bool,
    magnitude: U256,
}

impl Big {
    /// Whether it is below zero.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// Its magnitude, at most 2^255.
    #[must_use]
    pub fn magnitude(&self) -> &U256 {
        &self.magnitude
    }
}

impl fmt::Display for Big {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        write!(f, "{sign}{}", self.magnitude)
    }
}

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArithError {
    /// It is outside of -2^255 ..= 2^255 - 1, or not an integer (a power with a negative exponent).
    #[error("the result is not an integer from -2^255 to 2^255 - 1")]
    Overflow,
    /// The divisor is zero.
    #[error("division by zero")]
    DivZero,
    /// An operand is not an integer.
    #[error("an operand is not an integer")]
    NotInt,
}

type Result<T = Val> = core::result::Result<T, ArithError>;

/// Sign and magnitude of an integer.
type Parts = (bool, U256);

/// Bytes that a magnitude takes.
#[inline]
pub(super) fn bytes_of(magnitude: u64) -> u32 {
    (64 - magnitude.leading_zeros()).div_ceil(8)
}

/// Sign and magnitude of an integer; `None` if it is none.
#[must_use]
pub fn to_parts(value: &Val) -> Option<(bool, U256)> {
    match value {
        Val::Int(n) => Some((*n < 0, U256::from(n.unsigned_abs()))),
        Val::Big(big) => Some((big.negative, big.magnitude)),
        _ => None,
    }
}

fn parts(value: &Val) -> Result<Parts> {
    to_parts(value).ok_or(ArithError::NotInt)
}

/// The integer of this sign and magnitude.
///
/// # Errors
/// [`ArithError::Overflow`] if it is outside of -2^255 ..= 2^255 - 1.
pub fn from_parts(negative: bool, magnitude: U256) -> Result {
    if let Ok(small) = u64::try_from(magnitude) {
        let small = i128::from(small);
        if let Ok(n) = i64::try_from(if negative { -small } else { small }) {
            return Ok(Val::Int(n));
        }
    }
    let limit = U256::ONE << 255;
    if magnitude > limit || magnitude == limit && !negative {
        return Err(ArithError::Overflow);
    }
    Ok(Val::Big(Arc::new(Big {
        negative,
        magnitude,
    })))
}

/// The sum.
///
/// # Errors
/// [`ArithError::Overflow`], [`ArithError::NotInt`].
#[inline]
pub fn add(a: &Val, b: &Val) -> Result {
    if let (Val::Int(a), Val::Int(b)) = (a, b)
        && let Some(sum) = a.checked_add(*b)
    {
        return Ok(Val::Int(sum));
    }
    add_parts(parts(a)?, parts(b)?)
}

/// The difference.
///
/// # Errors
/// [`ArithError::Overflow`], [`ArithError::NotInt`].
#[inline]
pub fn sub(a: &Val, b: &Val) -> Result {
    if let (Val::Int(a), Val::Int(b)) = (a, b)
        && let Some(difference) = a.checked_sub(*b)
    {
        return Ok(Val::Int(difference));
    }
    let (negative, magnitude) = parts(b)?;
    add_parts(parts(a)?, (!negative, magnitude))
}

#[cold]
fn add_parts(a: Parts, b: Parts) -> Result {
    if a.0 == b.0 {
        let sum = a.1.checked_add(b.1).ok_or(ArithError::Overflow)?;
        from_parts(a.0, sum)
    } else if a.1 >= b.1 {
        from_parts(a.0, a.1 - b.1)
    } else {
        from_parts(b.0, b.1 - a.1)
    }
}

/// The product.
///
/// # Errors
/// [`ArithError::Overflow`], [`ArithError::NotInt`].
#[inline]
pub fn mul(a: &Val, b: &Val) -> Result {
    if let (Val::Int(a), Val::Int(b)) = (a, b)
        && let Some(product) = a.checked_mul(*b)
    {
        return Ok(Val::Int(product));
    }
    mul_parts(parts(a)?, parts(b)?)
}

#[cold]
fn mul_parts(a: Parts, b: Parts) -> Result {
    let product = a.1.checked_mul(b.1).ok_or(ArithError::Overflow)?;
    from_parts(a.0 != b.0, product)
}

/// The quotient, rounded towards zero.
///
/// # Errors
/// [`ArithError::DivZero`], [`ArithError::Overflow`] for -2^255 by -1, [`ArithError::NotInt`].
#[inline]
pub fn quotient(a: &Val, b: &Val) -> Result {
    if let (Val::Int(a), Val::Int(b)) = (a, b)
        && let Some(quotient) = a.checked_div(*b)
    {
        return Ok(Val::Int(quotient));
    }
    let (a, b) = (parts(a)?, parts(b)?);
    let quotient = a.1.checked_div(b.1).ok_or(ArithError::DivZero)?;
    from_parts(a.0 != b.0, quotient)
}

/// What is left of `a` after taking `b` out of it, with the sign of `b`, as Scheme's `modulo`.
///
/// # Errors
/// [`ArithError::DivZero`], [`ArithError::NotInt`].
#[inline]
pub fn modulo(a: &Val, b: &Val) -> Result {
    if let (&Val::Int(a), &Val::Int(b)) = (a, b)
        && b != 0
    {
        let rest = a.wrapping_rem(b);
        let other_side = rest != 0 && (rest < 0) != (b < 0);
        return Ok(Val::Int(if other_side { rest + b } else { rest }));
    }
    modulo_parts(parts(a)?, parts(b)?)
}

fn modulo_parts(a: Parts, b: Parts) -> Result {
    let rest = a.1.checked_rem(b.1).ok_or(ArithError::DivZero)?;
    let other_side = a.0 != b.0 && !rest.is_zero();
    from_parts(b.0, if other_side { b.1 - rest } else { rest })
}

/// The integer with the other sign.
///
/// # Errors
/// [`ArithError::Overflow`] for -2^255, [`ArithError::NotInt`].
#[inline]
pub fn neg(a: &Val) -> Result {
    sub(&Val::Int(0), a)
}

/// The integer without its sign.
///
/// # Errors
/// [`ArithError::Overflow`] for -2^255, [`ArithError::NotInt`].
pub fn abs(a: &Val) -> Result {
    from_parts(false, parts(a)?.1)
}

/// Which one is greater.
///
/// # Errors
/// [`ArithError::NotInt`].
#[inline]
pub fn cmp(a: &Val, b: &Val) -> Result<Ordering> {
    if let (Val::Int(a), Val::Int(b)) = (a, b) {
        return Ok(a.cmp(b));
    }
    let (a, b) = (parts(a)?, parts(b)?);
    Ok(match (a.0, b.0) {
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, false) => a.1.cmp(&b.1),
        (true, true) => b.1.cmp(&a.1),
    })
}

/// The lesser one.
///
/// # Errors
/// [`ArithError::NotInt`].
pub fn min(a: &Val, b: &Val) -> Result {
    Ok(if cmp(a, b)?.is_le() { a } else { b }.clone())
}

/// The greater one.
///
/// # Errors
/// [`ArithError::NotInt`].
pub fn max(a: &Val, b: &Val) -> Result {
    Ok(if cmp(a, b)?.is_ge() { a } else { b }.clone())
}

/// `base` to the power of `exponent`, modulo `modulus` as [`modulo`] has it.
///
/// # Errors
/// [`ArithError::DivZero`], [`ArithError::Overflow`] if the exponent is negative,
/// [`ArithError::NotInt`].
pub fn expt_mod(base: &Val, exponent: &Val, modulus: &Val) -> Result {
    let (base, exponent, modulus) = (parts(base)?, parts(exponent)?, parts(modulus)?);
    if modulus.1.is_zero() {
        return Err(ArithError::DivZero);
    }
    if exponent.0 {
        return Err(ArithError::Overflow);
    }
    let power = base.1.pow_mod(exponent.1, modulus.1);
    let negative = base.0 && exponent.1.bit(0);
    modulo_parts((negative, power), modulus)
}

/// The integer of a decimal text: digits, perhaps with a sign before them.
///
/// # Errors
/// [`ArithError::NotInt`] if the text is something else, [`ArithError::Overflow`].
pub fn parse(text: &str) -> Result {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(ArithError::NotInt);
    }
    let mut magnitude = U256::ZERO;
    for digit in digits.bytes() {
        let ten = magnitude.checked_mul(U256::from(10));
        let more = ten.and_then(|ten| ten.checked_add(U256::from(digit - b'0')));
        magnitude = more.ok_or(ArithError::Overflow)?;
    }
    from_parts(negative, magnitude)
}

/// The decimal text of an integer; `None` if it is none.
#[must_use]
pub fn print(value: &Val) -> Option<String> {
    match value {
        Val::Int(n) => Some(n.to_string()),
        Val::Big(big) => Some(big.to_string()),
        _ => None,
    }
}

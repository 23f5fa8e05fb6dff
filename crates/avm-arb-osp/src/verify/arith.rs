//! Arithmetic, comparison and bits. Every operand must be an Int.
//!
//! Operands are named as in section 7: `a` was on top.

use ruint::aliases::U256;

use super::step::{Step, Stop};

type Done = Result<(), Stop>;

fn unary(step: &mut Step<'_>, f: fn(U256) -> U256) -> Done {
    let a = step.pop_int()?;
    step.push_int(f(a));
    Ok(())
}

fn binary(step: &mut Step<'_>, f: impl FnOnce(U256, U256) -> U256) -> Done {
    let (a, b) = (step.pop_int()?, step.pop_int()?);
    step.push_int(f(a, b));
    Ok(())
}

/// An operation whose second operand must not be zero.
fn divide(step: &mut Step<'_>, f: fn(U256, U256) -> U256) -> Done {
    let (a, b) = (step.pop_int()?, step.pop_int()?);
    if b.is_zero() {
        return Err(Stop::Fault);
    }
    step.push_int(f(a, b));
    Ok(())
}

/// An operation modulo its third operand, which must not be zero.
fn modular(step: &mut Step<'_>, f: fn(U256, U256, U256) -> U256) -> Done {
    let (a, b, c) = (step.pop_int()?, step.pop_int()?, step.pop_int()?);
    if c.is_zero() {
        return Err(Stop::Fault);
    }
    step.push_int(f(a, b, c));
    Ok(())
}

pub(super) fn add(step: &mut Step<'_>) -> Done {
    binary(step, U256::wrapping_add)
}

pub(super) fn mul(step: &mut Step<'_>) -> Done {
    binary(step, U256::wrapping_mul)
}

pub(super) fn sub(step: &mut Step<'_>) -> Done {
    binary(step, U256::wrapping_sub)
}

pub(super) fn div(step: &mut Step<'_>) -> Done {
    divide(step, |a, b| a / b)
}

pub(super) fn sdiv(step: &mut Step<'_>) -> Done {
    // the largest magnitude is 2^255, whose quotient by 1 wraps back to the least integer
    divide(step, |a, b| {
        signed(
            magnitude(a) / magnitude(b),
            is_negative(a) != is_negative(b),
        )
    })
}

pub(super) fn modulo(step: &mut Step<'_>) -> Done {
    divide(step, |a, b| a % b)
}

pub(super) fn smod(step: &mut Step<'_>) -> Done {
    divide(step, |a, b| {
        signed(magnitude(a) % magnitude(b), is_negative(a))
    })
}

pub(super) fn addmod(step: &mut Step<'_>) -> Done {
    modular(step, U256::add_mod)
}

pub(super) fn mulmod(step: &mut Step<'_>) -> Done {
    modular(step, U256::mul_mod)
}

pub(super) fn exp(step: &mut Step<'_>) -> Done {
    binary(step, U256::wrapping_pow)
}

pub(super) fn signextend(step: &mut Step<'_>) -> Done {
    binary(step, |a, b| {
        let Some(byte) = below(a, 31) else { return b };
        let sign = 8 * byte + 7;
        let above = U256::MAX << (sign + 1);
        if b.bit(sign) { b | above } else { b & !above }
    })
}

pub(super) fn lt(step: &mut Step<'_>) -> Done {
    binary(step, |a, b| U256::from(a < b))
}

pub(super) fn gt(step: &mut Step<'_>) -> Done {
    binary(step, |a, b| U256::from(a > b))
}

pub(super) fn slt(step: &mut Step<'_>) -> Done {
    binary(step, |a, b| U256::from(ordered(a) < ordered(b)))
}

pub(super) fn sgt(step: &mut Step<'_>) -> Done {
    binary(step, |a, b| U256::from(ordered(a) > ordered(b)))
}

pub(super) fn iszero(step: &mut Step<'_>) -> Done {
    unary(step, |a| U256::from(a.is_zero()))
}

pub(super) fn and(step: &mut Step<'_>) -> Done {
    binary(step, |a, b| a & b)
}

pub(super) fn or(step: &mut Step<'_>) -> Done {
    binary(step, |a, b| a | b)
}

pub(super) fn xor(step: &mut Step<'_>) -> Done {
    binary(step, |a, b| a ^ b)
}

pub(super) fn not(step: &mut Step<'_>) -> Done {
    unary(step, |a| !a)
}

pub(super) fn byte(step: &mut Step<'_>) -> Done {
    binary(step, |a, b| {
        let found = below(a, 32).map(|at| b.to_be_bytes::<32>()[at]);
        U256::from(found.unwrap_or(0))
    })
}

pub(super) fn shl(step: &mut Step<'_>) -> Done {
    binary(step, |a, b| below(a, 256).map_or(U256::ZERO, |by| b << by))
}

pub(super) fn shr(step: &mut Step<'_>) -> Done {
    binary(step, |a, b| below(a, 256).map_or(U256::ZERO, |by| b >> by))
}

pub(super) fn sar(step: &mut Step<'_>) -> Done {
    binary(step, |a, b| {
        // of a negative number, the complement is not negative and shifts in zeros
        let shift = |word: U256| below(a, 256).map_or(U256::ZERO, |by| word >> by);
        if is_negative(b) { !shift(!b) } else { shift(b) }
    })
}

/// `a` as an index, if it is below `limit`.
fn below(a: U256, limit: usize) -> Option<usize> {
    usize::try_from(a).ok().filter(|&a| a < limit)
}

fn is_negative(a: U256) -> bool {
    a.bit(255)
}

/// The absolute value of a two's complement number; 2^255 is one.
fn magnitude(a: U256) -> U256 {
    signed(a, is_negative(a))
}

/// `a`, or its negative modulo 2^256.
fn signed(a: U256, negative: bool) -> U256 {
    if negative { a.wrapping_neg() } else { a }
}

/// A word whose unsigned order is the signed order of `a`.
fn ordered(a: U256) -> U256 {
    a ^ (U256::ONE << 255)
}

//! Arithmetic on numbers of any size. Spec: section 7.4.

use core::cmp::Ordering;

use super::Done;
use crate::script::error::ScriptError;
use crate::script::fault::Trap;
use crate::script::frame::{Frame, per_bytes};
use crate::script::item::Item;
use crate::script::num::Num;

/// What an operation costs more if an operand does not fit into a machine word.
const LONG_COST: u64 = 20;
/// Bytes of a machine word.
const WORD_BYTES: usize = 8;

/// What operands of these lengths cost.
#[inline(always)]
fn by_lengths<const N: usize>(lens: [usize; N]) -> u64 {
    let long = lens.iter().any(|len| *len > WORD_BYTES);
    per_bytes(lens.iter().sum()) + if long { LONG_COST } else { 0 }
}

/// Replaces a number of one word by what `result` makes of it. Returns false, having done nothing,
/// if that is not to be had without longer numbers.
#[inline(always)]
fn word(f: &mut Frame, result: impl FnOnce(i64) -> Option<i64>) -> Result<bool, ScriptError> {
    let operand = f.main.peek(0);
    let len = operand.len();
    if len > f.limits.max_number_bytes {
        return Ok(false);
    }
    let Some(result) = operand.as_int().and_then(result) else {
        return Ok(false);
    };
    f.charge(per_bytes(len))?;
    f.main.set_top_int(result);
    Ok(true)
}

/// [`word`] for two numbers; `cost` is that of both lengths in bytes.
#[inline(always)]
fn words(
    f: &mut Frame,
    cost: impl FnOnce(usize, usize) -> u64,
    result: impl FnOnce(i64, i64) -> Option<i64>,
) -> Result<bool, ScriptError> {
    let (a, b) = (f.main.peek(1), f.main.peek(0));
    if a.len().max(b.len()) > f.limits.max_number_bytes {
        return Ok(false);
    }
    let (Some(x), Some(y)) = (a.as_int(), b.as_int()) else {
        return Ok(false);
    };
    let Some(result) = result(x, y) else {
        return Ok(false);
    };
    let cost = cost(a.len(), b.len());
    f.charge(cost)?;
    f.main.drop(1);
    f.main.set_top_int(result);
    Ok(true)
}

/// What adding or comparing numbers of these lengths costs.
#[inline(always)]
fn by_sum(a: usize, b: usize) -> u64 {
    by_lengths([a, b])
}

/// What multiplying or dividing numbers of these lengths costs: what adding them does, and a quarter
/// of the product of both lengths in words.
#[inline(always)]
fn by_product(a: usize, b: usize) -> u64 {
    by_sum(a, b) + a.div_ceil(8) as u64 * b.div_ceil(8) as u64 / 4
}

/// Replaces a number by what `result` makes of it.
#[inline]
fn unary(f: &mut Frame, result: impl FnOnce(Num) -> Num) -> Done {
    let operand = f.num(0)?;
    f.charge(by_lengths([f.main.peek(0).len()]))?;
    let item = f.encoded(&result(operand))?;
    f.main.set_top(item);
    Ok(())
}

#[inline]
pub(crate) fn add1(f: &mut Frame) -> Done {
    if word(f, |a| a.checked_add(1))? {
        return Ok(());
    }
    unary(f, |a| a.add(&Num::ONE))
}

#[inline]
pub(crate) fn sub1(f: &mut Frame) -> Done {
    if word(f, |a| a.checked_sub(1))? {
        return Ok(());
    }
    unary(f, |a| a.sub(&Num::ONE))
}

pub(crate) fn negate(f: &mut Frame) -> Done {
    if word(f, i64::checked_neg)? {
        return Ok(());
    }
    unary(f, |a| -a)
}

pub(crate) fn abs(f: &mut Frame) -> Done {
    if word(f, i64::checked_abs)? {
        return Ok(());
    }
    unary(f, |a| a.abs())
}

pub(crate) fn not(f: &mut Frame) -> Done {
    unary(f, |a| Num::from(i64::from(a.is_zero())))
}

pub(crate) fn not_equal_0(f: &mut Frame) -> Done {
    unary(f, |a| Num::from(i64::from(!a.is_zero())))
}

/// The two top numbers, the deeper first, charged for by their length.
#[inline]
fn two(f: &mut Frame) -> Result<(Num, Num), Trap> {
    let operands = (f.num(1)?, f.num(0)?);
    f.charge(by_sum(f.main.peek(1).len(), f.main.peek(0).len()))?;
    Ok(operands)
}

/// Replaces the two top elements by one.
#[inline]
fn replace_two(f: &mut Frame, item: Item) -> Done {
    f.main.drop(1);
    f.main.set_top(item);
    Ok(())
}

#[inline]
pub(crate) fn add(f: &mut Frame) -> Done {
    if words(f, by_sum, i64::checked_add)? {
        return Ok(());
    }
    let (a, b) = two(f)?;
    let sum = f.encoded(&a.add(&b))?;
    replace_two(f, sum)
}

#[inline]
pub(crate) fn sub(f: &mut Frame) -> Done {
    if words(f, by_sum, i64::checked_sub)? {
        return Ok(());
    }
    let (a, b) = two(f)?;
    let difference = f.encoded(&a.sub(&b))?;
    replace_two(f, difference)
}

/// The two top numbers, charged for by their length, and by the product of their lengths in words
/// of 8 bytes.
#[inline]
fn two_by_product(f: &mut Frame) -> Result<(Num, Num), Trap> {
    let operands = (f.num(1)?, f.num(0)?);
    f.charge(by_product(f.main.peek(1).len(), f.main.peek(0).len()))?;
    Ok(operands)
}

#[inline]
pub(crate) fn mul(f: &mut Frame) -> Done {
    if words(f, by_product, i64::checked_mul)? {
        return Ok(());
    }
    let (a, b) = two_by_product(f)?;
    let product = f.encoded(&a.mul(&b))?;
    replace_two(f, product)
}

#[inline]
pub(crate) fn div(f: &mut Frame) -> Done {
    if words(f, by_product, i64::checked_div)? {
        return Ok(());
    }
    let (a, b) = two_by_product(f)?;
    let quotient = a.div(&b).ok_or(ScriptError::DivByZero)?;
    let quotient = f.encoded(&quotient)?;
    replace_two(f, quotient)
}

#[inline]
pub(crate) fn rem(f: &mut Frame) -> Done {
    if words(f, by_product, i64::checked_rem)? {
        return Ok(());
    }
    let (a, b) = two_by_product(f)?;
    let remainder = a.rem(&b).ok_or(ScriptError::ModByZero)?;
    let remainder = f.encoded(&remainder)?;
    replace_two(f, remainder)
}

/// Replaces two numbers by what is said of them.
#[inline]
fn predicate(f: &mut Frame, holds: impl FnOnce(&Num, &Num) -> bool) -> Done {
    let (a, b) = two(f)?;
    replace_two(f, Item::bool(holds(&a, &b)))
}

pub(crate) fn bool_and(f: &mut Frame) -> Done {
    predicate(f, |a, b| !a.is_zero() && !b.is_zero())
}

pub(crate) fn bool_or(f: &mut Frame) -> Done {
    predicate(f, |a, b| !a.is_zero() || !b.is_zero())
}

pub(crate) fn num_equal(f: &mut Frame) -> Done {
    if words(f, by_sum, |a, b| Some((a == b).into()))? {
        return Ok(());
    }
    predicate(f, |a, b| a.cmp(b) == Ordering::Equal)
}

pub(crate) fn num_equal_verify(f: &mut Frame) -> Done {
    let (a, b) = two(f)?;
    if a.cmp(&b) != Ordering::Equal {
        return Err(ScriptError::Numequalverify.into());
    }
    f.main.drop(2);
    Ok(())
}

pub(crate) fn num_not_equal(f: &mut Frame) -> Done {
    if words(f, by_sum, |a, b| Some((a != b).into()))? {
        return Ok(());
    }
    predicate(f, |a, b| a.cmp(b) != Ordering::Equal)
}

pub(crate) fn less(f: &mut Frame) -> Done {
    if words(f, by_sum, |a, b| Some((a < b).into()))? {
        return Ok(());
    }
    predicate(f, |a, b| a.cmp(b) == Ordering::Less)
}

pub(crate) fn greater(f: &mut Frame) -> Done {
    if words(f, by_sum, |a, b| Some((a > b).into()))? {
        return Ok(());
    }
    predicate(f, |a, b| a.cmp(b) == Ordering::Greater)
}

pub(crate) fn less_or_equal(f: &mut Frame) -> Done {
    if words(f, by_sum, |a, b| Some((a <= b).into()))? {
        return Ok(());
    }
    predicate(f, |a, b| a.cmp(b) != Ordering::Greater)
}

pub(crate) fn greater_or_equal(f: &mut Frame) -> Done {
    if words(f, by_sum, |a, b| Some((a >= b).into()))? {
        return Ok(());
    }
    predicate(f, |a, b| a.cmp(b) != Ordering::Less)
}

/// Replaces two numbers by one of them, in its shortest form.
fn choose(f: &mut Frame, when_first: Ordering) -> Done {
    let (a, b) = two(f)?;
    let chosen = if a.cmp(&b) == when_first { &a } else { &b };
    let item = f.encoded(chosen)?;
    replace_two(f, item)
}

pub(crate) fn min(f: &mut Frame) -> Done {
    choose(f, Ordering::Less)
}

pub(crate) fn max(f: &mut Frame) -> Done {
    choose(f, Ordering::Greater)
}

pub(crate) fn within(f: &mut Frame) -> Done {
    let (x, low, high) = (f.num(2)?, f.num(1)?, f.num(0)?);
    f.charge(by_lengths([2, 1, 0].map(|at| f.main.peek(at).len())))?;
    let inside = low.cmp(&x) != Ordering::Greater && x.cmp(&high) == Ordering::Less;
    f.main.drop(2);
    f.main.set_top(Item::bool(inside));
    Ok(())
}

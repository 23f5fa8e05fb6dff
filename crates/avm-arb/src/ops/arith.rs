//! Arithmetic, comparison and bits. Spec: section 7, opcodes 01 to 1d.

use avm_core::Host;
use ruint::aliases::U256;

use super::Flow;
use crate::fault::{Fault, Trap};
use crate::math;
use crate::state::State;

/// Two ints to one.
fn binary(state: &mut State, f: impl FnOnce(U256, U256) -> U256) -> Result<Flow, Trap> {
    let (a, b) = (state.pop_int()?, state.pop_int()?);
    state.push_int(f(a, b));
    Ok(Flow::Next)
}

/// Two ints to a truth.
fn compare(state: &mut State, f: impl FnOnce(&U256, &U256) -> bool) -> Result<Flow, Trap> {
    let (a, b) = (state.pop_int()?, state.pop_int()?);
    state.push_bool(f(&a, &b));
    Ok(Flow::Next)
}

/// Two ints to one, an error if the second is zero.
fn divide(state: &mut State, f: impl FnOnce(U256, U256) -> U256) -> Result<Flow, Trap> {
    let (a, b) = (state.pop_int()?, state.pop_int()?);
    if b.is_zero() {
        return Err(Fault::DivisionByZero.into());
    }
    state.push_int(f(a, b));
    Ok(Flow::Next)
}

/// Three ints to one, an error if the third is zero.
fn modular(state: &mut State, f: impl FnOnce(U256, U256, U256) -> U256) -> Result<Flow, Trap> {
    let (a, b, c) = (state.pop_int()?, state.pop_int()?, state.pop_int()?);
    if c.is_zero() {
        return Err(Fault::DivisionByZero.into());
    }
    state.push_int(f(a, b, c));
    Ok(Flow::Next)
}

/// One int to one.
fn unary(state: &mut State, f: impl FnOnce(U256) -> U256) -> Result<Flow, Trap> {
    let a = state.pop_int()?;
    state.push_int(f(a));
    Ok(Flow::Next)
}

pub(crate) fn add(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    binary(state, U256::wrapping_add)
}

pub(crate) fn mul(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    binary(state, U256::wrapping_mul)
}

pub(crate) fn sub(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    binary(state, U256::wrapping_sub)
}

pub(crate) fn div(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    divide(state, math::div)
}

pub(crate) fn sdiv(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    divide(state, math::sdiv)
}

pub(crate) fn rem(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    divide(state, math::rem)
}

pub(crate) fn smod(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    divide(state, math::smod)
}

pub(crate) fn addmod(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    modular(state, math::add_mod)
}

pub(crate) fn mulmod(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    modular(state, math::mul_mod)
}

pub(crate) fn exp(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    binary(state, math::pow)
}

pub(crate) fn signextend(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    binary(state, math::sign_extend)
}

pub(crate) fn lt(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    compare(state, |a, b| a < b)
}

pub(crate) fn gt(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    compare(state, |a, b| a > b)
}

pub(crate) fn slt(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    compare(state, |a, b| {
        math::signed_order(*a) < math::signed_order(*b)
    })
}

pub(crate) fn sgt(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    compare(state, |a, b| {
        math::signed_order(*a) > math::signed_order(*b)
    })
}

pub(crate) fn iszero(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let a = state.pop_int()?;
    state.push_bool(a.is_zero());
    Ok(Flow::Next)
}

pub(crate) fn and(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    binary(state, |a, b| a & b)
}

pub(crate) fn or(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    binary(state, |a, b| a | b)
}

pub(crate) fn xor(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    binary(state, |a, b| a ^ b)
}

pub(crate) fn not(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    unary(state, |a| !a)
}

pub(crate) fn byte(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    binary(state, math::byte)
}

pub(crate) fn shl(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    binary(state, |a, b| math::shl(b, a))
}

pub(crate) fn shr(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    binary(state, |a, b| math::shr(b, a))
}

pub(crate) fn sar(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    binary(state, |a, b| math::sar(b, a))
}

//! Moving values between the stacks, the register and the static value. Spec: section 7.

use avm_core::Host;

use super::Flow;
use crate::fault::Trap;
use crate::state::State;

pub(crate) fn nop(_: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    Ok(Flow::Next)
}

pub(crate) fn pop(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    state.pop_closed();
    Ok(Flow::Next)
}

pub(crate) fn spush(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    state.constant = state.heap.reveal(state.constant, &state.store)?;
    state.push(state.constant);
    Ok(Flow::Next)
}

pub(crate) fn rpush(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    state.register = state.heap.reveal(state.register, &state.store)?;
    state.push(state.register);
    Ok(Flow::Next)
}

pub(crate) fn rset(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    state.register = state.pop_closed();
    Ok(Flow::Next)
}

pub(crate) fn stackempty(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let empty = state.data.is_empty();
    state.push_bool(empty);
    Ok(Flow::Next)
}

pub(crate) fn auxpush(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let a = state.pop()?;
    state.aux.push(a);
    Ok(Flow::Next)
}

pub(crate) fn auxpop(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let a = state.pop_aux()?;
    state.push(a);
    Ok(Flow::Next)
}

pub(crate) fn auxstackempty(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let empty = state.aux.is_empty();
    state.push_bool(empty);
    Ok(Flow::Next)
}

pub(crate) fn dup0(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let a = state.pop()?;
    state.push_all([a, a]);
    Ok(Flow::Next)
}

pub(crate) fn dup1(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let (a, b) = (state.pop()?, state.pop()?);
    state.push_all([b, a, b]);
    Ok(Flow::Next)
}

pub(crate) fn dup2(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let (a, b, c) = (state.pop()?, state.pop()?, state.pop()?);
    state.push_all([c, b, a, c]);
    Ok(Flow::Next)
}

pub(crate) fn swap1(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let (a, b) = (state.pop()?, state.pop()?);
    state.push_all([a, b]);
    Ok(Flow::Next)
}

pub(crate) fn swap2(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let (a, b, c) = (state.pop()?, state.pop()?, state.pop()?);
    state.push_all([a, b, c]);
    Ok(Flow::Next)
}

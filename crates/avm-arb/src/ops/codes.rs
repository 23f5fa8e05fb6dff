//! Jumps, the error handler, gas and code made at run time. Spec: sections 4, 6 and 7.

use avm_core::Host;

use super::Flow;
use crate::fault::{Fault, Trap};
use crate::heap::ERROR;
use crate::state::State;
use crate::value::Value;

pub(crate) fn jump(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    Ok(Flow::Jump(state.pop_code()?))
}

pub(crate) fn cjump(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let (target, condition) = (state.pop_code()?, state.pop_int()?);
    Ok(if condition.is_zero() {
        Flow::Next
    } else {
        Flow::Jump(target)
    })
}

pub(crate) fn pcpush(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    state.push(Value::Code(state.pc));
    Ok(Flow::Next)
}

pub(crate) fn errpush(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    state.push(Value::Code(state.handler));
    Ok(Flow::Next)
}

pub(crate) fn errset(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    state.handler = state.pop_code()?;
    Ok(Flow::Next)
}

pub(crate) fn error(_: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    Err(Fault::Raised.into())
}

pub(crate) fn halt(_: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    Ok(Flow::Halt)
}

pub(crate) fn setgas(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    state.gas_left = state.pop_int()?;
    Ok(Flow::Next)
}

pub(crate) fn pushgas(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    state.push_int(state.gas_left);
    Ok(Flow::Next)
}

pub(crate) fn errcodepoint(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    state.push(Value::Code(ERROR));
    Ok(Flow::Next)
}

pub(crate) fn pushinsn(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let (opcode, next) = (state.pop_int()?, state.pop_code()?);
    let code = state.heap.operation(opcode.byte(0), None, Some(next));
    state.push(Value::Code(code));
    Ok(Flow::Next)
}

pub(crate) fn pushinsnimm(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let (opcode, immediate, next) = (state.pop_int()?, state.pop()?, state.pop_code()?);
    let code = state
        .heap
        .operation(opcode.byte(0), Some(immediate), Some(next));
    state.push(Value::Code(code));
    Ok(Flow::Next)
}

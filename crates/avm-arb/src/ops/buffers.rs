//! Buffers. Spec: section 9.

use avm_core::Host;
use ruint::aliases::U256;

use super::Flow;
use crate::fault::{Fault, Trap};
use crate::heap::ZERO_BUFFER;
use crate::state::State;
use crate::value::Value;

/// Reads `width` bytes.
fn get(state: &mut State, width: usize) -> Result<Flow, Trap> {
    let (offset, buffer) = (state.pop_int()?, state.pop_buffer()?);
    let offset = in_range(offset, width)?;
    let word = state
        .heap
        .read_buffer(buffer, offset, width, &state.store)?;
    state.push_int(word);
    Ok(Flow::Next)
}

/// Writes `width` bytes.
fn set(state: &mut State, width: usize) -> Result<Flow, Trap> {
    let (offset, value, buffer) = (state.pop_int()?, state.pop_int()?, state.pop_buffer()?);
    let offset = in_range(offset, width)?;
    if value.bit_len() > 8 * width {
        return Err(Fault::BufferValue {
            value,
            width_bytes: width,
        }
        .into());
    }
    let bytes = value.to_be_bytes::<32>();
    let written = &bytes[32 - width..];
    let buffer = state
        .heap
        .write_buffer(buffer, offset, written, &state.store)?;
    state.push(Value::Buffer(buffer));
    Ok(Flow::Next)
}

/// An offset from which `width` bytes end below 2^64.
fn in_range(offset: U256, width: usize) -> Result<u64, Fault> {
    let last = u64::MAX - (width as u64 - 1);
    let low = u64::try_from(offset).ok().filter(|&offset| offset <= last);
    low.ok_or(Fault::BufferOffset(offset))
}

pub(crate) fn newbuffer(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    state.push(Value::Buffer(ZERO_BUFFER));
    Ok(Flow::Next)
}

pub(crate) fn getbuffer8(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    get(state, 1)
}

pub(crate) fn getbuffer64(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    get(state, 8)
}

pub(crate) fn getbuffer256(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    get(state, 32)
}

pub(crate) fn setbuffer8(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    set(state, 1)
}

pub(crate) fn setbuffer64(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    set(state, 8)
}

pub(crate) fn setbuffer256(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    set(state, 32)
}

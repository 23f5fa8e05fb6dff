//! Tuples. Spec: section 7, opcodes 50 to 54.

use avm_core::Host;

use super::Flow;
use crate::fault::Trap;
use crate::state::State;
use crate::value::{TupleRef, Value};

pub(crate) fn tget(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let (index, tuple) = (state.pop_int()?, state.pop_tuple()?);
    let at = state.tuple_index(tuple, index)?;
    let element = state.heap.element(tuple, at, &state.store)?;
    state.push(element);
    Ok(Flow::Next)
}

pub(crate) fn tset(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let (index, tuple, value) = (state.pop_int()?, state.pop_tuple()?, state.pop()?);
    let at = state.tuple_index(tuple, index)?;
    let changed = with(state, tuple, at, value)?;
    state.push(changed);
    Ok(Flow::Next)
}

pub(crate) fn tlen(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let tuple = state.pop_tuple()?;
    let len = state.tuple_len(tuple);
    state.push(Value::int(len as u64));
    Ok(Flow::Next)
}

pub(crate) fn xget(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let (index, top) = (state.pop_int()?, state.pop_aux()?);
    let tuple = state.as_tuple(top)?;
    let at = state.tuple_index(tuple, index)?;
    let element = state.heap.element(tuple, at, &state.store)?;
    state.push(element);
    state.aux.push(top);
    Ok(Flow::Next)
}

pub(crate) fn xset(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let (index, value, top) = (state.pop_int()?, state.pop()?, state.pop_aux()?);
    let tuple = state.as_tuple(top)?;
    let at = state.tuple_index(tuple, index)?;
    let changed = with(state, tuple, at, value)?;
    state.aux.push(changed);
    Ok(Flow::Next)
}

/// An opened tuple with one element replaced. If others are hidden, its size follows from the old
/// size, so they need not be read.
fn with(state: &mut State, tuple: TupleRef, at: usize, value: Value) -> Result<Value, Trap> {
    let size = if state.heap.is_partial(tuple) {
        let old = state.heap.element(tuple, at, &state.store)?;
        let heap = &mut state.heap;
        heap.settle_tuple(tuple);
        let [was, is] = [old, value].map(|value| {
            heap.hash(&value);
            heap.size(&value)
        });
        // The tuple may be a changed one that was never hashed; its size is there all the same.
        Some(
            heap.size(&Value::Tuple(tuple))
                .wrapping_sub(was)
                .wrapping_add(is),
        )
    } else {
        None
    };
    let changed = state.heap.tuple_with(tuple, at, value, size);
    Ok(Value::Tuple(changed))
}

//! Signatures and pairings. Spec: section 8.

use alloc::vec::Vec;

use avm_core::{Host, HostError};

use super::Flow;
use crate::crypto;
use crate::fault::{Fault, Trap};
use crate::state::State;
use crate::value::{TupleRef, Value};

/// Most items of a pairing list.
const PAIRS_MAX: u64 = 30;
/// Gas of one item of a pairing list.
const PAIR_GAS: u64 = 500_000;

pub(crate) fn ecrecover(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let (r, s) = (state.pop_int()?, state.pop_int()?);
    let (recovery_id, hash) = (state.pop_int()?, state.pop_int()?);
    state.push_int(crypto::ecrecover(r, s, recovery_id, hash).unwrap_or_default());
    Ok(Flow::Next)
}

pub(crate) fn ecadd(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let first = [state.pop_int()?, state.pop_int()?];
    let second = [state.pop_int()?, state.pop_int()?];
    let [x, y] = crypto::ec_add(first, second).ok_or(Fault::BadPoint)?;
    state.push_int(y);
    state.push_int(x);
    Ok(Flow::Next)
}

pub(crate) fn ecmul(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let point = [state.pop_int()?, state.pop_int()?];
    let scalar = state.pop_int()?;
    let [x, y] = crypto::ec_mul(point, scalar).ok_or(Fault::BadPoint)?;
    state.push_int(y);
    state.push_int(x);
    Ok(Flow::Next)
}

pub(crate) fn ecpairing(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let list = state.pop()?;
    let (items, end) = walk(state, list)?;
    if !matches!(end, Value::Tuple(tuple) if state.tuple_len(tuple) == 0) {
        return Err(Fault::BadPairingList.into());
    }
    let mut pairs = Vec::with_capacity(items.len());
    for item in items {
        let point = state.heap.element(item, 0, &state.store)?;
        let point = state.as_tuple(point)?;
        pairs.push(super::hashing::ints::<6>(state, point)?);
    }
    let one = crypto::ec_pairing(&pairs).ok_or(Fault::BadPoint)?;
    state.push_bool(one);
    Ok(Flow::Next)
}

/// Gas for the items of the list on top of the stack.
pub(crate) fn pairing_gas(state: &mut State) -> Result<u64, HostError> {
    let list = state.pop()?;
    state.push(list);
    let items = match walk(state, list) {
        Ok((items, _)) => items.len() as u64,
        Err(Trap::Host(error)) => return Err(error),
        Err(Trap::Fault(_)) => 0,
    };
    Ok(items * PAIR_GAS)
}

/// The pairs of a list `(p, (p, (..., ())))`, at most thirty, and where the walk ended.
fn walk(state: &mut State, list: Value) -> Result<(Vec<TupleRef>, Value), Trap> {
    let (mut items, mut rest) = (Vec::new(), list);
    while (items.len() as u64) < PAIRS_MAX {
        let Value::Tuple(tuple) = rest else { break };
        state.heap.open_tuple(tuple, &state.store)?;
        if state.tuple_len(tuple) != 2 {
            break;
        }
        items.push(tuple);
        rest = state.heap.element(tuple, 1, &state.store)?;
    }
    if let Value::Tuple(tuple) = rest {
        state.heap.open_tuple(tuple, &state.store)?;
    }
    Ok((items, rest))
}

//! Hashes and kinds. Spec: section 7, opcodes 14 and 20 to 24; section 8.

use avm_core::{Hash, Host};
use ruint::aliases::U256;

use super::Flow;
use crate::crypto;
use crate::fault::{Fault, Trap};
use crate::state::State;
use crate::value::Value;
use crate::{frame, heap::TUPLE_MAX};

pub(crate) fn eq(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let (a, b) = (state.pop_closed(), state.pop_closed());
    let equal = match (&a, &b) {
        (Value::Int(a), Value::Int(b)) => a == b,
        _ => state.heap.hash(&a) == state.heap.hash(&b),
    };
    state.push_bool(equal);
    Ok(Flow::Next)
}

pub(crate) fn hash(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let a = state.pop_closed();
    let hash = state.heap.hash(&a);
    state.push_hash(hash);
    Ok(Flow::Next)
}

pub(crate) fn kind(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let a = state.pop()?;
    state.push(Value::int(frame::kind(&a) as u64));
    Ok(Flow::Next)
}

pub(crate) fn ethhash2(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let (a, b) = (state.pop_int()?, state.pop_int()?);
    state.push_hash(Hash(a.to_be_bytes()).join(Hash(b.to_be_bytes())));
    Ok(Flow::Next)
}

pub(crate) fn keccakf(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let tuple = state.pop_tuple()?;
    let words = ints::<7>(state, tuple)?;
    let permuted = crypto::keccak_f(&words).map(Value::Int);
    let tuple = state.heap.tuple(&permuted);
    state.push(Value::Tuple(tuple));
    Ok(Flow::Next)
}

pub(crate) fn sha256f(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    let (chain, first, second) = (state.pop_int()?, state.pop_int()?, state.pop_int()?);
    state.push_int(crypto::sha256_compress(chain, [first, second]));
    Ok(Flow::Next)
}

/// The elements of an opened tuple that has exactly `N`, all ints.
pub(crate) fn ints<const N: usize>(
    state: &mut State,
    tuple: crate::value::TupleRef,
) -> Result<[U256; N], Trap> {
    const { assert!(N <= TUPLE_MAX) }
    let found = state.tuple_len(tuple);
    if found != N {
        return Err(Fault::TupleLength { want: N, found }.into());
    }
    let mut words = [U256::ZERO; N];
    for (at, word) in words.iter_mut().enumerate() {
        match state.heap.element(tuple, at, &state.store)? {
            Value::Int(element) => *word = element,
            other => {
                let (want, found) = (crate::value::Kind::Int, frame::kind(&other));
                return Err(Fault::WrongKind { want, found }.into());
            }
        }
    }
    Ok(words)
}

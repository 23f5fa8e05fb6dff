//! Messages in, sends and logs out. Spec: sections 10 and 11.

use alloc::boxed::Box;
use core::cell::RefCell;

use avm_core::{Channel, Hash, Host, HostError, Output, Save, Sink};
use ruint::aliases::U256;

use super::Flow;
use crate::fault::{Fault, Trap};
use crate::heap::NONE;
use crate::message::Message;
use crate::save::Writer;
use crate::state::State;
use crate::value::Value;

/// Output channel of sends; the content is one node, the bytes sent.
pub const SENDS: Channel = Channel(0);
/// Output channel of logs; the content is the value logged.
pub const LOGS: Channel = Channel(1);
/// Most bytes of one send.
pub const SEND_MAX_BYTES: usize = 10_000;

pub(crate) fn inbox(state: &mut State, host: &mut dyn Host) -> Result<Flow, Trap> {
    let Some(input) = host.next_input()? else {
        return Ok(Flow::Wait);
    };
    let message =
        Message::from_bytes(&input).map_err(|error| HostError::BadInput(Box::new(error)))?;
    state.tally.messages_read += 1;
    let heap = &mut state.heap;
    let mut sender = [0; 32];
    sender[12..].copy_from_slice(&message.sender);
    let elements = [
        Value::int(u64::from(message.kind)),
        Value::Int(message.block_number),
        Value::Int(message.timestamp),
        Value::Int(U256::from_be_bytes(sender)),
        Value::Int(message.sequence_number),
        Value::Int(message.gas_price_l1),
        Value::int(message.data.len() as u64),
        Value::Buffer(heap.buffer_from(&message.data)),
    ];
    let tuple = heap.tuple(&elements);
    state.push(Value::Tuple(tuple));
    Ok(Flow::Next)
}

pub(crate) fn send(state: &mut State, host: &mut dyn Host) -> Result<Flow, Trap> {
    let (size, buffer) = (state.pop_int()?, state.pop_buffer()?);
    let size_bytes = match usize::try_from(size) {
        Ok(bytes @ 1..=SEND_MAX_BYTES) => bytes,
        _ => return Err(Fault::SendSize(size).into()),
    };
    let data = state.heap.prefix(buffer, size_bytes, &state.store)?;
    let data = data.ok_or(Fault::SendTruncated { size_bytes })?;
    let hash = Hash::keccak(&data);
    host.emit(Output {
        channel: SENDS,
        hash,
        content: &Sent { hash, data: &data },
    })?;
    state.tally.send_acc = state.tally.send_acc.join(hash);
    state.tally.sends += 1;
    Ok(Flow::Next)
}

pub(crate) fn log(state: &mut State, host: &mut dyn Host) -> Result<Flow, Trap> {
    let value = state.pop_closed();
    let hash = state.heap.hash(&value);
    host.emit(Output {
        channel: LOGS,
        hash,
        content: &Logged {
            value,
            state: RefCell::new(state),
        },
    })?;
    state.tally.log_acc = state.tally.log_acc.join(hash);
    state.tally.logs += 1;
    Ok(Flow::Next)
}

pub(crate) fn sideload(state: &mut State, _: &mut dyn Host) -> Result<Flow, Trap> {
    state.pop_int()?;
    state.push(Value::Tuple(NONE));
    Ok(Flow::Next)
}

struct Sent<'a> {
    hash: Hash,
    data: &'a [u8],
}

impl Save for Sent<'_> {
    fn save(&self, sink: &mut dyn Sink) -> Result<(), HostError> {
        if sink.has(self.hash)? {
            return Ok(());
        }
        sink.put(self.hash, self.data)
    }
}

/// A value that was logged. Writing it takes hashes in the heap of its state.
struct Logged<'a> {
    value: Value,
    state: RefCell<&'a mut State>,
}

impl Save for Logged<'_> {
    fn save(&self, sink: &mut dyn Sink) -> Result<(), HostError> {
        let state = &mut **self.state.borrow_mut();
        let (heap, store) = (&mut state.heap, &state.store);
        Writer { heap, store, sink }.value(self.value)
    }
}

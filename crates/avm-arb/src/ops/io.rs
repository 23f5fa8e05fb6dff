//! Messages in, sends and logs out. Spec: sections 10 and 11.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::RefCell;

use avm_core::{Channel, Hash, Host, HostError, Nodes, Output, Save, Sink};
use ruint::aliases::U256;

use super::Flow;
use crate::fault::{Fault, Trap};
use crate::heap::NONE;
use crate::message::Message;
use crate::save::Writer;
use crate::state::State;
use crate::value::Value;

/// Output channel of sends; the content is one node, [`SEND_TAG`] and the bytes sent.
pub const SENDS: Channel = Channel(0);
/// Output channel of logs; the content is the value logged.
pub const LOGS: Channel = Channel(1);
/// What the node of a send starts with. A program chooses the bytes it sends: without a tag it could
/// send the node of a tuple, and the sink would take the tuple for written, elements and all.
pub const SEND_TAG: [u8; 16] = *b"arb send content";
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
    let node = [&SEND_TAG[..], &data].concat();
    let hash = Hash::keccak(&node);
    host.emit(Output {
        channel: SENDS,
        hash,
        content: &Sent { hash, node: &node },
    })?;
    state.tally.send_acc = state.tally.send_acc.join(Hash::keccak(&data));
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

/// The bytes of a send, from the nodes behind it.
///
/// # Errors
/// If the node is missing, or is not the content of a send.
pub fn sent_bytes(hash: Hash, nodes: &dyn Nodes) -> Result<Vec<u8>, HostError> {
    let node = nodes.get(hash)?;
    let bytes = node.strip_prefix(&SEND_TAG[..]).map(<[u8]>::to_vec);
    bytes.ok_or(HostError::BadNode {
        hash,
        len: node.len(),
        want: "the content of a send",
    })
}

struct Sent<'a> {
    hash: Hash,
    node: &'a [u8],
}

impl Save for Sent<'_> {
    fn save(&self, sink: &mut dyn Sink) -> Result<(), HostError> {
        if sink.has(self.hash)? {
            return Ok(());
        }
        sink.put(self.hash, self.node)
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

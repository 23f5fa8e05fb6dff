//! Makes the on-chain proof of the next step of a state.
//!
//! The state is given by its hash and a store of nodes, and is read by hash: no machine runs, and
//! what the proof does not show is not read, so a stack of millions of items costs nothing. The
//! store must hold the whole state, not only what the step reads: a proof also shows the sizes of
//! both stacks and of the registers.
//!
//! Spec: sections 13, 15 and 16.

mod buffer;
mod inbox;
mod operands;
mod value;

use alloc::vec::Vec;

use avm_arb::{Status, nodes, ops};
use avm_core::{Hash, HostError, Nodes};
use ruint::aliases::U256;

pub use inbox::{Batch, BatchError, BatchItem, BatchStart, DelayedRun, InboxProof};

use crate::Proof;
use operands::{Listed, Opening};
use value::Values;

/// Most bytes that the values of one proof may take. Only forms that nobody could send to the
/// settlement chain are longer: opened tuples that share their elements many times over.
pub const VALUES_MAX_BYTES: usize = 1 << 20;

/// Most code points with immediates inside each other that [`CodePoints::Full`] writes: the
/// deployed verifier is known to take that many, and known to fail at 60.
pub const CODE_POINT_DEPTH_MAX: usize = 40;

const INBOX: u8 = 0x72;
const INBOX_GAS: u64 = 40;

/// How to write a proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// How to write code points that have an immediate.
    pub code_points: CodePoints,
}

/// How to write values that can be longer in a proof than any chain takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CodePoints {
    /// As the deployed verifier reads them: an immediate is written out, whatever is inside it.
    /// Gives the bytes of the reference prover.
    #[default]
    Full,
    /// In a form of bounded length, which a sound verifier reads beside the other: a code point
    /// with an immediate is `0d ‖ u8(opcode) ‖ H(immediate) ‖ next`, and the operand of
    /// `ecpairing` is opened exactly as far as the opcode looks. Every step has a proof in this
    /// form.
    Bounded,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The machine takes no further step.
    #[error("the machine has stopped ({status}), there is no step to prove")]
    Stopped {
        /// How it stopped.
        status: Status,
    },
    /// The step takes a message and none was given.
    #[error("the step takes message {number} of the inbox, which was not given")]
    MessageMissing {
        /// Messages read before it.
        number: u64,
    },
    /// A proof for another message than the one that the step takes.
    #[error("the step takes message {want} of the inbox, the message given is number {found}")]
    MessageNumber {
        /// Messages read before the step.
        want: u64,
        /// Number of the message given.
        found: U256,
    },
    /// Code points inside each other, deeper than the deployed verifier takes; [`CodePoints::Bounded`]
    /// has no such limit. Spec: section 18, item 4.
    #[error(
        "code point {code_point} is inside the immediates of {CODE_POINT_DEPTH_MAX} others, \
         more than the deployed verifier reads"
    )]
    CodePointDepth {
        /// The first that is too deep.
        code_point: Hash,
    },
    /// The values take more bytes than any chain would.
    #[error("the values of the proof take more than {VALUES_MAX_BYTES} bytes")]
    ValuesTooLong,
    /// A part of the state cannot be read.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// The proof of the step that follows `state`, which `nodes` has.
///
/// `inbox` is used if the step takes a message, which it does not for lack of gas.
///
/// # Errors
/// If the machine has stopped, a part of the state or the message is missing, or there is no proof
/// of the chosen form.
///
/// Spec: section 13.
pub fn encode(
    state: Hash,
    nodes: &dyn Nodes,
    inbox: Option<&InboxProof>,
    options: Options,
) -> Result<Proof, EncodeError> {
    let (tally, machine) = nodes::state(state, nodes)?;
    let status = nodes::status(machine);
    if status != Status::Extensive {
        return Err(EncodeError::Stopped { status });
    }
    let machine = nodes::machine(machine, nodes)?;
    let operation = nodes::code_point(machine.pc, nodes)?;
    let opcode = operation.opcode;
    let row = ops::info(opcode);
    let (takes, takes_aux) = row.map_or((0, 0), |row| (row.pops.len(), row.aux_pops.len()));
    let counted = usize::from(operation.immediate.is_some());
    let data = Listed::read(machine.stack, takes.saturating_sub(counted), nodes)?;
    let aux = Listed::read(machine.aux, takes_aux, nodes)?;
    let (is_short, is_aux_short) = (
        data.items.len() + counted < takes,
        aux.items.len() < takes_aux,
    );

    let mut values = Values::new(nodes, options.code_points);
    let counts = [data.items.len() + counted, aux.items.len()];
    values.raw(&[opcode, counts[0] as u8, counts[1] as u8]);
    for (at, &item) in data.items.iter().enumerate().rev() {
        let opening = match is_short {
            true => Opening::Level(0),
            false => Opening::of(opcode, at + counted, takes, options.code_points),
        };
        values.value(item, opening)?;
    }
    if let Some(immediate) = operation.immediate {
        values.value(
            immediate,
            Opening::of(opcode, 0, takes, options.code_points),
        )?;
    }
    for &item in aux.items.iter().rev() {
        let level = u8::from(!is_aux_short && operands::looks_into_aux(opcode));
        values.value(item, Opening::Level(level))?;
    }
    values.raw(&operation.next.0);
    for rest in [data.rest, aux.rest] {
        values.raw(&rest.inner.0);
        values.raw(&rest.size.to_be_bytes::<32>());
    }
    values.value(machine.register, Opening::Level(0))?;
    values.value(machine.constant, Opening::Level(0))?;
    values.raw(&machine.gas_left.to_be_bytes::<32>());
    values.raw(&machine.handler.0);
    values.raw(&[counted as u8]);
    let mut proof = values.finish();

    if opcode == INBOX && machine.gas_left >= U256::from(INBOX_GAS) {
        let number = tally.messages_read;
        let message = inbox.ok_or(EncodeError::MessageMissing { number })?;
        let found = message.number();
        if found != U256::from(number) {
            return Err(EncodeError::MessageNumber {
                want: number,
                found,
            });
        }
        proof.extend(message.to_bytes());
    }
    let mut buffer = Vec::new();
    if !is_short && !is_aux_short {
        let mut operands = operation.immediate.into_iter().chain(data.items);
        let operands = core::array::from_fn(|_| operands.next());
        buffer = buffer::attachments(opcode, operands, nodes, &mut proof)?;
    }
    Ok(Proof { proof, buffer })
}

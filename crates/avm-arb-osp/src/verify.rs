//! An independent verifier of one-step proofs, over byte strings as the settlement contract sees them.
//!
//! It shares no execution code with the machine: without the feature `encode` the crate does not
//! link it, and the curve libraries are others (see `verify/curves.rs`).
//!
//! ```
//! use avm_arb_osp::{Known, Mode, Proof, Refusal, verify};
//!
//! let proof = Proof { proof: vec![0x01, 2, 0], ..Proof::default() };
//! let refused = verify(Mode::Sound, &proof, &Known::default());
//! assert_eq!(refused, Err(Refusal::Short { at: 3, wanted: 1, left: 0 }));
//! ```
//!
//! # Two modes
//!
//! [`Mode::Deployed`] has the verdict of the contract on every proof, forged ones included.
//! [`Mode::Sound`] is for everything else: no state has two provable successors. It accepts what an
//! honest prover makes and closes these defects of the contract (the first three are items 1 to 3 of
//! section 18; the others are not in the specification):
//!
//! 1. *Withheld tuples.* Form 02 counts as "not a tuple" in `tget`, `tset`, `tlen`, `xget`, `xset`,
//!    `keccakf` and `ecpairing`, so that errors can be proven of steps that succeed. Refused wherever
//!    one of these opcodes executes and inspects the tuple; where it does not execute (underflow,
//!    out of gas) the outcome does not depend on the elements.
//! 2. *Zero right halves.* A shrunk tree of depth n is compared with Z\[n\] instead of Z\[n-1\], so
//!    that a buffer can be left with a right half of zeros, under another hash.
//! 3. *Unlisted aux items.* With a short data stack the aux item of `xget` and `xset` may be listed,
//!    and is dropped, or not, and stays. Each stack must list min(nX, depth) items.
//! 4. *Normalisation deeper than the tree.* The contract lifts the shrunk tree "from its depth to the
//!    old one", which is no step at all for a claimed depth above the old one, and compares the right
//!    half with the zero subtree of the claimed depth, which it then never is. Comparing with
//!    Z\[n-1\] alone does not close this: the claimed depth must not exceed the old one.
//! 5. *Writing without a path.* With zero words of access proof a zero buffer reads as zeros, which is
//!    right. But a write to leaf 0 then takes the "outside the tree" branch for a tree without
//!    leaves, and the word ends up at leaf 1. Writes need a path.
//! 6. *More than one spelling.* Bytes after the end, buffer proofs for opcodes without a buffer,
//!    overlapping or unused sections, and code point flags above 1 change no outcome, but let one
//!    step have many proofs. Only one spelling is accepted. (Values may still be opened further than
//!    needed, and the message of a `send` that fails before it looks there may be any bytes.)
//!
//! One more defect of the contract needs no mode: its curve opcodes call precompiles with what gas the
//! caller left, and take running out for an invalid point. Here curves have no gas.
//!
//! Looked at, and found in order in both modes: sizes in form 02 (inside the hash); kinds of values
//! (see `verify/value.rs`); depth of access proofs (see `verify/tree.rs`); message and send data
//! (bound by their hashes and lengths); the choice of `send` between data and "too long" (the data
//! must hash to the buffer, the path must show a byte beyond it); flags and batch positions in inbox
//! proofs (each kind of item has its own preimage length). An `inbox` that cannot pay for itself is
//! proven without a message, also where none is there yet and the machine would wait: the verifier
//! cannot tell, so that the caller's limit on messages does not catch it.
//!
//! # Nested code points
//!
//! Form 01 holds the immediate of a code point, which may be a code point with an immediate, and so
//! on: proofs have no bound, and the contract runs out of EVM stack between 40 and 60 levels (section
//! 18, item 4). Here a value may be [`NESTING_LIMIT`] levels deep, counting tuples and immediates.
//! The mode `Sound` also reads the form `0d ‖ u8(op) ‖ H(imm) ‖ next`, a code point whose immediate
//! is withheld, with which every step has a short proof. It cannot pass for another kind, nor another
//! kind for it (see `verify/value.rs`).
//!
//! # Reading order
//!
//! This file, `step` (the rules), `table` (the opcodes), `value` and `machine` (what a proof shows),
//! then the opcodes by family, `tree` beside `buffer`.
//!
//! Spec: sections 13 to 16 and 18.

use alloc::vec::Vec;
use core::fmt;

use avm_core::Hash;
use ruint::aliases::U256;

use crate::Proof;

mod arith;
mod buffer;
mod code;
mod curves;
mod hashing;
mod inbox;
mod machine;
mod output;
mod reader;
mod refusal;
mod stack;
mod step;
mod table;
mod tree;
mod tuple;
mod value;

pub use refusal::Refusal;

use machine::Machine;
use reader::Reader;
use step::Step;
use value::{Value, code_point};

/// Levels of values inside values that are read: elements of tuples and immediates of code points.
///
/// The contract's limit is the EVM's stack, between 40 and 60 code points; between the two limits the
/// verdict of [`Mode::Deployed`] is not exact. Spec: section 18, item 4.
pub const NESTING_LIMIT: usize = 64;

/// Which proofs are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Those that show what the machine does, and no others.
    #[default]
    Sound,
    /// Those that the deployed contract accepts. A hostile prover can prove falsehoods to it.
    Deployed,
}

/// One of the three contracts that share the opcodes; the prover names one. Spec: section 14.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executor {
    /// Everything else, undefined opcodes included.
    General,
    /// Opcodes a1 to a6 and 70.
    Buffer,
    /// Opcodes 20 to 24.
    Hashing,
}

impl Executor {
    /// The executor that knows `opcode`.
    #[must_use]
    pub const fn of(opcode: u8) -> Self {
        match opcode {
            0x20..=0x24 => Self::Hashing,
            0x70 | 0xa1..=0xa6 => Self::Buffer,
            _ => Self::General,
        }
    }
}

impl fmt::Display for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::General => "general",
            Self::Buffer => "buffer",
            Self::Hashing => "hashing",
        })
    }
}

/// Accumulators of both L1 inboxes. Spec: section 10.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inboxes {
    /// S: after each batch of the sequencer's.
    pub sequencer: Vec<Hash>,
    /// D: after each delayed message.
    pub delayed: Vec<Hash>,
}

/// No batches and no delayed messages.
static EMPTY_INBOXES: Inboxes = Inboxes {
    sequencer: Vec::new(),
    delayed: Vec::new(),
};

/// What the contract knows beside the proof, all of it before the step.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Messages read.
    pub messages_read: U256,
    /// Accumulator of the sends. Spec: section 11.
    pub send_acc: Hash,
    /// Accumulator of the logs. Spec: section 11.
    pub log_acc: Hash,
    /// What `inbox` is checked against.
    pub inboxes: &'a Inboxes,
}

impl Default for Known<'_> {
    /// Nothing read, sent or logged, and empty inboxes.
    fn default() -> Self {
        Self {
            messages_read: U256::ZERO,
            send_acc: Hash::ZERO,
            log_acc: Hash::ZERO,
            inboxes: &EMPTY_INBOXES,
        }
    }
}

/// What a proof proves: the one step of the machine with the hash `before`.
///
/// The verifier does not know which machine is meant. The caller compares `before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Gas charged.
    pub gas: u64,
    /// Messages read after the step.
    pub messages_read: U256,
    /// Machine hash before the step.
    pub before: Hash,
    /// Machine hash after the step: 0 if it halted, 1 if it is in an error stop.
    pub after: Hash,
    /// Accumulator of the sends after the step.
    pub send_acc: Hash,
    /// Accumulator of the logs after the step.
    pub log_acc: Hash,
}

/// Verifies a proof with the executor that knows its opcode.
///
/// Time and memory are linear in the length of the proof.
///
/// # Errors
/// [`Refusal`] says why it proves nothing.
///
/// Spec: section 14.
pub fn verify(mode: Mode, proof: &Proof, known: &Known<'_>) -> Result<Outcome, Refusal> {
    let opcode = Reader::new(&proof.proof).byte()?;
    verify_as(mode, Executor::of(opcode), proof, known)
}

/// Verifies a proof with the executor that the prover names.
///
/// # Errors
/// [`Refusal::WrongExecutor`] if it does not know the opcode; else as [`verify`].
///
/// Spec: section 14.
pub fn verify_as(
    mode: Mode,
    executor: Executor,
    proof: &Proof,
    known: &Known<'_>,
) -> Result<Outcome, Refusal> {
    let (before, mut step) = read(mode, proof, known)?;
    let right = Executor::of(step.opcode);
    if executor != right {
        return Err(Refusal::WrongExecutor {
            opcode: step.opcode,
            asked: executor,
            right,
        });
    }
    if mode == Mode::Sound {
        check_extras(&step, right)?;
    }
    let after = step.take(table::row(step.opcode))?;
    let left = step.tail.left();
    if mode == Mode::Sound && step.opcode != SEND && left != 0 {
        return Err(Refusal::Trailing { left });
    }
    Ok(Outcome {
        gas: step.gas,
        messages_read: step.messages_read,
        before,
        after,
        send_acc: step.send_acc,
        log_acc: step.log_acc,
    })
}

/// The opcode whose proof may end in message bytes.
const SEND: u8 = 0x70;

/// Reads a proof up to the immediate flag; the machine hash before the step, and the step.
///
/// Spec: section 13; section 14, rules 1 and 2.
fn read<'a>(
    mode: Mode,
    proof: &'a Proof,
    known: &'a Known<'a>,
) -> Result<(Hash, Step<'a>), Refusal> {
    let mut reader = Reader::new(&proof.proof);
    let [opcode, data_count, aux_count] = reader.array()?;
    let data = read_values(&mut reader, mode, data_count)?;
    let aux = read_values(&mut reader, mode, aux_count)?;
    let machine = Machine::read(&mut reader, mode)?;
    let immediate = match reader.byte()? {
        0 => false,
        1 => true,
        flag => return Err(Refusal::ImmediateFlag { flag }),
    };
    let (here, stacked) = match data.split_last() {
        Some((top, below)) if immediate => {
            let here = code_point(opcode, Some(top.hash()), machine.current);
            (here, below)
        }
        None if immediate => return Err(Refusal::ImmediateNotListed),
        _ => (code_point(opcode, None, machine.current), &data[..]),
    };
    let mut before = machine.clone();
    before.current = here;
    before.push_all(stacked, &aux);
    let step = Step {
        mode,
        opcode,
        immediate,
        known,
        tail: reader,
        buffer_proof: &proof.buffer,
        here,
        machine,
        data,
        aux,
        gas: 0,
        halted: false,
        messages_read: known.messages_read,
        send_acc: known.send_acc,
        log_acc: known.log_acc,
    };
    Ok((before.hash(), step))
}

fn read_values(reader: &mut Reader<'_>, mode: Mode, count: u8) -> Result<Vec<Value>, Refusal> {
    let mut values = Vec::new();
    for _ in 0..count {
        values.push(Value::read(reader, mode)?);
    }
    Ok(values)
}

/// Refuses what an honest prover does not add. Spec: sections 13 and 15.
fn check_extras(step: &Step<'_>, executor: Executor) -> Result<(), Refusal> {
    if step.opcode == SEND {
        output::check_tail(&step.tail, &step.data)?;
    }
    if executor == Executor::Buffer {
        return buffer::check_form(step.buffer_proof);
    }
    match step.buffer_proof.len() {
        0 => Ok(()),
        length => Err(Refusal::UnusedBufferProof {
            opcode: step.opcode,
            length,
        }),
    }
}

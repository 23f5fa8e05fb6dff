//! The on-chain side of the classic Arbitrum machine: one-step proofs as the settlement contract
//! reads them, and the challenge game that ends in one.
//!
//! What is here shares no execution code with the machine: without the feature `encode` the crate
//! does not even link it. So the verifier can notice a wrong rule of the machine, which the
//! machine's own proofs cannot.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

use alloc::vec::Vec;

pub mod challenge;
#[cfg(feature = "encode")]
pub mod encode;
pub mod verify;

pub use verify::{Executor, Inboxes, Known, Mode, Outcome, Refusal, verify, verify_as};

/// A one-step proof: the two byte strings that the settlement contract takes.
///
/// Spec: sections 13, 15 and 16.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// The opcode, the values it takes, the rest of the machine, and what the opcode needs beside.
    pub proof: Vec<u8>,
    /// Paths into a buffer; empty unless the opcode looks into one.
    pub buffer: Vec<u8>,
}

//! Bitcoin Script as a verifiable machine.
//!
//! - [`script`]: the sandbox. Scripts with the original opcodes, two stacks, and what a call of an
//!   Atomicals contract may do, under the rule sets `beta1` and `avm1`.
//! - [`asm`]: the language contracts are written in. Assembler, disassembler, lint, and the encoding
//!   of calls.
//! - [`machine`]: contracts on the seam. One input is one call, one step is one instruction, and
//!   every step proves.
//! - [`keys`]: what a state has at a key. [`explain`]: why a call failed, and where its operands
//!   come from.
//! - [`mod@bitcoin`]: plain Bitcoin. Whether an input may spend its output, as Bitcoin Core decides.
//! - [`index`]: asset rules over Bitcoin blocks.
//! - `sample`: contracts and calls from any bytes, with the feature `sample`.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod asm;
pub mod bitcoin;
pub mod explain;
pub mod index;
pub mod keys;
pub mod machine;
#[cfg(any(test, feature = "sample"))]
pub mod sample;
pub mod script;

pub use keys::{KeyName, KeyValue, read_key};
pub use machine::{Atomicals, AtomicalsMachine, Image};
pub use script::{Failure, Rules, ScriptError, verify};

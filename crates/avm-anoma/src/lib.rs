//! The Anoma machine: objects that only exchange messages, transactions that either all happen or
//! never did, controllers that order them, and the compiler of a language to write them in.
//!
//! Read in this order:
//!
//! - [`value`]: what programs compute with, and how it is written down.
//! - [`code`]: the bytecode, its table, its file form and its verifier; [`compile`]: from the
//!   language of `avm-lang` to it.
//! - `state`: one authenticated map, and the fast structures before it. A step reads a few nodes of
//!   the map, and those are its proof.
//! - `engine`: what each instruction does; undoing, checking and making durable go in pieces.
//! - [`machine`] and [`Anoma`]: inputs, scheduling, the seam of `avm-core`; [`image`] and [`input`]:
//!   what goes in; [`receipt`], [`event`] and [`seen`]: what comes out.
//! - [`keys`]: parts of a state by name, with proofs; [`chart`]: who messaged whom; [`replay`]: an
//!   object is the inputs it accepted.
//!
//! Specification: Anoma Virtual Machine, profile `avm`; what differs is in
//! `docs/machines/anoma.md`.

#![no_std]

extern crate alloc;

pub mod chart;
pub mod code;
pub mod compile;
mod engine;
pub mod event;
pub mod fault;
pub mod image;
pub mod input;
pub mod keys;
pub mod machine;
pub mod receipt;
pub mod replay;
#[cfg(feature = "sample")]
pub mod sample;
pub mod seen;
mod state;
pub mod value;
mod vm;

pub use keys::{KeyName, KeyValue, read_key};
pub use machine::AnomaMachine;
pub use vm::{Anoma, LoadError};

//! The classic Arbitrum virtual machine: a 256-bit stack machine with immutable tuples, code
//! points and sparse buffers, exact against the C++ emulator and the settlement contract.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod asm;
mod buffer;
mod crypto;
mod describe;
mod engine;
mod fast;
mod fault;
mod frame;
mod heap;
mod json;
mod keys;
mod limbs;
mod load;
mod machine;
mod math;
pub mod message;
pub mod mexe;
pub mod nodes;
pub mod ops;
pub mod program;
#[cfg(feature = "sample")]
pub mod sample;
mod save;
mod stack;
mod state;
mod store;
mod value;

pub use describe::value_text;
pub use fault::Fault;
pub use keys::{KeyValue, StateKey, read_key};
pub use machine::{Arb, ArbMachine, Parts, ValueInfo};
pub use message::Message;
pub use ops::io::{LOGS, SEND_TAG, SENDS, sent_bytes};
pub use program::Program;
pub use state::{Status, Tally};
pub use value::Kind;

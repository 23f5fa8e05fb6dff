//! The Anoma machine: objects that exchange messages, transactions and controllers.

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

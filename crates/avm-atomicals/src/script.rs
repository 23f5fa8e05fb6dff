//! The sandbox: scripts, the stacks, and what a call may do.
//!
//! Reading order: [`rules`] · [`item`], [`stack`], [`frame`] · [`ops`] and its families · [`run`] ·
//! [`call`], [`running`] · [`closing`] · [`tables`] for what comes in and goes out.

pub mod auth;
pub mod bytes;
pub mod call;
pub mod cbor;
pub mod closing;
pub mod digest;
mod eaglesong;
mod error;
pub mod fault;
pub(crate) mod forms;
pub mod frame;
pub mod header;
pub mod instr;
pub mod item;
pub(crate) mod node;
pub mod num;
pub mod ops;
pub(crate) mod resume;
pub mod rules;
pub mod run;
pub mod running;
pub mod sig;
pub mod stack;
pub mod table;
pub mod tables;
pub mod text;
pub mod tx;
pub mod txview;

pub use error::ScriptError;
pub use fault::{Failure, HostFault, Which};
pub use rules::Rules;
pub use running::{Accepted, CallInput, Contract, Ended, Running, verify};

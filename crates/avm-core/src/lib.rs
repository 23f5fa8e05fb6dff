//! The seam of `avm`: what every virtual machine offers and all that it may ask for.
//!
//! ```text
//! ordered log of inputs --> deterministic run --> claim --> proof of one step, or dispute
//!      (Inbox)                (Machine)          (Claim)
//! ```
//!
//! A machine is a function of its log. A state is a [`struct@Hash`] plus the content-addressed nodes
//! under it: whoever has the nodes has the state. This crate knows no machine, does no IO and
//! reads no clock.
//!
//! Reading order: [`struct@Hash`] · [`Vm`] and [`Machine`] · [`Host`], [`Inbox`], [`Nodes`], [`Sink`] ·
//! [`Claim`] and [`advance`] · the in-memory forms ([`MemoryNodes`], [`MemoryInbox`],
//! [`MemoryOutbox`], [`NoOutbox`]).

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod claim;
mod error;
mod hash;
mod host;
mod memory;
mod probe;
mod vm;

pub use avm_keccak::keccak256;
pub use claim::{Claim, advance, advance_watched};
pub use error::{HostError, ImageError};
pub use hash::{Hash, ParseHashError};
pub use host::{Bytes, Channel, Host, Inbox, Nodes, Outbox, Output, Save, Sink};
pub use memory::{MemoryInbox, MemoryNodes, MemoryOutbox, NoOutbox};
pub use probe::{Inspect, Probe, StepEnd, StepStart};
pub use vm::{Machine, Ran, Stop, Vm};

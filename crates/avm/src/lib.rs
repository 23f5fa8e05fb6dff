//! Verifiable state machines: what a program puts into its `Cargo.toml` to run one.
//!
//! A machine is a function of an ordered log of inputs. Its state is a hash and the nodes under it,
//! so two parties that ran the same log can compare 32 bytes, and whoever has the nodes can go on.
//!
//! | module | what | feature |
//! | ------ | ---- | ------- |
//! | [`core`] | the seam: machines, logs, nodes, claims | |
#![cfg_attr(
    feature = "anoma",
    doc = "| [`anoma`] | objects, messages and transactions, and the compiler of their language | `anoma` |\n| [`lang`] | the language without a machine: reader, checks, diagnostics, formatter | `anoma` |"
)]
#![cfg_attr(
    feature = "arb",
    doc = "| [`arb`] | the classic Arbitrum machine and its assembler | `arb` |"
)]
#![cfg_attr(
    feature = "atomicals",
    doc = "| [`atomicals`] | Bitcoin Script: Atomicals contracts, their assembler, an indexer of blocks, plain Bitcoin | `atomicals` |"
)]
#![cfg_attr(
    feature = "prove",
    doc = "| [`prove`] | proofs of steps, runs, inputs and keys | `prove` |\n| [`dispute`] | settling a disagreement about a run | `prove` |\n| [`merkle`] | the tree over a log | `prove` |"
)]
#![cfg_attr(
    feature = "store",
    doc = "| [`store`] | log, nodes and checkpoints on disk | `store` |"
)]
//!
//! `examples/embed.rs` runs a program, saves it and goes on; `examples/contract.rs` calls a contract
//! and proves one of its steps; `examples/market.rs` trades objects in transactions; `examples/chain_story.rs` follows a Bitcoin chain with contracts and tokens through
//! a reorg; `examples/settle.rs` proves a step and plays a dispute; `examples/own_machine.rs` is a machine of your own.
#![cfg_attr(
    feature = "arb",
    doc = r#"
```
use avm::arb::{Arb, asm::assemble};
use avm::core::{Claim, Machine, MemoryInbox, MemoryOutbox, Stop, advance};

let program = assemble("push 2\nadd 3\nlog\nhalt").expect("four good lines").program;
let mut machine = Arb::default().load(&program);
let (inbox, mut outbox) = (MemoryInbox::default(), MemoryOutbox::default());
let genesis = Claim::genesis(machine.state_hash());
let (claim, stop) = advance(&mut machine, genesis, &inbox, &mut outbox, 100)?;
assert_eq!((claim.steps, claim.outputs, stop), (4, 1, Stop::Halted));
# Ok::<(), avm::core::HostError>(())
```
"#
)]
#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(feature = "anoma")]
pub use avm_anoma as anoma;
#[cfg(feature = "arb")]
pub use avm_arb as arb;
#[cfg(feature = "atomicals")]
pub use avm_atomicals as atomicals;
pub use avm_core as core;
#[cfg(feature = "prove")]
pub use avm_dispute as dispute;
#[cfg(feature = "anoma")]
pub use avm_lang as lang;
#[cfg(feature = "prove")]
pub use avm_merkle as merkle;
#[cfg(feature = "prove")]
pub use avm_prove as prove;
#[cfg(feature = "store")]
pub use avm_store as store;
/// The 256-bit word of the machines.
#[cfg(feature = "arb")]
pub use ruint::aliases::U256;

//! A Bitcoin chain in process: keys, commit and reveal transactions, blocks and reorgs.
//!
//! For contract developers, examples and tests. The same calls give the same bytes: keys come from
//! seeds, signatures have no randomness, the time of a block follows from its height. Blocks are as
//! Bitcoin has them on regtest, with proof of work and witness commitment; a node accepts them.
//!
//! ```
//! use avm_regtest::{Chain, Key, Operation, Publish};
//!
//! let alice = Key::from_seed("alice");
//! let mut chain = Chain::funded();
//! chain.fund(&alice, 100_000)?;
//! let code = [0x51]; // OP_1: every call succeeds
//! let protocol = chain.publish(&Publish::new(&alice, Operation::def("demo", &code)))?;
//! let block = chain.mine();
//! assert_eq!(block.txdata[3], protocol.reveal); // after coinbase, payment and commit
//! let back = chain.reorg(1)?;
//! assert_eq!(back.len(), 3);
//! assert_eq!(chain.height(), 110);
//! chain.mine(); // another block 111 with the same three
//! assert_eq!(chain.tip().txdata[1..], back);
//! # Ok::<(), avm_regtest::ChainError>(())
//! ```
//!
//! Reading order: [`Chain`], [`Operation`], [`Publish`], [`Key`].

mod bitwork;
mod block;
pub mod cbor;
mod chain;
mod check;
pub mod envelope;
mod error;
mod kept;
mod key;
mod operation;
mod publish;
mod transfer;
pub mod walk;

pub use bitcoin;
pub use bitwork::Bitwork;
pub use chain::{Chain, Event};
pub use check::Coin;
pub use error::{BlockError, ChainError};
pub use key::Key;
pub use operation::{Id, Lots, Operation, Target, id, id_text};
pub use publish::{Digest, Publish, Published};
pub use transfer::{DUST, FEE_RATE, Spend};

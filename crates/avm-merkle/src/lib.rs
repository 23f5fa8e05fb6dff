//! Merkle trees of `avm`: pure functions and values. Keccak-256 throughout, except that who uses a
//! map chooses its hash.
//!
//! - [`log`]: the append-only accumulator over the inputs of a log. A [`LogHead`] is what the
//!   parties of a dispute agree on before they argue; [`Frontier`] keeps it up to date in
//!   `O(log n)` memory; [`Tree`] also makes proofs.
//! - [`map`]: a persistent map in the order of its keys, read lazily from nodes, so that what a step
//!   reads is its proof. For tables and the storage of contracts.
//! - [`words`]: padded binary trees over 32-byte words, the shape of memories and buffers.
//!
//! ```
//! use avm_merkle::{Leaf, Tree};
//!
//! let mut tree = Tree::default();
//! for input in ["one", "two", "three"] {
//!     tree.push(Leaf::of_item(input.as_bytes()));
//! }
//! let head = tree.head();
//! let path = tree.inclusion(1, head.len).unwrap();
//! assert_eq!(head.verify_inclusion(1, Leaf::of_item(b"two"), &path), Ok(()));
//! ```

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod log;
pub mod map;
pub mod words;

pub use log::{Frontier, Leaf, LogHead, ProofError, Span, Tree};
pub use words::{ZeroRoots, root_of_words};

//! Bitcoin blocks: where they come from, and how they get into a store.
//!
//! A [`Source`] is a chain that somebody else keeps: the block files of a node ([`FilesSource`]),
//! its JSON-RPC ([`RpcSource`]) or its REST interface ([`RestSource`]), or blocks in memory
//! ([`MemorySource`]). A [`Follower`] brings one into a log, block after block, runs a machine on
//! it, and takes blocks back when the chain of the source did.
//!
//! ```text
//!   Source --- tip, hash_at, block ---> Follower --- append, commit ---> Log
//!                                           |
//!                                        Machine --- nodes, claims ----> Checkpoints
//! ```
//!
//! The chain of the source is taken as it is: which blocks are valid is for the node behind it to
//! decide. What is checked is that a block has the name it was asked for ([`block::check`]) and
//! that it follows the block before it.
//!
//! Reading order: [`source`] · [`block`] · [`memory`] · [`files`] · [`http`], [`rpc`], [`rest`] ·
//! [`follow`].

use avm_core::Bytes;

pub mod block;
pub mod files;
pub mod follow;
pub mod http;
pub mod memory;
pub mod rest;
pub mod rpc;
pub mod source;

pub use files::FilesSource;
pub use follow::{FollowError, Follower, Options, Progress};
pub use memory::MemorySource;
pub use rest::RestSource;
pub use rpc::RpcSource;
pub use source::{Source, SourceError, Tip};

/// A block's name: the double SHA-256 of its header in internal order, the reverse of how it is
/// displayed.
pub type BlockHash = [u8; 32];

/// A block as nodes serialise it, witnesses included.
pub type RawBlock = Bytes;

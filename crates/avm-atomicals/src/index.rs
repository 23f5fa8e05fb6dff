//! Asset rules over Bitcoin blocks: what an Atomicals indexer knows, as a machine.
//!
//! One input is one block. A state has everything an indexer knows after it: protocols, contracts
//! and their storage, tokens and where they are, names. Two indexers with one state hash know the
//! same, byte for byte.
//!
//! Reading order: [`block`] and [`envelope`] find what a block says, [`request`] what is asked for,
//! [`colour`] where tokens go, [`settle`] ties them together, [`rows`] is what is kept, and
//! [`machine`] puts it on the seam. [`overlay`] is an experiment that is off by default.

pub mod block;
pub mod cache;
pub mod colour;
pub mod difference;
pub mod envelope;
pub mod keys;
mod ledger;
pub mod machine;
mod open;
pub mod overlay;
pub mod params;
pub mod query;
pub mod receipt;
pub mod request;
pub mod rows;
#[cfg(any(test, feature = "sample"))]
pub mod sample;
pub mod settle;
pub mod snapshot;
pub mod watch;
mod window;

pub use difference::KeyDifference;
pub use keys::{KeyName, KeyValue, read_key};
pub use machine::{Index, IndexMachine};
pub use params::{Heights, Network, Params};
pub use receipt::Receipt;

/// A token, protocol or contract: transaction id of its commit in internal order, and number of the
/// output, little-endian. The same bytes as an outpoint has in a transaction.
pub type AtomicalId = [u8; 36];

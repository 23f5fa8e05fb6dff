//! What the tests of machines share. A dev-dependency; it knows no machine but its own toys.
//!
//! - [`laws`]: the suite that every machine must pass, one call in `tests/laws.rs`.
//! - [`tally`] and [`ledger`]: two unlike toy machines, written to be read before writing a real
//!   one; [`strategy`] makes programs and logs for them.
//! - [`faults`]: stores, sinks and logs that fail or lie at a chosen call.
//! - [`watch`]: stores and sinks that write down what was asked of them.
//! - [`seed`]: random tests that print the seed which replays them.
//!
//! ```
//! use avm_testkit::laws::{self, Case};
//! use avm_testkit::tally::Tally;
//!
//! // take, dup, emit, jnz 0, halt
//! let image = vec![0x02, 0x05, 0x06, 0x07, 0, 0x00];
//! let inputs = vec![vec![7], vec![3], vec![0]];
//! laws::check(&Tally, &[Case { image, inputs }]);
//! ```

pub mod faults;
pub mod laws;
pub mod ledger;
pub mod seed;
pub mod strategy;
pub mod tally;
pub mod watch;

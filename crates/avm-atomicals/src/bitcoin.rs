//! Plain Bitcoin: whether an input may spend its output, as Bitcoin Core 31 decides it.
//!
//! [`verify_input`] runs the scripts of an input under a set of [`Flags`]: the soft forks that are
//! in force, and rules of policy. Covered are scripts before witnesses, pay-to-script-hash (BIP16),
//! witness version 0 (BIP141, BIP143) and taproot (BIP340, BIP341, BIP342). A refusal is one of
//! Core's errors with the place it comes from.
//!
//! ```
//! use avm_atomicals::bitcoin::{Flags, Spend, text};
//! use bitcoin::{Amount, Transaction, TxIn, TxOut, absolute::LockTime, transaction::Version};
//!
//! let spent = [TxOut {
//!     value: Amount::from_sat(1000),
//!     script_pubkey: text::parse("3 EQUALVERIFY 1")?.into(),
//! }];
//! let tx = Transaction {
//!     version: Version::TWO,
//!     lock_time: LockTime::ZERO,
//!     input: vec![TxIn { script_sig: text::parse("2")?.into(), ..TxIn::default() }],
//!     output: vec![],
//! };
//! let spend = Spend::new(&tx, &spent)?;
//! let why = spend.explain_input(0, Flags::STANDARD)?.expect("2 is not 3");
//! assert_eq!(
//!     why.to_string(),
//!     "script of the output: operation 1 at byte 1, OP_EQUALVERIFY: \
//!      the two top elements differ; on top 0x03 (3), then 0x02 (2)"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Stacks, numbers, digests and conditions are the handlers of contracts, under other limits.
//!
//! Reading order: `spend` (the question), `spending` (order of the scripts), `witness`, `eval` (one
//! script), `ops` (Bitcoin's own opcodes), `sigops` (signatures and lock times), `sighash` (what is
//! signed), then the leaves `checksig`, `taproot`, `code`; `trace` watches, and [`machine`] is all of
//! it on the seam.

pub mod checksig;
pub mod code;
mod error;
mod eval;
mod flags;
pub mod machine;
mod ops;
pub mod sighash;
mod sigops;
mod spend;
mod spending;
pub mod taproot;
pub mod text;
mod trace;
mod witness;

pub use error::BitcoinError;
pub use flags::{Flags, UnknownFlag};
pub use spend::{At, Failure, Phase, Spend, SpendError, verify_input};
pub use trace::{Explained, Operand, Trace, View};

/// Which rules a script follows, and how its signatures are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SigVersion {
    /// Scripts before witnesses, and redeem scripts.
    Base,
    /// Witness version 0. BIP141 and BIP143.
    WitnessV0,
    /// Leaves of version 0xc0 of a taproot output. BIP342.
    Tapscript,
}

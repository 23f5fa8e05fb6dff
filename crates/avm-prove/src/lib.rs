//! Proofs for every machine on the seam: a proof is the list of nodes that a run reads, and the
//! inputs it takes with their paths in the log. Verifying is running again on that list alone.
//!
//! ```text
//!            pre claim ---- at most n steps ----> post claim
//!                ^                                    ^
//!   agreed log head      witness: nodes read, inputs taken
//! ```
//!
//! - One step: [`prove_step`] and [`verify_step`]. This is what ends a dispute.
//! - Any number of steps, or all of one input: [`prove_run`] and [`verify_run`] with an [`Until`].
//! - What a state says about a key: [`prove_read`] and [`verify_read`].
//! - [`LiveNodes`] proves from a running machine, without saving its state.
//! - [`ProofFile`] is any of these with all that is needed to check it offline.
//!
//! A witness is exact and has one form: its nodes are in ascending order of their names, each is
//! read, and nothing is read that is not in it. So a witness with a node changed, missing,
//! repeated, reordered or unused is refused, and so is one with an input withheld, invented or
//! left over. Two provers make the same bytes.
//!
//! What a proof shows: *if* the claim before is right and the log head is the agreed one, *then*
//! the claim after is right by the rules of the machine as this build has them. It does not show
//! that the claim before is right. It cannot notice a wrong rule either, because the same rules
//! run on both sides; reference vectors and independent verifiers are for that.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod agreed;
mod error;
mod file;
mod live;
mod nodes;
mod read;
mod run;
mod witness;

pub use agreed::AgreedLog;
pub use error::{ProveError, VerifyError};
pub use file::{FileError, KeyProof, MAGIC, MAX_FILE_BYTES, Proof, ProofFile, RunProof, VERSION};
pub use live::LiveNodes;
pub use read::{prove_read, verify_read};
pub use run::{Until, prove_run, prove_step, verify_run, verify_step};
pub use witness::{LogItem, Witness};

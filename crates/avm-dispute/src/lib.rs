//! The dispute game: any number of parties claim where a run ends, and the claim that is right
//! wins, whatever the others do, if one party that plays it is honest.
//!
//! ```text
//! open(terms) -> join(claim)* -> close -> [ moves* -> close ]* -> verdict
//! ```
//!
//! **Before the game** the parties agree on [`Terms`]: the machine, the claim to start from, and
//! the head of the log. Each joins with the [`Claim`](avm_core::Claim) where it says the run ends.
//! Runs end in idle steps, so claims of different length can be compared at the longest of them.
//!
//! **A pair** of parties with different claims has a segment of the run: they agree on where it
//! starts and not on where it ends. In a round each party cuts each segment that it has, with
//! anybody, into `k` parts and posts the hashes of its claims at the cuts. For every pair the
//! first part at whose end they differ is the segment of the next round. One posting serves all
//! pairs with the same segment, so parties that agree cost no more than one.
//!
//! **The end.** Who holds a segment of one step posts a proof of it ([`avm_prove`]). Who does not
//! post what is due when a round closes is out. The machine is deterministic, so of two parties
//! with one start and two ends at most one can prove; hence the claims of those who are left are
//! one claim, and that is the verdict.
//!
//! # What is promised
//!
//! If a party that knows the right run answers in every round, the right claim wins. All pairs
//! play at once, so the rounds are `ceil(log_k(steps)) + 1`, with the steps of the longest claim,
//! however many parties lie ([`Terms::rounds`]), and a party posts at most one move a round and opponent. A party that
//! missed a round may [`Move::Follow`] another with the same claim, so honest parties win together
//! what none of them could be present for alone.
//!
//! What is not promised: nothing is, if no honest party answers in time; the round time has to be
//! long enough for a run, and the referee has to keep its clock and pass on what it gets. Joining
//! is first come, first served, so whoever fills all seats shuts an honest party out. A
//! referee cannot make a false claim win against a party it listens to, as anybody can replay the
//! record of a game ([`Event`]).
//!
//! Everything here is a plain value: no IO, and no clock but the times that the caller gives.
//!
//! Reading order: [`Terms`] · [`Segment`] and [`Stand`] · [`Move`] and [`Event`] · [`Dispute`], the referee ·
//! [`History`], [`Replay`] and [`respond`], a player.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod codec;
mod event;
mod game;
mod history;
mod illegal;
mod player;
mod segment;
mod terms;

pub use codec::DecodeError;
pub use event::{Event, Move, StepProof};
pub use game::{Dispute, Pair, Seat, Status, Verdict};
pub use history::{History, Replay};
pub use illegal::Illegal;
pub use player::respond;
pub use segment::{Segment, Stand};
pub use terms::{MAX_ARITY, MAX_CUTS_BYTES, MAX_PARTIES, MAX_STEPS, Party, Terms};

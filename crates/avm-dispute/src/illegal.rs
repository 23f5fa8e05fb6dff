use alloc::boxed::Box;
use alloc::string::String;

use avm_core::Hash;
use avm_prove::VerifyError;

use crate::{Party, Segment, Stand};

/// Why an event is refused. The game is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Illegal {
    /// The terms cannot be played.
    #[error("the terms say {what} is {got}, allowed is {want}")]
    Terms {
        /// Which of them.
        what: &'static str,
        /// Found.
        got: u64,
        /// Allowed.
        want: &'static str,
    },
    /// The terms are for another machine.
    #[error("the terms are for {want}, this machine is {got}")]
    Machine {
        /// Rules that the terms name.
        want: String,
        /// Rules of the machine at hand.
        got: &'static str,
    },
    /// The time for joining is over.
    #[error("the game began: nobody can join any more")]
    Begun,
    /// No more parties fit in.
    #[error("the game has {limit} parties, which is the most")]
    Full {
        /// The limit.
        limit: usize,
    },
    /// A claim that no run from the start under the log can make.
    #[error("a claim with {what} {got} cannot be: {want}")]
    Claim {
        /// Which count.
        what: &'static str,
        /// Found.
        got: u64,
        /// What is possible.
        want: &'static str,
    },
    /// No such party.
    #[error("there is no {by}")]
    NoParty {
        /// Who moved.
        by: Party,
    },
    /// Moves are made in rounds, and there is none now.
    #[error("no round is open")]
    NoRound,
    /// Nothing like this is due from the party.
    #[error("{by} owes nothing about steps {} to {} with this start and end", stand.segment.first, stand.segment.end())]
    NotDue {
        /// Who moved.
        by: Party,
        /// What about.
        stand: Box<Stand>,
    },
    /// A segment of one step has to be proved, any other to be cut.
    #[error("a segment of {} steps has to be {}", segment.len, if segment.len == 1 { "proved" } else { "cut" })]
    Kind {
        /// The segment.
        segment: Segment,
    },
    /// The wrong number of cuts.
    #[error("{got} points, a segment of {} steps has {want} cuts", segment.len)]
    Points {
        /// The segment.
        segment: Segment,
        /// Found.
        got: usize,
        /// Expected.
        want: usize,
    },
    /// The party already posted something else about this.
    #[error("{by} already posted something else about steps {} to {}", segment.first, segment.end())]
    Again {
        /// Who moved.
        by: Party,
        /// The segment.
        segment: Segment,
    },
    /// A claim in a proof is not the one argued about.
    #[error("the claim {place} has the hash {got}, the segment has {want} there")]
    Hash {
        /// `before` or `after`.
        place: &'static str,
        /// Hash of the claim in the proof.
        got: Hash,
        /// Hash in the stand.
        want: Hash,
    },
    /// The proof is wrong.
    #[error("the proof does not hold: {0}")]
    Proof(#[source] Box<VerifyError>),
    /// A party may follow another one with the same claim that is still in the game.
    #[error("{by} cannot follow {leader}: {why}")]
    Follow {
        /// Who moved.
        by: Party,
        /// Whom it wants to follow.
        leader: Party,
        /// Why not.
        why: &'static str,
    },
    /// There is time left, and somebody has not moved yet.
    #[error("there are {left_ms} ms left, and not everybody has moved")]
    Early {
        /// Time left, in milliseconds.
        left_ms: u64,
    },
    /// A time before the last one.
    #[error("the time {got_ms} ms is before {last_ms} ms")]
    Backward {
        /// Time given.
        got_ms: u64,
        /// Time of the last event that had one.
        last_ms: u64,
    },
    /// The game is over.
    #[error("the game is settled")]
    Settled,
}

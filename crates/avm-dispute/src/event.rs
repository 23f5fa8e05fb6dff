use alloc::boxed::Box;
use alloc::vec::Vec;

use avm_core::{Claim, Hash};
use avm_prove::Witness;

use crate::{Party, Stand};

/// What a party posts in a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Cuts a segment of more than one step.
    Cut {
        /// What is cut.
        stand: Stand,
        /// Hashes of the party's claims at the cuts inside the segment, first to last; see
        /// [`Segment::cuts`](crate::Segment::cuts).
        points: Vec<Hash>,
    },
    /// Proves a segment of one step.
    Prove(Box<StepProof>),
    /// Takes over the place of another party with the same claim, in everything it posted in
    /// earlier rounds. What is due in this round is due from both.
    Follow {
        /// The other party.
        leader: Party,
    },
}

/// The proof of a segment of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepProof {
    /// What is proved.
    pub stand: Stand,
    /// The claim at its start.
    pub pre: Claim,
    /// The claim at its end.
    pub post: Claim,
    /// What the step reads.
    pub witness: Witness,
}

/// What a game consists of. The events in their order are the record of a game: whoever applies
/// them to a [`Dispute`](crate::Dispute) gets the same verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A party joins; the first is party 0.
    Join {
        /// Where the party says the run ends.
        claim: Claim,
    },
    /// A party moves.
    Move {
        /// The party.
        by: Party,
        /// The move.
        mv: Move,
    },
    /// The time for joining, or for the moves of a round, is over.
    Close {
        /// When, in milliseconds since the game was opened.
        at_ms: u64,
    },
}

//! The challenge game of the settlement contract: two parties who disagree about an execution cut
//! it into ever shorter segments until one step, or the inside of one, is left to prove.
//!
//! Positions are measured in gas. The *cut* at a position is the claim about the first state whose
//! total gas has reached it, which may be beyond; where the machine stops, waits or has read too
//! much before, the cut is [`UNREACHABLE`]. A move names a segment of the opponent's last move,
//! agrees with its start, and has another opinion about its end.
//!
//! - [`Challenge`] is the contract as a value: it accepts or refuses moves. It has no clock; block
//!   numbers are arguments.
//! - [`Player`] is the honest strategy over an [`Execution`], which says what the cuts are.
//!
//! Spec: sections 19 and 20.

mod claim;
#[cfg(feature = "encode")]
mod execution;
mod game;
mod moves;
mod player;
mod tree;

pub use claim::{
    Counters, Cut, ExecutionState, Segment, UNREACHABLE, challenge_hash, confirm_hash,
};
pub use claim::{NodeHash, cut_hash};
#[cfg(feature = "encode")]
pub use execution::{ArbExecution, ExecutionError};
pub use game::{Challenge, Illegal, OneStepVerifier, Rules, Terms, Verifier, time_budgets};
pub use moves::{Bisect, Bisection, Move, OneStep, Place, ProveContinued};
pub use player::{Execution, Player, PlayerError};
pub use tree::{PATH_MAX, Path, path, root, root_from_path};

/// The two parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Who made the claim.
    Asserter,
    /// Who doubts it, and moves first.
    Challenger,
}

impl Side {
    /// The other party.
    #[must_use]
    pub fn opponent(self) -> Side {
        match self {
            Side::Asserter => Side::Challenger,
            Side::Challenger => Side::Asserter,
        }
    }
}

impl core::fmt::Display for Side {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Side::Asserter => "asserter",
            Side::Challenger => "challenger",
        })
    }
}

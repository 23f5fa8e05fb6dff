//! Moves, with the arguments that the contract takes.

use alloc::vec::Vec;

use avm_core::Hash;
use ruint::aliases::U256;

use super::claim::{Cut, Segment};
use super::tree;
use crate::{Executor, Proof};

/// The segment that a move is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The segment.
    pub segment: Segment,
    /// The opponent's cut at its end.
    pub old_end: Hash,
    /// Path of the segment in the present state, from the segment up; see [`Path`](super::Path).
    pub merkle_nodes: Vec<Hash>,
    /// Its bits.
    pub merkle_route: U256,
}

/// Cuts the segment into parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bisect {
    /// The segment.
    pub place: Place,
    /// Gas used at its start.
    pub gas_before: U256,
    /// Hash of the counters at its start.
    pub rest: Hash,
    /// The cuts at the start, between the parts, and at the end.
    pub cuts: Vec<Hash>,
}

/// Shows that one step spans the whole segment, so that nothing can change in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProveContinued {
    /// The segment.
    pub place: Place,
    /// Gas used at its start.
    pub gas_before: U256,
    /// Hash of the counters at its start.
    pub rest: Hash,
}

/// Proves the one step that the segment holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneStep {
    /// The segment.
    pub place: Place,
    /// Messages read before the step.
    pub initial_messages_read: U256,
    /// Accumulator over the sends before the step.
    pub initial_send_acc: Hash,
    /// Accumulator over the logs before the step.
    pub initial_log_acc: Hash,
    /// Gas used before the step.
    pub initial_gas: U256,
    /// Sends before the step.
    pub initial_sends: U256,
    /// Logs before the step.
    pub initial_logs: U256,
    /// The proof.
    pub proof: Proof,
    /// Which of the verifier contracts runs.
    pub prover: Executor,
}

/// A move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// See [`Bisect`].
    Bisect(Bisect),
    /// See [`ProveContinued`].
    ProveContinued(ProveContinued),
    /// See [`OneStep`].
    OneStep(OneStep),
    /// Says that the party whose turn it is let its time run out. Anybody may.
    Timeout,
}

/// The segments of the last move, which everybody can read off it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bisection {
    segments: Vec<Segment>,
    cuts: Vec<Hash>,
}

impl Bisection {
    /// The one segment that a challenge starts with.
    #[must_use]
    pub fn initial(before: &Cut, after: &Cut) -> Self {
        let segment = Segment {
            start: before.gas_used,
            length: after.gas_used.wrapping_sub(before.gas_used),
        };
        Bisection {
            segments: [segment].into(),
            cuts: [before.hash(), after.hash()].into(),
        }
    }

    /// What a bisection leaves. `None` if it has not one cut more than it has parts, and so was
    /// not accepted.
    #[must_use]
    pub fn after(bisect: &Bisect, degree: u64) -> Option<Self> {
        let segment = bisect.place.segment;
        let wanted = segment.parts(degree).checked_add(1)?;
        if bisect.cuts.len() as u64 != wanted {
            return None;
        }
        Some(Bisection {
            segments: segment.split(degree).collect(),
            cuts: bisect.cuts.clone(),
        })
    }

    /// The segments, in order.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The cuts: one at the start of each segment, and one at the end of the last.
    #[must_use]
    pub fn cuts(&self) -> &[Hash] {
        &self.cuts
    }

    fn hashes(&self) -> Vec<Hash> {
        let ends = self.cuts.windows(2);
        let segments = self.segments.iter().zip(ends);
        segments
            .map(|(segment, ends)| segment.hash(ends[0], ends[1]))
            .collect()
    }

    /// What the contract keeps: the root over the segments.
    #[must_use]
    pub fn root(&self) -> Hash {
        tree::root(self.hashes())
    }

    /// How a move names segment number `index`; `None` past the last.
    #[must_use]
    pub fn place(&self, index: usize) -> Option<Place> {
        let path = tree::path(&self.hashes(), index)?;
        Some(Place {
            segment: self.segments[index],
            old_end: self.cuts[index + 1],
            merkle_nodes: path.nodes,
            merkle_route: path.route,
        })
    }
}

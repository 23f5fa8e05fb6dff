//! The honest strategy.

use alloc::vec::Vec;

use avm_core::Hash;
use ruint::aliases::U256;

use super::claim::{Cut, UNREACHABLE};
use super::moves::{Bisect, Bisection, Move, OneStep, Place, ProveContinued};
use crate::{Executor, Proof};

/// What a party holds for the execution. An honest party's is the real one.
pub trait Execution {
    /// Why it cannot be told.
    type Error;

    /// The claim about the first state whose total gas is at least `target`; `None` if that is
    /// unreachable: the machine stops or waits before, or has read more messages than the
    /// assertion allows.
    ///
    /// # Errors
    /// If the execution cannot be looked at; never for what it does.
    fn cut_at(&mut self, target: U256) -> Result<Option<Cut>, Self::Error>;

    /// The proof of the step that follows the first state whose total gas is at least `target`.
    ///
    /// # Errors
    /// If there is no such step, or no proof of it.
    fn proof_at(&mut self, target: U256) -> Result<Proof, Self::Error>;
}

/// A party that moves as its execution says, and wins if the execution is the real one.
#[derive(Clone, Debug)]
pub struct Player<E> {
    /// The execution it stands for.
    pub execution: E,
    /// Parts of a bisection.
    pub degree: u64,
}

/// Why a player has no move.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlayerError<E> {
    /// It agrees with everything that the opponent said.
    #[error("all cuts of the opponent are those of this execution")]
    Agreed,
    /// The first cut it disagrees with is that of a segment whose start it holds for unreachable,
    /// as the opponent does; [`Rules::Sound`](super::Rules::Sound) refuses such a move of the opponent.
    #[error("segment {index} starts at a cut that both sides hold for unreachable")]
    UnreachableStart {
        /// Number of the segment.
        index: usize,
    },
    /// The cut at the start of the challenge is another one: this is a dispute about something else.
    #[error("the execution starts with cut {ours}, the challenge with {theirs}")]
    OtherStart {
        /// The cut of this execution.
        ours: Hash,
        /// The cut in the challenge.
        theirs: Hash,
    },
    /// The execution cannot be looked at.
    #[error("the execution cannot be looked at")]
    Execution(#[source] E),
}

impl<E: Execution> Player<E> {
    /// The answer to the opponent's last move.
    ///
    /// # Errors
    /// If there is none.
    pub fn respond(&mut self, last: &Bisection) -> Result<Move, PlayerError<E::Error>> {
        let (index, start) = self.first_difference(last)?;
        let place = last.place(index).expect("a segment of the bisection");
        let Some(start) = start else {
            return Err(PlayerError::UnreachableStart { index });
        };
        let end = place.segment.start.saturating_add(place.segment.length);
        if start.gas_used >= end {
            return Ok(Move::ProveContinued(ProveContinued {
                place,
                gas_before: start.gas_used,
                rest: start.counters.hash(),
            }));
        }
        // A step takes gas, so this is the next state, if it is the last of the segment.
        let next = self.cut_at(start.gas_used.saturating_add(U256::ONE))?;
        match next {
            Some(next) if next.gas_used >= end => self.one_step(place, &start),
            _ => self.bisect(place, &start),
        }
    }

    /// The first segment with another end than ours, and our start of it.
    fn first_difference(
        &mut self,
        last: &Bisection,
    ) -> Result<(usize, Option<Cut>), PlayerError<E::Error>> {
        let first = last.segments().first().ok_or(PlayerError::Agreed)?;
        let mut start = self.cut_at(first.start)?;
        let (ours, theirs) = (hash(&start), last.cuts()[0]);
        if ours != theirs {
            return Err(PlayerError::OtherStart { ours, theirs });
        }
        for (index, segment) in last.segments().iter().enumerate() {
            let end = self.cut_at(segment.start.saturating_add(segment.length))?;
            if hash(&end) != last.cuts()[index + 1] {
                return Ok((index, start));
            }
            start = end;
        }
        Err(PlayerError::Agreed)
    }

    fn bisect(&mut self, place: Place, start: &Cut) -> Result<Move, PlayerError<E::Error>> {
        let mut cuts: Vec<Hash> = [start.hash()].into();
        for part in place.segment.split(self.degree) {
            let end = part.start.saturating_add(part.length);
            // Nothing behind an unreachable cut is reachable.
            let is_over = cuts.last() == Some(&UNREACHABLE);
            cuts.push(match is_over {
                true => UNREACHABLE,
                false => hash(&self.cut_at(end)?),
            });
        }
        Ok(Move::Bisect(Bisect {
            place,
            gas_before: start.gas_used,
            rest: start.counters.hash(),
            cuts,
        }))
    }

    fn one_step(&mut self, place: Place, start: &Cut) -> Result<Move, PlayerError<E::Error>> {
        let proof = self.execution.proof_at(start.gas_used);
        let proof = proof.map_err(PlayerError::Execution)?;
        let counters = start.counters;
        Ok(Move::OneStep(OneStep {
            place,
            initial_messages_read: counters.messages_read,
            initial_send_acc: counters.send_acc,
            initial_log_acc: counters.log_acc,
            initial_gas: start.gas_used,
            initial_sends: counters.sends,
            initial_logs: counters.logs,
            prover: Executor::of(proof.proof.first().copied().unwrap_or(0)),
            proof,
        }))
    }

    fn cut_at(&mut self, target: U256) -> Result<Option<Cut>, PlayerError<E::Error>> {
        let cut = self.execution.cut_at(target);
        cut.map_err(PlayerError::Execution)
    }
}

fn hash(cut: &Option<Cut>) -> Hash {
    cut.as_ref().map_or(UNREACHABLE, Cut::hash)
}

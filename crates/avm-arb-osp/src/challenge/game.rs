//! The contract as a value.

use avm_core::Hash;
use ruint::aliases::U256;

use super::Side;
use super::claim::{Counters, Cut, UNREACHABLE, cut_hash};
use super::moves::{Bisect, Bisection, Move, OneStep, Place, ProveContinued};
use super::tree::{PATH_MAX, root_from_path};
use crate::{Executor, Inboxes, Known, Mode, Outcome, Proof, Refusal, verify_as};

/// Who reads one-step proofs for the contract. Spec: section 14.
pub trait OneStepVerifier {
    /// Why a proof is refused.
    type Refusal: core::error::Error + 'static;

    /// What the proof shows of a step that starts with these counters, as `prover` reads it.
    ///
    /// # Errors
    /// If it is not the proof of any step.
    fn verify(
        &self,
        prover: Executor,
        proof: &Proof,
        messages_read: U256,
        send_acc: Hash,
        log_acc: Hash,
    ) -> Result<Outcome, Self::Refusal>;
}

/// The verifier of this crate.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    /// Which proofs are accepted.
    pub mode: Mode,
    /// What messages are checked against.
    pub inboxes: Inboxes,
}

impl OneStepVerifier for Verifier {
    type Refusal = Refusal;

    fn verify(
        &self,
        prover: Executor,
        proof: &Proof,
        messages_read: U256,
        send_acc: Hash,
        log_acc: Hash,
    ) -> Result<Outcome, Refusal> {
        let known = Known {
            messages_read,
            send_acc,
            log_acc,
            inboxes: &self.inboxes,
        };
        verify_as(self.mode, prover, proof, &known)
    }
}

/// Which moves a challenge accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rules {
    /// Those that the deployed contract accepts.
    #[default]
    Deployed,
    /// The same, but for a bisection with a cut behind an unreachable one. With such cuts a liar
    /// can make the first segment that an honest party disagrees with one whose start is
    /// unreachable, which nobody can move in.
    Sound,
}

/// What is agreed before a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Parts of a bisection; 400 in production.
    pub degree: u64,
    /// Blocks that the asserter may use in all.
    pub asserter_blocks: u64,
    /// Blocks that the challenger may use in all.
    pub challenger_blocks: u64,
    /// Messages that the execution may read.
    pub max_messages: U256,
    /// Which moves are accepted.
    pub rules: Rules,
}

/// A challenge: its state, whose turn it is, and how much time is left.
///
/// It is the production contract: a successful proof does not end it, but sets the state to zero,
/// which leaves the opponent without a move; time does the rest.
#[derive(Clone, Debug)]
pub struct Challenge<V> {
    terms: Terms,
    verifier: V,
    state: Hash,
    turn: Side,
    last_move_block: u64,
    blocks_left: [u64; 2],
    winner: Option<Side>,
}

/// Why a move is refused. The challenge is then as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Illegal<R> {
    /// The challenge is over.
    #[error("the {winner} has won")]
    Over {
        /// Who won.
        winner: Side,
    },
    /// A move in a block before the last one.
    #[error("a move in block {block}, the last move was in block {last}")]
    BlockOrder {
        /// Block of the move.
        block: u64,
        /// Block of the last move.
        last: u64,
    },
    /// Time is up, but nobody said so yet.
    #[error("a move in block {block}, the {turn} had until block {until}")]
    PastDeadline {
        /// Block of the move.
        block: u64,
        /// Whose time is up.
        turn: Side,
        /// Last block in which it could move.
        until: u64,
    },
    /// Time is not up.
    #[error("block {block} is no timeout, the {turn} has until block {until}")]
    NotTimedOut {
        /// Block of the call.
        block: u64,
        /// Whose turn it is.
        turn: Side,
        /// Last block in which it can move.
        until: u64,
    },
    /// The other party's turn.
    #[error("it is the turn of the {turn}")]
    WrongTurn {
        /// Whose turn it is.
        turn: Side,
    },
    /// A number past 2^256.
    #[error("the segment ends past 2^256")]
    Range,
    /// A path of more hashes than a route has bits.
    #[error("the path has {found} hashes, at most {PATH_MAX} have a bit in the route")]
    PathTooLong {
        /// Hashes given.
        found: usize,
    },
    /// No segment of the last move has this place, start and end.
    #[error("the path leads to {found}, the state is {state}")]
    SegmentNotInState {
        /// Where the path leads.
        found: Hash,
        /// The present state.
        state: Hash,
    },
    /// A bisection of a segment with nothing to cut.
    #[error("a segment of {length} gas cannot be cut in parts")]
    TooShort {
        /// Its length.
        length: U256,
    },
    /// Another number of cuts than the parts have ends.
    #[error("{found} cuts, the bisection has {want}")]
    CutCount {
        /// Cuts given.
        found: usize,
        /// Cuts wanted.
        want: u64,
    },
    /// A bisection that agrees with the opponent.
    #[error("the last cut is the opponent's")]
    SameEnd,
    /// The first cut is not the start that is told.
    #[error("the first cut is {found}, gas and counters make {want}")]
    WrongStart {
        /// First cut given.
        found: Hash,
        /// Hash of what was told of the start.
        want: Hash,
    },
    /// A bisection that starts where nothing gets to.
    #[error("the start of the segment is unreachable")]
    UnreachableStart,
    /// One step spans the segment: there is nothing to cut and no step to prove.
    #[error("the segment ends at {end}, its start has used {gas_before} gas")]
    Spanned {
        /// Gas used at the start.
        gas_before: U256,
        /// Where the segment ends.
        end: U256,
    },
    /// A cut behind an unreachable one; only [`Rules::Sound`] minds.
    #[error("cut {at} is reachable, the one before it is not")]
    ReachableAfterUnreachable {
        /// Number of the cut.
        at: usize,
    },
    /// Execution does not go on to the end of the segment.
    #[error("the segment ends at {end}, its start has used {gas_before} gas only")]
    NotSpanned {
        /// Gas used at the start.
        gas_before: U256,
        /// Where the segment ends.
        end: U256,
    },
    /// What is proven is what the opponent says.
    #[error("the proof arrives at the opponent's cut {old_end}")]
    WrongEnd {
        /// The opponent's cut.
        old_end: Hash,
    },
    /// The step does not reach the end of the segment.
    #[error("after the step {gas_after} gas is used, the segment ends at {end}")]
    StepTooShort {
        /// Gas used after the step.
        gas_after: U256,
        /// Where the segment ends.
        end: U256,
    },
    /// The step reads a message that the execution must not read.
    #[error("after the step {found} messages are read, the execution may read {max}")]
    TooManyMessages {
        /// Messages read.
        found: U256,
        /// The most.
        max: U256,
    },
    /// The proof is refused.
    #[error("the one-step proof is refused")]
    Proof(#[source] R),
}

impl<V: OneStepVerifier> Challenge<V> {
    /// A challenge of the claim that `initial` stands for, in the block of its start. The
    /// challenger moves first.
    #[must_use]
    pub fn new(initial: &Bisection, terms: Terms, block: u64, verifier: V) -> Self {
        Challenge {
            terms,
            verifier,
            state: initial.root(),
            turn: Side::Challenger,
            last_move_block: block,
            blocks_left: [terms.asserter_blocks, terms.challenger_blocks],
            winner: None,
        }
    }

    /// The root over the segments of the last move; zero after a successful proof.
    #[must_use]
    pub fn state(&self) -> Hash {
        self.state
    }

    /// Whose turn it is.
    #[must_use]
    pub fn turn(&self) -> Side {
        self.turn
    }

    /// Who won, once somebody said that the other's time is up.
    #[must_use]
    pub fn winner(&self) -> Option<Side> {
        self.winner
    }

    /// The last block in which the party whose turn it is can move.
    #[must_use]
    pub fn deadline(&self) -> u64 {
        let left = self.blocks_left[self.turn as usize];
        self.last_move_block.saturating_add(left)
    }

    /// Makes a move in a block.
    ///
    /// # Errors
    /// If the move is not legal; nothing has changed then.
    pub fn apply(&mut self, by: Side, block: u64, mv: &Move) -> Result<(), Illegal<V::Refusal>> {
        let (turn, until, last) = (self.turn, self.deadline(), self.last_move_block);
        if let Some(winner) = self.winner {
            return Err(Illegal::Over { winner });
        }
        if block < last {
            return Err(Illegal::BlockOrder { block, last });
        }
        let is_late = block > until;
        if let Move::Timeout = mv {
            if !is_late {
                return Err(Illegal::NotTimedOut { block, turn, until });
            }
            self.winner = Some(turn.opponent());
            return Ok(());
        }
        if by != turn {
            return Err(Illegal::WrongTurn { turn });
        }
        if is_late {
            return Err(Illegal::PastDeadline { block, turn, until });
        }
        self.state = match mv {
            Move::Bisect(mv) => self.bisect(mv)?,
            Move::ProveContinued(mv) => self.prove_continued(mv)?,
            Move::OneStep(mv) => self.one_step(mv)?,
            Move::Timeout => unreachable!("answered above"),
        };
        self.blocks_left[turn as usize] -= block - last;
        self.last_move_block = block;
        self.turn = turn.opponent();
        Ok(())
    }

    /// The state after a bisection.
    fn bisect(&self, mv: &Bisect) -> Result<Hash, Illegal<V::Refusal>> {
        let Bisect {
            place, gas_before, ..
        } = mv;
        let (segment, cuts) = (place.segment, &mv.cuts);
        let length = segment.length;
        let want = segment.parts(self.terms.degree).saturating_add(1);
        let (Some(next), Some((&first, &last))) = (
            Bisection::after(mv, self.terms.degree),
            cuts.first().zip(cuts.last()),
        ) else {
            let found = cuts.len();
            return Err(Illegal::CutCount { found, want });
        };
        if length == U256::ZERO || length == U256::ONE && last != UNREACHABLE {
            return Err(Illegal::TooShort { length });
        }
        if last == place.old_end {
            return Err(Illegal::SameEnd);
        }
        if first == UNREACHABLE {
            return Err(Illegal::UnreachableStart);
        }
        let start = cut_hash(*gas_before, mv.rest);
        if first != start {
            return Err(Illegal::WrongStart {
                found: first,
                want: start,
            });
        }
        let (gas_before, end) = (*gas_before, end(place)?);
        if gas_before >= end {
            return Err(Illegal::Spanned { gas_before, end });
        }
        let revives = |pair: &[Hash]| pair[0] == UNREACHABLE && pair[1] != UNREACHABLE;
        let revived = cuts.windows(2).position(revives);
        if let (Rules::Sound, Some(before)) = (self.terms.rules, revived) {
            return Err(Illegal::ReachableAfterUnreachable { at: before + 1 });
        }
        self.check_place(place, start)?;
        Ok(next.root())
    }

    fn prove_continued(&self, mv: &ProveContinued) -> Result<Hash, Illegal<V::Refusal>> {
        let ProveContinued {
            place, gas_before, ..
        } = mv;
        let start = cut_hash(*gas_before, mv.rest);
        self.check_place(place, start)?;
        let (gas_before, end) = (*gas_before, end(place)?);
        if gas_before < end {
            return Err(Illegal::NotSpanned { gas_before, end });
        }
        if place.old_end == start {
            let old_end = place.old_end;
            return Err(Illegal::WrongEnd { old_end });
        }
        Ok(Hash::ZERO)
    }

    fn one_step(&self, mv: &OneStep) -> Result<Hash, Illegal<V::Refusal>> {
        let place = &mv.place;
        let (messages_read, send_acc, log_acc) = (
            mv.initial_messages_read,
            mv.initial_send_acc,
            mv.initial_log_acc,
        );
        let step = self
            .verifier
            .verify(mv.prover, &mv.proof, messages_read, send_acc, log_acc)
            .map_err(Illegal::Proof)?;
        let before = Cut {
            gas_used: mv.initial_gas,
            counters: Counters {
                messages_read,
                machine: step.before,
                send_acc,
                sends: mv.initial_sends,
                log_acc,
                logs: mv.initial_logs,
            },
        };
        self.check_place(place, before.hash())?;
        let (gas_before, end) = (mv.initial_gas, end(place)?);
        if gas_before >= end {
            return Err(Illegal::Spanned { gas_before, end });
        }
        let gas_after = gas_before.checked_add(U256::from(step.gas));
        let gas_after = gas_after.ok_or(Illegal::Range)?;
        if gas_after < end {
            return Err(Illegal::StepTooShort { gas_after, end });
        }
        let (found, max) = (step.messages_read, self.terms.max_messages);
        if found > max {
            return Err(Illegal::TooManyMessages { found, max });
        }
        let one_more = |count: U256, changed| count.wrapping_add(U256::from(u8::from(changed)));
        let after = Cut {
            gas_used: gas_after,
            counters: Counters {
                messages_read: step.messages_read,
                machine: step.after,
                send_acc: step.send_acc,
                sends: one_more(mv.initial_sends, step.send_acc != send_acc),
                log_acc: step.log_acc,
                logs: one_more(mv.initial_logs, step.log_acc != log_acc),
            },
        };
        let old_end = place.old_end;
        if after.hash() == old_end {
            return Err(Illegal::WrongEnd { old_end });
        }
        Ok(Hash::ZERO)
    }

    /// Whether the segment, with `start` as its first cut, is in the state.
    fn check_place(&self, place: &Place, start: Hash) -> Result<(), Illegal<V::Refusal>> {
        let (nodes, state) = (&place.merkle_nodes, self.state);
        if nodes.len() > PATH_MAX {
            let found = nodes.len();
            return Err(Illegal::PathTooLong { found });
        }
        let segment = place.segment.hash(start, place.old_end);
        let found = root_from_path(segment, nodes, place.merkle_route);
        if found != state {
            return Err(Illegal::SegmentNotInState { found, state });
        }
        Ok(())
    }
}

fn end<R>(place: &Place) -> Result<U256, Illegal<R>> {
    place.segment.end().ok_or(Illegal::Range)
}

/// The blocks that asserter and challenger may use: each has until
/// `first_child_block + (deadline - proposed[0]) + extra_blocks`, counted from the proposal of its own
/// node. `None` for the challenger if its node came after that: it has lost at once.
///
/// `proposed` are the blocks in which the two nodes were proposed, `deadline` is that of the
/// asserter's node, and `first_child_block` is when their parent got its first child.
#[must_use]
pub fn time_budgets(
    first_child_block: u64,
    proposed: [u64; 2],
    deadline: u64,
    extra_blocks: u64,
) -> [Option<u64>; 2] {
    let end = u128::from(first_child_block) + u128::from(extra_blocks);
    let end = end + u128::from(deadline.saturating_sub(proposed[0]));
    proposed.map(|block| {
        let left = end.checked_sub(u128::from(block))?;
        Some(u64::try_from(left).unwrap_or(u64::MAX))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_has_until_the_same_block() {
        // Until 100 + (260 - 110) + 20 = 270.
        let budgets = |second| time_budgets(100, [110, second], 260, 20);
        assert_eq!(budgets(150), [Some(160), Some(120)]);
        assert_eq!(budgets(270), [Some(160), Some(0)]);
        assert_eq!(budgets(271), [Some(160), None]);
    }
}

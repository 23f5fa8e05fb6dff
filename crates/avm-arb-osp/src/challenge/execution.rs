//! An execution of the classic machine, looked at by gas.

use alloc::vec::Vec;

use avm_arb::{ArbMachine, Tally};
use avm_core::{Bytes, Hash, Host, HostError, Machine, Output, Stop};
use avm_prove::LiveNodes;
use ruint::aliases::U256;

use super::claim::{Counters, Cut};
use super::player::Execution;
use crate::Proof;
use crate::encode::{Batch, EncodeError, InboxProof, Options, encode};

/// Most checkpoints that are kept.
const CHECKPOINTS_MAX: usize = 32;
/// Gas between checkpoints at first; it doubles whenever half of them are dropped.
const INTERVAL: u64 = 1 << 14;
/// How close, in gas, a position is approached many steps at a time, which may go too far.
const NEAR: u64 = 1 << 16;
/// Most steps at a time, and so most that go too far.
const STRIDE_MAX: u64 = 1 << 10;

/// The run of a program from its assertion on, with the messages that it may read.
///
/// Positions that were passed are kept as checkpoints, a bounded number that lie ever further
/// apart, so that no position is run to from the start.
#[derive(Clone, Debug)]
pub struct ArbExecution {
    /// How proofs are written.
    pub options: Options,
    batches: Vec<Batch>,
    max_messages: u64,
    /// States in the order of their gas; the first is where the assertion starts.
    checkpoints: Vec<ArbMachine>,
    interval: U256,
    /// The last position asked for, and the state there.
    last: Option<(U256, ArbMachine)>,
    /// Gas at which the machine stops or waits, once that is known.
    end: Option<U256>,
}

/// Why an execution cannot be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecutionError {
    /// The machine failed.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A step cannot be proven.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The proof of a step behind the end.
    #[error("the execution does not get to {target} gas, so there is no step to prove")]
    Unreachable {
        /// Gas asked for.
        target: U256,
    },
}

impl ArbExecution {
    /// The run that `machine` begins. `batches` hold the messages; the execution may read until it
    /// has read `max_messages` in all.
    #[must_use]
    pub fn new(machine: ArbMachine, batches: Vec<Batch>, max_messages: u64) -> Self {
        ArbExecution {
            options: Options::default(),
            batches,
            max_messages,
            checkpoints: [machine].into(),
            interval: U256::from(INTERVAL),
            last: None,
            end: None,
        }
    }

    /// The proof of a message of the inbox.
    fn message(&self, number: u64) -> Option<InboxProof> {
        self.batches.iter().find_map(|batch| {
            let at = number.checked_sub(batch.start().messages)?;
            batch.proof(usize::try_from(at).ok()?)
        })
    }

    /// The first state whose total gas is at least `target`; `None` if the machine does not get
    /// there.
    fn seek(&mut self, target: U256) -> Result<Option<&mut ArbMachine>, HostError> {
        if self.end.is_some_and(|end| target > end) {
            return Ok(None);
        }
        let mut machine = match self.last.take() {
            // Between the two is the inside of one step.
            Some((from, machine)) if from <= target && target <= machine.tally().gas_used => {
                return Ok(Some(&mut self.last.insert((from, machine)).1));
            }
            Some((_, machine)) if self.is_best(&machine, target) => machine,
            _ => self.checkpoints[self.checkpoint(target)].clone(),
        };
        self.approach(&mut machine, target)?;
        while machine.tally().gas_used < target {
            let mut host = Messages(self, machine.tally().messages_read);
            let ran = machine.run(1, &mut host)?;
            if ran.stop != Stop::Budget && ran.steps == 0 {
                self.end = Some(machine.tally().gas_used);
                return Ok(None);
            }
            self.note(&machine);
        }
        Ok(Some(&mut self.last.insert((target, machine)).1))
    }

    /// Runs as far as is well before `target`, many steps at a time.
    ///
    /// Each round goes half of the way that is left. How much gas a step takes is not known before,
    /// so a stride may go too far; then the round is done again in shorter ones.
    fn approach(&mut self, machine: &mut ArbMachine, target: U256) -> Result<(), HostError> {
        let mut longest = STRIDE_MAX;
        while longest > 0 {
            let gas = machine.tally().gas_used;
            let gap = target.saturating_sub(gas);
            if gap <= U256::from(NEAR) {
                return Ok(());
            }
            let (mut ahead, mut stride, mut stop) = (machine.clone(), 1, Stop::Budget);
            while stop == Stop::Budget && ahead.tally().gas_used - gas < gap / U256::from(2) {
                let mut host = Messages(self, ahead.tally().messages_read);
                stop = ahead.run(stride, &mut host)?.stop;
                stride = longest.min(2 * stride);
            }
            if ahead.tally().gas_used >= target {
                longest /= 8;
                continue;
            }
            *machine = ahead;
            self.note(machine);
            if stop != Stop::Budget {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether no checkpoint before `target` is further than `machine`.
    fn is_best(&self, machine: &ArbMachine, target: U256) -> bool {
        let gas = machine.tally().gas_used;
        let checkpoint = self.checkpoints[self.checkpoint(target)].tally().gas_used;
        gas <= target && gas >= checkpoint
    }

    /// The last checkpoint that is not behind `target`; the first if all are.
    fn checkpoint(&self, target: U256) -> usize {
        let behind = |machine: &ArbMachine| machine.tally().gas_used <= target;
        let count = self.checkpoints.partition_point(behind);
        count.saturating_sub(1)
    }

    /// Keeps a state if it is far enough from those that are kept.
    fn note(&mut self, machine: &ArbMachine) {
        let gas = machine.tally().gas_used;
        let before = self.checkpoint(gas);
        let gap = gas.saturating_sub(self.checkpoints[before].tally().gas_used);
        if gap < self.interval {
            return;
        }
        self.checkpoints.insert(before + 1, machine.clone());
        if self.checkpoints.len() > CHECKPOINTS_MAX {
            let mut index = 0;
            self.checkpoints.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.interval = self.interval.saturating_mul(U256::from(2));
        }
    }
}

impl Execution for ArbExecution {
    type Error = ExecutionError;

    fn cut_at(&mut self, target: U256) -> Result<Option<Cut>, ExecutionError> {
        let max_messages = self.max_messages;
        let Some(machine) = self.seek(target)? else {
            return Ok(None);
        };
        let tally = machine.tally();
        let cut = (tally.messages_read <= max_messages).then(|| cut(tally, machine.machine_hash()));
        Ok(cut)
    }

    fn proof_at(&mut self, target: U256) -> Result<Proof, ExecutionError> {
        let options = self.options;
        let machine = self.seek(target)?;
        let machine = machine.ok_or(ExecutionError::Unreachable { target })?;
        let (state, number) = (machine.state_hash(), machine.tally().messages_read);
        let nodes = LiveNodes::new(machine.fork());
        let message = self.message(number);
        Ok(encode(state, &*nodes, message.as_ref(), options)?)
    }
}

fn cut(tally: Tally, machine: Hash) -> Cut {
    Cut {
        gas_used: tally.gas_used,
        counters: Counters {
            messages_read: U256::from(tally.messages_read),
            machine,
            send_acc: tally.send_acc,
            sends: U256::from(tally.sends),
            log_acc: tally.log_acc,
            logs: U256::from(tally.logs),
        },
    }
}

/// The messages that an execution may read, from one on. Outputs are in the accumulators already.
struct Messages<'a>(&'a ArbExecution, u64);

impl Host for Messages<'_> {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        let Messages(execution, number) = self;
        if *number >= execution.max_messages {
            return Ok(None);
        }
        let held = execution.batches.iter().find_map(|batch| {
            let at = number.checked_sub(batch.start().messages)?;
            batch.messages().get(usize::try_from(at).ok()?)
        });
        *number += u64::from(held.is_some());
        Ok(held.map(|message| message.to_bytes().into()))
    }

    fn emit(&mut self, _: Output<'_>) -> Result<(), HostError> {
        Ok(())
    }
}

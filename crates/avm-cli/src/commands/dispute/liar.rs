//! Parties that do not tell the truth. They play by the rules as well as a liar can: with real cuts
//! of a run that never was, and real witnesses of steps that went another way.

use avm_core::{Bytes, Claim, Hash, HostError, MemoryInbox};
use avm_dispute::{History, Replay};
use avm_prove::{ProveError, Witness};

use super::args::Lie;
use crate::error::{CliError, usage};
use crate::log::Log;

/// Numbers that follow from a seed.
pub(super) fn draw(seed: u64, party: u64, of: u64) -> u64 {
    let hash = Hash::keccak(&[seed.to_be_bytes(), party.to_be_bytes(), of.to_be_bytes()].concat());
    u64::from_be_bytes(*hash.0.first_chunk().expect("a hash has 32 bytes"))
}

/// A run that is told wrong.
pub(super) struct Liar<'a> {
    pub(super) run: Replay<'a>,
    /// Where `run` ends.
    pub(super) end: Claim,
    pub(super) lie: Lie,
    /// Makes one liar's lies unlike another's.
    pub(super) salt: u64,
}

/// The first step that a lie gets wrong, checked against the run; for those that have one.
pub(super) fn first_wrong(lie: Lie, end: &Claim, salt: u64) -> Result<u64, CliError> {
    let steps = end.steps;
    let refuse = |what: String| Err(usage(format!("the liar {lie} tells no lie: {what}")));
    match lie {
        Lie::Step(0) => refuse("step 0 is the start, on which all agree".into()),
        Lie::Step(n) if n > steps => refuse(format!("the run has {steps} steps")),
        Lie::Step(n) => Ok(n),
        Lie::Long(0) | Lie::Short(0) => refuse("the run is as long as it is".into()),
        Lie::Long(n) if n > 1 << 40 => refuse("that is longer than any run".into()),
        Lie::Long(_) => Ok(steps + 1),
        Lie::Short(n) if n > steps => refuse(format!("the run has {steps} steps")),
        Lie::Short(n) => Ok(steps - n + 1),
        Lie::Input(n) if n >= end.inputs => refuse(format!("the run takes {} inputs", end.inputs)),
        Lie::Input(_) | Lie::Random => Ok(1),
        Lie::Silent(_) | Lie::Late => Ok(1 + salt % steps.max(1)),
    }
}

/// The inputs as a liar has them: for `input=N`, one is another one that the machine can take, too.
pub(super) fn inbox(lie: Option<Lie>, log: &Log) -> Result<MemoryInbox, CliError> {
    let mut inputs = log.inputs.clone();
    if let Some(Lie::Input(n)) = lie
        && let Some(input) = usize::try_from(n).ok().and_then(|n| inputs.get_mut(n))
    {
        let flipped = (0..input.len()).rev().map(|at| {
            let mut bytes = input.to_vec();
            bytes[at] ^= 1;
            bytes
        });
        let mut taken = flipped.filter(|bytes| log.machine.input_fields(bytes).is_ok());
        let other = taken.next();
        let other = other.ok_or_else(|| usage(format!("input {n} cannot be another one")))?;
        *input = Bytes::from(other);
    }
    Ok(MemoryInbox(inputs))
}

impl Liar<'_> {
    /// The run, with the states from step `from` on made up.
    fn told(&mut self, step: u64, from: u64) -> Result<Claim, HostError> {
        let mut claim = self.run.claim_at(step)?;
        if step >= from {
            claim.state = self.made_up(claim.state, 0);
        }
        Ok(claim)
    }

    fn made_up(&self, state: Hash, of: u64) -> Hash {
        let salted = [&state.0[..], &self.salt.to_be_bytes(), &of.to_be_bytes()];
        Hash::keccak(&salted.concat())
    }

    /// A claim after `steps` steps in which nothing is true.
    fn nonsense(&self, steps: u64) -> Claim {
        let state = self.made_up(self.end.state, steps);
        Claim {
            steps,
            state,
            ..self.end
        }
    }
}

impl History for Liar<'_> {
    fn claim_at(&mut self, step: u64) -> Result<Claim, HostError> {
        let end = self.end.steps;
        match self.lie {
            Lie::Input(_) => self.run.claim_at(step),
            Lie::Short(n) => self.run.claim_at(step.min(end - n)),
            Lie::Long(n) if step > end => Ok(self.nonsense(step.min(end.saturating_add(n)))),
            Lie::Long(_) => self.run.claim_at(step),
            Lie::Random if step > 0 => Ok(self.nonsense(step.min(end.max(1)))),
            Lie::Random => self.run.claim_at(0),
            Lie::Step(from) => self.told(step, from),
            Lie::Silent(_) | Lie::Late => self.told(step, 1 + self.salt % end.max(1)),
        }
    }

    fn prove(&mut self, step: u64) -> Result<Witness, ProveError> {
        self.run.prove(step)
    }
}

//! A verification between two operations: which script runs, where it is, and what is kept for the
//! scripts after it.
//!
//! What lies between two scripts has no operation of its own: it is done with the last operation
//! of the first one. So is the way into the first script, and out of the last.

use alloc::boxed::Box;
use alloc::vec::Vec;

use avm_core::HostError;

use super::code::{is_p2sh, push_bytes, witness_program};
use super::error::Halt;
use super::eval::{self, Run};
use super::sigops::{Input, Ready, Scope};
use super::trace::Trace;
use super::{BitcoinError, Failure, Flags, Phase, SigVersion};
use crate::script::frame::{Conditions, Frame};
use crate::script::instr::is_push_only;
use crate::script::stack::Stack;
use crate::script::text::Text;

/// The verification of one input.
#[derive(Clone)]
pub(super) struct Spending {
    /// Which script runs.
    pub phase: Phase,
    /// Its stacks and conditions.
    pub frame: Frame,
    /// Where it is.
    pub scope: Scope,
    /// What the unlocking script left for the redeem script, while the script of a
    /// pay-to-script-hash output runs.
    pub saved: Option<Stack>,
}

/// Why a verification ends before its end.
#[derive(Debug)]
pub(super) enum Ended {
    /// The rules refuse the spend.
    Refused(Failure),
    /// The outside failed: nothing can be said about the spend.
    Outside(Box<HostError>),
}

impl From<HostError> for Ended {
    fn from(error: HostError) -> Self {
        Self::Outside(Box::new(error))
    }
}

impl Ended {
    /// What a halt in this phase means.
    pub(super) fn in_phase(phase: Phase, halt: Halt) -> Self {
        match halt {
            Halt::Rule(error) => refused(phase, error),
            Halt::Outside(error) => Self::Outside(error),
        }
    }
}

/// A refusal that no operation stands for.
pub(super) fn refused(phase: Phase, error: BitcoinError) -> Ended {
    let at = None;
    Ended::Refused(Failure { phase, at, error })
}

/// The same as a result.
pub(super) fn refuse<T>(phase: Phase, error: BitcoinError) -> Result<T, Ended> {
    Err(refused(phase, error))
}

impl Spending {
    /// Goes to the first operation; `true` if there is none and the input may spend its output.
    pub(super) fn begin(input: &mut Input<'_>) -> Result<(Self, bool), Ended> {
        let unlocking = input.ready()?.tx.input[input.index].script_sig.as_bytes();
        if input.flags.has(Flags::SIGPUSHONLY) && !is_push_only(unlocking) {
            return refuse(Phase::ScriptSig, BitcoinError::SigPushOnly);
        }
        let mut spending = Self {
            phase: Phase::ScriptSig,
            // nothing is metered
            frame: Frame::new(eval::limits(SigVersion::Base, input.flags), u64::MAX),
            scope: Scope::new(SigVersion::Base, Text::from_slice(unlocking)),
            saved: None,
        };
        spending.check_size()?;
        let done = spending.settle(input)?;
        Ok((spending, done))
    }

    /// Performs operations until `steps` reaches `budget`, or the verification ends; `true` if the
    /// input may spend its output.
    pub(super) fn run(
        &mut self,
        input: &mut Input<'_>,
        steps: &mut u64,
        budget: u64,
        trace: &mut Option<&mut dyn Trace>,
    ) -> Result<bool, Ended> {
        while *steps < budget {
            let scope = &mut self.scope;
            let mut run = Run { input, scope };
            eval::run(&mut self.frame, &mut run, steps, budget, self.phase, trace).map_err(
                |(at, halt)| match Ended::in_phase(self.phase, halt) {
                    Ended::Refused(failure) => Ended::Refused(Failure { at, ..failure }),
                    outside => outside,
                },
            )?;
            if self.settle(input)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Leaves scripts that are at their end; `true` if that was the last.
    fn settle(&mut self, input: &mut Input<'_>) -> Result<bool, Ended> {
        while self.scope.at_end() {
            if self.end_script(input)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What follows a script.
    fn end_script(&mut self, input: &mut Input<'_>) -> Result<bool, Ended> {
        let phase = self.phase;
        eval::check_end(&self.frame).or_else(|error| refuse(phase, error))?;
        match phase {
            Phase::ScriptSig => {
                let output = input.ready()?.spent[input.index].script_pubkey.as_bytes();
                let by_hash = input.flags.has(Flags::P2SH) && is_p2sh(output);
                self.saved = by_hash.then(|| self.frame.main.clone());
                let scope = Scope::new(SigVersion::Base, Text::from_slice(output));
                self.enter(Phase::ScriptPubkey, scope, input)
            }
            Phase::ScriptPubkey => {
                self.expect_true()?;
                self.end_output(input)
            }
            Phase::RedeemScript => {
                self.expect_true()?;
                self.end_redeem(input)
            }
            _ => {
                if self.frame.main.len() != 1 {
                    return refuse(phase, BitcoinError::CleanStack);
                }
                self.expect_true()?;
                Ok(true)
            }
        }
    }

    /// What follows the script of the output.
    fn end_output(&mut self, input: &mut Input<'_>) -> Result<bool, Ended> {
        let Ready { tx, spent, .. } = input.ready()?;
        let unlocking = tx.input[input.index].script_sig.as_bytes();
        let output = spent[input.index].script_pubkey.as_bytes();
        if input.flags.has(Flags::WITNESS)
            && let Some((version, program)) = witness_program(output)
        {
            if !unlocking.is_empty() {
                return refuse(Phase::WitnessProgram, BitcoinError::WitnessMalleated);
            }
            return self.witness_program(input, version, program, false);
        }
        let Some(pushed) = self.saved.take() else {
            return self.end(input);
        };
        if !is_push_only(unlocking) {
            return refuse(Phase::ScriptSig, BitcoinError::SigPushOnly);
        }
        self.frame.main = pushed;
        self.frame.reveal(0)?;
        if self.frame.main.is_empty() {
            // no spend comes here: the script of the output found the hash of a top
            return refuse(Phase::ScriptPubkey, BitcoinError::InvalidStackOperation);
        }
        let redeem = self.frame.main.pop().to_shared();
        let scope = Scope::new(SigVersion::Base, redeem.into());
        self.enter(Phase::RedeemScript, scope, input)
    }

    /// What follows the redeem script.
    fn end_redeem(&mut self, input: &mut Input<'_>) -> Result<bool, Ended> {
        let redeem = self.scope.script.bytes()?;
        if input.flags.has(Flags::WITNESS)
            && let Some((version, program)) = witness_program(&redeem)
        {
            let mut only = Vec::with_capacity(redeem.len() + 1);
            push_bytes(&mut only, &redeem);
            let unlocking = &input.ready()?.tx.input[input.index].script_sig;
            if unlocking.as_bytes() != only {
                return refuse(Phase::WitnessProgram, BitcoinError::WitnessMalleatedP2sh);
            }
            return self.witness_program(input, version, program, true);
        }
        self.end(input)
    }

    /// What is left to check where no witness was asked for.
    fn end(&self, input: &Input<'_>) -> Result<bool, Ended> {
        // only now: a pay-to-script-hash output leaves the elements for the redeem script
        if input.flags.has(Flags::CLEANSTACK) && self.frame.main.len() != 1 {
            return refuse(Phase::End, BitcoinError::CleanStack);
        }
        if input.flags.has(Flags::WITNESS) {
            let own = &input.ready()?.tx.input[input.index];
            if !own.witness.is_empty() {
                return refuse(Phase::End, BitcoinError::WitnessUnexpected);
            }
        }
        Ok(true)
    }

    /// Goes to the beginning of a script, with the main stack as it is.
    pub(super) fn enter(
        &mut self,
        phase: Phase,
        scope: Scope,
        input: &Input<'_>,
    ) -> Result<bool, Ended> {
        self.phase = phase;
        self.frame.alt = Stack::default();
        self.frame.conditions = Conditions::default();
        self.frame.limits = eval::limits(scope.version, input.flags);
        self.scope = scope;
        self.check_size()?;
        Ok(false)
    }

    fn check_size(&self) -> Result<(), Ended> {
        eval::check_size(&self.scope).or_else(|error| refuse(self.phase, error))
    }

    fn expect_true(&mut self) -> Result<(), Ended> {
        self.frame.reveal(0)?;
        let main = &self.frame.main;
        if main.is_empty() || !main.peek(0).is_true() {
            return refuse(self.phase, BitcoinError::EvalFalse);
        }
        Ok(())
    }
}

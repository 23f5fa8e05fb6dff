//! Whether an input may spend its output: the question, and what a refusal says.

use core::fmt;

use bitcoin::{Transaction, TxOut};

use super::sighash::{Midstates, Shared};
use super::sigops::{Input, Ready, Source};
use super::spending::{Ended, Spending};
use super::trace::{Explained, Last, Trace};
use super::{BitcoinError, Flags};

/// A transaction with the outputs it spends, ready for verification.
#[derive(Debug)]
pub struct Spend<'a> {
    tx: &'a Transaction,
    spent: &'a [TxOut],
    shared: Shared,
}

/// The outputs do not belong to the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpendError {
    /// Not one output for each input.
    #[error("{got} spent outputs for {want} inputs")]
    Outputs {
        /// Outputs given.
        got: usize,
        /// Inputs of the transaction.
        want: usize,
    },
    /// No input has this number.
    #[error("input {index} of a transaction with {inputs} inputs")]
    Input {
        /// Number asked for, from 0.
        index: usize,
        /// Inputs of the transaction.
        inputs: usize,
    },
    /// The rules refuse the spend.
    #[error("{0}")]
    Refused(#[from] Failure),
}

/// Where and why the rules refuse a spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The part of the verification.
    pub phase: Phase,
    /// The operation, if the refusal comes from one.
    pub at: Option<At>,
    /// The rule.
    pub error: BitcoinError,
}

/// Place of an operation in its script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Number of the operation, from 0.
    pub op: u32,
    /// Its first byte, from 0.
    pub byte: usize,
    /// Opcode byte.
    pub opcode: u8,
}

/// Parts of the verification of an input, in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Phase {
    /// The unlocking script of the input.
    ScriptSig,
    /// The script of the output spent.
    ScriptPubkey,
    /// The script that a pay-to-script-hash output commits to. BIP16.
    RedeemScript,
    /// Form of a witness program, and what it commits to. BIP141, BIP341.
    WitnessProgram,
    /// The script that a witness program of version 0 commits to, or implies. BIP141.
    WitnessScript,
    /// The signature of a taproot output's key. BIP341.
    KeyPath,
    /// The script that a taproot output commits to. BIP342.
    Tapscript,
    /// What is left when all scripts are done.
    End,
}

impl Phase {
    /// All of them, in order.
    pub(super) const ALL: [Self; 8] = [
        Self::ScriptSig,
        Self::ScriptPubkey,
        Self::RedeemScript,
        Self::WitnessProgram,
        Self::WitnessScript,
        Self::KeyPath,
        Self::Tapscript,
        Self::End,
    ];
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ScriptSig => "unlocking script",
            Self::ScriptPubkey => "script of the output",
            Self::RedeemScript => "redeem script",
            Self::WitnessProgram => "witness program",
            Self::WitnessScript => "witness script",
            Self::KeyPath => "taproot key",
            Self::Tapscript => "tapscript",
            Self::End => "end",
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.phase)?;
        if let Some(At { op, byte, opcode }) = self.at {
            match super::text::name(opcode) {
                Some(name) => write!(f, "operation {op} at byte {byte}, {name}: ")?,
                None => write!(f, "operation {op} at byte {byte}, 0x{opcode:02x}: ")?,
            }
        }
        write!(f, "{}", self.error)
    }
}

impl core::error::Error for Failure {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Verifies one input: `index` of `tx`, which spends `spent`, an output for each input in order.
///
/// For more than one input of a transaction, [`Spend`] hashes what they share once.
///
/// # Errors
/// [`SpendError`], as [`Spend::new`] and [`Spend::verify_input`].
pub fn verify_input(
    tx: &Transaction,
    index: usize,
    spent: &[TxOut],
    flags: Flags,
) -> Result<(), SpendError> {
    Spend::new(tx, spent)?.verify_input(index, flags)
}

impl<'a> Spend<'a> {
    /// A transaction and the outputs it spends, one for each input in order.
    ///
    /// # Errors
    /// [`SpendError::Outputs`] if their numbers differ.
    pub fn new(tx: &'a Transaction, spent: &'a [TxOut]) -> Result<Self, SpendError> {
        let (got, want) = (spent.len(), tx.input.len());
        if got != want {
            return Err(SpendError::Outputs { got, want });
        }
        let shared = Shared::new(tx, spent);
        Ok(Self { tx, spent, shared })
    }

    /// Verifies every input.
    ///
    /// # Errors
    /// Number and refusal of the first input that may not spend its output.
    pub fn verify(&self, flags: Flags) -> Result<(), (usize, Failure)> {
        for index in 0..self.tx.input.len() {
            self.run(index, flags, None)
                .map_err(|failure| (index, failure))?;
        }
        Ok(())
    }

    /// Verifies one input. Flags that others imply are added, see [`Flags::filled`].
    ///
    /// # Errors
    /// [`SpendError::Refused`] with what the rules have against it; [`SpendError::Input`] if there
    /// is no such input.
    pub fn verify_input(&self, index: usize, flags: Flags) -> Result<(), SpendError> {
        self.check_index(index)?;
        Ok(self.run(index, flags, None)?)
    }

    /// As [`Spend::verify_input`]; `trace` is told of every operation.
    ///
    /// # Errors
    /// As [`Spend::verify_input`].
    pub fn trace_input(
        &self,
        index: usize,
        flags: Flags,
        trace: &mut dyn Trace,
    ) -> Result<(), SpendError> {
        self.check_index(index)?;
        Ok(self.run(index, flags, Some(trace))?)
    }

    /// Why an input may not spend its output, with what the failing operation found on the stack;
    /// `None` if it may.
    ///
    /// # Errors
    /// [`SpendError::Input`] if there is no such input.
    pub fn explain_input(
        &self,
        index: usize,
        flags: Flags,
    ) -> Result<Option<Explained>, SpendError> {
        self.check_index(index)?;
        let mut last = Last::default();
        let done = self.run(index, flags, Some(&mut last));
        Ok(done.err().map(|failure| last.explain(failure)))
    }

    fn check_index(&self, index: usize) -> Result<(), SpendError> {
        let inputs = self.tx.input.len();
        if index >= inputs {
            return Err(SpendError::Input { index, inputs });
        }
        Ok(())
    }

    /// The loop over the steps of a verification.
    fn run(
        &self,
        index: usize,
        flags: Flags,
        mut trace: Option<&mut dyn Trace>,
    ) -> Result<(), Failure> {
        let mut input = Input {
            source: Source::Here(Ready {
                tx: self.tx,
                spent: self.spent,
                shared: &self.shared,
            }),
            index,
            flags: flags.filled(),
            midstates: Midstates::default(),
        };
        let done = Spending::begin(&mut input).and_then(|(mut spending, done)| {
            if done {
                return Ok(true);
            }
            spending.run(&mut input, &mut 0, u64::MAX, &mut trace)
        });
        match done {
            Ok(true) => Ok(()),
            Err(Ended::Refused(failure)) => Err(failure),
            Ok(false) => unreachable!("without a budget a verification runs to its end"),
            Err(Ended::Outside(error)) => unreachable!("all is in memory: {error}"),
        }
    }
}

//! The state: its nodes, and how a transaction is taken and verified.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Hash, Host, HostError, Nodes, Output, Sink};

use super::kept::Kept;
use super::receipt::{Given, RECEIPTS, Verdict, Verdicts};
use crate::bitcoin::sighash::Midstates;
use crate::bitcoin::sigops::{Input, Source};
use crate::bitcoin::spending::{Ended, Spending};
use crate::bitcoin::{Flags, Phase};
use crate::script::node::{self, Fields};

/// Kind of the root node.
const ROOT: u8 = 0xd0;

/// The flags, and the transaction that is being verified, if one is.
#[derive(Clone)]
pub struct ScriptMachine {
    pub(super) flags: Flags,
    pub(super) running: Option<Box<Running>>,
    pub(super) counts: Counts,
    /// What the rules had against inputs of the transaction taken last; no part of the state.
    pub(super) refusals: Vec<String>,
}

/// What a machine has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Transactions taken, malformed ones counted.
    pub transactions: u64,
    /// Inputs of the log that were no transaction.
    pub malformed: u64,
    /// Inputs of transactions that were verified.
    pub inputs: u64,
    /// Those of them that may not spend their outputs.
    pub failed: u64,
}

/// A transaction that is being verified.
#[derive(Clone)]
pub(super) struct Running {
    pub(super) progress: Progress,
    /// The input that is being verified.
    pub(super) spending: Spending,
}

/// How far the verification of a transaction is.
pub(super) struct Progress {
    pub(super) kept: Arc<Kept>,
    /// Number of the input.
    pub(super) index: u32,
    /// Inputs before it that failed.
    pub(super) failed: u32,
    /// Verdicts on the inputs before it.
    pub(super) verdicts: Verdicts,
    /// What signature checks of this input hashed already; no part of the state.
    pub(super) midstates: Midstates,
}

impl Clone for Progress {
    fn clone(&self) -> Self {
        Self {
            kept: Arc::clone(&self.kept),
            verdicts: self.verdicts.clone(),
            midstates: Midstates::default(),
            ..*self
        }
    }
}

impl Progress {
    pub(super) fn new(kept: Kept) -> Self {
        Self {
            kept: Arc::new(kept),
            index: 0,
            failed: 0,
            verdicts: Verdicts::default(),
            midstates: Midstates::default(),
        }
    }

    /// Works on the present input.
    fn with<T>(
        &mut self,
        flags: Flags,
        work: impl FnOnce(&mut Input<'_>) -> Result<T, Ended>,
    ) -> Result<T, Ended> {
        let mut input = Input {
            source: Source::Kept(&self.kept),
            index: self.index as usize,
            flags,
            midstates: core::mem::take(&mut self.midstates),
        };
        let done = work(&mut input);
        self.midstates = input.midstates;
        done
    }
}

impl ScriptMachine {
    pub(super) fn new(flags: Flags) -> Self {
        Self {
            flags,
            running: None,
            counts: Counts::default(),
            refusals: Vec::new(),
        }
    }

    /// The rules.
    #[must_use]
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// What it has done.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether a transaction is being verified; otherwise the next step takes one.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Number of the input that is being verified, and which of its scripts runs.
    #[must_use]
    pub fn place(&self) -> Option<(u32, Phase)> {
        let running = self.running.as_ref()?;
        Some((running.progress.index, running.spending.phase))
    }

    /// Takes a transaction, and goes to the first operation of its first input.
    pub(super) fn take(&mut self, input: &[u8], host: &mut dyn Host) -> Result<(), HostError> {
        self.refusals.clear();
        self.counts.transactions += 1;
        match Kept::new(input) {
            Ok(kept) => self.begin(Progress::new(kept), host),
            Err(error) => {
                self.counts.malformed += 1;
                self.refusals.push(error.to_string());
                self.give(Given::malformed(self.counts.transactions - 1), host)
            }
        }
    }

    /// Performs operations until `steps` reaches `budget` or the transaction is done with.
    pub(super) fn advance(
        &mut self,
        budget: u64,
        steps: &mut u64,
        host: &mut dyn Host,
    ) -> Result<(), HostError> {
        while *steps < budget
            && let Some(running) = &mut self.running
        {
            let Running { progress, spending } = &mut **running;
            let done = progress.with(self.flags, |input| {
                spending.run(input, steps, budget, &mut None)
            });
            if matches!(done, Ok(false)) {
                continue;
            }
            let Some(running) = self.running.take() else {
                unreachable!("a transaction was being verified");
            };
            let mut progress = running.progress;
            self.judge(&mut progress, done)?;
            self.begin(progress, host)?;
        }
        Ok(())
    }

    /// Goes to the first operation of the present input or a later one; to the end of the
    /// transaction if there is none.
    fn begin(&mut self, mut progress: Progress, host: &mut dyn Host) -> Result<(), HostError> {
        let inputs = progress.kept.ready()?.tx.input.len();
        while (progress.index as usize) < inputs {
            progress.midstates = Midstates::default();
            let begun = progress.with(self.flags, Spending::begin);
            let done = match begun {
                Ok((spending, false)) => {
                    self.running = Some(Box::new(Running { progress, spending }));
                    return Ok(());
                }
                Ok((_, true)) => Ok(true),
                Err(ended) => Err(ended),
            };
            self.judge(&mut progress, done)?;
        }
        let number = self.counts.transactions - 1;
        let Progress {
            index,
            failed,
            verdicts,
            ..
        } = progress;
        self.give(Given::verified(number, index, failed, verdicts), host)
    }

    /// Gives the verdict on the present input.
    fn judge(
        &mut self,
        progress: &mut Progress,
        done: Result<bool, Ended>,
    ) -> Result<(), HostError> {
        let failure = match done {
            Ok(_) => None,
            Err(Ended::Refused(failure)) => Some(failure),
            Err(Ended::Outside(error)) => return Err(*error),
        };
        let input = progress.index;
        progress.verdicts.push(&Verdict { input, failure });
        progress.index += 1;
        self.counts.inputs += 1;
        if let Some(failure) = failure {
            progress.failed += 1;
            self.counts.failed += 1;
            self.refusals.push(format!("input {input}: {failure}"));
        }
        Ok(())
    }

    fn give(&self, receipt: Given, host: &mut dyn Host) -> Result<(), HostError> {
        host.emit(Output {
            channel: RECEIPTS,
            hash: receipt.name(),
            content: &receipt,
        })
    }

    pub(super) fn open(state: Hash, nodes: Arc<dyn Nodes>) -> Result<Self, HostError> {
        let node = nodes.get(state)?;
        let mut fields = Fields::of(state, &node, ROOT, "a state of the script machine")?;
        let bits = fields.u32()?;
        let flags = Flags::from_bits(bits);
        let counts = Counts {
            transactions: fields.u64()?,
            malformed: fields.u64()?,
            inputs: fields.u64()?,
            failed: fields.u64()?,
        };
        let running = fields.hash()?;
        let bad = fields.bad();
        fields.end()?;
        let running = match running {
            Hash::ZERO => None,
            running => Some(Box::new(Running::open(running, flags, &nodes)?)),
        };
        let most = u64::MAX >> 1;
        let counted = counts.transactions <= most && counts.inputs <= most;
        let known = counts.malformed <= counts.transactions && counts.failed <= counts.inputs;
        let begun = running.is_none() || counts.transactions > 0;
        if flags.filled().bits() != bits || !counted || !known || !begun {
            return Err(bad);
        }
        Ok(Self {
            flags,
            running,
            counts,
            refusals: Vec::new(),
        })
    }

    fn root(&mut self) -> Vec<u8> {
        let running = self.running.as_mut();
        let running = running.map_or(Hash::ZERO, |running| node::name(&running.node()));
        let mut root = Vec::with_capacity(70);
        root.push(ROOT);
        root.extend(self.flags.bits().to_be_bytes());
        root.extend(self.counts.transactions.to_be_bytes());
        root.extend(self.counts.malformed.to_be_bytes());
        root.extend(self.counts.inputs.to_be_bytes());
        root.extend(self.counts.failed.to_be_bytes());
        root.extend(running.0);
        root
    }

    pub(super) fn name(&mut self) -> Hash {
        node::name(&self.root())
    }

    pub(super) fn save_nodes(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        let root = self.root();
        let name = node::name(&root);
        if sink.has(name)? {
            return Ok(name);
        }
        if let Some(running) = &mut self.running {
            running.save(sink)?;
        }
        sink.put(name, &root)?;
        Ok(name)
    }
}

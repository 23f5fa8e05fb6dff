//! Runs, proved and verified.

use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use avm_core::{Bytes, Claim, HostError, Inbox, Machine, NoOutbox, Nodes, Stop, Vm, advance};
use avm_merkle::{Leaf, LogHead};

use crate::error::same_post;
use crate::nodes::{Given, Recording};
use crate::{AgreedLog, LogItem, ProveError, VerifyError, Witness};

/// How far a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// At most so many steps. Fewer if the machine halts or waits before: then the run idles for
    /// the rest, and the claim after has the steps that were taken.
    Steps(u64),
    /// All of one input: from the claim before, until the machine would take one more input or
    /// halts. The claim after has one input more.
    Input,
}

/// Proves one step from `pre`, a claim whose state is in `nodes`. Also returns the claim after it.
/// The claim after an idle step is `pre` itself.
///
/// The cost is that of the step: the state is read as far as the step reads it, whatever its size.
///
/// # Errors
/// If the log or the store failed, or the state is not in it.
pub fn prove_step(
    vm: &dyn Vm,
    log: &AgreedLog<'_>,
    pre: &Claim,
    nodes: Arc<dyn Nodes>,
) -> Result<(Witness, Claim), ProveError> {
    prove_run(vm, log, pre, Until::Steps(1), nodes, 1)
}

/// Checks that one step under the log of `head` leads from `pre` to `post`.
///
/// # Errors
/// Why the proof is refused.
pub fn verify_step(
    vm: &dyn Vm,
    head: &LogHead,
    pre: &Claim,
    post: &Claim,
    witness: &Witness,
) -> Result<(), VerifyError> {
    verify_run(vm, head, pre, Until::Steps(1), post, witness, 1)
}

/// [`prove_step`] for many steps, `max_steps` at most.
///
/// # Errors
/// As [`prove_step`]; and if the run is longer than `max_steps`, or is not all of one input where
/// that was asked for.
pub fn prove_run(
    vm: &dyn Vm,
    log: &AgreedLog<'_>,
    pre: &Claim,
    until: Until,
    nodes: Arc<dyn Nodes>,
    max_steps: u64,
) -> Result<(Witness, Claim), ProveError> {
    let recording = Recording::new(nodes);
    let machine = vm.open(pre.state, recording.clone())?;
    let inbox = Shown {
        inner: log,
        end: until.end(pre),
    };
    let budget = match until {
        Until::Steps(steps) if steps > max_steps => {
            return Err(ProveError::StepLimit { limit: max_steps });
        }
        Until::Steps(steps) => steps,
        Until::Input => max_steps,
    };
    let (post, whole) = Runner {
        machine,
        inbox: &inbox,
    }
    .run(pre, until, budget)?;
    if let Err(stop) = whole {
        return Err(match stop {
            Stop::Budget => ProveError::StepLimit { limit: max_steps },
            _ => ProveError::NoInput {
                step: pre.steps,
                inputs: pre.inputs,
                why: no_input(stop),
            },
        });
    }
    let inputs = (pre.inputs..post.inputs).map(|index| {
        let item = log.item(index)?;
        let gone = || HostError::BadInput(format!("input {index} is gone from the log").into());
        item.ok_or_else(gone)
    });
    let witness = Witness {
        nodes: recording.read(),
        inputs: inputs.collect::<Result<Vec<_>, HostError>>()?,
    };
    verify_run(vm, &log.head(), pre, until, &post, &witness, max_steps)
        .map_err(|error| ProveError::Unverified(Box::new(error)))?;
    Ok((witness, post))
}

/// [`verify_step`] for many steps. A proof of more than `max_steps` is refused before it is run.
///
/// # Errors
/// Why the proof is refused.
pub fn verify_run(
    vm: &dyn Vm,
    head: &LogHead,
    pre: &Claim,
    until: Until,
    post: &Claim,
    witness: &Witness,
    max_steps: u64,
) -> Result<(), VerifyError> {
    let budget = match until {
        Until::Steps(steps) => steps,
        Until::Input => post.steps.saturating_sub(pre.steps),
    };
    if budget > max_steps {
        let (steps, limit) = (budget, max_steps);
        return Err(VerifyError::StepLimit { steps, limit });
    }
    let given = Given::new(&witness.nodes, |node| vm.hash(node))?;
    let items = Items {
        head,
        first: pre.inputs,
        items: &witness.inputs,
        refusal: RefCell::default(),
        taken: Cell::new(0),
    };
    let inbox = Shown {
        inner: &items,
        end: until.end(pre),
    };
    let machine = vm.open(pre.state, given.clone())?;
    let ran = Runner {
        machine,
        inbox: &inbox,
    }
    .run(pre, until, budget);
    if let Some(refusal) = items.refusal.take() {
        return Err(refusal);
    }
    let (got, whole) = ran?;
    same_post(post, &got)?;
    if let Err(stop) = whole {
        let why = no_input(stop);
        return Err(VerifyError::NotOneInput { why, stop });
    }
    given.all_read()?;
    let (got, want) = (witness.inputs.len(), items.taken.get());
    if got != want {
        return Err(VerifyError::UnusedInput { got, want });
    }
    Ok(())
}

impl Until {
    /// The first input that the run may not see, whatever the log has.
    fn end(self, pre: &Claim) -> u64 {
        match self {
            Until::Steps(_) => u64::MAX,
            Until::Input => pre.inputs.saturating_add(1),
        }
    }
}

/// Why a run is not all of one input.
fn no_input(stop: Stop) -> &'static str {
    match stop {
        Stop::Budget => "it is longer",
        Stop::NeedsInput => "the next input is not in the log",
        Stop::Halted => "the machine halts before it takes one",
    }
}

/// An opened machine and what it may ask of the outside; the same for both sides.
struct Runner<'a> {
    machine: Box<dyn Machine>,
    inbox: &'a dyn Inbox,
}

impl Runner<'_> {
    /// Where the run ends. `Err` inside: it is not what `until` says, and why it stopped.
    fn run(
        mut self,
        pre: &Claim,
        until: Until,
        budget: u64,
    ) -> Result<(Claim, Result<(), Stop>), HostError> {
        let (post, _) = self.advance(*pre, budget)?;
        if let Until::Steps(_) = until {
            return Ok((post, Ok(())));
        }
        // That nothing follows is part of what is proved, with the nodes it takes to see that.
        let (after, stop) = self.advance(post, 1)?;
        let whole = after == post && post.inputs == pre.inputs.saturating_add(1);
        Ok((post, if whole { Ok(()) } else { Err(stop) }))
    }

    /// Runs step by step. The nodes of a long run are so by definition those that its steps read,
    /// and not what an engine that looks ahead happens to read.
    fn advance(&mut self, from: Claim, budget: u64) -> Result<(Claim, Stop), HostError> {
        let (mut claim, mut stop) = (from, Stop::Budget);
        for _ in 0..budget {
            (claim, stop) = advance(&mut *self.machine, claim, self.inbox, &mut NoOutbox, 1)?;
            if stop != Stop::Budget {
                break;
            }
        }
        Ok((claim, stop))
    }
}

/// A log of which inputs from `end` on are not shown.
struct Shown<'a> {
    inner: &'a dyn Inbox,
    end: u64,
}

impl Inbox for Shown<'_> {
    fn get(&self, index: u64) -> Result<Option<Bytes>, HostError> {
        if index >= self.end {
            return Ok(None);
        }
        self.inner.get(index)
    }
}

/// The inputs of a witness, each checked against the agreed log when the run takes it.
struct Items<'a> {
    head: &'a LogHead,
    first: u64,
    items: &'a [LogItem],
    /// What is wrong with an input; the run ends there.
    refusal: RefCell<Option<VerifyError>>,
    /// How many inputs the run took or asked for.
    taken: Cell<usize>,
}

impl Items<'_> {
    fn take(&self, index: u64) -> Result<Option<Bytes>, VerifyError> {
        let len = self.head.len;
        if index >= len {
            return Ok(None);
        }
        let at = index
            .checked_sub(self.first)
            .and_then(|at| usize::try_from(at).ok());
        let item = at.and_then(|at| self.items.get(at));
        let item = item.ok_or(VerifyError::MissingInput { index, len })?;
        let leaf = Leaf::of_item(&item.bytes);
        self.head
            .verify_inclusion(index, leaf, &item.path)
            .map_err(|source| VerifyError::WrongInput { index, source })?;
        self.taken.set(self.taken.get() + 1);
        Ok(Some(item.bytes.clone()))
    }
}

impl Inbox for Items<'_> {
    fn get(&self, index: u64) -> Result<Option<Bytes>, HostError> {
        self.take(index).map_err(|refusal| {
            let message = format!("{refusal}");
            *self.refusal.borrow_mut() = Some(refusal);
            HostError::Store(message.into())
        })
    }
}

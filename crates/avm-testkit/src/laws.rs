//! The laws that every machine must pass, checked by one call.
//!
//! ```
//! use avm_testkit::laws::{self, Case};
//! use avm_testkit::ledger::Ledger;
//!
//! let image = vec![1, 0, 0, 0, 0, 0, 0, 0, 9]; // account 1 has 9
//! let inputs = vec![vec![1, 2, 0, 0, 0, 0, 0, 0, 0, 4], b"malformed".to_vec()];
//! laws::check(&Ledger, &[Case { image, inputs }]);
//! ```
//!
//! A case is worth as much as the states it goes through: give programs that take inputs, give
//! outputs, wait, halt and go wrong. [`Suite`] has what a machine may need to adjust. The first
//! law that is broken ends the check with a [`Broken`]; earlier laws are what later ones rest on.

use std::any::Any;
use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind};

use avm_core::{
    Claim, Hash, HostError, Machine, MemoryInbox, MemoryNodes, MemoryOutbox, Nodes, Sink, Stop, Vm,
    advance,
};

mod failing;
mod running;
mod saving;
mod trace;
mod witness;

use trace::Trace;

/// One run to check: a program and its whole log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    /// What [`Vm::genesis`] takes.
    pub image: Vec<u8>,
    /// The inputs.
    pub inputs: Vec<Vec<u8>>,
}

/// A law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Law {
    /// A run takes at most its budget, says honestly why it returned, and with budget 0 does
    /// nothing.
    Budget,
    /// Two runs of one log give the same claim at every step.
    Determinism,
    /// run(a) then run(b) equals run(a + b) in claim, outputs and stop.
    Split,
    /// A stopped machine idles; a halted one does so whatever the log becomes.
    Idle,
    /// A machine that waited goes on as if the inputs had been there from the start.
    Resume,
    /// A fork and its parent do not affect each other.
    Fork,
    /// Every node has the name that [`Vm::hash`] gives it, and a state names a node.
    Name,
    /// Saving puts what is missing, children before parents, and changes nothing else.
    Save,
    /// open(save(m)) has the same hash and the same future.
    Reopen,
    /// The nodes that a step reads are all it needs, and it needs each of them.
    Witness,
    /// A failure outside is an `Err`, and wrong bytes are no panic.
    Fault,
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(self, f)
    }
}

/// A law that does not hold: which, where, and both sides.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("law {law} is broken in case {case} at step {step}: {what}\n  want {want}\n  got  {got}")]
#[non_exhaustive]
pub struct Broken {
    /// The law.
    pub law: Law,
    /// Index of the case.
    pub case: usize,
    /// Steps taken before it showed.
    pub step: u64,
    /// What was compared.
    pub what: String,
    /// What the law calls for.
    pub want: String,
    /// What the machine did.
    pub got: String,
}

/// How far and how densely the laws are checked. The work grows with `max_steps * points`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suite {
    /// Steps of each case that are run; what comes after is not looked at.
    pub max_steps: u64,
    /// States of each case that are split at, forked, saved, reopened and proved: those around
    /// inputs and outputs, and the rest spread evenly. All states if there are no more.
    pub points: usize,
    /// States that name no node, as the machine documents them, such as a fixed hash for
    /// "halted". They must open, but not be saved.
    pub sentinels: Vec<Hash>,
}

impl Default for Suite {
    fn default() -> Self {
        Self {
            max_steps: 1000,
            points: 24,
            sentinels: Vec::new(),
        }
    }
}

/// Checks `vm` with every case in the default [`Suite`].
///
/// # Panics
/// With the [`Broken`] law.
#[track_caller]
pub fn check(vm: &dyn Vm, cases: &[Case]) {
    Suite::default().check(vm, cases);
}

impl Suite {
    /// Checks `vm` with every case.
    ///
    /// # Panics
    /// With the [`Broken`] law; if there is no case; if an image is not a program of the machine.
    #[track_caller]
    pub fn check(&self, vm: &dyn Vm, cases: &[Case]) {
        if let Err(broken) = self.verify(vm, cases) {
            panic!("{}: {broken}", vm.spec());
        }
    }

    /// Checks `vm` with every case.
    ///
    /// # Errors
    /// The first law that is broken.
    ///
    /// # Panics
    /// If there is no case, or an image is not a program of the machine.
    pub fn verify(&self, vm: &dyn Vm, cases: &[Case]) -> Result<(), Broken> {
        assert!(
            !cases.is_empty(),
            "laws hold for no case whatever the machine"
        );
        for (index, case) in cases.iter().enumerate() {
            let mut run = Run {
                suite: self,
                vm,
                index,
                case,
                trace: Trace::default(),
            };
            run.trace = Trace::record(&run)?;
            running::check(&run)?;
            saving::check(&run)?;
            witness::check(&run)?;
            failing::check(&run)?;
        }
        Ok(())
    }
}

/// One case under check.
struct Run<'a> {
    suite: &'a Suite,
    vm: &'a dyn Vm,
    index: usize,
    case: &'a Case,
    trace: Trace,
}

type Verdict<T = ()> = Result<T, Broken>;

impl Run<'_> {
    /// The machine before its first step, and the claim there.
    fn genesis(&self) -> (Box<dyn Machine>, Claim) {
        let machine = self.vm.genesis(&self.case.image);
        let mut machine =
            machine.unwrap_or_else(|error| panic!("the image of case {}: {error}", self.index));
        let claim = Claim::genesis(machine.state_hash());
        (machine, claim)
    }

    /// The machine after `step` steps, taken in one run.
    fn at(&self, step: u64) -> Verdict<Box<dyn Machine>> {
        let (mut machine, claim) = self.genesis();
        if step == 0 {
            return Ok(machine);
        }
        let mut outbox = MemoryOutbox::default();
        let ran = advance(&mut *machine, claim, &self.log(), &mut outbox, step);
        let (claim, _) = self.fine(Law::Split, step, "one run from the start", ran)?;
        self.same(
            Law::Split,
            step,
            "claim after one run",
            &self.trace.at(step),
            &claim,
        )?;
        Ok(machine)
    }

    /// The whole log.
    fn log(&self) -> MemoryInbox {
        self.log_of(self.case.inputs.len())
    }

    /// The log when it had `len` inputs.
    fn log_of(&self, len: usize) -> MemoryInbox {
        self.case.inputs[..len]
            .iter()
            .map(|input| &input[..])
            .collect()
    }

    /// Checks that `machine`, which is at `step`, goes on to the end as the trace did.
    fn future(&self, law: Law, what: &str, machine: &mut dyn Machine, step: u64) -> Verdict {
        let budget = self.trace.budget_from(step);
        let mut outbox = MemoryOutbox::default();
        let from = self.trace.at(step);
        let ran = advance(machine, from, &self.log(), &mut outbox, budget);
        let (claim, stop) = self.fine(law, step, what, ran)?;
        self.same(law, step, what, &self.trace.last(), &claim)?;
        self.same(law, step, what, &self.trace.outputs_from(step), &outbox)?;
        if let Some(end) = self.trace.end {
            self.same(law, step, what, &end, &stop)?;
        }
        Ok(())
    }

    /// The nodes of `machine` as an empty sink gets them.
    fn saved(&self, law: Law, step: u64, machine: &mut dyn Machine) -> Verdict<MemoryNodes> {
        let mut nodes = MemoryNodes::default();
        self.save(law, step, machine, &mut nodes)?;
        Ok(nodes)
    }

    /// Saves `machine` and checks the name it returns.
    fn save(&self, law: Law, step: u64, machine: &mut dyn Machine, sink: &mut dyn Sink) -> Verdict {
        let name = self.fine(law, step, "save", machine.save(sink))?;
        let want = self.trace.at(step).state;
        self.same(law, step, "name returned by save", &want, &name)
    }

    fn is_sentinel(&self, state: Hash) -> bool {
        self.suite.sentinels.contains(&state)
    }

    /// An error where the law calls for none.
    fn fine<T>(&self, law: Law, step: u64, what: &str, got: Result<T, HostError>) -> Verdict<T> {
        got.map_err(|error| self.broken(law, step, what, "no error", &error.to_string()))
    }

    fn same<T: PartialEq + Debug>(
        &self,
        law: Law,
        step: u64,
        what: &str,
        want: &T,
        got: &T,
    ) -> Verdict {
        if want == got {
            return Ok(());
        }
        Err(self.broken(law, step, what, &format!("{want:?}"), &format!("{got:?}")))
    }

    /// [`Run::same`] for nodes, which says by name what one side has and the other lacks.
    fn same_nodes(
        &self,
        law: Law,
        step: u64,
        what: &str,
        want: &MemoryNodes,
        got: &MemoryNodes,
    ) -> Verdict {
        if want == got {
            return Ok(());
        }
        let beyond = |these: &MemoryNodes, those: &MemoryNodes| -> Vec<Hash> {
            let names = these.iter().map(|(name, _)| name);
            names.filter(|name| those.get(*name).is_err()).collect()
        };
        let (lacks, extra) = (beyond(want, got), beyond(got, want));
        let want = format!("{} nodes", want.len());
        let got = format!("{} nodes; lacks {lacks:?}, adds {extra:?}", got.len());
        Err(self.broken(law, step, what, &want, &got))
    }

    /// Runs `body`, of which a panic breaks the law.
    fn calm<T>(&self, law: Law, step: u64, what: &str, body: impl FnOnce() -> T) -> Verdict<T> {
        catch_unwind(AssertUnwindSafe(body))
            .map_err(|panic| self.broken(law, step, what, "no panic", &message(&*panic)))
    }

    fn broken(&self, law: Law, step: u64, what: &str, want: &str, got: &str) -> Broken {
        Broken {
            law,
            case: self.index,
            step,
            what: what.into(),
            want: want.into(),
            got: got.into(),
        }
    }
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panic: {}", text.unwrap_or_default())
}

/// `0 .. len` if that is at most `most` numbers, else about `most` of them, spread evenly and with
/// both ends.
fn spread(len: usize, most: usize) -> Vec<usize> {
    let most = most.max(2);
    if len <= most {
        return (0..len).collect();
    }
    (0..most).map(|i| i * (len - 1) / (most - 1)).collect()
}

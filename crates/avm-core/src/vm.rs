use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::{Hash, Host, HostError, ImageError, Nodes, Sink};

/// The rules of one virtual machine. Stateless.
///
/// Object-safe, with bytes and hashes across: one virtual call per run, not per step.
pub trait Vm: Send + Sync {
    /// Short lower-case name of the machine, for example `arb`; part of every file we write.
    fn id(&self) -> &'static str;

    /// Name of the rules with their version, for example `arb/1`. Two machines with one spec id
    /// give the same state for the same log.
    fn spec(&self) -> &'static str;

    /// Names a node.
    fn hash(&self, node: &[u8]) -> Hash;

    /// The state before the first step of the program `image`.
    ///
    /// # Errors
    /// If `image` is not a program of this machine.
    fn genesis(&self, image: &[u8]) -> Result<Box<dyn Machine>, ImageError>;

    /// Opens the state named `state`, reading nodes only as a step touches them.
    ///
    /// # Errors
    /// If the root node is missing or is not a state of this machine.
    fn open(&self, state: Hash, nodes: Arc<dyn Nodes>) -> Result<Box<dyn Machine>, HostError>;
}

/// A running machine. `Err` poisons it: drop it and open the last checkpoint. What its methods do
/// after an `Err`, panics included, is not specified.
pub trait Machine: Send {
    /// Runs at most `budget` steps. Stops early when halted or when the next input is missing. A
    /// step takes at most one input. A budget of zero changes nothing and asks for nothing.
    ///
    /// # Errors
    /// If the host failed; never for what the program does.
    fn run(&mut self, budget: u64, host: &mut dyn Host) -> Result<Ran, HostError>;

    /// Name of the present state. Takes `&mut` because hashes are taken lazily and kept.
    fn state_hash(&mut self) -> Hash;

    /// Puts every node of the present state into `sink`, children before parents, and returns the
    /// state's name. Subtrees that the sink already has are skipped.
    ///
    /// # Errors
    /// If the sink failed, or a part of the state that was never read is missing from its store.
    fn save(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError>;

    /// A copy with a life of its own.
    fn fork(&self) -> Box<dyn Machine>;
}

/// What a call of [`Machine::run`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Steps taken, at most the budget.
    pub steps: u64,
    /// Why it returned.
    pub stop: Stop,
}

/// Why a run returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stop {
    /// The budget is used up; more steps are possible as far as the machine knows.
    Budget,
    /// The next step takes an input that is not in the log yet. The state is as it was.
    NeedsInput,
    /// No step will ever follow.
    Halted,
}

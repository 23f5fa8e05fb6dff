//! Plain Bitcoin on the seam: one input of the log is one transaction with the outputs it spends,
//! one step is one operation of a script.
//!
//! A state is the set of flags, counts, and the transaction that is being verified, if one is.
//! Taking a transaction is a step, and goes to the first operation of its first input. What lies
//! between two scripts, or two inputs, is done with the operation before it. Every transaction gives
//! a [`Receipt`] with a verdict on each of its inputs.

mod forms;
mod image;
mod kept;
mod receipt;
mod state;
mod watch;

use alloc::boxed::Box;
use alloc::sync::Arc;

use avm_core::{Hash, Host, HostError, ImageError, Machine, Nodes, Ran, Sink, Stop, Vm};

pub use image::{InputError, ScriptImage, input_from_bytes, input_to_bytes, raw_input_to_bytes};
pub(super) use kept::Kept;
pub use receipt::{Outcome, RECEIPTS, Receipt, Verdict};
pub use state::{Counts, ScriptMachine};
pub use watch::{Next, TAKE, infos, place_of};

use super::Flags;
use crate::script::node;

/// The rules of plain Bitcoin; which flags are set is a part of the image.
#[derive(Clone, Copy, Debug, Default)]
pub struct Script;

impl Script {
    /// The machine before the first transaction. Flags that others imply are added.
    #[must_use]
    pub fn load(&self, flags: Flags) -> ScriptMachine {
        ScriptMachine::new(flags.filled())
    }

    /// As [`Vm::open`], with the concrete type.
    ///
    /// # Errors
    /// If a root node is missing or is not a state of this machine.
    pub fn open(&self, state: Hash, nodes: Arc<dyn Nodes>) -> Result<ScriptMachine, HostError> {
        ScriptMachine::open(state, nodes)
    }
}

impl Vm for Script {
    fn id(&self) -> &'static str {
        "script"
    }

    fn spec(&self) -> &'static str {
        "script/1"
    }

    fn hash(&self, node: &[u8]) -> Hash {
        node::name(node)
    }

    fn genesis(&self, image: &[u8]) -> Result<Box<dyn Machine>, ImageError> {
        let image = ScriptImage::from_bytes(image).map_err(ImageError::new)?;
        Ok(Box::new(self.load(image.flags)))
    }

    fn open(&self, state: Hash, nodes: Arc<dyn Nodes>) -> Result<Box<dyn Machine>, HostError> {
        Ok(Box::new(Self::open(self, state, nodes)?))
    }
}

impl Machine for ScriptMachine {
    fn run(&mut self, budget: u64, host: &mut dyn Host) -> Result<Ran, HostError> {
        let watched = host.probe().is_some();
        let mut steps = 0;
        while steps < budget {
            if !self.is_running() {
                let Some(input) = host.next_input()? else {
                    let stop = Stop::NeedsInput;
                    return Ok(Ran { steps, stop });
                };
                steps += 1;
                if watched {
                    self.watched_take(&input, host)?;
                } else {
                    self.take(&input, host)?;
                }
            } else if watched {
                steps += 1;
                self.watched_step(host)?;
            } else {
                self.advance(budget, &mut steps, host)?;
            }
        }
        let stop = Stop::Budget;
        Ok(Ran { steps, stop })
    }

    fn state_hash(&mut self) -> Hash {
        self.name()
    }

    fn save(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        self.save_nodes(sink)
    }

    fn fork(&self) -> Box<dyn Machine> {
        Box::new(self.clone())
    }
}

//! Contracts on the seam: one input is one call, one step is one instruction.
//!
//! A state is a contract, and the call that runs, if one does. Taking a call is a step; so is each
//! instruction of both scripts, and at the end each entry of a table that goes into the contract's
//! hash. A call that fails leaves the contract as it was. Every call gives a [`Receipt`].

mod image;
mod receipt;
mod state;
mod watch;
pub(crate) mod wire;

use alloc::boxed::Box;
use alloc::sync::Arc;

use avm_core::{Hash, Host, HostError, ImageError, Machine, Nodes, Ran, Sink, Stop, Vm};

pub use image::{Image, call_from_bytes, call_to_bytes};
pub use receipt::{CALLS, Fault, Outcome, Receipt};
pub use state::AtomicalsMachine;
pub(crate) use watch::running_place;
pub use watch::{CLOSE, NO_PC, TAKE, UNLOCK_PC, item_text};
pub use wire::WireError;

use crate::script::node;

/// The rules of Atomicals contracts; which set of them is a part of the image.
#[derive(Clone, Copy, Debug)]
pub struct Atomicals {
    /// Most bytes that the values and stacks of one call may take in memory.
    pub memory_limit_bytes: usize,
}

impl Default for Atomicals {
    fn default() -> Self {
        Self {
            memory_limit_bytes: 4 << 30,
        }
    }
}

impl Atomicals {
    /// The machine before the first call.
    #[must_use]
    pub fn load(&self, image: &Image) -> AtomicalsMachine {
        AtomicalsMachine::new(image.rules, image.contract.clone(), self.memory_limit_bytes)
    }

    /// As [`Vm::open`], with the concrete type.
    ///
    /// # Errors
    /// If a root node is missing or is not a state of this machine.
    pub fn open(&self, state: Hash, nodes: Arc<dyn Nodes>) -> Result<AtomicalsMachine, HostError> {
        AtomicalsMachine::open(state, nodes, self.memory_limit_bytes)
    }
}

impl Vm for Atomicals {
    fn id(&self) -> &'static str {
        "atomicals"
    }

    fn spec(&self) -> &'static str {
        "atomicals/1"
    }

    fn hash(&self, node: &[u8]) -> Hash {
        node::name(node)
    }

    fn genesis(&self, image: &[u8]) -> Result<Box<dyn Machine>, ImageError> {
        let image = Image::from_bytes(image).map_err(ImageError::new)?;
        Ok(Box::new(self.load(&image)))
    }

    fn open(&self, state: Hash, nodes: Arc<dyn Nodes>) -> Result<Box<dyn Machine>, HostError> {
        Ok(Box::new(Self::open(self, state, nodes)?))
    }
}

impl Machine for AtomicalsMachine {
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

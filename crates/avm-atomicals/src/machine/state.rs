//! The state: its nodes, and how a call is taken and ended.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Hash, Host, HostError, Nodes, Output, Sink};

use super::image::call_from_bytes;
use super::receipt::{CALLS, Outcome, Receipt};
use crate::script::call::Part;
use crate::script::fault::{Failure, HostFault};
use crate::script::node::{self, Fields};
use crate::script::resume::open_running;
use crate::script::rules::Rules;
use crate::script::running::{Accepted, Contract, Running};

/// Kind of the root node.
const ROOT: u8 = 0xc8;

/// Calls of a state are fewer: its log ends long before.
const COUNT_MAX: u64 = 1 << 63;
/// Steps between two looks at how much memory a call takes.
const MEMORY_STEPS: u64 = 1 << 14;

/// A contract, and the call that runs, if one does.
#[derive(Clone)]
pub struct AtomicalsMachine {
    pub(crate) rules: &'static Rules,
    pub(crate) contract: Part<Contract>,
    pub(crate) running: Option<Box<Running>>,
    /// Calls taken.
    pub(crate) calls: u64,
    /// Calls that failed.
    pub(crate) failed: u64,
    /// What all calls cost.
    pub(crate) cost: u64,
    /// Why the last call failed, if it did; no part of the state.
    pub(crate) last_failure: Option<Failure>,
    /// Where parts are that were not read yet.
    nodes: Option<Arc<dyn Nodes>>,
    memory_limit_bytes: usize,
}

impl AtomicalsMachine {
    pub(super) fn new(
        rules: &'static Rules,
        contract: Contract,
        memory_limit_bytes: usize,
    ) -> Self {
        Self {
            rules,
            contract: Part::Here(contract),
            running: None,
            calls: 0,
            failed: 0,
            cost: 0,
            last_failure: None,
            nodes: None,
            memory_limit_bytes,
        }
    }

    pub(super) fn open(
        state: Hash,
        nodes: Arc<dyn Nodes>,
        memory_limit_bytes: usize,
    ) -> Result<Self, HostError> {
        let node = nodes.get(state)?;
        let mut fields = Fields::of(state, &node, ROOT, "a state of a contract")?;
        let rules = Rules::ALL.get(usize::from(fields.byte()?)).copied();
        let rules = rules.ok_or_else(|| fields.bad())?;
        let (calls, failed, cost) = (fields.u64()?, fields.u64()?, fields.u64()?);
        // Sums of forged states must not overflow. The running call was taken, and did not fail.
        let bad = fields.bad();
        let coherent =
            |ended: Option<u64>| calls < COUNT_MAX && ended.is_some_and(|ended| failed <= ended);
        let contract = Part::Unread(fields.hash()?, Arc::clone(&nodes));
        let running = match fields.hash()? {
            Hash::ZERO if !coherent(Some(calls)) => return Err(bad),
            Hash::ZERO => None,
            _ if !coherent(calls.checked_sub(1)) => return Err(bad),
            running => Some(Box::new(open_running(rules, running, &nodes)?)),
        };
        fields.end()?;
        Ok(Self {
            rules,
            contract,
            running,
            calls,
            failed,
            cost,
            last_failure: None,
            nodes: Some(nodes),
            memory_limit_bytes,
        })
    }

    /// The rule set.
    #[must_use]
    pub fn rules(&self) -> &'static Rules {
        self.rules
    }

    /// Calls taken, and how many of them failed.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.calls, self.failed)
    }

    /// What all calls cost that have ended, and the running one so far.
    #[must_use]
    pub fn cost(&self) -> u64 {
        let running = self.running.as_ref().map_or(0, |running| running.cost());
        self.cost.saturating_add(running)
    }

    /// The contract as its last call left it.
    ///
    /// # Errors
    /// If it was not read yet and is not in the store.
    pub fn contract(&mut self) -> Result<&Contract, HostError> {
        self.contract.get().map(|contract| &*contract)
    }

    /// The call that runs, if one does.
    #[must_use]
    pub fn running(&self) -> Option<&Running> {
        self.running.as_deref()
    }

    /// Whether a call runs; otherwise the next step takes one.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Why the last call failed, if it did and this machine saw it.
    #[must_use]
    pub fn last_failure(&self) -> Option<&Failure> {
        self.last_failure.as_ref()
    }

    /// Takes a call.
    pub(super) fn take(&mut self, input: &[u8], host: &mut dyn Host) -> Result<(), HostError> {
        let started = match call_from_bytes(self.rules, input) {
            Ok(call) => Running::start(self.rules, self.contract.get()?, call)?,
            Err(error) => Err(Failure::Host(HostFault::BadInput(error.to_string()))),
        };
        self.calls += 1;
        match started {
            Ok(running) => {
                self.running = Some(Box::new(running));
                Ok(())
            }
            Err(failure) => self.finish(Err(failure), host),
        }
    }

    /// Takes steps of the running call until `steps` reaches `budget` or the call ends.
    pub(super) fn advance(
        &mut self,
        budget: u64,
        steps: &mut u64,
        host: &mut dyn Host,
    ) -> Result<(), HostError> {
        while let Some(running) = &mut self.running
            && *steps < budget
        {
            let until = budget.min(steps.saturating_add(MEMORY_STEPS));
            if let Some(outcome) = running.run(until, steps)? {
                self.finish(outcome, host)?;
            } else if self.nodes.is_none() {
                let limit_bytes = self.memory_limit_bytes;
                if running.memory_bytes()? > limit_bytes as u64 {
                    return Err(HostError::MemoryLimit { limit_bytes });
                }
            }
        }
        Ok(())
    }

    /// Ends the call.
    fn finish(
        &mut self,
        outcome: Result<Accepted, Failure>,
        host: &mut dyn Host,
    ) -> Result<(), HostError> {
        let cost = self.running.as_ref().map_or(0, |running| running.cost());
        let mut receipt = Receipt {
            call: self.calls - 1,
            outcome: Outcome::Done,
            cost,
            chain: Hash::ZERO,
            effects: None,
        };
        match outcome {
            Ok(accepted) => {
                receipt.chain = accepted.contract.chain;
                receipt.effects = Some(accepted.effects);
                self.contract = Part::Here(accepted.contract);
                self.last_failure = None;
            }
            Err(failure) => {
                receipt.outcome = Outcome::from(&failure);
                receipt.chain = match &mut self.running {
                    Some(running) => running.call.context()?.previous,
                    None => self.contract.get()?.chain,
                };
                self.failed += 1;
                self.last_failure = Some(failure);
            }
        }
        self.cost = self.cost.saturating_add(cost);
        self.running = None;
        host.emit(Output {
            channel: CALLS,
            hash: receipt.name(),
            content: &receipt,
        })
    }

    fn contract_name(&self) -> Hash {
        match &self.contract {
            Part::Here(contract) => node::name(&contract.node()),
            Part::Unread(hash, _) => *hash,
        }
    }

    fn root(&mut self) -> Vec<u8> {
        let contract = self.contract_name();
        let running = self
            .running
            .as_mut()
            .map(|running| node::name(&running.node()));
        let mut root = Vec::with_capacity(90);
        root.push(ROOT);
        root.push(self.rules.number());
        root.extend(self.calls.to_be_bytes());
        root.extend(self.failed.to_be_bytes());
        root.extend(self.cost.to_be_bytes());
        root.extend(contract.0);
        root.extend(running.unwrap_or(Hash::ZERO).0);
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
        let hash = self.contract_name();
        if !sink.has(hash)? {
            self.contract.get()?.save(sink)?;
        }
        if let Some(running) = &mut self.running {
            running.save(sink)?;
        }
        sink.put(name, &root)?;
        Ok(name)
    }
}

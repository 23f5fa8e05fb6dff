//! The state: its nodes, and how a call is taken and ended.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Hash, Host, HostError, Nodes, Output, Sink};

use super::image::call_from_bytes;
use super::receipt::{CALLS, Outcome, Receipt};
use crate::script::call::{Call, Opened, Part};
use crate::script::closing::Closing;
use crate::script::fault::{Failure, HostFault, Which};
use crate::script::frame::{Conditions, Frame};
use crate::script::node::{self, Fields};
use crate::script::rules::Rules;
use crate::script::run::Position;
use crate::script::running::{Accepted, Contract, Running, Stage};
use crate::script::stack::Stack;
use crate::script::text;

/// Kind of the root node.
const ROOT: u8 = 0xc8;
/// Kind of a node with a running call.
const RUNNING: u8 = 0xc9;

/// Calls of a state are fewer: its log ends long before.
const COUNT_MAX: u64 = 1 << 63;
/// Instructions, bytes and conditions of a script are fewer.
const SCRIPT_MAX: u32 = 1 << 31;

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

impl Running {
    /// Bytes that the stacks and what the call wrote take, about.
    fn memory_bytes(&mut self) -> Result<u64, HostError> {
        let items = self.frame.main.items().iter().chain(self.frame.alt.items());
        let stacks: usize = items.map(|item| item.len()).sum();
        let effects = self.call.effects()?;
        Ok(stacks as u64 + effects.updates.bytes()? + effects.deletes.bytes()?)
    }

    /// List of the instructions that follow.
    fn list(&mut self) -> Hash {
        if let Some(list) = self.list {
            return list;
        }
        let index = self.at.index;
        match self.stage {
            Stage::Closing(_) => Hash::ZERO,
            Stage::Script(_) => {
                let text = self
                    .text()
                    .expect("a script in memory was read with its call");
                text.list(index).unwrap_or(Hash::ZERO)
            }
        }
    }

    /// The node of the running call.
    fn node(&mut self) -> Vec<u8> {
        let (stage, closing) = match &self.stage {
            Stage::Script(Which::Unlock) => (0, Hash::ZERO),
            Stage::Script(Which::Lock) => (1, Hash::ZERO),
            Stage::Closing(closing) => (2, node::name(&closing.node())),
        };
        let list = self.list();
        let context = self.context_name();
        let effects = self.call.effects.name();
        let (main, alt) = (self.frame.main.list(), self.frame.alt.list());
        let mut node = Vec::with_capacity(250);
        node.push(RUNNING);
        node.push(stage);
        node.extend(self.at.index.to_be_bytes());
        node.extend((self.at.offset as u32).to_be_bytes());
        node.extend(list.0);
        node.extend(self.frame.conditions.depth.to_be_bytes());
        node.extend(self.frame.conditions.first_false.to_be_bytes());
        node.extend(self.frame.budget.to_be_bytes());
        node.extend(self.budget.to_be_bytes());
        node.extend((self.frame.main.len() as u32).to_be_bytes());
        node.extend(main.0);
        node.extend((self.frame.alt.len() as u32).to_be_bytes());
        node.extend(alt.0);
        node.extend(context.0);
        node.extend(effects.0);
        node.extend(closing.0);
        node
    }

    /// Name of what the call brings, which does not change while it runs.
    fn context_name(&mut self) -> Hash {
        let call = &self.call;
        *self.context_name.get_or_insert_with(|| {
            let name = call.context.name();
            name.expect("what a call brings is in memory or has a name")
        })
    }

    fn save(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        let node = self.node();
        let name = node::name(&node);
        if sink.has(name)? {
            return Ok(name);
        }
        let context = self.context_name();
        if !sink.has(context)? {
            self.call.context()?.save(sink)?;
        }
        let effects = self.call.effects.name();
        if !sink.has(effects)? {
            self.call.effects()?.save(sink)?;
        }
        // What follows here is a part of a script; a sink may know of the whole and want this part.
        if let (Some(list), Some(nodes)) = (self.list, &self.nodes) {
            text::save_list(list, nodes, sink)?;
        } else if let Stage::Script(_) = self.stage {
            let index = self.at.index;
            self.text()?.save_from(index, sink)?;
        }
        let nodes = self.frame.nodes.clone();
        self.frame.main.save(nodes.as_ref(), sink)?;
        self.frame.alt.save(nodes.as_ref(), sink)?;
        if let Stage::Closing(closing) = &self.stage {
            node::put(sink, &closing.node())?;
        }
        sink.put(name, &node)?;
        Ok(name)
    }
}

/// The running call of this name.
fn open_running(
    rules: &'static Rules,
    hash: Hash,
    nodes: &Arc<dyn Nodes>,
) -> Result<Running, HostError> {
    let node = nodes.get(hash)?;
    let mut fields = Fields::of(hash, &node, RUNNING, "a running call")?;
    let bad = fields.bad();
    let stage = fields.byte()?;
    let at = Position {
        index: fields.u32()?,
        offset: fields.u32()? as usize,
    };
    let list = fields.hash()?;
    let conditions = Conditions {
        depth: fields.u32()?,
        first_false: fields.u32()?,
    };
    let (left, budget) = (fields.u64()?, fields.u64()?);
    let mut stack = || -> Result<Stack, HostError> {
        let (len, list) = (fields.u32()? as usize, fields.hash()?);
        if len > rules.limits.max_depth || (len == 0) != (list == Hash::ZERO) {
            return Err(fields.bad());
        }
        Ok(Stack::unread(len, list))
    };
    let (main, alt) = (stack()?, stack()?);
    let context = fields.hash()?;
    let effects = fields.hash()?;
    let closing = fields.hash()?;
    fields.end()?;
    let in_script = stage < 2;
    let coherent = left <= budget
        && at.index < SCRIPT_MAX
        && at.offset < SCRIPT_MAX as usize
        && conditions.depth < SCRIPT_MAX
        && conditions.first_false <= conditions.depth
        && in_script == (closing == Hash::ZERO)
        && in_script == (list != Hash::ZERO);
    if !coherent {
        return Err(bad);
    }
    let stage = match stage {
        0 => Stage::Script(Which::Unlock),
        1 => Stage::Script(Which::Lock),
        2 => Stage::Closing(Box::new(Closing::open(closing, nodes)?)),
        _ => return Err(bad),
    };
    let mut frame = Frame::new(rules.limits, left);
    frame.main = main;
    frame.alt = alt;
    frame.conditions = conditions;
    frame.nodes = Some(Arc::clone(nodes));
    Ok(Running {
        frame,
        call: Call {
            rules,
            context: Part::Unread(context, Arc::clone(nodes)),
            effects: Part::Unread(effects, Arc::clone(nodes)),
        },
        stage,
        at,
        nodes: Some(Arc::clone(nodes)),
        list: in_script.then_some(list),
        context_name: Some(context),
        budget,
    })
}

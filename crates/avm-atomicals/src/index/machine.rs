//! An index on the seam: one input is one block. Steps are: take the block, settle one transaction,
//! each opcode of a call, close the block.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{
    Bytes, Hash, Host, HostError, ImageError, Inspect, Machine, Nodes, Output, Ran, Sink, StepEnd,
    StepStart, Stop, Vm,
};

use super::AtomicalId;
use super::block;
use super::cache::Cache;
use super::ledger::{Ledger, written};
use super::open::Work;
use super::overlay;
use super::params::{COMMIT_DEPTH, HEIGHT_MAX, Params};
use super::receipt::{BlockReceipt, BlockRefusal, EvictionReceipt, Receipt, Settled};
use super::rows::Place;
use super::settle::{self, Begun, Called, Scene};
use super::snapshot;
use super::window::Window;
use crate::machine::item_text;
use crate::script::digest::{Sha256Stream, sha256};
use crate::script::node::{self, Fields};
use crate::script::running::Running;

/// Kind of the root node.
const ROOT: u8 = 0xd0;
/// Kind of a node with parameters.
const PARAMS: u8 = 0xd1;

/// Inputs of a state are fewer: its log ends long before.
const COUNT_MAX: u64 = 1 << 63;
/// Steps between two looks at how much memory a call takes.
const MEMORY_STEPS: u64 = 1 << 14;

/// The rules of an index.
///
/// States do not depend on the cache, and the default has none. With one, machines are fast on long
/// runs, but look at the state less often than a proof has to.
#[derive(Clone, Debug)]
pub struct Index {
    /// Most bytes that the values and stacks of one call may take in memory.
    pub memory_limit_bytes: usize,
    cache: Option<Arc<Cache>>,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            memory_limit_bytes: 4 << 30,
            cache: None,
        }
    }
}

/// What an indexer knows, and the block in work, if there is one.
#[derive(Clone)]
pub struct IndexMachine {
    params: Arc<Params>,
    ledger: Ledger,
    /// Blocks that were taken and not refused.
    blocks: u32,
    /// Inputs that were no block that follows.
    refused: u64,
    /// Items minted.
    items: u64,
    /// What all calls cost that are over.
    cost: u64,
    /// Name of the last block.
    tip: [u8; 32],
    /// T of the last block. Spec: section 16.
    blocks_chain: [u8; 32],
    /// S of the last block. Spec: section 16.
    states_chain: [u8; 32],
    work: Option<Box<Work>>,
    /// What the last operation was refused for; no part of the state.
    last: Option<Receipt>,
    memory_limit_bytes: usize,
}

impl Index {
    /// The rules with another limit of memory.
    #[must_use]
    pub fn with_memory_limit(self, memory_limit_bytes: usize) -> Self {
        Self {
            memory_limit_bytes,
            ..self
        }
    }

    /// The rules with a cache that its machines share.
    #[must_use]
    pub fn cached(self) -> Self {
        Self {
            cache: Some(Arc::default()),
            ..self
        }
    }

    /// The cache, if it has one.
    #[must_use]
    pub fn cache(&self) -> Option<&Arc<Cache>> {
        self.cache.as_ref()
    }

    /// The machine before the first block.
    #[must_use]
    pub fn load(&self, params: &Params) -> IndexMachine {
        IndexMachine {
            params: Arc::new(*params),
            ledger: Ledger::new(self.cache.clone()),
            blocks: 0,
            refused: 0,
            items: 0,
            cost: 0,
            tip: params.before,
            blocks_chain: [0; 32],
            states_chain: [0; 32],
            work: None,
            last: None,
            memory_limit_bytes: self.memory_limit_bytes,
        }
    }

    /// As [`Vm::open`], with the concrete type.
    ///
    /// # Errors
    /// If a root node is missing or is not a state of this machine.
    pub fn open(&self, state: Hash, nodes: Arc<dyn Nodes>) -> Result<IndexMachine, HostError> {
        let node = nodes.get(state)?;
        let root = RootNode::read(state, &node)?;
        let params = read_params(root.params, &nodes.get(root.params)?)?;
        let work = match root.work {
            Hash::ZERO => None,
            work => Some(Box::new(Work::open(&params, work, &nodes)?)),
        };
        let covered = self.cache.as_ref().is_some_and(|cache| cache.covers(state));
        let height = params.start + root.blocks;
        if work.as_ref().is_some_and(|work| work.height != height) {
            return Err(node::bad(state, &node, "a state of an index"));
        }
        Ok(IndexMachine {
            params: Arc::new(params),
            ledger: Ledger::open(root.rows, nodes, self.cache.clone(), covered),
            blocks: root.blocks,
            refused: root.refused,
            items: root.items,
            cost: root.cost,
            tip: root.tip,
            blocks_chain: root.blocks_chain,
            states_chain: root.states_chain,
            work,
            last: None,
            memory_limit_bytes: self.memory_limit_bytes,
        })
    }
}

impl Vm for Index {
    fn id(&self) -> &'static str {
        "atomicals-index"
    }

    fn spec(&self) -> &'static str {
        "atomicals-index/1"
    }

    fn hash(&self, node: &[u8]) -> Hash {
        node::name(node)
    }

    fn genesis(&self, image: &[u8]) -> Result<Box<dyn Machine>, ImageError> {
        if snapshot::is_snapshot(image) {
            let (header, nodes) = snapshot::read(image).map_err(ImageError::new)?;
            let machine = Self::open(self, header.root, Arc::new(nodes));
            return Ok(Box::new(machine.map_err(ImageError::new)?));
        }
        let params = Params::from_bytes(image).map_err(ImageError::new)?;
        Ok(Box::new(self.load(&params)))
    }

    fn open(&self, state: Hash, nodes: Arc<dyn Nodes>) -> Result<Box<dyn Machine>, HostError> {
        Ok(Box::new(Self::open(self, state, nodes)?))
    }
}

fn params_node(params: &Params) -> Vec<u8> {
    let mut node = Vec::from([PARAMS]);
    node.extend(params.to_bytes());
    node
}

/// Reads the node of parameters of this name.
pub(crate) fn read_params(hash: Hash, node: &[u8]) -> Result<Params, HostError> {
    let fields = Fields::of(hash, node, PARAMS, "the parameters of an index")?;
    let bad = fields.bad();
    Params::from_bytes(fields.rest()?).map_err(|_| bad)
}

/// The root node of a state, and the names in it.
pub(crate) struct RootNode {
    pub(crate) params: Hash,
    pub(crate) blocks: u32,
    pub(crate) refused: u64,
    pub(crate) items: u64,
    pub(crate) cost: u64,
    pub(crate) tip: [u8; 32],
    pub(crate) blocks_chain: [u8; 32],
    pub(crate) states_chain: [u8; 32],
    pub(crate) rows: Hash,
    pub(crate) work: Hash,
}

impl RootNode {
    /// Reads the node of this name.
    pub(crate) fn read(hash: Hash, node: &[u8]) -> Result<Self, HostError> {
        let mut fields = Fields::of(hash, node, ROOT, "a state of an index")?;
        let root = Self {
            params: fields.hash()?,
            blocks: fields.u32()?,
            refused: fields.u64()?,
            items: fields.u64()?,
            cost: fields.u64()?,
            tip: fields.hash()?.0,
            blocks_chain: fields.hash()?.0,
            states_chain: fields.hash()?.0,
            rows: fields.hash()?,
            work: fields.hash()?,
        };
        let bad = fields.bad();
        fields.end()?;
        // Sums of forged states must not overflow.
        if root.blocks > HEIGHT_MAX || root.refused >= COUNT_MAX || root.items >= COUNT_MAX {
            return Err(bad);
        }
        Ok(root)
    }

    fn write(&self) -> Vec<u8> {
        let mut node = Vec::with_capacity(221);
        node.push(ROOT);
        node.extend(self.params.0);
        node.extend(self.blocks.to_be_bytes());
        node.extend(self.refused.to_be_bytes());
        node.extend(self.items.to_be_bytes());
        node.extend(self.cost.to_be_bytes());
        node.extend(self.tip);
        node.extend(self.blocks_chain);
        node.extend(self.states_chain);
        node.extend(self.rows.0);
        node.extend(self.work.0);
        node
    }
}

impl IndexMachine {
    /// What the rules depend on.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Height of the last block, if there was one.
    #[must_use]
    pub fn height(&self) -> Option<u32> {
        self.blocks
            .checked_sub(1)
            .map(|blocks| self.params.start + blocks)
    }

    /// Name of the last block, internal order.
    #[must_use]
    pub fn tip(&self) -> [u8; 32] {
        self.tip
    }

    /// T and S of the last block. Spec: section 16.
    #[must_use]
    pub fn chains(&self) -> ([u8; 32], [u8; 32]) {
        (self.blocks_chain, self.states_chain)
    }

    /// Items minted so far, and inputs that were no block that follows.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.items, self.refused)
    }

    /// What all calls cost, and the running one so far.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.cost
            .saturating_add(self.running().map_or(0, Running::cost))
    }

    /// The call that runs, if one does.
    #[must_use]
    pub fn running(&self) -> Option<&Running> {
        self.work.as_ref()?.call.as_deref()
    }

    /// Height, next transaction and number of transactions of the block in work, if there is one.
    #[must_use]
    pub fn in_work(&self) -> Option<(u32, u32, u32)> {
        let work = self.work.as_ref()?;
        Some((work.height, work.position, work.total))
    }

    /// The last receipt this machine gave.
    #[must_use]
    pub fn last(&self) -> Option<&Receipt> {
        self.last.as_ref()
    }

    /// Makes the cache of the rules know every output of the state, so that this machine, and others
    /// that open the same state, can rule outputs out. Reads all of them; without it a machine that
    /// was opened is right, and slower. Returns how many there are.
    ///
    /// # Errors
    /// If a node is missing.
    pub fn warm(&mut self) -> Result<u64, HostError> {
        let outputs = self.ledger.warm()?;
        self.state_hash();
        Ok(outputs)
    }

    pub(crate) fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    fn emit(&mut self, receipt: Receipt, host: &mut dyn Host) -> Result<(), HostError> {
        self.last = Some(receipt);
        host.emit(Output {
            channel: receipt.channel(),
            hash: receipt.name(),
            content: &receipt,
        })
    }

    /// Takes an input.
    fn take(&mut self, raw: &Arc<[u8]>, host: &mut dyn Host) -> Result<(), HostError> {
        let height = self.params.start + self.blocks;
        let parts = match block::read(raw) {
            _ if height > HEIGHT_MAX => Err(BlockRefusal::Height),
            Err(_) => Err(BlockRefusal::Malformed),
            Ok(parts) if block::check_witnesses(raw, &parts).is_err() => {
                Err(BlockRefusal::Malformed)
            }
            Ok(parts) if self.tip != [0; 32] && block::header_prev(&parts.header) != self.tip => {
                Err(BlockRefusal::Parent)
            }
            Ok(parts) => Ok(parts),
        };
        let parts = match parts {
            Ok(parts) => parts,
            Err(refusal) => {
                self.refused += 1;
                return self.emit(Receipt::Refused(refusal), host);
            }
        };
        let before =
            (height > self.params.heights.base && self.blocks > 0).then_some(self.blocks_chain);
        let txs = Window::new(&parts.txs);
        let work = Work::new(height, Arc::clone(raw), parts, before);
        let window = self.params.header_window.max(COMMIT_DEPTH + 1);
        self.ledger.begin_block(height, &work.header, txs, window)?;
        self.work = Some(Box::new(work));
        Ok(())
    }

    /// Passes over the transactions from the next one on that carry nothing and ask for nothing, at
    /// most `budget` of them. Each is a step that changes only the position.
    fn pass(&mut self, budget: u64) -> u64 {
        let Some(work) = &mut self.work else { return 0 };
        let (params, height) = (&*self.params, work.height);
        let Some((raw, ahead)) = work.ahead() else {
            return 0;
        };
        let mut passed = 0;
        for placed in ahead {
            let Ok(tx) = block::TxParts::read(placed.raw(raw)) else {
                break;
            };
            let carries = || {
                tx.inputs()
                    .any(|input| self.ledger.may_have(input.outpoint))
            };
            let asks = || settle::asked(params, height, &tx).is_some();
            if passed == budget || asks() || carries() {
                break;
            }
            passed += 1;
        }
        work.position += passed as u32;
        passed
    }

    /// Begins to settle the next transaction, or closes the block.
    fn settle(&mut self, host: &mut dyn Host) -> Result<(), HostError> {
        let Some(work) = &self.work else {
            return Ok(());
        };
        let Some(tx) = work.next()? else {
            return self.close(host);
        };
        let begun = {
            let (ledger, scene) = scene(&self.params, &mut self.ledger, work, &tx)?;
            match scene.begin(ledger)? {
                Begun::Call(call) => Err(call),
                Begun::Ready(ready) => Ok(ready),
            }
        };
        match begun {
            Ok(ready) => self.end(&tx, ready, None, host),
            Err(call) => {
                if let Some(work) = &mut self.work {
                    work.call = Some(call);
                }
                Ok(())
            }
        }
    }

    /// Takes steps of the running call until `steps` reaches `budget` or the call ends.
    fn advance(
        &mut self,
        budget: u64,
        steps: &mut u64,
        host: &mut dyn Host,
    ) -> Result<(), HostError> {
        while *steps < budget {
            let Some(work) = &mut self.work else {
                return Ok(());
            };
            let Some(call) = &mut work.call else {
                return Ok(());
            };
            let until = budget.min(steps.saturating_add(MEMORY_STEPS));
            if let Some(outcome) = call.run(until, steps)? {
                let cost = call.cost();
                work.call = None;
                work.call_was_open = false;
                self.cost = self.cost.saturating_add(cost);
                let tx = work.next()?.ok_or_else(|| {
                    node::bad(
                        Hash::ZERO,
                        &[],
                        "a block in work with the transaction of its call",
                    )
                })?;
                return self.end(&tx, Ok(()), Some(Called { outcome, cost }), host);
            }
            let limit_bytes = self.memory_limit_bytes;
            if !work.call_was_open && call.memory_bytes()? > limit_bytes as u64 {
                return Err(HostError::MemoryLimit { limit_bytes });
            }
        }
        Ok(())
    }

    /// Ends the present transaction.
    fn end(
        &mut self,
        tx: &super::open::WorkTx,
        begun: Result<(), Settled>,
        called: Option<Called>,
        host: &mut dyn Host,
    ) -> Result<(), HostError> {
        let Some(work) = &mut self.work else {
            return Ok(());
        };
        let (ledger, scene) = scene(&self.params, &mut self.ledger, work, tx)?;
        let receipt = scene.end(ledger, begun, called, &mut self.items)?;
        if let Some(receipt) = &receipt {
            if receipt.settled == Settled::Done {
                work.operations += 1;
                work.valid.update(&receipt.txid);
                if settle::changes_contract(receipt.operation) {
                    written(work.changed.insert(&receipt.id, Bytes::default()))?;
                }
            } else {
                work.refused += 1;
            }
        }
        work.advance()?;
        match receipt {
            Some(receipt) => self.emit(Receipt::Operation(receipt), host),
            None => Ok(()),
        }
    }

    /// Closes the block: the chains of hashes go on.
    fn close(&mut self, host: &mut dyn Host) -> Result<(), HostError> {
        let Some(work) = self.work.take() else {
            return Ok(());
        };
        if self.params.overlay {
            self.evict(work.height, host)?;
        }
        let mut states = Sha256Stream::new();
        // An index may start before the first operation, and must not differ for that.
        let before = match work.height > self.params.heights.base {
            true => self.states_chain,
            false => [0; 32],
        };
        states.update(&before);
        states.update(&work.hash);
        for entry in &work.changed {
            let (id, _) = entry?;
            let bad = || node::bad(Hash::ZERO, id, "the id of a contract");
            let id: &AtomicalId = id.try_into().map_err(|_| bad())?;
            if let Some(contract) = self.ledger.contract(id)? {
                states.update(id);
                states.update(&contract.chain.0);
                states.update(&contract.state.root().0);
            }
        }
        self.states_chain = states.finish();
        self.blocks_chain = sha256(&work.valid.clone().finish());
        self.tip = work.hash;
        self.blocks += 1;
        self.emit(
            Receipt::Block(BlockReceipt {
                height: work.height,
                hash: work.hash,
                txs: work.total,
                operations: work.operations,
                refused: work.refused,
                contracts: work.changed.len()? as u32,
                blocks_chain: self.blocks_chain,
                states_chain: self.states_chain,
            }),
            host,
        )
    }

    /// Evicts virtual outputs whose time is over. Spec: [`super::overlay`].
    fn evict(&mut self, height: u32, host: &mut dyn Host) -> Result<(), HostError> {
        for _ in 0..overlay::EVICTIONS_MAX {
            let first = self.ledger.first_to_expire()?;
            let Some((outpoint, entry)) = first.filter(|(_, entry)| entry.is_over(height)) else {
                break;
            };
            self.ledger.take_entry(&outpoint, &entry)?;
            let receipt = EvictionReceipt {
                height,
                outpoint,
                expiry: entry.expiry,
                tokens: entry.tokens.len() as u32,
            };
            self.emit(Receipt::Evicted(receipt), host)?;
        }
        Ok(())
    }

    fn root(&mut self) -> Vec<u8> {
        let work = self.work.as_mut().map(|work| node::name(&work.node()));
        let root = RootNode {
            params: node::name(&params_node(&self.params)),
            blocks: self.blocks,
            refused: self.refused,
            items: self.items,
            cost: self.cost,
            tip: self.tip,
            blocks_chain: self.blocks_chain,
            states_chain: self.states_chain,
            rows: self.ledger.root(),
            work: work.unwrap_or(Hash::ZERO),
        };
        root.write()
    }

    /// The root node and its name, which the cache hears of if it has all outputs of the state.
    fn hashed(&mut self) -> (Hash, Vec<u8>) {
        let root = self.root();
        let name = node::name(&root);
        if let Some(cache) = self.ledger.covering() {
            cache.cover(name);
        }
        (name, root)
    }
}

/// A transaction in its place, and the ledger it works on.
fn scene<'a>(
    params: &'a Params,
    ledger: &'a mut Ledger,
    work: &Work,
    tx: &'a super::open::WorkTx,
) -> Result<(&'a mut Ledger, Scene<'a>), HostError> {
    let parts = tx.parts()?;
    let scene = Scene {
        params,
        place: Place {
            height: work.height,
            position: work.position,
        },
        txid: tx.txid(&parts),
        asked: settle::asked(params, work.height, &parts),
        tx: parts,
    };
    Ok((ledger, scene))
}

impl Machine for IndexMachine {
    fn run(&mut self, budget: u64, host: &mut dyn Host) -> Result<Ran, HostError> {
        let watched = host.probe().is_some();
        let mut steps = 0;
        while steps < budget {
            let input = match &self.work {
                Some(_) => None,
                None => match host.next_input()? {
                    Some(input) => Some(input),
                    None => {
                        let stop = Stop::NeedsInput;
                        return Ok(Ran { steps, stop });
                    }
                },
            };
            if watched {
                self.watched(input.as_ref(), &mut steps, host)?;
            } else {
                self.step(input.as_ref(), budget, &mut steps, host)?;
            }
        }
        let stop = Stop::Budget;
        Ok(Ran { steps, stop })
    }

    fn state_hash(&mut self) -> Hash {
        self.hashed().0
    }

    fn save(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        let (name, root) = self.hashed();
        if sink.has(name)? {
            return Ok(name);
        }
        node::put(sink, &params_node(&self.params))?;
        self.ledger.save(sink)?;
        if let Some(work) = &mut self.work {
            work.save(sink)?;
        }
        sink.put(name, &root)?;
        Ok(name)
    }

    fn fork(&self) -> Box<dyn Machine> {
        Box::new(self.clone())
    }
}

impl IndexMachine {
    /// Takes at least one step and at most as many as the budget has left.
    fn step(
        &mut self,
        input: Option<&Arc<[u8]>>,
        budget: u64,
        steps: &mut u64,
        host: &mut dyn Host,
    ) -> Result<(), HostError> {
        if let Some(input) = input {
            *steps += 1;
            return self.take(input, host);
        }
        if self.running().is_some() {
            return self.advance(budget, steps, host);
        }
        match self.pass(budget - *steps) {
            0 => {
                *steps += 1;
                self.settle(host)
            }
            passed => {
                *steps += passed;
                Ok(())
            }
        }
    }

    /// One step, shown to the probe of the host.
    fn watched(
        &mut self,
        input: Option<&Arc<[u8]>>,
        steps: &mut u64,
        host: &mut dyn Host,
    ) -> Result<(), HostError> {
        let (pc, opcode, name) = super::watch::place(self, input.is_some());
        let before = self.running().map_or(0, Running::cost);
        if let Some(probe) = host.probe() {
            let state = self as &dyn Inspect;
            let (name, gas) = (&*name, [0; 32]);
            probe.before(&StepStart {
                pc,
                opcode,
                name,
                gas,
                state,
            });
        }
        self.last = None;
        self.step(input, *steps + 1, steps, host)?;
        let cost = match (self.running(), &self.last) {
            (Some(running), _) => running.cost() - before.min(running.cost()),
            (None, Some(Receipt::Operation(receipt))) => receipt.cost - before.min(receipt.cost),
            _ => 0,
        };
        let fault = self.last.as_ref().and_then(super::watch::fault);
        if let Some(probe) = host.probe() {
            let fault = fault.as_ref().map(|fault| fault as &dyn core::fmt::Display);
            probe.after(&StepEnd { cost, fault });
        }
        Ok(())
    }
}

impl Inspect for IndexMachine {
    fn panes(&self) -> &'static [&'static str] {
        &["stack"]
    }

    fn len(&self, pane: usize) -> usize {
        match (pane, self.running()) {
            (0, Some(running)) => running.main_stack().items().len(),
            _ => 0,
        }
    }

    fn item(&self, pane: usize, index: usize) -> Option<String> {
        let running = self.running().filter(|_| pane == 0)?;
        let items = running.main_stack().items();
        items.iter().rev().nth(index).map(item_text)
    }
}

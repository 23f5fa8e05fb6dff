use std::collections::{BTreeMap, BTreeSet};

use avm_core::{Claim, Hash, HostError, Outbox, Output, Sink};

use super::{CLAIM_INPUTS, CLAIMS, NODES, OUTPUTS, State, Transaction};
use crate::outputs::Outputs;
use crate::{Batch, Log, StoreError};

/// Nodes are held in memory up to this many bytes, and then written in the order of their names,
/// which is what a B-tree likes best.
const BUFFER_BYTES: usize = 64 << 20;

/// One write transaction.
pub(super) struct StateBatch<'a> {
    state: &'a State,
    log: Option<&'a dyn Log>,
    txn: Transaction,
    nodes: BTreeMap<Hash, Box<[u8]>>,
    buffered_bytes: usize,
    /// Names of the nodes written in this transaction already.
    written: BTreeSet<Hash>,
    outputs: Outputs,
    claims: Vec<Claim>,
}

impl<'a> StateBatch<'a> {
    pub fn new(state: &'a State, log: Option<&'a dyn Log>) -> Result<Self, StoreError> {
        let txn = state.begin_write()?;
        let (len, outbox) = state.outputs()?;
        Ok(Self {
            state,
            log,
            txn,
            nodes: BTreeMap::new(),
            buffered_bytes: 0,
            written: BTreeSet::new(),
            outputs: Outputs::after(len, outbox),
            claims: Vec::new(),
        })
    }

    fn flush_nodes(&mut self) -> Result<(), StoreError> {
        self.state.guard(|| {
            let mut table = self.txn.open_table(NODES)?;
            for (name, node) in &self.nodes {
                table.insert(name.0, &**node)?;
            }
            Ok(())
        })?;
        self.written
            .extend(std::mem::take(&mut self.nodes).into_keys());
        self.buffered_bytes = 0;
        Ok(())
    }
}

impl Sink for StateBatch<'_> {
    fn has(&self, hash: Hash) -> Result<bool, HostError> {
        let here = self.nodes.contains_key(&hash) || self.written.contains(&hash);
        Ok(here || self.state.has_node(hash)?)
    }

    fn put(&mut self, hash: Hash, node: &[u8]) -> Result<(), HostError> {
        self.buffered_bytes += node.len();
        self.nodes.insert(hash, node.into());
        if self.buffered_bytes >= BUFFER_BYTES {
            self.flush_nodes()?;
        }
        Ok(())
    }
}

impl Outbox for StateBatch<'_> {
    fn push(&mut self, index: u64, output: Output<'_>) -> Result<(), HostError> {
        self.outputs.check_next(&self.state.path, index)?;
        output.content.save(self)?;
        self.outputs.push(&output);
        Ok(())
    }
}

impl Batch for StateBatch<'_> {
    fn put_claim(&mut self, claim: &Claim) -> Result<(), StoreError> {
        if let Some(log) = self.log {
            let expected = log.inbox_at(claim.inputs)?;
            if claim.inbox != expected {
                return Err(StoreError::ClaimMismatch {
                    path: self.state.path.clone(),
                    what: "inbox",
                    count: claim.inputs,
                    found: claim.inbox,
                    expected,
                });
            }
        }
        self.outputs.claim(&self.state.path, claim)?;
        self.claims.push(*claim);
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        self.flush_nodes()?;
        let Self {
            state,
            txn,
            outputs,
            claims,
            ..
        } = *self;
        state.guard(|| {
            let mut table = txn.open_table(OUTPUTS)?;
            for (index, row) in (outputs.first..).zip(outputs.claimed()) {
                table.insert(index, &row.to_bytes()[..])?;
            }
            let mut table = txn.open_table(CLAIMS)?;
            let mut by_inputs = txn.open_table(CLAIM_INPUTS)?;
            for claim in &claims {
                let mut bytes = claim.to_bytes().to_vec();
                bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
                table.insert(claim.steps, &*bytes)?;
                by_inputs.insert((claim.inputs, claim.steps), ())?;
            }
            Ok(())
        })?;
        state.commit(txn)
    }
}

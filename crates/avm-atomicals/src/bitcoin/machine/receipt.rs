//! What a transaction leaves behind: a verdict on each of its inputs.

use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Channel, Hash, HostError, Nodes, Save, Sink};

use crate::bitcoin::{At, BitcoinError, Failure, Phase};
use crate::script::node::{self, Fields};

/// The channel of receipts.
pub const RECEIPTS: Channel = Channel(0);

/// Kind of a node with a verdict.
const VERDICT: u8 = 0xd2;
/// Kind of a node with a receipt.
const RECEIPT: u8 = 0xd3;

/// Whether an input may spend its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Number of the input, from 0.
    pub input: u32,
    /// What the rules have against it, if anything.
    pub failure: Option<Failure>,
}

impl Verdict {
    /// Its node, above the verdicts on the inputs before.
    fn node(&self, rest: Hash) -> Vec<u8> {
        let mut node = Vec::with_capacity(50);
        node.push(VERDICT);
        node.extend(rest.0);
        node.extend(self.input.to_be_bytes());
        if let Some(Failure { phase, at, error }) = self.failure {
            node.push(1);
            node.extend([error as u8, phase as u8]);
            if let Some(At { op, byte, opcode }) = at {
                node.extend(op.to_be_bytes());
                node.extend((byte as u32).to_be_bytes());
                node.push(opcode);
            }
        } else {
            node.push(0);
        }
        node
    }

    /// The last verdict of a list, and the list of those before it.
    fn open(hash: Hash, nodes: &dyn Nodes) -> Result<(Self, Hash), HostError> {
        let node = nodes.get(hash)?;
        let mut fields = Fields::of(hash, &node, VERDICT, "a verdict on an input")?;
        let bad = || fields_bad(hash, &node);
        let (rest, input) = (fields.hash()?, fields.u32()?);
        let failure = match fields.byte()? {
            0 => None,
            1 => {
                let (error, phase) = (fields.byte()?, fields.byte()?);
                let error = BitcoinError::all().nth(usize::from(error));
                let phase = Phase::ALL.get(usize::from(phase)).copied();
                let at = match node.len() - VERDICT_HEAD {
                    0 => None,
                    _ => Some(At {
                        op: fields.u32()?,
                        byte: fields.u32()? as usize,
                        opcode: fields.byte()?,
                    }),
                };
                Some(Failure {
                    phase: phase.ok_or_else(bad)?,
                    at,
                    error: error.ok_or_else(bad)?,
                })
            }
            _ => return Err(bad()),
        };
        fields.end()?;
        Ok((Self { input, failure }, rest))
    }
}

/// Bytes of a verdict that refuses, without the operation: kind, rest, input, mark, error, phase.
const VERDICT_HEAD: usize = 1 + 32 + 4 + 3;

fn fields_bad(hash: Hash, node: &[u8]) -> HostError {
    node::bad(hash, node, "a verdict on an input")
}

/// A list of verdicts, the last one first.
#[derive(Clone, Default)]
pub(super) struct Verdicts {
    list: Hash,
    /// Those that were given since the list was opened, with their names.
    fresh: Vec<(Hash, Vec<u8>)>,
    /// Where the others are, and their list.
    rest: Option<(Hash, Arc<dyn Nodes>)>,
}

impl Verdicts {
    pub(super) fn unread(list: Hash, nodes: &Arc<dyn Nodes>) -> Self {
        Self {
            list,
            fresh: Vec::new(),
            rest: Some((list, Arc::clone(nodes))),
        }
    }

    /// Name of the list; zero if it is empty.
    pub(super) fn list(&self) -> Hash {
        self.list
    }

    pub(super) fn push(&mut self, verdict: &Verdict) {
        let node = verdict.node(self.list);
        self.list = node::name(&node);
        self.fresh.push((self.list, node));
    }

    pub(super) fn save(&self, sink: &mut dyn Sink) -> Result<(), HostError> {
        if let Some((rest, nodes)) = &self.rest {
            let (mut missing, mut at) = (Vec::new(), *rest);
            while at != Hash::ZERO && !sink.has(at)? {
                missing.push(at);
                at = Verdict::open(at, &**nodes)?.1;
            }
            for name in missing.iter().rev() {
                sink.put(*name, &nodes.get(*name)?)?;
            }
        }
        for (name, node) in &self.fresh {
            if !sink.has(*name)? {
                sink.put(*name, node)?;
            }
        }
        Ok(())
    }
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every input was verified: a verdict on each, in order.
    Verified(Vec<Verdict>),
    /// The input of the log is no transaction with the outputs it spends.
    Malformed,
}

/// The receipt of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Number of the transaction in the log, from 0.
    pub transaction: u64,
    /// What became of it.
    pub outcome: Outcome,
}

impl Receipt {
    /// The receipt of this name.
    ///
    /// # Errors
    /// If a node is missing or another one.
    pub fn open(hash: Hash, nodes: &dyn Nodes) -> Result<Self, HostError> {
        let node = nodes.get(hash)?;
        let mut fields = Fields::of(hash, &node, RECEIPT, "the receipt of a transaction")?;
        let transaction = fields.u64()?;
        let verified = fields.byte()? == 0;
        let (inputs, _failed) = (fields.u32()?, fields.u32()?);
        let mut list = fields.hash()?;
        let bad = fields.bad();
        fields.end()?;
        if !verified {
            let outcome = Outcome::Malformed;
            return Ok(Self {
                transaction,
                outcome,
            });
        }
        let mut verdicts = Vec::new();
        while list != Hash::ZERO {
            let (verdict, rest) = Verdict::open(list, nodes)?;
            verdicts.push(verdict);
            list = rest;
        }
        if verdicts.len() != inputs as usize {
            return Err(bad);
        }
        verdicts.reverse();
        let outcome = Outcome::Verified(verdicts);
        Ok(Self {
            transaction,
            outcome,
        })
    }
}

/// A receipt that is being given.
pub(super) struct Given {
    node: Vec<u8>,
    verdicts: Verdicts,
}

impl Given {
    /// On a transaction whose inputs were verified, of which `failed` failed.
    pub(super) fn verified(transaction: u64, inputs: u32, failed: u32, verdicts: Verdicts) -> Self {
        let mut node = Vec::with_capacity(50);
        node.push(RECEIPT);
        node.extend(transaction.to_be_bytes());
        node.push(0);
        node.extend(inputs.to_be_bytes());
        node.extend(failed.to_be_bytes());
        node.extend(verdicts.list().0);
        Self { node, verdicts }
    }

    /// On an input of the log that is no transaction.
    pub(super) fn malformed(transaction: u64) -> Self {
        let mut given = Self::verified(transaction, 0, 0, Verdicts::default());
        given.node[9] = 1;
        given
    }

    pub(super) fn name(&self) -> Hash {
        node::name(&self.node)
    }
}

impl Save for Given {
    fn save(&self, sink: &mut dyn Sink) -> Result<(), HostError> {
        self.verdicts.save(sink)?;
        node::put(sink, &self.node).map(drop)
    }
}

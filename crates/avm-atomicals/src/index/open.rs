//! The block that is being worked off, and its nodes.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Bytes, Hash, HostError, Nodes, Sink};

use super::block::{self, BlockParts, PlacedTx, TxParts};
use super::params::Params;
use crate::script::digest::Sha256Stream;
use crate::script::node::{self, Fields};
use crate::script::resume::open_running;
use crate::script::running::Running;
use crate::script::table::Table;

/// Kind of a node with a block in work.
const WORK: u8 = 0xd2;
/// Kind of a node with a transaction above those after it.
const TX: u8 = 0xd3;

/// Transactions of a block are fewer: each takes 60 bytes.
const TXS_MAX: u32 = 1 << 17;

/// A block in work.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) header: [u8; 80],
    pub(crate) hash: [u8; 32],
    pub(crate) height: u32,
    txs: Txs,
    /// The transaction that is settled next.
    pub(crate) position: u32,
    /// Transactions of the block.
    pub(crate) total: u32,
    /// What goes into T: block, T before it, transactions with an operation that had its effect.
    pub(crate) valid: Sha256Stream,
    /// Contracts that were changed: their ids, and nothing else.
    pub(crate) changed: Table,
    /// Operations that had their effect.
    pub(crate) operations: u32,
    /// Operations that had none.
    pub(crate) refused: u32,
    /// The call of the present transaction.
    pub(crate) call: Option<Box<Running>>,
    /// Whether the call was there when the block was opened: then asking it how much memory it takes
    /// would read nodes that a step does not need.
    pub(crate) call_was_open: bool,
}

/// The transactions of a block.
#[derive(Clone)]
enum Txs {
    /// In memory: the block, where they are, and the list from each on once it was asked for.
    Here(Bytes, Arc<[PlacedTx]>, Option<Arc<[Hash]>>),
    /// The list from the next one on.
    Unread(Hash, Arc<dyn Nodes>),
}

/// A transaction of a block in work.
pub(crate) struct WorkTx {
    bytes: Bytes,
    at: core::ops::Range<usize>,
    txid: Option<[u8; 32]>,
}

impl WorkTx {
    /// Its parts.
    pub(crate) fn parts(&self) -> Result<TxParts<'_>, HostError> {
        let bytes = &self.bytes[self.at.clone()];
        TxParts::read(bytes).map_err(|_| node::bad(Hash::ZERO, bytes, "a transaction of a block"))
    }

    /// Its id, from its parts if it is not known.
    pub(crate) fn txid(&self, parts: &TxParts<'_>) -> [u8; 32] {
        self.txid.unwrap_or_else(|| parts.txid())
    }
}

/// The node of a transaction, and of one above those after it.
fn list_node(tx: Hash, rest: Hash) -> [u8; 65] {
    let mut node = [TX; 65];
    node[1..33].copy_from_slice(&rest.0);
    node[33..].copy_from_slice(&tx.0);
    node
}

impl Work {
    /// Takes a block; `before` is T of the block before it.
    pub(crate) fn new(
        height: u32,
        raw: Bytes,
        parts: BlockParts,
        before: Option<[u8; 32]>,
    ) -> Self {
        let mut valid = Sha256Stream::new();
        valid.update(&parts.hash);
        if let Some(before) = before {
            valid.update(&before);
        }
        Self {
            header: parts.header,
            hash: parts.hash,
            height,
            position: 0,
            total: parts.txs.len() as u32,
            txs: Txs::Here(raw, parts.txs.into(), None),
            valid,
            changed: Table::default(),
            operations: 0,
            refused: 0,
            call: None,
            call_was_open: false,
        }
    }

    /// The next transaction, if there is one.
    pub(crate) fn next(&self) -> Result<Option<WorkTx>, HostError> {
        if self.position >= self.total {
            return Ok(None);
        }
        Ok(Some(match &self.txs {
            Txs::Here(raw, placed, _) => {
                let tx = &placed[self.position as usize];
                WorkTx {
                    bytes: Arc::clone(raw),
                    at: tx.range.start as usize..tx.range.end as usize,
                    txid: Some(tx.txid),
                }
            }
            Txs::Unread(list, nodes) => {
                let (tx, _) = read_list(*list, &**nodes)?;
                let bytes = node::read_blob(tx, &**nodes)?;
                WorkTx {
                    at: 0..bytes.len(),
                    bytes,
                    txid: None,
                }
            }
        }))
    }

    /// The block in memory from the next transaction on, for a quick look at many.
    pub(crate) fn ahead(&self) -> Option<(&Bytes, &[PlacedTx])> {
        match &self.txs {
            Txs::Here(raw, placed, _) => Some((raw, &placed[self.position as usize..])),
            Txs::Unread(..) => None,
        }
    }

    /// The next transaction is settled.
    pub(crate) fn advance(&mut self) -> Result<(), HostError> {
        if let Txs::Unread(list, nodes) = &mut self.txs {
            *list = read_list(*list, &**nodes)?.1;
        }
        self.position += 1;
        Ok(())
    }

    /// The list of the transactions from the next one on.
    fn list(&mut self) -> Hash {
        match &mut self.txs {
            Txs::Unread(list, _) => *list,
            Txs::Here(raw, placed, lists) => {
                let lists = lists.get_or_insert_with(|| {
                    let mut lists = alloc::vec![Hash::ZERO; placed.len() + 1];
                    for (at, tx) in placed.iter().enumerate().rev() {
                        let blob = node::name(&node::blob(tx.raw(raw)));
                        lists[at] = node::name(&list_node(blob, lists[at + 1]));
                    }
                    lists.into()
                });
                lists[self.position as usize]
            }
        }
    }

    /// Its node.
    pub(crate) fn node(&mut self) -> Vec<u8> {
        let (list, changed) = (self.list(), self.changed.root());
        let call = self.call.as_mut().map(|call| node::name(&call.node()));
        let valid = self.valid.save();
        let mut node = Vec::with_capacity(420);
        node.push(WORK);
        node.extend(self.header);
        for number in [
            self.height,
            self.position,
            self.total,
            self.operations,
            self.refused,
        ] {
            node.extend(number.to_be_bytes());
        }
        node.extend(list.0);
        node.extend(changed.0);
        node.extend(call.unwrap_or(Hash::ZERO).0);
        node.extend(valid);
        node
    }

    /// Puts it and all below it into a sink.
    pub(crate) fn save(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        let node = self.node();
        let name = node::name(&node);
        if sink.has(name)? {
            return Ok(name);
        }
        self.changed.save(sink)?;
        if let Some(call) = &mut self.call {
            call.save(sink)?;
        }
        self.save_list(sink)?;
        sink.put(name, &node)?;
        Ok(name)
    }

    /// Puts the list into a sink, the last transaction first.
    fn save_list(&mut self, sink: &mut dyn Sink) -> Result<(), HostError> {
        let first = self.list();
        match &self.txs {
            Txs::Here(raw, placed, lists) => {
                let lists = lists.as_ref().expect("the list was just asked for");
                let from = self.position as usize;
                let mut until = from;
                while until < placed.len() && !sink.has(lists[until])? {
                    until += 1;
                }
                for at in (from..until).rev() {
                    let blob = node::put(sink, &node::blob(placed[at].raw(raw)))?;
                    sink.put(lists[at], &list_node(blob, lists[at + 1]))?;
                }
            }
            Txs::Unread(_, nodes) => {
                let mut missing = Vec::new();
                let mut at = first;
                while at != Hash::ZERO && !sink.has(at)? {
                    let (tx, rest) = read_list(at, &**nodes)?;
                    missing.push((at, tx));
                    at = rest;
                }
                for (at, tx) in missing.into_iter().rev() {
                    if !sink.has(tx)? {
                        sink.put(tx, &nodes.get(tx)?)?;
                    }
                    sink.put(at, &nodes.get(at)?)?;
                }
            }
        }
        Ok(())
    }

    /// The block of this name.
    pub(crate) fn open(
        params: &Params,
        hash: Hash,
        nodes: &Arc<dyn Nodes>,
    ) -> Result<Self, HostError> {
        let bytes = nodes.get(hash)?;
        let mut fields = Fields::of(hash, &bytes, WORK, "a block in work")?;
        let bad = fields.bad();
        let header: [u8; 80] = *fields.take(80)?.first_chunk().expect("as many as taken");
        let (height, position, total) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let (operations, refused) = (fields.u32()?, fields.u32()?);
        let (list, changed, call) = (fields.hash()?, fields.hash()?, fields.hash()?);
        let valid = Sha256Stream::open(fields.rest()?).map_err(|_| bad)?;
        let bad = || node::bad(hash, &bytes, "a block in work");
        let coherent = total < TXS_MAX
            && position <= total
            && (position == total) == (list == Hash::ZERO)
            && operations <= position + 1
            && refused <= position + 1
            && (call == Hash::ZERO || position < total);
        if !coherent {
            return Err(bad());
        }
        Ok(Self {
            header,
            hash: block::header_hash(&header),
            height,
            txs: Txs::Unread(list, Arc::clone(nodes)),
            position,
            total,
            valid,
            changed: Table::open(changed, Arc::clone(nodes)),
            operations,
            refused,
            call_was_open: call != Hash::ZERO,
            call: match call {
                Hash::ZERO => None,
                call => Some(Box::new(open_running(params.rules, call, nodes)?)),
            },
        })
    }
}

/// A transaction and the list after it.
fn read_list(list: Hash, nodes: &dyn Nodes) -> Result<(Hash, Hash), HostError> {
    let bytes = nodes.get(list)?;
    let mut fields = Fields::of(list, &bytes, TX, "a transaction above those after it")?;
    let (rest, tx) = (fields.hash()?, fields.hash()?);
    fields.end()?;
    Ok((tx, rest))
}

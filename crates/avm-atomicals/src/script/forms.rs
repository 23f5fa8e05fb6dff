//! The nodes of a contract and of a running call. `docs/machines/atomicals.md` has the forms.

use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Hash, HostError, Nodes, Sink};

use super::call::{Context, ContractId, Effects, Opened, Part};
use super::closing::{Closing, StateSum, TABLES};
use super::digest::Sha256Stream;
use super::node::{self, Fields};
use super::running::Contract;
use super::table::Table;
use super::text::{Names, Text};
use super::txview::TxView;

/// Kind of a node with a contract.
const CONTRACT: u8 = 0xc4;
/// Kind of a node with what a call brings.
const CONTEXT: u8 = 0xc5;
/// Kind of a node with what a call has done.
const EFFECTS: u8 = 0xc6;
/// Kind of a node with the end of a call.
const CLOSING: u8 = 0xc7;

/// Longest cursor of a closing call, in bytes: a key of a table.
const CURSOR_MAX: usize = avm_merkle::map::KEY_MAX;

/// Appends what a script is known by.
pub(crate) fn put_names(node: &mut Vec<u8>, names: Names) {
    node.extend(names.len.to_be_bytes());
    node.extend(names.blob.0);
    node.extend(names.list.0);
}

/// Reads [`put_names`].
pub(crate) fn names(fields: &mut Fields<'_>) -> Result<Names, HostError> {
    Ok(Names {
        len: fields.u32()?,
        blob: fields.hash()?,
        list: fields.hash()?,
    })
}

/// What the state of a contract is known by. Half of the range is kept free, as in maps, so that no
/// sum overflows.
fn sum(fields: &mut Fields<'_>) -> Result<StateSum, HostError> {
    let digest = fields.hash()?;
    let bytes = bytes(fields)?;
    Ok(StateSum { digest, bytes })
}

/// A number of bytes.
fn bytes(fields: &mut Fields<'_>) -> Result<u64, HostError> {
    let bytes = fields.u64()?;
    if bytes >> 63 == 0 {
        Ok(bytes)
    } else {
        Err(fields.bad())
    }
}

fn table(fields: &mut Fields<'_>, nodes: &Arc<dyn Nodes>) -> Result<Table, HostError> {
    Ok(Table::open(fields.hash()?, Arc::clone(nodes)))
}

impl Contract {
    /// The node of the contract.
    pub(crate) fn node(&self) -> Vec<u8> {
        let mut node = Vec::with_capacity(310);
        node.push(CONTRACT);
        node.extend(self.id);
        put_names(&mut node, self.code.names());
        node.extend(self.chain.0);
        node.extend(self.state.root().0);
        node.extend(self.sum.digest.0);
        node.extend(self.sum.bytes.to_be_bytes());
        node.extend(self.ft.root().0);
        node.extend(self.nft.root().0);
        node
    }

    /// Puts the contract and all below it into a sink.
    pub(crate) fn save(&self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        let node = self.node();
        let name = node::name(&node);
        if !sink.has(name)? {
            self.code.save(sink)?;
            for table in [&self.state, &self.ft, &self.nft] {
                table.save(sink)?;
            }
            sink.put(name, &node)?;
        }
        Ok(name)
    }
}

/// The node of a contract, and the names in it.
pub(crate) struct ContractNode {
    pub(crate) id: ContractId,
    pub(crate) code: Names,
    pub(crate) chain: Hash,
    pub(crate) sum: StateSum,
    /// State, units, tokens.
    pub(crate) tables: [Hash; 3],
}

impl ContractNode {
    /// Reads the node of this name.
    pub(crate) fn read(hash: Hash, node: &[u8]) -> Result<Self, HostError> {
        let mut fields = Fields::of(hash, node, CONTRACT, "a contract")?;
        let (id, code, chain) = (fields.id()?, names(&mut fields)?, fields.hash()?);
        let (state, sum) = (fields.hash()?, sum(&mut fields)?);
        let tables = [state, fields.hash()?, fields.hash()?];
        fields.end()?;
        Ok(Self {
            id,
            code,
            chain,
            sum,
            tables,
        })
    }
}

impl Opened for Contract {
    fn open(hash: Hash, nodes: &Arc<dyn Nodes>) -> Result<Self, HostError> {
        let node = ContractNode::read(hash, &nodes.get(hash)?)?;
        let [state, ft, nft] = node.tables.map(|root| Table::open(root, Arc::clone(nodes)));
        Ok(Self {
            id: node.id,
            code: Text::Unread(node.code, Arc::clone(nodes)),
            chain: node.chain,
            state,
            sum: node.sum,
            ft,
            nft,
        })
    }
}

impl Context {
    /// The node of what the call brings to the contract with this node, and what it rests on.
    pub(crate) fn node(&self) -> Result<(Vec<u8>, [Table; 2]), HostError> {
        let (inputs, outputs) = self.tx.tables()?;
        let mut node = Vec::with_capacity(384);
        node.push(CONTEXT);
        node.extend(self.contract);
        put_names(&mut node, self.lock.names());
        node.extend(self.previous.0);
        node.extend(self.sum.digest.0);
        node.extend(self.sum.bytes.to_be_bytes());
        put_names(&mut node, self.unlock.names());
        node.extend(self.tx.version().to_be_bytes());
        node.extend(self.tx.lock_time().to_be_bytes());
        node.extend(inputs.root().0);
        node.extend(outputs.root().0);
        node.extend(self.ft_incoming.root().0);
        node.extend(self.nft_incoming.root().0);
        node.extend(self.headers.root().0);
        node.extend(self.height.to_be_bytes());
        node.extend_from_slice(&self.auth_key);
        Ok((node, [inputs, outputs]))
    }

    pub(crate) fn save(&self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        let (node, tx) = self.node()?;
        let name = node::name(&node);
        if !sink.has(name)? {
            self.lock.save(sink)?;
            self.unlock.save(sink)?;
            for table in tx
                .iter()
                .chain([&self.ft_incoming, &self.nft_incoming, &self.headers])
            {
                table.save(sink)?;
            }
            sink.put(name, &node)?;
        }
        Ok(name)
    }
}

impl Opened for Context {
    fn open(hash: Hash, nodes: &Arc<dyn Nodes>) -> Result<Self, HostError> {
        let node = nodes.get(hash)?;
        let mut fields = Fields::of(hash, &node, CONTEXT, "what a call brings")?;
        let text = |names| Text::Unread(names, Arc::clone(nodes));
        let contract = fields.id()?;
        let lock = text(names(&mut fields)?);
        let previous = fields.hash()?;
        let sum = sum(&mut fields)?;
        let unlock = text(names(&mut fields)?);
        let tx = TxView::Opened {
            version: fields.u32()? as i32,
            lock_time: fields.u32()?,
            inputs: table(&mut fields, nodes)?,
            outputs: table(&mut fields, nodes)?,
        };
        Ok(Self {
            contract,
            previous,
            sum,
            unlock,
            lock,
            tx,
            ft_incoming: table(&mut fields, nodes)?,
            nft_incoming: table(&mut fields, nodes)?,
            headers: table(&mut fields, nodes)?,
            height: fields.u32()?,
            auth_key: fields.rest()?.into(),
        })
    }
}

impl Effects {
    fn tables(&self) -> [&Table; TABLES] {
        [
            &self.state,
            &self.updates,
            &self.deletes,
            &self.ft,
            &self.ft_updates,
            &self.nft,
            &self.nft_updates,
            &self.ft_withdraws,
            &self.nft_withdraws,
            &self.ft_adds,
            &self.nft_puts,
        ]
    }

    /// The node of what the call has done.
    pub(crate) fn node(&self) -> Vec<u8> {
        let mut node = Vec::with_capacity(1 + 32 * TABLES);
        node.push(EFFECTS);
        for table in self.tables() {
            node.extend(table.root().0);
        }
        node
    }

    /// Puts what the call has done and all below it into a sink.
    pub(crate) fn save(&self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        let node = self.node();
        let name = node::name(&node);
        if !sink.has(name)? {
            for table in self.tables() {
                table.save(sink)?;
            }
            sink.put(name, &node)?;
        }
        Ok(name)
    }
}

impl Opened for Effects {
    fn open(hash: Hash, nodes: &Arc<dyn Nodes>) -> Result<Self, HostError> {
        let node = nodes.get(hash)?;
        let mut fields = Fields::of(hash, &node, EFFECTS, "what a call has done")?;
        let mut next = || table(&mut fields, nodes);
        let effects = Self {
            state: next()?,
            updates: next()?,
            deletes: next()?,
            ft: next()?,
            ft_updates: next()?,
            nft: next()?,
            nft_updates: next()?,
            ft_withdraws: next()?,
            nft_withdraws: next()?,
            ft_adds: next()?,
            nft_puts: next()?,
        };
        fields.end()?;
        Ok(effects)
    }
}

impl Part<Context> {
    /// The name of what the call brings.
    pub(crate) fn name(&self) -> Result<Hash, HostError> {
        match self {
            Self::Here(context) => Ok(node::name(&context.node()?.0)),
            Self::Unread(hash, _) => Ok(*hash),
        }
    }
}

impl Part<Effects> {
    /// The name of what the call has done.
    pub(crate) fn name(&self) -> Hash {
        match self {
            Self::Here(effects) => node::name(&effects.node()),
            Self::Unread(hash, _) => *hash,
        }
    }
}

impl Closing {
    /// The node of the end of a call.
    pub(crate) fn node(&self) -> Vec<u8> {
        let mut node = Vec::with_capacity(560);
        node.push(CLOSING);
        node.push(self.done);
        for digest in &self.digests {
            node.extend(digest.0);
        }
        node.extend(self.bytes.to_be_bytes());
        node.extend(self.state_bytes.to_be_bytes());
        let hasher = self.hasher.save();
        node.push(hasher.len() as u8);
        node.extend(hasher);
        if let Some(cursor) = &self.cursor {
            node.push(1);
            node.extend_from_slice(cursor);
        }
        node
    }
}

impl Opened for Closing {
    fn open(hash: Hash, nodes: &Arc<dyn Nodes>) -> Result<Self, HostError> {
        let node = nodes.get(hash)?;
        let mut fields = Fields::of(hash, &node, CLOSING, "the end of a call")?;
        let done = fields.byte()?;
        let mut digests = [Hash::ZERO; TABLES];
        for digest in &mut digests {
            *digest = fields.hash()?;
        }
        let (bytes, state_bytes) = (bytes(&mut fields)?, bytes(&mut fields)?);
        let len = usize::from(fields.byte()?);
        let hasher = Sha256Stream::open(fields.take(len)?).map_err(|_| fields.bad())?;
        let bad = fields.bad();
        let cursor = match fields.rest()?.split_first() {
            None => None,
            Some((1, cursor)) if cursor.len() <= CURSOR_MAX => Some(cursor.to_vec()),
            Some(_) => return Err(bad),
        };
        if usize::from(done) > TABLES {
            return Err(bad);
        }
        Ok(Self {
            digests,
            done,
            cursor,
            hasher,
            bytes,
            state_bytes,
        })
    }
}

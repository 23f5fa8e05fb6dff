//! Typed access to the rows of a state, and what of it is in memory.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;

use avm_core::{Bytes, Hash, HostError, Nodes, Sink};
use avm_merkle::map::MapError;

use super::AtomicalId;
use super::cache::Cache;
use super::overlay::Entry;
use super::request::NameKind;
use super::rows::{
    self, BlockRow, ContractRow, Item, Outpoint, Place, Tokens, expiry_key, family, holder_key,
    name_prefix, output_key,
};
use super::window::Window;
use crate::script::call::Opened;
use crate::script::node;
use crate::script::running::Contract;
use crate::script::table::{self, Table};
use crate::script::text::Text;

/// All that an indexer knows.
#[derive(Clone)]
pub(crate) struct Ledger {
    /// The rows; those of contracts in memory may be behind until [`Ledger::root`].
    rows: Table,
    /// Contracts and protocols in memory.
    contracts: BTreeMap<AtomicalId, Contract>,
    /// Contracts that changed since their row was written.
    changed: BTreeSet<AtomicalId>,
    /// Transactions of blocks of the window in memory, by height.
    windows: BTreeMap<u32, Window>,
    /// Where the rest is.
    nodes: Option<Arc<dyn Nodes>>,
    cache: Option<Arc<Cache>>,
    /// Whether the cache has every output of this state.
    covered: bool,
}

/// Nothing can be too long for a row: what goes there has limits of its own.
pub(crate) fn written<T>(result: Result<T, MapError>) -> Result<T, HostError> {
    result.map_err(|error| match error {
        MapError::Host(error) => error,
        other => HostError::Store(Box::new(other)),
    })
}

impl Ledger {
    pub(crate) fn new(cache: Option<Arc<Cache>>) -> Self {
        Self {
            rows: Table::default(),
            contracts: BTreeMap::new(),
            changed: BTreeSet::new(),
            windows: BTreeMap::new(),
            nodes: None,
            cache,
            covered: true,
        }
    }

    /// The rows of this root; `covered` if the cache has every output in them.
    pub(crate) fn open(
        root: Hash,
        nodes: Arc<dyn Nodes>,
        cache: Option<Arc<Cache>>,
        covered: bool,
    ) -> Self {
        Self {
            rows: Table::open(root, Arc::clone(&nodes)),
            nodes: Some(nodes),
            covered,
            ..Self::new(cache)
        }
    }

    /// The cache, if it has every output of this state.
    pub(crate) fn covering(&self) -> Option<&Cache> {
        self.cache.as_deref().filter(|_| self.covered)
    }

    /// Puts every output into the cache; how many there were.
    pub(crate) fn warm(&mut self) -> Result<u64, HostError> {
        let Some(cache) = self.cache.clone().filter(|_| !self.covered) else {
            return Ok(0);
        };
        let mut outputs = 0;
        for outpoint in self.outputs()? {
            cache.add(&outpoint?);
            outputs += 1;
        }
        self.covered = true;
        Ok(outputs)
    }

    /// The rows as they are, without changes of contracts that were not written yet.
    pub(crate) fn rows(&self) -> &Table {
        &self.rows
    }

    /// Whether an output may carry tokens; `false` is certain.
    #[inline]
    pub(crate) fn may_have(&self, outpoint: &Outpoint) -> bool {
        self.covering().is_none_or(|cache| cache.may_have(outpoint))
    }

    /// The tokens on an output.
    pub(crate) fn tokens(&self, outpoint: &Outpoint) -> Result<Option<Tokens>, HostError> {
        if !self.may_have(outpoint) {
            return Ok(None);
        }
        let value = self.rows.get(&output_key(outpoint))?;
        value.map(|value| Tokens::from_bytes(value)).transpose()
    }

    /// Takes the tokens off an output.
    pub(crate) fn take_tokens(
        &mut self,
        outpoint: &Outpoint,
        tokens: &Tokens,
    ) -> Result<(), HostError> {
        self.rows.remove(&output_key(outpoint))?;
        self.rows
            .remove(&holder_key(&tokens.script_hash, outpoint))?;
        Ok(())
    }

    /// Puts tokens on an output that has none.
    pub(crate) fn put_tokens(
        &mut self,
        outpoint: &Outpoint,
        tokens: &Tokens,
    ) -> Result<(), HostError> {
        if let Some(cache) = &self.cache {
            cache.add(outpoint);
        }
        written(
            self.rows
                .insert(&output_key(outpoint), tokens.to_bytes().into()),
        )?;
        let key = holder_key(&tokens.script_hash, outpoint);
        written(self.rows.insert(&key, Bytes::default()))?;
        Ok(())
    }

    /// What was minted under an id.
    pub(crate) fn item(&self, id: &AtomicalId) -> Result<Option<Item>, HostError> {
        let value = self.rows.get(&rows::key(family::ITEM, id))?;
        value.map(|value| Item::from_bytes(value)).transpose()
    }

    pub(crate) fn put_item(&mut self, id: &AtomicalId, item: &Item) -> Result<(), HostError> {
        let key = rows::key(family::ITEM, id);
        written(self.rows.insert(&key, item.to_bytes().into())).map(drop)
    }

    /// The candidate for a name that committed first, if there is one.
    pub(crate) fn name(
        &self,
        kind: NameKind,
        name: &str,
    ) -> Result<Option<(Place, AtomicalId)>, HostError> {
        let prefix = name_prefix(kind, name);
        let found = self.rows.after(Some(&prefix))?;
        let Some((key, value)) = found.filter(|(key, _)| key.starts_with(&prefix)) else {
            return Ok(None);
        };
        let bad = || HostError::BadNode {
            hash: Hash::ZERO,
            len: value.len(),
            want: "a candidate for a name",
        };
        let place = key[prefix.len()..].try_into().map_err(|_| bad())?;
        let id = (**value).try_into().map_err(|_| bad())?;
        Ok(Some((Place::from_bytes(place), id)))
    }

    pub(crate) fn put_name(
        &mut self,
        kind: NameKind,
        name: &str,
        commit: Place,
        id: &AtomicalId,
    ) -> Result<(), HostError> {
        let key = rows::name_key(kind, name, commit);
        written(self.rows.insert(&key, id[..].into())).map(drop)
    }

    /// The row of a contract.
    pub(crate) fn contract_row(&self, id: &AtomicalId) -> Result<Option<ContractRow>, HostError> {
        let value = self.rows.get(&rows::key(family::CONTRACT, id))?;
        value
            .map(|value| ContractRow::from_bytes(value))
            .transpose()
    }

    /// A contract whose row is there, or a protocol.
    fn read(&mut self, id: &AtomicalId, node: Hash) -> Result<&Contract, HostError> {
        if !self.contracts.contains_key(id) {
            let nodes = self.nodes.as_ref();
            let nodes = nodes.ok_or(HostError::MissingNode { hash: node })?;
            let mut contract = Contract::open(node, nodes)?;
            if let Some(cache) = &self.cache {
                contract.code = cache.code(&contract.code)?;
            }
            self.contracts.insert(*id, contract);
        }
        Ok(&self.contracts[id])
    }

    /// A contract as its last call left it.
    pub(crate) fn contract(&mut self, id: &AtomicalId) -> Result<Option<&Contract>, HostError> {
        match self.contract_row(id)? {
            None => Ok(None),
            Some(row) => self.read(id, row.node).map(Some),
        }
    }

    /// What a call left of a contract, and its row but for the name of the node.
    pub(crate) fn put_contract(
        &mut self,
        row: &ContractRow,
        contract: Contract,
    ) -> Result<(), HostError> {
        let id = contract.id;
        self.contracts.insert(id, contract);
        self.changed.insert(id);
        let key = rows::key(family::CONTRACT, &id);
        written(self.rows.insert(&key, row.to_bytes().into())).map(drop)
    }

    /// The code of a protocol.
    pub(crate) fn code(&mut self, id: &AtomicalId) -> Result<Option<Text>, HostError> {
        let value = self.rows.get(&rows::key(family::PROTOCOL, id))?;
        let Some(value) = value else { return Ok(None) };
        let node = protocol_node(value)?;
        Ok(Some(self.read(id, node)?.code.clone()))
    }

    pub(crate) fn put_protocol(&mut self, id: &AtomicalId, code: Bytes) -> Result<(), HostError> {
        let protocol = Contract::new(*id, code);
        let node = node::name(&protocol.node());
        // Its row has the name of its node from the beginning, so it is not among those that changed.
        self.contracts.insert(*id, protocol);
        let key = rows::key(family::PROTOCOL, id);
        written(self.rows.insert(&key, node.0[..].into())).map(drop)
    }

    /// A virtual output.
    pub(crate) fn entry(&self, outpoint: &Outpoint) -> Result<Option<Entry>, HostError> {
        let value = self.rows.get(&rows::key(family::VIRTUAL, outpoint))?;
        value.map(|value| Entry::from_bytes(value)).transpose()
    }

    /// Virtual outputs there are.
    pub(crate) fn entries(&self) -> Result<u32, HostError> {
        let value = self.rows.get(&[family::VIRTUAL_COUNT])?;
        Ok(value.map_or(0, |value| table::number(value)))
    }

    fn put_entries(&mut self, entries: u32) -> Result<(), HostError> {
        let key = [family::VIRTUAL_COUNT];
        match entries {
            0 => self.rows.remove(&key).map(drop),
            _ => written(self.rows.insert(&key, entries.to_be_bytes()[..].into())).map(drop),
        }
    }

    /// Puts a virtual output that is not there.
    pub(crate) fn put_entry(
        &mut self,
        outpoint: &Outpoint,
        entry: &Entry,
    ) -> Result<(), HostError> {
        let key = rows::key(family::VIRTUAL, outpoint);
        written(self.rows.insert(&key, entry.to_bytes().into()))?;
        let key = expiry_key(entry.expiry, outpoint);
        written(self.rows.insert(&key, Bytes::default()))?;
        let entries = self.entries()?;
        self.put_entries(entries.saturating_add(1))
    }

    /// Takes away a virtual output that is there.
    pub(crate) fn take_entry(
        &mut self,
        outpoint: &Outpoint,
        entry: &Entry,
    ) -> Result<(), HostError> {
        self.rows.remove(&rows::key(family::VIRTUAL, outpoint))?;
        self.rows.remove(&expiry_key(entry.expiry, outpoint))?;
        let entries = self.entries()?;
        self.put_entries(entries.saturating_sub(1))
    }

    /// The virtual output that expires first.
    pub(crate) fn first_to_expire(&self) -> Result<Option<(Outpoint, Entry)>, HostError> {
        let Some((key, _)) = self.rows.after(Some(&[family::VIRTUAL_EXPIRY]))? else {
            return Ok(None);
        };
        if key.first() != Some(&family::VIRTUAL_EXPIRY) {
            return Ok(None);
        }
        let bad = || HostError::BadNode {
            hash: Hash::ZERO,
            len: key.len(),
            want: "the expiry of a virtual output",
        };
        let outpoint = key.get(5..).and_then(|rest| rest.try_into().ok());
        let outpoint: Outpoint = outpoint.ok_or_else(bad)?;
        let entry = self.entry(&outpoint)?.ok_or_else(bad)?;
        Ok(Some((outpoint, entry)))
    }

    /// Begins a block: its transactions are known from here on, those of a block before the window
    /// are forgotten.
    pub(crate) fn begin_block(
        &mut self,
        height: u32,
        header: &[u8; 80],
        txs: Window,
        window: u32,
    ) -> Result<(), HostError> {
        let row = BlockRow {
            header: *header,
            txs: txs.name(),
        };
        self.windows.insert(height, txs);
        let key = rows::key(family::BLOCK, &height.to_be_bytes());
        written(self.rows.insert(&key, row.to_bytes().into()))?;
        if let Some(old) = height.checked_sub(window) {
            self.windows.remove(&old);
            self.rows
                .remove(&rows::key(family::BLOCK, &old.to_be_bytes()))?;
        }
        Ok(())
    }

    /// A block of the window.
    pub(crate) fn block(&self, height: u32) -> Result<Option<BlockRow>, HostError> {
        let key = rows::key(family::BLOCK, &height.to_be_bytes());
        let value = self.rows.get(&key)?;
        value.map(|value| BlockRow::from_bytes(value)).transpose()
    }

    /// Where a transaction is, if it is in the block of `height` or one of the `depth` before it.
    pub(crate) fn place(
        &mut self,
        txid: &[u8; 32],
        height: u32,
        depth: u32,
    ) -> Result<Option<Place>, HostError> {
        for height in (height.saturating_sub(depth)..=height).rev() {
            if !self.windows.contains_key(&height) {
                let Some(row) = self.block(height)? else {
                    return Ok(None);
                };
                let nodes = self.nodes.as_ref();
                let nodes = nodes.ok_or(HostError::MissingNode { hash: row.txs })?;
                let txs = Window::open(row.txs, Arc::clone(nodes));
                self.windows.insert(height, txs);
            }
            if let Some(position) = self.windows[&height].get(txid)? {
                return Ok(Some(Place { height, position }));
            }
        }
        Ok(None)
    }

    /// Name of all rows, those of changed contracts brought up to date.
    pub(crate) fn root(&mut self) -> Hash {
        for id in core::mem::take(&mut self.changed) {
            let row = self.contract_row(&id);
            let row = row.expect("the path to a row that was just written is in memory");
            let Some(mut row) = row else { continue };
            row.node = node::name(&self.contracts[&id].node());
            let key = rows::key(family::CONTRACT, &id);
            let written = self.rows.insert(&key, row.to_bytes().into());
            written.expect("the path to a row that was just written is in memory");
        }
        self.rows.root()
    }

    /// Puts the rows and all that they name into a sink.
    pub(crate) fn save(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        self.root();
        let (contracts, windows, nodes) = (&self.contracts, &self.windows, &self.nodes);
        let nodes = |hash| nodes.as_ref().ok_or(HostError::MissingNode { hash });
        self.rows.save_with(sink, &mut |key, value, sink| {
            let Some((family, name)) = key.split_first() else {
                return Ok(());
            };
            match *family {
                family::CONTRACT | family::PROTOCOL => {
                    let node = match *family {
                        family::CONTRACT => ContractRow::from_bytes(value)?.node,
                        _ => protocol_node(value)?,
                    };
                    if sink.has(node)? {
                        return Ok(());
                    }
                    let here = <&AtomicalId>::try_from(name).ok();
                    match here.and_then(|id| contracts.get(id)) {
                        Some(contract) => contract.save(sink)?,
                        None => Contract::open(node, nodes(node)?)?.save(sink)?,
                    };
                }
                family::BLOCK => {
                    let txs = BlockRow::from_bytes(value)?.txs;
                    if sink.has(txs)? {
                        return Ok(());
                    }
                    let height = name.try_into().map_or(u32::MAX, u32::from_be_bytes);
                    match windows.get(&height) {
                        Some(here) => here.save(sink)?,
                        None => Window::open(txs, Arc::clone(nodes(txs)?)).save(sink)?,
                    };
                }
                _ => {}
            }
            Ok(())
        })
    }

    /// Every output with tokens, in order.
    fn outputs(&self) -> Result<impl Iterator<Item = Result<Outpoint, HostError>> + '_, HostError> {
        let prefix = [family::OUTPUT];
        let entries = self.rows.iter_after(Some(&prefix))?;
        let mine = entries.map_while(move |entry| match entry {
            Ok((key, _)) => Some(Ok(key.strip_prefix(&prefix)?.try_into().ok()?)),
            Err(error) => Some(Err(error)),
        });
        Ok(mine)
    }
}

fn protocol_node(value: &[u8]) -> Result<Hash, HostError> {
    let node = value.try_into().map_err(|_| HostError::BadNode {
        hash: Hash::ZERO,
        len: value.len(),
        want: "the name of a protocol's node",
    })?;
    Ok(Hash(node))
}

//! The transactions of one block, looked up by their ids: which of them are commits nobody knows
//! before the reveal.
//!
//! Ids are random, so [`BUCKETS`] buckets by their first bits are about equally long. A block of
//! 3,000 transactions has 64 buckets of 1.7 kB and a node above them, which costs an index far less
//! to hash and to keep than an entry of a map for each, and a look-up reads one bucket.
//!
//! ```text
//! top      d4, name of each bucket, zero for an empty one
//! bucket   d5, entries by ascending id: id(32), position(4)
//! ```

use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Hash, HostError, Nodes, Sink};
use spin::Once;

use super::block::PlacedTx;
use crate::script::node::{self, Fields};

/// Buckets of a block.
pub const BUCKETS: usize = 64;
/// Kind of a node above buckets.
const TOP: u8 = 0xd4;
/// Kind of a node with a bucket.
const BUCKET: u8 = 0xd5;
/// Bytes of an entry.
const ENTRY: usize = 36;

/// An id and the position of its transaction.
type Entry = ([u8; 32], u32);

/// The transactions of a block by their ids.
#[derive(Clone)]
pub(crate) enum Window {
    /// In memory, in order, and its nodes once they were asked for.
    Here(Arc<[Entry]>, Arc<Once<Named>>),
    /// Known by its name.
    Unread(Hash, Arc<dyn Nodes>),
}

/// The name of a window, and those of its buckets.
pub(crate) struct Named {
    top: Hash,
    buckets: [Hash; BUCKETS],
}

/// The bucket of an id.
fn bucket_of(id: &[u8; 32]) -> usize {
    usize::from(id[0]) * BUCKETS / 256
}

/// The node above buckets.
fn top_node(buckets: &[Hash; BUCKETS]) -> Vec<u8> {
    let mut node = Vec::with_capacity(1 + 32 * BUCKETS);
    node.push(TOP);
    buckets.iter().for_each(|name| node.extend(name.0));
    node
}

fn bucket_node(entries: &[Entry]) -> Vec<u8> {
    let mut node = Vec::with_capacity(1 + ENTRY * entries.len());
    node.push(BUCKET);
    for (id, position) in entries {
        node.extend(id);
        node.extend(position.to_be_bytes());
    }
    node
}

/// Names of the buckets in the node above them.
pub(crate) fn read_top(hash: Hash, node: &[u8]) -> Result<[Hash; BUCKETS], HostError> {
    let mut fields = Fields::of(hash, node, TOP, "the transactions of a block")?;
    let mut buckets = [Hash::ZERO; BUCKETS];
    for bucket in &mut buckets {
        *bucket = fields.hash()?;
    }
    fields.end()?;
    Ok(buckets)
}

/// Whether a node is a bucket.
pub(crate) fn check_bucket(hash: Hash, node: &[u8]) -> Result<(), HostError> {
    let entries = Fields::of(hash, node, BUCKET, "a bucket of transactions")?.rest()?;
    match entries.len() % ENTRY {
        0 if !entries.is_empty() => Ok(()),
        _ => Err(node::bad(hash, node, "a bucket of transactions")),
    }
}

impl Window {
    /// The transactions of a block. If an id is there twice, which no chain has, the first counts.
    pub(crate) fn new(placed: &[PlacedTx]) -> Self {
        let entries = placed.iter().enumerate();
        let mut entries: Vec<Entry> = entries.map(|(at, tx)| (tx.txid, at as u32)).collect();
        entries.sort_unstable();
        Self::Here(entries.into(), Arc::default())
    }

    pub(crate) fn open(name: Hash, nodes: Arc<dyn Nodes>) -> Self {
        Self::Unread(name, nodes)
    }

    /// Entries of a bucket, if they are in memory.
    fn bucket(entries: &[Entry], bucket: usize) -> &[Entry] {
        let from = entries.partition_point(|(id, _)| bucket_of(id) < bucket);
        let len = entries[from..].partition_point(|(id, _)| bucket_of(id) == bucket);
        &entries[from..from + len]
    }

    fn named<'a>(entries: &[Entry], named: &'a Once<Named>) -> &'a Named {
        named.call_once(|| {
            let mut buckets = [Hash::ZERO; BUCKETS];
            for (at, name) in buckets.iter_mut().enumerate() {
                let entries = Self::bucket(entries, at);
                if !entries.is_empty() {
                    *name = node::name(&bucket_node(entries));
                }
            }
            let top = node::name(&top_node(&buckets));
            Named { top, buckets }
        })
    }

    /// Its name.
    pub(crate) fn name(&self) -> Hash {
        match self {
            Self::Here(entries, named) => Self::named(entries, named).top,
            Self::Unread(name, _) => *name,
        }
    }

    /// Position of a transaction.
    pub(crate) fn get(&self, id: &[u8; 32]) -> Result<Option<u32>, HostError> {
        match self {
            Self::Here(entries, _) => {
                let at = entries.partition_point(|(other, _)| other < id);
                let found = entries.get(at).filter(|(other, _)| other == id);
                Ok(found.map(|(_, position)| *position))
            }
            Self::Unread(name, nodes) => {
                let bucket = read_top(*name, &nodes.get(*name)?)?[bucket_of(id)];
                if bucket == Hash::ZERO {
                    return Ok(None);
                }
                let node = nodes.get(bucket)?;
                check_bucket(bucket, &node)?;
                let mut entries = node[1..].chunks_exact(ENTRY);
                let found = entries.find(|entry| entry.starts_with(id));
                Ok(found.map(|entry| crate::script::table::number(&entry[32..])))
            }
        }
    }

    /// Puts its nodes into a sink.
    pub(crate) fn save(&self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        let name = self.name();
        if sink.has(name)? {
            return Ok(name);
        }
        match self {
            Self::Here(entries, named) => {
                let buckets = &Self::named(entries, named).buckets;
                for (at, bucket) in buckets.iter().enumerate() {
                    if *bucket != Hash::ZERO && !sink.has(*bucket)? {
                        sink.put(*bucket, &bucket_node(Self::bucket(entries, at)))?;
                    }
                }
                sink.put(name, &top_node(buckets))?;
            }
            Self::Unread(_, nodes) => {
                let top = nodes.get(name)?;
                for bucket in read_top(name, &top)? {
                    if bucket != Hash::ZERO && !sink.has(bucket)? {
                        sink.put(bucket, &nodes.get(bucket)?)?;
                    }
                }
                sink.put(name, &top)?;
            }
        }
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use avm_core::MemoryNodes;

    use super::*;
    use crate::script::digest::sha256;

    #[test]
    fn in_memory_and_opened_windows_agree() {
        for len in [1u32, 2, 63, 700] {
            let placed: Vec<PlacedTx> = (0..len)
                .map(|at| PlacedTx {
                    range: 0..0,
                    txid: sha256(&at.to_be_bytes()),
                })
                .collect();
            let window = Window::new(&placed);
            let mut nodes = MemoryNodes::default();
            let name = window.save(&mut nodes).expect("memory takes all");
            let opened = Window::open(name, Arc::new(nodes));
            assert_eq!(opened.name(), window.name());
            for at in 0..len + 50 {
                let id = sha256(&at.to_be_bytes());
                let want = (at < len).then_some(at);
                assert_eq!(window.get(&id).expect("in memory"), want);
                assert_eq!(opened.get(&id).expect("all nodes are there"), want);
            }
            let mut copy = MemoryNodes::default();
            assert_eq!(opened.save(&mut copy).expect("copies"), name);
            assert_eq!(copy.len(), opened_len(&opened));
        }
    }

    fn opened_len(window: &Window) -> usize {
        let Window::Unread(name, nodes) = window else {
            unreachable!("it was opened")
        };
        let top = read_top(*name, &nodes.get(*name).expect("there")).expect("a top");
        let full: alloc::collections::BTreeSet<Hash> =
            top.into_iter().filter(|name| *name != Hash::ZERO).collect();
        1 + full.len()
    }
}

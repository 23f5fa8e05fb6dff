//! The map against a model, its nodes against loss and forgery, its proofs against change.

use std::collections::BTreeMap;
use std::sync::Arc;

use avm_core::{Bytes, Hash, MemoryNodes, Nodes};
use avm_merkle::map::{Map, NodeHash};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

mod deep;
mod differences;
mod forged;
mod format;
mod model;
mod nodes;
mod proofs;

/// Names nodes as the Bitcoin Script machine does.
enum Sha {}

impl NodeHash for Sha {
    fn hash(node: &[u8]) -> Hash {
        Hash(Sha256::digest(node).into())
    }
}

type Model = BTreeMap<Vec<u8>, Bytes>;

fn bytes(value: &[u8]) -> Bytes {
    value.into()
}

/// The map with the entries of a model.
fn map_of(model: &Model) -> Map<Sha> {
    let mut map = Map::default();
    for (key, value) in model {
        assert!(!map.insert(key, value.clone()).expect("a short entry"));
    }
    map
}

/// The nodes of a map.
fn stored(map: &Map<Sha>) -> MemoryNodes {
    let mut nodes = MemoryNodes::default();
    assert_eq!(map.save(&mut nodes).expect("in memory"), map.root());
    nodes
}

/// The map opened from nodes of its own.
fn opened(map: &Map<Sha>) -> Map<Sha> {
    open(map.root(), Arc::new(stored(map)))
}

fn open(root: Hash, nodes: Arc<dyn Nodes>) -> Map<Sha> {
    Map::open(root, nodes)
}

/// Keys that share much: prefixes of each other, parting at any bit, some longer than what is
/// kept in place.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let tail = || prop::collection::vec(prop::sample::select(vec![0, 1, 0x80, 0xff]), 0..4);
    prop_oneof![
        4 => tail(),
        1 => tail().prop_map(|tail| [&[1; 21][..], &tail].concat()),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ]
}

/// Values on both sides of what fits in a leaf.
fn value() -> impl Strategy<Value = Bytes> {
    let len = prop_oneof![3 => 0usize..3, 1 => 62usize..67, 1 => Just(200)];
    (len, any::<u8>()).prop_map(|(len, byte)| vec![byte; len].into())
}

fn model() -> impl Strategy<Value = Model> {
    prop::collection::btree_map(key(), value(), 0..24)
}

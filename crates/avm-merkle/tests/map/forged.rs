//! What a map makes of a store that lies, and of a state that nobody came to by running.

use std::sync::Arc;

use avm_core::{Bytes, Hash, HostError, MemoryNodes, Sink};
use avm_merkle::map::{Map, MapError, NodeHash};

use super::nodes::{children, operations};
use super::{Model, Sha, bytes, map_of, open, stored};

/// Thirteen entries with all that nodes can have: long keys and values, prefixes, empty ones.
fn sample() -> Model {
    let keys = [
        &b""[..],
        b"a",
        b"ab",
        b"abc",
        b"b",
        b"\0",
        b"\xff\xff",
        &[1; 30],
    ];
    let keys = keys
        .into_iter()
        .chain([&b"k1"[..], b"k2", b"k3", b"k4", b"zz"])
        .enumerate();
    let value = |index: usize| vec![index as u8; [0, 3, 64, 65, 100][index % 5]];
    keys.map(|(index, key)| (key.to_vec(), value(index).into()))
        .collect()
}

/// Everything that can be read, written and changed; must not panic.
fn exercise(map: &Map<Sha>) -> Result<Vec<(Vec<u8>, Bytes)>, HostError> {
    let probes: Vec<Vec<u8>> = sample()
        .into_keys()
        .step_by(3)
        .chain([b"abcd".to_vec(), vec![9; 50]])
        .collect();
    let new = bytes(&[5; 80]);
    for probe in &probes {
        for (_, act) in operations(probe, &new, 3) {
            let _ = act(&mut map.clone());
        }
    }
    let mut changed = map.clone();
    for probe in &probes {
        let _ = changed.remove(probe);
        let _ = changed.insert(&[&probe[..], b"?"].concat(), new.clone());
    }
    let _ = changed.save(&mut MemoryNodes::default());
    let owned = |entry: Result<(&[u8], &Bytes), HostError>| {
        entry.map(|(key, value)| (key.to_vec(), value.clone()))
    };
    map.iter().map(owned).collect()
}

/// The store with a node changed, and the names of all above it mended; the new root.
fn forged(root: Hash, nodes: &MemoryNodes, hash: Hash, node: &[u8]) -> (Hash, MemoryNodes) {
    let (mut old, mut new, mut node) = (hash, Sha::hash(node), node.to_vec());
    let mut forged = nodes.clone();
    loop {
        forged.put(new, &node).unwrap();
        let above = nodes.iter().find(|(_, node)| children(node).contains(&old));
        let Some((above, content)) = above else {
            break;
        };
        let at = content.windows(32).position(|part| part == old.0).unwrap();
        node = content.to_vec();
        node[at..at + 32].copy_from_slice(&new.0);
        (old, new) = (above, Sha::hash(&node));
    }
    assert_eq!(old, root);
    (new, forged)
}

#[test]
fn no_change_of_a_byte_goes_unseen() {
    let map = map_of(&sample());
    let (root, nodes) = (map.root(), stored(&map));
    let whole: Vec<_> = sample().into_iter().collect();
    let (mut refused, mut other) = (0, 0);
    for (hash, node) in nodes.iter() {
        for at in 0..node.len() {
            let flip = 1 << (at % 8);
            let mut changed = node.to_vec();
            changed[at] ^= flip;

            // Under the old name: a store that does not check what it gives out.
            let mut lying = nodes.clone();
            lying.put(hash, &changed).unwrap();
            let _ = exercise(&open(root, Arc::new(lying)));

            // Under a new one: a state that nobody came to by running.
            let (root, nodes) = forged(root, &nodes, hash, &changed);
            let place = format!("byte {at} ^ {flip} of {node:02x?}");
            match exercise(&open(root, Arc::new(nodes))) {
                Err(HostError::MissingNode { .. } | HostError::BadNode { .. }) => refused += 1,
                Err(error) => panic!("{place}: {error}"),
                Ok(entries) => {
                    // Bytes of keys and values make another map; a later bit that tells the
                    // sides apart as well reads the same and is refused by name alone.
                    let part_of_entry = node[0] != 0xb0;
                    let bit = node[0] == 0xb0 && (1..5).contains(&at);
                    assert!(part_of_entry || bit, "{place}: {entries:?}");
                    assert_eq!(entries == whole, bit, "{place}");
                    other += 1;
                }
            }
        }
    }
    assert!(
        refused > 500 && other > 100,
        "{refused} refused, {other} other maps"
    );
}

#[test]
fn no_cut_or_longer_node_is_read() {
    let map = map_of(&sample());
    for (hash, node) in stored(&map).iter() {
        let cuts = (0..node.len()).map(|len| node[..len].to_vec());
        for changed in cuts.chain([[&node[..], &[0]].concat()]) {
            let (root, nodes) = forged(map.root(), &stored(&map), hash, &changed);
            let found = exercise(&open(root, Arc::new(nodes)));
            assert!(
                matches!(found, Err(HostError::BadNode { .. })),
                "{found:?} of {changed:02x?}"
            );
        }
    }
}

#[test]
fn forged_nodes_are_refused_with_the_reason() {
    let leaf = |key: &[u8]| [&[0xb1, 0, key.len() as u8], key, &[0, 0, 0, 0]].concat();
    let branch = |bit: u32, sides: [(&[u8], u64, u64); 2]| {
        let side = |(node, entries, bytes): (&[u8], u64, u64)| {
            [
                &Sha::hash(node).0[..],
                &entries.to_be_bytes(),
                &bytes.to_be_bytes(),
            ]
            .concat()
        };
        [
            &[0xb0][..],
            &bit.to_be_bytes(),
            &side(sides[0]),
            &side(sides[1]),
        ]
        .concat()
    };
    let (a, b, c) = (leaf(b"a"), leaf(b"b"), leaf(b"c"));
    // 'a' 61, 'b' 62, 'c' 63: b and c part at bit 8 of the symbol, a and b at bit 7.
    let bc = branch(8, [(&b, 1, 1), (&c, 1, 1)]);
    let root = |bit, ea, ba, ebc, bbc| branch(bit, [(&a, ea, ba), (&bc, ebc, bbc)]);
    let twice_b = |bit| branch(bit, [(&b, 1, 1), (&bc, 2, 2)]);
    let cases = [
        ("true", root(7, 1, 1, 2, 2), None),
        ("entries of a leaf", root(7, 2, 1, 2, 2), Some("sums that")),
        ("bytes of a leaf", root(7, 1, 2, 2, 2), Some("sums that")),
        (
            "entries of a branch",
            root(7, 1, 1, 1, 2),
            Some("sums that"),
        ),
        ("bytes of a branch", root(7, 1, 1, 2, 3), Some("sums that")),
        (
            "no entry",
            root(7, 1, 1, 0, 2),
            Some("an entry on each side"),
        ),
        (
            "entries overflow",
            root(7, u64::MAX, 1, 2, 2),
            Some("sums below"),
        ),
        (
            "bytes overflow",
            root(7, 1, u64::MAX, 2, u64::MAX),
            Some("sums below"),
        ),
        (
            "too many",
            root(7, 1 << 62, 1, 1 << 62, 2),
            Some("sums below"),
        ),
        ("the bit below", twice_b(8), Some("a later bit")),
        (
            "a later bit than below",
            root(9, 1, 1, 2, 2),
            Some("a later bit"),
        ),
        (
            "a bit of no key",
            root(9 * 12_288, 1, 1, 2, 2),
            Some("of the longest key"),
        ),
        (
            "wrong sides",
            branch(8, [(&c, 1, 1), (&b, 1, 1)]),
            Some("side of its key"),
        ),
        ("not a node", vec![0xb2, 1], Some("a branch or a leaf")),
        ("nothing", vec![], Some("a branch or a leaf")),
        (
            "a key of 12,289 bytes",
            [&[0xb1, 0x30, 1][..], &[7; 12_293]].concat(),
            Some("12,288"),
        ),
        (
            "a value of 2^24 + 1 bytes",
            [&[0xb1, 0, 0, 1, 0, 0, 1][..], &[7; 32]].concat(),
            Some("16 MiB"),
        ),
    ];
    for (name, root, reason) in cases {
        let mut nodes = MemoryNodes::default();
        for node in [&a, &b, &c, &bc, &root] {
            nodes.put(Sha::hash(node), node).unwrap();
        }
        let map = open(Sha::hash(&root), Arc::new(nodes));
        let all = exercise(&map);
        let saved = map.save(&mut MemoryNodes::default());
        match reason {
            None => assert_eq!(
                (all.unwrap().len(), saved.unwrap()),
                (3, map.root()),
                "{name}"
            ),
            Some(reason) => {
                let error = all.expect_err(name).to_string();
                assert!(error.contains(reason), "{name}: {error}");
                assert!(saved.is_err(), "{name}");
            }
        }
    }
}

#[test]
fn a_leaf_that_does_not_belong_is_refused_when_a_key_parts_there() {
    // 'q' under the branch of bit 7 ('a' | 'b', 'c') parts from all of them at bit 4.
    let mut map = map_of(
        &[b"a", b"b", b"c"]
            .map(|key| (key.to_vec(), bytes(b"")))
            .into(),
    );
    let nodes = stored(&map);
    let (hash, leaf) = nodes.iter().find(|(_, node)| node[3..4] == *b"b").unwrap();
    let mut changed = leaf.to_vec();
    changed[3] = b'`'; // its last bit is still that of 'b', the one before is that of 'a'
    let (root, nodes) = forged(map.root(), &nodes, hash, &changed);
    map = open(root, Arc::new(nodes));
    let found = map.insert(b"b", bytes(b"new"));
    assert!(
        matches!(found, Err(MapError::Host(HostError::BadNode { .. }))),
        "{found:?}"
    );
}

#[test]
fn bytes_of_a_program_are_no_node() {
    // The value is the node of a map with other entries; its own node says that it is a value.
    let inner = map_of(&sample());
    let nodes = stored(&inner);
    let (_, branch) = nodes
        .iter()
        .find(|(name, _)| *name == inner.root())
        .unwrap();
    let mut map = Map::<Sha>::default();
    map.insert(b"trap", branch.clone()).unwrap();
    assert!(!stored(&map).has(inner.root()).unwrap());
}

//! Any sequence of operations gives what a `BTreeMap` gives, and the root of the definition.

use avm_core::{Bytes, Hash};
use avm_merkle::map::{KEY_MAX, Map, MapError, NodeHash, VALUE_MAX};
use proptest::prelude::*;

use super::{Model, Sha, bytes, key, map_of, model, opened, value};

/// Bit of a key, nine a byte: a one before each byte, zeros for ever after the last.
fn bit(key: &[u8], at: usize) -> bool {
    key.get(at / 9)
        .is_some_and(|&byte| (0x100 | u32::from(byte)) >> (8 - at % 9) & 1 == 1)
}

/// Root over sorted entries, from the description of the format.
fn root_of(entries: &[(&Vec<u8>, &Bytes)]) -> Hash {
    match entries {
        [] => Hash::ZERO,
        [(key, value)] => {
            let mut node = vec![0xb1];
            node.extend((key.len() as u16).to_be_bytes());
            node.extend_from_slice(key);
            node.extend((value.len() as u32).to_be_bytes());
            match value.len() {
                ..=64 => node.extend_from_slice(value),
                _ => node.extend(Sha::hash(&[&[0xb2], &value[..]].concat()).0),
            }
            Sha::hash(&node)
        }
        [first, .., last] => {
            let at = (0..).find(|&at| bit(first.0, at) != bit(last.0, at));
            let at = at.expect("keys differ");
            let (zeros, ones) = entries.split_at(entries.partition_point(|(key, _)| !bit(key, at)));
            let mut node = vec![0xb0];
            node.extend((at as u32).to_be_bytes());
            for side in [zeros, ones] {
                node.extend(root_of(side).0);
                node.extend((side.len() as u64).to_be_bytes());
                let sizes = side.iter().map(|(key, value)| key.len() + value.len());
                node.extend((sizes.sum::<usize>() as u64).to_be_bytes());
            }
            Sha::hash(&node)
        }
    }
}

/// Branches on the path of a key.
fn levels_of(entries: &[(&Vec<u8>, &Bytes)], key: &[u8]) -> u32 {
    let [first, .., last] = entries else {
        return 0;
    };
    let at = (0..).find(|&at| bit(first.0, at) != bit(last.0, at));
    let at = at.expect("keys differ");
    let (zeros, ones) = entries.split_at(entries.partition_point(|(key, _)| !bit(key, at)));
    1 + levels_of(if bit(key, at) { ones } else { zeros }, key)
}

/// Everything that can be asked of a map.
fn check(map: &Map<Sha>, model: &Model, probes: &[Vec<u8>]) {
    let entries: Vec<_> = model.iter().collect();
    assert_eq!(map.root(), root_of(&entries));
    assert_eq!(map.is_empty(), model.is_empty());
    assert_eq!(map.len().unwrap(), model.len() as u64);
    let size: usize = entries
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    assert_eq!(map.bytes().unwrap(), size as u64);

    let all: Vec<_> = map.iter().map(Result::unwrap).collect();
    let want: Vec<_> = entries
        .iter()
        .map(|(key, value)| (&key[..], *value))
        .collect();
    assert_eq!(all, want);
    for (index, entry) in want.iter().enumerate() {
        assert_eq!(map.nth(index as u64).unwrap().as_ref(), Some(entry));
    }
    for index in [model.len() as u64, u64::MAX] {
        assert_eq!(map.nth(index).unwrap(), None);
    }
    assert_eq!(map.after(None).unwrap(), want.first().copied());

    for key in probes.iter().chain(model.keys()) {
        let value = model.get(key);
        assert_eq!(map.get(key).unwrap(), value);
        assert_eq!(map.look(key).unwrap().value().unwrap(), value);
        assert_eq!(map.contains(key).unwrap(), value.is_some());
        let len = value.map(|value| value.len() as u32);
        assert_eq!(map.look(key).unwrap().value_len(), len);
        let next = want.iter().find(|(other, _)| *other > &key[..]);
        assert_eq!(map.after(Some(key)).unwrap().as_ref(), next);
        assert_eq!(map.levels(key).unwrap(), levels_of(&entries, key));
    }
}

/// What can be done to one of a few maps.
#[derive(Clone, Debug)]
enum Act {
    Insert(Vec<u8>, Bytes),
    Remove(Vec<u8>),
    /// Removes the n-th entry, so that something is removed.
    RemoveNth(u64),
    Apply(Vec<(Vec<u8>, Option<Bytes>)>),
    Root,
    Reopen,
    /// Makes this map a clone of another.
    CloneOf(usize),
}

const MAPS: usize = 3;

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (key(), value()).prop_map(|(key, value)| Act::Insert(key, value)),
        2 => key().prop_map(Act::Remove),
        2 => any::<u64>().prop_map(Act::RemoveNth),
        1 => prop::collection::vec((key(), prop::option::of(value())), 0..6).prop_map(Act::Apply),
        1 => Just(Act::Root),
        1 => Just(Act::Reopen),
        1 => (0..MAPS).prop_map(Act::CloneOf),
    ]
}

proptest! {
    #[test]
    fn any_life_of_a_map(
        acts in prop::collection::vec((0..MAPS, act()), 0..60),
        probes in prop::collection::vec(key(), 5),
    ) {
        let mut maps: [(Map<Sha>, Model); MAPS] = Default::default();
        for (which, act) in acts {
            if let Act::CloneOf(other) = act {
                maps[which] = maps[other].clone();
                continue;
            }
            let (map, model) = &mut maps[which];
            match act {
                Act::Insert(key, value) => {
                    let was = map.insert(&key, value.clone()).unwrap();
                    prop_assert_eq!(was, model.insert(key, value).is_some());
                }
                Act::Remove(key) => {
                    prop_assert_eq!(map.remove(&key).unwrap(), model.remove(&key).is_some());
                }
                Act::RemoveNth(index) => {
                    let entry = map.nth(index % map.len().unwrap().max(1)).unwrap();
                    if let Some(key) = entry.map(|(key, _)| key.to_vec()) {
                        prop_assert!(map.remove(&key).unwrap());
                        model.remove(&key);
                    }
                }
                Act::Apply(changes) => {
                    map.apply(changes.clone()).unwrap();
                    for (key, value) in changes {
                        match value {
                            Some(value) => model.insert(key, value),
                            None => model.remove(&key),
                        };
                    }
                }
                Act::Root => drop(map.root()),
                Act::Reopen => *map = opened(map),
                Act::CloneOf(_) => unreachable!("done above"),
            }
            let entries: Vec<_> = model.iter().collect();
            prop_assert_eq!(map.len().unwrap(), entries.len() as u64);
        }
        for (map, model) in &maps {
            check(map, model, &probes);
            check(&opened(map), model, &probes);
        }
    }

    #[test]
    fn the_order_of_changes_does_not_matter(
        model in model(),
        seeds in prop::collection::vec(any::<u32>(), 24),
        gone in prop::collection::btree_map(key(), value(), 0..8),
    ) {
        let want = map_of(&model).root();
        let mut order: Vec<_> = model.iter().zip(seeds).collect();
        order.sort_by_key(|(_, seed)| *seed);
        let mut map = Map::<Sha>::default();
        map.apply(gone.iter().map(|(key, value)| (key, Some(value.clone())))).unwrap();
        for ((key, value), _) in order {
            map.insert(key, value.clone()).unwrap();
        }
        map.apply(gone.keys().filter(|key| !model.contains_key(*key)).map(|key| (key, None)))
            .unwrap();
        prop_assert_eq!(map.root(), want);
    }
}

#[test]
fn few_entries() {
    let cases: [&[(&[u8], &[u8])]; 6] = [
        &[],
        &[(b"", b"")],
        &[(b"a", b"")],
        &[(b"", b"x"), (b"\0", b"")],
        &[(b"a", b"1"), (b"a\0", b"2"), (b"a\0\0", b"3"), (b"b", b"4")],
        &[(b"\x7f", &[7; 64]), (b"\x80", &[8; 65])],
    ];
    for entries in cases {
        let entries = entries.iter();
        let model: Model = entries
            .map(|(key, value)| (key.to_vec(), bytes(value)))
            .collect();
        let probes = [&b""[..], b"\0", b"a", b"a\0\0\0", b"\xff"].map(<[u8]>::to_vec);
        check(&map_of(&model), &model, &probes);
        check(&opened(&map_of(&model)), &model, &probes);
    }
}

#[test]
fn many_entries() {
    let key = |n: u64| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40).to_be_bytes()[5..].to_vec();
    let (mut map, mut model) = (Map::<Sha>::default(), Model::default());
    for n in 0..2_000u64 {
        let value = bytes(&n.to_be_bytes());
        assert_eq!(
            map.insert(&key(n), value.clone()).unwrap(),
            model.contains_key(&key(n))
        );
        model.insert(key(n), value);
    }
    let whole = (map.clone(), model.clone());
    let mut map = opened(&map);
    for n in (0..2_000).filter(|n| n % 3 > 0) {
        assert_eq!(
            map.remove(&key(n)).unwrap(),
            model.remove(&key(n)).is_some()
        );
    }
    check(&map, &model, &[]);
    check(&whole.0, &whole.1, &[]);
    for key in model.keys() {
        assert!(map.remove(key).unwrap());
    }
    assert_eq!((map.root(), map.is_empty()), (Hash::ZERO, true));
}

#[test]
fn lengths_have_limits() {
    let mut map = Map::<Sha>::default();
    let long = vec![7; KEY_MAX + 1];
    let found = map.insert(&long, bytes(b""));
    assert!(
        matches!(found, Err(MapError::Key { len }) if len == KEY_MAX + 1),
        "{found:?}"
    );
    let found = map.insert(b"", vec![0; VALUE_MAX + 1].into());
    assert!(
        matches!(found, Err(MapError::Value { len }) if len == VALUE_MAX + 1),
        "{found:?}"
    );
    assert!(map.is_empty());

    map.insert(&long[1..], vec![0; VALUE_MAX].into()).unwrap();
    map.insert(&long[2..], bytes(b"")).unwrap();
    let map = opened(&map);
    assert_eq!(
        map.look(&long[1..]).unwrap().value_len(),
        Some(VALUE_MAX as u32)
    );
    assert_eq!(map.levels(&long).unwrap(), 1);
    // A longer key is nowhere, and may be asked for.
    assert_eq!(map.get(&long).unwrap(), None);
    assert_eq!(map.after(Some(&long)).unwrap(), None);
    assert!(!map.clone().remove(&long).unwrap());
}

#[test]
fn maps_may_be_read_by_many_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let model: Model = (0..200u32)
        .map(|n| (n.to_be_bytes().to_vec(), bytes(&[9; 70])))
        .collect();
    let map = opened(&map_of(&model));
    shared(&map);
    let mut changed = map.clone();
    changed.remove(&7u32.to_be_bytes()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                assert_eq!(map.iter().map(Result::unwrap).count(), model.len());
                changed.root()
            });
        }
    });
    check(&map, &model, &[]);
}

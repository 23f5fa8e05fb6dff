//! What differs between two maps: against a model, and what finding it reads.

use std::collections::BTreeSet;
use std::sync::Arc;

use avm_core::{Bytes, Hash, HostError, MemoryNodes};
use avm_merkle::map::Map;
use avm_testkit::watch::RecordingNodes;
use proptest::prelude::*;

use super::{Model, Sha, bytes, key, map_of, model, open, opened, stored, value};

/// A key, and both values.
type Found = (Vec<u8>, [Option<Bytes>; 2]);

fn found(a: &Map<Sha>, b: &Map<Sha>, prefix: &[u8]) -> Result<Vec<Found>, HostError> {
    let all = a.differences_under(b, prefix).map(|found| {
        let found = found?;
        Ok((
            found.key.to_vec(),
            found.sides.map(Option::<&Bytes>::cloned),
        ))
    });
    all.collect()
}

fn want(a: &Model, b: &Model, prefix: &[u8]) -> Vec<Found> {
    let keys: BTreeSet<&Vec<u8>> = a.keys().chain(b.keys()).collect();
    let keys = keys.into_iter().filter(|key| key.starts_with(prefix));
    keys.map(|key| (key.clone(), [a.get(key).cloned(), b.get(key).cloned()]))
        .filter(|(_, [a, b])| a != b)
        .collect()
}

/// A model with some changes.
fn changed(model: &Model, changes: &[(Vec<u8>, Option<Bytes>)], gone: &[usize]) -> Model {
    let mut changed = model.clone();
    for at in gone {
        if let Some(key) = model.keys().nth(*at) {
            changed.remove(key);
        }
    }
    for (key, value) in changes {
        match value {
            Some(value) => changed.insert(key.clone(), value.clone()),
            None => changed.remove(key),
        };
    }
    changed
}

/// Two models: without anything to do with each other, one empty, equal, or one the other with some
/// changes.
fn pair() -> impl Strategy<Value = (Model, Model)> {
    let changes = prop::collection::vec((key(), prop::option::of(value())), 0..6);
    let gone = prop::collection::vec(0usize..24, 0..6);
    prop_oneof![
        3 => (model(), model()),
        1 => model().prop_map(|model| (model, Model::new())),
        1 => model().prop_map(|model| (Model::new(), model)),
        1 => model().prop_map(|model| (model.clone(), model)),
        6 => (model(), changes, gone).prop_map(|(model, changes, gone)| {
            let changed = changed(&model, &changes, &gone);
            (model, changed)
        }),
    ]
}

proptest! {
    #[test]
    fn differences_are_those_of_the_model((a, b) in pair(), prefix in key()) {
        let (map_a, map_b) = (map_of(&a), map_of(&b));
        for prefix in [&[][..], &prefix, &prefix[..prefix.len() / 2]] {
            let want = want(&a, &b, prefix);
            prop_assert_eq!(&found(&map_a, &map_b, prefix).unwrap(), &want);
            prop_assert_eq!(&found(&opened(&map_a), &map_b, prefix).unwrap(), &want);
            prop_assert_eq!(&found(&map_a, &opened(&map_b), prefix).unwrap(), &want);
            prop_assert_eq!(&found(&opened(&map_a), &opened(&map_b), prefix).unwrap(), &want);
        }
        let all = map_a.differences(&map_b).count();
        prop_assert_eq!(all, want(&a, &b, &[]).len());
    }

    #[test]
    fn a_copy_with_changes_in_memory((a, b) in pair()) {
        let before = opened(&map_of(&a));
        let mut after = before.clone();
        for (key, [_, value]) in want(&a, &b, &[]) {
            after.apply([(key, value)]).unwrap();
        }
        prop_assert_eq!(found(&before, &after, &[]).unwrap(), want(&a, &b, &[]));
    }

    #[test]
    fn a_missing_node_is_an_error_once((a, b) in pair()) {
        let (map_a, map_b) = (map_of(&a), map_of(&b));
        let recorder = RecordingNodes::new(Arc::new(stored(&map_b)));
        found(&map_a, &open(map_b.root(), recorder.clone()), &[]).unwrap();
        for (missing, _) in recorder.read().iter() {
            let mut nodes = stored(&map_b);
            nodes.remove(missing);
            let lacking = open(map_b.root(), Arc::new(nodes));
            let all: Vec<_> = map_a.differences(&lacking).collect();
            prop_assert!(all.last().unwrap().is_err());
            prop_assert_eq!(all.iter().filter(|found| found.is_err()).count(), 1);
        }
    }
}

/// Keys that hash like those of an index do.
fn name(at: u32) -> Vec<u8> {
    Hash::keccak(&at.to_be_bytes()).0.to_vec()
}

/// Nodes that finding the differences of two maps of one store reads, of each.
fn read(a: &Map<Sha>, b: &Map<Sha>, want: usize) -> [usize; 2] {
    let mut store = stored(a);
    b.save(&mut store).unwrap();
    let store: Arc<MemoryNodes> = Arc::new(store);
    let recorders = [0, 1].map(|_| RecordingNodes::new(store.clone()));
    let [a, b] = [(a, 0), (b, 1)].map(|(map, at)| open(map.root(), recorders[at].clone()));
    assert_eq!(a.differences(&b).map(Result::unwrap).count(), want);
    recorders.map(|recorder| recorder.read().iter().count())
}

#[test]
fn few_changes_to_a_large_map_read_few_nodes() {
    const ENTRIES: u32 = 10_000;
    let mut map = Map::<Sha>::default();
    for at in 0..ENTRIES {
        map.insert(&name(at), bytes(b"value")).unwrap();
    }
    for changes in [0u32, 1, 2, 10, 100] {
        let mut other = map.clone();
        // Thirds of them: a value changes, an entry goes, one comes.
        let key_of = |change: u32| match change % 3 {
            2 => name(ENTRIES + change),
            _ => name(change * 97),
        };
        let mut paths = [0; 2];
        for change in 0..changes {
            let value = (change % 3 != 1).then(|| bytes(b"other"));
            other.apply([(key_of(change), value)]).unwrap();
        }
        for change in 0..changes {
            let key = key_of(change);
            paths[0] += map.levels(&key).unwrap() as usize + 1;
            paths[1] += other.levels(&key).unwrap() as usize + 1;
        }
        let read = read(&map, &other, changes as usize);
        println!("{changes} changes: {read:?} nodes read, paths of {paths:?}");
        // Paths have the nodes near the root in common; where an entry came or went, the first key
        // beside it may be read.
        assert!(
            read[0] <= paths[0] && read[1] <= paths[1],
            "{read:?} {paths:?}"
        );
        assert!(changes == 0 || read[0] > 10, "{read:?}");
    }
    // The same in a map that was changed everywhere: all of it, each node once.
    let all = (0..ENTRIES).map(|at| (name(at), Some(bytes(b"other"))));
    let mut other = map.clone();
    other.apply(all).unwrap();
    let nodes = 2 * ENTRIES as usize - 1;
    assert_eq!(read(&map, &other, ENTRIES as usize), [nodes; 2]);
}

#[test]
fn a_prefix_reads_its_part() {
    let mut map = Map::<Sha>::default();
    let mut other = Map::<Sha>::default();
    for at in 0..2_000u32 {
        map.insert(&name(at), bytes(b"value")).unwrap();
        other.insert(&name(at), bytes(b"other")).unwrap();
    }
    let recorder = RecordingNodes::new(Arc::new(stored(&map)));
    let map = open(map.root(), recorder.clone());
    let found = map.differences_under(&other, &name(7)[..1]).count();
    let nodes = recorder.read().iter().count();
    assert!((1..30).contains(&found), "{found}");
    assert!(nodes < 2 * found + 30, "{nodes} nodes for {found}");
}

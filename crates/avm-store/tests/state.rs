//! Nodes, outputs and checkpoints: the same checks on `redb` and in memory.

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use avm_core::{Claim, Hash, HostError, Nodes};
use avm_store::{
    Checkpoints, Identity, Log, LogHeader, MemoryCheckpoints, State, Store, StoreError,
};
use common::{Node, claim_at, identity, toy};
use proptest::prelude::*;

fn state(path: &Path) -> State {
    let id = LogHeader::for_export(identity(), b"").id;
    State::create(path, &identity(), id, Arc::new(Hash::keccak)).unwrap()
}

fn both(check: impl Fn(&dyn Checkpoints)) {
    let dir = tempfile::tempdir().unwrap();
    check(&state(&dir.path().join("state.redb")));
    check(&MemoryCheckpoints::default());
}

/// A claim that follows `before`, with so many more steps, inputs and outputs.
fn next(before: &Claim, steps: u64, inputs: u64, outputs: u64) -> Claim {
    let mut claim = *before;
    claim.steps += steps;
    (0..inputs).for_each(|_| claim.fold_input(b"input"));
    (0..outputs).for_each(|_| claim.fold_output(&Node(b"out".to_vec()).output()));
    claim.state = Hash::keccak(&claim.steps.to_be_bytes());
    claim
}

fn put(store: &dyn Checkpoints, before: &Claim, claim: &Claim) {
    let mut batch = store.begin().unwrap();
    for index in before.outputs..claim.outputs {
        batch.push(index, Node(b"out".to_vec()).output()).unwrap();
    }
    batch.put_claim(claim).unwrap();
    batch.commit().unwrap();
}

#[test]
fn nodes_are_kept_with_the_batch_or_not_at_all() {
    both(|store| {
        let node = b"a node".as_slice();
        let name = Hash::keccak(node);
        let mut batch = store.begin().unwrap();
        assert!(!batch.has(name).unwrap());
        batch.put(name, node).unwrap();
        assert!(batch.has(name).unwrap());
        let missing = store.get(name).unwrap_err();
        assert!(matches!(missing, HostError::MissingNode { hash } if hash == name));
        let second = store.begin().map(drop).unwrap_err();
        assert!(matches!(second, StoreError::BatchOpen { .. }), "{second}");
        assert!(store.remove_after(0).is_err());
        drop(batch);
        assert!(store.get(name).is_err(), "dropped");

        let mut batch = store.begin().unwrap();
        assert!(!batch.has(name).unwrap());
        batch.put(name, node).unwrap();
        batch.commit().unwrap();
        assert_eq!(*store.get(name).unwrap(), *node);
        assert!(store.begin().unwrap().has(name).unwrap());
    });
}

#[test]
fn a_node_under_a_wrong_name_is_not_given_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = state(&dir.path().join("state.redb"));
    let mut batch = store.begin().unwrap();
    batch.put(Hash::keccak(b"other"), b"node").unwrap();
    batch.commit().unwrap();
    let HostError::Store(error) = store.get(Hash::keccak(b"other")).unwrap_err() else {
        panic!("not the store's error");
    };
    let error = error.downcast_ref::<StoreError>().unwrap();
    assert!(
        matches!(error, StoreError::NodeDamaged { found, .. } if *found == Hash::keccak(b"node"))
    );
    assert!(error.is_damage());
}

#[test]
fn outputs_follow_each_other_and_go_with_their_claims() {
    both(|store| {
        let genesis = Claim::genesis(Hash::ZERO);
        let first = next(&genesis, 10, 1, 2);
        put(store, &genesis, &first);
        assert_eq!(store.output(1).unwrap().unwrap().1, Hash::keccak(b"out"));
        assert_eq!(store.output(2).unwrap(), None);
        assert_eq!(*store.get(Hash::keccak(b"out")).unwrap(), *b"out");

        let mut batch = store.begin().unwrap();
        let HostError::Store(error) = batch.push(3, Node(b"x".to_vec()).output()).unwrap_err()
        else {
            panic!("not the store's error");
        };
        let error = error.downcast_ref::<StoreError>().unwrap();
        assert!(
            matches!(
                error,
                StoreError::OutputOrder {
                    found: 3,
                    expected: 2,
                    ..
                }
            ),
            "{error}"
        );
        let error = batch.put_claim(&next(&first, 1, 0, 1)).unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::OutputOrder {
                    found: 3,
                    expected: 2,
                    ..
                }
            ),
            "{error}"
        );
        let mut other = first;
        other.outbox = Hash::ZERO;
        let error = batch.put_claim(&other).unwrap_err();
        assert!(
            matches!(error, StoreError::ClaimMismatch { what: "outbox", .. }),
            "{error}"
        );
        batch
            .push(2, Node(b"after the claim".to_vec()).output())
            .unwrap();
        batch.commit().unwrap();
        assert_eq!(store.output(2).unwrap(), None, "no claim stands after it");

        put(store, &first, &next(&first, 1, 1, 1));
        assert!(store.output(2).unwrap().is_some());
        assert_eq!(store.remove_after(1).unwrap(), 1);
        assert_eq!(store.output(2).unwrap(), None);
        assert!(store.output(1).unwrap().is_some());
        assert_eq!(store.remove_after(0).unwrap(), 1);
        assert_eq!(store.output(0).unwrap(), None);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_latest_claim_at_or_before(
        gaps in prop::collection::vec((1_u64..5, 0_u64..3, 0_u64..2), 1..8),
        removed in 0_u64..12,
    ) {
        both(|store| {
            let mut claims = vec![Claim::genesis(Hash::ZERO)];
            put(store, &claims[0], &claims[0]);
            for (steps, inputs, outputs) in &gaps {
                let last = *claims.last().unwrap();
                claims.push(next(&last, *steps, *inputs, *outputs));
                put(store, &last, claims.last().unwrap());
            }
            for after in [u64::MAX, removed] {
                let before = claims.len();
                claims.retain(|claim| claim.inputs <= after);
                assert_eq!(store.remove_after(after).unwrap(), (before - claims.len()) as u64);
                for at in (0..30).chain([u64::MAX]) {
                    let steps = claims.iter().rev().find(|claim| claim.steps <= at);
                    assert_eq!(store.at_step(at).unwrap().as_ref(), steps);
                    let inputs = claims.iter().rev().find(|claim| claim.inputs <= at);
                    assert_eq!(store.at_input(at).unwrap().as_ref(), inputs);
                }
                let outputs = claims.last().unwrap().outputs;
                assert!(store.output(outputs).unwrap().is_none());
                assert!(outputs == 0 || store.output(outputs - 1).unwrap().is_some());
            }
        });
    }
}

#[test]
fn a_database_of_something_else_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let id = LogHeader::for_export(identity(), b"").id;
    let open = |identity: &Identity, id| {
        State::open(&path, identity, id, Arc::new(Hash::keccak)).map(drop)
    };
    let held = state(&path);
    let error = open(&identity(), id).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    drop(held);
    open(&identity(), id).unwrap();
    let other = |machine: &str, spec: &str| Identity {
        machine: machine.into(),
        spec: spec.into(),
    };
    let other_id = LogHeader::for_export(identity(), b"other").id;
    let cases = [
        (other("arb", "toy/1"), id, "machine id"),
        (other("toy", "toy/9"), id, "spec id"),
        (identity(), other_id, "log id"),
    ];
    for (identity, id, want) in cases {
        let error = open(&identity, id).unwrap_err();
        assert!(
            matches!(error, StoreError::Identity { what, .. } if what == want),
            "{error}"
        );
        assert!(error.is_damage());
    }
    for bytes in [&b""[..], b"redb", b"AVMLOG\r\n and so on"] {
        fs::write(&path, bytes).unwrap();
        let error = open(&identity(), id).unwrap_err();
        assert!(matches!(error, StoreError::Magic { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "left as it is");
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = open(&identity(), id).unwrap_err();
    assert!(matches!(error, StoreError::NotAFile { .. }), "{error}");
}

#[test]
fn a_store_goes_on_from_the_checkpoint_that_fits_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("new/run");
    let store = Store::create(&dir, toy(), b"image").unwrap();
    let save = |store: &Store, inputs| {
        let mut batch = store.begin().unwrap();
        batch.put_claim(&claim_at(store, inputs)).unwrap();
        batch.commit().unwrap();
    };
    for i in 0..10_u8 {
        store.append(&[i]).unwrap();
    }
    let mut ahead = Claim::genesis(Hash::ZERO);
    ahead.fold_input(&[0]);
    let error = store.begin().unwrap().put_claim(&ahead).unwrap_err();
    assert!(
        matches!(error, StoreError::PastEnd { .. }),
        "not durable yet: {error}"
    );
    store.commit().unwrap();
    (0..=10).step_by(2).for_each(|inputs| save(&store, inputs));
    let error = store
        .begin()
        .unwrap()
        .put_claim(&Claim { inputs: 2, ..ahead })
        .unwrap_err();
    assert!(
        matches!(error, StoreError::ClaimMismatch { what: "inbox", .. }),
        "{error}"
    );

    let left = Store::truncate(&store, 7).unwrap();
    assert_eq!(left, Some(claim_at(&store, 6)));
    assert!(Store::truncate(&store, 8).is_err());
    store.check_image(b"image").unwrap();
    assert!(store.check_image(b"other").unwrap_err().is_damage());

    // A reorg of the log behind the store's back.
    save(&store, 7);
    store.log().truncate(5).unwrap();
    for i in 0..5_u8 {
        store.append(&[100 + i]).unwrap();
    }
    store.commit().unwrap();
    drop(store);
    let (store, recovery) = Store::open(&dir, toy()).unwrap();
    assert_eq!((recovery.cut_bytes, recovery.removed_checkpoints), (0, 2));
    assert_eq!(recovery.checkpoint, Some(claim_at(&store, 4)));
    let locked = Store::open(&dir, toy()).map(drop).unwrap_err();
    assert!(matches!(locked, StoreError::Locked { .. }), "{locked}");
    let exists = Store::create(&dir, toy(), b"image").map(drop).unwrap_err();
    assert!(matches!(exists, StoreError::Exists { .. }), "{exists}");
}

#[test]
fn rows_that_contradict_themselves_are_refused() {
    use redb::{Database, ReadableTable, TableDefinition};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.redb");
    let store = state(&path);
    let genesis = Claim::genesis(Hash::ZERO);
    let claim = next(&genesis, 10, 2, 2);
    put(&store, &genesis, &claim);
    drop(store);
    let edit = |table: &str, key: u64, at: usize| {
        let db = Database::open(&path).unwrap();
        let txn = db.begin_write().unwrap();
        {
            let mut table = txn
                .open_table(TableDefinition::<u64, &[u8]>::new(table))
                .unwrap();
            let mut row = table.get(key).unwrap().unwrap().value().to_vec();
            row[at] ^= 1;
            table.insert(key, &*row).unwrap();
        }
        txn.commit().unwrap();
    };
    let open = || {
        let id = LogHeader::for_export(identity(), b"").id;
        State::open(&path, &identity(), id, Arc::new(Hash::keccak)).unwrap()
    };
    edit("outputs", 1, 5);
    let error = open().output(1).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::RowDamaged {
                table: "outputs",
                key: 1,
                ..
            }
        ),
        "{error}"
    );
    assert!(open().output(0).unwrap().is_some());
    edit("claims", 10, 20);
    let by_step = open().at_step(10).unwrap_err();
    let by_input = open().at_input(2).unwrap_err();
    for error in [by_step, by_input] {
        assert!(
            matches!(
                error,
                StoreError::RowDamaged {
                    table: "claims",
                    key: 10,
                    ..
                }
            ),
            "{error}"
        );
    }
}

//! States that are reached on different ways are the same, as roots and as snapshots.

use std::sync::Arc;

use avm_atomicals::Rules;
use avm_atomicals::index::{Index, IndexMachine, snapshot};
use avm_core::{Machine, MemoryNodes, Vm};
use avm_testkit::seed;

use crate::feed::{Feed, chain, params};

/// Both go step by step; every state is the same with the cache and without.
#[test]
fn a_cache_changes_no_state() {
    seed::each(12, |rng| {
        let rules = Rules::ALL[rng.below(2) as usize];
        let blocks = chain(rng, 12);
        let mut plain = Index::default().load(&params(rules));
        let mut cached = Index::default().cached().load(&params(rules));
        let (mut one, mut two) = (Feed::of(&blocks), Feed::of(&blocks));
        loop {
            let budget = 1 + rng.below(3) * rng.below(9);
            let ran = plain.run(budget, &mut one).expect("no host fails");
            assert_eq!(cached.run(budget, &mut two).expect("no host fails"), ran);
            assert_eq!(plain.state_hash(), cached.state_hash());
            if ran.steps == 0 {
                break;
            }
        }
        assert_eq!(one.receipts, two.receipts);
    });
}

/// An index whose cache knows one chain opens a state of another: what it does not know of it must
/// not be ruled out.
#[test]
fn a_cache_does_not_rule_out_what_it_never_saw() {
    seed::each(10, |rng| {
        let blocks = chain(rng, 20);
        let (first, rest) = blocks.split_at(12);
        let mut plain = Index::default().load(&params(&Rules::AVM1));
        plain
            .run(u64::MAX, &mut Feed::of(first))
            .expect("no host fails");
        let mut nodes = MemoryNodes::default();
        let root = plain.save(&mut nodes).expect("a sink in memory");
        plain
            .run(u64::MAX, &mut Feed::of(rest))
            .expect("no host fails");
        let vm = Index::default().cached();
        let begun = vm.load(&params(&Rules::AVM1));
        let nodes = Arc::new(nodes);
        let mut opened = vm.open(root, nodes.clone()).expect("a state");
        opened
            .run(u64::MAX, &mut Feed::of(rest))
            .expect("no host fails");
        assert_eq!(opened.state_hash(), plain.state_hash());
        assert_eq!(begun.height(), None);
        // Once it knows the state it may rule out, and so may whoever opens the same state.
        let cache = vm.cache().expect("it has one");
        assert!(!cache.covers(root));
        let mut warm = vm.open(root, nodes.clone()).expect("a state");
        warm.warm().expect("in memory");
        assert!(cache.covers(root));
        for mut machine in [warm, vm.open(root, nodes.clone()).expect("a state")] {
            machine
                .run(u64::MAX, &mut Feed::of(rest))
                .expect("no host fails");
            assert_eq!(machine.state_hash(), plain.state_hash());
            assert!(cache.covers(plain.state_hash()));
        }
    });
}

fn snapshot_of(machine: &mut IndexMachine) -> Vec<u8> {
    let mut nodes = MemoryNodes::default();
    let root = machine.save(&mut nodes).expect("a sink in memory");
    let mut bytes = Vec::new();
    snapshot::write(root, &nodes, &mut |part| {
        bytes.extend_from_slice(part);
        Ok(())
    })
    .expect("a state between blocks");
    bytes
}

#[test]
fn snapshots_are_of_states_alone_and_read_back() {
    seed::each(25, |rng| {
        let rules = Rules::ALL[rng.below(2) as usize];
        let blocks = chain(rng, 12);
        let vm = Index::default();
        let mut straight = vm.load(&params(rules));
        straight
            .run(u64::MAX, &mut Feed::of(&blocks))
            .expect("no host fails");
        let bytes = snapshot_of(&mut straight);
        let height = straight.height().expect("blocks");

        // Saved and opened in the middle of blocks and calls, with a cache now and then.
        let mut other = Index::default().cached().load(&params(rules));
        let mut feed = Feed::of(&blocks);
        let mut nodes = MemoryNodes::default();
        loop {
            let ran = other
                .run(1 + rng.below(60), &mut feed)
                .expect("no host fails");
            if ran.steps == 0 {
                break;
            }
            let root = other.save(&mut nodes).expect("a sink in memory");
            let store = Arc::new(nodes.clone());
            other = vm.open(root, store).expect("a state");
        }
        assert_eq!(other.state_hash(), straight.state_hash());
        assert!(
            snapshot_of(&mut other) == bytes,
            "equal states, equal snapshots"
        );

        let (header, nodes) = snapshot::read(&bytes).expect("its own bytes");
        assert_eq!(
            (header.root, header.height),
            (straight.state_hash(), height)
        );
        let mut opened = vm.open(header.root, Arc::new(nodes)).expect("a state");
        assert!(snapshot_of(&mut opened) == bytes, "read and written again");
        let mut image = vm.genesis(&bytes).expect("a snapshot is an image");
        assert_eq!(image.state_hash(), straight.state_hash());

        // They go on alike.
        let more = Feed::of(&blocks[..1]).inputs;
        for machine in [&mut straight, &mut opened] {
            let mut feed = Feed {
                inputs: more.clone(),
                ..Feed::default()
            };
            machine.run(u64::MAX, &mut feed).expect("no host fails");
        }
        assert_eq!(opened.state_hash(), straight.state_hash());

        // No byte can be another.
        for _ in 0..40 {
            let mut broken = bytes.clone();
            let at = rng.below(bytes.len() as u64) as usize;
            broken[at] ^= 1 << rng.below(8);
            let read = snapshot::read(&broken).map(|(header, _)| header);
            assert!(read.is_err(), "byte {at}");
        }
        let len = rng.below(bytes.len() as u64) as usize;
        assert!(snapshot::read(&bytes[..len]).is_err(), "{len} bytes");
        let longer = [&bytes[..], &[0, 0, 0, 0]].concat();
        assert!(snapshot::read(&longer).is_err());
    });
}

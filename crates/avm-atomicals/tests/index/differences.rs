//! What differs between two states is what listing both finds, and costs what differs.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use avm_atomicals::Rules;
use avm_atomicals::index::{Index, IndexMachine, KeyDifference};
use avm_core::{HostError, Machine, MemoryNodes};
use avm_testkit::seed;
use avm_testkit::watch::RecordingNodes;

use crate::feed::{Feed, chain, params};

fn differences(
    a: &mut IndexMachine,
    b: &mut IndexMachine,
    prefix: &str,
    limit: usize,
) -> Result<Vec<KeyDifference>, HostError> {
    let mut all = vec![];
    a.differences(b, prefix, &mut |found| {
        all.push(found);
        match all.len() < limit {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })?;
    Ok(all)
}

/// The same from the lists of all keys of both, in the order of names as text.
fn listed(a: &mut IndexMachine, b: &mut IndexMachine, prefix: &str) -> Vec<KeyDifference> {
    let mut names = vec![];
    for machine in [&mut *a, &mut *b] {
        let all = machine.key_names(prefix, usize::MAX).expect("in memory");
        names.extend(all.names);
    }
    names.sort_by_key(ToString::to_string);
    names.dedup();
    let found = names.into_iter().map(|name| {
        let sides = [&mut *a, &mut *b].map(|machine| machine.look_up(&name).expect("in memory"));
        KeyDifference { name, sides }
    });
    found
        .filter(|found| found.sides[0] != found.sides[1])
        .collect()
}

fn sorted(mut found: Vec<KeyDifference>) -> Vec<KeyDifference> {
    found.sort_by_key(|found| found.name.to_string());
    found
}

/// The state, opened from nodes of its own.
fn opened(machine: &mut IndexMachine) -> (IndexMachine, Arc<RecordingNodes>) {
    let mut nodes = MemoryNodes::default();
    let root = machine.save(&mut nodes).expect("a sink in memory");
    let nodes = RecordingNodes::new(Arc::new(nodes));
    let machine = Index::default().open(root, nodes.clone());
    (machine.expect("a state"), nodes)
}

/// States of two chains at any steps of theirs, within blocks and calls and between them.
#[test]
fn differences_are_those_of_the_lists() {
    let mut families = BTreeSet::new();
    seed::each(24, |rng| {
        let rules = Rules::ALL[rng.below(2) as usize];
        let blocks = chain(rng, 14);
        let mut machine = Index::default().load(&params(rules));
        let mut feed = Feed::of(&blocks);
        let mut states = vec![machine.clone()];
        loop {
            let budget = 1 + rng.below(2) * rng.below(300);
            let ran = machine.run(budget, &mut feed).expect("no host fails");
            if ran.steps == 0 {
                break;
            }
            if rng.below(4) == 0 {
                states.push(machine.clone());
            }
        }
        states.push(machine);
        for _ in 0..4 {
            let [a, b] = [0, 1].map(|_| rng.below(states.len() as u64) as usize);
            let (mut a, mut b) = (states[a].clone(), states[b].clone());
            let want = listed(&mut a, &mut b, "");
            for found in &want {
                let text = found.name.to_string();
                let parts: Vec<&str> = text.split('/').collect();
                families.insert(
                    [parts[0], parts.get(2).unwrap_or(&"")].map(|part| match part {
                        "state" | "ft" | "nft" | "code" => part.to_owned(),
                        part if part == parts[0] => part.to_owned(),
                        _ => String::new(),
                    }),
                );
            }
            let found = differences(&mut a, &mut b, "", usize::MAX).expect("in memory");
            assert_eq!(sorted(found.clone()), want);
            let ([mut a, _], [mut b, _]) = {
                let ((a, _), (b, _)) = (opened(&mut a), opened(&mut b));
                ([a.clone(), a], [b.clone(), b])
            };
            assert_eq!(
                differences(&mut a, &mut b, "", usize::MAX).expect("stored"),
                found
            );
            for limit in [1, found.len() / 2] {
                let some = differences(&mut a, &mut b, "", limit.max(1)).expect("stored");
                assert_eq!(some, found[..limit.max(1).min(found.len())]);
            }
            let one = found.get(rng.below(1 + found.len() as u64) as usize);
            let name = one.map_or("output/".into(), |found| found.name.to_string());
            let cut = rng.below(1 + name.len() as u64) as usize;
            for prefix in [&name[..], &name[..cut], "contract/", "items", "zz"] {
                let want = found
                    .iter()
                    .filter(|found| found.name.to_string().starts_with(prefix));
                let some = differences(&mut a, &mut b, prefix, usize::MAX).expect("stored");
                assert_eq!(some, want.cloned().collect::<Vec<_>>(), "{prefix}");
            }
        }
    });
    let seen: Vec<String> = families.iter().map(|family| family.join(" ")).collect();
    for want in [
        "alt ",
        "stack ",
        "work ",
        "block ",
        "contract ",
        "contract code",
        "contract ft",
        "contract state",
        "holder ",
        "item ",
        "name ",
        "output ",
        "protocol ",
    ] {
        assert!(seen.iter().any(|seen| seen == want), "{want}: {seen:?}");
    }
}

/// The last blocks of a long chain.
#[test]
fn what_few_blocks_changed_is_found_in_few_nodes() {
    seed::each(4, |rng| {
        let blocks = chain(rng, 150);
        let last = 1 + rng.below(40) as usize;
        let (first, rest) = blocks.split_at(blocks.len() - last);
        let mut machine = Index::default().load(&params(&Rules::AVM1));
        let run = |machine: &mut IndexMachine, blocks: &[_]| {
            let ran = machine.run(u64::MAX, &mut Feed::of(blocks));
            ran.expect("no host fails");
        };
        run(&mut machine, first);
        let (mut before, read_before) = opened(&mut machine);
        run(&mut machine, rest);
        let (mut after, read_after) = opened(&mut machine);
        let listed = machine.key_names("", usize::MAX).expect("in memory");
        let keys = listed.names.len();
        let found = differences(&mut before, &mut after, "", usize::MAX).expect("stored");
        let read = [read_before, read_after].map(|nodes| nodes.read().iter().count());
        let mut nodes = MemoryNodes::default();
        let root = machine.save(&mut nodes).expect("a sink in memory");
        let all = nodes.iter().count();
        let differ = found.len();
        println!("{last} blocks: {differ} of {keys} keys differ, {read:?} of {all} nodes read");
        // A path has a handful of nodes more than log2 of the keys.
        let path = keys.ilog2() as usize + 6;
        assert!(differ > 0 && differ < keys);
        for read in read {
            assert!(read < differ * path + 4 && read < all / 2, "{read}");
        }
        // A missing node is told, and nothing is made up for it.
        let names = nodes.iter().map(|(hash, _)| hash);
        let mut failed = 0;
        for hash in names.step_by(5) {
            let mut nodes = nodes.clone();
            nodes.remove(hash);
            let Ok(mut lacking) = Index::default().open(root, Arc::new(nodes)) else {
                continue;
            };
            match differences(&mut before, &mut lacking, "", usize::MAX) {
                Ok(some) => assert_eq!(some, found),
                Err(error) => {
                    assert!(matches!(error, HostError::MissingNode { .. }), "{error}");
                    failed += 1;
                }
            }
        }
        assert!(failed > 0);
    });
}

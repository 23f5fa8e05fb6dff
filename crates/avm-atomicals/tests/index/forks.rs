//! A state is that of its chain, whatever other branches an index has seen.

use std::sync::Arc;

use avm_atomicals::Rules;
use avm_atomicals::index::sample::Chain;
use avm_atomicals::index::{Index, IndexMachine};
use avm_core::{Bytes, Hash, Machine, MemoryNodes};
use avm_testkit::seed::{self, Rng};

use crate::feed::{Feed, params};

/// Fork trees that are walked over.
const TREES: u64 = 10_000;
/// Blocks behind those that all branches have.
const BLOCKS: usize = 300;

/// A block that some branch has.
struct Node {
    parent: Option<usize>,
    children: Vec<usize>,
    block: Bytes,
    root: Hash,
    /// The machine after it, that never saw another branch.
    machine: Option<IndexMachine>,
}

/// A tree of blocks with the root of every state, computed by running each branch from genesis.
struct Tree {
    nodes: Vec<Node>,
    states: Arc<MemoryNodes>,
    vm: Index,
}

fn tree() -> Tree {
    let mut rng = Rng::new(1);
    let (chain, trunk) = Chain::new();
    let node = |parent, block: Vec<u8>| Node {
        parent,
        children: vec![],
        block: block.into(),
        root: Hash::ZERO,
        machine: None,
    };
    let mut nodes: Vec<Node> = Vec::new();
    let mut chains = vec![chain.clone(); trunk.len()];
    for block in trunk {
        let parent = nodes.len().checked_sub(1);
        nodes.push(node(parent, block));
    }
    let trunk = nodes.len();
    for number in 0..BLOCKS {
        // Mostly on a young block, so that branches get long.
        let young = (nodes.len() - trunk).min(6) as u64;
        let back = match rng.below(5) {
            0 => rng.below((nodes.len() - trunk + 1) as u64),
            _ => rng.below(young + 1),
        };
        let parent = nodes.len() - 1 - back as usize;
        let mut chain = chains[parent].clone();
        chain.branch = number as u32 + 1;
        let block = chain.next(&rng.bytes(300));
        chains.push(chain);
        nodes.push(node(Some(parent), block));
    }
    for at in 0..nodes.len() {
        if let Some(parent) = nodes[at].parent {
            nodes[parent].children.push(at);
        }
    }
    let mut states = MemoryNodes::default();
    for leaf in 0..nodes.len() {
        if !nodes[leaf].children.is_empty() {
            continue;
        }
        let path = std::iter::successors(Some(leaf), |at| nodes[*at].parent);
        let mut path: Vec<usize> = path.collect();
        path.reverse();
        let mut machine = Index::default().load(&params(&Rules::AVM1));
        for at in path {
            run(&mut machine, &nodes[at].block);
            let root = machine.save(&mut states).expect("a sink in memory");
            let known = std::mem::replace(&mut nodes[at].root, root);
            assert!(
                known == Hash::ZERO || known == root,
                "two runs of one branch"
            );
            nodes[at].machine.get_or_insert_with(|| machine.clone());
        }
    }
    // A cache that knows what any branch has: an index that ran over all of them.
    let vm = Index::default().cached();
    let mut machines: Vec<IndexMachine> = Vec::new();
    for node in &nodes {
        let parent = node.parent.map(|at| machines[at].clone());
        let mut machine = parent.unwrap_or_else(|| vm.load(&params(&Rules::AVM1)));
        run(&mut machine, &node.block);
        assert_eq!(machine.state_hash(), node.root, "forks with a common cache");
        machines.push(machine);
    }
    let states = Arc::new(states);
    Tree { nodes, states, vm }
}

fn run(machine: &mut IndexMachine, block: &Bytes) {
    let mut feed = Feed::of(&[Bytes::clone(block)]);
    machine.run(u64::MAX, &mut feed).expect("no host fails");
}

/// How an index gets back to an older block.
#[derive(Clone, Copy, Debug)]
enum Undo {
    /// It kept a fork of itself.
    Fork,
    /// It opens the older state, with the cache that it has.
    Cached,
    /// It opens the older state without one.
    Plain,
    /// It opens the older state among those it saved itself.
    Saved,
}

/// One walk: blocks on and back. Ends with the root that the last block has.
fn walk(tree: &Tree, rng: &mut Rng) {
    let undo = *rng.pick(&[Undo::Fork, Undo::Cached, Undo::Plain, Undo::Saved]);
    let plain = Index::default();
    let open = |at: usize| {
        let root = tree.nodes[at].root;
        let vm = if matches!(undo, Undo::Cached) {
            &tree.vm
        } else {
            &plain
        };
        vm.open(root, tree.states.clone()).expect("a state")
    };
    let mut at = rng.below(tree.nodes.len() as u64) as usize;
    let fork = matches!(undo, Undo::Fork);
    let mut machine = match &tree.nodes[at].machine {
        Some(machine) if fork => machine.clone(),
        _ => open(at),
    };
    let mut kept = vec![(at, machine.clone())];
    let mut own = MemoryNodes::default();
    let mut went = 0;
    let moves = 4 + rng.below(5);
    for _ in 0..moves {
        let children = &tree.nodes[at].children;
        if !children.is_empty() && rng.below(5) > 0 {
            if matches!(undo, Undo::Saved) {
                machine.save(&mut own).expect("a sink in memory");
            }
            at = *rng.pick(children);
            run(&mut machine, &tree.nodes[at].block);
            kept.push((at, machine.clone()));
            went += 1;
            continue;
        }
        let back = 1 + rng.below(4);
        match undo {
            Undo::Fork => {
                let keep = kept.len().saturating_sub(back as usize).max(1);
                kept.truncate(keep);
                (at, machine) = kept[keep - 1].clone();
            }
            Undo::Cached | Undo::Plain => {
                for _ in 0..back {
                    at = tree.nodes[at].parent.unwrap_or(at);
                }
                machine = open(at);
            }
            Undo::Saved => {
                if at == kept[0].0 {
                    continue;
                }
                at = tree.nodes[at].parent.unwrap_or(at);
                let nodes = Arc::new(own.clone());
                machine = plain
                    .open(tree.nodes[at].root, nodes)
                    .expect("it saved that");
                // It goes on from a store of its own, with all that is under the root.
                own = MemoryNodes::default();
                kept = vec![(at, machine.clone())];
            }
        }
    }
    assert!(went <= moves);
    let want = tree.nodes[at].root;
    assert_eq!(machine.state_hash(), want, "{undo:?}, block {at}");
}

#[test]
fn roots_depend_on_the_chain_alone() {
    let tree = tree();
    seed::each(TREES, |rng| walk(&tree, rng));
}

//! States that nobody ever was in: nodes changed, and everything above them named anew, so that
//! every hash fits.

use std::collections::BTreeMap;

use avm_core::{Hash, MemoryNodes, Sink};
use avm_testkit::seed::Rng;

/// Lengths that nodes of the machines have.
const LENGTHS: &[usize] = &[
    0, 1, 8, 9, 32, 33, 34, 40, 48, 64, 65, 66, 69, 97, 129, 192, 224, 225, 257,
];

/// A state as nodes.
#[derive(Clone)]
pub struct Forged {
    /// Name of the state.
    pub root: Hash,
    /// Its nodes.
    pub nodes: BTreeMap<Hash, Vec<u8>>,
}

impl Forged {
    /// The nodes of a state as they are.
    pub fn new(root: Hash, nodes: &MemoryNodes) -> Self {
        let nodes = nodes.iter().map(|(name, node)| (name, node.to_vec()));
        let nodes = nodes.collect();
        Self { root, nodes }
    }

    /// The nodes as a store.
    pub fn store(&self) -> MemoryNodes {
        let mut store = MemoryNodes::default();
        for (name, node) in &self.nodes {
            store.put(*name, node).expect("a store in memory");
        }
        store
    }

    /// Puts `node` where `name` was, and names everything above it anew.
    pub fn replace(&mut self, name: Hash, node: Vec<u8>) {
        let parents = self.parents();
        // How many changed children each node above waits for.
        let mut waits: BTreeMap<Hash, usize> = BTreeMap::new();
        let mut above = vec![name];
        while let Some(child) = above.pop() {
            for (parent, _) in parents.get(&child).into_iter().flatten() {
                let waits = waits.entry(*parent).or_default();
                *waits += 1;
                if *waits == 1 {
                    above.push(*parent);
                }
            }
        }
        let mut ready = vec![(name, self.rename(name, node))];
        let mut changed: BTreeMap<Hash, Vec<u8>> = BTreeMap::new();
        while let Some((was, is)) = ready.pop() {
            for (parent, at) in parents.get(&was).into_iter().flatten() {
                let node = changed.entry(*parent);
                let node = node.or_insert_with(|| self.nodes[parent].clone());
                node[*at..at + 32].copy_from_slice(&is.0);
                let waits = waits.get_mut(parent).expect("counted above");
                *waits -= 1;
                if *waits == 0 {
                    let node = changed.remove(parent).expect("changed just now");
                    ready.push((*parent, self.rename(*parent, node)));
                }
            }
        }
    }

    /// Where each node is named: in which node, and at which byte.
    fn parents(&self) -> BTreeMap<Hash, Vec<(Hash, usize)>> {
        let mut parents: BTreeMap<Hash, Vec<(Hash, usize)>> = BTreeMap::new();
        for (name, node) in &self.nodes {
            for (at, part) in node.windows(32).enumerate() {
                let child = Hash(part.try_into().expect("32 bytes"));
                if self.nodes.contains_key(&child) {
                    parents.entry(child).or_default().push((*name, at));
                }
            }
        }
        parents
    }

    /// Exchanges a node for one that has another name. If it was the root, that is the root now.
    fn rename(&mut self, was: Hash, node: Vec<u8>) -> Hash {
        let is = Hash::keccak(&node);
        self.nodes.remove(&was);
        self.nodes.insert(is, node);
        if self.root == was {
            self.root = is;
        }
        is
    }

    /// Changes a node, one of `likely` most of the time, in some way.
    pub fn tamper(&mut self, likely: &[Hash], rng: &mut Rng) {
        let names: Vec<Hash> = self.nodes.keys().copied().collect();
        // A likely one may have been renamed by now.
        let likely = likely.iter().filter(|name| self.nodes.contains_key(*name));
        let likely: Vec<Hash> = likely.copied().collect();
        let name = match likely.is_empty() || rng.below(8) == 0 {
            true => *rng.pick(&names),
            false => *rng.pick(&likely),
        };
        let mut node = self.nodes[&name].clone();
        let stranger = *rng.pick(&names);
        match rng.below(8) {
            0 => node = rng.bytes(*rng.clone().pick(LENGTHS)),
            1 => node = self.nodes[&stranger].clone(),
            2 => drop(node.pop()),
            3 => node.push(rng.number() as u8),
            4 if node.len() >= 32 => {
                // A child of another kind.
                let at = child(&node, rng);
                node[at..at + 32].copy_from_slice(&stranger.0);
            }
            5 if node.len() >= 32 => {
                let word = match rng.below(4) {
                    0 => [0; 32],
                    1 => [255; 32],
                    2 => core::array::from_fn(|at| u8::from(at == 31)),
                    _ => Hash::keccak(&[0; 32]).0,
                };
                let at = child(&node, rng);
                node[at..at + 32].copy_from_slice(&word);
            }
            _ if !node.is_empty() => {
                let at = match rng.below(2) {
                    // Tags, opcodes and counts come first.
                    0 => rng.below(node.len().min(2) as u64),
                    _ => rng.below(node.len() as u64),
                };
                node[at as usize] = rng.number() as u8;
            }
            _ => node = rng.bytes(32),
        }
        self.replace(name, node);
    }
}

/// Where a child may be named in a node of at least 32 bytes: they are laid end to end, behind one
/// byte or two or none.
fn child(node: &[u8], rng: &mut Rng) -> usize {
    let first = node.len() % 32;
    let children = (node.len() - first) / 32;
    first + 32 * rng.below(children as u64) as usize
}

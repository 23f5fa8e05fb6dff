//! The Merkle tree over the segments of a move, in the form of the settlement contract: pairs are
//! hashed together level by level, and the last of an odd number goes up unchanged.

use alloc::vec::Vec;

use avm_core::Hash;
use ruint::aliases::U256;

/// Most hashes of a path that the contract reads: the bits of a route.
pub const PATH_MAX: usize = 256;

/// Where a segment is in the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// Siblings, from the segment up.
    pub nodes: Vec<Hash>,
    /// One bit a sibling, lowest first: 1 if the sibling is on the right.
    pub route: U256,
}

/// Root of the tree over some hashes; zero over none.
#[must_use]
pub fn root(mut level: Vec<Hash>) -> Hash {
    while level.len() > 1 {
        level = above(&level);
    }
    level.pop().unwrap_or(Hash::ZERO)
}

/// The path from hash number `index` to the root; `None` past the last.
#[must_use]
pub fn path(hashes: &[Hash], mut index: usize) -> Option<Path> {
    if index >= hashes.len() {
        return None;
    }
    let (mut path, mut level) = (Path::default(), hashes.to_vec());
    while level.len() > 1 {
        if let Some(&sibling) = level.get(index ^ 1) {
            path.route.set_bit(path.nodes.len(), index & 1 == 0);
            path.nodes.push(sibling);
        }
        level = above(&level);
        index /= 2;
    }
    Some(path)
}

/// The root that a path leads to from `hash`; at most [`PATH_MAX`] nodes have a bit of the route.
#[must_use]
pub fn root_from_path(hash: Hash, nodes: &[Hash], route: U256) -> Hash {
    let levels = nodes.iter().enumerate();
    levels.fold(hash, |hash, (level, &sibling)| match route.bit(level) {
        true => hash.join(sibling),
        false => sibling.join(hash),
    })
}

fn above(level: &[Hash]) -> Vec<Hash> {
    let pairs = level.chunks(2);
    pairs
        .map(|pair| match *pair {
            [left, right] => left.join(right),
            [last] => last,
            _ => unreachable!("chunks of two"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn paths_lead_to_the_root(count in 1usize..420, index: prop::sample::Index) {
            let hashes: Vec<Hash> = (0..count).map(|at| Hash::keccak(&at.to_string().into_bytes())).collect();
            let index = index.index(count);
            let root = root(hashes.clone());
            let path = path(&hashes, index).unwrap();
            prop_assert_eq!(root_from_path(hashes[index], &path.nodes, path.route), root);
            let wrong = Hash::keccak(b"wrong");
            prop_assert_ne!(root_from_path(wrong, &path.nodes, path.route), root);
        }
    }

    #[test]
    fn nothing_lies_past_the_last() {
        assert_eq!(path(&[Hash::ZERO], 1), None);
        assert_eq!(root(Vec::new()), Hash::ZERO);
    }
}

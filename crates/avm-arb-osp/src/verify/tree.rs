//! The hash tree of a buffer, known by its root and a path. Spec: sections 2 and 15.
//!
//! A leaf hash has a preimage of 32 bytes and a node one of 64, so that a path cannot end above or
//! below the leaves, and its length is the tree's depth.

use alloc::vec::Vec;

use avm_core::Hash;
use ruint::aliases::U256;

use super::{Mode, Refusal};

/// Bytes of a leaf, and of a hash.
pub(super) const WORD: usize = 32;

/// A leaf, or a hash beside the path.
pub(super) type Word = [u8; WORD];

/// Depth of the deepest tree: 2^64 bytes are 2^59 leaves.
const DEEPEST: usize = 59;

/// How many zero subtrees the deployed contract knows.
const DEPLOYED_ZEROS: usize = 64;

/// Z[0], the leaf of zeros.
pub(super) fn zero_leaf() -> Hash {
    leaf(&[0; WORD])
}

/// Z[0], Z[1], ...: roots of trees of zeros, by depth.
fn zeros() -> impl Iterator<Item = Hash> {
    core::iter::successors(Some(zero_leaf()), |zero| Some(zero.join(*zero)))
}

/// Z[`depth`], if the contract knows it.
fn zero(depth: usize) -> Result<Hash, Refusal> {
    check_depth(depth, DEPLOYED_ZEROS - 1)?;
    Ok(zeros().nth(depth).expect("there is a next zero subtree"))
}

fn leaf(word: &Word) -> Hash {
    Hash::of(word)
}

fn check_depth(depth: usize, limit: usize) -> Result<(), Refusal> {
    if depth > limit {
        return Err(Refusal::BufferDepth {
            depth: U256::from(depth),
            limit,
        });
    }
    Ok(())
}

/// `node` and its sibling under one parent; the lowest bit of `index` says whether `node` is right.
fn parent(node: Hash, sibling: Hash, index: u64) -> Hash {
    if index & 1 == 1 {
        sibling.join(node)
    } else {
        node.join(sibling)
    }
}

/// The root above a node, and what is left of its index beyond the tree.
fn fold(node: Hash, index: u64, siblings: &[Word]) -> (Hash, u64) {
    let up = |(node, index), sibling: &Word| (parent(node, Hash(*sibling), index), index >> 1);
    siblings.iter().fold((node, index), up)
}

/// The word at leaf `index`: of the path if it leads there, zeros where it shows the tree to end
/// before. Without a path, the buffer must be all zero.
pub(super) fn read(root: Hash, index: u64, path: &[Word]) -> Result<Word, Refusal> {
    let Some((word, siblings)) = path.split_first() else {
        return match root == zero_leaf() {
            true => Ok([0; WORD]),
            false => Err(Refusal::NoBufferPath { root }),
        };
    };
    let (found, beyond) = fold(leaf(word), index, siblings);
    if found != root {
        return Err(Refusal::BufferPath { found, root });
    }
    Ok(if beyond == 0 { *word } else { [0; WORD] })
}

/// The root with `word` at leaf `index`. The caller has [`read`] along the same path.
pub(super) fn write(
    mode: Mode,
    root: Hash,
    index: u64,
    word: &Word,
    path: &[Word],
    normalisation: &[Word],
) -> Result<Hash, Refusal> {
    let &[depth, left, right] = normalisation else {
        return Err(Refusal::NormalisationLength {
            words: normalisation.len(),
        });
    };
    let is_zero = *word == [0; WORD];
    let Some(siblings) = path.get(1..) else {
        return write_without_path(mode, root, index, word);
    };
    if mode == Mode::Sound {
        check_depth(siblings.len(), DEEPEST)?;
    }
    if beyond(index, siblings.len()) {
        return Ok(if is_zero {
            root
        } else {
            grown(root, siblings.len(), index, word)
        });
    }
    let (written, _) = fold(leaf(word), index, siblings);
    if !is_zero {
        return Ok(written);
    }
    let depth = U256::from_be_bytes(depth);
    normalised(
        mode,
        written,
        siblings.len(),
        depth,
        Hash(left),
        Hash(right),
    )
}

/// Whether a tree of `depth` has no leaf `index`.
fn beyond(index: u64, depth: usize) -> bool {
    depth < 64 && index >> depth != 0
}

/// The deployed contract takes an absent path for a tree with no leaf at all. So a word that is
/// written at leaf 0 of a zero buffer ends up at leaf 1.
fn write_without_path(mode: Mode, root: Hash, index: u64, word: &Word) -> Result<Hash, Refusal> {
    let is_zero = *word == [0; WORD];
    match mode {
        Mode::Deployed if is_zero => Ok(root),
        Mode::Deployed if index == 0 => Ok(root.join(leaf(word))),
        Mode::Sound | Mode::Deployed => Err(Refusal::NoBufferPath { root }),
    }
}

/// The least tree with the old one on its left and `word` at leaf `index`, beyond the old one.
fn grown(root: Hash, depth: usize, index: u64, word: &Word) -> Hash {
    // the old tree and the new leaf's are the halves: both are that deep
    let half = (u64::BITS - 1 - index.leading_zeros()) as usize;
    let old = zeros().take(half).skip(depth).fold(root, Hash::join);
    let new = zeros().take(half).enumerate();
    let new = new.fold(leaf(word), |node, (level, zero)| {
        parent(node, zero, index >> level)
    });
    old.join(new)
}

/// The root of the least tree that has the same bytes as the one of `full` depth with the root
/// `written`: said to have `depth`, and the children `left` and `right`.
fn normalised(
    mode: Mode,
    written: Hash,
    full: usize,
    depth: U256,
    left: Hash,
    right: Hash,
) -> Result<Hash, Refusal> {
    let limit = match mode {
        Mode::Sound => full,
        Mode::Deployed => DEPLOYED_ZEROS - 1,
    };
    let too_deep = Refusal::BufferDepth { depth, limit };
    let depth = usize::try_from(depth).map_err(|_| too_deep)?;
    check_depth(depth, limit)?;
    let root = if depth == 0 {
        left
    } else {
        // a right half of zeros is Z[depth - 1]; the deployed contract compares with Z[depth]
        let forbidden = match mode {
            Mode::Sound => zero(depth - 1)?,
            Mode::Deployed => zero(depth)?,
        };
        if right == forbidden {
            return Err(Refusal::ZeroRightHalf { depth });
        }
        left.join(right)
    };
    check_depth(full, DEPLOYED_ZEROS)?;
    let found = zeros().take(full).skip(depth).fold(root, Hash::join);
    if found != written {
        return Err(Refusal::NormalisedRoot { found, written });
    }
    Ok(root)
}

/// Whether all bytes of a buffer from `offset` on are zero.
pub(super) fn ends_before(root: Hash, offset: u64, path: &[Word]) -> Result<bool, Refusal> {
    let index = offset / WORD as u64;
    let word = read(root, index, path)?;
    let siblings = path.get(1..).unwrap_or_default();
    check_depth(siblings.len(), DEPLOYED_ZEROS)?;
    if beyond(index, siblings.len()) {
        return Ok(true);
    }
    let within = (offset % WORD as u64) as usize;
    let leaf_ends = word[within..].iter().all(|byte| *byte == 0);
    let mut right = zeros().zip(siblings).enumerate();
    let rest_is_zero = right.all(|(level, (zero, sibling))| {
        let is_left = index.checked_shr(level as u32).unwrap_or(0) & 1 == 0;
        !is_left || zero.0 == *sibling
    });
    Ok(leaf_ends && rest_is_zero)
}

/// Root of a buffer with these bytes and zeros behind them.
pub(super) fn root_of(bytes: &[u8]) -> Hash {
    let length = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |at| at + 1);
    let mut level: Vec<Hash> = bytes[..length].chunks(WORD).map(padded_leaf).collect();
    if level.is_empty() {
        return zero_leaf();
    }
    for zero in zeros() {
        if level.len() == 1 {
            break;
        }
        level = level
            .chunks(2)
            .map(|pair| pair[0].join(*pair.get(1).unwrap_or(&zero)))
            .collect();
    }
    level[0]
}

/// Leaf hash of up to 32 bytes and zeros behind them.
fn padded_leaf(bytes: &[u8]) -> Hash {
    let mut word = [0; WORD];
    word[..bytes.len()].copy_from_slice(bytes);
    leaf(&word)
}

use alloc::vec::Vec;

use avm_core::Hash;

use super::{Leaf, LogHead, Span, join_peaks, node};

/// Why a proof about a log is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The item is past the end of the log.
    #[error("item {index} is not in a log of {len} items")]
    Index {
        /// The item asked about.
        index: u64,
        /// Items in the log.
        len: u64,
    },
    /// The older log is longer than the newer one.
    #[error("a log of {old} items is not a prefix of one with {new}")]
    Order {
        /// Items in the older log.
        old: u64,
        /// Items in the newer log.
        new: u64,
    },
    /// The position and the length call for another number of hashes.
    #[error("the proof has {got} hashes, its place in the log calls for {want}")]
    Length {
        /// Hashes found.
        got: usize,
        /// Hashes that the place calls for.
        want: usize,
    },
    /// The proof leads to another root.
    #[error("the proof leads to the root {got}, the log of {len} items has {want}")]
    Root {
        /// Items in the log whose root it is.
        len: u64,
        /// Root that the proof leads to.
        got: Hash,
        /// Root of the log.
        want: Hash,
    },
}

/// On which side of the path a sibling is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// The siblings of the way from a leaf to the root, in the order of the proof.
///
/// Prover and verifier walk the same way: one fills in the hashes, the other joins them.
fn way_to_leaf(index: u64, len: u64) -> Vec<(Side, Span)> {
    let mut way = Vec::new();
    let mut here = Span { first: 0, len };
    while here.len > 1 {
        let (left, right) = here.halves();
        if index < right.first {
            way.push((Side::Right, right));
            here = left;
        } else {
            way.push((Side::Left, left));
            here = right;
        }
    }
    way.reverse();
    way
}

/// The way from the last perfect subtree of the older log up to the newer root: where it starts,
/// and the siblings. If it starts at leaf 0 that subtree is the whole older log, whose root the
/// verifier already has. Wants `0 < old < new`.
fn way_to_prefix(old: u64, new: u64) -> (Span, Vec<(Side, Span)>) {
    let mut way = Vec::new();
    let mut here = Span { first: 0, len: new };
    while old - here.first != here.len {
        let (left, right) = here.halves();
        if old <= right.first {
            way.push((Side::Right, right));
            here = left;
        } else {
            way.push((Side::Left, left));
            here = right;
        }
    }
    way.reverse();
    (here, way)
}

/// Root of a subtree out of perfect ones.
fn root_of<E>(span: Span, perfect: &mut impl FnMut(Span) -> Result<Hash, E>) -> Result<Hash, E> {
    let peaks = span.perfect().map(perfect).collect::<Result<Vec<_>, E>>()?;
    Ok(join_peaks(peaks.into_iter()))
}

/// Proof that item `index` is in a log of `len` items, leaf to root; at most 64 hashes.
///
/// `perfect` gives the roots of perfect subtrees, those that
/// [`Frontier::push_watched`](super::Frontier::push_watched) told of; it is asked for `O(log² n)`
/// of them.
///
/// # Errors
/// Those of `perfect`.
///
/// # Panics
/// If `index` is not below `len`.
pub fn inclusion<E>(
    index: u64,
    len: u64,
    mut perfect: impl FnMut(Span) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    assert!(index < len, "item {index} is not in a log of {len} items");
    let way = way_to_leaf(index, len).into_iter();
    way.map(|(_, sibling)| root_of(sibling, &mut perfect))
        .collect()
}

/// Proof that a log of `old` items is a prefix of one with `new` items; at most 65 hashes, and
/// none if `old` is 0 or `new`. For `perfect` see [`inclusion`].
///
/// # Errors
/// Those of `perfect`.
///
/// # Panics
/// If `old` is above `new`.
pub fn consistency<E>(
    old: u64,
    new: u64,
    mut perfect: impl FnMut(Span) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    assert!(
        old <= new,
        "a log of {old} items is not a prefix of one with {new}"
    );
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let (start, way) = way_to_prefix(old, new);
    let start = (start.first > 0).then_some(start);
    let spans = start
        .into_iter()
        .chain(way.into_iter().map(|(_, sibling)| sibling));
    spans.map(|span| root_of(span, &mut perfect)).collect()
}

impl LogHead {
    /// Checks that item `index` of this log has the leaf `leaf`, by the proof of [`inclusion`].
    ///
    /// # Errors
    /// What is wrong with the index or the proof.
    pub fn verify_inclusion(
        &self,
        index: u64,
        leaf: Leaf,
        proof: &[Hash],
    ) -> Result<(), ProofError> {
        if index >= self.len {
            let len = self.len;
            return Err(ProofError::Index { index, len });
        }
        let way = way_to_leaf(index, self.len);
        length(proof.len(), way.len())?;
        let root =
            way.iter()
                .zip(proof)
                .fold(leaf.hash(), |below, ((side, _), sibling)| match side {
                    Side::Left => node(*sibling, below),
                    Side::Right => node(below, *sibling),
                });
        self.root_is(root)
    }

    /// Checks that the log with the head `old` is a prefix of this one, by the proof of
    /// [`consistency`].
    ///
    /// # Errors
    /// What is wrong with the heads or the proof.
    pub fn verify_consistency(&self, old: &Self, proof: &[Hash]) -> Result<(), ProofError> {
        if old.len > self.len {
            let (old, new) = (old.len, self.len);
            return Err(ProofError::Order { old, new });
        }
        if old.len == 0 || old.len == self.len {
            length(proof.len(), 0)?;
            if old.len == 0 {
                old.root_is(Hash::ZERO)?;
            }
            return if old.len == self.len {
                old.root_is(self.root)
            } else {
                Ok(())
            };
        }
        let (start, way) = way_to_prefix(old.len, self.len);
        let extra = usize::from(start.first > 0);
        length(proof.len(), way.len() + extra)?;
        let start = if extra == 1 { proof[0] } else { old.root };
        let (mut old_root, mut new_root) = (start, start);
        for ((side, _), sibling) in way.iter().zip(&proof[extra..]) {
            match side {
                Side::Left => {
                    old_root = node(*sibling, old_root);
                    new_root = node(*sibling, new_root);
                }
                Side::Right => new_root = node(new_root, *sibling),
            }
        }
        old.root_is(old_root)?;
        self.root_is(new_root)
    }

    fn root_is(&self, got: Hash) -> Result<(), ProofError> {
        let (len, want) = (self.len, self.root);
        if got == want {
            return Ok(());
        }
        Err(ProofError::Root { len, got, want })
    }
}

fn length(got: usize, want: usize) -> Result<(), ProofError> {
    if got == want {
        return Ok(());
    }
    Err(ProofError::Length { got, want })
}

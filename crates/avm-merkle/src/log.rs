//! The append-only accumulator over the items of a log.
//!
//! The shape is that of RFC 6962 (certificate transparency): the root of `n` leaves joins the root
//! of the first `k` leaves with the root of the rest, `k` being the largest power of two below
//! `n`. It was chosen over a bare mountain range because it *is* one, with the peaks joined from
//! the right: the same `O(log n)` state, but one root instead of a list, inclusion paths that do
//! not end in an extra list of peaks, and consistency proofs with a published analysis.
//!
//! - Leaf: `K(0x00 ‖ K(item))`. Node: `K(0x01 ‖ left ‖ right)`. The first byte keeps a node from
//!   passing for a leaf. A leaf is made from the item's hash and not from the item, so an input is
//!   hashed once for the log and for [`Claim`](avm_core::Claim), whatever its size.
//! - The empty log has the root [`Hash::ZERO`].
//! - A proof is a list of hashes, leaf to root. Positions and lengths are never part of it: who
//!   verifies knows them, and a proof cannot lie about them.

use alloc::vec::Vec;
use core::convert::Infallible;

use avm_core::Hash;

mod proof;

pub use proof::{ProofError, consistency, inclusion};

/// The leaf of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Leaf(Hash);

impl Leaf {
    /// The leaf of the item with these bytes.
    #[must_use]
    pub fn of_item(item: &[u8]) -> Self {
        Self::of_digest(Hash::keccak(item))
    }

    /// The leaf of the item whose Keccak-256 is `digest`.
    #[must_use]
    pub fn of_digest(digest: Hash) -> Self {
        let mut tagged = [0; 33];
        tagged[1..].copy_from_slice(&digest.0);
        Self(Hash::keccak(&tagged))
    }

    /// Name of the leaf in the tree; the root of a log with this one item.
    #[must_use]
    pub const fn hash(self) -> Hash {
        self.0
    }
}

/// `K(0x01 ‖ left ‖ right)`: a node over two subtrees.
fn node(left: Hash, right: Hash) -> Hash {
    let mut tagged = [1; 65];
    tagged[1..33].copy_from_slice(&left.0);
    tagged[33..].copy_from_slice(&right.0);
    Hash::keccak(&tagged)
}

/// Root over neighbouring subtrees, largest first, as the shape joins them: from the right.
fn join_peaks(peaks: impl DoubleEndedIterator<Item = Hash>) -> Hash {
    peaks
        .rev()
        .reduce(|right, left| node(left, right))
        .unwrap_or(Hash::ZERO)
}

/// How long a log is and the root over its items: what parties agree on before a dispute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogHead {
    /// Items in the log.
    pub len: u64,
    /// Root over the items; zero if there are none.
    pub root: Hash,
}

impl LogHead {
    /// The head of the empty log.
    pub const EMPTY: Self = Self {
        len: 0,
        root: Hash::ZERO,
    };

    /// Length of [`LogHead::to_bytes`].
    pub const LEN: usize = 8 + 32;

    /// Length as 8 bytes big-endian, then the root.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(&self.len.to_be_bytes());
        bytes[8..].copy_from_slice(&self.root.0);
        bytes
    }

    /// The inverse of [`LogHead::to_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let mut len = [0; 8];
        let mut root = [0; 32];
        len.copy_from_slice(&bytes[..8]);
        root.copy_from_slice(&bytes[8..]);
        Self {
            len: u64::from_be_bytes(len),
            root: Hash(root),
        }
    }
}

/// The head of a growing log: one root per power of two in its length, at most 64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    len: u64,
    /// Roots of the perfect subtrees that the log divides into, largest and so leftmost first.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The frontier that [`Frontier::head`] and [`Frontier::peaks`] were read from; `None` if the
    /// number of peaks does not fit the length.
    #[must_use]
    pub fn from_parts(len: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == len.count_ones() as usize).then_some(Self { len, peaks })
    }

    /// Appends one item.
    ///
    /// # Panics
    /// If the log already has `u64::MAX` items.
    pub fn push(&mut self, leaf: Leaf) {
        self.push_watched(leaf, |_, _| {});
    }

    /// [`Frontier::push`] which tells every perfect subtree that the item completes, its own leaf
    /// first. Whoever keeps them all can make proofs: see [`inclusion`].
    ///
    /// # Panics
    /// If the log already has `u64::MAX` items.
    pub fn push_watched(&mut self, leaf: Leaf, mut completed: impl FnMut(Span, Hash)) {
        let mut span = Span {
            first: self.len,
            len: 1,
        };
        let mut root = leaf.hash();
        completed(span, root);
        for _ in 0..self.len.trailing_ones() {
            let left = self
                .peaks
                .pop()
                .expect("one peak for each bit of the length");
            root = node(left, root);
            span = Span {
                first: span.first - span.len,
                len: span.len * 2,
            };
            completed(span, root);
        }
        self.peaks.push(root);
        self.len = self
            .len
            .checked_add(1)
            .expect("a log has less than 2^64 items");
    }

    /// Length and root of the log so far.
    #[must_use]
    pub fn head(&self) -> LogHead {
        LogHead {
            len: self.len,
            root: join_peaks(self.peaks.iter().copied()),
        }
    }

    /// Roots of the perfect subtrees, largest first: with the length, all there is to keep.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }
}

impl FromIterator<Leaf> for Frontier {
    fn from_iter<I: IntoIterator<Item = Leaf>>(leaves: I) -> Self {
        let mut frontier = Self::default();
        leaves.into_iter().for_each(|leaf| frontier.push(leaf));
        frontier
    }
}

/// Neighbouring leaves `first .. first + len` that are one subtree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Index of the first leaf.
    pub first: u64,
    /// Number of leaves.
    pub len: u64,
}

impl Span {
    /// Leaves under the left child: the largest power of two below `len`, which is at least 2.
    const fn left_len(self) -> u64 {
        1 << (self.len - 1).ilog2()
    }

    /// The two children of a subtree with at least two leaves.
    const fn halves(self) -> (Self, Self) {
        let len = self.left_len();
        let left = Self {
            first: self.first,
            len,
        };
        let right = Self {
            first: self.first + len,
            len: self.len - len,
        };
        (left, right)
    }

    /// The perfect subtrees it divides into, largest first.
    fn perfect(self) -> impl Iterator<Item = Self> {
        let mut first = self.first;
        (0..64)
            .rev()
            .map(move |bit| self.len & (1 << bit))
            .filter_map(move |len| {
                let span = Self { first, len };
                first += len;
                (len > 0).then_some(span)
            })
    }
}

/// A whole log in memory, able to prove against any of its heads, present and past.
///
/// Keeps about `2n` hashes; a proof reads `O(log² n)` of them and hashes `O(log n)` times.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    frontier: Frontier,
    /// `levels[h][i]` is the root over the leaves `i * 2^h .. (i + 1) * 2^h`.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// Appends one item.
    ///
    /// # Panics
    /// If the log already has `u64::MAX` items.
    pub fn push(&mut self, leaf: Leaf) {
        let levels = &mut self.levels;
        self.frontier.push_watched(leaf, |span, root| {
            let height = span.len.ilog2() as usize;
            if levels.len() == height {
                levels.push(Vec::new());
            }
            levels[height].push(root);
        });
    }

    /// Length and root of the log.
    #[must_use]
    pub fn head(&self) -> LogHead {
        self.frontier.head()
    }

    /// The head when the log had `len` items; `None` if it never did.
    #[must_use]
    pub fn head_at(&self, len: u64) -> Option<LogHead> {
        (len <= self.frontier.len).then(|| {
            let peaks = Span { first: 0, len }.perfect();
            let peaks: Vec<Hash> = peaks.map(|span| self.at(span)).collect();
            LogHead {
                len,
                root: join_peaks(peaks.into_iter()),
            }
        })
    }

    /// Proof that item `index` is in the log as it was with `len` items, leaf to root; `None` if
    /// `index < len <= self.head().len` does not hold.
    #[must_use]
    pub fn inclusion(&self, index: u64, len: u64) -> Option<Vec<Hash>> {
        (index < len && len <= self.frontier.len).then(|| {
            let Ok(path) = inclusion(index, len, |span| Ok::<_, Infallible>(self.at(span)));
            path
        })
    }

    /// Proof that the log with `old` items is a prefix of the log with `new` items; `None` if
    /// `old <= new <= self.head().len` does not hold.
    #[must_use]
    pub fn consistency(&self, old: u64, new: u64) -> Option<Vec<Hash>> {
        (old <= new && new <= self.frontier.len).then(|| {
            let Ok(path) = consistency(old, new, |span| Ok::<_, Infallible>(self.at(span)));
            path
        })
    }

    /// Root of a perfect subtree inside the log.
    fn at(&self, span: Span) -> Hash {
        self.levels[span.len.ilog2() as usize][(span.first / span.len) as usize]
    }
}

impl FromIterator<Leaf> for Tree {
    fn from_iter<I: IntoIterator<Item = Leaf>>(leaves: I) -> Self {
        let mut tree = Self::default();
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
        tree
    }
}

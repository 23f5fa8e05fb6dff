//! The entries in which two maps differ.
//!
//! The shape of a map follows from its keys, so two subtrees of one name have the same entries and
//! are passed over unread. Others are gone down side by side. A branch does not say which bits its
//! keys share before it, so two branches at one bit may still be far apart. They are not if there is
//! an equal subtree under them in the same place; if none is found, the first key of each shows how
//! their keys lie to each other.

use alloc::vec::Vec;
use core::cmp::Ordering;

use avm_core::{Bytes, HostError};

use super::hash::name_of;
use super::key::At;
use super::leaf::Leaf;
use super::tree::{Branch, Child, Link};
use super::{Map, NodeHash};

/// A key that two maps have different values at, or that only one of them has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Its value in the one map and in the other; `None` if it is not there. They are not equal.
    pub sides: [Option<&'a Bytes>; 2],
}

impl<H: NodeHash> Map<H> {
    /// The keys whose values differ between this map and another, in order, with both values.
    ///
    /// Of a map that was opened, the nodes are read that the other has not, the values among them;
    /// where keys came or went and others beside them changed, the path to one more key may be. So k
    /// changes to n entries cost at most about k times log2 n nodes of each map. After an error there
    /// are no more.
    ///
    /// ```
    /// use avm_merkle::map::{Difference, Keccak, Map};
    ///
    /// let mut old = Map::<Keccak>::default();
    /// old.insert(b"apple", b"red"[..].into())?;
    /// old.insert(b"pear", b"green"[..].into())?;
    /// let mut new = old.clone();
    /// new.insert(b"apple", b"yellow"[..].into())?;
    /// new.remove(b"pear")?;
    ///
    /// let (red, green, yellow) = (b"red"[..].into(), b"green"[..].into(), b"yellow"[..].into());
    /// let found: Vec<Difference<'_>> = old.differences(&new).collect::<Result<_, _>>()?;
    /// assert_eq!(found[0], Difference { key: b"apple", sides: [Some(&red), Some(&yellow)] });
    /// assert_eq!(found[1], Difference { key: b"pear", sides: [Some(&green), None] });
    /// assert_eq!(found.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn differences<'a>(&'a self, other: &'a Self) -> Differences<'a> {
        self.differences_under(other, &[])
    }

    /// [`Map::differences`] in the keys that start with `prefix`; what other keys have is not gone
    /// through.
    #[must_use]
    pub fn differences_under<'a>(&'a self, other: &'a Self, prefix: &'a [u8]) -> Differences<'a> {
        // Every node in memory has its name from here on.
        let is_same = self.root() == other.root();
        let mut ahead = Vec::new();
        ahead.extend(match (&self.root, &other.root) {
            _ if is_same => None,
            (Some(a), Some(b)) => Some(Ahead::Both([a.into(), b.into()], 0)),
            (Some(a), None) => Some(Ahead::One(0, a)),
            (None, Some(b)) => Some(Ahead::One(1, b)),
            (None, None) => None,
        });
        Differences { ahead, prefix }
    }
}

/// Keys whose values differ, in order; made by [`Map::differences`]. Takes memory for two entries
/// of a list for each level of the maps; what was read stays with the maps.
pub struct Differences<'a> {
    /// What is still to come, the next one last. The keys of each come after those of the next, but
    /// for the two parts of one [`Ahead::Both`].
    ahead: Vec<Ahead<'a>>,
    prefix: &'a [u8],
}

/// Subtrees to be gone through.
enum Ahead<'a> {
    /// All keys of a subtree that only one of the maps has: which, and the subtree.
    One(usize, &'a Link),
    /// Subtrees of both maps whose names differ. All other keys of either come before those of
    /// both, or after. And how many branches from here on, down first sides, are known to be at the
    /// same bits with the same bits before them.
    Both([Part<'a>; 2], usize),
}

/// A subtree, and its first leaf if that was looked for.
#[derive(Clone, Copy)]
struct Part<'a> {
    link: &'a Link,
    first: Option<&'a Leaf>,
}

impl<'a> From<&'a Link> for Part<'a> {
    fn from(link: &'a Link) -> Self {
        Self { link, first: None }
    }
}

impl<'a> Part<'a> {
    /// The first key. Each path is walked once: a first leaf is known on to the second sides of the
    /// branches above it, and on those another path begins.
    fn first_key(&mut self) -> Result<&'a [u8], HostError> {
        let mut link = self.link;
        let leaf = match self.first {
            Some(leaf) => leaf,
            None => loop {
                match link.child()? {
                    Child::Branch(branch) => link = &branch.links[0],
                    Child::Leaf(leaf) => break leaf,
                }
            },
        };
        self.first = Some(leaf);
        Ok(leaf.key.bytes())
    }

    /// One side of the branch that this is.
    fn side(self, branch: &'a Branch, side: usize) -> Self {
        Self {
            link: &branch.links[side],
            first: self.first.filter(|_| side == 0),
        }
    }
}

impl<'a> Iterator for Differences<'a> {
    type Item = Result<Difference<'a>, HostError>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(next) = self.ahead.pop() {
            let found = match next {
                Ahead::One(map, link) => self.one(map, link),
                Ahead::Both(parts, alike) => self.both(parts, alike),
            };
            if found.is_err() {
                self.ahead.clear();
            }
            if let Some(found) = found.transpose() {
                return Some(found);
            }
        }
        None
    }
}

impl<'a> Differences<'a> {
    /// One step into a subtree that one map has.
    fn one(&mut self, map: usize, link: &'a Link) -> Result<Option<Difference<'a>>, HostError> {
        match link.child()? {
            Child::Branch(branch) => {
                for side in [1, 0] {
                    self.push_one(map, branch, side);
                }
                Ok(None)
            }
            Child::Leaf(leaf) => self.entry(leaf, |value| {
                let mut sides = [None; 2];
                sides[map] = Some(value);
                sides
            }),
        }
    }

    /// A difference in the entry of a leaf, if its key is looked for.
    fn entry(
        &self,
        leaf: &'a Leaf,
        sides: impl FnOnce(&'a Bytes) -> [Option<&'a Bytes>; 2],
    ) -> Result<Option<Difference<'a>>, HostError> {
        let key = leaf.key.bytes();
        if !key.starts_with(self.prefix) {
            return Ok(None);
        }
        let sides = sides(leaf.value()?);
        Ok(Some(Difference { key, sides }))
    }

    /// One step into two subtrees whose names differ.
    fn both(
        &mut self,
        mut parts: [Part<'a>; 2],
        mut alike: usize,
    ) -> Result<Option<Difference<'a>>, HostError> {
        let children = [parts[0].link.child()?, parts[1].link.child()?];
        match children {
            [Child::Leaf(a), Child::Leaf(b)] if a.key.bytes() == b.key.bytes() => {
                let other = b.value()?;
                return self.entry(a, |value| [Some(value), Some(other)]);
            }
            [Child::Branch(a), Child::Branch(b)] if a.at == b.at => {
                let same = [0, 1].map(|side| same(&a.links[side], &b.links[side]));
                if alike == 0 {
                    alike = levels_alike(&mut parts, a.at)?;
                }
                if alike > 0 {
                    let [part_a, part_b] = parts;
                    for (side, alike) in [(1, 0), (0, alike - 1)] {
                        if !same[side] && self.wants(a.at, side) {
                            let sides = [part_a.side(a, side), part_b.side(b, side)];
                            self.ahead.push(Ahead::Both(sides, alike));
                        }
                    }
                    return Ok(None);
                }
            }
            [a, b] => {
                // The map whose branch is at the earlier bit, and that branch.
                let upper = match (a, b) {
                    (Child::Branch(a), Child::Branch(b)) if b.at < a.at => Some((1, b)),
                    (Child::Branch(a), _) => Some((0, a)),
                    (_, Child::Branch(b)) => Some((1, b)),
                    _ => None,
                };
                if let Some((upper, branch)) = upper
                    && let Some(side) = place(&mut parts, upper, branch)?
                {
                    self.split(parts, upper, branch, side);
                    return Ok(None);
                }
            }
        }
        // All keys of the one come before all of the other.
        let [a, b] = &mut parts;
        let (a, b) = match a.first_key()?.cmp(b.first_key()?) {
            Ordering::Greater => ((1, b.link), (0, a.link)),
            _ => ((0, a.link), (1, b.link)),
        };
        for (map, link) in [b, a] {
            self.ahead.push(Ahead::One(map, link));
        }
        Ok(None)
    }

    /// The keys of the one map part where those of the other are all on one side.
    fn split(&mut self, parts: [Part<'a>; 2], upper: usize, branch: &'a Branch, side: usize) {
        for at in [1, 0] {
            if at != side {
                self.push_one(upper, branch, at);
                continue;
            }
            let mut parts = parts;
            parts[upper] = parts[upper].side(branch, side);
            if self.wants(branch.at, side) && !same(parts[0].link, parts[1].link) {
                self.ahead.push(Ahead::Both(parts, 0));
            }
        }
    }

    fn push_one(&mut self, map: usize, branch: &'a Branch, side: usize) {
        if self.wants(branch.at, side) {
            self.ahead.push(Ahead::One(map, &branch.links[side]));
        }
    }

    /// Whether keys on a side of a branch can start with the prefix.
    fn wants(&self, at: At, side: usize) -> bool {
        !at.is_within(self.prefix.len()) || at.side(self.prefix) == side
    }
}

/// Whether two subtrees have the same entries. Reads nothing.
fn same(a: &Link, b: &Link) -> bool {
    name_of(a) == name_of(b)
}

/// How many branches of two subtrees, from their roots down first sides, are seen to be at the same
/// bits with the same bits before them; the roots are branches at this bit.
fn levels_alike(parts: &mut [Part<'_>; 2], at: At) -> Result<usize, HostError> {
    let is_new = parts.iter().all(|part| part.first.is_none());
    if is_new && let Some(levels) = levels_over_same(parts.each_ref().map(|part| part.link))? {
        return Ok(levels);
    }
    let begins_alike = parting(parts)?.is_none_or(|parting| parting > at);
    Ok(usize::from(begins_alike))
}

/// The same by an equal subtree, or an equal key, beside the way; `None` if there is none. Reads
/// nodes only that both maps do not have.
fn levels_over_same(mut links: [&Link; 2]) -> Result<Option<usize>, HostError> {
    for levels in 0.. {
        match [links[0].child()?, links[1].child()?] {
            [Child::Branch(a), Child::Branch(b)] if a.at == b.at => {
                if [0, 1]
                    .into_iter()
                    .any(|side| same(&a.links[side], &b.links[side]))
                {
                    return Ok(Some(levels + 1));
                }
                links = [&a.links[0], &b.links[0]];
            }
            [Child::Leaf(a), Child::Leaf(b)] if a.key.bytes() == b.key.bytes() => {
                return Ok(Some(levels));
            }
            _ => break,
        }
    }
    Ok(None)
}

/// The first place where the first keys of two subtrees differ.
fn parting(parts: &mut [Part<'_>; 2]) -> Result<Option<At>, HostError> {
    let [a, b] = parts;
    Ok(At::parting(a.first_key()?, b.first_key()?))
}

/// The side of a branch where the keys of the other subtree belong, which part later than those
/// of the branch; `None` if they all are before the branch, or after it.
fn place(
    parts: &mut [Part<'_>; 2],
    upper: usize,
    branch: &Branch,
) -> Result<Option<usize>, HostError> {
    let lower = parts[1 - upper].link;
    if let Some(side) = [0, 1]
        .into_iter()
        .find(|at| same(&branch.links[*at], lower))
    {
        return Ok(Some(side));
    }
    let parting = parting(parts)?;
    let begins_alike = parting.is_none_or(|at| at >= branch.at);
    let key = parts[1 - upper].first_key()?;
    Ok(begins_alike.then(|| branch.at.side(key)))
}

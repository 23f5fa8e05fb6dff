//! Nodes of a map as bytes; `docs/design/map-format.md` is the description.

use alloc::vec::Vec;

use avm_core::{Hash, HostError};

use super::key::At;
use super::{INLINE_MAX, KEY_MAX, VALUE_MAX};

/// First byte of a branch.
pub const BRANCH: u8 = 0xb0;
/// First byte of a leaf.
pub const LEAF: u8 = 0xb1;
/// First byte of the node of a long value.
pub const VALUE: u8 = 0xb2;

/// Length of a branch in bytes.
pub(super) const BRANCH_LEN: usize = 1 + 4 + 2 * SIDE_LEN;
const SIDE_LEN: usize = 32 + 8 + 8;

/// What stands where a node should: the text of [`HostError::BadNode`].
pub(super) type Want = &'static str;

/// Number and size of the entries under a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) entries: u64,
    /// Bytes of all keys and values.
    pub(super) bytes: u64,
}

impl Totals {
    pub(super) fn of_entry(key_len: usize, value_len: usize) -> Self {
        let bytes = key_len as u64 + value_len as u64;
        Self { entries: 1, bytes }
    }
}

/// One child of a branch, as the branch has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    pub(super) hash: Hash,
    pub(super) totals: Totals,
}

/// The value of a leaf.
#[derive(Clone, Copy)]
pub(super) enum LeafValue<'a> {
    Inline(&'a [u8]),
    Long { len: u32, hash: Hash },
}

impl LeafValue<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Inline(value) => value.len(),
            Self::Long { len, .. } => *len as usize,
        }
    }
}

/// A branch or a leaf.
#[derive(Clone, Copy)]
pub(super) enum Node<'a> {
    Branch { at: At, sides: [Side; 2] },
    Leaf { key: &'a [u8], value: LeafValue<'a> },
}

/// A node of a map as those see it who walk nodes themselves, from a name to those under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapNode<'a> {
    /// Two subtrees, by their names.
    Branch([Hash; 2]),
    /// An entry with its value.
    Leaf(&'a [u8], &'a [u8]),
    /// An entry whose value is a node of its own, of this name.
    Long(&'a [u8], Hash),
    /// The value of such an entry.
    Value(&'a [u8]),
}

impl<'a> MapNode<'a> {
    /// Reads a node by itself; whether it belongs under the one above is not looked at. `None` if it
    /// is no node of a map.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        if let Some((&VALUE, value)) = bytes.split_first() {
            return (INLINE_MAX + 1..=VALUE_MAX)
                .contains(&value.len())
                .then_some(Self::Value(value));
        }
        Some(match Node::read(bytes, Claim::default()).ok()? {
            Node::Branch { sides, .. } => Self::Branch(sides.map(|side| side.hash)),
            Node::Leaf {
                key,
                value: LeafValue::Inline(value),
            } => Self::Leaf(key, value),
            Node::Leaf {
                key,
                value: LeafValue::Long { hash, .. },
            } => Self::Long(key, hash),
        })
    }
}

/// What is known about a node before it is read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Claim {
    /// What the branch above says is under the node; nothing is known of a root.
    pub(super) totals: Option<Totals>,
    /// A branch above, and the side of it that the node is on.
    pub(super) under: Option<(At, usize)>,
}

impl<'a> Node<'a> {
    /// Reads a node and holds it against what is known of it.
    ///
    /// Every node has one encoding: what was read is written as the same bytes.
    pub(super) fn read(bytes: &'a [u8], claim: Claim) -> Result<Self, Want> {
        let node = match bytes.split_first() {
            Some((&BRANCH, rest)) => branch(bytes, rest)?,
            Some((&LEAF, rest)) => leaf(rest)?,
            _ => return Err("a branch or a leaf of a map"),
        };
        if claim.totals.is_some_and(|totals| totals != node.totals()) {
            return Err("a node of a map with the sums that the branch above says");
        }
        match (claim.under, &node) {
            (Some((above, _)), Node::Branch { at, .. }) if *at <= above => {
                Err("a branch of a map with a later bit than the one above")
            }
            (Some((above, side)), Node::Leaf { key, .. }) if above.side(key) != side => {
                Err("a leaf of a map on the side of its key")
            }
            _ => Ok(node),
        }
    }

    /// Number and size of the entries under the node.
    pub(super) fn totals(&self) -> Totals {
        match self {
            Node::Branch { sides: [a, b], .. } => Totals {
                entries: a.totals.entries + b.totals.entries,
                bytes: a.totals.bytes + b.totals.bytes,
            },
            Node::Leaf { key, value } => Totals::of_entry(key.len(), value.len()),
        }
    }

    /// Writes the node; the inverse of [`Node::read`].
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Node::Branch { at, sides } => {
                out.push(BRANCH);
                out.extend(at.bit().to_be_bytes());
                for side in sides {
                    out.extend(side.hash.0);
                    out.extend(side.totals.entries.to_be_bytes());
                    out.extend(side.totals.bytes.to_be_bytes());
                }
            }
            Node::Leaf { key, value } => {
                out.push(LEAF);
                out.extend((key.len() as u16).to_be_bytes());
                out.extend(*key);
                out.extend((value.len() as u32).to_be_bytes());
                match value {
                    LeafValue::Inline(value) => out.extend(*value),
                    LeafValue::Long { hash, .. } => out.extend(hash.0),
                }
            }
        }
    }
}

/// The node of a long value.
pub(super) fn write_value(value: &[u8]) -> Vec<u8> {
    let mut node = Vec::with_capacity(1 + value.len());
    node.push(VALUE);
    node.extend(value);
    node
}

/// The value in the node of a long value of `len` bytes.
pub(super) fn read_value(node: &[u8], len: u32) -> Result<&[u8], Want> {
    match node.split_first() {
        Some((&VALUE, value)) if value.len() == len as usize => Ok(value),
        _ => Err("a value of a map with the length that its leaf says"),
    }
}

/// The error of a node that is something else.
#[cold]
pub(super) fn bad(hash: Hash, node: &[u8], want: Want) -> HostError {
    let len = node.len();
    HostError::BadNode { hash, len, want }
}

fn branch<'a>(node: &[u8], mut rest: &[u8]) -> Result<Node<'a>, Want> {
    if node.len() != BRANCH_LEN {
        return Err("a branch of a map, which has 101 bytes");
    }
    let bit = u32::from_be_bytes(take(&mut rest).unwrap_or_default());
    let at = At::of_bit(bit).ok_or("a branch of a map with a bit of the longest key")?;
    let mut side = || Side {
        hash: Hash(take(&mut rest).unwrap_or_default()),
        totals: Totals {
            entries: u64::from_be_bytes(take(&mut rest).unwrap_or_default()),
            bytes: u64::from_be_bytes(take(&mut rest).unwrap_or_default()),
        },
    };
    let sides = [side(), side()];
    // Half of the range is kept free, so that a map can grow without a sum that overflows.
    let sum = |part: fn(&Totals) -> u64| {
        let sum = part(&sides[0].totals).checked_add(part(&sides[1].totals));
        sum.is_some_and(|sum| sum >> 63 == 0)
    };
    if !sum(|totals| totals.entries) || !sum(|totals| totals.bytes) {
        return Err("a branch of a map with sums below 2^63");
    }
    if sides.iter().any(|side| side.totals.entries == 0) {
        return Err("a branch of a map with an entry on each side");
    }
    Ok(Node::Branch { at, sides })
}

fn leaf(mut rest: &[u8]) -> Result<Node<'_>, Want> {
    const SHORT: Want = "a whole leaf of a map";
    let key_len = usize::from(u16::from_be_bytes(take(&mut rest).ok_or(SHORT)?));
    if key_len > KEY_MAX {
        return Err("a leaf of a map with a key of at most 12,288 bytes");
    }
    let (key, mut rest) = rest.split_at_checked(key_len).ok_or(SHORT)?;
    let len = u32::from_be_bytes(take(&mut rest).ok_or(SHORT)?);
    let value = match len as usize {
        0..=INLINE_MAX if rest.len() == len as usize => LeafValue::Inline(rest),
        0..=INLINE_MAX => return Err("a leaf of a map that ends with its value"),
        len_bytes if len_bytes > VALUE_MAX => {
            return Err("a leaf of a map with a value of at most 16 MiB");
        }
        _ => match rest.try_into() {
            Ok(hash) => LeafValue::Long {
                len,
                hash: Hash(hash),
            },
            Err(_) => return Err("a leaf of a map that ends with the name of its value"),
        },
    };
    Ok(Node::Leaf { key, value })
}

/// Takes the first `N` bytes off; `None` if there are fewer.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;

    /// Bytes that are a node often enough: a tag, lengths that fit now and then, and a rest.
    fn node() -> impl Strategy<Value = Vec<u8>> {
        let some = |len: core::ops::Range<usize>| prop::collection::vec(any::<u8>(), len);
        let short_leaf =
            (0u8..8, some(0..8), 0u8..40, some(0..40)).prop_map(|(k, key, v, value)| {
                [&[LEAF, 0, k][..], &key, &[0, 0, 0, v], &value].concat()
            });
        let long_leaf = (some(3..4), 60u8..80, some(30..66))
            .prop_map(|(key, v, hash)| [&[LEAF, 0, 3][..], &key, &[0, 0, 0, v], &hash].concat());
        let sum = || prop_oneof![0u64..3, any::<u64>(), Just(1 << 62)];
        let side = || {
            (any::<[u8; 32]>(), sum(), sum())
                .prop_map(|(hash, n, m)| [&hash[..], &n.to_be_bytes(), &m.to_be_bytes()].concat())
        };
        let branch = (0u32..40_000, side(), side())
            .prop_map(|(bit, a, b)| [&[BRANCH][..], &bit.to_be_bytes(), &a, &b].concat());
        prop_oneof![some(0..110), short_leaf, long_leaf, branch]
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same(bytes in node()) {
            if let Ok(node) = Node::read(&bytes, Claim::default()) {
                let mut again = Vec::new();
                node.write(&mut again);
                prop_assert_eq!(again, bytes);
            }
        }
    }

    #[test]
    fn some_are_read() {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let mut read = [0; 2];
        for _ in 0..2_000 {
            let tree = node().new_tree(&mut runner).expect("nothing is filtered");
            match Node::read(&tree.current(), Claim::default()) {
                Ok(Node::Branch { .. }) => read[0] += 1,
                Ok(Node::Leaf { .. }) => read[1] += 1,
                Err(_) => {}
            }
        }
        assert!(read[0] > 50 && read[1] > 10, "{read:?}");
    }
}

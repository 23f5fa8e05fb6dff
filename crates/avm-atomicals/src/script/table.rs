//! The tables of a call: ordered, authenticated maps, and the form of their keys.

use alloc::vec::Vec;

use avm_core::Hash;
use avm_merkle::map::{Map, NodeHash};

use super::digest::sha256;

/// Nodes of this machine are named by their SHA-256.
#[derive(Clone, Copy, Debug)]
pub enum Sha256 {}

impl NodeHash for Sha256 {
    fn hash(node: &[u8]) -> Hash {
        Hash(sha256(node))
    }
}

/// A table.
pub type Table = Map<Sha256>;

/// Bytes of a name kept without allocating.
const SHORT_NAME: usize = 96;

/// Space and key of a value in the order of the reference: by space, then by key.
///
/// Zeros in the space are followed by one byte 01 and its end is marked by two zeros, so no name
/// of a space runs into the key.
#[derive(Clone, Debug)]
pub enum Key {
    /// A short one.
    Short([u8; SHORT_NAME], u8),
    /// A long one.
    Long(Vec<u8>),
}

impl Key {
    /// The key of a value.
    #[must_use]
    pub fn new(space: &[u8], key: &[u8]) -> Self {
        let zeros = space.iter().filter(|byte| **byte == 0).count();
        let len = space.len() + zeros + 2 + key.len();
        if zeros == 0 && len <= SHORT_NAME {
            let mut bytes = [0; SHORT_NAME];
            bytes[..space.len()].copy_from_slice(space);
            bytes[space.len() + 2..len].copy_from_slice(key);
            return Self::Short(bytes, len as u8);
        }
        let mut bytes = Vec::with_capacity(len);
        for byte in space {
            bytes.push(*byte);
            if *byte == 0 {
                bytes.push(1);
            }
        }
        bytes.extend([0, 0]);
        bytes.extend(key);
        Self::Long(bytes)
    }

    /// Its bytes.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Short(bytes, len) => &bytes[..usize::from(*len)],
            Self::Long(bytes) => bytes,
        }
    }
}

/// Where the key begins in the key of a table. Names with the same bytes before it are of one space.
#[must_use]
pub fn space_end(joined: &[u8]) -> usize {
    let mut at = 0;
    while let Some(zero) = joined[at..].iter().position(|byte| *byte == 0) {
        at = (at + zero + 2).min(joined.len());
        if joined[at - 1] != 1 {
            return at;
        }
    }
    joined.len()
}

/// Space and key of a value, from the key of a table. What has no mark is a space without a key,
/// which only a forged table has.
#[must_use]
pub fn split(joined: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut space = Vec::new();
    let mut rest = joined;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte == 0 {
            let mark = rest.first();
            rest = rest.get(1..).unwrap_or_default();
            if mark != Some(&1) {
                break;
            }
        }
        space.push(*byte);
    }
    (space, rest)
}

/// The key of a withdrawal: token, and number of the output in decimal digits.
#[must_use]
pub fn withdrawal(token: &[u8; 36], output: u32) -> Vec<u8> {
    use alloc::string::ToString;
    let mut key = Vec::from(token);
    key.extend(output.to_string().bytes());
    key
}

/// Token and output of the key of a withdrawal; zero for what only a forged table has.
#[must_use]
pub fn split_withdrawal(key: &[u8]) -> (&[u8], u64) {
    let (token, digits) = key.split_at(key.len().min(36));
    let output = core::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok());
    (token, output.unwrap_or(0))
}

/// The number of an output in a table.
#[must_use]
pub fn number(value: &[u8]) -> u32 {
    value.try_into().map_or(0, u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_space_then_key() {
        let spaces: [&[u8]; 8] = [b"", b"\0", b"\0\0", b"\0\x01", b"a", b"a\0", b"a\0b", b"ab"];
        let keys: [&[u8]; 5] = [b"", b"\0", b"\0\x01k", &[7; 100], b"k"];
        let mut names = Vec::new();
        for space in spaces {
            for key in keys {
                let joined = Key::new(space, key);
                assert_eq!(split(joined.bytes()), (space.to_vec(), key));
                assert_eq!(&joined.bytes()[space_end(joined.bytes())..], key);
                names.push(joined.bytes().to_vec());
            }
        }
        assert!(names.is_sorted_by(|a, b| a < b));
    }
}

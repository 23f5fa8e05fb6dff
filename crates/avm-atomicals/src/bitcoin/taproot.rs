//! The commitment of a taproot output to a key and a tree of scripts. BIP341.

use bitcoin::consensus::Encodable as _;
use bitcoin::hashes::{Hash as _, HashEngine as _};
use bitcoin::taproot::{TapLeafHash, TapNodeHash, TapTweakHash};
use secp256k1::{Parity, Scalar, XOnlyPublicKey};

/// Leaf version of tapscript. BIP342.
pub const TAPSCRIPT: u8 = 0xc0;
/// First byte of an annex.
pub const ANNEX: u8 = 0x50;

const BASE_BYTES: usize = 33;
const NODE_BYTES: usize = 32;
const MAX_NODES: usize = 128;

/// How a script belongs to an output: leaf version and parity, internal key, path to the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlBlock<'a> {
    first: u8,
    internal_key: &'a [u8; 32],
    path: &'a [[u8; NODE_BYTES]],
}

impl<'a> ControlBlock<'a> {
    /// Splits a control block; `None` unless it is 33 bytes and 0 to 128 times 32 bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let (base, path) = bytes.split_at_checked(BASE_BYTES)?;
        let (path, rest) = path.as_chunks();
        let (first, internal_key) = base.split_first()?;
        (rest.is_empty() && path.len() <= MAX_NODES).then_some(Self {
            first: *first,
            internal_key: internal_key.try_into().ok()?,
            path,
        })
    }

    /// Version of the leaf: 0xc0 is tapscript, every other even number is to be defined.
    #[must_use]
    pub const fn leaf_version(&self) -> u8 {
        self.first & 0xfe
    }

    /// Whether the output key commits to the leaf: the internal key, tweaked by the root that the
    /// path leads to, is the output key with the parity that the first bit says.
    #[must_use]
    pub fn commits(&self, output_key: &[u8; 32], leaf: &[u8; 32]) -> bool {
        let root = self
            .path
            .iter()
            .fold(*leaf, |node, other| branch_hash(&node, other));
        let tweaked = output_key_of(self.internal_key, Some(&root));
        tweaked == Some((*output_key, self.first & 1 == 1))
    }
}

/// Hash of a leaf of the tree.
#[must_use]
pub fn leaf_hash(version: u8, script: &[u8]) -> [u8; 32] {
    let mut engine = TapLeafHash::engine();
    engine.input(&[version]);
    bitcoin::VarInt::from(script.len())
        .consensus_encode(&mut engine)
        .expect("a digest takes any bytes");
    engine.input(script);
    TapLeafHash::from_engine(engine).to_byte_array()
}

/// Hash of an inner node; its children have no order.
#[must_use]
pub fn branch_hash(a: &[u8; 32], b: &[u8; 32]) -> [u8; 32] {
    let (a, b) = (
        TapNodeHash::from_byte_array(*a),
        TapNodeHash::from_byte_array(*b),
    );
    TapNodeHash::from_node_hashes(a, b).to_byte_array()
}

/// What is added to an internal key: a digest of the key and the root of the tree, if there is one.
#[must_use]
pub fn tweak_hash(internal_key: &[u8; 32], root: Option<&[u8; 32]>) -> [u8; 32] {
    let mut engine = TapTweakHash::engine();
    engine.input(internal_key);
    if let Some(root) = root {
        engine.input(root);
    }
    TapTweakHash::from_engine(engine).to_byte_array()
}

/// The output key, and whether its Y is odd; `None` if the internal key is not on the curve, or in
/// the case of probability 2^-128 that the tweak is not below the group order or gives no point.
#[must_use]
pub fn output_key_of(internal_key: &[u8; 32], root: Option<&[u8; 32]>) -> Option<([u8; 32], bool)> {
    let key = XOnlyPublicKey::from_byte_array(*internal_key).ok()?;
    let tweak = Scalar::from_be_bytes(tweak_hash(internal_key, root)).ok()?;
    let (output, parity) = key.add_tweak(&tweak).ok()?;
    Some((output.to_byte_array(), parity == Parity::Odd))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// X of the generator.
    const G: [u8; 32] = [
        0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95, 0xce, 0x87, 0x0b,
        0x07, 0x02, 0x9b, 0xfc, 0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b, 0x16, 0xf8,
        0x17, 0x98,
    ];

    #[test]
    fn sizes_of_control_blocks() {
        for (len, good) in [
            (0, false),
            (32, false),
            (33, true),
            (34, false),
            (65, true),
            (33 + 128 * 32, true),
            (33 + 129 * 32, false),
        ] {
            assert_eq!(ControlBlock::new(&vec![0; len]).is_some(), good, "{len}");
        }
    }

    #[test]
    fn commitment() {
        let leaf = leaf_hash(TAPSCRIPT, &[0x51]);
        let other = [7; 32];
        let root = branch_hash(&leaf, &other);
        assert_eq!(root, branch_hash(&other, &leaf));
        let (output, odd) = output_key_of(&G, Some(&root)).unwrap();
        let mut block = [&[TAPSCRIPT | u8::from(odd)][..], &G, &other].concat();
        let commits = |block: &[u8], output: &[u8; 32], leaf: &[u8; 32]| {
            ControlBlock::new(block).unwrap().commits(output, leaf)
        };
        assert!(commits(&block, &output, &leaf));
        assert!(!commits(&block, &output, &leaf_hash(0xc2, &[0x51])));
        assert!(!commits(&block, &G, &leaf));
        assert!(!commits(&block[..33], &output, &leaf), "path cut off");
        block[0] ^= 1;
        assert!(!commits(&block, &output, &leaf), "parity");
        block[0] ^= 1;
        block[1..33].fill(0xff);
        assert!(!commits(&block, &output, &leaf), "key not on the curve");
    }
}

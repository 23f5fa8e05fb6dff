//! What buffer opcodes and `send` need beside the values: paths into the tree of a buffer, and the
//! bytes of a message. Spec: sections 13 and 15.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use avm_arb::nodes::{self, BUFFER_HEIGHT_MAX, Value};
use avm_core::{Bytes, Hash, HostError, Nodes};
use ruint::aliases::U256;

const LEAF: u64 = 32;
const SEND: u8 = 0x70;
const SEND_MAX_BYTES: u64 = 10_000;

/// Appends the bytes of a message to `proof`, and returns the buffer proof. `operands` are the
/// first three of the opcode, which has all it takes.
pub(super) fn attachments(
    opcode: u8,
    operands: [Option<Hash>; 3],
    nodes: &dyn Nodes,
    proof: &mut Vec<u8>,
) -> Result<Vec<u8>, HostError> {
    // Bytes that the opcode touches, and whether it writes.
    let (len, writes) = match opcode {
        0xa1 => (1, false),
        0xa2 => (8, false),
        0xa3 => (32, false),
        0xa4 => (1, true),
        0xa5 => (8, true),
        0xa6 => (32, true),
        SEND => return send(operands, nodes, proof),
        _ => return Ok(vec![]),
    };
    let [a, b, c] = operands;
    let (value, buffer) = if writes { (b, c) } else { (None, b) };
    let mut trees = Trees::new(nodes);
    let offset = int(a, nodes)?.and_then(|word| u64::try_from(word).ok());
    let value = int(value, nodes)?;
    let (Some(offset), Some(tree)) = (offset, trees.buffer(buffer)?) else {
        return Ok(BufferProof::default().to_bytes());
    };
    match (writes, value) {
        (false, _) => trees.get(tree, offset, len),
        (true, Some(value)) => trees.set(tree, offset, len, value),
        (true, None) => Ok(BufferProof::default()),
    }
    .map(|proof| proof.to_bytes())
}

/// The message of a `send` that succeeds; a path that shows the buffer too long if it is.
fn send(
    [size, buffer, _]: [Option<Hash>; 3],
    nodes: &dyn Nodes,
    proof: &mut Vec<u8>,
) -> Result<Vec<u8>, HostError> {
    let trees = Trees::new(nodes);
    let (Some(size), Some(tree)) = (int(size, nodes)?, trees.buffer(buffer)?) else {
        return Ok(vec![]);
    };
    // The reference prover drops the higher bits before it compares.
    let size = size.as_limbs()[0];
    if size > SEND_MAX_BYTES {
        return Ok(vec![]);
    }
    if !trees.ends_before(tree, size)? {
        let access = trees.access(tree, size)?;
        let path = BufferProof {
            words: [access, vec![], vec![], vec![]],
        };
        return Ok(path.to_bytes());
    }
    for index in 0..size.div_ceil(LEAF) {
        let leaf = trees.leaf_at(tree, index)?;
        let len = LEAF.min(size - LEAF * index);
        proof.extend(&leaf[..len as usize]);
    }
    Ok(vec![])
}

/// The word under a name, if it is one.
fn int(value: Option<Hash>, nodes: &dyn Nodes) -> Result<Option<U256>, HostError> {
    match value.map(|value| nodes::value(value, nodes)).transpose()? {
        Some(Value::Int(word)) => Ok(Some(word)),
        _ => Ok(None),
    }
}

/// Access 1, normalisation 1, access 2, normalisation 2.
#[derive(Default)]
struct BufferProof {
    words: [Vec<Hash>; 4],
}

impl BufferProof {
    fn to_bytes(&self) -> Vec<u8> {
        let mut header = [0; 32];
        header[0] = 1;
        for (at, words) in self.words.iter().enumerate() {
            // A path has at most 60 words, so four parts have at most 126.
            header[at + 1] = header[at] + words.len() as u8;
        }
        let mut bytes = Vec::from(header);
        bytes.extend(self.words.iter().flatten().flat_map(|word| word.0));
        bytes
    }
}

/// The tree of a buffer.
#[derive(Clone, Copy)]
struct Tree {
    root: Hash,
    height: u8,
}

/// Trees in the store, and those that a step makes of them.
struct Trees<'a> {
    nodes: &'a dyn Nodes,
    made: BTreeMap<Hash, Bytes>,
    /// Roots of the all-zero trees, by height.
    zeros: Vec<Hash>,
}

impl Nodes for Trees<'_> {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        match self.made.get(&hash) {
            Some(node) => Ok(node.clone()),
            None => self.nodes.get(hash),
        }
    }
}

impl<'a> Trees<'a> {
    fn new(nodes: &'a dyn Nodes) -> Self {
        let mut zeros = vec![Hash::of(&[0; 32])];
        let mut made = BTreeMap::from([(zeros[0], Bytes::from([0; 32]))]);
        for height in 0..usize::from(BUFFER_HEIGHT_MAX) {
            let half = zeros[height];
            let zero = half.join(half);
            made.insert(zero, Bytes::from([half.0, half.0].concat()));
            zeros.push(zero);
        }
        Trees { nodes, made, zeros }
    }

    /// The tree of a value that is a buffer.
    fn buffer(&self, value: Option<Hash>) -> Result<Option<Tree>, HostError> {
        let value = value.map(|value| nodes::value(value, self.nodes));
        let Some(Value::Buffer { root }) = value.transpose()? else {
            return Ok(None);
        };
        let height = nodes::buffer_height(root, self)?;
        Ok(Some(Tree { root, height }))
    }

    // A range that runs over 2^64, or a value of too many bits, is an error; the reference prover
    // wraps round, drops the higher bits, and proves as if it were none. So this does.

    fn get(&self, tree: Tree, offset: u64, len: u64) -> Result<BufferProof, HostError> {
        let first = self.access(tree, offset)?;
        let second = match len {
            1 => vec![],
            _ => self.access(tree, offset.wrapping_add(len - 1))?,
        };
        Ok(BufferProof {
            words: [first, vec![], second, vec![]],
        })
    }

    fn set(
        &mut self,
        tree: Tree,
        offset: u64,
        len: u64,
        value: U256,
    ) -> Result<BufferProof, HostError> {
        let bytes = value.to_be_bytes::<32>();
        let bytes = &bytes[(LEAF - len) as usize..];
        let here = (LEAF - offset % LEAF).min(len) as usize;
        let mut proof = BufferProof::default();
        proof.words[0] = self.access(tree, offset)?;
        let tree = self.write(tree, offset, &bytes[..here])?;
        proof.words[1] = self.normalisation(tree)?;
        if here < bytes.len() {
            proof.words[2] = self.access(tree, offset.wrapping_add(len - 1))?;
            let tree = self.write(tree, offset.wrapping_add(here as u64), &bytes[here..])?;
            proof.words[3] = self.normalisation(tree)?;
        }
        Ok(proof)
    }

    /// Access proof for a byte: its leaf and the siblings of the path, leaf to root. Outside the
    /// tree it is the path that the low bits of the leaf's number lead.
    fn access(&self, tree: Tree, offset: u64) -> Result<Vec<Hash>, HostError> {
        let (leaf, mut siblings) = self.path(tree, offset / LEAF)?;
        siblings.push(Hash(leaf));
        siblings.reverse();
        Ok(siblings)
    }

    /// A leaf, and the siblings of the path to it, root to leaf.
    fn path(&self, tree: Tree, index: u64) -> Result<([u8; 32], Vec<Hash>), HostError> {
        let (mut node, mut siblings) = (tree.root, Vec::with_capacity(61));
        for below in (0..tree.height).rev() {
            let [left, right] = nodes::branch(node, self)?;
            let goes_right = index >> below & 1 == 1;
            let (inner, sibling) = if goes_right {
                (right, left)
            } else {
                (left, right)
            };
            node = inner;
            siblings.push(sibling);
        }
        Ok((nodes::leaf(node, self)?, siblings))
    }

    /// Leaf number `index`.
    fn leaf_at(&self, tree: Tree, index: u64) -> Result<[u8; 32], HostError> {
        match index >> tree.height {
            0 => Ok(self.path(tree, index)?.0),
            _ => Ok([0; 32]),
        }
    }

    /// Whether all bytes from `offset` on are zero.
    fn ends_before(&self, tree: Tree, offset: u64) -> Result<bool, HostError> {
        let index = offset / LEAF;
        if index >> tree.height != 0 {
            return Ok(true);
        }
        let (leaf, siblings) = self.path(tree, index)?;
        let mut levels = (0..tree.height).rev().zip(siblings);
        let right_of_it_is_zero = levels.all(|(below, sibling)| {
            index >> below & 1 == 1 || sibling == self.zeros[usize::from(below)]
        });
        let tail = &leaf[(offset % LEAF) as usize..];
        Ok(right_of_it_is_zero && tail.iter().all(|&byte| byte == 0))
    }

    /// Height and halves of a tree that a write left.
    fn normalisation(&self, tree: Tree) -> Result<Vec<Hash>, HostError> {
        let [left, right] = match tree.height {
            0 => [tree.root, Hash::ZERO],
            _ => nodes::branch(tree.root, self)?,
        };
        let height = Hash(U256::from(tree.height).to_be_bytes());
        Ok(vec![height, left, right])
    }

    /// The tree with bytes of one leaf replaced.
    fn write(&mut self, tree: Tree, offset: u64, bytes: &[u8]) -> Result<Tree, HostError> {
        let index = offset / LEAF;
        let Tree {
            mut root,
            mut height,
        } = tree;
        if index >> height != 0 && bytes.iter().all(|&byte| byte == 0) {
            return Ok(tree);
        }
        while index >> height != 0 {
            root = self.branch(root, self.zeros[usize::from(height)]);
            height += 1;
        }
        let (mut leaf, mut siblings) = self.path(Tree { root, height }, index)?;
        let from = (offset % LEAF) as usize;
        leaf[from..from + bytes.len()].copy_from_slice(bytes);
        root = self.put(&leaf);
        for below in 0..height {
            let sibling = siblings.pop().expect("one sibling a level");
            root = match index >> below & 1 {
                1 => self.branch(sibling, root),
                _ => self.branch(root, sibling),
            };
        }
        // Normal form: no all-zero right half at the root.
        while height > 0 {
            let [left, right] = nodes::branch(root, self)?;
            if right != self.zeros[usize::from(height) - 1] {
                break;
            }
            (root, height) = (left, height - 1);
        }
        Ok(Tree { root, height })
    }

    fn branch(&mut self, left: Hash, right: Hash) -> Hash {
        self.put(&[left.0, right.0].concat())
    }

    fn put(&mut self, node: &[u8]) -> Hash {
        let hash = Hash::keccak(node);
        self.made.insert(hash, node.into());
        hash
    }
}

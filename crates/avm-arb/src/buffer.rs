//! Buffers: sparse arrays of 2^64 bytes as binary trees over leaves of 32 bytes.
//!
//! The tree is the one that is hashed (spec sections 2 and 9): as high as the last non-zero byte
//! asks for, never with an all-zero right half at the root. An all-zero subtree is always the
//! shared node of its height, so a buffer costs memory for what was written only.

use alloc::vec;
use alloc::vec::Vec;

use avm_core::HostError;
use ruint::aliases::U256;

use crate::heap::{HEIGHT_MAX, Heap, Node, NodeRef, ZERO_BUFFER};
use crate::store::Store;
use crate::value::BufferRef;

/// Bytes in a leaf.
const LEAF: usize = 32;

impl Heap {
    /// The buffer that starts with `bytes` and is zero behind them.
    pub(crate) fn buffer_from(&mut self, bytes: &[u8]) -> BufferRef {
        let used = bytes
            .iter()
            .rposition(|&byte| byte != 0)
            .map_or(0, |at| at + 1);
        if used == 0 {
            return ZERO_BUFFER;
        }
        let leaves = bytes[..used].chunks(LEAF).map(|chunk| {
            let mut leaf = [0; LEAF];
            leaf[..chunk.len()].copy_from_slice(chunk);
            leaf
        });
        let mut level: Vec<NodeRef> = leaves.map(|leaf| self.leaf_node(leaf)).collect();
        let mut height = 0;
        while level.len() > 1 {
            let pairs = level.chunks(2).map(|pair| {
                let right = pair.get(1).copied().unwrap_or(NodeRef::zero(height));
                self.branch_node(pair[0], right, height + 1)
            });
            level = pairs.collect();
            height += 1;
        }
        self.buffer(level[0], height)
    }

    /// `len` bytes from `offset` on, at most 32, as a big-endian number.
    #[inline]
    pub(crate) fn read_buffer(
        &mut self,
        buffer: BufferRef,
        offset: u64,
        len: usize,
        store: &Store,
    ) -> Result<U256, HostError> {
        let (index, from) = (offset / LEAF as u64, (offset % LEAF as u64) as usize);
        let mut bytes = [0; 2 * LEAF];
        bytes[..LEAF].copy_from_slice(&self.leaf(buffer, index, store)?);
        if from + len > LEAF {
            bytes[LEAF..].copy_from_slice(&self.leaf(buffer, index + 1, store)?);
        }
        let mut word = [0; LEAF];
        word[LEAF - len..].copy_from_slice(&bytes[from..from + len]);
        Ok(U256::from_be_bytes(word))
    }

    /// The buffer with `bytes`, at most 32, written at `offset`.
    #[inline]
    pub(crate) fn write_buffer(
        &mut self,
        buffer: BufferRef,
        offset: u64,
        bytes: &[u8],
        store: &Store,
    ) -> Result<BufferRef, HostError> {
        let mut height = self.height(buffer, store)?;
        let mut root = self.buffer_cell(buffer).root;
        let (mut index, mut from) = (offset / LEAF as u64, (offset % LEAF as u64) as usize);
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(LEAF - from));
            (root, height) = self.write_leaf((root, height), index, from, now, store)?;
            (bytes, from) = (later, 0);
            index += 1;
        }
        self.normal_buffer(root, height, store)
    }

    /// The first `len` bytes, or `None` if there is a non-zero byte behind them.
    pub(crate) fn prefix(
        &mut self,
        buffer: BufferRef,
        len: usize,
        store: &Store,
    ) -> Result<Option<Vec<u8>>, HostError> {
        let height = self.height(buffer, store)?;
        let mut node = self.buffer_cell(buffer).root;
        // The first leaf with a byte that must be zero, and what lies to the right of its path.
        let index = (len / LEAF) as u64;
        if index >> height == 0 {
            for below in (0..height).rev() {
                let (left, right) = self.halves(node, below + 1, store)?;
                let goes_right = index >> below & 1 == 1;
                if !goes_right && !right.is_zero() {
                    return Ok(None);
                }
                node = if goes_right { right } else { left };
            }
            let leaf = self.leaf_bytes(node, store)?;
            if leaf[len % LEAF..].iter().any(|&byte| byte != 0) {
                return Ok(None);
            }
        }
        let mut bytes = Vec::with_capacity(len.next_multiple_of(LEAF));
        for index in 0..len.div_ceil(LEAF) {
            bytes.extend_from_slice(&self.leaf(buffer, index as u64, store)?);
        }
        bytes.truncate(len);
        Ok(Some(bytes))
    }

    /// Bytes up to the last that is not zero, unless there are more than `max`.
    pub(crate) fn used_bytes(
        &mut self,
        buffer: BufferRef,
        max: usize,
        store: &Store,
    ) -> Result<Option<Vec<u8>>, HostError> {
        let height = self.height(buffer, store)?;
        // Normal form: a tree of two leaves or more has something in its right half.
        let half = (LEAF as u64 / 2) << height;
        if height > 0 && half >= max as u64 {
            return Ok(None);
        }
        let Some(mut bytes) = self.prefix(buffer, 2 * half as usize, store)? else {
            return Ok(None);
        };
        let used = bytes
            .iter()
            .rposition(|&byte| byte != 0)
            .map_or(0, |at| at + 1);
        bytes.truncate(used);
        Ok((used <= max).then_some(bytes))
    }

    /// Appends the bytes of a tree to `bytes`; `None` if a part has not been read.
    pub(crate) fn buffer_bytes(
        &self,
        root: NodeRef,
        height: u8,
        bytes: &mut Vec<u8>,
    ) -> Option<()> {
        let mut pending = vec![(root, height)];
        while let Some((node, height)) = pending.pop() {
            match self.node_cell(node).node {
                Node::Leaf(leaf) => bytes.extend(leaf),
                Node::Branch(left, right) => {
                    pending.extend([(right, height - 1), (left, height - 1)]);
                }
                Node::Stub => return None,
            }
        }
        Some(())
    }

    /// Leaf number `index`.
    #[inline]
    fn leaf(
        &mut self,
        buffer: BufferRef,
        index: u64,
        store: &Store,
    ) -> Result<[u8; LEAF], HostError> {
        let height = self.height(buffer, store)?;
        if index >> height != 0 {
            return Ok([0; LEAF]);
        }
        let mut node = self.buffer_cell(buffer).root;
        for below in (0..height).rev() {
            let (left, right) = self.halves(node, below + 1, store)?;
            node = if index >> below & 1 == 1 { right } else { left };
        }
        self.leaf_bytes(node, store)
    }

    /// A tree with `bytes` written into leaf `index` from byte `from` on.
    fn write_leaf(
        &mut self,
        (mut root, mut height): (NodeRef, u8),
        index: u64,
        from: usize,
        bytes: &[u8],
        store: &Store,
    ) -> Result<(NodeRef, u8), HostError> {
        if index >> height != 0 && bytes.iter().all(|&byte| byte == 0) {
            return Ok((root, height));
        }
        while index >> height != 0 {
            root = self.branch_node(root, NodeRef::zero(height), height + 1);
            height += 1;
        }
        let mut siblings = [NodeRef::zero(0); HEIGHT_MAX as usize];
        let mut node = root;
        for below in (0..height).rev() {
            let (left, right) = self.halves(node, below + 1, store)?;
            let goes_right = index >> below & 1 == 1;
            (node, siblings[usize::from(below)]) = if goes_right {
                (right, left)
            } else {
                (left, right)
            };
        }
        let mut leaf = self.leaf_bytes(node, store)?;
        leaf[from..from + bytes.len()].copy_from_slice(bytes);
        node = self.leaf_node(leaf);
        for below in 0..height {
            let sibling = siblings[usize::from(below)];
            let goes_right = index >> below & 1 == 1;
            node = if goes_right {
                self.branch_node(sibling, node, below + 1)
            } else {
                self.branch_node(node, sibling, below + 1)
            };
        }
        Ok((node, height))
    }

    /// A buffer with all-zero right halves at the root taken away.
    fn normal_buffer(
        &mut self,
        mut root: NodeRef,
        mut height: u8,
        store: &Store,
    ) -> Result<BufferRef, HostError> {
        if root.is_zero() {
            return Ok(ZERO_BUFFER);
        }
        while height > 0 {
            let (left, right) = self.halves(root, height, store)?;
            if !right.is_zero() {
                break;
            }
            (root, height) = (left, height - 1);
        }
        Ok(self.buffer(root, height))
    }

    #[inline]
    fn halves(
        &mut self,
        node: NodeRef,
        height: u8,
        store: &Store,
    ) -> Result<(NodeRef, NodeRef), HostError> {
        let node = match self.node_cell(node).node {
            Node::Stub => self.open_node(node, height, store)?,
            node => node,
        };
        match node {
            Node::Branch(left, right) => Ok((left, right)),
            _ => unreachable!("a node above height 0 is a branch"),
        }
    }

    #[inline]
    fn leaf_bytes(&mut self, node: NodeRef, store: &Store) -> Result<[u8; LEAF], HostError> {
        let node = match self.node_cell(node).node {
            Node::Stub => self.open_node(node, 0, store)?,
            node => node,
        };
        match node {
            Node::Leaf(bytes) => Ok(bytes),
            _ => unreachable!("a node at height 0 is a leaf"),
        }
    }

    fn leaf_node(&mut self, bytes: [u8; LEAF]) -> NodeRef {
        if bytes == [0; LEAF] {
            NodeRef::zero(0)
        } else {
            self.push_node(Node::Leaf(bytes))
        }
    }

    /// The node over two halves; `height` is its own.
    fn branch_node(&mut self, left: NodeRef, right: NodeRef, height: u8) -> NodeRef {
        if left.is_zero() && right.is_zero() {
            NodeRef::zero(height)
        } else {
            self.push_node(Node::Branch(left, right))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    fn store() -> Store {
        Store::default()
    }

    #[test]
    fn writing_zeros_shrinks_to_the_zero_buffer() {
        let mut heap = Heap::new();
        let far = u64::MAX - 31;
        let one = heap
            .write_buffer(ZERO_BUFFER, far, &[7; 32], &store())
            .unwrap();
        assert_eq!(heap.height(one, &store()).unwrap(), HEIGHT_MAX);
        assert_eq!(
            heap.read_buffer(one, far, 32, &store()).unwrap(),
            U256::from_be_bytes([7; 32])
        );
        let none = heap.write_buffer(one, far, &[0; 32], &store()).unwrap();
        assert_eq!(none, ZERO_BUFFER);
    }

    #[test]
    fn a_prefix_refuses_what_lies_behind_it() {
        let mut heap = Heap::new();
        let buffer = heap.buffer_from(&[1, 2, 3]);
        assert_eq!(heap.prefix(buffer, 2, &store()).unwrap(), None);
        assert_eq!(
            heap.prefix(buffer, 3, &store()).unwrap(),
            Some(vec![1, 2, 3])
        );
        assert_eq!(
            heap.prefix(buffer, 5, &store()).unwrap(),
            Some(vec![1, 2, 3, 0, 0])
        );
        let far = heap.write_buffer(buffer, 1 << 40, &[1], &store()).unwrap();
        assert_eq!(heap.prefix(far, 64, &store()).unwrap(), None);
    }

    /// Places where trees change height, and their neighbourhoods.
    fn offset() -> impl Strategy<Value = u64> {
        prop_oneof![
            0u64..200,
            900u64..1100,
            (0u32..64).prop_map(|bit| 1u64 << bit),
            0u64..u64::MAX - 40
        ]
    }

    proptest! {
        /// A buffer is a map from offsets to bytes; its hash depends on the content only.
        #[test]
        fn is_a_map(writes in prop::collection::vec((offset(), prop::collection::vec(0u8..3, 1..=32)), 1..24)) {
            let mut heap = Heap::new();
            let mut buffer = ZERO_BUFFER;
            let mut model = BTreeMap::new();
            for (offset, bytes) in &writes {
                buffer = heap.write_buffer(buffer, *offset, bytes, &store()).unwrap();
                for (at, byte) in bytes.iter().enumerate() {
                    model.insert(offset + at as u64, *byte);
                }
            }
            for offset in model.keys() {
                let len = 32.min(u64::MAX - offset) as usize;
                let mut want = [0; 32];
                for at in 0..len {
                    want[32 - len + at] = model.get(&(offset + at as u64)).copied().unwrap_or(0);
                }
                prop_assert_eq!(heap.read_buffer(buffer, *offset, len, &store()).unwrap(), U256::from_be_bytes(want));
            }
            let mut again = ZERO_BUFFER;
            for (offset, byte) in model.iter().rev() {
                again = heap.write_buffer(again, *offset, &[*byte], &store()).unwrap();
            }
            let (one, two) = (heap.hash(&Value::Buffer(buffer)), heap.hash(&Value::Buffer(again)));
            prop_assert_eq!(one, two);
        }

        #[test]
        fn bytes_round_trip(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut heap = Heap::new();
            let buffer = heap.buffer_from(&bytes);
            prop_assert_eq!(heap.prefix(buffer, bytes.len(), &store()).unwrap(), Some(bytes.clone()));
            let mut written = ZERO_BUFFER;
            for (at, byte) in bytes.iter().enumerate() {
                written = heap.write_buffer(written, at as u64, &[*byte], &store()).unwrap();
            }
            let (one, two) = (heap.hash(&Value::Buffer(buffer)), heap.hash(&Value::Buffer(written)));
            prop_assert_eq!(one, two);
        }
    }
}

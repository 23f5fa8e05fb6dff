//! Nodes of scripts and stacks, shared by all rule sets. `docs/machines/atomicals.md` has the forms.
//!
//! Every node begins with a byte for its kind; bytes that a program chose are never a whole node.

use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Bytes, Hash, HostError, Nodes, Sink};

use super::digest::sha256;
use super::item::Item;

/// Kind of a node with plain bytes.
pub(crate) const BLOB: u8 = 0xc0;
/// Kind of a node with an instruction.
pub(crate) const INSTR: u8 = 0xc1;
/// Kind of a node with an instruction that pushes too much: its opcode and length.
pub(crate) const LONG_PUSH: u8 = 0xc2;
/// Kind of a node with an element of a stack.
pub(crate) const ELEMENT: u8 = 0xc3;

/// Longest element that is part of the list of its stack, in bytes.
const INLINE_BYTES: usize = 64;
/// Longest push that is kept with its bytes. Longer ones fail under every rule set.
pub(crate) const PUSH_MAX: usize = 4_000;

/// Names a node.
#[must_use]
pub fn name(node: &[u8]) -> Hash {
    Hash(sha256(node))
}

/// The node of plain bytes.
#[must_use]
pub(crate) fn blob(bytes: &[u8]) -> Vec<u8> {
    let mut node = Vec::with_capacity(1 + bytes.len());
    node.push(BLOB);
    node.extend_from_slice(bytes);
    node
}

/// Plain bytes by the name of their node.
///
/// # Errors
/// If the node is missing or another one.
pub(crate) fn read_blob(hash: Hash, nodes: &dyn Nodes) -> Result<Bytes, HostError> {
    let node = nodes.get(hash)?;
    match node.split_first() {
        Some((&BLOB, bytes)) => Ok(bytes.into()),
        _ => Err(bad(hash, &node, "a node of plain bytes")),
    }
}

/// A node that is not what its place calls for.
pub(crate) fn bad(hash: Hash, node: &[u8], want: &'static str) -> HostError {
    HostError::BadNode {
        hash,
        len: node.len(),
        want,
    }
}

/// Puts a node under its name, unless the sink has it.
pub(crate) fn put(sink: &mut dyn Sink, node: &[u8]) -> Result<Hash, HostError> {
    let hash = name(node);
    if !sink.has(hash)? {
        sink.put(hash, node)?;
    }
    Ok(hash)
}

/// Reads the fields of a node; whatever is beyond its end makes it a bad one.
pub(crate) struct Fields<'a> {
    hash: Hash,
    node: &'a [u8],
    at: usize,
    want: &'static str,
}

impl<'a> Fields<'a> {
    /// The fields behind the kind of a node.
    pub(crate) fn of(
        hash: Hash,
        node: &'a [u8],
        kind: u8,
        want: &'static str,
    ) -> Result<Self, HostError> {
        let fields = Self {
            hash,
            node,
            at: 1,
            want,
        };
        if node.first() == Some(&kind) {
            Ok(fields)
        } else {
            Err(fields.bad())
        }
    }

    /// The fields of a value of a map, which has no kind and whose node nobody asked for.
    pub(crate) fn plain(value: &'a [u8], want: &'static str) -> Self {
        Self {
            hash: Hash::ZERO,
            node: value,
            at: 0,
            want,
        }
    }

    /// Whether all was read.
    pub(crate) fn at_end(&self) -> bool {
        self.at == self.node.len()
    }

    pub(crate) fn bad(&self) -> HostError {
        bad(self.hash, self.node, self.want)
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], HostError> {
        let end = self.at.checked_add(len);
        let bytes = end.and_then(|end| self.node.get(self.at..end));
        let bytes = bytes.ok_or_else(|| self.bad())?;
        self.at += len;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], HostError> {
        Ok(*self.take(N)?.first_chunk().expect("as many as taken"))
    }

    pub(crate) fn byte(&mut self) -> Result<u8, HostError> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, HostError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, HostError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(crate) fn hash(&mut self) -> Result<Hash, HostError> {
        Ok(Hash(self.array()?))
    }

    pub(crate) fn id(&mut self) -> Result<[u8; 36], HostError> {
        self.array()
    }

    /// All that is left.
    pub(crate) fn rest(mut self) -> Result<&'a [u8], HostError> {
        let left = self.node.len() - self.at;
        self.take(left)
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), HostError> {
        if self.at == self.node.len() {
            Ok(())
        } else {
            Err(self.bad())
        }
    }
}

/// The node of an element above a list of others.
pub(crate) fn element(item: &Item, rest: Hash) -> Vec<u8> {
    let mut node = Vec::with_capacity(37 + item.len().min(INLINE_BYTES));
    node.push(ELEMENT);
    node.extend(rest.0);
    node.extend((item.len() as u32).to_be_bytes());
    match item.as_hidden() {
        Some(hash) => node.extend(hash.0),
        None if item.len() > INLINE_BYTES => node.extend(name(&blob(item.bytes())).0),
        None => node.extend_from_slice(item.bytes()),
    }
    node
}

/// Puts what an element has below its node.
pub(crate) fn save_element(
    item: &Item,
    nodes: Option<&Arc<dyn Nodes>>,
    sink: &mut dyn Sink,
) -> Result<(), HostError> {
    match (item.as_hidden(), nodes) {
        (Some(hash), Some(nodes)) => {
            if !sink.has(hash)? {
                sink.put(hash, &nodes.get(hash)?)?;
            }
        }
        (Some(hash), None) => return Err(HostError::MissingNode { hash }),
        (None, _) if item.len() > INLINE_BYTES => {
            put(sink, &blob(item.bytes()))?;
        }
        (None, _) => {}
    }
    Ok(())
}

/// Copies a list of elements, the lowest first.
pub(crate) fn save_elements(
    list: Hash,
    nodes: &Arc<dyn Nodes>,
    sink: &mut dyn Sink,
) -> Result<(), HostError> {
    let mut missing = Vec::new();
    let mut at = list;
    while at != Hash::ZERO && !sink.has(at)? {
        let (item, rest) = read_element(at, &**nodes)?;
        missing.push((at, item));
        at = rest;
    }
    for (hash, item) in missing.iter().rev() {
        save_element(item, Some(nodes), sink)?;
        sink.put(*hash, &nodes.get(*hash)?)?;
    }
    Ok(())
}

/// The element on top of a list, hidden if it is long, and the rest of the list.
///
/// # Errors
/// If the node is missing or another one.
pub(crate) fn read_element(list: Hash, nodes: &dyn Nodes) -> Result<(Item, Hash), HostError> {
    let node = nodes.get(list)?;
    let mut fields = Fields::of(list, &node, ELEMENT, "an element of a stack")?;
    let rest = fields.hash()?;
    let len = fields.u32()?;
    let item = if len as usize > INLINE_BYTES {
        Item::hidden(fields.hash()?, len)
    } else {
        Item::new(fields.take(len as usize)?)
    };
    fields.end()?;
    Ok((item, rest))
}

/// The bytes of a hidden element.
///
/// # Errors
/// If the node is missing, or has not the length that its list says.
pub(crate) fn reveal(item: &Item, nodes: &dyn Nodes) -> Result<Item, HostError> {
    let Some(hash) = item.as_hidden() else {
        return Ok(item.clone());
    };
    let bytes = read_blob(hash, nodes)?;
    if bytes.len() != item.len() {
        return Err(bad(hash, &bytes, "an element as long as its list says"));
    }
    Ok(bytes.into())
}

//! Values that were not read yet, and names that were taken.

use alloc::boxed::Box;
use alloc::sync::Arc;

use avm_core::{Hash, HostError, Nodes};
use spin::Once;

use super::reference::read_node;
use super::size::Size;
use super::{List, Val};

/// A value in a store: its name, and what the reference said of it.
pub struct Closed {
    pub(super) name: Hash,
    pub(super) size: Size,
    pub(super) nodes: Arc<dyn Nodes>,
    value: Once<Val>,
}

impl Closed {
    pub(super) fn new(name: Hash, size: Size, nodes: Arc<dyn Nodes>) -> Self {
        Self {
            name,
            size,
            nodes,
            value: Once::new(),
        }
    }

    /// Name of its node.
    #[must_use]
    pub fn name(&self) -> Hash {
        self.name
    }

    pub(super) fn size(&self) -> Size {
        self.size
    }

    /// The value, if it was read.
    #[inline]
    pub(super) fn known(&self) -> Option<&Val> {
        self.value.get()
    }

    /// The value; never a closed one.
    #[inline]
    pub(super) fn open(&self) -> Result<&Val, HostError> {
        match self.value.get() {
            Some(value) => Ok(value),
            None => self.read(),
        }
    }

    #[cold]
    fn read(&self) -> Result<&Val, HostError> {
        let (value, _) = read_node(self)?;
        // Two threads may both have read it; they found the same.
        Ok(self.value.call_once(|| value))
    }

    /// The list of `len` items that it must be.
    pub(super) fn open_list(&self, len: u32) -> Result<&List, HostError> {
        match self.open()? {
            Val::List(list) if list.len() == len => Ok(list),
            _ => Err(HostError::BadNode {
                hash: self.name,
                len: self.nodes.get(self.name)?.len(),
                want: "the rest of a list",
            }),
        }
    }

    /// The value that was read, for a list to be dropped piece by piece.
    pub(super) fn into_known(self) -> Option<Val> {
        self.value.try_into_inner()
    }
}

/// The name of a value's node, once it was asked for.
#[derive(Default)]
pub(super) struct NameCell(Once<Box<Hash>>);

impl NameCell {
    pub(super) const fn new() -> Self {
        Self(Once::new())
    }

    pub(super) fn get(&self) -> Option<Hash> {
        self.0.get().map(|name| **name)
    }

    pub(super) fn get_or(&self, name: impl FnOnce() -> Hash) -> Hash {
        **self.0.call_once(|| Box::new(name()))
    }
}

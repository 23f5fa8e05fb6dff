//! A stack of elements, the lower part of which may not have been read yet.

use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Hash, HostError, Nodes, Sink};

use super::item::Item;
use super::node;

/// A stack. Positions count from the top, 0 being the top.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    items: Vec<Item>,
    /// Elements below those in `items` that were not read.
    pub(crate) below: usize,
    /// List of the elements below `items`.
    pub(crate) rest: Hash,
    /// `links[i]` names the list of the elements up to `items[i]`, as far as it is known.
    pub(crate) links: Vec<Hash>,
}

impl Stack {
    /// A stack of which nothing was read.
    pub(crate) fn unread(len: usize, list: Hash) -> Self {
        Self {
            below: len,
            rest: list,
            ..Self::default()
        }
    }

    /// Number of elements, those that were not read counted.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len() + self.below
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements that were read, bottom first.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Element `at` from the top. The loop has seen to it that it is there.
    #[inline]
    #[must_use]
    pub fn peek(&self, at: usize) -> &Item {
        &self.items[self.items.len() - 1 - at]
    }

    /// Puts an element on top.
    #[inline]
    pub fn push(&mut self, item: Item) {
        self.items.push(item);
    }

    /// Puts the first `len` of some bytes on top.
    #[inline(always)]
    pub(crate) fn push_first(&mut self, bytes: &[u8], len: usize) {
        self.items.push(Item::EMPTY);
        if let Some(top) = self.items.last_mut() {
            top.set_first(bytes, len);
        }
    }

    /// Replaces the top by a number.
    #[inline(always)]
    pub(crate) fn set_top_int(&mut self, value: i64) {
        let top = self.items.len() - 1;
        self.forget(top);
        self.items[top].set_int(value);
    }

    /// Takes the top. The loop has seen to it that it is there.
    #[inline]
    pub fn pop(&mut self) -> Item {
        let item = self.items.pop().expect("the loop counted the operands");
        self.forget(self.items.len());
        item
    }

    /// Drops the `count` topmost elements.
    #[inline]
    pub fn drop(&mut self, count: usize) {
        let len = self.items.len() - count;
        self.items.truncate(len);
        self.forget(len);
    }

    /// Copies element `at` from the top to the top.
    #[inline]
    pub fn copy(&mut self, at: usize) {
        let index = self.items.len() - 1 - at;
        self.items.push(Item::EMPTY);
        if let Some((top, below)) = self.items.split_last_mut() {
            top.copy_from(&below[index]);
        }
    }

    /// Takes out element `at` from the top.
    pub fn remove(&mut self, at: usize) -> Item {
        let index = self.items.len() - 1 - at;
        self.forget(index);
        self.items.remove(index)
    }

    /// Puts an element below the `at` topmost.
    pub fn insert(&mut self, at: usize, item: Item) {
        let index = self.items.len() - at;
        self.forget(index);
        self.items.insert(index, item);
    }

    /// Replaces the top.
    #[inline]
    pub fn set_top(&mut self, item: Item) {
        let top = self.items.len() - 1;
        self.forget(top);
        self.items[top] = item;
    }

    /// Exchanges elements `a` and `b`, counted from the top.
    #[inline]
    pub fn swap(&mut self, a: usize, b: usize) {
        let top = self.items.len() - 1;
        self.forget(top - a.max(b));
        self.items.swap(top - a, top - b);
    }

    /// The `count` topmost elements, to be put in another order.
    #[inline]
    pub fn top_mut(&mut self, count: usize) -> &mut [Item] {
        let from = self.items.len() - count;
        self.forget(from);
        &mut self.items[from..]
    }

    /// Replaces element `at` from the top by the same element, now read.
    pub(crate) fn reveal(&mut self, at: usize, item: Item) {
        let index = self.items.len() - 1 - at;
        self.items[index] = item;
    }

    /// Reads elements until the `count` topmost were read, or all.
    ///
    /// # Errors
    /// If a node is missing.
    pub(crate) fn pull(&mut self, count: usize, nodes: &dyn Nodes) -> Result<(), HostError> {
        while self.items.len() < count && self.below > 0 {
            let (item, rest) = node::read_element(self.rest, nodes)?;
            if (self.below == 1) != (rest == Hash::ZERO) {
                let want = "a stack as deep as it says";
                return Err(HostError::BadNode {
                    hash: self.rest,
                    len: self.below,
                    want,
                });
            }
            self.items.insert(0, item);
            self.links.insert(0, self.rest);
            self.rest = rest;
            self.below -= 1;
        }
        Ok(())
    }

    /// The list of all elements. Hashes what changed since it was last asked.
    pub(crate) fn list(&mut self) -> Hash {
        for at in self.links.len()..self.items.len() {
            let below = at
                .checked_sub(1)
                .map_or(self.rest, |below| self.links[below]);
            let node = node::element(&self.items[at], below);
            self.links.push(node::name(&node));
        }
        self.links.last().copied().unwrap_or(self.rest)
    }

    /// Puts the list of all elements into a sink.
    ///
    /// # Errors
    /// If the sink failed, or a node is missing.
    pub(crate) fn save(
        &mut self,
        nodes: Option<&Arc<dyn Nodes>>,
        sink: &mut dyn Sink,
    ) -> Result<Hash, HostError> {
        let list = self.list();
        if list == Hash::ZERO || sink.has(list)? {
            return Ok(list);
        }
        if let Some(nodes) = nodes {
            node::save_elements(self.rest, nodes, sink)?;
        }
        for (at, item) in self.items.iter().enumerate() {
            if sink.has(self.links[at])? {
                continue;
            }
            let below = at
                .checked_sub(1)
                .map_or(self.rest, |below| self.links[below]);
            node::save_element(item, nodes, sink)?;
            sink.put(self.links[at], &node::element(item, below))?;
        }
        Ok(list)
    }

    /// Lists from element `from` on, counted from the bottom of `items`, are not known any more.
    #[inline]
    fn forget(&mut self, from: usize) {
        if self.links.len() > from {
            self.links.truncate(from);
        }
    }
}

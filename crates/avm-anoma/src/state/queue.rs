//! A queue whose older part may still be in the map.

use alloc::collections::VecDeque;

use avm_core::HostError;

use super::keys::Key;
use super::store::{Record, Store};
use crate::value::Val;

/// A queue of records, numbered from the first that ever was in it.
#[derive(Clone, Debug)]
pub struct Queue<T> {
    /// Number of the first item.
    first: u64,
    /// Number of the first item in memory.
    loaded: u64,
    items: VecDeque<T>,
    /// Items that the map has: from, to.
    stored: (u64, u64),
    /// From here on, what the map has is right: an item that was put back need not be the one that
    /// had its number before.
    clean: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self::unread(0, 0)
    }
}

impl<T> Queue<T> {
    /// A queue that is in the map.
    pub fn unread(first: u64, len: u64) -> Self {
        let end = first + len;
        Self {
            first,
            loaded: end,
            items: VecDeque::new(),
            stored: (first, end),
            clean: first,
        }
    }

    /// Number of the first item.
    pub fn first(&self) -> u64 {
        self.first
    }

    #[inline]
    pub fn len(&self) -> u64 {
        self.loaded - self.first + self.items.len() as u64
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub fn push(&mut self, item: T) {
        self.items.push_back(item);
    }
}

impl<T: Record> Queue<T> {
    /// Takes the first item.
    #[inline]
    pub fn pop(
        &mut self,
        store: &Store,
        key: impl FnOnce() -> Key,
    ) -> Result<Option<T>, HostError> {
        if self.is_empty() {
            return Ok(None);
        }
        let item = if self.first < self.loaded {
            store.need(key().number(self.first).bytes())?
        } else {
            self.loaded += 1;
            self.items
                .pop_front()
                .expect("the length says that there is one")
        };
        self.first += 1;
        self.loaded = self.loaded.max(self.first);
        Ok(Some(item))
    }

    /// Puts back what was taken last.
    pub fn unpop(&mut self, item: T, store: &Store, key: Key) -> Result<(), HostError> {
        while self.first < self.loaded {
            self.loaded -= 1;
            self.items
                .push_front(store.need(key.number(self.loaded).bytes())?);
        }
        self.items.push_front(item);
        self.clean = self.clean.max(self.first);
        self.first -= 1;
        self.loaded -= 1;
        Ok(())
    }

    /// All items, in order.
    pub fn all(&self, store: &Store, key: Key) -> Result<alloc::vec::Vec<T>, HostError>
    where
        T: Clone,
    {
        let unread = (self.first..self.loaded).map(|at| store.need(key.number(at).bytes()));
        unread.chain(self.items.iter().cloned().map(Ok)).collect()
    }

    /// Brings the map up to date.
    pub fn sync(&mut self, store: &mut Store, key: Key) -> Result<(), HostError> {
        let (from, to) = self.stored;
        let end = self.first + self.len();
        for at in from..to.min(self.first) {
            store.remove(key.number(at).bytes())?;
        }
        // Items put back, then those after the last.
        let dirty = self.clean.max(from).min(end);
        for at in (self.first..dirty).chain(to.max(self.first).max(dirty)..end) {
            let item = &self.items[usize::try_from(at - self.loaded).expect("in memory")];
            store.put(key.number(at).bytes(), item)?;
        }
        (self.stored, self.clean) = ((self.first, end), self.first);
        Ok(())
    }

    /// Every value in memory.
    pub fn each_val(&self, found: &mut dyn FnMut(&Val)) {
        self.items.iter().for_each(|item| item.each_val(found));
    }
}

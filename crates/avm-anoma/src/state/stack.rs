//! A stack whose lower part may still be in the map.

use alloc::vec::Vec;
use core::marker::PhantomData;

use avm_core::HostError;

use super::keys::Key;
use super::store::{Record, Store};
use crate::value::Val;

/// A stack of records. What lies deepest is read when it comes to the top; what changed is written
/// when a hash is asked for.
#[derive(Clone, Debug)]
pub struct Stack<T> {
    /// Items that are in the map only.
    unread: u32,
    /// Those above.
    items: Vec<T>,
    /// Items that the map has as they are.
    clean: u32,
    /// Items that the map has.
    stored: u32,
    what: PhantomData<T>,
}

impl<T> Default for Stack<T> {
    fn default() -> Self {
        Self::unread(0)
    }
}

impl<T> Stack<T> {
    /// A stack that is in the map.
    pub fn unread(len: u32) -> Self {
        Self {
            unread: len,
            items: Vec::new(),
            clean: len,
            stored: len,
            what: PhantomData,
        }
    }

    #[inline]
    pub fn len(&self) -> u32 {
        self.unread + self.items.len() as u32
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub fn push(&mut self, item: T) {
        self.items.push(item);
    }

    /// The top, if it was read.
    #[inline]
    pub fn top(&self) -> Option<&T> {
        self.items.last()
    }

    /// The top to be changed, if it was read.
    #[inline]
    pub fn top_mut(&mut self) -> Option<&mut T> {
        let below = self.len().saturating_sub(1);
        self.clean = self.clean.min(below);
        self.items.last_mut()
    }

    /// Item `index` of those in memory, to be changed.
    pub fn loaded_mut(&mut self, index: u32) -> &mut T {
        self.clean = self.clean.min(index);
        &mut self.items[(index - self.unread) as usize]
    }

    /// Whether the top has to be read first.
    #[inline]
    pub fn wants(&self) -> bool {
        self.items.is_empty() && self.unread > 0
    }

    /// Takes the top off, which was read.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        let item = self.items.pop();
        self.clean = self.clean.min(self.len());
        item
    }

    /// Takes all off.
    pub fn clear(&mut self) {
        self.items.clear();
        (self.unread, self.clean) = (0, 0);
    }

    /// Items in memory, the lowest first.
    pub fn loaded(&self) -> &[T] {
        &self.items
    }

    /// Items below those.
    pub fn unread_len(&self) -> u32 {
        self.unread
    }
}

impl<T: Record> Stack<T> {
    /// Reads the top if it was not.
    #[inline]
    pub fn ready(&mut self, store: &Store, key: impl FnOnce() -> Key) -> Result<(), HostError> {
        match self.wants() {
            true => self.read_top(store, key()),
            false => Ok(()),
        }
    }

    #[cold]
    fn read_top(&mut self, store: &Store, key: Key) -> Result<(), HostError> {
        let item = store.need(key.at(self.unread - 1).bytes())?;
        self.unread -= 1;
        self.items.push(item);
        Ok(())
    }

    /// Reads all of it.
    pub fn load_all(&mut self, store: &Store, key: Key) -> Result<(), HostError> {
        let below = (0..self.unread).map(|at| store.need(key.at(at).bytes()));
        let mut items = below.collect::<Result<Vec<T>, _>>()?;
        items.append(&mut self.items);
        (self.items, self.unread) = (items, 0);
        Ok(())
    }

    /// Item `index` of all.
    pub fn get(&mut self, index: u32, store: &Store, key: Key) -> Result<&T, HostError> {
        while index < self.unread {
            let item = store.need(key.at(self.unread - 1).bytes())?;
            self.unread -= 1;
            self.items.insert(0, item);
        }
        Ok(&self.items[(index - self.unread) as usize])
    }

    /// Brings the map up to date.
    pub fn sync(&mut self, store: &mut Store, key: Key) -> Result<(), HostError> {
        let len = self.len();
        for index in len..self.stored {
            store.remove(key.at(index).bytes())?;
        }
        for index in self.clean..len {
            store.put(
                key.at(index).bytes(),
                &self.items[(index - self.unread) as usize],
            )?;
        }
        (self.clean, self.stored) = (len, len);
        Ok(())
    }

    /// Every value in memory.
    pub fn each_val(&self, found: &mut dyn FnMut(&Val)) {
        self.items.iter().for_each(|item| item.each_val(found));
    }
}

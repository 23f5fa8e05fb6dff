//! Maps: entries in the order of the encodings of their keys.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::HostError;

use super::closed::NameCell;
use super::size::{Size, leb};
use super::{List, Val, ValueError};

/// Entries by key. A change copies the entries, not what they hold.
#[derive(Default)]
pub struct ValMap {
    entries: Vec<Entry>,
    /// Of all keys and values.
    body: Size,
    name: NameCell,
}

/// A key and its value.
#[derive(Clone)]
pub(super) struct Entry {
    /// Canonical encoding of the key, by which entries are sorted.
    pub(super) key_bytes: Arc<[u8]>,
    pub(super) key: Val,
    pub(super) value: Val,
}

impl ValMap {
    /// A map of these entries; of equal keys the last one counts.
    ///
    /// # Errors
    /// If it would be too long or too deep, a key holds a closure or a closed key cannot be read.
    pub fn collect(entries: impl IntoIterator<Item = (Val, Val)>) -> Result<Self, ValueError> {
        let mut sorted = Vec::new();
        for (key, value) in entries {
            sorted.push((key.clone(), key_bytes(&key)?, value));
        }
        // Stable, so of equal keys the last one stays last.
        sorted.sort_by(|(_, one, _), (_, two, _)| one.cmp(two));
        let mut last: Vec<(Val, Box<[u8]>, Val)> = Vec::with_capacity(sorted.len());
        for entry in sorted {
            match last.last_mut().filter(|before| before.1 == entry.1) {
                Some(before) => *before = entry,
                None => last.push(entry),
            }
        }
        Self::from_sorted(last)
    }

    /// A map of entries that are in order, each with the encoding of its key.
    pub(super) fn from_sorted(entries: Vec<(Val, Box<[u8]>, Val)>) -> Result<Self, ValueError> {
        let entries = entries.into_iter().map(|(key, key_bytes, value)| Entry {
            key_bytes: key_bytes.into(),
            key,
            value,
        });
        Self::from_entries(entries.collect())
    }

    /// A map read from its node; `None` if the entries are not those of a map, in order.
    pub(super) fn from_refs(entries: Vec<(Val, Val)>) -> Result<Option<Self>, HostError> {
        let mut sorted: Vec<(Val, Box<[u8]>, Val)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let key_bytes = match key_bytes(&key) {
                Ok(key_bytes) => key_bytes,
                Err(ValueError::Host(error)) => return Err(error),
                Err(_) => return Ok(None),
            };
            if sorted.last().is_some_and(|last| last.1 >= key_bytes) {
                return Ok(None);
            }
            sorted.push((key, key_bytes, value));
        }
        Ok(Self::from_sorted(sorted).ok())
    }

    fn from_entries(entries: Vec<Entry>) -> Result<Self, ValueError> {
        let mut body = Size::NONE;
        for entry in &entries {
            body = body.join(entry.key.size()).join(entry.value.size());
        }
        let map = Self {
            entries,
            body,
            name: NameCell::new(),
        };
        map.size().check()?;
        Ok(map)
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn name_cell(&self) -> &NameCell {
        &self.name
    }

    pub(super) fn size(&self) -> Size {
        self.body.around(1 + leb(self.len()))
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.entries.len() as u32
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a key.
    ///
    /// # Errors
    /// If the key is closed and cannot be read.
    pub fn get(&self, key: &Val) -> Result<Option<&Val>, HostError> {
        let found = self.find(&key.to_bytes()?).ok();
        Ok(found.map(|at| &self.entries[at].value))
    }

    /// The map with this entry in place of that of the same key, if there was one.
    ///
    /// # Errors
    /// If it would be too long or too deep, the key holds a closure or cannot be read.
    pub fn put(&self, key: Val, value: Val) -> Result<Self, ValueError> {
        let key_bytes = key_bytes(&key)?;
        let place = self.find(&key_bytes);
        let entry = Entry {
            key_bytes: key_bytes.into(),
            key,
            value,
        };
        let mut entries = Vec::with_capacity(self.entries.len() + 1);
        entries.extend_from_slice(&self.entries);
        match place {
            Ok(at) => entries[at] = entry,
            Err(at) => entries.insert(at, entry),
        }
        Self::from_entries(entries)
    }

    /// The map without the entry of a key.
    ///
    /// # Errors
    /// If the key is closed and cannot be read.
    pub fn del(&self, key: &Val) -> Result<Self, ValueError> {
        let mut entries = self.entries.clone();
        if let Ok(at) = self.find(&key.to_bytes()?) {
            entries.remove(at);
        }
        Self::from_entries(entries)
    }

    /// The keys in their order, as a list.
    ///
    /// # Errors
    /// [`ValueError::TooLong`] cannot be: the list is shorter than the map.
    pub fn keys(&self) -> Result<List, ValueError> {
        List::collect(self.entries.iter().map(|entry| entry.key.clone()))
    }

    /// The values in the order of their keys, as a list.
    ///
    /// # Errors
    /// As [`ValMap::keys`].
    pub fn values(&self) -> Result<List, ValueError> {
        List::collect(self.entries.iter().map(|entry| entry.value.clone()))
    }

    /// Keys and values, in the order of keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Val, &Val)> {
        self.entries.iter().map(|entry| (&entry.key, &entry.value))
    }

    fn find(&self, key: &[u8]) -> Result<usize, usize> {
        self.entries
            .binary_search_by(|entry| (*entry.key_bytes).cmp(key))
    }
}

impl Default for Size {
    fn default() -> Self {
        Self::NONE
    }
}

impl From<ValMap> for Val {
    fn from(map: ValMap) -> Self {
        Self::Map(Arc::new(map))
    }
}

fn key_bytes(key: &Val) -> Result<Box<[u8]>, ValueError> {
    if !key.is_passable() {
        return Err(ValueError::NotPassable);
    }
    Ok(key.to_bytes()?.into())
}

//! Lists chunk by chunk.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{CHUNK, Chunk, Entries, Entry, List, Rest, Top};
use crate::value::Val;
use crate::value::closed::NameCell;
use crate::value::size::{Size, leb};

/// A list piece by piece, for encodings, names and comparisons.
impl List {
    /// The items of the first chunk, first to last.
    pub(in crate::value) fn chunk_items(&self) -> impl ExactSizeIterator<Item = &Val> {
        let entries = self
            .chunk
            .as_ref()
            .map(|chunk| &chunk.entries[..=self.top as usize]);
        let entries = entries.unwrap_or_default();
        entries.iter().rev().map(|entry| &entry.value)
    }

    /// What is behind the first chunk.
    pub(in crate::value) fn rest(&self) -> &Rest {
        self.chunk.as_ref().map_or(&Rest::None, |chunk| &chunk.rest)
    }

    /// The list of a chunk that is the rest of another one.
    pub(in crate::value) fn of_rest(chunk: &Arc<Chunk>) -> Self {
        Self {
            top: Top::T15,
            chunk: Some(chunk.clone()),
        }
    }

    /// Where the name is kept, if this list has such a place.
    pub(in crate::value) fn name_cell(&self) -> Option<&NameCell> {
        let chunk = self.chunk.as_ref()?;
        (self.top as usize + 1 == chunk.entries.len()).then_some(&chunk.name)
    }

    /// Whether both are the same piece of memory.
    #[inline]
    pub(in crate::value) fn same(&self, other: &Self) -> bool {
        match (&self.chunk, &other.chunk) {
            (Some(one), Some(two)) => self.top == other.top && Arc::ptr_eq(one, two),
            (one, two) => one.is_none() && two.is_none(),
        }
    }

    /// A list read from a node: the items of its first chunk, first to last, and what is behind.
    /// `None` if that is no list as this module builds it.
    pub(in crate::value) fn from_parts(items: Vec<Val>, rest: Rest, len: u32) -> Option<Self> {
        let rest_len = len.checked_sub(items.len() as u32)?;
        let body = match &rest {
            Rest::None => Some(Size::NONE),
            Rest::Chunk(chunk) => Some(chunk.entries.get(CHUNK - 1)?.upto),
            Rest::Closed(closed) => Some(Size {
                len: closed.size.len.checked_sub(1 + leb(rest_len))?,
                depth: closed.size.depth.checked_sub(1)?,
                closure: closed.size.closure,
            }),
        };
        let top = items.len().checked_sub(1).filter(|&top| top < CHUNK)?;
        let mut entries = Entries::with_capacity(items.len());
        let mut upto = body?;
        for value in items.into_iter().rev() {
            upto = upto.join(value.size());
            entries.push(Entry { value, upto });
        }
        let chunk = Chunk {
            entries,
            rest,
            rest_len,
            name: NameCell::new(),
        };
        Some(Self {
            top: Top::new(top),
            chunk: Some(Arc::new(chunk)),
        })
    }

    /// The first chunk, if it is a whole one: the rest of another list.
    pub(in crate::value) fn into_rest(self) -> Option<Rest> {
        match (self.top, self.chunk) {
            (Top::T15, Some(chunk)) => Some(Rest::Chunk(chunk)),
            _ => None,
        }
    }
}

//! Building lists from their end.

use alloc::sync::Arc;
use core::mem;

use super::{CHUNK, Chunk, Entries, Entry, List, Rest, Top, list_size};
use crate::value::closed::NameCell;
use crate::value::size::Size;
use crate::value::{Val, ValueError};

/// A list whose first chunk has these items, the last one first, before a rest of `rest_len` items
/// and these sizes.
#[inline]
pub(super) fn chunk(
    items: impl Iterator<Item = Val>,
    rest: Rest,
    rest_len: u32,
    rest_body: Size,
) -> Result<List, ValueError> {
    let mut upto = rest_body;
    let mut entries = Entries::new();
    for value in items {
        upto = upto.join(value.size());
        entries.push(Entry { value, upto });
    }
    close(entries, rest, rest_len)
}

/// A list of these entries and what is behind them.
#[inline]
pub(super) fn close(entries: Entries, rest: Rest, rest_len: u32) -> Result<List, ValueError> {
    let last = entries.last().expect("a chunk has an item");
    list_size(rest_len + entries.len() as u32, last.upto).check()?;
    let top = Top::new(entries.len() - 1);
    let chunk = Chunk {
        entries,
        rest,
        rest_len,
        name: NameCell::new(),
    };
    Ok(List {
        top,
        chunk: Some(Arc::new(chunk)),
    })
}

/// The front of a list that is being built.
pub(super) struct Front {
    entries: Entries,
    /// Of the entries and all behind them.
    body: Size,
    rest: Rest,
    rest_len: u32,
}

impl Front {
    #[inline]
    pub(super) fn onto(list: List) -> Self {
        let body = list.body();
        let Some(mut shared) = list.chunk else {
            return Self {
                entries: Entries::new(),
                body,
                rest: Rest::None,
                rest_len: 0,
            };
        };
        let seen = list.top as usize + 1;
        if seen == CHUNK {
            return Self {
                entries: Entries::new(),
                body,
                rest_len: shared.rest_len + CHUNK as u32,
                rest: Rest::Chunk(shared),
            };
        }
        let rest_len = shared.rest_len;
        let (entries, rest) = match Arc::get_mut(&mut shared) {
            Some(chunk) => {
                chunk.entries.truncate(seen);
                (mem::take(&mut chunk.entries), mem::take(&mut chunk.rest))
            }
            None => {
                let mut entries = Entries::with_capacity(if seen < 4 { 4 } else { CHUNK });
                entries.extend(shared.entries[..seen].iter().cloned());
                (entries, shared.rest.clone())
            }
        };
        Self {
            entries,
            body,
            rest,
            rest_len,
        }
    }

    #[inline]
    pub(super) fn push(&mut self, value: Val) -> Result<(), ValueError> {
        if self.entries.len() == CHUNK {
            // Stops a list that can no longer be short enough before it is built.
            list_size(0, self.body).check()?;
            self.close();
        }
        self.body = self.body.join(value.size());
        let upto = self.body;
        self.entries.push(Entry { value, upto });
        Ok(())
    }

    /// Makes the entries a chunk of the rest.
    fn close(&mut self) {
        let chunk = Chunk {
            entries: mem::replace(&mut self.entries, Entries::with_capacity(CHUNK)),
            rest: mem::take(&mut self.rest),
            rest_len: self.rest_len,
            name: NameCell::new(),
        };
        self.rest = Rest::Chunk(Arc::new(chunk));
        self.rest_len += CHUNK as u32;
    }

    #[inline]
    pub(super) fn finish(self) -> Result<List, ValueError> {
        if !self.entries.is_empty() {
            return close(self.entries, self.rest, self.rest_len);
        }
        Ok(match self.rest {
            Rest::Chunk(chunk) => List {
                top: Top::T15,
                chunk: Some(chunk),
            },
            _ => List::EMPTY,
        })
    }
}

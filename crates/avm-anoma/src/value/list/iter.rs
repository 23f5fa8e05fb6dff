//! Lists item by item.

use avm_core::HostError;

use super::{CHUNK, Chunk, List};
use crate::value::Val;

/// Items of a list, first to last. Ends behind an item that could not be read.
#[derive(Clone)]
pub struct Iter<'a> {
    pub(super) chunk: Option<&'a Chunk>,
    /// Entries of `chunk` that are still to come.
    pub(super) left: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<&'a Val, HostError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let chunk = self.chunk?;
        if self.left > 0 {
            self.left -= 1;
            return Some(Ok(&chunk.entries[self.left].value));
        }
        self.next_chunk(chunk)
    }
}

impl<'a> Iter<'a> {
    fn next_chunk(&mut self, chunk: &'a Chunk) -> Option<Result<&'a Val, HostError>> {
        self.chunk = None;
        match chunk.next() {
            Ok(next) => self.chunk = next.map(|next| &**next),
            Err(error) => return Some(Err(error)),
        }
        self.left = CHUNK - 1;
        self.chunk.map(|next| Ok(&next.entries[CHUNK - 1].value))
    }
}

impl<'a> IntoIterator for &'a List {
    type Item = Result<&'a Val, HostError>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

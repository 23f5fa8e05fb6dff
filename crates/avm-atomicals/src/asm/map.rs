//! Where each byte of the code comes from.

use alloc::string::String;
use alloc::vec::Vec;

use super::error::Span;

/// A place in a source text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the text.
    pub file: String,
    /// Where in it.
    pub span: Span,
}

/// Byte offsets of code and the words they come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceMap {
    pub(super) files: Vec<String>,
    pub(super) entries: Vec<Entry>,
}

/// A word and the first byte of its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) offset: u32,
    pub(super) file: u32,
    pub(super) span: Span,
}

impl SourceMap {
    /// The word that the byte at `offset` comes from; `None` in front of the first.
    #[must_use]
    pub fn at(&self, offset: usize) -> Option<Place> {
        let after = |entry: &Entry| entry.offset as usize <= offset;
        let index = self.entries.partition_point(after).checked_sub(1)?;
        Some(self.place(self.entries[index]))
    }

    /// Offsets of all instructions and the words they come from, in the order of the code.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Place)> {
        let entries = self.entries.iter();
        entries.map(|entry| (entry.offset as usize, self.place(*entry)))
    }

    /// Names of the texts, the main one first.
    #[must_use]
    pub fn files(&self) -> &[String] {
        &self.files
    }

    fn place(&self, entry: Entry) -> Place {
        Place {
            file: self.files[entry.file as usize].clone(),
            span: entry.span,
        }
    }
}

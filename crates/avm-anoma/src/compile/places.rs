//! Lines and columns of a text.

use alloc::string::String;
use alloc::vec::Vec;

use avm_lang::span::Span;

/// Tells lines and columns of one source text. Places in other texts, such as the prelude, are
/// unknown to it.
#[derive(Clone, Debug, Default)]
pub struct Places {
    file: u32,
    text: String,
    /// Byte where each line starts.
    lines: Vec<usize>,
}

impl Places {
    /// For the text that spans call `file`.
    #[must_use]
    pub fn new(file: u32, text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = ends.map(|(at, _)| at + 1);
        Self {
            file,
            text: String::from(text),
            lines: core::iter::once(0).chain(starts).collect(),
        }
    }

    /// Line and column of the start of a span, both from 1, the column in characters; zeros if the
    /// span is not in the text.
    #[must_use]
    pub fn of(&self, span: Span) -> (u32, u32) {
        let at = span.start as usize;
        if span.file != self.file || span.end <= span.start {
            return (0, 0);
        }
        let line = self.lines.partition_point(|start| *start <= at);
        let Some(before) = line
            .checked_sub(1)
            .and_then(|l| self.text.get(self.lines[l]..at))
        else {
            return (0, 0);
        };
        (line as u32, before.chars().count() as u32 + 1)
    }
}

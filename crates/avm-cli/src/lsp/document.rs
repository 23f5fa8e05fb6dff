//! A text that the client edits, and places in it.
//!
//! The protocol counts lines from 0 and columns in UTF-16 units; spans count bytes. Whatever a
//! client sends, a place is in the text and between characters: what lies behind a line is its
//! end, what lies behind the text is its end.

use avm_lang::span::Span;
use gen_lsp_types::{Position, Range};

/// A text.
#[derive(Clone, Debug, Default)]
pub struct Document {
    text: String,
    /// Byte at which each line begins.
    lines: Vec<usize>,
}

impl Document {
    /// A text as it is opened.
    #[must_use]
    pub fn new(text: String) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        Self { text, lines }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Replaces a part.
    pub fn replace(&mut self, range: Range, with: &str) {
        let (start, end) = (self.byte(range.start), self.byte(range.end));
        let mut text = std::mem::take(&mut self.text);
        text.replace_range(start..end.max(start), with);
        *self = Self::new(text);
    }

    /// Byte of a place.
    #[must_use]
    pub fn byte(&self, position: Position) -> usize {
        let line = position.line as usize;
        let Some(start) = self.lines.get(line).copied() else {
            return self.text.len();
        };
        let next = self.lines.get(line + 1).copied();
        let line = &self.text[start..next.unwrap_or(self.text.len())];
        let line = line.trim_end_matches(['\r', '\n']);
        let mut units = 0;
        for (at, c) in line.char_indices() {
            units += c.len_utf16();
            if units > position.character as usize {
                return start + at;
            }
        }
        start + line.len()
    }

    /// Place of a byte.
    #[must_use]
    pub fn position(&self, byte: usize) -> Position {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        // The first line begins at 0, so there is one that begins before.
        let line = self.lines.partition_point(|start| *start <= byte) - 1;
        let before = &self.text[self.lines[line]..byte];
        let units: usize = before.chars().map(char::len_utf16).sum();
        // Texts are shorter than 2^32: messages are.
        Position::new(line as u32, units as u32)
    }

    /// Place of a span.
    #[must_use]
    pub fn range(&self, span: Span) -> Range {
        let start = self.position(span.start as usize);
        Range::new(start, self.position(span.end as usize).max(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_bytes() {
        let document = Document::new("ab\r\n\u{1f600}c\n\né".into());
        // line, column, byte; then the column that comes back
        let cases = [
            (0, 0, 0, 0),
            (0, 2, 2, 2),
            (0, 9, 2, 2),
            (1, 0, 4, 0),
            (1, 1, 4, 0),
            (1, 2, 8, 2),
            (1, 3, 9, 3),
            (2, 0, 10, 0),
            (3, 1, 13, 1),
        ];
        for (line, column, byte, back) in cases {
            let position = Position::new(line, column);
            assert_eq!(document.byte(position), byte, "{position:?}");
            assert_eq!(document.position(byte), Position::new(line, back));
        }
        assert_eq!(document.byte(Position::new(u32::MAX, u32::MAX)), 13);
        assert_eq!(document.position(usize::MAX), Position::new(3, 1));
        assert_eq!(document.position(6), Position::new(1, 0));
    }

    #[test]
    fn edits() {
        let mut document = Document::new("(f)\n(g)\n".into());
        let range = |a, b, c, d| Range::new(Position::new(a, b), Position::new(c, d));
        document.replace(range(0, 1, 0, 2), "abc");
        document.replace(range(1, 0, 9, 9), "");
        assert_eq!(document.text(), "(abc)\n");
        document.replace(range(0, 3, 0, 1), "x");
        assert_eq!(document.text(), "(abxc)\n");
    }
}

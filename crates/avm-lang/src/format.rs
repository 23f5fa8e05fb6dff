//! The formatter behind `avm fmt`: the same tokens and comments, laid out by the conventions of
//! Scheme.
//!
//! - A list stays on one line if it fits and the author did not spread it. Otherwise bodies are
//!   two columns in, arguments stand under each other, and keywords keep their values.
//! - Comments stay where they are: on their own line, or behind what they are behind.
//! - One blank line is kept where there were some.
//! - Data, patterns and lists of names keep the line breaks of the author, and are filled up.
//!
//! Formatting what was formatted changes nothing: every line break that decides about the layout
//! is there again afterwards, at the same place.
//!
//! Read in this order: `tree`, `style`, `measure`, `write`. None of them recurses.

mod measure;
mod style;
mod tree;
mod write;

use alloc::string::String;
use alloc::vec::Vec;

use crate::diagnostic::Diagnostic;
use crate::{lexer, reader};

/// Columns that a line has at most, unless a single word is longer.
pub const WIDTH: usize = 100;
/// Lines begin at most this far in, however deep they are, so that the result of a text of `n`
/// bytes has never more than a fixed multiple of `n`.
const INDENT_MAX: usize = 72;

/// The text in its canonical layout; empty if there is nothing in it, otherwise ending with one
/// end of line.
///
/// # Errors
/// What the lexer and the reader find, such as parentheses that do not balance. `file` is the number of the
/// text in the spans.
pub fn format(source: &str, file: u32) -> Result<String, Vec<Diagnostic>> {
    let (_, diagnostics) = reader::read(source, file);
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    let (tokens, _) = lexer::lex(source, file);
    let tree = tree::Tree::new(source, tokens);
    let styles = style::styles(&tree);
    let sizes = measure::sizes(&tree, &styles);
    Ok(write::Writer::new(&tree, &styles, &sizes).write())
}

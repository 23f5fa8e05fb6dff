//! What is wrong with a text, where, and what to do about it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::span::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing can be run.
    Error,
    /// It can be run, but is likely not what is meant.
    Warning,
}

/// One finding about a source text.
///
/// Spec: 24.6. Codes `E0xx` are about the text itself (lexer, reader, forms, imports), `E1xx` and
/// `W2xx` are those of the table there, but for `W205`: exported and not defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Its code, for example `E101`.
    pub code: &'static str,
    /// One line: what is wrong.
    pub message: String,
    /// Where.
    pub span: Span,
    /// Other places that have to do with it.
    pub notes: Vec<(Span, String)>,
    /// One concrete change.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            span,
            notes: Vec::new(),
            help: None,
        }
    }

    /// A warning.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, span, message)
        }
    }

    /// The same with one more place.
    pub fn note(mut self, span: Span, text: impl Into<String>) -> Self {
        self.notes.push((span, text.into()));
        self
    }

    /// The same with advice.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Whether nothing can be run because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The texts that spans point into.
pub trait Sources {
    /// Name and text of the file of that number, if it is known.
    fn source(&self, file: u32) -> Option<(&str, &str)>;
}

/// A single text: name, number, text.
impl Sources for (&str, u32, &str) {
    fn source(&self, file: u32) -> Option<(&str, &str)> {
        (file == self.1).then_some((self.0, self.2))
    }
}

/// Orders by place, errors before warnings there, and drops repetitions.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| {
        (a.span, a.severity, a.code, &a.message).cmp(&(b.span, b.severity, b.code, &b.message))
    });
    diagnostics.dedup();
}

/// Line and column of a byte, both from 1; the column counts characters.
pub fn position(text: &str, byte: u32) -> (usize, usize) {
    let (line, start) = line_of(text, byte);
    let end = floor(text, byte as usize);
    (line, text[start..end].chars().count() + 1)
}

/// All of them as text, each followed by an empty line.
pub fn render_all(diagnostics: &[Diagnostic], sources: &dyn Sources) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&render(diagnostic, sources));
        out.push('\n');
    }
    out
}

/// One finding as text: `file:line:col: error[E101]: message`, the line with a caret under the
/// place, notes in the same form, help.
pub fn render(diagnostic: &Diagnostic, sources: &dyn Sources) -> String {
    let word = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let head = format!("{word}[{}]: {}", diagnostic.code, diagnostic.message);
    let mut out = String::new();
    place(&mut out, sources, diagnostic.span, &head);
    for (span, text) in &diagnostic.notes {
        place(&mut out, sources, *span, &format!("note: {text}"));
    }
    if let Some(help) = &diagnostic.help {
        out.push_str("help: ");
        out.push_str(help);
        out.push('\n');
    }
    out
}

/// Most characters of a source line that are shown.
const WIDTH: usize = 160;

fn place(out: &mut String, sources: &dyn Sources, span: Span, head: &str) {
    let Some((name, text)) = sources.source(span.file) else {
        out.push_str(head);
        out.push('\n');
        return;
    };
    let (line, column) = position(text, span.start);
    out.push_str(&format!("{name}:{line}:{column}: {head}\n"));
    let (_, start) = line_of(text, span.start);
    let rest = &text[start..];
    let shown: String = rest[..rest.find('\n').unwrap_or(rest.len())]
        .chars()
        .take(WIDTH)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let number = line.to_string();
    let from = floor(text, span.start as usize);
    let to = floor(text, (span.end as usize).max(from));
    let inside = text[from..to].lines().next().unwrap_or("").chars().count();
    let room = shown.chars().count().saturating_sub(column - 1);
    let carets = inside.min(room).max(1);
    let before = (column - 1).min(WIDTH);
    out.push_str(&format!("{number} | {shown}\n"));
    out.push_str(&format!(
        "{0:1$} | {0:2$}{3}\n",
        "",
        number.len(),
        before,
        "^".repeat(carets)
    ));
}

/// Number of the line that holds a byte, from 1, and the byte it begins at.
fn line_of(text: &str, byte: u32) -> (usize, usize) {
    let before = &text[..floor(text, byte as usize)];
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    (line, before.rfind('\n').map_or(0, |at| at + 1))
}

/// The last place at or before `byte` where a character begins.
fn floor(text: &str, byte: usize) -> usize {
    let mut at = byte.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

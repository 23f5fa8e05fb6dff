//! Errors as people read them.

use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use super::error::{AsmError, AsmErrorKind, AsmErrors, Span};

/// Columns of source shown around an error.
const WIDTH: usize = 96;

const IN_MEMORY: &str = "writing to a String cannot fail";

impl AsmErrors {
    /// All errors with the lines they are about. `source` is the text that was assembled, `file` its
    /// name for the reader.
    #[must_use]
    pub fn render(&self, file: &str, source: &str) -> String {
        let mut out = String::new();
        let mut lines = source.split('\n').zip(1u32..);
        let mut line = "";
        let mut number = 0;
        for error in &self.errors {
            while number < error.span.line {
                let Some((text, at)) = lines.next() else {
                    break;
                };
                (line, number) = (text, at);
            }
            out.push_str(&error.render(file, line));
            out.push('\n');
        }
        if self.omitted > 0 {
            writeln!(out, "and {} more errors in {file}", self.omitted).expect(IN_MEMORY);
        }
        out
    }
}

impl AsmError {
    /// The error with `line`, the text it is about.
    #[must_use]
    pub fn render(&self, file: &str, line: &str) -> String {
        let Span {
            line: number,
            column,
            ..
        } = self.span;
        let (code, kind) = (self.kind.code(), &self.kind);
        let margin = " ".repeat(format!("{number}").len());
        let Shown {
            text,
            before,
            marked,
        } = shown(line, self.span);
        let (skip, carets) = (" ".repeat(before), "^".repeat(marked));
        let label = kind.label();
        let mut out = format!(
            "error[{code}]: {kind}\n\
             {margin}--> {file}:{number}:{column}\n\
             {margin} |\n\
             {number} | {text}\n\
             {margin} | {skip}{carets} {label}"
        );
        out.truncate(out.trim_end().len());
        out.push('\n');
        if let Some(note) = kind.note() {
            writeln!(out, "{margin} = {note}").expect(IN_MEMORY);
        }
        if let Some(help) = kind.help() {
            writeln!(out, "help: {help}").expect(IN_MEMORY);
        }
        out
    }
}

impl AsmErrorKind {
    /// What stands behind the carets.
    fn label(&self) -> String {
        match self {
            Self::UnknownDirective {
                nearest: Some(nearest),
                ..
            } => {
                format!("did you mean `.{nearest}`?")
            }
            Self::UnknownOpcode {
                nearest: Some(nearest),
                ..
            }
            | Self::UnknownConstant {
                nearest: Some(nearest),
                is_label: false,
                ..
            } => {
                format!("did you mean `{nearest}`?")
            }
            Self::UnknownLabel {
                nearest: Some(nearest),
                is_constant: false,
                ..
            } => {
                format!("did you mean `@{nearest}`?")
            }
            Self::DuplicateLabel { first, .. }
            | Self::DuplicateConstant { first, .. }
            | Self::DuplicateStatic { first } => format!("first on line {first}"),
            Self::ConstantBelow { line, .. } => format!("defined on line {line}"),
            &Self::Backward {
                target,
                operation,
                through_constant,
            } => {
                let way = if through_constant {
                    "has a code point of"
                } else {
                    "names"
                };
                if target == operation {
                    format!("{way} operation {target}, which is this one")
                } else {
                    format!("{way} operation {target}, this is operation {operation}")
                }
            }
            Self::TupleTooLong => "this is the ninth".into(),
            Self::OpenTuple => "opened here".into(),
            Self::IntTooLarge { negative: true } => "the least is -2^255".into(),
            Self::IntTooLarge { negative: false } => "the largest is 2^256 - 1".into(),
            _ => String::new(),
        }
    }

    /// Why it is so.
    fn note(&self) -> Option<&'static str> {
        Some(match self {
            Self::Backward { .. } => {
                "code is hashed from its end: an operation knows only what comes after it"
            }
            Self::LabelAtEnd { .. } => "a label names the operation that follows it",
            Self::ReservedLabel => "`@end` is the error code point behind the last operation",
            Self::TooManyOperations | Self::TooManyValues => "this line is the first too many",
            _ => return None,
        })
    }

    /// What to do.
    fn help(&self) -> Option<String> {
        Some(match self {
            Self::UnexpectedChar { found: '#' | '/' } => "a comment starts with `;`".into(),
            Self::UnexpectedChar { found: '\'' } => "a text is written \"like this\"".into(),
            Self::UnexpectedChar { found: '[' | '{' } => "a tuple is written `(1, 2)`".into(),
            Self::NoName { sigil: '@' } => {
                "a label is used as `@name` and defined as `name:`".into()
            }
            Self::NoName { .. } => "the directives are `.const`, `.static` and `.op`".into(),
            Self::OpenText => "a text ends with `\"` on the line it starts on".into(),
            Self::Escape { .. } => {
                "the escapes are \\\" \\\\ \\n \\r \\t \\0 and \\x with two hex digits".into()
            }
            Self::BadInt { found } if found.trim_start_matches('-') == "0x" => {
                "bytes are written `hex\"0102\"`".into()
            }
            Self::BadInt { .. } => "write it like `12`, `-12`, `1_000` or `0xff`".into(),
            Self::NoOperation { value: true, .. } => {
                "to push a value, write `push` before it".into()
            }
            Self::UnknownOpcode {
                name,
                assigned: true,
                ..
            } => {
                format!("to define a constant, write `.const {name} = ...`")
            }
            Self::UnknownOpcode { nearest: None, .. } => {
                "an opcode without a name is written `.op 0x71`".into()
            }
            Self::UnknownLabel {
                name,
                is_constant: true,
                ..
            } => {
                format!("`{name}` is a constant: write it without `@`")
            }
            Self::UnknownLabel {
                name,
                nearest: None,
                ..
            } => {
                format!("write `{name}:` before the operation it should name")
            }
            Self::UnknownConstant {
                name,
                is_label: true,
                ..
            } => {
                format!("`{name}` is a label: write `@{name}`")
            }
            Self::UnknownConstant {
                name,
                nearest: None,
                ..
            } => {
                format!("write `.const {name} = ...` on a line above")
            }
            Self::ConstantBelow { name, .. } => format!("move `.const {name}` above this line"),
            Self::ConstantOfItself { .. } => "a constant may use the constants above it".into(),
            Self::ReservedLabel => "choose another name, for example `done`".into(),
            Self::ReservedConstant { name } => {
                format!("`{name}` is a word of the language; choose another name")
            }
            Self::LabelAtEnd { .. } => {
                "put an operation such as `halt` behind it, or use `@end` for the error code point"
                    .into()
            }
            Self::Backward { .. } => {
                "for a loop, make the label the static value (`.static @loop`) and push that with \
                 `spush`, or keep the code point that `pcpush` pushes"
                    .into()
            }
            Self::TupleTooLong => "nest tuples: `(1, 2, 3, 4, 5, 6, 7, (8, 9))`".into(),
            Self::OpenTuple => "a tuple ends with `)` on the line it starts on".into(),
            Self::PushNothing => "write `push 7`; to do nothing, write `nop`".into(),
            Self::Stray {
                after: "the operation",
                ..
            } => "an operation has one immediate at most: push the others on lines before it, \
                 or make a tuple of them"
                .into(),
            Self::Stray { .. } => "each operation and directive has a line of its own".into(),
            _ => return None,
        })
    }
}

/// A piece of a line.
struct Shown {
    text: String,
    /// Columns before the marked piece.
    before: usize,
    /// Columns of the marked piece.
    marked: usize,
}

/// The part of `line` around `span`, safe for a terminal: tabs are four spaces, control characters
/// are replaced, and long lines are cut on both sides.
fn shown(line: &str, span: Span) -> Shown {
    let start = span.column.saturating_sub(1) as usize;
    let len = line.trim_end().chars().count();
    let first = if len > WIDTH {
        start.saturating_sub(WIDTH / 3)
    } else {
        0
    };
    let last = len.min(first + WIDTH);
    let (mut text, mut before, mut marked) = (String::new(), 0, 0);
    if first > 0 {
        text.push_str("...");
        before = 3;
    }
    let end = start.saturating_add(span.len as usize);
    for (at, c) in line.chars().enumerate().take(last).skip(first) {
        let width = if c == '\t' { 4 } else { 1 };
        match c {
            '\t' => text.push_str("    "),
            c if c.is_control() || is_direction(c) => text.push(char::REPLACEMENT_CHARACTER),
            c => text.push(c),
        }
        before += if at < start { width } else { 0 };
        marked += if (start..end).contains(&at) { width } else { 0 };
    }
    if last < len {
        text.push_str("...");
    }
    let past_end = start.saturating_sub(last.max(first));
    Shown {
        text,
        before: before + past_end.min(1),
        marked: marked.max(1),
    }
}

/// Characters that make a terminal show text in another order than it has.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

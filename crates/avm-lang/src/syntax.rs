//! The syntax tree: what the reader makes of tokens, and what rules rewrite.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::core::Datum;
use crate::lexer::is_symbol;
use crate::span::Span;

/// Which expansion of a rule put a name in place; [`Syntax::TEXT`] for names of the text itself.
///
/// Names are equal only if their marks are, which is all there is to hygiene: a name that a rule
/// introduces cannot meet one that the user wrote.
pub type Mark = u32;

/// A datum with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Syntax {
    /// What it is.
    pub kind: SyntaxKind,
    /// Where it stands; for what a rule introduced, the place where the rule was used.
    pub span: Span,
}

/// What a datum is.
#[derive(Clone, Debug, PartialEq)]
pub enum SyntaxKind {
    /// In decimal, a minus if negative, no leading zeros.
    Int(String),
    /// `#t`, `#f`
    Bool(bool),
    /// A text.
    Str(String),
    /// `#x"..."`
    Bytes(Vec<u8>),
    /// `#:name`, without `#:`.
    Keyword(String),
    /// A name.
    Symbol(String, Mark),
    /// `'x` and the like.
    Prefix(Prefix, Box<Syntax>),
    /// `(a b)`, or `(a b . c)` where the tail is no list.
    List(Vec<Syntax>, Option<Box<Syntax>>),
}

/// A sign before a datum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// `'`
    Quote,
    /// `` ` ``
    Quasiquote,
    /// `,`
    Unquote,
    /// `,@`
    Splice,
}

impl Prefix {
    /// As it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Quote => "'",
            Self::Quasiquote => "`",
            Self::Unquote => ",",
            Self::Splice => ",@",
        }
    }

    /// As a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Quote => "quote",
            Self::Quasiquote => "quasiquote",
            Self::Unquote => "unquote",
            Self::Splice => "unquote-splicing",
        }
    }
}

impl Syntax {
    /// Mark of names that stand in a text.
    pub const TEXT: Mark = 0;

    /// The name and its mark, if it is a symbol.
    pub fn symbol(&self) -> Option<(&str, Mark)> {
        match &self.kind {
            SyntaxKind::Symbol(name, mark) => Some((name, *mark)),
            _ => None,
        }
    }

    /// Whether it is the symbol of that name, whatever its mark.
    pub fn is(&self, word: &str) -> bool {
        self.symbol().is_some_and(|(name, _)| name == word)
    }

    /// The items, if it is a list without a dotted tail.
    pub fn list(&self) -> Option<&[Syntax]> {
        match &self.kind {
            SyntaxKind::List(items, None) => Some(items),
            _ => None,
        }
    }

    /// Its name, if it is a keyword.
    pub fn keyword(&self) -> Option<&str> {
        match &self.kind {
            SyntaxKind::Keyword(name) => Some(name),
            _ => None,
        }
    }

    /// Number of data in it, itself counted.
    pub fn size(&self) -> u32 {
        let mut count = 0u32;
        let mut stack = alloc::vec![self];
        while let Some(item) = stack.pop() {
            count = count.saturating_add(1);
            match &item.kind {
                SyntaxKind::List(items, tail) => {
                    stack.extend(items);
                    stack.extend(tail.as_deref());
                }
                SyntaxKind::Prefix(_, inner) => stack.push(inner),
                _ => {}
            }
        }
        count
    }

    /// What it stands for in a quotation. `nothing` and `(just d)` are literals there too.
    pub fn datum(&self) -> Datum {
        match &self.kind {
            SyntaxKind::Int(digits) => Datum::Int(digits.clone()),
            SyntaxKind::Bool(value) => Datum::Bool(*value),
            SyntaxKind::Str(text) => Datum::Str(text.clone()),
            SyntaxKind::Bytes(bytes) => Datum::Bytes(bytes.clone()),
            SyntaxKind::Keyword(name) => Datum::Sym(alloc::format!("#:{name}")),
            SyntaxKind::Symbol(name, _) if name == "nothing" => Datum::Nothing,
            SyntaxKind::Symbol(name, _) => Datum::Sym(name.clone()),
            SyntaxKind::Prefix(prefix, inner) => {
                Datum::List(alloc::vec![Datum::Sym(prefix.word().into()), inner.datum()])
            }
            SyntaxKind::List(items, None) => match items.as_slice() {
                [head, value] if head.is("just") => Datum::Just(Box::new(value.datum())),
                items => Datum::List(items.iter().map(Syntax::datum).collect()),
            },
            SyntaxKind::List(items, Some(tail)) => {
                items.iter().rev().fold(tail.datum(), |tail, item| {
                    Datum::Pair(Box::new(item.datum()), Box::new(tail))
                })
            }
        }
    }
}

/// Reads back as the same, but for places and marks.
impl fmt::Display for Syntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            SyntaxKind::Int(digits) => f.write_str(digits),
            SyntaxKind::Bool(true) => f.write_str("#t"),
            SyntaxKind::Bool(false) => f.write_str("#f"),
            SyntaxKind::Str(text) => string(f, text),
            SyntaxKind::Bytes(bytes) => {
                f.write_str("#x\"")?;
                bytes.iter().try_for_each(|b| write!(f, "{b:02x}"))?;
                f.write_str("\"")
            }
            SyntaxKind::Keyword(name) => write!(f, "#:{name}"),
            SyntaxKind::Symbol(name, _) => {
                debug_assert!(
                    is_symbol(name),
                    "the reader makes such names only: {name:?}"
                );
                f.write_str(name)
            }
            SyntaxKind::Prefix(prefix, inner) => {
                let inner = alloc::format!("{inner}");
                // `,` and the name `@x` are two tokens.
                let gap = if inner.starts_with('@') { " " } else { "" };
                write!(f, "{}{gap}{inner}", prefix.sign())
            }
            SyntaxKind::List(items, tail) => {
                f.write_str("(")?;
                for (i, item) in items.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { " " })?;
                    item.fmt(f)?;
                }
                if let Some(tail) = tail {
                    write!(f, " . {tail}")?;
                }
                f.write_str(")")
            }
        }
    }
}

fn string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            c if c.is_control() => write!(f, "\\u{{{:x}}}", c as u32)?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

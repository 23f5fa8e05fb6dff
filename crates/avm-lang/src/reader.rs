//! Tokens to syntax trees. Works with a stack of its own; nesting is limited, so that whoever
//! walks the trees may recurse.
//!
//! Spec: 24.1.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::diagnostic::Diagnostic;
use crate::lexer::{Token, TokenKind, bytes_value, lex, string_value};
use crate::span::Span;
use crate::syntax::{Prefix, Syntax, SyntaxKind};

/// Deepest nesting of lists and signs like `'`.
pub const MAX_DEPTH: usize = 200;
/// Most digits of a number; more than any machine here counts with.
pub const MAX_DIGITS: usize = 80;

/// All data of a text, and what is wrong with it. After an error the reader goes on where that
/// makes sense.
pub fn read(source: &str, file: u32) -> (Vec<Syntax>, Vec<Diagnostic>) {
    let (tokens, diagnostics) = lex(source, file);
    let mut reader = Reader {
        source,
        stack: Vec::new(),
        top: Vec::new(),
        diagnostics,
    };
    for token in &tokens {
        if reader.token(token).is_none() {
            break;
        }
    }
    reader.finish();
    (reader.top, reader.diagnostics)
}

/// Something that is not complete yet.
enum Frame {
    List {
        open: Span,
        items: Vec<Syntax>,
        dot: Option<Span>,
        tail: Option<Syntax>,
    },
    Prefix(Prefix, Span),
    /// `#;`
    Drop(Span),
}

struct Reader<'a> {
    source: &'a str,
    stack: Vec<Frame>,
    top: Vec<Syntax>,
    diagnostics: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.diagnostics
            .push(Diagnostic::error(code, span, message));
    }

    /// Takes one token; `None` to stop.
    fn token(&mut self, token: &Token) -> Option<()> {
        let span = token.span;
        match token.kind {
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment => {}
            TokenKind::Error => {}
            TokenKind::Open => {
                let (items, dot, tail) = (Vec::new(), None, None);
                self.open(
                    Frame::List {
                        open: span,
                        items,
                        dot,
                        tail,
                    },
                    span,
                )?;
            }
            TokenKind::DatumComment => self.open(Frame::Drop(span), span)?,
            TokenKind::Quote => self.open(Frame::Prefix(Prefix::Quote, span), span)?,
            TokenKind::Quasiquote => self.open(Frame::Prefix(Prefix::Quasiquote, span), span)?,
            TokenKind::Unquote => self.open(Frame::Prefix(Prefix::Unquote, span), span)?,
            TokenKind::UnquoteSplicing => self.open(Frame::Prefix(Prefix::Splice, span), span)?,
            TokenKind::Close => self.close(span),
            TokenKind::Dot => self.dot(span),
            kind => {
                if let Some(kind) = self.atom(kind, token) {
                    self.datum(Syntax { kind, span });
                }
            }
        }
        Some(())
    }

    fn open(&mut self, frame: Frame, span: Span) -> Option<()> {
        if self.stack.len() >= MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} deep");
            self.diagnostics.push(
                Diagnostic::error("E005", span, message)
                    .help("move inner parts to definitions of their own"),
            );
            self.stack.clear();
            return None;
        }
        self.stack.push(frame);
        Some(())
    }

    fn atom(&mut self, kind: TokenKind, token: &Token) -> Option<SyntaxKind> {
        let text = token.text(self.source);
        Some(match kind {
            TokenKind::Bool => SyntaxKind::Bool(text == "#t"),
            TokenKind::Str => SyntaxKind::Str(string_value(text)),
            TokenKind::Bytes => SyntaxKind::Bytes(bytes_value(text)),
            TokenKind::Keyword => SyntaxKind::Keyword(text[2..].to_string()),
            TokenKind::Symbol => SyntaxKind::Symbol(text.to_string(), Syntax::TEXT),
            _ => {
                let digits = text.trim_start_matches(['+', '-']).trim_start_matches('0');
                if digits.len() > MAX_DIGITS {
                    self.error("E003", token.span, format!("more than {MAX_DIGITS} digits"));
                    return None;
                }
                SyntaxKind::Int(match digits {
                    "" => "0".to_string(),
                    _ if text.starts_with('-') => format!("-{digits}"),
                    _ => digits.to_string(),
                })
            }
        })
    }

    /// Hands a complete datum to what waits for it.
    fn datum(&mut self, mut datum: Syntax) {
        loop {
            match self.stack.last_mut() {
                None => return self.top.push(datum),
                Some(Frame::List {
                    dot: None, items, ..
                }) => return items.push(datum),
                Some(Frame::List {
                    tail: tail @ None, ..
                }) => {
                    *tail = Some(datum);
                    return;
                }
                Some(Frame::List { .. }) => {
                    return self.error("E006", datum.span, "more than one datum after the dot");
                }
                Some(Frame::Prefix(prefix, start)) => {
                    let span = Span {
                        end: datum.span.end,
                        ..*start
                    };
                    datum = Syntax {
                        kind: SyntaxKind::Prefix(*prefix, Box::new(datum)),
                        span,
                    };
                    self.stack.pop();
                }
                Some(Frame::Drop(_)) => {
                    self.stack.pop();
                    return;
                }
            }
        }
    }

    fn dot(&mut self, span: Span) {
        let bad = match self.stack.last_mut() {
            Some(Frame::List {
                items,
                dot: dot @ None,
                ..
            }) if !items.is_empty() => {
                *dot = Some(span);
                false
            }
            _ => true,
        };
        if bad {
            self.error(
                "E006",
                span,
                "a dot stands only before the last item of a list",
            );
        }
    }

    /// Drops signs that have nothing to apply to.
    fn dangling(&mut self) {
        while let Some(Frame::Prefix(_, span) | Frame::Drop(span)) = self.stack.last() {
            let span = *span;
            self.stack.pop();
            self.error("E004", span, "nothing follows it");
        }
    }

    fn close(&mut self, span: Span) {
        self.dangling();
        match self.stack.pop() {
            Some(Frame::List {
                open,
                items,
                dot,
                tail,
            }) => {
                if let (Some(dot), None) = (dot, &tail) {
                    self.error("E006", dot, "nothing follows the dot");
                }
                self.datum(list(
                    Span {
                        end: span.end,
                        ..open
                    },
                    items,
                    tail,
                ));
            }
            _ => self.error("E004", span, "`)` without `(`"),
        }
    }

    fn finish(&mut self) {
        self.dangling();
        let Some(Frame::List { open, .. }) = self.stack.last() else {
            return;
        };
        let open = *open;
        let missing = self
            .stack
            .iter()
            .filter(|f| matches!(f, Frame::List { .. }))
            .count();
        self.diagnostics.push(
            Diagnostic::error("E004", open, "`(` without `)`")
                .help(format!("{missing} `)` missing at the end of the text")),
        );
        let end = u32::try_from(self.source.len()).unwrap_or(u32::MAX);
        while let Some(frame) = self.stack.pop() {
            match frame {
                Frame::List {
                    open, items, tail, ..
                } => {
                    self.datum(list(Span { end, ..open }, items, tail));
                }
                // Cannot apply to what is inside of it, which was just handed on.
                Frame::Prefix(..) | Frame::Drop(_) => {}
            }
        }
    }
}

/// `(a . (b c))` is `(a b c)`.
fn list(span: Span, mut items: Vec<Syntax>, tail: Option<Syntax>) -> Syntax {
    let tail = match tail {
        Some(Syntax {
            kind: SyntaxKind::List(more, tail),
            ..
        }) => {
            items.extend(more);
            tail
        }
        tail => tail.map(Box::new),
    };
    Syntax {
        kind: SyntaxKind::List(items, tail),
        span,
    }
}

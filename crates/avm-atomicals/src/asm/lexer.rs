//! Words of a source text.

use alloc::string::String;
use alloc::vec::Vec;

use super::element::nibble;
use super::error::{AsmErrorKind, Span, clipped};

/// A word and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) span: Span,
    pub(super) kind: Kind,
    /// Bytes of the text.
    start: u32,
    end: u32,
    /// For `{`: number of the token behind its `}`.
    pub(super) close: u32,
}

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Name of an opcode, constant, method or type.
    Word,
    /// Decimal number.
    Int,
    /// `0x` and hex digits.
    Hex,
    /// Text in quotes.
    Text,
    /// `.name`.
    Directive,
    /// One of `{ } ( ) < > , :`.
    Mark(char),
    /// A word that was reported already.
    Bad,
}

/// What a text may have at most; the files of one text share it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Bytes; below 4 GiB.
    pub(super) bytes: usize,
    pub(super) words: usize,
}

/// A text and its words.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    text: String,
    pub(super) tokens: Vec<Token>,
}

impl Source {
    /// Reads `text`. What is wrong is given to `report`; such words are [`Kind::Bad`].
    pub(super) fn new(
        name: String,
        text: String,
        room: Room,
        report: &mut dyn FnMut(Span, AsmErrorKind),
    ) -> Self {
        let mut lexer = Lexer {
            rest: &text,
            len: text.len(),
            line: 1,
            column: 1,
        };
        let (mut tokens, mut open): (Vec<Token>, Vec<usize>) = (Vec::new(), Vec::new());
        if text.len() > room.bytes {
            let (found, most) = (text.len(), room.bytes);
            report(lexer.span(0), AsmErrorKind::SourceTooLong { found, most });
            lexer.rest = "";
        }
        while let Some(start) = lexer.skip_blanks() {
            let read = lexer.word();
            let span = lexer.span(start.column);
            if tokens.len() == room.words {
                report(span, AsmErrorKind::TooManyWords);
                break;
            }
            let kind = read.unwrap_or_else(|error| {
                report(span, error);
                Kind::Bad
            });
            if kind == Kind::Mark('{') {
                open.push(tokens.len());
            } else if kind == Kind::Mark('}') {
                match open.pop() {
                    Some(at) => tokens[at].close = offset(tokens.len() + 1),
                    None => {
                        report(span, AsmErrorKind::StrayClose);
                        continue;
                    }
                }
            }
            tokens.push(Token {
                span,
                kind,
                start: offset(start.at),
                end: offset(lexer.at()),
                close: 0,
            });
        }
        let end = offset(tokens.len());
        for at in open {
            report(tokens[at].span, AsmErrorKind::OpenBlock);
            // One behind a closing brace that is not there, so that the block reaches the end.
            tokens[at].close = end + 1;
        }
        Self { name, text, tokens }
    }

    /// Length of the text in bytes.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// A word as written.
    pub(super) fn text(&self, token: Token) -> &str {
        &self.text[token.start as usize..token.end as usize]
    }
}

/// A position that fits since texts have a limit.
fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("a source is shorter than 4 GiB")
}

struct Start {
    at: usize,
    column: u32,
}

struct Lexer<'a> {
    rest: &'a str,
    len: usize,
    line: u32,
    /// Column of the start of `rest`, from 1.
    column: u32,
}

impl Lexer<'_> {
    fn at(&self) -> usize {
        self.len - self.rest.len()
    }

    fn span(&self, column: u32) -> Span {
        Span {
            line: self.line,
            column: column.max(1),
            len: self.column.saturating_sub(column).max(1),
        }
    }

    /// Goes to the start of the next word.
    fn skip_blanks(&mut self) -> Option<Start> {
        loop {
            let next = self.rest.chars().next()?;
            if next == '#' || self.rest.starts_with("//") {
                self.take_while(|c| c != '\n');
            } else if next == '\n' {
                self.rest = &self.rest[1..];
                (self.line, self.column) = (self.line + 1, 1);
            } else if next.is_whitespace() {
                self.bump();
            } else {
                let (at, column) = (self.at(), self.column);
                return Some(Start { at, column });
            }
        }
    }

    fn word(&mut self) -> Result<Kind, AsmErrorKind> {
        let Some(first) = self.bump() else {
            return Ok(Kind::Bad);
        };
        match first {
            '{' | '}' | '(' | ')' | '<' | '>' | ',' | ':' => Ok(Kind::Mark(first)),
            '"' | '\'' => self.text(first).map(|()| Kind::Text),
            '.' => match self.take_while(is_name_char) {
                "" => Err(AsmErrorKind::NoName),
                _ => Ok(Kind::Directive),
            },
            '0' if self.rest.starts_with('x') => {
                self.bump();
                let digits = self.take_while(is_name_char);
                let bad = digits.chars().find(|c| !c.is_ascii_hexdigit() && *c != '_');
                let count = digits.chars().filter(|&c| c != '_').count();
                match bad {
                    Some(found) => Err(AsmErrorKind::HexDigit { found }),
                    None if count % 2 == 1 => Err(AsmErrorKind::OddHex { digits: count }),
                    None => Ok(Kind::Hex),
                }
            }
            '-' => match self.take_while(is_name_char) {
                digits if is_decimal(digits) => Ok(Kind::Int),
                rest => Err(AsmErrorKind::BadInt {
                    found: clipped(&["-", rest].concat()),
                }),
            },
            '0'..='9' => match self.take_while(is_name_char) {
                "" => Ok(Kind::Int),
                rest if is_decimal(&rest.replace('_', "0")) => Ok(Kind::Int),
                _ => Ok(Kind::Word),
            },
            _ if is_name_char(first) => {
                self.take_while(is_name_char);
                Ok(Kind::Word)
            }
            found => Err(AsmErrorKind::UnexpectedChar { found }),
        }
    }

    /// Reads to the closing quote.
    fn text(&mut self, quote: char) -> Result<(), AsmErrorKind> {
        let mut wrong = None;
        loop {
            if self.rest.is_empty() || self.rest.starts_with(['\n', '\r']) {
                return Err(wrong.unwrap_or(AsmErrorKind::OpenText));
            }
            match self.bump() {
                Some('\\') => {
                    let found = self.rest.chars().next().unwrap_or('\n');
                    if escape(self.rest).is_none() && found != '\n' {
                        wrong = wrong.or(Some(AsmErrorKind::Escape { found }));
                    }
                    if found != '\n' && found != '\r' {
                        self.bump();
                    }
                }
                Some(c) if c == quote => return wrong.map_or(Ok(()), Err),
                _ => {}
            }
        }
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = &self.rest[next.len_utf8()..];
        self.column = self.column.saturating_add(1);
        Some(next)
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &str {
        let len = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(len);
        let chars = u32::try_from(taken.chars().count()).unwrap_or(u32::MAX);
        self.column = self.column.saturating_add(chars);
        self.rest = rest;
        taken
    }
}

pub(super) fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_decimal(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || c == '_')
}

/// The byte that the escape at the start of `rest`, behind its backslash, stands for, and how many
/// characters it has.
fn escape(rest: &str) -> Option<(u8, usize)> {
    Some(match *rest.as_bytes() {
        [quote @ (b'"' | b'\'' | b'\\'), ..] => (quote, 1),
        [b'n', ..] => (b'\n', 1),
        [b'r', ..] => (b'\r', 1),
        [b't', ..] => (b'\t', 1),
        [b'0', ..] => (0, 1),
        [b'x', high, low, ..] => (nibble(high)? << 4 | nibble(low)?, 3),
        _ => return None,
    })
}

/// The bytes of a text with its quotes; it was read without error.
pub(super) fn unquote(text: &str) -> Vec<u8> {
    let mut rest = text.get(1..text.len().max(2) - 1).unwrap_or_default();
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let (byte, len) = escape(rest).unwrap_or((b'\\', 0));
        bytes.push(byte);
        rest = &rest[len..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn words_and_places() {
        let mut errors = Vec::new();
        let room = Room {
            bytes: 1_000,
            words: 1_000,
        };
        let text = "2DUP -5 <own> # x\n 0xAb_cd 'a\\'b' // y\n\u{e9}\t.raw 1_0";
        let source = Source::new("t".into(), text.into(), room, &mut |span, kind| {
            errors.push((span, kind));
        });
        let words: Vec<_> = source
            .tokens
            .iter()
            .map(|t| {
                (
                    source.text(*t).to_string(),
                    t.kind,
                    t.span.line,
                    t.span.column,
                )
            })
            .collect();
        let want = [
            ("2DUP", Kind::Word, 1, 1),
            ("-5", Kind::Int, 1, 6),
            ("<", Kind::Mark('<'), 1, 9),
            ("own", Kind::Word, 1, 10),
            (">", Kind::Mark('>'), 1, 13),
            ("0xAb_cd", Kind::Hex, 2, 2),
            ("'a\\'b'", Kind::Text, 2, 10),
            ("\u{e9}", Kind::Bad, 3, 1),
            (".raw", Kind::Directive, 3, 3),
            ("1_0", Kind::Int, 3, 8),
        ];
        let want: Vec<_> = want
            .into_iter()
            .map(|(text, kind, line, column)| (text.to_string(), kind, line, column))
            .collect();
        assert_eq!(words, want);
        assert_eq!(errors.len(), 1);
        assert_eq!(unquote("'a\\'b\\x00\\n'"), b"a'b\0\n");
        assert_eq!(unquote("''"), b"");
    }
}

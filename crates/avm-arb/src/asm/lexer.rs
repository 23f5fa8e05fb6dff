//! Words of one line.

use alloc::string::String;
use alloc::vec::Vec;

use ruint::aliases::U256;

use super::error::{AsmError, AsmErrorKind, Span};
use super::{is_name_char, is_name_start};
use crate::mexe::{clipped, nibble};

/// A word and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Token<'a> {
    pub(super) span: Span,
    /// As written.
    pub(super) text: &'a str,
    pub(super) word: Word<'a>,
}

#[derive(Clone, Debug)]
pub(super) enum Word<'a> {
    Name(&'a str),
    /// `.name`, without the dot.
    Directive(&'a str),
    /// `@name`, without the `@`.
    Label(&'a str),
    Int(U256),
    Bytes(Vec<u8>),
    /// One of `( ) , : =`.
    Mark(char),
}

/// Reads a line word by word. After an error it is of no use.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    rest: &'a str,
    line: u32,
    /// Column of the start of `rest`, from 1.
    column: u32,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(line: u32, text: &'a str) -> Self {
        Self {
            rest: text,
            line,
            column: 1,
        }
    }

    /// The next word, `None` at the end of the line.
    pub(super) fn next(&mut self) -> Result<Option<Token<'a>>, AsmError> {
        self.take_while(char::is_whitespace);
        let start = self.clone();
        let Some(first) = self.peek().filter(|&first| first != ';') else {
            return Ok(None);
        };
        let word = match first {
            '(' | ')' | ',' | ':' | '=' => {
                self.bump();
                Word::Mark(first)
            }
            '"' => Word::Bytes(self.text()?),
            '@' | '.' => {
                self.bump();
                match self.take_while(is_name_char) {
                    name if !name.starts_with(is_name_start) => {
                        return Err(start.error(1, AsmErrorKind::NoName { sigil: first }));
                    }
                    name if first == '@' => Word::Label(name),
                    name => Word::Directive(name),
                }
            }
            '-' | '0'..='9' => {
                self.bump();
                self.take_while(is_name_char);
                Word::Int(int(self.since(&start)).map_err(|kind| self.error_since(&start, kind))?)
            }
            _ if is_name_start(first) => match self.take_while(is_name_char) {
                "hex" if self.peek() == Some('"') => Word::Bytes(self.hex()?),
                name => Word::Name(name),
            },
            found => return Err(self.error(1, AsmErrorKind::UnexpectedChar { found })),
        };
        Ok(Some(Token {
            span: self.span_since(&start),
            text: self.since(&start),
            word,
        }))
    }

    /// Reads a colon if that comes next.
    pub(super) fn colon(&mut self) -> bool {
        self.take_while(char::is_whitespace);
        self.peek() == Some(':') && self.bump().is_some()
    }

    /// The place behind the last word.
    pub(super) fn end(&self) -> Span {
        Span {
            line: self.line,
            column: self.column,
            len: 1,
        }
    }

    /// A text in quotes.
    fn text(&mut self) -> Result<Vec<u8>, AsmError> {
        let open = self.clone();
        self.bump();
        let mut bytes = Vec::new();
        loop {
            let run = self.take_while(|c| c != '"' && c != '\\');
            bytes.extend_from_slice(run.as_bytes());
            let escape = self.clone();
            match self.bump() {
                Some('"') => return Ok(bytes),
                Some(_) => bytes.push(self.escape(&open, &escape)?),
                None => return Err(self.error_since(&open, AsmErrorKind::OpenText)),
            }
        }
    }

    /// The byte that an escape stands for; its backslash is read.
    fn escape(&mut self, open: &Self, escape: &Self) -> Result<u8, AsmError> {
        let Some(found) = self.bump() else {
            return Err(self.error_since(open, AsmErrorKind::OpenText));
        };
        Ok(match found {
            '"' | '\\' => found as u8,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            '0' => 0,
            'x' => {
                let digits = self.rest.as_bytes().first_chunk::<2>();
                match digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                    Some(&[high, low]) => {
                        self.bump();
                        self.bump();
                        nibble(high) << 4 | nibble(low)
                    }
                    None => return Err(self.error_since(escape, AsmErrorKind::Escape { found })),
                }
            }
            _ => return Err(self.error_since(escape, AsmErrorKind::Escape { found })),
        })
    }

    /// The bytes behind `hex`, which is read.
    fn hex(&mut self) -> Result<Vec<u8>, AsmError> {
        let open = self.clone();
        self.bump();
        let (mut bytes, mut digits) = (Vec::new(), 0usize);
        loop {
            let at = self.clone();
            match self.bump() {
                Some('"') if digits % 2 == 1 => {
                    return Err(self.error_since(&open, AsmErrorKind::OddHex { digits }));
                }
                Some('"') => return Ok(bytes),
                Some('_' | ' ') => {}
                Some(digit) if digit.is_ascii_hexdigit() => {
                    let low = nibble(digit as u8);
                    match bytes.last_mut().filter(|_| digits % 2 == 1) {
                        Some(byte) => *byte |= low,
                        None => bytes.push(low << 4),
                    }
                    digits += 1;
                }
                Some(found) => return Err(at.error(1, AsmErrorKind::HexDigit { found })),
                None => return Err(self.error_since(&open, AsmErrorKind::OpenText)),
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.rest = &self.rest[next.len_utf8()..];
        self.column = self.column.saturating_add(1);
        Some(next)
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let len = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(len);
        let chars = u32::try_from(taken.chars().count()).unwrap_or(u32::MAX);
        self.column = self.column.saturating_add(chars);
        self.rest = rest;
        taken
    }

    /// What was read since `start`.
    fn since(&self, start: &Self) -> &'a str {
        &start.rest[..start.rest.len() - self.rest.len()]
    }

    fn span_since(&self, start: &Self) -> Span {
        let len = self.column.saturating_sub(start.column);
        Span {
            line: self.line,
            column: start.column,
            len: len.max(1),
        }
    }

    fn error_since(&self, start: &Self, kind: AsmErrorKind) -> AsmError {
        AsmError {
            span: self.span_since(start),
            kind,
        }
    }

    fn error(&self, len: u32, kind: AsmErrorKind) -> AsmError {
        AsmError {
            span: Span {
                line: self.line,
                column: self.column,
                len,
            },
            kind,
        }
    }
}

/// Value of an integer as written.
fn int(text: &str) -> Result<U256, AsmErrorKind> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (radix, digits) = match digits.strip_prefix("0x") {
        Some(digits) => (16, digits),
        None => (10, digits),
    };
    let bad = || AsmErrorKind::BadInt {
        found: clipped(text),
    };
    let mut digits = digits.chars().filter(|&digit| digit != '_').peekable();
    digits.peek().ok_or_else(bad)?;
    let mut value = Some(U256::ZERO);
    for digit in digits {
        let digit = U256::from(digit.to_digit(radix).ok_or_else(bad)?);
        let shifted = value.and_then(|value| value.checked_mul(U256::from(radix)));
        value = shifted.and_then(|value| value.checked_add(digit));
    }
    match value {
        Some(value) if !negative => Ok(value),
        Some(value) if value <= U256::ONE << 255 => Ok(value.wrapping_neg()),
        _ => Err(AsmErrorKind::IntTooLarge { negative }),
    }
}

/// A word, or the end of its line, as an error message shows it.
pub(super) fn shown(text: Option<&str>) -> String {
    text.map_or_else(
        || "the end of the line".into(),
        |text| ["`", &clipped(text), "`"].concat(),
    )
}

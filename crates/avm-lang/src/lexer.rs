//! Text to tokens, without loss: the texts of all tokens in a row are the source again, comments
//! and white space included, so that a formatter can work on them.
//!
//! A `#;` is a token of its own; which datum it comments out is for the reader to say.
//!
//! Spec: 24.1.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::diagnostic::Diagnostic;
use crate::span::Span;

/// Most bytes of one source text.
pub const MAX_SOURCE: usize = 1 << 24;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Spaces, tabs, ends of lines.
    Whitespace,
    /// From `;` to the end of the line, which is not part of it.
    LineComment,
    /// `#| ... |#`, nested.
    BlockComment,
    /// `#;`: the datum that follows is a comment.
    DatumComment,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `'`
    Quote,
    /// `` ` ``
    Quasiquote,
    /// `,`
    Unquote,
    /// `,@`
    UnquoteSplicing,
    /// `.` on its own.
    Dot,
    /// `#t` or `#f`.
    Bool,
    /// Digits with a sign or without.
    Int,
    /// `"..."`
    Str,
    /// `#x"..."`
    Bytes,
    /// `#:name`
    Keyword,
    /// A name.
    Symbol,
    /// Something that is none of these; a diagnostic says why.
    Error,
}

impl TokenKind {
    /// Whether it means nothing: white space and comments, `#;` among them.
    pub fn is_trivia(self) -> bool {
        matches!(
            self,
            Self::Whitespace | Self::LineComment | Self::BlockComment | Self::DatumComment
        )
    }
}

/// A token: what it is and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands.
    pub span: Span,
}

impl Token {
    /// Its text.
    pub fn text<'a>(&self, source: &'a str) -> &'a str {
        source
            .get(self.span.start as usize..self.span.end as usize)
            .unwrap_or("")
    }
}

/// All tokens of a text, in order, and what is wrong with it.
///
/// Whatever the text, the tokens cover it without gaps. A text of more than [`MAX_SOURCE`] bytes
/// becomes one [`TokenKind::Error`].
pub fn lex(source: &str, file: u32) -> (Vec<Token>, Vec<Diagnostic>) {
    let mut lexer = Lexer {
        source,
        file,
        at: 0,
        tokens: Vec::new(),
        diagnostics: Vec::new(),
    };
    if source.len() > MAX_SOURCE {
        let span = Span {
            file,
            start: 0,
            end: 1,
        };
        lexer.diagnostics.push(Diagnostic::error(
            "E007",
            span,
            format!(
                "the text is {} bytes, at most {MAX_SOURCE} are read",
                source.len()
            ),
        ));
        let end = u32::try_from(source.len()).unwrap_or(u32::MAX);
        lexer.tokens.push(Token {
            kind: TokenKind::Error,
            span: Span {
                file,
                start: 0,
                end,
            },
        });
        return (lexer.tokens, lexer.diagnostics);
    }
    while lexer.at < source.len() {
        lexer.token();
    }
    (lexer.tokens, lexer.diagnostics)
}

/// Bytes as text.
///
/// # Errors
/// `E001` at the first byte that is not UTF-8.
pub fn text(bytes: &[u8], file: u32) -> Result<&str, Diagnostic> {
    core::str::from_utf8(bytes).map_err(|e| {
        let start = u32::try_from(e.valid_up_to()).unwrap_or(u32::MAX);
        let span = Span {
            file,
            start,
            end: start.saturating_add(1),
        };
        Diagnostic::error("E001", span, "the text is not UTF-8")
    })
}

/// Whether a character ends a name or a number.
fn delimits(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | '"' | ';' | '\'' | '`' | ',')
}

/// Whether a name can be written as a symbol that reads back as itself.
pub fn is_symbol(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('#')
        && name != "."
        && !name.chars().any(|c| delimits(c) || refused(c))
        && !number_like(name)
}

/// Whether a word begins like a number.
fn number_like(word: &str) -> bool {
    let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
    digits.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether a character may not stand in a word.
fn refused(c: char) -> bool {
    c.is_control() || matches!(c, '[' | ']' | '{' | '}' | '\u{feff}')
}

struct Lexer<'a> {
    source: &'a str,
    file: u32,
    at: usize,
    tokens: Vec<Token>,
    diagnostics: Vec<Diagnostic>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn span(&self, start: usize, end: usize) -> Span {
        // Sizes are at most MAX_SOURCE.
        Span {
            file: self.file,
            start: start as u32,
            end: end as u32,
        }
    }

    fn error(&mut self, code: &'static str, start: usize, end: usize, message: impl Into<String>) {
        let diagnostic = Diagnostic::error(code, self.span(start, end), message);
        self.diagnostics.push(diagnostic);
    }

    /// Reads one token; at least one character.
    fn token(&mut self) {
        let start = self.at;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return;
        };
        let kind = match first {
            c if c.is_whitespace() => {
                self.at += rest
                    .find(|c: char| !c.is_whitespace())
                    .unwrap_or(rest.len());
                TokenKind::Whitespace
            }
            ';' => {
                self.at += rest.find('\n').unwrap_or(rest.len());
                TokenKind::LineComment
            }
            '(' => self.take(1, TokenKind::Open),
            ')' => self.take(1, TokenKind::Close),
            '\'' => self.take(1, TokenKind::Quote),
            '`' => self.take(1, TokenKind::Quasiquote),
            ',' if rest.starts_with(",@") => self.take(2, TokenKind::UnquoteSplicing),
            ',' => self.take(1, TokenKind::Unquote),
            '"' => {
                self.at += 1;
                self.string(start)
            }
            '#' => self.hash(start),
            _ => self.word(start),
        };
        let span = self.span(start, self.at);
        self.tokens.push(Token { kind, span });
    }

    fn take(&mut self, bytes: usize, kind: TokenKind) -> TokenKind {
        self.at += bytes;
        kind
    }

    fn word_end(&self) -> usize {
        let rest = self.rest();
        rest.find(delimits).unwrap_or(rest.len())
    }

    fn word(&mut self, start: usize) -> TokenKind {
        self.at += self.word_end();
        let word = &self.source[start..self.at];
        if word == "." {
            return TokenKind::Dot;
        }
        if let Some(c) = word.chars().find(|c| refused(*c)) {
            let message = format!("the character {c:?} does not belong in a program");
            self.error("E001", start, self.at, message);
            return TokenKind::Error;
        }
        if !number_like(word) {
            return TokenKind::Symbol;
        }
        if word
            .trim_start_matches(['+', '-'])
            .bytes()
            .all(|b| b.is_ascii_digit())
        {
            return TokenKind::Int;
        }
        let message = format!("`{word}` is neither a number nor a name");
        self.error("E003", start, self.at, message);
        TokenKind::Error
    }

    fn hash(&mut self, start: usize) -> TokenKind {
        let rest = self.rest();
        if rest.starts_with("#|") {
            return self.block_comment(start);
        }
        if rest.starts_with("#;") {
            return self.take(2, TokenKind::DatumComment);
        }
        if rest.starts_with("#x\"") {
            self.at += 3;
            return self.bytes(start);
        }
        self.at += self.word_end();
        let word = &self.source[start..self.at];
        let bad = word.chars().any(refused);
        match word.strip_prefix("#:") {
            _ if word == "#t" || word == "#f" => TokenKind::Bool,
            Some(name) if !name.is_empty() && !bad => TokenKind::Keyword,
            _ => {
                let message = format!("`{word}` means nothing");
                self.error("E001", start, self.at, message);
                let last = self.diagnostics.len() - 1;
                self.diagnostics[last].help =
                    Some("after `#` stand t, f, :keyword, x\"bytes\", | or ;".into());
                TokenKind::Error
            }
        }
    }

    fn block_comment(&mut self, start: usize) -> TokenKind {
        let mut depth = 0u32;
        let bytes = self.source.as_bytes();
        while self.at < bytes.len() {
            match &bytes[self.at..] {
                [b'#', b'|', ..] => {
                    depth += 1;
                    self.at += 2;
                }
                [b'|', b'#', ..] => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return TokenKind::BlockComment;
                    }
                }
                _ => self.at += 1,
            }
        }
        self.error(
            "E002",
            start,
            start + 2,
            "the comment does not end: `|#` is missing",
        );
        TokenKind::Error
    }

    fn string(&mut self, start: usize) -> TokenKind {
        let mut kind = TokenKind::Str;
        while let Some(c) = self.rest().chars().next() {
            let at = self.at;
            self.at += c.len_utf8();
            match c {
                '"' => return kind,
                '\\' if self.escape(at).is_none() => kind = TokenKind::Error,
                _ => {}
            }
        }
        self.error(
            "E002",
            start,
            start + 1,
            "the string does not end: `\"` is missing",
        );
        TokenKind::Error
    }

    /// Reads what follows a backslash.
    fn escape(&mut self, start: usize) -> Option<()> {
        let (len, value) = unescape(self.rest());
        self.at += len;
        if value.is_none() {
            let text = format!("`{}` is no escape", &self.source[start..self.at]);
            self.error("E003", start, self.at, text);
            let last = self.diagnostics.len() - 1;
            self.diagnostics[last].help = Some(r#"use \n \t \" \\ or \u{1f600}"#.into());
        }
        value.map(|_| ())
    }

    fn bytes(&mut self, start: usize) -> TokenKind {
        let Some(len) = self.rest().find('"') else {
            self.at = self.source.len();
            self.error(
                "E002",
                start,
                start + 3,
                "the bytes do not end: `\"` is missing",
            );
            return TokenKind::Error;
        };
        let digits = &self.rest()[..len];
        let good = digits.bytes().all(|b| b.is_ascii_hexdigit()) && len % 2 == 0;
        self.at += len + 1;
        if good {
            return TokenKind::Bytes;
        }
        self.error(
            "E003",
            start,
            self.at,
            "bytes are written as pairs of hexadecimal digits",
        );
        TokenKind::Error
    }
}

/// What follows a backslash: its length in bytes, and the character if it is one.
fn unescape(rest: &str) -> (usize, Option<char>) {
    let Some(c) = rest.chars().next() else {
        return (0, None);
    };
    let simple = match c {
        'n' => Some('\n'),
        't' => Some('\t'),
        '"' | '\\' => Some(c),
        _ => None,
    };
    if simple.is_some() || c != 'u' {
        return (c.len_utf8(), simple);
    }
    let digits = rest
        .strip_prefix("u{")
        .and_then(|r| Some(&r[..r.find('}')?]));
    match digits {
        Some(d) if (1..=6).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_hexdigit()) => {
            let value = u32::from_str_radix(d, 16).ok().and_then(char::from_u32);
            (d.len() + 3, value)
        }
        _ => (1, None),
    }
}

/// The text that a string token stands for; the token must be without fault.
pub fn string_value(token: &str) -> String {
    let inner = token
        .strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'))
        .unwrap_or("");
    let mut out = String::new();
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c == '\\' {
            let (len, value) = unescape(rest);
            rest = &rest[len..];
            out.extend(value);
        } else {
            out.push(c);
        }
    }
    out
}

/// The bytes that a bytes token stands for; the token must be without fault.
pub fn bytes_value(token: &str) -> Vec<u8> {
    let digits = token
        .strip_prefix("#x\"")
        .and_then(|t| t.strip_suffix('"'))
        .unwrap_or("");
    let digit = |b: u8| char::from(b).to_digit(16).unwrap_or(0) as u8;
    digits
        .as_bytes()
        .chunks_exact(2)
        .map(|p| digit(p[0]) << 4 | digit(p[1]))
        .collect()
}

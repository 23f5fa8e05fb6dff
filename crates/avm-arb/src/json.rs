//! A pull reader for JSON that never recurses: the caller asks for the next piece, and what it does
//! not know it skips at any depth.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Text that is not JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Bytes that are not UTF-8.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// The file ends too early.
    #[error("the file ends, expected {expected}")]
    End {
        /// What should follow.
        expected: &'static str,
    },
    /// Another character than the grammar wants.
    #[error("found {found:?}, expected {expected}")]
    Unexpected {
        /// The character.
        found: char,
        /// What should stand there.
        expected: &'static str,
    },
    /// Something behind the one value of the file.
    #[error("found {found:?} behind the end of the program")]
    Trailing {
        /// Its first character.
        found: char,
    },
    /// A string that the file ends in.
    #[error("the string is never closed")]
    OpenString,
    /// A control character inside a string.
    #[error("found control character {found:?} in a string, expected an escape")]
    Control {
        /// The character.
        found: char,
    },
    /// An escape that JSON does not know.
    #[error("found the escape \\{found}, expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u")]
    Escape {
        /// The character behind the backslash.
        found: char,
    },
    /// `\u` without four hex digits, or half of a surrogate pair.
    #[error("\\u needs four hex digits that name a character")]
    Unicode,
    /// A number that breaks off or has a leading zero.
    #[error("a number has no digits here or a leading zero")]
    Number,
}

/// Kind of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{...}`
    Object,
    /// `[...]`
    Array,
    /// `"..."`
    String,
    /// `1`
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::Null => "null",
        })
    }
}

/// An error and the byte offset it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Located<E>(pub(crate) usize, pub(crate) E);

type Read<T> = Result<T, Located<JsonError>>;

/// Reads a text from its start. After an error it is of no use.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `text`.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Offset of the next piece, in bytes.
    pub(crate) fn offset(&mut self) -> usize {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
        self.at
    }

    /// Kind of the value that comes next.
    pub(crate) fn peek(&mut self) -> Read<Kind> {
        self.offset();
        Ok(match self.byte() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') => Kind::Null,
            _ => return Err(self.unexpected("a value")),
        })
    }

    /// Enters an object or array that [`peek`](Self::peek) saw.
    pub(crate) fn open(&mut self) -> Members {
        self.at += 1;
        Members { first: true }
    }

    /// Offset and name of the next member of an object, or its end.
    pub(crate) fn member(&mut self, members: &mut Members) -> Read<Option<(usize, Cow<'a, str>)>> {
        if !self.more(members, b'}', "`,` or `}`")? {
            return Ok(None);
        }
        let offset = self.offset();
        if self.byte() != Some(b'"') {
            return Err(self.unexpected("a member name"));
        }
        let name = self.string()?;
        self.offset();
        if self.byte() != Some(b':') {
            return Err(self.unexpected("`:`"));
        }
        self.at += 1;
        Ok(Some((offset, name)))
    }

    /// Whether an array has another element.
    pub(crate) fn element(&mut self, members: &mut Members) -> Read<bool> {
        self.more(members, b']', "`,` or `]`")
    }

    /// A string that [`peek`](Self::peek) saw.
    pub(crate) fn string(&mut self) -> Read<Cow<'a, str>> {
        let open = self.at;
        self.at += 1;
        let mut start = self.at;
        let mut decoded: Option<String> = None;
        loop {
            match self.byte() {
                None => return Err(Located(open, JsonError::OpenString)),
                Some(b'"') => {
                    let rest = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(match decoded {
                        None => Cow::Borrowed(rest),
                        Some(decoded) => Cow::Owned(decoded + rest),
                    });
                }
                Some(b'\\') => {
                    let decoded = decoded.get_or_insert_default();
                    decoded.push_str(&self.text[start..self.at]);
                    decoded.push(self.escape(open)?);
                    start = self.at;
                }
                Some(byte @ 0..0x20) => {
                    return Err(Located(
                        self.at,
                        JsonError::Control {
                            found: char::from(byte),
                        },
                    ));
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// The text of a number that [`peek`](Self::peek) saw.
    pub(crate) fn number(&mut self) -> Read<&'a str> {
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        let zero = self.byte() == Some(b'0');
        let whole = self.digits()?;
        if zero && whole > 1 {
            return Err(Located(start, JsonError::Number));
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    /// Goes over the next value, whatever it is and however deep.
    pub(crate) fn skip(&mut self) -> Read<()> {
        let mut open: Vec<(Kind, Members)> = Vec::new();
        loop {
            match self.peek()? {
                kind @ (Kind::Object | Kind::Array) => open.push((kind, self.open())),
                Kind::String => drop(self.string()?),
                Kind::Number => drop(self.number()?),
                Kind::Bool if self.byte() == Some(b't') => self.word("true")?,
                Kind::Bool => self.word("false")?,
                Kind::Null => self.word("null")?,
            }
            loop {
                let Some((kind, members)) = open.last_mut() else {
                    return Ok(());
                };
                let more = match kind {
                    Kind::Object => self.member(members)?.is_some(),
                    _ => self.element(members)?,
                };
                if more {
                    break;
                }
                open.pop();
            }
        }
    }

    /// Checks that nothing follows.
    pub(crate) fn end(&mut self) -> Read<()> {
        let at = self.offset();
        match self.text[at..].chars().next() {
            None => Ok(()),
            Some(found) => Err(Located(at, JsonError::Trailing { found })),
        }
    }

    fn more(&mut self, members: &mut Members, close: u8, expected: &'static str) -> Read<bool> {
        self.offset();
        let first = core::mem::replace(&mut members.first, false);
        match self.byte() {
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') if !first => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if first => Ok(true),
            _ => Err(self.unexpected(expected)),
        }
    }

    fn digits(&mut self) -> Read<usize> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        match self.at - start {
            0 => Err(Located(start, JsonError::Number)),
            count => Ok(count),
        }
    }

    fn word(&mut self, word: &'static str) -> Read<()> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.unexpected("a value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// The character of an escape; `open` is where its string starts.
    fn escape(&mut self, open: usize) -> Read<char> {
        let start = self.at;
        let Some(found) = self.text[start + 1..].chars().next() else {
            return Err(Located(open, JsonError::OpenString));
        };
        self.at += 1 + found.len_utf8();
        Ok(match found {
            '"' | '\\' | '/' => found,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let mut units = [self.unit(start)?, 0];
                let pair = matches!(units[0], 0xd800..0xdc00);
                if pair && self.text[self.at..].starts_with("\\u") {
                    self.at += 2;
                    units[1] = self.unit(start)?;
                }
                let units = &units[..1 + usize::from(pair)];
                match char::decode_utf16(units.iter().copied()).next() {
                    Some(Ok(found)) => found,
                    _ => return Err(Located(start, JsonError::Unicode)),
                }
            }
            _ => return Err(Located(start, JsonError::Escape { found })),
        })
    }

    /// Four hex digits; `start` is where their escape starts.
    fn unit(&mut self, start: usize) -> Read<u16> {
        let bad = Located(start, JsonError::Unicode);
        let digits = self.text.get(self.at..self.at + 4).ok_or(bad.clone())?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(bad);
        }
        self.at += 4;
        u16::from_str_radix(digits, 16).map_err(|_| bad)
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn unexpected(&self, expected: &'static str) -> Located<JsonError> {
        let error = match self.text[self.at..].chars().next() {
            None => JsonError::End { expected },
            Some(found) => JsonError::Unexpected { found, expected },
        };
        Located(self.at, error)
    }
}

/// Where a reader is inside an object or array.
pub(crate) struct Members {
    first: bool,
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn check(text: &str) -> Result<(), Located<JsonError>> {
        let mut reader = Reader::new(text);
        reader.skip()?;
        reader.end()
    }

    #[test]
    fn accepts() {
        let deep = "[{\"a\":".repeat(200_000) + "1" + &"}]".repeat(200_000);
        for text in [
            "null",
            " [ ] ",
            "{}",
            "[1,-0,0.5e-3,true,false,null,\"\\ud83d\\ude00\\n\"]",
            "{\"a\":{\"b\":[]},\"a\":2}\n",
            &deep,
        ] {
            assert_eq!(check(text), Ok(()), "{}", &text[..text.len().min(40)]);
        }
    }

    #[test]
    fn strings() {
        let cases = [
            (r#""plain""#, "plain"),
            (r#""\u0041\\\/\"\t""#, "A\\/\"\t"),
            (r#""\ud83d\ude00.""#, "\u{1f600}."),
        ];
        for (text, want) in cases {
            assert_eq!(Reader::new(text).string().unwrap(), want);
        }
    }

    #[test]
    fn refuses() {
        let cases = [
            ("", "0: the file ends, expected a value"),
            ("[1,", "3: the file ends, expected a value"),
            ("[1 2]", "3: found '2', expected `,` or `]`"),
            ("[,1]", "1: found ',', expected a value"),
            ("[1,]", "3: found ']', expected a value"),
            ("{\"a\" 1}", "5: found '1', expected `:`"),
            ("{\"a\":1,}", "7: found '}', expected a member name"),
            ("{a:1}", "1: found 'a', expected a member name"),
            ("nul", "0: found 'n', expected a value"),
            ("\"abc", "0: the string is never closed"),
            ("\"abc\\", "0: the string is never closed"),
            (
                "\"a\nb\"",
                "2: found control character '\\n' in a string, expected an escape",
            ),
            (
                r#""\x""#,
                "1: found the escape \\x, expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u",
            ),
            (
                r#""\u12g4""#,
                "1: \\u needs four hex digits that name a character",
            ),
            (
                r#""\u+123""#,
                "1: \\u needs four hex digits that name a character",
            ),
            (
                r#""\ud800x""#,
                "1: \\u needs four hex digits that name a character",
            ),
            (
                r#""\udc00""#,
                "1: \\u needs four hex digits that name a character",
            ),
            (
                r#""\ud800\u0041""#,
                "1: \\u needs four hex digits that name a character",
            ),
            (
                "\"\\u00\u{e9}\"",
                "1: \\u needs four hex digits that name a character",
            ),
            ("01", "0: a number has no digits here or a leading zero"),
            ("-", "1: a number has no digits here or a leading zero"),
            ("1.", "2: a number has no digits here or a leading zero"),
            ("1e", "2: a number has no digits here or a leading zero"),
            ("{} x", "3: found 'x' behind the end of the program"),
        ];
        for (text, want) in cases {
            let Located(at, error) = check(text).unwrap_err();
            assert_eq!(
                [at.to_string(), error.to_string()].join(": "),
                want,
                "{text}"
            );
        }
    }
}

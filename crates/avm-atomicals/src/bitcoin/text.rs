//! Scripts as text, in the notation of Bitcoin Core's test data.
//!
//! Words between spaces: a decimal number is pushed, `0x` with hex digits is bytes of the script
//! as they are, `'text'` is pushed, anything else is the name of an opcode, `OP_` left out or not.

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::code::push_bytes;
use super::ops::{self as own, OWN};
use crate::script::num::encode_small;
use crate::script::ops;

/// Largest number as text, of either sign.
const MAX_NUMBER: i64 = 0xffff_ffff;

/// A word that is no part of a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// No opcode has this name.
    #[error("{word:?} is no number, hex, text in quotes or opcode")]
    Word {
        /// What was read.
        word: String,
    },
    /// The number does not fit.
    #[error("{word} is not between -4294967295 and 4294967295")]
    Number {
        /// What was read.
        word: String,
    },
}

/// Bytes of a script written as text.
///
/// # Errors
/// [`TextError`] with the first word that is not understood.
pub fn parse(text: &str) -> Result<Vec<u8>, TextError> {
    let mut script = Vec::new();
    for word in text
        .split([' ', '\t', '\n'])
        .filter(|word| !word.is_empty())
    {
        let digits = word.strip_prefix('-').unwrap_or(word);
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            let number = word
                .parse()
                .ok()
                .filter(|n: &i64| n.unsigned_abs() <= MAX_NUMBER.unsigned_abs())
                .ok_or_else(|| TextError::Number {
                    word: word.to_string(),
                })?;
            push_number(&mut script, number);
        } else if let Some(bytes) = word.strip_prefix("0x").and_then(from_hex) {
            script.extend(bytes);
        } else if let Some(quoted) = quoted(word) {
            push_bytes(&mut script, quoted.as_bytes());
        } else {
            let code = opcode(word).ok_or_else(|| TextError::Word {
                word: word.to_string(),
            })?;
            script.push(code);
        }
    }
    Ok(script)
}

fn quoted(word: &str) -> Option<&str> {
    word.strip_prefix('\'')?.strip_suffix('\'')
}

/// Bytes of an even, positive number of hex digits.
fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.is_empty() || !rest.is_empty() {
        return None;
    }
    let digit = |b: u8| char::from(b).to_digit(16);
    pairs
        .iter()
        .map(|[high, low]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok())
        .collect()
}

/// Appends a number in the shortest way: -1 and 0 to 16 have opcodes.
fn push_number(script: &mut Vec<u8>, number: i64) {
    match number {
        0 => script.push(0),
        -1 => script.push(0x4f),
        1..=16 => script.push(0x50 + number as u8),
        _ => {
            let (bytes, len) = encode_small(number);
            push_bytes(script, &bytes[..len]);
        }
    }
}

/// Core's name of the byte that is no operation for good.
const INVALID: (u8, &str) = (0xff, "OP_INVALIDOPCODE");

/// Opcode of a name, `OP_` left out or not; pushes of bytes have none.
fn opcode(name: &str) -> Option<u8> {
    let bare = name.strip_prefix("OP_").unwrap_or(name);
    if bare == &INVALID.1[3..] {
        return Some(INVALID.0);
    }
    let own = OWN.iter().find(|row| row.name[3..] == *bare);
    own.map(|row| row.code).or_else(|| {
        // names of contracts come in either case, and some are of other bytes
        let code = ops::by_name(bare)?.code;
        (self::name(code).is_some_and(|known| known[3..] == *bare)).then_some(code)
    })
}

/// Name of an opcode in Bitcoin, such as `OP_CHECKSIG` or `OP_PUSHBYTES_20`; `None` if the byte is
/// no operation.
#[must_use]
pub fn name(opcode: u8) -> Option<Cow<'static, str>> {
    match own::row(opcode) {
        _ if opcode == INVALID.0 => Some(INVALID.1.into()),
        Some(own::Row::Own(row)) => Some(row.name.into()),
        Some(own::Row::Shared(row)) => Some(row.name.into()),
        None if (1..=75).contains(&opcode) => ops::name(opcode),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let cases: [(&str, &[u8]); 11] = [
            ("", &[]),
            (" 0  1 16 -1\n", &[0, 0x51, 0x60, 0x4f]),
            ("17 -127 128", &[1, 17, 1, 0xff, 2, 0x80, 0]),
            ("-4294967295", &[5, 255, 255, 255, 255, 0x80]),
            ("0x4c01 0x07", &[0x4c, 1, 7]),
            ("'Az' ''", &[2, b'A', b'z', 0]),
            ("DUP OP_DUP", &[0x76, 0x76]),
            ("CHECKSIGADD SUBSTR LEFT RIGHT", &[0xba, 0x7f, 0x80, 0x81]),
            ("RESERVED VERIF", &[0x50, 0x65]),
            ("NOP1 NOP10", &[0xb0, 0xb9]),
            ("INVALIDOPCODE", &[0xff]),
        ];
        for (text, script) in cases {
            assert_eq!(parse(text).as_deref(), Ok(script), "{text}");
        }
    }

    #[test]
    fn what_is_no_word() {
        for word in [
            "SPLIT",
            "KV_GET",
            "dup",
            "0x",
            "0x1",
            "0xzz",
            "'",
            "-",
            "1x",
            "CHECKDATASIG",
        ] {
            let want = TextError::Word { word: word.into() };
            assert_eq!(parse(word), Err(want), "{word}");
        }
        for word in ["4294967296", "-4294967296", "99999999999999999999"] {
            let want = TextError::Number { word: word.into() };
            assert_eq!(parse(word), Err(want), "{word}");
        }
    }

    #[test]
    fn names() {
        assert_eq!(name(0xac).as_deref(), Some("OP_CHECKSIG"));
        assert_eq!(name(0x7f).as_deref(), Some("OP_SUBSTR"));
        assert_eq!(name(20).as_deref(), Some("OP_PUSHBYTES_20"));
        assert_eq!(name(0xbb), None);
        assert_eq!(name(0xd1), None);
    }
}

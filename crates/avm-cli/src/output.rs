//! What a command hands back, and the forms of numbers and bytes in JSON.

use anstyle::Style;
use avm_core::Hash;
use serde_json::{Value, json};

/// Largest number that is written as a JSON number: 2^53, exact in every reader.
const NUMBER_MAX: u64 = 1 << 53;

/// The result of a command that succeeded.
#[derive(Debug, Default)]
pub struct Reply {
    /// For people; may hold colour, which is taken out where it does not belong.
    pub text: String,
    /// The `data` member of the JSON envelope.
    pub data: Value,
    /// What went well but deserves a word.
    pub warnings: Vec<String>,
    /// Whether the command wrote its result itself, as a stream.
    pub streamed: bool,
    /// Exit code: other than 0 if the answer is no.
    pub exit: u8,
}

impl Reply {
    /// A result in both forms.
    #[must_use]
    pub fn new(text: impl Into<String>, data: Value) -> Self {
        let text = text.into();
        Self {
            text,
            data,
            ..Self::default()
        }
    }

    /// Nothing more to print.
    #[must_use]
    pub fn streamed() -> Self {
        Self {
            streamed: true,
            ..Self::default()
        }
    }
}

/// The envelope of a success.
#[must_use]
pub fn envelope(reply: &Reply) -> Value {
    json!({ "schema": "avm/1", "ok": true, "data": reply.data, "warnings": reply.warnings })
}

/// The envelope of a failure.
#[must_use]
pub fn failure(error: Value) -> Value {
    json!({ "schema": "avm/1", "ok": false, "error": error })
}

/// A number; a string if a reader with doubles would round it.
#[must_use]
pub fn number(n: u64) -> Value {
    if n > NUMBER_MAX {
        json!(n.to_string())
    } else {
        json!(n)
    }
}

/// A number of any size, given in decimal.
#[must_use]
pub fn big_number(decimal: &str) -> Value {
    match decimal.parse() {
        Ok(n) => number(n),
        Err(_) => json!(decimal),
    }
}

/// Bytes as 0x and hex digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("0x");
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)] as char);
        text.push(DIGITS[usize::from(byte & 15)] as char);
    }
    text
}

/// A root as 0x and 64 hex digits.
#[must_use]
pub fn root(hash: Hash) -> String {
    hex(hash.as_bytes())
}

/// Digits in groups of three: `1 204`.
#[must_use]
pub fn grouped(decimal: &str) -> String {
    let mut text = String::new();
    for (at, digit) in decimal.chars().enumerate() {
        if at > 0 && (decimal.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A number with its noun: `1 step`, `1 204 steps`.
#[must_use]
pub fn count(decimal: &str, noun: &str) -> String {
    let s = if decimal == "1" { "" } else { "s" };
    format!("{} {noun}{s}", grouped(decimal))
}

/// One line of a result: a bold label in a column of ten, and the value.
#[must_use]
pub fn row(label: &str, value: impl std::fmt::Display) -> String {
    let bold = Style::new().bold();
    format!("{bold}{label:<9}{bold:#} {value}\n")
}

/// The start of a text, safe for a terminal: control characters are replaced.
#[must_use]
pub fn clip(text: &str, max: usize) -> String {
    let mut shown: String = text.chars().take(max).map(visible).collect();
    if text.chars().nth(max).is_some() {
        shown.push_str("...");
    }
    shown
}

fn visible(c: char) -> char {
    match c {
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// Two texts next to each other, each in about `max` characters: of long ones the start, and the
/// part where they begin to differ.
#[must_use]
pub fn contrast(texts: [&str; 2], max: usize) -> [String; 2] {
    let [left, right] = texts.map(str::chars);
    let common = left.zip(right).take_while(|(a, b)| a == b).count();
    texts.map(|text| {
        let len = text.chars().count();
        let (head, from) = (max / 4, common.saturating_sub(2));
        if len <= max || from <= max / 2 {
            return clip(text, max);
        }
        let start: String = text.chars().take(head).collect();
        let rest: String = text.chars().skip(from).collect();
        clip(&format!("{start}..{rest}"), max)
    })
}

/// A duration for people.
#[must_use]
pub fn seconds(s: f64) -> String {
    match s {
        s if s < 1e-3 => format!("{:.0} us", s * 1e6),
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(number(1 << 53), json!(9_007_199_254_740_992_u64));
        assert_eq!(number((1 << 53) + 1), json!("9007199254740993"));
        assert_eq!(
            big_number("340282366920938463463374607431768211456"),
            json!("340282366920938463463374607431768211456")
        );
        assert_eq!(grouped("1204"), "1 204");
        assert_eq!(grouped("123456"), "123 456");
        assert_eq!(hex(&[0, 0xaf]), "0x00af");
        assert_eq!(clip("a\u{1b}[31mb", 3), "a\u{fffd}[...");
        assert_eq!(contrast(["short", "shorter"], 8), ["short", "shorter"]);
        let [a, b] = [1, 2].map(|last| format!("{}{last}", "0".repeat(40)));
        assert_eq!(contrast([&a, &b], 16), ["0000..001", "0000..002"]);
    }
}

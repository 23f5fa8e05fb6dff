//! Elements of the stack as code and as text: numbers, and the one minimal push of each.

use alloc::string::String;
use alloc::vec::Vec;

use dashu_int::{IBig, Sign};

/// Most digits of a number that are read; 4,000 bytes are less than 9,700 decimal digits.
const MAX_DIGITS: usize = 9_700;

/// Code that pushes `data` in the only form that counts as minimal. Spec: section 4.
///
/// ```
/// use avm_atomicals::asm::push;
/// assert_eq!(push(&[]), [0x00]);
/// assert_eq!(push(&[5]), [0x55]);
/// assert_eq!(push(b"abc"), [3, b'a', b'b', b'c']);
/// ```
#[must_use]
pub fn push(data: &[u8]) -> Vec<u8> {
    let mut code = Vec::with_capacity(data.len() + 5);
    match *data {
        [] => code.push(0x00),
        [n @ 1..=16] => code.push(0x50 + n),
        [0x81] => code.push(0x4f),
        _ => {
            let len = data.len();
            let little = u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
            match len {
                0..=0x4b => code.push(little[0]),
                0x4c..=0xff => code.extend([0x4c, little[0]]),
                0x100..=0xffff => code.extend([0x4d, little[0], little[1]]),
                _ => {
                    code.push(0x4e);
                    code.extend(little);
                }
            }
            code.extend_from_slice(data);
        }
    }
    code
}

/// The element of a number: little-endian, sign in the top bit, zero is empty. Spec: section 5.
///
/// ```
/// use avm_atomicals::asm::number;
/// assert_eq!(number(0), []);
/// assert_eq!(number(-255), [0xff, 0x80]);
/// ```
#[must_use]
pub fn number(value: i64) -> Vec<u8> {
    big_number(&IBig::from(value))
}

/// The element of a number of any size.
pub(super) fn big_number(value: &IBig) -> Vec<u8> {
    let (sign, magnitude) = value.clone().into_parts();
    let mut bytes = magnitude.to_le_bytes().to_vec();
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    if bytes.last().is_some_and(|last| last & 0x80 != 0) {
        bytes.push(0);
    }
    if let (Sign::Negative, Some(last)) = (sign, bytes.last_mut()) {
        *last |= 0x80;
    }
    bytes
}

/// The number that an element of at most eight bytes stands for; `None` if it is longer or not in
/// the shortest form.
pub(super) fn read_number(element: &[u8]) -> Option<i64> {
    let (last, rest) = match element.split_last() {
        None => return Some(0),
        Some(_) if element.len() > 8 => return None,
        Some(parts) => parts,
    };
    let needed = last & 0x7f != 0 || rest.last().is_some_and(|byte| byte & 0x80 != 0);
    let low = rest
        .iter()
        .rev()
        .fold(i64::from(last & 0x7f), |sum, &byte| {
            sum << 8 | i64::from(byte)
        });
    needed.then_some(if last & 0x80 == 0 { low } else { -low })
}

/// Reads `12`, `-12`, `1_000` and, if `hex`, `0xff`; `None` if it is none of these or too long.
pub(super) fn parse_int(text: &str, hex: bool) -> Option<IBig> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (radix, digits) = match digits.strip_prefix("0x") {
        Some(digits) if hex => (16, digits),
        _ => (10, digits),
    };
    if digits.len() > 2 * MAX_DIGITS {
        return None;
    }
    let digits: String = digits.chars().filter(|&c| c != '_').collect();
    let fine = !digits.is_empty() && digits.len() <= MAX_DIGITS;
    if !fine || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let value = IBig::from_str_radix(&digits, radix).ok()?;
    Some(if negative { -value } else { value })
}

/// Reads an even number of hex digits, with or without `0x` before them.
pub(super) fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs
        .map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?))
        .collect()
}

/// Value of a hex digit.
pub(super) fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Appends `bytes` in hex digits.
pub(super) fn push_hex(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_minimal_and_read_back() {
        let cases: &[(i64, &[u8])] = &[
            (0, &[]),
            (1, &[1]),
            (-1, &[0x81]),
            (127, &[0x7f]),
            (128, &[0x80, 0]),
            (-128, &[0x80, 0x80]),
            (255, &[0xff, 0]),
            (256, &[0, 1]),
            (-32768, &[0, 0x80, 0x80]),
            (i64::MAX, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
        ];
        for (value, bytes) in cases {
            assert_eq!(number(*value), *bytes, "{value}");
            assert_eq!(read_number(bytes), Some(*value), "{value}");
        }
        for bad in [&[0][..], &[0x80], &[1, 0], &[1, 0x80], &[1; 9]] {
            assert_eq!(read_number(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn integers_as_text() {
        let value = |text| parse_int(text, true).map(|n| i64::try_from(&n).unwrap());
        let cases = [
            ("12", Some(12)),
            ("-1_000", Some(-1000)),
            ("0xff", Some(255)),
            ("-0x10", Some(-16)),
            ("0x", None),
            ("-", None),
            ("1x", None),
            ("", None),
        ];
        for (text, want) in cases {
            assert_eq!(value(text), want, "{text}");
        }
        assert_eq!(parse_int("0xff", false), None);
        assert_eq!(parse_int(&"9".repeat(MAX_DIGITS + 1), false), None);
        assert!(parse_int(&"9".repeat(MAX_DIGITS), false).is_some());
    }
}

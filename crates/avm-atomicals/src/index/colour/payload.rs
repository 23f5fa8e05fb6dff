//! What an operation says about where tokens go: the payloads of `y` and `z`.
//!
//! Keys of a payload are token ids as text. The reference reads numbers as Python's `int` does; so does
//! [`integer`]. Of several entries for one key the last counts.

use alloc::collections::{BTreeMap, BTreeSet};

use super::AtomicalId;
use crate::index::envelope::parse_text_id;
use crate::script::cbor::Cbor;

/// What a transaction says about where tokens go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum How {
    /// Nothing.
    #[default]
    Default,
    /// `x`: each item to an output of its own.
    Splat,
    /// `y`: satoshis of outputs that a token leaves free before it takes any.
    Split(BTreeMap<AtomicalId, u64>),
    /// `z`: what goes where, named output by output.
    Custom(BTreeMap<AtomicalId, Wanted>),
}

/// What a `z` names for a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Amounts by output, none of them 0.
    pub amounts: BTreeMap<u32, u64>,
    /// Whether there was more than one key, those of no use included: keys that are no number count as
    /// one, and so does each number, even if its amount is of no use.
    pub several: bool,
}

impl How {
    /// What an operation says with its payload. Operations without a say are [`How::Default`], and so
    /// are `y` and `z` if their payload is no map. An entry of a `z` that is no map is as if it were
    /// absent.
    #[must_use]
    pub fn of(operation: &str, payload: &Cbor<'_>) -> Self {
        let Cbor::Map(entries) = payload else {
            return match operation {
                "x" => How::Splat,
                _ => How::Default,
            };
        };
        let entries = entries.iter().filter_map(|(key, value)| match key {
            Cbor::Text(text) => Some((parse_text_id(text)?, value)),
            _ => None,
        });
        match operation {
            "x" => How::Splat,
            "y" => How::Split(entries.map(|(id, value)| (id, skip(value))).collect()),
            "z" => How::Custom(entries.map(|(id, value)| (id, wanted(value))).collect()),
            _ => How::Default,
        }
    }
}

/// A number to skip: only numbers are, and true, which is 1.
fn skip(value: &Cbor<'_>) -> u64 {
    match value {
        Cbor::Uint(number) => *number,
        Cbor::Bool(truth) => u64::from(*truth),
        _ => 0,
    }
}

fn wanted(value: &Cbor<'_>) -> Wanted {
    let Cbor::Map(entries) = value else {
        return Wanted::default();
    };
    let mut keys = BTreeSet::new();
    let mut amounts = BTreeMap::new();
    for (key, amount) in entries {
        let key = integer(key).unwrap_or(-1);
        keys.insert(key);
        let Ok(output) = u32::try_from(key) else {
            continue;
        };
        let amount = integer(amount).unwrap_or(0).max(0);
        match u64::try_from(amount).unwrap_or(u64::MAX) {
            0 => amounts.remove(&output),
            amount => amounts.insert(output, amount),
        };
    }
    Wanted {
        amounts,
        several: keys.len() > 1,
    }
}

/// A number as Python's `int` takes it: numbers, truth values, floats without what is behind the point,
/// and decimal digits in text or bytes, with white space around, a sign before and single underscores
/// between them. Digits are ASCII. Numbers that do not fit are the nearest that does.
fn integer(value: &Cbor<'_>) -> Option<i128> {
    match value {
        Cbor::Uint(number) => Some(i128::from(*number)),
        Cbor::Negint(number) => Some(-1 - i128::from(*number)),
        Cbor::Bool(truth) => Some(i128::from(*truth)),
        Cbor::Text(text) => digits(text),
        Cbor::Bytes(bytes) => digits(core::str::from_utf8(bytes).ok()?),
        Cbor::Float { bytes, bits } => whole(*bytes, *bits),
        _ => None,
    }
}

fn digits(text: &str) -> Option<i128> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut number = 0_i128;
    for group in digits.split('_') {
        if group.is_empty() {
            return None;
        }
        for digit in group.bytes() {
            if !digit.is_ascii_digit() {
                return None;
            }
            number = number.saturating_mul(10);
            number = number.saturating_add(i128::from(digit - b'0'));
        }
    }
    Some(sign * number)
}

/// The whole part of a float by its bits; `None` for what is no number or has no end.
fn whole(bytes: u8, bits: u64) -> Option<i128> {
    let (exponent_bits, fraction_bits) = match bytes {
        2 => (5, 10),
        4 => (8, 23),
        _ => (11, 52),
    };
    let fraction = bits & ((1 << fraction_bits) - 1);
    let most = (1_u64 << exponent_bits) - 1;
    let exponent = (bits >> fraction_bits) & most;
    if exponent == most {
        return None;
    }
    // Below the bias the number is below 1.
    let Some(power) = exponent.checked_sub(most >> 1) else {
        return Some(0);
    };
    let digits = i128::from(fraction | (1 << fraction_bits));
    let number = match power.checked_sub(fraction_bits) {
        None => digits >> (fraction_bits - power),
        Some(shift) if shift < 127 - 53 => digits << shift,
        Some(_) => i128::MAX,
    };
    let negative = (bits >> (fraction_bits + exponent_bits)) & 1 == 1;
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn numbers() {
        let text = |text: &'static str| Cbor::Text(text.into());
        let float = |bytes, bits| Cbor::Float { bytes, bits };
        let cases = [
            (Cbor::Uint(u64::MAX), Some(i128::from(u64::MAX))),
            (Cbor::Negint(4), Some(-5)),
            (Cbor::Negint(u64::MAX), Some(-(1 << 64))),
            (Cbor::Bool(true), Some(1)),
            (Cbor::Null, None),
            (Cbor::Array(Vec::new()), None),
            (text("12"), Some(12)),
            (text(" +1_0\n"), Some(10)),
            (text("-0"), Some(0)),
            (text("007"), Some(7)),
            (text(""), None),
            (text("+-1"), None),
            (text("1__0"), None),
            (text("_1"), None),
            (text("1.0"), None),
            (text("0x1"), None),
            (Cbor::Bytes((&b"34"[..]).into()), Some(34)),
            (Cbor::Bytes((&b"\xff"[..]).into()), None),
            // 1.5, -2.0 and 65504.0 of two bytes, and infinity.
            (float(2, 0x3e00), Some(1)),
            (float(2, 0xc000), Some(-2)),
            (float(2, 0x7bff), Some(65_504)),
            (float(2, 0x7c00), None),
            // 16777216.0 and 0.99999994 of four bytes.
            (float(4, 0x4b80_0000), Some(1 << 24)),
            (float(4, 0x3f7f_ffff), Some(0)),
            (float(8, (-12_345.678_f64).to_bits()), Some(-12_345)),
            (float(8, 1e15_f64.to_bits()), Some(1_000_000_000_000_000)),
            (
                float(8, 1e30_f64.to_bits()),
                Some(1_000_000_000_000_000_019_884_624_838_656),
            ),
            (float(8, f64::MAX.to_bits()), Some(i128::MAX)),
            (float(8, f64::NAN.to_bits()), None),
            (float(8, 0), Some(0)),
        ];
        for (value, want) in cases {
            assert_eq!(integer(&value), want, "{value:?}");
        }
        let long = "9".repeat(100);
        assert_eq!(digits(&long), Some(i128::MAX));
    }

    #[test]
    fn what_a_payload_names() {
        let text = |text: &'static str| Cbor::Text(text.into());
        let amounts = |pairs: &[(u32, u64)], several| Wanted {
            amounts: pairs.iter().copied().collect(),
            several,
        };
        let cases = [
            (Cbor::Null, amounts(&[], false)),
            (
                Cbor::Map([(text("1"), Cbor::Uint(5))].into()),
                amounts(&[(1, 5)], false),
            ),
            (
                Cbor::Map([(text("1"), text("5")), (Cbor::Null, Cbor::Uint(1))].into()),
                amounts(&[(1, 5)], true),
            ),
            (
                Cbor::Map([(text("1"), Cbor::Uint(5)), (Cbor::Uint(1), Cbor::Negint(0))].into()),
                amounts(&[], false),
            ),
            (
                Cbor::Map([(text("x"), Cbor::Uint(5)), (text("-1"), Cbor::Uint(7))].into()),
                amounts(&[], false),
            ),
        ];
        for (value, want) in cases {
            assert_eq!(wanted(&value), want, "{value:?}");
        }
        assert_eq!(How::of("z", &Cbor::Null), How::Default);
        assert_eq!(How::of("x", &Cbor::Null), How::Splat);
        assert_eq!(How::of("nft", &Cbor::Map(Vec::new())), How::Default);
    }
}

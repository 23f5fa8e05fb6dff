//! Fields of a Bitcoin block header. Spec: section 7.9.
//!
//! The difficulty is that of the reference, computed there in IEEE 754 doubles and here by integers:
//! one correctly rounded quotient, then exact powers of two.

/// Bytes of a header.
pub const HEADER_BYTES: usize = 80;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// A number.
    Number(i64),
    /// Bytes as they are in the header.
    Bytes(&'a [u8; 32]),
}

/// A field of a header by its number in a script, 0 to 6.
///
/// 0 version, 1 previous block, 2 Merkle root, 3 time, 4 bits, 5 nonce, 6 difficulty, which is
/// `no_difficulty` if the mantissa is zero: `i64::MIN` in the beta. Register: Q14.
#[must_use]
pub fn field(header: &[u8; HEADER_BYTES], field: i32, no_difficulty: i64) -> Option<Field<'_>> {
    let (words, _) = header.as_chunks::<4>();
    let word = |i: usize| u32::from_le_bytes(words[i]);
    let hash = |at: usize| header[at..].first_chunk();
    Some(match field {
        0 => Field::Number(word(0).into()),
        1 => Field::Bytes(hash(4)?),
        2 => Field::Bytes(hash(36)?),
        3 => Field::Number(word(17).into()),
        4 => Field::Number(word(18).into()),
        5 => Field::Number(word(19).into()),
        6 => Field::Number(difficulty(word(18)).unwrap_or(no_difficulty)),
        _ => return None,
    })
}

/// Difficulty of a compact target, rounded half away from zero; `None` if its mantissa is zero.
///
/// From 2^63 on it is `i64::MIN`, as converting such a double on x86-64 gives.
#[must_use]
pub fn difficulty(bits: u32) -> Option<i64> {
    let (exponent, mantissa) = (bits >> 24, bits & 0x00ff_ffff);
    if mantissa == 0 {
        return None;
    }
    let (quotient, power) = round_to_double(65_535, mantissa);
    // Each of the steps from the exponent to 29 is a factor of 256.
    let power = power + 8 * (29 - exponent as i32);
    Some(round_half_up(quotient, power))
}

/// numerator / denominator as the nearest double: 53 bits, and the power of two they count.
fn round_to_double(numerator: u16, denominator: u32) -> (u64, i32) {
    // More than 53 bits of a quotient of 16 by at most 24 bits, and what they leave.
    const SCALE: u32 = 100;
    let scaled = u128::from(numerator) << SCALE;
    let (quotient, rest) = (
        scaled / u128::from(denominator),
        scaled % u128::from(denominator),
    );
    let drop = u128::BITS - quotient.leading_zeros() - 53;
    let (kept, dropped) = (quotient >> drop, quotient & ((1 << drop) - 1));
    let half = 1 << (drop - 1);
    let odd = kept & 1 == 1;
    let up = dropped > half || (dropped == half && (rest != 0 || odd));
    (kept as u64 + u64::from(up), drop as i32 - SCALE as i32)
}

/// value · 2^power to the nearest integer; `i64::MIN` if that is not below 2^63.
fn round_half_up(value: u64, power: i32) -> i64 {
    if power >= 0 {
        let shifted = u128::from(value).checked_shl(power as u32);
        // A value of 53 bits is out of range long before its bits leave the 128.
        let shifted = shifted.filter(|_| power < 64).unwrap_or(u128::MAX);
        return i64::try_from(shifted).unwrap_or(i64::MIN);
    }
    let Some(half) = 1_u64.checked_shl(power.unsigned_abs() - 1) else {
        return 0;
    };
    ((u128::from(value) + u128::from(half)) >> power.unsigned_abs()) as i64
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// The reference, in doubles.
    fn in_doubles(bits: u32) -> i64 {
        let mut difficulty = 65_535_f64 / f64::from(bits & 0x00ff_ffff);
        let mut exponent = bits >> 24;
        while exponent < 29 {
            difficulty *= 256.0;
            exponent += 1;
        }
        while exponent > 29 {
            difficulty /= 256.0;
            exponent -= 1;
        }
        let rounded = difficulty.round();
        if rounded < 9_223_372_036_854_775_808.0 {
            rounded as i64
        } else {
            i64::MIN
        }
    }

    #[test]
    fn known_difficulties() {
        let cases = [
            (0x1d00_ffff, Some(1)),
            (0x1700_e526, Some(314_453_353_086_033)),
            (0x1b04_04cb, Some(16_307)),
            (0x207f_ffff, Some(0)),
            // Exactly a half, and just below.
            (0x1d01_fffe, Some(1)),
            (0x1d01_ffff, Some(0)),
            (0x1d00_0000, None),
            (0x0100_0001, Some(i64::MIN)),
            (0xff00_0001, Some(0)),
        ];
        for (bits, want) in cases {
            assert_eq!(difficulty(bits), want, "{bits:08x}");
            assert_eq!(want.unwrap_or(i64::MIN), in_doubles(bits), "{bits:08x}");
        }
    }

    /// Every exponent with mantissas of every length.
    #[test]
    fn borders() {
        for exponent in 0..=255_u32 {
            for shift in 0..24 {
                for near in [
                    1_u32 << shift,
                    (1 << shift) + 1,
                    (1 << (shift + 1)) - 1,
                    0xffff << shift,
                ] {
                    let bits = exponent << 24 | (near & 0x00ff_ffff).max(1);
                    assert_eq!(difficulty(bits), Some(in_doubles(bits)), "{bits:08x}");
                }
            }
        }
    }

    #[test]
    fn fields() {
        let header: [u8; 80] = core::array::from_fn(|i| i as u8 + 0x80);
        let number = |at: usize| {
            let bytes: Vec<u64> = (0..4).map(|i| (at + i + 0x80) as u64 & 0xff).collect();
            Field::Number((bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24) as i64)
        };
        assert_eq!(field(&header, 0, 0), Some(number(0)));
        assert_eq!(
            field(&header, 1, 0),
            Some(Field::Bytes(&core::array::from_fn(|i| header[4 + i])))
        );
        assert_eq!(
            field(&header, 2, 0),
            Some(Field::Bytes(&core::array::from_fn(|i| header[36 + i])))
        );
        assert_eq!(field(&header, 3, 0), Some(number(68)));
        assert_eq!(field(&header, 4, 0), Some(number(72)));
        assert_eq!(field(&header, 5, 0), Some(number(76)));
        assert_eq!(field(&[0; 80], 6, 7), Some(Field::Number(7)));
        for beyond in [-1, 7, 8, i32::MIN, i32::MAX] {
            assert_eq!(field(&header, beyond, 0), None);
        }
    }

    fn from_hex(text: &str) -> Vec<u8> {
        let digits = (0..text.len()).step_by(2);
        digits
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex"))
            .collect()
    }

    /// Every recorded DECODEBLOCKINFO of one header and one field.
    #[test]
    fn recorded_fields() {
        let text = include_str!("../../../../vectors/atomicals/block.json");
        let file: serde_json::Value = serde_json::from_str(text).expect("a vector file");
        let mut checked = 0;
        for case in file["cases"].as_array().expect("a list") {
            let id = case["id"].as_str().expect("an id");
            let lock = from_hex(case["in"]["lock"].as_str().unwrap_or_default());
            let [0x4c, 0x50, rest @ ..] = lock.as_slice() else {
                continue;
            };
            let (Some((header, [number, 0xfc])), [want]) = (
                rest.split_first_chunk(),
                case["out"]["stack"]
                    .as_array()
                    .map_or(&[][..], |stack| stack),
            ) else {
                continue;
            };
            let number = if *number == 0 {
                0
            } else {
                i32::from(*number) - 0x50
            };
            let got = match field(header, number, i64::MIN).expect("a field") {
                Field::Bytes(bytes) => bytes.to_vec(),
                Field::Number(number) => super::super::num::Num::from(number).encode(),
            };
            assert_eq!(got, from_hex(want.as_str().expect("hex")), "{id}");
            checked += 1;
        }
        assert!(checked >= 20, "only {checked} cases were understood");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn as_in_doubles(mantissa in 1_u32..1 << 24, exponent in 0_u32..=255, near in 15_u32..45) {
            for exponent in [exponent, near] {
                let bits = exponent << 24 | mantissa;
                prop_assert_eq!(difficulty(bits), Some(in_doubles(bits)), "{:08x}", bits);
            }
        }
    }
}

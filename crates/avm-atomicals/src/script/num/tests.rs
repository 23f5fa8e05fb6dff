//! Every operation against an independent implementation, above all where representations meet.

use alloc::{format, vec, vec::Vec};

use num_bigint::{BigInt, Sign};
use proptest::prelude::*;

use super::super::item::Item;
use super::*;

fn model(bytes: &[u8]) -> BigInt {
    let mut magnitude = bytes.to_vec();
    let mut sign = Sign::Plus;
    if let Some(last) = magnitude.last_mut() {
        if *last & 0x80 != 0 {
            sign = Sign::Minus;
        }
        *last &= 0x7f;
    }
    BigInt::from_bytes_le(sign, &magnitude)
}

fn encoded(value: &BigInt) -> Vec<u8> {
    let (sign, mut bytes) = value.to_bytes_le();
    if sign == Sign::NoSign {
        return Vec::new();
    }
    if bytes.last().is_some_and(|last| last & 0x80 != 0) {
        bytes.push(0);
    }
    if sign == Sign::Minus {
        *bytes.last_mut().expect("not zero") |= 0x80;
    }
    bytes
}

fn number(bytes: &[u8]) -> Num {
    Num::decode(bytes, MAX_NUMBER_BYTES).expect("minimal")
}

/// A result equals the model, in bytes and in its representation.
fn same(what: &str, got: &Num, want: &BigInt) {
    let bytes = encoded(want);
    assert_eq!(got.encode(), bytes, "{what}");
    assert_eq!(got.encoded_len(), bytes.len(), "{what}");
    assert_eq!(matches!(got.0, Small(_)), bytes.len() <= 8, "{what}");
    assert_eq!(*got, number(&bytes), "{what}");
}

fn check(a: &BigInt, b: &BigInt) {
    let (x, y) = (number(&encoded(a)), number(&encoded(b)));
    let zero = BigInt::from(0);
    same("add", &x.add(&y), &(a + b));
    same("sub", &x.sub(&y), &(a - b));
    same("mul", &x.mul(&y), &(a * b));
    if *b == zero {
        assert!(x.div(&y).is_none() && x.rem(&y).is_none());
    } else {
        same("div", &x.div(&y).expect("not zero"), &(a / b));
        same("rem", &x.rem(&y).expect("not zero"), &(a % b));
    }
    assert_eq!(x.cmp(&y), a.cmp(b));
    assert_eq!(y.cmp(&x), b.cmp(a));
    same("neg", &x.clone().neg(), &-a);
    same(
        "abs",
        &x.clone().abs(),
        &if *a < zero { -a } else { a.clone() },
    );
    assert_eq!(x.is_zero(), *a == zero);
    assert_eq!(x.is_negative(), *a < zero);
    assert_eq!(x.to_i64(), i64::try_from(a).ok());
    assert_eq!(x.to_u64(), u64::try_from(a).ok());
    assert_eq!(x.to_usize(), usize::try_from(a).ok());
    let clamped = a.clamp(&i32::MIN.into(), &i32::MAX.into()).clone();
    assert_eq!(BigInt::from(x.saturating_i32()), clamped);
    let clamped = a.clamp(&i64::MIN.into(), &i64::MAX.into()).clone();
    assert_eq!(BigInt::from(x.saturating_i64()), clamped);
}

#[test]
fn pairs_around_every_power_of_two() {
    let mut values = vec![BigInt::from(0), BigInt::from(12345)];
    for bits in [
        1, 7, 8, 31, 32, 62, 63, 64, 127, 128, 256, 511, 512, 513, 575, 576, 577, 640,
    ] {
        for offset in [-1, 0, 1] {
            let value = (BigInt::from(1) << bits) + offset;
            values.push(-&value);
            values.push(value);
        }
    }
    for a in &values {
        for b in &values {
            check(a, b);
        }
    }
}

#[test]
fn from_machine_words() {
    for value in [0, 1, -1, i64::MAX, i64::MIN, i64::MIN + 1] {
        same("i64", &Num::from(value), &value.into());
        let (bytes, len) = encode_small(value);
        assert_eq!(bytes[..len], encoded(&value.into()));
    }
    for value in [0, 1, i64::MAX as u64, 1 << 63, u64::MAX] {
        same("u64", &Num::from(value), &value.into());
    }
}

#[test]
fn what_is_minimal() {
    let refused = ["00", "80", "0100", "0180", "ff0000", "00000000000000000000"];
    for hex in refused {
        let bytes = from_hex(hex);
        assert!(Num::decode(&bytes, 10).is_none(), "{hex}");
        let loose = Num::decode_with(&bytes, 10, false).expect("loose");
        assert_eq!(loose.encode(), encoded(&model(&bytes)), "{hex}");
    }
    for hex in ["", "01", "81", "ff00", "ff80", "7f"] {
        assert_eq!(number(&from_hex(hex)).encode(), from_hex(hex));
    }
    assert!(Num::decode(&[1; 5], 4).is_none());
    assert!(Num::decode(&[1; 5], 5).is_some());
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits = (0..hex.len()).step_by(2);
    digits
        .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex"))
        .collect()
}

/// Operands of the shapes that take different paths: sparse, dense, equal, all ones.
fn shaped() -> impl Strategy<Value = BigInt> {
    let bytes = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..40),
        2 => prop::collection::vec(any::<u8>(), 60..80),
        2 => prop::collection::vec(any::<u8>(), 150..600),
        1 => prop::collection::vec(any::<u8>(), 1100..4000),
        1 => prop::collection::vec(prop_oneof![30 => Just(0), 1 => any::<u8>()], 0..3000),
        1 => prop::collection::vec(prop_oneof![60 => Just(255), 1 => any::<u8>()], 0..3000),
    ];
    bytes.prop_map(|bytes| model(&bytes))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_pair(a in shaped(), b in shaped()) {
        check(&a, &b);
        check(&a, &a);
        // A quotient that is exact, and one that is just not.
        let product = &a * &b;
        check(&product, &b);
        check(&(product - 1), &b);
    }

    #[test]
    fn any_bytes(bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..10), prop::collection::vec(any::<u8>(), 0..30), prop::collection::vec(prop_oneof![Just(0), Just(0x80), Just(0xff)], 0..12)]) {
        let want = model(&bytes);
        let got = Num::decode_with(&bytes, 30, false).expect("short enough");
        same("decode", &got, &want);
        let minimal = encoded(&want) == bytes;
        prop_assert_eq!(is_minimal(&bytes), minimal);
        let small = i64::try_from(&want).ok().filter(|_| minimal && bytes.len() <= 8);
        prop_assert_eq!(Item::new(&bytes).as_int(), small);
        prop_assert_eq!(Num::decode(&bytes, 30).is_some(), minimal, "{}", format!("{bytes:?}"));
    }
}

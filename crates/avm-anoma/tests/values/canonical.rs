//! The canonical encoding.

use avm_anoma::value::{DecodeError, List, MAX_BYTES, ObjectId, TxId, Val, ValueError, int};
use avm_core::Hash;
use proptest::prelude::*;

use super::sample::{hex, ints, value};

fn number(text: &str) -> Val {
    int::parse(text).expect("an integer in range")
}

/// 2^255 and 2^255 - 1.
const LIMIT: &str = "57896044618658097711785492504343953926634992332820282019728792003956564819968";
const TOP: &str = "57896044618658097711785492504343953926634992332820282019728792003956564819967";

#[test]
fn encodings() {
    let eleven = "11".repeat(32);
    let long = "x".repeat(200);
    let cases: Vec<(Val, String)> = vec![
        (Val::Nothing, "00".into()),
        (Val::just(Val::Nothing).unwrap(), "01 00".into()),
        (Val::Bool(false), "02".into()),
        (Val::Bool(true), "03".into()),
        (Val::int(0), "04 00".into()),
        (Val::int(1), "04 01 01".into()),
        (Val::int(-1), "04 81 01".into()),
        (Val::int(127), "04 01 7f".into()),
        (Val::int(128), "04 01 80".into()),
        (Val::int(255), "04 01 ff".into()),
        (Val::int(256), "04 02 0100".into()),
        (Val::int(-256), "04 82 0100".into()),
        (Val::int(i64::MAX), "04 08 7fffffffffffffff".into()),
        (Val::int(i64::MIN), "04 88 8000000000000000".into()),
        (
            number("9223372036854775808"),
            "04 08 8000000000000000".into(),
        ),
        (
            number("-9223372036854775809"),
            "04 88 8000000000000001".into(),
        ),
        (
            number("18446744073709551616"),
            "04 09 010000000000000000".into(),
        ),
        (number(TOP), format!("04 20 7f{}", "ff".repeat(31))),
        (
            number(&format!("-{LIMIT}")),
            format!("04 a0 80{}", "00".repeat(31)),
        ),
        (Val::str(""), "05 00".into()),
        (Val::str("\u{e9}"), "05 02 c3a9".into()),
        (
            Val::str("fourteen bytes"),
            "05 0e 666f75727465656e206279746573".into(),
        ),
        (
            Val::str("fifteen bytes !"),
            "05 0f 6669667465656e2062797465732021".into(),
        ),
        (Val::str(&long), format!("05 c801 {}", "78".repeat(200))),
        (Val::sym("a"), "06 01 61".into()),
        (Val::sym(&long), format!("06 c801 {}", "78".repeat(200))),
        (Val::bytes([]), "07 00".into()),
        (Val::bytes([0, 255]), "07 02 00ff".into()),
        (
            Val::pair(Val::int(0), Val::Nothing).unwrap(),
            "08 0400 00".into(),
        ),
        (Val::list([]).unwrap(), "09 00".into()),
        (ints([1, 0]), "09 02 040101 0400".into()),
        (ints([0; 200]), format!("09 c801 {}", "0400".repeat(200))),
        (Val::map([]).unwrap(), "0a 00".into()),
        (
            // By the encodings of keys: (0400) before (040101) before (0501..).
            Val::map([
                (Val::str("b"), Val::Nothing),
                (Val::int(1), Val::Bool(true)),
                (Val::int(0), Val::Bool(false)),
            ])
            .unwrap(),
            "0a 03 0400 02 040101 03 050162 00".into(),
        ),
        (Val::obj(ObjectId([0x11; 32])), format!("10 {eleven}")),
        (Val::tx(TxId([0x11; 32])), format!("11 {eleven}")),
        (Val::ctl("c1"), "12 02 6331".into()),
        (Val::mach("m1"), "13 02 6d31".into()),
        (Val::Var(0), "14 00".into()),
        (Val::Var(128), "14 8001".into()),
        (Val::Var(u32::MAX), "14 ffffffff0f".into()),
        (Val::Lin(127), "15 7f".into()),
        (Val::hash_value(Hash([0x11; 32])), format!("16 {eleven}")),
        (
            Val::code(Hash([0x11; 32]), "main").unwrap(),
            format!("17 {eleven} 04 6d61696e"),
        ),
    ];
    for (value, want) in cases {
        let want = hex(&want);
        assert_eq!(value.to_bytes().unwrap(), want, "{value}");
        assert_eq!(value.encoded_len() as usize, want.len(), "{value}");
        assert_eq!(value.tag(), want[0], "{value}");
        assert_eq!(Val::decode(&want).unwrap(), value);
    }
}

#[test]
fn refusals() {
    use DecodeError::*;
    let bomb = |depth: usize| "01".repeat(depth) + "00";
    let cases: Vec<(&str, String, DecodeError)> = vec![
        ("nothing there", String::new(), Short { at: 0 }),
        ("just without content", "01".into(), Short { at: 1 }),
        ("more behind it", "00 00".into(), Trailing { extra: 1 }),
        ("no tag", "0b".into(), Tag { at: 0, tag: 0x0b }),
        (
            "a closure",
            "20 00000000 00000000 00".into(),
            Tag { at: 0, tag: 0x20 },
        ),
        ("a reference", "01 fe".into(), Tag { at: 1, tag: 0xfe }),
        ("int without magnitude", "04 01".into(), Short { at: 2 }),
        ("int with leading zero", "04 02 0001".into(), Int { at: 1 }),
        ("zero of one byte", "04 01 00".into(), Int { at: 1 }),
        ("negative zero", "04 80".into(), Int { at: 1 }),
        (
            "33 bytes",
            format!("04 21 01{}", "00".repeat(32)),
            Int { at: 1 },
        ),
        (
            "2^255",
            format!("04 20 80{}", "00".repeat(31)),
            Int { at: 1 },
        ),
        (
            "-2^255 - 1",
            format!("04 a0 80{}01", "00".repeat(30)),
            Int { at: 1 },
        ),
        ("length not minimal", "05 8100".into(), Number { at: 1 }),
        ("zero not minimal", "09 8000".into(), Number { at: 1 }),
        ("33 bits", "14 ffffffff1f".into(), Number { at: 1 }),
        ("six bytes", "14 ffffffffff01".into(), Number { at: 1 }),
        ("text cut off", "05 03 6162".into(), Short { at: 4 }),
        ("text not UTF-8", "06 01 ff".into(), Utf8 { at: 1 }),
        ("half of a character", "05 01 c3".into(), Utf8 { at: 1 }),
        (
            "list longer than the input",
            "09 ffffffff0f".into(),
            Short { at: 6 },
        ),
        (
            "list without its last item",
            "09 02 00".into(),
            Short { at: 3 },
        ),
        (
            "map longer than the input",
            "0a 02 0000 01".into(),
            Short { at: 5 },
        ),
        (
            "keys out of order",
            "0a 02 03 00 02 00".into(),
            KeyOrder { at: 4 },
        ),
        (
            "a key twice",
            "0a 02 03 00 03 00".into(),
            KeyOrder { at: 4 },
        ),
        (
            "object cut off",
            format!("10 {}", "11".repeat(31)),
            Short { at: 32 },
        ),
        ("no name", "12 00".into(), Id { at: 0, len: 0 }),
        (
            "long name",
            format!("13 41 {}", "61".repeat(65)),
            Id { at: 0, len: 65 },
        ),
        ("65 deep", bomb(65), TooDeep),
        ("very deep", bomb(100_000), TooDeep),
        ("deep pairs", "08".repeat(100_000), TooDeep),
        ("deep lists", "0901".repeat(100_000), TooDeep),
        ("deep maps", "0a0100".repeat(65) + "00", TooDeep),
    ];
    for (name, bytes, want) in cases {
        assert_eq!(Val::decode(&hex(&bytes)).err(), Some(want), "{name}");
    }
    assert_eq!(Val::decode(&hex(&bomb(64))).unwrap().depth(), 64);
}

#[test]
fn longest() {
    // Tag, three bytes of length, content.
    let fits = MAX_BYTES as usize - 4;
    let value = Val::bytes(vec![7; fits]);
    assert_eq!(value.encoded_len(), MAX_BYTES);
    let bytes = value.to_bytes().unwrap();
    assert_eq!(Val::decode(&bytes).unwrap(), value);
    assert!(matches!(Val::just(value.clone()), Err(ValueError::TooLong)));
    assert!(matches!(
        Val::pair(value.clone(), Val::Nothing),
        Err(ValueError::TooLong)
    ));
    assert!(matches!(
        Val::list([value.clone()]),
        Err(ValueError::TooLong)
    ));
    assert!(matches!(
        List::EMPTY.cons(value.clone()),
        Err(ValueError::TooLong)
    ));
    assert!(matches!(
        Val::map([(value.clone(), value)]),
        Err(ValueError::TooLong)
    ));

    let text = "x".repeat(fits + 1);
    assert!(matches!(Val::try_str(&text), Err(ValueError::TooLong)));
    assert!(matches!(Val::try_sym(&text), Err(ValueError::TooLong)));
    assert!(matches!(
        Val::try_bytes(text.as_bytes()),
        Err(ValueError::TooLong)
    ));
    assert!(matches!(
        Val::code(Hash::ZERO, &text),
        Err(ValueError::TooLong)
    ));
    let mut long = vec![7];
    long.extend(hex("fdff3f"));
    long.extend(text.as_bytes());
    assert_eq!(Val::decode(&long).err(), Some(DecodeError::TooLong));
    // A value and something else behind it may be longer together.
    let mut two = bytes;
    two.extend([0; 10]);
    let mut rest = &two[..];
    assert_eq!(
        Val::decode_prefix(&mut rest).unwrap().encoded_len(),
        MAX_BYTES
    );
    assert_eq!(rest, [0; 10]);
}

#[test]
fn deepest() {
    let mut value = Val::Nothing;
    for depth in 1..=64 {
        value = Val::just(value).unwrap();
        assert_eq!(value.depth(), depth);
    }
    assert!(matches!(Val::just(value.clone()), Err(ValueError::TooDeep)));
    assert!(matches!(
        Val::pair(value.clone(), Val::Nothing),
        Err(ValueError::TooDeep)
    ));
    assert!(matches!(
        Val::list([value.clone()]),
        Err(ValueError::TooDeep)
    ));
    assert!(matches!(
        Val::map([(Val::Nothing, value.clone())]),
        Err(ValueError::TooDeep)
    ));
    let bytes = value.to_bytes().unwrap();
    assert_eq!(Val::decode(&bytes).unwrap(), value);
    // Length does not make a list deep, and the empty list is as deep as any.
    assert_eq!(ints(0..1000).depth(), 1);
    assert_eq!(Val::list([]).unwrap().depth(), 1);
}

#[test]
fn names_of_controllers_and_machines() {
    for name in ["", &"n".repeat(65)] {
        assert!(matches!(Val::try_ctl(name), Err(ValueError::Id { .. })));
        assert!(matches!(Val::try_mach(name), Err(ValueError::Id { .. })));
    }
    let longest = "n".repeat(64);
    assert_eq!(Val::try_ctl(&longest).unwrap().as_ctl(), Some(&*longest));
    assert_eq!(Val::try_mach(&longest).unwrap().as_mach(), Some(&*longest));
}

#[test]
fn the_hash_is_of_the_encoding() {
    // printf 'avm/val\x04\x01\x06' | sha256sum
    let want = "8027c9fd6878e40703eb2ac8d4fd493e";
    let got = Val::int(6).hash().unwrap().to_string();
    assert_eq!(&got[..32], want);
}

proptest! {
    #[test]
    fn round_trip(value in value()) {
        let bytes = value.to_bytes().unwrap();
        prop_assert_eq!(bytes.len(), value.encoded_len() as usize);
        let back = Val::decode(&bytes).unwrap();
        prop_assert_eq!(back.depth(), value.depth());
        prop_assert_eq!(&back, &value);
        prop_assert_eq!(back.to_bytes().unwrap(), bytes);
    }

    #[test]
    fn what_is_decoded_is_canonical(value in value(), at: prop::sample::Index, byte: u8) {
        let mut bytes = value.to_bytes().unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(other) = Val::decode(&bytes) {
            prop_assert_eq!(other.to_bytes().unwrap(), bytes);
        }
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(prop_oneof![0_u8..0x20, any::<u8>()], 0..60)) {
        if let Ok(value) = Val::decode(&bytes) {
            prop_assert_eq!(value.to_bytes().unwrap(), bytes);
        }
    }

    #[test]
    fn every_cut_is_refused(value in value()) {
        let bytes = value.to_bytes().unwrap();
        for end in 0..bytes.len().min(100) {
            prop_assert!(Val::decode(&bytes[..end]).is_err());
        }
    }
}

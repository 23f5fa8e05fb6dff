//! Examples of RFC 8949, faults, and every way to write one item.

use alloc::{format, vec};

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits {
    bytes: 1 << 20,
    depth: 16,
};

fn from_hex(text: &str) -> Vec<u8> {
    let digits = (0..text.len()).step_by(2);
    digits
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex"))
        .collect()
}

fn text(text: &str) -> Cbor<'_> {
    Cbor::Text(text.into())
}

fn bytes(bytes: &[u8]) -> Cbor<'_> {
    Cbor::Bytes(bytes.into())
}

/// Appendix A of RFC 8949.
#[test]
fn examples_of_the_standard() {
    use Cbor::{Array, Bool, Float, Map, Negint, Null, Simple, Uint};
    let numbers = |from: u64, to: u64| Array((from..=to).map(Uint).collect());
    let cases = [
        ("00", Uint(0)),
        ("17", Uint(23)),
        ("1818", Uint(24)),
        ("1903e8", Uint(1000)),
        ("1a000f4240", Uint(1_000_000)),
        ("1bffffffffffffffff", Uint(u64::MAX)),
        ("3bffffffffffffffff", Negint(u64::MAX)),
        ("20", Negint(0)),
        ("3903e7", Negint(999)),
        ("f90001", Float { bytes: 2, bits: 1 }),
        (
            "fa47c35000",
            Float {
                bytes: 4,
                bits: 0x47c3_5000,
            },
        ),
        (
            "fb3ff199999999999a",
            Float {
                bytes: 8,
                bits: 0x3ff1_9999_9999_999a,
            },
        ),
        ("f4", Bool(false)),
        ("f5", Bool(true)),
        ("f6", Null),
        ("f7", Simple(23)),
        ("f0", Simple(16)),
        ("f8ff", Simple(255)),
        ("40", bytes(b"")),
        ("4401020304", bytes(&[1, 2, 3, 4])),
        ("60", text("")),
        ("6449455446", text("IETF")),
        ("62c3bc", text("\u{fc}")),
        ("80", Array(vec![])),
        (
            "8301820203820405",
            Array(vec![Uint(1), numbers(2, 3), numbers(4, 5)]),
        ),
        ("a0", Map(vec![])),
        (
            "a26161016162820203",
            Map(vec![(text("a"), Uint(1)), (text("b"), numbers(2, 3))]),
        ),
        (
            "826161a161626163",
            Array(vec![text("a"), Map(vec![(text("b"), text("c"))])]),
        ),
        ("5f42010243030405ff", bytes(&[1, 2, 3, 4, 5])),
        ("7f657374726561646d696e67ff", text("streaming")),
        ("9fff", Array(vec![])),
        (
            "9f018202039f0405ffff",
            Array(vec![Uint(1), numbers(2, 3), numbers(4, 5)]),
        ),
        (
            "83018202039f0405ff",
            Array(vec![Uint(1), numbers(2, 3), numbers(4, 5)]),
        ),
        (
            "bf61610161629f0203ffff",
            Map(vec![(text("a"), Uint(1)), (text("b"), numbers(2, 3))]),
        ),
        (
            "bf6346756ef563416d7421ff",
            Map(vec![(text("Fun"), Bool(true)), (text("Amt"), Negint(1))]),
        ),
        (
            "a201020103",
            Map(vec![(Uint(1), Uint(2)), (Uint(1), Uint(3))]),
        ),
    ];
    for (hex, want) in cases {
        assert_eq!(decode(&from_hex(hex), LIMITS), Ok(want), "{hex}");
    }
}

#[test]
fn refused() {
    use CborError::{Depth, Ended, Malformed, Tag, Trailing, Utf8};
    let cases = [
        (
            "",
            Ended {
                at: 0,
                want: 1,
                len: 0,
            },
        ),
        (
            "18",
            Ended {
                at: 1,
                want: 1,
                len: 1,
            },
        ),
        (
            "1b00000000000000",
            Ended {
                at: 1,
                want: 8,
                len: 8,
            },
        ),
        (
            "4201",
            Ended {
                at: 1,
                want: 2,
                len: 2,
            },
        ),
        (
            "5bffffffffffffffff",
            Ended {
                at: 9,
                want: u64::MAX,
                len: 9,
            },
        ),
        (
            "9bffffffffffffffff00",
            Ended {
                at: 10,
                want: 1,
                len: 10,
            },
        ),
        (
            "bbffffffffffffffff",
            Ended {
                at: 9,
                want: u64::MAX,
                len: 9,
            },
        ),
        ("8101ff", Trailing { at: 2, len: 3 }),
        ("0000", Trailing { at: 1, len: 2 }),
        (
            "9f01",
            Ended {
                at: 2,
                want: 1,
                len: 2,
            },
        ),
        (
            "a1",
            Ended {
                at: 1,
                want: 1,
                len: 1,
            },
        ),
        ("c000", Tag { at: 0 }),
        ("8101c000", Trailing { at: 2, len: 4 }),
        ("81c000", Tag { at: 1 }),
        ("ff", Malformed { at: 0, byte: 0xff }),
        ("81ff", Malformed { at: 1, byte: 0xff }),
        ("bf01ff", Malformed { at: 2, byte: 0xff }),
        ("a101ff", Malformed { at: 2, byte: 0xff }),
        ("1c", Malformed { at: 0, byte: 0x1c }),
        ("1f", Malformed { at: 0, byte: 0x1f }),
        ("3f", Malformed { at: 0, byte: 0x3f }),
        ("5e", Malformed { at: 0, byte: 0x5e }),
        ("fc", Malformed { at: 0, byte: 0xfc }),
        ("f818", Malformed { at: 0, byte: 0xf8 }),
        ("f81f", Malformed { at: 0, byte: 0xf8 }),
        ("5f6161ff", Malformed { at: 1, byte: 0x61 }),
        ("5f5f4101ffff", Malformed { at: 1, byte: 0x5f }),
        ("7f01ff", Malformed { at: 1, byte: 0x01 }),
        ("62c328", Utf8 { at: 1 }),
        // One character in two chunks.
        ("7f61c361bcff", Utf8 { at: 2 }),
    ];
    for (hex, want) in cases {
        assert_eq!(decode(&from_hex(hex), LIMITS), Err(want), "{hex}");
    }
    let nested = |depth: usize| [vec![0x81; depth], vec![0]].concat();
    assert!(decode(&nested(16), LIMITS).is_ok());
    assert_eq!(
        decode(&nested(17), LIMITS),
        Err(Depth { at: 16, limit: 16 })
    );
    assert!(decode(&[0x9f; 1 << 20], LIMITS).is_err());
    let short = Limits { bytes: 2, depth: 1 };
    assert_eq!(
        decode(&[0; 3], short),
        Err(CborError::Length { len: 3, limit: 2 })
    );
}

#[test]
fn deterministic_maps() {
    let mut out = Vec::new();
    write_map(
        &mut out,
        [("0", 1), ("1", 23), ("10", 24), ("2", 65_536)].into_iter(),
        write_uint,
    );
    assert_eq!(out, from_hex("a4613001613117623130181861321a00010000"));
    out.clear();
    write_map(&mut out, core::iter::empty::<(&str, bool)>(), write_bool);
    assert_eq!(out, [0xa0]);
    out.clear();
    write_map(
        &mut out,
        [("a", true), ("b", false)].into_iter(),
        write_bool,
    );
    assert_eq!(out, from_hex("a26161f56162f4"));
    out.clear();
    write_hex(&mut out, &[0x0f, 0xa0]);
    assert_eq!(out, from_hex("6430666130"));
}

#[test]
#[should_panic(expected = "keys of a map ascend")]
fn unsorted_map() {
    write_map(
        &mut Vec::new(),
        [("b", 1), ("a", 1)].into_iter(),
        write_uint,
    );
}

/// Writes a head in one of the widths that hold the argument.
fn write_wide(out: &mut Vec<u8>, major: u8, argument: u64, widen: usize) {
    let mut widths = vec![];
    if argument < 24 {
        widths.push(vec![major << 5 | argument as u8]);
    }
    for (i, bytes) in [1, 2, 4, 8].into_iter().enumerate() {
        if bytes == 8 || argument >> (8 * bytes) == 0 {
            let mut head = vec![major << 5 | (24 + i as u8)];
            head.extend(&argument.to_be_bytes()[8 - bytes..]);
            widths.push(head);
        }
    }
    out.extend(&widths[widen % widths.len()]);
}

/// Writes an item in one of its forms, taken from `choices`.
fn write(out: &mut Vec<u8>, item: &Cbor<'_>, choices: &mut dyn Iterator<Item = usize>) {
    let mut next = || choices.next().expect("endless");
    let (widen, indefinite) = (next(), next() % 2 == 0);
    match item {
        Cbor::Uint(value) => write_wide(out, 0, *value, widen),
        Cbor::Negint(value) => write_wide(out, 1, *value, widen),
        Cbor::Bytes(bytes) if indefinite => {
            out.push(0x5f);
            for chunk in bytes.chunks(1 + widen % 5) {
                write_wide(out, 2, chunk.len() as u64, widen);
                out.extend(chunk);
            }
            out.push(0xff);
        }
        Cbor::Bytes(bytes) => {
            write_wide(out, 2, bytes.len() as u64, widen);
            out.extend(&**bytes);
        }
        Cbor::Text(text) if indefinite => {
            out.push(0x7f);
            for character in text.chars() {
                write_wide(out, 3, character.len_utf8() as u64, widen);
                out.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            out.push(0xff);
        }
        Cbor::Text(text) => {
            write_wide(out, 3, text.len() as u64, widen);
            out.extend(text.as_bytes());
        }
        Cbor::Array(items) => {
            if indefinite {
                out.push(0x9f);
            } else {
                write_wide(out, 4, items.len() as u64, widen);
            }
            items.iter().for_each(|item| write(out, item, choices));
            out.extend(indefinite.then_some(0xff));
        }
        Cbor::Map(pairs) => {
            if indefinite {
                out.push(0xbf);
            } else {
                write_wide(out, 5, pairs.len() as u64, widen);
            }
            for (key, value) in pairs {
                write(out, key, choices);
                write(out, value, choices);
            }
            out.extend(indefinite.then_some(0xff));
        }
        Cbor::Bool(value) => write_bool(out, *value),
        Cbor::Null => out.push(0xf6),
        Cbor::Simple(value @ 0..24) => out.push(0xe0 | value),
        Cbor::Simple(value) => out.extend([0xf8, *value]),
        Cbor::Float { bytes, bits } => {
            out.push(0xf8 + bytes.trailing_zeros() as u8);
            out.extend(&bits.to_be_bytes()[8 - usize::from(*bytes)..]);
        }
    }
}

fn item() -> impl Strategy<Value = Cbor<'static>> {
    let number = (any::<u64>(), 0..64_u32).prop_map(|(value, shift)| value >> shift);
    let leaf = prop_oneof![
        number.clone().prop_map(Cbor::Uint),
        number.prop_map(Cbor::Negint),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Cbor::Bytes(bytes.into())),
        "\\PC{0,12}".prop_map(|text| Cbor::Text(text.into())),
        any::<bool>().prop_map(Cbor::Bool),
        Just(Cbor::Null),
        prop_oneof![0_u8..20, 23..24_u8, 32..=255_u8].prop_map(Cbor::Simple),
        any::<u16>().prop_map(|bits| Cbor::Float {
            bytes: 2,
            bits: bits.into()
        }),
        any::<u32>().prop_map(|bits| Cbor::Float {
            bytes: 4,
            bits: bits.into()
        }),
        any::<u64>().prop_map(|bits| Cbor::Float { bytes: 8, bits }),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Cbor::Array),
            prop::collection::vec((inner.clone(), inner), 0..6).prop_map(Cbor::Map),
        ]
    })
}

#[test]
fn items_are_counted() {
    // A map, its key, an array of two.
    let map = from_hex("bf6161820102ff00");
    let read = |most| decode_prefix(&map, LIMITS, most).map(|(_, len)| len);
    assert_eq!(read(5), Ok(7));
    assert_eq!(read(4), Err(CborError::Items { at: 6, limit: 4 }));
    assert_eq!(read(0), Err(CborError::Items { at: 1, limit: 0 }));
    let short = Limits { bytes: 7, depth: 1 };
    let error = CborError::Length { len: 8, limit: 7 };
    assert_eq!(decode_prefix(&map, short, 5), Err(error));
    let error = CborError::Depth { at: 3, limit: 1 };
    assert_eq!(decode_prefix(&map[..7], short, 5), Err(error));
}

proptest! {
    #[test]
    fn every_form_reads_back(item in item(), choices in prop::collection::vec(any::<usize>(), 1..40)) {
        let mut out = Vec::new();
        write(&mut out, &item, &mut choices.iter().copied().cycle());
        prop_assert_eq!(decode(&out, LIMITS), Ok(item));
        // Cut short it is never an item.
        for cut in 0..out.len() {
            let error = decode(&out[..cut], LIMITS).expect_err("it is cut");
            prop_assert!(matches!(error, CborError::Ended { .. }), "{}", format!("{error}"));
        }
        out.push(0);
        let len = out.len();
        let prefix = decode_prefix(&out, LIMITS, usize::MAX).expect("it is read before the end");
        prop_assert_eq!(decode(&out[..prefix.1], LIMITS), Ok(prefix.0));
        prop_assert_eq!(prefix.1, len - 1);
        prop_assert_eq!(decode(&out, LIMITS), Err(CborError::Trailing { at: len - 1, len }));
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0x9f), Just(0xbf), Just(0xff), Just(0x41)], 0..60)) {
        let _ = decode(&bytes, LIMITS);
    }

    #[test]
    fn shortest_heads(value: u64, shift in 0..64_u32) {
        let value = value >> shift;
        let mut out = Vec::new();
        write_uint(&mut out, value);
        prop_assert_eq!(decode(&out, LIMITS), Ok(Cbor::Uint(value)));
        let mut widths: Vec<Vec<u8>> = (0..5).map(|widen| {
            let mut out = Vec::new();
            write_wide(&mut out, 0, value, widen);
            out
        }).collect();
        widths.sort_by_key(Vec::len);
        prop_assert_eq!(&out, &widths[0]);
    }
}

//! Payloads of every operation, and each field with something wrong.

use alloc::{string::ToString, vec};

use proptest::prelude::*;

use super::*;
use crate::script::cbor::{write_map_head, write_text, write_uint};

/// A value of a test's payload.
#[derive(Clone, Debug)]
enum Value {
    Number(u64),
    Text(String),
    Bytes(Vec<u8>),
    Map(Vec<(String, Value)>),
    /// CBOR as it is.
    Raw(Vec<u8>),
}

fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Number(value) => write_uint(out, *value),
        Value::Text(text) => write_text(out, text),
        Bytes(bytes) => {
            out.push(0x5a);
            out.extend((bytes.len() as u32).to_be_bytes());
            out.extend(bytes);
        }
        Value::Map(entries) => {
            write_map_head(out, entries.len());
            for (key, value) in entries {
                write_text(out, key);
                write(out, value);
            }
        }
        Raw(raw) => out.extend(raw),
    }
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.map(|(key, value)| (key.into(), value)).into())
}

fn args<const N: usize>(entries: [(&str, Value); N]) -> Value {
    map([("args", map(entries))])
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn check(operation: Operation, payload: &Value) -> Result<Request, RequestError> {
    let mut bytes = Vec::new();
    write(&mut bytes, payload);
    read(operation, &bytes, true)
}

fn bitwork(text: &str) -> Option<Bitwork> {
    Some(Bitwork::parse(text).expect("it is well-formed"))
}

use Operation::{Call, Def, Dft, Dmt, Ft, New, Nft};
use Value::{Bytes, Number, Raw};

#[test]
fn requests() {
    let id = [0x11; 32]
        .iter()
        .chain(&[2, 0, 0, 0])
        .copied()
        .collect::<Vec<_>>();
    let id = AtomicalId::try_from(id).expect("36 bytes");
    let parent = format!("{}i2", "11".repeat(32));
    let named = |kind, name: &str| Mint {
        named: Some((kind, name.into())),
        ..Mint::default()
    };
    let lots = |max_mints| Lots {
        mint_amount: 546,
        mint_height: 10_000_000,
        max_mints,
        mint_bitwork_commit: bitwork("00.5"),
        mint_bitwork_reveal: None,
    };
    let cases = [
        (Nft, map([]), Request::Nft(Mint::default())),
        (
            Nft,
            args([
                ("request_realm", text("a-b")),
                ("bitworkc", text("8888.15")),
                ("bitworkr", text("")),
                ("parents", map([(&parent, Number(7))])),
                ("other", Raw(vec![0xf6])),
            ]),
            Request::Nft(Mint {
                named: Some((NameKind::Realm, "a-b".into())),
                bitwork_commit: bitwork("8888.15"),
                bitwork_reveal: None,
                parents: vec![(id, 7)],
            }),
        ),
        (
            Nft,
            args([("request_subrealm", text("1a"))]),
            Request::Nft(named(NameKind::Subrealm, "1a")),
        ),
        (
            Nft,
            args([("request_container", text("a-"))]),
            Request::Nft(named(NameKind::Container, "a-")),
        ),
        (
            Nft,
            args([("request_dmitem", text("9"))]),
            Request::Nft(named(NameKind::Item, "9")),
        ),
        // Another kind of name than the operation gives.
        (
            Nft,
            args([("request_ticker", text("atom"))]),
            Request::Nft(Mint::default()),
        ),
        (
            Ft,
            args([("request_ticker", text("atom"))]),
            Request::Ft(named(NameKind::Ticker, "atom")),
        ),
        (
            Dft,
            args([
                ("request_ticker", text("quark")),
                ("mint_amount", Number(546)),
                ("mint_height", Number(10_000_000)),
                ("max_mints", Number(21_000_000)),
                ("mint_bitworkc", text("00.5")),
                ("md", Number(0)),
            ]),
            Request::Dft(named(NameKind::Ticker, "quark"), lots(21_000_000)),
        ),
        (
            Dmt,
            args([("mint_ticker", text("atom")), ("bitworkr", text("12"))]),
            Request::Dmt {
                ticker: "atom".into(),
                bitwork_commit: None,
                bitwork_reveal: bitwork("12"),
            },
        ),
        (
            Def,
            map([
                ("p", text("a_1")),
                ("code", Bytes(vec![0x51])),
                ("fn", Number(1)),
            ]),
            Request::Def {
                mint: Mint::default(),
                name: "a_1".into(),
                code: vec![0x51],
            },
        ),
        (
            New,
            map([("p", text("proto"))]),
            Request::New {
                mint: Mint::default(),
                protocol: "proto".into(),
                name: None,
                unlock: vec![],
                auth: vec![],
            },
        ),
        (
            New,
            map([
                ("p", text("proto")),
                ("name", text("mine")),
                ("u", Bytes(vec![1, 2])),
                ("auth", Bytes(vec![3; 33])),
            ]),
            Request::New {
                mint: Mint::default(),
                protocol: "proto".into(),
                name: Some("mine".into()),
                unlock: vec![1, 2],
                auth: vec![3; 33],
            },
        ),
        (
            Call,
            map([("n", text("mine")), ("u", Bytes(vec![0])), ("m", Number(1))]),
            Request::Call {
                target: Target::Name("mine".into()),
                unlock: vec![0],
                auth: vec![],
            },
        ),
        (
            Call,
            map([("id", Bytes(id.to_vec())), ("auth", Bytes(vec![2]))]),
            Request::Call {
                target: Target::Id(id),
                unlock: vec![],
                auth: vec![2],
            },
        ),
    ];
    for (operation, payload, want) in cases {
        assert_eq!(check(operation, &payload), Ok(want), "{payload:?}");
    }
    for operation in [Operation::Splat, Operation::Split, Operation::Custom] {
        assert_eq!(read(operation, &[], true), Ok(Request::Move(operation)));
    }
    for operation in [
        Operation::Dat,
        Operation::Mod,
        Operation::Evt,
        Operation::Seal,
    ] {
        assert_eq!(read(operation, &[], true), Ok(Request::Other(operation)));
    }
}

#[test]
fn refused_fields() {
    let null = || Raw(vec![0xf6]);
    let minus = || Raw(vec![0x24]);
    let id = format!("{}i2", "11".repeat(32));
    let cases = [
        (Nft, Number(1), "payload is 1, expected is a map"),
        (
            Nft,
            map([("args", null())]),
            "args is null, expected is a map",
        ),
        (
            Nft,
            args([("request_realm", text("A"))]),
            "args.request_realm is \"A\", expected is text [a-z][a-z0-9-]{0,63} without - at the end",
        ),
        (
            Nft,
            args([("request_container", Number(5))]),
            "args.request_container is 5, expected is text [a-z0-9][a-z0-9-]{0,63}",
        ),
        (
            Nft,
            args([("request_realm", text("a")), ("request_dmitem", text("b"))]),
            "args.request_realm and args.request_dmitem are both there, expected is one of them",
        ),
        (
            Def,
            args([
                ("request_ticker", text("a")),
                ("request_container", text("b")),
            ]),
            "args.request_container and args.request_ticker are both there, expected is one of them",
        ),
        (
            Nft,
            args([("bitworkc", text("xyz"))]),
            "args.bitworkc is \"xyz\", expected is 1 to 64 lower-case hex digits, at most 63 before .0 to .15",
        ),
        (
            Nft,
            args([("bitworkr", Number(88))]),
            "args.bitworkr is 88, expected is 1 to 64 lower-case hex digits, at most 63 before .0 to .15",
        ),
        (
            Nft,
            args([("parents", text("x"))]),
            "args.parents is \"x\", expected is a map",
        ),
        (
            Nft,
            args([("parents", map([("x", Number(1))]))]),
            "args.parents is \"x\", expected is a map with keys <txid>i<index>",
        ),
        (
            Nft,
            args([("parents", map([(&id, minus())]))]),
            "args.parents is -5, expected is a map of numbers from 0 on",
        ),
        (
            Ft,
            args([("request_realm", text("a"))]),
            "args.request_ticker is missing, expected is text [a-z0-9]{1,21}",
        ),
        (
            Ft,
            args([("request_ticker", text(&"long".repeat(11)))]),
            "args.request_ticker is \"longlonglonglonglonglonglonglonglonglong\"... of 44 bytes, expected is text [a-z0-9]{1,21}",
        ),
        (
            Dmt,
            map([]),
            "args.mint_ticker is missing, expected is text [a-z0-9]{1,21}",
        ),
        (
            Def,
            map([]),
            "p is missing, expected is text [a-z][a-z0-9_]{0,11}",
        ),
        (
            Def,
            map([("p", text("a")), ("code", text("51"))]),
            "code is \"51\", expected is a byte string",
        ),
        (
            New,
            map([("p", text("a")), ("name", text("a_b"))]),
            "name is \"a_b\", expected is text [a-z][a-z0-9]{0,11}",
        ),
        (
            New,
            map([("p", Bytes(vec![1]))]),
            "p is 1 bytes, expected is text [a-z][a-z0-9_]{0,11}",
        ),
        (
            New,
            map([("p", text("a")), ("auth", Raw(vec![0x81, 0]))]),
            "auth is a list of 1 items, expected is a byte string",
        ),
        (
            Call,
            map([]),
            "n is missing, expected is the name of a contract, or its id in the field id",
        ),
        (
            Call,
            map([("n", text("a")), ("id", Bytes(vec![0; 36]))]),
            "n and id are both there, expected is one of them",
        ),
        (
            Call,
            map([("id", Bytes(vec![0; 35]))]),
            "id is 35 bytes, expected is 36 bytes, a transaction id and a number",
        ),
        (
            Call,
            map([("id", text(&id))]),
            "id is \"1111111111111111111111111111111111111111\"... of 66 bytes, expected is 36 bytes, a transaction id and a number",
        ),
        (
            Call,
            map([("n", text("a")), ("u", map([]))]),
            "u is a map of 0 entries, expected is a byte string",
        ),
        (
            Call,
            Raw(vec![0xa1, 0x61]),
            "payload does not start with an item: CBOR ends at byte 2, 1 bytes are expected from byte 2",
        ),
    ];
    for (operation, payload, want) in cases {
        let error = check(operation, &payload).expect_err(want);
        assert_eq!(error.to_string(), want);
    }
}

#[test]
fn lots_and_their_limits() {
    let get = |field: &str, value: Option<u64>, density| {
        let mut fields = vec![
            ("request_ticker".into(), text("a")),
            ("mint_amount".into(), Number(1_000)),
            ("mint_height".into(), Number(0)),
            ("max_mints".into(), Number(1)),
        ];
        fields.retain(|(key, _)| key != field);
        fields.extend(value.map(|value| (field.into(), Number(value))));
        let mut bytes = Vec::new();
        write(&mut bytes, &map([("args", Value::Map(fields))]));
        read(Dft, &bytes, density)
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let amount = "a number from 546 to 100,000,000";
    let height = "a number from 0 to 10,000,000";
    let mints = "a number from 1 to 21,000,000";
    let early = "a number from 1 to 500,000 at this height";
    let cases = [
        ("mint_amount", 545, true, amount),
        ("mint_amount", 546, true, ""),
        ("mint_amount", 100_000_000, true, ""),
        ("mint_amount", 100_000_001, true, amount),
        ("mint_height", 10_000_000, true, ""),
        ("mint_height", 10_000_001, true, height),
        ("mint_height", u64::MAX, true, height),
        ("max_mints", 0, true, mints),
        ("max_mints", 21_000_000, true, ""),
        ("max_mints", 21_000_001, true, mints),
        ("max_mints", 0, false, early),
        ("max_mints", 500_000, false, ""),
        ("max_mints", 500_001, false, early),
    ];
    for (field, value, density, want) in cases {
        let want = match want {
            "" => Ok(()),
            want => Err(format!("args.{field} is {value}, expected is {want}")),
        };
        assert_eq!(get(field, Some(value), density), want);
    }
    for (field, want) in [
        ("mint_amount", amount),
        ("mint_height", height),
        ("max_mints", mints),
    ] {
        let want = format!("args.{field} is missing, expected is {want}");
        assert_eq!(get(field, None, true), Err(want));
    }
    let want = "args.md is 1, expected is 0: tokens without a last lot are not supported";
    assert_eq!(get("md", Some(1), true), Err(want.into()));
}

#[test]
fn of_equal_keys_the_last_counts() {
    let payload = map([("n", text("B")), ("n", text("b"))]);
    let target = Target::Name("b".into());
    let (unlock, auth) = (vec![], vec![]);
    let want = Request::Call {
        target,
        unlock,
        auth,
    };
    assert_eq!(check(Call, &payload), Ok(want));
}

/// Values of any kind under keys that mean something.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<u64>().prop_map(Number),
        (0..3_000_u64).prop_map(Number),
        "[a-z0-9.-]{0,14}".prop_map(Value::Text),
        "\\PC{0,60}".prop_map(Value::Text),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes),
        prop::sample::select(vec![
            vec![0xf6],
            vec![0x24],
            vec![0xfb; 9],
            vec![0xc0],
            vec![0x80],
            vec![0xff]
        ])
        .prop_map(Raw),
    ];
    let key = prop::sample::select(vec![
        "args",
        "p",
        "n",
        "id",
        "u",
        "auth",
        "code",
        "name",
        "parents",
        "bitworkc",
        "bitworkr",
        "md",
        "request_ticker",
        "request_realm",
        "request_dmitem",
        "mint_ticker",
        "mint_amount",
        "mint_height",
        "max_mints",
        "mint_bitworkc",
    ]);
    leaf.prop_recursive(3, 20, 8, move |inner| {
        let entry = (key.clone().prop_map(String::from), inner);
        prop::collection::vec(entry, 0..8).prop_map(Value::Map)
    })
}

proptest! {
    #[test]
    fn any_payload(value in value(), operation in prop::sample::select(Operation::ALL.to_vec()), density: bool) {
        let mut bytes = Vec::new();
        write(&mut bytes, &value);
        let read_it = read(operation, &bytes, density);
        if let Err(error) = &read_it {
            prop_assert!(error.to_string().len() < 500, "{}", error);
        }
        // What follows the first item changes nothing.
        if !matches!(read_it, Err(RequestError::Cbor(_))) {
            bytes.push(0xff);
            prop_assert_eq!(read(operation, &bytes, density), read_it);
        }
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..60), operation in prop::sample::select(Operation::ALL.to_vec())) {
        let _ = read(operation, &bytes, true);
    }
}

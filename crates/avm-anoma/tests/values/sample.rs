//! Values for property tests.

use avm_anoma::value::{ObjectId, TxId, Val, ValueError};
use avm_core::Hash;
use proptest::collection::vec;
use proptest::prelude::*;

pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a hex digit") as u8;
    digits
        .chunks(2)
        .map(|two| digit(two[0]) << 4 | digit(two[1]))
        .collect()
}

pub fn ints(items: impl IntoIterator<Item = i64>) -> Val {
    Val::list(items.into_iter().map(Val::int)).unwrap()
}

/// A value without parts.
pub fn scalar() -> impl Strategy<Value = Val> {
    prop_oneof![
        Just(Val::Nothing),
        any::<bool>().prop_map(Val::Bool),
        any::<i64>().prop_map(Val::int),
        (-3_i64..3).prop_map(Val::int),
        integer(),
        "[a-z]{0,4}".prop_map(|text| Val::sym(&text)),
        "\\PC{0,30}".prop_map(|text| Val::str(&text)),
        "[a-c]{60,70}".prop_map(|text| Val::sym(&text)),
        vec(any::<u8>(), 0..80).prop_map(Val::bytes),
        any::<u8>().prop_map(|byte| Val::obj(ObjectId([byte; 32]))),
        any::<u8>().prop_map(|byte| Val::tx(TxId([byte; 32]))),
        "[a-z]{1,64}".prop_map(|name| Val::ctl(&name)),
        "[a-z]{1,64}".prop_map(|name| Val::mach(&name)),
        any::<u32>().prop_map(Val::Var),
        any::<u32>().prop_map(Val::Lin),
        any::<u8>().prop_map(|byte| Val::hash_value(Hash([byte; 32]))),
        ("[a-z]{0,40}", any::<u8>()).prop_map(|(export, byte)| Val::code(
            Hash([byte; 32]),
            &export
        )
        .unwrap()),
    ]
}

/// An integer of any size.
pub fn integer() -> impl Strategy<Value = Val> {
    (any::<bool>(), vec(any::<u8>(), 0..=32)).prop_map(|(negative, mut bytes)| {
        if bytes.len() == 32 {
            bytes[0] &= 0x7f;
        }
        let magnitude = bytes.iter().map(|byte| format!("{byte:02x}"));
        let magnitude = num_bigint::BigUint::parse_bytes(
            format!("0{}", magnitude.collect::<String>()).as_bytes(),
            16,
        );
        let sign = if negative { "-" } else { "" };
        let text = format!("{sign}{}", magnitude.expect("digits"));
        avm_anoma::value::int::parse(&text).expect("at most 255 bits")
    })
}

/// A value that can be passed.
pub fn value() -> impl Strategy<Value = Val> {
    tree(false)
}

/// Any value, those that hold closures among them.
pub fn runtime_value() -> impl Strategy<Value = Val> {
    tree(true)
}

fn tree(closures: bool) -> impl Strategy<Value = Val> {
    let ok = |value: Result<Val, ValueError>| value.expect("small");
    scalar().prop_recursive(5, 60, 40, move |part| {
        let key = scalar();
        let map = vec((key, part.clone()), 0..5);
        let branches = prop_oneof![
            part.clone().prop_map(move |value| ok(Val::just(value))),
            (part.clone(), part.clone()).prop_map(move |(one, two)| ok(Val::pair(one, two))),
            vec(part.clone(), 0..5).prop_map(move |items| ok(Val::list(items))),
            vec(part.clone(), 0..40).prop_map(move |items| ok(Val::list(items))),
            map.prop_map(move |entries| ok(Val::map(entries))),
        ];
        let closure = (any::<u32>(), any::<u32>(), vec(part, 0..5))
            .prop_map(move |(module, function, held)| ok(Val::closure(module, function, held)));
        if closures {
            prop_oneof![4 => branches, 1 => closure].boxed()
        } else {
            branches.boxed()
        }
    })
}

//! Whatever the bytes: no panic, and no flag that is a hard fork.

use avm_atomicals::bitcoin::{Flags, Spend, SpendError, code, taproot, text, verify_input};
use bitcoin::absolute::LockTime;
use bitcoin::hashes::{Hash as _, hash160, sha256};
use bitcoin::transaction::Version;
use bitcoin::{Amount, Sequence, Transaction, TxIn, TxOut, Witness};
use proptest::collection::vec;
use proptest::prelude::*;

/// X of the generator.
const KEY: [u8; 32] = [
    0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95, 0xce, 0x87, 0x0b, 0x07,
    0x02, 0x9b, 0xfc, 0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b, 0x16, 0xf8, 0x17, 0x98,
];

/// A part of a script: mostly operations that do something with what is there.
fn part() -> impl Strategy<Value = Vec<u8>> {
    let push = vec(any::<u8>(), 0..80).prop_map(|bytes| {
        let mut script = Vec::new();
        code::push_bytes(&mut script, &bytes);
        script
    });
    let known_key = Just([&[33, 2][..], &KEY].concat());
    let x_only = Just([&[32][..], &KEY].concat());
    // DER of R = S = 1, all inputs and outputs
    let signature = Just(vec![9, 0x30, 6, 2, 1, 1, 2, 1, 1, 1]);
    prop_oneof![
        6 => (0x51..=0x53u8).prop_map(|code| vec![code]),
        6 => (0x61..=0xb9u8).prop_map(|code| vec![code]),
        3 => (0xab..=0xb2u8).prop_map(|code| vec![code]),
        2 => push,
        1 => known_key,
        1 => x_only,
        1 => signature,
        1 => any::<u8>().prop_map(|code| vec![code]),
        1 => Just(vec![0]),
        1 => Just(vec![0xba]),
    ]
}

fn script() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => vec(part(), 0..24).prop_map(|parts| parts.concat()),
        1 => vec(any::<u8>(), 0..200),
    ]
}

/// How an output commits to a script.
#[derive(Clone, Copy, Debug)]
enum Output {
    Bare,
    P2sh,
    P2wsh,
    P2shP2wsh,
    Tapscript,
}

/// The output, and what of the script goes to its spender: to the unlocking script and the
/// witness.
fn commit(kind: Output, script: &[u8]) -> (Vec<u8>, Vec<u8>, Vec<Vec<u8>>) {
    let p2sh = |redeem: &[u8]| {
        let hash = hash160::Hash::hash(redeem);
        let mut push = Vec::new();
        code::push_bytes(&mut push, redeem);
        (
            [&[0xa9, 20][..], hash.as_byte_array(), &[0x87]].concat(),
            push,
        )
    };
    let p2wsh = [&[0, 32][..], sha256::Hash::hash(script).as_byte_array()].concat();
    match kind {
        Output::Bare => (script.to_vec(), vec![], vec![]),
        Output::P2sh => {
            let (output, push) = p2sh(script);
            (output, push, vec![])
        }
        Output::P2wsh => (p2wsh, vec![], vec![script.to_vec()]),
        Output::P2shP2wsh => {
            let (output, push) = p2sh(&p2wsh);
            (output, push, vec![script.to_vec()])
        }
        Output::Tapscript => {
            let leaf = taproot::leaf_hash(taproot::TAPSCRIPT, script);
            let (key, odd) = taproot::output_key_of(&KEY, Some(&leaf)).unwrap();
            let control = [&[taproot::TAPSCRIPT | u8::from(odd)][..], &KEY].concat();
            (
                [&[0x51, 32][..], &key].concat(),
                vec![],
                vec![script.to_vec(), control],
            )
        }
    }
}

fn spend(
    unlocking: Vec<u8>,
    output: Vec<u8>,
    witness: &[Vec<u8>],
    (version, lock_time, sequence): (i32, u32, u32),
) -> (Transaction, Vec<TxOut>) {
    let tx = Transaction {
        version: Version(version),
        lock_time: LockTime::from_consensus(lock_time),
        input: vec![TxIn {
            script_sig: unlocking.into(),
            sequence: Sequence(sequence),
            witness: Witness::from_slice(witness),
            ..TxIn::default()
        }],
        output: vec![],
    };
    let spent = TxOut {
        value: Amount::from_sat(5),
        script_pubkey: output.into(),
    };
    (tx, vec![spent])
}

fn times() -> impl Strategy<Value = (i32, u32, u32)> {
    (
        0..4i32,
        prop_oneof![0..20u32, any::<u32>()],
        prop_oneof![0..20u32, any::<u32>()],
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn fewer_flags_never_refuse_more(
        script in script(),
        kind in prop::sample::select(vec![
            Output::Bare, Output::P2sh, Output::P2wsh, Output::P2shP2wsh, Output::Tapscript,
        ]),
        unlocking in script(),
        elements in vec(vec(any::<u8>(), 0..70), 0..5),
        times in times(),
        (more, mask) in (any::<u32>(), any::<u32>()),
    ) {
        let (output, push, tail) = commit(kind, &script);
        let elements = if tail.is_empty() { vec![] } else { elements };
        let unlocking = match kind {
            Output::Bare => unlocking,
            Output::P2sh => [unlocking, push].concat(),
            _ => push,
        };
        let witness = [elements, tail].concat();
        let (tx, spent) = spend(unlocking, output, &witness, times);
        let spend = Spend::new(&tx, &spent).unwrap();
        let more = Flags::from_bits(more).filled();
        let fewer = (more & Flags::from_bits(mask)).trimmed();
        let [with_more, with_fewer] = [more, fewer].map(|flags| spend.verify_input(0, flags));
        prop_assert!(with_more.is_err() || with_fewer.is_ok(), "{more}: {with_more:?} {fewer}: {with_fewer:?}");
    }

    #[test]
    fn any_bytes(
        unlocking in vec(any::<u8>(), 0..60),
        output in vec(any::<u8>(), 0..60),
        witness in vec(vec(any::<u8>(), 0..60), 0..4),
        flags in any::<u32>(),
    ) {
        let (tx, spent) = spend(unlocking, output, &witness, (2, 0, 0));
        let _ = verify_input(&tx, 0, &spent, Flags::from_bits(flags));
    }
}

/// Scripts that make the most of the limits; each takes milliseconds.
#[test]
fn costly_scripts() {
    let key = "0x210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    let signature = "0x09300602010102010101";
    let keys = format!("{key} ").repeat(20);
    let multisig = format!("0 {signature} 1 {keys} 20 CHECKMULTISIG DROP ");
    let cases = [
        multisig.repeat(9),
        format!(
            "{} 1",
            format!("{signature} {key} CHECKSIG DROP ").repeat(90)
        ),
        format!("'{}' {} 1", "x".repeat(520), "DUP HASH256 DROP ".repeat(60)),
        format!("1 {} 1", "DUP ".repeat(200)),
        format!("{} 1", "3DUP ".repeat(199)),
        "1 ".repeat(9999),
        "IF ".repeat(200),
    ];
    for text in cases {
        let script = text::parse(&text).unwrap();
        for kind in [Output::Bare, Output::P2wsh, Output::Tapscript] {
            let (output, unlocking, witness) = commit(kind, &script);
            let (tx, spent) = spend(unlocking, output, &witness, (2, 0, 0));
            let _ = verify_input(&tx, 0, &spent, Flags::CONSENSUS);
        }
    }
}

#[test]
fn what_does_not_belong_together() {
    let (tx, spent) = spend(vec![], vec![0x51], &[], (2, 0, 0));
    assert_eq!(verify_input(&tx, 0, &spent, Flags::STANDARD), Ok(()));
    assert_eq!(
        verify_input(&tx, 1, &spent, Flags::NONE),
        Err(SpendError::Input {
            index: 1,
            inputs: 1
        })
    );
    assert_eq!(
        verify_input(&tx, 0, &[], Flags::NONE),
        Err(SpendError::Outputs { got: 0, want: 1 })
    );
    assert_eq!(
        Spend::new(&tx, &spent).unwrap().verify(Flags::STANDARD),
        Ok(())
    );
}

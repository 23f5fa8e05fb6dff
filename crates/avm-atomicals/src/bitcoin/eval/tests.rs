//! The shared handlers against an interpreter that shares none.

mod plain;

use super::*;
use crate::bitcoin::code::push_bytes;
use crate::bitcoin::sighash::{Midstates, Shared, TaprootPart};
use crate::bitcoin::sigops::{Ready, Source};
use crate::script::stack::Stack;
use crate::script::text::Text;
use alloc::vec;
use alloc::vec::Vec;
use bitcoin::absolute::LockTime;
use bitcoin::transaction::Version;
use bitcoin::{Sequence, Transaction, TxIn, TxOut};
use proptest::prelude::*;

fn element() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        Just(0),
        Just(1),
        Just(2),
        Just(0x80),
        Just(0x81),
        any::<u8>()
    ];
    prop_oneof![
        8 => proptest::collection::vec(byte, 0..7),
        1 => proptest::collection::vec(any::<u8>(), 0..80),
    ]
}

/// Operations, pushes, and a few bytes that are neither.
fn script() -> impl Strategy<Value = Vec<u8>> {
    let push = element().prop_map(|bytes| {
        let mut script = Vec::new();
        push_bytes(&mut script, &bytes);
        script
    });
    let one = |codes| move |code: u8| vec![codes + code];
    let part = prop_oneof![
        8 => (0..0x12u8).prop_map(one(0x4f)),
        24 => (0..0x5bu8).prop_map(one(0x61)),
        8 => (0..0x1au8).prop_map(one(0x8b)),
        4 => (0..0x12u8).prop_map(one(0xa9)),
        8 => push,
        1 => any::<u8>().prop_map(one(0)),
    ]
    .boxed();
    let parts = prop_oneof![
        proptest::collection::vec(part.clone(), 0..6),
        proptest::collection::vec(part, 0..40),
    ];
    parts.prop_map(|parts| parts.concat())
}

fn transaction() -> impl Strategy<Value = Transaction> {
    let small = || prop_oneof![0..40u32, any::<u32>()];
    (0..3i32, small(), small()).prop_map(|(version, lock_time, sequence)| Transaction {
        version: Version(version),
        lock_time: LockTime::from_consensus(lock_time),
        input: vec![TxIn {
            sequence: Sequence(sequence),
            ..TxIn::default()
        }],
        output: vec![],
    })
}

/// What a check says; nothing is outside of memory here.
fn rule<T>(result: Result<T, Halt>) -> Result<T, E> {
    result.map_err(|halt| match halt {
        Halt::Rule(error) => error,
        Halt::Outside(error) => panic!("{error}"),
    })
}

/// A script from beginning to end.
fn eval(
    input: &mut Input<'_>,
    scope: &mut Scope,
    stack: &mut Stack,
    phase: Phase,
) -> Result<(), (Option<At>, E)> {
    check_size(scope).map_err(|error| (None, error))?;
    let mut frame = Frame::new(limits(scope.version, input.flags), u64::MAX);
    core::mem::swap(&mut frame.main, stack);
    let done = run(
        &mut frame,
        &mut Run { input, scope },
        &mut 0,
        u64::MAX,
        phase,
        &mut None,
    );
    let done = done.map_err(|(at, halt)| (at, rule::<()>(Err(halt)).unwrap_err()));
    let done = done.and_then(|()| check_end(&frame).map_err(|error| (None, error)));
    core::mem::swap(&mut frame.main, stack);
    done
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn both_interpreters_agree(
        script in script(),
        elements in proptest::collection::vec(element(), 0..8),
        tx in transaction(),
        version in prop::sample::select(vec![
            SigVersion::Base, SigVersion::WitnessV0, SigVersion::Tapscript,
        ]),
        flags in any::<u32>(),
    ) {
        let spent = [TxOut::NULL];
        let shared = Shared::new(&tx, &spent);
        let input = || Input {
            source: Source::Here(Ready { tx: &tx, spent: &spent, shared: &shared }),
            index: 0,
            flags: Flags::from_bits(flags),
            midstates: Midstates::default(),
        };
        let scope = || Scope {
            taproot: TaprootPart {
                annex: None,
                leaf: (version == SigVersion::Tapscript).then_some(([7; 32], u32::MAX)),
            },
            weight_left: 120,
            ..Scope::new(version, Text::from_slice(&script))
        };
        let mut stack = Stack::default();
        for element in &elements {
            stack.push(Item::new(element));
        }
        let mut plain = elements;
        let (mut ours, mut theirs) = (scope(), scope());
        let phase = Phase::ScriptPubkey;
        let got = eval(&mut input(), &mut ours, &mut stack, phase);
        let want = plain::eval(&mut input(), &mut theirs, &mut plain);
        prop_assert_eq!(got, want);
        if got.is_ok() {
            let stack: Vec<_> = stack.items().iter().map(|item| item.bytes().to_vec()).collect();
            prop_assert_eq!(stack, plain);
            prop_assert_eq!(ours.taproot, theirs.taproot);
            prop_assert_eq!(ours.weight_left, theirs.weight_left);
            prop_assert_eq!(ours.code_from, theirs.code_from);
        }
    }
}

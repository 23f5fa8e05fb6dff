//! Envelopes that the recorded ones do not have.

use alloc::{format, vec};

use ::bitcoin::consensus::serialize;
use ::bitcoin::hashes::Hash;
use ::bitcoin::{
    OutPoint, ScriptBuf, Sequence, Transaction, TxIn, Txid, Witness as Stack, absolute, transaction,
};
use proptest::prelude::*;

use super::*;
use crate::script::cbor::{write_map_head, write_text};

/// A transaction with these witnesses; input n spends output n of transaction n.
fn raw(witnesses: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let input = witnesses.iter().zip(0_u8..).map(|(witness, number)| TxIn {
        previous_output: OutPoint::new(Txid::from_byte_array([number; 32]), number.into()),
        script_sig: ScriptBuf::new(),
        sequence: Sequence::MAX,
        witness: Stack::from_slice(witness),
    });
    serialize(&Transaction {
        version: transaction::Version(2),
        lock_time: absolute::LockTime::ZERO,
        input: input.collect(),
        output: vec![],
    })
}

fn rules(index: InputIndex) -> FindRules {
    FindRules {
        args_bytes: true,
        index,
        overlay: true,
    }
}

type Found = Result<Option<(&'static str, u32, u8)>, EnvelopeError>;

/// Name, reported input and transaction of the commit.
fn found(witnesses: &[Vec<Vec<u8>>], index: InputIndex) -> Found {
    let raw = raw(witnesses);
    let tx = TxParts::read(&raw).expect("a transaction");
    let found = find(&tx, rules(index))?;
    Ok(found.map(|found| {
        assert_eq!(found.commit[..32], [found.commit[0]; 32]);
        (found.operation.name(), found.input, found.commit[0])
    }))
}

/// A script with a key, the marker and this behind it.
fn script(tail: &[u8]) -> Vec<u8> {
    [&[0x20][..], &[5; 32], &[0xac, 0x00], &MARKER, tail].concat()
}

const CALL: &[u8] = b"\x01c\x01\xa0\x68";
const EMPTY: &[u8] = b"\x01c\x68";
const REFUSED: &[u8] = b"\x01c\x01\x80\x68";

#[test]
fn which_input() {
    use InputIndex::{Beta1, True};
    let signature = || vec![vec![1; 64]];
    let with = |tail| vec![vec![1; 64], script(tail), vec![0xc0; 33]];
    let cases = [
        ("first", vec![with(CALL)], Some((0, 0))),
        ("second", vec![signature(), with(CALL)], Some((0, 1))),
        (
            "after a refused one",
            vec![with(REFUSED), with(CALL)],
            Some((0, 1)),
        ),
        (
            "after an empty one",
            vec![with(EMPTY), with(CALL)],
            Some((1, 1)),
        ),
        (
            "after all of them",
            vec![signature(), with(EMPTY), with(REFUSED), with(CALL)],
            Some((1, 3)),
        ),
        ("empty", vec![with(EMPTY), signature()], None),
        ("refused", vec![with(REFUSED)], None),
        (
            "hidden by an empty one",
            vec![vec![script(EMPTY), script(CALL)]],
            None,
        ),
        (
            "hidden by a refused one",
            vec![vec![script(REFUSED), script(CALL)]],
            None,
        ),
        (
            "behind an unknown name",
            vec![vec![script(b"\x01q\x01\xa0\x68"), script(CALL)]],
            Some((0, 0)),
        ),
        (
            "behind a name at the end",
            vec![vec![script(b"\x01c"), script(CALL)]],
            Some((0, 0)),
        ),
    ];
    for (name, witnesses, want) in cases {
        let beta = want.map(|(input, _)| ("c", input, input as u8));
        let truth = want.map(|(_, input)| ("c", input, input as u8));
        assert_eq!(found(&witnesses, Beta1), Ok(beta), "{name}");
        assert_eq!(found(&witnesses, True), Ok(truth), "{name}");
    }
}

#[test]
fn virtual_outputs_are_unknown_unless_they_are_there() {
    let without = FindRules {
        overlay: false,
        ..rules(InputIndex::True)
    };
    // The element is passed over, and the next one counts.
    let raw = raw(&[vec![script(b"\x02vu\x01\xa0\x68"), script(CALL)]]);
    let tx = TxParts::read(&raw).expect("a transaction");
    let name = |rules| find(&tx, rules).map(|found| found.map(|found| found.operation.name()));
    assert_eq!(name(rules(InputIndex::True)), Ok(Some("vu")));
    assert_eq!(name(without), Ok(Some("c")));
}

#[test]
fn every_name() {
    for operation in Operation::ALL {
        let name = operation.name().as_bytes();
        assert_eq!(Operation::named(name), Some(operation));
        let tail = [&[name.len() as u8], name, b"\x01\xa0\x68"].concat();
        let want = Ok(Some((operation.name(), 0, 0)));
        assert_eq!(found(&[vec![script(&tail)]], InputIndex::True), want);
    }
    for name in ["", "C", "nftx", "s", "cc", "\u{0}"] {
        assert_eq!(Operation::named(name.as_bytes()), None);
    }
}

#[test]
fn pushes_that_are_cut() {
    let cases: [(&[u8], usize, u32, usize); 5] = [
        (b"\x01c\x02\xa0", 0, 2, 1),
        (b"\x01c\x4c", 0, 1, 0),
        (b"\x01c\x4d\x01", 0, 2, 1),
        (b"\x01c\x01\xa0\x4e\xff\xff\xff\xff\x00", 2, u32::MAX, 1),
        (b"\x01c\x61\x4b", 1, 75, 0),
    ];
    for (tail, offset, want, left) in cases {
        let error = EnvelopeError::Push {
            input: 1,
            element: 2,
            at: 41 + 2 + offset,
            want,
            left,
        };
        let second = vec![vec![], vec![9; 64], script(tail)];
        let witnesses = [vec![vec![1; 64]], second.clone()];
        assert_eq!(found(&witnesses, InputIndex::Beta1), Err(error), "{tail:?}");
        // An operation accepted before it counts.
        let witnesses = [vec![script(CALL)], second];
        assert_eq!(found(&witnesses, InputIndex::Beta1), Ok(Some(("c", 0, 0))));
    }
    let error = found(&[vec![script(b"\x01c\x05\xa0")]], InputIndex::True);
    let want =
        "envelope in element 0 of the witness of input 0: push of 5 bytes at byte 43, 1 are left";
    assert_eq!(format!("{}", error.expect_err("it is cut")), want);
}

/// `{name: {"a": values...}}`, the values given as CBOR.
fn sub_map(name: &str, values: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    write_map_head(&mut out, 1);
    write_text(&mut out, name);
    write_map_head(&mut out, values.len());
    for (value, number) in values.iter().zip(0..) {
        write_text(&mut out, &format!("{number}"));
        out.extend_from_slice(value);
    }
    out
}

#[test]
fn what_maps_may_hold() {
    // Value, in meta and ctx, in args before and from the density height on, in init.
    let cases: [(&str, &[u8], [bool; 4]); 10] = [
        ("number", b"\x01", [true; 4]),
        ("negative", b"\x20", [true; 4]),
        ("float", b"\xf9\x00\x00", [true; 4]),
        ("truth", b"\xf5", [true; 4]),
        ("text", b"\x61a", [true; 4]),
        ("list of bytes", b"\x81\x41x", [true; 4]),
        ("map", b"\xa1\x01\x02", [true; 4]),
        ("bytes", b"\x41x", [false, false, true, true]),
        ("null", b"\xf6", [false; 4]),
        ("null in a map", b"\xa1\x01\xf6", [false; 4]),
    ];
    for index in [InputIndex::Beta1, InputIndex::True] {
        for (what, value, want) in cases {
            let accepts =
                |name, bytes| is_acceptable(&sub_map(name, &[b"\x00", value]), bytes, index);
            let [plain, before, after, init] = want;
            for bytes in [false, true] {
                assert_eq!(accepts("meta", bytes), plain, "{what} in meta");
                assert_eq!(accepts("ctx", bytes), plain, "{what} in ctx");
                assert_eq!(accepts("init", bytes), init, "{what} in init");
                assert!(accepts("other", bytes), "{what} elsewhere");
            }
            assert_eq!(accepts("args", false), before, "{what} in args");
            assert_eq!(accepts("args", true), after, "{what} in args");
        }
    }
    // Behind a map the original does not look.
    let sloppy = sub_map("args", &[b"\xa1\x01\x02", b"\xf6"]);
    assert!(is_acceptable(&sloppy, true, InputIndex::Beta1));
    assert!(!is_acceptable(&sloppy, true, InputIndex::True));
    // Of equal keys the last counts.
    assert!(is_acceptable(
        b"\xa2\x64meta\x01\x64meta\xa0",
        true,
        InputIndex::True
    ));
    assert!(!is_acceptable(
        b"\xa2\x64meta\xa0\x64meta\x01",
        true,
        InputIndex::True
    ));
    // Deep, and many.
    let deep = |depth| [b"\xa1\x01".to_vec(), vec![0x81; depth], vec![0]].concat();
    assert!(is_acceptable(&deep(127), true, InputIndex::True));
    assert!(!is_acceptable(&deep(128), true, InputIndex::True));
    let many = |count: u32| [b"\xa1\x01\x9a", &count.to_be_bytes()[..], &vec![0; 500_000]].concat();
    assert!(is_acceptable(&many(399_997), true, InputIndex::True));
    assert!(!is_acceptable(&many(399_998), true, InputIndex::True));
}

proptest! {
    #[test]
    fn the_marker_is_found_anywhere(
        mut script in prop::collection::vec(prop_oneof![Just(0x63_u8), Just(4), any::<u8>()], 39..400),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        for place in places {
            let at = place.index(script.len() - MARKER.len() + 1);
            script[at..at + MARKER.len()].copy_from_slice(&MARKER);
        }
        let mut windows = script[KEY_PUSH_BYTES..].windows(MARKER.len());
        let want = windows.position(|window| window == MARKER);
        prop_assert_eq!(marker(&script), want.map(|at| at + KEY_PUSH_BYTES));
    }

    #[test]
    fn pushes_read_back(parts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), any::<u8>(), 0x4f..=0xff_u8), 0..6)) {
        let mut tail = b"\x03dat\x01\xa0".to_vec();
        let mut want = vec![0xa0];
        for (part, form, skipped) in &parts {
            let len = part.len() as u32;
            match (form % 4, part.len()) {
                (0, 0..=75) => tail.push(len as u8),
                (0 | 1, 0..=255) => tail.extend([0x4c, len as u8]),
                (3, _) => tail.extend([&[0x4e], &len.to_le_bytes()[..]].concat()),
                _ => tail.extend([&[0x4d], &len.to_le_bytes()[..2]].concat()),
            }
            tail.extend(part);
            want.extend(part);
            tail.extend(Some(*skipped).filter(|opcode| *opcode != OP_ENDIF));
        }
        for tail in [tail.clone(), [&tail, &b"\x68\x01\x01"[..]].concat()] {
            let raw = raw(&[vec![script(&tail)]]);
            let tx = TxParts::read(&raw).expect("a transaction");
            let found = find(&tx, rules(InputIndex::True)).expect("nothing is cut");
            prop_assert_eq!(found.map(|found| found.payload), Some(want.clone()));
        }
    }

    #[test]
    fn any_script(tail in prop::collection::vec(any::<u8>(), 0..60)) {
        for tail in [tail.clone(), [&b"\x01c"[..], &tail].concat(), [&b"\x01c\x4c\x10"[..], &tail].concat()] {
            let _ = found(&[vec![script(&tail)]], InputIndex::Beta1);
        }
    }
}

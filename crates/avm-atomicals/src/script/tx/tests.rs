//! Hand-made transactions, those recorded from the reference, and an independent decoder.

use alloc::{vec, vec::Vec};

use bitcoin::consensus::encode;
use proptest::prelude::*;

use super::{WitnessForm::*, *};

const INPUT: [u8; 41] = [7; 41];

/// Version 2 and what follows it.
fn raw(parts: &[&[u8]]) -> Vec<u8> {
    [&[2, 0, 0, 0], parts.concat().as_slice()].concat()
}

/// An input with an empty script, after its outpoint.
fn input() -> Vec<u8> {
    [&[9; 32], [1, 0, 0, 0].as_slice(), &[0], &[0xff; 4]].concat()
}

fn decode(bytes: &[u8], form: WitnessForm) -> Result<Tx, TxError> {
    Tx::decode(bytes, form)
}

#[test]
fn fields() {
    let mut with_script = [0x10, 0x27, 0, 0, 0, 0, 0, 0x80].to_vec();
    with_script.extend([3, 0x6a, 1, 2]);
    let bytes = raw(&[
        &[1],
        &input(),
        &[1],
        &with_script,
        &[5, 0, 0, 0],
        b"ignored",
    ]);
    for form in [Beta1, Bip144] {
        let tx = decode(&bytes, form).expect("a transaction");
        assert_eq!((tx.version, tx.lock_time), (2, 5));
        assert_eq!(tx.inputs[0].prev_txid, [9; 32]);
        assert_eq!(
            (tx.inputs[0].prev_index, tx.inputs[0].sequence),
            (1, u32::MAX)
        );
        assert_eq!(tx.input_script(&tx.inputs[0]), b"");
        assert_eq!(tx.outputs[0].value, i64::MIN + 10_000);
        assert_eq!(tx.output_script(&tx.outputs[0]), [0x6a, 1, 2]);
        assert_eq!(tx.raw()[..], bytes);
    }
}

#[test]
fn nothing_in_it() {
    let tx = decode(&raw(&[&[0, 0], &[5, 0, 0, 0]]), Bip144).expect("no inputs, no outputs");
    assert!(tx.inputs.is_empty() && tx.outputs.is_empty());
    assert_eq!(tx.lock_time, 5);
}

#[test]
fn two_readings_of_a_witness() {
    let tx = |witness: &[u8]| raw(&[&[0, 1, 1], &input(), &[0], witness, &[5, 0, 0, 0]]);
    // Two items: one of 3 bytes and one of 4.
    let bytes = tx(&[2, 3, 10, 11, 12, 4, 20, 21, 22, 23]);
    assert_eq!(decode(&bytes, Bip144).map(|tx| tx.lock_time), Ok(5));
    let lock_time = u32::from_le_bytes([11, 12, 4, 20]);
    assert_eq!(decode(&bytes, Beta1).map(|tx| tx.lock_time), Ok(lock_time));
    // No items: the same in both.
    for form in [Beta1, Bip144] {
        let error = decode(&tx(&[0]), form).expect_err("no witness");
        assert_eq!(error, TxError::SuperfluousWitness { at: 50 });
    }
    // One empty item is a witness.
    assert!(decode(&tx(&[1, 0]), Bip144).is_ok());
}

#[test]
fn refused() {
    let end = |at, want, len| TxError::Ended { at, want, len };
    let cases: [(&str, Vec<u8>, TxError); 11] = [
        ("nothing", vec![], end(0, 4, 0)),
        ("no inputs", raw(&[]), end(4, 1, 4)),
        ("no flags", raw(&[&[0]]), end(5, 1, 5)),
        ("half an input", raw(&[&[1], &INPUT[..31]]), end(5, 32, 36)),
        (
            "long script",
            raw(&[&[1], &[9; 36], &[200], &[0; 9]]),
            end(42, 200, 51),
        ),
        (
            "no lock time",
            raw(&[&[1], &input(), &[0, 1, 2]]),
            end(47, 4, 49),
        ),
        (
            "long size",
            raw(&[&[0xfd, 0xfc, 0]]),
            TxError::NotCanonical { at: 4, size: 0xfc },
        ),
        (
            "longer",
            raw(&[&[0xfe, 0xff, 0xff, 0, 0]]),
            TxError::NotCanonical {
                at: 4,
                size: 0xffff,
            },
        ),
        (
            "longest",
            raw(&[&[0xff, 1, 0, 0, 2, 0, 0, 0, 0]]),
            TxError::NotCanonical {
                at: 4,
                size: 0x0200_0001,
            },
        ),
        (
            "too many",
            raw(&[&[0xfe, 1, 0, 0, 2]]),
            TxError::Size {
                at: 4,
                size: 0x0200_0001,
            },
        ),
        (
            "flag",
            raw(&[&[0, 2, 1], &input(), &[0], &[0; 4]]),
            TxError::Flags { flags: 2 },
        ),
    ];
    for (name, bytes, want) in cases {
        for form in [Beta1, Bip144] {
            assert_eq!(decode(&bytes, form).err(), Some(want), "{name}");
        }
    }
    // The largest number is in range, the bytes are not there, and no room is made for them.
    let most = raw(&[&[0xfe, 0, 0, 0, 2], &[0; 10]]);
    assert_eq!(decode(&most, Beta1).err(), Some(end(9, 32, 19)));
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits = (0..text.len()).step_by(2);
    digits
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex"))
        .collect()
}

/// Lock times the reference read from witnesses, and where it failed.
#[test]
fn recorded_witnesses() {
    let text = include_str!("../../../../../vectors/atomicals/segwit.json");
    let file: serde_json::Value = serde_json::from_str(text).expect("a vector file");
    let mut lock_times = 0;
    for case in file["cases"].as_array().expect("a list") {
        let id = case["id"].as_str().expect("an id");
        let bytes = from_hex(case["in"]["tx"].as_str().expect("hex"));
        let beta = decode(&bytes, Beta1);
        assert_eq!(
            beta.is_err(),
            case["out"]["fault"] == "tx",
            "{id}: {beta:?}"
        );
        if let (Ok(tx), "c5") = (beta, case["in"]["lock"].as_str().expect("hex")) {
            let want = from_hex(case["out"]["stack"][0].as_str().expect("hex"));
            let mut room = [0; 8];
            room[..want.len()].copy_from_slice(&want);
            assert_eq!(u64::from(tx.lock_time), u64::from_le_bytes(room), "{id}");
            lock_times += 1;
        }
        assert_same(&bytes);
    }
    assert!(lock_times >= 4);
}

/// Under BIP144 we accept what the `bitcoin` crate accepts, and read the same.
fn assert_same(bytes: &[u8]) {
    let ours = decode(bytes, Bip144);
    let theirs = encode::deserialize_partial::<bitcoin::Transaction>(bytes);
    let Ok((theirs, _)) = theirs else {
        return;
    };
    // The other codec writes a transaction without inputs in the extended form, without a witness.
    if theirs.input.is_empty() {
        return;
    }
    let ours = ours.expect("the other decoder accepts it");
    assert_eq!(ours.version, theirs.version.0);
    assert_eq!(ours.lock_time, theirs.lock_time.to_consensus_u32());
    assert_eq!(ours.inputs.len(), theirs.input.len());
    assert_eq!(ours.outputs.len(), theirs.output.len());
    for (a, b) in ours.inputs.iter().zip(&theirs.input) {
        let txid: [u8; 32] = *AsRef::<[u8; 32]>::as_ref(&b.previous_output.txid);
        assert_eq!((a.prev_txid, a.prev_index), (txid, b.previous_output.vout));
        assert_eq!(a.sequence, b.sequence.0);
        assert_eq!(ours.input_script(a), b.script_sig.as_bytes());
    }
    for (a, b) in ours.outputs.iter().zip(&theirs.output) {
        assert_eq!(a.value as u64, b.value.to_sat());
        assert_eq!(ours.output_script(a), b.script_pubkey.as_bytes());
    }
}

prop_compose! {
    fn transaction()(
        version: i32,
        lock_time: u32,
        inputs in prop::collection::vec(any::<([u8; 32], u32, u32)>(), 0..4),
        scripts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 8),
        values in prop::collection::vec(0_u64..1 << 50, 0..4),
        witness in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..3), 4),
    ) -> bitcoin::Transaction {
        use bitcoin::{absolute, hashes::Hash, transaction, Amount, OutPoint, ScriptBuf, Sequence, Txid, Witness};
        let input = inputs.iter().enumerate().map(|(i, (txid, vout, sequence))| bitcoin::TxIn {
            previous_output: OutPoint { txid: Txid::from_byte_array(*txid), vout: *vout },
            script_sig: ScriptBuf::from_bytes(scripts[i].clone()),
            sequence: Sequence(*sequence),
            witness: Witness::from_slice(&witness[i]),
        });
        let output = values.iter().enumerate().map(|(i, value)| bitcoin::TxOut {
            value: Amount::from_sat(*value),
            script_pubkey: ScriptBuf::from_bytes(scripts[4 + i].clone()),
        });
        bitcoin::Transaction {
            version: transaction::Version(version),
            lock_time: absolute::LockTime::from_consensus(lock_time),
            input: input.collect(),
            output: output.collect(),
        }
    }
}

proptest! {
    #[test]
    fn an_independent_encoder(tx in transaction(), flip: prop::sample::Index, bit in 0..8_u32) {
        let mut bytes = encode::serialize(&tx);
        if !tx.input.is_empty() {
            prop_assert!(decode(&bytes, Bip144).is_ok());
        }
        assert_same(&bytes);
        for cut in 0..bytes.len().min(200) {
            let _ = decode(&bytes[..cut], Beta1);
        }
        let at = flip.index(bytes.len());
        bytes[at] ^= 1 << bit;
        assert_same(&bytes);
        let _ = decode(&bytes, Beta1);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(prop_oneof![Just(0), Just(1), Just(0xfd), any::<u8>()], 0..200)) {
        for form in [Beta1, Bip144] {
            if let Ok(tx) = decode(&bytes, form) {
                prop_assert!(tx.inputs.iter().all(|input| tx.input_script(input).len() <= bytes.len()));
                prop_assert!(tx.outputs.iter().all(|output| tx.output_script(output).len() <= bytes.len()));
            }
        }
    }
}

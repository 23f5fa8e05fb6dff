//! Against the digests of the crate `bitcoin`, which knows defined hash types only.

use super::*;
use alloc::vec;
use bitcoin::absolute::LockTime;
use bitcoin::sighash::{Annex, EcdsaSighashType, Prevouts, SighashCache, TapSighashType};
use bitcoin::taproot::TapLeafHash;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, TxIn, Txid, Witness};
use proptest::prelude::*;

/// Operations without pushes, so that everything decodes, and without separators.
fn script() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(0x51..=0xaau8, 0..30)
}

fn output() -> impl Strategy<Value = TxOut> {
    (0..2_100_000_000_000_000u64, script()).prop_map(|(value, script)| TxOut {
        value: Amount::from_sat(value),
        script_pubkey: script.into(),
    })
}

fn input() -> impl Strategy<Value = TxIn> {
    (any::<[u8; 32]>(), any::<u32>(), any::<u32>(), script()).prop_map(
        |(txid, vout, sequence, script)| TxIn {
            previous_output: OutPoint::new(Txid::from_byte_array(txid), vout),
            script_sig: script.into(),
            sequence: Sequence(sequence),
            witness: Witness::new(),
        },
    )
}

/// A transaction, the outputs it spends, and the number of one input.
fn spend() -> impl Strategy<Value = (Transaction, Vec<TxOut>, usize)> {
    let outputs = proptest::collection::vec(output(), 0..4);
    let inputs = proptest::collection::vec((input(), output()), 1..5);
    (
        any::<i32>(),
        any::<u32>(),
        inputs,
        outputs,
        any::<prop::sample::Index>(),
    )
        .prop_map(|(version, lock_time, inputs, outputs, index)| {
            let index = index.index(inputs.len());
            let (input, spent) = inputs.into_iter().unzip();
            let tx = Transaction {
                version: Version(version),
                lock_time: LockTime::from_consensus(lock_time),
                input,
                output: outputs,
            };
            (tx, spent, index)
        })
}

fn hash_type() -> impl Strategy<Value = u8> {
    prop::sample::select(vec![0x01u8, 0x02, 0x03, 0x81, 0x82, 0x83])
}

proptest! {
    #[test]
    fn legacy_agrees((tx, _, index) in spend(), code in script(), hash_type in hash_type()) {
        let ours = legacy(&tx, index, &code, hash_type.into());
        let code = ScriptBuf::from(code);
        let theirs = SighashCache::new(&tx)
            .legacy_signature_hash(index, &code, hash_type.into())
            .unwrap();
        prop_assert_eq!(ours, Some(theirs.to_byte_array()));
    }

    #[test]
    fn witness_v0_agrees((tx, spent, index) in spend(), code in script(), hash_type in hash_type()) {
        let shared = Shared::new(&tx, &spent);
        let amount = spent[index].value;
        let ours = witness_v0(&tx, index, &code, amount.to_sat(), hash_type.into(), &shared);
        let code = ScriptBuf::from(code);
        let hash_type = EcdsaSighashType::from_consensus(hash_type.into());
        let theirs = SighashCache::new(&tx)
            .p2wsh_signature_hash(index, &code, amount, hash_type)
            .unwrap();
        prop_assert_eq!(ours, Some(theirs.to_byte_array()));
    }

    #[test]
    fn taproot_agrees(
        (tx, spent, index) in spend(),
        hash_type in any::<u8>(),
        annex in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..300)),
        leaf in proptest::option::of((any::<[u8; 32]>(), any::<u32>())),
    ) {
        let annex = annex.map(|rest| [vec![0x50], rest].concat());
        let part = TaprootPart { annex: annex.as_deref().map(annex_digest), leaf };
        let shared = Shared::new(&tx, &spent);
        let ours = taproot(&tx, index, &spent, hash_type, &part, &shared);
        let theirs = TapSighashType::from_consensus_u8(hash_type).ok().and_then(|hash_type| {
            let leaf = leaf.map(|(hash, at)| (TapLeafHash::from_byte_array(hash), at));
            let annex = annex.as_deref().map(|annex| Annex::new(annex).unwrap());
            let prevouts = Prevouts::All(&spent);
            let hash = SighashCache::new(&tx)
                .taproot_signature_hash(index, &prevouts, annex, leaf, hash_type);
            hash.ok()
        });
        prop_assert_eq!(ours, theirs.map(|hash| hash.to_byte_array()));
    }

    /// What was hashed before never shows.
    #[test]
    fn midstates_do_not_show(
        (tx, spent, index) in spend(),
        codes in proptest::collection::vec(script(), 1..3),
        asked in proptest::collection::vec((any::<prop::sample::Index>(), any::<u32>()), 1..20),
    ) {
        let shared = Shared::new(&tx, &spent);
        let (mut before, mut with) = (Midstates::default(), Midstates::default());
        for (code, hash_type) in asked {
            let code = code.get(&codes);
            prop_assert_eq!(
                before.legacy(&tx, index, code, hash_type),
                legacy(&tx, index, code, hash_type)
            );
            prop_assert_eq!(
                with.witness_v0(&tx, index, code, 7, hash_type, &shared),
                witness_v0(&tx, index, code, 7, hash_type, &shared)
            );
        }
    }
}

fn one_by_one() -> Transaction {
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn::default(); 2],
        output: vec![TxOut::NULL],
    }
}

#[test]
fn single_without_an_output_signs_one() {
    let tx = one_by_one();
    let mut one = [0; 32];
    one[0] = 1;
    for hash_type in [3, 0x83, 0x43, 0xffff_ff63] {
        assert_eq!(legacy(&tx, 1, &[], hash_type), Some(one), "{hash_type:x}");
        assert_ne!(legacy(&tx, 0, &[], hash_type), Some(one), "{hash_type:x}");
    }
    assert_ne!(legacy(&tx, 1, &[], 1), Some(one));
    assert_eq!(legacy(&tx, 2, &[], 3), None, "no such input");
    assert_eq!(legacy(&tx, 2, &[], 1), None, "no such input");
}

#[test]
fn separators_are_left_out() {
    let tx = one_by_one();
    let digest = |code: &[u8]| legacy(&tx, 0, code, 1);
    assert_eq!(
        digest(&[0xab, 0x51, 0xab, 0xab, 0x52, 0xab]),
        digest(&[0x51, 0x52])
    );
    assert_ne!(
        digest(&[1, 0xab]),
        digest(&[1]),
        "a pushed byte is no separator"
    );
}

#[test]
fn what_does_not_decode_is_counted_and_left_out() {
    let tx = one_by_one();
    let digest = |code: &[u8]| legacy(&tx, 0, code, 1);
    // the bytes after the length of the push that is cut off are not hashed, but counted
    assert_eq!(digest(&[0x51, 5, 1, 2]), digest(&[0x51, 5, 3, 4]));
    assert_ne!(digest(&[0x51, 5, 1, 2]), digest(&[0x51, 5, 1]));
    assert_ne!(digest(&[0x51, 5, 1, 2]), digest(&[0x51, 6, 1, 2]));
}

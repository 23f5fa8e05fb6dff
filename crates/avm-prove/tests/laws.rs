//! The last two laws of a machine, which the law suite leaves to proofs: every step proves and its
//! proof verifies to the same claim; a witness with a node changed, missing, repeated or extra is
//! refused, and so is an input that was withheld or is not in the agreed log.

use avm_core::{Bytes, Vm};
use avm_prove::{LogItem, RunProof, Until, VerifyError, Witness};
use avm_testkit::laws::Case;
use avm_testkit::ledger::Ledger;
use avm_testkit::tally::Tally;
use avm_testkit::{laws, strategy};
use proptest::prelude::*;

#[allow(dead_code)]
#[path = "support/run.rs"]
mod run;

use run::Run;

/// Steps of a case that are proved.
const STEPS: usize = 200;

/// Checks both laws at every step of a case.
fn check(vm: &'static dyn Vm, case: &Case) {
    let run = Run::case(vm, case, STEPS);
    for at in 0..run.provable() {
        let proof = run.proof(at, Until::Steps(1));
        assert_eq!(proof.post, run.claim(at + 1), "step {at}");
        proof.verify(vm, 1).expect("every step verifies");
        tampered(vm, &proof);
    }
}

fn tampered(vm: &dyn Vm, proof: &RunProof) {
    let refusal = |tamper: &dyn Fn(&mut Witness)| {
        let mut changed = proof.clone();
        tamper(&mut changed.witness);
        changed.witness.nodes.sort_by_key(|node| vm.hash(node));
        changed.verify(vm, 1).expect_err("a tampered witness")
    };
    for (at, node) in proof.witness.nodes.iter().enumerate() {
        let missing = |error: VerifyError| match error {
            VerifyError::MissingNode { hash } => assert_eq!(hash, vm.hash(node)),
            other => panic!("{other:?}"),
        };
        missing(refusal(&|witness| drop(witness.nodes.remove(at))));
        missing(refusal(&|witness| {
            let mut changed = node.to_vec();
            // The program of a tally may be empty.
            changed.push(0);
            changed[0] ^= 1;
            witness.nodes[at] = changed.into();
        }));
        let repeated = refusal(&|witness| witness.nodes.push(node.clone()));
        assert!(matches!(repeated, VerifyError::RepeatedNode { .. }));
    }
    let extra = refusal(&|witness| witness.nodes.push(Bytes::from(&b"extra"[..])));
    assert!(matches!(extra, VerifyError::UnusedNode { .. }));

    let invented = LogItem {
        bytes: Bytes::from(&b"invented"[..]),
        path: vec![],
    };
    if proof.witness.inputs.is_empty() {
        let extra = refusal(&|witness| witness.inputs.push(invented.clone()));
        assert!(matches!(
            extra,
            VerifyError::UnusedInput { got: 1, want: 0 }
        ));
    } else {
        let withheld = refusal(&|witness| witness.inputs.clear());
        assert!(matches!(withheld, VerifyError::MissingInput { .. }));
        let wrong = refusal(&|witness| witness.inputs[0] = invented.clone());
        assert!(matches!(wrong, VerifyError::WrongInput { .. }));
    }
}

fn order(from: u8, to: u8, amount: u64) -> Vec<u8> {
    [&[from, to][..], &amount.to_be_bytes()].concat()
}

/// The cases that the law suite has for the toy machines.
fn cases() -> (Vec<Case>, Vec<Case>) {
    let tally: [(&[u8], &[&[u8]]); 9] = [
        (&[], &[]),
        (&[0], &[b"unread"]),
        (&[3], &[]),
        (&[2, 2, 3, 6, 0], &[&[7], &[3]]),
        (&[2, 2, 3, 6, 0], &[&[7]]),
        (&[2, 5, 6, 4, 5, 7, 1, 0], &[&[3]]),
        (&[2, 5, 6, 7, 0, 0], &[&[1, 0], b"", &[9]]),
        (&[1, 1, 5, 5, 5, 5, 5, 2, 6, 6, 6, 6, 0], &[&[8]]),
        (&[1, 9, 5, 7, 0], &[]),
    ];
    let case = |(image, inputs): &(&[u8], &[&[u8]])| Case {
        image: image.to_vec(),
        inputs: inputs.iter().map(|input| input.to_vec()).collect(),
    };
    let row = |account: u8, balance: u64| [&[account][..], &balance.to_be_bytes()].concat();
    let ledger = Case {
        image: [row(1, 100), row(2, 50), row(200, 7)].concat(),
        inputs: vec![
            order(1, 2, 30),
            order(1, 2, 71),
            order(2, 9, 80),
            order(9, 9, 80),
            order(9, 200, 0),
            vec![1, 2, 3],
            order(77, 1, 1),
            vec![],
            order(200, 77, 7),
        ],
    };
    let ledger = vec![ledger, Case::default()];
    (tally.iter().map(case).collect(), ledger)
}

#[test]
fn hold_for_the_cases_of_the_suite() {
    let (tally, ledger) = cases();
    // Proofs rest on the laws before.
    laws::check(&Tally, &tally);
    laws::check(&Ledger, &ledger);
    tally.iter().for_each(|case| check(&Tally, case));
    ledger.iter().for_each(|case| check(&Ledger, case));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hold_for_random_tallies(case in strategy::tally_case()) {
        check(&Tally, &case);
    }

    #[test]
    fn hold_for_random_ledgers(case in strategy::ledger_case()) {
        check(&Ledger, &case);
    }
}

//! Every step of every machine proves, and its proof verifies to the same claim: random programs,
//! and programs written so that every opcode works once and fails in each way it can.

use std::collections::{BTreeMap, BTreeSet};

use avm_arb::{ops, sample};
use avm_core::Vm;
use avm_prove::{prove_step, verify_step};
use avm_testkit::ledger::Ledger;
use avm_testkit::seed;
use avm_testkit::strategy;
use avm_testkit::tally::Tally;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

#[path = "support/operations.rs"]
mod operations;
#[allow(dead_code)]
#[path = "support/run.rs"]
mod run;

use operations::OPERATIONS;
use run::Run;

/// Random programs of the Arbitrum machine.
const PROGRAMS: u64 = 2_000;
/// Steps of each.
const STEPS: usize = 300;

/// Opcodes with the ways their steps ended, `worked` or a fault, and how many were proved.
type Covered = BTreeMap<(u8, &'static str), u64>;

/// Proves and verifies every step of a run, the idle one at the end included. Returns how many.
fn check(run: &Run, covered: &mut Covered) -> u64 {
    let log = run.log();
    let head = log.head();
    for at in 0..run.provable() {
        let (pre, want) = (run.claim(at), run.claim(at + 1));
        let (witness, post) = prove_step(run.vm, &log, &pre, run.nodes.clone())
            .unwrap_or_else(|error| panic!("step {at}: {error}"));
        assert_eq!(post, want, "step {at} of an opened state");
        verify_step(run.vm, &head, &pre, &post, &witness)
            .unwrap_or_else(|error| panic!("step {at}: {error}"));
        let taken = at + 1 < run.claims.len();
        if let Some((opcode, fault)) = run.seen.get(at).filter(|_| taken) {
            let end = fault.unwrap_or("worked");
            *covered.entry((*opcode, end)).or_default() += 1;
        }
    }
    run.provable() as u64
}

#[test]
fn of_random_programs() {
    let mut covered = Covered::new();
    let (mut proofs, mut ended, mut inputs) = (0, 0, 0);
    seed::each(PROGRAMS, |rng| {
        let len = rng.below(500) as usize;
        let (program, messages) = sample::program(&rng.bytes(len));
        let run = Run::arb(&program, &messages, STEPS);
        proofs += check(&run, &mut covered);
        ended += u64::from(run.provable() == run.claims.len());
        inputs += run.claim(STEPS).inputs;
    });
    println!("{proofs} proofs, {ended} idle, {inputs} with an input: {covered:?}");
    if std::env::var_os(seed::VARIABLE).is_some() {
        return;
    }
    assert!(proofs > 50 * PROGRAMS, "programs end too early: {proofs}");
    assert!(ended > PROGRAMS / 10, "few programs end: {ended}");
    assert!(inputs > PROGRAMS / 50, "few inputs are taken: {inputs}");
    let opcodes: BTreeSet<u8> = covered.keys().map(|(opcode, _)| *opcode).collect();
    let missing = ops::infos().filter(|op| !opcodes.contains(&op.code));
    let missing: Vec<_> = missing.map(|op| op.name).collect();
    assert!(missing.is_empty(), "never proved: {missing:?}");
}

#[test]
fn of_every_opcode_in_every_way_it_ends() {
    let mut covered = Covered::new();
    let mut proofs = 0;
    for operation in OPERATIONS {
        for sketch in operation.programs() {
            proofs += check(&sketch.run(), &mut covered);
        }
    }
    for source in [".op 0x71", "setgas 0\n.op 0x71", "inbox\ninbox\ninbox"] {
        let messages = [run::message(1, b"one"), run::message(2, b"")];
        proofs += check(&Run::masm(source, &messages), &mut covered);
    }
    println!("{proofs} proofs");

    let seen = |opcode: u8| -> BTreeSet<&str> {
        let ways = covered.keys().filter(|(code, _)| *code == opcode);
        ways.map(|(_, end)| *end).collect()
    };
    for op in ops::infos() {
        let operation = OPERATIONS.iter().find(|row| row.code() == op.code);
        let operation = operation.unwrap_or_else(|| panic!("{} has no row", op.name));
        let mut want: BTreeSet<&str> = operation.all_faults().into_iter().collect();
        if op.name != "error" {
            want.insert("worked");
        }
        assert_eq!(seen(op.code), want, "{}", op.name);
    }
    assert_eq!(seen(0x71), ["InvalidOpcode", "OutOfGas"].into());
}

/// Values of a strategy that follow from a seed.
fn draw<S: Strategy>(strategy: &S, rng: &mut seed::Rng) -> S::Value {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &rng.bytes(32));
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let tree = strategy.new_tree(&mut runner);
    tree.expect("the strategies filter nothing").current()
}

#[test]
fn of_the_toy_machines() {
    let mut proofs = [0, 0];
    seed::each(PROGRAMS / 2, |rng| {
        let cases = [
            (
                &Tally as &'static dyn Vm,
                draw(&strategy::tally_case(), rng),
            ),
            (&Ledger, draw(&strategy::ledger_case(), rng)),
        ];
        for ((vm, case), proofs) in cases.iter().zip(&mut proofs) {
            let run = Run::case(*vm, case, STEPS);
            *proofs += check(&run, &mut Covered::new());
        }
    });
    println!("{proofs:?} proofs");
    let replayed = std::env::var_os(seed::VARIABLE).is_some();
    assert!(replayed || proofs.iter().all(|&proofs| proofs > PROGRAMS));
}

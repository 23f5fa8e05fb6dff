//! Every step of calls of contracts proves, and its proof verifies to the same claim: random
//! contracts and calls under both rule sets, every opcode among them; and how large proofs are when
//! a contract keeps much.

use std::collections::BTreeSet;
use std::sync::Arc;

use avm_atomicals::machine::{Image, call_to_bytes};
use avm_atomicals::script::{CallInput, Rules, ops, table::Key, tables};
use avm_atomicals::{Atomicals, sample};
use avm_core::{Machine, MemoryOutbox, advance};
use avm_prove::{LiveNodes, Witness, prove_step, verify_step};
use avm_testkit::laws::Case;
use avm_testkit::seed;

#[allow(dead_code)]
#[path = "support/run.rs"]
mod run;

use run::Run;

static ATOMICALS: Atomicals = Atomicals {
    memory_limit_bytes: 1 << 30,
};

/// Random contracts.
const CONTRACTS: u64 = 1_000;
/// Steps of each.
const STEPS: usize = 300;

/// Proves and verifies every step of a run, the idle one at the end included.
fn check(run: &Run, mut each: impl FnMut(usize, &Witness)) {
    let log = run.log();
    let head = log.head();
    for at in 0..run.provable() {
        let (pre, want) = (run.claim(at), run.claim(at + 1));
        let (witness, post) = prove_step(run.vm, &log, &pre, run.nodes.clone())
            .unwrap_or_else(|error| panic!("step {at}: {error}"));
        assert_eq!(post, want, "step {at} of an opened state");
        verify_step(run.vm, &head, &pre, &post, &witness)
            .unwrap_or_else(|error| panic!("step {at}: {error}"));
        each(at, &witness);
    }
}

fn case(image: &Image, calls: &[CallInput]) -> Case {
    Case {
        image: image.to_bytes().expect("it is in memory"),
        inputs: calls
            .iter()
            .map(|call| call_to_bytes(call).expect("it is in memory"))
            .collect(),
    }
}

#[test]
fn of_random_contracts() {
    let (mut worked, mut failed) = (BTreeSet::new(), BTreeSet::new());
    let mut proofs = 0_u64;
    seed::each(CONTRACTS, |rng| {
        let rules = Rules::ALL[rng.below(2) as usize];
        let len = rng.below(400) as usize;
        let (image, calls) = sample::machine(rules, &rng.bytes(len));
        let run = Run::case(&ATOMICALS, &case(&image, &calls), STEPS);
        check(&run, |at, _| {
            proofs += 1;
            if let Some((opcode, fault)) = run.seen.get(at) {
                let set = if fault.is_none() {
                    &mut worked
                } else {
                    &mut failed
                };
                set.insert(*opcode);
            }
        });
    });
    // What no contract that runs on has.
    for code in [
        &[0x00, 0x63, 0x4e, 1, 0, 0, 0, 9, 0x68, 0x51][..],
        &[0xab],
        &[0x4d, 1],
    ] {
        let call = CallInput {
            unlock: Arc::default(),
            ..sample::call(&[])
        };
        let image = Image::new(&Rules::AVM1, code.into());
        let run = Run::case(&ATOMICALS, &case(&image, &[call]), STEPS);
        check(&run, |at, _| {
            failed.extend(run.seen.get(at).map(|(opcode, _)| *opcode));
        });
    }
    println!(
        "{proofs} proofs, {} opcodes worked, {} failed",
        worked.len(),
        failed.len()
    );
    if std::env::var_os(seed::VARIABLE).is_some() {
        return;
    }
    assert!(proofs > 20 * CONTRACTS, "calls end too early: {proofs}");
    let never = ops::OPS
        .iter()
        .filter(|op| !worked.contains(&op.code) && !failed.contains(&op.code));
    let never: Vec<&str> = never.map(|op| op.name).collect();
    assert!(never.is_empty(), "never proved: {never:?}");
}

/// A machine that runs proves its next step without being saved.
#[test]
fn of_machines_that_run() {
    let mut proofs = 0;
    seed::each(40, |rng| {
        let rules = Rules::ALL[rng.below(2) as usize];
        let (image, calls) = sample::machine(rules, &rng.bytes(200));
        let run = Run::case(&ATOMICALS, &case(&image, &calls), STEPS);
        let log = run.log();
        let (mut machine, mut outbox) = (ATOMICALS.load(&image), MemoryOutbox::default());
        for at in 0..run.provable() {
            let want = prove_step(run.vm, &log, &run.claim(at), run.nodes.clone()).unwrap();
            let live = LiveNodes::new(machine.fork());
            let proved = prove_step(run.vm, &log, &run.claim(at), live).unwrap();
            assert_eq!(proved, want, "step {at}");
            advance(&mut machine, run.claim(at), &log, &mut outbox, 1).unwrap();
            proofs += 1;
        }
    });
    assert!(proofs > 1_000, "calls end too early: {proofs}");
}

/// A contract with `keys` values, and a call that reads one, writes one and looks for one.
fn large(keys: u32) -> Run {
    let lock = [
        &[1, b's', 4][..],
        &7_u32.to_be_bytes(),
        &[0xef, 0x75],
        &[1, b's', 4],
        &9_u32.to_be_bytes(),
        &[0x51, 0xf0],
        &[1, b's', 1, b'x', 0xed, 0x91],
    ]
    .concat();
    let mut image = Image::new(&Rules::AVM1, lock.into());
    for key in 0..keys {
        let name = Key::new(b"s", &key.to_be_bytes());
        image
            .contract
            .state
            .insert(name.bytes(), vec![5; 20].into())
            .expect("it fits");
    }
    image.contract.sum = tables::sum(&image.contract.state).expect("it is in memory");
    let call = CallInput {
        unlock: Arc::default(),
        tx: vec![2, 0, 0, 0, 0, 0, 0, 0, 0, 0].into(),
        auth_key: Arc::default(),
        ft_incoming: Default::default(),
        nft_incoming: Default::default(),
        headers: Default::default(),
        height: 0,
    };
    Run::case(&ATOMICALS, &case(&image, &[call]), 12)
}

/// Proofs grow with the logarithm of what a contract keeps.
#[test]
fn proofs_stay_small_whatever_the_storage_holds() {
    let mut sizes = Vec::new();
    for keys in [16, 4_096] {
        let mut most = 0;
        check(&large(keys), |_, witness| {
            let bytes: usize = witness.nodes.iter().map(|node| node.len()).sum();
            most = most.max(bytes);
        });
        sizes.push(most);
    }
    println!("largest proofs: {sizes:?} bytes");
    assert!(
        sizes[1] < 3 * sizes[0] && sizes[1] < 6_000,
        "{sizes:?} bytes"
    );
}

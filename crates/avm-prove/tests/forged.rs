//! States that nobody ever was in, with every hash right: a step from there is an error or a step,
//! and no panic.

use std::sync::Arc;

use avm_arb::sample;
use avm_core::{Claim, Hash, MemoryNodes, Vm};
use avm_prove::{AgreedLog, ProveError, Until, VerifyError, Witness, prove_run, verify_run};
use avm_testkit::seed::{self, Rng};

#[allow(dead_code)]
#[path = "support/anoma.rs"]
mod anoma;
#[allow(dead_code)]
#[path = "support/forge.rs"]
mod forge;
#[allow(dead_code)]
#[path = "support/operations.rs"]
mod operations;
#[allow(dead_code)]
#[path = "support/run.rs"]
mod run;
#[allow(dead_code)]
#[path = "support/subjects.rs"]
mod subjects;

use forge::Forged;
use operations::{OPERANDS, OPERATIONS};
use run::Run;

/// Steps from a forged state.
const STEPS: u64 = 20;

/// How many forged states did what.
#[derive(Debug, Default)]
struct Count {
    ran: u64,
    refused: u64,
}

/// Forges the state at `at` of a run a few times.
fn check(run: &Run, at: usize, rng: &mut Rng, count: &mut Count) {
    let pre = run.claim(at);
    let mut own = MemoryNodes::default();
    let mut machine = run.vm.open(pre.state, run.nodes.clone()).expect("saved");
    machine.save(&mut own).expect("a sink in memory");
    let genuine = Forged::new(pre.state, &own);
    let witness = run.proof(at, Until::Steps(1)).witness;
    let likely: Vec<Hash> = witness.nodes.iter().map(|node| run.vm.hash(node)).collect();
    for _ in 0..4 {
        let mut forged = genuine.clone();
        for _ in 0..=rng.below(3) {
            forged.tamper(&likely, rng);
        }
        let pre = Claim {
            state: forged.root,
            ..pre
        };
        step(run, &pre, forged.store(), count);
        hostile(run, &pre, &forged, &likely);
    }
}

/// A prover that has the forged state: what it proves must verify.
fn step(run: &Run, pre: &Claim, nodes: MemoryNodes, count: &mut Count) {
    let log = run.log();
    let nodes = Arc::new(nodes);
    for steps in [1, STEPS] {
        let until = Until::Steps(steps);
        match prove_run(run.vm, &log, pre, until, nodes.clone(), steps) {
            Ok((witness, post)) => {
                count.ran += 1;
                verify_run(run.vm, &log.head(), pre, until, &post, &witness, steps)
                    .expect("it verified before");
            }
            Err(ProveError::Unverified(error)) => panic!("not what it read: {error}"),
            Err(_) => count.refused += 1,
        }
    }
}

/// A prover that sends what it likes to a verifier.
fn hostile(run: &Run, pre: &Claim, forged: &Forged, likely: &[Hash]) {
    let head = run.log().head();
    // The nodes that hang together, first all of them, then those of the genuine step.
    let all: Vec<(Hash, &Vec<u8>)> = forged
        .nodes
        .iter()
        .map(|(name, node)| (*name, node))
        .collect();
    let few = all
        .iter()
        .filter(|(name, _)| likely.contains(name) || *name == pre.state);
    for nodes in [all.clone(), few.copied().collect()] {
        let witness = Witness {
            nodes: nodes.iter().map(|(_, node)| node[..].into()).collect(),
            inputs: vec![],
        };
        let verified = verify_run(run.vm, &head, pre, Until::Steps(3), pre, &witness, 3);
        if let Err(VerifyError::NodeOrder { .. } | VerifyError::RepeatedNode { .. }) = verified {
            panic!("names are in order: {verified:?}");
        }
    }
}

#[test]
fn of_random_programs() {
    let mut count = Count::default();
    seed::each(600, |rng| {
        let len = 50 + rng.below(450) as usize;
        let (program, messages) = sample::program(&rng.bytes(len));
        let run = Run::arb(&program, &messages, 60);
        for _ in 0..2 {
            let at = rng.below(run.provable() as u64) as usize;
            check(&run, at, rng, &mut count);
        }
    });
    println!("{count:?}");
    let replayed = std::env::var_os(seed::VARIABLE).is_some();
    assert!(
        replayed || count.ran > 1000 && count.refused > 1000,
        "{count:?}"
    );
}

/// Every opcode on operands that were tampered with.
#[test]
fn of_every_opcode() {
    let mut count = Count::default();
    seed::each(6, |rng| {
        for operation in OPERATIONS {
            let run = operation.program().run();
            let step = run
                .seen
                .iter()
                .position(|(code, _)| *code == operation.code());
            check(&run, step.expect("it has the operation"), rng, &mut count);
        }
    });
    println!("{count:?}");
    let replayed = std::env::var_os(seed::VARIABLE).is_some();
    assert!(
        replayed || count.ran > 500 && count.refused > 500,
        "{count:?}"
    );
    assert!(!OPERANDS.is_empty());
}

#[test]
fn of_the_toy_machines() {
    let mut count = Count::default();
    let runs = [subjects::tally(), subjects::ledger()];
    seed::each(200, |rng| {
        for run in &runs {
            let at = rng.below(run.provable() as u64) as usize;
            check(run, at, rng, &mut count);
        }
    });
    println!("{count:?}");
}

/// Any byte strings as the nodes of a state whose root is one of them.
#[test]
fn of_random_nodes() {
    let vms: [&'static dyn Vm; 3] = [
        &run::ARB,
        &avm_testkit::tally::Tally,
        &avm_testkit::ledger::Ledger,
    ];
    let inbox = avm_core::MemoryInbox::default();
    let log = AgreedLog::read(&inbox, 0).expect("a log in memory");
    seed::each(3000, |rng| {
        let lens = [
            32,
            34,
            48,
            64,
            65,
            66,
            69,
            192,
            224,
            rng.below(300) as usize,
        ];
        let mut nodes: Vec<Vec<u8>> = (0..rng.below(6))
            .map(|_| rng.bytes(*rng.clone().pick(&lens)))
            .collect();
        // From the second on, each may name the one before it.
        for at in 1..nodes.len() {
            let below = Hash::keccak(&nodes[at - 1]);
            if let Some(start) = nodes[at].len().checked_sub(32) {
                let start = rng.below(start as u64 + 1) as usize;
                nodes[at][start..start + 32].copy_from_slice(&below.0);
            }
        }
        let state = nodes.last().map_or(Hash::ZERO, |node| Hash::keccak(node));
        nodes.sort_by_key(|node| Hash::keccak(node));
        nodes.dedup();
        let witness = Witness {
            nodes: nodes.into_iter().map(Into::into).collect(),
            inputs: vec![],
        };
        let claim = Claim::genesis(state);
        for vm in vms {
            let until = Until::Steps(5);
            let verified = verify_run(vm, &log.head(), &claim, until, &claim, &witness, 5);
            assert!(verified.is_err() || witness.nodes.len() < 3, "{verified:?}");
        }
    });
}

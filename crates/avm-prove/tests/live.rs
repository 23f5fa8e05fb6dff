//! A proof made from a running machine is the proof made from its saved state.

use std::sync::Arc;

use avm_arb::{Arb, asm::assemble};
use avm_core::{
    Claim, HostError, Machine, MemoryInbox, MemoryNodes, MemoryOutbox, Nodes, Vm, advance,
};
use avm_prove::{AgreedLog, LiveNodes, Until, prove_run, prove_step};
use avm_testkit::ledger::Ledger;
use avm_testkit::tally::Tally;

#[allow(dead_code)]
#[path = "support/run.rs"]
mod run;

use run::Run;

/// A countdown, tuples, buffers, and an error.
const VALUES: &str = "
    push 3
turn:
    pcpush
    swap1
    dup0
    iszero
    cjump @done
    push 1
    swap1
    sub
    swap1
    jump
done:
    pop
    push (1, (2, 3), \"a buffer over thirty-two bytes long\")
    dup0
    push 2
    tget
    push 1
    getbuffer8
    log
    push 0
    tget
    newbuffer
    push 9
    push 4
    setbuffer8
    add
";

#[test]
fn of_machines_that_ran_and_of_opened_ones() {
    let numbers = || (1..6u64).map(|n| n.to_be_bytes().to_vec()).collect();
    let balances: Vec<u8> = (0..6u8)
        .flat_map(|account| [&[account][..], &200u64.to_be_bytes()].concat())
        .collect();
    let order = |i: u8| [&[i % 7, i * 3 % 7][..], &u64::from(i).to_be_bytes()].concat();
    let countdown = Tally.genesis(&[1, 9, 4, 5, 7, 2, 2, 5, 6, 7, 0, 0]);
    let ledger = Ledger.genesis(&balances);
    let runs = [
        Run::new(&Tally, countdown.unwrap(), numbers(), 1000),
        Run::new(&Ledger, ledger.unwrap(), (0..20).map(order).collect(), 1000),
        Run::masm(VALUES, &[]),
    ];
    for run in &runs {
        let log = run.log();
        for at in 0..run.provable() {
            let want = prove_step(run.vm, &log, &run.claims[at], run.nodes.clone()).unwrap();
            for back in [0, 1, 5, at] {
                let from = at.saturating_sub(back);
                let opened = run.vm.open(run.claims[from].state, run.nodes.clone());
                let mut machine = opened.unwrap();
                let (budget, mut outbox) = ((at - from) as u64, MemoryOutbox::default());
                let ran = advance(&mut *machine, run.claims[from], &log, &mut outbox, budget);
                let (claim, _) = ran.unwrap();
                let live = LiveNodes::new(machine);
                let proved = prove_step(run.vm, &log, &claim, live.clone()).unwrap();
                assert_eq!(proved, want, "step {at} of a machine opened at {from}");
                let mut machine = live.into_machine().expect("nobody else reads");
                assert_eq!(machine.state_hash(), claim.state, "the machine comes back");
            }
        }
    }
}

/// A tuple of twos of twos of ... has one node a level, and two ways to it from every level above:
/// walked once each, that is a hundred nodes; walked every way, more than anybody waits for.
#[test]
fn of_values_that_share_their_parts() {
    const DEPTH: u64 = 60;
    let double = "dup0\npush (0, 0)\npush 0\ntset\npush 1\ntset\n".repeat(DEPTH as usize);
    let down = "push 0\ntget\n".repeat(DEPTH as usize);
    let source = format!("push 1\n{double}{down}halt");
    let program = assemble(&source).unwrap().program;
    let (vm, inbox) = (Arb::default(), MemoryInbox::default());
    let mut machine = vm.load(&program);
    let log = AgreedLog::read(&inbox, 0).unwrap();
    let genesis = Claim::genesis(machine.state_hash());
    let mut outbox = MemoryOutbox::default();
    let ran = advance(&mut machine, genesis, &inbox, &mut outbox, 1 + 6 * DEPTH);
    let (pre, until) = (ran.unwrap().0, Until::Steps(2 * DEPTH));
    let mut nodes = MemoryNodes::default();
    machine.save(&mut nodes).unwrap();
    let saved = prove_run(&vm, &log, &pre, until, Arc::new(nodes), u64::MAX).unwrap();
    let live = LiveNodes::new(machine.fork());
    let live = prove_run(&vm, &log, &pre, until, live, u64::MAX).unwrap();
    assert_eq!(live, saved);
}

#[test]
fn a_node_of_no_state_is_missing() {
    let program = assemble("halt").unwrap().program;
    let live = LiveNodes::new(Box::new(Arb::default().load(&program)));
    let stranger = avm_core::Hash::keccak(b"stranger");
    let missing = live.get(stranger);
    assert!(matches!(missing, Err(HostError::MissingNode { hash }) if hash == stranger));
}

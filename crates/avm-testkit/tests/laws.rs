//! The toy machines pass the laws, on written cases and on random ones.

use std::sync::Arc;

use avm_core::{Claim, MemoryInbox, MemoryNodes, MemoryOutbox, Nodes, Stop, Vm, advance};
use avm_testkit::laws::{self, Case, Suite};
use avm_testkit::ledger::{BalancesError, Ledger};
use avm_testkit::tally::{FAULTED, HALTED, ProgramError, Tally};
use avm_testkit::watch::{NamesOutbox, RecordingNodes};
use avm_testkit::{seed, strategy};
use proptest::prelude::*;

fn case(image: &[u8], inputs: &[&[u8]]) -> Case {
    let inputs = inputs.iter().map(|input| input.to_vec()).collect();
    let image = image.to_vec();
    Case { image, inputs }
}

fn order(from: u8, to: u8, amount: u64) -> Vec<u8> {
    [&[from, to][..], &amount.to_be_bytes()].concat()
}

fn balances(rows: &[(u8, u64)]) -> Vec<u8> {
    let row = |(account, balance): &(u8, u64)| [&[*account][..], &balance.to_be_bytes()].concat();
    rows.iter().flat_map(row).collect()
}

/// Runs a case to its stop: steps, inputs taken, outputs, stop.
fn eval(vm: &dyn Vm, case: &Case) -> (u64, u64, Vec<Vec<u8>>, Stop) {
    let log: MemoryInbox = case.inputs.iter().map(|input| &input[..]).collect();
    let mut outbox = MemoryOutbox::default();
    let mut machine = vm.genesis(&case.image).unwrap();
    let from = Claim::genesis(machine.state_hash());
    let (claim, stop) = advance(&mut *machine, from, &log, &mut outbox, 10_000).unwrap();
    let node = |name| outbox.nodes.get(name).unwrap().to_vec();
    let outputs = outbox.outputs.iter().map(|(_, name)| node(*name)).collect();
    (claim.steps, claim.inputs, outputs, stop)
}

/// Root node of the state that a case stops in. No law sees a field that nothing depends on.
fn root(vm: &dyn Vm, case: &Case) -> Vec<u8> {
    let log: MemoryInbox = case.inputs.iter().map(|input| &input[..]).collect();
    let mut machine = vm.genesis(&case.image).unwrap();
    let from = Claim::genesis(machine.state_hash());
    advance(
        &mut *machine,
        from,
        &log,
        &mut NamesOutbox::default(),
        10_000,
    )
    .unwrap();
    let mut nodes = MemoryNodes::default();
    let name = machine.save(&mut nodes).unwrap();
    nodes.get(name).unwrap().to_vec()
}

fn numbers(numbers: &[u64]) -> Vec<Vec<u8>> {
    numbers
        .iter()
        .map(|number| number.to_be_bytes().to_vec())
        .collect()
}

#[test]
fn tally() {
    let deep: &[u8] = &[1, 1, 5, 5, 5, 5, 5, 2, 6, 6, 6, 6, 0];
    let cases = [
        (
            "empty program",
            case(&[], &[]),
            (1, 0, vec![], Stop::Halted),
        ),
        (
            "halt",
            case(&[0], &[b"unread"]),
            (1, 0, vec![], Stop::Halted),
        ),
        ("no operand", case(&[3], &[]), (1, 0, vec![], Stop::Halted)),
        (
            "sum",
            case(&[2, 2, 3, 6, 0], &[&[7], &[3]]),
            (5, 2, numbers(&[10]), Stop::Halted),
        ),
        (
            "waits",
            case(&[2, 2, 3, 6, 0], &[&[7]]),
            (1, 1, vec![], Stop::NeedsInput),
        ),
        (
            "counts down",
            case(&[2, 5, 6, 4, 5, 7, 1, 0], &[&[3]]),
            (17, 1, numbers(&[3, 2, 1]), Stop::Halted),
        ),
        (
            "echoes until 0",
            case(&[2, 5, 6, 7, 0, 0], &[&[1, 0], b"", &[9]]),
            (9, 2, numbers(&[256, 0]), Stop::Halted),
        ),
        (
            "wide input",
            case(&[2, 6, 7, 0], &[&[255; 9]]),
            (3, 1, numbers(&[u64::MAX]), Stop::Halted),
        ),
        (
            "deep",
            case(deep, &[&[8]]),
            (12, 1, numbers(&[8, 1, 1, 1]), Stop::Halted),
        ),
        (
            "fills the stack",
            case(&[1, 9, 5, 7, 0], &[]),
            (191, 0, vec![], Stop::Halted),
        ),
    ];
    for (name, case, want) in &cases {
        assert_eq!(&eval(&Tally, case), want, "{name}");
    }
    let cases: Vec<Case> = cases.into_iter().map(|(_, case, _)| case).collect();
    laws::check(&Tally, &cases);
}

#[test]
fn tally_halts_in_two_ways() {
    let cases = [
        (vec![0], HALTED),
        (vec![3], FAULTED),
        (vec![1, 1, 7, 99], FAULTED),
    ];
    for (image, want) in cases {
        assert_eq!(root(&Tally, &case(&image, &[]))[0], want, "{image:?}");
    }
}

#[test]
fn tally_images() {
    let cases = [
        (vec![8], ProgramError::Code { at: 0, code: 8 }),
        (vec![1, 1, 7], ProgramError::Operand { at: 2 }),
        (vec![0; 257], ProgramError::TooLong(257)),
    ];
    for (image, want) in cases {
        let error = Tally.genesis(&image).err().unwrap();
        assert_eq!(error.downcast_ref(), Some(&want));
    }
}

#[test]
fn ledger() {
    let image = balances(&[(1, 100), (2, 50), (200, 7)]);
    let orders = [
        order(1, 2, 30),
        order(1, 2, 71),  // overdrawn
        order(2, 9, 80),  // to an account that never was
        order(9, 9, 80),  // to itself
        order(9, 200, 0), // nothing
        vec![1, 2, 3],    // malformed
        order(77, 1, 1),  // from an account that never was
        vec![],
        order(200, 77, 7),
    ];
    let inputs = orders.to_vec();
    let settled = [0, 2, 3, 4, 8].map(|at| orders[at].clone()).to_vec();
    let case = Case { image, inputs };
    assert_eq!(eval(&Ledger, &case), (9, 9, settled, Stop::NeedsInput));
    let (settled, refused) = (5u64, 4u64);
    assert_eq!(&root(&Ledger, &case)[..8], settled.to_be_bytes());
    assert_eq!(&root(&Ledger, &case)[8..16], refused.to_be_bytes());
    let empty = Case::default();
    assert_eq!(eval(&Ledger, &empty), (0, 0, vec![], Stop::NeedsInput));
    laws::check(&Ledger, &[case, empty]);
}

#[test]
fn ledger_images() {
    let cases = [
        (vec![0; 10], BalancesError::Length(10)),
        (balances(&[(3, 1), (3, 1)]), BalancesError::Order(3)),
        (balances(&[(3, 1), (2, 1)]), BalancesError::Order(2)),
        (
            balances(&[(3, 1), (4, u64::MAX)]),
            BalancesError::TooMuch(4),
        ),
    ];
    for (image, want) in cases {
        let error = Ledger.genesis(&image).err().unwrap();
        assert_eq!(error.downcast_ref(), Some(&want));
    }
}

/// Nodes that the step after `step` reads from a store with everything.
fn nodes_read(vm: &dyn Vm, case: &Case, step: u64) -> usize {
    let log: MemoryInbox = case.inputs.iter().map(|input| &input[..]).collect();
    let mut machine = vm.genesis(&case.image).unwrap();
    let from = Claim::genesis(machine.state_hash());
    let mut outbox = NamesOutbox::default();
    let (at, _) = advance(&mut *machine, from, &log, &mut outbox, step).unwrap();
    let mut nodes = MemoryNodes::default();
    machine.save(&mut nodes).unwrap();
    let nodes = RecordingNodes::new(Arc::new(nodes));
    let mut machine = vm.open(at.state, nodes.clone()).unwrap();
    advance(&mut *machine, at, &log, &mut outbox, 1).unwrap();
    nodes.read().len()
}

#[test]
fn a_step_reads_what_it_touches() {
    // push 1, then again and again; take, add, emit, jnz, halt
    let image = [1, 1, 5, 5, 5, 5, 2, 3, 6, 7, 0, 0];
    let program = case(&image, &[&[8]]);
    let root_and_program = 2;
    let cases = [
        ("push", 0, 0),
        ("dup", 1, 1),
        ("take", 5, 0),
        ("add", 6, 2),
        ("emit", 7, 1),
    ];
    for (name, step, cells) in cases {
        let read = nodes_read(&Tally, &program, step);
        assert_eq!(read, root_and_program + cells, "{name}");
    }

    // All balances differ: equal subtrees would be one node.
    let rows: Vec<_> = (0..=255)
        .map(|account| (account, 10 + u64::from(account)))
        .collect();
    let orders = [order(0, 255, 1), order(3, 3, 1), order(0, 1, 99), vec![]];
    let (image, inputs) = (balances(&rows), orders.to_vec());
    let busy = Case { image, inputs };
    // The root; then the root of the tree, and eight nodes for each account that is looked at.
    let cases = [
        ("far apart", 0, 2 + 8 + 8),
        ("one", 1, 2 + 8),
        ("overdrawn", 2, 2 + 8),
    ];
    for (name, step, want) in cases {
        assert_eq!(nodes_read(&Ledger, &busy, step), want, "{name}");
    }
    assert_eq!(nodes_read(&Ledger, &busy, 3), 1, "malformed");
}

/// A case longer than the suite looks at is checked as far as it does.
#[test]
fn a_run_without_end() {
    let endless = case(&[1, 1, 7, 0], &[b"unread"]);
    let suite = Suite {
        max_steps: 30,
        points: 8,
        ..Suite::default()
    };
    suite.check(&Tally, &[endless]);
}

#[test]
#[should_panic(expected = "laws hold for no case")]
fn no_case_is_no_check() {
    laws::check(&Tally, &[]);
}

#[test]
fn seeds() {
    seed::each(8, |rng| {
        let account = |rng: &mut seed::Rng| rng.below(5) as u8;
        let rows: Vec<_> = (0..5).map(|account| (account, rng.below(50))).collect();
        let inputs = (0..6).map(|_| order(account(rng), account(rng), rng.below(40)));
        let inputs = inputs.collect();
        let image = balances(&rows);
        small().check(&Ledger, &[Case { image, inputs }]);
    });
}

fn small() -> Suite {
    Suite {
        max_steps: 40,
        points: 8,
        ..Suite::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn random_tally(case in strategy::tally_case()) {
        prop_assert_eq!(small().verify(&Tally, &[case]), Ok(()));
    }

    #[test]
    fn random_ledger(case in strategy::ledger_case()) {
        prop_assert_eq!(small().verify(&Ledger, &[case]), Ok(()));
    }
}

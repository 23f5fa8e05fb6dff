//! The fast engine does what the reference engine does, on random programs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use avm_arb::{Arb, ArbMachine, Fault, Kind, Message, Program, Tally, asm, ops, sample};
use avm_core::{
    Claim, Hash, Machine, MemoryInbox, MemoryNodes, MemoryOutbox, Probe, StepEnd, StepStart, Stop,
    advance, advance_watched,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use ruint::aliases::U256;

/// Programs a run checks.
const PROGRAMS: u32 = 10_000;
/// Steps of each.
const BUDGET: u64 = 300;
/// Opcodes that need not be seen to work here.
const CRYPTO: &[&str] = &["ecadd", "ecmul", "ecpairing"];

/// Where a run got to, as far as anybody outside can tell.
#[derive(Debug, PartialEq)]
struct End {
    claim: Claim,
    stop: Stop,
    machine: Hash,
    tally: Tally,
    outbox: MemoryOutbox,
}

/// A machine under way.
struct Run<'a> {
    machine: ArbMachine,
    inbox: &'a MemoryInbox,
    claim: Claim,
    stop: Stop,
    outbox: MemoryOutbox,
}

impl<'a> Run<'a> {
    fn new(rules: Arb, program: &Program, inbox: &'a MemoryInbox) -> Self {
        let mut machine = rules.load(program);
        Run {
            claim: Claim::genesis(machine.state_hash()),
            machine,
            inbox,
            stop: Stop::Budget,
            outbox: MemoryOutbox::default(),
        }
    }

    fn go(&mut self, budget: u64, probe: Option<&mut dyn Probe>) {
        let (machine, outbox) = (&mut self.machine, &mut self.outbox);
        let ran = advance_watched(machine, self.claim, self.inbox, outbox, budget, probe);
        (self.claim, self.stop) = ran.expect("no host fails");
    }

    /// Goes on up to `steps` steps in all, in pieces of the lengths `split`, round and round, and
    /// between pieces does `between`.
    fn split(&mut self, steps: u64, split: &[u8], mut between: impl FnMut(&mut ArbMachine, u8)) {
        for piece in split.iter().cycle() {
            let left = steps - self.claim.steps;
            if left == 0 || self.stop != Stop::Budget {
                break;
            }
            self.go(left.min(1 + u64::from(*piece)), None);
            between(&mut self.machine, *piece);
        }
    }

    fn end(mut self) -> End {
        End {
            claim: self.claim,
            stop: self.stop,
            machine: self.machine.machine_hash(),
            tally: self.machine.tally(),
            outbox: self.outbox,
        }
    }
}

const REFERENCE: Arb = Arb {
    memory_limit_bytes: 256 << 20,
    fast: false,
};
const FAST: Arb = Arb {
    fast: true,
    ..REFERENCE
};

/// Checks one program; `split` says how runs are cut in pieces.
fn check(bytes: &[u8], split: &[u8], seen: &mut Seen) -> Result<(), TestCaseError> {
    let (program, messages) = sample::program(bytes);
    let inbox: MemoryInbox = messages.iter().map(Message::to_bytes).collect();

    let mut reference = Run::new(REFERENCE, &program, &inbox);
    reference.go(BUDGET - 1, Some(seen));
    let before = (reference.claim, reference.stop);
    if before.1 == Stop::Budget {
        reference.go(1, Some(seen));
    }
    let reference = reference.end();

    let mut shorter = Run::new(FAST, &program, &inbox);
    shorter.go(BUDGET - 1, None);
    prop_assert_eq!((shorter.claim, shorter.stop), before, "budget less one");

    let mut whole = Run::new(FAST, &program, &inbox);
    whole.go(BUDGET, None);
    prop_assert_eq!(&whole.end(), &reference, "fast");

    let mut pieces = Run::new(FAST, &program, &inbox);
    pieces.split(BUDGET, split, |_, _| {});
    prop_assert_eq!(&pieces.end(), &reference, "fast, in pieces {:?}", split);

    for rules in [FAST, REFERENCE] {
        let mut opened = Run::new(rules, &program, &inbox);
        opened.split(BUDGET, split, |machine, piece| {
            if piece % 3 > 0 {
                *machine = reopened(rules, machine);
            }
        });
        prop_assert_eq!(
            &opened.end(),
            &reference,
            "reopened, {:?}, {:?}",
            rules,
            split
        );
    }
    Ok(())
}

/// The machine as its nodes give it back.
fn reopened(rules: Arb, machine: &mut ArbMachine) -> ArbMachine {
    let mut nodes = MemoryNodes::default();
    let state = machine.save(&mut nodes).expect("a sink in memory");
    assert_eq!(state, machine.state_hash());
    rules.open(state, Arc::new(nodes)).expect("it was saved")
}

/// Which opcodes worked and which faults there were.
#[derive(Default)]
struct Seen {
    opcode: u8,
    steps: u64,
    worked: BTreeMap<u8, u64>,
    faults: BTreeMap<String, u64>,
}

impl Probe for Seen {
    fn before(&mut self, step: &StepStart<'_>) {
        self.opcode = step.opcode;
    }

    fn after(&mut self, step: &StepEnd<'_>) {
        self.steps += 1;
        match step.fault {
            None => *self.worked.entry(self.opcode).or_default() += 1,
            Some(fault) => *self.faults.entry(shape(&fault.to_string())).or_default() += 1,
        }
    }
}

/// A fault's text without its numbers and kinds.
fn shape(fault: &str) -> String {
    let kinds = ["int", "code", "point", "tuple", "buffer"];
    let of_kinds = fault.starts_with("the operand");
    let word = |word: &&str| {
        let bare = word.trim_end_matches([',', ':']);
        let number = bare.starts_with(|c: char| c.is_ascii_digit());
        !(number || of_kinds && kinds.contains(&bare))
    };
    fault.split(' ').filter(word).collect::<Vec<_>>().join(" ")
}

/// Every fault once.
fn faults() -> Vec<Fault> {
    let index = U256::ZERO;
    vec![
        Fault::InvalidOpcode(0),
        Fault::Raised,
        Fault::Underflow {
            want: 0,
            have: 0,
            want_aux: 0,
            have_aux: 0,
        },
        Fault::OutOfGas {
            cost: 0,
            left: index,
        },
        Fault::WrongKind {
            want: Kind::Int,
            found: Kind::Int,
        },
        Fault::DivisionByZero,
        Fault::TupleIndex { index, len: 0 },
        Fault::TupleLength { want: 0, found: 0 },
        Fault::BufferOffset(index),
        Fault::BufferValue {
            value: index,
            width_bytes: 0,
        },
        Fault::SendSize(index),
        Fault::SendTruncated { size_bytes: 0 },
        Fault::BadPoint,
        Fault::BadPairingList,
    ]
}

#[test]
fn agree_on_random_programs() {
    let seed = match std::env::var("AVM_SEED") {
        Ok(text) => text.parse().expect("AVM_SEED is a number"),
        Err(_) => RandomState::new().hash_one(()),
    };
    println!("replay with AVM_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&u64::to_be_bytes(seed));
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config {
        cases: PROGRAMS,
        failure_persistence: None,
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let seen = RefCell::new(Seen::default());
    let strategy = (vec(any::<u8>(), 0..500), vec(any::<u8>(), 1..6));
    let checked = TestRunner::new_with_rng(config, rng).run(&strategy, |(bytes, split)| {
        check(&bytes, &split, &mut seen.borrow_mut())
    });
    if let Err(failure) = checked {
        let smallest = match &failure {
            TestError::Fail(_, (bytes, _)) => asm::disassemble(&sample::program(bytes).0),
            TestError::Abort(_) => String::new(),
        };
        panic!("AVM_SEED={seed}: {failure}\n{smallest}");
    }

    let seen = seen.into_inner();
    println!(
        "{} steps\nworked {:?}\nfaults {:?}",
        seen.steps, seen.worked, seen.faults
    );
    let missing = ops::infos().filter(|op| !seen.worked.contains_key(&op.code));
    let missing = missing.map(|op| op.name);
    let missing: Vec<_> = missing
        .filter(|name| *name != "error" && !CRYPTO.contains(name))
        .collect();
    assert!(missing.is_empty(), "never worked: {missing:?}");
    for fault in faults() {
        let shape = shape(&fault.to_string());
        assert!(seen.faults.contains_key(&shape), "never seen: {shape}");
    }
    assert_eq!(
        seen.faults.len(),
        faults().len(),
        "a fault is not in the list: {:?}",
        seen.faults
    );
    assert!(
        seen.steps > 100 * u64::from(PROGRAMS),
        "programs end too early"
    );
}

/// The fuzz target and this test read the same bytes in the same way.
#[test]
fn any_bytes_are_a_program() {
    for bytes in [&[][..], &[0], &[255; 5000], &[0; 5000]] {
        check(bytes, &[0, 7], &mut Seen::default()).expect("the engines agree");
    }
}

/// One step at a time is the same as any other way.
#[test]
fn single_steps() {
    let bytes: Vec<u8> = (0..600_u32).map(|at| ((at * at * 31) >> 4) as u8).collect();
    let (program, messages) = sample::program(&bytes);
    let inbox: MemoryInbox = messages.iter().map(Message::to_bytes).collect();
    let mut machines = [FAST, REFERENCE].map(|rules| rules.load(&program));
    let mut claim = Claim::genesis(machines[0].state_hash());
    let mut taken = 0;
    for _ in 0..BUDGET {
        let claims = machines.each_mut().map(|machine| {
            let outbox = &mut MemoryOutbox::default();
            advance(machine, claim, &inbox, outbox, 1).expect("no host fails")
        });
        assert_eq!(claims[0], claims[1]);
        taken += claims[0].0.steps - claim.steps;
        claim = claims[0].0;
    }
    assert!(taken > 20, "{taken}");
}

/// What random programs found: a program, and after how many steps it is saved and reopened.
#[test]
fn found_before() {
    let cases = [
        (
            "a zero buffer, opened and saved again",
            "push \"\"\ndup0\nhalt",
            1,
        ),
        (
            "the error code point as handler, read from a node",
            "push 0\nerrset @end\nerror",
            1,
        ),
        (
            "an immediate of a code point that was read as a value",
            "push @on\njump\non: push 5\nnop\nnop\nhalt",
            1,
        ),
    ];
    for (name, source, steps) in cases {
        let program = asm::assemble(source).expect(name).program;
        let inbox = MemoryInbox::default();
        let mut reference = Run::new(REFERENCE, &program, &inbox);
        reference.go(steps, None);
        let mut opened = Run::new(FAST, &program, &inbox);
        opened.go(steps, None);
        opened.machine = reopened(FAST, &mut opened.machine);
        for budget in [3, 9] {
            reference.go(budget, None);
            opened.go(budget, None);
            assert_eq!(opened.claim, reference.claim, "{name}");
            let mut nodes = MemoryNodes::default();
            let state = opened.machine.save(&mut nodes).expect(name);
            assert_eq!(state, reference.claim.state, "{name}");
        }
    }
}

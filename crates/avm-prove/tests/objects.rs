//! Every step of the Anoma machine proves, and its proof verifies to the same claim: the example
//! programs, every opcode with operands of many kinds, and generated worlds whose programs call,
//! send, begin, commit and fail. Sizes of the proofs are printed.

use std::collections::BTreeSet;

use avm_anoma::code::table::{ROWS, Scope};
use avm_prove::{LiveNodes, Witness, prove_step, verify_step};
use avm_testkit::seed;

#[path = "support/anoma.rs"]
mod anoma;
#[allow(dead_code)]
#[path = "support/run.rs"]
mod run;

use run::Run;

/// Generated worlds.
const WORLDS: u64 = 60;
/// Steps of each.
const STEPS: usize = 400;

/// Proves and verifies every step of a run, the idle one at the end included.
fn check(what: &str, run: &Run, mut each: impl FnMut(usize, &Witness)) {
    let log = run.log();
    let head = log.head();
    for at in 0..run.provable() {
        let (pre, want) = (run.claim(at), run.claim(at + 1));
        let (witness, post) = prove_step(run.vm, &log, &pre, run.nodes.clone())
            .unwrap_or_else(|error| panic!("{what}, step {at}: {error}"));
        assert_eq!(post, want, "{what}, step {at} of an opened state");
        verify_step(run.vm, &head, &pre, &post, &witness)
            .unwrap_or_else(|error| panic!("{what}, step {at}: {error}"));
        each(at, &witness);
    }
}

/// Sizes of proofs, in bytes.
#[derive(Default)]
struct Sizes {
    proofs: usize,
    total: usize,
    largest: (usize, u8),
    opcodes: BTreeSet<u8>,
}

impl Sizes {
    fn add(&mut self, what: &str, run: &Run) {
        check(what, run, |at, witness| {
            let size = witness.len_bytes();
            let opcode = run.seen.get(at).map(|(opcode, _)| *opcode);
            self.opcodes.extend(opcode);
            self.proofs += 1;
            self.total += size;
            self.largest = self.largest.max((size, opcode.unwrap_or_default()));
        });
    }

    fn mean(&self) -> usize {
        self.total / self.proofs.max(1)
    }

    fn show(&self, what: &str) {
        let (largest, opcode) = self.largest;
        println!(
            "{what}: {} proofs, mean {} bytes, largest {largest} (opcode {opcode:02x})",
            self.proofs,
            self.mean()
        );
    }
}

#[test]
fn of_the_example_programs() {
    for (name, args) in anoma::PROGRAMS {
        let mut sizes = Sizes::default();
        let run = anoma::program(name, args);
        assert_eq!(
            run.claims.last().map(|claim| claim.outputs),
            Some(1),
            "{name} ends"
        );
        sizes.add(name, &run);
        sizes.show(name);
    }
}

/// Every opcode that runs is among these.
#[test]
fn of_every_opcode() {
    let mut sizes = Sizes::default();
    sizes.add("opcodes", &anoma::opcodes());
    sizes.show("opcodes");
    let run = anoma::control();
    assert_eq!(run.claims.last().map(|claim| claim.outputs), Some(1));
    sizes.add("control", &run);
    let never = ROWS.iter().filter(|row| row.scope == Scope::Now);
    let never = never.filter(|row| !sizes.opcodes.contains(&row.info.code));
    let never: Vec<&str> = never.map(|row| row.info.name).collect();
    assert!(never.is_empty(), "never proved: {never:?}");
}

#[test]
fn of_generated_worlds() {
    let mut sizes = Sizes::default();
    seed::each(WORLDS, |rng| {
        let number = rng.number();
        let run = anoma::generated(number, STEPS);
        sizes.add(&format!("world {number}"), &run);
    });
    sizes.show("worlds");
    if std::env::var_os(seed::VARIABLE).is_none() {
        assert!(
            sizes.proofs as u64 > 50 * WORLDS,
            "worlds end too early: {}",
            sizes.proofs
        );
    }
}

/// A machine that runs proves its next step without being saved.
#[test]
fn of_machines_that_run() {
    use avm_core::{Machine, MemoryOutbox, advance};
    let mut proofs = 0;
    for (name, args) in anoma::PROGRAMS {
        let run = anoma::program(name, args);
        let log = run.log();
        let mut machine = anoma::ANOMA.start(&anoma::example(name)).expect("an image");
        let mut outbox = MemoryOutbox::default();
        for at in 0..run.provable() {
            let want = prove_step(run.vm, &log, &run.claim(at), run.nodes.clone()).unwrap();
            let live = LiveNodes::new(machine.fork());
            let proved = prove_step(run.vm, &log, &run.claim(at), live)
                .unwrap_or_else(|error| panic!("{name}, step {at}: {error}"));
            assert_eq!(proved, want, "{name}, step {at}");
            advance(&mut machine, run.claim(at), &log, &mut outbox, 1).unwrap();
            proofs += 1;
        }
    }
    assert!(proofs > 1_000, "programs end too early: {proofs}");
}

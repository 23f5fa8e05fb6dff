//! What the fuzz targets of the Arbitrum machine check. Each takes any bytes and panics if a
//! promise does not hold. `crates/avm-arb/tests/regressions.rs` includes this file and calls the
//! same functions with every file of `fuzz/regressions`.

use std::sync::Arc;

use avm_arb::asm;
use avm_arb::{Arb, ArbMachine, Message, Program, sample};
use avm_core::{Claim, Machine, MemoryInbox, MemoryNodes, MemoryOutbox, Stop, advance};

/// Steps of each run.
const BUDGET: u64 = 500;

/// A program file that is read is written and read again as the same program.
pub fn program_file(file: &[u8]) {
    let Ok(program) = Program::from_json(file) else {
        return;
    };
    // A file repeats what it shares, so what was read from one fits into one.
    let json = program.to_json().expect("as long as its file");
    assert_eq!(json.len() as u64, program.json_len());
    let again = Program::from_json(json.as_bytes()).expect("we wrote it");
    assert!(again == program);
    assert!(again.to_json().is_ok_and(|second| second == json));
}

/// What assembles comes back from its canonical text, and what does not has readable errors. Bytes
/// that are no text are skipped.
pub fn assembler(source: &[u8]) {
    let Ok(source) = str::from_utf8(source) else {
        return;
    };
    match asm::assemble(source) {
        Ok(assembled) => {
            assert_eq!(assembled.lines.len(), assembled.program.code().len());
            let text = asm::disassemble(&assembled.program);
            let again = asm::assemble(&text)
                .expect("canonical text assembles")
                .program;
            assert!(again == assembled.program);
            assert!(asm::disassemble(&again) == text);
        }
        Err(errors) => {
            assert!(!errors.errors.is_empty());
            let text = errors.render("fuzz.masm", source);
            assert!(text.starts_with("error[AVM"));
        }
    }
}

/// The fast engine, the reference engine, and machines that are saved and reopened on the way do
/// the same.
pub fn machine(bytes: &[u8]) {
    let (program, messages) = sample::program(bytes);
    let inbox: MemoryInbox = messages.iter().map(Message::to_bytes).collect();
    // The first byte also says how often to reopen.
    let piece = 8 + u64::from(bytes.first().copied().unwrap_or(0));
    let rules = |fast| Arb {
        memory_limit_bytes: 64 << 20,
        fast,
    };
    let reference = run(rules(false).load(&program), &inbox, BUDGET, |_| {});
    let fast = run(rules(true).load(&program), &inbox, BUDGET, |_| {});
    assert_eq!(fast, reference, "the fast engine");
    for fast in [true, false] {
        let opened = run(rules(fast).load(&program), &inbox, piece, |machine| {
            let mut nodes = MemoryNodes::default();
            let state = machine.save(&mut nodes).expect("a sink in memory");
            *machine = rules(fast)
                .open(state, Arc::new(nodes))
                .expect("it was saved");
            assert_eq!(machine.state_hash(), state);
        });
        assert_eq!(opened, reference, "reopened, fast {fast}");
    }
}

/// Runs in pieces up to the budget, and does `between` after each.
fn run(
    mut machine: ArbMachine,
    inbox: &MemoryInbox,
    piece: u64,
    mut between: impl FnMut(&mut ArbMachine),
) -> (Claim, Stop, MemoryOutbox) {
    let mut claim = Claim::genesis(machine.state_hash());
    let mut stop = Stop::Budget;
    let mut outbox = MemoryOutbox::default();
    while stop == Stop::Budget && claim.steps < BUDGET {
        let budget = piece.min(BUDGET - claim.steps);
        let ran = advance(&mut machine, claim, inbox, &mut outbox, budget);
        (claim, stop) = ran.expect("no host fails");
        between(&mut machine);
    }
    (claim, stop, outbox)
}

//! Two of us ran the same log and one says something else. How do we find out who is right?
//!
//! ```text
//! cargo run -p avm --example settle
//! ```

use std::error::Error;

use avm::arb::{Arb, asm::assemble};
use avm::core::{Claim, Hash, HostError, Machine, MemoryInbox};
use avm::dispute::{Dispute, History, Replay, Status, Terms, respond};
use avm::prove::{AgreedLog, ProveError, Witness, verify_step};

const COUNTDOWN: &str = "
    push 1000
turn:
    pcpush          ; the turn begins here
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
    log
    halt
";

/// The right history up to a step, and another state from there on.
struct Lie<'a> {
    inner: Replay<'a>,
    from: u64,
}

impl History for Lie<'_> {
    fn claim_at(&mut self, step: u64) -> Result<Claim, HostError> {
        let right = self.inner.claim_at(step)?;
        let state = if step < self.from {
            right.state
        } else {
            Hash::keccak(&right.state.0)
        };
        Ok(Claim { state, ..right })
    }

    fn prove(&mut self, step: u64) -> Result<Witness, ProveError> {
        self.inner.prove(step)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let vm = Arb::default();
    let program = assemble(COUNTDOWN).map_err(|errors| errors.render("countdown", COUNTDOWN))?;
    let inbox = MemoryInbox::default();
    let log = AgreedLog::read(&inbox, 0)?;
    let replay = || -> Result<Replay<'_>, HostError> {
        let mut machine = Box::new(vm.load(&program.program));
        let start = Claim::genesis(machine.state_hash());
        Ok(Replay::from(&vm, machine, start, &log))
    };

    // One step, proved and verified. Whoever verifies has the two claims, the head of the log and
    // the witness; no program, no state, no trust.
    let mut honest = replay()?;
    let (pre, post) = (honest.claim_at(500)?, honest.claim_at(501)?);
    let witness = honest.prove(500)?;
    verify_step(&vm, &log.head(), &pre, &post, &witness)?;
    println!("step 500 is proved by {} bytes", witness.len_bytes());

    // The game. What is agreed on before: the machine, where the run starts, and the log.
    let (start, end) = (
        honest.claim_at(0)?,
        honest.end(1_000_000)?.expect("it halts"),
    );
    let mut game = Dispute::open(Terms {
        machine: "arb".into(),
        spec: "arb/1".into(),
        start,
        log: log.head(),
        last: 1_000_000,
        arity: 16,
        join_ms: 60_000,
        expected: 2,
        round_ms: 60_000,
        nonce: *b"an example game.",
    })?;
    let mut liar = Lie {
        inner: replay()?,
        from: 4321,
    };
    let us = game.join(end)?;
    let them = game.join(liar.claim_at(end.steps)?)?;
    game.close(0)?;
    while let Status::Round(round) = *game.status() {
        let pairs: Vec<_> = game.pairs().collect();
        let segment = pairs[0].1.segment;
        println!(
            "round {round}: steps {} to {}",
            segment.first,
            segment.end()
        );
        for mv in respond(&game, us, &mut honest)? {
            game.post(&vm, us, &mv)?;
        }
        for mv in respond(&game, them, &mut liar)? {
            if let Err(refusal) = game.post(&vm, them, &mv) {
                println!("the other side: {refusal}");
            }
        }
        let deadline = game.deadline_ms();
        game.close(deadline)?;
    }
    let Status::Settled(verdict) = game.status() else {
        unreachable!("no round is open");
    };
    assert_eq!(verdict.claim, Some(end));
    println!("we were right, after {} rounds", verdict.rounds);
    Ok(())
}

#[test]
fn runs() -> Result<(), Box<dyn Error>> {
    main()
}

//! How long an honest party works from "dispute opened" to "proof ready", against one plain run;
//! in CPU time, the two in turns.
//!
//! `cargo run --release -p avm-bench --example dispute`

use avm_arb::{Arb, Program};
use avm_bench::recorded;
use avm_core::{Claim, Hash, HostError, Inbox, Machine, MemoryInbox, MemoryOutbox, advance};
use avm_dispute::{Dispute, History, MAX_ARITY, MAX_STEPS, Party, Replay, Status, Terms, respond};
use avm_prove::{AgreedLog, ProveError, Witness};

/// Rounds of measuring; the least disturbed one counts.
const ROUNDS: usize = 9;

/// The right history up to a step, another state from there on.
struct Lying<'a> {
    inner: Replay<'a>,
    from: u64,
}

impl History for Lying<'_> {
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

fn main() {
    println!("program       steps    plain run   game at worst   ratio   steps run twice");
    let wanted = std::env::args().nth(1).unwrap_or_default();
    for entry in recorded()
        .iter()
        .filter(|entry| entry.name.contains(&wanted))
    {
        let lies = [1, entry.steps / 7, entry.steps / 2 + 1, entry.steps];
        let (mut plains, mut games, mut twice) = (Vec::new(), [const { Vec::new() }; 4], 0);
        for _ in 0..ROUNDS {
            let began = cpu_seconds();
            plain(&entry.program, entry.steps);
            plains.push(cpu_seconds() - began);
            for (taken, from) in games.iter_mut().zip(lies) {
                let (seconds, ran) = game(&entry.program, entry.steps, from);
                taken.push(seconds);
                twice = twice.max(ran.saturating_sub(entry.steps));
            }
        }
        let plain = least(plains);
        let worst = games.map(least).into_iter().fold(0.0, f64::max);
        println!(
            "{:<8} {:>10} {:>9.1} ms {:>12.1} ms   {:>5.2}   {twice}",
            entry.name,
            entry.steps,
            plain * 1e3,
            worst * 1e3,
            worst / plain,
        );
    }
}

fn plain(program: &Program, steps: u64) {
    let mut machine = Arb::default().load(program);
    let genesis = Claim::genesis(machine.state_hash());
    let (inbox, mut outbox) = (MemoryInbox::default(), MemoryOutbox::default());
    let (end, _) = advance(&mut machine, genesis, &inbox, &mut outbox, u64::MAX)
        .expect("nothing fails in memory");
    assert_eq!(end.steps, steps);
}

/// Plays a game; the time of the honest party alone, and the steps it ran.
fn game(program: &Program, steps: u64, from: u64) -> (f64, u64) {
    let vm = Arb::default();
    let inbox = MemoryInbox::default();
    let log = AgreedLog::read(&inbox as &dyn Inbox, 0).expect("nothing fails in memory");
    let replay = || {
        let mut machine = Box::new(vm.load(program));
        let start = Claim::genesis(machine.state_hash());
        Replay::from(&vm, machine, start, &log)
    };
    let mut liar = Lying {
        inner: replay(),
        from,
    };
    let (start, wrong) = (
        liar.inner.claim_at(0).expect("nothing fails in memory"),
        liar.claim_at(steps).expect("nothing fails in memory"),
    );
    let right = liar.inner.claim_at(steps).expect("nothing fails in memory");
    let mut game = Dispute::open(Terms {
        machine: "arb".into(),
        spec: "arb/1".into(),
        start,
        log: log.head(),
        last: MAX_STEPS,
        arity: MAX_ARITY,
        join_ms: 0,
        expected: 2,
        round_ms: 0,
        nonce: [0; 16],
    })
    .expect("terms");
    game.join(right).expect("a seat");
    game.join(wrong).expect("a seat");
    game.close(0).expect("the time is over");
    let opened = cpu_seconds();
    let mut honest = replay();
    let mut taken = cpu_seconds() - opened;
    while let Status::Round(_) = game.status() {
        let began = cpu_seconds();
        let moves = respond(&game, Party(0), &mut honest).expect("nothing fails in memory");
        taken += cpu_seconds() - began;
        for mv in moves {
            game.post(&vm, Party(0), &mv).expect("an honest move");
        }
        for mv in respond(&game, Party(1), &mut liar).expect("nothing fails in memory") {
            let _ = game.post(&vm, Party(1), &mv);
        }
        game.close(0).expect("the time is over");
    }
    let Status::Settled(verdict) = game.status() else {
        unreachable!("no round is open");
    };
    assert_eq!(verdict.claim, Some(right));
    (taken, honest.ran())
}

fn least(taken: Vec<f64>) -> f64 {
    taken.into_iter().fold(f64::INFINITY, f64::min)
}

fn cpu_seconds() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

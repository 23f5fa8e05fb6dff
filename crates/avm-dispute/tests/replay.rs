//! A player that runs the machine: it answers as one that knows everything would, and hardly runs
//! anything twice.

use std::sync::atomic::{AtomicBool, Ordering};

use avm_core::{Bytes, Claim, Hash, HostError, Inbox, MemoryInbox};
use avm_dispute::{Dispute, History, MAX_ARITY, MAX_STEPS, Party, Replay, Status, Terms, respond};
use avm_prove::{AgreedLog, ProveError, Witness};
use avm_testkit::seed::{self, Rng};
use avm_testkit::tally::Tally;

/// take; dec; dup; jnz to dec; halt: three steps a turn.
const COUNTDOWN: [u8; 6] = [2, 4, 5, 7, 1, 0];

fn countdown(turns: u64) -> MemoryInbox {
    [turns.to_be_bytes().to_vec()].into_iter().collect()
}

/// A replay that is wrong from a step on.
struct Lying<'a> {
    inner: Replay<'a>,
    from: u64,
}

impl History for Lying<'_> {
    fn claim_at(&mut self, step: u64) -> Result<Claim, HostError> {
        let right = self.inner.claim_at(step)?;
        if step < self.from {
            return Ok(right);
        }
        let state = right.state.join(Hash::of(b"lie"));
        Ok(Claim { state, ..right })
    }

    fn prove(&mut self, step: u64) -> Result<Witness, ProveError> {
        self.inner.prove(step)
    }
}

fn terms(start: Claim, log: &AgreedLog<'_>, arity: u32) -> Terms {
    Terms {
        machine: "tally".into(),
        spec: "tally/1".into(),
        start,
        log: log.head(),
        last: MAX_STEPS,
        arity,
        join_ms: 0,
        expected: 0,
        round_ms: 1,
        nonce: [0; 16],
    }
}

/// Plays against a lie from step `from` on. Returns the steps that the honest player ran for the
/// game, those before it left out.
fn play(turns: u64, arity: u32, from: u64) -> u64 {
    let inbox = countdown(turns);
    let log = AgreedLog::read(&inbox, 1).unwrap();
    let replay = || Replay::genesis(&Tally, &COUNTDOWN, &log).unwrap();
    let start = replay().claim_at(0).unwrap();
    let end = replay().end(u64::MAX >> 1).unwrap().expect("it halts");
    let mut honest = replay();
    let mut liar = Lying {
        inner: replay(),
        from,
    };
    let mut game = Dispute::open(terms(start, &log, arity)).unwrap();
    game.join(end).unwrap();
    game.join(liar.claim_at(end.steps).unwrap()).unwrap();
    game.close(0).unwrap();
    while let Status::Round(_) = game.status() {
        for mv in respond(&game, Party(0), &mut honest).unwrap() {
            game.post(&Tally, Party(0), &mv).unwrap();
        }
        for mv in respond(&game, Party(1), &mut liar).unwrap() {
            let _ = game.post(&Tally, Party(1), &mv);
        }
        let deadline = game.deadline_ms();
        game.close(deadline).unwrap();
    }
    let Status::Settled(verdict) = game.status() else {
        unreachable!("no round is open");
    };
    assert_eq!(verdict.claim, Some(end), "{turns} turns, lie from {from}");
    honest.ran()
}

#[test]
fn a_game_runs_little_more_than_the_run() {
    let turns = 100_000;
    let steps = 3 * turns + 2;
    for from in [1, 2, steps / 3, steps / 2 + 1, steps - 1, steps] {
        let ran = play(turns, MAX_ARITY, from);
        let most = steps + steps / 10;
        assert!(
            ran <= most,
            "lie from {from}: {ran} steps were run, the run has {steps}"
        );
    }
}

#[test]
fn any_step_with_any_arity() {
    seed::each(60, |rng| {
        let turns = 1 + rng.below(40);
        let from = 1 + rng.below(3 * turns + 2);
        play(turns, 2 + rng.below(9) as u32, from);
    });
}

#[test]
fn jumps_do_not_change_what_it_says() {
    let inbox = countdown(5_000);
    let log = AgreedLog::read(&inbox, 1).unwrap();
    let mut straight = Replay::genesis(&Tally, &COUNTDOWN, &log).unwrap();
    let claims: Vec<Claim> = (0..15_010)
        .map(|step| straight.claim_at(step).unwrap())
        .collect();
    assert_eq!(claims[15_002], claims[15_009], "it is idle after the end");
    seed::each(20, |rng: &mut Rng| {
        let mut jumping = Replay::genesis(&Tally, &COUNTDOWN, &log)
            .unwrap()
            .keeping(3);
        for _ in 0..20 {
            let step = rng.below(15_010);
            assert_eq!(
                jumping.claim_at(step).unwrap(),
                claims[step as usize],
                "step {step}"
            );
        }
    });
}

/// A log that cannot be read now and then.
struct Flaky {
    inner: MemoryInbox,
    fails: AtomicBool,
}

impl Inbox for Flaky {
    fn get(&self, index: u64) -> Result<Option<Bytes>, HostError> {
        if index == 50 && self.fails.swap(false, Ordering::Relaxed) {
            return Err(HostError::Store("the disk is away".into()));
        }
        self.inner.get(index)
    }
}

/// A machine that returned an error is not asked again: it may be anywhere.
#[test]
fn after_an_error_it_says_what_is_right() {
    // push 0; take; add; push 1; jnz to take
    let program = [1, 0, 2, 3, 1, 1, 7, 2];
    let inputs = || (1..200u64).map(|n| n.to_be_bytes().to_vec());
    let plain: MemoryInbox = inputs().collect();
    let log = AgreedLog::read(&plain, u64::MAX).unwrap();
    let mut straight = Replay::genesis(&Tally, &program, &log).unwrap();
    let right = straight.claim_at(700).unwrap();
    let flaky = Flaky {
        inner: inputs().collect(),
        fails: AtomicBool::new(false),
    };
    let log = AgreedLog::read(&flaky, u64::MAX).unwrap();
    let mut replay = Replay::genesis(&Tally, &program, &log).unwrap();
    flaky.fails.store(true, Ordering::Relaxed);
    assert!(replay.claim_at(600).is_err());
    assert_eq!(replay.claim_at(700).unwrap(), right);
}

//! A small game for the tests: a toy machine that counts down, honest players and liars.
#![allow(dead_code, clippy::disallowed_methods)]

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use avm_core::{Claim, Hash, HostError, MemoryInbox};
use avm_dispute::{History, Replay, Terms};
use avm_prove::{AgreedLog, ProveError, Witness};
use avm_referee::*;
use avm_testkit::tally::Tally;

/// take; dec; dup; jnz 1; halt
pub const IMAGE: &[u8] = &[0x02, 0x04, 0x05, 0x07, 0x01, 0x00];

pub fn inputs() -> MemoryInbox {
    MemoryInbox::from_iter([vec![60]])
}

/// Steps of the run.
pub const STEPS: u64 = 1 + 60 * 3 + 1;

pub fn terms(nonce: u8, join_ms: u64, round_ms: u64) -> Terms {
    let inputs = inputs();
    let log = AgreedLog::read(&inputs, 1).expect("the log is in memory");
    let mut run = Replay::genesis(&Tally, IMAGE, &log).expect("the program is good");
    Terms {
        machine: "tally".into(),
        spec: "tally/1".into(),
        start: run.claim_at(0).expect("the start is there"),
        log: log.head(),
        last: 1 << 40,
        arity: 4,
        join_ms,
        expected: 0,
        round_ms,
        nonce: [nonce; 16],
    }
}

pub fn expect() -> Expect {
    let Terms {
        machine,
        spec,
        start,
        log,
        ..
    } = terms(0, 0, 0);
    Expect {
        machine,
        spec,
        start,
        log,
        referee: None,
    }
}

pub fn key(n: u8) -> Key {
    Key::from_seed([n; 32])
}

/// A run that is told wrong from a step on.
pub struct Liar<'a> {
    pub run: Replay<'a>,
    pub from: u64,
    pub salt: u8,
}

impl History for Liar<'_> {
    fn claim_at(&mut self, step: u64) -> Result<Claim, HostError> {
        let mut claim = self.run.claim_at(step)?;
        if step >= self.from {
            claim.state = Hash::keccak(&[&claim.state.0[..], &[self.salt]].concat());
        }
        Ok(claim)
    }

    fn prove(&mut self, step: u64) -> Result<Witness, ProveError> {
        self.run.prove(step)
    }
}

/// The claim that is right.
pub fn truth() -> Claim {
    let inputs = inputs();
    let log = AgreedLog::read(&inputs, 1).expect("the log is in memory");
    let mut run = Replay::genesis(&Tally, IMAGE, &log).expect("the program is good");
    run.claim_at(1 << 40).expect("the run ends")
}

/// Plays against `address` with key `n`; a liar if `lie` says from where.
pub fn party(
    address: &str,
    n: u8,
    lie: Option<u64>,
    options: &Options,
) -> Result<Replica, ClientError> {
    party_seen(address, n, lie, options, &mut |_| {})
}

pub fn party_seen(
    address: &str,
    n: u8,
    lie: Option<u64>,
    options: &Options,
    seen: &mut dyn FnMut(Seen<'_>),
) -> Result<Replica, ClientError> {
    let inputs = inputs();
    let log = AgreedLog::read(&inputs, 1).expect("the log is in memory");
    let mut run = Replay::genesis(&Tally, IMAGE, &log).expect("the program is good");
    let mut liar;
    let history: &mut dyn History = match lie {
        None => &mut run,
        Some(from) => {
            liar = Liar { run, from, salt: n };
            &mut liar
        }
    };
    let key = key(n);
    let player = Player { key: &key, history };
    play(address, &Tally, &expect(), player, options, seen)
}

pub fn options() -> Options {
    Options {
        patience: Duration::from_secs(20),
        backoff: Duration::from_millis(100),
        ..Options::default()
    }
}

static PATHS: AtomicU64 = AtomicU64::new(0);

/// A path for a game file, removed when dropped.
pub struct Path(pub PathBuf);

impl Path {
    pub fn new() -> Self {
        let n = PATHS.fetch_add(1, Ordering::Relaxed);
        let name = format!("avm-referee-{}-{n}.avmdispute", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub fn referee(path: &Path, terms: Terms, limits: Limits) -> Referee {
    let table = Table::create(&path.0, terms, &key(200)).expect("the file can be made");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    Referee::start(listener, Arc::new(Tally), table, key(200), limits).expect("it starts")
}

pub fn limits() -> Limits {
    Limits {
        clock: Duration::from_millis(200),
        ..Limits::default()
    }
}

/// Plays a whole game in a file, without a network: an honest party and liars.
pub fn recorded(path: &Path, lies: &[u64]) -> Replica {
    let referee = referee(path, terms(7, 300, 1_500), limits());
    let address = referee.address().to_string();
    std::thread::scope(|scope| {
        for (n, from) in (1..).zip(lies) {
            let address = &address;
            scope.spawn(move || party(address, n, Some(*from), &options()));
        }
        let replica = party(&address, 0, None, &options()).expect("the game is played");
        referee
            .wait(Duration::from_secs(10))
            .expect("the file can be written");
        replica
    })
}

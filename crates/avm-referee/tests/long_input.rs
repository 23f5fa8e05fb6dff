//! The step that takes the longest input of a log can be proved over the network: its proof holds
//! the whole input.
#![allow(clippy::disallowed_methods)]

mod common;

use std::time::Duration;

use avm_core::MemoryInbox;
use avm_dispute::{History, Replay, Status, Terms};
use avm_prove::AgreedLog;
use avm_referee::*;
use avm_testkit::tally::Tally;
use common::{IMAGE, Liar, Path, key, limits, options, referee};

#[test]
fn can_be_proved() {
    let mut long = vec![7; 20 << 20];
    long[..8].copy_from_slice(&3u64.to_be_bytes());
    let inbox = MemoryInbox::from_iter([long]);
    let (start, right, head) = {
        let log = AgreedLog::read(&inbox, 1).expect("the log is in memory");
        let mut run = Replay::genesis(&Tally, IMAGE, &log).expect("the program is good");
        let start = run.claim_at(0).expect("the start is there");
        let right = run.claim_at(1 << 40).expect("the run ends");
        (start, right, log.head())
    };
    let terms = Terms {
        start,
        log: head,
        expected: 2,
        ..common::terms(9, 20_000, 4_000)
    };
    let expect = Expect {
        start,
        log: head,
        ..common::expect()
    };
    let path = Path::new();
    let limits = limits().for_inputs_of(inbox.0[0].len());
    let referee = referee(&path, terms, limits);
    let address = referee.address().to_string();
    // A liar about the very step that takes the input, and an honest party.
    let party = |n: u8, lies: bool| {
        let log = AgreedLog::read(&inbox, 1).expect("the log is in memory");
        let run = Replay::genesis(&Tally, IMAGE, &log).expect("the program is good");
        let from = if lies { 1 } else { u64::MAX };
        let history = &mut Liar { run, from, salt: n };
        let key = &key(n);
        let player = Player { key, history };
        play(&address, &Tally, &expect, player, &options(), &mut |_| {})
    };
    let replica = std::thread::scope(|scope| {
        scope.spawn(|| party(1, true));
        party(0, false).expect("it is played")
    });
    referee
        .wait(Duration::from_secs(10))
        .expect("the file can be written");
    let Status::Settled(verdict) = replica.dispute().status() else {
        panic!("the game is not over: {:?}", replica.dispute().status());
    };
    assert_eq!(verdict.claim, Some(right));
}

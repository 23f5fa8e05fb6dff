//! Whole games over loopback: honest parties, liars, crashes of the referee.
#![allow(clippy::disallowed_methods)]

mod common;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use avm_dispute::Status;
use avm_referee::*;
use avm_testkit::seed;
use avm_testkit::tally::Tally;
use common::*;

fn verdict(replica: &Replica) -> Option<avm_core::Claim> {
    match replica.dispute().status() {
        Status::Settled(verdict) => verdict.claim,
        other => panic!("the game is not over: {other:?}"),
    }
}

#[test]
fn an_honest_party_beats_one_two_and_three_liars() {
    for lies in [&[100][..], &[1, 100], &[STEPS, 90, 90]] {
        let path = Path::new();
        let replica = recorded(&path, lies);
        assert_eq!(verdict(&replica), Some(truth()), "lies from {lies:?}");
        assert_eq!(replica.keys().len(), lies.len() + 1);
        let rounds = replica.opening().terms.rounds(STEPS);
        assert!(replica.round() <= rounds, "{} rounds", replica.round());
        // The file says the same to anybody.
        let mut reader = Reader::open(&path.0).expect("it is a game file");
        let (again, _) = replay(&mut reader, &Tally, |_, _, _| {}).expect("it holds");
        assert_eq!(reader.tail(), 0);
        assert_eq!(again.chain(), replica.chain());
        assert_eq!(verdict(&again), Some(truth()));
    }
}

#[test]
fn a_watcher_sees_the_same_and_other_terms_are_refused() {
    let path = Path::new();
    let referee = referee(&path, terms(1, 400, 2_000), limits());
    let address = referee.address().to_string();
    let mut other = expect();
    other.log.len = 2;
    let refused = watch(&address, &Tally, Some(&other), &options(), &mut |_| {});
    let refused = refused.expect_err("the log is another");
    assert!(refused.to_string().contains("another log"), "{refused}");
    let mut other = expect();
    other.referee = Some(key(3).public());
    let refused = watch(&address, &Tally, Some(&other), &options(), &mut |_| {});
    let refused = refused.expect_err("the referee is another");
    assert!(refused.to_string().contains("another referee"), "{refused}");
    std::thread::scope(|scope| {
        let address = &address;
        let watcher = scope.spawn(move || {
            watch(address, &Tally, None, &options(), &mut |_| {}).expect("it can be watched")
        });
        scope.spawn(move || party(address, 1, Some(50), &options()));
        let ours = party(address, 0, None, &options()).expect("the game is played");
        let seen = watcher.join().expect("the watcher comes to the end");
        assert_eq!(seen.chain(), ours.chain());
        assert_eq!(verdict(&seen), Some(truth()));
    });
}

/// The referee is stopped at random moments and goes on from its file, at the same port.
#[test]
fn restarts_of_the_referee_change_nothing() {
    seed::each(6, |rng| {
        let path = Path::new();
        let first = referee(&path, terms(2, 500, 900), limits());
        let address = first.address();
        let text = address.to_string();
        let mut now = Some(first);
        std::thread::scope(|scope| {
            let text = &text;
            let honest = scope.spawn(move || party(text, 0, None, &options()));
            for (n, lie) in [(1, 77), (2, 150)] {
                scope.spawn(move || party(text, n, Some(lie), &options()));
            }
            for _ in 0..3 {
                std::thread::sleep(Duration::from_millis(rng.below(250)));
                drop(now.take());
                let table = Table::reopen(&path.0, &Tally).expect("the file holds");
                let listener = TcpListener::bind(address).expect("the port is free again");
                let started = Referee::start(listener, Arc::new(Tally), table, key(200), limits());
                now = Some(started.expect("it starts"));
            }
            let replica = honest
                .join()
                .expect("no panic")
                .expect("the game is played");
            assert_eq!(verdict(&replica), Some(truth()));
            assert_eq!(replica.keys().len(), 3, "all joined in time");
        });
    });
}

/// A party that comes back with the same key and nothing else goes on where it was.
#[test]
fn a_party_needs_its_key_and_nothing_else() {
    let path = Path::new();
    let referee = referee(&path, terms(3, 500, 900), limits());
    let address = referee.address().to_string();
    std::thread::scope(|scope| {
        let address = &address;
        scope.spawn(move || party(address, 1, Some(33), &options()));
        for stop_after in [1, 2, 4, 7] {
            // A new life each time, that ends in the middle of things.
            let died = scope
                .spawn(move || {
                    let mut records = 0;
                    let mut count = |seen: Seen<'_>| {
                        records += u64::from(matches!(seen, Seen::Record(..)));
                        assert!(records < stop_after, "dies here, on purpose");
                    };
                    party_seen(address, 0, None, &options(), &mut count)
                })
                .join();
            assert!(died.is_err());
        }
        let replica = party(address, 0, None, &options()).expect("the game is played");
        assert_eq!(verdict(&replica), Some(truth()));
    });
}

#[test]
fn a_key_that_joined_with_another_claim_is_told_so() {
    let path = Path::new();
    let referee = referee(&path, terms(4, 1_000, 1_000), limits());
    let address = referee.address().to_string();
    std::thread::scope(|scope| {
        let address = &address;
        scope.spawn(move || party(address, 0, Some(33), &options()));
        std::thread::sleep(Duration::from_millis(300));
        let refused = party(address, 0, None, &options());
        assert!(
            matches!(refused, Err(ClientError::OtherClaim)),
            "{refused:?}"
        );
    });
}

#[test]
fn nobody_there_is_an_error_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has one").to_string();
    drop(listener);
    let options = Options {
        patience: Duration::from_millis(300),
        ..options()
    };
    let error = watch(&address, &Tally, None, &options, &mut |_| {});
    assert!(
        matches!(error, Err(ClientError::Unreachable { .. })),
        "{error:?}"
    );
}

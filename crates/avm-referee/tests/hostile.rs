//! Peers that break the protocol: each gets an error, and the game goes on in time.
#![allow(clippy::disallowed_methods)]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use avm_core::Hash;
use avm_dispute::{Event, History, Move, Party, Replay, Status, Terms, respond};
use avm_prove::AgreedLog;
use avm_referee::*;
use avm_testkit::tally::Tally;
use common::*;

/// A connection that says what it is told to.
struct Raw {
    stream: TcpStream,
    replica: Option<Replica>,
}

impl Raw {
    fn new(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the referee listens");
        let time = Some(Duration::from_secs(10));
        stream.set_read_timeout(time).expect("a time is set");
        let replica = None;
        Self { stream, replica }
    }

    /// With a hello, and up to the first clock.
    fn greeted(address: &str) -> Self {
        let mut raw = Self::new(address);
        raw.send(&Frame::Hello {
            version: PROTOCOL,
            game: Hash::ZERO,
            next: 0,
            chain: Hash::ZERO,
        });
        raw.until(|frame| matches!(frame, Frame::Clock { .. }));
        raw
    }

    fn send(&mut self, frame: &Frame) {
        // The other side may have closed already; what it said is read later.
        let _ = self.stream.write_all(&frame.to_bytes());
    }

    fn submit(&mut self, round: u32, record: Record) {
        self.send(&Frame::Submit { round, record });
    }

    fn replica(&self) -> &Replica {
        self.replica.as_ref().expect("the opening was sent")
    }

    /// The next frame; `None` when the connection is closed. Keeps the replica up to date.
    fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).ok()?;
        let len = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        let mut body = vec![0; len as usize - 1];
        self.stream.read_exact(&mut body).ok()?;
        let frame = Frame::from_body(head[4], &body).expect("the referee keeps to the protocol");
        match &frame {
            Frame::Opening(bytes) => {
                let opening = Opening::from_bytes(bytes).expect("it is an opening");
                self.replica = Some(Replica::open(opening).expect("it is signed"));
            }
            Frame::Record { record, .. } => {
                let replica = self.replica.as_mut().expect("the opening comes first");
                replica.follow(&Tally, record).expect("the record holds");
            }
            Frame::Clock { .. } => {
                let _ = self.stream.write_all(&Frame::Alive.to_bytes());
            }
            _ => {}
        }
        Some(frame)
    }

    fn until(&mut self, mut wanted: impl FnMut(&Frame) -> bool) -> Option<Frame> {
        while let Some(frame) = self.next() {
            if wanted(&frame) {
                return Some(frame);
            }
        }
        None
    }

    /// The text of the error that ends the connection.
    fn error(&mut self) -> String {
        let mut text = None;
        while let Some(frame) = self.next() {
            if let Frame::Error { text: why, .. } = frame {
                text = Some(why);
            }
        }
        text.expect("the connection ends with an error")
    }

    fn refusal(&mut self) -> (bool, String) {
        let refused = self.until(|frame| matches!(frame, Frame::Refused { .. }));
        match refused {
            Some(Frame::Refused { invalid, text, .. }) => (invalid, text),
            other => panic!("no refusal: {other:?}"),
        }
    }
}

fn strict() -> Limits {
    Limits {
        handshake: Duration::from_millis(300),
        idle: Duration::from_millis(1500),
        frame: Duration::from_millis(400),
        write: Duration::from_millis(800),
        per_address: 24,
        penalty: Duration::from_millis(20),
        ..limits()
    }
}

#[test]
fn what_is_no_hello_ends_the_connection() {
    let path = Path::new();
    let referee = referee(&path, terms(1, 60_000, 60_000), strict());
    let address = referee.address().to_string();
    let error_after = |bytes: &[u8]| {
        let mut raw = Raw::new(&address);
        raw.stream.write_all(bytes).expect("it can be written");
        raw.error()
    };
    let cases: [(&str, Vec<u8>, &str); 6] = [
        ("nothing", vec![], "took longer"),
        ("half a frame", vec![0, 0], "took longer"),
        (
            "another protocol",
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            "at most 128",
        ),
        ("an empty frame", vec![0; 8], "none of this protocol"),
        (
            "a huge frame",
            vec![0xff, 0xff, 0xff, 0xff, 1],
            "at most 128",
        ),
        ("a clock", Frame::Alive.to_bytes(), "none of this protocol"),
    ];
    for (name, bytes, want) in cases {
        let got = error_after(&bytes);
        assert!(got.contains(want), "{name}: {got}");
    }
    let mut hello = Frame::Hello {
        version: 9,
        game: Hash::ZERO,
        next: 0,
        chain: Hash::ZERO,
    };
    assert!(error_after(&hello.to_bytes()).contains("protocol version 9"));
    if let Frame::Hello { version, game, .. } = &mut hello {
        (*version, *game) = (PROTOCOL, Hash::keccak(b"another"));
    }
    assert!(error_after(&hello.to_bytes()).contains("this is game"));
    if let Frame::Hello { game, next, .. } = &mut hello {
        (*game, *next) = (Hash::ZERO, 3);
    }
    assert!(error_after(&hello.to_bytes()).contains("not in this game"));
}

#[test]
fn slow_silent_and_long_peers_are_closed() {
    let path = Path::new();
    let referee = referee(&path, terms(2, 60_000, 60_000), strict());
    let address = referee.address().to_string();

    let mut loris = Raw::new(&address);
    let start = Instant::now();
    for byte in [0, 0, 0, 89] {
        let _ = loris.stream.write_all(&[byte]);
        std::thread::sleep(Duration::from_millis(150));
    }
    assert!(loris.error().contains("took longer"));
    assert!(start.elapsed() < Duration::from_secs(3));

    let mut loris = Raw::greeted(&address);
    let submit = [0, 0, 1, 0, 2, 0];
    for byte in submit {
        let _ = loris.stream.write_all(&[byte]);
        std::thread::sleep(Duration::from_millis(120));
    }
    assert!(loris.error().contains("a frame took longer"));

    let silent = Raw::greeted(&address);
    let start = Instant::now();
    let mut buffer = vec![0; 4096];
    let mut reading = &silent.stream;
    while reading.read(&mut buffer).is_ok_and(|n| n > 0) {}
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "an idle peer is closed"
    );

    let mut long = Raw::greeted(&address);
    let _ = long.stream.write_all(&[0, 0xff, 0xff, 0xff, 2]);
    assert!(long.error().contains("16777214 bytes, at most 8388608"));
    // Long, and nobody owes a proof: it is skipped and not kept.
    let mut long = Raw::greeted(&address);
    let record = long.replica().sign(&Event::Close { at_ms: 1 }, &key(1));
    let event = [&[1, 0, 0, 1][..], &[0; 100_000]].concat();
    long.submit(0, Record { event, ..record });
    assert_eq!(long.refusal(), (false, "nothing that long is due".into()));
}

#[test]
fn connections_of_one_address_are_limited() {
    let path = Path::new();
    let limits = Limits {
        per_address: 3,
        ..strict()
    };
    let referee = referee(&path, terms(3, 60_000, 60_000), limits);
    let address = referee.address().to_string();
    let first: Vec<Raw> = (0..3).map(|_| Raw::greeted(&address)).collect();
    let mut fourth = Raw::new(&address);
    assert!(fourth.error().contains("3 connections from one address"));
    drop(first);
    std::thread::sleep(Duration::from_millis(500));
    Raw::greeted(&address);
}

#[test]
fn bad_signatures_are_counted_and_end_the_connection() {
    let path = Path::new();
    let referee = referee(&path, terms(4, 60_000, 60_000), strict());
    let address = referee.address().to_string();
    let mut raw = Raw::greeted(&address);
    let join = Event::Join { claim: truth() };
    let mut record = raw.replica().sign(&join, &key(1));
    record.signature.0[3] ^= 1;
    for _ in 0..strict().invalid {
        raw.submit(0, record.clone());
    }
    let (invalid, text) = raw.refusal();
    assert!(invalid && text.contains("does not fit a join"), "{text}");
    assert!(raw.error().contains("8 invalid messages"));
    // Whoever is not the referee does not close, and nobody moves for another.
    let mut raw = Raw::greeted(&address);
    let close = raw.replica().sign_close(100_000, &key(1));
    raw.submit(0, close);
    let (invalid, text) = raw.refusal();
    assert!(invalid && text.contains("the referee is"), "{text}");
    assert_eq!(referee.wait(Duration::ZERO).expect("it is well"), None);
}

#[test]
fn what_was_said_elsewhere_or_before_counts_for_nothing() {
    let (path, other_path) = (Path::new(), Path::new());
    // The same terms, down to the nonce, with another referee's key and clock.
    let referee = referee(&path, terms(5, 700, 60_000), strict());
    let stranger = Opening::new(5, terms(5, 700, 60_000), &key(201));
    let elsewhere = Replica::open(stranger).expect("it is signed");
    drop(other_path);
    let address = referee.address().to_string();
    let mut raw = Raw::greeted(&address);
    let join = Event::Join { claim: truth() };
    raw.submit(0, elsewhere.sign(&join, &key(1)));
    let (invalid, text) = raw.refusal();
    assert!(invalid && text.contains("does not fit a join"), "{text}");
    // A join of this game, said twice, is one join.
    let record = raw.replica().sign(&join, &key(1));
    raw.submit(0, record.clone());
    raw.submit(0, record.clone());
    assert_eq!(raw.refusal(), (false, "this is known already".into()));
    let mut lie = truth();
    lie.state = Hash::keccak(b"lie");
    let lying = raw.replica().sign(&Event::Join { claim: lie }, &key(1));
    raw.submit(0, lying);
    assert!(
        raw.refusal()
            .1
            .contains("joined already, with another claim")
    );
    let lying = raw.replica().sign(&Event::Join { claim: lie }, &key(2));
    raw.submit(0, lying);
    raw.until(|frame| matches!(frame, Frame::Record { index: 2, .. }));
    // A follow, signed for round 0, is not for round 1.
    let follow = Event::Move {
        by: Party(1),
        mv: Move::Follow { leader: Party(0) },
    };
    let mut early = raw.replica().clone();
    assert_eq!(early.round(), 1);
    early = Replica::open(early.opening().clone()).expect("it is signed");
    let early = early.sign(&follow, &key(2));
    raw.submit(1, early);
    let (invalid, text) = raw.refusal();
    assert!(invalid && text.contains("in round 1"), "{text}");
    raw.submit(0, record);
    let (invalid, text) = raw.refusal();
    assert!(!invalid && text.contains("this is round 1"), "{text}");
}

/// A liar with a seat sends proofs that do not hold as fast as it can, from several connections,
/// while others send garbage; the honest party wins in time.
#[test]
fn a_flood_does_not_hold_up_the_game() {
    let path = Path::new();
    let terms = Terms {
        arity: 256,
        ..terms(6, 500, 1_500)
    };
    let referee = referee(&path, terms, strict());
    let address = &referee.address().to_string();
    let done = &AtomicBool::new(false);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let mut raw = Raw::new(address);
                    let _ = raw.stream.write_all(&[0x5a; 4096]);
                    let _ = raw.error();
                }
            });
        }
        let flood = scope.spawn(move || flood(address, done));
        let replica = party(address, 0, None, &options()).expect("the game is played");
        done.store(true, Ordering::Relaxed);
        let Status::Settled(verdict) = replica.dispute().status() else {
            panic!("the game is not over");
        };
        assert_eq!(verdict.claim, Some(truth()));
        let refused = flood.join().expect("the flood ends");
        assert!(refused > 3, "{refused} proofs were refused");
    });
    // Joining, a round of cuts, and one that waits for a proof of the liar that never comes.
    let most = Duration::from_millis(500 + 1_500 + 1_500 + 3_000);
    assert!(start.elapsed() < most, "{:?}", start.elapsed());
}

/// Plays as a liar does, but sends each proof over and over; how many were refused.
fn flood(address: &str, done: &AtomicBool) -> u32 {
    let inputs = inputs();
    let log = AgreedLog::read(&inputs, 1).expect("the log is in memory");
    let run = Replay::genesis(&Tally, IMAGE, &log).expect("the program is good");
    let (from, salt) = (120, 9);
    let mut liar = Liar { run, from, salt };
    let key = key(9);
    let mut refused = 0;
    let mut raw = Raw::greeted(address);
    let claim = liar.claim_at(1 << 40).expect("it runs");
    let join = raw.replica().sign(&Event::Join { claim }, &key);
    raw.submit(0, join);
    while !done.load(Ordering::Relaxed) {
        let replica = raw.replica().clone();
        if let Some(party) = replica.party(&key.public()) {
            let moves = respond(replica.dispute(), party, &mut liar).expect("it runs");
            for mv in moves {
                let event = Event::Move { by: party, mv };
                let record = replica.sign(&event, &key);
                raw.submit(replica.round(), record);
            }
        }
        match raw.next() {
            Some(Frame::Refused { invalid: true, .. }) => refused += 1,
            Some(_) => {}
            None if done.load(Ordering::Relaxed) => break,
            None => raw = Raw::greeted(address),
        }
    }
    refused
}

/// A watcher that reads nothing is dropped; the others do not notice.
#[test]
fn a_reader_that_does_not_read_is_dropped() {
    let path = Path::new();
    let limits = Limits {
        clock: Duration::from_millis(1),
        ..strict()
    };
    let referee = referee(&path, terms(8, 1_000, 2_000), limits);
    let address = &referee.address().to_string();
    let deaf = Raw::greeted(address);
    std::thread::scope(|scope| {
        scope.spawn(move || party(address, 1, Some(90), &options()));
        let replica = party(address, 0, None, &options()).expect("the game is played");
        assert!(matches!(replica.dispute().status(), Status::Settled(_)));
    });
    referee.wait_for_goodbyes(Duration::from_secs(8));
    let start = Instant::now();
    referee.stop();
    assert!(start.elapsed() < Duration::from_secs(3), "it stops at once");
    drop(deaf);
}

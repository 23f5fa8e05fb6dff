//! Durable appends per second against a plain write and `fdatasync` of the same inputs, without
//! and with the hash chain that every claim is made of.
//!
//! `cargo bench -p avm-store`. All sides alternate within a round; the ratio of the medians and
//! that of the fastest rounds are what counts, absolute times belong to the disk.
#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark has a clock and threads"
)]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use avm_store::{FileLog, Identity, Log, LogHead, LogHeader};

const INPUT_BYTES: usize = 64;
const ROUNDS: usize = 21;

fn main() {
    // `cargo test --all-targets` builds and starts this too.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    println!("{ROUNDS} rounds, inputs of {INPUT_BYTES} bytes; inputs/s in the fastest round");
    println!("                                            log/raw         log/(raw+chain)");
    println!("batch    raw         raw+chain   log          fastest median  fastest median");
    for (batch, batches) in [(1, 200), (100, 100), (1000, 40), (20_000, 5)] {
        let mut times = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            times[0].push(raw_appends(dir.path(), batch, batches, false));
            times[1].push(raw_appends(dir.path(), batch, batches, true));
            times[2].push(log_appends(dir.path(), batch, batches));
        }
        times.iter_mut().for_each(|times| times.sort());
        let [raw, chained, log] = &times;
        let rate = |times: &[Duration]| (batch * batches) as f64 / times[0].as_secs_f64();
        let ratio = |to: &[Duration], at: usize| to[at].as_secs_f64() / log[at].as_secs_f64();
        println!(
            "{batch:<8} {:<11.0} {:<11.0} {:<12.0} {:<7.2} {:<7.2} {:<7.2} {:.2}",
            rate(raw),
            rate(chained),
            rate(log),
            ratio(raw, 0),
            ratio(raw, ROUNDS / 2),
            ratio(chained, 0),
            ratio(chained, ROUNDS / 2),
        );
    }
    println!("\nthreads  inputs/s, each thread commits each of its inputs");
    for threads in [1, 2, 8, 32] {
        let best = (0..5)
            .map(|_| group_commits(dir.path(), threads, 100))
            .min();
        let best = best.expect("five rounds").as_secs_f64();
        println!("{threads:<8} {:.0}", (threads * 100) as f64 / best);
    }
    println!(
        "\nopening, with every hash and checksum: {:.0} inputs/s",
        opening(dir.path())
    );
}

fn raw_appends(dir: &Path, batch: usize, batches: usize, chain: bool) -> Duration {
    let path = dir.join("raw");
    let mut file = File::create(&path).expect("create");
    file.sync_all().expect("sync");
    let start = Instant::now();
    let mut buffer = Vec::new();
    let mut head = LogHead::EMPTY;
    for _ in 0..batches {
        buffer.clear();
        for number in 0..batch {
            buffer.extend(input(number));
            if chain {
                head = head.with(&input(number));
            }
        }
        file.write_all(&buffer).expect("write");
        file.sync_data().expect("sync");
    }
    let time = start.elapsed();
    std::hint::black_box(head);
    std::fs::remove_file(path).expect("remove");
    time
}

fn log_appends(dir: &Path, batch: usize, batches: usize) -> Duration {
    let path = dir.join("log");
    let log = create(&path);
    let start = Instant::now();
    for _ in 0..batches {
        for number in 0..batch {
            log.append(&input(number)).expect("append");
        }
        log.commit().expect("commit");
    }
    let time = start.elapsed();
    std::fs::remove_file(path).expect("remove");
    time
}

fn group_commits(dir: &Path, threads: usize, each: usize) -> Duration {
    let path = dir.join("log");
    let log = create(&path);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for number in 0..each {
                    log.append(&input(number)).expect("append");
                    log.commit().expect("commit");
                }
            });
        }
    });
    let time = start.elapsed();
    std::fs::remove_file(path).expect("remove");
    time
}

fn opening(dir: &Path) -> f64 {
    const INPUTS: usize = 400_000;
    let path = dir.join("log");
    let log = create(&path);
    for number in 0..INPUTS {
        log.append(&input(number)).expect("append");
    }
    log.commit().expect("commit");
    drop(log);
    let start = Instant::now();
    FileLog::open(&path, &identity()).expect("open");
    INPUTS as f64 / start.elapsed().as_secs_f64()
}

fn create(path: &Path) -> FileLog {
    FileLog::create(path, LogHeader::unique(identity(), b"")).expect("create")
}

fn identity() -> Identity {
    Identity {
        machine: "bench".into(),
        spec: "bench/1".into(),
    }
}

fn input(number: usize) -> [u8; INPUT_BYTES] {
    [number as u8; INPUT_BYTES]
}

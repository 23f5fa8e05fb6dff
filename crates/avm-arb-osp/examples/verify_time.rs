//! How long the verifier takes, by opcode: `cargo run --release -p avm-arb-osp --example verify_time`.
//!
//! The least of several runs over the recorded proofs, in microseconds.
#![allow(clippy::disallowed_methods)] // a clock is what this is about

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use avm_arb_osp::Mode;
use support::Recorded;

const RUNS: usize = 20;

/// Times of the proofs of one opcode.
#[derive(Default)]
struct Times {
    proofs: u32,
    total: Duration,
    most: Duration,
    bytes: usize,
}

fn main() {
    let mut times: BTreeMap<u8, Times> = BTreeMap::new();
    for step in support::honest() {
        let took = least_time(&step);
        let entry = times.entry(step.opcode()).or_default();
        entry.proofs += 1;
        entry.total += took;
        entry.most = entry.most.max(took);
        entry.bytes += step.proof.proof.len() + step.proof.buffer.len();
    }
    println!("opcode proofs  bytes   mean us    max us");
    for (opcode, entry) in times {
        println!(
            "    {opcode:02x} {:6} {:6} {:9.1} {:9.1}",
            entry.proofs,
            entry.bytes / entry.proofs as usize,
            micros(entry.total) / f64::from(entry.proofs),
            micros(entry.most),
        );
    }
}

fn least_time(step: &Recorded) -> Duration {
    let time = |_| {
        let start = Instant::now();
        let outcome = step.verify(Mode::Sound, &step.proof);
        let took = start.elapsed();
        assert_eq!(outcome, Ok(step.want), "{}", step.name);
        took
    };
    (0..RUNS).map(time).min().expect("there are runs")
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

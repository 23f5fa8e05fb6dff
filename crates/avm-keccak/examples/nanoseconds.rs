//! Nanoseconds per hash on this machine: `cargo run --release --example nanoseconds`.
//!
//! One message at a time is a chain, each hash part of the next message, so latency is what counts.

#![allow(clippy::disallowed_methods)] // this program measures time

use std::hint::black_box;
use std::time::Instant;

use avm_keccak::{keccak256, keccak256_batch, keccak256_fixed};

/// Least time of many runs of `body`, per call.
fn nanoseconds(mut body: impl FnMut()) -> f64 {
    const CALLS: u32 = 2_000;
    let run = |_| {
        let start = Instant::now();
        (0..CALLS).for_each(|_| body());
        start.elapsed().as_nanos() as f64 / f64::from(CALLS)
    };
    (0..100).map(run).fold(f64::MAX, f64::min)
}

fn chain<const N: usize>(hash: impl Fn(&[u8; N]) -> [u8; 32]) -> f64 {
    let mut message = [7; N];
    nanoseconds(|| {
        let digest = hash(&message);
        message[..32].copy_from_slice(&digest);
    })
}

fn sizes<const N: usize>() {
    let peer = |message: &[u8; N]| {
        use tiny_keccak::Hasher;
        let mut hasher = tiny_keccak::Keccak::v256();
        let mut digest = [0; 32];
        hasher.update(message);
        hasher.finalize(&mut digest);
        digest
    };
    let messages = vec![7; 64 * N];
    let mut digests = [[0; 32]; 64];
    println!(
        "{N:4} bytes: fixed {:6.1}  slice {:6.1}  batch of 64 {:6.1}  tiny-keccak {:6.1}",
        chain(keccak256_fixed::<N>),
        chain(|message: &[u8; N]| keccak256(message)),
        nanoseconds(|| keccak256_batch(N, black_box(&messages), black_box(&mut digests))) / 64.0,
        chain(peer),
    );
}

fn main() {
    sizes::<32>();
    sizes::<34>();
    sizes::<64>();
    sizes::<65>();
    sizes::<66>();
    sizes::<136>();
    sizes::<256>();
    sizes::<576>();
}

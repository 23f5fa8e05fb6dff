//! Keccak-256: one message after another, and many side by side.

use std::hint::black_box;

use avm_keccak::{keccak256, keccak256_batch, keccak256_fixed};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Messages of a batch.
const MESSAGES: usize = 8_192;

fn one(c: &mut Criterion) {
    let mut group = c.benchmark_group("one_message");
    let mut chain = [1; 64];
    group.bench_function("64_bytes", |b| {
        b.iter(|| {
            let hash = keccak256_fixed(&chain);
            chain[..32].copy_from_slice(&hash);
        });
    });
    let message = [1; 1024];
    group.bench_function("1024_bytes", |b| b.iter(|| keccak256(black_box(&message))));
}

fn batch(c: &mut Criterion) {
    let mut group = c.benchmark_group("batch");
    group.throughput(Throughput::Elements(MESSAGES as u64));
    for len in [32, 64, 257] {
        let messages = vec![1; len * MESSAGES];
        let mut hashes = vec![[0; 32]; MESSAGES];
        group.bench_function(format!("{len}_bytes"), |b| {
            b.iter(|| keccak256_batch(len, black_box(&messages), &mut hashes));
        });
    }
}

criterion_group!(benches, one, batch);
criterion_main!(benches);

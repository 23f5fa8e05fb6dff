//! Steps per second of the recorded programs, by both engines, and what a state hash costs.

use avm_arb::{Arb, ArbMachine, Status};
use avm_bench::{NoHost, machine, recorded};
use avm_core::{Machine, MemoryNodes};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

/// Steps of the reference engine that are timed; it is some ten times slower.
const REFERENCE_STEPS: u64 = 100_000;

fn engines(c: &mut Criterion) {
    let mut group = c.benchmark_group("steps");
    group.sample_size(10);
    for entry in recorded() {
        for (engine, fast) in [("fast", true), ("reference", false)] {
            let arb = Arb {
                fast,
                ..Arb::default()
            };
            let steps = if fast { entry.steps } else { REFERENCE_STEPS };
            group.throughput(Throughput::Elements(steps));
            group.bench_function(format!("{}/{engine}", entry.name), |b| {
                b.iter_batched(
                    || arb.load(&entry.program),
                    |mut machine| machine.run(steps, &mut NoHost).expect("nothing can fail"),
                    BatchSize::PerIteration,
                );
            });
        }
    }
}

/// `depth` items on the stack, then a loop that changes the top.
fn deep(depth: u64) -> ArbMachine {
    let source = format!(
        ".static @fill\n push {depth}\nfill: push 7\n swap1\n push 1\n swap1\n sub\n dup0\n spush\n \
         cjump\n pcpush\n auxpush\n add 1\n auxpop\n jump\n"
    );
    let machine = machine(&source, 8 * depth + 100);
    assert_eq!(machine.status(), Status::Extensive, "the loop has no end");
    machine
}

/// The state hash after one more step, for stacks of several depths.
fn state_hash(c: &mut Criterion) {
    let mut group = c.benchmark_group("state_hash_after_one_step");
    for depth in [10, 1_000, 100_000, 1_000_000] {
        let mut machine = deep(depth);
        machine.state_hash();
        group.bench_function(format!("stack_of_{depth}"), |b| {
            b.iter(|| {
                machine.run(1, &mut NoHost).expect("nothing can fail");
                machine.state_hash()
            });
        });
    }
}

/// Saving a state into a sink that has the state one step before.
fn save(c: &mut Criterion) {
    let mut machine = deep(100_000);
    let mut nodes = MemoryNodes::default();
    machine.save(&mut nodes).expect("memory does not fail");
    c.bench_function("save_after_one_step", |b| {
        b.iter(|| {
            machine.run(1, &mut NoHost).expect("nothing can fail");
            machine.save(&mut nodes).expect("memory does not fail")
        });
    });
}

criterion_group!(benches, engines, state_hash, save);
criterion_main!(benches);

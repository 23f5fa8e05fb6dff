//! What the benchmarks share: programs, and a host that neither gives nor keeps anything.
//!
//! `cargo bench -p avm-bench` runs them all. Instructions, which are steady where seconds are not:
//! `valgrind --tool=callgrind target/release/examples/steps arith`, after
//! `cargo build --release -p avm-bench --examples`.

use avm_arb::asm::assemble;
use avm_arb::{Arb, ArbMachine, Program};
use avm_core::{Bytes, Host, HostError, Machine, Output};
use serde_json::Value;

/// A host with an empty inbox that drops all outputs.
pub struct NoHost;

impl Host for NoHost {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        Ok(None)
    }

    fn emit(&mut self, _: Output<'_>) -> Result<(), HostError> {
        Ok(())
    }
}

/// A recorded benchmark program.
pub struct Recorded {
    /// Short name, for example `arith`.
    pub name: String,
    /// The program.
    pub program: Program,
    /// Steps until it halts.
    pub steps: u64,
}

/// The programs of `vectors/arb/bench.json`.
///
/// # Panics
/// If the file, which is part of the repository, is not there or not as expected.
#[must_use]
pub fn recorded() -> Vec<Recorded> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/arb/bench.json");
    let text = std::fs::read(path).expect("the vectors are in the repository");
    let document: Value = serde_json::from_slice(&text).expect("the vectors are JSON");
    let entry = |entry: &Value| Recorded {
        name: entry["name"]
            .as_str()
            .expect("a name")
            .replace("bench_", ""),
        program: Program::from_json(entry["program"].to_string().as_bytes()).expect("a program"),
        steps: entry["total_steps"].as_u64().expect("a count"),
    };
    document
        .as_array()
        .expect("a list")
        .iter()
        .map(entry)
        .collect()
}

/// A machine that has run `steps` steps of a text program.
///
/// # Panics
/// If the text does not assemble.
#[must_use]
pub fn machine(source: &str, steps: u64) -> ArbMachine {
    let program = assemble(source)
        .expect("benchmark programs assemble")
        .program;
    let mut machine = Arb::default().load(&program);
    machine
        .run(steps, &mut NoHost)
        .expect("no host is asked for anything");
    machine
}

//! How large are the proofs of steps of the object machine? By program, and by instruction over all
//! of the programs and some generated worlds.
//!
//! ```text
//! cargo run --release -p avm-prove --example object_proofs
//! ```

use std::collections::BTreeMap;

use avm_anoma::code::row_of;
use avm_prove::prove_step;

#[allow(dead_code)]
#[path = "../tests/support/anoma.rs"]
mod anoma;
#[allow(dead_code)]
#[path = "../tests/support/run.rs"]
mod run;

use run::Run;

/// Generated worlds.
const WORLDS: u64 = 20;
/// Most steps of each.
const STEPS: usize = 500;

/// Sizes in bytes.
#[derive(Default)]
struct Sizes(Vec<usize>);

impl Sizes {
    fn show(&mut self, name: &str) {
        self.0.sort_unstable();
        let count = self.0.len().max(1);
        let mean = self.0.iter().sum::<usize>() / count;
        let [median, most] = [count / 2, count - 1].map(|at| self.0.get(at).copied().unwrap_or(0));
        println!("{name:<16} {count:>7} {median:>8} {mean:>8} {most:>8}");
    }
}

fn main() {
    println!(
        "{:<16} {:>7} {:>8} {:>8} {:>8}",
        "bytes", "proofs", "median", "mean", "most"
    );
    let mut opcodes: BTreeMap<String, Sizes> = BTreeMap::new();
    for (name, args) in anoma::PROGRAMS {
        measure(&anoma::program(name, args), &mut opcodes).show(name);
    }
    let mut worlds = Sizes::default();
    for seed in 0..WORLDS {
        let run = anoma::generated(seed, STEPS);
        worlds.0.extend(measure(&run, &mut opcodes).0);
    }
    worlds.show("worlds");
    println!();
    for (name, sizes) in &mut opcodes {
        sizes.show(name);
    }
}

/// Proves each step of a run.
fn measure(run: &Run, opcodes: &mut BTreeMap<String, Sizes>) -> Sizes {
    let log = run.log();
    let mut sizes = Sizes::default();
    for at in 0..run.provable() {
        let proved = prove_step(run.vm, &log, &run.claim(at), run.nodes.clone());
        let (witness, _) = proved.expect("every step proves");
        let size = witness.len_bytes();
        let opcode = run.seen.get(at).and_then(|(opcode, _)| row_of(*opcode));
        let name = opcode.map_or("(between)", |row| row.info.name);
        opcodes.entry(name.into()).or_default().0.push(size);
        sizes.0.push(size);
    }
    sizes
}

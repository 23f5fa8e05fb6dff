//! Runs one recorded program to its end, for counting instructions:
//! `valgrind --tool=callgrind target/release/examples/steps arith 1000000`.

use avm_arb::Arb;
use avm_bench::{NoHost, recorded};
use avm_core::Machine;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "arith".into());
    let budget = arguments
        .next()
        .map_or(u64::MAX, |text| text.parse().expect("a number of steps"));
    let entry = recorded()
        .into_iter()
        .find(|entry| entry.name == name)
        .expect("a recorded program");
    let mut machine = Arb::default().load(&entry.program);
    let ran = machine
        .run(budget, &mut NoHost)
        .expect("no host is asked for anything");
    println!("{name}: {} steps", ran.steps);
}

//! `avm bench prove`: how large the proof of a step is, and how long it takes to make and to check
//! it, by opcode.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use avm_core::{
    Claim, MemoryInbox, MemoryNodes, MemoryOutbox, Probe, StepEnd, StepStart, Stop, Vm,
    advance_watched,
};
use avm_prove::{AgreedLog, prove_step, verify_step};
use serde_json::{Value, json};

use super::{CLOCK, cpu_seconds, programs};
use crate::context::Context;
use crate::error::{self, CliError};
use crate::files::Source;
use crate::files::has_extension;
use crate::log::Log;
use crate::output::{Reply, grouped, number};
use crate::registry::{self, MachineCli};

mod workloads;

/// Most steps of one program that are proved.
const STEPS: usize = 3_000;

/// `avm bench prove DIR`: every step of the recorded programs in a directory, or in one file.
///
/// # Errors
/// If there is no program, or a step does not prove.
pub fn bench(
    ctx: &Context,
    path: &Path,
    rounds: u32,
    only: Option<&str>,
) -> Result<Reply, CliError> {
    let machine = registry::find("arb")?;
    let wanted = |name: &str| only.is_none_or(|only| name.contains(only));
    let mut steps = Steps::default();
    for file in files(path)? {
        for (_, log, _) in programs(ctx, machine, &Source::read(&file)?)? {
            steps.program(ctx, machine, &log, rounds, &wanted)?;
        }
    }
    let mut rows: Vec<Row> = steps.0.into_iter().map(Row::new).collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.max_bytes, row.mean_bytes)));
    let total = Row::total(&rows);
    if !ctx.global.json && total.proofs > 0 {
        ctx.write(&table(&rows, &total))?;
        ctx.flush()?;
    }
    let workloads = workloads::measure(ctx, rounds, &wanted)?;
    if total.proofs == 0 && workloads.is_empty() {
        return Err(
            error::usage("no opcode and no workload has that in its name")
                .help("leave --only out to see all names"),
        );
    }
    Ok(Reply::new(
        "",
        json!({
            "machine": "arb", "clock": CLOCK, "rounds": rounds,
            "opcodes": rows.iter().map(Row::json).collect::<Vec<_>>(),
            "total": total.json(), "workloads": workloads,
        }),
    ))
}

/// The files with recorded programs: one, or those of a directory that have steps to prove.
fn files(path: &Path) -> Result<Vec<PathBuf>, CliError> {
    if !path.is_dir() {
        return Ok(vec![path.into()]);
    }
    let entries = std::fs::read_dir(path).map_err(|e| error::unreadable(path, &e))?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.map_err(|e| error::unreadable(path, &e))?.path();
        let name = file.file_name().map(|name| name.to_string_lossy());
        if name.is_some_and(|name| name.starts_with("programs_")) && has_extension(&file, &["json"])
        {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// A proof that was made and checked.
struct Measured {
    bytes: usize,
    prove_us: f64,
    verify_us: f64,
}

/// Proofs by the name of their opcode.
#[derive(Default)]
struct Steps(BTreeMap<String, Vec<Measured>>);

impl Steps {
    /// Runs a program, then proves each of its steps.
    fn program(
        &mut self,
        ctx: &Context,
        machine: &'static dyn MachineCli,
        log: &Log,
        rounds: u32,
        wanted: &impl Fn(&str) -> bool,
    ) -> Result<(), CliError> {
        let vm = machine.vm(ctx.memory_limit());
        let failed = |step: u64, reason: &dyn std::fmt::Display| {
            let message = format!("step {step} does not prove: {reason}");
            error::bug(message).at(&log.name)
        };
        let inbox = MemoryInbox(log.inputs.clone());
        let (claims, names, nodes) =
            record(&*vm, log, &inbox).map_err(|reason| failed(0, &reason))?;
        let agreed = AgreedLog::read(&inbox, u64::MAX).map_err(|reason| failed(0, &reason))?;
        let head = agreed.head();
        let nodes = Arc::new(nodes);
        for (pair, name) in claims.windows(2).zip(names) {
            if !wanted(&name) {
                continue;
            }
            let (pre, step) = (&pair[0], pair[0].steps);
            let from = cpu_seconds();
            let proved = prove_step(&*vm, &agreed, pre, nodes.clone());
            let prove_us = (cpu_seconds() - from) * 1e6;
            let (witness, post) = proved.map_err(|reason| failed(step, &reason))?;
            if post != pair[1] {
                return Err(failed(step, &"it leads to another claim"));
            }
            let from = cpu_seconds();
            for _ in 0..rounds {
                let verified = verify_step(&*vm, &head, pre, &post, &witness);
                verified.map_err(|reason| failed(step, &reason))?;
            }
            let verify_us = (cpu_seconds() - from) * 1e6 / f64::from(rounds);
            self.0.entry(name).or_default().push(Measured {
                bytes: witness.len_bytes(),
                prove_us,
                verify_us,
            });
        }
        Ok(())
    }
}

/// The claim before each step and after the last, the opcodes, and the nodes of all states.
type Recorded = (Vec<Claim>, Vec<String>, MemoryNodes);

/// Runs a program and keeps every state.
fn record(
    vm: &dyn Vm,
    log: &Log,
    inbox: &MemoryInbox,
) -> Result<Recorded, Box<dyn std::error::Error>> {
    struct Names(Vec<String>);
    impl Probe for Names {
        fn before(&mut self, step: &StepStart<'_>) {
            self.0.push(step.name.into());
        }
        fn after(&mut self, _: &StepEnd<'_>) {}
    }
    let mut machine = vm.genesis(&log.program.image)?;
    let (mut names, mut nodes) = (Names(Vec::new()), MemoryNodes::default());
    let mut claims = vec![Claim::genesis(machine.save(&mut nodes)?)];
    let mut claim = claims[0];
    let mut stop = Stop::Budget;
    while stop == Stop::Budget && claims.len() <= STEPS {
        let outbox = &mut MemoryOutbox::default();
        let probe = Some(&mut names as &mut dyn Probe);
        let from = claim.steps;
        (claim, stop) = advance_watched(&mut *machine, claim, inbox, outbox, 1, probe)?;
        if claim.steps > from {
            machine.save(&mut nodes)?;
            claims.push(claim);
        }
    }
    Ok((claims, names.0, nodes))
}

/// What the proofs of one opcode come to.
struct Row {
    name: String,
    proofs: usize,
    mean_bytes: usize,
    max_bytes: usize,
    below_1k: usize,
    below_4k: usize,
    verify_us: f64,
    prove_us: f64,
    all: Vec<Measured>,
}

impl Row {
    fn new((name, all): (String, Vec<Measured>)) -> Self {
        let bytes = || all.iter().map(|proof| proof.bytes);
        let proofs = all.len();
        Self {
            name,
            proofs,
            mean_bytes: bytes().sum::<usize>() / proofs.max(1),
            max_bytes: bytes().max().unwrap_or(0),
            below_1k: bytes().filter(|&bytes| bytes < 1 << 10).count(),
            below_4k: bytes().filter(|&bytes| bytes < 4 << 10).count(),
            verify_us: median(all.iter().map(|proof| proof.verify_us)),
            prove_us: median(all.iter().map(|proof| proof.prove_us)),
            all,
        }
    }

    /// All rows as one.
    fn total(rows: &[Row]) -> Self {
        let all = rows.iter().flat_map(|row| &row.all);
        let all = all.map(|proof| Measured { ..*proof });
        Self::new(("all".into(), all.collect()))
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name, "proofs": number(self.proofs as u64),
            "witness_bytes": { "mean": self.mean_bytes, "max": self.max_bytes },
            "below_1k": number(self.below_1k as u64), "below_4k": number(self.below_4k as u64),
            "verify_us_median": rounded(self.verify_us), "prove_us_median": rounded(self.prove_us),
        })
    }

    fn line(&self) -> String {
        let count = grouped(&self.proofs.to_string());
        format!(
            "{:<16} {count:>8} {:>10} {:>10} {:>10.1} {:>10.1}\n",
            self.name, self.mean_bytes, self.max_bytes, self.verify_us, self.prove_us
        )
    }
}

fn table(rows: &[Row], total: &Row) -> String {
    let mut text = format!(
        "{:<16} {:>8} {:>10} {:>10} {:>10} {:>10}\n",
        "opcode", "proofs", "bytes mean", "max", "verify us", "prove us"
    );
    rows.iter().for_each(|row| text += &row.line());
    text += &total.line();
    let share = |count: usize| 100.0 * count as f64 / total.proofs as f64;
    text += &format!(
        "{:.1} % below 1 kB, {:.2} % below 4 kB; times are medians\n",
        share(total.below_1k),
        share(total.below_4k)
    );
    text
}

/// The value in the middle.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// To three decimals.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

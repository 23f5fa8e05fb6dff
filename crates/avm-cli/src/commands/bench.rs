//! `avm bench`: steps per second in CPU time, with spread. `prove.rs` measures proofs.

use std::path::Path;

use serde_json::{Value, json};

use crate::context::Context;
use crate::error::{self, CliError};
use crate::files::Source;
use crate::log::Log;
use crate::output::{Reply, grouped, number};
use crate::registry::{self, Loaded, MachineCli};
use crate::session::Session;

mod anoma;
mod calls;
mod index;
mod prove;

/// A measurement runs a program again and again for at least this long, in seconds of CPU time.
const ROUND_SECONDS: f64 = 0.05;
/// What stands in the place of a machine to measure proofs.
const PROVE: &str = "prove";

/// What stands in the place of a machine to measure indexing.
const INDEX: &str = "index";

/// The machine that is measured without a file, too.
const ANOMA: &str = "anoma";

/// What is to be measured.
pub struct Wanted<'a> {
    /// A program, or several.
    pub file: Option<&'a Path>,
    /// Measurements of each.
    pub rounds: u32,
    /// Only programs whose name contains this.
    pub only: Option<&'a str>,
    /// Of an index, blocks on each state.
    pub blocks: Option<u32>,
    /// Of an index, keys of the large state.
    pub keys: Option<u64>,
    /// Without a file: how much less is done of everything.
    pub divide: u64,
}

/// `avm bench ID FILE`, `avm bench prove FILE`, `avm bench anoma`, or `avm bench index`.
///
/// # Errors
/// If the file holds no program, or a run does not end as recorded.
pub fn bench(ctx: &Context, id: &str, wanted: &Wanted<'_>) -> Result<Reply, CliError> {
    if id == INDEX {
        return index::bench(ctx, wanted.blocks, wanted.keys);
    }
    let (rounds, only) = (wanted.rounds, wanted.only);
    if id == ANOMA && wanted.file.is_none() {
        return anoma::bench(ctx, rounds, only, wanted.divide);
    }
    let Some(file) = wanted.file else {
        return Err(error::usage("which file is to be measured is missing")
            .help("for example: avm bench atomicals vectors/atomicals/bench.json"));
    };
    if id == PROVE {
        return prove::bench(ctx, file, rounds, only);
    }
    let machine = registry::find(id)?;
    let source = Source::read(file)?;
    if let Some(workloads) = machine.workloads(&source)? {
        return calls::bench(ctx, id, workloads, rounds, only);
    }
    let programs = programs(ctx, machine, &source)?;
    let is_wanted = |name: &str| only.is_none_or(|only| name.contains(only));
    let bold = anstyle::Style::new().bold();
    if !ctx.global.json {
        let head = format!(
            "{:<24} {:>14}  million steps a second: {:>7} {:>7} {:>7}",
            "program", "steps", "min", "median", "max"
        );
        ctx.write(&format!("{bold}{head}{bold:#}\n"))?;
    }
    let mut results = Vec::new();
    for (name, log, recorded) in programs.iter().filter(|(name, ..)| is_wanted(name)) {
        let measured = measure(ctx, name, log, *recorded, rounds)?;
        if !ctx.global.json {
            let [min, median, max] = measured.rates.map(|rate| format!("{:.2}", rate / 1e6));
            let steps = grouped(&measured.steps.to_string());
            ctx.write(&format!(
                "{name:<24} {steps:>14} {:>24} {min:>7} {median:>7} {max:>7}\n",
                ""
            ))?;
            ctx.flush()?;
        }
        let [min, median, max] = measured.rates.map(f64::round);
        results.push(json!({
            "name": name, "steps": number(measured.steps), "rounds": rounds, "runs_per_round": measured.runs,
            "steps_per_second": { "min": min, "median": median, "max": max },
        }));
    }
    if results.is_empty() {
        return Err(nothing_named());
    }
    Ok(Reply::new(
        "",
        json!({ "machine": id, "clock": CLOCK, "programs": results }),
    ))
}

fn nothing_named() -> CliError {
    error::usage("no program has that in its name").help("leave --only out to see all names")
}

struct Measured {
    steps: u64,
    /// Runs in one measurement.
    runs: u32,
    /// Least, median and most steps a second.
    rates: [f64; 3],
}

fn measure(
    ctx: &Context,
    name: &str,
    log: &Log,
    recorded: Option<u64>,
    rounds: u32,
) -> Result<Measured, CliError> {
    let genesis = Session::genesis(ctx, log)?;
    let once = || -> Result<(u64, f64), CliError> {
        let mut session = genesis.fork();
        session.allow_all();
        let from = cpu_seconds();
        session.finish()?;
        Ok((session.place().0, cpu_seconds() - from))
    };
    // The first run warms up and says how often a short program must run to be measured.
    let (steps, seconds) = once()?;
    if let Some(want) = recorded.filter(|want| *want != steps) {
        let message = format!("{name} took {steps} steps, {want} are recorded");
        return Err(error::bench_changed(message).at(&log.name));
    }
    let runs = (ROUND_SECONDS / seconds.max(1e-7)).ceil().clamp(1.0, 1e5) as u32;
    let mut rates = Vec::new();
    for _ in 0..rounds {
        let mut total = 0.0;
        for _ in 0..runs {
            total += once()?.1;
        }
        rates.push(steps as f64 * f64::from(runs) / total.max(1e-9));
    }
    rates.sort_by(f64::total_cmp);
    Ok(Measured {
        steps,
        runs,
        rates: [rates[0], rates[rates.len() / 2], rates[rates.len() - 1]],
    })
}

type Program = (String, Log, Option<u64>);

/// The programs of a file: one, or a list of objects with `name`, `program` and `total_steps`.
fn programs(
    ctx: &Context,
    machine: &'static dyn MachineCli,
    source: &Source,
) -> Result<Vec<Program>, CliError> {
    let (file, rules) = (&source.path, ctx.global.rules.as_deref());
    let is_list = source.bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    if !is_list {
        let name = file
            .file_stem()
            .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        return Ok(vec![(
            name,
            log(
                machine,
                &source.name(),
                machine.load(source, rules)?,
                Vec::new(),
            ),
            None,
        )]);
    }
    let document = source.json()?;
    let mut programs = Vec::new();
    for (at, entry) in document.as_array().into_iter().flatten().enumerate() {
        let name = entry["name"]
            .as_str()
            .map_or_else(|| format!("program {at}"), Into::into);
        let image = Source {
            path: file.clone(),
            bytes: entry["program"].to_string().into_bytes(),
        };
        let program = machine.load(&image, rules)?;
        let inputs = match entry.get("inbox") {
            None | Some(Value::Null) => Vec::new(),
            Some(inbox) => {
                let inbox = Source {
                    path: file.clone(),
                    bytes: inbox.to_string().into_bytes(),
                };
                machine.inputs(&inbox, &program.image)?
            }
        };
        programs.push((
            name,
            log(machine, &source.name(), program, inputs),
            entry["total_steps"].as_u64(),
        ));
    }
    Ok(programs)
}

fn log(
    machine: &'static dyn MachineCli,
    name: &str,
    program: Loaded,
    inputs: Vec<avm_core::Bytes>,
) -> Log {
    Log {
        name: name.into(),
        machine,
        program,
        source: None,
        inputs_option: String::new(),
        inputs,
        recorded: Vec::new(),
        taken_back: 0,
        is_log: false,
        point: None,
        store: None,
    }
}

/// Which clock measures.
#[cfg(unix)]
const CLOCK: &str = "process CPU time";

#[cfg(unix)]
fn cpu_seconds() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9
}

/// Which clock measures.
#[cfg(not(unix))]
const CLOCK: &str = "elapsed time";

#[cfg(not(unix))]
fn cpu_seconds() -> f64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

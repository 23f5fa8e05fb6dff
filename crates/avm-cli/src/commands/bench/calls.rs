//! `avm bench` of workloads that are no programs: how long one takes, with spread.

use serde_json::json;

use super::{CLOCK, ROUND_SECONDS, cpu_seconds, nothing_named};
use crate::context::Context;
use crate::error::{self, CliError};
use crate::output::{Reply, grouped, number};
use crate::registry::Workload;

/// Measures each workload whose name contains `only`.
///
/// # Errors
/// If one fails.
pub(super) fn bench(
    ctx: &Context,
    id: &str,
    workloads: Vec<Workload>,
    rounds: u32,
    only: Option<&str>,
) -> Result<Reply, CliError> {
    let wanted = |name: &str| only.is_none_or(|only| name.contains(only));
    let bold = anstyle::Style::new().bold();
    if !ctx.global.json {
        let head = format!(
            "{:<32} {:>12}  ns a call: {:>11} {:>11} {:>11}  ns an instruction: {:>8} {:>8} {:>8}",
            "call", "instructions", "min", "median", "max", "min", "median", "max"
        );
        ctx.write(&format!("{bold}{head}{bold:#}\n"))?;
    }
    let mut results = Vec::new();
    for mut workload in workloads
        .into_iter()
        .filter(|workload| wanted(&workload.name))
    {
        let (instructions, runs, times) = measure(&mut workload, rounds)?;
        let each = times.map(|time| time / instructions.max(1) as f64);
        let name = &workload.name;
        if !ctx.global.json {
            let [min, median, max] = times.map(|time| grouped(&format!("{time:.0}")));
            let [least, middle, most] = each.map(|time| format!("{time:.1}"));
            let count = grouped(&instructions.to_string());
            ctx.write(&format!(
                "{name:<32} {count:>12}  {:>10} {min:>11} {median:>11} {max:>11}  {:>18} {least:>8} {middle:>8} {most:>8}\n",
                "", ""
            ))?;
            ctx.flush()?;
        }
        let spread =
            |[min, median, max]: [f64; 3]| json!({ "min": min, "median": median, "max": max });
        results.push(json!({
            "name": name, "instructions": number(instructions), "rounds": rounds, "runs_per_round": runs,
            "ns_per_call": spread(times.map(f64::round)), "ns_per_instruction": spread(each),
        }));
    }
    if results.is_empty() {
        return Err(nothing_named());
    }
    let data = json!({ "machine": id, "clock": CLOCK, "calls": results });
    Ok(Reply::new("", data))
}

/// Instructions of one run, runs in a measurement, and least, median and most nanoseconds of a run.
fn measure(workload: &mut Workload, rounds: u32) -> Result<(u64, u32, [f64; 3]), CliError> {
    let mut once = || {
        let ran = (workload.run)();
        ran.map_err(|reason| error::bench_changed(format!("{} fails: {reason}", workload.name)))
    };
    // The first run warms up and says how often a short one must run to be measured.
    let from = cpu_seconds();
    let instructions = once()?;
    let seconds = cpu_seconds() - from;
    let runs = (ROUND_SECONDS / seconds.max(1e-7)).ceil().clamp(1.0, 1e5) as u32;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let from = cpu_seconds();
        for _ in 0..runs {
            once()?;
        }
        times.push((cpu_seconds() - from) * 1e9 / f64::from(runs));
    }
    times.sort_by(f64::total_cmp);
    Ok((
        instructions,
        runs,
        [times[0], times[times.len() / 2], times[times.len() - 1]],
    ))
}

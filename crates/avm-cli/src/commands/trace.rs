//! `avm trace`: every step of a run, a span or a range, as a stream.

use std::path::Path;

use avm_core::Hash;
use ruint::aliases::U256;
use serde_json::{Value, json};

use super::open;
use crate::anoma::tools::chart;
use crate::cli::TraceForm;
use crate::codes;
use crate::context::Context;
use crate::error::CliError;
use crate::locate::{self, Part};
use crate::log::Log;
use crate::output::{Reply, big_number, clip, count, number, root};
use crate::point::{Point, Target};
use crate::registry::Condition;
use crate::session::{Session, Step};

/// Most characters of a stack item in a line for people.
const ITEM: usize = 32;
/// Most items of a record: a trace must not hold a whole deep stack at each step.
const ITEMS_MAX: usize = 1 << 16;

/// How to trace.
pub struct Options {
    /// Form of the output.
    pub form: TraceForm,
    /// Whether to add the root before each step.
    pub roots: bool,
    /// Stack items to show.
    pub stack: usize,
    /// Whether a chart has what was undone.
    pub audit: bool,
}

/// `avm trace TARGET`.
///
/// # Errors
/// If there is no such part of a run, or a limit is hit.
pub fn trace(
    ctx: &Context,
    target: &[String],
    inputs: Option<&Path>,
    options: &Options,
) -> Result<Reply, CliError> {
    let (log, target) = open(ctx, target, inputs)?;
    let Part { mut session, steps } = match &target {
        Target::Range(from, to) => locate::between(ctx, &log, from, to)?,
        Target::Point(point) => locate::part(ctx, &log, point)?,
        Target::File(_) => {
            let session = locate::start_of(ctx, &log, &Point::of(None, None))?;
            Part {
                session,
                steps: u64::MAX,
            }
        }
    };
    let form = match (options.form, ctx.global.json) {
        (TraceForm::Text, true) => TraceForm::Jsonl,
        (form, _) => form,
    };
    match form {
        TraceForm::Text => text(ctx, &mut session, steps, options)?,
        TraceForm::Jsonl => jsonl(ctx, &log, &mut session, steps, options)?,
        TraceForm::Eip3155 => eip3155(ctx, &log, &mut session, steps)?,
        TraceForm::Mermaid | TraceForm::Dot | TraceForm::Events => {
            if !chart::has_charts(&mut session) {
                return Err(no_charts(&log));
            }
            match form {
                TraceForm::Events => chart::events(ctx, &mut session, steps)?,
                _ => ctx.write(&chart::drawn(&mut session, steps, form, options.audit)?)?,
            }
        }
    }
    ctx.flush()?;
    ctx.end_progress();
    Ok(Reply::streamed())
}

fn no_charts(log: &Log) -> CliError {
    let id = log.machine.vm(0).id();
    let message = format!("the machine `{id}` has no objects that call each other, so no chart");
    CliError::new(&codes::CHART_NONE, message)
        .at(&log.name)
        .help("its steps: --as text or --as jsonl")
}

/// The root before the next step, if it is wanted.
fn root_now(session: &mut Session<'_>, options: &Options) -> Option<Hash> {
    options.roots.then(|| session.claim().state)
}

fn text(
    ctx: &Context,
    session: &mut Session<'_>,
    steps: u64,
    options: &Options,
) -> Result<(), CliError> {
    let bold = anstyle::Style::new().bold();
    let red = anstyle::Style::new().fg_color(Some(anstyle::AnsiColor::Red.into()));
    let roots = if options.roots { "root before" } else { "" };
    let roots_width = if options.roots { 16 } else { 0 };
    let head = format!(
        "{:<15} {:>6}  {:<20} {:>6}  {roots:<roots_width$}stack (top first)",
        "point", "op", "operation", "cost"
    );
    ctx.write(&format!("{bold}{head}{bold:#}\n"))?;
    let (from, mut taken) = (session.place().0, 0);
    while taken < steps {
        let before = root_now(session, options);
        let Some(step) = session.step(options.stack)? else {
            break;
        };
        taken += 1;
        let operation = session.running.place(step.pc);
        let before = before.map_or_else(String::new, |hash| format!("{}  ", hash.short()));
        let mut stack: Vec<String> = step.stack.iter().map(|item| clip(item, ITEM)).collect();
        if step.depth > stack.len() {
            stack.push(format!("(+{})", step.depth - stack.len()));
        }
        let word = match &step.immediate {
            None => step.word.clone(),
            Some(immediate) => clip(&format!("{} {immediate}", step.word), 17),
        };
        let mut line = format!(
            "{:<15} {operation:>6}  {:<20} {:>6}  {before}{}",
            step.point,
            word,
            step.cost,
            stack.join(" ")
        );
        line.truncate(line.trim_end().len());
        if let Some(fault) = &step.fault {
            line += &format!("  {red}!! {fault}{red:#}");
        }
        line.push('\n');
        ctx.write(&line)?;
    }
    let claim = session.claim();
    let status = session.running.status();
    ctx.write(&format!(
        "end {}, {status}, root {}\n",
        count(&(claim.steps - from).to_string(), "step"),
        claim.state
    ))
}

fn jsonl(
    ctx: &Context,
    log: &Log,
    session: &mut Session<'_>,
    steps: u64,
    options: &Options,
) -> Result<(), CliError> {
    let vm = log.machine.vm(0);
    let start = json!({
        "t": "start", "schema": "avm/1", "machine": vm.id(), "spec": vm.spec(), "log": log.name,
        "point": session.label(), "root": root(session.claim().state),
    });
    ctx.write(&format!("{start}\n"))?;
    let (from, mut taken) = (session.place().0, 0);
    while taken < steps {
        let before = root_now(session, options);
        let Some(step) = session.step(options.stack.min(ITEMS_MAX))? else {
            break;
        };
        taken += 1;
        let record = record(&step, vm.id(), session.running.operation(step.pc), before);
        ctx.write(&format!("{record}\n"))?;
    }
    let claim = session.claim();
    let end = json!({
        "t": "end", "point": session.label(), "steps": number(claim.steps - from),
        "inputs": number(claim.inputs), "status": session.running.status(),
        "root": root(claim.state), "cost": big_number(&session.running.cost()),
    });
    ctx.write(&format!("{end}\n"))
}

/// One step: EIP-3155's names with `machine`, `point` and `root` added.
fn record(step: &Step, machine: &str, operation: Option<u64>, before: Option<Hash>) -> Value {
    let mut record = json!({
        "t": "step", "machine": machine, "point": step.point, "pc": number(step.pc),
        "operation": operation.map(number), "op": step.opcode, "opName": step.name,
        "gas": big_number(&U256::from_be_bytes(step.gas).to_string()),
        "gasCost": number(step.cost), "stack": step.stack, "stackSize": step.depth, "depth": 1,
    });
    if let Some(immediate) = &step.immediate {
        record["immediate"] = json!(immediate);
    }
    if let Some(fault) = &step.fault {
        record["error"] = json!(fault);
    }
    if let Some(before) = before {
        record["root"] = json!(root(before));
    }
    record
}

/// The strict form: words in hex, the stack bottom first, and a summary with the computed root.
fn eip3155(
    ctx: &Context,
    log: &Log,
    session: &mut Session<'_>,
    steps: u64,
) -> Result<(), CliError> {
    let (mut taken, mut gas_used) = (0, 0_u64);
    while taken < steps {
        let stack = session.running.stack_words();
        let Some(step) = session.step(0)? else { break };
        taken += 1;
        gas_used = gas_used.saturating_add(step.cost);
        let mut record = json!({
            "pc": step.pc,
            "op": step.opcode,
            "gas": format!("{:#x}", U256::from_be_bytes(step.gas)),
            "gasCost": format!("{:#x}", step.cost),
            "memSize": 0,
            "stack": stack,
            "depth": 1,
            "refund": 0,
            "opName": step.name,
        });
        if let Some(fault) = &step.fault {
            record["error"] = json!(fault);
        }
        ctx.write(&format!("{record}\n"))?;
    }
    let summary = json!({
        "stateRoot": root(session.claim().state),
        "output": "0x",
        "gasUsed": format!("{gas_used:#x}"),
        "pass": session.running.condition() != Condition::Failed,
        "fork": log.machine.vm(0).spec(),
    });
    ctx.write(&format!("{summary}\n"))
}

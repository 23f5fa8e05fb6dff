//! `avm run`: execute and print what came of it.

use std::path::Path;

use avm_core::{Claim, Hash};
use ruint::aliases::U256;
use serde_json::{Value, json};

use super::fault;
use super::record::Recorder;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::locate;
use crate::log::Log;
use crate::output::{self, Reply, big_number, clip, count, grouped, number, row, seconds};
use crate::point::{Point, Target};
use crate::registry::{Condition, Lost};
use crate::session::{Outputs, Session};

/// Items of the stack that are shown.
const ITEMS: usize = 3;
/// Outputs that are shown to people.
const SHOWN: usize = 8;
/// Most characters of a value in a line.
const WIDTH: usize = 160;

/// `avm run FILE`.
///
/// # Errors
/// If the file cannot be executed, a limit is hit, or the program stops on an error.
pub fn run(
    ctx: &Context,
    file: &str,
    inputs: Option<&Path>,
    record: Option<&Path>,
    from: Option<&str>,
) -> Result<Reply, CliError> {
    if let (Ok(Target::Point(point)), false) = (Target::parse(file), Path::new(file).exists()) {
        return Err(
            error::usage(format!("`run` takes a file, `{file}` is a point")).help(format!(
                "write: avm run {} --from {}",
                point.log.as_deref().unwrap_or("FILE"),
                Point { log: None, ..point }
            )),
        );
    }
    let log = Log::open(ctx, file, inputs)?;
    let mut session = match (from, record) {
        (Some(_), Some(_)) => {
            return Err(error::usage(
                "--record writes whole runs and does not go with --from",
            ));
        }
        (Some(from), None) => locate::state(ctx, &log, &Point::parse(from)?)?,
        (None, _) => Session::genesis(ctx, &log)?,
    };
    let before = Before::of(&mut session);
    session.outputs = Some(Outputs::default());
    match record {
        None => {
            session.allow_all();
            session.finish()?;
        }
        Some(path) => recorded(ctx, &log, &mut session, path)?,
    }
    ctx.end_progress();
    let mut result = Outcome::of(&mut session, &before);
    result.recorded = record.map(|path| path.display().to_string());
    ctx.note(&format!(
        "time      {}",
        seconds(ctx.started.elapsed().as_secs_f64())
    ));
    let failed = session.running.condition() == Condition::Failed || result.refused.is_some();
    let mut error = match refusal(&log, &result) {
        _ if failed => fault::fault(ctx, &log, result.after)?,
        Some(error) => error,
        None => return Ok(Reply::new(result.text(), result.json())),
    };
    error.output = Some(result.text());
    if let Value::Object(members) = result.json() {
        error.data.extend(members);
    }
    Err(error)
}

/// What the rules have against the inputs that were taken.
fn refusal(log: &Log, result: &Outcome<'_>) -> Option<CliError> {
    let first = usize::try_from(result.before.inputs).unwrap_or(usize::MAX);
    let end = usize::try_from(result.after.inputs).unwrap_or(usize::MAX);
    let taken = log.inputs.get(first..end).unwrap_or_default();
    log.machine
        .refusal(&log.name, &log.program.image, taken, result.before.inputs)
}

/// Runs input by input, so that every root is recorded.
fn recorded(
    ctx: &Context,
    log: &Log,
    session: &mut Session<'_>,
    path: &Path,
) -> Result<(), CliError> {
    let mut recorder = Recorder::create(path, log, ctx.global.yes)?;
    recorder.claim(&session.claim())?;
    session.finish()?;
    recorder.claim(&session.claim())?;
    for (at, input) in log.inputs.iter().enumerate() {
        recorder.input(input)?;
        if session.place().1 == at as u64 && session.next_span()? {
            recorder.claim(&session.claim())?;
        }
    }
    recorder.finish()
}

/// A session when the part of the run that is reported begins.
struct Before {
    claim: Claim,
    native: Hash,
    cost: U256,
    lost: u64,
}

impl Before {
    fn of(session: &mut Session<'_>) -> Self {
        Self {
            claim: session.claim(),
            native: session.running.native_root().1,
            cost: cost(session),
            lost: session.running.lost().0,
        }
    }
}

fn cost(session: &Session<'_>) -> U256 {
    session.running.cost().parse().unwrap_or_default()
}

/// What came of a run.
struct Outcome<'a> {
    log: &'a Log,
    condition: Condition,
    status: String,
    cost: String,
    before: Claim,
    after: Claim,
    native: (&'static str, Hash, Hash),
    stack: Vec<String>,
    stack_len: usize,
    outputs: Outputs,
    /// Why the last input had no effect, if it had none.
    refused: Option<String>,
    /// Messages inside of the machine that failed: how many, and the last of them.
    lost: (u64, Vec<Lost>),
    recorded: Option<String>,
}

impl<'a> Outcome<'a> {
    fn of(session: &mut Session<'a>, before: &Before) -> Self {
        let after = session.claim();
        let (name, native_after) = session.running.native_root();
        let (lost, mut last) = session.running.lost();
        let lost = lost - before.lost;
        let earlier = (last.len() as u64).saturating_sub(lost);
        last.drain(..usize::try_from(earlier).unwrap_or(last.len()));
        let inspect = session.running.inspect();
        Self {
            log: session.log,
            condition: session.running.condition(),
            status: session.running.status(),
            cost: (cost(session) - before.cost).to_string(),
            before: before.claim,
            after,
            native: (name, before.native, native_after),
            stack: (0..ITEMS).map_while(|at| inspect.item(0, at)).collect(),
            stack_len: inspect.len(0),
            outputs: session.outputs.take().unwrap_or_default(),
            refused: session.running.refused(),
            lost: (lost, last),
            recorded: None,
        }
    }

    fn text(&self) -> String {
        let left = self.log.inputs.len() as u64 - self.after.inputs;
        let status = match self.condition {
            Condition::Running => format!("waiting for input @{}", self.after.inputs),
            _ if left > 0 => format!(
                "{}, {} not taken",
                self.status,
                count(&left.to_string(), "input")
            ),
            _ => self.status.clone(),
        };
        let mut text = row("status", status);
        if let Some(reason) = &self.refused {
            text += &row("failed", clip(reason, WIDTH));
        }
        let (lost, last) = &self.lost;
        if let Some(Lost {
            execution,
            to,
            reason,
        }) = last.last()
        {
            let lost = count(&lost.to_string(), "message");
            let to = to.get(..10).unwrap_or(to);
            let told = format!("{lost} failed, the last one #{execution} to {to}: {reason}");
            text += &row("messages", clip(&told, WIDTH));
        }
        match self.stack.split_first() {
            None => text += &row("result", "(the stack is empty)"),
            Some((top, more)) => {
                text += &row("result", clip(top, WIDTH));
                more.iter()
                    .for_each(|item| text += &row("", clip(item, WIDTH)));
            }
        }
        if self.stack_len > ITEMS {
            text += &row(
                "",
                format!("({} more on the stack)", self.stack_len - ITEMS),
            );
        }
        for (kind, _, value) in self.outputs.kept.iter().take(SHOWN) {
            text += &row(kind, clip(value, WIDTH));
        }
        if self.outputs.count > SHOWN as u64 {
            text += &row(
                "",
                format!("({} more outputs)", self.outputs.count - SHOWN as u64),
            );
        }
        text += &row(
            "root",
            format!(
                "{} -> {}",
                self.before.state.short(),
                self.after.state.short()
            ),
        );
        let (name, before, after) = self.native;
        text += &row(name, format!("{} -> {}", before.short(), after.short()));
        let steps = (self.after.steps - self.before.steps).to_string();
        let (cost, unit) = (grouped(&self.cost), self.log.machine.cost_unit());
        text += &row("cost", format!("{cost} {unit}, {}", count(&steps, "step")));
        if let Some(path) = &self.recorded {
            text += &row("recorded", path);
        }
        text
    }

    fn json(&self) -> Value {
        let outputs = self.outputs.kept.iter();
        let outputs = outputs.map(|(kind, hash, value)| json!({ "kind": kind, "hash": output::root(*hash), "value": value }));
        let (name, native_before, native_after) = self.native;
        let mut data = json!({
            "machine": self.log.machine.vm(0).id(),
            "spec": self.log.machine.vm(0).spec(),
            "status": self.status,
            "waiting": self.condition == Condition::Running,
            "stack": self.stack,
            "stack_size": self.stack_len,
            "outputs": outputs.collect::<Vec<_>>(),
            "output_count": number(self.outputs.count),
            "inputs_taken": number(self.after.inputs),
            "inputs": self.log.inputs.len(),
            "root_before": output::root(self.before.state),
            "root": output::root(self.after.state),
            "native_root": { "name": name, "before": output::root(native_before), "after": output::root(native_after) },
            "steps": number(self.after.steps - self.before.steps),
            "cost": big_number(&self.cost),
            "cost_unit": self.log.machine.cost_unit(),
        });
        if let Some(reason) = &self.refused {
            data["failed"] = json!(reason);
        }
        let (lost, last) = &self.lost;
        if *lost > 0 {
            let last = last.iter().map(
                |it| json!({ "execution": number(it.execution), "to": it.to, "reason": it.reason }),
            );
            data["failed_messages"] =
                json!({ "count": number(*lost), "last": last.collect::<Vec<_>>() });
        }
        if let Some(path) = &self.recorded {
            data["recorded"] = json!(path);
        }
        data
    }
}

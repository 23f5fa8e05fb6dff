//! `avm run`: execute and print what came of it.

use std::fmt::Write;
use std::path::Path;

use avm_core::{Claim, Hash};
use ruint::aliases::U256;
use serde_json::{Value, json};

use super::record::Recorder;
use crate::codes;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::locate;
use crate::log::Log;
use crate::output::{self, Reply, big_number, clip, count, grouped, number, row, seconds};
use crate::point::{InputRef, Point, Target};
use crate::registry::Condition;
use crate::session::{Outputs, Session, Step};

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
    if session.running.condition() != Condition::Failed {
        return Ok(Reply::new(result.text(), result.json()));
    }
    let mut error = fault(ctx, &log, result.after)?;
    error.output = Some(result.text());
    if let Value::Object(members) = result.json() {
        error.data.extend(members);
    }
    Err(error)
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
}

impl Before {
    fn of(session: &mut Session<'_>) -> Self {
        Self {
            claim: session.claim(),
            native: session.running.native_root().1,
            cost: cost(session),
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
    recorded: Option<String>,
}

impl<'a> Outcome<'a> {
    fn of(session: &mut Session<'a>, before: &Before) -> Self {
        let after = session.claim();
        let (name, native_after) = session.running.native_root();
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
        if let Some(path) = &self.recorded {
            data["recorded"] = json!(path);
        }
        data
    }
}

/// Why the machine stopped: its last step, taken once more and watched.
fn fault(ctx: &Context, log: &Log, after: Claim) -> Result<CliError, CliError> {
    let input = after
        .inputs
        .checked_sub(1)
        .map_or(InputRef::Genesis, InputRef::At);
    let mut session = locate::start_of(ctx, log, &Point::of(Some(input), None))?;
    session.run(after.steps - 1 - session.place().0)?;
    let step = session.step(8)?.unwrap_or_default();
    let why = step.fault.as_deref().unwrap_or("an error");
    let operation = session.running.operation(step.pc);
    let line = operation
        .and_then(|at| log.program.lines.get(usize::try_from(at).ok()?))
        .copied();
    let place = match line {
        Some(line) => format!("{}:{line}", log.name),
        None => log.name.clone(),
    };
    let mut error = CliError::new(
        &codes::PROGRAM_FAULT,
        format!("program stopped at `{}`: {why}", step.word),
    )
    .at(place)
    .point(step.point.clone())
    .help(format!(
        "look at the steps before it: avm trace {}{}{}",
        log.name,
        from_to(&step.point),
        log.inputs_option
    ))
    .with("op", step.opcode)
    .with("opName", step.name.clone())
    .with("pc", number(step.pc))
    .with("reason", why);
    if let (Some(line), Some(source)) = (line, &log.source) {
        let text = source
            .lines()
            .nth(line as usize - 1)
            .unwrap_or("")
            .replace('\t', "    ");
        error = error.line(line.to_string(), clip(&text, 100));
        let code = text.split(';').next().unwrap_or("");
        if let Some(at) = code
            .find(&step.word)
            .filter(|at| code.is_ascii() && *at < 100)
        {
            let marks = "^".repeat(step.word.len());
            error = error.line("", format!("{}{marks}", " ".repeat(at)));
        }
    }
    if let Some(operation) = operation {
        error = error.with("operation", number(operation));
        error = error.note(format!(
            "operation @{operation} of {}",
            log.program.operations
        ));
    }
    Ok(operands(
        error,
        &step,
        session.running.operands(step.opcode),
    ))
}

/// `@3:0..@3:7` for a step `@3:7`, or a shorter way back.
fn from_to(point: &str) -> String {
    match point.rsplit_once(':') {
        Some((span, step)) => {
            let last: u64 = step.parse().unwrap_or(0);
            format!("{span}:{}..{span}:{}", last.saturating_sub(10), last + 1)
        }
        None => String::new(),
    }
}

/// Shows what the step found on the stack.
fn operands(mut error: CliError, step: &Step, takes: usize) -> CliError {
    let mut list = Vec::new();
    let found = step.immediate.iter().chain(&step.stack);
    for (name, item) in ('A'..'I').zip(found.take(takes.max(1))) {
        let mut line = String::new();
        let role = if takes == 0 {
            "top of the stack".into()
        } else {
            format!("operand {name}")
        };
        let _ = write!(line, "{role} = {}", clip(item, WIDTH));
        error = error.note(line);
        list.push(json!(item));
    }
    if list.is_empty() {
        error = error.note("the stack is empty");
    }
    error.with("operands", list)
}

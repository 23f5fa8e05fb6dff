//! Why a run ended on an error: the step that failed, what it found, and where that comes from.

use std::fmt::Write;

use avm_core::Claim;
use serde_json::json;

use crate::codes;
use crate::context::Context;
use crate::error::CliError;
use crate::locate;
use crate::log::Log;
use crate::output::{clip, number};
use crate::point::{InputRef, Point};
use crate::registry::Why;
use crate::session::{Session, Step};

/// Most characters of a value in a line.
const WIDTH: usize = 160;

/// Why the run ended as it did: its last step, taken once more and watched.
///
/// # Errors
/// If a limit is hit.
pub fn fault(ctx: &Context, log: &Log, after: Claim) -> Result<CliError, CliError> {
    let input = after
        .inputs
        .checked_sub(1)
        .map_or(InputRef::Genesis, InputRef::At);
    let mut session = locate::start_of(ctx, log, &Point::of(Some(input), None))?;
    let why = match after
        .inputs
        .checked_sub(1)
        .and_then(|at| log.inputs.get(at as usize))
    {
        Some(bytes) => session.running.why(bytes),
        None => None,
    };
    session.run(after.steps - 1 - session.place().0)?;
    let step = session.step(8)?.unwrap_or_default();
    let reason = step.fault.as_deref().unwrap_or("an error");
    let operation = match &why {
        Some(why) => why.operation,
        None => session.running.operation(step.pc),
    };
    let index = operation.and_then(|at| usize::try_from(at).ok());
    let line = index
        .and_then(|at| log.program.lines.get(at))
        .copied()
        .filter(|line| *line > 0);
    let column = index
        .and_then(|at| log.program.columns.get(at))
        .copied()
        .filter(|_| line.is_some());
    let place = match (line, column) {
        (Some(line), Some((column, _))) => format!("{}:{line}:{column}", log.name),
        (Some(line), None) => format!("{}:{line}", log.name),
        (None, _) => log.name.clone(),
    };
    let message = match &why {
        Some(why) => why.message.clone(),
        None => format!("program stopped at `{}`: {reason}", step.word),
    };
    let mut error = CliError::new(&codes::PROGRAM_FAULT, message)
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
        .with("reason", reason);
    if let (Some(line), Some(source)) = (line, &log.source) {
        let text = source
            .lines()
            .nth(line as usize - 1)
            .unwrap_or("")
            .replace('\t', "    ");
        error = error.line(line.to_string(), clip(&text, 100));
        let code = text.split(';').next().unwrap_or("");
        let found = match column {
            // A tab is four spaces above, so columns would not fit.
            Some((column, len)) => Some((column.saturating_sub(1) as usize, len as usize))
                .filter(|_| !source.contains('\t')),
            None => code
                .find(&step.word)
                .filter(|_| code.is_ascii())
                .map(|at| (at, step.word.len())),
        };
        if let Some((at, len)) = found.filter(|(at, _)| *at < 100) {
            error = error.line(
                "",
                format!("{}{}", " ".repeat(at), "^".repeat(len.min(100))),
            );
        }
    }
    if let Some(operation) = operation {
        error = error.with("operation", number(operation));
        error = error.note(format!(
            "operation @{operation} of {}",
            log.program.operations
        ));
    }
    match why {
        Some(why) => told(ctx, log, error, why, after.inputs - 1),
        None => Ok(operands(
            error,
            &step,
            session.running.operands(step.opcode),
        )),
    }
}

/// What the machine knows of the failure, and since when the state has what it found.
fn told(
    ctx: &Context,
    log: &Log,
    mut error: CliError,
    why: Why,
    input: u64,
) -> Result<CliError, CliError> {
    for line in why.block {
        error = error.line("", line);
    }
    for note in why.notes {
        error = error.note(note);
    }
    let since = since(ctx, log, &why.keys, input)?;
    for (key, since) in why.keys.iter().zip(&since) {
        error = error.note(format!("{key} {since} before input @{input}"));
    }
    if let serde_json::Value::Object(members) = why.data {
        error.data.extend(members);
    }
    let keys = why.keys.iter().zip(&since);
    let keys: Vec<_> = keys
        .map(|(key, since)| json!({ "key": key, "history": since }))
        .collect();
    Ok(error.with("keys", keys))
}

/// What happened to each key before an input was taken, in words.
fn since(ctx: &Context, log: &Log, keys: &[String], input: u64) -> Result<Vec<String>, CliError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut session = Session::genesis(ctx, log)?;
    session.finish()?;
    let look = |session: &mut Session<'_>| -> Vec<Option<String>> {
        let values = keys.iter().map(|key| session.running.key(key));
        values.map(|value| value.map(|value| value.text)).collect()
    };
    let mut values = look(&mut session);
    let mut told: Vec<String> = values
        .iter()
        .map(|value| match value {
            Some(_) => "was there from the start, unchanged".into(),
            None => "was never set".into(),
        })
        .collect();
    for at in 0..input {
        if !session.next_span()? {
            break;
        }
        let now = look(&mut session);
        for ((told, old), new) in told.iter_mut().zip(&values).zip(&now) {
            if old != new {
                let what = if new.is_some() { "set" } else { "deleted" };
                *told = format!("was last {what} by input @{at}, unchanged");
            }
        }
        values = now;
    }
    Ok(told)
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

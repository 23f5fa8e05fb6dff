//! `avm root` and `avm log`: committed roots, at a point or along the inputs.

use std::path::Path;

use avm_core::{Claim, Hash};
use avm_store::Store;
use serde_json::{Value, json};

use super::open;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::locate;
use crate::log::Log;
use crate::output::{Reply, clip, number, root as hex_root};
use crate::point::{InputRef, Point, Target};
use crate::recorded::Recorded;
use crate::session::Session;

/// Most characters of an input's fields in a line.
const WIDTH: usize = 130;

/// `avm root TARGET`.
///
/// # Errors
/// If there is no such moment.
pub fn root(
    ctx: &Context,
    target: &[String],
    inputs: Option<&Path>,
    every: u64,
) -> Result<Reply, CliError> {
    if let Some(reply) = recorded(target, every)? {
        return Ok(reply);
    }
    let (log, target) = open(ctx, target, inputs)?;
    let point = match target {
        Target::Range(from, to) => return range(ctx, &log, &from, &to, every),
        Target::Point(point) => point,
        Target::File(_) => Point::of(Some(InputRef::Final), None),
    };
    let mut session = locate::state(ctx, &log, &point)?;
    ctx.end_progress();
    let record = moment(&mut session, &point.to_string());
    Ok(Reply::new(format!("{}\n", session.claim().state), record))
}

/// The root that a store directory records at a point, or those along a range; `None` if the
/// target is no store, or a moment that takes executing or looking into blocks.
fn recorded(target: &[String], every: u64) -> Result<Option<Reply>, CliError> {
    let target = match target {
        [file, point] => Target::parse(point)?.within(file),
        [one] => Target::parse(one)?,
        _ => return Ok(None),
    };
    let end = |file: String| Point {
        log: Some(file),
        ..Point::of(Some(InputRef::Final), None)
    };
    let (from, to) = match target {
        Target::File(file) => (end(file), None),
        Target::Point(point) => (point, None),
        Target::Range(from, to) => (from, Some(to)),
    };
    let Some(name) = from.log.clone() else {
        return Ok(None);
    };
    let other = to.as_ref().is_some_and(|to| to.log != from.log);
    if other || !Store::log_path(Path::new(&name)).is_file() {
        return Ok(None);
    }
    let recorded = Recorded::read(&name)?;
    let find = |point: &Point| -> Result<Option<Claim>, CliError> {
        let Some(inputs) = recorded.moment(point) else {
            return Ok(None);
        };
        match recorded.claims.get(&inputs) {
            Some(claim) => Ok(Some(*claim)),
            // The state before the first input is there in any case.
            None if inputs == 0 => Ok(None),
            None => {
                let message = format!("the store records roots at {}", recorded.range());
                Err(error::point_missing(&point.to_string(), message))
            }
        }
    };
    let Some(first) = find(&from)? else {
        return Ok(None);
    };
    let record = |point: String, claim: &Claim| {
        json!({
            "point": point,
            "at": recorded.label(claim.inputs),
            "root": hex_root(claim.state),
            "root_from": "recorded",
            "native_root": null,
            "status": null,
            "steps": number(claim.steps),
            "inputs": number(claim.inputs),
            "inbox": hex_root(claim.inbox),
            "outputs": number(claim.outputs),
            "outbox": hex_root(claim.outbox),
        })
    };
    let Some(to) = to else {
        let record = record(from.to_string(), &first);
        return Ok(Some(Reply::new(format!("{}\n", first.state), record)));
    };
    let Some(last) = find(&to)? else {
        return Ok(None);
    };
    if last.inputs < first.inputs {
        return Err(locate::backward(&from, &to));
    }
    let (mut text, mut records) = (String::new(), Vec::new());
    for (inputs, claim) in recorded.claims.range(first.inputs..=last.inputs) {
        if (inputs - first.inputs).is_multiple_of(every) || *inputs == last.inputs {
            let label = recorded.label(*inputs);
            text += &format!("{label:<12} {}\n", claim.state);
            records.push(record(label, claim));
        }
    }
    Ok(Some(Reply::new(text, json!({ "roots": records }))))
}

fn moment(session: &mut Session<'_>, point: &str) -> Value {
    let claim = session.claim();
    let (name, native) = session.running.native_root();
    json!({
        "point": point,
        "root": hex_root(claim.state),
        "native_root": { "name": name, "hash": hex_root(native) },
        "status": session.running.status(),
        "steps": number(claim.steps),
        "inputs": number(claim.inputs),
        "inbox": hex_root(claim.inbox),
        "outputs": number(claim.outputs),
        "outbox": hex_root(claim.outbox),
    })
}

/// Roots along a range: after every input, or after every step if a point names a step.
fn range(
    ctx: &Context,
    log: &Log,
    from: &Point,
    to: &Point,
    every: u64,
) -> Result<Reply, CliError> {
    let by_steps = from.step.is_some() || to.step.is_some();
    let locate::Part { mut session, steps } = locate::between(ctx, log, from, to)?;
    let end = session.place().0 + steps;
    let last_input = session.most;
    let mut text = String::new();
    let mut records = Vec::new();
    let mut push = |session: &mut Session<'_>| {
        let label = match by_steps {
            true => session.label(),
            false => after_input(session, from),
        };
        text += &format!("{label:<12} {}\n", session.claim().state);
        records.push(moment(session, &label));
    };
    push(&mut session);
    while session.place().0 < end {
        if by_steps {
            session.run(every.min(end - session.place().0))?;
        } else {
            // The state at `@N` comes before input N + 1 is allowed.
            let next = session.place().1.saturating_add(every).min(last_input);
            session.most = next;
            session.finish()?;
            if session.place().1 < next && session.place().0 < end {
                continue;
            }
        }
        push(&mut session);
    }
    ctx.end_progress();
    Ok(Reply::new(text, json!({ "roots": records })))
}

/// The point of a state between inputs.
fn after_input(session: &Session<'_>, from: &Point) -> String {
    match (session.place(), from.input) {
        ((0, 0), _) => "@genesis".into(),
        ((_, 0), _) => session.label(),
        ((_, inputs), _) => format!("@{}", inputs - 1),
    }
}

/// `avm log FILE [RANGE]`.
///
/// # Errors
/// If the file cannot be read, or has no such inputs.
pub fn log(
    ctx: &Context,
    file: &str,
    range: Option<&str>,
    inputs: Option<&Path>,
) -> Result<Reply, CliError> {
    let mut args = vec![file.to_owned()];
    args.extend(range.map(ToOwned::to_owned));
    let (log, target) = open(ctx, &args, inputs)?;
    let range = match target {
        // A bundle without a point stands for all of its log here.
        _ if args.len() == 1 && !file.contains('@') => 0..log.inputs.len() as u64,
        Target::File(_) => 0..log.inputs.len() as u64,
        Target::Point(point) => locate::inputs(&log, &point, &point)?,
        Target::Range(from, to) => locate::inputs(&log, &from, &to)?,
    };
    let claims = log.recorded_by_inputs();
    let recorded = range.clone().all(|input| claims.contains_key(&(input + 1)));
    let roots = if recorded {
        let found = |input| {
            claims
                .get(&(input + 1))
                .map(|claim| (claim.state, claim.steps))
        };
        range.map(|input| (input, found(input))).collect()
    } else {
        computed_roots(ctx, &log, range)?
    };
    ctx.end_progress();
    let source = if recorded { "recorded" } else { "computed" };
    // Blocks are called by their heights, if the log says which.
    let named = match log.is_log && log.point.is_none() {
        true => Recorded::read(&log.name)?.first,
        false => None,
    };
    let (mut text, mut records) = (String::new(), Vec::new());
    for (input, found) in roots {
        let bytes = &log.inputs[usize::try_from(input).unwrap_or(usize::MAX)];
        let point = format!("@{input}");
        let height = named.map(|first| u64::from(first) + input);
        let label = height.map_or_else(|| point.clone(), |height| format!("@b{height}"));
        let summary = summary(&log, input)?;
        let shown = found
            .as_ref()
            .map_or("(not taken)".into(), |(root, _)| root.to_string());
        text += &format!(
            "{label:<8} {shown:<64}  {} bytes  {}\n",
            bytes.len(),
            clip(&summary, WIDTH)
        );
        records.push(json!({
            "point": point,
            "height": height,
            "root": found.as_ref().map(|(root, _)| hex_root(*root)),
            "root_from": source,
            "steps": found.as_ref().map(|(_, steps)| number(*steps)),
            "bytes": bytes.len(),
            "summary": summary,
        }));
    }
    let data = json!({ "log": log.name, "taken_back": log.taken_back, "inputs": records });
    if log.inputs.is_empty() {
        ctx.note("note: there are no inputs");
    }
    Ok(Reply::new(text, data))
}

/// Root and steps after an input, if it was taken.
type Found = (u64, Option<(Hash, u64)>);

fn computed_roots(
    ctx: &Context,
    log: &Log,
    range: std::ops::Range<u64>,
) -> Result<Vec<Found>, CliError> {
    let mut session = Session::genesis(ctx, log)?;
    session.most = range.start;
    session.finish()?;
    let mut roots = Vec::new();
    for input in range {
        let taken = session.place().1 == input && session.next_span()?;
        let claim = taken.then(|| session.claim());
        roots.push((input, claim.map(|claim| (claim.state, claim.steps))));
    }
    Ok(roots)
}

/// The first fields of an input in one line.
fn summary(log: &Log, input: u64) -> Result<String, CliError> {
    let bytes = &log.inputs[usize::try_from(input).unwrap_or(usize::MAX)];
    let fields = log.machine.input_fields(bytes);
    let fields = fields.map_err(|reason| error::bad_input(input, &log.name, &reason))?;
    // What names the input is whole, so that it can be searched for.
    let short = |at: usize, text: &str| match text.parse::<Hash>() {
        Ok(hash) if at > 0 && text.len() == 64 => hash.short().to_string(),
        _ => text.to_owned(),
    };
    let shown = fields.iter().take(4).enumerate();
    let shown = shown.map(|(at, (name, value))| match value {
        Value::String(text) => format!("{name} {}", short(at, text)),
        other => format!("{name} {other}"),
    });
    Ok(shown.collect::<Vec<_>>().join("  "))
}

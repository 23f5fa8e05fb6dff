//! `avm call`: one input on top of a point, and nothing is kept.

use std::path::Path;

use ruint::aliases::U256;
use serde_json::{Value, json};

use super::{diff, fault};
use crate::context::Context;
use crate::error::{self, CliError};
use crate::locate;
use crate::log::Log;
use crate::output::{Reply, big_number, clip, contrast, count, grouped, number, root, row};
use crate::point::{Point, Target};
use crate::registry::{Condition, Difference, Key};
use crate::session::{Outputs, Session};

/// Most characters of a value in a line.
const WIDTH: usize = 70;
/// Keys that are shown to people.
const SHOWN: usize = 40;
/// Most characters of an output.
const OUTPUT: usize = 400;

/// `avm call TARGET [WORD...]`.
///
/// # Errors
/// If the program takes no such input, or the input fails.
pub fn call(
    ctx: &Context,
    target: &str,
    words: &[String],
    inputs: Option<&Path>,
    at: Option<&str>,
) -> Result<Reply, CliError> {
    let (file, point) = match Target::parse(target)? {
        Target::File(file) => (file, None),
        Target::Point(point) => match &point.log {
            Some(file) => (file.clone(), Some(point.clone())),
            None => {
                return Err(error::usage(
                    "name a program or log to call, FILE or FILE@POINT",
                ));
            }
        },
        Target::Range(..) => {
            return Err(error::usage("a call is made at one point, not in a range"));
        }
    };
    let point = match (at, point) {
        (Some(_), Some(_)) => return Err(error::usage("--at and FILE@POINT name two points")),
        (Some(at), None) => Some(Point::parse(at)?),
        (None, point) => point,
    };
    let mut log = Log::open(ctx, &file, inputs)?;
    let taken = taken(ctx, &log, point.as_ref())?;
    let input = log.machine.call(&log.program.image, words)?;
    log.keep(taken);
    log.inputs.push(input);
    let mut session = Session::genesis(ctx, &log)?;
    session.most = taken;
    session.finish()?;
    if session.place().1 < taken || session.running.condition() != Condition::Running {
        let message = format!(
            "the machine {} and takes no input",
            session.running.condition().verb()
        );
        return Err(error::point_missing(&format!("@{taken}"), message));
    }
    let (before, from) = (session.claim(), cost(&session));
    let mut old = session.running.fork();
    session.outputs = Some(Outputs::default());
    if !session.next_span()? {
        let message = "the machine does not take another input here";
        return Err(error::point_missing(&format!("@{taken}"), message));
    }
    ctx.end_progress();
    let after = session.claim();
    let changed = diff::differences(&mut *old, &mut *session.running, "", usize::MAX);
    let changed = changed.map_err(|e| error::host(&e, taken, &log.name))?.keys;
    let outputs = session.outputs.take().unwrap_or_default();
    let refused = session.running.refused();
    let failed = refused.is_some() || session.running.condition() == Condition::Failed;
    let outcome = match (&refused, failed) {
        (Some(reason), _) => format!("failed: {reason}"),
        (None, true) => session.running.status(),
        (None, false) => String::from("ok"),
    };
    let spent = (cost(&session) - from).to_string();
    let steps = after.steps - before.steps;
    let mut text = row("outcome", clip(&outcome, OUTPUT));
    for one in changed.iter().take(SHOWN) {
        text += &line(one);
    }
    if changed.len() > SHOWN {
        text += &format!("          ({} more keys)\n", changed.len() - SHOWN);
    }
    for (kind, _, value) in &outputs.kept {
        text += &row(kind, clip(value, OUTPUT));
    }
    text += &row(
        "root",
        format!("{} -> {}", before.state.short(), after.state.short()),
    );
    let unit = log.machine.cost_unit();
    let count = count(&steps.to_string(), "step");
    text += &row("cost", format!("{} {unit}, {count}", grouped(&spent)));
    let kept = outputs.kept.iter();
    let kept = kept
        .map(|(kind, hash, value)| json!({ "kind": kind, "hash": root(*hash), "value": value }));
    let data = json!({
        "machine": log.machine.vm(0).id(),
        "at": format!("@{taken}"),
        "outcome": outcome,
        "failed": failed,
        "changed": changed.iter().map(record).collect::<Vec<_>>(),
        "outputs": kept.collect::<Vec<_>>(),
        "root_before": root(before.state),
        "root": root(after.state),
        "steps": number(steps),
        "cost": big_number(&spent),
        "cost_unit": unit,
        "input": crate::output::hex(log.inputs.last().map_or(&[][..], |input| input)),
    });
    if !failed {
        return Ok(Reply::new(text, data));
    }
    let mut error = fault::fault(ctx, &log, after)?;
    // The moment is in no file, so there is no command that shows the steps before it.
    error.help = None;
    error.output = Some(text);
    if let Value::Object(members) = data {
        error.data.extend(members);
    }
    Err(error)
}

/// Inputs before the call: those up to a point, or all.
fn taken(ctx: &Context, log: &Log, point: Option<&Point>) -> Result<u64, CliError> {
    let Some(point) = point else {
        return Ok(log.inputs.len() as u64);
    };
    if point.step.is_some() {
        return Err(error::usage(
            "a call is made between two inputs, so the point has no step",
        ));
    }
    Ok(locate::state(ctx, log, point)?.place().1)
}

fn cost(session: &Session<'_>) -> U256 {
    session.running.cost().parse().unwrap_or_default()
}

/// A key that changed, for people.
fn line(found: &Difference) -> String {
    let text = |side: &Option<Key>| {
        side.as_ref()
            .map_or("(none)".into(), |key| key.text.clone())
    };
    let [before, after] = [text(&found.sides[0]), text(&found.sides[1])];
    let [before, after] = contrast([&before, &after], WIDTH);
    row("changed", format!("{}  {before} -> {after}", found.name))
}

fn record(found: &Difference) -> Value {
    let value = |side: &Option<Key>| side.as_ref().map(|key| key.value.clone());
    json!({ "key": found.name, "before": value(&found.sides[0]), "after": value(&found.sides[1]) })
}

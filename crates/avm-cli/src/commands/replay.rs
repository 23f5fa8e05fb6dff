//! `avm replay`: execute a log again and compare every recorded root.

use std::path::Path;

use avm_core::Claim;
use serde_json::json;

use crate::anoma::tools::objects::{self as anoma, State};
use crate::codes;
use crate::context::Context;
use crate::error::{CliError, no_roots, usage};
use crate::log::{Log, is_log};
use crate::output::{Reply, clip, count, hex, number, root, row};
use crate::session::Session;

/// `avm replay LOG`.
///
/// # Errors
/// If a root differs, or the log is damaged or, with `check`, has no roots.
pub fn replay(ctx: &Context, path: &Path, check: bool) -> Result<Reply, CliError> {
    if path.is_file() && !is_log(path) {
        return Err(usage(format!("{} is not a log", path.display()))
            .help("record one with: avm run FILE --record LOG.avmlog"));
    }
    let log = Log::read(ctx, path)?;
    if check && log.recorded.is_empty() {
        return Err(no_roots(&log.name));
    }
    let mut text = String::new();
    let mut session = Session::genesis(ctx, &log)?;
    let mut agreed = None;
    for recorded in &log.recorded {
        if recorded.steps < session.place().0 {
            session = Session::genesis(ctx, &log)?;
        }
        session.most = recorded.inputs;
        session.run(recorded.steps - session.place().0)?;
        let ours = session.claim();
        if ours != *recorded {
            ctx.end_progress();
            return Err(divergence(&log, &ours, recorded, agreed));
        }
        if !check {
            text += &format!("{:<12} {}  same\n", moment(recorded), recorded.state);
        }
        agreed = Some(*recorded);
    }
    session.allow_all();
    session.finish()?;
    ctx.end_progress();
    let claim = session.claim();
    let (roots, inputs) = (log.recorded.len(), log.inputs.len());
    let unrecorded = agreed.map_or(claim.inputs, |last| claim.inputs - last.inputs);
    text += &row(
        "replay",
        format!(
            "ok, {} agree, {}, {}",
            count(&roots.to_string(), "root"),
            count(&inputs.to_string(), "input"),
            count(&claim.steps.to_string(), "step")
        ),
    );
    text += &row("root", claim.state);
    let mut reply = Reply::new(
        text,
        json!({
            "log": log.name,
            "roots_compared": roots,
            "inputs": inputs,
            "inputs_taken": number(claim.inputs),
            "taken_back": number(log.taken_back),
            "steps": number(claim.steps),
            "root": root(claim.state),
            "status": session.running.status(),
        }),
    );
    if unrecorded > 0 {
        reply.warnings.push(format!(
            "{unrecorded} inputs at the end have no recorded root"
        ));
    }
    if log.taken_back > 0 {
        reply.warnings.push(format!(
            "{} inputs were taken back; their roots were not compared",
            log.taken_back
        ));
    }
    Ok(reply)
}

/// `avm replay FILE --objects`.
///
/// # Errors
/// If the history of an object does not give its state, or there are no objects.
pub fn objects(ctx: &Context, path: &Path) -> Result<Reply, CliError> {
    let log = Log::open(ctx, &path.to_string_lossy(), None)?;
    let Some(found) = anoma::replay(ctx, &log)? else {
        let id = log.machine.vm(0).id();
        let message = format!("the machine `{id}` has no objects");
        return Err(CliError::new(&codes::OBJECTS_NONE, message).at(&log.name));
    };
    let (mut text, mut list) = (String::new(), Vec::new());
    let (mut same, mut alone) = (0, 0);
    let mut wrong = Vec::new();
    for one in &found {
        let history = if one.history { "same" } else { "differs" };
        let state = match &one.state {
            State::Same => String::from("same"),
            State::Differs(..) => String::from("differs"),
            State::Beyond(uses) => format!("not alone, it uses {}", uses.join(", ")),
            State::Unknown(why) => format!("unknown, {why}"),
        };
        same += usize::from(matches!(one.state, State::Same));
        alone += usize::from(matches!(one.state, State::Beyond(_)));
        text += &format!(
            "{}  {:<16} {:>12}  history {history}, state {state}\n",
            one.id,
            clip(&one.behaviour, 40),
            count(&one.inputs.to_string(), "input"),
        );
        list.push(json!({
            "object": hex(&one.id.0), "behaviour": one.behaviour, "inputs": number(one.inputs),
            "history": one.history,
            "state": match &one.state {
                State::Same => json!("same"),
                State::Differs(found, fresh) => json!({ "found": found, "fresh": fresh }),
                State::Beyond(uses) => json!({ "uses": uses }),
                State::Unknown(why) => json!({ "unknown": why }),
            },
        }));
        if one.differs() {
            wrong.push(one);
        }
    }
    text += &row(
        "objects",
        format!(
            "{}: {same} with the same state, {alone} not alone",
            found.len()
        ),
    );
    let Some(first) = wrong.first() else {
        return Ok(Reply::new(
            text,
            json!({ "log": log.name, "objects": list }),
        ));
    };
    let message = format!("the history of {} does not give its state", first.id);
    let mut error = CliError::new(&codes::HISTORY_OTHER, message)
        .at(&log.name)
        .with("objects", list);
    if let State::Differs(found, fresh) = &first.state {
        error = error
            .line("", format!("found  {}", clip(found, 400)))
            .line("", format!("fresh  {}", clip(fresh, 400)));
    }
    error.output = Some(text);
    Err(error)
}

/// The point of a recorded claim.
fn moment(claim: &Claim) -> String {
    match (claim.inputs.checked_sub(1), claim.steps) {
        (None, 0) => "@genesis".into(),
        (None, steps) => format!("@genesis:{steps}"),
        (Some(input), _) => format!("@{input}"),
    }
}

fn divergence(log: &Log, ours: &Claim, recorded: &Claim, agreed: Option<Claim>) -> CliError {
    let point = moment(recorded);
    let sides = [
        ("steps", ours.steps.to_string(), recorded.steps.to_string()),
        (
            "state root",
            ours.state.to_string(),
            recorded.state.to_string(),
        ),
        (
            "number of inputs taken",
            ours.inputs.to_string(),
            recorded.inputs.to_string(),
        ),
        (
            "inbox hash",
            ours.inbox.to_string(),
            recorded.inbox.to_string(),
        ),
        (
            "number of outputs",
            ours.outputs.to_string(),
            recorded.outputs.to_string(),
        ),
        (
            "outbox hash",
            ours.outbox.to_string(),
            recorded.outbox.to_string(),
        ),
    ];
    let differing: Vec<_> = sides
        .iter()
        .filter(|(_, ours, recorded)| ours != recorded)
        .collect();
    // The root is what people compare; it comes first if it differs.
    let main = differing
        .iter()
        .find(|side| side.0 == "state root")
        .or(differing.first());
    let (what, left, right) = main.map_or(("claim", "", ""), |side| (side.0, &side.1, &side.2));
    let mut error = CliError::new(
        &codes::DIVERGENCE,
        format!("{what} does not match the recorded one"),
    )
    .at(&log.name)
    .point(point.clone())
    .line("", format!("ours      {left}"))
    .line("", format!("recorded  {right}"))
    .with("what", what)
    .with("ours", claim_json(ours))
    .with("recorded", claim_json(recorded));
    for (name, left, right) in differing.iter().filter(|side| side.0 != what) {
        error = error.note(format!("{name}: ours {left}, recorded {right}"));
    }
    error = match agreed {
        None => error.note("no earlier root agrees"),
        Some(Claim { inputs: 0, .. }) => error.note("the root before the first input agrees"),
        Some(Claim { inputs: 1, .. }) => error.note("input @0 agrees"),
        Some(Claim { inputs, .. }) => error.note(format!("inputs @0..@{} agree", inputs - 1)),
    };
    let span = if recorded.inputs == 0 {
        "@genesis".into()
    } else {
        point
    };
    error
        .note(format!("its steps: avm trace {}{span}", log.name))
        .help(format!(
            "find the step:  avm bisect {} --recorded",
            log.name
        ))
}

fn claim_json(claim: &Claim) -> serde_json::Value {
    json!({
        "root": root(claim.state), "steps": number(claim.steps),
        "inputs": number(claim.inputs), "inbox": root(claim.inbox),
        "outputs": number(claim.outputs), "outbox": root(claim.outbox),
    })
}

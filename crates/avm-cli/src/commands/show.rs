//! `avm show`: one input decoded, or one value of a state.

use std::path::Path;

use avm_core::{Hash, MemoryNodes};
use serde_json::{Map, Value, json};

use super::{open, state};
use crate::context::Context;
use crate::error::{self, CliError};
use crate::locate;
use crate::log::Log;
use crate::output::{Reply, clip, hex, root};
use crate::point::{InputRef, Point, Target};

/// Most characters of a field for people.
const WIDTH: usize = 300;

/// `avm show POINT [KEY]`.
///
/// # Errors
/// If there is no such input, key or hash.
pub fn show(
    ctx: &Context,
    point: &str,
    key: Option<&str>,
    inputs: Option<&Path>,
    raw: bool,
) -> Result<Reply, CliError> {
    // `avm show FILE @3` means the same as `avm show FILE@3`.
    let (second, key) = match key {
        Some(text) if text.starts_with('@') => (Some(text), None),
        key => (None, key),
    };
    let args: Vec<String> = [Some(point), second]
        .into_iter()
        .flatten()
        .map(Into::into)
        .collect();
    let (log, target) = open(ctx, &args, inputs)?;
    match key {
        None => input(&log, &target, raw),
        Some(key) => value(ctx, &log, &target, key, raw),
    }
}

fn input(log: &Log, target: &Target, raw: bool) -> Result<Reply, CliError> {
    let point = match target {
        Target::Point(point) if point.step.is_none() => point.clone(),
        // A bundle without a point stands for the input that its own point is in.
        Target::Point(point) if log.point.as_ref() == Some(point) => Point {
            step: None,
            ..point.clone()
        },
        Target::File(file) => Point {
            log: Some(file.clone()),
            ..Point::of(Some(InputRef::Latest), None)
        },
        _ => {
            return Err(error::usage(
                "to show an input, name it without a step: LOG@3; to show a value, add its key",
            ));
        }
    };
    if let None | Some(InputRef::Genesis) = point.input {
        return Err(
            error::usage("there is no input at this point").help("write LOG@0 for the first input")
        );
    }
    let index = locate::inputs(log, &point, &point)?.start;
    let Some(bytes) = usize::try_from(index)
        .ok()
        .and_then(|index| log.inputs.get(index))
    else {
        return Err(error::point_missing(
            &point.to_string(),
            "there are no inputs",
        ));
    };
    let fields = log.machine.input_fields(bytes);
    let fields = fields.map_err(|reason| error::bad_input(index, &log.name, &reason))?;
    let mut members = Map::new();
    let mut text = format!(
        "input     @{index} of {}, {} bytes\n",
        log.inputs.len(),
        bytes.len()
    );
    for (name, value) in fields {
        let shown = match &value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        text += &format!("{name:<16} {}\n", clip(&shown, WIDTH));
        members.insert(name.into(), value);
    }
    if raw {
        text = format!("{}\n", hex(bytes));
    }
    let data = json!({ "point": format!("@{index}"), "input": members, "bytes": hex(bytes) });
    Ok(Reply::new(text, data))
}

fn value(
    ctx: &Context,
    log: &Log,
    target: &Target,
    key: &str,
    raw: bool,
) -> Result<Reply, CliError> {
    let point = state::moment(target)?;
    let mut session = locate::state(ctx, log, &point)?;
    ctx.end_progress();
    let missing = |reason: String| {
        error::key_missing(reason)
            .at(&log.name)
            .point(point.to_string())
            .help(format!(
                "list the keys: avm state {}@{}",
                log.name,
                point.to_string().rsplit('@').next().unwrap_or("")
            ))
    };
    if let Ok(hash) = key.trim_start_matches('#').parse::<Hash>() {
        let mut nodes = MemoryNodes::default();
        let saved = session.running.machine().save(&mut nodes);
        saved.map_err(|e| error::host(&e, 0, &log.name))?;
        let text = log.machine.value_text(hash, nodes);
        let text = text.map_err(|e| missing(format!("no value of this hash in the state: {e}")))?;
        return Ok(Reply::new(
            format!("{text}\n"),
            json!({ "hash": root(hash), "text": text }),
        ));
    }
    let found = session.running.key(key);
    let found =
        found.ok_or_else(|| missing(format!("the state has no key `{}`", clip(key, 60))))?;
    let mut text = format!("{}\n", found.text);
    if let (Some(hash), false) = (found.hash, raw) {
        text += &format!("hash      {hash}\n");
    }
    let data = json!({ "key": found.name, "value": found.value, "text": found.text, "hash": found.hash.map(root) });
    Ok(Reply::new(text, data))
}

//! `avm state`: the keys of a state.

use std::path::Path;

use serde_json::{Value, json};

use super::open;
use crate::cli::StateForm;
use crate::context::Context;
use crate::error::CliError;
use crate::locate;
use crate::output::{Reply, clip, root};
use crate::point::{InputRef, Point, Target};
use crate::registry::Key;

/// What to list.
pub struct Options<'a> {
    /// Keys start with this.
    pub prefix: &'a str,
    /// Only the number.
    pub count: bool,
    /// At most so many.
    pub limit: Option<usize>,
    /// Form of the output.
    pub form: StateForm,
}

/// Keys that are listed for people, unless they say how many.
const LIMIT: usize = 1_000;

/// `avm state POINT [PREFIX]`.
///
/// # Errors
/// If there is no such moment.
pub fn state(
    ctx: &Context,
    point: &str,
    inputs: Option<&Path>,
    options: &Options<'_>,
) -> Result<Reply, CliError> {
    // `avm state FILE @3` means the same as `avm state FILE@3`.
    let second = Some(options.prefix).filter(|text| text.starts_with('@'));
    let args: Vec<String> = [Some(point), second]
        .into_iter()
        .flatten()
        .map(Into::into)
        .collect();
    let prefix = if second.is_some() { "" } else { options.prefix };
    let (log, target) = open(ctx, &args, inputs)?;
    let point = moment(&target)?;
    let mut session = locate::state(ctx, &log, &point)?;
    ctx.end_progress();
    let is_text = options.form == StateForm::Text && !ctx.global.json && !options.count;
    let limit = options
        .limit
        .unwrap_or(if is_text { LIMIT } else { usize::MAX });
    let (keys, more) = session.running.first_keys(prefix, limit);
    if more {
        ctx.note(&format!(
            "note: there are more than {limit} keys; --limit lists more, a prefix other ones"
        ));
    }
    if keys.is_empty() && !prefix.is_empty() && !options.count {
        let shown = clip(prefix, 60);
        ctx.note(&format!("note: no key begins with `{shown}`"));
    }
    if options.count {
        return Ok(Reply::new(
            format!("{}\n", keys.len()),
            json!({ "count": keys.len() }),
        ));
    }
    let records = keys.iter().map(record);
    match options.form {
        StateForm::Text => {
            let data = json!({ "point": point.to_string(), "root": root(session.claim().state), "keys": records.collect::<Vec<_>>(), "more": more });
            Ok(Reply::new(keys.iter().map(line).collect::<String>(), data))
        }
        StateForm::Jsonl => {
            for mut record in records {
                record["t"] = json!("key");
                ctx.write(&format!("{record}\n"))?;
            }
            let end = json!({ "t": "end", "keys": keys.len(), "more": more, "root": root(session.claim().state) });
            ctx.write(&format!("{end}\n"))?;
            Ok(Reply::streamed())
        }
        StateForm::Csv => {
            ctx.write("key,value,hash\n")?;
            for key in &keys {
                let hash = key.hash.map_or_else(String::new, root);
                ctx.write(&format!(
                    "{},{},{hash}\n",
                    quoted(&key.name),
                    quoted(&key.text)
                ))?;
            }
            Ok(Reply::streamed())
        }
    }
}

/// The one moment of a target; a file stands for the end of its run.
///
/// # Errors
/// If it is a range.
pub fn moment(target: &Target) -> Result<Point, CliError> {
    match target {
        Target::File(_) => Ok(Point::of(Some(InputRef::Final), None)),
        Target::Point(point) => Ok(point.clone()),
        Target::Range(..) => Err(crate::error::usage("expected one point, found a range")),
    }
}

fn record(key: &Key) -> Value {
    json!({ "key": key.name, "value": key.value, "text": key.text, "hash": key.hash.map(root) })
}

fn line(key: &Key) -> String {
    let hash = key
        .hash
        .map_or_else(String::new, |hash| format!("  #{}", hash.short()));
    format!("{:<14} {}{hash}\n", key.name, clip(&key.text, 100))
}

/// A field of a CSV file.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
}

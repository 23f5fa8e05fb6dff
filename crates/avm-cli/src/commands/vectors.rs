//! `avm vectors`: reference vectors of a machine.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::codes;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::files::{Source, has_extension};
use crate::output::Reply;
use crate::registry;
use crate::vectors::Case;

/// Failures that the JSON result lists.
const LISTED: usize = 1000;

/// `avm vectors ID FILE|DIR...`.
///
/// # Errors
/// If a case fails, or a file is no vector file.
pub fn vectors(ctx: &Context, id: &str, paths: &[PathBuf]) -> Result<Reply, CliError> {
    let machine = registry::find(id)?;
    let (mut passed, mut failed) = (0_u64, 0_u64);
    let mut failures = Vec::new();
    for path in files(paths)? {
        let file = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("");
        if let Some(reason) = machine.left_out(file) {
            ctx.note(&format!("left out {}: {reason}", path.display()));
            continue;
        }
        let source = Source::read(&path)?;
        let document = source.json()?;
        let cases = machine
            .vectors(file, &document)
            .map_err(|reason| schema(&path, &reason))?;
        for Case { name, result } in cases {
            let Err(reason) = result else {
                passed += 1;
                continue;
            };
            failed += 1;
            if !ctx.global.json {
                ctx.write(&format!("FAIL  {} {name}: {reason}\n", path.display()))?;
            }
            if failures.len() < LISTED {
                failures.push(
                    json!({ "file": path.display().to_string(), "case": name, "reason": reason }),
                );
            }
        }
    }
    let text = format!("{passed} passed, {failed} failed\n");
    let data = json!({ "passed": passed, "failed": failed, "failures": failures });
    if failed == 0 {
        return Ok(Reply::new(text, data));
    }
    let mut error = CliError::new(
        &codes::CASES_FAILED,
        format!("{failed} of {} cases failed", passed + failed),
    );
    error.output = Some(text);
    error.data = data.as_object().cloned().unwrap_or_default();
    Err(error)
}

fn schema(path: &Path, reason: &str) -> CliError {
    let message = format!("{} is not a vector file: {reason}", path.display());
    CliError::new(&codes::VECTORS_SCHEMA, message).at(path.display().to_string())
}

/// The files, with those in each directory, in order.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path).map_err(|e| error::unreadable(path, &e))?;
        let mut inside = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| error::unreadable(path, &e))?.path();
            if has_extension(&entry, &["json"]) && entry.is_file() {
                inside.push(entry);
            }
        }
        if inside.is_empty() {
            let message = format!("there is no .json file in {}", path.display());
            return Err(CliError::new(&codes::NO_VECTORS, message));
        }
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}

//! `avm vectors`: reference vectors of a machine.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::codes;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::files::{Source, has_extension};
use crate::output::Reply;
use crate::registry;
use crate::vectors::{Case, Verdict};

/// Failures that the JSON result lists.
const LISTED: usize = 1000;

/// What came of all cases so far.
#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
    failures: Vec<Value>,
    skips: Vec<Value>,
}

impl Tally {
    /// Counts a case, and tells people of one that did not pass.
    fn take(&mut self, ctx: &Context, path: &Path, case: Case) -> Result<(), CliError> {
        let (label, reason, count, list) = match case.verdict {
            Verdict::Ran(Ok(())) => {
                self.passed += 1;
                return Ok(());
            }
            Verdict::Ran(Err(reason)) => ("FAIL", reason, &mut self.failed, &mut self.failures),
            Verdict::Skipped(reason) => ("SKIP", reason, &mut self.skipped, &mut self.skips),
        };
        *count += 1;
        let (path, name) = (path.display(), case.name);
        if list.len() < LISTED {
            list.push(json!({ "file": path.to_string(), "case": name, "reason": reason }));
        }
        if ctx.global.json {
            return Ok(());
        }
        ctx.write(&format!("{label}  {path} {name}: {reason}\n"))
    }

    /// The last line for people; what was skipped is counted if anything was.
    fn text(&self) -> String {
        let (passed, failed) = (self.passed, self.failed);
        match self.skipped {
            0 => format!("{passed} passed, {failed} failed\n"),
            skipped => format!("{passed} passed, {failed} failed, {skipped} skipped\n"),
        }
    }

    fn json(self) -> Value {
        let (passed, failed) = (self.passed, self.failed);
        let mut data = json!({ "passed": passed, "failed": failed, "failures": self.failures });
        if self.skipped > 0 {
            data["skipped"] = self.skipped.into();
            data["skips"] = self.skips.into();
        }
        data
    }
}

/// `avm vectors ID FILE|DIR...`.
///
/// # Errors
/// If a case fails, or a file is no vector file.
pub fn vectors(ctx: &Context, id: &str, paths: &[PathBuf]) -> Result<Reply, CliError> {
    let machine = registry::find(id)?;
    let mut tally = Tally::default();
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
        for case in cases {
            tally.take(ctx, &path, case)?;
        }
    }
    let (passed, failed, text) = (tally.passed, tally.failed, tally.text());
    let data = tally.json();
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

//! `avm fmt`: the layout of texts of the language.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use avm_lang::diagnostic::{self, Diagnostic};
use avm_lang::format;
use serde_json::json;

use crate::codes;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::files::{self, Source};
use crate::output::{Reply, clip};

/// Deepest directory that is searched, counted from the one that was named.
const DEPTH_MAX: usize = 32;
/// Most findings that are shown.
const SHOWN_MAX: usize = 20;

/// `avm fmt [FILES] [--check]`.
///
/// # Errors
/// If a text cannot be read; the others are laid out all the same.
pub fn fmt(ctx: &Context, names: &[PathBuf], check: bool) -> Result<Reply, CliError> {
    let here = [PathBuf::from(".")];
    let names = if names.is_empty() { &here } else { names };
    let paths = collect(names)?;
    let mut changed = Vec::new();
    let mut text = None;
    let mut failed: Option<CliError> = None;
    for path in &paths {
        ctx.spend(0, String::new)?;
        let standard = path == Path::new("-");
        match laid_out(path) {
            Ok((before, after)) => {
                if before.bytes != after.as_bytes() {
                    if !check && !standard {
                        // Through links, to the file itself.
                        let path =
                            fs::canonicalize(path).map_err(|e| error::unreadable(path, &e))?;
                        files::write(&path, after.as_bytes(), true)?;
                    }
                    changed.push(before.name());
                }
                if standard && !check {
                    text = Some(after);
                }
            }
            Err(error) => failed = Some(joined(failed, error)),
        }
    }
    if let Some(mut error) = failed {
        if check && !changed.is_empty() {
            error.output = Some(lines(&changed));
        }
        return Err(error.with("changed", changed));
    }
    let mut data = json!({ "files": paths.len(), "changed": changed });
    match text {
        Some(text) if ctx.global.json => data["text"] = json!(text),
        Some(text) => raw(&text)?,
        None => {}
    }
    let mut reply = Reply::new(
        if check {
            lines(&changed)
        } else {
            String::new()
        },
        data,
    );
    if check {
        reply.exit = u8::from(!changed.is_empty());
    } else if paths != [Path::new("-")] {
        ctx.note(&format!(
            "{} of {} files laid out anew",
            changed.len(),
            paths.len()
        ));
    }
    Ok(reply)
}

fn lines(names: &[String]) -> String {
    names.iter().map(|name| format!("{name}\n")).collect()
}

/// Writes to standard output what is no message: the layer that takes colour out for files would
/// take it out of string constants, too.
fn raw(text: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|e| error::output(&e))
}

/// A text as it is and as it should be.
fn laid_out(path: &Path) -> Result<(Source, String), CliError> {
    let source = Source::read(path)?;
    let text = source.text()?;
    let after =
        format::format(text, 0).map_err(|found| unreadable(&source.name(), text, &found))?;
    Ok((source, after))
}

/// One error for several files: the first one, with the others as notes.
fn joined(first: Option<CliError>, error: CliError) -> CliError {
    match first {
        None => error,
        Some(first) if first.notes.len() >= SHOWN_MAX => first,
        Some(first) => {
            let place = error.place.clone().unwrap_or_default();
            first.note(format!("also {place}: {}", error.message))
        }
    }
}

/// What is wrong with a text.
fn unreadable(name: &str, text: &str, found: &[Diagnostic]) -> CliError {
    let place = |found: &Diagnostic| {
        let (line, column) = diagnostic::position(text, found.span.start);
        (line, column, format!("{name}:{line}:{column}"))
    };
    let told = |found: &Diagnostic| format!("{} [{}]", clip(&found.message, 200), found.code);
    let message = found.first().map_or_else(String::new, told);
    let mut error = CliError::new(&codes::MALFORMED_SOURCE, message);
    if let Some(first) = found.first() {
        let (line, column, at) = place(first);
        let shown = text.lines().nth(line - 1).unwrap_or("");
        let number = line.to_string();
        error = error.at(at).line(number, clip(shown, 100));
        if column <= 100 {
            error = error.line("", format!("{}^", " ".repeat(column - 1)));
        }
        if let Some(help) = &first.help {
            error = error.help(help.clone());
        }
    }
    for other in found.iter().skip(1).take(SHOWN_MAX) {
        error = error.note(format!("also {}: {}", place(other).2, told(other)));
    }
    error
}

/// The files that are meant, directories searched, in order of their names and each once.
pub(super) fn collect(names: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let mut paths = Vec::new();
    for name in names {
        if !name.is_dir() {
            paths.push(name.clone());
            continue;
        }
        let mut found = Vec::new();
        let mut folders = vec![(name.clone(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            let entries = fs::read_dir(&folder).map_err(|e| error::unreadable(&folder, &e))?;
            for entry in entries {
                let entry = entry.map_err(|e| error::unreadable(&folder, &e))?;
                let kind = entry
                    .file_type()
                    .map_err(|e| error::unreadable(&folder, &e))?;
                let path = entry.path();
                if entry.file_name().as_encoded_bytes().starts_with(b".") {
                    continue;
                }
                // Links are left alone: they may lead round in circles.
                if kind.is_dir() && depth < DEPTH_MAX {
                    folders.push((path, depth + 1));
                } else if kind.is_file() && files::has_extension(&path, &["avm"]) {
                    found.push(path.strip_prefix("./").map(Path::to_owned).unwrap_or(path));
                }
            }
        }
        found.sort();
        paths.append(&mut found);
    }
    let mut seen = std::collections::BTreeSet::new();
    paths.retain(|path| seen.insert(path.clone()));
    Ok(paths)
}

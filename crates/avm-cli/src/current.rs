//! The current log: the one that a point means if it names none.

use std::fs;
use std::path::{Path, PathBuf};

use crate::codes;
use crate::context::Context;
use crate::error::CliError;
use crate::files;
use crate::log::EXTENSION;

/// The name that is taken before all others.
const MAIN: &str = "main.avmlog";
/// Logs that an error lists.
const LISTED: usize = 8;

/// The current log, for the point `text`: `main.avmlog` in the current directory or in that of
/// --home, or else the only log in either.
///
/// # Errors
/// If there is none, or several and none is `main.avmlog`; the error says where it looked.
pub fn log(ctx: &Context, text: &str) -> Result<String, CliError> {
    let mut directories = vec![PathBuf::new()];
    directories.extend(ctx.global.home.clone());
    let main = directories.iter().map(|dir| dir.join(MAIN));
    if let Some(path) = main.into_iter().find(|path| path.is_file()) {
        return Ok(path.display().to_string());
    }
    for dir in &directories {
        let logs = logs_in(dir);
        match &logs[..] {
            [] => {}
            [only] => return Ok(only.display().to_string()),
            several => return Err(ambiguous(text, several)),
        }
    }
    Err(none(text, &directories))
}

/// The logs in a directory, by name.
fn logs_in(dir: &Path) -> Vec<PathBuf> {
    let searched = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    let entries = fs::read_dir(searched).into_iter().flatten().flatten();
    let paths = entries.map(|entry| dir.join(entry.file_name()));
    let mut logs: Vec<PathBuf> = paths
        .filter(|path| files::has_extension(path, &[EXTENSION]) && path.is_file())
        .collect();
    logs.sort();
    logs
}

fn ambiguous(text: &str, logs: &[PathBuf]) -> CliError {
    let names = logs.iter().map(|path| path.display().to_string());
    let mut listed = names.take(LISTED).collect::<Vec<_>>().join(", ");
    if logs.len() > LISTED {
        listed.push_str(", ...");
    }
    no_file(text)
        .note(format!("there are {} logs: {listed}", logs.len()))
        .help(example(text, &logs[0].display().to_string()))
}

fn none(text: &str, directories: &[PathBuf]) -> CliError {
    let here = std::env::current_dir().unwrap_or_default();
    let mut error = no_file(text);
    for dir in directories {
        let dir = here.join(dir);
        error = error.note(format!("no .avmlog in {}", dir.display()));
    }
    error.help(example(text, MAIN))
}

fn no_file(text: &str) -> CliError {
    let text = crate::output::clip(text, 60);
    let message = format!("`{text}` names no file, and there is no current log");
    CliError::new(&codes::NO_FILE, message)
}

fn example(text: &str, log: &str) -> String {
    let text = crate::output::clip(text, 60);
    let at = if text.starts_with('@') { "" } else { "@" };
    format!("write the file first: {log}{at}{text}")
}

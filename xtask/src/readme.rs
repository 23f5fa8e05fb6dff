//! The commands that README.md promises to work, read out of it so that they cannot drift.
//!
//! A command is a line of a code block that starts with `$ `. The lines behind it, up to the next
//! command or the end of the block, are what it prints, if there are any.

use std::ffi::OsStr;
use std::fs;
use std::process::Command;

use crate::{Found, root};

/// A command and what it prints; nothing is said about that if it is empty.
#[derive(Debug, PartialEq, Eq)]
struct Promise {
    command: String,
    output: Vec<String>,
}

/// Runs the commands and compares what they print.
pub(crate) fn check() -> Found {
    let text = fs::read_to_string(root().join("README.md"));
    match text
        .map_err(|error| error.to_string())
        .and_then(|text| promises(&text))
    {
        Ok(promises) => promises.iter().filter_map(broken).collect(),
        Err(error) => vec![format!("README.md: {error}")],
    }
}

/// Runs a command; what is wrong with it. What an earlier one built is on its path.
fn broken(promise: &Promise) -> Option<String> {
    let Promise { command, .. } = promise;
    println!("$ {command}");
    let built = root().join("target/release").into_os_string();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let ran = Command::new("sh")
        .args(["-c", command])
        .env("PATH", [built, path].join(OsStr::new(":")))
        .current_dir(root())
        .output();
    match ran {
        Ok(ran) if ran.status.success() => {
            objection(promise, &String::from_utf8_lossy(&ran.stdout))
        }
        Ok(ran) => {
            let (said, errors) = (
                String::from_utf8_lossy(&ran.stdout),
                String::from_utf8_lossy(&ran.stderr),
            );
            Some(format!("`{command}`: {}\n{said}{errors}", ran.status))
        }
        Err(error) => Some(format!("`{command}`: {error}")),
    }
}

fn objection(promise: &Promise, printed: &str) -> Option<String> {
    let Promise { command, output } = promise;
    let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
    let same = output.is_empty() || printed == *output;
    (!same).then(|| {
        format!(
            "`{command}` prints\n{}\nand not\n{}",
            printed.join("\n"),
            output.join("\n")
        )
    })
}

fn promises(text: &str) -> Result<Vec<Promise>, String> {
    let mut block = false;
    let mut promises: Vec<Promise> = vec![];
    // Whether lines are what the last command prints.
    let mut printing = false;
    for line in text.lines().map(str::trim_end) {
        if line.starts_with("```") {
            (block, printing) = (!block, false);
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| block) {
            let command = command.to_owned();
            promises.push(Promise {
                command,
                output: vec![],
            });
            printing = true;
        } else if printing && let Some(last) = promises.last_mut() {
            last.output.push(line.to_owned());
        }
    }
    match promises.is_empty() {
        true => Err(String::from("no line of a code block starts with `$ `")),
        false => Ok(promises),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promise(command: &str, output: &[&str]) -> Promise {
        Promise {
            command: command.to_owned(),
            output: output.iter().map(|line| (*line).to_owned()).collect(),
        }
    }

    #[test]
    fn commands_and_their_output() {
        let text = "# avm\n$ not this\n```\nnor this\n```\n```text\n$ cargo run\na\nb\n```\ntext\n```\n$ one\n$ two\nc\n```\n";
        let want = [
            promise("cargo run", &["a", "b"]),
            promise("one", &[]),
            promise("two", &["c"]),
        ];
        assert_eq!(promises(text).as_deref(), Ok(&want[..]));
        assert!(promises("# avm\n").is_err());
    }

    #[test]
    fn other_output_is_refused() {
        assert_eq!(objection(&promise("x", &["a", "b"]), "a \nb\n"), None);
        assert!(objection(&promise("x", &["a", "b"]), "a\n").is_some());
        assert_eq!(objection(&promise("x", &[]), "a\n"), None);
    }

    #[test]
    fn a_command_that_fails_is_refused() {
        assert_eq!(broken(&promise("true", &[])), None);
        assert!(broken(&promise("false", &[])).is_some());
        assert!(broken(&promise("echo a", &["b"])).is_some());
    }
}

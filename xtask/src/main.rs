//! Checks and chores of the workspace: `cargo xtask <task>`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

mod deps;
mod fuzz;
mod lengths;
mod no_std;
mod pages;
mod readme;

/// What is wrong, one line or more each; a task without any has passed.
type Found = Vec<String>;

/// A task that finds what is wrong.
type Check = fn() -> Found;

const USAGE: &str = "usage: cargo xtask <task>

  tidy                  everything below but fuzz-smoke, rustfmt and clippy included
  deps                  crates depend on lower rows only
  lengths               no source file is too long
  pages                 generated pages are fresh
  no-std                crates below the IO line build without std
  codegen               writes the generated pages
  readme                runs the commands of README.md and compares what they print
  fuzz-smoke [seconds]  runs every fuzz target, 20 seconds each unless told";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let found = match args[..] {
        ["tidy"] => tidy(),
        ["deps"] => deps::check(),
        ["lengths"] => lengths::check(),
        ["pages"] => pages::check(),
        ["no-std"] => no_std::check(),
        ["codegen"] => pages::write(),
        ["readme"] => readme::check(),
        ["fuzz-smoke"] => fuzz::smoke(20),
        ["fuzz-smoke", seconds] => match seconds.parse() {
            Ok(seconds) => fuzz::smoke(seconds),
            Err(_) => vec![format!("{seconds:?} is not a number of seconds")],
        },
        _ => vec![String::from(USAGE)],
    };
    for line in &found {
        eprintln!("{line}");
    }
    ExitCode::from(u8::from(!found.is_empty()))
}

/// All checks, each with its name and outcome on a line.
fn tidy() -> Found {
    let checks: [(&str, Check); 6] = [
        ("format", format),
        ("clippy", clippy),
        ("dependency directions", deps::check),
        ("file lengths", lengths::check),
        ("generated pages", pages::check),
        ("no_std", no_std::check),
    ];
    let mut all = vec![];
    for (name, check) in checks {
        let found = check();
        println!("{name}: {}", if found.is_empty() { "ok" } else { "FAILED" });
        all.extend(found.into_iter().map(|line| format!("{name}: {line}")));
    }
    all
}

fn format() -> Found {
    cargo(&["fmt", "--all", "--check"])
}

fn clippy() -> Found {
    cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ])
}

/// Runs cargo at the root of the workspace.
fn cargo(args: &[&str]) -> Found {
    run(Command::new("cargo").args(args).current_dir(root()))
}

/// Runs a command; what is wrong is that it failed.
fn run(command: &mut Command) -> Found {
    match command.status() {
        Ok(status) if status.success() => vec![],
        Ok(status) => vec![format!("{command:?}: {status}")],
        Err(error) => vec![format!("{command:?}: {error}")],
    }
}

/// The root of the workspace.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .expect("xtask is a folder of the workspace")
        .to_owned()
}

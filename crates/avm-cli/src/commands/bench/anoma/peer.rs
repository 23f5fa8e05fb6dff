//! The same programs in Erlang, if it is installed.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::Spread;
use crate::error::{self, CliError};

/// The programs.
const TEXT: &str = include_str!("../peer.erl");

/// Name of the module and, with its ending, of the file; OTP has a module `peer` itself.
const MODULE: &str = "avm_peer";

/// What its numbers are: a process of its own cannot be measured by our clock.
pub const CLOCK: &str = "CPU time of the emulator by statistics(runtime), in milliseconds";

/// How it is started: one scheduler, which does not burn time when it has nothing to do.
pub const OPTIONS: [&str; 10] = [
    "+S",
    "1:1",
    "+SDcpu",
    "1:1",
    "+sbwt",
    "none",
    "+sbwtdcpu",
    "none",
    "+sbwtdio",
    "none",
];

/// A compiled module in a folder that goes away with it.
pub struct Peer {
    dir: PathBuf,
    /// Release of Erlang/OTP.
    pub release: String,
}

impl Drop for Peer {
    fn drop(&mut self) {
        // What is left there hurts nobody but the disk.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Peer {
    /// Compiles the programs.
    ///
    /// # Errors
    /// Why there is nobody to compare with, for people.
    pub fn find() -> Result<Self, String> {
        let name = format!("avm-bench-anoma-{}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        let unwritten = |e| format!("{}: {e}", dir.display());
        // What is there already is somebody else's.
        std::fs::create_dir(&dir).map_err(unwritten)?;
        let mut peer = Self {
            dir: dir.clone(),
            release: String::new(),
        };
        let text = dir.join(format!("{MODULE}.erl"));
        std::fs::write(&text, TEXT).map_err(unwritten)?;
        output(Command::new("erlc").arg("-o").arg(&dir).arg(&text), "erlc")?;
        peer.release = peer.erl(&["version"])?.trim().into();
        Ok(peer)
    }

    /// Runs a program and says how often a second it does what is measured, once per round.
    ///
    /// # Errors
    /// If it fails, or does not do as much as ours.
    pub fn measure(
        &self,
        program: &str,
        n: u64,
        count: u64,
        rounds: u32,
    ) -> Result<Spread, CliError> {
        let (n, times) = (n.to_string(), rounds.to_string());
        let shown = self.erl(&["main", program, &n, &times]);
        let shown = shown.map_err(|e| error::bench_changed(format!("{program}: {e}")))?;
        let changed =
            || error::bench_changed(format!("Erlang says of {program}: {}", shown.trim()));
        let mut rates = Vec::new();
        for line in shown.lines() {
            let (done, milliseconds) = line.split_once(' ').ok_or_else(changed)?;
            let milliseconds: u32 = milliseconds.parse().map_err(|_| changed())?;
            if done.parse() != Ok(count) {
                return Err(changed());
            }
            rates.push(count as f64 * 1e3 / f64::from(milliseconds.max(1)));
        }
        if rates.len() != rounds as usize {
            return Err(changed());
        }
        Ok(Spread::of(rates))
    }

    fn erl(&self, words: &[&str]) -> Result<String, String> {
        let mut command = Command::new("erl");
        command.args(OPTIONS).args(["-noshell", "-noinput", "-pa"]);
        command.arg(&self.dir).args(["-run", MODULE]);
        output(command.args(words), "erl")
    }
}

/// What a program prints.
fn output(command: &mut Command, name: &str) -> Result<String, String> {
    let ran = command
        .stdin(Stdio::null())
        // No file in the folder of the caller if it fails.
        .env("ERL_CRASH_DUMP_SECONDS", "0")
        .output()
        .map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => format!("`{name}` is not on PATH"),
            _ => format!("`{name}` does not start: {e}"),
        })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !ran.status.success() {
        let said = text(&ran.stdout) + &text(&ran.stderr);
        let last = said.lines().last().unwrap_or("nothing is said");
        return Err(format!("`{name}` fails: {last}"));
    }
    Ok(text(&ran.stdout))
}

//! Drives the real binary in a directory of its own.
#![allow(dead_code)]

pub mod blocks;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use avm_core::{Claim, Hash};
use avm_store::{LogHeader, LogReader, LogWriter, Record};
use serde_json::Value;
use tempfile::TempDir;

/// Adds the numbers from 10 to 1, logs the sum, then takes two messages.
pub const ADDER: &str = r#"; sums, logs, and takes two messages
.const N = 10
.static @loop
        push    0
        push    N
loop:   dup0
        auxpush
        add
        auxpop
        push    1
        swap1
        sub
        dup0
        spush
        cjump
        pop
        log
        inbox
        tget    0
        push    5
        add
        inbox
        push    "hello"
        push    5
        send
        halt
"#;

/// Divides by zero.
pub const FAULTY: &str =
    "        push 7\n        push 0\n        push 9  ; dividend\nhere:   div\n        halt\n";

/// Two messages.
pub const INBOX: &str = r#"[
 {"kind": 3, "data": "01ff"},
 {"kind": 7, "sender": "00000000000000000000000000000000000000ab", "timestamp": "5f5e1000"}
]"#;

/// The log at `from` written anew at `to`: its inputs and its claims, each changed.
pub fn rewrite(
    work: &Work,
    [from, to]: [&str; 2],
    mut input: impl FnMut(usize, &mut Vec<u8>),
    mut claim: impl FnMut(usize, &mut Claim) -> bool,
) {
    let mut reader = LogReader::open(&work.path(from)).unwrap();
    let header = LogHeader::for_export(reader.header().identity.clone(), &reader.header().image);
    let mut writer = LogWriter::new(Vec::new(), Path::new(to), &header).unwrap();
    let (mut inputs, mut claims, mut inbox) = (0, 0, vec![Hash::ZERO]);
    while let Some((_, record)) = reader.next_record().unwrap() {
        match record {
            Record::Input { bytes, .. } => {
                let mut bytes = bytes.to_vec();
                input(inputs, &mut bytes);
                inputs += 1;
                inbox.push(inbox[inputs - 1].join(Hash::keccak(&bytes)));
                writer.input(&bytes).unwrap();
            }
            Record::Claim(mut found) => {
                found.inbox = inbox[found.inputs as usize];
                if claim(claims, &mut found) {
                    writer.claim(&found).unwrap();
                }
                claims += 1;
            }
            _ => {}
        }
    }
    work.write(to, writer.finish().unwrap());
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The standard output as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Each line of the standard output as JSON.
    pub fn lines(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.stdout.lines().map(parse).collect()
    }

    /// [`Ran::shown`] with times replaced.
    pub fn timeless(&self) -> String {
        let ends = [" us", " ms", " s", " us)", " ms)", " s)"];
        let shown = self.shown();
        let lines = shown.lines().map(|line| match line.rsplit_once(", ") {
            Some((rest, time)) if ends.iter().any(|end| time.ends_with(end)) => {
                format!("{rest}, TIME\n")
            }
            _ => format!("{line}\n"),
        });
        lines.collect()
    }

    /// Both outputs and the exit code, for snapshots.
    pub fn shown(&self) -> String {
        format!(
            "{}--- stderr\n{}--- exit {}\n",
            self.stdout, self.stderr, self.code
        )
    }
}

/// A directory with the usual files.
pub struct Work {
    dir: TempDir,
}

impl Work {
    pub fn new() -> Self {
        let work = Self {
            dir: TempDir::new().unwrap(),
        };
        work.write("adder.masm", ADDER);
        work.write("faulty.masm", FAULTY);
        work.write("inbox.json", INBOX);
        work
    }

    /// With a recording of `adder.masm` in `main.avmlog`.
    pub fn recorded() -> Self {
        let work = Self::new();
        let ran = work.avm("run adder.masm --inputs inbox.json --record main.avmlog");
        assert_eq!(ran.code, 0, "{ran:?}");
        work
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Runs the binary with these words, without notes on standard error.
    pub fn avm(&self, args: &str) -> Ran {
        self.words(&args.split_whitespace().collect::<Vec<_>>(), true)
    }

    /// The same without `--quiet`.
    pub fn loud(&self, args: &str) -> Ran {
        self.words(&args.split_whitespace().collect::<Vec<_>>(), false)
    }

    pub fn words(&self, args: &[&str], quiet: bool) -> Ran {
        let mut command = self.command(args);
        if quiet && !args.is_empty() {
            command.arg("--quiet");
        }
        let output = command.stdin(Stdio::null()).output().unwrap();
        let ran = Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(
            !ran.stderr.contains("AVM0901") && ran.code != 101,
            "a panic: {ran:?}"
        );
        ran
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_avm"));
        command.current_dir(self.dir.path()).args(args);
        for name in [
            "AVM_HOME",
            "NO_COLOR",
            "CLICOLOR_FORCE",
            "CLICOLOR",
            "COLUMNS",
        ] {
            command.env_remove(name);
        }
        command
    }
}

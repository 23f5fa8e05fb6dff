//! What can go wrong on the command line, as data: rendered for people or as JSON.

use std::fmt::Write;
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use avm_core::HostError;
use avm_store::StoreError;
use serde_json::{Map, Value, json};

use crate::codes::{self, Code};

/// A failed command.
#[derive(Debug)]
pub struct CliError(Box<Report>);

/// The parts of an error, rustc's shape: what, where, both sides, what to do.
#[derive(Debug)]
pub struct Report {
    /// The cause, which fixes the exit code.
    pub code: &'static Code,
    /// What happened, one line, lower case, no full stop.
    pub message: String,
    /// `file` or `file:line:column`.
    pub place: Option<String>,
    /// The moment it is about.
    pub point: Option<String>,
    /// Lines of the block under the place: a source line with a caret, or both sides.
    pub block: Vec<(String, String)>,
    /// Further facts.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
    /// Facts for programs.
    pub data: Map<String, Value>,
    /// The whole text, if something else rendered it already.
    pub rendered: Option<String>,
    /// A result that belongs on standard output all the same.
    pub output: Option<String>,
}

impl Deref for CliError {
    type Target = Report;

    fn deref(&self) -> &Report {
        &self.0
    }
}

impl DerefMut for CliError {
    fn deref_mut(&mut self) -> &mut Report {
        &mut self.0
    }
}

impl CliError {
    /// An error with its cause and message only.
    #[must_use]
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Self(Box::new(Report {
            code,
            message: message.into(),
            place: None,
            point: None,
            block: Vec::new(),
            notes: Vec::new(),
            help: None,
            data: Map::new(),
            rendered: None,
            output: None,
        }))
    }

    /// With the file it is about.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// With the moment it is about.
    #[must_use]
    pub fn point(mut self, point: impl Into<String>) -> Self {
        self.point = Some(point.into());
        self
    }

    /// With one more line in the block; `margin` is a line number or empty.
    #[must_use]
    pub fn line(mut self, margin: impl Into<String>, text: impl Into<String>) -> Self {
        self.block.push((margin.into(), text.into()));
        self
    }

    /// With one more fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// With what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With a fact for programs.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.data.insert(name.into(), value.into());
        self
    }

    /// Whether only the reader of the output is gone.
    #[must_use]
    pub fn is_pipe(&self) -> bool {
        self.code.exit == 0
    }

    /// The error for people.
    #[must_use]
    pub fn render(&self) -> String {
        let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        if let Some(rendered) = &self.rendered {
            let mut text = String::new();
            for line in rendered.lines() {
                match line.split_once(']') {
                    Some((head, rest)) if line.starts_with("error[") => {
                        let _ = writeln!(text, "{red}{head}]{red:#}{rest}");
                    }
                    _ => {
                        let _ = writeln!(text, "{line}");
                    }
                }
            }
            return text;
        }
        let blue = Style::new().bold().fg_color(Some(AnsiColor::Blue.into()));
        let cyan = Style::new().fg_color(Some(AnsiColor::Cyan.into()));
        let width = self
            .block
            .iter()
            .map(|(margin, _)| margin.len())
            .max()
            .unwrap_or(0)
            .max(2);
        let pad = " ".repeat(width);
        let mut text = format!("{red}error[{}]{red:#}: {}\n", self.code.id, self.message);
        let place = match (&self.place, &self.point) {
            (Some(place), Some(point)) => Some(format!("{place}  {point}")),
            (place, point) => place.clone().or_else(|| point.clone()),
        };
        if let Some(place) = place {
            let _ = writeln!(
                text,
                "{}{blue}-->{blue:#} {place}",
                " ".repeat(width.max(2))
            );
        }
        if !self.block.is_empty() {
            let _ = writeln!(text, "{pad} {blue}|{blue:#}");
            for (margin, line) in &self.block {
                let line = format!("{margin:>width$} {blue}|{blue:#} {line}");
                let _ = writeln!(text, "{}", line.trim_end());
            }
            let _ = writeln!(text, "{pad} {blue}|{blue:#}");
        }
        for note in &self.notes {
            let _ = writeln!(text, "{pad} {blue}={blue:#} {note}");
        }
        if let Some(help) = &self.help {
            let _ = writeln!(text, "{cyan}help{cyan:#}: {help}");
        }
        text
    }

    /// The `error` member of the JSON envelope.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut data = self.data.clone();
        let mut put = |name: &str, value: Value| {
            data.entry(name).or_insert(value);
        };
        if let Some(place) = &self.place {
            put("place", json!(place));
        }
        if !self.notes.is_empty() {
            put("notes", json!(self.notes));
        }
        if let Some(help) = &self.help {
            put("help", json!(help));
        }
        json!({
            "code": self.code.id,
            "message": self.message,
            "point": self.point,
            "data": data,
        })
    }
}

impl std::fmt::Display for CliError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.id, self.message)
    }
}

impl std::error::Error for CliError {}

// ---- one function per cause that more than one command can meet

/// A file that the operating system does not let us read.
#[must_use]
pub fn unreadable(path: &Path, error: &io::Error) -> CliError {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::IsADirectory => {
            "it is a directory, and no store: it has no main.avmlog".into()
        }
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    };
    CliError::new(
        &codes::UNREADABLE,
        format!("cannot read {}: {reason}", path.display()),
    )
    .with("path", path.display().to_string())
}

/// A file that the operating system does not let us write.
#[must_use]
pub fn unwritable(path: &Path, error: &io::Error) -> CliError {
    CliError::new(
        &codes::UNWRITABLE,
        format!("cannot write {}: {error}", path.display()),
    )
    .with("path", path.display().to_string())
}

/// A file above the limit for its kind.
#[must_use]
pub fn too_large(path: &Path, found: u64, limit: u64) -> CliError {
    let message = format!(
        "{} is {found} bytes, at most {limit} are read",
        path.display()
    );
    CliError::new(&codes::LIMIT_SIZE, message)
        .with("path", path.display().to_string())
        .with("bytes", found)
        .with("limit", limit)
}

/// The standard output failed.
#[must_use]
pub fn output(error: &io::Error) -> CliError {
    match error.kind() {
        io::ErrorKind::BrokenPipe => CliError::new(&codes::PIPE_CLOSED, "the reader went away"),
        _ => unwritable(Path::new("(standard output)"), error),
    }
}

/// Something is at `path` already.
#[must_use]
pub fn exists(path: &Path) -> CliError {
    CliError::new(&codes::EXISTS, format!("{} exists already", path.display()))
        .help("choose another name, or say --yes to overwrite it")
        .with("path", path.display().to_string())
}

/// Wrong usage that the argument parser does not notice.
#[must_use]
pub fn usage(message: impl Into<String>) -> CliError {
    CliError::new(&codes::USAGE, message)
}

/// A point that is not in the log.
#[must_use]
pub fn point_missing(point: &str, message: impl Into<String>) -> CliError {
    CliError::new(&codes::POINT_MISSING, message).point(point)
}

/// A kind of point that is not supported, at all or by the machine at hand.
#[must_use]
pub fn point_unsupported(message: impl Into<String>) -> CliError {
    CliError::new(&codes::POINT_UNSUPPORTED, message)
}

/// A file that does not begin like a snapshot.
#[must_use]
pub fn no_snapshot(file: &str) -> CliError {
    let message = "this is not a snapshot: a snapshot begins with `AVMSNP`";
    CliError::new(&codes::SNAPSHOT_MAGIC, message).at(file)
}

/// A log that records no root where roots are to be compared.
#[must_use]
pub fn no_roots(name: &str) -> CliError {
    let message = format!("{name} records no root, so there is nothing to compare");
    CliError::new(&codes::NO_ROOTS, message).at(name)
}

/// A key that a state does not have.
#[must_use]
pub fn key_missing(message: impl Into<String>) -> CliError {
    CliError::new(&codes::KEY_MISSING, message)
}

/// A store error, by cause.
#[must_use]
pub fn store(error: StoreError) -> CliError {
    let path = match &error {
        StoreError::Io { path, .. }
        | StoreError::NotAFile { path }
        | StoreError::Exists { path }
        | StoreError::Locked { path }
        | StoreError::Magic { path, .. }
        | StoreError::Version { path, .. }
        | StoreError::Identity { path, .. }
        | StoreError::Damaged { path, .. } => path.clone(),
        _ => Default::default(),
    };
    let shown = path.display().to_string();
    let text = error.to_string();
    let text = text
        .strip_prefix(&format!("{shown}: "))
        .unwrap_or(&text)
        .to_owned();
    let text = match &error {
        StoreError::Magic { found, .. } => format!(
            "this is not a log: it begins with {}, a log begins with `AVMLOG`",
            if found.is_empty() {
                "nothing".into()
            } else {
                crate::output::hex(found)
            },
        ),
        StoreError::Damaged { offset, damage, .. } => {
            format!("the log is damaged at byte {offset}: {damage}")
        }
        StoreError::Version {
            found, expected, ..
        } => {
            format!("the log has format version {found}, this build reads {expected}")
        }
        _ => text,
    };
    let code = match &error {
        StoreError::Exists { .. } => return exists(&path),
        StoreError::NotAFile { .. } => {
            let found = match path.is_dir() {
                true => io::ErrorKind::IsADirectory.into(),
                false => io::Error::other("it is not a regular file"),
            };
            return unreadable(&path, &found);
        }
        StoreError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            return unreadable(&path, source);
        }
        StoreError::Locked { .. } => &codes::LOG_LOCKED,
        StoreError::Magic { .. } => &codes::LOG_MAGIC,
        StoreError::Version { .. } => &codes::LOG_VERSION,
        StoreError::Identity { .. } => return log_identity(&shown, text),
        error if error.is_damage() => &codes::LOG_DAMAGED,
        _ => &codes::LOG_IO,
    };
    let mut report = CliError::new(code, text).at(shown);
    if let StoreError::Damaged { offset, .. } = &error {
        report = report
            .with("offset", *offset)
            .help("fetch the log again, or restore it from a copy");
    }
    report
}

/// A log of another machine or of other rules.
#[must_use]
pub fn log_identity(path: &str, message: String) -> CliError {
    CliError::new(&codes::LOG_IDENTITY, message).at(path)
}

/// More steps than --max-steps allows, or than a command runs unless it is given.
#[must_use]
pub fn limit_steps(message: impl Into<String>, limit: u64) -> CliError {
    CliError::new(&codes::LIMIT_STEPS, message)
        .help("raise it with --max-steps")
        .with("limit", limit)
}

/// A check of our own that failed.
#[must_use]
pub fn bug(message: impl Into<String>) -> CliError {
    CliError::new(&codes::BUG, message)
}

/// A failed run: a limit, an input that is no message, or a bug.
#[must_use]
pub fn host(error: &HostError, input: u64, file: &str) -> CliError {
    match error {
        HostError::MemoryLimit { limit_bytes } => {
            let message = format!("the machine needs more than {limit_bytes} bytes of memory");
            CliError::new(&codes::LIMIT_MEMORY, message)
                .help("raise it with --max-mem, for example --max-mem 8G")
                .with("limit", *limit_bytes as u64)
        }
        HostError::BadInput(source) => bad_input(input, file, &source.to_string()),
        _ => CliError::new(&codes::HOST_FAILED, error.to_string()).at(file),
    }
}

/// An input that the machine cannot take.
#[must_use]
pub fn bad_input(input: u64, file: &str, reason: &str) -> CliError {
    let message = format!("input {input} is not a message: {reason}");
    CliError::new(&codes::MALFORMED_INPUT, message)
        .at(file)
        .point(format!("@{input}"))
}

/// A file that is not a program.
#[must_use]
pub fn malformed_program(message: String) -> CliError {
    CliError::new(&codes::MALFORMED_PROGRAM, message)
}

/// An inbox file that does not hold inputs.
#[must_use]
pub fn malformed_inbox(message: String) -> CliError {
    CliError::new(&codes::MALFORMED_INBOX, message)
}

/// Rules that do not exist.
#[must_use]
pub fn unknown_rules(name: &str, known: &str) -> CliError {
    let shown = crate::output::clip(name, 40);
    CliError::new(
        &codes::RULES_UNKNOWN,
        format!("there is no rule set `{shown}`"),
    )
    .help(format!("this machine has {known}"))
}

/// A program of other rules than those asked for.
#[must_use]
pub fn other_rules(file: &str, own: &str, asked: &str) -> CliError {
    let message = format!("the program is for the rules `{own}`, --rules says `{asked}`");
    CliError::new(&codes::RULES_OTHER, message).at(file)
}

/// A benchmark that did not end as it should.
#[must_use]
pub fn bench_changed(message: String) -> CliError {
    CliError::new(&codes::BENCH_CHANGED, message)
}

/// A JSON document that does not parse.
#[must_use]
pub fn malformed_json(path: &Path, error: &serde_json::Error) -> CliError {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    let place = format!("{}:{}:{}", path.display(), error.line(), error.column());
    CliError::new(&codes::MALFORMED_JSON, format!("not JSON: {text}"))
        .at(place)
        .with("line", error.line() as u64)
        .with("column", error.column() as u64)
}

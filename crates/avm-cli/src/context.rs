//! What a command runs under: options, limits, and how far it has come.

use std::cell::{Cell, RefCell};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::checkpoint::OpenStates;
use crate::cli::Global;
use crate::codes;
use crate::error::{self, CliError};
use crate::output::grouped;

/// A command that takes this long shows progress.
const PROGRESS_AFTER: Duration = Duration::from_secs(2);
/// Time between two progress lines on a terminal.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// What a command runs under.
pub struct Context {
    /// The options.
    pub global: Global,
    /// When the command started.
    pub started: Instant,
    /// Databases of stores that are open.
    pub states: OpenStates,
    steps: Cell<u64>,
    shown: Cell<Option<Instant>>,
    out: RefCell<Box<dyn Write>>,
}

impl Context {
    /// A context whose standard output is `out`.
    #[must_use]
    pub fn new(global: Global, out: Box<dyn Write>) -> Self {
        Self {
            global,
            started: Instant::now(),
            states: OpenStates::default(),
            steps: Cell::new(0),
            shown: Cell::new(None),
            out: RefCell::new(out),
        }
    }

    /// Writes a piece of the result to standard output.
    ///
    /// # Errors
    /// If the reader is gone or the disk is full.
    pub fn write(&self, text: &str) -> Result<(), CliError> {
        let written = self.out.borrow_mut().write_all(text.as_bytes());
        written.map_err(|e| error::output(&e))
    }

    /// Makes sure that what was written is out.
    ///
    /// # Errors
    /// As [`Context::write`].
    pub fn flush(&self) -> Result<(), CliError> {
        self.out.borrow_mut().flush().map_err(|e| error::output(&e))
    }

    /// A note on standard error, unless --quiet.
    pub fn note(&self, text: &str) {
        if !self.global.quiet {
            let _ = writeln!(anstream::stderr(), "{text}");
        }
    }

    /// Most bytes of memory for one machine.
    #[must_use]
    pub fn memory_limit(&self) -> usize {
        let limit = self.global.max_mem.unwrap_or(4 << 30);
        usize::try_from(limit).unwrap_or(usize::MAX)
    }

    /// Steps that may still be executed; at least one, so that a run finds out whether it needs more.
    #[must_use]
    pub fn steps_left(&self) -> u64 {
        let limit = self.global.max_steps.unwrap_or(u64::MAX);
        limit.saturating_sub(self.steps.get()).max(1)
    }

    /// Takes executed steps into account, shows progress, and checks the limits.
    ///
    /// # Errors
    /// If a limit is hit; `at` is where.
    pub fn spend(&self, steps: u64, at: impl FnOnce() -> String) -> Result<(), CliError> {
        self.steps.set(self.steps.get().saturating_add(steps));
        self.progress();
        if let Some(limit) = self
            .global
            .max_steps
            .filter(|limit| self.steps.get() > *limit)
        {
            let message = format!(
                "the run needs more than {} steps",
                grouped(&limit.to_string())
            );
            return Err(error::limit_steps(message, limit).point(at()));
        }
        match self.global.timeout {
            Some(limit) if self.started.elapsed() > limit => Err(timed_out(limit).point(at())),
            _ => Ok(()),
        }
    }

    /// A line on standard error when the command has been busy for long.
    fn progress(&self) {
        let visible = std::io::stderr().is_terminal() || self.global.verbose > 0;
        if self.global.quiet || !visible || self.started.elapsed() < PROGRESS_AFTER {
            return;
        }
        let every = if std::io::stderr().is_terminal() {
            PROGRESS_EVERY
        } else {
            PROGRESS_AFTER
        };
        if self
            .shown
            .get()
            .is_some_and(|shown| shown.elapsed() < every)
        {
            return;
        }
        self.shown.set(Some(Instant::now()));
        let seconds = self.started.elapsed().as_secs_f64();
        let steps = self.steps.get();
        let rate = steps as f64 / seconds / 1e6;
        let line = format!(
            "{} steps, {rate:.1} million a second, {seconds:.0} s",
            grouped(&steps.to_string())
        );
        let end = if std::io::stderr().is_terminal() {
            '\r'
        } else {
            '\n'
        };
        let _ = write!(anstream::stderr(), "{line}{end}");
    }

    /// Wipes the progress line of a terminal.
    pub fn end_progress(&self) {
        if self.shown.get().is_some() && std::io::stderr().is_terminal() {
            let _ = write!(anstream::stderr(), "\x1b[2K\r");
        }
    }
}

/// The error of a command that took too long.
#[must_use]
pub fn timed_out(limit: Duration) -> CliError {
    let message = format!(
        "not done after {}",
        crate::output::seconds(limit.as_secs_f64())
    );
    CliError::new(&codes::LIMIT_TIME, message)
        .help("raise it with --timeout")
        .with("limit_seconds", limit.as_secs_f64())
}

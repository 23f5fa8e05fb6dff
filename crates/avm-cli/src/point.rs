//! One way to name a moment.
//!
//! ```text
//! POINT := [[SOURCE "/"] LOG] "@" [INPUT] [":" STEP] | NAMED [":" STEP]
//! INPUT := number | -number | "genesis" | "latest" | "final" | "b"HEIGHT | "tx:"HASH | "root:"PREFIX
//! STEP  := number | -number | "first" | "last" | "fail"
//! NAMED := "final" | "latest" | "tx:"HASH | "root:"PREFIX      (in the current log)
//! RANGE := POINT ".." POINT
//! ```
//!
//! Sources, URLs and roots parse and are answered with "not supported yet". A text before `@` that ends
//! like a file or names one is a file, whatever slashes it has.

use std::fmt;
use std::path::Path;

use crate::codes;
use crate::error::CliError;

/// A moment of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// File of the log or program; `None` is the current one.
    pub log: Option<String>,
    /// Which input; `None` counts steps from the very first.
    pub input: Option<InputRef>,
    /// Which step of the input's span; `None` is the end of the span.
    pub step: Option<StepRef>,
}

/// The `INPUT` part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputRef {
    /// Counted from 0.
    At(u64),
    /// Counted from the last one taken, which is 1.
    Back(u64),
    /// Before the first input.
    Genesis,
    /// The last input taken.
    Latest,
    /// The end of the run.
    Final,
    /// The block of a height.
    Height(u64),
    /// The block with a transaction, whose id is in internal order.
    Tx([u8; 32]),
}

/// The `STEP` part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepRef {
    /// Counted from 0.
    At(u64),
    /// Counted from the end of the span; 1 is the last step.
    Back(u64),
    /// The same as 0.
    First,
    /// The same as -1.
    Last,
    /// The first step that faults.
    Fail,
}

/// What a command works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file as a whole.
    File(String),
    /// A moment.
    Point(Point),
    /// All that happens from one moment to another.
    Range(Point, Point),
}

/// Why a text is not a point: a span of it in characters, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointError {
    /// Where the span starts.
    pub at: usize,
    /// Its length, at least 1.
    pub len: usize,
    /// What is wrong.
    pub what: String,
    /// A form that is understood but not supported yet.
    pub unsupported: bool,
}

impl Point {
    /// A point of the current log.
    #[must_use]
    pub const fn of(input: Option<InputRef>, step: Option<StepRef>) -> Self {
        Self {
            log: None,
            input,
            step,
        }
    }

    /// Reads a point.
    ///
    /// # Errors
    /// If the text is not one, or is of a form that is not supported yet.
    pub fn parse(text: &str) -> Result<Self, CliError> {
        parse(text).map_err(|error| error.report(text))
    }
}

impl Target {
    /// Reads a file name, a point or a range.
    ///
    /// # Errors
    /// As [`Point::parse`].
    pub fn parse(text: &str) -> Result<Self, CliError> {
        if Path::new(text).exists() {
            return Ok(Self::File(text.into()));
        }
        for (at, _) in text.match_indices("..") {
            let (from, to) = (&text[..at], &text[at + 2..]);
            if !looks_like_point(from) || !looks_like_point(to) {
                continue;
            }
            let shift = from.chars().count() + 2;
            let from = parse(from).map_err(|error| error.report(text))?;
            let mut to = parse(to).map_err(|mut error| {
                error.at += shift;
                error.report(text)
            })?;
            if to.log.is_none() {
                to.log.clone_from(&from.log);
            }
            return Ok(Self::Range(from, to));
        }
        if looks_like_point(text) {
            return Point::parse(text).map(Self::Point);
        }
        Ok(Self::File(text.into()))
    }

    /// The same with `file` as the current log.
    #[must_use]
    pub fn within(mut self, file: &str) -> Self {
        let fill = |point: &mut Point| {
            point.log.get_or_insert_with(|| file.into());
        };
        match &mut self {
            Self::File(_) => {}
            Self::Point(point) => fill(point),
            Self::Range(from, to) => {
                fill(from);
                fill(to);
            }
        }
        self
    }
}

fn looks_like_point(text: &str) -> bool {
    const NAMED: [&str; 2] = ["final", "latest"];
    let name = text.split(':').next().unwrap_or("");
    text.contains('@')
        || NAMED.contains(&name)
        || text.starts_with("tx:")
        || text.starts_with("root:")
}

fn parse(text: &str) -> Result<Point, PointError> {
    let (log, rest, offset) = match text.rfind('@') {
        None => (None, text, 0),
        Some(at) => (
            log_part(&text[..at])?,
            &text[at + 1..],
            text[..at].chars().count() + 1,
        ),
    };
    let named = !text.contains('@');
    let shifted = |mut error: PointError| {
        error.at += offset;
        error
    };
    let (input, step) = input_and_step(rest, named).map_err(shifted)?;
    if input.is_none() && step.is_none() {
        let expected =
            "a point needs an input or a step behind `@`, such as `@3`, `@3:0` or `@final`";
        return Err(bad(offset.saturating_sub(1), 1, expected));
    }
    Ok(Point { log, input, step })
}

/// The file in front of `@`.
fn log_part(text: &str) -> Result<Option<String>, PointError> {
    let len = text.chars().count();
    let refuse = |what: &str| Err(unsupported(0, len, what));
    if text.is_empty() || text == "." {
        return Ok(None);
    }
    if text.contains("://") {
        return refuse("points of a node given by URL");
    }
    let path = Path::new(text);
    let is_file = path.extension().is_some() || path.exists() || text.starts_with(['.', '/', '~']);
    if is_file {
        return Ok(Some(text.into()));
    }
    match text.split_once('/') {
        Some((source, _)) => {
            let len = source.chars().count().max(1);
            Err(unsupported(0, len, "points of a node or of the demo"))
        }
        None => refuse("there is no such file or store here, and logs by name"),
    }
}

fn input_and_step(
    text: &str,
    named: bool,
) -> Result<(Option<InputRef>, Option<StepRef>), PointError> {
    if let Some((txid, step)) = text.strip_prefix("tx:").and_then(txid) {
        let step = step.map(|step| {
            step_ref(step).map_err(|mut error| {
                error.at += "tx:".len() + TXID_DIGITS + 1;
                error
            })
        });
        return Ok((Some(InputRef::Tx(txid)), step.transpose()?));
    }
    for prefix in ["tx:", "root:"] {
        if text.starts_with(prefix) {
            return Err(unsupported(
                0,
                text.chars().count(),
                &format!("points by `{prefix}`"),
            ));
        }
    }
    let (input, step) = match text.split_once(':') {
        None => (text, None),
        Some((input, step)) => (input, Some((step, input.chars().count() + 1))),
    };
    let input = if input.is_empty() && !named {
        None
    } else {
        Some(input_ref(input)?)
    };
    let step = step.map(|(step, at)| {
        step_ref(step).map_err(|mut error| {
            error.at += at;
            error
        })
    });
    Ok((input, step.transpose()?))
}

/// Hex digits of a transaction id.
const TXID_DIGITS: usize = 64;

/// A whole transaction id as it is displayed, in internal order, and the step behind it.
fn txid(text: &str) -> Option<([u8; 32], Option<&str>)> {
    let (digits, step) = match text.split_once(':') {
        None => (text, None),
        Some((digits, step)) => (digits, Some(step)),
    };
    let mut txid = crate::arb::inbox::hex_bytes(digits)?;
    txid.reverse();
    Some((txid.try_into().ok()?, step))
}

fn input_ref(text: &str) -> Result<InputRef, PointError> {
    let len = text.chars().count().max(1);
    match text {
        "genesis" => Ok(InputRef::Genesis),
        "latest" => Ok(InputRef::Latest),
        "final" => Ok(InputRef::Final),
        _ if text.len() > 1 && text.starts_with('b') && is_digits(&text[1..]) => {
            let height = text[1..].parse();
            let height = height.map_err(|_| bad(0, len, "the height does not fit 64 bits"));
            height.map(InputRef::Height)
        }
        _ => match number(text)? {
            Some((false, n)) => Ok(InputRef::At(n)),
            Some((true, 0)) => Err(bad(0, len, "inputs counted from the end start at -1")),
            Some((true, n)) => Ok(InputRef::Back(n)),
            None => Err(bad(
                0,
                len,
                "expected an input: a number, genesis, latest, final, a height such as b826309, or tx:TXID",
            )),
        },
    }
}

fn step_ref(text: &str) -> Result<StepRef, PointError> {
    let len = text.chars().count().max(1);
    match text {
        "first" => Ok(StepRef::First),
        "last" => Ok(StepRef::Last),
        "fail" => Ok(StepRef::Fail),
        _ => match number(text)? {
            Some((false, n)) => Ok(StepRef::At(n)),
            Some((true, 0)) => Err(bad(0, len, "steps counted from the end start at -1")),
            Some((true, n)) => Ok(StepRef::Back(n)),
            None => Err(bad(
                0,
                len,
                "expected a step: a number, first, last or fail",
            )),
        },
    }
}

/// Whether it has a minus sign, and its digits as a number; `None` if it is no number at all.
fn number(text: &str) -> Result<Option<(bool, u64)>, PointError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !is_digits(digits) {
        return Ok(None);
    }
    let too_large = |_| bad(0, text.len(), "the number does not fit 64 bits");
    Ok(Some((
        digits.len() != text.len(),
        digits.parse().map_err(too_large)?,
    )))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn bad(at: usize, len: usize, what: &str) -> PointError {
    let what = what.into();
    PointError {
        at,
        len,
        what,
        unsupported: false,
    }
}

fn unsupported(at: usize, len: usize, what: &str) -> PointError {
    let what = format!("{what} are not supported yet");
    PointError {
        at,
        len: len.max(1),
        what,
        unsupported: true,
    }
}

impl PointError {
    /// The error with the text it is about.
    #[must_use]
    pub fn report(self, text: &str) -> CliError {
        let shown = crate::output::clip(text, 200);
        let caret = format!(
            "{}{}",
            " ".repeat(self.at.min(200)),
            "^".repeat(self.len.min(200))
        );
        let report = match self.unsupported {
            true => crate::error::point_unsupported(self.what),
            false => {
                let message = format!("`{shown}` is not a point: {}", self.what);
                CliError::new(&codes::POINT_SYNTAX, message)
            }
        };
        let report = report
            .line("", shown)
            .line("", caret)
            .with("text", text)
            .with("column", self.at as u64 + 1);
        if self.unsupported {
            return report;
        }
        report.help("`avm explain AVM0201` has the grammar")
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@", self.log.as_deref().unwrap_or(""))?;
        match self.input {
            None => {}
            Some(InputRef::At(n)) => write!(f, "{n}")?,
            Some(InputRef::Back(n)) => write!(f, "-{n}")?,
            Some(InputRef::Genesis) => f.write_str("genesis")?,
            Some(InputRef::Latest) => f.write_str("latest")?,
            Some(InputRef::Final) => f.write_str("final")?,
            Some(InputRef::Height(height)) => write!(f, "b{height}")?,
            Some(InputRef::Tx(mut txid)) => {
                txid.reverse();
                let digits = crate::output::hex(&txid);
                write!(f, "tx:{}", digits.trim_start_matches("0x"))?;
            }
        }
        match self.step {
            None => Ok(()),
            Some(StepRef::At(n)) => write!(f, ":{n}"),
            Some(StepRef::Back(n)) => write!(f, ":-{n}"),
            Some(StepRef::First) => f.write_str(":first"),
            Some(StepRef::Last) => f.write_str(":last"),
            Some(StepRef::Fail) => f.write_str(":fail"),
        }
    }
}

//! Running reference vectors: what a case is, and how it fails or is left for later.

use serde_json::Value;

/// Nothing, or what did not agree: what it is, expected and found.
pub type Check = Result<(), String>;

/// One case of a vector file.
pub struct Case {
    /// Name in the file.
    pub name: String,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a case.
pub enum Verdict {
    /// It was run.
    Ran(Check),
    /// It is about something that this build does not have; why.
    Skipped(String),
}

impl Case {
    /// A case with its result.
    #[must_use]
    pub fn new(name: String, result: Check) -> Self {
        let verdict = Verdict::Ran(result);
        Case { name, verdict }
    }

    /// A case that is left for later, and why.
    #[must_use]
    pub fn skipped(name: String, reason: impl Into<String>) -> Self {
        let verdict = Verdict::Skipped(reason.into());
        Case { name, verdict }
    }
}

/// Compares what was found with what is recorded; numbers are compared by their digits.
///
/// # Errors
/// A sentence with both, if they differ.
pub fn check(what: impl std::fmt::Display, found: impl ToString, recorded: &Value) -> Check {
    let found = found.to_string();
    let want = match recorded {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if found == want {
        return Ok(());
    }
    Err(format!("{what}: expected {want}, found {found}"))
}

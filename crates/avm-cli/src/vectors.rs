//! Running reference vectors: what a case is, and how it fails.

use serde_json::Value;

/// Nothing, or what did not agree: what it is, expected and found.
pub type Check = Result<(), String>;

/// One case of a vector file.
pub struct Case {
    /// Name in the file.
    pub name: String,
    /// What came of it.
    pub result: Check,
}

impl Case {
    /// A case with its result.
    #[must_use]
    pub fn new(name: String, result: Check) -> Self {
        Case { name, result }
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

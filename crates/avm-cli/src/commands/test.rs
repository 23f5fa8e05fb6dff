//! `avm test`: the tests in source texts.

use std::path::PathBuf;

use serde_json::json;

use super::fmt;
use crate::anoma::source;
use crate::anoma::tools::testing;
use crate::codes;
use crate::context::Context;
use crate::error::CliError;
use crate::files::Source;
use crate::output::Reply;

/// `avm test [FILES] [--filter TEXT]`.
///
/// # Errors
/// If a text does not compile, a limit is hit, or a test fails.
pub fn test(ctx: &Context, names: &[PathBuf], filter: &str) -> Result<Reply, CliError> {
    let here = [PathBuf::from(".")];
    let paths = fmt::collect(if names.is_empty() { &here } else { names })?;
    let mut looked = Vec::new();
    for path in &paths {
        looked.push(source::look(&Source::read(path)?)?);
    }
    if looked.iter().any(|looked| looked.fails(false)) {
        return Err(source::refused(&looked, false));
    }
    let (mut text, mut list) = (String::new(), Vec::new());
    let (mut passed, mut failed) = (0, 0);
    for (path, looked) in paths.iter().zip(&looked) {
        let tested = testing::run(ctx, looked, filter)?;
        if !tested.is_empty() && paths.len() > 1 {
            text += &format!("{}\n", path.display());
        }
        for one in tested {
            match one.passed() {
                true => passed += 1,
                false => failed += 1,
            }
            text += &one.text();
            list.push(one.json());
        }
    }
    ctx.end_progress();
    text += &format!("{passed} passed, {failed} failed\n");
    let data = json!({ "files": paths.len(), "passed": passed, "failed": failed, "tests": list });
    if failed == 0 {
        return Ok(Reply::new(text, data));
    }
    let message = format!("{failed} of {} tests failed", passed + failed);
    let mut error = CliError::new(&codes::TESTS_FAILED, message);
    if let Some(members) = data.as_object() {
        error.data.extend(members.clone());
    }
    error.output = Some(text);
    Err(error)
}

//! What can go wrong with a local chain, one function a cause.

use std::path::Path;

use avm_regtest::{BlockError, ChainError};

use crate::codes;
use crate::error::CliError;

/// No chain where one was expected.
pub(super) fn no_chain(dir: &Path) -> CliError {
    let message = format!("there is no local chain in {}", dir.display());
    CliError::new(&codes::DEV_NONE, message)
        .help("`avm dev init` makes one; `-C DIR` or `cd` goes to another")
}

/// A journal that is not one.
pub(super) fn journal(path: &Path, what: &str) -> CliError {
    CliError::new(
        &codes::DEV_JOURNAL,
        format!("not a journal of a local chain: {what}"),
    )
    .at(path.display().to_string())
    .help("the blocks are in main.avmlog all the same: a new journal loses names, not state")
}

/// A name that nobody has; `known` are those that there are.
pub(super) fn unknown(kind: &str, name: &str, known: &[String]) -> CliError {
    let shown = crate::output::clip(name, 80);
    let there = match known {
        [] => format!("there is no {kind} yet"),
        known => format!("there are: {}", known.join(", ")),
    };
    CliError::new(&codes::DEV_UNKNOWN, format!("there is no {kind} `{shown}`"))
        .help(there)
        .with("known", known.to_vec())
}

/// A method or arguments that a contract does not take.
pub(super) fn call(contract: &str, what: &str, methods: &str) -> CliError {
    let error = CliError::new(&codes::DEV_CALL, what).at(contract);
    let methods: Vec<&str> = methods.lines().collect();
    match methods.is_empty() {
        true => {
            error.help("a contract without methods takes the words as they are, pushed in order")
        }
        false => error.help(format!("`{contract}` has {}", methods.join(", "))),
    }
}

/// Bitcoin does not take the transaction.
pub(super) fn chain(error: &ChainError) -> CliError {
    let report = CliError::new(&codes::DEV_CHAIN, error.to_string());
    match error {
        ChainError::Funds { .. } => report
            .help("`avm dev mine 10` gives the miner, who pays for everybody, more to give away"),
        ChainError::Conflict(_) => report.help("`avm dev mine` lets what waits come first"),
        _ => report,
    }
}

/// A block of ours that the chain refuses.
pub(super) fn block(error: &BlockError) -> CliError {
    let mut text = error.to_string();
    if let BlockError::Transaction { source, .. } = error {
        text += &format!(": {source}");
    }
    CliError::new(&codes::DEV_BLOCK, text)
}

/// Fewer tokens than asked for.
pub(super) fn tokens(who: &str, token: &str, have: u64, need: u64) -> CliError {
    let message = format!("{who} has {have} of {token}, {need} are needed");
    CliError::new(&codes::DEV_TOKENS, message)
        .help(format!("`avm dev balance {who}` lists what there is"))
        .with("have", crate::output::number(have))
        .with("need", crate::output::number(need))
}

/// An operation that the rules refused.
pub(super) fn refused(what: &str, why: &str) -> CliError {
    CliError::new(&codes::DEV_REFUSED, format!("{what} was refused: {why}"))
}

/// An operation whose script failed.
pub(super) fn failed(what: &str, why: &str) -> CliError {
    CliError::new(&codes::DEV_FAILED, format!("{what} failed {why}"))
}

//! Why an index cannot go on, as errors of the command line.

use avm_bitcoin::source::hex;
use avm_bitcoin::{BlockHash, FollowError, SourceError};
use avm_core::HostError;

use crate::codes;
use crate::error::{self, CliError};

/// Whether it may be over when it is tried again.
pub(super) fn may_pass(error: &FollowError) -> bool {
    match error {
        FollowError::Unsteady { .. } => true,
        FollowError::Source(source) => matches!(
            source,
            SourceError::Unreachable { .. }
                | SourceError::Missing { .. }
                | SourceError::Status { status: 503, .. }
                // The node is starting.
                | SourceError::Rpc { code: -28, .. }
        ),
        _ => false,
    }
}

/// A round that failed; `place` is the store, or the source as it was named.
pub(super) fn follow(found: &FollowError, place: &str) -> CliError {
    let code = match found {
        FollowError::Source(error) => return source(error),
        FollowError::Store(error) => return store(error, place),
        FollowError::Host(HostError::Store(source)) => {
            return store_text(&source.to_string(), place);
        }
        FollowError::Host(error @ (HostError::MissingNode { .. } | HostError::BadNode { .. })) => {
            return store_text(&error.to_string(), place);
        }
        FollowError::Host(error) => return error::host(error, 0, place),
        FollowError::TooDeep { .. } => &codes::REORG_DEEP,
        FollowError::OtherChain { .. } => return chain(found.to_string(), place),
        FollowError::Unsteady { .. } => return changing(found.to_string()),
        _ => &codes::STORE_CONTENTS,
    };
    let text = found.to_string();
    let report = CliError::new(code, first(&text)).at(place);
    match found {
        FollowError::TooDeep {
            at,
            ours,
            theirs,
            kept,
            ..
        } => report
            .line("", format!("store   b{at} {ours}"))
            .line("", format!("source  b{at} {theirs}"))
            .help(
                "see first whether the node is on the right chain; if it is, raise --depth, or \
                 begin with a new --store",
            )
            .with("height", *at)
            .with("ours", ours.clone())
            .with("theirs", theirs.clone())
            .with("depth", *kept),
        _ => report,
    }
}

/// What a message says before its advice.
fn first(text: &str) -> &str {
    text.split(". ").next().unwrap_or(text)
}

/// A source that gave no answer, or a wrong one.
fn source(found: &SourceError) -> CliError {
    let code = match found {
        SourceError::Io { path, source } => return error::unreadable(path, source),
        SourceError::Missing { .. } => return changing(found.to_string()),
        SourceError::Unreachable { .. } => &codes::SOURCE_UNREACHABLE,
        SourceError::Empty { .. } => &codes::SOURCE_EMPTY,
        SourceError::Status { .. } | SourceError::Rpc { .. } => &codes::SOURCE_REFUSED,
        _ => &codes::SOURCE_MALFORMED,
    };
    let report = CliError::new(code, found.to_string());
    match found {
        SourceError::Unreachable { .. } => {
            report.help("is the node running, and is this its address and port?")
        }
        SourceError::Empty { .. } => report
            .help("name the directory with blk00000.dat, and the network of the node with --chain"),
        SourceError::Status { status: 401, .. } => report.help(
            "give --cookie FILE, usually .cookie in the node's data directory, or --rpc-user and \
             --rpc-password",
        ),
        SourceError::Status { status: 404, .. } => {
            report.help("start the node with -rest, or use --source rpc")
        }
        _ => report,
    }
}

fn changing(text: String) -> CliError {
    CliError::new(&codes::SOURCE_CHANGING, text).help("run the command again")
}

/// A source of another chain than the store or the options say.
fn chain(text: String, place: &str) -> CliError {
    CliError::new(&codes::OTHER_CHAIN, first(&text).to_owned())
        .at(place)
        .help("name the right source and --chain, or another --store")
}

/// A source whose first block is not that of the network.
pub(super) fn other_chain(
    place: &str,
    network: &str,
    ours: &BlockHash,
    theirs: &BlockHash,
) -> CliError {
    chain("the source is of another network".into(), place)
        .line("", format!("{network:<9} b0 {}", hex(ours)))
        .line("", format!("{:<9} b0 {}", "source", hex(theirs)))
}

fn store(found: &avm_store::StoreError, place: &str) -> CliError {
    store_text(&found.to_string(), place)
}

/// A store that failed while it was used.
fn store_text(text: &str, place: &str) -> CliError {
    let state = avm_store::Store::state_path(std::path::Path::new(place));
    CliError::new(&codes::STORE_FAILED, format!("the store failed: {text}"))
        .at(place)
        .help(format!(
            "run the command again; if it fails in the same way, remove {}, which the next run \
             makes again from the log",
            state.display()
        ))
}

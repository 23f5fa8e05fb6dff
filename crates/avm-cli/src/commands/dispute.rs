//! `avm dispute`: play a game here, referee one, join one, watch one, and check the file of one.
//!
//! - `args`: what can be typed
//! - `ground`: the run that a game is about
//! - `liar`: parties that do not tell the truth, to watch them lose
//! - `report`: what happened, from the records
//! - `moves`: the records one by one
//! - `play`, `net`, `show`: the commands

mod args;
mod ground;
mod liar;
mod moves;
mod net;
mod play;
mod report;
mod show;

pub use args::DisputeCommand;
pub use net::check_online;

use std::path::{Path, PathBuf};

use avm_dispute::{Status, Verdict};
use avm_prove::ProveError;
use avm_referee::{FileError, Key, KeyError, Replica};
use serde_json::{Value, json};

use crate::codes;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::output::{Reply, number, root};

/// `avm dispute ...`.
///
/// # Errors
/// Whatever made it fail.
pub fn dispute(ctx: &Context, command: DisputeCommand) -> Result<Reply, CliError> {
    match command {
        DisputeCommand::Play(options) => play::play(ctx, &options),
        DisputeCommand::Serve(options) => net::serve(ctx, &options),
        DisputeCommand::Join(options) => net::join(ctx, &options),
        DisputeCommand::Watch(options) => net::watch(ctx, &options),
        DisputeCommand::List { dir } => show::list(ctx, dir.as_deref()),
        DisputeCommand::Show {
            file,
            as_tree,
            cost,
            moves,
        } => {
            let parts = show::Parts {
                as_tree,
                cost,
                moves,
            };
            show::show(ctx, &file, parts)
        }
    }
}

/// A game file that cannot be used.
fn file_error(path: &Path, error: FileError) -> CliError {
    let shown = path.display().to_string();
    let code = match &error {
        FileError::Io { source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists => {
            return error::exists(path);
        }
        FileError::Io { source, .. } => return error::unreadable(path, source),
        FileError::Locked { .. } => &codes::GAME_LOCKED,
        FileError::Magic | FileError::Opening { .. } => &codes::GAME_MAGIC,
        FileError::Version { .. } => &codes::GAME_VERSION,
        FileError::Damaged { .. } => &codes::GAME_DAMAGED,
        _ => &codes::GAME_RULES,
    };
    CliError::new(code, error.to_string()).at(shown)
}

fn key_error(path: &Path, error: &KeyError) -> CliError {
    CliError::new(&codes::KEY_FILE, error.to_string()).at(path.display().to_string())
}

/// Our own proof failed.
fn prove_error(error: ProveError, file: &str) -> CliError {
    match error {
        ProveError::Host(error) => error::host(&error, 0, file),
        error => CliError::new(&codes::PROOF_FAILED, error.to_string()).at(file),
    }
}

/// Our claim, or that of the honest party, is not the verdict.
fn lost(message: &str) -> CliError {
    CliError::new(&codes::GAME_LOST, message)
}

/// The key in a file, made if there is none.
fn key_of(ctx: &Context, path: &Path) -> Result<Key, CliError> {
    let made = !path.exists();
    let key = Key::load_or_create(path).map_err(|e| key_error(path, &e))?;
    if made {
        ctx.note(&format!("note: made the key {}", path.display()));
    }
    Ok(key)
}

/// The first `dispute-N` of which neither the game file nor the proof exists.
fn free_name() -> PathBuf {
    let free = |name: &PathBuf| !name.exists() && !name.with_extension("avmproof").exists();
    let names = (1_u64..).map(|n| PathBuf::from(format!("dispute-{n}.avmdispute")));
    let mut names = names.filter(free);
    names.next().expect("there are names enough")
}

/// The verdict, if there is one.
fn verdict(replica: &Replica) -> Option<&Verdict> {
    match replica.dispute().status() {
        Status::Settled(verdict) => Some(verdict),
        _ => None,
    }
}

/// A claim in JSON.
fn claim_json(claim: &avm_core::Claim) -> Value {
    json!({
        "hash": root(claim.hash()),
        "steps": number(claim.steps),
        "root": root(claim.state),
        "inputs": number(claim.inputs),
        "outputs": number(claim.outputs),
    })
}

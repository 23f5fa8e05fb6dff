//! `avm snapshot`: a state as one file, and checking such a file.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use avm_core::{Hash, HostError, MemoryNodes};
use clap::Subcommand;
use serde_json::json;

use super::{open, state};
use crate::codes;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::files;
use crate::locate;
use crate::output::{Reply, count, number, root, row};
use crate::registry::{MACHINES, Snapshot, Snapshots};

/// Name ending of snapshots.
pub const EXTENSION: &str = "avmsnap";
/// Bytes that tell which machine a snapshot is of.
const START: usize = 48;

/// What to do with snapshots.
#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Write the state at a point to a file
    Make {
        /// FILE@POINT, or a file for the end of its run; or a file and then a point
        #[arg(required = true, num_args = 1..=2, value_name = "POINT")]
        target: Vec<String>,
        /// Its inputs, for a program
        #[arg(short, long, value_name = "FILE")]
        inputs: Option<PathBuf>,
        /// Write to FILE
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Check a snapshot, offline: every node against the root
    Verify {
        /// The snapshot
        file: PathBuf,
        /// Require this root
        #[arg(long, value_name = "HASH")]
        root: Option<Hash>,
    },
}

/// `avm snapshot ...`.
///
/// # Errors
/// Whatever made it fail.
pub fn snapshot(ctx: &Context, command: SnapshotCommand) -> Result<Reply, CliError> {
    match command {
        SnapshotCommand::Make {
            target,
            inputs,
            output,
        } => make(ctx, &target, inputs.as_deref(), &output),
        SnapshotCommand::Verify { file, root } => verify(&file, root),
    }
}

fn make(
    ctx: &Context,
    target: &[String],
    inputs: Option<&Path>,
    output: &Path,
) -> Result<Reply, CliError> {
    let (log, target) = open(ctx, target, inputs)?;
    let Some(snapshots) = log.machine.snapshots() else {
        let message = format!("machine `{}` has no snapshots", log.machine.vm(0).id());
        return Err(CliError::new(&codes::SNAPSHOT_NONE, message).at(&log.name));
    };
    let point = state::moment(&target)?;
    let mut session = locate::state(ctx, &log, &point)?;
    if let Some(reason) = snapshots.not_now(&mut *session.running) {
        let error = CliError::new(&codes::SNAPSHOT_MOMENT, reason).at(&log.name);
        return Err(error.point(session.label()));
    }
    let mut nodes = MemoryNodes::default();
    let state = session.running.machine().save(&mut nodes);
    let state = state.map_err(|e| error::host(&e, 0, &log.name))?;
    ctx.end_progress();
    if output.exists() && !ctx.global.yes {
        return Err(error::exists(output));
    }
    let beside = files::beside(output);
    let written = write(snapshots, state, &nodes, &beside)
        .and_then(|()| fs::rename(&beside, output).map_err(|e| error::unwritable(output, &e)));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written?;
    // What is written is what anybody can check.
    let found = checked(output)?;
    Ok(reply("snapshot", output, &found))
}

/// Writes a file whole.
fn write(
    snapshots: &dyn Snapshots,
    state: Hash,
    nodes: &MemoryNodes,
    path: &Path,
) -> Result<(), CliError> {
    let unwritable = |e: std::io::Error| error::unwritable(path, &e);
    let mut file = BufWriter::new(File::create(path).map_err(unwritable)?);
    let mut failed = None;
    let done = snapshots.write(state, nodes, &mut |bytes| {
        file.write_all(bytes).map_err(|e| {
            let text = e.to_string();
            failed = Some(e);
            HostError::Store(text.into())
        })
    });
    if let Some(e) = failed {
        return Err(unwritable(e));
    }
    done.map_err(|e| error::bug(e.to_string()))?;
    let file = file.into_inner().map_err(|e| unwritable(e.into_error()))?;
    file.sync_all().map_err(unwritable)
}

fn verify(path: &Path, wanted: Option<Hash>) -> Result<Reply, CliError> {
    let found = checked(path)?;
    if let Some(wanted) = wanted.filter(|wanted| *wanted != found.root) {
        return Err(
            CliError::new(&codes::SNAPSHOT_OTHER, "the snapshot is of another state")
                .at(path.display().to_string())
                .line("", format!("found     {}", found.root))
                .line("", format!("asked for {wanted}"))
                .with("root", root(found.root))
                .with("wanted", root(wanted)),
        );
    }
    Ok(reply("valid", path, &found))
}

/// Checks a file with the machine that it is of.
fn checked(path: &Path) -> Result<Snapshot, CliError> {
    let unreadable = |e: std::io::Error| error::unreadable(path, &e);
    let mut file = File::open(path).map_err(unreadable)?;
    let mut start = Vec::new();
    let mut begun = Read::by_ref(&mut file).take(START as u64);
    begun.read_to_end(&mut start).map_err(unreadable)?;
    let mut all = MACHINES.iter().filter_map(|machine| machine.snapshots());
    let Some(snapshots) = all.find(|snapshots| snapshots.recognises(&start)) else {
        return Err(error::no_snapshot(&path.display().to_string()));
    };
    let mut all = start
        .as_slice()
        .chain(BufReader::with_capacity(1 << 16, file));
    snapshots.verify(&path.display().to_string(), &mut all)
}

fn reply(label: &str, path: &Path, found: &Snapshot) -> Reply {
    let Snapshot {
        root: state,
        height,
        nodes,
        bytes,
    } = *found;
    let (nodes_text, bytes_text) = (
        count(&nodes.to_string(), "node"),
        count(&bytes.to_string(), "byte"),
    );
    let text = row(
        label,
        format!("root {state}  height {height}  {nodes_text}  {bytes_text}"),
    );
    let data = json!({
        "file": path.display().to_string(),
        "root": root(state),
        "height": number(height),
        "nodes": number(nodes),
        "bytes": number(bytes),
    });
    Reply::new(text, data)
}

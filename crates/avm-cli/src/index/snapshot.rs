//! Snapshots as files: written and checked as a stream.

use std::io::{ErrorKind, Read};
use std::path::Path;

use avm_atomicals::index::snapshot::{self, HEADER_BYTES, Header, Reading, SnapshotError};
use avm_core::{Hash, HostError, MemoryNodes, Nodes};

use crate::codes;
use crate::error::{self, CliError};
use crate::registry::{Running, Snapshot, Snapshots};

/// States of an index as files.
pub(super) struct Files;

/// Reads a snapshot into memory.
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<(Header, MemoryNodes), CliError> {
    snapshot::read(bytes).map_err(|e| report(file, &e))
}

/// Why a file is no snapshot.
fn report(file: &str, found: &SnapshotError) -> CliError {
    let code = match found {
        SnapshotError::Magic => return error::no_snapshot(file),
        SnapshotError::Version { .. } => &codes::SNAPSHOT_VERSION,
        _ => &codes::SNAPSHOT_DAMAGED,
    };
    let at = match found {
        SnapshotError::Ended { at, .. }
        | SnapshotError::Length { at, .. }
        | SnapshotError::Name { at, .. }
        | SnapshotError::Form { at, .. }
        | SnapshotError::Trailing { at } => Some(*at),
        _ => None,
    };
    let mut report = CliError::new(code, found.to_string()).at(file);
    if let Some(at) = at {
        report = report.with("offset", at);
    }
    report
}

/// Reads until `buffer` is full or the file ends; how much was read.
fn fill(file: &str, read: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, CliError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(error::unreadable(Path::new(file), &e)),
        }
    }
    Ok(filled)
}

impl Snapshots for Files {
    fn recognises(&self, start: &[u8]) -> bool {
        snapshot::is_snapshot(start)
    }

    fn not_now(&self, running: &mut dyn Running) -> Option<String> {
        match (running.key("work"), running.key("height")) {
            (Some(work), _) => Some(format!("{}: the block is not closed yet", work.text)),
            (None, None) => Some("no block was taken yet".into()),
            (None, Some(_)) => None,
        }
    }

    fn write(
        &self,
        state: Hash,
        nodes: &dyn Nodes,
        out: &mut dyn FnMut(&[u8]) -> Result<(), HostError>,
    ) -> Result<(), HostError> {
        snapshot::write(state, nodes, out).map(drop)
    }

    fn verify(&self, file: &str, read: &mut dyn Read) -> Result<Snapshot, CliError> {
        let damaged = |e: SnapshotError| report(file, &e);
        let mut head = [0; HEADER_BYTES];
        if fill(file, read, &mut head)? < HEADER_BYTES {
            return Err(damaged(SnapshotError::Magic));
        }
        let mut reading = Reading::new(Header::from_bytes(&head).map_err(damaged)?);
        let (mut nodes, mut node) = (0, Vec::new());
        loop {
            let mut len = [0; 4];
            let filled = fill(file, read, &mut len)?;
            let mut end = reading.at() + filled as u64;
            if filled == len.len() {
                let len = reading.length(u32::from_be_bytes(len)).map_err(damaged)?;
                node.resize(len, 0);
                let filled = fill(file, read, &mut node)?;
                end += filled as u64;
                if filled == len {
                    reading.node(&node).map_err(damaged)?;
                    nodes += 1;
                    continue;
                }
            } else if filled > 0 && reading.is_whole() {
                return Err(damaged(SnapshotError::Trailing { at: reading.at() }));
            }
            // The file ends here, perhaps in the middle of a node.
            let Header { root, height } = reading.end().map_err(|e| match e {
                SnapshotError::Ended { want, .. } => {
                    damaged(SnapshotError::Ended { at: end, want })
                }
                e => damaged(e),
            })?;
            return Ok(Snapshot {
                root,
                height: height.into(),
                nodes,
                bytes: end,
            });
        }
    }
}

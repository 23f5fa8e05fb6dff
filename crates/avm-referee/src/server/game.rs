//! The thread that owns the game: takes submissions, closes rounds, writes the file.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use avm_dispute::Status;

use super::Shared;
use super::conn::Conn;
use crate::file::{FileError, GameFile, Span};
use crate::game::{Record, Replica};
use crate::key::Key;

/// Submissions that are made durable together.
const BATCH: usize = 128;
/// A stop is noticed within this time.
const TICK: Duration = Duration::from_millis(100);

/// A submission that its connection has checked.
pub(super) struct Submission {
    pub(super) record: Record,
    pub(super) round: u32,
    pub(super) from: Arc<Conn>,
}

/// When the joining or the round may be closed: no sooner than the rules say, and no sooner than its
/// full time after this process took over at `from_ms`.
pub(super) fn deadline(replica: &Replica, from_ms: u64) -> u64 {
    let terms = &replica.opening().terms;
    let time = match replica.dispute().status() {
        Status::Joining => terms.join_ms,
        Status::Round(_) => terms.round_ms,
        Status::Settled(_) => return u64::MAX,
    };
    let fresh = match from_ms {
        0 => 0,
        from_ms => from_ms.saturating_add(time),
    };
    replica.dispute().deadline_ms().max(fresh)
}

/// Stops everything when the thread ends, however it ends.
struct Ends<'a>(&'a Shared);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
        self.0.wake();
    }
}

pub(super) fn run(shared: &Shared, mut file: GameFile, key: &Key, queue: &Receiver<Submission>) {
    let _ends = Ends(shared);
    while !shared.stopped() {
        let wait = {
            let board = shared.board();
            let left = board.deadline_ms.saturating_sub(shared.now_ms());
            Duration::from_millis(left).min(TICK)
        };
        let first = match queue.recv_timeout(wait) {
            Ok(first) => Some(first),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let rest = std::iter::from_fn(|| queue.try_recv().ok());
        let batch = first.into_iter().chain(rest.take(BATCH - 1));
        if let Err(error) = turn(shared, &mut file, key, batch) {
            shared.board().failed = Some(error);
            return;
        }
    }
}

/// Applies a batch and whatever closes after it; then writes all of it, and only then shows it.
fn turn(
    shared: &Shared,
    file: &mut GameFile,
    key: &Key,
    batch: impl Iterator<Item = Submission>,
) -> Result<(), FileError> {
    let mut spans = Vec::new();
    for submission in batch {
        take(shared, file, submission, &mut spans)?;
        close(shared, file, key, &mut spans)?;
    }
    close(shared, file, key, &mut spans)?;
    if spans.is_empty() {
        return Ok(());
    }
    file.sync()?;
    let (deadline_ms, settled) = {
        let replica = read(shared);
        let settled = matches!(replica.dispute().status(), Status::Settled(_));
        (deadline(&replica, shared.from_ms), settled)
    };
    let mut board = shared.board();
    board.spans.extend(spans);
    board.deadline_ms = deadline_ms;
    board.settled = settled;
    drop(board);
    shared.wake();
    Ok(())
}

fn take(
    shared: &Shared,
    file: &mut GameFile,
    submission: Submission,
    spans: &mut Vec<Span>,
) -> Result<(), FileError> {
    let Submission {
        record,
        round,
        from,
    } = submission;
    let mut replica = shared.replica.write().unwrap_or_else(|e| e.into_inner());
    if round != replica.round() {
        drop(replica);
        from.refuse(shared, &record, false, "the round is over");
        return Ok(());
    }
    let applied = replica.apply(&*shared.vm, &record);
    drop(replica);
    match applied {
        Ok(true) => spans.push(file.append(&record)?),
        Ok(false) => from.refuse(shared, &record, false, "this is known already"),
        Err(error) => from.refuse(shared, &record, !error.is_late(), &error.to_string()),
    }
    Ok(())
}

/// Closes the joining or the round if it is time to, or all is said.
fn close(
    shared: &Shared,
    file: &mut GameFile,
    key: &Key,
    spans: &mut Vec<Span>,
) -> Result<(), FileError> {
    let mut replica = shared.replica.write().unwrap_or_else(|e| e.into_inner());
    let now = shared.now_ms().max(replica.closed_ms());
    let due = now >= deadline(&replica, shared.from_ms) || replica.dispute().is_complete();
    if !due || matches!(replica.dispute().status(), Status::Settled(_)) {
        return Ok(());
    }
    let record = replica.sign_close(now, key);
    let applied = replica.apply(&*shared.vm, &record);
    drop(replica);
    assert!(
        matches!(applied, Ok(true)),
        "a close at its time is refused: {applied:?}"
    );
    spans.push(file.append(&record)?);
    Ok(())
}

fn read(shared: &Shared) -> std::sync::RwLockReadGuard<'_, Replica> {
    shared.replica.read().unwrap_or_else(|e| e.into_inner())
}

//! The referee: one thread owns the game, two serve each connection.
//!
//! ```text
//! connection: reader --- checked submissions ---> game thread ---> file, then the board
//!             writer <------------- records, clock, refusals ---------------- board
//! ```
//!
//! The reader does what costs: it holds its peer to the limits, checks signatures, and runs the
//! proof of a step before it hands it in. So whoever sends rubbish keeps its own thread busy, and
//! the thread that closes rounds sees proofs that hold.

mod accept;
mod conn;
mod game;

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, UNIX_EPOCH};

use avm_core::Vm;
use avm_dispute::{Status, Terms, Verdict};

use crate::file::{FileError, GameFile, Span, read_span};
use crate::game::{Opening, Record, Replica};
use crate::key::Key;
use crate::limits::Limits;

/// Submissions that wait for the game thread; a full queue holds the readers back.
const QUEUE: usize = 256;

/// A game that is about to be refereed: in its file, and not served yet.
pub struct Table {
    file: GameFile,
    replica: Replica,
    spans: Vec<Span>,
    /// Time since the opening when this process took over.
    from_ms: u64,
}

impl Table {
    /// Opens a new game in a new file.
    ///
    /// # Errors
    /// If the terms cannot be played or the file cannot be made.
    pub fn create(path: &std::path::Path, terms: Terms, key: &Key) -> Result<Self, FileError> {
        let opening = Opening::new(wall_ms(), terms, key);
        let replica = Replica::open(opening).map_err(|source| FileError::Game(Box::new(source)))?;
        let file = GameFile::create(path, replica.opening())?;
        let (spans, from_ms) = (Vec::new(), 0);
        Ok(Self {
            file,
            replica,
            spans,
            from_ms,
        })
    }

    /// Goes on with a game after its file was checked and replayed. The open round gets its full
    /// time once more: that the referee was away costs nobody a move.
    ///
    /// # Errors
    /// If the file is damaged, breaks the rules, or is in use.
    pub fn reopen(path: &std::path::Path, vm: &dyn Vm) -> Result<Self, FileError> {
        let (file, replica, spans) = GameFile::reopen(path, vm)?;
        let away = wall_ms().saturating_sub(replica.opening().opened_ms);
        Ok(Self {
            from_ms: away.max(replica.closed_ms()),
            file,
            replica,
            spans,
        })
    }

    /// The game.
    #[must_use]
    pub fn replica(&self) -> &Replica {
        &self.replica
    }
}

/// A referee at work.
pub struct Referee {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What all threads see.
struct Shared {
    vm: Arc<dyn Vm>,
    limits: Limits,
    path: std::path::PathBuf,
    /// Written by the game thread only.
    replica: RwLock<Replica>,
    board: Mutex<Board>,
    /// The board changed.
    news: Condvar,
    stop: AtomicBool,
    submit: SyncSender<game::Submission>,
    /// Who sent proofs that do not hold.
    seats: Mutex<conn::Seats>,
    started: Instant,
    from_ms: u64,
}

/// What is durable, and so may be shown.
struct Board {
    spans: Vec<Span>,
    deadline_ms: u64,
    settled: bool,
    connections: accept::Connections,
    /// Why the game thread gave up.
    failed: Option<FileError>,
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn now_ms(&self) -> u64 {
        let ran = self.started.elapsed().as_millis();
        let ran = u64::try_from(ran).unwrap_or(u64::MAX);
        self.from_ms.saturating_add(ran)
    }

    /// Wakes all who wait for news. Whoever looked before, and waits now, had the board: so nobody
    /// misses it.
    fn wake(&self) {
        drop(self.board());
        self.news.notify_all();
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Referee {
    /// Serves a game at `listener` until it is stopped. `key` is the key that the game was opened
    /// with.
    ///
    /// # Errors
    /// If the listener fails.
    pub fn start(
        listener: TcpListener,
        vm: Arc<dyn Vm>,
        table: Table,
        key: Key,
        limits: Limits,
    ) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let (submit, queue) = sync_channel(QUEUE);
        let Table {
            file,
            replica,
            spans,
            from_ms,
        } = table;
        let board = Board {
            spans,
            deadline_ms: game::deadline(&replica, from_ms),
            settled: matches!(replica.dispute().status(), Status::Settled(_)),
            connections: accept::Connections::default(),
            failed: None,
        };
        let shared = Arc::new(Shared {
            vm,
            limits,
            path: file.path().into(),
            replica: RwLock::new(replica),
            board: Mutex::new(board),
            news: Condvar::new(),
            stop: AtomicBool::new(false),
            submit,
            seats: Mutex::default(),
            started: Instant::now(),
            from_ms,
        });
        let (at_game, at_door) = (shared.clone(), shared.clone());
        let threads = vec![
            std::thread::spawn(move || game::run(&at_game, file, &key, &queue)),
            std::thread::spawn(move || accept::run(&at_door, &listener)),
        ];
        Ok(Self {
            address,
            shared,
            threads,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the game is settled, up to `limit`; then the verdict.
    ///
    /// # Errors
    /// If the game file could not be written: the referee gave up.
    ///
    /// # Panics
    /// If the thread that owns the game did.
    pub fn wait(&self, limit: Duration) -> Result<Option<Verdict>, FileError> {
        let ends = Instant::now() + limit;
        let mut board = self.shared.board();
        while !board.settled {
            if let Some(error) = board.failed.take() {
                return Err(error);
            }
            assert!(
                !self.shared.stopped(),
                "the thread that owns the game panicked"
            );
            let left = ends.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let waited = self.shared.news.wait_timeout(board, left);
            board = waited.unwrap_or_else(|e| e.into_inner()).0;
        }
        drop(board);
        let replica = self.shared.replica.read();
        let replica = replica.unwrap_or_else(|e| e.into_inner());
        Ok(match replica.dispute().status() {
            Status::Settled(verdict) => Some(verdict.clone()),
            _ => None,
        })
    }

    /// The records from number `from` on, at most 64: those that are durable.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn records(&self, from: u64) -> std::io::Result<Vec<Record>> {
        let at = usize::try_from(from).unwrap_or(usize::MAX);
        let spans: Vec<Span> = {
            let board = self.shared.board();
            board.spans.iter().skip(at).take(64).copied().collect()
        };
        if spans.is_empty() {
            return Ok(Vec::new());
        }
        let mut file = std::fs::File::open(&self.shared.path)?;
        let records = spans.into_iter().map(|span| {
            let body = read_span(&mut file, span)?;
            Record::from_bytes(&body).ok_or_else(|| std::io::ErrorKind::InvalidData.into())
        });
        records.collect()
    }

    /// Waits until everybody who is connected has gone, up to `limit`.
    pub fn wait_for_goodbyes(&self, limit: Duration) {
        let ends = Instant::now() + limit;
        let mut board = self.shared.board();
        while !board.connections.is_empty() {
            let left = ends.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.shared.news.wait_timeout(board, left);
            board = waited.unwrap_or_else(|e| e.into_inner()).0;
        }
    }

    /// Stops, and waits for the threads. The file can be opened again afterwards.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.wake();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Referee {
    fn drop(&mut self) {
        self.end();
    }
}

/// Milliseconds since 1970.
#[allow(clippy::disallowed_types)]
fn wall_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

//! One connection: a reader that checks what comes in, a writer that sends what is news.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Shutdown, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use avm_core::Hash;
use avm_dispute::{Event, Move, Party, Stand, StepProof};
use avm_prove::verify_step;

use super::Shared;
use super::game::Submission;
use crate::file::read_span;
use crate::frame::{Frame, FrameError, PROTOCOL, SUBMIT};
use crate::game::{Record, SIGNED_BYTES};
use crate::key::{Message, PublicKey};
use crate::limits::Bucket;
use crate::timed::{Input, pause, write_all};

/// Refusals that wait to be sent; a peer that lets more pile up does not read.
const MOST_REPLIES: usize = 256;
/// What precedes the claims in the submission of a proof: round, key, signature, kind of event,
/// party, kind of move, stand.
const PROOF_START: usize = 4 + SIGNED_BYTES + 1 + 2 + 1 + 80;

/// What the threads of a connection share.
pub(super) struct Conn {
    stream: TcpStream,
    closed: AtomicBool,
    replies: Mutex<Vec<Frame>>,
    invalid: AtomicU32,
    late: AtomicU32,
}

/// What is remembered of parties whose proofs did not hold, whatever connection they came by.
#[derive(Default)]
pub(super) struct Seats(BTreeMap<PublicKey, Seat>);

#[derive(Default)]
struct Seat {
    failed: u32,
    not_before: Option<Instant>,
    busy: bool,
}

impl Conn {
    /// Tells the peer that a submission was refused. Too many of these end the connection.
    pub(super) fn refuse(&self, shared: &Shared, record: &Record, invalid: bool, text: &str) {
        let (counter, most) = match invalid {
            true => (&self.invalid, shared.limits.invalid),
            false => (&self.late, shared.limits.late),
        };
        let signature = *record
            .signature
            .0
            .first_chunk()
            .expect("a signature has 64 bytes");
        let text = text.into();
        self.reply(Frame::Refused {
            signature,
            invalid,
            text,
        });
        if counter.fetch_add(1, Ordering::Relaxed) + 1 >= most {
            let what = if invalid { "invalid" } else { "late" };
            self.reply(Frame::error(format!("{most} {what} messages")));
        }
        shared.wake();
    }

    fn reply(&self, frame: Frame) {
        let mut replies = self.replies.lock().unwrap_or_else(|e| e.into_inner());
        if replies.len() >= MOST_REPLIES {
            self.closed.store(true, Ordering::Relaxed);
            return;
        }
        replies.push(frame);
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// Serves a connection until one side has enough.
pub(super) fn serve(shared: &Arc<Shared>, stream: TcpStream) {
    let Ok(reading) = stream.try_clone() else {
        return;
    };
    let _ = stream.set_nodelay(true);
    let conn = Arc::new(Conn {
        stream,
        closed: AtomicBool::new(false),
        replies: Mutex::default(),
        invalid: AtomicU32::new(0),
        late: AtomicU32::new(0),
    });
    let limits = &shared.limits;
    let rate = Bucket::new(limits.bytes_per_second, limits.burst_bytes, Instant::now());
    let mut reader = Reader {
        shared,
        conn: &conn,
        input: Input {
            stream: &reading,
            stop: &conn.closed,
            bucket: Some(rate),
            frame_cost: limits.frame_cost,
        },
    };
    match reader.hello() {
        Err(error) => say(&conn, limits.write, &error),
        Ok(next) => std::thread::scope(|scope| {
            scope.spawn(|| {
                let error = write(shared, &conn, next);
                if let Err(error) = error {
                    say(&conn, Duration::from_secs(1), &error);
                }
                conn.close();
            });
            if let Err(error) = reader.run() {
                conn.reply(Frame::error(error.to_string()));
                shared.wake();
            }
        }),
    }
    conn.close();
}

fn say(conn: &Conn, limit: Duration, error: &FrameError) {
    if !matches!(error, FrameError::Io(_) | FrameError::Closed) {
        let frame = Frame::error(error.to_string());
        let _ = write_all(&conn.stream, &frame.to_bytes(), limit);
    }
}

struct Reader<'a> {
    shared: &'a Arc<Shared>,
    conn: &'a Arc<Conn>,
    input: Input<'a>,
}

impl Reader<'_> {
    /// Reads the first frame: which records the peer has.
    fn hello(&mut self) -> Result<u64, FrameError> {
        let time = self.shared.limits.handshake;
        let ends = Instant::now() + time;
        let (len, kind) = self.input.head(time, time)?;
        let left = ends.saturating_duration_since(Instant::now());
        let body = self.input.body(len, 128, left)?;
        let Frame::Hello {
            version,
            game,
            next,
            chain,
        } = Frame::from_body(kind, &body)?
        else {
            let len = body.len();
            return Err(FrameError::Form { kind, len });
        };
        let end = |text: String| {
            let last = true;
            let frame = Frame::Error { last, text };
            let _ = write_all(&self.conn.stream, &frame.to_bytes(), time);
            Err(FrameError::Closed)
        };
        if version != PROTOCOL {
            return end(format!("protocol version {version}, this is {PROTOCOL}"));
        }
        let id = {
            let replica = self.shared.replica.read();
            replica.unwrap_or_else(|e| e.into_inner()).id()
        };
        if game != Hash::ZERO && game != id {
            return end(format!("this is game {id}, not {game}"));
        }
        let known = {
            let board = self.shared.board();
            let at = next.checked_sub(1).and_then(|at| usize::try_from(at).ok());
            at.map(|at| board.spans.get(at).map(|span| span.chain))
        };
        match known {
            Some(have) if have != Some(chain) => {
                end(format!("record {next} is not in this game as you have it"))
            }
            _ => Ok(next),
        }
    }

    /// Reads frames until the peer goes or breaks a limit.
    fn run(&mut self) -> Result<(), FrameError> {
        let limits = &self.shared.limits;
        loop {
            if self.shared.stopped() {
                return Err(FrameError::Stopped);
            }
            let (len, kind) = self.input.head(limits.idle, limits.frame)?;
            let most = limits.frame_bytes;
            let size = usize::try_from(len).unwrap_or(usize::MAX);
            let body = match kind == SUBMIT && size > most {
                false => self.input.body(len, most, limits.frame)?,
                true => match self.long(len)? {
                    Some(body) => body,
                    None => continue,
                },
            };
            match Frame::from_body(kind, &body)? {
                Frame::Alive => {}
                Frame::Submit { round, record } => self.submit(round, record)?,
                _ => {
                    let len = body.len();
                    return Err(FrameError::Form { kind, len });
                }
            }
        }
    }

    /// Reads a long submission, if it can be a proof that somebody owes; else skips it.
    fn long(&mut self, len: u32) -> Result<Option<Vec<u8>>, FrameError> {
        let limits = &self.shared.limits;
        let (limit, time) = (limits.proof_bytes, limits.frame);
        let size = usize::try_from(len).unwrap_or(usize::MAX);
        if size > limit {
            return Err(FrameError::TooLong { got: len, limit });
        }
        let mut body = self.input.body(PROOF_START as u32, PROOF_START, time)?;
        let rest = size - PROOF_START;
        let start = ProofStart::read(&body);
        let replica = self.shared.replica.read();
        let replica = replica.unwrap_or_else(|e| e.into_inner());
        let due = start.is_some_and(|start| {
            replica.keys().get(usize::from(start.by.0)) == Some(&start.key)
                && replica.is_due(start.by, &start.stand)
        });
        drop(replica);
        if due {
            let rest = u32::try_from(rest).expect("it is shorter than the frame");
            self.input.body_into(&mut body, rest, limit, time)?;
            return Ok(Some(body));
        }
        self.input.skip(rest, time)?;
        if let Frame::Submit { record, .. } = Frame::from_body(SUBMIT, &body)? {
            let text = "nothing that long is due";
            self.conn.refuse(self.shared, &record, false, text);
        }
        Ok(None)
    }

    /// Checks a submission and hands it to the game.
    fn submit(&mut self, round: u32, record: Record) -> Result<(), FrameError> {
        let shared = self.shared;
        let replica = || shared.replica.read().unwrap_or_else(|e| e.into_inner());
        let (now, game) = {
            let replica = replica();
            (replica.round(), replica.id())
        };
        if round != now {
            let event = &record.event[..];
            let message = Message::Party { game, round, event };
            // Late is forgiven to those who signed what they say.
            let signed = record.key.verifies(&message, &record.signature);
            let text = format!("it is for round {round}, this is round {now}");
            self.conn.refuse(shared, &record, !signed, &text);
            return Ok(());
        }
        let checked = replica().check(&record);
        let event = match checked {
            Ok(Event::Close { .. }) => {
                let text = "only the referee closes";
                self.conn.refuse(shared, &record, true, text);
                return Ok(());
            }
            Ok(event) => event,
            Err(error) => {
                // The round may have ended between the two looks.
                let invalid = !error.is_late() && replica().round() == round;
                self.conn
                    .refuse(shared, &record, invalid, &error.to_string());
                return Ok(());
            }
        };
        if let Event::Move {
            by,
            mv: Move::Prove(proof),
        } = &event
            && let Some(why) = self.prove(&record.key, *by, proof)?
        {
            self.conn.refuse(shared, &record, why.0, &why.1);
            return Ok(());
        }
        let from = self.conn.clone();
        let submission = Submission {
            record,
            round,
            from,
        };
        let sent = shared.submit.send(submission);
        sent.map_err(|_| FrameError::Stopped)
    }

    /// Runs the proof of a step here, where it costs nobody else time. `Some`: it is refused, and
    /// whether it is invalid. One proof of a party is checked at a time, and after one that does
    /// not hold the party has to wait, the longer the more there were.
    fn prove(
        &self,
        key: &PublicKey,
        by: Party,
        proof: &StepProof,
    ) -> Result<Option<(bool, String)>, FrameError> {
        let shared = self.shared;
        loop {
            let wait = {
                let mut seats = shared.seats.lock().unwrap_or_else(|e| e.into_inner());
                let seat = seats.0.entry(*key).or_default();
                let now = Instant::now();
                let left = seat
                    .not_before
                    .map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
                match (seat.busy, left.is_zero()) {
                    (false, true) => {
                        seat.busy = true;
                        None
                    }
                    (true, _) => Some(Duration::from_millis(10)),
                    (false, false) => Some(left),
                }
            };
            let Some(wait) = wait else { break };
            pause(wait, &self.conn.closed)?;
            if shared.stopped() {
                return Err(FrameError::Stopped);
            }
        }
        let refused = self.check_proof(by, proof);
        let mut seats = shared.seats.lock().unwrap_or_else(|e| e.into_inner());
        let seat = seats.0.entry(*key).or_default();
        seat.busy = false;
        if matches!(refused, Some((true, _))) {
            let limits = &shared.limits;
            let penalty = limits.penalty.saturating_mul(1 << seat.failed.min(20));
            seat.failed = seat.failed.saturating_add(1);
            seat.not_before = Some(Instant::now() + penalty.min(limits.penalty_most));
        }
        Ok(refused)
    }

    fn check_proof(&self, by: Party, proof: &StepProof) -> Option<(bool, String)> {
        let shared = self.shared;
        let replica = shared.replica.read();
        let replica = replica.unwrap_or_else(|e| e.into_inner());
        if !replica.is_due(by, &proof.stand) {
            return Some((false, "nothing like this is due, or it is known".into()));
        }
        let log = replica.opening().terms.log;
        drop(replica);
        let (stand, pre, post) = (&proof.stand, &proof.pre, &proof.post);
        let ends = [(pre.hash(), stand.start), (post.hash(), stand.end)];
        if stand.segment.len != 1 || ends.iter().any(|(got, want)| got != want) {
            return Some((true, "the proof is not about the step that is due".into()));
        }
        // The nodes of a liar's state can be anything. Should the machine ever panic on them, it is a
        // bug, and here it costs the liar only.
        let verified = catch_unwind(AssertUnwindSafe(|| {
            verify_step(&*shared.vm, &log, pre, post, &proof.witness)
        }));
        match verified {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some((true, error.to_string())),
            Err(_) => Some((true, "the machine panics on it".into())),
        }
    }
}

/// The start of a submission that may be a proof.
struct ProofStart {
    key: PublicKey,
    by: Party,
    stand: Stand,
}

impl ProofStart {
    /// `None` if it is something else.
    fn read(body: &[u8]) -> Option<Self> {
        let record = Record::from_bytes(body.get(4..)?)?;
        // A proof of nothing has the same start, and the decoder knows the form.
        let mut event = record.event.clone();
        if event.get(..1) != Some(&[1]) || event.get(3..4) != Some(&[1]) {
            return None;
        }
        event.extend([0; 120 + 120 + 8]);
        match Event::from_bytes(&event).ok()? {
            Event::Move {
                by,
                mv: Move::Prove(proof),
            } => Some(Self {
                key: record.key,
                by,
                stand: proof.stand,
            }),
            _ => None,
        }
    }
}

/// Sends the opening, then records as they become durable, refusals, and the clock.
fn write(shared: &Shared, conn: &Conn, mut next: u64) -> Result<(), FrameError> {
    let limit = shared.limits.write;
    let mut file = File::open(&shared.path)?;
    let opening = {
        let replica = shared.replica.read();
        let replica = replica.unwrap_or_else(|e| e.into_inner());
        replica.opening().to_bytes()
    };
    let send = |frame: &Frame| write_all(&conn.stream, &frame.to_bytes(), limit);
    send(&Frame::Opening(opening))?;
    let mut told = None;
    loop {
        let (spans, clock) = wait(shared, conn, next, told.is_some())?;
        for span in spans {
            let body = read_span(&mut file, span)?;
            let record = Record::from_bytes(&body).ok_or(FrameError::Closed)?;
            send(&Frame::Record {
                index: next,
                record,
            })?;
            next += 1;
        }
        let replies = {
            let mut replies = conn.replies.lock().unwrap_or_else(|e| e.into_inner());
            std::mem::take(&mut *replies)
        };
        for reply in replies {
            send(&reply)?;
            if let Frame::Error { .. } = reply {
                return Err(FrameError::Closed);
            }
        }
        let Frame::Clock { records, .. } = clock else {
            continue;
        };
        if records == next {
            send(&clock)?;
            told = Some(());
        }
    }
}

/// Waits for news: records from `next` on, at most some at once, and the clock.
fn wait(
    shared: &Shared,
    conn: &Conn,
    next: u64,
    quiet: bool,
) -> Result<(Vec<crate::file::Span>, Frame), FrameError> {
    let ends = Instant::now() + shared.limits.clock;
    let at = usize::try_from(next).unwrap_or(usize::MAX);
    let mut board = shared.board();
    loop {
        if conn.closed.load(Ordering::Relaxed) {
            return Err(FrameError::Closed);
        }
        let replies = conn.replies.lock().unwrap_or_else(|e| e.into_inner());
        let left = ends.saturating_duration_since(Instant::now());
        let news = board.spans.len() > at || !replies.is_empty() || left.is_zero() || !quiet;
        drop(replies);
        if news {
            break;
        }
        if shared.stopped() {
            return Err(FrameError::Stopped);
        }
        let waited = shared.news.wait_timeout(board, left);
        board = waited.unwrap_or_else(|e| e.into_inner()).0;
    }
    let spans = board.spans.iter().skip(at).take(64).copied().collect();
    let clock = Frame::Clock {
        records: board.spans.len() as u64,
        now_ms: shared.now_ms(),
        deadline_ms: board.deadline_ms,
        settled: board.settled,
    };
    Ok((spans, clock))
}

//! Reading and writing a connection in time, whatever the other side does.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::frame::FrameError;
use crate::limits::Bucket;

/// A wait for bytes is cut into pieces, so that a stop is noticed.
const SLICE: Duration = Duration::from_millis(100);

/// A connection that is read in time.
pub(crate) struct Input<'a> {
    pub(crate) stream: &'a TcpStream,
    /// Ends every wait.
    pub(crate) stop: &'a AtomicBool,
    /// Holds the other side to a rate.
    pub(crate) bucket: Option<Bucket>,
    /// Least cost of a frame in the bucket.
    pub(crate) frame_cost: u64,
}

impl Input<'_> {
    /// Waits up to `idle` for the start of a frame: its length without the kind, and its kind.
    pub(crate) fn head(
        &mut self,
        idle: Duration,
        frame: Duration,
    ) -> Result<(u32, u8), FrameError> {
        let mut head = [0; 5];
        let what = "the wait for a frame";
        self.fill(&mut head[..1], what, idle)?;
        self.fill(&mut head[1..], "a frame", frame)?;
        let [a, b, c, d, kind] = head;
        self.pay(self.frame_cost)?;
        match u32::from_be_bytes([a, b, c, d]).checked_sub(1) {
            Some(len) => Ok((len, kind)),
            None => Err(FrameError::Form { kind, len: 0 }),
        }
    }

    /// Reads a body of `len` bytes; room is made as they come.
    pub(crate) fn body(
        &mut self,
        len: u32,
        limit: usize,
        frame: Duration,
    ) -> Result<Vec<u8>, FrameError> {
        let mut body = Vec::new();
        self.body_into(&mut body, len, limit, frame)?;
        Ok(body)
    }

    /// Reads `len` more bytes.
    pub(crate) fn body_into(
        &mut self,
        body: &mut Vec<u8>,
        len: u32,
        limit: usize,
        frame: Duration,
    ) -> Result<(), FrameError> {
        let size = usize::try_from(len).unwrap_or(usize::MAX);
        if size > limit {
            return Err(FrameError::TooLong { got: len, limit });
        }
        let start = body.len();
        let ends = Instant::now() + frame;
        let mut paused = Duration::ZERO;
        while body.len() - start < size {
            let from = body.len();
            let piece = (start + size - from).min(64 << 10);
            body.resize(from + piece, 0);
            let left = (ends + paused).saturating_duration_since(Instant::now());
            self.fill(&mut body[from..], "a frame", left)?;
            paused += self.pay(piece as u64)?;
        }
        Ok(())
    }

    /// Reads `len` bytes and forgets them.
    pub(crate) fn skip(&mut self, len: usize, frame: Duration) -> Result<(), FrameError> {
        let ends = Instant::now() + frame;
        let mut paused = Duration::ZERO;
        let mut buffer = vec![0; len.min(64 << 10)];
        let mut left = len;
        while left > 0 {
            let piece = left.min(buffer.len());
            let time = (ends + paused).saturating_duration_since(Instant::now());
            self.fill(&mut buffer[..piece], "a frame", time)?;
            paused += self.pay(piece as u64)?;
            left -= piece;
        }
        Ok(())
    }

    /// Waits as long as the rate wants.
    fn pay(&mut self, bytes: u64) -> Result<Duration, FrameError> {
        let Some(bucket) = &mut self.bucket else {
            return Ok(Duration::ZERO);
        };
        let wait = bucket.take(bytes, Instant::now());
        pause(wait, self.stop)?;
        Ok(wait)
    }

    fn fill(
        &mut self,
        buffer: &mut [u8],
        what: &'static str,
        limit: Duration,
    ) -> Result<(), FrameError> {
        let ends = Instant::now() + limit;
        let mut at = 0;
        while at < buffer.len() {
            if self.stop.load(Ordering::Relaxed) {
                return Err(FrameError::Stopped);
            }
            let left = ends.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(FrameError::Slow { what, limit });
            }
            let wait = left.clamp(Duration::from_millis(1), SLICE);
            self.stream.set_read_timeout(Some(wait))?;
            match self.stream.read(&mut buffer[at..]) {
                Ok(0) => return Err(FrameError::Closed),
                Ok(n) => at += n,
                Err(e) if is_timeout(&e) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }
}

/// Sleeps, unless we are to stop.
pub(crate) fn pause(time: Duration, stop: &AtomicBool) -> Result<(), FrameError> {
    let ends = Instant::now() + time;
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(FrameError::Stopped);
        }
        let left = ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(SLICE));
    }
}

/// Writes all of `bytes` within `limit`, or fails: a reader that takes a byte now and then is not
/// waited for.
pub(crate) fn write_all(
    mut stream: &TcpStream,
    mut bytes: &[u8],
    limit: Duration,
) -> Result<(), FrameError> {
    let ends = Instant::now() + limit;
    while !bytes.is_empty() {
        let left = ends.saturating_duration_since(Instant::now());
        let what = "the other side's reading";
        if left.is_zero() {
            return Err(FrameError::Slow { what, limit });
        }
        stream.set_write_timeout(Some(left.max(Duration::from_millis(1))))?;
        match stream.write(bytes) {
            Ok(0) => return Err(FrameError::Closed),
            Ok(n) => bytes = &bytes[n..],
            Err(e) if is_timeout(&e) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

fn is_timeout(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

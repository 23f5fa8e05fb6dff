//! What a referee takes from strangers, and a bucket that holds them to it.

use std::time::{Duration, Instant};

/// Limits of a referee. Each has a default that fits a public game on one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// Connections at a time from one address.
    pub per_address: usize,
    /// Longest frame that is not a proof, in bytes.
    pub frame_bytes: usize,
    /// Longest proof, in bytes. Only a party that owes a proof may send one. It has to hold the
    /// longest input of the log, as what cannot be sent cannot be proved: see
    /// [`Limits::for_inputs_of`].
    pub proof_bytes: usize,
    /// Bytes a second that are read from one connection, in the long run.
    pub bytes_per_second: u64,
    /// Bytes that are read from one connection at once.
    pub burst_bytes: u64,
    /// What a frame costs at least, in bytes, so that many small ones are no way around the rate.
    pub frame_cost: u64,
    /// Invalid messages of one connection until it is closed.
    pub invalid: u32,
    /// Messages that come too late, or repeat what is known, until it is closed.
    pub late: u32,
    /// Time from connecting to a whole hello.
    pub handshake: Duration,
    /// Time from one frame to the next.
    pub idle: Duration,
    /// Time from the first byte of a frame to its last, beside what the rate takes.
    pub frame: Duration,
    /// Time in which a reader has to take what it is sent; a slower one is dropped.
    pub write: Duration,
    /// Time between two signs of life to a connection on which nothing happens.
    pub clock: Duration,
    /// First wait of a party after an invalid proof; it doubles with each, up to [`Limits::penalty_most`].
    pub penalty: Duration,
    /// Longest such wait.
    pub penalty_most: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            per_address: 64,
            frame_bytes: 17 << 10,
            proof_bytes: ROOM_BYTES,
            bytes_per_second: 1 << 20,
            burst_bytes: 2 * ROOM_BYTES as u64,
            frame_cost: 1 << 10,
            invalid: 8,
            late: 4096,
            handshake: Duration::from_secs(5),
            idle: Duration::from_secs(60),
            frame: Duration::from_secs(10),
            write: Duration::from_secs(10),
            clock: Duration::from_secs(5),
            penalty: Duration::from_millis(50),
            penalty_most: Duration::from_secs(5),
        }
    }
}

/// Room for a proof, beside an input that the step takes.
const ROOM_BYTES: usize = 8 << 20;

impl Limits {
    /// The same for a log whose longest input has so many bytes.
    #[must_use]
    pub fn for_inputs_of(mut self, longest_bytes: usize) -> Self {
        self.proof_bytes = self.proof_bytes.saturating_add(longest_bytes);
        self.burst_bytes = self.burst_bytes.saturating_add(longest_bytes as u64);
        self
    }
}

/// A token bucket: so many bytes a second in the long run, and a burst at once.
#[derive(Debug)]
pub(crate) struct Bucket {
    per_second: u64,
    burst: u64,
    /// What may still be taken; negative is owed.
    tokens: i128,
    filled: Instant,
}

impl Bucket {
    pub(crate) fn new(per_second: u64, burst: u64, now: Instant) -> Self {
        Self {
            per_second: per_second.max(1),
            burst,
            tokens: burst.into(),
            filled: now,
        }
    }

    /// Takes `bytes`, and says how long to wait before the next ones.
    pub(crate) fn take(&mut self, bytes: u64, now: Instant) -> Duration {
        let elapsed = now.saturating_duration_since(self.filled);
        let whole = elapsed.as_micros() * u128::from(self.per_second) / 1_000_000;
        if whole > 0 {
            let whole = i128::try_from(whole).unwrap_or(i128::MAX);
            self.tokens = self
                .tokens
                .saturating_add(whole)
                .min(i128::from(self.burst));
            self.filled = now;
        }
        self.tokens -= i128::from(bytes);
        let owed = u128::try_from(-self.tokens).unwrap_or(0);
        let micros = owed * 1_000_000 / u128::from(self.per_second);
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(1000, 500, start);
        assert_eq!(bucket.take(500, start), Duration::ZERO);
        assert_eq!(bucket.take(100, start), Duration::from_millis(100));
        let later = start + Duration::from_millis(100);
        assert_eq!(bucket.take(0, later), Duration::ZERO);
        let much_later = start + Duration::from_secs(1000);
        assert_eq!(
            bucket.take(500, much_later),
            Duration::ZERO,
            "no more than the burst"
        );
        assert_eq!(bucket.take(1, much_later), Duration::from_millis(1));
    }
}

//! The line on standard error: where an index is, how fast it goes, and how long it will take.

use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use avm_core::Hash;

/// Time between two lines.
const EVERY: Duration = Duration::from_secs(1);
/// Speeds are over the rounds of this time.
const WINDOW: Duration = Duration::from_secs(10);

/// Measures rounds.
pub(super) struct Meter {
    started: Instant,
    /// When each round ended, and its blocks and bytes.
    rounds: VecDeque<(Instant, u32, u64)>,
    shown: Option<Instant>,
    /// Last height that was shown while waiting.
    waiting: Option<Option<u32>>,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            rounds: VecDeque::new(),
            shown: None,
            waiting: None,
        }
    }
}

impl Meter {
    /// A round ended.
    pub fn take(&mut self, blocks: u32, bytes: u64) {
        let now = Instant::now();
        self.rounds.push_back((now, blocks, bytes));
        while let Some((at, ..)) = self.rounds.front()
            && now.duration_since(*at) > WINDOW
            && self.rounds.len() > 1
        {
            if let Some((at, ..)) = self.rounds.pop_front() {
                self.started = at;
            }
        }
    }

    /// Shows where the index is, unless it did just now.
    pub fn show(&mut self, height: u32, tip: u32, root: Hash) {
        self.waiting = None;
        if self.shown.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        let seconds = self.started.elapsed().as_secs_f64().max(1e-3);
        let blocks: u64 = self.rounds.iter().map(|round| u64::from(round.1)).sum();
        let bytes: u64 = self.rounds.iter().map(|round| round.2).sum();
        let (speed, megabytes) = (blocks as f64 / seconds, bytes as f64 / seconds / 1e6);
        let left = match tip.saturating_sub(height) {
            0 => "at the tip".into(),
            more => format!("{} left", time(f64::from(more) / speed.max(1e-9))),
        };
        self.line(&format!(
            "b{height} of b{tip}  {speed:.1} blocks/s  {megabytes:.1} MB/s  {left}  root {}",
            root.short()
        ));
    }

    /// Shows that there is nothing to do, once for every height.
    pub fn idle(&mut self, height: Option<u32>, tip: u32, root: Hash) {
        // Time spent waiting says nothing of speed.
        self.rounds.clear();
        self.started = Instant::now();
        if self.waiting == Some(height) {
            return;
        }
        self.waiting = Some(height);
        let at = height.map_or_else(|| "no block yet".into(), |height| format!("b{height}"));
        self.line(&format!(
            "{at} of b{tip}  waiting for the next block  root {}",
            root.short()
        ));
    }

    fn line(&mut self, text: &str) {
        self.shown = Some(Instant::now());
        let mut out = anstream::stderr();
        let _ = match std::io::stderr().is_terminal() {
            true => write!(out, "\x1b[2K\r{text}"),
            false => writeln!(out, "{text}"),
        };
    }

    /// Wipes the line of a terminal.
    pub fn clear(&mut self) {
        if self.shown.is_some() && std::io::stderr().is_terminal() {
            let _ = write!(anstream::stderr(), "\x1b[2K\r");
        }
    }
}

/// A time in the two largest units.
fn time(seconds: f64) -> String {
    let s = seconds.min(1e9) as u64;
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m {}s", s / 60, s % 60),
        3600..86400 => format!("{}h {}m", s / 3600, s / 60 % 60),
        _ => format!("{}d {}h", s / 86400, s / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times() {
        let cases = [
            (0.4, "0s"),
            (59.0, "59s"),
            (61.0, "1m 1s"),
            (7_300.0, "2h 1m"),
            (200_000.0, "2d 7h"),
            (f64::INFINITY, "11574d 1h"),
        ];
        for (seconds, want) in cases {
            assert_eq!(time(seconds), want);
        }
    }
}

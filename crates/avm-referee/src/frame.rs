//! Frames on the wire: 4 bytes of length, one of kind, a body.
//!
//! ```text
//! to the referee    01 hello    "AVMDSP" · 2 version · 32 game, or zero · 8 next record · 32 chain
//!                   02 submit   4 round · record (32 key, 64 signature, event)
//!                   03 alive
//! from the referee  11 opening  the opening, as in a game file
//!                   12 record   8 index · record
//!                   13 refused  8 first bytes of the signature · 1 class · text
//!                   14 clock    8 records · 8 now ms · 8 deadline ms · 1 settled
//!                   1f error    1 final · text; the connection is closed
//! ```
//!
//! The length counts the kind and the body. Class 0: it came too late or waits for nothing, class 1:
//! it is invalid. An error that is final will be the same next time. Numbers are big-endian.

use std::io;
use std::time::Duration;

use avm_core::Hash;

use crate::game::Record;

/// First bytes of a hello.
pub const MAGIC: [u8; 6] = *b"AVMDSP";
/// Version of the protocol.
pub const PROTOCOL: u16 = 1;
/// Longest text in a frame.
const MAX_TEXT: usize = 1024;

/// Kind of a submit, the only long frame.
pub(crate) const SUBMIT: u8 = 2;

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The first frame of a connection.
    Hello {
        /// Version of the protocol.
        version: u16,
        /// The game that is meant; zero for whichever is played.
        game: Hash,
        /// How many records are known already.
        next: u64,
        /// The chain hash after them; zero if there are none.
        chain: Hash,
    },
    /// A party's event.
    Submit {
        /// The round it is signed for.
        round: u32,
        /// Event and signature.
        record: Record,
    },
    /// Nothing, but somebody is there.
    Alive,
    /// How the game was opened.
    Opening(Vec<u8>),
    /// A record of the game.
    Record {
        /// Its number, from 0.
        index: u64,
        /// Event and signature.
        record: Record,
    },
    /// A submission was refused.
    Refused {
        /// The first bytes of its signature.
        signature: [u8; 8],
        /// Whether no honest party sends such a thing; if not, it is late or repeats.
        invalid: bool,
        /// Why.
        text: String,
    },
    /// All records there are were sent.
    Clock {
        /// How many.
        records: u64,
        /// Time since the opening, in milliseconds.
        now_ms: u64,
        /// When the joining or the round may be closed.
        deadline_ms: u64,
        /// Whether the game is over.
        settled: bool,
    },
    /// Why the connection is closed.
    Error {
        /// Whether another try can go no better.
        last: bool,
        /// Why.
        text: String,
    },
}

/// Why there is no frame.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The connection failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The other side closed it.
    #[error("the connection was closed")]
    Closed,
    /// Not in time.
    #[error("{what} took longer than {} ms", limit.as_millis())]
    Slow {
        /// What was waited for.
        what: &'static str,
        /// How long.
        limit: Duration,
    },
    /// Longer than allowed.
    #[error("a frame of {got} bytes, at most {limit} are taken")]
    TooLong {
        /// Length of the frame.
        got: u32,
        /// The limit.
        limit: usize,
    },
    /// Not a frame of this protocol.
    #[error("frame kind {kind:#04x} with {len} bytes is none of this protocol")]
    Form {
        /// Kind.
        kind: u8,
        /// Length of the body.
        len: usize,
    },
    /// We are to stop.
    #[error("stopped")]
    Stopped,
}

impl Frame {
    /// An error that may pass.
    pub(crate) fn error(text: impl Into<String>) -> Self {
        let (last, text) = (false, text.into());
        Self::Error { last, text }
    }

    /// The frame with its length.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![0; 4];
        match self {
            Frame::Hello {
                version,
                game,
                next,
                chain,
            } => {
                out.push(1);
                out.extend(MAGIC);
                out.extend(version.to_be_bytes());
                out.extend(game.0);
                out.extend(next.to_be_bytes());
                out.extend(chain.0);
            }
            Frame::Submit { round, record } => {
                out.push(SUBMIT);
                out.extend(round.to_be_bytes());
                out.extend(record.to_bytes());
            }
            Frame::Alive => out.push(3),
            Frame::Opening(opening) => {
                out.push(0x11);
                out.extend(opening);
            }
            Frame::Record { index, record } => {
                out.push(0x12);
                out.extend(index.to_be_bytes());
                out.extend(record.to_bytes());
            }
            Frame::Refused {
                signature,
                invalid,
                text,
            } => {
                out.push(0x13);
                out.extend(signature);
                out.push(u8::from(*invalid));
                out.extend(clip(text).as_bytes());
            }
            Frame::Clock {
                records,
                now_ms,
                deadline_ms,
                settled,
            } => {
                out.push(0x14);
                for number in [records, now_ms, deadline_ms] {
                    out.extend(number.to_be_bytes());
                }
                out.push(u8::from(*settled));
            }
            Frame::Error { last, text } => {
                out.push(0x1f);
                out.push(u8::from(*last));
                out.extend(clip(text).as_bytes());
            }
        }
        let len = u32::try_from(out.len() - 4).expect("a frame is below 4 GiB");
        out[..4].copy_from_slice(&len.to_be_bytes());
        out
    }

    /// The frame of a kind and a body.
    ///
    /// # Errors
    /// If it is none of this protocol.
    pub fn from_body(kind: u8, body: &[u8]) -> Result<Self, FrameError> {
        let len = body.len();
        Self::decode(kind, body).ok_or(FrameError::Form { kind, len })
    }

    fn decode(kind: u8, body: &[u8]) -> Option<Self> {
        let mut rest = body;
        let frame = match kind {
            1 => {
                if take::<6>(&mut rest)? != MAGIC {
                    return None;
                }
                Frame::Hello {
                    version: u16::from_be_bytes(take(&mut rest)?),
                    game: Hash(take(&mut rest)?),
                    next: number(&mut rest)?,
                    chain: Hash(take(&mut rest)?),
                }
            }
            SUBMIT => Frame::Submit {
                round: u32::from_be_bytes(take(&mut rest)?),
                record: Record::from_bytes(std::mem::take(&mut rest))?,
            },
            3 => Frame::Alive,
            0x11 => Frame::Opening(std::mem::take(&mut rest).into()),
            0x12 => Frame::Record {
                index: number(&mut rest)?,
                record: Record::from_bytes(std::mem::take(&mut rest))?,
            },
            0x13 => Frame::Refused {
                signature: take(&mut rest)?,
                invalid: flag(&mut rest)?,
                text: text(&mut rest)?,
            },
            0x14 => Frame::Clock {
                records: number(&mut rest)?,
                now_ms: number(&mut rest)?,
                deadline_ms: number(&mut rest)?,
                settled: flag(&mut rest)?,
            },
            0x1f => Frame::Error {
                last: flag(&mut rest)?,
                text: text(&mut rest)?,
            },
            _ => return None,
        };
        rest.is_empty().then_some(frame)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    take(rest).map(u64::from_be_bytes)
}

fn flag(rest: &mut &[u8]) -> Option<bool> {
    match take(rest)? {
        [0] => Some(false),
        [1] => Some(true),
        _ => None,
    }
}

/// A text from a stranger: short, and nothing that a terminal obeys.
fn text(rest: &mut &[u8]) -> Option<String> {
    let bytes = std::mem::take(rest);
    let text = std::str::from_utf8(bytes).ok()?;
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    (bytes.len() <= MAX_TEXT).then(|| text.chars().map(plain).collect())
}

fn clip(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key::{PublicKey, Signature};

    #[test]
    fn frames_round_trip() {
        let record = Record {
            key: PublicKey([1; 32]),
            signature: Signature([2; 64]),
            event: vec![3; 5],
        };
        let frames = [
            Frame::Hello {
                version: 1,
                game: Hash::ZERO,
                next: 7,
                chain: Hash::keccak(b"x"),
            },
            Frame::Submit {
                round: 3,
                record: record.clone(),
            },
            Frame::Alive,
            Frame::Opening(vec![1, 2]),
            Frame::Record { index: 9, record },
            Frame::Refused {
                signature: [4; 8],
                invalid: true,
                text: "no".into(),
            },
            Frame::Clock {
                records: 1,
                now_ms: 2,
                deadline_ms: 3,
                settled: false,
            },
            Frame::Error {
                last: true,
                text: "gone".into(),
            },
        ];
        for frame in frames {
            let bytes = frame.to_bytes();
            assert_eq!(bytes[..4], (bytes.len() as u32 - 4).to_be_bytes());
            assert_eq!(Frame::from_body(bytes[4], &bytes[5..]).ok(), Some(frame));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_frame_or_none(kind: u8, body: Vec<u8>) {
            if let Ok(frame) = Frame::from_body(kind, &body) {
                let bytes = frame.to_bytes();
                prop_assert_eq!(bytes[4], kind);
                let control = matches!(frame, Frame::Error { .. } | Frame::Refused { .. });
                prop_assert!(control || bytes[5..] == body);
            }
        }
    }
}

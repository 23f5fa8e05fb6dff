//! Terms and events as bytes: what is signed, sent and kept.
//!
//! ```text
//! terms   1+n machine · 1+n spec · 120 start · 40 log · 8 last · 4 arity · 8 join ms · 2 expected
//!         · 8 round ms · 16 nonce
//! event   0 · 120 claim                                     a party joins
//!         1 · 2 party · move                                a party moves
//!         2 · 8 ms                                          close
//! move    0 · 80 stand · 4 count · 32 each                  cuts
//!         1 · 80 stand · 120 before · 120 after · witness   proof; the witness takes the rest
//!         2 · 2 leader                                      follow
//! stand   8 first · 8 len · 32 start · 32 end
//! ```
//!
//! Numbers are big-endian. A claim is [`Claim::to_bytes`], a witness [`Witness::to_bytes`].

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use avm_core::{Claim, Hash};
use avm_merkle::LogHead;
use avm_prove::{FileError, Witness};

use crate::{Event, MAX_ARITY, Move, Party, Segment, Stand, StepProof, Terms};

/// Why bytes are not terms or an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// They end too early.
    #[error("{what} takes {want} bytes, {left} are left")]
    Short {
        /// What was read.
        what: &'static str,
        /// Bytes it takes.
        want: usize,
        /// Bytes left.
        left: usize,
    },
    /// A byte that says what follows says nothing.
    #[error("{what} is {got}, not {want}")]
    Tag {
        /// What was read.
        what: &'static str,
        /// Found.
        got: u64,
        /// Expected.
        want: &'static str,
    },
    /// A name that is not text.
    #[error("{what} is not UTF-8")]
    Text {
        /// What was read.
        what: &'static str,
    },
    /// Bytes after the end.
    #[error("{count} bytes too many")]
    Trailing {
        /// How many.
        count: usize,
    },
    /// The witness of a proof.
    #[error("the witness: {0}")]
    Witness(#[from] FileError),
}

impl Terms {
    /// The terms as bytes.
    ///
    /// # Panics
    /// If an id is longer than 255 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for name in [&self.machine, &self.spec] {
            out.push(u8::try_from(name.len()).expect("an id is short"));
            out.extend(name.as_bytes());
        }
        out.extend(self.start.to_bytes());
        out.extend(self.log.to_bytes());
        out.extend(self.last.to_be_bytes());
        out.extend(self.arity.to_be_bytes());
        out.extend(self.join_ms.to_be_bytes());
        out.extend(self.expected.to_be_bytes());
        out.extend(self.round_ms.to_be_bytes());
        out.extend(self.nonce);
        out
    }

    /// The inverse of [`Terms::to_bytes`], for any bytes.
    ///
    /// # Errors
    /// What was read, found and expected.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader(bytes);
        let terms = Self {
            machine: input.text("the machine id")?,
            spec: input.text("the spec id")?,
            start: input.claim("the claim at the start")?,
            log: LogHead::from_bytes(&input.array("the log head")?),
            last: input.number("the last step")?,
            arity: u32::from_be_bytes(input.array("the arity")?),
            join_ms: input.number("the time to join")?,
            expected: u16::from_be_bytes(input.array("the number of parties expected")?),
            round_ms: input.number("the time of a round")?,
            nonce: input.array("the nonce")?,
        };
        input.end()?;
        Ok(terms)
    }
}

impl Event {
    /// The event as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Event::Join { claim } => {
                out.push(0);
                out.extend(claim.to_bytes());
            }
            Event::Move { by, mv } => {
                out.push(1);
                out.extend(by.0.to_be_bytes());
                mv.write(&mut out);
            }
            Event::Close { at_ms } => {
                out.push(2);
                out.extend(at_ms.to_be_bytes());
            }
        }
        out
    }

    /// The inverse of [`Event::to_bytes`], for any bytes.
    ///
    /// # Errors
    /// What was read, found and expected.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader(bytes);
        let event = match input.tag("the kind of event", 2, "0, 1 or 2")? {
            0 => Event::Join {
                claim: input.claim("the claim")?,
            },
            1 => Event::Move {
                by: input.party("the party")?,
                mv: input.mv()?,
            },
            _ => Event::Close {
                at_ms: input.number("the time")?,
            },
        };
        input.end()?;
        Ok(event)
    }
}

impl Move {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Move::Cut { stand, points } => {
                out.push(0);
                stand.write(out);
                let count = u32::try_from(points.len()).expect("cuts are at most MAX_ARITY");
                out.extend(count.to_be_bytes());
                points.iter().for_each(|point| out.extend(point.0));
            }
            Move::Prove(proof) => {
                out.push(1);
                proof.stand.write(out);
                out.extend(proof.pre.to_bytes());
                out.extend(proof.post.to_bytes());
                out.extend(proof.witness.to_bytes());
            }
            Move::Follow { leader } => {
                out.push(2);
                out.extend(leader.0.to_be_bytes());
            }
        }
    }
}

impl Stand {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.segment.first.to_be_bytes());
        out.extend(self.segment.len.to_be_bytes());
        out.extend(self.start.0);
        out.extend(self.end.0);
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, what: &'static str, want: usize) -> Result<&'a [u8], DecodeError> {
        let left = self.0.len();
        let split = self.0.split_at_checked(want);
        let (taken, rest) = split.ok_or(DecodeError::Short { what, want, left })?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], DecodeError> {
        let bytes = self.take(what, N)?;
        Ok(bytes.try_into().expect("as many bytes as were asked for"))
    }

    fn number(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(self.array(what)?))
    }

    fn tag(&mut self, what: &'static str, most: u8, want: &'static str) -> Result<u8, DecodeError> {
        let [tag] = self.array(what)?;
        if tag <= most {
            return Ok(tag);
        }
        let got = tag.into();
        Err(DecodeError::Tag { what, got, want })
    }

    fn text(&mut self, what: &'static str) -> Result<String, DecodeError> {
        let [len] = self.array(what)?;
        let bytes = self.take(what, len.into())?;
        let text = core::str::from_utf8(bytes).map_err(|_| DecodeError::Text { what })?;
        Ok(text.into())
    }

    fn claim(&mut self, what: &'static str) -> Result<Claim, DecodeError> {
        Ok(Claim::from_bytes(&self.array(what)?))
    }

    fn party(&mut self, what: &'static str) -> Result<Party, DecodeError> {
        Ok(Party(u16::from_be_bytes(self.array(what)?)))
    }

    fn stand(&mut self) -> Result<Stand, DecodeError> {
        Ok(Stand {
            segment: Segment {
                first: self.number("the start of a segment")?,
                len: self.number("the length of a segment")?,
            },
            start: Hash(self.array("the hash at the start")?),
            end: Hash(self.array("the hash at the end")?),
        })
    }

    fn mv(&mut self) -> Result<Move, DecodeError> {
        Ok(match self.tag("the kind of move", 2, "0, 1 or 2")? {
            0 => {
                let stand = self.stand()?;
                let count = u32::from_be_bytes(self.array("the number of points")?);
                if count >= MAX_ARITY {
                    let got = count.into();
                    return Err(DecodeError::Tag {
                        what: "the number of points",
                        got,
                        want: "below MAX_ARITY",
                    });
                }
                let points = (0..count).map(|_| Ok(Hash(self.array("a point")?)));
                let points = points.collect::<Result<_, DecodeError>>()?;
                Move::Cut { stand, points }
            }
            1 => Move::Prove(Box::new(StepProof {
                stand: self.stand()?,
                pre: self.claim("the claim before")?,
                post: self.claim("the claim after")?,
                witness: Witness::from_bytes(core::mem::take(&mut self.0))?,
            })),
            _ => Move::Follow {
                leader: self.party("the leader")?,
            },
        })
    }

    fn end(self) -> Result<(), DecodeError> {
        match self.0.len() {
            0 => Ok(()),
            count => Err(DecodeError::Trailing { count }),
        }
    }
}

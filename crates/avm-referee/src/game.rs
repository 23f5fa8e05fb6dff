//! A game with signatures: the opening, the records, and a replica that checks both.

use std::fmt;

use avm_core::{Hash, Vm};
use avm_dispute::{DecodeError, Dispute, Event, Illegal, Move, Party, Status, Terms};

use crate::key::{Key, Message, PublicKey, Signature};

/// Longest terms that are read, in bytes: two ids of 255 bytes, and the numbers.
pub const MAX_TERMS_BYTES: usize = 1024;
/// Longest record that is ever read, in bytes.
pub const MAX_RECORD_BYTES: usize = 73 << 20;
/// Bytes of a record beside its event: key and signature.
pub const SIGNED_BYTES: usize = 32 + 64;

/// The beginning of a game, signed by its referee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// When it was opened by the referee's clock, in milliseconds since 1970.
    pub opened_ms: u64,
    /// The referee's key.
    pub referee: PublicKey,
    /// The terms.
    pub terms: Terms,
    /// The referee's signature.
    pub signature: Signature,
}

impl Opening {
    /// Opens a game.
    #[must_use]
    pub fn new(opened_ms: u64, terms: Terms, key: &Key) -> Self {
        let mut opening = Self {
            opened_ms,
            referee: key.public(),
            terms,
            signature: Signature([0; 64]),
        };
        let game = opening.id();
        opening.signature = key.sign(&Message::Opening { game });
        opening
    }

    /// Names the game: Keccak-256 of everything but the signature. Unlike [`Terms::id`] it covers
    /// the referee's key, so that nobody else can open a game in which the same moves are good.
    #[must_use]
    pub fn id(&self) -> Hash {
        let bytes = self.to_bytes();
        Hash::keccak(&bytes[..bytes.len() - 64])
    }

    /// The opening as bytes: 8 time, 32 key, 4 length of the terms, the terms, 64 signature.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let terms = self.terms.to_bytes();
        let len = u32::try_from(terms.len()).expect("terms are short");
        let mut out = Vec::new();
        out.extend(self.opened_ms.to_be_bytes());
        out.extend(self.referee.0);
        out.extend(len.to_be_bytes());
        out.extend(terms);
        out.extend(self.signature.0);
        out
    }

    /// Bytes that an opening takes whose first 44 bytes are these; `None` if it is too long.
    pub(crate) fn len_bytes(start: &[u8; 44]) -> Option<usize> {
        let len = u32::from_be_bytes([start[40], start[41], start[42], start[43]]);
        let len = usize::try_from(len).ok()?;
        (len <= MAX_TERMS_BYTES).then_some(44 + len + 64)
    }

    /// The inverse of [`Opening::to_bytes`], for any bytes. The signature is not looked at.
    ///
    /// # Errors
    /// What was read, found and expected.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, GameError> {
        let short = GameError::OpeningLength { got: bytes.len() };
        let Some(start) = bytes.first_chunk() else {
            return Err(short);
        };
        if Self::len_bytes(start) != Some(bytes.len()) {
            return Err(short);
        }
        let array = |at: usize| bytes[at..at + 32].try_into().expect("32 bytes");
        let (terms, signature) = bytes[44..].split_at(bytes.len() - 44 - 64);
        Ok(Self {
            opened_ms: u64::from_be_bytes(bytes[..8].try_into().expect("8 bytes")),
            referee: PublicKey(array(8)),
            terms: Terms::from_bytes(terms).map_err(GameError::Terms)?,
            signature: Signature(signature.try_into().expect("64 bytes")),
        })
    }
}

/// An event with who signed it.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Who.
    pub key: PublicKey,
    /// The signature.
    pub signature: Signature,
    /// The event as bytes.
    pub event: Vec<u8>,
}

impl Record {
    /// The record as bytes: 32 key, 64 signature, the event.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.key.0[..], &self.signature.0, &self.event].concat()
    }

    /// The inverse of [`Record::to_bytes`]; `None` if there are too few bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (key, rest) = bytes.split_first_chunk()?;
        let (signature, event) = rest.split_first_chunk()?;
        Some(Self {
            key: PublicKey(*key),
            signature: Signature(*signature),
            event: event.into(),
        })
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({}, {} bytes)", self.key, self.event.len())
    }
}

/// The hash chain after one more record: `K(chain ‖ record)`.
#[must_use]
pub fn link(chain: Hash, record: &[u8]) -> Hash {
    Hash::keccak(&[&chain.0[..], record].concat())
}

/// Why an opening or a record is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GameError {
    /// No opening has this length.
    #[error("an opening has not {got} bytes")]
    OpeningLength {
        /// Found.
        got: usize,
    },
    /// The terms in an opening.
    #[error("the terms: {0}")]
    Terms(#[source] DecodeError),
    /// The event in a record.
    #[error("the event: {0}")]
    Event(#[source] DecodeError),
    /// Wrong signature.
    #[error("the signature of {key} does not fit {what}")]
    Signature {
        /// Who should have signed.
        key: PublicKey,
        /// What.
        what: String,
    },
    /// Someone else's move.
    #[error("{by} has the key {want}, this is signed by {got}")]
    NotSeat {
        /// Whose move it says it is.
        by: Party,
        /// The key of that party.
        want: PublicKey,
        /// The key that signed.
        got: PublicKey,
    },
    /// Only the referee closes.
    #[error("a close is signed by {got}, the referee is {want}")]
    NotReferee {
        /// Found.
        got: PublicKey,
        /// Expected.
        want: PublicKey,
    },
    /// A key joins once.
    #[error("{key} joined already, with another claim")]
    Joined {
        /// The key.
        key: PublicKey,
    },
    /// A record that changes nothing.
    #[error("the record repeats what was said before")]
    Repeated,
    /// Against the rules of the game.
    #[error(transparent)]
    Illegal(#[from] Illegal),
}

impl GameError {
    /// Whether an honest party can meet this by being late: the move was right once.
    #[must_use]
    pub fn is_late(&self) -> bool {
        use Illegal::{Begun, Follow, Full, NoRound, NotDue, Settled};
        matches!(
            self,
            GameError::Illegal(
                Begun | Full { .. } | NoRound | NotDue { .. } | Settled | Follow { .. }
            )
        )
    }
}

/// A game as one side knows it: whoever applies the same records has the same replica.
#[derive(Clone, Debug)]
pub struct Replica {
    opening: Opening,
    id: Hash,
    dispute: Dispute,
    keys: Vec<PublicKey>,
    chain: Hash,
    records: u64,
    closed_ms: u64,
}

impl Replica {
    /// The game that `opening` opens, after its signature was checked.
    ///
    /// # Errors
    /// If the signature is wrong or the terms cannot be played.
    pub fn open(opening: Opening) -> Result<Self, GameError> {
        let game = opening.id();
        let key = opening.referee;
        if !key.verifies(&Message::Opening { game }, &opening.signature) {
            let what = "the opening".into();
            return Err(GameError::Signature { key, what });
        }
        Ok(Self {
            dispute: Dispute::open(opening.terms.clone())?,
            opening,
            id: game,
            keys: Vec::new(),
            chain: game,
            records: 0,
            closed_ms: 0,
        })
    }

    /// How it was opened.
    #[must_use]
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// Id of the game.
    #[must_use]
    pub fn id(&self) -> Hash {
        self.id
    }

    /// The game.
    #[must_use]
    pub fn dispute(&self) -> &Dispute {
        &self.dispute
    }

    /// The keys of the parties by number.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The party of a key.
    #[must_use]
    pub fn party(&self, key: &PublicKey) -> Option<Party> {
        let at = self.keys.iter().position(|have| have == key)?;
        u16::try_from(at).ok().map(Party)
    }

    /// Hash chain over the records; the id of the game before the first.
    #[must_use]
    pub fn chain(&self) -> Hash {
        self.chain
    }

    /// How many records there are.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// When the joining or a round was closed last, in milliseconds since the opening.
    #[must_use]
    pub fn closed_ms(&self) -> u64 {
        self.closed_ms
    }

    /// The round that a message has to be signed for: 0 while parties join.
    #[must_use]
    pub fn round(&self) -> u32 {
        match self.dispute.status() {
            Status::Joining => 0,
            Status::Round(round) => *round,
            Status::Settled(verdict) => verdict.rounds,
        }
    }

    /// Signs an event of a party for the present round.
    #[must_use]
    pub fn sign(&self, event: &Event, key: &Key) -> Record {
        let (game, round, event) = (self.id, self.round(), event.to_bytes());
        let message = Message::Party {
            game,
            round,
            event: &event,
        };
        let signature = key.sign(&message);
        let key = key.public();
        Record {
            key,
            signature,
            event,
        }
    }

    /// Signs a close at a time.
    #[must_use]
    pub fn sign_close(&self, at_ms: u64, key: &Key) -> Record {
        let event = Event::Close { at_ms }.to_bytes();
        let message = Message::Referee {
            game: self.id,
            chain: self.chain,
            event: &event,
        };
        let signature = key.sign(&message);
        let key = key.public();
        Record {
            key,
            signature,
            event,
        }
    }

    /// Decodes a record and checks who signed it; the game is not asked yet.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, record: &Record) -> Result<Event, GameError> {
        let decoded = Event::from_bytes(&record.event).map_err(GameError::Event)?;
        let (game, event, key) = (self.id, &record.event[..], record.key);
        let message = match decoded {
            Event::Close { .. } => {
                let (got, want) = (key, self.opening.referee);
                if got != want {
                    return Err(GameError::NotReferee { got, want });
                }
                let chain = self.chain;
                Message::Referee { game, chain, event }
            }
            _ => {
                let round = self.round();
                Message::Party { game, round, event }
            }
        };
        if let Event::Move { by, .. } = decoded {
            let want = self.keys.get(usize::from(by.0)).copied();
            let want = want.ok_or(Illegal::NoParty { by })?;
            if want != key {
                let got = key;
                return Err(GameError::NotSeat { by, want, got });
            }
        }
        if !key.verifies(&message, &record.signature) {
            let what = format!("{} in round {}", kind(&decoded), self.round());
            return Err(GameError::Signature { key, what });
        }
        Ok(decoded)
    }

    /// Applies a record. `false` if it says again what was said: then nothing changed, and it is not
    /// part of the record of the game.
    ///
    /// # Errors
    /// Why it is refused; the game is then as it was.
    pub fn apply(&mut self, vm: &dyn Vm, record: &Record) -> Result<bool, GameError> {
        let event = self.check(record)?;
        match &event {
            Event::Join { claim } => {
                if let Some(party) = self.party(&record.key) {
                    let before = &self.dispute.seats()[usize::from(party.0)].claim;
                    let key = record.key;
                    return match before == claim {
                        true => Ok(false),
                        false => Err(GameError::Joined { key }),
                    };
                }
                self.dispute.join(*claim)?;
                self.keys.push(record.key);
            }
            Event::Move { by, mv } => {
                let news = match mv {
                    Move::Cut { stand, .. } => self.is_due(*by, stand),
                    Move::Prove(proof) => self.is_due(*by, &proof.stand),
                    Move::Follow { .. } => true,
                };
                self.dispute.post(vm, *by, mv)?;
                if !news {
                    return Ok(false);
                }
            }
            Event::Close { at_ms } => {
                self.dispute.close(*at_ms)?;
                self.closed_ms = *at_ms;
            }
        }
        self.chain = link(self.chain, &record.to_bytes());
        self.records += 1;
        Ok(true)
    }

    /// [`Replica::apply`] for a record that is part of a game: there it has to be news.
    ///
    /// # Errors
    /// As [`Replica::apply`], and if nothing changed.
    pub fn follow(&mut self, vm: &dyn Vm, record: &Record) -> Result<(), GameError> {
        match self.apply(vm, record)? {
            true => Ok(()),
            false => Err(GameError::Repeated),
        }
    }

    /// Whether a party owes something about this.
    #[must_use]
    pub fn is_due(&self, by: Party, stand: &avm_dispute::Stand) -> bool {
        self.dispute.due(by).any(|due| due == *stand)
    }
}

fn kind(event: &Event) -> &'static str {
    match event {
        Event::Join { .. } => "a join",
        Event::Move { .. } => "a move",
        Event::Close { .. } => "a close",
    }
}

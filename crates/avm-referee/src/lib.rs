//! The dispute game between real parties: signed records, a game file, and a referee and players
//! that talk TCP. The game itself is [`avm_dispute`], which knows nothing of any of this.
//!
//! ```text
//!                    submit: event, signed by a party
//!   play(), a party ---------------------------------> Referee ---> GameFile
//!   watch()         <---------------------------------    |
//!                    opening, records, clock           Replica
//!   Replica
//! ```
//!
//! A party is a key. The referee keeps the clock and the order of events, writes each event to the
//! file before it shows it, and signs every close with all that came before. Everybody else keeps a
//! [`Replica`]: the same records through the same rules, every signature and every proof checked.
//! So the referee is trusted to listen and to be in time, and with nothing else; a verdict is
//! computed by whoever asks for it, from the connection or from the file, and never believed.
//!
//! What is not here: encryption (everything is public), bonds, and a way to choose a referee.
//!
//! Reading order: [`Key`] and [`Message`] (what is signed) · [`Opening`], [`Record`], [`Replica`] (a
//! game with signatures) · [`GameFile`] and [`Reader`] (a game on disk) · [`Frame`] (the wire) ·
//! [`Referee`] · [`play`] and [`watch`]. Byte by byte: `docs/design/dispute-wire.md`.
//!
//! Blocking sockets and threads; no thread decides anything about the game but the one that owns it.
#![allow(clippy::disallowed_methods)]

mod client;
mod file;
mod frame;
mod game;
mod key;
mod limits;
mod server;
mod timed;

pub use client::{ClientError, Expect, Mismatch, Options, Player, Seen, play, terms_at, watch};
pub use file::{FileError, GameFile, MAGIC, Reader, Span, VERSION, replay};
pub use frame::{Frame, FrameError, PROTOCOL};
pub use game::{
    GameError, MAX_RECORD_BYTES, MAX_TERMS_BYTES, Opening, Record, Replica, SIGNED_BYTES, link,
};
pub use key::{Key, KeyError, Message, PublicKey, Signature, random};
pub use limits::Limits;
pub use server::{Referee, Table};

//! The log, the nodes and the checkpoints of `avm`: in files, and in memory behind the same faces.
//!
//! ```text
//!                 append, commit                  begin, put, put_claim, commit
//!   sequencer ---------------------> Log          executor --------------------> Checkpoints
//!                                     |                                          Nodes
//!                       FileLog (main.avmlog)                          State (state.redb)
//!                       MemoryLog                                      MemoryCheckpoints
//! ```
//!
//! **The log carries durability, the database does not.** What [`Log::commit`] returned for is on
//! the disk and is never lost or changed without an error. The database may lag behind, and may
//! be deleted: a run starts from the latest checkpoint whose inbox hash the log still has, or from
//! the beginning. [`Store`] ties both together in a directory.
//!
//! # Which bytes are acknowledged
//!
//! A batch is written, made durable, and only then followed by a *commit record*. Hence:
//!
//! 1. Whatever stands before a commit record was acknowledged. A byte that does not fit there is
//!    [`StoreError::Damaged`], and the file is left as it is.
//! 2. After the last commit record stands at most one batch. Its whole records are kept. The rest
//!    was never acknowledged if a crash made it; it is cut off, and [`FileLog::open`] says how
//!    many bytes that were.
//!
//! So a flipped length is never taken for a torn write, and sectors that reached the disk in
//! another order than they were written in are never taken for damage. Two things no log can see
//! by itself: a file cut at a record boundary, which [`Store`] notices if a checkpoint knew more
//! ([`StoreError::LogBehind`]); and damage to the very batch that was acknowledged last before a
//! loss of power, which is cut, and reported, if it kept its commit record from the disk.
//!
//! # The log, byte by byte
//!
//! Numbers are big-endian, checksums are CRC-32 (IEEE), everything begins at a multiple of 8.
//!
//! ```text
//! file header                                  record
//!   0  8  "AVMLOG\r\n"                            0  4  payload length, padding left out
//!   8  4  format version, 1                      4  1  kind
//!  12  2  length of the machine id               5  3  zero
//!  14  2  length of the spec id                  8  4  checksum of the padded payload
//!  16  8  length of the image                   12  4  checksum of log id, offset, bytes 0..12
//!  24 16  log id                                16     payload, zero to a multiple of 8
//!  40  4  checksum of what follows the header
//!  44  4  checksum of bytes 0..44             kind 1 input     inbox hash after it, input
//!  48     machine id, spec id, image,         kind 2 claim     120 bytes, as in `Claim`
//!         zero to a multiple of 8             kind 3 truncate  count kept, inbox hash then
//!                                             kind 4 commit    count, inbox hash
//! ```
//!
//! A reorg appends a truncate record and cuts nothing, so it is one durable write, readers of the
//! file are not disturbed, and no crash can leave half of it. `docs/design/log-format.md` has the
//! whole format with its reasons.
//!
//! # What reading costs
//!
//! Opening reads and hashes the whole log, and checks every page of the database. Afterwards an
//! input is one read, two checksums and its link in the chain; a node is one lookup and its hash.
//!
//! Reading order: [`Log`] · [`FileLog`] · [`LogReader`] and [`Record`] · [`Checkpoints`] ·
//! [`State`] · [`Store`]. [`Bundle`] is a log and a moment in it, as one file to hand on.

mod bundle;
mod checkpoints;
mod disk;
mod error;
mod format;
mod log;
mod memory;
mod outputs;
mod reader;
mod state;
mod store;

pub use bundle::{BUNDLE_MAGIC, BUNDLE_VERSION, Bundle, BundleError, MAX_WHY_BYTES};
pub use checkpoints::{Batch, Checkpoints};
pub use disk::Disk;
pub use error::{Damage, StoreError};
pub use format::{
    Identity, LogHeader, LogId, MAGIC, MAX_IMAGE_BYTES, MAX_INPUT_BYTES, MAX_NAME_BYTES, VERSION,
};
pub use log::{FileLog, Log, LogHead, LogWriter};
pub use memory::{MemoryCheckpoints, MemoryLog};
pub use reader::{LogReader, Record};
pub use state::{NodeHash, State};
pub use store::{Recovery, Store};

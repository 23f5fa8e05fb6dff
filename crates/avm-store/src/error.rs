use std::io;
use std::path::{Path, PathBuf};

use avm_core::{Hash, HostError};

/// Why a store could not be read or written. Every variant names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refused.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried, for example `append`.
        action: &'static str,
        /// The refusal.
        source: io::Error,
    },
    /// A directory, device or pipe where a file belongs.
    #[error("{}: not a regular file", path.display())]
    NotAFile {
        /// What was given.
        path: PathBuf,
    },
    /// Something is there already; nothing was overwritten.
    #[error("{}: exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another writer has the file.
    #[error("{}: another writer has it open", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The first bytes are those of some other kind of file.
    #[error("{}: byte 0: magic is {found:02x?}, expected {expected:02x?}", path.display())]
    Magic {
        /// The file.
        path: PathBuf,
        /// First bytes of the file; fewer than eight if it is shorter.
        found: Vec<u8>,
        /// What the format begins with.
        expected: [u8; 8],
    },
    /// The file is of another format version.
    #[error("{}: format version is {found}, expected {expected}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Version in the file.
        found: u32,
        /// Version this build reads and writes.
        expected: u32,
    },
    /// The file belongs to another machine, other rules, another program or another log.
    #[error("{}: {what} is {found}, expected {expected}", path.display())]
    Identity {
        /// The file.
        path: PathBuf,
        /// `machine id`, `spec id`, `program image` or `log id`.
        what: &'static str,
        /// What the file says.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// The log's bytes are not what was written.
    #[error("{}: byte {offset}: {damage}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damaged header or record begins, in bytes.
        offset: u64,
        /// What is wrong there.
        damage: Damage,
    },
    /// A stored node does not hash to its name.
    #[error("{}: node {name} hashes to {found}", path.display())]
    NodeDamaged {
        /// The database.
        path: PathBuf,
        /// Name of the node.
        name: Hash,
        /// Hash of the stored bytes.
        found: Hash,
    },
    /// A row of the database contradicts itself or its neighbour.
    #[error("{}: {table} row {key} is damaged", path.display())]
    RowDamaged {
        /// The database.
        path: PathBuf,
        /// Name of the table.
        table: &'static str,
        /// Key of the row; 0 in the table `meta`.
        key: u64,
    },
    /// The database failed.
    #[error("{}: the database failed: {source}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// Its own error.
        source: Box<redb::Error>,
    },
    /// The database code panicked, which it may on a damaged file; the handle is of no more use.
    #[error("{}: the database gave up: {message}", path.display())]
    DatabasePanic {
        /// The database.
        path: PathBuf,
        /// Text of the panic.
        message: String,
    },
    /// A checkpoint is of inputs that the log does not hold: acknowledged inputs are lost.
    #[error("{}: a checkpoint has {checkpoint} inputs, the log holds {log}", path.display())]
    LogBehind {
        /// The log.
        path: PathBuf,
        /// Inputs under the latest checkpoint.
        checkpoint: u64,
        /// Inputs in the log.
        log: u64,
    },
    /// Longer than the format allows.
    #[error("{}: {what} is {len} bytes, the limit is {max}", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// `input`, `program image`, `batch`, `machine id` or `spec id`.
        what: &'static str,
        /// Length found, in bytes.
        len: u64,
        /// Longest allowed, in bytes.
        max: u64,
    },
    /// A position past the end of the log.
    #[error("{}: input count {inputs} is past the end, the log holds {len}", path.display())]
    PastEnd {
        /// The log.
        path: PathBuf,
        /// Count of inputs asked for.
        inputs: u64,
        /// Inputs in the log.
        len: u64,
    },
    /// A claim whose inbox or outbox is not that of this store.
    #[error("{}: {what} of the claim at {count} is {found}, expected {expected}", path.display())]
    ClaimMismatch {
        /// The store.
        path: PathBuf,
        /// `inbox`, `outbox` or `claim`.
        what: &'static str,
        /// Inputs, outputs or steps of the claim.
        count: u64,
        /// What the claim says.
        found: Hash,
        /// What the store says.
        expected: Hash,
    },
    /// Outputs are kept in order and without gaps.
    #[error("{}: output {found} does not follow, the next one is {expected}", path.display())]
    OutputOrder {
        /// The store.
        path: PathBuf,
        /// Number given, or number of outputs under a claim.
        found: u64,
        /// Number that comes next.
        expected: u64,
    },
    /// Only one batch may be open at a time.
    #[error("{}: another batch is open", path.display())]
    BatchOpen {
        /// The store.
        path: PathBuf,
    },
    /// An earlier write failed, so what is on disk is not known. Open the store again.
    #[error("{}: an earlier write failed, open it again", path.display())]
    Poisoned {
        /// The file.
        path: PathBuf,
    },
}

/// What is wrong with the bytes of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The file ends inside its header.
    #[error("the file ends after {found} bytes, its header takes {expected}")]
    ShortHeader {
        /// Length of the file, in bytes.
        found: u64,
        /// Length of the header, in bytes.
        expected: u64,
    },
    /// A checksum does not fit.
    #[error("checksum of the {part} is {found:08x}, expected {expected:08x}")]
    Checksum {
        /// `file header`, `names and image`, `record header` or `payload`.
        part: &'static str,
        /// Checksum of the bytes.
        found: u32,
        /// Checksum written beside them.
        expected: u32,
    },
    /// A length that no writer gives, under a checksum that fits.
    #[error("length of the {part} is {found} bytes, allowed are {min} to {max}")]
    Length {
        /// What is measured.
        part: &'static str,
        /// Length found, in bytes.
        found: u64,
        /// Shortest allowed, in bytes.
        min: u64,
        /// Longest allowed, in bytes.
        max: u64,
    },
    /// A record kind this version does not know, under a checksum that fits.
    #[error("record kind is {found}, known are 1 to 4")]
    Kind {
        /// Kind found.
        found: u8,
    },
    /// Bytes that must be zero are not.
    #[error("reserved bytes are not zero")]
    Reserved,
    /// A machine or spec id that is not UTF-8, under a checksum that fits.
    #[error("the {part} is not UTF-8")]
    Text {
        /// `machine id` or `spec id`.
        part: &'static str,
    },
    /// A hash chain that does not continue.
    #[error("inbox hash is {found}, expected {expected}")]
    Inbox {
        /// Hash in the record.
        found: Hash,
        /// Hash of what comes before it.
        expected: Hash,
    },
    /// A record counts inputs that are not there.
    #[error("record counts {found} inputs, expected {expected}")]
    Count {
        /// Count in the record.
        found: u64,
        /// Inputs before it; the most it may count.
        expected: u64,
    },
}

impl StoreError {
    /// Whether the store is damaged or of another format, machine or log: what no retry mends.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Magic { .. }
            | Self::Version { .. }
            | Self::Identity { .. }
            | Self::Damaged { .. }
            | Self::NodeDamaged { .. }
            | Self::RowDamaged { .. }
            | Self::DatabasePanic { .. }
            | Self::LogBehind { .. } => true,
            // Complaints about the contents come as IO errors too, but not from the system.
            Self::Database { source, .. } => match &**source {
                redb::Error::Io(error) => error.raw_os_error().is_none(),
                _ => true,
            },
            _ => false,
        }
    }

    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            path,
            action,
            source,
        }
    }

    pub(crate) fn damaged(path: &Path, offset: u64, damage: Damage) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            offset,
            damage,
        }
    }
}

impl From<StoreError> for HostError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

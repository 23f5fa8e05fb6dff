//! The game file: the record of a game, durable before anybody sees it.
//!
//! ```text
//!  0  8  "AVMGAM\r\n"
//!  8  4  format version, 1
//! 12     opening: 8 opened ms, 32 referee's key, 4 length of the terms, terms, 64 signature
//!        records, each
//!          4  length of the record
//!          4  first bytes of K(chain ‖ length): a length that was damaged is not believed
//!             record: 32 key, 64 signature, event
//!         32  chain' = K(chain ‖ record); the chain before the first record is the id of the game
//! ```
//!
//! Records are only ever appended. A crash leaves the last one unfinished; that one was shown to
//! nobody and is cut off. Anything else that is wrong is damage, and the file is refused.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use avm_core::{Hash, Vm};

use crate::game::{GameError, MAX_RECORD_BYTES, Opening, Record, Replica, SIGNED_BYTES, link};

/// The first bytes of a game file.
pub const MAGIC: [u8; 8] = *b"AVMGAM\r\n";
/// Format version that is written and read.
pub const VERSION: u32 = 1;
/// Bytes before a record and after it.
const AROUND: u64 = 8 + 32;

/// Why a game file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process writes it.
    #[error("{} is in use by another process", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// Not a game file.
    #[error("the first bytes are not those of a game file")]
    Magic,
    /// Another format.
    #[error("format version {got}, this build reads {VERSION}")]
    Version {
        /// Version found.
        got: u32,
    },
    /// The beginning is not all there.
    #[error("the opening of the game is cut off at byte {at}")]
    Opening {
        /// Length of the file.
        at: u64,
    },
    /// The middle is not what was written.
    #[error("record {index} at byte {at} is damaged: {what}")]
    Damaged {
        /// Which record.
        index: u64,
        /// Offset.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A record against the rules: the file was made by somebody who does not follow them.
    #[error("record {index} at byte {at}: {source}")]
    Record {
        /// Which record.
        index: u64,
        /// Offset.
        at: u64,
        /// Why.
        source: Box<GameError>,
    },
    /// An opening against the rules.
    #[error("the opening: {0}")]
    Game(#[source] Box<GameError>),
}

/// Where a record is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Offset of the record itself.
    pub at: u64,
    /// Its length.
    pub len: u32,
    /// The hash chain after it.
    pub chain: Hash,
}

impl Span {
    fn end(&self) -> u64 {
        self.at + u64::from(self.len) + 32
    }
}

/// Reads a game file from start to end. It checks the form and the chain; what the records mean is
/// for a [`Replica`] to judge.
pub struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    opening: Opening,
    chain: Hash,
    at: u64,
    len: u64,
    index: u64,
    tail: u64,
}

impl Reader {
    /// Opens a file and reads its opening.
    ///
    /// # Errors
    /// If it is no game file or cannot be read.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let file = File::open(path).map_err(|source| io_error(path, source))?;
        Self::of(path, file)
    }

    fn of(path: &Path, file: File) -> Result<Self, FileError> {
        let fail = |source| io_error(path, source);
        let len = file.metadata().map_err(fail)?.len();
        let mut file = BufReader::new(file);
        file.seek(SeekFrom::Start(0)).map_err(fail)?;
        let mut take = |buffer: &mut [u8]| match file.read_exact(buffer) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                Err(FileError::Opening { at: len })
            }
            other => other.map_err(|source| io_error(path, source)),
        };
        let mut start = [0; 12];
        let known = usize::try_from(len).unwrap_or(12).min(12);
        take(&mut start[..known])?;
        let magic = known.min(MAGIC.len());
        if start[..magic] != MAGIC[..magic] || known == 0 {
            return Err(FileError::Magic);
        }
        if known < 12 {
            return Err(FileError::Opening { at: len });
        }
        let got = u32::from_be_bytes([start[8], start[9], start[10], start[11]]);
        if got != VERSION {
            return Err(FileError::Version { got });
        }
        let mut opening = vec![0; 44];
        take(&mut opening)?;
        let first = opening[..].first_chunk().expect("44 bytes were read");
        let size = Opening::len_bytes(first).ok_or_else(|| {
            FileError::Game(Box::new(GameError::OpeningLength { got: usize::MAX }))
        })?;
        opening.resize(size, 0);
        take(&mut opening[44..])?;
        let opening =
            Opening::from_bytes(&opening).map_err(|source| FileError::Game(Box::new(source)))?;
        Ok(Self {
            path: path.into(),
            file,
            chain: opening.id(),
            opening,
            at: 12 + size as u64,
            len,
            index: 0,
            tail: 0,
        })
    }

    /// How the game was opened. The signature was not looked at.
    #[must_use]
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// Bytes at the end that belong to a record that was never finished; known once all was read.
    #[must_use]
    pub fn tail(&self) -> u64 {
        self.tail
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// If the file is damaged or cannot be read.
    pub fn next_record(&mut self) -> Result<Option<(Span, Record)>, FileError> {
        let left = self.len - self.at;
        if left < 8 {
            self.tail = left;
            return Ok(None);
        }
        let mut head = [0; 8];
        self.read(&mut head)?;
        let len = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        if head[4..] != length_check(self.chain, len) {
            return match head == [0; 8] && self.rest_is_zero()? {
                // Space that the system made and did not come to fill.
                true => Ok(self.end_at(left)),
                false => Err(self.damaged("the length and its check disagree")),
            };
        }
        let size = usize::try_from(len).unwrap_or(usize::MAX);
        if !(SIGNED_BYTES..=MAX_RECORD_BYTES).contains(&size) {
            return Err(self.damaged("no record has such a length"));
        }
        if left < AROUND + u64::from(len) {
            return Ok(self.end_at(left));
        }
        let mut body = vec![0; size + 32];
        self.read(&mut body)?;
        let chain = link(self.chain, &body[..size]);
        if body[size..] != chain.0 {
            let last = left == AROUND + u64::from(len);
            return match last && body[size..] == [0; 32] {
                true => Ok(self.end_at(left)),
                false => Err(self.damaged("the chain hash does not fit")),
            };
        }
        let record = Record::from_bytes(&body[..size]).expect("the length was checked");
        let at = self.at + 8;
        let span = Span { at, len, chain };
        self.at = span.end();
        self.chain = chain;
        self.index += 1;
        Ok(Some((span, record)))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<(), FileError> {
        let read = self.file.read_exact(buffer);
        read.map_err(|source| io_error(&self.path, source))
    }

    fn rest_is_zero(&mut self) -> Result<bool, FileError> {
        let mut buffer = [0; 4096];
        loop {
            let read = self.file.read(&mut buffer);
            match read.map_err(|source| io_error(&self.path, source))? {
                0 => return Ok(true),
                n if buffer[..n].iter().any(|byte| *byte != 0) => return Ok(false),
                _ => {}
            }
        }
    }

    fn end_at<T>(&mut self, tail: u64) -> Option<T> {
        self.tail = tail;
        self.len = self.at;
        None
    }

    fn damaged(&self, what: &'static str) -> FileError {
        let (index, at) = (self.index, self.at);
        FileError::Damaged { index, at, what }
    }
}

/// A game file that is written.
pub struct GameFile {
    path: PathBuf,
    file: File,
    len: u64,
    chain: Hash,
}

impl GameFile {
    /// Starts a file, which must not exist; it is durable on return.
    ///
    /// # Errors
    /// If it exists or cannot be written.
    pub fn create(path: &Path, opening: &Opening) -> Result<Self, FileError> {
        let fail = |source| io_error(path, source);
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(fail)?;
        lock(path, &file)?;
        let mut bytes = Vec::from(MAGIC);
        bytes.extend(VERSION.to_be_bytes());
        bytes.extend(opening.to_bytes());
        file.write_all(&bytes).map_err(fail)?;
        file.sync_all().map_err(fail)?;
        sync_directory(path).map_err(fail)?;
        Ok(Self {
            path: path.into(),
            file,
            len: bytes.len() as u64,
            chain: opening.id(),
        })
    }

    /// Opens a file to go on with its game: checks and replays all of it, and cuts off a record that
    /// was never finished.
    ///
    /// # Errors
    /// If it is damaged, breaks the rules, is in use, or cannot be read.
    pub fn reopen(path: &Path, vm: &dyn Vm) -> Result<(Self, Replica, Vec<Span>), FileError> {
        let fail = |source| io_error(path, source);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).open(path).map_err(fail)?;
        lock(path, &file)?;
        let mut reader = Reader::of(path, file.try_clone().map_err(fail)?)?;
        let (replica, spans) = replay(&mut reader, vm, |_, _, _| {})?;
        if reader.tail() > 0 {
            file.set_len(reader.at).map_err(fail)?;
            file.sync_all().map_err(fail)?;
        }
        let file = Self {
            path: path.into(),
            file,
            len: reader.at,
            chain: replica.chain(),
        };
        Ok((file, replica, spans))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a record. It is not durable before [`GameFile::sync`].
    ///
    /// # Errors
    /// If it cannot be written; the file is then to be given up.
    pub fn append(&mut self, record: &Record) -> Result<Span, FileError> {
        let body = record.to_bytes();
        let len = u32::try_from(body.len()).expect("a record is below 4 GiB");
        let chain = link(self.chain, &body);
        let mut bytes = Vec::with_capacity(body.len() + 40);
        bytes.extend(len.to_be_bytes());
        bytes.extend(length_check(self.chain, len));
        bytes.extend(&body);
        bytes.extend(chain.0);
        let fail = |source| io_error(&self.path, source);
        self.file.seek(SeekFrom::Start(self.len)).map_err(fail)?;
        self.file.write_all(&bytes).map_err(fail)?;
        let at = self.len + 8;
        self.len += bytes.len() as u64;
        self.chain = chain;
        Ok(Span { at, len, chain })
    }

    /// Makes everything that was appended durable.
    ///
    /// # Errors
    /// If the system refused; the file is then to be given up.
    pub fn sync(&mut self) -> Result<(), FileError> {
        let synced = self.file.sync_data();
        synced.map_err(|source| io_error(&self.path, source))
    }
}

/// Applies all records of a file to a new replica. `seen` gets the replica after each of them.
///
/// # Errors
/// If the file is damaged or a record breaks the rules.
pub fn replay(
    reader: &mut Reader,
    vm: &dyn Vm,
    mut seen: impl FnMut(&Replica, Span, &Record),
) -> Result<(Replica, Vec<Span>), FileError> {
    let game = |source| FileError::Game(Box::new(source));
    let mut replica = Replica::open(reader.opening().clone()).map_err(game)?;
    let mut spans = Vec::new();
    while let Some((span, record)) = reader.next_record()? {
        let (index, at) = (replica.records(), span.at);
        replica.follow(vm, &record).map_err(|source| {
            let source = Box::new(source);
            FileError::Record { index, at, source }
        })?;
        seen(&replica, span, &record);
        spans.push(span);
    }
    Ok((replica, spans))
}

/// Reads one record's bytes again.
pub(crate) fn read_span(file: &mut File, span: Span) -> io::Result<Vec<u8>> {
    let mut body = vec![0; usize::try_from(span.len).unwrap_or(usize::MAX)];
    file.seek(SeekFrom::Start(span.at))?;
    file.read_exact(&mut body)?;
    Ok(body)
}

fn length_check(chain: Hash, len: u32) -> [u8; 4] {
    let hash = Hash::keccak(&[&chain.0[..], &len.to_be_bytes()].concat());
    [hash.0[0], hash.0[1], hash.0[2], hash.0[3]]
}

fn lock(path: &Path, file: &File) -> Result<(), FileError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(FileError::Locked { path: path.into() }),
        Err(TryLockError::Error(source)) => Err(io_error(path, source)),
    }
}

fn io_error(path: &Path, source: io::Error) -> FileError {
    FileError::Io {
        path: path.into(),
        source,
    }
}

/// Makes the name of a new file durable.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    #[cfg(unix)]
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    #[cfg(not(unix))]
    let _ = parent;
    Ok(())
}

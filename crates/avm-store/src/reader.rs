//! Reading a log from its first byte to its last, one record in memory at a time.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use avm_core::{Bytes, Claim, Hash};

use crate::disk;
use crate::format::{
    COMMIT_RECORD, Codec, FILE_HEADER, Fixed, Kind, MAGIC, RECORD_HEADER, RecordHeader, VERSION,
    hash_at, head_from, u32_at,
};
use crate::{Damage, LogHead, LogHeader, StoreError};

/// Memory is taken for a payload in steps of this many bytes, as far as there are bytes to read.
const STEP: usize = 1 << 20;

/// One record of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// The next input.
    Input {
        /// Its number, counted from 0.
        index: u64,
        /// The input.
        bytes: Bytes,
        /// Inbox hash after it, checked.
        inbox: Hash,
    },
    /// What the writer found after the first [`Claim::inputs`] inputs.
    ///
    /// Its inbox hash is checked here if the claim is of all inputs so far; older ones are
    /// checked by [`FileLog::open`](crate::FileLog::open).
    Claim(Claim),
    /// All inputs from number [`LogHead::len`] on were taken back; a reorg.
    Truncate(LogHead),
    /// Everything before this record was made durable and acknowledged.
    Commit(LogHead),
}

/// Reads the records of a log in order and checks each.
///
/// A file that somebody is writing to may be read: at its end [`LogReader::next_record`] gives
/// `None`, and more records when there are more.
pub struct LogReader<R> {
    source: R,
    path: PathBuf,
    header: LogHeader,
    codec: Codec,
    /// Offset of the next record, in bytes.
    at: u64,
    /// Where the source stands, in bytes; seeking drops what it has buffered.
    position: u64,
    /// Length of the source when last looked at, in bytes.
    len: u64,
    head: LogHead,
    /// Offset after the last commit record, in bytes.
    committed: u64,
    buffer: Vec<u8>,
}

impl LogReader<BufReader<File>> {
    /// Opens the log at `path` for reading; takes no lock and changes nothing.
    ///
    /// # Errors
    /// If there is no log, or its header is damaged or of another version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = disk::open_file(path, false)?;
        Self::new(BufReader::with_capacity(1 << 16, file), path)
    }
}

impl<R: Read + Seek> LogReader<R> {
    /// Reads the header from the start of `source`; `path` is what errors call it.
    ///
    /// # Errors
    /// If the source is no log, or its header is damaged or of another version.
    pub fn new(mut source: R, path: &Path) -> Result<Self, StoreError> {
        let fail = |error| StoreError::io(path, "read")(error);
        let len = source.seek(SeekFrom::End(0)).map_err(fail)?;
        source.seek(SeekFrom::Start(0)).map_err(fail)?;
        let mut fixed = Vec::new();
        let mut start = (&mut source).take(FILE_HEADER as u64);
        start.read_to_end(&mut fixed).map_err(fail)?;
        let header = read_header(&mut source, path, &fixed, len)?;
        let at = source.stream_position().map_err(fail)?;
        Ok(Self {
            codec: Codec::new(header.id),
            source,
            path: path.to_owned(),
            header,
            at,
            position: at,
            len,
            head: LogHead::EMPTY,
            committed: at,
            buffer: Vec::new(),
        })
    }

    /// Machine, rules, program and id of the log.
    pub const fn header(&self) -> &LogHeader {
        &self.header
    }

    /// Inputs read so far and not taken back, and their inbox hash.
    pub const fn head(&self) -> LogHead {
        self.head
    }

    /// Offset of the next record, in bytes.
    pub const fn offset(&self) -> u64 {
        self.at
    }

    /// Whether a commit record follows everything read so far, or nothing was read.
    pub const fn is_committed(&self) -> bool {
        self.committed == self.at
    }

    /// Bytes after the last whole record, once [`LogReader::next_record`] gave `None`: what a
    /// writer left unfinished, or is about to finish. They were never acknowledged.
    pub const fn tail(&self) -> u64 {
        self.len.saturating_sub(self.at)
    }

    /// The next record and its offset in bytes; `None` at the end.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if bytes are not as written. A record that does not verify is the
    /// end and not damage only if no commit record follows it anywhere: the writer then never
    /// acknowledged it.
    pub fn next_record(&mut self) -> Result<Option<(u64, Record)>, StoreError> {
        let found = match self.read_record()? {
            Found::Bad(damage) if self.commit_follows()? => {
                // A live writer may have finished the record since; look once more.
                match self.read_record()? {
                    Found::Bad(_) => return Err(self.damaged(damage)),
                    found => found,
                }
            }
            found => found,
        };
        let Found::Record(header) = found else {
            return Ok(None);
        };
        let record = self.check(&header).map_err(|damage| self.damaged(damage))?;
        let at = self.at;
        self.at += (RECORD_HEADER + header.padded()) as u64;
        match &record {
            Record::Input { index, inbox, .. } => {
                self.head = LogHead {
                    len: index + 1,
                    inbox: *inbox,
                }
            }
            Record::Truncate(head) => self.head = *head,
            Record::Commit(_) => self.committed = self.at,
            Record::Claim(_) => {}
        }
        Ok(Some((at, record)))
    }

    /// Reads the record at `self.at`, its padded payload into the buffer.
    fn read_record(&mut self) -> Result<Found, StoreError> {
        if !self.has(RECORD_HEADER)? {
            return Ok(Found::End);
        }
        if self.position != self.at {
            self.seek(SeekFrom::Start(self.at))?;
        }
        let mut bytes = [0; RECORD_HEADER];
        self.read_exact(&mut bytes)?;
        if let Err(damage) = self.codec.check_header(self.at, &bytes) {
            return Ok(Found::Bad(damage));
        }
        let header = RecordHeader::decode(&bytes).map_err(|damage| self.damaged(damage))?;
        if !self.has(RECORD_HEADER + header.padded())? {
            return Ok(Found::End);
        }
        self.buffer.clear();
        while self.buffer.len() < header.padded() {
            let have = self.buffer.len();
            self.buffer.resize(header.padded().min(have + STEP), 0);
            let mut buffer = std::mem::take(&mut self.buffer);
            let read = self.read_exact(&mut buffer[have..]);
            self.buffer = buffer;
            read?;
        }
        Ok(match header.check_payload(&self.buffer) {
            Ok(()) => Found::Record(header),
            Err(damage) => Found::Bad(damage),
        })
    }

    /// Whether the source holds `size` bytes from the next record on; leaves the position unless
    /// it has to look.
    fn has(&mut self, size: usize) -> Result<bool, StoreError> {
        if self.len.saturating_sub(self.at) < size as u64 {
            let back = self.position;
            self.len = self.seek(SeekFrom::End(0))?;
            self.seek(SeekFrom::Start(back))?;
        }
        Ok(self.len.saturating_sub(self.at) >= size as u64)
    }

    /// What the payload in the buffer says, against what came before it.
    fn check(&self, header: &RecordHeader) -> Result<Record, Damage> {
        let (payload, padding) = self.buffer.split_at(header.len);
        if padding.iter().any(|byte| *byte != 0) {
            return Err(Damage::Reserved);
        }
        match header.kind {
            Kind::Input => {
                let (found, bytes) = (hash_at(payload, 0), &payload[32..]);
                let inbox = self.head.inbox.join(Hash::keccak(bytes));
                check_inbox(found, inbox)?;
                Ok(Record::Input {
                    index: self.head.len,
                    bytes: bytes.into(),
                    inbox,
                })
            }
            Kind::Claim => {
                let mut bytes = [0; Claim::LEN];
                bytes.copy_from_slice(payload);
                let claim = Claim::from_bytes(&bytes);
                self.check_head(claim.inputs, claim.inbox)?;
                Ok(Record::Claim(claim))
            }
            Kind::Truncate => {
                let head = head_from(payload);
                self.check_head(head.len, head.inbox)?;
                Ok(Record::Truncate(head))
            }
            Kind::Commit => {
                let head = head_from(payload);
                check_count(head.len, self.head.len, head.len == self.head.len)?;
                check_inbox(head.inbox, self.head.inbox)?;
                Ok(Record::Commit(head))
            }
        }
    }

    /// A count of inputs may lie in the past, whose hashes are not kept here.
    fn check_head(&self, len: u64, inbox: Hash) -> Result<(), Damage> {
        check_count(len, self.head.len, len <= self.head.len)?;
        match len {
            0 => check_inbox(inbox, Hash::ZERO),
            len if len == self.head.len => check_inbox(inbox, self.head.inbox),
            _ => Ok(()),
        }
    }

    /// Whether a commit record stands anywhere after the record at `self.at`.
    fn commit_follows(&mut self) -> Result<bool, StoreError> {
        const BLOCK: usize = 1 << 16;
        let mut block = Vec::with_capacity(BLOCK + COMMIT_RECORD);
        let mut start = self.at + 8;
        self.seek(SeekFrom::Start(start.min(self.len)))?;
        loop {
            let old = block.len();
            let mut more = (&mut self.source).take(BLOCK as u64);
            let read = more.read_to_end(&mut block);
            self.position += read.map_err(StoreError::io(&self.path, "read"))? as u64;
            let mut next = 0;
            while let Some(bytes) = block[next..].first_chunk::<COMMIT_RECORD>() {
                if self.codec.is_commit(start + next as u64, bytes) {
                    return Ok(true);
                }
                next += 8;
            }
            if block.len() == old {
                return Ok(false);
            }
            block.drain(..next);
            start += next as u64;
        }
    }

    fn seek(&mut self, to: SeekFrom) -> Result<u64, StoreError> {
        let position = self.source.seek(to);
        self.position = position.map_err(StoreError::io(&self.path, "read"))?;
        Ok(self.position)
    }

    fn read_exact(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        let read = self.source.read_exact(bytes);
        read.map_err(StoreError::io(&self.path, "read"))?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn damaged(&self, damage: Damage) -> StoreError {
        StoreError::damaged(&self.path, self.at, damage)
    }
}

/// What stands at an offset.
enum Found {
    /// A record whose checksums fit.
    Record(RecordHeader),
    /// Nothing, or a record that is longer than the file.
    End,
    /// Bytes whose checksum does not fit.
    Bad(Damage),
}

fn read_header<R: Read>(
    source: &mut R,
    path: &Path,
    fixed: &[u8],
    len: u64,
) -> Result<LogHeader, StoreError> {
    if !fixed.starts_with(&MAGIC) {
        return Err(StoreError::Magic {
            path: path.to_owned(),
            found: fixed[..fixed.len().min(MAGIC.len())].to_vec(),
            expected: MAGIC,
        });
    }
    let short = |expected: usize| {
        let (found, expected) = (len, expected as u64);
        StoreError::damaged(path, 0, Damage::ShortHeader { found, expected })
    };
    if fixed.len() >= 12 && u32_at(fixed, 8) != VERSION {
        return Err(StoreError::Version {
            path: path.to_owned(),
            found: u32_at(fixed, 8),
            expected: VERSION,
        });
    }
    let fixed: &[u8; FILE_HEADER] = fixed.try_into().map_err(|_| short(FILE_HEADER))?;
    let damaged = |damage| StoreError::damaged(path, 0, damage);
    let fixed = Fixed::decode(fixed).map_err(damaged)?;
    let size = FILE_HEADER + fixed.body();
    if len < size as u64 {
        return Err(short(size));
    }
    let mut body = vec![0; fixed.body()];
    let read = source.read_exact(&mut body);
    read.map_err(StoreError::io(path, "read"))?;
    fixed.with_body(&body).map_err(damaged)
}

pub(crate) fn check_inbox(found: Hash, expected: Hash) -> Result<(), Damage> {
    if found == expected {
        return Ok(());
    }
    Err(Damage::Inbox { found, expected })
}

fn check_count(found: u64, expected: u64, fits: bool) -> Result<(), Damage> {
    if fits {
        return Ok(());
    }
    Err(Damage::Count { found, expected })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::format::head_bytes;
    use crate::{Identity, LogWriter};

    /// What a reader says to a record with fitting checksums after the input `one`.
    fn refused(kind: Kind, parts: [&[u8]; 2], edit: impl Fn(&mut [u8])) -> Damage {
        let identity = Identity {
            machine: "toy".into(),
            spec: "toy/1".into(),
        };
        let path = Path::new("made");
        let header = LogHeader::for_export(identity, b"");
        let mut writer = LogWriter::new(Vec::new(), path, &header).unwrap();
        writer.input(b"one").unwrap();
        let mut bytes = writer.finish().unwrap();
        let at = bytes.len();
        let codec = Codec::new(header.id);
        codec.push(&mut bytes, at as u64, kind, parts);
        edit(&mut bytes[at..]);
        codec.mend(at as u64, &mut bytes[at..]);
        let mut reader = LogReader::new(Cursor::new(bytes), path).unwrap();
        loop {
            match reader.next_record() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("accepted"),
                Err(StoreError::Damaged { offset, damage, .. }) => {
                    assert_eq!(offset, at as u64);
                    return damage;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn wrong_contents_under_fitting_checksums_are_damage() {
        let one = LogHead::EMPTY.with(b"one");
        let two = one.with(b"two");
        let other = LogHead {
            inbox: two.inbox,
            ..one
        };
        let keep = |_: &mut [u8]| {};
        let (found, expected) = (other.inbox, one.inbox);
        let inbox = Damage::Inbox { found, expected };
        let count = Damage::Count {
            found: 2,
            expected: 1,
        };
        for kind in [Kind::Commit, Kind::Truncate] {
            assert_eq!(refused(kind, [&head_bytes(&two), &[]], keep), count);
            assert_eq!(refused(kind, [&head_bytes(&other), &[]], keep), inbox);
        }
        let earlier = head_bytes(&LogHead::EMPTY);
        let damage = refused(Kind::Commit, [&earlier, &[]], keep);
        assert!(matches!(damage, Damage::Count { found: 0, .. }));
        let mut claim = Claim::genesis(Hash::ZERO);
        (claim.inputs, claim.inbox) = (1, other.inbox);
        assert_eq!(refused(Kind::Claim, [&claim.to_bytes(), &[]], keep), inbox);
        claim.inputs = 2;
        assert_eq!(refused(Kind::Claim, [&claim.to_bytes(), &[]], keep), count);
        let input = [&one.inbox.0, &b"two"[..]];
        let damage = refused(Kind::Input, input, keep);
        assert!(matches!(damage, Damage::Inbox { .. }));
        let input = [&two.inbox.0, &b"two"[..]];
        let damage = refused(Kind::Input, input, |record| *record.last_mut().unwrap() = 1);
        assert_eq!(damage, Damage::Reserved);
        let damage = refused(Kind::Input, input, |record| record[6] = 1);
        assert_eq!(damage, Damage::Reserved);
        let damage = refused(Kind::Input, input, |record| record[4] = 5);
        assert_eq!(damage, Damage::Kind { found: 5 });
        let damage = refused(Kind::Input, input, |record| record[0] = 0xff);
        assert!(matches!(
            damage,
            Damage::Length {
                part: "payload",
                ..
            }
        ));
        let damage = refused(Kind::Input, input, |record| record[3] = 31);
        assert!(matches!(
            damage,
            Damage::Length {
                found: 31,
                min: 32,
                ..
            }
        ));
    }

    #[test]
    fn errors_say_where_what_and_what_was_expected() {
        let damage = Damage::Checksum {
            part: "payload",
            found: 1,
            expected: 0xab,
        };
        assert_eq!(
            StoreError::damaged(Path::new("main.avmlog"), 48, damage).to_string(),
            "main.avmlog: byte 48: checksum of the payload is 00000001, expected 000000ab"
        );
    }
}

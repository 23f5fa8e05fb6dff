use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use avm_core::Hash;

use crate::disk::{self, Disk};
use crate::format::{COMMIT_RECORD, Codec, Identity, RECORD_HEADER};
use crate::reader::check_inbox;
use crate::{FileLog, LogHead, LogReader, Record, StoreError};

impl FileLog {
    /// Opens the log at `path` for writing: locks it, checks every record, and cuts off what a
    /// crash left unfinished. The second value is how many bytes were cut, none of which was ever
    /// acknowledged.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Identity`] if it is not the log of `expected`, or
    /// [`StoreError::Damaged`] if anything acknowledged is not as it was written. The file is
    /// left as it is then.
    pub fn open(path: &Path, expected: &Identity) -> Result<(Self, u64), StoreError> {
        let file = disk::open_file(path, true)?;
        disk::lock(path, &file)?;
        Self::open_on(Box::new(file), path, expected)
    }

    /// [`FileLog::open`] on something else than a file; `path` is what errors call it.
    ///
    /// # Errors
    /// As [`FileLog::open`], the lock apart.
    pub fn open_on(
        disk: Box<dyn Disk>,
        path: &Path,
        expected: &Identity,
    ) -> Result<(Self, u64), StoreError> {
        let source = DiskReader {
            disk: &*disk,
            at: 0,
        };
        let mut reader = LogReader::new(BufReader::with_capacity(1 << 16, source), path)?;
        expected.check(path, &reader.header().identity)?;
        let offsets = scan(&mut reader, &*disk, path)?;

        let (header, head) = (reader.header().clone(), reader.head());
        let (cut, mut end) = (reader.tail(), reader.offset());
        let committed = reader.is_committed();
        drop(reader);
        if cut > 0 {
            let size = disk.set_size(end).and_then(|()| disk.sync());
            size.map_err(StoreError::io(path, "cut"))?;
        }
        if !committed {
            acknowledge(&*disk, &Codec::new(header.id), end, &head)
                .map_err(StoreError::io(path, "append"))?;
            end += COMMIT_RECORD as u64;
        }
        let log = Self::assemble(path, header, disk, end, offsets, head);
        Ok((log, cut))
    }
}

/// Marks what is there as durable, so that no part of it is taken for a torn write from now on.
fn acknowledge(disk: &dyn Disk, codec: &Codec, end: u64, head: &LogHead) -> io::Result<()> {
    disk.sync()?;
    disk.write_at(end, &codec.commit(end, head))
}

/// Offsets of all inputs. Checks what the reader cannot: hashes of inputs further back.
fn scan<R: Read + Seek>(
    reader: &mut LogReader<R>,
    disk: &dyn Disk,
    path: &Path,
) -> Result<Vec<u64>, StoreError> {
    let mut offsets = Vec::new();
    loop {
        let before = reader.head();
        let Some((at, record)) = reader.next_record()? else {
            return Ok(offsets);
        };
        let (len, inbox) = match record {
            Record::Input { .. } => {
                offsets.push(at);
                continue;
            }
            Record::Commit(_) => continue,
            Record::Claim(claim) => (claim.inputs, claim.inbox),
            Record::Truncate(head) => (head.len, head.inbox),
        };
        if len != before.len && len > 0 {
            let mut expected = Hash::ZERO;
            let place = offsets[len as usize - 1] + RECORD_HEADER as u64;
            let read = disk.read_at(place, &mut expected.0);
            read.map_err(StoreError::io(path, "read"))?;
            check_inbox(inbox, expected).map_err(|damage| StoreError::damaged(path, at, damage))?;
        }
        if matches!(record, Record::Truncate(_)) {
            offsets.truncate(len as usize);
        }
    }
}

/// A disk as a stream.
struct DiskReader<'a> {
    disk: &'a dyn Disk,
    at: u64,
}

impl Read for DiskReader<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let rest = self.disk.size()?.saturating_sub(self.at);
        let len = rest.min(bytes.len() as u64) as usize;
        self.disk.read_at(self.at, &mut bytes[..len])?;
        self.at += len as u64;
        Ok(len)
    }
}

impl Seek for DiskReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.disk.size()?.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

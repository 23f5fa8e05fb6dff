//! The bytes of an `.avmlog`, as `docs/design/log-format.md` lays them out; no IO here.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use avm_core::{Bytes, Claim, Hash};
use crc32fast::Hasher;

use crate::{Damage, LogHead, StoreError};

/// First bytes of every log. The line end shows a transfer that "corrected" line ends.
pub const MAGIC: [u8; 8] = *b"AVMLOG\r\n";
/// Format version this build reads and writes.
pub const VERSION: u32 = 1;
/// Longest machine id and longest spec id, in bytes.
pub const MAX_NAME_BYTES: u64 = 64;
/// Longest program image, in bytes.
pub const MAX_IMAGE_BYTES: u64 = 1 << 28;
/// Longest input, in bytes.
pub const MAX_INPUT_BYTES: u64 = 1 << 26;

/// Length of the file header before the names, in bytes.
pub(crate) const FILE_HEADER: usize = 48;
/// Length of a record header, in bytes.
pub(crate) const RECORD_HEADER: usize = 16;
/// Length of a whole commit record, in bytes.
pub(crate) const COMMIT_RECORD: usize = RECORD_HEADER + HEAD;
/// Length of an encoded [`LogHead`], in bytes.
const HEAD: usize = 40;

/// Which machine under which rules a file is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Machine id, as [`avm_core::Vm::id`] gives it; at most [`MAX_NAME_BYTES`].
    pub machine: String,
    /// Spec id, as [`avm_core::Vm::spec`] gives it; at most [`MAX_NAME_BYTES`].
    pub spec: String,
}

impl Identity {
    /// The identity of a machine.
    #[must_use]
    pub fn of(vm: &dyn avm_core::Vm) -> Self {
        Self {
            machine: vm.id().to_owned(),
            spec: vm.spec().to_owned(),
        }
    }

    /// Refuses a file of another machine or of other rules.
    ///
    /// # Errors
    /// [`StoreError::Identity`] if `found`, read from `path`, differs.
    pub fn check(&self, path: &Path, found: &Self) -> Result<(), StoreError> {
        check_same(path, "machine id", &found.machine, &self.machine)?;
        check_same(path, "spec id", &found.spec, &self.spec)
    }
}

pub(crate) fn check_same(
    path: &Path,
    what: &'static str,
    found: &str,
    expected: &str,
) -> Result<(), StoreError> {
    if found == expected {
        return Ok(());
    }
    Err(StoreError::Identity {
        path: path.to_owned(),
        what,
        found: found.to_owned(),
        expected: expected.to_owned(),
    })
}

/// Sixteen bytes that tell one log from another; part of every record checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogId(pub [u8; 16]);

impl LogId {
    fn cut(hash: Hash) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(&hash.0[..16]);
        Self(id)
    }

    /// An id that nobody can foresee, so that no input can look like a record of this log.
    fn random() -> Self {
        let mut seed = [0; 32];
        for word in seed.chunks_exact_mut(8) {
            word.copy_from_slice(&RandomState::new().hash_one(0).to_be_bytes());
        }
        Self::cut(Hash::keccak(&seed))
    }
}

/// What a log says about itself before its first record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogHeader {
    /// The machine and its rules.
    pub identity: Identity,
    /// The program; at most [`MAX_IMAGE_BYTES`].
    pub image: Bytes,
    /// This log among all logs.
    pub id: LogId,
}

impl LogHeader {
    /// A header whose id follows from the rest: a recording of the same run has the same bytes.
    #[must_use]
    pub fn for_export(identity: Identity, image: &[u8]) -> Self {
        let names =
            Hash::keccak(identity.machine.as_bytes()).join(Hash::keccak(identity.spec.as_bytes()));
        Self {
            identity,
            image: image.into(),
            id: LogId::cut(names.join(Hash::keccak(image))),
        }
    }

    /// A header with an id of its own, for a log that strangers add inputs to.
    #[must_use]
    pub fn unique(identity: Identity, image: &[u8]) -> Self {
        Self {
            identity,
            image: image.into(),
            id: LogId::random(),
        }
    }

    /// The header as bytes, records follow directly.
    pub(crate) fn encode(&self, path: &Path) -> Result<Vec<u8>, StoreError> {
        let Identity { machine, spec } = &self.identity;
        limit(path, "machine id", machine.len(), MAX_NAME_BYTES)?;
        limit(path, "spec id", spec.len(), MAX_NAME_BYTES)?;
        limit(path, "program image", self.image.len(), MAX_IMAGE_BYTES)?;
        let mut body = [machine.as_bytes(), spec.as_bytes(), &self.image].concat();
        body.resize(body.len().next_multiple_of(8), 0);

        let mut bytes = Vec::with_capacity(FILE_HEADER + body.len());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_be_bytes());
        bytes.extend((machine.len() as u16).to_be_bytes());
        bytes.extend((spec.len() as u16).to_be_bytes());
        bytes.extend((self.image.len() as u64).to_be_bytes());
        bytes.extend(self.id.0);
        bytes.extend(crc32fast::hash(&body).to_be_bytes());
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        bytes.extend(body);
        Ok(bytes)
    }
}

/// The fixed part of a file header, checked.
pub(crate) struct Fixed {
    machine: usize,
    spec: usize,
    image: usize,
    id: LogId,
    body_checksum: u32,
}

impl Fixed {
    /// Reads the fixed part. Its magic and version were checked before.
    pub fn decode(bytes: &[u8; FILE_HEADER]) -> Result<Self, Damage> {
        checksum(
            "file header",
            crc32fast::hash(&bytes[..44]),
            u32_at(bytes, 44),
        )?;
        let lengths = [
            ("machine id", u64::from(u16_at(bytes, 12)), MAX_NAME_BYTES),
            ("spec id", u64::from(u16_at(bytes, 14)), MAX_NAME_BYTES),
            ("program image", u64_at(bytes, 16), MAX_IMAGE_BYTES),
        ];
        for (part, found, max) in lengths {
            if found > max {
                let min = 0;
                return Err(Damage::Length {
                    part,
                    found,
                    min,
                    max,
                });
            }
        }
        let mut id = LogId([0; 16]);
        id.0.copy_from_slice(&bytes[24..40]);
        let [machine, spec, image] = lengths.map(|(_, length, _)| length as usize);
        Ok(Self {
            machine,
            spec,
            image,
            id,
            body_checksum: u32_at(bytes, 40),
        })
    }

    /// Length of names, image and padding, in bytes.
    pub fn body(&self) -> usize {
        (self.machine + self.spec + self.image).next_multiple_of(8)
    }

    /// The header, given its body of [`Fixed::body`] bytes.
    pub fn with_body(self, body: &[u8]) -> Result<LogHeader, Damage> {
        checksum("names and image", crc32fast::hash(body), self.body_checksum)?;
        let (machine, rest) = body.split_at(self.machine);
        let (spec, rest) = rest.split_at(self.spec);
        let (image, padding) = rest.split_at(self.image);
        if padding.iter().any(|byte| *byte != 0) {
            return Err(Damage::Reserved);
        }
        let text = |part, bytes: &[u8]| {
            String::from_utf8(bytes.to_vec()).map_err(|_| Damage::Text { part })
        };
        Ok(LogHeader {
            identity: Identity {
                machine: text("machine id", machine)?,
                spec: text("spec id", spec)?,
            },
            image: image.into(),
            id: self.id,
        })
    }
}

/// The kinds of records, with the numbers that stand for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Input = 1,
    Claim = 2,
    Truncate = 3,
    Commit = 4,
}

/// A record header, checked.
pub(crate) struct RecordHeader {
    pub kind: Kind,
    /// Length of the payload without padding, in bytes.
    pub len: usize,
    checksum: u32,
}

/// Encodes and checks the records of one log.
///
/// A record's header checksum covers the log's id and the record's offset, so that bytes which
/// were moved, or are left over from another log, are never taken for a record.
#[derive(Clone)]
pub(crate) struct Codec(Hasher);

impl Codec {
    pub fn new(id: LogId) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(&id.0);
        Self(hasher)
    }

    /// Appends a record that will stand at file offset `at`.
    pub fn push(&self, out: &mut Vec<u8>, at: u64, kind: Kind, parts: [&[u8]; 2]) {
        let start = out.len();
        let len = parts[0].len() + parts[1].len();
        out.extend((len as u32).to_be_bytes());
        out.extend([kind as u8, 0, 0, 0]);
        out.extend([0; 8]);
        out.extend(parts[0]);
        out.extend(parts[1]);
        out.resize(start + RECORD_HEADER + len.next_multiple_of(8), 0);
        let payload = crc32fast::hash(&out[start + RECORD_HEADER..]);
        out[start + 8..start + 12].copy_from_slice(&payload.to_be_bytes());
        let header = self.header_checksum(at, &out[start..start + 12]);
        out[start + 12..start + 16].copy_from_slice(&header.to_be_bytes());
    }

    /// A commit record for file offset `at`.
    pub fn commit(&self, at: u64, head: &LogHead) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(COMMIT_RECORD);
        self.push(&mut bytes, at, Kind::Commit, [&head_bytes(head), &[]]);
        bytes
    }

    /// Whether the checksum of the header of a record at `at` fits.
    pub fn check_header(&self, at: u64, bytes: &[u8]) -> Result<(), Damage> {
        let found = self.header_checksum(at, &bytes[..12]);
        checksum("record header", found, u32_at(bytes, 12))
    }

    /// Whether `bytes` are a commit record at `at`.
    pub fn is_commit(&self, at: u64, bytes: &[u8; COMMIT_RECORD]) -> bool {
        bytes[..5] == [0, 0, 0, HEAD as u8, Kind::Commit as u8]
            && self.check_header(at, bytes).is_ok()
            && crc32fast::hash(&bytes[RECORD_HEADER..]) == u32_at(bytes, 8)
    }

    /// Makes the checksums of an edited record fit again.
    #[cfg(test)]
    pub fn mend(&self, at: u64, record: &mut [u8]) {
        let payload = crc32fast::hash(&record[RECORD_HEADER..]);
        record[8..12].copy_from_slice(&payload.to_be_bytes());
        let header = self.header_checksum(at, &record[..12]);
        record[12..16].copy_from_slice(&header.to_be_bytes());
    }

    fn header_checksum(&self, at: u64, bytes: &[u8]) -> u32 {
        let mut hasher = self.0.clone();
        hasher.update(&at.to_be_bytes());
        hasher.update(bytes);
        hasher.finalize()
    }
}

impl RecordHeader {
    /// Reads a header whose checksum fits.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let found = u64::from(u32_at(bytes, 0));
        let (kind, min, max) = match bytes[4] {
            1 => (Kind::Input, 32, 32 + MAX_INPUT_BYTES),
            2 => (Kind::Claim, Claim::LEN as u64, Claim::LEN as u64),
            3 => (Kind::Truncate, HEAD as u64, HEAD as u64),
            4 => (Kind::Commit, HEAD as u64, HEAD as u64),
            found => return Err(Damage::Kind { found }),
        };
        if bytes[5..8] != [0; 3] {
            return Err(Damage::Reserved);
        }
        if found < min || found > max {
            let part = "payload";
            return Err(Damage::Length {
                part,
                found,
                min,
                max,
            });
        }
        Ok(Self {
            kind,
            len: found as usize,
            checksum: u32_at(bytes, 8),
        })
    }

    /// Length of the payload with padding, in bytes.
    pub fn padded(&self) -> usize {
        self.len.next_multiple_of(8)
    }

    /// Whether the checksum of the padded payload fits.
    pub fn check_payload(&self, padded: &[u8]) -> Result<(), Damage> {
        checksum("payload", crc32fast::hash(padded), self.checksum)
    }
}

pub(crate) fn head_bytes(head: &LogHead) -> [u8; HEAD] {
    let mut bytes = [0; HEAD];
    bytes[..8].copy_from_slice(&head.len.to_be_bytes());
    bytes[8..].copy_from_slice(&head.inbox.0);
    bytes
}

/// Reads the 40 bytes of a truncate or commit payload.
pub(crate) fn head_from(bytes: &[u8]) -> LogHead {
    LogHead {
        len: u64_at(bytes, 0),
        inbox: hash_at(bytes, 8),
    }
}

pub(crate) fn hash_at(bytes: &[u8], at: usize) -> Hash {
    let mut hash = Hash::ZERO;
    hash.0.copy_from_slice(&bytes[at..at + 32]);
    hash
}

pub(crate) fn limit(
    path: &Path,
    what: &'static str,
    len: usize,
    max: u64,
) -> Result<(), StoreError> {
    if len as u64 <= max {
        return Ok(());
    }
    Err(StoreError::TooLong {
        path: path.to_owned(),
        what,
        len: len as u64,
        max,
    })
}

fn checksum(part: &'static str, found: u32, expected: u32) -> Result<(), Damage> {
    if found == expected {
        return Ok(());
    }
    Err(Damage::Checksum {
        part,
        found,
        expected,
    })
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(array_at(bytes, at))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(array_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(array_at(bytes, at))
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

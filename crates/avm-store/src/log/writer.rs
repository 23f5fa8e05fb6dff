use std::io::Write;
use std::path::{Path, PathBuf};

use avm_core::Claim;

use crate::format::{Codec, Kind, MAX_INPUT_BYTES, limit};
use crate::{LogHead, LogHeader, StoreError};

/// Writes a log as a stream, for a recording or an export that nobody waits for.
///
/// The result is a log like any other once [`LogWriter::finish`] returned.
pub struct LogWriter<W> {
    out: W,
    path: PathBuf,
    codec: Codec,
    at: u64,
    head: LogHead,
    buffer: Vec<u8>,
}

impl<W: Write> LogWriter<W> {
    /// Writes the header; `path` is what errors call the output.
    ///
    /// # Errors
    /// [`StoreError::TooLong`], or if the output fails.
    pub fn new(out: W, path: &Path, header: &LogHeader) -> Result<Self, StoreError> {
        let mut writer = Self {
            out,
            path: path.to_owned(),
            codec: Codec::new(header.id),
            at: 0,
            head: LogHead::EMPTY,
            buffer: header.encode(path)?,
        };
        writer.flush()?;
        Ok(writer)
    }

    /// Inputs written so far, and their inbox hash.
    pub const fn head(&self) -> LogHead {
        self.head
    }

    /// Writes the next input.
    ///
    /// # Errors
    /// [`StoreError::TooLong`], or if the output fails.
    pub fn input(&mut self, input: &[u8]) -> Result<(), StoreError> {
        limit(&self.path, "input", input.len(), MAX_INPUT_BYTES)?;
        let head = self.head.with(input);
        self.push(Kind::Input, [&head.inbox.0, input])?;
        self.head = head;
        Ok(())
    }

    /// Writes the root found after the inputs written so far.
    ///
    /// # Errors
    /// [`StoreError::ClaimMismatch`] if it is of other inputs, or if the output fails.
    pub fn claim(&mut self, claim: &Claim) -> Result<(), StoreError> {
        if (claim.inputs, claim.inbox) != (self.head.len, self.head.inbox) {
            return Err(StoreError::ClaimMismatch {
                path: self.path.clone(),
                what: "inbox",
                count: claim.inputs,
                found: claim.inbox,
                expected: self.head.inbox,
            });
        }
        self.push(Kind::Claim, [&claim.to_bytes(), &[]])
    }

    /// Marks the log as complete, flushes and gives the output back; making it durable is up to
    /// its owner.
    ///
    /// # Errors
    /// If the output fails.
    pub fn finish(mut self) -> Result<W, StoreError> {
        self.buffer = self.codec.commit(self.at, &self.head);
        self.flush()?;
        let flushed = self.out.flush();
        flushed.map_err(StoreError::io(&self.path, "write"))?;
        Ok(self.out)
    }

    fn push(&mut self, kind: Kind, parts: [&[u8]; 2]) -> Result<(), StoreError> {
        self.codec.push(&mut self.buffer, self.at, kind, parts);
        self.flush()
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let written = self.out.write_all(&self.buffer);
        written.map_err(StoreError::io(&self.path, "write"))?;
        self.at += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

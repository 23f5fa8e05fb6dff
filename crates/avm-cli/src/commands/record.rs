//! Writing a recording: inputs and roots, durable in batches.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use avm_core::Claim;
use avm_store::{FileLog, Log as _, LogHeader, StoreError};

use crate::error::{self, CliError};
use crate::files;
use crate::log::Log;

/// A batch is made durable at least this often.
const COMMIT_EVERY: Duration = Duration::from_millis(200);

/// A recording in progress. What was committed is there after a crash; the rest is cut off when the
/// log is opened.
pub struct Recorder {
    log: FileLog,
    path: PathBuf,
    /// Where the recording replaces an older file once it is complete.
    replaces: Option<PathBuf>,
    last: Option<Claim>,
    committed: Instant,
}

impl Recorder {
    /// Starts a recording at `path`. With `overwrite`, an existing file stays as it is until the
    /// recording is complete.
    ///
    /// # Errors
    /// If the file exists and may not be overwritten, or cannot be written.
    pub fn create(path: &Path, log: &Log, overwrite: bool) -> Result<Self, CliError> {
        let replaces = (overwrite && path.exists()).then(|| path.to_owned());
        if path.is_dir() {
            return Err(error::exists(path));
        }
        let path = if replaces.is_some() {
            files::beside(path)
        } else {
            path.to_owned()
        };
        let header = LogHeader::for_export(log.identity(), &log.program.image);
        let log = FileLog::create(&path, header).map_err(|e| match e {
            StoreError::Io { path, source, .. } => error::unwritable(&path, &source),
            other => error::store(other),
        })?;
        Ok(Self {
            log,
            path,
            replaces,
            last: None,
            committed: Instant::now(),
        })
    }

    /// Adds an input.
    ///
    /// # Errors
    /// If it is too long or the file cannot be written.
    pub fn input(&mut self, input: &[u8]) -> Result<(), CliError> {
        self.log.append(input).map_err(error::store)?;
        if self.committed.elapsed() > COMMIT_EVERY {
            self.commit()?;
        }
        Ok(())
    }

    /// Adds the root found after the inputs it counts, unless it is the one added last.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn claim(&mut self, claim: &Claim) -> Result<(), CliError> {
        if self.last.as_ref() == Some(claim) {
            return Ok(());
        }
        self.last = Some(*claim);
        self.log.record(claim).map_err(error::store)
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish(mut self) -> Result<(), CliError> {
        self.commit()?;
        drop(self.log);
        match &self.replaces {
            None => Ok(()),
            Some(path) => {
                std::fs::rename(&self.path, path).map_err(|e| error::unwritable(path, &e))
            }
        }
    }

    fn commit(&mut self) -> Result<(), CliError> {
        self.log.commit().map_err(error::store)?;
        self.committed = Instant::now();
        Ok(())
    }
}

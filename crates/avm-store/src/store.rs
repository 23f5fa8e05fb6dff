use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use avm_core::{Bytes, Channel, Claim, Hash, HostError, Inbox, Nodes, Vm};

use crate::format::{Identity, LogHeader, check_same};
use crate::state::State;
use crate::{Batch, Checkpoints, FileLog, Log, LogHead, StoreError, disk};

/// A directory that holds one run: the log, and the state made from it.
///
/// ```text
/// <dir>/main.avmlog   inputs and roots; the truth
/// <dir>/state.redb    nodes, checkpoints, outputs; may be deleted and is then made again
/// ```
pub struct Store {
    log: FileLog,
    state: State,
}

/// What opening a [`Store`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Bytes of an unfinished write that were cut off the log.
    pub cut_bytes: u64,
    /// Checkpoints of inputs that the log no longer has, which were removed.
    pub removed_checkpoints: u64,
    /// Where to go on: the latest checkpoint of the log as it is.
    pub checkpoint: Option<Claim>,
}

impl Store {
    /// Path of the log in a store directory.
    #[must_use]
    pub fn log_path(dir: &Path) -> PathBuf {
        dir.join("main.avmlog")
    }

    /// Path of the database in a store directory.
    #[must_use]
    pub fn state_path(dir: &Path) -> PathBuf {
        dir.join("state.redb")
    }

    /// Makes a store for the program `image` of `vm`, and the directory if need be.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if there is one, or if the directory cannot be written.
    pub fn create(dir: &Path, vm: Arc<dyn Vm>, image: &[u8]) -> Result<Self, StoreError> {
        fs::create_dir_all(dir).map_err(StoreError::io(dir, "create"))?;
        disk::sync_directory(dir)?;
        disk::refuse_existing(&Self::state_path(dir))?;
        let header = LogHeader::unique(Identity::of(&*vm), image);
        let log = FileLog::create(&Self::log_path(dir), header)?;
        let state = open_state(dir, &log, vm)?;
        Ok(Self { log, state })
    }

    /// Opens the store in `dir`: checks the log and the database, and cuts off what a crash left
    /// unfinished.
    ///
    /// A database that is missing is made anew, and the run starts over from the log.
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Identity`] if it is the store of another machine,
    /// [`StoreError::LogBehind`] if acknowledged inputs are gone, and all errors of
    /// [`FileLog::open`] and [`State::open`].
    pub fn open(dir: &Path, vm: Arc<dyn Vm>) -> Result<(Self, Recovery), StoreError> {
        let (log, cut_bytes) = FileLog::open(&Self::log_path(dir), &Identity::of(&*vm))?;
        let state = open_state(dir, &log, vm)?;
        let store = Self { log, state };
        let (checkpoint, removed_checkpoints) = store.resume()?;
        let recovery = Recovery {
            cut_bytes,
            removed_checkpoints,
            checkpoint,
        };
        Ok((store, recovery))
    }

    /// Refuses a store that was made for another program.
    ///
    /// # Errors
    /// [`StoreError::Identity`] with the Keccak-256 of both.
    pub fn check_image(&self, image: &[u8]) -> Result<(), StoreError> {
        let found = Hash::keccak(&self.log.header().image).to_string();
        let expected = Hash::keccak(image).to_string();
        check_same(self.log.path(), "program image", &found, &expected)
    }

    /// The log. Take inputs back with [`Store::truncate`], which removes checkpoints as well.
    pub const fn log(&self) -> &FileLog {
        &self.log
    }

    /// Nodes, checkpoints and outputs.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Takes back all inputs but the first `inputs`, and every checkpoint and output after them;
    /// returns the latest checkpoint left.
    ///
    /// Checkpoints go first. After a crash in between the log is longer than they are, which is
    /// an ordinary state.
    /// # Errors
    /// [`StoreError::PastEnd`] if there are fewer, or if a file cannot be written.
    pub fn truncate(&self, inputs: u64) -> Result<Option<Claim>, StoreError> {
        self.log.inbox_at(inputs)?;
        self.state.remove_after(inputs)?;
        self.log.truncate(inputs)?;
        self.state.at_input(inputs)
    }

    /// The latest checkpoint whose inbox hash the log still has; later ones are removed.
    fn resume(&self) -> Result<(Option<Claim>, u64), StoreError> {
        let len = self.log.head().len;
        let mut bound = u64::MAX;
        loop {
            let Some(claim) = self.state.at_input(bound)? else {
                let removed = if bound == u64::MAX {
                    0
                } else {
                    self.state.remove_after(0)?
                };
                return Ok((None, removed));
            };
            if claim.inputs > len {
                return Err(StoreError::LogBehind {
                    path: self.log.path().to_owned(),
                    checkpoint: claim.inputs,
                    log: len,
                });
            }
            if self.log.inbox_at(claim.inputs)? == claim.inbox {
                let stale = bound != u64::MAX;
                let removed = if stale {
                    self.state.remove_after(claim.inputs)?
                } else {
                    0
                };
                return Ok((Some(claim), removed));
            }
            let Some(before) = claim.inputs.checked_sub(1) else {
                return Err(StoreError::ClaimMismatch {
                    path: self.state.path().to_owned(),
                    what: "inbox",
                    count: 0,
                    found: claim.inbox,
                    expected: Hash::ZERO,
                });
            };
            bound = before;
        }
    }
}

fn open_state(dir: &Path, log: &FileLog, vm: Arc<dyn Vm>) -> Result<State, StoreError> {
    let path = Store::state_path(dir);
    let LogHeader { identity, id, .. } = log.header();
    let exists = path.try_exists().map_err(StoreError::io(&path, "open"))?;
    let make = if exists { State::open } else { State::create };
    make(
        &path,
        identity,
        *id,
        Arc::new(move |node: &[u8]| vm.hash(node)),
    )
}

impl Inbox for Store {
    fn get(&self, index: u64) -> Result<Option<Bytes>, HostError> {
        Inbox::get(&self.log, index)
    }
}

impl Log for Store {
    fn head(&self) -> LogHead {
        self.log.head()
    }

    fn inbox_at(&self, inputs: u64) -> Result<Hash, StoreError> {
        self.log.inbox_at(inputs)
    }

    fn append(&self, input: &[u8]) -> Result<u64, StoreError> {
        self.log.append(input)
    }

    fn record(&self, claim: &Claim) -> Result<(), StoreError> {
        self.log.record(claim)
    }

    fn commit(&self) -> Result<LogHead, StoreError> {
        self.log.commit()
    }

    fn truncate(&self, inputs: u64) -> Result<LogHead, StoreError> {
        Self::truncate(self, inputs)?;
        Ok(self.log.head())
    }
}

impl Nodes for Store {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        Nodes::get(&self.state, hash)
    }
}

/// Claims are checked against the committed inputs, so that no checkpoint is ever ahead of the log.
impl Checkpoints for Store {
    fn at_step(&self, steps: u64) -> Result<Option<Claim>, StoreError> {
        self.state.at_step(steps)
    }

    fn at_input(&self, inputs: u64) -> Result<Option<Claim>, StoreError> {
        self.state.at_input(inputs)
    }

    fn output(&self, index: u64) -> Result<Option<(Channel, Hash)>, StoreError> {
        self.state.output(index)
    }

    fn begin(&self) -> Result<Box<dyn Batch + '_>, StoreError> {
        self.state.begin_on(Some(&self.log))
    }

    fn remove_after(&self, inputs: u64) -> Result<u64, StoreError> {
        self.state.remove_after(inputs)
    }
}

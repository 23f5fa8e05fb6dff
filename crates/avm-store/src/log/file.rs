use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use avm_core::{Bytes, Claim, Hash, HostError, Inbox};

use crate::disk::{self, Disk};
use crate::format::{
    COMMIT_RECORD, Codec, Kind, MAX_INPUT_BYTES, RECORD_HEADER, RecordHeader, hash_at, head_bytes,
    limit,
};
use crate::reader::check_inbox;
use crate::{Damage, Log, LogHead, LogHeader, StoreError};

/// Longest batch, in bytes as written.
const MAX_BATCH_BYTES: u64 = 1 << 30;
/// How much of a record is read at the first attempt, in bytes.
const FIRST_READ: u64 = 4096;

/// A log in a file, with one writer; shared between threads by reference.
///
/// Appends of all threads gather in one batch. Whoever commits first writes the batch with one
/// barrier while the next batch gathers, and all who wait for it are served together. Inputs are
/// not held in memory: eight bytes an input are.
pub struct FileLog {
    path: PathBuf,
    header: LogHeader,
    codec: Codec,
    disk: Box<dyn Disk>,
    state: Mutex<State>,
    written: Condvar,
    /// Offset of the input read last and the inbox hash after it, in case its successor is next.
    last_read: Mutex<(u64, Hash)>,
}

/// What changes.
struct State {
    /// Offset of each committed input.
    offsets: Vec<u64>,
    head: LogHead,
    /// Where the committed records end, in bytes.
    end: u64,
    /// Number of the batch committed last.
    durable: u64,
    pending: Batch,
    /// A thread is writing the batch before `pending`, without the lock.
    writing: bool,
    /// A write failed, so the end of the file is not known.
    failed: bool,
}

/// Records that are not durable yet.
#[derive(Default)]
struct Batch {
    number: u64,
    /// Offset in the file of the first byte.
    start: u64,
    bytes: Vec<u8>,
    /// How many inputs of the batches before stay.
    keep: usize,
    /// Offsets of the inputs after those.
    offsets: Vec<u64>,
    /// The head once this batch is durable.
    head: LogHead,
}

impl FileLog {
    /// Creates a log without inputs at `path` and locks it for writing.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::TooLong`] or if the file cannot be written. No file
    /// is left at `path` then.
    pub fn create(path: &Path, header: LogHeader) -> Result<Self, StoreError> {
        let bytes = header.encode(path)?;
        let file = disk::create_file(path, |file| {
            let written = Disk::write_at(file, 0, &bytes);
            written.map_err(StoreError::io(path, "write"))
        })?;
        let end = bytes.len() as u64;
        Ok(Self::assemble(
            path,
            header,
            Box::new(file),
            end,
            Vec::new(),
            LogHead::EMPTY,
        ))
    }

    pub(super) fn assemble(
        path: &Path,
        header: LogHeader,
        disk: Box<dyn Disk>,
        end: u64,
        offsets: Vec<u64>,
        head: LogHead,
    ) -> Self {
        let pending = Batch {
            number: 1,
            start: end,
            keep: offsets.len(),
            head,
            ..Batch::default()
        };
        Self {
            path: path.to_owned(),
            codec: Codec::new(header.id),
            header,
            disk,
            state: Mutex::new(State {
                offsets,
                head,
                end,
                durable: 0,
                pending,
                writing: false,
                failed: false,
            }),
            written: Condvar::new(),
            last_read: Mutex::new((0, Hash::ZERO)),
        }
    }

    /// Machine, rules, program and id of the log.
    pub const fn header(&self) -> &LogHeader {
        &self.header
    }

    /// Where the log is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Input `index`, its checksums and its link in the hash chain checked; `None` past the end.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the file is no longer what was written.
    pub fn input(&self, index: u64) -> Result<Option<Bytes>, StoreError> {
        let Ok(index) = usize::try_from(index) else {
            return Ok(None);
        };
        let (at, before, end) = {
            let state = self.state();
            let Some(&at) = state.offsets.get(index) else {
                return Ok(None);
            };
            let before = index.checked_sub(1).map(|before| state.offsets[before]);
            let next = state.offsets.get(index + 1).copied();
            (at, before, next.unwrap_or(state.end))
        };
        let last_read = *self
            .last_read
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = match before {
            None => Hash::ZERO,
            Some(offset) if offset == last_read.0 => last_read.1,
            Some(offset) => self.stored_inbox(offset)?,
        };
        let payload = self.read_input(at, end)?;
        let input = &payload[32..];
        let inbox = before.join(Hash::keccak(input));
        check_inbox(hash_at(&payload, 0), inbox).map_err(self.damaged(at))?;
        *self
            .last_read
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = (at, inbox);
        Ok(Some(input.into()))
    }

    /// Payload of the input record at `at`, which ends before `end`; checksums checked.
    fn read_input(&self, at: u64, end: u64) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; FIRST_READ.min(end - at) as usize];
        self.read_at(at, &mut bytes)?;
        let checked = self.codec.check_header(at, &bytes);
        checked.map_err(self.damaged(at))?;
        let header = RecordHeader::decode(&bytes).map_err(self.damaged(at))?;
        let size = RECORD_HEADER + header.padded();
        if header.kind != Kind::Input || size as u64 > end - at {
            let found = header.kind as u8;
            return Err(self.damaged(at)(Damage::Kind { found }));
        }
        let have = bytes.len().min(size);
        bytes.resize(size, 0);
        self.read_at(at + have as u64, &mut bytes[have..])?;
        bytes.drain(..RECORD_HEADER);
        header.check_payload(&bytes).map_err(self.damaged(at))?;
        bytes.truncate(header.len);
        Ok(bytes)
    }

    /// The inbox hash in the input record at `at`.
    fn stored_inbox(&self, at: u64) -> Result<Hash, StoreError> {
        let mut hash = Hash::ZERO;
        self.read_at(at + RECORD_HEADER as u64, &mut hash.0)?;
        Ok(hash)
    }

    /// Inbox hash after `inputs` inputs, those of the open batch included.
    fn pending_inbox(&self, state: &State, inputs: u64) -> Result<Hash, StoreError> {
        let batch = &state.pending;
        if inputs > batch.head.len {
            return Err(StoreError::PastEnd {
                path: self.path.clone(),
                inputs,
                len: batch.head.len,
            });
        }
        if inputs == batch.head.len {
            return Ok(batch.head.inbox);
        }
        let Some(index) = (inputs as usize).checked_sub(1) else {
            return Ok(Hash::ZERO);
        };
        match index.checked_sub(batch.keep) {
            Some(index) => {
                let start = (batch.offsets[index] - batch.start) as usize;
                Ok(hash_at(&batch.bytes, start + RECORD_HEADER))
            }
            None => self.stored_inbox(state.offsets[index]),
        }
    }

    /// Adds a record to the open batch and makes sure it stays within its limit.
    fn push(&self, state: &mut State, kind: Kind, parts: [&[u8]; 2]) -> Result<u64, StoreError> {
        self.refuse_failed(state)?;
        let batch = &mut state.pending;
        let size = batch.bytes.len() + RECORD_HEADER + parts[0].len() + parts[1].len();
        limit(&self.path, "batch", size, MAX_BATCH_BYTES)?;
        let at = batch.start + batch.bytes.len() as u64;
        self.codec.push(&mut batch.bytes, at, kind, parts);
        Ok(at)
    }

    /// Waits until batch `number` is durable, and writes it if nobody else does.
    fn commit_batch<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        number: u64,
    ) -> Result<LogHead, StoreError> {
        loop {
            if state.durable >= number {
                return Ok(state.head);
            }
            self.refuse_failed(&state)?;
            if !state.writing {
                break;
            }
            state = self.wait(state);
        }
        let batch = state.take_pending();
        state.writing = true;
        drop(state);
        let written = self.write(&batch);
        let mut state = self.state();
        state.writing = false;
        match &written {
            Ok(()) => state.publish(batch),
            Err(_) => state.failed = true,
        }
        self.written.notify_all();
        written.map(|()| state.head)
    }

    /// Writes a batch, waits for the disk, and then marks it as acknowledged.
    fn write(&self, batch: &Batch) -> Result<(), StoreError> {
        let fail = |action| StoreError::io(&self.path, action);
        let end = batch.start + batch.bytes.len() as u64;
        let written = self.disk.write_at(batch.start, &batch.bytes);
        written.map_err(fail("append"))?;
        self.disk.sync().map_err(fail("sync"))?;
        let commit = self.codec.commit(end, &batch.head);
        self.disk.write_at(end, &commit).map_err(fail("append"))
    }

    fn read_at(&self, at: u64, bytes: &mut [u8]) -> Result<(), StoreError> {
        let read = self.disk.read_at(at, bytes);
        read.map_err(StoreError::io(&self.path, "read"))
    }

    fn refuse_failed(&self, state: &State) -> Result<(), StoreError> {
        if state.failed {
            return Err(StoreError::Poisoned {
                path: self.path.clone(),
            });
        }
        Ok(())
    }

    fn damaged(&self, at: u64) -> impl FnOnce(Damage) -> StoreError {
        move |damage| StoreError::damaged(&self.path, at, damage)
    }

    /// The state. A panic while it was locked left it whole: every change is made in one step.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state when no thread is writing, so that all inputs are in it.
    fn settled(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        while state.writing {
            state = self.wait(state);
        }
        state
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let woken = self.written.wait(state);
        woken.unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The open batch; a new one begins after it and its commit record.
    fn take_pending(&mut self) -> Batch {
        let batch = &self.pending;
        let next = Batch {
            number: batch.number + 1,
            start: batch.start + (batch.bytes.len() + COMMIT_RECORD) as u64,
            bytes: Vec::with_capacity(batch.bytes.len()),
            keep: batch.keep + batch.offsets.len(),
            offsets: Vec::new(),
            head: batch.head,
        };
        std::mem::replace(&mut self.pending, next)
    }

    fn publish(&mut self, batch: Batch) {
        self.offsets.truncate(batch.keep);
        self.offsets.extend(batch.offsets);
        self.head = batch.head;
        self.end = batch.start + (batch.bytes.len() + COMMIT_RECORD) as u64;
        self.durable = batch.number;
    }
}

impl Log for FileLog {
    fn head(&self) -> LogHead {
        self.state().head
    }

    fn inbox_at(&self, inputs: u64) -> Result<Hash, StoreError> {
        let at = {
            let state = self.state();
            if inputs > state.head.len {
                return Err(StoreError::PastEnd {
                    path: self.path.clone(),
                    inputs,
                    len: state.head.len,
                });
            }
            if inputs == state.head.len {
                return Ok(state.head.inbox);
            }
            let index = (inputs as usize).checked_sub(1);
            index.map(|index| state.offsets[index])
        };
        at.map_or(Ok(Hash::ZERO), |at| self.stored_inbox(at))
    }

    fn append(&self, input: &[u8]) -> Result<u64, StoreError> {
        limit(&self.path, "input", input.len(), MAX_INPUT_BYTES)?;
        let leaf = Hash::keccak(input);
        let mut state = self.state();
        let head = state.pending.head.with_leaf(leaf);
        let at = self.push(&mut state, Kind::Input, [&head.inbox.0, input])?;
        state.pending.offsets.push(at);
        state.pending.head = head;
        Ok(head.len - 1)
    }

    fn record(&self, claim: &Claim) -> Result<(), StoreError> {
        let mut state = self.settled();
        let expected = self.pending_inbox(&state, claim.inputs)?;
        if claim.inbox != expected {
            return Err(StoreError::ClaimMismatch {
                path: self.path.clone(),
                what: "inbox",
                count: claim.inputs,
                found: claim.inbox,
                expected,
            });
        }
        self.push(&mut state, Kind::Claim, [&claim.to_bytes(), &[]])?;
        Ok(())
    }

    fn commit(&self) -> Result<LogHead, StoreError> {
        let state = self.state();
        let unwritten = !state.pending.bytes.is_empty();
        let number = state.pending.number - u64::from(!unwritten);
        self.commit_batch(state, number)
    }

    fn truncate(&self, inputs: u64) -> Result<LogHead, StoreError> {
        let mut state = self.settled();
        let head = LogHead {
            len: inputs,
            inbox: self.pending_inbox(&state, inputs)?,
        };
        self.push(&mut state, Kind::Truncate, [&head_bytes(&head), &[]])?;
        let batch = &mut state.pending;
        let inputs = inputs as usize;
        batch.offsets.truncate(inputs.saturating_sub(batch.keep));
        batch.keep = batch.keep.min(inputs);
        batch.head = head;
        let number = batch.number;
        self.commit_batch(state, number)?;
        Ok(head)
    }
}

impl Inbox for FileLog {
    fn get(&self, index: u64) -> Result<Option<Bytes>, HostError> {
        Ok(self.input(index)?)
    }
}

//! Nodes, checkpoints and outputs in one `redb` file.
//!
//! The file carries no durability: what it lacks is run again from the log. It is written in few,
//! large commits. `redb` checks page checksums only when asked to, and on a damaged page it may
//! answer wrongly, panic, or ask for absurd amounts of memory. So every open has it check the
//! whole file; after that, nodes are checked by their names, claims and outputs by their own
//! checksums and chains, and a panic is caught at the edge of this module and ends the use of the
//! handle ([`StoreError::DatabasePanic`]).

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use avm_core::{Bytes, Channel, Claim, Hash, HostError, Nodes};
use redb::{
    Builder, Database, Durability, ReadOnlyTable, ReadableDatabase, TableDefinition, TableError,
    TransactionError, WriteTransaction,
};

use crate::disk;
use crate::format::{Identity, LogId, check_same, u32_at};
use crate::outputs::OutputRow;
use crate::{Batch, Checkpoints, Log, StoreError};

mod batch;

/// Format version of the tables this build reads and writes.
const VERSION: u32 = 1;
/// First bytes of every `redb` file.
const REDB_MAGIC: [u8; 8] = *b"redb\x1A\x0A\xA9\x0D";

/// `format`, `machine`, `spec` and `log`.
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Node by name.
const NODES: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("nodes");
/// Claim and its checksum by number of steps.
const CLAIMS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("claims");
/// Inputs and steps of every claim.
const CLAIM_INPUTS: TableDefinition<'_, (u64, u64), ()> = TableDefinition::new("claim_inputs");
/// Channel, hash and outbox hash by number of the output.
const OUTPUTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("outputs");

type Table<K, V> = ReadOnlyTable<K, V>;

/// Names a node; the machine's hash function.
pub type NodeHash = Arc<dyn Fn(&[u8]) -> Hash + Send + Sync>;

/// Nodes, checkpoints and outputs of one log, in one file with one writer.
pub struct State {
    path: PathBuf,
    hash: NodeHash,
    /// `None` only while dropping.
    db: Option<Database>,
    /// As of the last commit.
    tables: RwLock<Option<Tables>>,
    /// The database panicked.
    broken: AtomicBool,
}

/// The tables as one transaction sees them.
struct Tables {
    nodes: Table<[u8; 32], &'static [u8]>,
    claims: Table<u64, &'static [u8]>,
    claim_inputs: Table<(u64, u64), ()>,
    outputs: Table<u64, &'static [u8]>,
}

impl State {
    /// Creates an empty database at `path` for the log `log`.
    ///
    /// # Errors
    /// [`StoreError::Exists`], or if the file cannot be written.
    pub fn create(
        path: &Path,
        identity: &Identity,
        log: LogId,
        hash: NodeHash,
    ) -> Result<Self, StoreError> {
        disk::refuse_existing(path)?;
        // It appears under its name when it is whole: a half made one would look damaged.
        let new = disk::sibling(path, ".new");
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::io(&new, "remove")(error));
            }
            _ => {}
        }
        let made = caught(&new, || {
            let db = Builder::new().create(&new)?;
            let txn = db.begin_write()?;
            write_meta(&txn, identity, log)?;
            txn.commit()?;
            db.close().map_err(redb::Error::from)
        });
        made?;
        std::fs::rename(&new, path).map_err(StoreError::io(path, "rename"))?;
        disk::sync_directory(path)?;
        Self::open(path, identity, log, hash)
    }

    /// Opens the database at `path` and checks all of it, which reads the whole file once.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Identity`] if it is of another machine or log, or
    /// an error for which [`StoreError::is_damage`] holds.
    pub fn open(
        path: &Path,
        identity: &Identity,
        log: LogId,
        hash: NodeHash,
    ) -> Result<Self, StoreError> {
        check_magic(path)?;
        let db = caught(path, || {
            let mut builder = Builder::new();
            Ok(builder.set_check_integrity_on_open(true).open(path)?)
        })?;
        let state = Self {
            path: path.to_owned(),
            hash,
            db: Some(db),
            tables: RwLock::new(None),
            broken: AtomicBool::new(false),
        };
        state.check_meta(identity, log)?;
        state.refresh()?;
        Ok(state)
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// [`Checkpoints::begin`], with every claim checked against the committed inputs of `log`.
    ///
    /// # Errors
    /// As [`Checkpoints::begin`].
    pub fn begin_on<'a>(
        &'a self,
        log: Option<&'a dyn Log>,
    ) -> Result<Box<dyn Batch + 'a>, StoreError> {
        Ok(Box::new(batch::StateBatch::new(self, log)?))
    }

    fn check_meta(&self, identity: &Identity, log: LogId) -> Result<(), StoreError> {
        let read = |key: &str| {
            self.guard(|| {
                let table = self.db().begin_read()?.open_table(META)?;
                Ok(table.get(key)?.map(|value| value.value().to_vec()))
            })?
            .ok_or_else(|| self.row_damaged("meta", 0))
        };
        let format = read("format")?;
        if format.len() != 4 {
            return Err(self.row_damaged("meta", 0));
        }
        if u32_at(&format, 0) != VERSION {
            return Err(StoreError::Version {
                path: self.path.clone(),
                found: u32_at(&format, 0),
                expected: VERSION,
            });
        }
        let text = |bytes| String::from_utf8(bytes).map_err(|_| self.row_damaged("meta", 0));
        let found = Identity {
            machine: text(read("machine")?)?,
            spec: text(read("spec")?)?,
        };
        identity.check(&self.path, &found)?;
        let hex = |bytes: &[u8]| {
            bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        check_same(&self.path, "log id", &hex(&read("log")?), &hex(&log.0))
    }

    /// Shows readers the last commit.
    fn refresh(&self) -> Result<(), StoreError> {
        // The old view first: pages it needs could not be reused otherwise.
        *self.tables.write().unwrap_or_else(PoisonError::into_inner) = None;
        let tables = self.guard(|| {
            let txn = self.db().begin_read()?;
            Ok(Tables {
                nodes: txn.open_table(NODES)?,
                claims: txn.open_table(CLAIMS)?,
                claim_inputs: txn.open_table(CLAIM_INPUTS)?,
                outputs: txn.open_table(OUTPUTS)?,
            })
        })?;
        *self.tables.write().unwrap_or_else(PoisonError::into_inner) = Some(tables);
        Ok(())
    }

    /// Reads from the last commit.
    fn read<T>(
        &self,
        read: impl FnOnce(&Tables) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        let Some(tables) = tables.as_ref() else {
            return Err(self.broken());
        };
        self.guard(|| read(tables))
    }

    fn node(&self, name: Hash) -> Result<Option<Bytes>, StoreError> {
        let node: Option<Bytes> = self.read(|tables| {
            let node = tables.nodes.get(name.0)?;
            Ok(node.map(|node| node.value().into()))
        })?;
        let found = node.as_deref().map(&*self.hash);
        match found {
            Some(found) if found != name => Err(StoreError::NodeDamaged {
                path: self.path.clone(),
                name,
                found,
            }),
            _ => Ok(node),
        }
    }

    fn has_node(&self, name: Hash) -> Result<bool, StoreError> {
        self.read(|tables| Ok(tables.nodes.get(name.0)?.is_some()))
    }

    /// Number of outputs and the outbox hash after them.
    fn outputs(&self) -> Result<(u64, Hash), StoreError> {
        let last = self.read(|tables| {
            let last = tables.outputs.range::<u64>(..)?.next_back().transpose()?;
            Ok(last.map(|(index, row)| (index.value(), OutputRow::from_bytes(row.value()))))
        })?;
        match last {
            None => Ok((0, Hash::ZERO)),
            Some((index, Some(row))) => Ok((index + 1, row.outbox)),
            Some((index, None)) => Err(self.row_damaged("outputs", index)),
        }
    }

    fn output_row(&self, index: u64) -> Result<Option<OutputRow>, StoreError> {
        let row = self.read(|tables| {
            let row = tables.outputs.get(index)?;
            Ok(row.map(|row| OutputRow::from_bytes(row.value())))
        })?;
        row.map(|row| row.ok_or_else(|| self.row_damaged("outputs", index)))
            .transpose()
    }

    fn claim_from(&self, steps: u64, bytes: &[u8]) -> Result<Claim, StoreError> {
        let damaged = || self.row_damaged("claims", steps);
        let (claim, checksum) = bytes
            .split_first_chunk::<{ Claim::LEN }>()
            .ok_or_else(damaged)?;
        let (claim, sum) = (Claim::from_bytes(claim), crc32fast::hash(claim));
        if checksum != sum.to_be_bytes() || claim.steps != steps {
            return Err(damaged());
        }
        Ok(claim)
    }

    fn begin_write(&self) -> Result<Transaction, StoreError> {
        let begun = self.guard(|| match self.db().try_begin_write() {
            Ok(mut txn) => {
                txn.set_durability(Durability::Immediate)?;
                txn.set_two_phase_commit(true);
                Ok(Some(Transaction(Some(txn))))
            }
            Err(TransactionError::WouldBlock) => Ok(None),
            Err(error) => Err(error.into()),
        })?;
        begun.ok_or_else(|| StoreError::BatchOpen {
            path: self.path.clone(),
        })
    }

    /// Commits and shows readers the result.
    fn commit(&self, mut txn: Transaction) -> Result<(), StoreError> {
        let txn = txn.0.take();
        self.guard(|| txn.map_or(Ok(()), |txn| Ok(txn.commit()?)))?;
        self.refresh()
    }

    fn db(&self) -> &Database {
        self.db
            .as_ref()
            .expect("the database is taken only by drop")
    }

    /// Runs database code; turns its errors, and a panic, into ours.
    fn guard<T>(&self, run: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, StoreError> {
        if self.broken.load(Ordering::Acquire) {
            return Err(self.broken());
        }
        let result = caught(&self.path, run);
        if matches!(result, Err(StoreError::DatabasePanic { .. })) {
            self.broken.store(true, Ordering::Release);
        }
        result
    }

    fn broken(&self) -> StoreError {
        StoreError::Poisoned {
            path: self.path.clone(),
        }
    }

    fn row_damaged(&self, table: &'static str, key: u64) -> StoreError {
        StoreError::RowDamaged {
            path: self.path.clone(),
            table,
            key,
        }
    }
}

/// A write transaction that, dropped, is taken back without panicking.
struct Transaction(Option<WriteTransaction>);

impl Deref for Transaction {
    type Target = WriteTransaction;

    fn deref(&self) -> &WriteTransaction {
        self.0
            .as_ref()
            .expect("the transaction is taken only by commit and drop")
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let txn = self.0.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(txn)));
    }
}

impl Drop for State {
    fn drop(&mut self) {
        *self.tables.write().unwrap_or_else(PoisonError::into_inner) = None;
        let db = self.db.take();
        // Closing writes, so on a file damaged since it was opened it may panic too.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(db)));
    }
}

impl Nodes for State {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        self.node(hash)?.ok_or(HostError::MissingNode { hash })
    }
}

impl Checkpoints for State {
    fn at_step(&self, steps: u64) -> Result<Option<Claim>, StoreError> {
        let row = self.read(|tables| {
            let row = tables.claims.range(..=steps)?.next_back().transpose()?;
            Ok(row.map(|(steps, claim)| (steps.value(), claim.value().to_vec())))
        })?;
        row.map(|(steps, claim)| self.claim_from(steps, &claim))
            .transpose()
    }

    fn at_input(&self, inputs: u64) -> Result<Option<Claim>, StoreError> {
        let key = self.read(|tables| {
            let mut rows = tables.claim_inputs.range(..=(inputs, u64::MAX))?;
            Ok(rows.next_back().transpose()?.map(|(key, _)| key.value()))
        });
        let Some((inputs, steps)) = key? else {
            return Ok(None);
        };
        let claim = self.read(|tables| {
            let claim = tables.claims.get(steps)?;
            Ok(claim.map(|claim| claim.value().to_vec()))
        })?;
        let claim = claim.ok_or_else(|| self.row_damaged("claims", steps))?;
        let claim = self.claim_from(steps, &claim)?;
        if claim.inputs != inputs {
            return Err(self.row_damaged("claim_inputs", inputs));
        }
        Ok(Some(claim))
    }

    fn output(&self, index: u64) -> Result<Option<(Channel, Hash)>, StoreError> {
        let Some(row) = self.output_row(index)? else {
            return Ok(None);
        };
        let before = match index.checked_sub(1) {
            None => Some(Hash::ZERO),
            Some(before) => self.output_row(before)?.map(|row| row.outbox),
        };
        if !before.is_some_and(|before| row.follows(before)) {
            return Err(self.row_damaged("outputs", index));
        }
        Ok(Some((row.channel, row.hash)))
    }

    fn begin(&self) -> Result<Box<dyn Batch + '_>, StoreError> {
        self.begin_on(None)
    }

    fn remove_after(&self, inputs: u64) -> Result<u64, StoreError> {
        let txn = self.begin_write()?;
        let last = self.at_input(inputs)?;
        let removed = self.guard(|| {
            let mut claims = txn.open_table(CLAIMS)?;
            let mut claim_inputs = txn.open_table(CLAIM_INPUTS)?;
            let mut removed = 0;
            if let Some(first) = inputs.checked_add(1) {
                for row in claim_inputs.extract_from_if((first, 0).., |_, ()| true)? {
                    claims.remove(row?.0.value().1)?;
                    removed += 1;
                }
            }
            let outputs = last.map_or(0, |claim| claim.outputs);
            txn.open_table(OUTPUTS)?
                .retain_in(outputs.., |_, _| false)?;
            Ok(removed)
        })?;
        self.commit(txn)?;
        Ok(removed)
    }
}

/// Writes the meta table and makes the other tables.
fn write_meta(txn: &WriteTransaction, identity: &Identity, log: LogId) -> Result<(), redb::Error> {
    let mut meta = txn.open_table(META)?;
    meta.insert("format", &VERSION.to_be_bytes()[..])?;
    meta.insert("machine", identity.machine.as_bytes())?;
    meta.insert("spec", identity.spec.as_bytes())?;
    meta.insert("log", &log.0[..])?;
    let opened: Result<(), TableError> = (|| {
        txn.open_table(NODES)?;
        txn.open_table(CLAIMS)?;
        txn.open_table(CLAIM_INPUTS)?;
        txn.open_table(OUTPUTS)?;
        Ok(())
    })();
    Ok(opened?)
}

/// Looks at the first bytes before `redb` may change a file that is not its own.
fn check_magic(path: &Path) -> Result<(), StoreError> {
    use std::io::Read;
    let mut found = Vec::new();
    let mut start = disk::open_file(path, true)?.take(REDB_MAGIC.len() as u64);
    start
        .read_to_end(&mut found)
        .map_err(StoreError::io(path, "read"))?;
    if found == REDB_MAGIC {
        return Ok(());
    }
    Err(StoreError::Magic {
        path: path.to_owned(),
        found,
        expected: REDB_MAGIC,
    })
}

fn caught<T>(path: &Path, run: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, StoreError> {
    let path = path.to_owned();
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(redb::Error::DatabaseAlreadyOpen)) => Err(StoreError::Locked { path }),
        Ok(Err(source)) => Err(StoreError::Database {
            path,
            source: Box::new(source),
        }),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied());
            Err(StoreError::DatabasePanic {
                path,
                message: text.unwrap_or("no message").to_owned(),
            })
        }
    }
}

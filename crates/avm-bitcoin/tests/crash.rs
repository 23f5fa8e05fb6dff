//! A process that ends at any moment: opened again it has every block once, and the same claims.

mod common;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use avm_bitcoin::follow::Backing;
use avm_bitcoin::{FollowError, Follower, MemorySource, Options, RawBlock, Source, block};
use avm_core::{
    Bytes, Channel, Claim, Hash, HostError, Inbox, MemoryInbox, NoOutbox, Nodes, Outbox, Output,
    Sink, Vm, advance,
};
use avm_store::{
    Batch, Checkpoints, Disk, FileLog, Identity, Log, LogHead, LogHeader, LogReader, LogWriter,
    MemoryCheckpoints, Record, Store, StoreError,
};
use common::toy::Fold;
use common::{Pair, branch, chain};

const IMAGE: &[u8] = b"fold";

/// The call at which the process ends. Nothing works after it, unless it fails but once.
struct Point {
    at: u64,
    once: bool,
    /// Whether that last call still has its effect.
    effect: bool,
    calls: AtomicU64,
}

impl Point {
    fn new(at: u64, effect: bool) -> Arc<Self> {
        Arc::new(Self {
            at,
            once: false,
            effect,
            calls: AtomicU64::new(0),
        })
    }

    fn never() -> Arc<Self> {
        Self::new(u64::MAX, false)
    }

    fn reached(&self) -> bool {
        self.calls.load(Ordering::SeqCst) > self.at
    }

    fn pass<T>(&self, call: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let ended = || StoreError::Poisoned {
            path: "the process ended".into(),
        };
        match number.cmp(&self.at) {
            std::cmp::Ordering::Less => call(),
            std::cmp::Ordering::Greater if self.once => call(),
            std::cmp::Ordering::Equal if self.effect => {
                call()?;
                Err(ended())
            }
            _ => Err(ended()),
        }
    }
}

/// A store of which every change may be the last.
struct Mortal {
    inner: Arc<dyn Backing>,
    point: Arc<Point>,
}

impl Inbox for Mortal {
    fn get(&self, index: u64) -> Result<Option<Bytes>, HostError> {
        Inbox::get(&*self.inner, index)
    }
}

impl Nodes for Mortal {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        Nodes::get(&*self.inner, hash)
    }
}

impl Log for Mortal {
    fn head(&self) -> LogHead {
        self.inner.head()
    }

    fn inbox_at(&self, inputs: u64) -> Result<Hash, StoreError> {
        self.inner.inbox_at(inputs)
    }

    fn append(&self, input: &[u8]) -> Result<u64, StoreError> {
        self.point.pass(|| self.inner.append(input))
    }

    fn record(&self, claim: &Claim) -> Result<(), StoreError> {
        self.point.pass(|| self.inner.record(claim))
    }

    fn commit(&self) -> Result<LogHead, StoreError> {
        self.point.pass(|| self.inner.commit())
    }

    fn truncate(&self, inputs: u64) -> Result<LogHead, StoreError> {
        self.point.pass(|| self.inner.truncate(inputs))
    }
}

impl Checkpoints for Mortal {
    fn at_step(&self, steps: u64) -> Result<Option<Claim>, StoreError> {
        self.inner.at_step(steps)
    }

    fn at_input(&self, inputs: u64) -> Result<Option<Claim>, StoreError> {
        self.inner.at_input(inputs)
    }

    fn output(&self, index: u64) -> Result<Option<(Channel, Hash)>, StoreError> {
        self.inner.output(index)
    }

    fn begin(&self) -> Result<Box<dyn Batch + '_>, StoreError> {
        let inner = self.point.pass(|| self.inner.begin())?;
        let point = self.point.clone();
        Ok(Box::new(MortalBatch { inner, point }))
    }

    fn remove_after(&self, inputs: u64) -> Result<u64, StoreError> {
        self.point.pass(|| self.inner.remove_after(inputs))
    }
}

struct MortalBatch<'a> {
    inner: Box<dyn Batch + 'a>,
    point: Arc<Point>,
}

impl Sink for MortalBatch<'_> {
    fn has(&self, hash: Hash) -> Result<bool, HostError> {
        self.inner.has(hash)
    }

    fn put(&mut self, hash: Hash, node: &[u8]) -> Result<(), HostError> {
        self.point.pass(|| Ok(()))?;
        self.inner.put(hash, node)
    }
}

impl Outbox for MortalBatch<'_> {
    fn push(&mut self, index: u64, output: Output<'_>) -> Result<(), HostError> {
        self.point.pass(|| Ok(()))?;
        self.inner.push(index, output)
    }
}

impl Batch for MortalBatch<'_> {
    fn put_claim(&mut self, claim: &Claim) -> Result<(), StoreError> {
        let inner = &mut self.inner;
        self.point.pass(|| inner.put_claim(claim))
    }

    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let Self { inner, point } = *self;
        point.pass(|| inner.commit())
    }
}

/// A history: chains of which the source has one after the other.
fn history() -> Vec<Vec<RawBlock>> {
    let first = chain(7, 40);
    let fork = |from: &[RawBlock], keep: usize, tag: u64, count: u64| {
        let mut blocks = from[..keep].to_vec();
        blocks.extend(branch(block::name(&from[keep - 1]), tag..tag + count, 40));
        blocks
    };
    let second = fork(&first, 4, 100, 6);
    let third = fork(&second, 9, 200, 2);
    vec![first, second, third]
}

fn options() -> Options {
    Options {
        batch_blocks: 3,
        reopen_blocks: 4,
        kept_depth: 10,
        ..Options::default()
    }
}

/// Follows the whole history in a process that `open` starts; starts it again whenever it ended.
fn live(open: &mut dyn FnMut() -> Result<Arc<dyn Backing>, StoreError>) -> Arc<dyn Backing> {
    follow_history(open, true);
    open().unwrap()
}

/// The same; with `mortal` the process ends at an error, without it goes on.
fn follow_history(open: &mut dyn FnMut() -> Result<Arc<dyn Backing>, StoreError>, mortal: bool) {
    let mut source = MemorySource::new(0);
    let chains = history();
    let mut process = None;
    for chain in &chains {
        for block in chain {
            source.add(block.clone()).unwrap();
        }
        source.set_tip(block::name(chain.last().unwrap())).unwrap();
        let mut ends = 0;
        loop {
            match round(&mut process, open, &mut source) {
                Ok(true) => break,
                Ok(false) => {}
                Err(FollowError::Store(_) | FollowError::Host(_)) => {
                    // All that the process knew is gone.
                    process = process.filter(|_| !mortal);
                    ends += 1;
                    assert!(ends < 4, "a process that cannot be started again");
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}

fn round(
    process: &mut Option<Follower>,
    open: &mut dyn FnMut() -> Result<Arc<dyn Backing>, StoreError>,
    source: &mut dyn Source,
) -> Result<bool, FollowError> {
    if process.is_none() {
        *process = Some(Follower::on(open()?, Arc::new(Fold), IMAGE, options())?);
    }
    let follower = process.as_mut().unwrap();
    Ok(follower.round(source)?.done)
}

/// The claims at the end of every block of the last chain.
fn wanted() -> Vec<Claim> {
    let mut machine = Fold.genesis(IMAGE).unwrap();
    let mut claim = Claim::genesis(machine.state_hash());
    let mut inbox = MemoryInbox::default();
    let blocks = history().pop().unwrap();
    let mut run = |block| {
        inbox.0.push(block);
        (claim, _) = advance(&mut *machine, claim, &inbox, &mut NoOutbox, u64::MAX).unwrap();
        claim
    };
    blocks.into_iter().map(&mut run).collect()
}

fn check(store: &dyn Backing, what: &str) {
    let (blocks, claims) = (history().pop().unwrap(), wanted());
    assert_eq!(store.head().len, blocks.len() as u64, "{what}");
    for (index, (block, claim)) in (0..).zip(blocks.iter().zip(&claims)) {
        let input = Inbox::get(store, index).unwrap();
        assert_eq!(input.as_ref(), Some(block), "{what}: block {index}");
        // Of a block that a reorg can take back, or else of one before it in the same batch.
        let found = store.at_input(index + 1).unwrap();
        if blocks.len() as u64 - index <= u64::from(options().kept_depth) {
            assert_eq!(found.as_ref(), Some(claim), "{what}: claim {index}");
        } else if let Some(found) = found.filter(|found| found.inputs > 0) {
            let same = claims[found.inputs as usize - 1];
            assert_eq!(found, same, "{what}: claim before {index}");
        }
    }
}

/// The roots in a log, those of blocks taken back left out, each once.
fn roots<R: io::Read + io::Seek>(mut reader: LogReader<R>) -> Vec<Claim> {
    let mut roots: Vec<Claim> = Vec::new();
    while let Some((_, record)) = reader.next_record().unwrap() {
        match record {
            Record::Claim(claim) => roots.push(claim),
            Record::Truncate(head) => roots.retain(|claim| claim.inputs <= head.len),
            _ => {}
        }
    }
    roots.retain(|claim| claim.inputs > 0);
    roots.sort_by_key(|claim| claim.inputs);
    roots.dedup();
    roots
}

/// Both kinds of end at the calls of `at`, until a history is over before the next of them. How
/// many there were.
fn end_at(at: impl Iterator<Item = u64> + Clone, mut test: impl FnMut(&Arc<Point>, &str)) -> usize {
    let mut points = 0;
    for effect in [false, true] {
        for at in at.clone() {
            let point = Point::new(at, effect);
            test(&point, &format!("call {at}, effect {effect}"));
            if !point.reached() {
                break;
            }
            points += 1;
        }
    }
    points
}

/// The store of a process: it ends at `point` the first time, and not again.
fn mortal(inner: Arc<dyn Backing>, point: &Arc<Point>) -> Arc<dyn Backing> {
    let point = match point.reached() {
        true => Point::never(),
        false => point.clone(),
    };
    Arc::new(Mortal { inner, point })
}

#[test]
fn the_process_ends_at_any_call() {
    let points = end_at(0.., |point, what| {
        let platter = Platter::new(Point::never());
        let checkpoints = Arc::new(MemoryCheckpoints::default());
        let store = live(&mut || Ok(mortal(platter.open(&checkpoints)?, point)));
        check(&*store, what);
        assert_eq!(roots(platter.reader()), wanted(), "{what}");
    });
    assert!(points > 200, "{points} points");
}

#[test]
fn a_call_fails_once_and_the_process_goes_on() {
    let points = end_at(0.., |point, what| {
        let checkpoints = Arc::new(MemoryCheckpoints::default());
        let platter = Platter::new(Point::never());
        let inner = platter.open(&checkpoints).unwrap();
        let once = Arc::new(Point {
            once: true,
            at: point.at,
            effect: point.effect,
            calls: AtomicU64::new(0),
        });
        let store = Arc::new(Mortal {
            inner,
            point: once.clone(),
        });
        follow_history(&mut || Ok(store.clone()), false);
        check(&*store.inner, what);
        assert_eq!(roots(platter.reader()), wanted(), "{what}");
        let calls = once.calls.load(Ordering::SeqCst);
        point.calls.store(calls, Ordering::SeqCst);
    });
    assert!(points > 200, "{points} points");
}

/// [`the_process_ends_at_any_call`] with files, which wait for the disk: at some of the calls.
#[test]
fn the_process_ends_and_leaves_files() {
    let points = end_at((0..).step_by(37), |point, what| {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("store");
        drop(Store::create(&dir, Arc::new(Fold), IMAGE).unwrap());
        let store = live(&mut || {
            let (store, _) = Store::open(&dir, Arc::new(Fold))?;
            Ok(mortal(Arc::new(store), point))
        });
        check(&*store, what);
        drop(store);
        let reader = LogReader::open(&Store::log_path(&dir)).unwrap();
        assert_eq!(roots(reader), wanted(), "{what}");
    });
    assert!(points >= 6, "{points} points");
}

/// A disk in memory that outlives the process.
#[derive(Clone)]
struct Platter(Arc<Mutex<Sectors>>);

struct Sectors {
    cached: Vec<u8>,
    durable: Vec<u8>,
    point: Arc<Point>,
}

impl Sectors {
    fn failed(&self) -> io::Result<()> {
        self.point.pass(|| Ok(())).map_err(io::Error::other)
    }
}

impl Disk for Platter {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().cached.len() as u64)
    }

    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let sectors = self.0.lock().unwrap();
        let at = at as usize;
        let found = sectors.cached.get(at..at + bytes.len());
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut sectors = self.0.lock().unwrap();
        let dead = sectors.point.reached();
        let done = sectors.failed();
        // The write during which it ends is half done.
        let part = match &done {
            Ok(()) => bytes,
            Err(_) if dead => &[],
            Err(_) => &bytes[..bytes.len() / 2],
        };
        let at = at as usize;
        if !part.is_empty() {
            let len = sectors.cached.len().max(at + part.len());
            sectors.cached.resize(len, 0);
            sectors.cached[at..at + part.len()].copy_from_slice(part);
        }
        done
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        let mut sectors = self.0.lock().unwrap();
        sectors.failed()?;
        sectors.cached.resize(size as usize, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut sectors = self.0.lock().unwrap();
        sectors.failed()?;
        sectors.durable = sectors.cached.clone();
        Ok(())
    }
}

impl Platter {
    /// A log without blocks.
    fn new(point: Arc<Point>) -> Self {
        let header = LogHeader::for_export(Identity::of(&Fold), IMAGE);
        let log = LogWriter::new(Vec::new(), Path::new("sim"), &header).unwrap();
        let cached = log.finish().unwrap();
        Self(Arc::new(Mutex::new(Sectors {
            durable: cached.clone(),
            cached,
            point,
        })))
    }

    /// The log in a new process, with its checkpoints.
    fn open(&self, checkpoints: &Arc<MemoryCheckpoints>) -> Result<Arc<dyn Backing>, StoreError> {
        let disk = Box::new(self.clone());
        let (log, _) = FileLog::open_on(disk, Path::new("sim"), &Identity::of(&Fold))?;
        let checkpoints = checkpoints.clone();
        Ok(Arc::new(Pair { log, checkpoints }))
    }

    fn reader(&self) -> LogReader<io::Cursor<Vec<u8>>> {
        let bytes = self.0.lock().unwrap().cached.clone();
        LogReader::new(io::Cursor::new(bytes), Path::new("sim")).unwrap()
    }
}

#[test]
fn the_process_or_the_power_ends_at_any_write_of_the_log() {
    let mut points = 0;
    for power in [false, true] {
        for at in 0.. {
            let point = Point::new(at, false);
            let platter = Platter::new(point.clone());
            let checkpoints = Arc::new(MemoryCheckpoints::default());
            let store = live(&mut || {
                let mut sectors = platter.0.lock().unwrap();
                if sectors.point.reached() {
                    sectors.point = Point::never();
                    if power {
                        sectors.cached = sectors.durable.clone();
                    }
                }
                drop(sectors);
                platter.open(&checkpoints)
            });
            if !point.reached() {
                break;
            }
            check(&*store, &format!("write {at}, {power}"));
            assert_eq!(roots(platter.reader()), wanted(), "write {at}, {power}");
            points += 1;
        }
    }
    assert!(points > 60, "{points} points");
}

#[test]
fn checkpoints_may_be_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("store");
    drop(Store::create(&dir, Arc::new(Fold), IMAGE).unwrap());
    let mut open = || -> Result<Arc<dyn Backing>, StoreError> {
        Ok(Arc::new(Store::open(&dir, Arc::new(Fold))?.0))
    };
    drop(live(&mut open));
    std::fs::remove_file(Store::state_path(&dir)).unwrap();
    let store = open().unwrap();
    let vm = Arc::new(Fold);
    let mut follower = Follower::on(store.clone(), vm, IMAGE, options()).unwrap();
    // Without asking anybody.
    let mut batches = Vec::new();
    loop {
        match follower.catch_up().unwrap() {
            0 => break,
            blocks => batches.push(blocks),
        }
    }
    assert_eq!(batches, [3, 3, 3, 2]);
    check(&*store, "from the log alone");
}

//! A toy machine, sample inputs, a disk that loses power, and a small random generator.
#![allow(dead_code)]

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use avm_core::{
    Channel, Claim, Hash, HostError, ImageError, Inbox, Machine, Nodes, Output, Save, Sink, Vm,
};
use avm_store::{Disk, FileLog, Identity, Log, LogHead};

/// A machine that only names nodes.
pub struct Toy;

impl Vm for Toy {
    fn id(&self) -> &'static str {
        "toy"
    }
    fn spec(&self) -> &'static str {
        "toy/1"
    }
    fn hash(&self, node: &[u8]) -> Hash {
        Hash::keccak(node)
    }
    fn genesis(&self, _image: &[u8]) -> Result<Box<dyn Machine>, ImageError> {
        unreachable!("the store runs no machine")
    }
    fn open(&self, _state: Hash, _nodes: Arc<dyn Nodes>) -> Result<Box<dyn Machine>, HostError> {
        unreachable!("the store runs no machine")
    }
}

pub fn toy() -> Arc<dyn Vm> {
    Arc::new(Toy)
}

pub fn identity() -> Identity {
    Identity::of(&Toy)
}

/// The claim after the first `inputs` inputs of `log`, one step an input.
pub fn claim_at(log: &dyn Log, inputs: u64) -> Claim {
    let mut claim = Claim::genesis(Hash::keccak(&inputs.to_be_bytes()));
    claim.steps = inputs;
    claim.inputs = inputs;
    claim.inbox = log.inbox_at(inputs).unwrap();
    claim
}

/// All committed inputs, after checking that head and hashes belong to them.
pub fn contents(log: &dyn Log) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut head = LogHead::EMPTY;
    while let Some(input) = Inbox::get(log, head.len).unwrap() {
        head = head.with(&input);
        assert_eq!(log.inbox_at(head.len).unwrap(), head.inbox);
        all.push(input.to_vec());
    }
    assert_eq!(log.head(), head);
    all
}

/// One node as the content of an output.
pub struct Node(pub Vec<u8>);

impl Save for Node {
    fn save(&self, sink: &mut dyn Sink) -> Result<(), HostError> {
        sink.put(Hash::keccak(&self.0), &self.0)
    }
}

impl Node {
    pub fn output(&self) -> Output<'_> {
        Output {
            channel: Channel(3),
            hash: Hash::keccak(&self.0),
            content: self,
        }
    }
}

/// xorshift64*: the same numbers everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    pub fn bytes(&mut self, len: u64) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// A disk in memory that keeps apart what is durable, and can lose power or run full.
#[derive(Clone, Default)]
pub struct SimDisk(Arc<Mutex<Sim>>);

#[derive(Default)]
struct Sim {
    durable: Vec<u8>,
    /// What reads see.
    cached: Vec<u8>,
    /// Since the last sync: sectors written and sizes set.
    unsynced: Vec<Change>,
    /// Operations until every one fails; `None` for never.
    left: Option<u64>,
}

enum Change {
    Sector(usize, Vec<u8>),
    Size(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Sector(at, sector) => {
                bytes.resize(bytes.len().max(at + sector.len()), 0);
                bytes[*at..at + sector.len()].copy_from_slice(sector);
            }
            Self::Size(size) => bytes.resize(*size, 0),
        }
    }
}

const SECTOR: usize = 512;

impl SimDisk {
    pub fn new(bytes: Vec<u8>) -> Self {
        let (durable, cached) = (bytes.clone(), bytes);
        Self(Arc::new(Mutex::new(Sim {
            durable,
            cached,
            ..Sim::default()
        })))
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().cached.clone()
    }

    pub fn set_bytes(&self, bytes: Vec<u8>) {
        self.0.lock().unwrap().cached = bytes;
    }

    /// Everything fails after `operations` more writes, cuts and syncs.
    pub fn fail_after(&self, operations: u64) {
        self.0.lock().unwrap().left = Some(operations);
    }

    /// What is on the platter after a loss of power: any of the sectors written since the last
    /// sync, in any order.
    pub fn after_power_loss(&self, random: &mut Random) -> Vec<u8> {
        let sim = self.0.lock().unwrap();
        let mut bytes = sim.durable.clone();
        let keep = random.below(5);
        let mut order: Vec<&Change> = sim.unsynced.iter().collect();
        // Sizes are journaled and keep their place; sectors between them may swap.
        if order
            .iter()
            .all(|change| matches!(change, Change::Sector(..)))
        {
            for i in (1..order.len()).rev() {
                order.swap(i, random.below(i as u64 + 1) as usize);
            }
        }
        for change in order {
            if random.below(4) < keep {
                change.apply(&mut bytes);
            }
        }
        bytes
    }

    pub fn open(&self) -> Result<(FileLog, u64), avm_store::StoreError> {
        FileLog::open_on(Box::new(self.clone()), Path::new("sim"), &identity())
    }
}

impl Sim {
    fn spend(&mut self) -> io::Result<()> {
        match &mut self.left {
            Some(0) => Err(io::ErrorKind::StorageFull.into()),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.cached);
        self.unsynced.push(change);
    }
}

impl Disk for SimDisk {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().cached.len() as u64)
    }

    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let sim = self.0.lock().unwrap();
        let range = at as usize..at as usize + bytes.len();
        let found = sim.cached.get(range);
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut sim = self.0.lock().unwrap();
        let failed = sim.spend();
        let (mut at, mut rest) = (at as usize, bytes);
        if failed.is_err() {
            rest = &rest[..rest.len() / 2];
        }
        while !rest.is_empty() {
            let (sector, after) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
            sim.change(Change::Sector(at, sector.to_vec()));
            at += sector.len();
            rest = after;
        }
        failed
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        let mut sim = self.0.lock().unwrap();
        sim.spend()?;
        sim.change(Change::Size(size as usize));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut sim = self.0.lock().unwrap();
        sim.spend()?;
        let Sim {
            durable, unsynced, ..
        } = &mut *sim;
        for change in unsynced.drain(..) {
            change.apply(durable);
        }
        assert_eq!(sim.durable, sim.cached);
        Ok(())
    }
}

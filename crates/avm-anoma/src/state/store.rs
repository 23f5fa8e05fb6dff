//! The map that is the state, and how records get in and out of it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Hash, HostError, Nodes, Sink};
use avm_merkle::map::{Map, MapError};

use super::bytes::Get;
use crate::value::{Sha256, Val};

/// Something that is kept under a key.
pub trait Record: Sized {
    /// What it is, for errors.
    const WHAT: &'static str;
    /// Writes it.
    fn write(&self, out: &mut Vec<u8>);
    /// Reads it.
    fn read(get: &mut Get<'_>) -> Option<Self>;
    /// Names every value in it.
    fn each_val(&self, _found: &mut dyn FnMut(&Val)) {}
}

/// The map, and where its nodes and those of values are read from.
#[derive(Clone)]
pub struct Store {
    pub map: Map<Sha256>,
    pub nodes: Arc<dyn Nodes>,
    /// Whether a part of the map may not be in memory.
    pub is_opened: bool,
}

impl Store {
    /// The record under a key.
    pub fn get<R: Record>(&self, key: &[u8]) -> Result<Option<R>, HostError> {
        let Some(bytes) = self.map.get(key)? else {
            return Ok(None);
        };
        let mut get = Get::new(bytes, &self.nodes);
        match R::read(&mut get).filter(|_| get.is_done()) {
            Some(record) => Ok(Some(record)),
            None => Err(self.bad(bytes.len(), R::WHAT)),
        }
    }

    /// The record under a key that must be there.
    pub fn need<R: Record>(&self, key: &[u8]) -> Result<R, HostError> {
        self.get(key)?.ok_or_else(|| self.bad(0, R::WHAT))
    }

    pub fn bad(&self, len: usize, want: &'static str) -> HostError {
        let hash = self.map.root();
        HostError::BadNode { hash, len, want }
    }

    pub fn put<R: Record>(&mut self, key: &[u8], record: &R) -> Result<(), HostError> {
        let mut bytes = Vec::new();
        record.write(&mut bytes);
        self.put_bytes(key, &bytes)
    }

    pub fn put_bytes(&mut self, key: &[u8], bytes: &[u8]) -> Result<(), HostError> {
        match self.map.insert(key, bytes.into()) {
            Ok(_) => Ok(()),
            Err(MapError::Host(error)) => Err(error),
            Err(error) => panic!("records keep to the limits of a map: {error}"),
        }
    }

    pub fn remove(&mut self, key: &[u8]) -> Result<(), HostError> {
        self.map.remove(key).map(drop)
    }

    /// The name of the map. `H` of the machine's root wraps nothing else.
    pub fn root(&self) -> Hash {
        self.map.root()
    }
}

/// Puts the nodes of values into a sink; keeps the first failure.
pub struct Saver<'a> {
    pub sink: &'a mut dyn Sink,
    pub failed: Result<(), HostError>,
}

impl Saver<'_> {
    pub fn val(&mut self, value: &Val) {
        if self.failed.is_ok() {
            self.failed = value.save_below(self.sink);
        }
    }
}

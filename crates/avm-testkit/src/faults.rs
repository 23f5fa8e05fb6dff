//! Stores, sinks and logs that fail or lie at a chosen call.
//!
//! Several wrappers may share one [`Trip`]: it counts their calls together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use avm_core::{Bytes, Hash, HostError, Inbox, Nodes, Outbox, Output, Sink};

/// What the wrappers of this module fail with, inside [`HostError::Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("call {call} was made to fail")]
pub struct Injected {
    /// The call that failed, counted from 0.
    pub call: u64,
}

/// Counts calls and says which one goes wrong.
#[derive(Debug)]
pub struct Trip {
    at: u64,
    calls: AtomicU64,
}

impl Trip {
    /// Goes off at call `at`, counted from 0, and at no other.
    #[must_use]
    pub fn at(at: u64) -> Arc<Self> {
        let calls = AtomicU64::new(0);
        Arc::new(Self { at, calls })
    }

    /// Never goes off: counts only.
    #[must_use]
    pub fn never() -> Arc<Self> {
        Self::at(u64::MAX)
    }

    /// Calls counted so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Whether it went off.
    #[must_use]
    pub fn fired(&self) -> bool {
        self.calls() > self.at
    }

    /// Counts one call; whether this is the one.
    fn hit(&self) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed) == self.at
    }

    fn check(&self) -> Result<(), HostError> {
        if !self.hit() {
            return Ok(());
        }
        let call = self.at;
        Err(HostError::Store(Box::new(Injected { call })))
    }
}

/// What happens to the bytes that a store hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// None come: the call fails.
    Fail,
    /// None are left.
    Empty,
    /// The last one is cut off.
    Cut,
    /// There is one more.
    Longer,
    /// All are zero, at the right length.
    Zeros,
    /// All have every bit set, at the right length.
    Ones,
    /// One bit is flipped: bit `n` counted over all bytes, modulo their number.
    Flip(usize),
}

impl Fault {
    /// One of each that lies, with flips at the start, in the middle and at the end.
    pub const LIES: [Self; 9] = [
        Self::Empty,
        Self::Cut,
        Self::Longer,
        Self::Zeros,
        Self::Ones,
        Self::Flip(0),
        Self::Flip(7),
        Self::Flip(83),
        Self::Flip(usize::MAX),
    ];

    /// `bytes` after the fault; [`Fault::Fail`] leaves them alone.
    #[must_use]
    pub fn apply(self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        match self {
            Self::Fail => {}
            Self::Empty => bytes.clear(),
            Self::Cut => drop(bytes.pop()),
            Self::Longer => bytes.push(0),
            Self::Zeros => bytes.fill(0),
            Self::Ones => bytes.fill(0xff),
            Self::Flip(_) if bytes.is_empty() => {}
            Self::Flip(bit) => {
                let bit = bit % (bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
        bytes
    }

    fn read<B: From<Vec<u8>> + AsRef<[u8]>>(self, trip: &Trip, bytes: B) -> Result<B, HostError> {
        match self {
            Self::Fail => trip.check().map(|()| bytes),
            _ if trip.hit() => Ok(self.apply(bytes.as_ref()).into()),
            _ => Ok(bytes),
        }
    }
}

/// Nodes of which one is read wrongly.
pub struct FaultyNodes {
    /// The honest nodes.
    pub inner: Arc<dyn Nodes>,
    /// Which read goes wrong.
    pub trip: Arc<Trip>,
    /// How.
    pub fault: Fault,
}

impl Nodes for FaultyNodes {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        self.fault.read(&self.trip, self.inner.get(hash)?)
    }
}

/// A log of which one input is read wrongly. Reading past the end counts too.
pub struct FaultyInbox<'a> {
    /// The honest log.
    pub inner: &'a dyn Inbox,
    /// Which read goes wrong.
    pub trip: Arc<Trip>,
    /// How.
    pub fault: Fault,
}

impl Inbox for FaultyInbox<'_> {
    fn get(&self, index: u64) -> Result<Option<Bytes>, HostError> {
        let Some(input) = self.inner.get(index)? else {
            return match self.fault {
                Fault::Fail => self.trip.check().map(|()| None),
                _ => Ok(None),
            };
        };
        self.fault.read(&self.trip, input).map(Some)
    }
}

/// A sink that fails at one put, or at one call of either kind.
pub struct FaultySink<'a> {
    /// The honest sink.
    pub inner: &'a mut dyn Sink,
    /// Which call fails.
    pub trip: Arc<Trip>,
    /// Whether [`Sink::has`] counts too.
    pub count_has: bool,
}

impl Sink for FaultySink<'_> {
    fn has(&self, hash: Hash) -> Result<bool, HostError> {
        if self.count_has {
            self.trip.check()?;
        }
        self.inner.has(hash)
    }

    fn put(&mut self, hash: Hash, node: &[u8]) -> Result<(), HostError> {
        self.trip.check()?;
        self.inner.put(hash, node)
    }
}

/// An outbox that fails at one output.
pub struct FaultyOutbox<'a> {
    /// The honest outbox.
    pub inner: &'a mut dyn Outbox,
    /// Which output fails.
    pub trip: Arc<Trip>,
}

impl Outbox for FaultyOutbox<'_> {
    fn push(&mut self, index: u64, output: Output<'_>) -> Result<(), HostError> {
        self.trip.check()?;
        self.inner.push(index, output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use avm_core::{MemoryInbox, MemoryNodes};

    #[test]
    fn one_call_goes_wrong_and_no_other() {
        let mut nodes = MemoryNodes::default();
        let name = Hash::keccak(b"node");
        nodes.put(name, b"node").unwrap();
        let nodes: Arc<dyn Nodes> = Arc::new(nodes);
        let cases: [(Fault, Option<&[u8]>); 6] = [
            (Fault::Fail, None),
            (Fault::Empty, Some(b"")),
            (Fault::Cut, Some(b"nod")),
            (Fault::Longer, Some(b"node\0")),
            (Fault::Flip(0), Some(b"oode")),
            (Fault::Flip(32 + 9), Some(b"nmde")),
        ];
        for (fault, want) in cases {
            let (inner, trip) = (nodes.clone(), Trip::at(1));
            let faulty = FaultyNodes { inner, trip, fault };
            assert_eq!(&*faulty.get(name).unwrap(), b"node");
            assert!(!faulty.trip.fired());
            assert_eq!(faulty.get(name).ok().as_deref(), want, "{fault:?}");
            assert!(faulty.trip.fired());
            assert_eq!(&*faulty.get(name).unwrap(), b"node");
        }
    }

    #[test]
    fn sinks_and_logs() {
        let mut nodes = MemoryNodes::default();
        let mut sink = FaultySink {
            inner: &mut nodes,
            trip: Trip::at(1),
            count_has: false,
        };
        let (a, b) = (Hash::keccak(b"a"), Hash::keccak(b"b"));
        sink.put(a, b"a").unwrap();
        assert!(sink.has(a).unwrap());
        let error = sink.put(b, b"b").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the store failed: call 1 was made to fail"
        );
        assert!(!sink.has(b).unwrap());

        let inner = &[*b"in"].into_iter().collect::<MemoryInbox>();
        let (trip, fault) = (Trip::at(1), Fault::Fail);
        let log = FaultyInbox { inner, trip, fault };
        assert_eq!(log.get(0).unwrap().as_deref(), Some(&b"in"[..]));
        assert!(log.get(1).is_err());
        assert!(log.get(1).unwrap().is_none());
    }
}

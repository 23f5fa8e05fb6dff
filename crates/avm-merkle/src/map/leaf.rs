//! Leaves: a key, and a value that may still be in a store.

use alloc::sync::Arc;

use avm_core::{Bytes, HostError, Nodes};
use spin::Once;

use super::INLINE_MAX;
use super::hash::HashCell;
use super::key::Key;
use super::node::{LeafValue, Totals, bad, read_value};

/// One entry.
#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) key: Key,
    value: Value,
    pub(super) hash: HashCell,
}

#[derive(Clone)]
struct Value {
    read: Content,
    /// Set if the value has a node of its own.
    long: Option<Arc<Long>>,
}

/// A [`Once`] of bytes that can be cloned.
struct Content(Once<Bytes>);

/// What is known of a value that has a node of its own.
pub(super) struct Long {
    pub(super) len: u32,
    /// Name of the node.
    pub(super) hash: HashCell,
    /// Where to read it; `None` if it was never stored.
    nodes: Option<Arc<dyn Nodes>>,
}

impl Leaf {
    pub(super) fn new(key: &[u8], value: Bytes) -> Self {
        Self {
            key: Key::new(key),
            value: Value::new(value),
            hash: HashCell::default(),
        }
    }

    /// The leaf that a node was read as.
    pub(super) fn read(
        key: &[u8],
        value: LeafValue<'_>,
        hash: HashCell,
        nodes: &Arc<dyn Nodes>,
    ) -> Self {
        let value = match value {
            LeafValue::Inline(value) => Value::new(value.into()),
            LeafValue::Long { len, hash } => Value {
                read: Content(Once::new()),
                long: Some(Arc::new(Long {
                    len,
                    hash: HashCell::known(hash),
                    nodes: Some(nodes.clone()),
                })),
            },
        };
        let key = Key::new(key);
        Self { key, value, hash }
    }

    #[inline]
    pub(super) fn totals(&self) -> Totals {
        Totals::of_entry(self.key.bytes().len(), self.value_len() as usize)
    }

    /// Length of the value in bytes; reads nothing.
    #[inline]
    pub(super) fn value_len(&self) -> u32 {
        match (&self.value.long, self.value.read.0.get()) {
            (Some(long), _) => long.len,
            (None, Some(value)) => value.len() as u32,
            (None, None) => unreachable!("a short value is always here"),
        }
    }

    /// The value if it is in memory.
    #[inline]
    pub(super) fn known_value(&self) -> Option<&Bytes> {
        self.value.read.0.get()
    }

    /// The value if it is long.
    pub(super) fn long(&self) -> Option<&Long> {
        self.value.long.as_deref()
    }

    /// The value.
    #[inline]
    pub(super) fn value(&self) -> Result<&Bytes, HostError> {
        match self.value.read.0.get() {
            Some(value) => Ok(value),
            None => self.value.read_stored(),
        }
    }

    pub(super) fn set_value(&mut self, value: Bytes) {
        self.hash.clear();
        match self.value.read.0.get_mut() {
            Some(old) if self.value.long.is_none() && value.len() <= INLINE_MAX => *old = value,
            _ => self.value = Value::new(value),
        }
    }
}

impl Value {
    fn new(value: Bytes) -> Self {
        let long = (value.len() > INLINE_MAX).then(|| {
            Arc::new(Long {
                len: value.len() as u32,
                hash: HashCell::default(),
                nodes: None,
            })
        });
        let read = Content(Once::initialized(value));
        Self { read, long }
    }

    #[cold]
    fn read_stored(&self) -> Result<&Bytes, HostError> {
        let long = self.long.as_ref();
        let value = long.expect("a short value is always here").read_node()?;
        let value = Bytes::from(&value[1..]);
        Ok(self.read.0.call_once(|| value))
    }
}

impl Long {
    /// The node of the value, which is in a store.
    pub(super) fn read_node(&self) -> Result<Bytes, HostError> {
        let nodes = self.nodes.as_ref();
        let nodes = nodes.expect("a value that is not here knows where to read");
        let hash = self.hash.get().expect("what was stored has a name");
        let node = nodes.get(hash)?;
        match read_value(&node, self.len) {
            Ok(_) => Ok(node),
            Err(want) => Err(bad(hash, &node, want)),
        }
    }
}

impl Clone for Content {
    fn clone(&self) -> Self {
        Self(match self.0.get() {
            Some(value) => Once::initialized(value.clone()),
            None => Once::new(),
        })
    }
}

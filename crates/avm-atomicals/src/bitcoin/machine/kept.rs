//! The transaction that is being verified: its bytes as the log has them, read when an operation
//! asks for them.

use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Bytes, Hash, HostError, Nodes, Sink};
use bitcoin::{Transaction, TxOut};
use spin::Once;

use super::image::{InputError, input_from_bytes};
use crate::bitcoin::sighash::Shared;
use crate::bitcoin::sigops::Ready;
use crate::script::node;

/// A transaction with the outputs it spends.
pub(crate) struct Kept {
    place: Place,
    name: Once<Hash>,
    read: Once<Read>,
}

/// Where the bytes are.
enum Place {
    Here(Bytes),
    Unread(Hash, Arc<dyn Nodes>),
}

/// What the bytes say.
struct Read {
    tx: Transaction,
    spent: Vec<TxOut>,
    shared: Shared,
}

impl Read {
    fn of(bytes: &[u8]) -> Result<Self, InputError> {
        let (tx, spent) = input_from_bytes(bytes)?;
        let shared = Shared::new(&tx, &spent);
        Ok(Self { tx, spent, shared })
    }
}

impl Kept {
    /// A transaction from the log.
    pub(super) fn new(bytes: &[u8]) -> Result<Self, InputError> {
        let read = Read::of(bytes)?;
        Ok(Self {
            place: Place::Here(bytes.into()),
            name: Once::new(),
            read: Once::initialized(read),
        })
    }

    /// The transaction whose bytes are the node of this name.
    pub(super) fn unread(name: Hash, nodes: &Arc<dyn Nodes>) -> Self {
        Self {
            place: Place::Unread(name, Arc::clone(nodes)),
            name: Once::initialized(name),
            read: Once::new(),
        }
    }

    /// The transaction, read if it was not.
    pub(crate) fn ready(&self) -> Result<Ready<'_>, HostError> {
        let read = self.read.try_call_once(|| match &self.place {
            Place::Here(_) => unreachable!("what comes from the log was read"),
            Place::Unread(name, nodes) => {
                let bytes = node::read_blob(*name, &**nodes)?;
                Read::of(&bytes)
                    .map_err(|_| node::bad(*name, &bytes, "a transaction with what it spends"))
            }
        })?;
        Ok(Ready {
            tx: &read.tx,
            spent: &read.spent,
            shared: &read.shared,
        })
    }

    /// Name of the node of the bytes.
    pub(super) fn name(&self) -> Hash {
        *self.name.call_once(|| match &self.place {
            Place::Here(bytes) => node::name(&node::blob(bytes)),
            Place::Unread(name, _) => *name,
        })
    }

    /// Puts the bytes into a sink.
    pub(super) fn save(&self, sink: &mut dyn Sink) -> Result<(), HostError> {
        let name = self.name();
        if sink.has(name)? {
            return Ok(());
        }
        match &self.place {
            Place::Here(bytes) => sink.put(name, &node::blob(bytes)),
            Place::Unread(_, nodes) => sink.put(name, &nodes.get(name)?),
        }
    }
}

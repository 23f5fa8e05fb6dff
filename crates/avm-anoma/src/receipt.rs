//! Reading receipts: what a machine gives out when a program is done.

use alloc::sync::Arc;

use avm_core::{Hash, HostError, Nodes};

use crate::fault::Fault;
use crate::machine::RECEIPT;
use crate::seen::Outcome;
use crate::state::bytes::Get;
use crate::state::store::Record;

/// What a program leaves when it is done.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Number of its execution.
    pub execution: u64,
    /// Gas it used.
    pub gas: u64,
    /// Events it reported, of every level.
    pub events: u64,
    /// Hash over those of the level that the image says.
    pub trace: Hash,
    /// How it ended.
    pub outcome: Outcome,
}

impl Receipt {
    /// The receipt named `hash`.
    ///
    /// # Errors
    /// If its node is missing or is no receipt.
    pub fn open(hash: Hash, nodes: &Arc<dyn Nodes>) -> Result<Self, HostError> {
        let node = nodes.get(hash)?;
        let mut get = Get::new(&node, nodes);
        let receipt = Self::read(&mut get).filter(|_| get.is_done());
        receipt.ok_or(HostError::BadNode {
            hash,
            len: node.len(),
            want: "a receipt",
        })
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        if get.u8()? != RECEIPT {
            return None;
        }
        Some(Self {
            execution: get.u64()?,
            gas: get.u64()?,
            events: get.u64()?,
            trace: get.hash()?,
            outcome: match get.u8()? {
                0 => Outcome::Failed(Fault::read(get)?),
                1 => Outcome::Done(get.val()?),
                _ => return None,
            },
        })
    }
}

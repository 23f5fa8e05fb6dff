//! The transaction as scripts see it: decoded, or opened from nodes as far as it is looked at.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use avm_core::{Bytes, HostError};

use avm_merkle::map::{MapError, VALUE_MAX};

use super::item::Item;
use super::table::Table;
use super::tx::Tx;

/// A transaction.
#[derive(Clone, Debug)]
pub enum TxView {
    /// All of it.
    Decoded(Tx),
    /// Its parts in tables by number, four bytes, big-endian.
    Opened {
        /// Version.
        version: i32,
        /// Lock time.
        lock_time: u32,
        /// Outpoint, sequence number in four bytes, little-endian, and script of each input.
        inputs: Table,
        /// Value in eight bytes, little-endian, and script of each output.
        outputs: Table,
    },
}

/// Bytes of an input before its script.
const INPUT_HEAD: usize = 40;
/// Bytes of an output before its script.
const OUTPUT_HEAD: usize = 8;

impl TxView {
    /// Version.
    #[must_use]
    pub fn version(&self) -> i32 {
        match self {
            Self::Decoded(tx) => tx.version,
            Self::Opened { version, .. } => *version,
        }
    }

    /// Lock time.
    #[must_use]
    pub fn lock_time(&self) -> u32 {
        match self {
            Self::Decoded(tx) => tx.lock_time,
            Self::Opened { lock_time, .. } => *lock_time,
        }
    }

    /// Length in bytes, if it was decoded; what was opened from nodes was paid for before.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Decoded(tx) => tx.raw().len(),
            Self::Opened { .. } => 0,
        }
    }

    /// Number of inputs.
    ///
    /// # Errors
    /// If the transaction was opened from nodes and one is missing; so in all that follows.
    pub fn input_count(&self) -> Result<u32, HostError> {
        match self {
            Self::Decoded(tx) => Ok(tx.inputs.len() as u32),
            Self::Opened { inputs, .. } => Ok(inputs.len()? as u32),
        }
    }

    /// Number of outputs.
    ///
    /// # Errors
    /// See [`TxView::input_count`].
    pub fn output_count(&self) -> Result<u32, HostError> {
        match self {
            Self::Decoded(tx) => Ok(tx.outputs.len() as u32),
            Self::Opened { outputs, .. } => Ok(outputs.len()? as u32),
        }
    }

    /// Outpoint of input `index`, as serialised, and its sequence number.
    ///
    /// # Errors
    /// See [`TxView::input_count`].
    pub fn input(&self, index: u32) -> Result<([u8; 36], u32), HostError> {
        match self {
            Self::Decoded(tx) => {
                let input = &tx.inputs[index as usize];
                let mut outpoint = [0; 36];
                outpoint[..32].copy_from_slice(&input.prev_txid);
                outpoint[32..].copy_from_slice(&input.prev_index.to_le_bytes());
                Ok((outpoint, input.sequence))
            }
            Self::Opened { inputs, .. } => {
                let part = part(inputs, index, INPUT_HEAD)?;
                let outpoint = *part.first_chunk().expect("the head is there");
                let sequence = [part[36], part[37], part[38], part[39]];
                Ok((outpoint, u32::from_le_bytes(sequence)))
            }
        }
    }

    /// Script of input `index`.
    ///
    /// # Errors
    /// See [`TxView::input_count`].
    pub fn input_script(&self, index: u32) -> Result<Item, HostError> {
        match self {
            Self::Decoded(tx) => Ok(Item::new(tx.input_script(&tx.inputs[index as usize]))),
            Self::Opened { inputs, .. } => {
                Ok(Item::new(&part(inputs, index, INPUT_HEAD)?[INPUT_HEAD..]))
            }
        }
    }

    /// Value of output `index` in satoshis.
    ///
    /// # Errors
    /// See [`TxView::input_count`].
    pub fn output_value(&self, index: u32) -> Result<i64, HostError> {
        match self {
            Self::Decoded(tx) => Ok(tx.outputs[index as usize].value),
            Self::Opened { outputs, .. } => {
                let part = part(outputs, index, OUTPUT_HEAD)?;
                Ok(i64::from_le_bytes(
                    *part.first_chunk().expect("the head is there"),
                ))
            }
        }
    }

    /// Script of output `index`.
    ///
    /// # Errors
    /// See [`TxView::input_count`].
    pub fn output_script(&self, index: u32) -> Result<Item, HostError> {
        match self {
            Self::Decoded(tx) => Ok(Item::new(tx.output_script(&tx.outputs[index as usize]))),
            Self::Opened { outputs, .. } => Ok(Item::new(
                &part(outputs, index, OUTPUT_HEAD)?[OUTPUT_HEAD..],
            )),
        }
    }

    /// Script of output `index`, not copied if the transaction is in memory.
    ///
    /// # Errors
    /// See [`TxView::input_count`].
    pub fn output_script_bytes(&self, index: u32) -> Result<Cow<'_, [u8]>, HostError> {
        match self {
            Self::Decoded(tx) => Ok(tx.output_script(&tx.outputs[index as usize]).into()),
            Self::Opened { outputs, .. } => {
                let part = part(outputs, index, OUTPUT_HEAD)?;
                Ok(part[OUTPUT_HEAD..].to_vec().into())
            }
        }
    }

    /// The tables of inputs and outputs, as [`TxView::Opened`] has them.
    ///
    /// # Errors
    /// See [`TxView::input_count`].
    pub(crate) fn tables(&self) -> Result<(Table, Table), HostError> {
        let tx = match self {
            Self::Opened {
                inputs, outputs, ..
            } => return Ok((inputs.clone(), outputs.clone())),
            Self::Decoded(tx) => tx,
        };
        let (mut inputs, mut outputs) = (Table::default(), Table::default());
        for (at, input) in tx.inputs.iter().enumerate() {
            let mut bytes = Vec::from(input.prev_txid);
            bytes.extend(input.prev_index.to_le_bytes());
            bytes.extend(input.sequence.to_le_bytes());
            bytes.extend(tx.input_script(input));
            put(&mut inputs, at, bytes)?;
        }
        for (at, output) in tx.outputs.iter().enumerate() {
            let mut bytes = Vec::from(output.value.to_le_bytes());
            bytes.extend(tx.output_script(output));
            put(&mut outputs, at, bytes)?;
        }
        Ok((inputs, outputs))
    }
}

/// Length of a part of a transaction that no table takes, if it has one.
pub(crate) fn too_long(tx: &Tx) -> Option<usize> {
    let inputs = tx
        .inputs
        .iter()
        .map(|input| INPUT_HEAD + tx.input_script(input).len());
    let outputs = tx
        .outputs
        .iter()
        .map(|output| OUTPUT_HEAD + tx.output_script(output).len());
    inputs.chain(outputs).find(|len| *len > VALUE_MAX)
}

/// Puts part `at` into a table.
fn put(table: &mut Table, at: usize, bytes: Vec<u8>) -> Result<(), HostError> {
    match table.insert(&(at as u32).to_be_bytes(), bytes.into()) {
        Ok(_) => Ok(()),
        Err(MapError::Host(error)) => Err(error),
        // Taking a call refuses longer parts: `too_long`.
        Err(error) => Err(HostError::Store(Box::new(error))),
    }
}

/// Entry `index` of a table of inputs or outputs, of at least `head` bytes.
fn part(table: &Table, index: u32, head: usize) -> Result<Bytes, HostError> {
    let entry = table
        .get(&index.to_be_bytes())?
        .filter(|part| part.len() >= head);
    entry.cloned().ok_or_else(|| HostError::BadNode {
        hash: table.root(),
        len: 0,
        want: "a table of the parts of a transaction",
    })
}

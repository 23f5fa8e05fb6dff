//! What the machine starts from, and what it takes: flags, and transactions with the outputs they
//! spend, as bytes.
//!
//! Both are canonical: one set of flags, or one transaction, has one encoding. Integers are
//! big-endian, byte strings follow their length in four bytes.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bitcoin::consensus::encode::{deserialize, serialize};
use bitcoin::{Amount, Transaction, TxOut};

use crate::bitcoin::{Flags, SpendError};
use crate::machine::WireError;
use crate::machine::wire::{Reader, put};

/// Begins every image.
const IMAGE_MARK: u8 = 0xb1;
/// Begins every transaction.
const INPUT_MARK: u8 = 0xb2;
/// Fewest bytes of an output as it is encoded: amount and length of the script.
const OUTPUT_BYTES: usize = 12;

/// What the machine starts from: which rules apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptImage {
    /// The rules; with what they imply, see [`Flags::filled`].
    pub flags: Flags,
}

impl Default for ScriptImage {
    /// The consensus rules of today.
    fn default() -> Self {
        let flags = Flags::CONSENSUS;
        Self { flags }
    }
}

impl ScriptImage {
    /// The image as bytes. Flags that others imply are added.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(5);
        out.push(IMAGE_MARK);
        out.extend(self.flags.filled().bits().to_be_bytes());
        out
    }

    /// Reads [`ScriptImage::to_bytes`].
    ///
    /// # Errors
    /// Where and how the bytes differ from an image.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(bytes);
        r.mark(IMAGE_MARK, "the mark of a set of flags", "0xb1")?;
        let at = r.at();
        let bits = r.u32("the flags")?;
        let flags = Flags::from_bits(bits);
        if flags.filled().bits() != bits {
            return Err(WireError::Value {
                what: "the flags",
                at,
                got: bits.into(),
                want: "bits 0 to 20, P2SH (0) with WITNESS (11), and both with CLEANSTACK (8)",
            });
        }
        r.end()?;
        Ok(Self { flags })
    }
}

/// Why bytes are no transaction with the outputs it spends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The bytes around it.
    #[error("{0}")]
    Wire(#[from] WireError),
    /// The transaction does not decode.
    #[error("the transaction of {bytes} bytes does not decode: {why}")]
    Transaction {
        /// Its length.
        bytes: usize,
        /// What the decoder says.
        why: String,
    },
    /// The transaction decodes, and has another encoding.
    #[error("the transaction of {bytes} bytes is not in its only encoding")]
    Encoding {
        /// Its length.
        bytes: usize,
    },
    /// There is nothing to verify.
    #[error("the transaction has no input")]
    NoInput,
    /// Not one output for each input.
    #[error("{0}")]
    Outputs(SpendError),
}

/// A transaction as the log of the machine has it: with one output spent for each input, in order.
#[must_use]
pub fn input_to_bytes(tx: &Transaction, spent: &[TxOut]) -> Vec<u8> {
    let spent: Vec<_> = spent
        .iter()
        .map(|output| (output.value.to_sat(), output.script_pubkey.as_bytes()))
        .collect();
    raw_input_to_bytes(&serialize(tx), &spent)
}

/// [`input_to_bytes`] of a transaction as it is sent, and of amounts and scripts of the outputs it
/// spends. Whether they are that is for [`input_from_bytes`] to say.
#[must_use]
pub fn raw_input_to_bytes(tx: &[u8], spent: &[(u64, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    out.push(INPUT_MARK);
    put(&mut out, tx);
    out.extend((spent.len() as u32).to_be_bytes());
    for (amount, script) in spent {
        out.extend(amount.to_be_bytes());
        put(&mut out, script);
    }
    out
}

/// Reads [`input_to_bytes`].
///
/// # Errors
/// Where and how the bytes differ from a transaction with what it spends.
pub fn input_from_bytes(bytes: &[u8]) -> Result<(Transaction, Vec<TxOut>), InputError> {
    let mut r = Reader::new(bytes);
    r.mark(INPUT_MARK, "the mark of a transaction", "0xb2")?;
    let raw = r.bytes("the transaction")?;
    let tx: Transaction = deserialize(&raw).map_err(|error| InputError::Transaction {
        bytes: raw.len(),
        why: error.to_string(),
    })?;
    if serialize(&tx) != *raw {
        return Err(InputError::Encoding { bytes: raw.len() });
    }
    if tx.input.is_empty() {
        return Err(InputError::NoInput);
    }
    let at = r.at();
    let outputs = r.u32("the number of outputs spent")? as usize;
    if outputs > bytes.len() / OUTPUT_BYTES {
        return Err(InputError::Wire(WireError::Value {
            what: "the number of outputs spent",
            at,
            got: outputs as u64,
            want: "as many as there are inputs",
        }));
    }
    let mut spent = Vec::with_capacity(outputs);
    for _ in 0..outputs {
        let value = Amount::from_sat(r.u64("the amount of an output spent")?);
        let script = r.bytes("the script of an output spent")?;
        spent.push(TxOut {
            value,
            script_pubkey: script.to_vec().into(),
        });
    }
    r.end()?;
    let (got, want) = (spent.len(), tx.input.len());
    if got != want {
        return Err(InputError::Outputs(SpendError::Outputs { got, want }));
    }
    Ok((tx, spent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images() {
        for flags in [
            Flags::NONE,
            Flags::CONSENSUS,
            Flags::STANDARD,
            Flags::CLEANSTACK,
            Flags::ALL,
        ] {
            let bytes = ScriptImage { flags }.to_bytes();
            let flags = flags.filled();
            assert_eq!(ScriptImage::from_bytes(&bytes), Ok(ScriptImage { flags }));
        }
        let cases: [(&[u8], &str); 6] = [
            (
                &[],
                "the mark of a set of flags at byte 0 takes 1 bytes, 0 are left",
            ),
            (
                &[0xa1, 0, 0, 0, 0],
                "the mark of a set of flags at byte 0 is 161, expected 0xb1",
            ),
            (
                &[0xb1, 0, 0, 0],
                "the flags at byte 1 takes 4 bytes, 3 are left",
            ),
            (&[0xb1, 0, 0, 0, 1, 0], "1 bytes follow the end at byte 5"),
            (
                &[0xb1, 0, 0x20, 0, 0],
                "the flags at byte 1 is 2097152, expected bits 0 to 20, P2SH (0) with WITNESS (11), \
                 and both with CLEANSTACK (8)",
            ),
            (
                &[0xb1, 0, 0, 1, 0],
                "the flags at byte 1 is 256, expected bits 0 to 20, P2SH (0) with WITNESS (11), and \
                 both with CLEANSTACK (8)",
            ),
        ];
        for (bytes, want) in cases {
            let got = ScriptImage::from_bytes(bytes).map_err(|error| error.to_string());
            assert_eq!(got, Err(want.into()), "{bytes:02x?}");
        }
    }
}

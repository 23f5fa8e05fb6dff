//! The transaction a call is part of, as a script sees it. Spec: section 13.
//!
//! Scripts stay where they are in the raw bytes; what is decoded are their places.

use alloc::{sync::Arc, vec::Vec};
use core::ops::Range;

/// Largest length or number of items in a transaction.
const MAX_SIZE: u64 = 0x0200_0000;

/// Least bytes of an input: outpoint, empty script, sequence.
const MIN_INPUT_BYTES: usize = 41;

/// Least bytes of an output: value, empty script.
const MIN_OUTPUT_BYTES: usize = 9;

/// How the witnesses after the outputs are read. Register: Q4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WitnessForm {
    /// One string of bytes for each input: the number of items is taken for a length.
    Beta1,
    /// A stack of strings for each input.
    Bip144,
}

/// A transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tx {
    raw: Arc<[u8]>,
    /// Version, signed.
    pub version: i32,
    /// Inputs.
    pub inputs: Vec<TxIn>,
    /// Outputs.
    pub outputs: Vec<TxOut>,
    /// Lock time; from the witness under [`WitnessForm::Beta1`] if there is one.
    pub lock_time: u32,
}

/// An input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxIn {
    /// Transaction of the spent output, in the order of serialisation.
    pub prev_txid: [u8; 32],
    /// Number of the spent output.
    pub prev_index: u32,
    /// Sequence number.
    pub sequence: u32,
    script: Place,
}

/// An output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxOut {
    /// Satoshis; any number is accepted.
    pub value: i64,
    script: Place,
}

/// A range of the raw bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    at: u32,
    len: u32,
}

impl Place {
    const fn range(self) -> Range<usize> {
        let at = self.at as usize;
        at..at + self.len as usize
    }
}

/// Why bytes are not a transaction. Offsets are in bytes from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TxError {
    /// The bytes end in the middle of a field.
    #[error("transaction ends at byte {len}, {want} bytes are expected from byte {at}")]
    Ended {
        /// Offset of the field.
        at: usize,
        /// Bytes the field has.
        want: usize,
        /// Bytes there are.
        len: usize,
    },
    /// A CompactSize is longer than needed.
    #[error("size {size} at byte {at} of the transaction is encoded in more bytes than needed")]
    NotCanonical {
        /// Offset of the size.
        at: usize,
        /// What it says.
        size: u64,
    },
    /// A CompactSize is out of range.
    #[error("size {size} at byte {at} of the transaction is above {MAX_SIZE}")]
    Size {
        /// Offset of the size.
        at: usize,
        /// What it says.
        size: u64,
    },
    /// Flags of the extended form that nobody defined.
    #[error("flags {flags:#04x} of the extended transaction, only bit 0 is defined")]
    Flags {
        /// The byte.
        flags: u8,
    },
    /// The extended form without a witness.
    #[error("transaction in the extended form has no witness before byte {at}")]
    SuperfluousWitness {
        /// Offset after the witnesses.
        at: usize,
    },
    /// More bytes than a place can name.
    #[error("transaction of {len} bytes, at most 4294967295 are read")]
    TooLong {
        /// Bytes there are.
        len: usize,
    },
}

impl Tx {
    /// Decodes a transaction; what follows it is ignored.
    ///
    /// # Errors
    ///
    /// [`TxError`] with the place of the first fault.
    pub fn decode(raw: impl Into<Arc<[u8]>>, form: WitnessForm) -> Result<Self, TxError> {
        let raw = raw.into();
        if u32::try_from(raw.len()).is_err() {
            return Err(TxError::TooLong { len: raw.len() });
        }
        let mut reader = Reader { bytes: &raw, at: 0 };
        let version = reader.u32()? as i32;
        let mut inputs = reader.inputs()?;
        let mut outputs = Vec::new();
        let mut flags = 0;
        if inputs.is_empty() {
            // Without inputs this is the flag byte of the extended form, or the number of outputs:
            // none.
            [flags] = reader.take()?;
            if flags != 0 {
                inputs = reader.inputs()?;
                outputs = reader.outputs()?;
            }
        } else {
            outputs = reader.outputs()?;
        }
        if flags & 1 != 0 {
            let mut any = false;
            for _ in &inputs {
                any |= reader.skip_witness(form)?;
            }
            if !any {
                return Err(TxError::SuperfluousWitness { at: reader.at });
            }
        }
        if flags & !1 != 0 {
            return Err(TxError::Flags { flags });
        }
        let lock_time = reader.u32()?;
        Ok(Self {
            version,
            inputs,
            outputs,
            lock_time,
            raw,
        })
    }

    /// The bytes this was decoded from, and those after them.
    #[must_use]
    pub fn raw(&self) -> &Arc<[u8]> {
        &self.raw
    }

    /// Unlocking script of an input of this transaction.
    #[inline]
    #[must_use]
    pub fn input_script(&self, input: &TxIn) -> &[u8] {
        &self.raw[input.script.range()]
    }

    /// Locking script of an output of this transaction.
    #[inline]
    #[must_use]
    pub fn output_script(&self, output: &TxOut) -> &[u8] {
        &self.raw[output.script.range()]
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    #[inline]
    fn take<const N: usize>(&mut self) -> Result<[u8; N], TxError> {
        let field = self.bytes[self.at..].first_chunk();
        let field = *field.ok_or_else(|| self.ended(N))?;
        self.at += N;
        Ok(field)
    }

    #[cold]
    const fn ended(&self, want: usize) -> TxError {
        TxError::Ended {
            at: self.at,
            want,
            len: self.bytes.len(),
        }
    }

    #[inline]
    fn u32(&mut self) -> Result<u32, TxError> {
        self.take().map(u32::from_le_bytes)
    }

    /// A CompactSize.
    #[inline]
    fn size(&mut self) -> Result<usize, TxError> {
        let at = self.at;
        let [first] = self.take()?;
        let (size, least) = match first {
            0..=0xfc => return Ok(first.into()),
            0xfd => (u16::from_le_bytes(self.take()?).into(), 0xfd),
            0xfe => (self.u32()?.into(), 1 << 16),
            0xff => (u64::from_le_bytes(self.take()?), 1 << 32),
        };
        if size < least {
            return Err(TxError::NotCanonical { at, size });
        }
        if size > MAX_SIZE {
            return Err(TxError::Size { at, size });
        }
        Ok(size as usize)
    }

    /// Bytes after their length.
    #[inline]
    fn string(&mut self) -> Result<Place, TxError> {
        let len = self.size()?;
        if self.bytes.len() - self.at < len {
            return Err(self.ended(len));
        }
        // Both are below 2^32, as the length of all bytes is.
        let place = Place {
            at: self.at as u32,
            len: len as u32,
        };
        self.at += len;
        Ok(place)
    }

    /// Items after their number; room is made only for those whose bytes are there.
    fn list<T>(
        &mut self,
        item_bytes: usize,
        item: impl Fn(&mut Self) -> Result<T, TxError>,
    ) -> Result<Vec<T>, TxError> {
        let count = self.size()?;
        let room = (self.bytes.len() - self.at) / item_bytes;
        let mut items = Vec::with_capacity(count.min(room));
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn inputs(&mut self) -> Result<Vec<TxIn>, TxError> {
        self.list(MIN_INPUT_BYTES, |reader| {
            Ok(TxIn {
                prev_txid: reader.take()?,
                prev_index: reader.u32()?,
                script: reader.string()?,
                sequence: reader.u32()?,
            })
        })
    }

    fn outputs(&mut self) -> Result<Vec<TxOut>, TxError> {
        self.list(MIN_OUTPUT_BYTES, |reader| {
            Ok(TxOut {
                value: i64::from_le_bytes(reader.take()?),
                script: reader.string()?,
            })
        })
    }

    /// Steps over the witness of one input; whether there was any.
    fn skip_witness(&mut self, form: WitnessForm) -> Result<bool, TxError> {
        match form {
            WitnessForm::Beta1 => Ok(self.string()?.len > 0),
            WitnessForm::Bip144 => {
                let items = self.size()?;
                for _ in 0..items {
                    self.string()?;
                }
                Ok(items > 0)
            }
        }
    }
}

#[cfg(test)]
mod tests;

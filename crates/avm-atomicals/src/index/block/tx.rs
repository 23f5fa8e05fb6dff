//! The parts of one transaction, found once and walked as often as needed.
//!
//! [`TxParts::read`] walks over every field, so that the iterators only repeat what has worked.
//! Source: BIP144.

use sha2::{Digest, Sha256};

use super::BlockError;
use crate::script::digest::{hash256, sha256};

/// Least bytes of an input: outpoint, empty script, sequence.
const MIN_INPUT_BYTES: usize = 41;

/// Least bytes of an output: value, empty script.
const MIN_OUTPUT_BYTES: usize = 9;

/// Least bytes of a transaction: version, one input, no output, lock time.
pub(super) const MIN_TX_BYTES: usize = 4 + 1 + MIN_INPUT_BYTES + 1 + 4;

/// Where the parts of one serialised transaction are; nothing is copied, nothing allocated.
#[derive(Clone, Copy, Debug)]
pub struct TxParts<'a> {
    raw: &'a [u8],
    /// From the number of inputs to the last output.
    body: &'a [u8],
    inputs: Inputs<'a>,
    outputs: Outputs<'a>,
    witnesses: Witnesses<'a>,
}

/// An input of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input<'a> {
    /// Transaction id in internal order, and number of the output, little-endian.
    pub outpoint: &'a [u8; 36],
    /// The script that unlocks, without its length.
    pub script: &'a [u8],
    /// Sequence number.
    pub sequence: u32,
}

/// An output of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output<'a> {
    /// Satoshis; any number is read.
    pub sats: u64,
    /// The script that locks, without its length.
    pub script: &'a [u8],
}

/// Inputs that are left.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    rest: &'a [u8],
    left: usize,
}

/// Outputs that are left.
#[derive(Clone, Copy, Debug)]
pub struct Outputs<'a> {
    rest: &'a [u8],
    left: usize,
}

/// Witnesses that are left, one for each input.
#[derive(Clone, Copy, Debug)]
pub struct Witnesses<'a> {
    /// None in the form without witnesses.
    rest: Option<&'a [u8]>,
    left: usize,
}

/// Elements that are left of the witness of one input.
#[derive(Clone, Copy, Debug, Default)]
pub struct Witness<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> TxParts<'a> {
    /// Reads the transaction at the start of `bytes`; what follows is ignored.
    ///
    /// # Errors
    ///
    /// [`BlockError`] where Bitcoin Core does not read a transaction either, and if it has no
    /// inputs: such a transaction is valid nowhere.
    pub fn read(bytes: &'a [u8]) -> Result<Self, BlockError> {
        Self::read_next(&mut Reader { bytes, at: 0 })
    }

    pub(super) fn read_next(reader: &mut Reader<'a>) -> Result<Self, BlockError> {
        let start = reader.at;
        reader.take(4)?;
        let segwit = reader.bytes.get(reader.at) == Some(&0);
        if segwit {
            reader.take(1)?;
            let at = reader.at;
            let &[flag] = reader.array::<1>()?;
            if flag != 1 {
                return Err(BlockError::Flag { at, flag });
            }
        }
        let body = reader.at;
        let inputs = reader.count(MIN_INPUT_BYTES)?;
        if inputs == 0 {
            return Err(BlockError::NoInputs { at: body });
        }
        let inputs = Inputs {
            rest: reader.rest(),
            left: inputs,
        };
        for _ in 0..inputs.left {
            reader.input()?;
        }
        let outputs = reader.count(MIN_OUTPUT_BYTES)?;
        let outputs = Outputs {
            rest: reader.rest(),
            left: outputs,
        };
        for _ in 0..outputs.left {
            reader.output()?;
        }
        let body = &reader.bytes[body..reader.at];
        let witnesses = Witnesses {
            rest: segwit.then(|| reader.rest()),
            left: inputs.left,
        };
        if segwit {
            let at = reader.at;
            let mut elements = false;
            for _ in 0..inputs.left {
                elements |= reader.witness()?.left > 0;
            }
            if !elements {
                return Err(BlockError::NoWitness { at });
            }
        }
        reader.take(4)?;
        Ok(Self {
            raw: &reader.bytes[start..reader.at],
            body,
            inputs,
            outputs,
            witnesses,
        })
    }

    /// Exactly the bytes of the transaction, witnesses included.
    #[must_use]
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Its id in internal order: SHA-256 of SHA-256 of the form without witnesses.
    #[must_use]
    pub fn txid(&self) -> [u8; 32] {
        if !self.has_witness() {
            return hash256(self.raw);
        }
        let mut hash = Sha256::new();
        hash.update(&self.raw[..4]);
        hash.update(self.body);
        hash.update(&self.raw[self.raw.len() - 4..]);
        sha256(&hash.finalize())
    }

    /// Whether it creates coins: one input, which spends nothing.
    #[must_use]
    pub fn is_coinbase(&self) -> bool {
        self.inputs.left == 1
            && self.inputs().next().is_some_and(|input| {
                let (txid, index) = input.outpoint.split_at(32);
                txid == [0; 32] && index == [0xff; 4]
            })
    }

    /// Version, signed as Bitcoin Core reads it.
    #[must_use]
    pub fn version(&self) -> i32 {
        let version = self.raw.first_chunk().copied();
        i32::from_le_bytes(version.unwrap_or_default())
    }

    /// Lock time.
    #[must_use]
    pub fn lock_time(&self) -> u32 {
        let time = self.raw.last_chunk().copied();
        u32::from_le_bytes(time.unwrap_or_default())
    }

    /// Number of inputs, at least 1.
    #[must_use]
    pub const fn input_count(&self) -> usize {
        self.inputs.left
    }

    /// Number of outputs.
    #[must_use]
    pub const fn output_count(&self) -> usize {
        self.outputs.left
    }

    /// Whether it has the form with witnesses; then at least one is not empty.
    #[must_use]
    pub const fn has_witness(&self) -> bool {
        self.witnesses.rest.is_some()
    }

    /// The inputs in order.
    #[must_use]
    pub const fn inputs(&self) -> Inputs<'a> {
        self.inputs
    }

    /// The outputs in order.
    #[must_use]
    pub const fn outputs(&self) -> Outputs<'a> {
        self.outputs
    }

    /// The witnesses, as many as inputs; all are empty in the form without them.
    #[must_use]
    pub const fn witnesses(&self) -> Witnesses<'a> {
        self.witnesses
    }
}

impl<'a> Iterator for Inputs<'a> {
    type Item = Input<'a>;

    #[inline]
    fn next(&mut self) -> Option<Input<'a>> {
        self.left = self.left.checked_sub(1)?;
        let (input, rest) = next(self.rest, Reader::input)?;
        self.rest = rest;
        Some(input)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<'a> Iterator for Outputs<'a> {
    type Item = Output<'a>;

    #[inline]
    fn next(&mut self) -> Option<Output<'a>> {
        self.left = self.left.checked_sub(1)?;
        let (output, rest) = next(self.rest, Reader::output)?;
        self.rest = rest;
        Some(output)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<'a> Iterator for Witnesses<'a> {
    type Item = Witness<'a>;

    #[inline]
    fn next(&mut self) -> Option<Witness<'a>> {
        self.left = self.left.checked_sub(1)?;
        let Some(rest) = self.rest else {
            return Some(Witness::default());
        };
        let (witness, rest) = next(rest, Reader::witness)?;
        self.rest = Some(rest);
        Some(witness)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<'a> Iterator for Witness<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let (element, rest) = next(self.rest, Reader::string)?;
        self.rest = rest;
        Some(element)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Inputs<'_> {}
impl ExactSizeIterator for Outputs<'_> {}
impl ExactSizeIterator for Witnesses<'_> {}
impl ExactSizeIterator for Witness<'_> {}

/// Reads one item from the start of `rest`. It was read before, so it is there.
#[inline]
fn next<'a, T>(
    rest: &'a [u8],
    read: impl Fn(&mut Reader<'a>) -> Result<T, BlockError>,
) -> Option<(T, &'a [u8])> {
    let mut reader = Reader { bytes: rest, at: 0 };
    let item = read(&mut reader).ok()?;
    Some((item, reader.rest()))
}

pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    #[inline]
    fn take(&mut self, len: u64) -> Result<&'a [u8], BlockError> {
        let part = usize::try_from(len)
            .ok()
            .and_then(|len| self.rest().get(..len));
        let part = part.ok_or(BlockError::Ended {
            at: self.at,
            want: len,
            len: self.bytes.len(),
        })?;
        self.at += part.len();
        Ok(part)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], BlockError> {
        let part = self.rest().first_chunk::<N>().ok_or(BlockError::Ended {
            at: self.at,
            want: N as u64,
            len: self.bytes.len(),
        })?;
        self.at += N;
        Ok(part)
    }

    /// A length in its shortest form.
    #[inline]
    fn size(&mut self) -> Result<u64, BlockError> {
        let at = self.at;
        let &[first] = self.array::<1>()?;
        let (value, least) = match first {
            0..=0xfc => return Ok(first.into()),
            0xfd => (u16::from_le_bytes(*self.array()?).into(), 0xfd),
            0xfe => (u32::from_le_bytes(*self.array()?).into(), 0x1_0000),
            0xff => (u64::from_le_bytes(*self.array()?), 0x1_0000_0000),
        };
        if value < least {
            let got = self.at - at;
            return Err(BlockError::LongSize { at, value, got });
        }
        Ok(value)
    }

    /// The number of items that follow, each of `item_bytes` or more.
    pub(super) fn count(&mut self, item_bytes: usize) -> Result<usize, BlockError> {
        let count = self.size()?;
        let left = self.bytes.len() - self.at;
        if count > (left / item_bytes) as u64 {
            return Err(BlockError::Count {
                at: self.at,
                count,
                item_bytes,
                left,
            });
        }
        Ok(count as usize)
    }

    /// Bytes after their length.
    #[inline]
    fn string(&mut self) -> Result<&'a [u8], BlockError> {
        let len = self.size()?;
        self.take(len)
    }

    #[inline]
    fn input(&mut self) -> Result<Input<'a>, BlockError> {
        Ok(Input {
            outpoint: self.array()?,
            script: self.string()?,
            sequence: u32::from_le_bytes(*self.array()?),
        })
    }

    #[inline]
    fn output(&mut self) -> Result<Output<'a>, BlockError> {
        Ok(Output {
            sats: u64::from_le_bytes(*self.array()?),
            script: self.string()?,
        })
    }

    #[inline]
    fn witness(&mut self) -> Result<Witness<'a>, BlockError> {
        let left = self.count(1)?;
        let rest = self.rest();
        for _ in 0..left {
            self.string()?;
        }
        Ok(Witness { rest, left })
    }
}

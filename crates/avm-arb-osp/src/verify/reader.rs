//! Reads byte strings front to back; every read checks what is left.

use avm_core::Hash;
use ruint::aliases::U256;

use super::Refusal;

/// The rest of a byte string.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// Offset of the next byte.
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Offset of the next byte.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// Bytes not yet read.
    pub(super) const fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next `length` bytes; nothing is read if there are fewer.
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Refusal> {
        if length > self.left() {
            return Err(Refusal::Short {
                at: self.at,
                wanted: length,
                left: self.left(),
            });
        }
        let taken = &self.bytes[self.at..][..length];
        self.at += length;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Refusal> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn hash(&mut self) -> Result<Hash, Refusal> {
        self.array().map(Hash)
    }

    pub(super) fn int(&mut self) -> Result<U256, Refusal> {
        self.array::<32>().map(U256::from_be_bytes)
    }
}

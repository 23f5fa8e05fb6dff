//! Reading images and inputs: every length is checked before anything is taken.

use alloc::vec::Vec;

use avm_core::Bytes;

/// Why bytes are no image or no input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// They end too early.
    #[error("{what} at byte {at} takes {want} bytes, {left} are left")]
    Short {
        /// What was read.
        what: &'static str,
        /// Where it begins.
        at: usize,
        /// Bytes it takes.
        want: usize,
        /// Bytes that are left.
        left: usize,
    },
    /// Bytes behind the end.
    #[error("{left} bytes follow the end at byte {at}")]
    Trailing {
        /// The end.
        at: usize,
        /// Bytes behind it.
        left: usize,
    },
    /// A value that is not allowed there.
    #[error("{what} at byte {at} is {got}, expected {want}")]
    Value {
        /// What was read.
        what: &'static str,
        /// Where it is.
        at: usize,
        /// What was found.
        got: u64,
        /// What was expected.
        want: &'static str,
    },
    /// Keys of a table that do not ascend.
    #[error("{what} at byte {at} is not above the one before it")]
    Order {
        /// What was read.
        what: &'static str,
        /// Where it is.
        at: usize,
    },
}

/// A place in bytes that are being read.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The byte that begins an image or an input.
    pub(crate) fn mark(
        &mut self,
        mark: u8,
        what: &'static str,
        want: &'static str,
    ) -> Result<(), WireError> {
        let (at, got) = (self.at, self.byte(what)?);
        if got == mark {
            return Ok(());
        }
        let got = got.into();
        Err(WireError::Value {
            what,
            at,
            got,
            want,
        })
    }

    pub(crate) fn take(&mut self, what: &'static str, want: usize) -> Result<&'a [u8], WireError> {
        let (at, left) = (self.at, self.bytes.len() - self.at);
        if want > left {
            return Err(WireError::Short {
                what,
                at,
                want,
                left,
            });
        }
        self.at += want;
        Ok(&self.bytes[at..self.at])
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], WireError> {
        Ok(*self.take(what, N)?.first_chunk().expect("as many as taken"))
    }

    pub(crate) fn byte(&mut self, what: &'static str) -> Result<u8, WireError> {
        Ok(self.array::<1>(what)?[0])
    }

    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, WireError> {
        self.array(what).map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self, what: &'static str) -> Result<u64, WireError> {
        self.array(what).map(u64::from_be_bytes)
    }

    pub(crate) fn id(&mut self, what: &'static str) -> Result<[u8; 36], WireError> {
        self.array(what)
    }

    pub(crate) fn hash(&mut self, what: &'static str) -> Result<avm_core::Hash, WireError> {
        self.array(what).map(avm_core::Hash)
    }

    /// Bytes behind their number in four bytes.
    pub(crate) fn bytes(&mut self, what: &'static str) -> Result<Bytes, WireError> {
        let len = self.u32(what)? as usize;
        self.take(what, len).map(Bytes::from)
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), WireError> {
        match self.bytes.len() - self.at {
            0 => Ok(()),
            left => Err(WireError::Trailing { at: self.at, left }),
        }
    }
}

/// Appends bytes behind their number in four bytes.
pub(crate) fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

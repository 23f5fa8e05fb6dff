//! What a value knows of itself without being read: length, depth, and whether it holds closures.

use super::{MAX_BYTES, MAX_CLOSURE_DEPTH, MAX_DEPTH, ValueError};

/// Length of the encoding, depth, and whether there is a closure inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// In bytes. Saturates, so that a sum that is too large stays too large.
    pub(super) len: u32,
    pub(super) depth: u8,
    pub(super) closure: bool,
}

impl Size {
    /// Nothing at all.
    pub(super) const NONE: Self = Self::flat(0);

    /// No bytes, and a closure.
    pub(super) const CLOSURE: Self = Self {
        len: 0,
        depth: 0,
        closure: true,
    };

    /// A value without parts.
    #[inline]
    pub(super) const fn flat(len: u32) -> Self {
        Self {
            len,
            depth: 0,
            closure: false,
        }
    }

    /// A text or octets: tag, length and content.
    #[inline]
    pub(super) fn text(len: usize) -> Self {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        Self::flat(len.saturating_add(1 + leb(len)))
    }

    /// Both, one after the other.
    #[inline]
    pub(super) fn join(self, other: Self) -> Self {
        Self {
            len: self.len.saturating_add(other.len),
            depth: self.depth.max(other.depth),
            closure: self.closure | other.closure,
        }
    }

    /// What holds these parts and adds `own` bytes, before limits.
    #[inline]
    pub(super) fn around(self, own: u32) -> Self {
        Self {
            len: self.len.saturating_add(own),
            depth: self.depth.saturating_add(1),
            closure: self.closure,
        }
    }

    /// What holds these parts and adds `own` bytes.
    #[inline]
    pub(super) fn wrap(self, own: u32) -> Result<Self, ValueError> {
        let size = self.around(own);
        size.check()?;
        Ok(size)
    }

    /// Whether a value may have this size.
    #[inline]
    pub(super) fn check(self) -> Result<(), ValueError> {
        if self.len > MAX_BYTES {
            return Err(ValueError::TooLong);
        }
        if self.depth > MAX_DEPTH && !(self.closure && self.depth <= MAX_CLOSURE_DEPTH) {
            return Err(ValueError::TooDeep);
        }
        Ok(())
    }
}

/// Checks the length of a text or of octets.
pub(super) fn text(len: usize) -> Result<(), ValueError> {
    Size::text(len).check()
}

/// Bytes that the minimal LEB128 form of `n` takes.
#[inline]
pub(super) const fn leb(n: u32) -> u32 {
    (31 - (n | 1).leading_zeros()) / 7 + 1
}

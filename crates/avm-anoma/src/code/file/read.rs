//! Reading a file of a module piece by piece.

use alloc::string::String;
use alloc::vec::Vec;

use super::{ITEMS_MAX, ModuleError, NAME_MAX};

/// Bytes that are still to be read.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// Offset of `rest` in the file.
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a [u8]) -> Self {
        Self { rest: file, at: 0 }
    }

    /// The next `want` bytes.
    pub(super) fn take(&mut self, what: &'static str, want: u64) -> Result<&'a [u8], ModuleError> {
        let split = usize::try_from(want)
            .ok()
            .and_then(|len| self.rest.split_at_checked(len));
        let (taken, rest) = split.ok_or(ModuleError::Short {
            what,
            at: self.at,
            want,
            left: self.rest.len(),
        })?;
        self.rest = rest;
        self.at += taken.len();
        Ok(taken)
    }

    pub(super) fn u8(&mut self, what: &'static str) -> Result<u8, ModuleError> {
        Ok(self.take(what, 1)?[0])
    }

    pub(super) fn u16(&mut self, what: &'static str) -> Result<u16, ModuleError> {
        let bytes = self.take(what, 2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// A minimal LEB128 number of at most 63 bits.
    pub(super) fn leb(&mut self, what: &'static str) -> Result<u64, ModuleError> {
        let at = self.at;
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let byte = self.u8(what)?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                let minimal = byte != 0 || shift == 0;
                return minimal
                    .then_some(number)
                    .ok_or(ModuleError::Leb { what, at });
            }
        }
        Err(ModuleError::Leb { what, at })
    }

    /// A number of at most `max`.
    pub(super) fn count(&mut self, what: &'static str, max: usize) -> Result<usize, ModuleError> {
        let got = self.leb(what)?;
        match usize::try_from(got) {
            Ok(count) if count <= max => Ok(count),
            _ => Err(ModuleError::Limit { what, got, max }),
        }
    }

    pub(super) fn text(&mut self, what: &'static str) -> Result<String, ModuleError> {
        let len = self.leb(what)?;
        if len > NAME_MAX as u64 {
            return Err(ModuleError::Limit {
                what: "bytes of a name",
                got: len,
                max: NAME_MAX,
            });
        }
        let at = self.at;
        let text = str::from_utf8(self.take(what, len)?);
        let text = text.map_err(|_| ModuleError::Text { what, at })?;
        Ok(String::from(text))
    }

    pub(super) fn texts(
        &mut self,
        many: &'static str,
        one: &'static str,
    ) -> Result<Vec<String>, ModuleError> {
        let count = self.count(many, ITEMS_MAX)?;
        (0..count).map(|_| self.text(one)).collect()
    }

    /// The content of the next section, which must be number `want`.
    pub(super) fn section(&mut self, want: u8) -> Result<Reader<'a>, ModuleError> {
        let at = self.at;
        let got = self.u8("a section")?;
        if got != want {
            return Err(ModuleError::Section { got, at, want });
        }
        let len = self.leb("the length of a section")?;
        let at = self.at;
        let rest = self.take("a section", len)?;
        Ok(Reader { rest, at })
    }

    /// Refuses what is left.
    pub(super) fn end(&self, what: &'static str) -> Result<(), ModuleError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(ModuleError::Left { what, left }),
        }
    }
}

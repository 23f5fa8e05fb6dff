//! The JSON program file (`.mexe`), read and written.
//!
//! ```text
//! {"code":[{"opcode":59,"immediate":{"Int":"7"}},...],"static_val":{"Tuple":[]}}
//! value = {"Int":"<hex>"} | {"Tuple":[value, ...]} | {"Buffer":"<hex>"} | {"CodePoint":{"Internal":k}}
//! ```
//!
//! `Internal` counts operations from 0; their number, or 2^64-1, is the error code point. Members that
//! are not named here are skipped, except inside values.
//!
//! Spec: section 12.

mod read;
mod write;

use alloc::string::{String, ToString};

use crate::json::Located;
pub use crate::json::{JsonError, Kind};
use crate::program::{MAX_TUPLE, Place, Program, ProgramError};

/// Longest file that [`Program::to_json`] writes, in bytes.
pub const MAX_FILE_BYTES: u64 = 1 << 30;

/// Why a file is not a program, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {kind}")]
pub struct FileError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub kind: FileErrorKind,
}

/// What is wrong with a program file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileErrorKind {
    /// Not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A value of another JSON type.
    #[error("{what} is {found}, expected {expected}")]
    Type {
        /// What it should be.
        what: &'static str,
        /// What it is.
        found: Kind,
        /// JSON type it should have.
        expected: &'static str,
    },
    /// A member is not there.
    #[error("{what} has no member {name:?}")]
    Missing {
        /// The object.
        what: &'static str,
        /// The member.
        name: &'static str,
    },
    /// A member is there twice.
    #[error("{what} has two members {name:?}")]
    Duplicate {
        /// The object.
        what: &'static str,
        /// The member.
        name: &'static str,
    },
    /// A value object without a member.
    #[error("the value is empty, expected Int, Tuple, Buffer or CodePoint")]
    NoKind,
    /// A value object with an unknown member.
    #[error("found a value of kind {found:?}, expected Int, Tuple, Buffer or CodePoint")]
    UnknownKind {
        /// Name of the member.
        found: String,
    },
    /// An object that must have one member has a second.
    #[error("{what} has a second member {found:?}, expected one")]
    SecondMember {
        /// The object.
        what: &'static str,
        /// Name of the second member.
        found: String,
    },
    /// An opcode or code point of a form that this machine does not have.
    #[error("{what} of the form {found:?}, expected {expected}")]
    UnknownForm {
        /// Opcode or code point.
        what: &'static str,
        /// Name of its member.
        found: String,
        /// Forms known.
        expected: &'static str,
    },
    /// A number that is not a whole one in range.
    #[error("{what} is {found}, expected a whole number from 0 to {max}")]
    Number {
        /// What it should be.
        what: &'static str,
        /// Its text.
        found: String,
        /// The largest.
        max: u64,
    },
    /// An integer without digits.
    #[error("Int has no digits, expected 1 to 64 hex digits")]
    NoDigits,
    /// An integer above 256 bits.
    #[error("Int has {digits} hex digits, the most is 64")]
    TooManyDigits {
        /// Digits found.
        digits: usize,
    },
    /// Half a byte in a buffer.
    #[error("Buffer has {digits} hex digits, expected an even number")]
    OddDigits {
        /// Digits found.
        digits: usize,
    },
    /// A character that is no hex digit.
    #[error("{what} has {found:?} at place {place}, expected hex digits only")]
    Digit {
        /// `Int` or `Buffer`.
        what: &'static str,
        /// The character.
        found: char,
        /// Its place in the string, from 0.
        place: usize,
    },
    /// A tuple with a ninth element.
    #[error("found a ninth element, a tuple has at most {MAX_TUPLE}")]
    TupleTooLong,
    /// A code point far behind the code.
    #[error("{place} names operation {target}, the program has {operations}")]
    PastEnd {
        /// Where the code point stands.
        place: Place,
        /// Operation it names.
        target: u64,
        /// Operations in the program.
        operations: u32,
    },
    /// Sound values that are not a program.
    #[error(transparent)]
    Program(#[from] ProgramError),
}

/// A program whose file would be too long: its literals share parts that JSON must repeat.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the program file would be {bytes} bytes, the most is {limit}")]
pub struct FileTooLong {
    /// Its length, or `u64::MAX` if that is less.
    pub bytes: u64,
    /// [`MAX_FILE_BYTES`].
    pub limit: u64,
}

impl Program {
    /// Reads a program file.
    ///
    /// # Errors
    /// If it is not JSON, or not a program; with line and column.
    pub fn from_json(file: &[u8]) -> Result<Self, FileError> {
        let text = core::str::from_utf8(file).map_err(|error| {
            let good = String::from_utf8_lossy(&file[..error.valid_up_to()]);
            positioned(&good, Located(good.len(), JsonError::NotUtf8.into()))
        })?;
        read::program(text).map_err(|error| positioned(text, error))
    }

    /// Length of the program file in bytes, at most `u64::MAX`. It may be far longer than the program
    /// is in memory, where equal literals are kept once.
    #[must_use]
    pub fn json_len(&self) -> u64 {
        write::program_len(self)
    }

    /// Writes the canonical program file: no white space, members in the order of the module's
    /// example, integers without leading zeros, the error code point as the number of operations.
    ///
    /// # Errors
    /// If that is longer than [`MAX_FILE_BYTES`].
    pub fn to_json(&self) -> Result<String, FileTooLong> {
        let (bytes, limit) = (self.json_len(), MAX_FILE_BYTES);
        let fits = usize::try_from(bytes).ok().filter(|_| bytes <= limit);
        let mut out = String::with_capacity(fits.ok_or(FileTooLong { bytes, limit })?);
        write::program(self, &mut out);
        debug_assert_eq!(out.len() as u64, bytes, "sizes count what is written");
        Ok(out)
    }
}

/// Line and column of a byte offset.
fn positioned(text: &str, Located(offset, kind): Located<FileErrorKind>) -> FileError {
    let before = &text[..offset];
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    FileError {
        line: before.matches('\n').count() + 1,
        column: before[start..].chars().count() + 1,
        kind,
    }
}

/// Value of an ASCII hex digit.
pub(crate) fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// Appends bytes as hex digits.
pub(crate) fn push_hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from_digit(digit.into(), 16).expect("below 16"));
        }
    }
}

/// Digits of a number in decimal.
pub(crate) fn decimal_len(n: u64) -> usize {
    n.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// The start of a text, short enough to be shown.
pub(crate) fn clipped(name: &str) -> String {
    const MOST: usize = 40;
    match name.char_indices().nth(MOST) {
        None => name.to_string(),
        Some((at, _)) => [&name[..at], "..."].concat(),
    }
}

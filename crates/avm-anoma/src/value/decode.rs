//! Reading the canonical encoding; everything else is refused.

use alloc::vec::Vec;

use avm_core::Hash;
use ruint::aliases::U256;

use super::{MAX_BYTES, MAX_DEPTH, ObjectId, TxId, Val, ValMap, ValueError};

/// Why bytes are not the encoding of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// They end inside of a value.
    #[error("the value ends after byte {at}, in the middle")]
    Short {
        /// How many bytes there are.
        at: usize,
    },
    /// More bytes behind the value.
    #[error("{extra} bytes follow the value")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// The value is too long.
    #[error("the value takes more than {MAX_BYTES} bytes")]
    TooLong,
    /// The value is nested too deep.
    #[error("the value is nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// A byte that is no tag.
    #[error("byte {at} is {tag:#04x}, which is no tag of a value")]
    Tag {
        /// Offset in bytes.
        at: usize,
        /// The byte found.
        tag: u8,
    },
    /// A length or id that is longer than it needs to be, or more than 32 bits.
    #[error("the number at byte {at} is not a minimal LEB128 number of 32 bits")]
    Number {
        /// Offset in bytes.
        at: usize,
    },
    /// An integer with a leading zero, a negative zero, or outside of -2^255 ..= 2^255 - 1.
    #[error("the integer at byte {at} is not minimal or out of range")]
    Int {
        /// Offset in bytes.
        at: usize,
    },
    /// A text that is not UTF-8.
    #[error("the text at byte {at} is not UTF-8")]
    Utf8 {
        /// Offset in bytes.
        at: usize,
    },
    /// The name of a controller or machine that is empty or too long.
    #[error("the name at byte {at} has {len} bytes; a controller or machine has 1 to 64")]
    Id {
        /// Offset in bytes.
        at: usize,
        /// Length found, in bytes.
        len: usize,
    },
    /// A key of a map that is not greater than the one before.
    #[error("the key at byte {at} is not greater than the one before")]
    KeyOrder {
        /// Offset in bytes.
        at: usize,
    },
}

impl Val {
    /// Reads a value and nothing else.
    ///
    /// # Errors
    /// If the bytes are not the canonical encoding of exactly one value.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut rest = bytes;
        let value = Self::decode_prefix(&mut rest)?;
        match rest.len() {
            0 => Ok(value),
            extra => Err(DecodeError::Trailing { extra }),
        }
    }

    /// Reads a value and leaves what follows it.
    ///
    /// # Errors
    /// If the bytes do not begin with the canonical encoding of a value; `input` stays as it was.
    pub fn decode_prefix(input: &mut &[u8]) -> Result<Self, DecodeError> {
        let limit = input.len().min(MAX_BYTES as usize);
        let mut reader = Reader {
            bytes: &input[..limit],
            at: 0,
        };
        match reader.value(MAX_DEPTH) {
            Ok(value) => {
                *input = &input[reader.at..];
                Ok(value)
            }
            Err(DecodeError::Short { .. }) if limit < input.len() => Err(DecodeError::TooLong),
            Err(error) => Err(error),
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

const SIZED: &str = "lengths and depth of what was read are within the limits";

impl<'a> Reader<'a> {
    /// A value nested at most `depth` deep. Recursion goes that far and no further.
    fn value(&mut self, depth: u8) -> Result<Val, DecodeError> {
        let at = self.at;
        let [tag] = self.array()?;
        if let 0x01 | 0x08..=0x0a = tag {
            let depth = depth.checked_sub(1).ok_or(DecodeError::TooDeep)?;
            return match tag {
                0x01 => Ok(built(Val::just(self.value(depth)?))),
                0x08 => Ok(built(Val::pair(self.value(depth)?, self.value(depth)?))),
                0x09 => self.list(depth),
                _ => self.map(depth),
            };
        }
        Ok(match tag {
            0x00 => Val::Nothing,
            0x02 => Val::Bool(false),
            0x03 => Val::Bool(true),
            0x04 => self.int()?,
            0x05 => built(Val::try_str(self.text()?)),
            0x06 => built(Val::try_sym(self.text()?)),
            0x07 => built(Val::try_bytes(self.sized()?)),
            0x10 => Val::obj(ObjectId(self.array()?)),
            0x11 => Val::tx(TxId(self.array()?)),
            0x12 => Val::try_ctl(self.text()?).map_err(|error| id(error, at))?,
            0x13 => Val::try_mach(self.text()?).map_err(|error| id(error, at))?,
            0x14 => Val::Var(self.leb()?),
            0x15 => Val::Lin(self.leb()?),
            0x16 => Val::hash_value(Hash(self.array()?)),
            0x17 => built(Val::code(Hash(self.array()?), self.text()?)),
            tag => return Err(DecodeError::Tag { at, tag }),
        })
    }

    fn list(&mut self, depth: u8) -> Result<Val, DecodeError> {
        let len = self.count(1)?;
        let mut items = Vec::with_capacity(len);
        for _ in 0..len {
            items.push(self.value(depth)?);
        }
        Ok(built(Val::list(items)))
    }

    fn map(&mut self, depth: u8) -> Result<Val, DecodeError> {
        let len = self.count(2)?;
        let mut entries = Vec::with_capacity(len);
        let mut last: Option<&[u8]> = None;
        for _ in 0..len {
            let at = self.at;
            let key = self.value(depth)?;
            let key_bytes = &self.bytes[at..self.at];
            if last.is_some_and(|last| last >= key_bytes) {
                return Err(DecodeError::KeyOrder { at });
            }
            last = Some(key_bytes);
            entries.push((key, key_bytes.into(), self.value(depth)?));
        }
        Ok(built(ValMap::from_sorted(entries).map(Val::from)))
    }

    /// A number of things of at least `each` bytes: no more than can follow.
    fn count(&mut self, each: usize) -> Result<usize, DecodeError> {
        let count = self.leb()? as usize;
        let left = self.bytes.len() - self.at;
        if count > left / each {
            return Err(self.short());
        }
        Ok(count)
    }

    fn int(&mut self) -> Result<Val, DecodeError> {
        let at = self.at;
        let error = DecodeError::Int { at };
        let [head] = self.array()?;
        let magnitude = match head & 0x7f {
            len @ 0..=32 => self.take(len.into())?,
            _ => return Err(error),
        };
        if magnitude.first() == Some(&0) || head == 0x80 {
            return Err(error);
        }
        let magnitude = U256::try_from_be_slice(magnitude).ok_or(error)?;
        Val::big(head & 0x80 != 0, magnitude).map_err(|_| error)
    }

    fn text(&mut self) -> Result<&'a str, DecodeError> {
        let at = self.at;
        str::from_utf8(self.sized()?).map_err(|_| DecodeError::Utf8 { at })
    }

    fn sized(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.leb()?;
        self.take(len as usize)
    }

    fn leb(&mut self) -> Result<u32, DecodeError> {
        let error = DecodeError::Number { at: self.at };
        let mut n = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(error);
                }
                return u32::try_from(n).map_err(|_| error);
            }
        }
        Err(error)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        Ok(self.take(N)?.try_into().expect("that many were taken"))
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..len).ok_or(self.short())?;
        self.at += len;
        Ok(taken)
    }

    fn short(&self) -> DecodeError {
        let at = self.bytes.len();
        DecodeError::Short { at }
    }
}

/// What was built from parts that were read: it is as long as the bytes read, which is short
/// enough, and as deep as was counted.
fn built(value: Result<Val, ValueError>) -> Val {
    value.expect(SIZED)
}

fn id(error: ValueError, at: usize) -> DecodeError {
    let len = match error {
        ValueError::Id { len } => len,
        _ => 0,
    };
    DecodeError::Id { at, len }
}

//! CBOR, RFC 8949: a strict reader of one item, and a writer of the deterministic form.
//!
//! The reader takes any well-formed item without tags: definite and indefinite lengths, numbers of
//! any width. Strings of definite length are borrowed. It keeps an explicit stack, so that depth
//! costs no recursion. The writer makes maps with text keys. Spec: section 10.

use alloc::{borrow::Cow, string::String, vec::Vec};

/// A decoded item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cbor<'a> {
    /// A number from 0 on.
    Uint(u64),
    /// The number -1 - n.
    Negint(u64),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
    /// Text.
    Text(Cow<'a, str>),
    /// Items in order.
    Array(Vec<Self>),
    /// Keys and values in the order they came; a key may come twice.
    Map(Vec<(Self, Self)>),
    /// True or false.
    Bool(bool),
    /// Null.
    Null,
    /// Any other simple value, such as 23 for undefined.
    Simple(u8),
    /// A float of 2, 4 or 8 bytes.
    Float {
        /// Its width.
        bytes: u8,
        /// Its bits.
        bits: u64,
    },
}

/// What a reader puts up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes altogether.
    pub bytes: usize,
    /// Arrays and maps inside one another.
    pub depth: usize,
}

/// Why bytes are not one item. Offsets are in bytes from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CborError {
    /// The bytes end inside the item.
    #[error("CBOR ends at byte {len}, {want} bytes are expected from byte {at}")]
    Ended {
        /// Offset of what is missing.
        at: usize,
        /// Bytes it has.
        want: u64,
        /// Bytes there are.
        len: usize,
    },
    /// Bytes follow the item.
    #[error("CBOR item ends at byte {at}, {len} bytes are given")]
    Trailing {
        /// Offset of the end of the item.
        at: usize,
        /// Bytes there are.
        len: usize,
    },
    /// A tag.
    #[error("tag at byte {at} of CBOR, only plain items are read")]
    Tag {
        /// Offset of the tag.
        at: usize,
    },
    /// A first byte that RFC 8949 does not define here.
    #[error("byte {byte:#04x} at byte {at} of CBOR does not start an item here")]
    Malformed {
        /// Offset of the byte.
        at: usize,
        /// The byte.
        byte: u8,
    },
    /// Text that is not UTF-8.
    #[error("text at byte {at} of CBOR is not UTF-8")]
    Utf8 {
        /// Offset of the text after its length.
        at: usize,
    },
    /// Too many arrays and maps inside one another.
    #[error("array or map at byte {at} of CBOR is inside {limit} others, which is the limit")]
    Depth {
        /// Offset of the array or map.
        at: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// Too many items.
    #[error("item at byte {at} of CBOR comes after {limit} others, which is the limit")]
    Items {
        /// Offset of the end of the item.
        at: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// Too many bytes.
    #[error("CBOR of {len} bytes, at most {limit} are read")]
    Length {
        /// Bytes there are.
        len: usize,
        /// How many are allowed.
        limit: usize,
    },
}

/// Reads exactly one item.
///
/// # Errors
///
/// [`CborError`] with the place of the first fault.
pub fn decode(bytes: &[u8], limits: Limits) -> Result<Cbor<'_>, CborError> {
    if bytes.len() > limits.bytes {
        return Err(CborError::Length {
            len: bytes.len(),
            limit: limits.bytes,
        });
    }
    if bytes == [0xa0] {
        // Most tables of most calls.
        return Ok(Cbor::Map(Vec::new()));
    }
    let (item, at) = read(bytes, limits.depth, usize::MAX)?;
    if at < bytes.len() {
        let len = bytes.len();
        return Err(CborError::Trailing { at, len });
    }
    Ok(item)
}

/// Reads the item at the start of the bytes, of at most `max_items` items in one another, and says
/// how long it is. What follows is ignored.
///
/// # Errors
///
/// [`CborError`] with the place of the first fault.
pub fn decode_prefix(
    bytes: &[u8],
    limits: Limits,
    max_items: usize,
) -> Result<(Cbor<'_>, usize), CborError> {
    if bytes.len() > limits.bytes {
        return Err(CborError::Length {
            len: bytes.len(),
            limit: limits.bytes,
        });
    }
    read(bytes, limits.depth, max_items)
}

fn read(bytes: &[u8], depth: usize, max_items: usize) -> Result<(Cbor<'_>, usize), CborError> {
    let mut reader = Reader { bytes, at: 0 };
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut items = 0;
    loop {
        let read = reader.item(open.last())?;
        if !matches!(read, Read::Break) {
            if items == max_items {
                return Err(CborError::Items {
                    at: reader.at,
                    limit: max_items,
                });
            }
            items += 1;
        }
        let mut item = match read {
            Read::Item(item) => item,
            Read::Break => Open::close(open.pop().expect("only an open list is broken off")),
            Read::Open(list) if list.left == Some(0) => list.close(),
            Read::Open(list) => {
                if open.len() == depth {
                    return Err(CborError::Depth {
                        at: list.at,
                        limit: depth,
                    });
                }
                open.push(list);
                continue;
            }
        };
        // A finished item may finish those around it.
        loop {
            let Some(list) = open.last_mut() else {
                return Ok((item, reader.at));
            };
            list.add(item);
            if list.left != Some(0) {
                break;
            }
            item = Open::close(open.pop().expect("it is the last"));
        }
    }
}

/// An array or map whose end is not reached.
struct Open<'a> {
    at: usize,
    items: Items<'a>,
    /// Items that are missing, keys and values counted apart; unknown for indefinite lengths.
    left: Option<u64>,
}

enum Items<'a> {
    Array(Vec<Cbor<'a>>),
    Map(Vec<(Cbor<'a>, Cbor<'a>)>, Option<Cbor<'a>>),
}

impl<'a> Open<'a> {
    fn add(&mut self, item: Cbor<'a>) {
        match &mut self.items {
            Items::Array(items) => items.push(item),
            Items::Map(pairs, key) => match key.take() {
                Some(key) => pairs.push((key, item)),
                None => *key = Some(item),
            },
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
    }

    fn close(self) -> Cbor<'a> {
        match self.items {
            Items::Array(items) => Cbor::Array(items),
            Items::Map(pairs, _) => Cbor::Map(pairs),
        }
    }

    /// Whether a break may come here.
    const fn may_break(&self) -> bool {
        self.left.is_none() && !matches!(self.items, Items::Map(_, Some(_)))
    }
}

enum Read<'a> {
    Item(Cbor<'a>),
    Open(Open<'a>),
    Break,
}

/// First byte and argument of an item; no argument means an indefinite length, or a break.
struct Head {
    at: usize,
    byte: u8,
    argument: Option<u64>,
}

const BREAK: u8 = 0xff;

/// Room made for a list before its items are seen.
const MAX_ROOM: u64 = 64;

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: u64) -> Result<&'a [u8], CborError> {
        let rest = &self.bytes[self.at..];
        let part = usize::try_from(len).ok().and_then(|len| rest.get(..len));
        let part = part.ok_or(CborError::Ended {
            at: self.at,
            want: len,
            len: self.bytes.len(),
        })?;
        self.at += part.len();
        Ok(part)
    }

    fn head(&mut self) -> Result<Head, CborError> {
        let at = self.at;
        let byte = self.take(1)?[0];
        let argument = match byte & 0x1f {
            short @ 0..=23 => Some(short.into()),
            long @ 24..=27 => {
                let bytes = self.take(1 << (long - 24))?;
                Some(
                    bytes
                        .iter()
                        .fold(0, |value, byte| value << 8 | u64::from(*byte)),
                )
            }
            31 => None,
            _ => return Err(CborError::Malformed { at, byte }),
        };
        Ok(Head { at, byte, argument })
    }

    /// The next item, or the start of an array or map, inside of `around`.
    fn item(&mut self, around: Option<&Open<'a>>) -> Result<Read<'a>, CborError> {
        let head = self.head()?;
        let Head { at, byte, argument } = head;
        let malformed = CborError::Malformed { at, byte };
        let left = self.bytes.len() - self.at;
        let room = |most: usize| argument.unwrap_or(0).min(MAX_ROOM).min(most as u64) as usize;
        Ok(match byte >> 5 {
            0 => Read::Item(Cbor::Uint(argument.ok_or(malformed)?)),
            1 => Read::Item(Cbor::Negint(argument.ok_or(malformed)?)),
            2 => Read::Item(Cbor::Bytes(self.byte_string(&head)?)),
            3 => Read::Item(Cbor::Text(self.text(&head)?)),
            4 => Read::Open(Open {
                at,
                items: Items::Array(Vec::with_capacity(room(left))),
                left: argument,
            }),
            5 => {
                let pairs = Vec::with_capacity(room(left / 2));
                // More items than fit in 64 bits are more than there are bytes.
                let want = u64::MAX;
                let ended = CborError::Ended {
                    at: self.at,
                    want,
                    len: self.bytes.len(),
                };
                let items = argument.map(|pairs| pairs.checked_mul(2).ok_or(ended));
                Read::Open(Open {
                    at,
                    items: Items::Map(pairs, None),
                    left: items.transpose()?,
                })
            }
            6 => return Err(CborError::Tag { at }),
            _ => match (byte, argument) {
                (0xf4 | 0xf5, _) => Read::Item(Cbor::Bool(byte == 0xf5)),
                (0xf6, _) => Read::Item(Cbor::Null),
                // One byte is for those that do not fit in the first.
                (0xf8, Some(0..32)) => return Err(malformed),
                (..=0xf8, Some(value)) => Read::Item(Cbor::Simple(value as u8)),
                (_, Some(bits)) => Read::Item(Cbor::Float {
                    bytes: 1 << (byte - 0xf8),
                    bits,
                }),
                (BREAK, _) if around.is_some_and(Open::may_break) => Read::Break,
                _ => return Err(malformed),
            },
        })
    }

    fn byte_string(&mut self, head: &Head) -> Result<Cow<'a, [u8]>, CborError> {
        if let Some(len) = head.argument {
            return Ok(Cow::Borrowed(self.take(len)?));
        }
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk(head.byte)? {
            all.extend_from_slice(chunk);
        }
        Ok(Cow::Owned(all))
    }

    fn text(&mut self, head: &Head) -> Result<Cow<'a, str>, CborError> {
        if let Some(len) = head.argument {
            return self
                .take(len)
                .and_then(|text| self.utf8(text))
                .map(Cow::Borrowed);
        }
        let mut all = String::new();
        while let Some(chunk) = self.chunk(head.byte)? {
            // No character is cut in two by RFC 8949.
            all.push_str(self.utf8(chunk)?);
        }
        Ok(Cow::Owned(all))
    }

    /// The next part of a string of indefinite length.
    fn chunk(&mut self, string: u8) -> Result<Option<&'a [u8]>, CborError> {
        let Head { at, byte, argument } = self.head()?;
        match argument {
            Some(len) if byte >> 5 == string >> 5 => self.take(len).map(Some),
            None if byte == BREAK => Ok(None),
            _ => Err(CborError::Malformed { at, byte }),
        }
    }

    fn utf8(&self, text: &'a [u8]) -> Result<&'a str, CborError> {
        core::str::from_utf8(text).map_err(|_| CborError::Utf8 {
            at: self.at - text.len(),
        })
    }
}

/// Writes a map from keys in ascending order; the values are written by `value`.
///
/// # Panics
///
/// If a key is not above the one before it: the caller's tables are sorted.
pub fn write_map<K: AsRef<str>, V>(
    out: &mut Vec<u8>,
    entries: impl ExactSizeIterator<Item = (K, V)>,
    mut value: impl FnMut(&mut Vec<u8>, V),
) {
    write_map_head(out, entries.len());
    let mut before: Option<K> = None;
    for (key, item) in entries {
        let ascending = before.is_none_or(|before| before.as_ref() < key.as_ref());
        assert!(ascending, "keys of a map ascend");
        write_text(out, key.as_ref());
        value(out, item);
        before = Some(key);
    }
}

/// Writes the start of a map; as many keys and values follow, by ascending keys.
pub fn write_map_head(out: &mut Vec<u8>, pairs: usize) {
    write_head(out, 5, pairs as u64);
}

/// Writes a number.
pub fn write_uint(out: &mut Vec<u8>, value: u64) {
    write_head(out, 0, value);
}

/// Writes true or false.
pub fn write_bool(out: &mut Vec<u8>, value: bool) {
    out.push(0xf4 | u8::from(value));
}

/// Writes text.
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    write_head(out, 3, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Writes the start of a string of bytes; as many follow.
pub fn write_bytes_head(out: &mut Vec<u8>, bytes: usize) {
    write_head(out, 2, bytes as u64);
}

/// Writes bytes as text of lower-case hex digits; its order is that of the bytes.
pub fn write_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    write_head(out, 3, bytes.len() as u64 * 2);
    let digits = |byte: &u8| {
        [
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ]
    };
    out.extend(bytes.iter().flat_map(digits));
}

/// Major type and argument in the fewest bytes.
fn write_head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let bytes = argument.to_be_bytes();
    let (short, from) = match argument {
        0..=23 => (argument as u8, 8),
        24..=0xff => (24, 7),
        0x100..=0xffff => (25, 6),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 0),
    };
    out.push(major << 5 | short);
    out.extend_from_slice(&bytes[from..]);
}

#[cfg(test)]
mod tests;

//! References: how a value stands inside of a record or of another value's node.
//!
//! A short value without closures is its canonical encoding. Any other is `fe`, its length (u32
//! BE), its depth, a byte that is 1 if it holds a closure and else 0, and the name of its node:
//!
//! | first byte | node | then |
//! | - | - | - |
//! | `a1` | a list | number of items (u32 BE), references of the items of the first chunk, and, if there are more, of the list behind it |
//! | `a2` | a pair | two references |
//! | `a3` | a `just` | one reference |
//! | `a4` | a long text, octets, a name | canonical encoding |
//! | `a5` | a closure | module (u32 BE), function (u32 BE), number of captured values (u32 BE), their references |
//! | `a6` | a map | number of entries (u32 BE), references of each key and its value, in order |
//!
//! A value has one reference, so equal values have equal names. A node is read when somebody looks
//! inside, and must be exactly what its reference said.

use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Bytes, Hash, HostError, Nodes};
use avm_merkle::map::NodeHash as _;

use super::closed::{Closed, NameCell};
use super::list::{CHUNK, Rest};
use super::size::Size;
use super::{List, Sha256, Val, ValMap};

/// Longest value that is its own reference, in bytes.
pub const INLINE_MAX: u32 = 64;

const LIST: u8 = 0xa1;
const PAIR: u8 = 0xa2;
const JUST: u8 = 0xa3;
const WHOLE: u8 = 0xa4;
const CLOSURE: u8 = 0xa5;
const MAP: u8 = 0xa6;

const IN_MEMORY: &str = "a value that is its own reference has no part in a store";

impl Size {
    /// Whether a value of this size is its own reference.
    pub(super) fn is_inline(self) -> bool {
        self.len <= INLINE_MAX && !self.closure
    }
}

impl Val {
    /// Appends the reference of the value. Takes names where they are not known yet; reads nothing.
    pub fn write_ref(&self, out: &mut Vec<u8>) {
        let size = self.size();
        if size.is_inline() {
            self.encode(out).expect(IN_MEMORY);
            return;
        }
        out.push(Self::CLOSED_TAG);
        out.extend_from_slice(&size.len.to_be_bytes());
        out.extend_from_slice(&[size.depth, size.closure.into()]);
        out.extend_from_slice(&self.name().0);
    }

    /// Takes a reference off `input`; `None` if there is none. The value of a long one is closed
    /// and will be read from `nodes`.
    #[must_use]
    pub fn read_ref(input: &mut &[u8], nodes: &Arc<dyn Nodes>) -> Option<Self> {
        if *input.first()? == Self::CLOSED_TAG {
            return read_long(input, nodes);
        }
        let mut short = &input[..input.len().min(INLINE_MAX as usize)];
        let before = short.len();
        let value = Self::decode_prefix(&mut short).ok()?;
        *input = &input[before - short.len()..];
        Some(value)
    }

    /// Name of the node of a value that is not its own reference.
    pub(super) fn name(&self) -> Hash {
        if let Self::Closed(closed) = self {
            return closed.name;
        }
        if let Some(name) = self.name_cell().and_then(NameCell::get) {
            return name;
        }
        if let Self::List(list) = self {
            name_rests(list);
        }
        let name = Sha256::hash(&self.node());
        match self.name_cell() {
            Some(cell) => cell.get_or(|| name),
            None => name,
        }
    }

    fn name_cell(&self) -> Option<&NameCell> {
        match self {
            Self::LongSym(text) | Self::LongStr(text) => Some(&text.name),
            Self::Bytes(content) => Some(&content.name),
            Self::Just(just) => Some(&just.name),
            Self::Pair(pair) => Some(&pair.name),
            Self::List(list) => list.name_cell(),
            Self::Map(map) => Some(map.name_cell()),
            Self::Closure(closure) => Some(&closure.name),
            _ => None,
        }
    }

    /// The node of a value in memory that is not its own reference.
    pub(super) fn node(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::List(list) => {
                out.push(LIST);
                out.extend_from_slice(&list.len().to_be_bytes());
            }
            Self::Pair(_) => out.push(PAIR),
            Self::Just(_) => out.push(JUST),
            Self::Closure(closure) => {
                out.push(CLOSURE);
                out.extend_from_slice(&closure.module.to_be_bytes());
                out.extend_from_slice(&closure.function.to_be_bytes());
                out.extend_from_slice(&(closure.captured.len() as u32).to_be_bytes());
            }
            Self::Map(map) => {
                out.push(MAP);
                out.extend_from_slice(&map.len().to_be_bytes());
            }
            _ => {
                out.push(WHOLE);
                self.encode(&mut out).expect(IN_MEMORY);
            }
        }
        self.parts(&mut |part| part.write_ref(&mut out));
        out
    }

    /// Hands over what the node of this value refers to, in order.
    pub(super) fn parts(&self, take: &mut dyn FnMut(&Self)) {
        match self {
            Self::List(list) => {
                list.chunk_items().for_each(&mut *take);
                match list.rest() {
                    Rest::None => {}
                    Rest::Chunk(chunk) => take(&Self::List(List::of_rest(chunk))),
                    Rest::Closed(closed) => take(&Self::Closed(closed.clone())),
                }
            }
            Self::Pair(pair) => {
                take(&pair.first);
                take(&pair.second);
            }
            Self::Just(just) => take(&just.value),
            Self::Closure(closure) => closure.captured.iter().for_each(take),
            Self::Map(map) => {
                for (key, value) in map.iter() {
                    take(key);
                    take(value);
                }
            }
            _ => {}
        }
    }
}

/// Takes the names of the lists behind the first chunk, the last one first: so a name needs only
/// the one behind it, and nothing recurses along a list.
fn name_rests(list: &List) {
    let mut unnamed = Vec::new();
    let mut rest = list.rest().clone();
    while let Rest::Chunk(chunk) = rest {
        let list = List::of_rest(&chunk);
        let named = list.name_cell().is_some_and(|cell| cell.get().is_some());
        if named || list.size().is_inline() {
            break;
        }
        rest = list.rest().clone();
        unnamed.push(list);
    }
    while let Some(list) = unnamed.pop() {
        let name = Sha256::hash(&Val::List(list.clone()).node());
        if let Some(cell) = list.name_cell() {
            cell.get_or(|| name);
        }
    }
}

fn read_long(input: &mut &[u8], nodes: &Arc<dyn Nodes>) -> Option<Val> {
    let mut rest = &input[1..];
    let len = u32::from_be_bytes(take(&mut rest)?);
    let [depth, flags] = take(&mut rest)?;
    let name = Hash(take(&mut rest)?);
    let size = Size {
        len,
        depth,
        closure: flags == 1,
    };
    if flags > 1 || size.is_inline() || size.check().is_err() {
        return None;
    }
    *input = rest;
    let closed = Closed::new(name, size, nodes.clone());
    Some(Val::Closed(Arc::new(closed)))
}

/// Reads the value of a closed one.
pub(super) fn read_node(closed: &Closed) -> Result<(Val, Bytes), HostError> {
    let node = closed.nodes.get(closed.name)?;
    let value = match parse(&node, closed) {
        Some(Parsed::Map(entries)) => ValMap::from_refs(entries)?.map(Val::from),
        Some(Parsed::Value(value)) => Some(value),
        None => None,
    };
    let Some(value) = value.filter(|value| value.size() == closed.size) else {
        return Err(HostError::BadNode {
            hash: closed.name,
            len: node.len(),
            want: "the value that its reference describes",
        });
    };
    if let Some(cell) = value.name_cell() {
        cell.get_or(|| closed.name);
    }
    Ok((value, node))
}

/// A node that has the form of one.
enum Parsed {
    Value(Val),
    /// Entries whose order is not checked yet, since that takes reading long keys.
    Map(Vec<(Val, Val)>),
}

fn parse(node: &[u8], closed: &Closed) -> Option<Parsed> {
    let (&form, mut input) = node.split_first()?;
    let input = &mut input;
    let mut part = |input: &mut &[u8]| Val::read_ref(input, &closed.nodes);
    let value = match form {
        LIST => {
            let len = u32::from_be_bytes(take(input)?);
            let first = len.checked_sub(1)? % CHUNK as u32 + 1;
            let items = (0..first).map(|_| part(input)).collect::<Option<_>>()?;
            let rest_len = len - first;
            let rest = match rest_len {
                0 => Rest::None,
                _ => match part(input)? {
                    Val::List(list) if list.len() == rest_len => list.into_rest()?,
                    Val::Closed(closed) => Rest::Closed(closed),
                    _ => return None,
                },
            };
            Val::List(List::from_parts(items, rest, len)?)
        }
        PAIR => Val::pair(part(input)?, part(input)?).ok()?,
        JUST => Val::just(part(input)?).ok()?,
        WHOLE => {
            let value = Val::decode(input).ok()?;
            is_whole(&value).then_some(())?;
            *input = &[];
            value
        }
        CLOSURE => {
            let module = u32::from_be_bytes(take(input)?);
            let function = u32::from_be_bytes(take(input)?);
            let count = u32::from_be_bytes(take(input)?);
            let captured = parts(count, input, &mut part)?;
            Val::closure(module, function, captured).ok()?
        }
        MAP => {
            let count = u32::from_be_bytes(take(input)?);
            let mut entries = Vec::new();
            let mut values = parts(count.checked_mul(2)?, input, &mut part)?.into_iter();
            while let (Some(key), Some(value)) = (values.next(), values.next()) {
                entries.push((key, value));
            }
            return input.is_empty().then_some(Parsed::Map(entries));
        }
        _ => return None,
    };
    input.is_empty().then_some(Parsed::Value(value))
}

/// Whether a long value of this kind is written in one piece.
fn is_whole(value: &Val) -> bool {
    matches!(
        value,
        Val::LongSym(_)
            | Val::LongStr(_)
            | Val::Bytes(_)
            | Val::Ctl(_)
            | Val::Mach(_)
            | Val::Code(_)
    )
}

/// So many references; none is shorter than a byte.
fn parts(
    count: u32,
    input: &mut &[u8],
    part: &mut dyn FnMut(&mut &[u8]) -> Option<Val>,
) -> Option<Vec<Val>> {
    if count as usize > input.len() {
        return None;
    }
    (0..count).map(|_| part(input)).collect()
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = input.split_first_chunk()?;
    *input = rest;
    Some(*taken)
}

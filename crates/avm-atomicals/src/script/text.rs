//! Scripts: their bytes, and their instructions as a list of nodes of which a step reads one.
//!
//! A script has no jumps, so the rest of a script is all there is to know about a position in it:
//! the list of the instructions from there on. Its node has one instruction and the name of the
//! list after it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Bytes, Hash, HostError, Nodes, Sink};
use spin::Once;

use super::instr::{self, Instr};
use super::node::{self, Fields, INSTR, LONG_PUSH, PUSH_MAX};

/// A script.
#[derive(Clone)]
pub enum Text {
    /// In memory.
    Here(Arc<Whole>),
    /// Known by its names.
    Unread(Names, Arc<dyn Nodes>),
}

/// A script in memory.
pub struct Whole {
    bytes: Bytes,
    /// List from each instruction on, and its offset; the end at last.
    lists: Once<Vec<(usize, Hash)>>,
    blob: Once<Hash>,
}

/// What a script is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    /// Length in bytes.
    pub len: u32,
    /// Node of all its bytes.
    pub blob: Hash,
    /// List of its instructions; zero if there is none.
    pub list: Hash,
}

impl core::fmt::Debug for Text {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Here(whole) => write!(f, "{} bytes", whole.bytes.len()),
            Self::Unread(names, _) => write!(f, "#{}", names.blob.short()),
        }
    }
}

impl From<Bytes> for Text {
    fn from(bytes: Bytes) -> Self {
        Self::Here(Arc::new(Whole {
            bytes,
            lists: Once::new(),
            blob: Once::new(),
        }))
    }
}

impl Text {
    /// A script with these bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Self {
        Bytes::from(bytes).into()
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Here(whole) => whole.bytes.len(),
            Self::Unread(names, _) => names.len as usize,
        }
    }

    /// Where it is, if it is not in memory.
    pub(crate) fn nodes(&self) -> Option<&Arc<dyn Nodes>> {
        match self {
            Self::Here(_) => None,
            Self::Unread(_, nodes) => Some(nodes),
        }
    }

    /// Whether there is no instruction.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All bytes.
    ///
    /// # Errors
    /// If they were not read yet and are not in the store.
    pub fn bytes(&self) -> Result<Bytes, HostError> {
        match self {
            Self::Here(whole) => Ok(Arc::clone(&whole.bytes)),
            Self::Unread(names, nodes) => {
                let bytes = node::read_blob(names.blob, &**nodes)?;
                if bytes.len() != self.len() {
                    return Err(node::bad(
                        names.blob,
                        &bytes,
                        "a script as long as its name says",
                    ));
                }
                Ok(bytes)
            }
        }
    }

    /// What the script is known by.
    #[must_use]
    pub fn names(&self) -> Names {
        match self {
            Self::Unread(names, _) => *names,
            Self::Here(whole) => Names {
                len: whole.bytes.len() as u32,
                blob: *whole
                    .blob
                    .call_once(|| node::name(&node::blob(&whole.bytes))),
                list: whole.list(0),
            },
        }
    }

    /// The list of the instructions from number `index` on, if the script is in memory.
    pub(crate) fn list(&self, index: u32) -> Option<Hash> {
        match self {
            Self::Here(whole) => Some(whole.list(index)),
            Self::Unread(..) => None,
        }
    }

    /// Puts the script into a sink.
    ///
    /// # Errors
    /// If the sink failed, or a node is missing.
    pub(crate) fn save(&self, sink: &mut dyn Sink) -> Result<(), HostError> {
        match self {
            Self::Unread(names, nodes) => {
                copy(names.blob, nodes, sink)?;
                save_list(names.list, nodes, sink)
            }
            Self::Here(whole) => {
                node::put(sink, &node::blob(&whole.bytes))?;
                whole.save_list(0, sink)
            }
        }
    }

    /// Puts the list of the instructions from number `index` on into a sink, if the script is in
    /// memory.
    ///
    /// # Errors
    /// If the sink failed.
    pub(crate) fn save_from(&self, index: u32, sink: &mut dyn Sink) -> Result<(), HostError> {
        match self {
            Self::Here(whole) => whole.save_list(index as usize, sink),
            Self::Unread(..) => Ok(()),
        }
    }
}

impl Whole {
    fn save_list(&self, from: usize, sink: &mut dyn Sink) -> Result<(), HostError> {
        let lists = self.lists().get(from..).unwrap_or_default();
        let mut missing = 0;
        // Another script may end with the same instructions.
        while missing + 1 < lists.len() && !sink.has(lists[missing].1)? {
            missing += 1;
        }
        let missing = lists.get(..=missing).unwrap_or_default();
        for pair in missing.windows(2).rev() {
            if let [(from, list), (to, rest)] = *pair {
                sink.put(list, &instruction(&self.bytes[from..to], rest))?;
            }
        }
        Ok(())
    }

    fn list(&self, index: u32) -> Hash {
        let lists = self.lists();
        lists
            .get(index as usize)
            .map_or(Hash::ZERO, |(_, list)| *list)
    }

    fn lists(&self) -> &[(usize, Hash)] {
        self.lists.call_once(|| {
            let mut lists: Vec<(usize, Hash)> = instr::instructions(&self.bytes)
                .map(|instr| (instr.map_or_else(|at| at, |(at, _)| at), Hash::ZERO))
                .collect();
            lists.push((self.bytes.len(), Hash::ZERO));
            for at in (0..lists.len() - 1).rev() {
                let ((from, _), (to, rest)) = (lists[at], lists[at + 1]);
                lists[at].1 = node::name(&instruction(&self.bytes[from..to], rest));
            }
            lists
        })
    }
}

/// Most bytes that are kept of an instruction that the script ends within.
const CUT_MAX: usize = 8;

/// The node of an instruction before a list of others.
fn instruction(raw: &[u8], rest: Hash) -> Vec<u8> {
    let read = instr::read(raw);
    let raw = if read.is_none() {
        &raw[..raw.len().min(CUT_MAX)]
    } else {
        raw
    };
    let mut bytes = Vec::with_capacity(33 + raw.len().min(PUSH_MAX + 5));
    let long = read.is_some_and(|instr| instr.data.len() > PUSH_MAX);
    bytes.push(if long { LONG_PUSH } else { INSTR });
    bytes.extend(rest.0);
    if long {
        bytes.push(raw[0]);
        bytes.extend((raw.len() as u32).to_be_bytes());
    } else {
        bytes.extend_from_slice(raw);
    }
    bytes
}

/// An instruction read from its node.
pub(crate) struct Read {
    raw: Bytes,
    long: bool,
    /// Length in the script, in bytes.
    pub(crate) len: usize,
    /// List of the instructions after it.
    pub(crate) rest: Hash,
}

/// Bytes before the instruction in its node.
const HEAD: usize = 33;

impl Read {
    /// The first instruction of a list.
    ///
    /// # Errors
    /// If the node is missing or another one.
    pub(crate) fn of(list: Hash, nodes: &dyn Nodes) -> Result<Self, HostError> {
        const WANT: &str = "an instruction of a script";
        let raw = nodes.get(list)?;
        if raw.first() == Some(&LONG_PUSH) {
            let mut fields = Fields::of(list, &raw, LONG_PUSH, WANT)?;
            let (rest, _) = (fields.hash()?, fields.byte()?);
            let len = fields.u32()? as usize;
            fields.end()?;
            let long = true;
            return Ok(Self {
                raw,
                long,
                len,
                rest,
            });
        }
        let mut fields = Fields::of(list, &raw, INSTR, WANT)?;
        let rest = fields.hash()?;
        let text = fields.rest()?;
        // An instruction that the script ends within is the last.
        let whole = instr::read(text).is_some_and(|instr| instr.len == text.len());
        let cut = instr::read(text).is_none() && !text.is_empty() && rest == Hash::ZERO;
        if !whole && !cut {
            return Err(node::bad(list, &raw, WANT));
        }
        let (long, len) = (false, text.len());
        Ok(Self {
            raw,
            long,
            len,
            rest,
        })
    }

    /// Its opcode.
    pub(crate) fn opcode(&self) -> u8 {
        self.raw[HEAD]
    }

    /// The instruction; `None` if the script ends within it.
    pub(crate) fn instr(&self) -> Option<Instr<'_>> {
        if self.long {
            // Longer than any rule set takes, and that is all that matters.
            const LONG: &[u8] = &[0; PUSH_MAX + 1];
            return Some(Instr {
                opcode: self.raw[HEAD],
                data: LONG,
                len: self.len,
            });
        }
        instr::read(&self.raw[HEAD..])
    }
}

/// The list after the instruction in a node.
///
/// # Errors
/// If the node is another one.
pub(crate) fn rest_of(list: Hash, node: &[u8]) -> Result<Hash, HostError> {
    let kind = if node.first() == Some(&LONG_PUSH) {
        LONG_PUSH
    } else {
        INSTR
    };
    Fields::of(list, node, kind, "an instruction of a script")?.hash()
}

/// Copies a node that has none below it.
fn copy(hash: Hash, nodes: &Arc<dyn Nodes>, sink: &mut dyn Sink) -> Result<(), HostError> {
    if !sink.has(hash)? {
        sink.put(hash, &nodes.get(hash)?)?;
    }
    Ok(())
}

/// Copies a list of instructions, the last one first.
pub(crate) fn save_list(
    list: Hash,
    nodes: &Arc<dyn Nodes>,
    sink: &mut dyn Sink,
) -> Result<(), HostError> {
    let mut missing = Vec::new();
    let mut at = list;
    while at != Hash::ZERO && !sink.has(at)? {
        missing.push((at, nodes.get(at)?));
        at = Read::of(at, &**nodes)?.rest;
    }
    for (hash, node) in missing.iter().rev() {
        sink.put(*hash, node)?;
    }
    Ok(())
}

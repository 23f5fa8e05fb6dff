//! A state as one file, verified against its root while it is read.
//!
//! A snapshot has a header and then the nodes of a state: each behind its length in four bytes, a
//! node before those under it, the first child first. Nothing else may follow. So equal states have
//! equal snapshots, each node is checked against the name the one above gave it as soon as it is
//! there, and what has to be kept in mind is one path of the state.
//!
//! A contract has the same code as its protocol, so code is written with the protocol alone.
//!
//! ```text
//! header    0  8  "AVMSNP\r\n"
//!           8  4  format version, 1
//!          12 32  state root
//!          44  4  height of the last block
//! record       4  length of a node, then the node
//! ```

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use avm_core::{Hash, HostError, MemoryNodes, Nodes, Sink};
use avm_merkle::map::{MapNode, VALUE_MAX};

use super::machine::RootNode;
use super::rows::{BlockRow, ContractRow, family};
use super::window;
use crate::script::forms::ContractNode;
use crate::script::node::{self, Fields};
use crate::script::text;

/// Begins every snapshot.
pub const MAGIC: [u8; 8] = *b"AVMSNP\r\n";
/// Format version this build reads and writes.
pub const VERSION: u32 = 1;
/// Bytes before the first record.
pub const HEADER_BYTES: usize = 48;
/// Longest node, in bytes: the longest value of a map, and its kind.
pub const NODE_MAX: usize = VALUE_MAX + 1;

/// Why bytes are not the snapshot of a state. Offsets are in bytes from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// Another file.
    #[error("the first bytes are not those of a snapshot, \"AVMSNP\\r\\n\"")]
    Magic,
    /// Another version.
    #[error("the snapshot has format version {found}, this build reads {VERSION}")]
    Version {
        /// The version.
        found: u32,
    },
    /// The bytes end early.
    #[error("the snapshot ends at byte {at}, node {want} is missing")]
    Ended {
        /// Where it ends.
        at: u64,
        /// The node that would follow.
        want: Hash,
    },
    /// A node that nothing can have.
    #[error("the node at byte {at} has {len} bytes, {NODE_MAX} at most are read")]
    Length {
        /// Offset of its length.
        at: u64,
        /// Its length.
        len: u32,
    },
    /// A node that is not the one that follows.
    #[error("the node at byte {at} is {found}, {want} is expected")]
    Name {
        /// Offset of its length.
        at: u64,
        /// Its name.
        found: Hash,
        /// The name the node above gives.
        want: Hash,
    },
    /// A node of the right name and the wrong form: the root is of no state.
    #[error("node {name} at byte {at} is not {want}")]
    Form {
        /// Offset of its length.
        at: u64,
        /// Its name.
        name: Hash,
        /// What was expected there.
        want: &'static str,
    },
    /// Code that no protocol has.
    #[error("a contract has code {code} that no protocol has")]
    Code {
        /// Name of the code.
        code: Hash,
    },
    /// The header's height is not that of the state.
    #[error("the header says height {header}, the state has {state}")]
    Height {
        /// In the header.
        header: u32,
        /// In the state.
        state: u32,
    },
    /// Bytes follow the last node.
    #[error("the state ends at byte {at}, bytes follow")]
    Trailing {
        /// Where it ends.
        at: u64,
    },
}

/// What the head of a snapshot says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Root of the state.
    pub root: Hash,
    /// Height of its last block.
    pub height: u32,
}

impl Header {
    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_be_bytes());
        bytes[12..44].copy_from_slice(&self.root.0);
        bytes[44..].copy_from_slice(&self.height.to_be_bytes());
        bytes
    }

    /// Reads [`Header::to_bytes`].
    ///
    /// # Errors
    /// If it is of another file or version.
    pub fn from_bytes(bytes: &[u8; HEADER_BYTES]) -> Result<Self, SnapshotError> {
        if bytes[..8] != MAGIC {
            return Err(SnapshotError::Magic);
        }
        let number = |at: usize| u32::from_be_bytes(*bytes[at..].first_chunk().expect("inside"));
        if number(8) != VERSION {
            return Err(SnapshotError::Version { found: number(8) });
        }
        Ok(Self {
            root: Hash(*bytes[12..].first_chunk().expect("inside")),
            height: number(44),
        })
    }
}

/// What a node is by its place.
#[derive(Clone, Copy, Debug)]
enum Part {
    Root,
    Params,
    /// Of the map of rows.
    Rows,
    /// The long value of a row of a family.
    Row(u8),
    /// Of a map whose values name nothing.
    Table,
    Value,
    /// The transactions of a block, and a bucket of them.
    Window,
    Bucket,
    Protocol,
    Contract,
    Code,
    Instruction,
}

/// Goes through a state, a node before those under it.
#[derive(Clone, Debug)]
struct Walk {
    /// What follows, the next one last.
    ahead: Vec<(Hash, Part)>,
    /// Code that contracts have, and code that was met.
    needed: BTreeSet<Hash>,
    met: BTreeSet<Hash>,
    height: Option<u32>,
}

type Want = &'static str;

impl Walk {
    fn new(root: Hash) -> Self {
        Self {
            ahead: Vec::from([(root, Part::Root)]),
            needed: BTreeSet::new(),
            met: BTreeSet::new(),
            height: None,
        }
    }

    fn next(&self) -> Option<Hash> {
        self.ahead.last().map(|(name, _)| *name)
    }

    fn push(&mut self, children: &[(Hash, Part)]) {
        let there = children
            .iter()
            .rev()
            .filter(|(name, _)| *name != Hash::ZERO);
        self.ahead.extend(there);
    }

    /// Takes the node that follows, which has its name, and puts those under it ahead.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Want> {
        let Some((name, part)) = self.ahead.pop() else {
            return Err("the end of the snapshot");
        };
        match part {
            Part::Root => {
                const WANT: Want = "a state of an index between blocks";
                let root = RootNode::read(name, bytes).map_err(|_| WANT)?;
                if root.work != Hash::ZERO || root.blocks == 0 {
                    return Err(WANT);
                }
                self.height = Some(root.blocks - 1);
                self.push(&[(root.params, Part::Params), (root.rows, Part::Rows)]);
            }
            Part::Params => {
                let params = super::machine::read_params(name, bytes);
                let params = params.map_err(|_| "the parameters of an index")?;
                self.height = self.height.map(|above| params.start + above);
            }
            Part::Rows | Part::Table => self.take_entry(bytes, matches!(part, Part::Rows))?,
            Part::Row(family) => match MapNode::read(bytes) {
                Some(MapNode::Value(value)) => self.take_row(family, value)?,
                _ => return Err("a long value of a map"),
            },
            Part::Value => match MapNode::read(bytes) {
                Some(MapNode::Value(_)) => {}
                _ => return Err("a long value of a map"),
            },
            Part::Window => {
                let buckets = window::read_top(name, bytes);
                let buckets = buckets.map_err(|_| "the transactions of a block")?;
                self.push(&buckets.map(|bucket| (bucket, Part::Bucket)));
            }
            Part::Bucket => {
                let checked = window::check_bucket(name, bytes);
                checked.map_err(|_| "a bucket of transactions")?;
            }
            Part::Protocol | Part::Contract => {
                let contract = ContractNode::read(name, bytes).map_err(|_| "a contract")?;
                let code = contract.code;
                self.push(&contract.tables.map(|table| (table, Part::Table)));
                if matches!(part, Part::Contract) {
                    self.needed.insert(code.blob);
                } else if self.met.insert(code.blob) {
                    self.push(&[(code.blob, Part::Code), (code.list, Part::Instruction)]);
                }
            }
            Part::Code => {
                Fields::of(name, bytes, node::BLOB, "code").map_err(|_| "code")?;
            }
            Part::Instruction => {
                let rest = text::rest_of(name, bytes).map_err(|_| "an instruction of a script")?;
                self.push(&[(rest, Part::Instruction)]);
            }
        }
        Ok(())
    }

    fn take_entry(&mut self, bytes: &[u8], rows: bool) -> Result<(), Want> {
        let part = if rows { Part::Rows } else { Part::Table };
        match MapNode::read(bytes) {
            Some(MapNode::Branch(sides)) => self.push(&sides.map(|side| (side, part))),
            Some(MapNode::Leaf(key, value)) if rows => {
                return self.take_row(key.first().copied().unwrap_or(0), value);
            }
            Some(MapNode::Leaf(..)) => {}
            Some(MapNode::Long(key, name)) => {
                let family = key.first().copied().unwrap_or(0);
                let part = if rows { Part::Row(family) } else { Part::Value };
                self.push(&[(name, part)]);
            }
            Some(MapNode::Value(_)) | None => return Err("a node of a map"),
        }
        Ok(())
    }

    fn take_row(&mut self, family: u8, value: &[u8]) -> Result<(), Want> {
        match family {
            family::CONTRACT => {
                let row = ContractRow::from_bytes(value).map_err(|_| "the row of a contract")?;
                self.push(&[(row.node, Part::Contract)]);
            }
            family::PROTOCOL => {
                let name = value.try_into().map_err(|_| "the row of a protocol")?;
                self.push(&[(Hash(name), Part::Protocol)]);
            }
            family::BLOCK => {
                let row = BlockRow::from_bytes(value).map_err(|_| "the row of a block")?;
                self.push(&[(row.txs, Part::Window)]);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Writes the snapshot of a state between blocks; returns how many nodes it has.
///
/// # Errors
/// If a node is missing or is not what its place calls for, or `out` fails.
pub fn write(
    root: Hash,
    nodes: &dyn Nodes,
    out: &mut dyn FnMut(&[u8]) -> Result<(), HostError>,
) -> Result<u64, HostError> {
    // The height is in the second node; the header comes before both.
    let mut first = Walk::new(root);
    for _ in 0..2 {
        let name = first.next().unwrap_or(root);
        let bytes = nodes.get(name)?;
        let taken = first.take(&bytes);
        taken.map_err(|want| node::bad(name, &bytes, want))?;
    }
    let height = first.height.unwrap_or(0);
    out(&Header { root, height }.to_bytes())?;
    let mut walk = Walk::new(root);
    let mut written = 0;
    while let Some(name) = walk.next() {
        let bytes = nodes.get(name)?;
        walk.take(&bytes)
            .map_err(|want| node::bad(name, &bytes, want))?;
        out(&(bytes.len() as u32).to_be_bytes())?;
        out(&bytes)?;
        written += 1;
    }
    Ok(written)
}

/// A snapshot that is read, node after node.
#[derive(Clone, Debug)]
pub struct Reading {
    header: Header,
    walk: Walk,
    at: u64,
}

impl Reading {
    /// Begins behind the header.
    #[must_use]
    pub fn new(header: Header) -> Self {
        Self {
            header,
            walk: Walk::new(header.root),
            at: HEADER_BYTES as u64,
        }
    }

    /// Whether the state is whole; nothing may follow.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.walk.ahead.is_empty()
    }

    /// The node that follows; `None` if the state is whole.
    #[must_use]
    pub fn next(&self) -> Option<Hash> {
        self.walk.next()
    }

    /// Offset of the next record.
    #[must_use]
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Checks the length of the next node, before its bytes are read.
    ///
    /// # Errors
    /// If nothing may follow, or the length is that of no node.
    pub fn length(&self, len: u32) -> Result<usize, SnapshotError> {
        let at = self.at;
        match len as usize {
            _ if self.is_whole() => Err(SnapshotError::Trailing { at }),
            bytes if bytes > NODE_MAX => Err(SnapshotError::Length { at, len }),
            bytes => Ok(bytes),
        }
    }

    /// Takes the next node: its name.
    ///
    /// # Errors
    /// If it is not the node that follows.
    pub fn node(&mut self, bytes: &[u8]) -> Result<Hash, SnapshotError> {
        let at = self.at;
        let Some(want) = self.walk.next() else {
            return Err(SnapshotError::Trailing { at });
        };
        let found = node::name(bytes);
        if found != want {
            return Err(SnapshotError::Name { at, found, want });
        }
        let name = found;
        let taken = self.walk.take(bytes);
        taken.map_err(|want| SnapshotError::Form { at, name, want })?;
        self.at += 4 + bytes.len() as u64;
        Ok(found)
    }

    /// Ends: the state must be whole.
    ///
    /// # Errors
    /// If a node is missing, or the header says another height.
    pub fn end(self) -> Result<Header, SnapshotError> {
        let at = self.at;
        if let Some(want) = self.walk.next() {
            return Err(SnapshotError::Ended { at, want });
        }
        if let Some(code) = self.walk.needed.difference(&self.walk.met).next() {
            return Err(SnapshotError::Code { code: *code });
        }
        let state = self.walk.height.unwrap_or(0);
        let header = self.header.height;
        if state != header {
            return Err(SnapshotError::Height { header, state });
        }
        Ok(self.header)
    }
}

/// Whether bytes begin like a snapshot.
#[must_use]
pub fn is_snapshot(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Reads a whole snapshot into memory.
///
/// # Errors
/// Where and how the bytes differ from the snapshot of a state.
pub fn read(bytes: &[u8]) -> Result<(Header, MemoryNodes), SnapshotError> {
    let (header, mut rest) = bytes
        .split_first_chunk::<HEADER_BYTES>()
        .ok_or(SnapshotError::Magic)?;
    let mut reading = Reading::new(Header::from_bytes(header)?);
    let mut nodes = MemoryNodes::default();
    while !rest.is_empty() || !reading.is_whole() {
        let ended = |reading: &Reading| SnapshotError::Ended {
            at: reading.at() + rest.len() as u64,
            want: reading.walk.next().unwrap_or(Hash::ZERO),
        };
        let Some((len, tail)) = rest.split_first_chunk() else {
            return Err(match reading.is_whole() {
                true => SnapshotError::Trailing { at: reading.at() },
                false => ended(&reading),
            });
        };
        let len = reading.length(u32::from_be_bytes(*len))?;
        let Some((bytes, tail)) = tail.split_at_checked(len) else {
            return Err(ended(&reading));
        };
        let name = reading.node(bytes)?;
        let put = nodes.put(name, bytes);
        put.expect("memory takes every node");
        rest = tail;
    }
    Ok((reading.end()?, nodes))
}

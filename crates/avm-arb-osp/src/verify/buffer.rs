//! Buffer opcodes, and the sections of the buffer proof. Spec: sections 9 and 15.

use avm_core::Hash;
use ruint::aliases::U256;

use super::step::{Step, Stop};
use super::tree::{self, WORD, Word};
use super::value::Value;
use super::{Mode, Refusal};

type Done = Result<(), Stop>;

/// Bytes of the header: where the four sections begin, and where the last one ends.
const INDEXES: usize = 5;

pub(super) fn newbuffer(step: &mut Step<'_>) -> Done {
    step.push(Value::Buffer(tree::zero_leaf()));
    Ok(())
}

/// Reads `LENGTH` bytes, big-endian.
pub(super) fn get<const LENGTH: usize>(step: &mut Step<'_>) -> Done {
    let offset = step.pop();
    let root = step.pop_buffer()?;
    let range = Range::<LENGTH>::at(&offset)?;
    let sections = Sections::read(step.buffer_proof)?;
    let mut words = [0; 2 * WORD];
    words[..WORD].copy_from_slice(&tree::read(root, range.leaf, sections.first.path)?);
    if range.crosses() {
        words[WORD..].copy_from_slice(&tree::read(root, range.leaf + 1, sections.second.path)?);
    }
    let mut value = [0; 32];
    value[32 - LENGTH..].copy_from_slice(&words[range.within..][..LENGTH]);
    step.push_int(U256::from_be_bytes(value));
    Ok(())
}

/// Writes `LENGTH` bytes, big-endian. The offset is on top, the value below, then the buffer.
///
/// Where they cross into another leaf, the second write is to the buffer that the first one made.
pub(super) fn set<const LENGTH: usize>(step: &mut Step<'_>) -> Done {
    let offset = step.pop();
    let value = step.pop_int()?;
    let root = step.pop_buffer()?;
    let range = Range::<LENGTH>::at(&offset)?;
    if value.bit_len() > 8 * LENGTH {
        return Err(Stop::Fault);
    }
    let bytes = &value.to_be_bytes::<32>()[32 - LENGTH..];
    let sections = Sections::read(step.buffer_proof)?;
    let (head, rest) = bytes.split_at(LENGTH.min(WORD - range.within));
    let mut root = write(
        step.mode,
        root,
        range.leaf,
        range.within,
        head,
        &sections.first,
    )?;
    if range.crosses() {
        root = write(step.mode, root, range.leaf + 1, 0, rest, &sections.second)?;
    }
    step.push(Value::Buffer(root));
    Ok(())
}

/// The root after writing `bytes` at `within` a leaf.
fn write(
    mode: Mode,
    root: Hash,
    leaf: u64,
    within: usize,
    bytes: &[u8],
    access: &Access<'_>,
) -> Result<Hash, Refusal> {
    let mut word = tree::read(root, leaf, access.path)?;
    word[within..][..bytes.len()].copy_from_slice(bytes);
    tree::write(mode, root, leaf, &word, access.path, access.normalisation)
}

/// `LENGTH` bytes of a buffer.
struct Range<const LENGTH: usize> {
    /// Index of the leaf that holds the first byte.
    leaf: u64,
    /// Where the first byte is in that leaf.
    within: usize,
}

impl<const LENGTH: usize> Range<LENGTH> {
    /// The bytes from `offset` on; an error of the machine unless all have an offset below 2^64.
    fn at(offset: &Value) -> Result<Self, Stop> {
        let Value::Int(offset) = *offset else {
            return Err(Stop::Fault);
        };
        let offset = u64::try_from(offset).map_err(|_| Stop::Fault)?;
        offset.checked_add(LENGTH as u64 - 1).ok_or(Stop::Fault)?;
        Ok(Self {
            leaf: offset / WORD as u64,
            within: (offset % WORD as u64) as usize,
        })
    }

    /// Whether the bytes do not lie in one leaf.
    fn crosses(&self) -> bool {
        self.within + LENGTH > WORD
    }
}

/// What the buffer proof says about one leaf.
#[derive(Clone, Copy)]
pub(super) struct Access<'a> {
    /// The leaf, and the siblings of the nodes above it.
    pub(super) path: &'a [Word],
    pub(super) normalisation: &'a [Word],
}

/// A buffer proof. Spec: section 15.
pub(super) struct Sections<'a> {
    pub(super) first: Access<'a>,
    pub(super) second: Access<'a>,
}

impl<'a> Sections<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let [b0, b1, b2, b3, b4] = indexes(bytes)?;
        Ok(Self {
            first: Access {
                path: section(bytes, b0, b1)?,
                normalisation: section(bytes, b1, b2)?,
            },
            second: Access {
                path: section(bytes, b2, b3)?,
                normalisation: section(bytes, b3, b4)?,
            },
        })
    }
}

/// Refuses a buffer proof that is not the only way to write what it says: a header of a whole word
/// that is zero behind the indexes, and sections that follow each other to the end.
pub(super) fn check_form(bytes: &[u8]) -> Result<(), Refusal> {
    if bytes.is_empty() {
        return Ok(());
    }
    let indexes = indexes(bytes)?;
    let fills = bytes.len() == WORD * usize::from(indexes[INDEXES - 1]);
    if !fills
        || indexes[0] != 1
        || !indexes.is_sorted()
        || bytes[INDEXES..WORD] != [0; WORD - INDEXES]
    {
        return Err(Refusal::BufferHeader {
            length: bytes.len(),
        });
    }
    Ok(())
}

fn indexes(bytes: &[u8]) -> Result<[u8; INDEXES], Refusal> {
    let header = bytes.first_chunk::<INDEXES>();
    header.copied().ok_or(Refusal::BufferHeaderLength {
        length: bytes.len(),
    })
}

/// The words from `start` to before `end`. As on chain, the difference is one of bytes.
fn section(bytes: &[u8], start: u8, end: u8) -> Result<&[Word], Refusal> {
    let start = usize::from(start);
    let end = start + usize::from(end.wrapping_sub(start as u8));
    let (words, _) = bytes.as_chunks::<WORD>();
    // an empty section may begin anywhere
    if start == end {
        return Ok(&[]);
    }
    words.get(start..end).ok_or(Refusal::BufferSection {
        end,
        length: bytes.len(),
    })
}

//! Finding the blocks in the files, and reading one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bitcoin::block::Header;
use bitcoin::consensus::deserialize;
use bitcoin::{Network, Target};

use super::{Place, path_of};
use crate::block::{HEADER_BYTES, MAX_BYTES, MIN_BYTES};
use crate::{BlockHash, SourceError, block};

/// Magic and length before each block.
const FRAME: u64 = 8;
const BUFFER: usize = 1 << 16;

/// The files, and how far they have been read.
#[derive(Debug)]
pub(super) struct Scanner {
    dir: PathBuf,
    magic: [u8; 4],
    /// Target of the least work that the network allows.
    easiest: Target,
    key: [u8; 8],
    /// Offset in each file after the last block found.
    ends: BTreeMap<u32, u64>,
}

impl Scanner {
    pub fn new(dir: &Path, network: Network) -> Result<Self, SourceError> {
        Ok(Self {
            dir: dir.to_owned(),
            magic: network.magic().to_bytes(),
            easiest: network.params().max_attainable_target,
            key: read_key(&dir.join("xor.dat"))?,
            ends: BTreeMap::new(),
        })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Finds all blocks, or those appended since the last call.
    pub fn scan(&mut self, found: &mut dyn FnMut(&Header, Place)) -> Result<(), SourceError> {
        for number in self.numbers()? {
            let path = path_of(&self.dir, number);
            let from = self.ends.get(&number).copied();
            let end = self.scan_file(&path, number, from, found);
            match end {
                Ok(end) => self.ends.insert(number, end),
                // A node that prunes removes files.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(SourceError::io(&path)(error)),
            };
        }
        Ok(())
    }

    /// Numbers of the block files there are, ascending.
    fn numbers(&self) -> Result<Vec<u32>, SourceError> {
        let fail = || SourceError::io(&self.dir);
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(fail())? {
            let name = entry.map_err(fail())?.file_name();
            let number = name.to_str().and_then(|name| {
                let digits = name.strip_prefix("blk")?.strip_suffix(".dat")?;
                let number = digits.parse().ok()?;
                (*path_of(Path::new(""), number) == *name).then_some(number)
            });
            numbers.extend(number);
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Finds the blocks of one file; returns the offset after the last one.
    ///
    /// What is no block is passed over, to the next magic: nodes do the same. Files were seen to
    /// hold the beginning of a block whose node crashed, and zeros made ahead of their use.
    fn scan_file(
        &self,
        path: &Path,
        number: u32,
        from: Option<u64>,
        found: &mut dyn FnMut(&Header, Place),
    ) -> io::Result<u64> {
        let len = fs::metadata(path)?.len();
        let mut end = from.unwrap_or(0);
        if len < end + FRAME {
            return Ok(end);
        }
        let file = File::open(path)?;
        let mut input = Masked::new(file, self.key, end)?;
        let mut head = [0; FRAME as usize + HEADER_BYTES];
        // In a file read before, zeros are space the node has not used yet.
        if from.is_some() && input.is_zero(FRAME)? {
            return Ok(end);
        }
        let mut at = end;
        while at + (head.len() as u64) < len {
            input.seek(at)?;
            input.fill(&mut head)?;
            let block = self.block_at(&head, len - at);
            let whole = match &block {
                Some((_, bytes)) => self.is_whole(&mut input, at, *bytes, len)?,
                None => false,
            };
            match block.filter(|_| whole) {
                Some((header, bytes)) => {
                    if let Ok(offset) = u32::try_from(at + FRAME) {
                        let place = Place {
                            file: number,
                            offset,
                            len: bytes,
                        };
                        found(&header, place);
                    }
                    at += FRAME + u64::from(bytes);
                    end = at;
                }
                None => match input.find(self.magic, at + 1, len)? {
                    Some(next) => at = next,
                    None => break,
                },
            }
        }
        Ok(end)
    }

    /// Header and length of the block that begins here, if one does that is whole.
    fn block_at(&self, head: &[u8], left: u64) -> Option<(Header, u32)> {
        let (magic, rest) = head.split_first_chunk::<4>()?;
        let (len, header) = rest.split_first_chunk::<4>()?;
        let len = u32::from_le_bytes(*len);
        let fits = (MIN_BYTES..=MAX_BYTES).contains(&(len as usize));
        if *magic != self.magic || !fits || FRAME + u64::from(len) > left {
            return None;
        }
        let header: Header = deserialize(header).ok()?;
        // Its work counts only if it was done, and is at least what the network asks for.
        let target = header.target();
        let real = target.to_compact_lossy() == header.bits && target <= self.easiest;
        header.validate_pow(target).ok().filter(|_| real)?;
        Some((header, len))
    }

    /// Whether the block at `at` is all there. It is if the file ends after it or another block
    /// begins. Otherwise the node may be writing it still, or crashed while it did; then every
    /// byte is checked.
    fn is_whole(&self, input: &mut Masked, at: u64, bytes: u32, len: u64) -> io::Result<bool> {
        let end = at + FRAME + u64::from(bytes);
        if end == len {
            return Ok(true);
        }
        let mut next = vec![0; (len - end).min(4) as usize];
        input.seek(end)?;
        input.fill(&mut next)?;
        if next == self.magic {
            return Ok(true);
        }
        let mut block = vec![0; bytes as usize];
        input.seek(at + FRAME)?;
        input.fill(&mut block)?;
        Ok(block::check(block::name(&block), &block).is_ok())
    }

    /// Reads a block.
    pub fn read(&self, hash: BlockHash, place: Place) -> Result<Vec<u8>, SourceError> {
        let path = path_of(&self.dir, place.file);
        let mut bytes = vec![0; place.len as usize];
        let mut read = || {
            let mut input = Masked::new(File::open(&path)?, self.key, place.offset.into())?;
            input.fill(&mut bytes)
        };
        match read() {
            Ok(()) => Ok(bytes),
            // Pruned since it was found.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(SourceError::Missing { hash })
            }
            Err(error) => Err(SourceError::io(&path)(error)),
        }
    }
}

fn read_key(path: &Path) -> Result<[u8; 8], SourceError> {
    let bytes = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok([0; 8]),
        Ok(meta) if meta.len() == 8 => fs::read(path).map_err(SourceError::io(path))?,
        Ok(meta) => {
            return Err(SourceError::FileLength {
                path: path.to_owned(),
                what: "the key",
                found: meta.len(),
                expected: 8,
            });
        }
        Err(error) => return Err(SourceError::io(path)(error)),
    };
    let found = bytes.len() as u64;
    bytes.try_into().map_err(|_| SourceError::FileLength {
        path: path.to_owned(),
        what: "the key",
        found,
        expected: 8,
    })
}

/// A file whose bytes are masked by their offset.
struct Masked {
    file: BufReader<File>,
    key: [u8; 8],
    at: u64,
}

impl Masked {
    fn new(file: File, key: [u8; 8], at: u64) -> io::Result<Self> {
        let mut file = BufReader::with_capacity(BUFFER, file);
        file.seek(SeekFrom::Start(at))?;
        Ok(Self { file, key, at })
    }

    fn seek(&mut self, at: u64) -> io::Result<()> {
        // Relative, so that what is in the buffer is used.
        self.file.seek_relative(at.wrapping_sub(self.at) as i64)?;
        self.at = at;
        Ok(())
    }

    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact(bytes)?;
        self.unmask(bytes);
        Ok(())
    }

    fn unmask(&mut self, bytes: &mut [u8]) {
        if self.key != [0; 8] {
            let start = (self.at % 8) as usize;
            let key = self.key.iter().cycle().skip(start);
            bytes
                .iter_mut()
                .zip(key)
                .for_each(|(byte, key)| *byte ^= key);
        }
        self.at += bytes.len() as u64;
    }

    /// Whether the next `len` bytes are zero in the file, so before the mask is taken off.
    fn is_zero(&mut self, len: u64) -> io::Result<bool> {
        let mut bytes = vec![0; len as usize];
        self.file.read_exact(&mut bytes)?;
        self.at += len;
        Ok(bytes.iter().all(|&byte| byte == 0))
    }

    /// Offset of the next `magic` at or after `from`.
    fn find(&mut self, magic: [u8; 4], from: u64, len: u64) -> io::Result<Option<u64>> {
        self.seek(from)?;
        let mut window = Vec::with_capacity(BUFFER + 3);
        while self.at < len {
            let old = window.len();
            let more = (len - self.at).min(BUFFER as u64) as usize;
            window.resize(old + more, 0);
            self.fill(&mut window[old..])?;
            if let Some(index) = window.windows(4).position(|bytes| bytes == magic) {
                return Ok(Some(self.at - (window.len() - index) as u64));
            }
            // The magic may lie across two pieces.
            window.drain(..window.len().saturating_sub(3));
        }
        Ok(None)
    }
}

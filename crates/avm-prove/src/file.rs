//! Proof files: everything that is needed to check a proof offline.
//!
//! ```text
//!  0  8  "AVMPRF\r\n"
//!  8  4  format version, 1
//! 12  1  kind: 1 a run, 2 a key
//! 13     machine id, spec id: each one byte of length, then text
//!        the proof, as its kind has it
//!        the first 8 bytes of the Keccak-256 of everything before
//!
//! a run                                        a key
//!  40  agreed log head: length, root            32  state
//! 120  claim before                              2  length of the key, then the key, UTF-8
//! 120  claim after                               1  1 if there is a value, else 0
//!   1  0: at most so many steps; 1: one input     4  length of the value, then the value
//!   8  steps; 0 for one input                        nodes
//!      nodes
//!   4  number of inputs, and of each:           nodes
//!      4  length, then the input                  4  number of nodes, and of each:
//!      1  hashes of its path, 32 bytes each          4  length, then the node
//! ```
//!
//! Numbers are big-endian. The checksum finds damage, no more: what makes a proof good is that it
//! verifies. `docs/design/proof-format.md` has a worked example.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use avm_core::{Bytes, Claim, Hash, Vm};
use avm_merkle::LogHead;

use crate::{LogItem, Until, VerifyError, Witness, verify_run};

/// The first bytes of a proof file.
pub const MAGIC: [u8; 8] = *b"AVMPRF\r\n";
/// Format version that is written and read.
pub const VERSION: u32 = 1;
/// Longest proof file that is read.
pub const MAX_FILE_BYTES: usize = 256 << 20;
/// Length of the checksum at the end.
const SUM: usize = 8;

/// A proof with all that is needed to check it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofFile {
    /// Id of the machine, as [`Vm::id`](avm_core::Vm::id).
    pub machine: String,
    /// Name of the rules, as [`Vm::spec`](avm_core::Vm::spec).
    pub spec: String,
    /// What is proved, and how.
    pub proof: Proof,
}

/// What a proof file proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A run.
    Run(Box<RunProof>),
    /// A key.
    Key(KeyProof),
}

/// Under an agreed log, one claim leads to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunProof {
    /// Length and root of the agreed log.
    pub log: LogHead,
    /// The claim before.
    pub pre: Claim,
    /// How far the run goes.
    pub until: Until,
    /// The claim after.
    pub post: Claim,
    /// What the run reads.
    pub witness: Witness,
}

impl RunProof {
    /// [`verify_run`] of this proof.
    ///
    /// # Errors
    /// Why the proof is refused.
    pub fn verify(&self, vm: &dyn Vm, max_steps: u64) -> Result<(), VerifyError> {
        let Self {
            log,
            pre,
            until,
            post,
            witness,
        } = self;
        verify_run(vm, log, pre, *until, post, witness, max_steps)
    }
}

/// A state says something about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProof {
    /// Name of the state.
    pub state: Hash,
    /// The key, as the machine names it.
    pub key: String,
    /// What the state has there.
    pub value: Option<Vec<u8>>,
    /// The nodes on the way, in ascending order of their names.
    pub nodes: Vec<Bytes>,
}

/// Why bytes are no proof file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Not a proof file at all.
    #[error("the first bytes are not those of a proof file")]
    Magic,
    /// Another format.
    #[error("format version {got}, this build reads {VERSION}")]
    Version {
        /// Version found.
        got: u32,
    },
    /// Longer than any proof that is read.
    #[error("{got} bytes, a proof file has at most {MAX_FILE_BYTES}")]
    TooLong {
        /// Length found.
        got: usize,
    },
    /// It ends too early, or a length in it is too large.
    #[error("{what} at byte {at} takes {want} bytes, {left} are left")]
    Short {
        /// What was read.
        what: &'static str,
        /// Offset.
        at: usize,
        /// Bytes it takes.
        want: u64,
        /// Bytes left.
        left: usize,
    },
    /// A byte that says how to go on says nothing.
    #[error("{what} at byte {at} is {got}, not {want}")]
    Tag {
        /// What was read.
        what: &'static str,
        /// Offset.
        at: usize,
        /// Found.
        got: u64,
        /// Expected.
        want: &'static str,
    },
    /// A name that is not text.
    #[error("{what} at byte {at} is not UTF-8")]
    Text {
        /// What was read.
        what: &'static str,
        /// Offset.
        at: usize,
    },
    /// Bytes between the end of the proof and the checksum.
    #[error("{count} bytes follow the end of the proof at byte {at}")]
    Trailing {
        /// Offset.
        at: usize,
        /// How many.
        count: usize,
    },
    /// The file was damaged.
    #[error("the checksum does not match: the file was damaged")]
    Checksum,
}

impl ProofFile {
    /// The file.
    ///
    /// # Panics
    /// If an id is longer than 255 bytes, a key than 65 535, or a part than 4 GiB.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer(Vec::new());
        out.0.extend(MAGIC);
        out.0.extend(VERSION.to_be_bytes());
        out.0.push(match self.proof {
            Proof::Run(_) => 1,
            Proof::Key(_) => 2,
        });
        for name in [&self.machine, &self.spec] {
            out.0
                .push(u8::try_from(name.len()).expect("an id is short"));
            out.0.extend(name.as_bytes());
        }
        match &self.proof {
            Proof::Run(run) => out.run(run),
            Proof::Key(key) => out.key(key),
        }
        let sum = Hash::keccak(&out.0);
        out.0.extend(&sum.0[..SUM]);
        out.0
    }

    /// The inverse of [`ProofFile::to_bytes`], for any bytes.
    ///
    /// # Errors
    /// What was read, found and expected.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FileError> {
        if bytes.len() > MAX_FILE_BYTES {
            return Err(FileError::TooLong { got: bytes.len() });
        }
        let mut input = Reader { bytes, at: 0 };
        if input.array::<8>("the magic") != Ok(MAGIC) {
            return Err(FileError::Magic);
        }
        let got = u32::from_be_bytes(input.array("the version")?);
        if got != VERSION {
            return Err(FileError::Version { got });
        }
        let body = bytes.len().saturating_sub(SUM);
        if Hash::keccak(&bytes[..body]).0[..SUM] != bytes[body..] {
            return Err(FileError::Checksum);
        }
        input.bytes = &bytes[..body];
        let kind = input.tag("the kind of proof", 1..=2, "1 or 2")?;
        let machine = input.text("the machine id", |input, what| input.tag(what, 0..=255, ""))?;
        let spec = input.text("the spec id", |input, what| input.tag(what, 0..=255, ""))?;
        let proof = if kind == 1 {
            Proof::Run(Box::new(input.run()?))
        } else {
            Proof::Key(input.key()?)
        };
        let (at, count) = (input.at, body - input.at);
        if count > 0 {
            return Err(FileError::Trailing { at, count });
        }
        Ok(Self {
            machine,
            spec,
            proof,
        })
    }
}

impl Witness {
    /// The witness as a proof file has it: what a dispute sends.
    ///
    /// # Panics
    /// If a part is longer than 4 GiB, or a path than 255 hashes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(self.len_bytes()));
        out.witness(self);
        out.0
    }

    /// The inverse of [`Witness::to_bytes`], for any bytes.
    ///
    /// # Errors
    /// What was read, found and expected.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FileError> {
        let mut input = Reader { bytes, at: 0 };
        let witness = input.witness()?;
        let (at, count) = (input.at, bytes.len() - input.at);
        if count > 0 {
            return Err(FileError::Trailing { at, count });
        }
        Ok(witness)
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn run(&mut self, run: &RunProof) {
        self.0.extend(run.log.to_bytes());
        self.0.extend(run.pre.to_bytes());
        self.0.extend(run.post.to_bytes());
        let (kind, steps) = match run.until {
            Until::Steps(steps) => (0, steps),
            Until::Input => (1, 0),
        };
        self.0.push(kind);
        self.0.extend(steps.to_be_bytes());
        self.witness(&run.witness);
    }

    fn key(&mut self, key: &KeyProof) {
        self.0.extend(key.state.0);
        let len = u16::try_from(key.key.len()).expect("a key is short");
        self.0.extend(len.to_be_bytes());
        self.0.extend(key.key.as_bytes());
        self.0.push(u8::from(key.value.is_some()));
        self.part(key.value.as_deref().unwrap_or_default());
        self.nodes(&key.nodes);
    }

    fn count(&mut self, count: usize) {
        let count = u32::try_from(count).expect("a part of a proof is below 4 GiB");
        self.0.extend(count.to_be_bytes());
    }

    fn part(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend(bytes);
    }

    fn nodes(&mut self, nodes: &[Bytes]) {
        self.count(nodes.len());
        nodes.iter().for_each(|node| self.part(node));
    }

    fn witness(&mut self, witness: &Witness) {
        self.nodes(&witness.nodes);
        self.count(witness.inputs.len());
        for item in &witness.inputs {
            self.part(&item.bytes);
            self.0
                .push(u8::try_from(item.path.len()).expect("a path has at most 64 hashes"));
            item.path.iter().for_each(|hash| self.0.extend(hash.0));
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, what: &'static str, want: u64) -> Result<&'a [u8], FileError> {
        let left = self.bytes.len().saturating_sub(self.at);
        let at = self.at;
        match usize::try_from(want) {
            Ok(len) if len <= left => {
                self.at += len;
                Ok(&self.bytes[at..at + len])
            }
            _ => Err(FileError::Short {
                what,
                at,
                want,
                left,
            }),
        }
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], FileError> {
        let bytes = self.take(what, N as u64)?;
        Ok(bytes.try_into().expect("as many bytes as were asked for"))
    }

    fn tag(
        &mut self,
        what: &'static str,
        allowed: core::ops::RangeInclusive<u8>,
        want: &'static str,
    ) -> Result<u64, FileError> {
        let at = self.at;
        let [tag] = self.array(what)?;
        let got = u64::from(tag);
        if allowed.contains(&tag) {
            return Ok(got);
        }
        Err(FileError::Tag {
            what,
            at,
            got,
            want,
        })
    }

    fn count(&mut self, what: &'static str) -> Result<u64, FileError> {
        Ok(u64::from(u32::from_be_bytes(self.array(what)?)))
    }

    fn text(
        &mut self,
        what: &'static str,
        len: impl FnOnce(&mut Self, &'static str) -> Result<u64, FileError>,
    ) -> Result<String, FileError> {
        let at = self.at;
        let len = len(self, what)?;
        let bytes = self.take(what, len)?;
        let text = core::str::from_utf8(bytes).map_err(|_| FileError::Text { what, at })?;
        Ok(text.into())
    }

    fn part(&mut self, what: &'static str) -> Result<Bytes, FileError> {
        let len = self.count(what)?;
        Ok(self.take(what, len)?.into())
    }

    /// Parts of at least `least` bytes each; room is made for no more than can be there.
    fn parts<T>(
        &mut self,
        what: &'static str,
        least: usize,
        mut part: impl FnMut(&mut Self) -> Result<T, FileError>,
    ) -> Result<Vec<T>, FileError> {
        let at = self.at;
        let count = self.count(what)?;
        let left = self.bytes.len() - self.at;
        let want = count * least as u64;
        if want > left as u64 {
            return Err(FileError::Short {
                what,
                at,
                want,
                left,
            });
        }
        (0..count).map(|_| part(self)).collect()
    }

    fn nodes(&mut self) -> Result<Vec<Bytes>, FileError> {
        self.parts("the list of nodes", 4, |input| input.part("a node"))
    }

    fn witness(&mut self) -> Result<Witness, FileError> {
        let nodes = self.nodes()?;
        let inputs = self.parts("the list of inputs", 5, |input| {
            let bytes = input.part("an input")?;
            let hashes = input.tag("the length of a path", 0..=64, "at most 64")?;
            let path = (0..hashes).map(|_| Ok(Hash(input.array("a hash of a path")?)));
            Ok(LogItem {
                bytes,
                path: path.collect::<Result<_, FileError>>()?,
            })
        })?;
        Ok(Witness { nodes, inputs })
    }

    fn run(&mut self) -> Result<RunProof, FileError> {
        let log = LogHead::from_bytes(&self.array("the log head")?);
        let pre = Claim::from_bytes(&self.array("the claim before")?);
        let post = Claim::from_bytes(&self.array("the claim after")?);
        let kind = self.tag("how far the run goes", 0..=1, "0 or 1")?;
        let at = self.at;
        let steps = u64::from_be_bytes(self.array("the number of steps")?);
        let until = match (kind, steps) {
            (0, steps) => Until::Steps(steps),
            (_, 0) => Until::Input,
            (_, got) => {
                return Err(FileError::Tag {
                    what: "the number of steps",
                    at,
                    got,
                    want: "0, as for all of one input",
                });
            }
        };
        let witness = self.witness()?;
        Ok(RunProof {
            log,
            pre,
            until,
            post,
            witness,
        })
    }

    fn key(&mut self) -> Result<KeyProof, FileError> {
        let state = Hash(self.array("the state")?);
        let key = self.text("the key", |input, what| {
            Ok(u64::from(u16::from_be_bytes(input.array(what)?)))
        })?;
        let found = self.tag("whether there is a value", 0..=1, "0 or 1")?;
        let at = self.at;
        let value = self.part("the value")?;
        if found == 0 && !value.is_empty() {
            return Err(FileError::Tag {
                what: "the length of a value that is not there",
                at,
                got: value.len() as u64,
                want: "0",
            });
        }
        Ok(KeyProof {
            state,
            key,
            value: (found == 1).then(|| value.to_vec()),
            nodes: self.nodes()?,
        })
    }
}

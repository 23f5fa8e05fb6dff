//! The roots that a log records, without its inputs: to compare long runs, or to say a root,
//! without executing anything.

use std::collections::BTreeMap;
use std::path::Path;

use avm_atomicals::index::{Params, block};
use avm_core::{Bytes, Claim};
use avm_store::{LogHeader, LogReader, Record};

use crate::error::{self, CliError};
use crate::log::in_directory;
use crate::point::{InputRef, Point};

/// The machine whose inputs have heights.
const INDEX: &str = "atomicals-index";

/// What a log records.
pub struct Recorded {
    /// The store or log as the user calls it.
    pub name: String,
    /// Machine, rules and program.
    pub header: LogHeader,
    /// The claim recorded last after each number of inputs.
    pub claims: BTreeMap<u64, Claim>,
    /// Inputs in the log; the last ones may have no claim yet.
    pub inputs: u64,
    /// Height of input 0, if inputs are blocks each of which follows the one before: a block that
    /// does not is refused, and the input of a height has then to be looked for.
    pub first: Option<u32>,
}

impl Recorded {
    /// Reads a log, or the one in a store directory, which somebody may be writing to.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn read(name: &str) -> Result<Self, CliError> {
        let path = in_directory(Path::new(name));
        let mut reader = LogReader::open(&path).map_err(error::store)?;
        let header = reader.header().clone();
        let params = match header.identity.machine == INDEX {
            true => Params::from_bytes(&header.image).ok(),
            false => None,
        };
        let mut claims = BTreeMap::new();
        let mut chain = params.as_ref().map(|params| Chain::after(params.before));
        while let Some((_, record)) = reader.next_record().map_err(error::store)? {
            match record {
                Record::Input { bytes, .. } => {
                    if let Some(chain) = &mut chain {
                        chain.take(&bytes);
                    }
                }
                Record::Claim(claim) => drop(claims.insert(claim.inputs, claim)),
                Record::Truncate(head) => {
                    drop(claims.split_off(&(head.len + 1)));
                    if let Some(chain) = &mut chain {
                        chain.keep(head.len);
                    }
                }
                _ => {}
            }
        }
        let is_chain = chain.is_some_and(|chain| chain.is_whole());
        Ok(Self {
            name: name.into(),
            claims,
            inputs: reader.head().len,
            first: params.map(|params| params.start).filter(|_| is_chain),
            header,
        })
    }

    /// The moment after so many inputs: `b105` if inputs are blocks, `@4` if not.
    #[must_use]
    pub fn label(&self, inputs: u64) -> String {
        match (inputs.checked_sub(1), self.first) {
            (None, _) => "@genesis".into(),
            (Some(last), Some(first)) => format!("b{}", u64::from(first) + last),
            (Some(last), None) => format!("@{last}"),
        }
    }

    /// How many inputs are taken at a point; `None` if that cannot be said without executing
    /// anything or looking into inputs. More than there are if the log has no such moment.
    #[must_use]
    pub fn moment(&self, point: &Point) -> Option<u64> {
        if point.step.is_some() {
            return None;
        }
        match point.input? {
            InputRef::Genesis => Some(0),
            InputRef::At(n) => Some(n.saturating_add(1)),
            InputRef::Back(n) => Some((self.top()? + 1).checked_sub(n).unwrap_or(u64::MAX)),
            InputRef::Latest | InputRef::Final => self.top(),
            InputRef::Height(height) => {
                let above = height.checked_sub(self.first?.into());
                Some(above.map_or(u64::MAX, |above| above.saturating_add(1)))
            }
            InputRef::Tx(_) => None,
        }
    }

    /// Inputs of the last claim after at least one input.
    #[must_use]
    pub fn top(&self) -> Option<u64> {
        self.claims
            .keys()
            .next_back()
            .copied()
            .filter(|top| *top > 0)
    }

    /// `b1 .. b110`, as far as there are roots.
    #[must_use]
    pub fn range(&self) -> String {
        let mut inputs = self.claims.keys().filter(|inputs| **inputs > 0);
        match (inputs.next(), inputs.next_back()) {
            (None, _) => "none".into(),
            (Some(only), None) => self.label(*only),
            (Some(first), Some(last)) => {
                format!("{} .. {}", self.label(*first), self.label(*last))
            }
        }
    }
}

/// Names of blocks, to see whether each follows the one before.
struct Chain {
    before: [u8; 32],
    names: Vec<[u8; 32]>,
    /// Inputs up to the first that does not follow; those after it do not count.
    broken: Option<u64>,
    last: Bytes,
}

impl Chain {
    /// A chain whose first block follows the block `before`; any block if that is zero.
    fn after(before: [u8; 32]) -> Self {
        Self {
            before,
            names: Vec::new(),
            broken: None,
            last: Bytes::default(),
        }
    }

    fn take(&mut self, input: &Bytes) {
        let tip = self.names.last().copied().unwrap_or(self.before);
        let header = input.first_chunk();
        let follows =
            header.is_some_and(|header| tip == [0; 32] || block::header_prev(header) == tip);
        if !follows && self.broken.is_none() {
            self.broken = Some(self.names.len() as u64);
        }
        self.names.push(header.map_or([0; 32], block::header_hash));
        self.last = input.clone();
    }

    fn keep(&mut self, inputs: u64) {
        self.names
            .truncate(usize::try_from(inputs).unwrap_or(usize::MAX));
        self.broken = self.broken.filter(|at| *at < inputs);
        self.last = Bytes::default();
    }

    /// Whether each input is a block on the one before. A block is refused for what is behind its
    /// header, too; the next one then does not follow, so only the last one is looked at.
    fn is_whole(&self) -> bool {
        let last = &self.last;
        let is_block = || {
            let parts = block::read(last).ok();
            parts.is_some_and(|parts| block::check_witnesses(last, &parts).is_ok())
        };
        self.broken.is_none() && (last.is_empty() || is_block())
    }
}

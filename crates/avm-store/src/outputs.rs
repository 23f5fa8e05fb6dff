use std::path::Path;

use avm_core::{Channel, Claim, Hash, Output};

use crate::StoreError;
use crate::format::hash_at;

/// One output as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutputRow {
    pub channel: Channel,
    pub hash: Hash,
    /// Outbox hash after it.
    pub outbox: Hash,
}

impl OutputRow {
    /// Length of [`OutputRow::to_bytes`].
    pub const LEN: usize = 65;

    /// Channel, hash and outbox hash.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[0] = self.channel.0;
        bytes[1..33].copy_from_slice(&self.hash.0);
        bytes[33..].copy_from_slice(&self.outbox.0);
        bytes
    }

    /// The inverse; `None` for another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == Self::LEN).then(|| Self {
            channel: Channel(bytes[0]),
            hash: hash_at(bytes, 1),
            outbox: hash_at(bytes, 33),
        })
    }

    /// Whether this row continues the chain that ended in `before`.
    pub fn follows(&self, before: Hash) -> bool {
        link(before, self.channel, self.hash) == self.outbox
    }
}

/// The outputs of a batch, and the chain they continue.
pub(crate) struct Outputs {
    /// Number of the first row.
    pub first: u64,
    rows: Vec<OutputRow>,
    outbox: Hash,
    /// How many rows stand before the last claim.
    claimed: usize,
}

impl Outputs {
    pub const fn after(first: u64, outbox: Hash) -> Self {
        Self {
            first,
            rows: Vec::new(),
            outbox,
            claimed: 0,
        }
    }

    fn next(&self) -> u64 {
        self.first + self.rows.len() as u64
    }

    pub fn check_next(&self, path: &Path, found: u64) -> Result<(), StoreError> {
        let expected = self.next();
        if found == expected {
            return Ok(());
        }
        Err(StoreError::OutputOrder {
            path: path.to_owned(),
            found,
            expected,
        })
    }

    pub fn push(&mut self, output: &Output<'_>) {
        self.outbox = link(self.outbox, output.channel, output.hash);
        self.rows.push(OutputRow {
            channel: output.channel,
            hash: output.hash,
            outbox: self.outbox,
        });
    }

    /// Notes that `claim` stands after exactly the outputs so far, if it does.
    pub fn claim(&mut self, path: &Path, claim: &Claim) -> Result<(), StoreError> {
        self.check_next(path, claim.outputs)?;
        if claim.outbox != self.outbox {
            return Err(StoreError::ClaimMismatch {
                path: path.to_owned(),
                what: "outbox",
                count: claim.outputs,
                found: claim.outbox,
                expected: self.outbox,
            });
        }
        self.claimed = self.rows.len();
        Ok(())
    }

    /// The rows up to the last claim; later ones will be given again by the run that follows it.
    pub fn claimed(&self) -> &[OutputRow] {
        &self.rows[..self.claimed]
    }
}

/// One link of the outbox chain, as `Claim::fold_output` builds it.
fn link(before: Hash, channel: Channel, hash: Hash) -> Hash {
    let mut bytes = [0; 65];
    bytes[..32].copy_from_slice(&before.0);
    bytes[32] = channel.0;
    bytes[33..].copy_from_slice(&hash.0);
    Hash::keccak(&bytes)
}

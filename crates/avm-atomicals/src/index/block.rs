//! Blocks and transactions, read where they lie.
//!
//! [`read`] takes a block apart and checks what can be checked without knowing any other block: its
//! shape, the Merkle root of the transaction ids and the work of the header. [`TxParts`] finds the
//! parts of one transaction; it copies nothing and allocates nothing.
//!
//! Transaction ids leave witnesses out, so their Merkle root says nothing about the bytes an
//! operation is published in. Those are held together by the commitment of the coinbase,
//! which [`check_witnesses`] compares; [`read`] alone does not.

mod tx;

use alloc::vec::Vec;
use core::ops::Range;

use ruint::aliases::U256;

pub use tx::{Input, Inputs, Output, Outputs, TxParts, Witness, Witnesses};

use crate::script::digest::{hash256, sha256};

/// Bytes of a header.
pub const HEADER_BYTES: usize = 80;

/// Most bytes of a block: its weight counts each byte at least once.
pub const MAX_BLOCK_BYTES: usize = 4_000_000;

/// Why bytes are not a block or a transaction. Offsets are in bytes from the start of what was
/// given; hashes are in internal order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// The bytes end in the middle of a field.
    #[error("bytes end at byte {len}, {want} bytes are expected from byte {at}")]
    Ended {
        /// Offset of the field.
        at: usize,
        /// Bytes it has.
        want: u64,
        /// Bytes there are.
        len: usize,
    },
    /// More items than there is room for.
    #[error(
        "{count} items of at least {item_bytes} bytes at byte {at}, there are {left} bytes for them"
    )]
    Count {
        /// Offset of the first item.
        at: usize,
        /// Items announced.
        count: u64,
        /// Least bytes of one.
        item_bytes: usize,
        /// Bytes there are from the offset on.
        left: usize,
    },
    /// A length in more bytes than it needs.
    #[error("length {value} at byte {at} takes {got} bytes, its shortest form is expected")]
    LongSize {
        /// Offset of the length.
        at: usize,
        /// The length.
        value: u64,
        /// Bytes of the form it has.
        got: usize,
    },
    /// No inputs, and not the start of the form with witnesses either.
    #[error("byte {flag:#04x} at byte {at} after a zero number of inputs, 0x01 is expected")]
    Flag {
        /// Offset of the byte.
        at: usize,
        /// The byte.
        flag: u8,
    },
    /// A transaction without inputs.
    #[error("transaction has no inputs at byte {at}, at least one is expected")]
    NoInputs {
        /// Offset of the number of inputs.
        at: usize,
    },
    /// The form with witnesses, and every witness is empty.
    #[error("all witnesses from byte {at} are empty, the form without them is expected")]
    NoWitness {
        /// Offset of the witness of the first input.
        at: usize,
    },
    /// A block that is too large.
    #[error("block of {len} bytes, at most {limit} are read")]
    Length {
        /// Bytes there are.
        len: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A block without transactions.
    #[error("block has no transactions at byte {at}, at least one is expected")]
    NoTransactions {
        /// Offset of the number of transactions.
        at: usize,
    },
    /// The first transaction spends an output.
    #[error("first transaction at byte {at} is no coinbase, which is expected")]
    NoCoinbase {
        /// Offset of the transaction.
        at: usize,
    },
    /// Another transaction than the first creates coins.
    #[error(
        "transaction {number} at byte {at} is a coinbase, only transaction 0 is expected to be"
    )]
    Coinbase {
        /// Position of the transaction in the block.
        number: usize,
        /// Offset of the transaction.
        at: usize,
    },
    /// Bytes follow the last transaction.
    #[error("block ends at byte {at}, {len} bytes are given")]
    Trailing {
        /// Offset of the end of the block.
        at: usize,
        /// Bytes there are.
        len: usize,
    },
    /// Two equal hashes side by side: the block has another with the same root (CVE-2012-2459).
    #[error("hashes {first} and {} at level {level} of the Merkle tree are equal, a block does not repeat its end", first + 1)]
    Repeated {
        /// Level in the tree, 0 for the transactions.
        level: u32,
        /// Position of the first of the two in its level.
        first: usize,
    },
    /// The transactions are not those of the header.
    #[error(
        "Merkle root of the transactions is {}, the header has {}",
        Displayed(computed),
        Displayed(header)
    )]
    MerkleRoot {
        /// Root of the transaction ids.
        computed: [u8; 32],
        /// Root in the header.
        header: [u8; 32],
    },
    /// The bits of the header are no target.
    #[error("bits {bits:#010x} of the header are {why}, a target from 1 to 2^256 - 1 is expected")]
    Target {
        /// Compact form of the target.
        bits: u32,
        /// What is wrong with it.
        why: BadTarget,
    },
    /// Too little work.
    #[error(
        "block hash {} is above the target {target:#066x} of the header",
        Displayed(hash)
    )]
    Work {
        /// Hash of the header.
        hash: [u8; 32],
        /// The largest hash that is allowed.
        target: U256,
    },
    /// Witnesses in a block whose coinbase does not commit to them.
    #[error("transaction {number} has a witness, the coinbase commits to none")]
    NoCommitment {
        /// Position of the transaction in the block.
        number: usize,
    },
    /// The coinbase of a block with a commitment lacks the 32 bytes the commitment is made with.
    #[error("witness of the coinbase is not one string of 32 bytes, its commitment needs that")]
    Nonce,
    /// The witnesses are not those the coinbase commits to.
    #[error(
        "commitment of the witnesses is {}, the coinbase has {}",
        Displayed(computed),
        Displayed(coinbase)
    )]
    Commitment {
        /// Commitment of the witnesses there are.
        computed: [u8; 32],
        /// The one in the coinbase.
        coinbase: [u8; 32],
    },
}

/// What is wrong with a target in compact form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// The sign is set.
    #[error("a negative number")]
    Negative,
    /// Above 256 bits.
    #[error("a number of more than 256 bits")]
    Overflow,
    /// Nothing is left of the digits.
    #[error("zero")]
    Zero,
}

/// A hash as it is shown: bytes reversed.
struct Displayed<'a>(&'a [u8; 32]);

impl core::fmt::Display for Displayed<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0
            .iter()
            .rev()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A transaction of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedTx {
    /// Its bytes in the block.
    pub range: Range<u32>,
    /// Its id, in internal order.
    pub txid: [u8; 32],
}

impl PlacedTx {
    /// Its bytes in `block`, the bytes it was read from.
    #[must_use]
    pub fn raw<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        let range = self.range.start as usize..self.range.end as usize;
        block.get(range).unwrap_or_default()
    }

    /// Its parts in `block`, the bytes it was read from.
    ///
    /// # Errors
    ///
    /// [`BlockError`] if they are other bytes.
    pub fn parts<'a>(&self, block: &'a [u8]) -> Result<TxParts<'a>, BlockError> {
        TxParts::read(self.raw(block))
    }
}

/// A block taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockParts {
    /// Its first 80 bytes.
    pub header: [u8; HEADER_BYTES],
    /// Hash of the header, in internal order.
    pub hash: [u8; 32],
    /// The transactions in order; the first is the coinbase.
    pub txs: Vec<PlacedTx>,
}

/// Takes a block apart.
///
/// The target is the one the header names; whether the chain asks for that target, and whether the
/// transactions may spend what they spend, is not looked at. Nor are witnesses, see
/// [`check_witnesses`].
///
/// # Errors
///
/// [`BlockError`] unless the bytes are one block of at most [`MAX_BLOCK_BYTES`], of which the first
/// transaction alone is a coinbase, with the Merkle root and the work the header claims.
pub fn read(raw: &[u8]) -> Result<BlockParts, BlockError> {
    let len = raw.len();
    if len > MAX_BLOCK_BYTES {
        let limit = MAX_BLOCK_BYTES;
        return Err(BlockError::Length { len, limit });
    }
    let mut reader = tx::Reader { bytes: raw, at: 0 };
    let header = *reader.array::<HEADER_BYTES>()?;
    // Work first: whoever has none makes nobody hash a whole block.
    let hash = check_work(&header)?;
    let at = reader.at;
    let count = reader.count(tx::MIN_TX_BYTES)?;
    if count == 0 {
        return Err(BlockError::NoTransactions { at });
    }
    let mut txs = Vec::with_capacity(count);
    for number in 0..count {
        let at = reader.at;
        let tx = TxParts::read_next(&mut reader)?;
        match (number, tx.is_coinbase()) {
            (0, false) => return Err(BlockError::NoCoinbase { at }),
            (1.., true) => return Err(BlockError::Coinbase { number, at }),
            _ => {}
        }
        txs.push(PlacedTx {
            range: at as u32..reader.at as u32,
            txid: tx.txid(),
        });
    }
    if reader.at < len {
        return Err(BlockError::Trailing { at: reader.at, len });
    }
    let computed = root(txs.iter().map(|tx| tx.txid).collect())?;
    let expected = header_merkle_root(&header);
    if computed != expected {
        return Err(BlockError::MerkleRoot {
            computed,
            header: expected,
        });
    }
    Ok(BlockParts { header, hash, txs })
}

/// Compares the witnesses of a block that was [`read`] with what its coinbase commits to: the last
/// output whose script starts with `6a24aa21a9ed`. Without one no transaction may have a witness.
///
/// Source: BIP141, "Commitment structure".
///
/// # Errors
///
/// [`BlockError`] if they differ.
pub fn check_witnesses(raw: &[u8], block: &BlockParts) -> Result<(), BlockError> {
    const START: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];
    let Some(coinbase) = block.txs.first() else {
        return Err(BlockError::NoTransactions { at: HEADER_BYTES });
    };
    let coinbase = coinbase.parts(raw)?;
    let commitments = coinbase
        .outputs()
        .filter_map(|output| output.script.strip_prefix(&START)?.first_chunk::<32>());
    let Some(expected) = commitments.last() else {
        for (number, tx) in block.txs.iter().enumerate() {
            if tx.parts(raw)?.has_witness() {
                return Err(BlockError::NoCommitment { number });
            }
        }
        return Ok(());
    };
    let mut nonce = coinbase.witnesses().next().unwrap_or_default();
    let (Some(nonce), None) = (nonce.next(), nonce.next()) else {
        return Err(BlockError::Nonce);
    };
    let nonce: &[u8; 32] = nonce.try_into().map_err(|_| BlockError::Nonce)?;
    let mut hashes: Vec<[u8; 32]> = Vec::with_capacity(block.txs.len());
    // The coinbase holds the commitment, so its own hash counts as zero.
    hashes.push([0; 32]);
    hashes.extend(block.txs[1..].iter().map(|tx| hash256(tx.raw(raw))));
    let computed = hash_pair(&root(hashes)?, nonce);
    if computed != *expected {
        return Err(BlockError::Commitment {
            computed,
            coinbase: *expected,
        });
    }
    Ok(())
}

/// Hash of a header, in internal order.
#[must_use]
pub fn header_hash(header: &[u8; HEADER_BYTES]) -> [u8; 32] {
    hash256(header)
}

/// Hash of the block before, in internal order.
#[must_use]
pub fn header_prev(header: &[u8; HEADER_BYTES]) -> [u8; 32] {
    field(header, 4)
}

/// Merkle root of the transaction ids, in internal order.
#[must_use]
pub fn header_merkle_root(header: &[u8; HEADER_BYTES]) -> [u8; 32] {
    field(header, 36)
}

/// Time the miner claims, in seconds since 1970.
#[must_use]
pub fn header_time(header: &[u8; HEADER_BYTES]) -> u32 {
    u32::from_le_bytes(field(header, 68))
}

/// Target in compact form.
#[must_use]
pub fn header_bits(header: &[u8; HEADER_BYTES]) -> u32 {
    u32::from_le_bytes(field(header, 72))
}

fn field<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    let field = header[at..].first_chunk::<N>();
    *field.expect("fields are inside of the header")
}

/// The hash of a header with enough work for the target it names.
///
/// # Errors
///
/// [`BlockError::Target`] and [`BlockError::Work`].
pub fn check_work(header: &[u8; HEADER_BYTES]) -> Result<[u8; 32], BlockError> {
    let bits = header_bits(header);
    let target = target(bits).map_err(|why| BlockError::Target { bits, why })?;
    let hash = header_hash(header);
    if U256::from_le_bytes(hash) > target {
        return Err(BlockError::Work { hash, target });
    }
    Ok(hash)
}

/// The target that `bits` stand for: a sign and 23 bits of digits, and a length in bytes.
///
/// # Errors
///
/// [`BadTarget`] where Bitcoin Core refuses a header.
pub fn target(bits: u32) -> Result<U256, BadTarget> {
    let len = bits >> 24;
    let digits = bits & 0x007f_ffff;
    let word = digits >> (8 * 3_u32.saturating_sub(len));
    if word == 0 {
        return Err(BadTarget::Zero);
    }
    if bits & 0x0080_0000 != 0 {
        return Err(BadTarget::Negative);
    }
    let bytes = match word {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        _ => 3,
    };
    let shift = len.saturating_sub(3);
    if shift + bytes > 32 {
        return Err(BadTarget::Overflow);
    }
    Ok(U256::from(word) << (8 * shift as usize))
}

/// Merkle root of hashes in order; none of no hashes, and none if two hashes side by side are equal
/// at some level, for then other lists have the same root (CVE-2012-2459).
#[must_use]
pub fn merkle_root(hashes: &[[u8; 32]]) -> Option<[u8; 32]> {
    root(hashes.to_vec()).ok()
}

/// As [`merkle_root`], in the room of `level`.
fn root(mut level: Vec<[u8; 32]>) -> Result<[u8; 32], BlockError> {
    for number in 0.. {
        if level.len() < 2 {
            break;
        }
        let pairs = level.as_chunks::<2>().0;
        if let Some(pair) = pairs.iter().position(|[left, right]| left == right) {
            return Err(BlockError::Repeated {
                level: number,
                first: 2 * pair,
            });
        }
        let above = level.len().div_ceil(2);
        for at in 0..above {
            let left = level[2 * at];
            // An odd one is paired with itself.
            let right = level.get(2 * at + 1).copied().unwrap_or(left);
            level[at] = hash_pair(&left, &right);
        }
        level.truncate(above);
    }
    let at = HEADER_BYTES;
    level.pop().ok_or(BlockError::NoTransactions { at })
}

/// SHA-256 of SHA-256 of two hashes.
fn hash_pair(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut both = [0; 64];
    both[..32].copy_from_slice(left);
    both[32..].copy_from_slice(right);
    sha256(&sha256(&both))
}

#[cfg(test)]
mod tests;

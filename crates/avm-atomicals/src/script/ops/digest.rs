//! Digests. Spec: section 7.5.

use super::Done;
use crate::script::digest;
use crate::script::error::ScriptError;
use crate::script::frame::Frame;
use crate::script::item::Item;

/// Cost of each block of 64 bytes with SHA-1 and SHA-256.
pub(super) const BLOCK_COST: u64 = 16;
/// Cost of each block with RIPEMD-160.
pub(super) const RIPEMD_COST: u64 = 64;
/// Cost of each block with the SHA-3 and SHA-512 families.
pub(super) const WIDE_COST: u64 = 56;
/// Cost of each block with Eaglesong.
const EAGLESONG_COST: u64 = 400;

/// Blocks of 64 bytes that a message fills, one at least.
fn blocks(len: usize) -> u64 {
    len as u64 / 64 + 1
}

/// Charges for the SHA-256 of a message.
pub(super) fn charge(f: &mut Frame, len: usize) -> Result<(), ScriptError> {
    f.charge(BLOCK_COST * blocks(len))
}

/// Replaces the top by a digest of it, at so much a block, and so much for digesting the digest.
#[inline]
fn replace<const N: usize>(
    f: &mut Frame,
    block: u64,
    second: u64,
    digest: fn(&[u8]) -> [u8; N],
) -> Done {
    f.charge(block * blocks(f.main.peek(0).len()) + second)?;
    let item = Item::new(&digest(f.main.peek(0).bytes()));
    f.main.set_top(item);
    Ok(())
}

pub(crate) fn ripemd160(f: &mut Frame) -> Done {
    replace(f, RIPEMD_COST, 0, digest::ripemd160)
}

pub(crate) fn sha1(f: &mut Frame) -> Done {
    replace(f, BLOCK_COST, 0, digest::sha1)
}

#[inline]
pub(crate) fn sha256(f: &mut Frame) -> Done {
    replace(f, BLOCK_COST, 0, digest::sha256)
}

pub(crate) fn hash160(f: &mut Frame) -> Done {
    replace(f, BLOCK_COST, RIPEMD_COST, digest::hash160)
}

pub(crate) fn hash256(f: &mut Frame) -> Done {
    replace(f, BLOCK_COST, BLOCK_COST, digest::hash256)
}

pub(crate) fn hash_fn(f: &mut Frame) -> Done {
    let function = f.small(0)?;
    let block = match function {
        0..=2 => WIDE_COST,
        3 => EAGLESONG_COST,
        _ => return Err(ScriptError::InvalidAvmHashFunc.into()),
    };
    f.charge(block * blocks(f.main.peek(1).len()))?;
    let data = f.main.peek(1).bytes();
    let item = match function {
        0 => Item::new(&digest::sha3_256(data)),
        1 => Item::new(&digest::sha512(data)),
        2 => Item::new(&digest::sha512_256(data)),
        _ => Item::new(&digest::eaglesong(data)),
    };
    f.main.drop(1);
    f.main.set_top(item);
    Ok(())
}

//! What a signature signs: the three digests of a spend.
//!
//! Hash types are plain bytes and words here, because the digests before taproot take any of them
//! and put it into the digest as it is.

use alloc::vec::Vec;
use bitcoin::consensus::Encodable as _;
use bitcoin::hashes::{Hash as _, HashEngine as _, sha256, sha256d};
use bitcoin::{TapSighash, Transaction, TxOut, VarInt};

use super::code::Ops;

/// Signs all outputs.
pub const ALL: u8 = 1;
/// Signs no output.
pub const NONE: u8 = 2;
/// Signs the output with the number of the input.
pub const SINGLE: u8 = 3;
/// Signs no other input.
pub const ANYONECANPAY: u8 = 0x80;

const OP_CODESEPARATOR: u8 = 0xab;
const WRITES: &str = "a digest takes any bytes";

/// Digests of a transaction that all of its inputs share. BIP143 and BIP341.
///
/// Each is one SHA-256; BIP143 uses their SHA-256.
#[derive(Clone, Debug)]
pub struct Shared {
    /// Of the outputs spent, as transaction id and number.
    pub prevouts: sha256::Hash,
    /// Of the sequence numbers.
    pub sequences: sha256::Hash,
    /// Of the outputs created.
    pub outputs: sha256::Hash,
    /// Of the amounts spent.
    pub amounts: sha256::Hash,
    /// Of the scripts of the outputs spent.
    pub scripts: sha256::Hash,
}

impl Shared {
    /// Digests of `tx`, which spends `spent`, one for each input.
    #[must_use]
    pub fn new(tx: &Transaction, spent: &[TxOut]) -> Self {
        Self {
            prevouts: digest(tx.input.iter().map(|input| &input.previous_output)),
            sequences: digest(tx.input.iter().map(|input| &input.sequence)),
            outputs: digest(&tx.output),
            amounts: digest(spent.iter().map(|output| &output.value)),
            scripts: digest(spent.iter().map(|output| &output.script_pubkey)),
        }
    }
}

fn digest<'a, T>(parts: impl IntoIterator<Item = &'a T>) -> sha256::Hash
where
    T: bitcoin::consensus::Encodable + 'a,
{
    let mut engine = sha256::Hash::engine();
    for part in parts {
        part.consensus_encode(&mut engine).expect(WRITES);
    }
    sha256::Hash::from_engine(engine)
}

/// Digest for a signature before witnesses; `None` if the transaction has no such input.
///
/// `script_code` is the script from the last executed OP_CODESEPARATOR on, without the signature;
/// further separators are removed here. SIGHASH_SINGLE without an output of that number signs the
/// number 1.
#[must_use]
pub fn legacy(
    tx: &Transaction,
    index: usize,
    script_code: &[u8],
    hash_type: u32,
) -> Option<[u8; 32]> {
    if is(hash_type, SINGLE) && index >= tx.output.len() && index < tx.input.len() {
        let mut one = [0; 32];
        one[0] = 1;
        return Some(one);
    }
    let engine = legacy_engine(tx, index, script_code, hash_type)?;
    Some(finish(engine, hash_type))
}

/// Digest for a signature in witness version 0; `None` if the transaction has no such input.
///
/// `amount` is the value of the output spent, in satoshis. BIP143.
#[must_use]
pub fn witness_v0(
    tx: &Transaction,
    index: usize,
    script_code: &[u8],
    amount: u64,
    hash_type: u32,
    shared: &Shared,
) -> Option<[u8; 32]> {
    let engine = witness_v0_engine(tx, index, script_code, amount, hash_type, shared)?;
    Some(finish(engine, hash_type))
}

/// Whether the low five bits of a hash type are `output_type`.
const fn is(hash_type: u32, output_type: u8) -> bool {
    hash_type & 0x1f == output_type as u32
}

const fn anyone_can_pay(hash_type: u32) -> bool {
    hash_type & ANYONECANPAY as u32 != 0
}

fn finish(mut engine: sha256::HashEngine, hash_type: u32) -> [u8; 32] {
    engine.input(&hash_type.to_le_bytes());
    sha256d::Hash::from_engine(engine).to_byte_array()
}

/// Everything but the hash type of the digest before witnesses.
fn legacy_engine(
    tx: &Transaction,
    index: usize,
    script_code: &[u8],
    hash_type: u32,
) -> Option<sha256::HashEngine> {
    let own = tx.input.get(index)?;
    let (single, none) = (is(hash_type, SINGLE), is(hash_type, NONE));
    let mut engine = sha256::Hash::engine();
    let to = &mut engine;
    tx.version.consensus_encode(to).expect(WRITES);

    let inputs = if anyone_can_pay(hash_type) {
        core::slice::from_ref(own)
    } else {
        &tx.input
    };
    write_len(to, inputs.len());
    for input in inputs {
        input.previous_output.consensus_encode(to).expect(WRITES);
        if core::ptr::eq(input, own) {
            write_script_code(to, script_code);
            input.sequence.consensus_encode(to).expect(WRITES);
        } else {
            write_len(to, 0);
            let sequence = if single || none { 0 } else { input.sequence.0 };
            to.input(&sequence.to_le_bytes());
        }
    }

    let outputs = match (single, none) {
        (true, _) => tx.output.get(..=index)?,
        (_, true) => &[],
        _ => &tx.output[..],
    };
    write_len(to, outputs.len());
    for (i, output) in outputs.iter().enumerate() {
        if single && i != index {
            TxOut::NULL.consensus_encode(to).expect(WRITES);
        } else {
            output.consensus_encode(to).expect(WRITES);
        }
    }
    tx.lock_time.consensus_encode(to).expect(WRITES);
    Some(engine)
}

fn write_len(to: &mut sha256::HashEngine, len: usize) {
    VarInt::from(len).consensus_encode(to).expect(WRITES);
}

/// The script without its separators. What follows an operation that does not decode is left out,
/// though the length counts it, as in Core.
fn write_script_code(to: &mut sha256::HashEngine, script_code: &[u8]) {
    let mut ops = Ops::new(script_code, 0);
    let mut separators = Vec::new();
    while let Some(Ok(read)) = ops.next() {
        if read.opcode == OP_CODESEPARATOR {
            separators.push(ops.at());
        }
    }
    write_len(to, script_code.len() - separators.len());
    let mut from = 0;
    for after in separators {
        to.input(&script_code[from..after - 1]);
        from = after;
    }
    to.input(&script_code[from..ops.at()]);
}

/// Everything but the hash type of the digest for witness version 0.
fn witness_v0_engine(
    tx: &Transaction,
    index: usize,
    script_code: &[u8],
    amount: u64,
    hash_type: u32,
    shared: &Shared,
) -> Option<sha256::HashEngine> {
    let input = tx.input.get(index)?;
    let all_inputs = !anyone_can_pay(hash_type);
    let (single, none) = (is(hash_type, SINGLE), is(hash_type, NONE));
    let twice = |once: sha256::Hash| once.hash_again().to_byte_array();
    let when = |wanted: bool, once: sha256::Hash| if wanted { twice(once) } else { [0; 32] };
    let outputs = match (single, none, tx.output.get(index)) {
        (false, false, _) => twice(shared.outputs),
        (true, _, Some(output)) => twice(digest([output])),
        _ => [0; 32],
    };

    let mut engine = sha256::Hash::engine();
    let to = &mut engine;
    tx.version.consensus_encode(to).expect(WRITES);
    to.input(&when(all_inputs, shared.prevouts));
    to.input(&when(all_inputs && !single && !none, shared.sequences));
    input.previous_output.consensus_encode(to).expect(WRITES);
    write_len(to, script_code.len());
    to.input(script_code);
    to.input(&amount.to_le_bytes());
    input.sequence.consensus_encode(to).expect(WRITES);
    to.input(&outputs);
    tx.lock_time.consensus_encode(to).expect(WRITES);
    Some(engine)
}

/// What a taproot signature signs besides the transaction. BIP341 and BIP342.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaprootPart {
    /// SHA-256 of the annex with its length, if there is one.
    pub annex: Option<[u8; 32]>,
    /// Hash of the leaf, and the number of the last executed OP_CODESEPARATOR among the operations
    /// (`u32::MAX` if none), when spending by script.
    pub leaf: Option<([u8; 32], u32)>,
}

/// SHA-256 of an annex, as a signature covers it. BIP341.
#[must_use]
pub fn annex_digest(annex: &[u8]) -> [u8; 32] {
    let mut engine = sha256::Hash::engine();
    write_len(&mut engine, annex.len());
    engine.input(annex);
    sha256::Hash::from_engine(engine).to_byte_array()
}

/// Digest for a taproot signature.
///
/// `None` if the hash type is not defined, if SIGHASH_SINGLE has no output of that number, or if
/// the transaction has no such input. Hash type 0 is SIGHASH_DEFAULT. BIP341.
#[must_use]
pub fn taproot(
    tx: &Transaction,
    index: usize,
    spent: &[TxOut],
    hash_type: u8,
    part: &TaprootPart,
    shared: &Shared,
) -> Option<[u8; 32]> {
    let message = taproot_message(tx, index, spent, hash_type, part, shared)?;
    let mut engine = TapSighash::engine();
    engine.input(&message);
    Some(TapSighash::from_engine(engine).to_byte_array())
}

/// What [`taproot`] hashes: the epoch byte and the signature message of BIP341.
#[must_use]
pub fn taproot_message(
    tx: &Transaction,
    index: usize,
    spent: &[TxOut],
    hash_type: u8,
    part: &TaprootPart,
    shared: &Shared,
) -> Option<Vec<u8>> {
    if !matches!(hash_type, 0..=SINGLE | 0x81..=0x83) {
        return None;
    }
    let output_type = if hash_type == 0 { ALL } else { hash_type & 3 };
    let input = tx.input.get(index)?;

    let mut to = Vec::with_capacity(256);
    to.extend([0, hash_type]);
    to.extend(tx.version.0.to_le_bytes());
    to.extend(tx.lock_time.to_consensus_u32().to_le_bytes());
    let anyone = hash_type & ANYONECANPAY != 0;
    if !anyone {
        to.extend(shared.prevouts.as_byte_array());
        to.extend(shared.amounts.as_byte_array());
        to.extend(shared.scripts.as_byte_array());
        to.extend(shared.sequences.as_byte_array());
    }
    if output_type == ALL {
        to.extend(shared.outputs.as_byte_array());
    }

    let by_script = part.leaf.is_some();
    to.push(u8::from(by_script) << 1 | u8::from(part.annex.is_some()));
    if anyone {
        input
            .previous_output
            .consensus_encode(&mut to)
            .expect(WRITES);
        spent.get(index)?.consensus_encode(&mut to).expect(WRITES);
        input.sequence.consensus_encode(&mut to).expect(WRITES);
    } else {
        to.extend(u32::try_from(index).ok()?.to_le_bytes());
    }
    to.extend(part.annex.iter().flatten());

    if output_type == SINGLE {
        to.extend(digest([tx.output.get(index)?]).as_byte_array());
    }
    if let Some((leaf, separator)) = &part.leaf {
        to.extend(leaf);
        to.push(0); // version of the key
        to.extend(separator.to_le_bytes());
    }
    Some(to)
}

/// Remembers what one input has hashed up to the hash type, so that many signature checks over one
/// script hash the transaction once.
///
/// One slot for each of the six ways in which a hash type chooses inputs and outputs. An input is
/// spent either with a witness or without, so both kinds share the slots.
#[derive(Default)]
pub(super) struct Midstates([Option<(Vec<u8>, sha256::HashEngine)>; 6]);

impl Midstates {
    /// As [`legacy`].
    pub(super) fn legacy(
        &mut self,
        tx: &Transaction,
        index: usize,
        script_code: &[u8],
        hash_type: u32,
    ) -> Option<[u8; 32]> {
        if is(hash_type, SINGLE) && index >= tx.output.len() {
            return legacy(tx, index, script_code, hash_type);
        }
        self.get(script_code, hash_type, || {
            legacy_engine(tx, index, script_code, hash_type)
        })
    }

    /// As [`witness_v0`].
    pub(super) fn witness_v0(
        &mut self,
        tx: &Transaction,
        index: usize,
        script_code: &[u8],
        amount: u64,
        hash_type: u32,
        shared: &Shared,
    ) -> Option<[u8; 32]> {
        self.get(script_code, hash_type, || {
            witness_v0_engine(tx, index, script_code, amount, hash_type, shared)
        })
    }

    fn get(
        &mut self,
        script_code: &[u8],
        hash_type: u32,
        fresh: impl FnOnce() -> Option<sha256::HashEngine>,
    ) -> Option<[u8; 32]> {
        let slot = 3 * usize::from(anyone_can_pay(hash_type))
            + 2 * usize::from(is(hash_type, SINGLE))
            + usize::from(is(hash_type, NONE));
        let slot = &mut self.0[slot];
        let known = slot.as_ref().filter(|(code, _)| code == script_code);
        let engine = match known {
            Some((_, engine)) => engine.clone(),
            None => {
                let engine = fresh()?;
                *slot = Some((script_code.to_vec(), engine.clone()));
                engine
            }
        };
        Some(finish(engine, hash_type))
    }
}

#[cfg(test)]
mod tests;

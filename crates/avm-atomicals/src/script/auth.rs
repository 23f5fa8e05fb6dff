//! Who signed a call: the signature among the outputs, and what it signs. Spec: section 8.

use avm_core::{Bytes, HostError};

use super::call::Context;
use super::digest::{Sha256Stream, sha256};
use super::instr::{self, PUSHDATA4};
use super::rules::Rules;
use super::txview::TxView;

/// Begins the script of an output that carries a signature: `OP_RETURN`, and a push of `sig`.
const MARK: [u8; 5] = [0x6a, 0x03, b's', b'i', b'g'];
/// Where the reference clamps values.
const CLAMP: i64 = i32::MAX as i64;

/// The signature that an output script carries, if it does; empty ones count.
#[must_use]
pub fn signature_in(script: &[u8]) -> Option<&[u8]> {
    let push = instr::read(script.strip_prefix(&MARK)?)?;
    (push.opcode <= PUSHDATA4).then_some(push.data)
}

/// The first signature among the outputs.
///
/// # Errors
/// If a part of the transaction is missing.
pub fn signature(tx: &TxView) -> Result<Option<Bytes>, HostError> {
    for index in 0..tx.output_count()? {
        let script = tx.output_script_bytes(index)?;
        if let Some(signature) = signature_in(&script) {
            return Ok(Some(signature.into()));
        }
    }
    Ok(None)
}

/// Bytes of the message beyond both scripts, for charging.
///
/// # Errors
/// If a part of the transaction is missing.
pub fn outputs_bytes(tx: &TxView) -> Result<usize, HostError> {
    let mut bytes = 0;
    for index in 0..tx.output_count()? {
        bytes += 8 + tx.output_script_bytes(index)?.len();
    }
    Ok(bytes)
}

/// The digest that the caller signs: SHA-256 of the message of the reference; under the repair of
/// Q16, of the SHA-256 of a tag, the contract, its hash, and that message with true values.
///
/// # Errors
/// If a part of the transaction is missing.
pub fn digest(rules: &Rules, context: &Context) -> Result<[u8; 32], HostError> {
    let mut hasher = Sha256Stream::new();
    if rules.bound_auth {
        hasher.update(b"avm1/auth");
        hasher.update(&context.contract);
        hasher.update(&context.previous.0);
    }
    if context.tx.input_count()? > 0 {
        hasher.update(&context.tx.input(0)?.0);
    }
    hasher.update(&context.unlock.bytes()?);
    hasher.update(&context.lock.bytes()?);
    for index in 0..context.tx.output_count()? {
        let script = context.tx.output_script_bytes(index)?;
        if signature_in(&script).is_some() {
            continue;
        }
        let value = context.tx.output_value(index)?;
        let value = if rules.full_amounts {
            value
        } else {
            value.clamp(i64::from(i32::MIN), CLAMP)
        };
        hasher.update(&value.to_le_bytes());
        hasher.update(&script);
    }
    let digest = hasher.finish();
    Ok(if rules.bound_auth {
        sha256(&digest)
    } else {
        digest
    })
}

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

    use super::*;

    #[test]
    fn patterns() {
        let after = |tail: &[u8]| [&MARK, tail].concat();
        let cases: [(Vec<u8>, Option<&[u8]>); 14] = [
            (vec![], None),
            (vec![0x6a], None),
            (vec![0x6a, 3, b's', b'i'], None),
            (after(&[]), None),
            (after(&[0]), Some(b"")),
            (after(&[2, 7, 8]), Some(&[7, 8])),
            (after(&[2, 7]), None),
            (after(&[2, 7, 8, 0xff]), Some(&[7, 8])),
            (after(&[0x4c, 2, 7, 8]), Some(&[7, 8])),
            (after(&[0x4d, 2, 0, 7, 8]), Some(&[7, 8])),
            (after(&[0x4e, 2, 0, 0, 0, 7, 8]), Some(&[7, 8])),
            (after(&[0x4e, 0xff, 0xff, 0xff, 0xff, 7, 8]), None),
            (after(&[0x4f]), None),
            (after(&[0x51]), None),
        ];
        for (script, want) in cases {
            assert_eq!(signature_in(&script), want, "{script:x?}");
        }
    }
}

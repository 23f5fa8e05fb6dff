//! Who signed a call: the signature among the outputs, and what it signs. Spec: section 8.

use avm_core::{Bytes, Hash, HostError};

use super::call::{Context, ContractId};
use super::digest::{Sha256Stream, sha256};
use super::instr::{self, PUSHDATA4};
use super::rules::Rules;
use super::tx::{Tx, WitnessForm};
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
    let (unlock, lock) = (context.unlock.bytes()?, context.lock.bytes()?);
    let scripts = [&*unlock, &*lock];
    let (contract, previous) = (&context.contract, context.previous);
    message_digest(rules, contract, previous, scripts, &context.tx)
}

/// [`digest()`] for who signs: of a contract whose hash is `previous` before the call, and of a
/// transaction as Bitcoin sends it. Signatures among its outputs and its witnesses do not count, so
/// neither has to be there yet; leave witnesses out where the rules are `beta1`.
///
/// # Errors
/// If the bytes are not a transaction.
pub fn digest_of(
    rules: &Rules,
    contract: &ContractId,
    previous: Hash,
    unlock: &[u8],
    lock: &[u8],
    tx: &[u8],
) -> Result<[u8; 32], HostError> {
    let form = match rules.bip144 {
        true => WitnessForm::Bip144,
        false => WitnessForm::Beta1,
    };
    let tx = Tx::decode(tx, form).map_err(|e| HostError::BadInput(e.into()))?;
    let tx = TxView::Decoded(tx);
    message_digest(rules, contract, previous, [unlock, lock], &tx)
}

fn message_digest(
    rules: &Rules,
    contract: &ContractId,
    previous: Hash,
    scripts: [&[u8]; 2],
    tx: &TxView,
) -> Result<[u8; 32], HostError> {
    let mut hasher = Sha256Stream::new();
    if rules.bound_auth {
        hasher.update(b"avm1/auth");
        hasher.update(contract);
        hasher.update(&previous.0);
    }
    if tx.input_count()? > 0 {
        hasher.update(&tx.input(0)?.0);
    }
    for script in scripts {
        hasher.update(script);
    }
    for index in 0..tx.output_count()? {
        let script = tx.output_script_bytes(index)?;
        if signature_in(&script).is_some() {
            continue;
        }
        let value = tx.output_value(index)?;
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

    fn after(tail: &[u8]) -> Vec<u8> {
        [&MARK, tail].concat()
    }

    #[test]
    fn patterns() {
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

    #[test]
    fn what_is_signed() {
        let tx = |value: u64, signature: &[u8]| {
            let mut tx = vec![2, 0, 0, 0, 1];
            tx.extend([7; 36]);
            tx.extend([0, 0xff, 0xff, 0xff, 0xff, 2]);
            let script = after(&[&[signature.len() as u8], signature].concat());
            tx.extend(0u64.to_le_bytes());
            tx.push(script.len() as u8);
            tx.extend(script);
            tx.extend(value.to_le_bytes());
            tx.extend([1, 0x51, 0, 0, 0, 0]);
            tx
        };
        let digest = |rules: &Rules, previous: u8, tx: &[u8]| {
            let previous = Hash([previous; 32]);
            digest_of(rules, &[9; 36], previous, &[0x52], &[0x53], tx).expect("a transaction")
        };
        let message = |value: u64| {
            let value = value.to_le_bytes();
            [&[7; 36], &[0x52, 0x53][..], &value, &[0x51]].concat()
        };
        let bound = |previous: u8, value: u64| {
            let inner = [
                &b"avm1/auth"[..],
                &[9; 36],
                &[previous; 32],
                &message(value),
            ]
            .concat();
            sha256(&sha256(&inner))
        };
        for (value, clamped) in [(1000, 1000), (1 << 31, (1 << 31) - 1)] {
            for signature in [&[][..], &[1; 71]] {
                let tx = tx(value, signature);
                let beta1 = digest(&Rules::BETA1, 3, &tx);
                assert_eq!(beta1, sha256(&message(clamped)), "{value}");
                assert_eq!(digest(&Rules::AVM1, 3, &tx), bound(3, value), "{value}");
            }
        }
        assert_ne!(bound(3, 1000), bound(4, 1000));
        let cut = digest_of(
            &Rules::AVM1,
            &[9; 36],
            Hash::ZERO,
            &[],
            &[],
            &tx(1, &[])[..50],
        );
        assert!(matches!(cut, Err(HostError::BadInput(_))));
    }
}

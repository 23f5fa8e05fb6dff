//! Signatures and public keys: how they are encoded, and whether they verify.
//!
//! A signature of 64 bytes is Schnorr, any other ECDSA in DER without a hash type. Spec: section 8.

mod jacobi;
mod schnorr;

use secp256k1::{Message, PublicKey, ecdsa};

use super::ScriptError;

/// Length of a Schnorr signature in bytes.
pub const SCHNORR_BYTES: usize = 64;

/// Order of the group.
const ORDER: [u8; 32] = secp256k1::constants::CURVE_ORDER;

/// Half of the order, rounded down.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// Checks how a signature is encoded; an empty one passes.
///
/// # Errors
///
/// [`ScriptError::SigDer`], [`ScriptError::SigHighS`].
pub fn check_signature(signature: &[u8]) -> Result<(), ScriptError> {
    if signature.is_empty() || signature.len() == SCHNORR_BYTES {
        return Ok(());
    }
    if !is_strict_der(signature) {
        return Err(ScriptError::SigDer);
    }
    if !is_low_s(signature) {
        return Err(ScriptError::SigHighS);
    }
    Ok(())
}

/// Checks how a public key is encoded, not that it is on the curve.
///
/// # Errors
///
/// [`ScriptError::Pubkeytype`].
pub const fn check_public_key(key: &[u8]) -> Result<(), ScriptError> {
    match (key.len(), key.first()) {
        (33, Some(2 | 3)) | (65, Some(4)) => Ok(()),
        _ => Err(ScriptError::Pubkeytype),
    }
}

/// Whether the bytes are two positive integers in strict DER, without a hash type: BIP66.
#[must_use]
pub fn is_strict_der(signature: &[u8]) -> bool {
    integers(signature).is_some_and(|integers| integers.into_iter().all(is_strict_integer))
}

/// R and S of a DER signature of 8 to 72 bytes, as they are written.
fn integers(signature: &[u8]) -> Option<[&[u8]; 2]> {
    let [0x30, len, rest @ ..] = signature else {
        return None;
    };
    if !(8..=72).contains(&signature.len()) || usize::from(*len) != rest.len() {
        return None;
    }
    let (r, rest) = integer(rest)?;
    let (s, rest) = integer(rest)?;
    rest.is_empty().then_some([r, s])
}

fn integer(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let [0x02, len, rest @ ..] = bytes else {
        return None;
    };
    rest.split_at_checked((*len).into())
}

/// Not empty, not negative, not padded.
const fn is_strict_integer(bytes: &[u8]) -> bool {
    match bytes {
        [] => false,
        [0, second, ..] => *second >= 0x80,
        [first, ..] => *first < 0x80,
    }
}

/// Whether S of a strict DER signature is at most half the group order.
///
/// As in the reference, a signature with R or S not below the order counts as zero, and so as low:
/// it fails when it is verified.
#[must_use]
pub fn is_low_s(signature: &[u8]) -> bool {
    match compact(signature) {
        Some(compact) => compact[32..] <= HALF_ORDER[..],
        None => true,
    }
}

/// R and S in 32 bytes each; `None` if one is not below the order.
fn compact(signature: &[u8]) -> Option<[u8; 64]> {
    let mut out = [0; 64];
    let places = out.as_chunks_mut::<32>().0;
    for (place, integer) in places.iter_mut().zip(integers(signature)?) {
        let integer = match integer {
            [0, rest @ ..] => rest,
            whole => whole,
        };
        let pad = 32_usize.checked_sub(integer.len())?;
        place[pad..].copy_from_slice(integer);
        if *place >= ORDER {
            return None;
        }
    }
    Some(out)
}

/// Whether a signature by `key` of a digest is valid: Schnorr of 2019 Bitcoin Cash if it has 64
/// bytes, else ECDSA with S of either half.
///
/// The encodings were checked before; here what does not decode does not verify.
#[must_use]
pub fn verify(signature: &[u8], digest: &[u8; 32], key: &[u8]) -> bool {
    if let Ok(signature) = signature.try_into() {
        return schnorr::verify(signature, digest, key);
    }
    let Some(compact) = compact(signature) else {
        return false;
    };
    let Ok(mut signature) = ecdsa::Signature::from_compact(&compact) else {
        return false;
    };
    let Ok(key) = PublicKey::from_slice(key) else {
        return false;
    };
    signature.normalize_s();
    ecdsa::verify(&signature, Message::from_digest(*digest), &key).is_ok()
}

#[cfg(test)]
mod tests;

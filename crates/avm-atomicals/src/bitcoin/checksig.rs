//! Forms of signatures and keys, and the curve.

use secp256k1::{PublicKey, XOnlyPublicKey, ecdsa, schnorr};

use super::{BitcoinError, Flags, SigVersion, sighash};

/// Checks the form of an ECDSA signature with its hash type at the end; an empty one is fine,
/// being the short way to fail a check.
///
/// # Errors
/// [`BitcoinError::SigDer`], [`BitcoinError::SigHighS`] or [`BitcoinError::SigHashtype`], as the
/// flags DERSIG, LOW_S and STRICTENC ask.
pub fn check_signature_encoding(signature: &[u8], flags: Flags) -> Result<(), BitcoinError> {
    let Some((hash_type, der)) = signature.split_last() else {
        return Ok(());
    };
    let strict = Flags::DERSIG | Flags::LOW_S | Flags::STRICTENC;
    if flags.has_any(strict) && !is_strict_der(signature) {
        return Err(BitcoinError::SigDer);
    }
    if flags.has(Flags::LOW_S) && !is_low_s(der) {
        return Err(BitcoinError::SigHighS);
    }
    let output_type = hash_type & !sighash::ANYONECANPAY;
    if flags.has(Flags::STRICTENC) && !matches!(output_type, sighash::ALL..=sighash::SINGLE) {
        return Err(BitcoinError::SigHashtype);
    }
    Ok(())
}

/// Checks the form of a public key before tapscript.
///
/// # Errors
/// [`BitcoinError::PubkeyType`] under STRICTENC, [`BitcoinError::WitnessPubkeyType`] under
/// WITNESS_PUBKEYTYPE in witness version 0.
pub fn check_pubkey_encoding(
    key: &[u8],
    flags: Flags,
    version: SigVersion,
) -> Result<(), BitcoinError> {
    let compressed = matches!(key, [2 | 3, x @ ..] if x.len() == 32);
    let uncompressed = matches!(key, [4, point @ ..] if point.len() == 64);
    if flags.has(Flags::STRICTENC) && !compressed && !uncompressed {
        return Err(BitcoinError::PubkeyType);
    }
    let only_compressed = version == SigVersion::WitnessV0;
    if flags.has(Flags::WITNESS_PUBKEYTYPE) && only_compressed && !compressed {
        return Err(BitcoinError::WitnessPubkeyType);
    }
    Ok(())
}

/// Whether a signature with its hash type is strict DER: 0x30, length, R, S, hash type, R and S
/// each 0x02, length, bytes, positive and not longer than needed. BIP66.
#[must_use]
pub fn is_strict_der(signature: &[u8]) -> bool {
    if !(9..=73).contains(&signature.len()) {
        return false;
    }
    let [0x30, len, body @ .., _hash_type] = signature else {
        return false;
    };
    let read = |bytes| -> Option<&[u8]> {
        let (integer, rest) = split_integer(bytes)?;
        is_short_positive(integer).then_some(rest)
    };
    usize::from(*len) == body.len() && read(body).and_then(read) == Some(&[])
}

/// The bytes of a DER integer, and what follows.
fn split_integer(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    match bytes {
        [0x02, len, rest @ ..] => rest.split_at_checked(usize::from(*len)),
        _ => None,
    }
}

const fn is_short_positive(integer: &[u8]) -> bool {
    match integer {
        [] | [0x80..=0xff, ..] | [0, 0..=0x7f, ..] => false,
        [_, ..] => true,
    }
}

/// Whether S is at most half the group order; `der` has no hash type.
fn is_low_s(der: &[u8]) -> bool {
    ecdsa::Signature::from_der_lax(der).is_ok_and(|signature| {
        let mut low = signature;
        low.normalize_s();
        low == signature
    })
}

/// Whether an ECDSA signature of `digest` verifies, with the leniency of 2009: any BER that can be
/// understood, S of either half, keys of 33 and 65 bytes, even of the hybrid form. `der` has no
/// hash type.
#[must_use]
pub fn verify_ecdsa(der: &[u8], key: &[u8], digest: [u8; 32]) -> bool {
    let Some(key) = ecdsa_key(key) else {
        return false;
    };
    let Ok(mut signature) = ecdsa::Signature::from_der_lax(der) else {
        return false;
    };
    // the curve library refuses S of the upper half
    signature.normalize_s();
    let digest = secp256k1::Message::from_digest(digest);
    ecdsa::verify(&signature, digest, &key).is_ok()
}

/// The point of a key whose first byte fits to its length, if it is on the curve.
fn ecdsa_key(key: &[u8]) -> Option<PublicKey> {
    match (key, key.len()) {
        ([2 | 3, ..], 33) | ([4 | 6 | 7, ..], 65) => PublicKey::from_slice(key).ok(),
        _ => None,
    }
}

/// Whether `key` has a length that its first byte announces. No signature is hashed for others.
pub(super) fn has_key_form(key: &[u8]) -> bool {
    matches!((key, key.len()), ([2 | 3, ..], 33) | ([4 | 6 | 7, ..], 65))
}

/// Whether a Schnorr signature of `digest` verifies. BIP340.
#[must_use]
pub fn verify_schnorr(signature: &[u8; 64], key: &[u8; 32], digest: &[u8; 32]) -> bool {
    let signature = schnorr::Signature::from_byte_array(*signature);
    XOnlyPublicKey::from_byte_array(*key)
        .is_ok_and(|key| schnorr::verify(&signature, digest, &key).is_ok())
}

#[cfg(test)]
mod tests;

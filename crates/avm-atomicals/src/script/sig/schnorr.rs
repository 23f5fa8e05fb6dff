//! Schnorr signatures of Bitcoin Cash, 2019: not those of BIP340.
//!
//! A signature is r and s; with e = SHA256(r, key, digest) it is valid if R = s·G − e·P has x
//! coordinate r and a y coordinate that is a square.
//!
//! R takes one multiplication by two scalars in variable time, which the library offers under
//! another name: the key recovered from an ECDSA signature (r, s) of m is r⁻¹·(s·X − m·G), where X
//! is the point with x coordinate r. So with X = P, s := −e·r and m := −s·r the "key" is R.

use ruint::aliases::U256;
use secp256k1::{
    Message, PublicKey, Scalar, SecretKey,
    constants::{CURVE_ORDER, FIELD_SIZE},
    ecdsa::{RecoverableSignature, RecoveryId},
};

use super::{super::digest::Sha256Stream, jacobi::is_square};

const ORDER: U256 = U256::from_be_bytes(CURVE_ORDER);

/// Whether the signature is valid. Keys of 33 and 65 bytes are understood.
pub(super) fn verify(signature: &[u8; 64], digest: &[u8; 32], key: &[u8]) -> bool {
    let [r, s] = signature.as_chunks::<32>().0 else {
        unreachable!("64 bytes are twice 32");
    };
    let s_number = U256::from_be_bytes(*s);
    if *r >= FIELD_SIZE || s_number >= ORDER {
        return false;
    }
    let Some(key) = compressed(key) else {
        return false;
    };
    let mut hash = Sha256Stream::new();
    hash.update(r);
    hash.update(&key);
    hash.update(digest);
    let e = U256::from_be_bytes(hash.finish()).reduce_mod(ORDER);
    let Some(point) = point(&key, s_number, e) else {
        return false;
    };
    let [_, x_and_y @ ..] = point.serialize_uncompressed();
    let [x, y] = x_and_y.as_chunks::<32>().0 else {
        unreachable!("64 bytes are twice 32");
    };
    x == r && is_square(y)
}

/// The key in 33 bytes; whether such a point exists is found out later.
fn compressed(key: &[u8]) -> Option<[u8; 33]> {
    match key {
        [2 | 3, ..] => key.try_into().ok(),
        _ => Some(PublicKey::from_slice(key).ok()?.serialize()),
    }
}

/// s·G − e·P; `None` at infinity or if the key is no point.
fn point(key: &[u8; 33], s: U256, e: U256) -> Option<PublicKey> {
    let [parity, x @ ..] = *key;
    let (x, wrapped) = U256::from_be_bytes(x).overflowing_sub(ORDER);
    let (r, above) = if wrapped {
        (x.wrapping_add(ORDER), 0)
    } else {
        (x, 2)
    };
    if r.is_zero() || e.is_zero() {
        // Recovery refuses a zero in a signature.
        return slow_point(key, s, e);
    }
    let minus = |factor: U256| (ORDER - factor.mul_mod(r, ORDER)).to_be_bytes();
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r.to_be_bytes::<32>());
    signature[32..].copy_from_slice(&minus(e));
    let id = RecoveryId::from_u8_masked(parity & 1 | above);
    let signature = RecoverableSignature::from_compact(&signature, id).ok()?;
    // For s = 0 this is the order, which the library takes for zero.
    signature.recover_ecdsa(Message::from_digest(minus(s))).ok()
}

/// The same by two multiplications.
fn slow_point(key: &[u8; 33], s: U256, e: U256) -> Option<PublicKey> {
    let key = PublicKey::from_slice(key).ok()?;
    let by_key = || {
        let e = Scalar::from_be_bytes(e.to_be_bytes()).ok()?;
        Some(key.mul_tweak(&e).ok()?.negate())
    };
    let by_base = || {
        SecretKey::from_secret_bytes(s.to_be_bytes())
            .ok()
            .map(|s| s.public_key())
    };
    match (s.is_zero(), e.is_zero()) {
        (true, true) => None,
        (true, false) => by_key(),
        (false, true) => by_base(),
        (false, false) => by_base()?.combine(&by_key()?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{super::digest::sha256, verify as verify_any};
    use super::*;

    fn key(secret: U256) -> PublicKey {
        let secret = SecretKey::from_secret_bytes(secret.to_be_bytes()).expect("below the order");
        secret.public_key()
    }

    fn sign(secret: U256, nonce: U256, digest: &[u8; 32]) -> [u8; 64] {
        let [_, r_and_y @ ..] = key(nonce).serialize_uncompressed();
        let [r, y] = r_and_y.as_chunks::<32>().0 else {
            unreachable!("64 bytes are twice 32");
        };
        let nonce = if is_square(y) { nonce } else { ORDER - nonce };
        let hash = sha256(&[r, key(secret).serialize().as_slice(), digest].concat());
        let e = U256::from_be_bytes(hash).reduce_mod(ORDER);
        let s = nonce.add_mod(e.mul_mod(secret, ORDER), ORDER);
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(r);
        signature[32..].copy_from_slice(&s.to_be_bytes::<32>());
        signature
    }

    fn scalar(bytes: [u8; 32]) -> U256 {
        U256::from_be_bytes(bytes).reduce_mod(ORDER).max(U256::ONE)
    }

    #[test]
    fn every_bit_counts() {
        let (secret, digest) = (scalar([7; 32]), [9; 32]);
        let signature = sign(secret, scalar([5; 32]), &digest);
        let short = key(secret).serialize();
        let long = key(secret).serialize_uncompressed();
        assert!(verify_any(&signature, &digest, &short));
        assert!(verify_any(&signature, &digest, &long));
        for bit in 0..512 {
            let mut signature = signature;
            signature[bit / 8] ^= 1 << (bit % 8);
            assert!(!verify(&signature, &digest, &short), "signature, bit {bit}");
        }
        for bit in 0..256 {
            let mut digest = digest;
            digest[bit / 8] ^= 1 << (bit % 8);
            assert!(!verify(&signature, &digest, &short), "digest, bit {bit}");
        }
        for bit in 0..33 * 8 {
            let mut short = short;
            short[bit / 8] ^= 1 << (bit % 8);
            assert!(!verify(&signature, &digest, &short), "key, bit {bit}");
        }
        for bit in 8..65 * 8 {
            let mut long = long;
            long[bit / 8] ^= 1 << (bit % 8);
            assert!(!verify(&signature, &digest, &long), "long key, bit {bit}");
        }
    }

    #[test]
    fn other_half_of_the_points() {
        // The same x with a y that is no square: s from the negated nonce.
        let (secret, nonce, digest) = (scalar([7; 32]), scalar([5; 32]), [9; 32]);
        let signature = sign(secret, nonce, &digest);
        let r = &signature[..32];
        let hash = sha256(&[r, key(secret).serialize().as_slice(), &digest].concat());
        let e = U256::from_be_bytes(hash).reduce_mod(ORDER);
        let twice = e.mul_mod(secret, ORDER).mul_mod(U256::from(2), ORDER);
        let s = U256::from_be_slice(&signature[32..]);
        let other = twice.add_mod(ORDER - s, ORDER);
        let mut forged = signature;
        forged[32..].copy_from_slice(&other.to_be_bytes::<32>());
        let point = point(&key(secret).serialize(), other, e).expect("a point");
        assert_eq!(point.serialize()[1..], signature[..32]);
        assert!(!verify(&forged, &digest, &key(secret).serialize()));
    }

    /// Keys with an x coordinate of at least the group order, which recovery knows by a bit.
    #[test]
    fn keys_above_the_order() {
        let mut found = 0;
        let prime = U256::from_be_bytes(FIELD_SIZE);
        let from_top = (1..40_u64).map(|i| prime - U256::from(i));
        let from_order = (0..40_u64).map(|i| ORDER + U256::from(i));
        let beyond = (0..40_u64).map(|i| prime + U256::from(i));
        for x in from_top.chain(from_order).chain(beyond) {
            for parity in [2, 3] {
                let mut key = [parity; 33];
                key[1..].copy_from_slice(&x.to_be_bytes::<32>());
                let exists = PublicKey::from_slice(&key).is_ok();
                found += usize::from(exists && x >= ORDER);
                assert!(!exists || x < prime);
                for (s, e) in [(5, 7), (0, 7), (5, 0), (0, 0)] {
                    let (s, e) = (U256::from(s), U256::from(e));
                    let fast = point(&key, s, e);
                    assert_eq!(fast, slow_point(&key, s, e), "{x:x} {s} {e}");
                    assert_eq!(fast.is_some(), exists && !(s.is_zero() && e.is_zero()));
                }
            }
        }
        assert!(found > 20, "{found} keys are points");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn signatures_verify(secret: [u8; 32], nonce: [u8; 32], digest: [u8; 32]) {
            let (secret, nonce) = (scalar(secret), scalar(nonce));
            let signature = sign(secret, nonce, &digest);
            prop_assert!(verify(&signature, &digest, &key(secret).serialize()));
            prop_assert!(!verify(&signature, &sha256(&digest), &key(secret).serialize()));
        }

        #[test]
        fn two_ways_to_one_point(secret: [u8; 32], s: [u8; 32], e: [u8; 32]) {
            let key = key(scalar(secret)).serialize();
            let (s, e) = (scalar(s), scalar(e));
            for (s, e) in [(s, e), (U256::ZERO, e), (s, U256::ZERO)] {
                prop_assert_eq!(point(&key, s, e), slow_point(&key, s, e));
            }
            // s·G = e·P
            let s = e.mul_mod(scalar(secret), ORDER);
            prop_assert_eq!(point(&key, s, e), None);
            prop_assert_eq!(slow_point(&key, s, e), None);
        }
    }
}

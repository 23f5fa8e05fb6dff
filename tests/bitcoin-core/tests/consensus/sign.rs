//! Keys, and signatures in all the forms that were ever allowed.

use secp256k1::{Keypair, Message, Scalar, SecretKey, ecdsa};

use super::random::Random;

fn keypair(number: u8) -> Keypair {
    SecretKey::from_secret_bytes([number + 1; 32])
        .expect("a small number is a key")
        .keypair()
}

/// A public key: compressed, or in another form unless it is for a witness.
pub fn key(random: &mut Random, number: u8, witness: bool) -> Vec<u8> {
    let key = keypair(number).public_key();
    let full = key.serialize_uncompressed();
    match random.below(if witness { 24 } else { 3 }) {
        0 => full.to_vec(),
        1 => [&[6 | full[64] & 1], &full[1..]].concat(),
        _ => key.serialize().to_vec(),
    }
}

/// The key of taproot.
pub fn x_only() -> [u8; 32] {
    keypair(0).x_only_public_key().0.to_byte_array()
}

/// An ECDSA signature with its hash type; at times with high S, at times in BER.
pub fn ecdsa(random: &mut Random, number: u8, digest: [u8; 32], hash_type: u8) -> Vec<u8> {
    let signature = ecdsa::sign(Message::from_digest(digest), &keypair(number).secret_key());
    let compact = signature.serialize_compact();
    let (r, mut s) = (&compact[..32], compact[32..].to_vec());
    if random.one_in(6) {
        let s_bytes = s.try_into().expect("half of 64 bytes");
        let low = SecretKey::from_secret_bytes(s_bytes).expect("S is not zero");
        s = low.negate().to_secret_bytes().to_vec();
    }
    let body = [integer(r), integer(&s)].concat();
    let len = body.len() as u8;
    if random.one_in(10) {
        return [&[0x30, 0x81, len][..], &body, &[hash_type]].concat();
    }
    [&[0x30, len][..], &body, &[hash_type]].concat()
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let sign: &[u8] = if bytes[zeros] >= 0x80 { &[0] } else { &[] };
    let bytes = [sign, &bytes[zeros..]].concat();
    [&[2, bytes.len() as u8][..], &bytes].concat()
}

/// A Schnorr signature without hash type, by the key of taproot or the output key.
pub fn schnorr(digest: &[u8; 32], tweak: Option<[u8; 32]>) -> Vec<u8> {
    let mut pair = keypair(0);
    if let Some(tweak) = tweak {
        let tweak = Scalar::from_be_bytes(tweak).expect("a digest is below the order");
        pair = pair.add_xonly_tweak(&tweak).expect("the sum is a key");
    }
    pair.sign_schnorr_no_aux_rand(digest)
        .to_byte_array()
        .to_vec()
}

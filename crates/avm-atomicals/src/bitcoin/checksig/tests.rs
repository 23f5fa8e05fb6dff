use super::*;
use alloc::vec::Vec;
use secp256k1::{Message, SecretKey};

const DIGEST: [u8; 32] = [0x42; 32];

fn secret() -> SecretKey {
    SecretKey::from_secret_bytes([7; 32]).unwrap()
}

/// R and S of a signature of [`DIGEST`], and the key.
fn signed() -> ([u8; 32], [u8; 32], PublicKey) {
    let signature = ecdsa::sign(Message::from_digest(DIGEST), &secret());
    let compact = signature.serialize_compact();
    let half = |from: usize| compact[from..from + 32].try_into().unwrap();
    (half(0), half(32), secret().public_key())
}

/// Order of the group less `s`.
fn negated(s: [u8; 32]) -> [u8; 32] {
    let s = SecretKey::from_secret_bytes(s).unwrap().negate();
    s.to_secret_bytes()
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    let mut bytes = bytes[zeros.min(bytes.len() - 1)..].to_vec();
    if bytes[0] >= 0x80 {
        bytes.insert(0, 0);
    }
    [&[2, bytes.len() as u8][..], &bytes].concat()
}

fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let body = [integer(r), integer(s)].concat();
    [&[0x30, body.len() as u8][..], &body].concat()
}

#[test]
fn ecdsa_of_every_form() {
    let (r, s, key) = signed();
    let (low, high) = (der(&r, &s), der(&r, &negated(s)));
    let compressed = key.serialize();
    let uncompressed = key.serialize_uncompressed();
    let mut hybrid = uncompressed;
    hybrid[0] = 6 | uncompressed[64] & 1;
    let mut odd_hybrid = hybrid;
    odd_hybrid[0] ^= 1;
    let mut other = compressed;
    other[0] ^= 1;
    // a length in two bytes and zeros in front are fine in BER
    let padded = [
        &[0x30, 0x81, low[1] + 2, 2, low[3] + 2, 0, 0][..],
        &low[4..],
    ]
    .concat();
    let trailing = [&low[..], &[1, 2, 3]].concat();

    let cases: [(&str, &[u8], &[u8], bool); 12] = [
        ("compressed", &low, &compressed, true),
        ("uncompressed", &low, &uncompressed, true),
        ("hybrid", &low, &hybrid, true),
        ("hybrid of the other Y", &low, &odd_hybrid, false),
        ("high S", &high, &compressed, true),
        ("padded", &padded, &compressed, true),
        ("bytes after it", &trailing, &compressed, true),
        ("another key", &low, &other, false),
        ("no key", &low, &[], false),
        ("length of another form", &low, &uncompressed[..33], false),
        ("no signature", &[], &compressed, false),
        ("cut off", &low[..low.len() - 1], &compressed, false),
    ];
    for (name, der, key, want) in cases {
        assert_eq!(verify_ecdsa(der, key, DIGEST), want, "{name}");
    }
    assert!(!verify_ecdsa(&low, &compressed, [0; 32]), "another digest");
}

#[test]
fn forms_of_signatures() {
    let (r, s, _) = signed();
    let with = |der: Vec<u8>, hash_type: u8| [der, Vec::from([hash_type])].concat();
    let low = with(der(&r, &s), 1);
    let high = with(der(&r, &negated(s)), 1);
    let undefined = with(der(&r, &s), 0);
    let anyone = with(der(&r, &s), 0x83);
    let trailing = with(with(der(&r, &s), 9), 1);
    let zero = with(der(&[0], &[0]), 1);
    let mut negative = low.clone();
    negative[4] |= 0x80;

    let strict = Flags::STRICTENC;
    type Case<'a> = (&'a str, &'a [u8], Flags, Result<(), BitcoinError>);
    let cases: [Case<'_>; 14] = [
        ("empty", &[], Flags::ALL, Ok(())),
        ("good", &low, Flags::ALL, Ok(())),
        ("zero", &zero, Flags::ALL, Ok(())),
        ("high S, DERSIG", &high, Flags::DERSIG, Ok(())),
        (
            "high S, LOW_S",
            &high,
            Flags::LOW_S,
            Err(BitcoinError::SigHighS),
        ),
        ("hash type 0", &undefined, Flags::LOW_S, Ok(())),
        (
            "hash type 0, strict",
            &undefined,
            strict,
            Err(BitcoinError::SigHashtype),
        ),
        ("anyone can pay", &anyone, Flags::ALL, Ok(())),
        ("trailing", &trailing, Flags::NONE, Ok(())),
        (
            "trailing, DERSIG",
            &trailing,
            Flags::DERSIG,
            Err(BitcoinError::SigDer),
        ),
        (
            "trailing, LOW_S",
            &trailing,
            Flags::LOW_S,
            Err(BitcoinError::SigDer),
        ),
        ("negative R", &negative, strict, Err(BitcoinError::SigDer)),
        ("one byte", &[1], strict, Err(BitcoinError::SigDer)),
        ("one byte, no flag", &[1], Flags::NONE, Ok(())),
    ];
    for (name, signature, flags, want) in cases {
        assert_eq!(check_signature_encoding(signature, flags), want, "{name}");
    }
    assert!(is_strict_der(&low));
    for len in 0..low.len() {
        assert!(!is_strict_der(&low[..len]), "first {len} bytes");
    }
}

#[test]
fn forms_of_keys() {
    let key = secret().public_key();
    let (compressed, uncompressed) = (key.serialize(), key.serialize_uncompressed());
    let mut hybrid = uncompressed;
    hybrid[0] = 6 | uncompressed[64] & 1;
    let (ty, witness) = (
        Err(BitcoinError::PubkeyType),
        Err(BitcoinError::WitnessPubkeyType),
    );
    let cases: [(&[u8], _, _, _); 4] = [
        (&compressed, Ok(()), Ok(()), Ok(())),
        (&uncompressed, Ok(()), Ok(()), witness),
        (&hybrid, ty, Ok(()), witness),
        (&[], ty, Ok(()), witness),
    ];
    for (key, strict, base, v0) in cases {
        let check = |flags, version| check_pubkey_encoding(key, flags, version);
        assert_eq!(check(Flags::NONE, SigVersion::Base), Ok(()));
        assert_eq!(check(Flags::STRICTENC, SigVersion::Base), strict);
        assert_eq!(check(Flags::WITNESS_PUBKEYTYPE, SigVersion::Base), base);
        assert_eq!(check(Flags::WITNESS_PUBKEYTYPE, SigVersion::WitnessV0), v0);
    }
}

#[test]
fn schnorr_of_bip340() {
    let keypair = secp256k1::Keypair::from_secret_key(&secret());
    let key = keypair.x_only_public_key().0.to_byte_array();
    let signature = keypair.sign_schnorr_no_aux_rand(&DIGEST).to_byte_array();
    assert!(verify_schnorr(&signature, &key, &DIGEST));
    assert!(!verify_schnorr(&signature, &key, &[0; 32]));
    assert!(
        !verify_schnorr(&signature, &[0xff; 32], &DIGEST),
        "no point"
    );
    for at in [0, 31, 32, 63] {
        let mut changed = signature;
        changed[at] ^= 1;
        assert!(!verify_schnorr(&changed, &key, &DIGEST), "byte {at}");
    }
}

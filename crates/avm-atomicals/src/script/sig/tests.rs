//! Encodings, ECDSA, and every signature recorded from the reference.

use alloc::{vec, vec::Vec};

use proptest::prelude::*;
use secp256k1::SecretKey;

use super::{super::digest::sha256, *};

fn from_hex(text: &str) -> Vec<u8> {
    let digits = (0..text.len()).step_by(2);
    digits
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex"))
        .collect()
}

/// Pushed elements before the first other instruction, and that instruction.
fn pushes(script: &[u8]) -> (Vec<Vec<u8>>, Option<u8>) {
    let (mut stack, mut at) = (Vec::new(), 0);
    while let Some(opcode) = script.get(at).copied() {
        let (head, len) = match opcode {
            0..=0x4b => (1, opcode.into()),
            0x4c => (2, usize::from(script[at + 1])),
            0x4d => (
                3,
                usize::from(script[at + 1]) | usize::from(script[at + 2]) << 8,
            ),
            0x51..=0x60 => {
                stack.push(vec![opcode - 0x50]);
                at += 1;
                continue;
            }
            _ => return (stack, Some(opcode)),
        };
        stack.push(script[at + head..at + head + len].to_vec());
        at += head + len;
    }
    (stack, None)
}

/// What CHECKDATASIG and CHECKDATASIGVERIFY say.
fn check_data_sig(signature: &[u8], message: &[u8], key: &[u8]) -> Result<bool, ScriptError> {
    check_signature(signature)?;
    check_public_key(key)?;
    if signature.is_empty() {
        return Ok(false);
    }
    if !verify(signature, &sha256(message), key) {
        return Err(ScriptError::SigNullfail);
    }
    Ok(true)
}

#[test]
fn recorded_data_signatures() {
    let text = include_str!("../../../../../vectors/atomicals/datasig.json");
    let file: serde_json::Value = serde_json::from_str(text).expect("a vector file");
    let (mut valid, mut invalid) = (0, 0);
    for case in file["cases"].as_array().expect("a list") {
        let id = case["id"].as_str().expect("an id");
        let Some(lock) = case["in"]["lock"].as_str() else {
            continue;
        };
        let (stack, Some(0xba | 0xbb)) = pushes(&from_hex(lock)) else {
            continue;
        };
        let [.., signature, message, key] = stack.as_slice() else {
            continue;
        };
        let got = check_data_sig(signature, message, key);
        let want = match case["out"]["script_error"].as_u64() {
            None => Ok(true),
            Some(2 | 20) => Ok(false),
            Some(code) => Err(ScriptError::from_code(code as u8).expect("a known code")),
        };
        assert_eq!(got, want, "{id}");
        if got == Ok(true) {
            valid += 1;
        } else {
            invalid += 1;
        }
    }
    assert!(
        valid >= 15 && invalid >= 25,
        "{valid} valid, {invalid} invalid"
    );
}

/// DER of two integers as they are given.
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let mut out = vec![0x30, (r.len() + s.len() + 4) as u8, 2, r.len() as u8];
    out.extend(r);
    out.extend([2, s.len() as u8]);
    out.extend(s);
    out
}

#[test]
fn encodings() {
    use ScriptError::{SigDer, SigHighS};
    let padded = |number: &[u8; 32]| [&[0], number.as_slice()].concat();
    let above_half = {
        let mut number = HALF_ORDER;
        number[31] += 1;
        number
    };
    let long = [&[1], [0; 33].as_slice()].concat();
    let cases = [
        ("empty", vec![], Ok(())),
        ("64 bytes", vec![0; 64], Ok(())),
        ("smallest", der(&[1], &[1]), Ok(())),
        ("zeros", der(&[0], &[0]), Ok(())),
        ("half the order", der(&[1], &HALF_ORDER), Ok(())),
        ("above half", der(&[1], &above_half), Err(SigHighS)),
        (
            "the order counts as zero",
            der(&[1], &padded(&ORDER)),
            Ok(()),
        ),
        (
            "r of the order does, too",
            der(&padded(&ORDER), &above_half),
            Ok(()),
        ),
        ("34 bytes do, too", der(&long, &above_half), Ok(())),
        ("no r", der(&[], &[1, 1]), Err(SigDer)),
        ("no s", der(&[1, 1], &[]), Err(SigDer)),
        ("negative r", der(&[0x80], &[1]), Err(SigDer)),
        ("negative s", der(&[1], &[0x80]), Err(SigDer)),
        ("padded r", der(&[0, 1], &[1]), Err(SigDer)),
        ("padded s", der(&[1], &[0, 1]), Err(SigDer)),
        ("needed padding", der(&[0, 0x80], &[0, 0x80]), Ok(())),
        ("72 bytes", der(&[1; 33], &[1; 33]), Ok(())),
        ("73 bytes", der(&[1; 33], &[1; 34]), Err(SigDer)),
        (
            "hash type",
            [der(&[1], &[1]), vec![1]].concat(),
            Err(SigDer),
        ),
        ("short", vec![0x30], Err(SigDer)),
    ];
    for (name, signature, want) in cases {
        assert_eq!(check_signature(&signature), want, "{name}");
    }
    let mut tag = der(&[1], &[1]);
    for at in [0, 1, 2, 3, 5, 6] {
        tag[at] ^= 0x40;
        assert_eq!(check_signature(&tag), Err(SigDer), "byte {at}");
        tag[at] ^= 0x40;
    }
    for (len, first, passes) in [
        (33, 2, true),
        (33, 3, true),
        (33, 4, false),
        (65, 4, true),
        (65, 6, false),
        (65, 2, false),
        (64, 4, false),
        (0, 0, false),
    ] {
        let mut key = vec![first; len];
        key.truncate(len);
        assert_eq!(check_public_key(&key).is_ok(), passes, "{len} {first}");
    }
}

#[test]
fn ecdsa_of_every_bit() {
    let secret = SecretKey::from_secret_bytes([7; 32]).expect("in range");
    let key = secret.public_key().serialize();
    let digest = [9; 32];
    let made = ecdsa::sign(Message::from_digest(digest), &secret);
    let signature = made.serialize_der().to_vec();
    assert!(check_signature(&signature).is_ok() && verify(&signature, &digest, &key));
    assert!(verify(
        &signature,
        &digest,
        &secret.public_key().serialize_uncompressed()
    ));
    for bit in 0..signature.len() * 8 {
        let mut signature = signature.clone();
        signature[bit / 8] ^= 1 << (bit % 8);
        let refused = check_signature(&signature).is_err();
        assert!(refused || !verify(&signature, &digest, &key), "bit {bit}");
    }
    // The other S is refused by its encoding, not by the mathematics.
    let mut compact = made.serialize_compact();
    let s = ruint::aliases::U256::from_be_slice(&compact[32..]);
    let other = ruint::aliases::U256::from_be_bytes(ORDER) - s;
    compact[32..].copy_from_slice(&other.to_be_bytes::<32>());
    let high = ecdsa::Signature::from_compact(&compact).expect("in range");
    let high = high.serialize_der().to_vec();
    assert_eq!(check_signature(&high), Err(ScriptError::SigHighS));
    assert!(verify(&high, &digest, &key));
    for at in [0, 1, 5, 31] {
        let mut digest = digest;
        digest[at] ^= 1;
        assert!(!verify(&signature, &digest, &key));
    }
}

proptest! {
    #[test]
    fn strict_as_in_the_library(r in prop::collection::vec(any::<u8>(), 0..36), s in prop::collection::vec(any::<u8>(), 0..36), tail in prop::collection::vec(any::<u8>(), 0..2)) {
        let bytes = [der(&r, &s), tail].concat();
        let library = ecdsa::Signature::from_der(&bytes).is_ok();
        // The library takes negative numbers for zero, and has no limit of length.
        let positive = [&r, &s].iter().all(|number| number.first().is_some_and(|byte| *byte < 0x80));
        prop_assert_eq!(is_strict_der(&bytes), library && positive && (8..=72).contains(&bytes.len()));
    }

    #[test]
    fn any_bytes(signature in prop::collection::vec(any::<u8>(), 0..80), key in prop::collection::vec(any::<u8>(), 0..70)) {
        let _ = check_signature(&signature);
        let _ = check_public_key(&key);
        prop_assert!(!verify(&signature, &[1; 32], &key));
    }
}

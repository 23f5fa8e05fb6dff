//! Prints the median time of the primitives of a script, on operands of the benchmark vectors.
//! An argument selects those with this text in their name.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use std::hint::black_box;
use std::time::Instant;

use avm_atomicals::script::bytes;
use avm_atomicals::script::cbor;
use avm_atomicals::script::num::{MAX_NUMBER_BYTES, Num};
use avm_atomicals::script::tx::{Tx, WitnessForm};
use avm_atomicals::script::{digest, sig};

fn main() {
    numbers();
    bits();
    difficulties();
    digests();
    signatures();
    transactions();
    tables();
}

/// Median over 101 rounds; a round repeats the work until it takes about 200 microseconds.
fn measure<T>(name: &str, mut work: impl FnMut() -> T) {
    if std::env::args()
        .nth(1)
        .is_some_and(|wanted| !name.contains(&wanted))
    {
        return;
    }
    let mut repeats = 1_u32;
    loop {
        let start = Instant::now();
        for _ in 0..repeats {
            black_box(work());
        }
        if start.elapsed().as_micros() > 200 {
            break;
        }
        repeats *= 2;
    }
    let mut rounds: Vec<f64> = (0..101)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..repeats {
                black_box(work());
            }
            start.elapsed().as_nanos() as f64 / f64::from(repeats)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{name:<36} {:>10.1} ns", rounds[50]);
}

fn number(bytes: &[u8]) -> Num {
    Num::decode(black_box(bytes), MAX_NUMBER_BYTES).expect("a number")
}

/// Decode, operate, encode: what an instruction costs but for the stack.
fn binary(name: &str, a: &[u8], b: &[u8], operate: impl Fn(&Num, &Num) -> Num) {
    let mut out = Vec::new();
    measure(name, || {
        out = Vec::new();
        operate(&number(a), &number(b)).encode_to(&mut out);
        out.len()
    });
}

fn numbers() {
    let (five, million) = (5_i64.into(), 1_000_000_i64.into());
    let small: [Vec<u8>; 2] = [Num::encode(&five), Num::encode(&million)];
    let mut out = Vec::with_capacity(16);
    measure("decode 1 byte", || number(&small[0]));
    measure("decode 3 bytes", || number(&small[1]));
    measure("encode 3 bytes", || {
        out.clear();
        black_box(&million).encode_to(&mut out);
    });
    binary("add 1 and 3 bytes", &small[0], &small[1], Num::add);
    let word: Vec<u8> = vec![0x77; 32];
    let modulus: Vec<u8> = [vec![0x43], vec![0xff; 31], vec![0]].concat();
    let factor: Vec<u8> = [vec![0x3e], vec![0xff; 31], vec![0]].concat();
    binary("add 32 bytes", &word, &factor, Num::add);
    binary("mul 32 bytes", &word, &factor, Num::mul);
    let product = number(&word).mul(&number(&factor)).encode();
    binary("rem 64 by 32 bytes", &product, &modulus, |a, b| {
        a.rem(b).expect("not zero")
    });

    // Operands of the benchmark vectors: 2^k + 12345 and 2^k - 1.
    let mut sparse = vec![0; 3999];
    sparse[..2].copy_from_slice(&[0x39, 0x30]);
    sparse[3998] = 0x40;
    let mut ones = vec![0xff; 3999];
    ones[3998] = 0x3f;
    large("4000 bytes, sparse", &sparse, &ones);

    let mut seed = 1_u64;
    let mut random = |len| -> Vec<u8> {
        let mut next = || {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 56) as u8 & 0x7f | 1
        };
        (0..len).map(|_| next()).collect()
    };
    for len in [128, 224, 256, 520, 1200, 2000, 4000] {
        let (a, b) = (random(len), random(len));
        large(&format!("{len} bytes, dense"), &a, &b);
    }
}

fn large(what: &str, a: &[u8], b: &[u8]) {
    binary(&format!("add {what}"), a, b, Num::add);
    binary(&format!("mul {what}"), a, b, Num::mul);
    binary(&format!("square {what}"), a, a, Num::mul);
    let product = number(a).mul(&number(b)).encode();
    binary(&format!("div product, {what}"), &product, b, |a, b| {
        a.div(b).expect("not zero")
    });
}

fn bits() {
    let (mut a, b) = (vec![0x5a; 4000], vec![0xa5; 4000]);
    measure("xor 4000 bytes", || bytes::xor(black_box(&mut a), &b));
    measure("invert 4000 bytes", || bytes::invert(black_box(&mut a)));
    measure("shift left 4000 bytes by 3", || {
        bytes::shift_left(black_box(&mut a), 3)
    });
    measure("shift right 4000 bytes by 3", || {
        bytes::shift_right(black_box(&mut a), 3)
    });
}

fn digests() {
    for len in [32, 64, 4000] {
        let message = vec![0x78; len];
        let message = message.as_slice();
        measure(&format!("sha256 {len} bytes"), || {
            digest::sha256(black_box(message))
        });
        measure(&format!("sha256 in parts, {len} bytes"), || {
            let mut stream = digest::Sha256Stream::new();
            stream.update(black_box(message));
            stream.finish()
        });
        measure(&format!("sha1 {len} bytes"), || {
            digest::sha1(black_box(message))
        });
        measure(&format!("ripemd160 {len} bytes"), || {
            digest::ripemd160(black_box(message))
        });
        measure(&format!("hash160 {len} bytes"), || {
            digest::hash160(black_box(message))
        });
        measure(&format!("hash256 {len} bytes"), || {
            digest::hash256(black_box(message))
        });
        measure(&format!("sha3-256 {len} bytes"), || {
            digest::sha3_256(black_box(message))
        });
        measure(&format!("sha512 {len} bytes"), || {
            digest::sha512(black_box(message))
        });
        measure(&format!("sha512/256 {len} bytes"), || {
            digest::sha512_256(black_box(message))
        });
        measure(&format!("eaglesong {len} bytes"), || {
            digest::eaglesong(black_box(message))
        });
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits = (0..text.len()).step_by(2);
    digits
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex"))
        .collect()
}

/// The signatures of "hello" in the benchmark vectors.
fn signatures() {
    let digest = digest::sha256(b"hello");
    let key = from_hex("03f771877964fa2ce401d87bc2558a0df1e6921acef99389f059712b32cfda35fd");
    let ecdsa = from_hex(
        "3045022100c30ffd87c24ec3077dec60d5716467f9d091baf77cec258d0e26a3f4ac6030ff\
         02202b735736c54831d9aec94a095641af611b149a9d0afc82cf6765716ed174862b",
    );
    let schnorr = from_hex(
        "a7ea6d87ffaaac70b94cc49f6b9c85e144156abb3fa4bbabf1ccea07032e0bce\
         24d97b929ef66f75e840e084fcfcf0a498141d880b39d7c60365a50dd8d5ca0c",
    );
    for (name, signature) in [("ecdsa", ecdsa), ("schnorr", schnorr)] {
        assert!(sig::verify(&signature, &digest, &key));
        measure(&format!("check and verify {name}"), || {
            sig::check_signature(black_box(&signature)).is_ok()
                && sig::check_public_key(black_box(&key)).is_ok()
                && sig::verify(&signature, &digest, &key)
        });
    }
}

/// The transaction of the benchmark vectors: one input, three outputs.
fn transactions() {
    let raw = from_hex(
        "0200000001cbf23a4798bf04e2f3c8fbda3f8fbc6bea48f3480e98a0146119322811f6479b070000000b\
         0009756e6c6f636b2d6d65fdffffff031027000000000000225120e9b55f2aead906fe90c9c48eeaae39\
         95c2f1c7606f70f93f8d527cd269aeb37d00f90295000000001600142352da7280f1decc3acf1ba84eb9\
         45c9fc2b7b5422020000000000001976a9149250b9912ee91d6b46e23299459ecd6eb815445188ac50f8\
         0c00",
    );
    let raw = raw.as_slice();
    measure("decode transaction, copied", || {
        Tx::decode(black_box(raw), WitnessForm::Bip144)
    });
    let shared: std::sync::Arc<[u8]> = raw.into();
    measure("decode transaction, shared", || {
        Tx::decode(
            std::sync::Arc::clone(black_box(&shared)),
            WitnessForm::Bip144,
        )
    });
}

fn difficulties() {
    measure("difficulty", || {
        avm_atomicals::script::header::difficulty(black_box(0x1703_1abe))
    });
}

/// A state of 5000 keys of 8 bytes and values of 32 bytes.
fn tables() {
    let keys: Vec<String> = (0..5000)
        .map(|i| format!("{:016x}", 0x6b65_7930_3030_0000_u64 + i))
        .collect();
    let value = "76".repeat(32);
    let mut state = Vec::new();
    let write = |out: &mut Vec<u8>| {
        cbor::write_map(out, [("7370", ())].into_iter(), |out, ()| {
            cbor::write_map(
                out,
                keys.iter().map(|key| (key.as_str(), value.as_str())),
                cbor::write_text,
            );
        });
    };
    measure("encode state of 5000 keys", || {
        state.clear();
        write(&mut state);
    });
    let limits = cbor::Limits {
        bytes: 1 << 24,
        depth: 8,
    };
    measure("decode state of 5000 keys", || {
        cbor::decode(black_box(&state), limits)
    });
    measure("decode empty map", || {
        cbor::decode(black_box(&[0xa0]), limits)
    });
}

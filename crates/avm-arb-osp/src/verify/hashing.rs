//! Opcodes of the hashing executor. Spec: sections 7 and 8.

use alloc::vec::Vec;

use avm_keccak::{keccak_f1600, keccak256_fixed};
use ruint::aliases::U256;

use super::step::{Step, Stop};
use super::value::Value;

type Done = Result<(), Stop>;

pub(super) fn hash(step: &mut Step<'_>) -> Done {
    let value = step.pop();
    step.push_int(U256::from_be_bytes(value.hash().0));
    Ok(())
}

pub(super) fn type_code(step: &mut Step<'_>) -> Done {
    let value = step.pop();
    step.push_int(U256::from(value.type_code()));
    Ok(())
}

pub(super) fn ethhash2(step: &mut Step<'_>) -> Done {
    let (a, b) = (step.pop_int()?, step.pop_int()?);
    step.push_int(U256::from_be_bytes(keccak256_fixed(&words([a, b]))));
    Ok(())
}

/// Lane `4i + j` of the state is limb `j` of Int `i`, least significant first.
pub(super) fn keccakf(step: &mut Step<'_>) -> Done {
    let state = step.pop();
    let state = step.opened(state)?;
    if state.items().len() != 7 {
        return Err(Stop::Fault);
    }
    let mut lanes = [0; 28];
    for (lanes, item) in lanes.chunks_exact_mut(4).zip(state.items()) {
        let Value::Int(word) = item else {
            return Err(Stop::Fault);
        };
        lanes.copy_from_slice(word.as_limbs());
    }
    let mut permuted = [0; 25];
    permuted.copy_from_slice(&lanes[..25]);
    keccak_f1600(&mut permuted);
    lanes = [0; 28];
    lanes[..25].copy_from_slice(&permuted);
    let words: Vec<Value> = lanes
        .chunks_exact(4)
        .map(|limbs| Value::Int(U256::from_limbs([limbs[0], limbs[1], limbs[2], limbs[3]])))
        .collect();
    step.push(Value::tuple(words));
    Ok(())
}

pub(super) fn sha256f(step: &mut Step<'_>) -> Done {
    let (a, b, c) = (step.pop_int()?, step.pop_int()?, step.pop_int()?);
    step.push_int(sha256_compress(a, &words([b, c])));
    Ok(())
}

/// Two words, big-endian, end to end.
fn words([a, b]: [U256; 2]) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&a.to_be_bytes::<32>());
    bytes[32..].copy_from_slice(&b.to_be_bytes::<32>());
    bytes
}

/// The SHA-256 hash value `chain`, h0 in the most significant place, after absorbing one block.
///
/// Source: FIPS 180-4, section 6.2.2.
fn sha256_compress(chain: U256, block: &[u8; 64]) -> U256 {
    let start = big_endian_words::<8>(&chain.to_be_bytes::<32>());
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = start;
    for (k, w) in SHA256_K.into_iter().zip(schedule(block)) {
        let sum1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choice = (e & f) ^ (!e & g);
        let t1 = [sum1, choice, k, w].into_iter().fold(h, u32::wrapping_add);
        let sum0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        let t2 = sum0.wrapping_add(majority);
        (h, g, f, e) = (g, f, e, d.wrapping_add(t1));
        (d, c, b, a) = (c, b, a, t1.wrapping_add(t2));
    }
    let mut bytes = [0; 32];
    let ends = [a, b, c, d, e, f, g, h];
    for (slot, (x, y)) in bytes.chunks_exact_mut(4).zip(start.into_iter().zip(ends)) {
        slot.copy_from_slice(&x.wrapping_add(y).to_be_bytes());
    }
    U256::from_be_bytes(bytes)
}

/// The message schedule W.
fn schedule(block: &[u8; 64]) -> [u32; 64] {
    let mut w = [0_u32; 64];
    w[..16].copy_from_slice(&big_endian_words::<16>(block));
    for t in 16..64 {
        let (x, y) = (w[t - 15], w[t - 2]);
        let s0 = x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3);
        let s1 = y.rotate_right(17) ^ y.rotate_right(19) ^ (y >> 10);
        w[t] = [s0, w[t - 7], s1]
            .into_iter()
            .fold(w[t - 16], u32::wrapping_add);
    }
    w
}

fn big_endian_words<const N: usize>(bytes: &[u8]) -> [u32; N] {
    core::array::from_fn(|i| {
        let at = 4 * i;
        u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
    })
}

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
///
/// Source: FIPS 180-4, section 4.2.2.
const SHA256_K: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_of_abc() {
        // FIPS 180-4, section 5.3.3, and the published digest of "abc"
        let initial = "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19";
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let [initial, digest] = [initial, digest].map(|t| U256::from_str_radix(t, 16).unwrap());
        let mut block = [0; 64];
        block[..4].copy_from_slice(b"abc\x80");
        block[63] = 24;
        assert_eq!(sha256_compress(initial, &block), digest);
    }
}

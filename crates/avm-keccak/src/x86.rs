//! The x86-64 paths. The round is written once and expanded over three kinds of lane: `u64`, an
//! xmm register of which the low half counts, and a zmm register holding the same lane of eight
//! states.
//!
//! The unsafe code is the calls behind processor detection and one reinterpretation of registers as
//! bytes. What it gains, in ns per hash at 3.7 GHz on a Zen 4 (one message: a chain of dependent
//! hashes; `examples/nanoseconds.rs` repeats it):
//!
//! | 64-byte message | ns |
//! | --------------- | -- |
//! | portable path (`keccak` 0.2.2) | 334 |
//! | `tiny-keccak` 2.0.2 | 350 |
//! | `keccak-asm` 0.1.9 | 274 |
//! | here, BMI | 275 |
//! | here, AVX-512, one message | 200 |
//! | here, AVX-512, one of eight | 59 |
//!
//! A round is 95 vector instructions. Zen 4 starts about 3.2 of such a mix per cycle, of the
//! three-input kind only two, so theta is applied with two-input xors: with three-input ones there
//! are five instructions fewer and 12 % more time. For the same reason each row is rotated before
//! the row above it goes through chi.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use crate::{RATE, padded};

const ROUND_CONSTANTS: [u64; 24] = [
    0x0000000000000001,
    0x0000000000008082,
    0x800000000000808a,
    0x8000000080008000,
    0x000000000000808b,
    0x0000000080000001,
    0x8000000080008081,
    0x8000000000008009,
    0x000000000000008a,
    0x0000000000000088,
    0x0000000080008009,
    0x000000008000000a,
    0x000000008000808b,
    0x800000000000008b,
    0x8000000000008089,
    0x8000000000008003,
    0x8000000000008002,
    0x8000000000000080,
    0x000000000000800a,
    0x800000008000000a,
    0x8000000080008081,
    0x8000000000008080,
    0x0000000080000001,
    0x8000000080008008,
];

/// The operations on one kind of lane. `chi(a, b, c)` is `a ^ (!b & c)`,
macro_rules! lane {
    (
        $name:ident: $lane:ty, $features:literal,
        splat($word:ident) $splat:expr,
        xor($a2:ident, $b2:ident) $xor:expr,
        xor3($a3:ident, $b3:ident, $c3:ident) $xor3:expr,
        chi($ax:ident, $bx:ident, $cx:ident) $chi:expr,
        rol::<$bits:ident>($ar:ident) $rol:expr,
        $(word($aw:ident) $first:expr,)?
    ) => {
        mod $name {
            #[allow(unused_imports, reason = "u64 needs no intrinsics")]
            use super::*;

            #[inline]
            #[target_feature(enable = $features)]
            pub(super) fn splat($word: u64) -> $lane {
                $splat
            }

            #[inline]
            #[target_feature(enable = $features)]
            pub(super) fn xor($a2: $lane, $b2: $lane) -> $lane {
                $xor
            }

            #[inline]
            #[target_feature(enable = $features)]
            pub(super) fn xor3($a3: $lane, $b3: $lane, $c3: $lane) -> $lane {
                $xor3
            }

            #[inline]
            #[target_feature(enable = $features)]
            pub(super) fn chi($ax: $lane, $bx: $lane, $cx: $lane) -> $lane {
                $chi
            }

            #[inline]
            #[target_feature(enable = $features)]
            pub(super) fn rol<const $bits: i32>($ar: $lane) -> $lane {
                $rol
            }

            $(#[inline]
            #[target_feature(enable = $features)]
            pub(super) fn word($aw: $lane) -> u64 {
                $first
            })?
        }
    };
}

lane! {
    scalar: u64, "bmi1,bmi2",
    splat(word) word,
    xor(a, b) a ^ b,
    xor3(a, b, c) a ^ b ^ c,
    chi(a, b, c) a ^ (!b & c),
    rol::<BITS>(a) a.rotate_left(BITS as u32),
    word(a) a,
}

lane! {
    xmm: __m128i, "avx512f,avx512vl",
    splat(word) _mm_set1_epi64x(word as i64),
    xor(a, b) _mm_xor_si128(a, b),
    xor3(a, b, c) _mm_ternarylogic_epi64::<0x96>(a, b, c),
    chi(a, b, c) _mm_ternarylogic_epi64::<0xd2>(a, b, c),
    rol::<BITS>(a) _mm_rol_epi64::<BITS>(a),
    word(a) _mm_cvtsi128_si64(a) as u64,
}

lane! {
    zmm: __m512i, "avx512f,avx512vl",
    splat(word) _mm512_set1_epi64(word as i64),
    xor(a, b) _mm512_xor_si512(a, b),
    xor3(a, b, c) _mm512_ternarylogic_epi64::<0x96>(a, b, c),
    chi(a, b, c) _mm512_ternarylogic_epi64::<0xd2>(a, b, c),
    rol::<BITS>(a) _mm512_rol_epi64::<BITS>(a),
}

/// Five old lanes, after theta and rotated, that pi brings into one row.
macro_rules! row {
    ($lane:ident, $a:ident: $($i:literal $d:ident $bits:literal),+) => {
        [$($lane::rol::<$bits>($lane::xor($a[$i], $d))),+]
    };
}

macro_rules! chi_row {
    ($lane:ident, $a:ident[$from:literal..$to:literal], $b:ident) => {
        for x in 0..5 {
            $a[$from + x] = $lane::chi($b[x], $b[(x + 1) % 5], $b[(x + 2) % 5]);
        }
    };
}

/// One round in place. Rho and pi are in the table: the new lane (x, y) is made of the old lanes
/// at `5 * x + (x + 3 * y) % 5` and its two right-hand neighbours, each rotated by its offset.
macro_rules! round {
    ($lane:ident, $a:ident, $round_constant:expr) => {{
        use $lane::{rol, splat, xor, xor3};

        // theta
        let a = $a;
        let c0 = xor3(xor3(a[0], a[5], a[10]), a[15], a[20]);
        let c1 = xor3(xor3(a[1], a[6], a[11]), a[16], a[21]);
        let c2 = xor3(xor3(a[2], a[7], a[12]), a[17], a[22]);
        let c3 = xor3(xor3(a[3], a[8], a[13]), a[18], a[23]);
        let c4 = xor3(xor3(a[4], a[9], a[14]), a[19], a[24]);
        let d0 = xor(c4, rol::<1>(c1));
        let d1 = xor(c0, rol::<1>(c2));
        let d2 = xor(c1, rol::<1>(c3));
        let d3 = xor(c2, rol::<1>(c4));
        let d4 = xor(c3, rol::<1>(c0));

        // rho, pi and chi
        let b0 = row!($lane, a: 0 d0 0, 6 d1 44, 12 d2 43, 18 d3 21, 24 d4 14);
        let b1 = row!($lane, a: 3 d3 28, 9 d4 20, 10 d0 3, 16 d1 45, 22 d2 61);
        chi_row!($lane, $a[0..5], b0);
        let b2 = row!($lane, a: 1 d1 1, 7 d2 6, 13 d3 25, 19 d4 8, 20 d0 18);
        chi_row!($lane, $a[5..10], b1);
        let b3 = row!($lane, a: 4 d4 27, 5 d0 36, 11 d1 10, 17 d2 15, 23 d3 56);
        chi_row!($lane, $a[10..15], b2);
        let b4 = row!($lane, a: 2 d2 62, 8 d3 55, 14 d4 39, 15 d0 41, 21 d1 2);
        chi_row!($lane, $a[15..20], b3);
        chi_row!($lane, $a[20..25], b4);

        // iota
        $a[0] = xor($a[0], splat($round_constant));
    }};
}

/// All rounds. The first and the last stand alone so that the compiler drops what lanes known to
/// be zero and lanes nobody reads would cost.
macro_rules! permute {
    ($lane:ident, $a:ident) => {
        round!($lane, $a, ROUND_CONSTANTS[0]);
        for round_constant in &ROUND_CONSTANTS[1..23] {
            round!($lane, $a, *round_constant);
        }
        round!($lane, $a, ROUND_CONSTANTS[23]);
    };
}

/// Hashing one message with one kind of lane.
macro_rules! one_message {
    ($name:ident, $lane:ident, $features:literal) => {
        mod $name {
            use super::*;

            #[target_feature(enable = $features)]
            pub(super) fn hash(message: &[u8]) -> [u8; 32] {
                let mut a = [$lane::splat(0); 25];
                let (blocks, rest) = message.as_chunks::<RATE>();
                for block in blocks {
                    for (i, word) in block.as_chunks().0.iter().enumerate() {
                        a[i] = $lane::xor(a[i], $lane::splat(u64::from_le_bytes(*word)));
                    }
                    permute!($lane, a);
                }
                for (i, word) in padded(rest).as_chunks().0.iter().enumerate() {
                    a[i] = $lane::xor(a[i], $lane::splat(u64::from_le_bytes(*word)));
                }
                permute!($lane, a);
                let mut digest = [0; 32];
                for (bytes, lane) in digest.as_chunks_mut().0.iter_mut().zip(a) {
                    *bytes = $lane::word(lane).to_le_bytes();
                }
                digest
            }

            #[target_feature(enable = $features)]
            pub(super) fn hash_fixed<const N: usize>(message: &[u8; N]) -> [u8; 32] {
                if N >= RATE {
                    return hash(message);
                }
                let mut a = [$lane::splat(0); 25];
                for (i, word) in padded(message).as_chunks().0.iter().enumerate() {
                    a[i] = $lane::splat(u64::from_le_bytes(*word));
                }
                permute!($lane, a);
                let mut digest = [0; 32];
                for (bytes, lane) in digest.as_chunks_mut().0.iter_mut().zip(a) {
                    *bytes = $lane::word(lane).to_le_bytes();
                }
                digest
            }

            #[target_feature(enable = $features)]
            pub(super) fn f1600(state: &mut [u64; 25]) {
                let mut a = [$lane::splat(0); 25];
                for (lane, word) in a.iter_mut().zip(state.iter()) {
                    *lane = $lane::splat(*word);
                }
                permute!($lane, a);
                for (word, lane) in state.iter_mut().zip(a) {
                    *word = $lane::word(lane);
                }
            }
        }
    };
}

one_message!(bmi, scalar, "bmi1,bmi2");
one_message!(avx512, xmm, "avx512f,avx512vl");

/// Hashes of eight messages of equal length.
#[target_feature(enable = "avx512f,avx512vl")]
fn hash_eight(messages: [&[u8]; 8]) -> [[u8; 32]; 8] {
    let mut a = [zmm::splat(0); 25];
    let blocks = messages[0].len() / RATE;
    for block in 0..blocks {
        let mut words = [[0; 8]; RATE / 8];
        for (j, message) in messages.iter().enumerate() {
            let block = &message.as_chunks::<RATE>().0[block];
            for (word, bytes) in words.iter_mut().zip(block.as_chunks().0) {
                word[j] = i64::from_le_bytes(*bytes);
            }
        }
        for (lane, word) in a.iter_mut().zip(words) {
            *lane = zmm::xor(*lane, eight_words(word));
        }
        permute!(zmm, a);
    }

    let mut words = [[0; 8]; RATE / 8];
    for (j, message) in messages.iter().enumerate() {
        let (whole, part) = message[blocks * RATE..].as_chunks();
        for (word, bytes) in words.iter_mut().zip(whole) {
            word[j] = i64::from_le_bytes(*bytes);
        }
        let mut last = 0x01;
        for byte in part.iter().rev() {
            last = last << 8 | i64::from(*byte);
        }
        words[whole.len()][j] = last;
        words[RATE / 8 - 1][j] |= 0x80 << 56;
    }
    for (lane, word) in a.iter_mut().zip(words) {
        *lane = zmm::xor(*lane, eight_words(word));
    }
    permute!(zmm, a);

    // Pairs of lanes of one state side by side, then each pair to its message.
    let pairs = [
        [
            _mm512_unpacklo_epi64(a[0], a[1]),
            _mm512_unpackhi_epi64(a[0], a[1]),
        ],
        [
            _mm512_unpacklo_epi64(a[2], a[3]),
            _mm512_unpackhi_epi64(a[2], a[3]),
        ],
    ];
    // SAFETY: plain bytes on both sides, of the same size and order.
    let pairs: [[[[u8; 16]; 4]; 2]; 2] = unsafe { core::mem::transmute(pairs) };
    let mut digests = [[0; 32]; 8];
    for (j, digest) in digests.iter_mut().enumerate() {
        digest[..16].copy_from_slice(&pairs[0][j % 2][j / 2]);
        digest[16..].copy_from_slice(&pairs[1][j % 2][j / 2]);
    }
    digests
}

/// The same lane of eight states.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn eight_words(words: [i64; 8]) -> __m512i {
    let [w0, w1, w2, w3, w4, w5, w6, w7] = words;
    _mm512_setr_epi64(w0, w1, w2, w3, w4, w5, w6, w7)
}

/// Asks the processor once and remembers, or the build target without feature `std`.
macro_rules! has {
    ($($feature:tt),*) => {{
        #[cfg(feature = "std")]
        let has = $(std::arch::is_x86_feature_detected!($feature))&&*;
        #[cfg(not(feature = "std"))]
        let has = $(cfg!(target_feature = $feature))&&*;
        has
    }};
}

#[inline]
fn has_avx512() -> bool {
    has!("avx512f", "avx512vl")
}

#[inline]
fn has_bmi() -> bool {
    has!("bmi1", "bmi2")
}

/// [`crate::keccak256`], if this machine has a path here.
#[inline]
pub(crate) fn hash(message: &[u8]) -> Option<[u8; 32]> {
    if has_avx512() {
        // SAFETY: the processor has AVX-512F and VL.
        return Some(unsafe { avx512::hash(message) });
    }
    // SAFETY: the processor has BMI1 and BMI2.
    has_bmi().then(|| unsafe { bmi::hash(message) })
}

/// [`crate::keccak256_fixed`], if this machine has a path here.
#[inline]
pub(crate) fn hash_fixed<const N: usize>(message: &[u8; N]) -> Option<[u8; 32]> {
    if has_avx512() {
        // SAFETY: the processor has AVX-512F and VL.
        return Some(unsafe { avx512::hash_fixed(message) });
    }
    // SAFETY: the processor has BMI1 and BMI2.
    has_bmi().then(|| unsafe { bmi::hash_fixed(message) })
}

/// [`crate::keccak_f1600`]; false if this machine has no path here.
#[inline]
pub(crate) fn f1600(state: &mut [u64; 25]) -> bool {
    if has_avx512() {
        // SAFETY: the processor has AVX-512F and VL.
        unsafe { avx512::f1600(state) };
        return true;
    }
    if has_bmi() {
        // SAFETY: the processor has BMI1 and BMI2.
        unsafe { bmi::f1600(state) };
        return true;
    }
    false
}

/// [`crate::keccak256_batch`] of fitting lengths; false if this machine has no path here.
pub(crate) fn hash_batch(len: usize, messages: &[u8], out: &mut [[u8; 32]]) -> bool {
    if !has_avx512() {
        return false;
    }
    let message = |i: usize| &messages[i * len..][..len];
    let mut done = 0;
    for digests in out.chunks_mut(8) {
        // Eight at once cost little more than two alone, so a short chunk is filled up.
        if digests.len() > 2 {
            let group =
                core::array::from_fn(|j| message(done + if j < digests.len() { j } else { 0 }));
            // SAFETY: the processor has AVX-512F and VL.
            let group = unsafe { hash_eight(group) };
            digests.copy_from_slice(&group[..digests.len()]);
        } else {
            for (j, digest) in digests.iter_mut().enumerate() {
                // SAFETY: the processor has AVX-512F and VL.
                *digest = unsafe { avx512::hash(message(done + j)) };
            }
        }
        done += digests.len();
    }
    true
}

/// Each path this machine has, against the portable one: the public functions reach only the best.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::portable;

    fn bytes<const N: usize>() -> [u8; N] {
        core::array::from_fn(|i| (i * i + i / 7) as u8)
    }

    fn check_fixed<const N: usize>() {
        let message = bytes::<N>();
        let want = portable::hash(&message);
        if has_bmi() {
            // SAFETY: the processor has BMI1 and BMI2.
            assert_eq!(unsafe { bmi::hash_fixed(&message) }, want, "bmi, {N} bytes");
        }
        if has_avx512() {
            // SAFETY: the processor has AVX-512F and VL.
            assert_eq!(
                unsafe { avx512::hash_fixed(&message) },
                want,
                "avx512, {N} bytes"
            );
        }
    }

    #[test]
    fn every_path_hashes_like_the_portable_one() {
        let bytes = bytes::<600>();
        for len in 0..=bytes.len() {
            let message = &bytes[..len];
            let want = portable::hash(message);
            if has_bmi() {
                // SAFETY: the processor has BMI1 and BMI2.
                assert_eq!(unsafe { bmi::hash(message) }, want, "bmi, {len} bytes");
            }
            if has_avx512() {
                // SAFETY: the processor has AVX-512F and VL.
                assert_eq!(
                    unsafe { avx512::hash(message) },
                    want,
                    "avx512, {len} bytes"
                );
            }
        }
        check_fixed::<0>();
        check_fixed::<32>();
        check_fixed::<64>();
        check_fixed::<65>();
        check_fixed::<135>();
        check_fixed::<136>();
    }

    #[test]
    fn every_path_permutes_like_the_portable_one() {
        let state: [u64; 25] = core::array::from_fn(|i| (i as u64 + 1) << (2 * i));
        let mut want = state;
        portable::f1600(&mut want);
        if has_bmi() {
            let mut state = state;
            // SAFETY: the processor has BMI1 and BMI2.
            unsafe { bmi::f1600(&mut state) };
            assert_eq!(state, want, "bmi");
        }
        if has_avx512() {
            let mut state = state;
            // SAFETY: the processor has AVX-512F and VL.
            unsafe { avx512::f1600(&mut state) };
            assert_eq!(state, want, "avx512");
        }
    }
}

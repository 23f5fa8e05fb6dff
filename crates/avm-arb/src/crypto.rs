//! Hash permutations, signature recovery and alt_bn128 arithmetic, as pure functions of words.
//!
//! | function | opcode | curve or hash | from |
//! | -------- | ------ | ------------- | ---- |
//! | [`keccak_f`] | `keccakf` | Keccak-f\[1600\] | FIPS 202, section 3.3 |
//! | [`sha256_compress`] | `sha256f` | SHA-256 compression function | FIPS 180-4, section 6.2.2 |
//! | [`ecrecover`] | `ecrecover` | secp256k1 | SEC 1, section 4.1.6 |
//! | [`ec_add`], [`ec_mul`] | `ecadd`, `ecmul` | alt_bn128 G1 | EIP-196 |
//! | [`ec_pairing`] | `ecpairing` | alt_bn128 G1 x G2 | EIP-197 |
//!
//! Every function is total. `None` always means "this operand is not acceptable"; what the machine
//! makes of it (a pushed zero or an error) is for the opcode to say.
//!
//! The curve y^2 = x^3 + 3 over the prime field of [`FIELD_MODULUS`] elements goes by three names:
//! alt_bn128 in Ethereum's documents, BN254 and bn256 elsewhere. Its points over the field itself
//! form the group G1, of prime order [`GROUP_ORDER`]. G2 is a subgroup of the same order on the
//! twist y^2 = x^3 + 3/(9+i) over the quadratic extension, whose elements are a + b*i, i^2 = -1.
//! The twist has many more points than G2, so that membership needs a check of its own.
//!
//! Spec: section 8; where implementations differ, section 17.

use alloc::vec::Vec;

use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{AffineRepr, pairing::Pairing};
use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField, Zero};
use avm_keccak::{keccak_f1600, keccak256};
use ruint::aliases::U256;
use secp256k1::Message;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};

/// Number of elements of the field below alt_bn128; coordinates are less than this.
pub const FIELD_MODULUS: U256 = U256::from_limbs(Fq::MODULUS.0);

/// Number of points of G1 and of G2, both prime; multiplying a point by this gives infinity.
pub const GROUP_ORDER: U256 = U256::from_limbs(Fr::MODULUS.0);

/// A point of G1 as `[x, y]`; `[0, 0]`, which is not on the curve, stands for infinity.
pub type Point = [U256; 2];

/// A point of G1 and a point of G2 to be paired: `[x, y, x_re, x_im, y_re, y_im]`.
///
/// Real parts come first. The Ethereum precompile takes each coordinate of G2 the other way round.
pub type Pair = [U256; 6];

/// The permutation Keccak-f\[1600\] of 25 lanes of 64 bits packed four to a word.
///
/// Lane `4i + j` is bits `[64j, 64j + 63]` of word `i`; lane 24 is the low 64 bits of word 6, whose
/// other bits are ignored and come back as zero. Lane `x + 5y` is the lane at column x, row y.
#[must_use]
pub fn keccak_f(state: &[U256; 7]) -> [U256; 7] {
    let mut lanes = [0; 25];
    for (at, lane) in lanes.iter_mut().enumerate() {
        *lane = state[at / 4].as_limbs()[at % 4];
    }
    keccak_f1600(&mut lanes);
    let mut words = [[0; 4]; 7];
    for (at, lane) in lanes.iter().enumerate() {
        words[at / 4][at % 4] = *lane;
    }
    words.map(U256::from_limbs)
}

/// The compression function of SHA-256: `chain` after absorbing one block of 64 bytes.
///
/// `chain` holds the eight 32-bit words of the hash value, h0 in the most significant place; the
/// block is the big-endian bytes of `block[0]` and then of `block[1]`. Nothing is padded.
#[must_use]
pub fn sha256_compress(chain: U256, block: [U256; 2]) -> U256 {
    let limbs = chain.as_limbs();
    // word 0 is the high half of limb 3, word 1 its low half, and so on downwards
    let mut words: [u32; 8] =
        core::array::from_fn(|at| (limbs[3 - at / 2] >> (32 * (1 - at % 2))) as u32);
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&block[0].to_be_bytes::<32>());
    bytes[32..].copy_from_slice(&block[1].to_be_bytes::<32>());
    sha2::block_api::compress256(&mut words, &[bytes]);
    U256::from_limbs(core::array::from_fn(|at| {
        let high = 2 * (3 - at);
        u64::from(words[high]) << 32 | u64::from(words[high + 1])
    }))
}

/// Ethereum address of the key that signed `message_hash` with the ECDSA signature `(r, s)`.
///
/// `recovery_id` is the parity of the y coordinate of the point whose x coordinate is `r`; ids 2
/// and 3, where x would be `r` plus the group order, are not accepted. Both `s` and its negative
/// are. The hash is any word, reduced modulo the group order as ECDSA says. The address is the low
/// 20 bytes of the Keccak-256 of the key's two coordinates.
///
/// `None` if the id is neither 0 nor 1, if `r` or `s` is zero or not below the group order, if no
/// point has the x coordinate `r`, or if the key would be the point at infinity.
#[must_use]
pub fn ecrecover(r: U256, s: U256, recovery_id: U256, message_hash: U256) -> Option<U256> {
    let id = match recovery_id.try_into() {
        Ok(0_u8) => RecoveryId::Zero,
        Ok(1_u8) => RecoveryId::One,
        _ => return None,
    };
    let mut compact = [0; 64];
    compact[..32].copy_from_slice(&r.to_be_bytes::<32>());
    compact[32..].copy_from_slice(&s.to_be_bytes::<32>());
    let signature = RecoverableSignature::from_compact(&compact, id).ok()?;
    let message = Message::from_digest(message_hash.to_be_bytes());
    let key = signature
        .recover_ecdsa(message)
        .ok()?
        .serialize_uncompressed();
    let mut address = keccak256(&key[1..]);
    address[..12].fill(0);
    Some(U256::from_be_bytes(address))
}

/// Sum of two points of G1.
///
/// `None` if a coordinate is not below [`FIELD_MODULUS`] or a point is not on the curve.
#[must_use]
pub fn ec_add(a: Point, b: Point) -> Option<Point> {
    let (a, b) = (g1(a)?, g1(b)?);
    Some(point(a + b))
}

/// `scalar` times a point of G1. The scalar counts modulo [`GROUP_ORDER`].
///
/// `None` if a coordinate is not below [`FIELD_MODULUS`] or the point is not on the curve.
#[must_use]
pub fn ec_mul(a: Point, scalar: U256) -> Option<Point> {
    let a = g1(a)?;
    let scalar = scalar.reduce_mod(GROUP_ORDER);
    Some(point(a.into_group() * Fr::new(BigInt(*scalar.as_limbs()))))
}

/// Whether the product of the pairings e(P, Q) of all pairs is one. Of no pairs, it is.
///
/// `None` if a coordinate is not below [`FIELD_MODULUS`], a point is not on its curve, or a point
/// of the twist is outside G2, even where it is paired with infinity. The settlement chain's
/// precompile refuses the latter; the C++ emulator does not look. Spec: section 17.
#[must_use]
pub fn ec_pairing(pairs: &[Pair]) -> Option<bool> {
    let mut firsts = Vec::with_capacity(pairs.len());
    let mut seconds = Vec::with_capacity(pairs.len());
    for &[x, y, x_re, x_im, y_re, y_im] in pairs {
        firsts.push(g1([x, y])?);
        seconds.push(g2([x_re, x_im], [y_re, y_im])?);
    }
    let product = Bn254::multi_miller_loop(firsts, seconds);
    // the Miller loop of points of G1 and G2 is never zero, the only value without an exponentiation
    Some(Bn254::final_exponentiation(product)?.is_zero())
}

/// A field element, `None` if `value` is not below the modulus.
fn element(value: U256) -> Option<Fq> {
    Fq::from_bigint(BigInt(*value.as_limbs()))
}

/// A checked point of G1, which is the whole curve: there is no subgroup to check.
fn g1([x, y]: Point) -> Option<G1Affine> {
    if x.is_zero() && y.is_zero() {
        return Some(G1Affine::identity());
    }
    let point = G1Affine::new_unchecked(element(x)?, element(y)?);
    point.is_on_curve().then_some(point)
}

/// A checked point of G2, from `[real, imaginary]` coordinates.
fn g2(x: [U256; 2], y: [U256; 2]) -> Option<G2Affine> {
    let [x, y] = [
        Fq2::new(element(x[0])?, element(x[1])?),
        Fq2::new(element(y[0])?, element(y[1])?),
    ];
    if x == Fq2::ZERO && y == Fq2::ZERO {
        return Some(G2Affine::identity());
    }
    let point = G2Affine::new_unchecked(x, y);
    (point.is_on_curve() && point.is_in_correct_subgroup_assuming_on_curve()).then_some(point)
}

/// Affine coordinates of a point, `[0, 0]` for infinity.
///
/// The field library inverts bit by bit; Lehmer's algorithm in the word library takes a ninth of
/// the time, and this inversion is most of an addition.
fn point(p: G1Projective) -> Point {
    // Jacobian coordinates: (x / z^2, y / z^3), infinity where z has no inverse
    let Some(inverse) = word(p.z).inv_mod(FIELD_MODULUS).and_then(element) else {
        return [U256::ZERO; 2];
    };
    let square = inverse.square();
    [word(p.x * square), word(p.y * square * inverse)]
}

/// The word below the modulus that stands for a field element.
fn word(element: Fq) -> U256 {
    U256::from_limbs(element.into_bigint().0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ec::CurveGroup;
    use proptest::prelude::*;

    const ZERO: U256 = U256::ZERO;
    const ONE: U256 = U256::ONE;
    const INFINITY: Point = [ZERO; 2];
    const GENERATOR: Point = [ONE, U256::from_limbs([2, 0, 0, 0])];

    fn hex(text: &str) -> U256 {
        U256::from_str_radix(text, 16).unwrap()
    }

    fn int(value: u64) -> U256 {
        U256::from(value)
    }

    fn negated([x, y]: Point) -> Point {
        [x, if y.is_zero() { y } else { FIELD_MODULUS - y }]
    }

    /// `scalar` times the generator of G2, real parts first.
    fn on_twist(scalar: U256) -> [U256; 4] {
        let scalar = Fr::new(BigInt(*scalar.reduce_mod(GROUP_ORDER).as_limbs()));
        let point = (G2Affine::generator() * scalar).into_affine();
        point
            .xy()
            .map_or([ZERO; 4], |(x, y)| [x.c0, x.c1, y.c0, y.c1].map(word))
    }

    fn pair([x, y]: Point, [x_re, x_im, y_re, y_im]: [U256; 4]) -> Pair {
        [x, y, x_re, x_im, y_re, y_im]
    }

    fn any_word() -> impl Strategy<Value = U256> {
        any::<[u64; 4]>().prop_map(U256::from_limbs)
    }

    #[test]
    fn keccak_f_of_zero_and_of_a_wide_last_word() {
        let zero = keccak_f(&[ZERO; 7]);
        // FIPS 202 test vectors: the permutation of the zero state, first and last lanes
        assert_eq!(
            zero[0].as_limbs()[..2],
            [0xf125_8f79_40e1_dde7, 0x84d5_ccf9_33c0_478a]
        );
        assert_eq!(zero[6], int(0xeaf1_ff7b_5cec_a249));
        let mut wide = [ZERO; 7];
        wide[6] = U256::MAX << 64;
        assert_eq!(
            keccak_f(&wide),
            zero,
            "only the low 64 bits of word 6 count"
        );
    }

    #[test]
    fn sha256_of_abc() {
        let initial = hex("6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19");
        let want = hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(
            sha256_compress(initial, [hex("61626380") << 224, int(24)]),
            want
        );
    }

    #[test]
    fn recovery() {
        // secp256k1: group order, x of the generator (whose y is even), address of the key 1
        let order = hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
        let gx = hex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
        let key_one = Some(hex("7e5f4552091a69125d5dfcb7b8c2659029395bdf"));
        // of the Ethereum execution tests; the signature has a high s
        let hash = hex("18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f715d3d1c");
        let r = hex("73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f");
        let s = hex("eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c4549");
        let known = Some(hex("a94f5374fce5edbc8e2a8697c15331677e6ebf0b"));
        let cases = [
            ("known", [r, s, ONE, hash], known),
            ("the same with low s", [r, order - s, ZERO, hash], known),
            ("id 2", [r, s, int(2), hash], None),
            ("id 27", [r, s, int(27), hash], None),
            ("id 28", [r, s, int(28), hash], None),
            ("id 2^255 + 1", [r, s, ONE << 255 | ONE, hash], None),
            ("r zero", [ZERO, s, ONE, hash], None),
            ("s zero", [r, ZERO, ONE, hash], None),
            ("r = order", [order, s, ONE, hash], None),
            ("s = order", [r, order, ONE, hash], None),
            ("s above", [r, U256::MAX, ONE, hash], None),
            ("no point with x = 5", [int(5), s, ONE, hash], None),
            // the key is (s R - hash G) / r; R = G here
            ("hash 0, s = r: the key is R", [gx, gx, ZERO, ZERO], key_one),
            ("hash = order is hash 0", [gx, gx, ZERO, order], key_one),
            ("-R with -s", [gx, order - gx, ONE, ZERO], key_one),
            ("s = hash: infinity", [gx, int(7), ZERO, int(7)], None),
            (
                "s = hash - order: infinity",
                [gx, int(7), ZERO, order + int(7)],
                None,
            ),
            (
                "largest s and hash",
                [gx, order - ONE, ZERO, order - ONE],
                None,
            ),
        ];
        for (name, [r, s, id, hash], want) in cases {
            assert_eq!(ecrecover(r, s, id, hash), want, "{name}");
        }
    }

    #[test]
    fn addition() {
        let p = FIELD_MODULUS;
        // sums published with EIP-196
        let a = [
            hex("18b18acfb4c2c30276db5411368e7185b311dd124691610c5d3b74034e093dc9"),
            hex("063c909c4720840cb5134cb9f59fa749755796819658d32efc0d288198f37266"),
        ];
        let b = [
            hex("07c2b7f58a84bd6145f00c9c2bc0bb1a187f20ff2c92963a88019e7c6a014eed"),
            hex("06614e20c147e940f2d70da3f74c9a17df361706a4485c742bd6788478fa17d7"),
        ];
        let sum = [
            hex("2243525c5efd4b9c3d3c45ac0ca3fe4dd85e830a4ce6b65fa1eeaee202839703"),
            hex("301d1d33be6da8e509df21cc35964723180eed7532537db9ae5e7d48f195c915"),
        ];
        let doubled = [
            hex("030644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd3"),
            hex("15ed738c0e0a7c92e7845f96b2ae9c0a68a6a449e3538fc7ff3ebf7a5a18a2c4"),
        ];
        let cases = [
            ("known", a, b, Some(sum)),
            ("doubling", GENERATOR, GENERATOR, Some(doubled)),
            ("inverses", a, negated(a), Some(INFINITY)),
            ("infinity left", INFINITY, a, Some(a)),
            ("infinity right", a, INFINITY, Some(a)),
            ("infinity twice", INFINITY, INFINITY, Some(INFINITY)),
            ("off the curve", [ONE, ONE], a, None),
            ("off the curve, right", a, [ONE, int(3)], None),
            ("on no curve: x = 0", [ZERO, ONE], a, None),
            ("x = modulus", [p, ZERO], a, None),
            ("y = modulus", [ZERO, p], a, None),
            ("both = modulus", [p, p], a, None),
            ("x + modulus", [ONE + p, int(2)], a, None),
            ("y + modulus", [ONE, int(2) + p], a, None),
            ("all ones", [U256::MAX; 2], a, None),
        ];
        for (name, a, b, want) in cases {
            assert_eq!(ec_add(a, b), want, "{name}");
            assert_eq!(ec_add(b, a), want, "{name}, the other way round");
        }
    }

    #[test]
    fn multiplication() {
        // a product published with EIP-196
        let a = [
            hex("2bd3e6d0f3b142924f5ca7b49ce5b9d54c4703d7ae5648e61d02268b1a0a9fb7"),
            hex("21611ce0a6af85915e2f1d70300909ce2e49dfad4a4619c8390cae66cefdb204"),
        ];
        let product = [
            hex("070a8d6a982153cae4be29d434e8faef8a47b274a053f5a4ee2a6c9c13c31e5c"),
            hex("031b8ce914eba3a9ffb989f9cdd5b0f01943074bf4f0f315690ec3cec6981afc"),
        ];
        let r = GROUP_ORDER;
        let wrapped = (U256::MAX % r) + ONE; // 2^256 modulo the order
        let cases = [
            ("known", a, hex("11138ce750fa15c2"), Some(product)),
            ("by 0", a, ZERO, Some(INFINITY)),
            ("by 1", a, ONE, Some(a)),
            ("by 2", a, int(2), ec_add(a, a)),
            ("by the order", a, r, Some(INFINITY)),
            ("by the order - 1", a, r - ONE, Some(negated(a))),
            ("by the order + 1", a, r + ONE, Some(a)),
            ("by 5 orders", a, r * int(5), Some(INFINITY)),
            ("by 2^256 - 1", a, U256::MAX, ec_mul(a, wrapped - ONE)),
            ("infinity", INFINITY, U256::MAX, Some(INFINITY)),
            ("infinity by 0", INFINITY, ZERO, Some(INFINITY)),
            ("off the curve", [ONE, int(3)], int(5), None),
            ("off the curve by 0", [ONE, int(3)], ZERO, None),
            ("x = modulus", [FIELD_MODULUS, ZERO], int(5), None),
            ("y = modulus", [ZERO, FIELD_MODULUS], ZERO, None),
        ];
        for (name, a, scalar, want) in cases {
            assert_eq!(ec_mul(a, scalar), want, "{name}");
        }
        let mut sum = INFINITY;
        for n in 0..20 {
            assert_eq!(ec_mul(a, int(n)), Some(sum), "{n} times");
            assert_eq!(ec_mul(a, r - int(n)), Some(negated(sum)), "-{n} times");
            sum = ec_add(sum, a).unwrap();
        }
    }

    #[test]
    fn pairings() {
        let (g, p) = (GENERATOR, FIELD_MODULUS);
        let q = on_twist(ONE);
        let none = [ZERO; 4];
        let swapped = [q[1], q[0], q[3], q[2]];
        // on the twist, outside G2
        let outside = [
            hex("088713803f9931ee3af27f802dc5fd3d9974d75b333824fe61790134676b1b69"),
            hex("2cd4cc73af2ed9dd87e355b26210b784baa1c6f1404b6eaf162a01dec28753f8"),
            hex("082f9c8ffedccf6607534e93957dd50249f378019370bce40b9cccc79fd2a912"),
            hex("138ac265d80e1322536b42301ae72b1cc34902fda0587fc8ebdbd52729c19aec"),
        ];
        let off = [q[0], q[1], q[2], q[3] + ONE];
        let high = [q[0], q[1], q[2], q[3] + p];
        let cases: [(&str, &[Pair], Option<bool>); 17] = [
            ("empty", &[], Some(true)),
            ("generators", &[pair(g, q)], Some(false)),
            ("inverses", &[pair(g, q), pair(negated(g), q)], Some(true)),
            ("twice", &[pair(g, q); 2], Some(false)),
            ("infinity in G1", &[pair(INFINITY, q)], Some(true)),
            ("infinity in G2", &[pair(g, none)], Some(true)),
            ("infinity in both", &[pair(INFINITY, none)], Some(true)),
            (
                "infinity beside another",
                &[pair(g, none), pair(g, q)],
                Some(false),
            ),
            ("imaginary part first", &[pair(g, swapped)], None),
            ("outside the subgroup", &[pair(g, outside)], None),
            ("outside, with infinity", &[pair(INFINITY, outside)], None),
            ("outside, second", &[pair(g, q), pair(g, outside)], None),
            ("G1 off the curve", &[pair([ONE, int(3)], q)], None),
            ("G2 off the curve", &[pair(g, off)], None),
            ("G2 coordinate too large", &[pair(g, high)], None),
            ("G1 coordinate = modulus", &[pair([p, ZERO], q)], None),
            (
                "G2 coordinates = modulus",
                &[pair(g, [p, ZERO, ZERO, ZERO])],
                None,
            ),
        ];
        for (name, pairs, want) in cases {
            assert_eq!(ec_pairing(pairs), want, "{name}");
        }
        let many: Vec<Pair> = (0..30)
            .map(|at| pair(if at % 2 == 0 { g } else { negated(g) }, q))
            .collect();
        assert_eq!(ec_pairing(&many), Some(true));
        assert_eq!(ec_pairing(&many[..29]), Some(false));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn multiples_add_up(n in any_word(), m in any_word(), k in any_word()) {
            let a = ec_mul(GENERATOR, k).unwrap();
            let (na, ma) = (ec_mul(a, n).unwrap(), ec_mul(a, m).unwrap());
            let sum = ec_add(na, ma);
            prop_assert_eq!(sum, ec_add(ma, na));
            prop_assert_eq!(sum, ec_mul(a, n.add_mod(m, GROUP_ORDER)));
            prop_assert_eq!(ec_mul(na, m), ec_mul(a, n.mul_mod(m, GROUP_ORDER)));
            prop_assert_eq!(ec_add(sum.unwrap(), negated(ma)), Some(na));
        }

        #[test]
        fn coordinates_off_the_curve_or_too_large(x in any_word(), y in any_word()) {
            // a random pair is on the curve with probability 2^-254
            for point in [[x, y], [x.reduce_mod(FIELD_MODULUS), y.reduce_mod(FIELD_MODULUS)]] {
                prop_assert_eq!(ec_add(point, GENERATOR), None);
                prop_assert_eq!(ec_mul(point, x), None);
            }
        }

        #[test]
        fn recovery_never_panics_and_knows_both_signs(r in any_word(), s in any_word(), hash in any_word()) {
            let order = hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
            if s < order {
                let other = ecrecover(r, order - s, ONE, hash);
                prop_assert_eq!(ecrecover(r, s, ZERO, hash), other);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(6))]

        #[test]
        fn pairing_is_bilinear(n in any_word(), m in any_word()) {
            let (p, minus_p) = (GENERATOR, negated(GENERATOR));
            let (np, nq) = (ec_mul(p, n).unwrap(), on_twist(n));
            let (mp, q) = (ec_mul(p, m).unwrap(), on_twist(ONE));
            // e(nP, Q) = e(P, nQ)
            prop_assert_eq!(ec_pairing(&[pair(np, q), pair(minus_p, nq)]), Some(true));
            // e(nP, mQ) = e(nm P, Q)
            let product = ec_mul(minus_p, n.mul_mod(m, GROUP_ORDER)).unwrap();
            prop_assert_eq!(ec_pairing(&[pair(mp, nq), pair(product, q)]), Some(true));
            // e(P, Q)^n e(P, Q)^m = e(P, Q)^(n + m), and nothing else
            let sum = negated(ec_add(np, mp).unwrap());
            prop_assert_eq!(ec_pairing(&[pair(np, q), pair(mp, q), pair(sum, q)]), Some(true));
            prop_assert_eq!(ec_pairing(&[pair(np, q), pair(mp, q), pair(sum, q), pair(p, q)]), Some(false));
        }
    }
}

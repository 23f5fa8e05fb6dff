//! Signature recovery and alt_bn128 arithmetic. Spec: section 8; EIP-196 and EIP-197.
//!
//! The libraries are others than the machine's (secp256k1, ark-bn254), so that neither side's
//! mistake is the other's:
//!
//! - `k256` of the RustCrypto project. Only its field and group are used: recovery is one formula
//!   (SEC 1, section 4.1.6), and the library's own refuses signatures with a high s, which the
//!   precompile accepts.
//! - `substrate-bn`, which Ethereum clients in Rust ran as their precompile for years. Making a
//!   point of the twist checks its order, as the precompile does (section 17).

use alloc::vec::Vec;

use avm_keccak::keccak256;
use k256::elliptic_curve::ops::Reduce;
use k256::elliptic_curve::point::DecompressPoint;
use k256::elliptic_curve::sec1::ToSec1Point;
use k256::elliptic_curve::subtle::Choice;
use k256::elliptic_curve::{Group as _, PrimeField};
use k256::{AffinePoint, ProjectivePoint, Scalar};
use ruint::aliases::U256;
use substrate_bn::{AffineG1, AffineG2, Fq, Fq2, Fr, G1, G2, Group, Gt, pairing_batch};

use super::step::{Step, Stop};
use super::value::{Tuple, Value};

type Done = Result<(), Stop>;

/// Number of points of G1 and of G2.
const GROUP_ORDER: U256 = U256::from_limbs([
    0x43e1_f593_f000_0001,
    0x2833_e848_79b9_7091,
    0xb850_45b6_8181_585d,
    0x3064_4e72_e131_a029,
]);

/// The longest list whose pairings are computed. Spec: section 8.
const MOST_PAIRS: u64 = 30;

/// Price of a pair. Spec: section 8.
const PAIR_GAS: u64 = 500_000;

pub(super) fn ecrecover(step: &mut Step<'_>) -> Done {
    let (r, s) = (step.pop_int()?, step.pop_int()?);
    let (id, hash) = (step.pop_int()?, step.pop_int()?);
    step.push_int(signer(r, s, id, hash).unwrap_or(U256::ZERO));
    Ok(())
}

/// Address of the key that signed `hash` with `(r, s)`: low 20 bytes of the hash of the key.
///
/// `id` is the parity of the y coordinate of the point with the x coordinate `r`.
fn signer(r: U256, s: U256, id: U256, hash: U256) -> Option<U256> {
    let odd = Choice::from(u8::try_from(id).ok().filter(|&id| id < 2)?);
    let point = AffinePoint::decompress(&r.to_be_bytes::<32>().into(), odd);
    let point = ProjectivePoint::from(Option::<AffinePoint>::from(point)?);
    let [r, s] = [scalar(r)?, scalar(s)?];
    let hash = <Scalar as Reduce<k256::FieldBytes>>::reduce(&hash.to_be_bytes::<32>().into());
    let inverse = Option::<Scalar>::from(r.invert())?;
    let key = (point * s - ProjectivePoint::GENERATOR * hash) * inverse;
    if bool::from(key.is_identity()) {
        return None;
    }
    // a byte that says "uncompressed", then both coordinates
    let key = key.to_affine().to_sec1_point(false);
    let mut address = keccak256(&key.as_bytes()[1..]);
    address[..12].fill(0);
    Some(U256::from_be_bytes(address))
}

/// A number of the range 1 to below the order of secp256k1.
fn scalar(value: U256) -> Option<Scalar> {
    let scalar = Scalar::from_repr(value.to_be_bytes::<32>().into());
    Option::<Scalar>::from(scalar).filter(|scalar| !bool::from(scalar.is_zero()))
}

pub(super) fn ecadd(step: &mut Step<'_>) -> Done {
    let a = [step.pop_int()?, step.pop_int()?];
    let b = [step.pop_int()?, step.pop_int()?];
    let sum = g1(a).zip(g1(b)).map(|(a, b)| a + b);
    push_point(step, sum.ok_or(Stop::Fault)?);
    Ok(())
}

pub(super) fn ecmul(step: &mut Step<'_>) -> Done {
    let a = [step.pop_int()?, step.pop_int()?];
    let factor = step.pop_int()?.reduce_mod(GROUP_ORDER);
    let factor = Fr::from_slice(&factor.to_be_bytes::<32>()).ok();
    let product = g1(a).zip(factor).map(|(a, factor)| a * factor);
    push_point(step, product.ok_or(Stop::Fault)?);
    Ok(())
}

/// Walks the list, pays for what it found, and only then looks at the end and at the pairs.
pub(super) fn ecpairing(step: &mut Step<'_>) -> Done {
    let mut rest = step.pop();
    let mut pairs = Vec::new();
    let mut proper = true;
    while (pairs.len() as u64) < MOST_PAIRS {
        let tuple = match step.opened(rest) {
            Ok(tuple) => tuple,
            Err(Stop::Refused(refusal)) => return Err(refusal.into()),
            Err(Stop::Fault) => {
                (proper, rest) = (false, Value::ZERO);
                break;
            }
        };
        match <[Value; 2]>::try_from(tuple.into_items()) {
            Ok([pair, next]) => {
                pairs.push(pair);
                rest = next;
            }
            Err(items) => {
                proper = items.is_empty();
                rest = Value::tuple(items);
                break;
            }
        }
    }
    step.charge_more(PAIR_GAS * pairs.len() as u64)?;
    if !proper || !step.opened(rest)?.items().is_empty() {
        return Err(Stop::Fault);
    }
    let mut points = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let coordinates = coordinates(&step.opened(pair)?)?;
        points.push(coordinates);
    }
    let points: Option<Vec<(G1, G2)>> = points.into_iter().map(points_of).collect();
    let one = pairing_batch(&points.ok_or(Stop::Fault)?) == Gt::one();
    step.push(Value::bool(one));
    Ok(())
}

/// The elements of a pair, which must be six Ints.
fn coordinates(pair: &Tuple) -> Result<[U256; 6], Stop> {
    let mut coordinates = [U256::ZERO; 6];
    if pair.items().len() != coordinates.len() {
        return Err(Stop::Fault);
    }
    for (slot, item) in coordinates.iter_mut().zip(pair.items()) {
        let Value::Int(value) = item else {
            return Err(Stop::Fault);
        };
        *slot = *value;
    }
    Ok(coordinates)
}

/// The points of a pair, real parts first.
fn points_of([x, y, x_re, x_im, y_re, y_im]: [U256; 6]) -> Option<(G1, G2)> {
    Some((g1([x, y])?, g2([x_re, x_im], [y_re, y_im])?))
}

/// A checked point of G1; (0, 0) stands for infinity.
fn g1([x, y]: [U256; 2]) -> Option<G1> {
    if x.is_zero() && y.is_zero() {
        return Some(G1::zero());
    }
    AffineG1::new(element(x)?, element(y)?).ok().map(G1::from)
}

/// A checked point of G2; zeros stand for infinity.
fn g2([x_re, x_im]: [U256; 2], [y_re, y_im]: [U256; 2]) -> Option<G2> {
    let x = Fq2::new(element(x_re)?, element(x_im)?);
    let y = Fq2::new(element(y_re)?, element(y_im)?);
    if x.is_zero() && y.is_zero() {
        return Some(G2::zero());
    }
    AffineG2::new(x, y).ok().map(G2::from)
}

/// A field element, `None` if `value` is not below the modulus.
fn element(value: U256) -> Option<Fq> {
    Fq::from_slice(&value.to_be_bytes::<32>()).ok()
}

/// Pushes y and then x, zeros for infinity.
fn push_point(step: &mut Step<'_>, point: G1) {
    let affine = AffineG1::from_jacobian(point);
    let (x, y) = affine.map_or((Fq::zero(), Fq::zero()), |p| (p.x(), p.y()));
    step.push_int(word(y));
    step.push_int(word(x));
}

fn word(element: Fq) -> U256 {
    let mut bytes = [0; 32];
    let written = element.to_big_endian(&mut bytes);
    written.expect("a field element is 32 bytes long");
    U256::from_be_bytes(bytes)
}

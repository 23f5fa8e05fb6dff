//! Integers against num-bigint.

use std::cmp::Ordering;

use avm_anoma::value::{ArithError, Val, int};
use num_bigint::BigInt;
use proptest::prelude::*;

use super::sample::integer;

fn big(value: &Val) -> BigInt {
    int::print(value)
        .expect("an integer")
        .parse()
        .expect("decimal")
}

/// What the result must be: the number, or an overflow.
fn check(got: Result<Val, ArithError>, want: BigInt) {
    let limit = BigInt::from(1) << 255;
    if want >= -&limit && want < limit {
        let got = got.expect("in range");
        assert_eq!(big(&got), want);
        let small = i64::try_from(&want).is_ok();
        assert_eq!(
            matches!(got, Val::Int(_)),
            small,
            "{want} is not in its one form"
        );
    } else {
        assert_eq!(got, Err(ArithError::Overflow), "{want}");
    }
}

/// Division rounded towards zero, and the rest with the sign of the divisor.
fn divided(a: &BigInt, b: &BigInt) -> (BigInt, BigInt) {
    let zero = BigInt::from(0);
    let mut rest = a % b;
    if rest != zero && (rest < zero) != (*b < zero) {
        rest += b;
    }
    (a / b, rest)
}

fn check_all(a: &Val, b: &Val) {
    let (x, y) = (big(a), big(b));
    check(int::add(a, b), &x + &y);
    check(int::sub(a, b), &x - &y);
    check(int::mul(a, b), &x * &y);
    check(int::neg(a), -&x);
    check(
        int::abs(a),
        if x < BigInt::from(0) { -&x } else { x.clone() },
    );
    check(int::min(a, b), x.clone().min(y.clone()));
    check(int::max(a, b), x.clone().max(y.clone()));
    assert_eq!(int::cmp(a, b), Ok(x.cmp(&y)));
    assert_eq!(a == b, x == y);
    if y == BigInt::from(0) {
        assert_eq!(int::quotient(a, b), Err(ArithError::DivZero));
        assert_eq!(int::modulo(a, b), Err(ArithError::DivZero));
    } else {
        let (quotient, modulo) = divided(&x, &y);
        check(int::quotient(a, b), quotient);
        check(int::modulo(a, b), modulo);
    }
}

/// Numbers where something changes.
fn borders() -> Vec<Val> {
    let mut all = Vec::new();
    for bits in [0, 1, 2, 31, 32, 62, 63, 64, 65, 127, 128, 254, 255] {
        let power = BigInt::from(1) << bits;
        for near in [-1, 0, 1] {
            let number: BigInt = &power + near;
            for number in [-&number, number] {
                all.extend(int::parse(&number.to_string()));
            }
        }
    }
    all
}

#[test]
fn every_pair_of_borders() {
    let all = borders();
    assert!(all.len() > 70);
    for a in &all {
        for b in &all {
            check_all(a, b);
        }
    }
}

#[test]
fn division_as_scheme_has_it() {
    let cases = [
        (7, 2, 3, 1),
        (-7, 2, -3, 1),
        (7, -2, -3, -1),
        (-7, -2, 3, -1),
        (6, -3, -2, 0),
        (i64::MIN, 1, i64::MIN, 0),
        (i64::MIN, i64::MAX, -1, i64::MAX - 1),
        (5, i64::MIN, 0, i64::MIN + 5),
    ];
    for (a, b, quotient, modulo) in cases {
        let (x, y) = (Val::int(a), Val::int(b));
        assert_eq!(int::quotient(&x, &y), Ok(Val::int(quotient)), "{a} by {b}");
        assert_eq!(int::modulo(&x, &y), Ok(Val::int(modulo)), "{a} by {b}");
    }
    let (min, minus) = (Val::int(i64::MIN), Val::int(-1));
    assert_eq!(
        int::quotient(&min, &minus),
        int::parse("9223372036854775808")
    );
    assert_eq!(int::modulo(&min, &minus), Ok(Val::int(0)));
}

#[test]
fn powers() {
    let power = |base, exponent, modulus| {
        int::expt_mod(&Val::int(base), &Val::int(exponent), &Val::int(modulus))
    };
    assert_eq!(power(3, 200, 13), Ok(Val::int(9)));
    assert_eq!(power(-3, 3, 10), Ok(Val::int(3)));
    assert_eq!(power(3, 3, -10), Ok(Val::int(-3)));
    assert_eq!(power(5, 0, 7), Ok(Val::int(1)));
    assert_eq!(power(5, 0, 1), Ok(Val::int(0)));
    assert_eq!(power(0, 0, 7), Ok(Val::int(1)));
    assert_eq!(power(5, 1, 0), Err(ArithError::DivZero));
    assert_eq!(power(5, -1, 7), Err(ArithError::Overflow));
    let not = int::expt_mod(&Val::Nothing, &Val::int(1), &Val::int(1));
    assert_eq!(not, Err(ArithError::NotInt));
}

#[test]
fn texts() {
    for (text, want) in [
        ("0", Ok(Val::int(0))),
        ("-0", Ok(Val::int(0))),
        ("+7", Ok(Val::int(7))),
        ("007", Ok(Val::int(7))),
        ("", Err(ArithError::NotInt)),
        ("-", Err(ArithError::NotInt)),
        ("+-1", Err(ArithError::NotInt)),
        ("1_0", Err(ArithError::NotInt)),
        ("0x1", Err(ArithError::NotInt)),
        ("\u{661}", Err(ArithError::NotInt)),
        (&"9".repeat(77), Err(ArithError::Overflow)),
        (&"9".repeat(100_000), Err(ArithError::Overflow)),
    ] {
        assert_eq!(int::parse(text), want, "{}", &text[..text.len().min(10)]);
    }
}

#[test]
fn other_values_are_no_integers() {
    let (one, other) = (Val::int(1), Val::sym("x"));
    for (a, b) in [(&one, &other), (&other, &one)] {
        assert_eq!(int::add(a, b), Err(ArithError::NotInt));
        assert_eq!(int::sub(a, b), Err(ArithError::NotInt));
        assert_eq!(int::mul(a, b), Err(ArithError::NotInt));
        assert_eq!(int::quotient(a, b), Err(ArithError::NotInt));
        assert_eq!(int::modulo(a, b), Err(ArithError::NotInt));
        assert_eq!(int::cmp(a, b), Err::<Ordering, _>(ArithError::NotInt));
        assert_eq!(int::min(a, b), Err(ArithError::NotInt));
        assert_eq!(int::max(a, b), Err(ArithError::NotInt));
    }
    assert_eq!(int::neg(&other), Err(ArithError::NotInt));
    assert_eq!(int::abs(&other), Err(ArithError::NotInt));
    assert_eq!(int::print(&other), None);
}

proptest! {
    #[test]
    fn as_num_bigint(a in integer(), b in integer()) {
        check_all(&a, &b);
    }

    #[test]
    fn powers_as_num_bigint(base in integer(), exponent in integer(), modulus in integer()) {
        let (x, y, z) = (big(&base), big(&exponent), big(&modulus));
        let zero = BigInt::from(0);
        prop_assume!(z != zero && y >= zero);
        // num-bigint's `modpow` has the sign of the modulus, too.
        check(int::expt_mod(&base, &exponent, &modulus), x.modpow(&y, &z));
    }

    #[test]
    fn text_round_trip(a in integer()) {
        prop_assert_eq!(int::parse(&int::print(&a).unwrap()), Ok(a.clone()));
        prop_assert_eq!(a.to_string(), int::print(&a).unwrap());
    }
}

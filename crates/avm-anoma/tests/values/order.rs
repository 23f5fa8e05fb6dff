//! Equality, total order, maps.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use avm_anoma::value::{List, Obj, ObjectId, TxId, Val, ValMap, int};
use avm_core::Hash;
use proptest::collection::vec;
use proptest::prelude::*;

use super::sample::{ints, scalar, value};

#[test]
fn ascending() {
    let pair = |a, b| Val::pair(Val::int(a), Val::int(b)).unwrap();
    let map = |entries: &[(i64, i64)]| {
        let entries = entries
            .iter()
            .map(|&(key, value)| (Val::int(key), Val::int(value)));
        Val::map(entries).unwrap()
    };
    let all = [
        Val::Nothing,
        Val::just(Val::Nothing).unwrap(),
        Val::just(Val::int(5)).unwrap(),
        Val::Bool(false),
        Val::Bool(true),
        int::parse("-99999999999999999999").unwrap(),
        Val::int(-256),
        Val::int(-1),
        Val::int(0),
        Val::int(255),
        int::parse("99999999999999999999").unwrap(),
        Val::str(""),
        Val::str("aa"),
        Val::str("aaaaaaaaaaaaaaaaaaaa"),
        Val::str("b"),
        Val::sym("a"),
        Val::sym("b"),
        Val::bytes([]),
        Val::bytes([0, 0]),
        Val::bytes([1]),
        pair(1, 9),
        pair(2, 0),
        pair(2, 1),
        ints([]),
        ints([1]),
        ints([1, 0]),
        ints([2]),
        map(&[]),
        map(&[(1, 1)]),
        map(&[(1, 1), (2, 0)]),
        map(&[(1, 2)]),
        Val::obj(ObjectId([1; 32])),
        Val::obj(ObjectId([2; 32])),
        Val::tx(TxId([1; 32])),
        Val::ctl("a"),
        Val::ctl("b"),
        Val::mach("a"),
        Val::Var(1),
        Val::Var(300),
        Val::Lin(0),
        Val::hash_value(Hash([0; 32])),
        Val::code(Hash([1; 32]), "z").unwrap(),
        Val::code(Hash([2; 32]), "a").unwrap(),
    ];
    for (i, one) in all.iter().enumerate() {
        for (j, two) in all.iter().enumerate() {
            assert_eq!(one.cmp(two).unwrap(), i.cmp(&j), "{one} and {two}");
            assert_eq!(one.eq(two).unwrap(), i == j, "{one} and {two}");
        }
    }
}

#[test]
fn hints_are_no_part_of_a_value() {
    let one = Obj::new(ObjectId([7; 32]));
    let two = Obj::new(ObjectId([7; 32]));
    let clone = one.clone();
    one.set_hint(5);
    assert_eq!((one.hint(), clone.hint(), two.hint()), (5, 5, 0));
    assert_eq!(Val::Obj(one), Val::Obj(two));
}

#[test]
fn equal_through_different_chunks() {
    let long = ints(0..100);
    let other = ints((0..99).chain([0]));
    assert!(!long.eq(&other).unwrap());
    let built = (0..100)
        .rev()
        .fold(List::EMPTY, |list, n| list.cons(Val::int(n)).unwrap());
    assert!(long.eq(&Val::List(built.clone())).unwrap());
    let shared = built.cons(Val::Nothing).unwrap();
    let again = built.cons(Val::Nothing).unwrap();
    assert!(Val::List(shared).eq(&Val::List(again)).unwrap());
}

proptest! {
    #[test]
    fn total_order(a in value(), b in value(), c in value()) {
        let cmp = |a: &Val, b: &Val| a.cmp(b).unwrap();
        prop_assert_eq!(cmp(&a, &a), Ordering::Equal);
        prop_assert_eq!(cmp(&a, &b), cmp(&b, &a).reverse());
        prop_assert_eq!(cmp(&a, &b).is_eq(), a.eq(&b).unwrap());
        prop_assert_eq!(a.eq(&b).unwrap(), a.to_bytes().unwrap() == b.to_bytes().unwrap());
        let mut three = [&a, &b, &c];
        three.sort_by(|a, b| cmp(a, b));
        prop_assert!(cmp(three[0], three[1]).is_le());
        prop_assert!(cmp(three[1], three[2]).is_le());
        prop_assert!(cmp(three[0], three[2]).is_le());
    }

    #[test]
    fn order_of_lists_is_that_of_vectors(a in vec(-2_i64..2, 0..40), b in vec(-2_i64..2, 0..40)) {
        let (one, two) = (ints(a.iter().copied()), ints(b.iter().copied()));
        prop_assert_eq!(one.cmp(&two).unwrap(), a.cmp(&b));
        prop_assert_eq!(one.eq(&two).unwrap(), a == b);
    }

    #[test]
    fn maps_as_btreemaps(ops in vec((scalar(), proptest::option::of(any::<i64>())), 0..30)) {
        let mut map = ValMap::default();
        let mut want = BTreeMap::new();
        for (key, value) in &ops {
            let bytes = key.to_bytes().unwrap();
            map = match value {
                Some(value) => {
                    want.insert(bytes, (key.clone(), Val::int(*value)));
                    map.put(key.clone(), Val::int(*value)).unwrap()
                }
                None => {
                    want.remove(&bytes);
                    map.del(key).unwrap()
                }
            };
        }
        prop_assert_eq!(map.len() as usize, want.len());
        prop_assert_eq!(map.is_empty(), want.is_empty());
        for (key, _) in &ops {
            let found = want.get(&key.to_bytes().unwrap()).map(|(_, value)| value);
            prop_assert_eq!(map.get(key).unwrap(), found);
        }
        let entries: Vec<_> = map.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let wanted: Vec<_> = want.into_values().collect();
        prop_assert_eq!(&entries, &wanted);
        let (keys, values): (Vec<_>, Vec<_>) = wanted.clone().into_iter().unzip();
        prop_assert_eq!(map.keys().unwrap().to_vec().unwrap(), keys);
        prop_assert_eq!(map.values().unwrap().to_vec().unwrap(), values);
        // However it is built, it is the same; of equal keys the last one counts.
        let doubled = wanted.iter().map(|(key, _)| (key.clone(), Val::Nothing));
        let built = Val::map(doubled.chain(wanted.clone().into_iter().rev())).unwrap();
        prop_assert_eq!(&Val::from(map), &built);
        prop_assert_eq!(Val::decode(&built.to_bytes().unwrap()).unwrap(), built);
    }
}

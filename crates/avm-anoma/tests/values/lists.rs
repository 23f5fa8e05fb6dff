//! Lists against vectors.

use std::sync::Arc;

use avm_anoma::value::{List, MAX_BYTES, Val, ValueError};
use avm_core::{MemoryNodes, Nodes};
use proptest::collection::vec;
use proptest::prelude::*;

use super::sample::{ints, runtime_value};

fn reference(value: &Val) -> Vec<u8> {
    let mut out = Vec::new();
    value.write_ref(&mut out);
    out
}

fn list(items: impl IntoIterator<Item = i64>) -> List {
    ints(items).as_list().expect("a list").clone()
}

/// Checks a list against the items it must have, in every way that looks at it.
fn check(list: &List, want: &[i64]) {
    let got: Vec<i64> = list
        .iter()
        .map(|item| item.unwrap().as_int().unwrap())
        .collect();
    assert_eq!(got, want);
    assert_eq!(list.len() as usize, want.len());
    assert_eq!(list.is_empty(), want.is_empty());
    assert_eq!(list.head().and_then(Val::as_int), want.first().copied());
    let value = Val::List(list.clone());
    let same = ints(want.iter().copied());
    assert_eq!(value, same);
    assert_eq!(value.encoded_len(), same.encoded_len());
    assert_eq!(value.depth(), same.depth());
    assert_eq!(value.to_bytes().unwrap(), same.to_bytes().unwrap());
    assert_eq!(
        reference(&value),
        reference(&same),
        "equal lists, equal names"
    );
}

#[test]
fn every_length_and_suffix() {
    for len in 0..70 {
        let want: Vec<i64> = (0..len).collect();
        let mut suffix = list(want.iter().copied());
        for at in 0..=want.len() {
            check(&suffix, &want[at..]);
            let skipped = list(want.iter().copied()).skip(at as u32).unwrap();
            check(&skipped, &want[at..]);
            suffix = suffix.tail().unwrap();
        }
        assert!(suffix.is_empty());
    }
}

#[test]
fn one_by_one() {
    let (mut shared, mut own, mut want) = (List::EMPTY, List::EMPTY, Vec::new());
    let mut kept = Vec::new();
    for item in 0..100 {
        kept.push(shared.clone());
        shared = shared.cons(Val::int(item)).unwrap();
        own = own.into_cons(Val::int(item)).unwrap();
        want.insert(0, item);
        check(&shared, &want);
        check(&own, &want);
    }
    for (len, kept) in kept.iter().enumerate() {
        check(kept, &want[100 - len..]);
    }
}

#[test]
fn two_heads_on_one_tail() {
    let tail = list(0..20);
    let one = tail.cons(Val::int(100)).unwrap();
    let two = tail.cons(Val::int(200)).unwrap();
    let inner = one.skip(3).unwrap().into_cons(Val::int(300)).unwrap();
    check(&tail, &(0..20).collect::<Vec<_>>());
    check(&one, &[100].into_iter().chain(0..20).collect::<Vec<_>>());
    check(&two, &[200].into_iter().chain(0..20).collect::<Vec<_>>());
    check(&inner, &[300].into_iter().chain(2..20).collect::<Vec<_>>());
}

#[test]
fn in_place_after_a_name_was_taken() {
    let mut list = list(0..60);
    let mut out = Vec::new();
    Val::List(list.clone()).write_ref(&mut out);
    list = list.into_tail().unwrap().into_cons(Val::int(7)).unwrap();
    list = list.into_cons(Val::int(8)).unwrap();
    check(&list, &[8, 7].into_iter().chain(1..60).collect::<Vec<_>>());
}

#[test]
fn a_million_items() {
    let len = MAX_BYTES - 4;
    let long = List::collect((0..len).map(|_| Val::Nothing)).unwrap();
    assert_eq!(Val::List(long.clone()).encoded_len(), MAX_BYTES);
    assert!(matches!(long.cons(Val::Nothing), Err(ValueError::TooLong)));
    assert!(matches!(long.concat(&long), Err(ValueError::TooLong)));
    let value = Val::List(long);
    let bytes = value.to_bytes().unwrap();
    assert_eq!(Val::decode(&bytes).unwrap(), value);
    // Named, saved, opened to its end and dropped: nothing recurses along it.
    let mut store = MemoryNodes::default();
    let mut reference = Vec::new();
    value.write_ref(&mut reference);
    value.save_below(&mut store).unwrap();
    let nodes = Arc::new(store) as Arc<dyn Nodes>;
    let opened = Val::read_ref(&mut &reference[..], &nodes).unwrap();
    assert_eq!(opened.to_bytes().unwrap(), bytes);
    drop(opened);
    drop(value);
    // Also by a thread with little stack.
    let small = std::thread::Builder::new().stack_size(256 << 10);
    let run = small.spawn(move || drop(Val::decode(&bytes).unwrap()));
    run.unwrap().join().unwrap();
}

#[test]
fn too_many_items_stop_early() {
    // Endless, if the limit did not stop it.
    let endless = std::iter::repeat_n(Val::str("0123456789"), 200_000);
    assert!(matches!(List::collect(endless), Err(ValueError::TooLong)));
}

#[test]
fn past_the_end() {
    let five = list(0..5);
    assert_eq!(five.get(4).unwrap(), Some(Val::int(4)));
    assert_eq!(five.get(5).unwrap(), None);
    assert_eq!(five.get(u32::MAX).unwrap(), None);
    assert!(five.set(5, Val::Nothing).unwrap().is_none());
    check(&five.slice(3, 99).unwrap(), &[3, 4]);
    check(&five.slice(3, 2).unwrap(), &[]);
    check(&five.slice(7, 9).unwrap(), &[]);
    check(&List::EMPTY.tail().unwrap(), &[]);
}

#[derive(Clone, Debug)]
enum Op {
    Cons(i64),
    OwnCons(i64),
    Tail,
    OwnTail,
    Set(prop::sample::Index, i64),
    Slice(prop::sample::Index, prop::sample::Index),
    Concat(Vec<i64>),
    Before(Vec<i64>),
    Reverse,
    Skip(prop::sample::Index),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        any::<i64>().prop_map(Op::Cons),
        any::<i64>().prop_map(Op::OwnCons),
        Just(Op::Tail),
        Just(Op::OwnTail),
        (any::<prop::sample::Index>(), any::<i64>()).prop_map(|(at, item)| Op::Set(at, item)),
        any::<(prop::sample::Index, prop::sample::Index)>().prop_map(|(a, b)| Op::Slice(a, b)),
        vec(any::<i64>(), 0..40).prop_map(Op::Concat),
        vec(any::<i64>(), 0..40).prop_map(Op::Before),
        Just(Op::Reverse),
        any::<prop::sample::Index>().prop_map(Op::Skip),
    ]
}

proptest! {
    /// A suffix knows of itself what a list of its items would know, in memory and from a store.
    #[test]
    fn suffixes(items in vec(runtime_value(), 0..40)) {
        let whole = Val::list(items.clone()).unwrap();
        let mut store = MemoryNodes::default();
        whole.save_below(&mut store).unwrap();
        let nodes = Arc::new(store) as Arc<dyn Nodes>;
        let opened = Val::read_ref(&mut &reference(&whole)[..], &nodes).unwrap();
        for list in [&whole, opened.open().unwrap()] {
            let mut suffix = list.as_list().unwrap().clone();
            for at in 0..=items.len() {
                let got = Val::List(suffix.clone());
                let want = Val::list(items[at..].to_vec()).unwrap();
                prop_assert_eq!(got.depth(), want.depth());
                prop_assert_eq!(got.is_passable(), want.is_passable());
                prop_assert_eq!(reference(&got), reference(&want));
                prop_assert_eq!(&got, &want);
                suffix = suffix.into_tail().unwrap();
            }
        }
    }

    #[test]
    fn as_vectors(start in vec(any::<i64>(), 0..50), ops in vec(op(), 0..30), share: u32) {
        let mut now = list(start.iter().copied());
        let mut want = start;
        let mut kept = Vec::new();
        for (turn, op) in ops.into_iter().enumerate() {
            if share >> turn & 1 == 1 {
                kept.push((now.clone(), want.clone()));
            }
            let len = want.len();
            match op {
                Op::Cons(item) => {
                    now = now.cons(Val::int(item)).unwrap();
                    want.insert(0, item);
                }
                Op::OwnCons(item) => {
                    now = now.into_cons(Val::int(item)).unwrap();
                    want.insert(0, item);
                }
                Op::Tail => {
                    now = now.tail().unwrap();
                    want.drain(..len.min(1));
                }
                Op::OwnTail => {
                    now = now.into_tail().unwrap();
                    want.drain(..len.min(1));
                }
                Op::Set(at, item) if len > 0 => {
                    let at = at.index(len);
                    now = now.set(at as u32, Val::int(item)).unwrap().unwrap();
                    want[at] = item;
                    assert_eq!(now.get(at as u32).unwrap(), Some(Val::int(item)));
                }
                Op::Set(..) => {}
                Op::Slice(a, b) => {
                    let (a, b) = (a.index(len + 1), b.index(len + 1));
                    let (from, to) = (a.min(b), a.max(b));
                    now = now.slice(from as u32, to as u32).unwrap();
                    want = want[from..to].to_vec();
                }
                Op::Concat(more) => {
                    now = now.concat(&list(more.iter().copied())).unwrap();
                    want.extend(more);
                }
                Op::Before(more) => {
                    now = list(more.iter().copied()).concat(&now).unwrap();
                    want.splice(0..0, more);
                }
                Op::Reverse => {
                    now = now.reverse().unwrap();
                    want.reverse();
                }
                Op::Skip(count) => {
                    let count = count.index(len + 1);
                    now = now.skip(count as u32).unwrap();
                    want.drain(..count);
                }
            }
            check(&now, &want);
        }
        for (kept, want) in kept {
            check(&kept, &want);
        }
    }
}

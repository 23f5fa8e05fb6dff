//! References, nodes, and values that are read when somebody looks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use avm_anoma::value::{
    INLINE_MAX, List, MAX_CLOSURE_DEPTH, Sha256, Val, ValueError, save_ref_below,
};
use avm_core::{Bytes, Hash, HostError, MemoryNodes, Nodes, Sink};
use avm_merkle::map::NodeHash;
use proptest::prelude::*;

use super::sample::{hex, ints, runtime_value, value};

/// Counts what is read, and checks that a node has its name.
#[derive(Default)]
struct Counting {
    nodes: MemoryNodes,
    reads: AtomicUsize,
}

impl Nodes for Counting {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        self.reads.fetch_add(1, Relaxed);
        let node = self.nodes.get(hash)?;
        assert_eq!(Sha256::hash(&node), hash);
        Ok(node)
    }
}

fn reference(value: &Val) -> Vec<u8> {
    let mut out = Vec::new();
    value.write_ref(&mut out);
    out
}

fn saved(value: &Val) -> (Vec<u8>, Arc<Counting>) {
    let mut store = Counting::default();
    value.save_below(&mut store.nodes).unwrap();
    (reference(value), Arc::new(store))
}

fn open(reference: &[u8], nodes: &Arc<Counting>) -> Val {
    let mut rest = reference;
    let nodes = nodes.clone() as Arc<dyn Nodes>;
    let value = Val::read_ref(&mut rest, &nodes).expect("a reference");
    assert!(rest.is_empty());
    value
}

fn closed(value: &Val) -> (Val, Arc<Counting>) {
    let (reference, nodes) = saved(value);
    (open(&reference, &nodes), nodes)
}

#[test]
fn short_values_are_their_own_references() {
    for value in [
        Val::Nothing,
        ints(0..3),
        Val::str("some text of 40 bytes, which is inline"),
    ] {
        let (reference, nodes) = saved(&value);
        assert_eq!(reference, value.to_bytes().unwrap());
        assert!(nodes.nodes.is_empty());
    }
    let longest = Val::bytes([1; 62]);
    assert_eq!(longest.encoded_len(), INLINE_MAX);
    assert_eq!(reference(&longest).len(), 64);
    let longer = Val::bytes([1; 63]);
    assert_eq!(reference(&longer)[..7], hex("fe 00000041 00 00"));
    let just = Val::just(longer).unwrap();
    assert_eq!(reference(&just)[..7], hex("fe 00000042 01 00"));
    assert_eq!(
        reference(&Val::closure(1, 2, []).unwrap())[..7],
        hex("fe 0000000a 01 01")
    );
}

#[test]
fn nodes_as_documented() {
    let (_, nodes) = saved(&ints(1..23));
    let items = |from, to| -> String { (from..to).map(|n| format!("0401{n:02x}")).collect() };
    let node = hex(&format!("a1 00000016 {} 0910{}", items(1, 7), items(7, 23)));
    assert_eq!(
        nodes.nodes.iter().count(),
        1,
        "the tail, of 50 bytes, is inline"
    );
    assert_eq!(&**nodes.nodes.iter().next().unwrap().1, &node);

    let text = Val::str(&"x".repeat(70));
    let part = reference(&text);
    for (value, head) in [
        (Val::pair(text.clone(), Val::Nothing).unwrap(), hex("a2")),
        (Val::just(text.clone()).unwrap(), hex("a3")),
        (
            Val::closure(1, 2, [text.clone()]).unwrap(),
            hex("a5 00000001 00000002 00000001"),
        ),
        (
            Val::map([(text.clone(), Val::int(0))]).unwrap(),
            hex("a6 00000001"),
        ),
    ] {
        let (reference, nodes) = saved(&value);
        assert_eq!(nodes.nodes.len(), 2);
        let name = Hash(reference[7..].try_into().unwrap());
        let node = nodes.nodes.get(name).unwrap();
        assert!(node.starts_with(&[head, part.clone()].concat()), "{value}");
    }
    let (_, nodes) = saved(&text);
    let whole = [hex("a4"), text.to_bytes().unwrap()].concat();
    assert_eq!(&**nodes.nodes.iter().next().unwrap().1, &whole);
}

#[test]
fn only_the_way_is_read() {
    let list = ints(1000..2000);
    let (value, nodes) = closed(&list);
    let reads = || nodes.reads.load(Relaxed);
    assert_eq!(
        (value.encoded_len(), value.depth()),
        (list.encoded_len(), 1)
    );
    assert!(value.is_passable());
    assert_eq!(reads(), 0);
    let opened = value.open().unwrap().as_list().expect("a list").clone();
    assert_eq!(opened.len(), 1000);
    assert_eq!(reads(), 1);
    // 1000 = 62 * 16 + 8: eight items in the first chunk.
    let eighth = opened.skip(7).unwrap();
    assert_eq!(eighth.head().unwrap(), &Val::int(1007));
    assert_eq!(reads(), 1);
    let ninth = eighth.tail().unwrap();
    assert_eq!(ninth.head().unwrap(), &Val::int(1008));
    assert_eq!(reads(), 2);
    assert_eq!(opened.get(8 + 16 * 3).unwrap(), Some(Val::int(1056)));
    assert_eq!(reads(), 5);
    assert_eq!(opened.get(8 + 16 * 3).unwrap(), Some(Val::int(1056)));
    assert_eq!(reads(), 5, "what was read is kept");
    // Changing the front and taking the new name reads nothing more.
    let changed = opened
        .cons(Val::int(0))
        .unwrap()
        .set(2, Val::int(1))
        .unwrap()
        .unwrap();
    let mut want: Vec<i64> = (1000..2000).collect();
    want.insert(0, 0);
    want[2] = 1;
    assert_eq!(
        reference(&Val::List(changed.clone())),
        reference(&ints(want.iter().copied()))
    );
    assert_eq!(reads(), 5);
    // Saving it puts the new chunk alone, if the sink has the others.
    let mut sink = nodes.nodes.clone();
    let before = sink.len();
    Val::List(changed).save_below(&mut sink).unwrap();
    assert_eq!(sink.len(), before + 1);
    assert_eq!(reads(), 5);
}

#[test]
fn items_are_read_one_by_one() {
    let texts = (0..40).map(|n| Val::str(&format!("{n:0>80}")));
    let list = Val::list(texts.clone()).unwrap();
    let (value, nodes) = closed(&list);
    let items = value.open().unwrap().as_list().unwrap();
    assert!(matches!(items.head(), Some(Val::Closed(_))));
    assert_eq!(nodes.reads.load(Relaxed), 1);
    assert_eq!(
        items.get(3).unwrap().unwrap().open().unwrap(),
        &texts.clone().nth(3).unwrap()
    );
    assert_eq!(nodes.reads.load(Relaxed), 2);
    assert_eq!(value, list);
    assert_eq!(nodes.reads.load(Relaxed), 2, "equal names are equal values");
}

#[test]
fn equality_reads_nothing() {
    let list = Val::just(ints(0..100)).unwrap();
    let other = Val::just(ints((0..99).chain([98]))).unwrap();
    let ((one, nodes), (two, _), (three, _)) = (closed(&list), closed(&list), closed(&other));
    for (a, b, want) in [
        (&one, &two, true),
        (&one, &list, true),
        (&list, &one, true),
        (&one, &three, false),
        (&one, &other, false),
        (&one, &Val::Nothing, false),
    ] {
        assert_eq!(a.eq(b).unwrap(), want);
    }
    assert_eq!(nodes.reads.load(Relaxed), 0);
    assert_eq!(one.cmp(&two).unwrap(), std::cmp::Ordering::Equal);
    assert_eq!(nodes.reads.load(Relaxed), 0);
    assert_eq!(one.cmp(&three).unwrap(), std::cmp::Ordering::Greater);
}

#[test]
fn missing_and_wrong_nodes_are_reported() {
    let list = ints(0..100);
    let reference = reference(&list);
    let nothing = Arc::new(Counting::default());
    let value = open(&reference, &nothing);
    assert!(matches!(value.open(), Err(HostError::MissingNode { .. })));
    assert!(matches!(
        value.to_bytes(),
        Err(HostError::MissingNode { .. })
    ));
    assert!(matches!(
        value.save_below(&mut MemoryNodes::default()),
        Err(HostError::MissingNode { .. })
    ));
    assert!(value.to_string().starts_with("#<closed "));
    assert!(value != Val::Nothing && value == value.clone());

    let put = |node: &[u8]| {
        let mut store = Counting::default();
        let name = Sha256::hash(node);
        store.nodes.put(name, node).unwrap();
        (name, Arc::new(store))
    };
    let long = |len: u32, depth: u8, flags: u8, name: Hash| {
        let mut out = vec![0xfe];
        out.extend(len.to_be_bytes());
        out.extend([depth, flags]);
        out.extend(name.0);
        out
    };
    let sixteen = "040101".repeat(16);
    let whole = |value: &Val| format!("a4{}", hex_of(&value.to_bytes().unwrap()));
    let text = Val::str(&"x".repeat(80));
    let cases: Vec<(&str, String, u32, u8, u8)> = vec![
        (
            "right",
            format!("a1 00000020 {sixteen} 0910{sixteen}"),
            98,
            1,
            0,
        ),
        (
            "length",
            format!("a1 00000020 {sixteen} 0910{sixteen}"),
            99,
            1,
            0,
        ),
        (
            "depth",
            format!("a1 00000020 {sixteen} 0910{sixteen}"),
            98,
            2,
            0,
        ),
        (
            "flag",
            format!("a1 00000020 {sixteen} 0910{sixteen}"),
            98,
            1,
            1,
        ),
        (
            "more items than there are",
            format!("a1 00000030 {sixteen} 0910{sixteen}"),
            98,
            1,
            0,
        ),
        ("no tail", format!("a1 00000020 {sixteen}"), 98, 1, 0),
        (
            "tail is no list",
            format!("a1 00000020 {sixteen} 00"),
            98,
            1,
            0,
        ),
        (
            "more behind",
            format!("a1 00000020 {sixteen} 0910{sixteen} 00"),
            98,
            1,
            0,
        ),
        ("no items", "a1 00000000".into(), 98, 1, 0),
        ("empty", String::new(), 98, 1, 0),
        ("no form", "b0".into(), 98, 1, 0),
        ("right text", whole(&text), 82, 0, 0),
        ("text with more behind", whole(&text) + "00", 82, 0, 0),
        ("list in one piece", whole(&ints([1; 40])), 122, 1, 0),
        ("pair with one part", format!("a2 {}", "00"), 98, 1, 0),
        ("just with two parts", "a3 00 00".into(), 98, 1, 0),
        (
            "endless closure",
            "a5 00000000 00000000 ffffffff".into(),
            98,
            1,
            1,
        ),
        ("endless map", "a6 ffffffff".into(), 98, 1, 0),
        ("endless map", "a6 7fffffff".into(), 98, 1, 0),
        (
            "keys out of order",
            format!("a6 00000002 03 {} 02 00", long_text(60)),
            65,
            1,
            0,
        ),
        (
            "keys in order",
            format!("a6 00000002 02 {} 03 00", long_text(60)),
            65,
            1,
            0,
        ),
    ];
    for (name, node, len, depth, flags) in cases {
        let (hash, nodes) = put(&hex(&node));
        let value = open(&long(len, depth, flags, hash), &nodes);
        let right = ["right", "right text", "keys in order"].contains(&name);
        match value.open() {
            Ok(_) => assert!(right, "{name}"),
            Err(HostError::BadNode { hash: bad, .. }) => {
                assert!(!right, "{name}");
                assert_eq!(bad, hash, "{name}");
                assert!(
                    value.save_below(&mut MemoryNodes::default()).is_err(),
                    "{name}"
                );
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
    // References that no value has.
    let nodes = nothing as Arc<dyn Nodes>;
    for (len, depth, flags) in [
        (64, 0, 0),
        (0, 0, 0),
        (98, 65, 0),
        (98, 251, 1),
        (98, 1, 2),
        ((1 << 20) + 1, 1, 0),
    ] {
        let bytes = long(len, depth, flags, Hash::ZERO);
        assert!(Val::read_ref(&mut &bytes[..], &nodes).is_none());
    }
    let bytes = Val::bytes([1; 63]).to_bytes().unwrap();
    assert!(
        Val::read_ref(&mut &bytes[..], &nodes).is_none(),
        "65 bytes are not inline"
    );
    let sink = &mut MemoryNodes::default();
    assert!(save_ref_below(&[0, 0], &nodes, sink).is_err());
    assert!(save_ref_below(&[], &nodes, sink).is_err());
    assert!(save_ref_below(&[0], &nodes, sink).is_ok());
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A text of `len` bytes encoded.
fn long_text(len: usize) -> String {
    format!("05{:02x}{}", len - 2, "78".repeat(len - 2))
}

#[test]
fn the_tail_of_a_list_must_be_one_of_its_length() {
    let (mut reference, nodes) = saved(&ints(1..65));
    let head = Hash(reference[7..].try_into().unwrap());
    let mut node = nodes.nodes.get(head).unwrap().to_vec();
    // 80 items instead of 64: the first chunk fits, the one behind it does not.
    assert_eq!(node[4], 64);
    node[4] = 80;
    let name = Sha256::hash(&node);
    reference[7..].copy_from_slice(&name.0);
    let mut store = nodes.nodes.clone();
    store.put(name, &node).unwrap();
    let store = Counting {
        nodes: store,
        ..Counting::default()
    };
    let value = open(&reference, &Arc::new(store));
    let list = value.open().unwrap().as_list().unwrap();
    assert_eq!(list.get(15).unwrap(), Some(Val::int(16)));
    assert!(matches!(list.get(16), Err(HostError::BadNode { .. })));
    assert!(matches!(
        list.iter().nth(16),
        Some(Err(HostError::BadNode { .. }))
    ));
    assert_eq!(list.iter().count(), 17, "nothing follows the error");
    assert!(matches!(value.to_bytes(), Err(HostError::BadNode { .. })));
}

#[test]
fn closures() {
    let closure = Val::closure(3, 4, [Val::int(1), ints(0..100)]).unwrap();
    let holds = Val::list([Val::pair(Val::int(1), closure.clone()).unwrap()]).unwrap();
    for value in [&closure, &holds] {
        assert!(!value.is_passable());
        let (opened, _) = closed(value);
        assert!(!opened.is_passable());
        assert_eq!(opened.open().unwrap(), value);
        assert!(Val::decode(&value.to_bytes().unwrap()).is_err());
    }
    // In place of a key there can be none; as a value there can.
    let key = Val::map([(closure.clone(), Val::Nothing)]);
    assert!(matches!(key, Err(ValueError::NotPassable)));
    let map = Val::map([(Val::Nothing, closure.clone())]).unwrap();
    assert!(!map.is_passable());
    assert_eq!(closed(&map).0.open().unwrap(), &map);
    // Deeper than values, but not endless.
    let mut deep = closure;
    for _ in deep.depth()..MAX_CLOSURE_DEPTH {
        deep = Val::closure(0, 0, [deep]).unwrap();
    }
    assert_eq!(closed(&deep).0.open().unwrap(), &deep);
    assert!(matches!(
        Val::closure(0, 0, [deep.clone()]),
        Err(ValueError::TooDeep)
    ));
    assert!(matches!(Val::just(deep), Err(ValueError::TooDeep)));
}

#[test]
fn a_closed_key_is_read_for_its_place() {
    let key = ints(0..100);
    let (closed_key, nodes) = closed(&key);
    let map = Val::map([(Val::Nothing, Val::int(1)), (closed_key, Val::int(2))]).unwrap();
    assert!(nodes.reads.load(Relaxed) > 0);
    assert_eq!(map.as_map().unwrap().get(&key).unwrap(), Some(&Val::int(2)));
    assert_eq!(closed(&map).0.open().unwrap(), &map);
}

proptest! {
    #[test]
    fn round_trip(value in runtime_value()) {
        let (opened, nodes) = closed(&value);
        prop_assert_eq!(opened.encoded_len(), value.encoded_len());
        prop_assert_eq!(opened.depth(), value.depth());
        prop_assert_eq!(opened.is_passable(), value.is_passable());
        prop_assert_eq!(opened.to_bytes().unwrap(), value.to_bytes().unwrap());
        prop_assert_eq!(reference(&opened), reference(&value));
        prop_assert_eq!(&opened, &value);
        prop_assert_eq!(opened.cmp(&value).unwrap(), std::cmp::Ordering::Equal);
        prop_assert_eq!(opened.to_string(), value.to_string());
        // Each node once, and no others, whether it was read or is copied.
        let mut copy = MemoryNodes::default();
        opened.save_below(&mut copy).unwrap();
        prop_assert_eq!(&copy, &nodes.nodes);
        let mut copy = MemoryNodes::default();
        let from = nodes.clone() as Arc<dyn Nodes>;
        save_ref_below(&reference(&value), &from, &mut copy).unwrap();
        prop_assert_eq!(&copy, &nodes.nodes);
    }

    #[test]
    fn one_node_missing(value in value(), which: prop::sample::Index) {
        let (reference, nodes) = saved(&value);
        prop_assume!(!nodes.nodes.is_empty());
        let mut store = Counting { nodes: nodes.nodes.clone(), ..Counting::default() };
        let name = store.nodes.iter().nth(which.index(store.nodes.len())).unwrap().0;
        store.nodes.remove(name);
        let opened = open(&reference, &Arc::new(store));
        let missing = matches!(opened.to_bytes(), Err(HostError::MissingNode { hash }) if hash == name);
        prop_assert!(missing);
    }

    /// Any bytes as a node: refused, or the node of the value it gives.
    #[test]
    fn hostile_nodes(value in runtime_value(), at: prop::sample::Index, byte: u8, cut: bool) {
        let (reference, nodes) = saved(&value);
        prop_assume!(!nodes.nodes.is_empty());
        let name = Hash(reference[7..].try_into().unwrap());
        let mut node = nodes.nodes.get(name).unwrap().to_vec();
        let at = at.index(node.len());
        if cut { node.truncate(at) } else { node[at] = byte }
        let name = Sha256::hash(&node);
        let mut bad = reference;
        bad[7..].copy_from_slice(&name.0);
        let mut store = Counting { nodes: nodes.nodes.clone(), ..Counting::default() };
        store.nodes.put(name, &node).unwrap();
        let opened = open(&bad, &Arc::new(store));
        let _ = opened.to_string();
        if opened.to_bytes().is_ok() {
            let mut copy = MemoryNodes::default();
            opened.save_below(&mut copy).unwrap();
            prop_assert_eq!(copy.get(name).unwrap(), node.into());
        }
    }

    #[test]
    fn hostile_references(bytes in prop::collection::vec(any::<u8>(), 0..60), long: bool) {
        let mut bytes = bytes;
        if long && !bytes.is_empty() {
            bytes[0] = 0xfe;
        }
        let nodes = Arc::new(MemoryNodes::default()) as Arc<dyn Nodes>;
        let mut rest = &bytes[..];
        if let Some(value) = Val::read_ref(&mut rest, &nodes) {
            prop_assert_eq!(reference(&value), &bytes[..bytes.len() - rest.len()]);
        } else {
            prop_assert_eq!(rest.len(), bytes.len());
        }
    }
}

#[test]
fn a_list_over_a_closed_tail() {
    let (value, nodes) = closed(&ints(0..64));
    let long = value.open().unwrap().as_list().unwrap();
    let longer = List::from_slice(&[Val::int(-2), Val::int(-1)])
        .unwrap()
        .concat(long)
        .unwrap();
    assert_eq!(nodes.reads.load(Relaxed), 1);
    assert_eq!(Val::List(longer), ints(-2..64));
}

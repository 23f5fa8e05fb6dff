//! What a map reads of its store, and what it puts into one.

use std::sync::Arc;

use avm_core::{Bytes, Hash, HostError, MemoryNodes, Sink};
use avm_merkle::map::{Map, MapError, NodeHash};
use avm_testkit::watch::RecordingNodes;
use proptest::prelude::*;

use super::{Sha, key, map_of, model, open, stored, value};

/// An operation on a map, and what came of it as text.
pub type Operation<'a> = (
    &'static str,
    Box<dyn Fn(&mut Map<Sha>) -> Result<String, HostError> + 'a>,
);

fn host<T>(done: Result<T, MapError>) -> Result<T, HostError> {
    done.map_err(|error| match error {
        MapError::Host(error) => error,
        other => panic!("no key is long: {other}"),
    })
}

/// Everything that can be done with a key.
pub fn operations<'a>(key: &'a [u8], value: &'a Bytes, index: u64) -> Vec<Operation<'a>> {
    vec![
        ("nothing", Box::new(|map| Ok(format!("{map:?}")))),
        (
            "is empty",
            Box::new(|map| Ok(format!("{}", map.is_empty()))),
        ),
        ("len", Box::new(|map| Ok(format!("{}", map.len()?)))),
        ("bytes", Box::new(|map| Ok(format!("{}", map.bytes()?)))),
        ("get", Box::new(|map| Ok(format!("{:?}", map.get(key)?)))),
        (
            "contains",
            Box::new(|map| Ok(format!("{}", map.contains(key)?))),
        ),
        (
            "look",
            Box::new(|map| Ok(format!("{:?}", map.look(key)?.value_len()))),
        ),
        (
            "levels",
            Box::new(|map| Ok(format!("{}", map.levels(key)?))),
        ),
        (
            "after",
            Box::new(|map| Ok(format!("{:?}", map.after(Some(key))?))),
        ),
        (
            "first",
            Box::new(|map| Ok(format!("{:?}", map.after(None)?))),
        ),
        (
            "nth",
            Box::new(move |map| Ok(format!("{:?}", map.nth(index)?))),
        ),
        (
            "prove",
            Box::new(|map| Ok(format!("{:?}", map.prove(key)?))),
        ),
        (
            "all",
            Box::new(|map| Ok(format!("{:?}", map.iter().collect::<Result<Vec<_>, _>>()?))),
        ),
        (
            "insert",
            Box::new(|map| {
                let was = host(map.insert(key, value.clone()))?;
                Ok(format!("{was} {} {}", map.root(), map.len()?))
            }),
        ),
        (
            "remove",
            Box::new(|map| {
                let was = map.remove(key)?;
                Ok(format!("{was} {}", map.root()))
            }),
        ),
        (
            "remove, then put back",
            Box::new(|map| {
                map.remove(key)?;
                host(map.insert(key, value.clone()))?;
                Ok(format!("{} {}", map.root(), map.bytes()?))
            }),
        ),
    ]
}

/// A map on the nodes alone, an operation on it, and what that read.
fn run(
    root: Hash,
    nodes: MemoryNodes,
    (_, act): &Operation<'_>,
) -> (MemoryNodes, Result<String, HostError>) {
    let nodes = RecordingNodes::new(Arc::new(nodes));
    let done = act(&mut open(root, nodes.clone()));
    (nodes.read(), done)
}

proptest! {
    #[test]
    fn what_is_read_is_the_proof(
        model in model(),
        key in key(),
        value in value(),
        index in any::<prop::sample::Index>(),
        there in any::<bool>(),
    ) {
        let map = map_of(&model);
        let key = match model.keys().nth(index.index(model.len().max(1))) {
            Some(key) if there => key.clone(),
            _ => key,
        };
        let index = index.index(model.len().max(1)) as u64;
        for operation in operations(&key, &value, index) {
            let name = operation.0;
            let want = (operation.1)(&mut map.clone()).unwrap();
            let (read, got) = run(map.root(), stored(&map), &operation);
            prop_assert_eq!(&got.unwrap(), &want, "{}", name);
            let (again, got) = run(map.root(), read.clone(), &operation);
            prop_assert_eq!(got.unwrap(), want, "{}", name);
            prop_assert_eq!(&again, &read, "{}", name);
            for (missing, _) in read.iter() {
                let mut rest = read.clone();
                rest.remove(missing);
                let got = run(map.root(), rest, &operation).1;
                let refused = matches!(got, Err(HostError::MissingNode { hash }) if hash == missing);
                prop_assert!(refused, "{} without {}: {:?}", name, missing, got);
            }
        }
    }

    #[test]
    fn only_the_path_is_read(model in model(), key in key(), value in value()) {
        let map = map_of(&model);
        let path = match model.is_empty() {
            true => 0,
            false => map.levels(&key).unwrap() as usize + 1,
        };
        let long = model.get(&key).is_some_and(|value| value.len() > 64);
        for operation in operations(&key, &value, 0) {
            let want = match operation.0 {
                "nothing" | "is empty" => 0..=0,
                "len" | "bytes" => path.min(1)..=path.min(1),
                "get" | "prove" => path + usize::from(long)..=path + usize::from(long),
                "contains" | "look" | "levels" | "insert" | "remove" => path..=path,
                "remove, then put back" => path..=2 * path.max(1) + 40,
                _ => continue,
            };
            let read = run(map.root(), stored(&map), &operation).0.len();
            prop_assert!(want.contains(&read), "{} read {} of {:?}", operation.0, read, want);
        }
    }

    #[test]
    fn a_failed_change_changes_nothing(model in model(), key in key(), value in value()) {
        let map = map_of(&model);
        for operation in operations(&key, &value, 0) {
            if !["insert", "remove"].contains(&operation.0) {
                continue;
            }
            let (read, _) = run(map.root(), stored(&map), &operation);
            for (missing, _) in read.iter() {
                let mut nodes = stored(&map);
                nodes.remove(missing);
                let mut map = open(map.root(), Arc::new(nodes));
                let before = map.root();
                prop_assert!((operation.1)(&mut map).is_err());
                prop_assert_eq!(map.root(), before);
            }
        }
    }

    #[test]
    fn saving_puts_what_the_sink_lacks(before in model(), key in key(), value in value()) {
        let map = map_of(&before);
        let store = stored(&map);
        let mut map = open(map.root(), Arc::new(store.clone()));
        map.insert(&key, value.clone()).unwrap();
        let mut after = before.clone();
        after.insert(key.clone(), value);

        // Into the store it came from: the new path at most, each node once, children first.
        let mut sink = Careful { nodes: store, put: 0 };
        let root = map.save(&mut sink).unwrap();
        prop_assert!(sink.put <= map.levels(&key).unwrap() + 2, "{} nodes", sink.put);
        prop_assert_eq!(open(root, Arc::new(sink.nodes.clone())).iter().count(), after.len());
        let had = core::mem::take(&mut sink.put);
        map.save(&mut sink).unwrap();
        prop_assert_eq!(sink.put, 0, "after {}", had);

        // Elsewhere: everything, the parts that were never read from the store.
        let mut sink = Careful::default();
        prop_assert_eq!(map.save(&mut sink).unwrap(), root);
        prop_assert_eq!(&sink.nodes, &stored(&map_of(&after)));
        let copied: Vec<_> = open(root, Arc::new(sink.nodes)).iter()
            .map(|entry| entry.map(|(key, value)| (key.to_vec(), value.clone())).unwrap())
            .collect();
        prop_assert_eq!(copied, after.into_iter().collect::<Vec<_>>());
    }
}

/// A sink that takes a node once, under its name, after its children.
#[derive(Default)]
struct Careful {
    nodes: MemoryNodes,
    put: u32,
}

impl Sink for Careful {
    fn has(&self, hash: Hash) -> Result<bool, HostError> {
        self.nodes.has(hash)
    }

    fn put(&mut self, hash: Hash, node: &[u8]) -> Result<(), HostError> {
        assert_eq!(Sha::hash(node), hash);
        assert!(!self.nodes.has(hash)?, "{hash} twice");
        for child in children(node) {
            assert!(self.nodes.has(child)?, "{hash} before {child}");
        }
        self.put += 1;
        self.nodes.put(hash, node)
    }
}

/// Names in a node, found from the description of the format.
pub fn children(node: &[u8]) -> Vec<Hash> {
    let name = |at: usize| Hash(node[at..at + 32].try_into().unwrap());
    match node[0] {
        0xb0 => vec![name(5), name(53)],
        0xb1 => {
            let at = 3 + usize::from(u16::from_be_bytes([node[1], node[2]]));
            let len = u32::from_be_bytes(node[at..at + 4].try_into().unwrap());
            if len > 64 { vec![name(at + 4)] } else { vec![] }
        }
        _ => vec![],
    }
}

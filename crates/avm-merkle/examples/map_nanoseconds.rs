//! Nanoseconds per operation of a map on this machine:
//! `cargo run --release -p avm-merkle --example map_nanoseconds`.

#![allow(clippy::disallowed_methods)] // this program measures time

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use avm_core::{Bytes, Hash, MemoryNodes};
use avm_merkle::map::{Map, NodeHash};
use sha2::{Digest, Sha256};

enum Sha {}

impl NodeHash for Sha {
    fn hash(node: &[u8]) -> Hash {
        Hash(Sha256::digest(node).into())
    }
}

const KEYS: u64 = 5_000;

/// Prints the least time of many runs of `body` on fresh input, per operation.
fn report<T>(what: &str, operations: u64, fresh: impl Fn() -> T, body: impl Fn(&mut T)) {
    let run = |_| {
        let mut input = fresh();
        let start = Instant::now();
        body(&mut input);
        start.elapsed().as_nanos() as f64 / operations as f64
    };
    let least = (0..60).map(run).fold(f64::MAX, f64::min);
    println!("{least:9.1}  {what}");
}

/// Keys of about ten bytes in an order that is neither theirs nor that of memory.
fn keys() -> Vec<Vec<u8>> {
    let mixed = (0..KEYS).map(|index| index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed
        .map(|mixed| [&b"k:"[..], &mixed.to_be_bytes()].concat())
        .collect()
}

fn main() {
    let keys = keys();
    let value = |index: u64| Bytes::from(&index.to_be_bytes()[..]);
    let values: Vec<Bytes> = (0..KEYS).map(value).collect();
    let entries = || keys.iter().zip(&values);
    let full = || {
        let mut map = Map::<Sha>::default();
        for (key, value) in entries() {
            map.insert(key, value.clone()).expect("a short entry");
        }
        map
    };
    let get_all = |map: &mut Map<Sha>| {
        for key in &keys {
            black_box(map.get(black_box(key)).expect("in memory"));
        }
    };
    let put_all = |map: &mut Map<Sha>| {
        for (key, value) in entries() {
            let _ = black_box(map.insert(key, value.clone()));
        }
    };
    let map = full();
    let depth = keys
        .iter()
        .map(|key| u64::from(map.levels(key).expect("in memory")));
    println!(
        "{KEYS} keys of 10 bytes, {:.1} levels deep",
        depth.sum::<u64>() as f64 / KEYS as f64
    );
    println!("       ns  per operation");

    report("get", KEYS, full, get_all);
    report("insert a new key, up to 5,000", KEYS, Map::default, put_all);
    let others: Vec<Vec<u8>> = keys.iter().map(|key| [&key[..], b"+"].concat()).collect();
    report(
        "insert a new key, from 5,000 to 10,000",
        KEYS,
        full,
        |map| {
            for (key, value) in others.iter().zip(&values) {
                let _ = black_box(map.insert(key, value.clone()));
            }
        },
    );
    report("replace a value", KEYS, full, |map| {
        for (key, value) in keys.iter().zip(values.iter().rev()) {
            let _ = black_box(map.insert(key, value.clone()));
        }
    });
    report("put what is there", KEYS, full, put_all);
    report("remove", KEYS, full, |map| {
        for key in &keys {
            let _ = black_box(map.remove(key));
        }
    });
    let shared = || keys.iter().map(|_| map.clone()).collect::<Vec<_>>();
    report("insert a new key into a clone", KEYS, shared, |maps| {
        for ((key, value), map) in others.iter().zip(&values).zip(maps) {
            let _ = black_box(map.insert(key, value.clone()));
        }
    });
    report("clone", KEYS, full, |map| {
        for _ in 0..KEYS {
            black_box(map.clone());
        }
    });
    report("iterate, per entry", KEYS, full, |map| {
        for entry in map.iter() {
            let _ = black_box(entry);
        }
    });
    report("nth", KEYS, full, |map| {
        for index in 0..KEYS {
            let _ = black_box(map.nth(index * 7919 % KEYS));
        }
    });
    report("after", KEYS, full, |map| {
        for key in &keys {
            let _ = black_box(map.after(Some(key)));
        }
    });

    let one = || {
        let mut map = Map::<Sha>::default();
        let _ = map.insert(b"balance:01", values[0].clone());
        map
    };
    report("get, one entry", KEYS, one, |map| {
        for _ in 0..KEYS {
            black_box(map.get(black_box(b"balance:01")).expect("in memory"));
        }
    });
    report("put, one entry", KEYS, one, |map| {
        for value in &values {
            let _ = black_box(map.insert(black_box(b"balance:01"), value.clone()));
        }
    });
    report("get and put, one entry", KEYS, one, |map| {
        for value in &values {
            black_box(map.get(black_box(b"balance:01")).expect("in memory"));
            let _ = black_box(map.insert(black_box(b"balance:01"), value.clone()));
        }
    });

    report("root of a new map, per entry", KEYS, full, |map| {
        black_box(map.root());
    });
    let hashed = || {
        let map = full();
        let _ = map.root();
        map
    };
    report("replace a value and take the root", KEYS, hashed, |map| {
        for (key, value) in keys.iter().zip(values.iter().rev()) {
            let _ = map.insert(key, value.clone());
            black_box(map.root());
        }
    });
    let saved = || {
        let mut nodes = MemoryNodes::default();
        let root = map.save(&mut nodes).expect("in memory");
        Map::<Sha>::open(root, Arc::new(nodes))
    };
    report("save, per entry", KEYS, MemoryNodes::default, |nodes| {
        black_box(map.save(nodes).expect("in memory"));
    });
    report("get, opened and not read yet", KEYS, saved, get_all);
    let read = || {
        let mut map = saved();
        get_all(&mut map);
        map
    };
    report("get, opened and read", KEYS, read, get_all);
    report(
        "drop, per entry",
        KEYS,
        || Some(full()),
        |map| drop(map.take()),
    );
}

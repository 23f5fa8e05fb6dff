//! Keys that make the tree as deep as they can, on a stack that recursion would overflow.

use std::sync::Arc;

use avm_core::MemoryNodes;
use avm_merkle::map::Map;

use super::{Sha, bytes, open, stored};

const STACK_BYTES: usize = 256 << 10;

/// Keys of which each parts from the one stem at a bit of its own: 1 MB of them.
fn keys() -> Vec<Vec<u8>> {
    let stem = [0u8; 540];
    let key = |bit: usize| {
        let mut key = stem[..=bit / 8].to_vec();
        key[bit / 8] |= 0x80 >> (bit % 8);
        key
    };
    (0..8 * stem.len()).map(key).collect()
}

#[test]
fn deep_maps_need_no_stack() {
    let work = || {
        let keys = keys();
        let size: usize = keys.iter().map(Vec::len).sum();
        assert!(size > 1 << 20 && size < 5 << 18, "{size}");
        let mut map = Map::<Sha>::default();
        map.apply(keys.iter().map(|key| (key, Some(bytes(b"value")))))
            .unwrap();
        let deepest = keys.last().unwrap();
        assert!(map.levels(deepest).unwrap() > 4_000);

        let nodes = stored(&map);
        let map = open(map.root(), Arc::new(nodes));
        let mut copy = MemoryNodes::default();
        map.save(&mut copy).unwrap();
        let proof = map.prove(deepest).unwrap();
        assert_eq!(
            proof.verify::<Sha>(map.root(), deepest),
            Ok(Some(b"value".to_vec()))
        );
        assert_eq!(map.iter().map(Result::unwrap).count(), keys.len());
        assert_eq!(map.nth(0).unwrap().unwrap().0, deepest);
        assert_eq!(
            map.after(Some(deepest)).unwrap().unwrap().0,
            keys[keys.len() - 2]
        );

        // Two that share everything but one path, dropped one after the other.
        let mut other = map.clone();
        assert!(other.remove(deepest).unwrap());
        assert_ne!(other.root(), map.root());
        let found: Vec<_> = map.differences(&other).map(Result::unwrap).collect();
        assert_eq!((found.len(), found[0].key), (1, &deepest[..]));
        let none = Map::default();
        assert_eq!(none.differences(&other).count(), keys.len() - 1);
        // Other stems at every depth: nothing that one has is in the other.
        let mut shifted = Map::<Sha>::default();
        let longer = keys.iter().map(|key| [&key[..], &[1]].concat());
        shifted
            .apply(longer.map(|key| (key, Some(bytes(b"value")))))
            .unwrap();
        assert_eq!(map.differences(&shifted).count(), 2 * keys.len());
        drop(found);
        drop(map);
        other.insert(deepest, bytes(b"value")).unwrap();
        assert_eq!(stored(&other), copy);
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    thread.spawn(work).unwrap().join().unwrap();
}

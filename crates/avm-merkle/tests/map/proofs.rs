//! Proofs say what is there and what is not, and no other proof says anything.

use avm_core::{Bytes, Hash};
use avm_merkle::map::{MapProof, MapProofError};
use proptest::prelude::*;

use super::{Sha, bytes, key, map_of, model, opened};

/// The proof with one thing changed, in every way.
fn mutations(proof: &MapProof, stranger: &Bytes) -> Vec<MapProof> {
    let nodes = &proof.nodes;
    let mut mutations = Vec::new();
    let mut add = |change: &dyn Fn(&mut Vec<Bytes>)| {
        let mut nodes = nodes.clone();
        change(&mut nodes);
        if nodes != proof.nodes {
            mutations.push(MapProof { nodes });
        }
    };
    add(&|nodes| nodes.clear());
    add(&|nodes| nodes.push(stranger.clone()));
    add(&|nodes| nodes.insert(0, stranger.clone()));
    add(&|nodes| nodes.reverse());
    for index in 0..nodes.len() {
        add(&|nodes| drop(nodes.remove(index)));
        add(&|nodes| nodes.truncate(index));
        add(&|nodes| nodes.insert(index, nodes[index].clone()));
        add(&|nodes| nodes.push(nodes[index].clone()));
        add(&|nodes| nodes[index] = stranger.clone());
        add(&|nodes| nodes[index] = nodes[index][..nodes[index].len() - 1].into());
        add(&|nodes| nodes[index] = [&nodes[index][..], &[0]].concat().into());
        for at in 0..nodes[index].len() {
            add(&|nodes| {
                let mut node = nodes[index].to_vec();
                node[at] ^= 1 << (at % 8);
                nodes[index] = node.into();
            });
        }
    }
    mutations
}

proptest! {
    #[test]
    fn a_proof_says_what_the_map_has(model in model(), other in key(), root in any::<[u8; 32]>()) {
        let map = map_of(&model);
        for key in model.keys().chain([&other]) {
            let proof = map.prove(key).unwrap();
            prop_assert_eq!(&proof, &opened(&map).prove(key).unwrap());
            let value = model.get(key).map(|value| value.to_vec());
            prop_assert_eq!(proof.verify::<Sha>(map.root(), key), Ok(value));
            prop_assert!(proof.verify::<Sha>(Hash(root), key).is_err());
            // For another key it may do, if that is not there; never to say something untrue.
            if let Ok(found) = proof.verify::<Sha>(map.root(), &other) {
                prop_assert_eq!(found, model.get(&other).map(|value| value.to_vec()));
            }
        }
    }

    #[test]
    fn a_changed_proof_is_refused(model in model(), other in key()) {
        let map = map_of(&model);
        let stranger = bytes(b"\xb1\0\0\0\0\0\0");
        for key in model.keys().take(3).chain([&other]) {
            for proof in mutations(&map.prove(key).unwrap(), &stranger) {
                let found = proof.verify::<Sha>(map.root(), key);
                prop_assert!(found.is_err(), "{:?}", found);
            }
        }
    }
}

#[test]
fn reasons() {
    let model = [(&b"a"[..], &[1; 65][..]), (b"b", b"2")];
    let map = map_of(
        &model
            .map(|(key, value)| (key.to_vec(), bytes(value)))
            .into(),
    );
    let (root, proof) = (map.root(), map.prove(b"a").unwrap());
    assert_eq!(proof.nodes.len(), 3);
    let check = |proof: &MapProof| proof.verify::<Sha>(root, b"a").unwrap_err();

    let mut short = proof.clone();
    let gone = short.nodes.pop().unwrap();
    let want = <Sha as avm_merkle::map::NodeHash>::hash(&gone);
    assert_eq!(check(&short), MapProofError::Short { nodes: 2, want });
    let mut long = proof.clone();
    long.nodes.push(gone.clone());
    assert_eq!(check(&long), MapProofError::Long { nodes: 4, want: 3 });
    let mut other = proof.clone();
    other.nodes[0] = gone;
    let got = want;
    let want = root;
    assert_eq!(
        check(&other),
        MapProofError::Name {
            index: 0,
            got,
            want
        }
    );

    // A root that is of no map.
    let leaf = proof.nodes[2].clone();
    let proof = MapProof { nodes: vec![leaf] };
    let found = proof.verify::<Sha>(got, b"a");
    let want = "a branch or a leaf of a map";
    assert_eq!(
        found,
        Err(MapProofError::Node {
            index: 0,
            len: 66,
            want
        })
    );

    // The empty map has an empty proof, and no other.
    let empty = MapProof::default();
    assert_eq!(empty.verify::<Sha>(Hash::ZERO, b""), Ok(None));
    assert!(proof.verify::<Sha>(Hash::ZERO, b"").is_err());
    assert!(empty.verify::<Sha>(root, b"a").is_err());
}

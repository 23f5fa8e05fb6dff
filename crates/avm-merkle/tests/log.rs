//! The log accumulator against its definition, and its proofs against corruption.

use avm_core::{Hash, keccak256};
use avm_merkle::{Frontier, Leaf, LogHead, ProofError, Tree};
use proptest::prelude::*;

fn item(index: u64) -> Vec<u8> {
    format!("item {index}").into_bytes()
}

fn leaf(index: u64) -> Leaf {
    Leaf::of_item(&item(index))
}

fn tree(len: u64) -> Tree {
    (0..len).map(leaf).collect()
}

/// RFC 6962, 2.1, with the hashes of this crate.
fn by_definition(items: &[Vec<u8>]) -> Hash {
    match items {
        [] => Hash::ZERO,
        [item] => Hash(keccak256(&[&[0][..], &keccak256(item)].concat())),
        _ => {
            let (left, right) = items.split_at(items.len().next_power_of_two() / 2);
            let (left, right) = (by_definition(left), by_definition(right));
            Hash(keccak256(&[&[1][..], &left.0, &right.0].concat()))
        }
    }
}

#[test]
fn known_roots() {
    // Roots over "item 0", "item 1" ... by a separate program.
    let cases = [
        (
            1,
            "e78724b2653a71c04c490eb74689ef4b603d2b0db654d734e068b7626750386a",
        ),
        (
            2,
            "3782ec4cb05508ff63d382cedab0967bc2b45af9d0b602e2d50aa5c001636036",
        ),
        (
            3,
            "de021d228c72bac28517efcd11215a817eb954684fcf8358003643185f839e42",
        ),
        (
            4,
            "f0053746eda045f584b1a46003b652ce75484aae17e34b455c1a6feb16c8b247",
        ),
        (
            5,
            "52444569be504c3e4db7c3a106369fa20e93056feb3fbe991d814660d9597aec",
        ),
        (
            6,
            "d39f9ff9bdda90478f1b981f04009801af3374252a0f630921fbd861e22872b3",
        ),
        (
            7,
            "89d71f66f701822841175d0908cd4fc581888221d8f480614b1ce7a172057a86",
        ),
        (
            8,
            "0108249fed059ac1906bd94fb991b1504b701682e5e491729ac46a44c524f2f1",
        ),
    ];
    for (len, want) in cases {
        let want: Hash = want.parse().expect("a constant of the test");
        assert_eq!(tree(len).head(), LogHead { len, root: want }, "{len} items");
    }
}

#[test]
fn every_size_agrees_with_the_definition() {
    let mut items = Vec::new();
    let (mut frontier, mut whole) = (Frontier::default(), Tree::default());
    let all = tree(70);
    for len in 0..=70 {
        let want = LogHead {
            len,
            root: by_definition(&items),
        };
        assert_eq!(frontier.head(), want);
        assert_eq!(whole.head(), want);
        assert_eq!(all.head_at(len), Some(want));
        assert_eq!(LogHead::from_bytes(&want.to_bytes()), want);
        let again = Frontier::from_parts(len, frontier.peaks().to_vec());
        assert_eq!(again.as_ref(), Some(&frontier));
        items.push(item(len));
        frontier.push(leaf(len));
        whole.push(leaf(len));
    }
    assert_eq!(all.head_at(71), None);
    assert_eq!(Frontier::from_parts(3, vec![Hash::ZERO]), None);
}

#[test]
fn every_item_of_every_size_is_included() {
    let all = tree(70);
    for len in 0..=70 {
        let (head, fresh) = (all.head_at(len).unwrap(), tree(len));
        for index in 0..len {
            let proof = all.inclusion(index, len).unwrap();
            assert_eq!(fresh.inclusion(index, len).as_ref(), Some(&proof));
            assert_eq!(head.verify_inclusion(index, leaf(index), &proof), Ok(()));
            assert!(proof.len() <= 7);
        }
        assert_eq!(all.inclusion(len, len), None);
        let past = head.verify_inclusion(len, leaf(len), &[]);
        assert_eq!(past, Err(ProofError::Index { index: len, len }));
    }
    assert_eq!(all.inclusion(0, 71), None);
}

#[test]
fn another_index_length_or_leaf_is_refused() {
    let all = tree(17);
    for len in 1..=17 {
        let head = all.head_at(len).unwrap();
        for index in 0..len {
            let proof = all.inclusion(index, len).unwrap();
            for other in (0..len + 2).filter(|other| *other != index) {
                let claimed = head.verify_inclusion(other, leaf(index), &proof);
                assert!(claimed.is_err(), "{index} passes for {other} of {len}");
                let swapped = head.verify_inclusion(index, leaf(other), &proof);
                assert!(swapped.is_err(), "leaf {other} passes at {index} of {len}");
            }
            for other in (index + 1..=17).filter(|other| *other != len) {
                let head = all.head_at(other).unwrap();
                let claimed = head.verify_inclusion(index, leaf(index), &proof);
                assert!(
                    claimed.is_err(),
                    "{index} of {len} passes for one of {other}"
                );
            }
        }
    }
}

/// The same root under another length: a length is part of what was agreed on, yet where the
/// shape differs the proof does not fit either.
#[test]
fn proofs_have_the_length_of_their_place() {
    let all = tree(8);
    let head = all.head();
    let proof = all.inclusion(5, 8).unwrap();
    let refused = |proof: &[Hash]| head.verify_inclusion(5, leaf(5), proof);
    assert_eq!(
        refused(&proof[..2]),
        Err(ProofError::Length { got: 2, want: 3 })
    );
    let long = [&proof[..], &[Hash::ZERO]].concat();
    assert_eq!(refused(&long), Err(ProofError::Length { got: 4, want: 3 }));
    let longer = LogHead { len: 9, ..head };
    let refused = longer.verify_inclusion(5, leaf(5), &proof);
    assert_eq!(refused, Err(ProofError::Length { got: 3, want: 4 }));
    let far = LogHead {
        len: u64::MAX,
        ..head
    };
    let refused = far.verify_inclusion(u64::MAX - 1, leaf(5), &proof);
    assert_eq!(refused, Err(ProofError::Length { got: 3, want: 63 }));
}

#[test]
fn a_node_does_not_pass_for_a_leaf() {
    let (two, four) = (tree(2), tree(4));
    let above = four.inclusion(0, 4).unwrap()[1];
    let pair = [two.head().root.0, above.0].concat();
    let forged = Leaf::of_item(&pair);
    assert_ne!(forged.hash(), four.head().root);
    assert_ne!(Hash::keccak(&pair), four.head().root);
}

#[test]
fn every_prefix_of_every_size_is_consistent() {
    let all = tree(70);
    for new in 0..=70 {
        let head = all.head_at(new).unwrap();
        for old in 0..=new {
            let proof = all.consistency(old, new).unwrap();
            let old_head = all.head_at(old).unwrap();
            assert_eq!(
                head.verify_consistency(&old_head, &proof),
                Ok(()),
                "{old} of {new}"
            );
            if old < new {
                let refused = old_head.verify_consistency(&head, &proof);
                let (old, new) = (new, old);
                assert_eq!(refused, Err(ProofError::Order { old, new }));
            }
        }
        assert_eq!(all.consistency(new + 1, new), None);
    }
}

#[test]
fn a_rewritten_log_is_not_consistent() {
    for new in 1..=13 {
        let honest = tree(new);
        for changed in 0..new {
            let other: Tree = (0..new)
                .map(|index| leaf(if index == changed { 99 } else { index }))
                .collect();
            for old in changed + 1..=new {
                let old_head = honest.head_at(old).unwrap();
                let proof = other.consistency(old, new).unwrap();
                let verdict = other.head().verify_consistency(&old_head, &proof);
                assert!(verdict.is_err(), "item {changed} of {old} of {new}");
                let proof = honest.consistency(old, new).unwrap();
                let verdict = other.head().verify_consistency(&old_head, &proof);
                assert!(
                    verdict.is_err(),
                    "item {changed} of {old} of {new}, honest proof"
                );
            }
        }
    }
}

#[test]
fn the_empty_log_has_one_head() {
    let empty = LogHead::EMPTY;
    let odd = LogHead {
        len: 0,
        root: Hash([7; 32]),
    };
    assert_eq!(empty.verify_consistency(&empty, &[]), Ok(()));
    for (old, new) in [
        (odd, empty),
        (empty, odd),
        (odd, odd),
        (odd, tree(3).head()),
    ] {
        let verdict = new.verify_consistency(&old, &[]);
        assert!(
            matches!(verdict, Err(ProofError::Root { .. })),
            "{old:?} {new:?}"
        );
    }
    let verdict = tree(3).head().verify_consistency(&empty, &[Hash::ZERO]);
    assert_eq!(verdict, Err(ProofError::Length { got: 1, want: 0 }));
}

/// Every proof that differs from `proof` in one byte, or by one hash left out or put in.
fn broken(proof: &[Hash]) -> impl Iterator<Item = Vec<Hash>> {
    let flipped = (0..proof.len() * 32).map(|at| {
        let mut proof = proof.to_vec();
        proof[at / 32].0[at % 32] ^= 1 << (at % 8);
        proof
    });
    let shorter = (0..proof.len()).map(|at| [&proof[..at], &proof[at + 1..]].concat());
    let longer =
        (0..=proof.len()).map(|at| [&proof[..at], &[Hash([9; 32])], &proof[at..]].concat());
    flipped.chain(shorter).chain(longer)
}

#[test]
fn every_broken_byte_is_refused() {
    for len in [1, 2, 3, 5, 8, 11] {
        let tree = tree(len);
        let head = tree.head();
        for index in 0..len {
            let proof = tree.inclusion(index, len).unwrap();
            for proof in broken(&proof) {
                assert!(head.verify_inclusion(index, leaf(index), &proof).is_err());
            }
            let old = tree.head_at(index).unwrap();
            let proof = tree.consistency(index, len).unwrap();
            for proof in broken(&proof) {
                assert!(head.verify_consistency(&old, &proof).is_err());
            }
            for at in 0..32 {
                let mut head = head;
                head.root.0[at] ^= 0x10;
                let proof = tree.inclusion(index, len).unwrap();
                assert!(head.verify_inclusion(index, leaf(index), &proof).is_err());
            }
        }
    }
}

#[test]
fn messages() {
    let cases = [
        (
            ProofError::Index { index: 3, len: 2 },
            "item 3 is not in a log of 2 items",
        ),
        (
            ProofError::Order { old: 3, new: 2 },
            "a log of 3 items is not a prefix of one with 2",
        ),
        (
            ProofError::Length { got: 1, want: 2 },
            "the proof has 1 hashes, its place in the log calls for 2",
        ),
    ];
    for (error, want) in cases {
        assert_eq!(error.to_string(), want);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_logs(
        items in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..150),
        index in any::<prop::sample::Index>(),
        old in any::<prop::sample::Index>(),
        flip in any::<prop::sample::Index>(),
    ) {
        let tree: Tree = items.iter().map(|item| Leaf::of_item(item)).collect();
        let head = tree.head();
        prop_assert_eq!(head.root, by_definition(&items));
        let frontier: Frontier = items.iter().map(|item| Leaf::of_item(item)).collect();
        prop_assert_eq!(frontier.head(), head);

        let index = index.index(items.len());
        let leaf = Leaf::of_item(&items[index]);
        let mut proof = tree.inclusion(index as u64, head.len).unwrap();
        prop_assert_eq!(head.verify_inclusion(index as u64, leaf, &proof), Ok(()));
        if !proof.is_empty() {
            let bit = flip.index(proof.len() * 256);
            proof[bit / 256].0[bit / 8 % 32] ^= 1 << (bit % 8);
            prop_assert!(head.verify_inclusion(index as u64, leaf, &proof).is_err());
        }

        let old = tree.head_at(old.index(items.len() + 1) as u64).unwrap();
        let proof = tree.consistency(old.len, head.len).unwrap();
        prop_assert_eq!(head.verify_consistency(&old, &proof), Ok(()));
    }

    #[test]
    fn proofs_of_huge_logs_are_short(len in 1u64.., index in any::<u64>(), old in any::<u64>()) {
        // No such log fits into memory: a hash of the span stands for its root.
        let fake = |span: avm_merkle::Span| {
            Ok::<_, ()>(Hash::keccak(&[span.first.to_be_bytes(), span.len.to_be_bytes()].concat()))
        };
        let (index, old) = (index % len, old % len + 1);
        prop_assert!(avm_merkle::log::inclusion(index, len, fake).unwrap().len() <= 64);
        prop_assert!(avm_merkle::log::consistency(old, len, fake).unwrap().len() <= 65);
    }
}

//! Padded binary trees over 32-byte words.
//!
//! A leaf is `K(word)`, a node is `K(left ‖ right)`, and missing words are zero. The leaves of a
//! tree are all at one depth that the reader knows beforehand, so a leaf cannot pass for a node
//! and no domain byte is needed; it would also break the hashes of machines that use this shape.

use alloc::vec;
use alloc::vec::Vec;

use avm_core::Hash;
use avm_keccak::keccak256_batch;

/// Roots of trees whose words are all zero: `Z[0] = K(0^32)`, `Z[i + 1] = K(Z[i] ‖ Z[i])`,
/// computed when first asked for and kept.
#[derive(Clone, Debug, Default)]
pub struct ZeroRoots(Vec<Hash>);

impl ZeroRoots {
    /// Root of the all-zero tree with `2^depth` words.
    pub fn root(&mut self, depth: u32) -> Hash {
        let depth = depth as usize;
        while self.0.len() <= depth {
            self.0.push(match self.0.last() {
                Some(below) => below.join(*below),
                None => Hash::keccak(&[0; 32]),
            });
        }
        self.0[depth]
    }
}

/// Depth of the smallest tree that holds `words` words; one word, or none, is a tree of depth 0.
#[must_use]
pub const fn depth_for(words: u64) -> u32 {
    match words {
        0 | 1 => 0,
        _ => (words - 1).ilog2() + 1,
    }
}

/// Root of the tree with `2^depth` words that starts with `words` and continues with zeros.
///
/// Hashes level by level in batches, and only the part that is not known to be zero: about
/// `2 * words.len() + depth` hashes whatever the depth.
///
/// # Panics
/// If the words do not fit, that is `depth < depth_for(words.len())`.
#[must_use]
pub fn root_of_words(words: &[[u8; 32]], depth: u32, zeros: &mut ZeroRoots) -> Hash {
    assert!(
        depth >= depth_for(words.len() as u64),
        "{} words do not fit into a tree of depth {depth}",
        words.len()
    );
    if words.is_empty() {
        return zeros.root(depth);
    }
    let mut level = vec![[0; 32]; words.len()];
    keccak256_batch(32, words.as_flattened(), &mut level);
    for below in 0..depth {
        if level.len() % 2 == 1 {
            level.push(zeros.root(below).0);
        }
        let mut above = vec![[0; 32]; level.len() / 2];
        keccak256_batch(64, level.as_flattened(), &mut above);
        level = above;
    }
    Hash(level[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hex(text: &str) -> Hash {
        text.parse().expect("a constant of the test")
    }

    #[test]
    fn zero_roots_of_the_reference() {
        // Zero subtree roots recorded from the reference implementation of the classic AVM.
        let cases = [
            (
                0,
                "290decd9548b62a8d60345a988386fc84ba6bc95484008f6362f93160ef3e563",
            ),
            (
                1,
                "633dc4d7da7256660a892f8f1604a44b5432649cc8ec5cb3ced4c4e6ac94dd1d",
            ),
            (
                2,
                "890740a8eb06ce9be422cb8da5cdafc2b58c0a5e24036c578de2a433c828ff7d",
            ),
            (
                7,
                "292c23a9aa1d8bea7e2435e555a4a60e379a5a35f3f452bae60121073fb6eead",
            ),
            (
                32,
                "cf277fb80a82478460e8988570b718f1e083ceb76f7e271a1a1497e5975f53ae",
            ),
            (
                63,
                "10c710f9205b30e8a7163edbfcd85e8fbaf2f3fe442f2ee4af580e28b2df1180",
            ),
        ];
        for (depth, want) in cases {
            assert_eq!(ZeroRoots::default().root(depth), hex(want), "depth {depth}");
        }
        let mut kept = ZeroRoots::default();
        for (depth, want) in cases.into_iter().rev().chain(cases) {
            assert_eq!(kept.root(depth), hex(want), "kept, depth {depth}");
        }
    }

    #[test]
    fn depths() {
        let cases = [
            (0, 0),
            (1, 0),
            (2, 1),
            (3, 2),
            (4, 2),
            (5, 3),
            (1 << 20, 20),
            ((1 << 20) + 1, 21),
            (u64::MAX, 64),
        ];
        for (words, want) in cases {
            assert_eq!(depth_for(words), want, "{words} words");
        }
    }

    /// The definition, with every zero written out.
    fn by_definition(words: &[[u8; 32]], depth: u32) -> Hash {
        if depth == 0 {
            return Hash::keccak(&words.first().copied().unwrap_or_default());
        }
        let half = words.len().min(1 << (depth - 1));
        let (left, right) = words.split_at(half);
        by_definition(left, depth - 1).join(by_definition(right, depth - 1))
    }

    fn words(count: usize) -> Vec<[u8; 32]> {
        (0..count).map(|i| [i as u8 + 1; 32]).collect()
    }

    #[test]
    fn every_size_agrees_with_the_definition() {
        let mut zeros = ZeroRoots::default();
        for count in 0..70 {
            let words = words(count);
            let fit = depth_for(count as u64);
            for depth in fit..fit + 3 {
                let got = root_of_words(&words, depth, &mut zeros);
                assert_eq!(
                    got,
                    by_definition(&words, depth),
                    "{count} words, depth {depth}"
                );
            }
        }
    }

    #[test]
    fn written_zeros_are_padding() {
        let mut zeros = ZeroRoots::default();
        let mut long = words(5);
        long.resize(11, [0; 32]);
        assert_eq!(
            root_of_words(&long, 40, &mut zeros),
            root_of_words(&words(5), 40, &mut zeros)
        );
        let nothing = vec![[0; 32]; 9];
        assert_eq!(root_of_words(&nothing, 50, &mut zeros), zeros.root(50));
    }

    #[test]
    #[should_panic(expected = "3 words do not fit into a tree of depth 1")]
    fn too_many_words_are_our_bug() {
        let _ = root_of_words(&words(3), 1, &mut ZeroRoots::default());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn random_words_agree_with_the_definition(
            words in prop::collection::vec(any::<[u8; 32]>(), 0..40),
            extra in 0u32..3,
        ) {
            let depth = depth_for(words.len() as u64) + extra;
            let got = root_of_words(&words, depth, &mut ZeroRoots::default());
            prop_assert_eq!(got, by_definition(&words, depth));
        }
    }
}

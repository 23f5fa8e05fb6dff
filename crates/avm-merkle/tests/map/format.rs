//! The worked example of `docs/design/map-format.md`, whose hashes another program made.

use avm_merkle::map::{BRANCH, LEAF, NodeHash, VALUE};

use super::{Model, Sha, bytes, map_of, stored};

/// Name and content of every node, as the page has them.
const NODES: [(&str, &str); 8] = [
    (
        "2ea11558aeb4daae13d69a33f319c624d2f393fe6d9342db199d6fe1ca2d0273",
        "b0 00000000
         7d7f6441027c462474805a598ce33090622b4fd3398719eb1d3c2af945ddf638
         0000000000000001 0000000000000000
         931a365b95253d40f3997b11cbafda34f32ff999678cd56ef396349658b42f7f
         0000000000000003 0000000000000048",
    ),
    (
        "931a365b95253d40f3997b11cbafda34f32ff999678cd56ef396349658b42f7f",
        "b0 00000007
         0d4d5c6ee7a7e4b4cabbfb685bc562e25466a640eb5a16815142e0794e575727
         0000000000000002 0000000000000045
         5d178693ea9cd93119a9fd2d935b99ab5ed3ecbe61a9c6e9b4768f3374eb5257
         0000000000000001 0000000000000003",
    ),
    (
        "0d4d5c6ee7a7e4b4cabbfb685bc562e25466a640eb5a16815142e0794e575727",
        "b0 00000009
         488c0491516224a9f4395510f879c2bdc97224208385bcf28ba68f6a5962f0f3
         0000000000000001 0000000000000002
         4406f440d19c822d311ed4ecb8d4215b1d86c0b2f289b08da584d7fb118b7c8f
         0000000000000001 0000000000000043",
    ),
    (
        "7d7f6441027c462474805a598ce33090622b4fd3398719eb1d3c2af945ddf638",
        "b1 0000 00000000",
    ),
    (
        "488c0491516224a9f4395510f879c2bdc97224208385bcf28ba68f6a5962f0f3",
        "b1 0001 61 00000001 31",
    ),
    (
        "4406f440d19c822d311ed4ecb8d4215b1d86c0b2f289b08da584d7fb118b7c8f",
        "b1 0002 6162 00000041
         69e4471e69e3867f9b637d3d4e0e690b962bcead16a1b76b185cd365d7b079d3",
    ),
    (
        "5d178693ea9cd93119a9fd2d935b99ab5ed3ecbe61a9c6e9b4768f3374eb5257",
        "b1 0001 62 00000002 3232",
    ),
    (
        "69e4471e69e3867f9b637d3d4e0e690b962bcead16a1b76b185cd365d7b079d3",
        "b2
         7878787878787878787878787878787878787878787878787878787878787878
         7878787878787878787878787878787878787878787878787878787878787878
         78",
    ),
];

fn example() -> Model {
    let entries = [
        (&b""[..], &b""[..]),
        (b"a", b"1"),
        (b"ab", &[b'x'; 65]),
        (b"b", b"22"),
    ];
    entries
        .map(|(key, value)| (key.to_vec(), bytes(value)))
        .into()
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let pairs = (0..digits.len()).step_by(2);
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16);
    pairs.map(|at| byte(at).expect("hex of the test")).collect()
}

#[test]
fn the_example_of_the_page() {
    let map = map_of(&example());
    let mut want: Vec<_> = NODES
        .iter()
        .map(|(name, node)| (name.parse().expect("a name"), from_hex(node)))
        .collect();
    assert_eq!(map.root(), want[0].0);
    want.sort();
    let nodes = stored(&map);
    let got: Vec<_> = nodes
        .iter()
        .map(|(name, node)| (name, node.to_vec()))
        .collect();
    assert_eq!(got, want);
    assert!(got.iter().all(|(name, node)| Sha::hash(node) == *name));
    assert_eq!((BRANCH, LEAF, VALUE), (0xb0, 0xb1, 0xb2));
}

#[test]
fn the_page_shows_these_nodes() {
    let page = include_str!("../../../../docs/design/map-format.md");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let page = words(page);
    for (name, node) in NODES {
        assert!(page.contains(name), "{name}");
        assert!(page.contains(&words(node)), "{node}");
    }
}

#[test]
fn the_proofs_of_the_page() {
    let map = map_of(&example());
    let cases = [
        (&b"ab"[..], vec![0, 1, 2, 5, 7], Some(vec![b'x'; 65])),
        (b"b", vec![0, 1, 6], Some(b"22".to_vec())),
        (b"bc", vec![0, 1, 6], None),
        (b"", vec![0, 3], Some(vec![])),
    ];
    for (key, path, value) in cases {
        let proof = map.prove(key).unwrap();
        let nodes: Vec<_> = path
            .iter()
            .map(|&index: &usize| from_hex(NODES[index].1))
            .collect();
        assert_eq!(
            proof
                .nodes
                .iter()
                .map(|node| node.to_vec())
                .collect::<Vec<_>>(),
            nodes
        );
        assert_eq!(proof.verify::<Sha>(map.root(), key), Ok(value));
    }
}

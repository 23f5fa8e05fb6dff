//! Where tokens go: transactions without operations, and `x`, `y`, `z`. Spec: section 15.

use avm_atomicals::Rules;
use avm_atomicals::index::AtomicalId;
use avm_atomicals::index::receipt::Refusal;
use avm_regtest::bitcoin::{OutPoint, Transaction, TxOut};
use avm_regtest::{Operation, id};

use crate::bed::{Bed, Indexed, at, done, output, refused, unspendable};

/// Mints on a first output of so many satoshis.
fn minted(bed: &mut Bed, operation: &Operation, sats: u64) -> (AtomicalId, OutPoint) {
    let coin = bed.coins(&[100_000])[0];
    let tx = bed.reveal(&[coin], 0, operation, vec![output(sats, 1)]);
    bed.mine();
    (id(coin), at(&tx, 0))
}

/// A chain with 1,000 units of a token, 500 of another, and two items.
struct Tokens {
    bed: Bed,
    ft: [(AtomicalId, OutPoint); 2],
    nft: [(AtomicalId, OutPoint); 2],
}

fn tokens(rules: &'static Rules) -> Tokens {
    let mut bed = Bed::new(rules);
    let ft = [
        minted(&mut bed, &Operation::ft("one"), 1_000),
        minted(&mut bed, &Operation::ft("two"), 500),
    ];
    let mut nft = [(); 2].map(|()| minted(&mut bed, &Operation::nft(), 600));
    nft.sort();
    Tokens { bed, ft, nft }
}

fn units(indexed: &mut Indexed, tx: &Transaction, of: &(AtomicalId, OutPoint)) -> Vec<(u32, u64)> {
    indexed.units(tx, &of.0)
}

#[test]
fn units_fill_outputs_in_the_order_of_inputs() {
    type Units = &'static [(u32, u64)];
    let cases: [(&str, Vec<TxOut>, Units, Units); 7] = [
        (
            "they fit",
            vec![output(1_000, 1), output(500, 2)],
            &[(0, 1_000)],
            &[(1, 500)],
        ),
        (
            "the last output is coloured in part",
            vec![output(600, 1), output(600, 1), output(600, 2)],
            &[(0, 600), (1, 400)],
            &[(2, 500)],
        ),
        (
            "what is not spendable is passed over",
            vec![
                unspendable(700),
                output(1_000, 1),
                unspendable(9),
                output(500, 1),
            ],
            &[(1, 1_000)],
            &[(3, 500)],
        ),
        (
            "the second finds nothing, and both begin again",
            vec![output(1_000, 1)],
            &[(0, 1_000)],
            &[(0, 500)],
        ),
        (
            "too few satoshis",
            vec![output(700, 1), output(100, 1)],
            &[(0, 700), (1, 100)],
            &[(0, 500)],
        ),
        ("nothing is spendable", vec![unspendable(1_500)], &[], &[]),
        (
            "the rest is burned",
            vec![output(1_000, 1), output(300, 1)],
            &[(0, 1_000)],
            &[(1, 300)],
        ),
    ];
    for (name, outputs, one, two) in cases {
        let mut t = tokens(&Rules::AVM1);
        let coin = t.bed.coins(&[9_000])[0];
        let tx = t.bed.spend(&[t.ft[0].1, t.ft[1].1, coin], outputs);
        t.bed.mine();
        let mut indexed = t.bed.index();
        assert_eq!(units(&mut indexed, &tx, &t.ft[0]), one, "{name}");
        assert_eq!(units(&mut indexed, &tx, &t.ft[1]), two, "{name}");
        assert_eq!(indexed.receipt(&tx), None, "{name}: no operation");
    }
}

#[test]
fn items_go_to_the_output_of_their_input() {
    let cases = [
        ("one each", vec![output(600, 1), output(600, 2)], [0, 1]),
        ("one output", vec![output(700, 1)], [0, 0]),
        (
            "the second is not spendable",
            vec![output(600, 1), unspendable(6)],
            [0, 0],
        ),
        (
            "nothing is spendable",
            vec![unspendable(6), unspendable(6)],
            [0, 0],
        ),
    ];
    for (name, outputs, want) in cases {
        let mut t = tokens(&Rules::AVM1);
        let tx = t.bed.spend(&[t.nft[0].1, t.nft[1].1], outputs);
        t.bed.mine();
        let mut indexed = t.bed.index();
        for (item, want) in t.nft.iter().zip(want) {
            let on: Vec<u32> = indexed
                .units(&tx, &item.0)
                .iter()
                .map(|(at, _)| *at)
                .collect();
            assert_eq!(on, [want], "{name}");
        }
    }
}

/// Inputs of each move: a coin with the envelope, then all tokens.
fn moved(operation: &Operation, t: &mut Tokens, outputs: Vec<TxOut>) -> Transaction {
    let mut inputs = t.bed.coins(&[50_000]);
    inputs.extend(t.nft.iter().rev().chain(&t.ft).map(|(_, on)| *on));
    let tx = t.bed.reveal(&inputs, 0, operation, outputs);
    t.bed.mine();
    tx
}

#[test]
fn x_gives_each_item_an_output_in_the_order_of_ids() {
    let mut t = tokens(&Rules::AVM1);
    let outputs = vec![output(546, 1), output(546, 2), output(2_000, 3)];
    let tx = moved(&Operation::splat(), &mut t, outputs);
    let mut indexed = t.bed.check(&[("x", &tx, done())]);
    assert_eq!(units(&mut indexed, &tx, &t.nft[0]), [(0, 546)]);
    assert_eq!(units(&mut indexed, &tx, &t.nft[1]), [(1, 546)]);
    assert_eq!(units(&mut indexed, &tx, &t.ft[0]), [(0, 546), (1, 454)]);
    assert_eq!(units(&mut indexed, &tx, &t.ft[1]), [(2, 500)]);
}

#[test]
fn y_skips_satoshis() {
    let mut t = tokens(&Rules::AVM1);
    let operation = Operation::split(&[(t.ft[0].0, 600), (t.ft[1].0, 601)]);
    let outputs = vec![output(600, 1), output(700, 2), output(2_000, 3)];
    let tx = moved(&operation, &mut t, outputs);
    let mut indexed = t.bed.check(&[("y", &tx, done())]);
    assert_eq!(units(&mut indexed, &tx, &t.nft[0]), [(0, 600)]);
    assert_eq!(units(&mut indexed, &tx, &t.nft[1]), [(0, 600)]);
    assert_eq!(units(&mut indexed, &tx, &t.ft[0]), [(1, 700), (2, 300)]);
    assert_eq!(units(&mut indexed, &tx, &t.ft[1]), [(2, 500)]);
}

#[test]
fn z_puts_units_where_the_payload_says_and_avm1_makes_none() {
    // More is asked for than there is: the reference makes it.
    for (rules, last) in [(&Rules::AVM1, 400), (&Rules::BETA1, 700)] {
        let mut t = tokens(rules);
        let operation = Operation::custom(&[
            (t.ft[0].0, &[(2, 700), (0, 600)]),
            (t.ft[1].0, &[(1, 100)]),
            (t.nft[0].0, &[(1, 600)]),
        ]);
        let outputs = vec![output(600, 1), output(700, 2), output(2_000, 3)];
        let tx = moved(&operation, &mut t, outputs);
        let mut indexed = t.bed.check(&[("z", &tx, done())]);
        assert_eq!(units(&mut indexed, &tx, &t.ft[0]), [(0, 600), (2, last)]);
        assert_eq!(units(&mut indexed, &tx, &t.ft[1]), [(1, 100)]);
        assert_eq!(units(&mut indexed, &tx, &t.nft[0]), [(1, 700)]);
        assert!(units(&mut indexed, &tx, &t.nft[1]).is_empty(), "not named");
    }
}

/// Before the height of custom colouring `z` is nothing special, and no output is coloured in part.
#[test]
fn before_custom_colouring_outputs_are_coloured_whole() {
    let mut t = tokens(&Rules::AVM1);
    t.bed.params.heights.custom = t.bed.chain.height() + 10;
    let operation = Operation::custom(&[(t.ft[0].0, &[(2, 700)])]);
    let outputs = vec![output(600, 1), output(401, 2)];
    let tx = moved(&operation, &mut t, outputs);
    let mut indexed = t.bed.check(&[("z", &tx, done())]);
    assert_eq!(units(&mut indexed, &tx, &t.ft[0]), [(0, 600)]);
    assert!(units(&mut indexed, &tx, &t.ft[1]).is_empty());
}

#[test]
fn moves_without_tokens_are_refused() {
    for operation in [
        Operation::splat(),
        Operation::split(&[]),
        Operation::custom(&[]),
        Operation::named("mod"),
        Operation::named("evt"),
        Operation::named("sl"),
    ] {
        let mut bed = Bed::new(&Rules::AVM1);
        let tx = bed.op(operation).reveal;
        let data = bed.op(Operation::named("dat")).reveal;
        bed.mine();
        bed.check(&[
            ("nothing spent", &tx, refused(Refusal::NothingSpent)),
            ("dat needs none", &data, done()),
        ]);
    }
}

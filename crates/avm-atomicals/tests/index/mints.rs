//! What every mint has to meet, and lots of tickers. Spec: sections 14.2 and 15.

use avm_atomicals::Rules;
use avm_atomicals::index::receipt::{Refusal, Settled};
use avm_atomicals::index::request::NameKind;
use avm_atomicals::index::rows::ItemKind;
use avm_regtest::cbor::{Map, Value};
use avm_regtest::{Id, Lots, Operation, Publish, id, id_text};

use crate::bed::{Bed, at, done, outpoint, output, refused, unspendable};

fn parents(parent: &Id, least: i64) -> Operation {
    let parents = Map::from([(id_text(parent), Value::Int(least))]);
    Operation::nft().arg("parents", parents)
}

#[test]
fn a_commit_may_be_100_blocks_old_and_3_if_a_name_is_asked_for() {
    let cases = [
        ("no name", Operation::nft(), 100, Refusal::CommitUnknown),
        ("a ticker", Operation::ft("abc"), 3, Refusal::CommitOld),
        (
            "a realm",
            Operation::nft().arg("request_realm", "abc"),
            3,
            Refusal::CommitOld,
        ),
        (
            "a protocol",
            Operation::def("abc", &[0x51]),
            3,
            Refusal::CommitOld,
        ),
        (
            "lots",
            Operation::dft(
                "abc",
                Lots {
                    amount: 546,
                    height: 0,
                    max: 1,
                },
            ),
            3,
            Refusal::CommitOld,
        ),
    ];
    for (name, operation, depth, why) in cases {
        for (blocks, want) in [(0, done()), (depth, done()), (depth + 1, refused(why))] {
            let mut bed = Bed::new(&Rules::AVM1);
            let commit = bed.coins(&[1_000])[0];
            if blocks > 0 {
                bed.bury(blocks - 1);
            }
            let reveal = bed.reveal(&[commit], 0, &operation, vec![output(546, 1)]);
            bed.mine();
            bed.check(&[(&format!("{name}, {blocks} blocks"), &reveal, want)]);
        }
    }
}

#[test]
fn the_reveal_is_in_input_0_and_names_in_output_0_of_the_commit() {
    let (nft, ft) = (Operation::nft(), Operation::ft("abc"));
    let cases = [
        ("input 0", &nft, 0, 0, done()),
        ("input 1", &nft, 0, 1, refused(Refusal::Input)),
        ("commit output 1", &nft, 1, 0, done()),
        (
            "a name in commit output 1",
            &ft,
            1,
            0,
            refused(Refusal::CommitOutput),
        ),
        ("a name in input 1", &ft, 0, 1, refused(Refusal::Input)),
    ];
    for (name, operation, vout, input, want) in cases {
        let mut bed = Bed::new(&Rules::AVM1);
        let coins = bed.coins(&[1_000, 2_000, 3_000]);
        let mut inputs = vec![coins[2]];
        inputs.insert(input, coins[vout]);
        let reveal = bed.reveal(&inputs, input, operation, vec![output(546, 1)]);
        bed.mine();
        bed.check(&[(name, &reveal, want)]);
    }
    // Before the height of commits in output 0 any output does.
    let mut bed = Bed::new(&Rules::AVM1);
    bed.params.heights.commitz = bed.chain.height() + 2;
    let coins = bed.coins(&[1_000, 1_000]);
    let before = bed.reveal(&coins[1..], 0, &Operation::ft("abc"), vec![output(546, 1)]);
    bed.mine();
    let coins = bed.coins(&[1_000, 1_000]);
    let from = bed.reveal(&coins[1..], 0, &Operation::ft("def"), vec![output(546, 1)]);
    bed.mine();
    bed.check(&[
        ("before", &before, done()),
        ("from then on", &from, refused(Refusal::CommitOutput)),
    ]);
}

/// Register: Q24. Real history needs `beta1`, where the input that counts is input 0.
#[test]
fn an_envelope_in_input_1_is_reported_in_input_0_by_beta1() {
    let mut bed = Bed::new(&Rules::BETA1);
    let coins = bed.coins(&[1_000, 2_000]);
    let reveal = bed.reveal(&coins, 1, &Operation::nft(), vec![output(546, 1)]);
    bed.mine();
    let mut indexed = bed.check(&[("in input 1", &reveal, done())]);
    let on = indexed.on(&reveal);
    assert_eq!(on.keys().copied().collect::<Vec<_>>(), [(0, id(coins[0]))]);
}

#[test]
fn work_that_is_asked_for_is_shown() {
    let cases = [
        ("bitworkc", "7", true, done()),
        ("bitworkc", "7.9", true, done()),
        ("bitworkc", "70f", false, refused(Refusal::BitworkCommit)),
        ("bitworkr", "a", true, done()),
        ("bitworkr", "a.15", true, done()),
        ("bitworkr", "abc", false, refused(Refusal::BitworkReveal)),
        ("bitworkc", "", false, done()),
        ("bitworkc", "x", false, refused(Refusal::Payload)),
        ("bitworkr", "a.16", false, refused(Refusal::Payload)),
    ];
    for (arg, work, grind, want) in cases {
        let mut bed = Bed::new(&Rules::AVM1);
        let mut publish = Publish::new(&bed.key, Operation::nft().arg(arg, work));
        publish.grind = grind;
        let published = bed.chain.publish(&publish).expect("little work");
        bed.mine();
        bed.check(&[(&format!("{arg} {work}"), &published.reveal, want)]);
    }
}

#[test]
fn parents_are_spent_with_what_they_sit_on() {
    let cases = [
        ("spent", true, 546, done()),
        ("less is asked for", true, 0, done()),
        ("more is asked for", true, 547, refused(Refusal::Parent)),
        ("not spent", false, 0, refused(Refusal::Parent)),
    ];
    for (name, spent, least, want) in cases {
        let mut bed = Bed::new(&Rules::AVM1);
        let parent = bed.op(Operation::nft());
        bed.mine();
        let mut inputs = bed.coins(&[9_000]);
        inputs.extend(spent.then(|| parent.outpoint(0)));
        let outputs = vec![output(546, 1), output(546, 2)];
        let child = bed.reveal(&inputs, 0, &parents(&parent.id(), least), outputs);
        bed.mine();
        let mut indexed = bed.check(&[(name, &child, want)]);
        let there = indexed.on(&child).contains_key(&(0, parent.id()));
        assert_eq!(there, spent, "{name}: the parent moves in any case");
    }
}

#[test]
fn payloads_that_ask_for_nothing_are_refused() {
    let lots = Lots {
        amount: 546,
        height: 0,
        max: 1,
    };
    let named = |name: &str| Operation::nft().arg("request_realm", name);
    let (good, bad) = (done(), refused(Refusal::Payload));
    let cases = [
        ("two names", named("a").arg("request_container", "b"), bad),
        (
            "a ticker of an nft",
            Operation::nft().arg("request_ticker", "abc"),
            good,
        ),
        ("no ticker", Operation::named("ft"), bad),
        ("a ticker of 22", Operation::ft(&"t".repeat(22)), bad),
        ("a ticker of 21", Operation::ft(&"t".repeat(21)), good),
        ("an upper case ticker", Operation::ft("Abc"), bad),
        ("a realm of 64", named(&"r".repeat(64)), good),
        ("a realm of 65", named(&"r".repeat(65)), bad),
        ("a realm that begins with a digit", named("1a"), bad),
        ("a realm that ends with a dash", named("a-"), bad),
        (
            "a protocol of 12",
            Operation::def("a23456789_12", &[]),
            good,
        ),
        (
            "a protocol of 13",
            Operation::def("a234567890123", &[]),
            bad,
        ),
        (
            "code that is text",
            Operation::named("def").with("p", "a").with("code", "x"),
            bad,
        ),
        (
            "no protocol",
            Operation::named("def").with("code", &[0x51][..]),
            bad,
        ),
        ("a contract of no protocol", Operation::named("new"), bad),
        ("a call of nobody", Operation::named("c"), bad),
        (
            "a call of two",
            Operation::call("a", &[]).with("id", &[7; 36][..]),
            bad,
        ),
        (
            "an id of 35 bytes",
            Operation::named("c").with("id", &[7; 35][..]),
            bad,
        ),
        (
            "a lot of 545",
            Operation::dft(
                "a",
                Lots {
                    amount: 545,
                    ..lots
                },
            ),
            bad,
        ),
        ("a lot of 546", Operation::dft("a", lots), good),
        (
            "a lot of 1 bitcoin",
            Operation::dft(
                "a",
                Lots {
                    amount: 100_000_000,
                    ..lots
                },
            ),
            good,
        ),
        (
            "a lot of more",
            Operation::dft(
                "a",
                Lots {
                    amount: 100_000_001,
                    ..lots
                },
            ),
            bad,
        ),
        ("no lots", Operation::dft("a", Lots { max: 0, ..lots }), bad),
        (
            "21 million lots",
            Operation::dft(
                "a",
                Lots {
                    max: 21_000_000,
                    ..lots
                },
            ),
            good,
        ),
        (
            "more lots",
            Operation::dft(
                "a",
                Lots {
                    max: 21_000_001,
                    ..lots
                },
            ),
            bad,
        ),
    ];
    for (name, operation, want) in cases {
        let mut bed = Bed::new(&Rules::AVM1);
        let published = bed.op(operation);
        bed.mine();
        bed.check(&[(name, &published.reveal, want)]);
    }
}

/// Envelopes that are no operations leave no receipt.
#[test]
fn what_is_no_operation_is_passed_over() {
    let mut bed = Bed::new(&Rules::AVM1);
    let published = [
        bed.op(Operation::raw("nft", &[])),
        bed.op(Operation::raw("nft", &[0xff])),
        bed.op(Operation::raw("nft", &[0x01])),
        bed.op(Operation::raw("abc", &[0xa0])),
        bed.op(Operation::nft().with("meta", "text")),
    ];
    bed.mine();
    let mut indexed = bed.index();
    for published in published {
        assert_eq!(indexed.receipt(&published.reveal), None);
        assert!(indexed.on(&published.reveal).is_empty());
    }
    assert_eq!(indexed.machine.counts(), (0, 0));
}

#[test]
fn rules_begin_at_their_heights() {
    let mut bed = Bed::new(&Rules::AVM1);
    let first = bed.params.start;
    bed.params.heights.base = first + 1;
    bed.params.heights.contracts = first + 3;
    let early = bed.op(Operation::nft());
    let coins = bed.coins(&[1_000]);
    bed.mine();
    let old = bed.reveal(&coins, 0, &Operation::nft(), vec![output(546, 1)]);
    let active = bed.op(Operation::nft());
    let inactive = bed.op(Operation::def("demo", &[0x51]));
    let call = bed.op(Operation::call("demo", &[]));
    bed.bury(1);
    let def = bed.op(Operation::def("demo", &[0x51]));
    bed.mine();
    let indexed = bed.check(&[
        (
            "the commit was too early",
            &old,
            refused(Refusal::CommitInactive),
        ),
        ("in time", &active.reveal, done()),
        (
            "a protocol before contracts",
            &inactive.reveal,
            refused(Refusal::Inactive),
        ),
        (
            "a call before contracts",
            &call.reveal,
            refused(Refusal::Inactive),
        ),
        ("a protocol", &def.reveal, done()),
    ]);
    assert_eq!(
        indexed.receipt(&early.reveal),
        None,
        "before the first height"
    );
    assert_eq!(indexed.operations.len(), 5);
}

#[test]
fn what_is_minted_is_on_output_0() {
    let mut bed = Bed::new(&Rules::AVM1);
    let coins = bed.coins(&[9_000; 4]);
    let outputs = || vec![output(700, 1), output(800, 2)];
    let nft = bed.reveal(&coins[1..2], 0, &Operation::nft(), outputs());
    let ft = bed.reveal(&coins[..1], 0, &Operation::ft("abc"), outputs());
    let gone = bed.reveal(&coins[2..3], 0, &Operation::nft(), vec![unspendable(600)]);
    let none = bed.reveal(&coins[3..], 0, &Operation::nft(), vec![output(0, 1)]);
    bed.mine();
    let mut indexed = bed.check(&[
        ("nft", &nft, done()),
        ("ft", &ft, done()),
        ("on an unspendable output", &gone, done()),
        ("on no satoshis", &none, done()),
    ]);
    let cases = [
        (&nft, coins[1], ItemKind::Nft, 700),
        (&ft, coins[0], ItemKind::Ft, 700),
        (&gone, coins[2], ItemKind::Nft, 600),
        (&none, coins[3], ItemKind::Nft, 0),
    ];
    for (number, (tx, commit, kind, sats)) in cases.into_iter().enumerate() {
        let on: Vec<_> = indexed.on(tx).into_iter().collect();
        assert_eq!(on, [((0, id(commit)), (kind, sats))]);
        let item = indexed.machine.item(&id(commit)).unwrap().expect("minted");
        assert_eq!(
            (item.kind, item.number, item.sats),
            (kind, number as u64, sats)
        );
        assert_eq!(indexed.receipt(tx).unwrap().id, id(commit));
    }
    assert_eq!(indexed.machine.counts().0, 4);
}

/// Opens a ticker of `max` lots of 1,000 satoshis, deep enough to be minted.
fn ticker(bed: &mut Bed, from: u32, max: u32, work: &[(&str, &str)]) -> Id {
    let lots = Lots {
        amount: 1_000,
        height: from,
        max,
    };
    let operation = work
        .iter()
        .fold(Operation::dft("abc", lots), |operation, (arg, work)| {
            operation.arg(arg, *work)
        });
    let published = bed.op(operation);
    bed.bury(2);
    published.id()
}

#[test]
fn lots_are_minted_in_time_and_until_they_are_gone() {
    let mut bed = Bed::new(&Rules::AVM1);
    let first = bed.chain.height() + 1;
    let id = ticker(&mut bed, first + 4, 2, &[]);
    let lot = |bed: &mut Bed, ticker: &str, sats: u64| {
        let coins = bed.coins(&[5_000]);
        let outputs = vec![output(sats, 1), output(2_000, 2)];
        bed.reveal(&coins, 0, &Operation::dmt(ticker), outputs)
    };
    let early = lot(&mut bed, "abc", 1_000);
    bed.mine();
    let cases = [
        ("more satoshis", "abc", 1_001, refused(Refusal::LotAmount)),
        ("fewer satoshis", "abc", 999, refused(Refusal::LotAmount)),
        (
            "another ticker",
            "abd",
            1_000,
            refused(Refusal::TickerUnknown),
        ),
        ("the first", "abc", 1_000, done()),
        ("the last", "abc", 1_000, done()),
        ("gone", "abc", 1_000, refused(Refusal::LotsGone)),
        (
            "gone, and the wrong amount",
            "abc",
            1_001,
            refused(Refusal::LotsGone),
        ),
    ];
    let txs: Vec<_> = cases
        .iter()
        .map(|(_, ticker, sats, _)| lot(&mut bed, ticker, *sats))
        .collect();
    bed.mine();
    let mut indexed = bed.check(&[("too early", &early, refused(Refusal::LotEarly))]);
    for ((name, _, _, want), tx) in cases.iter().zip(&txs) {
        let receipt = indexed.receipt(tx).copied();
        assert_eq!(
            receipt.map(|receipt| receipt.settled),
            Some(*want),
            "{name}"
        );
        let units: &[(u32, u64)] = if *want == done() { &[(0, 1_000)] } else { &[] };
        assert_eq!(indexed.units(tx, &id), units, "{name}");
    }
    let item = indexed.machine.item(&id).unwrap().expect("the ticker");
    assert_eq!((item.minted, item.sats), (2, 0));
}

#[test]
fn lots_have_work_and_their_ticker_is_deep() {
    type Work = &'static [(&'static str, &'static str)];
    let cases: [(&str, Work, &str, bool, Settled); 5] = [
        (
            "commit",
            &[("mint_bitworkc", "12")],
            "bitworkc",
            true,
            done(),
        ),
        (
            "commit",
            &[("mint_bitworkc", "123")],
            "",
            false,
            refused(Refusal::BitworkCommit),
        ),
        (
            "reveal",
            &[("mint_bitworkr", "12")],
            "bitworkr",
            true,
            done(),
        ),
        (
            "reveal",
            &[("mint_bitworkr", "123")],
            "",
            false,
            refused(Refusal::BitworkReveal),
        ),
        ("none", &[], "", false, done()),
    ];
    for (name, work, arg, grind, want) in cases {
        let mut bed = Bed::new(&Rules::AVM1);
        ticker(&mut bed, 0, 5, work);
        let mut operation = Operation::dmt("abc");
        if grind {
            operation = operation.arg(arg, work[0].1);
        }
        let publish = Publish::new(&bed.key, operation).output(output(1_000, 1));
        let published = bed.chain.publish(&publish).expect("little work");
        bed.mine();
        bed.check(&[(name, &published.reveal, want)]);
    }
    let mut bed = Bed::new(&Rules::AVM1);
    bed.op(Operation::dft(
        "abc",
        Lots {
            amount: 1_000,
            height: 0,
            max: 9,
        },
    ));
    bed.bury(1);
    let mint = |bed: &mut Bed| {
        let publish = Publish::new(&bed.key, Operation::dmt("abc")).output(output(1_000, 1));
        bed.chain.publish(&publish).expect("enough to pay with")
    };
    let pending = mint(&mut bed);
    bed.mine();
    let verified = mint(&mut bed);
    bed.mine();
    bed.check(&[
        (
            "2 blocks deep",
            &pending.reveal,
            refused(Refusal::TickerPending),
        ),
        ("3 blocks deep", &verified.reveal, done()),
    ]);
}

/// A ticker of fixed supply has no lots.
#[test]
fn only_tickers_with_lots_are_minted() {
    let mut bed = Bed::new(&Rules::AVM1);
    bed.op(Operation::ft("abc"));
    bed.bury(3);
    let lot = bed.op(Operation::dmt("abc"));
    bed.mine();
    let mut indexed = bed.check(&[("ft", &lot.reveal, refused(Refusal::TickerUnknown))]);
    let named = indexed.machine.named(NameKind::Ticker, "abc").unwrap();
    assert!(named.expect("it is there").verified);
}

/// A lot does not go on an output that the inputs have given units of the ticker already.
#[test]
fn a_lot_needs_an_output_of_its_own() {
    let mut bed = Bed::new(&Rules::AVM1);
    let id = ticker(&mut bed, 0, 5, &[]);
    let coins = bed.coins(&[5_000]);
    let first = bed.reveal(&coins, 0, &Operation::dmt("abc"), vec![output(1_000, 1)]);
    bed.mine();
    let coin = bed.coins(&[5_000])[0];
    let outputs = vec![output(1_000, 1), output(1_000, 2)];
    let second = bed.reveal(&[coin, at(&first, 0)], 0, &Operation::dmt("abc"), outputs);
    bed.mine();
    let mut indexed = bed.check(&[("on itself", &second, refused(Refusal::OutputFull))]);
    assert_eq!(indexed.units(&second, &id), [(0, 1_000)]);
    assert_eq!(indexed.machine.tokens(&outpoint(&first, 0)).unwrap(), None);
}

//! Who gets a name. Spec: section 14.2.

use avm_atomicals::Rules;
use avm_atomicals::index::receipt::Refusal;
use avm_atomicals::index::request::NameKind;
use avm_regtest::{Lots, Operation, Publish, id};

use crate::bed::{Bed, done, output, refused};

/// An operation that asks for the name, of each kind that is given away.
fn kinds() -> Vec<(NameKind, Operation)> {
    let lots = Lots {
        amount: 546,
        height: 0,
        max: 1,
    };
    vec![
        (NameKind::Protocol, Operation::def("abc", &[0x51])),
        (NameKind::Ticker, Operation::ft("abc")),
        (NameKind::Ticker, Operation::dft("abc", lots)),
        (
            NameKind::Realm,
            Operation::nft().arg("request_realm", "abc"),
        ),
        (
            NameKind::Container,
            Operation::nft().arg("request_container", "abc"),
        ),
    ]
}

#[test]
fn the_earlier_commit_wins_even_if_it_is_revealed_later() {
    for (kind, operation) in kinds() {
        let mut bed = Bed::new(&Rules::AVM1);
        let early = bed.coins(&[1_000])[0];
        bed.mine();
        let late = bed.coins(&[1_000])[0];
        let first = bed.reveal(&[late], 0, &operation, vec![output(546, 1)]);
        bed.mine();
        let mut indexed = bed.check(&[("nobody else yet", &first, done())]);
        let named = indexed
            .machine
            .named(kind, "abc")
            .unwrap()
            .expect("asked for");
        assert_eq!((named.id, named.verified), (id(late), false), "{kind:?}");

        let second = bed.reveal(&[early], 0, &operation, vec![output(546, 1)]);
        let third_coin = bed.coins(&[1_000])[0];
        let third = bed.reveal(&[third_coin], 0, &operation, vec![output(546, 1)]);
        bed.mine();
        let mut indexed = bed.check(&[
            ("committed before", &second, done()),
            ("committed behind both", &third, refused(Refusal::NameTaken)),
        ]);
        let named = indexed
            .machine
            .named(kind, "abc")
            .unwrap()
            .expect("asked for");
        // Its commit is two blocks under the tip.
        assert_eq!((named.id, named.verified), (id(early), false), "{kind:?}");
        bed.mine();
        let mut indexed = bed.index();
        let named = indexed
            .machine
            .named(kind, "abc")
            .unwrap()
            .expect("asked for");
        assert_eq!((named.id, named.verified), (id(early), true), "{kind:?}");
        // The loser is an item nonetheless.
        assert!(indexed.machine.item(&id(late)).unwrap().is_some());
        assert!(indexed.machine.item(&id(third_coin)).unwrap().is_none());
    }
}

#[test]
fn in_a_block_the_earlier_commit_wins() {
    for (kind, operation) in kinds() {
        // Commits in this order, in one block or two; reveals in the other order.
        for blocks in [0, 1] {
            let mut bed = Bed::new(&Rules::AVM1);
            let first = bed.coins(&[1_000])[0];
            (0..blocks).for_each(|_| bed.mine());
            let second = bed.coins(&[1_000])[0];
            let late = bed.reveal(&[second], 0, &operation, vec![output(546, 1)]);
            let early = bed.reveal(&[first], 0, &operation, vec![output(546, 1)]);
            let third = bed.coins(&[1_000])[0];
            let lost = bed.reveal(&[third], 0, &operation, vec![output(546, 1)]);
            bed.mine();
            let mut indexed = bed.check(&[
                ("the first reveal", &late, done()),
                ("the first commit", &early, done()),
                ("the last commit", &lost, refused(Refusal::NameTaken)),
            ]);
            let named = indexed
                .machine
                .named(kind, "abc")
                .unwrap()
                .expect("asked for");
            assert_eq!(named.id, id(first), "{kind:?}, {blocks}");
        }
    }
}

#[test]
fn names_of_different_kinds_do_not_meet() {
    let mut bed = Bed::new(&Rules::AVM1);
    let operations = kinds();
    let published: Vec<_> = [0, 1, 3, 4]
        .map(|at: usize| bed.op(operations[at].1.clone()))
        .into();
    bed.mine();
    let want: Vec<_> = published
        .iter()
        .map(|one| ("one", &one.reveal, done()))
        .collect();
    bed.check(&want);
}

/// Names below a realm or in a container are not given away; their items are made without.
#[test]
fn subrealms_and_container_items_take_no_name() {
    for arg in ["request_subrealm", "request_dmitem"] {
        let mut bed = Bed::new(&Rules::AVM1);
        let both = [0, 1].map(|_| bed.op(Operation::nft().arg(arg, "abc")));
        bed.mine();
        let mut indexed = bed.check(&[
            ("one", &both[0].reveal, done()),
            ("the other", &both[1].reveal, done()),
        ]);
        for kind in [NameKind::Subrealm, NameKind::Item] {
            assert_eq!(indexed.machine.named(kind, "abc").unwrap(), None);
        }
    }
}

#[test]
fn a_protocol_is_deployed_once_it_is_3_blocks_deep() {
    let mut bed = Bed::new(&Rules::AVM1);
    let unknown = bed.op(Operation::new("demo", None, &[]));
    bed.op(Operation::def("demo", &[0x51]));
    let same = bed.op(Operation::new("demo", None, &[]));
    bed.bury(1);
    let pending = bed.op(Operation::new("demo", None, &[]));
    bed.mine();
    let verified = bed.op(Operation::new("demo", None, &[]));
    bed.mine();
    bed.check(&[
        (
            "before it is there",
            &unknown.reveal,
            refused(Refusal::ProtocolUnknown),
        ),
        (
            "in its block",
            &same.reveal,
            refused(Refusal::ProtocolPending),
        ),
        (
            "2 blocks deep",
            &pending.reveal,
            refused(Refusal::ProtocolPending),
        ),
        ("3 blocks deep", &verified.reveal, done()),
    ]);
}

/// What counts is the commit, not the reveal.
#[test]
fn a_name_is_deep_by_its_commit() {
    let mut bed = Bed::new(&Rules::AVM1);
    let def = Publish::new(&bed.key, Operation::def("demo", &[0x51]));
    let def = def.build(&bed.chain).expect("enough to pay with");
    bed.chain.submit(def.commit.clone()).expect("valid");
    bed.bury(2);
    bed.chain.submit(def.reveal.clone()).expect("valid");
    let new = bed.op(Operation::new("demo", None, &[]));
    bed.mine();
    bed.check(&[
        ("revealed 3 blocks behind its commit", &def.reveal, done()),
        ("deployed in the same block", &new.reveal, done()),
    ]);
}

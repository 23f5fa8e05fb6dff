//! Protocols, contracts and calls. Spec: sections 14.3 to 14.7.

use avm_atomicals::Rules;
use avm_atomicals::index::AtomicalId;
use avm_atomicals::index::receipt::{Refusal, Settled};
use avm_atomicals::index::rows::ItemKind;
use avm_atomicals::index::sample::{Given, Method, bank, unlock};
use avm_atomicals::machine::Outcome;
use avm_atomicals::script::digest::sha256;
use avm_regtest::bitcoin::{OutPoint, Transaction, TxOut};
use avm_regtest::{Id, Operation, Publish, id};

use crate::bed::{Bed, at, done, output, refused, unspendable};

/// A chain with the contract `vault` that does what it is told, deep enough to be called.
fn vault(rules: &'static Rules) -> (Bed, Id) {
    let mut bed = Bed::new(rules);
    bed.op(Operation::def("bank", &bank()));
    bed.bury(2);
    let vault = bed.op(Operation::new(
        "bank",
        Some("vault"),
        &unlock(&[], Method::Rest),
    ));
    bed.bury(2);
    (bed, vault.id())
}

fn call(bed: &mut Bed, given: &[Given<'_>], method: Method) -> Transaction {
    let unlock = unlock(given, method);
    bed.op(Operation::call("vault", &unlock)).reveal
}

/// A call that spends tokens too.
fn call_with(
    bed: &mut Bed,
    spend: &[OutPoint],
    given: &[Given<'_>],
    method: Method,
    outputs: Vec<TxOut>,
) -> Transaction {
    let mut inputs = bed.coins(&[100_000]);
    inputs.extend(spend);
    let operation = Operation::call("vault", &unlock(given, method));
    bed.reveal(&inputs, 0, &operation, outputs)
}

/// Mints on a first output of so many satoshis, in a block of its own: the id and the output.
fn minted(bed: &mut Bed, operation: &Operation, sats: u64) -> (AtomicalId, OutPoint) {
    let coin = bed.coins(&[200_000])[0];
    let tx = bed.reveal(&[coin], 0, operation, vec![output(sats, 1)]);
    bed.mine();
    (id(coin), at(&tx, 0))
}

#[track_caller]
fn failed(bed: &Bed, tx: &Transaction) {
    let indexed = bed.index();
    let settled = indexed.receipt(tx).expect("an operation").settled;
    assert!(
        matches!(settled, Settled::Failed(Outcome::Script { .. })),
        "{settled:?}"
    );
}

const KEY: [Given<'static>; 3] = [
    Given::Bytes(b"space"),
    Given::Bytes(b"key"),
    Given::Bytes(b"value"),
];

#[test]
fn a_contract_is_called_by_name_once_it_is_deep_and_by_id_at_once() {
    let mut bed = Bed::new(&Rules::AVM1);
    bed.op(Operation::def("bank", &bank()));
    bed.bury(2);
    let rest = unlock(&[], Method::Rest);
    let new = bed.op(Operation::new("bank", Some("vault"), &rest));
    let put = unlock(&KEY, Method::Put);
    let same = bed.op(Operation::call("vault", &put));
    let by_id = bed.op(Operation::call(new.id(), &unlock(&[], Method::Count)));
    bed.bury(1);
    let pending = bed.op(Operation::call("vault", &put));
    bed.mine();
    let verified = bed.op(Operation::call("vault", &put));
    let unknown = bed.op(Operation::call("other", &put));
    let nothing = bed.op(Operation::call([7; 36], &put));
    bed.mine();
    let mut indexed = bed.check(&[
        ("deployed", &new.reveal, done()),
        (
            "by name in its block",
            &same.reveal,
            refused(Refusal::ContractPending),
        ),
        ("by id in its block", &by_id.reveal, done()),
        (
            "2 blocks deep",
            &pending.reveal,
            refused(Refusal::ContractPending),
        ),
        ("3 blocks deep", &verified.reveal, done()),
        (
            "no such name",
            &unknown.reveal,
            refused(Refusal::ContractUnknown),
        ),
        (
            "no such id",
            &nothing.reveal,
            refused(Refusal::ContractUnknown),
        ),
    ]);
    assert_eq!(indexed.value(&new.id(), b"s", b"n"), Some(vec![1]));
    assert_eq!(
        indexed.value(&new.id(), b"space", b"key"),
        Some(b"value".into())
    );
    let view = indexed
        .machine
        .contract(&new.id())
        .unwrap()
        .expect("deployed");
    let (created, changed) = (view.row.created, view.row.changed);
    assert_eq!((view.row.calls, changed - created), (2, 3));
    let receipt = indexed.receipt(&verified.reveal).unwrap();
    assert_eq!((receipt.id, receipt.chain), (new.id(), view.chain));
    assert!(receipt.cost > 0, "avm1 meters");
    let on: Vec<_> = indexed.on(&new.reveal).into_iter().collect();
    assert_eq!(on, [((0, new.id()), (ItemKind::Contract, 546))]);
}

#[test]
fn a_contract_without_a_name_is_constructed_and_called_by_id() {
    let mut bed = Bed::new(&Rules::AVM1);
    bed.op(Operation::def("bank", &bank()));
    bed.bury(2);
    let new = bed.op(Operation::new("bank", None, &unlock(&KEY, Method::Put)));
    let call = bed.op(Operation::call(new.id(), &unlock(&[], Method::Count)));
    bed.mine();
    let mut indexed = bed.check(&[("new", &new.reveal, done()), ("call", &call.reveal, done())]);
    assert_eq!(
        indexed.value(&new.id(), b"space", b"key"),
        Some(b"value".into())
    );
    assert_eq!(indexed.value(&new.id(), b"s", b"n"), Some(vec![1]));
}

#[test]
fn a_later_call_of_a_block_sees_the_state_of_an_earlier_one() {
    let (mut bed, vault) = vault(&Rules::AVM1);
    let calls = [0, 1, 2].map(|_| call(&mut bed, &[], Method::Count));
    bed.mine();
    let more = call(&mut bed, &[], Method::Count);
    bed.mine();
    let mut indexed = bed.check(&[
        ("first", &calls[0], done()),
        ("second", &calls[1], done()),
        ("third", &calls[2], done()),
        ("in the next block", &more, done()),
    ]);
    assert_eq!(indexed.value(&vault, b"s", b"n"), Some(vec![4]));
    let contracts: Vec<_> = indexed
        .block_receipts()
        .map(|block| block.contracts)
        .collect();
    assert_eq!(contracts[contracts.len() - 2..], [1, 1]);
}

#[test]
fn a_failed_constructor_makes_nothing_and_its_name_is_free() {
    let mut bed = Bed::new(&Rules::AVM1);
    bed.op(Operation::def("bank", &bank()));
    bed.op(Operation::def("empty", &[]));
    bed.bury(2);
    let fail = bed.op(Operation::new(
        "bank",
        Some("vault"),
        &unlock(&[], Method::Fail),
    ));
    let none = bed.op(Operation::new("none", Some("vault"), &[]));
    let empty = bed.op(Operation::new("empty", Some("vault"), &[]));
    bed.mine();
    let after = bed.op(Operation::new(
        "bank",
        Some("vault"),
        &unlock(&[], Method::Rest),
    ));
    let second = bed.op(Operation::new(
        "bank",
        Some("vault"),
        &unlock(&[], Method::Rest),
    ));
    bed.mine();
    failed(&bed, &fail.reveal);
    let mut indexed = bed.check(&[
        (
            "no protocol",
            &none.reveal,
            refused(Refusal::ProtocolUnknown),
        ),
        ("no code", &empty.reveal, refused(Refusal::CodeEmpty)),
        ("the name is free", &after.reveal, done()),
        ("and taken", &second.reveal, refused(Refusal::NameTaken)),
    ]);
    for published in [&fail, &none, &empty, &second] {
        assert!(indexed.machine.item(&published.id()).unwrap().is_none());
        assert!(indexed.machine.contract(&published.id()).unwrap().is_none());
        assert!(indexed.on(&published.reveal).is_empty());
    }
    assert_eq!(indexed.machine.contracts(None, 10).unwrap(), [after.id()]);
}

#[test]
fn tokens_of_a_call_that_fails_or_is_refused_move_as_without_it() {
    let cases = [
        ("fails", "vault", Method::Fail, Rules::AVM1),
        ("is refused", "other", Method::PutFt, Rules::AVM1),
        ("fails", "vault", Method::Fail, Rules::BETA1),
    ];
    for (name, target, method, rules) in cases {
        let rules = if rules == Rules::AVM1 {
            &Rules::AVM1
        } else {
            &Rules::BETA1
        };
        let (mut bed, contract) = vault(rules);
        let (gold, on_gold) = minted(&mut bed, &Operation::ft("gold"), 5_000);
        let (item, on_item) = minted(&mut bed, &Operation::nft(), 700);
        let mut inputs = bed.coins(&[9_000]);
        inputs.extend([on_gold, on_item]);
        let operation = Operation::call(target, &unlock(&[], method));
        let outputs = vec![output(3_000, 1), output(3_000, 2)];
        let tx = bed.reveal(&inputs, 0, &operation, outputs);
        bed.mine();
        let mut indexed = bed.index();
        assert_ne!(indexed.receipt(&tx).unwrap().settled, done(), "{name}");
        assert_eq!(
            indexed.units(&tx, &gold),
            [(0, 3_000), (1, 2_000)],
            "{name}"
        );
        assert_eq!(indexed.units(&tx, &item), [(0, 3_000)], "{name}");
        assert_eq!(indexed.balance(&contract, &gold), 0, "{name}");
    }
}

#[test]
fn units_go_in_whole_and_come_out_on_outputs() {
    let (mut bed, vault) = vault(&Rules::AVM1);
    let (gold, on_gold) = minted(&mut bed, &Operation::ft("gold"), 5_000);
    let (silver, on_silver) = minted(&mut bed, &Operation::ft("silver"), 800);
    // The first of the two goes in, in the order of tokens as calls have it.
    let spend = [on_gold, on_silver];
    let outputs = vec![output(6_000, 1)];
    let put = call_with(&mut bed, &spend, &[], Method::PutFt, outputs);
    bed.mine();
    let mut indexed = bed.check(&[("put", &put, done())]);
    let (inside, outside, sum) = match indexed.balance(&vault, &gold) {
        0 => (silver, gold, 800),
        _ => (gold, silver, 5_000),
    };
    assert_eq!(indexed.balance(&vault, &inside), sum);
    assert_eq!(indexed.balance(&vault, &outside), 0);
    assert!(
        indexed.units(&put, &inside).is_empty(),
        "what is inside is on no output"
    );
    assert_eq!(indexed.units(&put, &outside), [(0, 5_800 - sum)]);

    let take = |bed: &mut Bed, amount: i64, out: i64, id: Id, outputs: Vec<TxOut>| {
        let given = [Given::Number(amount), Given::Number(out), Given::Token(id)];
        call_with(bed, &[], &given, Method::TakeFt, outputs)
    };
    let outputs = || vec![output(600, 1), output(700, 2), unspendable(900)];
    let good = take(&mut bed, 600, 1, inside, outputs());
    let dead = take(&mut bed, 10, 2, inside, outputs());
    let over = take(&mut bed, 701, 1, inside, outputs());
    let beyond = take(&mut bed, 10, 3, inside, outputs());
    let other = take(&mut bed, 10, 0, outside, outputs());
    let more = take(&mut bed, 250, 0, inside, outputs());
    bed.mine();
    let names = [
        ("600 of it", &good, done()),
        ("not spendable", &dead, refused(Refusal::WithdrawFt)),
    ];
    let mut indexed = bed.check(&names);
    assert_eq!(indexed.units(&good, &inside), [(1, 600)]);
    assert!(indexed.on(&dead).is_empty());
    for tx in [&over, &beyond, &other] {
        failed(&bed, tx);
        assert!(indexed.on(tx).is_empty());
    }
    let left = if sum == 800 { 200 } else { sum - 850 };
    assert_eq!(indexed.balance(&vault, &inside), left);
    let want = if sum == 800 { vec![] } else { vec![(0, 250)] };
    assert_eq!(indexed.units(&more, &inside), want);
}

#[test]
fn units_go_in_from_all_inputs_that_have_some() {
    let (mut bed, vault) = vault(&Rules::AVM1);
    let (gold, on_gold) = minted(&mut bed, &Operation::ft("gold"), 5_000);
    let halves = bed.spend(&[on_gold], vec![output(600, 1), output(4_400, 2)]);
    let spend = [at(&halves, 0), at(&halves, 1)];
    let put = call_with(&mut bed, &spend, &[], Method::PutFt, vec![output(6_000, 1)]);
    bed.mine();
    let mut indexed = bed.check(&[("put", &put, done())]);
    assert_eq!(indexed.balance(&vault, &gold), 5_000);
    assert!(indexed.on(&put).is_empty());
}

/// S(h): S before it, the block, and of each contract that was changed the id, the hash and the root of its
/// state. Spec: section 16.
#[test]
fn the_chain_of_states_has_the_contracts_that_a_block_changed() {
    let (mut bed, vault) = vault(&Rules::AVM1);
    let rest = unlock(&[], Method::Rest);
    let other = bed.op(Operation::new("bank", Some("other"), &rest)).id();
    bed.mine();
    // The second call has no effect, and the third one is of the other contract.
    let put = unlock(&KEY, Method::Put);
    bed.op(Operation::call(vault, &put));
    bed.op(Operation::call(vault, &[0xff]));
    bed.op(Operation::call(other, &unlock(&[], Method::Count)));
    bed.mine();
    let mut indexed = bed.index();
    let blocks: Vec<_> = indexed.block_receipts().copied().collect();
    let [.., before, last] = &blocks[..] else {
        panic!("{blocks:?}")
    };
    assert_eq!((last.operations, last.refused, last.contracts), (2, 1, 2));
    let mut bytes = [before.states_chain, last.hash].concat();
    let mut ids = [vault, other];
    ids.sort_unstable();
    for id in ids {
        let view = indexed.machine.contract(&id).unwrap().expect("deployed");
        bytes.extend(id);
        bytes.extend(view.chain.0);
        bytes.extend(view.state.0);
    }
    assert_eq!(last.states_chain, sha256(&bytes));
}

#[test]
fn units_come_out_on_top_of_those_of_the_inputs_up_to_the_satoshis() {
    for (amount, want) in [(400, done()), (401, refused(Refusal::WithdrawFt))] {
        let (mut bed, vault) = vault(&Rules::AVM1);
        let (gold, on_gold) = minted(&mut bed, &Operation::ft("gold"), 5_000);
        let halves = bed.spend(&[on_gold], vec![output(600, 1), output(4_000, 2)]);
        let put = call_with(
            &mut bed,
            &[at(&halves, 1)],
            &[],
            Method::PutFt,
            vec![output(546, 1)],
        );
        // 600 units of the input on an output of 1,000 satoshis, and as many more as fit.
        let given = [Given::Number(amount), Given::Number(0), Given::Token(gold)];
        let outputs = vec![output(1_000, 1), output(9_000, 2)];
        let take = call_with(&mut bed, &[at(&halves, 0)], &given, Method::TakeFt, outputs);
        bed.mine();
        let mut indexed = bed.check(&[("put", &put, done()), ("take", &take, want)]);
        let (units, left) = match want {
            Settled::Done => (1_000, 3_600),
            _ => (600, 4_000),
        };
        assert_eq!(indexed.units(&take, &gold), [(0, units)], "{amount}");
        assert_eq!(indexed.balance(&vault, &gold), left, "{amount}");
    }
}

#[test]
fn items_go_in_and_come_out() {
    let (mut bed, vault) = vault(&Rules::AVM1);
    let (item, on_item) = minted(&mut bed, &Operation::nft(), 700);
    let outputs = || vec![output(800, 1), output(900, 2), unspendable(0)];
    let put = call_with(&mut bed, &[on_item], &[], Method::PutNft, outputs());
    bed.mine();
    let take = |bed: &mut Bed, out: i64, id: Id| {
        let given = [Given::Number(out), Given::Token(id)];
        call_with(bed, &[], &given, Method::TakeNft, outputs())
    };
    let dead = take(&mut bed, 2, item);
    let beyond = take(&mut bed, 3, item);
    let other = take(&mut bed, 0, [9; 36]);
    bed.mine();
    let mut indexed = bed.check(&[
        ("put", &put, done()),
        ("not spendable", &dead, refused(Refusal::WithdrawNft)),
    ]);
    failed(&bed, &beyond);
    failed(&bed, &other);
    assert_eq!(indexed.balance(&vault, &item), 1);
    assert!(indexed.on(&put).is_empty());
    let take = take(&mut bed, 1, item);
    bed.mine();
    let mut indexed = bed.check(&[("take", &take, done())]);
    let on: Vec<_> = indexed.on(&take).into_iter().collect();
    assert_eq!(on, [((1, item), (ItemKind::Nft, 900))]);
    assert_eq!(indexed.balance(&vault, &item), 0);
}

/// Units and an item in one call: if one of the two cannot be put, neither comes out.
#[test]
fn both_come_out_or_neither() {
    let cases = [
        ("both", 500, 0, 1, done()),
        ("on one output", 500, 1, 1, done()),
        (
            "units on no output",
            500,
            2,
            1,
            refused(Refusal::WithdrawFt),
        ),
        (
            "an item on no output",
            500,
            0,
            2,
            refused(Refusal::WithdrawNft),
        ),
        ("neither", 500, 2, 2, refused(Refusal::WithdrawFt)),
    ];
    for (name, amount, units_to, item_to, want) in cases {
        let (mut bed, vault) = vault(&Rules::AVM1);
        let (gold, on_gold) = minted(&mut bed, &Operation::ft("gold"), 5_000);
        let (item, on_item) = minted(&mut bed, &Operation::nft(), 700);
        call_with(
            &mut bed,
            &[on_gold],
            &[],
            Method::PutFt,
            vec![output(546, 1)],
        );
        call_with(
            &mut bed,
            &[on_item],
            &[],
            Method::PutNft,
            vec![output(546, 1)],
        );
        let given = [
            Given::Number(item_to),
            Given::Token(item),
            Given::Number(amount),
            Given::Number(units_to),
            Given::Token(gold),
        ];
        let outputs = vec![output(600, 1), output(600, 2), unspendable(600)];
        let both = call_with(&mut bed, &[], &given, Method::TakeBoth, outputs);
        bed.mine();
        let mut indexed = bed.check(&[(name, &both, want)]);
        let inside = (
            indexed.balance(&vault, &gold),
            indexed.balance(&vault, &item),
        );
        let (units, items) = (indexed.units(&both, &gold), indexed.units(&both, &item));
        if want == done() {
            assert_eq!(inside, (4_500, 0), "{name}");
            assert_eq!(units, [(units_to as u32, 500)], "{name}");
            assert_eq!(items, [(item_to as u32, 600)], "{name}");
        } else {
            assert_eq!(inside, (5_000, 1), "{name}");
            assert!(units.is_empty() && items.is_empty(), "{name}");
        }
    }
}

/// What goes in and what comes out in one call.
#[test]
fn units_that_go_in_can_come_out_in_the_same_call() {
    let (mut bed, vault) = vault(&Rules::AVM1);
    let (gold, on_gold) = minted(&mut bed, &Operation::ft("gold"), 5_000);
    let given = [Given::Number(546), Given::Number(1), Given::Token(gold)];
    let outputs = vec![output(9_000, 1), output(546, 2)];
    let tx = call_with(&mut bed, &[on_gold], &given, Method::PutAndTake, outputs);
    bed.mine();
    let mut indexed = bed.check(&[("both ways", &tx, done())]);
    assert_eq!(indexed.units(&tx, &gold), [(1, 546)]);
    assert_eq!(indexed.balance(&vault, &gold), 5_000 - 546);
}

/// A constructor takes tokens in as a call does; protocols and contracts are never incoming.
#[test]
fn constructors_take_tokens_and_nobody_takes_contracts() {
    let (mut bed, vault) = vault(&Rules::AVM1);
    let (gold, on_gold) = minted(&mut bed, &Operation::ft("gold"), 5_000);
    let mut inputs = bed.coins(&[9_000]);
    inputs.push(on_gold);
    let new = Operation::new("bank", None, &unlock(&[], Method::PutFt));
    let tx = bed.reveal(&inputs, 0, &new, vec![output(600, 1)]);
    bed.mine();
    let mut indexed = bed.check(&[("new", &tx, done())]);
    assert_eq!(indexed.balance(&id(inputs[0]), &gold), 5_000);
    assert_eq!(indexed.on(&tx).len(), 1, "the contract alone");
    // The contract's own output is spent by a call that takes in the first item.
    let put = call_with(
        &mut bed,
        &[at(&tx, 0)],
        &[],
        Method::PutNft,
        vec![output(600, 1)],
    );
    bed.mine();
    failed(&bed, &put);
    let mut indexed = bed.index();
    let on: Vec<_> = indexed.on(&put).into_iter().collect();
    assert_eq!(on, [((0, id(inputs[0])), (ItemKind::Contract, 600))]);
    assert_eq!(indexed.balance(&vault, &id(inputs[0])), 0);
}

#[test]
fn calls_outside_input_0_are_refused_by_avm1_and_not_by_beta1() {
    for (rules, want) in [
        (&Rules::AVM1, refused(Refusal::Input)),
        (&Rules::BETA1, done()),
    ] {
        let (mut bed, vault) = vault(rules);
        let coins = bed.coins(&[2_000, 3_000]);
        let operation = Operation::call("vault", &unlock(&[], Method::Count));
        let tx = bed.reveal(&coins, 1, &operation, vec![output(546, 1)]);
        bed.mine();
        let mut indexed = bed.check(&[("input 1", &tx, want)]);
        let there = indexed.value(&vault, b"s", b"n").is_some();
        assert_eq!(there, want == done());
    }
}

#[test]
fn scripts_see_as_many_headers_as_the_window_has() {
    for (window, back, sees) in [(1, 0, true), (1, 1, false), (3, 2, true), (3, 3, false)] {
        let (mut bed, vault) = vault(&Rules::AVM1);
        bed.params.header_window = window;
        bed.mine();
        let height = i64::from(bed.chain.height()) + 1 - back;
        let tx = call(&mut bed, &[Given::Number(height)], Method::Time);
        bed.mine();
        let name = format!("{back} back in a window of {window}");
        if !sees {
            failed(&bed, &tx);
            continue;
        }
        let mut indexed = bed.check(&[(&name, &tx, done())]);
        let time = bed.chain.block(height as u32).expect("a block").header.time;
        let want = time.to_le_bytes().to_vec();
        assert_eq!(indexed.value(&vault, b"s", b"t"), Some(want), "{name}");
    }
}

/// The message that a caller signs is not part of the index; that the key goes through is.
#[test]
fn a_call_without_a_signature_finds_no_caller() {
    let mut bed = Bed::new(&Rules::AVM1);
    // CHECKAUTHSIG leaves empty without key and signature, and fails with a key alone.
    bed.op(Operation::def("auth", &[0xc0, 0x91]));
    bed.bury(2);
    let none = bed.op(Operation::new("auth", None, &[]));
    let key = bed.key;
    let with = Publish::new(&bed.key, Operation::new("auth", None, &[]).auth(&key));
    let with = bed.chain.publish(&with).expect("enough to pay with");
    bed.mine();
    bed.check(&[("nobody", &none.reveal, done())]);
    failed(&bed, &with.reveal);
}

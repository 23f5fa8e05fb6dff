//! No unit and no item comes out of nothing, and none is lost but by the rules that burn. Spec:
//! section 14.6, paragraph 4.

use std::collections::{BTreeMap, BTreeSet};

use avm_atomicals::Rules;
use avm_atomicals::index::block;
use avm_atomicals::index::colour::is_spendable;
use avm_atomicals::index::envelope::Operation;
use avm_atomicals::index::receipt::{OperationReceipt, Refusal, Settled};
use avm_atomicals::index::rows::ItemKind;
use avm_atomicals::index::sample::Census;
use avm_atomicals::index::{AtomicalId, Index, Receipt};
use avm_core::{Bytes, Machine};
use avm_testkit::seed;

use crate::feed::{Feed, chain, params};

const CHAINS: u64 = 150;
const BLOCKS: usize = 25;

/// What a transaction has to do with tokens, by its bytes and the state before it.
struct Spending {
    /// Units on inputs.
    units: BTreeMap<AtomicalId, u128>,
    items: BTreeSet<AtomicalId>,
    outputs: usize,
    spendable: u128,
    first_sats: u64,
}

impl Spending {
    fn of(tx: &block::TxParts<'_>, before: &Census) -> Self {
        let mut spending = Self {
            units: BTreeMap::new(),
            items: BTreeSet::new(),
            outputs: tx.outputs().count(),
            spendable: 0,
            first_sats: tx.outputs().next().map_or(0, |output| output.sats),
        };
        let spent: BTreeSet<_> = tx.inputs().map(|input| *input.outpoint).collect();
        for outpoint in spent {
            let on = before.outputs.get(&outpoint);
            for token in on.iter().flat_map(|on| &on.tokens) {
                if token.kind == ItemKind::Ft {
                    *spending.units.entry(token.id).or_default() += u128::from(token.amount);
                } else {
                    spending.items.insert(token.id);
                }
            }
        }
        for output in tx.outputs().filter(|output| is_spendable(output.script)) {
            spending.spendable += u128::from(output.sats);
        }
        spending
    }
}

/// Checks one transaction between the states before and after it.
fn check(before: &Census, after: &Census, spent: &Spending, receipt: Option<&OperationReceipt>) {
    let done = receipt.filter(|receipt| receipt.settled == Settled::Done);
    let operation = done.map(|receipt| receipt.operation);
    let mut units = before.units.clone();
    let mut items = before.items.clone();
    match operation {
        Some(Operation::Ft | Operation::Dmt) => {
            let id = done.expect("an operation").id;
            *units.entry(id).or_default() += u128::from(spent.first_sats);
        }
        Some(Operation::Nft | Operation::Def | Operation::New) => {
            assert!(items.insert(done.expect("an operation").id), "minted twice");
        }
        _ => {}
    }
    for id in units.keys().chain(after.units.keys()) {
        let (had, has) = (units.get(id).copied(), after.units.get(id).copied());
        let (had, has) = (had.unwrap_or(0), has.unwrap_or(0));
        assert!(has <= had, "{} units of nothing: {receipt:?}", has - had);
        let on_inputs = spent.units.get(id).copied().unwrap_or(0);
        assert!(
            had - has <= on_inputs,
            "burned what was not spent: {receipt:?}"
        );
        // A lone token finds room if there is room, unless the transaction says otherwise.
        let moved = matches!(operation, Some(Operation::Split | Operation::Custom));
        if spent.units.len() == 1 && spent.spendable >= on_inputs && !moved {
            assert_eq!(had, has, "burned without need: {receipt:?}");
        }
    }
    for id in items.symmetric_difference(&after.items) {
        assert!(items.contains(id), "an item of nothing: {receipt:?}");
        assert!(spent.items.contains(id), "an item is lost: {receipt:?}");
        let custom = operation == Some(Operation::Custom);
        assert!(custom || spent.outputs == 0, "an item is lost: {receipt:?}");
    }
    if done.is_none() {
        assert_eq!(before.minted, after.minted, "{receipt:?}");
    }
}

#[test]
fn tokens_are_neither_made_nor_lost() {
    let mut seen: BTreeMap<(Operation, String), u32> = BTreeMap::new();
    let (mut txs, mut moved) = (0_u32, 0_u32);
    seed::each(CHAINS, |rng| {
        let vm = Index::default();
        let mut machine = vm.load(&params(&Rules::AVM1));
        let mut before = Census::default();
        for raw in chain(rng, BLOCKS) {
            let parts = block::read(&raw).expect("a block");
            let mut feed = Feed::of(&[Bytes::clone(&raw)]);
            machine.run(1, &mut feed).expect("no host fails");
            for (position, placed) in (0..).zip(&parts.txs) {
                let tx = placed.parts(&raw).expect("a transaction");
                assert_eq!(machine.in_work().map(|(_, at, _)| at), Some(position));
                let spent = Spending::of(&tx, &before);
                while machine.in_work().is_some_and(|(_, at, _)| at == position) {
                    machine.run(1, &mut feed).expect("no host fails");
                }
                let after = Census::of(&mut machine)
                    .unwrap_or_else(|unsound| panic!("{unsound}, after {:?}", feed.receipts));
                let receipt = feed.receipts.last().and_then(|receipt| match receipt {
                    Receipt::Operation(receipt) => Some(receipt),
                    _ => None,
                });
                let receipt = receipt.filter(|receipt| receipt.place.position == position);
                check(&before, &after, &spent, receipt);
                txs += u32::from(position > 0);
                moved += u32::from(!spent.units.is_empty() || !spent.items.is_empty());
                if let Some(receipt) = receipt {
                    let how = match receipt.settled {
                        Settled::Failed(_) => "failed".to_owned(),
                        other => format!("{other:?}"),
                    };
                    *seen.entry((receipt.operation, how)).or_default() += 1;
                }
                before = after;
            }
            machine.run(u64::MAX, &mut feed).expect("no host fails");
            assert!(matches!(feed.receipts.last(), Some(Receipt::Block(_))));
        }
    });
    println!("{txs} transactions, {moved} with tokens; {seen:#?}");
    if std::env::var_os(seed::VARIABLE).is_some() {
        return;
    }
    // Chains on which nothing happens would prove nothing.
    // Virtual outputs are off here, and have tests of their own.
    let on = |operation: &Operation| *operation != Operation::Virtual;
    for operation in Operation::ALL.into_iter().filter(on) {
        let done = seen.get(&(operation, "Done".to_owned()));
        assert!(
            done.is_some_and(|done| *done >= 5),
            "{operation:?}: {done:?}"
        );
    }
    let never = Refusal::ALL.iter().filter(|why| {
        let how = format!("{:?}", Settled::Refused(**why));
        !how.contains("Virtual") && !seen.keys().any(|(_, seen)| *seen == how)
    });
    let never: Vec<_> = never.collect();
    let quiet = [
        Refusal::Inactive,
        Refusal::CommitUnknown,
        Refusal::CommitInactive,
    ];
    let quiet = [&quiet[..], &[Refusal::BitworkReveal]].concat();
    assert!(
        never.iter().all(|why| quiet.contains(why)),
        "never refused: {never:?}"
    );
    assert!(
        moved * 10 > txs,
        "{moved} of {txs} transactions with tokens"
    );
}

/// The rules of the reference make units (`z`), so only the rest is checked under them.
#[test]
fn states_under_beta1_are_sound() {
    seed::each(CHAINS / 3, |rng| {
        let mut machine = Index::default().load(&params(&Rules::BETA1));
        for raw in chain(rng, BLOCKS) {
            machine
                .run(u64::MAX, &mut Feed::of(&[raw]))
                .expect("no host fails");
            Census::of(&mut machine).unwrap_or_else(|unsound| panic!("{unsound}"));
        }
    });
}

//! Virtual outputs over chains mined in process.

#[path = "overlay/bed.rs"]
mod bed;

use std::collections::BTreeMap;
use std::sync::Arc;

use avm_atomicals::index::overlay::{Entry, GRACE, LIFE_MAX};
use avm_atomicals::index::receipt::{EvictionReceipt, Refusal, Settled};
use avm_atomicals::index::rows::{ItemKind, Token};
use avm_atomicals::index::{Index, Params, snapshot};
use avm_core::{Machine, MemoryNodes, NoOutbox, advance};
use avm_regtest::bitcoin::{ScriptBuf, Transaction, TxOut};
use avm_regtest::cbor::{Map, Value};
use avm_regtest::{Chain, Id, Key, Operation, Publish, id};
use avm_testkit::laws::{Case, Suite};

use bed::*;

fn gate_chain() -> Chain {
    let alice = Key::from_seed("alice");
    let mut chain = Chain::funded();
    chain.fund(&alice, 10_000_000).expect("funds");
    chain.mine();
    let code = [0x75, 0x51, 0x52, 0x53, 0xf0, 0x51];
    let publish = |chain: &mut Chain, publish: &Publish| {
        let published = chain.publish(publish).expect("published");
        chain.mine();
        published
    };
    publish(
        &mut chain,
        &Publish::new(&alice, Operation::def("demo", &code)),
    );
    chain.mine_empty(3);
    let ft = Publish::new(&alice, Operation::ft("unit")).output(alice.output(10_000));
    let ft = publish(&mut chain, &ft);
    let new = Operation::new("demo", Some("mine"), &[0x00]);
    let contract = publish(&mut chain, &Publish::new(&alice, new));
    let make = made(&[0x51], 200, &alice, &[(ft.id(), 4_000)]);
    let make = Operation::named("vu").with("make", Value::List(vec![make]));
    let make = Publish::new(&alice, make)
        .spend(ft.outpoint(0), &alice)
        .output(alice.output(10_000));
    let make = publish(&mut chain, &make);
    let pay = Map::from([("0".to_owned(), amounts(&[(ft.id(), 4_000)]).into())]);
    let spend = Operation::named("vu")
        .with("spend", spending(outpoint(&make.reveal, 0), &[0x51], &[]))
        .with("pay", pay);
    let spend = Publish::new(&alice, spend).output(alice.output(5_000));
    publish(&mut chain, &spend);
    let call = Operation::call(contract.id(), &[0x00]);
    publish(&mut chain, &Publish::new(&alice, call));
    chain
}

/// State and outputs of the chain, computed with the index as it was before it knew the operation.
const BEFORE_STATE: &str = "54113aabf6d07151b0be951e394a79c43e7994cfdcd7a9d73cb0b2f23ab78931";
const BEFORE_OUTBOX: &str = "5f83c761acb25fb61945907858399c0a511cefb3ea0c0802da35b2043aaa34c2";

#[test]
fn without_the_gate_the_operation_is_unknown() {
    let chain = gate_chain();
    let (mut machine, claim) = index(&chain, false);
    assert_eq!(
        (
            claim.state.to_string(),
            claim.outbox.to_string(),
            claim.steps
        ),
        (BEFORE_STATE.into(), BEFORE_OUTBOX.into(), 393)
    );
    assert_eq!(machine.virtual_count().expect("there"), 0);
    assert_eq!(machine.virtual_outputs(None, 10).expect("there"), []);
    // The same operations do something with the gate open, so the test above is about something.
    let mut live = Live::over(chain);
    assert_eq!(live.receipts.len(), 2);
    assert!(
        live.receipts
            .iter()
            .all(|receipt| receipt.settled == Settled::Done)
    );
    assert_eq!(live.machine.virtual_count().expect("there"), 0);
}

/// A chain whose blocks an index takes as they come, with the gate open.
#[test]
fn tokens_become_virtual_and_come_back() {
    let mut s = scene();
    let (unit, item, alice) = (s.unit, s.item, s.alice);
    let lock = hash_lock(b"secret");
    let tx = s.settle(make_of(vec![
        made(&lock, 200, &alice, &[(unit, 40_000), (item, 1)]),
        made(&[0x51], 300, &alice, &[(unit, 1)]),
    ]));
    assert_eq!(s.live.last(), Settled::Done);
    let [first, second] = [0, 1].map(|number| outpoint(&tx, number));
    assert_eq!(s.live.receipts.last().expect("one").id, first);
    assert_eq!(s.live.on(&tx, 0), [(unit, 59_999)].into());
    let mut tokens = [
        Token {
            id: unit,
            kind: ItemKind::Ft,
            amount: 40_000,
        },
        Token {
            id: item,
            kind: ItemKind::Nft,
            amount: 1,
        },
    ];
    tokens.sort_by_key(|token| token.id);
    let want = Entry {
        lock: sha(&lock),
        expiry: 200,
        fallback: sha(alice.script().as_bytes()),
        tokens: tokens.into(),
    };
    assert_eq!(s.live.entry(first), Some(want.clone()));
    let machine = &mut s.live.machine;
    assert_eq!(machine.virtual_count().expect("in memory"), 2);
    let mut all = machine.virtual_outputs(None, 9).expect("in memory");
    assert_eq!(all.remove(0), (first, want));
    assert_eq!(
        machine.virtual_outputs(Some(&first), 9).expect("in memory"),
        all
    );
    assert_eq!(all[0].0, second);

    let bob = Key::from_seed("bob");
    let spend = |lock: &[u8], unlock: &[u8]| vu().with("spend", spending(first, lock, unlock));
    let all = pay(1, &[(unit, 40_000), (item, 1)]);
    let right = [&[6][..], b"secret"].concat();
    let to_bob = |operation: Operation| {
        Publish::new(&alice, operation)
            .output(alice.output(546))
            .output(bob.output(50_000))
    };
    let cases = [
        (
            "other script",
            spend(&[0x51], &[]).with("pay", all.clone()),
            refused(Refusal::VirtualLock),
        ),
        (
            "all but a unit",
            spend(&lock, &right).with("pay", pay(1, &[(unit, 39_999), (item, 1)])),
            refused(Refusal::VirtualLoose),
        ),
        (
            "without the item",
            spend(&lock, &right).with("pay", pay(1, &[(unit, 40_000)])),
            refused(Refusal::VirtualLoose),
        ),
        (
            "nothing named",
            spend(&lock, &right),
            refused(Refusal::VirtualLoose),
        ),
        (
            "a unit too many",
            spend(&lock, &right).with("pay", pay(1, &[(unit, 40_001), (item, 1)])),
            refused(Refusal::VirtualCover),
        ),
        (
            "the item twice",
            spend(&lock, &right).with("pay", pay(1, &[(unit, 40_000), (item, 2)])),
            refused(Refusal::VirtualCover),
        ),
        (
            "few satoshis",
            spend(&lock, &right).with("pay", pay(0, &[(unit, 40_000), (item, 1)])),
            refused(Refusal::VirtualOutput),
        ),
        (
            "no output",
            spend(&lock, &right).with("pay", pay(9, &[(unit, 40_000), (item, 1)])),
            refused(Refusal::VirtualOutput),
        ),
        (
            "unknown",
            vu().with("spend", spending(outpoint(&tx, 2), &lock, &right)),
            refused(Refusal::VirtualUnknown),
        ),
        (
            "a real outpoint",
            vu().with("spend", spending(id(s.coin), &lock, &right)),
            refused(Refusal::VirtualUnknown),
        ),
        (
            "no form",
            vu().with("reap", "text"),
            refused(Refusal::Payload),
        ),
    ];
    for (name, operation, want) in cases {
        let tx = s.live.publish(&to_bob(operation));
        assert_eq!(s.live.last(), want, "{name}");
        assert_eq!(s.live.on(&tx, 0), [].into(), "{name}");
        assert_eq!(s.live.on(&tx, 1), [].into(), "{name}");
        assert!(s.live.entry(first).is_some(), "{name}");
    }
    let wrong = [&[6][..], b"secrex"].concat();
    for unlock in [&wrong[..], &[], &[0x51, 0x61]] {
        s.live
            .publish(&to_bob(spend(&lock, unlock).with("pay", all.clone())));
        assert!(matches!(s.live.last(), Settled::Failed(_)), "{unlock:x?}");
        assert_eq!(s.live.receipts.last().expect("one").id, first);
        assert!(s.live.entry(first).is_some());
    }
    let tx = s
        .live
        .publish(&to_bob(spend(&lock, &right).with("pay", all.clone())));
    let last = *s.live.receipts.last().expect("one");
    assert_eq!((last.settled, last.id), (Settled::Done, first));
    assert!(last.cost > 0);
    assert_eq!(s.live.on(&tx, 1), [(unit, 40_000), (item, 50_000)].into());
    assert_eq!(s.live.entry(first), None);
    s.live
        .publish(&to_bob(spend(&lock, &right).with("pay", all)));
    assert_eq!(s.live.last(), refused(Refusal::VirtualUnknown));
    assert_eq!(s.live.machine.virtual_count().expect("in memory"), 1);
}

#[test]
fn what_cannot_be_made_moves_by_itself() {
    let mut s = scene();
    let (unit, item, alice) = (s.unit, s.item, s.alice);
    let missing = {
        let mut id = unit;
        id[0] ^= 1;
        id
    };
    let height = s.next_height();
    let one = |expiry: u32, token: Id, amount: u64| {
        make_of(vec![made(&[0x51], expiry, &alice, &[(token, amount)])])
    };
    let two = |units: u64| {
        let make = made(&[0x51], 300, &alice, &[(unit, units)]);
        make_of(vec![make.clone(), make])
    };
    let cases = [
        (one(300, unit, SUPPLY + 1), refused(Refusal::VirtualCover)),
        (two(SUPPLY / 2 + 1), refused(Refusal::VirtualCover)),
        (one(300, missing, 1), refused(Refusal::VirtualCover)),
        (one(300, item, 2), refused(Refusal::VirtualCover)),
        (
            one(300, unit, i64::MAX as u64),
            refused(Refusal::VirtualCover),
        ),
        (one(height + 5, unit, 1), refused(Refusal::VirtualExpiry)),
        (
            one(height + 7 + LIFE_MAX, unit, 1),
            refused(Refusal::VirtualExpiry),
        ),
        (one(height + 7 + LIFE_MAX, unit, 1), Settled::Done),
        (two(SUPPLY / 2 - 1), Settled::Done),
    ];
    for (at, (operation, want)) in cases.into_iter().enumerate() {
        let tx = s.settle(operation);
        assert_eq!(s.live.last(), want, "{at}");
        let left = match at {
            0..7 => SUPPLY,
            7 => SUPPLY - 1,
            _ => 1,
        };
        assert_eq!(
            s.live.on(&tx, 0),
            [(unit, left), (item, SATS)].into(),
            "{at}"
        );
    }
    // An envelope in another input is not heard.
    let mut behind = s.with_coin(one(300, unit, 1));
    behind.before = core::mem::take(&mut behind.spend);
    let tx = s.live.publish(&behind);
    assert_eq!(s.live.last(), refused(Refusal::Input));
    assert_eq!(s.live.on(&tx, 0)[&unit], 1);
}

#[test]
fn protocols_do_not_become_virtual() {
    let mut s = scene();
    let alice = s.alice;
    let def = Publish::new(&alice, Operation::def("demo", &[0x51]));
    let def = s.live.chain.publish(&def).expect("published");
    s.live.chain.mine();
    let make = make_of(vec![made(&[0x51], 300, &alice, &[(def.id(), 1)])]);
    let make = Publish::new(&alice, make).spend(def.outpoint(0), &alice);
    let tx = s.live.publish(&make);
    assert_eq!(s.live.last(), refused(Refusal::VirtualCover));
    assert_eq!(s.live.on(&tx, 0), [(def.id(), 546)].into());
}

/// `CHECKAUTHSIG SIZE NIP 33 EQUAL`: whether somebody with a public key of 33 bytes signed.
const AUTH: [u8; 6] = [0xc0, 0x82, 0x77, 0x01, 0x21, 0x87];

/// What who spends signs: the call of a contract with the outpoint for its id. Spec: section 8, Q16.
fn digest(outpoint: Id, tx: &Transaction) -> [u8; 32] {
    let input = id(tx.input[0].previous_output);
    let mut message = [b"avm1/auth", &outpoint[..], &[0; 32], &input, &AUTH].concat();
    for output in &tx.output {
        if !output.script_pubkey.as_bytes().starts_with(b"\x6a\x03sig") {
            message.extend(output.value.to_sat().to_le_bytes());
            message.extend(output.script_pubkey.as_bytes());
        }
    }
    sha(&sha(&message))
}

#[test]
fn a_signature_is_for_one_virtual_output_and_one_transaction() {
    let mut s = scene();
    let (unit, alice, bob) = (s.unit, s.alice, Key::from_seed("bob"));
    let first = s.make(&AUTH, 300, 1_000);
    let second = s.make(&AUTH, 300, 1_000);
    let spend = |outpoint: Id| {
        vu().with("spend", spending(outpoint, &AUTH, &[]))
            .with("pay", pay(0, &[(unit, 1_000)]))
    };
    let for_first = |tx: &Transaction| digest(first, tx);
    let to_bob = |outpoint| Publish::new(&alice, spend(outpoint)).output(bob.output(1_000));
    // The signature is for the first, and the second is spent.
    s.live.publish(&to_bob(second).signed(&bob, &for_first));
    assert!(matches!(s.live.last(), Settled::Failed(_)));
    // An output changes after the signature.
    let changed = |tx: &Transaction| {
        let mut tx = tx.clone();
        tx.output[0] = TxOut {
            script_pubkey: alice.script(),
            ..tx.output[0].clone()
        };
        digest(first, &tx)
    };
    s.live.publish(&to_bob(first).signed(&bob, &changed));
    assert!(matches!(s.live.last(), Settled::Failed(_)));
    s.live.publish(&to_bob(first));
    assert!(matches!(s.live.last(), Settled::Failed(_)));
    let tx = s.live.publish(&to_bob(first).signed(&bob, &for_first));
    assert_eq!(s.live.last(), Settled::Done);
    assert_eq!(s.live.on(&tx, 0), [(unit, 1_000)].into());
}

#[test]
fn a_lock_only_says_yes_or_no() {
    let mut s = scene();
    // KV_PUT of value 3 at space 1, key 2.
    let lock = [0x51, 0x52, 0x53, 0xf0, 0x51];
    let entry = s.make(&lock, 300, 1_000);
    let spend = vu()
        .with("spend", spending(entry, &lock, &[]))
        .with("pay", pay(0, &[(s.unit, 1_000)]));
    let tx = s.settle(spend);
    assert_eq!(s.live.last(), refused(Refusal::VirtualEffects));
    assert_eq!(s.live.receipts.last().expect("one").id, entry);
    assert_eq!(s.live.on(&tx, 0)[&s.unit], SUPPLY - 1_000);
    assert!(s.live.entry(entry).is_some());
}

#[test]
fn refresh_then_expiry_then_reap() {
    let mut s = scene();
    let (unit, alice, bob) = (s.unit, s.alice, Key::from_seed("bob"));
    let expiry = s.next_height() + 3;
    let old = s.make(&[0x51], expiry, 1_000);
    let spend = |outpoint| vu().with("spend", spending(outpoint, &[0x51], &[]));
    // Refreshed in part; the coin gives a unit to it.
    let later = expiry + 4;
    let parts = [400, 601].map(|units| made(&[0x51], later, &bob, &[(unit, units)]));
    let tx = s.settle(spend(old).with("make", Value::List(parts.into())));
    assert_eq!(s.live.last(), Settled::Done);
    assert_eq!(s.live.on(&tx, 0)[&unit], SUPPLY - 1_001);
    let [first, second] = [0, 1].map(|number| outpoint(&tx, number));
    assert_eq!(s.live.entry(second).expect("made").tokens[0].amount, 601);
    assert_eq!(s.live.machine.virtual_count().expect("in memory"), 2);

    let reap = |outpoint: Id| vu().with("reap", outpoint);
    let reaps = |outpoint, outputs: Vec<TxOut>| Publish {
        outputs,
        ..Publish::new(&alice, reap(outpoint))
    };
    // One block too early, and then spent in the last block in which it can be.
    s.live.mine(later - 3 - s.live.chain.height());
    s.live.publish(&reaps(second, vec![bob.output(1_000)]));
    assert_eq!(s.live.last(), refused(Refusal::VirtualEarly));
    assert_eq!(s.next_height(), later - 1);
    let tx = s.live.publish(
        &Publish::new(&alice, spend(first).with("pay", pay(0, &[(unit, 400)])))
            .output(alice.output(546)),
    );
    assert_eq!(s.live.last(), Settled::Done);
    assert_eq!(s.live.on(&tx, 0), [(unit, 400)].into());
    assert_eq!(s.next_height(), later);
    s.settle(spend(second).with("pay", pay(0, &[(unit, 601)])));
    assert_eq!(s.live.last(), refused(Refusal::VirtualExpired));

    let data = TxOut {
        script_pubkey: ScriptBuf::from_bytes(vec![0x6a]),
        ..bob.output(0)
    };
    let cases = [
        (
            "nobody's",
            vec![alice.output(1_000), data],
            Refusal::VirtualFallback,
        ),
        // The first one counts, not the one that would do.
        (
            "few satoshis",
            vec![bob.output(600), bob.output(1_000)],
            Refusal::VirtualOutput,
        ),
    ];
    for (name, outputs, want) in cases {
        s.live.publish(&reaps(second, outputs));
        assert_eq!(s.live.last(), refused(want), "{name}");
        assert!(s.live.entry(second).is_some(), "{name}");
    }
    // Anybody reaps, and the tokens of the inputs move as ever.
    let outputs = vec![alice.output(SATS), bob.output(601), bob.output(1_000)];
    let publish = Publish {
        outputs,
        ..s.with_coin(reap(second))
    };
    let tx = s.live.publish(&publish);
    assert_eq!(s.live.last(), Settled::Done);
    assert_eq!(s.live.on(&tx, 0)[&unit], SUPPLY - 1_001);
    assert_eq!(s.live.on(&tx, 1), [(unit, 601)].into());
    assert_eq!(s.live.entry(second), None);
    assert_eq!(s.live.machine.virtual_count().expect("in memory"), 0);
}

#[test]
fn entries_that_nobody_reaps_are_evicted() {
    let mut s = scene();
    let (unit, alice) = (s.unit, s.alice);
    let expiry = s.next_height() + 4;
    let many = |expiry: u32, count: usize| {
        make_of(vec![made(&[0x51], expiry, &alice, &[(unit, 10)]); count])
    };
    let later = s.settle(many(expiry + 1, 64));
    let sooner = s.settle(many(expiry, 6));
    assert_eq!(s.live.machine.virtual_count().expect("in memory"), 70);
    s.live.mine(expiry + GRACE - s.live.chain.height());
    assert_eq!(s.live.evicted, []);
    assert_eq!(s.live.machine.virtual_count().expect("in memory"), 70);
    // In the block that evicts it, it can still be reaped.
    let reap = vu().with("reap", outpoint(&sooner, 0));
    s.live
        .publish(&Publish::new(&alice, reap).output(alice.output(546)));
    assert_eq!(s.live.last(), Settled::Done);
    assert_eq!(s.live.evicted.len(), 5);
    let mut want: Vec<Id> = (1..6).map(|number| outpoint(&sooner, number)).collect();
    want.sort_unstable();
    let height = s.live.chain.height();
    let receipt = |outpoint| EvictionReceipt {
        height,
        outpoint,
        expiry,
        tokens: 1,
    };
    assert_eq!(
        s.live.evicted,
        want.into_iter().map(receipt).collect::<Vec<_>>()
    );

    // The same from a state that is opened, which reads only what it needs.
    let mut nodes = MemoryNodes::default();
    let root = s.live.machine.save(&mut nodes).expect("saved");
    let mut opened = Index::default().open(root, Arc::new(nodes)).expect("opens");
    let claim = s.live.claim;
    s.live.mine(1);
    assert_eq!(s.live.evicted.len(), 69);
    assert_eq!(s.live.machine.virtual_count().expect("in memory"), 0);
    assert_eq!(s.live.entry(outpoint(&later, 0)), None);
    let inbox = inputs(&s.live.chain);
    let ran = advance(&mut opened, claim, &inbox, &mut NoOutbox, u64::MAX);
    assert_eq!(ran.expect("it runs").0, s.live.claim);
    // The tokens are gone.
    let script = sha(alice.script().as_bytes());
    let held = s
        .live
        .machine
        .holdings(&script, None, 100)
        .expect("in memory");
    let tokens = held.iter().flat_map(|holding| &holding.tokens.tokens);
    let units = tokens
        .filter(|token| token.id == unit)
        .map(|token| token.amount);
    assert_eq!(units.sum::<u64>(), SUPPLY - 69 * 10);
}

#[test]
fn a_block_evicts_at_most_64() {
    let mut s = scene();
    let (unit, alice) = (s.unit, s.alice);
    let expiry = s.next_height() + 4;
    for count in [64, 6] {
        let make = made(&[0x51], expiry, &alice, &[(unit, 10)]);
        s.settle(make_of(vec![make; count]));
    }
    s.live.mine(expiry + GRACE - s.live.chain.height());
    for want in [64, 70, 70] {
        s.live.mine(1);
        assert_eq!(s.live.evicted.len(), want);
    }
    let order = s.live.evicted.iter().map(|receipt| receipt.outpoint);
    assert!(order.is_sorted());
}

/// Numbers of a seed.
struct Dice([u8; 32]);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = sha(&self.0);
        u64::from_be_bytes(*self.0.first_chunk().expect("32 bytes")) % sides
    }
}

/// What the test knows of an entry: lock, expiry, units, whether it has the item.
type Known = (u8, u32, u64, bool);

/// Random operations against a model that knows no more than sums.
#[test]
fn no_unit_comes_or_goes() {
    for seed in 0..6_u8 {
        let mut dice = Dice([seed; 32]);
        let mut s = scene();
        let (unit, item, alice) = (s.unit, s.item, s.alice);
        let mut known: BTreeMap<Id, Known> = BTreeMap::new();
        let (mut done, mut refused) = (0, 0);
        for step in 0..40 {
            let height = s.next_height();
            let real = SUPPLY - known.values().map(|entry| entry.2).sum::<u64>();
            let has_item = !known.values().any(|entry| entry.3);
            let pick = dice.roll(known.len().max(1) as u64) as usize;
            let taken = known.iter().nth(pick).map(|(id, entry)| (*id, *entry));
            let kind = dice.roll(4);
            let (mut operation, mut inside, mut allowed) = (vu(), (0, false), true);
            let mut out = None;
            match taken {
                Some((id, (_, expiry, ..))) if kind == 0 => {
                    operation = operation.with("reap", id);
                    allowed = height >= expiry;
                    out = Some(id);
                }
                Some((id, (lock, expiry, units, with_item))) if kind < 3 => {
                    let shown = lock ^ u8::from(dice.roll(8) == 0);
                    let unlock = lock ^ u8::from(dice.roll(8) == 0);
                    operation = operation.with("spend", spending(id, &[shown, 0x87], &[unlock]));
                    allowed = height < expiry && shown == lock && unlock == lock;
                    inside = (units, with_item);
                    out = Some(id);
                }
                _ => {}
            }
            let mut made_here = vec![];
            if kind > 0 {
                // Named are some of all units, and mostly no less than those inside.
                let mut left = match dice.roll(6) {
                    0 => real + inside.0 + dice.roll(2),
                    1 => dice.roll(inside.0 + 2),
                    _ => inside.0 + dice.roll(real / 4 + 1),
                };
                let named = left;
                let mut makes = vec![];
                let count = 1 + dice.roll(3);
                let mut item_named = 0;
                for at in 0..count {
                    let units = if at + 1 == count {
                        left
                    } else {
                        dice.roll(left + 1)
                    };
                    left -= units;
                    let with_item = item_named == 0 && dice.roll(3) == 0
                        || at + 1 == count && inside.1 && item_named == 0;
                    item_named += u64::from(with_item);
                    let mut tokens = vec![];
                    tokens.extend((units > 0).then_some((unit, units)));
                    tokens.extend(with_item.then_some((item, 1)));
                    if tokens.is_empty() {
                        continue;
                    }
                    let lock = 0x51 + dice.roll(3) as u8;
                    let expiry = height + 1 + dice.roll(12) as u32;
                    makes.push(made(&[lock, 0x87], expiry, &alice, &tokens));
                    made_here.push((lock, expiry, units, with_item));
                }
                // One of them may be paid instead.
                if !makes.is_empty() && dice.roll(2) == 0 {
                    let (_, _, units, with_item) = made_here.pop().expect("as many");
                    makes.pop();
                    let mut tokens = vec![];
                    tokens.extend((units > 0).then_some((unit, units)));
                    tokens.extend(with_item.then_some((item, 1)));
                    operation = operation.with("pay", pay(0, &tokens));
                }
                allowed &= named >= inside.0 && named <= inside.0 + real;
                allowed &=
                    item_named == 0 && !inside.1 || item_named == 1 && (inside.1 || has_item);
                allowed &= out.is_some() || !makes.is_empty();
                if !makes.is_empty() {
                    operation = operation.with("make", Value::List(makes));
                }
            } else if out.is_none() {
                allowed = false;
            }
            let tx = s.settle(operation);
            let last = s.live.last();
            assert_eq!(
                last == Settled::Done,
                allowed,
                "seed {seed}, step {step}: {last:?}"
            );
            if allowed {
                done += 1;
                known.retain(|id, _| Some(*id) != out);
                for (entry, number) in made_here.into_iter().zip(0..) {
                    known.insert(outpoint(&tx, number), entry);
                }
            } else {
                refused += 1;
            }
            // What is virtual is what the model says, and the rest is on the one output.
            let machine = &mut s.live.machine;
            let entries = machine.virtual_outputs(None, 1_000).expect("in memory");
            assert_eq!(
                machine.virtual_count().expect("in memory") as usize,
                entries.len()
            );
            let seen = entries.into_iter().map(|(id, entry)| {
                let of = |id: Id| entry.tokens.iter().find(|token| token.id == id);
                let lock = (0x50..0x58).find(|lock| sha(&[*lock, 0x87]) == entry.lock);
                let units = of(unit).map_or(0, |token| token.amount);
                (
                    id,
                    (
                        lock.expect("one of ours"),
                        entry.expiry,
                        units,
                        of(item).is_some(),
                    ),
                )
            });
            assert_eq!(
                seen.collect::<BTreeMap<_, _>>(),
                known,
                "seed {seed}, step {step}"
            );
            let units: u64 = known.values().map(|entry| entry.2).sum();
            let with_item = known.values().any(|entry| entry.3);
            let mut want = BTreeMap::new();
            want.extend((units < SUPPLY).then_some((unit, SUPPLY - units)));
            want.extend((!with_item).then_some((item, SATS)));
            assert_eq!(s.live.on(&tx, 0), want, "seed {seed}, step {step}");
        }
        assert!(
            done >= 8 && refused >= 4,
            "seed {seed}: {done} done, {refused} refused"
        );
    }
}

#[test]
fn a_reorg_is_an_older_root() {
    let mut s = scene();
    let entry = s.make(&[0x51], 300, 1_000);
    let mut nodes = MemoryNodes::default();
    let (root, claim) = (
        s.live.machine.save(&mut nodes).expect("saved"),
        s.live.claim,
    );
    let nodes = Arc::new(nodes);
    let before = s.live.chain.clone();
    let spend = vu()
        .with("spend", spending(entry, &[0x51], &[]))
        .with("pay", pay(0, &[(s.unit, 1_000)]));
    s.settle(spend);
    assert_eq!(s.live.entry(entry), None);
    s.live.mine(2);

    let mut chain = s.live.chain;
    chain.reorg(3).expect("as many blocks");
    assert_eq!(chain.tip_hash(), before.tip_hash());
    assert_eq!(index(&chain, true).1, claim);
    // Another branch, in which the spend comes later.
    chain.mine_empty(1);
    chain.mine();
    let mut opened = Index::default().open(root, nodes).expect("opens");
    assert!(
        opened
            .virtual_output(&entry)
            .expect("in the store")
            .is_some()
    );
    let inbox = inputs(&chain);
    let ran = advance(&mut opened, claim, &inbox, &mut NoOutbox, u64::MAX).expect("it runs");
    assert_eq!(opened.virtual_output(&entry).expect("in the store"), None);
    assert_eq!(ran.0, index(&chain, true).1);
}

#[test]
fn snapshots_have_virtual_outputs() {
    let mut s = scene();
    let tokens = [(s.unit, 7), (s.item, 1)];
    let make = made(&[0x51], 300, &s.alice, &tokens);
    let tx = s.settle(make_of(vec![make]));
    let mut nodes = MemoryNodes::default();
    let root = s.live.machine.save(&mut nodes).expect("saved");
    let mut bytes = vec![];
    let mut write = |part: &[u8]| {
        bytes.extend_from_slice(part);
        Ok(())
    };
    snapshot::write(root, &nodes, &mut write).expect("all is there");
    let (header, read) = snapshot::read(&bytes).expect("its own bytes");
    assert_eq!(header.root, root);
    let mut opened = Index::default().open(root, Arc::new(read)).expect("opens");
    let entry = outpoint(&tx, 0);
    let found = opened.virtual_output(&entry).expect("in the snapshot");
    assert_eq!(found, s.live.entry(entry));
}

#[test]
fn virtual_outputs_keep_the_laws() {
    let mut s = scene();
    let (unit, alice) = (s.unit, s.alice);
    let lock = hash_lock(b"k");
    let expiry = s.next_height() + 2;
    let entry = s.make(&lock, expiry, 1_000);
    let short = s.make(&[0x51], expiry + 1, 500);
    let spend = vu()
        .with("spend", spending(entry, &lock, &[1, b'k']))
        .with("pay", pay(0, &[(unit, 1_000)]));
    // Refused as it is expired, and reaped in the next block.
    s.settle(spend);
    assert_eq!(s.live.last(), refused(Refusal::VirtualExpired));
    let reap = vu().with("reap", entry);
    let publish = Publish::new(&alice, reap).output(alice.output(1_000));
    s.live.publish(&publish);
    assert_eq!(s.live.last(), Settled::Done);
    let open = s.make(&lock, 300, 2_000);
    for unlock in [[1, b'x'], [1, b'k']] {
        let spend = vu()
            .with("spend", spending(open, &lock, &unlock))
            .with("pay", pay(0, &[(unit, 2_000)]));
        s.settle(spend);
    }
    assert_eq!(s.live.last(), Settled::Done);
    assert!(s.live.entry(short).is_some());

    let start = 111;
    let image = Params {
        start,
        ..params(true)
    };
    let chain = &s.live.chain;
    let blocks = (start..=chain.height()).map(|height| chain.block_bytes(height).expect("there"));
    let case = Case {
        image: image.to_bytes(),
        inputs: blocks.collect(),
    };
    let suite = Suite {
        points: 25,
        ..Suite::default()
    };
    suite.check(&Index::default(), &[case]);
}

//! Nothing from nowhere: whatever a call under `avm1` does, tokens are conserved.

use std::collections::BTreeMap;

use avm_atomicals::sample;
use avm_atomicals::script::num::Num;
use avm_atomicals::script::table::Table;
use avm_atomicals::script::{Accepted, Rules, verify};
use avm_core::Bytes;
use proptest::prelude::*;

use super::support::world::{World, ft, nft, push, reference, tx, world};

type Amounts = BTreeMap<Vec<u8>, u128>;

fn amounts(table: &Table) -> Amounts {
    let mut sums = Amounts::new();
    for entry in table {
        let (key, value) = entry.expect("in memory");
        let amount = u64::from_be_bytes((&**value).try_into().expect("8 bytes"));
        // Withdrawals have the output behind the token.
        *sums.entry(key[..36].to_vec()).or_default() += u128::from(amount);
    }
    sums
}

fn keys(table: &Table) -> Vec<Vec<u8>> {
    table
        .iter()
        .map(|entry| entry.expect("in memory").0.to_vec())
        .collect()
}

/// Own before and deposited is own after and withdrawn, for every token; updates say what changed.
fn conserved(world: &World, accepted: &Accepted) {
    let e = &accepted.effects;
    let incoming = amounts(&world.call.ft_incoming);
    let mut before = amounts(&world.contract.ft);
    for token in keys(&e.ft_adds) {
        *before.entry(token.clone()).or_default() += incoming[&token];
    }
    let mut after = amounts(&e.ft);
    for (token, amount) in amounts(&e.ft_withdraws) {
        *after.entry(token).or_default() += amount;
    }
    before.retain(|_, amount| *amount > 0);
    assert_eq!(after, before);
    assert!(
        amounts(&e.ft).values().all(|amount| *amount > 0),
        "a balance of nothing"
    );
    for (token, amount) in amounts(&e.ft_updates) {
        assert_eq!(
            amounts(&e.ft).get(&token).copied().unwrap_or(0),
            amount,
            "an update"
        );
    }
    // Each token that is not fungible is in one place.
    let mut before = keys(&world.contract.nft);
    let incoming = keys(&world.call.nft_incoming);
    for token in keys(&e.nft_puts) {
        assert!(incoming.contains(&token));
        before.push(token);
    }
    let mut after = keys(&e.nft);
    after.extend(keys(&e.nft_withdraws));
    before.sort();
    after.sort();
    assert_eq!(after, before);
    assert_eq!(amounts(&e.ft), amounts(&accepted.contract.ft));
    assert_eq!(keys(&e.nft), keys(&accepted.contract.nft));
}

/// One thing done with tokens.
#[derive(Clone, Debug)]
enum Act {
    Add(u8),
    Put(u8),
    Pay(u64, u32, u8),
    PayOther(u32, u8),
}

impl Act {
    fn script(&self) -> Vec<u8> {
        let number = |number: u64| push(&Num::from(number).encode());
        let token = |token: u8| push(&reference(token));
        match *self {
            Self::Add(t) => [token(t), vec![0xd3]].concat(),
            Self::Put(t) => [token(t), vec![0xd1]].concat(),
            Self::Pay(amount, output, t) => {
                [number(amount), number(output.into()), token(t), vec![0xf2]].concat()
            }
            Self::PayOther(output, t) => [number(output.into()), token(t), vec![0xf3]].concat(),
        }
    }
}

fn act() -> impl Strategy<Value = Act> {
    let amount = prop_oneof![
        1..60_u64,
        Just(100),
        Just(u64::from(u32::MAX)),
        Just(1 << 62)
    ];
    prop_oneof![
        2 => (0..4_u8).prop_map(Act::Add),
        2 => (4..8_u8).prop_map(Act::Put),
        5 => (amount, 0..3_u32, 0..4_u8).prop_map(|(a, o, t)| Act::Pay(a, o, t)),
        2 => (0..3_u32, 4..8_u8).prop_map(|(o, t)| Act::PayOther(o, t)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn tokens_are_conserved(
        own in prop::collection::btree_map(0..4_u8, prop_oneof![1..200_u64, Just(1 << 62)], 0..4),
        incoming in prop::collection::btree_map(0..4_u8, prop_oneof![1..200_u64, Just(1 << 62), Just(u64::MAX)], 0..4),
        split in 4..8_u8,
        mut acts in prop::collection::vec(act(), 1..12),
    ) {
        let mut world = world();
        let list = |map: &BTreeMap<u8, u64>| map.iter().map(|(t, a)| (*t, *a)).collect::<Vec<_>>();
        world.contract.ft = ft(&list(&own));
        world.call.ft_incoming = ft(&list(&incoming));
        world.contract.nft = nft(&(4..split).collect::<Vec<_>>());
        world.call.nft_incoming = nft(&(split..8).collect::<Vec<_>>());
        world.call.tx = tx(&[(150, &[]), (1 << 33, &[]), (i64::MAX, &[])], 0, 0).into();
        // Acts that fail are left out, so that every list of acts succeeds.
        loop {
            let mut code: Vec<u8> = acts.iter().flat_map(Act::script).collect();
            code.push(0x51);
            world.contract.code = Bytes::from(code.clone()).into();
            let ended = world.verify(&Rules::AVM1);
            match &ended.outcome {
                Ok(accepted) => {
                    conserved(&world, accepted);
                    break;
                }
                Err(_) => {
                    let mut at = 0;
                    let mut index = ended.op_index;
                    while let Some(act) = acts.get(at) {
                        let count = match act { Act::Add(_) | Act::Put(_) => 2, Act::PayOther(..) => 3, Act::Pay(..) => 4 };
                        if index < count { break; }
                        index -= count;
                        at += 1;
                    }
                    prop_assert!(at < acts.len(), "{:?}", ended.outcome);
                    acts.remove(at);
                }
            }
        }
    }

    #[test]
    fn calls_of_any_kind_conserve_tokens(
        contract in prop::collection::vec(any::<u8>(), 0..200),
        call in prop::collection::vec(any::<u8>(), 0..12),
    ) {
        let world = World { contract: sample::contract(&contract), call: sample::call(&call) };
        let ended = verify(&Rules::AVM1, &world.contract, world.call.clone()).expect("in memory");
        if let Ok(accepted) = &ended.outcome {
            conserved(&world, accepted);
        }
    }
}

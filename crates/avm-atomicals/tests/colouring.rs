//! Where tokens go: recorded colourings of the reference, what holds whatever the input, and that the
//! worst transaction stays cheap.

#[path = "../../avm-cli/src/atomicals/vectors/colouring.rs"]
mod recorded;

use std::collections::{BTreeMap, BTreeSet};

use avm_atomicals::index::AtomicalId;
use avm_atomicals::index::colour::{
    ColourRules, Colours, Held, How, Kind, Output, PAIRS_MAX, colour, is_spendable,
};
use avm_atomicals::script::cbor::Cbor;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

fn document() -> Value {
    let set = std::env::var("AVM_VECTORS")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/atomicals").into());
    let text = std::fs::read_to_string(format!("{set}/colouring.json")).expect("the file is there");
    serde_json::from_str(&text).expect("it is JSON")
}

#[test]
fn colourings_of_the_reference() {
    let checks = recorded::checks(&document()).expect("it has cases");
    assert_eq!(checks.len(), 176);
    let wrong = checks.iter();
    let wrong: Vec<String> = wrong
        .filter_map(|(id, check)| Some(format!("{id}: {}", check.as_ref().err()?)))
        .collect();
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_wrong_colouring_is_noticed() {
    let mut document = document();
    for (what, value) in [
        ("clean", Value::Bool(false)),
        ("ft_burned", serde_json::json!({"00".repeat(36): 1})),
        ("nft", serde_json::json!({"0": ["00".repeat(36)]})),
        ("ft", serde_json::json!({})),
    ] {
        let good = document["cases"][0]["out"][what].take();
        document["cases"][0]["out"][what] = value;
        let checks = recorded::checks(&document).expect("it has cases");
        assert!(checks[0].1.is_err(), "{what}");
        document["cases"][0]["out"][what] = good;
    }
}

fn id(number: u8) -> AtomicalId {
    let mut id = [number; 36];
    id[32..].copy_from_slice(&[number, 0, 0, 0]);
    id
}

fn text_id(number: u8) -> String {
    format!("{}i{number}", format!("{number:02x}").repeat(32))
}

/// Small numbers that collide, and large ones.
fn amounts() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0..12_u64, 3 => 0..3_000_u64, 1 => select(vec![u64::MAX, u64::MAX / 2, 1 << 32])]
}

fn outputs() -> impl Strategy<Value = Vec<Output>> {
    let output = (amounts(), prop::bool::weighted(0.8));
    vec(
        output.prop_map(|(sats, spendable)| Output { sats, spendable }),
        0..9,
    )
}

fn held() -> impl Strategy<Value = Vec<Held>> {
    let token = (0..6_u8, 0..5_u32, amounts());
    let token = token.prop_map(|(number, input, amount)| Held {
        id: id(number),
        kind: if number < 4 { Kind::Ft } else { Kind::Nft },
        input,
        amount,
    });
    vec(token, 0..9)
}

fn rules() -> impl Strategy<Value = ColourRules> {
    any::<(bool, bool, bool)>().prop_map(|(fifo, custom, conserve)| ColourRules {
        fifo,
        custom,
        conserve,
    })
}

fn scalar() -> impl Strategy<Value = Cbor<'static>> {
    let text = prop_oneof![(-2..11_i32).prop_map(|n| n.to_string()), "[ -0-9_x]{0,5}"];
    prop_oneof![
        6 => amounts().prop_map(Cbor::Uint),
        4 => text.prop_map(|text| Cbor::Text(text.into())),
        1 => any::<u64>().prop_map(Cbor::Negint),
        1 => any::<bool>().prop_map(Cbor::Bool),
        1 => vec(any::<u8>(), 0..4).prop_map(|bytes| Cbor::Bytes(bytes.into())),
        1 => any::<u64>().prop_map(|bits| Cbor::Float { bytes: 8, bits }),
        1 => any::<u16>().prop_map(|bits| Cbor::Float { bytes: 2, bits: bits.into() }),
        1 => Just(Cbor::Null),
        1 => Just(Cbor::Array(vec![Cbor::Uint(1)])),
    ]
}

fn how() -> impl Strategy<Value = How> {
    let key = prop_oneof![
        8 => (0..6_u8).prop_map(|number| Cbor::Text(text_id(number).into())),
        1 => scalar(),
    ];
    let value = prop_oneof![
        scalar(),
        vec((scalar(), scalar()), 0..5).prop_map(Cbor::Map)
    ];
    let payload = prop_oneof![9 => vec((key, value), 0..8).prop_map(Cbor::Map), 1 => scalar()];
    (select(vec!["", "x", "y", "z", "nft"]), payload)
        .prop_map(|(letter, payload)| How::of(letter, &payload))
}

/// What inputs have of each token of a kind.
fn totals(held: &[Held], kind: Kind) -> BTreeMap<AtomicalId, u64> {
    let mut totals = BTreeMap::new();
    for token in held.iter().filter(|token| token.kind == kind) {
        let total: &mut u64 = totals.entry(token.id).or_default();
        *total = total.saturating_add(token.amount);
    }
    totals
}

/// What holds of every colouring.
fn check(outputs: &[Output], held: &[Held], how: &How, rules: ColourRules) -> Colours {
    let colours = colour(outputs, held, how, rules);
    let amount = |of: &BTreeMap<AtomicalId, u64>, id| u128::from(of.get(id).copied().unwrap_or(0));
    let mut on_outputs: BTreeMap<AtomicalId, u128> = BTreeMap::new();
    let free = !matches!(how, How::Split(_) | How::Custom(_));
    for (&(to, id), &amount) in &colours.ft {
        let output = outputs[to as usize];
        assert!(amount <= output.sats);
        assert!(output.spendable || !free);
        *on_outputs.entry(id).or_default() += u128::from(amount);
    }
    let units = totals(held, Kind::Ft);
    for (id, total) in &units {
        let there = on_outputs.remove(id).unwrap_or(0) + amount(&colours.ft_burned, id);
        assert_eq!(u128::from(*total) + amount(&colours.ft_created, id), there);
    }
    assert!(on_outputs.is_empty());
    assert!(colours.ft_burned.keys().all(|id| units.contains_key(id)));
    let created = matches!(how, How::Custom(_)) && rules.custom && !rules.conserve;
    assert!(created || colours.ft_created.is_empty());
    assert!(!colours.clean || colours.ft_burned.is_empty());
    assert!(colours.ft.len() <= PAIRS_MAX);

    let items: BTreeSet<_> = totals(held, Kind::Nft).into_keys().collect();
    let mut seen = colours.nft_burned.clone();
    for (to, id) in &colours.nft {
        assert!((*to as usize) < outputs.len());
        assert!(seen.insert(*id), "an item is in one place");
    }
    assert_eq!(seen, items);
    let may_burn = outputs.is_empty() || (matches!(how, How::Custom(_)) && rules.custom);
    assert!(may_burn || colours.nft_burned.is_empty());
    colours
}

/// Fills a list of outputs one by one: what each takes, what is left, whether it fits.
fn walk(list: &[(u32, u64)], total: u64, partly: bool) -> (Vec<(u32, u64)>, u64, bool) {
    let (mut taken, mut left) = (Vec::new(), total);
    for &(to, sats) in list {
        if sats > left {
            if partly {
                taken.push((to, left));
                left = 0;
            }
            return (taken, left, false);
        }
        taken.push((to, sats));
        left -= sats;
        if left == 0 {
            return (taken, 0, true);
        }
    }
    (taken, left, false)
}

/// The colouring of units without an operation, output by output.
fn by_hand(outputs: &[Output], held: &[Held], rules: ColourRules) -> Colours {
    let list: Vec<(u32, u64)> = (0..)
        .zip(outputs)
        .filter(|(_, output)| output.spendable)
        .map(|(to, output)| (to, output.sats))
        .collect();
    let totals = totals(held, Kind::Ft);
    let mut order: Vec<_> = totals.keys().copied().collect();
    if rules.fifo {
        let first = |id: &AtomicalId| {
            let on = held
                .iter()
                .filter(|token| token.id == *id && token.kind == Kind::Ft);
            on.map(|token| token.input).min()
        };
        order.sort_by_key(|id| (first(id), *id));
    }
    let mut colours = Colours {
        clean: true,
        ..Colours::default()
    };
    for again in [false, true] {
        colours.ft.clear();
        colours.ft_burned.clear();
        let (mut from, mut good) = (0, true);
        for id in &order {
            let start = if again { 0 } else { from };
            let (taken, left, fits) = walk(&list[start..], totals[id], rules.custom);
            from += taken.len();
            good &= if rules.custom {
                !taken.is_empty()
            } else {
                fits
            };
            colours.clean &= fits;
            colours
                .ft
                .extend(taken.iter().map(|(to, amount)| ((*to, *id), *amount)));
            if left > 0 {
                colours.ft_burned.insert(*id, left);
            }
        }
        if good {
            break;
        }
        colours.clean = false;
    }
    colours
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_is_lost(outputs in outputs(), held in held(), how in how(), rules in rules()) {
        check(&outputs, &held, &how, rules);
    }

    #[test]
    fn searching_ends_where_walking_does(outputs in outputs(), held in held(), rules in rules()) {
        let found = check(&outputs, &held, &How::Default, rules);
        let want = by_hand(&outputs, &held, rules);
        prop_assert_eq!((&found.ft, &found.ft_burned, found.clean), (&want.ft, &want.ft_burned, want.clean));
        prop_assert_eq!(&found.ft, &check(&outputs, &held, &How::Splat, rules).ft);
    }

    /// Alone and with nothing to skip, a token is split as it is coloured without an operation.
    #[test]
    fn a_split_of_one_token(outputs in outputs(), total in amounts(), skip in amounts(), fifo: bool) {
        let rules = ColourRules { fifo, custom: true, conserve: true };
        let outputs: Vec<_> = outputs.into_iter().map(|output| Output { spendable: true, ..output }).collect();
        let held = [Held { id: id(1), kind: Kind::Ft, input: 0, amount: total }];
        let found = check(&outputs, &held, &How::Split([(id(1), skip)].into()), rules);
        let mut skipped = 0_u128;
        let start = outputs.iter().take_while(|output| {
            let more = skipped < u128::from(skip);
            skipped += u128::from(output.sats);
            more
        });
        let start = start.count();
        let list: Vec<_> = (0..).zip(&outputs).skip(start).map(|(to, output)| (to, output.sats)).collect();
        let (taken, left, _) = walk(&list, total, true);
        prop_assert_eq!(found.ft, taken.into_iter().map(|(to, amount)| ((to, id(1)), amount)).collect());
        prop_assert_eq!(found.ft_burned.values().sum::<u64>(), left);
    }

    /// The order in which tokens are given has no say.
    #[test]
    fn order_of_the_given(outputs in outputs(), held in held().prop_shuffle(), how in how(), rules in rules()) {
        let mut sorted = held.clone();
        sorted.sort_by_key(|token| token.input);
        // Of an item, which is in one place, the first amount counts.
        prop_assume!(totals(&held, Kind::Nft).len() == held.iter().filter(|token| token.kind == Kind::Nft).count());
        prop_assert_eq!(colour(&outputs, &held, &how, rules), colour(&outputs, &sorted, &how, rules));
    }
}

const NEWEST: ColourRules = ColourRules {
    fifo: true,
    custom: true,
    conserve: true,
};

/// Every rule with 1,000 tokens on an input and 11,000 outputs, which 100 kB have room for.
#[test]
fn pairs_are_bounded() {
    let tokens: Vec<AtomicalId> = (0..1_000_u16)
        .map(|number| {
            let mut id = id(0);
            id[..2].copy_from_slice(&number.to_be_bytes());
            id
        })
        .collect();
    let one = |id: &AtomicalId| Held {
        id: *id,
        kind: Kind::Ft,
        input: 0,
        amount: u64::MAX,
    };
    let held: Vec<Held> = tokens.iter().map(one).collect();
    let all = |sats| {
        let amounts = (0..11_000).map(|to| (to, sats)).collect();
        let wanted = avm_atomicals::index::colour::Wanted {
            amounts,
            several: true,
        };
        tokens.iter().map(|id| (*id, wanted.clone())).collect()
    };
    let hows = [
        How::Default,
        How::Splat,
        How::Split(tokens.iter().map(|id| (*id, 500)).collect()),
        How::Custom(all(1)),
        How::Custom(all(u64::MAX)),
    ];
    for sats in [0, 1, u64::MAX] {
        let outputs = vec![
            Output {
                sats,
                spendable: true
            };
            11_000
        ];
        for how in &hows {
            for custom in [false, true] {
                let colours = check(&outputs, &held, how, ColourRules { custom, ..NEWEST });
                let full = sats == 1 || (sats == 0 && !matches!(how, How::Split(_)));
                assert!(!full || colours.ft.len() == PAIRS_MAX, "{sats} {custom}");
                assert!(!full || !colours.clean);
            }
        }
    }
}

#[test]
fn units_a_custom_colouring_would_create() {
    let outputs = [Output {
        sats: 600,
        spendable: true,
    }; 2];
    let held = [Held {
        id: id(1),
        kind: Kind::Ft,
        input: 0,
        amount: 1_000,
    }];
    let amounts = [(0, 600), (1, 500)].into();
    let wanted = avm_atomicals::index::colour::Wanted {
        amounts,
        several: true,
    };
    let how = How::Custom([(id(1), wanted)].into());
    let kept = check(&outputs, &held, &how, NEWEST);
    assert_eq!(kept.ft[&(1, id(1))], 400);
    let reference = check(
        &outputs,
        &held,
        &how,
        ColourRules {
            conserve: false,
            ..NEWEST
        },
    );
    assert_eq!(reference.ft[&(1, id(1))], 500);
    assert_eq!(reference.ft_created[&id(1)], 100);
}

#[test]
fn scripts_that_cannot_be_spent() {
    for (script, spendable) in [
        (&[][..], true),
        (&[0x6a], false),
        (&[0x6a, 0x01], false),
        (&[0x00], true),
        (&[0x00, 0x6a], false),
        (&[0x00, 0x14, 0x6a], true),
        (&[0x51, 0x6a], true),
    ] {
        assert_eq!(is_spendable(script), spendable, "{script:02x?}");
    }
}

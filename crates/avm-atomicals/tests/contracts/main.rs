//! The example contracts under `avm1`: what they are for, and what they must withstand.

mod sound;
mod world;

use proptest::collection::vec;
use proptest::prelude::*;

use world::{Key, With, World, by, hex, paying, plain};

const A: [u8; 36] = [0xaa; 36];
const B: [u8; 36] = [0xbb; 36];
const C: [u8; 36] = [0xcc; 36];

fn failed(error: &str) -> Result<(), String> {
    Err(error.into())
}

/// Calls that nobody may make of any contract.
fn hostile(world: &mut World, methods: i64) {
    use avm_atomicals::asm::{number, push};
    let before = world.contract.chain;
    let unknown = if methods > 2 { "MINIMALIF at " } else { "" };
    for selector in [methods, methods + 1, 255, -1, i64::MAX] {
        let error = world
            .call_raw(push(&number(selector)), &plain())
            .unwrap_err();
        assert!(error.starts_with(unknown), "{selector}: {error}");
    }
    let cases: [(&[u8], &str); 6] = [
        (&[], "INVALID_STACK_OPERATION"),
        (&[1, 0x00], "UNKNOWN"),
        (&[2, 1, 0], "UNKNOWN"),
        (&[0x61], "SIG_PUSHONLY in the unlocking script"),
        (&[1, 1], "MINIMALDATA in the unlocking script"),
        (&[5], "SIG_PUSHONLY in the unlocking script"),
    ];
    for (unlock, want) in cases {
        let error = world.call_raw(unlock.to_vec(), &plain()).unwrap_err();
        assert!(error.starts_with(want), "{unlock:x?}: {error}");
    }
    assert_eq!(
        world.contract.chain, before,
        "a failed call changes nothing"
    );
}

#[test]
fn counter() {
    let mut w = World::new("counter.script");
    // Deployed by another method, there is no number.
    assert_eq!(
        w.call("add", &["1"], &plain()),
        failed("INVALID_AVM_STATE_KEY_NOT_FOUND at KV_GET")
    );
    w.call("ctor", &[], &plain()).unwrap();
    assert_eq!(w.call("ctor", &[], &plain()), failed("VERIFY at VERIFY"));
    w.call("expect", &["0"], &plain()).unwrap();
    w.call("add", &["1000"], &plain()).unwrap();
    w.call("add", &["7"], &plain()).unwrap();
    w.call("sub", &["1000"], &plain()).unwrap();
    w.call("expect", &["7"], &plain()).unwrap();
    assert_eq!(w.call("expect", &["8"], &plain()), failed("EVAL_FALSE"));
    assert_eq!(w.call("sub", &["8"], &plain()), failed("VERIFY at VERIFY"));
    for amount in ["0", "-1", "1001", "0xffffffffffffffffffff"] {
        assert_eq!(
            w.call("add", &[amount], &plain()),
            failed("VERIFY at VERIFY"),
            "{amount}"
        );
        assert_eq!(
            w.call("sub", &[amount], &plain()),
            failed("VERIFY at VERIFY"),
            "{amount}"
        );
    }
    hostile(&mut w, 4);
    // An amount that is no number, one that is missing, and one too many.
    let raw = |w: &mut World, unlock: &[u8]| w.call_raw(unlock.to_vec(), &plain()).unwrap_err();
    assert_eq!(raw(&mut w, &[2, 5, 0, 0x51]), "UNKNOWN at WITHIN");
    assert_eq!(raw(&mut w, &[0x51]), "INVALID_STACK_OPERATION at DUP");
    assert_eq!(raw(&mut w, &[0x55, 0x55, 0x51]), "CLEANSTACK");
    w.call("expect", &["7"], &plain()).unwrap();
}

#[test]
fn vault() {
    let (owner, other) = (Key::new(1), Key::new(2));
    let mut w = World::new("vault.script");
    assert_eq!(
        w.call("ctor", &["02aa"], &plain()),
        failed("NUMEQUALVERIFY at NUMEQUALVERIFY")
    );
    w.call("ctor", &[&owner.hex()], &plain()).unwrap();
    assert_eq!(
        w.call("ctor", &[&other.hex()], &by(&other)),
        failed("VERIFY at VERIFY")
    );

    let (a, b) = (hex(&A), hex(&B));
    w.call("deposit", &[&a], &paying(&[(A, 500), (B, 3)]))
        .unwrap();
    w.call("deposit", &[&a], &paying(&[(A, 100)])).unwrap();
    assert_eq!((w.balance(&A), w.balance(&B)), (600, 0));
    let absent = failed("INVALID_AVM_FT_BALANCE_ADD_INVALID at FT_BALANCE_ADD");
    assert_eq!(w.call("deposit", &[&b], &paying(&[(A, 5)])), absent);
    assert_eq!(
        w.call("deposit", &["aa"], &paying(&[(A, 5)])),
        failed("INVALID_ATOMICAL_REF_SIZE at FT_BALANCE_ADD")
    );
    w.call("expect", &["600", &a], &plain()).unwrap();
    assert_eq!(
        w.call("expect", &["601", &a], &plain()),
        failed("EVAL_FALSE")
    );

    // Only the owner takes out.
    let take = |amount: &'static str| [amount, "0", a.as_str()];
    let nobody = failed("INVALID_AVM_CHECKAUTHSIGVERIFY at CHECKAUTHSIGVERIFY");
    assert_eq!(w.call("withdraw", &take("1"), &plain()), nobody);
    assert_eq!(
        w.call("withdraw", &take("1"), &by(&other)),
        failed("EQUALVERIFY at EQUALVERIFY")
    );
    w.call("withdraw", &take("250"), &by(&owner)).unwrap();
    assert_eq!(w.paid, [(A, "0".into(), 250)]);
    assert_eq!(w.balance(&A), 350);

    // The same signature again, and the signature with another amount.
    let again = With {
        signature: w.signature.clone(),
        ..by(&owner)
    };
    let bad = failed("INVALID_AVM_CHECKAUTHSIGNULL at CHECKAUTHSIGVERIFY");
    assert_eq!(w.call("withdraw", &take("250"), &again), bad);
    assert_eq!(w.call("withdraw", &take("251"), &again), bad);

    for (amount, output, want) in [
        ("351", "0", "INVALID_AVM_WITHDRAW_FT"),
        ("0", "0", "INVALID_AVM_WITHDRAW_FT_AMOUNT"),
        ("-5", "0", "INVALID_AVM_WITHDRAW_FT_AMOUNT"),
        ("1", "2", "INVALID_AVM_WITHDRAW_FT_OUTPUT_INDEX"),
        ("1", "-1", "INVALID_AVM_WITHDRAW_FT_OUTPUT_INDEX"),
    ] {
        let call = w.call("withdraw", &[amount, output, &a], &by(&owner));
        assert_eq!(
            call,
            Err(format!("{want} at FT_WITHDRAW")),
            "{amount} to {output}"
        );
    }

    // The vault changes hands.
    assert_eq!(
        w.call("give", &[&other.hex()], &by(&other)),
        failed("EQUALVERIFY at EQUALVERIFY")
    );
    assert_eq!(
        w.call("give", &["00"], &by(&owner)),
        failed("NUMEQUALVERIFY at NUMEQUALVERIFY")
    );
    w.call("give", &[&other.hex()], &by(&owner)).unwrap();
    assert_eq!(
        w.call("withdraw", &take("1"), &by(&owner)),
        failed("EQUALVERIFY at EQUALVERIFY")
    );
    w.call("withdraw", &take("350"), &by(&other)).unwrap();
    assert_eq!(w.balance(&A), 0);
    hostile(&mut w, 5);
}

/// A market with an owner and reserves.
fn market(x: u64, y: u64) -> (World, Key) {
    let owner = Key::new(3);
    let mut w = World::new("market.script");
    w.call("ctor", &[&owner.hex(), &hex(&A), &hex(&B)], &plain())
        .unwrap();
    w.call("fund", &[], &paying(&[(A, x), (B, y)])).unwrap();
    (w, owner)
}

/// Units that a sale brings.
fn price(reserve_in: u64, reserve_out: u64, sold: u64) -> u64 {
    let f = u128::from(sold) * 997;
    (u128::from(reserve_out) * f / (u128::from(reserve_in) * 1000 + f)) as u64
}

#[test]
fn market_prices_and_refusals() {
    let (mut w, owner) = market(10_000, 40_000);
    let other = Key::new(4);
    let (a, b, c) = (hex(&A), hex(&B), hex(&C));
    w.call("expect", &["10000", "40000"], &plain()).unwrap();
    let want = price(10_000, 40_000, 1_000);
    assert_eq!(want, 3626);
    w.call("sell", &[&a, "3626", "0"], &paying(&[(A, 1_000)]))
        .unwrap();
    assert_eq!(w.paid, [(B, "0".into(), 3626)]);
    assert_eq!((w.balance(&A), w.balance(&B)), (11_000, 36_374));

    // The other way: the fee stays.
    let back = price(36_374, 11_000, 3626);
    assert!(back < 1_000);
    w.call("sell", &[&b, "1", "0"], &paying(&[(B, 3626)]))
        .unwrap();
    assert_eq!(w.paid, [(A, "0".into(), back)]);

    let sell = |w: &mut World, args: &[&str], pays: &[([u8; 36], u64)]| {
        w.call("sell", args, &paying(pays)).unwrap_err()
    };
    assert_eq!(
        sell(&mut w, &[&a, "5000", "0"], &[(A, 1_000)]),
        "VERIFY at VERIFY"
    );
    assert_eq!(
        sell(&mut w, &[&c, "1", "0"], &[(C, 1_000)]),
        "EQUALVERIFY at EQUALVERIFY"
    );
    let absent = "INVALID_AVM_FT_BALANCE_ADD_INVALID at FT_BALANCE_ADD";
    assert_eq!(sell(&mut w, &[&a, "0", "0"], &[(B, 1_000)]), absent);
    assert_eq!(sell(&mut w, &[&a, "0", "0"], &[]), absent);
    let amount = "INVALID_AVM_WITHDRAW_FT_AMOUNT at FT_WITHDRAW";
    assert_eq!(sell(&mut w, &[&b, "0", "0"], &[(B, 1)]), amount);
    let output = "INVALID_AVM_WITHDRAW_FT_OUTPUT_INDEX at FT_WITHDRAW";
    assert_eq!(sell(&mut w, &[&a, "1", "7"], &[(A, 1_000)]), output);
    assert_eq!(w.call("fund", &[], &paying(&[(A, 5)])), failed(absent));

    // Only the owner closes it; then it has nothing to sell.
    let nobody = failed("INVALID_AVM_CHECKAUTHSIGVERIFY at CHECKAUTHSIGVERIFY");
    assert_eq!(w.call("close", &["0", "0"], &plain()), nobody);
    assert_eq!(
        w.call("close", &["0", "0"], &by(&other)),
        failed("EQUALVERIFY at EQUALVERIFY")
    );
    let two = With {
        outputs: vec![(1_000_000, vec![0x51]); 2],
        ..by(&owner)
    };
    let (x, y) = (w.balance(&A), w.balance(&B));
    w.call("close", &["1", "0"], &two).unwrap();
    assert_eq!(w.paid, [(A, "1".into(), x), (B, "0".into(), y)]);
    assert_eq!(sell(&mut w, &[&a, "0", "0"], &[(A, 1_000)]), amount);
    w.call("fund", &[], &paying(&[(A, 1), (B, 1)])).unwrap();
    hostile(&mut w, 5);
}

#[test]
fn market_wants_two_tokens() {
    let owner = Key::new(3);
    let mut w = World::new("market.script");
    let (a, b) = (hex(&A), hex(&B));
    let made = |w: &mut World, args: [&str; 3]| w.call("ctor", &args, &plain());
    assert_eq!(
        made(&mut w, [&owner.hex(), &a, &a]),
        failed("VERIFY at VERIFY")
    );
    let size = failed("NUMEQUALVERIFY at NUMEQUALVERIFY");
    assert_eq!(made(&mut w, [&owner.hex(), "aa", &b]), size);
    assert_eq!(made(&mut w, [&owner.hex(), &a, "bb"]), size);
    assert_eq!(made(&mut w, ["02", &a, &b]), size);
    made(&mut w, [&owner.hex(), &a, &b]).unwrap();
    assert_eq!(
        made(&mut w, [&owner.hex(), &a, &b]),
        failed("VERIFY at VERIFY")
    );
}

#[test]
fn tictactoe() {
    let (x, o, third) = (Key::new(5), Key::new(6), Key::new(7));
    let mut w = World::new("tictactoe.script");
    let same = w.call("ctor", &[&x.hex(), &x.hex()], &plain());
    assert_eq!(same, failed("VERIFY at VERIFY"));
    w.call("ctor", &[&x.hex(), &o.hex()], &plain()).unwrap();
    assert_eq!(
        w.call("ctor", &[&o.hex(), &x.hex()], &plain()),
        failed("VERIFY at VERIFY")
    );

    let turn = failed("EQUALVERIFY at EQUALVERIFY");
    assert_eq!(w.call("move", &["4"], &by(&o)), turn);
    assert_eq!(w.call("move", &["4"], &by(&third)), turn);
    for cell in ["-1", "9", "0x10000000000"] {
        assert_eq!(
            w.call("move", &[cell], &by(&x)),
            failed("VERIFY at VERIFY"),
            "{cell}"
        );
    }
    w.call("move", &["4"], &by(&x)).unwrap();
    let again = With {
        signature: w.signature.clone(),
        ..by(&x)
    };
    let bad = failed("INVALID_AVM_CHECKAUTHSIGNULL at CHECKAUTHSIGVERIFY");
    assert_eq!(w.call("move", &["4"], &again), bad);
    assert_eq!(w.call("move", &["3"], &by(&x)), turn);
    assert_eq!(
        w.call("move", &["4"], &by(&o)),
        turn.clone(),
        "the cell is taken"
    );
    for (cell, who) in [("0", &o), ("2", &x), ("1", &o)] {
        w.call("move", &[cell], &by(who)).unwrap();
    }
    let nobody = failed("INVALID_AVM_STATE_KEY_NOT_FOUND at KV_GET");
    assert_eq!(w.call("expect", &["x"], &plain()), nobody);
    w.call("move", &["6"], &by(&x)).unwrap();
    w.call("expect", &["x"], &plain()).unwrap();
    assert_eq!(w.call("expect", &["o"], &plain()), failed("EVAL_FALSE"));
    assert_eq!(w.call("move", &["8"], &by(&o)), failed("VERIFY at VERIFY"));
    hostile(&mut w, 3);
}

#[test]
fn names() {
    let (alice, bob) = (Key::new(8), Key::new(9));
    let mut w = World::new("names.script");
    w.call("ctor", &[], &plain()).unwrap();
    w.call("register", &["alice"], &by(&alice)).unwrap();
    assert_eq!(
        w.call("register", &["alice"], &by(&bob)),
        failed("VERIFY at VERIFY")
    );
    let nobody = failed("INVALID_AVM_CHECKAUTHSIGVERIFY at CHECKAUTHSIGVERIFY");
    assert_eq!(w.call("register", &["bob"], &plain()), nobody);
    for name in [String::new(), "n".repeat(65)] {
        let call = w.call("register", &[&name], &by(&bob));
        assert_eq!(call, failed("VERIFY at VERIFY"), "{name}");
    }
    w.call("register", &[&"n".repeat(64)], &by(&bob)).unwrap();
    w.call("lookup", &["alice", &alice.hex()], &plain())
        .unwrap();
    assert_eq!(
        w.call("lookup", &["alice", &bob.hex()], &plain()),
        failed("EVAL_FALSE")
    );
    let absent = failed("INVALID_AVM_STATE_KEY_NOT_FOUND at KV_GET");
    assert_eq!(w.call("lookup", &["carol", &bob.hex()], &plain()), absent);

    let other = failed("EQUALVERIFY at EQUALVERIFY");
    assert_eq!(w.call("transfer", &["alice", &bob.hex()], &by(&bob)), other);
    assert_eq!(w.call("release", &["alice"], &by(&bob)), other);
    assert_eq!(
        w.call("transfer", &["carol", &bob.hex()], &by(&bob)),
        absent
    );
    let size = failed("NUMEQUALVERIFY at NUMEQUALVERIFY");
    assert_eq!(w.call("transfer", &["alice", "02"], &by(&alice)), size);
    w.call("transfer", &["alice", &bob.hex()], &by(&alice))
        .unwrap();
    w.call("lookup", &["alice", &bob.hex()], &plain()).unwrap();
    assert_eq!(
        w.call("transfer", &["alice", &alice.hex()], &by(&alice)),
        other
    );
    w.call("release", &["alice"], &by(&bob)).unwrap();
    w.call("register", &["alice"], &by(&alice)).unwrap();
    // The constructor may run again and changes nothing.
    w.call("ctor", &[], &plain()).unwrap();
    w.call("lookup", &["alice", &alice.hex()], &plain())
        .unwrap();
    hostile(&mut w, 5);
}

#[test]
fn escrow() {
    let (buyer, other) = (Key::new(10), Key::new(11));
    let (seller, refund) = (vec![0x52, 0x01, 0x02], vec![0x53, 0x03]);
    let args = |deadline: &'static str| {
        [
            buyer.hex(),
            hex(&seller),
            hex(&refund),
            hex(&A),
            deadline.into(),
        ]
    };
    let made = |w: &mut World, args: &[String; 5]| {
        w.call("ctor", &args.each_ref().map(String::as_str), &plain())
    };
    let new = || World::new("escrow.script");
    for deadline in ["0", "-1", "500000000", "0x100000000000"] {
        assert_eq!(
            made(&mut new(), &args(deadline)),
            failed("VERIFY at VERIFY"),
            "{deadline}"
        );
    }
    for at in 0..4 {
        let mut args = args("700000");
        args[at] = String::new();
        let error = made(&mut new(), &args).unwrap_err();
        assert!(
            error.starts_with("NUMEQUALVERIFY") || error == "VERIFY at VERIFY",
            "{error}"
        );
    }

    let funded = || {
        let mut w = new();
        made(&mut w, &args("700000")).unwrap();
        w.call("fund", &[], &paying(&[(A, 900)])).unwrap();
        w
    };
    let pay = |script: &[u8]| vec![(5_000, vec![0x51]), (5_000, script.to_vec())];
    let mut w = funded();
    assert_eq!(made(&mut w, &args("1")), failed("VERIFY at VERIFY"));
    let absent = failed("INVALID_AVM_FT_BALANCE_ADD_INVALID at FT_BALANCE_ADD");
    assert_eq!(w.call("fund", &[], &paying(&[(B, 900)])), absent);

    // Release: by the buyer, to the seller, once.
    let to_seller = |key| With {
        outputs: pay(&seller),
        ..by(key)
    };
    let equal = failed("EQUALVERIFY at EQUALVERIFY");
    assert_eq!(w.call("release", &["1"], &to_seller(&other)), equal);
    assert_eq!(w.call("release", &["0"], &to_seller(&buyer)), equal);
    let output = failed("INVALID_TX_OUTPUT_INDEX at OUTPUTBYTECODE");
    assert_eq!(w.call("release", &["9"], &to_seller(&buyer)), output);
    w.call("release", &["1"], &to_seller(&buyer)).unwrap();
    assert_eq!(w.paid, [(A, "1".into(), 900)]);
    let empty = failed("INVALID_AVM_WITHDRAW_FT_AMOUNT at FT_WITHDRAW");
    assert_eq!(w.call("release", &["1"], &to_seller(&buyer)), empty);

    // Refund: by anybody, to the refund script, after the deadline.
    let mut w = funded();
    let late = |lock_time| With {
        outputs: pay(&refund),
        lock_time,
        ..plain()
    };
    let early = failed("UNSATISFIED_LOCKTIME at CHECKLOCKTIMEVERIFY");
    assert_eq!(w.call("refund", &["1"], &late(699_999)), early);
    assert_eq!(w.call("refund", &["1"], &late(1_600_000_000)), early);
    let last = With {
        sequence: 0xffff_ffff,
        ..late(700_000)
    };
    assert_eq!(w.call("refund", &["1"], &last), early);
    let thief = With {
        outputs: pay(&[0x51]),
        ..late(700_000)
    };
    assert_eq!(w.call("refund", &["1"], &thief), equal);
    let small = With {
        outputs: vec![(899, refund.clone())],
        ..late(700_000)
    };
    assert_eq!(
        w.call("refund", &["0"], &small),
        empty,
        "an output holds its satoshis"
    );
    w.call("refund", &["1"], &late(700_000)).unwrap();
    assert_eq!(w.paid, [(A, "1".into(), 900)]);
    assert_eq!(w.call("refund", &["1"], &late(700_001)), empty);
    hostile(&mut w, 4);
}

/// Lines of the board, cell by cell.
const LINES: [[usize; 3]; 8] = [
    [0, 1, 2],
    [3, 4, 5],
    [6, 7, 8],
    [0, 3, 6],
    [1, 4, 7],
    [2, 5, 8],
    [0, 4, 8],
    [2, 4, 6],
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn counter_follows_its_model(steps in vec((any::<bool>(), -5i64..1010), 1..20)) {
        let mut w = World::new("counter.script");
        w.call("ctor", &[], &plain()).unwrap();
        let mut n = 0;
        for (up, amount) in steps {
            let next = if up { n + amount } else { n - amount };
            let fine = (1..=1000).contains(&amount) && next >= 0;
            let method = if up { "add" } else { "sub" };
            let call = w.call(method, &[&amount.to_string()], &plain());
            prop_assert_eq!(call.is_ok(), fine);
            n = if fine { next } else { n };
            w.call("expect", &[&n.to_string()], &plain()).unwrap();
        }
    }

    #[test]
    fn the_product_never_falls(
        reserves in (1u64..1_000_000, 1u64..1_000_000),
        sales in vec((any::<bool>(), 1u64..100_000), 1..8),
    ) {
        let (mut w, _) = market(reserves.0, reserves.1);
        let (mut x, mut y) = reserves;
        for (first, sold) in sales {
            let (token, paid) = if first { (A, price(x, y, sold)) } else { (B, price(y, x, sold)) };
            let call = w.call("sell", &[&hex(&token), "0", "0"], &paying(&[(token, sold)]));
            prop_assert_eq!(call.is_ok(), paid > 0);
            let before = u128::from(x) * u128::from(y);
            if paid > 0 && first {
                (x, y) = (x + sold, y - paid);
            } else if paid > 0 {
                (x, y) = (x - paid, y + sold);
            }
            prop_assert_eq!((w.balance(&A), w.balance(&B)), (x, y));
            prop_assert!(u128::from(x) * u128::from(y) >= before);
        }
    }

    #[test]
    fn tictactoe_follows_its_model(cells in vec(0usize..9, 1..16)) {
        let players = [Key::new(5), Key::new(6)];
        let mut w = World::new("tictactoe.script");
        w.call("ctor", &[&players[0].hex(), &players[1].hex()], &plain()).unwrap();
        let (mut board, mut turn, mut winner) = ([None; 9], 0, None);
        for cell in cells {
            let side = turn % 2;
            let call = w.call("move", &[&cell.to_string()], &by(&players[side]));
            let fine = winner.is_none() && board[cell].is_none();
            prop_assert_eq!(call.is_ok(), fine);
            if fine {
                board[cell] = Some(side);
                turn += 1;
                let won = LINES.iter().any(|line| line.iter().all(|&cell| board[cell] == Some(side)));
                winner = won.then_some(side);
            }
            for (side, name) in ["x", "o"].into_iter().enumerate() {
                prop_assert_eq!(w.call("expect", &[name], &plain()).is_ok(), winner == Some(side));
            }
        }
    }
}

//! What Bitcoin refuses does not come to wait.

use avm_regtest::bitcoin::absolute::LockTime;
use avm_regtest::bitcoin::hashes::Hash;
use avm_regtest::bitcoin::transaction::Version;
use avm_regtest::bitcoin::{Amount, OutPoint, Sequence, Transaction, TxIn, Txid};
use avm_regtest::{Chain, ChainError, Coin, Key};

fn spending(coins: &[&Coin], sats: &[u64]) -> Transaction {
    let key = Key::from_seed("receiver");
    let input = |coin: &&Coin| TxIn {
        previous_output: coin.outpoint,
        ..TxIn::default()
    };
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: coins.iter().map(input).collect(),
        output: sats.iter().map(|sats| key.output(*sats)).collect(),
    }
}

fn with(mut tx: Transaction, change: impl Fn(&mut Transaction)) -> Transaction {
    change(&mut tx);
    tx
}

fn coin_of(chain: &Chain, height: u32) -> Coin {
    let txid = chain.block(height).expect("mined").txdata[0].compute_txid();
    chain
        .coin(&OutPoint { txid, vout: 0 })
        .expect("unspent")
        .clone()
}

#[test]
fn refusals() {
    let chain = Chain::funded();
    // Blocks 1 to 11 are old enough for block 111.
    let [one, two, young] = [1, 11, 12].map(|height| coin_of(&chain, height));
    let sats = one.sats();
    let nowhere = OutPoint {
        txid: Txid::all_zeros(),
        vout: 3,
    };
    let good = spending(&[&one, &two], &[sats, sats]);
    let time = chain.block(105).expect("mined").header.time;
    let lock = |lock_time, sequence| {
        with(good.clone(), |tx| {
            tx.lock_time = LockTime::from_consensus(lock_time);
            tx.input[1].sequence = Sequence(sequence);
        })
    };
    let relative = |version, sequence| {
        with(good.clone(), |tx| {
            tx.version = Version(version);
            tx.input[1].sequence = Sequence(sequence);
        })
    };
    // The coin of block 11 is 100 blocks old in block 111; its clock starts at the median of block 10.
    let intervals = (time - chain.block(5).expect("mined").header.time) / 512;
    let by_time = 1 << 22 | intervals;
    let late = |sequence| Err(ChainError::Sequence { input: 1, sequence });
    let too_early = |lock_time| {
        Err(ChainError::LockTime {
            lock_time,
            next: 111,
            time,
        })
    };
    let max = Amount::MAX_MONEY.to_sat();
    let cases: Vec<(&str, Transaction, Result<(), ChainError>)> = vec![
        ("good", good.clone(), Ok(())),
        (
            "no inputs",
            spending(&[], &[1]),
            Err(ChainError::Empty {
                inputs: 0,
                outputs: 1,
            }),
        ),
        (
            "no outputs",
            spending(&[&one], &[]),
            Err(ChainError::Empty {
                inputs: 1,
                outputs: 0,
            }),
        ),
        (
            "twice",
            spending(&[&one, &one], &[1]),
            Err(ChainError::Repeated(one.outpoint)),
        ),
        (
            "not there",
            with(good.clone(), |tx| tx.input[0].previous_output = nowhere),
            Err(ChainError::Missing(nowhere)),
        ),
        (
            "a coinbase",
            with(good.clone(), |tx| {
                tx.input[0].previous_output = OutPoint::null()
            }),
            Err(ChainError::Coinbase),
        ),
        (
            "too young",
            spending(&[&young], &[1]),
            Err(ChainError::Immature {
                outpoint: young.outpoint,
                made: 12,
                from: 112,
                next: 111,
            }),
        ),
        (
            "more than there is",
            spending(&[&one, &two], &[sats, sats + 1]),
            Err(ChainError::Overspent {
                inputs: 2 * sats,
                outputs: 2 * sats + 1,
            }),
        ),
        (
            "too much",
            spending(&[&one], &[max + 1]),
            Err(ChainError::TooMuch { output: 0 }),
        ),
        (
            "too much in all",
            spending(&[&one], &[max, 0, 1]),
            Err(ChainError::TooMuch { output: 2 }),
        ),
        (
            "a sum that wraps",
            spending(&[&one], &[u64::MAX, 2]),
            Err(ChainError::TooMuch { output: 0 }),
        ),
        ("height reached", lock(110, 0), Ok(())),
        ("height ahead", lock(111, 0), too_early(111)),
        ("height ahead, but final", lock(111, u32::MAX), Ok(())),
        ("time reached", lock(time - 1, 1 << 31), Ok(())),
        ("time ahead", lock(time, 1 << 31), too_early(time)),
        ("old enough", relative(2, 100), Ok(())),
        ("not old enough", relative(2, 101), late(101)),
        (
            "not old enough, negative version",
            relative(-1, 101),
            late(101),
        ),
        ("not old enough, version 1", relative(1, 101), Ok(())),
        (
            "not old enough, switched off",
            relative(2, 1 << 31 | 101),
            Ok(()),
        ),
        ("old enough in time", relative(2, by_time), Ok(())),
        (
            "not old enough in time",
            relative(2, by_time + 1),
            late(by_time + 1),
        ),
        (
            "bits without meaning",
            relative(2, 0x7fbf_0000 | 100),
            Ok(()),
        ),
    ];
    for (name, tx, want) in cases {
        let mut chain = chain.clone();
        let txid = tx.compute_txid();
        let submitted = chain.submit(tx.clone());
        assert_eq!(submitted, want.clone().map(|()| txid), "{name}");
        assert_eq!(chain.mempool().count(), usize::from(want.is_ok()), "{name}");
        // A block is held to the same.
        assert_eq!(chain.mine_with(vec![tx]).is_ok(), want.is_ok(), "{name}");
    }
}

#[test]
fn heavy_transactions_are_refused() {
    let mut chain = Chain::funded();
    let one = coin_of(&chain, 1);
    let tx = spending(&[&one], &[1]);
    let long = with(tx.clone(), |tx| {
        tx.input[0].witness.push(vec![0; 4_000_000])
    });
    assert!(matches!(
        chain.submit(long),
        Err(ChainError::Heavy { sigops: 0, .. })
    ));
    let checks = with(tx, |tx| {
        tx.output[0].script_pubkey = vec![0xac; 20_001].into()
    });
    assert!(matches!(
        chain.submit(checks),
        Err(ChainError::Heavy { sigops: 80_004, .. })
    ));
}

#[test]
fn the_second_spend_is_refused() {
    let mut chain = Chain::funded();
    let one = coin_of(&chain, 1);
    let first = spending(&[&one], &[5000]);
    let second = spending(&[&one], &[6000]);
    chain.submit(first.clone()).expect("good");
    assert_eq!(
        chain.submit(first.clone()),
        Err(ChainError::Known(first.compute_txid()))
    );
    assert_eq!(
        chain.submit(second.clone()),
        Err(ChainError::Conflict(one.outpoint))
    );
    assert_eq!(chain.coin(&one.outpoint), None);
    assert_eq!(chain.confirmed(&one.outpoint), Some(&one));

    // A chain of two waits together, and goes when a block has the other spend.
    let outpoint = OutPoint {
        txid: first.compute_txid(),
        vout: 0,
    };
    let made = chain.coin(&outpoint).expect("waits").clone();
    assert_eq!(
        (made.height, made.coinbase, made.sats()),
        (111, false, 5000)
    );
    chain.submit(spending(&[&made], &[1])).expect("good");
    chain
        .mine_with(vec![second.clone()])
        .expect("good for a block");
    assert_eq!(chain.mempool().count(), 0);
    assert_eq!(chain.submit(second), Err(ChainError::Missing(one.outpoint)));
}

#[test]
fn what_nobody_can_spend_is_no_coin() {
    let mut chain = Chain::funded();
    let one = coin_of(&chain, 1);
    let tx = with(spending(&[&one], &[1, 2, 3]), |tx| {
        tx.output[0].script_pubkey = vec![0x6a, 1].into();
        tx.output[1].script_pubkey = vec![0x51; 10_001].into();
    });
    let txid = chain.submit(tx).expect("good");
    chain.mine();
    let coins = [0, 1, 2].map(|vout| chain.coin(&OutPoint { txid, vout }).map(Coin::sats));
    assert_eq!(coins, [None, None, Some(3)]);
}

#[test]
fn payments_and_balances() {
    let mut chain = Chain::funded();
    let [alice, bob] = ["alice", "bob"].map(Key::from_seed);
    chain.fund(&alice, 10_000).expect("the miner has rewards");
    let paid = chain
        .pay(&alice, &bob, 4_000)
        .expect("change may be spent at once");
    let fee = u64::try_from(paid.vsize()).expect("small");
    assert_eq!(
        (chain.balance(&bob), chain.balance(&alice)),
        (4_000, 6_000 - fee)
    );
    let error = chain.pay(&alice, &bob, 6_000).expect_err("too little");
    assert!(
        matches!(error, ChainError::Funds { have, need } if have == 6_000 - fee && need > 6_000)
    );
    chain.mine();
    assert_eq!(
        (chain.balance(&bob), chain.balance(&alice)),
        (4_000, 6_000 - fee)
    );
    let error = Chain::new().fund(&alice, 1).expect_err("nothing at all");
    assert!(
        matches!(error, ChainError::Funds { have: 0, .. }),
        "{error}"
    );
}

#[test]
fn a_reorg_gives_transactions_back() {
    let mut chain = Chain::funded();
    let alice = Key::from_seed("alice");
    let first = chain.fund(&alice, 1_000).expect("funded");
    chain.mine();
    let second = chain.fund(&alice, 2_000).expect("funded");
    chain.mine();
    // The coinbase of block 13 can be spent from block 113 on.
    chain.mine();
    let of_13 = spending(&[&coin_of(&chain, 13)], &[1]);
    chain.submit(of_13.clone()).expect("old enough");
    chain.mine();
    let third = chain.fund(&alice, 3_000).expect("funded");
    assert_eq!(chain.reorg(4), Ok(vec![first.clone(), second.clone()]));
    let waiting: Vec<_> = chain.mempool().cloned().collect();
    assert_eq!(waiting, [first, second, third]);
    assert_eq!(chain.height(), 110);
    assert_eq!(chain.balance(&alice), 6_000);
    chain.mine();
    assert!(matches!(
        chain.submit(of_13),
        Err(ChainError::Immature { .. })
    ));
}

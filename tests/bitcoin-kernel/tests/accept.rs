//! What `avm-regtest` makes, Bitcoin takes.

use avm_regtest::bitcoin::Transaction;
use avm_regtest::bitcoin::absolute::LockTime;
use avm_regtest::bitcoin::hashes::{Hash, sha256};
use avm_regtest::walk::{Walk, operations};
use avm_regtest::{Chain, Coin, Event, Key, Operation, Publish};
use avm_test_bitcoin_kernel::{Follower, Kernel, Spent, Verdict};

/// Hands over the blocks that the kernel has not seen; it has to take every one.
fn hand_over(kernel: &Kernel, chain: &Chain) {
    for height in kernel.tip().0 + 1..=chain.height() {
        let block = chain.block_bytes(height).expect("below the tip");
        assert_eq!(kernel.process(&block), Verdict::Fine, "block {height}");
        let hash = chain.block(height).expect("below the tip").block_hash();
        assert_eq!(kernel.tip(), (height, hash));
    }
}

fn start() -> (Kernel, Chain, Key) {
    let kernel = Kernel::new().expect("the kernel begins");
    let mut chain = Chain::funded();
    assert_eq!(
        kernel.tip(),
        (0, chain.block(0).expect("genesis").block_hash())
    );
    let alice = Key::from_seed("alice");
    chain.fund(&alice, 10_000_000).expect("funded");
    chain.mine();
    hand_over(&kernel, &chain);
    (kernel, chain, alice)
}

#[test]
fn every_operation() {
    let (kernel, mut chain, alice) = start();
    let digest = |tx: &Transaction| sha256::Hash::hash(tx.compute_txid().as_ref()).to_byte_array();
    let mut published = vec![];
    for (index, operation) in operations(&alice).into_iter().enumerate() {
        let plain = Publish::new(&alice, operation.clone());
        let item = chain.publish(&plain).expect("funded").outpoint(0);
        let mut full = Publish::new(&alice, operation)
            .fee_rate(3)
            .output(alice.output(2_000))
            .output(alice.output(600))
            .spend(item, &alice)
            .signed(&alice, &digest);
        full.lock_time = LockTime::from_consensus(chain.height());
        if index % 2 == 0 {
            std::mem::swap(&mut full.before, &mut full.spend);
        }
        published.push(chain.publish(&full).expect("funded"));
        chain.mine();
        hand_over(&kernel, &chain);
        assert_eq!(chain.mempool().count(), 0);
    }
    // A plain transfer of what may carry tokens, with and without coins of others.
    let coins: Vec<_> = published
        .iter()
        .map(|published| (published.outpoint(0), alice))
        .collect();
    chain
        .transfer(&alice, &coins[..2], vec![alice.output(4_000)])
        .expect("funded");
    chain
        .transfer(&alice, &coins[2..5], vec![alice.output(1_000)])
        .expect("worth more");
    assert_eq!(chain.mine().txdata.len(), 4);
    hand_over(&kernel, &chain);
}

#[test]
fn payloads_of_every_length() {
    let (kernel, mut chain, alice) = start();
    let near = |length: usize| length - 2..length + 3;
    let lengths = (0..4)
        .chain(near(75))
        .chain(near(255))
        .chain(near(520))
        .chain(near(1040));
    for length in lengths.chain([5_000, 10_001, 100_000, 390_000]) {
        let payload = vec![1; length];
        let operation = Operation::raw("dat", &payload);
        chain
            .publish(&Publish::new(&alice, operation))
            .expect("funded");
        chain.mine();
        hand_over(&kernel, &chain);
    }
}

#[test]
fn rewards_locks_and_time() {
    let (kernel, mut chain, alice) = start();
    for round in 0..12 {
        chain.mine_empty(29);
        chain.warp(round * 1_000_000);
        chain.fund(&alice, 5_000).expect("funded");
        let mut publish = Publish::new(&alice, Operation::nft());
        publish.lock_time = LockTime::from_consensus(chain.height());
        chain.publish(&publish).expect("funded");
        chain.mine();
    }
    assert!(chain.height() > 450, "the reward halves three times");
    hand_over(&kernel, &chain);
}

/// Reads the blocks back, and what they spent.
fn compare_spent(kernel: &Kernel, chain: &Chain) -> usize {
    let mut again = Chain::new();
    let mut inputs = 0;
    for height in 1..=chain.height() {
        let bytes = chain.block_bytes(height).expect("below the tip");
        assert_eq!(kernel.block(height).expect("below the tip"), bytes);
        let block = chain.block(height).expect("below the tip");
        let mut made: Vec<Coin> = vec![];
        let mut want: Vec<Vec<Spent>> = vec![];
        for tx in &block.txdata[1..] {
            let spent = tx.input.iter().map(|input| {
                let outpoint = input.previous_output;
                let here = made.iter().find(|coin| coin.outpoint == outpoint);
                let coin = here
                    .or_else(|| again.confirmed(&outpoint))
                    .expect("was there");
                let script = coin.output.script_pubkey.clone();
                let (sats, height, coinbase) = (coin.sats(), coin.height, coin.coinbase);
                Spent {
                    sats,
                    script,
                    height,
                    coinbase,
                }
            });
            want.push(spent.collect());
            inputs += tx.input.len();
            let txid = tx.compute_txid();
            made.extend((0..).zip(&tx.output).map(|(vout, output)| Coin {
                outpoint: avm_regtest::bitcoin::OutPoint { txid, vout },
                output: output.clone(),
                height,
                coinbase: false,
            }));
        }
        assert_eq!(
            kernel.spent(height).expect("below the tip"),
            want,
            "block {height}"
        );
        Follower::connect(&mut again, height, &bytes);
    }
    inputs
}

#[test]
fn random_walks() {
    for seed in 0..6 {
        let kernel = Kernel::new().expect("the kernel begins");
        let mut walk = Walk::new(seed);
        for _ in 0..120 {
            // A step may find no funds; what comes to be in blocks is what matters.
            drop(walk.step());
        }
        walk.chain.mine();
        hand_over(&kernel, &walk.chain);
        assert!(compare_spent(&kernel, &walk.chain) > 50);
        let blocks = walk.chain.blocks().iter().enumerate().skip(1);
        let want: Vec<Event> = blocks
            .map(|(height, block)| {
                let height = u32::try_from(height).expect("few blocks");
                Event::Connected(height, block.block_hash())
            })
            .collect();
        assert_eq!(kernel.take_events(), want);
    }
}

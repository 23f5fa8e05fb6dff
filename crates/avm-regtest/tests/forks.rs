//! Whatever happens, the coins are those of the blocks.

use avm_regtest::walk::Walk;
use avm_regtest::{Chain, ChainError, Coin, Event};
use proptest::prelude::*;

/// The same blocks on a new chain.
fn replay(chain: &Chain) -> Chain {
    let mut again = Chain::new();
    for block in &chain.blocks()[1..] {
        again.connect(block.clone()).expect("a block of the chain");
    }
    again
}

fn coins(chain: &Chain) -> Vec<&Coin> {
    chain.all_confirmed().collect()
}

fn check(walk: &Walk) {
    let chain = &walk.chain;
    let again = replay(chain);
    assert_eq!(coins(chain), coins(&again));
    let sats: u64 = coins(chain).iter().map(|coin| coin.sats()).sum();
    // Fees come back in coinbases, and nothing here burns satoshis.
    let made: u64 = (1..=chain.height())
        .map(|height| 5_000_000_000 >> (height / 150))
        .sum();
    assert_eq!(sats, made);
    // What waits, a new chain lets wait too, in this order.
    let mut again = again;
    for tx in chain.mempool() {
        again.submit(tx.clone()).expect("waits");
    }
    for key in &walk.keys {
        assert_eq!(chain.balance(key), again.balance(key));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_walk_ends_where_its_blocks_lead(seed: u64, steps in 1..60_usize) {
        let mut walk = Walk::new(seed);
        let mut tips = vec![walk.chain.tip_hash()];
        walk.chain.take_events();
        for _ in 0..steps {
            match walk.step() {
                Ok(_) | Err(ChainError::Funds { .. } | ChainError::Missing(_) | ChainError::Conflict(_)) => {}
                Err(ChainError::Known(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        // Events lead from the first tip to the last.
        for event in walk.chain.take_events() {
            match event {
                Event::Connected(_, hash) => tips.push(hash),
                Event::Disconnected(height, hash) => {
                    match tips.pop() {
                        Some(tip) => prop_assert_eq!(tip, hash),
                        None => prop_assert!(height <= 111),
                    }
                }
            }
        }
        if let Some(tip) = tips.last() {
            prop_assert_eq!(*tip, walk.chain.tip_hash());
        }
        check(&walk);
        walk.chain.mine();
        check(&walk);
    }
}

#[test]
fn walks_meet_everything() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..4 {
        let mut walk = Walk::new(seed);
        for _ in 0..150 {
            seen.extend(walk.step());
        }
    }
    let all = [
        "commit alone",
        "mine",
        "mine without",
        "nothing",
        "pay",
        "publish",
        "reorg",
        "reveal alone",
        "transfer",
        "warp",
    ];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}

#[test]
fn a_clone_goes_its_own_way() {
    let mut one = Chain::funded();
    let mut two = one.clone();
    two.set_branch(1);
    assert_eq!((one.branch(), two.branch()), (0, 1));
    assert_ne!(one.mine().block_hash(), two.mine().block_hash());
    // Taken over block by block, as a node does that sees more work.
    two.mine();
    one.reorg(1).expect("not the genesis block");
    for height in 111..=112 {
        one.connect(two.block(height).expect("mined").clone())
            .expect("follows");
    }
    assert_eq!(one.tip_hash(), two.tip_hash());
    assert_eq!(coins(&one), coins(&two));
}

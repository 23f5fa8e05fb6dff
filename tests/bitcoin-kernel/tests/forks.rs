//! The kernel goes where the chain goes, by the same steps; who follows it gets there too.

use avm_regtest::bitcoin::consensus;
use avm_regtest::bitcoin::{Block, BlockHash};
use avm_regtest::walk::Walk;
use avm_regtest::{Chain, Event, Key, Operation, Publish};
use avm_test_bitcoin_kernel::{Follower, Kernel, Verdict, path};
use proptest::prelude::*;

/// A follower that knows heights and blocks, and nothing of what is in them.
#[derive(Default)]
struct Blocks(Vec<Vec<u8>>);

impl Follower for Blocks {
    fn connect(&mut self, height: u32, block: &[u8]) {
        self.0.push(block.to_vec());
        assert_eq!(self.0.len(), height as usize);
    }

    fn disconnect(&mut self, height: u32) {
        assert_eq!(self.0.len(), height as usize);
        self.0.pop();
    }
}

impl Blocks {
    fn tip(&self) -> Option<BlockHash> {
        let block = self.0.last()?;
        let block: Block = consensus::deserialize(block).expect("a block");
        Some(block.block_hash())
    }
}

fn process(kernel: &Kernel, chain: &Chain, height: u32) -> Verdict {
    kernel.process(&chain.block_bytes(height).expect("below the tip"))
}

#[test]
fn a_reorg_of_each_depth() {
    let kernel = Kernel::new().expect("the kernel begins");
    let alice = Key::from_seed("alice");
    let mut chain = Chain::funded();
    let mut follower = Chain::new();
    chain.fund(&alice, 1_000_000).expect("funded");
    let mut seen = 0;
    for depth in 0..12 {
        if depth > 0 {
            chain.reorg(depth).expect("deep enough");
            // As much work is not more work.
            for _ in 0..depth {
                chain.mine();
                assert_eq!(process(&kernel, &chain, chain.height()), Verdict::Fine);
                assert_ne!(kernel.tip().1, chain.tip_hash());
            }
        }
        for _ in 0..3 {
            let name = format!("n{depth}");
            let item = Operation::nft().arg("request_realm", name);
            chain.publish(&Publish::new(&alice, item)).expect("funded");
            chain.mine();
        }
        for height in kernel.tip().0 + 1..=chain.height() {
            assert_eq!(process(&kernel, &chain, height), Verdict::Fine);
        }
        assert_eq!(kernel.tip(), (chain.height(), chain.tip_hash()));
        // One by one the same events, in the same order.
        let events = kernel.lead(&mut [&mut follower]);
        assert_eq!(events, chain.take_events(), "depth {depth}");
        seen += events.len();
        assert!(follower.all_confirmed().eq(chain.all_confirmed()));
    }
    assert_eq!(seen, 110 + 12 * 3 + 2 * (1..12).sum::<usize>());
}

#[test]
fn two_chains_race() {
    let kernel = Kernel::new().expect("the kernel begins");
    let mut one = Chain::funded();
    let mut two = one.clone();
    two.set_branch(7);
    for height in 1..=one.height() {
        assert_eq!(process(&kernel, &one, height), Verdict::Fine);
    }
    kernel.take_events();
    let (mut behind, mut ahead) = (&mut two, &mut one);
    for round in 0..6 {
        // Who is behind passes by; until then the kernel stays.
        let tip = kernel.tip();
        while behind.height() <= ahead.height() {
            assert_eq!(kernel.tip(), tip, "{round}");
            behind.mine();
            assert_eq!(process(&kernel, behind, behind.height()), Verdict::Fine);
        }
        assert_eq!(
            kernel.tip(),
            (behind.height(), behind.tip_hash()),
            "{round}"
        );
        std::mem::swap(&mut behind, &mut ahead);
    }
    // Whatever it did, it ends at the longer one, and says how it got there.
    let mut tips = vec![one.block(110).expect("mined").block_hash()];
    for event in kernel.take_events() {
        match event {
            Event::Connected(_, hash) => tips.push(hash),
            Event::Disconnected(_, hash) => assert_eq!(tips.pop(), Some(hash)),
        }
    }
    assert_eq!(tips.last(), Some(&kernel.tip().1));
    assert_eq!(tips.len(), kernel.tip().0 as usize - 109);
}

#[test]
fn a_longer_branch_with_a_bad_block_does_not_stay() {
    let kernel = Kernel::new().expect("the kernel begins");
    let alice = Key::from_seed("alice");
    let mut chain = Chain::funded();
    chain.fund(&alice, 100_000).expect("funded");
    chain.mine();
    let mut branch = chain.clone();
    branch.set_branch(1);
    chain.mine_empty(2);
    let (mut follower, mut blocks) = (Chain::new(), Blocks::default());
    for height in 1..=chain.height() {
        assert_eq!(process(&kernel, &chain, height), Verdict::Fine);
    }
    // Two good blocks, and one with a signature that is not good; the chain looks at no signatures.
    branch.mine_empty(2);
    let mut bad = branch.pay(&alice, &alice, 1_000).expect("funded");
    let mut signature = bad.input[0].witness.nth(0).expect("a signature").to_vec();
    signature[20] ^= 1;
    bad.input[0].witness = avm_regtest::bitcoin::Witness::from_slice(&[signature]);
    branch.mine_with(vec![bad]).expect("scripts are not run");
    branch.mine_empty(2);
    let first = chain.height() - 1;
    let mut refused = 0;
    for height in first..=branch.height() {
        refused += usize::from(matches!(
            process(&kernel, &branch, height),
            Verdict::Refused(_)
        ));
    }
    assert!(refused > 0);
    assert_eq!(kernel.tip(), (chain.height(), chain.tip_hash()));
    kernel.lead(&mut [&mut follower, &mut blocks]);
    assert_eq!(follower.tip_hash(), chain.tip_hash());
    assert_eq!(blocks.tip(), Some(chain.tip_hash()));
    assert!(follower.all_confirmed().eq(chain.all_confirmed()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Every block of a walk, of branches that were left too, in the order in which it came to be.
    #[test]
    fn the_kernel_follows_a_walk(seed: u64, steps in 20..150_usize) {
        let kernel = Kernel::new().expect("the kernel begins");
        let (mut follower, mut blocks) = (Chain::new(), Blocks::default());
        let mut walk = Walk::new(seed);
        // The longest chain so far, the first among equals: what a node has.
        let mut longest = vec![walk.chain.block(0).expect("genesis").block_hash()];
        for step in 0..=steps {
            if step > 0 {
                // A step may find no funds.
                drop(walk.step());
            }
            for event in walk.chain.take_events() {
                let Event::Connected(height, _) = event else {
                    continue;
                };
                prop_assert_eq!(process(&kernel, &walk.chain, height), Verdict::Fine);
                let hashes = walk.chain.blocks()[..=height as usize].iter();
                let hashes: Vec<BlockHash> = hashes.map(Block::block_hash).collect();
                let mut want = vec![];
                if hashes.len() > longest.len() {
                    want = path(&longest, &hashes);
                    longest = hashes;
                }
                prop_assert_eq!(kernel.lead(&mut [&mut follower, &mut blocks]), want);
                prop_assert_eq!(Some(&kernel.tip().1), longest.last());
                prop_assert_eq!(follower.tip_hash(), kernel.tip().1);
                prop_assert_eq!(blocks.tip(), Some(kernel.tip().1));
            }
        }
        let mut replayed = Chain::new();
        for block in &follower.blocks()[1..] {
            replayed.connect(block.clone()).expect("a block of the chain");
        }
        prop_assert!(follower.all_confirmed().eq(replayed.all_confirmed()));
        // The walk goes on until it has more work than all that was.
        walk.chain.mine_empty(u32::try_from(longest.len()).expect("few"));
        for event in walk.chain.take_events() {
            if let Event::Connected(height, _) = event {
                prop_assert_eq!(process(&kernel, &walk.chain, height), Verdict::Fine);
            }
        }
        kernel.lead(&mut [&mut follower]);
        prop_assert_eq!(follower.tip_hash(), walk.chain.tip_hash());
        prop_assert!(follower.all_confirmed().eq(walk.chain.all_confirmed()));
    }
}

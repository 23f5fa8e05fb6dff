//! Followers of every kind beside an index that never goes back.

use std::collections::{BTreeMap, BTreeSet};

use avm_atomicals::Rules;
use avm_atomicals::index::envelope::Operation;
use avm_atomicals::index::receipt::{OperationReceipt, Settled};
use avm_atomicals::index::{Index, IndexMachine, Network, Params, Receipt};
use avm_core::{Hash, Machine};
use avm_regtest::bitcoin::constants::genesis_block;
use avm_regtest::bitcoin::hashes::Hash as _;
use avm_regtest::bitcoin::{self, Block, BlockHash, consensus};
use avm_regtest::{Chain, Event};
use avm_test_bitcoin_kernel::{Follower, IndexFollower, Keep, Kernel, Verdict, give, path};

/// Compares after every event.
pub struct Judge {
    /// For each block of any branch the index of its branch, which was run from the genesis block on
    /// and never took a block back; and its root.
    known: BTreeMap<BlockHash, (IndexMachine, Hash)>,
    /// The active chain, as the events tell it.
    pub active: Vec<BlockHash>,
    pub followers: Vec<IndexFollower>,
    pub disconnected: usize,
}

pub fn params(rules: &'static Rules) -> Params {
    let genesis = genesis_block(bitcoin::Network::Regtest).block_hash();
    Params {
        before: genesis.to_byte_array(),
        ..Params::new(Network::Regtest, rules)
    }
}

impl Judge {
    pub fn new(rules: &'static Rules) -> Self {
        let params = params(rules);
        let genesis = BlockHash::from_byte_array(params.before);
        let mut first = Index::default().load(&params);
        let root = first.state_hash();
        let follower = |vm: Index, keep| IndexFollower::new(vm, &params, keep);
        Self {
            known: BTreeMap::from([(genesis, (first, root))]),
            active: vec![genesis],
            followers: vec![
                follower(Index::default(), Keep::Roots),
                follower(Index::default().cached(), Keep::Forks),
                follower(Index::default().cached(), Keep::Reopened),
            ],
            disconnected: 0,
        }
    }

    fn compare(&mut self) {
        let tip = self.active.last().expect("genesis stays");
        let (_, root) = self.known[tip];
        for follower in &mut self.followers {
            assert_eq!(follower.root(), root, "{follower:?}");
            let machine = follower.machine();
            assert_eq!(machine.tip(), tip.to_byte_array());
            assert_eq!(
                machine.height().unwrap_or(0) as usize + 1,
                self.active.len()
            );
            // No input was refused.
            assert_eq!(machine.counts().1, 0);
        }
    }

    /// Blocks that any index of this was given.
    pub fn seen(&self, hash: &BlockHash) -> bool {
        self.known.contains_key(hash)
    }

    /// The index so many blocks before the tip.
    pub fn before(&self, blocks: usize) -> IndexMachine {
        let hash = self.active[self.active.len() - 1 - blocks];
        self.known[&hash].0.clone()
    }

    pub fn machine(&mut self) -> &mut IndexMachine {
        self.followers[0].machine()
    }

    /// Receipts of the operations of the active chain.
    pub fn operations(&self) -> Vec<OperationReceipt> {
        let receipts = self.followers[0].receipts().iter().flatten();
        let operation = |receipt: &Receipt| match receipt {
            Receipt::Operation(operation) => Some(*operation),
            _ => None,
        };
        receipts.filter_map(operation).collect()
    }
}

impl Follower for Judge {
    fn connect(&mut self, height: u32, bytes: &[u8]) {
        let block: Block = consensus::deserialize(bytes).expect("a block");
        let (hash, parent) = (block.block_hash(), block.header.prev_blockhash);
        assert_eq!(self.active.last(), Some(&parent));
        assert_eq!(self.active.len(), height as usize);
        if !self.known.contains_key(&hash) {
            let mut machine = self.known[&parent].0.clone();
            give(&mut machine, bytes);
            let root = machine.state_hash();
            self.known.insert(hash, (machine, root));
        }
        self.active.push(hash);
        for follower in &mut self.followers {
            follower.connect(height, bytes);
        }
        self.compare();
    }

    fn disconnect(&mut self, height: u32) {
        assert_eq!(self.active.len(), height as usize + 1);
        self.active.pop();
        self.disconnected += 1;
        for follower in &mut self.followers {
            follower.disconnect(height);
        }
        self.compare();
    }
}

/// The kernel, and who follows it.
pub struct Run {
    pub kernel: Kernel,
    pub judge: Judge,
    pub rules: &'static Rules,
    /// The longest chain so far, the first among equals: what a node has.
    longest: Vec<BlockHash>,
}

impl Run {
    pub fn new(rules: &'static Rules) -> Self {
        let judge = Judge::new(rules);
        Self {
            kernel: Kernel::new().expect("the kernel begins"),
            longest: judge.active.clone(),
            judge,
            rules,
        }
    }

    /// Hands over what the chain mined since the last call. The kernel takes every block, and does
    /// the steps that it has to do, in their order; the index does the same.
    pub fn follow(&mut self, chain: &mut Chain) {
        for event in chain.take_events() {
            let Event::Connected(height, _) = event else {
                continue;
            };
            let block = chain.block_bytes(height).expect("not taken back yet");
            assert_eq!(self.kernel.process(&block), Verdict::Fine, "{height}");
            let hashes = chain.blocks()[..=height as usize].iter();
            let hashes: Vec<BlockHash> = hashes.map(Block::block_hash).collect();
            let mut want = vec![];
            if hashes.len() > self.longest.len() {
                want = path(&self.longest, &hashes);
                self.longest = hashes;
            }
            assert_eq!(self.kernel.lead(&mut [&mut self.judge]), want);
            assert_eq!(self.judge.active, self.longest);
            assert_eq!(Some(&self.kernel.tip().1), self.longest.last());
        }
    }

    /// Reads the active chain back from the kernel, from the first block on, with an index that saw
    /// nothing yet.
    pub fn replay(&self) {
        let mut machine = Index::default().load(&params(self.rules));
        for height in 1..=self.kernel.tip().0 {
            let block = self.kernel.block(height).expect("below the tip");
            give(&mut machine, &block);
            let (_, root) = self.judge.known[&self.judge.active[height as usize]];
            assert_eq!(machine.state_hash(), root, "block {height}");
        }
    }
}

/// How many of each operation had effect, were refused, and failed.
#[derive(Debug, Default)]
pub struct Tally(BTreeMap<&'static str, [usize; 3]>);

impl Tally {
    pub fn add(&mut self, receipts: &[OperationReceipt]) {
        for receipt in receipts {
            let counts = self.0.entry(receipt.operation.name()).or_default();
            counts[match receipt.settled {
                Settled::Done => 0,
                Settled::Refused(_) => 1,
                Settled::Failed(_) => 2,
            }] += 1;
        }
    }

    /// Every operation had effect, so many times; all but that of virtual outputs, which are off.
    pub fn assert_each(&self, least: usize) {
        let done = self.0.iter().filter(|(_, counts)| counts[0] >= least);
        let done: BTreeSet<&str> = done.map(|(name, _)| *name).collect();
        let all = Operation::ALL.into_iter();
        let all = all.filter(|operation| *operation != Operation::Virtual);
        let all: BTreeSet<&str> = all.map(Operation::name).collect();
        assert_eq!(done, all, "{self:?}");
    }
}

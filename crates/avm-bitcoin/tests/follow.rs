//! Following: any history of a source ends where a run of its last chain ends.

mod common;

use std::sync::Arc;
use std::time::Duration;

use avm_bitcoin::{
    BlockHash, FollowError, Follower, MemorySource, Options, Progress, RawBlock, Source,
    SourceError, Tip, block,
};
use avm_core::{Claim, Inbox, MemoryInbox, MemoryOutbox, NoOutbox, Vm, advance};
use avm_store::{Checkpoints, Log, LogReader, Record, Store};
use avm_testkit::seed;
use common::toy::{Fold, HALT};
use common::{Memory, branch, chain};

const IMAGE: &[u8] = b"fold";

fn follower(store: &Arc<Memory>, options: Options) -> Follower {
    Follower::on(store.clone(), Arc::new(Fold), IMAGE, options).unwrap()
}

/// Rounds until nothing is left to do.
fn settle(follower: &mut Follower, source: &mut dyn Source) -> Progress {
    for _ in 0..1000 {
        let progress = follower.round(source).unwrap();
        if progress.done {
            return progress;
        }
    }
    panic!("a thousand rounds were not enough");
}

/// The claims at the end of every block, found by running them in one go.
fn claims(blocks: &[RawBlock]) -> Vec<Claim> {
    let mut machine = Fold.genesis(IMAGE).unwrap();
    let mut claim = Claim::genesis(machine.state_hash());
    let mut inbox = MemoryInbox::default();
    let mut claims = Vec::new();
    for block in blocks {
        inbox.0.push(block.clone());
        (claim, _) = advance(&mut *machine, claim, &inbox, &mut NoOutbox, u64::MAX).unwrap();
        claims.push(claim);
    }
    claims
}

/// The store is as if it had only ever seen `blocks`.
fn check(store: &Memory, blocks: &[RawBlock]) {
    let want = claims(blocks);
    assert_eq!(store.head().len, blocks.len() as u64);
    for (index, block) in (0..).zip(blocks) {
        assert_eq!(Inbox::get(store, index).unwrap().as_ref(), Some(block));
        // Blocks far below the tip share a checkpoint, so it may be that of one before.
        let found = store.at_input(index + 1).unwrap();
        if let Some(found) = found.filter(|found| found.inputs > 0) {
            assert_eq!(found, want[found.inputs as usize - 1]);
        }
    }
    let last = store.at_input(blocks.len() as u64).unwrap();
    assert_eq!(last.filter(|last| last.inputs > 0).as_ref(), want.last());
    let mut outbox = MemoryOutbox::default();
    let inbox = MemoryInbox(blocks.to_vec());
    let mut machine = Fold.genesis(IMAGE).unwrap();
    let first = Claim::genesis(machine.state_hash());
    advance(&mut *machine, first, &inbox, &mut outbox, u64::MAX).unwrap();
    for (index, output) in outbox.outputs.iter().enumerate() {
        assert_eq!(store.output(index as u64).unwrap(), Some(*output));
    }
    assert_eq!(store.output(outbox.outputs.len() as u64).unwrap(), None);
}

fn source_of(blocks: &[RawBlock], start: u32) -> MemorySource {
    let mut source = MemorySource::new(start);
    for block in blocks {
        source.push(block.clone()).unwrap();
    }
    source
}

fn small(start: u32) -> Options {
    Options {
        start,
        kept_depth: 8,
        batch_blocks: 3,
        reopen_blocks: 4,
        ..Options::default()
    }
}

/// The blocks of the branch that ends in `tip`.
fn blocks_to(source: &mut MemorySource, tip: BlockHash) -> Vec<RawBlock> {
    source.set_tip(tip).unwrap();
    let names = common::names(source, 0);
    names
        .into_iter()
        .map(|name| source.block(name).unwrap())
        .collect()
}

#[test]
fn random_trees() {
    let (mut reorgs, mut trees) = (0, 0);
    seed::each(300, |rng| {
        let mut source = source_of(&chain(2, 0), 0);
        let mut tip = source.tip().unwrap().hash;
        let store = Arc::new(Memory::default());
        let mut options = small(0);
        options.batch_blocks = 1 + rng.below(5) as u32;
        options.batch_time = Duration::from_nanos(rng.below(2) * 1_000_000_000);
        let mut follower = follower(&store, options.clone());
        let mut tag = 0;
        for _ in 0..12 {
            let base = blocks_to(&mut source, tip);
            // A fork no deeper than may be taken back, never of the first block.
            let depth = match rng.below(3) {
                0 => 0,
                _ => rng.below(9).min(base.len() as u64 - 1),
            } as usize;
            let count = rng.below(12);
            let parent = block::name(&base[base.len() - 1 - depth]);
            let new = branch(parent, (0..count).map(|at| (tag + at) << 8), 0);
            tag += count;
            for block in new {
                let name = source.add(block).unwrap();
                tip = name;
            }
            if count == 0 && rng.below(2) == 0 {
                // The source falls back without another branch: to be waited for.
                source.set_tip(parent).unwrap();
                follower.round(&mut source).unwrap();
            }
            source.set_tip(tip).unwrap();
            match rng.below(4) {
                // A round or two only, so that the next switch comes in between.
                0 => drop(follower.round(&mut source).unwrap()),
                1 => {
                    follower.round(&mut source).unwrap();
                    follower = self::follower(&store, options.clone());
                }
                _ => {
                    let progress = settle(&mut follower, &mut source);
                    reorgs += u64::from(progress.taken_back > 0);
                    let blocks = blocks_to(&mut source, tip);
                    if blocks.len() as u64 == store.head().len {
                        check(&store, &blocks);
                        assert_eq!(progress.claim, *claims(&blocks).last().unwrap());
                    }
                }
            }
        }
        // A last block, so that the log cannot be ahead of the source.
        for block in branch(tip, (0..9).map(|at| at | 1 << 63), 0) {
            tip = source.push(block).unwrap();
        }
        settle(&mut follower, &mut source);
        check(&store, &blocks_to(&mut source, tip));
        trees += 1;
    });
    assert!(trees == 1 || reorgs > 100, "{reorgs} reorgs were tested");
}

#[test]
fn a_source_that_is_behind_is_waited_for() {
    let blocks = chain(6, 0);
    let mut source = source_of(&blocks, 0);
    let store = Arc::new(Memory::default());
    let mut follower = follower(&store, small(0));
    let progress = settle(&mut follower, &mut source);
    assert_eq!((progress.height, progress.tip), (Some(6), 6));
    source.set_tip(block::name(&blocks[2])).unwrap();
    let waiting = follower.round(&mut source).unwrap();
    assert_eq!(
        (waiting.height, waiting.tip, waiting.taken_back),
        (Some(6), 2, 0)
    );
    assert!(waiting.done);
    check(&store, &blocks);
    // Shorter, and another chain: that is a reorg.
    let other = branch(block::name(&blocks[3]), [100], 0);
    let tip = source.push(other[0].clone()).unwrap();
    let progress = settle(&mut follower, &mut source);
    assert_eq!((progress.height, progress.taken_back), (Some(4), 3));
    check(&store, &blocks_to(&mut source, tip));
}

#[test]
fn the_first_block_and_the_last_are_chosen() {
    let blocks = chain(9, 0);
    let mut source = source_of(&blocks[4..], 4);
    let store = Arc::new(Memory::default());
    let stop_at = Some(7);
    let mut follower = follower(
        &store,
        Options {
            stop_at,
            ..small(5)
        },
    );
    let progress = settle(&mut follower, &mut source);
    assert_eq!((progress.height, progress.tip), (Some(7), 9));
    check(&store, &blocks[5..8]);
    let mut later = self::follower(&Arc::new(Memory::default()), small(20));
    let progress = later.round(&mut source).unwrap();
    assert_eq!(
        (progress.height, progress.tip, progress.done),
        (None, 9, true)
    );
}

#[test]
fn reorgs_that_are_refused() {
    let blocks = chain(20, 0);
    // (blocks taken back, the depth allowed, whether it is followed)
    let cases = [(8, 8, true), (9, 8, false), (1, 0, false), (19, 19, true)];
    for (depth, kept_depth, followed) in cases {
        let mut source = source_of(&blocks, 0);
        let store = Arc::new(Memory::default());
        let options = Options {
            kept_depth,
            ..small(0)
        };
        let mut follower = follower(&store, options);
        settle(&mut follower, &mut source);
        let parent = block::name(&blocks[20 - depth]);
        for block in branch(parent, 1000..1030, 0) {
            source.push(block).unwrap();
        }
        match follower.round(&mut source) {
            Ok(progress) => {
                assert!(followed, "{depth}");
                assert_eq!(progress.taken_back as usize, depth);
            }
            Err(error @ FollowError::TooDeep { .. }) => {
                assert!(!followed, "{depth}");
                let text = error.to_string();
                let at = 20 - kept_depth;
                let theirs = source.hash_at(at).unwrap().unwrap();
                for name in [theirs, block::name(&blocks[at as usize])] {
                    assert!(text.contains(&avm_bitcoin::source::hex(&name)), "{text}");
                }
                // Refused means untouched.
                check(&store, &blocks);
            }
            Err(other) => panic!("{depth}: {other}"),
        }
    }
    // Another chain altogether.
    let mut source = source_of(&branch([7; 32], 0..3, 0), 0);
    let store = Arc::new(Memory::default());
    let mut follower = follower(&store, small(0));
    settle(&mut follower, &mut source_of(&blocks[..3], 0));
    let error = follower.round(&mut source).unwrap_err();
    assert!(
        matches!(error, FollowError::OtherChain { at: 0, .. }),
        "{error}"
    );
    check(&store, &blocks[..3]);
}

/// Whoever follows must hear of a reorg, even if the source fails in the middle of it.
#[test]
fn a_reorg_is_told_of_after_a_round_that_failed() {
    let blocks = chain(10, 0);
    let mut source = source_of(&blocks, 0);
    let store = Arc::new(Memory::default());
    let mut follower = follower(&store, small(0));
    settle(&mut follower, &mut source);
    let new = branch(block::name(&blocks[5]), 500..507, 0);
    for block in &new {
        source.push(block.clone()).unwrap();
    }
    let tip = source.tip().unwrap().hash;
    source.forget(block::name(&new[0]));
    let error = follower.round(&mut source).unwrap_err();
    assert!(
        matches!(error, FollowError::Source(SourceError::Missing { .. })),
        "{error}"
    );
    source.add(new[0].clone()).unwrap();
    source.set_tip(tip).unwrap();
    assert_eq!(follower.round(&mut source).unwrap().taken_back, 5);
    assert_eq!(settle(&mut follower, &mut source).taken_back, 0);
    check(&store, &blocks_to(&mut source, tip));
}

/// A source whose chain changes at a chosen call.
struct Moving {
    inner: MemorySource,
    calls: u64,
    at: u64,
    then: BlockHash,
    /// Also the blocks of the old branch are gone.
    forget: Vec<BlockHash>,
}

impl Moving {
    fn count(&mut self) {
        if self.calls == self.at {
            self.inner.set_tip(self.then).unwrap();
            for name in &self.forget {
                self.inner.forget(*name);
            }
        }
        self.calls += 1;
    }
}

impl Source for Moving {
    fn tip(&mut self) -> Result<Tip, SourceError> {
        self.count();
        self.inner.tip()
    }

    fn hash_at(&mut self, height: u32) -> Result<Option<BlockHash>, SourceError> {
        self.count();
        self.inner.hash_at(height)
    }

    fn block(&mut self, hash: BlockHash) -> Result<RawBlock, SourceError> {
        self.count();
        self.inner.block(hash)
    }
}

#[test]
fn the_chain_changes_at_any_call() {
    let old = chain(10, 0);
    let fork = block::name(&old[5]);
    let mut tested = 0;
    for new_len in [2, 5, 8] {
        for forgets in [false, true] {
            for at in 0.. {
                let mut inner = source_of(&old, 0);
                let new = branch(fork, 500..500 + new_len, 0);
                for block in &new {
                    inner.push(block.clone()).unwrap();
                }
                let then = inner.tip().unwrap().hash;
                inner.set_tip(block::name(&old[7])).unwrap();
                let forget = match forgets {
                    true => old[6..].iter().map(|block| block::name(block)).collect(),
                    false => Vec::new(),
                };
                let store = Arc::new(Memory::default());
                let mut follower = follower(&store, small(0));
                settle(&mut follower, &mut inner);
                inner.set_tip(block::name(&old[10])).unwrap();
                let (calls, forget) = (0, forget);
                let mut source = Moving {
                    inner,
                    calls,
                    at,
                    then,
                    forget,
                };
                settle(&mut follower, &mut source);
                if source.calls <= at {
                    break;
                }
                let progress = settle(&mut follower, &mut source);
                assert_eq!(progress.height, Some(5 + new_len as u32), "call {at}");
                let all: Vec<_> = old[..6].iter().chain(&new).cloned().collect();
                check(&store, &all);
                tested += 1;
            }
        }
    }
    assert!(tested > 40, "{tested} calls");
}

#[test]
fn a_block_the_source_names_and_does_not_have() {
    let blocks = chain(4, 0);
    let mut source = source_of(&blocks, 0);
    let gone = block::name(&blocks[3]);
    source.forget(gone);
    let store = Arc::new(Memory::default());
    let mut follower = follower(&store, small(0));
    assert_eq!(follower.round(&mut source).unwrap().height, Some(2));
    let error = follower.round(&mut source).unwrap_err();
    let missing = SourceError::Missing { hash: gone };
    assert_eq!(error.to_string(), missing.to_string());
    check(&store, &blocks[..3]);
}

#[test]
fn a_machine_that_halts_says_so_until_the_block_is_taken_back() {
    let mut blocks = chain(2, 0);
    blocks.extend(branch(block::name(&blocks[2]), [HALT, 4, 5], 0));
    let mut source = source_of(&blocks, 0);
    let store = Arc::new(Memory::default());
    let mut follower = follower(
        &store,
        Options {
            batch_blocks: 10,
            ..small(0)
        },
    );
    for _ in 0..3 {
        let error = follower.round(&mut source).unwrap_err();
        assert!(
            matches!(error, FollowError::Halted { inputs: 4 }),
            "{error}"
        );
    }
    let mut good = blocks[..3].to_vec();
    good.extend(branch(block::name(&good[2]), 10..15, 0));
    for block in &good[3..] {
        source.push(block.clone()).unwrap();
    }
    settle(&mut follower, &mut source);
    check(&store, &good);
}

#[test]
fn the_roots_are_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("store");
    let store = Arc::new(Store::create(&dir, Arc::new(Fold), IMAGE).unwrap());
    let blocks = chain(7, 0);
    let mut source = source_of(&blocks, 0);
    let mut follower = Follower::open(&store, Arc::new(Fold), small(0)).unwrap();
    settle(&mut follower, &mut source);
    let new = branch(block::name(&blocks[4]), 90..95, 0);
    for block in &new {
        source.push(block.clone()).unwrap();
    }
    settle(&mut follower, &mut source);
    drop((follower, store));
    let mut reader = LogReader::open(&Store::log_path(&dir)).unwrap();
    let mut found: Vec<Claim> = Vec::new();
    while let Some((_, record)) = reader.next_record().unwrap() {
        match record {
            Record::Claim(claim) => found.push(claim),
            Record::Truncate(head) => found.retain(|claim| claim.inputs <= head.len),
            _ => {}
        }
    }
    let chain: Vec<_> = blocks[..5].iter().chain(&new).cloned().collect();
    let want = claims(&chain);
    // The first one is of the steps before the first block.
    assert_eq!(found[0].inputs, 0);
    assert_eq!(found[1..], want);
}

#[test]
fn reopening_may_be_somebody_elses() {
    let blocks = chain(20, 0);
    let mut source = source_of(&blocks, 0);
    let store = Arc::new(Memory::default());
    let mut follower = follower(&store, small(0));
    let (send, opened) = std::sync::mpsc::channel();
    follower.reopen_with(Box::new(move |machine, state, nodes| {
        drop(machine);
        send.send(state).unwrap();
        Fold.open(state, nodes)
    }));
    settle(&mut follower, &mut source);
    check(&store, &blocks);
    let states: Vec<_> = claims(&blocks).iter().map(|claim| claim.state).collect();
    let opened: Vec<_> = opened.try_iter().collect();
    // Batches of 3 blocks, opened again when 4 have passed.
    assert_eq!(opened, [states[5], states[11], states[17]]);
}

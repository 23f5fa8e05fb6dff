//! Blocks that are refused, and what blocks leave behind. Spec: section 16.

use avm_atomicals::Rules;
use avm_atomicals::index::receipt::{BlockRefusal, Settled};
use avm_atomicals::index::sample::{self, Census, Tx};
use avm_atomicals::index::{Index, Network, Params, Receipt};
use avm_atomicals::script::digest::{hash256, sha256};
use avm_core::{Bytes, Machine, MemoryNodes};
use avm_regtest::Operation;
use avm_regtest::bitcoin::hashes::Hash as _;

use crate::bed::{Bed, Feed};

/// A chain with an operation, then one more block with a reveal.
fn chain() -> (Bed, Vec<Bytes>) {
    let mut bed = Bed::new(&Rules::AVM1);
    bed.op(Operation::ft("gold"));
    bed.mine();
    bed.op(Operation::nft());
    bed.mine();
    let blocks = bed.blocks();
    (bed, blocks)
}

#[test]
fn blocks_that_do_not_follow_are_counted_and_change_nothing() {
    let (_, blocks) = chain();
    let good = &blocks[1];
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.to_vec();
        change(&mut bytes);
        bytes
    };
    let mined = |change: &dyn Fn(&mut Vec<u8>)| {
        changed(&|bytes| {
            change(bytes);
            sample::mine(bytes);
        })
    };
    let witness = find(good, b"atom\x03nft");
    use BlockRefusal::{Malformed, Parent};
    let cases: Vec<(&str, Vec<u8>, BlockRefusal)> = vec![
        ("nothing", vec![], Malformed),
        ("another parent", mined(&|bytes| bytes[4] ^= 1), Parent),
        ("the block before", blocks[0].to_vec(), Parent),
        (
            "another Merkle root",
            mined(&|bytes| bytes[36] ^= 1),
            Malformed,
        ),
        (
            "another transaction",
            changed(&|bytes| *bytes.last_mut().unwrap() ^= 1),
            Malformed,
        ),
        (
            "another witness",
            changed(&|bytes| bytes[witness + 6] ^= 1),
            Malformed,
        ),
        ("no work", changed(&|bytes| no_work(bytes)), Malformed),
        ("a target of nothing", mined_like(good), Malformed),
        (
            "bytes behind it",
            changed(&|bytes| bytes.push(0)),
            Malformed,
        ),
        (
            "a byte less",
            changed(&|bytes| bytes.truncate(bytes.len() - 1)),
            Malformed,
        ),
        (
            "half of it",
            changed(&|bytes| bytes.truncate(bytes.len() / 2)),
            Malformed,
        ),
        ("a header", changed(&|bytes| bytes.truncate(80)), Malformed),
    ];
    let (bed, _) = chain();
    let vm = Index::default();
    let mut clean = vm.load(&bed.params);
    let mut feed = Feed {
        inputs: blocks.clone().into(),
        ..Feed::default()
    };
    clean.run(u64::MAX, &mut feed).unwrap();

    let mut machine = vm.load(&bed.params);
    let mut feed = Feed::default();
    feed.inputs.push_back(blocks[0].clone());
    machine.run(u64::MAX, &mut feed).unwrap();
    let (tip, chains, items) = (machine.tip(), machine.chains(), machine.counts().0);
    let census = Census::of(&mut machine).unwrap();
    for (number, (name, bytes, want)) in cases.iter().enumerate() {
        feed.receipts.clear();
        feed.inputs.push_back(Bytes::from(&bytes[..]));
        assert_eq!(machine.run(u64::MAX, &mut feed).unwrap().steps, 1, "{name}");
        assert_eq!(feed.receipts, [Receipt::Refused(*want)], "{name}");
        assert_eq!((machine.tip(), machine.chains()), (tip, chains), "{name}");
        assert_eq!(machine.counts(), (items, number as u64 + 1), "{name}");
        assert_eq!(machine.in_work(), None, "{name}");
    }
    assert_eq!(Census::of(&mut machine).unwrap(), census);
    // The right one is taken afterwards, and only the count tells the two apart.
    feed.receipts.clear();
    feed.inputs.push_back(good.clone());
    machine.run(u64::MAX, &mut feed).unwrap();
    assert!(matches!(feed.receipts.last(), Some(Receipt::Block(_))));
    assert_eq!(
        (machine.tip(), machine.chains()),
        (clean.tip(), clean.chains())
    );
    assert_eq!(
        Census::of(&mut machine).unwrap(),
        Census::of(&mut clean).unwrap()
    );
    assert_ne!(machine.state_hash(), clean.state_hash());
}

fn find(bytes: &[u8], part: &[u8]) -> usize {
    let mut windows = bytes.windows(part.len());
    windows
        .position(|window| window == part)
        .expect("it is there")
}

/// A nonce that shows no work.
fn no_work(bytes: &mut [u8]) {
    while hash256(&bytes[..80])[31] < 0x80 {
        bytes[76] = bytes[76].wrapping_add(1);
    }
}

/// A block whose header names the target zero.
fn mined_like(good: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    bytes[72..76].fill(0);
    bytes
}

/// Any block may be the first if the parameters name none, and only one if they do.
#[test]
fn the_first_block_follows_the_one_the_parameters_name() {
    let (bed, blocks) = chain();
    let parent = bed
        .chain
        .block(bed.params.start - 1)
        .expect("the one before");
    let parent = parent.block_hash().to_byte_array();
    for (before, taken) in [([0; 32], true), (parent, true), ([7; 32], false)] {
        let params = Params {
            before,
            ..bed.params
        };
        let mut machine = Index::default().load(&params);
        let mut feed = Feed {
            inputs: blocks.clone().into(),
            ..Feed::default()
        };
        machine.run(u64::MAX, &mut feed).unwrap();
        assert_eq!(machine.height().is_some(), taken);
        assert_eq!(
            machine.counts().1,
            if taken { 0 } else { blocks.len() as u64 }
        );
    }
}

/// T(h): the block, T before it, and the transactions with an operation that had its effect.
#[test]
fn the_chain_of_block_hashes_is_that_of_the_specification() {
    let mut bed = Bed::new(&Rules::AVM1);
    bed.params.heights.base = bed.params.start;
    let first = bed.op(Operation::ft("gold"));
    bed.op(Operation::splat());
    bed.mine();
    bed.mine();
    let [one, two] = [(); 2].map(|()| bed.op(Operation::nft()));
    bed.mine();
    let indexed = bed.index();
    let mut t: Option<[u8; 32]> = None;
    let mut s = [0; 32];
    let operations = [vec![&first], vec![], vec![&one, &two]];
    for (receipt, operations) in indexed.block_receipts().zip(operations) {
        let block = bed.chain.block(receipt.height).expect("a block");
        let name = block.block_hash().to_byte_array();
        let mut bytes = name.to_vec();
        bytes.extend(t.iter().flatten());
        for published in operations {
            bytes.extend(published.reveal.compute_txid().to_byte_array());
        }
        t = Some(hash256(&bytes));
        s = sha256(&[s, name].concat());
        assert_eq!(Some(receipt.blocks_chain), t, "height {}", receipt.height);
        assert_eq!(receipt.states_chain, s, "height {}", receipt.height);
    }
    let counts: Vec<_> = indexed
        .block_receipts()
        .map(|b| (b.operations, b.refused))
        .collect();
    assert_eq!(counts, [(1, 1), (0, 0), (2, 0)]);
}

/// Bitcoin refuses such transactions; a block from elsewhere may have them, and is indexed.
#[test]
fn a_mint_without_outputs_is_refused() {
    use avm_atomicals::index::receipt::Refusal;
    let (first, hash, coinbase) = sample::block(&[0; 32], 1, 0, &[(546, vec![0x51])], &[]);
    let mint = Tx::spending(&[coinbase.outpoint(0)]).envelope(0, "nft", &[0xa0]);
    let (second, ..) = sample::block(&hash, 2, 0, &[], &[mint]);
    let mut machine = Index::default().load(&Params::new(Network::Regtest, &Rules::AVM1));
    let mut feed = Feed {
        inputs: [first.into(), second.into()].into(),
        ..Feed::default()
    };
    machine.run(u64::MAX, &mut feed).unwrap();
    let Receipt::Operation(receipt) = feed.receipts[1] else {
        panic!("{:?}", feed.receipts)
    };
    assert_eq!(receipt.settled, Settled::Refused(Refusal::NoOutputs));
}

/// Bitcoin refuses what spends an output twice; whoever makes blocks that nobody checked can do it, and
/// must neither make a second item of one name nor stop the index.
#[test]
fn a_commit_is_revealed_once() {
    use avm_atomicals::index::receipt::Refusal;
    let bank = sample::cbor::map(&[
        ("p", sample::cbor::text("bank")),
        ("code", sample::cbor::bytes(&sample::bank())),
    ]);
    let new = sample::cbor::map(&[
        ("p", sample::cbor::text("bank")),
        (
            "u",
            sample::cbor::bytes(&sample::unlock(&[], sample::Method::Rest)),
        ),
    ]);
    for (operation, payload) in [("nft", vec![0xa0]), ("new", new)] {
        let rewards = [(546, vec![0x51]), (546, vec![0x51])];
        let (first, mut hash, coinbase) = sample::block(&[0; 32], 1, 0, &rewards, &[]);
        let def = Tx::spending(&[coinbase.outpoint(0)]).envelope(0, "def", &bank);
        let mut blocks = vec![first];
        for height in 2..6 {
            let txs: &[Tx] = if height == 2 {
                &[def.clone().output(1, &[0x51])]
            } else {
                &[]
            };
            let (block, name, _) = sample::block(&hash, height, 0, &[], txs);
            (hash, _) = (name, blocks.push(block));
        }
        let commit = coinbase.outpoint(1);
        let reveal = Tx::spending(&[commit]).envelope(0, operation, &payload);
        let reveal = reveal.output(1 << 63, &[0x51]);
        let again = Tx::spending(&[commit, reveal.outpoint(0)]).envelope(0, operation, &payload);
        let again = again.output(1 << 63, &[0x51]);
        let (block, ..) = sample::block(&hash, 6, 0, &[], &[reveal, again]);
        blocks.push(block);
        let mut machine = Index::default().load(&Params::new(Network::Regtest, &Rules::AVM1));
        let inputs = blocks.into_iter().map(Bytes::from).collect();
        let mut feed = Feed {
            inputs,
            ..Feed::default()
        };
        machine.run(u64::MAX, &mut feed).unwrap();
        let settled = |receipt: &Receipt| match receipt {
            Receipt::Operation(receipt) => Some(receipt.settled),
            _ => None,
        };
        let settled: Vec<_> = feed.receipts.iter().filter_map(settled).collect();
        let want = [
            Settled::Done,
            Settled::Done,
            Settled::Refused(Refusal::Revealed),
        ];
        assert_eq!(settled, want, "{operation}");
        Census::of(&mut machine).unwrap();
    }
}

/// What is behind the window is forgotten, and a state has no trace of it.
#[test]
fn the_window_has_101_blocks_or_as_many_as_scripts_see() {
    for window in [1, 150] {
        let mut bed = Bed::new(&Rules::AVM1);
        bed.params.header_window = window;
        bed.op(Operation::nft());
        bed.bury(160);
        let mut indexed = bed.index();
        // It checks the rows of blocks against the window.
        Census::of(&mut indexed.machine).unwrap();
        let mut nodes = MemoryNodes::default();
        let root = indexed.machine.save(&mut nodes).unwrap();
        assert_eq!(root, indexed.machine.state_hash());
    }
}

/// Blocks from height 1 on, each with these transactions behind its coinbase. The first coinbase has the
/// outputs that `rewards` names.
fn blocks(rewards: &[(u64, Vec<u8>)], txs: impl Fn(&Tx, u32) -> Vec<Tx>, last: u32) -> Vec<Bytes> {
    let (first, mut hash, coinbase) = sample::block(&[0; 32], 1, 0, rewards, &[]);
    let mut blocks = vec![Bytes::from(first)];
    for height in 2..=last {
        let (block, name, _) = sample::block(&hash, height, 0, &[], &txs(&coinbase, height));
        hash = name;
        blocks.push(block.into());
    }
    blocks
}

fn feed(blocks: &[Bytes]) -> Feed {
    Feed {
        inputs: blocks.iter().cloned().collect(),
        ..Feed::default()
    }
}

/// Bitcoin refuses a transaction that spends an output twice; whoever makes blocks that nobody checked can
/// have one, and it must not double the tokens.
#[test]
fn an_output_that_a_transaction_spends_twice_counts_once() {
    let payload = sample::cbor::map(&[(
        "args",
        sample::cbor::map(&[("request_ticker", sample::cbor::text("gold"))]),
    )]);
    let gold = |coinbase: &Tx| {
        let gold = Tx::spending(&[coinbase.outpoint(0)]).envelope(0, "ft", &payload);
        gold.output(1_000, &[0x51])
    };
    let twice = |coinbase: &Tx| {
        let held = gold(coinbase).outpoint(0);
        Tx::spending(&[held, held]).output(5_000, &[0x52])
    };
    let txs = |coinbase: &Tx, height| match height {
        2 => vec![gold(coinbase)],
        _ => vec![twice(coinbase)],
    };
    let rewards = [(5_000, vec![0x51])];
    let blocks = blocks(&rewards, txs, 3);
    let mut machine = Index::default().load(&Params::new(Network::Regtest, &Rules::AVM1));
    machine.run(u64::MAX, &mut feed(&blocks)).unwrap();
    let census = Census::of(&mut machine).unwrap();
    let units: Vec<u128> = census.units.values().copied().collect();
    assert_eq!(units, [1_000]);
}

/// A node that is not there is an error of the step that needs it, and never a panic of who asks for the
/// hash of the state after it.
#[test]
fn a_step_that_publishes_a_protocol_reads_all_it_needs() {
    use avm_testkit::watch::RecordingNodes;
    use std::sync::Arc;
    let def = |name: &str| {
        sample::cbor::map(&[
            ("p", sample::cbor::text(name)),
            ("code", sample::cbor::bytes(&sample::bank())),
        ])
    };
    let rest = sample::unlock(&[], sample::Method::Rest);
    let new = sample::cbor::map(&[
        ("p", sample::cbor::text("bank")),
        ("u", sample::cbor::bytes(&rest)),
    ]);
    let txs = |coinbase: &Tx, height| {
        let reveal = |vout, operation, payload| {
            let tx = Tx::spending(&[coinbase.outpoint(vout)]);
            vec![tx.envelope(0, operation, payload).output(546, &[0x51])]
        };
        match height {
            2 => reveal(0, "def", &def("bank")),
            5 => reveal(1, "new", &new),
            // A name is asked for, so the commit is young.
            6 => {
                let commit = Tx::spending(&[coinbase.outpoint(2)]).output(546, &[0x51]);
                let tx = Tx::spending(&[commit.outpoint(0)]);
                let tx = tx.envelope(0, "def", &def("other"));
                vec![commit, tx.output(546, &[0x51])]
            }
            _ => vec![],
        }
    };
    let rewards = [1, 2, 3].map(|_| (546, vec![0x51]));
    let blocks = blocks(&rewards, txs, 6);
    let vm = Index::default();
    let mut machine = vm.load(&Params::new(Network::Regtest, &Rules::AVM1));
    machine.run(u64::MAX, &mut feed(&blocks[..5])).unwrap();
    // The block, its coinbase, the commit.
    machine.run(3, &mut feed(&blocks[5..])).unwrap();
    assert_eq!(machine.in_work(), Some((6, 2, 3)));
    let mut nodes = MemoryNodes::default();
    let before = machine.save(&mut nodes).unwrap();
    let mut receipts = Feed::default();
    machine.run(1, &mut receipts).unwrap();
    assert!(
        matches!(receipts.receipts[..], [Receipt::Operation(of)] if of.settled == Settled::Done)
    );
    let nodes = RecordingNodes::new(Arc::new(nodes));
    let mut opened = vm.open(before, nodes.clone()).unwrap();
    opened.run(1, &mut Feed::default()).unwrap();
    let read = nodes.read();
    // A hash is made of what was read.
    let mut alone = vm.open(before, Arc::new(read.clone())).unwrap();
    alone.run(1, &mut Feed::default()).unwrap();
    assert_eq!(alone.state_hash(), machine.state_hash());
    assert_eq!(opened.state_hash(), machine.state_hash());
    assert_eq!(
        nodes.read().len(),
        read.len(),
        "asking for a hash reads nothing"
    );
}

/// S is zero before the height of operations, wherever an index starts.
#[test]
fn the_chain_of_states_begins_at_the_first_height_of_operations() {
    let rewards = [(546, vec![0x51])];
    let blocks = blocks(&rewards, |_, _| vec![], 6);
    let chains = [1, 3, 5].map(|start| {
        let mut params = Params::new(Network::Regtest, &Rules::AVM1);
        params.heights.base = 5;
        params.start = start;
        let mut machine = Index::default().load(&params);
        let mut feed = feed(&blocks[start as usize - 1..]);
        machine.run(u64::MAX, &mut feed).unwrap();
        assert_eq!(machine.height(), Some(6));
        machine.chains()
    });
    assert_eq!(chains[0], chains[2]);
    assert_eq!(chains[1], chains[2]);
}

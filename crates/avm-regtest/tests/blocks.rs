//! Blocks are as Bitcoin has them, and what is not is refused.

use avm_regtest::bitcoin::consensus::{deserialize, serialize};
use avm_regtest::bitcoin::constants::genesis_block;
use avm_regtest::bitcoin::hashes::Hash;
use avm_regtest::bitcoin::hex::FromHex;
use avm_regtest::bitcoin::{
    Amount, Block, BlockHash, CompactTarget, Denomination, Network, TxMerkleNode, Work,
};
use avm_regtest::walk::Walk;
use avm_regtest::{BlockError, Chain, ChainError, Event, Key, Operation, Publish};

/// What can be said of a block on its own.
fn validate(block: &Block, height: u32) {
    let bytes = serialize(block);
    let parsed: Block = deserialize(&bytes).expect("a block");
    assert_eq!(&parsed, block);
    assert_eq!(
        parsed.header.bits,
        CompactTarget::from_consensus(0x207f_ffff)
    );
    let hash = parsed.header.validate_pow(parsed.header.target());
    assert_eq!(hash, Ok(block.block_hash()), "proof of work");
    assert!(parsed.check_merkle_root(), "merkle root of {height}");
    assert!(
        parsed.check_witness_commitment(),
        "witness commitment of {height}"
    );
    if height > 16 {
        assert_eq!(parsed.bip34_block_height(), Ok(height.into()));
    }
    let coinbase = &parsed.txdata[0];
    assert!(coinbase.is_coinbase());
    let commitments = coinbase.output.iter();
    let commitments = commitments.filter(|output| output.script_pubkey.is_op_return());
    assert_eq!(commitments.count(), usize::from(height > 0));
}

#[test]
fn every_block_stands_on_its_own() {
    let mut walk = Walk::new(1);
    for _ in 0..200 {
        // A step may find no funds; blocks are what is looked at.
        drop(walk.step());
    }
    let blocks = walk.chain.blocks();
    assert_eq!(blocks[0], genesis_block(Network::Regtest));
    assert!(blocks.iter().any(|block| block.txdata.len() > 5));
    for (height, block) in (0..).zip(blocks) {
        validate(block, height);
        assert_eq!(walk.chain.block_bytes(height), Some(serialize(block)));
    }
    for pair in blocks.windows(2) {
        assert_eq!(pair[1].header.prev_blockhash, pair[0].block_hash());
        assert!(pair[1].header.time >= pair[0].header.time + 600);
    }
    assert_eq!(walk.chain.block_bytes(walk.chain.height() + 1), None);
}

#[test]
fn the_same_calls_give_the_same_bytes() {
    let walk = |seed| {
        let mut walk = Walk::new(seed);
        let steps: Vec<_> = (0..100).map(|_| walk.step()).collect();
        (steps, walk.chain.tip_hash())
    };
    assert_eq!(walk(7), walk(7));
    assert_ne!(walk(7), walk(8));
}

#[test]
fn rewards_halve() {
    let mut chain = Chain::new();
    chain.mine_empty(451);
    let reward = |height| chain.block(height).expect("mined").txdata[0].output[0].value;
    let cases = [
        (149, "50"),
        (150, "25"),
        (299, "25"),
        (300, "12.5"),
        (449, "12.5"),
        (450, "6.25"),
    ];
    for (height, want) in cases {
        let want = Amount::from_str_in(want, Denomination::Bitcoin);
        assert_eq!(Ok(reward(height)), want, "{height}");
    }
}

#[test]
fn the_clock_goes_as_told() {
    let mut chain = Chain::new();
    let genesis = chain.tip().header.time;
    assert_eq!(chain.mine().header.time, genesis + 600);
    chain.warp(86_400);
    chain.warp(1);
    assert_eq!(chain.mine().header.time, genesis + 87_601);
    assert_eq!(chain.mine().header.time, genesis + 88_201);
}

#[test]
fn events_say_what_happened() {
    let mut chain = Chain::new();
    chain.mine_empty(3);
    let hash = |chain: &Chain, height| chain.block(height).expect("mined").block_hash();
    let [one, two, three] = [1, 2, 3].map(|height| hash(&chain, height));
    chain.reorg(2).expect("deep enough");
    chain.mine();
    let new = hash(&chain, 2);
    assert_ne!(new, two);
    let want = [
        Event::Connected(1, one),
        Event::Connected(2, two),
        Event::Connected(3, three),
        Event::Disconnected(3, three),
        Event::Disconnected(2, two),
        Event::Connected(2, new),
    ];
    assert_eq!(chain.take_events(), want);
    assert_eq!(chain.take_events(), []);
    let error = ChainError::Depth {
        depth: 3,
        height: 2,
    };
    assert_eq!(chain.reorg(3), Err(error));
    assert_eq!(chain.reorg(0), Ok(vec![]));
    assert_eq!(chain.reorg(2), Ok(vec![]));
    assert_eq!(
        (chain.height(), chain.coins(&chain.miner()).count()),
        (0, 0)
    );
}

/// Gives a changed block its proof of work back.
fn work(mut block: Block) -> Block {
    while !block.header.target().is_met_by(block.block_hash()) {
        block.header.nonce += 1;
    }
    block
}

/// As [`work`], with the merkle root of the transactions.
fn root(mut block: Block) -> Block {
    block.header.merkle_root = block.compute_merkle_root().expect("not empty");
    work(block)
}

#[test]
fn broken_blocks_are_refused() {
    let key = Key::from_seed("a");
    let mut chain = Chain::funded();
    let paid = chain.fund(&key, 10_000).expect("funded");
    let good = chain.assemble(vec![paid.clone()]);
    let median = chain.block(105).expect("mined").header.time;
    let changed = |change: &dyn Fn(&mut Block)| {
        let mut block = good.clone();
        change(&mut block);
        block
    };
    let lazy = {
        let mut block = good.clone();
        while block.header.target().is_met_by(block.block_hash()) {
            block.header.nonce += 1;
        }
        block
    };
    let easy = work(changed(&|block| {
        block.header.bits = CompactTarget::from_consensus(0x2100_ffff)
    }));
    let foreign = work(changed(&|block| {
        block.header.prev_blockhash = paid_parent(&chain)
    }));
    let allowed = good.txdata[0].output[0].value.to_sat();
    let fee = allowed - 5_000_000_000;
    assert!(fee > 0);
    let cases: [(&str, Block, BlockError); 12] = [
        ("no work", lazy.clone(), BlockError::Work(lazy.block_hash())),
        (
            "another target",
            easy.clone(),
            BlockError::Work(easy.block_hash()),
        ),
        (
            "another parent",
            foreign.clone(),
            BlockError::Parent {
                found: foreign.header.prev_blockhash,
                tip: chain.tip_hash(),
            },
        ),
        (
            "too early",
            work(changed(&|block| block.header.time = median)),
            BlockError::Time {
                found: median,
                median,
            },
        ),
        (
            "no transactions",
            changed(&|block| block.txdata.clear()),
            BlockError::Coinbase { height: 111 },
        ),
        (
            "no coinbase",
            root(changed(&|block| drop(block.txdata.remove(0)))),
            BlockError::Coinbase { height: 111 },
        ),
        (
            "another height",
            root(changed(&|block| {
                let script = chain.tip().txdata[0].input[0].script_sig.clone();
                block.txdata[0].input[0].script_sig = script;
            })),
            BlockError::Coinbase { height: 111 },
        ),
        (
            "another root",
            work(changed(&|block| {
                block.header.merkle_root = TxMerkleNode::all_zeros()
            })),
            BlockError::MerkleRoot,
        ),
        (
            "a transaction more than the root has",
            changed(&|block| block.txdata.push(paid.clone())),
            BlockError::MerkleRoot,
        ),
        (
            "another witness",
            root(changed(&|block| block.txdata[1].input[0].witness.push([1]))),
            BlockError::WitnessCommitment,
        ),
        (
            "a reward beyond the fees",
            root(changed(&|block| {
                block.txdata[0].output[0].value += Amount::ONE_SAT
            })),
            BlockError::Reward {
                taken: allowed + 1,
                allowed,
            },
        ),
        (
            "a second spend",
            chain.assemble(vec![paid.clone(), paid.clone()]),
            BlockError::Transaction {
                txid: paid.compute_txid(),
                source: ChainError::Missing(paid.input[0].previous_output),
            },
        ),
    ];
    let before = format!("{chain:?}");
    for (name, block, want) in cases {
        assert_eq!(chain.connect(block), Err(want), "{name}");
        assert_eq!(format!("{chain:?}"), before, "{name}");
    }
    chain.connect(good).expect("a good block");
    assert_eq!(chain.mempool().count(), 0);
}

fn paid_parent(chain: &Chain) -> BlockHash {
    chain.block(109).expect("mined").block_hash()
}

#[test]
fn a_block_has_no_room_for_everything() {
    let mut chain = Chain::funded();
    let key = Key::from_seed("large");
    chain.fund(&key, 100_000_000).expect("funded");
    chain.mine();
    let large = Operation::def("large", &[0; 900_000]);
    for _ in 0..6 {
        chain
            .publish(&Publish::new(&key, large.clone()))
            .expect("funded");
    }
    let all: Vec<_> = chain.mempool().cloned().collect();
    assert!(matches!(
        chain.mine_with(all),
        Err(BlockError::Heavy { .. })
    ));
    let mut counts = vec![];
    while chain.mempool().count() > 0 {
        let block = chain.mine();
        assert!(block.weight().to_wu() <= 4_000_000);
        counts.push(block.txdata.len() - 1);
    }
    assert_eq!(counts, [9, 3]);
}

/// Bitcoin Core wrote this header: the genesis block is not ours alone.
#[test]
fn genesis_is_that_of_bitcoin() {
    let hash = "06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f";
    let bytes = Vec::<u8>::from_hex(hash).expect("hex");
    assert_eq!(Chain::new().tip_hash().as_byte_array()[..], bytes);
    let work: Work = Chain::new().tip().header.work();
    assert_eq!(work.to_be_bytes()[31], 2);
}

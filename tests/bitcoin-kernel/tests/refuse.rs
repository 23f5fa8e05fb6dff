//! What is wrong is refused, by the kernel and, scripts apart, by the chain.

use avm_regtest::bitcoin::absolute::LockTime;
use avm_regtest::bitcoin::consensus::{deserialize, serialize};
use avm_regtest::bitcoin::hashes::Hash;
use avm_regtest::bitcoin::transaction::Version;
use avm_regtest::bitcoin::{
    Amount, Block, BlockHash, CompactTarget, OutPoint, Sequence, Transaction, TxIn, TxOut, Witness,
};
use avm_regtest::{Chain, ChainError, Coin, Key, Operation, Publish, Published};
use avm_test_bitcoin_kernel::{Kernel, Verdict};
use bitcoinkernel::BlockValidationResult::{Consensus, InvalidHeader, MissingPrev, Mutated};
use proptest::prelude::*;

fn start() -> (Kernel, Chain, Key) {
    let kernel = Kernel::new().expect("the kernel begins");
    let mut chain = Chain::funded();
    let alice = Key::from_seed("alice");
    for _ in 0..8 {
        chain.fund(&alice, 100_000).expect("funded");
        chain.warp(5_000);
        chain.mine();
    }
    for height in 1..=chain.height() {
        let block = chain.block_bytes(height).expect("below the tip");
        assert_eq!(kernel.process(&block), Verdict::Fine);
    }
    (kernel, chain, alice)
}

/// Whether each of them makes the block its tip.
fn taken(kernel: &Kernel, chain: &mut Chain, block: &Block) -> (bool, bool) {
    kernel.process(&serialize(block));
    let by_chain = chain.connect(block.clone()).is_ok();
    (kernel.tip().1 == block.block_hash(), by_chain)
}

/// Gives a changed block its proof of work back.
fn work(mut block: Block) -> Block {
    while !block.header.target().is_met_by(block.block_hash()) {
        block.header.nonce = block.header.nonce.wrapping_add(1);
    }
    block
}

/// As [`work`], with the merkle root of the transactions.
fn root(mut block: Block) -> Block {
    block.header.merkle_root = block.compute_merkle_root().expect("not empty");
    work(block)
}

/// With the commitment to the witnesses, where the coinbase has one.
fn committed(mut block: Block) -> Block {
    let root = block.witness_root().expect("not empty");
    let commitment = Block::compute_witness_commitment(&root, &[0; 32]);
    let commitment = [
        &[0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed],
        &commitment.to_byte_array()[..],
    ]
    .concat();
    if let Some(output) = block.txdata[0].output.get_mut(1) {
        output.script_pubkey = commitment.into();
    }
    block
}

/// A transaction with one bit of one element of a witness changed.
fn flipped(tx: &Transaction, input: usize, element: usize, bit: usize) -> Transaction {
    let mut tx = tx.clone();
    let mut witness = tx.input[input].witness.to_vec();
    let length = witness[element].len() * 8;
    let bit = bit % length;
    witness[element][bit / 8] ^= 1 << (bit % 8);
    tx.input[input].witness = Witness::from_slice(&witness);
    tx
}

#[test]
fn damaged_witnesses() {
    let (kernel, mut chain, alice) = start();
    let item = chain
        .publish(&Publish::new(&alice, Operation::nft()))
        .expect("funded");
    chain.mine();
    assert_eq!(kernel.process(&serialize(chain.tip())), Verdict::Fine);
    let operation = Operation::def("demo", &[0x51; 700]);
    let publish = Publish::new(&alice, operation).spend(item.outpoint(0), &alice);
    let Published { commit, reveal } = publish.build(&chain).expect("funded");
    let tip = kernel.tip();
    let mut cases = vec![];
    for n in 0..40 {
        cases.push((flipped(&commit, 0, 0, n * 13), reveal.clone()));
        cases.push((commit.clone(), flipped(&reveal, 0, 0, n * 13)));
        // Every part of the script: key, opcodes, name, payload, end.
        cases.push((commit.clone(), flipped(&reveal, 0, 1, n * 151)));
        // Parity and version, then the inner key.
        cases.push((commit.clone(), flipped(&reveal, 0, 2, n * 7)));
        cases.push((commit.clone(), flipped(&reveal, 1, 0, n * 13)));
    }
    let changed = |change: &dyn Fn(&mut Transaction)| {
        let mut reveal = reveal.clone();
        change(&mut reveal);
        (commit.clone(), reveal)
    };
    cases.push(changed(&|tx| tx.input[0].witness.push([0x50, 1])));
    cases.push(changed(&|tx| tx.input[0].witness.clear()));
    cases.push(changed(&|tx| tx.output[0].value -= Amount::ONE_SAT));
    cases.push(changed(&|tx| tx.output[0].script_pubkey.push_slice([1])));
    cases.push(changed(&|tx| tx.input[1].sequence = Sequence::MAX));
    cases.push(changed(&|tx| tx.lock_time = LockTime::from_consensus(1)));
    for (index, (commit, reveal)) in cases.into_iter().enumerate() {
        let block = chain.assemble(vec![commit, reveal]);
        let verdict = kernel.process(&serialize(&block));
        assert_eq!(verdict, Verdict::Refused(Consensus), "case {index}");
        assert_eq!(kernel.tip(), tip);
        // The chain runs no scripts.
        assert_eq!(chain.clone().connect(block), Ok(()), "case {index}");
    }
    let good = chain.assemble(vec![commit, reveal]);
    assert_eq!(taken(&kernel, &mut chain, &good), (true, true));
}

/// A signed transaction of coins that one key owns.
fn signed(
    key: &Key,
    coins: &[&Coin],
    outputs: Vec<TxOut>,
    change: impl Fn(&mut Transaction),
) -> Transaction {
    let input = |coin: &&Coin| TxIn {
        previous_output: coin.outpoint,
        ..TxIn::default()
    };
    let mut tx = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: coins.iter().map(input).collect(),
        output: outputs,
    };
    change(&mut tx);
    let spent: Vec<TxOut> = coins.iter().map(|coin| coin.output.clone()).collect();
    let witness = |input| key.witness(&tx, input, &spent);
    let witnesses: Vec<Witness> = (0..coins.len()).map(witness).collect();
    for (input, witness) in tx.input.iter_mut().zip(witnesses) {
        input.witness = witness;
    }
    tx
}

#[test]
fn broken_rules() {
    let (kernel, mut chain, alice) = start();
    let miner = chain.miner();
    let coins: Vec<Coin> = chain.coins(&alice).cloned().collect();
    let young = {
        let txid = chain.tip().txdata[0].compute_txid();
        chain
            .coin(&OutPoint { txid, vout: 0 })
            .expect("unspent")
            .clone()
    };
    let spent = {
        let outpoint = chain.tip().txdata[1].input[0].previous_output;
        let output = alice.output(1_000);
        Coin {
            outpoint,
            output,
            height: 1,
            coinbase: false,
        }
    };
    let (one, two) = (&coins[0], &coins[1]);
    let same = |_: &mut Transaction| {};
    let pays = |sats| vec![alice.output(sats)];
    let first = signed(&alice, &[one], pays(100_000), same);
    let second = signed(&alice, &[one], pays(99_000), same);
    let child = {
        let outpoint = OutPoint {
            txid: first.compute_txid(),
            vout: 0,
        };
        let coin = Coin {
            outpoint,
            ..one.clone()
        };
        signed(&alice, &[&coin], pays(99_000), same)
    };
    let lied = {
        let mut lie = one.clone();
        lie.output.value += Amount::ONE_SAT;
        signed(&alice, &[&lie], pays(1_000), same)
    };
    let block = |txs: &[&Transaction]| chain.assemble(txs.iter().map(|tx| (*tx).clone()).collect());
    let good = block(&[&first, &child]);
    let changed = |change: &dyn Fn(&mut Block)| {
        let mut block = good.clone();
        change(&mut block);
        block
    };
    let next = chain.height() + 1;
    let locked = |lock_time: u32, sequence: u32| {
        signed(&alice, &[one], pays(1_000), |tx| {
            tx.lock_time = LockTime::from_consensus(lock_time);
            tx.input[0].sequence = Sequence(sequence);
        })
    };
    let median = chain.block(chain.height() - 5).expect("mined").header.time;
    let lazy = {
        let mut block = good.clone();
        while block.header.target().is_met_by(block.block_hash()) {
            block.header.nonce += 1;
        }
        block
    };
    let cases: Vec<(&str, Block, Verdict)> = vec![
        (
            "signed for another amount",
            block(&[&lied]),
            Verdict::Refused(Consensus),
        ),
        (
            "more than there is",
            block(&[&signed(&alice, &[one, two], pays(200_001), same)]),
            Verdict::Refused(Consensus),
        ),
        (
            "more than there can be",
            block(&[&signed(&alice, &[one], pays(2_100_000_000_000_001), same)]),
            Verdict::Refused(Consensus),
        ),
        (
            "a coinbase too young",
            block(&[&signed(&miner, &[&young], pays(1_000), same)]),
            Verdict::Refused(Consensus),
        ),
        (
            "two spends",
            block(&[&first, &second]),
            Verdict::Refused(Consensus),
        ),
        (
            "one spend twice",
            block(&[&signed(&alice, &[one, one], pays(1), same)]),
            Verdict::Refused(Consensus),
        ),
        (
            "spent long ago",
            block(&[&signed(&alice, &[&spent], pays(1), same)]),
            Verdict::Refused(Consensus),
        ),
        (
            "a child before its parent",
            block(&[&child, &first]),
            Verdict::Refused(Consensus),
        ),
        (
            "no outputs",
            block(&[&signed(&alice, &[one], vec![], same)]),
            Verdict::Refused(Consensus),
        ),
        (
            "a height ahead",
            block(&[&locked(next, 0)]),
            Verdict::Refused(Consensus),
        ),
        (
            "a time ahead",
            block(&[&locked(median, 1 << 31)]),
            Verdict::Refused(Consensus),
        ),
        (
            "not old enough",
            block(&[&locked(0, 50)]),
            Verdict::Refused(Consensus),
        ),
        (
            "not old enough in time",
            block(&[&locked(0, 1 << 22 | 0xffff)]),
            Verdict::Refused(Consensus),
        ),
        (
            "a second coinbase",
            root(changed(&|block| {
                let coinbase = block.txdata[0].clone();
                block.txdata.push(coinbase);
            })),
            Verdict::Refused(Consensus),
        ),
        (
            "a reward beyond the fees",
            root(changed(&|block| {
                block.txdata[0].output[0].value += Amount::ONE_SAT
            })),
            Verdict::Refused(Consensus),
        ),
        (
            "the height of the tip",
            root(changed(&|block| {
                let script = chain.tip().txdata[0].input[0].script_sig.clone();
                block.txdata[0].input[0].script_sig = script;
            })),
            Verdict::Refused(Consensus),
        ),
        (
            "no commitment",
            root(changed(&|block| drop(block.txdata[0].output.pop()))),
            Verdict::Refused(Mutated),
        ),
        (
            "another witness",
            root(changed(&|block| block.txdata[1].input[0].witness.push([1]))),
            Verdict::Refused(Mutated),
        ),
        (
            "another root",
            changed(&|block| drop(block.txdata.pop())),
            Verdict::Refused(Mutated),
        ),
        (
            "no transactions",
            changed(&|block| block.txdata.clear()),
            Verdict::Refused(Mutated),
        ),
        ("no work", lazy, Verdict::Refused(InvalidHeader)),
        (
            "another target",
            work(changed(&|block| {
                block.header.bits = CompactTarget::from_consensus(0x207f_fffe)
            })),
            Verdict::Refused(InvalidHeader),
        ),
        (
            "too early",
            work(changed(&|block| block.header.time = median)),
            Verdict::Refused(InvalidHeader),
        ),
        (
            "an unknown parent",
            work(changed(&|block| {
                block.header.prev_blockhash = BlockHash::all_zeros()
            })),
            Verdict::Refused(MissingPrev),
        ),
    ];
    let tip = kernel.tip();
    for (name, block, want) in cases {
        let verdict = kernel.process(&serialize(&block));
        assert_eq!(verdict, want, "{name}");
        assert_eq!(kernel.tip(), tip, "{name}");
        let by_chain = chain.clone().connect(block);
        assert_eq!(
            by_chain.is_ok(),
            name == "signed for another amount",
            "{name}: {by_chain:?}"
        );
    }
    assert_eq!(kernel.process(&[0; 80]), Verdict::NoBlock);
    assert_eq!(taken(&kernel, &mut chain, &good), (true, true));
    assert_eq!(kernel.process(&serialize(&good)), Verdict::Known);
    // The limits themselves are fine.
    let block = chain.assemble(vec![signed(&alice, &[two], pays(100_000), |tx| {
        tx.lock_time = LockTime::from_consensus(chain.height());
        tx.input[0].sequence = Sequence(chain.height() + 1 - two.height);
    })]);
    assert_eq!(taken(&kernel, &mut chain, &block), (true, true));
}

/// What a random transaction tries.
#[derive(Clone, Debug)]
struct Try {
    miner: bool,
    coins: Vec<(prop::sample::Index, Age)>,
    version: i32,
    lock: Lock,
    over: bool,
    warp: u32,
}

/// A sequence near the age of the coin.
#[derive(Clone, Debug)]
enum Age {
    Blocks(i32),
    Intervals(i32),
    Any(u32),
    Final,
}

/// A lock time near now.
#[derive(Clone, Debug)]
enum Lock {
    None,
    Height(i32),
    Time(i32),
}

fn tries() -> impl Strategy<Value = Try> {
    let age = prop_oneof![
        3 => (-1..=1).prop_map(Age::Blocks),
        3 => (-1..=1).prop_map(Age::Intervals),
        1 => any::<u32>().prop_map(Age::Any),
        2 => Just(Age::Final),
    ];
    let lock = prop_oneof![
        3 => Just(Lock::None),
        1 => (-2..=1).prop_map(Lock::Height),
        1 => (-2..=1).prop_map(Lock::Time),
    ];
    let coins = prop::collection::vec((any::<prop::sample::Index>(), age), 1..3);
    let version = prop::sample::select(vec![i32::MIN, -1, 0, 1, 2, 2, 2, 3, i32::MAX]);
    let over = prop::bool::weighted(0.05);
    let warp = prop_oneof![Just(0), 0..3_000_u32];
    (prop::bool::weighted(0.3), coins, version, lock, over, warp).prop_map(
        |(miner, coins, version, lock, over, warp)| Try {
            miner,
            coins,
            version,
            lock,
            over,
            warp,
        },
    )
}

fn median(chain: &Chain, height: u32) -> u32 {
    let blocks = &chain.blocks()[(height + 1).saturating_sub(11) as usize..=height as usize];
    let mut times: Vec<u32> = blocks.iter().map(|block| block.header.time).collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn attempt(chain: &Chain, key: &Key, of: &Try) -> Transaction {
    let all: Vec<&Coin> = chain.coins(key).collect();
    let mut coins: Vec<&Coin> = of.coins.iter().map(|(index, _)| *index.get(&all)).collect();
    coins.dedup();
    let now = median(chain, chain.height());
    let sats: u64 = coins.iter().map(|coin| coin.sats()).sum();
    let outputs = vec![key.output(sats + u64::from(of.over))];
    signed(key, &coins, outputs, |tx| {
        tx.version = Version(of.version);
        tx.lock_time = LockTime::from_consensus(match of.lock {
            Lock::None => 0,
            Lock::Height(by) => (chain.height() + 1).saturating_add_signed(by),
            Lock::Time(by) => now.saturating_add_signed(by),
        });
        for (input, (coin, (_, age))) in tx.input.iter_mut().zip(coins.iter().zip(&of.coins)) {
            let sequence = match age {
                Age::Blocks(by) => (chain.height() + 1 - coin.height).saturating_add_signed(*by),
                Age::Intervals(by) => {
                    let since = median(chain, coin.height.saturating_sub(1));
                    1 << 22 | ((now - since) / 512).saturating_add_signed(*by) & 0xffff
                }
                Age::Any(sequence) => *sequence,
                Age::Final => u32::MAX,
            };
            input.sequence = Sequence(sequence);
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// The chain and the kernel agree on locks, ages and sums.
    #[test]
    fn locks_and_ages(tries in prop::collection::vec(tries(), 40)) {
        let (kernel, mut chain, alice) = start();
        let miner = chain.miner();
        for of in &tries {
            let key = if of.miner { miner } else { alice };
            let tx = attempt(&chain, &key, of);
            chain.warp(of.warp);
            let block = chain.assemble(vec![tx.clone()]);
            let waits = chain.clone().submit(tx);
            let (by_kernel, by_chain) = taken(&kernel, &mut chain, &block);
            prop_assert_eq!(by_kernel, by_chain, "{:?}", waits);
            prop_assert_eq!(by_kernel, waits.is_ok(), "{:?}", waits);
            if let Err(error) = waits {
                let expected = matches!(
                    error,
                    ChainError::LockTime { .. } | ChainError::Sequence { .. }
                        | ChainError::Immature { .. } | ChainError::Overspent { .. }
                );
                prop_assert!(expected, "{}", error);
                // Time does not stand still.
                chain.mine_empty(1);
                prop_assert_eq!(kernel.process(&serialize(chain.tip())), Verdict::Fine);
            }
        }
    }

    /// Whatever is changed in a block: what the kernel takes, the chain takes.
    #[test]
    fn changed_blocks(changes in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u32, 0..4_u32), 60)) {
        let (kernel, mut chain, alice) = start();
        for (at, bit, repair) in changes {
            let Published { commit, reveal } =
                Publish::new(&alice, Operation::nft()).build(&chain).expect("funded");
            let mut bytes = serialize(&chain.assemble(vec![commit, reveal]));
            // Mostly not in the proof of work, which hides all else.
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let Ok(block) = deserialize::<Block>(&bytes) else {
                let tip = kernel.tip();
                kernel.process(&bytes);
                prop_assert_eq!(kernel.tip(), tip, "byte {}", at);
                continue;
            };
            let in_bits = (72..76).contains(&at);
            let block = match repair {
                0 => block,
                _ if in_bits || block.txdata.is_empty() => block,
                1 => work(block),
                2 => root(committed(block)),
                _ => root(block),
            };
            let mut copy = chain.clone();
            let (by_kernel, by_chain) = taken(&kernel, &mut copy, &block);
            prop_assert!(!by_kernel || by_chain, "byte {} with repair {}", at, repair);
            // What only the chain takes has a bad script, or comes from the future.
            if by_kernel {
                chain = copy;
            }
        }
    }
}

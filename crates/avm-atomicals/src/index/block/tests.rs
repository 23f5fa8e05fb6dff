//! Transactions and blocks written by `bitcoin`, and the same with something wrong.

use alloc::{format, string::ToString, vec};

use ::bitcoin::consensus::{deserialize, serialize};
use ::bitcoin::hashes::Hash;
use ::bitcoin::{
    Amount, Block, BlockHash, CompactTarget, OutPoint, ScriptBuf, Sequence, Transaction, TxIn,
    TxMerkleNode, TxOut, Txid, Witness as Stack, absolute, block, constants, transaction,
};
use proptest::prelude::*;

use super::*;

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..most)
}

fn tx(scripts: usize) -> impl Strategy<Value = Transaction> {
    let stack = prop::collection::vec(bytes(scripts), 0..4);
    let input = (
        any::<[u8; 32]>(),
        any::<u32>(),
        bytes(scripts),
        any::<u32>(),
        stack,
    );
    let input = input.prop_map(|(txid, vout, script, sequence, stack)| TxIn {
        previous_output: OutPoint::new(Txid::from_byte_array(txid), vout),
        script_sig: ScriptBuf::from_bytes(script),
        sequence: Sequence(sequence),
        witness: Stack::from_slice(&stack),
    });
    let output = (any::<u64>(), bytes(scripts)).prop_map(|(sats, script)| TxOut {
        value: Amount::from_sat(sats),
        script_pubkey: ScriptBuf::from_bytes(script),
    });
    let inputs = prop::collection::vec(input, 1..5);
    let outputs = prop::collection::vec(output, 0..5);
    let all = (any::<i32>(), inputs, outputs, any::<u32>(), any::<bool>());
    all.prop_map(|(version, mut input, output, time, legacy)| {
        if legacy {
            input.iter_mut().for_each(|input| input.witness.clear());
        }
        Transaction {
            version: transaction::Version(version),
            lock_time: absolute::LockTime::from_consensus(time),
            input,
            output,
        }
    })
}

/// The transaction as its parts say it is.
fn rebuilt(parts: &TxParts<'_>) -> Transaction {
    let ins = parts.inputs().zip(parts.witnesses());
    Transaction {
        version: transaction::Version(parts.version()),
        lock_time: absolute::LockTime::from_consensus(parts.lock_time()),
        input: ins
            .map(|(input, witness)| TxIn {
                previous_output: deserialize(input.outpoint).expect("36 bytes"),
                script_sig: ScriptBuf::from_bytes(input.script.to_vec()),
                sequence: Sequence(input.sequence),
                witness: Stack::from_slice(&witness.collect::<Vec<_>>()),
            })
            .collect(),
        output: parts
            .outputs()
            .map(|output| TxOut {
                value: Amount::from_sat(output.sats),
                script_pubkey: ScriptBuf::from_bytes(output.script.to_vec()),
            })
            .collect(),
    }
}

fn coinbase(commitment: Option<[u8; 32]>) -> Transaction {
    let mut witness = Stack::new();
    let mut output = vec![TxOut {
        value: Amount::from_sat(50),
        script_pubkey: ScriptBuf::from_bytes(vec![0x51]),
    }];
    if let Some(commitment) = commitment {
        witness.push([7; 32]);
        let script = [&[0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed], &commitment[..]].concat();
        output.push(TxOut {
            value: Amount::ZERO,
            script_pubkey: ScriptBuf::from_bytes(script),
        });
    }
    Transaction {
        version: transaction::Version(2),
        lock_time: absolute::LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::null(),
            script_sig: ScriptBuf::from_bytes(vec![1, 2]),
            sequence: Sequence::MAX,
            witness,
        }],
        output,
    }
}

/// A block with work for the target of regtest.
fn mined(txdata: Vec<Transaction>) -> Block {
    let header = block::Header {
        version: block::Version::TWO,
        prev_blockhash: BlockHash::from_byte_array([9; 32]),
        merkle_root: TxMerkleNode::from_byte_array([0; 32]),
        time: 5,
        bits: CompactTarget::from_consensus(0x207f_ffff),
        nonce: 0,
    };
    let mut block = Block { header, txdata };
    if let Some(root) = block.compute_merkle_root() {
        block.header.merkle_root = root;
    }
    mine(&mut block);
    block
}

fn mine(block: &mut Block) {
    let target = block.header.target();
    while block.header.validate_pow(target).is_err() {
        block.header.nonce += 1;
    }
}

/// A block of `rest` after a coinbase that commits to its witnesses.
fn committed(rest: Vec<Transaction>) -> Block {
    let mut block = mined([vec![coinbase(Some([0; 32]))], rest].concat());
    let root = block.witness_root().expect("there is a coinbase");
    let commitment = Block::compute_witness_commitment(&root, &[7; 32]);
    block.txdata[0] = coinbase(Some(commitment.to_byte_array()));
    mined(block.txdata)
}

proptest! {
    #[test]
    fn transactions_of_bitcoin(tx in tx(300), more in bytes(9)) {
        let raw = serialize(&tx);
        let mut given = raw.clone();
        given.extend(&more);
        let parts = TxParts::read(&given).expect("a transaction");
        prop_assert_eq!(parts.raw(), &raw);
        prop_assert_eq!(parts.txid(), tx.compute_txid().to_byte_array());
        prop_assert_eq!(parts.is_coinbase(), tx.is_coinbase());
        prop_assert_eq!(parts.input_count(), tx.input.len());
        prop_assert_eq!(parts.output_count(), tx.output.len());
        prop_assert_eq!(parts.witnesses().len(), tx.input.len());
        let witness = tx.input.iter().any(|input| !input.witness.is_empty());
        prop_assert_eq!(parts.has_witness(), witness);
        prop_assert_eq!(rebuilt(&parts), tx);
    }

    #[test]
    fn damaged_transactions(tx in tx(40), flips in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..4)) {
        let mut raw = serialize(&tx);
        for cut in 0..raw.len() {
            prop_assert!(TxParts::read(&raw[..cut]).is_err(), "cut at {}", cut);
        }
        for (at, bits) in flips {
            let at = at.index(raw.len());
            raw[at] ^= bits;
        }
        agrees_with_bitcoin(&raw)?;
    }

    #[test]
    fn any_bytes_of_a_transaction(raw in prop::collection::vec(prop_oneof![Just(0_u8), Just(1), any::<u8>()], 0..200)) {
        agrees_with_bitcoin(&raw)?;
    }

    #[test]
    fn blocks_of_bitcoin(txs in prop::collection::vec(tx(60), 0..9)) {
        let block = committed(txs);
        let raw = serialize(&block);
        let parts = read(&raw).expect("a block");
        prop_assert_eq!(&parts.header[..], &raw[..80]);
        prop_assert_eq!(parts.hash, block.block_hash().to_byte_array());
        prop_assert_eq!(header_prev(&parts.header), [9; 32]);
        prop_assert_eq!(header_time(&parts.header), 5);
        prop_assert_eq!(parts.txs.len(), block.txdata.len());
        for (placed, tx) in parts.txs.iter().zip(&block.txdata) {
            prop_assert_eq!(placed.raw(&raw), serialize(tx));
            prop_assert_eq!(placed.txid, tx.compute_txid().to_byte_array());
            prop_assert_eq!(&rebuilt(&placed.parts(&raw).expect("it was read")), tx);
        }
        prop_assert_eq!(check_witnesses(&raw, &parts), Ok(()));
    }

    #[test]
    fn damaged_blocks(txs in prop::collection::vec(tx(10), 0..3), bits in 1..=255_u8) {
        let block = committed(txs);
        let raw = serialize(&block);
        let txids = read(&raw).expect("a block").txs;
        for at in 0..raw.len() {
            prop_assert!(read(&raw[..at]).is_err(), "cut at {}", at);
            let mut raw = raw.clone();
            raw[at] ^= bits;
            // Only the header and witnesses can change and leave the root as it was.
            if let Ok(parts) = read(&raw) {
                let same = parts.txs.iter().map(|tx| tx.txid).eq(txids.iter().map(|tx| tx.txid));
                prop_assert!(same, "changed at {}", at);
                prop_assert!(at < 80 || check_witnesses(&raw, &parts).is_err(), "changed at {}", at);
            }
        }
    }

    #[test]
    fn roots_of_bitcoin(hashes in prop::collection::vec(any::<[u8; 32]>(), 0..20)) {
        let nodes = hashes.iter().map(|hash| Txid::from_byte_array(*hash));
        let want = ::bitcoin::merkle_tree::calculate_root(nodes).map(|root| root.to_byte_array());
        prop_assert_eq!(merkle_root(&hashes), want);
    }

    #[test]
    fn targets_of_bitcoin(bits: u32, len in 0..40_u32) {
        for bits in [bits, bits & 0x00ff_ffff | len << 24] {
            let Ok(target) = target(bits) else { continue };
            let want = ::bitcoin::Target::from_compact(CompactTarget::from_consensus(bits));
            prop_assert_eq!(target.to_le_bytes(), want.to_le_bytes());
        }
    }
}

/// Both read it or both do not, and what was read is the same.
fn agrees_with_bitcoin(raw: &[u8]) -> Result<(), TestCaseError> {
    let ours = TxParts::read(raw);
    let theirs = ::bitcoin::consensus::deserialize_partial::<Transaction>(raw);
    match (ours, theirs) {
        (Ok(parts), Ok((tx, len))) => {
            prop_assert_eq!(parts.raw().len(), len);
            prop_assert_eq!(parts.txid(), tx.compute_txid().to_byte_array());
            prop_assert_eq!(rebuilt(&parts), tx);
        }
        // That crate reads a transaction without inputs.
        (Err(BlockError::NoInputs { .. }), Ok((tx, _))) => prop_assert!(tx.input.is_empty()),
        (Ok(parts), Err(error)) => prop_assert!(false, "{:?} but {}", parts.raw(), error),
        (Err(error), Ok((tx, _))) => prop_assert!(false, "{} but {:?}", error, tx),
        (Err(_), Err(_)) => {}
    }
    Ok(())
}

#[test]
fn the_first_block() {
    let block = constants::genesis_block(::bitcoin::Network::Bitcoin);
    let raw = serialize(&block);
    let parts = read(&raw).expect("a block");
    let hash = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f";
    assert_eq!(Displayed(&parts.hash).to_string(), hash);
    assert_eq!(header_bits(&parts.header), 0x1d00_ffff);
    assert_eq!(check_witnesses(&raw, &parts), Ok(()));
}

#[test]
fn refused_blocks() {
    let plain = |seed: u8| {
        let mut tx = coinbase(None);
        tx.input[0].previous_output = OutPoint::new(Txid::from_byte_array([seed; 32]), 0);
        tx
    };
    let good = || mined(vec![coinbase(None), plain(1), plain(2)]);
    let raw = serialize(&good());
    let len = raw.len();
    let second = 81 + serialize(&coinbase(None)).len();

    let mut longer = raw.clone();
    longer.push(0);
    let mut root = good();
    root.header.merkle_root = TxMerkleNode::from_byte_array([3; 32]);
    mine(&mut root);
    let mut light = good();
    light.header.bits = CompactTarget::from_consensus(0x0300_0001);
    let light_hash = light.block_hash().to_byte_array();
    let mut bad_bits = good();
    bad_bits.header.bits = CompactTarget::from_consensus(0x0480_0001);
    let mut wide = raw[..80].to_vec();
    wide.extend([0xfd, 3, 0]);
    wide.extend(&raw[81..]);
    let mut many = raw.clone();
    many[80] = 0xfc;
    // Four transactions with the root of three.
    let repeated = mined(vec![coinbase(None), plain(1), plain(2), plain(2)]);
    assert_eq!(repeated.header.merkle_root, good().header.merkle_root);

    let cases = [
        (
            "nothing",
            vec![],
            BlockError::Ended {
                at: 0,
                want: 80,
                len: 0,
            },
        ),
        (
            "half a header",
            raw[..79].to_vec(),
            BlockError::Ended {
                at: 0,
                want: 80,
                len: 79,
            },
        ),
        (
            "a header",
            raw[..80].to_vec(),
            BlockError::Ended {
                at: 80,
                want: 1,
                len: 80,
            },
        ),
        (
            "too large",
            vec![0; 4_000_001],
            BlockError::Length {
                len: 4_000_001,
                limit: 4_000_000,
            },
        ),
        (
            "no transaction",
            serialize(&mined(vec![])),
            BlockError::NoTransactions { at: 80 },
        ),
        (
            "no coinbase",
            serialize(&mined(vec![plain(1)])),
            BlockError::NoCoinbase { at: 81 },
        ),
        (
            "two coinbases",
            serialize(&mined(vec![coinbase(None), coinbase(None)])),
            BlockError::Coinbase {
                number: 1,
                at: second,
            },
        ),
        (
            "trailing",
            longer,
            BlockError::Trailing {
                at: len,
                len: len + 1,
            },
        ),
        (
            "wide count",
            wide,
            BlockError::LongSize {
                at: 80,
                value: 3,
                got: 3,
            },
        ),
        (
            "count",
            many,
            BlockError::Count {
                at: 81,
                count: 0xfc,
                item_bytes: 51,
                left: len - 81,
            },
        ),
        (
            "root",
            serialize(&root),
            BlockError::MerkleRoot {
                computed: header_merkle_root(raw.first_chunk().expect("a header")),
                header: [3; 32],
            },
        ),
        (
            "repeated",
            serialize(&repeated),
            BlockError::Repeated { level: 0, first: 2 },
        ),
        (
            "work",
            serialize(&light),
            BlockError::Work {
                hash: light_hash,
                target: U256::from(1),
            },
        ),
        (
            "bits",
            serialize(&bad_bits),
            BlockError::Target {
                bits: 0x0480_0001,
                why: BadTarget::Negative,
            },
        ),
    ];
    for (name, raw, want) in cases {
        assert_eq!(read(&raw), Err(want), "{name}");
    }
    assert!(read(&raw).is_ok());
}

#[test]
fn repetitions_at_every_level() {
    let hash = |number: u8| [number; 32];
    let six: Vec<_> = (0..6).map(hash).collect();
    // The last two of six are taken twice at level 1.
    let eight = [&six[..], &six[4..]].concat();
    let level = |hashes: &[_]| root(hashes.to_vec());
    assert_eq!(
        level(&eight),
        Err(BlockError::Repeated { level: 1, first: 2 })
    );
    assert_eq!(merkle_root(&eight), None);
    assert!(merkle_root(&six).is_some());
    // Equal, but in different pairs.
    assert!(merkle_root(&[hash(0), hash(1), hash(1), hash(2)]).is_some());
    assert_eq!(merkle_root(&[hash(4)]), Some(hash(4)));
    assert_eq!(merkle_root(&[]), None);
}

#[test]
fn targets() {
    let one = U256::from(1);
    let cases = [
        (0x1d00_ffff, Ok(U256::from(0xffff) << 208)),
        (0x207f_ffff, Ok(U256::from(0x7f_ffff) << 232)),
        (0x0101_0000, Ok(one)),
        (0x0300_0001, Ok(one)),
        (0x0001_0000, Err(BadTarget::Zero)),
        (0x0100_ffff, Err(BadTarget::Zero)),
        (0x2000_0000, Err(BadTarget::Zero)),
        (0xff00_0000, Err(BadTarget::Zero)),
        (0x0480_0000, Err(BadTarget::Zero)),
        (0x0480_0001, Err(BadTarget::Negative)),
        (0x01fe_dcba, Err(BadTarget::Negative)),
        (0x2101_0000, Err(BadTarget::Overflow)),
        (0x2100_ffff, Ok(U256::from(0xffff) << 240)),
        (0x2200_00ff, Ok(U256::from(0xff) << 248)),
        (0x2200_0100, Err(BadTarget::Overflow)),
        (0x2300_0001, Err(BadTarget::Overflow)),
        (0xff12_3456, Err(BadTarget::Overflow)),
    ];
    for (bits, want) in cases {
        assert_eq!(target(bits), want, "{bits:#010x}");
    }
}

#[test]
fn refused_transactions() {
    let raw = serialize(&coinbase(None));
    let mut witness = raw[..4].to_vec();
    witness.extend([0, 1]);
    witness.extend(&raw[4..raw.len() - 4]);
    let mut flag = witness.clone();
    flag[5] = 2;
    let at = witness.len();
    witness.extend([0; 5]);
    let cases = [
        ("flag", flag, BlockError::Flag { at: 5, flag: 2 }),
        ("empty witnesses", witness, BlockError::NoWitness { at }),
        (
            "no inputs",
            [&[1, 0, 0, 0, 0, 1][..], &[0; 20]].concat(),
            BlockError::NoInputs { at: 6 },
        ),
        (
            "a long count",
            [&[1, 0, 0, 0, 0xff][..], &[0xff; 8]].concat(),
            BlockError::Count {
                at: 13,
                count: u64::MAX,
                item_bytes: 41,
                left: 0,
            },
        ),
        (
            "a long script",
            [&[1, 0, 0, 0, 1][..], &[0; 36], &[0xff; 9], &[0; 60]].concat(),
            BlockError::Ended {
                at: 50,
                want: u64::MAX,
                len: 110,
            },
        ),
    ];
    for (name, raw, want) in cases {
        assert_eq!(TxParts::read(&raw).expect_err(name), want, "{name}");
    }
}

#[test]
fn witnesses_of_a_block() {
    let mut spend = coinbase(Some([0; 32]));
    spend.input[0].previous_output = OutPoint::new(Txid::from_byte_array([1; 32]), 0);
    let check = |block: &Block| {
        let raw = serialize(block);
        check_witnesses(&raw, &read(&raw).expect("a block"))
    };
    let block = committed(vec![spend.clone()]);
    assert_eq!(check(&block), Ok(()));

    let mut other = block.clone();
    other.txdata[1].input[0].witness = Stack::from_slice(&[[8; 32]]);
    let error = check(&other).expect_err("another witness");
    assert!(matches!(error, BlockError::Commitment { .. }), "{error}");

    let mut nonce = block.clone();
    nonce.txdata[0].input[0].witness.push([0]);
    assert_eq!(check(&nonce), Err(BlockError::Nonce));
    nonce.txdata[0].input[0].witness = Stack::from_slice(&[[8; 31]]);
    assert_eq!(check(&nonce), Err(BlockError::Nonce));

    let none = mined(vec![coinbase(None), spend]);
    assert_eq!(check(&none), Err(BlockError::NoCommitment { number: 1 }));
}

#[test]
fn texts() {
    let error = BlockError::Work {
        hash: [1; 32],
        target: U256::from(255),
    };
    let want = format!(
        "block hash {} is above the target 0x{:064x} of the header",
        "01".repeat(32),
        255
    );
    assert_eq!(error.to_string(), want);
    let error = BlockError::Repeated { level: 0, first: 2 };
    let want =
        "hashes 2 and 3 at level 0 of the Merkle tree are equal, a block does not repeat its end";
    assert_eq!(error.to_string(), want);
}

//! Blocks that are changed: the index refuses what it can know to be wrong, and the kernel does too.

use avm_atomicals::Rules;
use avm_atomicals::index::Receipt;
use avm_atomicals::index::receipt::BlockRefusal::{self, Malformed, Parent};
use avm_regtest::bitcoin::absolute::LockTime;
use avm_regtest::bitcoin::consensus::serialize;
use avm_regtest::bitcoin::hashes::Hash;
use avm_regtest::bitcoin::{
    Amount, Block, BlockHash, CompactTarget, Target, TxMerkleNode, TxOut, Witness,
};
use avm_regtest::{Chain, Key, Operation, Publish};
use avm_test_bitcoin_kernel::{Verdict, give};

use crate::judge::Run;

/// What is done about the header after a change.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// Nothing.
    Leave,
    /// It gets its proof of work.
    Work,
    /// As `Work`, after the Merkle root.
    Root,
    /// As `Root`, after the commitment to the witnesses in the output of this number.
    Commit(usize),
}

/// What the index says; the kernel refuses what it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Refused(BlockRefusal),
    Taken,
    /// The index takes it, the kernel does not: rules that an index leaves to who leads it.
    KernelOnly,
}
use Says::{KernelOnly, Refused, Taken};
use Then::{Commit, Leave, Root, Work};

type Case = (&'static str, fn(&mut Block), Then, Says);

/// A block of coinbase, commit, reveal, changed.
const CASES: &[Case] = &[
    ("nothing", |_| {}, Leave, Taken),
    // Work.
    (
        "another nonce without work",
        without_work,
        Leave,
        Refused(Malformed),
    ),
    (
        "more work is claimed",
        |b| bits(b, 0x1d00_ffff),
        Leave,
        Refused(Malformed),
    ),
    (
        "no target",
        |b| bits(b, 0x2000_0000),
        Leave,
        Refused(Malformed),
    ),
    (
        "a negative target",
        |b| bits(b, 0x2080_0001),
        Leave,
        Refused(Malformed),
    ),
    (
        "a target of 257 bits",
        |b| bits(b, 0x217f_ffff),
        Leave,
        Refused(Malformed),
    ),
    (
        "another target, with its work",
        |b| bits(b, 0x207f_fffe),
        Work,
        KernelOnly,
    ),
    (
        "older than the blocks before",
        |b| b.header.time = 1,
        Work,
        KernelOnly,
    ),
    ("another parent", other_parent, Work, Refused(Parent)),
    // Merkle root.
    (
        "another root",
        |b| b.header.merkle_root = other_root(b),
        Work,
        Refused(Malformed),
    ),
    ("an amount", amount, Leave, Refused(Malformed)),
    ("an amount, with a root", amount, Root, Refused(Malformed)),
    ("an amount, committed", amount, Commit(1), KernelOnly),
    (
        "a lock time",
        |b| b.txdata[1].lock_time = LockTime::from_consensus(1),
        Leave,
        Refused(Malformed),
    ),
    (
        "without the last",
        |b| drop(b.txdata.pop()),
        Leave,
        Refused(Malformed),
    ),
    (
        "without the coinbase",
        |b| drop(b.txdata.remove(0)),
        Root,
        Refused(Malformed),
    ),
    (
        "without transactions",
        |b| b.txdata.clear(),
        Leave,
        Refused(Malformed),
    ),
    ("the last twice", twice, Leave, Refused(Malformed)),
    (
        "the last twice, with a root",
        twice,
        Root,
        Refused(Malformed),
    ),
    ("two coinbases", two_coinbases, Root, Refused(Malformed)),
    (
        "another order",
        |b| b.txdata.swap(1, 2),
        Leave,
        Refused(Malformed),
    ),
    (
        "another order, with roots",
        |b| b.txdata.swap(1, 2),
        Commit(1),
        KernelOnly,
    ),
    // Witnesses.
    (
        "a byte of an operation",
        |b| flip(b, 1, 50),
        Leave,
        Refused(Malformed),
    ),
    (
        "a byte of a signature",
        |b| flip(b, 0, 20),
        Leave,
        Refused(Malformed),
    ),
    (
        "a byte of a signature, committed",
        |b| flip(b, 0, 20),
        Commit(1),
        KernelOnly,
    ),
    (
        "no witness for the reveal",
        |b| b.txdata[2].input[0].witness.clear(),
        Leave,
        Refused(Malformed),
    ),
    (
        "one element more",
        |b| b.txdata[2].input[0].witness.push([1]),
        Leave,
        Refused(Malformed),
    ),
    ("no witnesses at all", strip, Leave, Refused(Malformed)),
    ("another commitment", commitment, Root, Refused(Malformed)),
    (
        "no commitment",
        |b| drop(b.txdata[0].output.pop()),
        Root,
        Refused(Malformed),
    ),
    (
        "another reserved value",
        |b| reserved(b, &[&[1; 32]]),
        Leave,
        Refused(Malformed),
    ),
    (
        "another reserved value, committed",
        |b| reserved(b, &[&[1; 32]]),
        Commit(1),
        Taken,
    ),
    (
        "a short reserved value",
        |b| reserved(b, &[&[0; 31]]),
        Leave,
        Refused(Malformed),
    ),
    (
        "a long reserved value",
        |b| reserved(b, &[&[0; 33]]),
        Leave,
        Refused(Malformed),
    ),
    (
        "two reserved values",
        |b| reserved(b, &[&[0; 32], &[]]),
        Leave,
        Refused(Malformed),
    ),
    (
        "no reserved value",
        |b| reserved(b, &[]),
        Leave,
        Refused(Malformed),
    ),
    // Of several commitments the last counts, and only its first 38 bytes.
    (
        "a wrong commitment before",
        |b| more(b, 1, &[0; 32]),
        Commit(2),
        Taken,
    ),
    (
        "a wrong commitment behind",
        |b| more(b, 2, &[0; 32]),
        Commit(1),
        Refused(Malformed),
    ),
    ("a short one behind", |b| more(b, 2, &[0; 31]), Root, Taken),
    ("bytes behind the commitment", |b| tail(b, 5), Root, Taken),
    ("an empty block", |b| b.txdata.truncate(1), Commit(1), Taken),
    ("an empty block as in old times", old, Root, Taken),
    (
        "old times, with a reserved value",
        |b| {
            b.txdata.truncate(1);
            b.txdata[0].output.pop();
        },
        Root,
        Refused(Malformed),
    ),
];

fn is_worked(block: &Block) -> bool {
    block.header.target().is_met_by(block.block_hash())
}

fn without_work(block: &mut Block) {
    while is_worked(block) {
        block.header.nonce += 1;
    }
}

fn bits(block: &mut Block, bits: u32) {
    block.header.bits = CompactTarget::from_consensus(bits);
}

fn other_parent(block: &mut Block) {
    block.header.prev_blockhash = BlockHash::from_byte_array([7; 32]);
}

fn other_root(block: &Block) -> TxMerkleNode {
    let mut root = block.header.merkle_root.to_byte_array();
    root[31] ^= 1;
    TxMerkleNode::from_byte_array(root)
}

fn amount(block: &mut Block) {
    block.txdata[2].output[0].value -= Amount::ONE_SAT;
}

fn twice(block: &mut Block) {
    let last = block.txdata[2].clone();
    block.txdata.push(last);
}

fn two_coinbases(block: &mut Block) {
    let coinbase = block.txdata[0].clone();
    block.txdata.insert(1, coinbase);
}

/// A bit of the witness of the reveal.
fn flip(block: &mut Block, element: usize, byte: usize) {
    let witness = &mut block.txdata[2].input[0].witness;
    let mut elements = witness.to_vec();
    elements[element][byte] ^= 1;
    *witness = Witness::from_slice(&elements);
}

fn strip(block: &mut Block) {
    let inputs = block.txdata.iter_mut().flat_map(|tx| &mut tx.input);
    inputs.for_each(|input| input.witness.clear());
}

fn reserved(block: &mut Block, elements: &[&[u8]]) {
    block.txdata[0].input[0].witness = Witness::from_slice(elements);
}

fn committing(commitment: &[u8]) -> TxOut {
    let start = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];
    TxOut {
        value: Amount::ZERO,
        script_pubkey: [&start, commitment].concat().into(),
    }
}

fn commitment(block: &mut Block) {
    block.txdata[0].output[1] = committing(&[3; 32]);
}

/// One more output of the coinbase that looks like a commitment.
fn more(block: &mut Block, at: usize, commitment: &[u8]) {
    block.txdata[0].output.insert(at, committing(commitment));
}

fn tail(block: &mut Block, bytes: usize) {
    let script = &mut block.txdata[0].output[1].script_pubkey;
    *script = [script.as_bytes(), &vec![1; bytes]].concat().into();
}

/// An empty block without commitment.
fn old(block: &mut Block) {
    block.txdata.truncate(1);
    block.txdata[0].output.pop();
    reserved(block, &[]);
}

fn finish(block: &mut Block, then: Then) {
    if let Commit(output) = then {
        let witness = &block.txdata[0].input[0].witness;
        let reserved = witness.nth(0).expect("it is there").to_vec();
        let root = block.witness_root().expect("not empty");
        let commitment = Block::compute_witness_commitment(&root, &reserved);
        block.txdata[0].output[output] = committing(&commitment.to_byte_array());
    }
    if matches!(then, Root | Commit(_)) {
        block.header.merkle_root = block.compute_merkle_root().expect("not empty");
    }
    if !matches!(then, Leave) {
        while !is_worked(block) {
            block.header.nonce += 1;
        }
    }
}

/// What both say about bytes on their tip. If they take them, the kernel has a new tip.
fn both(run: &mut Run, bytes: &[u8]) -> (bool, Receipt) {
    let before = run.kernel.tip().0;
    let verdict = run.kernel.process(bytes);
    let taken = run.kernel.tip().0 > before;
    assert_eq!(verdict == Verdict::Fine, taken, "{verdict:?}");
    let receipts = give(&mut run.judge.before(0), bytes);
    (taken, *receipts.last().expect("of a block"))
}

/// A block with a commit and its reveal, which mints.
fn good(chain: &Chain, key: &Key) -> Block {
    let publish = Publish::new(key, Operation::nft());
    let made = publish.build(chain).expect("funded");
    let mut block = chain.assemble(vec![made.commit, made.reveal]);
    // Without the fees, so that the coinbase is right for fewer transactions too.
    let fees = block.txdata[0].output[0].value.to_sat() % 1_000_000;
    block.txdata[0].output[0].value -= Amount::from_sat(fees);
    finish(&mut block, Commit(1));
    block
}

fn start(rules: &'static Rules) -> (Run, Chain, Key) {
    let mut run = Run::new(rules);
    let mut chain = Chain::funded();
    let alice = Key::from_seed("alice");
    chain.fund(&alice, 10_000_000).expect("funded");
    chain.mine();
    run.follow(&mut chain);
    (run, chain, alice)
}

#[test]
fn changed_blocks() {
    for rules in Rules::ALL {
        let (mut run, mut chain, alice) = start(rules);
        let mut takes = 0;
        for (what, change, then, says) in CASES {
            let mut block = good(&chain, &alice);
            change(&mut block);
            finish(&mut block, *then);
            if matches!(then, Leave)
                && *says == Refused(Malformed)
                && block.header.target() == REGTEST
            {
                // Each is wrong in one way: but for those without work, there is work.
                assert!(
                    is_worked(&block) || *what == "another nonce without work",
                    "{what}"
                );
            }
            let (taken, receipt) = both(&mut run, &serialize(&block));
            let refused = match receipt {
                Receipt::Refused(refusal) => Some(refusal),
                _ => None,
            };
            let got = match (taken, refused) {
                (false, Some(refusal)) => Refused(refusal),
                (true, None) => Taken,
                (false, None) => KernelOnly,
                (true, Some(_)) => panic!("{what}: only the index refuses, {receipt:?}"),
            };
            assert_eq!(got, *says, "{what}");
            if taken {
                takes += 1;
                chain.connect(block).expect("what the kernel takes");
                chain.take_events();
                run.kernel.lead(&mut [&mut run.judge]);
                assert_eq!(run.kernel.tip(), (chain.height(), chain.tip_hash()));
            }
        }
        assert_eq!(takes, CASES.iter().filter(|case| case.3 == Taken).count());
        run.replay();
    }
}

/// The target of regtest.
const REGTEST: Target = Target::MAX_ATTAINABLE_REGTEST;

/// Bits and lengths anywhere in the bytes of a block.
#[test]
fn changed_bytes() {
    let (mut run, mut chain, alice) = start(&Rules::AVM1);
    let block = good(&chain, &alice);
    let bytes = serialize(&block);
    let mut kernel_only = 0;
    // Another version, time or nonce makes another good block, where the work happens to be enough.
    let free = [0..4, 68..72, 76..80];
    let free = |at: usize| free.iter().any(|field| field.contains(&(at / 2)));
    for at in (0..bytes.len() * 2).filter(|at| !free(*at)) {
        let mut changed = bytes.clone();
        changed[at / 2] ^= 1 << (at * 5 % 8);
        let (taken, receipt) = both_of_bytes(&mut run, &changed);
        assert!(!taken, "byte {}", at / 2);
        if !matches!(receipt, Receipt::Refused(_)) {
            // Another target that is met; which one the chain asks for is not for the index to know.
            assert!((72..76).contains(&(at / 2)), "byte {}", at / 2);
            kernel_only += 1;
        }
    }
    assert!(kernel_only <= 8, "{kernel_only}");
    for len in 0..bytes.len() {
        let (taken, receipt) = both_of_bytes(&mut run, &bytes[..len]);
        assert!(
            !taken && matches!(receipt, Receipt::Refused(Malformed)),
            "{len} bytes"
        );
    }
    chain.connect(block).expect("unchanged");
    let (taken, receipt) = both(&mut run, &bytes);
    assert!(taken && matches!(receipt, Receipt::Block(_)));
}

/// As [`both`], of bytes that the kernel may find to be no block, or keep beside its tip.
fn both_of_bytes(run: &mut Run, bytes: &[u8]) -> (bool, Receipt) {
    let tip = run.kernel.tip();
    run.kernel.process(bytes);
    let receipts = give(&mut run.judge.before(0), bytes);
    (
        run.kernel.tip() != tip,
        *receipts.last().expect("of a block"),
    )
}

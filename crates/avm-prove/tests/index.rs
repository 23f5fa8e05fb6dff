//! Every step of an index proves, and its proof verifies to the same claim; and how large proofs
//! are: of taking a block, of settling transactions, of the opcodes of a call, of closing a block.

use std::collections::BTreeMap;
use std::sync::Arc;

use avm_atomicals::Rules;
use avm_atomicals::index::envelope::Operation;
use avm_atomicals::index::receipt::Settled;
use avm_atomicals::index::sample::{self, Chain, Tx, cbor};
use avm_atomicals::index::{Index, IndexMachine, Network, Params, Receipt};
use avm_core::{Claim, Machine, MemoryInbox, MemoryNodes, NoOutbox, Stop, advance};
use avm_prove::{AgreedLog, prove_step, verify_step};
use avm_testkit::seed;

/// What a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Refuse,
    Take,
    Plain,
    Begin,
    Opcode,
    EndCall,
    Settle(Operation, bool),
    Close,
    Idle,
}

/// Sizes of the proofs of each kind of step: how many, the largest, their sum.
type Sizes = BTreeMap<Step, (u32, usize, usize)>;

fn kind(before: &IndexMachine, after: &IndexMachine, idle: bool) -> Step {
    let (was, is) = (before.in_work(), after.in_work());
    let position = |work: Option<(u32, u32, u32)>| work.map(|(_, position, _)| position);
    let ended = is.is_none() || position(is) > position(was);
    match (was, before.running().is_some(), after.last()) {
        _ if idle => Step::Idle,
        (None, _, _) if is.is_none() => Step::Refuse,
        (None, ..) => Step::Take,
        (Some((_, at, total)), ..) if at == total => Step::Close,
        (_, true, _) if !ended => Step::Opcode,
        (_, true, _) => Step::EndCall,
        _ if after.running().is_some() => Step::Begin,
        (Some((height, at, _)), _, Some(Receipt::Operation(receipt)))
            if (receipt.place.height, receipt.place.position) == (height, at) =>
        {
            Step::Settle(receipt.operation, receipt.settled == Settled::Done)
        }
        _ => Step::Plain,
    }
}

/// Runs blocks step by step and proves each step in a range.
fn check(params: &Params, blocks: Vec<Vec<u8>>, from: u64, steps: u64, sizes: &mut Sizes) {
    let vm = Index::default();
    let mut machine = vm.load(params);
    let inbox: MemoryInbox = blocks.iter().map(|block| &block[..]).collect();
    let mut claim = Claim::genesis(machine.state_hash());
    if from > 0 {
        let ran = advance(&mut machine, claim, &inbox, &mut NoOutbox, from);
        claim = ran.expect("no host fails").0;
    }
    let mut nodes = MemoryNodes::default();
    let mut taken = Vec::new();
    machine.save(&mut nodes).expect("a sink in memory");
    for _ in 0..steps {
        let before = machine.clone();
        let ran = advance(&mut machine, claim, &inbox, &mut NoOutbox, 1);
        let (next, stop) = ran.expect("no host fails");
        machine.save(&mut nodes).expect("a sink in memory");
        taken.push((
            claim,
            next,
            kind(&before, &machine, stop == Stop::NeedsInput),
        ));
        claim = next;
        if stop == Stop::NeedsInput {
            break;
        }
    }
    let nodes = Arc::new(nodes);
    let log = AgreedLog::read(&inbox, u64::MAX).expect("a log in memory");
    let head = log.head();
    for (pre, want, kind) in taken {
        let (witness, post) = prove_step(&vm, &log, &pre, nodes.clone())
            .unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert_eq!(post, want, "{kind:?} of an opened state");
        verify_step(&vm, &head, &pre, &post, &witness)
            .unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        let bytes: usize = witness.nodes.iter().map(|node| node.len()).sum();
        let (count, most, sum) = sizes.entry(kind).or_default();
        *count += 1;
        *most = bytes.max(*most);
        *sum += bytes;
    }
}

fn report(sizes: &Sizes) {
    for (kind, (count, most, sum)) in sizes {
        let mean = sum / *count as usize;
        println!("{kind:?}: {count} proofs, largest {most} bytes, {mean} in the mean");
    }
}

#[test]
fn of_random_chains() {
    let mut sizes = Sizes::new();
    seed::each(16, |rng| {
        let rules = Rules::ALL[rng.below(2) as usize];
        let (mut chain, mut blocks) = Chain::new();
        blocks.extend((0..8).map(|_| chain.next(&rng.bytes(300))));
        blocks.insert(4, b"no block".to_vec());
        let params = Params::new(Network::Regtest, rules);
        check(&params, blocks, 0, 1_500, &mut sizes);
    });
    report(&sizes);
    if std::env::var_os(seed::VARIABLE).is_some() {
        return;
    }
    let there = |kind| sizes.contains_key(&kind);
    let kinds = [
        Step::Refuse,
        Step::Take,
        Step::Plain,
        Step::Begin,
        Step::Opcode,
    ];
    assert!(kinds.into_iter().all(there), "{sizes:?}");
    assert!(
        [Step::EndCall, Step::Close, Step::Idle]
            .into_iter()
            .all(there),
        "{sizes:?}"
    );
    for operation in [
        Operation::Def,
        Operation::Ft,
        Operation::Nft,
        Operation::Dft,
    ] {
        assert!(there(Step::Settle(operation, true)), "{operation:?}");
    }
    assert!(there(Step::Settle(Operation::Call, false)));
}

/// A chain of `items` items on as many outputs, then a block with transfers, a mint and a call; and
/// how many blocks come before it.
fn filled(items: u32) -> (Vec<Vec<u8>>, usize) {
    let (chain, mut blocks) = Chain::new();
    let vault = vault(&blocks);
    let rewards = vec![(600, vec![0x51]); items as usize + 3];
    let (block, hash, coinbase) = sample::block(&chain.tip, chain.height + 1, 0, &rewards, &[]);
    blocks.push(block);
    let mint = |at| {
        let tx = Tx::spending(&[coinbase.outpoint(at)]).envelope(0, "nft", &[0xa0]);
        tx.output(600, &[0x51])
    };
    let txs: Vec<Tx> = (0..items).map(mint).collect();
    let (block, hash, _) = sample::block(&hash, chain.height + 2, 0, &[], &txs);
    blocks.push(block);
    let unlock = sample::unlock(&[], sample::Method::Count);
    let call = cbor::map(&[("id", cbor::bytes(&vault)), ("u", cbor::bytes(&unlock))]);
    let call = Tx::spending(&[coinbase.outpoint(items + 1)]).envelope(0, "c", &call);
    let txs = [
        Tx::spending(&[txs[0].outpoint(0)]).output(600, &[0x52]),
        Tx::spending(&[coinbase.outpoint(items + 2)]).output(600, &[0x52]),
        mint(items),
        call.output(600, &[0x51]),
    ];
    let before = blocks.len();
    let (block, ..) = sample::block(&hash, chain.height + 3, 0, &[], &txs);
    blocks.push(block);
    (blocks, before)
}

/// The contract that all random chains have.
fn vault(blocks: &[Vec<u8>]) -> [u8; 36] {
    let vm = Index::default();
    let mut machine = vm.load(&Params::new(Network::Regtest, &Rules::AVM1));
    let inbox: MemoryInbox = blocks.iter().map(|block| &block[..]).collect();
    let claim = Claim::genesis(machine.state_hash());
    advance(&mut machine, claim, &inbox, &mut NoOutbox, u64::MAX).expect("no host fails");
    machine.contracts(None, 1).expect("in memory")[0]
}

/// Proofs grow with the logarithm of what the index knows.
#[test]
fn proofs_stay_small_whatever_the_state_holds() {
    let mut most = Vec::new();
    for items in [10, 1_000] {
        let params = Params::new(Network::Regtest, &Rules::AVM1);
        let (blocks, before) = filled(items);
        // Up to the last block.
        let vm = Index::default();
        let mut machine = vm.load(&params);
        let inbox: MemoryInbox = blocks[..before].iter().map(|block| &block[..]).collect();
        let claim = Claim::genesis(machine.state_hash());
        let ran = advance(&mut machine, claim, &inbox, &mut NoOutbox, u64::MAX);
        let from = ran.expect("no host fails").0.steps;
        let mut sizes = Sizes::new();
        check(&params, blocks, from, 1_000, &mut sizes);
        println!("{items} items:");
        report(&sizes);
        assert!(sizes.contains_key(&Step::EndCall), "{sizes:?}");
        assert!(
            sizes.contains_key(&Step::Settle(Operation::Nft, true)),
            "{sizes:?}"
        );
        most.push(sizes);
    }
    for (kind, (_, large, _)) in &most[1] {
        let small = most[0][kind].1;
        // The block itself is the input, and what is taken is as long as its list.
        assert!(
            *large < 3 * small + 2_000,
            "{kind:?}: {small} and {large} bytes"
        );
    }
}

/// The largest proofs: a mint whose commit is not among the last 101 blocks looks into each of them.
#[test]
fn a_mint_of_an_unknown_commit_looks_into_the_whole_window() {
    let (chain, mut blocks) = Chain::new();
    let mut tip = chain.tip;
    let first = chain.height + 1;
    for height in first..first + 110 {
        let (block, hash, _) = sample::block(&tip, height, 0, &[(1, vec![0x51])], &[]);
        blocks.push(block);
        tip = hash;
    }
    let mint = Tx::spending(&[[9; 36]]).envelope(0, "nft", &[0xa0]);
    let mint = mint.output(600, &[0x51]);
    let (block, ..) = sample::block(&tip, first + 110, 0, &[], &[mint]);
    let before = blocks.len();
    blocks.push(block);
    let params = Params::new(Network::Regtest, &Rules::AVM1);
    let mut machine = Index::default().load(&params);
    let inbox: MemoryInbox = blocks[..before].iter().map(|block| &block[..]).collect();
    let claim = Claim::genesis(machine.state_hash());
    let ran = advance(&mut machine, claim, &inbox, &mut NoOutbox, u64::MAX);
    let mut sizes = Sizes::new();
    check(
        &params,
        blocks,
        ran.expect("no host fails").0.steps,
        10,
        &mut sizes,
    );
    report(&sizes);
    let (_, most, _) = sizes[&Step::Settle(Operation::Nft, false)];
    assert!(most < 500_000, "{most} bytes");
}

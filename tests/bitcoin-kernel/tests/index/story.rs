//! A contract is deployed, called and pays out; six blocks are taken back, and come again.

use avm_atomicals::Rules;
use avm_atomicals::index::query::Balance;
use avm_atomicals::index::receipt::{Receipt, Settled};
use avm_atomicals::index::request::NameKind;
use avm_atomicals::index::rows::ItemKind;
use avm_core::{Hash, Machine};
use avm_regtest::bitcoin::hashes::Hash as _;
use avm_regtest::bitcoin::{Block, BlockHash, OutPoint, Transaction, Witness};
use avm_regtest::{Chain, Event, Id, Key, Lots, Operation, Publish, Published, id};
use avm_test_bitcoin_kernel::{Kernel, Verdict, give, path};

use crate::judge::{Run, Tally};
use crate::vault::{self, COUNT, CTOR, OWN, PAY_FT, PAY_NFT, TAKE_FT, TAKE_NFT, unlock};

/// A chain, who follows it, and who acts on it.
struct Story {
    run: Run,
    chain: Chain,
    alice: Key,
    bob: Key,
}

impl Story {
    fn new(rules: &'static Rules) -> Self {
        let [alice, bob] = ["alice", "bob"].map(Key::from_seed);
        let mut story = Self {
            run: Run::new(rules),
            chain: Chain::funded(),
            alice,
            bob,
        };
        for key in [alice, alice, alice, bob] {
            story.chain.fund(&key, 10_000_000).expect("funded");
        }
        story.mine();
        story
    }

    /// The next block, with all that waits.
    fn mine(&mut self) {
        self.chain.mine();
        assert_eq!(self.chain.mempool().count(), 0);
        self.run.follow(&mut self.chain);
    }

    fn mine_empty(&mut self, blocks: u32) {
        for _ in 0..blocks {
            self.chain.mine_empty(1);
            self.run.follow(&mut self.chain);
        }
    }

    fn publish(&mut self, publish: &Publish) -> Published {
        self.chain.publish(publish).expect("funded")
    }

    fn by_alice(&self, operation: Operation) -> Publish<'static> {
        Publish::new(&self.alice, operation)
    }

    fn call(&self, contract: Id, method: i64, arguments: &[i64]) -> Publish<'static> {
        self.by_alice(Operation::call(contract, &unlock(method, arguments)))
    }

    /// What became of the operation of a reveal, which is in a block.
    fn settled(&self, reveal: &Transaction) -> Settled {
        let txid = reveal.compute_txid().to_byte_array();
        let receipts = self.run.judge.operations();
        let receipt = receipts.iter().find(|receipt| receipt.txid == txid);
        receipt.expect("it is in a block").settled
    }

    fn done(&self, published: &Published) {
        let settled = self.settled(&published.reveal);
        assert_eq!(settled, Settled::Done, "{}", self.run.rules.name);
    }

    /// Units of a token on an output, or the satoshis below one that is not fungible.
    fn units(&mut self, outpoint: OutPoint, token: Id) -> u64 {
        let held = self.run.judge.machine().tokens(&id(outpoint));
        let held = held.expect("in memory").map(|held| held.tokens);
        let held = held.into_iter().flatten().find(|held| held.id == token);
        held.map_or(0, |held| held.amount)
    }

    fn value(&mut self, contract: &Id, key: u8) -> Option<Vec<u8>> {
        let machine = self.run.judge.machine();
        let value = machine.contract_value(contract, &[1], &[key]);
        value.expect("in memory").map(|value| value.to_vec())
    }

    fn balances(&mut self, contract: &Id, kind: ItemKind) -> Vec<(Id, u64)> {
        let machine = self.run.judge.machine();
        let balances = machine.contract_balances(contract, kind, None, 10);
        let pair = |balance: Balance| (balance.id, balance.amount);
        balances.expect("in memory").into_iter().map(pair).collect()
    }

    fn root(&mut self) -> Hash {
        self.run.judge.machine().state_hash()
    }
}

/// An output of a transaction.
fn at(tx: &Transaction, vout: u32) -> OutPoint {
    let txid = tx.compute_txid();
    OutPoint { txid, vout }
}

/// Every operation once, each seen in what it did.
fn operations(story: &mut Story) {
    let (alice, bob) = (story.alice, story.bob);
    let lots = Lots {
        amount: 1_000,
        height: 1,
        max: 2,
    };
    let dft = Operation::dft("lots", lots).arg("mint_bitworkc", "0");
    let dft = story.publish(&story.by_alice(dft));
    let ft = Operation::ft("worked")
        .arg("bitworkc", "a")
        .arg("bitworkr", "b.3");
    let ft = story.publish(&story.by_alice(ft).output(alice.output(9_000)));
    let realm = Operation::nft().arg("request_realm", "home");
    let realm = story.publish(&story.by_alice(realm));
    let plain = story.publish(&story.by_alice(Operation::nft()));
    story.mine();
    for published in [&dft, &ft, &realm, &plain] {
        story.done(published);
    }
    assert_eq!(story.units(ft.outpoint(0), ft.id()), 9_000);
    // A commit and its reveal, blocks apart.
    let dat = story.by_alice(Operation::named("dat").with("k", "v"));
    let dat = dat.build(&story.chain).expect("funded");
    story.chain.submit(dat.commit.clone()).expect("funded");
    story.mine();
    story.mine_empty(2);
    let named = story.run.judge.machine().named(NameKind::Realm, "home");
    let named = named.expect("in memory").expect("it has an owner");
    assert_eq!((named.id, named.verified), (realm.id(), true));
    story.chain.submit(dat.reveal.clone()).expect("funded");
    let lot = |work| Operation::dmt("lots").arg("bitworkc", work);
    let lot = |story: &mut Story, work| {
        let lot = story.by_alice(lot(work)).output(alice.output(1_000));
        story.publish(&lot)
    };
    let lots = [lot(story, "0"), lot(story, "00"), lot(story, "01")];
    story.mine();
    story.done(&dat);
    let minted: Vec<u64> = lots
        .iter()
        .map(|lot| story.units(lot.outpoint(0), dft.id()))
        .collect();
    // There are two.
    assert_eq!(minted, [1_000, 1_000, 0]);

    // Half of the units to each.
    let z = Operation::custom(&[(ft.id(), &[(0, 4_000), (1, 5_000)])]);
    let z = story.by_alice(z).spend(ft.outpoint(0), &alice);
    let z = z.output(alice.output(5_000)).output(bob.output(5_000));
    let z = story.publish(&z);
    // Both items to output 0, which splat takes apart again.
    let together = [(realm.outpoint(0), alice), (plain.outpoint(0), alice)];
    let together = story.publish(&Publish {
        spend: together.to_vec(),
        ..story.by_alice(Operation::split(&[]))
    });
    story.mine();
    story.done(&z);
    story.done(&together);
    let halves = [0, 1].map(|vout| story.units(z.outpoint(vout), ft.id()));
    assert_eq!(halves, [4_000, 5_000]);
    for item in [realm.id(), plain.id()] {
        assert_eq!(story.units(together.outpoint(0), item), 546);
    }
    let x = story.by_alice(Operation::splat());
    let x = x.spend(together.outpoint(0), &alice);
    let x = story.publish(&x.output(alice.output(600)).output(alice.output(700)));
    // The first output is left alone.
    let y = Operation::split(&[(ft.id(), 800)]);
    let y = story.by_alice(y).spend(z.outpoint(0), &alice);
    let y = story.publish(&y.output(alice.output(800)).output(bob.output(4_000)));
    story.mine();
    story.done(&x);
    story.done(&y);
    let mut items = [realm.id(), plain.id()];
    items.sort();
    let [first, second] = items;
    let splat = [first, second].map(|item| [0, 1].map(|at| story.units(x.outpoint(at), item)));
    assert_eq!(splat, [[600, 0], [0, 700]]);
    assert_eq!(story.units(y.outpoint(0), ft.id()), 0);
    assert_eq!(story.units(y.outpoint(1), ft.id()), 4_000);

    // What items are for besides; then a plain transfer of units, and one of an item.
    let mut item = x.outpoint(0);
    for name in ["mod", "evt", "sl"] {
        let operation = Operation::named(name).with("k", name);
        let publish = story.by_alice(operation).spend(item, &alice);
        let published = story.publish(&publish);
        story.mine();
        story.done(&published);
        // Items of input 1 go to output 1, or to output 0 if it is not there: the change is.
        let has = [0, 1].map(|at| story.units(published.outpoint(at), first));
        let vout = has.iter().position(|units| *units > 0).expect("somewhere");
        item = published.outpoint(u32::try_from(vout).expect("0 or 1"));
    }
    let units = [(z.outpoint(1), bob), (y.outpoint(1), bob)];
    let outputs = vec![alice.output(3_000), bob.output(6_000)];
    let moved = story.chain.transfer(&bob, &units, outputs).expect("funded");
    let sent = story
        .chain
        .transfer(&alice, &[(item, alice)], vec![bob.output(900)]);
    let sent = sent.expect("funded");
    story.mine();
    let units = [0, 1].map(|vout| story.units(at(&moved, vout), ft.id()));
    assert_eq!(units, [3_000, 6_000]);
    assert_eq!(story.units(at(&sent, 0), first), 900);
}

fn deep_reorg(rules: &'static Rules) {
    let mut story = Story::new(rules);
    let (alice, bob) = (story.alice, story.bob);
    let protocol = story.publish(&story.by_alice(Operation::def("vault", &vault::code())));
    let gold = story.by_alice(Operation::ft("gold"));
    let gold = story.publish(&gold.output(alice.output(8_000)));
    let pearl = story.publish(&story.by_alice(Operation::nft()));
    story.mine();
    story.mine_empty(3);
    operations(&mut story);
    let before = story.root();
    let height = story.chain.height();

    // Six blocks.
    let new = Operation::new("vault", Some("bank"), &unlock(CTOR, &[]));
    let new = story.publish(&story.by_alice(new));
    let bank = new.id();
    story.mine();
    let count = story.publish(&story.call(bank, COUNT, &[]));
    let twice = story.publish(&story.call(bank, COUNT, &[]));
    story.mine();
    let take = story
        .call(bank, TAKE_FT, &[])
        .spend(gold.outpoint(0), &alice);
    let take = story.publish(&take);
    let put = story
        .call(bank, TAKE_NFT, &[])
        .spend(pearl.outpoint(0), &alice);
    let put = story.publish(&put);
    story.mine();
    let view = story.run.judge.machine().contract(&bank);
    let chain = view.expect("in memory").expect("it is there").chain;
    let by = |tx: &Transaction| vault::digest(rules, &bank, chain, &unlock(OWN, &[]), tx);
    let own = story.publish(&story.call(bank, OWN, &[]).signed(&bob, &by));
    story.mine();
    let pay = story.call(bank, PAY_FT, &[3_000, 1]);
    let pay = pay.output(alice.output(700)).output(bob.output(5_000));
    let pay = story.publish(&pay);
    let give_back = story.call(bank, PAY_NFT, &[1]);
    let give_back = give_back.output(alice.output(700)).output(bob.output(800));
    let give_back = story.publish(&give_back);
    // By name, and the name is verified in this block only.
    let named = Operation::call("bank", &unlock(COUNT, &[]));
    let named = story.publish(&story.by_alice(named));
    story.mine();
    let on = [(pay.outpoint(1), bob)];
    let onwards = story.chain.transfer(&bob, &on, vec![alice.output(3_000)]);
    let onwards = onwards.expect("funded");
    story.mine();
    assert_eq!(story.chain.height(), height + 6);

    let all = [
        &protocol, &new, &count, &twice, &take, &put, &own, &pay, &named,
    ];
    // Under beta1 no item ever leaves a contract (Q7).
    let leaves = rules.nft_withdraw;
    let assert_after = |story: &mut Story| {
        for published in all {
            story.done(published);
        }
        let settled = story.settled(&give_back.reveal);
        assert_eq!(settled == Settled::Done, leaves);
        assert_eq!(story.value(&bank, 1), Some(vec![4]));
        assert_eq!(story.value(&bank, 2), Some(bob.public().to_vec()));
        assert_eq!(story.balances(&bank, ItemKind::Ft), [(gold.id(), 5_000)]);
        let items = story.balances(&bank, ItemKind::Nft);
        assert_eq!(items.is_empty(), leaves);
        let paid = story.units(give_back.outpoint(1), pearl.id());
        assert_eq!(paid, if leaves { 800 } else { 0 });
        assert_eq!(story.units(at(&onwards, 0), gold.id()), 3_000);
    };
    assert_after(&mut story);
    let after = story.root();
    let old = story.chain.clone();

    // Seven empty blocks in their place: there is no contract, and the tokens are where they were.
    let back = story.chain.reorg(6).expect("deep enough");
    assert_eq!(back.len(), 2 + 4 + 4 + 2 + 6 + 1);
    story.mine_empty(6);
    assert_eq!(story.root(), after, "as much work is not more work");
    story.mine_empty(1);
    assert_eq!(story.run.judge.disconnected, 6);
    let view = story.run.judge.machine().contract(&bank);
    assert_eq!(view.expect("in memory"), None);
    assert_eq!(story.units(gold.outpoint(0), gold.id()), 8_000);
    assert_eq!(story.units(pearl.outpoint(0), pearl.id()), 546);
    let emptied = story.root();
    assert!(emptied != before && emptied != after);

    // The same transactions, in one block. A name is younger than its reveal there.
    story.mine();
    let settled = story.settled(&named.reveal);
    assert!(matches!(settled, Settled::Refused(_)), "{settled:?}");
    for published in [&new, &count, &twice, &take, &put, &own, &pay] {
        story.done(published);
    }
    assert_eq!(story.value(&bank, 1), Some(vec![3]));
    assert_eq!(story.units(at(&onwards, 0), gold.id()), 3_000);

    // The old branch is longer again: the state is the old one, and after each block it was.
    story.chain = old;
    story.chain.set_branch(9);
    story.mine_empty(3);
    assert_eq!(story.run.judge.disconnected, 6 + 8);
    assert_after(&mut story);
    let mut tally = Tally::default();
    tally.add(&story.run.judge.operations());
    tally.assert_each(1);
    story.run.replay();
}

#[test]
fn six_blocks_with_a_contract_come_back_under_avm1() {
    deep_reorg(&Rules::AVM1);
}

#[test]
fn six_blocks_with_a_contract_come_back_under_beta1() {
    deep_reorg(&Rules::BETA1);
}

/// What only the validation of scripts notices: the index does not, and need not.
#[test]
fn a_block_that_the_kernel_refuses_does_not_reach_the_index() {
    for rules in Rules::ALL {
        let mut story = Story::new(rules);
        let alice = story.alice;
        let gold = story.by_alice(Operation::ft("gold"));
        let gold = story.publish(&gold.output(alice.output(8_000)));
        story.mine();
        story.done(&gold);
        let mut branch = story.chain.clone();
        branch.set_branch(1);
        branch.take_events();
        story.mine_empty(2);
        let root = story.root();

        // Gold is minted with a signature that is not good, behind a good block; more work follows.
        branch.mine_empty(1);
        let more = story.by_alice(Operation::ft("fools"));
        let more = more.output(alice.output(8_000)).build(&branch);
        let Published { commit, mut reveal } = more.expect("funded");
        let mut witness = reveal.input[0].witness.to_vec();
        witness[0][20] ^= 1;
        reveal.input[0].witness = Witness::from_slice(&witness);
        branch
            .mine_with(vec![commit, reveal])
            .expect("scripts are not run");
        branch.mine_empty(3);
        let good = branch
            .block(story.chain.height() - 1)
            .expect("mined")
            .clone();
        let bad: Vec<Block> = branch.blocks()[story.chain.height() as usize..].to_vec();
        assert_eq!(bad.len(), 4);
        let first = process(&story.run.kernel, &good);
        assert_eq!(first, Verdict::Fine);
        for (at, block) in bad.iter().enumerate() {
            let verdict = process(&story.run.kernel, block);
            // It has as much work as the active chain, and is looked at when it has more.
            assert_eq!(
                matches!(verdict, Verdict::Refused(_)),
                at > 0,
                "{verdict:?}"
            );
            // It goes as far as the good block, the index with it, and both come back.
            let events = story.run.kernel.lead(&mut [&mut story.run.judge]);
            assert_eq!(
                events,
                if at == 1 {
                    there_and_back(&story.chain, &good)
                } else {
                    vec![]
                }
            );
        }
        assert!(story.run.judge.seen(&good.block_hash()));
        assert!(
            bad.iter()
                .all(|block| !story.run.judge.seen(&block.block_hash()))
        );
        assert_eq!(story.root(), root);
        assert_eq!(
            story.run.kernel.tip(),
            (story.chain.height(), story.chain.tip_hash())
        );

        // By itself the index would take it, and mint.
        let mut alone = story.run.judge.before(2);
        give(&mut alone, &serialize(&good));
        let receipts = give(&mut alone, &serialize(&bad[0]));
        let [Receipt::Operation(minted), Receipt::Block(_)] = receipts[..] else {
            panic!("{receipts:?}");
        };
        assert_eq!(minted.settled, Settled::Done);

        // Nothing of it stays: the chain goes on.
        story.publish(&story.by_alice(Operation::ft("more")));
        story.mine();
        assert_eq!(story.run.judge.disconnected, 3);
        story.run.replay();
    }
}

/// To a block beside the last one but one, and back.
fn there_and_back(chain: &Chain, good: &Block) -> Vec<Event> {
    let height = chain.height() - 1;
    let hashes: Vec<BlockHash> = chain.blocks().iter().map(Block::block_hash).collect();
    let other = [&hashes[..height as usize], &[good.block_hash()]].concat();
    [path(&hashes, &other), path(&other, &hashes)].concat()
}

fn serialize(block: &Block) -> Vec<u8> {
    avm_regtest::bitcoin::consensus::serialize(block)
}

fn process(kernel: &Kernel, block: &Block) -> Verdict {
    kernel.process(&serialize(block))
}

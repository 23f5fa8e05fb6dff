//! A Bitcoin chain with a contract that holds tokens, and an index that follows it, through calls of
//! three people, a forged signature, and a reorg of six blocks. What does the index know after each
//! block, and is it the same whichever way it came there?
//!
//! ```text
//! cargo run -p avm --example chain_story
//! ```

use std::error::Error;

use avm::atomicals::Rules;
use avm::atomicals::asm::{Assembled, Options, assemble, encode_call};
use avm::atomicals::index::receipt::Settled;
use avm::atomicals::index::rows::ItemKind;
use avm::atomicals::index::{Index, IndexMachine, Network, Params, Receipt};
use avm::atomicals::script::auth;
use avm::core::{Bytes, Claim, Hash, Machine, MemoryInbox, MemoryOutbox, NoOutbox, Stop, advance};
use avm_regtest::bitcoin::consensus::serialize;
use avm_regtest::bitcoin::{OutPoint, Transaction, Txid};
use avm_regtest::{Chain, Event, Id, Key, Operation, Publish, Published};

/// Keeps one token for many: what each paid in, each can take out. Counts the calls of each.
const PURSE: &str = "
.rules avm1
.const S 'purse'

.method ctor(token: bytes) {
    S 'token' KV_EXISTS NOT VERIFY
    SIZE 36 NUMEQUALVERIFY
    S 'token' ROT KV_PUT
    1
}
.method deposit() {
    CHECKAUTHSIGVERIFY                      # key
    .include 'count'
    S 'token' KV_GET 1 FT_BALANCE           # key amount
    DUP 0NOTEQUAL VERIFY
    OVER 'owed' SWAP KV_EXISTS
    IF OVER 'owed' SWAP KV_GET ADD ENDIF    # key owed
    'owed' ROT ROT KV_PUT                   #
    S 'token' KV_GET FT_BALANCE_ADD
    1
}
.method withdraw(amount: int, output: int) {
    CHECKAUTHSIGVERIFY                      # amount output key
    .include 'count'
    2 PICK OVER 'owed' SWAP KV_GET          # amount output key amount owed
    SWAP SUB                                # amount output key left
    DUP 0 GREATERTHANOREQUAL VERIFY
    'owed' ROT ROT KV_PUT                   # amount output
    S 'token' KV_GET FT_WITHDRAW
    1
}
";

/// Counts a call of the key on the stack, which stays there.
const COUNT: &str = "
    DUP 'calls' SWAP KV_EXISTS              # key known
    IF DUP 'calls' SWAP KV_GET 1ADD ELSE 1 ENDIF
    OVER 'calls' SWAP ROT KV_PUT            # key
";

/// Units of the token.
const SUPPLY: u64 = 100_000;
/// Units that Alice loses on purpose: her transfer has too few satoshis for them.
const BURNED: u64 = 500;

/// Height, first bytes of the root, operations done and refused: the six blocks before the reorg, and
/// the six that replaced them and one more. Any change of the rules or of an encoding shows here.
const ROOTS: &[(u32, &str, u32, u32)] = &[
    (116, "8270d05f..e64f", 1, 0),
    (117, "737b8f3b..e215", 1, 1),
    (118, "c46502c1..81b9", 1, 0),
    (119, "884d6963..40b9", 1, 1),
    (120, "3f7cbe48..d166", 0, 0),
    (121, "7555e6d2..e6d2", 1, 0),
    (116, "649d7c5d..70cb", 0, 0),
    (117, "0b5bf277..3625", 1, 1),
    (118, "4c87ad3a..3fd8", 1, 0),
    (119, "75b9dfd1..ccb7", 0, 0),
    (120, "4eef80f9..41d8", 2, 1),
    (121, "140eafd2..7b69", 0, 0),
    (122, "3c4ede9f..e519", 1, 0),
];

type Outcome<T> = Result<T, Box<dyn Error>>;

/// An index that follows a chain: a machine after each block, so that a reorg goes back to one of them.
struct Indexer {
    inbox: MemoryInbox,
    after: Vec<(Claim, IndexMachine)>,
}

impl Indexer {
    fn new() -> Self {
        let mut machine = Index::default().load(&Params::new(Network::Regtest, &Rules::AVM1));
        let genesis = Claim::genesis(machine.state_hash());
        Self {
            inbox: MemoryInbox::default(),
            after: vec![(genesis, machine)],
        }
    }

    /// Takes what the chain did since the last time: the receipts of new blocks.
    fn follow(&mut self, chain: &mut Chain) -> Outcome<Vec<Receipt>> {
        let mut receipts = vec![];
        for event in chain.take_events() {
            match event {
                Event::Disconnected(..) => {
                    self.after.pop();
                    self.inbox.0.pop();
                }
                Event::Connected(height, _) => {
                    let block = chain.block_bytes(height).ok_or("a block left at once")?;
                    self.inbox.0.push(Bytes::from(block));
                    let (claim, mut machine) = self.after[self.after.len() - 1].clone();
                    let mut outbox = MemoryOutbox::default();
                    let (claim, stop) =
                        advance(&mut machine, claim, &self.inbox, &mut outbox, u64::MAX)?;
                    assert_eq!(stop, Stop::NeedsInput);
                    self.after.push((claim, machine));
                    for (_, hash) in &outbox.outputs {
                        receipts.push(Receipt::open(*hash, &outbox.nodes)?);
                    }
                }
            }
        }
        Ok(receipts)
    }

    fn root(&self) -> Hash {
        self.after[self.after.len() - 1].0.state
    }

    fn machine(&self) -> IndexMachine {
        self.after[self.after.len() - 1].1.clone()
    }
}

/// Everything the story is about.
struct Story {
    chain: Chain,
    indexer: Indexer,
    purse: Assembled,
    contract: Id,
    token: Id,
    burning: Option<Txid>,
    seen: Vec<(u32, String, u32, u32)>,
}

impl Story {
    /// Mines these transactions, or what waits, tells what became of it, and counts the tokens.
    fn mine(&mut self, txs: Option<Vec<Transaction>>) -> Outcome<Vec<Settled>> {
        match txs {
            Some(txs) => drop(self.chain.mine_with(txs)?),
            None => drop(self.chain.mine()),
        }
        let mut settled = vec![];
        for receipt in self.indexer.follow(&mut self.chain)? {
            match receipt {
                Receipt::Operation(receipt) => {
                    println!("  {:<4} {:?}", receipt.operation.name(), receipt.settled);
                    settled.push(receipt.settled);
                }
                Receipt::Block(block) => {
                    let root = self.indexer.root();
                    let [t, s] =
                        [block.blocks_chain, block.states_chain].map(|hash| Hash(hash).short());
                    println!("{} root {} T {t} S {s}", block.height, root.short());
                    let counts = (block.operations, block.refused);
                    self.seen
                        .push((block.height, root.short().to_string(), counts.0, counts.1));
                }
                Receipt::Refused(why) => return Err(why.text().into()),
                Receipt::Evicted(_) => unreachable!("there are no virtual outputs here"),
            }
        }
        self.count_tokens()?;
        Ok(settled)
    }

    /// Units on all outputs and in the contract are what was minted and not burned.
    fn count_tokens(&self) -> Outcome<()> {
        let mut machine = self.indexer.machine();
        let Some(item) = machine.item(&self.token)? else {
            return Ok(());
        };
        let mut units = 0;
        for coin in self.chain.all_confirmed() {
            let tokens = machine.tokens(&avm_regtest::id(coin.outpoint))?;
            let tokens = tokens.into_iter().flat_map(|on| on.tokens);
            let mine = tokens.filter(|token| token.id == self.token);
            units += mine.map(|token| token.amount).sum::<u64>();
        }
        units += self.held()?;
        let burned = self.chain.blocks().iter().flat_map(|block| &block.txdata);
        let burned = burned.map(Transaction::compute_txid);
        let burned = burned.filter(|txid| Some(*txid) == self.burning).count() as u64 * BURNED;
        assert_eq!((item.sats, units), (SUPPLY, SUPPLY - burned));
        Ok(())
    }

    /// Units in the contract.
    fn held(&self) -> Outcome<u64> {
        let mut machine = self.indexer.machine();
        let balances = machine.contract_balances(&self.contract, ItemKind::Ft, None, 10)?;
        Ok(balances.iter().map(|balance| balance.amount).sum())
    }

    /// A call, ready to be published: `names` is who it says is calling, `signs` who signs it.
    fn call(&self, names: &Key, signs: &Key, method: &str, args: &[&str]) -> Outcome<Call> {
        let unlock = encode_call(&self.purse.methods, method, args)?;
        let mut machine = self.indexer.machine();
        let view = machine.contract(&self.contract)?;
        Ok(Call {
            contract: self.contract,
            previous: view.ok_or("the contract is not there")?.chain,
            code: self.purse.code.clone(),
            unlock,
            names: *names,
            signs: *signs,
        })
    }

    /// Publishes a call with coins that carry tokens and with outputs for its publisher.
    fn publish(&mut self, call: &Call, spend: &[OutPoint], outputs: &[u64]) -> Outcome<Published> {
        let digest = |tx: &Transaction| call.digest(tx);
        let operation = Operation::call(call.contract, &call.unlock);
        let mut publish = Publish::new(&call.names, operation).signed(&call.signs, &digest);
        publish.operation = publish.operation.auth(&call.names);
        for outpoint in spend {
            publish = publish.spend(*outpoint, &call.names);
        }
        for sats in outputs {
            publish = publish.output(call.names.output(*sats));
        }
        Ok(self.chain.publish(&publish)?)
    }
}

/// A call before it is signed.
struct Call {
    contract: Id,
    previous: Hash,
    code: Vec<u8>,
    unlock: Vec<u8>,
    names: Key,
    signs: Key,
}

impl Call {
    fn digest(&self, tx: &Transaction) -> [u8; 32] {
        let (contract, rules) = (&self.contract, &Rules::AVM1);
        auth::digest_of(
            rules,
            contract,
            self.previous,
            &self.unlock,
            &self.code,
            &serialize(tx),
        )
        .expect("a transaction reads back")
    }
}

fn main() -> Outcome<()> {
    let include = |name: &str| (name == "count").then(|| COUNT.to_owned());
    let options = Options {
        includes: &include,
        ..Options::default()
    };
    let purse = assemble(PURSE, &options).map_err(|errors| errors[0].to_string())?;
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(Key::from_seed);
    let mut story = Story {
        chain: Chain::funded(),
        indexer: Indexer::new(),
        purse,
        contract: [0; 36],
        token: [0; 36],
        burning: None,
        seen: vec![],
    };
    story.indexer.follow(&mut story.chain)?;
    for key in [alice, bob, carol] {
        story.chain.fund(&key, 1_000_000)?;
    }
    story.mine(None)?;

    println!("- Alice publishes the code, and mints gold");
    let code = story.purse.code.clone();
    story
        .chain
        .publish(&Publish::new(&alice, Operation::def("purse", &code)))?;
    let gold = Publish::new(&alice, Operation::ft("gold")).output(alice.output(SUPPLY));
    let gold = story.chain.publish(&gold)?;
    story.token = gold.id();
    assert_eq!(story.mine(None)?, [Settled::Done; 2]);

    println!("- she gives some away, and the name of the protocol becomes good");
    let outputs = [
        alice.output(30_000),
        bob.output(20_000),
        carol.output(10_000),
        alice.output(40_000),
    ];
    let shares = story
        .chain
        .transfer(&alice, &[(gold.outpoint(0), alice)], outputs.to_vec())?;
    let share = |vout| OutPoint {
        txid: shares.compute_txid(),
        vout,
    };
    story.mine(None)?;
    story.mine(None)?;

    println!("- she deploys a purse for gold");
    let token: String = story.token.iter().map(|b| format!("{b:02x}")).collect();
    let unlock = encode_call(&story.purse.methods, "ctor", &[&token])?;
    let operation = Operation::new("purse", Some("purse"), &unlock);
    let deployed = story.chain.publish(&Publish::new(&alice, operation))?;
    story.contract = deployed.id();
    assert_eq!(story.mine(None)?, [Settled::Done]);
    let before = story.chain.height();

    println!("- Alice pays in");
    let call = story.call(&alice, &alice, "deposit", &[])?;
    story.publish(&call, &[share(0)], &[30_000])?;
    assert_eq!(story.mine(None)?, [Settled::Done]);
    assert_eq!(story.held()?, 30_000);

    println!("- Bob says he is Alice and takes it out; then he pays in like everybody");
    let forged = story.call(&bob, &bob, "withdraw", &["30000", "0"])?;
    let digest = |tx: &Transaction| forged.digest(tx);
    let mut publish = Publish::new(&bob, Operation::call(story.contract, &forged.unlock))
        .signed(&bob, &digest)
        .output(bob.output(30_000));
    publish.operation = publish.operation.auth(&alice);
    story.chain.publish(&publish)?;
    let call = story.call(&bob, &bob, "deposit", &[])?;
    story.publish(&call, &[share(1)], &[20_000])?;
    let settled = story.mine(None)?;
    assert!(matches!(settled[..], [Settled::Failed(_), Settled::Done]));

    println!("- Carol pays in");
    let call = story.call(&carol, &carol, "deposit", &[])?;
    story.publish(&call, &[share(2)], &[10_000])?;
    assert_eq!(story.mine(None)?, [Settled::Done]);
    assert_eq!(story.held()?, 60_000);

    println!("- she takes out more than she has; Bob a part of what he has");
    let call = story.call(&carol, &carol, "withdraw", &["10001", "0"])?;
    story.publish(&call, &[], &[10_001])?;
    let call = story.call(&bob, &bob, "withdraw", &["5000", "0"])?;
    story.publish(&call, &[], &[5_000])?;
    let settled = story.mine(None)?;
    assert!(matches!(settled[..], [Settled::Failed(_), Settled::Done]));
    assert_eq!(story.held()?, 55_000);

    println!("- Alice sends 40 000 units on 39 500 satoshis, which burns the rest");
    let outputs = vec![carol.output(40_000 - BURNED)];
    let burning = story
        .chain
        .transfer(&alice, &[(share(3), alice)], outputs)?;
    story.burning = Some(burning.compute_txid());
    // No output of hers may be left for them.
    assert_eq!(burning.output.len(), 1);
    story.mine(None)?;

    println!("- Alice takes out everything");
    let call = story.call(&alice, &alice, "withdraw", &["30000", "0"])?;
    story.publish(&call, &[], &[30_000])?;
    assert_eq!(story.mine(None)?, [Settled::Done]);
    assert_eq!((story.held()?, story.chain.height()), (25_000, before + 6));
    let (root, mut machine) = (story.indexer.root(), story.indexer.machine());
    let contract = machine.contract(&story.contract)?.ok_or("it is there")?;

    println!("- a reorg takes six blocks back");
    let back = story.chain.reorg(6)?;
    story.indexer.follow(&mut story.chain)?;
    assert_eq!(story.indexer.after.len() as u32, before + 1);
    println!("- the same transactions, in other blocks");
    let mut rest = back.into_iter();
    for share in [0, 5, 1, 0, 7, 0, usize::MAX] {
        let txs: Vec<Transaction> = rest.by_ref().take(share).collect();
        story.mine(Some(txs))?;
    }
    assert_eq!(story.chain.mempool().count(), 0);

    // Another chain, so another root; but the contract ended the same, call for call.
    let mut machine = story.indexer.machine();
    let again = machine.contract(&story.contract)?.ok_or("it is there")?;
    assert_ne!(story.indexer.root(), root);
    assert_eq!((again.chain, again.state), (contract.chain, contract.state));
    assert_eq!((again.row.calls, story.held()?), (5, 25_000));

    println!("- somebody who never saw the old blocks knows the same");
    let mut fresh = Index::default().load(&Params::new(Network::Regtest, &Rules::AVM1));
    let blocks = (1..=story.chain.height()).filter_map(|height| story.chain.block_bytes(height));
    let inbox = MemoryInbox(blocks.map(Bytes::from).collect());
    let genesis = Claim::genesis(fresh.state_hash());
    let (claim, _) = advance(&mut fresh, genesis, &inbox, &mut NoOutbox, u64::MAX)?;
    assert_eq!(claim.state, story.indexer.root());
    assert_eq!(fresh.chains(), machine.chains());
    println!("{} root {}", story.chain.height(), claim.state);

    let seen = story.seen.iter().rev().take(13).rev();
    let seen: Vec<_> = seen
        .map(|(h, root, done, not)| (*h, &root[..], *done, *not))
        .collect();
    assert_eq!(seen, ROOTS);
    Ok(())
}

#[test]
fn runs() -> Outcome<()> {
    main()
}

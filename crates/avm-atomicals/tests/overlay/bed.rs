//! Chains with virtual outputs, and an index that follows them.

use std::collections::BTreeMap;

use avm_atomicals::Rules;
use avm_atomicals::index::overlay::Entry;
use avm_atomicals::index::receipt::{EvictionReceipt, OperationReceipt, Refusal, Settled};
use avm_atomicals::index::{Index, IndexMachine, Network, Params, Receipt};
use avm_core::{Bytes, Claim, Machine, MemoryInbox, MemoryOutbox, NoOutbox, Stop, advance};
use avm_regtest::bitcoin::hashes::{Hash as _, sha256};
use avm_regtest::bitcoin::{OutPoint, Transaction};
use avm_regtest::cbor::{Map, Value};
use avm_regtest::{Chain, Id, Key, Operation, Publish, id, id_text};

pub fn sha(bytes: &[u8]) -> [u8; 32] {
    sha256::Hash::hash(bytes).to_byte_array()
}

pub fn params(overlay: bool) -> Params {
    Params {
        overlay,
        ..Params::new(Network::Regtest, &Rules::AVM1)
    }
}

pub fn inputs(chain: &Chain) -> MemoryInbox {
    let blocks = (1..=chain.height())
        .map(|height| Bytes::from(chain.block_bytes(height).expect("a block up to the tip")));
    MemoryInbox(blocks.collect())
}

/// Runs the blocks of a chain from the first on.
pub fn index(chain: &Chain, overlay: bool) -> (IndexMachine, Claim) {
    let mut machine = Index::default().load(&params(overlay));
    let claim = Claim::genesis(machine.state_hash());
    let inbox = inputs(chain);
    let (claim, stop) =
        advance(&mut machine, claim, &inbox, &mut NoOutbox, u64::MAX).expect("it runs");
    assert_eq!(stop, Stop::NeedsInput);
    (machine, claim)
}

pub fn amounts(tokens: &[(Id, u64)]) -> Map {
    let amount = |(id, amount): &(Id, u64)| (id_text(id), Value::Int(*amount as i64));
    tokens.iter().map(amount).collect()
}

/// An entry of `make`.
pub fn made(lock: &[u8], expiry: u32, fallback: &Key, tokens: &[(Id, u64)]) -> Value {
    Value::Map(Map::from([
        ("h".into(), sha(lock).into()),
        ("x".into(), expiry.into()),
        ("f".into(), sha(fallback.script().as_bytes()).into()),
        ("t".into(), amounts(tokens).into()),
    ]))
}

/// The field `spend`.
pub fn spending(outpoint: Id, lock: &[u8], unlock: &[u8]) -> Map {
    Map::from([
        ("o".into(), outpoint.into()),
        ("l".into(), lock.into()),
        ("u".into(), unlock.into()),
    ])
}

/// The virtual output of a reveal.
pub fn outpoint(reveal: &Transaction, index: u32) -> Id {
    let mut outpoint = [0; 36];
    outpoint[..32].copy_from_slice(&reveal.compute_txid().to_byte_array());
    outpoint[32..].copy_from_slice(&(0x8000_0000 + index).to_le_bytes());
    outpoint
}

/// A chain with tokens, a contract, and operations on virtual outputs.
pub struct Live {
    pub chain: Chain,
    pub machine: IndexMachine,
    pub claim: Claim,
    pub outbox: MemoryOutbox,
    pub read: usize,
    /// Of operations on virtual outputs.
    pub receipts: Vec<OperationReceipt>,
    pub evicted: Vec<EvictionReceipt>,
}

impl Live {
    pub fn over(chain: Chain) -> Self {
        let mut machine = Index::default().load(&params(true));
        let claim = Claim::genesis(machine.state_hash());
        let mut live = Self {
            chain,
            machine,
            claim,
            outbox: MemoryOutbox::default(),
            read: 0,
            receipts: vec![],
            evicted: vec![],
        };
        live.sync();
        live
    }

    pub fn sync(&mut self) {
        let inbox = inputs(&self.chain);
        let (machine, outbox) = (&mut self.machine, &mut self.outbox);
        let ran = advance(machine, self.claim, &inbox, outbox, u64::MAX);
        self.claim = ran.expect("it runs").0;
        for (_, hash) in &self.outbox.outputs[self.read..] {
            match Receipt::open(*hash, &self.outbox.nodes).expect("a receipt") {
                Receipt::Operation(receipt) if receipt.operation.name() == "vu" => {
                    self.receipts.push(receipt);
                }
                Receipt::Evicted(receipt) => self.evicted.push(receipt),
                _ => {}
            }
        }
        self.read = self.outbox.outputs.len();
    }

    pub fn mine(&mut self, blocks: u32) {
        self.chain.mine_empty(blocks);
        self.sync();
    }

    /// Publishes in a block of its own.
    pub fn publish(&mut self, publish: &Publish) -> Transaction {
        let published = self.chain.publish(publish).expect("published");
        self.chain.mine();
        self.sync();
        published.reveal
    }

    /// What became of the last operation on virtual outputs.
    pub fn last(&self) -> Settled {
        self.receipts.last().expect("an operation").settled
    }

    pub fn entry(&mut self, outpoint: Id) -> Option<Entry> {
        self.machine.virtual_output(&outpoint).expect("in memory")
    }

    /// Tokens on the output of a transaction.
    pub fn on(&mut self, tx: &Transaction, vout: u32) -> BTreeMap<Id, u64> {
        let outpoint = OutPoint {
            txid: tx.compute_txid(),
            vout,
        };
        let tokens = self.machine.tokens(&id(outpoint)).expect("in memory");
        let tokens = tokens.map(|on| on.tokens).unwrap_or_default();
        tokens
            .iter()
            .map(|token| (token.id, token.amount))
            .collect()
    }
}

/// A `Live` where alice has 100,000 units and an item.
pub struct Scene {
    pub live: Live,
    pub alice: Key,
    pub unit: Id,
    pub item: Id,
    /// Where both are.
    pub coin: OutPoint,
}

/// Satoshis of the output that takes all units that move by themselves.
pub const SATS: u64 = 300_000;
pub const SUPPLY: u64 = 100_000;

pub fn scene() -> Scene {
    scene_on(Chain::funded())
}

pub fn scene_on(mut chain: Chain) -> Scene {
    let alice = Key::from_seed("alice");
    chain.fund(&alice, 100_000_000).expect("funds");
    chain.mine();
    let ft = Publish::new(&alice, Operation::ft("unit")).output(alice.output(SUPPLY));
    let ft = chain.publish(&ft).expect("published");
    let nft = Publish::new(&alice, Operation::nft()).output(alice.output(1_000));
    let nft = chain.publish(&nft).expect("published");
    chain.mine();
    let coins = [(ft.outpoint(0), alice), (nft.outpoint(0), alice)];
    let tx = chain.transfer(&alice, &coins, vec![alice.output(SATS)]);
    let txid = tx.expect("transferred").compute_txid();
    chain.mine();
    Scene {
        live: Live::over(chain),
        alice,
        unit: ft.id(),
        item: nft.id(),
        coin: OutPoint { txid, vout: 0 },
    }
}

impl Scene {
    /// An operation that spends the coin, with one output that takes what moves by itself.
    pub fn with_coin(&self, operation: Operation) -> Publish<'static> {
        Publish::new(&self.alice, operation)
            .spend(self.coin, &self.alice)
            .output(self.alice.output(SATS))
    }

    /// Publishes [`Scene::with_coin`], and goes on with output 0.
    pub fn settle(&mut self, operation: Operation) -> Transaction {
        let publish = self.with_coin(operation);
        let tx = self.live.publish(&publish);
        self.coin = OutPoint {
            txid: tx.compute_txid(),
            vout: 0,
        };
        tx
    }

    /// Makes a virtual output with so many units: its outpoint.
    pub fn make(&mut self, lock: &[u8], expiry: u32, units: u64) -> Id {
        let make = made(lock, expiry, &self.alice, &[(self.unit, units)]);
        let tx = self.settle(make_of(vec![make]));
        assert_eq!(self.live.last(), Settled::Done);
        outpoint(&tx, 0)
    }

    pub fn next_height(&self) -> u32 {
        self.live.chain.height() + 1
    }
}

pub fn vu() -> Operation {
    Operation::named("vu")
}

pub fn make_of(made: Vec<Value>) -> Operation {
    vu().with("make", Value::List(made))
}

pub fn pay(output: u32, tokens: &[(Id, u64)]) -> Map {
    Map::from([(output.to_string(), amounts(tokens).into())])
}

pub fn refused(why: Refusal) -> Settled {
    Settled::Refused(why)
}

/// SHA256, push of a hash, EQUAL.
pub fn hash_lock(secret: &[u8]) -> Vec<u8> {
    [&[0xa8, 0x20][..], &sha(secret), &[0x87]].concat()
}

//! A chain to try operations on, and what an index makes of it.

use std::collections::BTreeMap;

use avm_atomicals::Rules;
use avm_atomicals::index::receipt::{BlockReceipt, OperationReceipt, Refusal, Settled};
use avm_atomicals::index::rows::ItemKind;
use avm_atomicals::index::{AtomicalId, Index, IndexMachine, Network, Params, Receipt};
use avm_core::{Bytes, Host, HostError, Machine, Output, Stop};
use avm_regtest::bitcoin::absolute::LockTime;
use avm_regtest::bitcoin::hashes::Hash as _;
use avm_regtest::bitcoin::transaction::Version;
use avm_regtest::bitcoin::{
    Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness,
};
use avm_regtest::{Chain, Key, Operation, Publish, Published, envelope};

/// A funded chain. Chains in process run no scripts, so transactions that are made here are not
/// signed.
pub struct Bed {
    pub chain: Chain,
    pub params: Params,
    pub key: Key,
}

/// What an index makes of a chain.
pub struct Indexed {
    pub machine: IndexMachine,
    pub operations: Vec<OperationReceipt>,
    pub blocks: Vec<Receipt>,
}

/// Inputs that are given once, and all outputs.
#[derive(Default)]
pub struct Feed {
    pub inputs: std::collections::VecDeque<Bytes>,
    pub receipts: Vec<Receipt>,
}

impl Host for Feed {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        Ok(self.inputs.pop_front())
    }

    fn emit(&mut self, output: Output<'_>) -> Result<(), HostError> {
        let mut nodes = avm_core::MemoryNodes::default();
        output.content.save(&mut nodes)?;
        self.receipts.push(Receipt::open(output.hash, &nodes)?);
        Ok(())
    }
}

/// An output that anyone can spend; `n` tells scripts apart.
pub fn output(sats: u64, n: u8) -> TxOut {
    TxOut {
        value: Amount::from_sat(sats),
        script_pubkey: ScriptBuf::from_bytes(vec![0x50 + n]),
    }
}

/// An output that nobody can spend.
pub fn unspendable(sats: u64) -> TxOut {
    TxOut {
        value: Amount::from_sat(sats),
        script_pubkey: ScriptBuf::from_bytes(vec![0x6a]),
    }
}

/// An outpoint as the index has it.
pub fn outpoint(tx: &Transaction, vout: u32) -> [u8; 36] {
    avm_regtest::id(at(tx, vout))
}

pub fn at(tx: &Transaction, vout: u32) -> OutPoint {
    let txid = tx.compute_txid();
    OutPoint { txid, vout }
}

pub fn done() -> Settled {
    Settled::Done
}

pub fn refused(why: Refusal) -> Settled {
    Settled::Refused(why)
}

impl Bed {
    pub fn new(rules: &'static Rules) -> Self {
        let key = Key::from_seed("bed");
        let mut chain = Chain::funded();
        for _ in 0..12 {
            chain.fund(&key, 20_000_000).expect("the miner has enough");
        }
        chain.mine();
        let mut params = Params::new(Network::Regtest, rules);
        params.start = chain.height() + 1;
        Self { chain, params, key }
    }

    /// Commits and reveals, signed; both wait for the next block.
    pub fn op(&mut self, operation: Operation) -> Published {
        let publish = Publish::new(&self.key, operation);
        self.chain.publish(&publish).expect("enough to pay with")
    }

    /// New outputs of these satoshis, all of one transaction, which waits for the next block.
    pub fn coins(&mut self, sats: &[u64]) -> Vec<OutPoint> {
        let sum: u64 = sats.iter().sum();
        let paid = self.chain.fund(&self.key.clone(), sum + 1_000);
        let paid = paid.expect("the miner has enough");
        let outputs = sats.iter().map(|sats| output(*sats, 1)).collect();
        let tx = self.spend(&[at(&paid, 0)], outputs);
        (0..sats.len() as u32).map(|vout| at(&tx, vout)).collect()
    }

    /// Spends outputs.
    pub fn spend(&mut self, inputs: &[OutPoint], outputs: Vec<TxOut>) -> Transaction {
        let tx = self.transaction(inputs, None, outputs);
        self.chain.submit(tx.clone()).expect("a valid transaction");
        tx
    }

    /// Spends outputs, with an operation in one of the inputs.
    pub fn reveal(
        &mut self,
        inputs: &[OutPoint],
        input: usize,
        operation: &Operation,
        outputs: Vec<TxOut>,
    ) -> Transaction {
        let tx = self.transaction(inputs, Some((input, operation)), outputs);
        self.chain.submit(tx.clone()).expect("a valid transaction");
        tx
    }

    fn transaction(
        &self,
        inputs: &[OutPoint],
        operation: Option<(usize, &Operation)>,
        output: Vec<TxOut>,
    ) -> Transaction {
        let mut tx = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![],
            output,
        };
        for (number, previous_output) in inputs.iter().enumerate() {
            let mut witness = Witness::new();
            if let Some((_, operation)) = operation.filter(|(at, _)| *at == number) {
                let payload = operation.payload.encode();
                witness.push(envelope::script(&self.key, &operation.name, &payload));
            }
            tx.input.push(TxIn {
                previous_output: *previous_output,
                sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
                witness,
                ..TxIn::default()
            });
        }
        tx
    }

    /// The next block.
    pub fn mine(&mut self) {
        self.chain.mine();
    }

    /// The next block, and empty ones behind it.
    pub fn bury(&mut self, blocks: u32) {
        self.chain.mine();
        self.chain.mine_empty(blocks);
    }

    /// The blocks from the first on that the index looks at.
    pub fn blocks(&self) -> Vec<Bytes> {
        let heights = self.params.start..=self.chain.height();
        let block = |height| self.chain.block_bytes(height).expect("up to the tip");
        heights.map(|height| Bytes::from(block(height))).collect()
    }

    /// Runs an index over the chain.
    pub fn index(&self) -> Indexed {
        let mut machine = Index::default().load(&self.params);
        let mut feed = Feed {
            inputs: self.blocks().into(),
            receipts: vec![],
        };
        let ran = machine.run(u64::MAX, &mut feed).expect("no host fails");
        assert_eq!(ran.stop, Stop::NeedsInput);
        assert_eq!(machine.height(), Some(self.chain.height()), "all are taken");
        let mut indexed = Indexed {
            machine,
            operations: vec![],
            blocks: vec![],
        };
        for receipt in feed.receipts {
            match receipt {
                Receipt::Operation(receipt) => indexed.operations.push(receipt),
                other => indexed.blocks.push(other),
            }
        }
        indexed
    }

    /// Checks what became of operations, and that there were no others.
    #[track_caller]
    pub fn check(&self, want: &[(&str, &Transaction, Settled)]) -> Indexed {
        let indexed = self.index();
        for (name, tx, want) in want {
            let receipt = indexed.receipt(tx);
            assert_eq!(
                receipt.map(|receipt| receipt.settled),
                Some(*want),
                "{name}"
            );
        }
        indexed
    }
}

impl Indexed {
    /// The receipt of the operation in a transaction.
    pub fn receipt(&self, tx: &Transaction) -> Option<&OperationReceipt> {
        let txid = tx.compute_txid().to_byte_array();
        self.operations.iter().find(|receipt| receipt.txid == txid)
    }

    /// The receipts of blocks.
    pub fn block_receipts(&self) -> impl Iterator<Item = &BlockReceipt> {
        self.blocks.iter().filter_map(|receipt| match receipt {
            Receipt::Block(receipt) => Some(receipt),
            _ => None,
        })
    }

    /// What is on each output of a transaction: token and amount.
    pub fn on(&mut self, tx: &Transaction) -> BTreeMap<(u32, AtomicalId), (ItemKind, u64)> {
        let mut found = BTreeMap::new();
        for vout in 0..tx.output.len() as u32 {
            let tokens = self.machine.tokens(&outpoint(tx, vout)).expect("in memory");
            for token in tokens.iter().flat_map(|tokens| &tokens.tokens) {
                found.insert((vout, token.id), (token.kind, token.amount));
            }
        }
        found
    }

    /// Units of a token on each output of a transaction that has some.
    pub fn units(&mut self, tx: &Transaction, id: &AtomicalId) -> Vec<(u32, u64)> {
        let on = self.on(tx).into_iter();
        on.filter(|((_, token), _)| token == id)
            .map(|((vout, _), (_, amount))| (vout, amount))
            .collect()
    }

    /// Units of a token that a contract has.
    pub fn balance(&mut self, contract: &AtomicalId, id: &AtomicalId) -> u64 {
        let mut sum = 0;
        for kind in [ItemKind::Ft, ItemKind::Nft] {
            // One at a time, so that pages follow each other.
            let mut after = None;
            loop {
                let page = self
                    .machine
                    .contract_balances(contract, kind, after.as_ref(), 1);
                let Some(balance) = page.expect("in memory").pop() else {
                    break;
                };
                assert_ne!(
                    after,
                    Some(balance.id),
                    "a page begins behind the one before"
                );
                after = Some(balance.id);
                sum += if balance.id == *id { balance.amount } else { 0 };
            }
        }
        sum
    }

    /// A value of a contract.
    pub fn value(&mut self, contract: &AtomicalId, space: &[u8], key: &[u8]) -> Option<Vec<u8>> {
        let value = self.machine.contract_value(contract, space, key);
        value.expect("in memory").map(|value| value.to_vec())
    }
}

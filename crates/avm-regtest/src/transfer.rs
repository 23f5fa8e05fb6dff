//! Payments and plain transfers: choosing coins, fees, change, signatures.

use std::collections::BTreeSet;

use bitcoin::absolute::LockTime;
use bitcoin::transaction::Version;
use bitcoin::{OutPoint, Sequence, Transaction, TxIn, TxOut, Witness};

use crate::{Chain, ChainError, Key};

/// Satoshis of the smallest output made here; smaller ones are not worth their spending.
pub const DUST: u64 = 546;
/// Satoshis per virtual byte.
pub const FEE_RATE: u64 = 1;
/// Replaceable, and free of relative lock times.
const SEQUENCE: Sequence = Sequence::ENABLE_RBF_NO_LOCKTIME;

/// A coin to spend, and the key that owns it.
pub type Spend = (OutPoint, Key);

/// A transaction of key-path inputs, before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub tx: Transaction,
    /// What the inputs spend.
    pub spent: Vec<TxOut>,
    pub keys: Vec<Key>,
}

impl Draft {
    pub fn new(outputs: Vec<TxOut>) -> Self {
        let tx = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![],
            output: outputs,
        };
        let (spent, keys) = (vec![], vec![]);
        Self { tx, spent, keys }
    }

    /// Adds an input, with a witness of the length that its own will have.
    pub fn spend(&mut self, chain: &Chain, (outpoint, key): Spend) -> Result<(), ChainError> {
        let output = chain
            .output(&outpoint)
            .ok_or(ChainError::Missing(outpoint))?;
        self.input(
            outpoint,
            output.clone(),
            key,
            Witness::from_slice(&[[0; 64]]),
        );
        Ok(())
    }

    pub fn input(&mut self, outpoint: OutPoint, spent: TxOut, key: Key, witness: Witness) {
        self.tx.input.push(TxIn {
            previous_output: outpoint,
            sequence: SEQUENCE,
            witness,
            ..TxIn::default()
        });
        self.spent.push(spent);
        self.keys.push(key);
    }

    /// Satoshis of the inputs.
    pub fn inputs(&self) -> u64 {
        self.spent.iter().map(|output| output.value.to_sat()).sum()
    }

    /// Satoshis of the outputs.
    pub fn outputs(&self) -> u64 {
        let sats = self.tx.output.iter().map(|output| output.value.to_sat());
        // More than there can be is refused when the transaction is checked.
        sats.fold(0, u64::saturating_add)
    }

    pub fn fee(&self, rate: u64) -> u64 {
        (self.tx.vsize() as u64).saturating_mul(rate)
    }

    /// Satoshis that the inputs need, at least.
    pub fn need(&self, rate: u64) -> u64 {
        self.outputs().saturating_add(self.fee(rate))
    }

    /// Adds coins of the key, the largest first, until there are enough.
    pub fn fund(
        &mut self,
        chain: &Chain,
        key: &Key,
        but: &[Spend],
        rate: u64,
    ) -> Result<(), ChainError> {
        let but: BTreeSet<OutPoint> = but.iter().map(|(outpoint, _)| *outpoint).collect();
        let mut coins: Vec<_> = chain
            .coins(key)
            .filter(|coin| coin.spendable_from() <= chain.height() + 1)
            .filter(|coin| !chain.is_kept(&coin.outpoint) && !but.contains(&coin.outpoint))
            .collect();
        coins.sort_by_key(|coin| (coin.sats(), coin.outpoint));
        while self.inputs() < self.need(rate) {
            let (have, need) = (self.inputs(), self.need(rate));
            let coin = coins.pop().ok_or(ChainError::Funds { have, need })?;
            self.spend(chain, (coin.outpoint, *key))?;
        }
        Ok(())
    }

    /// Gives back to the key what is too much, if that is worth an output.
    pub fn change(&mut self, key: &Key, rate: u64) {
        self.tx.output.push(key.output(0));
        let rest = self.inputs().saturating_sub(self.need(rate));
        self.tx.output.pop();
        if rest >= DUST {
            self.tx.output.push(key.output(rest));
        }
    }

    /// Signs every input by its key.
    pub fn sign(mut self) -> Transaction {
        let witnesses: Vec<Witness> = self
            .keys
            .iter()
            .enumerate()
            .map(|(input, key)| key.witness(&self.tx, input, &self.spent))
            .collect();
        for (input, witness) in self.tx.input.iter_mut().zip(witnesses) {
            input.witness = witness;
        }
        self.tx
    }
}

impl Chain {
    /// Pays, with change and fee; the transaction waits for the next block.
    ///
    /// # Errors
    /// If the key has too little in mature coins that carry no tokens.
    pub fn pay(&mut self, from: &Key, to: &Key, sats: u64) -> Result<Transaction, ChainError> {
        let mut draft = Draft::new(vec![to.output(sats)]);
        draft.fund(self, from, &[], FEE_RATE)?;
        draft.change(from, FEE_RATE);
        self.send(draft)
    }

    /// Has the miner pay. [`Chain::funded`] is a chain where it can.
    ///
    /// # Errors
    /// As [`Chain::pay`].
    pub fn fund(&mut self, to: &Key, sats: u64) -> Result<Transaction, ChainError> {
        self.pay(&self.miner(), to, sats)
    }

    /// Moves what these coins carry, by the rules of transactions without an operation: spends them in
    /// this order and makes these outputs. It waits for the next block.
    ///
    /// If the coins are not worth the outputs and the fee, one more input of `by` follows, which has the
    /// difference and was made for this by a payment to itself: so there is no change where tokens
    /// could go. If the coins are worth more, the rest goes to `by`, as the last output.
    ///
    /// # Errors
    /// If a coin is not there, or `by` has too little.
    pub fn transfer(
        &mut self,
        by: &Key,
        spend: &[Spend],
        outputs: Vec<TxOut>,
    ) -> Result<Transaction, ChainError> {
        let mut draft = Draft::new(outputs);
        for spend in spend {
            draft.spend(self, *spend)?;
        }
        if draft.inputs() >= draft.need(FEE_RATE) {
            draft.change(by, FEE_RATE);
            return self.send(draft);
        }
        let mut with_one = draft.clone();
        with_one.input(
            OutPoint::null(),
            by.output(0),
            *by,
            Witness::from_slice(&[[0; 64]]),
        );
        let missing = with_one.need(FEE_RATE) - draft.inputs();
        let mut payment = Draft::new(vec![by.output(missing.max(DUST))]);
        payment.fund(self, by, spend, FEE_RATE)?;
        payment.change(by, FEE_RATE);
        let payment = self.send(payment)?;
        let outpoint = OutPoint {
            txid: payment.compute_txid(),
            vout: 0,
        };
        draft.spend(self, (outpoint, *by))?;
        let sent = self.send(draft);
        if sent.is_err() {
            self.withdraw_last();
        }
        sent
    }

    fn send(&mut self, draft: Draft) -> Result<Transaction, ChainError> {
        let tx = draft.sign();
        self.submit(tx.clone())?;
        Ok(tx)
    }
}

//! Publishing an operation: the commit that hides it and the reveal that shows it.

use bitcoin::absolute::LockTime;
use bitcoin::{OutPoint, Transaction, TxOut};

use crate::envelope::{Envelope, signature_output};
use crate::transfer::{DUST, Draft, FEE_RATE, Spend};
use crate::{Bitwork, Chain, ChainError, Id, Key, Operation, id};

/// Longest DER signature with a low S.
const SIGNATURE_MAX: usize = 71;

/// The digest that the caller of a contract signs, of the reveal. The signature output is in its
/// place, with an empty signature: no message has it. Asked work changes the sequence of input 0
/// afterwards, which no message has either.
pub type Digest<'a> = &'a dyn Fn(&Transaction) -> [u8; 32];

/// An operation to publish, and what goes with it.
#[derive(Clone)]
pub struct Publish<'a> {
    /// What to publish.
    pub operation: Operation,
    /// Pays, signs the envelope, and gets the change.
    pub by: Key,
    /// Inputs of the reveal before the envelope. Only rules that look further than input 0 find it then.
    pub before: Vec<Spend>,
    /// Inputs of the reveal after the envelope, such as coins with tokens.
    pub spend: Vec<Spend>,
    /// First outputs of the reveal; if there are none, one of 546 satoshis to `by`.
    pub outputs: Vec<TxOut>,
    /// Who signs a call, in an output after these.
    pub signed: Option<(Key, Digest<'a>)>,
    /// Lock time of the reveal.
    pub lock_time: LockTime,
    /// Satoshis per virtual byte.
    pub fee_rate: u64,
    /// Whether to do the work that `bitworkc` and `bitworkr` in the arguments of the payload ask for.
    pub grind: bool,
}

/// The two transactions that publish an operation, signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its output 0 hides the operation.
    pub commit: Transaction,
    /// Shows it.
    pub reveal: Transaction,
}

impl Published {
    /// The outpoint that hides the operation.
    #[must_use]
    pub fn committed(&self) -> OutPoint {
        OutPoint {
            txid: self.commit.compute_txid(),
            vout: 0,
        }
    }

    /// The id of the token, protocol or contract that the operation makes, if it makes one.
    #[must_use]
    pub fn id(&self) -> Id {
        id(self.committed())
    }

    /// An output of the reveal; what the operation makes is on output 0.
    #[must_use]
    pub fn outpoint(&self, vout: u32) -> OutPoint {
        OutPoint {
            txid: self.reveal.compute_txid(),
            vout,
        }
    }
}

impl<'a> Publish<'a> {
    /// An operation on its own.
    #[must_use]
    pub fn new(by: &Key, operation: Operation) -> Self {
        Self {
            operation,
            by: *by,
            before: vec![],
            spend: vec![],
            outputs: vec![],
            signed: None,
            lock_time: LockTime::ZERO,
            fee_rate: FEE_RATE,
            grind: true,
        }
    }

    /// With one more output of the reveal.
    #[must_use]
    pub fn output(mut self, output: TxOut) -> Self {
        self.outputs.push(output);
        self
    }

    /// With one more input of the reveal, after the envelope.
    #[must_use]
    pub fn spend(mut self, outpoint: OutPoint, owner: &Key) -> Self {
        self.spend.push((outpoint, *owner));
        self
    }

    /// Signed by this key, which the payload names.
    #[must_use]
    pub fn signed(mut self, key: &Key, digest: Digest<'a>) -> Self {
        self.operation = self.operation.auth(key);
        self.signed = Some((*key, digest));
        self
    }

    /// With another fee, in satoshis per virtual byte.
    #[must_use]
    pub fn fee_rate(mut self, fee_rate: u64) -> Self {
        self.fee_rate = fee_rate;
        self
    }

    /// Makes both transactions; the chain stays as it is.
    ///
    /// The commit pays what the reveal needs beyond its other inputs, at least 546 satoshis. What is
    /// too much goes to `by`, as the last output of the reveal.
    ///
    /// # Errors
    /// If an input is not there, `by` has too little, or the asked work is too much.
    pub fn build(&self, chain: &Chain) -> Result<Published, ChainError> {
        let envelope = Envelope::new(self.by, &self.operation);
        let mut reveal = self.reveal(chain, &envelope)?;
        let input = self.before.len();
        let need = reveal.need(self.fee_rate);
        let sats = need.saturating_sub(reveal.inputs()).max(DUST);
        reveal.spent[input] = envelope.output(sats);
        reveal.change(&self.by, self.fee_rate);

        let mut commit = Draft::new(vec![envelope.output(sats)]);
        let but = [&self.before[..], &self.spend].concat();
        commit.fund(chain, &self.by, &but, self.fee_rate)?;
        commit.change(&self.by, self.fee_rate);
        self.grind("bitworkc", &mut commit.tx)?;
        let commit = commit.sign();

        let txid = commit.compute_txid();
        reveal.tx.input[input].previous_output = OutPoint { txid, vout: 0 };
        if let Some((key, digest)) = self.signed {
            let at = self.signature_at();
            reveal.tx.output[at] = signature_output(&[]);
            let signature = key.sign(digest(&reveal.tx));
            reveal.tx.output[at] = signature_output(&signature);
        }
        self.grind("bitworkr", &mut reveal.tx)?;
        let witness = envelope.sign(&reveal.tx, input, &reveal.spent);
        let mut reveal = reveal.sign();
        reveal.input[input].witness = witness;
        Ok(Published { commit, reveal })
    }

    /// The reveal with all but change, and with witnesses of the right length.
    fn reveal(&self, chain: &Chain, envelope: &Envelope) -> Result<Draft, ChainError> {
        let mut outputs = self.outputs();
        if self.signed.is_some() {
            outputs.push(signature_output(&[0; SIGNATURE_MAX]));
        }
        let mut reveal = Draft::new(outputs);
        reveal.tx.lock_time = self.lock_time;
        for spend in &self.before {
            reveal.spend(chain, *spend)?;
        }
        reveal.input(
            OutPoint::null(),
            envelope.output(0),
            self.by,
            envelope.witness(&[0; 64]),
        );
        for spend in &self.spend {
            reveal.spend(chain, *spend)?;
        }
        Ok(reveal)
    }

    fn outputs(&self) -> Vec<TxOut> {
        match &self.outputs[..] {
            [] => vec![self.by.output(DUST)],
            outputs => outputs.to_vec(),
        }
    }

    fn signature_at(&self) -> usize {
        self.outputs.len().max(1)
    }

    fn grind(&self, arg: &str, tx: &mut Transaction) -> Result<(), ChainError> {
        let asked = self.operation.arg_text(arg).filter(|_| self.grind);
        match asked.and_then(Bitwork::parse) {
            Some(bitwork) => bitwork.grind(tx),
            None => Ok(()),
        }
    }
}

impl Chain {
    /// Publishes: both transactions wait for the next block. To let them come apart, use
    /// [`Publish::build`] and [`Chain::submit`].
    ///
    /// # Errors
    /// As [`Publish::build`]; if the chain refuses one, it has neither.
    pub fn publish(&mut self, publish: &Publish) -> Result<Published, ChainError> {
        let published = publish.build(self)?;
        self.submit(published.commit.clone())?;
        if let Err(error) = self.submit(published.reveal.clone()) {
            self.withdraw_last();
            return Err(error);
        }
        Ok(published)
    }
}

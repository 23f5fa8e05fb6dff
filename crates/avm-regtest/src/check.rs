//! What Bitcoin asks of a transaction before its scripts run.

use std::collections::BTreeSet;

use bitcoin::absolute::LOCK_TIME_THRESHOLD;
use bitcoin::{Amount, OutPoint, Transaction, TxOut};

use crate::ChainError;

/// Blocks between a coinbase and the first block that can spend it.
pub(crate) const MATURITY: u32 = 100;
/// Most weight units of a block.
pub(crate) const WEIGHT_MAX: u64 = 4_000_000;
/// Most signature operations of a block, by their cost.
pub(crate) const SIGOPS_MAX: usize = 80_000;
/// Weight that the header, the count of transactions and the coinbase of [`crate::Chain`] never exceed.
pub(crate) const WEIGHT_KEPT: u64 = 2_000;

/// An output that is not spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coin {
    /// Where it is.
    pub outpoint: OutPoint,
    /// What it is worth, and who owns it.
    pub output: TxOut,
    /// Height of its block; of the next block, while it waits for one.
    pub height: u32,
    /// A coinbase made it.
    pub coinbase: bool,
}

impl Coin {
    /// What it is worth.
    #[must_use]
    pub fn sats(&self) -> u64 {
        self.output.value.to_sat()
    }

    /// First height of a block that can spend it.
    #[must_use]
    pub fn spendable_from(&self) -> u32 {
        self.height + if self.coinbase { MATURITY } else { 0 }
    }

    /// The outputs of a transaction, but those that nobody can spend.
    pub(crate) fn of(tx: &Transaction, height: u32) -> impl Iterator<Item = Self> {
        let (txid, coinbase) = (tx.compute_txid(), tx.is_coinbase());
        (0..)
            .zip(&tx.output)
            .filter(|(_, output)| !is_unspendable(output))
            .map(move |(vout, output)| Self {
                outpoint: OutPoint { txid, vout },
                output: output.clone(),
                height,
                coinbase,
            })
    }
}

/// Bitcoin Core keeps no such output.
fn is_unspendable(output: &TxOut) -> bool {
    output.script_pubkey.is_op_return() || output.script_pubkey.len() > 10_000
}

/// The block that a transaction is to be in, as far as locks look at it.
pub(crate) struct Place<'a> {
    pub height: u32,
    /// Median time of the eleven blocks before.
    pub time: u32,
    /// Median time of the eleven blocks that end at a height.
    pub median_at: &'a dyn Fn(u32) -> u32,
}

/// What a transaction takes of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub fee: u64,
    pub weight: u64,
    pub sigops: usize,
}

/// Checks a transaction against the coins it spends; scripts are not run.
pub(crate) fn check(
    tx: &Transaction,
    place: &Place,
    coin: impl Fn(&OutPoint) -> Result<Coin, ChainError>,
) -> Result<Cost, ChainError> {
    let (inputs, outputs) = (tx.input.len(), tx.output.len());
    if inputs == 0 || outputs == 0 {
        return Err(ChainError::Empty { inputs, outputs });
    }
    let mut coins = vec![];
    let mut seen = BTreeSet::new();
    for input in &tx.input {
        let outpoint = input.previous_output;
        if outpoint.is_null() {
            return Err(ChainError::Coinbase);
        }
        if !seen.insert(outpoint) {
            return Err(ChainError::Repeated(outpoint));
        }
        coins.push(coin(&outpoint)?);
    }
    for coin in &coins {
        let (from, next) = (coin.spendable_from(), place.height);
        if next < from {
            let (outpoint, made) = (coin.outpoint, coin.height);
            return Err(ChainError::Immature {
                outpoint,
                made,
                from,
                next,
            });
        }
    }
    let outputs = worth(tx)?;
    let inputs = coins.iter().map(Coin::sats).sum();
    let fee = u64::checked_sub(inputs, outputs);
    let fee = fee.ok_or(ChainError::Overspent { inputs, outputs })?;
    locks(tx, &coins, place)?;
    let weight = tx.weight().to_wu();
    let spent = |outpoint: &OutPoint| {
        let coin = coins.iter().find(|coin| coin.outpoint == *outpoint);
        coin.map(|coin| coin.output.clone())
    };
    let sigops = tx.total_sigop_cost(spent);
    if weight > WEIGHT_MAX - WEIGHT_KEPT || sigops > SIGOPS_MAX {
        return Err(ChainError::Heavy { weight, sigops });
    }
    Ok(Cost {
        fee,
        weight,
        sigops,
    })
}

/// Satoshis of all outputs.
pub(crate) fn worth(tx: &Transaction) -> Result<u64, ChainError> {
    let mut sum = Amount::ZERO;
    for (output, txout) in tx.output.iter().enumerate() {
        let next = sum.checked_add(txout.value);
        let next = next.filter(|sum| *sum <= Amount::MAX_MONEY);
        sum = next.ok_or(ChainError::TooMuch { output })?;
    }
    Ok(sum.to_sat())
}

/// Lock time (with BIP113) and relative lock times (BIP68).
fn locks(tx: &Transaction, coins: &[Coin], place: &Place) -> Result<(), ChainError> {
    let lock_time = tx.lock_time.to_consensus_u32();
    let now = if lock_time < LOCK_TIME_THRESHOLD {
        place.height
    } else {
        place.time
    };
    if lock_time >= now && lock_time != 0 && tx.input.iter().any(|input| !input.sequence.is_final())
    {
        let (next, time) = (place.height, place.time);
        return Err(ChainError::LockTime {
            lock_time,
            next,
            time,
        });
    }
    // Bitcoin compares versions without their sign.
    if tx.version.0.cast_unsigned() < 2 {
        return Ok(());
    }
    for (input, (txin, coin)) in tx.input.iter().zip(coins).enumerate() {
        let sequence = txin.sequence.to_consensus_u32();
        let units = sequence & 0xffff;
        let met = if sequence & 1 << 31 != 0 {
            true
        } else if sequence & 1 << 22 != 0 {
            let since = (place.median_at)(coin.height.saturating_sub(1));
            u64::from(since) + u64::from(units) * 512 <= u64::from(place.time)
        } else {
            coin.height + units <= place.height
        };
        if !met {
            return Err(ChainError::Sequence { input, sequence });
        }
    }
    Ok(())
}

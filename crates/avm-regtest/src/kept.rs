//! Coins that may carry tokens, so that nobody pays a fee with them unawares.
//!
//! The chain knows no tokens. What it can say is where they cannot be: tokens come to be on outputs
//! of reveals, and go from inputs to outputs.

use std::collections::BTreeSet;

use bitcoin::{OutPoint, Transaction};

use crate::envelope;

/// Marks the outputs of a transaction if they may carry tokens.
pub(crate) fn mark(kept: &mut BTreeSet<OutPoint>, tx: &Transaction) {
    let may_carry = tx
        .input
        .iter()
        .any(|input| kept.contains(&input.previous_output) || envelope::is_in(&input.witness));
    if may_carry {
        let txid = tx.compute_txid();
        kept.extend(
            (0..)
                .zip(&tx.output)
                .map(|(vout, _)| OutPoint { txid, vout }),
        );
    }
}

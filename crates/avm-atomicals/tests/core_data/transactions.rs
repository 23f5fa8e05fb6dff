//! `tx_valid.json` and `tx_invalid.json`: outputs spent, transaction, flags.

use super::{Random, Report, rows, string};
use avm_atomicals::bitcoin::{Flags, Spend, text};
use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::{Amount, OutPoint, Transaction, TxOut, Txid};
use serde_json::Value;
use std::collections::BTreeSet;

/// Most satoshis there can be.
const MAX_MONEY: u64 = 21_000_000 * 100_000_000;

/// Every input passes, under all flags but the ones of the test; with one more it fails.
pub fn tx_valid(data: &Value) -> Report {
    let mut report = Report::default();
    let mut random = Random::new();
    for row in rows(data) {
        report.run += 1;
        let (tx, spent) = read(row);
        let tx = tx.expect("a transaction");
        let spend = Spend::new(&tx, &spent).expect("an output for each input");
        let passes = |flags| spend.verify(flags).is_ok();
        let without = Flags::parse(string(&row[2])).expect("flags");

        report.expect(row, &is_sound(&tx), &true);
        report.expect(row, &(!without).filled(), &!without);
        report.expect(row, &spend.verify(!without), &Ok(()));
        for (flag, _) in Flags::ALL.iter() {
            report.expect(row, &passes((!(without | flag)).trimmed()), &true);
            let other = (!(without | random.flags())).trimmed();
            report.expect(row, &passes(other), &true);
        }
        for fewer in less_one(without) {
            report.expect(row, &passes(!fewer), &false);
        }
    }
    report
}

/// Some input fails under the flags of the test; with one less it passes.
pub fn tx_invalid(data: &Value) -> Report {
    let mut report = Report::default();
    let mut random = Random::new();
    for row in rows(data) {
        report.run += 1;
        let (tx, spent) = read(row);
        if string(&row[2]) == "BADTX" {
            let sound = tx.is_some_and(|tx| is_sound(&tx));
            report.expect(row, &sound, &false);
            continue;
        }
        let tx = tx.expect("a transaction");
        let spend = Spend::new(&tx, &spent).expect("an output for each input");
        let passes = |flags| spend.verify(flags).is_ok();
        let flags = Flags::parse(string(&row[2])).expect("flags");

        report.expect(row, &is_sound(&tx), &true);
        report.expect(row, &flags.filled(), &flags);
        report.expect(row, &passes(flags), &false);
        for (flag, _) in Flags::ALL.iter() {
            report.expect(row, &passes((flags | flag).filled()), &false);
            report.expect(row, &passes((flags | random.flags()).filled()), &false);
        }
        for fewer in less_one(flags) {
            report.expect(row, &passes(fewer), &true);
        }
    }
    report
}

/// Every sound set with one flag less.
fn less_one(flags: Flags) -> BTreeSet<Flags> {
    Flags::ALL
        .iter()
        .map(|(flag, _)| (flags & !flag).trimmed())
        .filter(|fewer| *fewer != flags)
        .collect()
}

/// The transactions of `tx_valid.json` or `tx_invalid.json` that decode and spend as many outputs
/// as they have inputs, with the outputs.
pub fn spends(data: &Value) -> Vec<(Transaction, Vec<TxOut>)> {
    let read = rows(data).map(read);
    let read = read.filter_map(|(tx, spent)| Some((tx?, spent)));
    read.filter(|(tx, spent)| !spent.is_empty() && tx.input.len() == spent.len())
        .collect()
}

/// The transaction, if it decodes, and the outputs it spends.
fn read(row: &Value) -> (Option<Transaction>, Vec<TxOut>) {
    let tx: Option<Transaction> = deserialize_hex(string(&row[1])).ok();
    let outputs: Vec<_> = row[0]
        .as_array()
        .expect("a list")
        .iter()
        .map(|output| {
            let txid: Txid = string(&output[0]).parse().expect("a transaction id");
            // a number of -1 is the one of no output
            let index = output[1].as_i64().expect("a number") as u32;
            let value = output.get(3).map_or(0, |v| v.as_u64().expect("an amount"));
            let output = TxOut {
                value: Amount::from_sat(value),
                script_pubkey: text::parse(string(&output[2])).expect("a script").into(),
            };
            (OutPoint::new(txid, index), output)
        })
        .collect();
    let inputs = tx.iter().flat_map(|tx| &tx.input);
    let spent = inputs
        // a later row for the same output replaces an earlier one
        .filter_map(|input| {
            let known = |(at, _): &&(OutPoint, TxOut)| *at == input.previous_output;
            outputs
                .iter()
                .rev()
                .find(known)
                .map(|(_, output)| output.clone())
        })
        .collect();
    (tx, spent)
}

/// What a transaction must be whatever it spends: Core's `CheckTransaction`.
fn is_sound(tx: &Transaction) -> bool {
    let values = tx.output.iter().map(|output| output.value.to_sat());
    let mut sum = 0u64;
    let values_fit = values.into_iter().all(|value| {
        sum = sum.saturating_add(value);
        value <= MAX_MONEY && sum <= MAX_MONEY
    });
    let distinct: BTreeSet<_> = tx.input.iter().map(|input| input.previous_output).collect();
    let sources_fit = match &tx.input[..] {
        [only] if only.previous_output.is_null() => (2..=100).contains(&only.script_sig.len()),
        inputs => inputs.iter().all(|input| !input.previous_output.is_null()),
    };
    !tx.input.is_empty()
        && !tx.output.is_empty()
        && tx.base_size() * 4 <= 4_000_000
        && values_fit
        && distinct.len() == tx.input.len()
        && sources_fit
}

//! What the fuzz target of blocks checks: any bytes as a block, as transactions one after another,
//! and as the payload of an operation. It panics if a promise does not hold.
//! `crates/avm-atomicals/tests/regressions.rs` includes this file too.

use avm_atomicals::index::block::{self, BlockError, TxParts};
use avm_atomicals::index::envelope::{self, FindRules, InputIndex, Operation};
use avm_atomicals::index::request;

/// Transactions of a block that is put together.
const MAX_TXS: usize = 40;

/// A target that every other hash meets.
const BITS: u32 = 0x207f_ffff;

/// Any bytes.
pub fn block(bytes: &[u8]) {
    if let Ok(parts) = block::read(bytes) {
        let last = parts.txs.last().expect("there is a coinbase");
        assert_eq!(last.range.end as usize, bytes.len());
        let _ = block::check_witnesses(bytes, &parts);
    }
    if let Some((first, payload)) = bytes.split_first() {
        let operation = Operation::ALL[usize::from(*first) % Operation::ALL.len()];
        request_of(operation, payload);
    }
    let (mut rest, mut txs) = (bytes, Vec::new());
    while let (Ok(tx), true) = (TxParts::read(rest), txs.len() < MAX_TXS) {
        transaction(&tx);
        rest = &rest[tx.raw().len()..];
        txs.push(tx);
    }
    sealed(&txs);
}

/// The parts make the transaction again, and an operation in it has its place.
fn transaction(tx: &TxParts<'_>) {
    assert_eq!(rebuilt(tx), tx.raw());
    let again = TxParts::read(tx.raw()).expect("it was read");
    assert_eq!(again.txid(), tx.txid());
    for index in [InputIndex::Beta1, InputIndex::True] {
        let rules = FindRules {
            args_bytes: true,
            index,
            overlay: true,
        };
        let Ok(Some(found)) = envelope::find(tx, rules) else {
            continue;
        };
        let input = tx.inputs().nth(found.input as usize);
        assert_eq!(input.map(|input| *input.outpoint), Some(found.commit));
        let id = envelope::text_id(&found.commit);
        assert_eq!(envelope::parse_text_id(&id), Some(found.commit));
        envelope::first_item(&found.payload).expect("it was accepted");
        request_of(found.operation, &found.payload);
    }
}

/// What is allowed before the density height is allowed after it, and an error has a text.
fn request_of(operation: Operation, payload: &[u8]) {
    let late = request::read(operation, payload, true);
    if let Ok(early) = request::read(operation, payload, false) {
        assert_eq!(late.as_ref(), Ok(&early));
    }
    if let Err(error) = late {
        assert!(!error.to_string().is_empty());
    }
}

/// A block of these transactions is read if its only coinbase is the first.
fn sealed(txs: &[TxParts<'_>]) {
    let txids: Vec<_> = txs.iter().map(TxParts::txid).collect();
    let Some(root) = block::merkle_root(&txids) else {
        return;
    };
    let mut header = [0; block::HEADER_BYTES];
    header[36..68].copy_from_slice(&root);
    header[72..76].copy_from_slice(&BITS.to_le_bytes());
    while block::check_work(&header).is_err() {
        header[76] += 1;
    }
    let mut raw = header.to_vec();
    size(&mut raw, txs.len());
    txs.iter().for_each(|tx| raw.extend(tx.raw()));
    match block::read(&raw) {
        Ok(parts) => {
            assert!(txs[0].is_coinbase() && !txs[1..].iter().any(TxParts::is_coinbase));
            assert!(parts.txs.iter().map(|tx| tx.txid).eq(txids));
            assert!(
                parts
                    .txs
                    .iter()
                    .zip(txs)
                    .all(|(placed, tx)| placed.raw(&raw) == tx.raw())
            );
            let _ = block::check_witnesses(&raw, &parts);
        }
        Err(BlockError::NoCoinbase { .. }) => assert!(!txs[0].is_coinbase()),
        Err(BlockError::Coinbase { number, .. }) => assert!(txs[number].is_coinbase()),
        Err(error) => panic!("{error}"),
    }
}

fn rebuilt(tx: &TxParts<'_>) -> Vec<u8> {
    let mut out = tx.version().to_le_bytes().to_vec();
    if tx.has_witness() {
        out.extend([0, 1]);
    }
    size(&mut out, tx.input_count());
    for input in tx.inputs() {
        out.extend(input.outpoint);
        string(&mut out, input.script);
        out.extend(input.sequence.to_le_bytes());
    }
    size(&mut out, tx.output_count());
    for output in tx.outputs() {
        out.extend(output.sats.to_le_bytes());
        string(&mut out, output.script);
    }
    assert_eq!(tx.witnesses().count(), tx.input_count());
    for witness in tx.witnesses() {
        if tx.has_witness() {
            size(&mut out, witness.len());
        }
        witness.for_each(|element| string(&mut out, element));
    }
    out.extend(tx.lock_time().to_le_bytes());
    out
}

fn string(out: &mut Vec<u8>, string: &[u8]) {
    size(out, string.len());
    out.extend(string);
}

fn size(out: &mut Vec<u8>, len: usize) {
    let bytes = (len as u64).to_le_bytes();
    match len {
        0..=0xfc => out.push(bytes[0]),
        0xfd..=0xffff => out.extend([&[0xfd], &bytes[..2]].concat()),
        0x1_0000..=0xffff_ffff => out.extend([&[0xfe], &bytes[..4]].concat()),
        _ => out.extend([&[0xff], &bytes[..]].concat()),
    }
}

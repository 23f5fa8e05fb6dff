//! Blocks and receipts for people.

use avm_atomicals::index::block;
use avm_atomicals::index::envelope::text_id;
use avm_atomicals::index::keys::displayed;
use avm_atomicals::index::receipt::{BLOCKS, OperationReceipt, Receipt, Settled};
use avm_atomicals::index::watch::outcome_text;
use avm_core::{Channel, Hash, HostError, Nodes};
use serde_json::{Value, json};

use crate::output::{count, grouped};

/// What outputs of a channel are called.
pub(super) fn channel(channel: Channel) -> &'static str {
    if channel == BLOCKS { "block" } else { "op" }
}

/// A receipt in a line.
pub(super) fn receipt(hash: Hash, nodes: &dyn Nodes) -> Result<String, HostError> {
    Ok(match Receipt::open(hash, nodes)? {
        Receipt::Operation(receipt) => operation(&receipt),
        Receipt::Refused(why) => format!("refused: {why}"),
        Receipt::Evicted(receipt) => {
            let tokens = count(&receipt.tokens.to_string(), "token");
            let (height, id) = (receipt.height, text_id(&receipt.outpoint));
            format!("@{height} virtual output {id} evicted, {tokens} burned")
        }
        Receipt::Block(receipt) => {
            let counted = |n: u32, noun| count(&n.to_string(), noun);
            format!(
                "{} {} {}, {}, {} refused, {} changed, T {} S {}",
                receipt.height,
                displayed(&receipt.hash),
                counted(receipt.txs, "tx"),
                counted(receipt.operations, "operation"),
                receipt.refused,
                counted(receipt.contracts, "contract"),
                Hash(receipt.blocks_chain).short(),
                Hash(receipt.states_chain).short(),
            )
        }
    })
}

fn operation(receipt: &OperationReceipt) -> String {
    let mut text = format!(
        "@{}:{} {}",
        receipt.place.height,
        receipt.place.position,
        receipt.operation.name()
    );
    if receipt.id != [0; 36] {
        text += &format!(" {}", text_id(&receipt.id));
    }
    text += &match receipt.settled {
        Settled::Done => String::from(" done"),
        Settled::Refused(why) => format!(" refused: {why}"),
        Settled::Failed(outcome) => format!(" failed: {}", outcome_text(outcome)),
    };
    if receipt.cost > 0 {
        text += &format!(", cost {}", grouped(&receipt.cost.to_string()));
    }
    text + &format!(", tx {}", displayed(&receipt.txid))
}

/// A block as fields. Bytes that are no block are an input, too: the machine refuses them.
pub(super) fn block_fields(input: &[u8]) -> Vec<(&'static str, Value)> {
    let read = block::read(input).and_then(|parts| {
        block::check_witnesses(input, &parts)?;
        Ok(parts)
    });
    let parts = match read {
        Ok(parts) => parts,
        Err(e) => {
            return vec![
                ("malformed", json!(e.to_string())),
                ("bytes", json!(input.len())),
            ];
        }
    };
    let header = &parts.header;
    vec![
        ("hash", json!(displayed(&parts.hash))),
        ("previous", json!(displayed(&block::header_prev(header)))),
        ("time", json!(block::header_time(header))),
        ("txs", json!(parts.txs.len())),
        ("bytes", json!(input.len())),
        (
            "merkle_root",
            json!(displayed(&block::header_merkle_root(header))),
        ),
    ]
}

//! Results of `avm dev`, for people and for programs.

use avm_atomicals::index::receipt::OperationReceipt;
use avm_atomicals::script::call::ContractId;
use avm_core::Hash;
use avm_regtest::id_text;
use serde_json::{Value, json};

use crate::dev::{Dev, Holdings, Mined, Sent, told};
use crate::error::CliError;
use crate::output::{Reply, count, grouped, number, root, row};

/// Blocks that are shown to people.
const SHOWN: usize = 12;

/// What is on a chain.
pub(super) fn status(dev: &Dev) -> Result<Reply, CliError> {
    let found = dev.overview()?;
    let machine = dev.machine();
    let (blocks, states) = machine.chains();
    let waiting = dev.chain().mempool().count();
    let mut text = row("height", dev.chain().height());
    for (name, good) in &found.protocols {
        let soon = if *good {
            ""
        } else {
            "  (its name is good 3 blocks after its own)"
        };
        text += &row("protocol", format!("{name}{soon}"));
    }
    for (name, protocol, calls, values) in &found.contracts {
        let calls = count(&calls.to_string(), "call");
        let values = count(&values.to_string(), "value");
        text += &row(
            "contract",
            format!("{name}  of {protocol}, {calls}, {values}"),
        );
    }
    for (name, kind, supply) in &found.tokens {
        let supply = grouped(&supply.to_string());
        text += &row("token", format!("{name}  {kind}, {supply} minted"));
    }
    if waiting > 0 {
        text += &row("waiting", count(&waiting.to_string(), "transaction"));
    }
    text += &row("T", Hash(blocks).short());
    text += &row("S", Hash(states).short());
    text += &row("root", dev.root());
    let names = |list: &[(String, bool)]| -> Vec<Value> {
        let each = list.iter();
        each.map(|(name, good)| json!({ "name": name, "verified": good }))
            .collect()
    };
    let contracts = found.contracts.iter().map(|(name, protocol, calls, values)| {
        json!({ "name": name, "protocol": protocol, "calls": calls, "values": values })
    });
    let tokens = found.tokens.iter().map(
        |(name, kind, supply)| json!({ "name": name, "kind": kind, "minted": number(*supply) }),
    );
    let data = json!({
        "height": dev.chain().height(),
        "block": dev.chain().tip_hash().to_string(),
        "rules": dev.rules().name,
        "protocols": names(&found.protocols),
        "contracts": contracts.collect::<Vec<_>>(),
        "tokens": tokens.collect::<Vec<_>>(),
        "keys": found.keys,
        "waiting": waiting,
        "blocks_chain": root(Hash(blocks)),
        "states_chain": root(Hash(states)),
        "root": root(dev.root()),
    });
    Ok(Reply::new(text, data))
}

/// Blocks that `mine` mines.
pub(super) fn mined(
    dev: &mut Dev,
    mine: impl FnOnce(&mut Dev) -> Result<Vec<Mined>, CliError>,
) -> Result<Reply, CliError> {
    let before = dev.root();
    let mined = mine(dev)?;
    let text = blocks(&mined) + &roots(before, dev.root());
    let data = json!({
        "blocks": mined.iter().map(block).collect::<Vec<_>>(),
        "root_before": root(before),
        "root": root(dev.root()),
    });
    Ok(Reply::new(text, data))
}

/// A reorg.
pub(super) fn reorg(
    dev: &mut Dev,
    depth: u32,
    together: bool,
    mine: bool,
) -> Result<Reply, CliError> {
    let before = dev.root();
    let found = dev.reorg(depth, together, mine)?;
    let mut text = String::new();
    for (height, root) in &found.back {
        text += &row("back", format!("{height}  root {}", root.short()));
    }
    text += &row(
        "fork",
        format!("{}  root {}", found.fork.0, found.fork.1.short()),
    );
    text += &blocks(&found.mined);
    if found.waiting > 0 {
        text += &row("waiting", count(&found.waiting.to_string(), "transaction"));
    }
    text += &roots(before, dev.root());
    let back = found.back.iter();
    let back = back.map(|(height, hash)| json!({ "height": height, "root": root(*hash) }));
    let data = json!({
        "back": back.collect::<Vec<_>>(),
        "fork": { "height": found.fork.0, "root": root(found.fork.1) },
        "blocks": found.mined.iter().map(block).collect::<Vec<_>>(),
        "waiting": found.waiting,
        "root_before": root(before),
        "root": root(dev.root()),
    });
    Ok(Reply::new(text, data))
}

/// What somebody has.
pub(super) fn balance(found: &Holdings) -> Reply {
    let mut text = row("who", &found.who);
    if let Some(address) = &found.address {
        text += &row("address", address);
    }
    if let Some(sats) = found.sats {
        text += &row("satoshis", grouped(&sats.to_string()));
    }
    for (name, kind, units) in &found.tokens {
        let units = grouped(&units.to_string());
        text += &row(kind, format!("{units} of {name}"));
    }
    let tokens = found.tokens.iter();
    let tokens = tokens
        .map(|(name, kind, units)| json!({ "name": name, "kind": kind, "amount": number(*units) }));
    let data = json!({
        "who": found.who,
        "address": found.address,
        "satoshis": found.sats.map(number),
        "tokens": tokens.collect::<Vec<_>>(),
    });
    Reply::new(text, data)
}

/// Something that was sent, and the error if it had no effect.
pub(super) fn sent(dev: &Dev, sent: &Sent) -> Result<Reply, CliError> {
    let code = sent.script.as_ref().map(|(code, _)| &code[..]);
    let outcome = sent.receipt.as_ref().map_or_else(
        || String::from("waits for a block"),
        |receipt| told::settled(receipt, code),
    );
    let mut text = row(sent.verb, format!("{}: {outcome}", sent.what));
    text += &row("id", id_text(&sent.id));
    text += &row("tx", sent.txid);
    for note in &sent.notes {
        text += &row("note", note);
    }
    if let Some(receipt) = sent.receipt.filter(|receipt| receipt.cost > 0) {
        text += &row(
            "cost",
            format!("{} units", grouped(&receipt.cost.to_string())),
        );
    }
    text += &row("height", dev.chain().height());
    text += &roots(sent.before, dev.root());
    let data = json!({
        "verb": sent.verb,
        "what": sent.what,
        "outcome": outcome,
        "id": id_text(&sent.id),
        "tx": sent.txid.to_string(),
        "cost": sent.receipt.map(|receipt| number(receipt.cost)),
        "chain": sent.receipt.map(|receipt| root(receipt.chain)),
        "notes": sent.notes,
        "height": dev.chain().height(),
        "blocks": sent.mined.iter().map(block).collect::<Vec<_>>(),
        "root_before": root(sent.before),
        "root": root(dev.root()),
    });
    let Some(mut error) = sent.objection() else {
        return Ok(Reply::new(text, data));
    };
    error.output = Some(text);
    if let Value::Object(members) = data {
        error.data.extend(members);
    }
    Err(error)
}

fn roots(before: Hash, after: Hash) -> String {
    row("root", format!("{} -> {}", before.short(), after.short()))
}

/// Blocks for people: the last ones, with their operations.
fn blocks(mined: &[Mined]) -> String {
    let hidden = mined.len().saturating_sub(SHOWN);
    let mut text = String::new();
    if hidden > 0 {
        text += &row("blocks", format!("{hidden} more before these"));
    }
    for one in &mined[hidden..] {
        let txs = count(&one.block.txs.to_string(), "transaction");
        let (height, root) = (one.block.height, one.root.short());
        text += &row("block", format!("{height}  root {root}  {txs}"));
        for receipt in &one.operations {
            let name = receipt.operation.name();
            text += &format!("          {name} {}\n", told::settled(receipt, None));
        }
    }
    text
}

fn block(mined: &Mined) -> Value {
    json!({
        "height": mined.block.height,
        "block": shown(mined.block.hash),
        "transactions": mined.block.txs,
        "operations": mined.operations.iter().map(operation).collect::<Vec<_>>(),
        "blocks_chain": root(Hash(mined.block.blocks_chain)),
        "states_chain": root(Hash(mined.block.states_chain)),
        "root": root(mined.root),
    })
}

fn operation(receipt: &OperationReceipt) -> Value {
    const NOTHING: ContractId = [0; 36];
    json!({
        "operation": receipt.operation.name(),
        "tx": shown(receipt.txid),
        "outcome": told::settled(receipt, None),
        "id": (receipt.id != NOTHING).then(|| id_text(&receipt.id)),
        "cost": number(receipt.cost),
    })
}

/// A hash of Bitcoin as it is shown: last byte first, without 0x.
fn shown(mut hash: [u8; 32]) -> String {
    hash.reverse();
    crate::output::hex(&hash)[2..].to_owned()
}

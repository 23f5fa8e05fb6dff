//! Calls and receipts for people.

use std::sync::Arc;

use avm_atomicals::keys::{KeyName, bytes_text};
use avm_atomicals::machine::{Outcome, Receipt};
use avm_atomicals::script::call::{Effects, amount};
use avm_atomicals::script::table::{self, Table};
use avm_atomicals::script::tables::hex;
use avm_atomicals::script::tx::{Tx, WitnessForm};
use avm_atomicals::script::{CallInput, instr};
use avm_core::{Bytes, Hash, HostError, Nodes};
use serde_json::{Map, Value, json};

use crate::output::{clip, count, grouped};

/// Most effects that a receipt lists.
const EFFECTS: usize = 16;
/// Most characters of a value.
const VALUE: usize = 80;

/// A receipt: how the call ended, what it cost, and what it did.
pub(super) fn receipt(hash: Hash, nodes: &Arc<dyn Nodes>) -> Result<String, HostError> {
    let receipt = Receipt::open(hash, nodes)?;
    let mut text = format!("#{} {}", receipt.call, outcome(&receipt.outcome));
    if receipt.cost > 0 {
        text += &format!(", cost {}", grouped(&receipt.cost.to_string()));
    }
    let Some(effects) = &receipt.effects else {
        return Ok(text);
    };
    let done = effects_text(effects)?;
    for one in done.iter().take(EFFECTS) {
        text += &format!("; {one}");
    }
    if done.len() > EFFECTS {
        text += &format!("; and {} more", done.len() - EFFECTS);
    }
    Ok(text)
}

/// How a call ended.
fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => String::from("ok"),
        Outcome::Script {
            error,
            script,
            op_index,
        } => format!("failed at operation {op_index} of the {script} script, {error}"),
        Outcome::Size(table) => format!("failed: {} is over its limit", table.name()),
        Outcome::Host(fault) => format!("refused: {}", fault.name()),
    }
}

/// What a call did, one change an entry.
fn effects_text(effects: &Effects) -> Result<Vec<String>, HostError> {
    let mut done = Vec::new();
    let mut each = |table: &Table, tell: &dyn Fn(&[u8], &Bytes) -> String| {
        for entry in table {
            let (key, value) = entry?;
            done.push(tell(key, value));
        }
        Ok::<(), HostError>(())
    };
    let name = |key: &[u8]| KeyName::State(key.to_vec());
    each(&effects.updates, &|key, value| {
        format!("{} = {}", name(key), clip(&bytes_text(value), VALUE))
    })?;
    each(&effects.deletes, &|key, _| format!("{} deleted", name(key)))?;
    each(&effects.ft_updates, &|token, value| {
        format!("ft/{} = {}", hex(token), amount(value))
    })?;
    each(&effects.nft_updates, &|token, value| {
        let what = if value[..] == [1] { "came" } else { "went" };
        format!("nft/{} {what}", hex(token))
    })?;
    each(&effects.ft_withdraws, &|key, value| {
        let (token, output) = table::split_withdrawal(key);
        format!("{} of ft/{} to output {output}", amount(value), hex(token))
    })?;
    each(&effects.nft_withdraws, &|token, value| {
        format!("nft/{} to output {}", hex(token), table::number(value))
    })?;
    Ok(done)
}

/// A call as fields.
pub(super) fn call_fields(call: &CallInput) -> Result<Vec<(&'static str, Value)>, HostError> {
    let arguments: Vec<String> = instr::instructions(&call.unlock)
        .map(|instr| match instr {
            Ok((_, instr)) => match instr.opcode {
                0 => String::from("0"),
                0x4f => String::from("-1"),
                opcode @ 0x51..=0x60 => (opcode - 0x50).to_string(),
                opcode if opcode > 0x4e => format!("opcode 0x{opcode:02x}"),
                _ => bytes_text(instr.data),
            },
            Err(_) => String::from("a cut push"),
        })
        .collect();
    let tx = match Tx::decode(Arc::clone(&call.tx), WitnessForm::Bip144) {
        Ok(tx) => format!(
            "{} bytes, {}, {}, lock time {}",
            call.tx.len(),
            count(&tx.inputs.len().to_string(), "input"),
            count(&tx.outputs.len().to_string(), "output"),
            tx.lock_time
        ),
        Err(e) => format!("{} bytes: {e}", call.tx.len()),
    };
    let mut fields = vec![
        ("unlock", json!(format!("0x{}", hex(&call.unlock)))),
        ("pushes", json!(arguments.join(" | "))),
        ("tx", json!(format!("0x{}", hex(&call.tx)))),
        ("tx_summary", json!(tx)),
        ("auth_pubkey", json!(format!("0x{}", hex(&call.auth_key)))),
        ("height", json!(call.height)),
        ("headers", json!(call.headers.len()?)),
    ];
    let mut put = |name, table: &Table, show: fn(&[u8]) -> Value| {
        let mut members = Map::new();
        for entry in table {
            let (token, value) = entry?;
            members.insert(hex(token), show(value));
        }
        fields.push((name, members.into()));
        Ok::<(), HostError>(())
    };
    put("ft_incoming", &call.ft_incoming, |value| {
        crate::output::number(amount(value))
    })?;
    put("nft_incoming", &call.nft_incoming, |_| json!(true))?;
    Ok(fields)
}

//! Recorded transactions and the operation the reference finds in each: reading them, and comparing
//! it with ours.
//!
//! The tests of `avm-atomicals` include this file, too: it needs that crate and `serde_json`, and
//! nothing else.

use avm_atomicals::index::block::TxParts;
use avm_atomicals::index::envelope::{self, FindRules, InputIndex};
use avm_atomicals::script::tables::{from_hex, hex};
use serde_json::{Value, json};

/// A recorded transaction by its name, and why the operation in it is not ours, if it is not.
pub type Compared = (String, Result<(), String>);

/// Whether the operation of each recorded transaction is ours, by name.
///
/// # Errors
/// That there is no list of cases.
pub fn checks(document: &Value, index: InputIndex) -> Result<Vec<Compared>, String> {
    let cases = document["cases"].as_array().ok_or("it has no `cases`")?;
    let one = |case: &Value| {
        let found = found(case, index)?;
        match found == case["out"] {
            true => Ok(()),
            false => Err(format!("found {found}, expected {}", case["out"])),
        }
    };
    Ok(cases
        .iter()
        .map(|case| (case["id"].as_str().unwrap_or("?").into(), one(case)))
        .collect())
}

/// What we find, in the fields of a recorded result.
fn found(case: &Value, index: InputIndex) -> Result<Value, String> {
    let raw = case["tx"].as_str().and_then(from_hex);
    let raw = raw.ok_or("no hex in `tx`")?;
    let tx = TxParts::read(&raw).map_err(|e| e.to_string())?;
    if tx.raw() != raw {
        return Err(format!(
            "{} of {} bytes are read",
            tx.raw().len(),
            raw.len()
        ));
    }
    let args_bytes = case["args_bytes_allowed"].as_bool();
    let args_bytes = args_bytes.ok_or("no truth value in `args_bytes_allowed`")?;
    let rules = FindRules {
        args_bytes,
        index,
        overlay: false,
    };
    let Ok(found) = envelope::find(&tx, rules) else {
        return Ok(json!({ "found": false, "error": true }));
    };
    let Some(found) = found else {
        return Ok(json!({ "found": false }));
    };
    let id = envelope::text_id(&found.commit);
    if envelope::parse_text_id(&id) != Some(found.commit) {
        return Err(format!("{id} does not read back"));
    }
    let txid: Vec<u8> = tx.txid().into_iter().rev().collect();
    Ok(json!({
        "found": true,
        "op": found.operation.name(),
        "input_index": found.input,
        "payload": hex(&found.payload),
        "commit_location": hex(&found.commit),
        "id": id,
        "reveal_txid": hex(&txid),
    }))
}

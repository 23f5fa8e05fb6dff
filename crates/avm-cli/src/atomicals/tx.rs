//! Transactions from JSON: in hex, or by their parts.
//!
//! ```json
//! { "version": 2, "lock_time": 0,
//!   "inputs": [{ "txid": "00..00", "index": 0, "sequence": 4294967295, "script": "" }],
//!   "outputs": [{ "value": 1000, "script": "51" }] }
//! ```
//!
//! Every member may be left out; without inputs there is one that spends nothing, without outputs
//! one of value 0 with an empty script.

use avm_atomicals::script::tables::from_hex;
use serde_json::{Map, Value};

use super::place::{Read, Wrong};

/// Most inputs or outputs.
const PARTS_MAX: usize = 100_000;

/// The least transaction that a call can be part of.
pub(crate) fn least() -> Vec<u8> {
    build(&Map::new()).unwrap_or_default()
}

/// A transaction from its JSON form.
pub(crate) fn read(value: &Value) -> Read<Vec<u8>> {
    match value {
        Value::String(digits) => bytes(digits),
        Value::Object(parts) => build(parts),
        other => Err(Wrong::new(format!(
            "a transaction is hex text or an object, found {}",
            found(other)
        ))),
    }
}

/// What a value is, for an error.
pub(crate) fn found(value: &Value) -> String {
    crate::output::clip(&value.to_string(), 60)
}

/// Bytes from hex text, with or without 0x.
pub(crate) fn bytes(digits: &str) -> Read<Vec<u8>> {
    from_hex(digits.strip_prefix("0x").unwrap_or(digits)).ok_or_else(|| {
        let shown = crate::output::clip(digits, 60);
        Wrong::new(format!(
            "expected an even number of hex digits, found `{shown}`"
        ))
    })
}

/// Refuses members that are not `known`.
pub(crate) fn only(members: &Map<String, Value>, known: &[&str]) -> Read<()> {
    let unknown = members.keys().find(|name| !known.contains(&name.as_str()));
    unknown.map_or(Ok(()), |name| {
        let shown = crate::output::clip(name, 40);
        let known = known.join(", ");
        Err(Wrong::new(format!("no such member; known are {known}")).member(&shown))
    })
}

/// A number member of at most `most`.
pub(crate) fn number(
    members: &Map<String, Value>,
    name: &str,
    absent: u64,
    most: u64,
) -> Read<u64> {
    let Some(value) = members.get(name) else {
        return Ok(absent);
    };
    value
        .as_u64()
        .filter(|number| *number <= most)
        .ok_or_else(|| {
            Wrong::new(format!(
                "expected a number from 0 to {most}, found {}",
                found(value)
            ))
            .member(name)
        })
}

/// A member with hex text.
pub(crate) fn hex(members: &Map<String, Value>, name: &str) -> Read<Option<Vec<u8>>> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(digits)) => bytes(digits).map(Some).map_err(|e| e.member(name)),
        Some(other) => {
            Err(Wrong::new(format!("expected hex text, found {}", found(other))).member(name))
        }
    }
}

fn build(parts: &Map<String, Value>) -> Read<Vec<u8>> {
    only(parts, &["version", "lock_time", "inputs", "outputs"])?;
    let u32_max = u64::from(u32::MAX);
    let mut out = Vec::new();
    out.extend((number(parts, "version", 2, u32_max)? as u32).to_le_bytes());
    let none = Map::new();
    let inputs = list(parts, "inputs", &none)?;
    size(&mut out, inputs.len());
    for (at, input) in inputs.into_iter().enumerate() {
        one_input(&mut out, input).map_err(|e| e.index(at).member("inputs"))?;
    }
    let outputs = list(parts, "outputs", &none)?;
    size(&mut out, outputs.len());
    for (at, output) in outputs.into_iter().enumerate() {
        one_output(&mut out, output).map_err(|e| e.index(at).member("outputs"))?;
    }
    out.extend((number(parts, "lock_time", 0, u32_max)? as u32).to_le_bytes());
    Ok(out)
}

/// The objects of an array; `none` alone if there is no array.
fn list<'a>(
    parts: &'a Map<String, Value>,
    name: &str,
    none: &'a Map<String, Value>,
) -> Read<Vec<&'a Map<String, Value>>> {
    let Some(value) = parts.get(name) else {
        return Ok(vec![none]);
    };
    let items = value.as_array().filter(|items| items.len() <= PARTS_MAX);
    let items = items.ok_or_else(|| {
        Wrong::new(format!(
            "expected an array of at most {PARTS_MAX}, found {}",
            found(value)
        ))
        .member(name)
    })?;
    if items.is_empty() && name == "inputs" {
        return Err(Wrong::new("a transaction has an input").member(name));
    }
    let object = |(at, item): (usize, &'a Value)| {
        item.as_object().ok_or_else(|| {
            Wrong::new(format!("expected an object, found {}", found(item)))
                .index(at)
                .member(name)
        })
    };
    items.iter().enumerate().map(object).collect()
}

fn one_input(out: &mut Vec<u8>, input: &Map<String, Value>) -> Read<()> {
    only(input, &["txid", "index", "sequence", "script"])?;
    let u32_max = u64::from(u32::MAX);
    let mut txid = hex(input, "txid")?.unwrap_or_else(|| vec![0; 32]);
    if txid.len() != 32 {
        return Err(Wrong::new(format!("expected 32 bytes, found {}", txid.len())).member("txid"));
    }
    txid.reverse();
    out.extend(txid);
    out.extend((number(input, "index", 0, u32_max)? as u32).to_le_bytes());
    script(out, input)?;
    out.extend((number(input, "sequence", u32_max, u32_max)? as u32).to_le_bytes());
    Ok(())
}

fn one_output(out: &mut Vec<u8>, output: &Map<String, Value>) -> Read<()> {
    only(output, &["value", "script"])?;
    out.extend(number(output, "value", 0, i64::MAX as u64)?.to_le_bytes());
    script(out, output)
}

fn script(out: &mut Vec<u8>, part: &Map<String, Value>) -> Read<()> {
    let script = hex(part, "script")?.unwrap_or_default();
    size(out, script.len());
    out.extend(script);
    Ok(())
}

/// A size as transactions have it.
fn size(out: &mut Vec<u8>, size: usize) {
    match size {
        0..=0xfc => out.push(size as u8),
        0xfd..=0xffff => {
            out.push(0xfd);
            out.extend((size as u16).to_le_bytes());
        }
        _ => {
            out.push(0xfe);
            out.extend((size as u32).to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use avm_atomicals::script::tx::{Tx, WitnessForm};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_built_is_decoded() {
        let tx = Tx::decode(least(), WitnessForm::Bip144).expect("a transaction");
        assert_eq!((tx.inputs.len(), tx.outputs.len(), tx.lock_time), (1, 1, 0));
        let long = "ab".repeat(300);
        let txid = format!("{}01", "00".repeat(31));
        let value = json!({
            "version": 1, "lock_time": 77,
            "inputs": [{ "txid": txid, "index": 3, "sequence": 5 }],
            "outputs": [{ "value": 1000, "script": "51" }, { "value": 7, "script": long }],
        });
        let tx = Tx::decode(read(&value).expect("it is one"), WitnessForm::Bip144)
            .expect("a transaction");
        assert_eq!(
            (tx.version, tx.lock_time, tx.inputs[0].prev_txid[0]),
            (1, 77, 1)
        );
        assert_eq!((tx.inputs[0].prev_index, tx.inputs[0].sequence), (3, 5));
        assert_eq!(
            tx.outputs
                .iter()
                .map(|output| output.value)
                .collect::<Vec<_>>(),
            [1000, 7]
        );
        assert_eq!(tx.output_script(&tx.outputs[1]).len(), 300);
    }

    #[test]
    fn what_is_refused() {
        for value in [
            json!(7),
            json!("0g"),
            json!({ "nonsense": 1 }),
            json!({ "inputs": [] }),
            json!({ "inputs": [7] }),
            json!({ "outputs": [{ "value": -1 }] }),
            json!({ "inputs": [{ "txid": "00" }] }),
            json!({ "lock_time": 4_294_967_296_u64 }),
        ] {
            assert!(read(&value).is_err(), "{value}");
        }
    }
}

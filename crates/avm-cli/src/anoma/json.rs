//! Values as JSON: the form of spec section 1, with four kinds more that it does not have.
//!
//! `null`, `true`, `12`, `"s"`, `[..]` for a list, and objects with one member: `{"int": "digits"}`
//! from 2^53 on, `{"just": v}`, `{"sym": "x"}`, `{"bytes": "hex"}`, `{"pair": [a, b]}`,
//! `{"map": [[k, v], ..]}`, `{"obj": ID}`, `{"tx": ID}`, `{"ctl": "c"}`, `{"mach": "m"}`,
//! `{"var": 0}`, `{"lin": 0}`, `{"hash": "hex"}`, `{"code": ["hex of the module", "export"]}`.

use avm_anoma::value::{ObjectId, TxId, Val};
use avm_core::{Hash, HostError};
use ruint::aliases::U256;
use serde_json::{Map, Value, json};

use crate::arb::inbox::hex_bytes;
use crate::output::clip;

/// Most that a number of JSON has: what every reader of JSON takes exactly.
const PLAIN: u64 = 1 << 53;

/// How ids are written.
pub(super) trait Ids {
    /// An object as text.
    fn object_text(&self, id: &ObjectId) -> String;
    /// A transaction as text.
    fn tx_text(&self, id: &TxId) -> String;
    /// The object that a text names.
    fn object(&self, text: &str) -> Option<ObjectId>;
    /// The transaction that a text names.
    fn tx(&self, text: &str) -> Option<TxId>;
}

/// Ids as 64 hex digits, with or without their kind and a colon before them.
pub(super) struct Plain;

impl Ids for Plain {
    fn object_text(&self, id: &ObjectId) -> String {
        digits(&id.0)
    }

    fn tx_text(&self, id: &TxId) -> String {
        digits(&id.0)
    }

    fn object(&self, text: &str) -> Option<ObjectId> {
        word(text.strip_prefix("obj:").unwrap_or(text)).map(ObjectId)
    }

    fn tx(&self, text: &str) -> Option<TxId> {
        word(text.strip_prefix("tx:").unwrap_or(text)).map(TxId)
    }
}

/// Hex digits without a prefix.
pub(super) fn digits(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.collect()
}

fn word(text: &str) -> Option<[u8; 32]> {
    hex_bytes(text)?.try_into().ok()
}

/// A value as JSON.
///
/// # Errors
/// If a part of it cannot be read.
pub(super) fn to_json(value: &Val, ids: &dyn Ids) -> Result<Value, HostError> {
    let part = |value: &Val| to_json(value, ids);
    Ok(match value.open()? {
        Val::Nothing => Value::Null,
        Val::Bool(is) => json!(is),
        Val::Int(n) if n.unsigned_abs() < PLAIN => json!(n),
        n @ (Val::Int(_) | Val::Big(_)) => json!({ "int": n.to_string() }),
        text @ (Val::Str(_) | Val::LongStr(_)) => json!(text.as_str()),
        text @ (Val::Sym(_) | Val::LongSym(_)) => json!({ "sym": text.as_sym() }),
        Val::Bytes(bytes) => json!({ "bytes": digits(bytes) }),
        Val::Just(just) => json!({ "just": part(just.value())? }),
        Val::Pair(pair) => json!({ "pair": [part(pair.first())?, part(pair.second())?] }),
        Val::List(list) => {
            let items = list.iter().map(|item| part(item?));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Val::Map(map) => {
            let entries = map.iter().map(|(key, value)| {
                let entry = [part(key)?, part(value)?];
                Ok::<_, HostError>(Value::from(entry.to_vec()))
            });
            json!({ "map": entries.collect::<Result<Vec<_>, _>>()? })
        }
        Val::Obj(object) => json!({ "obj": ids.object_text(object.id()) }),
        Val::Tx(tx) => json!({ "tx": ids.tx_text(tx) }),
        Val::Ctl(name) => json!({ "ctl": &***name }),
        Val::Mach(name) => json!({ "mach": &***name }),
        Val::Var(id) => json!({ "var": id }),
        Val::Lin(id) => json!({ "lin": id }),
        Val::Hash(hash) => json!({ "hash": digits(&hash.0) }),
        Val::Code(code) => json!({ "code": [digits(&code.module.0), code.export] }),
        // Neither is ever in a state that people look at as JSON.
        Val::Closure(_) | Val::Closed(_) => json!({ "closure": true }),
    })
}

/// A value from JSON.
///
/// # Errors
/// Which part of it is no value, and why.
pub(super) fn from_json(value: &Value, ids: &dyn Ids) -> Result<Val, String> {
    match value {
        Value::Null => Ok(Val::Nothing),
        Value::Bool(is) => Ok(Val::Bool(*is)),
        Value::Number(n) => n.as_i64().map(Val::int).ok_or_else(|| {
            format!(
                "{n} is no whole number of 64 bits; larger ones are written {{\"int\": \"..\"}}"
            )
        }),
        Value::String(text) => Val::try_str(text).map_err(|e| e.to_string()),
        Value::Array(items) => {
            let items = items.iter().map(|item| from_json(item, ids));
            Val::list(items.collect::<Result<Vec<_>, _>>()?).map_err(|e| e.to_string())
        }
        Value::Object(members) => tagged(members, ids),
    }
}

fn tagged(members: &Map<String, Value>, ids: &dyn Ids) -> Result<Val, String> {
    let mut entries = members.iter();
    let (Some((kind, content)), None) = (entries.next(), entries.next()) else {
        let found = members.len();
        return Err(format!(
            "a value is an object with one member, found {found}"
        ));
    };
    let wrong = || {
        let shown = clip(&content.to_string(), 60);
        format!("`{kind}` cannot be {shown}")
    };
    let text = || content.as_str().ok_or_else(wrong);
    let bytes = || text().and_then(|digits| hex_bytes(digits).ok_or_else(wrong));
    let id = || content.as_u64().and_then(|id| u32::try_from(id).ok());
    let pair = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([first, second]) => Ok((from_json(first, ids)?, from_json(second, ids)?)),
        _ => Err(wrong()),
    };
    let too_large = |e: avm_anoma::value::ValueError| e.to_string();
    match kind.as_str() {
        "int" => int(text()?).ok_or_else(wrong),
        "just" => Val::just(from_json(content, ids)?).map_err(too_large),
        "sym" => Val::try_sym(text()?).map_err(too_large),
        "bytes" => Val::try_bytes(bytes()?).map_err(too_large),
        "pair" => {
            let (first, second) = pair(content)?;
            Val::pair(first, second).map_err(too_large)
        }
        "map" => {
            let entries = content.as_array().ok_or_else(wrong)?.iter();
            Val::map(entries.map(pair).collect::<Result<Vec<_>, _>>()?).map_err(too_large)
        }
        "obj" => ids.object(text()?).map(Val::obj).ok_or_else(wrong),
        "tx" => ids.tx(text()?).map(Val::tx).ok_or_else(wrong),
        "ctl" => Val::try_ctl(text()?).map_err(too_large),
        "mach" => Val::try_mach(text()?).map_err(too_large),
        "var" => id().map(Val::Var).ok_or_else(wrong),
        "lin" => id().map(Val::Lin).ok_or_else(wrong),
        "hash" => word(text()?)
            .map(|hash| Val::hash_value(Hash(hash)))
            .ok_or_else(wrong),
        "code" => match content.as_array().map(Vec::as_slice) {
            Some([Value::String(module), Value::String(export)]) => {
                let module = word(module).map(Hash).ok_or_else(wrong)?;
                Val::code(module, export).map_err(too_large)
            }
            _ => Err(wrong()),
        },
        _ => Err(format!("there is no kind of value `{}`", clip(kind, 40))),
    }
}

fn int(text: &str) -> Option<Val> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let magnitude = U256::from_str_radix(digits, 10).ok()?;
    Val::big(negative, magnitude).ok()
}

//! Recorded calls of the reference: reading them, and comparing them with ours.
//!
//! The tests of `avm-atomicals` include this file, too: it needs that crate, `avm-core` and
//! `serde_json`, and nothing else.

use avm_atomicals::machine::Outcome;
use avm_atomicals::script::call::{Effects, amount};
use avm_atomicals::script::digest::sha256;
use avm_atomicals::script::table::Table;
use avm_atomicals::script::{CallInput, Contract, Rules, tables, verify};
use avm_core::Hash;
use serde_json::{Map, Value, json};

/// Most bytes of a script or a value that a file describes by repeating a part.
const BYTES_MAX: usize = 1 << 26;

/// A recorded call.
pub struct Recorded {
    /// Its name.
    pub id: String,
    /// Its complete input.
    pub input: Map<String, Value>,
    /// What came of it; null if the file has inputs only.
    pub out: Value,
}

/// What was computed of a call.
pub struct Found<'a> {
    /// How it ended.
    pub outcome: Outcome,
    /// Number of its last operation; `None` if it is not known.
    pub op_index: Option<u32>,
    /// Its tables, if it succeeded.
    pub effects: Option<&'a Effects>,
    /// The contract's hash after it.
    pub chain: Hash,
    /// The main stack at the end, bottom first; `None` if it is not known.
    pub stack: Option<Vec<&'a [u8]>>,
}

/// The calls of a file, those of its sequences included.
///
/// # Errors
/// Which member is missing or malformed.
pub fn calls(document: &Value) -> Result<Vec<Recorded>, String> {
    let defaults = document["defaults"].as_object();
    let defaults = defaults.ok_or("it has no object `defaults`")?;
    let one = |id: String, case: &Value| -> Result<Recorded, String> {
        let mut input = defaults.clone();
        let overrides = case["in"].as_object();
        input.extend(
            overrides
                .ok_or_else(|| format!("case {id} has no object `in`"))?
                .clone(),
        );
        let out = case["out"].clone();
        Ok(Recorded { id, input, out })
    };
    let id = |case: &Value| -> Result<String, String> {
        let id = case["id"].as_str();
        id.map(Into::into)
            .ok_or_else(|| "a case has no `id`".into())
    };
    if let Some(cases) = document["cases"].as_array() {
        return cases.iter().map(|case| one(id(case)?, case)).collect();
    }
    let sequences = document["sequences"].as_array();
    let mut calls = Vec::new();
    for sequence in sequences.ok_or("it has neither `cases` nor `sequences`")? {
        let id = id(sequence)?;
        let steps = sequence["steps"].as_array();
        let steps = steps.ok_or_else(|| format!("sequence {id} has no `steps`"))?;
        for (at, step) in steps.iter().enumerate() {
            calls.push(one(format!("{id}/{at}"), step)?);
        }
    }
    Ok(calls)
}

/// Bytes: hex text, a part to repeat, or a list of these.
fn bytes(value: &Value) -> Result<Vec<u8>, String> {
    let hex = |text: &Value| {
        let bytes = text.as_str().and_then(tables::from_hex);
        bytes.ok_or_else(|| format!("expected hex text, found {}", clip(text)))
    };
    match value {
        Value::Array(segments) => {
            let parts: Result<Vec<_>, _> = segments.iter().map(segment(&hex)).collect();
            Ok(parts?.concat())
        }
        Value::Object(_) => segment(&hex)(value),
        text => hex(text),
    }
}

fn segment(
    hex: &impl Fn(&Value) -> Result<Vec<u8>, String>,
) -> impl Fn(&Value) -> Result<Vec<u8>, String> {
    move |value| {
        let Value::Object(segment) = value else {
            return hex(value);
        };
        let part = hex(segment.get("hex").unwrap_or(&Value::Null))?;
        let times = segment.get("repeat").and_then(Value::as_u64).unwrap_or(1);
        let fits = times
            .checked_mul(part.len() as u64)
            .filter(|len| *len <= BYTES_MAX as u64);
        fits.ok_or_else(|| format!("{times} times {} bytes are too many", part.len()))?;
        Ok(part.repeat(times as usize))
    }
}

/// JSON as CBOR, without a check of any kind.
#[must_use]
pub fn to_cbor(value: &Value) -> Vec<u8> {
    fn head(out: &mut Vec<u8>, major: u8, n: u64) {
        out.push(major << 5 | 27);
        out.extend(n.to_be_bytes());
    }
    fn text(out: &mut Vec<u8>, text: &str) {
        head(out, 3, text.len() as u64);
        out.extend(text.bytes());
    }
    fn write(out: &mut Vec<u8>, value: &Value) {
        match value {
            Value::Null => out.push(0xf6),
            Value::Bool(flag) => out.push(0xf4 | u8::from(*flag)),
            Value::Number(n) => match (n.as_u64(), n.as_i64()) {
                (Some(n), _) => head(out, 0, n),
                (_, Some(n)) => head(out, 1, (-1 - n) as u64),
                _ => {
                    out.push(0xfb);
                    out.extend(n.as_f64().unwrap_or(f64::NAN).to_be_bytes());
                }
            },
            Value::String(string) => text(out, string),
            Value::Array(items) => {
                head(out, 4, items.len() as u64);
                items.iter().for_each(|item| write(out, item));
            }
            Value::Object(map) => {
                head(out, 5, map.len() as u64);
                for (key, value) in map {
                    text(out, key);
                    write(out, value);
                }
            }
        }
    }
    let mut out = Vec::new();
    write(&mut out, value);
    out
}

/// `state_fill` as a state.
fn filled(fill: &Value) -> Result<Value, String> {
    let mut state = Map::new();
    for part in fill.as_array().ok_or("`state_fill` is not a list")? {
        let value = json!(tables::hex(&bytes(&part["value"])?));
        let count = part["n"].as_u64().filter(|n| *n <= 1 << 20);
        let keys = (0..count.ok_or("`n` of `state_fill` is no count")?)
            .map(|n| (format!("{n:06x}"), value.clone()));
        let space = part["space"]
            .as_str()
            .ok_or("`state_fill` names no space")?;
        state.insert(space.into(), Value::Object(keys.collect()));
    }
    Ok(Value::Object(state))
}

/// What the input of a case is.
pub enum Input {
    /// A contract and a call of it.
    Call(Box<Contract>, Box<CallInput>),
    /// A malformed table: the reference refuses it before it runs anything.
    Malformed(String),
}

impl Recorded {
    /// The contract and the call.
    ///
    /// # Errors
    /// If the case itself is malformed; a malformed table is [`Input::Malformed`].
    pub fn inputs(&self, rules: &Rules) -> Result<Input, String> {
        let i = |name: &str| self.input.get(name).unwrap_or(&Value::Null);
        let state = match self.input.get("state_fill") {
            Some(fill) => filled(fill)?,
            None => i("state").clone(),
        };
        let mut contract = Contract::new([0; 36], bytes(i("lock"))?.into());
        let chain = bytes(i("prev_state_hash"))?.try_into();
        contract.chain = Hash(chain.map_err(|_| "`prev_state_hash` has not 32 bytes")?);
        let (unlock, tx) = (bytes(i("unlock"))?.into(), bytes(i("tx"))?.into());
        let auth_key = bytes(i("auth_pubkey"))?.into();
        let table = |name: &str| to_cbor(i(name));
        let tables = || -> Result<Input, tables::TableError> {
            contract.state = tables::state(rules, &to_cbor(&state))?;
            contract.ft = tables::ft(rules, &table("ft"))?;
            contract.nft = tables::nft(rules, &table("nft"))?;
            let (headers, height) = tables::headers(&table("external"))?;
            let call = CallInput {
                unlock,
                tx,
                auth_key,
                ft_incoming: tables::ft(rules, &table("ft_incoming"))?,
                nft_incoming: tables::nft(rules, &table("nft_incoming"))?,
                headers,
                height,
            };
            Ok(Input::Call(Box::new(contract), Box::new(call)))
        };
        let mut input = tables().unwrap_or_else(|e| Input::Malformed(e.to_string()));
        if let Input::Call(contract, _) = &mut input {
            contract.sum = tables::sum(&contract.state).map_err(|e| e.to_string())?;
        }
        Ok(input)
    }

    /// Runs the call under `beta1` and compares everything that was recorded.
    ///
    /// # Errors
    /// The first thing that differs.
    pub fn check(&self) -> Result<(), String> {
        let (contract, call) = match self.inputs(&Rules::BETA1)? {
            Input::Call(contract, call) => (contract, call),
            Input::Malformed(_) => return self.malformed(),
        };
        let ended = verify(&Rules::BETA1, &contract, *call).map_err(|e| e.to_string())?;
        let accepted = ended.outcome.as_ref().ok();
        self.compare(&Found {
            outcome: ended
                .outcome
                .as_ref()
                .err()
                .map_or(Outcome::Done, Outcome::from),
            op_index: Some(ended.op_index),
            effects: accepted.map(|accepted| &accepted.effects),
            chain: accepted.map_or(contract.chain, |accepted| accepted.contract.chain),
            stack: Some(
                ended
                    .stack
                    .items()
                    .iter()
                    .map(|item| item.bytes())
                    .collect(),
            ),
        })
    }

    /// Whether the reference refuses the tables, too.
    ///
    /// # Errors
    /// If it does not.
    pub fn malformed(&self) -> Result<(), String> {
        same("fault", json!("bad_input"), &self.out["fault"])
    }

    /// Compares what was computed with what was recorded.
    ///
    /// # Errors
    /// The first thing that differs.
    pub fn compare(&self, found: &Found<'_>) -> Result<(), String> {
        let out = &self.out;
        match found.outcome {
            Outcome::Done => {
                same("outcome", json!("ok"), &out["outcome"])?;
                if let Some(op_index) = found.op_index {
                    same("op_index", json!(op_index), &out["op_index"])?;
                }
                same(
                    "state_hash",
                    json!(tables::hex(&found.chain.0)),
                    &out["state_hash"],
                )?;
                let effects = found
                    .effects
                    .ok_or("a call that succeeded has no effects")?;
                self.check_effects(effects)?;
            }
            Outcome::Script {
                error, op_index, ..
            } => {
                same("outcome", json!("script_error"), &out["outcome"])?;
                same("script_error", json!(error.code()), &out["script_error"])?;
                same("name", json!(error.name()), &out["name"])?;
                same("op_index", json!(op_index), &out["op_index"])?;
            }
            Outcome::Host(fault) => {
                same("outcome", json!("host_fault"), &out["outcome"])?;
                return same("fault", json!(fault.name()), &out["fault"]);
            }
            Outcome::Size(table) => return Err(format!("unexpected failure: {}", table.name())),
        }
        found
            .stack
            .as_ref()
            .map_or(Ok(()), |stack| self.check_stack(stack))
    }

    fn check_stack(&self, items: &[&[u8]]) -> Result<(), String> {
        let out = &self.out;
        if let Some(stack) = out.get("stack") {
            let ours: Vec<String> = items.iter().map(|item| tables::hex(item)).collect();
            same("stack", json!(ours), stack)?;
        }
        if let Some(depth) = out.get("stack_depth") {
            same("stack_depth", json!(items.len()), depth)?;
            let digest = tables::hex(&sha256(&items.concat()));
            same("stack_sha256", json!(digest), &out["stack_sha256"])?;
        }
        if let Some(sizes) = out.get("stack_sizes") {
            let ours: Vec<usize> = items.iter().map(|item| item.len()).collect();
            same("stack_sizes", json!(ours), sizes)?;
        }
        Ok(())
    }

    fn check_effects(&self, effects: &Effects) -> Result<(), String> {
        let none = json!({});
        let input = |name: &str| self.input.get(name).unwrap_or(&none);
        let amounts = |value: &[u8]| json!(amount(value));
        let always = |_: &[u8]| json!(true);
        let flag = |value: &[u8]| json!(value == [1]);
        type Show<'a> = &'a dyn Fn(&[u8]) -> Value;
        let tables: [(&str, &Table, Show<'_>, &Value); 6] = [
            ("ft_balances", &effects.ft, &amounts, input("ft")),
            ("ft_balances_updates", &effects.ft_updates, &amounts, &none),
            ("nft_balances", &effects.nft, &always, input("nft")),
            ("nft_balances_updates", &effects.nft_updates, &flag, &none),
            ("ft_adds", &effects.ft_adds, &always, &none),
            ("nft_puts", &effects.nft_puts, &always, &none),
        ];
        for (name, table, show, absent) in tables {
            let mut entries = Map::new();
            for entry in table {
                let (key, value) = entry.map_err(|e| e.to_string())?;
                entries.insert(tables::hex(key), show(value));
            }
            same(
                name,
                Value::Object(entries),
                self.out.get(name).unwrap_or(absent),
            )?;
        }
        let encoded = effects.to_cbor().map_err(|e| e.to_string())?;
        let digest = tables::hex(&sha256(&encoded.concat()));
        same("cbor_sha256", json!(digest), &self.out["cbor_sha256"])
    }
}

fn clip(value: &Value) -> String {
    value.to_string().chars().take(300).collect()
}

fn same(what: &str, ours: Value, recorded: &Value) -> Result<(), String> {
    if ours == *recorded {
        return Ok(());
    }
    Err(format!(
        "{what}: expected {}, found {}",
        clip(recorded),
        clip(&ours)
    ))
}

//! Transaction files, sets of rules, and files with inputs.
//!
//! ```json
//! { "tx": "0200..", "spent": [ { "value": 1000, "script": "76a9.." } ], "flags": "P2SH,WITNESS" }
//! ```
//!
//! `flags` may be left out, and may be an array of names. A file with `flags` alone is a set of
//! rules. Hex is with or without `0x`.

use avm_atomicals::bitcoin::Flags;
use avm_atomicals::bitcoin::machine::{ScriptImage, input_from_bytes, raw_input_to_bytes};
use avm_core::Bytes;
use serde_json::{Map, Value};

use crate::arb::inbox::hex_bytes;
use crate::codes;
use crate::error::{self, CliError};
use crate::files::{self, Source};
use crate::output::clip;
use crate::registry::Loaded;

/// First byte of an image.
const IMAGE_MARK: u8 = 0xb1;
/// Members of a transaction.
const KNOWN: [&str; 3] = ["tx", "spent", "flags"];

/// Whether a file is a transaction with the outputs it spends, as far as its first bytes tell.
pub(super) fn is_transaction(file: &Source) -> bool {
    let first = file.bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        Some(&IMAGE_MARK) => true,
        Some(b'{') => {
            let has = |name: &[u8]| file.bytes.windows(name.len()).any(|found| found == name);
            has(b"\"tx\"") && has(b"\"spent\"")
        }
        _ => false,
    }
}

/// The rules of a file, or those asked for if it has none.
pub(super) fn load(file: &Source, rules: Option<&str>) -> Result<Loaded, CliError> {
    let asked = rules.map(named).transpose()?;
    if file.bytes.first() == Some(&IMAGE_MARK) {
        let own = super::image(&file.name(), &file.bytes)?.flags;
        return agreed(file, Some(own), asked);
    }
    let document = file.json()?;
    let members = members(&document, &KNOWN).map_err(|e| malformed(file, e))?;
    if !members.contains_key("tx") && !members.contains_key("flags") {
        return Err(malformed(file, "there is neither `tx` nor `flags`".into()));
    }
    let own = members.get("flags").map(flags).transpose();
    agreed(file, own.map_err(|e| malformed(file, e))?, asked)
}

/// The rules of a file, which must be those asked for if it has some.
fn agreed(file: &Source, own: Option<Flags>, asked: Option<Flags>) -> Result<Loaded, CliError> {
    match (own.map(Flags::filled), asked) {
        (Some(own), Some(asked)) if own != asked => {
            let (own, asked) = (own.to_string(), asked.to_string());
            Err(error::other_rules(&file.name(), &own, &asked))
        }
        (own, asked) => Ok(loaded(own.or(asked).unwrap_or(Flags::CONSENSUS))),
    }
}

fn loaded(flags: Flags) -> Loaded {
    Loaded {
        image: ScriptImage { flags }.to_bytes().into(),
        operations: 0,
        lines: Vec::new(),
        columns: Vec::new(),
    }
}

/// The transaction of a transaction file.
pub(super) fn own_inputs(file: &Source) -> Result<Vec<Bytes>, CliError> {
    if file.bytes.first() == Some(&IMAGE_MARK) {
        return Ok(Vec::new());
    }
    let document = file.json()?;
    if document.get("tx").is_none() {
        return Ok(Vec::new());
    }
    let input = input(&document).map_err(|e| malformed(file, e))?;
    Ok(vec![input])
}

/// Transactions from a file of their own: JSON, or one encoded input in hex per line.
pub(super) fn inputs(file: &Source) -> Result<Vec<Bytes>, CliError> {
    let first = file.bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if !file.has_extension(&["json"]) && !matches!(first, Some(b'[' | b'{')) {
        // what is no transaction is for the machine to say: it gives a receipt
        return files::hex_lines(file);
    }
    let document = file.json()?;
    let Value::Array(list) = &document else {
        return Ok(vec![input(&document).map_err(|e| malformed(file, e))?]);
    };
    let read = list
        .iter()
        .enumerate()
        .map(|(at, one)| input(one).map_err(|e| malformed(file, format!("transaction {at}: {e}"))));
    read.collect()
}

/// One transaction from a word of a command line: JSON, or an encoded input in hex.
pub(super) fn call(words: &[String]) -> Result<Bytes, CliError> {
    let wrong = |reason: String| {
        let help = "a transaction is written as JSON, '{\"tx\":HEX,\"spent\":[..]}', or as the hex of an input";
        error::usage(reason).help(help)
    };
    let [word] = words else {
        let found = words.len();
        let message = format!("a call of this machine is one transaction, found {found} words");
        return Err(wrong(message));
    };
    if let Some(bytes) = hex_bytes(word) {
        return Ok(bytes.into());
    }
    let document = serde_json::from_str(word).map_err(|e| wrong(e.to_string()))?;
    input(&document).map_err(wrong)
}

/// The rules of this name, or flags joined by commas.
fn named(text: &str) -> Result<Flags, CliError> {
    rules(text).map_err(|_| {
        let known: Vec<_> = Flags::ALL.iter().map(|(_, name)| name).collect();
        let known = format!(
            "bitcoin, standard, none, and flags joined by commas: {}",
            known.join(", ")
        );
        error::unknown_rules(text, &known)
    })
}

fn rules(text: &str) -> Result<Flags, String> {
    match text {
        "bitcoin" | "consensus" => Ok(Flags::CONSENSUS),
        "standard" => Ok(Flags::STANDARD),
        flags => Flags::parse(&flags.to_ascii_uppercase())
            .map(Flags::filled)
            .map_err(|e| clip(&e.to_string(), 120)),
    }
}

fn malformed(file: &Source, message: String) -> CliError {
    CliError::new(&codes::MALFORMED_SPEND, message).at(file.name())
}

fn members<'a>(value: &'a Value, known: &[&str]) -> Result<&'a Map<String, Value>, String> {
    let members = value
        .as_object()
        .ok_or_else(|| format!("expected an object, found {}", kind(value)))?;
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(members),
        Some(name) => Err(format!(
            "there is no member `{}`, only {}",
            clip(name, 40),
            known.join(", ")
        )),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn flags(value: &Value) -> Result<Flags, String> {
    let read = |value: &Value| {
        let text = value.as_str();
        let text =
            text.ok_or_else(|| format!("expected the names of flags, found {}", kind(value)))?;
        rules(text)
    };
    let read = match value {
        Value::Array(names) => names.iter().try_fold(Flags::NONE, |flags, name| {
            read(name).map(|flag| flags | flag)
        }),
        one => read(one),
    };
    read.map_err(|e| format!("flags: {e}"))
}

fn hex(value: Option<&Value>) -> Result<Vec<u8>, String> {
    match value {
        None => Err("it is missing".into()),
        Some(Value::String(digits)) => hex_bytes(digits).ok_or_else(|| {
            let shown = clip(digits, 40);
            format!("expected an even number of hex digits, found `{shown}`")
        }),
        Some(other) => Err(format!("expected hex digits, found {}", kind(other))),
    }
}

/// A transaction with the outputs it spends, as the log has it.
fn input(value: &Value) -> Result<Bytes, String> {
    let found = members(value, &KNOWN)?;
    let tx = hex(found.get("tx")).map_err(|e| format!("tx: {e}"))?;
    let list = match found.get("spent") {
        Some(Value::Array(list)) => list,
        Some(other) => return Err(format!("spent: expected an array, found {}", kind(other))),
        None => return Err("spent: it is missing".into()),
    };
    let mut spent = Vec::new();
    for (at, output) in list.iter().enumerate() {
        let one = members(output, &["value", "script"]).map_err(|e| format!("spent[{at}]: {e}"))?;
        let amount = one.get("value").and_then(Value::as_u64);
        let amount = amount
            .ok_or_else(|| format!("spent[{at}].value: expected a whole number of satoshis"))?;
        let script = hex(one.get("script")).map_err(|e| format!("spent[{at}].script: {e}"))?;
        spent.push((amount, script));
    }
    let spent: Vec<_> = spent
        .iter()
        .map(|(amount, script)| (*amount, &script[..]))
        .collect();
    let bytes = raw_input_to_bytes(&tx, &spent);
    input_from_bytes(&bytes).map_err(|e| e.to_string())?;
    Ok(bytes.into())
}

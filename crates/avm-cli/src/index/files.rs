//! Program files: which chain, from where on, under which rules.
//!
//! ```json
//! { "chain": "regtest", "rules": "avm1", "start": 1, "before": "00..00", "header_window": 1,
//!   "overlay": false, "contracts": 0 }
//! ```
//!
//! Only `chain` is needed. `before` is the hash of the block before the first as it is displayed,
//! `contracts` the height from which on there are protocols and contracts.

use avm_atomicals::index::envelope::parse_text_id;
use avm_atomicals::index::keys::displayed;
use avm_atomicals::index::params::{HEADER_WINDOW_MAX, HEIGHT_MAX, Network, Params};
use avm_atomicals::index::snapshot::is_snapshot;
use avm_atomicals::script::Rules;
use serde_json::{Map, Value, json};

use crate::atomicals::files as contracts;
use crate::atomicals::place::{Read, Wrong};
use crate::atomicals::tx;
use crate::error::CliError;
use crate::files::Source;
use crate::registry::Loaded;

/// Members of a program.
const KNOWN: [&str; 7] = [
    "chain",
    "rules",
    "start",
    "before",
    "header_window",
    "overlay",
    "contracts",
];

/// Whether a file is a program of this machine, as far as its name and first bytes tell.
pub(super) fn is_index(file: &Source) -> bool {
    let first = file.bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        Some(b'{') => {
            file.name().ends_with(".chain.json") || contracts::has_text(&file.bytes, "chain")
        }
        _ => is_binary(&file.bytes),
    }
}

fn is_binary(bytes: &[u8]) -> bool {
    Params::is_image(bytes) || is_snapshot(bytes)
}

/// Reads a program: JSON, an image, or a snapshot.
pub(super) fn load(file: &Source, rules: Option<&str>) -> Result<Loaded, CliError> {
    let asked = rules.map(contracts::named).transpose()?;
    let image = if is_binary(&file.bytes) {
        let machine = super::machine(&file.name(), &file.bytes, usize::MAX)?;
        contracts::agrees(file, machine.params().rules, asked)?;
        file.bytes.clone()
    } else {
        let document = file.json()?;
        let (params, own) = params(&document, asked).map_err(|e| contracts::malformed(e, file))?;
        if let Some(own) = own {
            contracts::agrees(file, own, asked)?;
        }
        params.to_bytes()
    };
    Ok(Loaded {
        image: image.into(),
        operations: 0,
        lines: Vec::new(),
        columns: Vec::new(),
    })
}

/// Parameters, and the rules that the document names.
fn params(
    document: &Value,
    asked: Option<&'static Rules>,
) -> Read<(Params, Option<&'static Rules>)> {
    let members = document
        .as_object()
        .ok_or_else(|| Wrong::new(format!("expected an object, found {}", tx::found(document))))?;
    tx::only(members, &KNOWN)?;
    let own = members.get("rules").map(contracts::own_rules).transpose()?;
    let rules = own.or(asked).unwrap_or(&Rules::AVM1);
    let mut params = Params::new(network(members)?, rules);
    let height = |name: &str, absent: u32, most: u32| {
        let number = tx::number(members, name, absent.into(), most.into())?;
        Ok(number as u32)
    };
    params.start = height("start", params.start, HEIGHT_MAX)?;
    params.heights.contracts = height("contracts", params.heights.contracts, HEIGHT_MAX)?;
    params.header_window = height("header_window", params.header_window, HEADER_WINDOW_MAX)?;
    if params.header_window == 0 {
        let message = "expected at least 1: a script sees the header of its own block";
        return Err(Wrong::new(message).member("header_window"));
    }
    params.overlay = match members.get("overlay") {
        None => false,
        Some(Value::Bool(overlay)) => *overlay,
        Some(other) => {
            let message = format!("expected true or false, found {}", tx::found(other));
            return Err(Wrong::new(message).member("overlay"));
        }
    };
    if let Some(before) = members.get("before") {
        params.before = block_hash(before).map_err(|e| e.member("before"))?;
    }
    Ok((params, own))
}

fn network(members: &Map<String, Value>) -> Read<Network> {
    let known = || Network::ALL.map(Network::name).join(", ");
    let Some(value) = members.get("chain") else {
        return Err(Wrong::new(format!(
            "there is no `chain`, one of {}",
            known()
        )));
    };
    let mut all = Network::ALL.into_iter();
    let found = all.find(|network| value.as_str() == Some(network.name()));
    found.ok_or_else(|| {
        let message = format!("expected one of {}, found {}", known(), tx::found(value));
        Wrong::new(message).member("chain")
    })
}

/// The hash of a block as it is displayed, in internal order.
fn block_hash(value: &Value) -> Read<[u8; 32]> {
    let id = value
        .as_str()
        .and_then(|digits| parse_text_id(&format!("{digits}i0")));
    let hash = id.and_then(|id| id.first_chunk().copied());
    hash.ok_or_else(|| {
        Wrong::new(format!(
            "expected the hash of a block, 64 lower-case hex digits, found {}",
            tx::found(value)
        ))
    })
}

/// An image in the form that [`load`] reads; `None` if it has none, as a snapshot.
pub(super) fn to_json(image: &[u8]) -> Option<String> {
    let params = Params::from_bytes(image).ok()?;
    let network = Network::ALL.into_iter().find(|network| {
        let mut heights = network.heights();
        heights.contracts = params.heights.contracts;
        heights == params.heights
    })?;
    let mut document = json!({
        "chain": network.name(),
        "rules": params.rules.name,
        "start": params.start,
        "header_window": params.header_window,
        "overlay": params.overlay,
        "contracts": params.heights.contracts,
    });
    if params.before != [0; 32] {
        document["before"] = json!(displayed(&params.before));
    }
    Some(format!("{document}\n"))
}

//! Recorded colourings of the reference: reading them, and comparing them with ours.
//!
//! The tests of `avm-atomicals` include this file, too: it needs that crate and `serde_json`, and
//! nothing else.

use std::collections::{BTreeMap, BTreeSet};

use avm_atomicals::index::AtomicalId;
use avm_atomicals::index::colour::{
    ColourRules, Colours, Held, How, Kind, Output, colour, is_spendable,
};
use avm_atomicals::script::cbor::Cbor;
use serde_json::Value;

/// A recorded colouring by its name, and why it is not ours, if it is not.
pub type Compared = (String, Result<(), String>);

/// Whether each recorded colouring is ours, by name.
///
/// # Errors
/// That there is no list of cases.
pub fn checks(document: &Value) -> Result<Vec<Compared>, String> {
    let cases = document["cases"].as_array().ok_or("it has no `cases`")?;
    Ok(cases
        .iter()
        .map(|case| (case["id"].as_str().unwrap_or("?").into(), one(case)))
        .collect())
}

fn one(case: &Value) -> Result<(), String> {
    let (input, out) = (&case["in"], &case["out"]);
    let outputs: Vec<Output> = list(&input["outputs"])?
        .iter()
        .map(|output| {
            Ok(Output {
                sats: number(&output[0])?,
                spendable: is_spendable(&bytes(&output[1])?),
            })
        })
        .collect::<Result<_, String>>()?;
    let mut held = Vec::new();
    for (input, tokens) in (0..).zip(list(&input["inputs"])?) {
        for token in list(tokens)? {
            held.push(Held {
                id: id(&token["id"])?,
                kind: match token["kind"].as_str() {
                    Some("FT") => Kind::Ft,
                    Some("NFT") => Kind::Nft,
                    _ => return Err(format!("kind {} of a token", token["kind"])),
                },
                input,
                amount: number(&token["amount"])?,
            });
        }
    }
    let how = How::of(
        input["op"].as_str().unwrap_or(""),
        &cbor(&input["payload"])?,
    );
    let rules = ColourRules {
        fifo: input["fifo"].as_bool().ok_or("no truth value `fifo`")?,
        custom: input["custom_colouring"]
            .as_bool()
            .ok_or("no truth value `custom_colouring`")?,
        conserve: false,
    };
    let found = colour(&outputs, &held, &how, rules);
    let want = recorded(out)?;
    // Both follow from what is recorded, and are not recorded themselves.
    let burned = want.nft_short.keys();
    let burned = burned.filter(|id| !want.nft.iter().any(|(_, other)| other == *id));
    let want = Colours {
        nft_burned: burned.copied().collect(),
        ft_created: found.ft_created.clone(),
        ..want
    };
    if found == want {
        return Ok(());
    }
    Err(format!("expected {}, found {}", text(&want), text(&found)))
}

fn recorded(out: &Value) -> Result<Colours, String> {
    let mut ft = BTreeMap::new();
    for (output, amounts) in members(&out["ft"])? {
        for (id, amount) in by_id(amounts)? {
            ft.insert((place(output)?, id), amount);
        }
    }
    let mut nft = BTreeSet::new();
    for (output, ids) in members(&out["nft"])? {
        for item in list(ids)? {
            nft.insert((place(output)?, id(item)?));
        }
    }
    Ok(Colours {
        ft,
        nft,
        ft_burned: by_id(&out["ft_burned"])?,
        nft_short: by_id(&out["nft_burned"])?,
        clean: out["clean"].as_bool().ok_or("no truth value `clean`")?,
        ..Colours::default()
    })
}

/// Colours with the first bytes of ids only.
fn text(colours: &Colours) -> String {
    let short = |id: &AtomicalId| format!("{:02x}{:02x}", id[0], id[1]);
    let ft = colours.ft.iter();
    let ft: Vec<_> = ft
        .map(|((to, id), amount)| format!("{to}: {amount} {}", short(id)))
        .collect();
    let nft = colours.nft.iter();
    let nft: Vec<_> = nft.map(|(to, id)| format!("{to}: {}", short(id))).collect();
    let burned = colours.ft_burned.iter().chain(&colours.nft_short);
    let burned: Vec<_> = burned
        .map(|(id, amount)| format!("{amount} {}", short(id)))
        .collect();
    let clean = if colours.clean { "clean" } else { "not clean" };
    format!(
        "units [{}], items [{}], burned [{}], {clean}",
        ft.join(", "),
        nft.join(", "),
        burned.join(", ")
    )
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value
        .as_array()
        .ok_or_else(|| format!("{value}, a list is expected"))
}

fn members(value: &Value) -> Result<&serde_json::Map<String, Value>, String> {
    value
        .as_object()
        .ok_or_else(|| format!("{value}, an object is expected"))
}

fn number(value: &Value) -> Result<u64, String> {
    value
        .as_u64()
        .ok_or_else(|| format!("{value}, an amount is expected"))
}

fn place(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| format!("{text:?}, the number of an output is expected"))
}

fn bytes(value: &Value) -> Result<Vec<u8>, String> {
    let text = value
        .as_str()
        .filter(|text| text.len() % 2 == 0 && text.is_ascii());
    let text = text.ok_or_else(|| format!("{value}, hex digits are expected"))?;
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16))
        .collect::<Result<_, _>>()
        .map_err(|_| format!("{value}, hex digits are expected"))
}

fn id(value: &Value) -> Result<AtomicalId, String> {
    AtomicalId::try_from(bytes(value)?).map_err(|_| format!("{value}, 36 bytes are expected"))
}

fn by_id(value: &Value) -> Result<BTreeMap<AtomicalId, u64>, String> {
    let entries = members(value)?.iter();
    entries
        .map(|(key, amount)| Ok((id(&Value::String(key.clone()))?, number(amount)?)))
        .collect()
}

fn cbor(value: &Value) -> Result<Cbor<'_>, String> {
    Ok(match value {
        Value::Null => Cbor::Null,
        Value::Bool(truth) => Cbor::Bool(*truth),
        Value::String(text) => Cbor::Text(text.as_str().into()),
        Value::Array(items) => Cbor::Array(items.iter().map(cbor).collect::<Result<_, _>>()?),
        Value::Object(entries) => Cbor::Map(
            entries
                .iter()
                .map(|(key, value)| Ok((Cbor::Text(key.as_str().into()), cbor(value)?)))
                .collect::<Result<_, String>>()?,
        ),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Cbor::Uint(number),
            (None, Some(number)) => Cbor::Negint((-1 - number).unsigned_abs()),
            _ => return Err(format!("{number}, a whole number is expected")),
        },
    })
}

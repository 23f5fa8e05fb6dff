//! Calls from JSON, for people who test a contract and for those who replay a chain.
//!
//! ```json
//! [{ "args": [5, "0xaabb", "text"] },
//!  { "method": "transfer", "args": ["0x02..", 7] },
//!  { "unlock": "5551", "tx": { "outputs": [{ "value": 1000, "script": "51" }] },
//!    "auth_pubkey": "02..", "ft_incoming": { "TOKEN": 5 }, "nft_incoming": { "TOKEN": true },
//!    "external": { "headers": { "850001": "00.." }, "height": 850001 } }]
//! ```
//!
//! Every member may be left out: without a transaction the call is part of one that spends nothing
//! and pays nothing, and the height is 0. Arguments are numbers, truth values, hex text with 0x, or
//! any other text as its bytes.

use avm_atomicals::asm::number;
pub(super) use avm_atomicals::asm::push;
use avm_atomicals::machine::{Image, call_to_bytes};
use avm_atomicals::script::{CallInput, tables};
use avm_core::Bytes;
use serde_json::{Map, Value, json};

use super::place::{Read, Wrong};
use super::vectors::recorded::to_cbor;
use super::{methods, tx};

/// Most calls of one file.
const CALLS_MAX: usize = 1 << 20;
/// Members of a call.
const KNOWN: [&str; 8] = [
    "method",
    "args",
    "unlock",
    "tx",
    "auth_pubkey",
    "ft_incoming",
    "nft_incoming",
    "external",
];

/// The calls of a document.
pub(super) fn read(document: &Value, image: &Image) -> Read<Vec<Bytes>> {
    let calls = document.as_array().ok_or_else(|| {
        Wrong::new(format!(
            "expected a JSON array of calls, found {}",
            tx::found(document)
        ))
    })?;
    if calls.len() > CALLS_MAX {
        return Err(Wrong::new(format!(
            "{} calls, at most {CALLS_MAX} are read",
            calls.len()
        )));
    }
    let calls = calls.iter().enumerate();
    calls
        .map(|(at, call)| one(call, image).map_err(|e| e.index(at)))
        .collect()
}

/// One call as a machine takes it.
fn one(call: &Value, image: &Image) -> Read<Bytes> {
    let members = call.as_object();
    let members =
        members.ok_or_else(|| Wrong::new(format!("expected a call, found {}", tx::found(call))))?;
    tx::only(members, &KNOWN)?;
    let unlock = unlock(members, image)?;
    let transaction = match members.get("tx") {
        None => tx::least(),
        Some(value) => tx::read(value).map_err(|e| e.member("tx"))?,
    };
    encode(members, image, unlock, transaction)
}

/// A call that brings an unlocking script and nothing else.
pub(super) fn plain(image: &Image, unlock: Vec<u8>) -> Read<Bytes> {
    encode(&Map::new(), image, unlock, tx::least())
}

fn encode(
    members: &Map<String, Value>,
    image: &Image,
    unlock: Vec<u8>,
    transaction: Vec<u8>,
) -> Read<Bytes> {
    let rules = image.rules;
    let table = |name: &str| to_cbor(members.get(name).unwrap_or(&json!({})));
    let wrong = |name: &'static str| {
        move |e: tables::TableError| {
            let (at, got, want) = (e.at, e.got, e.want);
            Wrong::new(format!("{at} is {got}, expected {want}")).member(name)
        }
    };
    let nothing = json!({ "headers": {}, "height": 0 });
    let external = to_cbor(members.get("external").unwrap_or(&nothing));
    let (headers, height) = tables::headers(&external).map_err(wrong("external"))?;
    let call = CallInput {
        unlock: unlock.into(),
        tx: transaction.into(),
        auth_key: tx::hex(members, "auth_pubkey")?.unwrap_or_default().into(),
        ft_incoming: tables::ft(rules, &table("ft_incoming")).map_err(wrong("ft_incoming"))?,
        nft_incoming: tables::nft(rules, &table("nft_incoming")).map_err(wrong("nft_incoming"))?,
        headers,
        height,
    };
    let bytes = call_to_bytes(&call).map_err(|e| Wrong::new(e.to_string()))?;
    Ok(bytes.into())
}

/// The unlocking script: as it is, or of a method and its arguments.
fn unlock(members: &Map<String, Value>, image: &Image) -> Read<Vec<u8>> {
    let unlock = tx::hex(members, "unlock")?;
    let (method, args) = (members.get("method"), members.get("args"));
    if unlock.is_some() && (method.is_some() || args.is_some()) {
        return Err(Wrong::new(
            "`unlock` is all of the call, so `method` and `args` do not go with it",
        )
        .member("unlock"));
    }
    if let Some(unlock) = unlock {
        return Ok(unlock);
    }
    let args = match args {
        None => &[][..],
        Some(Value::Array(args)) => args,
        Some(other) => {
            let message = format!("expected an array of arguments, found {}", tx::found(other));
            return Err(Wrong::new(message).member("args"));
        }
    };
    match method {
        Some(Value::String(method)) => methods::encode(image, Some(method), args),
        None => methods::encode(image, None, args),
        Some(other) => {
            let message = format!("expected the name of a method, found {}", tx::found(other));
            Err(Wrong::new(message).member("method"))
        }
    }
}

/// The bytes of an argument.
pub(super) fn argument(value: &Value) -> Read<Vec<u8>> {
    match value {
        Value::Number(n) => match n.as_i64() {
            Some(n) => Ok(number(n)),
            None => Err(Wrong::new(format!(
                "expected a whole number of at most 63 bits, found {}; longer ones are written in hex",
                tx::found(value)
            ))),
        },
        Value::Bool(flag) => Ok(number(i64::from(*flag))),
        Value::String(text) if text.starts_with("0x") => tx::bytes(text),
        Value::String(text) => Ok(text.as_bytes().into()),
        other => Err(Wrong::new(format!(
            "expected a number, a truth value or text, found {}",
            tx::found(other)
        ))),
    }
}

/// What was typed as an argument: a number, truth value, hex with 0x, or text.
pub(super) fn word(text: &str) -> Value {
    match text {
        "true" => json!(true),
        "false" => json!(false),
        text => match text.parse::<i64>() {
            Ok(number) => json!(number),
            Err(_) => json!(text),
        },
    }
}

#[cfg(test)]
mod tests {
    use avm_atomicals::machine::call_from_bytes;
    use avm_atomicals::script::Rules;

    use super::*;

    #[test]
    fn calls() {
        let image = Image::new(&Rules::AVM1, Bytes::default());
        let token = "05".repeat(36);
        let document = json!([
            { "args": [5, -1, 0, 200, "0xaabb", "text", true] },
            { "unlock": "0x51", "ft_incoming": { token: 7 }, "external": { "headers": {}, "height": 9 } },
            {},
        ]);
        let calls = read(&document, &image).expect("calls");
        let calls: Vec<CallInput> = calls
            .iter()
            .map(|call| call_from_bytes(&Rules::AVM1, call).expect("canonical"))
            .collect();
        let want = [
            0x55, 0x4f, 0x00, 2, 200, 0, 2, 0xaa, 0xbb, 4, b't', b'e', b'x', b't', 0x51,
        ];
        assert_eq!(&calls[0].unlock[..], want);
        assert_eq!((&calls[1].unlock[..], calls[1].height), (&[0x51][..], 9));
        assert_eq!((calls[2].unlock.len(), calls[2].height), (0, 0));
    }

    #[test]
    fn what_is_refused() {
        let image = Image::new(&Rules::AVM1, Bytes::default());
        for (call, want) in [
            (json!(7), "[1]"),
            (json!({ "arg": [] }), "[1].arg"),
            (json!({ "args": 7 }), "[1].args"),
            (json!({ "args": [1, [2]] }), "[1].args[1]"),
            (json!({ "args": [1.5] }), "[1].args[0]"),
            (json!({ "args": ["0xabc"] }), "[1].args[0]"),
            (json!({ "method": "inc" }), "[1].method"),
            (json!({ "unlock": "51", "args": [] }), "[1].unlock"),
            (
                json!({ "tx": { "outputs": [{ "valu": 1 }] } }),
                "[1].tx.outputs[0].valu",
            ),
            (json!({ "ft_incoming": { "05": 7 } }), "[1].ft_incoming"),
            (
                json!({ "external": { "height": -1, "headers": {} } }),
                "[1].external",
            ),
        ] {
            let error = read(&json!([{}, call]), &image).expect_err("it is refused");
            assert_eq!(error.way(), want, "{call}: {}", error.message);
        }
    }
}

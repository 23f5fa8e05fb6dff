//! The payload of `vu`. Spec: [`crate::index::overlay`].

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{Entries, Fields, RequestError, map, unexpected};
use crate::index::AtomicalId;
use crate::index::envelope::parse_text_id;
use crate::index::overlay::{AMOUNTS_MAX, MADE_MAX, PAID_MAX};
use crate::index::rows::Outpoint;
use crate::script::cbor::Cbor;

/// Amounts by token, none of them 0.
pub type Amounts = BTreeMap<AtomicalId, u64>;

/// What a `vu` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The virtual output it takes.
    pub take: Take,
    /// The virtual outputs it makes, in their order.
    pub make: Vec<Made>,
    /// What goes to outputs of the transaction.
    pub pay: BTreeMap<u32, Amounts>,
}

/// The virtual output that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Take {
    /// None.
    Nothing,
    /// One, by its script.
    Spend(Spend),
    /// One that is expired, for its fallback.
    Reap(Outpoint),
}

/// How a virtual output is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spend {
    /// Which.
    pub outpoint: Outpoint,
    /// The script that locks it.
    pub lock: Vec<u8>,
    /// Unlocking script, empty if absent.
    pub unlock: Vec<u8>,
    /// Public key, empty if absent.
    pub auth: Vec<u8>,
}

/// A virtual output to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// SHA-256 of the script that locks it.
    pub lock: [u8; 32],
    /// Height from which on it is expired.
    pub expiry: u32,
    /// SHA-256 of the script of the output it goes to then.
    pub fallback: [u8; 32],
    /// What is on it.
    pub tokens: Amounts,
}

impl Transfer {
    /// The virtual output it takes.
    #[must_use]
    pub fn taken(&self) -> Option<&Outpoint> {
        match &self.take {
            Take::Nothing => None,
            Take::Spend(spend) => Some(&spend.outpoint),
            Take::Reap(outpoint) => Some(outpoint),
        }
    }
}

pub(super) fn read(top: &Fields<'_, '_>) -> Result<Transfer, RequestError> {
    let take = match (top.find("spend"), top.find("reap")) {
        (None, None) => Take::Nothing,
        (None, Some(_)) => Take::Reap(exact(top, "reap", "36 bytes, a virtual outpoint")?),
        (Some(spend), None) => Take::Spend(read_spend(top, spend)?),
        (Some(_), Some(_)) => return Err(both("spend")),
    };
    let reaps = matches!(take, Take::Reap(_));
    let make = match top.find("make") {
        None => Vec::new(),
        Some(_) if reaps => return Err(both("make")),
        Some(Cbor::Array(list)) if (1..=MADE_MAX).contains(&list.len()) => {
            list.iter().map(made).collect::<Result<_, _>>()?
        }
        Some(other) => return Err(unexpected("make", other, "a list of 1 to 64 maps")),
    };
    let pay = match top.find("pay") {
        None => BTreeMap::new(),
        Some(_) if reaps => return Err(both("pay")),
        Some(item) => keyed("pay", item, PAID_MAX, output, &|item| {
            amounts("pay.<output>", item)
        })?,
    };
    if matches!(take, Take::Nothing) && make.is_empty() {
        return Err(RequestError::Missing {
            field: "make",
            want: "a virtual output to spend, make or reap",
        });
    }
    Ok(Transfer { take, make, pay })
}

/// A reap stands alone.
fn both(second: &'static str) -> RequestError {
    let first = "reap";
    RequestError::Both { first, second }
}

fn read_spend(top: &Fields<'_, '_>, item: &Cbor<'_>) -> Result<Spend, RequestError> {
    let fields = Fields(map("spend", item)?);
    Ok(Spend {
        outpoint: exact(&fields, "spend.o", "36 bytes, a virtual outpoint")?,
        lock: fields.bytes("spend.l")?,
        unlock: fields.bytes("spend.u")?,
        auth: top.bytes("auth")?,
    })
}

fn made(item: &Cbor<'_>) -> Result<Made, RequestError> {
    const TOKENS: &str = "make.t";
    const HASH: &str = "32 bytes, the SHA-256 of a script";
    let fields = Fields(map("make", item)?);
    let limits = (0, u32::MAX.into());
    let expiry = fields.number("make.x", limits, "a height")?;
    let want = "a map of 1 to 64 amounts";
    let tokens = fields.find(TOKENS);
    let tokens = tokens.ok_or(RequestError::Missing {
        field: TOKENS,
        want,
    })?;
    Ok(Made {
        lock: exact(&fields, "make.h", HASH)?,
        expiry: u32::try_from(expiry).expect("it is at most the greatest"),
        fallback: exact(&fields, "make.f", HASH)?,
        tokens: amounts(TOKENS, tokens)?,
    })
}

fn amounts(field: &'static str, item: &Cbor<'_>) -> Result<Amounts, RequestError> {
    keyed(
        field,
        item,
        AMOUNTS_MAX,
        parse_text_id,
        &|item| match item {
            Cbor::Uint(amount) if *amount > 0 => Ok(*amount),
            other => Err(unexpected(field, other, "a number from 1 on")),
        },
    )
}

/// A map with text for keys, of which each may come once: a token that is named twice could be meant
/// twice.
fn keyed<K: Ord, V>(
    field: &'static str,
    item: &Cbor<'_>,
    most: usize,
    read_key: impl Fn(&str) -> Option<K>,
    read_value: &dyn Fn(&Cbor<'_>) -> Result<V, RequestError>,
) -> Result<BTreeMap<K, V>, RequestError> {
    let entries: &Entries<'_> = map(field, item)?;
    if entries.is_empty() || entries.len() > most {
        return Err(unexpected(field, item, "a map of 1 to 64 entries"));
    }
    let mut read = BTreeMap::new();
    for (key, value) in entries {
        let known = match key {
            Cbor::Text(text) => read_key(text),
            _ => None,
        };
        let want = "the id of a token or the number of an output, each once";
        let known = known.ok_or_else(|| unexpected(field, key, want))?;
        if read.insert(known, read_value(value)?).is_some() {
            return Err(unexpected(field, key, want));
        }
    }
    Ok(read)
}

/// Number of an output, in decimal digits without leading zeros.
fn output(text: &str) -> Option<u32> {
    let canonical = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| canonical)
}

fn exact<const N: usize>(
    fields: &Fields<'_, '_>,
    field: &'static str,
    want: &'static str,
) -> Result<[u8; N], RequestError> {
    let item = fields.find(field);
    let item = item.ok_or(RequestError::Missing { field, want })?;
    match item {
        Cbor::Bytes(bytes) => (**bytes)
            .try_into()
            .map_err(|_| unexpected(field, item, want)),
        other => Err(unexpected(field, other, want)),
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::Cow;
    use alloc::vec;

    use super::*;
    use crate::index::envelope::text_id;

    const ID: AtomicalId = [7; 36];

    fn text(text: &str) -> Cbor<'_> {
        Cbor::Text(Cow::Borrowed(text))
    }

    fn bytes<'a>(len: usize) -> Cbor<'a> {
        Cbor::Bytes(vec![1; len].into())
    }

    fn fields<'a>(entries: &[(&'a str, Cbor<'a>)]) -> Cbor<'a> {
        let entries = entries
            .iter()
            .map(|(key, value)| (text(key), value.clone()));
        Cbor::Map(entries.collect())
    }

    fn list<'a>(count: u64, amount: u64) -> Cbor<'a> {
        let entry = |at: u64| {
            let mut id = ID;
            id[..8].copy_from_slice(&at.to_be_bytes());
            (Cbor::Text(text_id(&id).into()), Cbor::Uint(amount))
        };
        Cbor::Map((0..count).map(entry).collect())
    }

    fn make<'a>(change: &[(&'a str, Cbor<'a>)]) -> Cbor<'a> {
        let mut made = vec![
            ("h", bytes(32)),
            ("x", Cbor::Uint(9)),
            ("f", bytes(32)),
            ("t", list(1, 5)),
        ];
        made.extend_from_slice(change);
        fields(&made)
    }

    fn accepts(top: &Cbor<'_>) -> bool {
        let Cbor::Map(entries) = top else {
            unreachable!("payloads here are maps")
        };
        read(&Fields(entries)).is_ok()
    }

    #[test]
    fn payloads() {
        let makes = |made: Cbor<'static>| fields(&[("make", Cbor::Array(vec![made]))]);
        let pays = |key: &'static str| {
            let pay = fields(&[(key, list(1, 1))]);
            fields(&[("make", Cbor::Array(vec![make(&[])])), ("pay", pay)])
        };
        let spend = fields(&[("o", bytes(36)), ("l", bytes(3))]);
        let twice = Cbor::Map(vec![
            (Cbor::Text(text_id(&ID).into()), Cbor::Uint(1)),
            (Cbor::Text(text_id(&ID).into()), Cbor::Uint(2)),
        ]);
        let cases = [
            ("nothing", fields(&[]), false),
            (
                "no virtual output",
                fields(&[("pay", fields(&[("0", list(1, 1))]))]),
                false,
            ),
            ("a make", makes(make(&[])), true),
            ("short lock", makes(make(&[("h", bytes(31))])), false),
            ("long fallback", makes(make(&[("f", bytes(33))])), false),
            (
                "expiry of 33 bits",
                makes(make(&[("x", Cbor::Uint(1 << 32))])),
                false,
            ),
            (
                "expiry below 0",
                makes(make(&[("x", Cbor::Negint(0))])),
                false,
            ),
            ("no token", makes(make(&[("t", list(0, 1))])), false),
            ("none of a token", makes(make(&[("t", list(1, 0))])), false),
            ("64 tokens", makes(make(&[("t", list(64, 1))])), true),
            ("65 tokens", makes(make(&[("t", list(65, 1))])), false),
            ("a token twice", makes(make(&[("t", twice)])), false),
            ("no list", fields(&[("make", Cbor::Array(vec![]))]), false),
            (
                "64 makes",
                fields(&[("make", Cbor::Array(vec![make(&[]); 64]))]),
                true,
            ),
            (
                "65 makes",
                fields(&[("make", Cbor::Array(vec![make(&[]); 65]))]),
                false,
            ),
            ("pays", pays("12"), true),
            ("pays with a zero", pays("012"), false),
            ("pays with a sign", pays("+1"), false),
            ("pays nowhere", pays("4294967296"), false),
            ("spends", fields(&[("spend", spend.clone())]), true),
            ("spends nothing", fields(&[("spend", fields(&[]))]), false),
            ("reaps", fields(&[("reap", bytes(36))]), true),
            ("reaps a short one", fields(&[("reap", bytes(35))]), false),
            (
                "reaps and spends",
                fields(&[("reap", bytes(36)), ("spend", spend)]),
                false,
            ),
            (
                "reaps and makes",
                fields(&[("reap", bytes(36)), ("make", Cbor::Array(vec![make(&[])]))]),
                false,
            ),
            (
                "reaps and pays",
                fields(&[("reap", bytes(36)), ("pay", fields(&[("0", list(1, 1))]))]),
                false,
            ),
        ];
        for (name, payload, want) in cases {
            assert_eq!(accepts(&payload), want, "{name}");
        }
    }
}

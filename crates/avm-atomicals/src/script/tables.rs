//! The tables of a call as the reference has them, in CBOR. Spec: sections 9 and 10.
//!
//! What comes in is checked in full; what is malformed is an error that says where. What goes out
//! is deterministic, one item a table.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use avm_core::{Bytes, Hash, HostError};

use super::call::{Effects, amount};
use super::cbor::{self, Cbor, Limits};
use super::closing::StateSum;
use super::digest::Sha256Stream;
use super::rules::Rules;
use super::table::{self, Key, Table};

/// Least bytes of a block header; more are kept and seen by scripts.
pub const HEADER_BYTES: usize = 80;
/// Greatest height.
pub const HEIGHT_MAX: u32 = 10_000_000;
/// Most bytes of one item.
const ITEM_BYTES: usize = 1 << 26;
/// Maps inside one another: spaces, keys and whatever a malformed table has below.
const ITEM_DEPTH: usize = 8;

/// Why a table is malformed: where, what was found, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{table}: {at} is {got}, expected {want}")]
pub struct TableError {
    /// Which table.
    pub table: &'static str,
    /// Where in it.
    pub at: String,
    /// What was found.
    pub got: String,
    /// What was expected.
    pub want: &'static str,
}

/// Reads one table.
struct Reader<'a> {
    table: &'static str,
    rules: &'a Rules,
}

type Entries<'a> = Vec<(Cbor<'a>, Cbor<'a>)>;

impl Reader<'_> {
    fn error(&self, at: &str, got: impl Into<String>, want: &'static str) -> TableError {
        TableError {
            table: self.table,
            at: at.chars().take(80).collect(),
            got: got.into(),
            want,
        }
    }

    fn item<'a>(&self, bytes: &'a [u8]) -> Result<Cbor<'a>, TableError> {
        let limits = Limits {
            bytes: ITEM_BYTES,
            depth: ITEM_DEPTH,
        };
        cbor::decode(bytes, limits)
            .map_err(|error| self.error("it", error.to_string(), "one CBOR item without tags"))
    }

    fn map<'a>(&self, at: &str, item: Cbor<'a>) -> Result<Entries<'a>, TableError> {
        match item {
            Cbor::Map(entries) => Ok(entries),
            other => Err(self.error(at, kind(&other), "a map")),
        }
    }

    /// Text that is lower-case hex.
    fn hex(&self, at: &str, item: &Cbor<'_>, empty: bool) -> Result<Vec<u8>, TableError> {
        const WANT: &str = "lower-case hex text of one byte or more";
        let Cbor::Text(text) = item else {
            return Err(self.error(at, kind(item), WANT));
        };
        let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        let bytes = from_hex(text).filter(|bytes| lower && (empty || !bytes.is_empty()));
        bytes.ok_or_else(|| self.error(at, format!("`{}`", clip(text)), WANT))
    }

    fn put(&self, table: &mut Table, key: &[u8], value: Bytes) -> Result<(), TableError> {
        match table.insert(key, value) {
            Ok(false) => Ok(()),
            Ok(true) => Err(self.error(&hex(key), "there twice", "each key once")),
            Err(error) => Err(self.error(&hex(key), error.to_string(), "an entry that fits")),
        }
    }
}

/// Reads the state of a contract.
///
/// # Errors
/// Where it is malformed.
pub fn state(rules: &Rules, bytes: &[u8]) -> Result<Table, TableError> {
    let r = Reader {
        table: "contract state",
        rules,
    };
    let mut table = Table::default();
    for (space, keys) in r.map("it", r.item(bytes)?)? {
        let space = r.hex("the name of a space", &space, false)?;
        let at = format!("space {}", hex(&space));
        let keys = r.map(&at, keys)?;
        if keys.is_empty() {
            return Err(r.error(&at, "an empty map", "a map of keys to values"));
        }
        for (key, value) in keys {
            let key = r.hex("the name of a key", &key, false)?;
            let value = r.hex("a value", &value, r.rules.empty_values)?;
            r.put(&mut table, Key::new(&space, &key).bytes(), value.into())?;
        }
    }
    Ok(table)
}

/// The key of a token.
fn token(r: &Reader<'_>, key: &Cbor<'_>) -> Result<Vec<u8>, TableError> {
    let bytes = r.hex("the key of a token", key, false)?;
    if r.rules.token_keys && bytes.len() != 36 {
        return Err(r.error(&hex(&bytes), format!("{} bytes", bytes.len()), "36 bytes"));
    }
    Ok(bytes)
}

/// Reads a table of fungible tokens.
///
/// # Errors
/// Where it is malformed.
pub fn ft(rules: &Rules, bytes: &[u8]) -> Result<Table, TableError> {
    let r = Reader {
        table: "fungible tokens",
        rules,
    };
    let mut table = Table::default();
    for (key, value) in r.map("it", r.item(bytes)?)? {
        let key = token(&r, &key)?;
        match value {
            Cbor::Uint(amount @ 1..) => {
                r.put(&mut table, &key, amount.to_be_bytes()[..].into())?;
            }
            other => {
                return Err(r.error(&hex(&key), kind(&other), "an amount above 0"));
            }
        }
    }
    Ok(table)
}

/// Reads a table of non-fungible tokens.
///
/// # Errors
/// Where it is malformed.
pub fn nft(rules: &Rules, bytes: &[u8]) -> Result<Table, TableError> {
    let r = Reader {
        table: "non-fungible tokens",
        rules,
    };
    let mut table = Table::default();
    for (key, value) in r.map("it", r.item(bytes)?)? {
        let key = token(&r, &key)?;
        if value != Cbor::Bool(true) {
            return Err(r.error(&hex(&key), kind(&value), "true"));
        }
        r.put(&mut table, &key, Bytes::default())?;
    }
    Ok(table)
}

/// Reads block data: headers by height, and the current height.
///
/// # Errors
/// Where it is malformed.
pub fn headers(bytes: &[u8]) -> Result<(Table, u32), TableError> {
    let r = Reader {
        table: "block data",
        rules: &Rules::BETA1,
    };
    let (mut table, mut height) = (None, None);
    for (key, value) in r.map("it", r.item(bytes)?)? {
        match (&key, value) {
            (Cbor::Text(name), Cbor::Uint(at)) if name == "height" => {
                let at = u32::try_from(at).ok().filter(|at| *at <= HEIGHT_MAX);
                let want = "10000000 at most";
                height = Some(at.ok_or_else(|| r.error("height", "greater", want))?);
            }
            (Cbor::Text(name), value) if name == "headers" => {
                table = Some(header_table(&r, value)?);
            }
            (Cbor::Text(name), value) if name == "height" => {
                return Err(r.error("height", kind(&value), "a number from 0 on"));
            }
            _ => {}
        }
    }
    let missing = |name| r.error(name, "missing", "there");
    let table = table.ok_or_else(|| missing("headers"))?;
    Ok((table, height.ok_or_else(|| missing("height"))?))
}

fn header_table(r: &Reader<'_>, item: Cbor<'_>) -> Result<Table, TableError> {
    let mut table = Table::default();
    for (key, value) in r.map("headers", item)? {
        let (Cbor::Text(height), Cbor::Text(text)) = (&key, &value) else {
            return Err(r.error("a header", kind(&value), "hex text under a height"));
        };
        let header = from_hex(text).filter(|header| header.len() >= HEADER_BYTES);
        let want = "hex text of 80 bytes or more";
        let header = header.ok_or_else(|| r.error(height, format!("`{}`", clip(text)), want))?;
        // What is no height as scripts name one can never be asked for.
        if let Ok(number) = height.parse::<u32>()
            && *height == number.to_string()
        {
            r.put(&mut table, &number.to_be_bytes(), header.into())?;
        }
    }
    Ok(table)
}

/// What a state is known by.
///
/// # Errors
/// If a node of the table is missing.
pub fn sum(state: &Table) -> Result<StateSum, HostError> {
    let (mut hasher, mut bytes) = (Sha256Stream::new(), 0);
    let mut last = None;
    for entry in state {
        let (key, value) = entry?;
        let (space, name) = table::split(key);
        if last.as_ref() != Some(&space) {
            hasher.update(&space);
            bytes += space.len();
        }
        hasher.update(name);
        hasher.update(value);
        bytes += name.len() + value.len();
        last = Some(space);
    }
    Ok(StateSum {
        digest: Hash(hasher.finish()),
        bytes: bytes as u64,
    })
}

impl Effects {
    /// The eleven tables as the reference gives them out, in its order.
    ///
    /// # Errors
    /// If a node of a table is missing.
    pub fn to_cbor(&self) -> Result<[Vec<u8>; 11], HostError> {
        let uint = |out: &mut Vec<u8>, value: &[u8]| cbor::write_uint(out, amount(value));
        let number = |out: &mut Vec<u8>, value: &[u8]| {
            cbor::write_uint(out, table::number(value).into());
        };
        let flag = |out: &mut Vec<u8>, value: &[u8]| cbor::write_bool(out, value == [1]);
        let always = |out: &mut Vec<u8>, _: &[u8]| cbor::write_bool(out, true);
        let text = |out: &mut Vec<u8>, value: &[u8]| cbor::write_hex(out, value);
        let by_space = |key: &[u8]| {
            let (space, name) = table::split(key);
            (hex(&space), hex(name))
        };
        let by_token = |key: &[u8]| {
            let (token, output) = table::split_withdrawal(key);
            (hex(token), output.to_string())
        };
        Ok([
            nested(&self.state, by_space, text)?,
            nested(&self.updates, by_space, text)?,
            nested(&self.deletes, by_space, always)?,
            flat(&self.ft, uint)?,
            flat(&self.ft_updates, uint)?,
            flat(&self.nft, always)?,
            flat(&self.nft_updates, flag)?,
            nested(&self.ft_withdraws, by_token, uint)?,
            flat(&self.nft_withdraws, number)?,
            flat(&self.ft_adds, always)?,
            flat(&self.nft_puts, always)?,
        ])
    }
}

/// A map by keys in hex.
fn flat(table: &Table, write: impl Fn(&mut Vec<u8>, &[u8])) -> Result<Vec<u8>, HostError> {
    let mut out = Vec::new();
    cbor::write_map_head(&mut out, table.len()? as usize);
    for entry in table {
        let (key, value) = entry?;
        cbor::write_hex(&mut out, key);
        write(&mut out, value);
    }
    Ok(out)
}

/// A map of maps, by both parts of the keys.
fn nested(
    table: &Table,
    parts: impl Fn(&[u8]) -> (String, String),
    write: impl Fn(&mut Vec<u8>, &[u8]),
) -> Result<Vec<u8>, HostError> {
    let mut groups: Vec<(String, usize, Vec<u8>)> = Vec::new();
    for entry in table {
        let (key, value) = entry?;
        let (outer, inner) = parts(key);
        if groups.last().is_none_or(|(last, ..)| *last != outer) {
            groups.push((outer, 0, Vec::new()));
        }
        let (_, count, body) = groups.last_mut().expect("pushed if there was none");
        *count += 1;
        cbor::write_text(body, &inner);
        write(body, value);
    }
    let mut out = Vec::new();
    cbor::write_map_head(&mut out, groups.len());
    for (outer, count, body) in groups {
        cbor::write_text(&mut out, &outer);
        cbor::write_map_head(&mut out, count);
        out.extend(body);
    }
    Ok(out)
}

fn kind(item: &Cbor<'_>) -> String {
    match item {
        Cbor::Uint(value) => value.to_string(),
        Cbor::Negint(value) => (-1 - i128::from(*value)).to_string(),
        Cbor::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Cbor::Text(text) => format!("`{}`", clip(text)),
        Cbor::Array(_) => "an array".into(),
        Cbor::Map(_) => "a map".into(),
        Cbor::Bool(value) => value.to_string(),
        Cbor::Null => "null".into(),
        Cbor::Simple(_) => "a simple value".into(),
        Cbor::Float { .. } => "a float".into(),
    }
}

fn clip(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of hex text of either case.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}

//! Inbox files: a JSON array of messages, as `vectors/arbitrum` records them.
//!
//! ```json
//! [{ "kind": 3, "sender": "00..00", "block_number": "1", "timestamp": "5f5e1000",
//!    "seq_num": "0", "gas_price_l1": "0", "data": "01ff" }]
//! ```
//!
//! Numbers are JSON integers or hex strings; `kind` defaults to 3, every other member but `data` to
//! zero, and `seq_num` to the position in the file.

use avm_arb::Message;
use ruint::aliases::U256;
use serde_json::{Map, Value};

/// Most messages of one file.
pub const MESSAGES_MAX: usize = 1 << 20;

/// Why a JSON document is not an inbox.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InboxError {
    /// Not an array.
    #[error("an inbox is a JSON array of messages, found {found}")]
    NotAnArray {
        /// What it is.
        found: &'static str,
    },
    /// Too many messages.
    #[error("{found} messages, at most {MESSAGES_MAX} are read")]
    TooMany {
        /// How many there are.
        found: usize,
    },
    /// An entry that is not an object.
    #[error("message {index} is {found}, not an object")]
    NotAnObject {
        /// Position, from 0.
        index: usize,
        /// What it is.
        found: &'static str,
    },
    /// A member that no message has.
    #[error(
        "message {index} has a member {name:?}; known are kind, sender, block_number, timestamp, seq_num, gas_price_l1, data and via"
    )]
    UnknownMember {
        /// Position, from 0.
        index: usize,
        /// The member.
        name: String,
    },
    /// A member of the wrong form.
    #[error("message {index}: {name} is {found}, not {want}")]
    BadMember {
        /// Position, from 0.
        index: usize,
        /// The member.
        name: &'static str,
        /// What it is.
        found: String,
        /// What it should be.
        want: &'static str,
    },
}

/// The messages of an inbox document.
///
/// # Errors
/// If the document is not an array of messages.
pub fn messages(document: &Value) -> Result<Vec<Message>, InboxError> {
    let entries = document.as_array().ok_or(InboxError::NotAnArray {
        found: shape(document),
    })?;
    if entries.len() > MESSAGES_MAX {
        return Err(InboxError::TooMany {
            found: entries.len(),
        });
    }
    entries
        .iter()
        .enumerate()
        .map(|(index, entry)| message(index, entry))
        .collect()
}

fn message(index: usize, entry: &Value) -> Result<Message, InboxError> {
    let fields = entry.as_object().ok_or(InboxError::NotAnObject {
        index,
        found: shape(entry),
    })?;
    const KNOWN: [&str; 8] = [
        "kind",
        "sender",
        "block_number",
        "timestamp",
        "seq_num",
        "gas_price_l1",
        "data",
        "via",
    ];
    if let Some(name) = fields.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(InboxError::UnknownMember {
            index,
            name: name.clone(),
        });
    }
    let fields = Fields { index, fields };
    let kind = fields.word("kind", U256::from(3))?;
    let sender = fields.bytes("sender")?.unwrap_or_else(|| vec![0; 20]);
    Ok(Message {
        kind: u8::try_from(kind).map_err(|_| fields.bad("kind", "a number below 256"))?,
        sender: sender
            .try_into()
            .map_err(|_| fields.bad("sender", "20 bytes of hex"))?,
        block_number: fields.word("block_number", U256::ZERO)?,
        timestamp: fields.word("timestamp", U256::ZERO)?,
        sequence_number: fields.word("seq_num", U256::from(index))?,
        gas_price_l1: fields.word("gas_price_l1", U256::ZERO)?,
        data: fields.bytes("data")?.unwrap_or_default().into(),
    })
}

/// The members of message `index`.
struct Fields<'a> {
    index: usize,
    fields: &'a Map<String, Value>,
}

impl Fields<'_> {
    fn word(&self, name: &'static str, absent: U256) -> Result<U256, InboxError> {
        let word = match self.fields.get(name) {
            None => Some(absent),
            Some(Value::Number(number)) => number.as_u64().map(U256::from),
            Some(Value::String(digits)) => hex_word(digits),
            Some(_) => None,
        };
        word.ok_or_else(|| self.bad(name, "an integer or at most 64 hex digits"))
    }

    fn bytes(&self, name: &'static str) -> Result<Option<Vec<u8>>, InboxError> {
        match self.fields.get(name) {
            None => Ok(None),
            Some(Value::String(digits)) => {
                let bytes = hex_bytes(digits);
                bytes
                    .map(Some)
                    .ok_or_else(|| self.bad(name, "an even number of hex digits"))
            }
            Some(_) => Err(self.bad(name, "an even number of hex digits")),
        }
    }

    fn bad(&self, name: &'static str, want: &'static str) -> InboxError {
        let mut found = self
            .fields
            .get(name)
            .map_or_else(String::new, Value::to_string);
        if let Some((at, _)) = found.char_indices().nth(60) {
            found.truncate(at);
            found.push_str("...");
        }
        InboxError::BadMember {
            index: self.index,
            name,
            found,
            want,
        }
    }
}

fn shape(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Bytes from hex digits, with or without a leading `0x`.
#[must_use]
pub fn hex_bytes(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.strip_prefix("0x").unwrap_or(digits).as_bytes();
    let nibble = |digit: u8| (digit as char).to_digit(16).map(|value| value as u8);
    let pairs = digits.chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
            _ => None,
        })
        .collect()
}

/// A word from at most 64 hex digits, with or without a leading `0x`.
#[must_use]
pub fn hex_word(digits: &str) -> Option<U256> {
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let fits = (1..=64).contains(&digits.len()) && digits.bytes().all(|d| d.is_ascii_hexdigit());
    fits.then(|| U256::from_str_radix(digits, 16).ok())?
}

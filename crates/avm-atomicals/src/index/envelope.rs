//! Operations in witnesses: finding them and reading their payload. Spec: section 14.1.
//!
//! An envelope is found by its shape, in any element of a witness: a key, somewhere the bytes
//! `63 04 "atom"`, the name of an operation, pushes up to ENDIF.

mod id;

use alloc::vec::Vec;

pub use id::{parse_text_id, text_id};

use super::AtomicalId;
use super::block::{TxParts, Witness};
use crate::script::cbor::{self, Cbor, CborError, Limits};

/// IF, and a push of "atom".
const MARKER: [u8; 6] = *b"\x63\x04atom";

/// Where the search for the marker begins: behind a push of a key.
const KEY_PUSH_BYTES: usize = 33;

/// Least bytes of a script that is looked at: the push of a key, the marker.
const MIN_SCRIPT_BYTES: usize = KEY_PUSH_BYTES + MARKER.len();

const OP_PUSHDATA4: u8 = 0x4e;
const OP_ENDIF: u8 = 0x68;

/// Items in a payload. One takes a byte or more, and no transaction that nodes relay has as many
/// bytes.
const MAX_PAYLOAD_ITEMS: usize = 400_000;

/// Lists inside one another in a payload.
const MAX_PAYLOAD_DEPTH: usize = 128;

/// What an envelope asks for, by the name in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// `nft`: makes one item.
    Nft,
    /// `ft`: makes a token of fixed supply.
    Ft,
    /// `dft`: makes a token that is minted in lots.
    Dft,
    /// `dmt`: mints a lot.
    Dmt,
    /// `dat`: stores data.
    Dat,
    /// `mod`: changes the state of an item.
    Mod,
    /// `evt`: adds an event to an item.
    Evt,
    /// `def`: publishes a protocol.
    Def,
    /// `new`: deploys a contract.
    New,
    /// `c`: calls a contract.
    Call,
    /// `sl`: seals an item.
    Seal,
    /// `x`: each item to an output of its own.
    Splat,
    /// `y`: tokens to outputs behind some that are skipped.
    Split,
    /// `z`: amounts of tokens to outputs.
    Custom,
    /// `vu`: spends, makes or reaps virtual outputs. Unknown unless they are there.
    Virtual,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Nft,
        Self::Ft,
        Self::Dft,
        Self::Dmt,
        Self::Dat,
        Self::Mod,
        Self::Evt,
        Self::Def,
        Self::New,
        Self::Call,
        Self::Seal,
        Self::Splat,
        Self::Split,
        Self::Custom,
        Self::Virtual,
    ];

    /// The name in an envelope.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nft => "nft",
            Self::Ft => "ft",
            Self::Dft => "dft",
            Self::Dmt => "dmt",
            Self::Dat => "dat",
            Self::Mod => "mod",
            Self::Evt => "evt",
            Self::Def => "def",
            Self::New => "new",
            Self::Call => "c",
            Self::Seal => "sl",
            Self::Splat => "x",
            Self::Split => "y",
            Self::Custom => "z",
            Self::Virtual => "vu",
        }
    }

    /// The operation of a name.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|operation| operation.name().as_bytes() == name)
    }
}

/// Which input an operation is said to be in, and how much of its maps is checked. Register: Q24.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputIndex {
    /// The number of earlier inputs with an operation without payload, and the outpoint of the
    /// input of that number. Of nested maps the check enters the first and ends with it.
    Beta1,
    /// The input that has the envelope. Values of nested maps are checked as all others.
    True,
}

/// What finding an envelope depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FindRules {
    /// Whether `args` may hold byte strings, as it may from the density height on.
    pub args_bytes: bool,
    /// Which input an operation is said to be in.
    pub index: InputIndex,
    /// Whether there are virtual outputs; without them [`Operation::Virtual`] is a name like any
    /// unknown one.
    pub overlay: bool,
}

/// An operation of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What it asks for.
    pub operation: Operation,
    /// Number of the input, as [`InputIndex`] has it.
    pub input: u32,
    /// What that input spends: the commit, and the id of what is made.
    pub commit: AtomicalId,
    /// All pushes. It starts with a CBOR map; anything may follow.
    pub payload: Vec<u8>,
}

/// A transaction whose envelope cannot be read. It has no operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The script ends inside a push.
    #[error(
        "envelope in element {element} of the witness of input {input}: push of {want} bytes at \
         byte {at}, {left} are left"
    )]
    Push {
        /// Number of the input.
        input: usize,
        /// Number of the element of its witness.
        element: usize,
        /// Offset in the element of the opcode that pushes.
        at: usize,
        /// Bytes it pushes, or bytes of its length if those are not there.
        want: u32,
        /// Bytes there are.
        left: usize,
    },
}

/// The first acceptable operation of a transaction.
///
/// CBOR with tags, of more than 400,000 items or more than 128 lists inside one another is not
/// acceptable.
///
/// # Errors
///
/// [`EnvelopeError`] if a push is cut off before an operation is accepted; there is no operation
/// then.
pub fn find(tx: &TxParts<'_>, rules: FindRules) -> Result<Option<Envelope>, EnvelopeError> {
    let FindRules {
        args_bytes,
        index,
        overlay,
    } = rules;
    if !tx.has_witness() {
        return Ok(None);
    }
    let mut without_payload = 0;
    for (input, witness) in tx.witnesses().enumerate() {
        let Some((operation, payload)) = operation(witness, input, overlay)? else {
            continue;
        };
        if payload.is_empty() {
            without_payload += 1;
        } else if is_acceptable(&payload, args_bytes, index) {
            let input = match index {
                // The original has no virtual outputs, so there is nothing to repeat for them.
                InputIndex::Beta1 if operation != Operation::Virtual => without_payload,
                _ => input,
            };
            let outpoint = tx.inputs().nth(input).map(|input| *input.outpoint);
            return Ok(Some(Envelope {
                operation,
                input: u32::try_from(input).expect("2^32 inputs would take 176 GB"),
                commit: outpoint.expect("there are as many inputs as witnesses"),
                payload,
            }));
        }
    }
    Ok(None)
}

/// The first item of a payload, with the limits that [`find`] has.
///
/// # Errors
///
/// [`CborError`] if there is none.
pub fn first_item(payload: &[u8]) -> Result<Cbor<'_>, CborError> {
    let limits = Limits {
        bytes: payload.len(),
        depth: MAX_PAYLOAD_DEPTH,
    };
    cbor::decode_prefix(payload, limits, MAX_PAYLOAD_ITEMS).map(|(item, _)| item)
}

/// The operation of an input, and what it pushes.
fn operation(
    witness: Witness<'_>,
    input: usize,
    overlay: bool,
) -> Result<Option<(Operation, Vec<u8>)>, EnvelopeError> {
    for (element, script) in witness.enumerate() {
        // Keys and signatures, nearly always, end here.
        if script.len() < MIN_SCRIPT_BYTES || script[0] != 0x20 {
            continue;
        }
        let Some(at) = marker(script) else { continue };
        let at = at + MARKER.len();
        let named = name(script, at);
        let known = named.filter(|(operation, _)| overlay || *operation != Operation::Virtual);
        if let Some((operation, at)) = known {
            let payload = pushes(script, at).map_err(|cut| EnvelopeError::Push {
                input,
                element,
                at: cut.at,
                want: cut.want,
                left: cut.left,
            })?;
            return Ok(Some((operation, payload)));
        }
    }
    Ok(None)
}

/// Offset of the marker behind the key.
///
/// Most scripts with a key at the start are inscriptions of any length without a marker. So 64 bytes
/// are looked at together, for the first two bytes of the marker; compilers make vectors of that.
fn marker(script: &[u8]) -> Option<usize> {
    const STRIDE: usize = 64;
    let mut at = KEY_PUSH_BYTES;
    while let Some(bytes) = script
        .get(at..)
        .and_then(<[u8]>::first_chunk::<{ STRIDE + 1 }>)
    {
        let pairs = bytes[..STRIDE].iter().zip(&bytes[1..]);
        let seen = pairs.fold(0, |seen, (first, second)| {
            seen | (u8::from(*first == MARKER[0]) & u8::from(*second == MARKER[1]))
        });
        if seen != 0 {
            let mut windows = script[at..].windows(MARKER.len()).take(STRIDE);
            if let Some(found) = windows.position(|window| window == MARKER) {
                return Some(at + found);
            }
        }
        at += STRIDE;
    }
    let mut windows = script.get(at..)?.windows(MARKER.len());
    Some(at + windows.position(|window| window == MARKER)?)
}

/// The operation whose name is pushed at `at`, and the offset behind it. At least one byte follows.
fn name(script: &[u8], at: usize) -> Option<(Operation, usize)> {
    let pushed = usize::from(*script.get(at)?);
    let end = at + 1 + pushed;
    let name = script.get(at + 1..end).filter(|_| end < script.len())?;
    Some((Operation::named(name)?, end))
}

/// A push that is cut off.
struct Cut {
    at: usize,
    want: u32,
    left: usize,
}

/// All that is pushed from `at` on, up to ENDIF or the end. Other opcodes are skipped.
fn pushes(script: &[u8], mut at: usize) -> Result<Vec<u8>, Cut> {
    let mut payload = Vec::with_capacity(script.len().saturating_sub(at));
    while let Some(&opcode) = script.get(at) {
        if opcode == OP_ENDIF {
            break;
        }
        let push_at = at;
        at += 1;
        if opcode > OP_PUSHDATA4 {
            continue;
        }
        let mut take = |want: u32| {
            let rest = script.get(at..).unwrap_or_default();
            let part = rest.get(..want as usize).ok_or(Cut {
                at: push_at,
                want,
                left: rest.len(),
            })?;
            at += part.len();
            Ok(part)
        };
        let len = match opcode {
            0x4c => take(1)?,
            0x4d => take(2)?,
            OP_PUSHDATA4 => take(4)?,
            _ => &[opcode],
        };
        let len = len
            .iter()
            .rev()
            .fold(0, |len, byte| len << 8 | u32::from(*byte));
        payload.extend_from_slice(take(len)?);
    }
    Ok(payload)
}

/// Whether a payload starts with a map that an operation may have.
fn is_acceptable(payload: &[u8], args_bytes: bool, index: InputIndex) -> bool {
    let Ok(Cbor::Map(entries)) = first_item(payload) else {
        return false;
    };
    let maps = [
        ("meta", false),
        ("args", args_bytes),
        ("ctx", false),
        ("init", true),
    ];
    maps.iter().all(|(name, bytes)| match get(&entries, name) {
        None => true,
        Some(Cbor::Map(map)) => has_plain_values(map, *bytes, index),
        Some(_) => false,
    })
}

/// The value of a text key. Of equal keys the last counts, as in the original.
pub(crate) fn get<'m, 'a>(map: &'m [(Cbor<'a>, Cbor<'a>)], name: &str) -> Option<&'m Cbor<'a>> {
    let mut entries = map.iter().rev();
    entries.find_map(|(key, value)| match key {
        Cbor::Text(text) if text == name => Some(value),
        _ => None,
    })
}

/// Whether values are numbers, truth values, lists, text, maps of the same, and bytes if `bytes`.
/// What lists hold is not looked at. Of equal keys every value counts.
fn has_plain_values(map: &[(Cbor<'_>, Cbor<'_>)], bytes: bool, index: InputIndex) -> bool {
    let mut maps = Vec::from([map]);
    while let Some(map) = maps.pop() {
        for (_, value) in map {
            match value {
                Cbor::Map(inner) => {
                    maps.push(inner);
                    if index == InputIndex::Beta1 {
                        // The verdict on the first inner map is the verdict on the outer one.
                        break;
                    }
                }
                Cbor::Uint(_) | Cbor::Negint(_) | Cbor::Bool(_) | Cbor::Float { .. } => {}
                Cbor::Array(_) | Cbor::Text(_) => {}
                Cbor::Bytes(_) if bytes => {}
                Cbor::Bytes(_) | Cbor::Null | Cbor::Simple(_) => return false,
            }
        }
    }
    true
}

#[cfg(test)]
mod tests;

//! What an operation asks for: its payload, typed. Spec: sections 14.2 to 14.5.
//!
//! Only what the payload alone decides is checked here; names, heights and spent tokens are for
//! the index. Of equal keys the last counts, keys that are not named here are ignored.

mod bitwork;
mod name;
mod transfer;

use alloc::{format, string::String, vec::Vec};

pub use bitwork::Bitwork;
pub use name::NameKind;
pub use transfer::{Amounts, Made, Spend, Take, Transfer};

use super::AtomicalId;
use super::envelope::{Operation, first_item, get, parse_text_id};
use crate::script::cbor::{Cbor, CborError};

/// A typed payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Make one item.
    Nft(Mint),
    /// Make a token; its supply are the satoshis of output 0. The ticker is the name.
    Ft(Mint),
    /// Make a token that others mint in lots. The ticker is the name.
    Dft(Mint, Lots),
    /// Mint a lot.
    Dmt {
        /// Ticker of the token.
        ticker: String,
        /// Work of the commit that the minter claims.
        bitwork_commit: Option<Bitwork>,
        /// Work of the reveal that the minter claims.
        bitwork_reveal: Option<Bitwork>,
    },
    /// Publish a protocol.
    Def {
        /// What all mints have; its `named` is none.
        mint: Mint,
        /// Name of the protocol.
        name: String,
        /// Locking script of its contracts. Empty if absent: then no contract can be deployed.
        code: Vec<u8>,
    },
    /// Deploy a contract.
    New {
        /// What all mints have; its `named` is none.
        mint: Mint,
        /// Name of the protocol.
        protocol: String,
        /// Name of the contract, if it gets one.
        name: Option<String>,
        /// Unlocking script, empty if absent.
        unlock: Vec<u8>,
        /// Public key, empty if absent.
        auth: Vec<u8>,
    },
    /// Call a contract.
    Call {
        /// The contract.
        target: Target,
        /// Unlocking script, empty if absent.
        unlock: Vec<u8>,
        /// Public key, empty if absent.
        auth: Vec<u8>,
    },
    /// Spend, make or reap virtual outputs.
    Virtual(Transfer),
    /// Where tokens go: `x`, `y` or `z`. The payload is read by [`super::colour`].
    Move(Operation),
    /// An operation that asks this index for nothing: `dat`, `mod`, `evt`, `sl`.
    Other(Operation),
}

/// What all operations that make something have in `args`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mint {
    /// The name it requests, of a kind that its operation gives: `nft` realms, subrealms,
    /// containers and items, `ft` and `dft` tickers.
    pub named: Option<(NameKind, String)>,
    /// `bitworkc`: work of the commit.
    pub bitwork_commit: Option<Bitwork>,
    /// `bitworkr`: work of the reveal.
    pub bitwork_reveal: Option<Bitwork>,
    /// `parents`: what has to be spent in the same transaction, and the least satoshis of it.
    pub parents: Vec<(AtomicalId, u64)>,
}

/// How a token is minted in lots, all from `args`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lots {
    /// Satoshis of a lot.
    pub mint_amount: u64,
    /// First height at which a lot is minted.
    pub mint_height: u32,
    /// Lots there are.
    pub max_mints: u64,
    /// `mint_bitworkc`: work of the commit of each lot.
    pub mint_bitwork_commit: Option<Bitwork>,
    /// `mint_bitworkr`: work of the reveal of each lot.
    pub mint_bitwork_reveal: Option<Bitwork>,
}

/// How a call names its contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// By its name.
    Name(String),
    /// By its id.
    Id(AtomicalId),
}

/// Why a payload asks for nothing that can be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// It does not start with CBOR.
    #[error("payload does not start with an item: {0}")]
    Cbor(#[source] CborError),
    /// A field has another value than it may have.
    #[error("{field} is {got}, expected is {want}")]
    Field {
        /// Where the field is, with a dot for each map.
        field: &'static str,
        /// What was found, shortened.
        got: String,
        /// What was expected.
        want: &'static str,
    },
    /// A field that is needed is not there.
    #[error("{field} is missing, expected is {want}")]
    Missing {
        /// Where the field is, with a dot for each map.
        field: &'static str,
        /// What was expected.
        want: &'static str,
    },
    /// Two fields of which only one may be there.
    #[error("{first} and {second} are both there, expected is one of them")]
    Both {
        /// One field.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A way of minting that this index does not have.
    #[error("{field} is {got}, expected is 0: tokens without a last lot are not supported")]
    Unlimited {
        /// Where the field is.
        field: &'static str,
        /// What was found, shortened.
        got: String,
    },
}

/// Satoshis of a lot.
const MINT_AMOUNT: (u64, u64) = (546, 100_000_000);
const MINT_AMOUNT_TEXT: &str = "a number from 546 to 100,000,000";
const MINT_HEIGHT: (u64, u64) = (0, 10_000_000);
const MINT_HEIGHT_TEXT: &str = "a number from 0 to 10,000,000";
const MAX_MINTS: (u64, u64) = (1, 21_000_000);
const MAX_MINTS_TEXT: &str = "a number from 1 to 21,000,000";
/// Before the density height.
const MAX_MINTS_EARLY: (u64, u64) = (1, 500_000);
const MAX_MINTS_EARLY_TEXT: &str = "a number from 1 to 500,000 at this height";

/// Fields that request a name, at most one of which may be there.
const REQUESTS: [(&str, NameKind); 5] = [
    ("args.request_realm", NameKind::Realm),
    ("args.request_subrealm", NameKind::Subrealm),
    ("args.request_container", NameKind::Container),
    ("args.request_ticker", NameKind::Ticker),
    ("args.request_dmitem", NameKind::Item),
];

/// Reads the payload of an operation. `density`: whether the density height is reached.
///
/// # Errors
///
/// [`RequestError`] with the first field that is not as it has to be.
pub fn read(operation: Operation, payload: &[u8], density: bool) -> Result<Request, RequestError> {
    match operation {
        Operation::Splat | Operation::Split | Operation::Custom => {
            return Ok(Request::Move(operation));
        }
        Operation::Dat | Operation::Mod | Operation::Evt | Operation::Seal => {
            return Ok(Request::Other(operation));
        }
        _ => {}
    }
    let item = first_item(payload).map_err(RequestError::Cbor)?;
    let top = Fields(map("payload", &item)?);
    let args = match top.find("args") {
        Some(args) => Fields(map("args", args)?),
        None => Fields(&[]),
    };
    Ok(match operation {
        Operation::Nft => Request::Nft(mint(&args, operation)?),
        Operation::Ft => Request::Ft(with_ticker(mint(&args, operation)?)?),
        Operation::Dft => {
            let mint = with_ticker(mint(&args, operation)?)?;
            Request::Dft(mint, lots(&args, density)?)
        }
        Operation::Dmt => Request::Dmt {
            ticker: args.needed_name("args.mint_ticker", NameKind::Ticker)?,
            bitwork_commit: args.bitwork("args.bitworkc")?,
            bitwork_reveal: args.bitwork("args.bitworkr")?,
        },
        Operation::Def => Request::Def {
            mint: mint(&args, operation)?,
            name: top.needed_name("p", NameKind::Protocol)?,
            code: top.bytes("code")?,
        },
        Operation::New => Request::New {
            mint: mint(&args, operation)?,
            protocol: top.needed_name("p", NameKind::Protocol)?,
            name: top.name("name", NameKind::Contract)?,
            unlock: top.bytes("u")?,
            auth: top.bytes("auth")?,
        },
        Operation::Virtual => Request::Virtual(transfer::read(&top)?),
        _ => Request::Call {
            target: target(&top)?,
            unlock: top.bytes("u")?,
            auth: top.bytes("auth")?,
        },
    })
}

fn mint(args: &Fields<'_, '_>, operation: Operation) -> Result<Mint, RequestError> {
    let mut there = REQUESTS
        .iter()
        .filter(|(field, _)| args.find(field).is_some());
    let named = match (there.next(), there.next()) {
        (Some((first, _)), Some((second, _))) => return Err(RequestError::Both { first, second }),
        (Some((field, kind)), None) if gives(operation, *kind) => {
            args.name(field, *kind)?.map(|name| (*kind, name))
        }
        _ => None,
    };
    Ok(Mint {
        named,
        bitwork_commit: args.bitwork("args.bitworkc")?,
        bitwork_reveal: args.bitwork("args.bitworkr")?,
        parents: parents(args)?,
    })
}

/// Whether an operation gives names of this kind. Requests for others ask for nothing.
const fn gives(operation: Operation, kind: NameKind) -> bool {
    match kind {
        NameKind::Ticker => matches!(operation, Operation::Ft | Operation::Dft),
        _ => matches!(operation, Operation::Nft),
    }
}

/// The mint of a token, which has a ticker.
fn with_ticker(mint: Mint) -> Result<Mint, RequestError> {
    if mint.named.is_some() {
        return Ok(mint);
    }
    Err(RequestError::Missing {
        field: "args.request_ticker",
        want: NameKind::Ticker.pattern(),
    })
}

fn parents(args: &Fields<'_, '_>) -> Result<Vec<(AtomicalId, u64)>, RequestError> {
    const FIELD: &str = "args.parents";
    let Some(item) = args.find(FIELD) else {
        return Ok(Vec::new());
    };
    let parent = |(key, value): &(Cbor<'_>, Cbor<'_>)| {
        let id = match key {
            Cbor::Text(text) => parse_text_id(text),
            _ => None,
        };
        let id = id.ok_or_else(|| unexpected(FIELD, key, "a map with keys <txid>i<index>"))?;
        match value {
            Cbor::Uint(sats) => Ok((id, *sats)),
            _ => Err(unexpected(FIELD, value, "a map of numbers from 0 on")),
        }
    };
    map(FIELD, item)?.iter().map(parent).collect()
}

fn lots(args: &Fields<'_, '_>, density: bool) -> Result<Lots, RequestError> {
    const MODE: &str = "args.md";
    if let Some(mode) = args.find(MODE).filter(|mode| **mode != Cbor::Uint(0)) {
        return Err(RequestError::Unlimited {
            field: MODE,
            got: shown(mode),
        });
    }
    let (max_mints, max_mints_text) = match density {
        true => (MAX_MINTS, MAX_MINTS_TEXT),
        false => (MAX_MINTS_EARLY, MAX_MINTS_EARLY_TEXT),
    };
    let height = args.number("args.mint_height", MINT_HEIGHT, MINT_HEIGHT_TEXT)?;
    Ok(Lots {
        mint_amount: args.number("args.mint_amount", MINT_AMOUNT, MINT_AMOUNT_TEXT)?,
        mint_height: u32::try_from(height).expect("it is at most 10,000,000"),
        max_mints: args.number("args.max_mints", max_mints, max_mints_text)?,
        mint_bitwork_commit: args.bitwork("args.mint_bitworkc")?,
        mint_bitwork_reveal: args.bitwork("args.mint_bitworkr")?,
    })
}

fn target(top: &Fields<'_, '_>) -> Result<Target, RequestError> {
    const ID: &str = "36 bytes, a transaction id and a number";
    match (top.find("n"), top.find("id")) {
        (Some(_), Some(_)) => Err(RequestError::Both {
            first: "n",
            second: "id",
        }),
        (None, None) => Err(RequestError::Missing {
            field: "n",
            want: "the name of a contract, or its id in the field id",
        }),
        (None, Some(id)) => match id {
            Cbor::Bytes(bytes) => AtomicalId::try_from(&**bytes)
                .map(Target::Id)
                .map_err(|_| unexpected("id", id, ID)),
            _ => Err(unexpected("id", id, ID)),
        },
        (Some(_), None) => top.needed_name("n", NameKind::Contract).map(Target::Name),
    }
}

/// A map whose fields are asked for by where they are: the key is what follows the last dot.
struct Fields<'m, 'a>(&'m [(Cbor<'a>, Cbor<'a>)]);

impl<'m, 'a> Fields<'m, 'a> {
    fn find(&self, field: &str) -> Option<&'m Cbor<'a>> {
        let key = field.rsplit('.').next()?;
        get(self.0, key)
    }

    fn name(&self, field: &'static str, kind: NameKind) -> Result<Option<String>, RequestError> {
        match self.find(field) {
            None => Ok(None),
            Some(Cbor::Text(text)) if kind.is_valid(text) => Ok(Some(String::from(&**text))),
            Some(other) => Err(unexpected(field, other, kind.pattern())),
        }
    }

    fn needed_name(&self, field: &'static str, kind: NameKind) -> Result<String, RequestError> {
        let want = kind.pattern();
        self.name(field, kind)?
            .ok_or(RequestError::Missing { field, want })
    }

    /// Bytes; empty if they are not there.
    fn bytes(&self, field: &'static str) -> Result<Vec<u8>, RequestError> {
        match self.find(field) {
            None => Ok(Vec::new()),
            Some(Cbor::Bytes(bytes)) => Ok(bytes.to_vec()),
            Some(other) => Err(unexpected(field, other, "a byte string")),
        }
    }

    fn number(
        &self,
        field: &'static str,
        (least, most): (u64, u64),
        want: &'static str,
    ) -> Result<u64, RequestError> {
        match self.find(field) {
            None => Err(RequestError::Missing { field, want }),
            Some(Cbor::Uint(value)) if (least..=most).contains(value) => Ok(*value),
            Some(other) => Err(unexpected(field, other, want)),
        }
    }

    /// Work; empty text asks for none, as in the original.
    fn bitwork(&self, field: &'static str) -> Result<Option<Bitwork>, RequestError> {
        let Some(item) = self.find(field) else {
            return Ok(None);
        };
        let bitwork = match item {
            Cbor::Text(text) if text.is_empty() => return Ok(None),
            Cbor::Text(text) => Bitwork::parse(text),
            _ => None,
        };
        let bitwork = bitwork.ok_or_else(|| unexpected(field, item, Bitwork::PATTERN));
        bitwork.map(Some)
    }
}

type Entries<'a> = [(Cbor<'a>, Cbor<'a>)];

fn map<'m, 'a>(field: &'static str, item: &'m Cbor<'a>) -> Result<&'m Entries<'a>, RequestError> {
    match item {
        Cbor::Map(entries) => Ok(entries),
        other => Err(unexpected(field, other, "a map")),
    }
}

fn unexpected(field: &'static str, item: &Cbor<'_>, want: &'static str) -> RequestError {
    let got = shown(item);
    RequestError::Field { field, got, want }
}

/// A value in a few words; text is cut after 40 characters.
fn shown(item: &Cbor<'_>) -> String {
    const CHARS: usize = 40;
    match item {
        Cbor::Uint(value) => format!("{value}"),
        Cbor::Negint(value) => format!("{}", -1 - i128::from(*value)),
        Cbor::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Cbor::Text(text) => match text.char_indices().nth(CHARS) {
            Some((at, _)) => format!("{:?}... of {} bytes", &text[..at], text.len()),
            None => format!("{text:?}"),
        },
        Cbor::Array(items) => format!("a list of {} items", items.len()),
        Cbor::Map(entries) => format!("a map of {} entries", entries.len()),
        Cbor::Bool(value) => format!("{value}"),
        Cbor::Null => String::from("null"),
        Cbor::Simple(value) => format!("simple value {value}"),
        Cbor::Float { .. } => String::from("a float"),
    }
}

#[cfg(test)]
mod tests;

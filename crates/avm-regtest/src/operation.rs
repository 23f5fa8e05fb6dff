//! What can be published: operations with their payload. Spec: sections 14 and 15.

use bitcoin::hashes::Hash;
use bitcoin::{OutPoint, Txid};

use crate::Key;
use crate::cbor::{Map, Value};

/// The name of a token, protocol or contract: the outpoint of its commit, as a transaction has it.
///
/// Transaction id in internal order, number of the output little-endian.
pub type Id = [u8; 36];

/// The outpoint as an id.
#[must_use]
pub fn id(outpoint: OutPoint) -> Id {
    let mut id = [0; 36];
    id[..32].copy_from_slice(&outpoint.txid.to_byte_array());
    id[32..].copy_from_slice(&outpoint.vout.to_le_bytes());
    id
}

/// The id as payloads name it: transaction id as it is shown, `i`, number of the output.
#[must_use]
pub fn id_text(id: &Id) -> String {
    let (txid, vout) = id.split_at(32);
    let txid = Txid::from_byte_array(txid.try_into().expect("split at 32"));
    let vout = u32::from_le_bytes(vout.try_into().expect("4 bytes are left of 36"));
    format!("{txid}i{vout}")
}

/// A contract to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// By its name.
    Name(&'a str),
    /// By its id.
    Id(Id),
}

impl<'a> From<&'a str> for Target<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl From<Id> for Target<'_> {
    fn from(id: Id) -> Self {
        Self::Id(id)
    }
}

/// How many units each mint of a `dft` makes, from when on, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lots {
    /// Satoshis of output 0 of each mint.
    pub amount: u32,
    /// First height of mints.
    pub height: u32,
    /// Most mints.
    pub max: u32,
}

/// An operation: its name in the envelope, and its payload.
///
/// Nothing is checked: what the rules refuse can be published too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// One to three letters: `def`, `new`, `c`, `nft`, `ft`, `dft`, `dmt`, `x`, `y`, `z`, ...
    pub name: String,
    /// A map, unless made otherwise.
    pub payload: Value,
}

impl Operation {
    /// An operation with an empty map for payload.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let (name, payload) = (name.to_owned(), Value::Map(Map::new()));
        Self { name, payload }
    }

    /// An operation with these bytes for payload, which need not be CBOR.
    #[must_use]
    pub fn raw(name: &str, payload: &[u8]) -> Self {
        let (name, payload) = (name.to_owned(), Value::Raw(payload.to_vec()));
        Self { name, payload }
    }

    /// `def`: publishes a protocol, whose code is the locking script of its contracts.
    #[must_use]
    pub fn def(protocol: &str, code: &[u8]) -> Self {
        Self::named("def").with("p", protocol).with("code", code)
    }

    /// `new`: deploys a contract of a protocol; `unlock` has the arguments of its constructor.
    #[must_use]
    pub fn new(protocol: &str, contract: Option<&str>, unlock: &[u8]) -> Self {
        let mut operation = Self::named("new").with("p", protocol).with("u", unlock);
        if let Some(contract) = contract {
            operation = operation.with("name", contract);
        }
        operation
    }

    /// `c`: calls a contract; `unlock` has the arguments.
    #[must_use]
    pub fn call<'a>(target: impl Into<Target<'a>>, unlock: &[u8]) -> Self {
        let operation = Self::named("c").with("u", unlock);
        match target.into() {
            Target::Name(name) => operation.with("n", name),
            Target::Id(id) => operation.with("id", id),
        }
    }

    /// `nft`: mints one item without a name. Ask for one with `arg("request_realm", ...)` or its like.
    #[must_use]
    pub fn nft() -> Self {
        Self::named("nft").with("args", Map::new())
    }

    /// `ft`: mints a fixed supply, the satoshis of output 0.
    #[must_use]
    pub fn ft(ticker: &str) -> Self {
        Self::named("ft").arg("request_ticker", ticker)
    }

    /// `dft`: opens a ticker that is minted in equal lots.
    #[must_use]
    pub fn dft(ticker: &str, lots: Lots) -> Self {
        Self::named("dft")
            .arg("request_ticker", ticker)
            .arg("mint_amount", lots.amount)
            .arg("mint_height", lots.height)
            .arg("max_mints", lots.max)
    }

    /// `dmt`: mints a lot of a ticker, on output 0.
    #[must_use]
    pub fn dmt(ticker: &str) -> Self {
        Self::named("dmt").arg("mint_ticker", ticker)
    }

    /// `x`: each item to an output of its own, in the order of their ids.
    #[must_use]
    pub fn splat() -> Self {
        Self::named("x")
    }

    /// `y`: items go to output 0; each of these tokens leaves so many satoshis of outputs alone first.
    #[must_use]
    pub fn split(skip: &[(Id, u64)]) -> Self {
        let with =
            |operation: Self, (id, sats): &(Id, u64)| operation.with(&id_text(id), units(*sats));
        skip.iter().fold(Self::named("y"), with)
    }

    /// `z`: each of these tokens puts so many units on these outputs.
    #[must_use]
    pub fn custom(colours: &[(Id, &[(u32, u64)])]) -> Self {
        let with = |operation: Self, (id, outputs): &(Id, &[(u32, u64)])| {
            let outputs = outputs.iter();
            let outputs = outputs.map(|(output, amount)| (output.to_string(), units(*amount)));
            operation.with(&id_text(id), outputs.collect::<Map>())
        };
        colours.iter().fold(Self::named("z"), with)
    }

    /// With an item at the top of the payload; nothing changes if the payload is not a map.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        if let Value::Map(map) = &mut self.payload {
            map.insert(key.to_owned(), value.into());
        }
        self
    }

    /// With an item of the map `args`, which is made if it is not there.
    #[must_use]
    pub fn arg(mut self, key: &str, value: impl Into<Value>) -> Self {
        if let Value::Map(map) = &mut self.payload {
            let args = map.entry("args".to_owned()).or_insert(Map::new().into());
            if let Value::Map(args) = args {
                args.insert(key.to_owned(), value.into());
            }
        }
        self
    }

    /// With the public key that a contract finds as its caller; [`crate::Publish::signed`] says it too.
    #[must_use]
    pub fn auth(self, key: &Key) -> Self {
        self.with("auth", key.public())
    }

    /// A text of `args`, if it is there.
    pub(crate) fn arg_text(&self, key: &str) -> Option<&str> {
        let Value::Map(map) = &self.payload else {
            return None;
        };
        let Some(Value::Map(args)) = map.get("args") else {
            return None;
        };
        match args.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// An amount as an item; more than an item holds is more than there can be satoshis.
fn units(amount: u64) -> Value {
    Value::Int(i64::try_from(amount).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use bitcoin::hex::DisplayHex;

    use super::*;

    #[test]
    fn payloads() {
        let one = {
            let mut id = [0; 36];
            (id[0], id[32]) = (0xab, 2);
            id
        };
        let shown = format!("{}abi2", "00".repeat(31));
        assert_eq!(id_text(&one), shown);
        let shown = shown.as_bytes().to_lower_hex_string();
        let lots = Lots {
            amount: 1000,
            height: 5,
            max: 24,
        };
        let cases = [
            (
                Operation::def("p1", &[0x51]),
                "a264636f64654151617062".to_owned() + "7031",
            ),
            (
                Operation::new("p1", None, &[]),
                "a261706270316175".to_owned() + "40",
            ),
            (
                Operation::new("p", Some("c"), &[1]),
                "a3646e616d656163".to_owned() + "617061706175" + "4101",
            ),
            (
                Operation::call("c", &[1, 2]),
                "a2616e61636175".to_owned() + "420102",
            ),
            (
                Operation::call(one, &[]),
                format!(
                    "a2626964{}617540",
                    "5824".to_owned() + &one.to_lower_hex_string()
                ),
            ),
            (Operation::nft(), "a16461726773a0".to_owned()),
            (
                Operation::ft("abc"),
                "a16461726773a16e726571756573745f7469636b657263616263".to_owned(),
            ),
            (
                Operation::dmt("abc"),
                "a16461726773a16b6d696e745f7469636b657263616263".to_owned(),
            ),
            (
                Operation::dft("a", lots),
                "a16461726773a4696d61785f6d696e747318186b6d696e745f616d6f756e741903e8".to_owned()
                    + "6b6d696e745f686569676874056e726571756573745f7469636b65726161",
            ),
            (Operation::splat(), "a0".to_owned()),
            (
                Operation::split(&[(one, 600)]),
                format!("a17842{shown}190258"),
            ),
            (
                Operation::custom(&[(one, &[(10, 3), (2, 1)])]),
                format!("a17842{shown}a262313003613201"),
            ),
            (
                Operation::raw("nft", &[0xff, 0])
                    .with("a", "b")
                    .arg("c", "d"),
                "ff00".to_owned(),
            ),
        ];
        for (operation, want) in cases {
            let payload = operation.payload.encode().to_lower_hex_string();
            assert_eq!(payload, want, "{operation:?}");
        }
    }
}

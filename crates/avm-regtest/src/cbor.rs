//! Payloads as CBOR: just what operations need, written in one way only.
//!
//! Lengths are definite, integers as short as they can be, and the keys of a map ascend byte by byte.

use std::collections::BTreeMap;

/// A map with text for keys.
pub type Map = BTreeMap<String, Value>;

/// One item of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// An integer.
    Int(i64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// UTF-8.
    Text(String),
    /// Truth.
    Bool(bool),
    /// Items in order.
    List(Vec<Value>),
    /// Items by name.
    Map(Map),
    /// Bytes that stand in place of an item as they are, for payloads that break rules.
    Raw(Vec<u8>),
}

impl Value {
    /// The item as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![];
        self.write(&mut bytes);
        bytes
    }

    // Recursion is as deep as what the caller built.
    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Int(n) => match u64::try_from(*n) {
                Ok(n) => head(to, 0, n),
                Err(_) => head(to, 1, !n.cast_unsigned()),
            },
            Self::Bytes(bytes) => string(to, 2, bytes),
            Self::Text(text) => string(to, 3, text.as_bytes()),
            Self::List(items) => {
                head(to, 4, items.len() as u64);
                items.iter().for_each(|item| item.write(to));
            }
            Self::Map(map) => {
                head(to, 5, map.len() as u64);
                for (key, value) in map {
                    string(to, 3, key.as_bytes());
                    value.write(to);
                }
            }
            Self::Bool(truth) => to.push(0xf4 | u8::from(*truth)),
            Self::Raw(bytes) => to.extend(bytes),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl From<u32> for Value {
    fn from(n: u32) -> Self {
        Self::Int(n.into())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

fn string(to: &mut Vec<u8>, major: u8, bytes: &[u8]) {
    head(to, major, bytes.len() as u64);
    to.extend(bytes);
}

fn head(to: &mut Vec<u8>, major: u8, n: u64) {
    let bytes = n.to_be_bytes();
    let (info, from) = match n {
        0..24 => (bytes[7], 8),
        24..=0xff => (24, 7),
        0x100..=0xffff => (25, 6),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 0),
    };
    to.push(major << 5 | info);
    to.extend(&bytes[from..]);
}

#[cfg(test)]
mod tests {
    use bitcoin::hex::DisplayHex;

    use super::*;

    /// RFC 8949, appendix A.
    #[test]
    fn items() {
        let nested = Map::from([
            ("b".into(), Value::List(vec![Value::Int(2), Value::Int(3)])),
            ("a".into(), Value::Int(1)),
        ]);
        let cases: [(Value, &str); 20] = [
            (Value::Int(0), "00"),
            (Value::Int(23), "17"),
            (Value::Int(24), "1818"),
            (Value::Int(255), "18ff"),
            (Value::Int(256), "190100"),
            (Value::Int(65535), "19ffff"),
            (Value::Int(65536), "1a00010000"),
            (Value::Int(4_294_967_295), "1affffffff"),
            (Value::Int(1_000_000_000_000), "1b000000e8d4a51000"),
            (Value::Int(-1), "20"),
            (Value::Int(-100), "3863"),
            (Value::Int(-1000), "3903e7"),
            (Value::Int(i64::MIN), "3b7fffffffffffffff"),
            ([1, 2, 3, 4].into(), "4401020304"),
            ("ü".into(), "62c3bc"),
            (false.into(), "f4"),
            (true.into(), "f5"),
            (Map::new().into(), "a0"),
            (nested.into(), "a26161016162820203"),
            (Value::Raw(vec![0xff]), "ff"),
        ];
        for (value, want) in cases {
            assert_eq!(value.encode().to_lower_hex_string(), want, "{value:?}");
        }
        let long = Value::from(vec![7; 300]).encode();
        assert_eq!((&long[..3], long.len()), (&[0x59, 1, 44][..], 303));
    }
}

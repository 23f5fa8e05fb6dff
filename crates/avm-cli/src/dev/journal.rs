//! What the blocks do not say: names of keys, interfaces of contracts, and what waits for a block.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use avm_atomicals::index::envelope::parse_text_id;
use avm_regtest::bitcoin::Transaction;
use avm_regtest::bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use avm_regtest::{Id, id_text};
use serde_json::{Value, json};

use super::errors;
use crate::error::CliError;
use crate::files::{self, Source};

/// A protocol: the code of contracts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Its id.
    pub id: Id,
    /// Its methods, a signature a line; empty if there are none.
    pub methods: String,
    /// Methods that ask who calls.
    pub signed: BTreeSet<String>,
    /// The file it was read from.
    pub source: String,
}

/// A contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// Its id.
    pub id: Id,
    /// Name of its protocol.
    pub protocol: String,
}

/// The journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// Number in the coinbases to come, which counts reorgs.
    pub branch: u32,
    /// Seconds that the next block comes later.
    pub warp: u32,
    /// Names of keys that were used; a name is all there is of a key.
    pub keys: BTreeSet<String>,
    /// Protocols by name.
    pub protocols: BTreeMap<String, Protocol>,
    /// Contracts by name.
    pub contracts: BTreeMap<String, Deployed>,
    /// Transactions that wait for a block.
    pub pending: Vec<Transaction>,
}

impl Journal {
    /// Reads a journal.
    ///
    /// # Errors
    /// If it is not there, or is something else.
    pub fn read(path: &Path) -> Result<Self, CliError> {
        let document = Source::read(path)?.json()?;
        parse(&document).map_err(|what| errors::journal(path, &what))
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), CliError> {
        let text = format!("{:#}\n", self.to_json());
        files::write(path, text.as_bytes(), true)
    }

    fn to_json(&self) -> Value {
        let protocols: serde_json::Map<String, Value> = self
            .protocols
            .iter()
            .map(|(name, it)| {
                let value = json!({
                    "id": id_text(&it.id), "methods": it.methods,
                    "signed": it.signed, "source": it.source,
                });
                (name.clone(), value)
            })
            .collect();
        let contracts: serde_json::Map<String, Value> = self
            .contracts
            .iter()
            .map(|(name, it)| {
                let value = json!({ "id": id_text(&it.id), "protocol": it.protocol });
                (name.clone(), value)
            })
            .collect();
        let pending: Vec<String> = self.pending.iter().map(serialize_hex).collect();
        json!({
            "avm-dev": 1, "branch": self.branch, "warp": self.warp, "keys": self.keys,
            "protocols": protocols, "contracts": contracts, "pending": pending,
        })
    }
}

fn parse(document: &Value) -> Result<Journal, String> {
    if document["avm-dev"] != 1 {
        return Err("`avm-dev` is not 1".into());
    }
    let mut journal = Journal {
        branch: number(document, "branch")?,
        warp: number(document, "warp")?,
        ..Journal::default()
    };
    journal.keys = texts(document, "keys")?.into_iter().collect();
    for (name, it) in members(document, "protocols")? {
        let protocol = Protocol {
            id: id(it)?,
            methods: text(it, "methods")?,
            signed: texts(it, "signed")?.into_iter().collect(),
            source: text(it, "source")?,
        };
        journal.protocols.insert(name.clone(), protocol);
    }
    for (name, it) in members(document, "contracts")? {
        let contract = Deployed {
            id: id(it)?,
            protocol: text(it, "protocol")?,
        };
        journal.contracts.insert(name.clone(), contract);
    }
    for hex in texts(document, "pending")? {
        let tx = deserialize_hex(&hex).map_err(|e| format!("`pending`: {e}"))?;
        journal.pending.push(tx);
    }
    Ok(journal)
}

fn number(of: &Value, name: &str) -> Result<u32, String> {
    let found = of[name].as_u64().and_then(|number| number.try_into().ok());
    found.ok_or_else(|| format!("`{name}` is not a number below 2^32"))
}

fn text(of: &Value, name: &str) -> Result<String, String> {
    let found = of[name].as_str().map(Into::into);
    found.ok_or_else(|| format!("`{name}` is not a text"))
}

fn texts(of: &Value, name: &str) -> Result<Vec<String>, String> {
    let list = of[name].as_array().into_iter().flatten();
    let list: Option<Vec<String>> = list.map(|one| one.as_str().map(Into::into)).collect();
    list.filter(|_| of[name].is_array())
        .ok_or_else(|| format!("`{name}` is not a list of texts"))
}

fn members<'a>(
    of: &'a Value,
    name: &str,
) -> Result<impl Iterator<Item = (&'a String, &'a Value)>, String> {
    let members = of[name].as_object().map(|members| members.iter());
    members.ok_or_else(|| format!("`{name}` is not an object"))
}

fn id(of: &Value) -> Result<Id, String> {
    let found = of["id"].as_str().and_then(parse_text_id);
    found.ok_or_else(|| "`id` is not an id, a transaction id and `i` and a number".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back() {
        let mut journal = Journal {
            branch: 3,
            warp: 60,
            ..Journal::default()
        };
        journal.keys.insert("alice".into());
        let protocol = Protocol {
            id: [7; 36],
            methods: "ctor()\n".into(),
            signed: ["ctor".to_owned()].into(),
            source: "a.script".into(),
        };
        journal.protocols.insert("p".into(), protocol);
        let contract = Deployed {
            id: [9; 36],
            protocol: "p".into(),
        };
        journal.contracts.insert("c".into(), contract);
        let block = avm_regtest::Chain::new().tip().clone();
        journal.pending = block.txdata;
        let json = journal.to_json();
        assert_eq!(parse(&json), Ok(journal));
        for name in [
            "avm-dev",
            "branch",
            "keys",
            "protocols",
            "contracts",
            "pending",
        ] {
            let mut wrong = json.clone();
            wrong[name] = json!("x");
            assert!(parse(&wrong).is_err_and(|e| e.contains(name)), "{name}");
        }
    }
}

//! The keys of a state in their order, a page at a time.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use avm_core::HostError;

use super::{KeyName, kind_named, parse_outpoint, script_hash};
use crate::index::AtomicalId;
use crate::index::envelope::parse_text_id;
use crate::index::machine::IndexMachine;
use crate::index::request::NameKind;
use crate::index::rows::family;
use crate::keys::Pane;
use crate::script::call::reference;
use crate::script::table::Table;

/// Keys that are one for the whole state, in their order.
pub(in crate::index) const SINGLE: [KeyName; 10] = [
    KeyName::Rules,
    KeyName::Params,
    KeyName::Height,
    KeyName::Tip,
    KeyName::BlocksChain,
    KeyName::StatesChain,
    KeyName::Items,
    KeyName::Refused,
    KeyName::Work,
    KeyName::Cost,
];

/// Families of rows, with the first part of the names of their keys, in the order of the rows.
pub(in crate::index) const FAMILIES: [(u8, &str); 7] = [
    (family::BLOCK, "block/"),
    (family::CONTRACT, "contract/"),
    (family::HOLDER, "holder/"),
    (family::ITEM, "item/"),
    (family::NAME, "name/"),
    (family::OUTPUT, "output/"),
    (family::PROTOCOL, "protocol/"),
];

/// Names of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// The first ones.
    pub names: Vec<KeyName>,
    /// Whether there are more.
    pub more: bool,
}

/// Names that are collected, up to a limit.
struct Page<'a> {
    prefix: &'a str,
    limit: usize,
    listed: Listed,
}

impl Page<'_> {
    /// Takes a name that has the prefix; `false` if the page was full.
    fn take(&mut self, name: KeyName) -> bool {
        if !name.to_string().starts_with(self.prefix) {
            return true;
        }
        if self.listed.names.len() == self.limit {
            self.listed.more = true;
            return false;
        }
        self.listed.names.push(name);
        true
    }

    fn may_have(&self, start: &str) -> bool {
        may_have(self.prefix, start)
    }
}

/// Whether a key whose name starts with `start` can have a prefix.
pub(in crate::index) fn may_have(prefix: &str, start: &str) -> bool {
    start.starts_with(prefix) || prefix.starts_with(start)
}

impl IndexMachine {
    /// Names of the keys that start with `prefix`, in the order of the state, at most `limit`.
    ///
    /// A prefix with a whole id, script, kind or height goes straight to its rows; below that the
    /// rows of the family are gone through, as they are in the order of ids in internal order.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn key_names(&mut self, prefix: &str, limit: usize) -> Result<Listed, HostError> {
        let mut page = Page {
            prefix,
            limit,
            listed: Listed::default(),
        };
        for name in SINGLE {
            if page.may_have(&name.to_string()) && self.look_up(&name)?.is_some() {
                page.take(name);
            }
        }
        self.stacks(&mut page);
        for (family, start) in FAMILIES {
            if page.listed.more {
                break;
            }
            if page.may_have(start) {
                let rest = prefix.strip_prefix(start).unwrap_or("");
                self.family(family, &first_rows(family, rest), &mut page)?;
            }
        }
        Ok(page.listed)
    }

    fn stacks(&self, page: &mut Page<'_>) {
        let Some(running) = self.running() else {
            return;
        };
        let depths = [
            (Pane::Main, running.frame.main.len()),
            (Pane::Alt, running.frame.alt.len()),
        ];
        for (pane, depth) in depths {
            let elements = (0..depth as u64).map(|at| KeyName::Element(pane, at));
            let mut names = core::iter::once(KeyName::Depth(pane)).chain(elements);
            let start = KeyName::Depth(pane).to_string();
            let _ = page.may_have(&start) && names.all(|name| page.take(name));
        }
    }

    /// Keys of the rows that begin with some bytes.
    fn family(&mut self, kind: u8, start: &[u8], page: &mut Page<'_>) -> Result<(), HostError> {
        let mut after = Vec::from(start);
        // A row whose key is all of `start` comes first.
        let mut at = self.ledger().rows().get(start)?.map(|_| Vec::from(start));
        loop {
            if at.is_none() {
                let rows = self.ledger().rows();
                at = rows.after(Some(&after))?.map(|(key, _)| key.to_vec());
            }
            let Some(key) = at.take().filter(|key| key.starts_with(start)) else {
                return Ok(());
            };
            let Some(name) = name_of(kind, &key[1..]) else {
                return Err(HostError::BadNode {
                    hash: avm_core::Hash::ZERO,
                    len: key.len(),
                    want: "the key of a row of an index",
                });
            };
            after = key;
            if let KeyName::Name(..) = name {
                // Later candidates for the name follow, with the places of their commits.
                after.truncate(after.len() - 8);
                after.extend([0xff; 9]);
            }
            let more = match name {
                KeyName::Contract(id) => self.contract_keys(&id, page)?,
                name => page.take(name),
            };
            if !more {
                return Ok(());
            }
        }
    }

    /// Keys of a contract; `false` if the page was full.
    fn contract_keys(&mut self, id: &AtomicalId, page: &mut Page<'_>) -> Result<bool, HostError> {
        let id = *id;
        let start = KeyName::Contract(id).to_string();
        if !page.may_have(&start) {
            return Ok(true);
        }
        if !page.take(KeyName::Contract(id)) || !page.take(KeyName::Code(id)) {
            return Ok(false);
        }
        let Some(contract) = self.ledger().contract(&id)? else {
            return Ok(true);
        };
        let mut table = |part: &str, table: &Table, name: &dyn Fn(&[u8]) -> KeyName| {
            if !page.may_have(&format!("{start}/{part}/")) {
                return Ok(true);
            }
            for entry in table {
                if !page.take(name(entry?.0)) {
                    return Ok(false);
                }
            }
            Ok::<bool, HostError>(true)
        };
        let all = table("state", &contract.state, &|key| {
            KeyName::State(id, key.into())
        })? && table("ft", &contract.ft, &|key| KeyName::Ft(id, reference(key)))?
            && table("nft", &contract.nft, &|key| {
                KeyName::Nft(id, reference(key))
            })?;
        Ok(all)
    }
}

/// With what the rows of a family begin whose keys start with `rest`, as far as that can be told:
/// ids are written backwards, so only whole ones say something about the row.
pub(in crate::index) fn first_rows(kind: u8, rest: &str) -> Vec<u8> {
    let mut parts = rest.split('/');
    let first = parts.next().unwrap_or("");
    let whole = parts.next();
    let mut start = Vec::from([kind]);
    match kind {
        family::BLOCK => {
            // The last digits of a number may be missing.
        }
        family::HOLDER => {
            if let (Some(script), Some(outpoint)) = (script_hash(first), whole) {
                start.extend(script);
                start.extend(parse_outpoint(outpoint).iter().flatten());
            }
        }
        family::NAME => {
            if let (Some(kind), Some(name)) = (kind_named(first), whole) {
                start.push(kind as u8);
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
                if name.bytes().all(plain) && !"0x".starts_with(&name[..name.len().min(2)]) {
                    start.extend(name.as_bytes());
                }
            }
        }
        family::OUTPUT => {
            // The last digits of the number of the output may be missing.
            if let Some((txid, _)) = first.split_once(':')
                && let Some(outpoint) = parse_outpoint(&format!("{txid}:0"))
            {
                start.extend(&outpoint[..32]);
            }
        }
        _ => {
            if let Some((txid, _)) = first.split_once('i')
                && let Some(id) = parse_text_id(&format!("{txid}i0"))
            {
                start.extend(&id[..32]);
                if whole.is_some() {
                    start.truncate(1);
                    start.extend(parse_text_id(first).iter().flatten());
                }
            }
        }
    }
    start
}

/// The key of a row, from what follows the family.
pub(in crate::index) fn name_of(kind: u8, rest: &[u8]) -> Option<KeyName> {
    Some(match kind {
        family::BLOCK => KeyName::Block(u32::from_be_bytes(rest.try_into().ok()?)),
        family::CONTRACT => KeyName::Contract(rest.try_into().ok()?),
        family::HOLDER => {
            let (script, outpoint) = rest.split_first_chunk()?;
            KeyName::Holder(*script, outpoint.try_into().ok()?)
        }
        family::ITEM => KeyName::Item(rest.try_into().ok()?),
        family::NAME => {
            let (kind, rest) = rest.split_first()?;
            let kind = NameKind::ALL.get(usize::from(*kind))?;
            let name = rest.get(..rest.len().checked_sub(9)?)?;
            KeyName::Name(*kind, core::str::from_utf8(name).ok()?.into())
        }
        family::OUTPUT => KeyName::Output(rest.try_into().ok()?),
        family::PROTOCOL => KeyName::Protocol(rest.try_into().ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    #[test]
    fn starts() {
        let txid = "ab".repeat(32);
        let internal = [0xab; 32];
        let cases: [(u8, String, &[u8]); 9] = [
            (family::ITEM, "".into(), b"i"),
            (family::ITEM, txid.clone(), b"i"),
            (
                family::ITEM,
                format!("{txid}i1"),
                &[b"i", &internal[..]].concat(),
            ),
            (
                family::CONTRACT,
                format!("{txid}i1/state/"),
                &[b"c", &internal[..], &[1, 0, 0, 0]].concat(),
            ),
            (
                family::OUTPUT,
                format!("{txid}:12"),
                &[b"o", &internal[..]].concat(),
            ),
            (
                family::HOLDER,
                format!("{txid}/"),
                &[b"h", &internal[..]].concat(),
            ),
            (family::HOLDER, txid.clone(), b"h"),
            (family::NAME, "ticker/ato".into(), b"n\x02ato"),
            (family::NAME, "ticker/0".into(), b"n\x02"),
        ];
        for (kind, rest, want) in cases {
            assert_eq!(first_rows(kind, &rest), want, "{rest}");
        }
    }
}

//! Names of objects and transactions in scenarios.

use std::cell::RefCell;
use std::collections::BTreeMap;

use avm_anoma::value::{ObjectId, TxId};

use crate::anoma::json::Ids;

/// Which id each name of a scenario has, as far as it is known.
#[derive(Clone, Default)]
pub(super) struct Names {
    objects: Vec<ObjectId>,
    txs: Vec<TxId>,
    roots: BTreeMap<ObjectId, String>,
    /// Names in programs that have no id; they get one of their own, which nothing has.
    unbound: RefCell<BTreeMap<[u8; 32], String>>,
}

impl Names {
    /// No names but those that have no id.
    pub(super) fn again(&self) -> Self {
        Self {
            unbound: self.unbound.clone(),
            ..Self::default()
        }
    }

    /// The next object that was created.
    pub(super) fn created(&mut self, id: ObjectId) {
        self.objects.push(id);
    }

    /// The next transaction that began.
    pub(super) fn began(&mut self, id: TxId) {
        self.txs.push(id);
    }

    /// The root object of an execution.
    pub(super) fn root(&mut self, id: ObjectId, name: String) {
        self.roots.insert(id, name);
    }

    /// Whether the objects are in the order of their ids.
    pub(super) fn in_order(&self) -> bool {
        self.objects.is_sorted()
    }

    /// Whether `other` has the same names for objects and transactions.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        self.objects == other.objects && self.txs == other.txs
    }

    fn unused(&self, text: &str) -> Option<[u8; 32]> {
        let bytes = text.strip_prefix('$')?.as_bytes();
        let mut id = [0xff; 32];
        id.get_mut(1..=bytes.len())?.copy_from_slice(bytes);
        self.unbound.borrow_mut().insert(id, text.into());
        Some(id)
    }

    fn text_of(&self, id: &[u8; 32], new: &str) -> String {
        let unbound = self.unbound.borrow();
        unbound.get(id).cloned().unwrap_or_else(|| new.into())
    }
}

/// The number in a name such as `$o3`, from 0.
fn number(text: &str, kind: &str) -> Option<usize> {
    let number: usize = text.strip_prefix(kind)?.parse().ok()?;
    number.checked_sub(1)
}

impl Ids for Names {
    fn object_text(&self, id: &ObjectId) -> String {
        if let Some(at) = self.objects.iter().position(|known| known == id) {
            return format!("$o{}", at + 1);
        }
        match self.roots.get(id) {
            Some(name) => name.clone(),
            // What nobody created is what a creation that failed would have made.
            None => self.text_of(&id.0, "$new"),
        }
    }

    fn tx_text(&self, id: &TxId) -> String {
        match self.txs.iter().position(|known| known == id) {
            Some(at) => format!("$t{}", at + 1),
            None => self.text_of(&id.0, "$unknown"),
        }
    }

    fn object(&self, text: &str) -> Option<ObjectId> {
        let known = number(text, "$o")
            .and_then(|at| self.objects.get(at))
            .copied();
        known.or_else(|| self.unused(text).map(ObjectId))
    }

    fn tx(&self, text: &str) -> Option<TxId> {
        let known = number(text, "$t").and_then(|at| self.txs.get(at)).copied();
        known.or_else(|| self.unused(text).map(TxId))
    }
}

//! The keys that a state has.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use avm_core::HostError;

use super::{KeyName, Part, from_hex, hex};
use crate::machine::AnomaMachine;
use crate::state::keys::{self, Key};
use crate::value::ObjectId;

/// The keys of a list so far.
struct Found<'a> {
    names: Vec<KeyName>,
    prefix: &'a str,
    limit: usize,
}

impl Found<'_> {
    fn is_full(&self) -> bool {
        self.names.len() >= self.limit
    }

    fn add(&mut self, name: KeyName) {
        if !self.is_full() && name.to_string().starts_with(self.prefix) {
            self.names.push(name);
        }
    }

    /// Whether keys that begin with `text` can be wanted.
    fn wants(&self, text: &str) -> bool {
        text.starts_with(self.prefix) || self.prefix.starts_with(text)
    }
}

impl AnomaMachine {
    /// The first `limit` keys of the state whose names begin with `prefix`, in order of their names
    /// but for numbers, which are in their own order. Objects are listed by their parts.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn key_names(&mut self, prefix: &str, limit: usize) -> Result<Vec<KeyName>, HostError> {
        self.sync()?;
        let names = Vec::new();
        let found = &mut Found {
            names,
            prefix,
            limit,
        };
        found.add(KeyName::Clock);
        self.names(
            keys::CONTROLLERS,
            "controllers/",
            KeyName::Controller,
            found,
        )?;
        self.executions(found)?;
        self.names(keys::FUNCTIONS, "functions/", KeyName::Function, found)?;
        found.add(KeyName::Gas);
        found.add(KeyName::Inputs);
        self.names(keys::MACHINES, "machines/", KeyName::Machine, found)?;
        let one: &dyn Fn(ObjectId, &mut Found<'_>) = &|id, found| found.add(KeyName::Mailbox(id));
        self.ids_of(keys::MAILBOXES, "mailboxes/", one, found)?;
        let parts: &dyn Fn(ObjectId, &mut Found<'_>) = &|id, found| {
            if found.prefix == KeyName::Object(id).to_string() {
                found.add(KeyName::Object(id));
            }
            for part in Part::ALL {
                found.add(KeyName::Part(id, part));
            }
        };
        self.ids_of(keys::OBJECTS, "objects/", parts, found)?;
        found.add(KeyName::Refused);
        let one: &dyn Fn(ObjectId, &mut Found<'_>) = &|id, found| found.add(KeyName::Tombstone(id));
        self.ids_of(keys::TOMBSTONES, "tombstones/", one, found)?;
        Ok(core::mem::take(&mut found.names))
    }

    /// Keys of the map behind `kind`, in order, until `each` says that it has enough.
    fn walk(
        &self,
        kind: &Key,
        from: &Key,
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), HostError> {
        for entry in self.world.store.map.iter_after(Some(from.bytes()))? {
            let key = entry?.0;
            match key.strip_prefix(kind.bytes()) {
                Some(rest) if each(rest) => {}
                _ => break,
            }
        }
        Ok(())
    }

    fn names(
        &self,
        kind: Key,
        label: &str,
        name: fn(String) -> KeyName,
        found: &mut Found<'_>,
    ) -> Result<(), HostError> {
        if !found.wants(label) {
            return Ok(());
        }
        self.walk(&kind, &kind, &mut |rest| {
            if let Ok(text) = core::str::from_utf8(rest) {
                found.add(name(text.into()));
            }
            !found.is_full()
        })
    }

    /// Keys that are ids; begins where the prefix does.
    fn ids_of(
        &self,
        kind: Key,
        label: &str,
        add: &dyn Fn(ObjectId, &mut Found<'_>),
        found: &mut Found<'_>,
    ) -> Result<(), HostError> {
        if !found.wants(label) || found.is_full() {
            return Ok(());
        }
        let digits = found.prefix.get(label.len()..).unwrap_or_default();
        let digits = digits.split('/').next().unwrap_or_default();
        let even = digits.get(..digits.len() / 2 * 2).and_then(from_hex);
        let start = match even {
            Some(bytes) if bytes.len() <= 32 => bytes,
            _ => return Ok(()),
        };
        if let Ok(id) = <[u8; 32]>::try_from(&start[..]) {
            if self.world.store.map.get(kind.with(&id).bytes())?.is_some() {
                add(ObjectId(id), found);
            }
            return Ok(());
        }
        self.walk(&kind, &kind.with(&start), &mut |rest| {
            let Ok(id) = rest.try_into() else {
                return false;
            };
            let text = format!("{label}{}", hex(rest));
            if !found.wants(&text) {
                return text.as_str() < found.prefix;
            }
            add(ObjectId(id), found);
            !found.is_full()
        })
    }

    fn executions(&self, found: &mut Found<'_>) -> Result<(), HostError> {
        if !found.wants("executions/") {
            return Ok(());
        }
        let mut numbers = Vec::new();
        self.walk(&keys::EXECUTIONS, &keys::EXECUTIONS, &mut |rest| {
            let number = rest.try_into().map(u64::from_be_bytes);
            numbers.extend(number.ok());
            numbers.len() < found.limit
        })?;
        for number in numbers {
            let name = KeyName::Execution(number);
            let wanted = found.wants(&name.to_string());
            found.add(name);
            if !wanted {
                continue;
            }
            let frames = keys::part(number, keys::Part::Frames);
            self.walk(&frames, &frames, &mut |rest| {
                if let Ok(depth) = rest.try_into() {
                    found.add(KeyName::Frame(number, u32::from_be_bytes(depth)));
                }
                !found.is_full()
            })?;
        }
        Ok(())
    }

    /// Ids of objects, of mailboxes or of tombstones, as the first part of a key says, that begin
    /// with hex digits; at most `limit`.
    ///
    /// # Errors
    /// If a part of the state is not in the store.
    pub fn ids_like(
        &mut self,
        kind: &str,
        digits: &str,
        limit: usize,
    ) -> Result<Vec<ObjectId>, HostError> {
        self.sync()?;
        let key = match kind {
            "objects" => keys::OBJECTS,
            "mailboxes" => keys::MAILBOXES,
            "tombstones" => keys::TOMBSTONES,
            _ => return Ok(Vec::new()),
        };
        let prefix = format!("{kind}/{digits}");
        let names = Vec::new();
        let found = &mut Found {
            names,
            prefix: &prefix,
            limit,
        };
        let add: &dyn Fn(ObjectId, &mut Found<'_>) = &|id, found| {
            if !found.is_full() {
                found.names.push(KeyName::Object(id));
            }
        };
        self.ids_of(key, &format!("{kind}/"), add, found)?;
        let ids = found.names.iter().filter_map(|name| match name {
            KeyName::Object(id) => Some(*id),
            _ => None,
        });
        Ok(ids.collect())
    }
}

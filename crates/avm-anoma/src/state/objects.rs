//! Committed objects and mailboxes: a table in memory before the map.

use alloc::boxed::Box;
use alloc::vec::Vec;

use avm_core::HostError;
use hashbrown::HashTable;

use super::keys;
use super::queue::Queue;
use super::records::{Envelope, Mailbox, Object, Token};
use super::store::{Saver, Store};
use crate::value::{Obj, ObjectId};

/// Index of an object in memory. No part of the state.
pub type Slot = u32;

/// What is known of an id.
#[derive(Clone, Debug)]
struct Entry {
    id: ObjectId,
    /// The committed object, if there is one.
    object: Option<Object>,
    /// Its mailbox, once somebody asked.
    mail: Option<Box<Mail>>,
    dirty: bool,
}

/// A mailbox.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// The messages.
    pub queue: Queue<Envelope>,
    /// The executions that wait for one, the first one first.
    pub waiting: Vec<u64>,
    /// The execution whose program itself this is the mailbox of, plus one.
    pub root: u64,
    stored: bool,
    dirty: bool,
}

impl Mail {
    /// Who looks at a message that has come: the execution that has waited longest, else the
    /// object itself, if `exists`.
    pub fn token(&mut self, to: Obj, exists: bool) -> Option<Token> {
        if self.waiting.is_empty() {
            return exists.then_some(Token::Mail(to));
        }
        Some(Token::Execution(self.waiting.remove(0)))
    }
}

/// Committed objects by id.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    slots: HashTable<Slot>,
    entries: Vec<Entry>,
    dirty: Vec<Slot>,
    dirty_mail: Vec<Slot>,
}

/// An id is a hash already.
fn hash_of(id: &ObjectId) -> u64 {
    let first = id.0.first_chunk().expect("an id has 32 bytes");
    u64::from_le_bytes(*first)
}

impl Objects {
    /// The slot of an id; reads the object the first time.
    #[inline]
    pub fn slot(&mut self, obj: &Obj, store: &Store) -> Result<Slot, HostError> {
        let hint = obj.hint();
        if let Some(entry) = self.entries.get(hint as usize)
            && entry.id == *obj.id()
        {
            return Ok(hint);
        }
        let slot = self.find(obj.id(), store)?;
        obj.set_hint(slot);
        Ok(slot)
    }

    /// The slot of an id.
    pub fn find(&mut self, id: &ObjectId, store: &Store) -> Result<Slot, HostError> {
        let entries = &self.entries;
        let known = |slot: &Slot| entries[*slot as usize].id == *id;
        if let Some(slot) = self.slots.find(hash_of(id), known) {
            return Ok(*slot);
        }
        let object = store.get(keys::object(id).bytes())?;
        Ok(self.add(*id, object))
    }

    fn add(&mut self, id: ObjectId, object: Option<Object>) -> Slot {
        let slot = self.entries.len() as Slot;
        self.entries.push(Entry {
            id,
            object,
            mail: None,
            dirty: false,
        });
        let entries = &self.entries;
        let rehash = |slot: &Slot| hash_of(&entries[*slot as usize].id);
        self.slots.insert_unique(hash_of(&id), slot, rehash);
        slot
    }

    /// The slot of an id that the map cannot have.
    pub fn fresh(&mut self, obj: &Obj) -> Slot {
        let (id, entries) = (obj.id(), &self.entries);
        let known = |slot: &Slot| entries[*slot as usize].id == *id;
        let found = self.slots.find(hash_of(id), known).copied();
        let slot = found.unwrap_or_else(|| self.add(*id, None));
        obj.set_hint(slot);
        slot
    }

    #[inline]
    pub fn get(&self, slot: Slot) -> Option<&Object> {
        self.entries[slot as usize].object.as_ref()
    }

    pub fn id(&self, slot: Slot) -> ObjectId {
        self.entries[slot as usize].id
    }

    /// The object to be changed.
    #[inline]
    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut Object> {
        let entry = &mut self.entries[slot as usize];
        if !entry.dirty {
            entry.dirty = true;
            self.dirty.push(slot);
        }
        entry.object.as_mut()
    }

    /// Sets or removes an object, and gives back what was there.
    pub fn set(&mut self, slot: Slot, object: Option<Object>) -> Option<Object> {
        self.get_mut(slot);
        core::mem::replace(&mut self.entries[slot as usize].object, object)
    }

    /// The mailbox of an id; reads where it begins the first time.
    #[inline]
    pub fn mail(&mut self, slot: Slot, store: &Store) -> Result<&mut Mail, HostError> {
        let entry = &mut self.entries[slot as usize];
        if entry.mail.is_none() {
            let found = store.get::<Mailbox>(keys::mailbox(&entry.id).bytes())?;
            let stored = found.is_some();
            let head = found.unwrap_or_default();
            entry.mail = Some(Box::new(Mail {
                queue: Queue::unread(head.first, head.len),
                waiting: head.waiting,
                root: head.root,
                stored,
                dirty: false,
            }));
        }
        let mail = entry.mail.as_mut().expect("it was just made");
        if !mail.dirty {
            mail.dirty = true;
            self.dirty_mail.push(slot);
        }
        Ok(mail)
    }

    /// Brings the map up to date.
    pub fn sync(&mut self, store: &mut Store) -> Result<(), HostError> {
        let mut dirty = core::mem::take(&mut self.dirty);
        // Neighbours in the map share most of their paths.
        dirty.sort_unstable_by_key(|slot| self.entries[*slot as usize].id);
        for slot in dirty {
            let entry = &mut self.entries[slot as usize];
            entry.dirty = false;
            let key = keys::object(&entry.id);
            match &entry.object {
                Some(object) => store.put(key.bytes(), object)?,
                None => store.remove(key.bytes())?,
            }
        }
        for slot in core::mem::take(&mut self.dirty_mail) {
            let entry = &mut self.entries[slot as usize];
            let mail = entry
                .mail
                .as_mut()
                .expect("only mailboxes in memory change");
            mail.dirty = false;
            mail.queue.sync(store, keys::messages(&entry.id))?;
            let head = Mailbox {
                first: mail.queue.first(),
                len: mail.queue.len(),
                waiting: mail.waiting.clone(),
                root: mail.root,
            };
            let key = keys::mailbox(&entry.id);
            // A mailbox that nobody ever used is none; the number of the first message goes on.
            if head.first > 0 || head.len > 0 || !head.waiting.is_empty() || head.root > 0 {
                store.put(key.bytes(), &head)?;
                mail.stored = true;
            } else if mail.stored {
                store.remove(key.bytes())?;
                mail.stored = false;
            }
        }
        Ok(())
    }

    /// Puts the nodes of values in memory into a sink.
    pub fn save(&self, saver: &mut Saver<'_>) {
        for entry in &self.entries {
            if let Some(object) = &entry.object {
                saver.val(&object.state);
            }
            if let Some(mail) = &entry.mail {
                mail.queue.each_val(&mut |value| saver.val(value));
            }
        }
    }
}

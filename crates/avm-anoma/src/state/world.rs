//! All that executions share: objects, mailboxes, controllers, machines, code, and what waits to
//! be run.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use avm_core::HostError;

use super::bytes::{Get, Put};
use super::code::Code;
use super::keys;
use super::objects::{Objects, Slot};
use super::queue::Queue;
use super::records::{CodeAt, Controller, Object, Replica, Token, Versions};
use super::store::{Record, Saver, Store};
use crate::event::{Name, TraceLevel};
use crate::image::{Caps, Limits};
use crate::seen::Failures;
use crate::value::{Obj, ObjectId, Val};

/// What the image fixes.
#[derive(Clone, Debug)]
pub struct Fixed {
    /// Machine on which executions start.
    pub home: Name,
    /// Part of every id.
    pub epoch: u64,
    /// Capabilities that programs can have.
    pub caps: Caps,
    /// Controllers whose objects searches see.
    pub scry_scope: Option<Vec<Name>>,
    /// How much of a trace is hashed.
    pub trace: TraceLevel,
    /// Limits.
    pub limits: Limits,
}

impl Record for Fixed {
    const WHAT: &'static str = "what the image fixes";

    fn write(&self, out: &mut Vec<u8>) {
        out.name(&self.home);
        out.u64(self.epoch);
        out.u32(self.caps.0.into());
        out.u8(self.scry_scope.is_some().into());
        if let Some(scope) = &self.scry_scope {
            out.u32(scope.len() as u32);
            scope.iter().for_each(|name| out.name(name));
        }
        out.u8(self.trace as u8);
        self.limits.write(out);
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        let (home, epoch) = (get.name()?, get.u64()?);
        let caps = Caps(u16::try_from(get.u32()?).ok()?);
        let scry_scope = if get.flag()? {
            Some((0..get.u32()?).map(|_| get.name()).collect::<Option<_>>()?)
        } else {
            None
        };
        Some(Self {
            home,
            epoch,
            caps,
            scry_scope,
            trace: TraceLevel::numbered(get.u8()?)?,
            limits: Limits::read(get)?,
        })
    }
}

/// What the machine is doing.
#[derive(Clone, Debug, Default)]
pub struct Header {
    /// Changes made durable so far.
    pub clock: u64,
    /// Inputs taken.
    pub inputs: u64,
    /// Inputs that were malformed.
    pub refused: u64,
    /// Executions there ever were.
    pub executions: u64,
    /// Executions that are not done.
    pub live: u32,
    /// Transactions that are open.
    pub open_txs: u32,
    /// The execution that runs, plus one.
    pub current: u64,
    /// How far it may go before another one runs; 0 for to the end.
    pub slice: Slice,
    /// Objects kept as they were before a change.
    pub kept: u64,
    /// Gas that all executions used, those that are not done included.
    pub gas: u64,
    /// Controllers whose log has an entry that is still being written.
    pub open: Vec<Name>,
    /// Seed of a shuffle that goes on, if one does.
    pub shuffle: Option<u64>,
    /// Executions that are held, in order of their numbers.
    pub held: Vec<u64>,
    ready: (u64, u64),
    modules: u32,
}

/// How far an execution may go before another one runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slice {
    /// To its end, or until it waits.
    #[default]
    Whole,
    /// By so many instructions.
    Steps(u64),
    /// By so many marks.
    Marks(u64),
}

impl Record for Header {
    const WHAT: &'static str = "the head of a state";

    fn write(&self, out: &mut Vec<u8>) {
        for count in [
            self.clock,
            self.inputs,
            self.refused,
            self.executions,
            self.current,
            self.kept,
            self.gas,
        ] {
            out.u64(count);
        }
        out.u32(self.live);
        out.u32(self.open_txs);
        let (kind, count) = match self.slice {
            Slice::Whole => (0, 0),
            Slice::Steps(count) => (1, count),
            Slice::Marks(count) => (2, count),
        };
        out.u8(kind);
        out.u64(count);
        out.u32(self.open.len() as u32);
        self.open.iter().for_each(|name| out.name(name));
        out.u8(self.shuffle.is_some().into());
        out.u64(self.shuffle.unwrap_or(0));
        out.u32(self.held.len() as u32);
        self.held.iter().for_each(|number| out.u64(*number));
        out.u64(self.ready.0);
        out.u64(self.ready.1);
        out.u32(self.modules);
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        let mut header = Self {
            clock: get.u64()?,
            inputs: get.u64()?,
            refused: get.u64()?,
            executions: get.u64()?,
            current: get.u64()?,
            kept: get.u64()?,
            gas: get.u64()?,
            live: get.u32()?,
            open_txs: get.u32()?,
            ..Self::default()
        };
        header.slice = match (get.u8()?, get.u64()?) {
            (0, 0) => Slice::Whole,
            (1, count) => Slice::Steps(count),
            (2, count) => Slice::Marks(count),
            _ => return None,
        };
        header.open = (0..get.u32()?).map(|_| get.name()).collect::<Option<_>>()?;
        let (shuffled, seed) = (get.flag()?, get.u64()?);
        header.shuffle = shuffled.then_some(seed);
        header.held = (0..get.u32()?).map(|_| get.u64()).collect::<Option<_>>()?;
        header.ready = (get.u64()?, get.u64()?);
        header.modules = get.u32()?;
        Some(header)
    }
}

/// All that executions share.
#[derive(Clone)]
pub struct World {
    /// The map behind everything.
    pub store: Store,
    /// What the image fixes.
    pub fixed: Fixed,
    /// What the machine is doing.
    pub header: Header,
    /// Objects and mailboxes.
    pub objects: Objects,
    /// Modules.
    pub code: Code,
    /// What waits to be run.
    pub ready: Queue<Token>,
    controllers: Vec<(Name, Option<Controller>, bool)>,
    machines: Vec<(Name, Option<bool>, bool)>,
    functions: BTreeMap<Name, (Versions, bool)>,
    replicas: BTreeMap<(ObjectId, Name), (Option<Replica>, bool)>,
    earlier: BTreeMap<(ObjectId, u64), Object>,
    unsaved_earlier: Vec<(ObjectId, u64)>,
    fixed_is_new: bool,
    /// The entry of a turn that is open and was written last; the name is that of an object.
    pub last_turn: Option<(Name, u64)>,
    /// The behaviour that was looked up last.
    pub last_behaviour: Option<(Name, CodeAt)>,
    /// Messages whose execution failed, for whoever looks. No part of the state.
    pub failures: Failures,
}

/// Whether a machine can be reached.
pub struct Reach(pub bool);

impl Record for Reach {
    const WHAT: &'static str = "a machine";

    fn write(&self, out: &mut Vec<u8>) {
        out.u8(self.0.into());
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        get.flag().map(Self)
    }
}

impl World {
    /// A world before the first input.
    pub fn new(store: Store, fixed: Fixed) -> Self {
        Self {
            store,
            fixed,
            header: Header::default(),
            objects: Objects::default(),
            code: Code::default(),
            ready: Queue::default(),
            controllers: Vec::new(),
            machines: Vec::new(),
            functions: BTreeMap::new(),
            replicas: BTreeMap::new(),
            earlier: BTreeMap::new(),
            unsaved_earlier: Vec::new(),
            fixed_is_new: true,
            last_turn: None,
            last_behaviour: None,
            failures: Failures::default(),
        }
    }

    /// The world of a state.
    pub fn open(store: Store) -> Result<Self, HostError> {
        let header: Header = store.need(keys::HEADER.bytes())?;
        let fixed = store.need(keys::CONFIG.bytes())?;
        let mut world = Self::new(store, fixed);
        world.ready = Queue::unread(header.ready.0, header.ready.1);
        world.code = Code::unread(header.modules);
        world.header = header;
        world.fixed_is_new = false;
        Ok(world)
    }

    /// The slot of an object.
    #[inline]
    pub fn slot(&mut self, obj: &Obj) -> Result<Slot, HostError> {
        self.objects.slot(obj, &self.store)
    }

    /// A controller by name; `None` if there is none.
    pub fn controller(&mut self, name: &Name) -> Result<Option<&mut Controller>, HostError> {
        let found = self
            .controllers
            .iter()
            .position(|(known, ..)| known == name);
        let at = match found {
            Some(at) => at,
            None => {
                let record = self.store.get(keys::controller(name).bytes())?;
                self.controllers.push((name.clone(), record, false));
                self.controllers.len() - 1
            }
        };
        let (_, controller, dirty) = &mut self.controllers[at];
        *dirty = true;
        Ok(controller.as_mut())
    }

    /// Whether a controller is there and can be reached.
    pub fn reaches_controller(&mut self, name: &Name) -> Result<bool, HostError> {
        Ok(self
            .controller(name)?
            .is_some_and(|controller| controller.reachable))
    }

    /// Says whether a controller can be reached; adds it if it is new.
    pub fn set_controller(&mut self, name: &Name, reachable: bool) -> Result<(), HostError> {
        self.controller(name)?;
        let known = self
            .controllers
            .iter_mut()
            .find(|(known, ..)| known == name);
        let (_, controller, _) = known.expect("it was just read");
        controller.get_or_insert_default().reachable = reachable;
        Ok(())
    }

    /// Whether a machine is there and can be reached.
    pub fn reaches_machine(&mut self, name: &str) -> Result<bool, HostError> {
        if let Some((_, reach, _)) = self.machines.iter().find(|(known, ..)| &**known == name) {
            return Ok(reach.unwrap_or(false));
        }
        let found: Option<Reach> = self.store.get(keys::machine(name).bytes())?;
        let reach = found.map(|Reach(reach)| reach);
        self.machines.push((name.into(), reach, false));
        Ok(reach.unwrap_or(false))
    }

    /// Says whether a machine can be reached; adds it if it is new.
    pub fn set_machine(&mut self, name: &Name, reachable: bool) -> Result<(), HostError> {
        self.reaches_machine(name)?;
        let known = self.machines.iter_mut().find(|(known, ..)| known == name);
        let (_, reach, dirty) = known.expect("it was just read");
        (*reach, *dirty) = (Some(reachable), true);
        Ok(())
    }

    /// The versions of a pure function.
    pub fn function(&mut self, name: &str) -> Result<&mut Versions, HostError> {
        if !self.functions.contains_key(name) {
            let found = self.store.get(keys::function(name).bytes())?;
            self.functions
                .insert(name.into(), (found.unwrap_or_default(), false));
        }
        let (versions, _) = self.functions.get_mut(name).expect("it was just read");
        Ok(versions)
    }

    /// The same, to be changed.
    pub fn function_mut(&mut self, name: &str) -> Result<&mut Versions, HostError> {
        self.function(name)?;
        let (versions, dirty) = self.functions.get_mut(name).expect("it was just read");
        *dirty = true;
        Ok(versions)
    }

    /// A replica.
    pub fn replica(
        &mut self,
        id: &ObjectId,
        machine: &Name,
    ) -> Result<&mut Option<Replica>, HostError> {
        let key = (*id, machine.clone());
        if !self.replicas.contains_key(&key) {
            let found = self.store.get(keys::replica(id, machine).bytes())?;
            self.replicas.insert(key.clone(), (found, false));
        }
        let (replica, _) = self.replicas.get_mut(&key).expect("it was just read");
        Ok(replica)
    }

    /// The same, to be changed.
    pub fn replica_mut(
        &mut self,
        id: &ObjectId,
        machine: &Name,
    ) -> Result<&mut Option<Replica>, HostError> {
        self.replica(id, machine)?;
        let found = self.replicas.get_mut(&(*id, machine.clone()));
        let (replica, dirty) = found.expect("it was just read");
        *dirty = true;
        Ok(replica)
    }

    /// Machines that have a replica of an object, in order of their names.
    pub fn replica_homes(&mut self, id: &ObjectId) -> Result<Vec<Name>, HostError> {
        self.sync_replicas()?;
        let prefix = keys::replicas(id);
        let mut homes = Vec::new();
        for entry in self.store.map.iter_after(Some(prefix.bytes()))? {
            let entry = entry?;
            let Some(name) = entry.0.strip_prefix(prefix.bytes()) else {
                break;
            };
            match core::str::from_utf8(name) {
                Ok(name) => homes.push(name.into()),
                Err(_) => return Err(self.store.bad(name.len(), "the name of a machine")),
            }
        }
        Ok(homes)
    }

    /// Keeps an object as it was before a change of the turn that runs, for transactions that
    /// began earlier.
    pub fn keep_earlier(&mut self, slot: Slot) -> Result<(), HostError> {
        self.keep_earlier_at(slot, self.header.clock + 1)
    }

    /// The same for a change that the clock counts as `clock`.
    #[inline]
    pub fn keep_earlier_at(&mut self, slot: Slot, clock: u64) -> Result<(), HostError> {
        if self.header.open_txs == 0 {
            return Ok(());
        }
        let (id, Some(object)) = (self.objects.id(slot), self.objects.get(slot)) else {
            return Ok(());
        };
        let key = (id, clock);
        // The first change of a turn may have been made before the state was opened.
        let stored = keys::earlier(&id).number(clock);
        if !self.earlier.contains_key(&key) && self.store.map.get(stored.bytes())?.is_none() {
            self.earlier.insert(key, object.clone());
            self.unsaved_earlier.push(key);
            self.header.kept += 1;
        }
        Ok(())
    }

    /// An object as it was when the clock showed `snapshot`, if it has changed since.
    pub fn earlier(&mut self, id: &ObjectId, snapshot: u64) -> Result<Option<Object>, HostError> {
        let range = (*id, snapshot + 1)..=(*id, u64::MAX);
        let here = self
            .earlier
            .range(range)
            .next()
            .map(|((_, at), object)| (*at, object.clone()));
        let prefix = keys::earlier(id);
        let after = prefix.number(snapshot);
        let next = self
            .store
            .map
            .iter_after(Some(after.bytes()))?
            .next()
            .transpose()?;
        let there = next.and_then(|entry| {
            let number = entry.0.strip_prefix(prefix.bytes())?;
            Some(u64::from_be_bytes(number.try_into().ok()?))
        });
        match (here, there) {
            (Some((at, object)), there) if there.is_none_or(|there| at <= there) => {
                Ok(Some(object))
            }
            (_, Some(there)) => self.store.need(prefix.number(there).bytes()).map(Some),
            (here, None) => Ok(here.map(|(_, object)| object)),
        }
    }

    /// Entries of turns end: a transaction begins or commits, or the next input is taken.
    pub fn close_turns(&mut self) -> Result<(), HostError> {
        self.last_turn = None;
        while let Some(name) = self.header.open.pop() {
            if let Some(controller) = self.controller(&name)? {
                controller.open = false;
            }
        }
        Ok(())
    }

    /// Brings the map up to date with objects, for what walks over them in order.
    pub fn sync_objects(&mut self) -> Result<(), HostError> {
        self.objects.sync(&mut self.store)
    }

    fn sync_replicas(&mut self) -> Result<(), HostError> {
        for ((id, machine), (replica, dirty)) in &mut self.replicas {
            if core::mem::take(dirty) {
                let key = keys::replica(id, machine);
                match replica {
                    Some(replica) => self.store.put(key.bytes(), replica)?,
                    None => self.store.remove(key.bytes())?,
                }
            }
        }
        Ok(())
    }

    /// Drops what only transactions could see that are no more. Does so when the last one ends.
    pub fn forget_earlier(&mut self) -> Result<(), HostError> {
        if self.header.open_txs > 0 || self.header.kept == 0 {
            return Ok(());
        }
        self.header.kept = 0;
        let mut gone: Vec<_> = core::mem::take(&mut self.earlier).into_keys().collect();
        self.unsaved_earlier.clear();
        for entry in self.store.map.iter_after(Some(keys::EARLIER.bytes()))? {
            let key = entry?.0;
            let Some((id, at)) = key
                .strip_prefix(keys::EARLIER.bytes())
                .and_then(|key| key.split_first_chunk())
            else {
                break;
            };
            if let Ok(at) = at.try_into() {
                gone.push((ObjectId(*id), u64::from_be_bytes(at)));
            }
        }
        for (id, at) in gone {
            self.store.remove(keys::earlier(&id).number(at).bytes())?;
        }
        Ok(())
    }

    /// Brings the map up to date.
    pub fn sync(&mut self) -> Result<(), HostError> {
        if core::mem::take(&mut self.fixed_is_new) {
            self.store.put(keys::CONFIG.bytes(), &self.fixed)?;
        }
        self.objects.sync(&mut self.store)?;
        self.code.sync(&mut self.store)?;
        self.ready.sync(&mut self.store, keys::READY)?;
        for (name, controller, dirty) in &mut self.controllers {
            if core::mem::take(dirty)
                && let Some(controller) = controller
            {
                self.store.put(keys::controller(name).bytes(), controller)?;
            }
        }
        for (name, reach, dirty) in &mut self.machines {
            if core::mem::take(dirty)
                && let Some(reach) = reach
            {
                self.store
                    .put(keys::machine(name).bytes(), &Reach(*reach))?;
            }
        }
        for (name, (versions, dirty)) in &mut self.functions {
            if core::mem::take(dirty) {
                let key = keys::function(name);
                match versions.0.is_empty() {
                    true => self.store.remove(key.bytes())?,
                    false => self.store.put(key.bytes(), versions)?,
                }
            }
        }
        self.sync_replicas()?;
        for key in core::mem::take(&mut self.unsaved_earlier) {
            if let Some(object) = self.earlier.get(&key) {
                let (id, at) = key;
                self.store
                    .put(keys::earlier(&id).number(at).bytes(), object)?;
            }
        }
        self.header.ready = (self.ready.first(), self.ready.len());
        self.header.modules = self.code.count;
        self.store.put(keys::HEADER.bytes(), &self.header)
    }

    /// Puts the nodes of values in memory into a sink.
    pub fn save(&self, saver: &mut Saver<'_>) {
        self.objects.save(saver);
        self.code.save(saver);
        let each = &mut |value: &Val| saver.val(value);
        let replicas = self
            .replicas
            .values()
            .filter_map(|(replica, _)| replica.as_ref());
        replicas.for_each(|replica| replica.each_val(each));
        self.earlier
            .values()
            .for_each(|object| object.each_val(each));
    }
}

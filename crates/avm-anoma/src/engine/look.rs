//! Looking at objects and at oneself: reflection, searches, reification. Spec sections 9 and 10.

use alloc::vec::Vec;

use avm_core::HostError;

use super::trap::{Result, fault_of, mismatch};
use super::{Engine, maybe_ctl};
use crate::event::{EventKind, Name, TraceLevel};
use crate::fault::Code as FaultCode;
use crate::image::Caps;
use crate::state::keys;
use crate::state::records::Object;
use crate::value::{Obj, ObjectId, Val};

/// Pages of a search unless the query says otherwise.
const VISITS: u64 = 1000;
const RESULTS: u64 = 100;

/// A query, spec 9.2.
#[derive(Default)]
struct Query {
    current: Option<Name>,
    creating: Option<Name>,
    machine: Option<Name>,
    behaviour: Option<Name>,
    cursor: Option<ObjectId>,
    visits: u64,
    results: u64,
}

impl Query {
    fn read(query: &Val, deep: bool) -> Result<Self> {
        let map = query.open()?.as_map().ok_or_else(|| mismatch("map"))?;
        let mut found = Self {
            visits: VISITS,
            results: RESULTS,
            ..Self::default()
        };
        for (key, value) in map.iter() {
            let value = value.open()?;
            let text = value
                .as_ctl()
                .or_else(|| value.as_mach())
                .or_else(|| value.as_str())
                .or_else(|| value.as_sym());
            let name = || text.map(Name::from).ok_or_else(|| mismatch("name"));
            let count = || {
                let count = value.as_int().and_then(|count| u64::try_from(count).ok());
                count.ok_or_else(|| mismatch("count"))
            };
            let key = key.open()?;
            match key.as_str().or_else(|| key.as_sym()).unwrap_or_default() {
                "current" => found.current = Some(name()?),
                "creating" => found.creating = Some(name()?),
                "machine" => found.machine = Some(name()?),
                "behaviour" if deep => found.behaviour = Some(name()?),
                "max_visits" => found.visits = count()?.min(VISITS),
                "max_results" => found.results = count()?.min(RESULTS),
                "cursor" => {
                    let id = value.as_obj().ok_or_else(|| mismatch("obj"))?;
                    found.cursor = Some(*id.id());
                }
                _ => return Err(mismatch("query")),
            }
        }
        Ok(found)
    }

    fn fits(&self, object: &Object) -> bool {
        let same =
            |want: &Option<Name>, have: Option<&Name>| want.is_none() || want.as_ref() == have;
        same(&self.current, object.current.as_ref())
            && same(&self.creating, object.creating.as_ref())
            && same(&self.machine, Some(&object.machine))
            && same(&self.behaviour, Some(&object.behaviour))
    }
}

fn map_of(entries: impl IntoIterator<Item = (&'static str, Val)>) -> Result<Val> {
    let entries = entries
        .into_iter()
        .map(|(key, value)| (Val::str(key), value));
    Ok(Val::map(entries)?)
}

/// What may be known of an object.
fn meta(id: ObjectId, object: &Object) -> Result<Val> {
    map_of([
        ("id", Val::obj(id)),
        ("machine", Val::mach(&object.machine)),
        ("creating", maybe_ctl(object.creating.as_ref())),
        ("current", maybe_ctl(object.current.as_ref())),
    ])
}

impl Engine<'_> {
    /// Capabilities of the running activation.
    pub fn caps(&self) -> Caps {
        Caps(
            self.x
                .activations
                .top()
                .map_or(self.x.caps, |activation| activation.caps),
        )
    }

    /// `reflect`.
    pub fn reflect(&mut self, object: &Obj) -> Result<Val> {
        let found = self.view(object)?;
        if self.in_tx() && found.is_some() {
            // What it sees is read by the transaction, as far as it can be.
            let controlled = found.as_ref().is_some_and(|found| found.current.is_some());
            if controlled {
                self.observe(object)?;
            }
        }
        let id = *object.id();
        let there = found.is_some();
        self.event(TraceLevel::Full, |_| EventKind::Reflected {
            object: id,
            found: there,
        });
        match found {
            Some(found) => Ok(Val::just(meta(id, &found)?)?),
            None => Ok(Val::Nothing),
        }
    }

    /// `scryMeta` and `scryDeep`: a page of objects in the order of their ids.
    pub fn scry(&mut self, query: &Val, deep: bool) -> Result<Val> {
        if self.in_tx() {
            // A page is a read of all that it could have shown; such reads are not checked yet.
            let name = Val::str("scry in a transaction");
            return Err(fault_of(FaultCode::Unsupported, [name]));
        }
        let query = Query::read(query, deep)?;
        self.w.sync_objects()?;
        let start = query.cursor.as_ref().map_or(keys::OBJECTS, keys::object);
        let mut page: Vec<(ObjectId, Object)> = Vec::new();
        let (mut visits, mut next, mut last) = (0, None, None);
        let mut after = start;
        loop {
            let entry = self
                .w
                .store
                .map
                .iter_after(Some(after.bytes()))?
                .next()
                .transpose()?;
            let Some(entry) = entry else {
                break;
            };
            let Some(id) = entry
                .0
                .strip_prefix(keys::OBJECTS.bytes())
                .and_then(|id| id.try_into().ok())
            else {
                break;
            };
            let id = ObjectId(id);
            after = keys::object(&id);
            let slot = self.w.objects.find(&id, &self.w.store)?;
            let Some(object) = self.w.objects.get(slot).cloned() else {
                continue;
            };
            let scoped = self.w.fixed.scry_scope.as_ref().is_none_or(|scope| {
                object
                    .current
                    .as_ref()
                    .is_some_and(|current| scope.contains(current))
            });
            // Objects out of scope are neither visited nor counted, nor are those of another index.
            if !scoped || !query.fits(&object) && self.indexed(&query, &object) {
                continue;
            }
            if visits >= query.visits || page.len() as u64 >= query.results {
                next = last;
                break;
            }
            self.x.gas += 5;
            visits += 1;
            last = Some(id);
            if query.fits(&object) {
                self.x.gas += 20;
                page.push((id, object));
            }
        }
        let mut items = Vec::with_capacity(page.len());
        for (id, object) in &page {
            let meta = meta(*id, object)?;
            self.x.gas += super::data::bytes(meta.encoded_len());
            let mut item = alloc::vec![Val::obj(*id), meta];
            if deep {
                item.insert(1, Val::str(&object.behaviour));
            }
            items.push(Val::list(item)?);
        }
        let results = items.len() as u32;
        self.event(TraceLevel::Full, |_| EventKind::Scried {
            visits: visits as u32,
            results,
        });
        map_of([
            ("items", Val::list(items)?),
            (
                "next",
                next.map_or(Ok(Val::Nothing), |id| Val::just(Val::obj(id)))?,
            ),
            ("visited", Val::int(visits.cast_signed())),
        ])
    }

    /// Whether an index would have passed over an object: the most selective term of a query
    /// decides, in the order behaviour, controller, machine, creating.
    fn indexed(&self, query: &Query, object: &Object) -> bool {
        if let Some(behaviour) = &query.behaviour {
            return *behaviour != object.behaviour;
        }
        if query.current.is_some() {
            return query.current != object.current;
        }
        if let Some(machine) = &query.machine {
            return *machine != object.machine;
        }
        false
    }

    /// `reifyContext`.
    pub fn reify_context(&mut self) -> Result<Val> {
        let me = Val::Obj(self.me()?);
        let (input, sender) = match self.x.activations.top() {
            Some(activation) => (activation.input.clone(), activation.sender.clone()),
            None => (self.x.root_input.clone(), None),
        };
        let controller = self.x.tx.as_ref().and_then(|tx| tx.controller.clone());
        let sender = sender.map_or(Ok(Val::Nothing), |sender| Val::just(Val::Obj(sender)))?;
        map_of([
            ("self", me),
            ("input", input),
            ("sender", sender),
            ("machine", Val::mach(self.here())),
            ("controller", maybe_ctl(controller.as_ref())),
        ])
    }

    /// `reifyTxState`.
    pub fn reify_tx(&mut self) -> Result<Val> {
        self.event(TraceLevel::Full, |_| EventKind::Reified { kind: "tx" });
        let Some(id) = self.tx_id() else {
            return Ok(Val::Nothing);
        };
        self.load_pending()?;
        let mut writes = Vec::new();
        for at in 0..self.x.log.len() {
            let key = self.x.key(keys::Part::Log);
            let accepted = self.x.log.get(at, &self.w.store, key)?;
            let item = [Val::Obj(accepted.object.clone()), accepted.input.clone()];
            writes.push(Val::list(item)?);
        }
        let pending = self.x.pending.loaded();
        let ids = |keep: &dyn Fn(&crate::state::records::Pending) -> bool| {
            let kept = pending.iter().filter(|pending| keep(pending));
            Val::list(kept.map(|pending| Val::Obj(pending.object.clone())))
        };
        let creates = ids(&|pending| pending.created.is_some() && !pending.destroyed)?;
        let destroys = ids(&|pending| pending.observed.is_some() && pending.destroyed)?;
        let observed = ids(&|pending| pending.observed.is_some())?;
        let states = ids(&|pending| pending.state.is_some())?;
        let mut transfers = Vec::new();
        let mut moves = Vec::new();
        for pending in pending {
            let object = || Val::Obj(pending.object.clone());
            if let Some(controller) = &pending.controller {
                transfers.push(Val::list([object(), Val::ctl(controller)])?);
            }
            if let Some(machine) = &pending.machine {
                moves.push(Val::list([object(), Val::mach(machine)])?);
            }
        }
        let map = map_of([
            ("id", Val::tx(id)),
            ("writes", Val::list(writes)?),
            ("creates", creates),
            ("destroys", destroys),
            ("observed", observed),
            ("transfers", Val::list(transfers)?),
            ("moves", Val::list(moves)?),
            ("states", states),
        ])?;
        self.x.gas += super::data::bytes(map.encoded_len());
        Ok(Val::just(map)?)
    }

    /// `currentHistory`: where the logs of all controllers are.
    pub fn current_history(&mut self) -> Result<Val> {
        let mut heads = Vec::new();
        for name in self.controller_names()? {
            if let Some(controller) = self.w.controller(&name)? {
                let hash = Val::hash_value(controller.log.digest("avm/log"));
                let seq = Val::int(controller.entries.cast_signed());
                heads.push((Val::ctl(&name), Val::pair(seq, hash)?));
            }
        }
        Ok(Val::map(heads)?)
    }

    fn controller_names(&self) -> Result<Vec<Name>, HostError> {
        let mut names = Vec::new();
        for entry in self
            .w
            .store
            .map
            .iter_after(Some(keys::CONTROLLERS.bytes()))?
        {
            let key = entry?.0;
            let Some(name) = key.strip_prefix(keys::CONTROLLERS.bytes()) else {
                break;
            };
            if let Ok(name) = core::str::from_utf8(name) {
                names.push(name.into());
            }
        }
        Ok(names)
    }
}

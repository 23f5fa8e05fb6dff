//! Machines and controllers: moving, teleporting, replicas, transfers. Spec sections 13 and 14.

use alloc::boxed::Box;
use alloc::vec::Vec;

use avm_core::HostError;

use super::Engine;
use super::trap::{Result, fault, fault_of};
use crate::event::{EventKind, Name, TraceLevel};
use crate::fault::Code as FaultCode;
use crate::image::Caps;
use crate::seen::EntryKind;
use crate::state::code::Code;
use crate::state::execution::{Doing, Merge};
use crate::state::keys::{self, Part};
use crate::state::records::{Mode, Number, Object, Replica, Undo};
use crate::value::{Obj, Val};

impl Engine<'_> {
    /// A committed object outside of a transaction.
    fn committed(&mut self, object: &Obj) -> Result<Object> {
        let slot = self.w.slot(object)?;
        match self.w.objects.get(slot) {
            Some(found) => Ok(found.clone()),
            None => Err(self.missing(object)?),
        }
    }

    /// An object as this execution sees it, for what only asks: created, changed, destroyed or
    /// not there.
    pub fn view(&mut self, object: &Obj) -> Result<Option<Object>, HostError> {
        if self.in_tx()
            && let Some(at) = self.pending_at(object)?
        {
            let pending = self.x.pending.loaded()[at as usize].clone();
            let found = match pending.created.or(pending.snapshot) {
                Some(found) => Some(*found),
                None if pending.observed.is_some() => self.outside(object)?.map(|(found, _)| found),
                None => None,
            };
            let created = pending.observed.is_none();
            return Ok(found
                .filter(|_| !(created && pending.destroyed))
                .map(|mut found| {
                    found.current = pending.controller.or(found.current);
                    found.machine = pending.machine.unwrap_or(found.machine);
                    found
                }));
        }
        if self.in_tx() {
            return Ok(self.outside(object)?.map(|(found, _)| found));
        }
        let slot = self.w.slot(object)?;
        Ok(self.w.objects.get(slot).cloned())
    }

    /// `teleport`.
    pub fn teleport(&mut self, machine: &str) -> Result<Val> {
        let may = self
            .caps()
            .has(Caps::named("teleport-tx").expect("it is one"));
        if self.in_tx() && !may {
            return Err(fault(FaultCode::TeleportInTx));
        }
        if !self.w.reaches_machine(machine)? {
            return Err(fault_of(
                FaultCode::MachineUnreachable,
                [Val::mach(machine)],
            ));
        }
        let from = self.here().clone();
        if *from == *machine {
            return Ok(Val::Bool(true));
        }
        let to: Name = machine.into();
        match self.x.activations.top_mut() {
            Some(activation) => activation.machine = to.clone(),
            None => self.x.machine = to.clone(),
        }
        self.event(TraceLevel::Core, |_| EventKind::ExecutionMoved { from, to });
        Ok(Val::Bool(true))
    }

    /// `moveObject`.
    pub fn move_object(&mut self, object: &Obj, machine: &str) -> Result<Val> {
        self.room()?;
        if self.view(object)?.is_none() {
            return Err(self.missing(object)?);
        }
        if !self.w.reaches_machine(machine)? {
            return Err(fault_of(
                FaultCode::MachineUnreachable,
                [Val::mach(machine)],
            ));
        }
        let to: Name = machine.into();
        if self.in_tx() {
            let at = self.observe(object)?;
            self.not_destroyed(object, at)?;
            let from = self
                .view(object)?
                .map_or_else(|| to.clone(), |found| found.machine);
            if from != to {
                let staged = to.clone();
                self.amend(at, |pending| pending.machine = Some(staged))?;
                let object = *object.id();
                self.event(TraceLevel::Core, |_| EventKind::ObjectMoved {
                    object,
                    from,
                    to,
                });
            }
            return Ok(Val::Bool(true));
        }
        let from = self.committed(object)?.machine;
        if from == to {
            return Ok(Val::Bool(true));
        }
        let slot = self.slot_to_change(object)?;
        if let Some(found) = self.w.objects.get_mut(slot) {
            found.machine = to.clone();
        }
        let old = from.clone();
        self.remember(Undo::Moved {
            object: object.clone(),
            old,
        })?;
        let id = *object.id();
        self.event(TraceLevel::Core, |_| EventKind::ObjectMoved {
            object: id,
            from,
            to,
        });
        self.root_effect()?;
        Ok(Val::Bool(true))
    }

    /// An object that the transaction destroys already is not used again, but by calls.
    fn not_destroyed(&mut self, object: &Obj, at: u32) -> Result<()> {
        match self.x.pending.loaded()[at as usize].destroyed {
            true => Err(fault_of(
                FaultCode::ObjDestroyed,
                [Val::Obj(object.clone())],
            )),
            false => Ok(()),
        }
    }

    /// `fetch`.
    pub fn fetch(&mut self, object: &Obj) -> Result<Val> {
        let slot = self.w.slot(object)?;
        let Some(found) = self.w.objects.get(slot) else {
            return Ok(Val::Bool(false));
        };
        let (base, state, home) = (found.stamp, found.state.clone(), found.machine.clone());
        if !self.w.reaches_machine(&home)? {
            return Err(fault_of(FaultCode::MachineUnreachable, [Val::mach(&home)]));
        }
        let machine = self.here().clone();
        let replica = self.w.replica_mut(object.id(), &machine)?;
        if replica
            .as_ref()
            .is_some_and(|replica| !replica.pending.is_empty())
        {
            return Ok(Val::Bool(false));
        }
        let pending = Vec::new();
        *replica = Some(Replica {
            base,
            state,
            pending,
        });
        let object = *object.id();
        self.event(TraceLevel::Core, |_| EventKind::ObjectFetched {
            object,
            machine,
        });
        Ok(Val::Bool(true))
    }

    /// How `call/local` calls: the replica here, if there is one and no transaction.
    pub fn local_mode(&mut self, object: &Obj) -> Result<Mode> {
        if self.in_tx() {
            return Ok(Mode::Call);
        }
        let machine = self.here().clone();
        let limit = self.w.fixed.limits.mailbox as usize;
        Ok(match self.w.replica(object.id(), &machine)? {
            Some(replica) if replica.pending.len() >= limit => {
                return Err(fault_of(FaultCode::Quota, [Val::str("replica")]));
            }
            Some(_) => Mode::Replica,
            None => Mode::Call,
        })
    }

    /// `freeze`. The result is put later if there is something to merge.
    pub fn freeze(&mut self, object: &Obj, register: u8) -> Result<Option<Val>> {
        let slot = self.w.slot(object)?;
        if self.in_tx()
            && let Some(at) = self.pending_at(object)?
        {
            let mut logged = false;
            for index in 0..self.x.log.len() {
                let key = self.x.key(Part::Log);
                logged |= self.x.log.get(index, &self.w.store, key)?.object == *object;
            }
            let pending = &self.x.pending.loaded()[at as usize];
            let written = pending.state.is_some() || pending.destroyed || pending.created.is_some();
            if written || logged || pending.controller.is_some() || pending.machine.is_some() {
                return Err(fault_of(FaultCode::CtlFreeze, [Val::Obj(object.clone())]));
            }
        }
        let Some(found) = self.w.objects.get(slot) else {
            return Ok(Some(Val::just(Val::Bool(false))?));
        };
        let Some(controller) = found.current.clone() else {
            return Ok(Some(Val::Nothing));
        };
        if !self.w.reaches_controller(&controller)? {
            return Ok(Some(Val::just(Val::Bool(false))?));
        }
        if self.x.merge.is_some() {
            // Something that is being merged wants to merge something.
            return Err(fault_of(FaultCode::CtlFreeze, [Val::Obj(object.clone())]));
        }
        if self.in_tx() {
            // Replicas are merged by a transaction of their own; one inside of another is not
            // there yet.
            let name = Val::str("freeze in a transaction");
            return Err(fault_of(FaultCode::Unsupported, [name]));
        }
        let mut inputs = Vec::new();
        for home in self.w.replica_homes(object.id())? {
            if self.w.reaches_machine(&home)?
                && let Some(replica) = self.w.replica(object.id(), &home)?
            {
                inputs.extend(replica.pending.iter().cloned());
            }
        }
        inputs.reverse();
        self.x.merge = Some(Box::new(Merge {
            object: object.clone(),
            inputs,
            merged: 0,
            dropped: 0,
            register,
        }));
        self.x.doing = Doing::Merging;
        Ok(None)
    }

    /// One step of merging replicas: the next input, or the end.
    pub fn merge(&mut self, code: &mut Code) -> Result<()> {
        let Some(merge) = &mut self.x.merge else {
            self.x.doing = Doing::Running;
            return Ok(());
        };
        let object = merge.object.clone();
        if let Some((input, sender)) = merge.inputs.pop() {
            self.x.doing = Doing::Running;
            let slot = self.w.slot(&object)?;
            let Some(found) = self.w.objects.get(slot) else {
                // An input before this one destroyed it.
                merge_dropped(self.x.merge.as_deref_mut());
                self.x.doing = Doing::Merging;
                return Ok(());
            };
            let (at, machine) = (found.code, found.machine.clone());
            return self.activate(code, object, at, machine, input, sender, 0, Mode::Merge);
        }
        let merge = self.x.merge.take().expect("it was just there");
        let slot = self.w.slot(&object)?;
        let found = self.w.objects.get(slot);
        let found = found.map(|found| (found.current.clone(), found.state.clone()));
        let value = match found {
            Some((Some(controller), state)) => {
                self.merged(&object, controller, &state, &merge)?;
                true
            }
            // The inputs destroyed it.
            _ => false,
        };
        if let Some(frame) = self.x.frames.top() {
            let at = frame.base as usize + usize::from(merge.register);
            let regs = &mut self.x.frames.regs;
            if regs.len() <= at {
                regs.resize(at + 1, Val::Nothing);
            }
            regs[at] = Val::just(Val::Bool(value))?;
        }
        // It is a transaction of its own: what comes later does not undo it.
        self.end_turn()
    }

    /// Replicas start anew from what came out.
    fn merged(&mut self, object: &Obj, controller: Name, state: &Val, merge: &Merge) -> Result<()> {
        let base = self.w.header.clock + 1;
        for home in self.w.replica_homes(object.id())? {
            if self.w.reaches_machine(&home)? {
                let state = state.clone();
                let pending = Vec::new();
                *self.w.replica_mut(object.id(), &home)? = Some(Replica {
                    base,
                    state,
                    pending,
                });
            }
        }
        self.entry(
            &controller,
            EntryKind::Freeze,
            false,
            alloc::vec![*object.id()],
        )?;
        let (id, merged, dropped) = (*object.id(), merge.merged, merge.dropped);
        self.event(TraceLevel::Core, |_| EventKind::ObjectFrozen {
            object: id,
            controller,
            merged,
            dropped,
        });
        Ok(())
    }

    /// `getController`. Spec 14.3.
    pub fn get_controller(&mut self, object: &Obj) -> Result<Val> {
        let Some(found) = self.view(object)? else {
            return Ok(Val::Nothing);
        };
        if self.in_tx() {
            let created = self
                .pending_at(object)?
                .is_some_and(|at| self.x.pending.loaded()[at as usize].created.is_some());
            if !created {
                self.observe(object)?;
            } else if let Some(current) = &found.current {
                self.resolve(current);
            }
            let found = self.view(object)?;
            return Ok(super::maybe_ctl(
                found.and_then(|found| found.current).as_ref(),
            ));
        }
        Ok(super::maybe_ctl(found.current.as_ref()))
    }

    /// The transaction gets a controller if it has none.
    pub fn resolve(&mut self, controller: &Name) {
        let clock = self.w.header.clock;
        if let Some(tx) = &mut self.x.tx
            && tx.controller.is_none()
        {
            (tx.controller, tx.snapshot) = (Some(controller.clone()), clock);
        }
    }

    /// `transferObject`.
    pub fn transfer(&mut self, object: &Obj, controller: &str) -> Result<Val> {
        self.room()?;
        let to: Name = controller.into();
        if !self.w.reaches_controller(&to)? {
            return Err(fault_of(FaultCode::CtlUnreachable, [Val::ctl(controller)]));
        }
        let id = *object.id();
        if self.in_tx() {
            let at = self.observe(object)?;
            self.not_destroyed(object, at)?;
            let from = self.view(object)?.and_then(|found| found.current);
            let staged = to.clone();
            self.amend(at, |pending| pending.controller = Some(staged))?;
            self.event(TraceLevel::Core, |_| EventKind::ObjectTransferred {
                object: id,
                from,
                to,
            });
            return Ok(Val::Bool(true));
        }
        let Some(from) = self.committed(object)?.current else {
            return Err(fault_of(FaultCode::CtlNone, [Val::Obj(object.clone())]));
        };
        if !self.w.reaches_controller(&from)? {
            return Err(fault_of(FaultCode::CtlUnreachable, [Val::ctl(&from)]));
        }
        let slot = self.slot_to_change(object)?;
        if let Some(found) = self.w.objects.get_mut(slot) {
            found.current = Some(to.clone());
        }
        let old = from.clone();
        self.remember(Undo::Transferred {
            object: object.clone(),
            old,
        })?;
        let from = Some(from);
        self.event(TraceLevel::Core, |_| EventKind::ObjectTransferred {
            object: id,
            from,
            to,
        });
        self.root_effect()?;
        Ok(Val::Bool(true))
    }

    /// `destroyObj`.
    pub fn destroy(&mut self, object: &Obj) -> Result<Val> {
        self.room()?;
        let id = *object.id();
        if self.in_tx() {
            let at = self.observe(object)?;
            let pending = &self.x.pending.loaded()[at as usize];
            if pending.created.is_some() && pending.destroyed {
                return Err(fault_of(FaultCode::ObjNotFound, [Val::Obj(object.clone())]));
            }
            self.not_destroyed(object, at)?;
            self.amend(at, |pending| pending.destroyed = true)?;
            self.event(TraceLevel::Core, |_| EventKind::ObjectDestroyed {
                object: id,
            });
            return Ok(Val::Bool(true));
        }
        let Some(controller) = self.committed(object)?.current else {
            return Err(fault_of(FaultCode::CtlNone, [Val::Obj(object.clone())]));
        };
        if !self.w.reaches_controller(&controller)? {
            return Err(fault_of(FaultCode::CtlUnreachable, [Val::ctl(&controller)]));
        }
        let slot = self.slot_to_change(object)?;
        if let Some(old) = self.w.objects.set(slot, None) {
            let old = Box::new(old);
            let object = object.clone();
            self.remember(Undo::Destroyed { object, old })?;
            let clock = Number(self.w.header.clock + 1);
            self.w.store.put(keys::tombstone(&id).bytes(), &clock)?;
        }
        self.event(TraceLevel::Core, |_| EventKind::ObjectDestroyed {
            object: id,
        });
        self.root_effect()?;
        Ok(Val::Bool(true))
    }
}

/// One input of a replica was not accepted.
fn merge_dropped(merge: Option<&mut Merge>) {
    if let Some(merge) = merge {
        merge.dropped += 1;
    }
}

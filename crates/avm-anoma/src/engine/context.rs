//! What an activation knows of itself. Spec section 8.

use avm_core::HostError;

use super::Engine;
use super::trap::{Result, fault, mismatch};
use crate::event::{EventKind, TraceLevel};
use crate::fault::Code as FaultCode;
use crate::state::keys::Part;
use crate::state::records::{Mode, Undo};
use crate::value::{List, Obj, Val};

impl Engine<'_> {
    /// `getState`: reads what was written, committed or not.
    #[inline]
    pub fn get_state(&mut self) -> Result<Val> {
        let Some(activation) = self.x.activations.top() else {
            return Ok(match &self.x.root_state {
                Val::Nothing => Val::List(List::default()),
                state => state.clone(),
            });
        };
        if activation.mode == Mode::Replica {
            let (object, machine) = (activation.object.clone(), activation.machine.clone());
            let replica = self.w.replica(object.id(), &machine)?;
            return Ok(replica
                .as_ref()
                .map_or(Val::Nothing, |replica| replica.state.clone()));
        }
        if self.x.tx.is_some() {
            let object = activation.object.clone();
            if let Some(state) = self.tx_state(&object)? {
                return Ok(state);
            }
        }
        let object = &self.x.activations.top().expect("as above").object;
        let slot = self.w.objects.slot(object, &self.w.store)?;
        let found = self.w.objects.get(slot);
        Ok(found.map_or_else(|| Val::List(List::default()), |object| object.state.clone()))
    }

    /// `setState`: replaces the state as a whole.
    #[inline]
    pub fn set_state(&mut self, state: &Val) -> Result<()> {
        let state = state.open()?;
        if state.as_list().is_none() {
            return Err(mismatch("list"));
        }
        if !state.is_passable() {
            return Err(fault(FaultCode::NotPassable));
        }
        self.room()?;
        let state = state.clone();
        self.x.gas += super::data::bytes(state.encoded_len());
        let Some(activation) = self.x.activations.top() else {
            let old = core::mem::replace(&mut self.x.root_state, state);
            let object = *self.root()?.id();
            self.remember(Undo::RootState { old })?;
            self.event(TraceLevel::Full, |_| EventKind::StateUpdated { object });
            return self.root_effect();
        };
        let object = activation.object.clone();
        if activation.mode == Mode::Replica {
            let machine = activation.machine.clone();
            let replica = self.w.replica_mut(object.id(), &machine)?;
            if let Some(replica) = replica {
                let old = alloc::boxed::Box::new(replica.clone());
                replica.state = state;
                let object = object.clone();
                self.remember(Undo::Replica {
                    object,
                    machine,
                    old,
                })?;
            }
        } else if self.in_tx()
            && let Some(at) = self.own_to_change(&object)?
        {
            self.amend(at, |pending| pending.state = Some(state))?;
        } else {
            let slot = self.slot_to_change(&object)?;
            if let Some(found) = self.w.objects.get_mut(slot) {
                let old = core::mem::replace(&mut found.state, state);
                let object = object.clone();
                self.remember(Undo::State { object, old })?;
            }
        }
        self.event(TraceLevel::Full, |_| EventKind::StateUpdated {
            object: *object.id(),
        });
        Ok(())
    }

    /// An effect of the program itself outside of any call is a turn of its own.
    #[inline]
    pub fn root_effect(&mut self) -> Result<()> {
        match self.x.activations.is_empty() && !self.in_tx() {
            true => self.end_turn(),
            false => Ok(()),
        }
    }

    /// `history`: how many inputs the object accepted, with those of this transaction or turn, and
    /// the hash over them.
    pub fn history(&mut self) -> Result<Val> {
        use crate::state::bytes::Put;
        let me = self.me()?;
        let mut history = self.committed_history(&me)?;
        self.x.gas += u64::from(self.x.log.len());
        for at in 0..self.x.log.len() {
            let key = self.x.key(Part::Log);
            let accepted = self.x.log.get(at, &self.w.store, key)?;
            if accepted.object == me {
                history.add("avm/hist", |out| out.val(&accepted.input));
            }
        }
        let hash = Val::hash_value(history.digest("avm/hist"));
        Ok(Val::pair(Val::int(history.count.cast_signed()), hash)?)
    }

    fn committed_history(
        &mut self,
        object: &Obj,
    ) -> Result<crate::state::records::Fold, HostError> {
        if self.in_tx()
            && let Some(at) = self.pending_at(object)?
            && let Some(earlier) = &self.x.pending.loaded()[at as usize].snapshot
        {
            return Ok(earlier.history.clone());
        }
        let slot = self.w.slot(object)?;
        Ok(self
            .w
            .objects
            .get(slot)
            .map(|object| object.history.clone())
            .unwrap_or_default())
    }
}

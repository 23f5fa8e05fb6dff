//! Making the effects of a turn durable.

use alloc::vec::Vec;

use avm_core::HostError;

use super::Engine;
use super::error::PIECE;
use crate::event::Name;
use crate::seen::{Entry, EntryKind, Outcome};
use crate::state::bytes::Put;
use crate::state::execution::{Doing, Next};
use crate::state::keys::{self, Part, part};
use crate::state::objects::Slot;
use crate::state::records::{Mode, Undo};
use crate::value::{Obj, ObjectId, Val};

impl Engine<'_> {
    /// The execution is done: what it did becomes durable, and then it ends.
    pub fn ended(&mut self, outcome: Outcome) {
        if let Some(seen) = &mut self.seen {
            seen.results.push((self.x.number, outcome.clone()));
        }
        self.x.outcome = Some(outcome);
        self.x.doing = Doing::Settling(Next::End, 0);
    }

    /// Settles before an instruction that needs all effects so far to be durable: true if there
    /// were any, and the instruction is to be taken again.
    pub fn settle_first(&mut self, next: Next) -> Result<bool, HostError> {
        if self.x.log.is_empty() && self.x.journal.is_empty() && self.x.outbox.is_empty() {
            return Ok(false);
        }
        if next == Next::Again
            && let Some(frame) = self.x.frames.top()
        {
            frame.pc -= 1;
        }
        self.x.doing = Doing::Settling(next, 0);
        Ok(true)
    }

    /// Whether nothing waits to be made durable.
    #[inline]
    pub fn is_settled(&self) -> bool {
        self.x.log.is_empty() && self.x.journal.is_empty() && self.x.outbox.is_empty()
    }

    /// Whether the call that ends now is a turn which settling takes one step for, with nothing in
    /// it but changes of states and a few messages: then it need not be logged first. What is not in
    /// memory of them is read, since how many steps there are must not depend on that.
    #[inline]
    pub fn settles_at_once(&mut self, mode: Mode) -> Result<bool, HostError> {
        let states = |undo: &Undo| matches!(undo, Undo::State { .. });
        let fits = matches!(mode, Mode::Call | Mode::Message)
            && self.x.activations.is_empty()
            && self.x.log.is_empty()
            && self.x.outbox.len() <= PIECE / 4
            && !self.in_tx()
            && self.x.journal.len() <= PIECE / 4;
        if !fits {
            return Ok(false);
        }
        if self.x.journal.unread_len() > 0 {
            let key = self.x.key(Part::Journal);
            self.x.journal.load_all(&self.w.store, key)?;
        }
        if self.x.outbox.unread_len() > 0 {
            let key = self.x.key(Part::Outbox);
            self.x.outbox.load_all(&self.w.store, key)?;
        }
        Ok(self.x.journal.loaded().iter().all(states))
    }

    /// Makes such a turn durable; to the same state as [`Engine::settle`] would.
    #[inline]
    pub fn settle_call(&mut self, object: &Obj, input: &Val) -> Result<(), HostError> {
        self.w.header.clock += 1;
        self.accept(object, input)?;
        let effects = self.x.journal.len();
        if effects > 0 {
            self.x.journal.clear();
            self.x.base.journal += u64::from(effects);
        }
        while !self.x.outbox.is_empty() {
            self.deliver_next()?;
        }
        self.x.base.log += 1;
        Ok(())
    }

    /// One step of settling a turn.
    #[inline]
    pub fn settle(&mut self) -> Result<(), HostError> {
        let Doing::Settling(next, mut at) = self.x.doing else {
            return Ok(());
        };
        let mut left = PIECE;
        let (logged, effects) = (self.x.log.len(), self.x.journal.len());
        if at == 0 && (logged > 0 || effects > 0) {
            self.w.header.clock += 1;
        }
        while at < logged && left > 0 {
            self.settle_input(at)?;
            at += 1;
            left -= 1;
        }
        while at >= logged && at < logged + effects && left > 0 {
            self.settle_effect(at - logged)?;
            at += 1;
            left -= 1;
        }
        if at >= logged + effects {
            left = self.settle_rest(left)?;
        }
        if !(self.x.log.is_empty() && self.x.journal.is_empty() && self.x.outbox.is_empty()) {
            // Nothing is left of this piece, and what is gone is behind `at`.
            let _ = left;
            self.x.doing = Doing::Settling(next, at.max(1));
            return Ok(());
        }
        self.x.doing = match next {
            Next::Go | Next::Again => Doing::Running,
            Next::Wait => Doing::Waiting,
            Next::End => Doing::Ended,
        };
        Ok(())
    }

    /// Inputs and effects are durable now: the messages go out, then what there was to undo is
    /// dropped, then the log.
    fn settle_rest(&mut self, mut left: u32) -> Result<u32, HostError> {
        while left > 0 && !self.x.outbox.is_empty() {
            self.deliver_next()?;
            left -= 1;
        }
        while left > 0 && !self.x.journal.is_empty() && self.x.outbox.is_empty() {
            self.x
                .journal
                .ready(&self.w.store, || part(self.x.number, Part::Journal))?;
            self.x.journal.pop();
            self.x.base.journal += 1;
            left -= 1;
        }
        while left > 0
            && !self.x.log.is_empty()
            && self.x.journal.is_empty()
            && self.x.outbox.is_empty()
        {
            self.x
                .log
                .ready(&self.w.store, || part(self.x.number, Part::Log))?;
            self.x.log.pop();
            self.x.base.log += 1;
            left -= 1;
        }
        Ok(left)
    }

    /// An effect can no longer be undone; logs of controllers have it from now on.
    fn settle_effect(&mut self, at: u32) -> Result<(), HostError> {
        let key = self.x.key(Part::Journal);
        let undo = self.x.journal.get(at, &self.w.store, key)?;
        match undo {
            Undo::Created { object } | Undo::Moved { object, .. } => {
                let object = object.clone();
                let slot = self.w.slot(&object)?;
                self.changed_in_turn(slot)
            }
            // An activation that waits has not accepted its input yet.
            Undo::State { object, .. } => {
                let object = object.clone();
                let slot = self.w.slot(&object)?;
                let clock = self.w.header.clock;
                match self.w.objects.get(slot).map(|object| object.stamp) {
                    Some(stamp) if stamp != clock => self.changed_in_turn(slot),
                    _ => Ok(()),
                }
            }
            Undo::Destroyed { object, old } => {
                let (id, controller) = (*object.id(), old.current.clone());
                self.implicit(controller, id).map(drop)
            }
            Undo::Transferred { object, old } => {
                let (object, controller) = (object.clone(), Some(old.clone()));
                let seq = self.implicit(controller, *object.id())?;
                let slot = self.w.slot(&object)?;
                if let Some(found) = self.w.objects.get_mut(slot) {
                    (found.version, found.stamp) = (seq, self.w.header.clock);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The entry of a transaction of one instruction.
    fn implicit(&mut self, controller: Option<Name>, id: ObjectId) -> Result<u64, HostError> {
        match controller {
            Some(name) => self.entry(&name, EntryKind::Commit, true, alloc::vec![id]),
            None => Ok(0),
        }
    }

    /// An accepted input becomes history.
    #[inline]
    fn settle_input(&mut self, at: u32) -> Result<(), HostError> {
        let key = self.x.key(Part::Log);
        let accepted = self.x.log.get(at, &self.w.store, key)?.clone();
        self.accept(&accepted.object, &accepted.input)
    }

    /// An object accepted an input for good.
    #[inline]
    fn accept(&mut self, object: &Obj, input: &Val) -> Result<(), HostError> {
        let slot = self.w.slot(object)?;
        if self.w.header.open_txs > 0 {
            self.w.keep_earlier_at(slot, self.w.header.clock)?;
        }
        if let Some(seen) = &mut self.seen {
            seen.accepted.push((*object.id(), input.clone()));
        }
        // The object may have destroyed itself since.
        if let Some(found) = self.w.objects.get_mut(slot) {
            found.history.add("avm/hist", |out| out.val(input));
            self.changed_in_turn(slot)?;
        }
        Ok(())
    }

    /// An object changed in a turn: its controller's log says so.
    pub fn changed_in_turn(&mut self, slot: Slot) -> Result<(), HostError> {
        let (clock, input) = (self.w.header.clock, self.w.header.inputs);
        let execution = self.x.number;
        let Some(object) = self.w.objects.get_mut(slot) else {
            return Ok(());
        };
        object.stamp = clock;
        let version = object.version;
        if let Some(current) = &object.current {
            // The usual case: the entry is open, and has this object already.
            if self
                .w
                .last_turn
                .as_ref()
                .is_some_and(|(name, seq)| *seq == version && name == current)
            {
                return Ok(());
            }
        }
        let Some(current) = object.current.clone() else {
            object.version = clock;
            return Ok(());
        };
        let Some(controller) = self.w.controller(&current)? else {
            return Ok(());
        };
        let opened = !controller.open;
        if opened {
            controller.open = true;
            controller.entries += 1;
            controller.log.add("avm/log", |out| {
                out.u8(EntryKind::Turn as u8);
                out.u64(input);
            });
        }
        let seq = controller.entries;
        self.w.last_turn = Some((current.clone(), seq));
        if !opened && version == seq {
            return Ok(());
        }
        let id = self.w.objects.id(slot);
        if let Some(controller) = self.w.controller(&current)? {
            controller.log.add("avm/log", |out| out.raw(&id.0));
        }
        if let Some(object) = self.w.objects.get_mut(slot) {
            object.version = seq;
        }
        if opened {
            self.w.header.open.push(current.clone());
        }
        if let Some(seen) = &mut self.seen {
            if opened {
                seen.entries.push(Entry {
                    controller: current,
                    seq,
                    kind: EntryKind::Turn,
                    implicit: false,
                    execution,
                    tx: None,
                    objects: alloc::vec![id],
                });
            } else if let Some(entry) = seen
                .entries
                .iter_mut()
                .rev()
                .find(|entry| entry.controller == current)
            {
                entry.objects.push(id);
            }
        }
        Ok(())
    }

    /// Writes an entry that is not a turn, and gives its number.
    pub fn entry(
        &mut self,
        name: &Name,
        kind: EntryKind,
        implicit: bool,
        objects: Vec<ObjectId>,
    ) -> Result<u64, HostError> {
        self.w.close_turns()?;
        let (execution, tx) = (self.x.number, self.tx_id());
        let Some(controller) = self.w.controller(name)? else {
            return Ok(0);
        };
        controller.entries += 1;
        let seq = controller.entries;
        controller.log.add("avm/log", |out| {
            out.u8(kind as u8);
            out.u64(execution);
            out.u8(tx.is_some().into());
            if let Some(tx) = tx {
                out.raw(&tx.0);
            }
            objects.iter().for_each(|id| out.raw(&id.0));
        });
        if let Some(seen) = &mut self.seen {
            seen.entries.push(Entry {
                controller: name.clone(),
                seq,
                kind,
                implicit,
                execution,
                tx,
                objects,
            });
        }
        Ok(seq)
    }

    /// Takes an effect back.
    pub fn undo(&mut self, undo: Undo) -> Result<(), HostError> {
        match undo {
            Undo::State { object, old } => {
                let slot = self.w.slot(&object)?;
                if let Some(found) = self.w.objects.get_mut(slot) {
                    found.state = old;
                }
            }
            Undo::RootState { old } => self.x.root_state = old,
            Undo::Created { object } => {
                let slot = self.w.slot(&object)?;
                self.w.objects.set(slot, None);
            }
            Undo::Destroyed { object, old } => {
                let slot = self.w.slot(&object)?;
                self.w.objects.set(slot, Some(*old));
                self.w.store.remove(keys::tombstone(object.id()).bytes())?;
            }
            Undo::Moved { object, old } => {
                let slot = self.w.slot(&object)?;
                if let Some(found) = self.w.objects.get_mut(slot) {
                    found.machine = old;
                }
            }
            Undo::Transferred { object, old } => {
                let slot = self.w.slot(&object)?;
                if let Some(found) = self.w.objects.get_mut(slot) {
                    found.current = Some(old);
                }
            }
            Undo::Received { envelope } => {
                let slot = self.w.slot(&envelope.to)?;
                let key = keys::messages(envelope.to.id());
                let store = self.w.store.clone();
                let to = envelope.to.clone();
                let exists = self.w.objects.get(slot).is_some();
                let mail = self.w.objects.mail(slot, &self.w.store)?;
                mail.queue.unpop(envelope, &store, key)?;
                // Who came for it in the meantime found nothing.
                if let Some(token) = mail.token(to, exists) {
                    self.w.ready.push(token);
                }
            }
            Undo::Replica {
                object,
                machine,
                old,
            } => *self.w.replica_mut(object.id(), &machine)? = Some(*old),
            Undo::Function { name } => {
                self.w.function_mut(&name)?.0.pop();
            }
            Undo::Pending { index, old } => {
                self.load_pending()?;
                let entry = self.x.pending.loaded_mut(index);
                let (observed, owned) = (entry.observed, entry.owned);
                *entry = *old;
                (entry.observed, entry.owned) = (observed, owned);
            }
            Undo::Staged => {
                if let Some(tx) = &mut self.x.tx {
                    tx.functions.pop();
                }
            }
        }
        Ok(())
    }
}

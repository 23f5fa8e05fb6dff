//! Transactions: what they see, what they keep apart, and how they end. Spec section 11.

use alloc::boxed::Box;
use alloc::vec::Vec;

use avm_core::HostError;

use super::Engine;
use super::call::Target;
use super::error::PIECE;
use super::trap::{Result, fault, fault_of, mismatch};
use crate::event::{AbortReason, EventKind, Name, TraceLevel};
use crate::fault::Code as FaultCode;
use crate::seen::EntryKind;
use crate::state::code::Code;
use crate::state::execution::{Doing, Next, Then, Tx};
use crate::state::keys::{self, Part, part};
use crate::state::records::{FunctionVersion, Number, Object, Pending, Undo};
use crate::value::{Obj, ObjectId, TxId, Val, tagged_hash};

/// Transactions of an execution whose outcome is remembered.
const ENDED_MAX: usize = 16;

impl Engine<'_> {
    /// `beginTx`.
    pub fn begin(&mut self, controller: Option<Name>, at: &Val) -> Result<Option<Val>> {
        if self.in_tx() {
            return Err(fault_of(FaultCode::TxInvalid, [Val::str("beginTx")]));
        }
        if let Some(name) = &controller
            && !self.w.reaches_controller(name)?
        {
            return Err(fault_of(FaultCode::CtlUnreachable, [Val::ctl(name)]));
        }
        if self.settle_first(Next::Again)? {
            return Ok(None);
        }
        self.w.close_turns()?;
        self.check_position(controller.as_ref(), at)?;
        let number = self.x.txs;
        self.x.txs += 1;
        let id = self.tx_named(number);
        self.event(TraceLevel::Core, |_| EventKind::TransactionStarted {
            tx: id,
            controller: controller.clone(),
        });
        let snapshot = match controller {
            Some(_) => self.w.header.clock,
            None => u64::MAX,
        };
        self.w.header.open_txs += 1;
        self.x.tx = Some(Box::new(Tx {
            number,
            id,
            owner: self.x.frames.len(),
            controller,
            snapshot,
            functions: Vec::new(),
            conflict: None,
            clock: self.w.header.clock,
        }));
        Ok(Some(Val::tx(id)))
    }

    /// Only the present position of a log can be begun at: no older one is kept.
    fn check_position(&mut self, controller: Option<&Name>, at: &Val) -> Result<()> {
        let at = at.open()?;
        if at.is_nothing() {
            return Ok(());
        }
        let position = at.as_just().ok_or_else(|| mismatch("maybe"))?.open()?;
        let (seq, hash) = position.as_pair().ok_or_else(|| mismatch("pair"))?;
        let (seq, hash) = (seq.open()?.as_int(), hash.open()?.as_hash().copied());
        let (Some(seq), Some(hash), Some(name)) = (seq, hash, controller) else {
            return Err(mismatch("position"));
        };
        let Some(controller) = self.w.controller(name)? else {
            return Err(fault_of(FaultCode::CtlUnreachable, [Val::ctl(name)]));
        };
        if seq.cast_unsigned() != controller.entries {
            return Err(fault_of(FaultCode::CtlNotAvailable, [Val::ctl(name)]));
        }
        if controller.log.digest("avm/log") != hash {
            return Err(fault_of(FaultCode::TxNotFound, [Val::ctl(name)]));
        }
        Ok(())
    }

    /// The id of a transaction of this execution.
    pub fn tx_named(&mut self, number: u64) -> TxId {
        let id = self.x.id();
        TxId(tagged_hash("avm/tx", &[&id, &number.to_be_bytes()]).0)
    }

    /// Checks that a value names the transaction that is open, and that this frame began it.
    fn check_tx(&mut self, tx: &Val) -> Result<()> {
        let Some(id) = tx.open()?.as_tx().copied() else {
            return Err(mismatch("tx"));
        };
        let field = Val::tx(id);
        if let Some(tx) = &self.x.tx
            && tx.id == id
        {
            return match tx.owner == self.x.frames.len() {
                true => Ok(()),
                false => Err(fault_of(FaultCode::TxNotOwner, [field])),
            };
        }
        let ended = self.x.ended.clone();
        for (number, committed) in ended {
            if self.tx_named(number) == id {
                let code = match committed {
                    true => FaultCode::TxCommitted,
                    false => FaultCode::TxAborted,
                };
                return Err(fault_of(code, [field]));
            }
        }
        match self.x.tx {
            Some(_) => Err(fault_of(FaultCode::TxNotFound, [field])),
            None => Err(fault(FaultCode::TxNone)),
        }
    }

    /// `commitTx`.
    pub fn commit(&mut self, tx: &Val, register: u8) -> Result<()> {
        self.check_tx(tx)?;
        self.load_pending()?;
        self.x.doing = Doing::Validating(register, 0);
        self.validate_now()
    }

    fn validate_now(&mut self) -> Result<()> {
        // A small transaction takes one step.
        if self.x.pending.len() <= PIECE && self.x.log.len() <= PIECE {
            self.validate_piece()?;
        }
        Ok(())
    }

    /// One step of checking what a transaction read.
    pub fn validate(&mut self, _: &mut Code) -> Result<()> {
        self.load_pending()?;
        self.validate_piece()
    }

    fn validate_piece(&mut self) -> Result<()> {
        let Doing::Validating(register, mut at) = self.x.doing else {
            return Ok(());
        };
        let len = self.x.pending.len();
        let end = len.min(at + PIECE);
        while at < end {
            let pending = &self.x.pending.loaded()[at as usize];
            if let Some(observed) = pending.observed {
                let object = pending.object.clone();
                let slot = self.w.slot(&object)?;
                let now = self.w.objects.get(slot).map(|object| object.stamp);
                if now != Some(observed) {
                    if let Some(tx) = &mut self.x.tx {
                        tx.conflict = Some(object);
                    }
                    self.put(register, Val::Bool(false));
                    return self.abort(AbortReason::Conflict, Then::Go);
                }
            }
            at += 1;
        }
        if at < len {
            self.x.doing = Doing::Validating(register, at);
            return Ok(());
        }
        if self.functions_changed()? {
            self.put(register, Val::Bool(false));
            return self.abort(AbortReason::Conflict, Then::Go);
        }
        let touched = u64::from(len);
        self.x.gas += 20 * touched;
        self.x.doing = Doing::Applying(register, 0);
        self.begin_apply()?;
        if len <= PIECE && self.x.log.len() <= PIECE {
            self.apply_piece()?;
        }
        Ok(())
    }

    /// Whether somebody else has changed a pure function that the transaction changes.
    fn functions_changed(&mut self) -> Result<bool, HostError> {
        let Some(tx) = &self.x.tx else {
            return Ok(false);
        };
        let mut first: Vec<(Name, u64)> = Vec::new();
        for (name, staged) in &tx.functions {
            if first.iter().all(|(known, _)| known != name) {
                first.push((name.clone(), staged.version));
            }
        }
        for (name, version) in first {
            let last = self.w.function(&name)?.0.last();
            if version != last.map_or(0, |last| last.version + 1) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Puts a result into a register of the frame on top.
    fn put(&mut self, register: u8, value: Val) {
        if let Some(frame) = self.x.frames.top() {
            let at = frame.base as usize + usize::from(register);
            self.x.frames.regs[at] = value;
        }
    }

    /// Writes the entry and moves the clock.
    fn begin_apply(&mut self) -> Result<()> {
        let Some(tx) = self.x.tx.as_deref() else {
            return Ok(());
        };
        let controller = tx.controller.clone();
        self.w.header.clock += 1;
        let pending = self.x.pending.loaded();
        let all = pending.iter().filter(|pending| {
            let kept = pending.created.is_some() && !pending.destroyed;
            pending.observed.is_some() || kept
        });
        let objects: Vec<ObjectId> = all.map(|pending| *pending.object.id()).collect();
        if let Some(name) = controller
            && !objects.is_empty()
        {
            let seq = self.entry(&name, EntryKind::Commit, false, objects)?;
            if let Some(tx) = &mut self.x.tx {
                // From here on it is the number of its entry.
                tx.snapshot = seq;
            }
        } else if let Some(tx) = &mut self.x.tx {
            tx.snapshot = self.w.header.clock;
        }
        Ok(())
    }

    /// One step of making a transaction durable.
    pub fn apply(&mut self, _: &mut Code) -> Result<()> {
        self.load_pending()?;
        self.apply_piece()
    }

    fn apply_piece(&mut self) -> Result<()> {
        let Doing::Applying(register, mut at) = self.x.doing else {
            return Ok(());
        };
        let (objects, inputs) = (self.x.pending.len(), self.x.log.len());
        let end = (objects + inputs).min(at + 2 * PIECE);
        while at < end {
            if at < objects {
                self.apply_object(at)?;
            } else {
                self.apply_input(at - objects)?;
            }
            at += 1;
        }
        if at < objects + inputs {
            self.x.doing = Doing::Applying(register, at);
            return Ok(());
        }
        self.apply_functions()?;
        self.put(register, Val::Bool(true));
        let id = self.tx_id().expect("it commits");
        self.event(TraceLevel::Core, |_| EventKind::TransactionCommitted {
            tx: id,
        });
        self.leave_tx(true)?;
        // What it sent goes out with the rest of what is to be settled; nothing is undone any more.
        self.x.doing = Doing::Dropping(Then::Go);
        if objects + inputs <= PIECE {
            self.drop_tx()?;
        }
        Ok(())
    }

    /// What a transaction holds of an object becomes durable.
    fn apply_object(&mut self, at: u32) -> Result<(), HostError> {
        let pending = self.x.pending.loaded()[at as usize].clone();
        let (version, controller) = match self.x.tx.as_deref() {
            Some(tx) => (tx.snapshot, tx.controller.clone()),
            None => return Ok(()),
        };
        let slot = self.w.slot(&pending.object)?;
        let clock = self.w.header.clock;
        if let Some(created) = pending.created {
            if pending.destroyed {
                return Ok(());
            }
            let mut object = *created;
            object.created = clock;
            object.creating = object.creating.or_else(|| controller.clone());
            object.current = object.current.or(controller);
            self.w.objects.set(slot, Some(object));
        }
        if pending.observed.is_some() {
            let changes = pending.state.is_some()
                || pending.controller.is_some()
                || pending.machine.is_some()
                || pending.destroyed;
            if !changes {
                return Ok(());
            }
            self.w.keep_earlier_at(slot, clock)?;
        }
        if pending.destroyed {
            self.w.objects.set(slot, None);
            return self
                .w
                .store
                .put(keys::tombstone(pending.object.id()).bytes(), &Number(clock));
        }
        let Some(object) = self.w.objects.get_mut(slot) else {
            return Ok(());
        };
        if let Some(state) = pending.state {
            object.state = state;
        }
        if let Some(controller) = pending.controller {
            object.current = Some(controller);
        }
        if let Some(machine) = pending.machine {
            object.machine = machine;
        }
        (object.version, object.stamp) = (version, clock);
        Ok(())
    }

    /// An accepted input becomes history.
    fn apply_input(&mut self, at: u32) -> Result<(), HostError> {
        let key = self.x.key(Part::Log);
        let accepted = self.x.log.get(at, &self.w.store, key)?.clone();
        let slot = self.w.slot(&accepted.object)?;
        let (clock, version) = (
            self.w.header.clock,
            self.x.tx.as_ref().map_or(0, |tx| tx.snapshot),
        );
        self.w.keep_earlier_at(slot, clock)?;
        if let Some(object) = self.w.objects.get_mut(slot) {
            use crate::state::bytes::Put;
            object
                .history
                .add("avm/hist", |out| out.val(&accepted.input));
            (object.version, object.stamp) = (version, clock);
        }
        if let Some(seen) = &mut self.seen {
            seen.accepted.push((*accepted.object.id(), accepted.input));
        }
        Ok(())
    }

    fn apply_functions(&mut self) -> Result<(), HostError> {
        let Some(tx) = &mut self.x.tx else {
            return Ok(());
        };
        for (name, version) in core::mem::take(&mut tx.functions) {
            self.add_function(&name, version, self.w.header.clock)?;
        }
        Ok(())
    }

    /// Adds a version of a pure function. Older ones go when none is open that may see them, but
    /// for the one that is durable: the turn may yet be undone.
    pub fn add_function(
        &mut self,
        name: &Name,
        version: FunctionVersion,
        since: u64,
    ) -> Result<(), HostError> {
        let (open, clock) = (self.w.header.open_txs, self.w.header.clock);
        let versions = self.w.function_mut(name)?;
        if open == 0
            && let Some(durable) = versions.0.iter().rposition(|known| known.since <= clock)
        {
            versions.0.drain(..durable);
        }
        versions.0.push(FunctionVersion { since, ..version });
        Ok(())
    }

    /// No transaction is open any more.
    fn leave_tx(&mut self, committed: bool) -> Result<(), HostError> {
        let Some(tx) = self.x.tx.take() else {
            return Ok(());
        };
        if self.x.ended.len() == ENDED_MAX {
            self.x.ended.remove(0);
        }
        self.x.ended.push((tx.number, committed));
        self.w.header.open_txs -= 1;
        if committed {
            self.x.committed = true;
        }
        self.w.forget_earlier()
    }

    /// `abortTx`.
    pub fn abort_named(&mut self, tx: &Val, register: u8) -> Result<()> {
        self.check_tx(tx)?;
        self.put(register, Val::Nothing);
        self.abort(AbortReason::User, Then::Go)
    }

    /// The transaction has no effect.
    pub fn abort(&mut self, reason: AbortReason, then: Then) -> Result<()> {
        let Some(tx) = self.x.tx.as_deref() else {
            return Ok(());
        };
        let (id, conflict) = (tx.id, tx.conflict.clone());
        self.event(TraceLevel::Core, |_| EventKind::TransactionAborted {
            tx: id,
            reason,
            object: conflict.map(|object| *object.id()),
        });
        self.leave_tx(false)?;
        self.x.committed = false;
        self.x.doing = Doing::Dropping(then);
        if self.x.pending.len() <= PIECE {
            self.drop_tx()?;
        }
        Ok(())
    }

    /// One step of dropping what a transaction held.
    pub fn drop_tx(&mut self) -> Result<()> {
        if !self.x.committed && !self.undo_some(self.x.base)? {
            return Ok(());
        }
        self.x.tx_index.clear();
        for _ in 0..PIECE {
            if self.x.pending.is_empty() {
                break;
            }
            self.x
                .pending
                .ready(&self.w.store, || part(self.x.number, Part::Pending))?;
            self.x.pending.pop();
        }
        if !self.x.pending.is_empty() {
            return Ok(());
        }
        let Doing::Dropping(then) = core::mem::replace(&mut self.x.doing, Doing::Running) else {
            return Ok(());
        };
        if self.x.committed {
            self.x.committed = false;
            // The log is history already: settling begins behind it.
            let settled = self.x.log.len() + self.x.journal.len();
            self.x.doing = Doing::Settling(Next::Go, settled.max(1));
            if self.x.log.len() + self.x.journal.len() + self.x.outbox.len() <= PIECE {
                self.settle()?;
            }
            return Ok(());
        }
        self.x.doing = match then {
            Then::Go => Doing::Running,
            Then::Fail(fault) => Doing::Failing(fault),
            Then::Reject => Doing::Rejecting,
        };
        Ok(())
    }

    /// Reads what the transaction holds.
    #[inline]
    pub fn load_pending(&mut self) -> Result<(), HostError> {
        if self.x.pending.unread_len() > 0 {
            self.x
                .pending
                .load_all(&self.w.store, self.x.key(Part::Pending))?;
            self.x.tx_index.clear();
            for (at, pending) in self.x.pending.loaded().iter().enumerate() {
                self.x.tx_index.insert(*pending.object.id(), at as u32);
            }
        }
        Ok(())
    }

    /// Where a transaction holds an object, if it does.
    pub fn pending_at(&mut self, object: &Obj) -> Result<Option<u32>, HostError> {
        self.load_pending()?;
        let pending = self.x.pending.loaded();
        if pending.len() <= 8 {
            let found = pending.iter().position(|pending| pending.object == *object);
            return Ok(found.map(|at| at as u32));
        }
        Ok(self.x.tx_index.get(object.id()).copied())
    }

    fn hold(&mut self, pending: Pending) -> Result<u32> {
        self.load_pending()?;
        if self.x.pending.len() >= self.w.fixed.limits.overlay_objects {
            return Err(fault_of(FaultCode::Quota, [Val::str("overlay-objects")]));
        }
        let at = self.x.pending.len();
        self.x.tx_index.insert(*pending.object.id(), at);
        self.x.pending.push(pending);
        Ok(at)
    }

    /// The object a transaction reads: as it was at the snapshot.
    fn at_snapshot(&mut self, object: &Obj) -> Result<Option<(Object, bool)>, HostError> {
        let snapshot = self.x.tx.as_ref().map_or(0, |tx| tx.snapshot);
        let slot = self.w.slot(object)?;
        if self
            .w
            .objects
            .get(slot)
            .is_some_and(|object| object.stamp <= snapshot)
        {
            return Ok(self
                .w
                .objects
                .get(slot)
                .cloned()
                .map(|object| (object, false)));
        }
        if self.w.header.kept > 0
            && let Some(earlier) = self.w.earlier(object.id(), snapshot)?
        {
            return Ok(Some((earlier, true)));
        }
        // Changed since, and nothing earlier is kept: it was created after the snapshot.
        Ok(match self.w.objects.get(slot) {
            Some(object) if object.created > snapshot => None,
            found => found.cloned().map(|object| (object, false)),
        })
    }

    /// Resolve, Own and observe, for an object that a transaction did not create. Spec 14.3.
    pub fn observe(&mut self, object: &Obj) -> Result<u32> {
        if let Some(at) = self.pending_at(object)? {
            let pending = &self.x.pending.loaded()[at as usize];
            if pending.observed.is_none() && pending.created.is_none() {
                // It was created by a call that was undone.
                return Err(self.missing(object)?);
            }
            if !pending.owned {
                self.own(object, at)?;
            }
            return Ok(at);
        }
        let Some((found, earlier)) = self.outside(object)? else {
            return Err(self.missing(object)?);
        };
        self.owned(object, found.current.as_ref())?;
        let observed = Some(found.stamp);
        let snapshot = earlier.then(|| Box::new(found));
        self.hold(Pending {
            owned: true,
            ..Pending::observed(object.clone(), observed, snapshot)
        })
    }

    /// Who is called inside of a transaction.
    pub fn tx_target(&mut self, object: &Obj) -> Result<Target> {
        let at = self.observe(object)?;
        let pending = &self.x.pending.loaded()[at as usize];
        if let Some(created) = &pending.created {
            if pending.destroyed {
                return Err(fault_of(FaultCode::ObjNotFound, [Val::Obj(object.clone())]));
            }
            return Ok(Target {
                code: created.code,
                machine: created.machine.clone(),
            });
        }
        if pending.observed.is_none() {
            return Err(fault_of(FaultCode::ObjNotFound, [Val::Obj(object.clone())]));
        }
        let earlier = pending
            .snapshot
            .as_deref()
            .map(|object| (object.code, object.machine.clone()));
        let (code, machine) = match earlier {
            Some(found) => found,
            None => {
                let slot = self.w.slot(object)?;
                match self.w.objects.get(slot) {
                    Some(found) => (found.code, found.machine.clone()),
                    None => {
                        // It was destroyed since; the snapshot still has it.
                        let (found, _) = self.at_snapshot(object)?.ok_or_else(|| {
                            fault_of(FaultCode::ObjNotFound, [Val::Obj(object.clone())])
                        })?;
                        (found.code, found.machine)
                    }
                }
            }
        };
        Ok(Target { code, machine })
    }

    /// Changes what the transaction holds of an object, and remembers how it was.
    pub fn amend(&mut self, at: u32, change: impl FnOnce(&mut Pending)) -> Result<()> {
        let old = Box::new(self.x.pending.loaded()[at as usize].clone());
        self.remember(Undo::Pending { index: at, old })?;
        change(self.x.pending.loaded_mut(at));
        Ok(())
    }

    /// Keeps a created object apart until the transaction commits.
    pub fn hold_created(&mut self, object: &Obj, created: Object) -> Result<()> {
        self.load_pending()?;
        let at = self.hold(Pending {
            created: Some(Box::new(created)),
            owned: true,
            ..Pending::observed(object.clone(), None, None)
        })?;
        // Undoing leaves an empty place, so that the others keep theirs.
        let mut old = self.x.pending.loaded()[at as usize].clone();
        old.created = None;
        let old = Box::new(old);
        self.remember(Undo::Pending { index: at, old })
    }

    /// What a transaction reads outside of it.
    pub fn outside(&mut self, object: &Obj) -> Result<Option<(Object, bool)>, HostError> {
        // An unresolved transaction reads the present: its snapshot is taken later.
        if self.x.tx.as_ref().is_some_and(|tx| tx.controller.is_some()) {
            return self.at_snapshot(object);
        }
        let slot = self.w.slot(object)?;
        let found = self.w.objects.get(slot).cloned();
        Ok(found.map(|object| (object, false)))
    }

    /// The running object is read by the transaction, whoever orders its changes.
    fn read_own(&mut self, object: &Obj) -> Result<Option<u32>> {
        let Some((found, earlier)) = self.outside(object)? else {
            return Ok(None);
        };
        let observed = Some(found.stamp);
        let snapshot = earlier.then(|| Box::new(found));
        self.hold(Pending::observed(object.clone(), observed, snapshot))
            .map(Some)
    }

    /// Where the transaction holds the running object, which is about to change: its controller
    /// must be that of the transaction. `None` if it was destroyed before.
    pub fn own_to_change(&mut self, object: &Obj) -> Result<Option<u32>> {
        let at = match self.pending_at(object)? {
            Some(at) => Some(at),
            None => self.read_own(object)?,
        };
        if let Some(at) = at
            && !self.x.pending.loaded()[at as usize].owned
        {
            self.own(object, at)?;
        }
        Ok(at)
    }

    /// Checks the controller of an object that was only read so far.
    fn own(&mut self, object: &Obj, at: u32) -> Result<()> {
        let found = self.view(object)?;
        self.owned(object, found.and_then(|found| found.current).as_ref())?;
        self.x.pending.loaded_mut(at).owned = true;
        Ok(())
    }

    /// Resolve and Own: the controller of what a transaction uses is that of the transaction.
    fn owned(&mut self, object: &Obj, current: Option<&Name>) -> Result<()> {
        let field = Val::Obj(object.clone());
        let Some(current) = current else {
            return Err(fault_of(FaultCode::CtlNone, [field]));
        };
        let clock = self.w.header.clock;
        let tx = self.x.tx.as_mut().expect("only transactions observe");
        match &tx.controller {
            None => (tx.controller, tx.snapshot) = (Some(current.clone()), clock),
            Some(controller) if controller == current => {}
            Some(_) => return Err(fault_of(FaultCode::CtlCross, [field, Val::ctl(current)])),
        }
        Ok(())
    }

    /// The state of an object as the transaction sees it.
    pub fn tx_state(&mut self, object: &Obj) -> Result<Option<Val>> {
        let at = match self.pending_at(object)? {
            Some(at) => at,
            // Its activation began before the transaction.
            None => match self.read_own(object)? {
                Some(at) => at,
                None => return Ok(None),
            },
        };
        let pending = &self.x.pending.loaded()[at as usize];
        if let Some(state) = &pending.state {
            return Ok(Some(state.clone()));
        }
        let object = pending.created.as_deref().or(pending.snapshot.as_deref());
        if let Some(object) = object {
            return Ok(Some(object.state.clone()));
        }
        let object = pending.object.clone();
        Ok(self.at_snapshot(&object)?.map(|(object, _)| object.state))
    }
}

//! Errors and rejections: undoing, dropping frames, and handlers.

use alloc::vec::Vec;

use avm_core::HostError;

use super::Engine;
use super::trap::{Result, Trap};
use crate::event::{AbortReason, EventKind, TraceLevel};
use crate::fault::{Code as FaultCode, Fault};
use crate::seen::{Failure, Outcome};
use crate::state::code::Code;
use crate::state::execution::{Doing, FrameKind, Next, Then};
use crate::state::keys::{Part, part};
use crate::state::records::{Marks, Mode};
use crate::value::Val;

/// Effects that one step undoes.
pub const PIECE: u32 = 16;

impl Engine<'_> {
    /// An error as a program sees it: the list of `"error"`, its code and its fields.
    pub fn error_value(fault: &Fault) -> Result<Val> {
        let head = [Val::str("error"), Val::str(fault.code.text())];
        Ok(Val::list(
            head.into_iter().chain(fault.fields.iter().cloned()),
        )?)
    }

    /// What raising a value means, and whether it is a new error.
    pub fn raised(value: &Val) -> Result<(Fault, bool), HostError> {
        if let Some(list) = value.as_list()
            && list
                .head()
                .is_some_and(|head| head.as_str() == Some("error"))
        {
            let items = list.to_vec()?;
            let name = items.get(1).and_then(|code| code.as_str());
            let code = FaultCode::ALL.iter().find(|code| Some(code.text()) == name);
            // Nothing that a program makes up can pass for the end of its gas.
            if let Some(code) = code.filter(|code| **code != FaultCode::Gas) {
                let fields: Vec<Val> = items.into_iter().skip(2).take(255).collect();
                return Ok((
                    Fault {
                        code: *code,
                        fields,
                    },
                    false,
                ));
            }
        }
        Ok((Fault::new(FaultCode::Raised, [value.clone()]), true))
    }

    /// Takes one effect back, and says whether all above the marks are gone.
    pub fn undo_some(&mut self, marks: Marks) -> Result<bool, HostError> {
        for _ in 0..PIECE {
            let now = self.x.marks();
            if now.journal > marks.journal.max(self.x.base.journal) {
                self.x
                    .journal
                    .ready(&self.w.store, || part(self.x.number, Part::Journal))?;
                let undo = self
                    .x
                    .journal
                    .pop()
                    .expect("the marks say that there is one");
                self.undo(undo)?;
            } else if now.log > marks.log.max(self.x.base.log) {
                self.x
                    .log
                    .ready(&self.w.store, || part(self.x.number, Part::Log))?;
                self.x.log.pop();
            } else if now.outbox > marks.outbox.max(self.x.base.outbox) {
                self.x
                    .outbox
                    .ready(&self.w.store, || part(self.x.number, Part::Outbox))?;
                self.x.outbox.pop();
            } else {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Drops the activation on top, whose effects are undone.
    fn drop_activation(&mut self) -> Result<(crate::state::records::Activation, u8), HostError> {
        self.x
            .guards
            .ready(&self.w.store, || part(self.x.number, Part::Guards))?;
        let activation = self.x.activations.pop().expect("its frame is on top");
        let frame = self.x.frames.pop().expect("an activation has a frame");
        if self.x.events > activation.first_event && activation.mode != Mode::Merge {
            let (from, to) = (activation.first_event, self.x.events - 1);
            self.event(TraceLevel::Full, |_| EventKind::ScopeRolledBack {
                from,
                to,
            });
        }
        Ok((activation, frame.ret))
    }

    /// Drops handlers of the frame on top.
    fn drop_guards(&mut self) -> Result<bool, HostError> {
        let depth = self.x.frames.len();
        for _ in 0..PIECE {
            self.x
                .guards
                .ready(&self.w.store, || part(self.x.number, Part::Guards))?;
            match self.x.guards.top() {
                Some(guard) if guard.frame >= depth => self.x.guards.pop(),
                _ => return Ok(true),
            };
        }
        Ok(false)
    }

    /// One step of what a rejection leaves to be done.
    pub fn reject(&mut self, code: &mut Code) -> Result<()> {
        self.prepare()?;
        let Some(activation) = self.x.activations.top() else {
            // A program itself cannot reject: that is an error of it.
            self.x.doing = Doing::Running;
            let me = Val::Obj(self.root()?);
            return Err(super::trap::fault_of(FaultCode::ObjRejected, [me]));
        };
        let (frame, marks) = (activation.frame, activation.marks);
        if self
            .x
            .tx
            .as_ref()
            .is_some_and(|tx| tx.owner == self.x.frames.len())
        {
            self.abort(AbortReason::Fault, Then::Reject)?;
            return Ok(());
        }
        // Frames of functions that the activation called go first.
        if frame < self.x.frames.len() {
            if self.drop_guards()? {
                self.x.frames.pop();
            }
            return Ok(());
        }
        if !self.undo_some(marks)? || !self.drop_guards()? {
            return Ok(());
        }
        let (activation, register) = self.drop_activation()?;
        self.x.doing = Doing::Running;
        if activation.mode == Mode::Merge {
            if let Some(merge) = &mut self.x.merge {
                merge.dropped += 1;
            }
            self.x.doing = Doing::Merging;
            return Ok(());
        }
        let (object, input) = (*activation.object.id(), activation.input);
        self.event(TraceLevel::Core, |_| EventKind::ObjectCalled {
            object,
            input,
            output: Val::Nothing,
            outputs: 0,
        });
        self.give(code, register, Val::Nothing)
    }

    /// Reads what is on top of each stack.
    pub fn prepare(&mut self) -> Result<(), HostError> {
        self.x.frames.ready(self.x.number, &self.w.store)?;
        self.x
            .activations
            .ready(&self.w.store, || part(self.x.number, Part::Activations))
    }

    /// One step of what an error leaves to be done.
    pub fn fail(&mut self, code: &mut Code, fault: Fault) -> Result<()> {
        self.prepare()?;
        self.x
            .guards
            .ready(&self.w.store, || part(self.x.number, Part::Guards))?;
        let depth = self.x.frames.len();
        let Some(frame) = self.x.frames.peek() else {
            self.x.doing = Doing::Settling(Next::End, 0);
            return Ok(());
        };
        let kind = frame.kind;
        let catchable = fault.code != FaultCode::Gas;
        if let Some(guard) = self.x.guards.top().copied()
            && guard.frame == depth
        {
            // A transaction that began after the handler was set does not outlive the error.
            let begun = self.x.tx.as_ref().map(|tx| (tx.owner, tx.number));
            if begun.is_some_and(|(owner, number)| owner == depth && number >= guard.txs) {
                return self.abort(AbortReason::Fault, Then::Fail(fault));
            }
            self.x.guards.pop();
            if catchable {
                let value = match Self::error_value(&fault) {
                    // What was raised does not fit into a list: the handler learns that.
                    Err(Trap::Fault(other)) => Self::error_value(&other)?,
                    value => value?,
                };
                self.x.doing = Doing::Running;
                self.catch(code, guard.target, guard.register, value)?;
            }
            return Ok(());
        }
        if self.x.tx.as_ref().is_some_and(|tx| tx.owner == depth) {
            self.abort(AbortReason::Fault, Then::Fail(fault))?;
            return Ok(());
        }
        match kind {
            FrameKind::Local => {
                self.x.frames.pop();
            }
            FrameKind::Pure if catchable => {
                let frame = self.x.frames.pop().expect("it was just looked at");
                self.x.doing = Doing::Running;
                self.give(code, frame.ret, Val::Nothing)?;
            }
            FrameKind::Pure => {
                self.x.frames.pop();
            }
            FrameKind::Activation => {
                let marks = self.x.activations.top().expect("its frame is on top").marks;
                if self.undo_some(marks)? {
                    let (activation, _) = self.drop_activation()?;
                    if activation.mode == Mode::Merge {
                        if let Some(merge) = &mut self.x.merge {
                            merge.dropped += 1;
                        }
                        self.x.doing = Doing::Merging;
                    } else if activation.mode == Mode::Message {
                        self.w.failures.add(Failure {
                            execution: self.x.number,
                            object: *activation.object.id(),
                            fault: fault.clone(),
                        });
                        self.ended(Outcome::Failed(fault));
                    }
                }
            }
            FrameKind::Root => {
                let marks = self.x.base;
                if self.undo_some(marks)? {
                    self.x.frames.pop();
                    self.ended(Outcome::Failed(fault));
                }
            }
        }
        Ok(())
    }

    /// Goes on in a handler.
    fn catch(&mut self, code: &mut Code, target: u32, register: u8, value: Val) -> Result<()> {
        let frame = self.x.frames.top().expect("the handler's frame is on top");
        frame.pc = target;
        let (at, base) = (frame.code, frame.base as usize);
        let registers = code.load_function(at, &self.w.store)?.registers;
        let regs = &mut self.x.frames.regs;
        regs.resize_with(base + usize::from(registers), Val::default);
        regs[base + usize::from(register)] = value;
        // Effects of the frame outside of calls stay: only calls are undone.
        if self.x.activations.is_empty() && !self.in_tx() {
            self.end_turn()?;
        }
        Ok(())
    }

    /// The frame that began a transaction must not leave before it ends.
    #[inline]
    pub fn owner_leaves(&mut self, code: &Code) -> Result<()> {
        match &self.x.tx {
            Some(tx) if tx.owner == self.x.frames.len() => {
                let fault = Fault::new(FaultCode::TxUnfinished, [Val::tx(tx.id)]);
                self.abort(AbortReason::Fault, Then::Fail(fault.clone()))?;
                self.fails(code, &fault);
                Err(Trap::Told)
            }
            _ => Ok(()),
        }
    }
}

//! Calls of objects, and how they end.

use alloc::sync::Arc;

use avm_core::HostError;

use super::Engine;
use super::run::REGISTERS_MAX;
use super::trap::{Result, fault, fault_of};
use crate::event::{EventKind, Name, TraceLevel};
use crate::fault::Code as FaultCode;
use crate::state::code::Code;
use crate::state::execution::{Doing, Frame, FrameKind, Next};
use crate::state::keys;
use crate::state::objects::Slot;
use crate::state::records::{Accepted, Activation, CodeAt, Mode, Number, Undo};
use crate::value::{Obj, Val};

/// What a call needs to know of its target.
pub struct Target {
    /// What it runs.
    pub code: CodeAt,
    /// Where.
    pub machine: Name,
}

impl Engine<'_> {
    /// The error of using an object that is not there.
    pub fn missing(&mut self, object: &Obj) -> Result<super::trap::Trap, HostError> {
        let found: Option<Number> = self.w.store.get(keys::tombstone(object.id()).bytes())?;
        let code = match found {
            Some(_) => FaultCode::ObjDestroyed,
            None => FaultCode::ObjNotFound,
        };
        Ok(fault_of(code, [Val::Obj(object.clone())]))
    }

    /// Finds who is called, with the rules of the transaction if there is one.
    #[inline]
    fn target(&mut self, object: &Obj) -> Result<Target> {
        if self.in_tx() {
            return self.tx_target(object);
        }
        let slot = self.w.slot(object)?;
        match self.w.objects.get(slot) {
            Some(found) => Ok(Target {
                code: found.code,
                machine: found.machine.clone(),
            }),
            None => Err(self.missing(object)?),
        }
    }

    /// Calls an object. The frame on top has its program counter saved.
    #[inline]
    pub fn call(
        &mut self,
        code: &mut Code,
        object: Obj,
        input: Val,
        register: u8,
        mode: Mode,
    ) -> Result<()> {
        if self.x.activations.len() >= self.w.fixed.limits.call_depth {
            return Err(fault_of(FaultCode::Depth, [Val::str("call")]));
        }
        if self.x.log.len() >= self.w.fixed.limits.journal {
            return Err(fault_of(FaultCode::Quota, [Val::str("inputs")]));
        }
        if self.x.frames.regs.len() > REGISTERS_MAX {
            return Err(fault_of(FaultCode::Depth, [Val::str("registers")]));
        }
        if !input.is_passable() {
            return Err(fault(FaultCode::NotPassable));
        }
        let target = self.target(&object)?;
        let here = self.here();
        let machine = match mode {
            Mode::Replica => here.clone(),
            _ => {
                if !Arc::ptr_eq(&target.machine, here) && target.machine != *here {
                    self.x.gas += 500;
                    if !self.w.reaches_machine(&target.machine)? {
                        let name = Val::mach(&target.machine);
                        return Err(fault_of(FaultCode::MachineUnreachable, [name]));
                    }
                }
                target.machine
            }
        };
        self.x.gas += super::data::bytes(input.encoded_len());
        let sender = match mode {
            Mode::Message | Mode::Merge => None,
            Mode::Call | Mode::Replica => Some(self.me()?),
        };
        self.activate(
            code,
            object,
            target.code,
            machine,
            input,
            sender,
            register,
            mode,
        )
    }

    /// Begins an activation.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is one field of what begins"
    )]
    #[inline]
    pub fn activate(
        &mut self,
        code: &mut Code,
        object: Obj,
        at: CodeAt,
        machine: Name,
        input: Val,
        sender: Option<Obj>,
        register: u8,
        mode: Mode,
    ) -> Result<()> {
        if mode != Mode::Merge {
            self.event(TraceLevel::Full, |_| EventKind::CallStarted {
                object: *object.id(),
                input: input.clone(),
                sender: sender.as_ref().map(|sender| *sender.id()),
            });
        }
        let registers = match code.function(at) {
            Some(function) => function.registers,
            None => code.load_function(at, &self.w.store)?.registers,
        };
        let module_caps = match code.get(at.module) {
            Some(module) => module.caps,
            None => code.load(at.module, &self.w.store)?.caps,
        };
        let above = self
            .x
            .activations
            .top()
            .map_or(self.x.caps, |above| above.caps);
        let marks = self.x.marks();
        let base = self.x.frames.regs.len();
        self.x
            .frames
            .regs
            .resize_with(base + usize::from(registers), Val::default);
        self.x.frames.push(Frame {
            code: at,
            pc: 0,
            base: base as u32,
            ret: register,
            kind: FrameKind::Activation,
            closure: None,
        });
        self.x.activations.push(Activation {
            object,
            input,
            sender,
            machine,
            marks,
            first_event: self.x.events,
            output: Val::Nothing,
            outputs: 0,
            caps: above & module_caps.0,
            mode,
            frame: self.x.frames.len(),
        });
        Ok(())
    }

    /// The activation on top ends as it should.
    #[inline]
    pub fn finish(&mut self, code: &mut Code) -> Result<()> {
        self.owner_leaves(code)?;
        let frame = self.x.frames.pop().expect("an activation has a frame");
        let activation = self.x.activations.pop().expect("its frame is on top");
        let value = activation.output;
        let (object, input, outputs) = (activation.object, activation.input, activation.outputs);
        if activation.mode == Mode::Replica {
            self.accept_at_replica(
                &object,
                &activation.machine,
                &input,
                activation.sender.as_ref(),
            )?;
        } else if self.settles_at_once(activation.mode)? {
            self.settle_call(&object, &input)?;
        } else {
            self.x.log.push(Accepted {
                object: object.clone(),
                input: input.clone(),
            });
        }
        if activation.mode == Mode::Merge {
            if let Some(merge) = &mut self.x.merge {
                merge.merged += 1;
            }
            self.x.doing = Doing::Merging;
            return Ok(());
        }
        self.event(TraceLevel::Core, |_| EventKind::ObjectCalled {
            object: *object.id(),
            input,
            output: value.clone(),
            outputs,
        });
        self.give(code, frame.ret, value)
    }

    /// Gives the frame on top the result of what it called; ends a turn if that was the outermost.
    #[inline]
    pub fn give(&mut self, code: &mut Code, register: u8, value: Val) -> Result<()> {
        self.x.frames.ready(self.x.number, &self.w.store)?;
        let Some(frame) = self.x.frames.top() else {
            self.x.doing = Doing::Settling(Next::End, 0);
            return Ok(());
        };
        let (at, base) = (frame.code, frame.base as usize);
        let registers = match code.function(at) {
            Some(function) => function.registers,
            None => code.load_function(at, &self.w.store)?.registers,
        };
        let regs = &mut self.x.frames.regs;
        regs.resize_with(base + usize::from(registers), Val::default);
        regs[base + usize::from(register)] = value;
        if self.x.activations.is_empty() && !self.in_tx() && !self.is_settled() {
            self.end_turn()?;
        }
        Ok(())
    }

    /// The effects so far become durable; in this step if they are few.
    #[inline]
    pub fn end_turn(&mut self) -> Result<()> {
        self.x.doing = Doing::Settling(Next::Go, 0);
        self.settle()?;
        Ok(())
    }

    /// Keeps a replica's input for the time when it is merged.
    fn accept_at_replica(
        &mut self,
        object: &Obj,
        machine: &Name,
        input: &Val,
        sender: Option<&Obj>,
    ) -> Result<(), HostError> {
        let replica = self.w.replica_mut(object.id(), machine)?;
        if let Some(replica) = replica {
            let old = alloc::boxed::Box::new(replica.clone());
            replica.pending.push((input.clone(), sender.cloned()));
            let (object, machine) = (object.clone(), machine.clone());
            self.x.journal.push(Undo::Replica {
                object,
                machine,
                old,
            });
        }
        Ok(())
    }

    /// Whether one effect more can be remembered, which is asked before it is made.
    #[inline]
    pub fn room(&self) -> Result<()> {
        match self.x.journal.len() < self.w.fixed.limits.journal {
            true => Ok(()),
            false => Err(fault_of(FaultCode::Quota, [Val::str("journal")])),
        }
    }

    /// Remembers how to undo an effect.
    #[inline]
    pub fn remember(&mut self, undo: Undo) -> Result<()> {
        self.room()?;
        self.x.journal.push(undo);
        Ok(())
    }

    /// The slot of an object that is about to change outside of a transaction.
    pub fn slot_to_change(&mut self, object: &Obj) -> Result<Slot, HostError> {
        let slot = self.w.slot(object)?;
        self.w.keep_earlier(slot)?;
        Ok(slot)
    }
}

//! The reference engine: one row of the table at a time, exactly as the specification's section 6
//! has it. Proofs are made with it, and the fast engine falls back to it.

use avm_core::{Host, HostError, StepEnd, StepStart};
use ruint::aliases::U256;

use crate::fault::{Fault, Trap};
use crate::heap::ERROR;
use crate::machine::View;
use crate::ops::{DECODE, ERROR_GAS, Exec, Flow};
use crate::state::{State, Status};

/// What became of one step.
pub(crate) enum Stepped {
    /// It was taken, with this fault if it failed.
    Done(Option<Fault>),
    /// It takes a message and there is none; the state is as it was.
    NeedsInput,
}

impl State {
    /// Takes one step of an extensive state.
    pub(crate) fn step(&mut self, host: &mut dyn Host) -> Result<Stepped, HostError> {
        let (opcode, immediate, next) = self.operation()?;
        let row = DECODE[usize::from(opcode)];
        let takes = row.map_or((0, 0), |op| (op.pops.len(), op.aux_pops.len()));
        let leaves = row.map_or((0, 0), |op| (op.pushes, op.aux_pushes));

        let counted = usize::from(immediate.is_some());
        let lowest = self
            .data
            .pull(takes.0.saturating_sub(counted), &self.store)?;
        let lowest_aux = self.aux.pull(takes.1, &self.store)?;
        let (have, have_aux) = (self.data.len(), self.aux.len());
        if leaves.0 > 0 || counted > takes.0 {
            self.data.settle(lowest, &mut self.heap, &self.store)?;
        }
        if leaves.1 > 0 {
            self.aux.settle(lowest_aux, &mut self.heap, &self.store)?;
        }
        if let Some(value) = immediate {
            self.data.push(value);
        }
        let depth = (self.data.len(), self.aux.len());

        let outcome = match row {
            _ if depth.0 < takes.0 || depth.1 < takes.1 => {
                self.charge_error();
                Err(Trap::Fault(Fault::Underflow {
                    want: takes.0,
                    have: have + counted,
                    want_aux: takes.1,
                    have_aux,
                }))
            }
            Some(op) => self.charge_and_run(op, host),
            None => self
                .charge(ERROR_GAS)
                .and(Err(Fault::InvalidOpcode(opcode).into())),
        };
        match outcome {
            Ok(Flow::Next) => self.pc = next,
            Ok(Flow::Jump(target)) => self.pc = target,
            Ok(Flow::Halt) => self.status = Status::Halted,
            Ok(Flow::Wait) => {
                if immediate.is_some() {
                    self.data.pop();
                }
                return Ok(Stepped::NeedsInput);
            }
            Err(Trap::Host(error)) => return Err(error),
            Err(Trap::Fault(fault)) => {
                self.data.truncate(depth.0.saturating_sub(takes.0));
                self.aux.truncate(depth.1.saturating_sub(takes.1));
                if self.handler == ERROR {
                    self.status = Status::ErrorStop;
                } else {
                    self.pc = self.handler;
                }
                return Ok(Stepped::Done(Some(fault)));
            }
        }
        Ok(Stepped::Done(None))
    }

    fn charge_and_run(
        &mut self,
        op: &avm_isa::Op<Exec>,
        host: &mut dyn Host,
    ) -> Result<Flow, Trap> {
        let surcharge = match op.run.surcharge {
            Some(surcharge) => surcharge(self)?,
            None => 0,
        };
        let before = (self.gas_left, self.tally.gas_used);
        self.charge(op.gas + surcharge)?;
        let flow = (op.run.run)(self, host)?;
        if let Flow::Wait = flow {
            (self.gas_left, self.tally.gas_used) = before;
        }
        Ok(flow)
    }

    /// Charges for an operation. Without enough gas it costs what an error costs, and the gas
    /// register is filled up.
    fn charge(&mut self, cost: u64) -> Result<(), Trap> {
        let (left, short) = self.gas_left.overflowing_sub(U256::from(cost));
        if short {
            let left = self.gas_left;
            self.gas_left = U256::MAX;
            self.use_gas(ERROR_GAS);
            return Err(Fault::OutOfGas { cost, left }.into());
        }
        self.gas_left = left;
        self.use_gas(cost);
        Ok(())
    }

    /// Charges for a stack underflow.
    fn charge_error(&mut self) {
        let (left, short) = self.gas_left.overflowing_sub(U256::from(ERROR_GAS));
        self.gas_left = if short { U256::MAX } else { left };
        self.use_gas(ERROR_GAS);
    }

    pub(crate) fn use_gas(&mut self, cost: u64) {
        self.tally.gas_used = self.tally.gas_used.wrapping_add(U256::from(cost));
    }

    /// [`State::step`], shown to the probe of the host.
    pub(crate) fn watched_step(&mut self, host: &mut dyn Host) -> Result<Stepped, HostError> {
        let (opcode, ..) = self.operation()?;
        let gas_used = self.tally.gas_used;
        let pc = self.heap.number(self.pc);
        let gas = self.gas_left.to_be_bytes();
        if let Some(probe) = host.probe() {
            probe.before(&StepStart {
                pc,
                opcode,
                name: crate::ops::name(opcode).unwrap_or("invalid"),
                gas,
                state: &View::of(self),
            });
        }
        let stepped = self.step(host)?;
        if let (Stepped::Done(fault), Some(probe)) = (&stepped, host.probe()) {
            let cost = self.tally.gas_used.wrapping_sub(gas_used);
            probe.after(&StepEnd {
                cost: cost.saturating_to(),
                fault: fault.as_ref().map(|fault| fault as &dyn core::fmt::Display),
            });
        }
        Ok(stepped)
    }
}

//! One step on what a proof shows: rules 3 to 6 of section 14.

use alloc::vec::Vec;

use avm_core::Hash;
use ruint::aliases::U256;

use super::machine::{ERR, ERROR_STOP, HALTED, Machine};
use super::reader::Reader;
use super::table::Row;
use super::value::{Preimage, Tuple, Value};
use super::{Known, Mode, Refusal};

/// Gas of a step that ends in an error before its opcode is paid for. Spec: section 6.
const ERROR_GAS: u64 = 5;

/// Why an opcode has no regular result.
pub(super) enum Stop {
    /// The machine goes on at its error handler.
    Fault,
    /// The proof is none.
    Refused(Refusal),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What an opcode works on.
pub(super) struct Step<'a> {
    pub(super) mode: Mode,
    pub(super) opcode: u8,
    /// Whether the current operation has an immediate; it is then on top of `data`.
    pub(super) immediate: bool,
    pub(super) known: &'a Known<'a>,
    /// What follows the immediate flag in the proof.
    pub(super) tail: Reader<'a>,
    pub(super) buffer_proof: &'a [u8],
    /// H of the current code point.
    pub(super) here: Hash,
    /// The machine after the step, without the values in `data` and `aux`. `current` is the next
    /// code point until an opcode says otherwise.
    pub(super) machine: Machine,
    /// Listed values, top last.
    pub(super) data: Vec<Value>,
    pub(super) aux: Vec<Value>,
    pub(super) gas: u64,
    pub(super) halted: bool,
    pub(super) messages_read: U256,
    pub(super) send_acc: Hash,
    pub(super) log_acc: Hash,
}

impl Step<'_> {
    /// Takes the step; the machine hash after it.
    pub(super) fn take(&mut self, row: &Row) -> Result<Hash, Refusal> {
        self.check_listing(row)?;
        let done = if self.data.len() < row.data || self.aux.len() < row.aux {
            self.underflow()
        } else {
            self.charge(row.gas).and_then(|()| (row.run)(self))
        };
        match done {
            Ok(()) if self.halted => return Ok(HALTED),
            Ok(()) => {}
            Err(Stop::Refused(refusal)) => return Err(refusal),
            Err(Stop::Fault) if self.machine.handler == ERR => return Ok(ERROR_STOP),
            Err(Stop::Fault) => self.fail(row),
        }
        let mut after = self.machine.clone();
        after.push_all(&self.data, &self.aux);
        Ok(after.hash())
    }

    /// The "minimal" rule, and empty stacks below what an underflow lists. Spec: section 14, rules 3
    /// and 4; section 18, item 3.
    fn check_listing(&self, row: &Row) -> Result<(), Refusal> {
        // an immediate that the opcode does not take is listed nevertheless, and nothing else then
        let useful = row.data.max(usize::from(self.immediate));
        self.at_most("data", self.data.len(), useful)?;
        self.at_most("aux", self.aux.len(), row.aux)?;
        let data_short = self.data.len() < row.data;
        if data_short {
            self.nothing_below("data", self.data.len(), row.data, &self.machine.data)?;
        }
        // the contract looks at the aux stack only where the data stack suffices
        let look = !data_short || self.mode == Mode::Sound;
        if look && self.aux.len() < row.aux {
            self.nothing_below("aux", self.aux.len(), row.aux, &self.machine.aux)?;
        }
        Ok(())
    }

    fn at_most(&self, stack: &'static str, listed: usize, useful: usize) -> Result<(), Refusal> {
        if listed > useful {
            return Err(Refusal::TooManyValues {
                opcode: self.opcode,
                stack,
                listed,
                useful,
            });
        }
        Ok(())
    }

    fn nothing_below(
        &self,
        stack: &'static str,
        listed: usize,
        taken: usize,
        below: &Preimage,
    ) -> Result<(), Refusal> {
        if below.is_empty() {
            return Ok(());
        }
        Err(Refusal::MoreValuesBelow {
            opcode: self.opcode,
            stack,
            listed,
            taken,
        })
    }

    fn underflow(&mut self) -> Result<(), Stop> {
        self.charge(ERROR_GAS)?;
        Err(Stop::Fault)
    }

    /// Pays `amount`, or the price of an error if there is less; the register is full then.
    fn charge(&mut self, amount: u64) -> Result<(), Stop> {
        match self.machine.gas_remaining.checked_sub(U256::from(amount)) {
            Some(remaining) => {
                self.machine.gas_remaining = remaining;
                self.gas += amount;
                Ok(())
            }
            None => {
                self.machine.gas_remaining = U256::MAX;
                self.gas += ERROR_GAS;
                Err(Stop::Fault)
            }
        }
    }

    /// Pays the variable part of the price. With the part in the table it is one amount: where it
    /// cannot be paid, nothing but the price of an error is. Spec: section 8, `ecpairing`.
    pub(super) fn charge_more(&mut self, amount: u64) -> Result<(), Stop> {
        let paid = core::mem::take(&mut self.gas);
        self.charge(amount)?;
        self.gas += paid;
        Ok(())
    }

    /// Drops the operands and goes to the error handler. Spec: section 14, rule 5.
    fn fail(&mut self, row: &Row) {
        self.machine.current = self.machine.handler;
        let keep = self.immediate && row.data == 0;
        if !keep {
            self.data.clear();
        }
        self.aux.clear();
    }

    /// The top of the data stack.
    pub(super) fn pop(&mut self) -> Value {
        let value = self.data.pop();
        value.expect("opcodes take no more than the table says, which is checked")
    }

    /// The top of the aux stack.
    pub(super) fn pop_aux(&mut self) -> Value {
        let value = self.aux.pop();
        value.expect("opcodes take no more than the table says, which is checked")
    }

    pub(super) fn pop_int(&mut self) -> Result<U256, Stop> {
        match self.pop() {
            Value::Int(value) => Ok(value),
            _ => Err(Stop::Fault),
        }
    }

    /// The top of the data stack as hash of a code point.
    pub(super) fn pop_code_point(&mut self) -> Result<Hash, Stop> {
        match self.pop() {
            Value::CodePoint(hash) => Ok(hash),
            _ => Err(Stop::Fault),
        }
    }

    /// The top of the data stack as root of a buffer.
    pub(super) fn pop_buffer(&mut self) -> Result<Hash, Stop> {
        match self.pop() {
            Value::Buffer(root) => Ok(root),
            _ => Err(Stop::Fault),
        }
    }

    /// `value` as a tuple to look into.
    ///
    /// A withheld one is a tuple, too, so that its elements must be shown; the deployed contract
    /// takes it for something else. Spec: section 18, item 1.
    pub(super) fn opened(&self, value: Value) -> Result<Tuple, Stop> {
        match value {
            Value::Tuple(tuple) => Ok(tuple),
            Value::Withheld(_) if self.mode == Mode::Sound => Err(Refusal::WithheldTuple {
                opcode: self.opcode,
            }
            .into()),
            _ => Err(Stop::Fault),
        }
    }

    pub(super) fn push(&mut self, value: Value) {
        self.data.push(value);
    }

    pub(super) fn push_int(&mut self, value: U256) {
        self.push(Value::Int(value));
    }
}

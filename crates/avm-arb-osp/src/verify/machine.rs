//! The part of a machine that a proof shows: everything but the listed stack values.
//!
//! Spec: sections 5 and 13.

use avm_core::Hash;
use ruint::aliases::U256;

use super::reader::Reader;
use super::value::{Preimage, Value};
use super::{Mode, Refusal};

/// The error code point, K(01 ‖ 00 ‖ 0^32). Spec: sections 4 and 22.
pub(super) const ERR: Hash = Hash([
    0xb4, 0xc0, 0x06, 0x15, 0xf9, 0x5d, 0xc2, 0x49, 0x93, 0x40, 0x75, 0xfc, 0xc6, 0x69, 0x94, 0x75,
    0x96, 0xba, 0xf6, 0xe0, 0x70, 0xac, 0x80, 0xa5, 0x9f, 0x79, 0xda, 0xe9, 0x8a, 0xa9, 0x32, 0xf0,
]);

/// A machine whose topmost stack values are kept elsewhere.
#[derive(Clone)]
pub(super) struct Machine {
    pub(super) current: Hash,
    pub(super) data: Preimage,
    pub(super) aux: Preimage,
    pub(super) register: Value,
    pub(super) static_value: Value,
    pub(super) gas_remaining: U256,
    pub(super) handler: Hash,
}

impl Machine {
    /// Reads the machine block. `current` is what the proof gives there: the next code point.
    pub(super) fn read(reader: &mut Reader<'_>, mode: Mode) -> Result<Self, Refusal> {
        Ok(Self {
            current: reader.hash()?,
            data: Preimage::read(reader)?,
            aux: Preimage::read(reader)?,
            register: Value::read(reader, mode)?,
            static_value: Value::read(reader, mode)?,
            gas_remaining: reader.int()?,
            handler: reader.hash()?,
        })
    }

    /// Puts values on the stacks, the last one on top.
    pub(super) fn push_all(&mut self, data: &[Value], aux: &[Value]) {
        self.data = data.iter().fold(self.data, |rest, v| rest.pushed(v));
        self.aux = aux.iter().fold(self.aux, |rest, v| rest.pushed(v));
    }

    /// M of a machine that is neither halted nor in an error stop.
    pub(super) fn hash(&self) -> Hash {
        let parts = [
            self.current,
            self.data.hash(),
            self.aux.hash(),
            self.register.hash(),
            self.static_value.hash(),
            Hash(self.gas_remaining.to_be_bytes()),
            self.handler,
        ];
        let mut bytes = [0; 7 * 32];
        for (slot, part) in bytes.chunks_exact_mut(32).zip(parts) {
            slot.copy_from_slice(&part.0);
        }
        Hash::of(&bytes)
    }
}

/// M of a halted machine. Spec: section 5.
pub(super) const HALTED: Hash = Hash::ZERO;

/// M of a machine in an error stop: the integer 1. Spec: section 5.
pub(super) const ERROR_STOP: Hash = {
    let mut one = [0; 32];
    one[31] = 1;
    Hash(one)
};

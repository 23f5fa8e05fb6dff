//! What each opcode takes and costs, and which function does the rest.
//!
//! Spec: sections 6 and 7.

use super::step::{Step, Stop};
use super::{arith, buffer, code, curves, hashing, inbox, output, stack, tuple};

/// What an opcode does once its operands are there and its gas is paid.
type Run = fn(&mut Step<'_>) -> Result<(), Stop>;

/// One row of the table in section 7.
#[derive(Clone, Copy)]
pub(super) struct Row {
    /// Values taken from the data stack (nD).
    pub(super) data: usize,
    /// Values taken from the aux stack (nA).
    pub(super) aux: usize,
    /// Price without the variable part.
    pub(super) gas: u64,
    pub(super) run: Run,
}

/// The row of an opcode. Undefined opcodes take nothing, cost 5 and fail.
pub(super) fn row(opcode: u8) -> &'static Row {
    &ROWS[usize::from(opcode)]
}

static ROWS: [Row; 256] = {
    let mut rows = [UNDEFINED; 256];
    let mut at = 0;
    while at < OPCODES.len() {
        let (code, row) = OPCODES[at];
        rows[code as usize] = row;
        at += 1;
    }
    rows
};

const UNDEFINED: Row = Row {
    data: 0,
    aux: 0,
    gas: 5,
    run: code::error,
};

const fn op(code: u8, data: usize, aux: usize, gas: u64, run: Run) -> (u8, Row) {
    let row = Row {
        data,
        aux,
        gas,
        run,
    };
    (code, row)
}

/// Code, nD, nA, gas.
const OPCODES: &[(u8, Row)] = &[
    op(0x01, 2, 0, 3, arith::add),
    op(0x02, 2, 0, 3, arith::mul),
    op(0x03, 2, 0, 3, arith::sub),
    op(0x04, 2, 0, 4, arith::div),
    op(0x05, 2, 0, 7, arith::sdiv),
    op(0x06, 2, 0, 4, arith::modulo),
    op(0x07, 2, 0, 7, arith::smod),
    op(0x08, 3, 0, 4, arith::addmod),
    op(0x09, 3, 0, 4, arith::mulmod),
    op(0x0a, 2, 0, 25, arith::exp),
    op(0x0b, 2, 0, 7, arith::signextend),
    op(0x10, 2, 0, 2, arith::lt),
    op(0x11, 2, 0, 2, arith::gt),
    op(0x12, 2, 0, 2, arith::slt),
    op(0x13, 2, 0, 2, arith::sgt),
    op(0x14, 2, 0, 2, stack::eq),
    op(0x15, 1, 0, 1, arith::iszero),
    op(0x16, 2, 0, 2, arith::and),
    op(0x17, 2, 0, 2, arith::or),
    op(0x18, 2, 0, 2, arith::xor),
    op(0x19, 1, 0, 1, arith::not),
    op(0x1a, 2, 0, 4, arith::byte),
    op(0x1b, 2, 0, 4, arith::shl),
    op(0x1c, 2, 0, 4, arith::shr),
    op(0x1d, 2, 0, 4, arith::sar),
    op(0x20, 1, 0, 7, hashing::hash),
    op(0x21, 1, 0, 3, hashing::type_code),
    op(0x22, 2, 0, 8, hashing::ethhash2),
    op(0x23, 1, 0, 600, hashing::keccakf),
    op(0x24, 3, 0, 250, hashing::sha256f),
    op(0x30, 1, 0, 1, stack::pop),
    op(0x31, 0, 0, 1, stack::spush),
    op(0x32, 0, 0, 1, stack::rpush),
    op(0x33, 1, 0, 2, stack::rset),
    op(0x34, 1, 0, 4, code::jump),
    op(0x35, 2, 0, 4, code::cjump),
    op(0x36, 0, 0, 2, stack::stackempty),
    op(0x37, 0, 0, 1, code::pcpush),
    op(0x38, 1, 0, 1, stack::auxpush),
    op(0x39, 0, 1, 1, stack::auxpop),
    op(0x3a, 0, 0, 2, stack::auxstackempty),
    op(0x3b, 0, 0, 1, code::nop),
    op(0x3c, 0, 0, 1, code::errpush),
    op(0x3d, 1, 0, 1, code::errset),
    op(0x40, 1, 0, 1, stack::dup::<0>),
    op(0x41, 2, 0, 1, stack::dup::<1>),
    op(0x42, 3, 0, 1, stack::dup::<2>),
    op(0x43, 2, 0, 1, stack::swap::<1>),
    op(0x44, 3, 0, 1, stack::swap::<2>),
    op(0x50, 2, 0, 2, tuple::tget),
    op(0x51, 3, 0, 40, tuple::tset),
    op(0x52, 1, 0, 2, tuple::tlen),
    op(0x53, 1, 1, 3, tuple::xget),
    op(0x54, 2, 1, 41, tuple::xset),
    op(0x60, 0, 0, 100, code::nop),
    op(0x61, 1, 0, 100, output::log),
    op(0x70, 2, 0, 100, output::send),
    op(0x72, 0, 0, 40, inbox::inbox),
    op(0x73, 0, 0, 5, code::error),
    op(0x74, 0, 0, 10, code::halt),
    op(0x75, 1, 0, 1, code::setgas),
    op(0x76, 0, 0, 1, code::pushgas),
    op(0x77, 0, 0, 25, code::errcodepoint),
    op(0x78, 2, 0, 25, code::pushinsn),
    op(0x79, 3, 0, 25, code::pushinsnimm),
    op(0x7b, 1, 0, 10, code::sideload),
    op(0x80, 4, 0, 20000, curves::ecrecover),
    op(0x81, 4, 0, 3500, curves::ecadd),
    op(0x82, 3, 0, 82000, curves::ecmul),
    op(0x83, 1, 0, 1000, curves::ecpairing),
    op(0x90, 1, 0, 1, stack::pop),
    op(0xa0, 0, 0, 1, buffer::newbuffer),
    op(0xa1, 2, 0, 10, buffer::get::<1>),
    op(0xa2, 2, 0, 10, buffer::get::<8>),
    op(0xa3, 2, 0, 10, buffer::get::<32>),
    op(0xa4, 3, 0, 100, buffer::set::<1>),
    op(0xa5, 3, 0, 100, buffer::set::<8>),
    op(0xa6, 3, 0, 100, buffer::set::<32>),
];

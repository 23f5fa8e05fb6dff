//! The opcode table: one row an opcode, and everything about it follows from the row.
//!
//! Operands are named A, B, C, D from the top of the stack down. Spec: section 7.

use avm_core::{Host, HostError};
use avm_isa::Look::{Closed, Open};
use avm_isa::{Info, Op, index, op};

use crate::fault::Trap;
use crate::state::State;
use crate::value::CodeRef;

pub(crate) mod arith;
pub(crate) mod buffers;
pub(crate) mod codes;
pub(crate) mod curves;
pub(crate) mod hashing;
pub(crate) mod io;
pub(crate) mod stacks;
pub(crate) mod tuples;

/// What happens after an operation that did its work.
pub(crate) enum Flow {
    /// The next operation runs.
    Next,
    /// The operation at a code point runs.
    Jump(CodeRef),
    /// The operation was not executed: there is no message yet.
    Wait,
    /// The machine halts.
    Halt,
}

/// The work of an operation. Operands are on the stacks, the gas is paid. A handler takes its
/// operands off the stacks; on a fault the engine drops those that are left.
pub(crate) type Run = fn(&mut State, &mut dyn Host) -> Result<Flow, Trap>;

/// The variable part of the gas of an operation, found before anything is charged.
pub(crate) type Surcharge = fn(&mut State) -> Result<u64, HostError>;

/// The code columns of a row.
#[derive(Clone, Copy)]
pub(crate) struct Exec {
    pub(crate) run: Run,
    pub(crate) surcharge: Option<Surcharge>,
}

const fn exec(run: Run) -> Exec {
    Exec {
        run,
        surcharge: None,
    }
}

/// Every opcode, in order.
#[rustfmt::skip]
pub(crate) const OPS: &[Op<Exec>] = &[
    op(0x01, "add").pops(&[Open, Open]).pushes(1).gas(3).doc("A + B modulo 2^256.").run(exec(arith::add)),
    op(0x02, "mul").pops(&[Open, Open]).pushes(1).gas(3).doc("A * B modulo 2^256.").run(exec(arith::mul)),
    op(0x03, "sub").pops(&[Open, Open]).pushes(1).gas(3).doc("A - B modulo 2^256.").run(exec(arith::sub)),
    op(0x04, "div").pops(&[Open, Open]).pushes(1).gas(4).doc("A / B unsigned; error if B is 0.").run(exec(arith::div)),
    op(0x05, "sdiv").pops(&[Open, Open]).pushes(1).gas(7).doc("A / B signed, truncated toward 0; error if B is 0.").run(exec(arith::sdiv)),
    op(0x06, "mod").pops(&[Open, Open]).pushes(1).gas(4).doc("A modulo B unsigned; error if B is 0.").run(exec(arith::rem)),
    op(0x07, "smod").pops(&[Open, Open]).pushes(1).gas(7).doc("Signed remainder of A / B with the sign of A; error if B is 0.").run(exec(arith::smod)),
    op(0x08, "addmod").pops(&[Open, Open, Open]).pushes(1).gas(4).doc("(A + B) modulo C without overflow; error if C is 0.").run(exec(arith::addmod)),
    op(0x09, "mulmod").pops(&[Open, Open, Open]).pushes(1).gas(4).doc("(A * B) modulo C with a 512-bit product; error if C is 0.").run(exec(arith::mulmod)),
    op(0x0a, "exp").pops(&[Open, Open]).pushes(1).gas(25).doc("A to the power B modulo 2^256; 0^0 = 1.").run(exec(arith::exp)),
    op(0x0b, "signextend").pops(&[Open, Open]).pushes(1).gas(7).doc("B with its sign extended from byte A, counted from the least significant; B if A >= 31.").run(exec(arith::signextend)),
    op(0x10, "lt").pops(&[Open, Open]).pushes(1).gas(2).doc("1 if A < B unsigned, else 0.").run(exec(arith::lt)),
    op(0x11, "gt").pops(&[Open, Open]).pushes(1).gas(2).doc("1 if A > B unsigned, else 0.").run(exec(arith::gt)),
    op(0x12, "slt").pops(&[Open, Open]).pushes(1).gas(2).doc("1 if A < B signed, else 0.").run(exec(arith::slt)),
    op(0x13, "sgt").pops(&[Open, Open]).pushes(1).gas(2).doc("1 if A > B signed, else 0.").run(exec(arith::sgt)),
    op(0x14, "eq").pops(&[Closed, Closed]).pushes(1).gas(2).doc("1 if A and B have the same hash, else 0; of any kinds.").run(exec(hashing::eq)),
    op(0x15, "iszero").pops(&[Open]).pushes(1).gas(1).doc("1 if A is 0, else 0.").run(exec(arith::iszero)),
    op(0x16, "and").pops(&[Open, Open]).pushes(1).gas(2).doc("Bitwise and.").run(exec(arith::and)),
    op(0x17, "or").pops(&[Open, Open]).pushes(1).gas(2).doc("Bitwise or.").run(exec(arith::or)),
    op(0x18, "xor").pops(&[Open, Open]).pushes(1).gas(2).doc("Bitwise exclusive or.").run(exec(arith::xor)),
    op(0x19, "not").pops(&[Open]).pushes(1).gas(1).doc("Bitwise complement.").run(exec(arith::not)),
    op(0x1a, "byte").pops(&[Open, Open]).pushes(1).gas(4).doc("Byte A of B, counted from the most significant; 0 if A >= 32.").run(exec(arith::byte)),
    op(0x1b, "shl").pops(&[Open, Open]).pushes(1).gas(4).doc("B shifted left by A bits; 0 if A >= 256.").run(exec(arith::shl)),
    op(0x1c, "shr").pops(&[Open, Open]).pushes(1).gas(4).doc("B shifted right by A bits; 0 if A >= 256.").run(exec(arith::shr)),
    op(0x1d, "sar").pops(&[Open, Open]).pushes(1).gas(4).doc("B shifted right by A bits, keeping its sign.").run(exec(arith::sar)),
    op(0x20, "hash").pops(&[Closed]).pushes(1).gas(7).doc("Hash of A, of any kind, as an int.").run(exec(hashing::hash)),
    op(0x21, "type").pops(&[Open]).pushes(1).gas(3).doc("Kind of A: 0 int, 1 code point, 3 tuple, 12 buffer.").run(exec(hashing::kind)),
    op(0x22, "ethhash2").pops(&[Open, Open]).pushes(1).gas(8).doc("Keccak-256 of A and B as 64 bytes.").run(exec(hashing::ethhash2)),
    op(0x23, "keccakf").pops(&[Open]).pushes(1).gas(600).doc("Keccak-f[1600] of the 7-tuple A, lanes little-endian.").run(exec(hashing::keccakf)),
    op(0x24, "sha256f").pops(&[Open, Open, Open]).pushes(1).gas(250).doc("SHA-256 compression of chaining value A and the block B, C.").run(exec(hashing::sha256f)),
    op(0x30, "pop").pops(&[Closed]).gas(1).doc("Drops A.").run(exec(stacks::pop)),
    op(0x31, "spush").pushes(1).gas(1).doc("Pushes the static value.").run(exec(stacks::spush)),
    op(0x32, "rpush").pushes(1).gas(1).doc("Pushes the register.").run(exec(stacks::rpush)),
    op(0x33, "rset").pops(&[Closed]).gas(2).doc("Sets the register to A.").run(exec(stacks::rset)),
    op(0x34, "jump").pops(&[Closed]).gas(4).doc("Goes to code point A.").run(exec(codes::jump)),
    op(0x35, "cjump").pops(&[Open, Open]).gas(4).doc("Goes to code point A if the int B is not 0.").run(exec(codes::cjump)),
    op(0x36, "stackempty").pushes(1).gas(2).doc("1 if the data stack is empty, else 0.").run(exec(stacks::stackempty)),
    op(0x37, "pcpush").pushes(1).gas(1).doc("Pushes the code point of this operation.").run(exec(codes::pcpush)),
    op(0x38, "auxpush").pops(&[Closed]).aux_pushes(1).gas(1).doc("Moves A to the aux stack.").run(exec(stacks::auxpush)),
    op(0x39, "auxpop").aux_pops(&[Closed]).pushes(1).gas(1).doc("Moves the top of the aux stack to the data stack.").run(exec(stacks::auxpop)),
    op(0x3a, "auxstackempty").pushes(1).gas(2).doc("1 if the aux stack is empty, else 0.").run(exec(stacks::auxstackempty)),
    op(0x3b, "nop").gas(1).doc("Does nothing; with an immediate it is a push.").run(exec(stacks::nop)),
    op(0x3c, "errpush").pushes(1).gas(1).doc("Pushes the error handler.").run(exec(codes::errpush)),
    op(0x3d, "errset").pops(&[Open]).gas(1).doc("Sets the error handler to code point A; the error code point disarms it.").run(exec(codes::errset)),
    op(0x40, "dup0").pops(&[Closed]).pushes(2).gas(1).doc("Copies A.").run(exec(stacks::dup0)),
    op(0x41, "dup1").pops(&[Closed, Closed]).pushes(3).gas(1).doc("Copies B to the top.").run(exec(stacks::dup1)),
    op(0x42, "dup2").pops(&[Closed, Closed, Closed]).pushes(4).gas(1).doc("Copies C to the top.").run(exec(stacks::dup2)),
    op(0x43, "swap1").pops(&[Closed, Closed]).pushes(2).gas(1).doc("Exchanges A and B.").run(exec(stacks::swap1)),
    op(0x44, "swap2").pops(&[Closed, Closed, Closed]).pushes(3).gas(1).doc("Exchanges A and C.").run(exec(stacks::swap2)),
    op(0x50, "tget").pops(&[Open, Open]).pushes(1).gas(2).doc("Element A of tuple B.").run(exec(tuples::tget)),
    op(0x51, "tset").pops(&[Open, Open, Closed]).pushes(1).gas(40).doc("Tuple B with element A replaced by C.").run(exec(tuples::tset)),
    op(0x52, "tlen").pops(&[Open]).pushes(1).gas(2).doc("Number of elements of tuple A.").run(exec(tuples::tlen)),
    op(0x53, "xget").pops(&[Open]).aux_pops(&[Open]).pushes(1).aux_pushes(1).gas(3).doc("Element A of the tuple on top of the aux stack, which stays.").run(exec(tuples::xget)),
    op(0x54, "xset").pops(&[Open, Closed]).aux_pops(&[Open]).aux_pushes(1).gas(41).doc("Replaces element A of the tuple on top of the aux stack by B.").run(exec(tuples::xset)),
    op(0x60, "breakpoint").gas(100).doc("Does nothing; a node may stop there.").run(exec(stacks::nop)),
    op(0x61, "log").pops(&[Closed]).gas(100).doc("Adds A to the logs.").run(exec(io::log)),
    op(0x70, "send").pops(&[Open, Open]).gas(100).doc("Sends the first A bytes of buffer B; error if A is 0, above 10000 or less than B holds.").run(exec(io::send)),
    op(0x72, "inbox").pushes(1).gas(40).doc("Takes the next message; waits until there is one.").run(exec(io::inbox)),
    op(0x73, "error").gas(5).doc("An error.").run(exec(codes::error)),
    op(0x74, "halt").gas(10).doc("Halts the machine.").run(exec(codes::halt)),
    op(0x75, "setgas").pops(&[Open]).gas(1).doc("Sets the gas left to A.").run(exec(codes::setgas)),
    op(0x76, "pushgas").pushes(1).gas(1).doc("Pushes the gas left.").run(exec(codes::pushgas)),
    op(0x77, "errcodepoint").pushes(1).gas(25).doc("Pushes the error code point, which ends every segment.").run(exec(codes::errcodepoint)),
    op(0x78, "pushinsn").pops(&[Open, Open]).pushes(1).gas(25).doc("Code point of opcode A in front of code point B.").run(exec(codes::pushinsn)),
    op(0x79, "pushinsnimm").pops(&[Open, Closed, Open]).pushes(1).gas(25).doc("Code point of opcode A with immediate B in front of code point C.").run(exec(codes::pushinsnimm)),
    op(0x7b, "sideload").pops(&[Open]).pushes(1).gas(10).doc("Pushes the empty tuple; A is the L2 block number.").run(exec(io::sideload)),
    op(0x80, "ecrecover").pops(&[Open, Open, Open, Open]).pushes(1).gas(20_000).doc("Ethereum address that signed hash D with r = A, s = B, recovery id C; 0 if none.").run(exec(curves::ecrecover)),
    op(0x81, "ecadd").pops(&[Open, Open, Open, Open]).pushes(2).gas(3_500).doc("Sum of the alt_bn128 points (A, B) and (C, D); leaves x on top of y.").run(exec(curves::ecadd)),
    op(0x82, "ecmul").pops(&[Open, Open, Open]).pushes(2).gas(82_000).doc("C times the alt_bn128 point (A, B); leaves x on top of y.").run(exec(curves::ecmul)),
    op(0x83, "ecpairing").pops(&[Open]).pushes(1).gas_plus(1_000, "500000 an item").doc("1 if the product of the pairings in list A is one, else 0; at most 30 items.").run(Exec { run: curves::ecpairing, surcharge: Some(curves::pairing_gas) }),
    op(0x90, "debugprint").pops(&[Closed]).gas(1).doc("Drops A; a node may show it.").run(exec(stacks::pop)),
    op(0xa0, "newbuffer").pushes(1).gas(1).doc("Pushes the all-zero buffer.").run(exec(buffers::newbuffer)),
    op(0xa1, "getbuffer8").pops(&[Open, Open]).pushes(1).gas(10).doc("Byte at offset A of buffer B.").run(exec(buffers::getbuffer8)),
    op(0xa2, "getbuffer64").pops(&[Open, Open]).pushes(1).gas(10).doc("8 bytes from offset A of buffer B, big-endian.").run(exec(buffers::getbuffer64)),
    op(0xa3, "getbuffer256").pops(&[Open, Open]).pushes(1).gas(10).doc("32 bytes from offset A of buffer B, big-endian.").run(exec(buffers::getbuffer256)),
    op(0xa4, "setbuffer8").pops(&[Open, Open, Open]).pushes(1).gas(100).doc("Buffer C with the byte B at offset A.").run(exec(buffers::setbuffer8)),
    op(0xa5, "setbuffer64").pops(&[Open, Open, Open]).pushes(1).gas(100).doc("Buffer C with the 8 bytes of B from offset A.").run(exec(buffers::setbuffer64)),
    op(0xa6, "setbuffer256").pops(&[Open, Open, Open]).pushes(1).gas(100).doc("Buffer C with the 32 bytes of B from offset A.").run(exec(buffers::setbuffer256)),
];

/// The table by opcode.
pub(crate) static DECODE: [Option<&Op<Exec>>; 256] = index(OPS);

/// Gas of an error, and of an opcode that is not in the table.
pub(crate) const ERROR_GAS: u64 = 5;

/// The columns of every row, for documents, assemblers and traces.
pub fn infos() -> impl ExactSizeIterator<Item = Info> {
    OPS.iter().map(|op| op.info)
}

/// The columns of an opcode's row; `None` if it is not in the table.
#[must_use]
pub fn info(code: u8) -> Option<&'static Info> {
    DECODE[usize::from(code)].map(|op| &op.info)
}

/// Name of an opcode; `None` if it is not in the table.
#[must_use]
pub fn name(code: u8) -> Option<&'static str> {
    DECODE[usize::from(code)].map(|op| op.info.name)
}

/// Opcode with a name.
#[must_use]
pub fn code(name: &str) -> Option<u8> {
    OPS.iter()
        .find(|op| op.info.name == name)
        .map(|op| op.info.code)
}

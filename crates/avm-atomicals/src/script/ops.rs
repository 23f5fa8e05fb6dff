//! The opcode table of a contract. Spec: sections 6 and 7.

pub(crate) mod arith;
mod block;
pub(crate) mod bytes;
pub(crate) mod control;
pub(crate) mod digest;
mod introspect;
mod signature;
pub(crate) mod stack;
mod storage;
mod token;

use avm_isa::{
    Look::{Closed, Open},
    Op, index, op,
};

use super::call::Call;
use super::fault::Trap;
use super::frame::Frame;

use Exec::{Branch, Number, Pure, Push, Return};

/// What a handler returns.
pub(crate) type Done = Result<(), Trap>;

/// What an instruction does. The loop has counted its operands and charged its base cost.
#[derive(Clone, Copy, Debug)]
pub enum Exec {
    /// Pushes bytes of the script.
    Push,
    /// Pushes a number.
    Number(i8),
    /// Works on the stacks alone.
    Pure(fn(&mut Frame) -> Result<(), Trap>),
    /// Works on the conditions, and runs in branches that are not executed, too.
    Branch(fn(&mut Frame, bool) -> Result<(), Trap>),
    /// Works on what the call brings and does.
    Call(fn(&mut Frame, &mut Call) -> Result<(), Trap>),
    /// Ends the script.
    Return,
}

/// Every opcode but the direct pushes of 1 to 75 bytes.
pub const OPS: &[Op<Exec>] = &[
    op(0x00, "OP_0").pushes(1).gas(10).doc("Pushes the empty element: zero, false.").run(Number(0)),
    op(0x4c, "OP_PUSHDATA1").pushes(1).gas_plus(10, "1 per 8 bytes").doc("Pushes up to 255 bytes; their number follows in one byte.").run(Push),
    op(0x4d, "OP_PUSHDATA2").pushes(1).gas_plus(10, "1 per 8 bytes").doc("Pushes bytes; their number follows in two bytes, little-endian.").run(Push),
    op(0x4e, "OP_PUSHDATA4").pushes(1).gas_plus(10, "1 per 8 bytes").doc("Pushes bytes; their number follows in four bytes, little-endian.").run(Push),
    op(0x4f, "OP_1NEGATE").pushes(1).gas(10).doc("Pushes the number -1.").run(Number(-1)),
    op(0x50, "OP_RESERVED").gas(10).doc("Fails if executed.").run(Pure(control::bad)),
    op(0x51, "OP_1").pushes(1).gas(10).doc("Pushes the number 1.").run(Number(1)),
    op(0x52, "OP_2").pushes(1).gas(10).doc("Pushes the number 2.").run(Number(2)),
    op(0x53, "OP_3").pushes(1).gas(10).doc("Pushes the number 3.").run(Number(3)),
    op(0x54, "OP_4").pushes(1).gas(10).doc("Pushes the number 4.").run(Number(4)),
    op(0x55, "OP_5").pushes(1).gas(10).doc("Pushes the number 5.").run(Number(5)),
    op(0x56, "OP_6").pushes(1).gas(10).doc("Pushes the number 6.").run(Number(6)),
    op(0x57, "OP_7").pushes(1).gas(10).doc("Pushes the number 7.").run(Number(7)),
    op(0x58, "OP_8").pushes(1).gas(10).doc("Pushes the number 8.").run(Number(8)),
    op(0x59, "OP_9").pushes(1).gas(10).doc("Pushes the number 9.").run(Number(9)),
    op(0x5a, "OP_10").pushes(1).gas(10).doc("Pushes the number 10.").run(Number(10)),
    op(0x5b, "OP_11").pushes(1).gas(10).doc("Pushes the number 11.").run(Number(11)),
    op(0x5c, "OP_12").pushes(1).gas(10).doc("Pushes the number 12.").run(Number(12)),
    op(0x5d, "OP_13").pushes(1).gas(10).doc("Pushes the number 13.").run(Number(13)),
    op(0x5e, "OP_14").pushes(1).gas(10).doc("Pushes the number 14.").run(Number(14)),
    op(0x5f, "OP_15").pushes(1).gas(10).doc("Pushes the number 15.").run(Number(15)),
    op(0x60, "OP_16").pushes(1).gas(10).doc("Pushes the number 16.").run(Number(16)),
    op(0x61, "OP_NOP").gas(10).doc("Does nothing.").run(Pure(control::nop)),
    op(0x62, "OP_VER").gas(10).doc("Fails if executed.").run(Pure(control::bad)),
    op(0x63, "OP_IF").pops(&[Open]).gas(10).doc("Executes what follows if the top is true: one byte 01; empty is false.").run(Branch(control::if_)),
    op(0x64, "OP_NOTIF").pops(&[Open]).gas(10).doc("Executes what follows if the top is false.").run(Branch(control::notif)),
    op(0x65, "OP_VERIF").gas(10).doc("Fails even when not executed.").run(Branch(control::never)),
    op(0x66, "OP_VERNOTIF").gas(10).doc("Fails even when not executed.").run(Branch(control::never)),
    op(0x67, "OP_ELSE").gas(10).doc("Turns the innermost condition around.").run(Branch(control::else_)),
    op(0x68, "OP_ENDIF").gas(10).doc("Ends the innermost condition.").run(Branch(control::endif)),
    op(0x69, "OP_VERIFY").pops(&[Open]).gas(10).doc("Fails unless the top is true.").run(Pure(control::verify)),
    op(0x6a, "OP_RETURN").gas(10).doc("Ends this script with success if the main stack is empty, else fails.").run(Return),
    op(0x6b, "OP_TOALTSTACK").pops(&[Closed]).aux_pushes(1).gas(10).doc("Moves the top to the alt stack.").run(Pure(stack::to_alt)),
    op(0x6c, "OP_FROMALTSTACK").aux_pops(&[Closed]).pushes(1).gas(10).doc("Moves the top of the alt stack to the main stack.").run(Pure(stack::from_alt)),
    op(0x6d, "OP_2DROP").pops(&[Closed, Closed]).gas(10).doc("Drops the two top elements.").run(Pure(stack::drop2)),
    op(0x6e, "OP_2DUP").pops(&[Closed, Closed]).pushes(4).gas_plus(10, "1 per 8 bytes copied").doc("Copies the two top elements: a b -- a b a b.").run(Pure(stack::dup2)),
    op(0x6f, "OP_3DUP").pops(&[Closed, Closed, Closed]).pushes(6).gas_plus(10, "1 per 8 bytes copied").doc("Copies the three top elements.").run(Pure(stack::dup3)),
    op(0x70, "OP_2OVER").pops(&[Closed, Closed, Closed, Closed]).pushes(6).gas_plus(10, "1 per 8 bytes copied").doc("Copies the pair below the top pair: a b c d -- a b c d a b.").run(Pure(stack::over2)),
    op(0x71, "OP_2ROT").pops(&[Closed, Closed, Closed, Closed, Closed, Closed]).pushes(6).gas(10).doc("Brings the third pair to the top: a b c d e f -- c d e f a b.").run(Pure(stack::rot2)),
    op(0x72, "OP_2SWAP").pops(&[Closed, Closed, Closed, Closed]).pushes(4).gas(10).doc("Exchanges the two top pairs: a b c d -- c d a b.").run(Pure(stack::swap2)),
    op(0x73, "OP_IFDUP").pops(&[Open]).pushes(2).gas_plus(10, "1 per 8 bytes copied").doc("Copies the top if it is true.").run(Pure(stack::ifdup)),
    op(0x74, "OP_DEPTH").pushes(1).gas(10).doc("Pushes the number of elements on the main stack.").run(Pure(stack::depth)),
    op(0x75, "OP_DROP").pops(&[Closed]).gas(10).doc("Drops the top.").run(Pure(stack::drop)),
    op(0x76, "OP_DUP").pops(&[Closed]).pushes(2).gas_plus(10, "1 per 8 bytes copied").doc("Copies the top.").run(Pure(stack::dup)),
    op(0x77, "OP_NIP").pops(&[Closed, Closed]).pushes(1).gas(10).doc("Drops the element below the top.").run(Pure(stack::nip)),
    op(0x78, "OP_OVER").pops(&[Closed, Closed]).pushes(3).gas_plus(10, "1 per 8 bytes copied").doc("Copies the element below the top.").run(Pure(stack::over)),
    op(0x79, "OP_PICK").pops(&[Open, Closed]).pushes(1).gas_plus(10, "1 per 8 bytes copied, 1 per element above it").doc("Copies the element k below the operand: ... k -- ... x.").run(Pure(stack::pick)),
    op(0x7a, "OP_ROLL").pops(&[Open, Closed]).pushes(1).gas_plus(10, "1 per element above it").doc("Moves the element k below the operand to the top: ... k -- ... x.").run(Pure(stack::roll)),
    op(0x7b, "OP_ROT").pops(&[Closed, Closed, Closed]).pushes(3).gas(10).doc("Brings the third element to the top: a b c -- b c a.").run(Pure(stack::rot)),
    op(0x7c, "OP_SWAP").pops(&[Closed, Closed]).pushes(2).gas(10).doc("Exchanges the two top elements.").run(Pure(stack::swap)),
    op(0x7d, "OP_TUCK").pops(&[Closed, Closed]).pushes(3).gas_plus(10, "1 per 8 bytes copied").doc("Copies the top below the second: a b -- b a b.").run(Pure(stack::tuck)),
    op(0x7e, "OP_CAT").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes copied").doc("Joins two elements: a b -- ab.").run(Pure(bytes::cat)),
    op(0x7f, "OP_SPLIT").pops(&[Open, Open]).pushes(2).gas_plus(10, "1 per 8 bytes copied").doc("Splits an element at position k: x k -- x[..k] x[k..].").run(Pure(bytes::split)),
    op(0x80, "OP_NUM2BIN").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the longer of operand and result").doc("Encodes a number in a given number of bytes: x size -- y.").run(Pure(bytes::num2bin)),
    op(0x81, "OP_BIN2NUM").pops(&[Open]).pushes(1).gas_plus(10, "1 per 8 bytes copied").doc("Makes the shortest number of an element.").run(Pure(bytes::bin2num)),
    op(0x82, "OP_SIZE").pops(&[Closed]).pushes(2).gas(10).doc("Pushes the length of the top in bytes, and leaves it.").run(Pure(stack::size)),
    op(0x83, "OP_INVERT").pops(&[Open]).pushes(1).gas_plus(10, "1 per 8 bytes copied").doc("Inverts each bit.").run(Pure(bytes::invert)),
    op(0x84, "OP_AND").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes copied").doc("And of each bit of two elements of one length.").run(Pure(bytes::and)),
    op(0x85, "OP_OR").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes copied").doc("Or of each bit of two elements of one length.").run(Pure(bytes::or)),
    op(0x86, "OP_XOR").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes copied").doc("Exclusive or of each bit of two elements of one length.").run(Pure(bytes::xor)),
    op(0x87, "OP_EQUAL").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the shorter").doc("Whether two elements are the same bytes.").run(Pure(bytes::equal)),
    op(0x88, "OP_EQUALVERIFY").pops(&[Open, Open]).gas_plus(10, "1 per 8 bytes of the shorter").doc("Fails unless two elements are the same bytes.").run(Pure(bytes::equal_verify)),
    op(0x89, "OP_RESERVED1").gas(10).doc("Fails if executed.").run(Pure(control::bad)),
    op(0x8a, "OP_RESERVED2").gas(10).doc("Fails if executed.").run(Pure(control::bad)),
    op(0x8b, "OP_1ADD").pops(&[Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("Adds 1.").run(Pure(arith::add1)),
    op(0x8c, "OP_1SUB").pops(&[Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("Subtracts 1.").run(Pure(arith::sub1)),
    op(0x8d, "OP_2MUL").gas(10).doc("Switched off: fails even when not executed.").run(Pure(control::disabled)),
    op(0x8e, "OP_2DIV").gas(10).doc("Switched off: fails even when not executed.").run(Pure(control::disabled)),
    op(0x8f, "OP_NEGATE").pops(&[Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("Changes the sign.").run(Pure(arith::negate)),
    op(0x90, "OP_ABS").pops(&[Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("Makes a number positive.").run(Pure(arith::abs)),
    op(0x91, "OP_NOT").pops(&[Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("1 for zero, else 0.").run(Pure(arith::not)),
    op(0x92, "OP_0NOTEQUAL").pops(&[Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("0 for zero, else 1.").run(Pure(arith::not_equal_0)),
    op(0x93, "OP_ADD").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("Sum.").run(Pure(arith::add)),
    op(0x94, "OP_SUB").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("Difference: a b -- a-b.").run(Pure(arith::sub)),
    op(0x95, "OP_MUL").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes, and a quarter of the product of both lengths in words of 8 bytes").doc("Product.").run(Pure(arith::mul)),
    op(0x96, "OP_DIV").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes, and a quarter of the product of both lengths in words of 8 bytes").doc("Quotient, rounded towards zero: a b -- a/b.").run(Pure(arith::div)),
    op(0x97, "OP_MOD").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes, and a quarter of the product of both lengths in words of 8 bytes").doc("Remainder, with the sign of the dividend.").run(Pure(arith::rem)),
    op(0x98, "OP_LSHIFT").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes copied").doc("Shifts the bits of an element towards its first byte; the length stays.").run(Pure(bytes::lshift)),
    op(0x99, "OP_RSHIFT").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes copied").doc("Shifts the bits of an element towards its last byte; the length stays.").run(Pure(bytes::rshift)),
    op(0x9a, "OP_BOOLAND").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("Whether both numbers are not zero.").run(Pure(arith::bool_and)),
    op(0x9b, "OP_BOOLOR").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("Whether one of two numbers is not zero.").run(Pure(arith::bool_or)),
    op(0x9c, "OP_NUMEQUAL").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("Whether two numbers are equal.").run(Pure(arith::num_equal)),
    op(0x9d, "OP_NUMEQUALVERIFY").pops(&[Open, Open]).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("Fails unless two numbers are equal.").run(Pure(arith::num_equal_verify)),
    op(0x9e, "OP_NUMNOTEQUAL").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("Whether two numbers differ.").run(Pure(arith::num_not_equal)),
    op(0x9f, "OP_LESSTHAN").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("Whether a < b.").run(Pure(arith::less)),
    op(0xa0, "OP_GREATERTHAN").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("Whether a > b.").run(Pure(arith::greater)),
    op(0xa1, "OP_LESSTHANOREQUAL").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("Whether a <= b.").run(Pure(arith::less_or_equal)),
    op(0xa2, "OP_GREATERTHANOREQUAL").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("Whether a >= b.").run(Pure(arith::greater_or_equal)),
    op(0xa3, "OP_MIN").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("The smaller of two numbers.").run(Pure(arith::min)),
    op(0xa4, "OP_MAX").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("The larger of two numbers.").run(Pure(arith::max)),
    op(0xa5, "OP_WITHIN").pops(&[Open, Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the operands, 20 if one is above 8 bytes").doc("Whether low <= x < high: x low high -- bool.").run(Pure(arith::within)),
    op(0xa6, "OP_RIPEMD160").pops(&[Open]).pushes(1).gas_plus(10, "64 per block").doc("RIPEMD-160 of the top.").run(Pure(digest::ripemd160)),
    op(0xa7, "OP_SHA1").pops(&[Open]).pushes(1).gas_plus(10, "16 per block").doc("SHA-1 of the top.").run(Pure(digest::sha1)),
    op(0xa8, "OP_SHA256").pops(&[Open]).pushes(1).gas_plus(10, "16 per block").doc("SHA-256 of the top.").run(Pure(digest::sha256)),
    op(0xa9, "OP_HASH160").pops(&[Open]).pushes(1).gas_plus(10, "16 per block, 64").doc("RIPEMD-160 of the SHA-256 of the top.").run(Pure(digest::hash160)),
    op(0xaa, "OP_HASH256").pops(&[Open]).pushes(1).gas_plus(10, "16 per block, 16").doc("SHA-256 of the SHA-256 of the top.").run(Pure(digest::hash256)),
    op(0xab, "OP_CODESEPARATOR").gas(10).doc("Fails if executed: a contract has no signature of a spent output.").run(Pure(control::bad)),
    op(0xac, "OP_CHECKSIG").gas(10).doc("Fails if executed: a contract has no signature of a spent output.").run(Pure(control::bad)),
    op(0xad, "OP_CHECKSIGVERIFY").gas(10).doc("Fails if executed: a contract has no signature of a spent output.").run(Pure(control::bad)),
    op(0xae, "OP_CHECKMULTISIG").gas(10).doc("Fails if executed: a contract has no signature of a spent output.").run(Pure(control::bad)),
    op(0xaf, "OP_CHECKMULTISIGVERIFY").gas(10).doc("Fails if executed: a contract has no signature of a spent output.").run(Pure(control::bad)),
    op(0xb0, "OP_NOP1").gas(10).doc("Does nothing.").run(Pure(control::nop)),
    op(0xb1, "OP_CHECKLOCKTIMEVERIFY").pops(&[Open]).pushes(1).gas(10).doc("Fails unless the lock time of the transaction has reached the operand, which stays.").run(Exec::Call(introspect::check_lock_time)),
    op(0xb2, "OP_CHECKSEQUENCEVERIFY").gas(10).doc("Does nothing.").run(Pure(control::nop)),
    op(0xb3, "OP_NOP4").gas(10).doc("Does nothing.").run(Pure(control::nop)),
    op(0xb4, "OP_NOP5").gas(10).doc("Does nothing.").run(Pure(control::nop)),
    op(0xb5, "OP_NOP6").gas(10).doc("Does nothing.").run(Pure(control::nop)),
    op(0xb6, "OP_NOP7").gas(10).doc("Does nothing.").run(Pure(control::nop)),
    op(0xb7, "OP_NOP8").gas(10).doc("Does nothing.").run(Pure(control::nop)),
    op(0xb8, "OP_NOP9").gas(10).doc("Does nothing.").run(Pure(control::nop)),
    op(0xb9, "OP_NOP10").gas(10).doc("Does nothing.").run(Pure(control::nop)),
    op(0xba, "OP_CHECKDATASIG").pops(&[Open, Open, Open]).pushes(1).gas_plus(10, "8000 and 16 per block of the message, unless the signature is empty").doc("Whether a signature of the SHA-256 of a message is good: sig message key -- bool.").run(Pure(signature::check_data)),
    op(0xbb, "OP_CHECKDATASIGVERIFY").pops(&[Open, Open, Open]).gas_plus(10, "8000 and 16 per block of the message, unless the signature is empty").doc("Fails unless a signature of the SHA-256 of a message is good.").run(Pure(signature::check_data_verify)),
    op(0xbc, "OP_REVERSEBYTES").pops(&[Open]).pushes(1).gas_plus(10, "1 per 8 bytes copied").doc("Reverses the order of the bytes.").run(Pure(bytes::reverse)),
    op(0xc0, "OP_CHECKAUTHSIG").pushes(1).gas_plus(10, "4 per output; if there is a signature 8000, 4 per output and 16 per block of the message").doc("Pushes the public key of who signed this call, or false if nobody did.").run(Exec::Call(signature::check_auth)),
    op(0xc1, "OP_CHECKAUTHSIGVERIFY").pushes(1).gas_plus(10, "4 per output; if there is a signature 8000, 4 per output and 16 per block of the message").doc("Pushes the public key of who signed this call; fails if nobody did.").run(Exec::Call(signature::check_auth_verify)),
    op(0xc2, "OP_TXVERSION").pushes(1).gas(10).doc("Version of the transaction.").run(Exec::Call(introspect::version)),
    op(0xc3, "OP_TXINPUTCOUNT").pushes(1).gas(10).doc("Number of inputs of the transaction.").run(Exec::Call(introspect::input_count)),
    op(0xc4, "OP_TXOUTPUTCOUNT").pushes(1).gas(10).doc("Number of outputs of the transaction.").run(Exec::Call(introspect::output_count)),
    op(0xc5, "OP_TXLOCKTIME").pushes(1).gas(10).doc("Lock time of the transaction.").run(Exec::Call(introspect::lock_time)),
    op(0xc8, "OP_OUTPOINTTXHASH").pops(&[Open]).pushes(1).gas(10).doc("Transaction id that input i spends from, 32 bytes as serialised.").run(Exec::Call(introspect::outpoint_hash)),
    op(0xc9, "OP_OUTPOINTINDEX").pops(&[Open]).pushes(1).gas(10).doc("Number of the output that input i spends.").run(Exec::Call(introspect::outpoint_index)),
    op(0xca, "OP_INPUTBYTECODE").pops(&[Open]).pushes(1).gas_plus(10, "1 per 8 bytes copied").doc("Script of input i.").run(Exec::Call(introspect::input_script)),
    op(0xcb, "OP_INPUTSEQUENCENUMBER").pops(&[Open]).pushes(1).gas(10).doc("Sequence number of input i.").run(Exec::Call(introspect::sequence)),
    op(0xcd, "OP_OUTPUTVALUE").pops(&[Open]).pushes(1).gas(10).doc("Value of output i in satoshis.").run(Exec::Call(introspect::output_value)),
    op(0xce, "OP_OUTPUTBYTECODE").pops(&[Open]).pushes(1).gas_plus(10, "1 per 8 bytes copied").doc("Script of output i.").run(Exec::Call(introspect::output_script)),
    op(0xcc, "OP_INPUTWITNESSBYTECODE").gas(10).doc("Reserved: fails if executed.").run(Pure(control::bad)),
    op(0xd1, "OP_NFT_PUT").pops(&[Open]).gas_plus(10, "400, 10 per level").doc("Takes an incoming non-fungible token into the contract.").run(Exec::Call(token::nft_put)),
    op(0xd3, "OP_FT_BALANCE_ADD").pops(&[Open]).gas_plus(10, "600, 10 per level").doc("Takes the whole incoming amount of a fungible token into the contract.").run(Exec::Call(token::ft_balance_add)),
    op(0xed, "OP_KV_EXISTS").pops(&[Open, Open]).pushes(1).gas_plus(10, "20, 1 per 8 bytes of the name, 3 per level").doc("Whether the contract has a value: space key -- bool.").run(Exec::Call(storage::exists)),
    op(0xef, "OP_KV_GET").pops(&[Open, Open]).pushes(1).gas_plus(10, "20, 1 per 8 bytes of the name and the value, 3 per level").doc("Reads a value of the contract: space key -- value.").run(Exec::Call(storage::get)),
    op(0xf0, "OP_KV_PUT").pops(&[Open, Open, Open]).gas_plus(10, "400, 1 per byte, 10 per level; the first write 20 per entry and 1 per 8 bytes of the state").doc("Writes a value of the contract: space key value --.").run(Exec::Call(storage::put)),
    op(0xf1, "OP_KV_DELETE").pops(&[Open, Open]).gas_plus(10, "400, 1 per byte, 10 per level; the first write 20 per entry and 1 per 8 bytes of the state").doc("Deletes a value of the contract, if it is there: space key --.").run(Exec::Call(storage::delete)),
    op(0xf2, "OP_FT_WITHDRAW").pops(&[Open, Open, Open]).gas_plus(10, "600, 10 per level").doc("Pays an amount of a token to an output: amount output token --.").run(Exec::Call(token::ft_withdraw)),
    op(0xf3, "OP_NFT_WITHDRAW").pops(&[Open, Open]).gas_plus(10, "400, 10 per level").doc("Pays a token to an output: output token --.").run(Exec::Call(token::nft_withdraw)),
    op(0xf4, "OP_FT_BALANCE").pops(&[Open, Open]).pushes(1).gas_plus(10, "20, 3 per level").doc("Amount of a token: token table -- amount; table 0 is the contract, 1 is incoming.").run(Exec::Call(token::ft_balance)),
    op(0xf6, "OP_FT_COUNT").pops(&[Open]).pushes(1).gas(10).doc("Number of fungible tokens in a table.").run(Exec::Call(token::ft_count)),
    op(0xf7, "OP_FT_ITEM").pops(&[Open, Open]).pushes(1).gas_plus(10, "20, 3 per level").doc("Reference of fungible token i of a table: i table -- token.").run(Exec::Call(token::ft_item)),
    op(0xf8, "OP_NFT_EXISTS").pops(&[Open, Open]).pushes(1).gas_plus(10, "20, 3 per level").doc("Whether a table has a non-fungible token: token table -- bool.").run(Exec::Call(token::nft_exists)),
    op(0xf9, "OP_NFT_COUNT").pops(&[Open]).pushes(1).gas(10).doc("Number of non-fungible tokens in a table.").run(Exec::Call(token::nft_count)),
    op(0xfa, "OP_NFT_ITEM").pops(&[Open, Open]).pushes(1).gas_plus(10, "20, 3 per level").doc("Reference of non-fungible token i of a table: i table -- token.").run(Exec::Call(token::nft_item)),
    op(0xfb, "OP_GETBLOCKINFO").pops(&[Open, Open]).pushes(1).gas_plus(10, "1 per 8 bytes of the whole header, if that is asked for").doc("A field of the header at a height, 0 being the current: height field -- value.").run(Exec::Call(block::get)),
    op(0xfc, "OP_DECODEBLOCKINFO").pops(&[Open, Open]).pushes(1).gas(10).doc("A field of a header of 80 bytes: header field -- value.").run(Exec::Call(block::decode)),
    op(0xfd, "OP_HASH_FN").pops(&[Open, Open]).pushes(1).gas_plus(10, "56 per block, Eaglesong 400").doc("Digest by number, 0 SHA3-256, 1 SHA-512, 2 SHA-512/256, 3 Eaglesong: data f -- digest.").run(Pure(digest::hash_fn)),
];

/// The table by opcode byte. Bytes 0x01 to 0x4b push that many bytes; the rest of the gaps is no
/// operation.
pub static DECODE: [Option<&Op<Exec>>; 256] = index(OPS);

/// The columns of every row.
pub fn infos() -> impl ExactSizeIterator<Item = avm_isa::Info> {
    OPS.iter().map(|op| op.info)
}

/// What an instruction that succeeds under `avm1` costs at least beyond the base of its row: the
/// part that does not depend on what it works on. A digest is of one block at least; `CHECKAUTHSIG`
/// may find no signature, and `CHECKDATASIG` an empty one.
#[must_use]
pub fn fixed_cost(opcode: u8) -> u64 {
    match opcode {
        0xa6 => digest::RIPEMD_COST,
        0xa7 | 0xa8 => digest::BLOCK_COST,
        0xa9 => digest::BLOCK_COST + digest::RIPEMD_COST,
        0xaa => 2 * digest::BLOCK_COST,
        0xfd => digest::WIDE_COST,
        0xbb | 0xc1 => signature::CHECK_COST,
        0xd1 | 0xf3 => token::NFT_WRITE_COST,
        0xd3 | 0xf2 => token::FT_WRITE_COST,
        0xed | 0xef => storage::LOOK_COST,
        0xf0 | 0xf1 => storage::WRITE_COST,
        0xf4 | 0xf7 | 0xf8 | 0xfa => token::LOOK_COST,
        _ => 0,
    }
}

/// The row of this name, with or without `OP_`, in either case; `OP_TRUE` and `OP_FALSE` too.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Op<Exec>> {
    let bare = name
        .get(..3)
        .filter(|p| p.eq_ignore_ascii_case("OP_"))
        .map_or(name, |_| &name[3..]);
    let bare = match bare {
        _ if bare.eq_ignore_ascii_case("TRUE") => "1",
        _ if bare.eq_ignore_ascii_case("FALSE") => "0",
        _ => bare,
    };
    OPS.iter()
        .find(|op| op.name[3..].eq_ignore_ascii_case(bare))
}

/// Name of an opcode byte: `OP_PUSHBYTES_20` for direct pushes, `None` for no operation.
#[must_use]
pub fn name(opcode: u8) -> Option<alloc::borrow::Cow<'static, str>> {
    match opcode {
        0x01..=0x4b => Some(alloc::format!("OP_PUSHBYTES_{opcode}").into()),
        _ => DECODE[usize::from(opcode)].map(|op| op.name.into()),
    }
}

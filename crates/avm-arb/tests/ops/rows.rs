//! The opcode table of the specification, section 7, written down a second time.

/// Opcodes whose values are checked beside `crypto.rs` and by the recorded vectors; here it is only
/// how they fail.
pub const CRYPTO: &[&str] = &["sha256f", "ecrecover", "ecadd", "ecmul", "ecpairing"];

pub struct Row {
    pub code: u8,
    pub name: &'static str,
    /// Operands from the data stack, top first: `i` int, `c` code point, `t` tuple, `b` buffer,
    /// `.` any kind.
    pub data: &'static str,
    /// Operands from the aux stack.
    pub aux: &'static str,
    pub gas: u64,
}

const fn row_of(
    code: u8,
    name: &'static str,
    data: &'static str,
    aux: &'static str,
    gas: u64,
) -> Row {
    Row {
        code,
        name,
        data,
        aux,
        gas,
    }
}

/// The row of an opcode; that of an invalid one for a name that is not there.
pub fn row(name: &str) -> &'static Row {
    const INVALID: Row = row_of(0, "invalid", "", "", 5);
    ROWS.iter().find(|row| row.name == name).unwrap_or(&INVALID)
}

/// The operands that a failing opcode does not take, in the form of a case.
pub fn kept<'a>(row: &'a Row, operands: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let is_aux = |operand: &&&str| operand.starts_with("aux ");
    let data = operands
        .iter()
        .filter(move |operand| !is_aux(operand))
        .skip(row.data.len());
    let aux = operands.iter().filter(is_aux).skip(row.aux.len());
    data.chain(aux).copied()
}

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    row_of(0x01, "add", "ii", "", 3),
    row_of(0x02, "mul", "ii", "", 3),
    row_of(0x03, "sub", "ii", "", 3),
    row_of(0x04, "div", "ii", "", 4),
    row_of(0x05, "sdiv", "ii", "", 7),
    row_of(0x06, "mod", "ii", "", 4),
    row_of(0x07, "smod", "ii", "", 7),
    row_of(0x08, "addmod", "iii", "", 4),
    row_of(0x09, "mulmod", "iii", "", 4),
    row_of(0x0a, "exp", "ii", "", 25),
    row_of(0x0b, "signextend", "ii", "", 7),
    row_of(0x10, "lt", "ii", "", 2),
    row_of(0x11, "gt", "ii", "", 2),
    row_of(0x12, "slt", "ii", "", 2),
    row_of(0x13, "sgt", "ii", "", 2),
    row_of(0x14, "eq", "..", "", 2),
    row_of(0x15, "iszero", "i", "", 1),
    row_of(0x16, "and", "ii", "", 2),
    row_of(0x17, "or", "ii", "", 2),
    row_of(0x18, "xor", "ii", "", 2),
    row_of(0x19, "not", "i", "", 1),
    row_of(0x1a, "byte", "ii", "", 4),
    row_of(0x1b, "shl", "ii", "", 4),
    row_of(0x1c, "shr", "ii", "", 4),
    row_of(0x1d, "sar", "ii", "", 4),
    row_of(0x20, "hash", ".", "", 7),
    row_of(0x21, "type", ".", "", 3),
    row_of(0x22, "ethhash2", "ii", "", 8),
    row_of(0x23, "keccakf", "t", "", 600),
    row_of(0x24, "sha256f", "iii", "", 250),
    row_of(0x30, "pop", ".", "", 1),
    row_of(0x31, "spush", "", "", 1),
    row_of(0x32, "rpush", "", "", 1),
    row_of(0x33, "rset", ".", "", 2),
    row_of(0x34, "jump", "c", "", 4),
    row_of(0x35, "cjump", "ci", "", 4),
    row_of(0x36, "stackempty", "", "", 2),
    row_of(0x37, "pcpush", "", "", 1),
    row_of(0x38, "auxpush", ".", "", 1),
    row_of(0x39, "auxpop", "", ".", 1),
    row_of(0x3a, "auxstackempty", "", "", 2),
    row_of(0x3b, "nop", "", "", 1),
    row_of(0x3c, "errpush", "", "", 1),
    row_of(0x3d, "errset", "c", "", 1),
    row_of(0x40, "dup0", ".", "", 1),
    row_of(0x41, "dup1", "..", "", 1),
    row_of(0x42, "dup2", "...", "", 1),
    row_of(0x43, "swap1", "..", "", 1),
    row_of(0x44, "swap2", "...", "", 1),
    row_of(0x50, "tget", "it", "", 2),
    row_of(0x51, "tset", "it.", "", 40),
    row_of(0x52, "tlen", "t", "", 2),
    row_of(0x53, "xget", "i", "t", 3),
    row_of(0x54, "xset", "i.", "t", 41),
    row_of(0x60, "breakpoint", "", "", 100),
    row_of(0x61, "log", ".", "", 100),
    row_of(0x70, "send", "ib", "", 100),
    row_of(0x72, "inbox", "", "", 40),
    row_of(0x73, "error", "", "", 5),
    row_of(0x74, "halt", "", "", 10),
    row_of(0x75, "setgas", "i", "", 1),
    row_of(0x76, "pushgas", "", "", 1),
    row_of(0x77, "errcodepoint", "", "", 25),
    row_of(0x78, "pushinsn", "ic", "", 25),
    row_of(0x79, "pushinsnimm", "i.c", "", 25),
    row_of(0x7b, "sideload", "i", "", 10),
    row_of(0x80, "ecrecover", "iiii", "", 20_000),
    row_of(0x81, "ecadd", "iiii", "", 3_500),
    row_of(0x82, "ecmul", "iii", "", 82_000),
    row_of(0x83, "ecpairing", ".", "", 1_000),
    row_of(0x90, "debugprint", ".", "", 1),
    row_of(0xa0, "newbuffer", "", "", 1),
    row_of(0xa1, "getbuffer8", "ib", "", 10),
    row_of(0xa2, "getbuffer64", "ib", "", 10),
    row_of(0xa3, "getbuffer256", "ib", "", 10),
    row_of(0xa4, "setbuffer8", "iib", "", 100),
    row_of(0xa5, "setbuffer64", "iib", "", 100),
    row_of(0xa6, "setbuffer256", "iib", "", 100),
];

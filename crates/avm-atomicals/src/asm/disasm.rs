//! Code to canonical text.

use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use super::code::{Instruction, instructions};
use super::element::{push, push_hex, read_number};
use crate::script::ops::DECODE;

/// Deepest indentation; deeper conditions stand in the same column.
const MAX_INDENT: usize = 16;

/// Column of comments.
const COMMENT: usize = 32;

/// Longest push whose value is shown in a comment.
const MAX_SHOWN: usize = 64;

const IN_MEMORY: &str = "writing to a String cannot fail";

/// The canonical text of a script, one instruction a line, conditions indented.
///
/// `annotate` adds comments: offset in bytes, number of the instruction as errors count it, what a
/// push means as number or text, and what an opcode does. Both forms assemble to `code` again.
///
/// ```
/// use avm_atomicals::asm::disassemble;
/// assert_eq!(disassemble(&[0x51, 0x63, 2, 7, 8, 0x68, 0xbd, 3], false),
///     "OP_1\nOP_IF\n    0x0708\nOP_ENDIF\n.raw 0xbd\n.raw 0x03\n");
/// ```
#[must_use]
pub fn disassemble(code: &[u8], annotate: bool) -> String {
    let mut out = String::new();
    let mut depth: usize = 0;
    for (index, instruction) in instructions(code).enumerate() {
        let line = out.len();
        let closes = matches!(instruction.opcode, 0x67 | 0x68) && !instruction.truncated;
        let indent = depth.saturating_sub(usize::from(closes)).min(MAX_INDENT);
        (0..indent).for_each(|_| out.push_str("    "));
        write_instruction(&instruction, &mut out);
        if annotate {
            let width = (out.len() - line).max(COMMENT);
            out.extend(core::iter::repeat_n(' ', line + width - out.len()));
            write!(out, " # {:06x} {index}", instruction.offset).expect(IN_MEMORY);
            let about = about(&instruction);
            if !about.is_empty() {
                write!(out, ": {about}").expect(IN_MEMORY);
            }
        }
        out.push('\n');
        match instruction.opcode {
            _ if instruction.truncated => {}
            0x63 | 0x64 => depth += 1,
            0x68 => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    out
}

fn write_instruction(instruction: &Instruction, out: &mut String) {
    let raw = |bytes: &[u8], out: &mut String| {
        out.push_str("0x");
        push_hex(bytes, out);
    };
    match (instruction.data, DECODE[usize::from(instruction.opcode)]) {
        (Some([]), Some(op)) if instruction.opcode == 0 => out.push_str(op.name),
        (Some(data), _) if push(data) == instruction.bytes => raw(data, out),
        (Some(data), op) => {
            out.push_str(op.map_or("OP_PUSHBYTES", |op| op.name));
            out.push(':');
            raw(data, out);
        }
        (None, Some(op)) if !instruction.truncated => out.push_str(op.name),
        (None, _) => {
            out.push_str(".raw ");
            raw(instruction.bytes, out);
        }
    }
}

/// What an instruction means, for people.
fn about(instruction: &Instruction) -> String {
    let op = DECODE[usize::from(instruction.opcode)];
    match (instruction.data, op) {
        _ if instruction.truncated => "a push that ends behind the script".into(),
        (Some(data), _) if instruction.opcode != 0 => {
            let number = read_number(data).filter(|_| data.len() <= 8);
            let plain = |byte: &u8| matches!(byte, b' '..=b'~');
            let plural = if data.len() == 1 { "" } else { "s" };
            let mut about = format!("{} byte{plural}", data.len());
            if let Some(number) = number {
                about = format!("{about}, number {number}");
            }
            if !data.is_empty() && data.len() <= MAX_SHOWN && data.iter().all(plain) {
                let text: String = data.iter().map(|&byte| char::from(byte)).collect();
                about = format!("{about}, text {text:?}");
            }
            about
        }
        (_, Some(op)) => op.doc.into(),
        (_, None) => "no operation: fails if executed".into(),
    }
}

//! Program to canonical text.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Write;

use ruint::aliases::U256;

use super::NOP;
use crate::mexe::{decimal_len, push_hex};
use crate::ops;
use crate::program::{Literal, LiteralId, Operation, Program, Target, Visit};

/// Longest text of a tuple or buffer, in bytes, that is repeated rather than given a name; names
/// inside count as four.
pub const SHARED_LEN: usize = 32;

const IN_MEMORY: &str = "writing to a String cannot fail";

/// The canonical text of a program; about as long as its distinct literals together.
#[must_use]
pub fn disassemble(program: &Program) -> String {
    let writer = Writer::new(program);
    let mut out = String::new();
    for (&id, index) in &writer.constants {
        write!(out, ".const C{index} = ").expect(IN_MEMORY);
        writer.value(id, true, &mut out);
        out.push('\n');
    }
    if *program.literal(program.static_value()) != Literal::Tuple(vec![]) {
        out.push_str(".static ");
        writer.value(program.static_value(), false, &mut out);
        out.push('\n');
    }
    if !out.is_empty() && !program.code().is_empty() {
        out.push('\n');
    }
    for (index, operation) in (0u32..).zip(program.code()) {
        if let Some(label) = writer.labels.get(&index) {
            writeln!(out, "L{label}:").expect(IN_MEMORY);
        }
        out.push_str("    ");
        writer.operation(operation, &mut out);
        out.push('\n');
    }
    out
}

struct Writer<'a> {
    program: &'a Program,
    /// Number in the name of each operation that a code point names.
    labels: BTreeMap<u32, usize>,
    /// Number in the name of each literal that has one, in an order in which they can be defined.
    constants: BTreeMap<LiteralId, usize>,
}

impl<'a> Writer<'a> {
    fn new(program: &'a Program) -> Self {
        let mut labels = BTreeMap::new();
        for literal in program.literals() {
            if let Literal::CodePoint(Target::Operation(index)) = literal {
                labels.insert(*index, 0);
            }
        }
        labels
            .values_mut()
            .zip(0..)
            .for_each(|(label, number)| *label = number);
        Self {
            program,
            labels,
            constants: constants(program),
        }
    }

    fn operation(&self, operation: &Operation, out: &mut String) {
        let Operation { opcode, immediate } = *operation;
        match ops::name(opcode) {
            _ if opcode == NOP && immediate.is_some() => out.push_str("push"),
            Some(name) => out.push_str(name),
            None => write!(out, ".op {opcode:#04x}").expect(IN_MEMORY),
        }
        if let Some(id) = immediate {
            out.push(' ');
            self.value(id, false, out);
        }
    }

    /// Writes a literal; by its name if it has one, unless this is where it is defined.
    fn value(&self, root: LiteralId, defined: bool, out: &mut String) {
        self.program.walk(root, |visit| match visit {
            Visit::Literal(id, literal) => {
                let constant = self.constants.get(&id).filter(|_| !(defined && id == root));
                match constant {
                    Some(index) => write!(out, "C{index}").expect(IN_MEMORY),
                    None => self.literal(literal, out),
                }
                constant.is_none()
            }
            Visit::Between => {
                out.push_str(", ");
                true
            }
            Visit::Close => {
                out.push(')');
                true
            }
        });
    }

    /// Writes a literal, or the start of a tuple.
    fn literal(&self, literal: &Literal, out: &mut String) {
        match literal {
            Literal::Int(n) if is_short(n) => write!(out, "{n}").expect(IN_MEMORY),
            Literal::Int(n) => write!(out, "{n:#x}").expect(IN_MEMORY),
            Literal::Tuple(_) => out.push('('),
            Literal::Buffer(bytes) => buffer(bytes, out),
            Literal::CodePoint(Target::End) => out.push_str("@end"),
            Literal::CodePoint(Target::Operation(index)) => {
                write!(out, "@L{}", self.labels[index]).expect(IN_MEMORY);
            }
        }
    }
}

/// Whether an integer reads best as decimal.
fn is_short(n: &U256) -> bool {
    n.bit_len() <= 32
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// A buffer literal.
pub(crate) fn buffer(bytes: &[u8], out: &mut String) {
    if is_text(bytes) {
        out.push('"');
        for &byte in bytes {
            if let b'"' | b'\\' = byte {
                out.push('\\');
            }
            out.push(char::from(byte));
        }
    } else {
        out.push_str("hex\"");
        push_hex(bytes, out);
    }
    out.push('"');
}

/// The literals that get a name: long ones that are used more than once.
fn constants(program: &Program) -> BTreeMap<LiteralId, usize> {
    let literals = program.literals();
    let mut uses = vec![0u32; literals.len()];
    let mut count = |id: LiteralId| uses[id.index()] = uses[id.index()].saturating_add(1);
    program
        .code()
        .iter()
        .filter_map(|operation| operation.immediate)
        .for_each(&mut count);
    count(program.static_value());
    for literal in literals {
        if let Literal::Tuple(elements) = literal {
            elements.iter().copied().for_each(&mut count);
        }
    }
    // Length of the text of each literal, with names for those that have one.
    let mut lens: Vec<usize> = Vec::with_capacity(literals.len());
    let mut constants = BTreeMap::new();
    for ((id, literal), &uses) in program.ids().zip(&uses) {
        let len = match literal {
            Literal::Int(n) if is_short(n) => decimal_len(n.to()),
            Literal::Int(n) => 2 + n.bit_len().div_ceil(4),
            Literal::CodePoint(_) => 4,
            Literal::Buffer(bytes) if is_text(bytes) => 2 + bytes.len(),
            Literal::Buffer(bytes) => 5 + 2 * bytes.len(),
            Literal::Tuple(elements) => {
                let separators = 2 * elements.len().max(1);
                elements.iter().map(|id| lens[id.index()]).sum::<usize>() + separators
            }
        };
        let nameable = matches!(literal, Literal::Tuple(_) | Literal::Buffer(_));
        if nameable && uses > 1 && len > SHARED_LEN {
            constants.insert(id, constants.len());
            lens.push(4);
        } else {
            lens.push(len);
        }
    }
    constants
}

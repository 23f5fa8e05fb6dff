//! Program files, written.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use super::{decimal_len, push_hex};
use crate::program::{Literal, LiteralId, Operation, Program, Target, Visit};

const IN_MEMORY: &str = "writing to a String cannot fail";

/// Appends the canonical program file.
pub(super) fn program(program: &Program, out: &mut String) {
    out.push_str("{\"code\":[");
    for (index, operation) in program.code().iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        write!(out, "{{\"opcode\":{},\"immediate\":", operation.opcode).expect(IN_MEMORY);
        match operation.immediate {
            None => out.push_str("null"),
            Some(id) => write_value(program, id, out),
        }
        out.push('}');
    }
    out.push_str("],\"static_val\":");
    write_value(program, program.static_value(), out);
    out.push('}');
}

/// Length of the canonical program file in bytes, at most `u64::MAX`.
pub(super) fn program_len(program: &Program) -> u64 {
    Sizes::of(program).program(program)
}

fn write_value(program: &Program, id: LiteralId, out: &mut String) {
    program.walk(id, |visit| {
        match visit {
            Visit::Literal(_, Literal::Tuple(_)) => out.push_str("{\"Tuple\":["),
            Visit::Literal(_, Literal::Int(n)) => {
                write!(out, "{{\"Int\":\"{n:x}\"}}").expect(IN_MEMORY);
            }
            Visit::Literal(_, Literal::Buffer(bytes)) => {
                out.push_str("{\"Buffer\":\"");
                push_hex(bytes, out);
                out.push_str("\"}");
            }
            Visit::Literal(_, &Literal::CodePoint(target)) => {
                let k = internal(program, target);
                write!(out, "{{\"CodePoint\":{{\"Internal\":{k}}}}}").expect(IN_MEMORY);
            }
            Visit::Between => out.push(','),
            Visit::Close => out.push_str("]}"),
        }
        true
    });
}

fn internal(program: &Program, target: Target) -> u64 {
    match target {
        Target::Operation(k) => k.into(),
        Target::End => program.code().len() as u64,
    }
}

/// Length of each literal as JSON.
struct Sizes(Vec<u64>);

impl Sizes {
    fn of(program: &Program) -> Self {
        let mut sizes = Self(Vec::with_capacity(program.literals().len()));
        for literal in program.literals() {
            let size = match literal {
                Literal::Int(n) => {
                    len_of(r#"{"Int":""}"#) + (n.bit_len() as u64).div_ceil(4).max(1)
                }
                Literal::Buffer(bytes) => len_of(r#"{"Buffer":""}"#) + 2 * bytes.len() as u64,
                &Literal::CodePoint(target) => {
                    len_of(r#"{"CodePoint":{"Internal":}}"#)
                        + decimal_len(internal(program, target)) as u64
                }
                Literal::Tuple(elements) => {
                    let commas = elements.len().saturating_sub(1) as u64;
                    let sum = |sum: u64, id: &LiteralId| sum.saturating_add(sizes.get(*id));
                    elements
                        .iter()
                        .fold(len_of(r#"{"Tuple":[]}"#) + commas, sum)
                }
            };
            sizes.0.push(size);
        }
        sizes
    }

    fn get(&self, id: LiteralId) -> u64 {
        self.0[id.index()]
    }

    fn program(&self, program: &Program) -> u64 {
        let commas = program.code().len().saturating_sub(1) as u64;
        let fixed = self
            .get(program.static_value())
            .saturating_add(len_of(r#"{"code":[],"static_val":}"#) + commas);
        let operation = |Operation { opcode, immediate }: &Operation| {
            let immediate = immediate.map_or(4, |id| self.get(id));
            immediate.saturating_add(
                len_of(r#"{"opcode":,"immediate":}"#) + decimal_len(u64::from(*opcode)) as u64,
            )
        };
        program
            .code()
            .iter()
            .map(operation)
            .fold(fixed, u64::saturating_add)
    }
}

fn len_of(frame: &str) -> u64 {
    frame.len() as u64
}

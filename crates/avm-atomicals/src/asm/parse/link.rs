//! Methods and their dispatcher to one script.

use alloc::vec::Vec;

use super::{Assembler, Part, Problem, Stop, short};
use crate::asm::code::instructions;
use crate::asm::dispatch::{self, Piece};
use crate::asm::error::AsmErrorKind;
use crate::asm::map::{Entry, SourceMap};
use crate::asm::{Assembled, MAX_CODE};

impl Assembler<'_> {
    /// Puts the parts together.
    pub(super) fn link(&mut self) -> Result<Assembled, Stop> {
        let bodies = core::mem::take(&mut self.bodies);
        let main = core::mem::take(&mut self.main);
        let mut whole = Part::default();
        let mut ranges = Vec::with_capacity(bodies.len());
        if bodies.is_empty() {
            whole = main;
        } else {
            if let Some(first) = main.entries.first() {
                let place = (first.file as usize, first.span);
                let kind = AsmErrorKind::CodeOutside;
                self.report(Problem { place, kind })?;
            }
            for body in &bodies {
                self.check_body(body)?;
            }
            for piece in dispatch::pieces(bodies.len()) {
                match piece {
                    Piece::Code { bytes, for_method } => {
                        let at = self.method_places[for_method];
                        bytes.iter().for_each(|byte| whole.add(&[*byte], at));
                    }
                    Piece::Body(method) => {
                        let (body, base) = (&bodies[method], whole.code.len());
                        whole.code.extend_from_slice(&body.code);
                        let moved = body.entries.iter().map(|entry| Entry {
                            offset: entry.offset + short(base),
                            ..*entry
                        });
                        whole.entries.extend(moved);
                        ranges.push(base..whole.code.len());
                    }
                }
            }
            if whole.code.len() > MAX_CODE {
                let at = self.method_places[0];
                return self.fatal(at, AsmErrorKind::CodeTooLong);
            }
        }
        let order = core::mem::take(&mut self.order);
        let mut constants = core::mem::take(&mut self.constants);
        Ok(Assembled {
            code: whole.code,
            map: SourceMap {
                files: self
                    .sources
                    .iter()
                    .map(|source| source.name.clone())
                    .collect(),
                entries: whole.entries,
            },
            methods: core::mem::take(&mut self.methods),
            bodies: ranges,
            constants: order
                .into_iter()
                .filter_map(|name| {
                    let (value, _) = constants.remove(&name)?;
                    Some((name, value.bytes))
                })
                .collect(),
            rules: self.rules.map(|(rules, _)| rules),
            warnings: Vec::new(),
        })
    }

    /// A body must not end inside of an instruction, nor close or leave open a condition.
    fn check_body(&mut self, body: &Part) -> Result<(), Stop> {
        let place = |offset: usize| {
            let after = body
                .entries
                .partition_point(|e| e.offset as usize <= offset);
            let entry = body.entries[after - 1];
            (entry.file as usize, entry.span)
        };
        let mut open = Vec::new();
        for instruction in instructions(&body.code) {
            let at = instruction.offset;
            let kind = match instruction.opcode {
                _ if instruction.truncated => AsmErrorKind::OpenPush,
                0x63 | 0x64 => {
                    open.push((at, instruction.opcode));
                    continue;
                }
                0x67 if open.is_empty() => unbalanced("ELSE", "IF"),
                0x68 if open.pop().is_none() => unbalanced("ENDIF", "IF"),
                _ => continue,
            };
            let place = place(at);
            self.report(Problem { place, kind })?;
        }
        for (at, opcode) in open {
            let op = if opcode == 0x63 { "IF" } else { "NOTIF" };
            let (place, kind) = (place(at), unbalanced(op, "ENDIF"));
            self.report(Problem { place, kind })?;
        }
        Ok(())
    }
}

fn unbalanced(op: &'static str, partner: &'static str) -> AsmErrorKind {
    AsmErrorKind::Unbalanced { op, partner }
}

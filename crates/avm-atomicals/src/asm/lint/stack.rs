//! How many elements are on the stacks, on every way through the branches at once.
//!
//! A path keeps the least and the most elements that can be there. Both ways through a condition are
//! followed side by side and joined at its end, so the work is linear in the code.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::standing::{Standing, effect, standing};
use super::{Findings, Severity, named};
use crate::asm::Rules;
use crate::asm::abi::Method;
use crate::asm::code::{Instruction, instructions};

/// Most elements on both stacks. Spec: section 3.
const MAX_ELEMENTS: i64 = 1_000;

/// Code whose stack is checked: a script, or the body of a method. Its conditions close.
pub(super) struct Unit<'a> {
    pub(super) code: &'a [u8],
    /// Offset of its first byte in the script.
    pub(super) base: usize,
    pub(super) rules: Rules,
    /// The method; `None` for a script that takes any number of elements.
    pub(super) method: Option<&'a Method>,
}

/// What is known at one point of one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Path {
    /// Least and most elements beyond those at the start; `None` if there may be any number.
    low: i64,
    high: Option<i64>,
    alt_low: i64,
    alt_high: i64,
    /// Elements that must be there at the start.
    wants: i64,
    alive: Alive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alive {
    Yes,
    /// It never gets here; not reported yet.
    No,
    /// It never gets here, and that was reported.
    Told,
}

impl Path {
    /// Both ways through a condition. `None` stands for one that never gets here.
    fn join(self, other: Self) -> Self {
        match (self.alive, other.alive) {
            (Alive::Yes, Alive::Yes) => Self {
                low: self.low.min(other.low),
                high: self.high.zip(other.high).map(|(a, b)| a.max(b)),
                alt_low: self.alt_low.min(other.alt_low),
                alt_high: self.alt_high.max(other.alt_high),
                wants: self.wants.min(other.wants),
                alive: Alive::Yes,
            },
            (Alive::Yes, _) => self,
            (_, Alive::Yes) => other,
            (Alive::No, _) => self,
            _ => other,
        }
    }
}

struct Checker<'a, 'b> {
    unit: &'a Unit<'a>,
    findings: &'a mut Findings<'b>,
    /// Elements at the start, if that is known.
    start: Option<i64>,
    path: Path,
    /// The other way through each open condition.
    others: Vec<Path>,
    /// Whether the depth was reported.
    deep: bool,
}

/// Checks the stacks of `unit`.
pub(super) fn check(unit: &Unit, findings: &mut Findings) {
    let start = unit.method.map(|method| count(method.params.len()));
    let mut checker = Checker {
        unit,
        findings,
        start,
        path: Path {
            low: 0,
            high: Some(0),
            alt_low: 0,
            alt_high: 0,
            wants: 0,
            alive: Alive::Yes,
        },
        others: Vec::new(),
        deep: false,
    };
    let mut before: Option<Instruction> = None;
    for instruction in instructions(unit.code) {
        checker.instruction(&instruction, before.as_ref());
        before = Some(instruction);
    }
    checker.end();
}

fn count(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

impl Checker<'_, '_> {
    fn instruction(&mut self, instruction: &Instruction, before: Option<&Instruction>) {
        let at = self.unit.base + instruction.offset;
        match instruction.opcode {
            0x67 => {
                if let Some(other) = self.others.last_mut() {
                    core::mem::swap(other, &mut self.path);
                }
                return;
            }
            0x68 => return self.endif(at),
            _ => {}
        }
        if self.path.alive == Alive::No {
            let message = "nothing gets here".to_string();
            let help = "the code before it always fails";
            self.findings
                .add(Severity::Warning, "unreachable", at, message, help);
            self.path.alive = Alive::Told;
        }
        if self.path.alive == Alive::Yes {
            self.execute(instruction, before, at);
        }
        if matches!(instruction.opcode, 0x63 | 0x64) {
            self.others.push(self.path);
        }
    }

    fn execute(&mut self, instruction: &Instruction, before: Option<&Instruction>, at: usize) {
        let rules = self.unit.rules;
        let opcode = instruction.opcode;
        match standing(rules, opcode) {
            Standing::Works => {}
            // Reported as such.
            Standing::Disabled => {
                self.path.alive = Alive::Told;
                return;
            }
            Standing::Reserved => {
                let sure = self.others.is_empty();
                let severity = if sure {
                    Severity::Error
                } else {
                    Severity::Warning
                };
                let message = format!("{} fails when it is executed", named(opcode));
                let help = "to refuse a call on purpose, write `0 VERIFY`";
                self.findings
                    .add(severity, "reserved-opcode", at, message, help);
                self.path.alive = Alive::No;
                return;
            }
        }
        if opcode == 0x6a {
            if self.others.is_empty() {
                let message = "RETURN never leaves a true element".to_string();
                let help = "it fails if an element is there, and ends with none if there is none";
                self.findings
                    .add(Severity::Error, "always-fails", at, message, help);
            }
            self.path.alive = Alive::No;
            return;
        }
        let below = before.and_then(Instruction::constant);
        let effect = effect(rules, instruction, below);
        let (start, path) = (self.start, &mut self.path);
        if path.alt_high < effect.alt_needs {
            let message = "FROMALTSTACK takes an element, none is on the alt stack".to_string();
            let help = "the alt stack is empty when a script starts";
            self.findings
                .add(Severity::Error, "alt-underflow", at, message, help);
            path.alive = Alive::Told;
            return;
        }
        match (start, path.high) {
            (Some(start), Some(high)) if start + high < effect.needs => {
                let message = format!(
                    "{} takes {} elements, {} are on the stack",
                    named(opcode),
                    effect.needs,
                    start + high
                );
                let help = "a method starts with its arguments on the stack, and nothing else";
                self.findings
                    .add(Severity::Error, "underflow", at, message, help);
                path.alive = Alive::Told;
                return;
            }
            (None, Some(high)) => path.wants = path.wants.max(effect.needs - high),
            _ => {}
        }
        match effect.net {
            Some((low, high)) => {
                path.low += low;
                path.high = path.high.map(|most| most + high);
            }
            // However many it takes, what was there at the start can be gone, too.
            None => (path.low, path.high) = (-MAX_ELEMENTS, None),
        }
        path.alt_low = (path.alt_low + effect.alt_net).max(0);
        path.alt_high += effect.alt_net;
        self.depth(at);
    }

    fn depth(&mut self, at: usize) {
        let path = self.path;
        let start = self.start.unwrap_or(path.wants);
        let least = start + path.low + path.alt_low;
        let most = path.high.map(|high| start + high + path.alt_high);
        let (severity, found) = match most {
            _ if self.deep => return,
            _ if least > MAX_ELEMENTS => (Severity::Error, least),
            Some(most) if most > MAX_ELEMENTS => (Severity::Warning, most),
            _ => return,
        };
        self.deep = true;
        let may = if severity == Severity::Error {
            "are"
        } else {
            "may be"
        };
        let message = format!("{found} elements {may} on the stacks, the most is {MAX_ELEMENTS}");
        self.findings
            .add(severity, "stack-too-deep", at, message, "");
    }

    fn endif(&mut self, at: usize) {
        let Some(other) = self.others.pop() else {
            return;
        };
        let path = self.path;
        let both = path.alive == Alive::Yes && other.alive == Alive::Yes;
        let known = path.high == Some(path.low) && other.high == Some(other.low);
        if both && known && path.low != other.low {
            let difference = (path.low - other.low).abs();
            let message = format!("the branches end {difference} elements apart");
            let help = "code behind the condition cannot know what is on the stack";
            self.findings
                .add(Severity::Note, "branch-depth", at, message, help);
        }
        self.path = path.join(other);
    }

    /// The end of a script must leave one element.
    fn end(&mut self) {
        let path = self.path;
        let at = self.unit.base + self.unit.code.len().saturating_sub(1);
        if path.alive != Alive::Yes {
            return;
        }
        let start = self.start.unwrap_or(path.wants);
        let least = start + path.low;
        let most = path.high.filter(|_| self.start.is_some());
        let whose = match self.unit.method {
            Some(method) => format!("method `{}`", method.name),
            None => "the script".to_string(),
        };
        if least > 1 && path.high.is_some() {
            let message = format!("{whose} ends with {least} elements, it must end with one");
            let help = "DROP what is left, or use NIP to keep the top";
            self.findings
                .add(Severity::Error, "unclean-end", at, message, help);
        } else if most.is_some_and(|most| start + most < 1) {
            let message =
                format!("{whose} ends with no element, it must end with one that is true");
            let help = "push 1 at the end";
            self.findings
                .add(Severity::Error, "empty-end", at, message, help);
        }
        if self.start.is_none() && path.wants > 0 {
            let message = format!("the unlocking script must push {} elements", path.wants);
            self.findings
                .add(Severity::Note, "inputs", self.unit.base, message, "");
        }
    }
}

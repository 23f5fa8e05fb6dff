//! What is wrong, or looks wrong, with a script, without running it.
//!
//! An [`Error`](Severity::Error) is sure: whoever runs the instruction fails. A
//! [`Warning`](Severity::Warning) may be meant. A [`Note`](Severity::Note) is something to know.

mod cost;
mod stack;
mod standing;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

pub use cost::{MethodCost, costs};

use super::abi::Method;
use super::code::instructions;
use super::element::push;
use super::map::{Place, SourceMap};
use super::{MAX_CODE, Rules};
use crate::script::ops;
use standing::{Standing, standing};

/// Most findings that are listed; one more says that there are more.
pub const MAX_FINDINGS: usize = 200;

/// Longest element that a script of a contract can push. Spec: section 3.
const MAX_PUSH: usize = 4_000;

/// Longest element that Bitcoin allows.
const MAX_PUSH_BITCOIN: usize = 520;

/// What is known about a script besides its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lint<'a> {
    /// Rules that it runs under.
    pub rules: Rules,
    /// Where it comes from.
    pub map: Option<&'a SourceMap>,
    /// Its methods; empty for a plain script.
    pub methods: &'a [Method],
    /// Bytes of the body of each method; as many as methods.
    pub bodies: &'a [Range<usize>],
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Whoever runs this fails.
    Error,
    /// Probably not meant.
    Warning,
    /// Good to know.
    Note,
}

impl Severity {
    /// `error`, `warning` or `note`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One thing that the lint found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Stable name of the check, such as `underflow`.
    pub name: &'static str,
    /// Offset in the code.
    pub offset: usize,
    /// Place in the source, if there is a map.
    pub place: Option<Place>,
    /// What was found, as one sentence without full stop.
    pub message: String,
    /// What to do about it; may be empty.
    pub help: &'static str,
}

/// Checks a script.
///
/// ```
/// use avm_atomicals::asm::{Lint, Severity, lint};
/// let found = lint(&[0x01, 0x05, 0x6a, 0x51], &Lint::default());
/// let names: Vec<_> = found.iter().map(|f| (f.severity, f.name)).collect();
/// assert_eq!(names, [
///     (Severity::Error, "non-minimal-push"),
///     (Severity::Error, "always-fails"),
///     (Severity::Warning, "unreachable"),
/// ]);
/// ```
#[must_use]
pub fn lint(code: &[u8], options: &Lint) -> Vec<Finding> {
    let mut findings = Findings {
        list: Vec::new(),
        map: options.map,
        more: false,
    };
    if code.len() > MAX_CODE {
        let message = format!("the script is {} bytes, the most is {MAX_CODE}", code.len());
        findings.add(Severity::Error, "script-too-long", MAX_CODE, message, "");
    }
    let bodies = options.methods.iter().zip(options.bodies);
    let bodies: Vec<_> = bodies
        .filter(|(_, range)| code.get(Range::clone(range)).is_some())
        .collect();
    if structure(code, options.rules, &mut findings) {
        for (method, range) in &bodies {
            let unit = stack::Unit {
                code: &code[Range::clone(range)],
                base: range.start,
                rules: options.rules,
                method: Some(method),
            };
            stack::check(&unit, &mut findings);
        }
        if options.methods.is_empty() {
            let unit = stack::Unit {
                code,
                base: 0,
                rules: options.rules,
                method: None,
            };
            stack::check(&unit, &mut findings);
        }
        if options.rules == Rules::Avm1 {
            for (method, cost) in bodies.iter().zip(costs(code, options)) {
                let message = format!(
                    "a call of `{}` costs at least {}",
                    method.0.name, cost.least
                );
                findings.add(Severity::Note, "cost", method.1.start, message, "");
            }
        }
    }
    let Findings { mut list, more, .. } = findings;
    list.sort_by_key(|finding| (finding.offset, finding.severity));
    if more {
        list.push(Finding {
            severity: Severity::Note,
            name: "more",
            offset: code.len(),
            place: None,
            message: format!("there are more than {MAX_FINDINGS} findings; the rest is not shown"),
            help: "",
        });
    }
    list
}

/// What was found so far.
struct Findings<'a> {
    list: Vec<Finding>,
    map: Option<&'a SourceMap>,
    more: bool,
}

impl Findings<'_> {
    fn add(
        &mut self,
        severity: Severity,
        name: &'static str,
        offset: usize,
        message: String,
        help: &'static str,
    ) {
        if self.list.len() == MAX_FINDINGS {
            self.more = true;
            return;
        }
        self.list.push(Finding {
            severity,
            name,
            offset,
            place: self.map.and_then(|map| map.at(offset)),
            message,
            help,
        });
    }
}

/// Checks each instruction by itself, and whether conditions close; false if they do not.
fn structure(code: &[u8], rules: Rules, findings: &mut Findings) -> bool {
    let bitcoin = rules == Rules::Bitcoin;
    let max_push = if bitcoin { MAX_PUSH_BITCOIN } else { MAX_PUSH };
    let (mut open, mut whole) = (Vec::new(), true);
    for instruction in instructions(code) {
        let at = instruction.offset;
        if instruction.truncated {
            let message = "the push ends behind the script".to_string();
            findings.add(Severity::Error, "truncated-push", at, message, "");
            return false;
        }
        if let Some(data) = instruction.data {
            let len = data.len();
            if len > max_push {
                let message = format!("the push is {len} bytes, the most is {max_push}");
                let help = "even a branch that is not taken must not have it";
                findings.add(Severity::Error, "push-too-long", at, message, help);
            } else if push(data) != instruction.bytes {
                let severity = if bitcoin {
                    Severity::Warning
                } else {
                    Severity::Error
                };
                let message = format!("{len} bytes are not pushed in the shortest way");
                let help = "a value without a form before it is always the shortest push";
                findings.add(severity, "non-minimal-push", at, message, help);
            }
            continue;
        }
        match instruction.opcode {
            0x63 | 0x64 => open.push((at, instruction.opcode)),
            0x67 if open.is_empty() => {
                whole = false;
                let message = "ELSE has no IF".to_string();
                findings.add(Severity::Error, "else-without-if", at, message, "");
            }
            0x68 if open.pop().is_none() => {
                whole = false;
                let message = "ENDIF has no IF".to_string();
                findings.add(Severity::Error, "endif-without-if", at, message, "");
            }
            opcode if standing(rules, opcode) == Standing::Disabled => {
                let message = format!("{} fails even when not executed", named(opcode));
                findings.add(Severity::Error, "disabled-opcode", at, message, "");
            }
            _ => {}
        }
    }
    for (at, opcode) in open {
        whole = false;
        let message = format!("{} has no ENDIF", named(opcode));
        findings.add(Severity::Error, "unbalanced-if", at, message, "");
    }
    whole
}

/// An opcode as messages call it.
fn named(opcode: u8) -> String {
    match ops::name(opcode) {
        Some(name) => name.trim_start_matches("OP_").into(),
        None => format!("opcode {opcode:#04x}"),
    }
}

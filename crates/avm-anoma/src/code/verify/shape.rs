//! What a word must be wherever it is: its opcode, its operands, where it jumps, what its function
//! and its module allow.

use super::WordError;
use crate::code::module::{Function, Module};
use crate::code::op;
use crate::code::table::{Cap, Form, Row, Scope, is_type_tag, row_of};
use crate::code::word::{self, a, b, bx, c, sbx};

/// Registers `from..from + len`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: u16,
    pub(super) len: u16,
}

const fn span(from: u8, len: u16) -> Span {
    Span {
        from: from as u16,
        len,
    }
}

/// Checks a word of `function`.
pub(super) fn check(
    module: &Module,
    function: &Function,
    at: u32,
    word: u32,
) -> Result<(), WordError> {
    let code = word::op(word);
    let row = row_of(code).ok_or(WordError::Unknown { code })?;
    if row.scope == Scope::Reserved {
        return Err(WordError::Reserved { name: row.name });
    }
    unused(row, word)?;
    indexes(module, function, row.form, word)?;
    registers(module, function, row.form, word)?;
    targets(function, row.form, at, word)?;
    if at as usize + 1 == function.words.len() && !ends(code) {
        return Err(WordError::FallsOff);
    }
    allowed(module, function, row, word)
}

/// Registers that a word reads. The function it names must be there.
pub(super) fn reads(module: &Module, form: Form, word: u32) -> [Span; 2] {
    let none = Span { from: 0, len: 0 };
    let (a, b, c) = (a(word), b(word), c(word));
    let callee = || &module.functions[usize::from(bx(word))];
    match form {
        Form::None
        | Form::Dest
        | Form::Const
        | Form::Number
        | Form::Capture
        | Form::Jump
        | Form::Guard
        | Form::Refused => [none, none],
        Form::Use | Form::Branch | Form::IfConst => [span(a, 1), none],
        Form::From1 | Form::Plus | Form::Type | Form::Field => [span(b, 1), none],
        Form::From2 => [span(b, 2), none],
        Form::From3 => [span(b, 3), none],
        Form::Two => [span(b, 1), span(c, 1)],
        Form::Range => [span(b, u16::from(c)), none],
        Form::CallFunction | Form::TailFunction => [span(a, u16::from(callee().arity)), none],
        Form::Closure => [span(a, u16::from(callee().captures)), none],
        Form::CallClosure | Form::TailClosure => [span(b, 1 + u16::from(c)), none],
    }
}

/// Word to which a word at `at` jumps or may jump.
pub(super) fn target(form: Form, at: u32, word: u32) -> Option<i64> {
    let next = i64::from(at) + 1;
    match form {
        Form::Jump | Form::Branch | Form::Guard => Some(next + i64::from(sbx(word))),
        Form::IfConst => Some(next + i64::from(c(word))),
        _ => None,
    }
}

/// Whether the word after it does not follow.
pub(super) fn ends(code: u8) -> bool {
    matches!(
        code,
        op::JMP | op::TAILF | op::TAILC | op::RET | op::RAISE | op::REJECT | op::END
    )
}

fn unused(row: &Row, word: u32) -> Result<(), WordError> {
    let [ua, ub, uc] = match row.form {
        Form::None | Form::Refused => [true, true, true],
        Form::Dest | Form::Use => [false, true, true],
        Form::From1 | Form::From2 | Form::From3 | Form::Capture => [false, false, true],
        Form::Jump | Form::TailClosure => [true, false, false],
        Form::Two
        | Form::Range
        | Form::Plus
        | Form::Type
        | Form::Field
        | Form::Const
        | Form::Number
        | Form::Branch
        | Form::IfConst
        | Form::Guard
        | Form::CallFunction
        | Form::TailFunction
        | Form::Closure
        | Form::CallClosure => [false, false, false],
    };
    let bytes = [(ua, 'a', a(word)), (ub, 'b', b(word)), (uc, 'c', c(word))];
    match bytes
        .into_iter()
        .find(|&(unused, _, found)| unused && found != 0)
    {
        None => Ok(()),
        Some((_, operand, found)) => Err(WordError::Unused {
            name: row.name,
            operand,
            found,
        }),
    }
}

fn indexes(module: &Module, function: &Function, form: Form, word: u32) -> Result<(), WordError> {
    let constants = module.constants.len();
    let constant = |index: u16| match usize::from(index) < constants {
        true => Ok(()),
        false => Err(WordError::Constant { index, constants }),
    };
    let callee = || {
        let (index, functions) = (bx(word), module.functions.len());
        let found = module.functions.get(usize::from(index));
        found.ok_or(WordError::Function { index, functions })
    };
    match form {
        Form::Const => constant(bx(word)),
        Form::IfConst => constant(u16::from(b(word))),
        Form::Closure => callee().map(|_| ()),
        Form::CallFunction | Form::TailFunction => match callee()?.captures {
            0 => Ok(()),
            captures => Err(WordError::NoCaptures {
                index: bx(word),
                captures,
            }),
        },
        Form::Capture if b(word) >= function.captures => Err(WordError::Capture {
            index: b(word),
            captures: function.captures,
        }),
        Form::Type if !is_type_tag(c(word)) => Err(WordError::Tag { tag: c(word) }),
        _ => Ok(()),
    }
}

fn registers(module: &Module, function: &Function, form: Form, word: u32) -> Result<(), WordError> {
    // Operand `a` is a register wherever it is used.
    let [first, second] = reads(module, form, word);
    let last = |span: Span| match span.len {
        0 => span.from,
        len => span.from + (len - 1),
    };
    let register = u16::from(a(word)).max(last(first)).max(last(second));
    match register < function.registers {
        true => Ok(()),
        false => Err(WordError::Register {
            register,
            registers: function.registers,
        }),
    }
}

fn targets(function: &Function, form: Form, at: u32, word: u32) -> Result<(), WordError> {
    let words = function.words.len();
    match target(form, at, word) {
        Some(target) if target < 0 || target >= words as i64 => {
            Err(WordError::Target { target, words })
        }
        _ => Ok(()),
    }
}

fn allowed(module: &Module, function: &Function, row: &Row, word: u32) -> Result<(), WordError> {
    if function.pure && !row.pure {
        return Err(WordError::Impure { name: row.name });
    }
    let names = matches!(
        row.form,
        Form::CallFunction | Form::TailFunction | Form::Closure
    );
    if function.pure && names && !module.functions[usize::from(bx(word))].pure {
        return Err(WordError::CallsImpure { index: bx(word) });
    }
    match row.cap {
        Cap::Declared(cap) if module.caps.iter().all(|declared| declared != cap) => {
            Err(WordError::Cap {
                name: row.name,
                cap,
            })
        }
        _ => Ok(()),
    }
}

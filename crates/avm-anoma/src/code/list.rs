//! The listing of a module: text for people. It is made of any module, verified or not.
//!
//! ```text
//! function 1 add: 2 parameters, 3 registers, pure
//!         0  add        r0 <- r0, r1              ; at 3:5
//!         1  jnothing   r0, L3
//!         2  callf      r0 <- f0(r0)              ; count
//!    L3   3  ret        r0
//! ```
//!
//! `r` is a register, `k` a constant, `f` a function, `c` a captured value, `L` the word a jump goes
//! to. What follows `;` is the constant, the name of the function, and the place in the source
//! where it changes. A word that is no instruction is written in hexadecimal.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::module::{Export, ExportKind, Function, Module};
use super::table::{Form, Row, TAG_CLOSURE, row_of};
use super::word::{self, a, b, bx, c, sbx};
use crate::value::clip;

/// Most bytes of a constant.
const CONSTANT_MAX: usize = 48;
/// Column where comments start, from the instruction on.
const COMMENT_COLUMN: usize = 40;

/// The listing of a module.
#[must_use]
pub fn listing(module: &Module) -> String {
    let mut text = format!("module {}\n", name_of(&module.name));
    if !module.caps.is_empty() {
        text.push_str(&format!("capabilities {}\n", module.caps.join(", ")));
    }
    if !module.constants.is_empty() {
        text.push_str("\nconstants\n");
        for (index, value) in module.constants.iter().enumerate() {
            text.push_str(&format!("  k{index:<5} {}\n", clip(value, CONSTANT_MAX)));
        }
    }
    if !module.exports.is_empty() {
        text.push_str("\nexports\n");
        module.exports.iter().for_each(|export| {
            text.push_str(&format!("  {}\n", export_line(export)));
        });
    }
    for index in 0..module.functions.len() {
        text.push('\n');
        text.push_str(&function_listing(module, index));
    }
    text
}

/// The part of the listing about one function; empty if there is none.
#[must_use]
pub fn function_listing(module: &Module, index: usize) -> String {
    let Some(function) = module.functions.get(index) else {
        return String::new();
    };
    let mut text = format!("function {index} {}\n", signature(function));
    let labels: BTreeSet<i64> = words(function)
        .filter_map(|(at, w)| target(at, w))
        .collect();
    let mut place = (0, 0);
    for (at, word) in words(function) {
        let label = match labels.contains(&at) {
            true => format!("L{at}"),
            false => String::new(),
        };
        let mut notes: Vec<String> = note(module, word).into_iter().collect();
        if let Some(&here) = function.places.get(at as usize)
            && here != place
        {
            place = here;
            notes.push(format!("at {}:{}", here.0, here.1));
        }
        let instruction = instruction(module, at, word);
        let line = match notes.is_empty() {
            true => format!("{label:>6} {at:>5}  {instruction}"),
            false => format!(
                "{label:>6} {at:>5}  {instruction:<COMMENT_COLUMN$} ; {}",
                notes.join(", ")
            ),
        };
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// One instruction at word `at` of its function, without comments.
#[must_use]
pub fn instruction(module: &Module, at: i64, word: u32) -> String {
    match row_of(word::op(word)) {
        Some(row) if row.form != Form::Refused => {
            let operands = operands(module, row, at, word);
            let text = format!("{:<10} {operands}", row.name);
            String::from(text.trim_end())
        }
        _ => format!("{word:#010x}"),
    }
}

fn operands(module: &Module, row: &Row, at: i64, word: u32) -> String {
    let (x, y, z) = (a(word), b(word), c(word));
    let (ry, label) = (u16::from(y), target(at, word).unwrap_or_default());
    let callee = module.functions.get(usize::from(bx(word)));
    let arguments = callee.map_or(0, |function| u16::from(function.arity));
    match row.form {
        Form::None | Form::Refused => String::new(),
        Form::Dest | Form::Use => format!("r{x}"),
        Form::From1 => format!("r{x} <- r{y}"),
        Form::From2 => format!("r{x} <- {}", registers(ry, 2)),
        Form::From3 => format!("r{x} <- {}", registers(ry, 3)),
        Form::Two => format!("r{x} <- r{y}, r{z}"),
        Form::Range => format!("r{x} <- [{}]", registers(ry, u16::from(z))),
        Form::Plus => format!("r{x} <- r{y}, {}", z.cast_signed()),
        Form::Type => format!("r{x} <- r{y}, {}", kind(z)),
        Form::Field => format!("r{x} <- r{y}, {z}"),
        Form::Const => format!("r{x} <- k{}", bx(word)),
        Form::Number => format!("r{x} <- {}", sbx(word)),
        Form::Capture => format!("r{x} <- c{y}"),
        Form::Jump => format!("L{label}"),
        Form::Branch | Form::Guard => format!("r{x}, L{label}"),
        Form::IfConst => format!("r{x}, k{y}, L{label}"),
        Form::CallFunction => {
            let arguments = registers(u16::from(x), arguments);
            format!("r{x} <- f{}({arguments})", bx(word))
        }
        Form::TailFunction => format!("f{}({})", bx(word), registers(u16::from(x), arguments)),
        Form::Closure => {
            let captures = callee.map_or(0, |function| u16::from(function.captures));
            let captured = registers(u16::from(x), captures);
            format!("r{x} <- f{}[{captured}]", bx(word))
        }
        Form::CallClosure => format!("r{x} <- r{y}({})", registers(ry + 1, u16::from(z))),
        Form::TailClosure => format!("r{y}({})", registers(ry + 1, u16::from(z))),
    }
}

/// `r1, r2` for few registers, `r1 .. r9` for many.
fn registers(from: u16, count: u16) -> String {
    match count {
        0 => String::new(),
        1..=3 => {
            let names: Vec<String> = (from..from + count).map(|r| format!("r{r}")).collect();
            names.join(", ")
        }
        _ => format!("r{from} .. r{}", from + count - 1),
    }
}

/// What a word is about: its constant or its function.
fn note(module: &Module, word: u32) -> Option<String> {
    let constant = |index: u16| {
        let value = module.constants.get(usize::from(index))?;
        Some(clip(value, CONSTANT_MAX))
    };
    match row_of(word::op(word))?.form {
        Form::Const => constant(bx(word)),
        Form::IfConst => constant(u16::from(b(word))),
        Form::CallFunction | Form::TailFunction | Form::Closure => {
            let callee = module.functions.get(usize::from(bx(word)))?;
            Some(name_of(&callee.name))
        }
        _ => None,
    }
}

/// Index of the word that a word at `at` jumps to, wherever it is.
fn target(at: i64, word: u32) -> Option<i64> {
    match row_of(word::op(word))?.form {
        Form::Jump | Form::Branch | Form::Guard => Some(at + 1 + i64::from(sbx(word))),
        Form::IfConst => Some(at + 1 + i64::from(c(word))),
        _ => None,
    }
}

fn words(function: &Function) -> impl Iterator<Item = (i64, u32)> {
    (0..).zip(function.words.iter().copied())
}

fn signature(function: &Function) -> String {
    let plural = |count: u32, what: &str| match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    };
    let mut text = format!(
        "{}: {}",
        name_of(&function.name),
        plural(function.arity.into(), "parameter")
    );
    if function.rest {
        text.push_str(" with the rest");
    }
    let registers = plural(function.registers.into(), "register");
    // Writing to a String does not fail.
    let _ = write!(text, ", {registers}");
    if function.captures > 0 {
        let captures = plural(function.captures.into(), "captured value");
        let _ = write!(text, ", {captures}");
    }
    if function.pure {
        text.push_str(", pure");
    }
    text
}

fn export_line(export: &Export) -> String {
    let kind = match export.kind {
        ExportKind::Behaviour => "behaviour",
        ExportKind::Pure => "pure",
        ExportKind::Program => "program",
        ExportKind::Intent => "intent",
        ExportKind::Test => "test",
    };
    let mut line = format!("{kind} {} is f{}", name_of(&export.name), export.function);
    if !export.fields.is_empty() {
        let _ = write!(line, ", state {}", export.fields.join(" "));
    }
    if export.deterministic {
        line.push_str(", deterministic");
    }
    line
}

/// A name on one line.
fn name_of(name: &str) -> String {
    match name {
        "" => String::from("(no name)"),
        name if name.contains(char::is_control) => name.escape_debug().to_string(),
        name => String::from(name),
    }
}

/// The name of a kind of value, for its tag.
fn kind(tag: u8) -> &'static str {
    match tag {
        0x00 => "nothing",
        0x01 => "just",
        0x02 => "bool",
        0x04 => "int",
        0x05 => "str",
        0x06 => "sym",
        0x07 => "bytes",
        0x08 => "pair",
        0x09 => "list",
        0x0a => "map",
        0x10 => "obj",
        0x11 => "tx",
        0x12 => "ctl",
        0x13 => "mach",
        0x14 => "var",
        0x15 => "lin",
        0x16 => "hash",
        0x17 => "code",
        TAG_CLOSURE => "closure",
        _ => "(no kind)",
    }
}

//! Steps and expressions of a scenario as the bytecode of one function.
//!
//! Parameters and variables have the first registers, in the order of their first appearance, and
//! stay there; temporary values are behind them. A step with a guard keeps its handler's register
//! behind all variables, so that a handler finds them as they were.

use avm_anoma::code::{Builder, Function, Label, ModuleBuilder, op};
use avm_anoma::value::Val;
use serde_json::Value;

use super::instructions::{Argument, INSTRUCTIONS};
use super::names::Names;
use super::scenario::{Step, array, object, variables};
use crate::anoma::json::from_json;

/// What a function is, which decides how it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its value is the first output. There is a mark after each of its steps.
    Program,
    /// It has outputs.
    Behaviour,
    /// Its value is that of one expression.
    Pure,
}

/// What the functions of a scenario share.
pub(super) struct Shared<'a> {
    /// The module.
    pub(super) module: &'a mut ModuleBuilder,
    /// Ids of the names in the scenario.
    pub(super) names: &'a Names,
    /// Expressions that are pure functions, and what names them as values.
    pub(super) codes: &'a [(&'a Value, Val)],
}

/// The function of these steps.
pub(super) fn function<'a>(
    shared: &mut Shared<'_>,
    name: &str,
    kind: Kind,
    parameters: &[&'a str],
    steps: &[Step<'a>],
) -> Result<Function, String> {
    let mut names = parameters.to_vec();
    for name in variables(steps) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let arity = u8::try_from(parameters.len());
    let arity = arity.map_err(|_| String::from("there are too many variables"))?;
    let mut body = Body {
        shared,
        kind,
        top: names.len(),
        variables: names,
        code: Builder::new(name, arity),
    };
    for step in steps {
        body.step(step)?;
        if kind == Kind::Program {
            body.abc(op::NOP, 0, 0, 0);
        }
    }
    body.abc(op::END, 0, 0, 0);
    body.code.finish().map_err(|e| e.to_string())
}

/// The pure function of an expression over the list `args`.
pub(super) fn pure(shared: &mut Shared<'_>, name: &str, value: &Value) -> Result<Function, String> {
    let mut body = Body {
        shared,
        kind: Kind::Pure,
        variables: vec!["args"],
        top: 1,
        code: Builder::new(name, 1).rest().pure(),
    };
    let result = body.one(value)?;
    body.abc(op::RET, result, 0, 0);
    body.code.finish().map_err(|e| e.to_string())
}

struct Body<'s, 'n, 'a> {
    shared: &'s mut Shared<'n>,
    kind: Kind,
    /// The register of each variable.
    variables: Vec<&'a str>,
    /// First register that is free.
    top: usize,
    code: Builder,
}

impl<'a> Body<'_, '_, 'a> {
    fn abc(&mut self, code: u8, a: u8, b: u8, c: u8) {
        self.code.abc(code, a, b, c);
    }

    /// A jump to a place that is not known yet.
    fn jump(&mut self, code: u8, a: u8) -> Label {
        let label = self.code.label();
        self.code.jump(code, a, label);
        label
    }

    /// So many free registers in a row; the first of them.
    fn take(&mut self, count: usize) -> Result<u8, String> {
        let first = self.top;
        self.top += count;
        match u8::try_from(self.top.max(1) - 1) {
            Ok(_) => Ok(first as u8),
            Err(_) => Err("there are too many variables".into()),
        }
    }

    fn variable(&self, name: &str) -> Result<u8, String> {
        let found = self.variables.iter().position(|known| *known == name);
        found
            .map(|at| at as u8)
            .ok_or_else(|| format!("there is no variable `{name}`"))
    }

    fn constant(&mut self, to: u8, value: Val) -> Result<(), String> {
        let at = self.shared.module.constant(value);
        self.code.abx(op::LOADK, to, at.map_err(|e| e.to_string())?);
        Ok(())
    }

    fn step(&mut self, step: &Step<'a>) -> Result<(), String> {
        let top = self.top;
        match step {
            Step::Do {
                to,
                name,
                args,
                guard,
            } => {
                let result = self.take(1)?;
                let guard = guard.then(|| self.jump(op::GUARD, result));
                self.instruction(result, name, args)
                    .map_err(|e| format!("{name}: {e}"))?;
                if let Some(guard) = guard {
                    self.abc(op::UNGUARD, 0, 0, 0);
                    self.code.bind(guard);
                }
                if let Some(to) = to {
                    let to = self.variable(to)?;
                    self.abc(op::MOV, to, result, 0);
                }
            }
            Step::Let(name, value) => {
                let result = self.one(value)?;
                let to = self.variable(name)?;
                self.abc(op::MOV, to, result, 0);
            }
            Step::If(test, then, other) => {
                let test = self.one(test)?;
                let no = self.jump(op::JF, test);
                then.iter().try_for_each(|step| self.step(step))?;
                let end = self.jump(op::JMP, 0);
                self.code.bind(no);
                other.iter().try_for_each(|step| self.step(step))?;
                self.code.bind(end);
            }
            Step::Return(values) => self.end(values)?,
            Step::Reject => {
                let reason = self.take(1)?;
                self.abc(op::LOADNIL, reason, 0, 0);
                self.abc(op::REJECT, reason, 0, 0);
            }
        }
        self.top = top;
        Ok(())
    }

    /// Ends with these outputs.
    fn end(&mut self, values: &[&Value]) -> Result<(), String> {
        if self.kind == Kind::Program {
            if let Some(first) = values.first() {
                let result = self.one(first)?;
                self.abc(op::RET, result, 0, 0);
                return Ok(());
            }
        } else {
            for value in values {
                let output = self.one(value)?;
                self.abc(op::REPLY, output, 0, 0);
            }
        }
        self.abc(op::END, 0, 0, 0);
        Ok(())
    }

    /// An instruction with its result in `to`.
    fn instruction(&mut self, to: u8, name: &str, args: &[Value]) -> Result<(), String> {
        match (name, args) {
            ("raise", [value]) => {
                let value = self.one(value)?;
                self.abc(op::RAISE, value, 0, 0);
                return Ok(());
            }
            // Scenarios want the count alone.
            ("history", []) => {
                self.abc(op::HISTORY, to, 0, 0);
                self.abc(op::CAR, to, to, 0);
                return Ok(());
            }
            _ => {}
        }
        let row = INSTRUCTIONS.iter().find(|row| row.name == name);
        let row = row.ok_or("there is no such instruction")?;
        let mut args = args.iter();
        let first = match row.arguments.len() {
            0 => 0,
            count => self.take(count)?,
        };
        for (at, argument) in row.arguments.iter().enumerate() {
            let operand = first + at as u8;
            let mut next = || args.next().ok_or("an argument is missing");
            match argument {
                Argument::Value => self.expression(next()?, operand)?,
                Argument::Maybe => match args.next() {
                    None | Some(Value::Null) => self.abc(op::LOADNIL, operand, 0, 0),
                    Some(value) => {
                        self.expression(value, operand)?;
                        self.abc(op::JUST, operand, operand, 0);
                    }
                },
                Argument::Query => {
                    let query = self.query(next()?)?;
                    self.constant(operand, query)?;
                }
                Argument::Code => {
                    let value = next()?;
                    let codes = self.shared.codes;
                    let code = codes.iter().find(|(known, _)| std::ptr::eq(*known, value));
                    let (_, code) = code.ok_or("an expression was not seen before")?;
                    self.constant(operand, code.clone())?;
                }
                Argument::Nothing => self.abc(op::LOADNIL, operand, 0, 0),
                Argument::NoWait => {
                    let now = Val::just(Val::int(0)).map_err(|e| e.to_string())?;
                    self.constant(operand, now)?;
                }
            }
        }
        if args.next().is_some() {
            return Err("there are too many arguments".into());
        }
        self.abc(row.code, to, first, 0);
        Ok(())
    }

    /// A query of a search. Names of things stand in it as texts.
    fn query(&self, value: &Value) -> Result<Val, String> {
        let members = object(value, "a query")?.iter();
        let entries = members.map(|(name, value)| {
            let text = |kind: &str| match value {
                Value::String(text) => {
                    let tagged = serde_json::json!({ kind: text });
                    from_json(&tagged, self.shared.names)
                }
                other => from_json(other, self.shared.names),
            };
            let value = match name.as_str() {
                "current" | "creating" => text("ctl"),
                "machine" => text("mach"),
                "cursor" => text("obj"),
                _ => from_json(value, self.shared.names),
            };
            Ok((Val::str(name), value?))
        });
        let entries = entries.collect::<Result<Vec<_>, String>>()?;
        Val::map(entries).map_err(|e| e.to_string())
    }

    /// A value in a register of its own.
    fn one(&mut self, value: &Value) -> Result<u8, String> {
        let to = self.take(1)?;
        self.expression(value, to)?;
        Ok(to)
    }

    /// A value in register `to`.
    fn expression(&mut self, value: &Value, to: u8) -> Result<(), String> {
        let top = self.top;
        match value {
            Value::Array(items) => {
                let first = self.take(items.len())?;
                for (at, item) in items.iter().enumerate() {
                    self.expression(item, first + at as u8)?;
                }
                let from = if items.is_empty() { to } else { first };
                self.abc(op::LIST, to, from, items.len() as u8);
            }
            Value::Object(members) => {
                if let Some(Value::String(name)) = members.get("$") {
                    let from = self.variable(name)?;
                    self.abc(op::MOV, to, from, 0);
                } else if let (Some(Value::String(name)), Some(args)) =
                    (members.get("op"), members.get("args"))
                {
                    self.operation(name, array(args, "`args`")?, to)?;
                } else {
                    self.constant(to, from_json(value, self.shared.names)?)?;
                }
            }
            _ => self.constant(to, from_json(value, self.shared.names)?)?,
        }
        self.top = top;
        Ok(())
    }

    fn operation(&mut self, name: &str, args: &[Value], to: u8) -> Result<(), String> {
        if matches!(name, "and" | "or") {
            return self.shortcut(name, args, to);
        }
        if name == "nth-or" {
            return self.nth_or(args, to);
        }
        let mut operands = Vec::new();
        for arg in args {
            operands.push(self.one(arg)?);
        }
        let two = |code| (code, operands.first(), operands.get(1));
        let swapped = |code| (code, operands.get(1), operands.first());
        let is = |tag: u8| (op::ISTYPE, operands.first(), tag);
        let (code, b, c) = match (name, operands.len()) {
            ("+", 2) => two(op::ADD),
            ("-", 2) => two(op::SUB),
            ("*", 2) => two(op::MUL),
            (">", 2) => swapped(op::LT),
            (">=", 2) => swapped(op::LE),
            ("=", 2) => two(op::EQ),
            ("nth", 2) => two(op::REF),
            ("append", 2) => two(op::APPEND),
            ("not", 1) => two(op::NOT),
            ("len", 1) => two(op::LEN),
            ("unjust", 1) => two(op::UNJUST),
            ("just?" | "int?" | "list?", 1) => {
                let (code, b, tag) = match name {
                    "just?" => is(0x01),
                    "int?" => is(0x04),
                    _ => is(0x09),
                };
                self.abc(code, to, b.copied().unwrap_or(0), tag);
                return Ok(());
            }
            (_, count) => return Err(format!("there is no operation `{name}` of {count}")),
        };
        let (b, c) = (b.copied().unwrap_or(0), c.copied().unwrap_or(0));
        self.abc(code, to, b, c);
        Ok(())
    }

    /// The first operand that decides, or the last one.
    fn shortcut(&mut self, name: &str, args: &[Value], to: u8) -> Result<(), String> {
        let code = if name == "and" { op::JF } else { op::JT };
        let mut ends = Vec::new();
        for (at, arg) in args.iter().enumerate() {
            self.expression(arg, to)?;
            if at + 1 < args.len() {
                ends.push(self.jump(code, to));
            }
        }
        ends.into_iter().for_each(|end| self.code.bind(end));
        Ok(())
    }

    /// The item of a list, or something else if the list is too short.
    fn nth_or(&mut self, args: &[Value], to: u8) -> Result<(), String> {
        let [list, index, other] = args else {
            return Err("`nth-or` takes a list, an index and another value".into());
        };
        let (list, index, test) = (self.one(list)?, self.one(index)?, self.take(1)?);
        self.abc(op::LEN, test, list, 0);
        self.abc(op::LT, test, index, test);
        let short = self.jump(op::JF, test);
        self.abc(op::REF, to, list, index);
        let end = self.jump(op::JMP, 0);
        self.code.bind(short);
        self.expression(other, to)?;
        self.code.bind(end);
        Ok(())
    }
}

//! Forms of the dialect, by what their rows in [`forms`](super::forms) say.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use avm_lang::core::{Datum, Expr, FormId, Kind};
use avm_lang::span::Span;

use super::constant::Constant;
use super::emit::Target;
use super::forms::{Low, Name, ROWS, Slot, Zero};
use super::function::{Body, Dest, Done};
use super::{Problem, scan};
use crate::code::op;

/// Longest name of a controller or machine, in bytes. Spec: 2.
const NAME_MAX: usize = 64;

/// The arguments of a form.
#[derive(Clone, Copy)]
struct Given<'e> {
    args: &'e [Expr],
    keys: &'e [Option<Expr>],
}

/// A call without an output, which is an error.
pub(super) struct Refusal {
    target: Target,
    /// Where the object is; the input is after it.
    object: u8,
    /// The first of four registers that nothing is in.
    free: u8,
    span: Span,
}

/// One operand, after the row said which.
enum Operand<'e> {
    Expr(&'e Expr),
    Just(&'e Expr),
    Constant(Constant),
    List(&'e [Expr]),
    /// The default controller of the module, computed.
    Controller(u32),
}

impl Body<'_, '_> {
    /// What a form becomes.
    pub(super) fn low(&self, form: FormId) -> Done<Low> {
        match ROWS.get(form as usize) {
            Some(row) => Ok(row.low),
            None => Err(self.problem(Problem::Core("a form that the dialect does not have"))),
        }
    }

    /// The value of a form that is known: names of controllers and machines, data of known data.
    pub(super) fn constant_form(&self, expr: &Expr) -> Done<Option<Constant>> {
        let Kind::Form(form, args, _) = &expr.kind else {
            return Ok(None);
        };
        let known = |expr: &Expr| self.constant(expr);
        Ok(match (self.low(*form)?, &args[..]) {
            (
                Low::Name(kind),
                [
                    Expr {
                        kind: Kind::Const(Datum::Str(name)),
                        ..
                    },
                ],
            ) => {
                if name.is_empty() || name.len() > NAME_MAX {
                    return Err(self.problem(Problem::Name(name.clone())));
                }
                Some(match kind {
                    Name::Controller => Constant::Ctl(name.clone()),
                    Name::Machine => Constant::Mach(name.clone()),
                })
            }
            (Low::Op1(op::JUST), [of]) => known(of)?.map(|of| Constant::Just(Box::new(of))),
            (Low::List(op::LIST), items) => {
                let items: Option<Vec<_>> = items.iter().map(known).collect::<Done<_>>()?;
                items.map(Constant::List)
            }
            (Low::Map, []) => Some(Constant::Map),
            (Low::Sum, []) => Some(Zero::Int(0).constant()),
            (Low::Fold(_, zero), []) => Some(zero.constant()),
            (
                Low::Difference,
                [
                    Expr {
                        kind: Kind::Const(Datum::Int(digits)),
                        ..
                    },
                ],
            ) if digits != "0" && !digits.starts_with('-') => {
                let mut negative = String::from("-");
                negative.push_str(digits);
                Some(Constant::Int(negative))
            }
            _ => None,
        })
    }

    /// A form whose value is not known.
    pub(super) fn form(&mut self, expr: &Expr, dest: Dest) -> Done {
        let Kind::Form(form, args, keys) = &expr.kind else {
            return Err(self.problem(Problem::Core(
                "an expression that the compiler does not know",
            )));
        };
        let row = ROWS.get(*form as usize);
        let row = row.ok_or_else(|| self.problem(Problem::Core("a form that is not there")))?;
        let most = match row.info.params.last() {
            Some(last) if last.ends_with("...") => usize::MAX,
            _ => row.info.params.len(),
        };
        if args.len() < row.info.required || args.len() > most {
            return Err(self.problem(Problem::Arguments {
                name: String::from(row.info.name),
                got: args.len(),
                want: row.info.required,
            }));
        }
        let given = Given { args, keys };
        self.low_form(row.low, given, dest, row.info.name)
    }

    fn low_form(&mut self, low: Low, given: Given<'_>, dest: Dest, name: &str) -> Done {
        let args = given.args;
        match (low, args) {
            (Low::Op0(code), _) => {
                let r = self.result(dest)?;
                self.out.abc(code, r, 0, 0);
                self.done(r, dest)
            }
            (Low::Op1(code), [of]) => self.path(&[code], of, dest),
            (Low::Path(codes), [of]) => self.path(codes, of, dest),
            (Low::Not, [of]) => self.path(&[op::NOT], of, dest),
            (Low::Kind(tag), [of]) => self.op(op::ISTYPE, &[of], Some(tag), dest),
            (Low::Op2(op::REF), [list, index]) if self.is_list(list) => {
                match self.constant(index)?.and_then(|index| index.small()) {
                    Some(0) => self.path(&[op::CAR], list, dest),
                    Some(n @ 1..256) => self.op(op::FIELD, &[list], Some(n as u8), dest),
                    _ => self.op(op::REF, &[list, index], None, dest),
                }
            }
            (Low::Op2(code), [_, _]) => self.op(code, &[&args[0], &args[1]], None, dest),
            (Low::Is(zero), [of]) => self.is(of, &zero.constant(), dest),
            (Low::Compare(code, swap), [a, b]) => self.compare(code, swap, a, b, dest),
            (Low::Compare(code, swap), _) => self.compare_all(code, swap, args, dest),
            (Low::Sum, _) => self.sum(args, dest),
            (Low::Difference, [of]) => self.path(&[op::NEG], of, dest),
            (Low::Difference, _) => self.difference(args, dest),
            (Low::Fold(code, _), _) => self.fold(code, args, dest),
            (Low::List(code), _) => {
                let span = self.out.span;
                let count = self.count(args.len())?;
                let base = self.row(&args.iter().collect::<Vec<_>>())?;
                self.out.span = span;
                self.range(code, base, count, dest)
            }
            (Low::Map, _) => self.map(args, dest),
            (Low::Window(code, slots), _) => self.window(code, slots, given, dest),
            (Low::Ask, [_, _]) => self.ask(args, dest),
            (Low::Reply, []) => {
                let r = self.alloc()?;
                self.out.abc(op::LOADNIL, r, 0, 0);
                self.out.abc(op::REPLY, r, 0, 0);
                self.load(&Constant::Nothing, dest)
            }
            (Low::Reply, _) => {
                let span = self.out.span;
                let registers = self.operands(&args.iter().collect::<Vec<_>>())?;
                self.out.span = span;
                for r in registers {
                    self.out.abc(op::REPLY, r, 0, 0);
                }
                self.load(&Constant::Nothing, dest)
            }
            (Low::Reject, []) => {
                let r = self.alloc()?;
                self.out.abc(op::LOADNIL, r, 0, 0);
                self.out.abc(op::REJECT, r, 0, 0);
                Ok(())
            }
            (Low::Reject, [of]) => self.end_with(op::REJECT, of),
            (Low::Raise, [of]) => self.end_with(op::RAISE, of),
            (Low::Later, _) => self.later(name),
            (Low::Name(_), _) => Err(self.problem(Problem::Literal(String::from(name)))),
            _ => Err(self.problem(Problem::Core("a form with other arguments"))),
        }
    }

    /// Whether an expression is known to be a list here.
    fn is_list(&self, expr: &Expr) -> bool {
        matches!(expr.kind, Kind::Local(v) if self.lists.contains(&v))
    }

    /// Whether the value of an expression is always a list.
    pub(super) fn gives_list(&self, expr: &Expr) -> bool {
        match &expr.kind {
            Kind::Form(form, ..) => {
                matches!(
                    self.low(*form),
                    Ok(Low::Op0(op::GETSTATE) | Low::List(op::LIST))
                )
            }
            _ => false,
        }
    }

    /// `op a b c` over a range.
    fn range(&mut self, code: u8, base: u8, count: u8, dest: Dest) -> Done {
        let r = self.result(dest)?;
        self.out
            .abc(code, r, if count == 0 { 0 } else { base }, count);
        self.done(r, dest)
    }

    fn end_with(&mut self, code: u8, of: &Expr) -> Done {
        let span = self.out.span;
        let r = self.operand(of)?;
        self.out.span = span;
        self.out.abc(code, r, 0, 0);
        Ok(())
    }

    /// One-operand instructions, each on the result of the one before.
    fn path(&mut self, codes: &[u8], of: &Expr, dest: Dest) -> Done {
        let span = self.out.span;
        let mut from = self.operand(of)?;
        self.out.span = span;
        // Only the last instruction writes to a variable: if one before it fails, a handler finds
        // the variable as it was.
        let (last, before) = codes.split_last().expect("a path has instructions");
        if !before.is_empty() {
            let r = self.alloc()?;
            for code in before {
                self.out.abc(*code, r, from, 0);
                from = r;
            }
        }
        let r = self.result(dest)?;
        self.out.abc(*last, r, from, 0);
        self.done(r, dest)
    }

    /// `op a b c`, with `c` a register or a number.
    fn op(&mut self, code: u8, args: &[&Expr], c: Option<u8>, dest: Dest) -> Done {
        let span = self.out.span;
        let registers = self.operands(args)?;
        self.out.span = span;
        let r = self.result(dest)?;
        let last = *registers.last().expect("there are operands");
        self.out.abc(code, r, registers[0], c.unwrap_or(last));
        self.done(r, dest)
    }

    fn is(&mut self, of: &Expr, constant: &Constant, dest: Dest) -> Done {
        let span = self.out.span;
        let from = self.operand(of)?;
        self.out.span = span;
        if *constant == Constant::Nothing {
            let r = self.result(dest)?;
            self.out.abc(op::ISTYPE, r, from, 0);
            return self.done(r, dest);
        }
        let k = self.alloc()?;
        self.load(constant, Dest::Fresh(k))?;
        let r = self.result(dest)?;
        self.out.abc(op::EQ, r, from, k);
        self.done(r, dest)
    }

    fn compare(&mut self, code: u8, swap: bool, a: &Expr, b: &Expr, dest: Dest) -> Done {
        let span = self.out.span;
        let registers = self.operands(&[a, b])?;
        self.out.span = span;
        let r = self.result(dest)?;
        let (b, c) = if swap {
            (registers[1], registers[0])
        } else {
            (registers[0], registers[1])
        };
        self.out.abc(code, r, b, c);
        self.done(r, dest)
    }

    /// Neighbours in order: everything is evaluated, then compared until one does not hold.
    fn compare_all(&mut self, code: u8, swap: bool, args: &[Expr], dest: Dest) -> Done {
        let span = self.out.span;
        let registers = self.operands(&args.iter().collect::<Vec<_>>())?;
        self.out.span = span;
        let r = self.alloc()?;
        let end = self.out.target();
        for (at, pair) in registers.windows(2).enumerate() {
            let (b, c) = if swap {
                (pair[1], pair[0])
            } else {
                (pair[0], pair[1])
            };
            self.out.abc(code, r, b, c);
            if at + 2 < registers.len() {
                self.out.jump(op::JF, r, end);
            }
        }
        self.out.bind(end);
        self.done(r, dest)
    }

    /// A small constant that an instruction can add.
    fn addend(&self, expr: &Expr, sign: i16) -> Done<Option<i8>> {
        let small = self.constant(expr)?.and_then(|constant| constant.small());
        Ok(small
            .and_then(|n| n.checked_mul(sign))
            .and_then(|n| i8::try_from(n).ok()))
    }

    fn sum(&mut self, args: &[Expr], dest: Dest) -> Done {
        if let [a, b] = args {
            for (of, constant) in [(a, b), (b, a)] {
                if let Some(n) = self.addend(constant, 1)? {
                    return self.op(op::ADDI, &[of], Some(n as u8), dest);
                }
            }
        }
        if let [of] = args {
            return self.op(op::ADDI, &[of], Some(0), dest);
        }
        self.fold(op::ADD, args, dest)
    }

    fn difference(&mut self, args: &[Expr], dest: Dest) -> Done {
        if let [of, constant] = args
            && let Some(n) = self.addend(constant, -1)?
        {
            return self.op(op::ADDI, &[of], Some(n as u8), dest);
        }
        self.fold(op::SUB, args, dest)
    }

    /// From the left, all operands evaluated first.
    fn fold(&mut self, code: u8, args: &[Expr], dest: Dest) -> Done {
        let span = self.out.span;
        let registers = self.operands(&args.iter().collect::<Vec<_>>())?;
        self.out.span = span;
        let Some((&first, others)) = registers.split_first() else {
            return Err(self.problem(Problem::Core("a form without arguments")));
        };
        let Some((&last, middle)) = others.split_last() else {
            // The instruction on one value and the same: says whether the value fits.
            return self.single(code, first, dest);
        };
        let mut sum = first;
        if !middle.is_empty() {
            let r = self.alloc()?;
            for &next in middle {
                self.out.abc(code, r, sum, next);
                sum = r;
            }
        }
        let r = self.result(dest)?;
        self.out.abc(code, r, sum, last);
        self.done(r, dest)
    }

    /// A fold over one value: the value itself, which must be of the kind that is folded.
    fn single(&mut self, code: u8, value: u8, dest: Dest) -> Done {
        let neutral = match code {
            op::ADD | op::SUB => Zero::Int(0).constant(),
            op::MUL => Zero::Int(1).constant(),
            op::APPEND => Zero::Nil.constant(),
            op::CONCAT => {
                // A text or bytes: the part from its start to its end.
                let from = self.alloc()?;
                let (start, end) = (self.alloc()?, self.alloc()?);
                self.out.abc(op::MOV, from, value, 0);
                self.out.abx(op::LOADI, start, 0);
                self.out.abc(op::LEN, end, value, 0);
                let r = self.result(dest)?;
                self.out.abc(op::SUBSTR, r, from, 0);
                return self.done(r, dest);
            }
            _ => {
                let r = self.result(dest)?;
                self.out.abc(code, r, value, value);
                return self.done(r, dest);
            }
        };
        let k = self.alloc()?;
        self.load(&neutral, Dest::Fresh(k))?;
        let r = self.result(dest)?;
        self.out.abc(code, r, value, k);
        self.done(r, dest)
    }

    fn map(&mut self, args: &[Expr], dest: Dest) -> Done {
        if args.len() % 2 == 1 {
            return Err(self.problem(Problem::Pairs));
        }
        let span = self.out.span;
        let registers = self.operands(&args.iter().collect::<Vec<_>>())?;
        self.out.span = span;
        let base = self.alloc()?;
        let (key, value) = (self.alloc()?, self.alloc()?);
        self.load(&Constant::Map, Dest::Fresh(base))?;
        for pair in registers.chunks_exact(2) {
            self.out.abc(op::MOV, key, pair[0], 0);
            self.out.abc(op::MOV, value, pair[1], 0);
            self.out.abc(op::MAPPUT, base, base, 0);
        }
        self.done(base, dest)
    }

    fn window(&mut self, code: u8, slots: &[Slot], given: Given<'_>, dest: Dest) -> Done {
        let span = self.out.span;
        let operands: Vec<Operand<'_>> = slots
            .iter()
            .map(|slot| self.slot(*slot, given))
            .collect::<Done<_>>()?;
        let plain: Vec<&Expr> = operands
            .iter()
            .map_while(|operand| match operand {
                Operand::Expr(expr) => Some(*expr),
                _ => None,
            })
            .collect();
        let base = if plain.len() == operands.len() {
            self.row(&plain)?
        } else {
            let there = self.in_place(&plain).filter(|(first, count)| {
                u32::from(*first) + *count as u32 == self.top
                    && operands[*count..]
                        .iter()
                        .all(|later| !self.changes(later, &plain[..*count]))
            });
            let (base, there) = there.unwrap_or((self.top as u8, 0));
            for operand in &operands[there..] {
                let r = self.alloc()?;
                self.put(operand, r)?;
            }
            base
        };
        self.out.span = span;
        let r = self.result(dest)?;
        self.out.abc(code, r, base, 0);
        self.done(r, dest)
    }

    /// Whether evaluating an operand sets one of the variables.
    fn changes(&self, operand: &Operand<'_>, variables: &[&Expr]) -> bool {
        let exprs: Vec<&Expr> = match operand {
            Operand::Expr(expr) | Operand::Just(expr) => alloc::vec![*expr],
            Operand::List(items) => items.iter().collect(),
            Operand::Constant(_) | Operand::Controller(_) => Vec::new(),
        };
        variables
            .iter()
            .any(|variable| self.is_changed(variable, &exprs))
    }

    fn slot<'e>(&self, slot: Slot, given: Given<'e>) -> Done<Operand<'e>> {
        let key = |at: usize| given.keys.get(at).and_then(Option::as_ref);
        let maybe = |expr: Option<&'e Expr>| match expr {
            Some(expr) => Operand::Just(expr),
            None => Operand::Constant(Constant::Nothing),
        };
        Ok(match slot {
            Slot::Arg(at) => match given.args.get(at) {
                Some(expr) => Operand::Expr(expr),
                None => return Err(self.problem(Problem::Core("an argument that is missing"))),
            },
            Slot::Maybe(at) => maybe(given.args.get(at)),
            Slot::Key(at) => maybe(key(at)),
            Slot::Flag(at) => Operand::Constant(Constant::Bool(key(at).is_some())),
            Slot::Rest(at) => Operand::List(given.args.get(at..).unwrap_or(&[])),
            Slot::Controller(at, none) => match (key(at), key(none), &self.module.controller) {
                (Some(expr), ..) => Operand::Just(expr),
                (None, None, Some(super::Controller::Known(constant))) => {
                    Operand::Constant(Constant::Just(Box::new(constant.clone())))
                }
                (None, None, Some(super::Controller::Computed(f))) => Operand::Controller(*f),
                _ => Operand::Constant(Constant::Nothing),
            },
        })
    }

    /// Puts an operand in the register that was taken last.
    fn put(&mut self, operand: &Operand<'_>, r: u8) -> Done {
        match operand {
            Operand::Expr(expr) => self.expr(expr, Dest::Fresh(r)),
            Operand::Constant(constant) => self.load(constant, Dest::Fresh(r)),
            Operand::Just(expr) => {
                if let Some(constant) = self.constant(expr)? {
                    return self.load(&Constant::Just(Box::new(constant)), Dest::Fresh(r));
                }
                let top = self.top;
                let from = match self.register_of(expr) {
                    Some(from) => from,
                    None => {
                        self.expr(expr, Dest::Fresh(r))?;
                        r
                    }
                };
                self.top = top;
                self.out.abc(op::JUST, r, from, 0);
                Ok(())
            }
            Operand::List(items) => {
                let known: Option<Vec<_>> = items
                    .iter()
                    .map(|item| self.constant(item))
                    .collect::<Done<_>>()?;
                if let Some(items) = known {
                    return self.load(&Constant::List(items), Dest::Fresh(r));
                }
                let count = self.count(items.len())?;
                self.top = u32::from(r);
                let base = self.row(&items.iter().collect::<Vec<_>>())?;
                self.out.abc(op::LIST, r, base, count);
                self.top = u32::from(r) + 1;
                Ok(())
            }
            Operand::Controller(f) => {
                self.top = u32::from(r);
                self.call(*f, &[], Dest::Fresh(r))?;
                self.top = u32::from(r) + 1;
                self.out.abc(op::JUST, r, r, 0);
                Ok(())
            }
        }
    }

    /// A call that must have an output. The error is made at the end of the function, so that what
    /// is usual runs straight on.
    fn ask(&mut self, args: &[Expr], dest: Dest) -> Done {
        let span = self.out.span;
        let object = self.row(&[&args[0], &args[1]])?;
        self.out.span = span;
        // The call leaves object and input where they are, for the error.
        self.top = self.top.max(u32::from(object) + 2);
        let answer = self.alloc()?;
        let refused = self.out.target();
        self.out.abc(op::CALL, answer, object, 0);
        self.out.jump(op::JNOTHING, answer, refused);
        let top = self.top;
        for _ in 0..4 {
            self.alloc()?;
        }
        self.top = top;
        self.refusals.push(Refusal {
            target: refused,
            object,
            free: answer,
            span,
        });
        let r = self.result(dest)?;
        self.out.abc(op::UNJUST, r, answer, 0);
        self.done(r, dest)
    }

    /// What [`Body::ask`] left for the end.
    pub(super) fn refusals(&mut self) -> Done {
        for Refusal {
            target,
            object,
            free,
            span,
        } in core::mem::take(&mut self.refusals)
        {
            self.out.bind(target);
            self.out.span = span;
            self.load(&Constant::Str("error".into()), Dest::Fresh(free))?;
            self.load(&Constant::Str("obj/rejected".into()), Dest::Fresh(free + 1))?;
            self.out.abc(op::MOV, free + 2, object, 0);
            self.out.abc(op::MOV, free + 3, object + 1, 0);
            self.out.abc(op::LIST, free, free, 4);
            self.out.abc(op::RAISE, free, 0, 0);
        }
        Ok(())
    }

    /// Raises `unsupported`, for forms whose opcode is reserved.
    fn later(&mut self, name: &str) -> Done {
        let r = self.alloc()?;
        let error = ["error", "unsupported", name];
        let error = error
            .iter()
            .map(|text| Constant::Str(String::from(*text)))
            .collect();
        self.load(&Constant::List(error), Dest::Fresh(r))?;
        self.out.abc(op::RAISE, r, 0, 0);
        Ok(())
    }

    /// Constants that instructions inside of an expression take from registers.
    pub(super) fn operands_of(&self, expr: &Expr) -> Vec<Constant> {
        let mut constants = Vec::new();
        scan::any(expr, |kind| {
            if let Kind::Form(form, args, _) = kind
                && let Ok(low) = self.low(*form)
                && let Low::Op2(_) | Low::Fold(..) | Low::Compare(op::LT | op::LE, _) = low
            {
                let written = args.iter().filter_map(|arg| match &arg.kind {
                    Kind::Const(datum) => Some(Constant::from(datum)),
                    _ => None,
                });
                constants.extend(written);
            }
            false
        });
        constants
    }

    /// Whether evaluating an expression early or late makes no difference: it cannot fail but for
    /// want of room, and nothing sees it.
    pub(super) fn is_total(&self, expr: &Expr) -> bool {
        match &expr.kind {
            Kind::Const(_) | Kind::Local(_) => true,
            Kind::Form(form, args, _) => {
                let total = matches!(
                    self.low(*form),
                    Ok(Low::Op2(op::CONS)
                        | Low::List(op::LIST)
                        | Low::Op1(op::JUST)
                        | Low::Kind(_)
                        | Low::Not)
                );
                total
                    && args
                        .iter()
                        .all(|arg| matches!(arg.kind, Kind::Const(_) | Kind::Local(_)))
            }
            _ => false,
        }
    }
}

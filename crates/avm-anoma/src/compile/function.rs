//! One function: expressions to instructions.
//!
//! Every variable has a register, temporaries live above them like on a stack, and each expression
//! is told where its value is wanted ([`Dest`]), so few values move. Windows of calls start above
//! everything that is alive, because a call leaves the registers after its result undefined.
//!
//! What a value is wanted for travels down; a sequence, the body of a `let` and the last branch of
//! an `if` are followed in a loop, so that only real nesting costs stack.

use alloc::vec;
use alloc::vec::Vec;

use avm_lang::core::{Expr, Function, Kind, VariableId};

use super::constant::Constant;
use super::emit::Emitter;
use super::form::Refusal;
use super::jumps::Scope;
use super::scan::{self, Uses};
use super::state::{Default, State};
use super::{CompileError, Context, Problem};
use crate::code::op;

/// Registers that live variables and temporaries may take.
const REGISTERS: u32 = 250;
/// Constants that loops keep in registers, at most.
const KEPT: usize = 8;
/// How deep expressions may stand in each other.
const DEPTH: u32 = 600;

pub(super) type Done<T = ()> = Result<T, CompileError>;

/// Where the value of an expression is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dest {
    /// Nowhere.
    Nowhere,
    /// In a register that may be alive until the value is there.
    Register(u8),
    /// In a register whose content does not matter so far.
    Fresh(u8),
    /// It is the value of the function.
    Tail,
}

/// Where a variable is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    Unbound,
    Register(u8),
    /// Not copied to a register: a captured value that is read once.
    Captured(u8),
    /// Known.
    Constant(Constant),
}

/// How a function ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// With a value.
    Return,
    /// With the outputs it made so far.
    End,
}

/// The state of compiling one function.
pub(super) struct Body<'m, 'u> {
    pub(super) module: &'m mut Context<'u>,
    pub(super) out: Emitter,
    pub(super) uses: Uses,
    pub(super) places: Vec<Place>,
    /// The first register that nothing alive is in.
    pub(super) top: u32,
    pub(super) high: u32,
    /// Registers that are wanted for a value but used for temporaries before it is there.
    pub(super) released: [bool; 256],
    pub(super) guards: u32,
    pub(super) scopes: Vec<Scope>,
    pub(super) exit: Exit,
    /// Whether steps are marked: the function is a program.
    pub(super) marks: bool,
    pub(super) depth: u32,
    /// Constants that loops around keep in registers.
    pub(super) kept: Vec<(Constant, u8)>,
    /// Variables that are lists where the words go that come next.
    pub(super) lists: Vec<VariableId>,
    /// The state, if it is known.
    pub(super) state: Option<State>,
    /// Defaults of fields, which are loaded at the end.
    pub(super) defaults: Vec<Default>,
    /// Calls whose failing was left for the end.
    pub(super) refusals: Vec<Refusal>,
}

/// What a function became.
pub(super) struct Compiled {
    pub(super) words: Vec<u32>,
    pub(super) spans: Vec<avm_lang::span::Span>,
    pub(super) registers: u16,
}

/// Compiles a function of the unit.
pub(super) fn compile(
    module: &mut Context<'_>,
    function: &Function,
    exit: Exit,
    marks: bool,
) -> Done<Compiled> {
    let mut body = Body::new(module, function, exit);
    body.marks = marks;
    body.out.span = function.span;
    body.parameters(function)?;
    body.expr(&function.body, Dest::Tail)?;
    body.refusals()?;
    body.load_defaults()?;
    let registers = body.high as u16;
    let (words, spans) = body
        .out
        .finish()
        .map_err(|far| CompileError::at(far.span, Problem::TooLong))?;
    Ok(Compiled {
        words,
        spans,
        registers,
    })
}

impl<'m, 'u> Body<'m, 'u> {
    /// Nothing compiled yet.
    pub(super) fn new(module: &'m mut Context<'u>, function: &Function, exit: Exit) -> Self {
        Self {
            uses: Uses::of(&function.body, function.variables.len()),
            places: vec![Place::Unbound; function.variables.len()],
            module,
            out: Emitter::default(),
            top: 0,
            high: 1,
            released: [false; 256],
            guards: 0,
            scopes: Vec::new(),
            exit,
            marks: false,
            depth: 0,
            kept: Vec::new(),
            lists: Vec::new(),
            state: None,
            defaults: Vec::new(),
            refusals: Vec::new(),
        }
    }

    pub(super) fn parameters(&mut self, function: &Function) -> Done {
        for v in 0..function.params {
            let r = self.alloc()?;
            self.place(v, Place::Register(r))?;
        }
        for capture in 0..function.captures {
            let v = function.params + capture;
            let index = u8::try_from(capture).map_err(|_| self.problem(Problem::TooManyValues))?;
            let reads = self.uses.reads.get(v as usize).copied().unwrap_or(0);
            let place = if reads > 1 || (reads == 1 && self.uses.looped[v as usize]) {
                let r = self.alloc()?;
                self.out.abc(op::CAPT, r, index, 0);
                Place::Register(r)
            } else {
                Place::Captured(index)
            };
            self.place(v, place)?;
        }
        Ok(())
    }

    pub(super) fn problem(&self, problem: Problem) -> CompileError {
        CompileError::at(self.out.span, problem)
    }

    pub(super) fn alloc(&mut self) -> Done<u8> {
        if self.top >= REGISTERS {
            return Err(self.problem(Problem::TooManyValues));
        }
        let r = self.top as u8;
        self.top += 1;
        self.high = self.high.max(self.top);
        Ok(r)
    }

    pub(super) fn place(&mut self, v: VariableId, place: Place) -> Done {
        match self.places.get_mut(v as usize) {
            Some(slot) => *slot = place,
            None => return Err(self.problem(Problem::Core("a variable that is not declared"))),
        }
        Ok(())
    }

    pub(super) fn place_of(&self, v: VariableId) -> Done<&Place> {
        match self.places.get(v as usize) {
            Some(place) if *place != Place::Unbound => Ok(place),
            _ => Err(self.problem(Problem::Core("a variable that has no value here"))),
        }
    }

    /// The register of a variable, if it is in one.
    pub(super) fn register_of(&self, expr: &Expr) -> Option<u8> {
        match expr.kind {
            Kind::Local(v) => match self.places.get(v as usize)? {
                Place::Register(r) => Some(*r),
                _ => None,
            },
            _ => self.field(expr),
        }
    }

    /// The value of an expression that is known.
    pub(super) fn constant(&self, expr: &Expr) -> Done<Option<Constant>> {
        Ok(match &expr.kind {
            Kind::Const(datum) => Some(Constant::from(datum)),
            Kind::Local(v) => match self.place_of(*v)? {
                Place::Constant(constant) => Some(constant.clone()),
                _ => None,
            },
            Kind::Form(..) => self.constant_form(expr)?,
            _ => None,
        })
    }

    /// Puts a constant where it is wanted.
    pub(super) fn load(&mut self, constant: &Constant, dest: Dest) -> Done {
        let r = match dest {
            Dest::Nowhere => return Ok(()),
            Dest::Register(r) | Dest::Fresh(r) => r,
            Dest::Tail => self.alloc()?,
        };
        match (constant, constant.small()) {
            (_, Some(n)) => self.out.abx(op::LOADI, r, n as u16),
            (Constant::Nothing, _) => self.out.abc(op::LOADNIL, r, 0, 0),
            (Constant::Bool(true), _) => self.out.abc(op::LOADT, r, 0, 0),
            (Constant::Bool(false), _) => self.out.abc(op::LOADF, r, 0, 0),
            _ => {
                let index = self.pool(constant)?;
                self.out.abx(op::LOADK, r, index);
            }
        }
        self.done(r, dest)
    }

    /// The index of a constant.
    pub(super) fn pool(&mut self, constant: &Constant) -> Done<u16> {
        self.module
            .pool
            .add(constant.clone())
            .map_err(|_| self.problem(Problem::TooManyConstants))
    }

    /// The value is in `r`: moves it where it is wanted.
    pub(super) fn done(&mut self, r: u8, dest: Dest) -> Done {
        match dest {
            Dest::Nowhere => {}
            Dest::Register(to) | Dest::Fresh(to) if to == r => {}
            Dest::Register(to) | Dest::Fresh(to) => self.out.abc(op::MOV, to, r, 0),
            Dest::Tail => match self.exit {
                Exit::Return => self.out.abc(op::RET, r, 0, 0),
                Exit::End => self.out.abc(op::END, 0, 0, 0),
            },
        }
        Ok(())
    }

    /// A register for a result that is wanted there: its own, or a temporary one.
    pub(super) fn result(&mut self, dest: Dest) -> Done<u8> {
        match dest {
            Dest::Register(r) | Dest::Fresh(r) => Ok(r),
            Dest::Nowhere | Dest::Tail => self.alloc(),
        }
    }

    /// The expression, its value where it is wanted; temporaries are gone afterwards.
    pub(super) fn expr(&mut self, expr: &Expr, dest: Dest) -> Done {
        self.deeper(expr)?;
        let top = self.top;
        let end = self.out.target();
        // Branches that come after the others, which their conditions do not jump to.
        let mut later = Vec::new();
        let mut expr = expr;
        loop {
            self.out.span = expr.span;
            if let Some(r) = self.field(expr) {
                self.done(r, dest)?;
                break;
            }
            match &expr.kind {
                Kind::Seq(items) => {
                    let Some((last, before)) = items.split_last() else {
                        return Err(self.problem(Problem::Core("a sequence of nothing")));
                    };
                    for (at, item) in before.iter().enumerate() {
                        if !self.put_state(item, &items[at + 1..])? {
                            self.expr(item, Dest::Nowhere)?;
                        }
                        self.mark(dest);
                    }
                    expr = last;
                }
                Kind::Let(v, first, body) => {
                    self.bind(*v, first)?;
                    if !super::is_simple(&first.kind) {
                        self.mark(dest);
                    }
                    expr = body;
                }
                Kind::If(condition, then, other) => {
                    let (yes, no) = (self.out.target(), self.out.target());
                    let then_first = !self.jumps_if_true(condition);
                    self.branch(condition, yes, no, then_first)?;
                    if then_first {
                        let known = self.learn(condition);
                        self.out.bind(yes);
                        self.expr(then, dest)?;
                        self.lists.truncate(known);
                        self.out.go(end);
                    } else if !self.is_default(condition, then, dest, yes, end) {
                        later.push((yes, &**condition, &**then, self.top));
                    }
                    self.out.bind(no);
                    expr = other;
                }
                _ => {
                    self.leaf(expr, dest)?;
                    break;
                }
            }
        }
        while let Some((yes, condition, then, free)) = later.pop() {
            self.out.go(end);
            self.out.bind(yes);
            self.top = free;
            let known = self.learn(condition);
            self.expr(then, dest)?;
            self.lists.truncate(known);
        }
        self.out.bind(end);
        self.top = top;
        self.forget_state();
        self.shallower();
        Ok(())
    }

    /// Goes into an expression.
    pub(super) fn deeper(&mut self, expr: &Expr) -> Done {
        self.depth += 1;
        match self.depth > DEPTH {
            true => Err(CompileError::at(expr.span, Problem::TooDeep)),
            false => Ok(()),
        }
    }

    /// Comes back out of it.
    pub(super) fn shallower(&mut self) {
        self.depth -= 1;
    }

    /// A point between two steps of a program.
    pub(super) fn mark(&mut self, dest: Dest) {
        if self.marks && dest == Dest::Tail {
            self.out.abc(op::NOP, 0, 0, 0);
        }
    }

    /// Whether a variable keeps its first value.
    pub(super) fn is_fixed(&self, v: VariableId) -> bool {
        !self.uses.set.get(v as usize).copied().unwrap_or(true)
    }

    /// Gives a variable its first value.
    pub(super) fn bind(&mut self, v: VariableId, first: &Expr) -> Done {
        let reads = self.uses.reads.get(v as usize).copied().unwrap_or(0);
        let fixed = self.is_fixed(v);
        if fixed && let Some(constant) = self.constant(first)? {
            let once = reads <= 1 && !self.uses.looped[v as usize];
            if once || matches!(constant, Constant::Nothing | Constant::Bool(_)) {
                return self.place(v, Place::Constant(constant));
            }
        }
        if let Kind::Local(w) = first.kind
            && fixed
            && !self.uses.set[w as usize]
        {
            let place = self.place_of(w)?.clone();
            return self.place(v, place);
        }
        if fixed && reads == 0 {
            self.expr(first, Dest::Nowhere)?;
            return self.place(v, Place::Constant(Constant::Nothing));
        }
        if fixed && self.gives_list(first) {
            self.lists.push(v);
        }
        let r = self.alloc()?;
        self.expr(first, Dest::Fresh(r))?;
        self.place(v, Place::Register(r))
    }

    /// An expression that is not followed in a loop.
    pub(super) fn leaf(&mut self, expr: &Expr, dest: Dest) -> Done {
        // The value of an activation is its outputs, so nothing is a tail call there.
        if dest == Dest::Tail && self.exit == Exit::End && !Self::passes(expr) {
            self.expr(expr, Dest::Nowhere)?;
            return self.done(0, Dest::Tail);
        }
        match &expr.kind {
            Kind::Block(label, body) => return self.block(*label, body, dest),
            Kind::Break(label, value) => return self.leave(*label, value),
            Kind::Loop(label, variables, body) => {
                return self.repeat(*label, variables, body, dest);
            }
            Kind::Again(label, values) => return self.again(*label, values),
            Kind::Guard {
                body,
                variable,
                handler,
            } => return self.guard(body, *variable, handler, dest),
            Kind::Set(v, value) => {
                let Place::Register(r) = *self.place_of(*v)? else {
                    return Err(
                        self.problem(Problem::Core("a variable that is set and has no register"))
                    );
                };
                self.expr(value, Dest::Register(r))?;
                return self.load(&Constant::Nothing, dest);
            }
            _ => {}
        }
        if let Some(constant) = self.constant(expr)? {
            return self.load(&constant, dest);
        }
        if let Some(r) = self.register_of(expr) {
            return self.done(r, dest);
        }
        // What is left computes a value from others: their registers may start at its own.
        let released = match dest {
            Dest::Fresh(r) if u32::from(r) + 1 == self.top => {
                self.top -= 1;
                Some((r, core::mem::replace(&mut self.released[r as usize], true)))
            }
            _ => None,
        };
        match &expr.kind {
            Kind::Local(v) => {
                let Place::Captured(index) = *self.place_of(*v)? else {
                    return Err(self.problem(Problem::Core("a variable that is nowhere")));
                };
                let r = self.result(dest)?;
                self.out.abc(op::CAPT, r, index, 0);
                self.done(r, dest)?;
            }
            Kind::Closure(f, captured) => self.closure(*f, captured, dest)?,
            Kind::Call(f, args) => self.call(*f, args, dest)?,
            Kind::Apply(callee, args) => self.apply(callee, args, dest)?,
            _ => self.form(expr, dest)?,
        }
        if let Some((r, before)) = released {
            self.released[r as usize] = before;
        }
        Ok(())
    }

    /// Whether an expression passes its destination on, or never comes to an end.
    pub(super) fn passes(expr: &Expr) -> bool {
        matches!(
            expr.kind,
            Kind::Block(..)
                | Kind::Break(..)
                | Kind::Loop(..)
                | Kind::Again(..)
                | Kind::Guard { .. }
        )
    }

    /// The register of a value: the one it is in, or a temporary one.
    pub(super) fn operand(&mut self, expr: &Expr) -> Done<u8> {
        if let Some(r) = self.register_of(expr) {
            return Ok(r);
        }
        if !self.kept.is_empty()
            && let Some(constant) = self.constant(expr)?
            && let Some((_, r)) = self.kept.iter().find(|(kept, _)| *kept == constant)
        {
            return Ok(*r);
        }
        let r = self.alloc()?;
        self.expr(expr, Dest::Fresh(r))?;
        Ok(r)
    }

    /// Loads what a loop compares with and computes with before the loop.
    pub(super) fn keep_constants(&mut self, body: &Expr) -> Done {
        for constant in self.operands_of(body) {
            let known = self.kept.iter().any(|(kept, _)| *kept == constant);
            if !known && self.kept.len() < KEPT {
                let r = self.alloc()?;
                self.load(&constant, Dest::Fresh(r))?;
                self.kept.push((constant, r));
            }
        }
        Ok(())
    }

    /// The registers of values, in order.
    pub(super) fn operands(&mut self, items: &[&Expr]) -> Done<Vec<u8>> {
        let mut registers = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            registers.push(if self.is_changed(item, &items[at + 1..]) {
                let r = self.alloc()?;
                self.expr(item, Dest::Fresh(r))?;
                r
            } else {
                self.operand(item)?
            });
        }
        Ok(registers)
    }

    /// Whether `item` is a variable that one of `later` sets.
    pub(super) fn is_changed(&self, item: &Expr, later: &[&Expr]) -> bool {
        match item.kind {
            Kind::Local(v) => {
                self.uses.set.get(v as usize).copied().unwrap_or(true)
                    && later.iter().any(|later| scan::sets(later, v))
            }
            _ => false,
        }
    }
}

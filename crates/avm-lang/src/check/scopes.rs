//! Scopes that begin and end: transactions, whatever a dialect calls them.
//!
//! Each function is walked along its paths with what is open. A scope belongs to the function that
//! began it, so each function is looked at alone; what callees begin counts at the call. A fault
//! ends the scope, so an error handler starts with what was open at its body.

use alloc::collections::BTreeMap;
use alloc::format;

use super::Check;
use crate::compile::RULES;
use crate::core::{EntryKind, Expr, FunctionId, Kind, Label};
use crate::diagnostic::Diagnostic;
use crate::dialect::Role;
use crate::span::Span;

/// What is open at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Out,
    /// Since there; and how many were begun inside of it against the rule.
    In(Span, u32),
    /// The place is never reached.
    Dead,
}

#[derive(Default)]
struct Paths {
    /// What is open where blocks are left.
    blocks: BTreeMap<Label, State>,
    /// What is open where loops begin.
    loops: BTreeMap<Label, State>,
}

impl Check<'_> {
    pub(super) fn scopes(&mut self, id: FunctionId) {
        let unit = self.unit;
        let function = &unit.functions[id as usize];
        let program = |e: &crate::core::Entry| e.kind == EntryKind::Program && e.function == id;
        let top = unit.entries.iter().any(program);
        let module = self.modules[id as usize];
        let mut walk = Walk {
            check: self,
            paths: Paths::default(),
            module,
            top,
        };
        let end = walk.expr(&function.body, State::Out);
        if let State::In(begin, _) = end {
            walk.open(begin, None);
        }
    }
}

struct Walk<'w, 'c> {
    check: &'w mut Check<'c>,
    paths: Paths,
    module: usize,
    /// The body of a program: nothing is open around it.
    top: bool,
}

impl Walk<'_, '_> {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.check.found.push(diagnostic);
    }

    fn open(&mut self, begin: Span, at: Option<Span>) {
        let mut diagnostic = Diagnostic::error(
            "E102",
            begin,
            "this transaction is neither committed nor aborted on some path",
        )
        .help("use `(transaction ...)`, or commit or abort on every path");
        if let Some(at) = at {
            diagnostic = diagnostic.note(at, "the paths meet here");
        }
        self.report(diagnostic);
    }

    fn nested(&mut self, span: Span, outer: Span, inner: Option<Span>) {
        let mut diagnostic = Diagnostic::error("E101", span, "nested transaction")
            .note(outer, "the transaction that is open")
            .help("commit or abort it first, or let one transaction do the work of both");
        if let Some(inner) = inner.filter(|s| s.file < RULES && *s != span) {
            diagnostic = diagnostic.note(inner, "begins here");
        }
        self.report(diagnostic);
    }

    /// What is open where two paths meet.
    fn meet(&mut self, a: State, b: State, at: Span) -> State {
        match (a, b) {
            (State::Dead, other) | (other, State::Dead) => other,
            (State::In(begin, _), State::Out) | (State::Out, State::In(begin, _)) => {
                self.open(begin, Some(at));
                State::Out
            }
            (state, _) => state,
        }
    }

    fn all<'e>(&mut self, items: impl IntoIterator<Item = &'e Expr>, state: State) -> State {
        items
            .into_iter()
            .fold(state, |state, e| self.expr(e, state))
    }

    fn expr(&mut self, expr: &Expr, state: State) -> State {
        let span = expr.span;
        match &expr.kind {
            Kind::Const(_) | Kind::Local(_) => state,
            Kind::Set(_, e) => self.expr(e, state),
            Kind::If(test, then, otherwise) => {
                let state = self.expr(test, state);
                let (a, b) = (self.expr(then, state), self.expr(otherwise, state));
                self.meet(a, b, span)
            }
            Kind::Let(_, value, body) => {
                let state = self.expr(value, state);
                self.expr(body, state)
            }
            Kind::Seq(items) => self.all(items, state),
            Kind::Apply(function, args) => {
                let state = self.expr(function, state);
                self.all(args, state)
            }
            Kind::Closure(f, args) | Kind::Call(f, args) => {
                let state = self.all(args, state);
                self.call(*f, span, state);
                state
            }
            Kind::Form(_, args, keys) => {
                let state = self.all(args.iter().chain(keys.iter().flatten()), state);
                self.form(expr, state)
            }
            Kind::Block(label, body) => {
                self.paths.blocks.insert(*label, State::Dead);
                let end = self.expr(body, state);
                let left = self.paths.blocks.remove(label).unwrap_or(State::Dead);
                self.meet(end, left, span)
            }
            Kind::Break(label, value) => {
                let state = self.expr(value, state);
                let known = self.paths.blocks.get(label).copied().unwrap_or(State::Dead);
                let met = self.meet(known, state, span);
                self.paths.blocks.insert(*label, met);
                State::Dead
            }
            Kind::Loop(label, vars, body) => {
                let state = self.all(vars.iter().map(|(_, e)| e), state);
                self.paths.loops.insert(*label, state);
                self.expr(body, state)
            }
            Kind::Again(label, args) => {
                let state = self.all(args, state);
                let start = self.paths.loops.get(label).copied().unwrap_or(State::Dead);
                // The same scope or none: what a loop began it must end before it starts over.
                if let (State::In(begin, _), State::Out) | (State::Out, State::In(begin, _)) =
                    (state, start)
                {
                    self.open(begin, Some(span));
                }
                State::Dead
            }
            Kind::Guard { body, handler, .. } => {
                let end = self.expr(body, state);
                let handled = self.expr(handler, state);
                self.meet(end, handled, span)
            }
        }
    }

    fn call(&mut self, f: FunctionId, span: Span, state: State) {
        let State::In(outer, _) = state else { return };
        let summary = self.check.summaries[f as usize].clone();
        if let Some(inner) = summary.begins {
            self.nested(span, outer, Some(inner));
        }
        if let Some((form, cap)) = summary.outside {
            self.outside(form, cap, span, outer);
        }
    }

    fn outside(&mut self, form: &str, cap: &str, span: Span, outer: Span) {
        if self.check.caps[self.module].iter().any(|c| c == cap) {
            return;
        }
        let message = format!("`{form}` inside of a transaction");
        self.report(
            Diagnostic::error("E103", span, message)
                .note(outer, "the transaction that is open")
                .help(format!(
                    "end it first, or add `(caps {cap})` to the module clause"
                )),
        );
    }

    fn form(&mut self, expr: &Expr, state: State) -> State {
        let Some(info) = self.check.form(expr).copied() else {
            return state;
        };
        if ["raise", "reject"].contains(&info.name) {
            return State::Dead;
        }
        match (info.role, state) {
            (_, State::Dead) | (Role::Plain, _) | (Role::Inside, State::In(..)) => state,
            (Role::Begin, State::In(outer, more)) => {
                self.nested(expr.span, outer, None);
                State::In(outer, more + 1)
            }
            (Role::Begin, State::Out) => State::In(expr.span, 0),
            (Role::End, State::In(outer, more @ 1..)) => State::In(outer, more - 1),
            (Role::End, State::In(..)) => State::Out,
            (Role::End, State::Out) => {
                let message = format!("`{}` ends no transaction that is begun here", info.name);
                self.report(
                    Diagnostic::error("E102", expr.span, message)
                        .help("a transaction is ended once, by the function that began it"),
                );
                State::Out
            }
            (Role::Outside(cap), State::In(outer, _)) => {
                self.outside(info.name, cap, expr.span, outer);
                state
            }
            (Role::Outside(_), State::Out) => state,
            (Role::Inside, State::Out) => {
                if self.top {
                    let message = format!("`{}` outside of a transaction", info.name);
                    self.report(
                        Diagnostic::error("E107", expr.span, message)
                            .help("put it into `(transaction ...)`, or make the program an intent"),
                    );
                }
                state
            }
        }
    }
}

//! Whose the objects are that a transaction touches: each object has a controller, a transaction
//! has one, and what can be seen to differ is reported.
//!
//! Each function is walked along its paths. An object is of a *known* controller if it is made
//! under a named one, *bare* if made under none, *computed* if the name is computed where it is
//! made, or a parameter; anything else is unknown and nothing is said about it. What a function
//! touches on every path, and which of its parameters it touches in one transaction, is applied
//! where the function is called, through a few levels of calls.
//!
//! - E110: two known controllers that differ in one transaction. Only what happens on every path
//!   that reaches the second place counts.
//! - W201: a computed controller beside a known or another computed one, and a bare object. A
//!   parameter or a value from a list is not worth a warning: nearly every program has those.
//! - E109: a value that is chosen at commit, where it would leave the transaction.
//!
//! If the unit hands objects over to other controllers at all, only objects that are called and
//! nothing else are known. What other units do to an object is not seen.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Check, values::assigned};
use crate::compile::{PRELUDE_SCOPE, RULES};
use crate::core::{Datum, EntryKind, Expr, FunctionId, Kind, Label, VariableId};
use crate::diagnostic::Diagnostic;
use crate::dialect::{Authority, Choice, FormInfo, Role};
use crate::lower::each;
use crate::span::Span;

/// Calls that knowledge goes through.
const LEVELS: usize = 4;

/// Most places that are kept of a transaction, and of a function.
const MAX_PLACES: usize = 16;

/// Whose an object is; of a controller, which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    /// That of a name, made there.
    Known(String, Span),
    /// One that is computed there.
    Computed(Span),
    /// Nobody's, made there.
    Bare(Span),
    /// That of a parameter of the function.
    Param(u32),
    /// A value that is chosen there, no object.
    Chosen(Span),
    Unknown,
}

impl Who {
    /// Whether both are certainly one.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Known(a, _), Self::Known(b, _)) => a == b,
            _ => self == other,
        }
    }
}

type Touch = (Who, Span);

/// What a function does to whoever calls it.
#[derive(Clone, Debug, Default)]
struct Shape {
    /// What it touches, outside of transactions of its own, on every path.
    touched: Vec<Touch>,
    /// What it touches in one transaction of its own.
    pairs: Vec<(Touch, Touch)>,
    /// Whose its value is.
    value: Option<Who>,
}

/// What is known at a place.
#[derive(Clone, Debug)]
struct State {
    /// The place is never reached.
    dead: bool,
    /// A transaction of this function is open.
    open: bool,
    /// No transaction of a caller can be open.
    outside: bool,
    /// Nothing is checked: the transaction has several controllers.
    many: bool,
    touched: Vec<Touch>,
}

impl State {
    fn meet(&mut self, other: Self) {
        if other.dead {
            return;
        }
        if self.dead {
            *self = other;
            return;
        }
        self.open &= other.open;
        self.outside &= other.outside;
        self.many |= other.many;
        self.touched
            .retain(|(who, _)| other.touched.iter().any(|(also, _)| also.is(who)));
    }
}

impl Check<'_> {
    pub(super) fn controllers(&mut self) {
        self.linear();
        let forms = |wanted: fn(&FormInfo) -> bool| {
            let mut any = false;
            for id in 0..self.unit.functions.len() as FunctionId {
                each(self.body(id), &mut |e| {
                    any |= self.form(e).is_some_and(wanted)
                });
            }
            any
        };
        let gives = forms(|info| info.facts.authority == Authority::Gives);
        let count = self.unit.functions.len();
        let mut shapes = alloc::vec![Shape::default(); count];
        for level in 0..LEVELS {
            for id in 0..count as FunctionId {
                let report = level + 1 == LEVELS && self.modules[id as usize] != PRELUDE_SCOPE;
                let (shape, mut found) = Walk::function(self, &shapes, id, gives);
                shapes[id as usize] = shape;
                if report {
                    self.found.append(&mut found);
                }
            }
        }
    }
}

struct Walk<'w, 'c> {
    check: &'w Check<'c>,
    shapes: &'w [Shape],
    /// Variables of which nothing can be known.
    loose: BTreeSet<VariableId>,
    env: BTreeMap<VariableId, Who>,
    blocks: BTreeMap<Label, (State, Who)>,
    intent: bool,
    pairs: Vec<(Touch, Touch)>,
    found: Vec<Diagnostic>,
}

impl<'w, 'c> Walk<'w, 'c> {
    fn function(
        check: &'w Check<'c>,
        shapes: &'w [Shape],
        id: FunctionId,
        gives: bool,
    ) -> (Shape, Vec<Diagnostic>) {
        let function = &check.unit.functions[id as usize];
        let kind = |kind: EntryKind| {
            let mut entries = check.unit.entries.iter();
            entries.any(|e| e.function == id && e.kind == kind)
        };
        let mut loose = assigned(&function.body);
        if gives {
            loose.extend(escaping(check, &function.body));
        }
        let rest = u32::from(function.rest);
        let params = (0..function.params.saturating_sub(rest)).filter(|v| !loose.contains(v));
        let mut walk = Self {
            check,
            shapes,
            env: params.map(|v| (v, Who::Param(v))).collect(),
            loose,
            blocks: BTreeMap::new(),
            intent: kind(EntryKind::Intent),
            pairs: Vec::new(),
            found: Vec::new(),
        };
        let mut state = State {
            dead: false,
            open: false,
            outside: kind(EntryKind::Program) || kind(EntryKind::Test),
            many: false,
            touched: Vec::new(),
        };
        let value = walk.expr(&function.body, &mut state);
        let mut touched = state.touched;
        if state.open || state.outside {
            touched.clear();
        }
        let shape = Shape {
            touched,
            pairs: walk.pairs,
            value: Some(value),
        };
        (shape, walk.found)
    }

    fn all(&mut self, items: &[Expr], state: &mut State) -> Vec<Who> {
        items.iter().map(|e| self.expr(e, state)).collect()
    }

    /// Whose the value is.
    fn expr(&mut self, expr: &Expr, state: &mut State) -> Who {
        match &expr.kind {
            Kind::Const(_) => Who::Unknown,
            Kind::Local(variable) => self.env.get(variable).cloned().unwrap_or(Who::Unknown),
            Kind::Set(_, e) => {
                self.expr(e, state);
                Who::Unknown
            }
            Kind::If(test, then, otherwise) => {
                self.expr(test, state);
                let mut other = state.clone();
                let a = self.expr(then, state);
                let b = self.expr(otherwise, &mut other);
                let value = either((a, state.dead), (b, other.dead));
                state.meet(other);
                value
            }
            Kind::Let(variable, value, body) => {
                let who = self.expr(value, state);
                if !self.loose.contains(variable) {
                    self.env.insert(*variable, who);
                }
                self.expr(body, state)
            }
            Kind::Seq(items) => self.all(items, state).pop().unwrap_or(Who::Unknown),
            Kind::Closure(_, items) => {
                self.all(items, state);
                Who::Unknown
            }
            Kind::Apply(function, args) => {
                self.expr(function, state);
                self.all(args, state);
                Who::Unknown
            }
            Kind::Call(f, args) => {
                let args = self.all(args, state);
                self.call(*f, &args, expr.span, state)
            }
            Kind::Form(_, args, keys) => {
                let whos = self.all(args, state);
                let keyed: Vec<_> = keys
                    .iter()
                    .map(|key| key.as_ref().map(|e| self.expr(e, state)))
                    .collect();
                self.form(expr, args, &whos, &keyed, state)
            }
            Kind::Block(label, body) => {
                let value = self.expr(body, state);
                let Some((left, also)) = self.blocks.remove(label) else {
                    return value;
                };
                let value = either((value, state.dead), (also, left.dead));
                state.meet(left);
                value
            }
            Kind::Break(label, value) => {
                let value = self.expr(value, state);
                match self.blocks.get_mut(label) {
                    Some((known, who)) => {
                        *who = either((who.clone(), known.dead), (value, state.dead));
                        known.meet(state.clone());
                    }
                    None => {
                        self.blocks.insert(*label, (state.clone(), value));
                    }
                }
                state.dead = true;
                Who::Unknown
            }
            Kind::Loop(_, vars, body) => {
                for (_, e) in vars {
                    self.expr(e, state);
                }
                self.expr(body, state)
            }
            Kind::Again(_, args) => {
                self.all(args, state);
                state.dead = true;
                Who::Unknown
            }
            Kind::Guard { body, handler, .. } => {
                let mut caught = state.clone();
                self.expr(body, state);
                self.expr(handler, &mut caught);
                state.meet(caught);
                Who::Unknown
            }
        }
    }

    fn form(
        &mut self,
        expr: &Expr,
        args: &[Expr],
        whos: &[Who],
        keyed: &[Option<Who>],
        state: &mut State,
    ) -> Who {
        let Some(info) = self.check.form(expr).copied() else {
            return Who::Unknown;
        };
        if ["raise", "reject"].contains(&info.name) {
            state.dead = true;
        }
        match info.role {
            Role::Begin => {
                state.open = true;
                state.many = info.facts.authority != Authority::Begins;
                let at = whos.first().filter(|who| **who != Who::Unknown);
                state.touched = at.map(|who| (who.clone(), expr.span)).into_iter().collect();
            }
            Role::End => {
                state.touched.clear();
                (state.open, state.many, state.outside) = (false, false, true);
            }
            _ => {}
        }
        let first = whos.first().unwrap_or(&Who::Unknown);
        match info.facts.choice {
            Choice::Gives if state.open || self.intent => return Who::Chosen(expr.span),
            Choice::Refuses => {
                if let Some(Who::Chosen(at)) = whos.iter().find(|w| matches!(w, Who::Chosen(_))) {
                    self.escapes(info.name, expr.span, *at);
                }
            }
            _ => {}
        }
        match info.facts.authority {
            Authority::None | Authority::Begins => Who::Unknown,
            Authority::Names => match args.first().map(|arg| &arg.kind) {
                Some(Kind::Const(Datum::Str(name))) => Who::Known(name.clone(), expr.span),
                _ => Who::Unknown,
            },
            Authority::Touches | Authority::Gives => {
                self.touch(first.clone(), expr.span, state);
                Who::Unknown
            }
            Authority::Creates {
                controller,
                none,
                clause,
            } => {
                let key = |at: usize| keyed.get(at).and_then(Option::as_ref);
                let who = match (key(controller), key(none)) {
                    (Some(who), _) => made(who, expr.span),
                    (None, Some(_)) => bare(state, expr.span),
                    (None, None) => match self.default(clause) {
                        Some(Who::Known(name, _)) => Who::Known(name, expr.span),
                        Some(_) => Who::Unknown,
                        None => bare(state, expr.span),
                    },
                };
                if matches!(who, Who::Known(..)) {
                    self.touch(who.clone(), expr.span, state);
                }
                who
            }
        }
    }

    /// The controller that a clause of the module names, if there is the clause.
    fn default(&self, clause: &str) -> Option<Who> {
        let clauses = &self.check.unit.clauses;
        let (_, function) = clauses.iter().find(|(name, _)| name == clause)?;
        let value = self.shapes.get(*function as usize)?.value.clone();
        Some(value.unwrap_or(Who::Unknown))
    }

    fn call(&mut self, f: FunctionId, args: &[Who], span: Span, state: &mut State) -> Who {
        let Some(shape) = self.shapes.get(f as usize) else {
            return Who::Unknown;
        };
        let here = |who: &Who| match who {
            Who::Param(at) => args.get(*at as usize).cloned().unwrap_or(Who::Unknown),
            // Made anew by each call, so not the same as that of another one.
            Who::Computed(_) | Who::Bare(_) => Who::Unknown,
            known => known.clone(),
        };
        for ((a, at), (b, also)) in &shape.pairs {
            let (a, b) = (here(a), here(b));
            self.conflict(&(a, *at), &(b, *also), span);
        }
        for (who, _) in &shape.touched {
            self.touch(here(who), span, state);
        }
        shape.value.as_ref().map_or(Who::Unknown, here)
    }

    fn touch(&mut self, who: Who, span: Span, state: &mut State) {
        if state.dead || state.many || (state.outside && !state.open) {
            return;
        }
        if let (Who::Bare(at), true) = (&who, state.open) {
            let message = "an object without a controller in a transaction";
            let mut found = Diagnostic::warning("W201", span, message).help(
                "make it with `#:controller`, or add `(default-controller ...)` to the module clause",
            );
            if *at != span {
                found = found.note(*at, "it is made here");
            }
            self.report(found);
        }
        if !matches!(who, Who::Known(..) | Who::Computed(_) | Who::Param(_)) {
            return;
        }
        let new = (who, span);
        if state.open {
            for known in &state.touched {
                self.conflict(&new, known, span);
            }
        }
        let there = state.touched.iter().any(|(known, _)| known.is(&new.0));
        if !there && state.touched.len() < MAX_PLACES {
            state.touched.push(new);
        }
    }

    /// What there is to say of two places in one transaction.
    fn conflict(&mut self, new: &Touch, known: &Touch, span: Span) {
        match (&new.0, &known.0) {
            (Who::Param(_), Who::Param(_) | Who::Known(..)) | (Who::Known(..), Who::Param(_)) => {
                let pair = (new.clone(), known.clone());
                if self.pairs.len() < MAX_PLACES && !self.pairs.contains(&pair) {
                    self.pairs.push(pair);
                }
            }
            (Who::Known(a, _), Who::Known(b, _)) if a != b => {
                let message = format!("cross-controller access: `{a}`, in a transaction of `{b}`");
                let mut found = Diagnostic::error("E110", span, message);
                for (who, at) in [known, new] {
                    if let Who::Known(name, made) = who {
                        if *at != span && at.file < RULES {
                            found = found.note(*at, format!("`{name}` comes in here"));
                        }
                        let inside =
                            made.file == at.file && (at.start..at.end).contains(&made.start);
                        if !inside && made.file < RULES {
                            found = found.note(*made, format!("made under `{name}` here"));
                        }
                    }
                }
                self.report(found.help(
                    "let each transaction touch objects of one controller, or hand an object over first",
                ));
            }
            (Who::Computed(a), Who::Known(..) | Who::Computed(_))
            | (Who::Known(..), Who::Computed(a))
                if new.0 != known.0 =>
            {
                let message = "the objects of this transaction may have different controllers";
                self.report(
                    Diagnostic::warning("W201", span, message)
                        .note(known.1, "the other one is touched here")
                        .note(*a, "this controller is not known before it runs")
                        .help("pass one controller to both, or use two transactions"),
                );
            }
            _ => {}
        }
    }

    fn escapes(&mut self, form: &str, span: Span, at: Span) {
        let message = format!("`{form}` of a value that is chosen when the transaction commits");
        self.report(
            Diagnostic::error("E109", span, message)
                .note(at, "it is chosen here")
                .help("do it after the transaction, with its value"),
        );
    }

    fn report(&mut self, found: Diagnostic) {
        if found.span.file < RULES {
            self.found.push(found);
        }
    }
}

/// The value where two paths meet; one that is dead has none.
fn either(a: (Who, bool), b: (Who, bool)) -> Who {
    match (a, b) {
        ((_, true), (who, _)) | ((who, _), (_, true)) => who,
        ((a, _), (b, _)) if a.is(&b) => a,
        _ => Who::Unknown,
    }
}

/// Whose an object is that is made under that controller.
fn made(controller: &Who, span: Span) -> Who {
    match controller {
        Who::Known(name, _) => Who::Known(name.clone(), span),
        Who::Param(at) => Who::Param(*at),
        _ => Who::Computed(span),
    }
}

/// Whose an object is that is made under none: inside of a transaction it gets that one's.
fn bare(state: &State, span: Span) -> Who {
    match state.outside && !state.open {
        true => Who::Bare(span),
        false => Who::Unknown,
    }
}

/// Variables that are used for more than being called.
fn escaping(check: &Check<'_>, body: &Expr) -> BTreeSet<VariableId> {
    let mut uses: BTreeMap<VariableId, i64> = BTreeMap::new();
    each(body, &mut |e| match &e.kind {
        Kind::Local(variable) => *uses.entry(*variable).or_default() += 1,
        Kind::Form(_, args, _) => {
            let authority = check.form(e).map(|info| info.facts.authority);
            if let (Some(Authority::Touches), Some(Kind::Local(variable))) =
                (authority, args.first().map(|arg| &arg.kind))
            {
                *uses.entry(*variable).or_default() -= 1;
            }
        }
        _ => {}
    });
    uses.into_iter()
        .filter(|(_, n)| *n > 0)
        .map(|(v, _)| v)
        .collect()
}

//! Static checks over the core form: effects, capabilities, determinism. Scopes that begin and end
//! are in [`scopes`].
//!
//! What a function of another module or of the prelude does counts at the place of the call.
//!
//! Spec: 24.6. [`controllers`] knows whose objects are, [`values`] what is a Maybe.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::compile::{Compiler, MAIN_SCOPE, PRELUDE_SCOPE};
use crate::core::{EntryKind, Expr, FunctionId, Kind, Unit, VariableId};
use crate::diagnostic::Diagnostic;
use crate::dialect::{Effect, FormInfo, Role};
use crate::lower::Lowered;
use crate::span::Span;

mod controllers;
mod scopes;
mod values;

/// Parameters of this name take only what can be put in a message or a state.
const PASSED: &[&str] = &["v", "value", "message", "state"];

/// Most functions of which recursion is looked for.
const MAX_CALL_GRAPH: usize = 300;

/// What a function does, or what it calls.
#[derive(Clone, Debug, Default)]
struct Summary {
    /// Name of a form that has an effect.
    effect: Option<&'static str>,
    /// Name of a form that is not deterministic.
    impure: Option<&'static str>,
    /// Capabilities, and the form that needs each.
    caps: BTreeMap<&'static str, &'static str>,
    /// Where a scope may begin.
    begins: Option<Span>,
    /// A form that is refused inside of a scope, and the capability that allows it.
    outside: Option<(&'static str, &'static str)>,
}

struct Check<'c> {
    forms: &'c [FormInfo],
    unit: &'c Unit,
    modules: &'c [usize],
    /// Of each module.
    caps: Vec<Vec<String>>,
    summaries: Vec<Summary>,
    /// Functions that each one calls or makes closures of, with the place.
    calls: Vec<Vec<(FunctionId, Span)>>,
    found: Vec<Diagnostic>,
}

/// Checks a unit.
pub(crate) fn unit(c: &mut Compiler, lowered: &Lowered) {
    let mut check = Check {
        forms: &c.dialect.forms,
        unit: &lowered.unit,
        modules: &lowered.modules,
        caps: c.scopes.iter().map(|s| s.caps.clone()).collect(),
        summaries: Vec::new(),
        calls: Vec::new(),
        found: Vec::new(),
    };
    check.summarize();
    for id in 0..check.unit.functions.len() as FunctionId {
        if check.modules[id as usize] != PRELUDE_SCOPE {
            check.caps(id);
            check.passed(id);
            check.scopes(id);
            check.values(id);
        }
    }
    check.controllers();
    for entry in &check.unit.entries {
        if entry.kind == EntryKind::Pure {
            check.pure(entry.function, &entry.name);
        }
        if entry.deterministic {
            check.deterministic(entry.function, &entry.name);
        }
    }
    for found in check.found {
        let same = |d: &Diagnostic| {
            d.code == found.code
                && d.span == found.span
                && (d.message == found.message || d.code == "E102")
        };
        if !c.diagnostics.iter().any(same) {
            c.diagnostics.push(found);
        }
    }
}

/// Calls `f` with the parts of an expression, in the order of evaluation.
pub(crate) fn parts<'a>(expr: &'a Expr, f: &mut dyn FnMut(&'a Expr)) {
    match &expr.kind {
        Kind::Const(_) | Kind::Local(_) => {}
        Kind::Set(_, e) | Kind::Block(_, e) | Kind::Break(_, e) => f(e),
        Kind::If(a, b, c) => [a, b, c].into_iter().for_each(|e| f(e)),
        Kind::Let(_, a, b) => [a, b].into_iter().for_each(|e| f(e)),
        Kind::Seq(items)
        | Kind::Closure(_, items)
        | Kind::Call(_, items)
        | Kind::Again(_, items) => {
            items.iter().for_each(f);
        }
        Kind::Apply(function, args) => {
            f(function);
            args.iter().for_each(f);
        }
        Kind::Form(_, args, keys) => {
            args.iter().for_each(&mut *f);
            keys.iter().flatten().for_each(f);
        }
        Kind::Loop(_, vars, body) => {
            vars.iter().for_each(|(_, e)| f(e));
            f(body);
        }
        Kind::Guard { body, handler, .. } => [body, handler].into_iter().for_each(|e| f(e)),
    }
}

/// What happens at one place: a form, or a call of a function of another module.
struct Site {
    summary: Summary,
    span: Span,
}

impl Check<'_> {
    fn body(&self, id: FunctionId) -> &Expr {
        &self.unit.functions[id as usize].body
    }

    fn form(&self, expr: &Expr) -> Option<&FormInfo> {
        match &expr.kind {
            Kind::Form(form, ..) => self.forms.get(*form as usize),
            _ => None,
        }
    }

    fn of_form(info: &FormInfo, span: Span) -> Summary {
        Summary {
            effect: (info.effect == Effect::Some).then_some(info.name),
            impure: info.impure.then_some(info.name),
            caps: info.cap.iter().map(|cap| (*cap, info.name)).collect(),
            begins: (info.role == Role::Begin).then_some(span),
            outside: match info.role {
                Role::Outside(cap) => Some((info.name, cap)),
                _ => None,
            },
        }
    }

    /// Works out what each function does, all it leads to included.
    fn summarize(&mut self) {
        for id in 0..self.unit.functions.len() as FunctionId {
            let mut own = Summary::default();
            let mut calls = Vec::new();
            crate::lower::each(self.body(id), &mut |e| {
                if let Some(info) = self.form(e) {
                    own.add(&Self::of_form(info, e.span));
                }
                if let Kind::Call(f, _) | Kind::Closure(f, _) = &e.kind {
                    calls.push((*f, e.span));
                }
            });
            self.summaries.push(own);
            self.calls.push(calls);
        }
        // Facts only grow, and there are few of them: this ends.
        let mut callers: Vec<Vec<FunctionId>> = alloc::vec![Vec::new(); self.calls.len()];
        for (caller, calls) in self.calls.iter().enumerate() {
            calls
                .iter()
                .for_each(|(f, _)| callers[*f as usize].push(caller as FunctionId));
        }
        let mut todo: Vec<FunctionId> = (0..self.calls.len() as FunctionId).collect();
        while let Some(id) = todo.pop() {
            let summary = self.summaries[id as usize].clone();
            for caller in &callers[id as usize] {
                if self.summaries[*caller as usize].add(&summary) {
                    todo.push(*caller);
                }
            }
        }
    }

    /// Everything that a function does itself or has another module do.
    fn sites(&self, id: FunctionId) -> Vec<Site> {
        let mut out = Vec::new();
        crate::lower::each(self.body(id), &mut |e| {
            if let Some(info) = self.form(e) {
                out.push(Site {
                    summary: Self::of_form(info, e.span),
                    span: e.span,
                });
            }
        });
        for (f, span) in &self.calls[id as usize] {
            if self.modules[*f as usize] != self.modules[id as usize] {
                out.push(Site {
                    summary: self.summaries[*f as usize].clone(),
                    span: *span,
                });
            }
        }
        out
    }

    fn caps(&mut self, id: FunctionId) {
        let module = self.modules[id as usize];
        for site in self.sites(id) {
            for (cap, form) in &site.summary.caps {
                if self.caps[module].iter().any(|c| c == cap) {
                    continue;
                }
                let message = format!("`{form}` needs the capability `{cap}`");
                let help = if module == MAIN_SCOPE {
                    format!("add `(caps {cap})` to the module clause")
                } else {
                    format!("the imported module lacks `(caps {cap})`")
                };
                self.found
                    .push(Diagnostic::error("E104", site.span, message).help(help));
            }
        }
    }

    /// Functions of its module that a function leads to, itself first, with the place of the call.
    fn own(&self, start: FunctionId) -> Vec<(FunctionId, Option<Span>)> {
        let mut out = alloc::vec![(start, None)];
        let mut seen = BTreeSet::from([start]);
        let mut at = 0;
        while let Some((id, _)) = out.get(at).copied() {
            at += 1;
            for (f, span) in &self.calls[id as usize] {
                if self.modules[*f as usize] == self.modules[start as usize] && seen.insert(*f) {
                    out.push((*f, Some(*span)));
                }
            }
        }
        out
    }

    fn pure(&mut self, entry: FunctionId, name: &str) {
        for (id, from) in self.own(entry) {
            for site in self.sites(id) {
                let Some(form) = site.summary.effect else {
                    continue;
                };
                let message = format!("`{form}` has an effect, `{name}` is pure");
                let mut diagnostic = Diagnostic::error("E105", site.span, message)
                    .help("make it a `define`, or pass the value as an argument");
                if let Some(from) = from {
                    diagnostic = diagnostic.note(from, "reached by this");
                }
                self.found.push(diagnostic);
            }
        }
        self.recursion(entry, name);
    }

    fn deterministic(&mut self, entry: FunctionId, name: &str) {
        for (id, from) in self.own(entry) {
            for site in self.sites(id) {
                let Some(form) = site.summary.impure else {
                    continue;
                };
                let message = format!("`{form}` is not deterministic, `{name}` is said to be");
                let mut diagnostic = Diagnostic::error("E106", site.span, message)
                    .help("remove `#:deterministic`, or take the value from the message");
                if let Some(from) = from {
                    diagnostic = diagnostic.note(from, "reached by this");
                }
                self.found.push(diagnostic);
            }
        }
    }

    /// W203: a pure function that leads to itself, unless a `with-gas` is on the way.
    fn recursion(&mut self, entry: FunctionId, name: &str) {
        let own: Vec<_> = self.own(entry).into_iter().map(|(id, _)| id).collect();
        let free: BTreeSet<_> = own.into_iter().filter(|id| !self.bounded(*id)).collect();
        let next = |id: &FunctionId| {
            self.calls[*id as usize]
                .iter()
                .filter(|(f, _)| free.contains(f))
                .copied()
        };
        if free.len() > MAX_CALL_GRAPH {
            return;
        }
        let mut found = Vec::new();
        for id in &free {
            for (f, span) in next(id) {
                let mut seen = BTreeSet::from([f]);
                let mut todo = alloc::vec![f];
                while let Some(at) = todo.pop() {
                    todo.extend(next(&at).map(|(g, _)| g).filter(|g| seen.insert(*g)));
                }
                if seen.contains(id) {
                    let message = format!("`{name}` is pure and may not end: this is a recursion");
                    found.push(
                        Diagnostic::warning("W203", span, message)
                            .help("say how much it may use: `(with-gas n ...)`"),
                    );
                }
            }
        }
        self.found.append(&mut found);
    }

    fn bounded(&self, id: FunctionId) -> bool {
        let mut found = false;
        crate::lower::each(self.body(id), &mut |e| {
            found |= self.form(e).is_some_and(|f| f.name == "with-gas");
        });
        found
    }

    /// A function where a value must be one that can be stored.
    fn passed(&mut self, id: FunctionId) {
        let mut found = Vec::new();
        // Variables that visibly hold one.
        let mut held = BTreeMap::new();
        crate::lower::each(self.body(id), &mut |e| {
            if let Kind::Let(variable, value, _) = &e.kind
                && let Some(span) = self.function_in(value, &held)
            {
                held.insert(*variable, span);
            }
        });
        crate::lower::each(self.body(id), &mut |e| {
            let (Some(info), Kind::Form(_, args, _)) = (self.form(e), &e.kind) else {
                return;
            };
            if info.effect == Effect::None {
                return;
            }
            for (i, arg) in args.iter().enumerate() {
                let param = info
                    .params
                    .get(i)
                    .or(info.params.last())
                    .copied()
                    .unwrap_or("");
                let stored = ["reply", "put-state!"].contains(&info.name);
                if !stored && !PASSED.contains(&param.trim_end_matches("...")) {
                    continue;
                }
                if let Some(span) = self.function_in(arg, &held) {
                    let message = format!("a function cannot be passed to `{}`", info.name);
                    let help = "pass data, or the name of a pure function as a symbol";
                    found.push(Diagnostic::error("E105", span, message).help(help));
                }
            }
        });
        self.found.append(&mut found);
    }

    /// Where a value visibly is, or holds, a function.
    fn function_in(&self, expr: &Expr, held: &BTreeMap<VariableId, Span>) -> Option<Span> {
        match &expr.kind {
            Kind::Closure(..) => Some(expr.span),
            Kind::Local(variable) => held.get(variable).copied(),
            Kind::Form(_, args, _) => {
                let name = self.form(expr)?.name;
                let holds = ["list", "cons", "pair", "just"].contains(&name);
                args.iter()
                    .filter(|_| holds)
                    .find_map(|a| self.function_in(a, held))
            }
            Kind::Let(_, _, body) => self.function_in(body, held),
            _ => None,
        }
    }
}

impl Summary {
    /// Adds what another does; whether that is news.
    fn add(&mut self, other: &Self) -> bool {
        let before = (
            self.effect,
            self.impure,
            self.caps.len(),
            self.begins,
            self.outside,
        );
        self.effect = self.effect.or(other.effect);
        self.impure = self.impure.or(other.impure);
        for (cap, form) in &other.caps {
            self.caps.entry(cap).or_insert(form);
        }
        self.begins = self.begins.or(other.begins);
        self.outside = self.outside.or(other.outside);
        before
            != (
                self.effect,
                self.impure,
                self.caps.len(),
                self.begins,
                self.outside,
            )
    }
}

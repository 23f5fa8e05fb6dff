//! Resolved form to core form: loops, functions that are lifted, closures, fields of the state.
//!
//! A local function that is only called becomes a function of the unit that gets the variables it
//! uses as further arguments. One whose name is called in tail position alone becomes a loop.
//! Everything else becomes a closure that copies what it uses; hence nothing that another function
//! uses may be set.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::compile::{Compiler, Global, MAIN_SCOPE};
use crate::core::{Entry, EntryKind, Expr, Function, FunctionId, Kind, Unit, VariableId};
use crate::diagnostic::Diagnostic;
use crate::expand::arity;
use crate::hir::{BindingId, GlobalId, Hir, HirKind, Lambda};
use crate::names::NameKind;
use crate::span::Span;

mod shake;
mod state;
mod uses;

pub(crate) use shake::{each, shake};

/// A unit with everything in it, used or not.
pub(crate) struct Lowered {
    pub unit: Unit,
    /// Module of each function.
    pub modules: Vec<usize>,
    /// Functions to keep: those that the main module defines and exports.
    pub roots: Vec<FunctionId>,
}

/// Lowers all that was expanded.
pub(crate) fn unit(c: &mut Compiler) -> Lowered {
    let lambdas: Vec<(GlobalId, Lambda)> = (0..c.globals.len())
        .filter_map(|g| Some((g, c.globals[g].lambda.take()?)))
        .collect();
    let mut lower = Lower {
        c,
        functions: Vec::new(),
        modules: Vec::new(),
        ids: BTreeMap::new(),
        lifted: BTreeMap::new(),
        reported: BTreeSet::new(),
        module: 0,
    };
    for (global, _) in &lambdas {
        lower.module = lower.c.globals[*global].module;
        let id = lower.reserve();
        lower.ids.insert(*global, id);
    }
    for (global, lambda) in &lambdas {
        let Global {
            module, name, span, ..
        } = lower.c.globals[*global].clone();
        lower.module = module;
        let id = lower.ids[global];
        lower.function(
            id,
            name,
            &lambda.params,
            &[],
            lambda.rest,
            &lambda.body,
            span,
        );
    }
    lower.finish()
}

/// A local function that became one of the unit.
#[derive(Clone)]
struct Lifted {
    id: FunctionId,
    /// Variables that calls pass on, before the arguments.
    used: Vec<BindingId>,
    params: usize,
    rest: bool,
    name: String,
    /// The function that a closure of it runs.
    wrapper: Option<FunctionId>,
}

/// The function that is lowered.
struct Ctx {
    variables: Vec<String>,
    map: BTreeMap<BindingId, VariableId>,
    labels: BTreeMap<u32, u32>,
    /// Names of loops: label and number of variables.
    loops: BTreeMap<BindingId, (u32, usize)>,
    next_label: u32,
}

impl Ctx {
    fn variable(&mut self, binding: BindingId, name: &str) -> VariableId {
        let id = self.variables.len() as VariableId;
        self.variables.push(name.to_string());
        self.map.insert(binding, id);
        id
    }

    fn label(&mut self, label: u32) -> u32 {
        let new = self.next_label;
        self.next_label += 1;
        self.labels.insert(label, new);
        new
    }
}

struct Lower<'c, 'a> {
    c: &'c mut Compiler<'a>,
    functions: Vec<Option<Function>>,
    modules: Vec<usize>,
    ids: BTreeMap<GlobalId, FunctionId>,
    lifted: BTreeMap<BindingId, Lifted>,
    /// Variables that are set and used by another function, reported once.
    reported: BTreeSet<BindingId>,
    module: usize,
}

impl Lower<'_, '_> {
    fn reserve(&mut self) -> FunctionId {
        self.functions.push(None);
        self.modules.push(self.module);
        (self.functions.len() - 1) as FunctionId
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a function")]
    fn function(
        &mut self,
        id: FunctionId,
        name: String,
        params: &[BindingId],
        captures: &[BindingId],
        rest: bool,
        body: &Hir,
        span: Span,
    ) {
        let mut ctx = Ctx {
            variables: Vec::new(),
            map: BTreeMap::new(),
            labels: BTreeMap::new(),
            loops: BTreeMap::new(),
            next_label: 0,
        };
        for binding in params.iter().chain(captures) {
            let name = self.c.binding_name(*binding).to_string();
            ctx.variable(*binding, &name);
        }
        let body = self.expr(&mut ctx, body);
        self.functions[id as usize] = Some(Function {
            name,
            variables: ctx.variables,
            params: params.len() as u32,
            rest,
            captures: captures.len() as u32,
            body,
            span,
        });
    }

    fn nothing(span: Span) -> Expr {
        Expr {
            kind: Kind::Const(crate::core::Datum::Nothing),
            span,
        }
    }

    fn exprs(&mut self, ctx: &mut Ctx, items: &[Hir]) -> Vec<Expr> {
        items.iter().map(|i| self.expr(ctx, i)).collect()
    }

    fn boxed(&mut self, ctx: &mut Ctx, hir: &Hir) -> Box<Expr> {
        Box::new(self.expr(ctx, hir))
    }

    fn expr(&mut self, ctx: &mut Ctx, hir: &Hir) -> Expr {
        let span = hir.span;
        let kind = match &hir.kind {
            HirKind::Const(datum) => Kind::Const(datum.clone()),
            HirKind::Var(binding) => return self.read(ctx, *binding, span),
            HirKind::Global(global) => match self.ids.get(global) {
                Some(id) => Kind::Closure(*id, Vec::new()),
                None => return Self::nothing(span),
            },
            HirKind::Set(binding, value) => {
                let value = self.boxed(ctx, value);
                match ctx.map.get(binding) {
                    Some(id) => Kind::Set(*id, value),
                    None => {
                        self.set_elsewhere(*binding);
                        return Self::nothing(span);
                    }
                }
            }
            HirKind::If(parts) => {
                let [test, then, otherwise] = &**parts;
                let test = self.boxed(ctx, test);
                let then = self.boxed(ctx, then);
                Kind::If(test, then, self.boxed(ctx, otherwise))
            }
            HirKind::Let(binding, value, body) => {
                return self.bind(ctx, *binding, value, body, span);
            }
            HirKind::Seq(items) => return self.seq(ctx, items, span),
            HirKind::Lambda(lambda) => return self.closure(ctx, lambda, span),
            HirKind::Letrec(group, body) => return self.letrec(ctx, group, body, span),
            HirKind::Call(global, args) => {
                let args = self.exprs(ctx, args);
                match self.ids.get(global) {
                    Some(id) => Kind::Call(*id, args),
                    None => return Self::nothing(span),
                }
            }
            HirKind::Apply(function, args) => return self.apply(ctx, function, args, span),
            HirKind::Form(form, args, keys) => {
                let args = self.exprs(ctx, args);
                let keys = keys
                    .iter()
                    .map(|k| k.as_ref().map(|k| self.expr(ctx, k)))
                    .collect();
                Kind::Form(*form, args, keys)
            }
            HirKind::Block(label, body) => {
                let label = ctx.label(*label);
                Kind::Block(label, self.boxed(ctx, body))
            }
            HirKind::Break(label, value) => {
                let value = self.boxed(ctx, value);
                match ctx.labels.get(label) {
                    Some(label) => Kind::Break(*label, value),
                    None => {
                        self.c.report(
                            Diagnostic::error("E102", span, "this leaves a body from inside of another function")
                                .help("give the function a value that says so, and leave where it is called"),
                        );
                        return Self::nothing(span);
                    }
                }
            }
            HirKind::Loop(label, vars, body) => {
                let values: Vec<_> = vars.iter().map(|(_, v)| self.expr(ctx, v)).collect();
                let ids: Vec<_> = vars.iter().map(|(b, _)| self.fresh(ctx, *b)).collect();
                let label = ctx.label(*label);
                let body = self.boxed(ctx, body);
                Kind::Loop(label, ids.into_iter().zip(values).collect(), body)
            }
            HirKind::Again(label, values) => {
                let values = self.exprs(ctx, values);
                match ctx.labels.get(label) {
                    Some(label) => Kind::Again(*label, values),
                    None => return Self::nothing(span),
                }
            }
            HirKind::Guard(body, binding, handler) => {
                let body = self.boxed(ctx, body);
                let variable = self.fresh(ctx, *binding);
                let handler = self.boxed(ctx, handler);
                Kind::Guard {
                    body,
                    variable,
                    handler,
                }
            }
            HirKind::Field(index, default) => {
                let read = self.field(*index, default, span);
                return self.expr(ctx, &read);
            }
            HirKind::SetFields(..) => return self.seq(ctx, core::slice::from_ref(hir), span),
        };
        Expr { kind, span }
    }

    fn fresh(&mut self, ctx: &mut Ctx, binding: BindingId) -> VariableId {
        let name = self.c.binding_name(binding).to_string();
        ctx.variable(binding, &name)
    }

    /// The value of a variable, or a closure if it names a function that was lifted.
    fn read(&mut self, ctx: &mut Ctx, binding: BindingId, span: Span) -> Expr {
        if let Some(id) = ctx.map.get(&binding) {
            return Expr {
                kind: Kind::Local(*id),
                span,
            };
        }
        let Some(lifted) = self.lifted.get(&binding).cloned() else {
            return Self::nothing(span);
        };
        let used = lifted
            .used
            .iter()
            .map(|b| self.read(ctx, *b, span))
            .collect();
        let id = match (lifted.used.is_empty() && !lifted.rest, lifted.wrapper) {
            (true, _) => lifted.id,
            (_, Some(id)) => id,
            (_, None) => self.wrapper(binding, &lifted, span),
        };
        Expr {
            kind: Kind::Closure(id, used),
            span,
        }
    }

    /// A function that a closure can run: it calls the lifted one.
    fn wrapper(&mut self, binding: BindingId, lifted: &Lifted, span: Span) -> FunctionId {
        let id = self.reserve();
        let (params, captures) = (lifted.params as u32, lifted.used.len() as u32);
        let local = |i| Expr {
            kind: Kind::Local(i),
            span,
        };
        let args = (params..params + captures)
            .chain(0..params)
            .map(local)
            .collect();
        let mut variables: Vec<String> = (0..params).map(|i| format!("arg{i}")).collect();
        variables.extend(
            lifted
                .used
                .iter()
                .map(|b| self.c.binding_name(*b).to_string()),
        );
        self.functions[id as usize] = Some(Function {
            name: lifted.name.clone(),
            variables,
            params,
            rest: lifted.rest,
            captures,
            body: Expr {
                kind: Kind::Call(lifted.id, args),
                span,
            },
            span,
        });
        if let Some(known) = self.lifted.get_mut(&binding) {
            known.wrapper = Some(id);
        }
        id
    }

    fn bind(
        &mut self,
        ctx: &mut Ctx,
        binding: BindingId,
        value: &Hir,
        body: &Hir,
        span: Span,
    ) -> Expr {
        if let HirKind::Lambda(lambda) = &value.kind
            && self.c.bindings[binding].set.is_none()
            && uses::only_called(binding, body)
        {
            let group = [(binding, &**lambda)];
            self.lift(ctx, &group, value.span);
            return self.expr(ctx, body);
        }
        let value = self.boxed(ctx, value);
        let id = self.fresh(ctx, binding);
        Expr {
            kind: Kind::Let(id, value, self.boxed(ctx, body)),
            span,
        }
    }

    /// Variables that these functions use and do not bind, and complaints about those that are set.
    fn captured(&mut self, lambdas: &[(BindingId, &Lambda)]) -> Vec<BindingId> {
        let mut free = BTreeSet::new();
        for (_, lambda) in lambdas {
            free.extend(uses::free(lambda, &|b| {
                self.lifted.get(&b).map(|l| l.used.as_slice())
            }));
        }
        for (binding, _) in lambdas {
            free.remove(binding);
        }
        for binding in &free {
            if self.c.bindings[*binding].set.is_some() {
                self.set_elsewhere(*binding);
            }
        }
        free.into_iter().collect()
    }

    fn set_elsewhere(&mut self, binding: BindingId) {
        let known = &self.c.bindings[binding];
        let Some(set) = known.set else { return };
        let (name, span) = (known.name.clone(), known.span);
        if self.reported.insert(binding) {
            self.c.report(
                Diagnostic::error(
                    "E011",
                    set,
                    format!("`{name}` is set, and used by an inner function"),
                )
                .note(span, "an inner function copies it when it is made")
                .help("pass the value as an argument, or carry it in a loop variable"),
            );
        }
    }

    fn closure(&mut self, ctx: &mut Ctx, lambda: &Lambda, span: Span) -> Expr {
        let captured = self.captured(&[(BindingId::MAX, lambda)]);
        let id = self.reserve();
        self.function(
            id,
            lambda.name.clone(),
            &lambda.params,
            &captured,
            lambda.rest,
            &lambda.body,
            span,
        );
        let values = captured.iter().map(|b| self.read(ctx, *b, span)).collect();
        Expr {
            kind: Kind::Closure(id, values),
            span,
        }
    }

    /// Makes functions of the unit of local ones.
    fn lift(&mut self, ctx: &Ctx, group: &[(BindingId, &Lambda)], span: Span) {
        let used = self.captured(group);
        // Only what is a variable here can be passed on; the rest was reported.
        let used: Vec<_> = used
            .into_iter()
            .filter(|b| ctx.map.contains_key(b))
            .collect();
        for (binding, lambda) in group {
            let id = self.reserve();
            self.lifted.insert(
                *binding,
                Lifted {
                    id,
                    used: used.clone(),
                    params: lambda.params.len(),
                    rest: lambda.rest,
                    name: lambda.name.clone(),
                    wrapper: None,
                },
            );
        }
        for (binding, lambda) in group {
            let id = self.lifted[binding].id;
            let params: Vec<_> = used.iter().chain(&lambda.params).copied().collect();
            // The list of the rest is an ordinary argument: callers make it.
            self.function(
                id,
                lambda.name.clone(),
                &params,
                &[],
                false,
                &lambda.body,
                span,
            );
        }
    }

    fn letrec(
        &mut self,
        ctx: &mut Ctx,
        group: &[(BindingId, Lambda)],
        body: &Hir,
        span: Span,
    ) -> Expr {
        if let [(name, lambda)] = group
            && self.c.bindings[*name].set.is_none()
            && let HirKind::Apply(function, args) = &body.kind
            && matches!(function.kind, HirKind::Var(b) if b == *name)
            && !args.iter().any(|a| uses::mentions(*name, a))
            && args.len() == lambda.params.len()
            && uses::only_tail_calls(*name, lambda.params.len(), &lambda.body)
        {
            let values: Vec<_> = args.iter().map(|a| self.expr(ctx, a)).collect();
            let ids: Vec<_> = lambda.params.iter().map(|b| self.fresh(ctx, *b)).collect();
            let label = ctx.next_label;
            ctx.next_label += 1;
            ctx.loops.insert(*name, (label, ids.len()));
            let body = self.boxed(ctx, &lambda.body);
            let kind = Kind::Loop(label, ids.into_iter().zip(values).collect(), body);
            return Expr { kind, span };
        }
        for (name, _) in group {
            if let Some(set) = self.c.bindings[*name].set {
                let message = format!(
                    "`{}` names a function and cannot be set",
                    self.c.binding_name(*name)
                );
                self.c.report(Diagnostic::error("E011", set, message));
            }
        }
        let group: Vec<_> = group.iter().map(|(b, l)| (*b, l)).collect();
        self.lift(ctx, &group, span);
        self.expr(ctx, body)
    }

    fn apply(&mut self, ctx: &mut Ctx, function: &Hir, args: &[Hir], span: Span) -> Expr {
        if let HirKind::Var(binding) = &function.kind {
            if let Some((label, _)) = ctx.loops.get(binding).copied() {
                let values = self.exprs(ctx, args);
                return Expr {
                    kind: Kind::Again(label, values),
                    span,
                };
            }
            if !ctx.map.contains_key(binding)
                && let Some(lifted) = self.lifted.get(binding).cloned()
            {
                return self.call_lifted(ctx, *binding, &lifted, args, span);
            }
        }
        // `((lambda (x) ...) e)` binds.
        if let HirKind::Lambda(lambda) = &function.kind
            && !lambda.rest
        {
            if let Some(message) = arity("lambda", lambda.params.len(), false, args.len()) {
                self.c.report(Diagnostic::error("E108", span, message));
                return Self::nothing(span);
            }
            let values: Vec<_> = args.iter().map(|a| self.expr(ctx, a)).collect();
            let ids: Vec<_> = lambda.params.iter().map(|b| self.fresh(ctx, *b)).collect();
            let body = self.expr(ctx, &lambda.body);
            return ids
                .into_iter()
                .zip(values)
                .rev()
                .fold(body, |body, (id, value)| Expr {
                    kind: Kind::Let(id, Box::new(value), Box::new(body)),
                    span,
                });
        }
        if matches!(function.kind, HirKind::Const(_))
            && !self.c.diagnostics.iter().any(Diagnostic::is_error)
        {
            self.c
                .report(Diagnostic::error("E108", span, "a constant is called"));
        }
        let function = self.boxed(ctx, function);
        let args = self.exprs(ctx, args);
        Expr {
            kind: Kind::Apply(function, args),
            span,
        }
    }

    fn call_lifted(
        &mut self,
        ctx: &mut Ctx,
        binding: BindingId,
        lifted: &Lifted,
        args: &[Hir],
        span: Span,
    ) -> Expr {
        let name = self.c.binding_name(binding).to_string();
        if let Some(message) = arity(&name, lifted.params, lifted.rest, args.len()) {
            let defined = self.c.bindings[binding].span;
            self.c
                .report(Diagnostic::error("E108", span, message).note(defined, "defined here"));
            return Self::nothing(span);
        }
        let mut values: Vec<_> = lifted
            .used
            .iter()
            .map(|b| self.read(ctx, *b, span))
            .collect();
        let plain = lifted.params - usize::from(lifted.rest);
        values.extend(self.exprs(ctx, &args[..plain]));
        if lifted.rest {
            let list = self.c.op("list", args[plain..].to_vec(), span);
            values.push(self.expr(ctx, &list));
        }
        Expr {
            kind: Kind::Call(lifted.id, values),
            span,
        }
    }

    fn finish(self) -> Lowered {
        let mut unit = Unit::default();
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        let empty = |span| Function {
            name: String::new(),
            variables: Vec::new(),
            params: 0,
            rest: false,
            captures: 0,
            body: Self::nothing(span),
            span,
        };
        unit.functions = self
            .functions
            .into_iter()
            .map(|f| f.unwrap_or_else(|| empty(Span::default())))
            .collect();
        let main = self.c.scopes[MAIN_SCOPE].clone();
        unit.name = main.name.clone();
        unit.caps = main.caps.clone();
        let mut roots = Vec::new();
        for (module, scope) in self.c.scopes.clone().iter().enumerate().skip(MAIN_SCOPE) {
            let imported = module != MAIN_SCOPE;
            for global in &scope.entries {
                let known = &self.c.globals[*global];
                let offered = scope.offered.iter().any(|(_, g)| g == global);
                if imported && (known.test || !offered) {
                    continue;
                }
                let kind = match known.kind {
                    _ if known.test => EntryKind::Test,
                    NameKind::Behaviour => EntryKind::Behaviour,
                    NameKind::Pure => EntryKind::Pure,
                    NameKind::Intent => EntryKind::Intent,
                    _ => EntryKind::Program,
                };
                let Some(function) = self.ids.get(global) else {
                    continue;
                };
                // Code names behaviours and pure functions, so those of all modules are offered;
                // a program is started from outside, and then the nearest one is meant.
                let started = matches!(kind, EntryKind::Program | EntryKind::Intent);
                if imported && started && seen.contains_key(&known.own_name) {
                    continue;
                }
                let entry = Entry {
                    kind,
                    name: known.own_name.clone(),
                    function: *function,
                    fields: known.fields.clone(),
                    deterministic: known.deterministic,
                    exported: offered && !imported,
                    span: known.span,
                };
                if !known.test
                    && let Some(first) = seen.insert(entry.name.clone(), entry.span)
                    && imported
                {
                    let message = format!("an imported module defines `{}` too", entry.name);
                    self.c
                        .report(Diagnostic::error("E108", first, message).note(entry.span, "here"));
                }
                unit.entries.push(entry);
            }
        }
        for (name, global) in &main.clauses {
            unit.clauses
                .extend(self.ids.get(global).map(|id| (name.clone(), *id)));
        }
        for (_, global) in &main.offered {
            roots.extend(self.ids.get(global));
        }
        Lowered {
            unit,
            modules: self.modules,
            roots,
        }
    }
}

//! Calls: of functions, of forms of the dialect, and of what turns out to be neither; functions.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::compile::{Compiler, Global};
use crate::core::Datum;
use crate::diagnostic::Diagnostic;
use crate::expand::Meaning;
use crate::hir::{GlobalId, Hir, HirKind, Lambda};
use crate::names::NameKind;
use crate::span::Span;
use crate::syntax::{Mark, Syntax, SyntaxKind};

impl Compiler<'_> {
    /// A list that is an expression: what its head means decides.
    pub(crate) fn list(&mut self, span: Span, head: &Syntax, args: &[Syntax]) -> Hir {
        let meaning = match head.symbol() {
            Some((name, mark)) => self.resolve(name, mark),
            None => Meaning::Variable(usize::MAX),
        };
        if head.symbol().is_some() {
            self.used(head, &meaning);
        }
        match meaning {
            Meaning::Global(global) => self.call_global(global, args, span),
            Meaning::Word(word) => self.word(word, args, span),
            Meaning::LocalForm(rule) => self.local_form(head, &rule, args, span),
            Meaning::Rule(name) => self.rule(&name, args, span),
            Meaning::Form(form) => match self.instead(form, args) {
                Some(global) => self.call_global(global, args, span),
                None => self.form(form, args, span),
            },
            Meaning::Variable(_) | Meaning::Field(_) | Meaning::Label | Meaning::Unbound => {
                let misplaced = [
                    "define",
                    "define-record",
                    "behaviour",
                    "behavior",
                    "pure",
                    "program",
                    "intent",
                    "test",
                    "module",
                    "import",
                    "export",
                    "on",
                    "state",
                ];
                if let (Meaning::Unbound, Some((name, _))) = (&meaning, head.symbol())
                    && misplaced.contains(&name)
                {
                    let message = format!("`{name}` does not stand inside of an expression");
                    return self.fail(Diagnostic::error("E010", span, message).help(
                        "move it to the top of the module; for local names use `let` or `letrec`",
                    ));
                }
                let function = self.expr(head);
                let args = self.arguments(args);
                Hir::new(span, HirKind::Apply(Box::new(function), args))
            }
        }
    }

    /// Positional arguments of a function.
    pub(crate) fn arguments(&mut self, args: &[Syntax]) -> Vec<Hir> {
        args.iter().map(|a| self.expr(a)).collect()
    }

    fn call_global(&mut self, global: GlobalId, args: &[Syntax], span: Span) -> Hir {
        if self.globals[global].constant || self.globals[global].kind == NameKind::Behaviour {
            let function = self.global_value(global, span);
            let args = self.arguments(args);
            return Hir::new(span, HirKind::Apply(Box::new(function), args));
        }
        self.demand(global);
        let args = self.arguments(args);
        let Global {
            name,
            params,
            rest,
            span: defined,
            ..
        } = &self.globals[global];
        if let Some(message) = arity(name, *params, *rest, args.len()) {
            let mut diagnostic = Diagnostic::error("E108", span, message);
            if defined.file != crate::compile::PRELUDE {
                diagnostic = diagnostic.note(*defined, "defined here");
            }
            return self.fail(diagnostic);
        }
        Hir::new(span, HirKind::Call(global, args))
    }

    /// The function of the prelude that has the name of a form and takes that many arguments,
    /// when the form does not.
    fn instead(&self, form: u32, args: &[Syntax]) -> Option<GlobalId> {
        let info = &self.dialect.forms[form as usize];
        let most = if crate::compile::variadic(info) {
            usize::MAX
        } else {
            info.params.len()
        };
        if args.iter().any(|a| a.keyword().is_some())
            || (info.required..=most).contains(&args.len())
        {
            return None;
        }
        let global = *self.scopes[crate::compile::PRELUDE_SCOPE]
            .names
            .get(info.name)?;
        let Global { params, rest, .. } = self.globals[global];
        arity(info.name, params, rest, args.len())
            .is_none()
            .then_some(global)
    }

    /// A form of the dialect.
    fn form(&mut self, form: u32, args: &[Syntax], span: Span) -> Hir {
        let info = self.dialect.forms[form as usize];
        let mut positional = Vec::new();
        let mut keys: Vec<Option<Hir>> = info.keys.iter().map(|_| None).collect();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let Some(key) = arg.keyword() else {
                positional.push(self.expr(arg));
                continue;
            };
            let at = info
                .keys
                .iter()
                .position(|k| k.strip_suffix('?').unwrap_or(k) == key);
            let Some(at) = at else {
                let mut diagnostic = Diagnostic::error(
                    "E108",
                    arg.span,
                    format!("`{}` takes no `#:{key}`", info.name),
                );
                if !info.keys.is_empty() {
                    let keys: Vec<_> = info
                        .keys
                        .iter()
                        .map(|k| format!("#:{}", k.trim_end_matches('?')))
                        .collect();
                    diagnostic = diagnostic.help(format!("it takes {}", keys.join(", ")));
                }
                self.report(diagnostic);
                continue;
            };
            if keys[at].is_some() {
                self.report(Diagnostic::error(
                    "E108",
                    arg.span,
                    format!("`#:{key}` is given twice"),
                ));
            }
            keys[at] = Some(if info.keys[at].ends_with('?') {
                Hir::constant(arg.span, Datum::Bool(true))
            } else {
                match args.next() {
                    Some(value) => self.expr(value),
                    None => self.fail(Diagnostic::error(
                        "E108",
                        arg.span,
                        format!("`#:{key}` has no value"),
                    )),
                }
            });
        }
        let (least, variadic) = (info.required, crate::compile::variadic(&info));
        let most = if variadic {
            usize::MAX
        } else {
            info.params.len()
        };
        if positional.len() < least || positional.len() > most {
            let message = format!(
                "`{}` takes {}, {} given",
                info.name,
                range(least, most),
                positional.len()
            );
            let help = signature(&info);
            return self.fail(Diagnostic::error("E108", span, message).help(help));
        }
        Hir::new(span, HirKind::Form(form, positional, keys))
    }

    /// A function, its parameters brought into scope for the body.
    pub(crate) fn function(
        &mut self,
        name: &str,
        params: &Syntax,
        span: Span,
        body: impl FnOnce(&mut Self) -> Hir,
    ) -> Option<Lambda> {
        let (items, tail) = match &params.kind {
            SyntaxKind::List(items, tail) => (items.as_slice(), tail.as_deref()),
            SyntaxKind::Symbol(..) => (&[][..], Some(params)),
            _ => {
                self.report(Diagnostic::error(
                    "E010",
                    params.span,
                    "parameters are a list of names",
                ));
                return None;
            }
        };
        self.function_of(name, items, tail, span, body)
    }

    /// The same with the list of parameters taken apart.
    pub(crate) fn function_of(
        &mut self,
        name: &str,
        params: &[Syntax],
        tail: Option<&Syntax>,
        span: Span,
        body: impl FnOnce(&mut Self) -> Hir,
    ) -> Option<Lambda> {
        if self.too_many(params.len(), span) {
            return None;
        }
        self.scoped(|c| {
            let mut ids = Vec::new();
            let mut seen: Vec<(&str, Mark)> = Vec::new();
            for param in params.iter().chain(tail) {
                if let Some(symbol) = param.symbol() {
                    if seen.contains(&symbol) {
                        let message = format!("there are two parameters `{}`", symbol.0);
                        c.report(Diagnostic::error("E108", param.span, message));
                    }
                    seen.push(symbol);
                }
                ids.push(c.variable(param, span)?);
            }
            let body = body(c);
            Some(Lambda {
                name: name.to_string(),
                params: ids,
                rest: tail.is_some(),
                body,
            })
        })
    }
}

/// How a form is written.
pub(crate) fn signature(info: &crate::dialect::FormInfo) -> String {
    let mut out = format!("({}", info.name);
    for (i, param) in info.params.iter().enumerate() {
        out.push_str(&if i < info.required {
            format!(" {param}")
        } else {
            format!(" [{param}]")
        });
    }
    for key in info.keys {
        match key.strip_suffix('?') {
            Some(flag) => out.push_str(&format!(" [#:{flag}]")),
            None => out.push_str(&format!(" [#:{key} v]")),
        }
    }
    out.push(')');
    out
}

/// What is wrong with that many arguments.
pub(crate) fn arity(name: &str, params: usize, rest: bool, given: usize) -> Option<String> {
    let least = params - usize::from(rest);
    let most = if rest { usize::MAX } else { params };
    (given < least || given > most)
        .then(|| format!("`{name}` takes {}, {given} given", range(least, most)))
}

fn range(least: usize, most: usize) -> String {
    let plural = |n: usize| if n == 1 { "argument" } else { "arguments" };
    match (least, most) {
        (0, 0) => "no arguments".into(),
        (a, b) if a == b => format!("{a} {}", plural(a)),
        (a, usize::MAX) => format!("at least {a} {}", plural(a)),
        (a, b) => format!("{a} to {b} arguments"),
    }
}

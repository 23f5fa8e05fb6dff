//! The derived forms of the language: conditions, bindings, loops, errors.
//!
//! Spec: 24.2.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use crate::compile::Compiler;
use crate::core::Datum;
use crate::diagnostic::Diagnostic;
use crate::expand::Meaning;
use crate::hir::{BindingId, Hir, HirKind, Lambda};
use crate::span::Span;
use crate::syntax::Syntax;

impl Compiler<'_> {
    pub(crate) fn label(&mut self) -> u32 {
        self.labels += 1;
        self.labels
    }

    /// A form that a word of the language begins.
    pub(crate) fn word(&mut self, word: &str, args: &[Syntax], span: Span) -> Hir {
        match (word, args) {
            ("quote", [datum]) => self.quoted(datum),
            ("quasiquote", [datum]) => self.quasi(datum, 1),
            ("lambda", [params, body @ ..]) if !body.is_empty() => {
                let name = self.function_name.clone() + "/lambda";
                let lambda = self.function(&name, params, span, |c| c.body(body, span));
                lambda.map_or(Hir::nothing(span), |l| {
                    Hir::new(span, HirKind::Lambda(Box::new(l)))
                })
            }
            ("if", [test, then]) => self.one_arm(test, span, |c| c.expr(then), false),
            ("if", [test, then, otherwise]) => {
                let parts = [self.expr(test), self.expr(then), self.expr(otherwise)];
                Hir::new(span, HirKind::If(Box::new(parts)))
            }
            ("when", [test, body @ ..]) => self.one_arm(test, span, |c| c.body(body, span), false),
            ("unless", [test, body @ ..]) => self.one_arm(test, span, |c| c.body(body, span), true),
            ("cond", clauses) => self.cond(clauses, span, Hir::nothing),
            ("case", [value, clauses @ ..]) => self.case(value, clauses, span),
            ("match", [value, clauses @ ..]) => self.match_form(value, clauses, span),
            ("begin", [_, ..]) => self.body(args, span),
            ("begin", []) => Hir::nothing(span),
            ("and", _) => self.chain(args, span, true),
            ("or", _) => self.chain(args, span, false),
            ("let", [name, pairs, body @ ..]) if name.symbol().is_some() => {
                self.named_let(name, pairs, body, span)
            }
            ("let", [pairs, body @ ..]) => match self.pairs(pairs, word) {
                Some(pairs) => self.let_form(&pairs, body, span),
                None => Hir::nothing(span),
            },
            ("let*", [pairs, body @ ..]) => match self.pairs(pairs, word) {
                Some(pairs) => self.scoped(|c| c.let_star(&pairs, body, span)),
                None => Hir::nothing(span),
            },
            ("letrec", [pairs, body @ ..]) => match self.pairs(pairs, word) {
                Some(pairs) => self.scoped(|c| c.letrec(&pairs, body, span)),
                None => Hir::nothing(span),
            },
            ("set!", [id, value]) => self.set(id, value, span),
            ("do", [vars, exit, body @ ..]) => self.do_loop(vars, exit, body, span),
            ("for", [binding, body @ ..]) => self.for_loop(binding, body, span),
            ("guard", [clauses, body @ ..]) => self.guard(clauses, body, span),
            ("set-state!", _) => self.set_state(args, span),
            ("reply", []) => {
                let value = Hir::nothing(span);
                self.op("reply", vec![value], span)
            }
            ("reply", [value]) => {
                let value = self.expr(value);
                self.op("reply", vec![value], span)
            }
            ("reply*", [_, ..]) => self.reply_many(args, span),
            _ if word.starts_with('%') => self.template_word(word, args, span),
            _ => self.misuse(span, word),
        }
    }

    fn one_arm(
        &mut self,
        test: &Syntax,
        span: Span,
        body: impl FnOnce(&mut Self) -> Hir,
        unless: bool,
    ) -> Hir {
        let (test, body, nothing) = (self.expr(test), body(self), Hir::nothing(span));
        let parts = if unless {
            [test, nothing, body]
        } else {
            [test, body, nothing]
        };
        Hir::new(span, HirKind::If(Box::new(parts)))
    }

    /// All outputs are evaluated before the first is made.
    fn reply_many(&mut self, args: &[Syntax], span: Span) -> Hir {
        let values = self.arguments(args);
        let ids: Vec<_> = values
            .iter()
            .map(|v| self.temporary("output", v.span))
            .collect();
        let mut replies = Vec::new();
        for id in &ids {
            let value = Hir::var(span, *id);
            replies.push(self.op("reply", vec![value], span));
        }
        let body = Hir::seq(span, replies);
        ids.into_iter()
            .zip(values)
            .rev()
            .fold(body, |body, (id, v)| Hir::bind(id, v, body))
    }

    /// Clauses `(test body ...)`; `otherwise` gives what happens if none is true.
    pub(crate) fn cond(
        &mut self,
        clauses: &[Syntax],
        span: Span,
        otherwise: impl FnOnce(Span) -> Hir,
    ) -> Hir {
        let mut done = Vec::new();
        let mut last = None;
        let before = self.depth;
        for (i, clause) in clauses.iter().enumerate() {
            let Some([test, body @ ..]) = clause.list() else {
                last = Some(self.misuse(clause.span, "cond"));
                continue;
            };
            if self.is_else(test) {
                if i + 1 < clauses.len() {
                    self.unreachable(clauses[i + 1].span, test.span, "`else` takes everything");
                }
                last = Some(self.body(body, clause.span));
                break;
            }
            let test = self.expr(test);
            let body = if body.is_empty() {
                None
            } else {
                Some(self.body(body, clause.span))
            };
            done.push((test, body));
            // What follows stands inside of the `else` of this one.
            self.depth += 1;
            if self.depth > crate::expand::MAX_NESTING {
                last = Some(self.deeper(1, clause.span, |_| Hir::nothing(span)));
                break;
            }
        }
        self.depth = before;
        let mut out = last.unwrap_or_else(|| otherwise(span));
        for (test, body) in done.into_iter().rev() {
            out = match body {
                Some(body) => Hir::test(test, body, out),
                None => self.first_true(test, out),
            };
        }
        out
    }

    pub(crate) fn is_else(&self, test: &Syntax) -> bool {
        let Some(("else", mark)) = test.symbol() else {
            return false;
        };
        matches!(self.resolve("else", mark), Meaning::Unbound)
    }

    pub(crate) fn unreachable(&mut self, clause: Span, because: Span, why: &str) {
        self.report(
            Diagnostic::error("E108", clause, "this clause is never reached")
                .note(because, why.to_string())
                .help("remove it or move it up"),
        );
    }

    /// The value of `test` if it is true.
    fn first_true(&mut self, test: Hir, otherwise: Hir) -> Hir {
        let span = test.span;
        let id = self.temporary("value", span);
        let (value, again) = (Hir::var(span, id), Hir::var(span, id));
        Hir::bind(id, test, Hir::test(value, again, otherwise))
    }

    /// `and`, `or`
    fn chain(&mut self, args: &[Syntax], span: Span, and: bool) -> Hir {
        let Some((last, rest)) = args.split_last() else {
            return Hir::constant(span, Datum::Bool(and));
        };
        self.deeper(rest.len(), span, |c| {
            let rest: Vec<_> = rest.iter().map(|e| c.expr(e)).collect();
            let mut out = c.expr(last);
            for e in rest.into_iter().rev() {
                out = if and {
                    let no = Hir::constant(e.span, Datum::Bool(false));
                    Hir::test(e, out, no)
                } else {
                    c.first_true(e, out)
                };
            }
            out
        })
    }

    fn case(&mut self, value: &Syntax, clauses: &[Syntax], span: Span) -> Hir {
        let value = self.expr(value);
        let id = self.temporary("case", span);
        let mut seen: Vec<(Datum, Span)> = Vec::new();
        let mut done = Vec::new();
        let mut last = Hir::nothing(span);
        let body = self.deeper(clauses.len(), span, |c| {
            for (i, clause) in clauses.iter().enumerate() {
                let Some([data, body @ ..]) = clause.list() else {
                    return c.misuse(clause.span, "case");
                };
                if c.is_else(data) {
                    if let Some(next) = clauses.get(i + 1) {
                        c.unreachable(next.span, data.span, "`else` takes everything");
                    }
                    last = c.body(body, clause.span);
                    break;
                }
                let Some(data) = data.list() else {
                    return c.misuse(clause.span, "case");
                };
                let mut tests = Vec::new();
                for datum in data {
                    let constant = datum.datum();
                    if let Some((_, first)) = seen.iter().find(|(d, _)| *d == constant) {
                        let first = *first;
                        c.report(
                            Diagnostic::error("E108", datum.span, "this datum was taken before")
                                .note(first, "here"),
                        );
                    }
                    seen.push((constant.clone(), datum.span));
                    let args = vec![
                        Hir::var(datum.span, id),
                        Hir::constant(datum.span, constant),
                    ];
                    tests.push(c.op("equal?", args, datum.span));
                }
                if tests.len() > 100 {
                    return c.fail(Diagnostic::error(
                        "E007",
                        clause.span,
                        "more than 100 data in one clause",
                    ));
                }
                done.push((tests, c.body(body, clause.span)));
            }
            let mut out = last;
            for (tests, body) in done.into_iter().rev() {
                let no = Hir::constant(body.span, Datum::Bool(false));
                let test = tests.into_iter().rev().reduce(|rest, test| {
                    let yes = Hir::constant(test.span, Datum::Bool(true));
                    Hir::test(test, yes, rest)
                });
                out = Hir::test(test.unwrap_or(no), body, out);
            }
            out
        });
        Hir::bind(id, value, body)
    }

    /// `((id e) ...)`
    fn pairs<'s>(
        &mut self,
        pairs: &'s Syntax,
        word: &str,
    ) -> Option<Vec<(&'s Syntax, &'s Syntax)>> {
        let Some(items) = pairs.list() else {
            self.misuse(pairs.span, word);
            return None;
        };
        if word != "let*" && self.too_many(items.len(), pairs.span) {
            return None;
        }
        let mut out = Vec::new();
        for item in items {
            match item.list() {
                Some([id, value]) if id.symbol().is_some() => out.push((id, value)),
                _ => {
                    self.misuse(item.span, word);
                    return None;
                }
            }
        }
        Some(out)
    }

    fn distinct(&mut self, ids: &[(&Syntax, &Syntax)]) {
        for (i, (id, _)) in ids.iter().enumerate() {
            // `_` is for values that nobody asks for.
            if let Some((first, _)) = ids[..i].iter().find(|(f, _)| f.symbol() == id.symbol())
                && !id.is("_")
            {
                let message = alloc::format!("`{id}` is bound twice");
                let first = first.span;
                self.report(Diagnostic::error("E108", id.span, message).note(first, "first here"));
            }
        }
    }

    fn let_form(&mut self, pairs: &[(&Syntax, &Syntax)], body: &[Syntax], span: Span) -> Hir {
        self.distinct(pairs);
        self.deeper(pairs.len(), span, |c| {
            let values: Vec<_> = pairs.iter().map(|(id, v)| c.named(id, v)).collect();
            c.scoped(|c| {
                let ids: Vec<_> = pairs.iter().map(|(id, _)| c.variable(id, span)).collect();
                let body = c.body(body, span);
                ids.into_iter()
                    .zip(values)
                    .rev()
                    .fold(body, |body, (id, value)| match id {
                        Some(id) => Hir::bind(id, value, body),
                        None => body,
                    })
            })
        })
    }

    /// An expression that gets a name: a lambda is called like it.
    fn named(&mut self, id: &Syntax, value: &Syntax) -> Hir {
        let mut out = self.expr(value);
        if let (HirKind::Lambda(lambda), Some((name, _))) = (&mut out.kind, id.symbol()) {
            lambda.name = self.function_name.clone() + "/" + name;
        }
        out
    }

    fn let_star(&mut self, pairs: &[(&Syntax, &Syntax)], body: &[Syntax], span: Span) -> Hir {
        let depth = self.depth;
        let mut bound = Vec::new();
        for (id, value) in pairs {
            let value = self.named(id, value);
            if let Some(id) = self.variable(id, span) {
                bound.push((id, value));
            }
            self.depth += 1;
            if self.depth > crate::expand::MAX_NESTING {
                break;
            }
        }
        let body = self.deeper(0, span, |c| c.body(body, span));
        self.depth = depth;
        bound
            .into_iter()
            .rev()
            .fold(body, |body, (id, value)| Hir::bind(id, value, body))
    }

    fn letrec(&mut self, pairs: &[(&Syntax, &Syntax)], body: &[Syntax], span: Span) -> Hir {
        self.distinct(pairs);
        let is_function = |c: &Self, value: &Syntax| {
            let Some([head, ..]) = value.list() else {
                return false;
            };
            let Some((name, mark)) = head.symbol() else {
                return false;
            };
            matches!(c.resolve(name, mark), Meaning::Word("lambda"))
        };
        let (functions, values): (Vec<_>, Vec<_>) = pairs
            .iter()
            .partition(|(_, value)| is_function(self, value));
        // Values come first and cannot see the functions: those copy them when they are called.
        self.deeper(values.len(), span, |c| {
            let mut bound = Vec::new();
            for (id, value) in &values {
                let value = c.expr(value);
                if let Some(id) = c.variable(id, span) {
                    bound.push((id, value));
                }
            }
            let ids: Vec<_> = functions
                .iter()
                .map(|(id, _)| c.variable(id, span))
                .collect();
            let mut group = Vec::new();
            for (id, (name, value)) in ids.iter().zip(&functions) {
                let lambda = c.named(name, value);
                if let (Some(id), HirKind::Lambda(lambda)) = (id, lambda.kind) {
                    group.push((*id, *lambda));
                }
            }
            let body = c.body(body, span);
            let body = if group.is_empty() {
                body
            } else {
                Hir::new(span, HirKind::Letrec(group, Box::new(body)))
            };
            bound
                .into_iter()
                .rev()
                .fold(body, |body, (id, value)| Hir::bind(id, value, body))
        })
    }

    fn named_let(&mut self, name: &Syntax, pairs: &Syntax, body: &[Syntax], span: Span) -> Hir {
        let Some(pairs) = self.pairs(pairs, "let") else {
            return Hir::nothing(span);
        };
        self.distinct(&pairs);
        let values: Vec<_> = pairs.iter().map(|(_, value)| self.expr(value)).collect();
        self.scoped(|c| {
            let Some(id) = c.variable(name, span) else {
                return Hir::nothing(span);
            };
            let ids: Vec<_> = pairs.iter().map(|(id, _)| c.variable(id, span)).collect();
            let params: Vec<BindingId> = ids.into_iter().flatten().collect();
            let full = c.function_name.clone() + "/" + name.symbol().map_or("", |(n, _)| n);
            let body = c.body(body, span);
            let lambda = Lambda {
                name: full,
                params,
                rest: false,
                body,
            };
            let call = HirKind::Apply(Box::new(Hir::var(span, id)), values);
            let call = Hir::new(span, call);
            Hir::new(span, HirKind::Letrec(vec![(id, lambda)], Box::new(call)))
        })
    }

    fn set(&mut self, id: &Syntax, value: &Syntax, span: Span) -> Hir {
        let Some((name, mark)) = id.symbol() else {
            return self.misuse(span, "set!");
        };
        let meaning = self.resolve(name, mark);
        self.used(id, &meaning);
        let value = self.expr(value);
        match meaning {
            Meaning::Variable(binding) => {
                self.bindings[binding].set.get_or_insert(span);
                Hir::new(span, HirKind::Set(binding, Box::new(value)))
            }
            Meaning::Field(_) => self.fail(
                Diagnostic::error(
                    "E010",
                    span,
                    alloc::format!("`{name}` is a field of the state"),
                )
                .help(alloc::format!("write `(set-state! {name} ...)`")),
            ),
            Meaning::Unbound => self.expr(id),
            _ => self.fail(
                Diagnostic::error(
                    "E010",
                    span,
                    alloc::format!("`{name}` is no local variable"),
                )
                .help("`set!` sets local variables only; state belongs in objects"),
            ),
        }
    }

    fn do_loop(&mut self, vars: &Syntax, exit: &Syntax, body: &[Syntax], span: Span) -> Hir {
        let (Some(vars), Some([test, results @ ..])) = (vars.list(), exit.list()) else {
            return self.misuse(span, "do");
        };
        if self.too_many(vars.len(), span) {
            return Hir::nothing(span);
        }
        let mut parts = Vec::new();
        for var in vars {
            match var.list() {
                Some([id, init]) if id.symbol().is_some() => parts.push((id, init, None)),
                Some([id, init, step]) if id.symbol().is_some() => {
                    parts.push((id, init, Some(step)))
                }
                _ => return self.misuse(var.span, "do"),
            }
        }
        let pairs: Vec<_> = parts.iter().map(|(id, init, _)| (*id, *init)).collect();
        self.distinct(&pairs);
        let inits: Vec<_> = parts.iter().map(|(_, init, _)| self.expr(init)).collect();
        let label = self.label();
        self.scoped(|c| {
            let ids: Vec<_> = parts
                .iter()
                .filter_map(|(id, ..)| c.variable(id, span))
                .collect();
            let test = c.expr(test);
            let result = if results.is_empty() {
                Hir::nothing(span)
            } else {
                c.body(results, span)
            };
            let mut again: Vec<_> = body.iter().map(|e| c.expr(e)).collect();
            let steps = parts
                .iter()
                .zip(&ids)
                .map(|((id, _, step), var)| match step {
                    Some(step) => c.expr(step),
                    None => Hir::var(id.span, *var),
                });
            let steps = steps.collect();
            again.push(Hir::new(span, HirKind::Again(label, steps)));
            let body = Hir::test(test, result, Hir::seq(span, again));
            let vars = ids.into_iter().zip(inits).collect();
            Hir::new(span, HirKind::Loop(label, vars, Box::new(body)))
        })
    }

    fn for_loop(&mut self, binding: &Syntax, body: &[Syntax], span: Span) -> Hir {
        let Some([id, list]) = binding.list() else {
            return self.misuse(span, "for");
        };
        let list = self.expr(list);
        let label = self.label();
        let rest = self.temporary("rest", list.span);
        self.scoped(|c| {
            let Some(item) = c.variable(id, span) else {
                return Hir::nothing(span);
            };
            let body = c.body(body, span);
            let at = |_: &mut Self| Hir::var(span, rest);
            let (a, b, d) = (at(c), at(c), at(c));
            let empty = Hir::constant(span, Datum::List(Vec::new()));
            let test = c.op("equal?", vec![a, empty], span);
            let first = c.op("car", vec![b], span);
            let others = c.op("cdr", vec![d], span);
            let again = Hir::new(span, HirKind::Again(label, vec![others]));
            let step = Hir::bind(item, first, Hir::seq(span, vec![body, again]));
            let body = Hir::test(test, Hir::nothing(span), step);
            Hir::new(
                span,
                HirKind::Loop(label, vec![(rest, list)], Box::new(body)),
            )
        })
    }

    fn guard(&mut self, clauses: &Syntax, body: &[Syntax], span: Span) -> Hir {
        let Some([id, clauses @ ..]) = clauses.list() else {
            return self.misuse(span, "guard");
        };
        let body = self.body(body, span);
        self.scoped(|c| {
            let Some(error) = c.variable(id, span) else {
                return Hir::nothing(span);
            };
            let value = Hir::var(span, error);
            let raise = c.op("raise", vec![value], span);
            let handler = c.cond(clauses, span, |_| raise);
            Hir::new(
                span,
                HirKind::Guard(Box::new(body), error, Box::new(handler)),
            )
        })
    }
}

//! Patterns: clauses in order, each a block that is left when it does not fit.
//!
//! A clause becomes tests and bindings, from the outside in; whatever does not fit leaves the
//! block of the clause, and the next one is tried. A body leaves the block around all clauses.
//!
//! Spec: 24.2 (`pattern`).

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use crate::compile::Compiler;
use crate::core::Datum;
use crate::diagnostic::Diagnostic;
use crate::expand::Meaning;
use crate::hir::{BindingId, Hir, HirKind};
use crate::span::Span;
use crate::syntax::{Mark, Prefix, Syntax, SyntaxKind};

/// `pattern [#:when guard] body ...`
pub(crate) struct Clause<'a> {
    /// Nothing for `otherwise`.
    pub pattern: Option<&'a Syntax>,
    pub guard: Option<&'a Syntax>,
    pub body: &'a [Syntax],
    pub span: Span,
}

/// What a pattern asks, in order.
enum Step {
    Test(Hir),
    Bind(BindingId, Hir),
}

impl<'a> Clause<'a> {
    /// Takes `pattern [#:when guard] body ...` apart.
    pub fn new(items: &'a [Syntax], span: Span) -> Option<Self> {
        match items {
            [pattern, key, guard, body @ ..] if key.keyword() == Some("when") => Some(Self {
                pattern: Some(pattern),
                guard: Some(guard),
                body,
                span,
            }),
            [pattern, body @ ..] => Some(Self {
                pattern: Some(pattern),
                guard: None,
                body,
                span,
            }),
            [] => None,
        }
    }
}

impl Compiler<'_> {
    pub(crate) fn match_form(&mut self, value: &Syntax, clauses: &[Syntax], span: Span) -> Hir {
        let value = self.expr(value);
        let id = self.temporary("match", value.span);
        let mut parsed = Vec::new();
        for clause in clauses {
            match clause
                .list()
                .and_then(|items| Clause::new(items, clause.span))
            {
                Some(clause) => parsed.push(clause),
                None => return self.misuse(clause.span, "match"),
            }
        }
        let unmatched = Hir::constant(span, Datum::Sym("match/no-clause".to_string()));
        let unmatched = self.op("list", vec![unmatched, Hir::var(span, id)], span);
        let unmatched = self.op("raise", vec![unmatched], span);
        let body = self.clauses(id, &parsed, unmatched, span);
        Hir::bind(id, value, body)
    }

    /// The first clause that fits the variable, else `otherwise`.
    pub(crate) fn clauses(
        &mut self,
        value: BindingId,
        clauses: &[Clause],
        otherwise: Hir,
        span: Span,
    ) -> Hir {
        let out = self.label();
        let mut items = Vec::new();
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        let mut total: Option<Span> = None;
        for clause in clauses {
            let shape = clause.pattern.map_or("_".to_string(), |p| self.shape(p));
            if let Some(because) = total {
                self.unreachable(clause.span, because, "this takes everything");
            } else if let Some(first) = seen.get(&shape) {
                let first = *first;
                self.report(
                    Diagnostic::error(
                        "E108",
                        clause.span,
                        "there is a clause with this pattern already",
                    )
                    .note(first, "this one runs")
                    .help("remove one, or give the first a guard: `#:when`"),
                );
            }
            let at = clause.pattern.map_or(clause.span, |p| p.span);
            if clause.guard.is_none() {
                seen.entry(shape).or_insert(at);
            }
            let (steps, guard, body) = self.scoped(|c| {
                let mut steps = Vec::new();
                if let Some(pattern) = clause.pattern {
                    let subject = Hir::var(pattern.span, value);
                    let mut names = Vec::new();
                    c.pattern(pattern, subject, &mut steps, &mut names, clause.span);
                }
                let depth = c.depth;
                c.depth += u32::try_from(steps.len()).unwrap_or(u32::MAX / 2) + 2;
                let guard = clause.guard.map(|g| c.expr(g));
                let body = c.deeper(0, clause.span, |c| c.body(clause.body, clause.span));
                c.depth = depth;
                (steps, guard, body)
            });
            let irrefutable = guard.is_none() && steps.iter().all(|s| matches!(s, Step::Bind(..)));
            if irrefutable && total.is_none() {
                total = Some(at);
                let body = bound(steps, body, 0);
                items.push(body);
                continue;
            }
            let next = self.label();
            let mut inner = Hir::leave(out, body);
            if let Some(guard) = guard {
                let miss = Hir::leave(next, Hir::nothing(guard.span));
                inner = Hir::test(guard, inner, miss);
            }
            let inner = bound(steps, inner, next);
            if total.is_none() {
                items.push(Hir::new(clause.span, HirKind::Block(next, Box::new(inner))));
            }
        }
        if total.is_none() {
            items.push(otherwise);
        }
        let single = items.len() == 1;
        let body = Hir::seq(span, items);
        if single {
            body
        } else {
            Hir::new(span, HirKind::Block(out, Box::new(body)))
        }
    }

    fn pattern(
        &mut self,
        pattern: &Syntax,
        subject: Hir,
        steps: &mut Vec<Step>,
        names: &mut Vec<(String, Mark)>,
        scope: Span,
    ) {
        let span = pattern.span;
        match &pattern.kind {
            SyntaxKind::Symbol(name, _) if name == "_" => {}
            SyntaxKind::Symbol(name, _) if name == "nothing" => {
                self.literal(pattern, subject, steps)
            }
            SyntaxKind::Symbol(name, mark) => {
                let key = (name.clone(), *mark);
                if names.contains(&key) {
                    let message = format!("`{name}` stands twice in one pattern");
                    self.report(
                        Diagnostic::error("E108", span, message).help(
                            "use two names and compare them in a guard: `#:when (equal? a b)`",
                        ),
                    );
                }
                names.push(key);
                if let Some(id) = self.variable(pattern, scope) {
                    steps.push(Step::Bind(id, subject));
                }
            }
            SyntaxKind::Prefix(Prefix::Quote, inner) => self.literal(inner, subject, steps),
            SyntaxKind::Prefix(..) | SyntaxKind::Keyword(_) => {
                self.report(Diagnostic::error(
                    "E010",
                    span,
                    format!("`{pattern}` is no pattern"),
                ));
            }
            SyntaxKind::List(items, None) => match items.as_slice() {
                [head, datum] if head.is("quote") => self.literal(datum, subject, steps),
                [head, inner] if head.is("just") => {
                    let id = self.hold(subject, span, steps);
                    let test = self.op("just?", vec![Hir::var(span, id)], span);
                    steps.push(Step::Test(test));
                    let value = self.op("unjust", vec![Hir::var(span, id)], span);
                    self.pattern(inner, value, steps, names, scope);
                }
                [head, pred, inner @ ..] if head.is("?") && inner.len() <= 1 => {
                    let id = self.hold(subject, span, steps);
                    let call = Syntax {
                        kind: SyntaxKind::List(vec![pred.clone()], None),
                        span,
                    };
                    let test = self.predicate(&call, pred, Hir::var(span, id));
                    steps.push(Step::Test(test));
                    if let [inner] = inner {
                        self.pattern(inner, Hir::var(span, id), steps, names, scope);
                    }
                }
                [head, fields @ ..] if self.record(head).is_some() => {
                    let Some((tag, count)) = self.record(head) else {
                        return;
                    };
                    if count != fields.len() {
                        let message = format!(
                            "the record `{head}` has {count} fields, {} here",
                            fields.len()
                        );
                        self.report(Diagnostic::error("E108", span, message));
                    }
                    let tag = Hir::constant(head.span, Datum::Sym(tag));
                    self.items(Some(tag), fields, subject, steps, names, scope, span);
                }
                items => self.items(None, items, subject, steps, names, scope, span),
            },
            SyntaxKind::List(items, Some(tail)) => {
                let mut subject = subject;
                for item in items {
                    let id = self.hold(subject, span, steps);
                    let test = self.not_empty(id, span);
                    steps.push(Step::Test(test));
                    let first = self.op("car", vec![Hir::var(span, id)], span);
                    self.pattern(item, first, steps, names, scope);
                    subject = self.op("cdr", vec![Hir::var(span, id)], span);
                }
                self.pattern(tail, subject, steps, names, scope);
            }
            _ => self.literal(pattern, subject, steps),
        }
    }

    /// The list of exactly these items, after a tag if one is given.
    #[expect(
        clippy::too_many_arguments,
        reason = "the state of one walk over a pattern"
    )]
    fn items(
        &mut self,
        tag: Option<Hir>,
        items: &[Syntax],
        subject: Hir,
        steps: &mut Vec<Step>,
        names: &mut Vec<(String, Mark)>,
        scope: Span,
        span: Span,
    ) {
        let id = self.hold(subject, span, steps);
        let skip = usize::from(tag.is_some());
        let is_list = self.op("list?", vec![Hir::var(span, id)], span);
        steps.push(Step::Test(is_list));
        let length = self.op("length", vec![Hir::var(span, id)], span);
        let want = Hir::constant(span, Datum::Int((items.len() + skip).to_string()));
        let fits = self.op("equal?", vec![length, want], span);
        steps.push(Step::Test(fits));
        let at = |c: &mut Self, i: usize, span| {
            let index = Hir::constant(span, Datum::Int(i.to_string()));
            c.op("list-ref", vec![Hir::var(span, id), index], span)
        };
        if let Some(tag) = tag {
            let first = at(self, 0, tag.span);
            let test = self.op("equal?", vec![first, tag], span);
            steps.push(Step::Test(test));
        }
        for (i, item) in items.iter().enumerate() {
            if !item.is("_") {
                let value = at(self, i + skip, item.span);
                self.pattern(item, value, steps, names, scope);
            }
        }
    }

    fn literal(&mut self, datum: &Syntax, subject: Hir, steps: &mut Vec<Step>) {
        let constant = Hir::constant(datum.span, datum.datum());
        let test = self.op("equal?", vec![subject, constant], datum.span);
        steps.push(Step::Test(test));
    }

    /// The subject in a variable.
    fn hold(&mut self, subject: Hir, span: Span, steps: &mut Vec<Step>) -> BindingId {
        if let HirKind::Var(id) = subject.kind {
            return id;
        }
        let id = self.temporary("part", span);
        steps.push(Step::Bind(id, subject));
        id
    }

    fn not_empty(&mut self, id: BindingId, span: Span) -> Hir {
        let var = || Hir::var(span, id);
        let empty = Hir::constant(span, Datum::List(Vec::new()));
        let is_list = self.op("list?", vec![var()], span);
        let is_empty = self.op("equal?", vec![var(), empty], span);
        let pair = self.op("pair?", vec![var()], span);
        let boolean = |b| Hir::constant(span, Datum::Bool(b));
        Hir::test(
            is_list,
            Hir::test(is_empty, boolean(false), boolean(true)),
            pair,
        )
    }

    /// Calls a predicate; one that is a form too.
    fn predicate(&mut self, call: &Syntax, pred: &Syntax, value: Hir) -> Hir {
        let meaning = pred.symbol().map(|(name, mark)| self.resolve(name, mark));
        if let (Some(Meaning::Form(_) | Meaning::Rule(_) | Meaning::Global(_)), Some((name, _))) =
            (&meaning, pred.symbol())
            && let Some(meaning) = &meaning
        {
            let name = name.to_string();
            self.used(pred, meaning);
            match meaning {
                Meaning::Form(form) => {
                    let info = self.dialect.forms[*form as usize];
                    if info.required <= 1
                        && (info.params.len() == 1 || crate::compile::variadic(&info))
                    {
                        let keys = info.keys.iter().map(|_| None).collect();
                        return Hir::new(call.span, HirKind::Form(*form, vec![value], keys));
                    }
                    let message = format!("`{name}` does not take one argument");
                    return self.fail(Diagnostic::error("E108", pred.span, message));
                }
                Meaning::Global(global) => {
                    let global = *global;
                    self.demand(global);
                    let g = &self.globals[global];
                    if !g.constant && crate::expand::arity(&name, g.params, g.rest, 1).is_none() {
                        return Hir::new(call.span, HirKind::Call(global, vec![value]));
                    }
                }
                _ => {}
            }
        }
        let function = self.expr(pred);
        Hir::new(call.span, HirKind::Apply(Box::new(function), vec![value]))
    }

    /// Name and number of fields of the record that a head of a pattern names.
    fn record(&self, head: &Syntax) -> Option<(String, usize)> {
        let (name, mark) = head.symbol()?;
        match self.resolve(name, mark) {
            Meaning::Global(global) => self.globals[global]
                .record
                .map(|fields| (self.globals[global].own_name.clone(), fields)),
            _ => None,
        }
    }

    /// The pattern with all its names forgotten.
    fn shape(&self, pattern: &Syntax) -> String {
        match &pattern.kind {
            SyntaxKind::Symbol(name, _) if name == "nothing" => name.clone(),
            SyntaxKind::Symbol(..) => "_".to_string(),
            SyntaxKind::List(items, tail) => {
                let special = items.first().is_some_and(|head| {
                    head.is("?")
                        || head.is("just")
                        || head.is("quote")
                        || self.record(head).is_some()
                });
                let mut parts = Vec::new();
                for (i, item) in items.iter().enumerate() {
                    // A predicate is compared as it is written.
                    let whole = special
                        && (i == 0
                            || (i == 1
                                && !items[0].is("just")
                                && self.record(&items[0]).is_none()));
                    parts.push(if whole {
                        item.to_string()
                    } else {
                        self.shape(item)
                    });
                }
                let tail = tail
                    .as_ref()
                    .map_or(String::new(), |t| format!(" . {}", self.shape(t)));
                format!("({}{tail})", parts.join(" "))
            }
            _ => pattern.to_string(),
        }
    }
}

/// The steps around a body; what does not fit leaves the block.
fn bound(steps: Vec<Step>, body: Hir, miss: u32) -> Hir {
    steps.into_iter().rev().fold(body, |body, step| match step {
        Step::Bind(id, value) => Hir::bind(id, value, body),
        Step::Test(test) => {
            let leave = Hir::leave(miss, Hir::nothing(test.span));
            Hir::test(test, body, leave)
        }
    })
}

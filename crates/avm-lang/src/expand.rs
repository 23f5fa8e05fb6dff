//! Text to resolved form: what names mean. Calls and derived forms are in the submodules.
//!
//! Hygiene: the derived forms of the language are reduced here, to forms that are found by number
//! and variables that have no name to be captured by. Rules of a dialect introduce names with a
//! mark of their own; such a name means what the rule itself binds, or what it means to the
//! dialect, whatever the user has defined.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::compile::{Compiler, Global};
use crate::diagnostic::Diagnostic;
use crate::hir::{BindingId, GlobalId, Hir, HirKind, Lambda};
use crate::names::{Definition, NameKind};
use crate::rules;
use crate::span::Span;
use crate::syntax::{Mark, Prefix, Syntax, SyntaxKind};

pub(crate) mod behaviour;
mod call;
pub(crate) mod forms;
pub(crate) mod module;
pub(crate) mod patterns;
pub(crate) mod quote;
pub(crate) mod template;

pub(crate) use call::{arity, signature};

/// Deepest nesting of expressions once derived forms are reduced. Passes over them recurse.
pub(crate) const MAX_NESTING: u32 = 400;
/// Most parameters, variables of one form or fields.
pub(crate) const MAX_NAMES: usize = 1000;
/// Most expansions of rules in one definition.
pub(crate) const MAX_EXPANSIONS: u32 = 20_000;

/// A name in scope.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub name: String,
    pub mark: Mark,
    pub meaning: EntryMeaning,
}

#[derive(Clone, Debug)]
pub(crate) enum EntryMeaning {
    Variable(BindingId),
    Field(u32),
    Label(u32),
    /// `%let-form`: seen by names of any mark.
    Form(rules::Rule),
}

/// What a name means.
#[derive(Clone, Debug)]
pub(crate) enum Meaning {
    Variable(BindingId),
    Field(u32),
    LocalForm(rules::Rule),
    Label,
    Global(GlobalId),
    Word(&'static str),
    Rule(String),
    Form(u32),
    Unbound,
}

/// Words of the language.
pub(crate) const WORDS: &[(&str, &str)] = &[
    ("quote", "(quote d) the datum d"),
    (
        "quasiquote",
        "(quasiquote d) the datum d, with what `,` and `,@` put in",
    ),
    ("lambda", "(lambda (arg ...) body ...) a function"),
    ("if", "(if test then [else]) everything but #f is true"),
    (
        "cond",
        "(cond (test body ...) ... (else body ...)) the first that is true",
    ),
    (
        "case",
        "(case e ((datum ...) body ...) ... (else body ...)) the first that holds the value",
    ),
    (
        "match",
        "(match e (pattern [#:when e] body ...) ...) the first that fits; raises if none does",
    ),
    (
        "let",
        "(let ((id e) ...) body ...) or (let name ((id e) ...) body ...)",
    ),
    (
        "let*",
        "(let* ((id e) ...) body ...) each sees those before it",
    ),
    (
        "letrec",
        "(letrec ((id e) ...) body ...) functions that see each other",
    ),
    ("begin", "(begin e ...) in order; the value of the last"),
    ("and", "(and e ...) stops at the first #f"),
    ("or", "(or e ...) stops at the first that is not #f"),
    ("when", "(when test body ...)"),
    ("unless", "(unless test body ...)"),
    ("set!", "(set! id e) gives a local variable a new value"),
    (
        "do",
        "(do ((id init [step]) ...) (test result ...) body ...)",
    ),
    ("for", "(for (id list) body ...) once for each item"),
    (
        "guard",
        "(guard (e (test body ...) ... [(else body ...)]) body ...) handles errors",
    ),
    (
        "set-state!",
        "(set-state! field e ...) gives fields of the state new values",
    ),
    ("reply", "(reply [v]) answers the message"),
    ("reply*", "(reply* v ...) answers with several outputs"),
    ("nothing", "nothing: no value"),
];
/// Words that only rules of a dialect use.
const TEMPLATE_WORDS: &[&str] = &["%block", "%leave", "%let-form", "%error"];

impl Compiler<'_> {
    /// Reports; the value stands for what could not be compiled.
    pub(crate) fn fail(&mut self, diagnostic: Diagnostic) -> Hir {
        let span = diagnostic.span;
        self.report(diagnostic);
        Hir::nothing(span)
    }

    pub(crate) fn misuse(&mut self, span: Span, word: &str) -> Hir {
        let form = WORDS
            .iter()
            .find(|(w, _)| *w == word)
            .map_or("", |(_, doc)| doc);
        self.fail(
            Diagnostic::error("E010", span, format!("`{word}` is not used this way")).help(form),
        )
    }

    /// Expands with room for `levels` more levels of nesting.
    pub(crate) fn deeper(
        &mut self,
        levels: usize,
        span: Span,
        f: impl FnOnce(&mut Self) -> Hir,
    ) -> Hir {
        let before = self.depth;
        self.depth += u32::try_from(levels).unwrap_or(MAX_NESTING);
        let out = if self.depth > MAX_NESTING {
            let message =
                format!("nested more than {MAX_NESTING} deep once derived forms are reduced");
            self.fail(
                Diagnostic::error("E005", span, message)
                    .help("move inner parts to definitions of their own"),
            )
        } else {
            f(self)
        };
        self.depth = before;
        out
    }

    /// Runs `f` and forgets the names it brought into scope.
    pub(crate) fn scoped<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.scope.len();
        let out = f(self);
        self.scope.truncate(before);
        out
    }

    /// A variable without a name, for what a derived form needs.
    pub(crate) fn temporary(&mut self, name: &str, span: Span) -> BindingId {
        self.bindings.push(crate::compile::Binding {
            name: name.to_string(),
            span,
            set: None,
            definition: None,
        });
        self.bindings.len() - 1
    }

    pub(crate) fn too_many(&mut self, names: usize, span: Span) -> bool {
        if names > MAX_NAMES {
            let message = format!("{names} names, at most {MAX_NAMES} are taken");
            self.report(Diagnostic::error("E007", span, message));
        }
        names > MAX_NAMES
    }

    /// Brings a variable into scope, usable in `within`.
    pub(crate) fn variable(&mut self, id: &Syntax, within: Span) -> Option<BindingId> {
        let Some((name, mark)) = id.symbol() else {
            self.report(Diagnostic::error(
                "E010",
                id.span,
                format!("`{id}` is no name"),
            ));
            return None;
        };
        let binding = self.temporary(name, id.span);
        if mark == Syntax::TEXT {
            let scope = Some(Span {
                start: id.span.start,
                ..within
            });
            let definition = self.define(name, NameKind::Local, id.span, String::new(), scope);
            self.bindings[binding].definition = definition;
        }
        let (name, meaning) = (name.to_string(), EntryMeaning::Variable(binding));
        self.scope.push(Entry {
            name,
            mark,
            meaning,
        });
        Some(binding)
    }

    /// Notes a definition of the module that is compiled, for editors.
    pub(crate) fn define(
        &mut self,
        name: &str,
        kind: NameKind,
        span: Span,
        doc: String,
        scope: Option<Span>,
    ) -> Option<usize> {
        if span.file == crate::compile::PRELUDE || span.file == crate::compile::RULES {
            return None;
        }
        let (name, span) = (name.to_string(), Some(span));
        Some(self.names.define(Definition {
            name,
            kind,
            span,
            doc,
            scope,
        }))
    }

    /// What a name means here.
    pub(crate) fn resolve(&self, name: &str, mark: Mark) -> Meaning {
        for entry in self.scope.iter().rev().filter(|e| e.name == name) {
            match &entry.meaning {
                EntryMeaning::Form(rule) => return Meaning::LocalForm(rule.clone()),
                _ if entry.mark != mark => {}
                EntryMeaning::Variable(binding) => return Meaning::Variable(*binding),
                EntryMeaning::Field(index) => return Meaning::Field(*index),
                EntryMeaning::Label(_) => return Meaning::Label,
            }
        }
        // In the prelude a form goes before the function of its name, which is made of it.
        if mark == Syntax::TEXT
            && self.current != crate::compile::PRELUDE_SCOPE
            && let Some(global) = self.scopes[self.current].names.get(name)
        {
            return Meaning::Global(*global);
        }
        if let Some((word, _)) = WORDS.iter().find(|(word, _)| *word == name) {
            return Meaning::Word(word);
        }
        if let Some(word) = TEMPLATE_WORDS.iter().find(|word| **word == name)
            && mark != Syntax::TEXT
        {
            return Meaning::Word(word);
        }
        if self.rules.contains_key(name) {
            return Meaning::Rule(name.to_string());
        }
        if let Some(form) = self.forms.get(name) {
            return Meaning::Form(*form);
        }
        match self.scopes[crate::compile::PRELUDE_SCOPE].names.get(name) {
            Some(global) => Meaning::Global(*global),
            None => Meaning::Unbound,
        }
    }

    /// Notes for editors what the name at a place means.
    pub(crate) fn used(&mut self, id: &Syntax, meaning: &Meaning) {
        let Some((name, Syntax::TEXT)) = id.symbol() else {
            return;
        };
        let definition = match meaning {
            Meaning::Variable(binding) => self.bindings[*binding].definition,
            Meaning::Field(index) => self.fields.get(*index as usize).and_then(|f| f.definition),
            Meaning::Global(global) => self.globals[*global].definition,
            Meaning::Word(_) | Meaning::Rule(_) | Meaning::Form(_) => {
                self.dialect_names.get(name).copied()
            }
            Meaning::LocalForm(_) | Meaning::Label | Meaning::Unbound => None,
        };
        if let Some(definition) = definition {
            self.names.uses.push((id.span, definition));
        }
    }

    /// An expression.
    pub(crate) fn expr(&mut self, e: &Syntax) -> Hir {
        self.deeper(1, e.span, |c| match &e.kind {
            SyntaxKind::Symbol(name, mark) => c.name(e, name, *mark),
            SyntaxKind::List(items, None) => match items.as_slice() {
                [] => Hir::constant(e.span, e.datum()),
                [head, args @ ..] => c.list(e.span, head, args),
            },
            SyntaxKind::List(_, Some(_)) => {
                c.fail(Diagnostic::error("E010", e.span, "a call has no dot"))
            }
            SyntaxKind::Prefix(Prefix::Quote, datum) => c.quoted(datum),
            SyntaxKind::Prefix(Prefix::Quasiquote, datum) => c.quasi(datum, 1),
            SyntaxKind::Prefix(..) => c.fail(Diagnostic::error(
                "E010",
                e.span,
                "`,` stands only inside of a quasiquotation",
            )),
            SyntaxKind::Keyword(name) => c.fail(Diagnostic::error(
                "E010",
                e.span,
                format!("`#:{name}` belongs to no form"),
            )),
            _ => Hir::constant(e.span, e.datum()),
        })
    }

    /// A body: expressions in order.
    pub(crate) fn body(&mut self, items: &[Syntax], span: Span) -> Hir {
        if items.is_empty() {
            return self.fail(Diagnostic::error("E010", span, "the body is missing"));
        }
        let items = items.iter().map(|i| self.expr(i)).collect();
        Hir::seq(span, items)
    }

    fn name(&mut self, e: &Syntax, name: &str, mark: Mark) -> Hir {
        let meaning = self.resolve(name, mark);
        self.used(e, &meaning);
        let span = e.span;
        match meaning {
            Meaning::Variable(binding) => Hir::var(span, binding),
            Meaning::Field(index) => self.field(index, span),
            Meaning::Global(global) => self.global_value(global, span),
            Meaning::Word("nothing") => Hir::nothing(span),
            Meaning::Form(form) => self.form_value(form, span),
            Meaning::Rule(_) | Meaning::Word(_) | Meaning::LocalForm(_) | Meaning::Label => {
                let prelude = self.scopes[crate::compile::PRELUDE_SCOPE]
                    .names
                    .get(name)
                    .copied();
                match prelude {
                    Some(global) => self.global_value(global, span),
                    None => {
                        let message = format!("`{name}` is a form and has no value");
                        self.fail(Diagnostic::error("E010", span, message).help(format!(
                            "write `({name} ...)`, inside of a lambda if need be"
                        )))
                    }
                }
            }
            Meaning::Unbound => self.unbound(e, name),
        }
    }

    fn unbound(&mut self, e: &Syntax, name: &str) -> Hir {
        let mut diagnostic = Diagnostic::error("E108", e.span, format!("`{name}` is not defined"));
        // Looking for one takes time: not for a text that is wrong everywhere.
        let known = if self.diagnostics.len() < 100 {
            self.known_names()
        } else {
            Vec::new()
        };
        if let Some(near) = nearest(name, known.iter().map(String::as_str)) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        self.fail(diagnostic)
    }

    fn known_names(&self) -> Vec<String> {
        let scope = self
            .scope
            .iter()
            .filter(|e| e.mark == Syntax::TEXT)
            .map(|e| &e.name);
        let globals = self.scopes[self.current].names.keys();
        let prelude = self.scopes[crate::compile::PRELUDE_SCOPE].names.keys();
        let words = WORDS.iter().map(|(w, _)| w.to_string());
        let dialect = self
            .rules
            .keys()
            .cloned()
            .chain(self.forms.keys().map(|k| k.to_string()));
        scope
            .chain(globals)
            .chain(prelude)
            .cloned()
            .chain(words)
            .chain(dialect)
            .collect()
    }

    fn global_value(&mut self, global: GlobalId, span: Span) -> Hir {
        self.demand(global);
        match &self.globals[global] {
            Global {
                literal: Some(datum),
                ..
            } => Hir::constant(span, datum.clone()),
            Global { constant: true, .. } => Hir::new(span, HirKind::Call(global, Vec::new())),
            Global {
                kind: NameKind::Behaviour,
                name,
                ..
            } => {
                let message = format!("`{name}` is a behaviour and has no value");
                let help = format!("name it as a symbol: `'{name}`");
                self.fail(Diagnostic::error("E010", span, message).help(help))
            }
            _ => Hir::new(span, HirKind::Global(global)),
        }
    }

    /// A form of the dialect as a value: the function of that name in the prelude if there is one,
    /// else a function of as many arguments as it must have, two if it takes any number.
    fn form_value(&mut self, form: u32, span: Span) -> Hir {
        let info = self.dialect.forms[form as usize];
        if let Some(global) = self.scopes[crate::compile::PRELUDE_SCOPE]
            .names
            .get(info.name)
        {
            return self.global_value(*global, span);
        }
        let count = if crate::compile::variadic(&info) {
            info.required.max(2)
        } else {
            info.params.len()
        };
        let params: Vec<_> = (0..count)
            .map(|_| self.temporary(info.name, span))
            .collect();
        let args = params.iter().map(|p| Hir::var(span, *p)).collect();
        let keys = info.keys.iter().map(|_| None).collect();
        let body = Hir::new(span, HirKind::Form(form, args, keys));
        let name = info.name.to_string();
        Hir::new(
            span,
            HirKind::Lambda(Box::new(Lambda {
                name,
                params,
                rest: false,
                body,
            })),
        )
    }
}

/// The name most like another, if one is near enough to have been meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let limit = match name.chars().count() {
        0 | 1 => 0,
        2 | 3 => 1,
        _ => 2,
    };
    known
        .filter(|k| !k.starts_with('%'))
        .map(|k| (distance(name, k), k))
        .filter(|(d, _)| *d <= limit && *d > 0)
        .min()
        .map(|(_, k)| k.to_string())
}

/// Number of characters to insert, delete, replace or swap with the next.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows: [Vec<usize>; 3] = [Vec::new(), (0..=b.len()).collect(), Vec::new()];
    for i in 1..=a.len() {
        let mut row = alloc::vec![i];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[1][j] + 1)
                .min(row[j - 1] + 1)
                .min(rows[1][j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[0][j - 2] + 1);
            }
            row.push(best);
        }
        rows.swap(0, 1);
        rows[1] = row;
    }
    rows[1][b.len()]
}

//! Behaviours: state by name, clauses by pattern, answers.
//!
//! A read of a field is a read of the state, each time: a call in between may have come back and
//! changed it. As long as the state is the empty list, fields have their default values.
//!
//! Spec: 24.3.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use crate::compile::{Compiler, Field};
use crate::diagnostic::Diagnostic;
use crate::expand::patterns::Clause;
use crate::expand::{Entry, EntryMeaning, Meaning, nearest};
use crate::hir::{Hir, HirKind};
use crate::names::NameKind;
use crate::span::Span;
use crate::syntax::Syntax;

impl Compiler<'_> {
    /// The body of a behaviour: `clauses` is what follows its name and flags.
    pub(crate) fn behaviour(&mut self, clauses: &[Syntax], span: Span) -> Hir {
        let mut parsed = Vec::new();
        for clause in clauses {
            match clause.list() {
                Some([word, ..]) if word.is("state") => {}
                Some([word, items @ ..]) if word.is("on") => {
                    match Clause::new(items, clause.span) {
                        Some(clause) => parsed.push(clause),
                        None => self.bad_clause(clause),
                    }
                }
                Some([word, body @ ..]) if word.is("otherwise") => {
                    parsed.push(Clause {
                        pattern: None,
                        guard: None,
                        body,
                        span: clause.span,
                    });
                }
                _ => self.bad_clause(clause),
            }
        }
        let input = self.op("input", Vec::new(), span);
        let id = self.temporary("message", span);
        let reject = self.op("reject", Vec::new(), span);
        let body = self.clauses(id, &parsed, reject, span);
        Hir::bind(id, input, body)
    }

    fn bad_clause(&mut self, clause: &Syntax) {
        self.report(
            Diagnostic::error("E010", clause.span, "not a clause of a behaviour")
                .help("(state (field default) ...), (on pattern [#:when e] body ...) or (otherwise body ...)"),
        );
    }

    /// Brings the fields of `(state ...)` clauses into scope.
    pub(crate) fn state(&mut self, name: &str, clauses: &[Syntax], span: Span) -> Vec<Field> {
        let mut fields: Vec<Field> = Vec::new();
        let states = clauses.iter().filter_map(|c| match c.list() {
            Some([word, fields @ ..]) if word.is("state") => Some(fields),
            _ => None,
        });
        let states: Vec<_> = states.flatten().collect();
        if self.too_many(states.len(), span) {
            return fields;
        }
        for field in states {
            let Some([id, default]) = field.list() else {
                self.bad_clause(field);
                continue;
            };
            let Some((field_name, _)) = id.symbol() else {
                self.bad_clause(field);
                continue;
            };
            if fields.iter().any(|f| f.name == field_name) {
                let message = format!("there are two fields `{field_name}`");
                self.report(Diagnostic::error("E108", id.span, message));
                continue;
            }
            let doc = format!("field of the state of `{name}`, at first {default}");
            let definition = self.define(field_name, NameKind::Field, id.span, doc, Some(span));
            let default = self.default(name, field_name, default);
            fields.push(Field {
                name: field_name.to_string(),
                default,
                definition,
            });
        }
        fields
    }

    /// A constant, or a call of a function that computes it.
    fn default(&mut self, behaviour: &str, field: &str, default: &Syntax) -> Hir {
        let value = self.expr(default);
        if matches!(value.kind, HirKind::Const(_)) {
            return value;
        }
        let global = self.synthetic(format!("{behaviour}/{field}"), value, default.span);
        Hir::new(default.span, HirKind::Call(global, Vec::new()))
    }

    pub(crate) fn bring_fields(&mut self) {
        let names: Vec<String> = self.fields.iter().map(|f| f.name.clone()).collect();
        for (i, name) in names.into_iter().enumerate() {
            let meaning = EntryMeaning::Field(i as u32);
            self.scope.push(Entry {
                name,
                mark: Syntax::TEXT,
                meaning,
            });
        }
    }

    pub(crate) fn field(&mut self, index: u32, span: Span) -> Hir {
        let default = self.fields[index as usize].default.clone();
        Hir::new(span, HirKind::Field(index, default.into()))
    }

    /// `(set-state! field e ...)`
    pub(crate) fn set_state(&mut self, args: &[Syntax], span: Span) -> Hir {
        if self.fields.is_empty() {
            return self.fail(
                Diagnostic::error("E010", span, "there is no state here")
                    .help("`set-state!` stands in a behaviour with `(state (field default) ...)`"),
            );
        }
        if args.is_empty() || !args.len().is_multiple_of(2) {
            return self.misuse(span, "set-state!");
        }
        let mut sets: Vec<(u32, Hir)> = Vec::new();
        for pair in args.chunks_exact(2) {
            let value = self.expr(&pair[1]);
            let Some((name, mark)) = pair[0].symbol() else {
                self.misuse(pair[0].span, "set-state!");
                continue;
            };
            let found = self
                .fields
                .iter()
                .position(|f| f.name == name && mark == Syntax::TEXT);
            let Some(index) = found else {
                let mut diagnostic = Diagnostic::error(
                    "E108",
                    pair[0].span,
                    format!("the state has no field `{name}`"),
                );
                if let Some(near) = nearest(name, self.fields.iter().map(|f| f.name.as_str())) {
                    diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
                }
                self.report(diagnostic);
                continue;
            };
            self.used(&pair[0], &Meaning::Field(index as u32));
            if sets.iter().any(|(i, _)| *i == index as u32) {
                self.report(Diagnostic::error(
                    "E108",
                    pair[0].span,
                    format!("`{name}` is set twice"),
                ));
            }
            sets.push((index as u32, value));
        }
        self.require(
            &["get-state", "put-state!", "list", "list-ref", "equal?"],
            span,
        );
        let defaults = self.fields.iter().map(|f| f.default.clone()).collect();
        Hir::new(span, HirKind::SetFields(sets, defaults))
    }

    /// Asks for operations that are compiled later.
    pub(crate) fn require(&mut self, names: &[&str], span: Span) {
        for name in names {
            let count = match *name {
                "get-state" => 0,
                "list-ref" | "equal?" => 2,
                _ => 1,
            };
            let args = vec![Hir::nothing(span); count];
            self.op(name, args, span);
        }
    }
}

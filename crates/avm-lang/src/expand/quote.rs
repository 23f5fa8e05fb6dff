//! Quotations.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use crate::compile::Compiler;
use crate::core::Datum;
use crate::diagnostic::Diagnostic;
use crate::hir::{Hir, HirKind};
use crate::names::NameKind;
use crate::syntax::{Prefix, Syntax, SyntaxKind};

impl Compiler<'_> {
    /// `'d`. A symbol that is the name of a behaviour or a pure function leads there in editors.
    pub(crate) fn quoted(&mut self, datum: &Syntax) -> Hir {
        if let Some((name, Syntax::TEXT)) = datum.symbol()
            && let Some(global) = self.scopes[self.current].names.get(name)
            && let global = &self.globals[*global]
            && matches!(
                global.kind,
                NameKind::Behaviour | NameKind::Pure | NameKind::Program
            )
            && let Some(definition) = global.definition
        {
            self.names.uses.push((datum.span, definition));
        }
        Hir::constant(datum.span, datum.datum())
    }

    /// `` `d `` at a level of nesting.
    pub(crate) fn quasi(&mut self, datum: &Syntax, level: u32) -> Hir {
        let span = datum.span;
        self.deeper(1, span, |c| match split(datum) {
            Quasi::Unquote(inner) if level == 1 => c.expr(inner),
            Quasi::Unquote(inner) => c.relist(Prefix::Unquote, inner, level - 1),
            Quasi::Splice(inner) if level > 1 => c.relist(Prefix::Splice, inner, level - 1),
            Quasi::Splice(_) => c.fail(Diagnostic::error(
                "E010",
                span,
                "`,@` stands only inside of a list that is quasiquoted",
            )),
            Quasi::Nested(inner) => c.relist(Prefix::Quasiquote, inner, level + 1),
            Quasi::Other => match &datum.kind {
                SyntaxKind::List(items, tail) => c.quasi_list(datum, items, tail.as_deref(), level),
                SyntaxKind::Prefix(prefix, inner) => c.relist(*prefix, inner, level),
                _ => Hir::constant(span, datum.datum()),
            },
        })
    }

    /// `(word d)` with the inner quasiquoted.
    fn relist(&mut self, prefix: Prefix, inner: &Syntax, level: u32) -> Hir {
        let span = inner.span;
        let word = Datum::Sym(prefix.word().to_string());
        match self.quasi(inner, level) {
            Hir {
                kind: HirKind::Const(datum),
                ..
            } => Hir::constant(span, Datum::List(vec![word, datum])),
            value => self.op("list", vec![Hir::constant(span, word), value], span),
        }
    }

    fn quasi_list(
        &mut self,
        whole: &Syntax,
        items: &[Syntax],
        tail: Option<&Syntax>,
        level: u32,
    ) -> Hir {
        let span = whole.span;
        let mut segments: Vec<Hir> = Vec::new();
        let mut run: Vec<Hir> = Vec::new();
        for item in items {
            match split(item) {
                Quasi::Splice(inner) if level == 1 => {
                    if !run.is_empty() {
                        let items = core::mem::take(&mut run);
                        segments.push(self.op("list", items, span));
                    }
                    segments.push(self.expr(inner));
                }
                _ => run.push(self.quasi(item, level)),
            }
        }
        let constant = |h: &Hir| matches!(h.kind, HirKind::Const(_));
        let tail_constant =
            tail.is_none_or(|t| matches!(split(t), Quasi::Other) && t.list().is_none());
        if segments.is_empty() && run.iter().all(constant) && tail_constant {
            return Hir::constant(span, whole.datum());
        }
        if let Some(tail) = tail {
            let mut out = self.quasi(tail, level);
            for item in run.into_iter().rev() {
                out = self.op("cons", vec![item, out], span);
            }
            return segments.into_iter().rev().fold(out, |out, segment| {
                self.op("append", vec![segment, out], span)
            });
        }
        // `(just ,x)` is the literal with a value put in.
        if let ([head, _], true) = (items, segments.is_empty())
            && head.is("just")
            && let Some(value) = run.pop()
        {
            return self.op("just", vec![value], span);
        }
        if !run.is_empty() {
            segments.push(self.op("list", run, span));
        }
        let last = segments
            .pop()
            .unwrap_or_else(|| Hir::constant(span, Datum::List(Vec::new())));
        segments.into_iter().rev().fold(last, |out, segment| {
            self.op("append", vec![segment, out], span)
        })
    }
}

enum Quasi<'a> {
    Unquote(&'a Syntax),
    Splice(&'a Syntax),
    Nested(&'a Syntax),
    Other,
}

/// What a datum is to a quasiquotation, written with a sign or as a list.
fn split(datum: &Syntax) -> Quasi<'_> {
    match &datum.kind {
        SyntaxKind::Prefix(Prefix::Unquote, inner) => Quasi::Unquote(inner),
        SyntaxKind::Prefix(Prefix::Splice, inner) => Quasi::Splice(inner),
        SyntaxKind::Prefix(Prefix::Quasiquote, inner) => Quasi::Nested(inner),
        _ => match datum.list() {
            Some([word, inner]) if word.is("unquote") => Quasi::Unquote(inner),
            Some([word, inner]) if word.is("unquote-splicing") => Quasi::Splice(inner),
            Some([word, inner]) if word.is("quasiquote") => Quasi::Nested(inner),
            _ => Quasi::Other,
        },
    }
}

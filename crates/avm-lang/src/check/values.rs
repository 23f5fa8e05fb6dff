//! Values that are not what they are taken for: a Maybe where it is always an error, and things
//! that nobody uses.
//!
//! Only what is visible in one function counts: a Maybe is the value of a form that gives one, or
//! a variable that is that and nothing else.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;

use super::Check;
use crate::compile::{PRELUDE_SCOPE, RULES};
use crate::core::{Expr, FunctionId, Kind, VariableId};
use crate::diagnostic::Diagnostic;
use crate::dialect::{FormInfo, Linear, Plain};
use crate::lower::each;
use crate::span::Span;

/// Name of a form that gives a Maybe, and where it stands.
type Maybe = (&'static str, Span);

impl Check<'_> {
    /// W202 in a function.
    pub(super) fn values(&mut self, id: FunctionId) {
        let set = assigned(self.body(id));
        let mut held = BTreeMap::new();
        each(self.body(id), &mut |e| {
            if let Kind::Let(variable, value, _) = &e.kind
                && !set.contains(variable)
                && let Some(maybe) = self.maybe(value, &held)
            {
                held.insert(*variable, maybe);
            }
        });
        let mut found = Vec::new();
        each(self.body(id), &mut |e| match &e.kind {
            Kind::If(test, ..) => {
                if let Some((form, at)) = self.maybe(test, &held) {
                    let message =
                        format!("the value of `{form}` is a condition that is always true");
                    let help = "ask `just?` of it, or `nothing?`";
                    found.push(warning(test.span, message, at, help));
                }
            }
            Kind::Form(_, args, _) => {
                let Some(info) = self.form(e) else { return };
                let count = match info.facts.plain {
                    Plain::None => 0,
                    Plain::First => 1,
                    Plain::All => args.len(),
                };
                for arg in args.iter().take(count) {
                    let Some((form, at)) = self.maybe(arg, &held) else {
                        continue;
                    };
                    let message = format!(
                        "`{}` of the value of `{form}`, which may be nothing",
                        info.name
                    );
                    let help = "take the value out of it: `(match m ((just v) ...) (nothing ...))`, or `(unjust m)`";
                    found.push(warning(arg.span, message, at, help));
                }
            }
            _ => {}
        });
        found.retain(|d| d.span.file < RULES);
        self.found.append(&mut found);
    }

    fn maybe(&self, expr: &Expr, held: &BTreeMap<VariableId, Maybe>) -> Option<Maybe> {
        match &expr.kind {
            Kind::Local(variable) => held.get(variable).copied(),
            Kind::Form(..) => {
                let info = self.form(expr).filter(|info| info.facts.maybe)?;
                Some((info.name, expr.span))
            }
            Kind::Seq(items) => self.maybe(items.last()?, held),
            _ => None,
        }
    }

    /// W204: things made that nothing in the unit ever uses.
    pub(super) fn linear(&mut self) {
        let (mut made, mut used) = (Vec::new(), false);
        for id in 0..self.unit.functions.len() as FunctionId {
            let own = self.modules[id as usize] != PRELUDE_SCOPE;
            each(self.body(id), &mut |e| match self
                .form(e)
                .map(|info: &FormInfo| (info.facts.linear, info.name))
            {
                Some((Linear::Creates, name)) if own => made.push((name, e.span)),
                Some((Linear::Satisfies, _)) => used = true,
                _ => {}
            });
        }
        if used {
            return;
        }
        for (name, span) in made {
            let message = format!("what `{name}` makes is never satisfied");
            self.found.push(
                Diagnostic::warning("W204", span, message)
                    .help("make the call inside of `(once ...)`, or mark it as satisfied"),
            );
        }
    }
}

/// Variables that are given a new value.
pub(super) fn assigned(body: &Expr) -> BTreeSet<VariableId> {
    let mut set = BTreeSet::new();
    each(body, &mut |e| {
        if let Kind::Set(variable, _) = &e.kind {
            set.insert(*variable);
        }
    });
    set
}

fn warning(span: Span, message: alloc::string::String, at: Span, help: &str) -> Diagnostic {
    let found = Diagnostic::warning("W202", span, message).help(help);
    match at == span || at.file >= RULES {
        true => found,
        false => found.note(at, "it comes from here"),
    }
}

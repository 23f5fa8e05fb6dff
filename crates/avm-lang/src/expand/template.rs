//! Rules of the dialect, and the words that only their templates use:
//!
//! - `(%block label body ...)`: a body that can be left; its value is that of the body.
//! - `(%leave label e)`: leaves the block of that label with a value.
//! - `(%let-form (name pattern ...) template body ...)`: in the body, `(name arg ...)` is the
//!   template, also where the user writes it; the innermost one counts. Names of this template
//!   mean what they mean around the `%let-form`.
//! - `(%error "CODE" "message" ["help"])`: what a rule gives to say that it is used wrongly.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;

use crate::compile::Compiler;
use crate::diagnostic::Diagnostic;
use crate::expand::{Entry, EntryMeaning, MAX_EXPANSIONS};
use crate::hir::{Hir, HirKind};
use crate::rules::{self, Rule};
use crate::span::Span;
use crate::syntax::{Syntax, SyntaxKind};

/// Codes that a rule may report under; others become `E013`.
const CODES: &[&str] = &[
    "E010", "E101", "E102", "E103", "E105", "E107", "E108", "E109", "E110",
];

impl Compiler<'_> {
    pub(crate) fn rule(&mut self, name: &str, args: &[Syntax], span: Span) -> Hir {
        let fitting = self.rules[name]
            .iter()
            .find_map(|r| Some((r.clone(), r.fits(args)?)));
        let Some((rule, bindings)) = fitting else {
            let message = format!("`{name}` is not used this way");
            let help = rules::shape(name, &self.rules[name]);
            return self.fail(Diagnostic::error("E108", span, message).help(help));
        };
        self.mark += 1;
        let mark = self.mark;
        self.expansion(&rule, &bindings, Some(mark), span)
    }

    pub(crate) fn local_form(
        &mut self,
        head: &Syntax,
        rule: &Rule,
        args: &[Syntax],
        span: Span,
    ) -> Hir {
        match rule.fits(args) {
            Some(bindings) => self.expansion(rule, &bindings, None, span),
            None => {
                let message = format!("`{head}` is not used this way");
                let help = rules::shape(&head.to_string(), core::slice::from_ref(rule));
                self.fail(Diagnostic::error("E108", span, message).help(help))
            }
        }
    }

    fn expansion(
        &mut self,
        rule: &Rule,
        bindings: &rules::Bindings,
        mark: Option<u32>,
        span: Span,
    ) -> Hir {
        self.expansions += 1;
        let filled = rule.fill(bindings, mark, span, &mut self.fuel);
        match filled {
            Some(filled) if self.expansions <= MAX_EXPANSIONS => self.expr(&filled),
            None if self.fuel > 0 => self.fail(Diagnostic::error(
                "E013",
                span,
                "the rule repeats a name that does not repeat, or the other way round",
            )),
            _ => {
                self.fuel = 0;
                self.fail(Diagnostic::error(
                    "E005",
                    span,
                    "the derived forms of this text become too large",
                ))
            }
        }
    }

    pub(crate) fn template_word(&mut self, word: &str, args: &[Syntax], span: Span) -> Hir {
        match (word, args) {
            ("%block", [label, body @ ..]) if label.symbol().is_some() => {
                let number = self.label();
                self.scoped(|c| {
                    c.bring(label, EntryMeaning::Label(number));
                    let body = c.body(body, span);
                    Hir::new(span, HirKind::Block(number, Box::new(body)))
                })
            }
            ("%leave", [label, value]) => {
                let found = label.symbol().and_then(|(name, mark)| {
                    self.scope.iter().rev().find_map(|e| match e.meaning {
                        EntryMeaning::Label(l) if e.name == name && e.mark == mark => Some(l),
                        _ => None,
                    })
                });
                let Some(number) = found else {
                    return self.fail(Diagnostic::error(
                        "E013",
                        span,
                        format!("no block `{label}` here"),
                    ));
                };
                let value = self.expr(value);
                Hir::new(span, HirKind::Break(number, Box::new(value)))
            }
            ("%let-form", [head, template, body @ ..]) => {
                let Some([name, pattern @ ..]) = head.list() else {
                    return self.misuse(span, word);
                };
                let rule = Rule {
                    pattern: pattern.to_vec(),
                    template: template.clone(),
                };
                self.scoped(|c| {
                    c.bring(name, EntryMeaning::Form(rule));
                    c.body(body, span)
                })
            }
            ("%error", [code, message, help @ ..]) => {
                let (SyntaxKind::Str(code), SyntaxKind::Str(message)) = (&code.kind, &message.kind)
                else {
                    return self.misuse(span, word);
                };
                let code = CODES.iter().find(|c| *c == code).unwrap_or(&"E013");
                let mut diagnostic = Diagnostic::error(code, span, message.clone());
                if let [
                    Syntax {
                        kind: SyntaxKind::Str(help),
                        ..
                    },
                ] = help
                {
                    diagnostic = diagnostic.help(help.clone());
                }
                self.fail(diagnostic)
            }
            _ => self.misuse(span, word),
        }
    }

    fn bring(&mut self, name: &Syntax, meaning: EntryMeaning) {
        if let Some((name, mark)) = name.symbol() {
            self.scope.push(Entry {
                name: name.to_string(),
                mark,
                meaning,
            });
        }
    }
}

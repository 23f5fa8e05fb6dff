//! Derived forms that a dialect gives as text: `(define-syntax-rule (name pattern ...) template)`.
//!
//! Several rules of one name are tried in order. In a pattern stand
//!
//! - a name: takes one argument; `_`: takes one and forgets it;
//! - `p ...`: takes any number, at most once in a list;
//! - `(p ...)`: takes a list apart;
//! - `#:key p`: the keyword must be there, `#:key (name default)`: or the default is taken,
//!   `#:flag?`: the keyword must be there and stands alone. Keywords stand anywhere among the
//!   arguments; one that no pattern names keeps the rule from fitting. Only at the top of a rule.
//! - any other literal: takes the same.
//!
//! In a template names of the pattern are replaced, `t ...` repeats; all other names mean what
//! they mean to the dialect, or what the template itself binds, and are never confused with names
//! at the place of use.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::diagnostic::Diagnostic;
use crate::span::Span;
use crate::syntax::{Mark, Syntax, SyntaxKind};

/// A rule: what its arguments look like and what becomes of them.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub pattern: Vec<Syntax>,
    pub template: Syntax,
}

/// Reads `(define-syntax-rule ...)`.
pub(crate) fn rule(form: &Syntax) -> Result<(String, Rule), Diagnostic> {
    let bad = || {
        Diagnostic::error(
            "E013",
            form.span,
            "a rule is `(define-syntax-rule (name pattern ...) template)`",
        )
    };
    let [word, head, template] = form.list().ok_or_else(bad)? else {
        return Err(bad());
    };
    let [name, pattern @ ..] = head.list().ok_or_else(bad)? else {
        return Err(bad());
    };
    let (name, _) = name.symbol().ok_or_else(bad)?;
    if !word.is("define-syntax-rule") {
        return Err(bad());
    }
    Ok((
        name.to_string(),
        Rule {
            pattern: pattern.to_vec(),
            template: template.clone(),
        },
    ))
}

/// What a name of a pattern stands for.
#[derive(Clone, Debug)]
enum Bound {
    One(Syntax),
    Many(Vec<Bound>),
}

/// What the names of a pattern stand for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings(BTreeMap<(String, Mark), Bound>);

impl Rule {
    /// Whether the rule fits these arguments.
    pub fn fits(&self, args: &[Syntax]) -> Option<Bindings> {
        let mut out = Bindings::default();
        let mut keys: BTreeMap<&str, Option<&Syntax>> = BTreeMap::new();
        let mut positional = Vec::new();
        let mut args = args.iter();
        let flags = || {
            self.pattern
                .iter()
                .filter_map(|p| p.keyword()?.strip_suffix('?'))
        };
        while let Some(arg) = args.next() {
            match arg.keyword() {
                None => positional.push(arg.clone()),
                Some(key) if flags().any(|f| f == key) => {
                    keys.insert(key, None);
                }
                Some(key) => {
                    keys.insert(key, Some(args.next()?));
                }
            }
        }
        let mut patterns = Vec::new();
        let mut items = self.pattern.iter();
        while let Some(item) = items.next() {
            let Some(key) = item.keyword() else {
                patterns.push(item.clone());
                continue;
            };
            if let Some(flag) = key.strip_suffix('?') {
                keys.remove(flag)?;
                continue;
            }
            let target = items.next()?;
            match (keys.remove(key), target.list()) {
                (Some(value), Some([name, _])) => one(name, value?, &mut out)?,
                (Some(value), _) => one(target, value?, &mut out)?,
                (None, Some([name, default])) => one(name, default, &mut out)?,
                (None, _) => return None,
            }
        }
        if !keys.is_empty() {
            return None;
        }
        many(&patterns, &positional, &mut out)?;
        Some(out)
    }

    /// The template with what the pattern took; its own names get the mark, if one is given.
    pub fn fill(
        &self,
        bindings: &Bindings,
        mark: Option<Mark>,
        span: Span,
        fuel: &mut u32,
    ) -> Option<Syntax> {
        fill(&self.template, &bindings.0, mark, span, fuel)
    }
}

fn dots(item: Option<&Syntax>) -> bool {
    item.is_some_and(|i| i.is("..."))
}

fn many(patterns: &[Syntax], items: &[Syntax], out: &mut Bindings) -> Option<()> {
    let Some(at) = patterns
        .iter()
        .position(|p| p.is("..."))
        .filter(|at| *at > 0)
    else {
        if patterns.len() != items.len() {
            return None;
        }
        return patterns
            .iter()
            .zip(items)
            .try_for_each(|(p, i)| one(p, i, out));
    };
    let (before, repeated, after) = (&patterns[..at - 1], &patterns[at - 1], &patterns[at + 1..]);
    let count = items.len().checked_sub(before.len() + after.len())?;
    let (first, rest) = items.split_at(before.len());
    let (middle, last) = rest.split_at(count);
    many(before, first, out)?;
    let mut names = Vec::new();
    variables(repeated, &mut names);
    let mut lists: Vec<Vec<Bound>> = names.iter().map(|_| Vec::new()).collect();
    for item in middle {
        let mut inner = Bindings::default();
        one(repeated, item, &mut inner)?;
        for (name, list) in names.iter().zip(&mut lists) {
            list.extend(inner.0.remove(name));
        }
    }
    out.0
        .extend(names.into_iter().zip(lists.into_iter().map(Bound::Many)));
    many(after, last, out)
}

fn one(pattern: &Syntax, item: &Syntax, out: &mut Bindings) -> Option<()> {
    match (&pattern.kind, &item.kind) {
        (SyntaxKind::Symbol(name, _), _) if name == "_" => Some(()),
        (SyntaxKind::Symbol(name, mark), _) => {
            out.0
                .insert((name.clone(), *mark), Bound::One(item.clone()));
            Some(())
        }
        (SyntaxKind::List(patterns, None), SyntaxKind::List(items, None)) => {
            many(patterns, items, out)
        }
        (SyntaxKind::List(..) | SyntaxKind::Prefix(..), _) => None,
        (a, b) => (a == b).then_some(()),
    }
}

/// Names of a pattern or template, without `...` and `_`.
fn variables(pattern: &Syntax, out: &mut Vec<(String, Mark)>) {
    match &pattern.kind {
        SyntaxKind::Symbol(name, mark) if name != "..." && name != "_" => {
            out.push((name.clone(), *mark));
        }
        SyntaxKind::List(items, tail) => {
            items.iter().for_each(|i| variables(i, out));
            tail.iter().for_each(|i| variables(i, out));
        }
        SyntaxKind::Prefix(_, inner) => variables(inner, out),
        _ => {}
    }
}

type Env = BTreeMap<(String, Mark), Bound>;

fn fill(t: &Syntax, env: &Env, mark: Option<Mark>, span: Span, fuel: &mut u32) -> Option<Syntax> {
    spend(fuel, 1)?;
    let kind = match &t.kind {
        SyntaxKind::Symbol(name, old) => match env.get(&(name.clone(), *old)) {
            Some(Bound::One(value)) => {
                spend(fuel, value.size())?;
                return Some(value.clone());
            }
            // A name that repeats, used as if it did not: refused where the rules are read.
            Some(Bound::Many(_)) => return None,
            None => SyntaxKind::Symbol(name.clone(), mark.unwrap_or(*old)),
        },
        SyntaxKind::Prefix(prefix, inner) => {
            SyntaxKind::Prefix(*prefix, Box::new(fill(inner, env, mark, span, fuel)?))
        }
        SyntaxKind::List(items, tail) => {
            let mut out = Vec::new();
            for (i, item) in items.iter().enumerate() {
                if i > 0 && item.is("...") {
                    continue;
                }
                if dots(items.get(i + 1)) {
                    repeat(item, env, mark, span, fuel, &mut out)?;
                } else {
                    out.push(fill(item, env, mark, span, fuel)?);
                }
            }
            let tail = match tail {
                Some(tail) => Some(Box::new(fill(tail, env, mark, span, fuel)?)),
                None => None,
            };
            SyntaxKind::List(out, tail)
        }
        other => other.clone(),
    };
    Some(Syntax { kind, span })
}

/// Takes from the fuel; if there is not enough, nothing is left.
fn spend(fuel: &mut u32, amount: u32) -> Option<()> {
    let left = fuel.checked_sub(amount);
    *fuel = left.unwrap_or(0);
    left.map(|_| ())
}

fn repeat(
    item: &Syntax,
    env: &Env,
    mark: Option<Mark>,
    span: Span,
    fuel: &mut u32,
    out: &mut Vec<Syntax>,
) -> Option<()> {
    let mut names = Vec::new();
    variables(item, &mut names);
    let lists: Vec<_> = names
        .iter()
        .filter_map(|n| match env.get(n) {
            Some(Bound::Many(list)) => Some((n, list)),
            _ => None,
        })
        .collect();
    let count = lists.iter().map(|(_, l)| l.len()).max()?;
    for i in 0..count {
        let mut inner = env.clone();
        for (name, list) in &lists {
            inner.insert((*name).clone(), list.get(i)?.clone());
        }
        out.push(fill(item, &inner, mark, span, fuel)?);
    }
    Some(())
}

/// How the arguments of a form are written, for messages.
pub(crate) fn shape(name: &str, rules: &[Rule]) -> String {
    let shapes: Vec<_> = rules
        .iter()
        .map(|rule| {
            let words: Vec<_> = rule.pattern.iter().map(ToString::to_string).collect();
            if words.is_empty() {
                format!("({name})")
            } else {
                format!("({name} {})", words.join(" "))
            }
        })
        .collect();
    shapes.join(" or ")
}

//! What the compiler wants to know of a function or expression before it compiles it.

use alloc::vec;
use alloc::vec::Vec;

use avm_lang::core::{Expr, Kind, VariableId};

/// How the variables of a function are used.
#[derive(Debug)]
pub(super) struct Uses {
    /// How often each is read.
    pub(super) reads: Vec<u32>,
    /// Whether something sets it after it got its first value. Variables of loops do not count:
    /// they change where nothing else of the body is alive.
    pub(super) set: Vec<bool>,
    /// Whether it is read in a loop.
    pub(super) looped: Vec<bool>,
}

impl Uses {
    pub(super) fn of(body: &Expr, variables: usize) -> Self {
        let mut uses = Self {
            reads: vec![0; variables],
            set: vec![false; variables],
            looped: vec![false; variables],
        };
        let mut open = vec![(body, false)];
        while let Some((expr, looped)) = open.pop() {
            match &expr.kind {
                Kind::Local(v) => {
                    if let Some(reads) = uses.reads.get_mut(*v as usize) {
                        *reads += 1;
                        uses.looped[*v as usize] |= looped;
                    }
                }
                Kind::Set(v, _) => {
                    if let Some(set) = uses.set.get_mut(*v as usize) {
                        *set = true;
                    }
                }
                _ => {}
            }
            let inner = looped || matches!(expr.kind, Kind::Loop(..));
            children(expr, &mut |child| open.push((child, inner)));
        }
        uses
    }
}

/// Calls `with` on every expression directly inside of `expr`, in the order of evaluation.
pub(super) fn children<'a>(expr: &'a Expr, with: &mut impl FnMut(&'a Expr)) {
    match &expr.kind {
        Kind::Const(_) | Kind::Local(_) => {}
        Kind::Set(_, of) | Kind::Block(_, of) | Kind::Break(_, of) => with(of),
        Kind::If(c, t, e) => [c, t, e].into_iter().for_each(|x| with(x)),
        Kind::Let(_, first, body) => [first, body].into_iter().for_each(|x| with(x)),
        Kind::Seq(items)
        | Kind::Closure(_, items)
        | Kind::Call(_, items)
        | Kind::Again(_, items) => items.iter().for_each(with),
        Kind::Apply(callee, items) => {
            with(callee);
            items.iter().for_each(with);
        }
        Kind::Form(_, items, keys) => {
            items.iter().for_each(&mut *with);
            keys.iter().flatten().for_each(with);
        }
        Kind::Loop(_, variables, body) => {
            variables.iter().for_each(|(_, first)| with(first));
            with(body);
        }
        Kind::Guard { body, handler, .. } => {
            with(body);
            with(handler);
        }
    }
}

/// Whether `found` says so of an expression inside of `expr`, or of itself.
pub(super) fn any(expr: &Expr, mut found: impl FnMut(&Kind) -> bool) -> bool {
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        if found(&expr.kind) {
            return true;
        }
        children(expr, &mut |child| open.push(child));
    }
    false
}

/// Whether `expr` sets variable `v`.
pub(super) fn sets(expr: &Expr, v: VariableId) -> bool {
    any(expr, |kind| matches!(kind, Kind::Set(of, _) if *of == v))
}

//! Which variables a function uses, and how.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::hir::{BindingId, Hir, HirKind, Lambda};

/// Variables that a function uses and does not bind. A function that was lifted counts as the
/// variables that its calls pass on.
pub(super) fn free<'l>(
    lambda: &Lambda,
    lifted: &dyn Fn(BindingId) -> Option<&'l [BindingId]>,
) -> BTreeSet<BindingId> {
    let mut used = BTreeSet::new();
    let mut bound: BTreeSet<BindingId> = lambda.params.iter().copied().collect();
    let mut stack = alloc::vec![&lambda.body];
    while let Some(hir) = stack.pop() {
        if let HirKind::Var(b) | HirKind::Set(b, _) = &hir.kind {
            match lifted(*b) {
                Some(variables) => used.extend(variables),
                None => {
                    used.insert(*b);
                }
            }
        }
        hir.parts(&mut |part| stack.push(part), &mut |b| {
            bound.insert(b);
        });
    }
    used.difference(&bound).copied().collect()
}

/// Whether a name occurs at all.
pub(super) fn mentions(name: BindingId, hir: &Hir) -> bool {
    let mut stack = alloc::vec![hir];
    while let Some(hir) = stack.pop() {
        if matches!(&hir.kind, HirKind::Var(b) | HirKind::Set(b, _) if *b == name) {
            return true;
        }
        hir.parts(&mut |part| stack.push(part), &mut |_| {});
    }
    false
}

/// Whether a name occurs only as what is called.
pub(super) fn only_called(name: BindingId, hir: &Hir) -> bool {
    let mut stack = alloc::vec![hir];
    while let Some(hir) = stack.pop() {
        match &hir.kind {
            HirKind::Var(b) | HirKind::Set(b, _) if *b == name => return false,
            HirKind::Apply(f, args) if matches!(f.kind, HirKind::Var(b) if b == name) => {
                stack.extend(args);
            }
            _ => hir.parts(&mut |part| stack.push(part), &mut |_| {}),
        }
    }
    true
}

/// Whether a name occurs only as what is called in tail position, with that many arguments.
pub(super) fn only_tail_calls(name: BindingId, params: usize, hir: &Hir) -> bool {
    tail(name, params, hir, true, &mut Vec::new())
}

/// `blocks` are the labels whose block stands in tail position.
fn tail(name: BindingId, params: usize, hir: &Hir, is_tail: bool, blocks: &mut Vec<u32>) -> bool {
    let mut inner = |hir: &Hir, is_tail: bool| tail(name, params, hir, is_tail, blocks);
    match &hir.kind {
        HirKind::Var(b) => *b != name,
        HirKind::Set(b, value) => *b != name && inner(value, false),
        HirKind::Apply(f, args) if matches!(f.kind, HirKind::Var(b) if b == name) => {
            is_tail && args.len() == params && args.iter().all(|a| inner(a, false))
        }
        HirKind::If(parts) => {
            inner(&parts[0], false) && inner(&parts[1], is_tail) && inner(&parts[2], is_tail)
        }
        HirKind::Let(_, value, body) => inner(value, false) && inner(body, is_tail),
        HirKind::Seq(items) => {
            let last = items.len().saturating_sub(1);
            items
                .iter()
                .enumerate()
                .all(|(i, e)| inner(e, is_tail && i == last))
        }
        HirKind::Block(label, body) => {
            if is_tail {
                blocks.push(*label);
            }
            let good = tail(name, params, body, is_tail, blocks);
            if is_tail {
                blocks.pop();
            }
            good
        }
        HirKind::Break(label, value) => {
            let is_tail = blocks.contains(label);
            tail(name, params, value, is_tail, blocks)
        }
        HirKind::Loop(_, vars, body) => {
            vars.iter().all(|(_, v)| inner(v, false)) && inner(body, is_tail)
        }
        HirKind::Guard(body, _, handler) => {
            // Blocks outside of the body are left with the handler in place: no tail position.
            tail(name, params, body, false, &mut Vec::new()) && inner(handler, is_tail)
        }
        HirKind::Lambda(_) => !mentions(name, hir),
        // An inner named function may turn out to be a loop or not: no difference is made.
        HirKind::Letrec(group, body) => {
            group.iter().all(|(_, l)| !mentions(name, &l.body)) && inner(body, is_tail)
        }
        _ => {
            let mut good = true;
            hir.parts(
                &mut |part| good &= tail(name, params, part, false, &mut Vec::new()),
                &mut |_| {},
            );
            good
        }
    }
}

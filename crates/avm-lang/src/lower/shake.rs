//! Drops functions that nothing leads to, and numbers the others anew.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Lowered;
use crate::core::{Expr, FunctionId, Kind, Unit};

/// The unit with what is used, in the order it was in.
pub(crate) fn shake(lowered: Lowered) -> Unit {
    let Lowered {
        mut unit,
        mut roots,
        ..
    } = lowered;
    roots.extend(unit.entries.iter().map(|e| e.function));
    roots.extend(unit.clauses.iter().map(|(_, f)| *f));
    let mut used = alloc::vec![false; unit.functions.len()];
    while let Some(id) = roots.pop() {
        if !core::mem::replace(&mut used[id as usize], true) {
            each(&unit.functions[id as usize].body, &mut |e| {
                if let Kind::Closure(f, _) | Kind::Call(f, _) = &e.kind {
                    roots.push(*f);
                }
            });
        }
    }
    let numbers: BTreeMap<FunctionId, FunctionId> = (0..used.len())
        .filter(|i| used[*i])
        .enumerate()
        .map(|(new, old)| (old as FunctionId, new as FunctionId))
        .collect();
    let functions = core::mem::take(&mut unit.functions);
    for (old, mut function) in functions.into_iter().enumerate() {
        if used[old] {
            renumber(&mut function.body, &numbers);
            unit.functions.push(function);
        }
    }
    for entry in &mut unit.entries {
        entry.function = numbers[&entry.function];
    }
    for (_, function) in &mut unit.clauses {
        *function = numbers[function];
    }
    unit
}

/// Calls `f` with an expression and all in it.
pub(crate) fn each<'a>(expr: &'a Expr, f: &mut dyn FnMut(&'a Expr)) {
    let mut stack = alloc::vec![expr];
    while let Some(expr) = stack.pop() {
        f(expr);
        let mut parts = Vec::new();
        crate::check::parts(expr, &mut |part| parts.push(part));
        stack.extend(parts.into_iter().rev());
    }
}

fn renumber(expr: &mut Expr, numbers: &BTreeMap<FunctionId, FunctionId>) {
    let mut stack = alloc::vec![expr];
    while let Some(expr) = stack.pop() {
        if let Kind::Closure(f, _) | Kind::Call(f, _) = &mut expr.kind {
            *f = numbers[f];
        }
        match &mut expr.kind {
            Kind::Const(_) | Kind::Local(_) => {}
            Kind::Set(_, e) | Kind::Block(_, e) | Kind::Break(_, e) => stack.push(e),
            Kind::If(a, b, c) => stack.extend([&mut **a, b, c]),
            Kind::Let(_, a, b) => stack.extend([&mut **a, b]),
            Kind::Seq(items)
            | Kind::Closure(_, items)
            | Kind::Call(_, items)
            | Kind::Again(_, items) => {
                stack.extend(items);
            }
            Kind::Apply(function, args) => {
                stack.push(function);
                stack.extend(args);
            }
            Kind::Form(_, args, keys) => {
                stack.extend(args);
                stack.extend(keys.iter_mut().flatten());
            }
            Kind::Loop(_, vars, body) => {
                stack.extend(vars.iter_mut().map(|(_, e)| e));
                stack.push(body);
            }
            Kind::Guard { body, handler, .. } => stack.extend([&mut **body, handler]),
        }
    }
}

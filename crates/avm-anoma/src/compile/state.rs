//! Reads of a state that was just replaced: `(set-state! n (+ n 1)) (reply n)`.
//!
//! The values of the new state stay in registers for the rest of the sequence, and a read of a
//! field takes them from there, as long as nothing came between that may change the state and no
//! other path comes in.

use alloc::vec::Vec;

use avm_lang::core::{Datum, Expr, Kind};
use avm_lang::span::Span;

use super::constant::Constant;
use super::emit::Target;
use super::forms::{Low, Zero};
use super::function::{Body, Dest, Done};
use super::scan;
use crate::code::op;

/// A state that is known.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// Register of its first item; the others follow.
    base: u8,
    items: u8,
    epoch: u32,
}

/// The value of a field of a state that was never set. That is rare after the first message, so it
/// is loaded at the end of the function.
#[derive(Clone, Debug)]
pub(super) struct Default {
    from: Target,
    to: Target,
    value: Constant,
    register: u8,
    span: Span,
}

impl Body<'_, '_> {
    /// Takes over the branch `then`, if it is the default of a field that is wanted in a register.
    pub(super) fn is_default(
        &mut self,
        condition: &Expr,
        then: &Expr,
        dest: Dest,
        from: Target,
        to: Target,
    ) -> bool {
        let (Dest::Register(register) | Dest::Fresh(register), Kind::Const(value)) =
            (dest, &then.kind)
        else {
            return false;
        };
        let Kind::Form(form, args, _) = &condition.kind else {
            return false;
        };
        let of_list = matches!(args.first(), Some(Expr { kind: Kind::Local(v), .. }) if self.lists.contains(v));
        let compares = matches!(self.low(*form), Ok(Low::Compare(op::EQ, _) | Low::Is(_)));
        if of_list && compares {
            self.defaults.push(Default {
                from,
                to,
                value: value.into(),
                register,
                span: then.span,
            });
        }
        of_list && compares
    }

    /// What [`Body::is_default`] took over.
    pub(super) fn load_defaults(&mut self) -> Done {
        for default in core::mem::take(&mut self.defaults) {
            self.out.bind(default.from);
            self.out.span = default.span;
            self.load(&default.value, Dest::Fresh(default.register))?;
            self.out.go(default.to);
        }
        Ok(())
    }

    /// Compiles `item`, if it replaces the state and one of `later` may read it.
    pub(super) fn put_state(&mut self, item: &Expr, later: &[Expr]) -> Done<bool> {
        let mut put = item;
        let mut bindings = Vec::new();
        while let Kind::Let(v, first, body) = &put.kind {
            bindings.push((*v, &**first));
            put = body;
        }
        let Some(items) = self.new_state(put) else {
            return Ok(false);
        };
        let reads = |kind: &Kind| self.is_form(kind, op::GETSTATE);
        let changes = |item: &&Expr| matches!(item.kind, Kind::Local(v) if !self.is_fixed(v));
        // Registers are not for keeping what is known when they become few.
        let room = self.top as usize + bindings.len() + items.len() < 100;
        let read = later.iter().any(|expr| scan::any(expr, reads));
        if !room || !read || items.iter().any(changes) {
            return Ok(false);
        }
        for (v, first) in bindings {
            self.bind(v, first)?;
        }
        let count = self.count(items.len())?;
        let base = self.row(&items)?;
        self.out.span = item.span;
        let list = self.alloc()?;
        self.out.abc(op::LIST, list, base, count);
        self.out.abc(op::SETSTATE, list, list, 0);
        self.top -= 1;
        self.state = Some(State {
            base,
            items: count,
            epoch: self.out.epoch,
        });
        Ok(true)
    }

    /// The register of a field that is read, if the state is known.
    ///
    /// A read is `(let s (get-state) (if (equal? s '()) default (list-ref s i)))`.
    pub(super) fn field(&self, expr: &Expr) -> Option<u8> {
        let state = self
            .state
            .as_ref()
            .filter(|state| state.epoch == self.out.epoch)?;
        let Kind::Let(s, first, body) = &expr.kind else {
            return None;
        };
        let Kind::If(empty, _, item) = &body.kind else {
            return None;
        };
        if !self.is_form(&first.kind, op::GETSTATE) {
            return None;
        }
        let of_state = |e: &Expr| matches!(e.kind, Kind::Local(v) if v == *s);
        let Kind::Form(compare, compared, _) = &empty.kind else {
            return None;
        };
        let is_empty = match (self.low(*compare).ok()?, &compared[..]) {
            (Low::Is(Zero::Nil), [of]) => of_state(of),
            (Low::Compare(op::EQ, _), [of, nil]) => {
                of_state(of) && matches!(&nil.kind, Kind::Const(Datum::List(nil)) if nil.is_empty())
            }
            _ => false,
        };
        let Kind::Form(form, args, _) = &item.kind else {
            return None;
        };
        match (self.low(*form).ok()?, &args[..]) {
            (Low::Op2(op::REF), [of, index]) if is_empty && of_state(of) => {
                let index = self.constant(index).ok()??.small()?;
                let index = u8::try_from(index)
                    .ok()
                    .filter(|index| *index < state.items)?;
                Some(state.base + index)
            }
            _ => None,
        }
    }

    /// Forgets a state whose registers are free again.
    pub(super) fn forget_state(&mut self) {
        self.state = self
            .state
            .take()
            .filter(|state| u32::from(state.base) + u32::from(state.items) <= self.top);
    }

    /// The items of the state that an expression puts, if it does.
    fn new_state<'e>(&self, expr: &'e Expr) -> Option<Vec<&'e Expr>> {
        match &expr.kind {
            Kind::Form(put, args, _) if matches!(self.low(*put), Ok(Low::Op1(op::SETSTATE))) => {
                match &args.first()?.kind {
                    Kind::Form(list, items, _)
                        if matches!(self.low(*list), Ok(Low::List(op::LIST))) =>
                    {
                        Some(items.iter().collect()).filter(|items: &Vec<_>| !items.is_empty())
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether an expression is a form of that instruction alone.
    fn is_form(&self, kind: &Kind, code: u8) -> bool {
        matches!(kind, Kind::Form(form, ..) if matches!(self.low(*form), Ok(Low::Op0(of)) if of == code))
    }
}

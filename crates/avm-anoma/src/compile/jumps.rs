//! Blocks, loops and handlers: what is left and started over by a label.

use alloc::vec::Vec;

use avm_lang::core::{Expr, Kind, Label, VariableId};

use super::emit::Target;
use super::function::{Body, Dest, Done, Exit, Place};
use super::{Problem, scan};
use crate::code::op;

/// What a label stands for.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    label: Label,
    /// Handlers that are installed where it stands.
    guards: u32,
    target: Target,
    to: To,
}

#[derive(Clone, Debug)]
pub(super) enum To {
    Block(Dest),
    Loop(Vec<u8>),
}

impl Body<'_, '_> {
    pub(super) fn block(&mut self, label: Label, body: &Expr, dest: Dest) -> Done {
        let target = self.out.target();
        self.scopes.push(Scope {
            label,
            guards: self.guards,
            target,
            to: To::Block(dest),
        });
        self.expr(body, dest)?;
        self.scopes.pop();
        self.out.bind(target);
        Ok(())
    }

    pub(super) fn scope(&self, label: Label) -> Done<Scope> {
        let found = self.scopes.iter().rev().find(|scope| scope.label == label);
        found
            .cloned()
            .ok_or_else(|| self.problem(Problem::Core("a label that is not around")))
    }

    /// Removes the handlers that were installed since the label.
    pub(super) fn unguard(&mut self, scope: &Scope) {
        for _ in scope.guards..self.guards {
            self.out.abc(op::UNGUARD, 0, 0, 0);
        }
    }

    pub(super) fn leave(&mut self, label: Label, value: &Expr) -> Done {
        let scope = self.scope(label)?;
        let To::Block(dest) = scope.to else {
            return Err(self.problem(Problem::Core("a loop that is left like a block")));
        };
        match dest {
            Dest::Tail if scope.guards == self.guards => return self.expr(value, Dest::Tail),
            Dest::Tail if self.exit == Exit::End => {
                self.expr(value, Dest::Nowhere)?;
                self.unguard(&scope);
                return self.done(0, Dest::Tail);
            }
            Dest::Tail => {
                let r = self.operand(value)?;
                self.unguard(&scope);
                return self.done(r, Dest::Tail);
            }
            Dest::Fresh(r) if self.released[r as usize] => {
                self.expr(value, Dest::Register(r))?;
            }
            _ => self.expr(value, dest)?,
        }
        self.unguard(&scope);
        self.out.go(scope.target);
        Ok(())
    }

    pub(super) fn repeat(
        &mut self,
        label: Label,
        variables: &[(VariableId, Expr)],
        body: &Expr,
        dest: Dest,
    ) -> Done {
        let mut registers = Vec::with_capacity(variables.len());
        for (v, first) in variables {
            let r = self.alloc()?;
            self.expr(first, Dest::Fresh(r))?;
            self.place(*v, Place::Register(r))?;
            registers.push(r);
        }
        let kept = self.kept.len();
        self.keep_constants(body)?;
        let target = self.out.target();
        self.out.bind(target);
        if self.marks {
            self.out.abc(op::NOP, 0, 0, 0);
        }
        self.scopes.push(Scope {
            label,
            guards: self.guards,
            target,
            to: To::Loop(registers),
        });
        self.expr(body, dest)?;
        self.scopes.pop();
        self.kept.truncate(kept);
        Ok(())
    }

    /// Sets the variables of a loop, as if all at once, and starts it over.
    pub(super) fn again(&mut self, label: Label, values: &[Expr]) -> Done {
        let scope = self.scope(label)?;
        let To::Loop(registers) = &scope.to else {
            return Err(self.problem(Problem::Core("a block that is started over")));
        };
        if registers.len() != values.len() {
            return Err(self.problem(Problem::Core("a loop with other variables")));
        }
        let span = self.out.span;
        let mut left: Vec<(u8, &Expr)> = registers.iter().copied().zip(values).collect();
        left.retain(|(r, value)| {
            self.register_of(value) != Some(*r)
                || matches!(value.kind, Kind::Local(v) if self.uses.set[v as usize])
        });
        let mut moves = Vec::new();
        while !left.is_empty() {
            // One that no other one reads can be set at once, if nobody sees that it comes before
            // the ones in front of it.
            // A handler that is installed inside of the loop must not see half of them.
            let direct = (0..left.len()).find(|&at| {
                let mut others = left[..at].iter().chain(&left[at + 1..]);
                self.may_come_first(&left[..=at]) && !others.any(|(_, e)| self.reads(e, left[at].0))
            });
            // A handler that is installed inside of the loop must not see half of them.
            let direct = direct.filter(|_| scope.guards == self.guards);
            match direct {
                Some(at) => {
                    let (r, value) = left.remove(at);
                    self.expr(value, Dest::Register(r))?;
                }
                None => {
                    let (r, value) = left.remove(0);
                    let from = self.alloc()?;
                    self.expr(value, Dest::Fresh(from))?;
                    moves.push((r, from));
                }
            }
        }
        self.out.span = span;
        for (r, from) in moves {
            self.out.abc(op::MOV, r, from, 0);
        }
        self.unguard(&scope);
        self.out.go(scope.target);
        Ok(())
    }

    /// Whether nobody sees it if the last of some values is evaluated before the others.
    pub(super) fn may_come_first(&self, values: &[(u8, &Expr)]) -> bool {
        let Some((last, before)) = values.split_last() else {
            return false;
        };
        let sets = |e: &Expr| scan::any(e, |kind| matches!(kind, Kind::Set(..)));
        before.is_empty()
            || (self.is_total(last.1) || before.iter().all(|(_, e)| self.is_total(e)))
                && !values.iter().any(|(_, e)| sets(e))
    }

    /// Whether an expression reads or sets what is in a register now.
    pub(super) fn reads(&self, expr: &Expr, r: u8) -> bool {
        scan::any(expr, |kind| match kind {
            Kind::Local(v) | Kind::Set(v, _) => {
                self.places.get(*v as usize) == Some(&Place::Register(r))
            }
            _ => false,
        })
    }

    pub(super) fn guard(
        &mut self,
        body: &Expr,
        variable: VariableId,
        handler: &Expr,
        dest: Dest,
    ) -> Done {
        let span = self.out.span;
        let error = self.alloc()?;
        let (caught, end) = (self.out.target(), self.out.target());
        self.out.jump(op::GUARD, error, caught);
        self.guards += 1;
        let value = match (dest, self.exit) {
            (Dest::Tail, Exit::End) => Dest::Nowhere,
            (Dest::Tail, Exit::Return) => Dest::Fresh(self.alloc()?),
            (dest, _) => dest,
        };
        self.expr(body, value)?;
        self.guards -= 1;
        self.out.span = span;
        self.out.abc(op::UNGUARD, 0, 0, 0);
        match (dest, value) {
            (Dest::Tail, Dest::Fresh(r)) => self.done(r, Dest::Tail)?,
            (Dest::Tail, _) => self.done(0, Dest::Tail)?,
            _ => self.out.go(end),
        }
        self.out.bind(caught);
        self.top = u32::from(error) + 1;
        self.place(variable, Place::Register(error))?;
        self.expr(handler, dest)?;
        self.out.bind(end);
        Ok(())
    }
}

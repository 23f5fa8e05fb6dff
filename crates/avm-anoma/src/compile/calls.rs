//! Closures and calls, and the rows of registers that they take their operands from.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use avm_lang::core::{Expr, FunctionId};

use super::Problem;
use super::function::{Body, Dest, Done};
use crate::code::op;

impl Body<'_, '_> {
    /// How many of the first values are in registers in a row that end where `top` starts, so that
    /// the others can be put after them. All of them may stand anywhere.
    pub(super) fn in_place(&self, items: &[&Expr]) -> Option<(u8, usize)> {
        let first = self.register_of(items.first()?)?;
        let mut count = 0;
        for (at, item) in items.iter().enumerate() {
            let wanted = u32::from(first) + at as u32;
            if self.register_of(item).map(u32::from) != Some(wanted)
                || self.is_changed(item, &items[at + 1..])
            {
                break;
            }
            count += 1;
        }
        // The longest run may go too far; `top` says where it has to end.
        if count == items.len() || u32::from(first) + count as u32 == self.top {
            return Some((first, count));
        }
        None
    }

    /// Puts values in registers in a row and gives the first; values that are there already stay.
    pub(super) fn row(&mut self, items: &[&Expr]) -> Done<u8> {
        let (base, there) = match self.in_place(items) {
            Some(found) => found,
            None => (self.top.min(255) as u8, 0),
        };
        self.fill(&items[there..])?;
        Ok(base)
    }

    /// Puts values in new registers in a row.
    pub(super) fn fill(&mut self, items: &[&Expr]) -> Done {
        for item in items {
            let r = self.alloc()?;
            self.expr(item, Dest::Fresh(r))?;
        }
        Ok(())
    }

    pub(super) fn closure(&mut self, f: FunctionId, captured: &[Expr], dest: Dest) -> Done {
        let index = self.function(f)?;
        let span = self.out.span;
        if captured.is_empty() {
            let r = self.result(dest)?;
            self.out.abx(op::CLOSURE, r, index);
            return self.done(r, dest);
        }
        let base = self.top as u8;
        self.fill(&captured.iter().collect::<Vec<_>>())?;
        self.out.span = span;
        self.out.abx(op::CLOSURE, base, index);
        self.done(base, dest)
    }

    pub(super) fn function(&self, f: FunctionId) -> Done<u16> {
        let known = self.module.unit.functions.len();
        match u16::try_from(f) {
            Ok(index) if usize::from(index) < known => Ok(index),
            _ => Err(self.problem(Problem::Core("a function that does not exist"))),
        }
    }

    pub(super) fn call(&mut self, f: FunctionId, args: &[Expr], dest: Dest) -> Done {
        let index = self.function(f)?;
        let unit = self.module.unit;
        let callee = &unit.functions[f as usize];
        let span = self.out.span;
        let fixed = callee.params as usize - usize::from(callee.rest && callee.params > 0);
        if args.len() < fixed || (args.len() > fixed && !callee.rest) {
            return Err(self.problem(Problem::Arguments {
                name: callee.name.to_string(),
                got: args.len(),
                want: fixed,
            }));
        }
        let args: Vec<&Expr> = args.iter().collect();
        let tail = dest == Dest::Tail;
        let base = if tail && !callee.rest {
            self.row(&args)?
        } else {
            let base = self.top as u8;
            self.fill(&args[..fixed])?;
            if callee.rest {
                let first = self.alloc()?;
                self.top -= 1;
                self.fill(&args[fixed..])?;
                let count = self.count(args.len() - fixed)?;
                self.out.span = span;
                self.out.abc(op::LIST, first, first, count);
                self.top = u32::from(first) + 1;
            }
            base
        };
        self.out.span = span;
        if tail {
            self.out.abx(op::TAILF, base, index);
            return Ok(());
        }
        if self.top == u32::from(base) {
            self.alloc()?;
        }
        self.out.abx(op::CALLF, base, index);
        self.done(base, dest)
    }

    /// A number of values that an instruction says in eight bits.
    pub(super) fn count(&self, count: usize) -> Done<u8> {
        u8::try_from(count).map_err(|_| self.problem(Problem::TooManyValues))
    }

    pub(super) fn apply(&mut self, callee: &Expr, args: &[Expr], dest: Dest) -> Done {
        let span = self.out.span;
        let count = self.count(args.len())?;
        let mut row: Vec<&Expr> = vec![callee];
        row.extend(args);
        let base = if dest == Dest::Tail {
            self.row(&row)?
        } else {
            // The closure itself survives the call, the arguments do not.
            let stays = self
                .register_of(callee)
                .filter(|r| u32::from(*r) + 1 == self.top && !self.is_changed(callee, &row[1..]));
            let base = stays.unwrap_or(self.top as u8);
            self.fill(&row[usize::from(stays.is_some())..])?;
            base
        };
        self.out.span = span;
        if dest == Dest::Tail {
            self.out.abc(op::TAILC, 0, base, count);
            return Ok(());
        }
        let r = self.result(dest)?;
        self.out.abc(op::CALLC, r, base, count);
        self.done(r, dest)
    }
}

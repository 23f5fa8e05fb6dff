//! Conditions: expressions of which only the truth is wanted.

use alloc::vec;

use avm_lang::core::{Datum, Expr, Kind};

use super::constant::Constant;
use super::emit::Target;
use super::forms::Low;
use super::function::{Body, Dest, Done};
use crate::code::op;

/// Tag of lists.
const LIST: u8 = 0x09;

impl Body<'_, '_> {
    /// Goes to `yes` if the value counts as true, else to `no`. Of the two, the one that is bound
    /// right after this is told by `yes_next`.
    pub(super) fn branch(&mut self, expr: &Expr, yes: Target, no: Target, yes_next: bool) -> Done {
        self.deeper(expr)?;
        let top = self.top;
        self.out.span = expr.span;
        if let Some(constant) = self.constant(expr)? {
            let to = if constant == Constant::Bool(false) {
                no
            } else {
                yes
            };
            self.out.go(to);
        } else {
            match &expr.kind {
                Kind::If(condition, then, other) => {
                    self.branch_if([condition, then, other], yes, no, yes_next)?;
                }
                Kind::Let(v, first, body) => {
                    self.bind(*v, first)?;
                    self.branch(body, yes, no, yes_next)?;
                }
                Kind::Seq(items) if !items.is_empty() => {
                    let (last, before) = items.split_last().expect("it is not empty");
                    for item in before {
                        self.expr(item, Dest::Nowhere)?;
                    }
                    self.branch(last, yes, no, yes_next)?;
                }
                Kind::Break(..) | Kind::Again(..) => self.expr(expr, Dest::Nowhere)?,
                Kind::Form(form, args, _) => {
                    self.branch_form(expr, self.low(*form)?, args, yes, no, yes_next)?;
                }
                _ => self.branch_value(expr, yes, no, yes_next)?,
            }
        }
        self.top = top;
        self.shallower();
        Ok(())
    }

    /// Whether the last test of a condition jumps if it holds, and runs on if it does not.
    pub(super) fn jumps_if_true(&self, expr: &Expr) -> bool {
        let mut expr = expr;
        let mut turned = false;
        loop {
            expr = match &expr.kind {
                Kind::Let(_, _, body) => body,
                Kind::If(_, then, other) if matches!(other.kind, Kind::Const(_)) => then,
                Kind::If(_, _, other) => other,
                Kind::Seq(items) if !items.is_empty() => &items[items.len() - 1],
                Kind::Form(form, args, _) => match (self.low(*form), &args[..]) {
                    (Ok(Low::Not), [of]) => {
                        turned = !turned;
                        of
                    }
                    (Ok(Low::Is(_)), [_]) => return !turned,
                    (Ok(Low::Compare(op::EQ, _)), [a, b]) => {
                        let constant = |e: &Expr| matches!(self.constant(e), Ok(Some(_)));
                        return turned != (constant(a) || constant(b));
                    }
                    _ => return turned,
                },
                _ => return turned,
            };
        }
    }

    /// Notes the variables that are lists if a condition holds, and gives how many were known
    /// before.
    pub(super) fn learn(&mut self, condition: &Expr) -> usize {
        let known = self.lists.len();
        let mut open = vec![condition];
        while let Some(expr) = open.pop() {
            match &expr.kind {
                Kind::If(a, b, other) if matches!(other.kind, Kind::Const(Datum::Bool(false))) => {
                    open.extend([&**a, &**b]);
                }
                Kind::Form(form, args, _) if matches!(self.low(*form), Ok(Low::Kind(LIST))) => {
                    if let [
                        Expr {
                            kind: Kind::Local(v),
                            ..
                        },
                    ] = &args[..]
                        && self.is_fixed(*v)
                    {
                        self.lists.push(*v);
                    }
                }
                _ => {}
            }
        }
        known
    }

    fn branch_if(&mut self, parts: [&Expr; 3], yes: Target, no: Target, yes_next: bool) -> Done {
        let [condition, then, other] = parts;
        let is =
            |expr: &Expr, value| matches!(expr.kind, Kind::Const(Datum::Bool(b)) if b == value);
        // (or a b) with a in a variable gives a itself, which is known to be true there.
        let same =
            matches!((&condition.kind, &then.kind), (Kind::Local(a), Kind::Local(b)) if a == b);
        let (then_no, then_yes) = (is(then, false), is(then, true) || same);
        let middle = self.out.target();
        if is(other, false) && !then_no {
            self.branch(condition, middle, no, true)?;
            self.out.bind(middle);
            let known = self.learn(condition);
            self.branch(then, yes, no, yes_next)?;
            self.lists.truncate(known);
            return Ok(());
        }
        if then_yes {
            self.branch(condition, yes, middle, false)?;
            self.out.bind(middle);
            return self.branch(other, yes, no, yes_next);
        }
        if then_no {
            self.branch(condition, no, middle, false)?;
            self.out.bind(middle);
            return self.branch(other, yes, no, yes_next);
        }
        let last = self.out.target();
        self.branch(condition, middle, last, true)?;
        self.out.bind(middle);
        self.branch(then, yes, no, false)?;
        // `branch` runs into `no`, which is not what comes next here.
        self.out.go(no);
        self.out.bind(last);
        self.branch(other, yes, no, yes_next)
    }

    fn branch_form(
        &mut self,
        expr: &Expr,
        low: Low,
        args: &[Expr],
        yes: Target,
        no: Target,
        yes_next: bool,
    ) -> Done {
        match (low, args) {
            (Low::Not, [of]) => self.branch(of, no, yes, !yes_next),
            (Low::Is(zero), [of]) => self.branch_is(of, &zero.constant(), yes, no, yes_next),
            (Low::Compare(op::EQ, _), [a, b]) => {
                if let Some(constant) = self.constant(b)? {
                    return self.branch_is(a, &constant, yes, no, yes_next);
                }
                match self.constant(a)? {
                    Some(constant) => self.branch_is(b, &constant, yes, no, yes_next),
                    None => self.branch_value(expr, yes, no, yes_next),
                }
            }
            _ => self.branch_value(expr, yes, no, yes_next),
        }
    }

    /// Goes by whether the value is that constant.
    fn branch_is(
        &mut self,
        of: &Expr,
        constant: &Constant,
        yes: Target,
        no: Target,
        yes_next: bool,
    ) -> Done {
        let span = self.out.span;
        let r = self.operand(of)?;
        self.out.span = span;
        if *constant == Constant::Nothing {
            self.out.jump(op::JNOTHING, r, yes);
            self.out.go(no);
            return Ok(());
        }
        let index = self.pool(constant)?;
        if let Ok(index) = u8::try_from(index) {
            self.out.jump_equal(r, index, yes);
            self.out.go(no);
            return Ok(());
        }
        let k = self.alloc()?;
        self.load(constant, Dest::Fresh(k))?;
        self.out.abc(op::EQ, k, r, k);
        self.decide(k, yes, no, yes_next);
        Ok(())
    }

    fn branch_value(&mut self, expr: &Expr, yes: Target, no: Target, yes_next: bool) -> Done {
        let span = expr.span;
        let r = match self.register_of(expr) {
            Some(r) => r,
            None => {
                let r = self.alloc()?;
                self.leaf_or_expr(expr, r)?;
                r
            }
        };
        self.out.span = span;
        self.decide(r, yes, no, yes_next);
        Ok(())
    }

    fn leaf_or_expr(&mut self, expr: &Expr, r: u8) -> Done {
        self.expr(expr, Dest::Fresh(r))
    }

    fn decide(&mut self, r: u8, yes: Target, no: Target, yes_next: bool) {
        if yes_next {
            self.out.jump(op::JF, r, no);
            self.out.go(yes);
        } else {
            self.out.jump(op::JT, r, yes);
            self.out.go(no);
        }
    }
}

//! Fields of the state: reads and writes, and sequences.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use super::{Ctx, Lower};
use crate::core::{Datum, Expr, Kind};
use crate::dialect::Effect;
use crate::hir::{BindingId, Hir, HirKind};
use crate::span::Span;

/// Fields by index, the variable that holds the new value of each.
type News = BTreeMap<u32, BindingId>;

impl Lower<'_, '_> {
    /// `(list-ref (get-state) i)`, or the default if the state is empty.
    pub(super) fn field(&mut self, index: u32, default: &Hir, span: Span) -> Hir {
        let state = self.c.temporary("state", span);
        let get = self.c.op("get-state", Vec::new(), span);
        let empty = self.is_empty(state, span);
        let item = self.item(state, index, span);
        Hir::bind(state, get, Hir::test(empty, default.clone(), item))
    }

    fn is_empty(&mut self, state: BindingId, span: Span) -> Hir {
        let empty = Hir::constant(span, Datum::List(Vec::new()));
        self.c
            .op("equal?", vec![Hir::var(span, state), empty], span)
    }

    fn item(&mut self, state: BindingId, index: u32, span: Span) -> Hir {
        let index = Hir::constant(span, Datum::Int(index.to_string()));
        self.c
            .op("list-ref", vec![Hir::var(span, state), index], span)
    }

    /// Expressions in order. Writes of fields that follow each other become one write of the
    /// state, as long as nothing can tell the difference.
    pub(super) fn seq(&mut self, ctx: &mut Ctx, items: &[Hir], span: Span) -> Expr {
        let mut out = Vec::new();
        let mut at = 0;
        while let Some(item) = items.get(at) {
            let HirKind::SetFields(sets, defaults) = &item.kind else {
                out.push(self.expr(ctx, item));
                at += 1;
                continue;
            };
            let mut news = News::new();
            let mut values: Vec<(BindingId, Hir)> = Vec::new();
            self.hold(sets, &mut news, &mut values);
            at += 1;
            while let Some(HirKind::SetFields(more, _)) = items.get(at).map(|i| &i.kind) {
                if !more.iter().all(|(_, e)| self.pure(e, &news)) {
                    break;
                }
                let more: Vec<_> = more
                    .iter()
                    .map(|(i, e)| (*i, with_news(e, &news)))
                    .collect();
                self.hold(&more, &mut news, &mut values);
                at += 1;
            }
            let write = self.write(&news, defaults, item.span);
            let write = values
                .into_iter()
                .rev()
                .fold(write, |body, (b, v)| Hir::bind(b, v, body));
            out.push(self.expr(ctx, &write));
        }
        match out.len() {
            1 => out.remove(0),
            _ => Expr {
                kind: Kind::Seq(out),
                span,
            },
        }
    }

    fn hold(&mut self, sets: &[(u32, Hir)], news: &mut News, values: &mut Vec<(BindingId, Hir)>) {
        let ids: Vec<_> = sets
            .iter()
            .map(|(_, v)| self.c.temporary("new", v.span))
            .collect();
        for ((index, value), id) in sets.iter().zip(ids) {
            values.push((id, value.clone()));
            news.insert(*index, id);
        }
    }

    /// Writes the whole state, the fields without a new value as they are now.
    fn write(&mut self, news: &News, defaults: &[Hir], span: Span) -> Hir {
        let put = |lower: &mut Self, old: &mut dyn FnMut(&mut Self, u32) -> Hir| {
            let mut items = Vec::new();
            for i in 0..defaults.len() as u32 {
                items.push(match news.get(&i) {
                    Some(id) => Hir::var(span, *id),
                    None => old(lower, i),
                });
            }
            let list = lower.c.op("list", items, span);
            lower.c.op("put-state!", vec![list], span)
        };
        if news.len() == defaults.len() {
            return put(self, &mut |_, _| Hir::nothing(span));
        }
        let state = self.c.temporary("state", span);
        let get = self.c.op("get-state", Vec::new(), span);
        let empty = self.is_empty(state, span);
        let first = put(self, &mut |_, i| defaults[i as usize].clone());
        let later = put(self, &mut |lower, i| lower.item(state, i, span));
        Hir::bind(state, get, Hir::test(empty, first, later))
    }

    /// Whether an expression does nothing but compute from variables and fields.
    fn pure(&self, hir: &Hir, news: &News) -> bool {
        let own = match &hir.kind {
            HirKind::Field(index, _) if news.contains_key(index) => return true,
            HirKind::Const(_) | HirKind::Var(_) | HirKind::Global(_) => true,
            HirKind::If(_) | HirKind::Let(..) | HirKind::Seq(_) | HirKind::Field(..) => true,
            HirKind::Form(form, ..) => self.c.dialect.forms[*form as usize].effect == Effect::None,
            _ => false,
        };
        let mut good = own;
        hir.parts(
            &mut |part| good = good && self.pure(part, news),
            &mut |_| {},
        );
        good
    }
}

/// The expression, a pure one, with new values where it reads fields.
fn with_news(hir: &Hir, news: &News) -> Hir {
    let all = |items: &[Hir]| items.iter().map(|i| with_news(i, news)).collect::<Vec<_>>();
    let kind = match &hir.kind {
        HirKind::Field(index, _) if news.contains_key(index) => HirKind::Var(news[index]),
        HirKind::If(parts) => {
            let [a, b, c] = &**parts;
            HirKind::If(Box::new([
                with_news(a, news),
                with_news(b, news),
                with_news(c, news),
            ]))
        }
        HirKind::Let(b, value, body) => HirKind::Let(
            *b,
            with_news(value, news).into(),
            with_news(body, news).into(),
        ),
        HirKind::Seq(items) => HirKind::Seq(all(items)),
        HirKind::Form(form, args, keys) => {
            let keys = keys
                .iter()
                .map(|k| k.as_ref().map(|k| with_news(k, news)))
                .collect();
            HirKind::Form(*form, all(args), keys)
        }
        other => other.clone(),
    };
    Hir::new(hir.span, kind)
}

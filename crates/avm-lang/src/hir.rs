//! Between text and core form: names are resolved, derived forms are reduced, functions still
//! stand where they are written.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::core::{Datum, FormId};
use crate::span::Span;

/// A local variable, unique in a compilation.
pub(crate) type BindingId = usize;
/// A definition at the top of a module, unique in a compilation.
pub(crate) type GlobalId = usize;

#[derive(Clone, Debug)]
pub(crate) struct Hir {
    pub kind: HirKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub(crate) struct Lambda {
    pub name: String,
    pub params: Vec<BindingId>,
    pub rest: bool,
    pub body: Hir,
}

#[derive(Clone, Debug)]
pub(crate) enum HirKind {
    Const(Datum),
    Var(BindingId),
    /// The value of a function at the top.
    Global(GlobalId),
    Set(BindingId, Box<Hir>),
    If(Box<[Hir; 3]>),
    Let(BindingId, Box<Hir>, Box<Hir>),
    Seq(Vec<Hir>),
    Lambda(Box<Lambda>),
    Letrec(Vec<(BindingId, Lambda)>, Box<Hir>),
    Call(GlobalId, Vec<Hir>),
    Apply(Box<Hir>, Vec<Hir>),
    Form(FormId, Vec<Hir>, Vec<Option<Hir>>),
    Block(u32, Box<Hir>),
    Break(u32, Box<Hir>),
    Loop(u32, Vec<(BindingId, Hir)>, Box<Hir>),
    Again(u32, Vec<Hir>),
    Guard(Box<Hir>, BindingId, Box<Hir>),
    /// Field of the state, and its value if the state was never set.
    Field(u32, Box<Hir>),
    /// New values of fields; the defaults of all.
    SetFields(Vec<(u32, Hir)>, Vec<Hir>),
}

impl Hir {
    pub fn new(span: Span, kind: HirKind) -> Self {
        Self { kind, span }
    }

    pub fn constant(span: Span, datum: Datum) -> Self {
        Self::new(span, HirKind::Const(datum))
    }

    pub fn nothing(span: Span) -> Self {
        Self::constant(span, Datum::Nothing)
    }

    pub fn var(span: Span, binding: BindingId) -> Self {
        Self::new(span, HirKind::Var(binding))
    }

    pub fn test(test: Self, then: Self, otherwise: Self) -> Self {
        let span = test.span;
        Self::new(span, HirKind::If(Box::new([test, then, otherwise])))
    }

    pub fn bind(binding: BindingId, value: Self, body: Self) -> Self {
        let span = body.span;
        Self::new(span, HirKind::Let(binding, Box::new(value), Box::new(body)))
    }

    pub fn leave(label: u32, value: Self) -> Self {
        let span = value.span;
        Self::new(span, HirKind::Break(label, Box::new(value)))
    }

    pub fn seq(span: Span, mut items: Vec<Self>) -> Self {
        match items.len() {
            0 => Self::nothing(span),
            1 => items.remove(0),
            _ => Self::new(span, HirKind::Seq(items)),
        }
    }

    /// Calls `f` with each part, and the bindings that the node itself introduces with `bind`.
    pub fn parts<'a>(&'a self, f: &mut dyn FnMut(&'a Hir), bind: &mut dyn FnMut(BindingId)) {
        match &self.kind {
            HirKind::Const(_) | HirKind::Var(_) | HirKind::Global(_) => {}
            HirKind::Set(_, e) | HirKind::Block(_, e) | HirKind::Break(_, e) => f(e),
            HirKind::If(parts) => parts.iter().for_each(f),
            HirKind::Let(b, e, body) => {
                bind(*b);
                f(e);
                f(body);
            }
            HirKind::Seq(items) | HirKind::Call(_, items) | HirKind::Again(_, items) => {
                items.iter().for_each(f);
            }
            HirKind::Lambda(lambda) => {
                lambda.params.iter().for_each(|b| bind(*b));
                f(&lambda.body);
            }
            HirKind::Letrec(group, body) => {
                for (b, lambda) in group {
                    bind(*b);
                    lambda.params.iter().for_each(|b| bind(*b));
                    f(&lambda.body);
                }
                f(body);
            }
            HirKind::Apply(function, args) => {
                f(function);
                args.iter().for_each(f);
            }
            HirKind::Form(_, args, keys) => {
                args.iter().for_each(&mut *f);
                keys.iter().flatten().for_each(f);
            }
            HirKind::Loop(_, vars, body) => {
                for (b, e) in vars {
                    bind(*b);
                    f(e);
                }
                f(body);
            }
            HirKind::Guard(body, b, handler) => {
                bind(*b);
                f(body);
                f(handler);
            }
            HirKind::Field(_, default) => f(default),
            HirKind::SetFields(sets, defaults) => {
                sets.iter().for_each(|(_, e)| f(e));
                defaults.iter().for_each(f);
            }
        }
    }
}

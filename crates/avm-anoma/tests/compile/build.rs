//! Core forms by hand.

use avm_anoma::compile::dialect;
use avm_lang::core::{
    Datum, Entry, EntryKind, Expr, FormId, Function, FunctionId, Kind, Label, Unit, VariableId,
};
use avm_lang::span::Span;

pub fn expr(kind: Kind) -> Expr {
    Expr {
        kind,
        span: Span::default(),
    }
}

pub fn int(n: i64) -> Expr {
    expr(Kind::Const(Datum::Int(n.to_string())))
}

pub fn sym(text: &str) -> Expr {
    expr(Kind::Const(Datum::Sym(text.into())))
}

pub fn text(text: &str) -> Expr {
    expr(Kind::Const(Datum::Str(text.into())))
}

pub fn bool(is: bool) -> Expr {
    expr(Kind::Const(Datum::Bool(is)))
}

pub fn nothing() -> Expr {
    expr(Kind::Const(Datum::Nothing))
}

pub fn var(v: VariableId) -> Expr {
    expr(Kind::Local(v))
}

pub fn set(v: VariableId, value: Expr) -> Expr {
    expr(Kind::Set(v, Box::new(value)))
}

pub fn test(condition: Expr, then: Expr, other: Expr) -> Expr {
    expr(Kind::If(
        Box::new(condition),
        Box::new(then),
        Box::new(other),
    ))
}

pub fn bind(v: VariableId, first: Expr, body: Expr) -> Expr {
    expr(Kind::Let(v, Box::new(first), Box::new(body)))
}

pub fn seq(items: Vec<Expr>) -> Expr {
    expr(Kind::Seq(items))
}

pub fn call(f: FunctionId, args: Vec<Expr>) -> Expr {
    expr(Kind::Call(f, args))
}

pub fn apply(callee: Expr, args: Vec<Expr>) -> Expr {
    expr(Kind::Apply(Box::new(callee), args))
}

pub fn closure(f: FunctionId, captured: Vec<Expr>) -> Expr {
    expr(Kind::Closure(f, captured))
}

pub fn block(label: Label, body: Expr) -> Expr {
    expr(Kind::Block(label, Box::new(body)))
}

pub fn leave(label: Label, value: Expr) -> Expr {
    expr(Kind::Break(label, Box::new(value)))
}

pub fn repeat(label: Label, variables: Vec<(VariableId, Expr)>, body: Expr) -> Expr {
    expr(Kind::Loop(label, variables, Box::new(body)))
}

pub fn again(label: Label, values: Vec<Expr>) -> Expr {
    expr(Kind::Again(label, values))
}

pub fn guard(body: Expr, variable: VariableId, handler: Expr) -> Expr {
    expr(Kind::Guard {
        body: Box::new(body),
        variable,
        handler: Box::new(handler),
    })
}

pub fn form_id(name: &str) -> FormId {
    let forms = dialect().forms;
    let at = forms.iter().position(|form| form.name == name);
    at.unwrap_or_else(|| panic!("no form {name}")) as FormId
}

pub fn form(name: &str, args: Vec<Expr>) -> Expr {
    form_keys(name, args, &[])
}

pub fn form_keys(name: &str, args: Vec<Expr>, given: &[(&str, Expr)]) -> Expr {
    let id = form_id(name);
    let keys = dialect().forms[id as usize].keys;
    let key = |key: &&str| {
        let found = given.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.clone())
    };
    expr(Kind::Form(id, args, keys.iter().map(key).collect()))
}

pub fn function(name: &str, params: u32, captures: u32, variables: u32, body: Expr) -> Function {
    Function {
        name: name.into(),
        variables: (0..variables).map(|v| format!("v{v}")).collect(),
        params,
        rest: false,
        captures,
        body,
        span: Span::default(),
    }
}

/// A unit whose function 0 is an entry of that kind.
pub fn unit(kind: EntryKind, functions: Vec<Function>) -> Unit {
    let entry = Entry {
        kind,
        name: "main".into(),
        function: 0,
        fields: Vec::new(),
        deterministic: false,
        exported: true,
        span: Span::default(),
    };
    Unit {
        name: "test".into(),
        functions,
        entries: vec![entry],
        ..Unit::default()
    }
}

/// A unit as text.
pub fn show(unit: &Unit) -> String {
    let mut out = String::new();
    for (at, f) in unit.functions.iter().enumerate() {
        let body = show_expr(&f.body);
        out += &format!(
            "f{at} params {} rest {} captures {}:\n  {body}\n",
            f.params, f.rest, f.captures
        );
    }
    out
}

fn show_expr(e: &Expr) -> String {
    let all = |items: &[Expr]| {
        items
            .iter()
            .map(|e| format!(" {}", show_expr(e)))
            .collect::<String>()
    };
    match &e.kind {
        Kind::Const(Datum::Int(n)) => n.clone(),
        Kind::Const(Datum::Sym(s)) => format!("'{s}"),
        Kind::Const(other) => format!("{other:?}"),
        Kind::Local(v) => format!("v{v}"),
        Kind::Set(v, e) => format!("(set! v{v} {})", show_expr(e)),
        Kind::If(c, t, e) => format!("(if {} {} {})", show_expr(c), show_expr(t), show_expr(e)),
        Kind::Let(v, f, b) => format!("(let v{v} {} {})", show_expr(f), show_expr(b)),
        Kind::Seq(items) => format!("(begin{})", all(items)),
        Kind::Closure(f, items) => format!("(closure f{f}{})", all(items)),
        Kind::Call(f, items) => format!("(call f{f}{})", all(items)),
        Kind::Apply(f, items) => format!("(apply {}{})", show_expr(f), all(items)),
        Kind::Form(f, items, keys) => {
            let keys = keys
                .iter()
                .flatten()
                .map(|k| format!(" #:{}", show_expr(k)));
            format!(
                "({}{}{})",
                dialect().forms[*f as usize].name,
                all(items),
                keys.collect::<String>()
            )
        }
        Kind::Block(l, b) => format!("(block L{l} {})", show_expr(b)),
        Kind::Break(l, b) => format!("(break L{l} {})", show_expr(b)),
        Kind::Loop(l, vs, b) => {
            let vs: String = vs
                .iter()
                .map(|(v, e)| format!(" v{v}={}", show_expr(e)))
                .collect();
            format!("(loop L{l}{vs} {})", show_expr(b))
        }
        Kind::Again(l, items) => format!("(again L{l}{})", all(items)),
        Kind::Guard {
            body,
            variable,
            handler,
        } => {
            format!(
                "(guard {} v{variable} {})",
                show_expr(body),
                show_expr(handler)
            )
        }
    }
}

//! Random core forms that follow the rules of the core form, most of them of fitting kinds.

use avm_lang::core::{EntryKind, Expr, Function, Label, Unit, VariableId};

use crate::build::{
    again, apply, bind, block, bool, call, closure, form, form_keys, function, guard, int, leave,
    nothing, repeat, seq, set, sym, test, text, unit, var,
};

/// What a value should be; nothing checks that it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Want {
    Int,
    Bool,
    List,
    Any,
    /// A closure with so many parameters.
    Closure(u32),
}

#[derive(Clone, Debug)]
struct Variable {
    id: VariableId,
    want: Want,
    /// Variables that are set are not captured.
    mutable: bool,
}

#[derive(Clone, Debug)]
enum Around {
    Block(Label, Want),
    Loop(Label, Vec<Want>),
}

/// Functions that every unit has: parameters of each, and whether the last takes the rest.
const SIGNATURES: [(u32, bool); 4] = [(2, false), (1, false), (3, false), (2, true)];

struct Writer<'t> {
    tape: &'t [u8],
    at: usize,
    functions: Vec<Option<Function>>,
}

#[derive(Clone, Default)]
struct Scope {
    visible: Vec<Variable>,
    around: Vec<Around>,
}

/// What is being written.
struct Inside {
    function: usize,
    next: VariableId,
    label: Label,
    /// Only those with a larger index are called, so that calls end.
    calls_from: usize,
}

/// A unit from a tape of choices.
pub fn random(tape: &[u8], kind: EntryKind) -> Unit {
    let mut writer = Writer {
        tape,
        at: 0,
        functions: vec![None; SIGNATURES.len()],
    };
    for (at, (params, rest)) in SIGNATURES.iter().enumerate() {
        let params = if at == 0 && kind == EntryKind::Behaviour {
            0
        } else {
            *params
        };
        let mut scope = Scope::default();
        for id in 0..params {
            let want = [Want::Int, Want::List, Want::Any][id as usize % 3];
            let mutable = writer.choose(4) == 0;
            scope.visible.push(Variable { id, want, mutable });
        }
        let mut inside = Inside {
            function: at,
            next: params,
            label: 0,
            calls_from: at + 1,
        };
        let body = writer.expr(&mut inside, &scope, Want::Any, 7);
        let mut function = function(&format!("f{at}"), params, 0, inside.next, body);
        function.rest = *rest && params > 0;
        writer.functions[at] = Some(function);
    }
    unit(
        kind,
        writer.functions.into_iter().map(Option::unwrap).collect(),
    )
}

impl Writer<'_> {
    /// The next choice; the first one once the tape is over.
    fn choose(&mut self, from: u32) -> u32 {
        let byte = self.tape.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        u32::from(byte) % from
    }

    fn many(&mut self, most: u32) -> u32 {
        self.choose(most + 1)
    }

    fn expr(&mut self, inside: &mut Inside, scope: &Scope, want: Want, depth: u32) -> Expr {
        // Sometimes it is something else than wanted.
        let want = if self.choose(24) == 23 {
            Want::Any
        } else {
            want
        };
        if depth == 0 || self.at >= self.tape.len() {
            return self.simple(inside, scope, want);
        }
        let deep = depth - 1;
        match self.choose(25) {
            22 => self.field(inside),
            23 | 24 => self.state(inside, scope, deep),
            0..=2 => self.simple(inside, scope, want),
            3..=8 => self.compute(inside, scope, want, deep),
            9 => {
                let condition = self.condition(inside, scope, deep);
                let then = self.expr(inside, scope, want, deep);
                test(condition, then, self.expr(inside, scope, want, deep))
            }
            10..=12 => {
                let kind = self.any_want();
                let first = self.expr(inside, scope, kind, deep);
                let mut scope = scope.clone();
                let id = self.declare(inside, &mut scope, kind);
                bind(id, first, self.expr(inside, &scope, want, deep))
            }
            13 => {
                let count = self.many(2);
                let mut items: Vec<Expr> = (0..count)
                    .map(|_| self.statement(inside, scope, deep))
                    .collect();
                items.push(self.expr(inside, scope, want, deep));
                seq(items)
            }
            14 => {
                let label = inside.label;
                inside.label += 1;
                let mut scope = scope.clone();
                scope.around.push(Around::Block(label, want));
                block(label, self.expr(inside, &scope, want, deep))
            }
            15 => self.repeat(inside, scope, want, deep),
            16 => {
                let body = self.expr(inside, scope, want, deep);
                let mut scope = scope.clone();
                let id = self.declare(inside, &mut scope, Want::Any);
                guard(body, id, self.expr(inside, &scope, want, deep))
            }
            17 => self.jump(inside, scope, deep),
            18 => self.call(inside, scope, deep),
            19 => {
                let params = self.many(2);
                let callee = self.expr(inside, scope, Want::Closure(params), deep);
                let args = (0..params).map(|_| self.expr(inside, scope, Want::Int, deep));
                let args = args.collect();
                apply(callee, args)
            }
            20 => self.effect(inside, scope, deep),
            _ => {
                let settable: Vec<Variable> = scope
                    .visible
                    .iter()
                    .filter(|v| v.mutable)
                    .cloned()
                    .collect();
                match settable.len() as u32 {
                    0 => self.compute(inside, scope, want, deep),
                    n => {
                        let v = settable[self.choose(n) as usize].clone();
                        let value = self.expr(inside, scope, v.want, deep);
                        seq(vec![set(v.id, value), var(v.id)])
                    }
                }
            }
        }
    }

    fn any_want(&mut self) -> Want {
        [
            Want::Int,
            Want::Int,
            Want::List,
            Want::Bool,
            Want::Any,
            Want::Closure(1),
        ][self.choose(6) as usize]
    }

    fn declare(&mut self, inside: &mut Inside, scope: &mut Scope, want: Want) -> VariableId {
        let id = inside.next;
        inside.next += 1;
        let mutable = self.choose(4) == 0;
        scope.visible.push(Variable { id, want, mutable });
        id
    }

    /// A read of a field of the state.
    fn field(&mut self, inside: &mut Inside) -> Expr {
        let id = inside.next;
        inside.next += 1;
        let at = i64::from(self.choose(2));
        let empty = form("equal?", vec![var(id), form("list", vec![])]);
        let item = form("list-ref", vec![var(id), int(at)]);
        bind(id, form("get-state", vec![]), test(empty, int(3), item))
    }

    /// A new state, and something after it.
    fn state(&mut self, inside: &mut Inside, scope: &Scope, depth: u32) -> Expr {
        let items = (0..=self.many(2)).map(|_| self.expr(inside, scope, Want::Int, depth));
        let items = items.collect();
        let put = form("put-state!", vec![form("list", items)]);
        let more = match self.choose(4) {
            0 => self.field(inside),
            1 => form(
                "+",
                vec![
                    self.field(inside),
                    self.expr(inside, scope, Want::Int, depth),
                ],
            ),
            2 => {
                let first = self.expr(inside, scope, Want::Int, depth);
                form("list", vec![first, self.field(inside), self.field(inside)])
            }
            _ => self.expr(inside, scope, Want::Int, depth),
        };
        match self.choose(2) {
            0 => seq(vec![put, more]),
            _ => {
                let first = self.expr(inside, scope, Want::Int, depth);
                let mut within = scope.clone();
                let id = self.declare(inside, &mut within, Want::Int);
                let put = form("put-state!", vec![form("list", vec![var(id)])]);
                let next = self.statement(inside, scope, depth);
                seq(vec![bind(id, first, put), next, self.field(inside)])
            }
        }
    }

    /// Something for its effect.
    fn statement(&mut self, inside: &mut Inside, scope: &Scope, depth: u32) -> Expr {
        let settable: Vec<Variable> = scope
            .visible
            .iter()
            .filter(|v| v.mutable)
            .cloned()
            .collect();
        match (self.choose(3), settable.len() as u32) {
            (0, n @ 1..) => {
                let v = settable[self.choose(n) as usize].clone();
                set(v.id, self.expr(inside, scope, v.want, depth))
            }
            (1, _) => self.effect(inside, scope, depth),
            _ => self.expr(inside, scope, Want::Any, depth),
        }
    }

    fn simple(&mut self, inside: &mut Inside, scope: &Scope, want: Want) -> Expr {
        let fit: Vec<VariableId> = scope
            .visible
            .iter()
            .filter(|v| want == Want::Any || v.want == want)
            .map(|v| v.id)
            .collect();
        if !fit.is_empty() && self.choose(3) > 0 {
            return var(fit[self.choose(fit.len() as u32) as usize]);
        }
        match want {
            Want::Int => match self.choose(4) {
                0 => int(i64::from(self.choose(256)) - 128),
                1 => int(40_000 * (i64::from(self.choose(9)) - 4)),
                _ => int(i64::from(self.choose(5))),
            },
            Want::Bool => bool(self.choose(2) == 0),
            Want::List => match self.choose(3) {
                0 => form("list", vec![]),
                _ => form("list", vec![int(1), sym("a"), int(3)]),
            },
            Want::Any => match self.choose(5) {
                0 => nothing(),
                1 => sym("a"),
                2 => text("t"),
                3 => bool(true),
                _ => int(7),
            },
            Want::Closure(params) => self.lambda(inside, scope, params, 1),
        }
    }

    fn condition(&mut self, inside: &mut Inside, scope: &Scope, depth: u32) -> Expr {
        if depth == 0 {
            return self.simple(inside, scope, Want::Bool);
        }
        let deep = depth - 1;
        match self.choose(6) {
            0 => {
                let a = self.condition(inside, scope, deep);
                test(a, self.condition(inside, scope, deep), bool(false))
            }
            1 => {
                let a = self.condition(inside, scope, deep);
                test(
                    a,
                    bool(self.choose(2) == 0),
                    self.condition(inside, scope, deep),
                )
            }
            2 => {
                let a = self.condition(inside, scope, deep);
                let b = self.condition(inside, scope, deep);
                test(a, b, self.condition(inside, scope, deep))
            }
            3 => form("not", vec![self.condition(inside, scope, deep)]),
            4 => {
                let first = self.expr(inside, scope, Want::Any, deep);
                let mut scope = scope.clone();
                let id = self.declare(inside, &mut scope, Want::Any);
                bind(
                    id,
                    first,
                    test(var(id), var(id), self.condition(inside, &scope, deep)),
                )
            }
            _ => self.expr(inside, scope, Want::Bool, deep),
        }
    }

    fn compute(&mut self, inside: &mut Inside, scope: &Scope, want: Want, depth: u32) -> Expr {
        use Want::{Any, Bool, Int, List};
        let rows: &[(&str, &[Want])] = match want {
            Int => &[
                ("+", &[Int, Int]),
                ("+", &[Int]),
                ("+", &[Int, Int, Int, Int]),
                ("-", &[Int, Int]),
                ("-", &[Int]),
                ("-", &[Int, Int, Int]),
                ("*", &[Int, Int]),
                ("*", &[Int]),
                ("min", &[Int, Int, Int]),
                ("quotient", &[Int, Int]),
                ("length", &[List]),
                ("car", &[List]),
            ],
            Bool => &[
                ("<", &[Int, Int]),
                ("<=", &[Int, Int, Int]),
                (">", &[Int, Int]),
                (">=", &[Int, Int, Int, Int]),
                ("=", &[Int, Int]),
                ("equal?", &[Any, Any]),
                ("not", &[Any]),
                ("nothing?", &[Any]),
                ("just?", &[Any]),
                ("int?", &[Any]),
                ("list?", &[Any]),
                ("null?", &[List]),
                ("zero?", &[Int]),
            ],
            List => &[
                ("list", &[Any, Any, Int]),
                ("cons", &[Any, List]),
                ("cdr", &[List]),
                ("reverse", &[List]),
                ("append", &[List, List]),
                ("append", &[List]),
                ("append", &[List, List, List]),
                ("list-set", &[List, Int, Any]),
                ("slice", &[List, Int, Int]),
            ],
            Any => &[
                ("cadr", &[List]),
                ("caddr", &[List]),
                ("list-ref", &[List, Int]),
                ("just", &[Any]),
                ("unjust", &[Any]),
                ("raise", &[Any]),
                ("map-of", &[Int, Any, Int, Any]),
                ("equal?", &[Any, Int]),
            ],
            Want::Closure(params) => return self.lambda(inside, scope, params, depth),
        };
        let (name, wants) = rows[self.choose(rows.len() as u32) as usize];
        let args = wants
            .iter()
            .map(|want| self.expr(inside, scope, *want, depth))
            .collect();
        form(name, args)
    }

    fn effect(&mut self, inside: &mut Inside, scope: &Scope, depth: u32) -> Expr {
        let any =
            |writer: &mut Self, inside: &mut Inside| writer.expr(inside, scope, Want::Any, depth);
        let a = any(self, inside);
        match self.choose(14) {
            0 => form("reply", vec![]),
            1 => form("reply", vec![a]),
            2 => form("reply*", vec![a, any(self, inside)]),
            3 => form("ask", vec![a, any(self, inside)]),
            4 | 5 => form("call", vec![a, any(self, inside)]),
            6 => form("send!", vec![a, any(self, inside)]),
            7 => form("self", vec![]),
            8 => form("begin-tx", vec![a]),
            9 => form_keys("begin-tx", vec![], &[("at", a)]),
            10 => form_keys("new", vec![sym("b")], &[("controller", a)]),
            11 => form("pure-call", vec![a, any(self, inside), any(self, inside)]),
            12 => {
                let b = any(self, inside);
                form_keys("update-pure!", vec![a, b], &[("expect", any(self, inside))])
            }
            _ => match self.choose(6) {
                0 => form("reject", vec![a]),
                1 => form_keys("receive", vec![], &[("timeout", a)]),
                _ => form("put-state!", vec![a]),
            },
        }
    }

    fn repeat(&mut self, inside: &mut Inside, scope: &Scope, want: Want, depth: u32) -> Expr {
        let label = inside.label;
        inside.label += 1;
        // The first variable counts down, so that most loops end.
        let count = 1 + self.many(2);
        let wants: Vec<Want> = (0..count)
            .map(|at| if at == 0 { Want::Int } else { self.any_want() })
            .collect();
        let firsts: Vec<Expr> = wants
            .iter()
            .enumerate()
            .map(|(at, want)| match at {
                0 => int(i64::from(self.choose(4))),
                _ => self.expr(inside, scope, *want, depth.saturating_sub(1)),
            })
            .collect();
        let mut scope = scope.clone();
        let ids: Vec<VariableId> = wants
            .iter()
            .map(|want| self.declare(inside, &mut scope, *want))
            .collect();
        let end = self.expr(inside, &scope, want, depth.saturating_sub(1));
        scope.around.push(Around::Loop(label, wants.clone()));
        let mut values = vec![form("-", vec![var(ids[0]), int(1)])];
        for want in &wants[1..] {
            values.push(self.expr(inside, &scope, *want, depth.saturating_sub(1)));
        }
        if self.choose(2) == 0 {
            values.swap(0, wants.len() - 1);
            if wants.len() > 1 {
                // Variables exchanged are what is hard about setting all at once.
                values[0] = form("-", vec![var(ids[0]), int(1)]);
                let last = values.len() - 1;
                values[last] = form("list", vec![var(ids[0]), var(ids[last])]);
            }
        }
        let more = match self.choose(3) {
            0 => seq(vec![
                self.statement(inside, &scope, depth.saturating_sub(1)),
                again(label, values),
            ]),
            _ => again(label, values),
        };
        let body = test(form("<=", vec![var(ids[0]), int(0)]), end, more);
        repeat(label, ids.into_iter().zip(firsts).collect(), body)
    }

    fn jump(&mut self, inside: &mut Inside, scope: &Scope, depth: u32) -> Expr {
        match scope.around.len() as u32 {
            0 => self.effect(inside, scope, depth),
            n => match scope.around[self.choose(n) as usize].clone() {
                Around::Block(label, want) => leave(label, self.expr(inside, scope, want, depth)),
                Around::Loop(label, wants) => {
                    let values = wants
                        .iter()
                        .map(|want| self.expr(inside, scope, *want, depth));
                    let values = values.collect();
                    again(label, values)
                }
            },
        }
    }

    fn call(&mut self, inside: &mut Inside, scope: &Scope, depth: u32) -> Expr {
        let callable = SIGNATURES.len() - inside.calls_from.min(SIGNATURES.len());
        if callable == 0 {
            return self.effect(inside, scope, depth);
        }
        let f = inside.calls_from + self.choose(callable as u32) as usize;
        let (params, rest) = SIGNATURES[f];
        let count = if rest {
            params - 1 + self.many(3)
        } else {
            params
        };
        let args = (0..count)
            .map(|at| {
                let want = [Want::Int, Want::List, Want::Any][at as usize % 3];
                self.expr(inside, scope, want, depth)
            })
            .collect();
        call(f as u32, args)
    }

    /// A function of its own that captures some of what is visible.
    fn lambda(&mut self, inside: &mut Inside, scope: &Scope, params: u32, depth: u32) -> Expr {
        let captured: Vec<Variable> = scope
            .visible
            .iter()
            .filter(|v| !v.mutable)
            .filter(|_| self.choose(2) == 0)
            .cloned()
            .collect();
        let at = self.functions.len();
        self.functions.push(None);
        let mut own = Scope::default();
        for id in 0..params {
            own.visible.push(Variable {
                id,
                want: Want::Int,
                mutable: self.choose(4) == 0,
            });
        }
        for (index, variable) in captured.iter().enumerate() {
            let id = params + index as u32;
            own.visible.push(Variable {
                id,
                want: variable.want,
                mutable: false,
            });
        }
        let captures = captured.len() as u32;
        let mut within = Inside {
            function: at,
            next: params + captures,
            label: 0,
            calls_from: inside.calls_from,
        };
        let body = self.expr(&mut within, &own, Want::Any, depth.min(3));
        let name = format!("f{}/f{}", inside.function, within.function);
        self.functions[at] = Some(function(&name, params, captures, within.next, body));
        closure(at as u32, captured.iter().map(|v| var(v.id)).collect())
    }
}

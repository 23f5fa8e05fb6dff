//! Runs the core form of the toy dialect. Simple, slow, on the native stack.

use std::fmt;

use avm_lang::core::{Datum, EntryKind, Expr, FunctionId, Kind, Unit};

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Nothing,
    Just(Box<Value>),
    Bool(bool),
    Int(i128),
    Str(String),
    Sym(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Pair(Box<(Value, Value)>),
    Closure(FunctionId, Vec<Value>),
    Obj(usize),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Just(v) => write!(f, "(just {v})"),
            Self::Bool(b) => f.write_str(if *b { "#t" } else { "#f" }),
            Self::Int(n) => write!(f, "{n}"),
            Self::Str(s) => write!(f, "{s:?}"),
            Self::Sym(s) => f.write_str(s),
            Self::Bytes(b) => write!(f, "#x{b:?}"),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(ToString::to_string).collect();
                write!(f, "({})", items.join(" "))
            }
            Self::Pair(p) => write!(f, "({} . {})", p.0, p.1),
            Self::Closure(..) => f.write_str("#<function>"),
            Self::Obj(o) => write!(f, "#<object {o}>"),
        }
    }
}

/// Why an expression has no value.
enum Out {
    Break(u32, Value),
    Again(u32, Vec<Value>),
    Raise(Value),
    Reject,
}

type Result<T = Value> = std::result::Result<T, Out>;

#[derive(Clone)]
struct Object {
    behaviour: FunctionId,
    state: Vec<Value>,
}

struct Frame {
    me: Option<usize>,
    sender: Option<usize>,
    input: Value,
    replies: Vec<Value>,
}

struct Run<'u> {
    unit: &'u Unit,
    names: &'u [&'static str],
    objects: Vec<Object>,
    snapshot: Option<Vec<Object>>,
    frames: Vec<Frame>,
    log: Vec<Value>,
    failing: i128,
    writes: u32,
}

/// The value of a program, or `raised v` or `rejected`; and how often a state was written.
pub fn run(unit: &Unit, names: &[&'static str], program: &str, args: Vec<Value>) -> (String, u32) {
    let entry = unit
        .entries
        .iter()
        .find(|e| e.name == program)
        .expect("the program is there");
    let mut run = Run {
        unit,
        names,
        objects: vec![],
        snapshot: None,
        frames: vec![Frame {
            me: None,
            sender: None,
            input: Value::Nothing,
            replies: vec![],
        }],
        log: vec![],
        failing: 0,
        writes: 0,
    };
    let out = match run.call(entry.function, args, &[]) {
        Ok(v) => v.to_string(),
        Err(Out::Raise(v)) => format!("raised {v}"),
        Err(Out::Reject) => "rejected".into(),
        Err(Out::Break(l, _) | Out::Again(l, _)) => panic!("label {l} leaves its function"),
    };
    assert!(run.snapshot.is_none(), "a transaction is open at the end");
    (out, run.writes)
}

fn value(datum: &Datum) -> Value {
    match datum {
        Datum::Nothing => Value::Nothing,
        Datum::Just(d) => Value::Just(Box::new(value(d))),
        Datum::Bool(b) => Value::Bool(*b),
        Datum::Int(n) => Value::Int(n.parse().expect("small numbers")),
        Datum::Str(s) => Value::Str(s.clone()),
        Datum::Sym(s) => Value::Sym(s.clone()),
        Datum::Bytes(b) => Value::Bytes(b.clone()),
        Datum::List(items) => Value::List(items.iter().map(value).collect()),
        Datum::Pair(a, b) => Value::Pair(Box::new((value(a), value(b)))),
    }
}

fn mismatch<T>() -> Result<T> {
    Err(Out::Raise(Value::Sym("type/mismatch".into())))
}

fn int(v: &Value) -> Result<i128> {
    if let Value::Int(n) = v {
        Ok(*n)
    } else {
        mismatch()
    }
}

fn items(v: &Value) -> Result<&[Value]> {
    if let Value::List(items) = v {
        Ok(items)
    } else {
        mismatch()
    }
}

impl Run<'_> {
    fn call(&mut self, id: FunctionId, mut args: Vec<Value>, captured: &[Value]) -> Result {
        let function = &self.unit.functions[id as usize];
        let params = function.params as usize;
        if function.rest {
            if args.len() < params - 1 {
                return mismatch();
            }
            let rest = args.split_off(params - 1);
            args.push(Value::List(rest));
        }
        if args.len() != params {
            return mismatch();
        }
        assert_eq!(
            captured.len(),
            function.captures as usize,
            "{}",
            function.name
        );
        args.extend_from_slice(captured);
        args.resize(function.variables.len(), Value::Sym("unset".into()));
        self.eval(&function.body, &mut args)
    }

    fn all(&mut self, exprs: &[Expr], vars: &mut Vec<Value>) -> Result<Vec<Value>> {
        exprs.iter().map(|e| self.eval(e, vars)).collect()
    }

    fn eval(&mut self, e: &Expr, vars: &mut Vec<Value>) -> Result {
        Ok(match &e.kind {
            Kind::Const(d) => value(d),
            Kind::Local(i) => vars[*i as usize].clone(),
            Kind::Set(i, e) => {
                vars[*i as usize] = self.eval(e, vars)?;
                Value::Nothing
            }
            Kind::If(test, then, otherwise) => {
                let test = self.eval(test, vars)?;
                self.eval(
                    if test == Value::Bool(false) {
                        otherwise
                    } else {
                        then
                    },
                    vars,
                )?
            }
            Kind::Let(i, value, body) => {
                vars[*i as usize] = self.eval(value, vars)?;
                self.eval(body, vars)?
            }
            Kind::Seq(items) => self.all(items, vars)?.pop().expect("never empty"),
            Kind::Closure(f, captured) => Value::Closure(*f, self.all(captured, vars)?),
            Kind::Call(f, args) => {
                let args = self.all(args, vars)?;
                self.call(*f, args, &[])?
            }
            Kind::Apply(f, args) => {
                let f = self.eval(f, vars)?;
                let args = self.all(args, vars)?;
                let Value::Closure(f, captured) = f else {
                    return mismatch();
                };
                self.call(f, args, &captured)?
            }
            Kind::Form(f, args, keys) => {
                let args = self.all(args, vars)?;
                for key in keys.iter().flatten() {
                    self.eval(key, vars)?;
                }
                self.form(self.names[*f as usize], args)?
            }
            Kind::Block(label, body) => match self.eval(body, vars) {
                Err(Out::Break(l, v)) if l == *label => v,
                other => other?,
            },
            Kind::Break(label, e) => {
                let v = self.eval(e, vars)?;
                return Err(Out::Break(*label, v));
            }
            Kind::Loop(label, loop_vars, body) => {
                let mut values = loop_vars
                    .iter()
                    .map(|(_, e)| self.eval(e, vars))
                    .collect::<Result<Vec<_>>>()?;
                loop {
                    for ((i, _), v) in loop_vars.iter().zip(values) {
                        vars[*i as usize] = v;
                    }
                    match self.eval(body, vars) {
                        Err(Out::Again(l, again)) if l == *label => values = again,
                        other => break other?,
                    }
                }
            }
            Kind::Again(label, args) => {
                let args = self.all(args, vars)?;
                return Err(Out::Again(*label, args));
            }
            Kind::Guard {
                body,
                variable,
                handler,
            } => match self.eval(body, vars) {
                Err(Out::Raise(error)) => {
                    vars[*variable as usize] = error;
                    self.eval(handler, vars)?
                }
                other => other?,
            },
        })
    }

    fn object(&mut self, v: &Value) -> Result<usize> {
        if let Value::Obj(o) = v {
            Ok(*o)
        } else {
            mismatch()
        }
    }

    fn send(&mut self, args: &[Value]) -> Result {
        let o = self.object(&args[0])?;
        let before = self.objects.clone();
        let sender = self.frames.last().and_then(|f| f.me);
        self.frames.push(Frame {
            me: Some(o),
            sender,
            input: args[1].clone(),
            replies: vec![],
        });
        let out = self.call(self.objects[o].behaviour, vec![], &[]);
        let frame = self.frames.pop().expect("pushed above");
        match out {
            Ok(_) => Ok(match frame.replies.into_iter().next() {
                Some(v) => Value::Just(Box::new(v)),
                None => Value::Nothing,
            }),
            Err(Out::Reject) => {
                self.objects = before;
                Ok(Value::Nothing)
            }
            Err(out) => {
                self.objects = before;
                Err(out)
            }
        }
    }

    fn form(&mut self, name: &str, mut args: Vec<Value>) -> Result {
        let frame = self.frames.last_mut().expect("there is one");
        let me = frame.me;
        Ok(match (name, args.as_slice()) {
            ("list", _) => Value::List(args),
            ("cons", [a, Value::List(l)]) => {
                Value::List([core::slice::from_ref(a), l.as_slice()].concat())
            }
            ("cons" | "pair", [a, b]) => Value::Pair(Box::new((a.clone(), b.clone()))),
            ("append", lists) => {
                let lists: Result<Vec<_>> = lists.iter().map(items).collect();
                Value::List(lists?.concat())
            }
            ("car", [Value::Pair(p)]) => p.0.clone(),
            ("cdr", [Value::Pair(p)]) => p.1.clone(),
            ("car", [Value::List(l)]) if !l.is_empty() => l[0].clone(),
            ("cdr", [Value::List(l)]) if !l.is_empty() => Value::List(l[1..].to_vec()),
            ("list?", [v]) => Value::Bool(matches!(v, Value::List(_))),
            ("pair?", [v]) => Value::Bool(matches!(v, Value::Pair(_))),
            ("int?", [v]) => Value::Bool(matches!(v, Value::Int(_))),
            ("length", [l]) => Value::Int(items(l)?.len() as i128),
            ("list-ref", [l, i]) => {
                let i = int(i)?;
                let found = items(l)?.get(i as usize);
                return found.cloned().map_or_else(mismatch, Ok);
            }
            ("equal?", [a, b]) => Value::Bool(a == b),
            ("just", [v]) => Value::Just(Box::new(v.clone())),
            ("just?", [v]) => Value::Bool(matches!(v, Value::Just(_))),
            ("unjust", [Value::Just(v)]) => (**v).clone(),
            ("+", [a, b]) => Value::Int(int(a)? + int(b)?),
            ("-", [a, b]) => Value::Int(int(a)? - int(b)?),
            ("*", [a, b]) => Value::Int(int(a)? * int(b)?),
            ("=", [a, b]) => Value::Bool(int(a)? == int(b)?),
            ("<", [a, b]) => Value::Bool(int(a)? < int(b)?),
            ("<=", [a, b]) => Value::Bool(int(a)? <= int(b)?),
            (">", [a, b]) => Value::Bool(int(a)? > int(b)?),
            (">=", [a, b]) => Value::Bool(int(a)? >= int(b)?),
            ("raise", _) => return Err(Out::Raise(args.remove(0))),
            ("reject", _) => return Err(Out::Reject),
            ("ctl" | "mach", [v]) => v.clone(),
            ("reply", _) => {
                frame.replies.push(args.remove(0));
                Value::Nothing
            }
            ("input", []) => frame.input.clone(),
            ("sender", []) => frame
                .sender
                .map_or(Value::Nothing, |o| Value::Just(Box::new(Value::Obj(o)))),
            ("self", []) => Value::Obj(me.expect("in an object")),
            ("get-state", []) => Value::List(me.map_or(vec![], |o| self.objects[o].state.clone())),
            ("put-state!", [l]) => {
                self.objects[me.expect("in an object")].state = items(l)?.to_vec();
                self.writes += 1;
                Value::Nothing
            }
            ("new", [Value::Sym(name)]) => {
                let kind = EntryKind::Behaviour;
                let entry = self
                    .unit
                    .entries
                    .iter()
                    .find(|e| e.kind == kind && e.name == *name);
                let behaviour = entry.expect("the behaviour is there").function;
                self.objects.push(Object {
                    behaviour,
                    state: vec![],
                });
                Value::Obj(self.objects.len() - 1)
            }
            ("call", [_, _]) => self.send(&args)?,
            ("log!", _) => {
                self.log.push(args.remove(0));
                Value::Nothing
            }
            ("logged", []) => Value::List(self.log.clone()),
            ("fail-commits!", [n]) => {
                self.failing = int(n)?;
                Value::Nothing
            }
            ("begin-tx", _) => {
                assert!(self.snapshot.is_none(), "nested");
                self.snapshot = Some(self.objects.clone());
                Value::Nothing
            }
            ("commit-tx", _) => {
                let before = self.snapshot.take().expect("a transaction is open");
                let fails = self.failing > 0;
                if fails {
                    self.failing -= 1;
                    self.objects = before;
                }
                Value::Bool(!fails)
            }
            ("abort-tx", _) => {
                self.objects = self.snapshot.take().expect("a transaction is open");
                Value::Nothing
            }
            _ => return mismatch(),
        })
    }
}

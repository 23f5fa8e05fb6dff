//! The meaning of core forms, written down once more: a tree walk over the same values and the
//! same log as the small machine, which knows nothing of registers and jumps.

use avm_anoma::code::op;
use avm_anoma::compile::dialect;
use avm_anoma::value::{Val, int};
use avm_lang::core::{Datum, Expr, Kind, Label, Unit};

use crate::machine::{End, Outcome, compute, effect, error, is_type, next_state, raised};

/// Why an expression has no value.
enum Stop {
    Break(Label, Val),
    Again(Label, Vec<Val>),
    Error(Val),
    Reject(Val),
    Fuel,
}

type Done = Result<Val, Stop>;

struct Walk<'u> {
    unit: &'u Unit,
    names: Vec<&'static str>,
    log: Vec<(String, Vec<Val>)>,
    fuel: u32,
    depth: u32,
    state: Val,
}

/// Evaluates function `start`; the value of a behaviour is its end.
pub fn run(unit: &Unit, start: usize, args: &[Val], fuel: u32) -> Outcome {
    let names = dialect().forms.iter().map(|form| form.name).collect();
    let mut walk = Walk {
        unit,
        names,
        log: Vec::new(),
        fuel,
        depth: 0,
        state: Val::list([]).unwrap(),
    };
    let end = match walk.enter(start, args.to_vec(), &[]) {
        Ok(value) => End::Value(value),
        Err(Stop::Error(raised)) => End::Error(raised),
        Err(Stop::Reject(reason)) => End::Reject(reason),
        Err(Stop::Fuel) => End::Fuel,
        Err(Stop::Break(..) | Stop::Again(..)) => panic!("a label that is not around"),
    };
    Outcome { end, log: walk.log }
}

fn datum(datum: &Datum) -> Val {
    match datum {
        Datum::Nothing => Val::Nothing,
        Datum::Just(of) => Val::just(self::datum(of)).unwrap(),
        Datum::Bool(is) => Val::Bool(*is),
        Datum::Int(digits) => int::parse(digits).unwrap(),
        Datum::Str(text) => Val::str(text),
        Datum::Sym(text) => Val::sym(text),
        Datum::Bytes(bytes) => Val::bytes(bytes.as_slice()),
        Datum::List(items) => Val::list(items.iter().map(self::datum)).unwrap(),
        Datum::Pair(a, b) => Val::pair(self::datum(a), self::datum(b)).unwrap(),
    }
}

impl Walk<'_> {
    fn enter(&mut self, function: usize, mut args: Vec<Val>, captured: &[Val]) -> Done {
        let of = &self.unit.functions[function];
        let fixed = of.params as usize - usize::from(of.rest);
        if args.len() < fixed || (args.len() > fixed && !of.rest) {
            return Err(Stop::Error(error("type/mismatch")));
        }
        if of.rest {
            let rest = args.split_off(fixed);
            args.push(Val::list(rest).map_err(|_| Stop::Error(error("quota/exceeded")))?);
        }
        let mut variables: Vec<Val> = args;
        variables.extend_from_slice(captured);
        variables.resize(of.variables.len().max(variables.len()), Val::Nothing);
        self.depth += 1;
        if self.depth > 60 {
            return Err(Stop::Fuel);
        }
        let value = self.expr(&of.body, &mut variables);
        self.depth -= 1;
        value
    }

    fn all(&mut self, items: &[Expr], variables: &mut Vec<Val>) -> Result<Vec<Val>, Stop> {
        items
            .iter()
            .map(|item| self.expr(item, variables))
            .collect()
    }

    fn expr(&mut self, expr: &Expr, variables: &mut Vec<Val>) -> Done {
        self.fuel = self.fuel.checked_sub(1).ok_or(Stop::Fuel)?;
        match &expr.kind {
            Kind::Const(of) => Ok(datum(of)),
            Kind::Local(v) => Ok(variables[*v as usize].clone()),
            Kind::Set(v, value) => {
                variables[*v as usize] = self.expr(value, variables)?;
                Ok(Val::Nothing)
            }
            Kind::If(condition, then, other) => match self.expr(condition, variables)?.is_false() {
                false => self.expr(then, variables),
                true => self.expr(other, variables),
            },
            Kind::Let(v, first, body) => {
                variables[*v as usize] = self.expr(first, variables)?;
                self.expr(body, variables)
            }
            Kind::Seq(items) => Ok(self.all(items, variables)?.pop().unwrap()),
            Kind::Closure(f, captured) => {
                let captured = self.all(captured, variables)?;
                Val::closure(0, *f, captured).map_err(|_| Stop::Error(error("quota/exceeded")))
            }
            Kind::Call(f, args) => {
                let args = self.all(args, variables)?;
                self.enter(*f as usize, args, &[])
            }
            Kind::Apply(callee, args) => {
                let callee = self.expr(callee, variables)?;
                let args = self.all(args, variables)?;
                let Some(closure) = callee.as_closure() else {
                    return Err(Stop::Error(error("type/mismatch")));
                };
                self.enter(closure.function as usize, args, &closure.captured)
            }
            Kind::Block(label, body) => match self.expr(body, variables) {
                Err(Stop::Break(to, value)) if to == *label => Ok(value),
                other => other,
            },
            Kind::Break(label, value) => Err(Stop::Break(*label, self.expr(value, variables)?)),
            Kind::Loop(label, firsts, body) => {
                for (v, first) in firsts {
                    variables[*v as usize] = self.expr(first, variables)?;
                }
                loop {
                    match self.expr(body, variables) {
                        Err(Stop::Again(to, values)) if to == *label => {
                            for ((v, _), value) in firsts.iter().zip(values) {
                                variables[*v as usize] = value;
                            }
                        }
                        other => return other,
                    }
                }
            }
            Kind::Again(label, values) => Err(Stop::Again(*label, self.all(values, variables)?)),
            Kind::Guard {
                body,
                variable,
                handler,
            } => {
                let depth = self.depth;
                match self.expr(body, variables) {
                    Err(Stop::Error(raised)) => {
                        self.depth = depth;
                        variables[*variable as usize] = raised;
                        self.expr(handler, variables)
                    }
                    other => other,
                }
            }
            Kind::Form(id, args, keys) => {
                self.form(self.names[*id as usize], args, keys, variables)
            }
        }
    }

    fn form(
        &mut self,
        name: &str,
        args: &[Expr],
        keys: &[Option<Expr>],
        variables: &mut Vec<Val>,
    ) -> Done {
        let args = self.all(args, variables)?;
        let mut given = Vec::new();
        for key in keys {
            given.push(match key {
                Some(key) => Some(self.expr(key, variables)?),
                None => None,
            });
        }
        let fail = Stop::Error;
        let fold = |code: u8, zero: Val| {
            let all = args.iter().cloned();
            // One operand is checked like several.
            let mut sum = match args.len() {
                1 => compute(code, &[args[0].clone(), zero])?,
                _ => args.first().cloned().unwrap_or(zero),
            };
            for next in all.skip(1) {
                sum = compute(code, &[sum, next])?;
            }
            Ok(sum)
        };
        let chain = |code: u8, swap: bool| {
            for pair in args.windows(2) {
                let (a, b) = if swap {
                    (&pair[1], &pair[0])
                } else {
                    (&pair[0], &pair[1])
                };
                if compute(code, &[a.clone(), b.clone()])?.is_false() {
                    return Ok(Val::Bool(false));
                }
            }
            Ok(Val::Bool(true))
        };
        let kind = |tag| Ok(Val::Bool(is_type(&args[0], tag)));
        let path = |codes: &[u8]| {
            codes
                .iter()
                .try_fold(args[0].clone(), |value, code| compute(*code, &[value]))
        };
        let maybe = |value: Option<Val>| match value {
            Some(value) => compute(op::JUST, &[value]).map_err(Stop::Error),
            None => Ok(Val::Nothing),
        };
        let value = match name {
            "+" => fold(op::ADD, Val::Int(0)),
            "*" => fold(op::MUL, Val::Int(1)),
            "-" if args.len() == 1 => compute(op::NEG, &args),
            "-" => fold(op::SUB, Val::Int(0)),
            "append" => fold(op::APPEND, Val::list([]).unwrap()),
            "min" => fold(op::MIN, args[0].clone()),
            "quotient" => compute(op::DIV, &args),
            "=" | "equal?" => chain(op::EQ, false),
            "<" => chain(op::LT, false),
            "<=" => chain(op::LE, false),
            ">" => chain(op::LT, true),
            ">=" => chain(op::LE, true),
            "not" => compute(op::NOT, &args),
            "cons" => compute(op::CONS, &args),
            "car" => compute(op::CAR, &args),
            "cdr" => compute(op::CDR, &args),
            "cadr" => path(&[op::CDR, op::CAR]),
            "caddr" => path(&[op::CDR, op::CDR, op::CAR]),
            "list" => compute(op::LIST, &args),
            "reverse" => compute(op::REV, &args),
            "length" => compute(op::LEN, &args),
            "list-ref" => compute(op::REF, &args),
            "list-set" => compute(op::SET, &args),
            "slice" => compute(op::SLICE, &args),
            "just" => compute(op::JUST, &args),
            "unjust" => compute(op::UNJUST, &args),
            "map-get" => compute(op::MAPGET, &args),
            "map-of" => args.chunks(2).try_fold(Val::map([]).unwrap(), |map, pair| {
                compute(op::MAPPUT, &[map, pair[0].clone(), pair[1].clone()])
            }),
            "nothing?" => kind(0),
            "just?" => kind(1),
            "int?" => kind(4),
            "list?" => kind(9),
            "null?" => Ok(Val::Bool(
                args[0].as_list().is_some_and(|list| list.is_empty()),
            )),
            "zero?" => Ok(Val::Bool(args[0].as_int() == Some(0))),
            "raise" => Err(raised(&args[0])),
            "reject" => {
                return Err(Stop::Reject(args.first().cloned().unwrap_or_default()));
            }
            "reply" | "reply*" => {
                let outputs = if args.is_empty() {
                    vec![Val::Nothing]
                } else {
                    args
                };
                for output in outputs {
                    self.act("reply", vec![output]);
                }
                Ok(Val::Nothing)
            }
            "ask" => match self.act("call", args.clone()) {
                Val::Nothing => {
                    let texts = [Val::str("error"), Val::str("obj/rejected")];
                    Err(Val::list(texts.into_iter().chain(args))
                        .unwrap_or_else(|_| error("quota/exceeded")))
                }
                answer => compute(op::UNJUST, &[answer]),
            },
            "call" => Ok(self.act("call", args)),
            "send!" => Ok(self.act("send", args)),
            "destroy!" => Ok(self.act("destroy", args)),
            "self" => Ok(self.act("self", args)),
            "get-state" => Ok(self.state.clone()),
            "put-state!" => Ok(self.act("setstate", args)),
            "begin-tx" => {
                let operands = vec![maybe(args.first().cloned())?, maybe(given.remove(0))?];
                Ok(self.act("begintx", operands))
            }
            "receive" => {
                let operands = vec![maybe(given.remove(0))?];
                Ok(self.act("receive", operands))
            }
            "new" => {
                let operands = vec![args[0].clone(), maybe(given.remove(0))?];
                Ok(self.act("create", operands))
            }
            "pure-call" => {
                let operands = vec![
                    args[0].clone(),
                    compute(op::LIST, &args[1..]).map_err(fail)?,
                ];
                Ok(self.act("callpure", operands))
            }
            "update-pure!" => {
                let operands = vec![args[0].clone(), args[1].clone(), maybe(given.remove(0))?];
                Ok(self.act("updpure", operands))
            }
            other => panic!("the walk does not have form {other}"),
        };
        value.map_err(fail)
    }

    fn act(&mut self, name: &str, args: Vec<Val>) -> Val {
        let value = effect(self.log.len(), &args);
        next_state(&mut self.state, name, &args, self.log.len());
        self.log.push((name.to_string(), args));
        value
    }
}

//! A small machine for the opcodes that stay inside of one activation. Effects do nothing but
//! leave a line in a log and give a value that depends on how many came before, so two ways to run
//! a program can be compared by value and log.

use avm_anoma::code::table::{Form, row_of};
use avm_anoma::code::{Module, op, word};
use avm_anoma::value::{Val, ValueError, int};

/// What a program did.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub end: End,
    pub log: Vec<(String, Vec<Val>)>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Value(Val),
    Error(Val),
    Reject(Val),
    /// The activation is over.
    Over,
    /// It took too long.
    Fuel,
}

/// Errors are values, as programs see them.
pub fn error(code: &str) -> Val {
    Val::list([Val::str("error"), Val::str(code)]).unwrap()
}

fn limit(made: Result<Val, ValueError>) -> Result<Val, Val> {
    made.map_err(|_| error("quota/exceeded"))
}

fn number(made: Result<Val, int::ArithError>) -> Result<Val, Val> {
    made.map_err(|e| match e {
        int::ArithError::Overflow => error("arith/overflow"),
        int::ArithError::DivZero => error("arith/div-zero"),
        _ => error("type/mismatch"),
    })
}

/// What an opcode computes from its operands.
pub fn compute(code: u8, args: &[Val]) -> Result<Val, Val> {
    let mismatch = || error("type/mismatch");
    let a = args.first().cloned().unwrap_or_default();
    let b = args.get(1).cloned().unwrap_or_default();
    let index = |v: &Val| {
        v.as_int()
            .and_then(|n| u32::try_from(n).ok())
            .ok_or_else(mismatch)
    };
    Ok(match code {
        op::ADD => number(int::add(&a, &b))?,
        op::SUB => number(int::sub(&a, &b))?,
        op::MUL => number(int::mul(&a, &b))?,
        op::DIV => number(int::quotient(&a, &b))?,
        op::MOD => number(int::modulo(&a, &b))?,
        op::NEG => number(int::neg(&a))?,
        op::MIN => number(int::min(&a, &b))?,
        op::MAX => number(int::max(&a, &b))?,
        op::LT => Val::Bool(int::cmp(&a, &b).map_err(|_| mismatch())?.is_lt()),
        op::LE => Val::Bool(int::cmp(&a, &b).map_err(|_| mismatch())?.is_le()),
        // A closure is not what is none; two of them cannot be compared.
        op::EQ if !a.is_passable() && !b.is_passable() => return Err(error("val/not-passable")),
        op::EQ => Val::Bool(a == b),
        op::NOT => Val::Bool(a.is_false()),
        op::CONS => match b.as_list() {
            Some(list) => limit(list.cons(a).map(Val::List))?,
            None => limit(Val::pair(a, b))?,
        },
        op::CAR => match (a.as_list(), a.as_pair()) {
            (Some(list), _) => list.head().cloned().ok_or_else(mismatch)?,
            (_, Some((first, _))) => first.clone(),
            _ => return Err(mismatch()),
        },
        op::CDR => match (a.as_list(), a.as_pair()) {
            (Some(list), _) if !list.is_empty() => Val::List(list.tail().unwrap()),
            (_, Some((_, second))) => second.clone(),
            _ => return Err(mismatch()),
        },
        op::LIST => limit(Val::list_of(args))?,
        op::LEN => match (a.as_list(), a.as_map(), a.as_str()) {
            (Some(list), ..) => Val::Int(list.len().into()),
            (_, Some(map), _) => Val::Int(map.len().into()),
            (.., Some(text)) => Val::Int(text.chars().count() as i64),
            _ => return Err(mismatch()),
        },
        op::REF => {
            let list = a.as_list().ok_or_else(mismatch)?;
            list.get(index(&b)?).unwrap().ok_or_else(mismatch)?
        }
        op::SET => {
            let list = a.as_list().ok_or_else(mismatch)?;
            let made = list.set(index(&b)?, args[2].clone());
            made.map_err(|_| error("quota/exceeded"))?
                .map(Val::List)
                .ok_or_else(mismatch)?
        }
        op::SLICE => {
            let list = a.as_list().ok_or_else(mismatch)?;
            let (from, to) = (index(&b)?, index(&args[2])?);
            if from > to || to > list.len() {
                return Err(mismatch());
            }
            limit(list.slice(from, to).map(Val::List))?
        }
        op::APPEND => match (a.as_list(), b.as_list()) {
            (Some(a), Some(b)) => limit(a.concat(b).map(Val::List))?,
            _ => return Err(mismatch()),
        },
        op::REV => limit(a.as_list().ok_or_else(mismatch)?.reverse().map(Val::List))?,
        op::JUST => limit(Val::just(a))?,
        op::UNJUST => a.as_just().cloned().ok_or_else(mismatch)?,
        op::MAPPUT => {
            let map = a.as_map().ok_or_else(mismatch)?;
            let made = map
                .put(b, args[2].clone())
                .map_err(|_| error("val/not-passable"))?;
            Val::Map(made.into())
        }
        op::MAPGET => {
            let map = a.as_map().ok_or_else(mismatch)?;
            match map.get(&b).unwrap() {
                Some(found) => limit(Val::just(found.clone()))?,
                None => Val::Nothing,
            }
        }
        other => panic!("the small machine does not have opcode {other:02x}"),
    })
}

/// What an effect gives, after `before` others.
pub fn effect(before: usize, args: &[Val]) -> Val {
    match (before % 3, args.last()) {
        (0, _) => Val::Nothing,
        (1, Some(last)) => Val::just(last.clone()).unwrap_or_default(),
        _ => Val::just(Val::Int(before as i64)).unwrap(),
    }
}

/// The state after an effect: the one that is put, another one after a call.
pub fn next_state(state: &mut Val, name: &str, args: &[Val], before: usize) {
    match name {
        "setstate" if args[0].as_list().is_some() => *state = args[0].clone(),
        "call" if before.is_multiple_of(2) => {
            *state = Val::list([Val::Int(before as i64)]).unwrap()
        }
        _ => {}
    }
}

/// Whether an opcode is an effect.
pub fn is_effect(code: u8) -> bool {
    code >= op::CREATE
}

struct Frame {
    function: usize,
    pc: usize,
    registers: Vec<Option<Val>>,
    captured: Vec<Val>,
    handlers: Vec<(usize, u8)>,
    /// Register of the caller that takes the result, and the first one that is undefined then.
    result: (u8, usize),
}

/// Runs function `start` of a module.
pub fn run(module: &Module, start: usize, args: &[Val], mut fuel: u32) -> Outcome {
    let mut log: Vec<(String, Vec<Val>)> = Vec::new();
    let mut frames = vec![enter(module, start, args.to_vec(), Vec::new(), (0, 0))];
    let mut state = Val::list([]).unwrap();
    let end = loop {
        fuel -= 1;
        if fuel == 0 || frames.len() > 2_000 {
            break End::Fuel;
        }
        match step(module, &mut frames, &mut log, &mut state) {
            Ok(None) => {}
            Ok(Some(end)) => break end,
            Err(raised) => {
                while frames.last().is_some_and(|frame| frame.handlers.is_empty()) {
                    frames.pop();
                }
                let Some(frame) = frames.last_mut() else {
                    break End::Error(raised);
                };
                let (at, r) = frame.handlers.pop().unwrap();
                frame.pc = at;
                // What the verifier says is undefined at a handler.
                frame.registers[usize::from(r)..].fill(None);
                frame.registers[usize::from(r)] = Some(raised);
            }
        }
    };
    Outcome { end, log }
}

fn enter(
    module: &Module,
    function: usize,
    args: Vec<Val>,
    captured: Vec<Val>,
    result: (u8, usize),
) -> Frame {
    let of = &module.functions[function];
    assert_eq!(args.len(), usize::from(of.arity));
    assert_eq!(captured.len(), usize::from(of.captures));
    let mut registers: Vec<Option<Val>> = args.into_iter().map(Some).collect();
    registers.resize(usize::from(of.registers), None);
    Frame {
        function,
        pc: 0,
        registers,
        captured,
        handlers: Vec::new(),
        result,
    }
}

/// The arguments that a closure's function gets.
fn arguments(module: &Module, function: usize, mut args: Vec<Val>) -> Result<Vec<Val>, Val> {
    let of = &module.functions[function];
    let fixed = usize::from(of.arity) - usize::from(of.rest);
    if args.len() < fixed || (args.len() > fixed && !of.rest) {
        return Err(error("type/mismatch"));
    }
    if of.rest {
        let rest = args.split_off(fixed);
        args.push(limit(Val::list(rest))?);
    }
    Ok(args)
}

fn step(
    module: &Module,
    frames: &mut Vec<Frame>,
    log: &mut Vec<(String, Vec<Val>)>,
    state: &mut Val,
) -> Result<Option<End>, Val> {
    let frame = frames.last_mut().unwrap();
    let code = &module.functions[frame.function].words;
    let w = code[frame.pc];
    frame.pc += 1;
    let (a, b, c) = (word::a(w), word::b(w), word::c(w));
    let bx = usize::from(word::bx(w));
    let far = |pc: usize| (pc as i64 + i64::from(word::sbx(w))) as usize;
    let take = |frame: &Frame, from: u8, len: usize| -> Vec<Val> {
        let from = usize::from(from);
        let found = frame.registers[from..from + len].iter();
        found
            .map(|r| r.clone().expect("an undefined register is read"))
            .collect()
    };
    let get = |frame: &Frame, r: u8| take(frame, r, 1).remove(0);
    let row = row_of(word::op(w)).unwrap();
    if row.info.code == op::GETSTATE {
        frame.registers[usize::from(a)] = Some(state.clone());
        return Ok(None);
    }
    if is_effect(row.info.code) || row.info.code == op::REPLY {
        let args = match row.form {
            Form::Dest => Vec::new(),
            Form::Use => take(frame, a, 1),
            Form::From1 => take(frame, b, 1),
            Form::From2 => take(frame, b, 2),
            Form::From3 => take(frame, b, 3),
            other => panic!("an effect of form {other:?}"),
        };
        let value = effect(log.len(), &args);
        next_state(state, row.info.name, &args, log.len());
        log.push((row.info.name.to_string(), args));
        if row.info.code != op::REPLY {
            frame.registers[usize::from(a)] = Some(value);
        }
        return Ok(None);
    }
    let value = match row.info.code {
        op::NOP => return Ok(None),
        op::MOV => get(frame, b),
        op::LOADK => module.constants[bx].clone(),
        op::LOADI => Val::Int(word::sbx(w).into()),
        op::LOADNIL => Val::Nothing,
        op::LOADT => Val::Bool(true),
        op::LOADF => Val::Bool(false),
        op::JMP => {
            frame.pc = far(frame.pc);
            return Ok(None);
        }
        op::JT | op::JF | op::JNOTHING => {
            let value = get(frame, a);
            if match row.info.code {
                op::JT => !value.is_false(),
                op::JF => value.is_false(),
                _ => value.is_nothing(),
            } {
                frame.pc = far(frame.pc);
            }
            return Ok(None);
        }
        op::JEQK => {
            if get(frame, a) == module.constants[usize::from(b)] {
                frame.pc += usize::from(c);
            }
            return Ok(None);
        }
        op::CALLF => {
            let args = take(frame, a, module.functions[bx].arity.into());
            frames.push(enter(module, bx, args, Vec::new(), (a, usize::from(a))));
            return Ok(None);
        }
        op::TAILF => {
            let args = take(frame, a, module.functions[bx].arity.into());
            assert!(frame.handlers.is_empty());
            *frame = enter(module, bx, args, Vec::new(), frame.result);
            return Ok(None);
        }
        op::CALLC | op::TAILC => {
            let mut args = take(frame, b, usize::from(c) + 1);
            let closure = args.remove(0);
            let closure = closure.as_closure().ok_or_else(|| error("type/mismatch"))?;
            let function = closure.function as usize;
            let args = arguments(module, function, args)?;
            let captured = closure.captured.to_vec();
            if row.info.code == op::TAILC {
                assert!(frame.handlers.is_empty());
                *frame = enter(module, function, args, captured, frame.result);
            } else {
                frames.push(enter(
                    module,
                    function,
                    args,
                    captured,
                    (a, usize::from(b) + 1),
                ));
            }
            return Ok(None);
        }
        op::CLOSURE => {
            let captured = take(frame, a, module.functions[bx].captures.into());
            limit(Val::closure(0, bx as u32, captured))?
        }
        op::CAPT => frame.captured[usize::from(b)].clone(),
        op::GUARD => {
            frame.handlers.push((far(frame.pc), a));
            return Ok(None);
        }
        op::UNGUARD => {
            frame.handlers.pop().expect("there is a handler");
            return Ok(None);
        }
        op::RAISE => return Err(raised(&get(frame, a))),
        op::REJECT => return Ok(Some(End::Reject(get(frame, a)))),
        op::END => return Ok(Some(End::Over)),
        op::RET => {
            let value = get(frame, a);
            assert!(frame.handlers.is_empty());
            let (to, undefined) = frame.result;
            frames.pop();
            let Some(caller) = frames.last_mut() else {
                return Ok(Some(End::Value(value)));
            };
            caller.registers[undefined..].fill(None);
            caller.registers[usize::from(to)] = Some(value);
            return Ok(None);
        }
        op::ADDI => compute(op::ADD, &[get(frame, b), Val::Int((c as i8).into())])?,
        op::FIELD => compute(op::REF, &[get(frame, b), Val::Int(c.into())])?,
        op::ISTYPE => Val::Bool(is_type(&get(frame, b), c)),
        code => {
            let args = match row.form {
                Form::From1 => take(frame, b, 1),
                Form::From2 => take(frame, b, 2),
                Form::From3 => take(frame, b, 3),
                Form::Two => vec![get(frame, b), get(frame, c)],
                Form::Range => take(frame, b, c.into()),
                other => panic!("form {other:?}"),
            };
            compute(code, &args)?
        }
    };
    frame.registers[usize::from(a)] = Some(value);
    Ok(None)
}

/// Whether a value is of the kind with that tag.
pub fn is_type(value: &Val, tag: u8) -> bool {
    match value {
        Val::Nothing => tag == 0,
        Val::Just(_) => tag == 1,
        Val::Bool(_) => tag == 2,
        Val::Int(_) | Val::Big(_) => tag == 4,
        Val::Str(_) | Val::LongStr(_) => tag == 5,
        Val::Sym(_) | Val::LongSym(_) => tag == 6,
        Val::Pair(_) => tag == 8,
        Val::List(_) => tag == 9,
        Val::Map(_) => tag == 10,
        Val::Closure(_) => tag == 0x20,
        _ => false,
    }
}

/// The error that a value raises.
pub fn raised(value: &Val) -> Val {
    let is_error = value
        .as_list()
        .and_then(|list| list.head())
        .and_then(Val::as_str)
        == Some("error");
    match is_error {
        true => value.clone(),
        false => Val::list([Val::str("error"), Val::str("user/raise"), value.clone()]).unwrap(),
    }
}

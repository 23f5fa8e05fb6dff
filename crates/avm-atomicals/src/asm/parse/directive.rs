//! The words with a dot: constants, includes, repeats, methods.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Assembler, At, Frame, FrameKind, Part, Problem, explicit, short};
use crate::asm::abi::{CTOR, Method, Type};
use crate::asm::error::{AsmErrorKind, clipped};
use crate::asm::lexer::{Kind, Token, unquote};
use crate::asm::nearest::nearest;
use crate::asm::{MAX_DEPTH, MAX_FILES, Rules};
use crate::script::ops;

const DIRECTIVES: [&str; 6] = ["const", "include", "method", "raw", "repeat", "rules"];

impl Assembler<'_> {
    /// Reads a directive behind its name.
    pub(super) fn directive(&mut self, at: At, token: Token) -> Result<(), Problem> {
        let name = self.text(at, token)[1..].to_string();
        let block = self.frames.iter().find_map(|frame| match frame.kind {
            FrameKind::File => None,
            FrameKind::Method => Some("`.method`"),
            FrameKind::Repeat { .. } => Some("`.repeat`"),
        });
        if let ("const" | "method" | "rules", Some(inside)) = (name.as_str(), block) {
            return self.problem(at, AsmErrorKind::Inside { name, inside });
        }
        match name.as_str() {
            "const" => self.define(at),
            "include" => self.include(at),
            "method" => self.method(at),
            "raw" => {
                let (at, token) = self.want(at, "bytes such as `0x0102`")?;
                if !matches!(token.kind, Kind::Hex | Kind::Bad) {
                    return self.expected(at, token, "bytes such as `0x0102`");
                }
                let value = self.value(at, token)?;
                self.emit(&value.bytes, at);
                Ok(())
            }
            "repeat" => self.repeat(at),
            "rules" => self.set_rules(at),
            _ => {
                let nearest = nearest(&name, DIRECTIVES);
                let name = clipped(&name);
                self.problem(at, AsmErrorKind::UnknownDirective { name, nearest })
            }
        }
    }

    fn define(&mut self, at: At) -> Result<(), Problem> {
        let (at, name) = self.name(at, "the name of the constant")?;
        self.check_free(at, &name)?;
        let (value_at, token) = self.want(at, "the value of the constant")?;
        let value = self.value(value_at, token)?;
        self.constants.insert(name.clone(), (value, at));
        self.order.push(name);
        Ok(())
    }

    /// Refuses names of constants and counters that mean something already.
    fn check_free(&self, at: At, name: &str) -> Result<(), Problem> {
        if ops::by_name(name).is_some() || explicit(name).is_some() {
            let name = name.to_string();
            return self.problem(at, AsmErrorKind::ReservedName { name });
        }
        match self.constants.get(name) {
            Some((_, first)) => self.duplicate(at, "the constant", name, *first),
            None if self.counter(name).is_some() => self.duplicate(at, "the counter", name, at),
            None => Ok(()),
        }
    }

    fn set_rules(&mut self, at: At) -> Result<(), Problem> {
        let (at, token) = self.want(at, "`avm1`, `beta1` or `bitcoin`")?;
        let name = self.text(at, token);
        let Some(rules) = Rules::from_name(&name) else {
            let name = clipped(&name);
            return self.problem(at, AsmErrorKind::UnknownRules { name });
        };
        match self.rules {
            Some((_, first)) => self.duplicate(at, "the rule set", &name, first),
            None => {
                self.rules = Some((rules, at));
                Ok(())
            }
        }
    }

    fn include(&mut self, at: At) -> Result<(), Problem> {
        let (at, token) = self.want(at, "the name of a file in quotes")?;
        if token.kind != Kind::Text {
            return self.expected(at, token, "the name of a file in quotes");
        }
        let bytes = unquote(&self.text(at, token));
        let name = String::from_utf8_lossy(&bytes).into_owned();
        self.check_depth(at)?;
        let open: Vec<&str> = self
            .frames
            .iter()
            .filter(|frame| matches!(frame.kind, FrameKind::File))
            .map(|frame| self.sources[frame.source].name.as_str())
            .collect();
        if let Some(first) = open.iter().position(|other| *other == name) {
            let chain = [&open[first..], &[name.as_str()]].concat().join(" -> ");
            return self.problem(at, AsmErrorKind::IncludeCycle { name, chain });
        }
        if let Some(known) = self.sources.iter().position(|source| source.name == name) {
            self.enter(known);
            return Ok(());
        }
        if self.sources.len() > MAX_FILES {
            return self.problem(at, AsmErrorKind::TooManyFiles);
        }
        match (self.options.includes)(&name) {
            None => self.problem(at, AsmErrorKind::NoInclude { name }),
            // A full list of errors stops the loop at the next of them.
            Some(text) => self.open(name, text).or(Ok(())),
        }
    }

    fn check_depth(&self, at: At) -> Result<(), Problem> {
        if self.frames.len() >= MAX_DEPTH {
            return self.problem(at, AsmErrorKind::TooDeep);
        }
        Ok(())
    }

    fn repeat(&mut self, at: At) -> Result<(), Problem> {
        let (count_at, token) = self.want(at, "a number of repetitions")?;
        let value = self.value(count_at, token)?;
        let Some(rounds) = value.rounds.or((token.kind == Kind::Bad).then_some(0)) else {
            let found = clipped(&self.text(count_at, token));
            return self.problem(count_at, AsmErrorKind::RepeatCount { found });
        };
        let mut counter = None;
        if let Some((as_at, token)) = self.peek().filter(|(_, token)| token.kind == Kind::Word) {
            if self.text(as_at, token) != "as" {
                return self.expected(as_at, token, "`as` and a name, or `{`");
            }
            self.next();
            let (at, name) = self.name(as_at, "the name of the counter")?;
            self.check_free(at, &name)?;
            counter = Some(name);
        }
        let open = self.mark(count_at, '{', "`{`")?;
        self.check_depth(at)?;
        let kind = FrameKind::Repeat {
            start: 0,
            rounds,
            done: 0,
            counter,
        };
        self.block(open, kind, rounds > 0);
        Ok(())
    }

    /// Goes behind a block, and reads it first if it is `wanted`.
    fn block(&mut self, open: Token, mut kind: FrameKind, wanted: bool) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let (source, first) = (frame.source, frame.pos);
        // Behind the brace, or behind the end if the brace is missing.
        let behind = open.close as usize;
        frame.pos = behind.min(frame.end);
        if let FrameKind::Repeat { start, .. } = &mut kind {
            *start = first;
        }
        if wanted && behind > first {
            self.frames.push(Frame {
                source,
                pos: first,
                end: behind - 1,
                kind,
            });
        }
    }

    fn method(&mut self, at: At) -> Result<(), Problem> {
        let (name_at, name) = self.name(at, "the name of the method")?;
        let mut params: Vec<(String, Type)> = Vec::new();
        self.mark(name_at, '(', "`(`")?;
        while !matches!(self.peek(), Some((_, token)) if token.kind == Kind::Mark(')')) {
            if !params.is_empty() {
                self.mark(name_at, ',', "`,` or `)`")?;
            }
            let (param_at, param) = self.name(name_at, "a parameter such as `amount: int`")?;
            if params.iter().any(|(other, _)| *other == param) {
                return self.duplicate(param_at, "the parameter", &param, name_at);
            }
            self.mark(param_at, ':', "`:` and a type")?;
            let (type_at, token) = self.want(param_at, "`int`, `str` or `bytes`")?;
            let kind = self.text(type_at, token);
            let Some(kind) = Type::from_name(&kind) else {
                let name = clipped(&kind);
                return self.problem(type_at, AsmErrorKind::UnknownType { name });
            };
            params.push((param, kind));
        }
        self.mark(name_at, ')', "`)`")?;
        let open = self.mark(name_at, '{', "`{`")?;
        self.check_depth(at)?;
        let index = self.methods.len();
        if let Some(first) = self.methods.iter().position(|method| method.name == name) {
            return self.duplicate(name_at, "the method", &name, self.method_places[first]);
        }
        if name == CTOR && index > 0 {
            return self.problem(name_at, AsmErrorKind::CtorNotFirst { index });
        }
        self.methods.push(Method {
            name,
            index: short(index),
            params,
        });
        self.method_places.push(name_at);
        self.bodies.push(Part::default());
        self.block(open, FrameKind::Method, true);
        Ok(())
    }
}

//! Text to code. Includes and repeats are read where they stand, by a stack of open blocks rather
//! than by recursion, and every word counts against a limit: no text takes unbounded time or space.

mod directive;
mod link;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::abi::{MAX_NAME, Method, is_name};
use super::element::{big_number, number, parse_hex, parse_int, push};
use super::error::{AsmError, AsmErrorKind, Span, clipped};
use super::lexer::{Kind, Room, Source, Token, unquote};
use super::map::Entry;
use super::nearest::nearest;
use super::{Assembled, MAX_CODE, MAX_ERRORS, MAX_SOURCE, MAX_WORDS, Options, Rules};
use crate::script::ops;

/// Explicit pushes: name, opcode or 0 for direct pushes, bytes of the length, fewest and most bytes.
const PUSHES: [(&str, u8, usize, usize, usize); 4] = [
    ("PUSHBYTES", 0, 0, 1, 0x4b),
    ("PUSHDATA1", 0x4c, 1, 0, 0xff),
    ("PUSHDATA2", 0x4d, 2, 0, 0xffff),
    ("PUSHDATA4", 0x4e, 4, 0, u32::MAX as usize),
];

pub(super) fn assemble(text: &str, options: &Options) -> Result<Assembled, Vec<AsmError>> {
    let mut assembler = Assembler {
        options,
        sources: Vec::new(),
        frames: Vec::new(),
        room: Room {
            bytes: MAX_SOURCE,
            words: MAX_WORDS,
        },
        words: 0,
        size: 0,
        constants: BTreeMap::new(),
        order: Vec::new(),
        methods: Vec::new(),
        method_places: Vec::new(),
        bodies: Vec::new(),
        main: Part::default(),
        rules: None,
        errors: Vec::new(),
        reported: BTreeSet::new(),
    };
    let read = assembler.read(text).and_then(|()| assembler.link());
    match read {
        Ok(assembled) if assembler.errors.is_empty() => Ok(assembled),
        Ok(_) | Err(Stop) => Err(assembler.errors),
    }
}

/// The list of errors is complete enough; nothing more is read.
struct Stop;

/// What is wrong and where.
struct Problem {
    place: At,
    kind: AsmErrorKind,
}

/// A place: number of a source and span.
type At = (usize, Span);

/// A block that is being read.
struct Frame {
    source: usize,
    /// Next token and the one behind the last.
    pos: usize,
    end: usize,
    kind: FrameKind,
}

enum FrameKind {
    File,
    Method,
    Repeat {
        start: usize,
        rounds: u64,
        done: u64,
        counter: Option<String>,
    },
}

/// Code and the words it comes from.
#[derive(Default)]
struct Part {
    code: Vec<u8>,
    entries: Vec<Entry>,
}

impl Part {
    fn add(&mut self, bytes: &[u8], (source, span): At) {
        self.entries.push(Entry {
            offset: short(self.code.len()),
            file: short(source),
            span,
        });
        self.code.extend_from_slice(bytes);
    }
}

/// Offsets and file numbers; both have limits far below.
fn short(n: usize) -> u32 {
    u32::try_from(n).expect("code and files have limits")
}

/// What a constant stands for.
#[derive(Clone)]
struct Value {
    bytes: Vec<u8>,
    /// Its value as a number of rounds.
    rounds: Option<u64>,
}

struct Assembler<'a> {
    options: &'a Options<'a>,
    sources: Vec<Rc<Source>>,
    frames: Vec<Frame>,
    /// What further files may have.
    room: Room,
    /// Words read, those of a repeat once for each round.
    words: usize,
    /// Bytes of code so far.
    size: usize,
    constants: BTreeMap<String, (Value, At)>,
    order: Vec<String>,
    methods: Vec<Method>,
    method_places: Vec<At>,
    bodies: Vec<Part>,
    main: Part,
    rules: Option<(Rules, At)>,
    errors: Vec<AsmError>,
    reported: BTreeSet<At>,
}

impl Assembler<'_> {
    fn read(&mut self, text: &str) -> Result<(), Stop> {
        self.open(self.options.name.into(), text.into())?;
        loop {
            let Some(frame) = self.frames.last_mut() else {
                return Ok(());
            };
            if frame.pos >= frame.end {
                self.close();
                continue;
            }
            let (at, token) = self.next().expect("the block has a next word");
            if let Err(problem) = self.item(at, token) {
                self.report(problem)?;
                self.recover(token);
                self.leave_repeats();
            }
            self.words += 1;
            if self.words > MAX_WORDS {
                return self.fatal(at, AsmErrorKind::TooManyWords);
            }
            if self.size > MAX_CODE {
                return self.fatal(at, AsmErrorKind::CodeTooLong);
            }
        }
    }

    /// Starts reading a text.
    fn open(&mut self, name: String, text: String) -> Result<(), Stop> {
        let index = self.sources.len();
        let mut problems = Vec::new();
        let source = Source::new(name, text, self.room, &mut |span, kind| {
            if problems.len() <= MAX_ERRORS {
                problems.push((span, kind));
            }
        });
        self.room.bytes -= source.len().min(self.room.bytes);
        self.room.words -= source.tokens.len().min(self.room.words);
        self.sources.push(Rc::new(source));
        for (span, kind) in problems {
            let place = (index, span);
            self.report(Problem { place, kind })?;
        }
        self.enter(index);
        Ok(())
    }

    fn enter(&mut self, source: usize) {
        self.frames.push(Frame {
            source,
            pos: 0,
            end: self.sources[source].tokens.len(),
            kind: FrameKind::File,
        });
    }

    /// Ends a block, or starts its next round.
    fn close(&mut self) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        match &mut frame.kind {
            FrameKind::Repeat {
                start,
                rounds,
                done,
                ..
            } if *done + 1 < *rounds => {
                *done += 1;
                frame.pos = *start;
                // An empty block must not turn for free.
                self.words += 1;
                if frame.pos >= frame.end {
                    self.frames.pop();
                }
            }
            _ => drop(self.frames.pop()),
        }
    }

    /// The next word of the innermost block.
    fn next(&mut self) -> Option<(At, Token)> {
        let (at, token) = self.peek()?;
        self.frames.last_mut()?.pos += 1;
        Some((at, token))
    }

    fn peek(&self) -> Option<(At, Token)> {
        let frame = self.frames.last().filter(|frame| frame.pos < frame.end)?;
        let token = *self.sources[frame.source].tokens.get(frame.pos)?;
        Some(((frame.source, token.span), token))
    }

    fn text(&self, at: At, token: Token) -> String {
        self.sources[at.0].text(token).to_string()
    }

    fn problem<T>(&self, place: At, kind: AsmErrorKind) -> Result<T, Problem> {
        Err(Problem { place, kind })
    }

    fn report(&mut self, Problem { place, kind }: Problem) -> Result<(), Stop> {
        if !self.reported.insert(place) {
            return Ok(());
        }
        if self.errors.len() > MAX_ERRORS {
            return Err(Stop);
        }
        let full = self.errors.len() == MAX_ERRORS;
        self.errors.push(AsmError {
            file: self.sources[place.0].name.clone(),
            span: place.1,
            kind: if full {
                AsmErrorKind::TooManyErrors
            } else {
                kind
            },
        });
        if full { Err(Stop) } else { Ok(()) }
    }

    fn fatal<T>(&mut self, place: At, kind: AsmErrorKind) -> Result<T, Stop> {
        self.report(Problem { place, kind })?;
        Err(Stop)
    }

    /// Leaves an item that is wrong: its line, and its block if it has one.
    fn recover(&mut self, first: Token) {
        if !matches!(first.kind, Kind::Directive | Kind::Mark(_)) {
            return;
        }
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let source = Rc::clone(&self.sources[frame.source]);
        if first.close != 0 {
            frame.pos = (first.close as usize).min(frame.end);
            return;
        }
        let block = matches!(source.text(first), ".method" | ".repeat");
        while let Some(token) = source.tokens[..frame.end].get(frame.pos) {
            if token.kind == Kind::Mark('{') {
                frame.pos = (token.close as usize).min(frame.end);
                return;
            }
            let other = token.span.line != first.span.line;
            if token.kind == Kind::Directive || (other && !block) {
                return;
            }
            frame.pos += 1;
        }
    }

    /// Reads no further rounds: each would find the same error.
    fn leave_repeats(&mut self) {
        for frame in &mut self.frames {
            if let FrameKind::Repeat { rounds, .. } = &mut frame.kind {
                *rounds = 0;
            }
        }
    }

    fn item(&mut self, at: At, token: Token) -> Result<(), Problem> {
        match token.kind {
            Kind::Bad => Ok(()),
            Kind::Directive => self.directive(at, token),
            Kind::Word => self.word(at, token),
            Kind::Int | Kind::Hex | Kind::Text => {
                let value = self.value(at, token)?;
                self.emit(&push(&value.bytes), at);
                Ok(())
            }
            Kind::Mark('<') => {
                let (at, token) = self.want(at, "a value")?;
                let value = self.value(at, token)?;
                self.mark(at, '>', "`>`")?;
                self.emit(&push(&value.bytes), at);
                Ok(())
            }
            Kind::Mark(_) => self.expected(at, token, "an opcode, a value or a directive"),
        }
    }

    fn emit(&mut self, bytes: &[u8], at: At) {
        self.size += bytes.len();
        if self.size > MAX_CODE || bytes.is_empty() {
            return;
        }
        let inside = self
            .frames
            .iter()
            .any(|f| matches!(f.kind, FrameKind::Method));
        match self.bodies.last_mut().filter(|_| inside) {
            Some(body) => body.add(bytes, at),
            None => self.main.add(bytes, at),
        }
    }

    fn word(&mut self, at: At, token: Token) -> Result<(), Problem> {
        let name = self.text(at, token);
        if let Some(push) = explicit(&name) {
            return self.explicit_push(at, push);
        }
        if let Some(op) = ops::by_name(&name) {
            self.emit(&[op.code], at);
            return Ok(());
        }
        if let Some(value) = self.constant(&name) {
            self.emit(&push(&value.bytes), at);
            return Ok(());
        }
        let opcodes = ops::OPS.iter().map(|op| &op.name[3..]);
        let bare = name.get(..3).filter(|p| p.eq_ignore_ascii_case("OP_"));
        let near = nearest(
            bare.map_or(&name, |_| &name[3..]),
            opcodes.chain(self.constants.keys().map(String::as_str)),
        );
        let kind = AsmErrorKind::UnknownWord {
            parameter: self.is_parameter(&name),
            nearest: near.filter(|near| explicit(near).is_none()),
            name: clipped(&name),
        };
        self.problem(at, kind)
    }

    /// Reads the bytes of an explicit push behind its name.
    fn explicit_push(
        &mut self,
        at: At,
        (op, code, width, least, most): (&'static str, u8, usize, usize, usize),
    ) -> Result<(), Problem> {
        self.mark(at, ':', "`:` and bytes, such as `PUSHDATA1:0x0102`")?;
        let (value_at, token) = self.want(at, "bytes such as `0x0102`")?;
        if token.kind != Kind::Hex {
            return self.expected(value_at, token, "bytes such as `0x0102`");
        }
        let data = self.value(value_at, token)?.bytes;
        let found = data.len();
        if !(least..=most).contains(&found) {
            let kind = AsmErrorKind::PushLength {
                op,
                found,
                least,
                most,
            };
            return self.problem(value_at, kind);
        }
        let little = short(found).to_le_bytes();
        let mut bytes = Vec::with_capacity(5 + found);
        if code == 0 {
            bytes.push(little[0]);
        } else {
            bytes.push(code);
            bytes.extend_from_slice(&little[..width]);
        }
        bytes.extend(data);
        self.emit(&bytes, at);
        Ok(())
    }

    /// A counter of the blocks around, or a constant.
    fn constant(&self, name: &str) -> Option<Value> {
        self.counter(name)
            .or_else(|| self.constants.get(name).map(|(value, _)| value.clone()))
    }

    fn counter(&self, name: &str) -> Option<Value> {
        let counters = self.frames.iter().filter_map(|frame| match &frame.kind {
            FrameKind::Repeat {
                counter: Some(counter),
                done,
                ..
            } => Some((counter, *done)),
            _ => None,
        });
        let (_, done) = counters.into_iter().find(|(counter, _)| *counter == name)?;
        Some(Value {
            bytes: number(i64::try_from(done).unwrap_or(i64::MAX)),
            rounds: Some(done),
        })
    }

    /// Whether it is a parameter of the method that is being read.
    fn is_parameter(&self, name: &str) -> bool {
        let inside = self
            .frames
            .iter()
            .any(|f| matches!(f.kind, FrameKind::Method));
        let method = self.methods.last().filter(|_| inside);
        method.is_some_and(|method| method.params.iter().any(|(param, _)| param == name))
    }

    /// What a value stands for.
    fn value(&self, at: At, token: Token) -> Result<Value, Problem> {
        let text = self.text(at, token);
        let bytes = match token.kind {
            Kind::Int => match parse_int(&text, false) {
                Some(value) => {
                    return Ok(Value {
                        bytes: big_number(&value),
                        rounds: u64::try_from(&value).ok(),
                    });
                }
                None => {
                    let found = clipped(&text);
                    return self.problem(at, AsmErrorKind::BadInt { found });
                }
            },
            Kind::Hex => parse_hex(&text.replace('_', "")).unwrap_or_default(),
            Kind::Text => unquote(&text),
            Kind::Bad => Vec::new(),
            Kind::Word => match self.constant(&text) {
                Some(value) => return Ok(value),
                None => {
                    let kind = AsmErrorKind::UnknownConstant {
                        nearest: nearest(&text, self.constants.keys().map(String::as_str)),
                        parameter: self.is_parameter(&text),
                        name: clipped(&text),
                    };
                    return self.problem(at, kind);
                }
            },
            Kind::Directive | Kind::Mark(_) => {
                return self.expected(at, token, "a number, bytes, a text or a constant");
            }
        };
        Ok(Value {
            bytes,
            rounds: None,
        })
    }

    fn expected<T>(&self, at: At, token: Token, expected: &'static str) -> Result<T, Problem> {
        let found = ["`", &clipped(&self.text(at, token)), "`"].concat();
        self.problem(at, AsmErrorKind::Expected { found, expected })
    }

    /// The next word; there must be one.
    fn want(&mut self, at: At, expected: &'static str) -> Result<(At, Token), Problem> {
        match self.next() {
            Some(next) => Ok(next),
            None => {
                let found = "the end".into();
                self.problem(at, AsmErrorKind::Expected { found, expected })
            }
        }
    }

    fn mark(&mut self, at: At, mark: char, expected: &'static str) -> Result<Token, Problem> {
        match self.peek() {
            Some((_, token)) if token.kind == Kind::Mark(mark) => {
                self.next();
                Ok(token)
            }
            Some((at, token)) if token.kind != Kind::Bad => self.expected(at, token, expected),
            _ => self.want(at, expected).map(|(_, token)| token),
        }
    }

    /// A new name of a constant, method or parameter.
    fn name(&mut self, at: At, expected: &'static str) -> Result<(At, String), Problem> {
        let (at, token) = self.want(at, expected)?;
        let name = self.text(at, token);
        if token.kind != Kind::Word || !is_name(&name) {
            let constant = token.kind == Kind::Word && expected == "the name of the constant";
            if constant && (ops::by_name(&name).is_some() || explicit(&name).is_some()) {
                return self.problem(at, AsmErrorKind::ReservedName { name });
            }
            return self.expected(at, token, expected);
        }
        if name.len() > MAX_NAME {
            let found = name.len();
            return self.problem(at, AsmErrorKind::NameTooLong { found });
        }
        Ok((at, name))
    }

    fn duplicate<T>(
        &self,
        at: At,
        what: &'static str,
        name: &str,
        first: At,
    ) -> Result<T, Problem> {
        let first = (self.sources[first.0].name.clone(), first.1.line);
        let name = clipped(name);
        self.problem(at, AsmErrorKind::Duplicate { what, name, first })
    }
}

/// The form of an explicit push of this name.
fn explicit(name: &str) -> Option<(&'static str, u8, usize, usize, usize)> {
    let bare = name.get(..3).filter(|p| p.eq_ignore_ascii_case("OP_"));
    let bare = bare.map_or(name, |_| &name[3..]);
    PUSHES
        .into_iter()
        .find(|push| push.0.eq_ignore_ascii_case(bare))
}

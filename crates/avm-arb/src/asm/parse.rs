//! Text to program, in two passes: the first finds the labels, the second builds.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::error::{AsmError, AsmErrorKind, AsmErrors, MAX_ERRORS, Span};
use super::lexer::{Lexer, Token, Word, shown};
use super::nearest::nearest;
use super::value::Value;
use super::{Assembled, NOP};
use crate::mexe::clipped;
use crate::ops;
use crate::program::{Builder, Literal, LiteralId, MAX_OPERATIONS};

const DIRECTIVES: [&str; 3] = ["const", "static", "op"];

pub(super) fn assemble(source: &str) -> Result<Assembled, AsmErrors> {
    if u32::try_from(source.len()).is_err() {
        let error = AsmError {
            span: Span::START,
            kind: AsmErrorKind::SourceTooLong,
        };
        return Err(AsmErrors {
            errors: vec![error],
            omitted: 0,
        });
    }
    let mut parser = Parser {
        builder: Builder::new(),
        labels: BTreeMap::new(),
        constants: BTreeMap::new(),
        static_value: None,
        lines: Vec::new(),
        errors: Errors::default(),
    };
    let statements = parser.find_labels(source);
    for statement in statements {
        // A failed statement is in the list of errors; the next one may add its own.
        let _: Result<(), Reported> = parser.statement(statement);
    }
    parser.finish()
}

/// An error that is in the list already.
pub(super) struct Reported;

/// Errors so far.
#[derive(Default)]
pub(super) struct Errors {
    described: Vec<AsmError>,
    omitted: usize,
}

impl Errors {
    /// Adds an error; `kind` is only asked while errors are still described.
    pub(super) fn add(&mut self, span: Span, kind: impl FnOnce() -> AsmErrorKind) -> Reported {
        if self.described.len() < MAX_ERRORS {
            self.described.push(AsmError { span, kind: kind() });
        } else {
            self.omitted += 1;
        }
        Reported
    }
}

/// A line that has an operation or directive.
struct Statement<'a> {
    head: Token<'a>,
    rest: Lexer<'a>,
    /// Its number if it is an operation; failed ones count, so that messages stay right.
    operation: u32,
}

/// A label: the operation it names.
pub(super) struct Label {
    pub(super) operation: u32,
    pub(super) span: Span,
}

pub(super) struct Constant {
    pub(super) line: u32,
    pub(super) value: ConstantValue,
}

pub(super) enum ConstantValue {
    /// Its line was not read yet.
    Below,
    /// Its line has an error.
    Bad,
    /// Its literal, and the first operation that a code point in it names.
    Known(LiteralId, Option<u32>),
}

pub(super) struct Parser<'a> {
    pub(super) builder: Builder,
    pub(super) labels: BTreeMap<&'a str, Label>,
    pub(super) constants: BTreeMap<&'a str, Constant>,
    static_value: Option<(LiteralId, u32)>,
    lines: Vec<u32>,
    pub(super) errors: Errors,
}

impl<'a> Parser<'a> {
    /// Defines all labels, notes the lines of constants, and returns what else there is.
    fn find_labels(&mut self, source: &'a str) -> Vec<Statement<'a>> {
        let mut statements = Vec::new();
        let mut operation = 0u32;
        let mut last_labels = Vec::new();
        for (line, text) in (1u32..).zip(source.split('\n')) {
            let mut words = Lexer::new(line, text);
            let head = loop {
                match self.next(&mut words) {
                    Ok(Some(Token {
                        span,
                        word: Word::Name(name),
                        ..
                    })) if words.colon() => {
                        self.define_label(name, Label { operation, span });
                        last_labels.push((name, span));
                    }
                    Ok(head) => break head,
                    Err(Reported) => break None,
                }
            };
            let Some(head) = head else {
                continue;
            };
            let statement = Statement {
                head,
                rest: words,
                operation,
            };
            match statement.head.word {
                Word::Name(_) | Word::Directive("op") if operation >= MAX_OPERATIONS => {
                    self.errors
                        .add(statement.head.span, || AsmErrorKind::TooManyOperations);
                    return statements;
                }
                Word::Name(_) | Word::Directive("op") => {
                    operation += 1;
                    last_labels.clear();
                }
                Word::Directive("const") => {
                    self.announce_constant(line, statement.rest.clone());
                }
                _ => {}
            }
            statements.push(statement);
        }
        for (name, span) in last_labels {
            self.errors.add(span, || AsmErrorKind::LabelAtEnd {
                name: clipped(name),
            });
        }
        statements
    }

    fn define_label(&mut self, name: &'a str, label: Label) {
        let span = label.span;
        if name == "end" {
            self.errors.add(span, || AsmErrorKind::ReservedLabel);
        } else if let Some(first) = self.labels.get(name) {
            let (name, first) = (clipped(name), first.span.line);
            self.errors
                .add(span, || AsmErrorKind::DuplicateLabel { name, first });
        } else {
            self.labels.insert(name, label);
        }
    }

    fn announce_constant(&mut self, line: u32, mut words: Lexer<'a>) {
        if let Ok(Some(Token {
            word: Word::Name(name),
            ..
        })) = words.next()
        {
            let value = ConstantValue::Below;
            self.constants
                .entry(name)
                .or_insert(Constant { line, value });
        }
    }

    fn statement(&mut self, statement: Statement<'a>) -> Result<(), Reported> {
        let Statement {
            head: Token { span, text, word },
            mut rest,
            operation,
        } = statement;
        let opcode = match word {
            Word::Directive("const") => return self.constant(&mut rest),
            Word::Directive("static") => return self.static_value(span, &mut rest),
            Word::Directive("op") => self.opcode_number(&mut rest)?,
            Word::Name("push") if self.next(&mut rest.clone())?.is_some() => NOP,
            Word::Name("push") => {
                return Err(self.errors.add(span, || AsmErrorKind::PushNothing));
            }
            Word::Name(name) => match ops::code(name) {
                Some(opcode) => opcode,
                None => return Err(self.unknown_opcode(span, name, rest)),
            },
            Word::Directive(name) => {
                return Err(self.errors.add(span, || {
                    let nearest = nearest(name, DIRECTIVES);
                    AsmErrorKind::UnknownDirective {
                        name: clipped(name),
                        nearest,
                    }
                }));
            }
            word => {
                return Err(self.errors.add(span, || {
                    let value = !matches!(word, Word::Mark(mark) if mark != '(');
                    AsmErrorKind::NoOperation {
                        found: shown(Some(text)),
                        value,
                    }
                }));
            }
        };
        let mut immediate = None;
        if self.next(&mut rest.clone())?.is_some() {
            immediate = Some(self.value(Some(operation), &mut rest)?.id);
            self.line_end("the operation", &mut rest)?;
        }
        self.lines.push(span.line);
        let added = self.builder.operation(opcode, immediate);
        added.map_err(|_| self.errors.add(span, || AsmErrorKind::TooManyOperations))?;
        Ok(())
    }

    fn unknown_opcode(&mut self, span: Span, name: &str, mut rest: Lexer<'a>) -> Reported {
        self.errors.add(span, || {
            let assigned = matches!(
                rest.next(),
                Ok(Some(Token {
                    word: Word::Mark('='),
                    ..
                }))
            );
            let known = (0..=u8::MAX).filter_map(ops::name).chain(["push"]);
            let nearest = nearest(name, known).filter(|_| !assigned);
            AsmErrorKind::UnknownOpcode {
                name: clipped(name),
                nearest,
                assigned,
            }
        })
    }

    /// `.const name = value`, from the name on.
    fn constant(&mut self, words: &mut Lexer<'a>) -> Result<(), Reported> {
        let token = self.next(words)?;
        let (name, span) = match token {
            Some(Token {
                word: Word::Name(name),
                span,
                ..
            }) => (name, span),
            other => return Err(self.expected(other.as_ref(), words, "the name of the constant")),
        };
        if name == "push" || name == "hex" || ops::code(name).is_some() {
            let value = ConstantValue::Bad;
            self.constants.insert(
                name,
                Constant {
                    line: span.line,
                    value,
                },
            );
            let name = name.to_string();
            return Err(self
                .errors
                .add(span, || AsmErrorKind::ReservedConstant { name }));
        }
        if let Some(&Constant { line: first, .. }) = self.constants.get(name)
            && first != span.line
        {
            let name = clipped(name);
            return Err(self
                .errors
                .add(span, || AsmErrorKind::DuplicateConstant { name, first }));
        }
        let value = self.constant_value(words);
        let known = match &value {
            Ok(value) => ConstantValue::Known(value.id, value.first_target),
            Err(Reported) => ConstantValue::Bad,
        };
        self.constants.insert(
            name,
            Constant {
                line: span.line,
                value: known,
            },
        );
        value.map(drop)
    }

    fn constant_value(&mut self, words: &mut Lexer<'a>) -> Result<Value, Reported> {
        match self.next(words)? {
            Some(Token {
                word: Word::Mark('='),
                ..
            }) => {}
            other => return Err(self.expected(other.as_ref(), words, "`=`")),
        }
        let value = self.value(None, words)?;
        self.line_end("the constant", words)?;
        Ok(value)
    }

    fn static_value(&mut self, span: Span, words: &mut Lexer<'a>) -> Result<(), Reported> {
        if let Some((_, first)) = self.static_value {
            return Err(self
                .errors
                .add(span, || AsmErrorKind::DuplicateStatic { first }));
        }
        let value = self.value(None, words)?;
        self.static_value = Some((value.id, span.line));
        self.line_end("the static value", words)
    }

    fn opcode_number(&mut self, words: &mut Lexer<'a>) -> Result<u8, Reported> {
        match self.next(words)? {
            Some(Token {
                word: Word::Int(number),
                span,
                ..
            }) => u8::try_from(number).map_err(|_| {
                let found = clipped(&number.to_string());
                self.errors
                    .add(span, || AsmErrorKind::OpcodeTooLarge { found })
            }),
            other => Err(self.expected(other.as_ref(), words, "the number of an opcode")),
        }
    }

    fn line_end(&mut self, after: &'static str, words: &mut Lexer<'a>) -> Result<(), Reported> {
        match self.next(words)? {
            None => Ok(()),
            Some(Token { span, text, .. }) => Err(self.errors.add(span, || AsmErrorKind::Stray {
                found: shown(Some(text)),
                after,
            })),
        }
    }

    pub(super) fn expected(
        &mut self,
        token: Option<&Token<'a>>,
        words: &Lexer<'a>,
        expected: &'static str,
    ) -> Reported {
        let span = token.map_or_else(|| words.end(), |token| token.span);
        self.errors.add(span, || AsmErrorKind::Expected {
            found: shown(token.map(|token| token.text)),
            expected,
        })
    }

    pub(super) fn next(&mut self, words: &mut Lexer<'a>) -> Result<Option<Token<'a>>, Reported> {
        words
            .next()
            .map_err(|AsmError { span, kind }| self.errors.add(span, || kind))
    }

    fn finish(mut self) -> Result<Assembled, AsmErrors> {
        let Errors {
            mut described,
            omitted,
        } = self.errors;
        let static_value = match self.static_value {
            Some((id, _)) => Ok(id),
            None => self.builder.literal(Literal::Tuple(vec![])),
        };
        if described.is_empty() && omitted == 0 {
            match static_value.and_then(|id| self.builder.finish(id)) {
                Ok(program) => {
                    let labels = self.labels.into_iter();
                    let labels = labels.map(|(name, label)| (String::from(name), label.operation));
                    return Ok(Assembled {
                        program,
                        lines: self.lines,
                        labels: labels.collect(),
                    });
                }
                // Targets are checked above, so what is left is the number of literals.
                Err(_) => described.push(AsmError {
                    span: Span::START,
                    kind: AsmErrorKind::TooManyValues,
                }),
            }
        }
        described.sort_by_key(|error| error.span);
        Err(AsmErrors {
            errors: described,
            omitted,
        })
    }
}

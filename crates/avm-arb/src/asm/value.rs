//! Values of any depth.

use alloc::vec::Vec;

use super::error::{AsmErrorKind, Span};
use super::lexer::{Lexer, Token, Word};
use super::nearest::nearest;
use super::parse::{Constant, ConstantValue, Label, Parser, Reported};
use crate::mexe::clipped;
use crate::program::{Literal, LiteralId, MAX_TUPLE, ProgramError, Target};

/// A value that was read.
pub(super) struct Value {
    pub(super) id: LiteralId,
    /// The first operation that a code point in it names.
    pub(super) first_target: Option<u32>,
}

impl<'a> Parser<'a> {
    /// A value of any depth; of the immediate of an operation, if that is given.
    pub(super) fn value(
        &mut self,
        operation: Option<u32>,
        words: &mut Lexer<'a>,
    ) -> Result<Value, Reported> {
        let mut open: Vec<(Span, usize)> = Vec::new();
        let mut ready: Vec<LiteralId> = Vec::new();
        let mut first_target = None;
        loop {
            let token = self.next(words)?;
            let Some(Token { span, text, word }) = token else {
                return Err(match open.last() {
                    Some((opened, _)) => self.errors.add(*opened, || AsmErrorKind::OpenTuple),
                    None => self.expected(None, words, "a value"),
                });
            };
            let closes = matches!(word, Word::Mark(')'));
            match (open.last(), word) {
                (Some(_), Word::Mark(')')) => {}
                (Some((_, start)), _) if ready.len() - start == MAX_TUPLE => {
                    return Err(self.errors.add(span, || AsmErrorKind::TupleTooLong));
                }
                (_, Word::Mark('(')) => {
                    open.push((span, ready.len()));
                    continue;
                }
                (_, word) => {
                    let (id, target) = self.leaf(operation, words, Token { span, text, word })?;
                    first_target = first_target.into_iter().chain(target).min();
                    ready.push(id);
                }
            }
            if closes {
                self.close(span, &mut open, &mut ready)?;
            }
            // Up to the next element, or out of every tuple.
            loop {
                let Some(&(opened, _)) = open.last() else {
                    let id = ready.pop().expect("one value was read");
                    return Ok(Value { id, first_target });
                };
                match self.next(words)? {
                    Some(Token {
                        word: Word::Mark(','),
                        ..
                    }) => break,
                    Some(Token {
                        word: Word::Mark(')'),
                        span,
                        ..
                    }) => {
                        self.close(span, &mut open, &mut ready)?;
                    }
                    None => return Err(self.errors.add(opened, || AsmErrorKind::OpenTuple)),
                    other => return Err(self.expected(other.as_ref(), words, "`,` or `)`")),
                }
            }
        }
    }

    /// Makes the innermost tuple from the values since its start.
    fn close(
        &mut self,
        span: Span,
        open: &mut Vec<(Span, usize)>,
        ready: &mut Vec<LiteralId>,
    ) -> Result<(), Reported> {
        if let Some((_, start)) = open.pop() {
            let elements = ready.split_off(start);
            ready.push(self.literal(span, Literal::Tuple(elements))?);
        }
        Ok(())
    }

    /// A value that is no tuple, and the first operation that a code point in it names.
    fn leaf(
        &mut self,
        operation: Option<u32>,
        words: &Lexer<'a>,
        token: Token<'a>,
    ) -> Result<(LiteralId, Option<u32>), Reported> {
        let span = token.span;
        match token.word {
            Word::Int(n) => Ok((self.literal(span, Literal::Int(n))?, None)),
            Word::Bytes(bytes) => Ok((self.literal(span, Literal::Buffer(bytes))?, None)),
            Word::Label("end") => Ok((self.literal(span, Literal::CodePoint(Target::End))?, None)),
            Word::Label(name) => {
                let Some(&Label {
                    operation: target, ..
                }) = self.labels.get(name)
                else {
                    return Err(self.unknown_label(span, name));
                };
                self.check_target(span, operation, Some(target), false)?;
                let literal = Literal::CodePoint(Target::Operation(target));
                Ok((self.literal(span, literal)?, Some(target)))
            }
            Word::Name(name) => match self.constants.get(name) {
                Some(&Constant {
                    value: ConstantValue::Known(id, target),
                    ..
                }) => {
                    self.check_target(span, operation, target, true)?;
                    Ok((id, target))
                }
                Some(Constant {
                    value: ConstantValue::Bad,
                    ..
                }) => Err(Reported),
                Some(&Constant {
                    line,
                    value: ConstantValue::Below,
                }) => {
                    let name = clipped(name);
                    Err(self.errors.add(span, || {
                        if line == span.line {
                            AsmErrorKind::ConstantOfItself { name }
                        } else {
                            AsmErrorKind::ConstantBelow { name, line }
                        }
                    }))
                }
                None => Err(self.unknown_constant(span, name)),
            },
            _ => Err(self.expected(Some(&token), words, "a value")),
        }
    }

    fn check_target(
        &mut self,
        span: Span,
        operation: Option<u32>,
        target: Option<u32>,
        through_constant: bool,
    ) -> Result<(), Reported> {
        match (operation, target) {
            (Some(operation), Some(target)) if target <= operation => {
                Err(self.errors.add(span, || AsmErrorKind::Backward {
                    target,
                    operation,
                    through_constant,
                }))
            }
            _ => Ok(()),
        }
    }

    fn unknown_label(&mut self, span: Span, name: &str) -> Reported {
        let (labels, constants) = (&self.labels, &self.constants);
        self.errors.add(span, || AsmErrorKind::UnknownLabel {
            name: clipped(name),
            nearest: nearest(name, labels.keys().copied().chain(["end"])),
            is_constant: constants.contains_key(name),
        })
    }

    fn unknown_constant(&mut self, span: Span, name: &str) -> Reported {
        let (labels, constants) = (&self.labels, &self.constants);
        self.errors.add(span, || AsmErrorKind::UnknownConstant {
            name: clipped(name),
            nearest: nearest(name, constants.keys().copied()),
            is_label: labels.contains_key(name) || name == "end",
        })
    }

    pub(super) fn literal(&mut self, span: Span, literal: Literal) -> Result<LiteralId, Reported> {
        self.builder.literal(literal).map_err(|error| {
            self.errors.add(span, || match error {
                ProgramError::TupleTooLong { .. } => AsmErrorKind::TupleTooLong,
                _ => AsmErrorKind::TooManyValues,
            })
        })
    }
}

//! Program files, read.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use ruint::aliases::U256;

use super::{FileErrorKind, clipped, nibble};
use crate::json::{JsonError, Kind, Located, Members, Reader};
use crate::program::{
    Builder, Literal, LiteralId, MAX_TUPLE, Place, Program, ProgramError, Target,
};

/// Reads a program file.
pub(super) fn program(text: &str) -> Read<Program> {
    FileReader::new(text).program()
}

pub(super) type Read<T> = Result<T, Located<FileErrorKind>>;

impl From<Located<JsonError>> for Located<FileErrorKind> {
    fn from(Located(at, error): Located<JsonError>) -> Self {
        Self(at, error.into())
    }
}

fn fail<T>(at: usize, kind: impl Into<FileErrorKind>) -> Read<T> {
    Err(Located(at, kind.into()))
}

struct FileReader<'a> {
    json: Reader<'a>,
    builder: Builder,
    /// Where the next value stands.
    place: Place,
    /// The code point that names the latest operation: the one to complain about if it is not there.
    farthest: Option<(u64, usize, Place)>,
}

impl<'a> FileReader<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            json: Reader::new(text),
            builder: Builder::new(),
            place: Place::Static,
            farthest: None,
        }
    }

    fn program(mut self) -> Read<Program> {
        let what = "the program";
        let start = self.json.offset();
        let (mut code, mut static_value) = (false, None);
        let mut members = self.open(what, Kind::Object)?;
        while let Some((at, name)) = self.json.member(&mut members)? {
            match &*name {
                "code" if code => return fail(at, duplicate(what, "code")),
                "code" => {
                    code = true;
                    self.code()?;
                }
                "static_val" if static_value.is_some() => {
                    return fail(at, duplicate(what, "static_val"));
                }
                "static_val" => {
                    self.place = Place::Static;
                    static_value = Some(self.value()?);
                }
                _ => self.json.skip()?,
            }
        }
        self.json.end()?;
        let missing = |name| Located(start, FileErrorKind::Missing { what, name });
        if !code {
            return Err(missing("code"));
        }
        let static_value = static_value.ok_or(missing("static_val"))?;
        let operations = self.builder.operation_count();
        if let Some((target, at, place)) = self.farthest
            && target > operations.into()
        {
            return fail(
                at,
                FileErrorKind::PastEnd {
                    place,
                    target,
                    operations,
                },
            );
        }
        self.builder
            .finish(static_value)
            .or_else(|error| fail(start, error))
    }

    fn code(&mut self) -> Read<()> {
        let mut elements = self.open("code", Kind::Array)?;
        while self.json.element(&mut elements)? {
            self.operation()?;
        }
        Ok(())
    }

    fn operation(&mut self) -> Read<()> {
        let what = "the operation";
        let start = self.json.offset();
        let (mut opcode, mut immediate) = (None, None);
        let mut members = self.open(what, Kind::Object)?;
        while let Some((at, name)) = self.json.member(&mut members)? {
            match &*name {
                "opcode" if opcode.is_some() => return fail(at, duplicate(what, "opcode")),
                "opcode" => opcode = Some(self.opcode()?),
                "immediate" if immediate.is_some() => {
                    return fail(at, duplicate(what, "immediate"));
                }
                "immediate" if self.json.peek()? == Kind::Null => {
                    self.json.skip()?;
                    immediate = Some(None);
                }
                "immediate" => {
                    self.place = Place::Operation(self.builder.operation_count());
                    immediate = Some(Some(self.value()?));
                }
                _ => self.json.skip()?,
            }
        }
        let missing = |name| Located(start, FileErrorKind::Missing { what, name });
        let opcode = opcode.ok_or(missing("opcode"))?;
        let immediate = immediate.ok_or(missing("immediate"))?;
        self.builder
            .operation(opcode, immediate)
            .or_else(|error| fail(start, error))?;
        Ok(())
    }

    fn opcode(&mut self) -> Read<u8> {
        let number = match self.json.peek()? {
            Kind::Object => {
                let mut members = self.json.open();
                self.form(
                    "opcode",
                    "AVMOpcode",
                    "a number or {\"AVMOpcode\": number}",
                    &mut members,
                )?;
                let number = self.number("opcode", u8::MAX.into())?;
                self.close("opcode", &mut members)?;
                number
            }
            _ => self.number("opcode", u8::MAX.into())?,
        };
        Ok(u8::try_from(number).expect("at most u8::MAX"))
    }

    /// A value of any depth.
    fn value(&mut self) -> Read<LiteralId> {
        let mut open: Vec<OpenTuple> = Vec::new();
        let mut ready: Vec<LiteralId> = Vec::new();
        loop {
            let at = self.json.offset();
            if let Some(tuple) = open.last()
                && ready.len() - tuple.start == MAX_TUPLE
            {
                return fail(at, FileErrorKind::TupleTooLong);
            }
            let mut object = self.open("the value", Kind::Object)?;
            let Some((key, kind)) = self.json.member(&mut object)? else {
                return fail(at, FileErrorKind::NoKind);
            };
            match &*kind {
                "Tuple" => {
                    let elements = self.open("Tuple", Kind::Array)?;
                    open.push(OpenTuple {
                        at,
                        object,
                        elements,
                        start: ready.len(),
                    });
                }
                _ => {
                    let literal = self.leaf(key, &kind)?;
                    self.close("the value", &mut object)?;
                    ready.push(self.literal(at, literal)?);
                }
            }
            loop {
                let Some(tuple) = open.last_mut() else {
                    return Ok(ready.pop().expect("one value was read"));
                };
                if self.json.element(&mut tuple.elements)? {
                    break;
                }
                let elements = ready.split_off(tuple.start);
                let OpenTuple { at, mut object, .. } = open.pop().expect("looked at above");
                self.close("the value", &mut object)?;
                ready.push(self.literal(at, Literal::Tuple(elements))?);
            }
        }
    }

    /// What stands behind the member `kind`, if that is not a tuple.
    fn leaf(&mut self, key: usize, kind: &str) -> Read<Literal> {
        match kind {
            "Int" => {
                let (at, digits) = self.string("Int")?;
                Ok(Literal::Int(int(&digits).or_else(|kind| fail(at, kind))?))
            }
            "Buffer" => {
                let (at, digits) = self.string("Buffer")?;
                Ok(Literal::Buffer(
                    bytes(&digits).or_else(|kind| fail(at, kind))?,
                ))
            }
            "CodePoint" => {
                let what = "CodePoint";
                let mut members = self.open(what, Kind::Object)?;
                self.form(what, "Internal", "{\"Internal\": number}", &mut members)?;
                let at = self.json.offset();
                let target = self.number("Internal", u64::MAX)?;
                self.close(what, &mut members)?;
                self.target(at, target)
            }
            _ => fail(
                key,
                FileErrorKind::UnknownKind {
                    found: clipped(kind),
                },
            ),
        }
    }

    fn target(&mut self, at: usize, target: u64) -> Read<Literal> {
        let mut known = Target::End;
        if target != u64::MAX {
            if self.farthest.is_none_or(|(farthest, ..)| farthest < target) {
                self.farthest = Some((target, at, self.place));
            }
            // Behind the last u32 is behind the code, which is refused when its length is known.
            let target = u32::try_from(target).unwrap_or(u32::MAX);
            if let Place::Operation(operation) = self.place
                && target <= operation
            {
                return fail(at, ProgramError::Backward { operation, target });
            }
            known = Target::Operation(target);
        }
        Ok(Literal::CodePoint(known))
    }

    fn literal(&mut self, at: usize, literal: Literal) -> Read<LiteralId> {
        self.builder
            .literal(literal)
            .or_else(|error| fail(at, error))
    }

    fn expect(&mut self, what: &'static str, kind: Kind, expected: &'static str) -> Read<usize> {
        let at = self.json.offset();
        let found = self.json.peek()?;
        if found != kind {
            return fail(
                at,
                FileErrorKind::Type {
                    what,
                    found,
                    expected,
                },
            );
        }
        Ok(at)
    }

    fn open(&mut self, what: &'static str, kind: Kind) -> Read<Members> {
        let object = kind == Kind::Object;
        self.expect(what, kind, if object { "an object" } else { "an array" })?;
        Ok(self.json.open())
    }

    fn string(&mut self, what: &'static str) -> Read<(usize, Cow<'a, str>)> {
        let at = self.expect(what, Kind::String, "a string of hex digits")?;
        Ok((at, self.json.string()?))
    }

    fn number(&mut self, what: &'static str, max: u64) -> Read<u64> {
        let at = self.expect(what, Kind::Number, "a number")?;
        let text = self.json.number()?;
        match text.parse() {
            Ok(number) if number <= max => Ok(number),
            _ => fail(
                at,
                FileErrorKind::Number {
                    what,
                    found: clipped(text),
                    max,
                },
            ),
        }
    }

    /// Reads the name of the one member of an object, which must be `form`.
    fn form(
        &mut self,
        what: &'static str,
        form: &'static str,
        expected: &'static str,
        members: &mut Members,
    ) -> Read<()> {
        let start = self.json.offset();
        match self.json.member(members)? {
            Some((_, name)) if name == form => Ok(()),
            Some((at, name)) => {
                let found = clipped(&name);
                fail(
                    at,
                    FileErrorKind::UnknownForm {
                        what,
                        found,
                        expected,
                    },
                )
            }
            None => fail(start, FileErrorKind::Missing { what, name: form }),
        }
    }

    /// Reads the end of an object that had its one member.
    fn close(&mut self, what: &'static str, members: &mut Members) -> Read<()> {
        match self.json.member(members)? {
            None => Ok(()),
            Some((at, name)) => fail(
                at,
                FileErrorKind::SecondMember {
                    what,
                    found: clipped(&name),
                },
            ),
        }
    }
}

/// A tuple being read.
struct OpenTuple {
    at: usize,
    object: Members,
    elements: Members,
    /// Where its elements start among the values that are ready.
    start: usize,
}

fn duplicate(what: &'static str, name: &'static str) -> FileErrorKind {
    FileErrorKind::Duplicate { what, name }
}

fn int(digits: &str) -> Result<U256, FileErrorKind> {
    hex_only("Int", digits)?;
    match digits.len() {
        0 => Err(FileErrorKind::NoDigits),
        1..=64 => Ok(U256::from_str_radix(digits, 16).expect("1 to 64 hex digits")),
        digits => Err(FileErrorKind::TooManyDigits { digits }),
    }
}

fn bytes(digits: &str) -> Result<Vec<u8>, FileErrorKind> {
    hex_only("Buffer", digits)?;
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(FileErrorKind::OddDigits {
            digits: digits.len(),
        });
    }
    Ok(pairs
        .iter()
        .map(|&[high, low]| nibble(high) << 4 | nibble(low))
        .collect())
}

fn hex_only(what: &'static str, text: &str) -> Result<(), FileErrorKind> {
    match text
        .chars()
        .enumerate()
        .find(|(_, found)| !found.is_ascii_hexdigit())
    {
        None => Ok(()),
        Some((place, found)) => Err(FileErrorKind::Digit { what, found, place }),
    }
}

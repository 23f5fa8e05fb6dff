//! What can be wrong with a source text.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::program::{MAX_OPERATIONS, MAX_TUPLE};

/// Most errors that are described; further ones are counted.
pub const MAX_ERRORS: usize = 50;

/// A piece of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Line, from 1.
    pub line: u32,
    /// First character, from 1.
    pub column: u32,
    /// Length in characters, at least 1.
    pub len: u32,
}

impl Span {
    /// The start of the text.
    pub(super) const START: Self = Self {
        line: 1,
        column: 1,
        len: 1,
    };
}

/// All that is wrong with a source text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsmErrors {
    /// At least one error, in the order of the text; at most [`MAX_ERRORS`].
    pub errors: Vec<AsmError>,
    /// How many more there are.
    pub omitted: usize,
}

impl fmt::Display for AsmErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            write!(f, "{}{error}", if index == 0 { "" } else { "\n" })?;
        }
        match self.omitted {
            0 => Ok(()),
            omitted => write!(f, "\nand {omitted} more errors"),
        }
    }
}

impl core::error::Error for AsmErrors {}

/// One error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{}: {kind}", span.line, span.column)]
pub struct AsmError {
    /// Where.
    pub span: Span,
    /// What.
    pub kind: AsmErrorKind,
}

/// What is wrong at one place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AsmErrorKind {
    /// A character that starts no word.
    #[error("found {found:?}, which starts nothing in this language")]
    UnexpectedChar {
        /// The character.
        found: char,
    },
    /// `@` or `.` without a name.
    #[error("there is no name behind `{sigil}`")]
    NoName {
        /// `@` or `.`.
        sigil: char,
    },
    /// A text without closing quote.
    #[error("the text is never closed")]
    OpenText,
    /// An unknown escape in a text.
    #[error("there is no escape `\\{found}`")]
    Escape {
        /// The character behind the backslash.
        found: char,
    },
    /// Half a byte.
    #[error("the buffer has {digits} hex digits, expected an even number")]
    OddHex {
        /// Digits found.
        digits: usize,
    },
    /// A character that is no hex digit.
    #[error("found {found:?} among hex digits")]
    HexDigit {
        /// The character.
        found: char,
    },
    /// A word that starts like an integer and is none.
    #[error("`{found}` is not an integer")]
    BadInt {
        /// The word.
        found: String,
    },
    /// An integer of more than 256 bits.
    #[error("the integer does not fit into 256 bits")]
    IntTooLarge {
        /// Whether it has a minus sign.
        negative: bool,
    },
    /// An opcode number above 255.
    #[error("the opcode number is {found}, the largest is 255")]
    OpcodeTooLarge {
        /// The number.
        found: String,
    },
    /// A line that starts with neither label, operation nor directive.
    #[error("found {found}, expected an operation, a label or a directive")]
    NoOperation {
        /// The first word.
        found: String,
        /// Whether it is a value.
        value: bool,
    },
    /// A word that no directive has.
    #[error("there is no directive `.{name}`")]
    UnknownDirective {
        /// The word.
        name: String,
        /// The directive it looks most like.
        nearest: Option<String>,
    },
    /// A word that no opcode has.
    #[error("there is no opcode `{name}`")]
    UnknownOpcode {
        /// The word.
        name: String,
        /// The opcode it looks most like.
        nearest: Option<String>,
        /// Whether `=` follows.
        assigned: bool,
    },
    /// A label that is nowhere.
    #[error("there is no label `{name}`")]
    UnknownLabel {
        /// Its name.
        name: String,
        /// The label it looks most like.
        nearest: Option<String>,
        /// Whether a constant has this name.
        is_constant: bool,
    },
    /// A constant that is nowhere.
    #[error("there is no constant `{name}`")]
    UnknownConstant {
        /// Its name.
        name: String,
        /// The constant it looks most like.
        nearest: Option<String>,
        /// Whether a label has this name.
        is_label: bool,
    },
    /// A constant that is used above its line.
    #[error("the constant `{name}` is used before it is defined")]
    ConstantBelow {
        /// Its name.
        name: String,
        /// Line of its definition.
        line: u32,
    },
    /// A constant in its own value.
    #[error("the constant `{name}` is used in its own value")]
    ConstantOfItself {
        /// Its name.
        name: String,
    },
    /// A label with two places.
    #[error("the label `{name}` is defined twice")]
    DuplicateLabel {
        /// Its name.
        name: String,
        /// Line of the first definition.
        first: u32,
    },
    /// A constant with two values.
    #[error("the constant `{name}` is defined twice")]
    DuplicateConstant {
        /// Its name.
        name: String,
        /// Line of the first definition.
        first: u32,
    },
    /// Two static values.
    #[error("the static value is given twice")]
    DuplicateStatic {
        /// Line of the first.
        first: u32,
    },
    /// A label called `end`.
    #[error("`end` cannot be a label")]
    ReservedLabel,
    /// A constant with the name of an opcode.
    #[error("`{name}` cannot be a constant")]
    ReservedConstant {
        /// The name.
        name: String,
    },
    /// A label behind the last operation.
    #[error("no operation follows the label `{name}`")]
    LabelAtEnd {
        /// Its name.
        name: String,
    },
    /// An immediate that names its own operation or an earlier one.
    #[error("an immediate may only name a later operation")]
    Backward {
        /// Operation that the immediate names.
        target: u32,
        /// Operation that has the immediate.
        operation: u32,
        /// Whether a constant stands in between.
        through_constant: bool,
    },
    /// A ninth element.
    #[error("a tuple has at most {MAX_TUPLE} elements")]
    TupleTooLong,
    /// A tuple without end.
    #[error("the tuple is never closed")]
    OpenTuple,
    /// Another word than the grammar wants.
    #[error("found {found}, expected {expected}")]
    Expected {
        /// The word.
        found: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// `push` without a value.
    #[error("`push` needs a value")]
    PushNothing,
    /// Words behind a complete line.
    #[error("found {found} behind the end of {after}")]
    Stray {
        /// The first of them.
        found: String,
        /// What is complete.
        after: &'static str,
    },
    /// A text of 4 GiB or more.
    #[error("the text is 4 GiB or longer")]
    SourceTooLong,
    /// More operations than a program may have.
    #[error("the program has more than {MAX_OPERATIONS} operations")]
    TooManyOperations,
    /// More values than a program may have.
    #[error("the program has too many values")]
    TooManyValues,
}

impl AsmErrorKind {
    /// Stable code of the cause.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnexpectedChar { .. } => "AVM0301",
            Self::NoName { .. } => "AVM0302",
            Self::OpenText => "AVM0303",
            Self::Escape { .. } => "AVM0304",
            Self::OddHex { .. } => "AVM0305",
            Self::HexDigit { .. } => "AVM0306",
            Self::BadInt { .. } => "AVM0307",
            Self::IntTooLarge { .. } => "AVM0308",
            Self::OpcodeTooLarge { .. } => "AVM0309",
            Self::NoOperation { .. } => "AVM0310",
            Self::UnknownDirective { .. } => "AVM0311",
            Self::UnknownOpcode { .. } => "AVM0312",
            Self::UnknownLabel { .. } => "AVM0313",
            Self::UnknownConstant { .. } => "AVM0314",
            Self::ConstantBelow { .. } => "AVM0315",
            Self::DuplicateLabel { .. } => "AVM0316",
            Self::DuplicateConstant { .. } => "AVM0317",
            Self::DuplicateStatic { .. } => "AVM0318",
            Self::ReservedLabel => "AVM0319",
            Self::ReservedConstant { .. } => "AVM0320",
            Self::LabelAtEnd { .. } => "AVM0321",
            Self::Backward { .. } => "AVM0322",
            Self::TupleTooLong => "AVM0323",
            Self::OpenTuple => "AVM0324",
            Self::Expected { .. } => "AVM0325",
            Self::PushNothing => "AVM0326",
            Self::Stray { .. } => "AVM0327",
            Self::TooManyOperations => "AVM0328",
            Self::TooManyValues => "AVM0329",
            Self::ConstantOfItself { .. } => "AVM0331",
            Self::SourceTooLong => "AVM0330",
        }
    }
}

//! What can be wrong with a source text.

use alloc::format;
use alloc::string::{String, ToString};

use super::{MAX_CODE, MAX_DEPTH, MAX_ERRORS, MAX_FILES, MAX_WORDS};

/// A piece of one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Line, from 1.
    pub line: u32,
    /// First character, from 1.
    pub column: u32,
    /// Length in characters, at least 1.
    pub len: u32,
}

/// One error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{}:{}: {kind}", span.line, span.column)]
pub struct AsmError {
    /// Name of the source: the one of the options, or the one that an include asked for.
    pub file: String,
    /// Where in it.
    pub span: Span,
    /// What.
    pub kind: AsmErrorKind,
}

impl AsmError {
    /// What is wrong, as one sentence without full stop.
    #[must_use]
    pub fn message(&self) -> String {
        self.kind.to_string()
    }
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
    /// `.` without a name.
    #[error("there is no name behind `.`")]
    NoName,
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
    #[error("there are {digits} hex digits, expected an even number")]
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
    /// A word that starts like a number and is none, or a number of more than 4,000 bytes.
    #[error("`{found}` is not a number that a script can push")]
    BadInt {
        /// The word.
        found: String,
    },
    /// `{` without `}`.
    #[error("the block is never closed")]
    OpenBlock,
    /// `}` without `{`.
    #[error("there is no block to close")]
    StrayClose,
    /// A word that no directive has.
    #[error("there is no directive `.{name}`")]
    UnknownDirective {
        /// The word.
        name: String,
        /// The directive it looks most like.
        nearest: Option<String>,
    },
    /// A word that is neither opcode nor constant.
    #[error("there is no opcode or constant `{name}`")]
    UnknownWord {
        /// The word.
        name: String,
        /// The opcode or constant it looks most like.
        nearest: Option<String>,
        /// Whether it is a parameter of the method around it.
        parameter: bool,
    },
    /// A word between `<` and `>` that is no constant.
    #[error("there is no constant `{name}`")]
    UnknownConstant {
        /// The word.
        name: String,
        /// The constant it looks most like.
        nearest: Option<String>,
        /// Whether it is a parameter of the method around it.
        parameter: bool,
    },
    /// A name that means something else already.
    #[error("`{name}` is the name of an opcode")]
    ReservedName {
        /// The name.
        name: String,
    },
    /// A name with two meanings.
    #[error("{what} `{name}` is defined twice")]
    Duplicate {
        /// Constant, method, parameter or rule set.
        what: &'static str,
        /// The name.
        name: String,
        /// File and line of the first definition.
        first: (String, u32),
    },
    /// Another word than the grammar wants.
    #[error("found {found}, expected {expected}")]
    Expected {
        /// The word.
        found: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// An explicit push whose length field cannot say its length.
    #[error("`{op}` is given {found} bytes, it can push {least} to {most}")]
    PushLength {
        /// The form.
        op: &'static str,
        /// Bytes given.
        found: usize,
        /// Fewest bytes.
        least: usize,
        /// Most bytes.
        most: usize,
    },
    /// A repeat count that is no number or below zero.
    #[error("`{found}` is not a number of repetitions")]
    RepeatCount {
        /// The count as written.
        found: String,
    },
    /// Blocks and includes inside each other.
    #[error("blocks and includes are nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// Code beyond the limit of a script.
    #[error("the code is longer than {MAX_CODE} bytes")]
    CodeTooLong,
    /// Too much to read, repetitions included.
    #[error("the text has more than {MAX_WORDS} words when repeats are unrolled")]
    TooManyWords,
    /// More text than is read.
    #[error("the text is {found} bytes, with what was included before the most is {most}")]
    SourceTooLong {
        /// Its length.
        found: usize,
        /// The limit.
        most: usize,
    },
    /// More sources than allowed.
    #[error("more than {MAX_FILES} files are included")]
    TooManyFiles,
    /// An include that nobody has.
    #[error("there is no file {name:?} to include")]
    NoInclude {
        /// As written.
        name: String,
    },
    /// A file that includes itself.
    #[error("{name:?} is included while it is being read: {chain}")]
    IncludeCycle {
        /// The file.
        name: String,
        /// The files on the way, joined by arrows.
        chain: String,
    },
    /// A directive inside of a block.
    #[error("`.{name}` cannot stand inside of {inside}")]
    Inside {
        /// The directive.
        name: String,
        /// `.method` or `.repeat`.
        inside: &'static str,
    },
    /// Code beside methods.
    #[error("there is code outside of the methods")]
    CodeOutside,
    /// A constructor that is not method 0.
    #[error("the constructor is method {index}, it must be the first")]
    CtorNotFirst {
        /// Where it stands.
        index: usize,
    },
    /// A name of more than 64 characters.
    #[error("the name has {found} characters, the most is 64")]
    NameTooLong {
        /// Its length.
        found: usize,
    },
    /// A type of argument that has no encoding.
    #[error("there is no type `{name}`")]
    UnknownType {
        /// The word.
        name: String,
    },
    /// Rules that do not exist.
    #[error("there are no rules `{name}`")]
    UnknownRules {
        /// The word.
        name: String,
    },
    /// IF, ELSE and ENDIF that do not match inside of a method.
    #[error("{op} has no {partner} in this method")]
    Unbalanced {
        /// The instruction.
        op: &'static str,
        /// What is missing.
        partner: &'static str,
    },
    /// Raw bytes in a method that would swallow code behind them.
    #[error("the raw bytes end inside of a push")]
    OpenPush,
    /// Stops the list.
    #[error("there are more than {MAX_ERRORS} errors; the rest is not shown")]
    TooManyErrors,
}

impl AsmErrorKind {
    /// Stable code of the cause.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnexpectedChar { .. } => "AVM0341",
            Self::NoName => "AVM0342",
            Self::OpenText => "AVM0343",
            Self::Escape { .. } => "AVM0344",
            Self::OddHex { .. } => "AVM0345",
            Self::HexDigit { .. } => "AVM0346",
            Self::BadInt { .. } => "AVM0347",
            Self::OpenBlock => "AVM0348",
            Self::StrayClose => "AVM0349",
            Self::UnknownDirective { .. } => "AVM0350",
            Self::UnknownWord { .. } => "AVM0351",
            Self::UnknownConstant { .. } => "AVM0352",
            Self::ReservedName { .. } => "AVM0353",
            Self::Duplicate { .. } => "AVM0354",
            Self::Expected { .. } => "AVM0355",
            Self::PushLength { .. } => "AVM0356",
            Self::RepeatCount { .. } => "AVM0357",
            Self::TooDeep => "AVM0358",
            Self::CodeTooLong => "AVM0359",
            Self::TooManyWords => "AVM0360",
            Self::SourceTooLong { .. } => "AVM0361",
            Self::TooManyFiles => "AVM0362",
            Self::NoInclude { .. } => "AVM0363",
            Self::IncludeCycle { .. } => "AVM0364",
            Self::Inside { .. } => "AVM0365",
            Self::CodeOutside => "AVM0366",
            Self::CtorNotFirst { .. } => "AVM0367",
            Self::NameTooLong { .. } => "AVM0368",
            Self::UnknownType { .. } => "AVM0369",
            Self::UnknownRules { .. } => "AVM0370",
            Self::Unbalanced { .. } => "AVM0371",
            Self::OpenPush => "AVM0372",
            Self::TooManyErrors => "AVM0373",
        }
    }

    /// What stands behind the carets; may be empty.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::UnknownDirective {
                nearest: Some(nearest),
                ..
            } => format!("did you mean `.{nearest}`?"),
            Self::UnknownWord {
                nearest: Some(nearest),
                parameter: false,
                ..
            }
            | Self::UnknownConstant {
                nearest: Some(nearest),
                parameter: false,
                ..
            } => format!("did you mean `{nearest}`?"),
            Self::Duplicate { first, .. } => format!("first in {}, line {}", first.0, first.1),
            Self::OpenBlock | Self::OpenText => "opened here".into(),
            _ => String::new(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::UnexpectedChar { found: ';' } => "a comment starts with `#` or `//`".into(),
            Self::NoName | Self::UnknownDirective { nearest: None, .. } => {
                "the directives are `.const`, `.include`, `.method`, `.raw`, `.repeat` and `.rules`"
                    .into()
            }
            Self::OpenText => "a text ends with its quote on the line it starts on".into(),
            Self::Escape { .. } => {
                "the escapes are \\\" \\' \\\\ \\n \\r \\t \\0 and \\x with two hex digits".into()
            }
            Self::BadInt { .. } => {
                "write it like `12`, `-12` or `1_000`; bytes are written `0x0102`".into()
            }
            Self::OpenBlock => "a block ends with `}` in the file it starts in".into(),
            Self::UnknownWord {
                name,
                parameter: true,
                ..
            }
            | Self::UnknownConstant {
                name,
                parameter: true,
                ..
            } => format!(
                "`{name}` is a parameter: it is on the stack when the method starts, the last \
                 parameter on top"
            ),
            Self::UnknownWord {
                name,
                nearest: None,
                ..
            } => format!("a constant is defined by `.const {name} 5`; bytes are written `0x0102`"),
            Self::UnknownConstant {
                name,
                nearest: None,
                ..
            } => format!("write `.const {name} ...` on a line above"),
            Self::ReservedName { .. } => "choose another name".into(),
            Self::PushLength { .. } => {
                "`0x...` without a form before it is always the shortest push".into()
            }
            Self::RepeatCount { .. } => {
                "write `.repeat 9 { ... }` or `.repeat 9 as i { ... }`".into()
            }
            Self::Inside { .. } => "move it out of the block".into(),
            Self::CodeOutside => {
                "put it into a method; code that methods share can be included in each".into()
            }
            Self::CtorNotFirst { .. } => {
                "the host calls the constructor as method 0; put `.method ctor` first".into()
            }
            Self::UnknownType { .. } => "the types are `int`, `str` and `bytes`".into(),
            Self::UnknownRules { .. } => "the rules are `avm1`, `beta1` and `bitcoin`".into(),
            Self::Unbalanced { .. } => {
                "each method stands in a branch of its own, so its conditions must close in it"
                    .into()
            }
            Self::OpenPush => "in a method, raw bytes must be whole instructions".into(),
            Self::IncludeCycle { .. } => "take one of these includes out".into(),
            _ => return None,
        })
    }
}

/// A word as an error shows it, without its tail if it is long.
pub(super) fn clipped(word: &str) -> String {
    const MOST: usize = 40;
    match word.char_indices().nth(MOST) {
        None => word.to_string(),
        Some((at, _)) => [&word[..at], "..."].concat(),
    }
}

//! The assembly language of contracts: text in, a script out, and back.
//!
//! [`assemble`] and [`disassemble`] are exact inverses: `assemble(disassemble(code))` is `code` for all
//! bytes up to [`MAX_CODE`], and disassembling what was assembled gives the canonical form of a text.
//!
//! ```text
//! # a number that only goes up
//! .rules avm1
//! .const SPACE 'counter'
//! .const KEY   'n'
//!
//! .method ctor() {
//!     SPACE KEY 0 KV_PUT
//!     1                           # a script ends with one true element
//! }
//! .method add(amount: int) {
//!     DUP 0 GREATERTHAN VERIFY    # amount
//!     SPACE KEY KV_GET ADD        # n+amount
//!     SPACE KEY ROT KV_PUT
//!     1
//! }
//! ```
//!
//! # Grammar
//!
//! Words are separated by blanks and line ends, which mean the same. A comment goes from `#` or `//` to
//! the end of the line.
//!
//! ```text
//! text       = { item }
//! item       = opcode | value | "<" value ">" | push | directive
//! opcode     = name of an opcode in either case, with or without "OP_"
//! value      = integer | bytes | text | constant
//! push       = ( "PUSHBYTES" | "PUSHDATA1" | "PUSHDATA2" | "PUSHDATA4" ) ":" bytes
//! integer    = [ "-" ] digits               "_" may separate digits
//! bytes      = "0x" { hex digit hex digit } "_" may separate digits
//! text       = "'" characters "'" | '"' characters '"'
//! directive  = ".const" name value
//!            | ".include" text
//!            | ".raw" bytes
//!            | ".repeat" value [ "as" name ] "{" { item } "}"
//!            | ".rules" ( "avm1" | "beta1" | "bitcoin" )
//!            | ".method" name "(" [ name ":" type { "," name ":" type } ] ")" "{" { item } "}"
//! type       = "int" | "str" | "bytes"
//! ```
//!
//! `docs/machines/atomicals-assembly.md` explains each of these.

mod abi;
mod call;
mod code;
mod disasm;
mod dispatch;
mod element;
mod error;
mod lexer;
mod lint;
mod map;
mod nearest;
mod parse;

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

pub use abi::{AbiError, CTOR, MAX_NAME, Method, Type, parse_abi, write_abi};
pub use call::{CallError, encode_call};
pub use disasm::disassemble;
pub use element::{number, push};
pub use error::{AsmError, AsmErrorKind, Span};
pub use lint::{Finding, Lint, MAX_FINDINGS, MethodCost, Severity, costs, lint};
pub use map::{Place, SourceMap};

/// Longest script. Spec: section 3.
pub const MAX_CODE: usize = 1_000_000;

/// Most errors that are reported; one more says that there are more.
pub const MAX_ERRORS: usize = 50;

/// Deepest nesting of includes, repeats and methods.
pub const MAX_DEPTH: usize = 32;

/// Most words that are read, those of a repeat once for each round.
pub const MAX_WORDS: usize = 4_000_000;

/// Longest text with all included files, in bytes.
pub const MAX_SOURCE: usize = 1 << 27;

/// Most files that one text may include.
pub const MAX_FILES: usize = 256;

/// Rules that a script is written for. Spec: section 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rules {
    /// The repaired rules, for new contracts.
    #[default]
    Avm1,
    /// The rules of the public beta.
    Beta1,
    /// A spending condition of Bitcoin itself.
    Bitcoin,
}

impl Rules {
    /// `avm1`, `beta1` or `bitcoin`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avm1 => "avm1",
            Self::Beta1 => "beta1",
            Self::Bitcoin => "bitcoin",
        }
    }

    /// The rules of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Avm1, Self::Beta1, Self::Bitcoin];
        all.into_iter().find(|rules| rules.name() == name)
    }
}

/// What the assembler must be told.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Name of the text, for errors and the source map.
    pub name: &'a str,
    /// Text of an included file by its name as written; `None` if there is none.
    pub includes: &'a dyn Fn(&str) -> Option<String>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            name: "main.script",
            includes: &|_| None,
        }
    }
}

/// A script and where it comes from.
#[derive(Clone, Debug)]
pub struct Assembled {
    /// The locking script.
    pub code: Vec<u8>,
    /// Place in the source of each instruction.
    pub map: SourceMap,
    /// The methods in the order of their numbers; empty for a plain script.
    pub methods: Vec<Method>,
    /// Bytes of `code` that are the body of each method; the rest is the dispatcher.
    pub bodies: Vec<Range<usize>>,
    /// Names and elements of the constants in the order of the text.
    pub constants: Vec<(String, Vec<u8>)>,
    /// Rules that the text asks for.
    pub rules: Option<Rules>,
    /// What [`lint()`](fn@lint) finds, under those rules or the default ones.
    pub warnings: Vec<Finding>,
}

/// Translates a source text.
///
/// ```
/// use avm_atomicals::asm::{Options, assemble, disassemble};
///
/// let source = ".const owner 0x0102\n<owner> OP_HASH160 size 20 numequalverify";
/// let script = assemble(source, &Options::default()).unwrap();
/// assert_eq!(script.code, [2, 1, 2, 0xa9, 0x82, 1, 20, 0x9d]);
/// assert_eq!(script.map.at(3).unwrap().span.line, 2);
/// assert_eq!(
///     disassemble(&script.code, false),
///     "0x0102\nOP_HASH160\nOP_SIZE\n0x14\nOP_NUMEQUALVERIFY\n"
/// );
///
/// let errors = assemble("HASH61", &Options::default()).unwrap_err();
/// assert_eq!(errors[0].to_string(), "main.script:1:1: there is no opcode or constant `HASH61`");
/// ```
///
/// # Errors
/// All that is wrong with it, at most [`MAX_ERRORS`] and one that says that there are more.
pub fn assemble(source: &str, options: &Options) -> Result<Assembled, Vec<AsmError>> {
    let mut assembled = parse::assemble(source, options)?;
    let found = lint(&assembled.code, &assembled.lint_options());
    assembled.warnings = found;
    Ok(assembled)
}

impl Assembled {
    /// What the lint must know about this script.
    #[must_use]
    pub fn lint_options(&self) -> Lint<'_> {
        Lint {
            rules: self.rules.unwrap_or_default(),
            map: Some(&self.map),
            methods: &self.methods,
            bodies: &self.bodies,
        }
    }

    /// The word that an instruction comes from, by its number in the locking script as a failed call
    /// reports it, from 0.
    #[must_use]
    pub fn at_op(&self, index: u32) -> Option<Place> {
        let instruction = code::instructions(&self.code).nth(index as usize)?;
        self.map.at(instruction.offset)
    }
}

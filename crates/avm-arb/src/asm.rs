//! The assembly language: text in, [`Program`] out, and back.
//!
//! [`assemble`] and [`disassemble`] are exact inverses: `assemble(disassemble(p))` is `p` for every
//! program, and disassembling what was assembled gives the canonical form of a text.
//!
//! ```text
//! ; adds the numbers from N down to 1 and logs the sum
//! .const N = 10
//! .static @loop               ; the value that `spush` pushes
//!
//!         push    0           ; sum
//!         push    N           ; sum n
//! loop:   dup0                ; sum n n
//!         auxpush             ; sum n           aux: n
//!         add                 ; sum+n           aux: n
//!         auxpop              ; sum+n n
//!         push    1
//!         swap1
//!         sub                 ; sum+n n-1
//!         dup0
//!         spush               ; sum+n n-1 n-1 @loop
//!         cjump               ; back to loop while n-1 is not 0
//!         pop
//!         log
//!         halt
//! ```
//!
//! # Grammar
//!
//! One line is one operation, one directive, or neither. A comment goes from `;` to the end of the
//! line. Spaces, tabs and empty lines mean nothing.
//!
//! ```text
//! line       = { name ":" } [ operation | directive ] [ ";" comment ]
//! operation  = opcode [ value ]              value is the immediate, pushed before the opcode runs
//!            | "push" value                  same as `nop value`
//!            | ".op" integer [ value ]       opcode by number, 0 to 255
//! directive  = ".const" name "=" value       from the next line on, `name` stands for value
//!            | ".static" value               the static value, `()` if there is no such line
//! value      = integer | buffer | tuple | "@" name | name
//! integer    = [ "-" ] ( digits | "0x" hex digits )      `_` may separate digits
//! buffer     = "\"" text "\"" | "hex" "\"" hex digits "\""
//! tuple      = "(" [ value { "," value } [ "," ] ] ")"   at most 8 values; `(7)` is a tuple of one
//! name       = ( letter | "_" ) { letter | digit | "_" }
//! ```
//!
//! - Integers are 256-bit words; `-1` is 2^256 - 1. `_` and spaces may separate the digits of `hex`.
//! - A text is the buffer of its UTF-8 bytes. Escapes: `\"` `\\` `\n` `\r` `\t` `\0` and `\xNN`.
//! - `@name` is the code point of the operation that follows the label `name:`. `@end` is the error
//!   code point behind the last operation.
//! - An immediate may only name a *later* operation. To go back, take the code point from the static
//!   value with `spush`, or from `pcpush`.
//! - Upper and lower case differ; opcodes are lower case. Reserved: `end` as label; opcodes, `push` and
//!   `hex` as constant. Labels and constants never meet: one has `@`, the other does not.
//!
//! # Canonical form
//!
//! Constants that the disassembler needs come first: a tuple or buffer that is used more than once and
//! longer than [`SHARED_LEN`] characters gets a name (`C0`, ...), which keeps every text about as
//! short as its program. Then the static value unless it is `()`, then the code. Labels (`L0`, ...)
//! stand where a code point names the operation. `nop` with an immediate is `push`, integers are
//! decimal below 2^32 and hex from there on, buffers are text if all their bytes are printable ASCII.

mod disasm;
mod error;
mod lexer;
mod nearest;
mod parse;
mod render;
mod value;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

pub(crate) use disasm::buffer;
pub use disasm::{SHARED_LEN, disassemble};
pub use error::{AsmError, AsmErrorKind, AsmErrors, MAX_ERRORS, Span};

use crate::program::Program;

/// Opcode of `nop`, which is `push` when it has an immediate.
const NOP: u8 = 0x3b;

/// A program and where it comes from in its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembled {
    /// The program.
    pub program: Program,
    /// Line of each operation, from 1.
    pub lines: Vec<u32>,
    /// Operation that each label names.
    pub labels: BTreeMap<String, u32>,
}

/// Translates a source text.
///
/// ```
/// use avm_arb::asm::{assemble, disassemble};
///
/// let assembled = assemble("push 2\nadd 3\nlog\nhalt ; done")?;
/// assert_eq!(assembled.lines, [1, 2, 3, 4]);
/// assert_eq!(disassemble(&assembled.program), "    push 2\n    add 3\n    log\n    halt\n");
///
/// let source = "push 2\nad 3";
/// let errors = assemble(source).unwrap_err();
/// assert!(errors.render("sum.masm", source).contains("did you mean `add`?"));
/// # Ok::<(), avm_arb::asm::AsmErrors>(())
/// ```
///
/// # Errors
/// All that is wrong with it, at most one error a line; [`AsmErrors::render`] makes them readable.
pub fn assemble(source: &str) -> Result<Assembled, AsmErrors> {
    parse::assemble(source)
}

/// A name as it may stand for a label or constant.
fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

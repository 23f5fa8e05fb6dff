//! Pages of the assembler's codes; the assembler in `avm_arb` gives them out.

use super::Code;

const fn code(id: &'static str, title: &'static str, page: &'static str) -> Code {
    Code {
        id,
        exit: 3,
        title,
        page,
    }
}

/// The codes of the assembler, in order.
#[rustfmt::skip]
pub(super) static ALL: &[Code] = &[
    code("AVM0301", "a character starts nothing", "Only words, integers, texts in quotes, tuples in parentheses, labels with `@` and directives with `.` exist. A comment starts with `;`."),
    code("AVM0302", "a name is missing", "`@` is followed by the name of a label, `.` by the name of a directive."),
    code("AVM0303", "a text is never closed", "A text in quotes ends on the line it starts on."),
    code("AVM0304", "an escape does not exist", "The escapes are \\\" \\\\ \\n \\r \\t \\0 and \\x with two hex digits."),
    code("AVM0305", "a buffer has an odd number of digits", "Two hex digits make a byte."),
    code("AVM0306", "a character is not a hex digit", "Inside `hex\"..\"` only hex digits, `_` and spaces may stand."),
    code("AVM0307", "a word is not an integer", "Integers are written 12, -12, 1_000 or 0xff."),
    code("AVM0308", "an integer does not fit 256 bits", "The largest is 2^256 - 1, the least -2^255."),
    code("AVM0309", "an opcode number is above 255", "`.op` takes the number of an opcode, 0 to 255."),
    code("AVM0310", "a line starts with something else than an operation", "A line is an operation, a label or a directive. To push a value, write `push` before it."),
    code("AVM0311", "a directive does not exist", "The directives are .const, .static and .op."),
    code("AVM0312", "an opcode does not exist", "`avm machines arb --ops` lists the opcodes. An opcode without a name is written `.op 0x71`."),
    code("AVM0313", "a label does not exist", "A label is defined as `name:` in front of an operation and used as `@name`."),
    code("AVM0314", "a constant does not exist", "A constant is defined by `.const name = value` on a line above its use."),
    code("AVM0315", "a constant is used above its definition", "Move the `.const` line up."),
    code("AVM0316", "a label is defined twice", "Give one of them another name."),
    code("AVM0317", "a constant is defined twice", "Give one of them another name."),
    code("AVM0318", "the static value is given twice", "A program has one static value, so one `.static` line."),
    code("AVM0319", "`end` cannot be a label", "`@end` is the error code point behind the last operation."),
    code("AVM0320", "a word of the language cannot be a constant", "Choose a name that is no opcode, `push` or `hex`."),
    code("AVM0321", "no operation follows a label", "A label names the operation that follows it; `@end` names the end."),
    code("AVM0322", "an immediate names an earlier operation", "Code is hashed from its end, so an immediate can only name a later operation. For a loop make the label the static value and push it with `spush`, or keep what `pcpush` pushed."),
    code("AVM0323", "a tuple has more than eight elements", "Nest tuples: (1, 2, 3, 4, 5, 6, 7, (8, 9))."),
    code("AVM0324", "a tuple is never closed", "A tuple ends with `)` on the line it starts on."),
    code("AVM0325", "another word is expected", "The message says what the grammar wants at this place."),
    code("AVM0326", "`push` has no value", "Write `push 7`; to do nothing, write `nop`."),
    code("AVM0327", "something stands behind a complete line", "Each operation and directive has a line of its own, and an operation has one immediate at most."),
    code("AVM0328", "a program has too many operations", "The message has the limit."),
    code("AVM0329", "a program has too many values", "Values written in a program are limited in number."),
    code("AVM0330", "a source text is too long", "Source texts are shorter than 4 GiB."),
    code("AVM0331", "a constant is used in its own value", "A constant may only use constants defined above it."),
];

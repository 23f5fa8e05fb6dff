//! What the verifier says.

use alloc::string::String;

/// Why a module cannot run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// There is too much of something.
    #[error("{got} {what}, at most {max}")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How much.
        got: usize,
        /// How much there may be.
        max: usize,
    },
    /// A constant that cannot be passed.
    #[error("constant {index} holds a closure")]
    Constant {
        /// Its index.
        index: usize,
    },
    /// A capability that does not exist.
    #[error("the module declares `{cap}`, which is no capability")]
    UnknownCap {
        /// As declared.
        cap: String,
    },
    /// Capabilities are not in order, or one is there twice.
    #[error("capability `{cap}` is not after the one before it")]
    CapOrder {
        /// The second one of the two.
        cap: String,
    },
    /// Exports are not in order, or one is there twice.
    #[error("export `{name}` is not after the one before it")]
    ExportOrder {
        /// The second one of the two.
        name: String,
    },
    /// An export of no function.
    #[error("export `{name}` is function {function} of {functions}")]
    ExportFunction {
        /// Of the export.
        name: String,
        /// Index of the function.
        function: u32,
        /// How many there are.
        functions: usize,
    },
    /// An export that needs captured values.
    #[error("the function of export `{name}` has captured values")]
    ExportCaptures {
        /// Of the export.
        name: String,
    },
    /// A behaviour or test with parameters.
    #[error("export `{name}` has {arity} parameters, a behaviour or test has none")]
    ExportArity {
        /// Of the export.
        name: String,
        /// Parameters of its function.
        arity: u8,
    },
    /// A pure function that is not.
    #[error("export `{name}` is a pure function, and its function is not pure")]
    ExportPure {
        /// Of the export.
        name: String,
    },
    /// Something with state fields that has no state.
    #[error("export `{name}` has state fields and is no behaviour")]
    ExportFields {
        /// Of the export.
        name: String,
    },
    /// A function with no register, or too many.
    #[error("function {function} has {registers} registers, it may have 1 to 256")]
    Registers {
        /// Its index.
        function: u32,
        /// Its registers.
        registers: u16,
    },
    /// A function with more parameters than registers.
    #[error("function {function} has {arity} parameters in {registers} registers")]
    Parameters {
        /// Its index.
        function: u32,
        /// Its parameters.
        arity: u8,
        /// Its registers.
        registers: u16,
    },
    /// A rest parameter of a function without parameters.
    #[error("function {function} has a rest parameter and no parameters")]
    Rest {
        /// Its index.
        function: u32,
    },
    /// A function without words.
    #[error("function {function} has no words")]
    Empty {
        /// Its index.
        function: u32,
    },
    /// Places of some words.
    #[error("function {function} has {places} places for {words} words")]
    Places {
        /// Its index.
        function: u32,
        /// How many places it has.
        places: usize,
        /// How many words it has.
        words: usize,
    },
    /// A word is wrong.
    #[error("function {function}, word {at}: {error}")]
    Word {
        /// Index of the function.
        function: u32,
        /// Index of the word.
        at: u32,
        /// What is wrong.
        error: WordError,
    },
}

/// Why a word is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WordError {
    /// The table has no such opcode.
    #[error("{code:02x} is no opcode")]
    Unknown {
        /// As read.
        code: u8,
    },
    /// The opcode has no meaning yet.
    #[error("`{name}` is reserved")]
    Reserved {
        /// Its name.
        name: &'static str,
    },
    /// An operand byte that the instruction does not use is not zero.
    #[error("`{name}` does not use operand {operand}, which is {found} and must be 0")]
    Unused {
        /// Name of the instruction.
        name: &'static str,
        /// `a`, `b` or `c`.
        operand: char,
        /// What is there.
        found: u8,
    },
    /// A register that the function does not have.
    #[error("register {register} of {registers}")]
    Register {
        /// Its number.
        register: u16,
        /// How many there are.
        registers: u16,
    },
    /// A constant that the module does not have.
    #[error("constant {index} of {constants}")]
    Constant {
        /// Its index.
        index: u16,
        /// How many there are.
        constants: usize,
    },
    /// A function that the module does not have.
    #[error("function {index} of {functions}")]
    Function {
        /// Its index.
        index: u16,
        /// How many there are.
        functions: usize,
    },
    /// A captured value that the function does not have.
    #[error("captured value {index} of {captures}")]
    Capture {
        /// Its index.
        index: u8,
        /// How many there are.
        captures: u8,
    },
    /// A function with captured values is called without them.
    #[error("function {index} has {captures} captured values, only a closure has them")]
    NoCaptures {
        /// Its index.
        index: u16,
        /// How many it wants.
        captures: u8,
    },
    /// A kind of value that does not exist.
    #[error("{tag:02x} is the tag of no kind of value")]
    Tag {
        /// As read.
        tag: u8,
    },
    /// A jump out of the function.
    #[error("a jump to word {target} of {words}")]
    Target {
        /// Where it goes.
        target: i64,
        /// How many words there are.
        words: usize,
    },
    /// The function goes on after its last word.
    #[error("the function can run past its last word")]
    FallsOff,
    /// An effect in a pure function.
    #[error("`{name}` in a pure function")]
    Impure {
        /// Name of the instruction.
        name: &'static str,
    },
    /// A pure function calls one that is not.
    #[error("a pure function calls function {index}, which is not pure")]
    CallsImpure {
        /// Index of the callee.
        index: u16,
    },
    /// A capability is not declared.
    #[error("`{name}` needs capability `{cap}`, which the module does not declare")]
    Cap {
        /// Name of the instruction.
        name: &'static str,
        /// The capability.
        cap: &'static str,
    },
    /// A register is read that is not defined on every path.
    #[error("register {register} is read and not defined on every path")]
    Undefined {
        /// Its number.
        register: u16,
    },
    /// Paths with different handlers meet.
    #[error("paths with different handlers meet")]
    Handlers,
    /// There is no handler to pop.
    #[error("no handler is installed")]
    NoHandler,
    /// A handler is still installed.
    #[error("`{name}` with a handler installed")]
    HandlerLeft {
        /// Name of the instruction.
        name: &'static str,
    },
    /// Too many handlers at once.
    #[error("more than {max} handlers are installed", max = super::HANDLERS_MAX)]
    TooManyHandlers,
    /// A call could write to what a handler reads.
    #[error("the window of the call is at {window}, a handler keeps what is before {kept}")]
    Window {
        /// First register of the callee.
        window: u16,
        /// First register that no handler keeps.
        kept: u16,
    },
    /// The function is too tangled.
    #[error("the function takes more than {max} passes", max = super::PASSES_MAX)]
    TooTangled,
}

impl WordError {
    /// The error of the module.
    pub(super) fn at(self, function: u32, at: u32) -> VerifyError {
        VerifyError::Word {
            function,
            at,
            error: self,
        }
    }
}

//! A program as written: operations, their immediates and the static value, before any machine has
//! loaded it.
//!
//! Literals sit in one flat list and name each other by [`LiteralId`], so no type here is recursive:
//! a literal nested a million deep is compared, copied and dropped like any other list.

mod build;

use alloc::vec::Vec;
use core::fmt;

use ruint::aliases::U256;

pub use build::Builder;

/// Most elements a tuple may have.
pub const MAX_TUPLE: usize = 8;

/// Most operations a program may have.
pub const MAX_OPERATIONS: u32 = 1 << 24;

/// Most literals a [`Builder`] takes.
pub const MAX_LITERALS: u32 = 1 << 28;

/// A checked program. Equal programs are `==`: equal literals share one id, and ids follow from the
/// program alone, however it was built.
///
/// Literals are numbered in loading order: elements before their tuple, and what the last operation
/// needs before what the one in front of it needs. A loader that goes from the last operation to the
/// first therefore makes every literal once, and every code point in it names an operation that is
/// already loaded:
///
/// ```
/// # use avm_arb::program::{Builder, Literal, LiteralId};
/// # let mut builder = Builder::new();
/// # let none = builder.literal(Literal::Tuple(vec![]))?;
/// # builder.operation(0x3b, Some(none))?;
/// # let program = builder.finish(none)?;
/// let mut values = Vec::new();
/// for operation in program.code().iter().rev() {
///     while let Some(id) = operation.immediate && values.len() <= id.index() {
///         values.push(/* value of */ &program.literals()[values.len()]);
///     }
/// }
/// # Ok::<(), avm_arb::program::ProgramError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    code: Vec<Operation>,
    static_value: LiteralId,
    literals: Vec<Literal>,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Opcode byte; any of the 256, valid or not.
    pub opcode: u8,
    /// Value pushed before the operation runs.
    pub immediate: Option<LiteralId>,
}

/// Place of a literal in the list of its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LiteralId(u32);

impl LiteralId {
    /// The place, counted from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A value written in a program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Literal {
    /// A 256-bit word.
    Int(U256),
    /// At most 8 literals, each with an id smaller than this one's.
    Tuple(Vec<LiteralId>),
    /// The first bytes of a buffer. Trailing zeros are kept: they are part of the program as written,
    /// though the machine does not tell them from the zeros that follow.
    Buffer(Vec<u8>),
    /// A place in the code.
    CodePoint(Target),
}

/// What a code point names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// An operation, counted from 0 in the order of execution.
    Operation(u32),
    /// The error code point behind the last operation.
    End,
}

/// Where a literal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the immediate of an operation, counted from 0.
    Operation(u32),
    /// In the static value.
    Static,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(index) => write!(f, "the immediate of operation {index}"),
            Self::Static => f.write_str("the static value"),
        }
    }
}

/// Why operations and literals are not a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// An immediate names its own operation or an earlier one.
    #[error(
        "the immediate of operation {operation} names operation {target}, it may only name a later one"
    )]
    Backward {
        /// Operation with the immediate.
        operation: u32,
        /// Operation it names.
        target: u32,
    },
    /// A code point names an operation that is not there.
    #[error("{place} names operation {target}, the program has {operations}")]
    PastEnd {
        /// Where the code point stands.
        place: Place,
        /// Operation it names.
        target: u32,
        /// Operations in the program.
        operations: u32,
    },
    /// A tuple with too many elements.
    #[error("a tuple has {found} elements, the most is {MAX_TUPLE}")]
    TupleTooLong {
        /// Elements given.
        found: usize,
    },
    /// An id that this builder did not give out yet.
    #[error("literal {id} is named, the builder has {literals}")]
    UnknownLiteral {
        /// The id.
        id: u32,
        /// Literals so far.
        literals: u32,
    },
    /// More operations than a program may have.
    #[error("more than {limit} operations")]
    TooManyOperations {
        /// The most.
        limit: u32,
    },
    /// More literals than a builder takes.
    #[error("more than {limit} literals")]
    TooManyLiterals {
        /// The most.
        limit: u32,
    },
}

impl Program {
    /// The operations, in the order of execution.
    #[must_use]
    pub fn code(&self) -> &[Operation] {
        &self.code
    }

    /// The static value.
    #[must_use]
    pub fn static_value(&self) -> LiteralId {
        self.static_value
    }

    /// All literals, each once, in loading order. All are used.
    #[must_use]
    pub fn literals(&self) -> &[Literal] {
        &self.literals
    }

    /// The literal with an id of this program.
    ///
    /// # Panics
    /// If the id comes from a larger program.
    #[must_use]
    pub fn literal(&self, id: LiteralId) -> &Literal {
        &self.literals[id.index()]
    }

    /// All literals with their ids.
    pub(crate) fn ids(&self) -> impl Iterator<Item = (LiteralId, &Literal)> {
        (0..).map(LiteralId).zip(&self.literals)
    }

    /// Goes through the literal `root` in the order of writing. `visit` says of each tuple whether to
    /// go inside; what it answers otherwise does not matter.
    pub(crate) fn walk(&self, root: LiteralId, mut visit: impl FnMut(Visit<'_>) -> bool) {
        let mut open: Vec<(&[LiteralId], usize)> = Vec::new();
        let mut next = root;
        loop {
            let literal = self.literal(next);
            let inside = visit(Visit::Literal(next, literal));
            if let (true, Literal::Tuple(elements)) = (inside, literal) {
                open.push((elements, 0));
            }
            loop {
                let Some((elements, done)) = open.last_mut() else {
                    return;
                };
                if let Some(&element) = elements.get(*done) {
                    if *done > 0 {
                        visit(Visit::Between);
                    }
                    *done += 1;
                    next = element;
                    break;
                }
                open.pop();
                visit(Visit::Close);
            }
        }
    }
}

/// One event of [`Program::walk`].
pub(crate) enum Visit<'a> {
    /// A literal; the start of a tuple if it is one.
    Literal(LiteralId, &'a Literal),
    /// Between two elements of a tuple.
    Between,
    /// The end of a tuple that was gone into.
    Close,
}

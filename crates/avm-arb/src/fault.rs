//! What can go wrong inside the machine, which is part of the state, and outside of it.

use avm_core::HostError;
use ruint::aliases::U256;

use crate::value::Kind;

/// An error of the program. The machine consumes the operands and goes to its error handler.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A byte that is no opcode.
    #[error("{0:#04x} is not an opcode")]
    InvalidOpcode(u8),
    /// The `error` operation.
    #[error("the program raised an error")]
    Raised,
    /// Fewer items on a stack than the operation takes.
    #[error(
        "stack underflow: the operation takes {want} and {want_aux} aux items, there are {have} and {have_aux}"
    )]
    Underflow {
        /// Items that the operation takes from the data stack.
        want: usize,
        /// Items there were.
        have: usize,
        /// Items that the operation takes from the aux stack.
        want_aux: usize,
        /// Items there were.
        have_aux: usize,
    },
    /// Less gas left than the operation costs.
    #[error("out of gas: the operation costs {cost}, {left} left")]
    OutOfGas {
        /// Price.
        cost: u64,
        /// Gas left.
        left: U256,
    },
    /// An operand of the wrong kind.
    #[error("the operand is of kind {found}, not {want}")]
    WrongKind {
        /// Kind the operation takes.
        want: Kind,
        /// Kind of the operand.
        found: Kind,
    },
    /// A division by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// An index past the end of a tuple.
    #[error("index {index} of a tuple of {len}")]
    TupleIndex {
        /// Index.
        index: U256,
        /// Length of the tuple.
        len: usize,
    },
    /// A tuple of another length than the operation takes.
    #[error("a tuple of {found} elements, not {want}")]
    TupleLength {
        /// Length the operation takes.
        want: usize,
        /// Length of the tuple.
        found: usize,
    },
    /// A buffer offset at or above 2^64 less the width of the access.
    #[error("buffer offset {0} is out of range")]
    BufferOffset(U256),
    /// A value too large for the width of a buffer write.
    #[error("{value} does not fit {width_bytes} bytes")]
    BufferValue {
        /// Value.
        value: U256,
        /// Width of the write, in bytes.
        width_bytes: usize,
    },
    /// A send of no bytes or of more than 10000.
    #[error("a send of {0} bytes; 1 to 10000 are allowed")]
    SendSize(U256),
    /// A send shorter than the content of its buffer.
    #[error("the buffer has content behind byte {size_bytes}")]
    SendTruncated {
        /// Size given.
        size_bytes: usize,
    },
    /// A coordinate too large, a point off the curve, or outside the subgroup.
    #[error("not a point of the curve")]
    BadPoint,
    /// A pairing list that does not end in the empty tuple within 30 items.
    #[error("not a list of at most 30 items")]
    BadPairingList,
}

/// What `?` carries out of a handler: the loop keeps the first and passes on the second.
#[derive(Debug)]
pub(crate) enum Trap {
    Fault(Fault),
    Host(HostError),
}

impl From<Fault> for Trap {
    fn from(fault: Fault) -> Self {
        Trap::Fault(fault)
    }
}

impl From<HostError> for Trap {
    fn from(error: HostError) -> Self {
        Trap::Host(error)
    }
}

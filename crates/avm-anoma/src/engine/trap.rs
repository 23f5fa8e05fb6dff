//! What `?` carries out of an instruction.

use avm_core::HostError;

use crate::fault::{Code, Fault};
use crate::value::int::ArithError;
use crate::value::{Val, ValueError};

/// Why an instruction did not end as it should.
#[derive(Debug)]
pub enum Trap {
    /// The program did something wrong.
    Fault(Fault),
    /// An error of the program that was told already; what follows is arranged.
    Told,
    /// The outside failed.
    Host(HostError),
}

pub type Result<T, E = Trap> = core::result::Result<T, E>;

impl From<HostError> for Trap {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl From<Fault> for Trap {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<ValueError> for Trap {
    #[cold]
    fn from(error: ValueError) -> Self {
        let limit = match error {
            ValueError::Host(error) => return Self::Host(error),
            ValueError::TooLong => "value-bytes",
            ValueError::TooDeep => "value-depth",
            ValueError::Id { .. } => "name-bytes",
            ValueError::NotPassable => return fault(Code::NotPassable),
        };
        Self::Fault(Fault::new(Code::Quota, [Val::str(limit)]))
    }
}

impl From<ArithError> for Trap {
    #[cold]
    fn from(error: ArithError) -> Self {
        match error {
            ArithError::Overflow => fault(Code::Overflow),
            ArithError::DivZero => fault(Code::DivZero),
            ArithError::NotInt => mismatch("int"),
        }
    }
}

/// A fault without fields.
#[cold]
pub fn fault(code: Code) -> Trap {
    Trap::Fault(Fault::new(code, []))
}

/// A fault with fields.
#[cold]
pub fn fault_of(code: Code, fields: impl IntoIterator<Item = Val>) -> Trap {
    Trap::Fault(Fault::new(code, fields))
}

/// An operand of another kind.
#[cold]
pub fn mismatch(want: &str) -> Trap {
    fault_of(Code::Type, [Val::str(want)])
}

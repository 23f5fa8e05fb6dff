use avm_core::{Bytes, Hash, HostError, Nodes};

/// Longest program in bytes, so that a jump target is one byte.
const MAX_LEN: usize = 256;

/// A program: its name, or its bytes.
#[derive(Clone)]
pub(super) enum Program {
    Closed(Hash),
    Open(Bytes),
}

impl Program {
    pub(super) fn name(&self) -> Hash {
        match self {
            Self::Closed(name) => *name,
            Self::Open(program) => Hash::keccak(program),
        }
    }

    pub(super) fn open(&self, nodes: &dyn Nodes) -> Result<Bytes, HostError> {
        match self {
            Self::Closed(name) => nodes.get(*name),
            Self::Open(program) => Ok(program.clone()),
        }
    }
}

/// Why an image is not a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// Longer than jumps reach.
    #[error("a program has at most 256 bytes, found {0}")]
    TooLong(usize),
    /// A byte that is no instruction.
    #[error("no instruction has the code {code:#04x} found at byte {at}")]
    Code {
        /// Position in the program.
        at: usize,
        /// The byte there.
        code: u8,
    },
    /// The program ends inside an instruction.
    #[error("the instruction at byte {at} has no operand")]
    Operand {
        /// Position in the program.
        at: usize,
    },
}

/// Checks that `image` is a string of instructions.
pub(super) fn check(image: &[u8]) -> Result<(), ProgramError> {
    if image.len() > MAX_LEN {
        return Err(ProgramError::TooLong(image.len()));
    }
    let mut at = 0;
    while let Some(&code) = image.get(at) {
        let len = match code {
            0x01 | 0x07 => 2,
            0x00..=0x07 => 1,
            _ => return Err(ProgramError::Code { at, code }),
        };
        if at + len > image.len() {
            return Err(ProgramError::Operand { at });
        }
        at += len;
    }
    Ok(())
}

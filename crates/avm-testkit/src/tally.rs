//! `Tally`, a toy machine that *pulls* its inputs: the example of a machine with a program.
//!
//! A program is a string of one-byte instructions over a stack of 64-bit numbers:
//!
//! | code | name | meaning |
//! | ---- | ---- | ------- |
//! | `00` | `halt` | Stops for ever. |
//! | `01 n` | `push n` | Pushes the byte `n`. |
//! | `02` | `take` | Takes the next input and pushes its first 8 bytes as a number; waits for it. |
//! | `03` | `add` | Pops two, pushes the sum modulo 2^64. |
//! | `04` | `dec` | Subtracts one from the top, modulo 2^64. |
//! | `05` | `dup` | Copies the top. |
//! | `06` | `emit` | Pops a number and hands it out. |
//! | `07 t` | `jnz t` | Pops; goes on at byte `t` if it was not zero. |
//!
//! One step is one instruction. What a program does wrong (too few operands, too many, a jump out
//! of the program) is part of the state: the machine halts with [`FAULTED`].
//!
//! How the state is a hash with nodes under it, each node named by its Keccak-256:
//!
//! ```text
//! root   status, pc, depth, name of the program, name of the top cell
//!   program   the image as it is
//!   cell      number, name of the cell below
//! ```
//!
//! `tally.rs` is the machine, `program.rs` and `stack.rs` are its two parts.
//!
//! What to copy into a real machine: a part is closed, only a name, until a step touches it, so
//! the nodes a step reads are exactly its proof; shared parts are behind `Arc`, so a fork costs
//! nothing; the next state replaces the present one only at the end of a step, so waiting leaves
//! no trace.

use std::sync::Arc;

use avm_core::{
    Channel, Hash, Host, HostError, ImageError, Machine, Nodes, Output, Ran, Save, Sink, Stop, Vm,
};

mod program;
mod stack;

use program::{Program, check};
use stack::Stack;

pub use program::ProgramError;

/// Halted by `halt`.
pub const HALTED: u8 = 1;
/// Halted by something the program did wrong.
pub const FAULTED: u8 = 2;

/// Most cells on the stack. Bounds the work of saving and dropping one, and the state.
const MAX_DEPTH: u16 = 64;
const ROOT_LEN: usize = 1 + 2 + 2 + 32 + 32;

/// The rules of `Tally`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally;

impl Vm for Tally {
    fn id(&self) -> &'static str {
        "tally"
    }

    fn spec(&self) -> &'static str {
        "tally/1"
    }

    fn hash(&self, node: &[u8]) -> Hash {
        Hash::keccak(node)
    }

    fn genesis(&self, image: &[u8]) -> Result<Box<dyn Machine>, ImageError> {
        check(image).map_err(ImageError::new)?;
        Ok(Box::new(Running {
            status: 0,
            pc: 0,
            depth: 0,
            program: Program::Open(image.into()),
            stack: Stack::Closed(Hash::ZERO),
            nodes: Arc::new(avm_core::MemoryNodes::default()),
        }))
    }

    fn open(&self, state: Hash, nodes: Arc<dyn Nodes>) -> Result<Box<dyn Machine>, HostError> {
        let root = nodes.get(state)?;
        let bad = || bad(state, &root, "a tally state of 69 bytes");
        let root: &[u8; ROOT_LEN] = root[..].try_into().map_err(|_| bad())?;
        Ok(Box::new(Running {
            status: root[0],
            pc: u16::from_be_bytes([root[1], root[2]]),
            depth: u16::from_be_bytes([root[3], root[4]]),
            program: Program::Closed(name_at(root, 5)),
            stack: Stack::Closed(name_at(root, 37)),
            nodes,
        }))
    }
}

/// A `Tally` somewhere in its run.
#[derive(Clone)]
struct Running {
    status: u8,
    pc: u16,
    depth: u16,
    program: Program,
    stack: Stack,
    /// Where closed parts are read from.
    nodes: Arc<dyn Nodes>,
}

impl Machine for Running {
    fn run(&mut self, budget: u64, host: &mut dyn Host) -> Result<Ran, HostError> {
        let mut steps = 0;
        let stop = loop {
            if self.status != 0 {
                break Stop::Halted;
            }
            if steps == budget {
                break Stop::Budget;
            }
            match self.step(host)? {
                Flow::Next(next) => *self = next,
                Flow::Halt(status) => self.status = status,
                Flow::Wait => break Stop::NeedsInput,
            }
            steps += 1;
        };
        Ok(Ran { steps, stop })
    }

    fn state_hash(&mut self) -> Hash {
        Hash::keccak(&self.root())
    }

    fn save(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        let root = self.root();
        let name = Hash::keccak(&root);
        if sink.has(name)? {
            return Ok(name);
        }
        let program = self.program.name();
        if !sink.has(program)? {
            sink.put(program, &self.program.open(&*self.nodes)?)?;
        }
        self.stack.save(self.depth, &*self.nodes, sink)?;
        sink.put(name, &root)?;
        Ok(name)
    }

    fn fork(&self) -> Box<dyn Machine> {
        Box::new(self.clone())
    }
}

/// What a step comes to.
enum Flow {
    Next(Running),
    Halt(u8),
    /// The input is not there yet: the state stays as it was.
    Wait,
}

impl Running {
    fn step(&self, host: &mut dyn Host) -> Result<Flow, HostError> {
        let program = self.program.open(&*self.nodes)?;
        let pc = usize::from(self.pc);
        let operand = program.get(pc + 1).copied().unwrap_or_default();
        let mut next = self.clone();
        next.program = Program::Open(program.clone());
        next.pc = self.pc.saturating_add(1);
        let done = match program.get(pc) {
            Some(0x00) => return Ok(Flow::Halt(HALTED)),
            Some(0x01) => {
                next.pc = self.pc.saturating_add(2);
                next.push(operand.into())
            }
            Some(0x02) => {
                if self.depth >= MAX_DEPTH {
                    return Ok(Flow::Halt(FAULTED)); // before the input is taken
                }
                let Some(input) = host.next_input()? else {
                    return Ok(Flow::Wait);
                };
                next.push(number(&input))
            }
            Some(0x03) => match (next.pop()?, next.pop()?) {
                (Some(a), Some(b)) => next.push(a.wrapping_add(b)),
                _ => None,
            },
            Some(0x04) => match next.pop()? {
                Some(a) => next.push(a.wrapping_sub(1)),
                None => None,
            },
            Some(0x05) => match next.pop()? {
                Some(a) => next.push(a).and_then(|()| next.push(a)),
                None => None,
            },
            Some(0x06) => match next.pop()? {
                Some(a) => Some(emit(a, host)?),
                None => None,
            },
            Some(0x07) => next.pop()?.map(|a| {
                next.pc = if a != 0 {
                    operand.into()
                } else {
                    self.pc.saturating_add(2)
                };
            }),
            _ => None,
        };
        Ok(match done {
            Some(()) => Flow::Next(next),
            None => Flow::Halt(FAULTED),
        })
    }

    /// `None` if the stack is full.
    fn push(&mut self, number: u64) -> Option<()> {
        self.depth = self
            .depth
            .checked_add(1)
            .filter(|depth| *depth <= MAX_DEPTH)?;
        self.stack = self.stack.with(number);
        Some(())
    }

    /// `None` if the stack is empty.
    fn pop(&mut self) -> Result<Option<u64>, HostError> {
        let Some(depth) = self.depth.checked_sub(1) else {
            return Ok(None);
        };
        let top = self.stack.open(&*self.nodes)?;
        self.depth = depth;
        self.stack = top.below.clone();
        Ok(Some(top.number))
    }

    fn root(&self) -> [u8; ROOT_LEN] {
        let mut root = [0; ROOT_LEN];
        root[0] = self.status;
        root[1..3].copy_from_slice(&self.pc.to_be_bytes());
        root[3..5].copy_from_slice(&self.depth.to_be_bytes());
        root[5..37].copy_from_slice(&self.program.name().0);
        root[37..].copy_from_slice(&self.stack.name().0);
        root
    }
}

/// The first 8 bytes as a big-endian number; a shorter input is the number it spells.
fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The name `at` bytes into a node whose length was checked.
fn name_at(node: &[u8], at: usize) -> Hash {
    Hash(node[at..at + 32].try_into().expect("a name has 32 bytes"))
}

fn bad(hash: Hash, node: &[u8], want: &'static str) -> HostError {
    let len = node.len();
    HostError::BadNode { hash, len, want }
}

/// Hands out `number`: one node with its 8 bytes.
fn emit(number: u64, host: &mut dyn Host) -> Result<(), HostError> {
    struct Number([u8; 8]);
    impl Save for Number {
        fn save(&self, sink: &mut dyn Sink) -> Result<(), HostError> {
            let name = Hash::keccak(&self.0);
            if sink.has(name)? {
                return Ok(());
            }
            sink.put(name, &self.0)
        }
    }
    let content = Number(number.to_be_bytes());
    host.emit(Output {
        channel: Channel(0),
        hash: Hash::keccak(&content.0),
        content: &content,
    })
}

//! Plausible programs from any bytes, for fuzzing and property tests: programs that run on, reach
//! every opcode and every fault, and keep something on their stacks.
//!
//! A program is a row of chunks. Each sets the error handler to the next one, so that a fault costs
//! the rest of its chunk only. The static value is a tuple of code points of chunks: from the last
//! chunk, and here and there before, control goes back through it.

use alloc::vec;
use alloc::vec::Vec;

use avm_isa::Info;
use ruint::aliases::U256;

use crate::message::Message;
use crate::ops::OPS;
use crate::program::{Builder, Literal, LiteralId, Program, Target};

/// Most operations before the last chunk.
const OPERATIONS_MAX: usize = 2_000;
/// Code points in the static value.
const WAYS_BACK: usize = 8;

const NOP: u8 = 0x3b;

/// The program and the log that `bytes` stand for. The same bytes always stand for the same.
#[must_use]
pub fn program(bytes: &[u8]) -> (Program, Vec<Message>) {
    let mut draft = Draft {
        bytes: bytes.iter(),
        code: vec![],
        chunks: vec![],
    };
    let messages = draft.messages();
    while draft.bytes.len() > 0 && draft.code.len() < OPERATIONS_MAX {
        draft.chunk();
    }
    draft.last_chunk();
    (draft.build(), messages)
}

/// A value before it is known where the chunks are.
#[derive(Clone)]
enum Value {
    Int(U256),
    Tuple(Vec<Value>),
    Buffer(Vec<u8>),
    /// The start of a chunk.
    Chunk(usize),
    End,
}

/// What an operation takes at a place.
#[derive(Clone, Copy)]
enum Want {
    Any,
    Int,
    Bit,
    Index,
    Offset,
    Byte,
    Word64,
    Length,
    Opcode,
    Coordinate,
    Code,
    Tuple,
    Words7,
    Pairs,
    Buffer,
}

/// What a row takes, top first.
fn wants(op: &Info) -> &'static [Want] {
    use Want::*;
    match op.name {
        "keccakf" => &[Words7],
        "jump" | "errset" => &[Code],
        "cjump" => &[Code, Bit],
        "tget" => &[Index, Tuple],
        "tset" => &[Index, Tuple, Any],
        "tlen" => &[Tuple],
        "xget" => &[Index],
        "xset" => &[Index, Any],
        "send" => &[Length, Buffer],
        "setgas" | "sideload" => &[Int],
        "pushinsn" => &[Opcode, Code],
        "pushinsnimm" => &[Opcode, Any, Code],
        "ecadd" => &[Coordinate; 4],
        "ecmul" => &[Coordinate; 3],
        "ecpairing" => &[Pairs],
        "getbuffer8" | "getbuffer64" | "getbuffer256" => &[Offset, Buffer],
        "setbuffer8" => &[Offset, Byte, Buffer],
        "setbuffer64" => &[Offset, Word64, Buffer],
        "setbuffer256" => &[Offset, Int, Buffer],
        "hash" | "type" | "pop" | "rset" | "auxpush" | "log" | "debugprint" | "dup0" => &[Any],
        "eq" | "dup1" | "swap1" => &[Any; 2],
        "dup2" | "swap2" => &[Any; 3],
        _ => &[Int; 4],
    }
}

/// Ints at which something changes.
const EDGES: [[u64; 4]; 17] = [
    [0; 4],
    [1, 0, 0, 0],
    [8, 0, 0, 0],
    [31, 0, 0, 0],
    [32, 0, 0, 0],
    [255, 0, 0, 0],
    [256, 0, 0, 0],
    [10_000, 0, 0, 0],
    [u64::MAX - 31, 0, 0, 0],
    [u64::MAX - 7, 0, 0, 0],
    [u64::MAX, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 1, 0],
    [0, 0, 0, 1 << 63],
    [u64::MAX, u64::MAX, u64::MAX, u64::MAX >> 1],
    [u64::MAX - 1, u64::MAX, u64::MAX, u64::MAX],
    [u64::MAX; 4],
];

struct Draft<'a> {
    bytes: core::slice::Iter<'a, u8>,
    code: Vec<(u8, Option<Value>)>,
    /// First operation of each chunk.
    chunks: Vec<usize>,
}

impl Draft<'_> {
    /// The next byte; zero behind the last.
    fn byte(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or(0)
    }

    /// A number below `end`, which is at most 256.
    fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    fn number(&mut self) -> u64 {
        u64::from(self.byte())
    }

    fn messages(&mut self) -> Vec<Message> {
        let count = self.below(6);
        let message = |sequence_number: usize| {
            let len = self.below(70);
            Message {
                kind: self.byte(),
                sender: [self.byte(); 20],
                block_number: U256::from(self.number()),
                timestamp: U256::from(self.number()),
                sequence_number: U256::from(sequence_number),
                gas_price_l1: U256::ZERO,
                data: (0..len)
                    .map(|at| (at as u8).wrapping_mul(len as u8))
                    .collect(),
            }
        };
        (0..count).map(message).collect()
    }

    // ---- code

    fn op(&mut self, opcode: u8, immediate: Option<Value>) {
        self.code.push((opcode, immediate));
    }

    fn named(&mut self, name: &str, immediate: Option<Value>) {
        let opcode = crate::ops::code(name).expect("a name of the table");
        self.op(opcode, immediate);
    }

    fn chunk(&mut self) {
        self.chunks.push(self.code.len());
        let handler = match self.below(24) {
            0 => Value::End,
            _ => Value::Chunk(self.chunks.len()),
        };
        self.named("errset", Some(handler));
        for _ in 0..=self.below(8) {
            self.action();
        }
    }

    /// Goes back to somewhere, for ever.
    fn last_chunk(&mut self) {
        self.chunks.push(self.code.len());
        self.named("errset", Some(Value::End));
        self.way_back();
        self.named("jump", None);
    }

    /// Pushes the code point of some chunk.
    fn way_back(&mut self) {
        self.named("spush", None);
        let way = self.below(WAYS_BACK);
        self.named("tget", Some(Value::Int(U256::from(way))));
    }

    fn action(&mut self) {
        match self.below(48) {
            0 => {
                let (opcode, immediate) = (self.byte(), self.maybe_value());
                self.op(opcode, immediate);
            }
            1 => {
                let gas = Value::Int(U256::from(self.number() * 4));
                self.named("setgas", Some(gas));
            }
            2 => {
                let bit = self.want(Want::Bit);
                self.op(NOP, Some(bit));
                self.way_back();
                self.named("cjump", None);
            }
            3 => self.made_code(),
            4..8 => {
                let value = self.value(2);
                self.op(NOP, Some(value));
            }
            _ => self.table_op(),
        }
    }

    /// Makes a few operations in front of a chunk and goes there.
    fn made_code(&mut self) {
        let target = self.want(Want::Code);
        self.op(NOP, Some(target));
        for _ in 0..=self.below(4) {
            let opcode = self.want(Want::Opcode);
            if self.below(2) == 0 {
                self.named("pushinsn", Some(opcode));
            } else {
                let immediate = self.value(1);
                self.op(NOP, Some(immediate));
                self.named("pushinsnimm", Some(opcode));
            }
        }
        if self.below(2) == 0 {
            self.named("jump", None);
        }
    }

    /// An operation of the table, mostly with operands of the kinds it takes.
    fn table_op(&mut self) {
        let op = OPS[self.below(OPS.len())].info;
        // These end a run, or may: fewer of them.
        let ends = ["halt", "inbox", "error"].contains(&op.name);
        if ends && self.below(4) > 0 {
            return;
        }
        let mode = self.below(8);
        let mut immediate = None;
        if mode < 6 {
            let wants = &wants(&op)[..op.pops.len()];
            for _ in 0..op.aux_pops.len() {
                let value = self.want(Want::Tuple);
                self.named("auxpush", Some(value));
            }
            for (depth, want) in wants.iter().enumerate().rev() {
                let value = self.want(*want);
                if depth == 0 && mode < 4 {
                    immediate = Some(value);
                } else {
                    self.op(NOP, Some(value));
                }
            }
        } else if mode == 6 {
            immediate = self.maybe_value();
        }
        self.op(op.code, immediate);
    }

    // ---- values

    fn maybe_value(&mut self) -> Option<Value> {
        (self.below(2) == 0).then(|| self.value(2))
    }

    /// Any value, nested at most `depth` deep.
    fn value(&mut self, depth: usize) -> Value {
        match self.below(8) {
            0..3 => Value::Int(self.int()),
            3 | 4 if depth > 0 => {
                let len = self.below(9);
                Value::Tuple((0..len).map(|_| self.value(depth - 1)).collect())
            }
            5 => self.fitting(Want::Code),
            6 => self.fitting(Want::Buffer),
            _ => Value::Int(U256::from(self.byte())),
        }
    }

    /// A value for a place; now and then one that does not fit.
    fn want(&mut self, want: Want) -> Value {
        match self.below(32) {
            31 => self.value(1),
            _ => self.fitting(want),
        }
    }

    /// A value that fits a place.
    fn fitting(&mut self, want: Want) -> Value {
        let choice = self.below(32);
        let int = |n: u64| Value::Int(U256::from(n));
        match want {
            Want::Any => self.value(2),
            Want::Int => Value::Int(self.int()),
            Want::Bit => int(self.number() & 1),
            Want::Index => int(self.number() & 3),
            Want::Offset if choice < 8 => Value::Int(self.int()),
            Want::Offset => int(self.number()),
            Want::Byte | Want::Word64 if choice < 3 => Value::Int(self.int()),
            Want::Byte => int(self.number()),
            Want::Word64 => int(self.number() << 56 | self.number()),
            Want::Length if choice < 24 => int(70 + self.number()),
            Want::Length => int(self.number()),
            Want::Opcode => int(u64::from(OPS[self.below(OPS.len())].info.code)),
            Want::Coordinate if choice < 24 => int(0),
            Want::Coordinate => int(1 + (self.number() & 1)),
            Want::Code if choice < 3 => Value::End,
            Want::Code => Value::Chunk(self.chunks.len() + self.below(4)),
            Want::Tuple => {
                let len = 1 + self.below(8);
                Value::Tuple((0..len).map(|_| self.value(1)).collect())
            }
            Want::Words7 => Value::Tuple((0..7).map(|_| Value::Int(self.int())).collect()),
            Want::Pairs => self.pairs(choice),
            Want::Buffer => {
                let len = self.below(70);
                let step = self.byte();
                Value::Buffer((0..len).map(|at| (at as u8).wrapping_mul(step)).collect())
            }
        }
    }

    /// A list of at most three pairs of infinities.
    fn pairs(&mut self, choice: usize) -> Value {
        let zero = Value::Int(U256::ZERO);
        let mut list = Value::Tuple(vec![]);
        for _ in 0..choice % 4 {
            list = Value::Tuple(vec![Value::Tuple(vec![zero.clone(); 6]), list]);
        }
        list
    }

    fn int(&mut self) -> U256 {
        match self.below(4) {
            0 => U256::from(self.byte()),
            1 => {
                let mut limb = || u64::from_be_bytes(core::array::from_fn(|_| self.byte()));
                U256::from_limbs([limb(), limb(), limb(), limb()])
            }
            _ => U256::from_limbs(EDGES[self.below(EDGES.len())]),
        }
    }

    // ---- the program

    fn build(self) -> Program {
        let mut builder = Builder::new();
        let ways = (0..WAYS_BACK).map(|way| Value::Chunk(way * self.chunks.len() / WAYS_BACK));
        let ways = literal(&mut builder, &Value::Tuple(ways.collect()), &self.chunks, 0);
        for (index, (opcode, immediate)) in self.code.iter().enumerate() {
            let immediate = immediate.as_ref();
            let id = immediate.map(|value| literal(&mut builder, value, &self.chunks, index + 1));
            let added = builder.operation(*opcode, id);
            added.expect("fewer operations than a program may have");
        }
        builder
            .finish(ways)
            .expect("code points name later operations")
    }
}

/// Adds a value in which code points name operation `first` or later ones, else the end.
fn literal(builder: &mut Builder, value: &Value, chunks: &[usize], first: usize) -> LiteralId {
    let literal = match value {
        Value::Int(word) => Literal::Int(*word),
        Value::Buffer(bytes) => Literal::Buffer(bytes.clone()),
        Value::End => Literal::CodePoint(Target::End),
        Value::Chunk(chunk) => {
            let start = chunks.get(*chunk).filter(|&&start| start >= first);
            Literal::CodePoint(match start {
                Some(&start) => Target::Operation(start as u32),
                None => Target::End,
            })
        }
        // At most four deep.
        Value::Tuple(elements) => {
            let ids = elements
                .iter()
                .map(|element| literal(builder, element, chunks, first));
            Literal::Tuple(ids.collect())
        }
    };
    builder
        .literal(literal)
        .expect("at most 8 elements, and few literals")
}

//! Every opcode of the Arbitrum machine with operands that suit it, and the ways it can fail.

use avm_arb::ops;

use super::run::{Run, message};

/// An opcode, operands with which it works, and its faults.
pub struct Operation {
    /// Name.
    pub name: &'static str,
    /// Operands from the data stack, top first, then `|` and those from the aux stack.
    operands: &'static str,
    /// Its faults besides `OutOfGas`, which every opcode has, and `Underflow`, which every opcode
    /// with operands has.
    faults: &'static [&'static str],
}

const fn row(
    name: &'static str,
    operands: &'static str,
    faults: &'static [&'static str],
) -> Operation {
    Operation {
        name,
        operands,
        faults,
    }
}

const KIND: &[&str] = &["WrongKind"];
const DIVISION: &[&str] = &["WrongKind", "DivisionByZero"];
const INDEX: &[&str] = &["WrongKind", "TupleIndex"];
const OFFSET: &[&str] = &["WrongKind", "BufferOffset"];
const VALUE: &[&str] = &["WrongKind", "BufferOffset", "BufferValue"];

/// Every opcode.
#[rustfmt::skip]
pub const OPERATIONS: &[Operation] = &[
    row("add", "7 9", KIND), row("mul", "7 9", KIND), row("sub", "7 9", KIND),
    row("div", "7 2", DIVISION), row("sdiv", "-7 2", DIVISION), row("mod", "7 2", DIVISION), row("smod", "-7 2", DIVISION),
    row("addmod", "7 9 5", DIVISION), row("mulmod", "7 9 5", DIVISION),
    row("exp", "7 9", KIND), row("signextend", "1 0xffff", KIND),
    row("lt", "7 9", KIND), row("gt", "7 9", KIND), row("slt", "7 9", KIND), row("sgt", "7 9", KIND),
    row("eq", "(1,2) (1,2)", &[]), row("iszero", "7", KIND),
    row("and", "7 9", KIND), row("or", "7 9", KIND), row("xor", "7 9", KIND), row("not", "7", KIND),
    row("byte", "31 258", KIND), row("shl", "7 9", KIND), row("shr", "7 9", KIND), row("sar", "7 9", KIND),
    row("hash", "(1,(2,3))", &[]), row("type", "(1,(2,3))", &[]),
    row("ethhash2", "7 9", KIND), row("keccakf", "(1,2,3,4,5,6,7)", &["WrongKind", "TupleLength"]), row("sha256f", "7 8 9", KIND),
    row("pop", "(1,(2,3))", &[]), row("spush", "", &[]), row("rpush", "", &[]), row("rset", "(1,(2,3))", &[]),
    row("jump", "@to", KIND), row("cjump", "@to 1", KIND),
    row("stackempty", "", &[]), row("pcpush", "", &[]),
    row("auxpush", "(1,(2,3))", &[]), row("auxpop", "| (1,(2,3))", &[]), row("auxstackempty", "", &[]),
    row("nop", "", &[]), row("errpush", "", &[]), row("errset", "@to", KIND),
    row("dup0", "(1,2)", &[]), row("dup1", "(1,2) \"b\"", &[]), row("dup2", "(1,2) \"b\" @to", &[]),
    row("swap1", "(1,2) \"b\"", &[]), row("swap2", "(1,2) \"b\" @to", &[]),
    row("tget", "1 (5,(6,7),8)", INDEX), row("tset", "1 (5,(6,7),8) \"b\"", INDEX), row("tlen", "(5,(6,7),8)", KIND),
    row("xget", "1 | (5,(6,7),8)", INDEX), row("xset", "1 \"b\" | (5,(6,7),8)", INDEX),
    row("breakpoint", "", &[]), row("log", "(1,(2,3))", &[]),
    row("send", "60 \"thirty-two_bytes_and_then_a_few_more_bytes\"", &["WrongKind", "SendSize", "SendTruncated"]),
    row("inbox", "", &[]), row("error", "", &["Raised"]), row("halt", "", &[]),
    row("setgas", "1000", KIND), row("pushgas", "", &[]), row("errcodepoint", "", &[]),
    row("pushinsn", "1 @to", KIND), row("pushinsnimm", "1 (1,2) @to", KIND), row("sideload", "0", KIND),
    row("ecrecover", "1 2 0 3", KIND),
    row("ecadd", "1 2 1 2", &["WrongKind", "BadPoint"]), row("ecmul", "1 2 3", &["WrongKind", "BadPoint"]),
    row("ecpairing", "((1,2,0,0,0,0),((0,0,0,0,0,0),()))", &["WrongKind", "TupleLength", "BadPoint", "BadPairingList"]),
    row("debugprint", "(1,(2,3))", &[]),
    row("newbuffer", "", &[]),
    row("getbuffer8", "40 \"thirty-two_bytes_and_then_a_few_more_bytes\"", OFFSET),
    row("getbuffer64", "30 \"thirty-two_bytes_and_then_a_few_more_bytes\"", OFFSET),
    row("getbuffer256", "30 \"thirty-two_bytes_and_then_a_few_more_bytes\"", OFFSET),
    row("setbuffer8", "200 7 \"thirty-two_bytes_and_then_a_few_more_bytes\"", VALUE),
    row("setbuffer64", "30 7 \"thirty-two_bytes_and_then_a_few_more_bytes\"", VALUE),
    row("setbuffer256", "30 7 \"thirty-two_bytes_and_then_a_few_more_bytes\"", OFFSET),
];

/// Operands at which something changes for some opcode: kinds, sizes, lengths, points.
pub const OPERANDS: &[&str] = &[
    "0",
    "1",
    "-1",
    "300",
    "0x1_0000_0000_0000_0000",
    "()",
    "(1,2)",
    "(1,2,3,4,5,6,7)",
    "(1,2,3,4,5,6,())",
    "@to",
    "\"\"",
    "hex\"01\"",
    "\"sixty-four_bytes_and_then_some_more,_so_that_there_are_three_leaves_in_it\"",
    "((1,1,0,0,0,0),())",
    "((1,2),())",
    "(5,())",
];

impl Operation {
    /// Opcode.
    pub fn code(&self) -> u8 {
        ops::code(self.name).expect("a name of the table")
    }

    /// Every fault it can have.
    pub fn all_faults(&self) -> Vec<&'static str> {
        let underflow = (!self.operands.is_empty()).then_some("Underflow");
        let all = self.faults.iter().copied().chain(underflow);
        all.chain(["OutOfGas"]).collect()
    }

    /// A program in which it works.
    pub fn program(&self) -> Sketch {
        let (data, aux) = self.operands.split_once('|').unwrap_or((self.operands, ""));
        let words = |text: &'static str| text.split_whitespace().collect();
        Sketch {
            name: self.name,
            data: words(data),
            aux: words(aux),
            ..Sketch::default()
        }
    }

    /// Programs with each operand replaced by each other one, with operands left out, without gas,
    /// with a handler and without one, with the top as immediate and without.
    pub fn programs(&self) -> Vec<Sketch> {
        let good = self.program();
        let mut bad = vec![good.clone()];
        for operand in OPERANDS {
            for at in 0..good.data.len() {
                let mut other = good.clone();
                other.data[at] = operand;
                bad.push(other);
            }
            for at in 0..good.aux.len() {
                let mut other = good.clone();
                other.aux[at] = operand;
                bad.push(other);
            }
        }
        for left in 0..good.data.len() {
            let mut fewer = good.clone();
            fewer.data.truncate(left);
            bad.push(fewer);
        }
        if !good.aux.is_empty() {
            let mut fewer = good.clone();
            fewer.aux.clear();
            bad.push(fewer);
        }
        let mut broke = good;
        broke.broke = true;
        bad.push(broke);
        let handled = bad.clone().into_iter().map(|sketch| Sketch {
            handler: true,
            immediate: !sketch.data.is_empty() && !sketch.broke,
            ..sketch
        });
        let handled: Vec<_> = handled.collect();
        bad.extend(handled);
        bad
    }
}

/// A program with one operation and what comes before it.
#[derive(Clone, Debug, Default)]
pub struct Sketch {
    name: &'static str,
    data: Vec<&'static str>,
    aux: Vec<&'static str>,
    /// Whether there is an error handler.
    handler: bool,
    /// Whether the top of the data stack is an immediate.
    immediate: bool,
    /// Whether the gas is used up.
    broke: bool,
}

impl Sketch {
    /// The program as text.
    pub fn source(&self) -> String {
        let mut text = String::from(".static (1, (2, 3), \"static\")\n");
        if self.handler {
            text += "errset @handler\n";
        }
        for operand in self.aux.iter().rev() {
            text += &format!("push {operand}\nauxpush\n");
        }
        let in_place = usize::from(self.immediate);
        for operand in self.data.iter().skip(in_place).rev() {
            text += &format!("push {operand}\n");
        }
        if self.broke {
            text += "setgas 0\n";
        }
        let immediate = self.data.first().filter(|_| self.immediate);
        text += &format!("{} {}\n", self.name, immediate.unwrap_or(&""));
        text + "halt\nhandler: errset @to\nto: nop\nhalt\n"
    }

    /// The run of the program.
    pub fn run(&self) -> Run {
        Run::masm(
            &self.source(),
            &[message(1, b"a message of more than thirty-two bytes")],
        )
    }
}

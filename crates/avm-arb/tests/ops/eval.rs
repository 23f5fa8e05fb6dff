//! One operation on given operands, in every way that it can be run.

use std::fmt;
use std::sync::Arc;

use avm_arb::asm::assemble;
use avm_arb::{Arb, ArbMachine, Message, Program, Status};
use avm_core::{
    Claim, Hash, Inspect, Machine, MemoryInbox, MemoryNodes, MemoryOutbox, Probe, StepEnd,
    StepStart, advance, advance_watched,
};
use ruint::aliases::U256;

use crate::rows::row;

/// Names for the ints at which operations change their mind.
pub const CONSTANTS: &str = "
.const MAX = -1
.const MIN = 0x8000000000000000000000000000000000000000000000000000000000000000
.const P64 = 0x1_0000_0000_0000_0000
.const P128 = 0x1_0000_0000_0000_0000_0000_0000_0000_0000
";

/// What stands behind the operation.
const TAIL: &str = "
imm: halt (1, @there)
handler: halt
there: halt
";

/// An operation and what it finds.
///
/// Operands and results are literals of the assembler, top first; those that start with `aux ` are
/// on the aux stack. `@op` is the code point of the operation itself, `@handler` that of the error
/// handler; the others are in [`TAIL`].
#[derive(Clone, Copy)]
pub struct Shot<'a> {
    /// The operation: its name, or a directive.
    pub operation: &'a str,
    pub operands: &'a [&'a str],
    /// Gas left before it.
    pub gas: Option<U256>,
}

/// What an operation did.
#[derive(Debug, PartialEq)]
pub struct Seen {
    /// What is on the stacks then.
    pub left: Left,
    pub fault: Option<String>,
    /// Gas charged.
    pub gas: u64,
    /// Gas left after it.
    pub gas_left: U256,
}

impl Seen {
    /// What is left, or the fault.
    pub fn result(&self) -> Result<Left, String> {
        self.fault.clone().map_or(Ok(self.left.clone()), Err)
    }
}

/// What is on the stacks; equal if it hashes alike.
#[derive(Clone)]
pub struct Left {
    hashes: Option<[Hash; 2]>,
    text: String,
}

impl PartialEq for Left {
    fn eq(&self, other: &Self) -> bool {
        self.hashes == other.hashes
    }
}

impl fmt::Debug for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Left {
    fn of(machine: &mut ArbMachine) -> Self {
        let parts = machine.parts();
        let pane = |pane| -> Vec<String> { (0..).map_while(|at| machine.item(pane, at)).collect() };
        let text = match parts {
            Some(_) => format!("{:?} aux {:?}", pane(0), pane(1)),
            None => machine.status().to_string(),
        };
        let hashes = parts.map(|parts| [parts.stack, parts.aux]);
        Left { hashes, text }
    }
}

/// The stacks with `literals` on them; the single literal `halted` is a machine that halted.
pub fn left(shot: &Shot<'_>, literals: &[&str]) -> Left {
    if literals == ["halted"] {
        let text = String::from("halted");
        return Left { hashes: None, text };
    }
    let (program, before) = shot.program(literals, None, true);
    let mut machine = Arb::default().load(&program);
    run(&mut machine, before);
    Left::of(&mut machine)
}

/// The one message in the log.
pub fn message() -> Message {
    Message {
        kind: 3,
        sender: [0x11; 20],
        block_number: U256::from(7),
        timestamp: U256::from(8),
        sequence_number: U256::from(9),
        gas_price_l1: U256::from(10),
        data: Arc::from(*b"\xab\xcd\0"),
    }
}

fn inbox() -> MemoryInbox {
    [message().to_bytes()].into_iter().collect()
}

/// Runs exactly `steps` steps.
fn run(machine: &mut ArbMachine, steps: u64) {
    let claim = Claim::genesis(machine.state_hash());
    let outbox = &mut MemoryOutbox::default();
    let (claim, stop) = advance(machine, claim, &inbox(), outbox, steps).expect("no host fails");
    assert_eq!(claim.steps, steps, "{stop:?}");
}

/// Notes the last step.
#[derive(Default)]
struct Last {
    fault: Option<String>,
    gas: u64,
}

impl Probe for Last {
    fn before(&mut self, _: &StepStart<'_>) {}

    fn after(&mut self, step: &StepEnd<'_>) {
        self.fault = step.fault.map(ToString::to_string);
        self.gas = step.cost;
    }
}

impl<'a> Shot<'a> {
    pub fn of(operation: &'a str, operands: &'a [&'a str]) -> Self {
        Shot {
            operation,
            operands,
            gas: None,
        }
    }

    /// The program with `operands` on the stacks in front of the operation, and the number of steps
    /// up to there.
    fn program(&self, operands: &[&str], immediate: Option<&str>, handled: bool) -> (Program, u64) {
        let mut source = format!("{CONSTANTS}.static @op\n");
        let handler = if handled { "errset @handler\n" } else { "" };
        source.push_str(handler);
        for operand in operands.iter().rev() {
            source.push_str(&match operand.strip_prefix("aux ") {
                Some(operand) => format!("push {operand}\nauxpush\n"),
                None => format!("push {operand}\n"),
            });
        }
        if let Some(gas) = self.gas {
            source.push_str(&format!("setgas {gas}\n"));
        }
        let operation = self.operation;
        let immediate = immediate.unwrap_or("");
        source.push_str(&format!("op: {operation} {immediate}\nhalt\n{TAIL}"));
        let assembled =
            assemble(&source).unwrap_or_else(|errors| panic!("{}", errors.render("case", &source)));
        let before = u64::from(assembled.labels["op"]);
        (assembled.program, before)
    }

    /// Runs the operation step by step under a probe, and checks that it does the same in one run
    /// of either engine, opened from nodes, with its first operand as immediate, and stops the
    /// machine if it fails without a handler.
    pub fn eval(&self) -> Seen {
        let seen = self.watched(self.operands, None);
        if let Some((first, rest)) = self.operands.split_first()
            && !first.starts_with("aux ")
            && !row(self.operation).data.is_empty()
        {
            let mut other = self.watched(rest, Some(first));
            if self.gas.is_none() {
                // There is one `push` less to pay for.
                other.gas_left = seen.gas_left;
            }
            assert_eq!(other, seen, "{} {first}, as immediate", self.operation);
        }
        if seen.fault.is_some() {
            let (program, before) = self.program(self.operands, None, false);
            let mut machine = Arb::default().load(&program);
            run(&mut machine, before + 1);
            assert_eq!(machine.status(), Status::ErrorStop, "{}", self.operation);
        }
        seen
    }

    fn watched(&self, operands: &[&str], immediate: Option<&str>) -> Seen {
        let (program, before) = self.program(operands, immediate, true);
        let mut machine = Arb::default().load(&program);
        run(&mut machine, before);
        let mut nodes = MemoryNodes::default();
        let state = machine.save(&mut nodes).expect("a sink in memory");
        let mut opened = Arb::default()
            .open(state, Arc::new(nodes))
            .expect("it was saved");

        let claim = Claim::genesis(state);
        let mut last = Last::default();
        let (outbox, probe) = (
            &mut MemoryOutbox::default(),
            Some(&mut last as &mut dyn Probe),
        );
        advance_watched(&mut machine, claim, &inbox(), outbox, 1, probe).expect("no host fails");

        run(&mut opened, 1);
        assert_eq!(
            opened.state_hash(),
            machine.state_hash(),
            "{}, opened",
            self.operation
        );
        for fast in [true, false] {
            let rules = Arb {
                fast,
                ..Arb::default()
            };
            let mut other = rules.load(&program);
            run(&mut other, before + 1);
            let name = format!("{}, fast {fast}", self.operation);
            assert_eq!(other.state_hash(), machine.state_hash(), "{name}");
        }
        Seen {
            left: Left::of(&mut machine),
            fault: last.fault,
            gas: last.gas,
            gas_left: machine.gas_left(),
        }
    }
}

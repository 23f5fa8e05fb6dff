//! Runs of which every state is kept: what proofs of their steps are made from.

use std::sync::Arc;

use avm_arb::{Arb, Message, Program, asm};
use avm_core::{
    Claim, Machine, MemoryInbox, MemoryNodes, Probe, StepEnd, StepStart, Stop, Vm, advance_watched,
};
use avm_prove::{AgreedLog, RunProof, Until, prove_run};
use avm_testkit::laws::Case;
use avm_testkit::watch::NamesOutbox;
use ruint::aliases::U256;

/// The machine under test, with less memory than it takes by default.
pub static ARB: Arb = Arb {
    memory_limit_bytes: 256 << 20,
    fast: true,
};

/// A run from its first step.
pub struct Run {
    /// The rules.
    pub vm: &'static dyn Vm,
    /// The whole log.
    pub inbox: MemoryInbox,
    /// The claim before each step, and after the last.
    pub claims: Vec<Claim>,
    /// Opcode and fault of each step, as far as the machine tells.
    pub seen: Vec<(u8, Option<&'static str>)>,
    /// Why the run ended.
    pub stop: Stop,
    /// The nodes of all states.
    pub nodes: Arc<MemoryNodes>,
}

impl Run {
    /// At most `max_steps` steps.
    pub fn new(
        vm: &'static dyn Vm,
        mut machine: Box<dyn Machine>,
        inbox: MemoryInbox,
        max_steps: usize,
    ) -> Self {
        let mut nodes = MemoryNodes::default();
        let mut seen = Seen::default();
        let state = machine.save(&mut nodes).expect("a sink in memory");
        let mut claims = vec![Claim::genesis(state)];
        let mut stop = Stop::Budget;
        let mut outbox = NamesOutbox::default();
        while stop == Stop::Budget && claims.len() <= max_steps {
            let from = *claims.last().expect("one at least");
            let probe = Some(&mut seen as &mut dyn Probe);
            let ran = advance_watched(&mut *machine, from, &inbox, &mut outbox, 1, probe);
            let (claim, why) = ran.expect("no host fails");
            stop = why;
            if claim.steps > from.steps {
                machine.save(&mut nodes).expect("a sink in memory");
                claims.push(claim);
            }
        }
        Self {
            vm,
            inbox,
            claims,
            seen: seen.0,
            stop,
            nodes: Arc::new(nodes),
        }
    }

    /// A program of the Arbitrum machine.
    pub fn arb(program: &Program, messages: &[Message], max_steps: usize) -> Self {
        let inbox = messages.iter().map(Message::to_bytes).collect();
        Self::new(&ARB, Box::new(ARB.load(program)), inbox, max_steps)
    }

    /// A text program of the Arbitrum machine.
    pub fn masm(source: &str, messages: &[Message]) -> Self {
        let assembled = asm::assemble(source)
            .unwrap_or_else(|errors| panic!("{}", errors.render("program", source)));
        Self::arb(&assembled.program, messages, 1000)
    }

    /// A case of a law suite.
    pub fn case(vm: &'static dyn Vm, case: &Case, max_steps: usize) -> Self {
        let machine = vm.genesis(&case.image).expect("an image");
        let inbox = case.inputs.iter().map(|input| &input[..]).collect();
        Self::new(vm, machine, inbox, max_steps)
    }

    /// The claim after `steps` steps, or that of the end.
    pub fn claim(&self, steps: usize) -> Claim {
        self.claims[steps.min(self.claims.len() - 1)]
    }

    /// How many steps can be proved, the idle one at the end included.
    pub fn provable(&self) -> usize {
        self.claims.len() - usize::from(self.stop == Stop::Budget)
    }

    /// The whole log as the parties agreed on it.
    pub fn log(&self) -> AgreedLog<'_> {
        AgreedLog::read(&self.inbox, u64::MAX).expect("a log in memory")
    }

    /// A proof that starts after `steps` steps.
    pub fn proof(&self, steps: usize, until: Until) -> RunProof {
        let (log, pre) = (self.log(), self.claims[steps]);
        let nodes = self.nodes.clone();
        let (witness, post) =
            prove_run(self.vm, &log, &pre, until, nodes, 10_000).expect("it is there to prove");
        RunProof {
            log: log.head(),
            pre,
            until,
            post,
            witness,
        }
    }
}

/// A message with this text.
pub fn message(number: u64, data: &[u8]) -> Message {
    Message {
        kind: 3,
        sender: [number as u8; 20],
        block_number: U256::from(number),
        timestamp: U256::from(1000 + number),
        sequence_number: U256::from(number),
        gas_price_l1: U256::ZERO,
        data: data.into(),
    }
}

#[derive(Default)]
struct Seen(Vec<(u8, Option<&'static str>)>);

impl Probe for Seen {
    fn before(&mut self, step: &StepStart<'_>) {
        self.0.push((step.opcode, None));
    }

    fn after(&mut self, step: &StepEnd<'_>) {
        let fault = step.fault.map(|fault| fault_name(&fault.to_string()));
        self.0.last_mut().expect("after before").1 = fault;
    }
}

/// Which fault has this text.
fn fault_name(text: &str) -> &'static str {
    const NAMES: &[(&str, &str)] = &[
        ("is not an opcode", "InvalidOpcode"),
        ("raised an error", "Raised"),
        ("stack underflow", "Underflow"),
        ("out of gas", "OutOfGas"),
        ("the operand is of kind", "WrongKind"),
        ("division by zero", "DivisionByZero"),
        ("index ", "TupleIndex"),
        ("elements, not ", "TupleLength"),
        ("buffer offset ", "BufferOffset"),
        ("does not fit", "BufferValue"),
        ("a send of ", "SendSize"),
        ("content behind byte", "SendTruncated"),
        ("not a point", "BadPoint"),
        ("not a list", "BadPairingList"),
        // Calls of contracts: what failed is in their receipts.
        (" script, operation ", "ScriptFailed"),
        ("there is no header for height", "HostFault"),
        ("position of OP_PICK or OP_ROLL", "HostFault"),
        ("the mark of a call", "HostFault"),
        // Errors of programs among objects have a family and a name.
        ("/", "ProgramFailed"),
        ("unsupported", "ProgramFailed"),
    ];
    let found = NAMES.iter().find(|(part, _)| text.contains(part));
    found
        .unwrap_or_else(|| panic!("a fault that is not in the list: {text}"))
        .1
}

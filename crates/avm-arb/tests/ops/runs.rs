//! What takes a whole program to see: where control goes and what stays set.

use avm_arb::asm::assemble;
use avm_arb::{Arb, ArbMachine, Status, Tally};
use avm_core::{
    Claim, Hash, Inspect, Machine, MemoryInbox, MemoryOutbox, Probe, StepEnd, StepStart, Stop,
    advance, advance_watched,
};
use ruint::aliases::U256;

use crate::eval::{CONSTANTS, message};

/// What a program did within 1000 steps.
#[derive(Debug, PartialEq)]
pub(crate) struct Done {
    pub(crate) status: Status,
    pub(crate) stop: Stop,
    pub(crate) steps: u64,
    /// Items of the data stack as text, top first.
    pub(crate) stack: String,
    pub(crate) register: String,
    pub(crate) gas_used: u64,
    pub(crate) gas_left: U256,
    pub(crate) tally: Tally,
    pub(crate) outputs: MemoryOutbox,
    /// Operations that failed, in order, and why.
    pub(crate) faults: Vec<String>,
}

/// Notes the faults.
#[derive(Default)]
struct Faults {
    name: String,
    faults: Vec<String>,
}

impl Probe for Faults {
    fn before(&mut self, step: &StepStart<'_>) {
        self.name = step.name.to_owned();
    }

    fn after(&mut self, step: &StepEnd<'_>) {
        let fault = step.fault.map(|fault| format!("{}: {fault}", self.name));
        self.faults.extend(fault);
    }
}

pub(crate) fn load(source: &str) -> ArbMachine {
    let source = format!("{CONSTANTS}{source}");
    let assembled = assemble(&source);
    let assembled = assembled.unwrap_or_else(|errors| panic!("{}", errors.render("run", &source)));
    Arb::default().load(&assembled.program)
}

pub(crate) fn log(messages: usize) -> MemoryInbox {
    vec![message().to_bytes(); messages].into_iter().collect()
}

/// Runs a program with so many messages in its log, once watched and once by the fast engine.
pub(crate) fn run_with(source: &str, messages: usize) -> Done {
    let mut probe = Faults::default();
    let mut machine = load(source);
    let claim = Claim::genesis(machine.state_hash());
    let mut outputs = MemoryOutbox::default();
    let watched = Some(&mut probe as &mut dyn Probe);
    let ran = advance_watched(
        &mut machine,
        claim,
        &log(messages),
        &mut outputs,
        1000,
        watched,
    );
    let (claim, stop) = ran.expect("no host fails");

    let mut fast = load(source);
    let from = Claim::genesis(fast.state_hash());
    let mut others = MemoryOutbox::default();
    let ran = advance(&mut fast, from, &log(messages), &mut others, 1000).expect("no host fails");
    assert_eq!((ran, others), ((claim, stop), outputs.clone()), "{source}");

    let items: Vec<String> = (0..).map_while(|at| machine.item(0, at)).collect();
    Done {
        status: machine.status(),
        stop,
        steps: claim.steps,
        stack: items.join(" "),
        register: machine.item(2, 0).unwrap_or_default(),
        gas_used: machine.tally().gas_used.to(),
        gas_left: machine.gas_left(),
        tally: machine.tally(),
        outputs,
        faults: probe.faults,
    }
}

pub(crate) fn run(source: &str) -> Done {
    run_with(source, 0)
}

/// Stack at the end of programs.
#[track_caller]
fn stacks(cases: &[(&str, &str, &str)]) {
    for (name, source, want) in cases {
        assert_eq!(run(source).stack, *want, "{name}");
    }
}

#[test]
fn jumps() {
    stacks(&[
        ("jump", "jump @far\npush 1\nhalt\nfar: push 2\nhalt", "2"),
        (
            "cjump, taken",
            "push 1\ncjump @far\npush 1\nhalt\nfar: push 2\nhalt",
            "2",
        ),
        (
            "cjump, not taken",
            "push 0\ncjump @far\npush 1\nhalt\nfar: push 2\nhalt",
            "1",
        ),
        (
            "back by the static value",
            ".static @b\npush 3\nb: sub 10\ndup0\ngt 5\nspush\ncjump\nhalt",
            "7",
        ),
        (
            "back by pcpush",
            "push 9\npush 0\npcpush\nswap1\nadd 1\ndup0\ngt 3\ndup2\ncjump\nhalt",
            "3 @2 @2 @2 9",
        ),
        (
            "through a tuple",
            "push (0, @far)\ntget 1\njump\nhalt\nfar: push 2\nhalt",
            "2",
        ),
        (
            "through the register",
            "rset @far\nrpush\njump\npush 1\nhalt\nfar: push 2\nhalt",
            "2",
        ),
    ]);
}

#[test]
fn errors_without_a_handler_stop_the_machine() {
    let done = run("push 1\nadd\npush 2\nhalt");
    assert_eq!(
        (done.status, done.stop, done.steps),
        (Status::ErrorStop, Stop::Halted, 2)
    );
    assert_eq!(done.gas_used, 1 + 5);
    let done = run("push 1");
    assert_eq!(done.faults, ["invalid: 0x00 is not an opcode"]);
    assert_eq!(
        (done.status, done.steps, done.gas_used),
        (Status::ErrorStop, 2, 6)
    );
    let mut machine = load("error");
    let mut claim = Claim::genesis(machine.state_hash());
    for _ in 0..2 {
        let outbox = &mut MemoryOutbox::default();
        let ran = advance(&mut machine, claim, &log(0), outbox, 9).expect("no host fails");
        claim = ran.0;
    }
    assert_eq!(claim.steps, 1);
    assert_eq!(machine.machine_hash(), Hash(U256::ONE.to_be_bytes()));
    let mut machine = load("halt");
    let claim = Claim::genesis(machine.state_hash());
    let outbox = &mut MemoryOutbox::default();
    advance(&mut machine, claim, &log(0), outbox, 9).expect("no host fails");
    assert_eq!(machine.machine_hash(), Hash::ZERO);
}

#[test]
fn the_handler_stays_set() {
    let done = run("
        errset @handler
        rset 0
        error
handler: rpush
        add 1
        dup0
        rset
        gt 3            ; 3 > errors so far
        cjump @again
        halt
again:  error
    ");
    // cjump takes @again first, and the truth under it.
    assert_eq!(done.faults.len(), 3, "{done:?}");
    assert_eq!((done.register.as_str(), done.status), ("3", Status::Halted));
}

#[test]
fn the_error_code_point_disarms() {
    for disarm in ["errset @end", "errcodepoint\nerrset"] {
        let done = run(&format!(
            "errset @handler\n{disarm}\nerror\nhandler: push 7\nhalt"
        ));
        assert_eq!(
            (done.status, done.stack.as_str()),
            (Status::ErrorStop, ""),
            "{disarm}"
        );
    }
    // The same code made at run time is another copy, but the same code point.
    let source = "errset @handler\npush @end\npushinsn 0x74\npop\nerrset @end\nerrpush\nerrcodepoint\neq\nlog\nerror\nhandler: halt";
    let done = run(source);
    assert_eq!(
        done.outputs.outputs[0].1,
        Hash::keccak(&U256::ONE.to_be_bytes::<32>())
    );
    assert_eq!(done.status, Status::ErrorStop);
}

#[test]
fn errpush_is_the_error_code_point_at_first() {
    stacks(&[("errpush", "errpush\nhalt", "@end")]);
}

#[test]
fn out_of_gas_is_an_error_that_refills() {
    let done = run("errset @handler\nsetgas 99\nlog 1\nhalt\nhandler: pushgas\nhalt");
    assert_eq!(
        done.faults,
        ["log: out of gas: the operation costs 100, 99 left"]
    );
    // The handler has the whole register, less pushgas itself.
    assert_eq!(done.stack, format!("{:#x}", U256::MAX - U256::ONE));
    assert_eq!(done.gas_used, 1 + 1 + 5 + 1 + 10);
    assert_eq!(done.outputs, MemoryOutbox::default());

    let done = run("setgas 10\nhalt");
    assert_eq!((done.status, done.gas_left), (Status::Halted, U256::ZERO));
    let done = run("setgas 9\nhalt");
    assert_eq!(
        done.faults,
        ["halt: out of gas: the operation costs 10, 9 left"]
    );
    assert_eq!((done.status, done.gas_used), (Status::ErrorStop, 6));
    let done = run("setgas 0\nsetgas 5");
    assert_eq!(done.status, Status::ErrorStop);
    let done = run("setgas 1\nsetgas 50\npushgas\nhalt");
    assert_eq!((done.stack.as_str(), done.gas_left), ("49", U256::from(39)));
}

#[test]
fn an_operation_without_gas_for_its_immediate_fails_as_a_whole() {
    let done = run("errset @handler\nsetgas 2\nadd 1\nhandler: halt");
    assert!(
        done.faults[0].starts_with("add: stack underflow"),
        "{:?}",
        done.faults
    );
    let done = run("errset @handler\npush 4\nsetgas 2\nadd 1\nhandler: halt");
    assert_eq!(
        done.faults,
        ["add: out of gas: the operation costs 3, 2 left"]
    );
    assert_eq!(done.stack, "");
}

#[test]
fn a_failing_operation_has_no_effect() {
    let cases = [
        ("send", "push hex\"ffff\"\nsend 1"),
        ("send without gas", "push hex\"ff\"\nsetgas 99\nsend 1"),
        ("log without gas", "setgas 99\nlog 5"),
        ("log of nothing", "log"),
        ("inbox without gas", "setgas 39\ninbox"),
        ("rset without gas", "setgas 1\nrset 5"),
        ("rset of nothing", "rset"),
        ("errset", "errset 5"),
        ("errset without gas", "setgas 0\nerrset @other"),
        ("setgas", "setgas ()"),
        ("xset", "push (1, 2)\nauxpush\npush 3\nxset 2"),
        ("jump", "jump 5"),
        ("cjump, no int", "push ()\ncjump @other"),
        ("cjump, no code point", "push 1\ncjump 1"),
    ];
    for (name, source) in cases {
        let source = format!(
            "errset @handler\nrset 42\n{source}\npush 1\nhalt\nother: push 2\nhalt\n.static @handler\nhandler: errpush\nspush\neq\nauxstackempty\nhalt"
        );
        let done = run_with(&source, 1);
        assert_eq!(done.faults.len(), 1, "{name}");
        assert_eq!(
            done.stack, "1 1",
            "{name}: the handler runs, is still set, aux is empty"
        );
        assert_eq!(done.register, "42", "{name}");
        let Tally { gas_used, .. } = done.tally;
        assert_eq!(
            done.tally,
            Tally {
                gas_used,
                ..Tally::default()
            },
            "{name}"
        );
        assert_eq!(done.outputs, MemoryOutbox::default(), "{name}");
    }
}

/// Spec section 4: code made at run time runs, is equal by hash to the same code of the program,
/// and may hold bytes that are no opcodes, which fail when they run.
#[test]
fn code_made_at_run_time() {
    stacks(&[
        (
            "runs",
            "push 5\npush 6\nerrcodepoint\npushinsn 0x74\npushinsn 0x43\njump",
            "5 6",
        ),
        (
            "adds 7",
            "push 5\nerrcodepoint\npushinsn 0x74\npush 7\npush 1\npushinsnimm\njump",
            "12",
        ),
        (
            "equal by hash",
            "errcodepoint\npushinsn 0x74\neq @last\nhalt\nlast: halt",
            "1",
        ),
        (
            "immediates count",
            "errcodepoint\npush 0\npushinsnimm 0x74\neq @last\nhalt\nlast: halt",
            "0",
        ),
        (
            "an int of MAX is opcode 255",
            "errset @h\nerrcodepoint\npushinsn MAX\njump\nh: push 3\nhalt",
            "3",
        ),
        (
            "pcpush in it",
            "errcodepoint\npushinsn 0x74\npushinsn 0x14\npushinsn 0x37\ndup0\njump",
            "1",
        ),
        (
            "the end is executed as opcode 0",
            "errset @h\njump @end\nh: push 4\nhalt",
            "4",
        ),
    ]);
    let done = run("errset @h\nerrcodepoint\npushinsn MAX\njump\nh: halt");
    assert_eq!(done.faults, ["invalid: 0xff is not an opcode"]);
}

#[test]
fn immediates_of_failed_operations() {
    let cases = [
        (
            "taken if the operation takes operands",
            "push 9\nadd ()",
            "",
        ),
        ("kept if it takes none", "push 9\nerror 5", "5 9"),
        ("kept by an aux underflow", "push 9\nauxpop 5", "5 9"),
        ("underflow takes all", "mulmod 5", ""),
        ("an invalid opcode keeps it", "push 9\n.op 0x71 5", "5 9"),
    ];
    for (name, source, want) in cases {
        let done = run(&format!("errset @handler\n{source}\nhandler: halt"));
        assert_eq!(
            (done.stack.as_str(), done.faults.len()),
            (want, 1),
            "{name}"
        );
    }
}

#[test]
fn buffers_at_the_far_end() {
    let source = |width: u32, offset: &str, value: &str| {
        format!(
            "newbuffer\npush {value}\nsetbuffer{width} {offset}\ndup0\ngetbuffer{width} {offset}\nswap1\npush 0\nsetbuffer{width} {offset}\nhash\nnewbuffer\nhash\neq\nhalt"
        )
    };
    for (width, offset) in [
        (8, "0xffffffffffffffff"),
        (64, "0xfffffffffffffff8"),
        (64, "0xfffffffffffffff3"),
        (256, "0xffffffffffffffe0"),
        (256, "0xffffffffffffffd1"),
        (256, "0x7ffffffffffffff0"),
    ] {
        assert_eq!(
            run(&source(width, offset, "77")).stack,
            "1 77",
            "{width} at {offset}"
        );
    }
}

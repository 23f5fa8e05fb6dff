//! Values as deep and stacks as high as programs make them, on a small native stack and within a
//! memory bound.

use std::sync::Arc;
use std::thread;

use avm_arb::asm::assemble;
use avm_arb::{Arb, ArbMachine, Message, Status};
use avm_core::{
    Claim, HostError, Inspect, Machine, MemoryInbox, MemoryNodes, MemoryOutbox, Stop, advance,
};
use ruint::aliases::U256;

/// Native stack of the threads that the tests run in: far too little for anything that recurses.
const NATIVE_STACK_BYTES: usize = 256 << 10;

/// Runs `body` on a small native stack; what it made is dropped there, too.
fn on_a_small_stack(body: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(NATIVE_STACK_BYTES);
    let ended = thread.spawn(body).expect("a thread").join();
    ended.expect("the body does not panic");
}

fn load(rules: Arb, source: &str) -> ArbMachine {
    let assembled = assemble(source);
    let assembled = assembled.unwrap_or_else(|errors| panic!("{}", errors.render("deep", source)));
    rules.load(&assembled.program)
}

/// Runs to the end of the program or to the first error of the host.
fn run(machine: &mut ArbMachine, outbox: &mut MemoryOutbox) -> Result<(Claim, Stop), HostError> {
    let message = Message {
        kind: 0,
        sender: [0; 20],
        block_number: U256::ZERO,
        timestamp: U256::ZERO,
        sequence_number: U256::ZERO,
        gas_price_l1: U256::ZERO,
        data: Arc::from([]),
    };
    let inbox: MemoryInbox = [message.to_bytes()].into_iter().collect();
    let claim = Claim::genesis(machine.state_hash());
    advance(machine, claim, &inbox, outbox, u64::MAX)
}

/// The program halts, and its stack then reads `want`, top first.
fn halts_with(machine: &mut ArbMachine, want: &[&str]) {
    run(machine, &mut MemoryOutbox::default()).expect("no host fails");
    assert_eq!(machine.status(), Status::Halted);
    let items: Vec<String> = (0..want.len())
        .map_while(|at| machine.item(0, at))
        .collect();
    assert_eq!(items, want);
}

/// Saves a machine that waits, and goes on with the one that its nodes give back.
fn reopened(machine: &mut ArbMachine) -> ArbMachine {
    let mut nodes = MemoryNodes::default();
    let state = machine.save(&mut nodes).expect("a sink in memory");
    assert_eq!(state, machine.state_hash());
    let mut opened = Arb::default()
        .open(state, Arc::new(nodes))
        .expect("it was saved");
    assert_eq!(opened.state_hash(), state);
    opened
}

/// Copies the nodes of a machine of which nothing was read.
fn copied(opened: &mut ArbMachine) {
    let state = opened.state_hash();
    let mut again = MemoryNodes::default();
    assert_eq!(opened.save(&mut again).expect("all nodes are there"), state);
    assert!(again.len() > 1000);
}

/// Runs the body `count` times; the count lies on the aux stack meanwhile.
fn repeated(count: u64, body: &str) -> String {
    format!(
        "push {count}
loop:   auxpush
        {body}
        auxpop
        push 1
        swap1
        sub
        dup0
        spush
        tget 0
        cjump
        pop
"
    )
}

const DEPTH: u64 = 1_000_000;
/// Puts the list on top in a pair with 7.
const CONS: &str = "push (7, ())\ntset 1\n";

/// A list so deep, with `last` at its bottom.
fn list(last: u64, depth: u64) -> String {
    format!("push ({last}, ())\n{}", repeated(depth, CONS))
}

/// Ends with the next message in hand: a place to stop and save.
const WAIT: &str = "
        inbox
        pop
        inbox
        pop
";

#[test]
fn a_deep_list() {
    on_a_small_stack(|| {
        let source = format!(
            ".static (@loop, 1)\n{}dup0\nhash\nlog\n{WAIT}tlen\nhalt",
            list(1, DEPTH)
        );
        let mut machine = load(Arb::default(), &source);
        let outbox = &mut MemoryOutbox::default();
        let (_, stop) = run(&mut machine, outbox).expect("no host fails");
        assert_eq!((stop, outbox.outputs.len()), (Stop::NeedsInput, 1));
        let mut opened = reopened(&mut machine);
        let fork = machine.fork();
        drop(fork);
        halts_with(&mut opened, &["2"]);
    });
}

#[test]
fn equal_lists_and_lists_that_differ_at_the_bottom() {
    on_a_small_stack(|| {
        for (last, depth, want) in [(1, DEPTH, "1"), (2, DEPTH / 10, "0")] {
            let one = list(1, depth);
            let two = list(last, depth)
                .replace("loop:", "other:")
                .replace("tget 0", "tget 1");
            let source = format!(".static (@loop, @other)\n{one}{two}eq\nhalt");
            halts_with(&mut load(Arb::default(), &source), &[want]);
        }
    });
}

#[test]
fn a_deep_list_is_copied_from_store_to_store() {
    on_a_small_stack(|| {
        let source = format!(".static (@loop, 1)\n{}{WAIT}halt", list(1, DEPTH / 10));
        let mut machine = load(Arb::default(), &source);
        run(&mut machine, &mut MemoryOutbox::default()).expect("no host fails");
        copied(&mut reopened(&mut machine));
    });
}

/// A code point in front of a code point, a hundred thousand times, through next and through immediates.
#[test]
fn a_deep_ladder_of_code() {
    on_a_small_stack(|| {
        for step in [
            "pushinsn 0x3b",
            "dup0\npushinsnimm 0x3b",
            "push @end\nswap1\npushinsnimm 0x3b",
        ] {
            let source = format!(
                ".static (@loop, 0)\npush @end\n{}dup0\nhash\nlog\n{WAIT}type\nhalt",
                repeated(DEPTH / 10, step)
            );
            let mut machine = load(Arb::default(), &source);
            let outbox = &mut MemoryOutbox::default();
            let (_, stop) = run(&mut machine, outbox).expect("no host fails");
            assert_eq!(
                (stop, outbox.outputs.len()),
                (Stop::NeedsInput, 1),
                "{step}"
            );
            let mut opened = reopened(&mut machine);
            copied(&mut opened);
            halts_with(&mut opened, &["1"]);
        }
    });
}

#[test]
fn a_high_stack() {
    on_a_small_stack(|| {
        let source = format!(
            ".static (@loop, 0)\n{}{WAIT}push 5\nadd\nhalt",
            repeated(DEPTH, "push 8")
        );
        let mut machine = load(Arb::default(), &source);
        run(&mut machine, &mut MemoryOutbox::default()).expect("no host fails");
        assert_eq!(Inspect::len(&machine, 0), 1_000_000);
        halts_with(&mut reopened(&mut machine), &["13"]);
    });
}

/// A fault that empties a high stack, and one of the aux stack.
#[test]
fn a_high_stack_is_emptied_by_an_underflow_of_the_other() {
    on_a_small_stack(|| {
        let source = format!(
            ".static (@loop, 0)\nerrset @handler\n{}errset @done\nxset\nhandler: halt\ndone: stackempty\nhalt",
            repeated(DEPTH / 2, "push 8")
        );
        // `xset` takes two items here and lacks the one of the aux stack.
        let mut machine = load(Arb::default(), &source);
        halts_with(&mut machine, &["0", "8"]);
        assert_eq!(Inspect::len(&machine, 0), 500_000 - 2 + 1);
    });
}

#[test]
fn a_buffer_at_the_last_offset() {
    on_a_small_stack(|| {
        let offset = "0xffffffffffffffe0";
        let source = format!(
            "newbuffer
push -1
setbuffer256 {offset}
dup0
hash
log
{WAIT}
dup0
getbuffer256 {offset}
swap1
push 0
setbuffer256 {offset}
newbuffer
eq
halt"
        );
        let limited = Arb {
            memory_limit_bytes: 4 << 20,
            ..Arb::default()
        };
        let mut machine = load(limited, &source);
        run(&mut machine, &mut MemoryOutbox::default()).expect("it fits 4 MiB");
        halts_with(
            &mut reopened(&mut machine),
            &["1", &format!("{:#x}", U256::MAX)],
        );
    });
}

fn within(memory_limit_bytes: usize, fast: bool) -> Arb {
    Arb {
        memory_limit_bytes,
        fast,
    }
}

/// Garbage: ten million tuples one after the other take no more room than a few.
#[test]
fn garbage_is_collected() {
    let body = "push (1, 2, 3, 4, 5, 6, 7, 8)\nauxpop\ndup0\nauxpush\nswap1\ntset 3\npop";
    let body = body.replace("auxpop\ndup0\nauxpush\nswap1\n", "push 5\nswap1\n");
    let source = format!(".static (@loop, 0)\n{}halt", repeated(10_000_000, &body));
    halts_with(&mut load(within(8 << 20, true), &source), &[]);
    let source = format!(".static (@loop, 0)\n{}halt", repeated(300_000, &body));
    halts_with(&mut load(within(8 << 20, false), &source), &[]);
}

/// Code that is made, run and forgotten, and the same for buffers.
#[test]
fn code_and_buffers_that_are_dropped_are_collected() {
    let code = "push @back\npushinsn 0x34\npush (1, 2)\npushinsnimm 0x3b\ndup0\nhash\npop\npop";
    let buffer = "newbuffer\npush 1\nsetbuffer8 100000\ngetbuffer8 7\npop";
    for body in [code, buffer] {
        let source = format!(".static (@loop, 0)\n{}back: halt", repeated(500_000, body));
        for fast in [true, false] {
            halts_with(&mut load(within(8 << 20, fast), &source), &[]);
        }
    }
}

/// What lives on and on is refused at the limit, whatever it is.
#[test]
fn the_memory_limit_is_an_error() {
    let growing = [
        ("a list", "push ()\n", CONS),
        ("the stack", "", "push 8"),
        // The count is put on top again at the end of each round.
        ("the aux stack", "", "auxpop\npush 8\nauxpush\nauxpush"),
        ("code", "push @end\n", "pushinsn 0x3b"),
        (
            "a buffer",
            "newbuffer\n",
            "push 1\nauxpop\ndup0\nauxpush\nmul 64\nsetbuffer8",
        ),
    ];
    for (name, before, body) in growing {
        let source = format!(
            ".static (@loop, 0)\n{before}{}halt",
            repeated(100_000_000, body)
        );
        for fast in [true, false] {
            let limit_bytes = 16 << 20;
            let mut machine = load(within(limit_bytes, fast), &source);
            let ran = run(&mut machine, &mut MemoryOutbox::default());
            let Err(HostError::MemoryLimit { limit_bytes: said }) = ran else {
                panic!("{name}, fast {fast}: {ran:?}");
            };
            assert_eq!(said, limit_bytes, "{name}");
        }
    }
}

/// Just below the limit a program runs to its end.
#[test]
fn the_memory_limit_is_not_reached_by_little() {
    let source = format!(
        ".static (@loop, 0)\npush ()\n{}halt",
        repeated(10_000, CONS)
    );
    let mut machine = load(within(8 << 20, true), &source);
    run(&mut machine, &mut MemoryOutbox::default()).expect("a short list fits");
    assert_eq!(machine.status(), Status::Halted);
    assert_eq!(Inspect::len(&machine, 0), 1);
}

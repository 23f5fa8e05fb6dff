//! States opened from a store, hostile ones included, and what programs could do to a store.

use std::sync::Arc;

use avm_arb::asm::assemble;
use avm_arb::{Arb, ArbMachine, Message, value_text};
use avm_core::{
    Bytes, Claim, Hash, HostError, Machine, MemoryInbox, MemoryNodes, MemoryOutbox, Nodes, Sink,
    Stop, advance,
};
use ruint::aliases::U256;

fn load(arb: Arb, source: &str) -> ArbMachine {
    let program =
        assemble(source).unwrap_or_else(|errors| panic!("{}", errors.render("case", source)));
    arb.load(&program.program)
}

/// Runs at most `budget` steps with these inputs.
fn run(
    machine: &mut ArbMachine,
    budget: u64,
    inputs: &[Bytes],
) -> Result<(Claim, Stop), HostError> {
    let from = Claim::genesis(Hash::ZERO);
    let inbox: MemoryInbox = inputs.iter().cloned().collect();
    advance(machine, from, &inbox, &mut MemoryOutbox::default(), budget)
}

/// The code point is first looked at as a value, then run: its immediate is read then.
#[test]
fn code_that_was_a_value_before() {
    let jumps = ".static @far\n spush\n jump\n error\nfar: nop (7, (8, 9))\n push (0, 0)\n tset 0\n hash\n halt";
    let sizes = ".static (@far, @mid)\n push 5\n spush\n tget 1\n jump\nfar: nop (7, (8, 9))\n\
                 mid: nop (0, 0, 0, 0, 0, 0, 0)\n keccakf\n tset 0\n hash\n pop\n spush\n tget 0\n jump";
    for source in [jumps, sizes] {
        for budget in 2..30 {
            let mut direct = load(Arb::default(), source);
            let mut nodes = MemoryNodes::default();
            let state = direct.save(&mut nodes).expect("memory does not fail");
            let mut opened = Arb::default()
                .open(state, Arc::new(nodes))
                .expect("just saved");
            let want = run(&mut direct, budget, &[]).expect("nothing can fail");
            let found = run(&mut opened, budget, &[]).expect("all nodes are there");
            assert_eq!(found, want, "{budget} steps of {source}");
        }
    }
}

/// A program sends bytes that are the node of a tuple it logs next.
#[test]
fn a_send_cannot_pass_for_a_node() {
    let word = |n: u64| Hash::keccak(&U256::from(n).to_be_bytes::<32>());
    let inner = Hash::keccak(&[&[2], &word(1).0[..], &word(2).0].concat());
    let shell = [&[3], &inner.0[..], &U256::from(3).to_be_bytes::<32>()].concat();
    let digits: String = shell.iter().map(|byte| format!("{byte:02x}")).collect();
    let source = format!("push hex\"{digits}\"\n send 65\n push (1, 2)\n log\n halt");
    let mut machine = load(Arb::default(), &source);
    let (from, mut outbox) = (Claim::genesis(Hash::ZERO), MemoryOutbox::default());
    advance(&mut machine, from, &MemoryInbox::default(), &mut outbox, 9).expect("nothing can fail");
    let logged = outbox.outputs[1].1;
    assert_eq!(
        logged,
        Hash::keccak(&shell),
        "the send is the node of the log"
    );
    let text = value_text(logged, Arc::new(outbox.nodes), 100).expect("all of it is there");
    assert_eq!(text, "(1, 2)");
}

#[test]
fn counters_that_nobody_can_reach_are_refused() {
    let mut nodes = MemoryNodes::default();
    let state = load(Arb::default(), "inbox\nhalt")
        .save(&mut nodes)
        .expect("memory does not fail");
    let mut cut = nodes.get(state).expect("just saved").to_vec();
    let mut rest = nodes
        .get(Hash(cut[32..].try_into().unwrap()))
        .expect("just saved")
        .to_vec();
    rest[24..32].fill(255);
    let hash = Hash::keccak(&rest);
    nodes.put(hash, &rest).expect("memory does not fail");
    cut[32..].copy_from_slice(&hash.0);
    let state = Hash::keccak(&cut);
    nodes.put(state, &cut).expect("memory does not fail");
    let error = Arb::default().open(state, Arc::new(nodes)).unwrap_err();
    assert!(error.to_string().contains("counters below 2^63"), "{error}");

    let mut machine = load(Arb::default(), "nop\nhalt");
    let from = Claim {
        steps: u64::MAX,
        ..Claim::genesis(machine.state_hash())
    };
    let ran = advance(
        &mut machine,
        from,
        &MemoryInbox::default(),
        &mut MemoryOutbox::default(),
        1,
    );
    assert!(
        matches!(ran, Err(HostError::ClaimCount { count: u64::MAX })),
        "{ran:?}"
    );
}

/// A list that takes less than the limit, and then garbage that takes more.
#[test]
fn the_memory_limit_is_about_what_lives() {
    let source = ".static (@build, @loop)\n rset ()\n push 5000\nbuild: rpush\n push (0, 0)\n tset 1\n\
                  rset\n push 1\n swap1\n sub\n dup0\n spush\n tget 0\n cjump\n\
                  loop: push 1\n push (0, 0)\n tset 0\n pop\n spush\n tget 1\n jump";
    for fast in [true, false] {
        let arb = Arb {
            memory_limit_bytes: 1 << 20,
            fast,
        };
        let mut machine = load(arb, source);
        run(&mut machine, 1_000_000, &[]).unwrap_or_else(|e| panic!("fast {fast}: {e}"));
    }
}

/// Reading a stored buffer takes memory, with either engine.
#[test]
fn the_memory_limit_holds_for_what_is_read() {
    let source = ".static @loop\n inbox\n tget 7\n rset\n push 0\nloop: dup0\n rpush\n swap1\n\
                  getbuffer8\n pop\n add 32\n spush\n jump";
    let message = Message {
        kind: 3,
        sender: [0; 20],
        block_number: U256::ZERO,
        timestamp: U256::ZERO,
        sequence_number: U256::ZERO,
        gas_price_l1: U256::ZERO,
        data: (1..=255).cycle().take(1 << 20).collect(),
    };
    let mut machine = load(Arb::default(), source);
    let inputs = [Bytes::from(message.to_bytes())];
    run(&mut machine, 20, &inputs).expect("nothing can fail");
    let mut nodes = MemoryNodes::default();
    let state = machine.save(&mut nodes).expect("memory does not fail");
    let nodes = Arc::new(nodes);
    for fast in [true, false] {
        let arb = Arb {
            memory_limit_bytes: 1 << 20,
            fast,
        };
        let mut opened = arb.open(state, nodes.clone()).expect("just saved");
        let ran = run(&mut opened, 8 << 15, &[]);
        assert!(
            matches!(ran, Err(HostError::MemoryLimit { .. })),
            "fast {fast}: {ran:?}"
        );
    }
}

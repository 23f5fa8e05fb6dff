//! The worked example of `docs/design/proof-format.md` is what the code does. With `AVM_UPDATE`
//! set it is written anew.

use std::fmt::Write;
use std::sync::Arc;

use avm_arb::{Arb, asm::assemble};
use avm_core::{Claim, Hash, Machine, MemoryInbox, MemoryNodes, MemoryOutbox, Vm, advance};
use avm_prove::{AgreedLog, Proof, ProofFile, RunProof, Until, prove_step};

const PAGE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/design/proof-format.md"
);
const OPEN: &str = "```text worked-example\n";
const CLOSE: &str = "```\n";

/// The proof of the second step of `push 2, add 3, halt`, part by part.
fn example() -> String {
    let vm = Arb::default();
    let program = assemble("push 2\nadd 3\nhalt").unwrap().program;
    let mut machine = vm.load(&program);
    let inbox = MemoryInbox::default();
    let log = AgreedLog::read(&inbox, 0).unwrap();
    let genesis = Claim::genesis(machine.state_hash());
    let mut outbox = MemoryOutbox::default();
    let (pre, _) = advance(&mut machine, genesis, &inbox, &mut outbox, 1).unwrap();
    let mut nodes = MemoryNodes::default();
    machine.save(&mut nodes).unwrap();
    let (witness, post) = prove_step(&vm, &log, &pre, Arc::new(nodes)).unwrap();

    let mut text = String::new();
    claim(&mut text, "before", &pre);
    claim(&mut text, "after", &post);
    for node in &witness.nodes {
        let name = vm.hash(node);
        writeln!(text, "\nnode {name}, {} bytes", node.len()).unwrap();
        lines(&mut text, node);
    }
    let proof = Proof::Run(Box::new(RunProof {
        log: log.head(),
        pre,
        until: Until::Steps(1),
        post,
        witness,
    }));
    let file = ProofFile {
        machine: vm.id().into(),
        spec: vm.spec().into(),
        proof,
    };
    writeln!(text, "\nthe file: {} bytes", file.to_bytes().len()).unwrap();
    text
}

fn claim(text: &mut String, what: &str, claim: &Claim) {
    let short = |hash: Hash| {
        if hash == Hash::ZERO {
            String::from("0")
        } else {
            hash.to_string()
        }
    };
    let Claim {
        steps,
        state,
        inputs,
        outputs,
        ..
    } = claim;
    let (inbox, outbox) = (short(claim.inbox), short(claim.outbox));
    writeln!(text, "claim {what}: steps {steps}, inputs {inputs}, inbox {inbox}, outputs {outputs}, outbox {outbox}").unwrap();
    writeln!(text, "  state {state}").unwrap();
}

/// The bytes in lines of 32, zeros from the left as one.
fn lines(text: &mut String, node: &[u8]) {
    // What is before the words of a node that is not made of words alone.
    let head = node.len() % 32;
    let (head, words) = node.split_at(head);
    if !head.is_empty() {
        writeln!(text, "  {}", hex(head)).unwrap();
    }
    for word in words.chunks(32) {
        let zeros = word.iter().take_while(|byte| **byte == 0).count();
        let shown = match zeros {
            32 => String::from("0"),
            0 => hex(word),
            _ => format!("0..{}", hex(&word[zeros..])),
        };
        writeln!(text, "  {shown}").unwrap();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_page_shows_what_the_code_does() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page
        .split_once(OPEN)
        .expect("the page has a worked example");
    let (shown, after) = rest.split_once(CLOSE).expect("the example ends");
    let example = example();
    if std::env::var_os("AVM_UPDATE").is_some() {
        std::fs::write(PAGE, [before, OPEN, &example, CLOSE, after].concat()).unwrap();
        return;
    }
    assert_eq!(
        shown, example,
        "AVM_UPDATE=1 cargo test -p avm-prove writes it anew"
    );
}

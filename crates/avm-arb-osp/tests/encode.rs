//! The encoder gives the bytes of the reference prover.
#![cfg(feature = "encode")]

#[path = "support/vectors.rs"]
mod vectors;

use avm_arb::Arb;
use avm_arb_osp::encode::{Options, encode};
use avm_core::{Claim, Machine, MemoryNodes, MemoryOutbox, advance};
use serde_json::Value;

/// Runs a program step by step and proves each recorded step; how many there were.
fn check(entry: &Value) -> usize {
    let name = entry["name"].as_str().unwrap();
    let messages = vectors::messages(entry);
    let batch = vectors::batch(messages.clone());
    if let Some(accs) = entry["sequencer_accs"].as_array() {
        assert_eq!([batch.accumulator()], [vectors::hash(&accs[0])], "{name}");
        let delayed = entry["delayed_accs"].as_array().into_iter().flatten();
        let delayed: Vec<_> = delayed.map(vectors::hash).collect();
        assert_eq!(batch.delayed_accumulators(), delayed, "{name}");
    }
    let (inbox, mut outbox) = (vectors::inbox(&messages), MemoryOutbox::default());
    let mut nodes = MemoryNodes::default();
    let mut machine = Arb::default().load(&vectors::program(entry));
    let mut claim = Claim::genesis(machine.state_hash());
    let mut proven = 0;
    for (at, step) in entry["steps"].as_array().unwrap().iter().enumerate() {
        if !step["proof"].is_null() {
            let state = machine.save(&mut nodes).unwrap();
            let message = batch.proof(claim.inputs as usize);
            let proof = encode(state, &nodes, message.as_ref(), Options::default());
            let proof = proof.unwrap_or_else(|error| panic!("{name} step {at}: {error}"));
            let want = [
                vectors::bytes(&step["proof"]),
                vectors::bytes(&step["inbox_proof"]),
            ];
            assert_eq!(
                hex(&proof.proof),
                hex(&want.concat()),
                "{name} step {at}, opcode {}",
                step["op"]
            );
            let want = vectors::bytes(&step["buffer_proof"]);
            assert_eq!(
                hex(&proof.buffer),
                hex(&want),
                "{name} step {at}, opcode {}",
                step["op"]
            );
            proven += 1;
        }
        (claim, _) = advance(&mut machine, claim, &inbox, &mut outbox, 1).unwrap();
    }
    proven
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn recorded_proofs() {
    let Some(folder) = vectors::folder() else {
        return;
    };
    let files = vectors::program_files(&folder);
    assert!(!files.is_empty());
    let entries = files.iter().flat_map(|path| vectors::entries(path));
    let proven: usize = entries.map(|entry| check(&entry)).sum();
    println!("{proven} proofs");
    assert!(proven > 0);
}

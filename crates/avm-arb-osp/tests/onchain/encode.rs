//! The encoder gives the bytes of the reference prover.

use avm_arb::{Arb, ArbMachine};
use avm_arb_osp::Proof;
use avm_arb_osp::encode::{Batch, EncodeError, Options, encode};
use avm_core::{Claim, Machine, MemoryInbox, MemoryNodes, MemoryOutbox, advance};
use serde_json::Value;

use crate::vectors;

/// A program at a step, with all that a proof is made from.
struct Run {
    name: String,
    machine: ArbMachine,
    claim: Claim,
    inbox: MemoryInbox,
    batch: Batch,
    nodes: MemoryNodes,
}

impl Run {
    fn new(entry: &Value) -> Self {
        let mut machine = Arb::default().load(&vectors::program(entry));
        let messages = vectors::messages(entry);
        Run {
            name: entry["name"].as_str().unwrap().into(),
            claim: Claim::genesis(machine.state_hash()),
            machine,
            inbox: vectors::inbox(&messages),
            batch: vectors::batch(messages),
            nodes: MemoryNodes::default(),
        }
    }

    fn to(&mut self, step: u64) {
        let (budget, mut outbox) = (step - self.claim.steps, MemoryOutbox::default());
        let ran = advance(
            &mut self.machine,
            self.claim,
            &self.inbox,
            &mut outbox,
            budget,
        );
        self.claim = ran.unwrap().0;
        assert_eq!(self.claim.steps, step, "{}", self.name);
    }

    fn encode(&mut self) -> Result<Proof, EncodeError> {
        let state = self.machine.save(&mut self.nodes).unwrap();
        let message = self.batch.proof(self.claim.inputs as usize);
        encode(state, &self.nodes, message.as_ref(), Options::default())
    }

    /// Compares the proof of the next step with a recorded one.
    fn check(&mut self, recorded: &Value) {
        let place = format!("{} step {}", self.name, self.claim.steps);
        let proof = self.encode();
        let proof = proof.unwrap_or_else(|error| panic!("{place}: {error}"));
        let mut want = vectors::bytes(&recorded["proof"]);
        want.extend(vectors::bytes(&recorded["inbox_proof"]));
        assert_eq!(hex(&proof.proof), hex(&want), "{place}");
        let want = vectors::bytes(&recorded["buffer_proof"]);
        assert_eq!(hex(&proof.buffer), hex(&want), "{place}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Proves each recorded step of a program; how many there were.
fn check_all(entry: &Value) -> usize {
    let mut run = Run::new(entry);
    let name = run.name.clone();
    if let Some(accs) = entry["sequencer_accs"].as_array() {
        assert_eq!(
            [run.batch.accumulator()],
            [vectors::hash(&accs[0])],
            "{name}"
        );
        let delayed = entry["delayed_accs"].as_array().into_iter().flatten();
        let delayed: Vec<_> = delayed.map(vectors::hash).collect();
        assert_eq!(run.batch.delayed_accumulators(), delayed, "{name}");
    }
    let steps = (0..).zip(entry["steps"].as_array().unwrap());
    let recorded = steps.filter(|(_, step)| !step["proof"].is_null());
    let proven = recorded.map(|(at, step)| {
        run.to(at);
        run.check(step);
    });
    proven.count()
}

/// Every recorded proof of the full collection, where it is there.
#[test]
fn recorded_proofs() {
    let Some(folder) = vectors::folder() else {
        return;
    };
    let files = vectors::program_files(&folder);
    let entries = files.iter().flat_map(|path| vectors::entries(path));
    let proven: usize = entries.map(|entry| check_all(&entry)).sum();
    assert_eq!(proven, 3859);
}

/// The selection that comes with the project.
#[test]
fn selected_proofs() {
    let files = vectors::program_files(&vectors::own_folder());
    let entries = files.iter().flat_map(|path| vectors::entries(path));
    let proven: usize = entries.map(|entry| check_all(&entry)).sum();
    assert!(proven > 100, "{proven} proofs");
}

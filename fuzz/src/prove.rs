//! What the fuzz target of proofs checks. It takes any bytes and panics if a promise does not hold.
//! `crates/avm-prove/tests/regressions.rs` includes this file and calls the same function with every
//! file of `fuzz/regressions/prove`.
//!
//! Reading and verifying must end and must not panic, and no two files say the same. A fuzzer finds no
//! hashes, so the checksum is mended, and nodes are put in order and the last of them made the state.

use avm_arb::Arb;
use avm_core::{Hash, Vm};
use avm_prove::{Proof, ProofFile, RunProof};
use avm_testkit::ledger::Ledger;
use avm_testkit::tally::Tally;

/// Most steps that are verified.
const MAX_STEPS: u64 = 100;
/// Length of the checksum at the end of a file.
const SUM: usize = 8;

/// Reads a proof file and verifies what is in it by the rules of three machines.
pub fn prove(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    if let Some(body) = bytes.len().checked_sub(SUM) {
        let sum = Hash::keccak(&bytes[..body]);
        bytes[body..].copy_from_slice(&sum.0[..SUM]);
    }
    let Ok(file) = ProofFile::from_bytes(&bytes) else {
        return;
    };
    assert_eq!(file.to_bytes(), bytes);
    if let Proof::Run(mut run) = file.proof {
        verify(&run);
        let last = run.witness.nodes.last().map(|node| Hash::keccak(node));
        run.witness.nodes.sort_by_key(|node| Hash::keccak(node));
        run.witness.nodes.dedup();
        verify(&run);
        if let Some(last) = last {
            run.pre.state = last;
            verify(&run);
        }
    }
}

fn verify(run: &RunProof) {
    let arb = Arb {
        memory_limit_bytes: 64 << 20,
        fast: true,
    };
    let machines: [&dyn Vm; 3] = [&arb, &Tally, &Ledger];
    for vm in machines {
        let verified = run.verify(vm, MAX_STEPS);
        // Whatever was proved, the counts went up.
        if verified.is_ok() {
            let (pre, post) = (&run.pre, &run.post);
            assert!(pre.steps <= post.steps && post.steps - pre.steps <= MAX_STEPS);
            assert!(pre.inputs <= post.inputs && pre.outputs <= post.outputs);
        }
    }
}

//! A verifier that knows the steps of one run, and refuses all else.

use std::collections::BTreeMap;

use avm_arb::{Message, Program, Tally};
use avm_arb_osp::Proof;
use avm_arb_osp::challenge::{Counters, Cut, OneStepVerifier, StepResult};
use avm_arb_osp::encode::{Batch, Options, encode};
use avm_core::{Claim, Hash, Machine, MemoryNodes, MemoryOutbox, Stop, advance};
use ruint::aliases::U256;

/// All states of a run, and what each step does.
pub struct Run {
    pub cuts: Vec<Cut>,
    /// Whether the machine stops or waits at the end.
    pub is_over: bool,
    pub steps: Steps,
}

/// What the proofs of the steps of a run show.
#[derive(Clone, Default)]
pub struct Steps(BTreeMap<Vec<u8>, StepResult>);

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the proof is not that of a step of the run")]
pub struct NoSuchStep;

impl OneStepVerifier for Steps {
    type Refusal = NoSuchStep;

    fn verify(
        &self,
        proof: &Proof,
        messages_read: U256,
        send_acc: Hash,
        log_acc: Hash,
    ) -> Result<StepResult, NoSuchStep> {
        let key = key(proof, messages_read, send_acc, log_acc);
        self.0.get(&key).copied().ok_or(NoSuchStep)
    }
}

fn key(proof: &Proof, messages_read: U256, send_acc: Hash, log_acc: Hash) -> Vec<u8> {
    let counters = [messages_read.to_be_bytes::<32>(), send_acc.0, log_acc.0];
    [&counters.concat(), &proof.proof[..], &proof.buffer].concat()
}

fn cut(tally: Tally, machine: Hash) -> Cut {
    Cut {
        gas_used: tally.gas_used,
        counters: Counters {
            messages_read: U256::from(tally.messages_read),
            machine,
            send_acc: tally.send_acc,
            sends: U256::from(tally.sends),
            log_acc: tally.log_acc,
            logs: U256::from(tally.logs),
        },
    }
}

/// Runs a program for at most `budget` steps.
pub fn run(program: &Program, messages: &[Message], batch: &Batch, budget: usize) -> Run {
    let mut machine = avm_arb::Arb::default().load(program);
    let inbox: avm_core::MemoryInbox = messages.iter().map(Message::to_bytes).collect();
    let (mut nodes, mut outbox) = (MemoryNodes::default(), MemoryOutbox::default());
    let mut claim = Claim::genesis(machine.state_hash());
    let mut cuts = vec![cut(machine.tally(), machine.machine_hash())];
    let mut steps = Steps::default();
    let mut is_over = false;
    while cuts.len() <= budget {
        let state = machine.save(&mut nodes).unwrap();
        let message = batch.proof(claim.inputs as usize);
        let (next, stop) = advance(&mut machine, claim, &inbox, &mut outbox, 1).unwrap();
        if next.steps == claim.steps {
            assert_ne!(stop, Stop::Budget);
            is_over = true;
            break;
        }
        claim = next;
        let (before, after) = (
            cuts[cuts.len() - 1],
            cut(machine.tally(), machine.machine_hash()),
        );
        let (start, end) = (before.counters, after.counters);
        let result = StepResult {
            gas: (after.gas_used - before.gas_used).to(),
            messages_read: end.messages_read,
            before: start.machine,
            after: end.machine,
            send_acc: end.send_acc,
            log_acc: end.log_acc,
        };
        let proof = encode(state, &nodes, message.as_ref(), Options::default()).unwrap();
        let key = key(&proof, start.messages_read, start.send_acc, start.log_acc);
        steps.0.insert(key, result);
        cuts.push(after);
    }
    Run {
        cuts,
        is_over,
        steps,
    }
}

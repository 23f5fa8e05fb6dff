//! The whole run of a program, and what a challenge about it needs.

use avm_arb::{Arb, Message, Program, Tally};
use avm_arb_osp::challenge::{Counters, Cut, Rules, Verifier};
use avm_arb_osp::encode::Batch;
use avm_arb_osp::{Inboxes, Mode};
use avm_core::{Claim, Hash, MemoryOutbox, advance};
use ruint::aliases::U256;

use crate::vectors;

/// All states of a run.
pub struct Run {
    pub cuts: Vec<Cut>,
    /// Whether the machine stops or waits at the end.
    pub is_over: bool,
}

/// Runs a program for at most `budget` steps.
pub fn run(program: &Program, messages: &[Message], budget: usize) -> Run {
    let mut machine = Arb::default().load(program);
    let (inbox, mut outbox) = (vectors::inbox(messages), MemoryOutbox::default());
    let mut claim = Claim::genesis(machine.machine_hash());
    let mut cuts = vec![cut(machine.tally(), machine.machine_hash())];
    while cuts.len() <= budget {
        let (next, _) = advance(&mut machine, claim, &inbox, &mut outbox, 1).unwrap();
        if next.steps == claim.steps {
            break;
        }
        claim = next;
        cuts.push(cut(machine.tally(), machine.machine_hash()));
    }
    let is_over = cuts.len() <= budget;
    Run { cuts, is_over }
}

/// The verifier that goes with some rules.
pub fn verifier(rules: Rules, batch: &Batch) -> Verifier {
    Verifier {
        mode: match rules {
            Rules::Deployed => Mode::Deployed,
            Rules::Sound => Mode::Sound,
        },
        inboxes: Inboxes {
            sequencer: vec![batch.accumulator()],
            delayed: batch.delayed_accumulators().to_vec(),
        },
    }
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

//! The whole run of a program, and what a challenge about it needs.

use avm_arb::{Arb, Message, Program, Tally};
use avm_arb_osp::challenge::{
    ArbExecution, Bisection, Challenge, Counters, Cut, Rules, Terms, Verifier,
};
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

/// A program, its whole run, and what an honest party holds.
pub struct Case {
    pub run: Run,
    pub batch: Batch,
    pub honest: ArbExecution,
    /// Gas at the end of the run.
    pub end: U256,
}

impl Case {
    pub fn new(program: &Program, messages: Vec<Message>, budget: usize) -> Self {
        let (batch, count) = (vectors::batch(messages.clone()), messages.len() as u64);
        let run = run(program, &messages, budget);
        Case {
            end: run.cuts.last().unwrap().gas_used,
            run,
            honest: honest(program, batch.clone(), count),
            batch,
        }
    }

    /// The real cut at a position.
    pub fn cut_at(&self, target: U256) -> Option<Cut> {
        let before = |cut: &Cut| cut.gas_used < target;
        let at = self.run.cuts.partition_point(before);
        self.run.cuts.get(at).copied()
    }

    /// A challenge with time enough, from block 100 on.
    pub fn challenge(&self, initial: &Bisection, degree: u64, rules: Rules) -> Challenge<Verifier> {
        let terms = Terms {
            degree,
            asserter_blocks: 50,
            challenger_blocks: 60,
            max_messages: U256::from(self.batch.messages().len()),
            rules,
        };
        let verifier = verifier(rules, &self.batch);
        Challenge::new(initial, terms, 100, verifier)
    }
}

/// An honest party's view of a run.
pub fn honest(program: &Program, batch: Batch, count: u64) -> ArbExecution {
    ArbExecution::new(Arb::default().load(program), vec![batch], count)
}

/// A claim that is wrong about the machine.
pub fn false_cut(mut cut: Cut) -> Cut {
    cut.counters.machine = Hash::keccak(&cut.counters.machine.0);
    cut
}

//! The recorded disputes: the challenge says what the contract said, and the honest player moves as
//! the recorded one.

use avm_arb::Arb;
use avm_arb_osp::challenge::{
    ArbExecution, Bisect, Bisection, Challenge, Counters, Cut, Illegal, Move, OneStep, Place,
    Player, ProveContinued, Rules, Segment, Side, Terms, Verifier,
};
use avm_arb_osp::{Executor, Proof};
use ruint::aliases::U256;
use serde_json::Value;

use crate::referee;
use crate::vectors;

const START_BLOCK: u64 = 100;
const FAR_BLOCK: u64 = 100_000;

fn side(value: &Value) -> Side {
    match value.as_str() {
        Some("asserter") => Side::Asserter,
        Some("challenger") => Side::Challenger,
        other => panic!("{other:?} is no side"),
    }
}

fn int(value: &Value) -> U256 {
    U256::from(value.as_u64().unwrap())
}

fn hashes(value: &Value) -> Vec<avm_core::Hash> {
    let hashes = value.as_array().unwrap();
    hashes.iter().map(vectors::hash).collect()
}

fn cut(value: &Value) -> Cut {
    Cut {
        gas_used: int(&value["gas"]),
        counters: Counters {
            messages_read: int(&value["messages_read"]),
            machine: vectors::hash(&value["machine_hash"]),
            send_acc: vectors::hash(&value["send_acc"]),
            sends: int(&value["send_count"]),
            log_acc: vectors::hash(&value["log_acc"]),
            logs: int(&value["log_count"]),
        },
    }
}

/// A recorded move; `None` if the party had none.
fn recorded(value: &Value) -> Option<Move> {
    let place = Place {
        segment: Segment {
            start: int(&value["segment"]["start"]),
            length: int(&value["segment"]["length"]),
        },
        old_end: vectors::hash(&value["old_end"]),
        merkle_nodes: hashes(&value["merkle_nodes"]),
        merkle_route: value["merkle_route"].as_str().unwrap().parse().unwrap(),
    };
    Some(match value["kind"].as_str().unwrap() {
        "bisect" => Move::Bisect(Bisect {
            place,
            gas_before: int(&value["gas_before"]),
            rest: vectors::hash(&value["rest"]),
            cuts: hashes(&value["cuts"]),
        }),
        "prove_continued" => Move::ProveContinued(ProveContinued {
            place,
            gas_before: int(&value["gas_before"]),
            rest: vectors::hash(&value["rest"]),
        }),
        "one_step" => {
            let (accs, state) = (&value["initial_accs"], &value["initial_state"]);
            Move::OneStep(OneStep {
                place,
                initial_messages_read: int(&value["initial_messages_read"]),
                initial_send_acc: vectors::hash(&accs[0]),
                initial_log_acc: vectors::hash(&accs[1]),
                initial_gas: int(&state[0]),
                initial_sends: int(&state[1]),
                initial_logs: int(&state[2]),
                proof: Proof {
                    proof: vectors::bytes(&value["proof"]),
                    buffer: vectors::bytes(&value["buffer_proof"]),
                },
                prover: match value["prover"].as_u64().unwrap() {
                    0 => Executor::General,
                    1 => Executor::Buffer,
                    2 => Executor::Hashing,
                    other => panic!("{other} is no prover"),
                },
            })
        }
        "cannot_prove" => return None,
        other => panic!("{other} is no move"),
    })
}

/// One dispute, with the execution that it is about.
struct Dispute {
    entry: Value,
    before: Cut,
    after: Cut,
    execution: ArbExecution,
}

impl Dispute {
    fn new(entry: Value) -> Self {
        let program = vectors::program(&entry);
        let asserted = &entry["asserted"];
        Dispute {
            before: cut(&asserted["before"]),
            after: cut(&asserted["after"]),
            execution: ArbExecution::new(Arb::default().load(&program), vec![], 0),
            entry,
        }
    }

    fn name(&self) -> &str {
        self.entry["name"].as_str().unwrap()
    }

    fn initial(&self) -> Bisection {
        Bisection::initial(&self.before, &self.after)
    }

    fn challenge(&self, rules: Rules) -> Challenge<Verifier> {
        let terms = Terms {
            degree: 400,
            asserter_blocks: 50,
            challenger_blocks: 60,
            max_messages: self.after.counters.messages_read,
            rules,
        };
        let verifier = referee::verifier(rules, &vectors::batch(vec![]));
        Challenge::new(&self.initial(), terms, START_BLOCK, verifier)
    }
}

fn disputes() -> Vec<Dispute> {
    let Some(folder) = vectors::folder() else {
        return vec![];
    };
    let entries = vectors::entries(&folder.join("challenges.json"));
    assert_eq!(entries.len(), 24);
    entries.into_iter().map(Dispute::new).collect()
}

#[test]
fn the_challenge_says_what_the_contract_said() {
    for dispute in disputes() {
        for rules in [Rules::Deployed, Rules::Sound] {
            replay(&dispute, rules);
        }
    }
}

fn replay(dispute: &Dispute, rules: Rules) {
    let (entry, name) = (&dispute.entry, dispute.name());
    let mut challenge = dispute.challenge(rules);
    let initial = vectors::hash(&entry["initial_state"]);
    assert_eq!(challenge.state(), initial, "{name}");
    for (at, value) in entry["moves"].as_array().unwrap().iter().enumerate() {
        let (by, place) = (side(&value["by"]), format!("{name} move {at}"));
        assert_eq!(challenge.turn(), by, "{place}");
        let Some(mv) = recorded(value) else {
            continue;
        };
        let block = value["at_block"].as_u64().unwrap();
        let said = challenge.apply(by, block, &mv);
        match value["error"].as_str() {
            None => assert_eq!(said, Ok(()), "{place}"),
            Some("revert:WRONG_END") => {
                assert!(matches!(said, Err(Illegal::WrongEnd { .. })), "{place}");
            }
            Some(other) => panic!("{place}: {other}"),
        }
        assert_eq!(said.is_ok(), value["accepted"] == true, "{place}");
        if said.is_ok() {
            let want = vectors::hash(&value["state_after"]);
            assert_eq!(challenge.state(), want, "{place}");
        }
    }
    assert_eq!(challenge.turn(), side(&entry["turn_at_end"]), "{name}");
    let timed_out = challenge.apply(Side::Asserter, FAR_BLOCK, &Move::Timeout);
    assert_eq!(timed_out.is_ok(), entry["timeout_ok"] == true, "{name}");
    assert_eq!(challenge.winner(), Some(side(&entry["winner"])), "{name}");
}

/// Against the recorded opponent the honest player makes the recorded moves.
#[test]
fn the_honest_player_moves_as_recorded() {
    for dispute in disputes() {
        let (entry, name) = (&dispute.entry, dispute.name());
        let liar = side(&entry["liar"]);
        let mut player = Player {
            execution: dispute.execution.clone(),
            degree: 400,
        };
        let mut challenge = dispute.challenge(Rules::Deployed);
        let mut last = dispute.initial();
        for (at, value) in entry["moves"].as_array().unwrap().iter().enumerate() {
            let (by, place) = (side(&value["by"]), format!("{name} move {at}"));
            let mv = match recorded(value) {
                mv if by == liar => mv,
                want => {
                    let mv = player.respond(&last).unwrap();
                    assert_eq!(Some(&mv), want.as_ref(), "{place}");
                    Some(mv)
                }
            };
            let Some(mv) = mv else { continue };
            let block = value["at_block"].as_u64().unwrap();
            let accepted = challenge.apply(by, block, &mv).is_ok();
            assert_eq!(accepted, value["accepted"] == true, "{place}");
            if let (Move::Bisect(bisect), true) = (&mv, accepted) {
                last = Bisection::after(bisect, 400).unwrap();
                assert_eq!(last.root(), challenge.state(), "{place}");
            }
        }
        challenge
            .apply(liar, FAR_BLOCK, &Move::Timeout)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(challenge.winner(), Some(liar.opponent()), "{name}");
    }
}

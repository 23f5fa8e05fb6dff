//! Recorded disputes, replayed move by move: the challenge says what the contract said, and our
//! honest player makes the moves that the honest party made.

use avm_arb::{Arb, Program};
use avm_arb_osp::challenge::{
    ArbExecution, Bisect, Bisection, Challenge, Counters, Cut, Move, OneStep, Place, Player,
    ProveContinued, Rules, Segment, Side, Terms, Verifier,
};
use avm_arb_osp::{Executor, Inboxes, Mode};
use avm_core::Hash;
use ruint::aliases::U256;
use serde_json::Value;

use super::proofs::{batch, hash, submitted};
use crate::vectors::{Check, check};

/// The contract as it was set up for the recordings.
const DEGREE: u64 = 400;
const ASSERTER_BLOCKS: u64 = 50;
const CHALLENGER_BLOCKS: u64 = 60;
const START_BLOCK: u64 = 100;
/// A block at which every clock has run out.
const FAR_BLOCK: u64 = 100_000;

/// One dispute, under the rules of the contract and under the sound ones.
pub(super) fn replay(entry: &Value) -> Check {
    let asserted = &entry["asserted"];
    let (before, after) = (cut(&asserted["before"])?, cut(&asserted["after"])?);
    let initial = Bisection::initial(&before, &after);
    for rules in [Rules::Deployed, Rules::Sound] {
        let terms = Terms {
            degree: DEGREE,
            asserter_blocks: ASSERTER_BLOCKS,
            challenger_blocks: CHALLENGER_BLOCKS,
            max_messages: after.counters.messages_read,
            rules,
        };
        let batch = batch(&entry["inbox"])?;
        let verifier = Verifier {
            mode: match rules {
                Rules::Deployed => Mode::Deployed,
                Rules::Sound => Mode::Sound,
            },
            inboxes: Inboxes {
                sequencer: vec![batch.accumulator()],
                delayed: batch.delayed_accumulators().to_vec(),
            },
        };
        let challenge = Challenge::new(&initial, terms, START_BLOCK, verifier);
        play(entry, initial.clone(), challenge).map_err(|e| format!("{rules:?} rules: {e}"))?;
    }
    Ok(())
}

fn play(entry: &Value, initial: Bisection, mut challenge: Challenge<Verifier>) -> Check {
    let image = entry["program"].to_string();
    let program = Program::from_json(image.as_bytes()).map_err(|e| e.to_string())?;
    let mut honest = Player {
        execution: ArbExecution::new(Arb::default().load(&program), Vec::new(), 0),
        degree: DEGREE,
    };
    let liar = side(&entry["liar"])?;
    let mut last = initial;
    check("initial state", challenge.state(), &entry["initial_state"])?;
    for (at, value) in entry["moves"].as_array().into_iter().flatten().enumerate() {
        let by = side(&value["by"])?;
        check(format!("turn at move {at}"), challenge.turn(), &value["by"])?;
        let Some(mv) = recorded(value)? else {
            continue;
        };
        if by != liar {
            let ours = honest.respond(&last).map_err(|e| e.to_string())?;
            if ours != mv {
                return Err(format!("move {at}: expected {mv:?}, found {ours:?}"));
            }
        }
        let block = value["at_block"].as_u64().ok_or("a move has no block")?;
        let said = challenge.apply(by, block, &mv);
        let found = said
            .as_ref()
            .map_or_else(|e| e.to_string(), |()| "accepted".into());
        if said.is_ok() != (value["accepted"] == true) {
            let want = if said.is_ok() {
                "a refusal"
            } else {
                "accepted"
            };
            return Err(format!("move {at}: expected {want}, found {found}"));
        }
        if said.is_ok() {
            let state = format!("state after move {at}");
            check(state, challenge.state(), &value["state_after"])?;
            if let Move::Bisect(bisect) = &mv {
                last = Bisection::after(bisect, DEGREE).ok_or("a bisection of nothing")?;
            }
        }
    }
    // Whoever's turn it is has no move any more.
    let late = challenge.apply(liar.opponent(), FAR_BLOCK, &Move::Timeout);
    late.map_err(|e| e.to_string())?;
    let winner = challenge
        .winner()
        .map_or("nobody".into(), |side| side.to_string());
    check("winner", winner, &entry["winner"])
}

/// A recorded move; `None` if the party had none.
fn recorded(value: &Value) -> Result<Option<Move>, String> {
    let hashes = |value: &Value| -> Result<Vec<Hash>, String> {
        let list = value.as_array().ok_or("a move has no list of hashes")?;
        list.iter().map(|value| hash(value, "hash")).collect()
    };
    let route = value["merkle_route"]
        .as_str()
        .and_then(|text| text.parse().ok());
    let place = Place {
        segment: Segment {
            start: number(&value["segment"]["start"])?,
            length: number(&value["segment"]["length"])?,
        },
        old_end: hash(&value["old_end"], "old end")?,
        merkle_nodes: hashes(&value["merkle_nodes"])?,
        merkle_route: route.ok_or("a move has no route")?,
    };
    Ok(Some(match value["kind"].as_str() {
        Some("bisect") => Move::Bisect(Bisect {
            place,
            gas_before: number(&value["gas_before"])?,
            rest: hash(&value["rest"], "rest")?,
            cuts: hashes(&value["cuts"])?,
        }),
        Some("prove_continued") => Move::ProveContinued(ProveContinued {
            place,
            gas_before: number(&value["gas_before"])?,
            rest: hash(&value["rest"], "rest")?,
        }),
        Some("one_step") => Move::OneStep(OneStep {
            place,
            initial_messages_read: number(&value["initial_messages_read"])?,
            initial_send_acc: hash(&value["initial_accs"][0], "send accumulator")?,
            initial_log_acc: hash(&value["initial_accs"][1], "log accumulator")?,
            initial_gas: number(&value["initial_state"][0])?,
            initial_sends: number(&value["initial_state"][1])?,
            initial_logs: number(&value["initial_state"][2])?,
            proof: submitted(value)?,
            prover: match value["prover"].as_u64() {
                Some(0) => Executor::General,
                Some(1) => Executor::Buffer,
                Some(2) => Executor::Hashing,
                _ => return Err(format!("{} is no prover", value["prover"])),
            },
        }),
        Some("cannot_prove") => return Ok(None),
        _ => return Err(format!("{} is no kind of move", value["kind"])),
    }))
}

fn cut(value: &Value) -> Result<Cut, String> {
    Ok(Cut {
        gas_used: number(&value["gas"])?,
        counters: Counters {
            messages_read: number(&value["messages_read"])?,
            machine: hash(&value["machine_hash"], "machine hash")?,
            send_acc: hash(&value["send_acc"], "send accumulator")?,
            sends: number(&value["send_count"])?,
            log_acc: hash(&value["log_acc"], "log accumulator")?,
            logs: number(&value["log_count"])?,
        },
    })
}

fn side(value: &Value) -> Result<Side, String> {
    match value.as_str() {
        Some("asserter") => Ok(Side::Asserter),
        Some("challenger") => Ok(Side::Challenger),
        _ => Err(format!("{value} is no side")),
    }
}

fn number(value: &Value) -> Result<U256, String> {
    let number = value.as_u64().map(U256::from);
    number.ok_or_else(|| format!("{value} is no number"))
}

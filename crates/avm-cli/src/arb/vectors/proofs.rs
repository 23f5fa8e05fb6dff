//! Recorded one-step proofs: we make the same bytes, and both modes of the verifier say what was
//! recorded, of honest, damaged and forged ones.

use avm_arb_osp::encode::{Batch, BatchStart, CodePoints, Options, encode};
use avm_arb_osp::{Inboxes, Known, Mode, Outcome, Proof, verify};
use avm_core::{Hash, Machine, MemoryNodes};
use ruint::aliases::U256;
use serde_json::Value;

use super::{Traced, end_of_run, hex};
use crate::arb::inbox::{self, hex_bytes};
use crate::vectors::{Case, Check, check};

/// A recorded proof of an honest step, what the contract knew before, and what it found.
struct Recorded {
    /// Index of the step in its program.
    at: u64,
    proof: Proof,
    before: Outcome,
    found: Outcome,
}

/// One case for each recorded proof of a traced program: we make these bytes, and they verify.
pub(super) fn made(entry: &Value) -> Vec<Case> {
    let mut prover = Prover::new(entry);
    each(entry, |step, inboxes| {
        let prover = prover.as_mut().map_err(|reason| reason.clone())?;
        prover.makes(step)?;
        verifies(step, inboxes)
    })
}

/// One case for each recorded proof of a run of steps without its program: they verify.
pub(super) fn verified(entry: &Value) -> Vec<Case> {
    each(entry, verifies)
}

fn each(entry: &Value, mut run: impl FnMut(&Recorded, &Inboxes) -> Check) -> Vec<Case> {
    let name = entry["name"].as_str().unwrap_or("unnamed");
    let named = |at: u64, result| Case::new(format!("{name} proof of step {at}"), result);
    let (inboxes, steps) = match (inboxes(entry), recorded(entry)) {
        (Ok(inboxes), Ok(steps)) => (inboxes, steps),
        (Err(reason), _) | (_, Err(reason)) => return vec![named(0, Err(reason))],
    };
    let cases = steps.iter();
    cases
        .map(|step| named(step.at, run(step, &inboxes)))
        .collect()
}

fn inboxes(entry: &Value) -> Result<Inboxes, String> {
    let hashes = |name: &str| -> Result<Vec<Hash>, String> {
        let list = entry[name].as_array().into_iter().flatten();
        list.map(|value| hash(value, name)).collect()
    };
    Ok(Inboxes {
        sequencer: hashes("sequencer_accs")?,
        delayed: hashes("delayed_accs")?,
    })
}

/// The proofs of an entry; what is known before a step is what the one before left.
fn recorded(entry: &Value) -> Result<Vec<Recorded>, String> {
    let mut state = Outcome {
        gas: 0,
        messages_read: count(&entry["messages_read"], U256::ZERO),
        before: Hash::ZERO,
        after: hash(&entry["initial_hash"], "initial hash")?,
        send_acc: changed(&entry["send_acc"], Hash::ZERO)?,
        log_acc: changed(&entry["log_acc"], Hash::ZERO)?,
    };
    let mut recorded = Vec::new();
    for (at, step) in (0..).zip(entry["steps"].as_array().into_iter().flatten()) {
        let before = state;
        state = Outcome {
            gas: step["gas"].as_u64().ok_or("a step has no gas")?,
            messages_read: count(&step["messages_read"], before.messages_read),
            before: before.after,
            after: hash(&step["hash"], "hash")?,
            send_acc: changed(&step["send_acc"], before.send_acc)?,
            log_acc: changed(&step["log_acc"], before.log_acc)?,
        };
        if step.get("proof").is_some() {
            let mut proof = submitted(step)?;
            proof.proof.extend(bytes(&step["inbox_proof"])?);
            recorded.push(Recorded {
                at,
                proof,
                before,
                found: state,
            });
        }
    }
    Ok(recorded)
}

/// The two byte strings of an entry.
pub(super) fn submitted(entry: &Value) -> Result<Proof, String> {
    Ok(Proof {
        proof: bytes(&entry["proof"])?,
        buffer: bytes(&entry["buffer_proof"])?,
    })
}

fn verifies(step: &Recorded, inboxes: &Inboxes) -> Check {
    let known = Known {
        messages_read: step.before.messages_read,
        send_acc: step.before.send_acc,
        log_acc: step.before.log_acc,
        inboxes,
    };
    for mode in [Mode::Sound, Mode::Deployed] {
        let found = verify(mode, &step.proof, &known).map_err(|refusal| refused(mode, refusal))?;
        same(mode, &step.found, &found)?;
    }
    Ok(())
}

fn refused(mode: Mode, refusal: impl std::fmt::Display) -> String {
    format!("refused in mode {mode:?}: {refusal}")
}

fn same(mode: Mode, want: &Outcome, found: &Outcome) -> Check {
    if want == found {
        return Ok(());
    }
    Err(format!(
        "verdict in mode {mode:?}: expected {want:?}, found {found:?}"
    ))
}

/// A program that runs to the steps whose proofs were recorded.
struct Prover {
    run: Traced,
    batch: Batch,
    nodes: MemoryNodes,
}

impl Prover {
    fn new(entry: &Value) -> Result<Self, String> {
        Ok(Self {
            run: Traced::new(entry)?,
            batch: batch(&entry["inbox"])?,
            nodes: MemoryNodes::default(),
        })
    }

    /// The recorded bytes; and the form with bounded code points, which has to verify.
    fn makes(&mut self, step: &Recorded) -> Check {
        self.run.run_to(step.at)?;
        let machine = &mut self.run.machine;
        let state = machine.save(&mut self.nodes).map_err(|e| e.to_string())?;
        let message = self.batch.proof(self.run.host.taken);
        let made = |code_points| {
            let options = Options { code_points };
            encode(state, &self.nodes, message.as_ref(), options).map_err(|e| e.to_string())
        };
        let full = made(CodePoints::Full)?;
        let (proof, buffer) = (hex(&step.proof.proof), hex(&step.proof.buffer));
        check("proof", hex(&full.proof), &Value::from(proof))?;
        check("buffer proof", hex(&full.buffer), &Value::from(buffer))?;
        let inboxes = Inboxes {
            sequencer: vec![self.batch.accumulator()],
            delayed: self.batch.delayed_accumulators().to_vec(),
        };
        let known = Known {
            messages_read: step.before.messages_read,
            send_acc: step.before.send_acc,
            log_acc: step.before.log_acc,
            inboxes: &inboxes,
        };
        let found = verify(Mode::Sound, &made(CodePoints::Bounded)?, &known);
        same(
            Mode::Sound,
            &step.found,
            &found.map_err(|refusal| refused(Mode::Sound, refusal))?,
        )
    }
}

/// The one batch that holds all messages of a program, and the empty message behind a run of
/// delayed ones, which the program may not get to read.
pub(super) fn batch(inbox: &Value) -> Result<Batch, String> {
    let mut messages = match inbox {
        Value::Null => Vec::new(),
        inbox => inbox::messages(inbox).map_err(|e| e.to_string())?,
    };
    if messages.last().is_some_and(avm_arb::Message::is_delayed) {
        let mut end = end_of_run();
        end.sequence_number = U256::from(messages.len());
        messages.push(end);
    }
    Batch::new(BatchStart::default(), messages).map_err(|e| e.to_string())
}

/// A damaged proof: the deployed contract's verdict.
pub(super) fn damaged(entry: &Value) -> Case {
    let text = |name: &str| entry[name].as_str().unwrap_or("unnamed");
    let name = format!(
        "{} step {}: {}",
        text("from"),
        entry["step"],
        text("mutation")
    );
    Case::new(name, damaged_check(entry))
}

fn damaged_check(entry: &Value) -> Check {
    let known = known(entry)?;
    let found = verify(Mode::Deployed, &submitted(entry)?, &known);
    if entry["accepted"] != true {
        return match found {
            Err(_) => Ok(()),
            Ok(found) => Err(format!("expected a refusal, found {found:?}")),
        };
    }
    let want = Outcome {
        gas: entry["gas"].as_u64().ok_or("there is no gas")?,
        messages_read: known.messages_read,
        before: hash(&entry["before"], "before")?,
        after: hash(&entry["after"], "after")?,
        send_acc: changed(&entry["send_acc_after"], known.send_acc)?,
        log_acc: changed(&entry["log_acc_after"], known.log_acc)?,
    };
    let found = found.map_err(|refusal| refused(Mode::Deployed, refusal))?;
    same(Mode::Deployed, &want, &found)
}

/// A forged proof of a true state: the deployed contract takes it, the sound verifier does not; and
/// both take the honest one.
pub(super) fn forged(entry: &Value) -> Check {
    let known = known(entry)?;
    let outcome = |gas: &Value, after: &Value| -> Result<Outcome, String> {
        Ok(Outcome {
            gas: gas.as_u64().ok_or("there is no gas")?,
            messages_read: known.messages_read,
            before: hash(&entry["before"], "before")?,
            after: hash(after, "after")?,
            send_acc: known.send_acc,
            log_acc: known.log_acc,
        })
    };
    let (forged, deployed) = (submitted(entry)?, &entry["deployed_verifier"]);
    let lie = outcome(&deployed["gas"], &deployed["after"])?;
    let found = verify(Mode::Deployed, &forged, &known);
    let found = found.map_err(|refusal| refused(Mode::Deployed, refusal))?;
    same(Mode::Deployed, &lie, &found)?;
    if let Ok(found) = verify(Mode::Sound, &forged, &known) {
        return Err(format!("a forged proof passes in mode Sound: {found:?}"));
    }
    let honest = Proof {
        proof: bytes(&entry["honest_proof"])?,
        buffer: bytes(&entry["honest_buffer_proof"])?,
    };
    let truth = outcome(&entry["honest_gas"], &entry["honest_after"])?;
    for mode in [Mode::Sound, Mode::Deployed] {
        let found = verify(mode, &honest, &known).map_err(|refusal| refused(mode, refusal))?;
        same(mode, &truth, &found)?;
    }
    Ok(())
}

/// Nothing was read before, and both inboxes are empty.
fn known(entry: &Value) -> Result<Known<'static>, String> {
    Ok(Known {
        send_acc: changed(&entry["send_acc"], Hash::ZERO)?,
        log_acc: changed(&entry["log_acc"], Hash::ZERO)?,
        ..Known::default()
    })
}

pub(super) fn bytes(value: &Value) -> Result<Vec<u8>, String> {
    match value {
        Value::Null => Ok(Vec::new()),
        value => value
            .as_str()
            .and_then(hex_bytes)
            .ok_or_else(|| format!("{value} is not a byte string in hex")),
    }
}

pub(super) fn hash(value: &Value, what: &str) -> Result<Hash, String> {
    let hash = value.as_str().and_then(|text| text.parse().ok());
    hash.ok_or_else(|| format!("{what} is {value}, not a hash in hex"))
}

/// An accumulator that is recorded only where it changed.
fn changed(value: &Value, before: Hash) -> Result<Hash, String> {
    match value {
        Value::Null => Ok(before),
        value => hash(value, "accumulator"),
    }
}

/// A count that is recorded only where it changed.
fn count(value: &Value, before: U256) -> U256 {
    value.as_u64().map_or(before, U256::from)
}

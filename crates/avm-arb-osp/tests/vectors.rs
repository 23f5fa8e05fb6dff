//! The verifier against every recorded proof: honest, damaged and forged.

mod support;

use std::collections::BTreeMap;

use avm_arb_osp::{Executor, Known, Mode, Outcome, Proof, Refusal, verify, verify_as};
use serde_json::Value;

#[test]
fn honest_proofs_are_accepted_in_both_modes() {
    let recorded = support::honest();
    for step in &recorded {
        for mode in [Mode::Sound, Mode::Deployed] {
            assert_eq!(
                step.verify(mode, &step.proof),
                Ok(step.want),
                "{} {mode:?}",
                step.name
            );
        }
    }
    println!("{} honest proofs", recorded.len());
}

/// Entries of a file, of the compact and the full collection.
fn entries(file: &str) -> Vec<Value> {
    let folders = [Some(support::compact()), support::full()];
    let files = folders
        .into_iter()
        .flatten()
        .map(|folder| folder.join(file));
    files.flat_map(|file| support::read(&file)).collect()
}

fn known(entry: &Value) -> Known<'static> {
    Known {
        send_acc: support::hash(&entry["send_acc"]),
        log_acc: support::hash(&entry["log_acc"]),
        ..Known::default()
    }
}

#[test]
fn damaged_proofs_have_the_deployed_verdict() {
    let mut counts = [0, 0];
    for entry in entries("mutated_proofs.json") {
        let name = format!(
            "{} step {}: {}",
            entry["from"], entry["step"], entry["mutation"]
        );
        let known = known(&entry);
        let found = verify(Mode::Deployed, &support::submitted(&entry), &known);
        if entry["accepted"] != true {
            assert!(found.is_err(), "{name}: accepted, {found:?}");
            counts[0] += 1;
            continue;
        }
        let want = Outcome {
            gas: entry["gas"].as_u64().expect("accepted proofs have gas"),
            messages_read: known.messages_read,
            before: support::hash(&entry["before"]),
            after: support::hash(&entry["after"]),
            send_acc: support::accumulator(&entry["send_acc_after"], known.send_acc),
            log_acc: support::accumulator(&entry["log_acc_after"], known.log_acc),
        };
        assert_eq!(found, Ok(want), "{name}");
        counts[1] += 1;
    }
    println!("{counts:?} damaged proofs refused and accepted");
    assert!(counts.iter().all(|&count| count > 0));
}

/// Forged proofs of a true state; the refusal that each earns where falsehoods are refused.
fn forgery_noticed(kind: &str, refusal: &Refusal) -> bool {
    match kind {
        "withheld_tuple" => matches!(refusal, Refusal::WithheldTuple { .. }),
        "unnormalised_buffer" => matches!(refusal, Refusal::ZeroRightHalf { .. }),
        "unlisted_aux" => matches!(refusal, Refusal::MoreValuesBelow { stack: "aux", .. }),
        _ => panic!("an unknown kind of forgery: {kind}"),
    }
}

#[test]
fn forged_proofs_are_accepted_as_deployed_only() {
    let entries = entries("adversarial_proofs.json");
    assert!(!entries.is_empty());
    for (at, entry) in entries.iter().enumerate() {
        let kind = entry["kind"].as_str().expect("a forgery has a kind");
        let known = known(entry);
        let before = support::hash(&entry["before"]);
        let outcome = |gas: &Value, after: &Value| Outcome {
            gas: gas.as_u64().expect("a step has gas"),
            messages_read: known.messages_read,
            before,
            after: support::hash(after),
            send_acc: known.send_acc,
            log_acc: known.log_acc,
        };

        let forged = support::submitted(entry);
        let deployed = &entry["deployed_verifier"];
        let lie = outcome(&deployed["gas"], &deployed["after"]);
        assert_eq!(
            verify(Mode::Deployed, &forged, &known),
            Ok(lie),
            "{kind} {at}"
        );
        let refusal = verify(Mode::Sound, &forged, &known).expect_err("a forgery");
        assert!(forgery_noticed(kind, &refusal), "{kind} {at}: {refusal}");

        let honest = Proof {
            proof: support::hex(&entry["honest_proof"]),
            buffer: support::hex(&entry["honest_buffer_proof"]),
        };
        let truth = outcome(&entry["honest_gas"], &entry["honest_after"]);
        assert_ne!(truth.after, lie.after, "{kind} {at}");
        for mode in [Mode::Sound, Mode::Deployed] {
            assert_eq!(
                verify(mode, &honest, &known),
                Ok(truth),
                "{kind} {at} {mode:?}"
            );
        }
    }
}

/// Whatever was submitted, honest, damaged or forged: in mode `Sound` a state has one successor.
#[test]
fn no_two_proofs_of_a_state_disagree() {
    let mut successors = BTreeMap::new();
    let mut submit = |name: &str, proof: &Proof, known: &Known<'_>| {
        let Ok(outcome) = verify(Mode::Sound, proof, known) else {
            return;
        };
        let state = (
            outcome.before,
            known.messages_read,
            known.send_acc,
            known.log_acc,
        );
        let first = successors.entry(state).or_insert(outcome);
        assert_eq!(outcome, *first, "{name}");
    };
    for step in support::honest() {
        submit(&step.name, &step.proof, &step.known());
    }
    for file in ["adversarial_proofs.json", "mutated_proofs.json"] {
        for (at, entry) in entries(file).iter().enumerate() {
            let name = format!("{file} {at}");
            submit(&name, &support::submitted(entry), &known(entry));
        }
    }
    assert!(successors.len() > 400);
}

/// Where the emulator differs, the contract is right. Spec: section 17.
#[test]
fn points_outside_the_subgroup_are_an_error() {
    for entry in entries("disagreements.json") {
        let right = &entry["consensus_result"];
        for mode in [Mode::Sound, Mode::Deployed] {
            let found = verify(mode, &support::submitted(&entry), &Known::default());
            let found = found.expect("the proof is honest");
            assert_eq!(found.before, support::hash(&entry["before"]));
            assert_eq!(found.after, support::hash(&right["hash"]));
            assert_eq!(Some(found.gas), right["gas"].as_u64());
        }
    }
}

#[test]
fn each_opcode_has_one_executor() {
    let executors = [Executor::General, Executor::Buffer, Executor::Hashing];
    for step in support::honest_compact() {
        let right = Executor::of(step.opcode());
        for executor in executors {
            let found = verify_as(Mode::Deployed, executor, &step.proof, &step.known());
            let want = if executor == right {
                Ok(step.want)
            } else {
                Err(Refusal::WrongExecutor {
                    opcode: step.opcode(),
                    asked: executor,
                    right,
                })
            };
            assert_eq!(found, want, "{}", step.name);
        }
    }
}

/// The project's own proofs are a fair sample: every opcode, and each way to fail.
#[test]
fn the_compact_proofs_cover_every_opcode() {
    let steps = support::honest_compact();
    let defined = [
        0x01..=0x0b,
        0x10..=0x1d,
        0x20..=0x24,
        0x30..=0x3d,
        0x40..=0x44,
        0x50..=0x54,
        0x60..=0x61,
        0x70..=0x70,
        0x72..=0x79,
        0x7b..=0x7b,
        0x80..=0x83,
        0x90..=0x90,
        0xa0..=0xa6,
    ];
    for opcode in defined.into_iter().flatten() {
        let of_opcode = || steps.iter().filter(move |step| step.opcode() == opcode);
        assert!(of_opcode().count() > 0, "no proof of {opcode:#04x}");
    }
    assert!(
        steps.iter().any(|step| step.opcode() == 0),
        "no undefined opcode"
    );
}

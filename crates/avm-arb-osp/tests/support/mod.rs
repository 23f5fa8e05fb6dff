//! Recorded proofs, from `vectors/arb` and, where it is there, the full collection.
//!
//! `vectors/arb/proofs.json` holds runs of steps; the full collection holds whole programs. Both are
//! read by the same code: a run is a program whose `steps` carry proofs. See `vectors/arb/README.md`.
#![allow(dead_code)] // each test file uses its part

use std::path::{Path, PathBuf};

use avm_arb_osp::{Inboxes, Known, Mode, Outcome, Proof, Refusal, verify};
use avm_core::Hash;
use ruint::aliases::U256;
use serde_json::Value;

/// One recorded step: its proof, what the contract knew, and what it found.
pub struct Recorded {
    /// Program and step, for messages.
    pub name: String,
    pub proof: Proof,
    pub messages_read: U256,
    pub send_acc: Hash,
    pub log_acc: Hash,
    pub inboxes: Inboxes,
    pub want: Outcome,
}

impl Recorded {
    pub fn known(&self) -> Known<'_> {
        Known {
            messages_read: self.messages_read,
            send_acc: self.send_acc,
            log_acc: self.log_acc,
            inboxes: &self.inboxes,
        }
    }

    pub fn verify(&self, mode: Mode, proof: &Proof) -> Result<Outcome, Refusal> {
        verify(mode, proof, &self.known())
    }

    pub fn opcode(&self) -> u8 {
        self.proof.proof[0]
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The project's own vectors.
pub fn compact() -> PathBuf {
    workspace().join("vectors/arb")
}

/// The full collection, where it is there.
pub fn full() -> Option<PathBuf> {
    let path = workspace().join("../shared/vectors/arbitrum");
    path.is_dir().then_some(path)
}

pub fn read(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let value: Value = serde_json::from_str(&text).expect("vectors are JSON");
    value.as_array().expect("vectors are arrays").clone()
}

/// All recorded honest steps of the compact and the full collection.
pub fn honest() -> Vec<Recorded> {
    let mut files = vec![compact().join("proofs.json")];
    if let Some(full) = full() {
        let mut programs: Vec<PathBuf> = std::fs::read_dir(full)
            .expect("the full collection is a folder")
            .map(|entry| entry.expect("its entries can be read").path())
            .filter(|path| path.to_string_lossy().contains("/programs_"))
            .collect();
        programs.sort();
        files.extend(programs);
    }
    let programs = files.iter().flat_map(|file| read(file));
    programs.flat_map(|program| steps_of(&program)).collect()
}

/// The steps of the project's own vectors only.
pub fn honest_compact() -> Vec<Recorded> {
    let programs = read(&compact().join("proofs.json")).into_iter();
    programs.flat_map(|program| steps_of(&program)).collect()
}

/// The recorded proofs of a traced program; what is known before a step is what the one before left.
fn steps_of(program: &Value) -> Vec<Recorded> {
    let inboxes = Inboxes {
        sequencer: hashes(&program["sequencer_accs"]),
        delayed: hashes(&program["delayed_accs"]),
    };
    let mut state = Outcome {
        gas: 0,
        messages_read: count(&program["messages_read"], 0),
        before: Hash::ZERO,
        after: hash(&program["initial_hash"]),
        send_acc: accumulator(&program["send_acc"], Hash::ZERO),
        log_acc: accumulator(&program["log_acc"], Hash::ZERO),
    };
    let mut recorded = Vec::new();
    for (at, step) in program["steps"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let before = state;
        state = Outcome {
            gas: step["gas"].as_u64().expect("a step has gas"),
            messages_read: count(&step["messages_read"], before.messages_read.to()),
            before: step.get("before").map_or(before.after, hash),
            after: hash(&step["hash"]),
            send_acc: accumulator(&step["send_acc"], before.send_acc),
            log_acc: accumulator(&step["log_acc"], before.log_acc),
        };
        if step["proof"].is_null() {
            continue;
        }
        let mut proof = hex(&step["proof"]);
        proof.extend(hex(&step["inbox_proof"]));
        recorded.push(Recorded {
            name: format!("{} step {at}", program["name"]),
            proof: Proof {
                proof,
                buffer: hex(&step["buffer_proof"]),
            },
            messages_read: before.messages_read,
            send_acc: before.send_acc,
            log_acc: before.log_acc,
            inboxes: inboxes.clone(),
            want: state,
        });
    }
    recorded
}

/// A proof and an outcome in the shape of the mutated and adversarial collections.
pub fn submitted(entry: &Value) -> Proof {
    Proof {
        proof: hex(&entry["proof"]),
        buffer: hex(&entry["buffer_proof"]),
    }
}

fn count(value: &Value, default: u64) -> U256 {
    U256::from(value.as_u64().unwrap_or(default))
}

pub fn accumulator(value: &Value, default: Hash) -> Hash {
    value.as_str().map_or(default, |_| hash(value))
}

pub fn hash(value: &Value) -> Hash {
    let text = value.as_str().expect("a hash is text");
    text.parse().expect("a hash is 64 digits")
}

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().into_iter().flatten().map(hash).collect()
}

/// Bytes of a hex string; none of null.
pub fn hex(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap_or_default().as_bytes();
    let digit = |digit: &u8| char::from(*digit).to_digit(16).expect("a hex digit") as u8;
    let pair = |pair: &[u8]| digit(&pair[0]) << 4 | digit(&pair[1]);
    digits.chunks(2).map(pair).collect()
}

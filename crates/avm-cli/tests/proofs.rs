//! `avm prove` and `avm verify`: what they print, what they refuse, and how.

mod common;

use std::path::Path;

use avm_arb::{StateKey, read_key};
use avm_core::{Hash, HostError};
use avm_prove::{KeyProof, Proof, ProofFile, verify_read};
use avm_store::{LogReader, LogWriter};
use common::Work;

/// Proves and verifies, and gives both outputs.
fn both(work: &Work, target: &str, file: &str) -> String {
    let proved = work.avm(&format!("prove {target}"));
    assert_eq!(proved.code, 0, "{proved:?}");
    let verified = work.avm(&format!("--offline verify {file}"));
    assert_eq!(verified.code, 0, "{verified:?}");
    proved.timeless() + &verified.timeless()
}

#[test]
fn each_kind_of_proof() {
    let work = Work::recorded();
    insta::assert_snapshot!(
        "step",
        both(&work, "final:-1 -o last.avmproof", "last.avmproof")
    );
    insta::assert_snapshot!("input", both(&work, "@0", "main-0.avmproof"));
    let range = both(&work, "main.avmlog@0:2..@1:1", "main-0-2-to-1-1.avmproof");
    insta::assert_snapshot!("range", range);
    insta::assert_snapshot!(
        "genesis",
        both(&work, "@genesis -o g.avmproof", "g.avmproof")
    );
    let key = both(&work, "@0 --key stack/0", "main-0-stack-0.avmproof");
    insta::assert_snapshot!("key", key);
    let absent = both(&work, "@0 --key stack/1", "main-0-stack-1.avmproof");
    insta::assert_snapshot!("key_absent", absent);
    let idle = both(&work, "@1:5 --kind step", "main-1-5.avmproof");
    assert!(idle.contains("(idle: the machine halted)"), "{idle}");
    assert!(idle.contains("stays there"), "{idle}");
    let program = both(
        &work,
        "adder.masm@final:-1 --inputs inbox.json -o p.avmproof",
        "p.avmproof",
    );
    assert!(program.contains("step @:112  halt"), "{program}");
    assert_eq!(work.read("p.avmproof"), work.read("last.avmproof"));
}

#[test]
fn every_step_of_a_run_proves_and_verifies() {
    let work = Work::recorded();
    let trace = work.avm("trace main.avmlog --as jsonl").lines();
    let steps: Vec<_> = trace.iter().filter(|line| line["t"] == "step").collect();
    assert_eq!(steps.len(), 113);
    for (at, step) in steps.iter().enumerate().step_by(7) {
        let ran = work.avm(&format!("prove main.avmlog@:{at} -o {at}.avmproof --json"));
        assert_eq!(ran.code, 0, "{ran:?}");
        let ran = work.avm(&format!("verify {at}.avmproof --json"));
        let proof = &ran.json()["data"]["proofs"][0];
        assert_eq!(proof["point"], format!("@:{at}"));
        let name = step["opName"].as_str().unwrap();
        let shows = proof["shows"].as_str().unwrap().to_owned();
        let is_push = name == "nop" && shows.contains("push");
        assert!(shows.contains(name) || is_push, "{shows}: {name}");
        let next = work.avm(&format!("root main.avmlog@:{}", at + 1)).stdout;
        assert_eq!(proof["after"]["root"], format!("0x{}", next.trim()));
    }
}

#[test]
fn json_has_both_claims_and_the_log() {
    let work = Work::recorded();
    let made = work.avm("prove final:-1 -o p.avmproof --json").json()["data"].clone();
    let data = work.avm("verify p.avmproof --json").json()["data"].clone();
    let proof = &data["proofs"][0];
    for member in ["kind", "steps", "before", "after", "log", "witness", "spec"] {
        assert_eq!(made[member], proof[member], "{member}");
        assert!(!proof[member].is_null(), "{member}");
    }
    assert_eq!(
        (&made["point"], &proof["point"]),
        (&"@1:4".into(), &"@:112".into())
    );
    assert_eq!(proof["log"]["inputs"], 2);
    work.avm("prove @0 --key gas_used -o k.avmproof");
    let data = work.avm("verify k.avmproof p.avmproof --json").json()["data"].clone();
    assert_eq!(data["proofs"][0]["text"], "319");
    assert_eq!(data["proofs"][1]["valid"], true);
}

#[test]
fn a_proof_holds_for_one_state_and_one_log() {
    let work = Work::recorded();
    work.avm("prove final:-1 -o p.avmproof");
    let head =
        work.avm("verify p.avmproof --json").json()["data"]["proofs"][0]["log"]["root"].clone();
    let after = work.avm("root main.avmlog").stdout.trim().to_owned();
    let before = work
        .avm("root main.avmlog@final:-1")
        .stdout
        .trim()
        .to_owned();
    let head = head.as_str().unwrap();
    for args in [
        format!("--root {after}"),
        format!("--root 0x{after} --log main.avmlog"),
        format!("--head {head}"),
    ] {
        assert_eq!(
            work.avm(&format!("verify p.avmproof {args}")).code,
            0,
            "{args}"
        );
    }
    let ran = work.avm(&format!("verify p.avmproof --root {before}"));
    assert!(ran.code == 1 && ran.stderr.contains("AVM0503"), "{ran:?}");
    assert!(ran.stdout.starts_with("other"), "{ran:?}");
    let ran = work.avm(&format!("verify p.avmproof --head {before}"));
    assert!(ran.code == 1 && ran.stderr.contains("AVM0503"), "{ran:?}");
    let mut reader = LogReader::open(&work.path("main.avmlog")).unwrap();
    let mut writer = LogWriter::new(Vec::new(), Path::new("x"), reader.header()).unwrap();
    while let Some((_, record)) = reader.next_record().unwrap() {
        if let avm_store::Record::Input { bytes, .. } = record {
            writer.input(&bytes).unwrap();
        }
    }
    writer.input(b"one more").unwrap();
    work.write("grown.avmlog", writer.finish().unwrap());
    let ran = work.avm("verify p.avmproof --log grown.avmlog");
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!("grown_log", ran.timeless());
    work.avm("prove @0 --key pc -o k.avmproof");
    let ran = work.avm("verify k.avmproof --log main.avmlog");
    assert_eq!(ran.code, 2, "{ran:?}");
    let state = work.avm("root main.avmlog@0").stdout;
    assert_eq!(
        work.avm(&format!("verify k.avmproof --root {state}")).code,
        0
    );
    assert_eq!(
        work.avm(&format!("verify k.avmproof --root {after}")).code,
        1
    );
}

/// Changes the proof in a file and gives the file a fitting checksum.
fn change(work: &Work, from: &str, to: &str, change: impl FnOnce(&mut ProofFile)) {
    let mut file = ProofFile::from_bytes(&work.read(from)).unwrap();
    change(&mut file);
    work.write(to, file.to_bytes());
}

#[test]
fn a_false_claim_is_invalid_and_not_unreadable() {
    let work = Work::recorded();
    work.avm("prove @1:0 -o p.avmproof");
    type Change = fn(&mut avm_prove::RunProof);
    let changes: [(&str, Change); 7] = [
        ("state", |proof| proof.post.state.0[3] ^= 1),
        ("steps", |proof| proof.post.steps += 1),
        ("before", |proof| proof.pre.state.0[3] ^= 1),
        ("head", |proof| proof.log.root.0[3] ^= 1),
        ("node", |proof| {
            proof.witness.nodes.pop();
        }),
        ("input", |proof| proof.witness.inputs.clear()),
        ("outbox", |proof| proof.post.outbox.0[0] ^= 1),
    ];
    for (name, edit) in changes {
        change(&work, "p.avmproof", "bad.avmproof", |file| {
            let Proof::Run(proof) = &mut file.proof else {
                panic!("a step is a run")
            };
            edit(proof);
        });
        let ran = work.avm("verify bad.avmproof");
        assert!(
            ran.code == 1 && ran.stderr.contains("AVM0502"),
            "{name}: {ran:?}"
        );
        assert!(ran.stdout.starts_with("invalid"), "{name}: {ran:?}");
        if name == "state" {
            insta::assert_snapshot!("invalid", ran.timeless());
        }
        let ran = work.avm("verify bad.avmproof --json");
        assert_eq!((ran.code, &ran.json()["ok"]), (1, &false.into()), "{name}");
        assert_eq!(ran.json()["error"]["data"]["proofs"][0]["valid"], false);
    }
    let ran = work.avm("verify p.avmproof bad.avmproof p.avmproof");
    assert_eq!(
        (ran.code, ran.stdout.matches("valid  ").count()),
        (1, 3),
        "{ran:?}"
    );
}

#[test]
fn other_rules_are_told_apart() {
    let work = Work::recorded();
    work.avm("prove @1:0 -o p.avmproof");
    for (machine, spec) in [("arb", "arb/99"), ("evm", "evm/1"), ("\u{1b}[31m", "")] {
        change(&work, "p.avmproof", "other.avmproof", |file| {
            file.machine = machine.into();
            file.spec = spec.into();
        });
        let ran = work.avm("verify other.avmproof");
        assert!(ran.code == 9 && ran.stderr.contains("AVM0504"), "{ran:?}");
        assert!(
            ran.stderr.contains(spec) && !ran.stderr.contains('\u{1b}'),
            "{ran:?}"
        );
    }
}

#[test]
fn every_changed_byte_is_refused() {
    let work = Work::recorded();
    work.avm("prove @1:0 -o step.avmproof");
    work.avm("prove @0 --key stack/0 -o key.avmproof");
    work.avm("prove @0 --key stack/5 -o absent.avmproof");
    for name in ["step", "key", "absent"] {
        let good = work.read(&format!("{name}.avmproof"));
        for at in (0..good.len()).step_by(31) {
            let mut bytes = good.clone();
            bytes[at] ^= 0x40;
            work.write("bad.avmproof", &bytes);
            let ran = work.avm("verify bad.avmproof");
            assert!(
                ran.code == 3 && ran.stderr.contains("AVM0113"),
                "{name} {at}: {ran:?}"
            );
            // The same with a checksum that fits.
            let end = bytes.len() - 8;
            let sum = Hash::keccak(&bytes[..end]);
            bytes[end..].copy_from_slice(&sum.0[..8]);
            work.write("bad.avmproof", &bytes);
            let ran = work.avm("verify bad.avmproof");
            let refused = [1, 3, 7, 9].contains(&ran.code) || at >= end && ran.code == 0;
            assert!(refused, "{name} {at}: {ran:?}");
        }
        for len in (0..good.len()).step_by(97) {
            work.write("bad.avmproof", &good[..len]);
            assert_eq!(
                work.avm("verify bad.avmproof").code,
                3,
                "{name} cut at {len}"
            );
        }
    }
}

/// Each byte of proofs of keys, present and absent, with a checksum that fits.
#[test]
fn no_byte_of_a_key_proof_is_free() {
    let work = Work::recorded();
    let look_up = |proof: &KeyProof| {
        let key = StateKey::parse(&proof.key);
        verify_read(
            Hash::keccak,
            &proof.nodes,
            proof.value.as_deref(),
            |nodes| {
                let key = key.as_ref().ok_or(HostError::Store("no key".into()))?;
                Ok(read_key(proof.state, nodes, key)?.map(|value| value.to_bytes()))
            },
        )
    };
    for key in ["stack/0/3", "stack/1", "stack/7", "register", "static/1"] {
        let ran = work.avm(&format!("prove @1:1 --key {key} -o k.avmproof --yes"));
        assert_eq!(ran.code, 0, "{ran:?}");
        let good = work.read("k.avmproof");
        let rules = {
            let file = ProofFile::from_bytes(&good).unwrap();
            (file.machine, file.spec)
        };
        for at in 0..good.len() - 8 {
            for mask in [1, 0x80] {
                let mut bytes = good.clone();
                bytes[at] ^= mask;
                assert!(ProofFile::from_bytes(&bytes).is_err(), "{key} {at}");
                let end = bytes.len() - 8;
                let sum = Hash::keccak(&bytes[..end]);
                bytes[end..].copy_from_slice(&sum.0[..8]);
                let Ok(file) = ProofFile::from_bytes(&bytes) else {
                    continue;
                };
                let Proof::Key(proof) = &file.proof else {
                    panic!("{key} {at}: the kind of proof is checked by what follows")
                };
                // Another index that is as absent, on the same way, is as true.
                let other_absent = proof.value.is_none()
                    && proof.key != key
                    && StateKey::parse(&proof.key).is_some();
                let refused = look_up(proof).is_err() || rules != (file.machine, file.spec);
                assert!(refused || other_absent, "{key} {at}");
            }
        }
    }
}

#[test]
fn limits_end_it() {
    let work = Work::recorded();
    work.avm("prove @genesis -o g.avmproof");
    for args in ["verify g.avmproof", "prove @genesis -o h.avmproof"] {
        let ran = work.avm(&format!("{args} --max-steps 50"));
        assert!(ran.code == 7 && ran.stderr.contains("AVM0401"), "{ran:?}");
    }
    assert!(!work.path("h.avmproof").exists());
    assert_eq!(work.avm("verify g.avmproof --max-steps 104").code, 0);
}

#[test]
fn files_are_not_overwritten_unless_they_stay_the_same() {
    let work = Work::recorded();
    assert_eq!(work.avm("prove @1:0 -o p.avmproof").code, 0);
    assert_eq!(
        work.avm("prove @1:0 -o p.avmproof").code,
        0,
        "the same proof again"
    );
    let ran = work.avm("prove @1:1 -o p.avmproof");
    assert!(ran.code == 2 && ran.stderr.contains("AVM0005"), "{ran:?}");
    assert_eq!(work.avm("prove @1:1 -o p.avmproof --yes").code, 0);
}

#[test]
fn what_cannot_be_proved() {
    let work = Work::recorded();
    let cases = [
        ("prove @1:99", 4, "AVM0202"),
        ("prove @7", 4, "AVM0202"),
        ("prove @0 --key nonsense", 4, "AVM0203"),
        ("prove @0 --key stack/01", 4, "AVM0203"),
        ("prove nothing.masm@:0", 3, "AVM0101"),
        ("verify nothing.avmproof", 3, "AVM0101"),
        ("verify adder.masm", 3, "AVM0113"),
        ("verify .", 3, "AVM0101"),
    ];
    for (args, exit, code) in cases {
        let ran = work.avm(args);
        assert!(
            ran.code == exit && ran.stderr.contains(code),
            "{args}: {ran:?}"
        );
    }
}

#[test]
fn the_current_log() {
    let work = Work::recorded();
    let want = work.avm("root main.avmlog").stdout;
    assert_eq!(work.avm("root @final").stdout, want);
    std::fs::create_dir(work.path("home")).unwrap();
    std::fs::rename(work.path("main.avmlog"), work.path("home/main.avmlog")).unwrap();
    assert_eq!(work.avm("root @final").code, 2);
    assert_eq!(work.avm("root @final --home home").stdout, want);
    std::fs::rename(work.path("home/main.avmlog"), work.path("one.avmlog")).unwrap();
    assert_eq!(work.avm("root final").stdout, want);
    std::fs::copy(work.path("one.avmlog"), work.path("two.avmlog")).unwrap();
    let ran = work.avm("root final");
    assert!(
        ran.code == 2 && ran.stderr.contains("one.avmlog, two.avmlog"),
        "{ran:?}"
    );
}

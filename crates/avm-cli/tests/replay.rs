//! A log that was changed is refused: as damage if its bytes do not fit together, as a divergence
//! if they do and the machine disagrees.

mod common;

use std::path::Path;

use avm_core::Claim;
use avm_store::{LogHeader, LogReader, LogWriter, Record};
use common::Work;

/// Writes `main.avmlog` again with its claims changed, all checksums right.
fn rewrite(work: &Work, name: &str, mut change: impl FnMut(usize, &mut Claim)) {
    let mut reader = LogReader::open(&work.path("main.avmlog")).unwrap();
    let header = LogHeader::unique(reader.header().identity.clone(), &reader.header().image);
    let mut writer = LogWriter::new(Vec::new(), Path::new(name), &header).unwrap();
    let mut claims = 0;
    while let Some((_, record)) = reader.next_record().unwrap() {
        match record {
            Record::Input { bytes, .. } => writer.input(&bytes).unwrap(),
            Record::Claim(mut claim) => {
                change(claims, &mut claim);
                claims += 1;
                writer.claim(&claim).unwrap();
            }
            _ => {}
        }
    }
    work.write(name, writer.finish().unwrap());
}

#[test]
fn an_untouched_log_agrees() {
    let work = Work::recorded();
    insta::assert_snapshot!("replay", work.avm("replay main.avmlog").shown());
    insta::assert_snapshot!(
        "replay_check",
        work.avm("replay main.avmlog --check").shown()
    );
}

#[test]
fn a_wrong_root_is_a_divergence() {
    let work = Work::recorded();
    rewrite(&work, "liar.avmlog", |at, claim| {
        if at == 3 {
            claim.state.0[7] ^= 1;
        }
    });
    let ran = work.avm("replay liar.avmlog --check");
    assert_eq!(ran.code, 8);
    insta::assert_snapshot!("divergence", ran.shown());
    let ran = work.avm("replay liar.avmlog --json");
    let error = &ran.json()["error"];
    assert_eq!(
        (ran.code, &error["code"], &error["point"]),
        (8, &"AVM0204".into(), &"@1".into())
    );
    assert_ne!(
        error["data"]["ours"]["root"],
        error["data"]["recorded"]["root"]
    );
}

#[test]
fn every_field_of_a_claim_is_compared() {
    let work = Work::recorded();
    type Change = fn(&mut Claim);
    let changes: [(&str, Change); 5] = [
        ("root", |claim| claim.state.0[0] ^= 1),
        ("fewer steps", |claim| claim.steps -= 1),
        ("more steps", |claim| claim.steps += 1),
        ("outputs", |claim| claim.outputs += 1),
        ("outbox", |claim| claim.outbox.0[31] ^= 128),
    ];
    for (name, change) in changes {
        for victim in 1..4 {
            rewrite(&work, "liar.avmlog", |at, claim| {
                if at == victim {
                    change(claim);
                }
            });
            let ran = work.avm("replay liar.avmlog --check");
            assert_eq!(ran.code, 8, "{name} of claim {victim}: {ran:?}");
        }
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    let work = Work::recorded();
    let good = work.read("main.avmlog");
    for at in (0..good.len()).step_by(29) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        work.write("bad.avmlog", &bytes);
        let ran = work.avm("replay bad.avmlog --check");
        // A flipped bit in the last acknowledgement leaves a log that was never acknowledged.
        let unfinished = at >= good.len() - 64 && ran.code == 0;
        // What does not begin like a log is not taken for a damaged one.
        let no_log = at < 8 && ran.code == 3;
        assert!(
            ran.code == 6 || unfinished || no_log,
            "byte {at} of {}: {ran:?}",
            good.len()
        );
    }
}

#[test]
fn a_log_of_other_rules_is_refused() {
    let work = Work::recorded();
    let reader = LogReader::open(&work.path("main.avmlog")).unwrap();
    for (machine, spec) in [("evm", "evm/1"), ("arb", "arb/99")] {
        let mut header = reader.header().clone();
        header.identity.machine = machine.into();
        header.identity.spec = spec.into();
        let writer = LogWriter::new(Vec::new(), Path::new("x"), &header).unwrap();
        work.write("other.avmlog", writer.finish().unwrap());
        let ran = work.avm("replay other.avmlog");
        assert_eq!(ran.code, 6, "{ran:?}");
        assert!(ran.stderr.contains("AVM0207"), "{ran:?}");
    }
}

#[test]
fn a_log_without_roots_has_nothing_to_check() {
    let work = Work::recorded();
    let reader = LogReader::open(&work.path("main.avmlog")).unwrap();
    let writer = LogWriter::new(Vec::new(), Path::new("x"), reader.header()).unwrap();
    work.write("bare.avmlog", writer.finish().unwrap());
    let ran = work.avm("replay bare.avmlog --check");
    assert!(ran.code == 4 && ran.stderr.contains("AVM0212"), "{ran:?}");
    assert_eq!(work.avm("replay bare.avmlog").code, 0);
}

#[test]
fn an_input_that_is_no_message_is_refused() {
    let work = Work::recorded();
    let reader = LogReader::open(&work.path("main.avmlog")).unwrap();
    let mut writer = LogWriter::new(Vec::new(), Path::new("x"), reader.header()).unwrap();
    writer.input(b"short").unwrap();
    work.write("odd.avmlog", writer.finish().unwrap());
    for command in ["run", "replay", "log", "trace"] {
        let ran = work.avm(&format!("{command} odd.avmlog"));
        assert!(
            ran.code == 3 && ran.stderr.contains("AVM0107"),
            "{command}: {ran:?}"
        );
    }
}

#[test]
fn inputs_that_were_taken_back_do_not_count() {
    use avm_store::{FileLog, Identity, Log as _};
    let work = Work::recorded();
    let want = work.avm("root main.avmlog").stdout;
    let header = LogReader::open(&work.path("main.avmlog"))
        .unwrap()
        .header()
        .clone();
    let raw = |at| work.avm(&format!("show main.avmlog@{at} --json")).json();
    let bytes = |at| {
        let text = raw(at)["data"]["bytes"].as_str().unwrap().to_owned();
        avm_cli::arb::inbox::hex_bytes(&text).unwrap()
    };
    let identity = Identity {
        machine: "arb".into(),
        spec: "arb/1".into(),
    };
    assert_eq!(header.identity, identity);
    let log = FileLog::create(&work.path("reorg.avmlog"), header).unwrap();
    log.append(&bytes(0)).unwrap();
    log.append(&bytes(0)).unwrap();
    log.commit().unwrap();
    log.truncate(1).unwrap();
    log.append(&bytes(1)).unwrap();
    log.commit().unwrap();
    drop(log);
    assert_eq!(work.avm("root reorg.avmlog").stdout, want);
    let data = work.avm("replay reorg.avmlog --json").json()["data"].clone();
    assert_eq!(data["taken_back"], 1);
}

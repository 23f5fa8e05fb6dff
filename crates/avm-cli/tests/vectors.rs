//! The reference vectors of every machine, through the vector runner.

mod common;

use std::path::Path;

use common::Work;

/// All cases of a directory pass, and there are at least as many.
fn all_pass(machine: &str, dir: &Path, least: u64) {
    let work = Work::new();
    let ran = work.words(&["vectors", machine, &dir.display().to_string()], true);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    let last = ran.stdout.lines().last().unwrap();
    let passed = last.strip_suffix(" passed, 0 failed");
    let passed: u64 = passed.and_then(|count| count.parse().ok()).expect(last);
    assert!(passed >= least, "{last}, expected {least}");
}

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn of_this_repository() {
    all_pass("arb", &workspace().join("vectors/arb"), 1);
    all_pass("atomicals", &workspace().join("vectors/atomicals"), 2_500);
}

#[test]
fn shared_beside_the_repository() {
    for (machine, set, least) in [("arb", "arbitrum", 1), ("atomicals", "atomicals", 3_500)] {
        let dir = workspace().join("../shared/vectors").join(set);
        if dir.is_dir() {
            all_pass(machine, &dir, least);
        }
    }
}

/// The behaviour vectors of the Anoma machine: what is left for later is named, and all else passes.
#[test]
fn of_anoma() {
    let dir = workspace().join("vectors/anoma");
    let work = Work::new();
    let words = ["vectors", "anoma", &dir.display().to_string()];
    let ran = work.words(&words, true);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(
        ran.stdout.ends_with("\n91 passed, 0 failed, 31 skipped\n"),
        "{}",
        ran.stdout
    );
    let skipped = ran.stdout.lines().filter(|line| line.starts_with("SKIP  "));
    assert_eq!(skipped.count(), 31, "{}", ran.stdout);
    let words = [&words[..], &["--json"]].concat();
    let data = &work.words(&words, true).json()["data"];
    assert_eq!(data["skipped"], 31, "{data}");
    let first = &data["skips"][0];
    assert_eq!(first["case"], "compose/compose-token-swap", "{first}");
}

/// Each part of what a scenario expects is compared.
#[test]
fn a_changed_scenario_of_anoma_fails() {
    let work = Work::new();
    let set = workspace().join("vectors/anoma/object.json");
    let text = std::fs::read_to_string(set).unwrap();
    for (old, new, said) in [
        (
            "\"result\":{\"just\":3}",
            "\"result\":{\"just\":4}",
            "main: expected",
        ),
        (
            "[9,[\"CallStarted\"",
            "[8,[\"CallStarted\"",
            "main, trace_full: expected",
        ),
        (
            "[\"MessageReceived\",{\"obj\":\"$root\"},2]",
            "[\"MessageReceived\",{\"obj\":\"$root\"},3]",
            "main, trace: expected",
        ),
        ("\"history\":3}", "\"history\":4}", "store: expected"),
        (
            "\"tombstones\":[\"$o1\"]",
            "\"tombstones\":[]",
            "tombstones: expected",
        ),
        (
            "{\"c1\":[\"Commit\"]}",
            "{\"c1\":[]}",
            "controller_logs: expected",
        ),
        (
            "[\"$root\",\"$o77\",\"hello\"]",
            "[\"$root\",\"$o78\",\"hello\"]",
            "dead_letters: expected",
        ),
    ] {
        assert!(text.contains(old), "{old}");
        work.write("object.json", text.replacen(old, new, 1));
        let ran = work.avm("vectors anoma object.json");
        assert_eq!(ran.code, 1, "{old}: {ran:?}");
        assert!(
            ran.stdout.ends_with("\n27 passed, 1 failed\n"),
            "{old}: {ran:?}"
        );
        assert!(ran.stdout.contains(said), "{old}: {ran:?}");
    }
}

/// A wrong record is noticed by the interpreter's case and by the machine's.
#[test]
fn a_changed_call_fails_twice() {
    let work = Work::new();
    let set = workspace().join("vectors/atomicals/kv.json");
    let text = std::fs::read_to_string(set).unwrap();
    let ok = "\"outcome\":\"ok\"";
    assert!(text.contains(ok));
    let changed = text.replacen("\"state_hash\":\"", "\"state_hash\":\"0", 1);
    work.write("kv.json", changed);
    let ran = work.avm("vectors atomicals kv.json");
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.ends_with(" passed, 2 failed\n"), "{ran:?}");
    assert!(
        ran.stdout.contains("(machine): state_hash: expected"),
        "{ran:?}"
    );
    work.write("kv.json", text.replace(ok, "\"outcome\":\"good\""));
    assert_eq!(work.avm("vectors atomicals kv.json").code, 1);
    work.write(
        "broken.json",
        "{\"defaults\": {}, \"cases\": [{\"in\": {}}]}",
    );
    assert_eq!(work.avm("vectors atomicals broken.json").code, 3);
    // What has no case is named and counted nowhere.
    work.write("eaglesong-params.json", "{}");
    let ran = work.loud("vectors atomicals eaglesong-params.json");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "0 passed, 0 failed\n"));
    assert!(
        ran.stderr.contains("left out eaglesong-params.json"),
        "{ran:?}"
    );
}

#[test]
fn a_changed_colouring_fails() {
    let work = Work::new();
    let set = workspace().join("vectors/atomicals/colouring.json");
    let text = std::fs::read_to_string(set).unwrap();
    work.write("colouring.json", &text);
    let ran = work.avm("vectors atomicals colouring.json");
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "176 passed, 0 failed\n")
    );
    let burned = text.find("\"ft_burned\"").unwrap();
    let (before, after) = text.split_at(burned);
    work.write(
        "colouring.json",
        [before, &after.replacen("true", "false", 1)].concat(),
    );
    let ran = work.avm("vectors atomicals colouring.json");
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.ends_with("175 passed, 1 failed\n"), "{ran:?}");
}

#[test]
fn a_changed_vector_fails() {
    let work = Work::new();
    let text =
        std::fs::read_to_string(workspace().join("vectors/arb/programs_errors.json")).unwrap();
    work.write(
        "programs_errors.json",
        text.replacen("\"gas\":", "\"gas\":1", 1),
    );
    let ran = work.avm("vectors arb programs_errors.json");
    assert_eq!(ran.code, 1);
    assert!(
        ran.stdout.starts_with("FAIL  programs_errors.json "),
        "{ran:?}"
    );
    assert!(
        ran.stdout.contains("expected") && ran.stdout.contains("found"),
        "{ran:?}"
    );
    assert!(ran.stdout.ends_with(" passed, 1 failed\n"), "{ran:?}");
    let error = &work.avm("vectors arb programs_errors.json --json").json()["error"];
    assert_eq!(
        (&error["code"], &error["data"]["failed"]),
        (&"AVM0501".into(), &1.into())
    );
}

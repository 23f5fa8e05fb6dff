//! The reference vectors of the classic Arbitrum machine, through the vector runner.

mod common;

use std::path::Path;

use common::Work;

fn all_pass(dir: &Path) {
    let work = Work::new();
    let ran = work.words(&["vectors", "arb", &dir.display().to_string()], true);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    let last = ran.stdout.lines().last().unwrap();
    assert!(
        last.ends_with(" passed, 0 failed") && !last.starts_with("0 "),
        "{last}"
    );
}

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn of_this_repository() {
    all_pass(&workspace().join("vectors/arb"));
}

#[test]
fn shared_beside_the_repository() {
    let dir = workspace().join("../shared/vectors/arbitrum");
    if dir.is_dir() {
        all_pass(&dir);
    }
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

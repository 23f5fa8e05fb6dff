//! Recorded transactions and the operation the reference finds in them.

use avm_atomicals::index::envelope::InputIndex;
use serde_json::{Value, json};

#[path = "../../avm-cli/src/atomicals/vectors/envelopes.rs"]
mod recorded;

/// The whole set where `AVM_VECTORS` says, else the compact one of the repository.
fn document() -> Value {
    let set = std::env::var("AVM_VECTORS").unwrap_or_else(|_| {
        String::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../vectors/atomicals"
        ))
    });
    let text =
        std::fs::read_to_string(format!("{set}/envelopes.json")).expect("the group is there");
    serde_json::from_str(&text).expect("it is JSON")
}

/// Names of the cases that are not ours.
fn failures(document: &Value, index: InputIndex) -> Vec<String> {
    let checks = recorded::checks(document, index).expect("a list of cases");
    assert!(checks.len() >= 55, "only {} cases", checks.len());
    let failed = checks.into_iter().filter(|(_, check)| check.is_err());
    failed.map(|(name, _)| name).collect()
}

#[test]
fn operations_of_the_reference() {
    assert_eq!(failures(&document(), InputIndex::Beta1), [""; 0]);
}

/// The rules of Q24 differ in exactly these.
#[test]
fn operations_with_true_inputs() {
    let want = [
        "envelope/first-bad-cbor-falls-through",
        "envelope/args-nested-first-ok-then-bad",
    ];
    assert_eq!(failures(&document(), InputIndex::True), want);
}

#[test]
fn a_changed_case_is_noticed() {
    let mut document = document();
    document["cases"][0]["out"]["op"] = json!("evt");
    document["cases"][1]["tx"] = json!("00");
    assert_eq!(failures(&document, InputIndex::Beta1).len(), 2);
}

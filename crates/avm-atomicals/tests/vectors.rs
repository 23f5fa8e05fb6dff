//! Recorded runs of the reference: outcome, error, operation index, stack, effects, state hash and
//! output encoding.

mod support;

use support::vectors::{self, Recorded};

#[test]
fn calls_of_the_reference() {
    let (mut cases, mut wrong) = (0, Vec::new());
    for file in vectors::files() {
        for case in vectors::cases(&file) {
            cases += 1;
            if let Err(why) = case.check() {
                wrong.push(format!("{}: {why}", case.id));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {cases}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(cases > 100, "only {cases} cases");
    println!("{cases} cases");
}

#[test]
fn a_wrong_result_is_noticed() {
    let mut case: Recorded = vectors::cases(&vectors::files()[0]).remove(0);
    case.check().expect("the case holds");
    case.out["op_index"] = 999.into();
    assert!(case.check().is_err());
}

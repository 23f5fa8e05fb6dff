//! Recorded calls that no repair touches end the same under both rule sets.

use std::path::PathBuf;

use avm_atomicals::script::digest::sha256;
use avm_atomicals::script::{Failure, Rules, ScriptError, verify};
use serde_json::Value;

use super::support::vectors::recorded::Input;
use super::support::vectors::{self, Recorded};

/// Entries of the register that `avm1` repairs.
const REPAIRED: [&str; 15] = [
    "Q1", "Q2", "Q3", "Q4", "Q5", "Q6", "Q7", "Q8", "Q12", "Q13", "Q14", "Q15", "Q16", "Q20", "Q21",
];

/// How a call ended, for comparing.
fn ended(case: &Recorded, rules: &'static Rules) -> Result<(String, u64), String> {
    let (contract, call) = match case.inputs(rules)? {
        Input::Call(contract, call) => (contract, *call),
        Input::Malformed(why) => return Err(why),
    };
    let budget = rules.budget(call.unlock.len());
    let ended = verify(rules, &contract, call).map_err(|error| error.to_string())?;
    let how = match &ended.outcome {
        Ok(accepted) => {
            let tables = accepted.effects.to_cbor().expect("in memory").concat();
            let effects = sha256(&tables);
            format!(
                "{:?} {effects:x?} {:?}",
                accepted.contract.chain,
                ended.stack.items()
            )
        }
        Err(Failure::Script {
            error: ScriptError::EvalFalse | ScriptError::Cleanstack,
            ..
        }) => {
            format!(
                "{:?} {:?}",
                ended.outcome.as_ref().err(),
                ended.stack.items()
            )
        }
        Err(failure) => format!("{failure:?}"),
    };
    assert!(ended.cost <= budget);
    Ok((format!("{} {how}", ended.op_index), ended.cost))
}

/// Cases of a file beside which a repaired quirk is written.
fn repaired(file: &PathBuf) -> Vec<String> {
    let text = std::fs::read_to_string(file).expect("the file can be read");
    let document: Value = serde_json::from_str(&text).expect("it is JSON");
    let cases = document["cases"].as_array().into_iter().flatten();
    let marked = cases.filter(|case| {
        let quirks = case["quirks"].as_array().into_iter().flatten();
        let mut names = quirks.filter_map(Value::as_str);
        names.any(|name| REPAIRED.contains(&name))
    });
    marked
        .filter_map(|case| Some(case["id"].as_str()?.to_string()))
        .collect()
}

fn listed(id: &str) -> bool {
    BITES.iter().any(|(_, ids)| ids.contains(&id))
}

#[test]
fn recorded_calls_without_a_repaired_quirk_end_the_same() {
    let (mut same, mut limited, mut wrong) = (0, Vec::new(), Vec::new());
    for file in vectors::files() {
        let repaired = repaired(&file);
        for case in vectors::cases(&file) {
            if repaired.contains(&case.id) {
                continue;
            }
            let (beta1, avm1) = (ended(&case, &Rules::BETA1), ended(&case, &Rules::AVM1));
            let (beta1, avm1) = match (beta1, avm1) {
                (Ok(beta1), Ok(avm1)) => (beta1.0, avm1.0),
                (Err(_), Err(_)) => continue,
                (beta1, avm1) => (format!("{beta1:?}"), format!("{avm1:?}")),
            };
            if beta1 == avm1 {
                same += 1;
            } else if listed(&case.id) {
                limited.push(case.id);
            } else {
                let clip = |text: &str| text.chars().take(160).collect::<String>();
                wrong.push(format!("{}: {} and {}", case.id, clip(&beta1), clip(&avm1)));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    if std::env::var_os("AVM_VECTORS").is_some() {
        let mut missing = BITES.iter().flat_map(|(_, ids)| *ids);
        let missing = missing.find(|id| !limited.iter().any(|other| other == *id));
        assert_eq!(missing, None, "does not differ");
    }
    assert!(same > 100, "only {same} are the same");
    println!("{same} are the same");
}

/// Recorded calls that differ although no repaired quirk is written beside them, and why.
const BITES: [(&str, &[&str]); 5] = [
    (
        "a number of more than 4,000 bytes",
        &["bignum/add-4000x4000"],
    ),
    (
        "a million operations cost the whole budget",
        &["limits/script-1000000"],
    ),
    ("Q5: empty values are values", &["host/state-empty-val"]),
    (
        "Q5: random scripts that use an empty name",
        &[
            "random/r0130",
            "random/r0137",
            "random/r0180",
            "random/r0301",
            "random/r0302",
            "random/r0421",
            "random/r0502",
            "random/r0578",
        ],
    ),
    (
        "Q16: sequences of calls that are signed for the message of the reference",
        &[
            "ledger/0", "ledger/1", "ledger/2", "ledger/3", "ledger/4", "ledger/5", "ledger/6",
            "ledger/7", "ledger/8", "vault/0", "vault/2", "vault/3", "vault/5", "vault/6",
        ],
    ),
];

//! `avm bench anoma` with small counts: what it says, not how fast anything is.

mod common;

use std::process::Stdio;

use common::Work;
use serde_json::{Value, json};

/// Counts are this much smaller.
const SMALL: &str = "bench anoma --divide 5000 --rounds 2";

/// Three rates in order, above zero.
fn is_spread(spread: &Value) -> bool {
    let at = |name: &str| spread[name].as_f64().expect("a number");
    0.0 < at("min") && at("min") <= at("median") && at("median") <= at("max")
}

#[test]
fn every_row_is_measured() {
    let ran = Work::new().avm(&format!("{SMALL} --json"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let result = ran.json();
    let result = &result["data"];
    let has_erlang = result["erlang"]["otp"].is_string();
    assert!(has_erlang || result["erlang"]["missing"].is_string());
    let mut want = Vec::new();
    for (name, count, aim, has_peer) in [
        ("echo", 400, 10e6, true),
        ("keep", 400, 4e6, true),
        ("nested", 401, 5e6, true),
        ("messages", 401, 5e6, true),
        ("create", 200, 1e6, true),
        ("tx-few", 100, 0.5e6, false),
        ("tx-many", 100, 0.5e6, false),
    ] {
        for level in ["none", "core", "full"] {
            let aim = (level == "core").then_some(aim);
            want.push((json!([name, level, count, aim]), has_peer && has_erlang));
        }
    }
    let rows = result["rows"].as_array().expect("rows");
    let found = rows.iter().map(|row| {
        assert!(is_spread(&row["per_second"]), "{row}");
        let has_peer = !row["erlang_per_second"].is_null();
        assert!(!has_peer || is_spread(&row["erlang_per_second"]), "{row}");
        assert_eq!(has_peer, row["ratio"].is_number(), "{row}");
        let (name, level) = (&row["name"], &row["trace"]);
        let head = json!([name, level, row["count"], row["aim_per_second"]]);
        (head, has_peer)
    });
    assert_eq!(found.collect::<Vec<_>>(), want);
    let state = &result["state"];
    assert_eq!(
        (&state["objects"], &state["transactions"]),
        (&json!(200), &json!(1))
    );
    assert!(is_spread(&state["root_ms"]) && is_spread(&state["transactions_ms"]));
    assert!(state["memory_bytes"]["made"].is_u64() && state["memory_bytes"]["with_root"].is_u64());
}

#[test]
fn a_table_without_erlang() {
    let work = Work::new();
    let words: Vec<&str> = SMALL.split(' ').chain(["--only", "/core"]).collect();
    let mut command = work.command(&words);
    // Nothing is installed there.
    command
        .env("PATH", work.path("nowhere"))
        .stdin(Stdio::null());
    let output = command.output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("200 objects: "), "{text}");
    assert!(
        lines[2].starts_with("a root after them, in ms (aim 20) "),
        "{text}"
    );
    assert!(
        lines[3].ends_with("no Erlang beside it: `erlc` is not on PATH"),
        "{text}"
    );
    assert_eq!(
        lines[4].split_whitespace().collect::<Vec<_>>().join(" "),
        "M/s trace count min median max aim ns Erl. min median max ratio"
    );
    let names = lines[5..].iter().map(|line| line.split_whitespace().next());
    let names: Vec<_> = names.flatten().collect();
    let want = [
        "echo", "keep", "nested", "messages", "create", "tx-few", "tx-many",
    ];
    assert_eq!(names, want);
    let columns = |line: &str| line.split_whitespace().count();
    assert!(lines[5..].iter().all(|line| columns(line) == 8), "{text}");
}

#[test]
fn only_what_is_asked_for() {
    let work = Work::new();
    let ran = work.avm(&format!("{SMALL} --only tx-few/full"));
    assert_eq!((ran.code, ran.stdout.lines().count()), (0, 3), "{ran:?}");
    assert_eq!(work.avm(&format!("{SMALL} --only nothing")).code, 2);
    assert_eq!(work.avm("bench anoma --divide 0").code, 2);
}

//! `avm check`, `avm test`, `avm repl`, charts of `avm trace` and `avm replay --objects`.

mod common;

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use common::{Ran, Work};
use serde_json::{Value, json};

const CELLS: &str = r#"(module cells (default-controller (ctl "c1")))
(behaviour cell (state (n 0))
  (on 'get (reply n))
  (on ('set k) (set-state! n k) (reply 'ok)))
(behaviour front (state (to nothing))
  (on ('to o) (set-state! to o) (reply 'ok))
  (on ('late v) (call to (list 'set v)) (raise 'late))
  (on v (reply (ask to v))))
(program (main)
  (let ((c (new 'cell)) (f (new 'front)))
    (call f (list 'to c))
    (transaction (call c '(set 1)) (abort))
    (transaction (call f '(set 2)) (send! c '(set 3)))
    (guard (e (#t 'caught)) (call f '(late 4)))
    (call c 'get)))
"#;

fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/anoma");
    folder.join(name).display().to_string()
}

fn repl(work: &Work, args: &[&str], input: &str) -> Ran {
    let mut command = work.command(&[&["repl"], args].concat());
    let pipes = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn check_shows_all_findings() {
    let work = Work::new();
    work.write("good.avm", CELLS);
    work.write(
        "bad.avm",
        "(module bad)\n(define (f x) (g x))\n(define (h) (f 1 2))\n",
    );
    work.write(
        "warns.avm",
        "(module warns (export nobody))\n(define (f x) x)\n",
    );
    let ran = work.avm("check good.avm");
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "", ""),
        "{ran:?}"
    );
    let ran = work.avm("check bad.avm");
    assert_eq!(ran.code, 3, "{ran:?}");
    for part in [
        "bad.avm:2:16: error[E108]",
        "2 | (define (f x) (g x))",
        "bad.avm:3:13: error[E108]",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {ran:?}");
    }
    let ran = work.avm("check warns.avm");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stdout.starts_with("warns.avm:1:23: warning[W205]"),
        "{ran:?}"
    );
    let ran = work.avm("check warns.avm --deny-warnings");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("warning[W205]"), "{ran:?}");
}

#[test]
fn check_for_programs_and_other_machines() {
    let work = Work::new();
    work.write(
        "warns.avm",
        "(module warns (export nobody))\n(define (f x) x)\n",
    );
    let found = &work.avm("check warns.avm --json").json()["data"]["findings"];
    assert_eq!(
        (
            &found[0]["severity"],
            &found[0]["code"],
            &found[0]["line"],
            &found[0]["column"]
        ),
        (&json!("warning"), &json!("W205"), &json!(1), &json!(23))
    );
    work.write("bad.avm", "(module bad)\n(define (f) (g))\n");
    let json = work.avm("check . --json");
    assert_eq!(json.code, 3);
    let error = &json.json()["error"];
    assert_eq!(error["code"], "AVM0123");
    assert_eq!(error["data"]["errors"].as_array().map(Vec::len), Some(1));
    assert_eq!(error["data"]["findings"].as_array().map(Vec::len), Some(2));
    assert_eq!(work.avm("check adder.masm").code, 0);
    work.write("wrong.masm", "        nonsense\n");
    assert_eq!(work.avm("check wrong.masm").code, 3);
    let import = format!("check {}", example("tests.avm"));
    assert_eq!(work.avm(&import).shown(), "--- stderr\n--- exit 0\n");
}

#[test]
fn tests_pass_and_fail() {
    let work = Work::new();
    let ran = work.avm(&format!("test {}", example("tests.avm")));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.ends_with("4 passed, 0 failed\n"), "{ran:?}");
    let text = format!(
        "{CELLS}(test \"same\" (+ 1 2) => 3)\n(test \"other\" (list 1 \"x\") => '(1 x))\n\
         (test \"fails\" (ask (new 'cell) 'nonsense) => 1)\n(test \"waits\" (receive) => 1)\n"
    );
    work.write("t.avm", text);
    let ran = work.avm("test t.avm");
    assert_eq!(ran.code, 1, "{ran:?}");
    for part in [
        "ok      same\n",
        "FAILED  other\n        --> t.avm:17:",
        "found     (1 \"x\")\n        expected  (1 x)\n",
        "FAILED  fails\n        --> t.avm:18:",
        "error     obj/rejected",
        "FAILED  waits\n",
        "1 passed, 3 failed\n",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    assert!(
        ran.stderr.contains("error[AVM0506]: 3 of 4 tests failed"),
        "{ran:?}"
    );
    assert_eq!(
        work.avm("test t.avm --filter sam").stdout,
        "ok      same\n1 passed, 0 failed\n"
    );
    let data = work.avm("test t.avm --json").json()["error"]["data"].clone();
    assert_eq!((&data["passed"], &data["failed"]), (&json!(1), &json!(3)));
    assert_eq!(data["tests"][1]["found"], "(1 \"x\")");
    work.write(
        "loop.avm",
        "(module loop)\n(test \"ever\" (let again ((n 0)) (again (+ n 1))) => 1)\n",
    );
    assert_eq!(work.avm("test loop.avm --max-steps 100000").code, 7);
    work.write("bad.avm", "(module bad)\n(test \"x\" (g) => 1)\n");
    assert_eq!(work.avm("test t.avm bad.avm").code, 3);
}

#[test]
fn a_dialogue_keeps_definitions_values_and_objects() {
    let work = Work::new();
    let ran = repl(&work, &[], "(+ 1 2)\n");
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "3\n", "")
    );
    let ran = repl(
        &work,
        &[],
        "(define (twice x)\n  (* 2 x))\n(twice 21)\n(define (twice x) (list x x)) (twice $1)\n\
         (behaviour cell (state (n 0)) (on ('set k) (set-state! n k) (reply 'ok)) (on 'get (reply n)))\n\
         (define a 5)\n(begin (new 'cell))\n(call $3 (list 'set a))\n(call $3 'get)\n:state\n:type \"x\"\n:quit\n(+ 1 1)\n",
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[..2], ["42", "(42 42)"]);
    assert_eq!(lines[3..5], ["(just ok)", "(just 5)"]);
    let object = lines[2];
    assert_eq!(lines[5], format!("{object} cell at c1 (5)"));
    assert_eq!(lines[6..], ["str"]);
}

#[test]
fn a_dialogue_with_a_file() {
    let work = Work::new();
    work.write("cells.avm", CELLS);
    let ran = repl(
        &work,
        &["cells.avm"],
        "(new 'cell)\n(call $1 '(set 4))\n:trace\n(main)\n",
    );
    assert!(ran.stdout.contains("->>"), "{ran:?}");
    assert!(ran.stdout.contains("(set 4)"), "{ran:?}");
    let ran = repl(&work, &["--json"], "\"a\"\n");
    assert_eq!(
        ran.lines(),
        [json!({ "t": "value", "number": 1, "value": "\"a\"" })]
    );
}

#[test]
fn a_dialogue_says_what_is_wrong() {
    let work = Work::new();
    let ran = repl(&work, &[], "1\n(+ 1 unknown)\n2\n");
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "1\n"), "{ran:?}");
    assert!(
        ran.stderr.starts_with("(input):1:6: error[E108]"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("1 | (+ 1 unknown)\n"), "{ran:?}");
    let ran = repl(&work, &[], "(define (f x) (car x))\n(+ 1 (f 3))\n");
    assert_eq!(ran.code, 1);
    for part in [
        "error: type/mismatch",
        "in f: (define (f x) (car x))",
        "in it-1: (+ 1 (f 3))",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {ran:?}");
    }
    let ran = repl(&work, &[], "(+ 1 (\n");
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("E004"), "{ran:?}");
    let ran = repl(&work, &[], ":nonsense\n");
    assert!(ran.code == 1 && ran.stderr.contains(":help"), "{ran:?}");
}

#[test]
fn charts_of_a_run() {
    let work = Work::new();
    work.write("cells.avm", CELLS);
    let effective = work.avm("trace cells.avm --as mermaid");
    assert_eq!(effective.code, 0, "{effective:?}");
    let chart = &effective.stdout;
    assert!(
        chart.starts_with("sequenceDiagram\n    %% msc root "),
        "{chart}"
    );
    for part in [
        "as main #35;0\n",
        "->>",
        "-->>",
        "-)",
        "--x",
        "rect rgb(235, 245, 255)",
        " aborted: user",
        " committed",
        ": (set 2)\n",
        "receives (set 3) from main #35;0",
    ] {
        assert!(chart.contains(part), "{part}: {chart}");
    }
    assert!(
        !chart.contains(": (set 1)") && !chart.contains(": (set 4)"),
        "{chart}"
    );
    let opened = chart.matches("    rect ").count();
    assert_eq!((opened, chart.matches("    end\n").count()), (1, 1));
    let audit = work.avm("trace cells.avm --as mermaid --audit").stdout;
    for part in [
        ": (set 1) (undone)\n",
        ": (set 4) (undone)\n",
        "rgb(255, 235, 235)",
    ] {
        assert!(audit.contains(part), "{part}: {audit}");
    }
    let dot = work.avm("trace cells.avm --as dot").stdout;
    assert!(
        dot.starts_with("digraph msc {\n") && dot.ends_with("}\n"),
        "{dot}"
    );
    assert!(
        dot.contains("style=dashed") && dot.contains(" = (just ok)"),
        "{dot}"
    );
}

#[test]
fn events_line_by_line_and_of_a_part() {
    let work = Work::new();
    work.write("cells.avm", CELLS);
    work.write("in.json", r#"[{"start": "main"}, {"start": "main"}]"#);
    let ran = work.avm("run cells.avm --inputs in.json --record main.avmlog");
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines = work.avm("trace main.avmlog --as events").lines();
    let (first, last) = (&lines[0], &lines[lines.len() - 1]);
    assert_eq!((&first["t"], &last["t"]), (&json!("start"), &json!("end")));
    let events = &lines[1..lines.len() - 1];
    assert_eq!(last["events"], events.len());
    let of = |execution: u64| -> Vec<&Value> {
        events
            .iter()
            .filter(|event| event["execution"] == execution)
            .map(|e| &e["seq"])
            .collect()
    };
    let numbers: Vec<Value> = (0..of(0).len()).map(|n| json!(n)).collect();
    assert_eq!(of(0), numbers.iter().collect::<Vec<_>>());
    assert!(
        events
            .iter()
            .any(|event| event["event"] == "MessageSent" && event["message"] == 0)
    );
    let part = work.avm("trace main.avmlog@1 --as events").lines();
    assert!(part.len() > 2 && part.len() < lines.len());
    assert!(
        part[1..part.len() - 1]
            .iter()
            .all(|event| event["execution"] != 0),
        "{part:?}"
    );
    let part = work.avm("trace main.avmlog@1 --as mermaid").stdout;
    assert!(part.contains("as main #35;"), "{part}");
}

#[test]
fn machines_without_charts_and_objects_say_so() {
    let work = Work::recorded();
    for (command, code) in [
        ("trace adder.masm --as mermaid", "AVM0226"),
        ("trace main.avmlog --as events", "AVM0226"),
        ("replay main.avmlog --objects", "AVM0225"),
    ] {
        let ran = work.avm(command);
        assert_eq!(ran.code, 9, "{ran:?}");
        assert!(
            ran.stderr.contains(code) || ran.stdout.contains(code),
            "{ran:?}"
        );
    }
}

#[test]
fn histories_of_objects_give_their_states() {
    let work = Work::new();
    work.write("cells.avm", CELLS);
    let ran = work.avm("replay cells.avm --objects");
    assert_eq!(ran.code, 0, "{ran:?}");
    let line = |word: &str| ran.stdout.lines().find(|line| line.contains(word)).unwrap();
    assert!(
        line("cell").ends_with("3 inputs  history same, state same"),
        "{}",
        ran.stdout
    );
    assert!(
        line("front").ends_with("2 inputs  history same, state not alone, it uses call"),
        "{}",
        ran.stdout
    );
    assert!(line("objects").ends_with("2: 1 with the same state, 1 not alone"));
    let data = work.avm("replay cells.avm --objects --json").json()["data"].clone();
    let states = data["objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["state"].clone());
    let states: Vec<Value> = states.collect();
    assert!(states.contains(&json!("same")) && states.contains(&json!({ "uses": ["call"] })));
    assert_eq!(
        work.avm(&format!("run {} --record bank.avmlog", example("bank.avm")))
            .code,
        0
    );
    let ran = work.avm("replay bank.avmlog --objects");
    assert!(
        ran.stdout.contains("2: 2 with the same state, 0 not alone"),
        "{ran:?}"
    );
}

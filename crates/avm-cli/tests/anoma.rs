//! The Anoma machine on the command line.

mod common;

use common::Work;
use serde_json::json;

/// A counter, and a program that makes use of it.
const COUNTER: &str = r#"(module counter (export counter main) (default-controller (ctl "c1")))
(behaviour counter #:deterministic (state (n 0))
  (on 'inc            (set-state! n (+ n 1)) (reply n))
  (on ('add k) #:when (int? k) (set-state! n (+ n k)) (reply n))
  (on 'get            (reply n)))
(program (main)
  (let ((c (new 'counter)))
    (call c 'inc) (call c '(add 5))
    (list (call c 'get) (call c 'reset))))
"#;

/// Divides by its argument in an object, and adds.
const CELL: &str = r#"(module cell (export cell main sum) (default-controller (ctl "c1")))
(behaviour cell (state (n 0))
  (on ('div k) (reply (quotient 10 k))))
(program (main x)
  (let ((c (new 'cell)))
    (ask c (list 'div x))))
(program (sum a b) (+ a b))
"#;

fn work() -> Work {
    let work = Work::new();
    work.write("counter.avm", COUNTER);
    work.write("cell.avm", CELL);
    work
}

#[test]
fn a_program_runs_and_its_value_is_shown() {
    let work = work();
    let ran = work.avm("run counter.avm");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stdout.contains("result    ((just 6) nothing)\n"),
        "{ran:?}"
    );
    let data = work.avm("run counter.avm --json").json();
    assert_eq!(
        data["data"]["stack"],
        json!(["((just 6) nothing)"]),
        "{data}"
    );
    let keys = work.avm("state counter.avm@latest objects");
    assert!(keys.stdout.contains("/state (6)\n"), "{keys:?}");
}

#[test]
fn a_call_has_arguments_of_the_language() {
    let work = work();
    let ran = work.words(&["call", "cell.avm", "sum", "5", "7"], true);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("value 12,"), "{ran:?}");
    for (words, said) in [
        (&["nope"][..], "there is no program `nope`"),
        (&["sum", "1"], "takes 2 arguments, found 1"),
        (&["sum", "(", "2"], "`(`"),
        (&["obj:12", "5"], "64 hex digits"),
        (&["{\"start\": 5}"], "expected a text"),
    ] {
        let words = [&["call", "cell.avm"], words].concat();
        let ran = work.words(&words, true);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
}

#[test]
fn an_error_has_its_code_and_its_place() {
    let work = work();
    let ran = work.words(&["call", "cell.avm", "main", "0"], true);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stderr.contains("program `main` failed: arith/div-zero"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("cell.avm:3:"), "{ran:?}");
    assert!(
        ran.stderr.contains("(on ('div k) (reply (quotient 10 k)))"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("in main, line 6"), "{ran:?}");
    work.write("inputs.json", r#"[{"start": "main", "args": [0]}]"#);
    let ran = work.avm("run cell.avm --inputs inputs.json --json");
    assert_eq!(ran.code, 1, "{ran:?}");
    let error = &ran.json()["error"];
    assert_eq!(error["code"], "AVM0117");
    assert_eq!(error["data"]["fault"]["code"], "arith/div-zero", "{error}");
    assert_eq!(error["data"]["calls"][0]["line"], 3, "{error}");
}

#[test]
fn inputs_are_read_and_shown() {
    let work = work();
    work.write(
        "inputs.json",
        r#"[{"start": "sum", "args": [2, 3], "hold": true, "caps": ["move"]},
            {"run": 0, "steps": 1}, {"reach": {"controller": "c1", "reachable": false}}, {"shuffle": 7},
            {"message": {"to": "obj:0000000000000000000000000000000000000000000000000000000000000001", "value": {"sym": "x"}}}]"#,
    );
    let ran = work.avm("run cell.avm --inputs inputs.json");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("#0 value 5"), "{ran:?}");
    for (inputs, said) in [
        (r#"[{"start": "sum", "arg": []}]"#, "no member `arg`"),
        (r#"[{"run": 0}]"#, "either `steps` or `marks`"),
        (
            r#"[{"message": {"to": "obj:5", "value": 1}}]"#,
            "64 hex digits",
        ),
        (r#"[{"reach": {"machine": "m2"}}]"#, "`reachable`"),
        (r#"[{"deploy": "00"}]"#, "input 0"),
        (r#"[7]"#, "an input is an object"),
    ] {
        work.write("inputs.json", inputs);
        let ran = work.avm("run cell.avm --inputs inputs.json");
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
}

#[test]
fn an_input_that_makes_no_sense_is_refused() {
    let work = work();
    work.write("inputs.json", r#"[{"start": "sum", "args": [1]}]"#);
    let ran = work.avm("run cell.avm --inputs inputs.json");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stdout.contains("failed    the input was refused"),
        "{ran:?}"
    );
}

#[test]
fn a_text_that_is_wrong_is_shown_with_its_place() {
    let work = work();
    work.write("wrong.avm", "(module wrong)\n(program (main)\n  (cal 1))\n");
    let ran = work.avm("run wrong.avm");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("wrong.avm:3:"), "{ran:?}");
    let error = work.avm("run wrong.avm --json").json();
    assert_eq!(error["error"]["code"], "AVM0123");
    assert_eq!(error["error"]["data"]["errors"][0]["line"], 3, "{error}");
}

#[test]
fn images_are_the_same_program() {
    let work = work();
    let ran = work.avm("asm counter.avm -o counter.json");
    assert_eq!(ran.code, 0, "{ran:?}");
    let [text, image] = ["counter.avm", "counter.json"].map(|file| {
        let ran = work.avm(&format!("run {file} --json"));
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.json()["data"]["root"].clone()
    });
    assert_eq!(text, image);
    let listing = work.avm("disasm counter.avm");
    assert!(listing.stdout.contains("module counter"), "{listing:?}");
    work.write("broken.json", r#"{"anoma": "61766d"}"#);
    assert_eq!(work.avm("run broken.json").code, 3);
}

#[test]
fn a_run_is_recorded_and_its_steps_are_proved() {
    let work = work();
    let ran = work.avm("run counter.avm --record main.avmlog");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(work.avm("replay main.avmlog --check").code, 0);
    let ran = work.avm("trace main.avmlog@0:0..@0:6");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("take"), "{ran:?}");
    let ran = work.avm("prove main.avmlog@0:12 -o step.avmproof");
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = work.avm("verify step.avmproof");
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// Every key that is listed is proved, and so is one that is not there.
#[test]
fn keys_are_shown_and_proved() {
    let work = work();
    assert_eq!(work.avm("run counter.avm --record main.avmlog").code, 0);
    let listed = work.avm("state main.avmlog --json");
    assert_eq!(listed.code, 0, "{listed:?}");
    let keys = listed.json()["data"]["keys"].clone();
    let keys: Vec<_> = keys.as_array().unwrap().iter().collect();
    assert!(keys.len() > 8, "{keys:?}");
    for key in &keys {
        let name = key["key"].as_str().unwrap();
        let ran = work.avm(&format!(
            "prove main.avmlog@final --key {name} -o k.avmproof --yes"
        ));
        assert_eq!(ran.code, 0, "{name}: {ran:?}");
        let ran = work.avm("verify k.avmproof --json");
        assert_eq!(ran.code, 0, "{name}: {ran:?}");
        let proof = &ran.json()["data"]["proofs"][0];
        assert_eq!(proof["text"], key["text"], "{name}");
        let ran = work.avm(&format!("show main.avmlog@final {name}"));
        assert_eq!(
            ran.stdout.trim_end(),
            key["text"].as_str().unwrap(),
            "{name}"
        );
    }
    let absent = format!("objects/{}/state", "5a".repeat(32));
    let ran = work.avm(&format!(
        "prove main.avmlog@final --key {absent} -o a.avmproof"
    ));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("(not in the state)"), "{ran:?}");
    assert_eq!(work.avm("verify a.avmproof").code, 0);
    let ran = work.avm("prove main.avmlog@final --key objects/obj:00 -o b.avmproof");
    assert_eq!(ran.code, 4, "{ran:?}");
    let state = keys
        .iter()
        .find_map(|key| key["key"].as_str().filter(|name| name.ends_with("/state")));
    let id = state.unwrap().split('/').nth(1).unwrap();
    let ran = work.avm(&format!(
        "state main.avmlog objects/obj:{}/state",
        &id[..10]
    ));
    assert!(ran.stdout.contains("/state (6)\n"), "{ran:?}");
    let ran = work.avm(&format!("show main.avmlog@final objects/obj:{}", &id[..10]));
    assert!(ran.stdout.starts_with("counter (6), machine"), "{ran:?}");
}

/// A program that ends well while a message that it sent fails.
#[test]
fn a_message_that_fails_is_told() {
    let work = work();
    let text = "(module lost (default-controller (ctl \"c1\")))
(behaviour cell (state (n 0)) (on ('div k) (reply (quotient 10 k))))
(program (main) (let ((c (new 'cell))) (send! c '(div 0)) 7))
";
    work.write("lost.avm", text);
    let ran = work.avm("run lost.avm");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stdout
            .contains("messages  1 message failed, the last one #1 to"),
        "{ran:?}"
    );
    assert!(ran.stdout.contains(": arith/div-zero\n"), "{ran:?}");
    let data = work.avm("run lost.avm --json").json()["data"]["failed_messages"].clone();
    assert_eq!(
        (&data["count"], &data["last"][0]["reason"]),
        (&json!(1), &json!("arith/div-zero")),
        "{data}"
    );
    let ran = work.avm("trace lost.avm@0");
    assert!(ran.stdout.contains("!! arith/div-zero"), "{ran:?}");
}

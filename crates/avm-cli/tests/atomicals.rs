//! Contracts on the command line: every verb once, failures with where their operands come from,
//! and input that is refused.

mod common;

use common::Work;
use serde_json::{Value, json};

/// A number that only goes up, and an owner.
const COUNTER: &str = "# a number that only goes up
.rules avm1
.const SPACE 'counter'
.const KEY   'n'

.method ctor(owner: bytes) {
    SPACE 'owner' ROT KV_PUT
    SPACE KEY 0 KV_PUT
    1
}
.method add(amount: int) {
    DUP 0 GREATERTHAN VERIFY    # amount
    SPACE KEY KV_GET ADD        # n+amount
    SPACE KEY ROT KV_PUT
    1
}
.method own(who: bytes) {
    SPACE 'owner' KV_GET EQUALVERIFY
    1
}
";

/// The third call fails.
const CALLS: &str = r#"[
 {"method": "ctor", "args": ["0xaabb"]},
 {"method": "add", "args": [5]},
 {"method": "add", "args": [-1]},
 {"method": "add", "args": ["300"], "external": {"headers": {}, "height": 7}}
]"#;

fn contract() -> Work {
    let work = Work::new();
    work.write("counter.script", COUNTER);
    work.write("calls.json", CALLS);
    work
}

fn recorded() -> Work {
    let work = contract();
    let ran = work.avm("run counter.script --inputs calls.json --record main.avmlog");
    assert_eq!(ran.code, 0, "{ran:?}");
    work
}

/// The data of a command that succeeds with --json.
fn data(work: &Work, args: &str) -> Value {
    let ran = work.avm(&format!("{args} --json"));
    assert_eq!(ran.code, 0, "{args}: {ran:?}");
    ran.json()["data"].clone()
}

/// The error of a command that fails with --json.
fn failure(work: &Work, args: &str, exit: i32, code: &str) -> Value {
    let ran = work.avm(&format!("{args} --json"));
    assert_eq!(ran.code, exit, "{args}: {ran:?}");
    let error = ran.lines().pop().unwrap()["error"].clone();
    assert_eq!(error["code"], code, "{args}: {error}");
    let text = work.avm(args);
    assert!(
        text.stderr.contains(&format!("error[{code}]")),
        "{args}: {text:?}"
    );
    error
}

#[test]
fn a_run() {
    let work = contract();
    let ran = data(&work, "run counter.script -i calls.json");
    assert_eq!(
        (&ran["machine"], &ran["waiting"], &ran["inputs_taken"]),
        (&json!("atomicals"), &json!(true), &json!(4))
    );
    let outputs: Vec<&str> = ran["outputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| o["value"].as_str().unwrap())
        .collect();
    assert!(
        outputs[1].starts_with("#1 ok, cost ")
            && outputs[1].ends_with("; state/counter/n = 0x05 5"),
        "{outputs:?}"
    );
    assert!(
        outputs[2].starts_with("#2 failed at operation 18 of the locking script, VERIFY"),
        "{outputs:?}"
    );
    assert!(
        outputs[3].ends_with("; state/counter/n = 0x3101 305"),
        "{outputs:?}"
    );
    assert_eq!(ran["native_root"]["name"], "chain");
    assert_ne!(ran["native_root"]["before"], ran["native_root"]["after"]);
    // One call that fails is the result of a run if it is the last.
    work.write(
        "one.json",
        r#"[{"method": "ctor", "args": ["aa"]}, {"method": "own", "args": ["ab"]}]"#,
    );
    let error = failure(&work, "run counter.script -i one.json", 1, "AVM0117");
    assert_eq!(error["data"]["opName"], "OP_EQUALVERIFY");
    assert!(
        error["data"]["failed"]
            .as_str()
            .unwrap()
            .contains("the two top elements differ")
    );
}

#[test]
fn every_verb() {
    let work = recorded();
    assert_eq!(work.avm("replay main.avmlog --check").code, 0);
    assert_eq!(work.avm("trace main.avmlog@1").code, 0);
    let steps = work.avm("trace main.avmlog@1 --as jsonl");
    let words: Vec<String> = steps
        .lines()
        .iter()
        .filter(|l| l["t"] == "step")
        .map(|l| l["opName"].to_string())
        .collect();
    assert_eq!(words.first().map(String::as_str), Some("\"take call\""));
    assert_eq!(words.last().map(String::as_str), Some("\"close call\""));
    assert!(words.contains(&"\"OP_KV_PUT\"".into()), "{words:?}");
    let fails = work.avm("trace main.avmlog@2:fail");
    assert!(
        fails.stdout.contains("@18  OP_VERIFY") && fails.stdout.contains("!! "),
        "{fails:?}"
    );
    let roots = work.avm("root main.avmlog@0..@3");
    assert_eq!(
        (roots.code, roots.stdout.lines().count() >= 4),
        (0, true),
        "{roots:?}"
    );
    assert!(work.avm("log main.avmlog").stdout.lines().count() >= 4);

    let keys = data(&work, "state main.avmlog@1 state/");
    let keys: Vec<_> = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|k| (k["key"].clone(), k["value"].clone()))
        .collect();
    assert_eq!(
        keys,
        [
            (json!("state/counter/n"), json!("0x05")),
            (json!("state/counter/owner"), json!("0xaabb"))
        ]
    );
    assert_eq!(work.avm("state main.avmlog@1:10 stack/").code, 0);
    assert_eq!(
        data(&work, "show main.avmlog@3 state/counter/n")["text"],
        "0x3101 305"
    );
    assert_eq!(data(&work, "show main.avmlog@2 failed")["value"], 1);
    let input = data(&work, "show main.avmlog@1");
    assert_eq!(
        (&input["input"]["pushes"], &input["input"]["unlock"]),
        (&json!("5 | 1"), &json!("0x5551"))
    );
    assert_eq!(data(&work, "show main.avmlog@3")["input"]["height"], 7);
    failure(&work, "show main.avmlog@3 state/counter/m", 4, "AVM0203");
    failure(&work, "show main.avmlog@3 nonsense", 4, "AVM0203");

    let diff = work.avm("diff main.avmlog@1 @3 --only state/");
    assert_eq!(
        (diff.code, diff.stdout.contains("state/counter/n")),
        (1, true),
        "{diff:?}"
    );
    assert_eq!(work.avm("diff main.avmlog@1 @1").code, 0);
    let bundle = work.avm("bundle main.avmlog@2:fail -o bug.avmbundle");
    assert_eq!(bundle.code, 0, "{bundle:?}");
    assert_eq!(work.avm("trace bug.avmbundle").code, 0);
    let played = work.avm("dispute play main.avmlog --liar step=40");
    assert_eq!(played.code, 0, "{played:?}");
}

#[test]
fn what_agrees_and_what_does_not() {
    let work = recorded();
    work.write("other.json", CALLS.replace("300", "301"));
    assert_eq!(
        work.avm("run counter.script --inputs other.json --record other.avmlog")
            .code,
        0
    );
    assert_eq!(work.avm("bisect main.avmlog main.avmlog").code, 0);
    let ran = work.avm("bisect main.avmlog other.avmlog");
    assert_eq!(ran.code, 8, "{ran:?}");
    assert!(ran.stdout.contains("@3"), "{ran:?}");
    common::rewrite(
        &work,
        ["main.avmlog", "liar.avmlog"],
        |_, _| {},
        |at, claim| {
            if at == 2 {
                claim.state.0[0] ^= 1;
            }
            true
        },
    );
    assert_eq!(work.avm("replay liar.avmlog --check").code, 8);
    // What is no call at all is refused by the machine, and the run goes on.
    common::rewrite(
        &work,
        ["main.avmlog", "bytes.avmlog"],
        |at, input| {
            if at == 2 {
                *input = b"no call".to_vec()
            }
        },
        |_, _| false,
    );
    let ran = data(&work, "run bytes.avmlog");
    assert!(
        ran["outputs"][2]["value"]
            .as_str()
            .unwrap()
            .starts_with("#2 refused: bad_input"),
        "{ran}"
    );
}

#[test]
fn proofs() {
    let work = recorded();
    let proofs = [
        "main.avmlog@1:7",
        "main.avmlog@2:fail",
        "main.avmlog@2",
        "main.avmlog@0..@3",
        "main.avmlog@3 --key state/counter/n",
        "main.avmlog@3 --key state/counter/nobody",
        "main.avmlog@3 --key chain",
        "main.avmlog@1:9 --key stack/0",
        "main.avmlog@3 --key code",
    ];
    for (at, target) in proofs.iter().enumerate() {
        let made = work.avm(&format!("prove {target} -o {at}.avmproof"));
        assert_eq!(made.code, 0, "{target}: {made:?}");
        let checked = work.avm(&format!("verify {at}.avmproof --log main.avmlog"));
        let is_key = target.contains("--key");
        let checked = if is_key {
            work.avm(&format!("verify {at}.avmproof"))
        } else {
            checked
        };
        assert_eq!(checked.code, 0, "{target}: {checked:?}");
        let mut bytes = work.read(&format!("{at}.avmproof"));
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        work.write("changed.avmproof", bytes);
        assert_ne!(work.avm("verify changed.avmproof").code, 0, "{target}");
    }
    let shown = work.avm("verify 4.avmproof");
    assert!(shown.stdout.contains("0x3101 305"), "{shown:?}");
}

#[test]
fn calls_on_top() {
    let work = recorded();
    let added = data(&work, "call main.avmlog add 7");
    let changed = added["changed"].as_array().unwrap();
    let value = changed
        .iter()
        .find(|key| key["key"] == "state/counter/n")
        .unwrap();
    assert_eq!(
        (&value["before"], &value["after"], &added["at"]),
        (&json!("0x3101"), &json!("0x3801"), &json!("@4"))
    );
    let at = data(&work, "call main.avmlog add 7 --at @1");
    let changed = at["changed"].as_array().unwrap();
    let value = changed
        .iter()
        .find(|key| key["key"] == "state/counter/n")
        .unwrap();
    assert_eq!(
        (&value["before"], &value["after"]),
        (&json!("0x05"), &json!("0x0c"))
    );
    assert_eq!(data(&work, "call main.avmlog@1 add 7")["root"], at["root"]);
    // Nothing was kept.
    assert_eq!(data(&work, "call main.avmlog add 7"), added);
    // The same machine, the same verb.
    let ran = work.avm("call adder.masm 00");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(
        work.words(&["call", "adder.masm", r#"{"data":"01"}"#], true)
            .code,
        0
    );
}

#[test]
fn why_a_call_failed() {
    let work = recorded();
    let ran = work.avm("call main.avmlog own 0xaabc");
    assert_eq!(ran.code, 1);
    for line in [
        "call failed at OP_EQUALVERIFY: the two top elements differ",
        "left 0xaabc -15530 (2 bytes)",
        "right 0xaabb -15274 (2 bytes)",
        "right comes from state/counter/owner",
        "they differ at byte 1",
        "state/counter/owner was last set by input @0, unchanged before input @4",
    ] {
        assert!(ran.stderr.contains(line), "{line}: {}", ran.stderr);
    }
    let ran = work.words(&["call", "counter.script", "add", "5"], true);
    for line in [
        "counter.script:13:15  @0:",
        "|               ^^^^^^",
        "the contract has no state/counter/n",
        "state/counter/n was never set before input @0",
    ] {
        assert!(ran.stderr.contains(line), "{line}: {}", ran.stderr);
    }
    let error = failure(&work, "call main.avmlog own 0xaabc", 1, "AVM0117");
    let data = &error["data"];
    assert_eq!(data["operands"][1]["origin"], "state/counter/owner");
    assert_eq!(data["keys"][0]["key"], "state/counter/owner");
    assert_eq!(
        (&data["site"]["script"], &data["missing"]),
        (&json!("locking"), &Value::Null)
    );
}

#[test]
fn forms_of_contracts() {
    let work = contract();
    let wanted = data(&work, "run counter.script -i calls.json")["root"].clone();
    // Assembled to JSON, it is the same contract.
    assert_eq!(work.avm("asm counter.script -o counter.json").code, 0);
    assert_eq!(
        data(&work, "run counter.json -i calls.json")["root"],
        wanted
    );
    // Disassembled and assembled again, it has the same code.
    assert_eq!(work.avm("disasm counter.json -o again.script").code, 0);
    assert_eq!(work.avm("asm again.script -o again.json").code, 0);
    let code =
        |name: &str| serde_json::from_slice::<Value>(&work.read(name)).unwrap()["code"].clone();
    assert_eq!(code("again.json"), code("counter.json"));
    assert!(
        work.avm("disasm counter.json --annotate")
            .stdout
            .contains('#')
    );
    // Hex, with the arguments pushed in their order.
    work.write("sum.hex", "93\n5787\n");
    work.write("sum.json", r#"[{"args": [3, 4]}, {"unlock": "5354"}]"#);
    assert_eq!(work.avm("run sum.hex -i sum.json").code, 0);
    assert_eq!(work.avm("call sum.hex 3 4").code, 0);
    assert_eq!(work.avm("call sum.hex 3 5").code, 1);
    // State, tokens and an outer hash from the file.
    let token = "05".repeat(36);
    let file = json!({
        "code": "51", "rules": "beta1",
        "state": { "73": { "6b": "09" } }, "ft": { &token: 7 }, "prev_state_hash": "11".repeat(32),
    });
    work.write("full.json", file.to_string());
    let keys = data(&work, "state full.json@genesis");
    let value = |name: &str| {
        keys["keys"]
            .as_array()
            .unwrap()
            .iter()
            .find(|k| k["key"] == name)
            .map(|k| k["value"].clone())
    };
    assert_eq!(value("state/s/k"), Some(json!("0x09")));
    assert_eq!(value(&format!("ft/{token}")), Some(json!(7)));
    assert_eq!(
        value("chain"),
        Some(json!(format!("0x{}", "11".repeat(32))))
    );
    assert_eq!(value("rules"), Some(json!("beta1")));
    // A transaction by its parts: the value of output 1 is read.
    work.write("value.hex", "51cd02881387");
    work.write(
        "value.json",
        r#"[{"tx": {"outputs": [{"value": 1}, {"value": 5000, "script": "51"}]}}]"#,
    );
    assert_eq!(
        work.avm("run value.hex -i value.json").code,
        0,
        "{:?}",
        work.avm("run value.hex -i value.json")
    );
}

#[test]
fn rules() {
    let work = contract();
    work.write("plain.hex", "51");
    let by = |args: &str| data(&work, args)["keys"][0]["value"].clone();
    assert_eq!(by("state plain.hex@genesis rules"), "avm1");
    assert_eq!(by("state plain.hex@genesis rules --rules beta1"), "beta1");
    assert_eq!(
        by("state counter.script@genesis rules --rules avm1"),
        "avm1"
    );
    failure(&work, "run plain.hex --rules beta9", 2, "AVM0009");
    failure(&work, "run adder.masm --rules beta1", 2, "AVM0009");
    failure(&work, "run counter.script --rules beta1", 2, "AVM0010");
    work.write("own.json", r#"{"rules": "beta1", "code": "51"}"#);
    failure(&work, "run own.json --rules avm1", 2, "AVM0010");
    assert_eq!(
        work.avm("run plain.hex --rules beta1 --record beta.avmlog")
            .code,
        0
    );
    assert_eq!(work.avm("run beta.avmlog --rules beta1").code, 0);
    failure(&work, "run beta.avmlog --rules avm1", 2, "AVM0010");
}

#[test]
fn what_is_refused() {
    let work = recorded();
    let files = [
        (
            "object.json",
            r#"{"rules": "beta9", "code": "51"}"#,
            "1:11",
            "rules",
        ),
        (
            "code.json",
            "{\"rules\": \"avm1\",\n \"code\": \"5\"}",
            "2:10",
            "code",
        ),
        (
            "state.json",
            r#"{"code": "51", "state": {"zz": {}}}"#,
            "1:25",
            "state",
        ),
        (
            "member.json",
            r#"{"code": "51", "stat": {}}"#,
            "1:24",
            "stat",
        ),
        ("id.json", r#"{"code": "51", "id": "00"}"#, "1:22", "id"),
        (
            "ft.json",
            r#"{"code": "51", "ft": {"05": 7}}"#,
            "1:22",
            "ft",
        ),
        (
            "methods.json",
            r#"{"code": "51", "methods": "add("}"#,
            "1:27",
            "methods",
        ),
    ];
    for (name, text, place, path) in files {
        work.write(name, text);
        let error = failure(&work, &format!("run {name} -m atomicals"), 3, "AVM0103");
        assert_eq!(error["data"]["place"], format!("{name}:{place}"), "{error}");
        assert_eq!(error["data"]["path"], path);
    }
    work.write("cut.json", "{\"code\": \"51\",");
    failure(&work, "run cut.json", 3, "AVM0105");
    work.write("odd.hex", "515");
    failure(&work, "run odd.hex", 3, "AVM0103");
    work.write("long.hex", "61".repeat(1_000_001));
    failure(&work, "run long.hex", 3, "AVM0103");
    work.write("typo.script", "DUPP\n");
    let error = failure(&work, "run typo.script", 3, "AVM0351");
    assert_eq!(error["data"]["place"], "typo.script:1:1");
    work.write("plain.script", ".rules bitcoin 1");
    failure(&work, "run plain.script", 3, "AVM0103");
    let inputs = [
        ("{}", "inputs.json:1:1"),
        ("[{}, 7]", "inputs.json:1:6"),
        (r#"[{"method": "sub", "args": [1]}]"#, "inputs.json:1:13"),
        (
            r#"[{"method": "add", "args": ["many"]}]"#,
            "inputs.json:1:28",
        ),
        (r#"[{"method": "add", "args": [1, 2]}]"#, "inputs.json:1:28"),
        (r#"[{"method": "add", "args": [[1]]}]"#, "inputs.json:1:29"),
        (r#"[{"unlock": "0x5"}]"#, "inputs.json:1:13"),
        (
            r#"[{"tx": {"outputs": [{"value": -1}]}}]"#,
            "inputs.json:1:32",
        ),
        (r#"[{"arguments": []}]"#, "inputs.json:1:16"),
    ];
    for (text, place) in inputs {
        work.write("inputs.json", text);
        let error = failure(&work, "run counter.script -i inputs.json", 3, "AVM0104");
        assert_eq!(error["data"]["place"], place, "{text}: {error}");
    }
    work.write("inputs.txt", "a200\n");
    failure(&work, "run counter.script -i inputs.txt", 3, "AVM0107");
    work.write("inputs.txt", "nothing\n");
    failure(&work, "run counter.script -i inputs.txt", 3, "AVM0106");
    failure(&work, "call main.avmlog subtract 1", 2, "AVM0001");
    failure(&work, "call main.avmlog add", 2, "AVM0001");
    failure(&work, "call main.avmlog add many", 2, "AVM0001");
    failure(&work, "call main.avmlog@1:3 add 1", 2, "AVM0001");
    failure(&work, "call main.avmlog@9 add 1", 4, "AVM0202");
    failure(&work, "prove main.avmlog@3 --key nonsense", 4, "AVM0203");
    failure(
        &work,
        "run counter.script -i calls.json --max-steps 20",
        7,
        "AVM0401",
    );
}

#[test]
fn the_machine() {
    let work = Work::new();
    let told = work.avm("machines atomicals");
    assert!(told.stdout.contains("avm1, beta1"), "{told:?}");
    let ops = work.avm("machines atomicals --ops");
    assert!(
        ops.stdout.contains("OP_KV_GET") && ops.stdout.lines().count() > 100,
        "{ops:?}"
    );
    work.write(
        "bench.json",
        std::fs::read(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../vectors/atomicals/bench.json"
        ))
        .unwrap(),
    );
    let ran = data(
        &work,
        "bench atomicals bench.json --rounds 1 --only counter",
    );
    assert_eq!(
        (
            &ran["calls"][0]["name"],
            ran["calls"].as_array().unwrap().len()
        ),
        (&json!("bench/counter2"), 1)
    );
    assert!(ran["calls"][0]["ns_per_call"]["median"].as_f64().unwrap() > 0.0);
    work.write("counter.script", COUNTER);
    work.write("calls.json", CALLS);
    assert_eq!(
        work.avm("bench atomicals counter.script --rounds 1").code,
        0
    );
}

#[test]
fn assembling_shows_what_the_linter_finds() {
    let work = Work::new();
    work.write("open.script", "1 IF 2\n");
    let want = "error[unbalanced-if]: IF has no ENDIF\n  --> open.script:1:3";
    let findings = data(&work, "asm open.script")["findings"].clone();
    assert_eq!(findings[0], want);
    work.write("fine.script", "1\n");
    assert_eq!(data(&work, "asm fine.script").get("findings"), None);
}

//! Plain Bitcoin on the command line: the examples, what a refusal says, and files that are none.

mod common;

use std::path::{Path, PathBuf};

use common::{Ran, Work};
use serde_json::{Value, json};

fn example(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/bitcoin");
    folder.join(name).with_extension("json")
}

/// A directory with all examples.
fn work() -> Work {
    let work = Work::new();
    let folder = example("p2sh");
    for entry in std::fs::read_dir(folder.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        work.write(&name, std::fs::read(&path).unwrap());
    }
    work
}

fn run(work: &Work, args: &str) -> Ran {
    work.avm(&format!("run --machine script {args}"))
}

/// What `--json` says of each refused input.
fn refusals(ran: &Ran) -> Value {
    ran.json()["error"]["data"]["refusals"].clone()
}

#[test]
fn every_example_is_told_as_expected() {
    // name, rules, and input, phase, operation, byte, opcode and error of the refusal
    let refused = |phase: &str, at: Option<(u64, u64, &str)>, error: &str| {
        Some((
            phase.to_owned(),
            at.map(|(op, byte, name)| (op, byte, name.to_owned())),
            error.to_owned(),
        ))
    };
    let cases = [
        ("p2pkh", "bitcoin", None),
        ("p2sh", "bitcoin", None),
        ("p2wsh", "bitcoin", None),
        ("taproot_keys", "bitcoin", None),
        ("taproot_keys", "standard", None),
        ("tapscript", "bitcoin", None),
        (
            "p2pkh_other_key",
            "bitcoin",
            refused(
                "scriptPubKey",
                Some((3, 23, "OP_EQUALVERIFY")),
                "EQUALVERIFY",
            ),
        ),
        (
            "p2sh_other_redeem_script",
            "bitcoin",
            refused(
                "redeemScript",
                Some((3, 23, "OP_EQUALVERIFY")),
                "EQUALVERIFY",
            ),
        ),
        ("p2sh_other_redeem_script", "none", None),
        (
            "p2wsh_no_argument",
            "bitcoin",
            refused(
                "witnessScript",
                Some((0, 0, "OP_NOTIF")),
                "INVALID_STACK_OPERATION",
            ),
        ),
        (
            "p2wsh_other_key",
            "bitcoin",
            refused("witnessScript", None, "EVAL_FALSE"),
        ),
        (
            "p2wsh",
            "standard",
            refused(
                "witnessScript",
                Some((1, 66, "OP_CHECKSIG")),
                "WITNESS_PUBKEYTYPE",
            ),
        ),
        (
            "tapscript_false",
            "consensus",
            refused("tapscript", None, "EVAL_FALSE"),
        ),
        ("tapscript_false", "P2SH,WITNESS", None),
    ];
    let work = work();
    for (name, rules, want) in cases {
        // a file with `tx` and `spent` says which machine is meant
        let ran = work.avm(&format!("run {name}.json --rules {rules} --json"));
        let Some((phase, at, error)) = want else {
            assert_eq!(ran.code, 0, "{name} {rules}: {ran:?}");
            let text = ran.json()["data"]["outputs"][0]["value"].to_string();
            assert!(text.contains("all may spend"), "{name} {rules}: {text}");
            continue;
        };
        assert_eq!(ran.code, 1, "{name} {rules}: {ran:?}");
        let found = &refusals(&ran)[0];
        let text = format!("{name} {rules}: {found}");
        assert_eq!(
            (found["phase"].as_str(), found["error"].as_str()),
            (Some(&*phase), Some(&*error)),
            "{text}"
        );
        assert_eq!(
            (&found["transaction"], &found["input"]),
            (&json!(0), &json!(0)),
            "{text}"
        );
        let found_at = found["operation"].as_u64().map(|op| {
            (
                op,
                found["byte"].as_u64().unwrap(),
                found["opName"].as_str().unwrap().to_owned(),
            )
        });
        assert_eq!(found_at, at, "{text}");
    }
}

#[test]
fn a_refusal_in_words() {
    let work = work();
    let ran = run(&work, "p2pkh_other_key.json");
    insta::assert_snapshot!("script_refused", ran.shown());
    // 2 is not 3: operands as numbers, too
    let tx = format!(
        "0200000001{}0152{}00{}",
        "00".repeat(36),
        "00".repeat(4),
        "00".repeat(4)
    );
    work.write(
        "numbers.json",
        json!({ "tx": tx, "spent": [{ "value": 1000, "script": "538851" }] }).to_string(),
    );
    let ran = run(&work, "numbers.json");
    assert_eq!(ran.code, 1);
    for part in [
        "script of the output, operation 1 at byte 1: OP_EQUALVERIFY",
        "operand A = 0x03 (3)",
        "operand B = 0x02 (2)",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {ran:?}");
    }
    let operands = &refusals(&run(&work, "numbers.json --json"))[0]["operands"];
    let want = json!([{ "hex": "0x03", "number": 3 }, { "hex": "0x02", "number": 2 }]);
    assert_eq!(operands, &want);
}

#[test]
fn a_trace_names_the_script_of_every_operation() {
    let work = work();
    let ran = work.avm("trace --machine script p2sh_other_redeem_script.json --stack 2");
    insta::assert_snapshot!("script_trace", ran.shown());
}

#[test]
fn rules_are_a_program_and_transactions_its_inputs() {
    let work = work();
    let read = |name: &str| -> Value {
        let mut read: Value = serde_json::from_slice(&work.read(name)).unwrap();
        read.as_object_mut().unwrap().remove("flags");
        read
    };
    let list = [
        read("p2sh.json"),
        read("p2pkh_other_key.json"),
        read("taproot_keys.json"),
    ];
    work.write("list.json", json!(list).to_string());
    work.write("rules.json", r#"{"flags": ["P2SH", "WITNESS", "TAPROOT"]}"#);
    let ran = run(
        &work,
        "rules.json --inputs list.json --record main.avmlog --json",
    );
    assert_eq!(ran.code, 1, "{ran:?}");
    let data = &ran.json()["error"]["data"];
    assert_eq!(data["output_count"], 3);
    assert_eq!(data["rules"], "P2SH,WITNESS,TAPROOT");
    assert_eq!(data["refusals"].as_array().unwrap().len(), 1);
    assert_eq!(data["refusals"][0]["transaction"], 1);
    // the log keeps rules and transactions, and its steps prove
    let again = work.avm("run main.avmlog --json");
    assert_eq!(again.json()["error"]["data"]["root"], data["root"]);
    let ran = work.avm("replay main.avmlog --check");
    assert_eq!(ran.code, 0, "{ran:?}");
    for target in [
        "main.avmlog@0:3",
        "main.avmlog@0:0..@1:2",
        "main.avmlog@2",
        "main.avmlog@1:6",
    ] {
        let ran = work.avm(&format!("prove {target} -o a.avmproof --yes"));
        assert_eq!(ran.code, 0, "{target}: {ran:?}");
        let ran = work.avm("verify a.avmproof --log main.avmlog");
        assert_eq!(ran.code, 0, "{target}: {ran:?}");
    }
    let state = work.avm("state main.avmlog@0:6 script").stdout;
    assert!(state.contains("redeemScript"), "{state}");
    // encoded transactions, of which one is none
    let hex = work.avm("show main.avmlog@0 --raw").stdout;
    work.write("inputs.hex", format!("{hex}b2ff\n"));
    let ran = run(&work, "rules.json --inputs inputs.hex");
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr
            .contains("transaction 1 is none: the transaction at byte 1 takes 4 bytes"),
        "{ran:?}"
    );
}

#[test]
fn the_table_of_operations() {
    let work = work();
    let ran = work.avm("machines script --ops");
    assert_eq!(ran.code, 0);
    for name in [
        "OP_CHECKSIGADD",
        "OP_CHECKLOCKTIMEVERIFY",
        "OP_CAT",
        "OP_HASH160",
    ] {
        assert_eq!(ran.stdout.matches(name).count(), 1, "{name}");
    }
    assert!(
        !ran.stdout.contains("OP_KV_GET"),
        "an operation of contracts"
    );
}

#[test]
fn files_that_are_no_transaction() {
    let work = work();
    let tx = "01000000";
    let cases = [
        (json!([]), "", "expected an object, found an array"),
        (json!({}), "", "there is neither `tx` nor `flags`"),
        (json!({ "tx": tx }), "", "spent: it is missing"),
        (
            json!({ "tx": 5, "spent": [] }),
            "",
            "tx: expected hex digits, found a number",
        ),
        (
            json!({ "tx": "0", "spent": [] }),
            "",
            "tx: expected an even number of hex digits, found `0`",
        ),
        (
            json!({ "tx": tx, "spent": [] }),
            "",
            "the transaction of 4 bytes does not decode",
        ),
        (
            json!({ "tx": tx, "spent": [{}] }),
            "",
            "spent[0].value: expected a whole number of satoshis",
        ),
        (
            json!({ "tx": tx, "spent": [{ "value": 1, "script": "x" }] }),
            "",
            "spent[0].script: expected an even number of hex digits",
        ),
        (
            json!({ "tx": tx, "spend": [] }),
            "",
            "there is no member `spend`, only tx, spent, flags",
        ),
        (
            json!({ "flags": "P2SH,NO" }),
            "",
            "flags: no script verification flag is called \"NO\"",
        ),
        (
            json!({ "flags": 3 }),
            "",
            "flags: expected the names of flags, found a number",
        ),
        (
            json!({ "flags": "P2SH" }),
            "--rules P2SHX",
            "there is no rule set `P2SHX`",
        ),
    ];
    for (file, args, want) in cases {
        work.write("bad.json", file.to_string());
        let ran = run(&work, &format!("bad.json {args}"));
        let code = if args.is_empty() { 3 } else { 2 };
        assert_eq!(ran.code, code, "{file}: {ran:?}");
        assert!(ran.stderr.contains(want), "{file}: {ran:?}, want {want}");
    }
    let ran = work.avm("run adder.masm --rules bitcoin");
    assert_eq!(ran.code, 2, "{ran:?}");
}

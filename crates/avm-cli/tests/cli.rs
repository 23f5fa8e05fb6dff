//! Every command on good input: text, JSON, and agreement between them.

mod common;

use std::io::Read;
use std::process::Stdio;

use common::Work;
use serde_json::Value;

fn data(work: &Work, args: &str) -> Value {
    let ran = work.avm(&format!("{args} --json"));
    assert_eq!(ran.code, 0, "{args}: {ran:?}");
    let envelope = ran.json();
    let members: Vec<&String> = envelope.as_object().unwrap().keys().collect();
    assert_eq!(members, ["schema", "ok", "data", "warnings"], "{args}");
    assert_eq!(
        (&envelope["schema"], &envelope["ok"]),
        (&"avm/1".into(), &true.into()),
        "{args}"
    );
    envelope["data"].clone()
}

#[test]
fn run_prints_result_root_and_cost() {
    let work = Work::recorded();
    insta::assert_snapshot!(
        "run",
        work.avm("run adder.masm --inputs inbox.json").shown()
    );
    insta::assert_snapshot!("run_waiting", work.avm("run adder.masm").shown());
    insta::assert_snapshot!("run_from", work.avm("run main.avmlog --from @0").shown());
    insta::assert_snapshot!("run_json", work.avm("run main.avmlog --json").shown());
}

#[test]
fn the_same_run_in_every_form() {
    let work = Work::recorded();
    work.avm("asm adder.masm -o adder.json");
    let raw: Vec<String> = (0..2)
        .map(|at| work.avm(&format!("show main.avmlog@{at} --raw")).stdout)
        .collect();
    work.write("inbox.hex", raw.concat());
    let want = data(&work, "run main.avmlog");
    assert_eq!(want["status"], "halted");
    assert_eq!(want["stack"][1], "8");
    assert_eq!(want["outputs"][0]["value"], "55");
    for args in [
        "run adder.masm -i inbox.json",
        "run adder.json -i inbox.json",
        "run adder.masm -i inbox.hex",
    ] {
        assert_eq!(data(&work, args), want, "{args}");
    }
    let root = want["root"].as_str().unwrap();
    assert_eq!(data(&work, "root main.avmlog")["root"], root);
    assert_eq!(work.avm("root main.avmlog@final").stdout.trim(), &root[2..]);
    assert_eq!(data(&work, "replay main.avmlog --check")["root"], root);
    let trace = work.avm("trace main.avmlog --as jsonl").lines();
    assert_eq!(trace.last().unwrap()["root"], root);
    let strict = work.avm("trace main.avmlog --as eip3155").lines();
    assert_eq!(strict.last().unwrap()["stateRoot"], root);
    assert_eq!(
        strict.last().unwrap()["gasUsed"],
        format!("{:#x}", want["cost"].as_u64().unwrap())
    );
}

#[test]
fn a_fault_says_where_why_and_on_what() {
    let work = Work::new();
    insta::assert_snapshot!("fault", work.avm("run faulty.masm").shown());
    let ran = work.avm("run faulty.masm --json");
    assert_eq!(ran.code, 1);
    let error = &ran.json()["error"];
    assert_eq!(error["code"], "AVM0117");
    assert_eq!(error["point"], "@genesis:3");
    assert_eq!(error["data"]["operands"], serde_json::json!(["9", "0"]));
    assert_eq!(error["data"]["status"], "errorstop");
}

#[test]
fn recording_keeps_existing_files() {
    let work = Work::recorded();
    let before = work.read("main.avmlog");
    let ran = work.avm("run faulty.masm --record main.avmlog");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(work.read("main.avmlog"), before);
    assert_eq!(
        work.avm("run main.avmlog --record main.avmlog --yes").code,
        0
    );
    assert_eq!(
        work.read("main.avmlog"),
        before,
        "a recording of a recording is the same file"
    );
    assert_eq!(
        work.avm("run main.avmlog --record other.avmlog --from @0")
            .code,
        2
    );
}

#[test]
fn asm_and_disasm_are_inverses() {
    let work = Work::new();
    assert_eq!(work.avm("asm adder.masm -o a.json").code, 0);
    assert_eq!(work.avm("disasm a.json -o a.masm").code, 0);
    assert_eq!(work.avm("asm a.masm -o b.json").code, 0);
    assert_eq!(work.avm("disasm b.json -o b.masm").code, 0);
    assert_eq!(work.read("a.json"), work.read("b.json"));
    assert_eq!(work.read("a.masm"), work.read("b.masm"));
    assert_eq!(work.avm("asm adder.masm -o a.json").code, 2);
    assert_eq!(work.avm("asm adder.masm -o a.json --yes").code, 0);
    insta::assert_snapshot!(
        "disasm_annotate",
        work.avm("disasm a.json --annotate").stdout
    );
    assert_eq!(data(&work, "asm adder.masm")["operations"], 23);
    assert!(
        data(&work, "disasm a.json")["text"]
            .as_str()
            .unwrap()
            .contains("cjump")
    );
    let annotated = work.avm("disasm a.json --annotate").stdout;
    work.write("annotated.masm", annotated);
    assert_eq!(
        work.avm("asm annotated.masm").stdout.trim().as_bytes(),
        work.read("a.json")
    );
}

#[test]
fn traces() {
    let work = Work::recorded();
    insta::assert_snapshot!("trace_text", work.avm("trace main.avmlog@0").stdout);
    insta::assert_snapshot!(
        "trace_jsonl",
        work.avm("trace main.avmlog@1 --as jsonl --roots").stdout
    );
    insta::assert_snapshot!(
        "trace_eip3155",
        work.avm("trace main.avmlog@1 --as eip3155").stdout
    );
    insta::assert_snapshot!("trace_fault", work.avm("trace faulty.masm@:fail").stdout);
    let lines = work.avm("trace main.avmlog --json").lines();
    assert_eq!(lines[0]["t"], "start");
    assert_eq!(lines.len(), 113 + 2);
    assert_eq!(lines.last().unwrap()["t"], "end");
    assert_eq!(
        work.avm("trace main.avmlog@0:2..@1:1")
            .stdout
            .lines()
            .count(),
        3 + 2
    );
    assert_eq!(
        work.avm("trace main.avmlog @0:2").stdout.lines().count(),
        1 + 2
    );
    let failed = work.avm("trace main.avmlog@9 --json");
    assert_eq!((failed.code, &failed.lines()[0]["t"]), (4, &"error".into()));
}

#[test]
fn roots_and_logs() {
    let work = Work::recorded();
    insta::assert_snapshot!(
        "root_range",
        work.avm("root main.avmlog @genesis..@1").stdout
    );
    insta::assert_snapshot!("log", work.avm("log main.avmlog").stdout);
    assert_eq!(
        work.avm("log adder.masm -i inbox.json").stdout,
        work.avm("log main.avmlog").stdout
    );
    let every = data(
        &work,
        "root main.avmlog @genesis:0..@genesis:100 --every 40",
    );
    let points: Vec<&str> = every["roots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["point"].as_str().unwrap())
        .collect();
    assert_eq!(
        points,
        ["@genesis:0", "@genesis:40", "@genesis:80", "@genesis:100"]
    );
    assert_eq!(
        data(&work, "log main.avmlog @1")["inputs"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        data(&work, "log main.avmlog @0..@1")["inputs"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn states_and_values() {
    let work = Work::recorded();
    insta::assert_snapshot!("state", work.avm("state main.avmlog@0").stdout);
    insta::assert_snapshot!("show_input", work.avm("show main.avmlog@1").stdout);
    assert_eq!(work.avm("state main.avmlog@0 stack/ --count").stdout, "1\n");
    assert_eq!(
        work.avm("state main.avmlog@0 stack/ --as csv")
            .stdout
            .lines()
            .next(),
        Some("key,value,hash")
    );
    let lines = work.avm("state main.avmlog@0 --as jsonl").lines();
    assert_eq!(lines.last().unwrap()["t"], "end");
    let value = data(&work, "show main.avmlog@0 stack/0");
    assert_eq!(value["text"], "8");
    let by_hash = data(
        &work,
        &format!("show main.avmlog@0 {}", value["hash"].as_str().unwrap()),
    );
    assert_eq!(by_hash["text"], "8");
    assert_eq!(work.avm("show main.avmlog@0 stack/9").code, 4);
    assert_eq!(
        work.avm(&format!("show main.avmlog@0 0x{}", "7".repeat(64)))
            .code,
        4
    );
    assert_eq!(work.avm("show main.avmlog@0 stack/0 --raw").stdout, "8\n");
}

#[test]
fn what_the_build_says_about_itself() {
    let work = Work::new();
    insta::assert_snapshot!("machines", work.avm("machines arb").stdout);
    assert!(
        work.avm("version")
            .stdout
            .starts_with("avm - verifiable state machine runtime\n")
    );
    assert_eq!(data(&work, "version")["machines"][0]["spec"], "arb/1");
    assert_eq!(
        data(&work, "machines arb --ops")["ops"]
            .as_array()
            .unwrap()
            .len(),
        78
    );
    assert!(work.avm("machines --ops").stdout.contains("ecpairing"));
    assert!(work.avm("explain 204").stdout.starts_with("AVM0204: "));
    assert!(data(&work, "explain")["codes"].as_array().unwrap().len() > 60);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(
            work.avm(&format!("completions {shell}"))
                .stdout
                .contains("replay"),
            "{shell}"
        );
    }
    assert!(work.avm("man").stdout.contains(".TH avm"));
    assert_eq!(work.avm("man pages").code, 0);
    assert!(work.path("pages/avm-run.1").exists());
    assert_eq!(work.avm("doctor").code, 0);
    data(&work, "doctor");
}

#[test]
fn benchmarks() {
    let work = Work::new();
    let result = data(&work, "bench arb adder.masm --rounds 1");
    assert_eq!(result["programs"][0]["steps"], 104);
    assert!(
        result["programs"][0]["steps_per_second"]["median"]
            .as_f64()
            .unwrap()
            > 0.0
    );
    work.avm("asm adder.masm -o adder.json");
    let program = String::from_utf8(work.read("adder.json")).unwrap();
    work.write(
        "bench.json",
        format!(r#"[{{"name":"a","program":{program},"total_steps":7}}]"#),
    );
    assert_eq!(work.avm("bench arb bench.json").code, 1);
    assert_eq!(work.avm("bench arb bench.json --only nothing").code, 2);
}

#[test]
fn help() {
    let work = Work::new();
    insta::assert_snapshot!("help", work.avm("--help").stdout);
    insta::assert_snapshot!("help_short", work.avm("-h").stdout);
    insta::assert_snapshot!("help_run", work.avm("run --help").stdout);
    for command in [
        "trace", "root", "log", "state", "show", "replay", "machines", "bench", "vectors", "asm",
        "disasm", "explain", "prove", "verify", "diff", "bisect", "bundle",
    ] {
        let ran = work.avm(&format!("{command} --help"));
        assert_eq!(ran.code, 0, "{command}");
        assert!(ran.stdout.contains("--max-steps"), "{command}");
    }
}

#[test]
fn global_options_stand_anywhere() {
    let work = Work::recorded();
    let want = work.avm("root main.avmlog").stdout;
    let dir = work.path(".").display().to_string();
    for args in [
        "-m arb --offline root main.avmlog",
        "root -m arb main.avmlog --offline -vv",
        "root main.avmlog --yes --home .",
    ] {
        assert_eq!(work.avm(args).stdout, want, "{args}");
    }
    assert_eq!(
        work.words(&["-C", &dir, "root", "main.avmlog"], true)
            .stdout,
        want
    );
    assert_eq!(work.avm("-C nowhere root main.avmlog").code, 2);
}

#[test]
fn colour_only_where_it_belongs() {
    let work = Work::new();
    let has_colour = |args: &str| work.avm(args).stdout.contains('\u{1b}');
    assert!(!has_colour("run adder.masm"));
    assert!(has_colour("run adder.masm --color always"));
    assert!(!has_colour("run adder.masm --json --color always"));
    let forced = work
        .command(&["run", "adder.masm"])
        .env("CLICOLOR_FORCE", "1")
        .output()
        .unwrap();
    assert!(forced.stdout.contains(&0x1b));
    let off = work
        .command(&["run", "adder.masm", "--color=never"])
        .env("CLICOLOR_FORCE", "1")
        .output()
        .unwrap();
    assert!(!off.stdout.contains(&0x1b));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let work = Work::new();
    work.write("loop.masm", ".static @a\na: spush\njump\n");
    let mut child = work
        .command(&["trace", "loop.masm"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut start = [0; 1000];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn standard_input_is_a_file() {
    let work = Work::new();
    let file = std::fs::File::open(work.path("adder.masm")).unwrap();
    let output = work.command(&["asm", "-"]).stdin(file).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.starts_with(b"{\"code\":["));
}

#[cfg(unix)]
#[test]
fn an_interrupt_is_exit_130() {
    let work = Work::new();
    work.write("loop.masm", ".static @a\na: spush\njump\n");
    let mut child = work
        .command(&["trace", "loop.masm"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Once something was printed, the handler is in place.
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut [0; 100]).unwrap();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

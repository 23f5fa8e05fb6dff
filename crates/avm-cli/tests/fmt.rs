//! `avm fmt`: files, directories, standard input, and what cannot be read.

mod common;

use std::io::Write;
use std::process::Stdio;

use common::Work;
use serde_json::json;

const BEFORE: &str = "; a counter\n(define (f x)\n(+ x   1))\n\n\n\n(define y \"\u{1b}[31m\")";
const AFTER: &str = "; a counter\n(define (f x)\n  (+ x 1))\n\n(define y \"\u{1b}[31m\")\n";

#[test]
fn files_are_laid_out_in_place() {
    let work = Work::new();
    work.write("a.avm", BEFORE);
    work.write("b.avm", AFTER);
    let ran = work.loud("fmt a.avm b.avm");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran:?}");
    assert_eq!(ran.stderr, "1 of 2 files laid out anew\n");
    assert_eq!(work.read("a.avm"), AFTER.as_bytes());
    assert_eq!(work.read("b.avm"), AFTER.as_bytes());
    let again = work.avm("fmt a.avm b.avm --json").json();
    assert_eq!(again["data"], json!({ "files": 2, "changed": [] }));
}

#[test]
fn check_names_the_files_and_writes_nothing() {
    let work = Work::new();
    work.write("a.avm", BEFORE);
    work.write("b.avm", AFTER);
    let ran = work.avm("fmt --check a.avm b.avm");
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "a.avm\n"), "{ran:?}");
    assert_eq!(work.read("a.avm"), BEFORE.as_bytes());
    assert_eq!(
        work.avm("fmt --check b.avm").shown(),
        "--- stderr\n--- exit 0\n"
    );
    let json = work.avm("fmt --check a.avm --json");
    assert_eq!(
        (json.code, &json.json()["data"]["changed"]),
        (1, &json!(["a.avm"]))
    );
}

#[test]
fn directories_are_searched() {
    let work = Work::new();
    for folder in ["x/y", ".hidden"] {
        std::fs::create_dir_all(work.path(folder)).unwrap();
    }
    for name in [
        "top.avm",
        "x/y/low.avm",
        ".hidden/not.avm",
        "x/other.txt",
        "x/.not.avm",
    ] {
        work.write(name, BEFORE);
    }
    assert_eq!(work.avm("fmt --check").stdout, "top.avm\nx/y/low.avm\n");
    assert_eq!(
        work.avm("fmt --check x x/y/low.avm").stdout,
        "x/y/low.avm\n"
    );
    assert_eq!(work.avm("fmt").code, 0);
    assert_eq!(work.read("x/y/low.avm"), AFTER.as_bytes());
    for name in [".hidden/not.avm", "x/other.txt", "x/.not.avm"] {
        assert_eq!(work.read(name), BEFORE.as_bytes(), "{name}");
    }
    assert_eq!(work.avm("fmt --check").code, 0);
}

#[test]
fn standard_input_goes_to_standard_output_byte_by_byte() {
    let work = Work::new();
    let pipe = |args: &[&str]| {
        let mut command = work.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(BEFORE.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    assert_eq!(pipe(&["fmt", "-"]), (Some(0), AFTER.to_owned()));
    assert_eq!(pipe(&["fmt", "-", "--check"]), (Some(1), "-\n".to_owned()));
    let (code, text) = pipe(&["fmt", "-", "--json"]);
    let reply: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &reply["data"]["text"]), (Some(0), &json!(AFTER)));
}

#[test]
fn what_cannot_be_read_is_not_changed_and_the_rest_is() {
    let work = Work::new();
    work.write("a.avm", BEFORE);
    work.write("bad.avm", "(define (f x)\n  (+ x 1)\n");
    work.write("worse.avm", "(f [x])");
    work.write("bytes.avm", [b'(', 0xff, b')']);
    insta::assert_snapshot!(
        "fmt_unreadable",
        work.avm("fmt a.avm bad.avm worse.avm bytes.avm").shown()
    );
    assert_eq!(work.read("a.avm"), AFTER.as_bytes());
    assert_eq!(work.read("worse.avm"), b"(f [x])");
    let json = work.avm("fmt bad.avm --json");
    assert_eq!(
        (json.code, &json.json()["error"]["code"]),
        (3, &json!("AVM0124"))
    );
    assert_eq!(work.avm("fmt nothing.avm").code, 3);
}

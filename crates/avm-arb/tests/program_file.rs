//! The JSON program file: round trips and refusals.

#[path = "support/programs.rs"]
mod programs;

use std::path::{Path, PathBuf};

use avm_arb::asm::{assemble, disassemble};
use avm_arb::mexe::{FileTooLong, MAX_FILE_BYTES};
use avm_arb::program::Program;
use proptest::prelude::*;

const SUM: &str = include_str!("programs/sum.mexe");
const VALUES: &str = include_str!("programs/values.mexe");
const COMPILED: &str = include_str!("programs/compiled.mexe");

/// Checks that a program file comes back; returns its program.
fn check(file: &str) -> Program {
    let program = Program::from_json(file.as_bytes()).unwrap();
    check_program(&program);
    program
}

fn check_program(program: &Program) {
    let json = program.to_json().unwrap();
    assert!(Program::from_json(json.as_bytes()).unwrap() == *program);
}

/// Deep enough to overflow the stack of anything that recurses.
const DEPTH: usize = 200_000;

proptest! {
    #[test]
    fn every_program_comes_back(program in programs::program()) {
        // Shared parts may make a file too long; that is its own test.
        if program.json_len() < 1 << 20 {
            let json = program.to_json().unwrap();
            prop_assert!(Program::from_json(json.as_bytes()).unwrap() == program);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in any::<Vec<u8>>()) {
        let _ = Program::from_json(&bytes);
    }

    #[test]
    fn no_damage_to_a_program_panics(at in 0..VALUES.len(), with in "[ -~]{0,3}", cut in 0usize..4) {
        let end = (at + cut).min(VALUES.len());
        let bytes = [&VALUES.as_bytes()[..at], with.as_bytes(), &VALUES.as_bytes()[end..]].concat();
        if let Ok(program) = Program::from_json(&bytes) {
            check_program(&program);
        }
    }
}

#[test]
fn committed_files() {
    assert_eq!(check(SUM).to_json().unwrap(), SUM.trim_end());
    let sum = assemble(include_str!("programs/sum.masm")).unwrap().program;
    assert_eq!(check(SUM), sum);
    insta::assert_snapshot!("values", disassemble(&check(VALUES)));
    insta::assert_snapshot!("compiled", disassemble(&check(COMPILED)));
}

/// Folder of the reference vectors: from the environment, or near the workspace.
fn vectors_folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("AVM_VECTORS") {
        return Some(PathBuf::from(folder).join("arbitrum"));
    }
    let near = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let places = near.flat_map(|folder| {
        ["vectors/arbitrum", "shared/vectors/arbitrum"].map(|place| folder.join(place))
    });
    places.into_iter().find(|folder| folder.is_dir())
}

/// All programs of the reference vectors, if they are there.
#[test]
fn vectors() {
    let Some(folder) = vectors_folder() else {
        return;
    };
    let files = std::fs::read_dir(folder).unwrap();
    for path in files.map(|file| file.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy();
        if !name.starts_with("programs_") && name != "bench.json" {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut programs = 0;
        // A program follows each `"program":` and is read up to its last bracket.
        for rest in text.split("\"program\":").skip(1) {
            let file = first_value(rest);
            let program = check(file);
            let compact: String = file.split_whitespace().collect();
            assert_eq!(program.to_json().unwrap(), compact, "{name}");
            assert_eq!(
                assemble(&disassemble(&program)).unwrap().program,
                program,
                "{name}"
            );
            programs += 1;
        }
        assert!(programs > 0, "{name}");
    }
}

/// The object at the start of a text whose strings have no brackets.
fn first_value(text: &str) -> &str {
    let mut depth = 0;
    let end = text.find(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == '}' && depth == 0
    });
    text[..=end.unwrap()].trim()
}

#[test]
fn very_deep() {
    let depth = DEPTH;
    let (open, close) = ("{\"Tuple\":[".repeat(depth), "]}".repeat(depth));
    let file = format!("{{\"code\":[],\"static_val\":{open}{{\"Int\":\"7\"}}{close}}}");
    assert!(check(&file).to_json().unwrap() == file);
    let skipped = format!("{{\"x\":{}{},", "[".repeat(depth), "]".repeat(depth));
    let file = skipped + "\"code\":[],\"static_val\":{\"Int\":\"7\"}}";
    assert_eq!(check(&file).literals().len(), 1);
}

#[test]
fn too_long_for_a_file() {
    let mut source = String::from(".const V0 = 1\n");
    for at in 1..100 {
        source += &format!(".const V{at} = (V{0}, V{0})\n", at - 1);
    }
    let program = assemble(&(source + "push V99")).unwrap().program;
    let want = FileTooLong {
        bytes: u64::MAX,
        limit: MAX_FILE_BYTES,
    };
    assert_eq!(program.to_json(), Err(want));
}

#[test]
fn refusals() {
    let op = |text: &str| format!("{{\"code\":[{text}],\"static_val\":{{\"Tuple\":[]}}}}");
    let value = |text: &str| format!("{{\"code\":[],\n\"static_val\":{text}}}");
    let imm = |text: &str| op(&format!("{{\"opcode\":59,\"immediate\":{text}}}"));
    let point = |k: &str| format!("{{\"CodePoint\":{{\"Internal\":{k}}}}}");
    let digits = |count: usize| format!("{{\"Int\":\"{}\"}}", "f".repeat(count));
    let cases: Vec<(&str, String)> = vec![
        ("empty", String::new()),
        ("not an object", "[]".into()),
        ("not JSON", "code".into()),
        ("cut", VALUES[..VALUES.len() / 2].into()),
        ("trailing", op("") + "\n x"),
        ("no code", "{\"static_val\":{\"Int\":\"1\"}}".into()),
        ("no static value", "{\"code\":[]}".into()),
        ("two codes", "{\"code\":[],\n \"code\":[]}".into()),
        (
            "two static values",
            "{\"static_val\":{\"Int\":\"1\"},\"static_val\":1}".into(),
        ),
        ("code is no array", "{\"code\":{}}".into()),
        ("operation is no object", op("59")),
        ("no opcode", op("{\"immediate\":null}")),
        ("no immediate", op("{\"opcode\":1}")),
        ("two opcodes", op("{\"opcode\":1,\"opcode\":1}")),
        (
            "two immediates",
            op("{\"immediate\":null,\"immediate\":null}"),
        ),
        ("opcode 256", op("{\"opcode\":256,\"immediate\":null}")),
        ("opcode -1", op("{\"opcode\":-1,\"immediate\":null}")),
        ("opcode 1.5", op("{\"opcode\":1.5,\"immediate\":null}")),
        ("opcode 01", op("{\"opcode\":01,\"immediate\":null}")),
        ("opcode text", op("{\"opcode\":\"add\",\"immediate\":null}")),
        (
            "opcode form",
            op("{\"opcode\":{\"MacroOp\":1},\"immediate\":null}"),
        ),
        ("opcode empty", op("{\"opcode\":{},\"immediate\":null}")),
        (
            "opcode twofold",
            op("{\"opcode\":{\"AVMOpcode\":1,\"x\":2},\"immediate\":null}"),
        ),
        ("value is no object", value("7")),
        ("value is null", value("null")),
        ("value empty", value("{}")),
        ("unknown kind", value("{\"Float\":1}")),
        ("two kinds", value("{\"Int\":\"1\",\"Buffer\":\"\"}")),
        ("two kinds, tuple", value("{\"Tuple\":[],\"Buffer\":\"\"}")),
        ("int is a number", value("{\"Int\":1}")),
        ("int empty", value("{\"Int\":\"\"}")),
        ("int with prefix", value("{\"Int\":\"0x10\"}")),
        ("int signed", value("{\"Int\":\"+1\"}")),
        ("int of 65 digits", value(&digits(65))),
        (
            "int with zeros of 65 digits",
            value(&format!("{{\"Int\":\"{}\"}}", "0".repeat(65))),
        ),
        ("buffer odd", value("{\"Buffer\":\"012\"}")),
        ("buffer digit", value("{\"Buffer\":\"01\u{e9}0\"}")),
        ("bad escape", value("{\"Int\":\"\\q\"}")),
        (
            "nine elements",
            value(&format!(
                "{{\"Tuple\":[{}]}}",
                ["{\"Int\":\"1\"}"; 9].join(",")
            )),
        ),
        ("tuple is no array", value("{\"Tuple\":{}}")),
        (
            "comma",
            value("{\"Tuple\":[{\"Int\":\"1\"} {\"Int\":\"1\"}]}"),
        ),
        ("code point form", value("{\"CodePoint\":{\"External\":1}}")),
        ("code point number", value("{\"CodePoint\":1}")),
        (
            "code point too large",
            value(&point("18446744073709551616")),
        ),
        ("code point behind the code", value(&point("1"))),
        (
            "code point far behind the code",
            value(&point("18446744073709551614")),
        ),
        ("immediate behind the code", imm(&point("7"))),
        ("immediate names itself", imm(&point("0"))),
        ("immediate names an earlier one", {
            op(&format!(
                "{{\"opcode\":1,\"immediate\":null}},\n{{\"opcode\":1,\"immediate\":{}}}",
                point("0")
            ))
        }),
    ];
    let mut out = String::new();
    for (name, file) in cases {
        let error = Program::from_json(file.as_bytes()).unwrap_err();
        out += &format!("{name:32} {error}\n");
    }
    let error = Program::from_json(b"{\"code\":[],\n\"\xff\":1}").unwrap_err();
    out += &format!("{:32} {error}\n", "not UTF-8");
    insta::assert_snapshot!("refusals", out);
}

#[test]
fn forms_of_one_program() {
    let plain = "{\"code\":[{\"opcode\":59,\"immediate\":{\"CodePoint\":{\"Internal\":1}}}],\"static_val\":{\"Int\":\"ff\"}}";
    let cases = [
        (
            "order",
            "{\"static_val\":{\"Int\":\"ff\"},\"code\":[{\"immediate\":{\"CodePoint\":{\"Internal\":1}},\"opcode\":59}]}",
        ),
        (
            "end",
            "{\"code\":[{\"opcode\":59,\"immediate\":{\"CodePoint\":{\"Internal\":18446744073709551615}}}],\"static_val\":{\"Int\":\"ff\"}}",
        ),
        (
            "opcode object",
            "{\"code\":[{\"opcode\":{\"AVMOpcode\":59},\"immediate\":{\"CodePoint\":{\"Internal\":1}}}],\"static_val\":{\"Int\":\"ff\"}}",
        ),
        (
            "other members",
            "{\"a\":[{\"code\":1}],\"code\":[{\"debug_info\":{\"x\":[null,true]},\"opcode\":59,\"immediate\":{\"CodePoint\":{\"Internal\":1}}}],\"static_val\":{\"Int\":\"ff\"},\"a\":0}",
        ),
        (
            "digits",
            "{\"code\":[{\"opcode\":59,\"immediate\":{\"CodePoint\":{\"Internal\":1}}}],\"static_val\":{\"Int\":\"00fF\"}}",
        ),
        (
            "escapes",
            "{\"c\\u006fde\":[{\"opcode\":59,\"immediate\":{\"CodePoint\":{\"Internal\":1}}}],\"static_val\":{\"Int\":\"f\\u0066\"}}",
        ),
    ];
    let want = check(plain);
    for (name, file) in cases {
        assert_eq!(check(file), want, "{name}");
    }
    assert_eq!(want.to_json().unwrap(), plain);
}

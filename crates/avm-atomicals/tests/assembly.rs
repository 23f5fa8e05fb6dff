//! The assembly language: exact inverses, errors and where they are, limits, methods.

use std::cell::Cell;

use avm_atomicals::asm::{
    Assembled, MAX_CODE, MAX_DEPTH, MAX_ERRORS, Method, Options, Rules, Type, assemble,
    disassemble, number, push,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Assembles with the files `a`, `b`, ... of the table at hand.
fn with(source: &str, files: &[(&str, &str)]) -> Result<Assembled, Vec<String>> {
    let includes = |name: &str| {
        let file = files.iter().find(|(known, _)| *known == name);
        file.map(|(_, text)| text.to_string())
    };
    let options = Options {
        name: "main",
        includes: &includes,
    };
    let result = assemble(source, &options);
    result.map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn code(source: &str) -> Vec<u8> {
    with(source, &[])
        .unwrap_or_else(|errors| panic!("{source}: {errors:#?}"))
        .code
}

fn errors(source: &str) -> Vec<String> {
    with(source, &[]).map(|a| a.code).unwrap_err()
}

#[test]
fn words() {
    let long = "ab".repeat(76);
    let cases: &[(&str, &[u8])] = &[
        ("", &[]),
        ("# nothing\n// at all", &[]),
        ("0 1 16 17 -1 -2", &[0x00, 0x51, 0x60, 1, 17, 0x4f, 1, 0x82]),
        (
            "OP_0 op_1 16 Op_1Negate TRUE op_false",
            &[0, 0x51, 0x60, 0x4f, 0x51, 0],
        ),
        (
            "127 128 1_000 -255",
            &[1, 127, 2, 128, 0, 2, 0xe8, 3, 2, 0xff, 0x80],
        ),
        (
            "0x 0x05 0x00 0x81 0xab_cd",
            &[0, 0x55, 1, 0, 0x4f, 2, 0xab, 0xcd],
        ),
        (
            "'abc' \"d'\" '' '\\x00\\n\\''",
            b"\x03abc\x02d'\x00\x03\x00\n'",
        ),
        ("'\u{e9}'", &[2, 0xc3, 0xa9]),
        (
            "DUP HASH160 op_equalverify 2dup 0NOTEQUAL 1add",
            &[0x76, 0xa9, 0x88, 0x6e, 0x92, 0x8b],
        ),
        (
            ".const a 7 .const b 'x' .const c a <a> a < c > b",
            &[0x57, 0x57, 0x57, 1, b'x'],
        ),
        ("<5> <0x05> <'5'>", &[0x55, 0x55, 1, b'5']),
        (
            "PUSHBYTES:0x05 op_pushdata1:0x05 PUSHDATA2:0x05",
            &[1, 5, 0x4c, 1, 5, 0x4d, 1, 0, 5],
        ),
        ("pushdata4:0x", &[0x4e, 0, 0, 0, 0]),
        (".raw 0xbd00ff", &[0xbd, 0x00, 0xff]),
        (".repeat 3 { DUP }", &[0x76; 3]),
        (".repeat 0 { DUP } 1", &[0x51]),
        (".repeat 3 as i { i }", &[0x00, 0x51, 0x52]),
        (
            ".repeat 2 as i { .repeat i as j { j } i }",
            &[0x00, 0x00, 0x51],
        ),
        (".const n 2 .repeat n { .raw 0x61 }", &[0x61, 0x61]),
        (".rules beta1 1", &[0x51]),
    ];
    for (source, want) in cases {
        assert_eq!(code(source), *want, "{source}");
    }
    assert_eq!(code(&format!("0x{long}"))[..2], [0x4c, 76]);
    assert_eq!(
        with(".rules bitcoin", &[]).unwrap().rules,
        Some(Rules::Bitcoin)
    );
    let constants = with(".const b 5 .const a 'x'", &[]).unwrap().constants;
    assert_eq!(constants, [("b".into(), vec![5]), ("a".into(), vec![b'x'])]);
}

#[test]
fn what_is_wrong_and_where() {
    let cases = [
        (
            "1 ; 2",
            "main:1:3: found ';', which starts nothing in this language",
        ),
        (
            "1\n  @",
            "main:2:3: found '@', which starts nothing in this language",
        ),
        (". 1", "main:1:1: there is no name behind `.`"),
        ("'abc", "main:1:1: the text is never closed"),
        ("'abc\n", "main:1:1: the text is never closed"),
        ("'a\\q'", "main:1:1: there is no escape `\\q`"),
        (
            "0x123",
            "main:1:1: there are 3 hex digits, expected an even number",
        ),
        ("DUP 0x1g", "main:1:5: found 'g' among hex digits"),
        ("-", "main:1:1: `-` is not a number that a script can push"),
        (
            "-0x05",
            "main:1:1: `-0x05` is not a number that a script can push",
        ),
        (".repeat 2 { DUP", "main:1:11: the block is never closed"),
        ("DUP }", "main:1:5: there is no block to close"),
        (".cnst a 1", "main:1:1: there is no directive `.cnst`"),
        ("\n DPU", "main:2:2: there is no opcode or constant `DPU`"),
        ("12ab", "main:1:1: there is no opcode or constant `12ab`"),
        ("<owner>", "main:1:2: there is no constant `owner`"),
        ("<DUP>", "main:1:2: there is no constant `DUP`"),
        ("< 1 2", "main:1:5: found `2`, expected `>`"),
        (".const dup 1", "main:1:8: `dup` is the name of an opcode"),
        (".const 2DUP 1", "main:1:8: `2DUP` is the name of an opcode"),
        (
            ".const a 1\n.const a 2",
            "main:2:8: the constant `a` is defined twice",
        ),
        (
            ".const a",
            "main:1:8: found the end, expected the value of the constant",
        ),
        (".const a DUP", "main:1:10: there is no constant `DUP`"),
        (
            ".const 5 5",
            "main:1:8: found `5`, expected the name of the constant",
        ),
        (
            "PUSHDATA1 0x00",
            "main:1:11: found `0x00`, expected `:` and bytes, such as `PUSHDATA1:0x0102`",
        ),
        (
            "PUSHBYTES:0x",
            "main:1:11: `PUSHBYTES` is given 0 bytes, it can push 1 to 75",
        ),
        (
            ".raw 5",
            "main:1:6: found `5`, expected bytes such as `0x0102`",
        ),
        (
            ".repeat -1 { }",
            "main:1:9: `-1` is not a number of repetitions",
        ),
        (
            ".repeat 'a' { }",
            "main:1:9: `'a'` is not a number of repetitions",
        ),
        (
            ".repeat 2 DUP",
            "main:1:11: found `DUP`, expected `as` and a name, or `{`",
        ),
        (
            ".repeat 2 as if { }",
            "main:1:14: `if` is the name of an opcode",
        ),
        (
            ".repeat 2 as i { .repeat 2 as i { } }",
            "main:1:31: the counter `i` is defined twice",
        ),
        (
            ".repeat 2 { .const a 1 }",
            "main:1:13: `.const` cannot stand inside of `.repeat`",
        ),
        (
            ".include \"x\"",
            "main:1:10: there is no file \"x\" to include",
        ),
        (
            ".include x",
            "main:1:10: found `x`, expected the name of a file in quotes",
        ),
        (".rules avm2", "main:1:8: there are no rules `avm2`"),
        (
            ".rules avm1 .rules avm1",
            "main:1:20: the rule set `avm1` is defined twice",
        ),
        (
            "{ DUP }",
            "main:1:1: found `{`, expected an opcode, a value or a directive",
        ),
        (
            ".method a() { 1 } DUP",
            "main:1:19: there is code outside of the methods",
        ),
        (
            ".method a() { 1 } .method ctor() { 1 }",
            "main:1:27: the constructor is method 1, it must be the first",
        ),
        (
            ".method a() { 1 } .method a() { 1 }",
            "main:1:27: the method `a` is defined twice",
        ),
        (
            ".method a() { .method b() { 1 } }",
            "main:1:15: `.method` cannot stand inside of `.method`",
        ),
        (
            ".method a(x: uint) { 1 }",
            "main:1:14: there is no type `uint`",
        ),
        (
            ".method a(x: int, x: int) { 1 }",
            "main:1:19: the parameter `x` is defined twice",
        ),
        (
            ".method a(x int) { 1 }",
            "main:1:13: found `int`, expected `:` and a type",
        ),
        (
            ".method a(x: int { 1 }",
            "main:1:18: found `{`, expected `,` or `)`",
        ),
        (".method a { 1 }", "main:1:11: found `{`, expected `(`"),
        (
            ".method a(x: int) { x }",
            "main:1:21: there is no opcode or constant `x`",
        ),
        (
            ".method a() { IF 1 }",
            "main:1:15: IF has no ENDIF in this method",
        ),
        (
            ".method a() { 1 ELSE 2 }",
            "main:1:17: ELSE has no IF in this method",
        ),
        (
            ".method a() { 1 ENDIF }",
            "main:1:17: ENDIF has no IF in this method",
        ),
        (
            ".method a() { .raw 0x05 }",
            "main:1:20: the raw bytes end inside of a push",
        ),
    ];
    for (source, want) in cases {
        assert_eq!(errors(source), [want], "{source}");
    }
    let long = "a".repeat(65);
    assert_eq!(
        errors(&format!(".const {long} 1")),
        ["main:1:8: the name has 65 characters, the most is 64"]
    );
    let digits = "9".repeat(9_701);
    assert!(errors(&digits)[0].contains("is not a number that a script can push"));
}

#[test]
fn hints() {
    let hint = |source: &str| {
        let error = assemble(source, &Options::default()).unwrap_err().remove(0);
        (
            error.kind.code(),
            error.kind.label(),
            error.kind.help().unwrap_or_default(),
        )
    };
    assert_eq!(hint("OP_HASH61").1, "did you mean `HASH160`?");
    assert_eq!(hint(".const owner 1 <ownr>").1, "did you mean `owner`?");
    assert_eq!(hint(".reapet 2 { }").1, "did you mean `.repeat`?");
    assert_eq!(
        hint(".const a 1\n.const a 2").1,
        "first in main.script, line 1"
    );
    assert!(
        hint(".method m(amount: int) { amount }")
            .2
            .starts_with("`amount` is a parameter")
    );
    assert_eq!(hint("1 ; 2").2, "a comment starts with `#` or `//`");
    assert_eq!(hint("1 ; 2").0, "AVM0341");
}

#[test]
fn all_errors_of_a_text_are_reported_up_to_a_limit() {
    let source = ".const dup 1\nfrob\n.repeat 4 { frob }\n.method m(a: u) { x }\n'";
    let lines: Vec<String> = errors(source).iter().map(|e| e[..7].to_string()).collect();
    assert_eq!(
        lines,
        ["main:5:", "main:1:", "main:2:", "main:3:", "main:4:"]
    );
    let many = errors(&"frob\n".repeat(1_000));
    assert_eq!(many.len(), MAX_ERRORS + 1);
    let bad = "@ ".repeat(60);
    let found = with(".include 'bad' frob .include 'bad' @", &[("bad", &bad)]);
    assert_eq!(found.map(|a| a.code).unwrap_err().len(), MAX_ERRORS + 1);
    assert!(many[MAX_ERRORS].ends_with("there are more than 50 errors; the rest is not shown"));
}

#[test]
fn includes() {
    let files = [
        ("lib", ".const K 'key'\n"),
        ("add", "1ADD"),
        ("twice", ".include 'add' .include \"add\""),
        ("a", "1 .include 'b'"),
        ("b", "2 .include 'a'"),
        ("bad", "1\n frob"),
        ("open", ".repeat 2 { 1"),
    ];
    let script = with(".include 'lib' K .repeat 2 { .include 'twice' }", &files).unwrap();
    assert_eq!(script.code, [3, b'k', b'e', b'y', 0x8b, 0x8b, 0x8b, 0x8b]);
    let place = script.map.at(5).unwrap();
    assert_eq!((place.file.as_str(), place.span.column), ("add", 1));
    assert_eq!(script.map.files(), ["main", "lib", "twice", "add"]);

    let error = |source| with(source, &files).map(|a| a.code).unwrap_err();
    assert_eq!(
        error(".include 'a'"),
        ["b:1:12: \"a\" is included while it is being read: a -> b -> a"]
    );
    assert_eq!(
        error(".include 'main'"),
        ["main:1:10: \"main\" is included while it is being read: main -> main"]
    );
    assert_eq!(
        error(".include 'bad'"),
        ["bad:2:2: there is no opcode or constant `frob`"]
    );
    assert_eq!(
        error(".include 'open' }"),
        [
            "main:1:17: there is no block to close",
            "open:1:11: the block is never closed",
        ]
    );
}

#[test]
fn an_endless_chain_of_files_ends() {
    let asked = Cell::new(0);
    let includes = |_: &str| {
        asked.set(asked.get() + 1);
        Some(format!("1 .include '{}'", asked.get()))
    };
    let options = Options {
        name: "main",
        includes: &includes,
    };
    let found = assemble(".include '0'", &options).unwrap_err();
    assert!(
        found[0].to_string().contains("nested more than 32 deep"),
        "{found:?}"
    );
    assert!(asked.get() <= MAX_DEPTH);

    // All files together have as many words as one.
    let block = format!(".repeat 0 {{ {}}}", "x ".repeat(2_100_000));
    let includes = |_: &str| Some(block.clone());
    let options = Options {
        name: "main",
        includes: &includes,
    };
    assert!(assemble(".include 'a'", &options).unwrap().code.is_empty());
    let found = assemble(".include 'a' .include 'b'", &options).unwrap_err();
    let text = found[0].to_string();
    assert!(
        text.starts_with("b:1:") && text.contains("more than 4000000 words"),
        "{text}"
    );

    // Wide instead of deep.
    let includes = |_: &str| Some("1".into());
    let options = Options {
        name: "main",
        includes: &includes,
    };
    let source: String = (0..300).map(|n| format!(".include '{n}'\n")).collect();
    let found = assemble(&source, &options).unwrap_err();
    assert!(
        found[0]
            .to_string()
            .ends_with("more than 256 files are included"),
        "{}",
        found[0]
    );
}

#[test]
fn repeats_have_limits() {
    let size = |n: usize| format!(".repeat {n} {{ DUP }}");
    assert_eq!(code(&size(MAX_CODE)).len(), MAX_CODE);
    assert_eq!(
        errors(&size(MAX_CODE + 1)),
        ["main:1:19: the code is longer than 1000000 bytes"]
    );

    let nest = |depth: usize, body: &str| {
        format!(
            "{}{body}{}",
            ".repeat 9999 { ".repeat(depth),
            "}".repeat(depth)
        )
    };
    // Rounds that make no code count, too.
    for body in ["", ".raw 0x", ".repeat 0 { DUP }"] {
        let found = errors(&nest(20, body));
        assert!(
            found[0].ends_with("more than 4000000 words when repeats are unrolled"),
            "{found:?}"
        );
    }
    assert!(errors(&nest(MAX_DEPTH + 1, "1"))[0].contains("nested more than 32 deep"));
    assert!(errors(".repeat 99999999999999999999 { }")[0].contains("not a number of repetitions"));
    assert_eq!(code(".repeat 18446744073709551615 { }"), []);
}

#[test]
fn methods_and_their_dispatch() {
    let script = with(
        ".method ctor() { 1 }\n.method put(key: bytes, value: int) { 2DROP 1 }\n.method say(t: str) { NIP }",
        &[],
    )
    .unwrap();
    let signatures: Vec<String> = script.methods.iter().map(Method::signature).collect();
    assert_eq!(
        signatures,
        ["ctor()", "put(key: bytes, value: int)", "say(t: str)"]
    );
    assert_eq!(script.methods[1].params[0], ("key".into(), Type::Bytes));
    assert_eq!(
        disassemble(&script.code, false),
        "OP_IFDUP\nOP_NOT\nOP_IF\n    OP_1\nOP_ELSE\n    OP_1SUB\n    OP_NOTIF\n        OP_2DROP\n        \
         OP_1\n    OP_ELSE\n        OP_NIP\n    OP_ENDIF\nOP_ENDIF\n"
    );
    let bodies: Vec<&[u8]> = script
        .bodies
        .iter()
        .map(|r| &script.code[r.clone()])
        .collect();
    assert_eq!(bodies, [&[0x51][..], &[0x6d, 0x51], &[0x77]]);
    // The dispatcher belongs to the names of the methods, bodies to their words.
    let line = |offset| script.map.at(offset).unwrap().span;
    assert_eq!((line(0).line, line(0).column), (1, 9));
    assert_eq!((line(5).line, line(5).column), (2, 9));
    assert_eq!(
        (
            line(script.bodies[1].start).line,
            line(script.bodies[1].start).column
        ),
        (2, 39)
    );

    // Instructions are found by number, too; raw bytes may be several.
    let raw = with("1 .raw 0x6161 2DROP", &[]).unwrap();
    let column = |index| raw.at_op(index).map(|place| place.span.column);
    assert_eq!(
        [0, 1, 2, 3, 4].map(column),
        [Some(1), Some(8), Some(8), Some(15), None]
    );

    assert_eq!(code(".method a() { 1 }"), [0x00, 0x88, 0x51]);
    assert_eq!(
        code(".method a() { 1 } .method b() { 2 }"),
        [0x64, 0x51, 0x67, 0x52, 0x68]
    );
    // The limit counts the dispatcher.
    let full = format!(".method a() {{ .repeat {MAX_CODE} {{ DUP }} }}");
    assert_eq!(
        errors(&full),
        ["main:1:9: the code is longer than 1000000 bytes"]
    );
}

#[test]
fn a_listing() {
    let script = with(
        ".const owner 0x8f14e45fceea167a5a36dedd4bea2543f14e45fc\n\
         DUP HASH160 <owner> EQUALVERIFY\n\
         'name' 300 KV_EXISTS IF PUSHDATA1:0x05 -7 .raw 0xbd ELSE 2MUL NOTIF ENDIF ENDIF .raw 0x4d0101",
        &[],
    )
    .unwrap();
    insta::assert_snapshot!(disassemble(&script.code, true));
}

/// A word of a source text.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i32>().prop_map(|n| n.to_string()),
        (-20i32..20).prop_map(|n| n.to_string()),
        vec(any::<u8>(), 0..90).prop_map(|bytes| format!("0x{}", hex(&bytes))),
        (0..4usize, vec(any::<u8>(), 1..70)).prop_map(|(form, bytes)| {
            let form = ["PUSHBYTES", "PUSHDATA1", "PUSHDATA2", "PUSHDATA4"][form];
            format!("{form}:0x{}", hex(&bytes))
        }),
        "'[ -&(-~]{0,20}'".prop_filter("no escapes", |text| !text.contains('\\')),
        (0x61u8..=0xff).prop_map(|byte| match avm_atomicals::script::ops::name(byte) {
            Some(name) => name.into_owned(),
            None => format!(".raw {byte:#04x}"),
        }),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes in which pushes are as likely as other instructions.
fn script_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![any::<u8>(), 0u8..6, 0x4cu8..0x51, 0x63u8..0x69];
    prop_oneof![vec(any::<u8>(), 0..400), vec(byte, 0..60)]
}

proptest! {
    #[test]
    fn any_bytes_come_back(bytes in script_bytes()) {
        for annotate in [false, true] {
            let text = disassemble(&bytes, annotate);
            prop_assert_eq!(&code(&text), &bytes, "{}", text);
        }
    }

    #[test]
    fn canonical_text_stays(words in vec(word(), 0..30)) {
        let assembled = code(&words.join("\n"));
        let text = disassemble(&assembled, false);
        prop_assert_eq!(&code(&text), &assembled);
        prop_assert_eq!(disassemble(&code(&text), false), text);
    }

    #[test]
    fn each_instruction_has_its_place(words in vec(word(), 1..30)) {
        let script = with(&words.join("\n"), &[]).unwrap();
        let made = words.iter().enumerate().filter(|(_, word)| !code(word).is_empty());
        let mut offset = 0;
        for (line, word) in made {
            let place = script.map.at(offset).unwrap();
            prop_assert_eq!(place.span.line as usize, line + 1);
            offset += code(word).len();
        }
        prop_assert_eq!(offset, script.code.len());
    }

    #[test]
    fn numbers_are_pushed_in_the_shortest_way(n in any::<i64>()) {
        prop_assert_eq!(code(&n.to_string()), push(&number(n)));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}", words in vec("[.{}()<>:,'0x9aA-]{1,6}|\\.(const|raw|repeat|method|include|rules)|[a-b]|IF|ENDIF", 0..20)) {
        let _ = with(&text, &[]);
        let _ = with(&words.join(" "), &[("a", "IF { } .repeat 2 {"), ("0", "'")]);
    }
}

#[test]
fn long_scripts_come_back() {
    let cases: [Vec<u8>; 4] = [
        vec![0x63; 300_000],
        vec![0x01; 300_001],
        [vec![0x4e, 0x80, 0xf0, 0x0a, 0x00], vec![7; 717_000]].concat(),
        (0..400_000u32).map(|n| (n * 7) as u8).collect(),
    ];
    for bytes in cases {
        assert_eq!(code(&disassemble(&bytes, false)), bytes);
    }
}

//! The assembly language: inverses, canonical form, error texts.

#[path = "support/programs.rs"]
mod programs;

use avm_arb::asm::{assemble, disassemble};
use avm_arb::program::{Builder, Literal, Program};
use proptest::prelude::*;
use ruint::aliases::U256;

const SUM: &str = include_str!("programs/sum.masm");
const ALL: &str = include_str!("programs/all.masm");

/// Assembles a text without errors.
fn program(source: &str) -> Program {
    match assemble(source) {
        Ok(assembled) => assembled.program,
        Err(errors) => panic!("{}", errors.render("test.masm", source)),
    }
}

/// Checks both directions for a program.
fn check(program: &Program) {
    let text = disassemble(program);
    let again = self::program(&text);
    assert!(again == *program, "{}", &text[..text.len().min(2000)]);
    assert!(disassemble(&again) == text);
}

/// Deep enough to overflow the stack of anything that recurses.
const DEPTH: usize = 200_000;

proptest! {
    #[test]
    fn every_program_comes_back(program in programs::program()) {
        check(&program);
    }

    #[test]
    fn no_text_panics(source in "([@.a-z0-9\"(),:=; \\-\\\\]|\n|push|hex\"|\t|[^a])*") {
        match assemble(&source) {
            Ok(assembled) => check(&assembled.program),
            Err(errors) => {
                prop_assert!(!errors.errors.is_empty());
                drop(errors.render("test.masm", &source));
            }
        }
    }

    #[test]
    fn no_damage_to_a_program_panics(at in 0..ALL.len(), with in "[ -~\n]{0,3}", cut in 0usize..4) {
        let end = (at + cut).min(ALL.len());
        if let (Some(before), Some(after)) = (ALL.get(..at), ALL.get(end..)) {
            let source = [before, &with, after].concat();
            match assemble(&source) {
                Ok(assembled) => check(&assembled.program),
                Err(errors) => drop(errors.render("test.masm", &source)),
            }
        }
    }
}

#[test]
fn canonical_form() {
    let text = disassemble(&program(ALL));
    insta::assert_snapshot!("canonical", text);
    assert_eq!(disassemble(&program(&text)), text);
    insta::assert_snapshot!("sum", disassemble(&program(SUM)));
}

#[test]
fn one_program_many_texts() {
    let cases = [
        ("push is nop with an immediate", "push 1", "nop 1"),
        ("opcode by number", ".op 0x01 7", "add 7"),
        (
            "zero is the empty tuple nowhere",
            "push ()\n.static ()",
            ".static ()\nnop ()",
        ),
        ("separators", "push 1_000_000", "push 1000000"),
        (
            "two's complement",
            "push -1",
            "push 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ),
        (
            "least negative",
            "push -0x8000000000000000000000000000000000000000000000000000000000000000",
            "push 0x8000000000000000000000000000000000000000000000000000000000000000",
        ),
        ("minus zero", "push -0", "push 0"),
        (
            "hex digits",
            "push hex\"0a 0B_0c\"",
            "push \"\\n\\x0b\\x0c\"",
        ),
        (
            "text",
            "push \"\u{e9};\\\"\\\\\\0\"",
            "push hex\"c3a9 3b 22 5c 00\"",
        ),
        ("trailing comma", "push (1, (2,),)", "push (1,(2))"),
        (
            "constants",
            ".const A = (1, 2)\n.const B = (A, A)\npush B",
            "push ((1, 2), (1, 2))",
        ),
        (
            "labels",
            "push @a\na: b:\n c: halt",
            "push @x ; note\r\nx: halt\r\n",
        ),
        (
            "label on its own line",
            "push @a\na:\n\n; note\n.static 1\nhalt",
            ".static 1\npush @a\na: halt",
        ),
        (
            "code points in constants",
            ".const A = (@l, 1)\npush A\nl: halt",
            "push (@l, 1)\nl: halt",
        ),
        (
            "case matters",
            ".const a = 1\n.const A = 2\npush (a, A)",
            "push (1, 2)",
        ),
    ];
    for (name, left, right) in cases {
        assert!(program(left) == program(right), "{name}");
    }
    assert!(program("push \"\"") != program("push ()"));
    assert!(
        program("push hex\"00\"") != program("push \"\""),
        "as written"
    );
}

#[test]
fn source_map() {
    let source = "; a comment\n\nstart: push @end\n.const N = 1\n\n  push N\nloop:\nagain: halt";
    let assembled = assemble(source).unwrap();
    assert_eq!(assembled.lines, [3, 6, 8]);
    let labels: Vec<_> = assembled
        .labels
        .iter()
        .map(|(name, at)| (name.as_str(), *at))
        .collect();
    assert_eq!(labels, [("again", 2), ("loop", 2), ("start", 0)]);
}

#[test]
fn all_opcodes() {
    let mut builder = Builder::new();
    let one = builder.literal(Literal::Int(U256::from(1))).unwrap();
    for opcode in 0..=u8::MAX {
        builder.operation(opcode, None).unwrap();
        builder.operation(opcode, Some(one)).unwrap();
    }
    let program = builder.finish(one).unwrap();
    check(&program);
    insta::assert_snapshot!("opcodes", disassemble(&program));
}

#[test]
fn empty() {
    for source in ["", "\n", "; nothing", ".static ()"] {
        assert_eq!(disassemble(&program(source)), "", "{source:?}");
    }
}

#[test]
fn very_deep() {
    let depth = DEPTH;
    let source = ["push ", &"(".repeat(depth), "7", &")".repeat(depth)].concat();
    check(&program(&source));
    let errors = assemble(&source[..source.len() - 1]).unwrap_err();
    assert!(errors.render("deep.masm", &source).len() < 1000);
}

#[test]
fn shared_values_stay_short() {
    let mut source = String::from(".const V0 = (1, 2, 3, 4, 5, 6, 7, 8)\n");
    for at in 1..100 {
        let last = at - 1;
        source +=
            &format!(".const V{at} = (V{last}, V{last}, V{last}, V{last}, V{last}, V{last})\n");
    }
    source += "push V99\n";
    let program = program(&source);
    check(&program);
    assert!(disassemble(&program).len() < 2 * source.len());
}

#[test]
fn error_texts() {
    let cases = [
        ("unknown opcode", "    ad 1"),
        ("upper case", "ADD"),
        ("opcode like nothing", "frobnicate 7"),
        ("swapped letters", "psuh 1"),
        ("constant without directive", "N = 10"),
        ("unknown directive", ".cosnt N = 1"),
        ("loop", "loop:\n    push 1\n    jump @loop"),
        ("itself", "here: push @here"),
        (
            "loop through a constant",
            ".const BACK = (1, @loop)\nloop: dup0\n\tcjump BACK ; again",
        ),
        ("unknown label", "push @lop\nloop: halt"),
        ("label like nothing", "push @elsewhere"),
        ("constant as label", ".const N = 1\npush @N"),
        ("label as constant", "push done\ndone: halt"),
        ("unknown constant", ".const total = 1\npush totl"),
        ("constant like nothing", "push x"),
        ("constant below", "push N\n.const N = 1"),
        ("constant of itself", ".const N = (N)"),
        ("reserved constant used", ".const add = 1\npush add"),
        ("duplicate label", "a: nop\na: nop"),
        ("duplicate constant", ".const N = 1\n.const N = 2"),
        ("duplicate static", ".static 1\n.static 2"),
        ("reserved label", "end: halt"),
        ("reserved constant", ".const add = 1"),
        ("label at the end", "halt\ndone:"),
        (
            "int too large",
            "push 115792089237316195423570985008687907853269984665640564039457584007913129639936",
        ),
        (
            "int too small",
            "push -0x8000000000000000000000000000000000000000000000000000000000000001",
        ),
        ("bad int", "push 12ab"),
        ("no digits", "push 0x\"0102\""),
        ("nine elements", "push (1, 2, 3, 4, 5, 6, 7, 8, (9))"),
        ("open tuple", "push (1, (2, 3)"),
        ("open tuple, comma", "push (1,"),
        ("no value in tuple", "push (1,, 2)"),
        ("no comma", "push (1 2)"),
        ("stray parenthesis", "push 1)"),
        ("odd hex", "push hex\"010\""),
        ("bad hex digit", "push hex\"01 0g\""),
        ("open hex", "push hex\"01"),
        ("open text", "push \"abc ; no comment"),
        ("escape", "push \"a\\qb\""),
        ("hex escape", "push \"\\x4\""),
        ("two immediates", "add 1 2"),
        ("two statements", ".const N = 1 halt"),
        ("push alone", "push ; what?"),
        ("value alone", "(1, 2)"),
        ("mark alone", "= 3"),
        ("other comment", "halt // stop"),
        ("quotes", "push 'a'"),
        ("at alone", "push @"),
        ("dot alone", "push .5"),
        ("opcode number", ".op 256"),
        ("opcode number missing", ".op"),
        ("constant without name", ".const 7 = 7"),
        ("constant without equals", ".const N 7"),
        ("constant without value", ".const N ="),
        ("wide characters", "\tpush \"\u{4e16}\" \u{202e}"),
        (
            "long line",
            &["push (", &"1, (".repeat(60), "oops", &"), 2".repeat(60)].concat(),
        ),
        (
            "several",
            ".const A = (1\npush A\nad\npush @x\n.op 7 7\nmull",
        ),
    ];
    let mut out = String::new();
    for (name, source) in cases {
        let errors = assemble(source).unwrap_err();
        out += &format!("---- {name}\n{}", errors.render("test.masm", source));
    }
    insta::assert_snapshot!("errors", out);
}

#[test]
fn many_errors_are_counted() {
    let errors = assemble(&"oops\n".repeat(1000)).unwrap_err();
    assert_eq!((errors.errors.len(), errors.omitted), (50, 950));
    assert!(
        errors
            .render("test.masm", "")
            .ends_with("and 950 more errors in test.masm\n")
    );
}

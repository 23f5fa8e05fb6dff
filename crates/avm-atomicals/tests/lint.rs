//! What the lint finds, and what it leaves alone.

use avm_atomicals::asm::{
    Finding, Lint, MAX_CODE, MAX_FINDINGS, Options, Rules, Severity, assemble, costs, lint,
};
use avm_atomicals::script::running::TAKE_COST;
use proptest::collection::vec;
use proptest::prelude::*;

/// Findings as `severity name line:column`, without the cost of methods.
fn found(source: &str) -> Vec<String> {
    let script =
        assemble(source, &Options::default()).unwrap_or_else(|e| panic!("{source}: {e:?}"));
    let shown = |finding: &Finding| {
        let span = finding
            .place
            .clone()
            .expect("the text has a place for it")
            .span;
        let Finding { severity, name, .. } = finding;
        format!("{} {name} {}:{}", severity.name(), span.line, span.column)
    };
    let listed = script
        .warnings
        .iter()
        .filter(|finding| finding.name != "cost");
    listed.map(shown).collect()
}

#[test]
fn each_check() {
    let cases: &[(&str, &[&str])] = &[
        // Pushes.
        ("1", &[]),
        ("PUSHDATA1:0x05", &["error non-minimal-push 1:1"]),
        ("PUSHBYTES:0x00", &[]),
        ("PUSHBYTES:0x81", &["error non-minimal-push 1:1"]),
        (
            ".rules bitcoin PUSHBYTES:0x05",
            &["warning non-minimal-push 1:16"],
        ),
        ("1 .raw 0x0501", &["error truncated-push 1:8"]),
        // Conditions.
        ("1 IF 1", &["error unbalanced-if 1:3"]),
        ("1 ELSE", &["error else-without-if 1:3"]),
        ("1 ENDIF", &["error endif-without-if 1:3"]),
        ("1 IF 1 ELSE 2 ENDIF", &[]),
        ("1 IF 1 ELSE 2 3 DROP ENDIF", &[]),
        ("1 1 IF DUP ENDIF DROP", &["note branch-depth 1:12"]),
        // ELSE may stand twice: 1 and 3 belong together.
        ("0 IF 1 ELSE 2 ELSE 3 ELSE 4 ENDIF DROP", &[]),
        // Opcodes.
        ("0 IF 2MUL ENDIF 1", &["error disabled-opcode 1:6"]),
        ("VERIF 1", &["error disabled-opcode 1:1"]),
        (
            "RESERVED 1",
            &["error reserved-opcode 1:1", "warning unreachable 1:10"],
        ),
        ("0 IF CHECKSIG ENDIF 1", &["warning reserved-opcode 1:6"]),
        ("0 IF .raw 0xd0 ENDIF 1", &["warning reserved-opcode 1:11"]),
        ("0 IF RETURN ENDIF 1", &[]),
        (
            "0 IF RETURN DROP IF ELSE ENDIF DROP ENDIF 1",
            &["warning unreachable 1:13"],
        ),
        ("RETURN", &["error always-fails 1:1"]),
        (
            "1 RETURN\n1 2 3",
            &["error always-fails 1:3", "warning unreachable 2:1"],
        ),
        (".rules bitcoin CHECKSIG", &["note inputs 1:16"]),
        (".rules bitcoin 1 1 CAT", &["error disabled-opcode 1:20"]),
        (
            ".rules bitcoin CHECKDATASIG",
            &["error reserved-opcode 1:16"],
        ),
        // How many elements there are.
        ("ADD", &["note inputs 1:1"]),
        ("1 1", &["error unclean-end 1:3"]),
        ("DROP 1 1", &["note inputs 1:1", "error unclean-end 1:8"]),
        ("DUP", &["error unclean-end 1:1", "note inputs 1:1"]),
        ("2 PICK", &["note inputs 1:1", "error unclean-end 1:3"]),
        ("FROMALTSTACK", &["error alt-underflow 1:1"]),
        ("1 TOALTSTACK FROMALTSTACK", &[]),
        ("1 1 IF TOALTSTACK ELSE TOALTSTACK ENDIF FROMALTSTACK", &[]),
        (".repeat 1000 { 1 } .repeat 999 { DROP }", &[]),
        (
            ".repeat 1001 { 1 } .repeat 1000 { DROP }",
            &["error stack-too-deep 1:16"],
        ),
        (
            ".repeat 900 { 1 } .repeat 200 { IFDUP } .repeat 899 { DROP }",
            &["warning stack-too-deep 1:33"],
        ),
        // Methods know what they start with.
        (".method m(a: int) { }", &[]),
        (".method m() { }", &["error empty-end 1:9"]),
        (".method m() { DROP 1 }", &["error underflow 1:15"]),
        (".method m() { 2 PICK DROP }", &["error underflow 1:17"]),
        (".method m(a: int, b: int) { 1 PICK NIP NIP }", &[]),
        (
            ".method m(a: int, b: int) { 2 PICK NIP NIP }",
            &["error underflow 1:31"],
        ),
        (".method m(a: int, b: int) { 1 ROLL NIP }", &[]),
        (
            ".method m(a: int, b: int) { 2 ROLL NIP }",
            &["error underflow 1:31"],
        ),
        (".method m(a: int, b: int) { ROLL }", &[]),
        (".method m(a: int) { 1 }", &["error unclean-end 1:21"]),
        (".method m(a: int) { DROP }", &["error empty-end 1:21"]),
        (".method m(a: int) { IFDUP }", &[]),
        (
            ".method m(a: int) { IF 1 ENDIF }",
            &["note branch-depth 1:26"],
        ),
        (".method m(a: int) { IF 0 VERIFY RETURN ENDIF 1 }", &[]),
        (
            ".method a(x: int) { DROP 1 } .method b(x: int, y: str) { NIP } .method c() { 1 }",
            &[],
        ),
    ];
    for (source, want) in cases {
        assert_eq!(found(source), *want, "{source}");
    }
}

#[test]
fn limits_of_length() {
    let long = |len: usize, rules: &str| found(&format!(".rules {rules} 0x{}", "01".repeat(len)));
    assert_eq!(long(4_000, "avm1"), [] as [&str; 0]);
    assert_eq!(long(4_001, "avm1"), ["error push-too-long 1:13"]);
    assert_eq!(long(520, "bitcoin"), [] as [&str; 0]);
    assert_eq!(long(521, "bitcoin"), ["error push-too-long 1:16"]);

    let code = vec![0x61; MAX_CODE + 1];
    let found = lint(&code, &Lint::default());
    assert_eq!(found[0].name, "script-too-long");
    // A list of findings has an end.
    let found = lint(&[1, 5].repeat(1_000), &Lint::default());
    assert_eq!(
        (found.len(), found[MAX_FINDINGS].name),
        (MAX_FINDINGS + 1, "more")
    );
}

#[test]
fn sentences() {
    let script = assemble(".method pay(to: bytes) { 2DROP 1 }", &Options::default()).unwrap();
    let finding = &script.warnings[0];
    assert_eq!(
        finding.message,
        "2DROP takes 2 elements, 1 are on the stack"
    );
    assert!(
        finding
            .help
            .starts_with("a method starts with its arguments")
    );
    assert_eq!(finding.offset, 2);
}

#[test]
fn cost_of_a_call() {
    let cost = |source: &str| -> Vec<String> {
        let script = assemble(source, &Options::default()).unwrap();
        let costs = costs(&script.code, &script.lint_options());
        costs
            .iter()
            .map(|cost| format!("{} {}", cost.method, cost.least - TAKE_COST))
            .collect()
    };
    // 0 EQUALVERIFY 1 and the push of 0: four instructions.
    assert_eq!(cost(".method a() { 1 }"), ["a 40"]);
    // NOTIF 1 ELSE DROP 1 ENDIF and pushes; all of it counts, executed or not.
    assert_eq!(
        cost(".method a() { 1 } .method b(x: int) { DROP 1 }"),
        ["a 70", "b 80"]
    );
    // 16 bytes are two more; a query of a token table 20.
    let token = "07".repeat(36);
    assert_eq!(
        cost(&format!(
            ".method a() {{ 0x{} DROP 0x{token} 0 FT_BALANCE }}",
            "01".repeat(16)
        )),
        ["a 106"]
    );
    // Storage depends on what is there; of two ways the cheaper one counts.
    assert_eq!(cost(".method a() { 'x' 'y' KV_GET }"), ["a 80"]);
    assert_eq!(
        cost(".method a() { 1 IF 'x' 'y' 1 KV_PUT ENDIF 1 }"),
        ["a 110"]
    );
    assert_eq!(
        cost(".method a() { 1 IF 1 1 FT_ITEM DROP ELSE 0 RETURN ENDIF 1 }"),
        ["a 160"]
    );
    assert_eq!(cost("1 1 ADD"), [] as [&str; 0]);
}

#[test]
fn the_cost_is_a_note() {
    let script = assemble(".method a() { 1 }", &Options::default()).unwrap();
    let notes: Vec<_> = script
        .warnings
        .iter()
        .map(|f| (f.severity, f.message.as_str()))
        .collect();
    let want = format!("a call of `a` costs at least {}", TAKE_COST + 40);
    assert_eq!(notes, [(Severity::Note, &want[..])]);
    let script = assemble(".rules beta1 .method a() { 1 }", &Options::default()).unwrap();
    assert_eq!(script.warnings, []);
}

proptest! {
    #[test]
    fn no_code_panics(
        code in vec(prop_oneof![any::<u8>(), 0x50u8..0x80, 0x63u8..0x69], 0..200),
        which in 0..3usize,
    ) {
        let rules = [Rules::Avm1, Rules::Beta1, Rules::Bitcoin][which];
        let found = lint(&code, &Lint { rules, ..Lint::default() });
        prop_assert!(found.is_sorted_by_key(|finding| (finding.offset, finding.severity)));
    }
}

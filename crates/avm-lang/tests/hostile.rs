//! Texts that nobody means: nothing panics, nothing runs out of stack.

use avm_lang::compile;
use proptest::prelude::*;

#[path = "support/toy.rs"]
mod toy;

fn codes(source: &str) -> Vec<&'static str> {
    let compiled = compile(source, 0, &toy::dialect(), &());
    assert_eq!(
        compiled.unit.is_none(),
        compiled.diagnostics.iter().any(|d| d.is_error())
    );
    for d in &compiled.diagnostics {
        assert!(d.span.file == 0 && d.span.start <= d.span.end, "{d:?}");
        assert!(d.span.end as usize <= source.len(), "{d:?}");
    }
    compiled.diagnostics.iter().map(|d| d.code).collect()
}

fn program(expr: &str) -> Vec<&'static str> {
    codes(&format!("(module m) (program (main) {expr})"))
}

#[test]
fn deep_text() {
    for unit in ["(", "'", "`", "(a ", "#;", "(let ((x "] {
        assert!(codes(&unit.repeat(100_000)).contains(&"E005"), "{unit}");
    }
}

/// As deep as the reader allows, in every form that nests, on the stack of a test thread.
#[test]
fn deep_forms() {
    let shapes = [
        ("(+ 1 ", "1", ")"),
        ("(if #t ", "1", " 2)"),
        ("(cond (", "1", "))"),
        ("(let* ((x 1)) ", "x", ")"),
        ("(lambda (x) ", "1", ")"),
        ("(let loop ((i 0)) ", "1", ")"),
        ("(match 1 (x ", "x", "))"),
        ("(match 1 ((a (b . c) 'd) 1) (_ ", "1", "))"),
        ("(my-or 1 ", "1", ")"),
        ("(atomically #:retries 1 ", "1", ")"),
        ("(guard (e (#t 1)) ", "1", ")"),
        ("(letrec ((f (lambda (x) ", "1", "))) f)"),
        ("(for (x ", "'()", ") 1)"),
        ("`(a ,", "1", ")"),
        ("(list 'a ", "1", ")"),
    ];
    for (before, inner, after) in shapes {
        for depth in [10, 45, 60, 95, 190] {
            let source = format!("{}{inner}{}", before.repeat(depth), after.repeat(depth));
            let found = program(&source);
            assert!(
                found.iter().all(|c| *c == "E005" || *c == "E101"),
                "{before} {depth}: {found:?}"
            );
            assert!(depth > 10 || !found.contains(&"E005"), "{before}");
        }
    }
}

#[test]
fn wide_forms() {
    let many = |unit: &str, n: usize| unit.repeat(n);
    let shapes = [
        (format!("(begin {})", many("1 ", 100_000)), None),
        (format!("(list {})", many("(list 1 2) ", 20_000)), None),
        (format!("'({})", many("(1 2) ", 20_000)), None),
        (format!("(and {})", many("1 ", 100_000)), Some("E005")),
        (format!("(or {})", many("1 ", 100_000)), Some("E005")),
        (format!("(cond {})", many("(#f 1) ", 100_000)), Some("E005")),
        (format!("(case 1 {})", many("((2) 1) ", 500)), Some("E005")),
        (
            format!("(let* ({}) 1)", many("(x 1) ", 100_000)),
            Some("E005"),
        ),
        (
            format!("(let ({}) 1)", many("(x 1) ", 100_000)),
            Some("E007"),
        ),
        (
            format!("(lambda ({}) 1)", many("x ", 100_000)),
            Some("E007"),
        ),
        (
            format!(
                "(match 1 {})",
                (0..20_000).map(|i| format!("({i} 1) ")).collect::<String>()
            ),
            None,
        ),
        (
            format!("(list {})", many("unknown ", 100_000)),
            Some("E108"),
        ),
        (
            format!("(match '(1) (({}) 1) (_ 1))", many("_ ", 1000)),
            None,
        ),
        (
            format!("(match '(1) (({}) 1) (_ 1))", many("'x ", 1000)),
            Some("E005"),
        ),
        (
            format!(
                "(case 1 (({}) 1))",
                (0..300).map(|i| format!("{i} ")).collect::<String>()
            ),
            Some("E007"),
        ),
    ];
    for (source, want) in shapes {
        let found = program(&source);
        let shown = &source[..30];
        match want {
            Some(code) => assert!(found.contains(&code), "{shown}: {found:?}"),
            None => assert!(!found.contains(&"E005"), "{shown}: {found:?}"),
        }
    }
}

/// Rules that double their argument at each level stop at a limit.
#[test]
fn expansion_is_limited() {
    use avm_lang::dialect::Dialect;
    let rules = "(define-syntax-rule (twice x) (list x x)) (define-syntax-rule (forever x) (forever (x x)))";
    let dialect = Dialect {
        rules,
        ..toy::dialect()
    };
    for expr in [
        format!("{}1{}", "(twice ".repeat(100), ")".repeat(100)),
        "(forever 1)".to_string(),
    ] {
        let source = format!("(module m) (program (main) {expr})");
        let found = compile(&source, 0, &dialect, &()).diagnostics;
        assert!(
            found.iter().any(|d| d.code == "E005"),
            "{:?}",
            found.first()
        );
    }
}

const WORDS: &[&str] = &[
    "(",
    "(",
    "(",
    ")",
    ")",
    ")",
    "'",
    "`",
    ",",
    ",@",
    ".",
    "x",
    "y",
    "f",
    "1",
    "\"s\"",
    "#t",
    "#:when",
    "#:key",
    "else",
    "_",
    "=>",
    "nothing",
    "just",
    "...",
    "lambda",
    "if",
    "cond",
    "case",
    "match",
    "let",
    "let*",
    "letrec",
    "begin",
    "and",
    "or",
    "when",
    "unless",
    "set!",
    "do",
    "for",
    "guard",
    "set-state!",
    "reply",
    "reply*",
    "list",
    "car",
    "+",
    "transaction",
    "atomically",
    "abort",
    "ask",
    "new",
    "call",
    "begin-tx",
    "commit-tx",
    "my-let",
    "flagged",
    "map",
    "fold",
    "module",
    "import",
    "export",
    "caps",
    "define",
    "define-record",
    "behaviour",
    "state",
    "on",
    "otherwise",
    "pure",
    "program",
    "intent",
    "test",
    "%block",
    "%leave",
    "?",
    "quote",
    "unquote",
];

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(WORDS), 0..60).prop_map(|words| words.join(" "))
}

/// Nested lists of words, well formed.
fn tree() -> impl Strategy<Value = String> {
    let word = prop::sample::select(WORDS).prop_filter("no signs", |w| {
        !["(", ")", "'", "`", ",", ",@", "."].contains(w)
    });
    word.prop_map(str::to_string)
        .prop_recursive(6, 60, 6, |inner| {
            prop::collection::vec(inner, 0..6).prop_map(|items| format!("({})", items.join(" ")))
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text(source in "\\PC*") {
        codes(&source);
    }

    #[test]
    fn any_soup(source in soup()) {
        codes(&source);
        codes(&format!("(module m) {source}"));
        program(&source);
    }

    #[test]
    fn any_trees(items in prop::collection::vec(tree(), 0..5)) {
        let items = items.join(" ");
        codes(&format!("(module m) {items}"));
        program(&items);
        codes(&format!("(module m) (behaviour b (state (x 1) (y '())) (on x {items}) {items})"));
    }
}

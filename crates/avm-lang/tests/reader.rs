//! Syntax trees: what is read, what is refused, and that printing reads back.

use avm_lang::reader::{MAX_DEPTH, read};
use avm_lang::syntax::{Prefix, Syntax, SyntaxKind};
use proptest::prelude::*;

fn print(source: &str) -> String {
    let (data, diagnostics) = read(source, 0);
    assert_eq!(diagnostics, vec![], "{source}");
    data.iter()
        .map(|d| d.to_string())
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn reads() {
    let cases = [
        ("(a #| x #| y |# |# b ; c\n c)", "(a b c)"),
        ("(a #;(b c) d)", "(a d)"),
        ("#; #;a b c", "c"),
        (
            "(a . b) (a . (b c)) (a b . (c . d))",
            "(a . b) (a b c) (a b c . d)",
        ),
        ("'a '(b `(c ,d ,@e))", "'a '(b `(c ,d ,@e))"),
        ("+007 -000 -12 0", "7 0 -12 0"),
        (
            r#""a\n\u{7}\"" #x"00FF" #:key #t"#,
            r#""a\n\u{7}\"" #x"00ff" #:key #t"#,
        ),
        ("", ""),
    ];
    for (source, want) in cases {
        assert_eq!(print(source), want, "{source}");
    }
}

#[test]
fn refuses() {
    type Case<'a> = (&'a str, &'a [(&'a str, u32)], &'a str);
    let cases: &[Case] = &[
        ("(a", &[("E004", 0)], "(a)"),
        ("(a '(b", &[("E004", 4)], "(a '(b))"),
        ("a) b", &[("E004", 1)], "a b"),
        ("(a ')", &[("E004", 3)], "(a)"),
        ("(a #;)", &[("E004", 3)], "(a)"),
        ("'", &[("E004", 0)], ""),
        ("(. a)", &[("E006", 1)], "(a)"),
        ("(a . )", &[("E006", 3)], "(a)"),
        ("(a . b c)", &[("E006", 7)], "(a . b)"),
        (". a", &[("E006", 0)], "a"),
        ("([ b)", &[("E001", 1)], "(b)"),
    ];
    for (source, want, rest) in cases {
        let (data, diagnostics) = read(source, 0);
        let got: Vec<_> = diagnostics.iter().map(|d| (d.code, d.span.start)).collect();
        assert_eq!(got, *want, "{source}");
        let printed: Vec<_> = data.iter().map(|d| d.to_string()).collect();
        assert_eq!(printed.join(" "), *rest, "{source}");
    }
}

#[test]
fn depth() {
    let nested = |n: usize| format!("{}{}", "(".repeat(n), ")".repeat(n));
    assert_eq!(print(&nested(MAX_DEPTH)), nested(MAX_DEPTH));
    for source in [
        nested(MAX_DEPTH + 1),
        nested(100_000),
        "'".repeat(100_000),
        "#;".repeat(100_000),
    ] {
        assert_eq!(read(&source, 0).1[0].code, "E005");
    }
    assert_eq!(read(&"9".repeat(81), 0).1[0].code, "E003");
}

fn syntax() -> impl Strategy<Value = Syntax> {
    let at = |kind| Syntax {
        kind,
        span: Default::default(),
    };
    let leaf = prop_oneof![
        any::<i64>().prop_map(|n| SyntaxKind::Int(n.to_string())),
        any::<bool>().prop_map(SyntaxKind::Bool),
        ".*".prop_map(SyntaxKind::Str),
        any::<Vec<u8>>().prop_map(SyntaxKind::Bytes),
        "[a-z!?*<>=/@-][a-z0-9-]{0,5}"
            .prop_filter("numbers", |s| { avm_lang::lexer::is_symbol(s) })
            .prop_map(|s| SyntaxKind::Symbol(s, 0)),
        "[a-z-]{1,5}".prop_map(SyntaxKind::Keyword),
    ]
    .prop_map(at);
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let prefix = prop::sample::select(vec![
            Prefix::Quote,
            Prefix::Quasiquote,
            Prefix::Unquote,
            Prefix::Splice,
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|v| SyntaxKind::List(v, None)),
            (prefix, inner).prop_map(|(p, s)| SyntaxKind::Prefix(p, Box::new(s))),
        ]
        .prop_map(at)
    })
}

proptest! {
    #[test]
    fn printing_reads_back(datum in syntax()) {
        let text = datum.to_string();
        prop_assert_eq!(print(&text), text.clone());
        prop_assert_eq!(read(&text, 0).0[0].datum(), datum.datum());
    }

    #[test]
    fn any_text_is_read(source in "[()'`,@#;|\"\\\\.a1 \n\\[]{0,60}") {
        let (data, diagnostics) = read(&source, 0);
        if diagnostics.is_empty() {
            let printed: Vec<_> = data.iter().map(|d| d.to_string()).collect();
            prop_assert_eq!(print(&printed.join(" ")), printed.join(" "));
        }
    }
}

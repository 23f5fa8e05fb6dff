//! Tokens: kinds, values, faults, and that nothing is lost.

use avm_lang::lexer::{TokenKind, bytes_value, lex, string_value, text};
use proptest::prelude::*;

fn kinds(source: &str) -> Vec<TokenKind> {
    let (tokens, diagnostics) = lex(source, 0);
    assert_eq!(diagnostics, vec![], "{source}");
    tokens
        .iter()
        .map(|t| t.kind)
        .filter(|k| *k != TokenKind::Whitespace)
        .collect()
}

#[test]
fn every_kind() {
    use TokenKind::*;
    let cases: &[(&str, &[TokenKind])] = &[
        ("(a . b)", &[Open, Symbol, Dot, Symbol, Close]),
        (
            "'x `x ,x ,@x",
            &[
                Quote,
                Symbol,
                Quasiquote,
                Symbol,
                Unquote,
                Symbol,
                UnquoteSplicing,
                Symbol,
            ],
        ),
        (
            "12 -12 +12 - + ... a.b 1",
            &[Int, Int, Int, Symbol, Symbol, Symbol, Symbol, Int],
        ),
        ("#t #f #:key", &[Bool, Bool, Keyword]),
        ("#x\"00fF\" #x\"\"", &[Bytes, Bytes]),
        (r#""a\n\t\"\\\u{1F600}""#, &[Str]),
        ("; x\n a", &[LineComment, Symbol]),
        ("#| a #| b |# c |# d", &[BlockComment, Symbol]),
        ("#;(a) b", &[DatumComment, Open, Symbol, Close, Symbol]),
        ("a'b\"c\"d", &[Symbol, Quote, Symbol, Str, Symbol]),
        (
            "set-state! call/local val<? %x",
            &[Symbol, Symbol, Symbol, Symbol],
        ),
    ];
    for (source, want) in cases {
        assert_eq!(kinds(source), *want, "{source}");
    }
}

#[test]
fn values() {
    assert_eq!(string_value(r#""a\n\t\"\\\u{e9}z""#), "a\n\t\"\\\u{e9}z");
    assert_eq!(bytes_value("#x\"00fF10\""), [0, 255, 16]);
}

#[test]
fn faults() {
    let cases = [
        ("[a]", "E001", (0, 3)),
        ("#q", "E001", (0, 2)),
        ("#:", "E001", (0, 2)),
        ("12ab", "E003", (0, 4)),
        ("--1 +-1 -", "", (0, 0)),
        ("\"abc", "E002", (0, 1)),
        ("a #| #| |#", "E002", (2, 4)),
        (r#""\q""#, "E003", (1, 3)),
        (r#""\u{d800}""#, "E003", (1, 9)),
        (r#""\u{1234567}""#, "E003", (1, 3)),
        ("\"\\", "E003", (1, 2)),
        ("#x\"0\"", "E003", (0, 5)),
        ("#x\"0g\"", "E003", (0, 6)),
        ("#x\"00", "E002", (0, 3)),
    ];
    for (source, code, (start, end)) in cases {
        let (_, diagnostics) = lex(source, 7);
        let Some(first) = diagnostics.first() else {
            assert_eq!(code, "", "{source}");
            continue;
        };
        assert_eq!(first.code, code, "{source}");
        assert_eq!(
            (first.span.file, first.span.start, first.span.end),
            (7, start, end),
            "{source}"
        );
    }
}

#[test]
fn bytes_that_are_not_text() {
    assert_eq!(text(b"a\xffb", 3).unwrap_err().span.start, 1);
    assert_eq!(text("é".as_bytes(), 3), Ok("é"));
}

#[test]
fn deep_comments() {
    let source = "#|".repeat(100_000);
    assert_eq!(lex(&source, 0).1[0].code, "E002");
}

fn lossless(source: &str) {
    let (tokens, _) = lex(source, 0);
    let again: String = tokens.iter().map(|t| t.text(source)).collect();
    assert_eq!(again, source);
    assert!(tokens.iter().all(|t| t.span.start < t.span.end));
}

proptest! {
    #[test]
    fn nothing_is_lost(source in "\\PC*") {
        lossless(&source);
    }

    #[test]
    fn nothing_is_lost_of_soup(parts in prop::collection::vec(prop::sample::select(vec![
        "(", ")", "'", "`", ",", ",@", "#", "|", "#|", "|#", "#;", ";", "\n", "\"", "\\", "\\u{", "}", "#x\"",
        "a", "1", "-", ".", "#t", "#:k", " ", "é", "\u{feff}", "\0",
    ]), 0..40)) {
        lossless(&parts.concat());
    }
}

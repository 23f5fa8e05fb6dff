//! The formatter keeps every token and comment, changes nothing twice, and lays the programs of
//! the specification out as the snapshots show.

use avm_lang::format::{WIDTH, format};
use avm_lang::lexer::{TokenKind, lex};
use proptest::prelude::*;

/// Tokens and comments of a text, without the white space.
fn tokens(text: &str) -> Vec<(TokenKind, &str)> {
    let (tokens, diagnostics) = lex(text, 0);
    assert_eq!(diagnostics, [], "{text}");
    let tokens = tokens.iter().map(|token| (token.kind, token.text(text)));
    tokens
        .filter(|(kind, _)| *kind != TokenKind::Whitespace)
        .map(|(kind, text)| match kind {
            TokenKind::LineComment => (kind, text.trim_end()),
            _ => (kind, text),
        })
        .collect()
}

/// Formats, and checks what must hold for every text.
fn check(text: &str) -> String {
    let once = format(text, 0).unwrap_or_else(|e| panic!("{e:?}\n{text}"));
    assert_eq!(
        tokens(&once),
        tokens(text),
        "the tokens of\n{text}\nbecame\n{once}"
    );
    let twice = format(&once, 0).unwrap_or_else(|e| panic!("{e:?}\n{once}"));
    assert_eq!(twice, once, "formatted twice; the text was\n{text}");
    assert!(
        once.is_empty() || (once.ends_with('\n') && !once.ends_with("\n\n")),
        "{once:?}"
    );
    assert!(
        !once.contains("\n\n\n") || text.contains(['"', '|']),
        "{once:?}"
    );
    once
}

#[test]
fn programs_of_the_specification() {
    let mut names = Vec::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = check(&std::fs::read_to_string(&path).unwrap());
        // Comments behind a line may go over the edge: they are never broken.
        let code = text
            .lines()
            .map(|line| line.split("  ;").next().unwrap_or(""));
        let longest = code.map(|line| line.chars().count()).max();
        assert!(longest <= Some(WIDTH), "{name}: {longest:?}");
        insta::assert_snapshot!(name.clone(), text);
        names.push(name);
    }
    assert_eq!(names.len(), 10);
}

#[test]
fn conventions() {
    let long = "(call-something with-a-long-argument (and-another with-more) \"and some text to fill it up\" 'x)";
    let cases = [
        ("nothing", "  \n\n", ""),
        ("only comments", "  ; a  \n\n\n\n;b", "; a\n\n;b\n"),
        (
            "one line stays",
            "(define  (f x)(+ x 1 ) )",
            "(define (f x) (+ x 1))\n",
        ),
        (
            "a spread body",
            "(define (f x)\n(+ x 1))",
            "(define (f x)\n  (+ x 1))\n",
        ),
        ("a break that decides nothing", "(f\n  x)", "(f x)\n"),
        ("top level", "(f) (g)\n\n\n\n(h)", "(f)\n(g)\n\n(h)\n"),
        ("arguments", "(if a\nb c)", "(if a\n    b\n    c)\n"),
        (
            "keywords keep values",
            "(new 'a\n#:controller c)",
            "(new 'a\n     #:controller c)\n",
        ),
        (
            "flags have none",
            "(fd-solve q #:first-fail\n#:limit 3)",
            "(fd-solve q\n          #:first-fail\n          #:limit 3)\n",
        ),
        (
            "pairs",
            "(set-state! owner o\nkind k)",
            "(set-state! owner o\n            kind k)\n",
        ),
        (
            "let",
            "(let ((a 1)\n(b 2)) (f a)\n\n\n(g b))",
            "(let ((a 1)\n      (b 2))\n  (f a)\n\n  (g b))\n",
        ),
        (
            "named let",
            "(let loop ((i 0))\n(loop i))",
            "(let loop ((i 0))\n  (loop i))\n",
        ),
        (
            "cond",
            "(cond (a b)\n(else\nc))",
            "(cond\n  (a b)\n  (else\n   c))\n",
        ),
        (
            "match",
            "(match e ((a b) #:when (f a)\n(g b)) (_ c))",
            "(match e\n  ((a b) #:when (f a)\n   (g b))\n  (_ c))\n",
        ),
        (
            "on",
            "(on ('add k) #:when (int? k)\n(reply k))",
            "(on ('add k) #:when (int? k)\n  (reply k))\n",
        ),
        (
            "behaviour",
            "(behaviour b #:deterministic\n(state (n 0))\n(on 'x (reply n)))",
            "(behaviour b #:deterministic (state (n 0))\n  (on 'x (reply n)))\n",
        ),
        (
            "lambda",
            "(map (lambda (x)\n(f x)) xs)",
            "(map (lambda (x)\n       (f x))\n     xs)\n",
        ),
        (
            "guard",
            "(guard (e ((int? e)\n1) (else 2))\n(f))",
            "(guard (e ((int? e)\n           1)\n          (else 2))\n  (f))\n",
        ),
        (
            "do",
            "(do ((i 0 (+ i 1))) ((= i 3) i)\n(f i))",
            "(do ((i 0 (+ i 1))) ((= i 3) i)\n  (f i))\n",
        ),
        (
            "test",
            "(test \"t\" (f)\n=> 1)",
            "(test \"t\"\n  (f)\n  => 1)\n",
        ),
        (
            "data keeps its rows",
            "'((1 2)\n(3 4) (5 6))",
            "'((1 2)\n  (3 4) (5 6))\n",
        ),
        ("comment behind", "(f a ; b\nc)", "(f a  ; b\n   c)\n"),
        (
            "comment before the end",
            "(f a\n; b\n)",
            "(f a\n   ; b\n   )\n",
        ),
        ("comment first", "( ; b\nf a)", "(; b\n f a)\n"),
        (
            "comment in a header",
            "(define ; b\n(f x) x)",
            "(define  ; b\n    (f x)\n  x)\n",
        ),
        ("block comment", "(f #| a |# b)", "(f #| a |# b)\n"),
        (
            "nested block comment",
            "(f\n#| a #|\n b |# |#\nb)",
            "(f\n   #| a #|\n b |# |#\n   b)\n",
        ),
        ("datum comment", "(f #; (a  b) c)", "(f #;(a b) c)\n"),
        (
            "marks",
            "( ' a ` ( , b ,@ c , @d ) )",
            "('a `(,b ,@c , @d))\n",
        ),
        (
            "dotted",
            "(define (f a . r) '(a . b))",
            "(define (f a . r) '(a . b))\n",
        ),
        (
            "ends of lines",
            "(begin\r\n  a ; c \r\n  b)\r\n",
            "(begin\n  a  ; c\n  b)\n",
        ),
        (
            "too wide",
            &format!("(define (f x) {long} {long})"),
            &format!("(define (f x)\n  {long}\n  {long})\n"),
        ),
        (
            "spread before it is moved",
            &format!("(a-function-with-a-name-of-some-length {long})"),
            "(a-function-with-a-name-of-some-length (call-something with-a-long-argument\n\
             \x20                                                      (and-another with-more)\n\
             \x20                                                      \"and some text to fill it up\"\n\
             \x20                                                      'x))\n",
        ),
        (
            "too wide for its place",
            &format!(
                "(a-function-with-a-name-of-some-length \"{}\" b)",
                "text ".repeat(15)
            ),
            &format!(
                "(a-function-with-a-name-of-some-length\n  \"{}\"\n  b)\n",
                "text ".repeat(15)
            ),
        ),
    ];
    for (name, text, want) in cases {
        assert_eq!(check(text), want, "{name}");
    }
}

#[test]
fn what_cannot_be_read_is_refused() {
    let cases = [
        ("(a", "E004", 0),
        ("a)", "E004", 1),
        ("(a '", "E004", 3),
        ("(a ')", "E004", 3),
        ("\"abc", "E002", 0),
        ("#| a", "E002", 0),
        ("(a [b])", "E001", 3),
        ("(. a)", "E006", 1),
    ];
    for (text, code, start) in cases {
        let found = format(text, 3).unwrap_err();
        assert_eq!(
            (found[0].code, found[0].span.start, found[0].span.file),
            (code, start, 3),
            "{text}"
        );
    }
}

#[test]
fn deep_and_long_texts() {
    let deep = format!("{}x{}", "(f ".repeat(199), ")".repeat(199));
    check(&deep);
    let spread = format!("{}x{}", "(f a\n".repeat(199), ")".repeat(199));
    let text = check(&spread);
    assert!(text.lines().all(|line| line.len() < 2 * WIDTH + 199));
    assert!(format(&"(".repeat(1 << 20), 0).is_err());
    assert!(format(&")".repeat(1 << 10), 0).is_err());
    check(&"(define (f x) (if x (g x) '(a b c))) ; c\n".repeat(5_000));
    check(&"a ".repeat(50_000));
    check(&format!("'({})", "a ".repeat(50_000)));
}

/// A datum as text, with any white space and comments between its parts.
fn datum() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "x",
        "if",
        "let",
        "let*",
        "define",
        "on",
        "match",
        "cond",
        "case",
        "guard",
        "behaviour",
        "state",
        "begin",
        "set-state!",
        "export",
        "lambda",
        "do",
        "test",
        "=>",
        "@a",
        "a-name-that-is-rather-long",
        "#:when",
        "#:deterministic",
        "#t",
        "-12",
        "\"a text with (\"",
        "\"two\nlines\"",
        "#x\"00ff\"",
        "quote",
    ]);
    let leaf = word.prop_map(str::to_owned).boxed();
    leaf.prop_recursive(6, 80, 8, |inner| {
        let list = prop::collection::vec((gap(), inner.clone()), 0..8).prop_map(|items| {
            let items: Vec<String> = items.into_iter().map(|(gap, item)| gap + &item).collect();
            format!("({}", items.concat())
        });
        let list = (list, gap()).prop_map(|(list, gap)| format!("{list}{gap})"));
        let mark = prop::sample::select(vec!["'", "`", ",", ",@"]);
        let marked =
            (mark, gap(), inner).prop_map(|(mark, gap, item)| format!("{mark}{gap}{item}"));
        prop_oneof![4 => list, 1 => marked]
    })
}

/// White space and comments; at least something, so that words do not run together.
fn gap() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => Just(" ".to_owned()),
        3 => Just("\n".to_owned()),
        1 => Just(" \n\n\n\t".to_owned()),
        1 => Just(" ; a comment  \n".to_owned()),
        1 => Just("\n;; a line\n".to_owned()),
        1 => Just(" #| a |# ".to_owned()),
        1 => Just("\n#| a\n   b |#\n".to_owned()),
        1 => Just(" #;(a  b) ".to_owned()),
        1 => Just("\n#; ; c\n d ".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_text_keeps_its_tokens_and_settles(items in prop::collection::vec((gap(), datum()), 0..6), end in gap()) {
        let text: String = items.into_iter().map(|(gap, item)| gap + &item).collect();
        check(&(text + &end));
    }

    #[test]
    fn any_bytes_are_formatted_or_refused(text in "[ ()'`,;#|\"\\\\a@.0\n\r\\[é]{0,40}") {
        if let Ok(once) = format(&text, 0) {
            prop_assert_eq!(format(&once, 0), Ok(once));
        }
    }
}

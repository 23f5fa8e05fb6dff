//! What editors ask: what a name means, where else it stands, what can be written here.

use avm_lang::compile;
use avm_lang::names::NameKind;

#[path = "support/toy.rs"]
mod toy;

const SOURCE: &str = "(module m (export main))
(define-record point (x y))
(behaviour counter (state (n 0))
  (on ('add k) (set-state! n (+ n k)) (reply n)))
(define (twice x) (+ x x))
(program (main arg)
  (let ((x (twice arg)))
    (ask (new 'counter) (list 'add (point-x (point x 1))))))
";

/// The byte where the text stands for the n-th time.
fn at(text: &str, n: usize) -> u32 {
    SOURCE.match_indices(text).nth(n).expect("it is there").0 as u32
}

#[test]
fn meanings() {
    let names = compile(SOURCE, 0, &toy::dialect(), &()).names;
    let cases = [
        (
            "twice arg",
            "twice",
            NameKind::Function,
            Some(at("twice x", 0)),
        ),
        (
            "x x))\n(program",
            "x",
            NameKind::Local,
            Some(at("x) (+", 0)),
        ),
        ("arg)))", "arg", NameKind::Local, Some(at("arg)", 0))),
        ("n (+ n", "n", NameKind::Field, Some(at("n 0", 0))),
        ("k)) (reply", "k", NameKind::Local, Some(at("k)", 0))),
        (
            "counter) (list",
            "counter",
            NameKind::Behaviour,
            Some(at("counter (state", 0)),
        ),
        ("main))", "main", NameKind::Program, Some(at("main arg", 0))),
        (
            "point-x (",
            "point-x",
            NameKind::Function,
            Some(at("x y)", 0)),
        ),
        ("new 'counter", "new", NameKind::Form, None),
        ("ask (", "ask", NameKind::Rule, None),
        ("let ((", "let", NameKind::Word, None),
    ];
    for (text, name, kind, defined) in cases {
        let found = names.at(0, at(text, 0)).unwrap_or_else(|| panic!("{text}"));
        assert_eq!((found.name.as_str(), found.kind), (name, kind), "{text}");
        assert_eq!(found.span.map(|s| s.start), defined, "{text}");
        assert!(kind == NameKind::Local || !found.doc.is_empty(), "{text}");
    }
    assert_eq!(names.at(0, 0), None);
    let places: Vec<_> = names
        .same(0, at("n 0", 0))
        .iter()
        .map(|s| s.start)
        .collect();
    assert_eq!(
        places,
        [at("n 0", 0), at("n (+", 0), at("n k", 0), at("n)))", 0)]
    );
}

#[test]
fn completion() {
    let names = compile(SOURCE, 0, &toy::dialect(), &()).names;
    let visible = |byte| {
        names
            .visible(0, byte)
            .map(|d| d.name.as_str())
            .collect::<Vec<_>>()
    };
    let inside = visible(at("(+ n k)", 0));
    let outside = visible(at("(+ x x)", 0));
    for name in ["n", "k", "twice", "main", "new", "ask", "let", "point?"] {
        assert!(inside.contains(&name), "{name}");
    }
    assert!(!outside.contains(&"k") && !outside.contains(&"n") && !outside.contains(&"arg"));
    // Also in a text with errors.
    let broken = SOURCE.replace("(twice arg)", "(twice arg 2)");
    let compiled = compile(&broken, 0, &toy::dialect(), &());
    assert!(compiled.unit.is_none());
    assert!(compiled.names.at(0, at("twice arg", 0)).is_some());
}

//! Texts: the dialect is sound, the example programs of the specification compile.

use std::fs;
use std::path::PathBuf;

use avm_anoma::code::{ExportKind, listing, verify};
use avm_anoma::compile::{self, Compiled};
use avm_anoma::value::Val;
use avm_lang::diagnostic::{Diagnostic, render_all};

use crate::machine::{self, End};

fn examples() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/anoma");
    let mut found: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "avm"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .filter(|(_, source)| !source.contains("(import "))
        .collect();
    found.sort();
    found
}

fn text(name: &str, source: &str, diagnostics: &[Diagnostic]) -> String {
    render_all(diagnostics, &(name, 0, source))
}

fn compile(name: &str, source: &str) -> Compiled {
    let compiled = compile::compile(source, 0, &());
    compiled.unwrap_or_else(|found| panic!("{}", text(name, source, &found)))
}

#[test]
fn the_dialect_is_sound() {
    let dialect = compile::dialect();
    let found = avm_lang::check_dialect(&dialect);
    assert_eq!(found, [], "{}", text("prelude", dialect.prelude, &found));
}

#[test]
fn the_examples_compile() {
    let examples = examples();
    assert!(examples.len() >= 10, "{} examples", examples.len());
    for (name, source) in examples {
        let compiled = compile(&name, &source);
        verify(&compiled.module).unwrap();
        assert_eq!(compiled.module.name, name);
        insta::assert_snapshot!(format!("example_{name}"), listing(&compiled.module));
    }
}

#[test]
fn the_library_does_what_it_says() {
    let source = include_str!("library.avm");
    let module = compile("library", source).module;
    let tests = module
        .exports
        .iter()
        .filter(|export| export.kind == ExportKind::Test);
    let mut count = 0;
    for test in tests {
        let outcome = machine::run(&module, test.function as usize, &[], 200_000);
        let End::Value(pair) = outcome.end else {
            panic!("{}: {:?}", test.name, outcome.end);
        };
        // `(pair actual expected)`, a list if what is expected is one.
        let (actual, expected) = match (pair.as_pair(), pair.as_list()) {
            (Some((actual, expected)), _) => (actual.clone(), expected.clone()),
            (_, Some(list)) => (
                list.head().unwrap().clone(),
                Val::List(list.tail().unwrap()),
            ),
            _ => panic!("{}: {pair:?}", test.name),
        };
        assert_eq!(actual, expected, "{}", test.name);
        count += 1;
    }
    assert_eq!(count, source.matches("(test ").count());
}

/// The names of the effects of `(program (main) ...)`, and how it ends.
fn effects(body: &str) -> (Vec<String>, End) {
    let source = format!("(module m) (program (main o) {body})");
    let module = compile("m", &source).module;
    let main = module
        .exports
        .iter()
        .find(|export| export.name == "main")
        .unwrap();
    let outcome = machine::run(&module, main.function as usize, &[Val::Int(1)], 10_000);
    (
        outcome.log.into_iter().map(|(name, _)| name).collect(),
        outcome.end,
    )
}

#[test]
fn transactions() {
    let just = |n| End::Value(Val::just(Val::Int(n)).unwrap());
    let nothing = || End::Value(Val::Nothing);
    let cases: &[(&str, &[&str], End)] = &[
        ("(transaction 5)", &["begintx", "committx"], just(5)),
        (
            "(transaction #:controller (ctl \"c\") 5)",
            &["begintx", "committx"],
            just(5),
        ),
        (
            "(transaction (send! o 1) (abort) 5)",
            &["begintx", "send", "aborttx"],
            nothing(),
        ),
        (
            "(transaction (guard (e (#t 0)) (if (equal? o 1) (abort)) 7))",
            &["begintx", "aborttx"],
            nothing(),
        ),
        (
            "(atomically (send! o 1) 5)",
            &["begintx", "send", "committx"],
            just(5),
        ),
        (
            "(atomically #:retries 3 (abort))",
            &["begintx", "aborttx"],
            nothing(),
        ),
        (
            "(list (transaction 1) (transaction (abort)))",
            &["begintx", "committx", "begintx", "aborttx"],
            End::Value(Val::list([Val::just(Val::Int(1)).unwrap(), Val::Nothing]).unwrap()),
        ),
        (
            "(begin (send! o 1) (guard (e (#t 9)) (ask o 2)))",
            &["send", "call"],
            End::Value(Val::Int(2)),
        ),
        (
            "(guard (e (#t (cadr e))) (ask o 2))",
            &["call"],
            End::Value(Val::str("obj/rejected")),
        ),
    ];
    for (body, log, end) in cases {
        assert_eq!(
            effects(body),
            (log.iter().map(|s| s.to_string()).collect(), end.clone()),
            "{body}"
        );
    }
}

#[test]
fn what_is_wrong_is_said_where() {
    let cases = [
        "(module m) (program (main) (abort))",
        "(module m) (program (main x) (ctl x))",
        "(module m) (program (main o) (reflect o))",
        "(module m) (program (main) (transaction (transaction 1)))",
        "(module m) (pure (f o) (call o 1))",
        "(module m) (program (main) (cons 1))",
        "(module m) (behaviour b #:deterministic (on 'x (reply (here))))",
    ];
    let found: Vec<String> = cases
        .iter()
        .map(|source| match compile::compile(source, 0, &()) {
            Ok(_) => panic!("it compiles: {source}"),
            Err(found) => text("m.avm", source, &found),
        })
        .collect();
    insta::assert_snapshot!(found.join(""));
}

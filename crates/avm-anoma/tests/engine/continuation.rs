//! A machine that is written down and read again at any moment goes on as if nothing had been.
//! Spec: 28, invariant 13.

use std::sync::Arc;

use avm_anoma::value::{CodeRef, Val};
use avm_core::{Machine, Stop};

use crate::bed::{Bed, compile, config};

/// Runs a program whole, and again with the machine reopened after each step.
#[track_caller]
fn check(what: &str, text: &str, want: &str) {
    let text = format!("(module m (caps pure-register pure-update)) {text}");
    let module = compile(&text);
    let code = |export: &str| {
        Val::Code(Arc::new(CodeRef {
            module: module.name_hash(),
            export: export.into(),
        }))
    };
    let args = match text.contains("(main one two)") {
        true => vec![code("one"), code("two")],
        false => Vec::new(),
    };
    let mut whole = Bed::of(&text, config());
    assert_eq!(whole.program("main", &args), want, "{what}");
    let mut bed = Bed::of(&text, config());
    bed.feed(&Bed::start_input("main", &args, false));
    let mut results = Vec::new();
    loop {
        let ran = bed.machine.run(1, &mut bed.desk).unwrap();
        results.extend(bed.reopen().results);
        if ran.stop == Stop::NeedsInput {
            break;
        }
    }
    let results: Vec<_> = results
        .iter()
        .map(|(_, outcome)| crate::bed::show(outcome))
        .collect();
    assert_eq!(results, [want], "{what}");
    assert_eq!(
        bed.machine.state_hash(),
        whole.machine.state_hash(),
        "{what}"
    );
    assert_eq!(bed.desk.outputs, whole.desk.outputs, "{what}");
}

const COUNTER: &str =
    "(behaviour counter (state (n 0)) (on 'inc (set-state! n (+ n 1)) (reply n)))";

#[test]
fn objects_created_in_a_transaction() {
    let main = "(program (main)
      (let ((a (new 'counter)) (t (begin-tx)))
        (let ((b (new 'counter)))
          (let ((c (new 'counter)))
            (call b 'inc) (call c 'inc) (commit-tx t)
            (list (call b 'inc) (call c 'inc))))))";
    check(
        "creates",
        &format!("{COUNTER}{main}"),
        "((just 2) (just 2))",
    );
}

#[test]
fn freezing_inside_of_a_transaction() {
    let main = "(behaviour quiet (on _ (reply 1)))
      (program (main)
        (let* ((o (new 'quiet #:controller (ctl \"c1\"))) (t (begin-tx)))
          (call o 1)
          (let ((error (guard (e (#t e)) (freeze! o))))
            (abort-tx t)
            (cadr error))))";
    check("freeze", main, r#""ctl/freeze-failed""#);
}

#[test]
fn versions_of_pure_functions() {
    let main = "(pure (one n) (+ n 1)) (pure (two n) (+ n 2))
      (program (main one two)
        (register-pure! 'f one)
        (let ((t (begin-tx)))
          (update-pure! 'f two)
          (let ((inside (pure-call 'f 1)))
            (commit-tx t)
            (update-pure! 'f one)
            (list inside (pure-call 'f 1)))))";
    check("versions", main, "((just 3) (just 2))");
}

/// More objects than one step checks and makes durable: the result comes steps later.
#[test]
fn a_large_transaction() {
    let main = "(define (make n) (if (= n 0) '() (cons (new 'counter #:controller (ctl \"c1\")) (make (- n 1)))))
      (program (main)
        (let* ((all (make 40)) (t (begin-tx)))
          (for (o all) (call o 'inc))
          (let ((done (commit-tx t))) (list done (call (car all) 'inc)))))";
    check("large", &format!("{COUNTER}{main}"), "(#t (just 2))");
    let main = main.replace(
        "(call o 'inc))",
        "(call o 'inc)) (transfer! (car all) (ctl \"c2\"))",
    );
    let main = main.replace("commit-tx", "abort-tx");
    check("dropped", &format!("{COUNTER}{main}"), "(nothing (just 1))");
}

#[test]
fn replicas_are_merged() {
    let main = "(behaviour doomed (state (n 0))
        (on 'inc (set-state! n (+ n 1)) (reply n))
        (on 'end (if (> n 2) (destroy! (self)) nothing) (reply 0)))
      (program (main)
        (let ((o (new 'doomed #:controller (ctl \"c1\"))))
          (fetch! o)
          (call/local o 'inc) (call/local o 'inc)
          (let* ((first (freeze! o)) (n (call o 'inc)))
            (call/local o 'end) (call/local o 'inc)
            (list first n (freeze! o) (guard (e (#t (cadr e))) (call o 'inc))))))";
    check(
        "merge",
        main,
        r#"((just #t) (just 3) (just #f) "obj/destroyed")"#,
    );
}

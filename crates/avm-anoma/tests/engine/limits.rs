//! What hostile programs run into: an error with a name, and nothing left behind.

use avm_anoma::image::{Config, Limits};
use avm_anoma::value::Val;

use crate::bed::{Bed, config};

fn long(len: usize) -> Val {
    Val::str(&"n".repeat(len))
}

#[test]
fn names_may_be_of_any_length() {
    let text = r#"
        (module m (caps pure-register pure-update))
        (pure (next n) (+ n 1))
        (behaviour b (on _ (reply 1)))
        (program (create name) (new name))
        (program (pure-one name) (pure-call name 1))"#;
    for len in [0, 1, 64, 65, 90, 96, 100_000] {
        let mut bed = Bed::of(text, config());
        let name = long(len);
        let got = bed.program("create", std::slice::from_ref(&name));
        assert!(got.starts_with("! obj/behaviour-not-found"), "{len}: {got}");
        assert_eq!(bed.program("pure-one", &[name]), "nothing", "{len}");
    }
}

const HOSTILE: &str = r#"
    (module m (default-controller (ctl "c1")))
    (behaviour b
      (state (n 0))
      (on 'inc (set-state! n (+ n 1)) (reply n))
      (on ('deep k) (set-state! n k)
        (if (= k 0) (reply 0) (reply (+ 1 (unjust (call (self) (list 'deep (- k 1))))))))
      (on ('again k) (set-state! n k) (if (= k 0) (reply n) (begin (call (self) (list 'again (- k 1))) (reply n))))
      (on 'forever (set-state! n 5) (let loop () (set-state! n (+ n 1)) (loop)))
      (on 'get (reply n))
      (on 'call-get (set-state! n 5) (let loop () (call (self) 'get) (loop)))
      (on 'create (set-state! n 5) (let loop () (new 'b) (loop)))
      (on 'call-all (set-state! n 5) (let loop () (call (self) 'inc) (loop))))
    (define (down n) (+ 1 (down n)))
    (define (guarded n) (guard (e (#t (raise e))) (+ 1 (guarded n))))
    (define (wrap k v) (if (= k 0) v (wrap (- k 1) (just v))))
    (program (make) (new 'b))
    (program (tell o v) (call o v))
    (program (in-tx o v) (let ((t (begin-tx))) (call o 'inc) (call o v) (commit-tx t)))
    (program (spin) (let loop () (loop)))
    (program (recursion) (down 0))
    (program (handlers) (guarded 0))
    (program (closures) (letrec ((f (lambda (n) (+ 1 (f n))))) (f 0)))
    (program (lists) (let loop ((l (list 1 2 3))) (loop (append l l))))
    (program (texts) (let loop ((s "abc")) (loop (string-append s s))))
    (program (depth) (let loop ((v 1)) (loop (list v))))
    (program (maps) (let loop ((m (map-of)) (n 0)) (loop (map-put m n "a text that takes some room") (+ n 1))))
    (program (flood o) (let loop () (send! o 'inc) (loop)))
    (program (flood-tx o) (let ((t (begin-tx))) (let loop () (send! o 'inc) (loop)) (commit-tx t)))
    (program (raise-closure) (guard (e (#t (cadr e))) (raise (lambda (x) x))))
    (program (raise-deep) (guard (e (#t (cadr e))) (raise (wrap 64 1))))
    (program (send-deep o) (send! o (wrap 64 1)))"#;

fn limits() -> Limits {
    Limits {
        call_depth: 1_000,
        gas: 3_000_000,
        overlay_objects: 50,
        journal: 2_000,
        mailbox: 20,
        executions: 100,
    }
}

fn hostile(limits: Limits) -> (Bed, Val) {
    let mut bed = Bed::of(HOSTILE, Config { limits, ..config() });
    bed.program("make", &[]);
    let id = bed.machine.objects(None, 1).unwrap()[0].0;
    (bed, Val::obj(id))
}

#[test]
fn every_limit_is_an_error_and_leaves_nothing() {
    let told = |program, what| (program, Some(Val::sym(what)));
    let cases: Vec<((&str, Option<Val>), &str)> = vec![
        (("spin", None), "gas/exhausted"),
        (("recursion", None), r#"depth/exceeded "function""#),
        (("handlers", None), r#"depth/exceeded "function""#),
        (("closures", None), r#"depth/exceeded "function""#),
        (("lists", None), r#"quota/exceeded "value-bytes""#),
        (("texts", None), r#"quota/exceeded "value-bytes""#),
        (("depth", None), r#"quota/exceeded "value-depth""#),
        (("maps", None), "gas/exhausted"),
        (told("tell", "forever"), r#"quota/exceeded "journal""#),
        (told("in-tx", "forever"), r#"quota/exceeded "journal""#),
        (told("tell", "create"), r#"quota/exceeded "journal""#),
        (
            told("in-tx", "create"),
            r#"quota/exceeded "overlay-objects""#,
        ),
        (told("tell", "call-all"), r#"quota/exceeded "journal""#),
        (told("in-tx", "call-all"), r#"quota/exceeded "journal""#),
        (told("tell", "call-get"), r#"quota/exceeded "inputs""#),
        (told("in-tx", "call-get"), r#"quota/exceeded "inputs""#),
        (("flood-tx", None), r#"quota/exceeded "outbox""#),
    ];
    for ((program, what), want) in cases {
        let (mut bed, o) = hostile(limits());
        let before = bed.look();
        let args = match (program, what) {
            ("flood-tx", _) => vec![o],
            (_, Some(what)) => vec![o, what],
            _ => vec![],
        };
        let got = bed.program(program, &args);
        assert_eq!(got, format!("! {want}"), "{program} {args:?}");
        assert_eq!(bed.look(), before, "{program} {args:?}");
    }
}

#[test]
fn calls_nest_a_hundred_thousand_deep() {
    let (mut bed, o) = hostile(Limits::default());
    for program in ["tell", "in-tx"] {
        let mut deep = |calls: i64| {
            let input = Val::list([Val::sym("deep"), Val::int(calls)]).unwrap();
            let before = bed.look();
            let got = bed.program(program, &[o.clone(), input]);
            (got, bed.look() == before)
        };
        let want = if program == "tell" {
            "(just 99999)"
        } else {
            "#t"
        };
        assert_eq!(deep(99_999), (want.into(), false), "{program}");
        let want = r#"! depth/exceeded "call""#;
        assert_eq!(deep(100_000), (want.into(), true), "{program}");
        assert_eq!(deep(101_000), (want.into(), true), "{program}");
    }
}

#[test]
fn a_mailbox_that_is_full_is_told_to_the_sender() {
    let (mut bed, o) = hostile(limits());
    assert_eq!(
        bed.program("flood", std::slice::from_ref(&o)),
        r#"! quota/exceeded "mailbox""#
    );
    // What was sent before is delivered.
    let Val::Obj(id) = &o else { unreachable!() };
    let object = bed.machine.object(*id.id()).unwrap().unwrap();
    assert_eq!(object.history, 20);
}

#[test]
fn what_cannot_be_caught_or_received_is_an_error_at_once() {
    let (mut bed, o) = hostile(limits());
    assert_eq!(bed.program("raise-closure", &[]), r#""val/not-passable""#);
    assert_eq!(bed.program("raise-deep", &[]), r#""quota/exceeded""#);
    let got = bed.program("send-deep", &[o]);
    assert_eq!(got, r#"! quota/exceeded "value-depth""#);
}

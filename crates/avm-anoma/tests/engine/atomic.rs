//! All or nothing: rejected and failed calls, aborted and failed transactions leave no trace in what
//! lasts. Spec: 3.1, 5.4, 11; 28, invariants 1 and 3.

use avm_anoma::image::{Config, Limits};
use avm_anoma::value::Val;

use crate::bed::{Bed, config};

/// Two objects that do as they are told, and what there is to tell them.
const WORLD: &str = r#"
    (module m (caps pure-register pure-update reflect) (default-controller (ctl "c1")))
    (pure (f n) (+ n 1))
    (behaviour b
      (state (n 0) (other nothing))
      (on 'inc (set-state! n (+ n 1)) (reply n))
      (on ('know o) (set-state! other o) (reply o))
      (on 'create (let ((o (new 'b))) (call o 'inc) (raise o)))
      (on 'create-and-reject (let ((o (new 'b))) (call o 'inc) (reject)))
      (on 'destroy (destroy! other) (raise 1))
      (on 'destroy-and-use (destroy! other) (reply (guard (e (#t (cadr e))) (call other 'inc))))
      (on 'move (move! other (mach "m2")) (reject))
      (on 'transfer (transfer! other (ctl "c2")) (reject))
      (on 'send (send! other 'inc) (send! (self) 'inc) (reject))
      (on 'nested (call other 'inc) (set-state! n 100) (call other 'inc) (raise 'no))
      (on 'receive (receive #:timeout 0) (reject))
      (on ('both k) (call other k) (call other 'inc) (reject))
      (on ('begin k)
        (let ((t (begin-tx)))
          (call other 'inc) (set-state! n 7)
          (if (equal? k 'commit) (commit-tx t) (if (equal? k 'reject) (reject) (abort-tx t)))
          (reply n)))
      (on 'local (step) (reply 1))
      (on ('exact v) (set-state! n (+ n 1)) (reply (just (just v)))))
    (define (step)
      (let ((t (begin-tx))) (call (self) 'inc) (if (equal? 1 1) (reject) (commit-tx t))))
    (program (setup)
      (let ((a (new 'b)) (b (new 'b)))
        (call a (list 'know b)) (call b (list 'know a)) (list a b)))
    (program (tell o v) (call o v))
    (program (in-tx o v) (let ((t (begin-tx))) (call o v) (call o 'inc) (abort-tx t)))
    (program (fails-in-tx o v) (let ((t (begin-tx))) (call o 'inc) (call o v)
      (if (equal? 1 1) (raise 'program) (commit-tx t))))"#;

/// The world with two objects.
fn world(config: Config) -> (Bed, Val, Val) {
    let mut bed = Bed::of(WORLD, config);
    let made = bed.program("setup", &[]);
    assert!(!made.starts_with('!'), "{made}");
    let objects = bed.machine.objects(None, 10).unwrap();
    // The one that was created first knows the other.
    let ids: Vec<_> = objects.iter().map(|(id, _)| Val::obj(*id)).collect();
    let [a, b] = ids.try_into().unwrap();
    (bed, a, b)
}

const TOLD: [&str; 9] = [
    "create",
    "create-and-reject",
    "destroy",
    "move",
    "transfer",
    "send",
    "nested",
    "receive",
    "nonsense",
];

#[test]
fn what_is_rejected_or_fails_leaves_nothing() {
    for program in ["tell", "in-tx", "fails-in-tx"] {
        for told in TOLD {
            for wrapped in [false, true] {
                let (mut bed, a, _) = world(config());
                let mut input = Val::sym(told);
                if wrapped {
                    input = Val::list([Val::sym("both"), input]).unwrap();
                }
                let before = bed.look();
                let got = bed.program(program, &[a, input]);
                let after = bed.look();
                assert_eq!(after, before, "{program} {told} {wrapped}: {got}");
            }
        }
    }
}

/// Tells an object of a fresh world something; what comes out.
fn told(program: &str, input: Val) -> (String, Bed) {
    let (mut bed, a, _) = world(config());
    let got = bed.program(program, &[a, input]);
    (got, bed)
}

#[test]
fn a_rejection_ends_the_transaction_of_a_function_that_it_leaves() {
    let (got, mut bed) = told("tell", Val::sym("local"));
    assert_eq!(got, "nothing");
    // Nothing is left open: the next program can begin one.
    let a = bed.machine.objects(None, 1).unwrap()[0].0;
    let got = bed.program("in-tx", &[Val::obj(a), Val::sym("inc")]);
    assert_eq!(got, "nothing");
}

#[test]
fn an_output_that_fits_nowhere_is_an_error_of_the_object() {
    let mut deep = Val::int(1);
    for depth in 1..=62 {
        deep = Val::just(deep).unwrap();
        if depth < 61 {
            continue;
        }
        // The output is two levels deeper, and the caller gets just that.
        let (mut bed, a, _) = world(config());
        let before = bed.look();
        let input = Val::list([Val::sym("exact"), deep.clone()]).unwrap();
        let got = bed.program("tell", &[a, input]);
        if depth == 61 {
            assert!(got.starts_with("(just (just"), "{got}");
            assert_ne!(bed.look(), before);
        } else {
            assert_eq!(got, r#"! quota/exceeded "value-depth""#);
            assert_eq!(bed.look(), before);
        }
    }
}

#[test]
fn what_is_destroyed_in_a_turn_is_destroyed() {
    let (got, _) = told("tell", Val::sym("destroy-and-use"));
    assert_eq!(got, r#"(just "obj/destroyed")"#);
}

#[test]
fn what_an_undone_call_created_is_nowhere() {
    let text = r#"
        (module m (default-controller (ctl "c1")))
        (behaviour b
          (on 'create (raise (new 'b))))
        (program (main how)
          (let* ((o (new 'b)) (t (begin-tx))
                 (made (guard (e (#t (caddr e))) (call o 'create)))
                 (code (guard (e (#t (cadr e)))
                   (cond ((= how 0) (destroy! made))
                         ((= how 1) (transfer! made (ctl "c1")))
                         ((= how 2) (move! made (mach "m2")))
                         ((= how 3) (call made 1))
                         (else (controller-of made))))))
            (list code (commit-tx t))))"#;
    for how in 0..5 {
        let mut bed = Bed::of(text, config());
        let got = bed.program("main", &[Val::int(how)]);
        let code = if how == 4 {
            "nothing"
        } else {
            r#""obj/not-found""#
        };
        assert_eq!(got, format!("({code} #t)"), "{how}");
        let look = bed.look();
        assert_eq!((look.objects.len(), look.tombstones.len()), (1, 0), "{how}");
    }
}

#[test]
fn a_handler_from_before_a_transaction_ends_it() {
    let text = r#"
        (module m (default-controller (ctl "c1")))
        (behaviour b (state (n 0)) (on 'inc (set-state! n (+ n 1)) (reply n)))
        (program (main)
          (let* ((o (new 'b))
                 (caught (guard (e (#t (caddr e)))
                   (transaction (call o 'inc) (if (equal? 1 1) (raise 'out) 1)))))
            (list caught (current-controller) (call o 'inc)
              (transaction (guard (e (#t e)) (call o 'inc) (raise 'in)) (call o 'inc)))))"#;
    let mut bed = Bed::of(text, config());
    assert_eq!(
        bed.program("main", &[]),
        "(out nothing (just 1) (just (just 3)))"
    );
}

#[test]
fn an_effect_for_which_there_is_no_room_is_not_made() {
    for journal in 0..4 {
        for program in ["tell", "in-tx", "fails-in-tx"] {
            for input in [
                "inc", "receive", "send", "move", "transfer", "create", "nested",
            ] {
                let limits = Limits {
                    journal,
                    ..Limits::default()
                };
                let mut bed = Bed::of(WORLD, Config { limits, ..config() });
                let made = bed.program("setup", &[]);
                let objects = bed.machine.objects(None, 10).unwrap();
                if made.starts_with('!') {
                    assert!(made.contains("journal"), "{made}");
                    for (_, view) in objects {
                        assert_eq!((view.state.to_string(), view.history), ("()".into(), 0));
                    }
                    continue;
                }
                let before = bed.look();
                let got = bed.program(program, &[Val::obj(objects[0].0), Val::sym(input)]);
                if got.starts_with('!') || got == "nothing" {
                    assert_eq!(bed.look(), before, "{journal} {program} {input}: {got}");
                }
            }
        }
    }
}

//! A toy dialect: objects in one place, transactions that copy everything, no controllers.

use avm_lang::dialect::{Authority, Choice, Dialect, Effect, Facts, FormInfo, Linear, Plain, Role};

const fn form(name: &'static str, params: &'static [&'static str]) -> FormInfo {
    FormInfo {
        name,
        params,
        required: match params {
            [.., last] if last.as_bytes()[last.len() - 1] == b'.' => params.len() - 1,
            _ => params.len(),
        },
        keys: &[],
        effect: Effect::None,
        cap: None,
        impure: false,
        role: Role::Plain,
        facts: Facts::NONE,
        doc: "A form of the toy.",
    }
}

const fn number(name: &'static str, params: &'static [&'static str]) -> FormInfo {
    let mut form = form(name, params);
    form.facts.plain = Plain::All;
    form
}

const NAMES: Facts = Facts {
    authority: Authority::Names,
    ..Facts::NONE
};
const CREATES: Facts = Facts {
    authority: Authority::Creates {
        controller: 0,
        none: 1,
        clause: "default-controller",
    },
    ..Facts::NONE
};
const BEGINS: Facts = Facts {
    authority: Authority::Begins,
    ..Facts::NONE
};
const CALLS: Facts = Facts {
    authority: Authority::Touches,
    maybe: true,
    plain: Plain::First,
    ..Facts::NONE
};
const TOUCHES: Facts = Facts {
    authority: Authority::Touches,
    plain: Plain::First,
    ..Facts::NONE
};
const GIVES: Facts = Facts {
    authority: Authority::Gives,
    plain: Plain::All,
    ..Facts::NONE
};
const LOCATES: Facts = Facts {
    maybe: true,
    choice: Choice::Refuses,
    ..Facts::NONE
};
const CHOOSES: Facts = Facts {
    choice: Choice::Gives,
    ..Facts::NONE
};
const OWES: Facts = Facts {
    linear: Linear::Creates,
    ..Facts::NONE
};
const PAYS: Facts = Facts {
    linear: Linear::Satisfies,
    ..Facts::NONE
};

const fn act(name: &'static str, params: &'static [&'static str]) -> FormInfo {
    FormInfo {
        effect: Effect::Some,
        ..form(name, params)
    }
}

const FORMS: &[FormInfo] = &[
    form("list", &["item..."]),
    form("cons", &["a", "b"]),
    form("append", &["list..."]),
    form("car", &["p"]),
    form("cdr", &["p"]),
    form("list?", &["x"]),
    form("pair?", &["x"]),
    form("int?", &["x"]),
    form("length", &["list"]),
    form("list-ref", &["list", "i"]),
    form("equal?", &["a", "b"]),
    form("just", &["x"]),
    form("just?", &["x"]),
    form("unjust", &["m"]),
    form("pair", &["a", "b"]),
    number("+", &["a", "b"]),
    number("-", &["a", "b"]),
    number("*", &["a", "b"]),
    form("=", &["a", "b"]),
    number("<", &["a", "b"]),
    number("<=", &["a", "b"]),
    number(">", &["a", "b"]),
    number(">=", &["a", "b"]),
    form("raise", &["x"]),
    FormInfo {
        required: 0,
        ..form("reject", &["reason"])
    },
    FormInfo {
        facts: NAMES,
        ..form("ctl", &["name"])
    },
    form("mach", &["name"]),
    act("reply", &["v"]),
    act("input", &[]),
    act("sender", &[]),
    act("self", &[]),
    FormInfo {
        impure: true,
        ..act("here", &[])
    },
    act("get-state", &[]),
    act("put-state!", &["state"]),
    FormInfo {
        keys: &["controller", "no-controller?"],
        facts: CREATES,
        ..act("new", &["behaviour"])
    },
    FormInfo {
        facts: CALLS,
        ..act("call", &["o", "message"])
    },
    FormInfo {
        facts: GIVES,
        ..act("transfer!", &["o", "c"])
    },
    FormInfo {
        facts: OWES,
        ..act("owe", &["x"])
    },
    FormInfo {
        facts: PAYS,
        ..act("pay!", &["x"])
    },
    // Adds to the list of what was done.
    act("log!", &["x"]),
    act("logged", &[]),
    // The next commits fail, as many as said.
    act("fail-commits!", &["n"]),
    FormInfo {
        required: 0,
        keys: &["at"],
        role: Role::Begin,
        facts: BEGINS,
        ..act("begin-tx", &["c"])
    },
    FormInfo {
        role: Role::End,
        ..act("commit-tx", &["t"])
    },
    FormInfo {
        role: Role::End,
        ..act("abort-tx", &["t"])
    },
    FormInfo {
        role: Role::Outside("teleport-tx"),
        ..act("teleport!", &["m"])
    },
    FormInfo {
        facts: TOUCHES,
        ..act("move!", &["o", "m"])
    },
    FormInfo {
        impure: true,
        facts: LOCATES,
        ..act("machine-of", &["o"])
    },
    FormInfo {
        cap: Some("reflect"),
        ..act("reflect", &["o"])
    },
    FormInfo {
        impure: true,
        facts: CHOOSES,
        ..act("choose", &["x..."])
    },
    FormInfo {
        role: Role::Inside,
        ..act("require", &["e"])
    },
    act("delta", &["kind", "n"]),
    act("once-call", &["o", "v"]),
    FormInfo {
        cap: Some("solver"),
        ..act("compose", &["segment..."])
    },
    act("fd-var", &["lo", "hi"]),
    act("fd-post", &["op", "arg..."]),
    FormInfo {
        keys: &["first-fail?", "limit"],
        ..act("fd-solve", &["vars"])
    },
    form("with-gas", &["n", "thunk"]),
];

const RULES: &str = r#"
(define-syntax-rule (transaction #:controller (c nothing) body ...)
  (%block out
    (let ((t (begin-tx c)))
      (%let-form (abort) (begin (abort-tx t) (%leave out nothing))
        (let ((v (guard (e (else (abort-tx t) (raise e))) body ...)))
          (if (commit-tx t) (just v) nothing))))))
(define-syntax-rule (atomically #:retries n #:controller (c nothing) body ...)
  (%block out
    (let loop ((left n))
      (let ((t (begin-tx c)))
        (%let-form (abort) (begin (abort-tx t) (%leave out nothing))
          (let ((v (begin body ...)))
            (cond ((commit-tx t) (just v))
                  ((> left 0) (loop (- left 1)))
                  (else nothing))))))))
(define-syntax-rule (abort) (%error "E102" "abort outside of a transaction" "put it into `(transaction ...)`"))
(define-syntax-rule (ask o v)
  (let ((r (call o v))) (if (just? r) (unjust r) (raise 'obj/rejected))))
(define-syntax-rule (swap! a b) (let ((tmp a)) (set! a b) (set! b tmp)))
(define-syntax-rule (my-or a b) (let ((t a)) (if t t b)))
(define-syntax-rule (my-list x ...) (list x ...))
(define-syntax-rule (my-let ((id e) ...) body ...) ((lambda (id ...) body ...) e ...))
(define-syntax-rule (flagged #:loud? x) (list 'loud x))
(define-syntax-rule (flagged x) (list 'quiet x))
(define-syntax-rule (last-of x ... y) y)
(define-syntax-rule (once (call o v)) (once-call o v))
(define-syntax-rule (segment p arg) (list 'p arg))
(define-syntax-rule (fd-post! (op arg ...)) (fd-post 'op arg ...))
"#;

const PRELUDE: &str = r#"
(define (list . xs) xs)
(define (+ . xs) (fold (lambda (a b) (+ a b)) 0 xs))
(define (fold f acc xs) (if (equal? xs '()) acc (fold f (f acc (car xs)) (cdr xs))))
(define (reverse xs) (fold (lambda (acc x) (cons x acc)) '() xs))
(define (map f xs) (reverse (fold (lambda (acc x) (cons (f x) acc)) '() xs)))
(define (any f xs) (if (equal? xs '()) #f (or (f (car xs)) (any f (cdr xs)))))
(define (range a b) (let loop ((i b) (out '())) (if (> i a) (loop (- i 1) (cons (- i 1) out)) out)))
(define (iota n) (range 0 n))
(define (nothing? x) (equal? x nothing))
(define (not x) (if x #f #t))
(define (cadr x) (car (cdr x)))
(define (wander) (here))
"#;

/// The dialect.
pub fn dialect() -> Dialect {
    Dialect {
        forms: FORMS.to_vec(),
        rules: RULES,
        prelude: PRELUDE,
    }
}

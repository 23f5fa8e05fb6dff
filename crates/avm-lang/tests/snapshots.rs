//! What is said about programs that are wrong, word for word.

use avm_lang::compile;
use avm_lang::diagnostic::render_all;

#[path = "support/toy.rs"]
mod toy;

fn findings(source: &str) -> String {
    let compiled = compile(source, 0, &toy::dialect(), &());
    let bad = compiled.diagnostics.iter().any(|d| d.is_error());
    assert_eq!(compiled.unit.is_none(), bad, "{source}");
    render_all(&compiled.diagnostics, &("bad.avm", 0, source))
}

/// Each source with what is said about it.
fn snapshot(name: &str, sources: &[&str]) {
    let mut out = String::new();
    for source in sources {
        let found = findings(source);
        assert!(!found.is_empty(), "nothing is said about {source}");
        out.push_str(&format!("--- {source}\n{found}"));
    }
    insta::assert_snapshot!(name, out);
}

#[test]
fn text() {
    snapshot(
        "text",
        &[
            "(module m) (program (main) (f [x] \"a\\q\" 12x)",
            "(module m) )",
            "(program (main) 1)",
            "(module m (exprot main)) (program (main) 1)",
            "(module m) (defnie x 1) 5 (define (f)) (test 1 2 => 3)",
            "(module m) (program (main) (let ((x)) x) (if) (begin (define y 1)) () (1 . 2) ,x #:k)",
            "(module m) (program (main) (lambda (1) 2) (do 1 2) (for x 1) (guard e 1) (match 1 2) (cond 1))",
        ],
    );
}

#[test]
fn e101() {
    snapshot(
        "e101",
        &[
            "(module m)\n(program (main)\n  (transaction\n    (transaction 1)))",
            "(module m)\n(define (inner) (transaction 1))\n(define (middle) (inner))\n(program (main)\n  (transaction (middle)))",
            "(module m)\n(program (main)\n  (let ((t (begin-tx)))\n    (let ((u (begin-tx)))\n      (commit-tx u))))",
        ],
    );
}

#[test]
fn e102() {
    snapshot(
        "e102",
        &[
            "(module m)\n(program (main) (abort))",
            "(module m)\n(program (main x)\n  (let ((t (begin-tx)))\n    (if x (commit-tx t))))",
            "(module m)\n(program (main)\n  (begin-tx)\n  1)",
            "(module m)\n(program (main)\n  (let ((t (begin-tx)))\n    (commit-tx t)\n    (abort-tx t)))",
            "(module m)\n(program (main)\n  (transaction\n    (map (lambda (x) (abort)) '(1))))",
            "(module m)\n(program (main n)\n  (let loop ((i 0))\n    (begin-tx)\n    (if (< i n) (loop (+ i 1)) i)))",
        ],
    );
}

#[test]
fn e103_e104_e107() {
    snapshot(
        "e103_e104_e107",
        &[
            "(module m)\n(program (main)\n  (transaction (teleport! (mach \"m\"))))",
            "(module m)\n(define (go) (teleport! 1))\n(program (main)\n  (transaction (go)))",
            "(module m)\n(program (main o) (reflect o))",
            "(module m)\n(program (main) (require #t))",
        ],
    );
    assert_eq!(
        findings("(module m (caps teleport-tx)) (program (main) (transaction (teleport! 1)))"),
        ""
    );
    assert_eq!(
        findings("(module m (caps reflect)) (program (main o) (reflect o))"),
        ""
    );
    assert_eq!(
        findings("(module m) (program (main) (transaction (require #t)))"),
        ""
    );
    assert_eq!(findings("(module m) (intent (main) (require #t))"), "");
}

#[test]
fn e105_e106_w203() {
    snapshot(
        "e105_e106_w203",
        &[
            "(module m)\n(pure (f o) (call o 1))",
            "(module m)\n(define (helper o) (list (call o 1)))\n(pure (f o) (helper o))",
            "(module m)\n(program (main o) (call o (list 1 (lambda (x) x))))",
            "(module m)\n(behaviour b (state (f 0))\n  (on 'x (set-state! f (lambda () 1)))\n  (on 'y (reply (lambda () 1))))",
            "(module m)\n(behaviour b #:deterministic\n  (on 'x (reply (here)))\n  (on 'y (reply (wander))))",
            "(module m)\n(define (helper) (choose 1 2))\n(behaviour b #:deterministic (on 'x (reply (helper))))",
            "(module m)\n(pure (f n) (if (= n 0) 0 (f (- n 1))))",
        ],
    );
    assert_eq!(
        findings("(module m) (pure (f n) (with-gas 9 (lambda () (f n))))"),
        ""
    );
}

/// Nothing is said about any of the sources.
fn quiet(sources: &[&str]) {
    for source in sources {
        assert_eq!(findings(source), "", "{source}");
    }
}

#[test]
fn e110() {
    snapshot(
        "e110",
        &[
            "(module m)\n(program (main)\n  (let ((a (new 'x #:controller (ctl \"c1\")))\n        (b (new 'x #:controller (ctl \"c2\"))))\n    (transaction\n      (ask a 1)\n      (ask b 2))))",
            "(module m (default-controller (ctl \"c1\")))\n(program (main)\n  (let ((a (new 'x)))\n    (transaction #:controller (ctl \"c2\")\n      (ask a 1))))",
            "(module m (default-controller (ctl \"c1\")))\n(program (main)\n  (transaction #:controller (ctl \"c2\")\n    (new 'x)))",
            "(module m)\n(define (pay from to)\n  (transaction\n    (ask from 'out)\n    (ask to 'in)))\n(define (open c) (new 'x #:controller c))\n(program (main)\n  (let* ((a (open (ctl \"c1\"))) (b (open (ctl \"c2\"))))\n    (pay a a)\n    (pay a b)))",
            "(module m)\n(define (first o) (call o 1))\n(define (both a b) (transaction (first a) (first b)))\n(define (three a b c) (both a c))\n(program (main)\n  (three (new 'x #:controller (ctl \"c1\")) 5 (new 'x #:controller (ctl \"c2\"))))",
            "(module m)\n(define home (ctl \"c1\"))\n(program (main)\n  (let ((a (new 'x #:controller home)))\n    (let ((t (begin-tx (ctl \"c2\"))))\n      (move! a (mach \"m2\"))\n      (commit-tx t))))",
        ],
    );
    quiet(&[
        // One after the other, and in transactions of their own.
        "(module m) (program (main) (let ((a (new 'x #:controller (ctl \"c1\"))) (b (new 'x #:controller (ctl \"c2\")))) (ask a 1) (ask b 2) (transaction (ask a 1)) (transaction (ask b 2))))",
        // One or the other.
        "(module m) (program (main f) (let ((a (new 'x #:controller (ctl \"c1\"))) (b (new 'x #:controller (ctl \"c2\")))) (transaction (if f (ask a 1) (ask b 2)))))",
        "(module m) (program (main f) (let ((a (new 'x #:controller (ctl \"c1\"))) (b (new 'x #:controller (ctl \"c2\")))) (transaction (if f (begin (ask a 1) (abort))) (ask b 2))))",
        // The object has gone over.
        "(module m) (program (main) (let ((a (new 'x #:controller (ctl \"c1\")))) (transfer! a (ctl \"c2\")) (transaction #:controller (ctl \"c2\") (ask a 1))))",
        "(module m) (define (give o) (transfer! o (ctl \"c2\"))) (program (main) (let ((a (new 'x #:controller (ctl \"c1\")))) (give a) (transaction #:controller (ctl \"c2\") (ask a 1))))",
        // What a variable holds may change.
        "(module m) (program (main) (let ((a (new 'x #:controller (ctl \"c1\")))) (set! a (new 'x #:controller (ctl \"c2\"))) (transaction #:controller (ctl \"c2\") (ask a 1))))",
        // Called outside of any transaction, the function touches both in turn.
        "(module m) (define (both a b) (ask a 1) (ask b 2)) (program (main) (both (new 'x #:controller (ctl \"c1\")) (new 'x #:controller (ctl \"c2\"))))",
    ]);
}

#[test]
fn w201() {
    snapshot(
        "w201",
        &[
            "(module m)\n(program (main c d)\n  (let ((a (new 'x #:controller (car c)))\n        (b (new 'x #:controller (ctl \"c1\"))))\n    (transaction (ask a 1) (ask b 2))))",
            "(module m)\n(program (main)\n  (let ((a (new 'x)))\n    (transaction (ask a 1))))",
            "(module m (default-controller (ctl \"c1\")))\n(program (main)\n  (let ((a (new 'x #:no-controller)))\n    (transaction\n      (ask a 1))))",
        ],
    );
    quiet(&[
        "(module m) (define (pay a b) (transaction (ask a 1) (ask b 1))) (program (main l) (pay (car l) (cadr l)))",
        "(module m) (program (main a b) (transaction (ask a 1) (ask b 1)))",
        "(module m) (program (main) (transaction (let ((a (new 'x))) (ask a 1))))",
        "(module m) (program (main) (ask (new 'x) 1))",
    ]);
}

#[test]
fn w202_w204_e109() {
    snapshot(
        "w202_w204_e109",
        &[
            "(module m)\n(program (main o)\n  (+ 1 (call o 'get)))",
            "(module m)\n(program (main o)\n  (let ((n (call o 'get)))\n    (if n\n        (* n 2)\n        0)))",
            "(module m)\n(program (main o)\n  (call (call o 'next) 1))",
            "(module m)\n(program (main o)\n  (owe o))",
            "(module m)\n(program (main o)\n  (transaction\n    (let ((p (choose o 1)))\n      (machine-of p))))",
        ],
    );
    quiet(&[
        "(module m) (program (main o) (let ((n (call o 'get))) (if (just? n) (+ 1 (unjust n)) 0)))",
        "(module m) (program (main o) (match (call o 'get) ((just n) (+ n 1)) (nothing 0)))",
        "(module m) (program (main o) (let ((n (call o 'get))) (set! n 5) (+ n 1)))",
        "(module m) (program (main o) (call o 1) (list (call o 2)))",
        "(module m) (program (main o) (owe o) (pay! o))",
        "(module m) (program (main o) (machine-of (choose o 1)))",
    ]);
}

#[test]
fn e108() {
    snapshot(
        "e108",
        &[
            "(module m)\n(define (double x) x)\n(program (main)\n  (doubel 1)\n  (double)\n  (double 1 2)\n  (car)\n  (new 'x #:ctl 1))",
            "(module m)\n(define a 1)\n(define a 2)\n(define if 3)",
            "(module m)\n(program (main x)\n  (match x\n    ((a 1) 1)\n    ((b 1) 2)\n    (y 3)\n    (1 4)))",
            "(module m)\n(behaviour b\n  (on ('a x) 1)\n  (otherwise 2)\n  (on 'b 3))",
            "(module m)\n(behaviour b (state (n 0) (n 1))\n  (on ('a x x) (set-state! m 1)))",
            "(module m)\n(program (main x x)\n  (let ((f (lambda (a) a)))\n    (f))\n  (let loop ((i 0)) (loop)))",
            "(module m (export mian))\n(program (main) (transaction #:gas 1 2) (ask 1))",
            "(module m)\n(define-record p (x y))\n(program (main v) (match v ((p 1) 2)) (case v ((1 1) 2) (else 3) ((4) 5)))",
            "(module m)\n(program (main) (cond (else 1) (#t 2)) transaction main)\n(behaviour b (on 'x 1))\n(define (f) b (b))",
        ],
    );
}

#[test]
fn e011() {
    snapshot(
        "e011",
        &[
            "(module m)\n(program (main)\n  (let ((n 0))\n    (map (lambda (x) (set! n (+ n x))) '(1 2))\n    n))",
            "(module m)\n(program (main)\n  (let ((n 0))\n    (let ((f (lambda () n)))\n      (set! n 1)\n      (f))))",
            "(module m)\n(define a 1)\n(behaviour b (state (n 0)) (on 'x (set! n 1) (set! a 2)))",
        ],
    );
}

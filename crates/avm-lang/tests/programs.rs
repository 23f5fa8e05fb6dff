//! Programs that run, in a toy dialect: every derived form, hygiene, patterns, state, modules.

use avm_lang::diagnostic::render_all;
use avm_lang::{ModuleText, Modules, check_dialect, compile};

#[path = "support/run.rs"]
mod run;
#[path = "support/toy.rs"]
mod toy;

use run::{Value, run as execute};

/// Value of `(program (main arg) ...)` and the number of writes of a state.
fn outcome(source: &str, args: Vec<Value>) -> (String, u32) {
    let dialect = toy::dialect();
    let compiled = compile(source, 0, &dialect, &());
    let findings = render_all(&compiled.diagnostics, &("test.avm", 0, source));
    let unit = compiled.unit.unwrap_or_else(|| panic!("{findings}"));
    assert_eq!(findings, "");
    let names: Vec<_> = dialect.forms.iter().map(|f| f.name).collect();
    execute(&unit, &names, "main", args)
}

fn eval(expr: &str) -> String {
    outcome(&format!("(module m)\n(program (main) {expr})"), vec![]).0
}

fn table(cases: &[(&str, &str)]) {
    for (expr, want) in cases {
        assert_eq!(eval(expr), *want, "{expr}");
    }
}

#[test]
fn the_dialect_is_sound() {
    assert_eq!(check_dialect(&toy::dialect()), vec![]);
}

#[test]
fn conditions() {
    table(&[
        ("(if #f 1 2)", "2"),
        ("(if 0 1 2)", "1"),
        ("(if nothing 1 2)", "1"),
        ("(if #f 1)", "nothing"),
        ("(cond (#f 1) ((= 1 1) 2 3) (else 4))", "3"),
        ("(cond (#f 1) (else 4))", "4"),
        ("(cond (#f 1) (7))", "7"),
        ("(cond (#f 1))", "nothing"),
        ("(case (+ 1 1) ((1) 'a) ((2 3) 'b) (else 'c))", "b"),
        ("(case \"x\" ((1) 'a) ((\"x\" y) 'b))", "b"),
        ("(case 9 ((1) 'a) (else 'c))", "c"),
        ("(case 9 ((1) 'a))", "nothing"),
        (
            "(list (and) (and 1 2) (and #f (raise 1)) (or) (or #f 2) (or 1 (raise 1)))",
            "(#t 2 #f #f 2 1)",
        ),
        (
            "(list (when #t 1 2) (when #f 1) (unless #f 1 2) (unless #t 1))",
            "(2 nothing 2 nothing)",
        ),
    ]);
}

#[test]
fn bindings_and_loops() {
    table(&[
        (
            "(let ((x 1) (y 2)) (let ((x y) (y x)) (list x y)))",
            "(2 1)",
        ),
        ("(let* ((x 1) (y (+ x 1)) (x (+ y 1))) (list x y))", "(3 2)"),
        (
            "(letrec ((even? (lambda (n) (if (= n 0) #t (odd? (- n 1))))) (odd? (lambda (n) (if (= n 0) #f (even? (- n 1)))))) (list (even? 10) (odd? 10)))",
            "(#t #f)",
        ),
        (
            "(let ((k 5)) (letrec ((f (lambda (n) (if (= n 0) '() (cons (+ n k) (f (- n 1))))))) (list (f 2) (map f '(0 1)))))",
            "((7 6) (() (6)))",
        ),
        ("(letrec ((k 3) (f (lambda (n) (+ n k)))) (f 1))", "4"),
        (
            "(let loop ((i 0) (out '())) (if (< i 3) (loop (+ i 1) (cons i out)) out))",
            "(2 1 0)",
        ),
        (
            "(let loop ((i 0)) (if (< i 3) (+ 1 (loop (+ i 1))) 0))",
            "3",
        ),
        (
            "(let loop ((i 0)) (cond ((< i 100000) (loop (+ i 1))) (else i)))",
            "100000",
        ),
        (
            "(let a ((i 0) (n 0)) (if (< i 3) (let b ((j 0) (n n)) (if (< j 3) (b (+ j 1) (+ n 1)) (a (+ i 1) n))) n))",
            "9",
        ),
        (
            "(let loop ((i 0) (fs '())) (if (< i 3) (loop (+ i 1) (cons (lambda () i) fs)) (map (lambda (f) (f)) fs)))",
            "(2 1 0)",
        ),
        (
            "(do ((i 0 (+ i 1)) (s 0 (+ s i)) (k 9)) ((= i 4) (list s k)))",
            "(6 9)",
        ),
        (
            "(let ((n 0)) (do ((i 0 (+ i 1))) ((= i 4)) (set! n (+ n i))) n)",
            "6",
        ),
        ("(let ((n 0)) (for (x '(1 2 3)) (set! n (+ n x))) n)", "6"),
        (
            "(begin (for (i '(1 2)) (for (j '(3 4)) (log! (list i j)))) (logged))",
            "((1 3) (1 4) (2 3) (2 4))",
        ),
        ("(let ((x 1)) (set! x (+ x 1)) (begin) x)", "2"),
        // Left to right: what was read stays as it was.
        ("(let ((x 1)) (list x (begin (set! x 2) x) x))", "(1 2 2)"),
        ("((lambda (a . r) (list a r)) 1 2 3)", "(1 (2 3))"),
        ("((lambda all all) 1 2)", "(1 2)"),
        (
            "(let ((f (lambda (a . r) (cons a r)))) (list (f 1) (f 1 2)))",
            "((1) (1 2))",
        ),
        (
            "(let ((x 10)) (map (lambda (y) (+ x y)) '(1 2)))",
            "(11 12)",
        ),
        (
            "(let ((x 1)) (((lambda (y) (lambda (z) (list x y z))) 2) 3))",
            "(1 2 3)",
        ),
        ("((lambda (x y) (list y x)) 1 2)", "(2 1)"),
        ("(fold + 0 '(1 2 3))", "6"),
        ("(+ 1 2 3 4)", "10"),
        ("(map just '(1 2))", "((just 1) (just 2))"),
        ("(let* ((_ 1) (_ 2)) 3)", "3"),
    ]);
}

#[test]
fn quotations() {
    table(&[
        ("'(a \"b\" 1 #t (c . d) ())", "(a \"b\" 1 #t (c . d) ())"),
        ("'(nothing (just 1))", "(nothing (just 1))"),
        (
            "(let ((x 1) (l '(2 3))) `(a ,x ,@l (b ,(+ x 1)) . ,x))",
            "raised type/mismatch",
        ),
        (
            "(let ((x 1) (l '(2 3))) `(a ,x ,@l (b ,(+ x 1)) c))",
            "(a 1 2 3 (b 2) c)",
        ),
        ("(let ((x 1)) `(a . ,x))", "(a . 1)"),
        ("(let ((x '(1))) `(a . ,x))", "(a 1)"),
        ("(let ((x 1)) `(just ,x))", "(just 1)"),
        (
            "(let ((x 1)) `(a `(b ,(c ,x))))",
            "(a (quasiquote (b (unquote (c 1)))))",
        ),
        (
            "(let ((x 1)) `(a `(b ,x ,(c ,@(list x 2)))))",
            "(a (quasiquote (b (unquote x) (unquote (c 1 2)))))",
        ),
        ("`(,@'(1 2))", "(1 2)"),
        ("`x", "x"),
        ("()", "()"),
    ]);
}

#[test]
fn errors() {
    table(&[
        ("(guard (e ((equal? e 'a) 1) (else e)) (raise 'a))", "1"),
        (
            "(guard (e ((equal? e 'a) 1) (else (list e))) (raise 'b))",
            "(b)",
        ),
        ("(guard (e ((equal? e 'a) 1)) (raise 'b))", "raised b"),
        ("(guard (e ((equal? e 'a) 1)) 5)", "5"),
        (
            "(guard (e (else (list 'outer e))) (guard (e ((equal? e 1) 2)) (raise 3)))",
            "(outer 3)",
        ),
        (
            "(let loop ((i 0)) (guard (e (else (if (< i 3) (loop (+ i 1)) i))) (raise 1)))",
            "3",
        ),
    ]);
}

#[test]
fn patterns() {
    let clauses = "((1) 'one) ((1 x) #:when (> x 5) (list 'big x)) ((1 x) (list 'small x))
        ('sym 'symbol) (nothing 'none) ((just (a b)) (list b a)) ((just _) 'some)
        ((? int? n) (+ n 1)) ((x 'mid . rest) (list x rest)) ((a . b) (list 'cons a b)) (\"s\" 'str) (_ 'other)";
    let cases = [
        ("'(1)", "one"),
        ("'(1 9)", "(big 9)"),
        ("'(1 2)", "(small 2)"),
        ("'sym", "symbol"),
        ("nothing", "none"),
        ("(just '(1 2))", "(2 1)"),
        ("(just 1)", "some"),
        ("41", "42"),
        ("'(9 mid 1 2)", "(9 (1 2))"),
        ("'(9 8 7)", "(cons 9 (8 7))"),
        ("(pair 1 2)", "(cons 1 2)"),
        ("\"s\"", "str"),
        ("'()", "other"),
        ("#t", "other"),
    ];
    for (value, want) in cases {
        assert_eq!(eval(&format!("(match {value} {clauses})")), want, "{value}");
    }
    table(&[
        ("(match 1 (2 3))", "raised (match/no-clause 1)"),
        ("(match 1 ((? (lambda (x) (> x 0))) 'yes) (_ 'no))", "yes"),
        (
            "(let loop ((l '(1 2 3)) (n 0)) (match l (() n) ((x . r) (loop r (+ n x)))))",
            "6",
        ),
    ]);
}

#[test]
fn hygiene() {
    table(&[
        // Names of rules do not capture those of users, nor the other way round.
        ("(let ((t 5)) (my-or #f t))", "5"),
        (
            "(let ((tmp 1) (other 2)) (swap! tmp other) (list tmp other))",
            "(2 1)",
        ),
        ("(let ((list 7) (if 8)) (my-list list))", "(7)"),
        (
            "(let ((just? 1) (call 2)) (transaction (my-or #f just?)))",
            "(just 1)",
        ),
        ("(my-let ((a 1) (b 2)) (+ a b))", "3"),
        // Derived forms do not look at what users call their variables.
        (
            "(let ((list 1) (append 2) (cons 3) (equal? 4)) `(,list ,@'(9) . ,'(8)))",
            "(1 9 8)",
        ),
        (
            "(let ((equal? 4) (car 1) (cdr 2) (length 3)) (match '(1 2) ((a b) b)))",
            "2",
        ),
        ("(let ((equal? 4)) (case 1 ((1) 'yes)))", "yes"),
        (
            "(let ((raise 4)) (guard (e (#f 1)) (car '())))",
            "raised type/mismatch",
        ),
        (
            "(let ((car 1) (cdr 2) (equal? 3)) (for (x '(1 2)) (log! x)) (logged))",
            "(1 2)",
        ),
        ("(let ((quote 1) (x 2)) (list 'x x))", "(x 2)"),
        ("(let ((if list)) (if 1 2 3))", "(1 2 3)"),
        ("(let ((else #f)) (cond (else 1)))", "nothing"),
        (
            "(let ((abort (lambda () 3))) (transaction (abort)))",
            "nothing",
        ),
        (
            "(transaction (let ((abort (lambda () 3))) (abort)))",
            "(just 3)",
        ),
        (
            "(let ((t 1) (v 2) (out 3)) (transaction (list t v out)))",
            "(just (1 2 3))",
        ),
        (
            "(let ((loop 4) (left 5) (n 6)) (atomically #:retries 2 (list loop left n)))",
            "(just (4 5 6))",
        ),
        (
            "(list (flagged 1) (flagged 1 #:loud) (last-of 1 2 3))",
            "((quiet 1) (loud 1) 3)",
        ),
    ]);
    // Functions of the module do not either.
    let source =
        "(module m) (define (list . x) 'mine) (define (just x) 'mine) (define (fold) 'mine)
        (program (main) (pair (transaction (list 1)) `(,(fold) ,(+ 1 2 3))))";
    assert_eq!(outcome(source, vec![]).0, "((just mine) . (mine 6))");
}

#[test]
fn transactions() {
    table(&[
        ("(transaction 1 2)", "(just 2)"),
        ("(transaction (abort) 2)", "nothing"),
        ("(transaction #:controller (ctl \"c\") 1)", "(just 1)"),
        ("(begin (fail-commits! 1) (transaction 1))", "nothing"),
        (
            "(begin (fail-commits! 2) (atomically #:retries 2 (log! 'try) 1))",
            "(just 1)",
        ),
        (
            "(begin (fail-commits! 3) (atomically #:retries 2 1))",
            "nothing",
        ),
        (
            "(begin (fail-commits! 1) (atomically #:retries 5 (log! 1) (abort)) (logged))",
            "(1)",
        ),
        (
            "(guard (e (else (list e (transaction 1)))) (transaction (raise 'x)))",
            "(x (just 1))",
        ),
        (
            "(transaction (for (x '(1 2 3)) (log! x) (when (= x 2) (abort))) 1)",
            "nothing",
        ),
        ("(transaction (match '(1) ((x) (abort))) 1)", "nothing"),
    ]);
}

#[test]
fn state() {
    let source = "(module m)
        (define (default) 40)
        (behaviour b (state (a (+ (default) 2)) (b '()) (c \"c\"))
          (on 'get (reply (list a b c)))
          (on ('both x) (set-state! a x) (set-state! b (list a)) (reply* a b))
          (on ('pair x y) (set-state! b y a x) (reply a))
          (on ('again o) (set-state! a 1) (call o (list 'set (self))) (reply a))
          (on ('set o) (call o '(pair 7 8)) (reply 0))
          (on ('all x) (set-state! a x b x c x) (reply))
          (on ('effect) (set-state! a 1) (set-state! b (begin (log! (get-state)) a)) (reply b))
          (on ('shadow a) (reply a))
          (on ('no) (reject 'because))
          (on ('silent) 5)
          (otherwise (set-state! c (input)) (reply ((lambda () c)))))
        (program (main)
          (let ((o (new 'b)) (p (new 'b)))
            (let ((ask (lambda (o v) (call o v))))
              (list (ask o 'get) (ask o '(both 5)) (ask o 'get) (ask o '(pair 1 2)) (ask o '(again 0))
                    (ask o (list 'again p)) (ask o 'get) (ask o '(effect)) (ask o '(all 3)) (ask o 'get)
                    (ask o '(shadow 9)) (ask o '(no)) (ask o '(silent)) (ask o 'x) (ask o 'get)))))";
    // `(again 0)` faults in `call`: its effects are undone.
    let source = source.replace(
        "(ask o '(again 0))",
        "(guard (e (else e)) (ask o '(again 0)))",
    );
    let (value, writes) = outcome(&source, vec![]);
    let want = "((just (42 () \"c\")) (just 5) (just (5 (5) \"c\")) (just 1) type/mismatch (just 7) \
        (just (7 8 \"c\")) (just 1) (just nothing) (just (3 3 3)) (just 9) nothing nothing (just x) (just (3 3 x)))";
    assert_eq!(value, want);
    // both, pair, again (undone), again, pair from there, effect twice, all, otherwise
    assert_eq!(writes, 9);
}

#[test]
fn records() {
    let source = "(module m) (define-record point (x y)) (define-record dot (x))
        (define (where p) (match p ((point 0 y) (list 'axis y)) ((point x y) (+ x y)) ((dot x) x) (_ 'what)))
        (program (main) (let ((p (point 3 4)))
          (list (point-x p) (point? p) (point? (dot 1)) (point? 1) (where p) (where (point 0 1)) (where (dot 5))
                (where '(point 1)) (map point-y (list p)) (guard (e (else e)) (point-x (dot 1))))))";
    let want = "(3 #t #f #f 7 (axis 1) 5 what (4) (record/mismatch point))";
    assert_eq!(outcome(source, vec![]).0, want);
}

#[test]
fn constants_and_functions() {
    let source = "(module m) (define a 5) (define b (list a 'x)) (define f (lambda (x) (+ x a)))
        (define (g x . r) (list x r)) (define c '(1 2))
        (program (main) (list a b (f 1) (map f c) (g 1) (g 1 2 3) (h)))
        (define (h) (map (lambda (x) (g x)) c))";
    assert_eq!(
        outcome(source, vec![]).0,
        "(5 (5 x) 6 (6 7) (1 ()) (1 (2 3)) ((1 ()) (2 ())))"
    );
}

struct Library;

impl Modules for Library {
    fn module(&self, name: &str) -> Option<ModuleText<'_>> {
        let (file, text) = match name {
            "shapes" => (10, "(module shapes (import base (prefix b-)) (export area square point))
                (define-record point (x y)) (define (hidden) 4) (define (unused) (b-twice 1))
                (define (area s) (b-twice (hidden))) (behaviour square (on 'area (reply (area 1))))"),
            "base" => (11, "(module base) (define (twice x) (+ x x))"),
            "loop-a" => (12, "(module loop-a (import loop-b))"),
            "loop-b" => (13, "(module loop-b (import loop-a))"),
            "wrong" => (14, "(module other)"),
            _ => return None,
        };
        Some(ModuleText { file, text })
    }

    fn hash(&self, text: &str) -> Option<Vec<u8>> {
        Some(vec![text.len() as u8])
    }
}

#[test]
fn imports() {
    let source = "(module m (import shapes (only area square point)) (import base (prefix base/) #:hash \"28\"))
        (program (main) (list (area 0) (base/twice 2) (point-x (point 1 2)) (call (new 'square) 'area)))";
    let dialect = toy::dialect();
    let compiled = compile(source, 0, &dialect, &Library);
    assert_eq!(compiled.diagnostics, vec![]);
    let unit = compiled.unit.expect("no errors");
    let names: Vec<_> = dialect.forms.iter().map(|f| f.name).collect();
    assert_eq!(execute(&unit, &names, "main", vec![]).0, "(8 4 1 (just 8))");
    let functions: Vec<_> = unit.functions.iter().map(|f| f.name.as_str()).collect();
    assert!(functions.contains(&"base.twice"), "{functions:?}");
    assert!(!functions.contains(&"shapes.unused"), "{functions:?}");
    assert!(!functions.contains(&"any"), "{functions:?}");

    let refused = [
        ("(import nowhere)", "there is no module"),
        ("(import loop-a)", "import each other"),
        ("(import wrong)", "is a module `other`"),
        ("(import base #:hash \"00\")", "the hash of `base` is 28"),
        ("(import shapes (only hidden))", "does not export `hidden`"),
        ("(import base nonsense)", "not written this way"),
    ];
    for (clause, want) in refused {
        let source = format!("(module m {clause})");
        let found = compile(&source, 0, &dialect, &Library).diagnostics;
        assert!(
            found
                .iter()
                .any(|d| d.code == "E012" && d.message.contains(want)),
            "{clause}: {found:?}"
        );
    }
}

#[test]
fn tests_are_entries() {
    let source = "(module m) (test \"adds\" (+ 1 2) => 3)";
    let dialect = toy::dialect();
    let unit = compile(source, 0, &dialect, &()).unit.expect("no errors");
    let names: Vec<_> = dialect.forms.iter().map(|f| f.name).collect();
    assert_eq!(execute(&unit, &names, "adds", vec![]).0, "(3 . 3)");
}

//! The example programs of the specification, section 26: all compile; those that need nothing but
//! objects and transactions run, with the outcomes written there.

use avm_lang::core::EntryKind;
use avm_lang::diagnostic::render_all;
use avm_lang::{Compiled, compile};

#[path = "support/run.rs"]
mod run;
#[path = "support/toy.rs"]
mod toy;

use run::Value;

fn compiled(source: &str) -> Compiled {
    let compiled = compile(source, 0, &toy::dialect(), &());
    let findings = render_all(&compiled.diagnostics, &("example.avm", 0, source));
    assert_eq!(findings, "");
    compiled
}

fn outcome(source: &str, args: Vec<Value>) -> String {
    let unit = compiled(source).unit.expect("no findings");
    assert_eq!(unit.clauses[0].0, "default-controller");
    let names: Vec<_> = toy::dialect().forms.iter().map(|f| f.name).collect();
    run::run(&unit, &names, "main", args).0
}

#[test]
fn outcomes() {
    let cases = [
        (
            include_str!("programs/counter.avm"),
            vec![],
            "((just 6) nothing)",
        ),
        (
            include_str!("programs/echo.avm"),
            vec![],
            "(\"ready\" (1 \"x\" #t) (1 \"x\" #t))",
        ),
        (
            include_str!("programs/ping-pong.avm"),
            vec![Value::Int(5)],
            "(done 5)",
        ),
        (
            include_str!("programs/bank.avm"),
            vec![],
            "((just done) nothing 70 30)",
        ),
        (
            include_str!("programs/battleship.avm"),
            vec![],
            "(nothing hit hit miss hit 1)",
        ),
        (
            include_str!("programs/auction.avm"),
            vec![],
            "((\"ben\" 8) nothing)",
        ),
    ];
    for (source, args, want) in cases {
        assert_eq!(outcome(source, args), want, "{source}");
    }
}

#[test]
fn the_others_compile() {
    let swap = compiled(include_str!("programs/swap.avm"))
        .unit
        .expect("no findings");
    let kinds: Vec<_> = swap
        .entries
        .iter()
        .map(|e| (e.name.as_str(), e.kind, e.exported))
        .collect();
    let want = [
        ("token", EntryKind::Behaviour, true),
        ("alice", EntryKind::Intent, true),
        ("bob", EntryKind::Intent, true),
        ("main", EntryKind::Program, true),
    ];
    assert_eq!(kinds, want);
    assert_eq!(swap.caps, ["solver"]);
    assert_eq!(swap.entries[0].fields, ["owner", "kind"]);
    for source in [
        include_str!("programs/queens.avm"),
        include_str!("programs/dcounter.avm"),
    ] {
        compiled(source);
    }
    // Exports a `main` that it does not have: a warning.
    let source = include_str!("programs/philosophers.avm");
    let found = compile(source, 0, &toy::dialect(), &());
    assert!(found.unit.is_some_and(|u| u.entries.len() == 2));
    assert_eq!(
        found.diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(),
        ["W205"]
    );
}

/// What a back end gets for a small module, so that a change of the core form is seen.
#[test]
fn core_form() {
    let source = "(module m) (define (count xs) (let loop ((xs xs) (n 0))
        (match xs (() n) ((_ . r) (loop r (+ n 1))))))
        (behaviour b (state (n 0)) (on ('add k) #:when (> k 0) (set-state! n (+ n k)) (reply n)))
        (program (main k) (map (lambda (x) (+ x k)) '(1)) (count '(1 2)))";
    let unit = compiled(source).unit.expect("no findings");
    let names = toy::dialect();
    let mut out = String::new();
    for function in unit.functions.iter().take(4) {
        out.push_str(&format!(
            "{} {:?} params {} captures {}\n  {}\n",
            function.name,
            function.variables,
            function.params,
            function.captures,
            show(&function.body, &names)
        ));
    }
    insta::assert_snapshot!("core_form", out);
}

fn show(e: &avm_lang::core::Expr, dialect: &avm_lang::dialect::Dialect) -> String {
    use avm_lang::core::Kind;
    let one = |e: &avm_lang::core::Expr| show(e, dialect);
    let all = |items: &[avm_lang::core::Expr]| {
        items
            .iter()
            .map(|i| format!(" {}", one(i)))
            .collect::<String>()
    };
    match &e.kind {
        Kind::Const(d) => format!("{d:?}"),
        Kind::Local(i) => format!("v{i}"),
        Kind::Set(i, e) => format!("(set v{i} {})", one(e)),
        Kind::If(a, b, c) => format!("(if {} {} {})", one(a), one(b), one(c)),
        Kind::Let(i, a, b) => format!("(let v{i} {} {})", one(a), one(b)),
        Kind::Seq(items) => format!("(seq{})", all(items)),
        Kind::Closure(f, items) => format!("(closure f{f}{})", all(items)),
        Kind::Call(f, items) => format!("(f{f}{})", all(items)),
        Kind::Apply(f, items) => format!("(apply {}{})", one(f), all(items)),
        Kind::Form(f, items, _) => format!("({}{})", dialect.forms[*f as usize].name, all(items)),
        Kind::Block(l, e) => format!("(block L{l} {})", one(e)),
        Kind::Break(l, e) => format!("(break L{l} {})", one(e)),
        Kind::Loop(l, vars, e) => {
            let vars: String = vars
                .iter()
                .map(|(i, e)| format!(" v{i}={}", one(e)))
                .collect();
            format!("(loop L{l}{vars} {})", one(e))
        }
        Kind::Again(l, items) => format!("(again L{l}{})", all(items)),
        Kind::Guard {
            body,
            variable,
            handler,
        } => format!("(guard v{variable} {} {})", one(body), one(handler)),
    }
}

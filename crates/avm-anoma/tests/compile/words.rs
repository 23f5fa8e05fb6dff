//! What is generated, as listings.

use avm_anoma::code::list::function_listing;
use avm_anoma::code::listing;
use avm_anoma::compile::{self, Places};
use avm_lang::core::EntryKind;

use crate::build::{
    again, apply, bind, bool, call, closure, form, function, guard, int, nothing, repeat, seq, sym,
    test, unit, var,
};

fn compile(unit: &avm_lang::core::Unit) -> avm_anoma::code::Module {
    compile::module(unit, &Places::default()).unwrap()
}

/// Sums 1 to n: the loop is four words.
#[test]
fn a_loop() {
    let sum = repeat(
        0,
        vec![(1, var(0)), (2, int(0))],
        test(
            form("<", vec![var(1), int(1)]),
            var(2),
            again(
                0,
                vec![
                    form("-", vec![var(1), int(1)]),
                    form("+", vec![var(2), var(1)]),
                ],
            ),
        ),
    );
    let module = compile(&unit(EntryKind::Pure, vec![function("sum", 1, 0, 3, sum)]));
    insta::assert_snapshot!(function_listing(&module, 0));
}

#[test]
fn calls() {
    let fib = test(
        form("<", vec![var(0), int(2)]),
        var(0),
        form(
            "+",
            vec![
                call(0, vec![form("-", vec![var(0), int(1)])]),
                call(0, vec![form("-", vec![var(0), int(2)])]),
            ],
        ),
    );
    let even = test(
        form("=", vec![var(0), int(0)]),
        bool(true),
        call(1, vec![form("-", vec![var(0), int(1)])]),
    );
    let make = closure(3, vec![var(0)]);
    let inner = apply(var(1), vec![var(0), form("+", vec![var(0), var(1)])]);
    let unit = unit(
        EntryKind::Program,
        vec![
            function("fib", 1, 0, 1, fib),
            function("even", 1, 0, 1, even),
            function("make", 1, 0, 1, make),
            function("make/lambda", 1, 1, 2, inner),
        ],
    );
    insta::assert_snapshot!(listing(&compile(&unit)));
}

/// A message in, a clause found, a state changed, an answer out.
#[test]
fn a_behaviour() {
    let field = || {
        test(
            form("equal?", vec![var(1), form("list", vec![])]),
            int(0),
            form("list-ref", vec![var(1), int(0)]),
        )
    };
    let inc = bind(
        1,
        form("get-state", vec![]),
        bind(
            2,
            form("+", vec![field(), int(1)]),
            seq(vec![
                form("put-state!", vec![form("list", vec![var(2)])]),
                form("reply", vec![var(2)]),
            ]),
        ),
    );
    let body = bind(
        0,
        form("input", vec![]),
        test(
            form("equal?", vec![var(0), sym("inc")]),
            inc,
            test(
                form("equal?", vec![var(0), sym("get")]),
                bind(1, form("get-state", vec![]), form("reply", vec![field()])),
                form("reject", vec![]),
            ),
        ),
    );
    let unit = unit(
        EntryKind::Behaviour,
        vec![function("counter", 0, 0, 3, body)],
    );
    insta::assert_snapshot!(function_listing(&compile(&unit), 0));
}

#[test]
fn effects_and_handlers() {
    let body = bind(
        0,
        form("new", vec![sym("counter")]),
        seq(vec![
            form("call", vec![var(0), sym("inc")]),
            guard(
                form(
                    "ask",
                    vec![var(0), form("list", vec![sym("add"), form("self", vec![])])],
                ),
                1,
                form("list", vec![var(0), var(1)]),
            ),
        ]),
    );
    let mut unit = unit(
        EntryKind::Program,
        vec![
            function("main", 0, 0, 2, body),
            function(
                "controller",
                0,
                0,
                0,
                form("ctl", vec![crate::build::text("c1")]),
            ),
        ],
    );
    unit.clauses.push(("default-controller".into(), 1));
    insta::assert_snapshot!(function_listing(&compile(&unit), 0));
    // A controller that is not known before.
    unit.functions[1].body = form("unjust", vec![form("current-controller", vec![])]);
    let module = compile(&unit);
    insta::assert_snapshot!("a_computed_controller", function_listing(&module, 0));
}

/// `(and (list? m) (= (length m) 2) (equal? (car m) 'add))` as a condition goes straight on.
#[test]
fn a_condition() {
    let and = |a, b| test(a, b, bool(false));
    let fits = and(
        form("list?", vec![var(0)]),
        and(
            form("=", vec![form("length", vec![var(0)]), int(2)]),
            form("equal?", vec![form("car", vec![var(0)]), sym("add")]),
        ),
    );
    let body = test(
        form("not", vec![fits]),
        nothing(),
        form("cadr", vec![var(0)]),
    );
    let unit = unit(EntryKind::Pure, vec![function("main", 1, 0, 1, body)]);
    insta::assert_snapshot!(function_listing(&compile(&unit), 0));
}

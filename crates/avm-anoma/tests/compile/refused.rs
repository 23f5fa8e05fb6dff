//! What the compiler refuses, and how far it goes.

use avm_anoma::compile::{self, Places, Problem};
use avm_lang::core::{Entry, EntryKind, Expr, Unit};

use crate::build::{
    again, bind, block, call, form, function, int, leave, nothing, repeat, seq, set, sym, test,
    text, unit, var,
};
use crate::machine::{self, End};
use avm_anoma::value::Val;

fn problem(unit: &Unit) -> Problem {
    match compile::module(unit, &Places::default()) {
        Ok(module) => panic!("it compiles: {module:?}"),
        Err(error) => error.problem,
    }
}

fn program(variables: u32, body: Expr) -> Unit {
    unit(
        EntryKind::Program,
        vec![function("main", 0, 0, variables, body)],
    )
}

#[test]
fn units_that_break_the_rules() {
    let core = |what| Problem::Core(what);
    let cases = [
        (
            "no variable",
            program(0, set(0, int(1))),
            core("a variable that has no value here"),
        ),
        (
            "no value",
            program(1, var(0)),
            core("a variable that has no value here"),
        ),
        (
            "no label",
            program(0, leave(3, int(1))),
            core("a label that is not around"),
        ),
        (
            "no loop",
            program(0, again(3, vec![])),
            core("a label that is not around"),
        ),
        (
            "a block started over",
            program(0, block(0, again(0, vec![]))),
            core("a block that is started over"),
        ),
        (
            "a loop that is left",
            program(0, repeat(0, vec![], leave(0, int(1)))),
            core("a loop that is left like a block"),
        ),
        (
            "other variables",
            program(1, repeat(0, vec![(0, int(1))], again(0, vec![]))),
            core("a loop with other variables"),
        ),
        (
            "no function",
            program(0, call(7, vec![])),
            core("a function that does not exist"),
        ),
        (
            "nothing in a row",
            program(0, seq(vec![])),
            core("a sequence of nothing"),
        ),
        (
            "arguments",
            program(0, call(0, vec![int(1)])),
            Problem::Arguments {
                name: "main".into(),
                got: 1,
                want: 0,
            },
        ),
        (
            "arguments of a form",
            program(0, form("cons", vec![int(1)])),
            Problem::Arguments {
                name: "cons".into(),
                got: 1,
                want: 2,
            },
        ),
        (
            "a name",
            program(0, form("ctl", vec![text("")])),
            Problem::Name(String::new()),
        ),
        (
            "no literal",
            program(0, form("mach", vec![form("input", vec![])])),
            Problem::Literal("mach".into()),
        ),
        (
            "a key alone",
            program(0, form("map-of", vec![int(1)])),
            Problem::Pairs,
        ),
        (
            "a number that is none",
            program(
                0,
                form(
                    "list",
                    vec![
                        form("input", vec![]),
                        crate::build::expr(avm_lang::core::Kind::Const(
                            avm_lang::core::Datum::Int("9".repeat(80)),
                        )),
                    ],
                ),
            ),
            Problem::Constant("arithmetic overflow".into()),
        ),
    ];
    for (name, unit, want) in cases {
        match (problem(&unit), want) {
            (Problem::Constant(_), Problem::Constant(_)) => {}
            (found, want) => assert_eq!(found, want, "{name}"),
        }
    }
}

#[test]
fn a_name_is_offered_once() {
    let mut unit = program(0, nothing());
    let again = Entry {
        kind: EntryKind::Pure,
        ..unit.entries[0].clone()
    };
    unit.entries.push(again);
    assert_eq!(problem(&unit), Problem::Twice("main".into()));
}

#[test]
fn an_effect_in_a_pure_function_is_refused() {
    let pure = unit(
        EntryKind::Pure,
        vec![function("main", 0, 0, 0, form("self", vec![]))],
    );
    assert!(matches!(problem(&pure), Problem::Refused(_)));
}

/// A sum of `n` values that are alive at once.
fn alive(n: u32) -> Unit {
    let items = (0..n).map(|_| form("input", vec![])).collect();
    program(0, form("list", items))
}

#[test]
fn values_that_are_alive_at_once() {
    compile::module(&alive(249), &Places::default()).unwrap();
    assert_eq!(problem(&alive(251)), Problem::TooManyValues);
    let bindings = |n: u32| {
        let sum = (0..n).fold(int(0), |sum, v| form("+", vec![sum, var(v)]));
        let body = seq(vec![sum, form("list", vec![var(0)])]);
        (0..n)
            .rev()
            .fold(body, |body, v| bind(v, form("input", vec![]), body))
    };
    compile::module(&program(200, bindings(200)), &Places::default()).unwrap();
    assert_eq!(
        problem(&program(300, bindings(300))),
        Problem::TooManyValues
    );
}

#[test]
fn expressions_in_each_other() {
    let nested = |n: u32| (0..n).fold(form("input", vec![]), |e, _| form("car", vec![e]));
    compile::module(&program(0, nested(350)), &Places::default()).unwrap();
    assert_eq!(problem(&program(0, nested(1_000))), Problem::TooDeep);
    // Sequences of conditions and bindings are long, not deep.
    let chain = (0..1_000).fold(int(0), |rest, n| {
        test(form("=", vec![var(0), int(n)]), int(n + 1), rest)
    });
    let chain = bind(0, form("input", vec![]), chain);
    compile::module(&program(1, chain), &Places::default()).unwrap();
}

#[test]
fn more_constants_than_a_comparison_can_name() {
    let cases: Vec<Expr> = (0..400)
        .map(|n| {
            let name = sym(&format!("s{n}"));
            test(
                form("equal?", vec![var(0), name]),
                form("reply", vec![int(n)]),
                nothing(),
            )
        })
        .collect();
    let body = bind(
        0,
        form(
            "car",
            vec![form("list", vec![sym("s399"), form("self", vec![])])],
        ),
        seq(cases),
    );
    let module = compile::module(&program(1, body), &Places::default()).unwrap();
    let outcome = machine::run(&module, 0, &[], 100_000);
    assert_eq!(
        outcome.log,
        [
            ("self".into(), vec![]),
            ("reply".into(), vec![Val::Int(399)])
        ]
    );
    assert_eq!(outcome.end, End::Value(Val::Nothing));
}

#[test]
fn a_variable_may_be_set_while_its_old_value_waits() {
    // (let v0 1 (+ v0 (begin (set! v0 10) v0)))
    let later = seq(vec![set(0, int(10)), var(0)]);
    let unit = program(
        1,
        bind(
            0,
            form("unjust", vec![form("just", vec![int(1)])]),
            form("+", vec![var(0), later]),
        ),
    );
    let module = compile::module(&unit, &Places::default()).unwrap();
    assert_eq!(
        machine::run(&module, 0, &[], 100).end,
        End::Value(Val::Int(11))
    );
}

#[test]
fn unsupported_forms_say_so() {
    let unit = program(0, form("gas-limit!", vec![int(1)]));
    let module = compile::module(&unit, &Places::default()).unwrap();
    let error = ["error", "unsupported", "gas-limit!"].map(Val::str);
    assert_eq!(
        machine::run(&module, 0, &[], 100).end,
        End::Error(Val::list(error).unwrap())
    );
}

//! The verifier: each way to be wrong, with its error.

use avm_anoma::code::VerifyError as E;
use avm_anoma::code::WordError as W;
use avm_anoma::code::op::*;
use avm_anoma::code::verify::{HANDLERS_MAX, NAME_MAX, WORDS_MAX};
use avm_anoma::code::word::{abc, abx, asbx};
use avm_anoma::code::{Export, ExportKind, Function, Module, verify};
use avm_anoma::value::Val;
use proptest::prelude::*;

use super::{export, function, module};

/// A name, words, and the word where something is wrong.
type Case<E> = (&'static str, Vec<u32>, Result<(), (u32, E)>);

const fn ret(a: u8) -> u32 {
    abc(RET, a, 0, 0)
}

const fn nil(a: u8) -> u32 {
    abc(LOADNIL, a, 0, 0)
}

/// Checks what the verifier says of function 0.
#[track_caller]
fn check(name: &str, module: &Module, want: Result<(), (u32, W)>) {
    let want = want.map_err(|(at, error)| E::Word {
        function: 0,
        at,
        error,
    });
    assert_eq!(verify(module), want, "{name}");
}

#[test]
fn shapes() {
    let constant = abx(LOADK, 0, 2);
    #[rustfmt::skip]
    let cases: Vec<Case<W>> = vec![
        ("fine", vec![nil(0), ret(0)], Ok(())),
        ("no opcode", vec![0x0e, ret(0)], Err((0, W::Unknown { code: 0x0e }))),
        ("reserved", vec![abc(EXT, 0, 0, 0), ret(0)], Err((0, W::Reserved { name: "ext" }))),
        ("switch", vec![abc(SWITCH, 0, 0, 0), ret(0)], Err((0, W::Reserved { name: "switch" }))),
        ("gaslimit", vec![abc(GASLIMIT, 0, 0, 0), ret(0)], Err((0, W::Reserved { name: "gaslimit" }))),
        ("caps", vec![abc(CAPS, 0, 0, 0), ret(0)], Err((0, W::Reserved { name: "caps" }))),
        ("unused a", vec![asbx(JMP, 1, 0), ret(0)], Err((0, W::Unused { name: "jmp", operand: 'a', found: 1 }))),
        ("unused b", vec![abc(LOADT, 0, 9, 0), ret(0)], Err((0, W::Unused { name: "loadt", operand: 'b', found: 9 }))),
        ("unused c", vec![nil(0), abc(MOV, 1, 0, 7), ret(0)], Err((1, W::Unused { name: "mov", operand: 'c', found: 7 }))),
        ("target register", vec![nil(4), ret(0)], Err((0, W::Register { register: 4, registers: 4 }))),
        ("argument register", vec![abc(ADD, 0, 1, 9), ret(0)], Err((0, W::Register { register: 9, registers: 4 }))),
        ("last of three", vec![abc(SET, 0, 2, 0), ret(0)], Err((0, W::Register { register: 4, registers: 4 }))),
        ("range", vec![abc(LIST, 0, 1, 4), ret(0)], Err((0, W::Register { register: 4, registers: 4 }))),
        ("range past 255", vec![abc(LIST, 0, 255, 255), ret(0)], Err((0, W::Register { register: 509, registers: 4 }))),
        ("empty range", vec![abc(LIST, 0, 3, 0), ret(0)], Ok(())),
        ("closure and arguments", vec![abc(CALLC, 0, 1, 3), ret(0)], Err((0, W::Register { register: 4, registers: 4 }))),
        ("constant", vec![constant, ret(0)], Err((0, W::Constant { index: 2, constants: 2 }))),
        ("constant of a comparison", vec![nil(0), abc(JEQK, 0, 3, 0), ret(0)], Err((1, W::Constant { index: 3, constants: 2 }))),
        ("function", vec![abx(CALLF, 0, 4), ret(0)], Err((0, W::Function { index: 4, functions: 4 }))),
        ("tail function", vec![abx(TAILF, 0, 9)], Err((0, W::Function { index: 9, functions: 4 }))),
        ("closure function", vec![abx(CLOSURE, 0, 9), ret(0)], Err((0, W::Function { index: 9, functions: 4 }))),
        ("closure called as a function", vec![nil(0), abx(CALLF, 0, 3), ret(0)], Err((1, W::NoCaptures { index: 3, captures: 2 }))),
        ("captured value", vec![abc(CAPT, 0, 0, 0), ret(0)], Err((0, W::Capture { index: 0, captures: 0 }))),
        ("kind", vec![nil(0), abc(ISTYPE, 0, 0, 3), ret(0)], Err((1, W::Tag { tag: 3 }))),
        ("jump before", vec![asbx(JMP, 0, -2), ret(0)], Err((0, W::Target { target: -1, words: 2 }))),
        ("jump behind", vec![asbx(JMP, 0, 1), ret(0)], Err((0, W::Target { target: 2, words: 2 }))),
        ("skip behind", vec![nil(0), abc(JEQK, 0, 0, 1), ret(0)], Err((1, W::Target { target: 3, words: 3 }))),
        ("handler behind", vec![asbx(GUARD, 0, 9), ret(0)], Err((0, W::Target { target: 10, words: 2 }))),
        ("falls off", vec![nil(0), nil(1)], Err((1, W::FallsOff))),
        ("falls off a branch", vec![nil(0), asbx(JT, 0, -2)], Err((1, W::FallsOff))),
        ("unreachable and wrong", vec![asbx(JMP, 0, 1), nil(9), abc(END, 0, 0, 0)], Err((1, W::Register { register: 9, registers: 4 }))),
        ("a loop without end", vec![asbx(JMP, 0, -1)], Ok(())),
        ("what comes later", vec![nil(0), abc(CHOOSE, 0, 0, 0), ret(0)], Ok(())),
    ];
    for (name, words, want) in cases {
        let mut module = module(&words);
        module.constants = vec![Val::int(1), Val::int(2)];
        module.functions.push(function(0, &[nil(0), ret(0)]));
        module.functions.push(function(2, &[ret(1)]));
        module.functions.push(Function {
            captures: 2,
            ..function(1, &[abc(CAPT, 0, 1, 0), ret(0)])
        });
        check(name, &module, want);
    }
}

#[test]
fn registers_are_defined_before_they_are_read() {
    #[rustfmt::skip]
    let cases: Vec<Case<u16>> = vec![
        ("never", vec![ret(1)], Err((0, 1))),
        ("parameter", vec![ret(0)], Ok(())),
        ("one arm", vec![asbx(JF, 0, 1), nil(1), ret(1)], Err((2, 1))),
        ("both arms", vec![asbx(JF, 0, 2), nil(1), asbx(JMP, 0, 1), nil(1), ret(1)], Ok(())),
        ("skipped", vec![abc(JEQK, 0, 0, 1), nil(1), ret(1)], Err((2, 1))),
        ("second of two", vec![nil(1), abc(CALL, 0, 1, 0), ret(0)], Err((1, 2))),
        ("third of three", vec![nil(1), nil(2), abc(SET, 0, 1, 0), ret(0)], Err((2, 3))),
        ("in a range", vec![nil(1), nil(3), abc(LIST, 0, 1, 3), ret(0)], Err((2, 2))),
        ("arguments", vec![nil(2), abx(CALLF, 2, 1), ret(2)], Err((1, 3))),
        ("result of a call", vec![nil(2), nil(3), abx(CALLF, 2, 1), ret(2)], Ok(())),
        ("after a call", vec![nil(2), nil(3), abx(CALLF, 2, 1), ret(3)], Err((3, 3))),
        ("before a call", vec![nil(1), nil(2), nil(3), abx(CALLF, 2, 1), ret(1)], Ok(())),
        ("tail arguments", vec![nil(2), abx(TAILF, 2, 1)], Err((1, 3))),
        ("captured", vec![nil(1), abx(CLOSURE, 1, 2), ret(1)], Err((1, 2))),
        ("a closure leaves the others", vec![nil(1), nil(2), abx(CLOSURE, 1, 2), ret(2)], Ok(())),
        ("argument of a closure", vec![nil(1), abc(CALLC, 0, 1, 1), ret(0)], Err((1, 2))),
        ("closure itself stays", vec![nil(1), nil(2), abc(CALLC, 0, 1, 1), ret(1)], Ok(())),
        ("behind a closure", vec![nil(1), nil(2), abc(CALLC, 0, 1, 1), ret(2)], Err((3, 2))),
        ("result behind a closure", vec![nil(1), nil(2), abc(CALLC, 3, 1, 1), ret(3)], Ok(())),
        ("tail closure", vec![nil(1), abc(TAILC, 0, 1, 1)], Err((1, 2))),
        ("on the way back", vec![nil(1), abc(REPLY, 1, 0, 0), abc(MOV, 2, 0, 0), abc(CALLC, 0, 0, 0), asbx(JMP, 0, -4)], Err((1, 1))),
        ("unreachable", vec![ret(0), ret(3)], Ok(())),
    ];
    for (name, words, want) in cases {
        let mut module = module(&words);
        module.constants = vec![Val::int(1)];
        module.functions[0].arity = 1;
        module.functions.push(function(2, &[ret(1)]));
        module.functions.push(Function {
            captures: 2,
            ..function(1, &[ret(0)])
        });
        let want = want.map_err(|(at, register)| (at, W::Undefined { register }));
        check(name, &module, want);
    }
}

#[test]
fn handlers() {
    let unguard = abc(UNGUARD, 0, 0, 0);
    let left = |name| W::HandlerLeft { name };
    let undefined = |register| W::Undefined { register };
    #[rustfmt::skip]
    let cases: Vec<Case<W>> = vec![
        ("guarded", vec![asbx(GUARD, 1, 3), nil(1), unguard, ret(1), ret(1)], Ok(())),
        ("the error", vec![asbx(GUARD, 1, 1), unguard, ret(1)], Err((2, undefined(1)))),
        ("before is kept", vec![asbx(GUARD, 1, 2), unguard, ret(0), ret(0)], Ok(())),
        ("after is not", vec![nil(2), asbx(GUARD, 1, 2), unguard, ret(0), ret(2)], Err((4, undefined(2)))),
        ("what is defined inside", vec![asbx(GUARD, 2, 3), nil(1), unguard, ret(0), ret(1)], Err((4, undefined(1)))),
        ("nothing to pop", vec![unguard, ret(0)], Err((0, W::NoHandler))),
        ("popped in the handler", vec![asbx(GUARD, 1, 2), unguard, ret(0), unguard, ret(0)], Err((3, W::NoHandler))),
        ("return", vec![asbx(GUARD, 1, 0), ret(0)], Err((1, W::Handlers))),
        ("return inside", vec![asbx(GUARD, 1, 1), ret(0), ret(0)], Err((1, left("ret")))),
        ("tail call inside", vec![asbx(GUARD, 1, 1), abx(TAILF, 0, 1), ret(0)], Err((1, left("tailf")))),
        ("tail closure inside", vec![asbx(GUARD, 1, 1), abc(TAILC, 0, 0, 0), ret(0)], Err((1, left("tailc")))),
        ("end inside", vec![asbx(GUARD, 1, 1), abc(END, 0, 0, 0), ret(0)], Err((1, left("end")))),
        ("raise inside", vec![asbx(GUARD, 1, 1), abc(RAISE, 0, 0, 0), ret(1)], Ok(())),
        ("reject inside", vec![asbx(GUARD, 1, 1), abc(REJECT, 0, 0, 0), ret(1)], Ok(())),
        ("one arm guarded", vec![asbx(JF, 0, 1), asbx(GUARD, 1, 1), ret(0), ret(0)], Err((2, W::Handlers))),
        ("guards of two arms", vec![asbx(JF, 0, 2), asbx(GUARD, 1, 4), asbx(JMP, 0, 1), asbx(GUARD, 1, 2), unguard, ret(0), ret(0)], Err((4, W::Handlers))),
        ("a loop of guards", vec![asbx(GUARD, 1, 1), asbx(JMP, 0, -2), ret(0)], Err((0, W::Handlers))),
        ("a loop around a guard", vec![asbx(GUARD, 1, 2), unguard, asbx(JMP, 0, -3), ret(1)], Ok(())),
        ("call at the handler's register", vec![asbx(GUARD, 1, 4), nil(1), abx(CALLF, 1, 1), unguard, ret(1), ret(0)], Ok(())),
        ("call before it", vec![asbx(GUARD, 1, 3), abx(CALLF, 0, 1), unguard, ret(0), ret(0)], Err((1, W::Window { window: 0, kept: 1 }))),
        ("closure just before it", vec![asbx(GUARD, 1, 3), abc(CALLC, 0, 0, 0), unguard, ret(0), ret(0)], Ok(())),
        ("closure before it", vec![asbx(GUARD, 2, 3), abc(CALLC, 3, 0, 0), unguard, ret(0), ret(0)], Err((1, W::Window { window: 1, kept: 2 }))),
        ("the outer one counts", vec![asbx(GUARD, 2, 6), asbx(GUARD, 1, 4), nil(1), abx(CALLF, 1, 1), unguard, unguard, ret(0), ret(0)], Err((1 + 2, W::Window { window: 1, kept: 2 }))),
        ("outer handler in the inner", vec![asbx(GUARD, 1, 6), asbx(GUARD, 2, 2), unguard, asbx(JMP, 0, 1), nil(2), unguard, ret(0), ret(1)], Ok(())),
        ("outer handler left in the inner", vec![asbx(GUARD, 1, 4), asbx(GUARD, 2, 2), unguard, asbx(JMP, 0, 0), ret(0), ret(1)], Err((4, left("ret")))),
        ("call after the region", vec![asbx(GUARD, 1, 3), unguard, abx(CALLF, 0, 1), ret(0), ret(0)], Ok(())),
    ];
    for (name, words, want) in cases {
        let mut module = module(&words);
        module.functions[0].arity = 1;
        module.functions.push(function(1, &[ret(0)]));
        check(name, &module, want);
    }
}

#[test]
fn too_many_handlers() {
    let nested = |depth: u32| {
        // Each guard has a handler of its own, behind the end, as what is around it differs.
        let mut words = vec![asbx(GUARD, 0, 2 * depth as i16); depth as usize];
        words.extend((0..depth).map(|_| abc(UNGUARD, 0, 0, 0)));
        words.push(abc(END, 0, 0, 0));
        words.extend((0..depth).map(|_| abc(RAISE, 0, 0, 0)));
        module(&words)
    };
    check("as many as there may be", &nested(HANDLERS_MAX), Ok(()));
    let one_more = Err((HANDLERS_MAX, W::TooManyHandlers));
    check("one more", &nested(HANDLERS_MAX + 1), one_more);
}

#[test]
fn pure_functions() {
    let pure = |words: &[u32]| {
        let mut module = module(words);
        module.functions[0].pure = true;
        module.functions.push(function(0, &[nil(0), ret(0)]));
        module.functions.push(function(0, &[nil(0), ret(0)]));
        module.functions[2].pure = true;
        module
    };
    let impure = |at, name| Err((at, W::Impure { name }));
    let calls = |at| Err((at, W::CallsImpure { index: 1 }));
    #[rustfmt::skip]
    let cases: Vec<Case<W>> = vec![
        ("computes", vec![nil(0), abc(ADD, 0, 0, 0), ret(0)], Ok(())),
        ("raises", vec![nil(0), abc(RAISE, 0, 0, 0)], Ok(())),
        ("calls", vec![nil(0), abc(CALL, 0, 0, 0), ret(0)], impure(1, "call")),
        ("looks at itself", vec![abc(SELF, 0, 0, 0), ret(0)], impure(0, "self")),
        ("replies", vec![nil(0), abc(REPLY, 0, 0, 0), ret(0)], impure(1, "reply")),
        ("ends", vec![abc(END, 0, 0, 0)], impure(0, "end")),
        ("asks the registry", vec![abc(CALLPURE, 0, 0, 0), ret(0)], impure(0, "callpure")),
        ("calls a pure one", vec![abx(CALLF, 0, 2), ret(0)], Ok(())),
        ("calls another", vec![abx(CALLF, 0, 1), ret(0)], calls(0)),
        ("continues as another", vec![abx(TAILF, 0, 1)], calls(0)),
        ("makes a closure of another", vec![abx(CLOSURE, 0, 1), ret(0)], calls(0)),
        ("calls an argument", vec![nil(0), abc(CALLC, 0, 0, 0), ret(0)], Ok(())),
    ];
    for (name, words, want) in cases {
        check(name, &pure(&words), want);
    }
}

#[test]
fn capabilities() {
    let gated = [
        (REFLECT, "reflect", "reflect"),
        (SCRYMETA, "scrymeta", "scry-meta"),
        (SCRYDEEP, "scrydeep", "scry-deep"),
        (BEGINMULTI, "beginmulti", "multi-ctl"),
        (COMPOSE, "compose", "solver"),
    ];
    for (code, name, cap) in gated {
        let mut module = module(&[nil(0), abc(code, 0, 0, 0), ret(0)]);
        check(name, &module, Err((1, W::Cap { name, cap })));
        module.caps = vec![cap.to_owned()];
        check(name, &module, Ok(()));
    }
    for (code, name, cap) in [
        (REIFYTX, "reifytx", "reify-tx"),
        (REIFYFD, "reifyfd", "reify-fd"),
    ] {
        let mut module = module(&[abc(code, 0, 0, 0), ret(0)]);
        check(name, &module, Err((0, W::Cap { name, cap })));
        module.caps = vec!["reify-fd".to_owned(), "reify-tx".to_owned()];
        check(name, &module, Ok(()));
    }
    // Two operands.
    let mut module = module(&[nil(0), nil(1), abc(REGPURE, 0, 0, 0), ret(0)]);
    let (name, cap) = ("regpure", "pure-register");
    check(name, &module, Err((2, W::Cap { name, cap })));
    module.caps = vec![cap.to_owned()];
    check(name, &module, Ok(()));
    // Granted unless taken away.
    let words = [
        nil(0),
        nil(1),
        nil(2),
        abc(UPDPURE, 0, 0, 0),
        abc(MOVE, 0, 0, 0),
        ret(0),
    ];
    check("granted", &super::module(&words), Ok(()));
    let words = [
        nil(0),
        nil(1),
        abc(TRANSFER, 0, 0, 0),
        abc(TELEPORT, 0, 0, 0),
        ret(0),
    ];
    check("granted", &super::module(&words), Ok(()));
}

/// A module with one function of each sort, to break in one way.
fn base() -> Module {
    let mut module = module(&[nil(0), ret(0)]);
    module.functions.push(function(1, &[ret(0)]));
    module.functions[1].captures = 1;
    module.functions.push(function(1, &[ret(0)]));
    module.exports = vec![
        export("a", ExportKind::Behaviour, 0),
        export("b", ExportKind::Program, 2),
    ];
    module
}

#[test]
fn modules() {
    type Break = fn(&mut Module);
    let name = |name: &str| name.to_owned();
    let limit = |what, got, max| E::Limit { what, got, max };
    #[rustfmt::skip]
    let cases: Vec<(Break, Result<(), E>)> = vec![
        (|_| {}, Ok(())),
        (|m| m.name = "n".repeat(NAME_MAX + 1), Err(limit("bytes of the module's name", 65, 64))),
        (|m| m.functions[0].name = "n".repeat(NAME_MAX + 1), Err(limit("bytes of a function's name", 65, 64))),
        (|m| m.exports[0].name = "n".repeat(NAME_MAX + 1), Err(limit("bytes of an export's name", 65, 64))),
        (|m| m.exports[0].fields = vec!["n".repeat(NAME_MAX + 1)], Err(limit("bytes of a field's name", 65, 64))),
        (|m| m.constants = vec![Val::int(0); 65_536], Err(limit("constants", 65_536, 65_535))),
        (|m| m.functions.resize(65_536, Function::default()), Err(limit("functions", 65_536, 65_535))),
        (|m| m.functions[0].words.resize(WORDS_MAX + 1, 0), Err(limit("words of a function", 65_536, 65_535))),
        (|m| m.caps = vec!["fly".into()], Err(E::UnknownCap { cap: name("fly") })),
        (|m| m.caps = vec!["solver".into(), "move".into()], Err(E::CapOrder { cap: name("move") })),
        (|m| m.caps = vec!["move".into(), "move".into()], Err(E::CapOrder { cap: name("move") })),
        (|m| m.exports[1].name = "a".into(), Err(E::ExportOrder { name: name("a") })),
        (|m| m.exports.swap(0, 1), Err(E::ExportOrder { name: name("a") })),
        (|m| m.exports[1].function = 3, Err(E::ExportFunction { name: name("b"), function: 3, functions: 3 })),
        (|m| m.exports[1].function = 1, Err(E::ExportCaptures { name: name("b") })),
        (|m| m.exports[0].function = 2, Err(E::ExportArity { name: name("a"), arity: 1 })),
        (|m| m.exports[1].kind = ExportKind::Test, Err(E::ExportArity { name: name("b"), arity: 1 })),
        (|m| m.exports[1].kind = ExportKind::Pure, Err(E::ExportPure { name: name("b") })),
        (|m| m.exports[1].fields = vec!["n".into()], Err(E::ExportFields { name: name("b") })),
        (|m| m.functions[0].registers = 0, Err(E::Registers { function: 0, registers: 0 })),
        (|m| m.functions[0].registers = 257, Err(E::Registers { function: 0, registers: 257 })),
        (|m| m.functions[2].arity = 5, Err(E::Parameters { function: 2, arity: 5, registers: 4 })),
        (|m| m.functions[0].rest = true, Err(E::Rest { function: 0 })),
        (|m| m.functions[2].rest = true, Ok(())),
        (|m| m.functions[2].words.clear(), Err(E::Empty { function: 2 })),
        (|m| m.functions[0].places = vec![(1, 1)], Err(E::Places { function: 0, places: 1, words: 2 })),
        (|m| m.functions[0].places = vec![(1, 1), (0, 0)], Ok(())),
    ];
    for (index, (damage, want)) in cases.into_iter().enumerate() {
        let mut module = base();
        damage(&mut module);
        assert_eq!(verify(&module), want, "case {index}");
    }
}

/// Blocks in reverse: each jumps back to the next one, and forward to the first with fewer
/// registers, which starts all of them again.
fn tangled(blocks: u8) -> Module {
    let mut words: Vec<u32> = (0..=251).map(nil).collect();
    let first = words.len() + 1 + 3 * usize::from(blocks);
    let forward = |at: usize| asbx(JMP, 0, (first - at - 1) as i16);
    words.push(forward(words.len()));
    for block in (1..=blocks).rev() {
        words.push(match block == blocks {
            true => abc(NOP, 0, 0, 0),
            false => asbx(JT, 0, -4),
        });
        words.push(abx(CALLF, 251 - block, 1));
        words.push(forward(words.len()));
    }
    words.extend([asbx(JT, 0, -4), ret(0)]);
    let mut module = module(&words);
    module.functions[0].registers = 256;
    module.functions.push(function(0, &[nil(0), ret(0)]));
    module
}

#[test]
fn the_work_has_a_bound() {
    check("tangled", &tangled(20), Ok(()));
    let verdict = verify(&tangled(250));
    let E::Word {
        function: 0,
        error: W::TooTangled,
        ..
    } = verdict.clone().expect_err("too much")
    else {
        panic!("{verdict:?}");
    };
    // Long, and straight or backward: one look at each word is enough.
    let mut straight = vec![nil(0)];
    straight.extend((1..WORDS_MAX - 1).map(|at| asbx(JT, 0, [-1, 0, -2][at % 3])));
    straight.push(ret(0));
    check("straight", &module(&straight), Ok(()));
    let hops = 30_000;
    let mut backward = vec![nil(0), asbx(JMP, 0, hops), ret(0)];
    backward.extend((0..hops).map(|_| asbx(JMP, 0, -2)));
    check("backward", &module(&backward), Ok(()));
}

fn any_word() -> impl Strategy<Value = u32> {
    let known = proptest::sample::select(avm_anoma::code::table::ROWS);
    let small = (known, 0u8..5, 0u8..5, 0u8..5);
    prop_oneof![
        any::<u32>(),
        small.prop_map(|(row, a, b, c)| abc(row.code, a, b, c))
    ]
}

proptest! {
    #[test]
    fn random_words_never_panic(
        functions in proptest::collection::vec(
            (any::<[u8; 2]>(), 0u16..300, any::<bool>(), proptest::collection::vec(any_word(), 0..40)),
            0..4,
        ),
        exports in proptest::collection::vec((".{0,3}", 0u32..5), 0..3),
    ) {
        let functions = functions.into_iter().map(|([arity, captures], registers, pure, words)| Function {
            arity: arity % 6, captures: captures % 3, registers, pure, rest: arity > 200, words, ..Function::default()
        });
        let exports = exports.into_iter().map(|(name, index)| export(&name, ExportKind::Program, index));
        let module = Module {
            constants: vec![Val::int(7)],
            functions: functions.collect(),
            exports: exports.collect::<Vec<Export>>(),
            ..Module::default()
        };
        let _ = verify(&module);
        // Any module has a listing, one line a word.
        let text = avm_anoma::code::listing(&module);
        let words: usize = module.functions.iter().map(|function| function.words.len()).sum();
        prop_assert!(text.lines().count() >= words);
    }
}

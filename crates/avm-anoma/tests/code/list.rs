//! Built modules and their listings.

use avm_anoma::code::op::*;
use avm_anoma::code::verify::WORDS_MAX;
use avm_anoma::code::word::{abc, asbx};
use avm_anoma::code::{
    BuildError as E, Builder, ExportKind, Module, ModuleBuilder, listing, verify,
};
use avm_anoma::value::Val;

use super::export;

/// A behaviour that counts, with a guard, a closure and a loop.
fn counter() -> Module {
    let mut module = ModuleBuilder::new("counter");
    let twice = module.declare().expect("room");
    let inc = module.constant(Val::sym("inc")).expect("room");
    let text = Val::str("a text that is too long to be shown as a whole in one line");
    let text = module.constant(text).expect("room");
    assert_eq!(module.constant(Val::sym("inc")), Ok(inc));

    let mut body = Builder::new("counter", 0);
    let (other, handler, end) = (body.label(), body.label(), body.label());
    body.place(3, 5);
    body.abc(INPUT, 0, 0, 0);
    body.jeqk(0, inc, other).expect("near");
    body.abx(LOADK, 1, text);
    body.abc(REJECT, 1, 0, 0);
    body.bind(other);
    body.place(4, 5);
    body.abc(GETSTATE, 0, 0, 0);
    body.jump(GUARD, 1, handler);
    body.asbx(LOADI, 1, -1);
    body.callf(1, twice, 1);
    body.abc(UNGUARD, 0, 0, 0);
    body.jump(JMP, 0, end);
    body.bind(handler);
    body.place(6, 9);
    body.abc(REPLY, 1, 0, 0);
    body.bind(end);
    body.abc(LIST, 1, 0, 2);
    body.abc(LIST, 1, 0, 0);
    body.abc(SETSTATE, 1, 1, 0);
    body.abc(END, 0, 0, 0);
    let body = module.function(body.finish().expect("near")).expect("room");

    let mut add = Builder::new("", 1).pure();
    add.captures(1);
    add.abc(CAPT, 1, 0, 0);
    add.abc(ADDI, 0, 0, 0xfe);
    add.abc(ISTYPE, 2, 0, 4);
    add.abc(ADD, 0, 0, 1);
    add.abc(RET, 0, 0, 0);
    let add = module.function(add.finish().expect("near")).expect("room");

    let mut function = Builder::new("twice", 1).rest().pure();
    let again = function.label();
    function.bind(again);
    function.abc(MOV, 1, 0, 0);
    function.closure(1, add, 1);
    for r in 2..6 {
        function.abc(LOADNIL, r, 0, 0);
    }
    function.abc(CALLC, 0, 1, 4);
    function.jump(JNOTHING, 0, again);
    function.abc(TAILC, 0, 1, 0);
    module.define(twice, function.finish().expect("near"));

    let mut behaviour = export("counter", ExportKind::Behaviour, u32::from(body));
    behaviour.fields = vec!["n".to_owned(), "log".to_owned()];
    behaviour.deterministic = true;
    module.export(behaviour);
    module.export(export("again", ExportKind::Behaviour, u32::from(body)));
    module.cap("solver");
    module.cap("reflect");
    module.cap("solver");
    module.finish()
}

#[test]
fn a_listing() {
    let module = counter();
    assert_eq!(verify(&module), Ok(()));
    insta::assert_snapshot!(listing(&module));
}

#[test]
fn the_listing_of_what_is_wrong() {
    let module = super::module(&[
        0xffff_ffff,
        abc(CALLF, 0, 9, 9),
        asbx(JMP, 0, -9),
        abc(LOADK, 0, 7, 0),
        abc(ISTYPE, 0, 0, 3),
    ]);
    insta::assert_snapshot!(listing(&module));
}

#[test]
fn a_built_module_keeps_its_order() {
    let module = counter();
    assert_eq!(module.caps, ["reflect", "solver"]);
    let names: Vec<_> = module.exports.iter().map(|export| &*export.name).collect();
    assert_eq!(names, ["again", "counter"]);
    assert_eq!(module.constants.len(), 2);
    // Registers are those that words name.
    let registers: Vec<_> = module.functions.iter().map(|f| f.registers).collect();
    assert_eq!(registers, [6, 2, 3]);
    assert_eq!(
        Module::from_bytes(&module.to_bytes()).expect("it fits"),
        module
    );
    let placed: Vec<_> = module.functions.iter().map(|f| f.places.len()).collect();
    assert_eq!(placed, [0, 15, 0]);
}

#[test]
fn what_does_not_fit() {
    let far = |words: usize, op: u8, back: bool| {
        let mut function = Builder::new("far", 1);
        let label = function.label();
        if back {
            function.bind(label);
        }
        let nops = |function: &mut Builder| {
            for _ in 0..words {
                function.abc(NOP, 0, 0, 0);
            }
        };
        if back {
            nops(&mut function);
        }
        match op {
            JEQK => drop(function.jeqk(0, 0, label)),
            op => drop(function.jump(op, 0, label)),
        }
        if !back {
            nops(&mut function);
            function.bind(label);
        }
        function.finish().map(|function| function.words.len())
    };
    let error = |at, distance, name, max| {
        Err(E::Far {
            at,
            distance,
            name,
            max,
        })
    };
    assert_eq!(far(255, JEQK, false), Ok(256));
    assert_eq!(far(256, JEQK, false), error(0, 256, "jeqk", 255));
    assert_eq!(far(3, JEQK, true), error(3, -4, "jeqk", 255));
    assert_eq!(far(32_767, JMP, false), Ok(32_768));
    assert_eq!(far(32_768, JMP, false), error(0, 32_768, "jmp", 32_767));
    assert_eq!(far(32_767, GUARD, true), Ok(32_768));
    assert_eq!(far(32_768, JT, true), error(32_768, -32_769, "jt", 32_767));
    assert_eq!(
        far(WORDS_MAX, JMP, false),
        Err(E::Words {
            words: WORDS_MAX + 1
        })
    );

    let mut function = Builder::new("nowhere", 0);
    let label = function.label();
    function.jump(JMP, 0, label);
    assert_eq!(function.clone().finish(), Err(E::Unbound { at: 0 }));
    assert_eq!(
        function.jeqk(0, 256, label),
        Err(E::FarConstant { index: 256 })
    );

    let mut module = ModuleBuilder::new("m");
    for index in 0..65_535u16 {
        assert_eq!(module.constant(Val::int(index.into())), Ok(index));
    }
    assert_eq!(module.constant(Val::int(-1)), Err(E::Constants));
    assert_eq!(module.constant(Val::int(9)), Ok(9));
}

#[test]
fn the_file_of_a_module_stays_as_it_is() {
    // Names of modules depend on every byte.
    let file = include_bytes!("../../../../fuzz/regressions/anoma_module/counter");
    assert_eq!(counter().to_bytes(), file);
    let name = "4dd1b7e8732b1222d69ca911cff6c77745a4509c5b50e8a71930bfe0267a1eb1";
    assert_eq!(counter().name_hash().to_string(), name);
}

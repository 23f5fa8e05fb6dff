//! The laws of the seam.

use avm_anoma::Anoma;
use avm_anoma::code::{Builder, Export, ExportKind, Module, ModuleBuilder, op};
use avm_anoma::image::{Caps, Config, Image};
use avm_anoma::input::{Input, Start};
use avm_anoma::value::Val;
use avm_testkit::laws::{Case, Suite};

/// A counter, and a program that calls it in a transaction, outside of one, by message, and in
/// ways that fail.
fn module() -> Module {
    let mut module = ModuleBuilder::new("counter");
    let mut f = Builder::new("counter", 0);
    // state: (n) or ()
    f.abc(op::GETSTATE, 0, 0, 0);
    f.abc(op::LEN, 1, 0, 0);
    f.asbx(op::LOADI, 2, 0);
    f.abc(op::EQ, 1, 1, 2);
    let (empty, have) = (f.label(), f.label());
    f.jump(op::JT, 1, empty);
    f.abc(op::CAR, 2, 0, 0);
    f.jump(op::JMP, 0, have);
    f.bind(empty);
    f.asbx(op::LOADI, 2, 0);
    f.bind(have);
    f.abc(op::INPUT, 3, 0, 0);
    f.abc(op::ADD, 2, 2, 3);
    f.abc(op::LIST, 1, 2, 1);
    f.abc(op::SETSTATE, 4, 1, 0);
    let ten = f.label();
    f.asbx(op::LOADI, 5, 10);
    f.abc(op::LT, 6, 5, 2);
    f.jump(op::JT, 6, ten);
    f.abc(op::REPLY, 2, 0, 0);
    f.abc(op::END, 0, 0, 0);
    f.bind(ten);
    f.abc(op::REJECT, 2, 0, 0);
    let counter = module.function(f.finish().unwrap()).unwrap();
    let name = module.constant(Val::str("counter")).unwrap();
    let ctl = module.constant(Val::just(Val::ctl("c1")).unwrap()).unwrap();
    let mut f = Builder::new("main", 0);
    f.abx(op::LOADK, 0, name);
    f.abx(op::LOADK, 1, ctl);
    f.abc(op::CREATE, 2, 0, 0);
    for amount in [3, 4, 9] {
        f.abc(op::NOP, 0, 0, 0);
        f.abc(op::MOV, 3, 2, 0);
        f.asbx(op::LOADI, 4, amount);
        f.abc(op::CALL, 5, 3, 0);
    }
    f.abx(op::LOADK, 3, ctl);
    f.abc(op::LOADNIL, 4, 0, 0);
    f.abc(op::BEGINTX, 6, 3, 0);
    f.abc(op::MOV, 3, 2, 0);
    f.asbx(op::LOADI, 4, 1);
    f.abc(op::CALL, 5, 3, 0);
    f.abc(op::COMMITTX, 7, 6, 0);
    f.abc(op::SEND, 5, 3, 0);
    let caught = f.label();
    f.jump(op::GUARD, 8, caught);
    f.abc(op::COMMITTX, 8, 6, 0);
    f.abc(op::UNGUARD, 0, 0, 0);
    f.abc(op::LOADNIL, 8, 0, 0);
    f.bind(caught);
    f.abc(op::LIST, 0, 5, 3);
    f.abc(op::RET, 0, 0, 0);
    let main = module.function(f.finish().unwrap()).unwrap();
    for (name, kind, function) in [
        ("counter", ExportKind::Behaviour, counter),
        ("main", ExportKind::Program, main),
    ] {
        module.export(Export {
            name: name.into(),
            kind,
            function: function.into(),
            fields: Vec::new(),
            deterministic: false,
        });
    }
    module.finish()
}

#[test]
fn laws() {
    let image = Image {
        modules: vec![module()],
        config: Config::default(),
    };
    let start = |hold| {
        Input::Start(Start {
            program: "main".into(),
            args: Val::list([]).unwrap(),
            machine: None,
            caps: Caps::DEFAULT,
            hold,
        })
        .to_bytes()
    };
    let inputs = vec![
        start(false),
        b"malformed".to_vec(),
        start(true),
        start(true),
        Input::Shuffle { seed: 7 }.to_bytes(),
    ];
    let case = Case {
        image: image.to_bytes(),
        inputs,
    };
    Suite::default().check(&Anoma, &[case]);
}

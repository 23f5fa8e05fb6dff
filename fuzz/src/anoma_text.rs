//! What the fuzz target from text to running program checks. `crates/avm-anoma/tests/regressions.rs`
//! includes this file, too.

use std::sync::Arc;

use avm_anoma::Anoma;
use avm_anoma::code::{ExportKind, Module, verify};
use avm_anoma::compile::compile;
use avm_anoma::image::{Caps, Config, Image, Limits};
use avm_anoma::input::{Input, Start};
use avm_anoma::value::Val;
use avm_core::{Bytes, Host, HostError, Machine, MemoryNodes, Output};
use avm_lang::diagnostic::render_all;
use avm_lang::format::format;

/// Gas of a program that was made from any text.
const GAS: u64 = 20_000;
/// Most steps of a run.
const STEPS: u64 = 50_000;
/// Steps of a machine before it is saved and opened again.
const PIECE: u64 = 500;

/// Inputs that are given once.
struct Feed(std::vec::IntoIter<Bytes>);

impl Host for Feed {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        Ok(self.0.next())
    }

    fn emit(&mut self, _: Output<'_>) -> Result<(), HostError> {
        Ok(())
    }
}

/// A text has a module that the verifier takes, or findings that can be shown; what the formatter
/// makes of it is the same module, and stays as it is. Its programs run, and a machine that is
/// saved and opened on the way ends in the same state.
pub fn source(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let laid_out = format(text, 0);
    if let Ok(laid_out) = &laid_out {
        assert_eq!(format(laid_out, 0).as_ref(), Ok(laid_out));
    }
    let module = match compile(text, 0, &()) {
        Ok(compiled) => compiled.module,
        Err(found) => {
            assert!(!found.is_empty());
            assert!(!render_all(&found, &("text", 0, text)).is_empty());
            return;
        }
    };
    let laid_out = laid_out.expect("what compiles can be read");
    let again = compile(&laid_out, 0, &()).expect("the same text").module;
    assert!(again.name_hash() == module.name_hash());
    assert_eq!(verify(&module), Ok(()));
    assert_eq!(
        Module::from_bytes(&module.to_bytes()).ok(),
        Some(module.clone())
    );

    let mut inputs = Vec::new();
    for export in module.exports.iter() {
        if export.kind == ExportKind::Program {
            let arity = module.functions[export.function as usize].arity;
            let args = (0..arity).map(|at| Val::int(i64::from(at) + 1));
            let start = Input::Start(Start {
                program: export.name.clone(),
                args: Val::list(args).expect("they are few"),
                machine: None,
                caps: Caps::ALL,
                hold: inputs.len() % 2 == 1,
            });
            inputs.push(start.to_bytes().into());
        }
    }
    inputs.push(Input::Shuffle { seed: 1 }.to_bytes().into());
    let image = Image {
        modules: vec![module],
        config: Config {
            caps: Caps::ALL,
            limits: Limits {
                gas: GAS,
                ..Limits::default()
            },
            ..Config::default()
        },
    };
    // Two exports may have one name.
    let Ok(mut machine) = Anoma.start(&image) else {
        return;
    };
    let mut other = Anoma.start(&image).expect("once more");
    let mut feed = Feed(inputs.clone().into_iter());
    let mut left = STEPS;
    while left > 0 {
        let ran = machine.run(left, &mut feed).expect("no host fails");
        left -= ran.steps;
        if ran.steps == 0 {
            break;
        }
    }
    let mut feed = Feed(inputs.into_iter());
    let mut other_left = STEPS;
    while other_left > 0 {
        let ran = other
            .run(PIECE.min(other_left), &mut feed)
            .expect("no host fails");
        other_left -= ran.steps;
        if ran.steps == 0 {
            break;
        }
        let mut nodes = MemoryNodes::default();
        let root = other.save(&mut nodes).expect("a sink in memory");
        other = Anoma.reopen(root, Arc::new(nodes)).expect("a state");
    }
    assert_eq!(other_left, left);
    assert_eq!(other.state_hash(), machine.state_hash());
}

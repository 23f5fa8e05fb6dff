//! The compiler: what it generates, and that it means what the core form means.

mod build;
mod evaluate;
mod language;
mod machine;
mod random;
mod refused;
mod words;

use avm_anoma::code::{Module, listing, verify};
use avm_anoma::compile::{self, Places};
use avm_anoma::value::Val;
use avm_lang::core::{EntryKind, Unit};
use machine::End;
use proptest::prelude::*;

fn compile(unit: &Unit) -> Module {
    let module = compile::module(unit, &Places::default());
    let module = module.unwrap_or_else(|e| panic!("{e}\n{}", build::show(unit)));
    verify(&module).unwrap();
    module
}

fn same(unit: &Unit, args: &[Val]) -> Option<()> {
    let module = compile(unit);
    let meant = evaluate::run(unit, 0, args, 4_000);
    // Values that become too large do so in another order: the compiler says so.
    if meant.end == End::Fuel || meant.end == End::Error(machine::error("quota/exceeded")) {
        return None;
    }
    let mut found = machine::run(&module, 0, args, 100_000);
    if found.end == End::Over && matches!(meant.end, End::Value(_)) {
        found.end = meant.end.clone();
    }
    assert_eq!(found, meant, "{}\n{}", listing(&module), build::show(unit));
    Some(())
}

/// The random programs are worth comparing: many come to a value, many do something.
#[test]
fn random_programs_get_somewhere() {
    let (mut values, mut effects) = (0, 0);
    let args = [
        Val::Int(3),
        Val::list([Val::Int(5), Val::sym("a")]).unwrap(),
    ];
    let mut state = 1u64;
    for _ in 0..500 {
        let tape: Vec<u8> = (0..200)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 33) as u8
            })
            .collect();
        let outcome = evaluate::run(&random::random(&tape, EntryKind::Program), 0, &args, 4_000);
        values += usize::from(matches!(outcome.end, End::Value(_)));
        effects += outcome.log.len();
    }
    assert!(
        values >= 100 && effects >= 100,
        "{values} values, {effects} effects of 500"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_program_means_what_its_core_form_means(tape in prop::collection::vec(any::<u8>(), 1..400)) {
        let unit = random::random(&tape, EntryKind::Program);
        let args = [Val::Int(3), Val::list([Val::Int(5), Val::sym("a")]).unwrap()];
        same(&unit, &args);
    }

    #[test]
    fn a_behaviour_means_what_its_core_form_means(tape in prop::collection::vec(any::<u8>(), 1..300)) {
        same(&random::random(&tape, EntryKind::Behaviour), &[]);
    }
}

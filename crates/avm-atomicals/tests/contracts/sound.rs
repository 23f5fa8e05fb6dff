//! The dispatcher and the lint against the interpreter.

use avm_atomicals::ScriptError;
use avm_atomicals::asm::{
    Assembled, Options, Severity, assemble, costs, encode_call, number, push,
};
use avm_atomicals::script::{Ended, Failure};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::world::run;

fn assembled(source: &str) -> Assembled {
    assemble(source, &Options::default()).unwrap_or_else(|errors| panic!("{source}: {errors:?}"))
}

/// Why a run failed; `None` if it did not.
fn error(ended: &Ended) -> Option<ScriptError> {
    match &ended.outcome {
        Ok(_) => None,
        Err(Failure::Script { error, .. }) => Some(*error),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn each_selector_runs_its_method() {
    for methods in 1..24 {
        let source: String = (0..methods)
            .map(|n| {
                format!(".method m{n}(a: str, b: int) {{ {n} NUMEQUALVERIFY 'm{n}' EQUAL }}\n")
            })
            .collect();
        let script = assembled(&source);
        for n in 0..methods {
            let (name, argument) = (format!("m{n}"), n.to_string());
            let unlock = encode_call(&script.methods, &name, &[&name, &argument]).unwrap();
            assert_eq!(
                error(&run(&script.code, unlock)),
                None,
                "{name} of {methods}"
            );
            // What another method would take.
            let other = (n + 1).to_string();
            let unlock = encode_call(&script.methods, &name, &[&name, &other]).unwrap();
            assert_eq!(
                error(&run(&script.code, unlock)),
                Some(ScriptError::Numequalverify)
            );
        }
        let unknown = match methods {
            1 => ScriptError::Equalverify,
            _ => ScriptError::Minimalif,
        };
        for selector in [methods, methods + 1, 127, 128, 70_000, -1, -128, i64::MAX] {
            let unlock = [push(b"m0"), push(&number(0)), push(&number(selector))].concat();
            let found = error(&run(&script.code, unlock));
            assert_eq!(found, Some(unknown), "{selector} of {methods}");
        }
    }
}

/// Words that only fail for want of elements, or for too many.
fn safe_word() -> impl Strategy<Value = String> {
    let words = [
        "0",
        "1",
        "2",
        "3",
        "DUP",
        "DROP",
        "SWAP",
        "OVER",
        "NIP",
        "TUCK",
        "ROT",
        "2DUP",
        "2DROP",
        "2SWAP",
        "2OVER",
        "2ROT",
        "3DUP",
        "TOALTSTACK",
        "FROMALTSTACK",
        "DEPTH",
        "SIZE",
        "EQUAL",
        "SHA256",
        "HASH160",
        "NOP",
        "0 PICK",
        "1 PICK",
        "2 PICK",
        "0 ROLL",
        "1 ROLL",
        "3 ROLL",
        "TXVERSION",
        "0 OUTPUTVALUE",
        "CHECKAUTHSIG",
    ];
    proptest::sample::select(words.to_vec()).prop_map(String::from)
}

/// Pieces of a body; conditions are known to be good, and close.
fn piece() -> impl Strategy<Value = String> {
    let condition = (
        any::<bool>(),
        vec(safe_word(), 0..4),
        vec(safe_word(), 0..4),
    )
        .prop_map(|(taken, one, other)| {
            let (taken, one, other) = (u8::from(taken), one.join(" "), other.join(" "));
            format!("{taken} IF {one} ELSE {other} ENDIF")
        });
    prop_oneof![8 => safe_word(), 1 => condition]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Without conditions the lint knows everything about the depth of the stacks.
    #[test]
    fn straight_code_is_judged_exactly(words in vec(safe_word(), 0..24)) {
        let script = assembled(&format!(".method m(a: int, b: int) {{ {} }}", words.join(" ")));
        let errors: Vec<_> = script
            .warnings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .collect();
        let unlock = encode_call(&script.methods, "m", &["1", "0"]).unwrap();
        let ended = run(&script.code, unlock);
        let failing = script.map.iter().nth(ended.op_index as usize).unwrap().0;
        match error(&ended) {
            Some(ScriptError::InvalidStackOperation) => {
                prop_assert_eq!((errors[0].name, errors[0].offset), ("underflow", failing));
            }
            Some(ScriptError::InvalidAltstackOperation) => {
                prop_assert_eq!((errors[0].name, errors[0].offset), ("alt-underflow", failing));
            }
            Some(ScriptError::Cleanstack) => prop_assert_eq!(errors[0].name, "unclean-end"),
            // Nothing is left, or something false.
            Some(ScriptError::EvalFalse) if ended.stack.is_empty() => {
                prop_assert_eq!(errors[0].name, "empty-end");
            }
            Some(ScriptError::EvalFalse) | None if ended.stack.len() <= 1 => {
                prop_assert!(errors.is_empty(), "{:?}", errors);
            }
            Some(ScriptError::EvalFalse) => prop_assert_eq!(errors[0].name, "unclean-end"),
            other => prop_assert!(false, "{:?} {:?}", other, words),
        }
    }

    /// With conditions it may miss something, but is never wrong.
    #[test]
    fn what_succeeds_is_no_error(pieces in vec(piece(), 0..14), tail in 0usize..4) {
        let end = "NIP ".repeat(tail);
        let source = format!(".method m(a: int, b: int) {{ {} {end} }}", pieces.join(" "));
        let script = assembled(&source);
        let unlock = encode_call(&script.methods, "m", &["1", "1"]).unwrap();
        let ended = run(&script.code, unlock);
        let mut open = 0;
        let mut outside = Vec::new();
        let text = avm_atomicals::asm::disassemble(&script.code, false);
        for (line, (offset, _)) in text.lines().zip(script.map.iter()) {
            match line.trim() {
                "OP_IF" => open += 1,
                "OP_ENDIF" => open -= 1,
                _ if open == 0 => outside.push(offset),
                _ => {}
            }
        }
        if error(&ended).is_none() {
            let wrong = script.warnings.iter().find(|finding| {
                finding.severity == Severity::Error && outside.contains(&finding.offset)
            });
            prop_assert!(wrong.is_none(), "{}: {:?}", source, wrong);
            let least = costs(&script.code, &script.lint_options())[0].least;
            prop_assert!(ended.cost >= least, "{} costs {}, not {}", source, ended.cost, least);
        }
    }
}

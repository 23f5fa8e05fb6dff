//! Verified functions do not read what is undefined: they are walked, with failures anywhere.

use avm_anoma::code::op::*;
use avm_anoma::code::verify;
use avm_anoma::code::word::{self, a, abc, abx, asbx, b, sbx};
use proptest::prelude::*;

use super::{function, module};

/// Registers of the walked function.
const REGISTERS: usize = 4;

/// Plausible words: few registers, short jumps.
fn any_step() -> impl Strategy<Value = u32> {
    let r = || 0u8..REGISTERS as u8;
    let near = || -3i16..5;
    prop_oneof![
        3 => r().prop_map(|x| abc(LOADT, x, 0, 0)),
        2 => (r(), r()).prop_map(|(x, y)| abc(NOT, x, y, 0)),
        2 => (r(), near()).prop_map(|(x, far)| asbx(JT, x, far)),
        1 => near().prop_map(|far| asbx(JMP, 0, far)),
        3 => r().prop_map(|x| abx(CALLF, x, 1)),
        2 => (r(), r(), 0u8..3).prop_map(|(x, y, z)| abc(CALLC, x, y, z)),
        4 => (r(), 0i16..6).prop_map(|(x, far)| asbx(GUARD, x, far)),
        3 => Just(abc(UNGUARD, 0, 0, 0)),
        1 => r().prop_map(|x| abc(RAISE, x, 0, 0)),
        1 => r().prop_map(|x| abc(RET, x, 0, 0)),
    ]
}

/// What a frame holds: whether each register has a value of its own, and the handlers.
struct Walk {
    defined: [bool; REGISTERS],
    handlers: Vec<(u8, usize)>,
}

impl Walk {
    fn read(&self, register: usize) {
        assert!(self.defined[register], "register {register} is undefined");
    }

    /// A callee writes to everything from `window` on.
    fn trash(&mut self, window: usize) {
        self.defined
            .iter_mut()
            .skip(window)
            .for_each(|d| *d = false);
    }

    /// Where an error leads; `None` out of the function.
    fn fail(&mut self) -> Option<usize> {
        let (register, handler) = self.handlers.pop()?;
        self.defined[usize::from(register)] = true;
        Some(handler)
    }
}

/// Walks with a decision for each word: whether a branch is taken, whether the word fails.
fn walk(words: &[u32], arity: usize, decisions: &[(bool, bool)]) {
    let mut walk = Walk {
        defined: std::array::from_fn(|register| register < arity),
        handlers: vec![],
    };
    let mut at = 0;
    for &(taken, fails) in decisions {
        let word = words[at];
        let (x, y, z) = (
            usize::from(a(word)),
            usize::from(b(word)),
            usize::from(word::c(word)),
        );
        let next = at + 1;
        let far = || (next as i64 + i64::from(sbx(word))) as usize;
        let went = match word::op(word) {
            LOADT => {
                walk.defined[x] = true;
                Some(next)
            }
            NOT => {
                walk.read(y);
                walk.defined[x] |= !fails;
                if fails { walk.fail() } else { Some(next) }
            }
            JT => {
                walk.read(x);
                Some(if taken { far() } else { next })
            }
            JMP => Some(far()),
            code @ (CALLF | CALLC) => {
                // Function 1 has one parameter.
                let (window, count) = if code == CALLF { (x, 1) } else { (y + 1, z) };
                (window..window + count).for_each(|register| walk.read(register));
                if code == CALLC {
                    walk.read(y);
                }
                walk.trash(window);
                walk.defined[x] |= !fails;
                if fails { walk.fail() } else { Some(next) }
            }
            GUARD => {
                walk.handlers.push((a(word), far()));
                Some(next)
            }
            UNGUARD => {
                walk.handlers.pop().expect("a handler is installed");
                Some(next)
            }
            RAISE => {
                walk.read(x);
                walk.fail()
            }
            RET => {
                walk.read(x);
                assert!(walk.handlers.is_empty(), "a handler is left");
                None
            }
            code => unreachable!("{code:02x}"),
        };
        match went {
            Some(there) => at = there,
            None => return,
        }
    }
}

/// A function that defines some registers, does something guarded, and something in its handler.
fn any_function() -> impl Strategy<Value = Vec<u32>> {
    let steps = |most| proptest::collection::vec(any_step(), 0..most);
    let register = 0u8..REGISTERS as u8;
    (0u8..=4, steps(3), register, steps(5), steps(4)).prop_map(
        |(defined, before, register, guarded, handler)| {
            let mut words: Vec<u32> = (0..defined).map(|r| abc(LOADT, r, 0, 0)).collect();
            words.extend(before);
            words.push(asbx(GUARD, register, guarded.len() as i16 + 2));
            words.extend(guarded);
            words.push(abc(UNGUARD, 0, 0, 0));
            words.push(asbx(JMP, 0, handler.len() as i16));
            words.extend(handler);
            words.extend([abc(LOADT, 0, 0, 0), abc(RET, 0, 0, 0)]);
            words
        },
    )
}

fn is_verified(words: &[u32]) -> bool {
    let mut module = module(words);
    module.functions.push(function(1, &[abc(RET, 0, 0, 0)]));
    verify(&module).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]
    #[test]
    fn what_is_verified_is_safe(
        words in any_function(),
        walks in proptest::collection::vec(proptest::collection::vec(any::<(bool, bool)>(), 40), 4),
    ) {
        if is_verified(&words) {
            walks.iter().for_each(|decisions| walk(&words, 0, decisions));
        }
    }
}

#[test]
fn enough_of_them_are_verified() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut verified, mut calling) = (0, 0);
    for _ in 0..2000 {
        let words = any_function()
            .new_tree(&mut runner)
            .expect("no filter")
            .current();
        if is_verified(&words) {
            verified += 1;
            let calls = |&word: &u32| matches!(word::op(word), CALLF | CALLC);
            calling += u32::from(words.iter().any(calls));
        }
    }
    assert!(verified > 150 && calling > 40, "{verified} {calling}");
}

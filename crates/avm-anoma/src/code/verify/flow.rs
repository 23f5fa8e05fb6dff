//! Follows a function along its paths: registers are defined before they are read, and handlers
//! nest. The rules are in the module above.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use super::shape::{self, Span};
use super::{HANDLERS_MAX, PASSES_MAX, WordError};
use crate::code::module::{Function, Module};
use crate::code::op;
use crate::code::table::{Form, row_of};
use crate::code::word::{self, a, b};

/// A set of registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Set([u64; 4]);

impl Set {
    const EMPTY: Self = Self([0; 4]);

    /// Registers `0..end`.
    fn below(end: u16) -> Self {
        let mut set = Self::EMPTY;
        for (word, start) in set.0.iter_mut().zip([0u16, 64, 128, 192]) {
            *word = match end.saturating_sub(start) {
                0 => 0,
                count @ 1..64 => (1 << count) - 1,
                _ => u64::MAX,
            };
        }
        set
    }

    fn and(self, other: Self) -> Self {
        let mut set = self;
        set.0.iter_mut().zip(other.0).for_each(|(x, y)| *x &= y);
        set
    }

    fn with(mut self, register: u8) -> Self {
        self.0[usize::from(register / 64)] |= 1 << (register % 64);
        self
    }

    /// The first register of a span that is not in the set.
    fn missing(self, span: Span) -> Option<u16> {
        let inside = |register: u16| {
            let word = self.0[usize::from(register / 64)];
            word >> (register % 64) & 1 == 1
        };
        (span.from..span.from + span.len).find(|&register| !inside(register))
    }
}

/// What holds before a word, on every path to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Facts {
    defined: Set,
    /// The guard of the innermost handler.
    handler: Option<u32>,
}

/// An installed handler.
#[derive(Clone, Copy, Debug)]
struct Handler {
    around: Option<u32>,
    /// First register that neither it nor a handler around it keeps.
    kept: u16,
    depth: u32,
}

struct Flow<'a> {
    module: &'a Module,
    function: &'a Function,
    facts: Vec<Option<Facts>>,
    /// Words whose facts changed since they were last looked at.
    dirty: Vec<bool>,
    /// How many dirty words the running pass has before it.
    ahead: usize,
    /// How many it has behind it, and the first of them.
    behind: usize,
    again: usize,
    /// By the word of their guard. A guard has one place in the nesting, as facts are refused that
    /// differ in their handler.
    handlers: BTreeMap<u32, Handler>,
}

/// Checks a function whose words are well-formed.
///
/// # Errors
/// The word where a rule is broken, and how.
pub(super) fn check(module: &Module, function: &Function) -> Result<(), (u32, WordError)> {
    let words = function.words.len();
    let mut flow = Flow {
        module,
        function,
        facts: vec![None; words],
        dirty: vec![false; words],
        ahead: 1,
        behind: 0,
        again: words,
        handlers: BTreeMap::new(),
    };
    let entry = Facts {
        defined: Set::below(u16::from(function.arity)),
        handler: None,
    };
    flow.facts[0] = Some(entry);
    flow.dirty[0] = true;
    // A pass goes forward from the first dirty word to the last one.
    let (mut at, mut work) = (0, 0);
    while flow.ahead > 0 {
        while flow.ahead > 0 {
            work += 1;
            if core::mem::take(&mut flow.dirty[at]) {
                flow.ahead -= 1;
                flow.word(at)?;
            }
            at += 1;
        }
        at = core::mem::replace(&mut flow.again, words);
        flow.ahead = core::mem::take(&mut flow.behind);
        if flow.ahead > 0 && work > PASSES_MAX * words {
            return Err((at as u32, WordError::TooTangled));
        }
    }
    Ok(())
}

impl Flow<'_> {
    /// Applies the word at `at` to what holds before it.
    fn word(&mut self, at: usize) -> Result<(), (u32, WordError)> {
        let here = u32::try_from(at).expect("functions are short");
        let word = self.function.words[at];
        let code = word::op(word);
        let form = row_of(code).expect("well-formed").form;
        let before = self.facts[at].expect("a dirty word was reached");
        for span in shape::reads(self.module, form, word) {
            if let Some(register) = before.defined.missing(span) {
                return Err((here, WordError::Undefined { register }));
            }
        }
        let after = self
            .after(here, code, form, before)
            .map_err(|error| (here, error))?;
        if let Some(target) = shape::target(form, here, word) {
            let target = usize::try_from(target).expect("jumps stay inside");
            let facts = match form {
                Form::Guard => Facts {
                    defined: before.defined.and(Set::below(a(word).into())).with(a(word)),
                    handler: before.handler,
                },
                _ => after,
            };
            self.reach(at, target, facts)?;
        }
        match shape::ends(code) {
            true => Ok(()),
            false => self.reach(at, at + 1, after),
        }
    }

    /// What holds when the next word follows.
    fn after(&mut self, at: u32, code: u8, form: Form, before: Facts) -> Result<Facts, WordError> {
        let word = self.function.words[at as usize];
        let mut after = before;
        match form {
            Form::Dest
            | Form::From1
            | Form::From2
            | Form::From3
            | Form::Two
            | Form::Range
            | Form::Plus
            | Form::Type
            | Form::Field
            | Form::Const
            | Form::Number
            | Form::Capture
            | Form::Closure => after.defined = before.defined.with(a(word)),
            Form::CallFunction => {
                let window = u16::from(a(word));
                self.window(before, window)?;
                after.defined = before.defined.and(Set::below(window)).with(a(word));
            }
            Form::CallClosure => {
                let window = u16::from(b(word)) + 1;
                self.window(before, window)?;
                after.defined = before.defined.and(Set::below(window)).with(a(word));
            }
            Form::Guard => after.handler = Some(self.install(at, before, a(word).into())?),
            Form::None if code == op::UNGUARD => {
                let innermost = before.handler.ok_or(WordError::NoHandler)?;
                after.handler = self.handlers[&innermost].around;
            }
            Form::None
            | Form::Use
            | Form::Jump
            | Form::Branch
            | Form::IfConst
            | Form::TailFunction
            | Form::TailClosure
            | Form::Refused => {}
        }
        let leaves = matches!(code, op::RET | op::TAILF | op::TAILC | op::END);
        match row_of(code) {
            Some(row) if leaves && before.handler.is_some() => {
                Err(WordError::HandlerLeft { name: row.name })
            }
            _ => Ok(after),
        }
    }

    /// Refuses a call whose callee writes to what a handler keeps.
    fn window(&self, before: Facts, window: u16) -> Result<(), WordError> {
        let kept = before
            .handler
            .map_or(0, |innermost| self.handlers[&innermost].kept);
        match window >= kept {
            true => Ok(()),
            false => Err(WordError::Window { window, kept }),
        }
    }

    fn install(&mut self, at: u32, before: Facts, keeps: u16) -> Result<u32, WordError> {
        let around = before.handler.map(|innermost| self.handlers[&innermost]);
        let depth = around.map_or(1, |around| around.depth + 1);
        if depth > HANDLERS_MAX {
            return Err(WordError::TooManyHandlers);
        }
        let handler = Handler {
            around: before.handler,
            kept: around.map_or(keeps, |around| around.kept.max(keeps)),
            depth,
        };
        self.handlers.insert(at, handler);
        Ok(at)
    }

    /// A path comes from `at` to `target` with `facts`.
    fn reach(&mut self, at: usize, target: usize, facts: Facts) -> Result<(), (u32, WordError)> {
        let known = self.facts[target];
        let met = match known {
            None => facts,
            Some(known) if known.handler != facts.handler => {
                return Err((target as u32, WordError::Handlers));
            }
            Some(known) => Facts {
                defined: known.defined.and(facts.defined),
                handler: known.handler,
            },
        };
        if known != Some(met) {
            self.facts[target] = Some(met);
            let new = !core::mem::replace(&mut self.dirty[target], true);
            if target > at {
                self.ahead += usize::from(new);
            } else {
                self.behind += usize::from(new);
                self.again = self.again.min(target);
            }
        }
        Ok(())
    }
}

//! Building modules: constants that are kept once, functions whose jumps go to labels.
//!
//! The compiler writes through this, and so do tests. What comes out is not verified yet.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::file;
use super::module::{Export, Function, Module};
use super::op;
use super::table::{Form, row_of};
use super::verify::{ITEMS_MAX, WORDS_MAX};
use super::word::{self, abc, abx, asbx};
use crate::value::Val;

/// Why something does not fit into the encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Too many constants.
    #[error("a module has at most {max} constants", max = ITEMS_MAX)]
    Constants,
    /// Too many functions.
    #[error("a module has at most {max} functions", max = ITEMS_MAX)]
    Functions,
    /// Too many words.
    #[error("a function of {words} words, it may have {max}", max = WORDS_MAX)]
    Words {
        /// How many there are.
        words: usize,
    },
    /// A jump that is too long for its operand.
    #[error("the jump at word {at} is {distance} words long, `{name}` reaches {max}")]
    Far {
        /// Word of the jump.
        at: usize,
        /// How far it should go, from the next word.
        distance: i64,
        /// Name of its instruction.
        name: &'static str,
        /// How far it can go.
        max: i64,
    },
    /// A comparison with a constant whose index has more than 8 bits.
    #[error("`jeqk` compares with constants 0 to 255, not {index}")]
    FarConstant {
        /// Index of the constant.
        index: u16,
    },
    /// A jump to a label that was never bound.
    #[error("the jump at word {at} goes to a label that is nowhere")]
    Unbound {
        /// Word of the jump.
        at: usize,
    },
}

/// A module that is being built.
#[derive(Clone, Debug, Default)]
pub struct ModuleBuilder {
    module: Module,
    /// Index of each constant by its encoding.
    constants: BTreeMap<Vec<u8>, u16>,
}

impl ModuleBuilder {
    /// An empty module.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let module = Module {
            name: String::from(name),
            ..Module::default()
        };
        Self {
            module,
            constants: BTreeMap::new(),
        }
    }

    /// Index of a constant, which is passable; the same for equal ones.
    ///
    /// # Errors
    /// [`BuildError::Constants`].
    pub fn constant(&mut self, value: Val) -> Result<u16, BuildError> {
        let mut key = Vec::new();
        file::put_value(&mut key, &value);
        if let Some(&index) = self.constants.get(&key) {
            return Ok(index);
        }
        let count = self.module.constants.len();
        let index = u16::try_from(count).ok().filter(|_| count < ITEMS_MAX);
        let index = index.ok_or(BuildError::Constants)?;
        self.module.constants.push(value);
        self.constants.insert(key, index);
        Ok(index)
    }

    /// Index of a function that is defined later, so that functions can name each other.
    ///
    /// # Errors
    /// [`BuildError::Functions`].
    pub fn declare(&mut self) -> Result<u16, BuildError> {
        self.function(Function::default())
    }

    /// Index of a new function.
    ///
    /// # Errors
    /// [`BuildError::Functions`].
    pub fn function(&mut self, function: Function) -> Result<u16, BuildError> {
        let count = self.module.functions.len();
        let index = u16::try_from(count).ok().filter(|_| count < ITEMS_MAX);
        let index = index.ok_or(BuildError::Functions)?;
        self.module.functions.push(function);
        Ok(index)
    }

    /// Says what a declared function is.
    ///
    /// # Panics
    /// If `index` was not declared.
    pub fn define(&mut self, index: u16, function: Function) {
        self.module.functions[usize::from(index)] = function;
    }

    /// The function of an index as it is so far.
    #[must_use]
    pub fn get(&self, index: u16) -> Option<&Function> {
        self.module.functions.get(usize::from(index))
    }

    /// Adds an export; [`ModuleBuilder::finish`] puts them in order.
    pub fn export(&mut self, export: Export) {
        self.module.exports.push(export);
    }

    /// Declares a capability; one may be declared again.
    pub fn cap(&mut self, cap: &str) {
        self.module.caps.push(String::from(cap));
    }

    /// The module, with exports and capabilities in order.
    #[must_use]
    pub fn finish(mut self) -> Module {
        self.module.exports.sort_by(|x, y| x.name.cmp(&y.name));
        self.module.caps.sort();
        self.module.caps.dedup();
        self.module
    }
}

/// A place in a function to jump to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label(usize);

/// A function that is being built.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    function: Function,
    /// Word of each label.
    labels: Vec<Option<usize>>,
    /// Words that jump, and where to.
    jumps: Vec<(usize, Label)>,
    place: (u32, u32),
    placed: bool,
}

impl Builder {
    /// A function without words. It has at least the registers of its parameters, and as many as
    /// its words name; see [`Builder::reserve`].
    #[must_use]
    pub fn new(name: &str, arity: u8) -> Self {
        let function = Function {
            name: String::from(name),
            arity,
            registers: u16::from(arity).max(1),
            ..Function::default()
        };
        Self {
            function,
            ..Self::default()
        }
    }

    /// The last parameter takes the remaining arguments as a list.
    #[must_use]
    pub fn rest(mut self) -> Self {
        self.function.rest = true;
        self
    }

    /// The function only computes.
    #[must_use]
    pub fn pure(mut self) -> Self {
        self.function.pure = true;
        self
    }

    /// How many captured values the function uses.
    pub fn captures(&mut self, captures: u8) {
        self.function.captures = captures;
    }

    /// The function has at least `registers` registers. Words raise it to what they name, but for
    /// the arguments of `callf` and `tailf` and the captured values of `closure`.
    pub fn reserve(&mut self, registers: u16) {
        self.function.registers = self.function.registers.max(registers);
    }

    /// Line and column, counted from 1, of the words that follow.
    pub fn place(&mut self, line: u32, column: u32) {
        self.place = (line, column);
        self.placed = true;
    }

    /// Index of the next word.
    #[must_use]
    pub fn here(&self) -> usize {
        self.function.words.len()
    }

    /// Appends a word; returns its index.
    pub fn emit(&mut self, word: u32) -> usize {
        self.reserve(registers_named(word));
        self.function.words.push(word);
        self.function.places.push(self.place);
        self.here() - 1
    }

    /// Appends a word of three operand bytes.
    pub fn abc(&mut self, op: u8, a: u8, b: u8, c: u8) -> usize {
        self.emit(abc(op, a, b, c))
    }

    /// Appends a word with an index.
    pub fn abx(&mut self, op: u8, a: u8, bx: u16) -> usize {
        self.emit(abx(op, a, bx))
    }

    /// Appends a word with a signed number.
    pub fn asbx(&mut self, op: u8, a: u8, sbx: i16) -> usize {
        self.emit(asbx(op, a, sbx))
    }

    /// Calls function `index` with `arity` arguments from register `a` on.
    pub fn callf(&mut self, a: u8, index: u16, arity: u8) -> usize {
        self.reserve(u16::from(a) + u16::from(arity));
        self.abx(op::CALLF, a, index)
    }

    /// Continues as function `index` with `arity` arguments from register `a` on.
    pub fn tailf(&mut self, a: u8, index: u16, arity: u8) -> usize {
        self.reserve(u16::from(a) + u16::from(arity));
        self.abx(op::TAILF, a, index)
    }

    /// A closure in register `a` of function `index` and the `captures` values from `a` on.
    pub fn closure(&mut self, a: u8, index: u16, captures: u8) -> usize {
        self.reserve(u16::from(a) + u16::from(captures));
        self.abx(op::CLOSURE, a, index)
    }

    /// A label that is nowhere yet.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Puts a label before the next word.
    ///
    /// # Panics
    /// If it is somewhere already.
    pub fn bind(&mut self, label: Label) {
        let here = self.here();
        let old = self.labels[label.0].replace(here);
        assert!(old.is_none(), "a label is in one place");
    }

    /// Appends `jmp`, `jt`, `jf`, `jnothing` or `guard` to a label.
    ///
    /// # Panics
    /// If `op` is another instruction.
    pub fn jump(&mut self, op: u8, a: u8, label: Label) -> usize {
        let form = row_of(op).map(|row| row.form);
        assert!(
            matches!(form, Some(Form::Jump | Form::Branch | Form::Guard)),
            "an instruction that jumps"
        );
        self.jumps.push((self.here(), label));
        self.asbx(op, a, 0)
    }

    /// Appends `jeqk`: skips to a label, at most 255 words ahead, if register `a` equals a constant.
    ///
    /// # Errors
    /// [`BuildError::FarConstant`].
    pub fn jeqk(&mut self, a: u8, constant: u16, label: Label) -> Result<usize, BuildError> {
        let far = BuildError::FarConstant { index: constant };
        let b = u8::try_from(constant).map_err(|_| far)?;
        self.jumps.push((self.here(), label));
        Ok(self.abc(op::JEQK, a, b, 0))
    }

    /// The function, with its jumps filled in.
    ///
    /// # Errors
    /// [`BuildError::Words`], [`BuildError::Far`], [`BuildError::Unbound`].
    pub fn finish(mut self) -> Result<Function, BuildError> {
        let words = self.function.words.len();
        if words > WORDS_MAX {
            return Err(BuildError::Words { words });
        }
        for (at, label) in self.jumps {
            let target = self.labels[label.0].ok_or(BuildError::Unbound { at })?;
            let distance = target as i64 - (at as i64 + 1);
            let word = &mut self.function.words[at];
            *word = patched(*word, distance).map_err(|(name, max)| BuildError::Far {
                at,
                distance,
                name,
                max,
            })?;
        }
        if !self.placed {
            self.function.places.clear();
        }
        Ok(self.function)
    }
}

/// `word` with the distance of its jump, else the name of its instruction and its reach.
fn patched(word: u32, distance: i64) -> Result<u32, (&'static str, i64)> {
    let (code, a, b) = (word::op(word), word::a(word), word::b(word));
    let row = row_of(code).expect("a jump is in the table");
    match row.form {
        Form::IfConst => match u8::try_from(distance) {
            Ok(skip) => Ok(abc(code, a, b, skip)),
            Err(_) => Err((row.name, i64::from(u8::MAX))),
        },
        _ => match i16::try_from(distance) {
            Ok(sbx) => Ok(asbx(code, a, sbx)),
            Err(_) => Err((row.name, i64::from(i16::MAX))),
        },
    }
}

/// How many registers a function has at least that contains `word`.
fn registers_named(word: u32) -> u16 {
    let (a, b, c) = (word::a(word), word::b(word), word::c(word));
    let [a, b, c] = [a, b, c].map(|operand| u16::from(operand) + 1);
    let Some(row) = row_of(word::op(word)) else {
        return 0;
    };
    match row.form {
        Form::None | Form::Jump | Form::Refused => 0,
        Form::Dest
        | Form::Use
        | Form::Const
        | Form::Number
        | Form::Capture
        | Form::Branch
        | Form::IfConst
        | Form::Guard
        | Form::CallFunction
        | Form::TailFunction
        | Form::Closure => a,
        Form::From1 | Form::Plus | Form::Type | Form::Field => a.max(b),
        Form::From2 => a.max(b + 1),
        Form::From3 => a.max(b + 2),
        Form::Two => a.max(b).max(c),
        // `c` is one more than the number of registers.
        Form::Range => a.max(b).max(b + c - 2),
        Form::CallClosure => a.max(b + c - 1),
        Form::TailClosure => b + c - 1,
    }
}

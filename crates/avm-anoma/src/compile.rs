//! From the language to bytecode.
//!
//! [`dialect`] says what the machine adds to the language of `avm-lang`: its forms, rules that
//! reduce derived forms to them, and a prelude in the language itself. [`module`] turns a unit of
//! the core form into a [`Module`] that the verifier accepts; [`compile`] goes all the way from the
//! text.
//!
//! Read in this order: `forms`, what each form becomes; `function`, expressions and registers;
//! `calls`, `jumps`, `form` and `branch`, what their names say; `state`, fields; `emit`, words.
//!
//! # What is generated
//!
//! - A behaviour ends with `end`, a program and any other function with `ret`; outputs are made by
//!   the `reply` form alone.
//! - `nop` stands in programs between the top-level steps and at the heads of loops, where a
//!   schedule may count.
//! - `(ask o v)` is `call`, `jnothing` and `unjust`; the error is made after the end of the
//!   function.
//! - A field that is read is `getstate`, a comparison with `()` and one instruction for the item;
//!   one that was just set is taken from its register.
//! - `transaction` has no handler of its own: a fault that leaves the frame that began a
//!   transaction drops it, and so does one that a handler from before the transaction catches.
//! - A module declares the capabilities of its text and those that programs have unless they are
//!   taken away; otherwise calling it would take them away.

mod branch;
mod calls;
mod constant;
mod emit;
mod form;
mod forms;
mod function;
mod jumps;
mod page;
mod places;
mod scan;
mod state;

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use avm_lang::Modules;
use avm_lang::core::{EntryKind, FunctionId, Kind, Unit};
use avm_lang::diagnostic::{Diagnostic, sort};
use avm_lang::dialect::Dialect;
use avm_lang::names::Names;
use avm_lang::span::Span;

use crate::code::table::{Cap, ROWS as OPCODES};
use crate::code::verify::NAME_MAX;
use crate::code::{Export, ExportKind, Function, Module, VerifyError, row_of, verify, word};
use constant::{Constant, Pool};
use forms::ROWS;
use function::{Body, Exit};
pub use page::page;
pub use places::Places;

/// What the language must know of the machine.
#[must_use]
pub fn dialect() -> Dialect {
    Dialect {
        forms: ROWS.iter().map(|row| row.info).collect(),
        rules: include_str!("compile/rules.avm"),
        prelude: include_str!("compile/prelude.avm"),
    }
}

/// A module and what else is known of its text.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What runs.
    pub module: Module,
    /// What it was made of.
    pub unit: Unit,
    /// What is likely not what is meant, by place.
    pub warnings: Vec<Diagnostic>,
    /// What names mean, for editors.
    pub names: Names,
}

/// Compiles a text, which spans call `file`, with what it imports from `modules`.
///
/// # Errors
/// Everything that is wrong with it, warnings among it, by place.
pub fn compile(
    source: &str,
    file: u32,
    modules: &dyn Modules,
) -> Result<Compiled, Vec<Diagnostic>> {
    let found = avm_lang::compile(source, file, &dialect(), modules);
    let mut diagnostics = found.diagnostics;
    let Some(unit) = found.unit else {
        return Err(diagnostics);
    };
    match module(&unit, &Places::new(file, source)) {
        Ok(module) => Ok(Compiled {
            module,
            unit,
            warnings: diagnostics,
            names: found.names,
        }),
        Err(error) => {
            diagnostics.push(error.diagnostic());
            sort(&mut diagnostics);
            Err(diagnostics)
        }
    }
}

/// Why a unit has no module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct CompileError {
    /// Where.
    pub span: Span,
    /// What.
    pub problem: Problem,
}

impl CompileError {
    fn at(span: Span, problem: Problem) -> Self {
        Self { span, problem }
    }

    /// The same as the language says it.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::error(CODE, self.span, self.to_string())
    }
}

/// What is wrong with something that the language accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// More registers than a function has.
    #[error("more values are alive at once than the 250 a function can hold")]
    TooManyValues,
    /// Expressions inside of each other.
    #[error("expressions stand too deep in each other")]
    TooDeep,
    /// A jump or function that is too long.
    #[error("the function is too long")]
    TooLong,
    /// More constants than a module has.
    #[error("the module has more than 65,535 different constants")]
    TooManyConstants,
    /// More functions than a module has.
    #[error("the module has more than 65,535 functions")]
    TooManyFunctions,
    /// A constant that is no value.
    #[error("the constant is no value: {0}")]
    Constant(String),
    /// The name of a controller or machine.
    #[error("the name of a controller or machine has 1 to 64 bytes, this one {}", .0.len())]
    Name(String),
    /// A name that is not known before the program runs.
    #[error("`{0}` takes a text that is written there")]
    Literal(String),
    /// A key without a value.
    #[error("keys and values come in twos")]
    Pairs,
    /// Too many or too few arguments.
    #[error("`{name}` with {got} arguments, it takes {want}")]
    Arguments {
        /// What is called.
        name: String,
        /// How many it got.
        got: usize,
        /// How many it takes, at least.
        want: usize,
    },
    /// Two exports of one name.
    #[error("`{0}` is offered twice")]
    Twice(String),
    /// The core form is not what it should be.
    #[error("the core form has {0}")]
    Core(&'static str),
    /// The verifier refuses the result.
    #[error("the module is refused: {0}")]
    Refused(VerifyError),
}

/// The controller of new objects.
#[derive(Clone, Debug)]
enum Controller {
    Known(Constant),
    Computed(FunctionId),
}

/// Code of what the compiler finds after the language.
const CODE: &str = "E020";

/// What is common to the functions of a module.
struct Context<'u> {
    unit: &'u Unit,
    pool: Pool,
    controller: Option<Controller>,
}

/// The module of a unit, verified.
///
/// # Errors
/// [`CompileError`] for what the language accepts and the bytecode has no room for, and for core
/// forms that break the rules of [`avm_lang::core`].
pub fn module(unit: &Unit, places: &Places) -> Result<Module, CompileError> {
    let whole = |problem| CompileError::at(Span::default(), problem);
    if unit.functions.len() > usize::from(u16::MAX) {
        return Err(whole(Problem::TooManyFunctions));
    }
    let mut context = Context {
        unit,
        pool: Pool::default(),
        controller: None,
    };
    context.controller = controller(&mut context)?;
    let mut functions = Vec::with_capacity(unit.functions.len());
    for (id, function) in (0u32..).zip(&unit.functions) {
        let entry = unit.entries.iter().find(|entry| entry.function == id);
        let kind = entry.map(|entry| entry.kind);
        let exit = match kind {
            Some(EntryKind::Behaviour) => Exit::End,
            _ => Exit::Return,
        };
        let marks = matches!(kind, Some(EntryKind::Program | EntryKind::Intent));
        let compiled = function::compile(&mut context, function, exit, marks)?;
        let small = |n: u32| {
            let fits = u8::try_from(n).ok();
            fits.ok_or(CompileError::at(function.span, Problem::TooManyValues))
        };
        functions.push(Function {
            name: short(&function.name),
            arity: small(function.params)?,
            rest: function.rest,
            registers: compiled.registers,
            captures: small(function.captures)?,
            pure: false,
            places: compiled.spans.iter().map(|span| places.of(*span)).collect(),
            words: compiled.words,
        });
    }
    let module = Module {
        name: unit.name.clone(),
        constants: constants(&context.pool).map_err(whole)?,
        functions: pure(functions, unit),
        exports: exports(unit)?,
        caps: caps(unit),
    };
    verify(&module).map_err(|error| whole(Problem::Refused(error)))?;
    Ok(module)
}

/// The controller that `(default-controller e)` says.
fn controller(context: &mut Context<'_>) -> Result<Option<Controller>, CompileError> {
    let clause = context
        .unit
        .clauses
        .iter()
        .find(|(name, _)| name == "default-controller");
    let Some((_, id)) = clause else {
        return Ok(None);
    };
    let Some(function) = context.unit.functions.get(*id as usize) else {
        let problem = Problem::Core("a clause without a function");
        return Err(CompileError::at(Span::default(), problem));
    };
    let known = Body::new(context, function, Exit::Return).constant(&function.body)?;
    Ok(Some(match known {
        Some(constant) => Controller::Known(constant),
        None => Controller::Computed(*id),
    }))
}

/// A name that fits.
fn short(name: &str) -> String {
    let mut end = name.len().min(NAME_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

fn constants(pool: &Pool) -> Result<Vec<crate::value::Val>, Problem> {
    pool.constants.iter().map(Constant::value).collect()
}

/// Marks the functions that pure entries are made of.
fn pure(mut functions: Vec<Function>, unit: &Unit) -> Vec<Function> {
    let pure = unit
        .entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::Pure);
    let mut open: Vec<usize> = pure.map(|entry| entry.function as usize).collect();
    let mut seen = vec![false; functions.len()];
    while let Some(at) = open.pop() {
        if seen.get(at) != Some(&false) {
            continue;
        }
        seen[at] = true;
        let function = &mut functions[at];
        function.pure = function
            .words
            .iter()
            .all(|word| row_of(word::op(*word)).is_some_and(|row| row.pure));
        open.extend(function.words.iter().filter_map(|word| callee(*word)));
    }
    functions
}

/// The function that a word names.
fn callee(word: u32) -> Option<usize> {
    use crate::code::op;
    matches!(word::op(word), op::CALLF | op::TAILF | op::CLOSURE)
        .then(|| usize::from(word::bx(word)))
}

fn exports(unit: &Unit) -> Result<Vec<Export>, CompileError> {
    let mut exports: Vec<Export> = Vec::with_capacity(unit.entries.len());
    for entry in &unit.entries {
        if exports.iter().any(|export| export.name == entry.name) {
            return Err(CompileError::at(
                entry.span,
                Problem::Twice(entry.name.clone()),
            ));
        }
        exports.push(Export {
            name: entry.name.clone(),
            kind: match entry.kind {
                EntryKind::Behaviour => ExportKind::Behaviour,
                EntryKind::Pure => ExportKind::Pure,
                EntryKind::Program => ExportKind::Program,
                EntryKind::Intent => ExportKind::Intent,
                EntryKind::Test => ExportKind::Test,
            },
            function: entry.function,
            fields: entry.fields.clone(),
            deterministic: entry.deterministic,
        });
    }
    exports.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(exports)
}

/// The declared capabilities and those that need no declaration.
fn caps(unit: &Unit) -> Vec<String> {
    let granted = OPCODES.iter().filter_map(|row| match row.cap {
        Cap::Granted(cap) => Some(cap.to_owned()),
        Cap::None | Cap::Declared(_) => None,
    });
    let mut caps: Vec<String> = unit.caps.iter().cloned().chain(granted).collect();
    caps.sort();
    caps.dedup();
    caps
}

/// Whether an expression is a variable or a constant.
fn is_simple(kind: &Kind) -> bool {
    matches!(kind, Kind::Const(_) | Kind::Local(_) | Kind::Closure(..))
}

//! The verifier: what a module must be before the engine runs it. Spec: 25.3.
//!
//! It reads each word once for its shape and then follows each function along its paths, with the
//! set of registers that are defined and the handlers that are installed. No recursion, and a bound
//! on the work.
//!
//! # Registers and calls
//!
//! - At the entry of a function its parameters are defined, registers `0..arity`.
//! - `callf a` has its window at `a`: afterwards the registers after `a` are undefined, and `a` is
//!   the result. `callc a b c` has its window at `b + 1`: afterwards the registers after `b` are
//!   undefined, and `a` is the result, wherever it is. What is before the window stays.
//! - Where paths meet, a register is defined if it is on all of them.
//! - `callf` and `tailf` name functions without captured values; with captured values there is
//!   `closure`.
//!
//! # Handlers
//!
//! `guard a, h` keeps the registers *before* `a` for its handler:
//!
//! - At `h`, the registers before `a` that were defined at the guard are defined, and `a`, which is
//!   the error. Nothing else is, whatever it was before.
//! - Between the guard and its unguard the window of every call is at `a` or after it: `callf` from
//!   `a` on, `callc` with its closure in `a - 1` or after it. So a callee that fails has not written
//!   to what the handler reads. Inside of nested guards this holds for the largest `a` of them.
//! - Instructions other than calls may write registers before `a` inside; the handler sees what was
//!   written last.
//! - At `h` the handler is no longer installed, and those around it are.
//! - Paths that meet have the same handlers installed, from the same guards. There are none at
//!   `ret`, `tailf`, `tailc` and `end`. `raise` and `reject` may be anywhere. At most
//!   [`HANDLERS_MAX`] are installed at once.
//!
//! A compiler gets this by taking for `a` the first register that is free when the guarded
//! expression starts: all that is alive is before it, and all temporaries are after it.

mod error;
mod flow;
mod shape;

pub use error::{VerifyError, WordError};

use super::module::{ExportKind, Function, Module};
use super::table::CAPS_KNOWN;

/// Most functions and most constants of a module; their indexes are 16 bits.
pub const ITEMS_MAX: usize = 65_535;
/// Most words of a function.
pub const WORDS_MAX: usize = 65_535;
/// Most bytes of a name.
pub const NAME_MAX: usize = 64;
/// Most registers of a function.
pub const REGISTERS_MAX: u16 = 256;
/// Most handlers that a function has installed at once.
pub const HANDLERS_MAX: u32 = 64;
/// How often the verifier looks at a word, on average over a function, before it gives up. A pass
/// over a function follows every forward jump; each loop inside of a loop may take one more.
pub const PASSES_MAX: usize = 64;

/// Whether `module` can run.
///
/// # Errors
/// The first rule it breaks, in the order: limits, constants, capabilities, exports, functions.
pub fn verify(module: &Module) -> Result<(), VerifyError> {
    limits(module)?;
    if let Some(index) = module
        .constants
        .iter()
        .position(|value| !value.is_passable())
    {
        return Err(VerifyError::Constant { index });
    }
    caps(module)?;
    exports(module)?;
    for (index, function) in (0u32..).zip(&module.functions) {
        signature(index, function)?;
    }
    for (index, function) in (0u32..).zip(&module.functions) {
        for (at, &word) in (0u32..).zip(&function.words) {
            let checked = shape::check(module, function, at, word);
            checked.map_err(|error| error.at(index, at))?;
        }
        flow::check(module, function).map_err(|(at, error)| error.at(index, at))?;
    }
    Ok(())
}

fn limits(module: &Module) -> Result<(), VerifyError> {
    let limit = |what, got, max| {
        let fits = got <= max;
        fits.then_some(())
            .ok_or(VerifyError::Limit { what, got, max })
    };
    limit("bytes of the module's name", module.name.len(), NAME_MAX)?;
    limit("constants", module.constants.len(), ITEMS_MAX)?;
    limit("functions", module.functions.len(), ITEMS_MAX)?;
    limit("exports", module.exports.len(), ITEMS_MAX)?;
    for function in &module.functions {
        limit("bytes of a function's name", function.name.len(), NAME_MAX)?;
        limit("words of a function", function.words.len(), WORDS_MAX)?;
    }
    for export in &module.exports {
        limit("bytes of an export's name", export.name.len(), NAME_MAX)?;
        limit("fields of a behaviour", export.fields.len(), ITEMS_MAX)?;
        for field in &export.fields {
            limit("bytes of a field's name", field.len(), NAME_MAX)?;
        }
    }
    Ok(())
}

fn caps(module: &Module) -> Result<(), VerifyError> {
    for cap in &module.caps {
        if !CAPS_KNOWN.contains(&cap.as_str()) {
            return Err(VerifyError::UnknownCap { cap: cap.clone() });
        }
    }
    match module.caps.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => Err(VerifyError::CapOrder {
            cap: pair[1].clone(),
        }),
        None => Ok(()),
    }
}

fn exports(module: &Module) -> Result<(), VerifyError> {
    for (at, export) in module.exports.iter().enumerate() {
        let name = || export.name.clone();
        if at > 0 && module.exports[at - 1].name >= export.name {
            return Err(VerifyError::ExportOrder { name: name() });
        }
        let Some(function) = module.functions.get(export.function as usize) else {
            return Err(VerifyError::ExportFunction {
                name: name(),
                function: export.function,
                functions: module.functions.len(),
            });
        };
        if function.captures > 0 {
            return Err(VerifyError::ExportCaptures { name: name() });
        }
        let alone = matches!(export.kind, ExportKind::Behaviour | ExportKind::Test);
        if alone && function.arity > 0 {
            return Err(VerifyError::ExportArity {
                name: name(),
                arity: function.arity,
            });
        }
        if export.kind == ExportKind::Pure && !function.pure {
            return Err(VerifyError::ExportPure { name: name() });
        }
        if export.kind != ExportKind::Behaviour && !export.fields.is_empty() {
            return Err(VerifyError::ExportFields { name: name() });
        }
    }
    Ok(())
}

fn signature(index: u32, function: &Function) -> Result<(), VerifyError> {
    let Function {
        registers, arity, ..
    } = *function;
    if registers == 0 || registers > REGISTERS_MAX {
        return Err(VerifyError::Registers {
            function: index,
            registers,
        });
    }
    if u16::from(arity) > registers {
        return Err(VerifyError::Parameters {
            function: index,
            arity,
            registers,
        });
    }
    if function.rest && arity == 0 {
        return Err(VerifyError::Rest { function: index });
    }
    let (words, places) = (function.words.len(), function.places.len());
    if words == 0 {
        return Err(VerifyError::Empty { function: index });
    }
    if places != 0 && places != words {
        return Err(VerifyError::Places {
            function: index,
            places,
            words,
        });
    }
    Ok(())
}

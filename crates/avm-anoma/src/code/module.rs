//! A module: what one file of bytecode holds.

use alloc::string::String;
use alloc::vec::Vec;

use crate::value::Val;

/// Bytecode with its tables. Spec 25.2.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Module {
    /// Its name.
    pub name: String,
    /// Constants, passable values.
    pub constants: Vec<Val>,
    /// Functions; instructions name them by index.
    pub functions: Vec<Function>,
    /// What it offers by name, in order of names.
    pub exports: Vec<Export>,
    /// Capabilities it declares; a callee runs with no others.
    pub caps: Vec<String>,
}

/// One function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Function {
    /// Its name, for people.
    pub name: String,
    /// Parameters, the one for the rest counted. They are in the first registers.
    pub arity: u8,
    /// Whether the last parameter takes the remaining arguments as a list.
    pub rest: bool,
    /// Registers it uses, 1 to 256.
    pub registers: u16,
    /// Captured values it uses.
    pub captures: u8,
    /// Whether it does nothing but compute; the verifier checks it.
    pub pure: bool,
    /// Its instructions.
    pub words: Vec<u32>,
    /// Line and column of each word in its source, 0 if unknown. Not part of the module's name.
    pub places: Vec<(u32, u32)>,
}

/// Something offered by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ExportKind,
    /// Index of its function.
    pub function: u32,
    /// Names of the state fields of a behaviour.
    pub fields: Vec<String>,
    /// Whether it was declared deterministic.
    pub deterministic: bool,
}

/// What an export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExportKind {
    /// Runs once for each input of an object; no parameters.
    Behaviour,
    /// A pure function.
    Pure,
    /// A program.
    Program,
    /// A program that waits for others.
    Intent,
    /// A test: its value is the pair of what it found and what it expected.
    Test,
}

impl Module {
    /// The function of a pure function that is offered by name.
    #[must_use]
    pub fn pure(&self, name: &str) -> Option<u32> {
        let found = self.exports.iter().find(|export| export.name == name);
        found
            .filter(|export| export.kind == ExportKind::Pure)
            .map(|export| export.function)
    }
}

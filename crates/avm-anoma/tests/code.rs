//! Bytecode: the table, files, the verifier, listings.

#[path = "code/file.rs"]
mod file;
#[path = "code/flow.rs"]
mod flow;
#[path = "code/list.rs"]
mod list;
#[path = "code/table.rs"]
mod table;
#[path = "code/verify.rs"]
mod verify;

use avm_anoma::code::{Export, ExportKind, Function, Module};

/// A function of `words` with four registers.
fn function(arity: u8, words: &[u32]) -> Function {
    Function {
        arity,
        registers: 4,
        words: words.to_vec(),
        ..Function::default()
    }
}

/// A module of one function of `words` with no parameters and four registers.
fn module(words: &[u32]) -> Module {
    Module {
        functions: vec![function(0, words)],
        ..Module::default()
    }
}

fn export(name: &str, kind: ExportKind, function: u32) -> Export {
    Export {
        name: name.to_owned(),
        kind,
        function,
        fields: vec![],
        deterministic: false,
    }
}

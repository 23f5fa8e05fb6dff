//! Bytecode: what programs are compiled to.
//!
//! - [`op`]: the numbers of opcodes; [`word`]: words of an opcode and its operands;
//!   [`table`]: what each opcode does, takes and costs.
//! - [`Module`]: functions, constants and exports; [`file`](mod@file): how a module is written down,
//!   and its name.
//! - [`verify()`]: what a module must be before it runs; the [`verify`](mod@verify) module says
//!   what a compiler has to keep to.
//! - [`build`]: making modules; [`list`]: reading them.
//!
//! Spec: Anoma Virtual Machine, section 25.

pub mod build;
pub mod file;
pub mod list;
mod module;
pub mod op;
mod page;
pub mod table;
pub mod verify;
pub mod word;

pub use build::{BuildError, Builder, Label, ModuleBuilder};
pub use file::{FILE_MAX, ModuleError};
pub use list::listing;
pub use module::{Export, ExportKind, Function, Module};
pub use page::page;
pub use table::{Row, TABLE, infos, row_of};
pub use verify::{VerifyError, WordError, verify};

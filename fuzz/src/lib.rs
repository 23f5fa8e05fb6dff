//! What the fuzz targets check, where the regression tests can reach it.

mod arb;
mod log;

pub use arb::{assembler, machine, program_file};
pub use log::log_reader;

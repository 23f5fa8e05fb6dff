//! What the fuzz targets check, where the regression tests can reach it.

mod arb;
mod log;
mod prove;

pub use arb::{assembler, machine, program_file};
pub use log::log_reader;
pub use prove::prove;

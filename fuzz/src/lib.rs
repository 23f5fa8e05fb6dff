//! What the fuzz targets check, where the regression tests can reach it.

mod anoma;
mod anoma_text;
mod arb;
mod atomicals;
mod atomicals_block;
mod index;
mod log;
mod prove;

pub use anoma::{inputs as anoma_inputs, module as anoma_module};
pub use anoma_text::source as anoma_source;
pub use arb::{assembler, machine, program_file};
pub use atomicals::{
    contract as atomicals_contract, script as atomicals_script, tables as atomicals_tables,
    transaction as atomicals_transaction, wire as atomicals_wire,
};
pub use atomicals_block::block as atomicals_block;
pub use index::index as atomicals_index;
pub use log::log_reader;
pub use prove::prove;

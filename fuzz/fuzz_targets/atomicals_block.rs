//! Any bytes as a block, its transactions and what they ask for.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| avm_fuzz::atomicals_block(bytes));

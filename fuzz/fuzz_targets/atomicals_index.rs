//! Any bytes as a chain of blocks.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| avm_fuzz::atomicals_index(bytes));

//! Any bytes as the tables of a call.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| avm_fuzz::atomicals_tables(bytes));

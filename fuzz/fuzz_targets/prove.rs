//! Any bytes as a proof file.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| avm_fuzz::prove(bytes));

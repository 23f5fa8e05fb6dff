//! Any bytes as a file of a module.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| avm_fuzz::anoma_module(bytes));

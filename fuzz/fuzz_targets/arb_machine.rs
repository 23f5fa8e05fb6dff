//! Any bytes as a program, run by both engines.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| avm_fuzz::machine(bytes));
